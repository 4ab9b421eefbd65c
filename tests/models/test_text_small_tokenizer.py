"""The tokenizer that ships with the package: loadable anywhere, spells everything, and is what its script builds."""

from __future__ import annotations

import string
import subprocess
import sys

import numpy as np
import pytest

from itemclip_med.models.text import SMALL_TOKENIZER_DIR, load_tokenizer
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.wording import compose_report


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(SMALL_TOKENIZER_DIR))


def test_special_tokens_have_their_ids(tokenizer):
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert tokenizer.convert_tokens_to_ids(list(tokens)) == [0, 1, 2, 3, 4]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id) == (0, 1, 2)
    assert (tokenizer.sep_token_id, tokenizer.mask_token_id) == (3, 4)


def test_the_vocabulary_is_small(tokenizer):
    assert 2000 <= len(tokenizer) <= 3200


def test_both_loaders_give_the_same_ids(tokenizer):
    text = "Acute left subdural hematoma, 1.8 cm thick, with 6 mm of rightward midline shift."
    assert load_tokenizer()([text])["input_ids"][0].tolist() == tokenizer(text)["input_ids"]


def test_texts_begin_and_end_with_their_tokens_and_are_padded(tokenizer):
    ids = tokenizer(["midline shift", "no"], padding=True)
    assert [row[0] for row in ids["input_ids"]] == [2, 2]
    assert ids["input_ids"][0][-1] == 3
    assert ids["input_ids"][1] == [2, tokenizer.convert_tokens_to_ids("no"), 3, 0]
    assert ids["attention_mask"][1] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        string.printable,
        "".join(chr(code) for code in range(0xA1, 0x250) if chr(code).isalpha()),
        "Pneumonoultramicroscopicsilicovolcanoconiosis " * 3 + "x" * 900,
        "Übergröße, œdème, naïve; ≥ 5 mm ± 0.3 °C — “quoted” … µl α β²",
        "CT_PLAIN_THIN_AX_BrainWindow",
    ],
)
def test_nothing_is_unknown(tokenizer, text):
    assert tokenizer.unk_token_id not in tokenizer(text, truncation=False)["input_ids"]


@pytest.mark.parametrize(
    "text",
    ["acute left frontal intraparenchymal haematoma", "no midline shift", "zzyzx128qq", "craniotomies hyperammonemia"],
)
def test_decoding_gives_the_text_back(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_case_and_accents_make_no_difference(tokenizer):
    assert tokenizer("HÉMATOME Aigu")["input_ids"] == tokenizer("hematome aigu")["input_ids"]


def test_words_of_reports_are_mostly_whole(tokenizer):
    findings = [
        PhantomFinding("SDH", "left", "frontal", None, 9.0, None, "acute"),
        PhantomFinding("IPH", "right", "basal ganglia", (22.0, 17.0)),
        PhantomFinding("MidlineShift", "right", shift_mm=6.0),
    ]
    pieces = [
        piece
        for number in range(40)
        for piece in tokenizer.tokenize(compose_report(findings, np.random.default_rng(number)).text)
    ]
    assert np.mean([piece.startswith("##") for piece in pieces]) < 0.02


def test_the_script_builds_the_shipped_files(repo_dir, tmp_path):
    script = repo_dir / "tools" / "build_text_small_tokenizer.py"
    subprocess.run(
        [sys.executable, str(script), str(tmp_path)], check=True, capture_output=True, env={"PYTHONPATH": str(repo_dir)}
    )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (SMALL_TOKENIZER_DIR / name).read_bytes()


def test_the_wheel_takes_it_along(repo_dir):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    included = {file.distribution_path for file in wheel.WheelBuilder(str(repo_dir)).recurse_included_files()}
    assert "itemclip_med/models/assets/text_small/tokenizer.json" in included
    assert "itemclip_med/models/assets/text_small/tokenizer_config.json" in included
