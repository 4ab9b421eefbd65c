"""What a run leaves behind beside its losses: scores, and a record of how it was made."""

from __future__ import annotations

import csv
import importlib.metadata
import inspect
import json
import logging
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from itemclip_med.training.ranks import is_main, num_ranks

logger = logging.getLogger(__name__)

_PACKAGES = ("itemclip-med", "monai", "torch", "numpy", "transformers", "tokenizers", "pytorch-ignite", "safetensors")


class ScoreTable:
    """Write what an evaluator scored: ``scores.csv``, one row a study and one cosine a finding.

    Args:
        folder: where the file goes.
        names: names of the findings, in the order of the scores' columns.
    """

    def __init__(self, folder: str | Path, names: Sequence[str]) -> None:
        self.path = Path(folder) / "scores.csv"
        self.names = list(names)
        self._rows: list[list[Any]] = []

    def attach(self, engine: Engine) -> None:
        """Listen to the batches and to the end."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda engine: self._rows.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _collect(self, engine: Engine) -> None:
        state: Any = engine.state
        scores = state.output["pred"].float().cpu().tolist()
        for study_id, row in zip(state.batch["study_id"], scores, strict=True):
            self._rows.append([study_id, *(f"{score:.6f}" for score in row)])

    def _write(self, engine: Engine) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["study_id", *self.names])
            writer.writerows(self._rows)
        logger.info("%d studies scored for %d findings: %s", len(self._rows), len(self.names), self.path)


def find_running_config() -> dict[str, Any] | None:
    """The configuration of the MONAI bundle that is being built, macros resolved, or None outside of one.

    MONAI hands components no reference to the parser that builds them, so it is looked for among the callers.
    """
    from monai.bundle import ConfigParser

    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, ConfigParser):
            found: dict[str, Any] = caller.get()
            return found
        frame = frame.f_back
    return None


class RunRecord:
    """Write ``run.json``: the resolved configuration, seeds, versions, git revision and what the run was trained on.

    Settings that differ from those of the run that goes on are told.

    Args:
        folder: where the record goes.
        seed: of the run.
        stores: stores that were read; path, digest, number of studies and recipe digests are written.
        config: the configuration; by default that of the bundle being built.
    """

    def __init__(
        self,
        folder: str | Path,
        seed: int | None = None,
        stores: Sequence[Any] = (),
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(folder) / "run.json"
        self.seed = seed
        self.stores = list(stores)
        found = config if config is not None else find_running_config()
        # as text at once: the parser may go on changing its own dictionaries
        self.config = json.loads(json.dumps(found, default=str)) if found is not None else None

    def attach(self, engine: Engine) -> None:
        """Listen to the start of the run."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the record; an earlier one of the same folder is kept under ``earlier``."""
        if not is_main():
            return
        record: dict[str, Any] = {
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "command": sys.argv,
            "seed": self.seed,
            "first_epoch": engine.state.epoch + 1,
            "first_step": engine.state.iteration + 1,
            "max_epochs": engine.state.max_epochs,
            "versions": package_versions(),
            "git_revision": git_revision(),
            "processes": num_ranks(),
            "threads": torch.get_num_threads(),
            "device": str(getattr(engine.state, "device", "cpu")),
            "stores": [_describe_store(store) for store in self.stores],
            "config": self.config,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            earlier = json.loads(self.path.read_text())
            record["earlier"] = [*earlier.pop("earlier", []), earlier]
            changed = changed_settings(earlier.get("config"), self.config)
            if changed and engine.state.iteration:
                logger.warning("settings differ from the run that goes on: %s", "; ".join(changed))
        temporary = self.path.with_name(f".{self.path.name}.part")
        temporary.write_text(json.dumps(record, indent=1))
        temporary.replace(self.path)


def changed_settings(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """Top entries of two configurations that differ and are plain values: ``name old -> new``."""
    plain = (str, int, float, bool, type(None), list)
    before, after = before or {}, after or {}
    return [
        f"{name} {before[name]} -> {after[name]}"
        for name in after
        if name in before and before[name] != after[name] and isinstance(after[name], plain)
    ]


def git_revision() -> str | None:
    """Commit of the checkout that the package runs from, with "+" where files differ from it; None outside of one."""
    folder = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "."])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() + "+" * bool(changes.stdout.strip())


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a run's numbers."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _describe_store(store: Any) -> dict[str, Any]:
    """What identifies a store's contents."""
    studies = list(store.studies)
    return {
        "path": str(getattr(store, "root", "")),
        "digest": store.digest(),
        "num_studies": len(studies),
        "recipe_digests": sorted({study.recipe_digest for study in studies}),
    }
