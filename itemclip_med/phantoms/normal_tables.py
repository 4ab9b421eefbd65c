"""How radiologists say that something is not there, or normal: wordings for head CT reports. All our own."""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

BLEEDS = frozenset({"IPH", "IVH", "SDH", "EDH", "SAH"})
_CSF = frozenset({"IVH", "MassEffect", "MidlineShift"})
_OUTSIDE_BRAIN = frozenset({"SDH", "EDH", "ChronicBleed"})

# Overall sentences of a normal study.
OVERALL_NORMAL: tuple[str, ...] = (
    "No acute intracranial [abnormality|process|pathology|findings|finding|disease]",
    "No acute intracranial [abnormality|process] [is identified|is seen|identified|seen]",
    "Normal [noncontrast|non-contrast|unenhanced|] [head CT|CT of the head|CT head|CT of the brain]",
    "Unremarkable [noncontrast|non-contrast|unenhanced|] [head CT|CT of the head|CT of the brain]",
    "No [significant|acute|] intracranial abnormality",
    "No evidence of acute intracranial [abnormality|pathology|process]",
    "Normal [study|examination|exam]",
    "No acute [abnormality|findings] of the [head|brain]",
    "[Unremarkable|Normal] appearance of the brain",
    "Normal CT appearance of the brain",
    "[No abnormality is seen|No abnormality detected|No abnormal findings]",
    "Negative [noncontrast|unenhanced|] head CT",
    "No acute [intracranial|] abnormality on this [noncontrast|unenhanced] [study|examination]",
    "The [brain|head CT|study] is [normal|unremarkable]",
    "No significant intracranial pathology",
    "No acute process",
    "Within normal limits",
    "[Head CT|CT head|CT of the head] within normal limits",
    "No acute traumatic intracranial abnormality",
    "Normal intracranial appearances",
    "No posttraumatic intracranial abnormality",
)  # fmt: skip

# (wording, heading of an organ template, findings with which it cannot stand)
NORMAL_STATEMENTS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("[The ventricles are|Ventricles are|The ventricular system is] normal in [size|size and configuration|caliber]", "ventricles", _CSF),
    ("[The ventricles and sulci are|Ventricles and sulci are] [normal in size|age appropriate|normal for age|within normal limits]", "ventricles", _CSF | _OUTSIDE_BRAIN | {"SAH"}),
    ("[The basal cisterns are|Basal cisterns are|The basilar cisterns are] [patent|preserved|clear|intact]", "ventricles", frozenset({"SAH"})),
    ("[Gray-white|The gray-white|Gray white] matter differentiation is [preserved|maintained|intact|normal]", "brain", frozenset()),
    ("[The brain parenchyma|Brain parenchyma] is [unremarkable|normal in attenuation|normal]", "brain", frozenset({"IPH", "ChronicBleed", "MassEffect"})),
    ("[The calvarium|Calvarium|The skull|The bony calvarium] is intact", "bones", frozenset({"Fracture"})),
    ("[Osseous structures are|The osseous structures are|Bones are|The visualized bones are] [intact|unremarkable|normal]", "bones", frozenset({"Fracture"})),
    ("[The posterior fossa|Posterior fossa|The cerebellum] is [unremarkable|normal]", "brain", frozenset({"IPH", "IVH", "ChronicBleed"})),
    ("[The orbits are|Orbits are|Visualized orbits are] [unremarkable|normal|intact]", "orbits", frozenset({"Fracture"})),
    ("[The paranasal sinuses|Paranasal sinuses|The visualized paranasal sinuses] [and mastoid air cells|] are [clear|well aerated]", "sinuses", frozenset({"Fracture"})),
    ("[The mastoid air cells|Mastoid air cells|Mastoids] are clear", "sinuses", frozenset({"Fracture"})),
    ("[The scalp is|The soft tissues are|Scalp soft tissues are|Soft tissues] unremarkable", "soft tissues", frozenset({"Fracture"})),
    ("[The midline structures are|Midline structures are] [normally positioned|in normal position|midline]", "brain", frozenset({"MidlineShift"})),
)  # fmt: skip

# (wording after "no", heading, finding it denies, findings with which it cannot stand)
NEGATIVES: tuple[tuple[str, str, str | None, frozenset[str]], ...] = (
    ("[acute intracranial|intracranial|acute] hemorrhage", "hemorrhage", "ICH", BLEEDS | {"ChronicBleed"}),
    ("[acute|] intraparenchymal hemorrhage", "hemorrhage", "IPH", frozenset({"IPH", "ChronicBleed"})),
    ("[intraventricular hemorrhage|intraventricular extension|intraventricular blood]", "hemorrhage", "IVH", frozenset({"IVH"})),
    ("[subdural hematoma|subdural hemorrhage|subdural collection]", "extra-axial spaces", "SDH", frozenset({"SDH", "ChronicBleed"})),
    ("[epidural hematoma|epidural hemorrhage]", "extra-axial spaces", "EDH", frozenset({"EDH"})),
    ("[acute|] subarachnoid hemorrhage", "extra-axial spaces", "SAH", frozenset({"SAH"})),
    ("[extra-axial collection|extra-axial fluid collection]", "extra-axial spaces", None, _OUTSIDE_BRAIN),
    ("[mass effect|significant mass effect]", "brain", "MassEffect", frozenset({"MassEffect", "MidlineShift"})),
    ("midline shift", "brain", "MidlineShift", frozenset({"MidlineShift"})),
    ("hydrocephalus", "ventricles", None, frozenset()),
    ("[skull fracture|fracture|calvarial fracture|acute fracture|depressed skull fracture]", "bones", "Fracture", frozenset({"Fracture"})),
    ("[acute territorial infarct|acute infarct|territorial infarct|acute large territory infarction|acute ischemia]", "brain", None, frozenset()),
    ("[herniation|downward herniation|transtentorial herniation]", "brain", None, frozenset({"MidlineShift"})),
    ("[intracranial mass|mass lesion|mass|space-occupying lesion]", "brain", None, frozenset({"IPH", "ChronicBleed"})),
    ("[chronic subdural hematoma|chronic hemorrhage]", "extra-axial spaces", "ChronicBleed", frozenset({"ChronicBleed"})),
    ("[cerebral edema|edema]", "brain", None, frozenset({"IPH", "MassEffect"})),
)  # fmt: skip

