"""Cues of status, in the order in which they are asked. Each row is (name, pattern, example); a test runs every example.

The idea of cue tables with a reach is NegEx's and ConText's; the tables are our own.

Sources:
    Chapman et al., J Biomed Inform 2001;34:301 (NegEx). Harkema et al., J Biomed Inform 2009;42:839 (ConText).
"""

# ruff: noqa: E501, SIM905  (rows of tables read better unbroken, words better without quotes)
from __future__ import annotations

Row = tuple[str, str, str]

# A feature of a normal study that is denied: something abnormal is present.
NORMAL_FEATURES = (
    r"(?:flow[\s-]voids?|bright\s+spot|signal\s+void|gr[ae]y[\s-]?(?:/|-|\s)?white\s+(?:matter\s+)?differentiation|differentiation|"
    r"septum\s+pellucidum|corpus\s+callosum|splenium|vermis|gallbladder|spleen|kidney|uterus|pulsation|myelination|aeration|"
    r"pneumati[sz]ation|ossification|enhancement\s+of\s+the\s+(?:sinus|vein|artery)|opacification\s+of\s+the|filling\s+of\s+the|"
    r"contrast\s+filling|swallow[\s-]tail\s+sign|lens|globe|thymus|pericardium|fat\s+plane|fat\s+planes|falx|insular\s+ribbon|"
    r"olfactory\s+bulbs?|internal\s+auditory\s+canal|cochlear\s+nerve|thyroid(?:\s+gland|\s+lobe)?|lung|breast|rib|vertebra|ventricle|cisterns?|sulci)"
)

ABNORMAL_DENIALS: tuple[Row, ...] = (
    ("feature is absent", rf"\b{NORMAL_FEATURES}\b[^,;]{{0,40}}?(?:\bis|\bare|:|\bappears?)?\s*\b(?:absent|not\s+(?:seen|visuali[sz]ed|identified|present|preserved|maintained|patent|demonstrated|well[\s-]defined)|missing|lost|effaced|obliterated)\b", "The flow void is absent"),
    ("loss of", r"^(?:\w+\s+){0,4}(?:loss|lack|absence|obliteration|effacement|obscuration)\s+of\s+(?:the\s+)?(?:normal|expected|gr[ae]y|flow|physiologic|cortical|corticomedullary|architecture|height|volume|disc|fat)\b", "Loss of the normal flow void"),
    ("no normal", r"^(?:no|absent)\s+(?:normal|expected|physiologic(?:al)?)\b|^(?:no\s+flow\s+void|absent\s+(?:septum|corpus|left|right|flow|gallbladder|spleen|vermis|signal))\b", "Absent septum pellucidum"),
    ("not normal", r"\b(?:is|are|was|were|appears?)\s+(?:not|no\s+longer)\s+(?:entirely\s+|completely\s+|fully\s+)?(?:normal|patent|clear|intact|preserved|maintained|midline|symmetric(?:al)?|unremarkable|well[\s-]aerated|aerated)\b|\b(?:abnormal|non-?patent)\b(?=.*\bnot\b)", "The vein is not patent"),
    ("does not look normal", r"\b(?:does|do|did)\s+not\s+(?:appear|look|seem)\s+(?:to\s+be\s+)?(?:entirely\s+)?(?:normal|patent|clear|intact|preserved|symmetric(?:al)?)\b", "The clivus does not look normal"),
    ("does not", r"\b(?:does|do|did)\s+not\s+(?:fill|opacify|enhance\s+normally|suppress|invert|collapse|flow)\b|\bnon-?(?:filling|opacification|visuali[sz]ation)\b", "The sinus does not opacify"),
    ("asked, no", r"\b(?:normal|intact|patent|clear|preserved|maintained|unremarkable)\s*:\s*no\b", "Skull base intact: No"),
    ("no change in a finding", r"^(?:there\s+is\s+|there\s+has\s+been\s+)?no\s+(?:significant\s+|interval\s+|appreciable\s+|definite\s+|substantial\s+|major\s+|real\s+)*(?:change|growth|increase|decrease|progression|improvement|enlargement|regression|difference)\s+(?:in|of)\b(?!\s*(?:the\s+)?interval)", "no change in the chronic left PCA territory infarct"),
    ("not changed", r"\b(?:not|has\s+not|have\s+not)\s+(?:significantly\s+|appreciably\s+|substantially\s+|convincingly\s+)?(?:changed|progressed|grown|resolved|improved|cleared|enlarged\s+since|increased|decreased)\b", "The cyst has not changed"),
    ("partly gone", r"\b(?:near(?:ly)?|almost|partial(?:ly)?|incomplete(?:ly)?|mostly|largely|subtotal|interval\s+partial)[\s-]+(?:complete(?:ly)?\s+|total\s+)?(?:interval\s+)?(?:resolution|resolved|clearing|cleared|removal|resorption|regression|disappear(?:ed|ance)|gone|vanished|normali[sz]ed)\b", "Near-complete resolution of the effusion"),
    ("status post removal", r"(?:\bstatus\s+post\b|\bs/p\b|\bpost-?operative\b|\bpostsurgical\b|\bhistory\s+of\b|\bsequela)", "Status post removal of the left parietal bone flap"),
)  # fmt: skip

