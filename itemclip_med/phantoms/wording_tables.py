"""How radiologists say it: the wordings of head CT reports, as templates of :mod:`phrases`.

Per finding: noun phrases (after "There is", before "is seen", or bare), whole sentences, short forms for the
impression, and hedged forms. All wordings are our own. Slots are those of :func:`places.describe`.
"""

# ruff: noqa: E501  (one wording a line reads better than a wrapped one)
from __future__ import annotations

NOUN_PHRASES: dict[str, tuple[str, ...]] = {
    "IPH": (
        "[{age}||] [intraparenchymal|parenchymal] [hemorrhage|hematoma] in {the_place}{sized}",
        "{big} {age} [intraparenchymal|parenchymal|intra-axial] [hematoma|hemorrhage] [centered in|within|involving] {the_place}{sized}",
        "a@ {size} [hyperdense|hyperattenuating|acute] [intraparenchymal|parenchymal] [hematoma|hemorrhage] [in|within|centered in] {the_place}",
        "{big} {padj} [intraparenchymal|parenchymal] [hemorrhage|hematoma]{sized}",
        "{age} {padj} [hemorrhage|hematoma|parenchymal hemorrhage]{sized}",
        "{big} focus of {age} [parenchymal|intraparenchymal|] hemorrhage in {the_place}{sized}",
        "{big} [rounded|ovoid|well-defined|] [hyperdensity|hyperattenuating focus] [in|within] {the_place}{sized}, [consistent|compatible] with {age} [parenchymal|intraparenchymal] [hemorrhage|hematoma]",
        "{age} {side_of} intracranial hemorrhage, intraparenchymal, in {the_place}",
        "{age} intracranial hemorrhage [in|within|centered in] {the_place}{sized}",
        "{age} {side_of} intraparenchymal hemorrhage[, located in {the_place}|]",
        "{age} IPH in {the_place}{sized}",
        "{big} {age} bleed in {the_place}{sized}",
        "a@ {size} {age} hemorrhage in {the_place} with [mild|minimal|a thin rim of] surrounding edema",
    ),
    "IVH": (
        "[acute|] intraventricular hemorrhage [in|within|layering in|filling] {the_place}",
        "[small amount of|small volume of|] [acute|] intraventricular [hemorrhage|blood] [in|layering in|within] {the_place}",
        "[hyperdense|hyperattenuating] blood [within|filling|layering in] {the_place}",
        "hemorrhage within {the_place}",
        "intraventricular hemorrhage",
        "acute intraventricular hemorrhage",
        "[dependent|layering] [blood products|hemorrhage|hyperdensity|blood] in {the_place}[, consistent with intraventricular hemorrhage|]",
        "[blood-fluid level|hyperdense clot] [in|within] {the_place}[, compatible with intraventricular hemorrhage|]",
        "intracranial hemorrhage within the ventricular system[, predominantly in {the_place}|]",
        "acute IVH involving {the_place}",
        "[acute|] intracranial hemorrhage within the ventricles[, layering in {the_place}|]",
    ),
    "SDH": (
        "[{age}||] subdural hematoma [along|over|overlying] {the_place}{sized}",
        "{big} {age} {side} subdural [hematoma|hemorrhage]{sized}",
        "{big} {padj} subdural [hematoma|hemorrhage]{sized}",
        "a@ {thick} [thick|] {age} subdural hematoma [along|over] {the_place}",
        "{big} [crescentic|crescent-shaped|crescentic hyperdense] [extra-axial collection|subdural collection] [over|along] {the_place}{sized}, [consistent|compatible] with {age} subdural [hematoma|hemorrhage]",
        "{age} {side_of} intracranial hemorrhage, subdural, along {the_place}",
        "{age} {side_of} subdural hematoma [overlying {the_place}|]",
        "[hyperdense|hyperattenuating|acute] subdural [blood|hemorrhage|collection] [overlying|along|over] {the_place}{sized}",
        "{big} {age} extra-axial hemorrhage along {the_place}, subdural in location",
        "{big} {age} {side} SDH{sized}",
        "[mixed-density|hyperdense] {padj} subdural collection{sized}",
        "subdural hematoma",
    ),
    "EDH": (
        "[{age}||] epidural hematoma [along|over|overlying|in] {the_place}{sized}",
        "{big} {age} {padj} epidural [hematoma|hemorrhage]{sized}",
        "a@ {thick} [thick|] {age} epidural hematoma [along|over] {the_place}",
        "{big} [lentiform|biconvex|lens-shaped] [hyperdense|hyperattenuating|] [extra-axial|epidural] collection [along|over] {the_place}{sized}, [consistent|compatible] with [{age}|] epidural hematoma",
        "[biconvex|lentiform] {age} epidural [hematoma|hemorrhage] [overlying|along] {the_place}{sized}",
        "{age} {side_of} intracranial hemorrhage, epidural, along {the_place}",
        "{age} {side_of} [epidural|extradural] [hematoma|hemorrhage]",
        "{big} [extradural|epidural] [hematoma|hemorrhage] [overlying|over] {the_place}{sized}",
        "[hyperdense|acute] biconvex extra-axial [hemorrhage|collection] [adjacent to|overlying] {the_place}[, in keeping with epidural hematoma|, epidural in location]",
        "{big} {age} {padj} EDH{sized}",
        "epidural hematoma",
    ),
    "SAH": (
        "[acute|] subarachnoid hemorrhage [in|within|along] {the_place}",
        "[small volume|small amount of|] [acute|] subarachnoid [hemorrhage|blood] [in|within|along|filling] {the_place}",
        "[scattered|trace|] {padj} subarachnoid hemorrhage",
        "[hyperdensity|hyperattenuation] [within|along] {the_place}[, consistent with subarachnoid hemorrhage|, compatible with acute subarachnoid hemorrhage]",
        "[linear|serpiginous|curvilinear] [hyperdensity|hyperattenuation] [following|tracking along] {the_place}, [consistent|compatible] with subarachnoid [hemorrhage|blood]",
        "acute subarachnoid hemorrhage",
        "subarachnoid hemorrhage",
        "{side_of} subarachnoid hemorrhage[, most conspicuous in {the_place}|]",
        "[acute|] {side_of} intracranial hemorrhage, subarachnoid, in {the_place}",
        "sulcal subarachnoid [hemorrhage|blood] [in|along] {the_place}",
        "acute SAH [in|within] {the_place}",
    ),
    "ChronicBleed": (
        "{big} chronic [subdural hematoma|subdural hemorrhage] [along|over|overlying] {the_place}{sized}",
        "{big} chronic {side} subdural [hematoma|collection]{sized}",
        "{big} [hypodense|low-attenuation|low-density] [subdural|extra-axial] collection [along|over] {the_place}{sized}, [consistent|compatible|in keeping] with [a chronic subdural hematoma|chronic hemorrhage|chronic subdural hematoma]",
        "a@ {thick} [hypodense|low-density] subdural collection [overlying|along] {the_place}, likely chronic",
        "{padj} chronic subdural hematoma{sized}",
        "chronic [hemorrhage|subdural hematoma|blood products] [along|over|overlying] {the_place}",
        "{side_of} chronic subdural hematoma",
        "[old|chronic] [blood|hemorrhage] in the {side} subdural space{sized}",
        "[crescentic|crescent-shaped] hypodense collection [over|along] {the_place}[, representing a chronic subdural hematoma|, consistent with chronic subdural hematoma]",
        "chronic intracranial hemorrhage along {the_place}",
    ),
    "ChronicBleedIntraAxial": (
        "[old|chronic|remote] [hemorrhage|hematoma|parenchymal hemorrhage] in {the_place}{sized}",
        "{big} chronic [intraparenchymal|parenchymal] hematoma [in|within] {the_place}{sized}",
        "{big} [hypodense|low-density|low-attenuation] [area|focus|lesion] in {the_place}{sized}, [consistent|compatible] with [chronic hemorrhage|an old hematoma|a resorbed hematoma]",
        "[slit-like|] hypodensity in {the_place}[, the sequela of old hemorrhage|, consistent with chronic hemorrhage]",
        "a@ {size} [hypodense|low-density] [chronic hematoma|resolved hematoma cavity|chronic hemorrhagic cavity] in {the_place}",
        "{padj} chronic hemorrhage{sized}",
        "chronic blood products in {the_place}",
        "{side_of} chronic intracranial hemorrhage",
        "old hemorrhagic cavity in {the_place}{sized}",
        "[hemosiderin-lined|old|chronic] cleft in {the_place}[, the residue of prior hemorrhage|, from prior hemorrhage]",
    ),
    "Fracture": (
        "[nondisplaced|linear|acute|linear nondisplaced|minimally displaced] fracture [of|through|involving] {the_place}",
        "[linear|acute|nondisplaced|] {padj} [skull|calvarial] fracture",
        "[acute|] {padj} [bone|] fracture",
        "[acute|] [skull|calvarial] fracture [involving|through|of] {the_place}",
        "linear lucency [through|traversing] {the_place}, [consistent with|compatible with|representing] a[ nondisplaced| linear|n acute|] fracture",
        "nondisplaced {padj} fracture",
        "fracture line [extending through|crossing|in] {the_place}",
        "[acute|] fracture of the skull",
        "[nondisplaced|linear|] skull fracture on the {side}",
        "discontinuity of [the cortex|both tables] of {the_place}, in keeping with fracture",
        "[displaced|nondisplaced|linear] {side_of} [calvarial|skull] fracture",
        "skull fracture",
    ),
    "MassEffect": (
        "effacement of the {side} lateral ventricle",
        "[mild|moderate|local|regional|] mass effect on the {side} lateral ventricle",
        "[local|regional|associated|] mass effect[ in the {side} hemisphere| with effacement of the adjacent sulci|]",
        "effacement of the {side} cerebral sulci",
        "[sulcal effacement|effacement of the sulci] [over|in] the {side} cerebral hemisphere",
        "[mild|moderate|partial] compression of the {side} lateral ventricle",
        "mass effect [with|causing] [partial effacement|compression] of the {side} lateral ventricle",
        "[local|regional] [mass effect|sulcal effacement] [on the {side}|]",
        "[crowding|effacement] of the [adjacent sulci|{side} hemispheric sulci] [and the {side} lateral ventricle|]",
        "mass effect upon the {side} cerebral hemisphere",
        "{side_of} mass effect",
        "mass effect",
    ),
    "MidlineShift": (
        "{shift} of {toward}ward midline shift",
        "{toward}ward midline shift of {shift}",
        "a@ {shift} midline shift to the {toward}",
        "midline shift to the {toward}[, measuring {shift}| measuring {shift}| of {shift}|]",
        "[{shift} of|approximately {shift} of|{shift}] midline shift [to the {toward}|from {away} to {toward}|]",
        "{toward}ward shift of the midline structures[ by {shift}| of {shift}| measuring {shift}|]",
        "{away} to {toward} midline shift[, {shift}| of {shift}|]",
        "[{shift}|] {toward}ward displacement of the septum pellucidum[, measuring {shift}|]",
        "[subfalcine herniation with|] {shift} {toward}ward midline shift",
        "midline shift",
        "midline shift [measuring|of] {shift}",
    ),
}  # fmt: skip

