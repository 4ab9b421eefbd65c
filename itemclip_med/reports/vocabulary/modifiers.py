"""Small words: determiners, degrees, ages, directions, prepositions, verbs, cues. One table, one use."""

# ruff: noqa: E501, SIM905  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

DETERMINERS = frozenset("a an the this that these those both each either another any some its their his her".split())

NUMBER_WORDS = frozenset(
    "one two three four five six seven eight nine ten several multiple many few numerous innumerable single solitary "
    "couple various at_least".split()
)

# How much, how old, how it looks: they open a noun phrase of their own ("mild cerebellar atrophy").
DEGREES = frozenset(
    """
    mild mildly moderate moderately severe severely marked markedly minimal minimally slight slightly trace tiny small large huge massive
    extensive subtle faint mild-to-moderate moderate-to-severe minor mod sm lg gross punctate punctiform millimetric subcentimeter
    subcentimetre subcm big moderate-sized gigantic bulky sizeable sizable
    """.split()
)
AGES = frozenset(
    """
    acute subacute chronic old new recent remote early late hyperacute evolving stable unchanged resolved resolving worsening improved
    improving increased increasing decreased decreasing enlarging enlarged progressive persistent residual recurrent healed healing
    interval prior previous known developing
    """.split()
)
SIDES = frozenset(
    "left right bilateral l r lt rt lft bilat unilateral midline contralateral ipsilateral left-sided right-sided both".split()
)
DIRECTIONS = frozenset(
    """
    anterior posterior superior inferior medial lateral upper lower middle mid proximal distal dorsal ventral central peripheral
    internal external anterolateral posterolateral anteromedial posteromedial inferolateral superomedial main first second third
    fourth fifth leftward rightward high low inner outer deep superficial adjacent surrounding underlying overlying associated
    generalized generalised diffuse focal multifocal patchy scattered confluent symmetric asymmetric dependent
    """.split()
)

# Adjectives of time or concern: with a generic noun they still deny no named finding.
CONCERNS = frozenset(
    """
    acute significant suspicious other new gross obvious focal definite definitive further additional major serious important
    relevant concerning worrisome specific clinically clinical actionable emergent urgent critical unexpected clear-cut convincing
    identifiable detectable discernible appreciable visible overt active sinister aggressive further evident gross
    demonstrable radiological radiographic sizeable sizable recent structural such apparent potentially incidental
    """.split()
)
# Repeated in front of every finding of a negative list, for it limits what is denied.
SCOPE_ADJECTIVES = frozenset(
    "new suspicious significant definite other large enlarged further additional abnormal pathological focal discrete convincing "
    "sizeable gross obvious".split()
)
# "acute" is repeated only where the noun can be acute.
ACUTE_NOUNS = frozenset(
    "hemorrhage haemorrhage infarct infarction ischemia ischaemia fracture bleed bleeding stroke hematoma haematoma".split()
)

PREPOSITIONS = frozenset(
    """
    in within of at along over on through involving throughout from into to near about around across between beneath under above
    below behind beside by for overlying underlying adjacent inside outside onto upon beyond toward towards up down against
    abutting surrounding centered centred located arising extending tracking filling affecting occupying predominantly
    containing measuring per via during after before since until post overlies
    """.split()
)
PLACE_PREPOSITIONS = frozenset(
    "in within of at along over on through involving throughout near about around across between beneath under behind overlying affecting "
    "centered centred inside to from".split()
)

# Behind these words everything belongs to the finding before them.
KEEPERS = frozenset(
    """
    with causing resulting due secondary consistent compatible suggestive suggesting suggests representing reflecting likely concerning suspicious
    indicating indicative including such which that where who measuring displacing producing creating leading versus vs favoring
    favouring favour favor favours favors query question favored related attributable because demonstrating showing exhibiting appearing w w/ c/w s/o secondary-to associated-with
    containing extending compressing effacing narrowing-of raising worrisome suspected-to though probably possibly perhaps
    rather than presumably communicating arising surrounding-it accompanied draining fed sparing lying communicating placing
    """.split()
)

# Finite verbs that make a clause.
VERBS = frozenset(
    """
    is are was were be been has have had appear appears appeared show shows showed demonstrate demonstrates demonstrated-that remain remains measure
    measures contain contains extend extends extended occupy occupies abut abuts compress compresses displace displaces efface effaces fill
    fills involve involves overlie overlies lie lies track tracks traverse traverses cross crosses terminate terminates end ends
    project projects protrude protrudes enhance enhances enlarge suggest suggests represent represents reflect reflects may might
    could can cannot should do does persist persists persisted outline outlines lines surround surrounds encase encases invade invades
    drains-into supply supplies arise arises reach reaches course courses opacify opacifies narrow narrows deviate deviates
    cause causes produce produces result results exhibit exhibits reveal reveals communicate communicates form forms look looks
    correspond corresponds layer layers will would indent indents splay splays replace replaces run runs pass passes tracked
    splits expand expands erode erodes destroys destroy
    """.split()
)
COPULAS = frozenset("is are was were appear appears appeared remain remains look looks be been being".split())

# Participles that only say that something was seen.
SEEN = (
    r"(?:seen|noted|present|identified|observed|detected|demonstrated|visuali[sz]ed|evident|found|appreciated|shown|recogni[sz]ed|"
    r"apparent|visible|depicted|recorded|discernible|discerned|encountered|picked\s+up)"
)

PRONOUNS = frozenset("it this these they which that".split())

COORDINATORS = frozenset("and or nor & + plus".split())

# Adjectives by their ending, for words in no list.
ADJECTIVE_SUFFIXES: tuple[str, ...] = (
    "al", "ar", "ic", "ary", "ous", "ive", "oid", "able", "ible", "ed", "ing", "ly", "ial", "ual", "ine-adj", "ent", "ant",
    "dense", "intense", "form", "shaped", "sized", "like", "based", "less", "ward",
)  # fmt: skip
