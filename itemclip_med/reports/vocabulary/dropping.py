"""What is no finding: whole statements that are dropped, and parts that are cut from kept ones.

Each row is (name, pattern, example); a test runs every example. Patterns are matched on lower case, and none nests
one repetition in another, so that time grows with the length of the text only.
"""

# ruff: noqa: E501, SIM905  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

_IMAGING = (
    r"(?:ct|cta|mri|mra|mrv|mr|pet|pet/ct|pet-ct|ultrasound|sonography|usg|radiographs?|x-?rays?|hrct|ldct|cect|ncct|imaging|scan|exam|examination|"
    r"study|angiograph?y|venography|mammography|echocardiography|echo|bronchoscopy|biopsy|endoscopy|follow-?\s?up|review|correlation|consultation|"
    r"referral|evaluation|surveillance|screening|assessment|opinion|monitoring|work-?up|sampling|isolation|csf analysis|tissue diagnosis|"
    r"histology|cytology|aspiration|dexa|bone scan|scintigraphy|characteri[sz]ation|mdt|spectroscopy|perfusion)"
)
_ADVISED = r"(?:recommended|advised|suggested|advocated|indicated|warranted|required|requested|considered|helpful|useful|needed|arranged|appropriate|beneficial)"

# A statement that matches is dropped as a whole.
DROP_STATEMENTS: tuple[tuple[str, str, str], ...] = (
    # Recommendations
    ("recommend", r"\brecommend(?:s|ed|ation|ations)?\b", "Neurosurgical consultation is recommended"),
    ("advised", rf"\b{_IMAGING}\b.{{0,80}}\b{_ADVISED}\b", "Follow up chest radiograph in 6 weeks is suggested"),
    ("advised 2", r"\b(?:is|are|be|if)\s+(?:clinically\s+|also\s+|strongly\s+|further\s+)?(?:advised|advocated|warranted|recommended)\b", "Close observation is advised"),
    ("advise", r"^(?:please\s+|we\s+(?:would\s+)?|i\s+would\s+|would\s+|kindly\s+)?(?:advise|suggest|consider|recommend|obtain|repeat|continue|refer|correlate|ensure)\b", "Suggest MRI of the spine"),
    ("consider", r"\b(?:consider(?:ation)?|suggest)\s+(?:of\s+)?(?:a\s+|an\s+|further\s+|dedicated\s+|repeat\s+|short|interval\s+|non-?urgent\s+)?" + _IMAGING + r"\b", "Could consider MRI"),
    ("follow-up interval", r"^(?:(?:short|annual|routine|interval|continued|close|further|clinical|repeat|non-?contrast|low-?dose|imaging)[\s-]+){0,3}(?:term\s+|interval\s+)?(?:follow-?\s?up|surveillance|screening)\b", "Short-interval follow-up in 4-6 weeks"),
    ("in n months", rf"^{_IMAGING}\b.{{0,40}}\b(?:in|at|after)\s+\d", "CT in 6 months"),
    ("n month imaging", rf"^\d+[\s-]*(?:month|week|year)s?(?:ly)?\s+(?:interval\s+)?{_IMAGING}\b", "3 month LDCT"),
    ("if indicated", r"\b(?:if|as)\s+(?:clinically\s+)?(?:indicated|warranted|needed|required|appropriate|necessary)\b", "MRI if clinically indicated"),
    ("should be", r"\b(?:should|could|may|can|might)\s+(?:also\s+)?be\s+(?:further\s+|better\s+)?(?:considered|performed|obtained|correlated|excluded clinically|evaluated|assessed|followed|repeated|pursued|helpful|arranged)\b", "MRI could be considered"),
    ("correlate", r"\bcorrelat(?:e|ion)\s+(?:clinically|with\s+(?:clinical|history|symptom|laborator|prior|patient|ecg|physical|exam|direct|any))|\b(?:clinical|clinico-?radiological|clinicopathological|laboratory|histopathological|histological)\s+correlation\b|^correlat(?:e|ion)\b|\bplease\s+correlate\b", "Kindly correlate clinically"),
    ("referral", r"\b(?:referral|refer)\s+(?:to|for)\b|\b(?:tumou?r\s+board|mdt|multidisciplinary)\s+(?:review|discussion|meeting|opinion)\b|\burgent\s+\w+\s+(?:opinion|review|referral)\b", "Tumor board review"),
    ("per guidelines", r"\bper\s+(?:the\s+)?(?:fleischner|acr|bts|nccn|society)\b|\bfleischner\b", "CT at 12 months per Fleischner criteria"),
    ("please", r"^(?:please|kindly)\b", "Please see the CT abdomen report"),
    ("for further", r"\bfor\s+(?:further|better|more\s+definitive)\s+(?:evaluation|characteri[sz]ation|assessment)\b.{0,60}$", "MRI for further evaluation"),
    # Communication, signatures
    ("discussed", r"\b(?:discussed|communicated|conveyed|relayed|telephoned|phoned|paged|called|notified|informed|reported|e-?mailed|messaged|escalated|texted|faxed)\s+(?:to|with|by|via|directly|immediately|on|at|of|the\s+(?:ordering|referring|ed|er|team|clinical))\b", "Findings were discussed with the team at 10:00"),
    ("results", r"^(?:these\s+|the\s+|critical\s+|above\s+|preliminary\s+)*(?:results?|findings?|report|case|images?)\s+(?:(?:was|were|have\s+been|has\s+been|is|are)\s+)?(?:also\s+|verbally\s+|urgently\s+)?(?:discussed|communicated|conveyed|relayed|telephoned|phoned|paged|called|notified|sent|reviewed|e-?mailed|messaged|escalated|flagged|shared|given)\b", "Results phoned to stroke team"),
    ("was notified", r"\b(?:was|were|been|is)\s+(?:also\s+|immediately\s+|urgently\s+)?(?:notified|informed|alerted|made\s+aware|contacted)\b", "Dr. was notified"),
    ("signed", r"\b(?:electronically\s+signed|dictated\s+(?:by|on)|transcribed\s+(?:by|on)|signed\s+by|reviewed\s+by|reported\s+by|read\s+by|approved\s+by|verified\s+by|authenticated|final\s+report\s+signed|typed\s+by|attending\s+radiologist|consultant\s+(?:neuro)?radiologist|i\s+have\s+personally|resident\s+physician)\b", "Electronically signed by J. Doe MD"),
    ("doctor", r"^(?:dr|prof|drs)\.?\s+[a-z]", "Dr J Patel, Consultant Radiologist"),
    ("md line", r"^[a-z][a-z.' -]{1,40},?\s*(?:m\.?d\.?|mbbs|frcr|dnb|fscr|md\s*\(radiology\)|do|phd|dmrd)\.?$", "Jane Roe, MD"),
    ("this was", r"^(?:this|these|that|the\s+findings?|the\s+results?|a\s+critical\s+result)\s+(?:(?:was|were|has\s+been|have\s+been)\s+)?(?:communicated|discussed|conveyed|relayed|called|phoned|reported|notified)\b", "This was communicated to the ordering provider"),
    ("thanks", r"^(?:thank\s+you|thanks|with\s+(?:thanks|regards)|sincerely|regards|end\s+of\s+(?:report|addendum)|if\s+symptoms|\*+end)\b", "Thank you for referring this patient"),
    # Technique, titles, comparison
    ("performed", r"\b(?:was|were|is|are)\s+(?:subsequently\s+|then\s+|also\s+)?(?:performed|acquired|obtained|reformatted|reconstructed|administered|injected|taken|reviewed|carried\s+out|scanned|generated|utili[sz]ed|used)\b", "Axial images were obtained"),
    ("sections taken", r"\b(?:sections?|images?|sequences?|cuts|slices|reformats?|reformations?|reconstructions?)\s+(?:(?:were|was|are)\s+)?(?:taken|acquired|obtained|performed|reviewed|provided|from|through|with(?:out)?)\b(?!.*\b(?:reveals?|shows?|demonstrates?)\b)", "Serial 5 mm axial sections taken"),
    ("technique words", r"^(?:multi-?planar|multi-?sequence|helical|spiral|volumetric|contiguous|serial|axial|sagittal|coronal|non-?contrast|unenhanced|contrast-?enhanced|post-?contrast|pre-?contrast|thin|low-?dose|dynamic|standard|routine|volume)\b[^.]{0,80}\b(?:imaging|images|sequences|sections|acquisition|protocol|technique|scan|scans|reformats|reconstructions|slices|ct|mri)$", "Multiplanar multisequence imaging"),
    ("contrast given", r"\b(?:iv|intravenous|oral|gadolinium|iodinated)\s+contrast\b(?!\s*-?enhanc)|\b\d+\s*(?:ml|cc)\s+(?:of\s+)?(?:omnipaque|iohexol|isovue|visipaque|ultravist|gadavist|gadovist|dotarem|iopamidol|contrast|gadolinium)|\bwith(?:out)?\s+(?:the\s+)?(?:administration|injection|use)\s+of\b|\b(?:kvp|mas|dlp|ctdi\w*|mgy)\b", "80 mL iohexol"),
    ("comparison made", r"^(?:comparison|compared|correlation)\b(?!.*\b(?:no|there|new|now|increas\w+|decreas\w+|stable|unchanged)\b)\s+(?:is|was|made|with|to|has\s+been)\b[^,;]{0,80}$|\bcomparison\s+(?:is|was|has\s+been)\s+made\b|^no\s+(?:relevant\s+|previous\s+|prior\s+|available\s+|recent\s+)*(?:prior|previous|comparison|comparisons|imaging\s+for\s+comparison)\b.{0,60}$|^(?:no|none)\s+(?:available|prior|previous|comparison)\w*$|\b(?:available|provided)\s+for\s+comparison\b", "Comparison is made with CT of 07/14/2020"),
    ("not required", r"^(?:exam(?:ination)?|study|scan|report|dictation|images?|procedure)\b.{0,40}\b(?:cancel\w*|pending|aborted|terminated|not\s+performed|in\s+progress|for\s+transfer|to\s+follow|unavailable|no\s+show|incomplete|awaited)\b|\b(?:see|refer\s+to)\s+(?:the\s+)?(?:separate\w*|scanned|previous|original|full|outside|attached|body|report|above|below|concurrent|dedicated|ct|mri)\b|\bno\s+report\s+(?:is\s+)?required\b|\bpreliminary\s+report\b|\breport\s+(?:is\s+)?(?:pending|to\s+follow|unavailable)\b|\boutside\s+(?:facility|hospital|institution)\b|^(?:cancelled|canceled|pending|placeholder|not\s+given|n/?a|none|nil|no\s+report|not\s+available|not\s+applicable|test|tbd|to\s+be\s+dictated)$|\bpatient\s+(?:refused|did\s+not|was\s+unable|declined|left)\b|\b(?:study|scan|exam\w*)\s+(?:was\s+)?(?:abandoned|not\s+done|not\s+completed)\b", "Report pending"),
    # Limits
    ("limited by", r"\b(?:limited|degraded|compromised|hampered|impaired|obscured|suboptimal|non-?diagnostic|precluded|restricted|hindered)\b(?:\s+\w+){0,3}\s+(?:by|due|because|secondary|owing|for|quality|examination|study|exam|scan|evaluation|opacification)\b|\b(?:evaluation|assessment|interpretation|examination|study|exam|scan|sensitivity|quality|detail)\b[^.]{0,60}\b(?:limited|degraded|suboptimal|compromised|hampered|restricted|reduced|non-?diagnostic|impaired)\b", "Evaluation is limited by motion artifact"),
    ("evaluated suboptimal", r"\b(?:evaluated|assessed|examined)\s+(?:as\s+)?(?:suboptimal\w*|limited\w*|incompletely|partially)\b|^as\s+far\s+as\b[^,;]{0,40}$", "Structures were evaluated as suboptimal"),
    ("more sensitive", r"\b(?:mri|ct|pet|ultrasound|imaging|cta|mra)\s+(?:is|would\s+be|may\s+be)\s+(?:more|better|superior)\b", "MRI is more sensitive"),
    ("motion", r"^(?:mild|moderate|severe|significant|some|marked|there\s+is|patient|respiratory|considerable|beam|streak|dental|the\s+study\s+is)?\s*(?:\w+\s+)?(?:motion|movement|breathing|flow|pulsation|respiratory|beam[\s-]hardening|streak|metallic|metal|dental|susceptibility)\s+(?:and\s+\w+\s+)?(?:artifacts?|artefacts?|degradation)\b(?!.*\b(?:compatible|consistent|represent))", "Motion artifact"),
    ("not assessed", r"\b(?:not|cannot\s+be|could\s+not\s+be|can\s*not\s+be|incompletely|inadequately|suboptimally|poorly)\s+(?:be\s+)?(?:specifically\s+|separately\s+|formally\s+|adequately\s+|well\s+|fully\s+|optimally\s+|completely\s+|reliably\s+|further\s+)?(?:assessed|evaluated|imaged|included|covered|examined|characteri[sz]ed|studied|scanned|performed|visuali[sz]ed\s+due)\b", "Cord: not imaged"),
    ("outside", r"\b(?:beyond|outside)\s+the\s+(?:scope|field\s+of\s+view|scan\s+range)\b|\bexcluded\s+from\s+the\s+(?:field|scan)", "Outside the scan range"),
    ("this is a scan", r"^(?:\w+\s+){0,2}this\s+is\s+(?:a|an|the|our)\s+(?:[\w-]+\s+){0,3}(?:ct|mri|mr|cta|mra|hrct|scan|study|exam|examination|radiograph|report)\b(?!.*\b(?:normal|unremarkable|abnormal|negative|positive|shows?|showing|demonstrat\w+)\b)", "This is a CT of the chest with contrast"),
    ("comparison date", r"^(?:comparisons?|priors?|previous)\s+(?:\w+\s+){0,3}(?:yesterday|today|ago|earlier|prior|available|\d[\d/.-]*)$", "Comparison yesterday"),
    ("report follows", r"\breport\s+(?:will|shall)\s+(?:follow|be)\b|\b(?:did|does)\s+not\s+attend\b", "Report will follow once imaging is complete"),
    ("separately", r"\b(?:reported|dictated|read|interpreted|issued)\s+separately\b", "C-spine reported separately"),
    ("not completed", r"\b(?:study|scan|exam\w*|imaging|images|mri|ct|procedure|brain|head|chest|patient)\b[^,;]{0,30}\b(?:could\s+not\s+be|was\s+not|were\s+not|not)\s+(?:completed|performed|obtained|acquired|done|tolerated|scanned)\b", "MRI brain could not be completed"),
    ("mechanism", r"^(?:s/p\s+|after\s+(?:a\s+)?)?(?:fall|fell|mva|mvc|rta|assault|assaulted|collapse|trauma|gcs)\b(?!.*\b(?:line|lung|lobe|of)\b).{0,30}$|^hx\b.{0,60}$", "Fall on anticoagulants"),
    ("time alone", r"^(?:at|on|by)\s+(?:[\w.]+\s+){0,2}\d{1,2}[:.]?\d{0,2}\s*(?:am|pm|a\.m|p\.m|hrs|hours|h)?$", "at 10:05 am"),
    ("given history", r"^(?:given|in\s+view\s+of|considering)\s+(?:the\s+|this\s+)?(?:patient(?:'s)?\s+)?(?:\w+\s+)?(?:history|symptoms|presentation|age)\b[^,]*$", "Given history of smoking"),
    ("limits evaluation", r"\b(?:limits?|precludes?|degrades?|hampers?|obscures?|compromises?|hinders?)\s+(?:the\s+)?(?:\w+\s+)?(?:evaluation|assessment|interpretation|visuali[sz]ation|quality)\b", "Motion limits evaluation of the bases"),
    ("smoking", r"^(?:smoking\s+history|(?:current|former|ex|never|heavy)[\s-]*smoker|\d+\s*(?:pack[\s-]years?|py))\b.{0,40}$", "Smoking history 40 py"),
    ("paper work", r"\b(?:accession|order|exam|hospital|record)\s+(?:number|no)\b|\bpatient(?:'s)?\s+(?:name|id|identity|demographics)\b", "Corrected accession number"),
    ("told in short", r"\bd/w\b|^(?:prelim(?:inary)?\s+)?(?:called|phoned|paged|bleeped|informed|discussed|told)\s+(?:to\s+|with\s+)?(?:the\s+)?(?:ed|er|a&e|team|reg|registrar|dr|icu|ward|gp|surgeons?|neurosurg\w*|referrer)\b", "Prelim d/w ED 0312"),
    ("separate report", r"\bsep(?:arate)?\.?\s+(?:report|dictation)\b", "C-spine sep report"),
    ("title with a question", r"^(?:ct|ctpa|mri|mra|cta|mr|ncct|nchct|hrct|cxr)\w*(?:\s+(?:head|brain|chest|thorax))?\s+\?\s?[\w/]{1,15}$", "CTPA ?PE"),
    ("sequences alone", r"^(?:t1|t2|pd|flair|stir|dwi|adc|swi|gre|mprage|tof|axial|sagittal|coronal|sequences?|protocol|planes?)\b(?:[\s,/:|()+&*-]+(?:t1|t2|t2\*|pd|flair|stir|dwi|adc|swi|gre|mprage|space|tof|mra|fiesta|ciss|b0|b1000|sequences?|planes?|thickness|axial|sagittal|coronal|weighted|fat-?sat|pre|post|gad|contrast|3d|2d|and|mm|cm|x|slices?|protocol|\d+(?:\.\d+)?)\b)*[\s:|*]*$", "T1, T2, FLAIR, DWI"),
    ("row of column names", r"^(?:findings?|structures?|organs?|regions?|levels?|series|items?|parameters?|measurements?|sites?)(?:[\s,/:|()-]+(?:findings?|size|location|place|side|results?|comments?|values?|grade|status|prior|previous|current|change|date|image|images|series|units?|normal|range|left|right|score|description|mm|cm|\(mm\)|\(cm\)))+$", "Finding Size Location"),
    ("contrast serves", r"^(?:the\s+)?(?:iv\s+|intravenous\s+|vascular\s+)?contrast\s+(?:opacification|enhancement|bolus|timing)\b[^,;]{0,40}\b(?:adequate|suboptimal|optimal|satisfactory|diagnostic|good|sufficient|poor|excellent)$", "Contrast opacification is adequate"),
    ("nothing needed", r"^(?:it\s+|they\s+|this\s+|these\s+|which\s+)?(?:needs?|requires?|warrants?)\s+no\s+(?:\w+\s+){0,3}(?:follow-?\s?up|imaging|surveillance|evaluation|work-?up|treatment|intervention)\b", "Needs no follow-up"),
    ("heading of measurements", r"^(?:[\w-]+\s+){0,4}(?:measurements?|volumetry)(?:\s*\(?(?:in\s+)?(?:mm|cm|ml)\)?)?$", "Aortic measurements (mm)"),
    ("name of a form", r"^(?:[\w/-]+\s+){0,5}(?:template|checklist|proforma|pro\s+forma|questionnaire|worksheet|(?:report(?:ing)?|protocol|structured|data)\s+form)$", "Epilepsy protocol reporting form"),
    ("team aware", r"^(?:the\s+)?(?:[\w&/]+\s+){0,3}(?:team|neurosurg\w*|surgeons?|surgical|ed|er|icu|registrar|reg|consultant|clinicians?|referrer|physicians?|doctors?|stroke)\s+(?:(?:is|are|was|were|made)\s+)?aware$", "Neurosurgery aware"),
    ("opacified for diagnosis", r"\bopacif\w+\b[^.]{0,30}\bfor\s+(?:diagnos\w+|evaluation|assessment)\b", "Arteries are adequately opacified for diagnosis"),
    ("referral at the end", r"^(?:\w+\s+){1,3}(?:referral|consultation|consult)$", "Pulmonology referral"),
    ("rescheduled", r"\b(?:to\s+be|was|were|will\s+be|has\s+been)\s+(?:rescheduled|rebooked|repeated)\b", "To be rescheduled under sedation"),
    ("next examination", rf"^next\s+{_IMAGING}\b", "Next LDCT 12 months"),
    ("scan evaluated", r"\b(?:ct|mri|study|examination|scan|images?)\s+(?:was|were)\s+(?:evaluated|examined|assessed|interpreted)$", "Thoracic CT was evaluated"),
    ("agree", r"^(?:i\s+|we\s+)?(?:agree|concur)\b", "Agree with the above"),
    ("hence limited", r"\b(?:hence|so|therefore|thus)\s+(?:\w+\s+)?(?:limited|degraded|suboptimal|non-?diagnostic)\b", "Scanned in a cast, hence limited"),
    # Nothing of its own
    ("unchanged alone", r"^(?:otherwise\s+)?(?:essentially\s+|largely\s+|overall\s+)?(?:unchanged|stable|no\s+(?:other\s+|significant\s+|appreciable\s+|definite\s+|substantial\s+|relevant\s+|major\s+)*(?:interval\s+)?changes?|no\s+interval\s+(?:development|progression)|no\s+other\s+(?:significant\s+)?change|similar\s+to\s+(?:the\s+)?prior|(?:stable|unchanged)\s+(?:exam|examination|study|scan|ct|mri|appearances?|findings)|as\s+(?:above|described|before|detailed|noted|mentioned)(?:\s+above)?|see\s+(?:above|below|findings|body)|above|ditto|same|(?:other|remaining|additional|chronic|incidental)\s+findings|nil\s+(?:else|other|further)|nothing\s+else|(?:the\s+)?(?:study|exam|examination|scan|appearances?|findings?)\s+(?:is|are|remains?)\s+(?:otherwise\s+)?(?:unchanged|stable))(?:\s+(?:from|since|compared|to|when)\b.{0,60})?$", "No interval change"),
    ("no other change", r"^no\s+(?:other\s+)?change\s+to\s+the\b", "No other change to the original report"),
    ("category", r"^(?:overall\s+)?(?:lung[\s-]?rads|co-?rads|bi-?rads|aspects|ti-?rads|li-?rads|fleischner)(?:\s+(?:category|score|assessment))?\s*[:=]?\s*\d{1,2}\s*[a-z]{0,2}\b(?!.*\b(?:nodule|mass|lesion)\b).{0,40}$", "Lung-RADS 2, benign appearance"),
    ("heading remnant", r"^(?:findings?|impression|report|conclusion|as\s+follows|the\s+following|the\s+findings\s+are\s+as\s+follows)$", "Findings"),
    ("date alone", r"^[\d/.:,\s-]*(?:am|pm|a\.m|p\.m|hrs|hours|h)?\.?$", "5/6/2020 10:00 AM"),
    ("if", r"^if\s", "If symptoms persist"),
    ("patient", r"^(?:a\s+)?\d{1,3}[\s-]*(?:year|yr|y/o|yo|month|week|day)s?[\s-]*(?:old)?\b.{0,80}$|^year\s+old\b|^(?:patient\s+)?(?:presents|presenting|presented\s+with|complains?|c/o|(?:ex-?)?(?:pre-?)?term\s+(?:infant|neonate|baby|male|female)|known\s+case|k/c/o|h/o|history\s+of)\b", "67 year old man with cough"),
    ("preamble", r"^(?:the\s+)?(?:findings?|report|results?|images?)\s+(?:should(?!\s+read)|are\s+as|is\s+as|as\s+follows|were\s+reviewed)\b", "The findings are as follows"),
    ("management", r"\b(?:tissue\s+sampling|surgical\s+(?:consult|review|opinion)|neurosurg\w*\s+(?:consult\w*|review|opinion|referral))\b", "Neurosurgery consult"),
    ("differential intro", r"^(?:differential\s+(?:diagnosis|considerations?)|ddx?|d/d)\b", "Differential diagnosis includes abscess"),
    ("ruled by", r"^(?:clinical|patient)\s+(?:history|details|information|indication|concern)\b", "Clinical history of cancer"),
)  # fmt: skip

