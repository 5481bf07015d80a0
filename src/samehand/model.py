"""The nouns of samehand as frozen dataclasses (standard library only).

A `Report` holds `Observation` s of `Feature` s and `Claim` s. Comparing two reports gives
`Contribution` s, which sum with the prior to a `Link`. Links give `Hand` s and `Campaign` s,
campaigns give `Attribution` s made of `Hypothesis` objects; all of it together is an
`Assessment`. Every quantity of evidence is in bits (log2 of a likelihood ratio); the unit is in
the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Facet = Literal[
    "infrastructure",
    "malware",
    "code",
    "build",
    "delivery",
    "behaviour",
    "victimology",
    "claims",
]
"""The eight kinds of evidence (DESIGN section 4). The first five are hard."""

FACETS: tuple[Facet, ...] = (
    "infrastructure",
    "malware",
    "code",
    "build",
    "delivery",
    "behaviour",
    "victimology",
    "claims",
)
HARD_FACETS: tuple[Facet, ...] = FACETS[:5]

ReportKind = Literal["report", "incident", "compilation", "note"]
ReportUse = Literal["case", "reference", "background"]
Relation = Literal["attribution", "alias", "reported-comparison", "denial", "withdrawal"]
FactKind = Literal["country", "sector", "organisation", "window", "published", "money", "motive"]
ActorLevel = Literal["subgroup", "group", "umbrella"]
HypothesisLevel = Literal["subgroup", "group", "umbrella", "state"]
LinkType = Literal["same-campaign", "same-hand", "shared-tool", "copy", "undetermined"]
Strength = Literal["merged", "proposed"]
Naming = Literal["named", "leaning", "undetermined"]
AnalyticConfidence = Literal["high", "moderate", "low"]

#: Roles whose value is named in a report without belonging to the adversary's operation; such an
#: observation is shown but never compared.
PASSIVE_ROLES = frozenset({"reference", "victim", "benign", "sinkhole"})


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """A canonical (kind, value): an observable, technique, software name, victim or name."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Window:
    """A closed interval of days."""

    start: date
    end: date

    def gap_days(self, other: Window) -> int:
        """Days between two windows; 0 when they touch or overlap."""
        return max(0, (other.start - self.end).days, (self.start - other.end).days)


@dataclass(frozen=True, slots=True)
class Observation:
    """A feature seen in one report, with the place it was seen."""

    id: str
    """Content-derived: report, feature, batch and role."""
    report: str
    feature: Feature
    raw: str
    """As written in the input."""
    role: str = ""
    batch: str = ""
    """The list or table it came from; items of one batch count as one decision."""
    window: Window | None = None
    """Own first and last sighting; `None` means the report's own dates apply."""
    source: str = ""
    """Where in the report, in words: table, page, file and line."""
    extractor: str = "record"
    """What found it: 'record', the version of the extraction, or 'analyst'."""
    start: int | None = None
    """First character in the report's text; `None` where there is no text to point at."""
    end: int | None = None
    """One past the last character."""
    page: int | None = None
    """Page from 1, where the document has pages."""
    file: str = ""
    """Hashes with the same key are of one file; '' where nothing tells."""
    status: Literal["", "accepted", "retyped", "added"] = ""
    """What the analyst decided; rejected ones are not among the observations."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a publisher says about identity."""

    id: str
    report: str
    relation: Relation
    about: str = ""
    """The subject in the publisher's words: a campaign or cluster name."""
    actor: str = ""
    reports: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    count: int | None = None
    words: str = ""
    """Confidence as worded by the publisher."""
    first_hand: bool = True
    origin: str = ""
    """Root of the judgement: a report id or address. The report itself when first-hand."""
    source: str = ""
    start: int | None = None
    """First character of the sentence in the report's text; `None` where there is no text."""
    end: int | None = None
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Victim:
    """One kind of victim as the report names it."""

    country: str = ""
    """ISO 3166-1 alpha-2, or the words of the report."""
    sector: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a report states beside observables, techniques and claims."""

    what: FactKind
    value: str
    """Country: ISO 3166-1 alpha-2; sector: plain words; organisation: as written; window and
    published: YYYY[-MM[-DD]], a window also two of them with a slash; money: 'AMOUNT CURRENCY' in
    plain digits; motive: financial gain, espionage, sabotage or hacktivism."""
    start: int | None = None
    """First character in the report's text; `None` where there is no text to point at."""
    end: int | None = None
    """One past the last character."""
    note: str = ""
    """Of money: 'total' or 'single' where the text says which; else ''."""


