"""Each finding of a brain MRI drawn: its place, its size, what it is made of, and how it is described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.lesions import vault_point
from itemclip_med.phantoms.mri_lesions import (
    Cyst,
    DuralMass,
    Edema,
    Infarct,
    Lobes,
    Mass,
    Push,
    Territory,
    Vector,
    WhiteMatterLesions,
)  # fmt: skip
from itemclip_med.phantoms.mri_pathology import MriPathology, side_name
from itemclip_med.phantoms.mri_signals import Substance

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Pose

# name: (center on the right side, spread, share)
_PLACES: dict[str, tuple[Vector, float, float]] = {
    "frontal": ((30, 34, 24), 6, 0.34),
    "temporal": ((45, -14, -12), 5, 0.26),
    "parietal": ((32, -42, 36), 6, 0.22),
    "occipital": ((25, -72, 10), 4, 0.08),
    "insular": ((35, 4, 3), 3, 0.1),
}
_DEEP_PLACES: dict[str, tuple[Vector, float, float]] = {
    "basal ganglia": ((25, 0, 4), 2.5, 0.45),
    "thalamus": ((12, -18, 8), 1.5, 0.25),
    "cerebellum": ((24, -64, -38), 4, 0.15),
    "frontal": ((30, 34, 22), 6, 0.15),
    "parietal": ((33, -42, 38), 6, 0.15),
    "pons": ((0, -23, -29), 1, 0.05),
}
# region: (apex, axis, half opening, |x| from, |x| to, z range, artery)
_TERRITORIES: dict[str, tuple[Vector, Vector, tuple[float, float], float | None, float | None, tuple, str]] = {
    "frontal": ((23, 4, 8), (0.72, 0.6, 0.3), (20, 32), 17, None, (-14, 60), "MCA"),
    "parietal": ((23, -14, 12), (0.72, -0.5, 0.42), (20, 32), 17, None, (0, 64), "MCA"),
    "temporal": ((28, -10, -2), (0.8, -0.3, -0.45), (24, 36), 22, None, (-30, 8), "MCA"),
    "frontal, temporal and parietal": ((16, -2, 4), (0.97, -0.05, 0.2), (52, 62), 16, None, (-26, 50), "MCA"),
    "medial frontal": ((3, 6, 14), (0.1, 0.62, 0.75), (34, 48), None, 15, (8, 85), "ACA"),
    "occipital": ((14, -40, 2), (0.2, -0.97, 0.02), (30, 42), None, 44, (-8, 26), "PCA"),
    "cerebellum": ((8, -44, -42), (0.5, -0.68, -0.5), (36, 55), None, None, (-75, -30), "PICA"),
}
_LACUNES: dict[str, tuple[Vector, str]] = {
    "thalamus": ((12, -18, 9), "perforating"),
    "basal ganglia": ((24, 2, 4), "perforating"),
    "corona radiata": ((24, -8, 26), "perforating"),
    "pons": ((4, -20, -28), "perforating"),
}
_CONVEXITIES = {
    "frontal convexity": (48, 26), "parietal convexity": (112, 40), "temporal convexity": (84, -2),
    "occipital convexity": (150, 12),
}  # fmt: skip
_SKULL_BASE: dict[str, Vector] = {
    "sphenoid wing": (37, 22, -15), "cerebellopontine angle": (24, -31, -36), "olfactory groove": (7, 52, -11),
}  # fmt: skip

_EDEMA = Substance(0.9, 1150, 150, 1.45)


def _corner(rng: np.random.Generator) -> Vector:
    return tuple(rng.uniform(0, 192, 3).tolist())


def _real(pose: Pose) -> float:
    return float(np.mean(pose.scale))


def _radius(low: float, high: float, rng: np.random.Generator, big: bool | None, split: float) -> float:
    """A radius in mm, its logarithm even; with effects asked for only the upper part, with none only the lower one."""
    low, high = {None: (low, high), True: (split, high), False: (low, split)}[big]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _varied(substance: Substance, rng: np.random.Generator, spread: float = 0.08) -> Substance:
    """A substance as it differs between patients."""
    a, b, c, d = np.exp(rng.normal(0, spread, 4))
    return replace(
        substance, t1_ms=substance.t1_ms * a, t2_ms=substance.t2_ms * b, adc=substance.adc * c,
        uptake=substance.uptake * d,
    )  # fmt: skip


def _place(
    places: dict[str, tuple[Vector, float, float]], side: int, rng: np.random.Generator
) -> tuple[str, Vector, int]:
    """A region, a center in it and the side, 0 for the midline."""
    shares = np.array([share for _, _, share in places.values()])
    region = str(rng.choice(list(places), p=shares / shares.sum()))
    center, spread, _ = places[region]
    middle = center[0] == 0
    at = np.array(center, float) + rng.normal(0, spread, 3) * ([0.3, 1, 1] if middle else [1, 1, 1])
    return region, tuple((at * [1 if middle else side, 1, 1]).tolist()), 0 if middle else side


def _lobes(center: Vector, radius: float, rng: np.random.Generator, extra: int, stretch: float = 0.12) -> Lobes:
    """An ellipsoid with ``extra`` bulges."""
    semi = radius * np.exp(rng.normal(0, stretch, 3))
    lobes = [(center, tuple(semi.tolist()))]
    for _ in range(extra):
        direction = rng.normal(0, 1, 3)
        direction /= np.linalg.norm(direction)
        shrink = float(rng.uniform(0.5, 0.75))
        at = np.array(center) + direction * semi * float(rng.uniform(0.5, 0.8))
        lobes.append((tuple(at.tolist()), tuple((semi * shrink).tolist())))
    return tuple(lobes)


def _size(lobes: Lobes, pose: Pose, pad: float = 2.1) -> tuple[float, ...]:
    semi = lobes[0][1]
    return tuple(sorted((round(float(pad * s * k), 1) for s, k in zip(semi, pose.scale, strict=True)), reverse=True))


def draw_age_changes(out: MriPathology, marked: bool, rng: np.random.Generator) -> None:
    """The thin bright rim that ventricles get with age, where there is no more than that."""
    if marked or out.age < 45:
        return
    column = out.column(_varied(Substance(0.85, 900, 115, 0.95), rng))
    band = float(rng.uniform(0.2, 0.8))
    out.lesions.append(WhiteMatterLesions(column, band, 9.0, _corner(rng), out.brain.ventricles, ""))


def _white_matter(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del side, pose, big
    grade = int(rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25]))
    band, spots = {1: (1.6, 2.45), 2: (3.2, 1.95), 3: (6.5, 1.3)}[grade]
    column = out.column(_varied(Substance(0.88, 1000, 135, 1.1), rng))
    out.lesions.append(
        WhiteMatterLesions(column, band * float(rng.uniform(0.85, 1.2)), spots, _corner(rng), out.brain.ventricles)
    )
    degree = {1: "mild", 2: "moderate", 3: "severe"}[grade]
    params = {"grade": grade, "degree": degree}
    out.findings.append(PhantomFinding("WhiteMatterDisease", "bilateral", "periventricular", params=params))


def _hydrocephalus(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del side, pose, big
    seeps = bool(rng.random() < 0.6)
    obstructed = bool(rng.random() < 0.45)
    if seeps:
        column = out.column(_varied(_EDEMA, rng))
        out.lesions.append(
            WhiteMatterLesions(column, float(rng.uniform(2.5, 5)), 9.0, _corner(rng), out.brain.ventricles, "")
        )
    out.fourth = 0.85 if obstructed else 1.4
    params = {"kind": "obstructive" if obstructed else "communicating", "transependymal": seeps}
    out.findings.append(PhantomFinding("Hydrocephalus", "bilateral", "lateral ventricles", params=params))


def _atrophy(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del side, pose, rng, big
    degree = "severe" if out.brain.atrophy > 1.0 else "moderate"
    out.findings.append(PhantomFinding("Atrophy", "bilateral", "cerebral", params={"degree": degree}))


def _territory(side: int, rng: np.random.Generator, small_often: float) -> tuple[str, str, Territory, bool]:
    """(region, artery, territory, whether it is a small deep one)."""
    if rng.random() < small_often:
        region = str(rng.choice(list(_LACUNES)))
        center, artery = _LACUNES[region]
        at = (np.array(center) + rng.normal(0, 1.2, 3)) * [side, 1, 1]
        semi = np.array([4.0, 6.0, 5.0]) * float(rng.uniform(0.75, 1.3))
        return region, artery, Territory(lobes=((tuple(at.tolist()), tuple(semi.tolist())),)), True
    shares = np.array([0.2, 0.2, 0.13, 0.13, 0.08, 0.15, 0.11])
    region = str(rng.choice(list(_TERRITORIES), p=shares))
    apex, axis, (low, high), medial, lateral, heights, artery = _TERRITORIES[region]
    direction = np.array(axis) + rng.normal(0, 0.07, 3)
    direction *= [side, 1, 1]
    direction /= np.linalg.norm(direction)
    land = Territory(
        tuple((np.array(apex) * [side, 1, 1]).tolist()), tuple(direction.tolist()), float(rng.uniform(low, high)),
        medial, lateral, heights,
    )  # fmt: skip
    return region, artery, land, False


def _stroke(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del big
    region, artery, land, small = _territory(side, rng, 0.25)
    early = bool(rng.random() < 0.2)  # within hours: seen by diffusion before T2 rises
    t2 = 1.06 if early else float(rng.uniform(1.35, 1.6))
    grey = out.column(_varied(Substance(0.9, 1150, 95 * t2, 0.42), rng, 0.05))
    white = out.column(_varied(Substance(0.82, 820, 78 * t2, 0.40), rng, 0.05))
    out.lesions.append(Infarct("Stroke", land, _corner(rng), grey, white))
    size = _size(land.lobes, pose, 2.0) if small else None
    params = {"artery": artery, "early": early, "lacunar": small}
    out.findings.append(PhantomFinding("Stroke", side_name(side), region, size, chronicity="acute", params=params))


def _chronic_infarct(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del big
    region, artery, land, small = _territory(side, rng, 0.3)
    scar = out.column(_varied(Substance(0.9, 1100, 165, 1.35), rng))
    out.lesions.append(Infarct("ChronicInfarct", land, _corner(rng), scar, scar, cavity=True))
    widened = not small and artery != "PICA"
    if widened:  # the ventricle fills what the tissue has left
        wide = float(rng.uniform(1.15, 1.4))
        out.squeeze = (wide, 1.0) if side < 0 else (1.0, wide)
    size = _size(land.lobes, pose, 2.0) if small else None
    params = {"artery": artery, "lacunar": small, "ex_vacuo": widened}
    out.findings.append(
        PhantomFinding("ChronicInfarct", side_name(side), region, size, chronicity="chronic", params=params)
    )


def _glioma(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    region, center, side = _place(_PLACES, side, rng)
    low_grade = bool(rng.random() < 0.35)
    radius = _radius(11, 24, rng, big, 15) / _real(pose)
    if low_grade:
        column = out.column(_varied(Substance(0.94, 1500, 185, 1.5, 0.0), rng))
        lobes = _lobes(center, radius, rng, 2, 0.16)
        out.lesions.append(Mass("Glioma", lobes, _corner(rng), 2.6, column, infiltrates=True))
        out.pushes.append((Push(center, 0.7 * radius), 0.8))
        kind, volume = "low-grade", {}
    else:
        rind = out.column(_varied(Substance(0.9, 1200, 120, 1.0, 0.7), rng))
        core = out.column(_varied(Substance(0.98, 2300, 320, 2.1, 0.01), rng))
        edema = Edema(out.column(_varied(_EDEMA, rng)), float(rng.uniform(9, 18)))
        lobes = _lobes(center, radius, rng, int(rng.integers(1, 4)), 0.14)
        thick = float(rng.uniform(3.0, 5.5))
        out.lesions.append(Mass("Glioma", lobes, _corner(rng), 1.8, rind, core, thick, edema))
        out.pushes.append((Push(center, 1.0 * radius), 1.0))
        kind, volume = "high-grade", {"edema": True}
    params = {"kind": kind, **volume}
    out.findings.append(PhantomFinding("Glioma", side_name(side), region, _size(lobes, pose), params=params))


def _meningioma(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    radius = _radius(8, 24, rng, big, 15) / _real(pose)
    choice = float(rng.random())
    on_falx = choice < 0.2
    if on_falx:
        region = "falx"
        center = (
            side * (0.72 * radius),
            float(rng.choice([40, 0, -45]) + rng.normal(0, 4)),
            float(rng.uniform(44, 54)),
        )
    elif choice < 0.4:
        region = str(rng.choice(list(_SKULL_BASE)))
        center = tuple((np.array(_SKULL_BASE[region]) * [side, 1, 1] + rng.normal(0, 1.5, 3)).tolist())
        radius = min(radius, 17.0)
    else:
        region = str(rng.choice(list(_CONVEXITIES), p=[0.4, 0.35, 0.15, 0.1]))
        azimuth, elevation = (v + float(rng.normal(0, 6)) for v in _CONVEXITIES[region])
        at = np.array(vault_point(azimuth, elevation, side))
        inward = np.array([0, -16, 8]) - at
        center = tuple((at + inward / np.linalg.norm(inward) * 0.55 * radius).tolist())
    column = out.column(_varied(Substance(0.86, 1000, 100, 0.85, 0.75), rng, 0.06))
    edema = None
    if radius > 12 and rng.random() < 0.5:
        edema = Edema(out.column(_varied(_EDEMA, rng)), float(rng.uniform(6, 13)))
    lobes = _lobes(center, radius, rng, 0, 0.06)
    out.lesions.append(DuralMass(lobes, _corner(rng), column, side, on_falx, edema))
    out.pushes.append((Push(center, 0.92 * radius), 0.85))
    params = {"edema": edema is not None}
    out.findings.append(PhantomFinding("Meningioma", side_name(side), region, _size(lobes, pose, 2.0), params=params))


def _metastases(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    num = int(rng.choice([1, 2, 3, 5, 8], p=[0.15, 0.25, 0.25, 0.2, 0.15]))
    ring = bool(rng.random() < 0.55)
    solid = out.column(_varied(Substance(0.87, 1100, 112, 1.0, 0.65), rng))
    core = out.column(_varied(Substance(0.97, 2100, 260, 1.9, 0.01), rng)) if ring else None
    swollen = out.column(_varied(_EDEMA, rng))
    sides, where, sizes = set(), "", ()
    first = _radius(5, 15, rng, big, 13)
    radii = [first, *sorted((float(rng.uniform(2.6, max(4, 0.7 * first))) for _ in range(num - 1)), reverse=True)]
    taken: list[np.ndarray] = []
    for number, real in enumerate(radii):
        radius = real / _real(pose)
        for _ in range(20):
            sign = side if number == 0 else int(rng.choice([-1, 1]))
            if rng.random() < 0.18:
                region, at = (
                    "cerebellum",
                    np.array([sign * rng.uniform(14, 34), rng.uniform(-76, -52), rng.uniform(-46, -32)]),
                )
            else:
                azimuth, elevation = float(rng.uniform(25, 160)), float(rng.uniform(-8, 62))
                region = "frontal" if azimuth < 72 else "parietal" if azimuth < 128 else "occipital"
                if elevation < 12 and 55 < azimuth < 120:
                    region = "temporal"
                at = np.array(vault_point(azimuth, elevation, sign))
                inward = np.array([0, -16, 8]) - at
                at += inward / np.linalg.norm(inward) * (float(rng.uniform(9, 14)) + 0.75 * radius)
            if abs(at[0]) > radius + 3 and all(np.linalg.norm(at - other) > 18 for other in taken):
                break
        taken.append(at)
        sides.add(sign)
        center: Vector = tuple(at.tolist())
        lobes = _lobes(center, radius, rng, 0, 0.06)
        edema = Edema(swollen, float(rng.uniform(0.6, 1.5)) * radius + 2) if real > 4 else None
        hollow = core if real > 5 else None
        rind = 0.38 * radius if hollow is not None else None
        out.lesions.append(Mass("Metastasis", lobes, _corner(rng), 0.4, solid, hollow, rind, edema))
        if real > 5:
            out.pushes.append((Push(center, 0.85 * radius), 0.9))
        if number == 0:
            where, sizes = region, _size(lobes, pose, 2.0)
    lateral = side_name(sides.pop()) if len(sides) == 1 else "bilateral"
    params = {"count": num, "kind": "ring" if ring and first > 5 else "nodular", "largest_side": side_name(side)}
    out.findings.append(PhantomFinding("Metastasis", lateral, where, sizes, params=params))


# Blood by its age: W. G. Bradley, Radiology 1993, 189:15.
_BLOOD: dict[str, tuple[Substance, Substance]] = {
    "acute": (Substance(0.86, 1000, 34, 0.6), Substance(0.86, 1000, 40, 0.7)),
    "early subacute": (Substance(0.86, 330, 36, 0.6), Substance(0.86, 330, 34, 0.7)),
    "late subacute": (Substance(0.97, 300, 190, 1.1), Substance(0.6, 900, 22, 0.8)),
    "chronic": (Substance(0.99, 2600, 420, 2.4), Substance(0.55, 900, 18, 0.8)),
}


def _hemorrhage(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    region, center, side = _place(_DEEP_PLACES, side, rng)
    ages = ["acute", "early subacute", "late subacute"] + (["chronic"] if not big else [])
    age = str(rng.choice(ages))
    most = {"thalamus": 13, "cerebellum": 16, "pons": 8}.get(region, 20)
    radius = min(_radius(7, 20, rng, big, 14), most) / _real(pose)
    blood, border = _BLOOD[age]
    inside, rim = out.column(_varied(blood, rng, 0.05)), out.column(_varied(border, rng, 0.05))
    edema = None
    if age != "chronic":
        edema = Edema(out.column(_varied(_EDEMA, rng)), float(rng.uniform(3, 7)))
        out.pushes.append((Push(center, 0.95 * radius), 1.0))
    lobes = _lobes(center, radius, rng, int(rng.integers(1, 3)))
    out.lesions.append(Mass("Hemorrhage", lobes, _corner(rng), 1.2, inside, edema=edema, rim=rim))
    where = side_name(side) if side else "midline"
    out.findings.append(PhantomFinding("Hemorrhage", where, region, _size(lobes, pose), chronicity=age))


def _cyst(out: MriPathology, side: int, pose: Pose, rng: np.random.Generator, big: bool | None) -> None:
    del big
    region = str(rng.choice(["middle cranial fossa", "posterior fossa", "frontal convexity"], p=[0.6, 0.2, 0.2]))
    center: Vector = {
        "middle cranial fossa": (side * 40.0, 16.0, -20.0),
        "posterior fossa": (side * 20.0, -92.0, -38.0),
        "frontal convexity": tuple(0.86 * np.array(vault_point(52, 34, side))),
    }[region]
    radius = float(rng.uniform(13, 21)) / _real(pose)
    semi = radius * np.exp(rng.normal(0, 0.08, 3)) * [0.9, 1.1, 0.9]
    lobes = ((center, tuple(semi.tolist())),)
    out.lesions.append(Cyst(lobes))
    out.pushes.append((Push(center, 0.8 * radius), 0.0))
    out.findings.append(PhantomFinding("Cyst", side_name(side), region, _size(lobes, pose, 1.8)))


Drawer = Callable[[MriPathology, int, "Pose", np.random.Generator, "bool | None"], None]
DRAWERS: dict[str, Drawer] = {
    "WhiteMatterDisease": _white_matter, "Hydrocephalus": _hydrocephalus, "Atrophy": _atrophy,
    "ChronicInfarct": _chronic_infarct, "Cyst": _cyst, "Stroke": _stroke, "Glioma": _glioma,
    "Meningioma": _meningioma, "Metastasis": _metastases, "Hemorrhage": _hemorrhage,
}  # fmt: skip
