"""Scores as they come, so that a stopped evaluation goes on where it was, and many processes share one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from itemclip_med.zeroshot.protocol import Task

_PART = "scores.part{rank}.jsonl"
_TIMEOUT = timedelta(hours=24)


class Progress:
    """Scores of an evaluation that may be stopped, one JSON line per study, a file per process.

    Args:
        folder: the evaluation's folder.
        key: what the scores depend on; lines of another key are dropped. None: nothing is taken up again.
        rank: this process's number.
    """

    def __init__(self, folder: Path, key: str | None, rank: int = 0) -> None:
        self.folder, self.key, self.rank = folder, key, rank
        self.done: dict[str, dict[str, float]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if key is not None:
            for path in sorted(folder.glob(_PART.format(rank="*"))):
                self.done |= dict(_lines(path, key))
        self._path = folder / _PART.format(rank=rank)
        self._file: Any = None

    def add(self, study_id: str, scores: Mapping[str, float]) -> None:
        """Keep the scores of one study."""
        if self._file is None:
            kept = dict(_lines(self._path, self.key)) if self.key is not None else {}
            self._file = self._path.open("w", encoding="utf-8")
            self._file.write(json.dumps({"key": self.key or ""}) + "\n")
            for each, row in kept.items():
                self._write(each, row)
        self._write(study_id, scores)
        self._file.flush()

    def _write(self, study_id: str, scores: Mapping[str, float]) -> None:
        self._file.write(json.dumps({"study_id": study_id, "scores": dict(scores)}) + "\n")

    def close(self) -> None:
        """Close the file; what is in it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def finish(self) -> None:
        """Take the files away, all scores being written elsewhere."""
        self.close()
        for path in self.folder.glob(_PART.format(rank="*")):
            path.unlink(missing_ok=True)

    def everybody(self, world: int) -> dict[str, dict[str, float]]:
        """Scores of all processes of this run, and of an earlier one that is taken up again."""
        found: dict[str, dict[str, float]] = {}
        own = [self.folder / _PART.format(rank=rank) for rank in range(world)]
        for path in own if self.key is None else sorted(self.folder.glob(_PART.format(rank="*"))):
            found |= dict(_lines(path, self.key or ""))
        return found


def _lines(path: Path, key: str | None) -> Iterator[tuple[str, dict[str, float]]]:
    """Study and scores of each whole line of a file with this key."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            try:
                values = json.loads(line)
            except ValueError:  # a torn last line
                continue
            if number == 0:
                if values.get("key") != key:
                    return
                continue
            yield str(values["study_id"]), {str(name): float(value) for name, value in values["scores"].items()}


def progress_key(task: Task, digest: str | None, store_digest: str) -> str | None:
    """What scores depend on: prompts, model and store; None where the model has no digest."""
    if digest is None:
        return None
    words = [[f.name, list(f.prompts), list(f.negative_prompts)] for f in task.findings]
    return hashlib.sha256(json.dumps([digest, store_digest, words]).encode()).hexdigest()


def join_ranks() -> tuple[int, int]:
    """This process's number and how many there are (torchrun's environment); (0, 1) alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world < 2:
        return 0, 1
    import torch.distributed as dist

    if not dist.is_initialized():
        dist.init_process_group("gloo", timeout=_TIMEOUT)
    return dist.get_rank(), dist.get_world_size()


def wait_for_all(world: int) -> None:
    """Wait until every process is here."""
    if world > 1:
        import torch.distributed as dist

        dist.barrier()
