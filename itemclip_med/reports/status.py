"""What a statement says of its finding: present, absent, uncertain, or that an organ is normal."""

from __future__ import annotations

import re
from functools import lru_cache

from itemclip_med.records import Status
from itemclip_med.reports.matching import RowMatcher, WordGate
from itemclip_med.reports.tokens import tokenize
from itemclip_med.reports.vocabulary import cues
from itemclip_med.reports.vocabulary.modifiers import CONCERNS

_ABNORMAL_DENIAL = RowMatcher(cues.ABNORMAL_DENIALS)
_ABSENT = RowMatcher(cues.ABSENT)
_UNCERTAIN = RowMatcher(cues.UNCERTAIN)
_NORMAL = RowMatcher(cues.NORMAL)
_NOT_NORMAL = re.compile(cues.NOT_NORMAL)
_FEATURE_ABSENT = re.compile(cues.ABNORMAL_DENIALS[0][1])
_DENIES = WordGate(
    r"\b(?:no|not|without|nil|none|neither|nor|nothing|never|absent|absence|lack|negative|neg|resol\w+|remov\w+|disappear\w+|clear\w*|"
    r"free|devoid|gone|vanished|excluded|ruled|fails?|w/o|zero|nad|\w+n['’]t|extub\w+|withdrawn|resorbed|non\w*)\b|\[|☐"
)
_HEDGES = WordGate(
    r"\?|\b(?:art[ei]fact\w*|cannot|can|could|may|might|not|possib\w+|probab\w+|question\w+|suspect\w*|suspicion|suspicious|equivocal|doubtful|"
    r"presum\w+|conceivable|potential|concern|query|likely|indeterminate|suggest\w*|hint|uncertain|apparent|perhaps|maybe|putative|wonder|"
    r"tentative|rule|exclude|r/o|unable|difficult|hard|impossible|rais\w+|distinguishable|seems?|appears?|exists?|spurious|volum\w+|arguably|debatabl\w+|conceivabl\w+|unclear|unsure|unknown|"
    r"unconvinced|concerned|wary|doubt)"
)
_HEADING = re.compile(r"^[^:]{1,60}:\s*")
_GENERIC = WordGate("|".join(sorted(cues.GENERIC_NOUNS, key=len, reverse=True)))
_KEPT_NORMAL = re.compile(
    r"\bnormal\s+(?:pressure|variant)\b|\bpatent\s+(?:foramen|ductus)\b|\bclear\s+cell\b|\bnormal-(?:sized|appearing)\b"
)
_EXPLAINS = WordGate(
    r",|\b(?:consistent|compatible|suggest\w*|represent\w*|reflect\w*|due\s+to|in\s+keeping|likely|probably|possibly|presumably|versus|vs|"
    r"with(?!in)|concerning|suspicious|may\s+(?:be\s+due|represent|reflect|relate)|could\s+(?:represent|reflect|be\s+due|relate)|"
    r"might\s+(?:represent|reflect)|favou?red|measuring|causing|resulting)\b"
)


@lru_cache(maxsize=50_000)
def status_of(statement: str) -> Status:
    """The status of one statement.

    Args:
        statement: in lower case, one space between words, a carried heading and negation in front.

    Sources:
        The annotation rule: naming or denying a finding, calling an organ normal, doubting the finding itself. An
        observed abnormality with a doubtful explanation is present.
    """
    main = _main_part(statement)
    if _OPACIFIES.match(statement.partition(": ")[2] or statement):
        return "normal"
    hedged = _HEDGES.search(statement) is not None
    if hedged and _uncertain(statement, main):
        return "uncertain"
    back = _NORMALIZED.search(statement)
    if back and not _ABNORMAL_DENIAL.search(statement):
        return "absent" if _names_finding(statement[: back.start()]) else "normal"
    if _ABNORMAL_DENIAL.search(statement) and not _ABSENT_AFTER_ALL.search(statement):
        return "present"
    if _DENIES.search(statement) and _absent(main, statement):
        return "normal" if is_generic_denial(statement) else "absent"
    if _calls_normal(statement, main):
        return "normal"
    return "present"


_NORMALIZED = WordGate(
    r"\b(?:has|have|is|are|was|were)\s+(?:now\s+|since\s+)?(?:normali[sz]ed|returned\s+to\s+normal)\b"
)
_NOT_LAST = re.compile(r",\s*not\s+(?:\w+ly\s+)?\w+(?:ed|al)$")


def _names_node_or_finding(text: str) -> bool:
    return any(token.kind == "F" for token in tokenize(text, 0, len(text)))


_ABSENT_AFTER_ALL = re.compile(r"^(?:no|without)\s+(?:evidence\s+of\s+)?(?:loss|effacement|abnormal|displacement)\b")


def _main_part(statement: str) -> str:
    """The statement up to where it begins to explain or describe."""
    match = _EXPLAINS.search(statement, 12)
    return statement[: match.start()].rstrip(" ,") if match else statement


