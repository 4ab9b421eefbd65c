"""Headings of reports. One row, one kind of section: the words that may stand before its colon, in lower case."""

# ruff: noqa: E501, SIM905  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

# Sections that are kept.
KEPT: dict[str, str] = {
    "findings": (
        "findings|finding|report|original report|observations|observation|result|results|description|narrative|details|body|body of report|"
        "ct findings|mri findings|mr findings|radiological findings|radiographic findings|imaging findings|key findings|"
        "the findings are as follows|study reveals|interpretation and findings|chest findings|head findings|brain findings|full report|"
        "preliminary report|preliminary read|resident report|attending report|final read|positive findings|pertinent findings|significant findings|report text|mr report|ct report"
    ),
    "impression": (
        "impression|impressions|imp|impr|conclusion|conclusions|opinion|summary|assessment|diagnosis|radiological diagnosis|"
        "comment|comments|interpretation|evaluation|final impression|impression/plan|concl|conc|summary of findings|"
        "radiologic impression|overall impression|final report|impression and recommendation|impression and plan|"
        "conclusion and recommendation|conclusion/recommendation|impression/recommendation|impression/recommendations|"
        "impression and recommendations|final diagnosis|bottom line|preliminary impression|provisional diagnosis|verdict"
    ),
    "addendum": "addendum|addenda|addendum report|supplementary report|supplement|corrected report|amendment|revision|erratum|"
    "correction|late addendum|attending addendum|radiologist addendum|resident addendum|attending note|overread|over-read",
}

# Sections that are dropped.
DROPPED: dict[str, str] = {
    "exam": (
        "exam|exams|examination|examination type|exam type|study|studies|procedure|procedures|type of exam|test|title|modality|study date|exam date|"
        "date of exam|date of study|examination date|study type|requested examination|scan|body part|procedure performed|"
        "examination performed|name of examination|order|exam description"
    ),
    "history": (
        "history|indication|indications|clinical history|clinical indication|clinical indications|clinical information|clinical details|"
        "clinical data|clinical|clinical profile|clinical question|clinical diagnosis|clinical context|clinical summary|clinical notes|"
        "reason|reason for exam|reason for examination|reason for study|reason for the exam|reason for this examination|reason for scan|"
        "reason for referral|reason for test|hx|patient history|medical history|presenting complaint|complaint|chief complaint|complaints|"
        "symptoms|brief history|past history|past medical history|surgical history|anamnesis|question|referral|request|patient|"
        "clinical statement|relevant history|c/o|context|background|signs and symptoms|pre-op diagnosis|justification|"
        "history and indication|history/indication|indication/history|clinical problem|clinical hx|diagnosis on referral"
    ),
    "technique": (
        "technique|techniques|protocol|method|methods|methodology|procedure and technique|scan technique|imaging technique|acquisition|"
        "contrast|contrast agent|contrast medium|contrast material|iv contrast|sequences|pulse sequences|dose|radiation dose|dlp|ctdi|ctdivol|radiation|"
        "total dlp|radiation exposure|scanner|parameters|scan parameters|coverage|field strength|medication|sedation|"
        "mr technique|ct technique|technical details|technical|technical parameters|technical information|examination technique|"
        "dose report|field of view|image acquisition|oral contrast|reconstructions|reformats|equipment"
    ),
    "comparison": (
        "comparison|comparisons|comparison study|comparison studies|comparison exam|compared to|comparison made|prior|priors|prior study|prior studies|"
        "previous study|previous studies|previous examination|previous examinations|prior exams|prior imaging|previous imaging|"
        "correlation|relevant priors|available priors|previous|comparative study|comparison date"
    ),
    "recommendation": (
        "recommendation|recommendations|advice|adv|advised|advise|plan|management|follow-up|follow up|followup|suggestion|suggestions|"
        "suggested follow-up|next step|next steps|action|further management|disposition|recommended follow-up|suggest|fleischner|"
        "recommended action|follow-up recommendation|follow-up recommendations|management recommendation"
    ),
    "communication": (
        "communication|notification|notifications|critical result|critical results|critical finding communication|"
        "critical result communication|discussed with|wet read|results communication|message|alert|called to|phone call"
    ),
    "signature": (
        "signature|signed|signed by|electronically signed|electronically signed by|dictated by|dictated|transcribed by|transcribed|"
        "reported by|read by|radiologist|consultant|attending|attending radiologist|resident|reporting radiologist|approved by|verified by|"
        "reviewed by|author|authored by|interpreted by|reading physician|referring physician|referring doctor|ordering provider|"
        "ordering physician|physician|accession|accession number|mrn|patient name|name|patient id|dob|date of birth|age|sex|gender|"
        "age/sex|hospital|department|attestation|teaching physician|teaching physician statement|disclaimer|"
        "checked by|typed by|validated by|final"
    ),
    "quality": (
        "limitations|limitation|image quality|quality|study quality|technical quality|technical limitations|artifacts|artefacts|"
        "diagnostic quality|exam quality|quality of study|limiting factors"
    ),
    "category": (
        "lung-rads|lung rads|lung-rads category|lung rads category|lung-rads assessment|aspects|aspects score|category|"
        "overall category|bi-rads|co-rads|ct severity score|acr category|rads category|lungrads"
    ),
}

# Words of the first row of a table.
COLUMN_WORDS = frozenset(
    """
    structure structures organ organs region regions segment segments area system item items parameter parameters
    measurement measurements measure value values current prior previous baseline today change finding findings result
    results status comment comments description size sizes date location level name unit units mm cm ml percentile
    reference normal range volume diameter side observation observations remarks no number of the and in
    """.split()
)

# Headings that carry no place or finding: their statements stand alone.
EMPTY_HEADINGS = frozenset(
    [
        *"""\n    other others miscellaneous misc incidental incidentals additional general overall note notes other findings incidental findings\n    additional findings nb remarks remark positive chest head thorax negatives negative positives also extra others seen main rest remainder\n    """.split(),
        "other findings",
        "incidental findings",
        "additional findings",
        "please note",
        "of note",
        "main findings",
    ]
)