@dataclass(frozen=True, slots=True)
class Report:
    """One disclosure or incident."""

    id: str
    kind: ReportKind = "report"
    use: ReportUse = "case"
    title: str = ""
    publisher: str = ""
    published: Window | None = None
    """`None`: undated."""
    tlp: str = "CLEAR"
    grade: str = ""
    """Admiralty grade such as B2; empty counts as the configured default."""
    urls: tuple[str, ...] = ()
    text: str = ""
    observations: tuple[Observation, ...] = ()
    claims: tuple[Claim, ...] = ()
    victims: tuple[Victim, ...] = ()
    facts: tuple[Fact, ...] = ()
    """Organisations hit, windows of activity, sums of money and motives, as stated."""
    activity: Window | None = None
    """When it happened, as stated; `None`: not stated, or not near the publication."""
    cites: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    known_actor: str = ""
    """Ground truth of a reference report; empty everywhere else."""
    provenance: str = "{}"
    """What the record says about its own sources: a JSON object, shown and never compared."""
    extra: str = "{}"
    """Unknown fields of the record: a JSON object, kept and never compared."""
    content_hash: str = ""
    """SHA-256 of the canonical record."""
    ingested: date | None = None
    """Day an undated report entered a workspace, from which it counts as known."""

    @property
    def known_at(self) -> date | None:
        """The day by which replay goes; `None` means always.

        The end of the publication interval, or for an undated report in a workspace the day it
        was added.
        """
        return self.published.end if self.published else self.ingested


@dataclass(frozen=True, slots=True)
class Problem:
    """A piece of input that could not be used: what, where, why and what to do."""

    place: str
    """File, and line or record where known."""
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True, slots=True)
class Contribution:
    """One bar of a waterfall."""

    comparison: str
    """What was compared, in words: 'domain-name twosigma.publicvm.com', 'source grade', …"""
    facet: str
    """A facet, or 'limit' for a model limit that is not of one facet."""
    bits: float
    observations: tuple[str, ...]
    """Ids of the observations, claims or reports behind it; never empty when bits is not 0."""
    note: str = ""
    """One sentence of explanation."""
    role: Literal["evidence", "discount", "limit", "reported", "contradiction"] = "evidence"


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of probability, 5th to 95th percentile of the parameter draws."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Link:
    """Two reports and the evidence that one hand made what they describe; ``l`` < ``r``."""

    l: str
    r: str
    prior_bits: float
    contributions: tuple[Contribution, ...]
    total_bits: float
    """prior_bits plus all contributions: log2 odds of the same hand."""
    weight_bits: float
    """All contributions without the prior."""
    raw_probability: float
    probability: float
    """Calibrated where a calibration exists; else equal to `raw_probability`."""
    campaign_probability: float
    """P(same hand) times P(same campaign given the same hand); uncalibrated."""
    interval: Interval | None
    type: LinkType
    calibrated: bool = False
    reported: bool = False
    """Rests on a reported comparison: reported, not recomputed."""
    decision: str = ""
    """The analyst's decision on this pair, if any."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Reports proposed as the work of one actor."""

    id: str
    strength: Strength
    reports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """Which reports of a campaign saw one facet or ATT&CK tactic."""

    kind: Literal["facet", "tactic"]
    name: str
    seen: dict[str, int]
    """report id -> number of distinct features seen."""
    only: tuple[str, ...] = ()
    """Features (as 'kind value') that exactly one report saw, at most a few as examples."""


@dataclass(frozen=True, slots=True)
class Step:
    """A technique in the order in which the reports of a campaign tell it."""

    technique: str
    name: str
    """Its name in ATT&CK; '' if unknown."""
    reports: tuple[str, ...]
    """Who tells of it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact as the reports of a campaign state it; what contradicts stays side by side."""

    what: FactKind
    value: str
    note: str
    reports: tuple[str, ...]
    """Who states it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Reports proposed as one operation of one hand."""

    id: str
    hand: str
    strength: Strength
    reports: tuple[str, ...]
    cohesion: float
    """Mean campaign probability of its pairs; 1 for a single report."""
    bridges: tuple[tuple[str, str], ...]
    """Pairs whose removal would break the campaign in two."""
    names: tuple[str, ...]
    coverage: tuple[CoverageRow, ...]
    reported: bool = False
    """At least one of its pairs rests on a reported comparison."""
    steps: tuple[Step, ...] = ()
    stated: tuple[Stated, ...] = ()
    """How it was done, as the texts tell it, merged over the reports."""
    stability: float | None = None
    """Share of its pairs that stay together without some facets and reports; `None`: not asked."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One answer to 'whose hand', with its own ledger."""

    actor: str
    level: HypothesisLevel
    parent: str
    probability: float
    """Headline: for a proposed campaign, membership is counted in."""
    conditional_probability: float
    """If all reports of the campaign belong together. Includes descendants."""
    interval: Interval | None
    likelihood_words: str
    house_words: str
    prior_bits: float
    contributions: tuple[Contribution, ...]
    total_bits: float
    """log2 odds of the conditional probability: prior plus contributions."""
    planted: float = 0.0
    """That somebody else did it and wants this actor to be seen."""


@dataclass(frozen=True, slots=True)
class AchRow:
    """One piece of evidence against every hypothesis (analysis of competing hypotheses)."""

    evidence: str
    facet: str
    cells: tuple[float, ...]
    """Bits of each hypothesis, relative to the mean of the row."""
    diagnosticity: float
    """Standard deviation of the row, hypotheses weighted by their probability, in bits."""


