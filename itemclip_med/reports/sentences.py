"""Cut a block into sentences: guards for clinical text, and cues where there is no punctuation at all."""

# ruff: noqa: SIM905  (words read better without quotes)
from __future__ import annotations

import itertools
import re
from functools import lru_cache

from itemclip_med.reports.tokens import Token, kind_of, tokenize
from itemclip_med.reports.vocabulary import word_lists

_STOP = re.compile(r"[.!?;]+['\")\]]*")
_LIST_NUMBER = re.compile(
    r"(?<![\w.,/-])\(?(\d{1,2})[.)](?=\s+[^\W\d_])|(?<![\w.])\(?([a-h])\)(?=\s+[^\W\d_])|(?<=[.;]\s)([b-h])\.(?=\s+[^\W\d_])"
)
_CAPITAL = re.compile(r"\s+[^\W\d_a-z][a-z]")
_UNIT = re.compile(r"\s*(?:mm|cm|x|by|hu|ml|%)\b")
MAX_SENTENCE = 500
_LONG_WORDS = 11
_THERE_VERBS = frozenset(("is", "are", "was", "were", "has", "'s"))
_RUN_ON_VERBS = frozenset(
    "is are was were appear appears show shows remain remains look looks seem seems measure measures demonstrate "
    "demonstrates has have contain contains".split()
)
_WHOLE_WORDS = frozenset(
    "ok nl neg nad wnl fine clear nil place situ well too open thick thin wide high low big small large deep free full "
    "slim sharp seen noted both more less long short round mild old new left right".split()
)
_FRESH_WORD = re.compile(r"\s(?:the|there|there's|no|this|these|both|a|an|it)\s")
_EDGES = " \t\n.,;:-|*!>&+="
_ENDING = re.compile(r"[\w.]+$")
_NUMBER = re.compile(r"\s*\d")
_TWO_LETTERS = re.compile(r"[a-z]{2}")
_SMALL = re.compile(r"\s[a-z]")
_LETTERS_AT_END = re.compile(r"(?<!-)\b[^\W\d_]+$")
_NORMAL_WORDS = frozenset(("normal", "nl", "ok", "clear", "intact", "patent", "unremarkable"))
_SUBORDINATES = frozenset(("whether", "if", "that"))
_STATEMENT_WORDS = _NORMAL_WORDS | {"no", "nil", "there"}
_OPENERS = frozenset(("otherwise", "also", "overall", "additionally", "incidentally"))
_OPEN_BOX = re.compile(r"(?:\[\s{0,3}\]|☐)(?=\s*\w)")
_STARTS_TWICE = re.compile(r"\s*(?:no|nil)\s[\w\s-]+?\s(?:no|nil)\s")


def split_sentences(low: str, start: int, end: int, shown: str = "") -> list[tuple[int, int]]:
    """Places of the sentences of a block.

    Args:
        low: the cleaned report in lower case.
        start: first character of the block.
        end: behind its last.
        shown: the report as written, to see which letters are capitals.
    """
    cuts = [start]
    numbers = _list_numbers(low, start, end)
    for match in _STOP.finditer(low, start, end):
        if (_ends_sentence(low, match, start, end) and not _is_cut_short(low, shown, match)) or (
            match[0] == "?" and _ends_question(shown, match.end())
        ):
            cuts.append(match.end())
    if "[" in low[start:end] or "☐" in low[start:end]:
        cuts.extend(match.start() for match in _OPEN_BOX.finditer(low, start, end))
    bounds = sorted({*cuts, *(begin for begin, _ in numbers), end})
    skip = dict(numbers)
    sentences = []
    for left, right in itertools.pairwise(bounds):
        left = skip.get(left, left)
        left, right = trim(low, left, right)
        for part in _bounded(low, left, right):
            sentences.extend(_split_run_on(low, *part))
    return sentences


