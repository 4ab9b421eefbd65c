"""How large and how fast stored volumes are: codecs, levels and chunks of Blosc2, beside float32 written by torch.save.

    python benchmarks/bench_store.py [--quick] [--json] [--shared DIR]

Volumes are head CT phantoms (int16 HU), and with ``--shared`` the CT series under ``DIR/data/dicom`` as a recipe leaves
them. A crop is a box of half the volume's size along each axis at a random place, as training takes it; what it touches
is what the process read from files, as the kernel counts it. Times are medians of processor time on one thread, which
other work on the machine changes little, with files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from measuring import MIB, row

from itemclip_med.records import Series
from itemclip_med.store.arrays import SETTINGS, ArraySettings, encode_array, read_array

AFFINE = tuple(tuple(map(float, line)) for line in np.eye(4))
VARIANTS = (
    ArraySettings("LZ4", 5),
    ArraySettings("LZ4HC", 9),
    ArraySettings("ZSTD", 1),
    ArraySettings("ZSTD", 3),
    ArraySettings("ZSTD", 5),
    ArraySettings("ZSTD", 9),
    ArraySettings("ZSTD", 1, "BITSHUFFLE"),
    ArraySettings("ZSTD", 3, "BITSHUFFLE"),
    ArraySettings("LZ4", 5, "BITSHUFFLE"),
    *(
        ArraySettings("ZSTD", 1, "SHUFFLE", chunk, block)
        for chunk, block in (
            ((64, 64, 16), None),
            ((64, 64, 32), None),
            ((256, 256, 32), None),
            ((1024, 1024, 1024), None),
            ((128, 128, 32), (32, 32, 8)),
            ((128, 128, 32), (64, 64, 8)),
            ((128, 128, 32), (64, 64, 16)),
        )
    ),
)
QUICK = (ArraySettings("ZSTD", 1), ArraySettings("ZSTD", 3), ArraySettings("LZ4", 5))


def name_of(settings: ArraySettings) -> str:
    block = "" if settings.block is None else f" block {'x'.join(map(str, settings.block))}"
    chunk = "whole" if settings.chunk[0] >= 1024 else "x".join(map(str, settings.chunk))
    return f"{settings.codec} {settings.level} {settings.filter.lower()} {chunk}{block}"


def phantoms(num: int, size: str) -> list[np.ndarray]:
    from itemclip_med.phantoms.head_ct import make_head_ct

    return [np.ascontiguousarray(make_head_ct(0, index, size=size).volume_hu, np.int16) for index in range(num)]


def real_volumes(shared: Path) -> list[np.ndarray]:
    """CT series of the developers' DICOM set, as recipes load them."""
    from itemclip_med.dicom import discover_folder
    from itemclip_med.errors import ItemClipError
    from itemclip_med.transforms import Coarsen, LoadSeries

    coarsen, volumes = Coarsen((0.9, 0.9, 1.25)), []
    for folder in sorted((shared / "data" / "dicom").glob("case*_ct*")):
        for study in discover_folder(folder).studies:
            for series in study.volumes:
                if series.modality == "CT" and len(series.slices) >= 16:
                    try:
                        values = coarsen(LoadSeries()(series)).numpy()[0]
                    except ItemClipError:
                        continue
                    volumes.append(np.clip(np.rint(values), -32768, 32767).astype(np.int16))
    return volumes


