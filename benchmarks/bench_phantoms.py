"""How fast head CT phantoms are made and written: ``python benchmarks/bench_phantoms.py [--quick] [--json]``.

The road's promise is 10 demo studies per second on two cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.phantoms.head_ct_series import write_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer studies; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    num = 40 if options.quick else 200
    rows = [*time_parts(10 if options.quick else 30), *(time_sets(num, workers) for workers in (1, 2))]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        ratio = f"  ({row['ratio']:.2f} x {row['ratio_to']})" if row["ratio_to"] else ""
        print(f"{row['name']:42s} {row['value']:8.2f} {row['unit']}{ratio}")


def time_parts(num: int) -> list[dict[str, object]]:
    """Making and writing a demo study, apart, in milliseconds of one core."""
    make_head_ct(0, 0)  # the shared noise fields are drawn once
    started = time.process_time()
    phantoms = [make_head_ct(0, index) for index in range(num)]
    made = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for index, phantom in enumerate(phantoms):
            write_study(Path(folder, str(index)), phantom, str(index), str(index))
    written = time.process_time()
    return [row("make one demo study", 1e3 * (made - started) / num, "ms"),
            row("write its DICOM files", 1e3 * (written - made) / num, "ms")]  # fmt: skip


def time_sets(num: int, workers: int) -> dict[str, object]:
    """Whole demo sets, with labels, reports and truth, in studies per second."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        export_head_ct(Path(folder, "set"), PhantomSet(num), workers=workers)
        rate = num / (time.perf_counter() - started)
    return row(
        f"demo set of {num}, {workers} worker{'s' * (workers > 1)}", rate, "studies/s", "promise of 10", rate / 10
    )


def row(
    name: str, value: float, unit: str, ratio_to: str | None = None, ratio: float | None = None
) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "ratio_to": ratio_to, "ratio": ratio}


if __name__ == "__main__":
    main()