ABSENT: tuple[Row, ...] = (
    ("resolved", r"\b(?:has|have|had|is|are|been|was|were)\s+(?:now\s+|since\s+|completely\s+|entirely\s+|fully\s+|totally\s+|also\s+|all\s+)*(?:resolved|disappeared|cleared|been\s+removed|been\s+extracted|been\s+evacuated|been\s+withdrawn|been\s+taken\s+out|gone|removed|vanished|extubated|resorbed)\b|\b(?:resolved|disappeared|cleared|removed|vanished|gone)(?:\s+(?:completely|entirely|in\s+the\s+interim|in\s+interim|in\s+the\s+interval|now))?\s*$|^(?:interval\s+|complete\s+|now\s+|completely\s+|fully\s+)*(?:resolution|resolved|removal|disappearance|clearance|clearing|removed|extubation)\b(?:\s+(?:of|right|left|bilateral|the)\b|\s+\w+)|\bno\s+longer\s+(?:seen|visuali[sz]ed|present|identified|evident|demonstrated|visible|apparent|appreciated|detected|enhanc\w+|there)\b|\bno\s+longer$|^(?:interval\s+)?extubation$", "The effusion has completely resolved"),
    ("not seen", r"\b(?:not|never)\s+(?:definitely\s+|clearly\s+|otherwise\s+|currently\s+|convincingly\s+|grossly\s+|well\s+|been\s+)?(?:seen|noted|identified|observed|detected|demonstrated|visuali[sz]ed|evident|present|found|appreciated|shown|visible|apparent|suspected|recogni[sz]ed|discernible|encountered|depicted|selected|distinguished|discerned|a\s+(?:feature|finding))\b", "Pericardial effusion was not observed"),
    ("not dilated", r"\b(?:is|are|was|were|appears?|does|do)\s+(?:not|nor)\s+(?:appear\s+|look\s+|seem\s+)?(?:to\s+be\s+)?(?:significantly\s+|abnormally\s+|pathologically\s+|appreciably\s+|markedly\s+|grossly\s+|overtly\s+)?(?:be\s+)?(?:dilated|enlarged|compressed|thickened|effaced|displaced|distended|narrowed|stenosed|occluded|fractured|enhancing|enhance|swollen|deviated|shifted|prominent|widened|expanded|involved|invaded|calcified|obstructed|bowed|restrict|demonstrate|show|\w{2,}(?:ed|ing)|herniated|low[\s-]lying|ectopic|increased|atrophic|affected|collapsed|elevated|depressed|hyperdense|inflated|hyperinflated|abnormal|remarkable|acute|contain|cross|extend|infiltrated|opacified|consolidated|crowded|disrupted)\b|^[^,]{0,60}\bnot\s+(?:significantly\s+|pathologically\s+)?(?:dilated|enlarged|compressed|thickened|effaced|displaced|distended|widened|prominent|seen|shifted|swollen|\w{3,}ed)\s*$", "Ventricles are not dilated"),
    ("none", r"(?:^|[:|-])\s*(?:none|nil|negative|absent|not\s+(?:seen|present|detected|identified)|no|nad)\b(?:\s+(?:seen|identified|present|noted|detected|visible|found|enlarged|evident|demonstrated|suspicious|significant|acute))*\s*$|:\s*none\s+(?:>|greater|larger|above|over|exceeding)|\b(?:none|nil)\s*(?:seen|noted|identified|present|detected|found|enlarged)?\s*$", "HEMORRHAGE: None"),
    ("unticked", r"^(?:\[\s*\]|☐)|(?:\[\s*\]|☐)$", "[ ] Hemorrhage"),
    ("is not", r"\b(?:is|are|was|were)\s+not$", "Hydrocephalus is not"),
    ("is absent", r"\b(?:is|are|was|were)\s+absent\b", "Restricted diffusion is absent"),
    ("leading", r"^(?:[^:]{1,60}:\s*)?(?:there\s+(?:is|are|was|were)\s+)?(?:also\s+|again\s+|currently\s+|otherwise\s+|with\s+)?(?:no|without|nil|neither|nor|never|absence\s+of|absent|lack\s+of|w/o|zero|free\s+of|negative\s+for|neg\s+for|not\s+any|no\s+e/o|nothing\s+(?:to\s+(?:suggest|indicate|support)|suggestive|suggesting)|neg(?=\s+(?!ct|mr|mri|cta|mra|cxr|study|scan|exam|chest|head|brain)[a-z]))\b", "No pleural effusion"),
    ("I see none", r"^(?:i|we)\s+(?:do|did|can|could)\s*(?:not|n't|n’t)\s+(?:really\s+|clearly\s+)?(?:see|find|identify|detect|appreciate|observe)\b", "I do not see a fracture"),
    ("negative sign", r"\b(?:sign|test)s?\s+(?:is\s+|are\s+)?neg(?:ative)?$", "Murphy's sign negative"),
    ("not, behind a comma", r"^[^,]{3,60},\s*not\s+(?:\w+ly\s+)?(?:dilated|enlarged|thickened|distended|displaced|compressed|aneurysmal)$", "Duct 5 mm, not dilated"),
    ("negative for", r"\b(?:negative|neg)\s+for\b|\bfree\s+of\b|\bfree\s+from\b|\bdevoid\s+of\b|\b(?:ruled\s+out|excluded)\s*$(?<!not\sexcluded)", "DWI: Negative for acute infarct"),
    ("none show", r"^none(?:\s+of\s+(?:these|them|which|the\s+\w+))?\s+(?:shows?|demonstrates?|enhances?|exhibits?|restricts?|displays?|is|are|has|have)\b", "None of these show enhancement"),
    ("fails to", r"\b(?:fails?\s+to|does\s+not|do\s+not|did\s+not)\s+(?:show|demonstrate|reveal|exhibit|display)\b", "The scan does not show a fracture"),
    ("no inside", r"^(?:the\s+)?[\w\s/,-]{2,60}?\b(?:shows?|demonstrates?|reveals?|has|have|with|contains?)\s+no\b", "The left kidney shows no hydronephrosis"),
    ("place then no", r"^(?:in|within|on|at|of)\b[^,]{2,60},\s*no\b", "In the upper abdomen, no solid mass"),
)  # fmt: skip

