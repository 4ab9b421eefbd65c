"""One test, one rule of the annotation."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

import pytest

from itemclip_med.reports import NO_ABNORMALITY, itemize
from tests.reports.helpers import in_abnormal, statuses, texts


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ("Emphysema and a 6 mm nodule in the right upper lobe.", ["Emphysema", "a 6 mm nodule in the right upper lobe"]),
        ("Consolidation and bronchiectasis in the left base.", ["Consolidation in the left base", "bronchiectasis in the left base"]),
        ("Bilateral pleural effusions with adjacent atelectasis.", ["Bilateral pleural effusions with adjacent atelectasis"]),
        ("Cysts in the liver and left kidney.", ["Cysts in the liver and left kidney"]),
        ("4 mm nodule in the lingula and 3 mm nodule in the left base.", ["4 mm nodule in the lingula", "3 mm nodule in the left base"]),
        ("Moderate cerebral and mild cerebellar atrophy.", ["Moderate cerebral atrophy", "mild cerebellar atrophy"]),
        ("Right jugular catheter, feeding tube, and left chest drain are unchanged.", [
            "Right jugular catheter are unchanged", "feeding tube are unchanged", "left chest drain are unchanged"]),
        ("Renal stones as well as a splenic cyst.", ["Renal stones", "a splenic cyst"]),
        ("Opacity in the left base, atelectasis versus pneumonia.", ["Opacity in the left base, atelectasis versus pneumonia"]),
        ("Nodule, spiculated, 13 mm, in the lingula.", ["Nodule, spiculated, 13 mm, in the lingula"]),
        ("The liver shows steatosis and a cyst.", ["The liver shows steatosis", "The liver shows a cyst"]),
        ("Left temporal cavernoma; old lacune in the pons.", ["Left temporal cavernoma", "old lacune in the pons"]),
        ("A mass fills the sella. It measures 2 cm and abuts the chiasm.", ["A mass fills the sella. It measures 2 cm and abuts the chiasm"]),
    ],
)  # fmt: skip
def test_findings_split_and_places_stay(statement, items):
    assert [text for text, _ in in_abnormal(statement)] == items


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ("No effusion, pneumothorax or consolidation.", ["No effusion", "No pneumothorax", "No consolidation"]),
        ("No pleural or pericardial effusion.", ["No pleural effusion", "No pericardial effusion"]),
        ("No mediastinal or hilar lymphadenopathy.", ["No mediastinal or hilar lymphadenopathy"]),
        ("No new hemorrhage or infarct.", ["No new hemorrhage", "No new infarct"]),
        ("Neither fracture nor dislocation is seen.", ["Neither fracture", "nor dislocation"]),
        ("No effusion/pneumothorax.", ["No effusion", "No pneumothorax"]),
        ("No evidence of mass or cyst in the vermis.", ["No evidence of mass in the vermis", "no cyst in the vermis"]),
        ("There is no mass, nor a cyst.", ["no mass", "nor a cyst"]),
        ("Negative for stroke or bleed.", ["Negative for stroke", "Negative for bleed"]),
    ],
)
def test_negative_lists_split_and_repeat_the_negation(statement, items):
    found = in_abnormal(statement)
    assert [text.lower() for text, _ in found] == [text.lower() for text in items]
    assert {status for _, status in found} == {"absent"}


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ("Lungs are clear except for a granuloma.", [("Lungs are clear", "normal"), ("a granuloma", "present")]),
        ("Apart from a cyst, the liver is normal.", [("a cyst", "present"), ("the liver is normal", "normal")]),
        ("Lungs are clear without effusion or edema.", [("Lungs are clear", "normal"), ("without effusion", "absent"), ("without edema", "absent")]),
        ("No mass, but there is a small cyst.", [("No mass", "absent"), ("a small cyst", "present")]),
        ("The heart is normal, and the aorta is dilated.", [("The heart is normal", "normal"), ("the aorta is dilated", "present")]),
        ("Liver, spleen and pancreas are unremarkable.", [("Liver, spleen and pancreas are unremarkable", "normal")]),
        ("Ventricles not dilated.", [("Ventricles not dilated", "absent")]),
        ("There may be a small leak.", [("may be a small leak", "uncertain")]),
    ],
)  # fmt: skip
def test_exceptions_and_clauses_split(statement, items):
    found = in_abnormal(statement)
    assert len(found) == len(items)
    assert [status for _, status in found] == [status for _, status in items]


@pytest.mark.parametrize(
    "dropped",
    [
        "EXAM: CT HEAD", "HISTORY: Fall.", "TECHNIQUE: Axial images.", "COMPARISON: None.", "Findings were discussed with Dr. Roe.",
        "Electronically signed by J. Doe, MD.", "Follow-up CT in 6 months is advised.", "Evaluation is limited by motion.",
        "Lung-RADS 2.", "Please correlate clinically.", "RECOMMENDATION: MRI.", "Report pending.", "Cord: not imaged.",
    ],
)  # fmt: skip
def test_what_is_no_finding_is_dropped(dropped):
    assert texts(f"{dropped}\n\nFINDINGS: Left renal cyst.") == ["Left renal cyst"]


@pytest.mark.parametrize(
    ("report", "items"),
    [
        ("VENTRICLES: Normal.\nSKULL: Old burr hole.", ["VENTRICLES: Normal", "SKULL: Old burr hole"]),
        ("HEMORRHAGE: None.\nBONES: Rib fracture.", ["HEMORRHAGE: None", "Rib fracture"]),
        ("Lungs | clear\nLiver | 2 cm cyst", ["Lungs: clear", "Liver: 2 cm cyst"]),
        ("1. Brain\n1.1 Old lacune in the pons\n1.2 No bleed", ["Old lacune in the pons", "Brain: No bleed"]),
        ("Lungs: Emphysema. Other: Renal cyst.", ["Emphysema", "Renal cyst"]),
    ],
)
def test_organ_headings_are_carried_where_no_place_is_named(report, items):
    assert texts(report) == items


@pytest.mark.parametrize(
    "report",
    [
        "- Renal cyst\n- Hepatic cyst", "1. Renal cyst 2. Hepatic cyst", "a) Renal cyst\nb) Hepatic cyst", "* Renal cyst\n* Hepatic cyst",
        "Renal cyst\nHepatic cyst", "(1) Renal cyst\n(2) Hepatic cyst", "Renal cyst; hepatic cyst", "Renal cyst.Hepatic cyst",
        "<ul><li>Renal cyst</li><li>Hepatic cyst</li></ul>", "{\\rtf1\\ansi Renal cyst.\\par Hepatic cyst.}", "• Renal cyst\n• Hepatic cyst",
    ],
)  # fmt: skip
def test_layouts_give_the_same_items(report):
    assert [text.lower() for text in texts(report)] == ["renal cyst", "hepatic cyst"]


def test_wrapped_lines_go_on():
    assert texts("FINDINGS: There is a cyst in the left\nkidney measuring\n1.4 cm. The spleen is\nlarge.") == [
        "a cyst in the left kidney measuring 1.4 cm",
        "The spleen is large",
    ]


@pytest.mark.parametrize(
    "mark", ["Dr. Roe saw a cyst", "a 1.5 cm cyst", "cyst (e.g. dermoid) in the neck", "cyst at L4-L5"]
)
def test_marks_inside_clinical_text_do_not_split(mark):
    assert len(texts(f"{mark}. Old rib fracture.")) <= 2


def test_run_on_dictation_is_cut():
    report = "there is a small cyst in the left kidney no stones seen the liver is normal spleen is enlarged there is no ascites"
    assert statuses(report) == [
        ("a small cyst in the left kidney", "present"), ("no stones", "absent"), ("the liver is normal", "normal"),
        ("spleen is enlarged", "present"), ("no ascites", "absent"),
    ]  # fmt: skip


def test_an_impression_repeats_and_does_not_add():
    result = itemize(
        "FINDINGS: 14 mm nodule in the lingula, spiculated. No effusion.\nIMPRESSION: Lingular nodule. No pleural effusion."
    )
    assert [item.text for item in result.items] == ["14 mm nodule in the lingula, spiculated", "No effusion"]
    assert [item.repeats for item in result.items] == [("Lingular nodule",), ("No pleural effusion",)]


def test_a_diagnosis_merges_with_its_sign():
    result = itemize("FINDINGS: Consolidation in the right lower lobe.\nIMPRESSION: Right lower lobe pneumonia.")
    assert len(result.items) == 1


def test_findings_of_two_sides_do_not_merge():
    assert len(texts("FINDINGS: Left renal cyst.\nIMPRESSION: Right renal cyst.")) == 2


def test_an_addendum_adds():
    result = itemize("FINDINGS: Renal cyst.\nADDENDUM: Rib fracture.")
    assert [(item.text, item.section) for item in result.items] == [
        ("Renal cyst", "findings"),
        ("Rib fracture", "addendum"),
    ]


def test_a_repeat_word_for_word_is_one_item():
    assert texts("Renal cyst. Renal cyst. No mass. No mass. Rib fracture.") == ["Renal cyst", "No mass", "Rib fracture"]


def test_a_normal_study_has_its_overall_sentence():
    result = itemize("FINDINGS: The lungs are clear. No effusion.\nIMPRESSION: Normal chest CT.")
    assert (result.is_normal, [item.text for item in result.items]) == (True, ["Normal chest CT"])


def test_a_normal_study_without_one_gets_the_default_sentence():
    result = itemize("No bleed. No infarct.")
    assert (result.is_normal, result.items[0].text, result.items[0].spans) == (True, NO_ABNORMALITY, ())


def test_statements_of_a_normal_study_can_be_kept():
    assert texts("No bleed. No infarct.", collapse_normal=False) == ["No bleed", "No infarct"]


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("Opacity that may represent pneumonia.", "present"), ("Hyperintensities, likely microvascular.", "present"),
        ("Possible cyst in the pons.", "uncertain"), ("A cyst cannot be excluded.", "uncertain"), ("? early hilar adenopathy.", "uncertain"),
        ("Density, possibly artifactual.", "uncertain"), ("The effusion has resolved.", "absent"),
        ("Near-complete resolution of the effusion.", "present"), ("Flow void in the left MCA is absent.", "present"),
        ("No obstructive pathology.", "absent"), ("Ventricles age-appropriate.", "normal"), ("Status post craniotomy.", "present"),
        ("Pacemaker leads are intact.", "present"), ("The midline is shifted to the left.", "present"),
        ("No change in the renal cyst.", "present"), ("Findings consistent with sarcoidosis.", "present"),
        ("The rib fracture is normally aligned", "present"),
        ("The metastasis is midline", "present"),
        ("The enhancement is symmetric", "normal"),
        ("It is hard to say whether there is invasion of the sinus", "uncertain"),
        ("Possibly related to hypertension, there is a hemorrhage in the thalamus", "present"),
    ],
)  # fmt: skip
def test_status(statement, status):
    assert [found for _, found in in_abnormal(statement)] == [status]


def test_place_side_and_size_are_read():
    item = itemize("2.4 x 1.9 cm mass in the left temporal lobe.").items[0]
    assert (item.anatomy, item.laterality, item.sizes_mm) == ("brain", "left", ((24.0, 19.0),))


def test_pointers_to_other_examinations_go():
    assert texts("Stable nodule in the lingula since 03/02/2018, previously 8 mm.") == [
        "Stable nodule in the lingula, previously 8 mm"
    ] or ("03/02" not in texts("Stable nodule in the lingula since 03/02/2018, previously 8 mm.")[0])


def test_advice_hung_on_a_finding_is_cut():
    assert texts("6 mm nodule in the lingula; CT in 6 months advised.") == ["6 mm nodule in the lingula"]


def test_words_in_no_list_are_read():
    assert texts("No glorpitis, frobnoma or quuxosis. Left zibbomegaly.") == [
        "No glorpitis",
        "No frobnoma",
        "No quuxosis",
        "Left zibbomegaly",
    ]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("", "empty"), ("  \n\t", "empty"), ("\0\0\0", "empty"), ("<p></p>", "empty"), ("Cyst. " * 200_000, "too long"),
        ("HISTORY: Fall.", "no usable text"), ("Report pending.", "no usable text"), ("12345", "no usable text"), ("...", "no usable text"),
        ("Die Lunge ist frei und es gibt keine Ergüsse, das Herz ist nicht vergrößert.", "not English"),
        ("肺は清明です。胸水はありません。心臓は正常です。", "not English"), ("Лёгкие чистые, выпота нет, сердце не увеличено.", "not English"),
        ("Les poumons sont clairs et il est sans épanchement dans le thorax, pas de nodule.", "not English"),
    ],
)  # fmt: skip
def test_a_report_without_usable_text_is_marked(report, reason):
    result = itemize(report)
    assert (result.items, result.is_normal, result.reason) == ((), None, reason)


@pytest.mark.parametrize("blank", ["\n", "\n\n"])
def test_a_heading_on_a_line_of_its_own_rules_until_the_next(blank):
    report = blank.join(
        ["HISTORY", "Fall from a ladder.", "On warfarin.", "TECHNIQUE", "Bone algorithm.", "FINDINGS", "Renal cyst."]
    )
    assert texts(report) == ["Renal cyst"]


def test_prose_wrapped_at_a_width_goes_on_in_capitals():
    report = "THE LIVER IS LARGE. A SMALL CYST IS PRESENT IN THE SPLEEN. OLD LACUNAR INFARCT\nLEFT THALAMUS."
    assert texts(report)[-1] == "OLD LACUNAR INFARCT LEFT THALAMUS"


def test_a_history_without_findings_ends_with_its_line():
    assert texts("HISTORY: Cough.\nRenal cyst. No stones.") == ["Renal cyst", "No stones"]


def test_a_sentence_about_some_of_them_joins():
    assert texts("FINDINGS: Three renal cysts. At least two show wall calcification.") == [
        "Three renal cysts. At least two show wall calcification"
    ]


@pytest.mark.parametrize(
    "report",
    ["Dictated but not read.", "Wrong patient. Disregard.", "The patient was rescheduled. Images not acquired.", "Report will follow.",
     "MRI brain could not be completed.", "This is a CT of the chest with contrast.", "Corrected accession number. No change to the report."],
)  # fmt: skip
def test_paper_work_is_no_usable_text(report):
    assert itemize(report).reason == "no usable text"


def test_unknown_words_alone_are_still_items():
    assert texts("Chronic SVD.") == ["Chronic SVD"]


@pytest.mark.parametrize(
    ("report", "items"),
    [
        ("COMPARISON: None. The lungs are clear. Rib fracture.", ["The lungs are clear", "Rib fracture"]),
        ("Compared to 5/5/2023: left frontal mass smaller; new cyst.", ["left frontal mass smaller", "new cyst"]),
        ("TECHNIQUE: Axial images were obtained. No contrast was given.", []),
        ("As far as can be observed: Heart contour and size are natural. Rib fracture.", ["Heart contour and size are natural", "Rib fracture"]),
        ("In addition there is a lytic lesion of the rib and an old clavicle fracture.", ["a lytic lesion of the rib", "an old clavicle fracture"]),
        ("A 2 cm mass in the vermis. Mild edema. The mass abuts the brainstem.", ["A 2 cm mass in the vermis. The mass abuts the brainstem", "Mild edema"]),
        ("RUL spic. nodule of 18 mm. Old rib fracture.", ["RUL spic. nodule of 18 mm", "Old rib fracture"]),
        ("Rib fracture. Cerebral edema? Basilar artery is ectatic.", ["Rib fracture", "Cerebral edema?", "Basilar artery is ectatic"]),
    ],
)  # fmt: skip
def test_notes_and_dictation_are_read(report, items):
    assert texts(report) == items


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ("No intra- or extra-axial hemorrhage.", [("No intra- or extra-axial hemorrhage", "absent")]),
        ("No mass/bleed/shift.", [("No mass", "absent"), ("No bleed", "absent"), ("No shift", "absent")]),
        ("No hematoma or foreign body.", [("No hematoma", "absent"), ("No foreign body", "absent")]),
        ("I do not see any hemorrhage.", [("I do not see any hemorrhage", "absent")]),
        ("I wonder about a small dysplasia.", [("I wonder about a small dysplasia", "uncertain")]),
        ("Growth of effusions and a cyst.", [("Growth of effusions", "present"), ("a cyst", "present")]),
        ("Liver normal in size with increased echogenicity.", [("Liver normal in size with increased echogenicity", "present")]),
        ("Thickening in the sinuses, mastoid cells are clear.", [("Thickening in the sinuses", "present"), ("mastoid cells are clear", "normal")]),
        ("Duct 5 mm, not dilated.", [("Duct 5 mm, not dilated", "absent")]),
        ("Nothing acute.", [("Nothing acute", "normal")]),
        ("Trachea is midline and its lumen is open.", [("Trachea is midline and its lumen is open", "normal")]),
        ("Nodules in both lungs, the largest is 9 mm.", [("Nodules in both lungs, the largest is 9 mm", "present")]),
    ],
)  # fmt: skip
def test_further_forms_are_read(statement, items):
    assert in_abnormal(statement) == items


@pytest.mark.parametrize(
    "text",
    ["{\\rtf1 \\par}", "<html><body></body></html>", "a" * 50_000, "no " * 20_000, "((((((((((", "\0Cyst\0of\0liver", "\u200bcyst", "1. 2. 3. 4.",
     "Cyst" + "\n" * 5_000, "|" * 1_000, ": : : :", "FINDINGS:", "FINDINGS: FINDINGS: FINDINGS:", "\ud800 cyst", "\r\r\rCyst\rmass"],
)  # fmt: skip
def test_odd_text_is_read_or_marked(text):
    result = itemize(text)
    assert (result.is_normal is None) == (not result.items) == (result.reason is not None)


def test_notes_without_marks_and_verbs_are_cut_at_what_is_normal():
    found = statuses("no bleed no shift ventricles normal old lacune left caudate")
    assert found == [
        ("no bleed", "absent"),
        ("no shift", "absent"),
        ("ventricles normal", "normal"),
        ("old lacune left caudate", "present"),
    ]


def test_bytes_that_are_no_text_give_no_items():
    assert itemize("\ufffd\ufffd bad").reason == "not English"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("[x] Fracture: left rib\n[ ] Effusion", [("Fracture: left rib", "present"), ("[ ] Effusion", "absent")]),
        ("Shift: [ ] yes [x] no\nMass: [x] yes [ ] no", [("Shift: no", "absent"), ("Mass: yes", "present")]),
        ("Fracture? No\nShift? Yes, 7 mm", [("Fracture: No", "absent"), ("Shift: Yes, 7 mm", "present")]),
        ("Skull base intact? No", [("Skull base intact: No", "present")]),
        ("Contrast given: No\nMass effect: Yes", [("Mass effect: Yes", "present")]),
    ],
)
def test_a_form_is_read_by_its_answers(form, expected):
    assert statuses(form) == expected
