"""What a recipe says of the ids of studies and patients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from itemclip_med.errors import RecipeError
from itemclip_med.labels import ID_NORMALIZERS

ID_RULES = ("hashed", "public")
ID_PLACES = ("patient_id", "accession", "path", "uid")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class StudyIdRule:
    """Where study ids come from.

    Attributes:
        rule: "hashed": HMAC of the StudyInstanceUID; "public": the data set's own public id.
        spelling: how public ids are brought to one spelling, a name in ``labels.ID_NORMALIZERS``.
        where: what is searched for a public id, in order.
        patient: public ids: "study" (each is a patient), "header" (PatientID), or a regular expression whose match in
            the study's id is the patient.
        split: public ids: what an id begins with, to the split it belongs to.
    """

    rule: str
    spelling: str = "plain"
    where: tuple[str, ...] = ("patient_id", "path")
    patient: str = "study"
    split: Mapping[str, str] = field(default_factory=dict)


def parse_study_id(name: str, values: Any) -> StudyIdRule:
    """The block ``study_id``.

    Raises:
        RecipeError: if a key is missing, unknown or wrong; names it.
    """
    if not isinstance(values, Mapping) or "rule" not in values:
        raise RecipeError(f"Recipe {name}: study_id is {values!r}, expected rule: hashed or rule: public.")
    unknown = sorted(set(values) - {"rule", "spelling", "where", "patient", "split"})
    if unknown:
        raise RecipeError(
            f"Recipe {name}: study_id has the unknown key {unknown[0]!r}, expected rule, spelling, where, patient, "
            "split."
        )
    check_choice(name, "study_id: rule", values["rule"], ID_RULES)
    spelling = values.get("spelling", "plain")
    check_choice(name, "study_id: spelling", spelling, tuple(ID_NORMALIZERS))
    places = values.get("where", ["patient_id", "path"])
    for place in [places] if isinstance(places, str) else places:
        check_choice(name, "study_id: where", place, ID_PLACES)
    split = values.get("split") or {}
    for target in split.values():
        check_choice(name, "study_id: split", target, SPLITS)
    try:
        re.compile(str(values.get("patient", "study")))
    except re.error as error:
        raise RecipeError(f"Recipe {name}: study_id: patient is no regular expression ({error}).") from error
    return StudyIdRule(
        values["rule"],
        spelling,
        (places,) if isinstance(places, str) else tuple(places),
        str(values.get("patient", "study")),
        dict(split),
    )


def check_choice(name: str, key: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse a value of a recipe that is none of those allowed.

    Raises:
        RecipeError: names the key and what is allowed.
    """
    if value not in allowed:
        raise RecipeError(f"Recipe {name}: {key} is {value!r}, expected one of {', '.join(allowed)}.")


def read_block(name: str, key: str, values: Any, allowed: tuple[str, ...] | None) -> Mapping[str, Any]:
    """A block of a recipe: keys and values, of known keys only.

    Args:
        name: of the recipe, for messages.
        key: of the block, for messages.
        values: what stands there.
        allowed: the keys it may have; None for any.

    Raises:
        RecipeError: if it is no mapping, or has an unknown key; names the key.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"Recipe {name}: {key} is {values!r}, expected keys and values.")
    for entry in values:
        if allowed is not None and entry not in allowed:
            raise RecipeError(f"Recipe {name}: {key} has the unknown key {entry!r}, expected {', '.join(allowed)}.")
    return values
