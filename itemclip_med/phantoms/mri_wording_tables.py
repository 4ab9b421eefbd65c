"""How radiologists say it: the wordings of brain MRI findings, as templates of :mod:`phrases`.

Slots are those of :func:`places.describe` and of :func:`mri_wording.mri_slots`: ``{t2}``, ``{dwi}``, ``{low_adc}``,
``{enhancing}`` and ``{enhancement}`` are empty where the series that would show it was not scanned, and a wording with
an empty one is not used. All wordings are our own.
"""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

from itemclip_med.phantoms import wording_tables as head

_EFFECTS = ("MassEffect", "MassEffectPosterior", "MidlineShift")

NOUN_PHRASES: dict[str, tuple[str, ...]] = {
    "Stroke": (
        "{dwi} in {the_place}[, consistent|, compatible|, in keeping] with [an acute|a recent|acute] infarct",
        "[area of|] {dwi} [in|involving] {the_place} with [corresponding|associated|matching] {low_adc}[, consistent with acute infarction|]",
        "[acute|recent] {padj} infarct{sized}[ with {dwi}|]",
        "[acute|recent] [infarct|infarction|ischemic infarct] in {the_place}{sized}",
        "[acute|recent] infarct in the {side} {artery} territory, involving {the_place}",
        "[acute|recent] {side} {artery} territory infarct",
        "[acute|] ischemic stroke in {the_place}[ with {dwi}|]",
        "[focus|area] of {dwi} in {the_place}{sized}, [representing|indicating] [acute|recent] ischemia",
        "[acute|recent] {side} {artery} stroke with {dwi} and {low_adc}",
    ),
    "ChronicInfarct": (
        "[chronic|old|remote] {padj} infarct{sized}",
        "[chronic|old|remote] [infarct|infarction] in {the_place}{sized}",
        "encephalomalacia in {the_place}[, consistent with|, compatible with|, the sequela of] [a remote|an old|a chronic] infarct",
        "[cystic|] encephalomalacia [in|involving] {the_place} with surrounding gliosis[, sequela of prior infarction|]",
        "[chronic|remote] {side} {artery} territory infarct[ with encephalomalacia|]",
        "area of volume loss in {the_place} with marginal {t2} hyperintensity, compatible with old infarction",
        "[old|chronic] ischemic defect in {the_place}",
    ),
    "Glioma": (
        "a@ {size} [heterogeneous|irregular|infiltrative|intra-axial] mass in {the_place}[, suspicious for|, concerning for|, most consistent with] [glioma|primary glial neoplasm|glial tumor]",
        "a@ {big} [intra-axial|infiltrating] [mass|tumor] [centered in|within|in] {the_place}{sized}, [suggesting|compatible with|consistent with] {grade} glioma",
        "{grade} glioma [in|of|centered in] {the_place}{sized}",
        "{padj} [glioma|glial tumor]{sized}",
        "a@ {size} {grade} glioma in {the_place}",
    ),
    "GliomaHigh": (
        "a@ {size} [heterogeneously|peripherally|irregularly] {enhancing} mass in {the_place} with [central necrosis|surrounding vasogenic edema|surrounding edema][, concerning for high-grade glioma|, suspicious for glioblastoma|]",
        "a@ [{size}|{big}] [ring-{enhancing}|rim-{enhancing}] [necrotic|] mass [centered in|in|within] {the_place}[ with surrounding {t2} hyperintensity|], [consistent with|suspicious for|favoring] [high-grade glioma|glioblastoma|a high-grade glial neoplasm]",
        "[necrotic|heterogeneous] mass in {the_place} with thick irregular rim {enhancement}[ and marked perilesional edema|], [consistent with|compatible with] [glioblastoma|high-grade glioma]",
        "a@ {size} necrotic [intra-axial|] mass in {the_place} with surrounding edema, [suspicious for|most likely] [high-grade glioma|glioblastoma]",
        "glioblastoma in {the_place}{sized}",
    ),
    "GliomaLow": (
        "a@ {size} [ill-defined|infiltrative|expansile|] {t2} hyperintense [mass|lesion] in {the_place} without {enhancement}[, suspicious for|, consistent with|, suggesting] low-grade glioma",
        "[expansile|infiltrating|ill-defined] {t2} hyperintensity in {the_place}{sized}, [suspicious for|compatible with] [low-grade glioma|diffuse glioma|a low-grade glial neoplasm]",
        "[non|non-]{enhancing} {t2} hyperintense mass in {the_place}{sized}[, likely low-grade glioma|, consistent with diffuse glioma|]",
        "a@ {big} infiltrating mass in {the_place}{sized} without surrounding edema, [suggesting|consistent with] low-grade glioma",
        "low-grade glioma in {the_place}{sized}",
    ),
    "Meningioma": (
        "a@ {size} [homogeneously|avidly|uniformly] {enhancing} [extra-axial|dural-based|extra-axial dural-based] mass [along|at] {the_place}[ with a dural tail|][, consistent with|, compatible with|, most consistent with] meningioma",
        "[extra-axial|dural-based] mass [along|at] {the_place}{sized}[, consistent with|, compatible with|, in keeping with] [a|] meningioma",
        "{padj} meningioma{sized}",
        "meningioma [along|at] {the_place}{sized}",
        "a@ {size} [dural-based|extra-axial] lesion [along|at] {the_place} with [homogeneous|avid] {enhancement} and [a small|a|] dural tail[, likely meningioma|, typical of meningioma|]",
        "a@ {big} [broad-based|well-circumscribed] extra-axial [mass|lesion] [abutting|along|at] {the_place}{sized}[, typical of meningioma|, consistent with meningioma]",
    ),
    "MeningiomaEdema": (
        "a@ {size} extra-axial {enhancing} mass at {the_place} with [edema in the underlying brain|adjacent vasogenic edema][, consistent with meningioma|]",
        "{padj} meningioma{sized} with [surrounding|adjacent|underlying] parenchymal edema",
    ),
    "Metastasis": (
        "a@ {size} [{enhancing}|ring-{enhancing}] lesion [in|at the gray-white junction of] {the_place} with surrounding [vasogenic|] edema[, suspicious for|, consistent with|, concerning for] [a solitary|] metastasis",
        "a@ {size} [round|well-circumscribed|] [lesion|nodule] [in|at the gray-white junction of] {the_place}[, suspicious for|, compatible with|, likely] [a|] metastasis",
        "[solitary|single] {padj} [metastasis|metastatic lesion]{sized}",
        "[solitary|] metastasis in {the_place}{sized}",
    ),
    "Metastases": (
        "{count} [{enhancing}|round {enhancing}|ring-{enhancing}] lesions [in|throughout|within] {both_places}[, the largest measuring {size} in {the_place}|, the largest in {the_place}], [consistent with|compatible with|suspicious for] [metastases|metastatic disease]",
        "{count} [brain|cerebral|intracranial] metastases, the largest [in {the_place} measuring {size}|measuring {size} in {the_place}]",
        "{count} lesions at the gray-white junction of {both_places}[ with surrounding edema|], [consistent with|in keeping with] [metastases|metastatic disease]",
        "{count} [nodular|round] lesions in {both_places}, [concerning for|representing] metastases[, largest {size} in {the_place}|]",
        "{count} metastases in {both_places}",
    ),
    "WhiteMatterDisease": (
        "[{degree}|] [periventricular|periventricular and deep|periventricular and subcortical] white matter {t2} hyperintensities[, likely chronic microvascular ischemic change|, consistent with small vessel disease|, in keeping with chronic small vessel ischemia|]",
        "{foci} {t2} [hyperintensity|signal abnormality] in the [periventricular|periventricular and deep] white matter[, likely reflecting chronic microvascular ischemic disease|, consistent with chronic small vessel ischemic change|]",
        "[{degree}|] chronic [microvascular ischemic changes|small vessel ischemic changes]",
        "[{degree}|] [leukoaraiosis|small vessel disease|white matter disease][, Fazekas grade {fazekas}|]",
        "Fazekas grade {fazekas} white matter [changes|hyperintensities]",
        "[{degree}|] burden of white matter [lesions|hyperintensities], nonspecific but likely microvascular",
    ),
    "Hemorrhage": (
        "[{age}|] [intraparenchymal|parenchymal] [hemorrhage|hematoma] in {the_place}{sized}[ with surrounding edema|]",
        "a@ {size} [{age}|] [hematoma|hemorrhage] [centered in|within|in] {the_place}[ with {blood_signal}|]",
        "{padj} [hemorrhage|hematoma]{sized}[, {age} in signal characteristics|, {age} by signal|]",
        "[{age}|] hematoma in {the_place} with {blood_signal}",
        "[{age}|] [blood products|intracranial hemorrhage] in {the_place}{sized}",
    ),
    "HemorrhageChronic": (
        "[old|chronic|remote] [hemorrhage|hematoma cavity] in {the_place}{sized}[ with a hemosiderin rim|]",
        "hemosiderin-lined [cavity|cleft] in {the_place}[, the residue of prior hemorrhage|, consistent with old hemorrhage]",
        "{padj} chronic hematoma{sized} with {blood_signal}",
        "sequela of [old|remote|prior] hemorrhage in {the_place}{sized}",
    ),
    "Hydrocephalus": (
        "[marked|moderate|disproportionate|] [enlargement|dilatation|dilation] of the lateral and third ventricles[, consistent with|, compatible with|, in keeping with] [{kind}|] hydrocephalus",
        "[ventriculomegaly|marked ventriculomegaly] [out of proportion to the sulci|with effacement of the sulci], [consistent with|suggesting] hydrocephalus",
        "[symmetric|marked|] [enlargement|dilatation] of the lateral and third ventricles from [{kind}|] hydrocephalus",
        "[dilatation|enlargement] of the ventricular system[, representing hydrocephalus|, compatible with hydrocephalus]",
    ),
    "HydrocephalusSeeping": (
        "[enlargement|dilatation] of the lateral and third ventricles with [periventricular {t2} hyperintensity|transependymal CSF flow|transependymal edema], [consistent with|compatible with] [active|{kind}|] hydrocephalus",
    ),
    "Atrophy": (
        "[{degree}|] [generalized|diffuse|global] [cerebral|brain|] [volume loss|atrophy]",
        "[{degree}|] [cerebral|brain] atrophy",
        "[{degree}|] [diffuse|generalized] parenchymal volume loss[ with prominence of the ventricles and sulci|]",
        "prominence of the ventricles and sulci, [consistent with|in keeping with|reflecting] [{degree}|] [generalized|cerebral|diffuse] [atrophy|volume loss]",
        "[widening|enlargement] of the sulci and ventricles from [{degree}|] cerebral volume loss",
    ),
    "Cyst": (
        "a@ {size} [arachnoid cyst|extra-axial CSF-signal cyst] in {the_place}",
        "{padj} arachnoid cyst{sized}",
        "arachnoid cyst [in|of|within] {the_place}{sized}[ following CSF signal on all sequences|]",
        "a@ {big} [extra-axial|] cystic [lesion|collection] in {the_place}{sized} [isointense to CSF|following CSF signal][, consistent with an arachnoid cyst|, compatible with arachnoid cyst|]",
        "a@ {size} CSF-intensity extra-axial [cyst|lesion] in {the_place}[, consistent with arachnoid cyst|]",
    ),
    **{name: head.NOUN_PHRASES[name] for name in _EFFECTS},
}  # fmt: skip