def _bounded(low: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentence, or parts of at most :data:`MAX_SENTENCE` characters, so that no rule sees more at a time."""
    parts = []
    while end - start > MAX_SENTENCE:
        cut = max(low.rfind(mark, start + MAX_SENTENCE // 2, start + MAX_SENTENCE) for mark in (" ", "\n"))
        cut = cut if cut > start else start + MAX_SENTENCE
        parts.append(trim(low, start, cut))
        start = trim(low, cut, end)[0]
    parts.append((start, end))
    return [part for part in parts if part[0] < part[1]]


def trim(low: str, start: int, end: int) -> tuple[int, int]:
    """The same place without spaces and marks at its ends; brackets and question marks stay.

    Args:
        low: the text.
        start: first character of the place.
        end: behind its last.
    """
    text = low[start:end].lstrip(_EDGES)
    start = end - len(text)
    return start, start + len(text.rstrip(_EDGES))


def _list_numbers(low: str, start: int, end: int) -> list[tuple[int, int]]:
    """Places of run-in list numbers ("… infarct 2. Old lacune"): they must count 1, 2, 3 or a, b, c."""
    found: list[tuple[int, int]] = []
    expected = None
    for match in _LIST_NUMBER.finditer(low, start, end):
        value = int(match[1]) if match[1] else ord(match[2] or match[3]) - 96
        before = low[max(start, match.start() - 12) : match.start()].rstrip()
        if re.search(
            r"\b(?:grade|type|segment|score|series|image|stage|level|rads|aspects|mm|station|class|figure)$", before
        ):
            continue
        if expected is None and (value == 1 or (value == 2 and match.start() > start)):
            expected = value
        if value == expected:
            found.append((match.start(), match.end()))
            expected += 1
    return found


def _ends_sentence(low: str, match: re.Match[str], start: int, end: int) -> bool:
    mark, position = match[0][0], match.start()
    after = low[match.end() : min(end, match.end() + 12)]
    if mark == ";":
        return False  # clauses.split_clauses knows which semicolons end a statement
    if mark == "?":
        # A leading mark of doubt ("? early", "lesion ?abscess") ends nothing, nor does one inside brackets.
        previous = low[position - 1] if position > start else " "
        return previous not in " (,\n" and ")" not in match[0] and not after.strip()
    if not low[match.end() : end].strip():
        return True
    before = low[max(start, position - 8) : position]
    word = _ENDING.search(before)
    if word and (word[0].strip(".") in word_lists.ABBREVIATIONS and word[0] != "no" and word[0] != "st"):
        return False
    if word and word[0] == "no" and _NUMBER.match(after):
        return False
    if word and len(word[0]) == 1 and "a" <= word[0] <= "z" and not after[:1].isspace():
        return False
    if after[0].isdigit() and low[position - 1 : position].isdigit():
        return False
    if after[0].isspace():
        return True
    # "clear.No effusion": no space, but a word of letters on both sides.
    is_glued = word is not None and len(word[0]) > 2 and "." not in word[0] and _TWO_LETTERS.match(after) is not None
    return is_glued or after[0] in "*-("


def _is_cut_short(low: str, shown: str, match: re.Match[str]) -> bool:
    """As in: "RUL spic. nodule": a short unknown word, then a small letter where sentences have capitals."""
    if match[0] != "." or not _SMALL.match(shown, match.end()):
        return False
    word = _LETTERS_AT_END.search(shown[max(0, match.start() - 8) : match.start()])
    return (
        word is not None
        and not word[0].isupper()
        and word[0] not in _WHOLE_WORDS
        and not _FRESH_WORD.match(low, match.end())
        and len(word[0]) <= 5
        and kind_of(word[0].lower()) in "um"
        and _writes_capitals(shown)
    )


@lru_cache(maxsize=16)
def _writes_capitals(shown: str) -> bool:
    starts = re.findall(r"(?:^|[.!?]\s)\s*([^\W\d_])", shown)
    return 2 * sum(1 for letter in starts if letter.isupper()) >= len(starts) > 0


def _ends_question(shown: str, end: int) -> bool:
    """As in: "Cerebral oedema? Basilar artery …": a capital letter behind it, in a report with small ones."""
    match = _CAPITAL.match(shown, end)
    return match is not None and shown[end - 2 : end - 1].islower()


def _split_run_on(low: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut dictation without punctuation where a new statement must begin."""
    text = low[start:end]
    words = text.split()
    if len(words) < 4 or "," in text or ";" in text or ":" in text:
        return [(start, end)]
    tokens = tokenize(text, 0, len(text))
    cues = sum(token.kind == "V" or token.word in _STATEMENT_WORDS for token in tokens)
    if cues < 2 or (len(words) < _LONG_WORDS and not _STARTS_TWICE.match(text)):
        return [(start, end)]
    cuts = {cut for index in range(1, len(tokens)) if (cut := _new_statement(tokens, index)) is not None}
    bounds = [0, *sorted(cuts), len(text)]
    parts = [trim(text, left, right) for left, right in itertools.pairwise(bounds)]
    joined = _with_openings([part for part in parts if part[0] < part[1]], tokens)
    return [(start + left, start + right) for left, right in joined]


def _with_openings(parts: list[tuple[int, int]], tokens: list[Token]) -> list[tuple[int, int]]:
    """Words that say nothing of their own ("In addition") stay with what they open."""
    joined: list[tuple[int, int]] = []
    open_from = None
    for start, end in parts:
        start = start if open_from is None else open_from
        says = any(token.kind in "FEAaVN" for token in tokens if start <= token.start < end)
        open_from = None if says or end == parts[-1][1] else start
        if open_from is None:
            joined.append((start, end))
    return joined


def _new_statement(tokens: list[Token], index: int) -> int | None:
    """Where a statement begins that the token at ``index`` gives away, or None."""
    token, previous = tokens[index], tokens[index - 1]
    following = tokens[index + 1].word if index + 1 < len(tokens) else ""
    if previous.word in _SUBORDINATES:
        return None  # "hard to say whether there is": one statement
    if token.word == "there" and following in _THERE_VERBS and previous.kind not in "CKNP":
        return _place_in_front(tokens, index)
    if token.word in ("no", "nil") and previous.kind not in "CKPVN(" and previous.word not in ("shows", "with", "but"):
        return token.start
    if previous.word in _NORMAL_WORDS and token.kind in "tdFsD#" and index > 1 and tokens[index - 2].kind in "AFp":
        return token.start  # "ventricles normal | old lacune"
    is_note = following in _NORMAL_WORDS or (
        index + 2 < len(tokens) and tokens[index + 1].kind == "p" and tokens[index + 2].word in _NORMAL_WORDS
    )
    if token.kind == "A" and previous.kind == "F" and is_note:
        return token.start  # "no shift | ventricles normal"
    if token.kind == "V" and token.word in _RUN_ON_VERBS:
        return _subject_start(tokens, index)
    return None


def _place_in_front(tokens: list[Token], index: int) -> int | None:
    """Where a statement with "there is" begins: a place may open it ("In the bones there is …")."""
    start = index - 1
    while start >= 0 and tokens[start].kind in "DAaFursm":
        start -= 1
    if start < 0 or tokens[start].word not in ("in", "on", "at", "within") or start == index - 1:
        return tokens[index].start
    if start == 0:
        return None
    is_predicate = start > 1 and tokens[start - 2].kind == "V" and tokens[start - 1].kind in "mut"
    return tokens[start if is_predicate else index].start


def _subject_start(tokens: list[Token], verb: int) -> int | None:
    """Where the subject of a verb begins, if something else stands before it."""
    start = verb
    while start > 0:
        token = tokens[start - 1]
        if start != verb and tokens[start].word in word_lists.SUBJECTS and token.kind in "AFEpu#m":
            break
        if token.kind in "FE" and start != verb and token.kind != tokens[start].kind and tokens[start].kind not in "F":
            break
        if token.word == "there":
            break
        if token.kind in "AaFEmurstdp#/":
            start -= 1
            if token.kind in "td" and start > 0 and tokens[start - 1].kind not in "sdtD":
                break
        elif token.word in ("the", "both", "a", "an", "rest"):
            start -= 1
            break
        else:
            break
    if start == verb or start == 0:
        return None
    before = tokens[start - 1]
    denied = before.kind == "N" and start > 1 and tokens[start - 2].kind == "V"
    if before.kind == "V" or denied:
        # "… is intact basal cisterns are": the predicate of the clause before comes first.
        while start < verb - 1 and tokens[start].kind in "mut" and tokens[start].word not in word_lists.SUBJECTS:
            start += 1
            if tokens[start - 1].kind != "m" or not tokens[start - 1].word.endswith("ly"):
                break
    if denied:
        before = tokens[start - 1]
    if before.kind in "CKPN,D" or before.word in _SUBORDINATES or before.word in ("which", "there"):
        return None
    # A predicate or a finding must be complete before the subject.
    while start > 1 and tokens[start - 1].word in _OPENERS:
        start -= 1
    return tokens[start].start