UNCERTAIN: tuple[Row, ...] = (
    ("artifact", r"\b(?:versus|vs\.?|or|rather\s+than|possibly|probably|likely|may\s+be|might\s+be|could\s+be|may\s+represent|could\s+represent|may\s+reflect|favou?red?\s+to\s+(?:be|represent)|presumably|perhaps|(?:cannot|can\s+not|could\s+not)\s+be\s+(?:reliably\s+)?(?:distinguished|differentiated|separated)\s+from|(?:in|not\s+(?:\w+\s+)?)distinguishable\s+from)\s+(?:\w+\s+){0,3}?(?:artifact|artefact|artifactual|artefactual|volume\s+averaging|partial\s+volum\w+|spurious|technical)\w*\b|\b(?:artifact|artefact|volume\s+averaging|partial\s+volum\w+)\s+(?:versus|vs|or)\b|\b(?:artifactual|artefactual)\b", "Hyperdensity, possibly artifactual"),
    ("cannot be excluded", r"\b(?:cannot|can\s*not|could\s+not|can't|couldn't|not)\s+(?:be\s+)?(?:entirely\s+|completely\s+|definitely\s+|definitively\s+|totally\s+|fully\s+|confidently\s+|reliably\s+|absolutely\s+)?(?:be\s+)?(?:excluded?|ruled?\s+out|discounted?|dismissed)\b|\bnot\s+(?:entirely\s+|completely\s+|fully\s+)?excluded\b|\bdifficult\s+to\s+(?:exclude|rule\s+out)\b|\bunable\s+to\s+(?:exclude|rule\s+out)\b", "A small infarct cannot be excluded"),
    ("exclude", r"^(?:(?:to\s+)?(?:rule\s+out|exclude|r/o))\b", "Rule out a tiny aneurysm"),
    ("leading hedge", r"^(?:[^:]{1,50}:\s*)?(?:a\s+|an\s+|the\s+|also\s+|there\s+(?:is|are)\s+)?(?:very\s+|some\s+|highly\s+)?(?:\?\s*|(?!\w+\s+(?:related|due|secondary|attributable)\s+to\b)(?:possible|possibly|conceivably|probable|probably|questionable|questionably|questioned|(?:i\s+|we\s+)?wonder\s+about|suspected|suspect|equivocal|doubtful|presumed|presumptive|conceivable|potential|suspicious\s+for|suspicion\s+(?:of|for|is|exists)|concern\s+for|query|likely(?!\s+(?:reactive|benign|chronic|old|physiologic\w*|post-?\w+|degenerative|developmental|incidental|related|due|secondary))|borderline\s+suspicious|indeterminate\s+for|suggestion\s+of|vague\s+suggestion|hint\s+of|\w+\s+suspicion|(?:the\s+)?possibility\s+of|uncertain|apparent|perhaps|maybe|putative|tentative)\b)", "Possible small contusion"),
    ("may be", r"^(?:there\s+)?(?:may|might|could)\s+(?:also\s+)?be\b|\bthere\s+(?:may|might|could)\s+(?:also\s+)?be\b|\b(?:may|might|could)\s+(?:be\s+(?:present|minimally|mildly|slightly|subtly|a\s+)|exist|have\s+(?:a\s+|mild\s+|slight\s+|subtle\s+)|enhance|show|contain|harbou?r)\b", "There may be mild tracheomalacia"),
    ("is suspected", r"\b(?:is|are|was|were)\s+(?:also\s+|strongly\s+|highly\s+|clinically\s+)?(?:suspected|questioned|possible|questionable|equivocal|conceivable|raised|doubtful|uncertain|probable|suggested)\b|\b(?:suspected|questioned|possible|questionable|equivocal)\s*\??$|\bpossibility\s+of\b[^,]{2,60}\b(?:raised|considered|entertained|exists?|remains?)\b|\bis\s+of\s+(?:doubtful|questionable)\s+(?:presence|existence)\b", "A shift is suspected"),
    ("trailing question mark", r"^[^,(?]{2,80}\?$", "early hydrocephalus?"),
    ("hedging adverb", r"\b(?:is|are|was|were|appears?|looks?)\s+(?:(?:arguably|perhaps|debatably|questionably|equivocally)\s|(?:possibly|probably|conceivably|maybe)\s+(?:a\s+little|slightly|mildly|minimally|marginally|subtly|somewhat|increased|decreased|reduced|enlarged|smaller|larger|thinner|thicker|wider|dilated|prominent|thickened)\b)", "The left hippocampus is arguably smaller"),
    ("I suspect", r"^(?:i|we)\s+(?:(?:am|are|remain)\s+(?:\w+\s+)?(?:suspicious|concerned|unsure|uncertain|unconvinced|wary)|suspect|question|doubt)\b", "I am suspicious of a small tear"),
    ("raise the possibility", r"^(?:the\s+)?(?:above\s+|these\s+|overall\s+)?(?:findings?|features?|appearances?|constellation|pattern|picture)\s+(?:\w+\s+){0,2}?(?:(?:raises?|raising)\s+(?:the\s+|a\s+)?(?:possibility|question|suspicion|concern)|(?:may|might|could|possibly)\s+(?:represent|reflect|be|suggest|indicate))\b", "Findings raise the possibility of hypertension"),
    ("raises the possibility", r"^(?:this\s+|which\s+|it\s+)?(?:raises?|raising)\s+(?:the\s+|a\s+)?(?:possibility|question|suspicion|concern)\b", "Raises the possibility of lymphoma"),
    ("hard to say", r"\b(?:hard|difficult|impossible|not\s+possible)\s+to\s+(?:say|tell|know|judge|be\s+sure|determine|establish)\s+(?:whether|if)\b", "It is hard to say whether the sinus is invaded"),
    ("seems", r"^(?:there\s+)?(?:seems?|appears?)\s+to\s+be\b|\b(?:seems?|appears?)\s+to\s+be\s+(?:a|an|some)\s", "There appears to be a small leak"),
    ("heading hedge", r"^[^:]{1,50}:\s*(?:possible|probable|questionable|suspected|equivocal|\?|indeterminate|unclear|unsure|unknown|uncertain|maybe)\b", "Aneurysm: questionable"),
)  # fmt: skip