NEGATIVE_LEADS: tuple[str, ...] = (
    "No",
    "No evidence of",
    "There is no",
    "There is no evidence of",
    "No CT evidence of",
    "Negative for",
)

# (heading, value, findings with which it cannot stand, (status, finding)): lines of an organ template.
HEADED_LINES: tuple[tuple[str, str, frozenset[str], str, str | None], ...] = (
    ("Hemorrhage", "None", BLEEDS | {"ChronicBleed"}, "absent", "ICH"),
    ("Ventricles", "[Normal|Unremarkable|Normal in size]", _CSF, "normal", None),
    ("Midline shift", "None", frozenset({"MidlineShift"}), "absent", "MidlineShift"),
    ("Mass effect", "None", frozenset({"MassEffect", "MidlineShift"}), "absent", "MassEffect"),
    ("Skull", "[Intact|Unremarkable|Normal]", frozenset({"Fracture"}), "normal", None),
    ("Extra-axial spaces", "[Unremarkable|Normal|Clear]", _OUTSIDE_BRAIN | {"SAH"}, "normal", None),
    ("Orbits", "[Unremarkable|Normal]", frozenset({"Fracture"}), "normal", None),
    ("Paranasal sinuses", "[Clear|Unremarkable]", frozenset({"Fracture"}), "normal", None),
    ("Brain parenchyma", "[Unremarkable|Normal]", frozenset({"IPH", "ChronicBleed", "MassEffect"}), "normal", None),
)  # fmt: skip

# Headings of those lines that are no organ's name themselves.
HEADING_ORGANS: dict[str, str] = {"Skull": "bones", "Paranasal sinuses": "sinuses", "Brain parenchyma": "brain"}

OTHERWISE: tuple[str, ...] = (
    "No other acute intracranial abnormality",
    "Otherwise unremarkable",
    "No other acute abnormality",
    "The remainder of the brain is unremarkable",
    "[Otherwise normal study|No further acute intracranial findings]",
)

# Lines that are no items: they frame the report.
TITLES: tuple[str, ...] = (
    "CT HEAD WITHOUT CONTRAST",
    "EXAM: CT HEAD WITHOUT CONTRAST",
    "CT OF THE HEAD",
    "EXAMINATION: Noncontrast CT head",
    "CT brain (plain)",
)
INDICATIONS: tuple[str, ...] = (
    "[INDICATION|Indication|CLINICAL HISTORY|History|Clinical details]: [Fall|Head injury|Headache|Altered mental status|Trauma|Collapse|Sudden onset headache|Confusion|Seizure|Road traffic accident|Weakness|Rule out bleed|Assault|Vomiting and headache|Found down].",
)
TECHNIQUES: tuple[str, ...] = (
    "[TECHNIQUE|Technique]: Axial images from the skull base to the vertex without [IV|intravenous] contrast.",
    "[TECHNIQUE|Technique]: Noncontrast axial CT [with multiplanar reformats|of the head].",
)
COMPARISONS: tuple[str, ...] = ("COMPARISON: None.", "Comparison: None available.", "COMPARISON: No prior studies.")
RECOMMENDATIONS: tuple[str, ...] = (
    "Neurosurgical consultation is recommended.",
    "Follow-up CT in [6|12|24] hours is recommended.",
    "[Findings were|This was] [discussed with|communicated to] the [emergency physician|referring clinician|ED team].",
    "Clinical correlation is advised.",
    "Short interval follow-up is suggested.",
)
LIMITS: tuple[str, ...] = (
    "Evaluation is mildly limited by motion artifact.",
    "Image quality is degraded by beam hardening artifact.",
)

BRITISH: tuple[tuple[str, str], ...] = (
    ("hemorrhag", "haemorrhag"), ("hematoma", "haematoma"), ("edema", "oedema"), ("ischemia", "ischaemia"),
    ("gray", "grey"), ("Gray", "Grey"), ("Hemorrhag", "Haemorrhag"), ("Hematoma", "Haematoma"), ("centered", "centred"),
    ("caliber", "calibre"), ("Epidural", "Extradural"), ("epidural", "extradural"), ("hemosiderin", "haemosiderin"),
)  # fmt: skip
