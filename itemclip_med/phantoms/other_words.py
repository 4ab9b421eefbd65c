"""Head CT reports in words that the usual reports never use: do models understand, or know their phrases by heart?

The sentences are plain English about the same findings, one item a finding. None of their templates, and no phrase that
names a finding in them, stands in :mod:`wording_tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from itemclip_med.phantoms.composing import GoldItem, WrittenReport, draw
from itemclip_med.phantoms.phrases import capitalize, pick
from itemclip_med.phantoms.places import describe
from itemclip_med.phantoms.wording import table_of
from itemclip_med.records import Item

if TYPE_CHECKING:
    import numpy as np

    from itemclip_med.phantoms.findings import PhantomFinding

OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "IPH": (
        "[bleeding|a bleeding spot] into the tissue of {the_place}",
        "[fresh|bright] blood pooled within the substance of {the_place}",
        "the brain has bled at {the_place}",
    ),
    "IVH": (
        "[bloodstained|bloody] cerebrospinal fluid in {the_place}",
        "blood has leaked into {the_place}",
        "a bright fluid level behind in {the_place}",
    ),
    "SDH": (
        "a sickle of [bright|fresh] blood beneath the dura[, {side} side|]",
        "bleeding between dura and arachnoid, spread thin over {the_place}",
        "a banana-shaped rim of blood beneath the dura at {the_place}",
    ),
    "EDH": (
        "a lemon-shaped pocket of [bright|fresh] blood outside the dura[, {side} side|]",
        "bleeding between bone and dura at {the_place}",
        "a bulging pocket of blood that strips the dura off the bone at {the_place}",
    ),
    "SAH": (
        "[bright|fresh] blood coats the folds of the brain at {the_place}",
        "bleeding beneath the arachnoid, spread through {the_place}",
        "the furrows of the brain hold blood at {the_place}",
    ),
    "ChronicBleed": (
        "aged, darkened blood beneath the dura[, {side} side|]",
        "a sickle of dark fluid left by bleeding weeks ago at {the_place}",
    ),
    "ChronicBleedIntraAxial": (
        "a dark scar where the brain once bled, at {the_place}",
        "aged, darkened blood within the substance of {the_place}",
    ),
    "Fracture": (
        "the bone is [broken|cracked] at {the_place}",
        "a crack runs through {the_place}",
    ),
    "MassEffect": (
        "the brain is squeezed",
        "the brain is squeezed on the {side} side",
        "tight, flattened folds, pressed by what bleeds",
    ),
    "MassEffectPosterior": (
        "the back chamber is squeezed",
        "tight space at the back of the skull, its chamber flattened",
    ),
    "MidlineShift": (
        "the middle of the brain is pushed aside",
        "the middle of the brain is pushed {toward}",
        "the septum bows across to the {toward} side",
    ),
}
NORMAL_WORDS: tuple[str, ...] = (
    "a healthy-looking brain",
    "nothing wrong inside the head",
    "all chambers, folds and bones look as they should",
)


def compose_in_other_words(findings: Sequence[PhantomFinding], rng: np.random.Generator) -> WrittenReport:
    """Write the report of a phantom in other words, a sentence a finding.

    Args:
        findings: what the phantom shows; empty for a normal one.
        rng: draws everything; the same state gives the same report.

    Returns:
        The report, its items in the order of the findings.
    """
    if not findings:
        words = capitalize(pick(NORMAL_WORDS, rng))
        return WrittenReport(f"{words}.", (GoldItem(Item(words, "normal")),), True)
    items = [
        GoldItem(Item(_words(table_of(finding, findings), finding, rng), "present", finding.name))
        for finding in findings
    ]
    return WrittenReport(" ".join(f"{gold.item.text}." for gold in items), tuple(items), False)


def _words(table: str, finding: PhantomFinding, rng: np.random.Generator) -> str:
    words = draw(OTHER_WORDS[table], describe(finding, rng), rng, needed=("side", "toward"))
    if words is None:
        raise ValueError(f"no other words for {finding.name} on side {finding.side!r}")
    return capitalize(words)
