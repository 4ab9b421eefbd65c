"""Where the findings of a head lie and how large they are: drawn together, as injuries and diseases bring them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.displacement import Displacement
from itemclip_med.phantoms.faint import make_faint
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.lesions import Clot, Collection, FractureLine, SulcalBlood, VentricularBlood, vault_point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itemclip_med.phantoms.brain import BrainShape
    from itemclip_med.phantoms.canvas import Pose

# name: (center on the right side, spread, share)
_BRAIN_PLACES: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "frontal": ((30, 34, 22), 7, 0.18),
    "temporal": ((46, -16, -12), 6, 0.15),
    "parietal": ((33, -42, 38), 7, 0.15),
    "occipital": ((25, -74, 10), 5, 0.08),
    "basal ganglia": ((26, 0, 4), 3, 0.2),
    "thalamus": ((13, -18, 8), 2, 0.1),
    "cerebellum": ((24, -64, -37), 4, 0.09),
    "pons": ((0, -23, -29), 1.5, 0.05),
}
_LENS_PLACES = {
    "temporal": (82, -14), "temporoparietal": (100, 8), "frontal": (42, 22), "parietal": (115, 42),
    "occipital": (150, 2),
}  # fmt: skip
_CRESCENT_PLACES = {"frontal": (55, 30), "frontoparietal": (85, 36), "temporal": (85, 2), "parietal": (115, 36)}


@dataclass(slots=True)
class Pathology:
    """Everything abnormal in one head.

    Attributes:
        findings: as a radiologist would list them.
        clots: blood within the brain.
        collections: blood upon it.
        fractures: broken bones.
        sulcal: blood in sulci and cisterns, or None.
        ventricular: blood in ventricles, or None.
        displacement: what the lesions do to the brain.
        squeeze: factor on the width of the left and right lateral ventricle.
        fourth: factor on the width of the fourth ventricle.
        blood_hu: of the blood in fluid.
    """

    findings: list[PhantomFinding] = field(default_factory=list)
    clots: list[Clot] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)
    fractures: list[FractureLine] = field(default_factory=list)
    sulcal: SulcalBlood | None = None
    ventricular: VentricularBlood | None = None
    displacement: Displacement = field(default_factory=Displacement)
    squeeze: tuple[float, float] = (1.0, 1.0)
    fourth: float = 1.0
    blood_hu: float = 62.0

    @property
    def swelling_mm(self) -> float:
        """How far the scalp may be swollen."""
        return max((line.swelling_mm + line.dent_mm for line in self.fractures), default=0.0)


def draw_pathology(
    names: Sequence[str],
    brain: BrainShape,
    pose: Pose,
    rng: np.random.Generator,
    *,
    effects: bool | None = None,
    faint: bool = False,
) -> Pathology:
    """Give each finding its place, shape and density.

    Args:
        names: lesions to make, and of the effects those that were asked for.
        brain: the brain they are in; an old one gives way more easily.
        pose: turns millimetres of the template into real ones.
        rng: draws everything.
        effects: None lets mass effect and shift follow from the lesions; otherwise they are as in ``names``.
        faint: make every lesion small and of little contrast.

    Returns:
        The pathology, its findings in the order in which they were made.
    """
    out = Pathology(blood_hu=float(rng.uniform(56, 70)))
    side = int(rng.choice([-1, 1]))
    big = effects is not False if effects is None else "MassEffect" in names or "MidlineShift" in names
    limit = None if effects is None else big
    if "EDH" in names:
        _add_lens(out, side, pose, rng, limit)
    if "SDH" in names:
        other = -side if "EDH" in names or rng.random() < 0.1 else side
        _add_crescent(out, "SDH", other, pose, rng, limit)
    if "ChronicBleed" in names:
        taken = "SDH" in names or "EDH" in names
        if rng.random() < 0.15 and not taken:
            _add_clot(out, "ChronicBleed", side, pose, rng, False)
        else:
            _add_crescent(out, "ChronicBleed", -side if taken else side, pose, rng, limit)
    # What else bleeds after a blow bleeds opposite the collection: contrecoup.
    if out.collections:
        side = -out.collections[0].sign
    if "IPH" in names:
        surface = bool({"SAH", "EDH", "SDH"} & set(names))
        _add_clot(out, "IPH", side, pose, rng, limit, contusion=surface, opens="IVH" in names)
    if "SAH" in names:
        traumatic = bool({"EDH", "SDH", "Fracture"} & set(names)) or rng.random() < 0.4
        _add_sulcal(out, side, traumatic, rng)
    if "IVH" in names:
        _add_ventricular(out, side, rng)
    if "Fracture" in names:
        _add_fracture(out, side, pose, rng)
    if faint:
        make_faint(out, pose, rng)
    _add_effects(out, brain, pose, rng, effects, set(names))
    return out


def _side(sign: int) -> str:
    return "right" if sign > 0 else "left"


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    return tuple(values.astype(float).tolist())


def _corner(rng: np.random.Generator) -> tuple[float, float, float]:
    return tuple(rng.uniform(0, 192, 3).tolist())


def _between(low: float, high: float, rng: np.random.Generator, limit: bool | None, split: float) -> float:
    """A size, its logarithm even; with effects asked for only the upper part, with none allowed only the lower one."""
    low, high = {None: (low, high), True: (split, high), False: (low, split)}[limit]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _real(pose: Pose) -> float:
    return float(np.mean(pose.scale))


def _add_lens(out: Pathology, side: int, pose: Pose, rng: np.random.Generator, limit: bool | None) -> None:
    region = str(rng.choice(list(_LENS_PLACES), p=[0.3, 0.25, 0.2, 0.15, 0.1]))
    thick = _between(8, 28, rng, limit, 13)
    radius = float(np.clip(18 + 0.75 * thick + rng.normal(0, 3), 20, 42))
    azimuth, elevation = (v + float(rng.normal(0, 5)) for v in _LENS_PLACES[region])
    out.collections.append(
        Collection("EDH", side, thick / _real(pose), (azimuth, elevation), (radius / _real(pose),) * 2,
                   hu=float(rng.uniform(58, 72)), corner=_corner(rng))
    )  # fmt: skip
    size = tuple(round(v, 1) for v in sorted((1.8 * radius, thick), reverse=True))
    out.findings.append(
        PhantomFinding("EDH", _side(side), region, size, round(thick, 1), None, "acute", {"kind": "lens"})
    )


def _add_crescent(
    out: Pathology, name: str, side: int, pose: Pose, rng: np.random.Generator, limit: bool | None
) -> None:
    chronic = name == "ChronicBleed"
    falcine = not chronic and not limit and rng.random() < 0.08
    thick = (
        float(rng.uniform(6, 9)) if falcine else _between(7 if chronic else 5.5, 21, rng, limit, 12 if chronic else 10)
    )
    whole = falcine or rng.random() < 0.3 + 0.07 * (thick - 5)
    if falcine:
        region, place, reach = "falx", (float(rng.choice([40, -70])), 0.0), (float(rng.uniform(24, 36)), 0.0)
    elif whole:
        region, place = "cerebral convexity", (float(rng.normal(88, 6)), float(rng.normal(24, 5)))
        reach = (float(rng.uniform(72, 88)), float(rng.uniform(38, 52)))
    else:
        region = str(rng.choice(list(_CRESCENT_PLACES), p=[0.3, 0.35, 0.15, 0.2]))
        place = tuple(v + float(rng.normal(0, 6)) for v in _CRESCENT_PLACES[region])
        reach = (float(rng.uniform(45, 62)), float(rng.uniform(32, 46)))
    age, hu, layer = "acute", float(rng.uniform(56, 70)), None
    if chronic:
        age, hu = "chronic", float(rng.uniform(14, 24))
    elif not falcine and rng.random() < 0.15:
        age, hu = "subacute", float(rng.uniform(44, 50))
    elif not falcine and rng.random() < 0.1:
        age, hu, layer = "mixed", float(rng.uniform(26, 34)), 62.0
    out.collections.append(Collection(name, side, thick / _real(pose), place, reach, hu, _corner(rng), layer, falcine))
    params = {"kind": "crescent", "compartment": "subdural"}
    out.findings.append(PhantomFinding(name, _side(side), region, None, round(thick, 1), None, age, params))


def _add_clot(
    out: Pathology,
    name: str,
    side: int,
    pose: Pose,
    rng: np.random.Generator,
    limit: bool | None,
    *,
    contusion: bool = False,
    opens: bool = False,
) -> None:
    places = list(_BRAIN_PLACES)
    shares = np.array([share for _, _, share in _BRAIN_PLACES.values()])
    if contusion:
        shares = shares * [2, 3, 0.5, 0.4, 0, 0, 0.3, 0]
    if opens:
        shares = shares * [0.5, 0.3, 0.7, 0.5, 2, 3, 0.6, 0.2]
    if limit or name == "ChronicBleed":
        shares = shares * [1, 1, 1, 1, 1, 0.3, 0, 0]
    region = str(rng.choice(places, p=shares / shares.sum()))
    (cx, cy, cz), spread, _ = _BRAIN_PLACES[region]
    center = np.array([cx, cy, cz], float) + rng.normal(0, spread, 3) * ([1, 1, 1] if region != "pons" else [0.3, 1, 1])
    volume = _between(2.5 if not contusion else 2.0, 75, rng, limit, 12)  # ml
    most = {"thalamus": 22.0, "cerebellum": 32.0, "pons": 7.0, "occipital": 40.0}.get(region, 80.0)
    volume = min(volume, most * float(rng.uniform(0.6, 1)))
    if name == "ChronicBleed":
        volume = min(volume, 14.0)
    radius = (volume * 1000 / (4 / 3 * np.pi) / 1.25) ** (1 / 3) / _real(pose)
    center[:2] *= 1 - 0.12 * (radius > 18)  # large ones reach inward
    lean = np.array([0.88, 1.22, 1.0]) if region in ("basal ganglia", "thalamus") else np.array([1.0, 1.1, 0.95])
    semi = radius * lean * np.exp(rng.normal(0, 0.1, 3))
    mirror = np.array([side if region != "pons" else 1, 1, 1])
    lobes = [(tuple((center * mirror).tolist()), tuple(semi.tolist()))]
    for _ in range(int(rng.integers(1, 4))):
        direction = rng.normal(0, 1, 3)
        direction /= np.linalg.norm(direction)
        shrink = float(rng.uniform(0.45, 0.72))
        lobe = center + direction * semi * float(rng.uniform(0.55, 0.85))
        lobes.append((tuple((lobe * mirror).tolist()), tuple((semi * shrink).tolist())))
    chronic = name == "ChronicBleed"
    hu = float(rng.uniform(9, 17)) if chronic else float(rng.uniform(58, 74))
    edema = 0.0 if chronic else float(np.clip(rng.uniform(0.15, 0.5) * radius - 0.5, 0, 9))
    out.clots.append(Clot(name, tuple(lobes), hu, edema, _corner(rng), ragged_mm=float(rng.uniform(0.8, 1.8))))
    size = tuple(sorted((round(float(2.1 * s * k), 1) for s, k in zip(semi, pose.scale, strict=True)), reverse=True))
    params = {"compartment": "intra-axial", "volume_ml": round(volume, 1)}
    where = "midline" if region == "pons" else _side(side)
    out.findings.append(
        PhantomFinding(name, where, region, size, None, None, "chronic" if chronic else "acute", params)
    )


def _add_sulcal(out: Pathology, side: int, traumatic: bool, rng: np.random.Generator) -> None:
    if traumatic:
        region = str(rng.choice(["frontal", "parietal", "temporal", "sylvian fissure"], p=[0.3, 0.3, 0.15, 0.25]))
        both = rng.random() < 0.15
        middle = {
            "frontal": (32, 42, 34),
            "parietal": (42, -42, 46),
            "temporal": (52, -12, -10),
            "sylvian fissure": (48, 0, 4),
        }[region]
        semi = tuple((np.array([24, 32, 26]) * float(rng.uniform(0.9, 1.3))).tolist())
        centers = [np.array(middle) + rng.normal(0, 4, 3)]
        pools = [(tuple((centers[0] * [sign, 1, 1]).tolist()), semi) for sign in ((side, -side) if both else (side,))]
        where = "bilateral" if both else _side(side)
    else:
        region = str(rng.choice(["basal cisterns", "sylvian fissure"], p=[0.7, 0.3]))
        scale = float(rng.uniform(0.95, 1.35))
        pools = [((0.0, -8.0, -16.0), (24 * scale, 34 * scale, 18 * scale))]
        pools += [((sign * 46.0, 4.0, 0.0), (20 * scale, 30 * scale, 20 * scale)) for sign in (-1, 1)]
        if rng.random() < 0.6:
            pools.append(((0.0, 48.0, 16.0), (10 * scale, 28, 30 * scale)))
        where = "bilateral"
    out.sulcal = SulcalBlood(tuple(pools), _corner(rng), density=float(rng.uniform(0.8, 1.0)))
    out.findings.append(
        PhantomFinding(
            "SAH", where, region, None, None, None, "acute", {"kind": "traumatic" if traumatic else "aneurysmal"}
        )
    )


def _add_ventricular(out: Pathology, side: int, rng: np.random.Generator) -> None:
    names = {-1: "left lateral ventricle", 1: "right lateral ventricle"}
    kind = str(rng.choice(["layering", "one", "cast"], p=[0.4, 0.3, 0.3]))
    level = float(rng.uniform(-48, -36))
    if kind == "layering":
        levels = {names[side]: level, names[-side]: level + float(rng.uniform(-5, 2))}
        where, region = "bilateral", "occipital horn"
    elif kind == "one":
        levels = {names[side]: float(rng.choice([70.0, rng.uniform(-36, -10)]))}
        where, region = _side(side), "lateral ventricle"
    else:
        levels = {names[side]: 70.0, names[-side]: float(rng.choice([70.0, level]))}
        levels["third ventricle"] = 70.0
        where, region = "bilateral", "lateral ventricle"
    if rng.random() < {"cast": 0.7, "layering": 0.15, "one": 0.0}[kind]:
        levels["fourth ventricle"] = 70.0
    out.ventricular = VentricularBlood(levels, _corner(rng))
    out.findings.append(PhantomFinding("IVH", where, region, None, None, None, "acute", {"kind": kind}))


def _add_fracture(out: Pathology, side: int, pose: Pose, rng: np.random.Generator) -> None:
    lens = next((one for one in out.collections if one.name == "EDH"), None)
    if lens is not None:
        side = lens.sign
    if lens is not None or rng.random() < 0.72:
        places = {
            "temporal bone": (85, -8),
            "parietal bone": (105, 38),
            "frontal bone": (42, 26),
            "occipital bone": (152, 4),
        }
        bone = str(rng.choice(list(places), p=[0.3, 0.35, 0.22, 0.13]))
        azimuth, elevation = (v + float(rng.normal(0, 6)) for v in places[bone])
        if lens is not None:  # the bone that broke is the one over the bleed
            azimuth, elevation = lens.place
            bone = min(places, key=lambda name: np.hypot(places[name][0] - azimuth, places[name][1] - elevation))
        at = np.array(vault_point(azimuth, elevation, side))
        outward = at - [0, -16, 8]
        across = np.cross(outward / np.linalg.norm(outward), rng.normal(0, 1, 3))
        dent = float(rng.uniform(6, 11)) if lens is None and rng.random() < 0.3 else 0.0
        line = FractureLine(
            tuple((at * 1.06).tolist()), tuple((across / np.linalg.norm(across)).tolist()), float(rng.uniform(24, 45)),
            float(rng.uniform(1.6, 3.2)), _corner(rng), dent / _real(pose), float(rng.uniform(2, 6)),
        )  # fmt: skip
        kind = "depressed" if dent else "linear"
    else:
        bone = str(rng.choice(["skull base", "orbit", "zygoma", "mastoid"], p=[0.4, 0.25, 0.2, 0.15]))
        at, normal, opaque = {
            "skull base": ((44, -18, -36), (0.5, 0.8, 0.2), ((7, 12, -36), (9, 12, 11))),
            "mastoid": ((58, -36, -42), (0.9, 0.3, 0.2), ((57, -40, -42), (13, 15, 19))),
            "orbit": ((28, 44, -50), (0.7, 0.7, 0.1), ((25, 42, -60), (18, 18, 20))),
            "zygoma": ((60, 36, -47), (0.5, 0.85, 0.1), ((25, 42, -60), (18, 18, 20))),
        }[bone]
        mirror = np.array([side, 1.0, 1.0])
        axis = np.array(normal) * mirror
        center, semi = opaque
        line = FractureLine(
            _vector(np.array(at) * mirror), _vector(axis / np.linalg.norm(axis)), float(rng.uniform(16, 24)),
            float(rng.uniform(1.8, 3.0)), _corner(rng), 0.0, float(rng.uniform(2, 6)),
            (_vector(np.array(center) * mirror), _vector(np.array(semi))),
        )  # fmt: skip
        kind = "linear"
    out.fractures.append(line)
    out.findings.append(PhantomFinding("Fracture", _side(side), bone, None, None, None, None, {"kind": kind}))


def _add_effects(
    out: Pathology, brain: BrainShape, pose: Pose, rng: np.random.Generator, effects: bool | None, names: set[str]
) -> None:
    """Mass effect and midline shift, as the lesions' size demands; a wide brain has room to spare."""
    push = strain = 0.0
    slack = 1 - 0.25 * brain.atrophy
    for one in out.collections:
        thick = one.thickness_mm * _real(pose)
        share = 0.0 if one.falcine else 0.30 if one.name == "EDH" else 0.46
        push -= one.sign * max(0.0, slack * (share * thick - 0.6 + float(rng.normal(0, 1.0))))
        strain = max(strain, 0.0 if one.falcine else thick / 9.0)
    hind = [clot for clot in out.clots if clot.center[2] < -24 and clot.center[1] < -15]
    for clot in out.clots:
        if clot.name == "ChronicBleed":
            continue
        radius = clot.radius_mm * _real(pose)
        strain = max(strain, radius / (13.0 if clot not in hind else 14.0))
        if clot not in hind:
            push -= np.sign(clot.center[0]) * max(0.0, slack * (0.50 * radius - 3.7 + float(rng.normal(0, 1.0))))
    push *= float(np.exp(rng.normal(0.1, 0.28)))  # some brains give way more than others
    shift = float(np.clip(abs(push), 0, 17) * np.sign(push))
    has_shift = abs(shift) >= 4.8
    has_effect = has_shift or strain >= 1.0
    if effects is not None:
        has_shift, has_effect = "MidlineShift" in names, "MassEffect" in names
    # Between 3 and 5 mm readers differ; phantoms stay clear of it.
    if has_shift:
        cause = next((-one.sign for one in out.collections if not one.falcine), None)
        cause = cause or next((-int(np.sign(c.center[0])) for c in out.clots if abs(c.center[0]) > 6), 1)
        shift = (np.sign(shift) or cause) * max(abs(shift), float(rng.uniform(5.1, 6.3)))
    else:
        shift = float(np.sign(shift) * min(abs(shift), 2.4))
    strength = float(np.clip(strain - 0.3, 0.25, 1.0)) if has_effect else 0.15
    solid = tuple(clot for clot in out.clots if clot.name == "IPH")
    moving = tuple(one for one in out.collections if not one.falcine)
    if solid or moving:
        out.displacement = Displacement(solid, moving, shift / pose.scale[0], strength)
    side = 0
    if moving or solid:
        side = moving[0].sign if moving else int(np.sign(solid[0].center[0]))
        if abs(shift) > 1:
            side = -int(np.sign(shift))
    if has_effect and not (hind and not moving and len(out.clots) == len(hind)):
        tight = 1 - 0.55 * float(np.clip(strength + abs(shift) / 25, 0, 1))
        wide = 1 + 0.02 * max(0.0, abs(shift) - 6)
        out.squeeze = (tight, wide) if side < 0 else (wide, tight)
    elif hind and has_effect:
        out.fourth = 0.45
        side = int(np.sign(hind[0].center[0]))
    where = "midline" if hind and abs(hind[0].center[0]) < 6 and not moving else _side(side)
    if has_effect:
        out.findings.append(
            PhantomFinding("MassEffect", where, "", None, None, None, None, {"strength": round(strength, 2)})
        )
    if has_shift:
        out.findings.append(
            PhantomFinding("MidlineShift", _side(int(np.sign(shift))), "", None, None, round(float(abs(shift)), 1))
        )
