"""Make the lesions of a head small and of little contrast, as they are missed: the phantoms of the mix "hard"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from itemclip_med.phantoms.lesions import Clot, Collection, FractureLine, SulcalBlood, VentricularBlood

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Pose
    from itemclip_med.phantoms.findings import PhantomFinding
    from itemclip_med.phantoms.scenarios import Pathology

_LOBES = ("frontal", "temporal", "parietal", "occipital")


def make_faint(out: Pathology, pose: Pose, rng: np.random.Generator) -> None:
    """Change the lesions of a pathology in place, before their effects on the brain are drawn.

    Clots keep 0.5 to 2.5 ml at 44 to 52 HU, collections 3 to 6 mm at 44 to 52 HU (old ones at 20 to 26), blood in fluid
    44 to 50 HU; a fracture loses dent, swelling and blood in air cells, so that only a window for bone shows it. A clot
    and blood in the sulci of one study lie in the same lobe.

    Args:
        out: what was drawn; its findings are described anew.
        pose: turns millimetres of the template into real ones.
        rng: draws everything.
    """
    scale = float(np.mean(pose.scale))
    out.blood_hu = float(rng.uniform(44, 50))
    described: dict[str, dict[str, Any]] = {}
    out.clots = [_small_clot(clot, scale, rng, out.findings, described) for clot in out.clots]
    out.collections = [_thin_collection(one, scale, rng, described) for one in out.collections]
    out.fractures = [_bare_fracture(line, rng) for line in out.fractures]
    if out.fractures:
        described["Fracture"] = {"params": {"kind": "linear"}}
    if out.ventricular is not None:
        out.ventricular, described["IVH"] = _low_level(out.ventricular, rng)
    if out.sulcal is not None:
        out.sulcal, described["SAH"] = _thin_layer(out.sulcal, out, rng)
    out.findings = [_described(finding, described.get(finding.name, {})) for finding in out.findings]


def _described(finding: PhantomFinding, changes: dict[str, Any]) -> PhantomFinding:
    params = {**finding.params, **changes.get("params", {}), "subtle": True}
    return replace(finding, **{**changes, "params": params})


def _small_clot(
    clot: Clot, scale: float, rng: np.random.Generator, findings: list[PhantomFinding], described: dict[str, Any]
) -> Clot:
    volume = float(np.exp(rng.uniform(np.log(0.5), np.log(2.5))))  # ml
    hu = float(rng.uniform(44, 52))
    shrink = min(1.0, (volume * 1000 / (4 / 3 * np.pi)) ** (1 / 3) / (clot.radius_mm * scale))
    middle = np.array(clot.center)
    lobes = tuple(
        (
            tuple((middle + shrink * (np.array(center) - middle)).tolist()),
            tuple((shrink * np.array(semi)).tolist()),
        )
        for center, semi in clot.lobes
    )
    size = next(finding.size_mm for finding in findings if finding.name == clot.name) or ()
    changes: dict[str, Any] = {"size_mm": tuple(round(value * shrink, 1) for value in size)}
    if clot.name == "IPH":
        changes["params"] = {"volume_ml": round(4 / 3 * np.pi * (clot.radius_mm * scale * shrink) ** 3 / 1000, 1)}
    described[clot.name] = changes
    chronic = clot.name == "ChronicBleed"
    return replace(clot, lobes=lobes, hu=clot.hu if chronic else hu, edema_mm=clot.edema_mm * shrink, ragged_mm=0.5)


def _thin_collection(one: Collection, scale: float, rng: np.random.Generator, described: dict[str, Any]) -> Collection:
    thick, share = float(rng.uniform(3, 6)), float(rng.uniform())
    hu = 20 + 6 * share if one.name == "ChronicBleed" else 44 + 8 * share
    reach = one.reach
    described[one.name] = {"thickness_mm": round(thick, 1)}
    if one.name == "EDH":
        radius = float(rng.uniform(16, 20))
        reach = (radius / scale,) * 2
        described[one.name]["size_mm"] = (round(1.8 * radius, 1), round(thick, 1))
    elif one.name == "SDH":
        described[one.name]["chronicity"] = "acute"
    return replace(one, thickness_mm=thick / scale, hu=hu, layer_hu=None, reach=reach)


def _bare_fracture(line: FractureLine, rng: np.random.Generator) -> FractureLine:
    return replace(line, width_mm=float(rng.uniform(1.6, 2.0)), dent_mm=0.0, swelling_mm=0.0, opaque=None)


def _low_level(blood: VentricularBlood, rng: np.random.Generator) -> tuple[VentricularBlood, dict[str, Any]]:
    """A little blood at the bottom of one lateral ventricle."""
    lateral = [name for name in ("left lateral ventricle", "right lateral ventricle") if name in blood.levels_mm]
    name = lateral[int(rng.integers(len(lateral)))]
    levels = {name: float(rng.uniform(-47, -41))}
    return replace(blood, levels_mm=levels), {
        "side": name.split()[0],
        "region": "occipital horn",
        "params": {"kind": "layering"},
    }


def _thin_layer(blood: SulcalBlood, out: Pathology, rng: np.random.Generator) -> tuple[SulcalBlood, dict[str, Any]]:
    """Less blood in the sulci, in the lobe of the clot where there is one."""
    density = float(rng.uniform(0.5, 0.7))
    clot = next((finding for finding in out.findings if finding.name == "IPH"), None)
    if clot is None or clot.region not in _LOBES:
        pools = tuple((center, tuple((0.8 * np.array(semi)).tolist())) for center, semi in blood.pools)
        return replace(blood, pools=pools, density=density), {}
    middle = next(one.center for one in out.clots if one.name == "IPH")
    semi = tuple((np.array([24.0, 32.0, 26.0]) * float(rng.uniform(0.8, 1.0))).tolist())
    changes = {"side": clot.side, "region": clot.region, "params": {"kind": "traumatic"}}
    return replace(blood, pools=((middle, semi),), density=density), changes