# Words that make an uncertain statement only in front of the finding itself; behind a comma they explain.
NORMAL: tuple[Row, ...] = (
    ("is normal", r"\b(?:is|are|was|were|appears?|appeared|looks?|remains?|being|be)\s+(?:also\s+|all\s+|both\s+|otherwise\s+|grossly\s+|essentially\s+|overall\s+|within\s+|bilaterally\s+|still\s+|widely\s+|fully\s+|well\s+|well-\s*|entirely\s+|normally\s+|likewise\s+|relatively\s+|now\s+|again\s+|largely\s+|completely\s+|of\s+|in\s+|at\s+)*(?:normal|normally|nl|unremarkable|clear|intact|patent|preserved|maintained|open|natural|midline|symmetric(?:al)?|central|aerated|pneumati[sz]ed|regular|physiologic(?:al)?|age-appropriate|appropriate|ok|okay|satisfactory|limits|formed|visuali[sz]ed\s+normally|normal-sized|un(?:injured|involved|affected|disturbed)|well-preserved|position(?:ed)?\s+normally|homogeneous|undisplaced|fine|expected|well-aerated|well-pneumati[sz]ed|opacif(?:y|ied)\s+normally|non-?dilated|nondilated|transparent|healthy|good|adequate|unobstructed|usual|identical|equal|free|nonenlarged|non-?enlarged|undilated|present\s+and\s+normal)\b", "The ventricles are normal"),
    ("leading normal", r"^(?:[^:]{1,60}:\s*)?(?:the\s+|an?\s+|both\s+|all\s+|rest\s+of\s+the\s+|otherwise\s+|grossly\s+|essentially\s+|stable\s+|overall\s+|is\s+|are\s+|widely\s+|well\s+|within\s+|in\s+|of\s+)*(?:normal|nl|unremarkable|clear|intact|patent|preserved|maintained|age[\s-]appropriate|symmetric(?:al)?|physiologic(?:al)?|regular|natural|negative|ok|wnl|nad|satisfactory|adequate|good|(?:central|midline)(?=\s*$)|well[\s-]aerated|open|homogeneous|healthy|undilated|non-?dilated|undisplaced|fine|free|unobstructed|appropriate|usual)\b(?!\s+(?:for\b|pressure|variant\s+of\b|cell|foramen|ductus|demarcat))", "Normal MRI of the brain"),
    ("normal limits", r"\b(?:in\s+keeping|in\s+line|consistent|compatible|commensurate|concordant|c/w)\s+(?:with\s+|for\s+)?(?:the\s+)?(?:patient's\s+)?(?:stated\s+|chronological\s+)?age\b|\b(?:within|at)\s+(?:the\s+)?(?:upper\s+limits?\s+of\s+)?(?:normal|physiological|expected)(?:\s+(?:limits?|range|size|parameters|for\s+age))?\b|\bwnl\b|\bwithin\s+(?:expected\s+)?limits\b|\b(?:age[\s-]appropriate|appropriate\s+for\s+(?:the\s+)?(?:patient's\s+)?(?:stated\s+|corrected\s+|gestational\s+)?(?:age|term|gestation)|normal\s+for\s+(?:the\s+)?(?:patient's\s+)?age)\b", "Sulci within normal limits"),
    ("of normal", r"\b(?:of|shows?|demonstrates?|have|has|with|in|show|demonstrate|reveals?)\s+(?:a\s+|an\s+|the\s+|grossly\s+)?(?:normal|age[\s-]appropriate|regular|physiological|satisfactory|unremarkable|good|usual|anatomic(?:al)?|expected|homogeneous)\b", "Ventricles of normal size"),
    ("trailing normal", r"(?:^|[\s:|-])(?:normal|nl|unremarkable|clear|intact|patent|preserved|maintained|ok|okay|wnl|natural|symmetric(?:al)?|central|midline|open|n|normal\s+in\s+[\w\s,]{3,50}|normal\s+(?:size|caliber|calibre|signal|bilaterally|for\s+age|throughout)|nl\s+\w+|well\s+aerated|aerated|good|fine|satisfactory|un(?:injured|involved|affected)|crisp|slim|sharp|neg(?:ative)?|unremarkable\s+in\s+[\w\s]{3,30}|normally\s+(?:aerated|positioned|formed|developed|situated|pneumati[sz]ed)|midline\s+in\s+place|well\s+(?:aerated|visuali[sz]ed|maintained|preserved|pneumati[sz]ed|opacified|seen)|preserved\s+(?:throughout|bilaterally)|in\s+(?:the\s+)?midline|fully\s+formed|undisplaced|non-?dilated)\s*$", "vents ok"),
    ("normally", r"\b(?:opacify|opacifies|fill|fills|enhance|enhances|aerate|develop(?:ed)?|formed|positioned|situated|pneumati[sz]ed|distributed|located|aligned)\s+(?:normally|symmetrically|well)\b|\b(?:terminates?|ends?|lies|courses?|arises?|branch(?:es)?|tapers?)\s+normally\b|\bnormally\s+(?:formed|positioned|located|aerated|situated|developed|pneumati[sz]ed|aligned|opacified)\b", "The sinuses opacify normally"),
    ("nothing", r"^(?:otherwise\s+|there\s+is\s+)?nothing\s+(?:acute|new|significant|abnormal|suspicious|worrisome|wrong|amiss|untoward|sinister|of\s+(?:note|concern|significance))\b|\b(?:nothing|nil)\s+(?:acute|focal|new|significant|abnormal|else|of\s+(?:note|concern|significance))$", "Nothing acute"),
    ("asked, yes", r"\b(?:normal|intact|patent|clear|preserved|maintained|unremarkable|midline)\s*:\s*yes\b", "Skull base intact: Yes"),
    ("as it should", r"\b(?:looks?|appears?|is|are|remains?)\s+(?:just\s+|all\s+)?as\s+(?:(?:they|it|one)\s+(?:should|would\s+expect)|(?:would\s+be\s+)?expected)\b", "The ventricles look as they should"),
    ("are present", rf"^(?:the\s+)?(?:normal\s+|major\s+|vascular\s+|expected\s+|intracranial\s+|usual\s+)*{NORMAL_FEATURES}\s+(?:is|are)?\s*(?:present|seen|visuali[sz]ed|maintained|preserved|identified)$", "Flow voids are present"),
)  # fmt: skip

