"""The whole road once, on phantoms: DICOM, store, training, zero-shot evaluation, heatmaps."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from itemclip_med.errors import ItemClipError, SourceError
from itemclip_med.resources import bundles_dir
from itemclip_med.workers import num_processors

HELD_OUT_SEED_OFFSET = 1
TASK = "cq500-10"
_LOCALIZED = ("IPH", "SDH", "EDH", "IVH", "SAH")


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demo.

    Attributes:
        num_train: phantom studies to train on.
        num_test: held-out phantom studies, of another seed.
        epochs: passes over the training studies.
        seed: of everything.
        workers: processes for making and preprocessing phantoms.
        num_pictures: studies that get heatmaps.
        overrides: further settings of the bundle, id to value.
        configs: further config files, laid over demo.json in this order.
    """

    num_train: int = 1000
    num_test: int = 200
    epochs: int = 24
    seed: int = 0
    workers: int = field(default_factory=num_processors)
    num_pictures: int = 3
    overrides: tuple[tuple[str, str], ...] = ()
    configs: tuple[str, ...] = ()


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        metrics: as in ``metrics.json``.
        report: the printed table.
        pictures: heatmaps.
        model: folder of the trained model.
        seconds: step to duration.
    """

    metrics: dict[str, Any]
    report: str
    pictures: list[Path]
    model: Path
    seconds: dict[str, float]


def run_demo(out_dir: Path, settings: DemoSettings, say: Callable[[str], object] = print) -> DemoResult:
    """Run the road; everything lands in one folder, and a run that was stopped goes on where it was.

    Args:
        out_dir: a new folder, or one of an earlier demo.
        settings: sizes.
        say: gets a line for each step.

    Raises:
        SourceError: if the folder holds something else.
        ItemClipError: if a step fails.
    """
    from itemclip_med.zeroshot import format_report, load_task, run_task

    out_dir = out_dir.absolute()
    if out_dir.exists() and any(out_dir.iterdir()) and not (out_dir / "phantoms").is_dir():
        raise SourceError(f"{out_dir} is not empty and holds no earlier demo: name a new folder.")
    seconds: dict[str, float] = {}
    stores = make_stores(out_dir, settings, say, seconds)
    say(f"[5/6] train the bundle head_ct_itemclip: {settings.epochs} epochs …")
    run_dir = out_dir / "run"
    seconds["train"] = _timed(train_bundle, stores["train"], run_dir, settings, out_dir / "training.log")
    model = run_dir / "exported" / "last"
    say("[6/6] zero-shot on the held-out phantoms, heatmaps …")
    start = time.monotonic()
    task = load_task(TASK)
    metrics = run_task(stores["test"], task, model, out_dir / "zeroshot", batch_size=32)
    assert metrics is not None  # one process: no other rank writes them
    pictures = draw_examples(stores["test"], model, out_dir / "heatmaps", settings.num_pictures)
    seconds["evaluate"] = time.monotonic() - start
    report = format_report(metrics, task)
    (out_dir / "report.txt").write_text(report + "\n", encoding="utf-8")
    return DemoResult(metrics, report, pictures, model, seconds)


def make_stores(
    out_dir: Path, settings: DemoSettings, say: Callable[[str], object], seconds: dict[str, float] | None = None
) -> dict[str, Path]:
    """Make phantoms to train on and held-out ones as DICOM, and preprocess both.

    Args:
        out_dir: gets ``phantoms`` and ``stores``.
        settings: how many, of which seed.
        say: gets a line for each step.
        seconds: gets the duration of each step.

    Returns:
        The stores "train" and "test".
    """
    seconds = {} if seconds is None else seconds
    stores = {}
    for number, (part, count) in enumerate((("train", settings.num_train), ("test", settings.num_test))):
        say(f"[{2 * number + 1}/6] {count} head CT phantoms as DICOM ({part}) …")
        source = out_dir / "phantoms" / part
        seconds[f"phantoms {part}"] = _timed(
            _make_phantoms, source, count, settings.seed * 2 + number * HELD_OUT_SEED_OFFSET, settings.workers
        )
        say(f"[{2 * number + 2}/6] preprocess dicom, with report items ({part}) …")
        stores[part] = out_dir / "stores" / part
        seconds[f"preprocess {part}"] = _timed(_preprocess, source, stores[part], settings.workers)
    return stores


def train_bundle(store: Path, run_dir: Path, settings: DemoSettings, log_path: Path) -> None:
    """Train with MONAI's own command in the demo's small setting; the output goes to a log.

    Raises:
        ItemClipError: if the training fails; names the log.
    """
    configs = bundles_dir() / "head_ct_itemclip" / "configs"
    layers = [str(configs / "train.json"), str(configs / "demo.json"), *settings.configs]
    command = [
        sys.executable, "-m", "monai.bundle", "run", "training",
        "--meta_file", f"['{configs / 'metadata.json'}','{configs / 'demo_metadata.json'}']",
        "--logging_file", str(configs / "logging.conf"),
        "--config_file", str(layers),
        "--store", str(store), "--output_dir", str(run_dir), "--epochs", str(settings.epochs),
        "--seed", str(settings.seed),
        *(part for name, value in settings.overrides for part in (f"--{name}", value)),
    ]  # fmt: skip
    if any((run_dir / "checkpoints").glob("*.pt")):
        command += ["--resume_from", "latest"]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("a", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, cwd=log_path.parent)
    if done.returncode:
        raise ItemClipError(f"The training stopped with status {done.returncode}: the reason is in {log_path}.")


def draw_examples(store: Path, model: Path, out_dir: Path, num: int) -> list[Path]:
    """Heatmaps of the first studies with each of the bleeds, asked for in the task's words."""
    from itemclip_med.explain import explain_study
    from itemclip_med.store import Store
    from itemclip_med.zeroshot import load_task

    opened = Store(store)
    titles = {finding.name: finding.title for finding in load_task(TASK).findings}
    pictures: list[Path] = []
    for name in _LOCALIZED[:num]:
        study = next((study for study in opened.studies if study.labels.get(name) == 1), None)
        if study is None:
            continue
        folder = out_dir / study.study_id
        pictures += [
            path
            for path in explain_study(opened, study.study_id, model, [titles[name]], folder)
            if path.suffix == ".png"
        ]
    return pictures


def _timed(function: Callable[..., object], *args: Any) -> float:
    start = time.monotonic()
    function(*args)
    return time.monotonic() - start


def _make_phantoms(out_dir: Path, num: int, seed: int, workers: int) -> None:
    from itemclip_med.phantoms.export import PhantomSet, export_head_ct

    export_head_ct(out_dir, PhantomSet(num=num, seed=seed, start=0, layout="cq500", size="demo"), workers=workers)


def _preprocess(source: Path, store: Path, workers: int) -> None:
    from itemclip_med.preprocess import run_recipe

    summary = run_recipe("cq500", source / "cq500", store, workers=workers, reports=source / "reports.jsonl")
    if summary.num_failed:
        raise ItemClipError(f"{summary.num_failed} studies failed; the reasons are in {summary.log_path}.")
