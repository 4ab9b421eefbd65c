"""Build the tokenizer of the small text encoder that ships with the package.

Run it with the package installed: ``python tools/build_text_small_tokenizer.py [OUT_DIR]``. The vocabulary is
assembled, not trained, so that every run and every version of the tokenizers library gives the same file: the words of
``radiology_words.txt``, the commonest words of the phantoms' reports, numbers, the parts of ``word_parts.txt``, and
every character alone as a way back for words that none of these can spell. The reports' words lie in
``report_words.txt``, so that a new wording moves no id; ``--count-reports`` counts them again. A trained model belongs
to the vocabulary it was trained with: build into another folder to try a change.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from itemclip_med.phantoms.findings import CALVARIAL_BONES, FINDING_NAMES, PhantomFinding
from itemclip_med.phantoms.wording import compose_report

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOOLS_DIR = Path(__file__).resolve().parent
OUT_DIR = TOOLS_DIR.parent / "itemclip_med" / "models" / "assets" / "text_small"
NUM_REPORTS = 20_000
LEAST_OFTEN = 5
LONGEST_WORD = 1_000


def main(out_dir: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` into a folder."""
    normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
    )
    splitter = pre_tokenizers.BertPreTokenizer()
    parts = _listed("word_parts.txt")
    pieces = list(SPECIAL_TOKENS)
    characters = _characters(normalizer)
    # The splitter sets ASCII signs and all punctuation apart, so that these never continue a word.
    within = [c for c in characters if c.isalnum() or not (c.isascii() or unicodedata.category(c)[0] == "P")]
    pieces += characters + [f"##{character}" for character in within]
    pieces += [str(number) for number in range(10, 100)] + [
        f"##{part[1:]}" for part in sorted(parts) if part.startswith("-")
    ]
    words = (
        {part[:-1] for part in parts if part.endswith("-")}
        | _listed("radiology_words.txt")
        | _listed("report_words.txt")
    )
    for word in sorted(words):
        pieces += [
            piece for piece, _ in splitter.pre_tokenize_str(normalizer.normalize_str(word)) if not piece.isdigit()
        ]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    out_dir.mkdir(parents=True, exist_ok=True)
    _write_json(out_dir / "tokenizer.json", json.loads(tokenizer.to_str()))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS},
    }
    _write_json(out_dir / "tokenizer_config.json", settings)
    print(f"{len(vocabulary)} pieces in {out_dir.name}")


def _characters(normalizer: normalizers.Normalizer) -> list[str]:
    """Every printable character of the Latin, Greek and Western typographic blocks that survives the normalizer."""
    blocks = (range(0x21, 0x7F), range(0xA1, 0x250), range(0x3B1, 0x3CA), range(0x2010, 0x2040))
    singles = "€™℃←↑→↓−≈≠≤≥√∞∼×÷′″ﬁﬂ‰²³"
    found = set()
    for character in [chr(code) for block in blocks for code in block] + list(singles):
        if unicodedata.category(character)[0] in "LNPS":
            found.update(normalizer.normalize_str(character).replace(" ", ""))
    return sorted(found)


def _listed(name: str) -> set[str]:
    """The words of a text file beside this script, without its comment lines."""
    lines = (TOOLS_DIR / name).read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.lower().split()}


def count_report_words() -> None:
    """Write down the words that stand several times in many made-up reports."""
    rng = np.random.default_rng(20240611)
    counts: Counter[str] = Counter()
    for _ in range(NUM_REPORTS):
        text = compose_report(_some_findings(rng), rng).text.lower()
        counts.update(re.findall(r"[a-z]+(?:-[a-z]+)*", text))
    words = " ".join(sorted(word for word, count in counts.items() if count >= LEAST_OFTEN))
    head = "# Words of the phantoms' reports, counted by build_text_small_tokenizer.py --count-reports.\n"
    lines = textwrap.wrap(words, 118, break_on_hyphens=False)
    (TOOLS_DIR / "report_words.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def _some_findings(rng: np.random.Generator) -> list[PhantomFinding]:
    """Findings for wording alone: no phantom need be able to show them together."""
    regions = ("frontal", "temporal", "parietal", "occipital", "basal ganglia", "thalamus", "cerebellum", "pons")
    chosen = [name for name in FINDING_NAMES if rng.random() < 0.25]
    return [
        PhantomFinding(
            name=name,
            side=("left", "right", "bilateral")[int(rng.integers(3))],
            region=(CALVARIAL_BONES if name == "Fracture" else regions)[
                int(rng.integers(4 if name == "Fracture" else 8))
            ],
            size_mm=tuple(float(length) for length in rng.uniform(4, 45, 2)) if name in ("IPH", "IVH") else None,
            thickness_mm=float(rng.uniform(2, 15)) if name in ("SDH", "EDH", "ChronicBleed") else None,
            shift_mm=float(rng.uniform(2, 12)) if name == "MidlineShift" else None,
            chronicity=(None, "acute", "subacute", "mixed")[int(rng.integers(4))],
        )
        for name in chosen
    ]


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--count-reports" in sys.argv:
        count_report_words()
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    main(folders[0] if folders else OUT_DIR)
