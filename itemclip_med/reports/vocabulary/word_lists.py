"""Word lists that one step of the itemizer each asks."""

# ruff: noqa: SIM905  (words read better without quotes)
from __future__ import annotations

# Words that only English text has so many of.
ENGLISH = frozenset(
    """
    acute and are been both brain by clear effusion evidence findings for from has impression in is left lung mass
    mild no normal not noted of right seen small the there to was were which with within without
    """.split()
)

# Function words of German, French, Spanish, Italian, Portuguese, Dutch and Turkish that English lacks.
FOREIGN = frozenset(
    """
    absence-de akciğer as au auch aux avec bei beidseits bij bir con dans das de del della delle der derecho des di
    die direita dos doğal droit du een eine einer eines el er esquerda est et evidencia gauche geen gli hallazgos
    her het iki il ile ist izlendi izlenmedi izquierdo kein keine keinen la las le les links lo los lésion met
    mevcuttur mit muestra na ne nel nella nicht niet non normaldir normales nos não ohne olarak op os ou pas por
    pour pulmonar rechts saptanmadı sağ se sem senza si sin sind sol sono sont sur um uma una unauffällig und une
    van ve wordt zijn zum zur
    """.split()
)

# What is measured or described, and names neither a finding nor a place.
PROPERTIES = frozenset(
    """
    aeration age alignment appearance appearances aspect axis border borders caliber calibers calibration calibre
    configuration content contour contours course courses ct diameter dimension dimensions exam examination feature
    features grade height image images imaging index length level levels limits margin margins morphology mri number
    opacification-vascular origin outline part pneumatisation pneumatization portion position prominence-normal
    ratio scan score sections series shape side signal-void size sizes structure structures study symmetry thickness
    time views volume width window windows
    """.split()
)

# Nouns that name a finding together with their adjectives.
SOFT_FINDINGS = frozenset(
    """
    air area areas artefact artifact beading bulging change changes clearing decrease detachment disturbance
    disturbances effect effects fat-containing filling findings-no increase injury involvement level-fluid lymphnode
    lymphnodes narrowing node nodes notching redistribution reduction region regions remnants residual residuals
    response restriction retraction scalloping signal sparing-no spot spots steno-occlusion transection uptake
    widening worsening
    """.split()
)

# A line that ends so is not finished.
OPEN_WORDS = frozenset(
    """
    & ( + , - a about above acute adjacent along an and anterior any approximately are as at be been below between
    bilateral both but by chronic cm-x compatible consistent demonstrate demonstrates due few for from had has have
    in inferior into involving is its large lateral left likely likely-due lower may measures measuring medial
    middle might mild mm-x moderate multiple new no nor not of old on or over overlying possible posterior
    previously probable representing right secondary several severe show shows small suggestive superior surrounding
    than that the there this through to under up upper versus was were which with within without x
    """.split()
)

# Organs that begin a statement of their own behind another noun.
SUBJECTS = frozenset(
    """
    adrenals airways aorta bones brainstem calvarium cerebellum cisterns esophagus gallbladder globes heart kidneys
    liver lung lungs mastoids mediastinum midline orbits pancreas pituitary pleura ribs sella sinuses spleen sulci
    thyroid trachea ventricles vertebrae
    """.split()
)

# Words whose full stop ends nothing.
ABBREVIATIONS = frozenset(
    """
    a.m al approx ca cf dept dr drs dx e.g eg excl ext fig i.e ie incl max min mr mrs ms no nr p.m prof pt resp st
    st.p tel vs
    """.split()
)

# Nouns too general to say that two items are one.
LOOSE_HEADS = frozenset(
    """
    area artifact change decrease density disease effect enlargement extension finding increase involvement lesion
    level loss pathology pattern process progression prominence region sign signal thickening trace
    """.split()
)

# Words about reports and examinations, not about what images show.
PAPER_WORK = frozenset(
    """
    acquired awaited awaiting cancelled completed details dictated dictation disregard duplicate entered error exam
    examination image images interpreted patient read report rescheduled scan signed study test uploaded void voided
    """.split()
)

# A question of a form with one of these asks about the examination, not about the images.
ABOUT_EXAMINATION = frozenset(
    """
    administered aware claustrophobia comparison complications consent consented contraindication contraindications
    contrast cooperative gadolinium given informed motion notified previous prior priors quality sedated sedation
    tolerated
    """.split()
)

# A number behind these says how images were made.
ACQUISITION = frozenset(
    """
    acquisition collimation count date dose exam field image images interval kvp mas number phase phases pitch
    reconstruction scan score sequence sequences series session slice slices strength study tesla time
    """.split()
)

# Words that do not tell two items apart.
LIGHT = frozenset(
    """
    a again also an and appear appearing appears are area areas as at be been by demonstrated detected evidence for
    from had has have identified in is it measuring neither no nor not noted observed of on or present region
    regions seen that the there this to up was were which with without
    """.split()
)

# Findings whose name tells the place.
LOCATED = frozenset(
    """
    adenopathy ascites atelectasis bronchiectasis cardiomegaly cholecystectomy cholelithiasis consolidation
    emphysema gallstone goiter hepatomegaly honeycombing hydrocephalus hydronephrosis infarct infarction kyphosis
    lymphadenopathy mastectomy meningioma microbleed microhemorrhage pneumocephalus pneumomediastinum pneumonia
    pneumothorax schwannoma scoliosis splenomegaly sternotomy ventriculomegaly
    """.split()
)
