"""Places of the head, brain and chest (with what a chest CT shows of neck and abdomen), and their coarse names.

A key is the coarse name of the annotation rule, its value the words: nouns first, adjectives after the bar. Phrases of
several words are written with underscores.
"""

# ruff: noqa: E501  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

ANATOMY: dict[str, str] = {
    "brain": """
        brain cerebrum cerebellum brainstem brain_stem pons medulla midbrain mesencephalon thalamus thalami hypothalamus putamen putamina
        caudate pallidus pallidum ganglia basal_ganglia capsule internal_capsule external_capsule insula operculum uncus hippocampus
        hippocampi amygdala amygdalae fornix cingulum cingulate gyrus gyri sulcus sulci cortex cortices lobe lobes hemisphere hemispheres
        parenchyma vermis tonsil tonsils peduncle peduncles colliculus colliculi tectum tegmentum callosum corpus_callosum splenium
        genu rostrum radiata corona_radiata centrum semiovale centrum_semiovale white_matter gray_matter grey_matter matter
        lentiform nucleus nuclei claustrum commissure pineal pituitary hypophysis infundibulum stalk sella chiasm tract tracts
        precuneus cuneus frontal_lobe operculum mammillary_bodies adenohypophysis neurohypophysis midline neuraxis
        differentiation grey-white gray-white convexity pole watershed territory territories distribution aca mca pca pica aica sca
        plic fossa posterior_fossa cavum supratentorium infratentorium subcortex u-fibers tapetum trigone septum pellucidum
        | cerebral cerebellar frontal parietal temporal occipital insular thalamic pontine medullary brainstem cortical subcortical
        juxtacortical periventricular perivascular subependymal ependymal hippocampal callosal pericallosal capsular gangliocapsular
        striatal striatocapsular putaminal caudate lentiform basal-ganglia opercular perisylvian perirolandic rolandic precentral
        postcentral supratentorial infratentorial tentorial hemispheric lobar parenchymal intraparenchymal intra-axial intraaxial intracerebral
        intracranial frontoparietal frontotemporal temporoparietal temporo-parietal temporooccipital parieto-occipital parietooccipital
        fronto-parietal fronto-temporal occipitotemporal sellar suprasellar parasellar pituitary pineal hypothalamic mesial bifrontal
        bitemporal biparietal bioccipital biparietal cingulate uncal tonsillar subfalcine transtentorial pallidal deep cerebellopontine
        paramedian parasagittal midbrain grey-matter gray-matter white-matter mesiotemporal limbic
        """,
    "ventricles/CSF": """
        ventricle ventricles vents cistern cisterns csf aqueduct horn horns atrium-of-ventricle cisterna magna choroid plexus choroid_plexus
        ventricular_system foramen_of_monro monro septum_pellucidum trigones csf_spaces
        | ventricular intraventricular cisternal basal_cistern transependymal aqueductal ependymal periatrial
        """,
    "extra-axial/meninges": """
        dura meninges falx tentorium leptomeninges pachymeninges arachnoid pia extra-axial_spaces subdural_space convexities planum
        cpa iac iacs cerebellopontine_angle meckel meckel's cave
        | dural subdural epidural extradural subarachnoid extra-axial extraaxial meningeal leptomeningeal pachymeningeal falcine
        tentorial retroclival sulcal interhemispheric parafalcine sylvian
        """,
    "vessels": """
        artery arteries vein veins vessel vessels vasculature aorta ica icas carotid carotids vertebral_artery basilar sinus_venous siphon
        mca_bifurcation acom pcom acomm pcomm circle_of_willis willis svc ivc lad lcx rca trunk arch pa pas root bifurcation flow_void
        void voids venous_sinus venous_sinuses dural_sinuses sigmoid torcula jugular a1 a2 m1 m2 p1 p2 vertebrals labbe v3 v4 ostium branches
        pulmonary_artery pulmonary_arteries great_vessels subclavian brachiocephalic azygos aneurysm-sac annulus lumen tree arterial_tree
        | arterial venous vascular aortic carotid vertebral basilar vertebrobasilar jugular microvascular perivascular
        coronary pulmonary-arterial supraaortic cavoatrial communicating ophthalmic
        """,
    "sinuses/mastoids": """
        sinus sinuses mastoid mastoids antrum antra air_cells cells ethmoid ethmoids sphenoid sphenoids nasopharynx adenoid adenoids
        turbinate turbinates concha osteomeatal ostiomeatal middle_ear ear ears petrous apex-petrous cochlea labyrinth septum-nasal
        sphenoid_sinus tympanic ossicles nose
        | maxillary ethmoidal sphenoidal paranasal nasal nasopharyngeal adenoidal sinonasal otic
        """,
    "orbits": """
        orbit orbits globe globes optic_nerve lens lenses eye eyes lacrimal_gland extraocular_muscles eoms retina optic
        conus intraconal | orbital intraorbital retrobulbar intraconal extraconal ocular preseptal postseptal periorbital lacrimal
        extraocular
        """,
    "bone": """
        floor roof bone bones calvarium calvaria skull vault skull_base base-of-skull clivus mandible maxilla zygoma zygomatic_arch tmj tmjs
        vertebra vertebrae spine rib ribs sternum clavicle clavicles scapula scapulae humerus body bodies vertebral_body endplate
        endplates facet facets disc discs disk marrow diploe suture-line sutures-of-skull condyle condyles odontoid dens c1 c2 atlas process-spinous pedicle
        lamina skeleton osseous_structures bony_structures structures manubrium xiphoid pterygoid pterygoids teeth tooth fontanelle fontanelles
        | osseous bony calvarial vertebral spinal thoracic_spine costal sternal clavicular mandibular zygomatic cranial
        sphenoid_bone temporal_bone skeletal transverse spinous facial coronal_suture craniocervical
        """,
    "soft tissue": """
        scalp soft_tissue soft_tissues tissue tissues skin subcutis fat muscle muscles galea neck-soft parotid parotids breast breasts
        axilla axillae chest_wall wall musculature flank gland glands nipple implant-breast musculus
        | chest thoracic subgaleal subcutaneous extracranial cutaneous muscular axillary mammary parotid intramuscular supraclavicular
        infraclavicular pectoral paraspinal
        """,
    "lung": """
        lung lungs lobe-lung lobes-lung lingula rul rml rll lul lll apex apices base bases segment segments parenchyma-lung
        interstitium fissure fissures airspaces alveoli lobule lobules zone zones hemithorax hemithoraces bibasal airspace subpleura
        upper_lobe lower_lobe middle_lobe | pulmonary lobar segmental subsegmental apical basal basilar bibasilar bibasal biapical
        subpleural peribronchovascular peribronchial parenchymal-lung interlobular intralobular centrilobular
        perihilar perifissural juxtapleural alveolar interstitial posterobasal laterobasal anterobasal mediobasal lingular
        paramediastinal retrocardiac intrapulmonary
        """,
    "airway": """
        airway airways trachea bronchus bronchi bronchiole bronchioles carina larynx pharynx subglottis intermedius
        | tracheal bronchial intraluminal endoluminal endobronchial endotracheal tracheobronchial bronchiolar laryngeal
        """,
    "pleura": """
        pleura pleurae pleural_space pleural_spaces costophrenic costophrenic_angles sulcus-costophrenic diaphragm diaphragms
        hemidiaphragm hemidiaphragms | pleural extrapleural diaphragmatic intrapleural pleuroparenchymal
        """,
    "heart": """
        heart pericardium atrium atria ventricle-heart chamber chambers myocardium septum-cardiac lv rv ra la cardiac_silhouette coronaries
        coronary_arteries appendage valve valves mitral tricuspid apex-heart
        | cardiac pericardial myocardial atrial coronary valvular ventricular-cardiac intracardiac epicardial cardiopulmonary
        cardiomediastinal
        """,
    "mediastinum/hila": """
        mediastinum hilum hila hilus thymus ap_window aortopulmonary_window prevascular_space nodes-station lymph_node lymph_nodes
        | mediastinal hilar bihilar subcarinal paratracheal pretracheal prevascular aortopulmonary paraaortic precarinal
        retrotracheal thymic infrahilar internal_mammary cardiophrenic
        """,
    "esophagus": "esophagus oesophagus oesoph gastroesophageal_junction gej | esophageal oesophageal paraesophageal hiatal",
    "neck/thyroid": "thyroid neck parathyroid isthmus tonsils-palatine airway-neck | thyroidal cervical submandibular",
    "upper abdomen": """
        abdomen liver spleen pancreas kidney kidneys adrenal adrenals gallbladder stomach bowel colon duodenum biliary_tree
        ducts duct cbd portal_vein mesentery omentum peritoneum retroperitoneum ureter ureters
        | hepatic splenic pancreatic renal biliary gastric abdominal colonic perihepatic perisplenic perirenal portal celiac
        upper_abdominal intrahepatic extrahepatic retroperitoneal mesenteric intraabdominal intra-abdominal
        """,
    "cord/spine": "cord spinal_cord canal conus-medullaris foramen_magnum foramen foramina craniocervical_junction cervicomedullary cauda "
    "thecal_sac | cervicomedullary foraminal craniovertebral",
    "nerves": "nerve nerves cranial_nerve cranial_nerves root-entry facial_nerve trigeminal | trigeminal vestibular cochlear",
}
