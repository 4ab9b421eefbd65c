"""What a check finds odd, and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_NAMED = 5  # names in a sentence
_SHOWN = 20  # oddities of one kind that are printed; --json has all


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing that is missing or odd in a source.

    Attributes:
        kind: one of :data:`KINDS`.
        text: what is wrong, for people.
        study_id: whose; "" where it is no study's, or unknown.
        file: name of a file, or its path below the source; "" where it is no file's.
        line: of a table, from 1; 0 for none.
    """

    kind: str
    text: str
    study_id: str = ""
    file: str = ""
    line: int = 0

    def where(self) -> str:
        """File and line, and the study where the file does not name it."""
        if not self.file:
            return self.study_id
        told = f" ({self.study_id})" if self.study_id and self.study_id not in f"{self.file} {self.text}" else ""
        return f"{self.file}, line {self.line}{told}" if self.line else f"{self.file}{told}"


KINDS: dict[str, str] = {
    "unfinished-file": "files that a download has not finished",
    "unreadable-file": "images that cannot be read",
    "damaged-slice": "slices that cannot be read",
    "missing-slice": "stacks with slices missing",
    "pickled-array": "archives that hold pickled objects, which are never loaded",
    "impossible-geometry": "images whose size or spacing cannot be true",
    "other-version": "files of another version of the data set than their folder",
    "hu-shifted": "images whose values are not in Hounsfield units",
    "flipped-sides": "images whose left and right seem exchanged",
    "repeated-content": "images that equal another",
    "repeated-study": "studies that lie there twice",
    "no-metadata": "files that cannot be read without a row of metadata",
    "missing-table": "tables that are not there",
    "missing-column": "tables that lack a column: of another release, or renamed",
    "unreadable-table": "tables that cannot be read",
    "bad-row": "rows that cannot be read",
    "duplicate-row": "rows that repeat another",
    "conflicting-row": "rows that contradict another",
    "unlabeled-study": "images without labels",
    "missing-study": "rows without images",
    "unknown-study": "images that belong to no study of the data set",
}
"""Kind to what it is called in the plural."""


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        recipe: its name.
        num_studies: studies seen.
        num_files: files seen.
        num_looked: images whose voxels were read.
        oddities: what is missing or odd, without what the recipe knows already.
        notes: what is worth knowing and needs no mending.
        seconds: duration.
    """

    recipe: str
    num_studies: int = 0
    num_files: int = 0
    num_looked: int = 0
    oddities: list[Oddity] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The report for ``--json``."""
        return {
            "recipe": self.recipe,
            "num_studies": self.num_studies,
            "num_files": self.num_files,
            "num_looked": self.num_looked,
            "odd": dict(sorted(Counter(oddity.kind for oddity in self.oddities).items())),
            "oddities": [asdict(oddity) for oddity in self.oddities],
            "notes": self.notes,
            "seconds": round(self.seconds, 2),
        }

    def lines(self) -> list[str]:
        """The report for people."""
        verdict = f"{len(self.oddities)} oddities" if self.oddities else "nothing odd"
        lines = [
            f"{self.num_studies} studies in {self.num_files} files, voxels of {self.num_looked} images read: "
            f"{verdict}; {self.seconds:.1f} s"
        ]
        for kind, title in KINDS.items():
            found = [oddity for oddity in self.oddities if oddity.kind == kind]
            if not found:
                continue
            lines.append(f"{title}: {len(found)}")
            lines += [f"  {oddity.where()}: {oddity.text}" for oddity in found[:_SHOWN]]
            if len(found) > _SHOWN:
                lines.append(f"  … {len(found) - _SHOWN} more (--json lists all)")
        return lines + self.notes


def few(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
