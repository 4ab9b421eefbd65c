"""Which studies of a store train and which validate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from itemclip_med.errors import StoreError
from itemclip_med.training.seeding import derive_seed


def choose_studies(
    store: Any,
    part: Literal["train", "val", "test"],
    *,
    val_share: float = 0.1,
    seed: int = 0,
    whole_store: bool = False,
) -> list[str]:
    """Ids of the studies of one part, by the store's own split where it has one.

    Studies without a split go to "train" or "val" by a hash of their patient (of the study where no patient is known),
    so that a patient never lies in both and a study keeps its part when others are added.

    Args:
        store: an :class:`itemclip_med.store.Store`, or anything with ``studies``; a sequence of studies will do.
        part: the part wanted.
        val_share: share of the patients without a split that validate.
        seed: changes the hash.
        whole_store: take every study whatever its split, where a store as a whole is one part.

    Returns:
        Study ids in the store's order.

    Raises:
        StoreError: if the part is empty.
    """
    studies: Sequence[Any] = getattr(store, "studies", store)
    chosen = [study.study_id for study in studies if whole_store or _part_of(study, val_share, seed) == part]
    if not chosen:
        raise StoreError(
            f"The store holds no study for {part!r} ({len(list(studies))} studies in all). "
            "Preprocess more studies, or give the studies a split in the recipe."
        )
    return chosen


def _part_of(study: Any, val_share: float, seed: int) -> str:
    if study.split:
        return str(study.split)
    draw = derive_seed(seed, study.patient_id or study.study_id, "split") / 2**63
    return "val" if draw < val_share else "train"
