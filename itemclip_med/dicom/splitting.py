"""Several volumes at the same positions: duplicates go, and what varies tells time points, b-values or echoes apart.

Nothing is split where every position is there once, whatever varies then (exposure, acquisition number): such slices
complement one another.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from itemclip_med.dicom.decoding import decode
from itemclip_med.dicom.diffusion import read_private_diffusion
from itemclip_med.dicom.elements import numbers_of
from itemclip_med.dicom.series import offsets_of
from itemclip_med.dicom.slices import SliceFile
from itemclip_med.errors import PixelError

SAME_POSITION_MM = 0.01
_COSINE_TOLERANCE = 2e-3
_COVERAGE = 0.5  # share of the positions that a group must hold to be a volume, and of the slices in such groups

# What tells volumes apart, in the order of trust, and how a label names it; {} is the value, # its number.
_LABELS = {
    "StackID": "stack #",
    "ComplexImageComponent": "{}",
    "Component": "{}",
    "ImageType": "image type #",
    "MetaboliteMapDescription": "map #",
    "EchoTime": "echo {} ms",
    "EchoNumbers": "echo #",
    "InversionTime": "inversion {} ms",
    "FlipAngle": "flip {} degrees",
    "DiffusionBValue": "b {}",
    "DiffusionDirectionality": "{}",
    "DiffusionGradientOrientation": "direction #",
    "VelocityEncodingDirection": "velocity direction #",
    "NominalPercentageOfCardiacPhase": "phase {} %",
    "TemporalPositionIdentifier": "time #",
    "KVP": "{} kV",
    "ConvolutionKernel": "kernel #",
    "ContrastBolusAgentAdministered": "contrast #",
    "ContrastBolusAgent": "contrast #",
    "AcquisitionNumber": "acquisition #",
    "TriggerTime": "trigger {} ms",
    "object": "object #",
    "DimensionIndex0": "dimension 1: #",
    "DimensionIndex1": "dimension 2: #",
    "DimensionIndex2": "dimension 3: #",
    "DimensionIndex3": "dimension 4: #",
    "DimensionIndex4": "dimension 5: #",
    "DimensionIndex5": "dimension 6: #",
    "AcquisitionTime": "time #",
    "ContentTime": "time #",
}
_WORDS = {
    "M": "magnitude", "P": "phase", "R": "real", "I": "imaginary", "MAGNITUDE": "magnitude", "PHASE": "phase",
    "REAL": "real", "IMAGINARY": "imaginary", "MIXED": "mixed", "DIRECTIONAL": "directional",
    "ISOTROPIC": "isotropic", "BMATRIX": "matrix", "NONE": "none",
}  # fmt: skip
_COMPONENTS = ("M", "P", "R", "I")
# Where a value differs from slice to slice, its order at each position can still tell the volumes apart.
_RANKED = {"TriggerTime": "phase #", "AcquisitionTime": "time #", "ContentTime": "time #"}
_TIED = ("InstanceNumber", "AcquisitionNumber", "EchoTime", "TemporalPositionIdentifier", "DiffusionBValue")


@dataclass(frozen=True)
class Part:
    """Slices that are one volume as far as it is known.

    Attributes:
        slices: at positions of their own where ``reason`` is None.
        label: what tells them from the other parts.
        reason: why they are no volume.
        note: how they were told apart, where that deserves a warning.
    """

    slices: list[SliceFile]
    label: str = ""
    reason: str | None = None
    note: str = ""


def split_orientations(slices: Sequence[SliceFile]) -> list[list[SliceFile]]:
    """Group slices by the direction of their rows and columns."""
    groups: list[list[SliceFile]] = []
    for file in slices:
        for group in groups:
            if np.abs(group[0].orientation - file.orientation).max() < _COSINE_TOLERANCE:
                group.append(file)
                break
        else:
            groups.append([file])
    return groups


def split_stacks(slices: list[SliceFile], min_slices: int) -> list[list[SliceFile]]:
    """Group the frames of objects by StackID, where each stack is long enough to be one; the tag may be wrong."""
    stacks: dict[str, list[SliceFile]] = defaultdict(list)
    for file in slices:
        stacks[file.text("StackID")].append(file)
    if len(stacks) > 1 and min(map(len, stacks.values())) >= min_slices:
        return list(stacks.values())
    return [slices]


def split_volumes(slices: list[SliceFile]) -> list[Part]:
    """Split slices of one stack, without duplicates, into volumes that hold each position once."""
    if not has_repeats(slices):
        return [Part(slices)]
    if num_positions(slices) == 1:
        return [Part(slices, reason="all slices at one position, no volume")]
    return _split(slices, list(_LABELS), may_read=True)


def num_positions(slices: list[SliceFile]) -> int:
    """How many different places slices lie at."""
    offsets = np.sort(offsets_of(slices))
    return 1 + int((np.diff(offsets) > SAME_POSITION_MM).sum())


def has_repeats(slices: list[SliceFile]) -> bool:
    """True where two slices lie at one place."""
    return num_positions(slices) < len(slices)


def _split(slices: list[SliceFile], names: list[str], *, may_read: bool) -> list[Part]:
    if not has_repeats(slices):
        return [Part(slices)]
    for place, name in enumerate(names):
        groups = _group_by(slices, name)
        if len(groups) > 1 and _are_volumes(groups, slices):
            parts = []
            for number, (value, group) in enumerate(groups, start=1):
                label = _LABELS[name].replace("#", str(number)).format(_shown(value, number))
                rest = _split(group, names[place + 1 :], may_read=may_read)
                parts += [replace(part, label=", ".join(filter(None, (label, part.label)))) for part in rest]
            return parts
    if may_read and read_private_diffusion(slices):
        return _split(slices, ["DiffusionBValue", "DiffusionGradientOrientation"], may_read=False)
    return _split_by_order(slices) or [Part(slices, reason="several images at one position that nothing tells apart")]


def _shown(value: str, number: int) -> str:
    """A value as a label may show it: a number or a word of the standard, never free text."""
    if value in _WORDS:
        return _WORDS[value]
    try:
        return f"{float(value):g}"
    except ValueError:
        return str(number)


def _group_by(slices: list[SliceFile], name: str) -> list[tuple[str, list[SliceFile]]]:
    """Slices by one value, numeric values in ascending order; times and names of files stay out of what is returned."""
    groups: dict[tuple[float, str], list[SliceFile]] = defaultdict(list)
    for file in slices:
        groups[_value(file, name)].append(file)
    return [(value[1], groups[value]) for value in sorted(groups)]


def _value(file: SliceFile, name: str) -> tuple[float, str]:
    if name == "object":
        return 0.0, str(file.path) if file.pixels and file.pixels.num_frames > 1 else ""
    if name == "Component":  # the letter in classic ImageType: magnitude, phase, real or imaginary
        letters = [part for part in file.image_type[2:] if part in _COMPONENTS]
        return 0.0, letters[0] if letters else ""
    numbers = numbers_of(file.values.get(name))
    if len(numbers) == 1:
        return numbers[0], f"{numbers[0]:g}"
    if numbers:
        return 0.0, "\\".join(f"{number:.4f}" for number in numbers)
    return -1e30, file.text(name)


def _are_volumes(groups: list[tuple[str, list[SliceFile]]], slices: list[SliceFile]) -> bool:
    """True where most slices are in groups that hold most positions; else the value varies along the stack."""
    needed = _COVERAGE * num_positions(slices)
    good = sum(len(group) for _, group in groups if num_positions(group) >= needed)
    return good >= _COVERAGE * len(slices) and sum(num_positions(group) >= needed for _, group in groups) > 1


def _split_by_order(slices: list[SliceFile]) -> list[Part] | None:
    """Volumes by the order of times at each position, or by InstanceNumber; None where that is no clear order."""
    at = _by_position(slices)
    counts = {len(group) for group in at}
    for name, label in _RANKED.items():
        if len(counts) == 1 and all(len({_value(file, name) for file in group}) == len(group) for group in at):
            ranked = [sorted(group, key=lambda file: _value(file, name)) for group in at]
            return _parts(
                list(map(list, zip(*ranked, strict=True))), label, f"volumes told apart by the order of {name}"
            )
    numbers = [file.number("InstanceNumber", np.nan) for file in slices]
    if not np.isfinite(numbers).all() or len(set(numbers)) < len(numbers):
        return None
    note = "volumes told apart by the order of InstanceNumber"
    place_of = {id(file): place for place, group in enumerate(at) for file in group}
    ordered = sorted(slices, key=lambda file: file.number("InstanceNumber", 0))
    runs: list[list[SliceFile]] = [[]]  # volume after volume: a new one where a position comes again
    seen: set[int] = set()
    for file in ordered:
        if place_of[id(file)] in seen:
            runs.append([])
            seen = set()
        runs[-1].append(file)
        seen.add(place_of[id(file)])
    if len(runs) > 1 and all(len(run) == len(at) for run in runs[:-1]):
        return _parts(runs, "volume #", note)
    places = [place_of[id(file)] for file in ordered]
    changes = sum(one != other for one, other in itertools.pairwise(places))
    if len(counts) == 1 and changes == len(at) - 1:  # position after position
        ranked = [sorted(group, key=lambda file: file.number("InstanceNumber", 0)) for group in at]
        return _parts(list(map(list, zip(*ranked, strict=True))), "volume #", note)
    return None


def _by_position(slices: list[SliceFile]) -> list[list[SliceFile]]:
    offsets = offsets_of(slices)
    order = np.argsort(offsets, kind="stable")
    groups: list[list[SliceFile]] = []
    last = -np.inf
    for index in order:
        if offsets[index] - last > SAME_POSITION_MM:
            groups.append([])
        groups[-1].append(slices[index])
        last = offsets[index]
    return groups


def _parts(groups: list[list[SliceFile]], label: str, note: str) -> list[Part]:
    return [Part(group, label.replace("#", str(number)), note=note) for number, group in enumerate(groups, start=1)]


def drop_duplicates(slices: list[SliceFile]) -> tuple[list[SliceFile], dict[Path, str]]:
    """Leave out files that were sent twice: equal places, equal pixels, and equal SOPInstanceUID.

    Files without that UID must be equal in what tells volumes apart too: an empty UID is none.

    Returns:
        The slices that stay, and the files that do not with their reason.
    """
    if not has_repeats(slices):
        return slices, {}
    by_file: dict[Path, list[SliceFile]] = defaultdict(list)
    for file in slices:
        by_file[file.path].append(file)
    kept: dict[tuple[object, ...], list[SliceFile]] = defaultdict(list)
    dropped: dict[Path, str] = {}
    for path, frames in by_file.items():
        first = frames[0]
        uid = first.text("SOPInstanceUID")
        tie = () if uid else tuple(first.text(name) for name in _TIED)
        key = (uid, tie, len(frames), *np.round(first.position, 2))
        if any(_same_pixels(first, other) for other in kept[key]):
            dropped[path] = "duplicate"
        else:
            kept[key].append(first)
    return [file for file in slices if file.path not in dropped], dropped


def _same_pixels(one: SliceFile, other: SliceFile) -> bool:
    sources = (one.pixels, other.pixels)
    if sources[0] is None or sources[1] is None or sources[0].num_frames != sources[1].num_frames:
        return False
    frames = range(sources[0].num_frames)
    try:
        if sources[0].format == sources[1].format:
            return all(sources[0].read_frame(frame) == sources[1].read_frame(frame) for frame in frames)
        return one.shape == other.shape and all(
            np.array_equal(decode(replace(one, frame=frame)), decode(replace(other, frame=frame))) for frame in frames
        )
    except PixelError:
        return False
