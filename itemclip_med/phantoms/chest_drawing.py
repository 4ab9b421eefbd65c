"""Each finding of a chest drawn: side, lobe, size and kind, and the lesions that show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from itemclip_med.phantoms import chest_lung_lesions as lung
from itemclip_med.phantoms.chest_lungs import BronchialChange
from itemclip_med.phantoms.chest_mediastinum import CORONARIES, bulging_rods
from itemclip_med.phantoms.chest_other_lesions import AorticPlaques, CoronaryPlaques, Device, Hernia, Nodes
from itemclip_med.phantoms.chest_scenarios import ChestPathology
from itemclip_med.phantoms.chest_shape import LOBES, ChestShape, Place, Vector, cavity, lobe_numbers, lung_distance
from itemclip_med.phantoms.findings import PhantomFinding

_LOWER = ("right lower lobe", "left lower lobe")
_UPPER = ("right upper lobe", "left upper lobe")
# Center and greatest short axis in mm of the nodes of each station, template.
NODE_STATIONS: dict[str, tuple[Vector, float]] = {
    "right paratracheal": ((15, 0, 30), 22.0),
    "prevascular": ((-8, 44, 26), 22.0),
    "aortopulmonary window": ((-34, 10, 16), 18.0),
    "subcarinal": ((3, -12, -19), 24.0),
    "right hilar": ((52, -4, -24), 24.0),
    "left hilar": ((-56, -12, -30), 24.0),
    "right axillary": ((138, 30, 66), 22.0),
    "left axillary": ((-138, 30, 66), 22.0),
}


class Drawing:
    """Draws findings one by one into a pathology.

    Args:
        shape: the chest.
        scale: real size over template size.
        rng: draws everything.
        names: all findings of the study.
    """

    def __init__(self, shape: ChestShape, scale: float, rng: np.random.Generator, names: frozenset[str]) -> None:
        self.shape, self.scale, self.rng, self.names = shape, scale, rng, names
        self.out = ChestPathology()
        self._effused: tuple[str, ...] = ()

    def add(self, name: str) -> None:
        """Draw one finding."""
        _DRAW[name](self)

    def _note(
        self, name: str, side: str, region: str = "", *, size: tuple[float, ...] | None = None,
        thickness: float | None = None, **params: object,
    ) -> None:  # fmt: skip
        size = None if size is None else tuple(sorted((round(float(v), 1) for v in size), reverse=True))
        thickness = None if thickness is None else round(float(thickness), 1)
        self.out.findings.append(PhantomFinding(name, side, region, size, thickness, params=params))

    def _corner(self) -> Vector:
        return tuple(self.rng.uniform(0, 192, 3).tolist())

    def _lobes(self, weights: tuple[float, ...], *, two: float = 0.0) -> tuple[str, ...]:
        """One lobe, or two of them with a probability, in the order of ``LOBES``."""
        p = np.array(weights) / sum(weights)
        num = 2 if self.rng.random() < two else 1
        chosen = self.rng.choice(len(LOBES), num, replace=False, p=p)
        return tuple(LOBES[i] for i in sorted(chosen))

    def _point(self, lobe: str, depth: tuple[float, float], *, behind: bool = False) -> Vector:
        """A template point of a lobe, so deep under its surface."""
        sign = 1 if lobe.startswith("right") else -1
        points = self.rng.uniform((0, -88, -190), (130, 84, 96), (700, 3)) * [sign, 1, 1]
        at = Place(*(np.ascontiguousarray(c) for c in points.T.astype(np.float32)))
        shape = self.shape
        under = -lung_distance(at, shape, cavity(at), bulging_rods(shape))
        here = (lobe_numbers(at) == LOBES.index(lobe)) & (under > 4)
        good = here & (under >= depth[0]) & (under <= depth[1])
        if behind and (good & (at.y < -15)).any():
            good &= at.y < -15
        chosen = np.flatnonzero(good)
        if not chosen.size:  # the lobe is small: its deepest point
            return tuple(points[int(np.argmax(np.where(here, under, -99)))].tolist())
        return tuple(points[chosen[0]].tolist())

    @staticmethod
    def _side_of(lobes: tuple[str, ...]) -> str:
        sides = {lobe.split()[0] for lobe in lobes}
        return sides.pop() if len(sides) == 1 else "bilateral"

    def _one_side(self) -> str:
        return str(self.rng.choice(["left", "right"]))

    # Heart, vessels, devices.

    def _cardiomegaly(self) -> None:
        size = float(self.rng.uniform(1.22, 1.42))
        self.out.heart = size
        self.shape = replace(self.shape, heart=size)
        self._note("Cardiomegaly", "midline", degree="marked" if size > 1.34 else "mild" if size < 1.27 else "moderate")

    def _pericardial(self) -> None:
        thick = float(np.exp(self.rng.uniform(np.log(7), np.log(20))))
        self.out.pericardium_mm = thick / self.scale
        self.shape = replace(self.shape, pericardium_mm=thick / self.scale)
        degree = "small" if thick < 10 else "large" if thick > 16 else "moderate"
        self._note("Pericardial effusion", "midline", thickness=thick, degree=degree)

    def _arterial(self) -> None:
        burden = float(self.rng.uniform(0.15, 1))
        self.out.vessels.append(AorticPlaques(burden))
        degree = "mild" if burden < 0.4 else "extensive" if burden > 0.75 else "moderate"
        self._note("Arterial wall calcification", "midline", "aorta", degree=degree)

    def _coronary(self) -> None:
        num = int(self.rng.integers(1, 4))
        vessels = tuple(np.array(list(CORONARIES))[np.sort(self.rng.choice(3, num, replace=False))].tolist())
        spots = [
            (vessel, float(self.rng.uniform(0.08, 0.85)), float(self.rng.uniform(5, 14)))
            for vessel in vessels
            for _ in range(int(self.rng.integers(2, 5)))
        ]
        self.out.vessels.append(CoronaryPlaques(tuple(spots), float(self.rng.uniform(700, 1100))))
        degree = "mild" if len(spots) < 4 else "severe" if len(spots) > 8 else "moderate"
        self._note("Coronary artery wall calcification", "midline", vessels[0], vessels=list(vessels), degree=degree)

    def _device(self) -> None:
        kinds = {
            "pacemaker": 0.16, "port": 0.2, "central venous catheter": 0.16, "sternotomy wires": 0.16,
            "nasogastric tube": 0.08, "endotracheal tube": 0.06, "aortic valve prosthesis": 0.07,
            "coronary stent": 0.06,
        }  # fmt: skip
        if "Pleural effusion" in self.names:
            kinds["chest tube"] = 0.25
        if "Lung nodule" in self.names or "Lymphadenopathy" in self.names:
            kinds["port"] = 0.8
        p = np.array(list(kinds.values()))
        kind = str(self.rng.choice(list(kinds), p=p / p.sum()))
        side = {"pacemaker": "left", "port": "right", "central venous catheter": "right"}.get(kind, "midline")
        if kind == "chest tube":
            side = self._effused[0] if self._effused else self._one_side()
        self.out.devices.append(Device(kind, side))
        if kind == "aortic valve prosthesis" and self.rng.random() < 0.6:
            self.out.devices.append(Device("sternotomy wires"))
        self._note("Medical material", side, kind, kind=kind, also=[one.kind for one in self.out.devices[1:]])

    def _hernia(self) -> None:
        wide = float(np.exp(self.rng.uniform(np.log(15), np.log(36))))
        semi = (wide, 0.8 * wide, float(wide * self.rng.uniform(0.9, 1.3)))
        floor = self.shape.dome_mm - 18
        center = (-7.0 - 0.15 * wide, -18.0, float(max(floor + 0.55 * semi[2], -135)))
        self.out.masses.append(
            Hernia(center, semi, float(self.rng.choice([0.0, self.rng.uniform(0.3, 0.7)], p=[0.3, 0.7])))
        )
        degree = "small" if wide < 19 else "large" if wide > 28 else "moderate"
        size = (2 * wide * self.scale, 1.6 * wide * self.scale)
        self._note("Hiatal hernia", "midline", "hiatus", size=size, degree=degree)

    def _nodes(self) -> None:
        num = int(self.rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
        p = np.array([0.22, 0.14, 0.12, 0.18, 0.11, 0.11, 0.06, 0.06])
        stations = np.array(list(NODE_STATIONS))[np.sort(self.rng.choice(8, num, replace=False, p=p))].tolist()
        bodies, largest = [], 0.0
        for station in stations:
            center, most = NODE_STATIONS[station]
            short = float(self.rng.uniform(11.5, most))
            largest = max(largest, short)
            semi = short / 2 / self.scale * np.array([1.0, self.rng.uniform(1.0, 1.35), self.rng.uniform(1.1, 1.5)])
            place = np.array(center) + self.rng.normal(0, 1.5, 3)
            bodies.append((tuple(place.tolist()), tuple(semi.tolist())))
        self.out.masses.append(Nodes(tuple(bodies), self._corner()))
        sides = {station.split()[0] for station in stations if station.split()[0] in ("left", "right")}
        side = sides.pop() if len(sides) == 1 and num == 1 else "bilateral" if len(sides) == 2 else "midline"
        self._note("Lymphadenopathy", side, stations[0], size=(largest,), stations=stations)

    # Lungs.

    def _emphysema(self) -> None:
        kind = str(self.rng.choice(["centrilobular", "paraseptal", "panlobular"], p=[0.6, 0.25, 0.15]))
        severity = float(self.rng.uniform(0.25, 0.95))
        if kind == "panlobular":
            lobes, region = (*_LOWER, "right middle lobe") if severity < 0.5 else LOBES, "lower lobes"
        elif severity > 0.6:
            lobes, region = LOBES, "upper lobes"
        else:
            lobes, region = _UPPER, "upper lobes"
        self.out.lung.append(lung.Emphysema(kind, lobes, severity, self._corner()))
        degree = "mild" if severity < 0.45 else "severe" if severity > 0.75 else "moderate"
        self._note("Emphysema", "bilateral", region, kind=kind, degree=degree)

    def _atelectasis(self) -> None:
        effused = tuple(side for side in self._effused)
        if effused and self.rng.random() < 0.75:
            # The fluid's own painter marks the lung that it collapses.
            lobes = tuple(f"{side} lower lobe" for side in effused)
            width = float(self.rng.uniform(9, 20))
            self.out.lung = [
                replace(one, collapse_mm=width) if isinstance(one, lung.Effusion) else one for one in self.out.lung
            ]
            region = lobes[0] if len(lobes) == 1 else "lower lobes"
            self._note("Atelectasis", self._side_of(lobes), region, kind="compressive")
            return
        if self.rng.random() < 0.4:
            sides = ("left", "right") if self.rng.random() < 0.7 else (self._one_side(),)
            self.out.lung.append(lung.Dependent(sides, float(self.rng.uniform(8, 15)), self._corner()))
            lobes = tuple(f"{side} lower lobe" for side in sides)
            self._note(
                "Atelectasis", self._side_of(lobes), "lower lobes" if len(sides) == 2 else lobes[0], kind="dependent"
            )
            return
        (lobe,) = self._lobes((0.4, 1.6, 2, 0.9, 2))
        self.out.lung.append(lung.Plates("Atelectasis", lobe, self._sheets(lobe, flat=True), self._corner(), 10.0))
        self._note("Atelectasis", self._side_of((lobe,)), lobe, kind="linear")

    def _sheets(self, lobe: str, *, flat: bool) -> tuple[tuple[Vector, Vector, float, float], ...]:
        sheets = []
        for _ in range(int(self.rng.integers(1, 4))):
            point = self._point(lobe, (8, 22))
            normal = self.rng.normal(0, 0.35 if flat else 0.8, 3) + ([0, 0.15, 1] if flat else [0, 0, 0])
            normal /= np.linalg.norm(normal)
            reach = float(self.rng.uniform(22, 38) if flat else self.rng.uniform(16, 30))
            sheets.append((point, tuple(normal.tolist()), reach, float(self.rng.uniform(3.6, 6.5))))
        return tuple(sheets)

    def _nodule(self) -> None:
        kind = str(self.rng.choice(["solid", "ground-glass", "calcified", "spiculated"], p=[0.52, 0.15, 0.15, 0.18]))
        num = int(self.rng.choice([1, 2, 3, 5], p=[0.6, 0.2, 0.12, 0.08])) if kind in ("solid", "calcified") else 1
        low, high = {"solid": (5.5, 24), "ground-glass": (8, 24), "calcified": (5, 10), "spiculated": (12, 29)}[kind]
        widths = sorted((float(np.exp(self.rng.uniform(np.log(low), np.log(high)))) for _ in range(num)), reverse=True)
        lobes = [self._lobes((2, 1, 1.6, 1.7, 1.5))[0] for _ in range(num)]
        bodies = [
            (self._point(lobe, (0.4 * width + 2, 45)), 0.5 * width / self.scale)
            for lobe, width in zip(lobes, widths, strict=True)
        ]
        self.out.lung.append(lung.Nodules(tuple(bodies), kind, self._corner()))
        size = (widths[0], widths[0] * float(self.rng.uniform(0.85, 1)))
        self._note(
            "Lung nodule", self._side_of(tuple(lobes)) if num > 1 else lobes[0].split()[0], lobes[0], size=size,
            kind=kind, num=num, lobes=lobes,
        )  # fmt: skip

    def _patches(
        self, name: str, weights: tuple[float, ...], hu: tuple[float, float], semi: tuple[float, float]
    ) -> None:
        dense = name == "Consolidation"
        lobes = self._lobes(weights, two=0.35 if dense else 0.5)
        diffuse = not dense and self.rng.random() < 0.3
        if diffuse:
            lobes = LOBES if self.rng.random() < 0.5 else _LOWER
        bodies = []
        for lobe in lobes:
            for _ in range(int(self.rng.integers(1, 3 if dense else 4))):
                center = self._point(lobe, (6, 26) if dense else (4, 20), behind=dense)
                size = self.rng.uniform(*semi) * np.exp(self.rng.normal(0, 0.15, 3))
                bodies.append((center, tuple(size.tolist())))
        self.out.lung.append(lung.Patches(name, lobes, tuple(bodies), float(self.rng.uniform(*hu)), self._corner()))
        side = self._side_of(lobes)
        region = (
            lobes[0]
            if len(lobes) == 1
            else "both lungs"
            if lobes == LOBES
            else "lower lobes"
            if lobes == _LOWER
            else ""
        )
        self._note(name, side, region, lobes=list(lobes), kind="diffuse" if diffuse else "patchy")

    def _opacity(self) -> None:
        self._patches("Lung opacity", (1.3, 0.8, 2, 1.3, 2), (-620, -430), (15, 30))

    def _consolidation(self) -> None:
        self._patches("Consolidation", (1.2, 0.8, 2, 1, 2), (20, 45), (13, 28))

    def _sequela(self) -> None:
        kind = str(self.rng.choice(["apical", "band", "reticular", "honeycomb"], p=[0.32, 0.36, 0.2, 0.12]))
        corner = self._corner()
        if kind == "apical":
            sides = ("left", "right") if self.rng.random() < 0.65 else (self._one_side(),)
            lobes = tuple(f"{side} upper lobe" for side in sides)
            self.out.lung.append(lung.Reticulation(lobes, corner, float(self.rng.uniform(6, 11)), apical=True))
            for lobe in lobes:
                point = self._point(lobe, (4, 12))
                high = (point[0], point[1], max(point[2], 58.0))
                normal = self.rng.normal(0, 1, 3) * [1, 1, 0.4]
                normal /= np.linalg.norm(normal)
                sheet = (high, tuple(normal.tolist()), 20.0, 4.5)
                self.out.lung.append(lung.Plates("Pulmonary fibrotic sequela", lobe, (sheet,), corner, 20.0))
            self._note(
                "Pulmonary fibrotic sequela", self._side_of(lobes), "apices" if len(sides) == 2 else "apex", kind=kind
            )
        elif kind == "band":
            (lobe,) = self._lobes((1, 1, 1.5, 1, 1.5))
            sheets = self._sheets(lobe, flat=False)
            self.out.lung.append(lung.Plates("Pulmonary fibrotic sequela", lobe, sheets, corner, 25.0))
            self._note("Pulmonary fibrotic sequela", self._side_of((lobe,)), lobe, kind=kind)
        else:
            reach = float(self.rng.uniform(8, 18))
            self.out.lung.append(lung.Reticulation(_LOWER, corner, reach, honeycomb=kind == "honeycomb"))
            self._note("Pulmonary fibrotic sequela", "bilateral", "lower lobes", kind=kind)

    def _effusion(self) -> None:
        both = self.rng.random() < (0.65 if "Cardiomegaly" in self.names else 0.35)
        sides = ("right", "left") if both else (self._one_side(),)
        thick = {side: float(np.exp(self.rng.uniform(np.log(11), np.log(52)))) for side in sides}
        most = max(thick.values())
        top = float(self.rng.uniform(-70, -35) + 1.5 * most)
        template = {side: value / self.scale for side, value in thick.items()}
        self.out.lung.append(lung.Effusion(template, top, float(self.rng.uniform(2, 16)), 0.0, self._corner()))
        self._effused = tuple(sorted(thick, key=lambda side: -thick[side]))
        degree = "small" if most < 20 else "large" if most > 38 else "moderate"
        side = "bilateral" if both else sides[0]
        self._note("Pleural effusion", side, "pleura", thickness=most, degree=degree, larger=self._effused[0])

    def _mosaic(self) -> None:
        lobes = LOBES if self.rng.random() < 0.7 else _LOWER
        contrast = float(self.rng.uniform(110, 190))
        self.out.lung.append(lung.Mosaic(lobes, self._corner(), float(self.rng.uniform(26, 42)), contrast))
        self._note("Mosaic attenuation pattern", "bilateral", "both lungs" if lobes == LOBES else "lower lobes")

    def _bronchi(self, change: BronchialChange) -> None:
        self.out.bronchi += (change,)

    def _thickening(self) -> None:
        wide = next((one for one in self.out.bronchi if one.width > 1), None)
        if wide is not None and self.rng.random() < 0.7:
            lobes = wide.lobes
        else:
            lobes = (
                LOBES
                if self.rng.random() < 0.5
                else _LOWER
                if self.rng.random() < 0.5
                else self._lobes((1, 1, 2, 1, 2))
            )
        self._bronchi(BronchialChange(lobes, wall=float(self.rng.uniform(2.6, 4.0)), reach=0.012))
        region = (
            "both lungs"
            if lobes == LOBES
            else "lower lobes"
            if lobes == _LOWER
            else lobes[0]
            if len(lobes) == 1
            else ""
        )
        self._note("Peribronchial thickening", self._side_of(lobes), region, lobes=list(lobes))

    def _bronchiectasis(self) -> None:
        lobes = _LOWER if self.rng.random() < 0.4 else self._lobes((0.8, 1.4, 2, 1, 2), two=0.3)
        width = float(self.rng.uniform(1.9, 3.0))
        self._bronchi(BronchialChange(lobes, width=width, wall=1.5, reach=0.009))
        kind = "cylindrical" if width < 2.4 else str(self.rng.choice(["varicose", "cystic"]))
        region = lobes[0] if len(lobes) == 1 else "lower lobes" if lobes == _LOWER else ""
        self._note("Bronchiectasis", self._side_of(lobes), region, kind=kind, lobes=list(lobes))

    def _septa(self) -> None:
        failing = "Cardiomegaly" in self.names
        lobes = _LOWER if failing or self.rng.random() < 0.5 else self._lobes((1, 0.6, 1.5, 1, 1.5), two=0.3)
        self.out.lung.append(
            lung.Septa(lobes, self._corner(), float(self.rng.uniform(2.2, 3.6)), float(self.rng.uniform(18, 34)))
        )
        region = lobes[0] if len(lobes) == 1 else "lower lobes" if lobes == _LOWER else ""
        self._note("Interlobular septal thickening", self._side_of(lobes), region, lobes=list(lobes))


_DRAW = {
    "Medical material": Drawing._device,
    "Arterial wall calcification": Drawing._arterial,
    "Cardiomegaly": Drawing._cardiomegaly,
    "Pericardial effusion": Drawing._pericardial,
    "Coronary artery wall calcification": Drawing._coronary,
    "Hiatal hernia": Drawing._hernia,
    "Lymphadenopathy": Drawing._nodes,
    "Emphysema": Drawing._emphysema,
    "Atelectasis": Drawing._atelectasis,
    "Lung nodule": Drawing._nodule,
    "Lung opacity": Drawing._opacity,
    "Pulmonary fibrotic sequela": Drawing._sequela,
    "Pleural effusion": Drawing._effusion,
    "Mosaic attenuation pattern": Drawing._mosaic,
    "Peribronchial thickening": Drawing._thickening,
    "Consolidation": Drawing._consolidation,
    "Bronchiectasis": Drawing._bronchiectasis,
    "Interlobular septal thickening": Drawing._septa,
}