SENTENCES: dict[str, tuple[str, ...]] = {
    "Stroke": (
        "[Diffusion-weighted images show|Diffusion imaging shows] {dwi} in {the_place}[ with {low_adc}|][, consistent with acute infarction|]",
        "{the_place} [shows|demonstrates] {dwi}[ with {low_adc}|], [consistent with|representing] [an acute|a recent] infarct",
    ),
    "ChronicInfarct": ("{the_place} [shows|demonstrates] [encephalomalacia|volume loss and gliosis] from [an old|a remote|a chronic] infarct",),
    "Glioma": ("{the_place} is expanded by an infiltrating mass{sized}, [suspicious for|consistent with] glioma",),
    "Meningioma": ("A@ {big} extra-axial mass arises from the dura at {the_place}{sized}[, consistent with meningioma|, typical of meningioma]",),
    "WhiteMatterDisease": ("The periventricular white matter shows [{degree}|] {t2} hyperintensity[, likely microvascular|, compatible with small vessel disease]",),
    "Hemorrhage": ("{the_place} contains a@ [{age}|] hematoma{sized}",),
    "Hydrocephalus": (
        "The lateral and third ventricles are [markedly|moderately|] [enlarged|dilated][, consistent with hydrocephalus|, in keeping with hydrocephalus]",
        "Hydrocephalus is present",
    ),
    "Atrophy": ("The ventricles and sulci are [prominent|enlarged], [consistent with|reflecting] [{degree}|] [cerebral atrophy|volume loss]",),
    **{name: head.SENTENCES[name] for name in _EFFECTS},
}  # fmt: skip

