"""How radiologists say that something in a chest is not there, or normal. All wordings are our own."""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

_AIRSPACE = frozenset({"Consolidation", "Lung opacity"})
_PARENCHYMA = _AIRSPACE | {
    "Emphysema", "Atelectasis", "Lung nodule", "Pulmonary fibrotic sequela", "Mosaic attenuation pattern",
    "Peribronchial thickening", "Bronchiectasis", "Interlobular septal thickening",
}  # fmt: skip
_AIRWAYS = frozenset({"Bronchiectasis", "Peribronchial thickening"})

OVERALL_NORMAL: tuple[str, ...] = (
    "No acute [cardiopulmonary|intrathoracic] [abnormality|disease|process|finding]", "Normal [CT of the chest|chest CT|thoracic CT|CT thorax]",
    "Unremarkable [CT of the chest|chest CT|thoracic CT]", "No [significant|acute|] abnormality in the [chest|thorax]",
    "[Normal|Unremarkable] [study|examination]", "No evidence of acute [pulmonary|cardiopulmonary|thoracic] disease", "Thoracic CT within normal limits",
    "No active pulmonary disease", "The chest CT is [normal|unremarkable]", "No abnormality detected", "No pathological findings in the thorax",
)  # fmt: skip

NORMAL_STATEMENTS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("[The lungs are|Lungs are|Both lungs are] clear", "lungs", _PARENCHYMA),
    ("[Aeration|Ventilation] of both lung parenchyma is normal", "lungs", _PARENCHYMA),
    ("[The trachea and main bronchi are|Trachea and both main bronchi are|The central airways are] [patent|open|clear]", "airways", frozenset()),
    ("[The heart is|Heart is] [normal in size|of normal size]", "heart", frozenset({"Cardiomegaly", "Pericardial effusion"})),
    ("[Heart size|The cardiac silhouette|Cardiac size] is [normal|within normal limits]", "heart", frozenset({"Cardiomegaly", "Pericardial effusion"})),
    ("[The thoracic aorta is|Thoracic aorta is|The aorta is] [normal in caliber|of normal caliber]", "vessels", frozenset({"Arterial wall calcification"})),
    ("[The mediastinum is|Mediastinal structures are|The mediastinum and hila are] [unremarkable|normal]", "mediastinum", frozenset({"Lymphadenopathy", "Hiatal hernia", "Cardiomegaly", "Pericardial effusion", "Medical material", "Arterial wall calcification", "Coronary artery wall calcification"})),
    ("[The esophagus is|Esophagus is] [normal|unremarkable]", "esophagus", frozenset({"Hiatal hernia", "Medical material"})),
    ("[The visualized upper abdomen is|Upper abdominal organs are|The upper abdominal organs included in the sections are] [unremarkable|normal]", "upper abdomen", frozenset({"Hiatal hernia"})),
    ("[Bone structures are|Osseous structures are|The bones are|Visualized bones are] [intact|unremarkable|normal]", "bones", frozenset({"Medical material"})),
    ("[The pleura is|Pleural surfaces are] [normal|unremarkable]", "pleura", frozenset({"Pleural effusion", "Pulmonary fibrotic sequela"})),
    ("[The chest wall is|Chest wall soft tissues are|Soft tissues are] unremarkable", "chest wall", frozenset({"Medical material", "Lymphadenopathy"})),
)  # fmt: skip

NEGATIVES: tuple[tuple[str, str, str | None, frozenset[str]], ...] = (
    ("pleural effusion", "pleura", "Pleural effusion", frozenset({"Pleural effusion"})),
    ("pneumothorax", "pleura", None, frozenset()),
    ("pericardial effusion", "heart", "Pericardial effusion", frozenset({"Pericardial effusion"})),
    ("cardiomegaly", "heart", "Cardiomegaly", frozenset({"Cardiomegaly"})),
    ("[mediastinal or hilar lymphadenopathy|pathologically enlarged lymph nodes|mediastinal lymphadenopathy|enlarged mediastinal lymph nodes]", "mediastinum", "Lymphadenopathy", frozenset({"Lymphadenopathy"})),
    ("[consolidation|focal consolidation|airspace consolidation]", "lungs", "Consolidation", frozenset({"Consolidation"})),
    ("[ground-glass opacity|ground-glass opacities]", "lungs", "Lung opacity", _AIRSPACE),
    ("[pulmonary nodule|suspicious pulmonary nodule|lung nodule]", "lungs", "Lung nodule", frozenset({"Lung nodule"})),
    ("[mass|pulmonary mass|lung mass]", "lungs", None, frozenset({"Lung nodule", "Consolidation"})),
    ("emphysema", "lungs", "Emphysema", frozenset({"Emphysema"})),
    ("bronchiectasis", "airways", "Bronchiectasis", _AIRWAYS),
    ("[bronchial wall thickening|peribronchial thickening]", "airways", "Peribronchial thickening", _AIRWAYS),
    ("[interlobular septal thickening|septal thickening]", "lungs", "Interlobular septal thickening", frozenset({"Interlobular septal thickening", "Pulmonary fibrotic sequela"})),
    ("[coronary artery calcification|coronary calcification]", "heart", "Coronary artery wall calcification", frozenset({"Coronary artery wall calcification", "Medical material"})),
    ("[hiatal hernia]", "esophagus", "Hiatal hernia", frozenset({"Hiatal hernia"})),
    ("[aortic aneurysm|aneurysm of the thoracic aorta]", "vessels", None, frozenset()),
    ("[fracture|rib fracture|lytic or destructive bone lesion|destructive bone lesion]", "bones", None, frozenset()),
    ("axillary lymphadenopathy", "chest wall", None, frozenset({"Lymphadenopathy"})),
)  # fmt: skip

