"""Nouns that name a finding, and groups of them that mean the same.

Every word is a head noun in the singular; plurals are found by :func:`itemclip_med.reports.tokens.singular`. Words in
no list are still read: :data:`FINDING_SUFFIXES` knows how medicine builds its names.
"""

# ruff: noqa: E501, SIM905  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

# One line, one concept: the first word names it. Words of a line merge when places agree.
CONCEPTS: tuple[str, ...] = (
    "hemorrhage haemorrhage bleed bleeding blood hemorrhages hemorrage ich iph ivh sah",
    "hematoma haematoma sdh edh",
    "microhemorrhage microhaemorrhage microbleed cmb",
    "infarct infarction stroke infarcts",
    "lacune lacunar",
    "ischemia ischaemia",
    "collection fluid",
    "hygroma",
    "edema oedema",
    "swelling",
    "atrophy involution",
    "gliosis",
    "encephalomalacia",
    "hydrocephalus ventriculomegaly nph",
    "herniation descent ectopia",
    "shift mls",
    "effacement",
    "compression",
    "contusion",
    "pneumocephalus",
    "siderosis",
    "aneurysm",
    "malformation avm",
    "fistula",
    "stenosis narrowing stricture",
    "occlusion obstruction",
    "thrombosis thrombus clot",
    "dissection flap",
    "vasospasm",
    "embolism embolus emboli embolization pe",
    "defect",
    "mass tumor tumour neoplasm growth malignancy cancer carcinoma sol",
    "metastasis metastases mets met",
    "meningioma", "glioma", "glioblastoma gbm", "schwannoma", "adenoma", "microadenoma", "macroadenoma",
    "craniopharyngioma", "lymphoma", "hamartoma", "hemangioma haemangioma", "cavernoma", "lipoma",
    "lesion lesions",
    "nodule nodularity nodulation",
    "micronodule",
    "granuloma",
    "cyst",
    "pseudocyst",
    "mucocele",
    "polyp polyposis",
    "abscess empyema",
    "cavity cavitation",
    "cerebritis", "ventriculitis", "meningitis", "encephalitis", "sinusitis", "mastoiditis otomastoiditis", "neuritis",
    "vasculitis", "pneumonitis", "bronchiolitis", "bronchitis", "pancreatitis", "cholecystitis", "esophagitis",
    "demyelination plaque plaques",
    "hyperintensity hyperintensities",
    "hypointensity", "hyperdensity hyperattenuation hyperdensities",
    "hypodensity hypoattenuation hypodensities lucency lucencies",
    "susceptibility blooming",
    "enhancement",
    "diffusion",
    "calcification calcifications calcium",
    "leukoaraiosis microangiopathy leukoencephalopathy",
    "heterotopia", "dysplasia", "polymicrogyria", "lissencephaly", "schizencephaly", "agenesis dysgenesis hypogenesis",
    "fracture fx fractures",
    "dislocation subluxation",
    "deformity",
    "osteophyte spondylosis osteophytosis",
    "degeneration",
    "sclerosis", "osteopenia demineralization osteoporosis", "hyperostosis", "scoliosis", "kyphosis", "erosion",
    "effusion effusions",
    "pneumothorax ptx pneumothoraces", "hydropneumothorax", "hemothorax haemothorax", "chylothorax",
    "pneumomediastinum", "pneumopericardium", "hemopericardium haemopericardium", "emphysema",
    "bulla bullae bleb", "consolidation consolidations airspace", "opacity opacification opacities ggo",
    "infiltrate infiltration infiltrates", "pneumonia bronchopneumonia", "atelectasis collapse", "bronchiectasis", "honeycombing",
    "reticulation retic", "fibrosis", "scarring scar", "plugging plug", "thickening", "edema oedema",
    "lymphadenopathy adenopathy", "node nodes ln",
    "cardiomegaly", "dilatation dilation ectasia", "enlargement", "hypertrophy", "hernia", "goiter goitre",
    "atherosclerosis atheroma plaque", "stone calculus calculi gallstone cholelithiasis nephrolithiasis",
    "steatosis", "cirrhosis", "splenomegaly", "hepatomegaly", "hydronephrosis", "ascites", "diverticulum diverticula",
)  # fmt: skip