def crops(volumes: Sequence[np.ndarray], num: int) -> list[tuple[int, tuple[slice, slice, slice]]]:
    """Boxes of half the size at random places: (number of the volume, box)."""
    rng, boxes = np.random.default_rng(0), []
    for index in range(num):
        shape = volumes[index % len(volumes)].shape
        starts = [int(rng.integers(0, size - size // 2 + 1)) for size in shape]
        box = tuple(slice(start, start + size // 2) for start, size in zip(starts, shape, strict=True))
        boxes.append((index % len(volumes), box))
    return boxes


def bytes_read() -> int:
    """Bytes that this process has read so far, cached or not; 0 where the system does not count them."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


def timed(function: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of processor time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


def measure(
    volumes: Sequence[np.ndarray],
    write: Callable[[Path, np.ndarray], object],
    read: Callable[[Path, np.ndarray, tuple | None], object],
    repeats: int,
) -> dict[str, float]:
    """Size in MiB and median milliseconds of processor time of one way to keep the volumes, and MiB read for a crop."""
    boxes = crops(volumes, max(8, 2 * len(volumes)))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.b2nd" for number in range(len(volumes))]
        pairs = list(zip(paths, volumes, strict=True))
        writing = statistics.median(timed(lambda p=p, v=v: write(p, v), repeats) for p, v in pairs)
        size = sum(path.stat().st_size for path in paths)
        whole = statistics.median(timed(lambda p=p, v=v: read(p, v, None), repeats) for p, v in pairs)
        before = bytes_read()
        crop = statistics.median(
            timed(lambda n=n, b=b: read(paths[n], volumes[n], b), 1) for n, b in boxes for _ in range(repeats)
        )
        touched = (bytes_read() - before) / (repeats * len(boxes))
    return {"MiB": size / MIB, "write ms": writing, "read ms": whole, "crop ms": crop, "crop MiB": touched / MIB}


def measure_blosc2(volumes: Sequence[np.ndarray], settings: ArraySettings, repeats: int) -> dict[str, float]:
    def read(path: Path, volume: np.ndarray, box: tuple | None) -> np.ndarray:
        series = Series("", path.name, volume.shape, (1.0, 1.0, 1.0), AFFINE, "CT", "int16")
        return read_array(path.parent, series, box)

    return measure(volumes, lambda path, volume: path.write_bytes(encode_array(volume, settings)), read, repeats)


def measure_torch(volumes: Sequence[np.ndarray], repeats: int) -> dict[str, float]:
    import torch

    def read(path: Path, volume: np.ndarray, box: tuple | None) -> object:
        values = torch.load(path, weights_only=True)
        return values if box is None else values[box].clone()

    def write(path: Path, volume: np.ndarray) -> None:
        torch.save(torch.from_numpy(volume.astype(np.float32)), path)

    return measure(volumes, write, read, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer settings and volumes; under a minute")
    parser.add_argument("--json", action="store_true", help="a list of rows instead of tables")
    parser.add_argument("--shared", type=Path, help="folder with data/dicom: real volumes too")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    kinds = {"demo phantoms": phantoms(2 if options.quick else 4, "demo")}
    if not options.quick:
        kinds["clinical phantoms"] = phantoms(1, "clinical")
    if options.shared:
        kinds["real CT"] = real_volumes(options.shared)
    rows: list[dict[str, object]] = []
    for kind, volumes in kinds.items():
        if not volumes:
            continue
        raw = sum(volume.nbytes for volume in volumes) / MIB
        if not options.json:
            print(f"\n{kind}: {len(volumes)} volumes, {raw:.1f} MiB of int16")
            print(f"{'':46}{'MiB':>8}{'share':>7}{'write ms':>10}{'read ms':>9}{'crop ms':>9}{'crop MiB':>10}")
        repeats = 1 if options.quick else 3
        torch_size = 0.0
        for settings in (None, *(QUICK if options.quick else VARIANTS)):
            if settings is None:
                numbers = measure_torch(volumes, repeats)
            else:
                numbers = measure_blosc2(volumes, settings, repeats)
            torch_size = torch_size or numbers["MiB"]
            name = "float32, torch.save" if settings is None else name_of(settings)
            name += " (ours)" if settings == SETTINGS else ""
            for quantity, value in numbers.items():
                unit = quantity.split()[-1]
                against = ("float32, torch.save", value / torch_size) if quantity == "MiB" else (None, None)
                rows.append(row(f"{kind}: {name}: {quantity}", value, unit, *against))
            if not options.json:
                print(
                    f"{name:46}{numbers['MiB']:8.2f}{numbers['MiB'] / torch_size:7.1%}{numbers['write ms']:10.1f}"
                    f"{numbers['read ms']:9.1f}{numbers['crop ms']:9.1f}{numbers['crop MiB']:10.2f}",
                    flush=True,
                )
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
