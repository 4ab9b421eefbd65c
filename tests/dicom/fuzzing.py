"""Damaged DICOM files: made from real and made ones, read in a process of its own that reports time and memory.

Run by tests/dicom/test_fuzz.py as ``python -m tests.dicom.fuzzing SEED NUM SOURCE...``.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from itemclip_med.dicom import discover_folder, load_series
from itemclip_med.dicom.decoding import decode
from itemclip_med.errors import ItemClipError, PixelError
from tests.dicom.making import write_enhanced, write_series

DEFLATED = "1.2.840.10008.1.2.1.99"
_LENGTHS = (0, 1, 7, 255, 0x7FFF, 0xFFFE, 0xFFFF)
_HUGE = ("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel")
_MAX_SEED_BYTES = 700_000
_UIDS = {"study_uid": "1.2.3", "series_uid": "1.2.3.4"}


def make_seeds(folder: Path) -> list[Path]:
    """One whole file of every encoding that can be made, the next slice of the whole ones it will lie among."""
    seeds = []
    place = {"positions": np.array([[-20.0, -30.0, 55.0]]), "size": (32, 32), **_UIDS}
    for number, syntax in enumerate((ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DEFLATED)):
        seeds += write_series(folder / f"plain{number}", syntax=syntax, **place)
    for number, syntax in enumerate((RLELossless, JPEG2000Lossless)):
        (path,) = write_series(folder / f"packed{number}", **place)
        dataset = dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
        seeds.append(path)
    frames = [{"position": (0, 0, 5 * k), "time": t, "b": 100 * t} for k in range(4) for t in (1, 2)]
    seeds.append(write_enhanced(folder / "frames" / "a", frames))
    dataset = dcmread(write_enhanced(folder / "packed frames" / "a", frames, size=(32, 32)))
    dataset.compress(RLELossless)
    dataset.save_as(folder / "packed frames" / "a")
    return [*seeds, folder / "packed frames" / "a"]


def damage(data: bytes, path: Path, rng: random.Random) -> bytes:
    """One variant of a file."""
    kind = rng.choice(["flip", "flip head", "cut", "length", "drop", "swap", "huge", "splice"])
    changed = bytearray(data)
    if kind in ("flip", "flip head"):
        end = len(data) if kind == "flip" else min(len(data), 2000)
        for _ in range(rng.choice([1, 4, 40])):
            changed[rng.randrange(end)] = rng.randrange(256)
    elif kind == "cut":
        del changed[rng.randrange(len(data)) :]
    elif kind == "length":
        for _ in range(3):
            place = rng.randrange(132, max(len(data) - 4, 133)) if rng.random() < 0.5 else rng.randrange(132, 1500)
            changed[place : place + 2] = rng.choice(_LENGTHS).to_bytes(2, "little")
    elif kind == "splice":
        start, length = rng.randrange(len(data)), rng.randrange(1, 400)
        changed[start:start] = data[start : start + length]
    else:
        try:
            return _change_elements(path, kind, rng) or data
        except Exception:  # pydicom cannot write what it was asked to
            return data[: len(data) // 2]
    return bytes(changed)


def _change_elements(path: Path, kind: str, rng: random.Random) -> bytes | None:
    dataset = dcmread(path, force=True)
    tags = [element.tag for element in dataset if element.tag != 0x7FE00010 or kind == "drop"]
    if not tags:
        return None
    if kind == "drop":
        for tag in rng.sample(tags, min(len(tags), 3)):
            del dataset[tag]
    elif kind == "swap":
        one, other = rng.choice(tags), rng.choice(tags)
        dataset[one].value, dataset[other].value = dataset[other].value, dataset[one].value
    else:
        for name in rng.sample(_HUGE, 2):
            setattr(dataset, name, 2**31 - 1 if name == "NumberOfFrames" else rng.choice([0, 1, 8, 32, 4096, 65535]))
    target = path.with_name("changed")
    dataset.save_as(target, enforce_file_format=False)
    return target.read_bytes()


def check(folder: Path) -> str:
    """Discover, load and decode everything; what went wrong, "" for nothing."""
    try:
        inventory = discover_folder(folder)
    except ItemClipError:
        return ""
    if inventory.files_found != inventory.files_used + sum(inventory.skipped.values()):
        return f"{inventory.files_found} found, {inventory.files_used} used, {dict(inventory.skipped)}"
    for study in inventory.studies:
        for file in (file for series in study.series for file in series.slices[:30]):
            with contextlib.suppress(PixelError):
                decode(file)  # also of what is no volume by itself
        for series in study.volumes:
            try:
                load_series(series, on_gap="report", padding="air", monochrome1="invert")
            except ItemClipError as error:
                if "\n" in str(error):
                    return f"an error of several lines: {error}"
    return ""


def run(seed: int, num: int, sources: list[Path]) -> dict[str, object]:
    """Read ``num`` damaged files, each among three whole ones of its series."""
    rng = random.Random(seed)
    result: dict[str, object] = {"num": 0, "wrong": [], "slowest_s": 0.0}
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        healthy = write_series(work / "healthy", num=3, size=(32, 32), **_UIDS)
        seeds = make_seeds(work / "seeds")
        for source in sources:
            found = [path for path in sorted(source.rglob("*")) if path.is_file()]
            seeds += [path for path in found if 500 < path.stat().st_size < _MAX_SEED_BYTES]
        start_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(num):
            original = rng.choice(seeds)
            local = work / "original"
            shutil.copy(original, local)
            case = work / "case"
            case.mkdir()
            for path in healthy:
                shutil.copy(path, case / path.name)
            variant = damage(original.read_bytes(), local, rng)
            (case / "variant").write_bytes(variant)
            print(number, original.name, file=sys.stderr, flush=True)
            start = time.monotonic()
            wrong = check(case)
            seconds = time.monotonic() - start
            result["slowest_s"] = max(result["slowest_s"], seconds)
            if wrong:
                result["wrong"].append(f"variant {number} of {original.name}: {wrong}")
            result["num"] = number + 1
            shutil.rmtree(case)
        result["grown_mib"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start_kb) / 1024
    return result


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), [Path(path) for path in sys.argv[3:]])))