# Further head nouns of findings that stand for themselves.
FINDING_WORDS: frozenset[str] = frozenset(
    """
    abnormality abnormalities anomaly anomalies aberration absence adhesion aeration-loss amyloidosis angiopathy
    angioma aplasia arachnoiditis arthritis arthropathy arthrosis artery-sign aspiration asymmetry avulsion
    band bands biloma blunting bowing breakdown bronchocele bulge bulging caries cast cellulitis cholangitis
    cholesteatoma chordoma chondroma cleft coarctation colitis colobomas cords cranioschisis craniosynostosis crowding
    cupping debris defects dehiscence density densities dermoid desiccation destruction deviation devascularization
    dilatation disease diseases disorder displacement disruption distension distention distortion duplication dz
    elevation elongation endplate-change enchondroma engorgement enostosis ependymoma epidermoid erosions exostosis
    expansion exophthalmos extension extravasation exudate failure fibroma fibromatosis finding-of fissuring flaring flattening
    foci focus foreign-body fusion gas globus-change gyration haemangioblastoma halo heaping hematomata hemangioblastoma
    hemosiderin haemosiderin hernias hyperaemia hyperemia hyperinflation hyperplasia hypertension hypoplasia impaction impingement
    incarceration indentation infection inflammation injury injuries insufficiency intensity interruption invasion
    intussusception irregularity irregularities kinking kyphoscoliosis laceration lacerations lacunes laryngocele
    leak leakage levoscoliosis dextroscoliosis lipohemarthrosis lipomatosis listhesis locule locules loss lordosis
    malacia malalignment malignancies malrotation mastopathy megacisterna migration moyamoya mucosal-disease myeloma myelolipoma
    myelopathy necrosis neoplasms nephropathy neurofibroma nidus nonunion obliteration oligodendroglioma
    opacities ossification osteolysis osteoma osteomyelitis ozena pannus paralysis paresis parenchymal-change pathology
    perforation phlegmon plaque plaques pneumatocele pneumatosis pneumobilia pneumoconiosis pneumonias pneumoperitoneum
    pneumorrhachis pneumatization-defect porencephaly process progression prolapse prominence proptosis protrusion
    pseudoaneurysm pseudotumor pouch rarefaction recurrence redundancy reflux regurgitation remnant remodeling remodelling residue
    retention retraction rind rotation rupture sacralization saponification sarcoidosis sarcoma secretion secretions
    seeding septation sequela sequelae sequestration shunting sign silicosis situs-inversus soot splaying spread spur spurring
    stigmata stranding strain stump-leak subluxations sulcal-widening swelling syringomyelia syrinx tear teratoma thinning
    thymoma thrombi thyromegaly tortuosity toxoplasmosis tracheomalacia tracheobronchomalacia trapping trauma tuber tubercle
    tuberculoma tuberculosis tumefaction ulcer ulceration uncovering unroofing vacuolation variant varices varix
    outpouching outpouchings bullosa lae rae lvh rvh vegetation vegetations volvulus wall-thickening web widening xanthogranuloma
    attenuation-pattern pattern mosaic splenule splenosis trace hypoenhancement hyperenhancement hypermetabolism
    cardiomyopathy cholelithiasis nephrolithiasis urolithiasis sludge pericarditis myocarditis tendinopathy bursitis
    tamponade overload congestion hilar-enlargement steal dropout extravasate haziness hyperlucency hypolucency
    deposit deposits hypermyelination hypomyelination dysmyelination leukodystrophy leukomalacia holoprosencephaly
    microcephaly macrocephaly megalencephaly brachycephaly plagiocephaly scaphocephaly trigonocephaly cephalocele encephalocele
    meningocele myelomeningocele hemimegalencephaly craniostenosis platybasia invagination hypotension pseudoprogression
    ventriculostomy-tract duret coning tonsil-descent entrapment dilatations intravasation
    infundibulum-dilatation fenestration looping ectasias microaneurysm microadenomas conversion transformation
    deviation-septum spicule conchabullosa hypoinflation overinflation dependent-change crazy-paving tree-in-bud
    """.split()
)

