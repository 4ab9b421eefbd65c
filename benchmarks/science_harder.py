"""Two more questions of ``science.py``: pairs of finding and side that training lacked, and words it never used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.science_data import PhantomStore
from benchmarks.science_methods import LEFT_OUT
from benchmarks.science_tests import share_below

PAIRS = tuple((name, side) for name in ("EDH", "SDH") for side in ("left", "right"))
_SPOKEN = {"EDH": "epidural hematoma", "SDH": "subdural hematoma"}
_WORDS_SEED = 77


def score_pairs(data: PhantomStore, model: Path) -> dict[str, Any]:
    """AUC of each pair of finding and side among studies that have exactly one of the four.

    Args:
        data: phantoms of the mix "compositional".
        model: folder of the model.

    Returns:
        ``seen`` and ``unseen``, means over the two pairs that training had and had not; of each pair ``all`` (against
        the three others), ``side`` (against the same finding on the other side), ``finding`` (against the other one on
        the same side).
    """
    from itemclip_med.zeroshot.metrics import auc

    truth = data.findings()
    prompts = {pair: _prompts(*pair) for pair in PAIRS}
    texts = [text for pair in PAIRS for text in prompts[pair]]
    own, rows = [], []
    for study_id, values in scored(data, model, texts):
        own.append(next(pair for pair in truth[study_id] if pair in PAIRS))
        rows.append(values.reshape(len(PAIRS), -1).mean(axis=1))
    scores = np.array(rows)
    found: dict[str, Any] = {}
    for column, (name, side) in enumerate(PAIRS):
        among = {
            "all": own,
            "side": [pair if pair[0] == name else None for pair in own],
            "finding": [pair if pair[1] == side else None for pair in own],
        }
        found[f"{side} {name}"] = {
            kind: auc(
                scores[[pair is not None for pair in pairs], column],
                [pair == (name, side) for pair in pairs if pair is not None],
            )
            for kind, pairs in among.items()
        }
    for kind, wanted in (("unseen", True), ("seen", False)):
        chosen = [found[f"{side} {name}"]["all"] for name, side in PAIRS if ((name, side) in LEFT_OUT) == wanted]
        found[kind] = float(np.mean(chosen))
    return found


def _prompts(name: str, side: str) -> list[str]:
    spoken = _SPOKEN[name]
    places = ("frontal", "parietal", "temporal")
    return [
        f"{side.capitalize()} {spoken}",
        f"{side.capitalize()}-sided {spoken}",
        *(f"{spoken.capitalize()} over the {side} {place} convexity" for place in places),
    ]


def score_words(data: PhantomStore, model: Path) -> dict[str, float]:
    """How well items find their study, in the usual words and in words that no training report used.

    Args:
        data: a test set.
        model: folder of the model.

    Returns:
        ``usual`` and ``other``: mean over items of the share of studies, among those without that finding on that side,
        that score lower than the item's own; 0.5 is chance. ``num_items`` of both.
    """
    from itemclip_med.phantoms.other_words import compose_in_other_words
    from itemclip_med.phantoms.wording import compose_report
    from itemclip_med.store import Store

    truth, in_store = data.findings(), {study.study_id for study in Store(data.store).studies}
    items: list[tuple[str, str, tuple[str, str], str]] = []  # wording, study, finding and side, text
    for number, (study_id, findings) in enumerate(described(data)):
        if study_id not in in_store:
            continue
        sides = {finding.name: finding.side for finding in findings}
        for wording, compose in (("usual", compose_report), ("other", compose_in_other_words)):
            report = compose(findings, np.random.default_rng([_WORDS_SEED, number]))
            for item in (gold.item for gold in report.items):
                if item.finding in sides and item.status == "present":
                    items.append((wording, study_id, (item.finding, sides[item.finding]), item.text))
    scores = dict(scored(data, model, [text for *_, text in items]))
    shares: dict[str, list[float]] = {"usual": [], "other": []}
    for column, (wording, study_id, pair, _) in enumerate(items):
        others = np.array([row[column] for study, row in scores.items() if pair not in truth[study]])
        shares[wording].append(share_below(scores[study_id][column], others))
    means = {wording: float(np.mean(values)) for wording, values in shares.items()}
    return means | {f"num_items_{wording}": len(values) for wording, values in shares.items()}


def described(data: PhantomStore) -> Iterator[tuple[str, Sequence[Any]]]:
    """Study id and findings, as the phantoms were drawn."""
    from itemclip_med.phantoms import PhantomFinding

    for line in (data.truth / "studies.jsonl").read_text(encoding="utf-8").splitlines():
        study = json.loads(line)
        yield study["id"], [PhantomFinding(**one) for one in study["findings"]]


def scored(data: PhantomStore, model: Path, texts: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Study id and cosine of each text (K,)."""
    from itemclip_med.store import Store
    from itemclip_med.zeroshot import EngineOptions
    from itemclip_med.zeroshot.engine import score_prompts
    from itemclip_med.zeroshot.evaluator import load_model

    store = Store(data.store)
    options = EngineOptions(batch_size=8, show_progress=False)
    for study, values in score_prompts(store, store.studies, load_model(model, "cpu"), texts, options):
        yield study.study_id, values.numpy()
