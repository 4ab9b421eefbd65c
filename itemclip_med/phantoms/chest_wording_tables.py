"""How radiologists say it: the wordings of chest CT reports, as templates of :mod:`phrases`. All wordings are our own.

Slots are those of :func:`chest_wording.describe`. A table is named after its finding, or after finding and kind.
"""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

NOUN_PHRASES: dict[str, tuple[str, ...]] = {
    "Arterial wall calcification": (
        "{degree} [atherosclerotic|calcified|] plaques in the [thoracic aorta|aortic arch and descending aorta]",
        "{degree} [atherosclerotic calcifications|calcific atherosclerosis|atheromatous calcifications] of the [thoracic aorta|aorta|aortic wall|aortic arch]",
        "[wall calcifications|calcified atheroma|calcific plaques] [in|along] the [aortic arch|thoracic aorta|aortic wall]",
        "[arterial wall calcifications|vascular calcifications] [in the thoracic aorta|involving the aorta|]",
        "{degree} aortic [calcification|atherosclerosis|wall calcification]",
        "calcified [atherosclerotic|atheromatous] changes in the wall of the [aorta|thoracic aorta]",
    ),
    "Cardiomegaly": (
        "{degree} cardiomegaly", "{degree} [cardiac enlargement|enlargement of the heart]", "cardiomegaly",
        "{degree} enlargement of the cardiac silhouette",
        "[increased cardiothoracic ratio|increased heart size][, consistent with cardiomegaly|]",
    ),
    "Pericardial effusion": (
        "{degree} pericardial effusion{sized}", "{degree} [pericardial fluid|fluid in the pericardial space]{sized}",
        "pericardial effusion[ measuring {thick} in thickness| up to {thick} in thickness]",
        "a@ {thick} pericardial effusion", "[circumferential|] pericardial effusion[ of {degree_of} amount|]",
    ),
    "Coronary artery wall calcification": (
        "{degree} coronary artery calcification[s|]", "{degree} [calcific plaques|calcified plaques|calcifications] in the {vessel}",
        "[calcified|] atherosclerotic [plaques|changes] in the coronary arteries", "{degree} coronary [arterial|artery] wall calcification",
        "[coronary calcification|calcification of the coronary arteries][, most in the {vessel}|]",
        "calcific atheroma of the [coronary arteries|{vessel}]",
    ),
    "Hiatal hernia": (
        "{degree} [sliding|] hiatal hernia{sized}", "{degree} [hiatus|hiatal] hernia", "[herniation|protrusion] of the stomach through the esophageal hiatus",
        "{degree} [hiatal hernia|sliding hernia] with [part of the stomach|the gastric fundus] above the diaphragm",
        "[intrathoracic|herniated] [gastric fundic pouch|proximal stomach] in the retrocardiac space, [consistent with|representing] a hiatal hernia",
    ),
    "Lymphadenopathy": (
        "[enlarged|pathologically enlarged] {station} lymph node[s|]{short}", "{station} lymphadenopathy{short}",
        "{station} lymph nodes[ measuring| measuring up to|, the largest measuring] {size} in short axis",
        "{station} [adenopathy|lymph node enlargement]{short}", "[bulky|enlarged|prominent] {station} [nodes|lymph nodes]{short}",
        "a@ {size} {station} lymph node",
    ),
    "Emphysema": (
        "{degree} {kind} emphysema[ in the {zone}|]", "[emphysematous changes|{kind} emphysematous changes] in the {zone}",
        "{degree} emphysema[, most in the {zone}| predominantly in the {zone}|]", "{degree} {zone_adj} predominant [{kind}|] emphysema",
        "[areas|foci] of {kind} emphysema[ in both lungs| in the {zone}|]", "[diffuse|] emphysematous [destruction|changes] of the [lungs|lung parenchyma]",
    ),
    "Atelectasis linear": (
        "[linear|plate-like|band-like|discoid|subsegmental] atelectasis in {the_place}", "[linear|subsegmental|platelike] atelectatic [changes|bands] in {the_place}",
        "{side} {lobe_adj} [subsegmental|linear] atelectasis", "[minor|mild|] atelectasis in {the_place}", "a@ band of atelectasis in {the_place}",
    ),
    "Atelectasis dependent": (
        "[dependent|posterior basal|dependent basal] atelectasis in {the_place}", "[dependent|posterior] atelectatic changes in {the_place}",
        "{basal} [dependent|] atelectasis", "[mild|] dependent atelectasis [at the lung bases|in {the_place}]",
    ),
    "Atelectasis compressive": (
        "[compressive|passive|relaxation] atelectasis [of|in] {the_place}", "[compressive|adjacent] atelectatic changes in {the_place}",
        "[partial collapse|volume loss with atelectasis] of {the_place}", "{basal} [compressive|passive] atelectasis", "atelectasis of {the_place}",
    ),
    "Lung nodule": (
        "a@ {size} {kind} [pulmonary|lung|] nodule in {the_place}", "{kind} [pulmonary|] nodule in {the_place}[, measuring {size}| measuring {size}|]",
        "{kind} [nodular lesion|nodule] [measuring {size}|of {size}] [in|within] {the_place}", "a@ {kind} nodule [measuring|of] {size} in {the_place}",
        "[rounded|] {kind} [lung|pulmonary] nodule [in|within] {the_place}{sized}", "a@ {size} [subpleural|parenchymal|] {kind} nodule in {the_place}",
    ),
    "Lung nodules": (
        "[multiple|several|a few] {kind} [pulmonary|lung|] nodules[, the largest measuring {size} in {the_place}|, the largest {size} in {the_place}]",
        "{num} {kind} [pulmonary|lung|] nodules[, up to {size}|, measuring up to {size}| measuring up to {size}|]",
        "{kind} nodules in {all_places}, the largest in {the_place}{sized}", "[scattered|several] {kind} [pulmonary|] nodules in {all_places}[, up to {size}|]",
    ),
    "Lung opacity": (
        "{patchy} [ground-glass|ground glass] opacities in {the_place}", "[areas|patches|foci] of [ground-glass|ground glass] [attenuation|opacity|density] in {the_place}",
        "{patchy} [hazy|ill-defined] [opacities|increased attenuation] in {the_place}", "[ground-glass|hazy] density increases in {the_place}",
        "{patchy} ground-glass [infiltrates|opacification] in {the_place}", "{side_of} [ground-glass|hazy] [opacities|opacification]",
    ),
    "Pulmonary fibrotic sequela apical": (
        "{apical} [pleuroparenchymal|fibrotic|] scarring", "[fibrotic sequelae|sequela fibrotic changes|pleuroparenchymal sequelae] in {the_place}",
        "{apical} [fibrotic|pleuroparenchymal fibrotic] [changes|sequelae]", "pleuroparenchymal [fibrotic|] scarring at {the_place}",
    ),
    "Pulmonary fibrotic sequela band": (
        "[fibrotic|parenchymal|sequela] bands in {the_place}", "[linear|band-like] [fibrotic sequela|scarring|fibrosis] in {the_place}",
        "[fibrotic|sequela] changes in {the_place}[, residual in nature|, with mild volume loss|]", "[residual|old|chronic] [scarring|fibrotic change] in {the_place}",
    ),
    "Pulmonary fibrotic sequela reticular": (
        "[subpleural|peripheral] [reticulation|reticular opacities] in {the_place}[, consistent with fibrosis|]", "[mild|] [subpleural|basal] [fibrosis|fibrotic changes] in {the_place}",
        "[basal|lower zone] predominant [pulmonary fibrosis|fibrotic changes]", "[fibrotic|reticular] [changes|densities] [along the pleura|under the pleura] of {the_place}",
    ),
    "Pulmonary fibrotic sequela honeycomb": (
        "[subpleural|basal] honeycombing[ and reticulation|] in {the_place}", "[subpleural|] honeycomb [cysts|change] in {the_place}[, consistent with advanced fibrosis|]",
        "pulmonary fibrosis with [honeycombing|honeycomb change] in {the_place}", "[fibrotic|end-stage fibrotic] changes with honeycombing in {the_place}",
    ),
    "Pleural effusion": (
        "{degree} {side} pleural effusion{sized}", "{degree} [free|] [pleural effusion|pleural fluid] on the {side}", "{side_of} pleural effusion{sized}",
        "{side} pleural effusion[ measuring {thick} in thickness| reaching {thick} in depth| up to {thick}|]", "[fluid|{degree} fluid] in the {side} pleural space{sized}",
        "{side} pleural effusion",
    ),
    "Pleural effusion bilateral": (
        "{degree} bilateral pleural effusions[, larger on the {larger}|]", "bilateral pleural [effusions|fluid][, more on the {larger}|{sized}]",
        "[bilateral|free bilateral] pleural effusions[ measuring up to {thick}| up to {thick} on the {larger}|]",
    ),
    "Mosaic attenuation pattern": (
        "mosaic [attenuation|perfusion] [pattern|] in {the_place}", "[mosaic attenuation|a mosaic pattern] of [the lung parenchyma|the lungs|both lungs]",
        "[patchy|geographic] areas of [differing|heterogeneous] attenuation in {the_place}, [consistent with|in keeping with] a mosaic pattern",
        "mosaic attenuation pattern[ in {the_place}|, suggesting small airway disease|]", "[diffuse|heterogeneous] mosaic [attenuation|density differences]",
    ),
    "Peribronchial thickening": (
        "[peribronchial|bronchial wall] thickening in {the_place}", "[diffuse|mild|] [peribronchial|bronchial wall] thickening", "thickening of the bronchial walls in {the_place}",
        "[peribronchial cuffing|peribronchial thickening] in {the_place}", "thickened bronchial walls in {the_place}", "[increased|] peribronchial [wall|] thickness in {the_place}",
    ),
    "Consolidation": (
        "{patchy} consolidation in {the_place}[ with air bronchograms|]", "[consolidations|areas of consolidation|consolidation areas] in {the_place}", "{side_of} [airspace|parenchymal] consolidation[ in {the_place}|]",
        "[airspace|dense|alveolar] consolidation [in|involving] {the_place}", "[consolidated lung|dense airspace opacification] in {the_place}, consistent with consolidation", "consolidative [opacities|opacity] in {the_place}",
    ),
    "Bronchiectasis": (
        "{kind} bronchiectasis in {the_place}", "[dilated bronchi|bronchial dilatation] in {the_place}[, consistent with bronchiectasis|]", "[bronchiectatic|{kind} bronchiectatic] changes in {the_place}",
        "{side_of} {kind} bronchiectasis[ in {the_place}|]", "bronchiectasis in {the_place}", "[tubular|{kind}] [dilatation|widening] of the bronchi in {the_place}",
    ),
    "Interlobular septal thickening": (
        "[smooth|] interlobular septal thickening in {the_place}", "[thickened|prominent] interlobular [septa|septal lines] in {the_place}", "thickening of the interlobular septa in {the_place}",
        "{side_of} [smooth|] [interlobular|] septal thickening", "[septal lines|interlobular septal prominence] in {the_place}",
    ),
    "pacemaker": ("a@ left [chest wall|pectoral] pacemaker[ with its lead in the right ventricle| with its lead tip in the right ventricle|]", "[cardiac pacemaker|pacemaker generator] in the left chest wall", "left-sided [pacemaker|cardiac device] with intact lead"),
    "port": ("a@ right [chest wall|] port catheter[ with its tip in the superior vena cava| with its tip at the cavoatrial junction|]", "[port reservoir|port catheter] in the right [chest wall|anterior chest wall]", "right-sided [port|port-a-cath|venous port]"),
    "central venous catheter": ("a@ [right jugular|right-sided|] central venous catheter[ with its tip in the superior vena cava|]", "central venous [line|catheter] in the superior vena cava"),
    "sternotomy wires": ("[sternotomy|median sternotomy|sternal] wires", "[sternal wires|sutures of median sternotomy][ from prior surgery|]", "[postoperative|] sternotomy [wires|cerclage wires]"),
    "nasogastric tube": ("a@ [nasogastric|enteric|feeding] tube [in the stomach|with its tip in the stomach]", "nasogastric tube"),
    "endotracheal tube": ("an endotracheal tube[ above the carina| with its tip above the carina|]", "endotracheal [tube|intubation tube] in place"),
    "chest tube": ("a@ {side} [chest|thoracostomy|pleural drainage] tube", "{side_of} chest [tube|drain][ in the pleural space|]"),
    "aortic valve prosthesis": ("[a prosthetic aortic valve|an aortic valve prosthesis]", "aortic valve [replacement|prosthesis]", "prosthetic [aortic valve|valve in the aortic position]"),
    "coronary stent": ("a@ [coronary stent|stent] in the left anterior descending artery", "coronary artery stent", "[left anterior descending artery|coronary] stent"),
}  # fmt: skip