# What is put into or done to a patient: an item each, and present even where "post-operative".
DEVICE_WORDS: frozenset[str] = frozenset(
    """
    tube tubes catheter catheters line lines lead leads pacemaker icd defibrillator stent stents coil coils clip clips
    drain drains shunt shunts ventriculostomy evd wire wires screw screws plate plates rod rods mesh prosthesis
    prostheses implant implants port ports reservoir electrode electrodes stimulator pump graft grafts
    cannula cannulas filter filters device devices hardware staple staples suture sutures ett ngt picc cvc iabp ecmo swan
    ganz dobhoff port-a-cath portacath mediport loop recorder tracheostomy gastrostomy tac trach vad lvad impella
    craniotomy craniectomy hemicraniectomy cranioplasty burr burrhole mastectomy lobectomy pneumonectomy sternotomy thoracotomy
    segmentectomy wedge cabg bypass cholecystectomy splenectomy nephrectomy thyroidectomy laminectomy vertebroplasty kyphoplasty
    resection mastoidectomy ethmoidectomy antrostomy clearance dissection-axillary anastomosis repair fixation replacement
    replacements surgery embolisation coiling clipping lumpectomy esophagectomy gastrectomy transplant pleurodesis
    pledget pledgets seeds beads marker fiducial fiducials spacer expander balloon airway tip ommaya nail cage anchor
    """.split()
)

# Endings that build the names of findings (-oma, -itis …); checked on words in no list.
FINDING_SUFFIXES: tuple[str, ...] = (
    "itis", "oma", "omas", "omata", "osis", "oses", "iasis", "ectasis", "ectasia", "ectasias", "megaly", "pathy",
    "pathies", "plasia", "trophy", "rrhage", "rrhages", "malacia", "cele", "celes", "emia", "aemia", "ectomy",
    "ectomies", "otomy", "ostomy", "plasty", "pexy", "desis", "thorax", "thoraces", "pericardium-air", "stenosis",
    "lithiasis", "sclerosis", "necrosis", "genesis", "schisis", "lysis", "listhesis", "ptosis", "penia", "porosis",
    "phyte", "phytes", "cephaly", "gyria", "density", "densities", "intensity", "intensities", "attenuation", "cytosis", "graphy-defect",
)  # fmt: skip

# Words with such an ending that name no finding.
NOT_FINDINGS: frozenset[str] = frozenset(
    """
    parenthesis symphysis apophysis epiphysis diaphysis metaphysis hypophysis pericardium stroma thorax mesothorax diagnosis
    prognosis hypothesis anamnesis basis axis neck pelvis pubis glottis epiglottis penis arthrosis-joint density intensity attenuation
    endothorax hemithorax hemithoraces synthesis analysis tomography radiography
    angiography coma aponeurosis anastomosis soma metastasis-survey pneumatization soft-tissue-density isodensity isointensity
    """.split()
)

# Adjectives that make one noun into different diseases: "pleural or pericardial effusion" is two findings.
# Each row: the modifiers | the nouns they are made for.
DISEASE_MODIFIERS: tuple[tuple[str, str], ...] = (
    (
        "subdural epidural extradural subarachnoid intraventricular intraparenchymal parenchymal intracerebral "
        "intra-axial extra-axial extraaxial intraaxial subgaleal intramural cephalohematoma retroplacental",
        "hemorrhage hematoma haemorrhage haematoma bleed blood bleeding collection fluid hygroma effusion extension gas",
    ),
    ("pleural pericardial peritoneal joint parapneumonic", "effusion fluid thickening calcification collection"),
    ("hiatal inguinal umbilical ventral diaphragmatic paraesophageal incisional", "hernia"),
    ("renal ureteral ureteric biliary bladder gallbladder", "stone calculus calculi cyst"),
    ("mitral aortic tricuspid pulmonic", "stenosis regurgitation"),
)

# What makes a finding of the place behind it: "tortuous vessels", "prosthetic valve".
ABNORMAL_ADJECTIVES = frozenset(
    """
    empty tortuous heterogeneous hyperinflated flattened crowded prosthetic mechanical bioprosthetic dysplastic bulbous
    bifid patulous cystic clubbed splayed duplicated accessory aberrant unfolded cachectic echogenic fatty
    """.split()
)

