"""One spelling for the study ids of public data sets, which their files spell in several ways."""

from __future__ import annotations

import re
from collections.abc import Callable

from itemclip_med.errors import LabelsError

_RSNA_ID = re.compile(r"(?:RSNA_)?(ID_[0-9a-f]{10})(?![0-9a-f]).*", re.IGNORECASE | re.DOTALL)
_CQ500_ID = re.compile(r"CQ500[-_ ]?CT[-_ ]?0*(\d{1,9})(?!\d)", re.IGNORECASE)
_CT_RATE_ID = re.compile(r"((?:train|valid)_\d{1,9}_[a-z]{1,3}_\d{1,6})(?:\.nii(?:\.gz)?)?")
_RAD_CHESTCT_ID = re.compile(r"((?:trn|val|tst)\d{5})(?:\.npz)?")
# Sources of Pub-Brain-5, with the number of folders that name a study: brats23/train/adult_glioma/BraTS-GLI-00003-000.
_PUB_BRAIN_5_SOURCES = {"brats23": 4, "nyu_mets": 2, "open_bhb": 2, "stroke": 2, "ucsf_mets": 2}


def normalize_cq500_id(text: str) -> str:
    """The one spelling of a CQ500 study id: ``CQ500-CT-12``.

    The reads say ``CQ500-CT-12``, archives ``CQ500CT12``, folders ``CQ500CT12 CQ500CT12``, derived lists
    ``CQ500CT012``; whatever follows the number (a file's suffix) is dropped.

    Args:
        text: any of these spellings.

    Returns:
        ``CQ500-CT-<number without leading zeros>``.

    Raises:
        LabelsError: if ``text`` does not start with such an id, or names two different ones.
    """
    text = text.strip()
    numbers = {int(number) for number in _CQ500_ID.findall(text)}
    if not _CQ500_ID.match(text) or len(numbers) != 1:
        raise LabelsError(f"{shown(text)} is no CQ500 study id: expected CQ500-CT-12, CQ500CT12 or CQ500CT012.")
    return f"CQ500-CT-{numbers.pop()}"


def normalize_plain_id(text: str) -> str:
    """An id whose spelling is free: only the spaces around it are dropped.

    Raises:
        LabelsError: if nothing is left.
    """
    text = text.strip()
    if not text:
        raise LabelsError("An empty study id: expected one id per row.")
    return text


def normalize_rsna_id(text: str) -> str:
    """The one spelling of a study id of RSNA 2019: ``ID_`` and ten hexadecimal digits, its StudyInstanceUID.

    Args:
        text: that, or with ``RSNA_`` before it, as derived lists and folders spell it.

    Returns:
        ``ID_44f2fd0075``.

    Raises:
        LabelsError: if ``text`` does not start with such an id.
    """
    found = _found(_RSNA_ID, text, "RSNA study id", "ID_ and ten hexadecimal digits")
    return "ID_" + found[3:].lower()


def normalize_pub_brain_5_id(text: str) -> str:
    """The one spelling of a Pub-Brain-5 study id: its path from the source's folder on, ``stroke/sub-b74a5032``.

    Args:
        text: a path that may begin above that folder and end below the study's.

    Returns:
        The path from the source's folder to the study's.

    Raises:
        LabelsError: if no source's folder is in it, or nothing follows.
    """
    parts = [part for part in text.strip().replace("\\", "/").split("/") if part]
    start = next((number for number, part in enumerate(parts) if part in _PUB_BRAIN_5_SOURCES), None)
    if start is None or start + 1 >= len(parts):
        raise LabelsError(
            f"{shown(text)} is no Pub-Brain-5 study: expected {'/…, '.join(_PUB_BRAIN_5_SOURCES)}/… and its folder."
        )
    return "/".join(parts[start : start + _PUB_BRAIN_5_SOURCES[parts[start]]])


def normalize_ct_rate_id(text: str) -> str:
    """The one spelling of a CT-RATE volume: ``valid_1_a_1``, its name without the suffix.

    Raises:
        LabelsError: if ``text`` is no name of a CT-RATE volume.
    """
    return _found(_CT_RATE_ID, text, "CT-RATE volume", "valid_1_a_1.nii.gz or valid_1_a_1")


def normalize_rad_chestct_id(text: str) -> str:
    """The one spelling of a Rad-ChestCT volume: ``trn00001``, with or without the suffix of its file.

    Raises:
        LabelsError: if ``text`` is no name of a Rad-ChestCT volume.
    """
    return _found(_RAD_CHESTCT_ID, text, "Rad-ChestCT volume", "trn00001, val00001 or tst00001")


def _found(pattern: re.Pattern[str], text: str, what: str, expected: str) -> str:
    """The id in ``text``, the first group of the whole match."""
    found = pattern.fullmatch(text.strip())
    if not found:
        raise LabelsError(f"{shown(text)} is no {what}: expected {expected}.")
    return str(found[1])


ID_NORMALIZERS: dict[str, Callable[[str], str]] = {
    "ct_rate": normalize_ct_rate_id,
    "rad_chestct": normalize_rad_chestct_id,
    "cq500": normalize_cq500_id,
    "plain": normalize_plain_id,
    "pub_brain_5": normalize_pub_brain_5_id,
    "rsna": normalize_rsna_id,
}
"""How a data set's study ids are brought to one spelling."""


def shown(text: str, most: int = 40) -> str:
    """A cell as it may stand in a message: quoted and short."""
    return repr(text if len(text) <= most else text[: most - 1] + "…")
