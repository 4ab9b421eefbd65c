"""CSV files that grow row by row and can be cut back to where a checkpoint was."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Table:
    """A CSV file that grows row by row; a resumed run goes on in it.

    Args:
        path: the file; its folder is made when needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row; the first row's names are the header. Names that come later are left out."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = self.length() == 0
        if is_new:
            names = list(row)
        else:
            with self.path.open(newline="") as file:
                names = next(csv.reader(file))
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore", restval="")
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def length(self) -> int:
        """Bytes of the file, 0 where there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def cut(self, length: int) -> None:
        """Forget what was written behind ``length`` bytes."""
        if self.length() > length:
            os.truncate(self.path, length)