IMPRESSIONS: dict[str, tuple[str, ...]] = {
    "Stroke": ("Acute {padj} infarct", "Acute infarct in {the_place}", "Acute {side} {artery} territory infarct", "[Recent|Acute] ischemic stroke"),
    "ChronicInfarct": ("[Chronic|Old|Remote] {padj} infarct", "[Old|Chronic] infarct in {the_place}", "Chronic {side} {artery} territory infarct"),
    "Glioma": ("{padj} glioma", "[Findings consistent with|Suspected] {grade} glioma of {the_place}", "{grade} glioma in {the_place}", "{padj} mass, [likely|suspicious for] glioma"),
    "Meningioma": ("{padj} meningioma", "Meningioma at {the_place}", "[Extra-axial mass at {the_place}, consistent with meningioma]"),
    "Metastasis": ("[Solitary|] brain metastasis in {the_place}", "{padj} metastasis"),
    "Metastases": ("[Multiple|] brain metastases", "[Intracranial|Cerebral] metastatic disease", "Metastases in {both_places}"),
    "WhiteMatterDisease": ("[{degree}|] chronic microvascular ischemic [changes|disease]", "[{degree}|] small vessel disease", "White matter disease"),
    "Hemorrhage": ("[{age}|] {padj} [hemorrhage|hematoma]", "[{age}|] hemorrhage in {the_place}"),
    "HemorrhageChronic": ("Old {padj} hemorrhage", "Sequela of prior hemorrhage in {the_place}"),
    "Hydrocephalus": ("[{kind}|] hydrocephalus", "Hydrocephalus"),
    "Atrophy": ("[{degree}|] cerebral atrophy", "[{degree}|] [generalized|] volume loss"),
    "Cyst": ("{padj} arachnoid cyst", "Arachnoid cyst in {the_place}"),
    **{name: head.IMPRESSIONS[name] for name in _EFFECTS},
}  # fmt: skip

