"""Turn a report into items: the road from free text through sections, sentences, clauses and findings to statuses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from itemclip_med.records import Item, Report, Status
from itemclip_med.reports import attributes, cutting
from itemclip_med.reports.cleaning import CleanText, clean, is_english
from itemclip_med.reports.merging import Draft, merge
from itemclip_med.reports.sections import KEPT_SECTIONS, Block, find_blocks, inner_blocks
from itemclip_med.reports.sentences import split_sentences
from itemclip_med.reports.statements import plain, read_sentence
from itemclip_med.reports.tokens import singular, tokenize
from itemclip_med.reports.vocabulary import word_lists

Span = tuple[int, int]

NO_ABNORMALITY = "No significant abnormality"
MAX_CHARS = 100_000

_LETTER = re.compile(r"[^\W\d_]")
_BACK_REFERENCE = re.compile(
    r"(?!it\s+is\s+(?:difficult|hard|possible|impossible|unclear|uncertain|unlikely|important|worth\w*|not\s+possible)\b)"
    r"(?:(?:it|they|this|that|these|both|each|two\s+of\s+(?:these|them)|one\s+of\s+(?:these|them)|some\s+of\s+(?:these|them)|(?:at\s+least\s+)?(?:one|two|three|several|some|many|most|all)(?:\s+of\s+(?:them|these|which))?|the\s+(?:latter|former))\s+"
    r"(?:also\s+|again\s+|now\s+|all\s+|both\s+|likely\s+|probably\s+)*"
    r"(?:(?:lesion|mass|nodule|collection|finding|abnormality|focus|process|area|appearance|tumou?r|change|node|structure|cyst|opacity|hematoma|haematoma)(?:s|es)?\s+)?"
    r"(?:is|are|was|were|has|have|measures?|shows?|demonstrates?|extends?|abuts?|contains?|appears?|causes?|exerts?|results?|involves?|displaces?|"
    r"compress\w*|enhances?|may|might|could|can|likely|does|do|exhibits?|represents?|reflects?|suggests?|remains?|lies|occup\w+|restricts?|"
    r"encases?|invades?|crosses|fills?|arises?|produces?|effaces?|communicates?|surrounds?|reaches|spares?|corresponds?|raises?|would)\b"
    r"|(?:the\s+)?(?:largest|biggest|dominant|smallest|larger|latter)\b(?:\s+(?:of\s+(?:these|them|which)|one|lesion|nodule|node|collection|measur\w+|is|lies|located|in|being))"
    r"|(?:measures|measuring|abuts|enhances|extends|demonstrates|exhibits|displaces)\b)"
)
_THE_SAME = re.compile(
    r"the\s+(lesion|mass|nodule|collection|abnormality|hematoma|haematoma|tumou?r|cyst|aneurysm|focus|opacity|finding|consolidation|effusion|"
    r"fracture|catheter|tube|stent|shunt|drain|hemorrhage|haemorrhage|bleed|infarct|cavity)s?\s+(?:itself\s+)?(?:is|are|was|were|has|have|measures?|shows?|demonstrates?|extends?|abuts?|contains?|"
    r"appears?|causes?|exerts?|involves?|displaces?|compress\w*|enhances?|exhibits?|lies|restricts?|encases?|invades?|crosses|arises?|effaces?)\b"
)
_RUN_IN = frozenset(("comparison", "technique", "exam"))
_REACH = 4  # items back to which "the mass" may point
_GENERIC_SAME = frozenset(("lesion", "mass", "abnormality", "tumor", "tumour", "focus", "collection", "finding"))
_OVERALL = re.compile(
    r"\b(?:ct|mri|mra|cta|hrct|study|scan|exam|examination|appearances?|imaging|evaluation|findings?)\b|\babnormalit(?:y|ies)\b|\bpatholog\w+\b|\bprocess\b|\bdisease\b|^nad\b"
)


@dataclass(frozen=True, slots=True)
class TracedItem:
    """An item, and where in the report each of its words stands.

    Attributes:
        text: the report's own words; a carried heading is followed by a colon.
        status: what it says of its finding.
        spans: (start, end) of its parts, in the order of ``text``; empty only for the default sentence.
        section: "findings", "impression", "addendum", or "body" where the report has no headings.
        anatomy: coarse place where one is stated.
        laterality: "left", "right", "bilateral" where stated.
        sizes_mm: every size stated, each one to three lengths.
        repeats: other wordings of the same item in the report.
        confidence: how sure the rules are, 0 to 1; what is doubtful comes first in an audit.
    """

    text: str
    status: Status
    spans: tuple[Span, ...] = ()
    section: str = "body"
    anatomy: str | None = None
    laterality: str | None = None
    sizes_mm: tuple[tuple[float, ...], ...] = ()
    repeats: tuple[str, ...] = ()
    confidence: float = 1.0

    def to_dict(self) -> dict[str, object]:
        """The item as it is written to JSONL; fields without a value are left out."""
        values: dict[str, object] = {
            "text": self.text,
            "status": self.status,
            "spans": [list(span) for span in self.spans],
        }
        values["section"] = self.section
        for name in ("anatomy", "laterality"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        if self.sizes_mm:
            values["sizes_mm"] = [list(size) for size in self.sizes_mm]
        if self.repeats:
            values["alt"] = list(self.repeats)
        values["confidence"] = round(self.confidence, 2)
        return values


@dataclass(frozen=True, slots=True)
class ItemizedReport:
    """The items of one report.

    Attributes:
        items: in the report's order; a normal study has one.
        is_normal: True where nothing is present or uncertain, None where there is no usable text.
        reason: why there are no items ("empty", "too long", "not English", "no usable text"); else None.
    """

    items: tuple[TracedItem, ...] = ()
    is_normal: bool | None = None
    reason: str | None = None

    def to_report(self, study_id: str) -> Report:
        """The same as the package's record, which training reads.

        Args:
            study_id: the study it belongs to.
        """
        return Report(study_id, tuple(Item(item.text, item.status) for item in self.items), self.is_normal)


def itemize(report: str, *, collapse_normal: bool = True, max_chars: int = MAX_CHARS) -> ItemizedReport:
    """Cut a radiology report into items by rules.

    The same text gives the same items on every platform: there is no model, no randomness and no order of a set.

    Args:
        report: free text in English; HTML and RTF are read, marks of de-identification are left out.
        collapse_normal: one overall item for a normal study, as the annotation rule asks; False keeps all.
        max_chars: longer texts are not read, and marked so.

    Returns:
        The items; never an error for what a text may hold.
    """
    if not report or not report.strip():
        return ItemizedReport(reason="empty")
    if len(report) > max_chars:
        return ItemizedReport(reason="too long")
    text = clean(report)
    if not text.low.strip():
        return ItemizedReport(reason="empty")
    if not is_english(text):
        return ItemizedReport(reason="not English")
    drafts: list[Draft] = []
    blocks = find_blocks(text)
    for block in blocks:
        if block.section in KEPT_SECTIONS:
            _read_block(text, block, drafts)
    drafts = merge(drafts or _behind_headings(text, blocks))
    if all(_is_paper_work(draft) for draft in drafts):
        return ItemizedReport(reason="no usable text")
    is_normal = not any(draft.status in ("present", "uncertain") for draft in drafts)
    if is_normal and collapse_normal:
        return ItemizedReport((_overall(text.shown, drafts),), True)
    return ItemizedReport(tuple(_finish(text.shown, draft) for draft in drafts), is_normal)


def _read_block(report: CleanText, block: Block, drafts: list[Draft]) -> None:
    """Add the items of one block."""
    low = report.low
    for start, end in split_sentences(low, block.start, block.end, report.shown):
        sentence = plain(low, [(start, end)])
        if not _LETTER.search(sentence) and (block.heading is None or not sentence[:1].isdigit()):
            continue
        target = _referred(sentence, block, drafts)
        if target is not None and not cutting.is_dropped(sentence):
            spans = cutting.cut_tails(low, start, end)
            left, right = target.spans[-1]
            target.spans[-1] = (left, right + (low[right : right + 1] == "."))  # two sentences stay two
            target.spans.extend(spans)
            target.text = plain(low, target.spans)
            continue
        heading = block.heading
        for piece in read_sentence(low[start:end], plain(low, [heading]) if heading else ""):
            spans = [(start + left, start + right) for left, right in piece.spans]
            carried = heading if piece.has_heading else None
            if carried is not None:
                spans.insert(0, carried)
            drafts.append(Draft(spans, piece.text, piece.status, block.section, carried, [], piece.confidence))


def _behind_headings(report: CleanText, blocks: list[Block]) -> list[Draft]:
    """Items of a report on one line, whose findings follow "COMPARISON: None." without a heading of their own."""
    drafts: list[Draft] = []
    for block in blocks:
        if block.section not in _RUN_IN:
            continue
        sentences = split_sentences(report.low, block.start, block.end, report.shown)
        if len(sentences) > 1:
            for inner in inner_blocks(report.low, sentences[1][0], block.end, "body"):
                _read_block(report, inner, drafts)
    return [draft for draft in drafts if draft.status == "normal" or _names_finding(draft.text)]


def _is_paper_work(draft: Draft) -> bool:
    """About the report and not about the images: "Wrong patient", "Dictated but not read"."""
    tokens = tokenize(draft.text, 0, len(draft.text))
    named = any(token.kind in "FEAa" for token in tokens)
    return draft.status != "normal" and not named and any(token.word in word_lists.PAPER_WORK for token in tokens)


def _names_finding(text: str) -> bool:
    return any(token.kind == "F" for token in tokenize(text, 0, len(text)))


def _referred(sentence: str, block: Block, drafts: list[Draft]) -> Draft | None:
    """The item that a sentence about "it" or "the mass" only adds to."""
    if not drafts or drafts[-1].section != block.section:
        return None
    last = drafts[-1] if drafts[-1].status not in ("absent", "normal") else None
    if _BACK_REFERENCE.match(sentence):
        return last
    match = _THE_SAME.match(sentence)
    if match is None:
        return None
    noun = singular(match[1])
    for draft in reversed(drafts[-_REACH:]):
        if draft.section != block.section:
            break
        said = {singular(token.word) for token in tokenize(draft.text, 0, len(draft.text))}
        if noun in said and draft.status not in ("absent", "normal"):
            return draft
    named = last is not None and _names_finding(last.text)
    return last if noun in _GENERIC_SAME and named else None


def _finish(shown: str, draft: Draft) -> TracedItem:
    text = _show(shown, draft.spans, draft.heading)
    return TracedItem(
        text, draft.status, tuple(draft.spans), draft.section, attributes.anatomy_of(draft.text),
        attributes.laterality_of(draft.text),
        attributes.sizes_of(draft.text), tuple(_show(shown, spans, None) for spans in draft.repeats), draft.confidence,
    )  # fmt: skip


def _show(shown: str, spans: list[Span], heading: Span | None) -> str:
    parts = [" ".join(shown[start:end].split()) for start, end in spans]
    if heading is not None:
        parts[0] += ":"
    return " ".join(part for part in parts if part).rstrip(" ,;")


def _overall(shown: str, drafts: list[Draft]) -> TracedItem:
    """The one item of a normal study: its own overall sentence, or the default one."""
    return normal_item([_finish(shown, draft) for draft in drafts])


def normal_item(items: Sequence[TracedItem]) -> TracedItem:
    """The one item of a normal study.

    Args:
        items: none of them present or uncertain.

    Returns:
        The sentence that calls the study as a whole normal, the impression's if there are several; or the default one.
    """
    best = None
    for item in items:
        is_overall = item.status == "normal" and _OVERALL.search(item.text.lower())
        if is_overall and (best is None or item.section == "impression"):
            best = item
    if best is None and len(items) == 1 and items[0].status == "normal":
        best = items[0]
    return best or TracedItem(NO_ABNORMALITY, "normal")
