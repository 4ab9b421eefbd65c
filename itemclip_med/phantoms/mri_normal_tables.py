"""How radiologists say that something is not there, or normal: wordings for brain MRI reports. All our own.

A statement that needs a series names its absence among what it cannot stand with: "no DWI", "no T1C".
"""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

_CSF = frozenset({"Hydrocephalus", "Atrophy", "MassEffect", "MidlineShift", "ChronicInfarct"})
_TUMORS = frozenset({"Glioma", "Meningioma", "Metastasis"})
_MASSES = _TUMORS | {"Hemorrhage", "Cyst"}
_BRAIN = _MASSES | {"Stroke", "ChronicInfarct", "WhiteMatterDisease", "Atrophy", "MassEffect", "Hydrocephalus"}
_OUTSIDE = frozenset({"Meningioma", "Cyst"})

OVERALL_NORMAL: tuple[str, ...] = (
    "Normal [MRI of the brain|brain MRI|MR of the brain|MRI brain]",
    "Unremarkable [MRI of the brain|brain MRI|MRI brain|MR examination of the brain]",
    "No [acute|significant|] intracranial abnormality",
    "No acute intracranial [process|pathology|findings]",
    "Normal [study|examination]",
    "The brain is [normal|unremarkable]",
    "Study is unremarkable",
    "Normal MR appearance of the brain",
    "No significant abnormality [of the brain|]",
    "MRI [brain|of the brain] within normal limits",
    "[Normal|Unremarkable] appearance of the brain parenchyma",
    "No evidence of intracranial [pathology|abnormality]",
    "Negative [brain MRI|MRI of the brain]",
    "No abnormality [detected|is seen|identified]",
)
NORMAL_STATEMENTS: tuple[tuple[str, str, frozenset[str]], ...] = (
    (
        "[The ventricles are|Ventricles are|The ventricular system is] normal in [size|size and configuration|caliber]",
        "ventricles",
        _CSF,
    ),
    (
        "[The ventricles and sulci are|Ventricles and sulci are] [within normal limits|age appropriate|normal for age]",
        "ventricles",
        _CSF | _OUTSIDE,
    ),
    (
        "[Gray-white|Gray white] matter differentiation is [preserved|normal]",
        "brain",
        _MASSES | {"Stroke", "ChronicInfarct"},
    ),
    (
        "[The brain parenchyma|Brain parenchyma] is [normal in signal|unremarkable|normal in signal and morphology]",
        "brain",
        _BRAIN,
    ),
    (
        "[Major intracranial|The major intracranial|Expected arterial] flow voids are [preserved|maintained|present]",
        "vessels",
        frozenset(),
    ),
    ("[The pituitary gland|Pituitary gland|The sella] is [normal|unremarkable]", "sella", frozenset()),
    (
        "The cerebellar tonsils are [normally positioned|normal in position]",
        "posterior fossa",
        frozenset({"MassEffect"}),
    ),
    (
        "[The corpus callosum is|Corpus callosum is] [normal|intact|fully formed]",
        "brain",
        frozenset({"Glioma", "Stroke", "ChronicInfarct"}),
    ),
    ("[The orbits are|Orbits are|Visualized orbits are] [unremarkable|normal]", "orbits", frozenset()),
    ("[The mastoid air cells are|Mastoid air cells are] clear", "sinuses", frozenset()),
    ("[Marrow signal is|Calvarial marrow signal is|The bone marrow is] [normal|unremarkable]", "bones", frozenset()),
    (
        "[Midline structures are|The midline is] [in normal position|not displaced|midline]",
        "brain",
        frozenset({"MidlineShift"}),
    ),
    (
        "[The brainstem and cerebellum are|Posterior fossa structures are] [normal|unremarkable]",
        "posterior fossa",
        _MASSES | {"Stroke", "ChronicInfarct", "MassEffect", "Hydrocephalus"},
    ),
    (
        "[The basal cisterns are|Basal cisterns are] [patent|preserved]",
        "extra-axial spaces",
        frozenset({"MassEffect", "MidlineShift"}),
    ),
)
NEGATIVES: tuple[tuple[str, str, str | None, frozenset[str]], ...] = (
    ("[acute infarct|acute infarction|acute ischemia]", "brain", "Stroke", frozenset({"Stroke", "no DWI"})),
    ("[restricted diffusion|diffusion restriction]", "brain", "Stroke", frozenset({"Stroke", "no DWI", "Hemorrhage"})),
    (
        "[intracranial hemorrhage|hemorrhage|acute intracranial hemorrhage]",
        "brain",
        "Hemorrhage",
        frozenset({"Hemorrhage"}),
    ),
    ("[mass|intracranial mass|mass lesion|space-occupying lesion]", "brain", None, _MASSES),
    ("[abnormal enhancement|pathologic enhancement]", "brain", None, _TUMORS | {"no T1C", "Stroke", "Hemorrhage"}),
    ("leptomeningeal enhancement", "extra-axial spaces", None, frozenset({"no T1C", "Meningioma"})),
    ("[extra-axial collection|extra-axial fluid collection]", "extra-axial spaces", None, _OUTSIDE),
    (
        "[mass effect|significant mass effect]",
        "brain",
        "MassEffect",
        frozenset({"MassEffect", "MidlineShift"}) | _MASSES,
    ),
    ("midline shift", "brain", "MidlineShift", frozenset({"MidlineShift"})),
    ("hydrocephalus", "ventricles", "Hydrocephalus", frozenset({"Hydrocephalus"})),
    ("[white matter lesions|white matter signal abnormality]", "brain", "WhiteMatterDisease", _BRAIN),
    ("[cerebral metastasis|brain metastasis]", "brain", "Metastasis", frozenset({"Metastasis", "no T1C"})),
    ("[cerebellar tonsillar ectopia|tonsillar herniation]", "posterior fossa", None, frozenset({"MassEffect"})),
    ("[demyelinating lesion|demyelination]", "brain", None, frozenset({"WhiteMatterDisease"})),
    ("aneurysm", "vessels", None, frozenset()),
)
NEGATIVE_LEADS: tuple[str, ...] = (
    "No",
    "No evidence of",
    "There is no",
    "There is no evidence of",
    "No MR evidence of",
)
HEADED_LINES: tuple[tuple[str, str, frozenset[str], str, str | None], ...] = (
    ("Ventricles", "[Normal|Unremarkable|Normal in size]", _CSF, "normal", None),
    ("Midline shift", "None", frozenset({"MidlineShift"}), "absent", "MidlineShift"),
    ("Hemorrhage", "None", frozenset({"Hemorrhage"}), "absent", "Hemorrhage"),
    ("Extra-axial spaces", "[Unremarkable|Normal]", _OUTSIDE | {"Atrophy"}, "normal", None),
    ("Orbits", "[Unremarkable|Normal]", frozenset(), "normal", None),
    ("Sella", "[Normal|Unremarkable]", frozenset(), "normal", None),
    ("Vessels", "[Patent|Normal flow voids|Unremarkable]", frozenset(), "normal", None),
    ("Brain parenchyma", "[Unremarkable|Normal]", _BRAIN, "normal", None),
)
HEADING_ORGANS: dict[str, str] = {"Brain parenchyma": "brain"}
OTHERWISE: tuple[str, ...] = (
    "No other acute intracranial abnormality",
    "Otherwise unremarkable",
    "The remainder of the brain is unremarkable",
    "[Otherwise normal study|No further significant abnormality]",
)
TITLES: tuple[str, ...] = (
    "MRI BRAIN",
    "EXAM: MRI OF THE BRAIN",
    "MR HEAD",
    "EXAMINATION: MRI brain",
    "MRI of the brain",
)
INDICATIONS: tuple[str, ...] = (
    "[INDICATION|Indication|CLINICAL HISTORY|History|Clinical details]: [Headache|Seizure|Dizziness|Memory loss|Weakness|Confusion|Visual disturbance|Known malignancy|Rule out stroke|Gait disturbance|Vertigo|First seizure|Follow-up].",
)
TECHNIQUES: tuple[str, ...] = (
    "[TECHNIQUE|Technique]: [Multiplanar multisequence|Multisequence, multiplanar] MRI of the brain.",
    "[TECHNIQUE|Technique]: Standard brain protocol.",
)
COMPARISONS: tuple[str, ...] = ("COMPARISON: None.", "Comparison: None available.", "COMPARISON: No prior studies.")
RECOMMENDATIONS: tuple[str, ...] = (
    "[Neurosurgical|Neurology] consultation is recommended.",
    "Follow-up MRI in [3|6|12] months is recommended.",
    "[Findings were|This was] [discussed with|communicated to] the [referring clinician|neurology team].",
    "Clinical correlation is advised.",
)
LIMITS: tuple[str, ...] = (
    "Evaluation is mildly limited by motion artifact.",
    "Image quality is degraded by patient motion.",
)
BRITISH: tuple[tuple[str, str], ...] = (
    ("hemorrhag", "haemorrhag"), ("hematoma", "haematoma"), ("edema", "oedema"), ("ischemi", "ischaemi"),
    ("gray", "grey"), ("Gray", "Grey"), ("Hemorrhag", "Haemorrhag"), ("Hematoma", "Haematoma"), ("centered", "centred"),
    ("caliber", "calibre"), ("hemosiderin", "haemosiderin"), ("Hemosiderin", "Haemosiderin"), ("tumor", "tumour"),
    ("Ischemi", "Ischaemi"),
)  # fmt: skip