SENTENCES: dict[str, tuple[str, ...]] = {
    "Arterial wall calcification": ("The [thoracic aorta|aorta] [is calcified|shows calcified plaques|shows {degree} atherosclerotic calcification]", "Calcified plaques line the wall of the [aorta|aortic arch]"),
    "Cardiomegaly": ("The heart is [{degree_ly}|] enlarged", "Heart size is [{degree_ly}|] increased", "The cardiothoracic ratio is increased in favor of the heart"),
    "Pericardial effusion": ("The pericardium contains {degree_of} effusion", "Fluid surrounds the heart[, up to {thick} in thickness|]"),
    "Coronary artery wall calcification": ("The coronary arteries are [{degree_ly}|] calcified", "The {vessel} [is|appears] calcified"),
    "Hiatal hernia": ("The [gastric fundus|stomach] has herniated through the hiatus", "Part of the stomach lies above the diaphragm"),
    "Lymphadenopathy": ("{Station} lymph nodes are [enlarged|pathologically enlarged]{short}", "{Station} lymph nodes measure up to {size} in short axis"),
    "Emphysema": ("[Both lungs are|The lungs are] emphysematous[, mainly in the {zone}|]", "The {zone} show {kind} emphysema"),
    "Lung nodule": ("{The_place} contains a@ {size} {kind} nodule",),
    "Lung opacity": ("{The_place} shows {patchy} ground-glass opacities", "{The_place} contains ground-glass opacities"),
    "Pleural effusion": ("The {side} pleural space contains [free fluid|{degree_of} effusion]",),
    "Pleural effusion bilateral": ("Both pleural spaces contain fluid[, more on the {larger}|]",),
    "Mosaic attenuation pattern": ("The lung parenchyma shows [a mosaic pattern|mosaic attenuation]",),
    "Peribronchial thickening": ("The bronchial walls [are|appear] thickened[ in {the_place}|]",),
    "Consolidation": ("{The_place} is partly consolidated", "Consolidation occupies part of {the_place}"),
    "Bronchiectasis": ("The bronchi of {the_place} are [dilated|bronchiectatic]",),
    "Interlobular septal thickening": ("The interlobular septa are thickened in {the_place}",),
    "sternotomy wires": ("The patient has had a median sternotomy", "Sternal wires are intact"),
    "pacemaker": ("A pacemaker lies in the left chest wall",),
    "port": ("The tip of the right port catheter lies in the superior vena cava",),
}  # fmt: skip