# Cut from a statement that is kept: from the match to the end of the clause.
CUT_TAILS: tuple[tuple[str, str, str], ...] = (
    ("no follow-up", r",?\s*(?:which\s+|and\s+)?(?:does|do)\s+not\s+(?:require|need|warrant)\s+(?:\w+\s+){0,3}(?:follow-?\s?up|imaging|surveillance|evaluation)\b.*$", "12 mm nodule, does not require follow-up"),
    ("needs no follow-up", r",?\s*(?:which\s+|and\s+|it\s+)?(?:needs?|requires?|warrants?)\s+no\s+(?:\w+\s+){0,3}(?:follow-?\s?up|imaging|surveillance|evaluation|work-?up)\b.*$", "Simple cyst which needs no follow-up"),
    ("for which", r",?\s*(?:for\s+)?which\s+(?:can|could|should|may|will|would)?\s*(?:be\s+)?(?:further\s+|better\s+)?(?:followed|assessed|evaluated|characteri[sz]ed|correlated)\b.*$", "nodule, which can be followed at 6 months"),
    ("to be monitored", r",?\s*(?:to\s+be|should\s+be|can\s+be|needs?\s+to\s+be)\s+(?:monitored|followed|correlated|further|reassessed|rechecked|confirmed|controlled)\b.*$", "Nodule of the right lower lobe to be monitored at 3 months"),
    ("correlate tail", r",?\s*(?:please\s+|to\s+be\s+|needs?\s+|kindly\s+|clinical(?:ly)?\s+)*(?<!no )(?<!t1 )(?<!t2 )(?<!dwi )(?<!flair )correlat(?:e|ed|ion)\b.*$", "mild thickening, correlate clinically"),
    ("as above", r",?\s*\(?(?:as|which\s+(?:is|are)|see)\s+(?:described|above|detailed|noted|mentioned|discussed|below|outlined|stated)(?:\s+(?:above|below|in\s+the\s+(?:body|findings).*))?\)?$", "Chronic lacunar infarct as described"),
    ("as described, middle", r"\s+as\s+(?:described|detailed|noted|above|mentioned)(?:\s+above)?(?=,)", "nodules as described, suspicious for infection"),
    ("on this study", r",?\s+on\s+(?:this|the|current|present|today's)\s+(?:\w+[\s-]?){0,3}(?:study|exam|examination|scan|ct|mri|imaging)$", "cannot be excluded on this noncontrast study"),
    ("since", r",?\s*(?:when\s+|as\s+)?(?:compared|comparison|relative|in\s+comparison|with\s+respect|since|from|versus)\s*(?:to|with)?\s+(?:the\s+|a\s+|most\s+|last\s+|his\s+|her\s+)*(?:prior|previous|recent|earlier|preceding|outside|baseline|last|study|exam|examination|ct|mri|scan|yesterday|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2}/\d{2,4})[^,;()]{0,60}$", "unchanged compared to the prior study"),
    ("since date", r",?\s*(?:since|from|compared\s+(?:to|with))\s*(?:\d{1,4}[/.-]\d{1,2}[/.-]?\d{0,4}|yesterday)?\s*$", "Stable nodule since 03/02/2018"),
    ("pointer middle", r"\s+(?:since|compared\s+(?:to|with))\s+(?:the\s+)?(?:prior|previous|last|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4})(?:\s+(?:study|exam|examination|ct|mri|scan))?(?:\s+(?:of|from|dated|on)\s+[\w/. -]{4,20}?)?(?=,)", "Stable nodule since 03/02/2018, previously 8 mm"),
    ("recommended tail", rf"\s*(?:[,;(]|\s-+)\s*(?:for\s+which\s+)?(?:a\s+|an\s+)?(?:[\w/-]+\s+){{0,5}}{_IMAGING}\s+(?:[\w/-]+\s+){{0,5}}(?:is\s+|are\s+)?{_ADVISED}\b.*$", "indeterminate lesion - MRI liver suggested"),
    ("recommend tail", r"\s*(?:[,;(]|\s-+)\s*(?:and\s+)?(?:recommend|advise|consider|suggest)\s+(?!of\b).*$", "nodule, recommend CT in 6 months"),
    ("places at risk", r",?\s*which\s+places?\s+the\s+patient\b.*$", "distended, which places the patient at risk"),
    ("if any", r",?\s*if\s+any\s*,?", "haemorrhage, if any, is not evident"),
)  # fmt: skip

