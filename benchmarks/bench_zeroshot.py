"""Zero-shot evaluation: prompts asked of kept embeddings against encoding for each, thresholds against a loop.

    python benchmarks/bench_zeroshot.py [--quick] [--json]

Prompts: 200 studies of random voxels, the shipped head CT model, 100 prompts; once with every study encoded once and
all prompts asked of it, once as if every prompt encoded the studies again (measured for a few prompts, and multiplied).
Thresholds: the released grid of 1,000 thresholds for each of 16 findings, 3,039 studies; from sorted scores and by a
confusion matrix each, with the same thresholds and numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import row

from itemclip_med.models import ItemizedCLIP
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter
from itemclip_med.zeroshot.embeddings import EmbeddingCache
from itemclip_med.zeroshot.engine import Counts, EngineOptions, prepare, score_prompts
from itemclip_med.zeroshot.published import CT_RATE_GRID, binary_numbers, grid_threshold

AFFINE = ((-2.0, 0.0, 0.0, 128.0), (0.0, 2.0, 0.0, -128.0), (0.0, 0.0, 5.0, -80.0), (0.0, 0.0, 0.0, 1.0))
SHAPE = (128, 128, 32)


def make_store(folder: Path, num: int) -> Store:
    random = np.random.default_rng(0)
    with StoreWriter(folder) as writer:
        for number in range(num):
            series = Series("AX_THICK", "", (1, 1, 1), (2.0, 2.0, 5.0), AFFINE, "CT", "int16")
            array = random.integers(-1000, 80, SHAPE, dtype=np.int16)
            writer.add(Study(f"study-{number:04d}", (series,), source_digest=str(number)), [array])
    return Store(folder)


def timed_scores(
    store: Store, model: ItemizedCLIP, texts: list[str], engine: EngineOptions
) -> tuple[float, np.ndarray]:
    """Seconds, and scores (studies, texts) in the order of the store."""
    start = time.perf_counter()
    found = {
        study.study_id: values.numpy()
        for study, values in score_prompts(store, store.studies, model, texts, engine, Counts())
    }
    return time.perf_counter() - start, np.stack([found[study.study_id] for study in store.studies])


def bench_prompts(num_studies: int, num_prompts: int, num_repeated: int) -> list[dict[str, object]]:
    model = prepare(ItemizedCLIP.from_pretrained("head_ct_phantom"), "cpu")
    texts = [f"hemorrhage measuring {number} mm" for number in range(num_prompts)]
    plain = EngineOptions(show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", num_studies)
        timed_scores(store, model, texts[:1], plain)  # warm
        kept = EngineOptions(embeddings=EmbeddingCache(Path(folder) / "embeddings"), show_progress=False)
        first, scores = timed_scores(store, model, texts, kept)
        again, same = timed_scores(store, model, texts, kept)
        each, singles = [], []
        for text in texts[:num_repeated]:
            seconds, column = timed_scores(store, model, [text], plain)
            each.append(seconds)
            singles.append(column[:, 0])
        assert np.allclose(scores, same, atol=1e-6)
        assert np.allclose(scores[:, :num_repeated], np.stack(singles, axis=1), atol=1e-5)
    slow = float(np.median(each)) * num_prompts
    name = f"{num_prompts} prompts, {num_studies} studies"
    return [
        row(f"{name}: encoded for each prompt (from {num_repeated})", slow, "s"),
        row(f"{name}: encoded once", first, "s", "encoded for each prompt", slow / first),
        row(f"{name}: embeddings kept", again, "s", "encoded for each prompt", slow / again),
        row("a study with kept embeddings", 1000 * again / num_studies, "ms"),
    ]


def threshold_by_loop(scores: np.ndarray, labels: np.ndarray, num: int) -> float:
    """A confusion matrix for every threshold, as the released script does it."""
    from sklearn.metrics import confusion_matrix

    best, chosen = np.inf, -1.0
    for threshold in np.linspace(-1, 1, num):
        confusion = confusion_matrix(labels, scores > threshold)
        sensitivity = confusion[1, 1] / confusion[1].sum()
        alarms = confusion[0, 1] / confusion[0].sum()
        distance = np.sqrt((1 - sensitivity) ** 2 + alarms**2)
        if distance <= best:
            best, chosen = distance, float(threshold)
    return chosen


def bench_thresholds(num_studies: int, num_findings: int) -> list[dict[str, object]]:
    from sklearn import metrics

    random = np.random.default_rng(0)
    labels = (random.random((num_findings, num_studies)) < 0.2).astype(int)
    scores = np.clip(0.2 * random.normal(size=labels.shape) + 0.15 * labels, -1, 1)
    start = time.perf_counter()
    slow = [threshold_by_loop(*pair, CT_RATE_GRID) for pair in zip(scores, labels, strict=True)]
    loop = time.perf_counter() - start
    fast, times = [], []
    for _ in range(5):
        start = time.perf_counter()
        fast = [grid_threshold(*pair, CT_RATE_GRID) for pair in zip(scores, labels, strict=True)]
        times.append(time.perf_counter() - start)
    assert fast == slow
    for values, truth, threshold in zip(scores, labels, fast, strict=True):
        numbers = binary_numbers(values > threshold, truth)
        assert np.isclose(numbers.recall, metrics.recall_score(truth, values > threshold))
    name = f"{CT_RATE_GRID} thresholds, {num_findings} findings, {num_studies} studies"
    best = min(times)
    return [
        row(f"{name}: a confusion matrix each", loop, "s"),
        row(f"{name}: from sorted scores", best, "s", "a confusion matrix each", loop / best),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Fewer studies and findings; under a minute.")
    parser.add_argument("--json", action="store_true", help="For a machine.")
    options = parser.parse_args()
    rows = bench_prompts(*((40, 100, 2) if options.quick else (200, 100, 5)))
    rows += bench_thresholds(*((500, 2) if options.quick else (3039, 16)))
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        return
    for each in rows:
        ratio = "" if each["ratio"] is None else f"   {each['ratio']:,.0f} times faster"
        print(f"{each['name']:72} {each['value']:10.3f} {each['unit']}{ratio}")


if __name__ == "__main__":
    main()