IMPRESSIONS: dict[str, tuple[str, ...]] = {
    "Arterial wall calcification": ("[Aortic|Thoracic aortic] [calcification|atherosclerosis]", "Atherosclerotic calcification of the aorta", "Arterial wall calcifications"),
    "Cardiomegaly": ("{degree} cardiomegaly", "Cardiomegaly", "Enlarged heart"),
    "Pericardial effusion": ("{degree} pericardial effusion", "Pericardial effusion"),
    "Coronary artery wall calcification": ("Coronary [artery|] calcification", "{degree} coronary [artery|atherosclerotic] calcification"),
    "Hiatal hernia": ("{degree} hiatal hernia", "Hiatal hernia", "Sliding hiatal hernia"),
    "Lymphadenopathy": ("{station} lymphadenopathy", "Enlarged {station} lymph nodes"),
    "Emphysema": ("{degree} emphysema", "{kind} emphysema", "Emphysema"),
    "Atelectasis linear": ("[Linear|Subsegmental] atelectasis in {the_place}", "{side} {lobe_adj} atelectasis"),
    "Atelectasis dependent": ("{basal} atelectasis", "Dependent atelectasis"),
    "Atelectasis compressive": ("Compressive atelectasis", "[Atelectasis|Passive atelectasis] of {the_place}"),
    "Lung nodule": ("{size} {kind} nodule in {the_place}", "{kind} nodule in {the_place}", "Pulmonary nodule in {the_place}"),
    "Lung nodules": ("Multiple {kind} pulmonary nodules[, up to {size}|]", "Pulmonary nodules"),
    "Lung opacity": ("Ground-glass opacities in {the_place}", "{side_of} ground-glass opacities"),
    "Pulmonary fibrotic sequela apical": ("{apical} scarring", "{apical} fibrotic sequelae"),
    "Pulmonary fibrotic sequela band": ("[Scarring|Fibrotic sequelae] in {the_place}", "Fibrotic bands in {the_place}"),
    "Pulmonary fibrotic sequela reticular": ("[Basal|Subpleural] fibrosis", "Fibrotic changes in {the_place}"),
    "Pulmonary fibrotic sequela honeycomb": ("Pulmonary fibrosis with honeycombing", "Advanced basal fibrosis"),
    "Pleural effusion": ("{degree} {side} pleural effusion", "{side} pleural effusion", "{side_of} pleural effusion"),
    "Pleural effusion bilateral": ("{degree} bilateral pleural effusions", "Bilateral pleural effusions"),
    "Mosaic attenuation pattern": ("Mosaic attenuation[ pattern|]", "Mosaic attenuation of the lungs"),
    "Peribronchial thickening": ("[Peribronchial|Bronchial wall] thickening",),
    "Consolidation": ("Consolidation in {the_place}", "{side_of} consolidation", "[Airspace|] consolidation of {the_place}"),
    "Bronchiectasis": ("Bronchiectasis in {the_place}", "{kind} bronchiectasis", "{side_of} bronchiectasis"),
    "Interlobular septal thickening": ("Interlobular septal thickening", "[Interlobular|] septal thickening in {the_place}"),
    "pacemaker": ("Left-sided pacemaker", "Pacemaker"), "port": ("Right port catheter", "Port catheter"),
    "central venous catheter": ("Central venous catheter",), "sternotomy wires": ("Sternotomy wires", "Status post sternotomy"),
    "nasogastric tube": ("Nasogastric tube",), "endotracheal tube": ("Endotracheal tube",), "chest tube": ("{side} chest tube", "{side_of} chest drain"),
    "aortic valve prosthesis": ("Aortic valve prosthesis", "Prosthetic aortic valve"), "coronary stent": ("Coronary stent",),
}  # fmt: skip