# An abnormal word in the same statement: a normal cue beside it does not make the statement normal.
NOT_NORMAL = (
    r"\b(?:abnormal|enlarged|dilated|widened|effaced|prominent|thickened|fractured|increased|decreased|reduced|opacified|displaced|deviated|narrowed|"
    r"stenos\w+|occluded|compressed|atrophic|ectatic|tortuous|hypoplastic|hyperplastic|swollen|calcified|upper\s+limits?\s+of\s+normal|"
    r"more\s+than\s+(?:normal|expected)|greater\s+than\s+(?:normal|expected)|larger\s+than|asymmetric(?:al)?|borderline|"
    r"hyperintens\w+|hypointens\w+|hyperdens\w+|hypodens\w+|not\s+normal|mildly|moderately|markedly)\b"
)

# Nouns without a name: denying them calls something normal.
GENERIC_NOUNS = frozenset(
    """
    abnormality abnormalities process processes finding findings pathology pathologies disease diseases anomaly anomalies
    problem problems cause explanation issue issues changes complication abnormal sol-none
    """.split()
) - {"complication"}

# What may stand beside a generic noun without naming a finding: the rest are adjectives of place.
GENERIC_COMPANIONS = frozenset(
    "of the a an in for to on is are seen identified noted detected evident demonstrated present found visualized visualised within "
    "there no not evidence any or and other by this study scan exam examination ct mri brain head chest observed appreciated has been was were "
    "headache headaches symptoms seizure seizures lateralizing recent time at imaged included "
    "patient patient's scanned covered visible portion portions part parts remaining remainder".split()
)