NEGATIVE_LEADS: tuple[str, ...] = (
    "No",
    "No evidence of",
    "There is no",
    "There is no evidence of",
    "No CT evidence of",
    "Negative for",
)

HEADED_LINES = (
    ("Pleura", "[No effusion|No pleural effusion]", frozenset({"Pleural effusion"}), "absent", "Pleural effusion"),
    ("Heart", "[Normal|Normal in size|Unremarkable]", frozenset({"Cardiomegaly", "Pericardial effusion", "Coronary artery wall calcification", "Medical material"}), "normal", None),
    ("Lungs", "[Clear|Normal]", _PARENCHYMA, "normal", None),
    ("Lymph nodes", "[Not enlarged|None enlarged]", frozenset({"Lymphadenopathy"}), "absent", "Lymphadenopathy"),
    ("Central airways", "[Patent|Clear]", frozenset({"Bronchiectasis", "Peribronchial thickening", "Medical material"}), "normal", None),
    ("Upper abdomen", "[Unremarkable|Normal]", frozenset({"Hiatal hernia"}), "normal", None),
    ("Bones", "[Unremarkable|Normal|Intact]", frozenset({"Medical material"}), "normal", None),
)  # fmt: skip
HEADING_ORGANS: dict[str, str] = {"Lymph nodes": "mediastinum", "Central airways": "airways"}

OTHERWISE: tuple[str, ...] = (
    "No other acute abnormality", "Otherwise unremarkable", "[Otherwise normal study|Remainder of the study is unremarkable]", "No other significant abnormality",
)  # fmt: skip
TITLES: tuple[str, ...] = (
    "CT CHEST WITHOUT CONTRAST",
    "EXAM: CT CHEST",
    "CT OF THE THORAX",
    "EXAMINATION: Chest CT",
    "THORAX CT",
)
INDICATIONS: tuple[str, ...] = (
    "[INDICATION|Indication|CLINICAL HISTORY|History|Clinical details]: [Cough|Dyspnea|Fever|Chest pain|Shortness of breath|Smoker|Weight loss|Hemoptysis|Staging|Follow-up|Preoperative].",
)
TECHNIQUES: tuple[str, ...] = (
    "[TECHNIQUE|Technique]: Axial images of the chest [were obtained|at full inspiration].", "[TECHNIQUE|Technique]: Multidetector CT of the thorax with multiplanar reformats.",
)  # fmt: skip
COMPARISONS: tuple[str, ...] = ("COMPARISON: None.", "Comparison: None available.", "COMPARISON: No prior studies.")
RECOMMENDATIONS: tuple[str, ...] = (
    "Follow-up CT in [3|6|12] months is recommended.", "Clinical correlation is advised.", "[Findings were|This was] discussed with the referring clinician.",
    "Correlation with laboratory findings is suggested.", "Short interval follow-up is suggested.",
)  # fmt: skip
LIMITS: tuple[str, ...] = (
    "Evaluation is mildly limited by respiratory motion.",
    "Image quality is degraded by motion artifact.",
)
BRITISH: tuple[tuple[str, str], ...] = (
    ("esophag", "oesophag"), ("Esophag", "Oesophag"), ("edema", "oedema"), ("tumor", "tumour"), ("caliber", "calibre"), ("Hemoptysis", "Haemoptysis"),
    ("Dyspnea", "Dyspnoea"), ("favor", "favour"), ("gray", "grey"),
)  # fmt: skip