SENTENCES: dict[str, tuple[str, ...]] = {
    "IPH": (
        "{the_place} [contains|shows] a@ [{size}|{big}] {age} [parenchymal|intraparenchymal] [hematoma|hemorrhage]",
        "[{age}|] [hemorrhage|hematoma] is centered in {the_place}{sized}",
        "[Parenchymal|Intraparenchymal] [hemorrhage|blood] involves {the_place}",
    ),
    "IVH": (
        "[Blood|Hyperdense blood|Acute blood] [layers in|fills|is layering dependently in] {the_place}",
        "[Hemorrhage|Intraventricular hemorrhage] [occupies|extends into] {the_place}",
        "The ventricular system contains [acute|hyperdense] blood",
    ),
    "SDH": (
        "A@ {big} {age} subdural hematoma [overlies|extends along|layers along] {the_place}{sized}",
        "[Crescentic hyperdense blood|Acute subdural blood] [tracks along|overlies] {the_place}{sized}",
    ),
    "EDH": (
        "A@ {big} [biconvex|lentiform] epidural hematoma [overlies|abuts] {the_place}{sized}",
        "A lens-shaped [hyperdense|acute] epidural collection [lies|is] [along|over] {the_place}{sized}",
    ),
    "SAH": (
        "[Acute subarachnoid blood|Subarachnoid hemorrhage|Subarachnoid blood] [fills|tracks along|layers in|outlines] {the_place}",
        "[Hyperdense blood|Acute blood] [fills|outlines] {the_place}, consistent with subarachnoid hemorrhage",
    ),
    "ChronicBleed": (
        "A@ {big} chronic subdural [hematoma|collection] [overlies|extends along] {the_place}{sized}",
        "A@ [hypodense|low-density] chronic subdural collection [overlies|lies along] {the_place}{sized}",
    ),
    "ChronicBleedIntraAxial": (
        "{the_place} [contains|shows] [an old|a chronic] [hematoma|hemorrhage]{sized}",
        "An old hemorrhagic cavity lies in {the_place}{sized}",
    ),
    "Fracture": (
        "A [nondisplaced|linear|minimally displaced|] fracture [extends through|traverses|crosses|involves] {the_place}",
        "{the_place} is fractured[ without displacement|]",
        "A fracture line [traverses|crosses] {the_place}",
    ),
    "MassEffect": (
        "The {side} lateral ventricle is [partially|mildly|] [effaced|compressed]",
        "The {side} [hemispheric|cerebral] sulci are [effaced|compressed]",
        "The adjacent sulci [are|appear] effaced",
    ),
    "MidlineShift": (
        "The [midline|septum pellucidum] is [shifted|displaced|deviated] [{shift}|by {shift}|approximately {shift}] to the {toward}",
        "[Midline structures|The midline structures] are [shifted|displaced] to the {toward}[ by {shift}|]",
        "The midline is [shifted|deviated] to the {toward}",
    ),
}  # fmt: skip