def _uncertain(statement: str, main: str) -> bool:
    match = _UNCERTAIN.search(statement)
    if match is None:
        return False
    if match.start() < len(main) or match.start() == 0:
        return not statement.startswith(("no ", "without "))
    # Behind the main part only a doubt about the finding's being there counts.
    return re.search(r"art[ei]fact|volum|excluded?|ruled?\s+out|suspected$|spurious", match[0]) is not None and not (
        statement.startswith(("no ", "without "))
    )


def _absent(main: str, statement: str) -> bool:
    return (
        _ABSENT.search(main) is not None
        or (_NOT_LAST.search(statement) is not None and not _names_node_or_finding(main))
        or (statement.startswith(("in ", "within ", "on ")) and _ABSENT.search(statement) is not None)
    )


@lru_cache(maxsize=20_000)
def is_generic_denial(statement: str) -> bool:
    """Whether a denial names no finding: "no acute intracranial abnormality" calls the head normal.

    Args:
        statement: in lower case.
    """
    core = _HEADING.sub("", statement) if ":" in statement else statement
    if not _GENERIC.search(core):
        return False
    tokens = tokenize(core, 0, len(core))
    nouns = [token for token in tokens if token.word in cues.GENERIC_NOUNS]
    if not nouns:
        return False
    for token in tokens:
        if token in nouns or token.word in cues.GENERIC_COMPANIONS or token.word in CONCERNS:
            continue
        if token.kind in "AaspD#NrCVP,.;" or token.word in ("abnormal", "mass-like"):
            continue
        return False
    return True


def _calls_normal(statement: str, main: str) -> bool:
    where = main if any(token.kind == "V" for token in tokenize(main, 0, len(main))) or main == statement else statement
    match = _NORMAL.search(where)
    if match is None and where is not statement:
        late = _NORMAL.search(statement)
        # "A few hyperintensities, within normal limits for age" still shows them.
        match = late if late and not _names_finding(statement[: late.start()]) else None
    if match is None or (_KEPT_NORMAL.search(statement) and not _NORMAL.search(_KEPT_NORMAL.sub(" ", statement))):
        return False
    before, behind = statement[: match.start()], statement[match.end() :]
    if _NORMAL_BUT.search(behind):
        return False
    if _names_device(statement) or (_SOFT_NORMAL.search(match[0]) and _names_finding(statement[match.end() :])):
        return False
    abnormal = _NOT_NORMAL.search(statement)
    if abnormal and abnormal.start() < match.end() and not re.search(r"\bnot\s+$", statement[: abnormal.start()]):
        return False
    if not _names_finding(before):
        return True
    if _POSITION.search(match[0] + behind) and not _FUNCTION.search(before):
        return False  # "the fracture is normally aligned", "the mass is midline"
    return match[0].lstrip().startswith(("is", "are", "was", "were")) and not any(
        token.kind == "V" for token in tokenize(before, 0, len(before))
    )


# "Normal in size with increased echogenicity" shows the increase; "patent and compresses" the pressure.
_NORMAL_BUT = re.compile(
    r"\bwith\s+(?:\w+\s+){0,2}(?:increased|decreased|reduced|abnormal|heterogeneous|coarse|irregular)\b"
    r"|^\s+(?:and|but)\s+(?:compress|displac|effac|narrow|invad|enlarg|dilat)\w*"
)
_POSITION = re.compile(
    r"\b(?:aligned|midline|central|undisplaced|position(?:ed)?|located|situated|in\s+place|symmetric(?:al)?|expected|regular)\b"
)
_FUNCTION = re.compile(
    r"\b(?:enhancement|uptake|perfusion|flow|opacification|attenuation|signal|diffusion|density|intensity|aeration|markings?|shift)\b"
)
_SOFT_NORMAL = re.compile(
    r"symmetric|midline|central|physiologic|undisplaced|homogen|open|regular|good|free|fine|adequate|appropriate|negative"
)


def _names_device(text: str) -> bool:
    tokens = tokenize(text, 0, len(text))
    return any(token.kind == "E" and token.word not in _BODY_PARTS_LIKE_DEVICES for token in tokens)


_BODY_PARTS_LIKE_DEVICES = frozenset(
    [
        "valve",
        "valves",
        "plate",
        "plates",
        "tip",
        "lines",
        "line",
        "airway",
        "stump",
        "filter",
        "port",
        "wedge",
        "repair",
        "surgery",
        "resection",
        "bypass",
    ]
)


_OPACIFIES = re.compile(
    r"^(?:good|adequate|satisfactory|normal|optimal|homogeneous|excellent|symmetric(?:al)?|uniform)\s+(?:contrast\s+)?(?:opacification|enhancement|filling|myelination|aeration)\b"
)


def _names_finding(text: str) -> bool:
    tokens = tokenize(text, 0, len(text))
    return any(
        token.kind == "F"
        and token.word
        not in (
            "signal",
            "matter",
            "nodes",
            "void",
            "voids",
            "artifact",
            "differentiation",
            "density",
            "intensity",
            "diffusion",
            "stump",
            "air",
            "bone",
        )
        for token in tokens
    )
