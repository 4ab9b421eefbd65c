"""The official layout of Rad-ChestCT: its archives, its label tables of 84 abnormalities by location, its summary."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from itemclip_med.phantoms.chest_shape import LOBES
from itemclip_med.phantoms.findings import PhantomFinding

ABNORMALITIES: tuple[str, ...] = (
    "air_trapping", "airspace_disease", "aneurysm", "arthritis", "aspiration", "atelectasis", "atherosclerosis",
    "bandlike_or_linear", "breast_implant", "breast_surgery", "bronchial_wall_thickening", "bronchiectasis",
    "bronchiolectasis", "bronchiolitis", "bronchitis", "cabg", "calcification", "cancer", "cardiomegaly",
    "catheter_or_port", "cavitation", "chest_tube", "clip", "congestion", "consolidation", "coronary_artery_disease",
    "cyst", "debris", "deformity", "density", "dilation_or_ectasia", "distention", "emphysema", "fibrosis",
    "fracture", "gi_tube", "granuloma", "groundglass", "hardware", "heart_failure", "heart_valve_replacement",
    "hemothorax", "hernia", "honeycombing", "infection", "infiltrate", "inflammation", "interstitial_lung_disease",
    "lesion", "lucency", "lung_resection", "lymphadenopathy", "mass", "mucous_plugging", "nodule", "nodulegr1cm",
    "opacity", "other_path", "pacemaker_or_defib", "pericardial_effusion", "pericardial_thickening", "plaque",
    "pleural_effusion", "pleural_thickening", "pneumonia", "pneumonitis", "pneumothorax", "postsurgical",
    "pulmonary_edema", "reticulation", "scarring", "scattered_calc", "scattered_nod", "secretion",
    "septal_thickening", "soft_tissue", "staple", "stent", "sternotomy", "suture", "tracheal_tube", "transplant",
    "tree_in_bud", "tuberculosis",
)  # fmt: skip
LOCATIONS: tuple[str, ...] = (
    "left_upper", "left_mid", "left_lower", "right_upper", "right_mid", "right_lower", "right_lung", "left_lung",
    "lung", "airways", "heart", "mitral_valve", "aortic_valve", "tricuspid_valve", "pulmonary_valve", "aorta", "svc",
    "ivc", "pulmonary_artery", "pulmonary_vein", "right", "left", "anterior", "posterior", "superior", "inferior",
    "medial", "lateral", "interstitial", "subpleural", "centrilobular", "thyroid", "breast", "axilla", "chest_wall",
    "rib", "spine", "bone", "mediastinum", "diaphragm", "hilum", "abdomen", "esophagus", "stomach", "intestine",
    "liver", "gallbladder", "kidney", "adrenal_gland", "spleen", "pancreas", "other_location",
)  # fmt: skip
LABEL_COLUMNS: tuple[str, ...] = tuple(f"{one}*{where}" for one in ABNORMALITIES for where in LOCATIONS)
SUMMARY_COLUMNS: tuple[str, ...] = ("MRN_DEID", "NoteAcc_DEID", "Set_Assigned", "Subset_Assigned")
_LOBE_NAMES = dict(zip(LOBES, ("right_upper", "right_mid", "right_lower", "left_upper", "left_lower"), strict=True))
_SOURCES: dict[str, tuple[str, ...]] = {
    "Arterial wall calcification": ("calcification", "atherosclerosis"), "Cardiomegaly": ("cardiomegaly",),
    "Pericardial effusion": ("pericardial_effusion",), "Hiatal hernia": ("hernia",), "Emphysema": ("emphysema",),
    "Coronary artery wall calcification": ("calcification", "coronary_artery_disease"),
    "Lymphadenopathy": ("lymphadenopathy",), "Atelectasis": ("atelectasis",), "Lung nodule": ("nodule",),
    "Lung opacity": ("opacity", "groundglass"), "Pulmonary fibrotic sequela": ("fibrosis",),
    "Pleural effusion": ("pleural_effusion",), "Mosaic attenuation pattern": ("air_trapping",),
    "Peribronchial thickening": ("bronchial_wall_thickening",), "Consolidation": ("consolidation",),
    "Bronchiectasis": ("bronchiectasis",), "Interlobular septal thickening": ("septal_thickening",),
}  # fmt: skip
_DEVICES = {
    "pacemaker": ("pacemaker_or_defib", "heart"), "port": ("catheter_or_port", "svc"),
    "central venous catheter": ("catheter_or_port", "svc"), "sternotomy wires": ("sternotomy", "chest_wall"),
    "nasogastric tube": ("gi_tube", "esophagus"), "endotracheal tube": ("tracheal_tube", "airways"),
    "chest tube": ("chest_tube", "chest_wall"), "aortic valve prosthesis": ("heart_valve_replacement", "aortic_valve"),
    "coronary stent": ("stent", "heart"),
}  # fmt: skip
_ELSEWHERE = {
    "Arterial wall calcification": "aorta", "Cardiomegaly": "heart", "Pericardial effusion": "heart",
    "Coronary artery wall calcification": "heart", "Hiatal hernia": "stomach",
}  # fmt: skip
# Of each kind of id: its label table, and what the summary says of it.
_SPLITS = {
    "trn": ("train", "imgtrain_extra", "imgtrain"),
    "val": ("valid", "imgvalid", "imgvalid_a"),
    "tst": ("test", "imgtest", "imgtest_a"),
}


def volume_id(index: int) -> str:
    """The id of a study: six of ten are of the training set, three of the validation set, one of the test set."""
    return f"{('trn', 'val', 'tst')[(index % 10 >= 6) + (index % 10 == 9)]}{index + 1:05d}"


def label_file(volume: str) -> str:
    """The name of the label table in which a volume stands."""
    return f"img{_SPLITS[volume[:3]][0]}_Abnormality_and_Location_Labels.csv"


def volume_file(volume_hu: NDArray[np.int16]) -> bytes:
    """A volume as Rad-ChestCT ships it: key ``ct``, HU cut at 1000, axes (Z, Y, X) to the feet, the back and the left.

    Args:
        volume_hu: int16 (X, Y, Z), axes to the patient's right, front and head.
    """
    turned = np.clip(volume_hu[::-1, ::-1, ::-1].transpose(2, 1, 0), -1000, 1000).astype(np.int16)
    out = io.BytesIO()
    np.savez_compressed(out, ct=np.ascontiguousarray(turned))
    return out.getvalue()


def pickled_file(volume_hu: NDArray[np.int16]) -> bytes:
    """The same archive of a volume (X, Y, Z) with an array of objects, which only unpickling could read."""
    out = io.BytesIO()
    np.savez_compressed(out, ct=np.array([volume_hu.tobytes()[:64], None], dtype=object))
    return out.getvalue()


def positives(findings: Iterable[PhantomFinding]) -> set[str]:
    """The columns of a label table that are 1 for a study with these findings."""
    columns = set()
    for finding in findings:
        if finding.name == "Medical material":
            kinds = [str(finding.params["kind"]), *map(str, finding.params.get("also", ()))]  # type: ignore[call-overload]
            columns |= {"*".join(_DEVICES[kind]) for kind in kinds}
            continue
        sources = list(_SOURCES[finding.name])
        kind = finding.params.get("kind")
        if finding.name == "Lung nodule" and finding.size_mm and finding.size_mm[0] > 10:
            sources.append("nodulegr1cm")
        if finding.name == "Pulmonary fibrotic sequela":
            extra = {"reticular": "reticulation", "honeycomb": "honeycombing"}
            sources.append(extra.get(str(kind), "scarring"))
        columns |= {f"{source}*{where}" for source in sources for where in _places(finding)}
    return columns


def _places(finding: PhantomFinding) -> list[str]:
    if finding.name in _ELSEWHERE:
        return [_ELSEWHERE[finding.name]]
    if finding.name == "Lymphadenopathy":
        stations = [str(station) for station in finding.params["stations"]]  # type: ignore[attr-defined]
        return ["axilla" if "axillary" in s else "hilum" if "hilar" in s else "mediastinum" for s in stations]
    lobes = [str(lobe) for lobe in finding.params.get("lobes", ())] or [finding.region]  # type: ignore[call-overload]
    named = [_LOBE_NAMES[lobe] for lobe in lobes if lobe in _LOBE_NAMES]
    zones = {"lower lobes": ["right_lower", "left_lower"], "upper lobes": ["right_upper", "left_upper"]}
    sides = {"left": ["left_lung"], "right": ["right_lung"]}.get(finding.side, ["lung"])
    return named or zones.get(finding.region, sides)


def labels_csv(rows: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """The text of one label table.

    Args:
        rows: (volume id, columns that are 1) of each volume.
    """
    lines = [",".join(("NoteAcc_DEID", *LABEL_COLUMNS))]
    for volume, ones in rows:
        found = set(ones)
        lines.append(",".join((volume, *("1.0" if column in found else "0.0" for column in LABEL_COLUMNS))))
    return ("\n".join(lines) + "\n").encode()


def summary_row(volume: str, index: int) -> list[str]:
    """One row of ``Summary_3630.csv``."""
    return [f"mrn{index + 1:05d}", volume, *_SPLITS[volume[:3]][1:]]