IMPRESSIONS: dict[str, tuple[str, ...]] = {
    "IPH": (
        "{age} {padj} [intraparenchymal|parenchymal] [hemorrhage|hematoma]",
        "{age} [hemorrhage|hematoma] in {the_place}",
        "{padj} [intraparenchymal|parenchymal] hemorrhage",
        "{age} intraparenchymal hemorrhage",
        "[Intraparenchymal|Parenchymal] hemorrhage in {the_place}",
    ),
    "IVH": ("Intraventricular hemorrhage", "Acute intraventricular hemorrhage", "Intraventricular blood in {the_place}"),
    "SDH": (
        "{age} {side} subdural hematoma",
        "{padj} subdural hematoma",
        "Subdural hematoma along {the_place}",
        "{side_of} subdural [hematoma|hemorrhage]",
    ),
    "EDH": (
        "{age} {padj} epidural hematoma",
        "{side_of} epidural [hematoma|hemorrhage]",
        "Epidural hematoma overlying {the_place}",
    ),
    "SAH": (
        "Acute subarachnoid hemorrhage",
        "Subarachnoid hemorrhage in {the_place}",
        "{padj} subarachnoid hemorrhage",
        "{side_of} subarachnoid hemorrhage",
    ),
    "ChronicBleed": ("Chronic {side} subdural hematoma", "{padj} chronic subdural hematoma", "Chronic hemorrhage on the {side}"),
    "ChronicBleedIntraAxial": ("Chronic hemorrhage in {the_place}", "Old hemorrhage in {the_place}", "{padj} chronic hemorrhage"),
    "Fracture": (
        "Fracture of {the_place}",
        "[Nondisplaced|Acute|Linear] {padj} [skull|calvarial] fracture",
        "Skull fracture",
        "{side_of} skull fracture",
        "{padj} fracture",
    ),
    "MassEffect": ("Local mass effect", "Mass effect on the {side} lateral ventricle", "Effacement of the {side} lateral ventricle"),
    "MidlineShift": ("{shift} midline shift to the {toward}", "{toward}ward midline shift", "{toward}ward midline shift of {shift}", "Midline shift of {shift}"),
}  # fmt: skip