HEDGED: dict[str, tuple[str, ...]] = {
    "Arterial wall calcification": ("[possible|questionable] faint calcification of the aortic wall",),
    "Cardiomegaly": ("[possible|borderline, possible] mild cardiomegaly", "Mild cardiomegaly cannot be excluded"),
    "Pericardial effusion": ("[possible|questionable|suspected] [trace|small] pericardial effusion", "A small pericardial effusion cannot be excluded"),
    "Coronary artery wall calcification": ("[possible|probable] mild coronary [artery|] calcification",),
    "Hiatal hernia": ("[possible|probable|suspected] small hiatal hernia", "A small hiatal hernia is suspected"),
    "Lymphadenopathy": ("[possible|suspected] {station} lymphadenopathy", "{Station} lymphadenopathy cannot be excluded"),
    "Emphysema": ("[possible|suspected] mild emphysema in the {zone}", "There may be mild emphysema"),
    "Lung nodule": ("[possible|questionable] [small|tiny] nodule in {the_place}", "A small nodule in {the_place} cannot be excluded"),
    "Lung opacity": ("[possible|questionable|suspected] [faint|subtle] ground-glass opacity in {the_place}", "Subtle ground-glass opacity in {the_place} is suspected"),
    "Pleural effusion": ("[possible|probable] [trace|small] {side} pleural effusion", "A trace {side} pleural effusion cannot be excluded"),
    "Mosaic attenuation pattern": ("[possible|questionable|suspected] mosaic attenuation",),
    "Peribronchial thickening": ("[possible|probable] mild bronchial wall thickening",),
    "Interlobular septal thickening": ("[possible|suspected] septal thickening in {the_place}",),
    "Bronchiectasis": ("[possible|suspected] mild bronchiectasis in {the_place}",),
}  # fmt: skip

COMBINED: dict[tuple[str, str], tuple[str, ...]] = {
    ("Pleural effusion", "Atelectasis compressive"): ("{first} with [adjacent|underlying|compressive] atelectasis",),
    ("Pleural effusion bilateral", "Atelectasis compressive"): ("{first} with [adjacent|compressive] atelectasis",),
    ("Bronchiectasis", "Peribronchial thickening"): ("{first} with bronchial wall thickening",),
    ("Consolidation", "Lung opacity"): ("{first} with [surrounding|] ground-glass opacity",),
}  # fmt: skip
