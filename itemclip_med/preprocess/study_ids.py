"""Study and patient ids: hashed under a key, public, or raw on request."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from itemclip_med.errors import LabelsError, SourceError
from itemclip_med.labels import ID_NORMALIZERS
from itemclip_med.preprocess.recipe_ids import StudyIdRule

_KEY_BYTES = 32
_SOP_DIGITS = 32


@dataclass(frozen=True)
class IdMaker:
    """Makes the ids that a store may hold.

    Attributes:
        rule: the recipe's rule.
        keep_ids: keep raw UIDs and patient ids.
        key: of the HMAC; None where nothing is hashed.
    """

    rule: StudyIdRule
    keep_ids: bool = False
    key: bytes | None = field(default=None, repr=False)

    @property
    def is_hashing(self) -> bool:
        """True where ids are made with the key."""
        return self.rule.rule == "hashed" and not self.keep_ids

    def hash(self, text: str, purpose: str = "") -> str:
        """HMAC-SHA256 of ``text`` under the key, in hex.

        ``purpose`` keeps the ids of studies, patients and objects apart even where their numbers are equal; it is
        empty for studies, whose id is the HMAC of the StudyInstanceUID itself.
        """
        message = f"{purpose}\0{text}" if purpose else text
        return hmac.new(self.key or b"", message.encode(), hashlib.sha256).hexdigest()

    def study_id(self, *, uid: str, patient: str, accession: str, path: str) -> str:
        """The id of a study.

        Args:
            uid: StudyInstanceUID.
            patient: PatientID.
            accession: AccessionNumber.
            path: folder of the study below the source.

        Raises:
            SourceError: if the rule is public and none of its places holds such an id, two of them hold different
                ones, or the study has no UID to hash.
        """
        if self.rule.rule == "public":
            return self._public_id({"patient_id": patient, "accession": accession, "path": path, "uid": uid})
        if not uid:
            raise SourceError("The study has no StudyInstanceUID, so it has no id: export it again.")
        return uid if self.keep_ids else self.hash(uid)

    def patient_id(self, patient: str, study_id: str) -> str | None:
        """The id of a patient, of public studies as the rule says; None where the source says nothing."""
        if self.rule.rule == "public":
            if self.rule.patient == "study":
                return study_id
            if self.rule.patient == "header":
                return patient or None
            found = re.search(self.rule.patient, study_id)
            return found[0] if found else None
        if not patient:
            return None
        return patient if self.keep_ids else self.hash(patient, "patient")

    def split(self, study_id: str) -> str | None:
        """The split of a public study by what its id begins with; None where the rule does not say."""
        return next((split for start, split in self.rule.split.items() if study_id.startswith(start)), None)

    def sop_uid(self, uid: str) -> str:
        """The id of one object: its public or kept UID, or 32 digits of its HMAC."""
        return uid if not self.is_hashing else self.hash(uid, "sop")[:_SOP_DIGITS]

    def aliases(self, *, uid: str, accession: str, path: str) -> list[str]:
        """What labels and reports may call a study: its raw UID, its accession number, its folder."""
        names = [uid, accession, path, PurePosixPath(path).name]
        return [name for name in names if name and name != "."]

    def _candidates(self, place: str, text: str) -> list[str]:
        """What of a place may be an id: of a path its parts, the last first, or the whole where ids are paths."""
        if place != "path":
            return [text]
        if self.rule.spelling == "pub_brain_5":
            return [text]
        return re.split(r"[/\\]", text)[::-1]

    def _public_id(self, places: Mapping[str, str]) -> str:
        normalize = ID_NORMALIZERS[self.rule.spelling]
        found: dict[str, str] = {}
        for place in self.rule.where:
            for part in self._candidates(place, places[place]):
                try:
                    found[place] = normalize(part)
                except LabelsError:
                    continue
                break
        if not found:
            raise SourceError(
                f"No public id of the spelling {self.rule.spelling} in {' or '.join(self.rule.where)}: is the source "
                "this data set? For other data take a recipe with study_id: {rule: hashed}."
            )
        if len(set(found.values())) > 1:
            raise SourceError(f"{' and '.join(found)} name two different studies: check the source.")
        return next(iter(found.values()))


def default_key_path(store: Path) -> Path:
    """Where the key of a store lies unless another file is named: beside it, never in it."""
    store = store.absolute()
    return store.parent / f"{store.name}.id-key"


def load_key(path: Path, store: Path) -> bytes:
    """Read the key of the ids, or make it on first use.

    Args:
        path: the key file: 64 hexadecimal digits, readable by its owner only.
        store: the store it belongs to; the key must not lie in it, for whoever has both can join ids again.

    Raises:
        SourceError: if the file lies in the store, or holds no key.
    """
    path = path.absolute()
    if path.resolve().is_relative_to(store.absolute().resolve()):
        raise SourceError(f"The key file {path.name} lies in the store: keep it elsewhere, the store may be shared.")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SourceError(
            f"The key file {path.name} holds no key: expected {2 * _KEY_BYTES} hexadecimal digits."
        ) from error
    if len(key) < _KEY_BYTES:
        raise SourceError(f"The key file {path.name} holds {len(key)} bytes, expected {_KEY_BYTES}.")
    return key
