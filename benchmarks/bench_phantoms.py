"""How fast phantoms are made and written: ``python benchmarks/bench_phantoms.py [--quick] [--json]``.

The promise is 10 demo studies of the head per second on two cores, 5 of the chest, which has four times the voxels, and
4 of brain MRI, which has about seven series.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from itemclip_med.phantoms.brain_mri import make_brain_mri
from itemclip_med.phantoms.chest_ct import make_chest_ct
from itemclip_med.phantoms.chest_export import ChestSet, export_chest_ct
from itemclip_med.phantoms.chest_series import write_chest_study
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.phantoms.head_ct_series import write_study
from itemclip_med.phantoms.mri_export import BrainMriSet, export_brain_mri
from itemclip_med.phantoms.mri_series import write_mri_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer studies; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    num = 40 if options.quick else 200
    few = 10 if options.quick else 30
    rows = [
        *time_parts("head", make_head_ct, write_study, few),
        *(time_sets("head", num, workers, 10) for workers in (1, 2)),
        *time_parts("chest", make_chest_ct, write_chest_study, few // 2),
        *(time_sets("chest", num // 2, workers, 5) for workers in (1, 2)),
        *time_parts("brain MRI", make_brain_mri, write_mri_study, few // 2),
        *(time_sets("brain MRI", num // 2, workers, 4) for workers in (1, 2)),
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        ratio = f"  ({row['ratio']:.2f} x {row['ratio_to']})" if row["ratio_to"] else ""
        print(f"{row['name']:42s} {row['value']:8.2f} {row['unit']}{ratio}")


def time_parts(kind: str, make: Callable[..., Any], write: Callable[..., int], num: int) -> list[dict[str, object]]:
    """Making and writing a demo study, apart, in milliseconds of one core."""
    make(0, 0)  # the shared noise fields are drawn once
    started = time.process_time()
    phantoms = [make(0, index) for index in range(num)]
    made = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for index, phantom in enumerate(phantoms):
            write(Path(folder, str(index)), phantom, str(index), str(index))
    written = time.process_time()
    return [row(f"make one demo {kind} study", 1e3 * (made - started) / num, "ms"),
            row(f"write the DICOM files of a {kind}", 1e3 * (written - made) / num, "ms")]  # fmt: skip


def time_sets(kind: str, num: int, workers: int, promise: int) -> dict[str, object]:
    """Whole demo sets, with labels, reports and truth, in studies per second."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        if kind == "head":
            export_head_ct(Path(folder, "set"), PhantomSet(num), workers=workers)
        elif kind == "brain MRI":
            export_brain_mri(Path(folder, "set"), BrainMriSet(num), workers=workers)
        else:
            export_chest_ct(Path(folder, "set"), ChestSet(num), workers=workers)
        rate = num / (time.perf_counter() - started)
    name = f"{kind} demo set of {num}, {workers} worker{'s' * (workers > 1)}"
    return row(name, rate, "studies/s", f"promise of {promise}", rate / promise)


def row(
    name: str, value: float, unit: str, ratio_to: str | None = None, ratio: float | None = None
) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "ratio_to": ratio_to, "ratio": ratio}


if __name__ == "__main__":
    main()
