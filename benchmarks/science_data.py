"""The phantoms of ``science.py``: one training store without the left-out pairs, and the test stores."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.science_methods import LEFT_OUT, Sizes


@dataclass(frozen=True)
class TestSet:
    """A test set.

    Attributes:
        seed: of its phantoms; no other set and no training study has it.
        share: of `Sizes.num_test`, how many phantoms it has.
        mix: what they show.
    """

    seed: int
    share: float = 1.0
    mix: str = "usual"


TEST_SETS = {
    "usual": TestSet(3),
    "hard": TestSet(5, 0.75, "hard"),
    "normal-heavy": TestSet(7, 1.5, "normal-heavy"),
    "compositional": TestSet(9, 0.6, "compositional"),
}


@dataclass(frozen=True)
class PhantomStore:
    """Preprocessed phantoms and what is known about them.

    Attributes:
        store: folder of the store.
        truth: folder of masks and ``studies.jsonl``.
    """

    store: Path
    truth: Path

    def findings(self) -> dict[str, list[tuple[str, str]]]:
        """Study id to name and side of each finding."""
        lines = (self.truth / "studies.jsonl").read_text(encoding="utf-8").splitlines()
        studies = map(json.loads, lines)
        return {study["id"]: [(one["name"], one["side"]) for one in study["findings"]] for study in studies}


def training_store(out_dir: Path, sizes: Sizes, say: Callable[[str], object]) -> Path:
    """The store to train on: phantoms of the training seed less those that show a left-out pair."""
    return store_without_pairs(out_dir, "train", sizes.num_train, sizes.train_seed, say).store


def test_store(out_dir: Path, name: str, sizes: Sizes, say: Callable[[str], object]) -> PhantomStore:
    """A test set by its name; all but the compositional one lack what training lacked."""
    wanted = TEST_SETS[name]
    make = phantom_store if wanted.mix == "compositional" else store_without_pairs
    return make(out_dir, name, round(sizes.num_test * wanted.share), wanted.seed, say, wanted.mix)


def store_without_pairs(
    out_dir: Path, name: str, num: int, seed: int, say: Callable[[str], object], mix: str = "usual"
) -> PhantomStore:
    """As :func:`phantom_store`, less the studies that show a left-out pair."""
    target = out_dir / "stores" / name
    if not target.is_dir():
        drawn = phantom_store(out_dir, name, num, seed, say, mix)
        kept = {study_id for study_id, findings in drawn.findings().items() if not set(findings) & set(LEFT_OUT)}
        say(f"{len(kept)} of {num} phantoms ({name}) show none of the left-out pairs")
        copy_studies(drawn.store, target, kept)
    return PhantomStore(target, out_dir / "phantoms" / name / "truth")


def phantom_store(
    out_dir: Path, name: str, num: int, seed: int, say: Callable[[str], object], mix: str = "usual"
) -> PhantomStore:
    """Make head CT phantoms as DICOM and preprocess them; what is there already is kept."""
    from itemclip_med.phantoms.export import PhantomSet, export_head_ct
    from itemclip_med.preprocess import run_recipe
    from itemclip_med.workers import num_processors

    source, store = out_dir / "phantoms" / name, out_dir / "stores" / "drawn" / name
    found = PhantomStore(store, source / "truth")
    done = store.with_suffix(".done")
    if done.is_file():
        return found
    say(f"{num} phantoms of seed {seed} ({name}) …")
    wanted = PhantomSet(num=num, seed=seed, layout="cq500", size="demo", mix=mix)
    export_head_ct(source, wanted, workers=num_processors())
    summary = run_recipe("cq500", source / "cq500", store, workers=num_processors(), reports=source / "reports.jsonl")
    if summary.num_failed:
        raise SystemExit(f"{summary.num_failed} studies failed; the reasons are in {summary.log_path}.")
    done.touch()
    return found


def content_digest(store: Path) -> str:
    """SHA-256 over labels, items and voxels, whatever the files that hold them look like; kept beside the store."""
    from itemclip_med.store import Store

    kept = store.with_suffix(".digest")
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    digest, opened = hashlib.sha256(), Store(store)
    for study in opened.studies:
        items = [(item.text, item.status) for item in opened.reports[study.study_id].items]
        digest.update(json.dumps([study.study_id, sorted(study.labels.items()), items]).encode())
        for series in study.series:
            digest.update(opened.read(series).tobytes())
    kept.write_text(digest.hexdigest(), encoding="utf-8")
    return digest.hexdigest()


def copy_studies(store: Path, copy: Path, study_ids: Iterable[str]) -> None:
    """Copy some studies of a store; arrays are linked where the disk allows. The manifest comes last."""
    wanted = set(study_ids)
    fresh = copy.with_name(f".{copy.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "volumes").mkdir(parents=True)
    for study_id in sorted(wanted):
        shutil.copytree(store / "volumes" / study_id, fresh / "volumes" / study_id, copy_function=_link_or_copy)
    shutil.copy(store / "store.json", fresh)
    for name in ("items.jsonl", "manifest.jsonl"):
        lines = (store / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (fresh / name).write_text("".join(line for line in lines if json.loads(line)["study_id"] in wanted), "utf-8")
    fresh.rename(copy)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