# Cut from the front of a statement: words that lead to a finding.
LEAD_INS: tuple[tuple[str, str, str], ...] = (
    ("compared", r"(?:as\s+|when\s+)?(?:compared|comparison|in\s+comparison|relative|with\s+reference)\s*(?:to|with)?[^,]{0,60},\s*", "Compared with the prior, "),
    ("compared, no comma", r"(?:as\s+|when\s+)?compared\s+(?:to|with)\s[^,;.]{2,40}?\s(?=(?:no|there)\s)", "Compared with 2018 no "),
    ("date lead", r"since\s+(?:the\s+)?(?:prior|previous|last|\d)[^,]{0,40},\s*", "Since the prior study, "),
    ("when examined", r"when\s+(?:examined|evaluated|viewed|assessed|both|the|lung|examining|evaluating)[^;,]{0,70}[;,:]\s*", "When examined in the lung window; "),
    ("as far as", r"(?:as|in\s+so)\s+far\s+as\s+(?:can\s+be\s+)?(?:seen|observed|evaluated|assessed|visuali[sz]ed|it\s+can\s+be\s+\w+)\s*[;,:]?\s*", "As far as can be seen; "),
    ("examination window", r"in\s+the\s+(?:examination|evaluation|assessment|analysis|sections?|study)\s+[^;,.]{0,60}[;,:]\s*(?=\S)", "In the evaluation made in the lung window; "),
    ("in evaluation", r"in\s+(?:the\s+)?(?:[\w-]+\s+){0,4}(?:evaluation|examination|assessment|analysis|windows?)\s*[;:]\s*(?=\S)", "In lung parenchyma evaluation; "),
    ("in the sections", r"(?:in|on)\s+(?:the\s+)?(?:\w+\s+){0,3}(?:sections|images|slices|views|cuts)\b[^,;]{0,50}[,;:]\s*", "In the upper abdominal sections included in the examination, "),
    ("limitation lead", r"(?:within|given|allowing\s+for|despite|with|taking)\s+(?:this|these|the|that|above|said|such)\s+(?:limitations?|constraints?)(?:\s+in\s+mind)?\s*,?\s*", "Within these limitations, "),
    ("contrast lead", r"(?:post-?contrast|pre-?contrast|after\s+contrast|(?:on|in)\s+[\w\s-]{2,30}?(?:images|sequences|imaging|window|windows))\s*,?\s+(?=there\s|no\s)", "Postcontrast there is"),
    ("on review", r"(?:on|upon|after|following)\s+(?:further|closer|additional|retrospective|second|repeat|careful)?\s*(?:review|inspection|consultation|discussion|analysis)\b[^,]{0,40}?(?:,\s*|\s+(?=there|a\s|an\s|the\s))", "On further review "),
    ("since then", r"since\s+(?:then|that\s+time)\s*,?\s*", "Since then "),
    ("in addition", r"(?:in\s+addition|additionally|also|further(?:more)?|moreover|incidentally|of\s+note|again|however|similarly|lastly|overall|finally|besides|secondly|firstly|elsewhere|at\s+the\s+same\s+time|in\s+the\s+interim|nb|note)\s*[,:]?\s+", "In addition, "),
    ("note is made", r"(?:also\s+|again\s+|incidental(?:ly)?\s+)*(?:note|mention|made\s+note)\s+(?:is\s+|was\s+|has\s+been\s+)?(?:also\s+|again\s+|incidentally\s+)?(?:made|taken|given|is)?\s*(?:again\s+)?(?:of|that)\s+(?:there\s+(?:is|are)\s+)?", "Incidental note is made of "),
    ("again seen", r"(?:once\s+)?again\s*,?\s+(?:seen|noted|demonstrated|identified|visuali[sz]ed|appreciated|shown|evident)?\s*(?:is|are|was|were)?\s+(?:there\s+(?:is|are)\s+)?", "Again seen are "),
    ("redemonstrated", r"re-?demonstrat(?:ed|ion)\s+(?:is|are|of)?\s*|(?:seen|noted|demonstrated|identified|present|visuali[sz]ed)\s+(?:again\s+)?(?:is|are)\s+", "Redemonstration of "),
    ("study shows", r"(?:the\s+|this\s+|present\s+|current\s+|plain\s+|contrast\s+|non-?contrast\s+|limited\s+|selected\s+|visuali[sz]ed\s+|axial\s+|post-?contrast\s+|diffusion(?:-weighted)?\s+|flair\s+|t[12]\s+)*(?:[\w/-]+\s+){0,3}?(?:study|scan|exam|examination|evaluation|assessment|images?|imaging|ct|mri|views?|sections?|sequences?|mri\s+(?:of\s+the\s+)?brain(?:\s+with(?:out)?\s+contrast)?|ct\s+(?:of\s+the\s+)?(?:brain|head|chest)(?:\s+plain)?)\s+(?:of\s+(?:the\s+)?[\w\s-]{2,40}?\s+)?(?:also\s+|again\s+|now\s+)?(?:(?:the|brain|head|chest|thorax|with|without|contrast|plain|iv|and|non-?contrast)\s+)*(?:shows?|showed|demonstrates?|demonstrated|reveals?|revealed)\s+(?:that\s+)?(?:there\s+(?:is|are)\s+)?(?:evidence\s+of\s+)?", "Limited images of the remaining brain show "),
    ("study title run-on", r"(?:ct|mri|mr|hrct|ncct|cect)\s+(?:of\s+the\s+)?(?:brain|head|chest|thorax)\s+(?:plain|without\s+contrast|with\s+contrast|non-?contrast|plain\s+and\s+contrast)\s+(?=the\s|there\s|no\s)", "ct brain plain "),
    ("we see", r"(?:we|i)\s+(?:see|note|find|identify|observe|can\s+see)\s+", "We see "),
    ("there is", r"there(?:\s+(?:is|are|was|were|has\s+been|have\s+been|remains?|appears?\s+to\s+be|persists?|exists?)|'s)\s+(?:again|also|now|interval|otherwise|still|additionally|incidentally|noted|seen)?\s*(?:noted\s+|seen\s+)?(?:evidence\s+(?:of|for)\s+|the\s+presence\s+of\s+|the\s+appearance\s+of\s+)?", "There is "),
    ("evidence of", r"(?:evidence\s+(?:of|for)|e/o|the\s+presence\s+of|findings\s+of|features\s+of)\s+", "Evidence of "),
    ("patient is", r"(?:the\s+)?patient\s+(?:is|has\s+(?:had|undergone))\s+(?:a\s+)?(?=status|s/p|post|had|undergone|prior|previous)", "Patient is "),
    ("interval placement", r"(?:interval|there\s+has\s+been\s+interval)\s+(?:placement|insertion|introduction)\s+of\s+", "Interval placement of "),
    ("limited evaluation that says", r"limited\s+(?:evaluation|assessment|views|images)\s+of\s+(?:the\s+)?(?=[^,;]{2,60}?\b(?:is|are|appears?)\s+(?:grossly\s+|otherwise\s+)?(?:normal|unremarkable|clear)\b)", "Limited evaluation of the liver is normal: "),
    ("limited views", r"limited\s+(?:views|images|evaluation|assessment)\s+of\s+[^,]{2,40}?\s+(?:show|shows|demonstrate|demonstrates|reveal|reveals)\s+", "Limited views of the upper abdomen demonstrate "),
    ("previously seen", r"(?:previously|again)\s+(?:noted|seen|described|identified|documented|demonstrated)\s+(?=there)", "Previously noted "),
    ("report should read", r"the\s+(?:report|impression|finding|findings|sentence|first\s+line)\s+should\s+read\s*:?\s*", "The report should read "),
)  # fmt: skip

