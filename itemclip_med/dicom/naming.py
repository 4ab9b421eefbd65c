"""Technical names of series: what free text in headers becomes before it may enter a store."""

from __future__ import annotations

import re

# Word in the vocabulary -> pattern looked for in the description; everything else is dropped, names of people too.
_MR_WORDS = {
    "FLAIR": r"FLAIR|DARK.?FLUID",
    "ADC": r"\bADC|APPARENT",
    "DWI": r"DWI|DIFF|\bTRACE|B.?1000",
    "SWI": r"SWI|SWAN|VENOBOLD|SUSCEPT",
    "GRE": r"\bGRE|HEMO|T2\W?STAR|T2\*|MERGE",
    "MPRAGE": r"MP.?RAGE|MEMPR|BRAVO|SPGR|TFE",
    "TOF": r"\bTOF|ANGIO|\bMRA",
    "ASL": r"\bASL|PERF",
    "BOLD": r"BOLD|FMRI|\bEPI",
    "T1": r"T1",
    "T2": r"T2",
    "PD": r"\bPD\b|PROTON",
}
_CONTRAST = re.compile(r"\bPOST\b|\+\s?C\b|\bGD\b|\bGAD|\bCE\b|CONTRAST|\bC\+", re.IGNORECASE)
_NO_CONTRAST = re.compile(r"\bPRE\b|\bW/?O\b|WITHOUT|\bNON?\W?(?:C|CE|CONTRAST)\b", re.IGNORECASE)
_BONE_WORDS = re.compile(r"\bBONE|KNOCHEN|\bOS\b|\bYD\b|SHARP", re.IGNORECASE)
_SOFT_WORDS = re.compile(r"BRAIN|SOFT|\bST\b|STANDARD|STD|HEAD ROUTINE|PLAIN", re.IGNORECASE)
_PLANES = {"axial": "AX", "coronal": "COR", "sagittal": "SAG", "oblique": "OBL"}


def kernel_kind(kernel: str, description: str) -> str:
    """Tell "bone", "soft_tissue" or "" (unknown), from the kernel's vendor name, else from the description.

    Sources:
        Vendors' conformance statements: GE "BONE"/"BONEPLUS"/"EDGE", Siemens H60 and above (B60 body), Philips "YD",
        "D", "E", Toshiba FC30 and FC80-FC89 are edge kernels.
    """
    words = kernel.upper().replace("\\", " ")
    if words:
        if re.search(r"BONE|EDGE|LUNG|\bY[A-E]\b|SHARP", words) or re.search(r"\b(FC30|FC8\d)\b", words):
            return "bone"
        number = re.search(r"\b[HBUQT][A-Z]?(\d\d)", words)
        if number:
            return "bone" if int(number[1]) >= 58 else "soft_tissue"
        return "soft_tissue"
    if _BONE_WORDS.search(description):
        return "bone"
    return "soft_tissue" if _SOFT_WORDS.search(description) else ""


def technical_name(
    *, modality: str, plane: str, description: str, kernel: str, contrast: bool, thickness_mm: float
) -> str:
    """A name of a closed vocabulary: plane, sequence or thickness, kernel, contrast.

    Args:
        modality: "CT", "MR" or another code.
        plane: from :func:`itemclip_med.dicom.geometry.plane_of`.
        description: SeriesDescription and ProtocolName as they are in the header.
        kernel: ConvolutionKernel.
        contrast: True where the header names a contrast agent.
        thickness_mm: distance between slices.

    Returns:
        For example ``AX_THIN_BONE``, ``AX_FLAIR``, ``SAG_T1_CE``.
    """
    parts = [_PLANES.get(plane, "OBL")]
    if modality == "CT":
        parts.append("THIN" if thickness_mm <= 2.0 else "THICK")
        if kernel_kind(kernel, description) == "bone":
            parts.append("BONE")
    elif modality != "MR":
        parts.append(modality)
    else:
        upper = description.upper().replace("_", " ")
        found = [word for word, pattern in _MR_WORDS.items() if re.search(pattern, upper)]
        if "FLAIR" in found or "GRE" in found:
            found = [word for word in found if word != "T2"]
        parts += found[:2] or ["MR"]
    is_named = _CONTRAST.search(description) and not _NO_CONTRAST.search(description)
    if contrast or (modality == "MR" and is_named):
        parts.append("CE")
    return "_".join(parts)