HEDGED: dict[str, tuple[str, ...]] = {
    "IPH": (
        "[possible|questionable|suspected] {big} [parenchymal|intraparenchymal] hemorrhage in {the_place}",
        "subtle hyperdensity in {the_place}, [possibly|suspicious for] [a small|] hemorrhage",
        "A small hemorrhage in {the_place} cannot be excluded",
        "[Faint|Subtle] hyperdensity in {the_place} may represent [a tiny hematoma|petechial hemorrhage|early hemorrhage]",
    ),
    "IVH": (
        "[possible|probable|questionable] [trace|small] intraventricular hemorrhage in {the_place}",
        "[Faint|Subtle] hyperdensity in {the_place} may represent trace intraventricular [hemorrhage|blood]",
        "Trace intraventricular blood in {the_place} cannot be excluded",
    ),
    "SDH": (
        "[possible|probable|suspected] thin {side} subdural hematoma",
        "Thin hyperdensity along {the_place} [may represent|is suspicious for] a [small|thin] subdural hematoma",
        "A thin subdural hematoma along {the_place} cannot be excluded",
    ),
    "EDH": (
        "[possible|suspected|probable] small {padj} epidural hematoma",
        "Thin extra-axial hyperdensity over {the_place}, [possibly|suspicious for] [a small|] epidural hematoma",
        "A small epidural hematoma over {the_place} cannot be excluded",
    ),
    "SAH": (
        "[possible|probable|questionable] [trace|subtle] subarachnoid hemorrhage in {the_place}",
        "[Subtle|Faint] hyperdensity in {the_place} [may|could] represent trace subarachnoid hemorrhage[ versus artifact|]",
        "Trace subarachnoid hemorrhage in {the_place} cannot be excluded",
    ),
    "ChronicBleed": (
        "[possible|probable] thin chronic {side} subdural [hematoma|collection]",
        "Thin hypodense extra-axial space along {the_place} may represent a chronic subdural hematoma",
    ),
    "ChronicBleedIntraAxial": (
        "[possible|probable] old hemorrhage in {the_place}",
        "Small hypodensity in {the_place} may represent the residue of old hemorrhage",
    ),
    "Fracture": (
        "[possible|questionable|suspected] nondisplaced fracture of {the_place}",
        "Subtle lucency in {the_place} [may represent|is suspicious for] a nondisplaced fracture[ versus a suture|]",
        "A nondisplaced fracture of {the_place} cannot be excluded",
    ),
    "MassEffect": ("[possible|questionable] mild mass effect on the {side} lateral ventricle", "suspected early effacement of the {side} sulci"),
    "MidlineShift": ("[possible|questionable|suspected] minimal midline shift to the {toward}", "Slight {toward}ward midline shift is suspected"),
}  # fmt: skip