# Lead-ins with a verb of their own: cut before a sentence is split into clauses.
OPENINGS = frozenset(("as far as", "when examined", "limitation lead", "examination window", "in evaluation"))

# A title of an examination consists of these words only.
TITLE_WORDS = frozenset(
    """
    post-operative postoperative preoperative pa ap lateral frontal-view radiograph radiographs x-ray xray views view ct cta ctpa mri mra mrv mr nmr hrct ncct cect ldct tomography computed computerized computerised magnetic resonance imaging scan study exam
    examination report radiology brain head chest thorax cranial skull neck abdomen upper pelvis orbits orbit pituitary sella face facial
    sinuses pns spine iac iacs temporal bones bone lung lungs pulmonary angiogram angiography arteries venography cranium plain contrast
    with without w w/ wo w/wo w/o and of the for non noncontrast non-contrast nonenhanced unenhanced enhanced contrast-enhanced post pre no nil given administered
    postcontrast precontrast iv intravenous gad gadolinium s c no screening low dose low-dose protocol routine dynamic high resolution
    multislice helical spiral prior date dated dt axial sagittal coronal mm cm slices slice sections thick thin on at plus limited complete emergency stat portable images only prelim preliminary final dual
    baseline annual follow-up followup perfusion done performed template checklist form proforma worksheet questionnaire structured reporting nchct
    phase energy volume series contrast+plain mrcp radiology department original seizure stroke epilepsy trauma code lung-cancer cancer program 3t 1.5t tesla ( ) , + & - / .
    """.split()
)
TITLE_MODALITIES = frozenset(
    "protocol template checklist proforma questionnaire nchct ct cta ctpa mri mra mrv mr hrct ncct cect ldct tomography imaging scan angiogram angiography radiograph radiographs x-ray xray".split()
)
# A line that begins with one of these and names no finding is a title too.
MODALITIES = frozenset("ct cta ctpa mri mra mrv mr hrct ncct cect ldct nchct".split())
