"""Closed vocabularies for header values that people can type anything into: scanners and modalities."""

from __future__ import annotations

import re

MODALITY_CODES = frozenset({
    "AR", "ASMT", "AU", "BI", "BMD", "CD", "CF", "CP", "CR", "CS", "CT", "DD", "DF", "DG", "DM", "DOC", "DS",
    "DX", "EC", "ECG", "EM", "EPS", "ES", "FA", "FID", "FS", "GM", "HC", "HD", "IO", "IOL", "IVOCT", "IVUS",
    "KER", "KO", "LEN", "LP", "LS", "M3D", "MA", "MG", "MR", "MS", "NM", "OAM", "OCT", "OP", "OPM", "OPT",
    "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "PLAN", "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG",
    "RTDOSE", "RTIMAGE", "RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SC", "SEG",
    "SM", "SMR", "SR", "SRF", "ST", "STAIN", "TEXTUREMAP", "TG", "US", "VA", "VF", "XA", "XAPROTOCOL", "XC",
})  # fmt: skip
"""Defined terms of Modality (DICOM PS3.3 C.7.3.1.1.1)."""

_MAKERS = {
    "GE": r"\bGE\b|GENERAL ELECTRIC|\bGEMS\b",
    "Siemens": r"SIEMENS",
    "Philips": r"PHILIPS|PICKER|MARCONI|ELSCINT",
    "Canon": r"CANON",
    "Toshiba": r"TOSHIBA",
    "Fujifilm": r"FUJI",
    "Hitachi": r"HITACHI",
    "United Imaging": r"\bUIH\b|UNITED.?IMAGING",
    "Neusoft": r"NEUSOFT",
    "NeuroLogica": r"NEUROLOGICA|SAMSUNG",
    "Shimadzu": r"SHIMADZU",
    "Hyperfine": r"HYPERFINE",
    "Esaote": r"ESAOTE",
    "itemclip_med phantom": r"ITEMCLIP",
}
# Families and what stands behind them; a word of a model's name that is not here is dropped.
_MODEL_WORDS = frozenset({
    "ACHIEVA", "ADVANTAGE", "AERA", "ALLEGRA", "ALTEA", "AMBITION", "AMIRA", "APERTO", "APEX", "AQUILION",
    "ARCHITECT", "ARTIST", "AS", "ASTEION", "AVANTO", "BIOGRAPH", "BRIGHTSPEED", "BRILLIANCE", "CARTESION",
    "CENTAUR", "CERETOM", "CHORUS", "CIMA", "CONFIDENCE", "CT", "CX", "DEFINITION", "DISCOVERY", "DRIVE", "DUO",
    "DUOTO", "ECLIPSE", "EDGE", "ELITION", "EMINENCE", "EMOTION", "ENCORE", "ESPREE", "ESSENZA", "EXCEL",
    "EXCITE", "EXCITEHD", "EXEDRA", "EXPERT", "FIT", "FLASH", "FORCE", "FORTIAN", "FREE", "FRONTIER", "GALAN",
    "GENESIS", "GENUINE", "GO", "HARMONY", "HD", "HDE", "HDX", "HDXT", "HERO", "HIGHSPEED", "ICT", "IDREAM",
    "IMPACT", "IMPRESSION", "INCISIVE", "INGENIA", "INGENUITY", "INTERA", "IQON", "LB", "LIGHTNING", "LIGHTSPEED",
    "LUMINA", "MAGNETOM", "MAX", "MMR", "MOMENTUM", "MR", "MX", "NAEOTOM", "NEXARIS", "NEXT", "NOVUS", "NX",
    "OASIS", "ONE", "OPEN", "OPEN.UP", "OPTIMA", "ORIAN", "PANORAMA", "PERFORMIX", "PERSPECTIVE", "PIONEER",
    "PLUS", "POSITRON", "PREMIER", "PRESTO", "PRIME", "PRIMUS", "PRISMA", "PRO", "PROSPEED", "PROSPECT", "QX/I",
    "REVOLUTION", "RT", "RX", "SCENARIA", "SCOPE", "SENSATION", "SIERRA", "SIGNA", "SKYRA", "SMART", "SOLA",
    "SOMATOM", "SONATA", "SPECTRA", "SPECTRAL", "SPIRIT", "SUPER", "SUPRIA", "SWOOP", "SYMPHONY", "SYMPHONYTIM",
    "TACT", "TIM", "TRILLIUM", "TRIO", "TRIOTIM", "TX", "ULTRA", "UCT", "UMI", "UMR", "UPMR", "VANTAGE", "VCT",
    "VELOCITY", "VERIO", "VIDA", "VISART", "VISION", "VOLUME", "VOLUMEZOOM", "VOYAGER", "X.CITE", "X.CEED", "XL",
    "XR", "XTREAM", "ZOOM", "BODYTOM", "PHANTOM", "SCANNER",
})  # fmt: skip
_SIZE = re.compile(r"\d{1,3}(?:\.\d)?T?|[A-Z]")


def scanner_name(manufacturer: str, model: str) -> str:
    """Maker and model in words of a closed vocabulary; "" where nothing of it is known.

    Both fields are free text: what a service engineer or an export tool wrote there may name a hospital or a person.

    Args:
        manufacturer: as in the header.
        model: ManufacturerModelName as in the header.

    Returns:
        For example ``Siemens SOMATOM Definition AS+``.
    """
    maker = next((name for name, pattern in _MAKERS.items() if re.search(pattern, manufacturer.upper())), "")
    words, has_family = [], False
    for word in re.split(r"[\s_,;()-]+", model):
        known = word.upper().rstrip("+") in _MODEL_WORDS
        has_family |= known
        if known or (has_family and _SIZE.fullmatch(word.upper())):
            words.append(word)
    return " ".join([maker, *words] if maker else words)