SUMMARIES: tuple[str, ...] = (
    "{age} intracranial hemorrhage",
    "{age} intracranial hemorrhage[ as described above| as above| as detailed above]",
    "intracranial hemorrhage",
    "{age} {side_of} intracranial hemorrhage",
    "{side_of} intracranial hemorrhage",
    "{age} {side_of} intracranial hemorrhage{effects}",
    "{age} intracranial hemorrhage{effects}",
    "{multi} intracranial hemorrhage",
    "intracranial hemorrhage [on the {side}|in the {side} cerebral hemisphere]{effects}",
    "intracranial bleeding[ on the {side}|]",
)

COMBINED: dict[tuple[str, str], tuple[str, ...]] = {
    ("IPH", "IVH"): ("{first} with [intraventricular extension|extension into the ventricles|intraventricular blood]",),
    ("IPH", "MidlineShift"): ("{first} [with|causing] {shift} [of|] {toward}ward midline shift", "{first} with midline shift"),
    ("SDH", "MidlineShift"): ("{first} [with|causing] {shift} of {toward}ward midline shift", "{first} with midline shift"),
    ("EDH", "MidlineShift"): ("{first} [with|causing] {shift} of midline shift to the {toward}",),
    ("IPH", "MassEffect"): ("{first} with [local|associated|] mass effect",),
    ("SDH", "MassEffect"): ("{first} with [local|associated|underlying] mass effect",),
    ("EDH", "MassEffect"): ("{first} with [local|associated|underlying] mass effect",),
    ("Fracture", "EDH"): ("{first} with [adjacent|underlying] epidural hematoma",),
}  # fmt: skip