HEDGED: dict[str, tuple[str, ...]] = {
    "Stroke": (
        "[possible|questionable|suspected] small acute infarct in {the_place}",
        "[Subtle|Faint] {dwi} in {the_place} may represent [a small|an] acute infarct",
        "A small acute infarct in {the_place} cannot be excluded",
    ),
    "ChronicInfarct": ("[possible|probable] old [lacunar|] infarct in {the_place}",),
    "Metastasis": ("[possible|suspected] [small|] metastasis in {the_place}", "Small lesion in {the_place} may represent a metastasis"),
    "Metastases": ("[possible|suspected] small metastases in {both_places}", "Small lesions in {both_places} may represent metastases"),
    "WhiteMatterDisease": ("[probable|possible] mild small vessel disease", "Mild white matter change may be microvascular"),
    "Meningioma": ("[possible|probable|suspected] small meningioma at {the_place}", "Small extra-axial lesion at {the_place} may represent a meningioma"),
    **{name: head.HEDGED[name] for name in _EFFECTS},
}  # fmt: skip

COMBINED: dict[tuple[str, str], tuple[str, ...]] = {
    (name, "MidlineShift"): (
        "{first} [with|causing] {shift} of {toward}ward midline shift",
        "{first} with midline shift",
    )
    for name in ("Glioma", "Meningioma", "Metastasis", "Metastases", "Hemorrhage")
} | {
    (name, "MassEffect"): ("{first} with [local|associated|] mass effect",)
    for name in ("Glioma", "Meningioma", "Metastasis", "Metastases", "Hemorrhage")
}

PLAIN: dict[str, str] = {
    "Stroke": "acute infarct", "ChronicInfarct": "chronic infarct", "Glioma": "glioma", "Meningioma": "meningioma",
    "Metastasis": "brain metastasis", "Metastases": "brain metastases", "WhiteMatterDisease": "white matter disease",
    "Hemorrhage": "intracranial hemorrhage", "HemorrhageChronic": "old hemorrhage", "Hydrocephalus": "hydrocephalus",
    "Atrophy": "cerebral atrophy", "Cyst": "arachnoid cyst", "MassEffect": "mass effect",
    "MassEffectPosterior": "mass effect", "MidlineShift": "midline shift",
}  # fmt: skip