@dataclass(frozen=True, slots=True)
class Ach:
    """Hypotheses by evidence, with what one would expect to see and does not."""

    hypotheses: tuple[str, ...]
    """The leading actors; the last is none of the known, as ''."""
    rows: tuple[AchRow, ...]
    inconsistency: tuple[float, ...]
    """Sum of the negative cells of each hypothesis, all evidence counted; 0 is best."""
    absent: tuple[str, ...]
    """What most reports on the leading actor hold and this campaign does not show."""
    warning: str
    """Set where the least inconsistent hypothesis is not the most probable."""


@dataclass(frozen=True, slots=True)
class Linchpin:
    """One piece of evidence whose removal would change the answer."""

    kind: Literal["item", "facet", "origin"]
    name: str
    before: float
    after: float
    """Probability of the leading hypothesis with and without it."""
    changes: str
    """What changes: the words of likelihood, the leading hypothesis, or the campaign itself."""


@dataclass(frozen=True, slots=True)
class StatedClaim:
    """An identity claim as shown beside the answer: who says what, with which grade."""

    claim: str
    report: str
    publisher: str
    grade: str
    known_at: str
    about: str
    actor: str
    words: str
    first_hand: bool
    origin: str
    denies: bool
    """The publisher says that it was *not* this actor."""
    status: str
    """'counted', 'repeats ORIGIN', 'withdrawn by REPORT', 'compilation: no witness', …"""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose hand is behind one campaign."""

    campaign: str
    naming: Naming
    decision: str | None
    """The actor, only when `naming` is 'named'."""
    none: float
    planted: float
    hypotheses: tuple[Hypothesis, ...]
    """Descending by probability; neither 'none of the known' nor 'planted' among them."""
    membership: float
    """m: how surely the most telling origin belongs to the campaign."""
    strongest_origin: str
    analytic_confidence: AnalyticConfidence
    confidence_basis: tuple[str, ...]
    linchpins: tuple[Linchpin, ...]
    claims: tuple[StatedClaim, ...]
    calibrated: bool = False
    states: tuple[Hypothesis, ...] = ()
    """Whom the actors are said to serve, descending; with the ledger of the likeliest actor."""
    ach: Ach | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What was believed as of one day."""

    as_of: str
    new_reports: tuple[str, ...]
    campaign: tuple[str, ...]
    """Reports of the campaign that is followed, as it stood that day; empty if none existed."""
    apart: tuple[str, ...]
    """Reports of the later campaign that were known but not yet joined to it."""
    strength: str
    leading: str
    probability: float
    words: str
    none: float


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What a reader of an assessment needs of one report."""

    id: str
    kind: str
    use: str
    title: str
    publisher: str
    published: str
    known_at: str
    tlp: str
    grade: str
    known_actor: str
    observations: int
    claims: int
    cites: tuple[str, ...]
    derivative_of: str = ""


@dataclass(frozen=True, slots=True)
class ObservationSummary:
    """An observation, claim or report that some contribution cites."""

    id: str
    report: str
    text: str
    role: str
    batch: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an assessment."""

    program: str
    model: str
    config_hash: str
    knowledge: dict[str, str]
    """name of a knowledge file -> its version."""
    as_of: str = ""
    without: tuple[str, ...] = ()
    prior: str = ""
    ceiling: str = ""
    tlp: str = "CLEAR"
    """Highest marking among the reports used."""
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependence:
    """An edge of the dependence graph: one report may have taken from another what both hold."""

    copy: str
    origin: str
    probability: float
    """That what both hold was taken over; of an unknown direction each has half."""
    order_known: bool
    reasons: tuple[str, ...]
    """Why, with bits of log2 odds, the start first."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The whole answer, as one versioned document."""

    schema: str
    title: str
    provenance: Provenance
    reports: tuple[ReportSummary, ...]
    links: tuple[Link, ...]
    hands: tuple[Hand, ...]
    campaigns: tuple[Campaign, ...]
    attributions: tuple[Attribution, ...]
    timeline: tuple[TimelineEntry, ...] = ()
    evidence: tuple[ObservationSummary, ...] = ()
    """Everything the contributions cite."""
    warnings: tuple[str, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    """Who may repeat whom, the surest first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the analyst's journal."""

    number: int
    action: Literal[
        "accept",
        "reject",
        "must-link",
        "cannot-link",
        "merge",
        "split",
        "note",
        "undo",
        "review-accept",
        "review-reject",
        "review-retype",
        "review-role",
        "review-add",
    ]
    subjects: tuple[str, ...]
    """Report ids; of a review report, type and value, then the new type or role if there is one."""
    reason: str
    at: str
    """ISO 8601, UTC."""
    level: Literal["campaign", "hand"] = "campaign"


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the analyst's decisions demand of the clustering; pairs are sorted."""

    must_campaign: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    must_hand: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    cannot_campaign: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    cannot_hand: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    """pair -> the decision in words, for the link."""