# Participles that say what a noun would: "the orbit is fractured".
PARTICIPLES: dict[str, str] = {
    "fractured": "fracture",
    "dilated": "dilatation",
    "thickened": "thickening",
    "calcified": "calcification",
    "effaced": "effacement",
    "compressed": "compression",
    "displaced": "shift",
    "shifted": "shift",
    "deviated": "shift",
    "narrowed": "stenosis",
    "occluded": "occlusion",
    "opacified": "opacity",
    "enlarged": "enlargement",
    "collapsed": "atelectasis",
    "herniated": "herniation",
    "thrombosed": "thrombosis",
    "atrophic": "atrophy",
    "edematous": "edema",
    "oedematous": "edema",
    "ectatic": "dilatation",
    "consolidated": "consolidation",
    "stenosed": "stenosis",
    "stenotic": "stenosis",
    "hypoplastic": "hypoplasia",
    "prominent": "prominence",
    "aneurysmal": "aneurysm",
    "emphysematous": "emphysema",
    "displacement": "shift",
    "infarcted": "infarct",
    "swollen": "edema",
    "volume": "atrophy",
}

# A sign and what it may turn out to be: an impression that names the diagnosis speaks of the sign in the findings.
# Each row: signs | diagnoses.
DIAGNOSES: tuple[tuple[str, str], ...] = (
    (
        "consolidation opacity infiltrate nodularity tree-in-bud airspace",
        "pneumonia bronchopneumonia covid aspiration infection infarct pneumonitis bronchiolitis",
    ),
    (
        "mass lesion nodule focus density",
        "meningioma glioma glioblastoma schwannoma adenoma microadenoma macroadenoma craniopharyngioma "
        "tumor tumour neoplasm malignancy cancer carcinoma metastasis lymphoma hemangioma haemangioma cavernoma lipoma abscess "
        "granuloma hamartoma cyst tuberculoma recurrence mass lesion nodule aneurysm teratoma thymoma sarcoma "
        "chordoma ependymoma medulloblastoma astrocytoma epidermoid dermoid neurofibroma hemangioblastoma goiter tuberculosis",
    ),
    (
        "hyperintensity hypodensity hypoattenuation leukoaraiosis focus signal change",
        "microangiopathy ischemia ischaemia disease demyelination infarct infarction leukoaraiosis gliosis contusion sclerosis",
    ),
    ("hyperintensity hypointensity hypodensity focus", "abnormality signal lesion"),
    ("hyperdense hyperattenuating", "hemorrhage haemorrhage hematoma haematoma bleed blood"),
    ("effacement compression crowding narrowing", "effect effacement compression crowding"),
    ("diffusion signal hypodensity hypoattenuation", "infarct infarction ischemia ischaemia stroke"),
    ("ectopia descent herniation", "chiari"),
    ("defect filling", "embolism embolus emboli thrombus thrombosis pe infarct"),
    ("hyperdensity hyperattenuation density", "hemorrhage haemorrhage hematoma haematoma aneurysm calcification blood bleed thrombosis"),
    ("collection", "hematoma haematoma hygroma abscess empyema"),
    ("blood hemorrhage haemorrhage", "hematoma haematoma hemorrhage"),
    ("hematoma haematoma", "hemorrhage haemorrhage bleed"),
    ("lesion hypodensity node", "metastasis malignancy"),
    ("susceptibility artifact blooming", "siderosis microhemorrhage microbleed hemorrhage cavernoma"),
    ("enhancement", "neuritis ventriculitis meningitis metastasis carcinomatosis tumor recurrence"),
    ("thickening", "carcinomatosis spread edema fibrosis mesothelioma sinusitis esophagitis"),
    ("volume hippocampus small atrophy", "sclerosis atrophy"),
    ("reticulation honeycombing", "fibrosis uip ild"),
    ("enlarged dilated dilatation enlargement prominence", "hypertension cardiomegaly aneurysm hydrocephalus prominence enlargement dilatation"),
    ("cavity", "tuberculosis abscess malignancy"),
    ("fluid effusion opacification", "otomastoiditis mastoiditis sinusitis effusion"),
    ("filling occlusion", "thrombosis occlusion"),
    ("restriction", "infarct infarction ischemia abscess"),
    ("tangle nidus", "malformation avm"),
    ("stone", "cholelithiasis nephrolithiasis gallstone"),
    ("suture sutures fused fusion", "synostosis craniosynostosis"),
    ("loss lucency", "fracture infarct infarction atrophy"),
)  # fmt: skip
