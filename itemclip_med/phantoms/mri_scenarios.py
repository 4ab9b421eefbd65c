"""Which findings a brain MRI has, where and how large, and what tissue they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.brain import BrainShape, draw_brain
from itemclip_med.phantoms.displacement import Displacement
from itemclip_med.phantoms.findings import PhantomFinding
from itemclip_med.phantoms.mri_drawing import DRAWERS, draw_age_changes
from itemclip_med.phantoms.mri_findings import PUSHING
from itemclip_med.phantoms.mri_pathology import MriPathology, side_name

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Pose

# How often among abnormal studies, the finding that leads, and what goes along with it how often.
SCENARIOS: tuple[tuple[float, str, dict[str, float]], ...] = (
    (0.19, "Stroke", {"WhiteMatterDisease": 0.35, "ChronicInfarct": 0.12}),
    (0.19, "Glioma", {"WhiteMatterDisease": 0.08}),
    (0.13, "Meningioma", {"WhiteMatterDisease": 0.2}),
    (0.15, "Metastasis", {"WhiteMatterDisease": 0.12}),
    (0.07, "ChronicInfarct", {"WhiteMatterDisease": 0.4, "Atrophy": 0.25}),
    (0.07, "WhiteMatterDisease", {"Atrophy": 0.3}),
    (0.07, "Hemorrhage", {"WhiteMatterDisease": 0.3}),
    (0.05, "Hydrocephalus", {}),
    (0.05, "Atrophy", {"WhiteMatterDisease": 0.4}),
    (0.03, "Cyst", {}),
)
NORMAL_SHARE = 0.22
_OLD = {"Stroke", "ChronicInfarct", "WhiteMatterDisease", "Atrophy"}


def draw_mri_names(rng: np.random.Generator) -> tuple[str, ...]:
    """The findings of one study; effects on the midline follow from their size. Empty for a normal study."""
    if rng.random() < NORMAL_SHARE:
        return ()
    weights = np.array([weight for weight, _, _ in SCENARIOS])
    _, lead, others = SCENARIOS[int(rng.choice(len(SCENARIOS), p=weights / weights.sum()))]
    return (lead, *(name for name, often in others.items() if rng.random() < often))


def draw_aged_brain(names: Sequence[str], rng: np.random.Generator) -> tuple[int, BrainShape]:
    """Age of a patient with some findings, and the brain that goes with both."""
    old = bool(_OLD & set(names))
    age = int(rng.integers(52, 91) if old else rng.integers(20, 84))
    brain = draw_brain(rng)
    atrophy = float(np.clip((age - 30) / 95 + rng.normal(0, 0.07), 0.02, 0.58))
    ventricles = 0.78 + 0.5 * atrophy + float(rng.normal(0, 0.06))
    third = 1.2 + 2.2 * atrophy + float(rng.uniform(0, 0.5))
    if "Atrophy" in names:
        atrophy = float(rng.uniform(0.85, 1.1))
        ventricles, third = 1.25 + float(rng.uniform(0, 0.3)), float(rng.uniform(3.6, 5.0))
    if "Hydrocephalus" in names:
        atrophy = float(rng.uniform(0.02, 0.15))
        ventricles, third = float(rng.uniform(1.9, 2.5)), float(rng.uniform(5.0, 7.5))
    return age, replace(
        brain, atrophy=atrophy, ventricles=ventricles, third_mm=third, calcified=frozenset(), leukoaraiosis=0.0
    )


def draw_mri_pathology(
    names: Sequence[str], pose: Pose, rng: np.random.Generator, *, effects: bool | None = None
) -> MriPathology:
    """Give each finding its place, shape and tissue.

    Args:
        names: findings to make, and of the effects those that were asked for.
        pose: turns millimetres of the template into real ones.
        rng: draws everything.
        effects: None lets mass effect and shift follow from the lesions; otherwise they are as in ``names``.

    Returns:
        The pathology, its findings in the order in which they were made.
    """
    age, brain = draw_aged_brain(names, rng)
    out = MriPathology(age, brain)
    side = int(rng.choice([-1, 1]))
    wanted = set(names)
    big = None if effects is None else bool({"MassEffect", "MidlineShift"} & wanted)
    draw_age_changes(out, "WhiteMatterDisease" in wanted, rng)
    for name in ("WhiteMatterDisease", "Hydrocephalus", "Atrophy", "ChronicInfarct", "Cyst", "Stroke", *PUSHING):
        if name in wanted:
            DRAWERS[name](out, -side if name == "ChronicInfarct" and "Stroke" in wanted else side, pose, rng, big)
    _add_effects(out, pose, rng, effects, wanted)
    return out


def _add_effects(
    out: MriPathology, pose: Pose, rng: np.random.Generator, effects: bool | None, names: set[str]
) -> None:
    """Mass effect and midline shift, as the lesions' size demands; a wide brain has room to spare."""
    push = strain = 0.0
    slack = 1 - 0.3 * out.brain.atrophy
    scale = float(np.mean(pose.scale))
    hind = [one for one, _ in out.pushes if one.center[2] < -22 and one.center[1] < -15]
    for one, gain in out.pushes:
        radius = one.radius_mm * scale
        strain = max(strain, gain * radius / 13.0)
        if one not in hind and abs(one.center[0]) > 6:
            push -= np.sign(one.center[0]) * max(0.0, slack * gain * (0.52 * radius - 4.0 + float(rng.normal(0, 0.8))))
    shift = float(np.clip(abs(push), 0, 14) * np.sign(push))
    has_shift = abs(shift) >= 4.8
    has_effect = has_shift or strain >= 1.0
    if effects is not None:
        has_shift, has_effect = "MidlineShift" in names, "MassEffect" in names
    if has_shift:  # between 3 and 5 mm readers differ; phantoms stay clear of it
        away = next((-int(np.sign(one.center[0])) for one, _ in out.pushes if abs(one.center[0]) > 6), 1)
        shift = (np.sign(shift) or away) * max(abs(shift), float(rng.uniform(5.1, 6.3)))
    else:
        shift = float(np.sign(shift) * min(abs(shift), 2.4))
    strength = float(np.clip(strain - 0.3, 0.25, 1.0)) if has_effect else 0.15
    if out.pushes:
        out.displacement = Displacement(tuple(one for one, _ in out.pushes), (), shift / pose.scale[0], strength)
    if not has_effect and not has_shift:
        return
    largest = max((one for one, _ in out.pushes), key=lambda one: one.radius_mm)
    side = -int(np.sign(shift)) if abs(shift) > 1 else int(np.sign(largest.center[0]))
    if largest in hind and not has_shift:
        out.fourth = 0.45
    elif has_effect:
        tight = 1 - 0.55 * float(np.clip(strength + abs(shift) / 25, 0, 1))
        wide = 1 + 0.02 * max(0.0, abs(shift) - 6)
        out.squeeze = tuple(a * b for a, b in zip(out.squeeze, (tight, wide) if side < 0 else (wide, tight)))  # type: ignore[assignment]  # noqa: B905
    if has_effect:
        where = "midline" if abs(largest.center[0]) < 6 else side_name(side)
        params = {"strength": round(strength, 2), "compartment": "posterior fossa" if largest in hind else "cerebral"}
        out.findings.append(PhantomFinding("MassEffect", where, params=params))
    if has_shift:
        moved = round(float(abs(shift)), 1)
        out.findings.append(PhantomFinding("MidlineShift", side_name(int(np.sign(shift))), shift_mm=moved))
