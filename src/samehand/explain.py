"""Why one item weighs what it weighs.

Two imagined reports that share the item and nothing else go through the same gathering and the
same score as any pair, beside the reports of a workspace or beside nothing. So no formula stands
here; what is shown is what a ledger would show, before grade and copying.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from samehand.case import Case, Options, prepare
from samehand.compare.evidence import Item, PairEvidence, Rarity, hard_facet_of, technique_bits
from samehand.compare.files import same_files
from samehand.compare.profile import derive
from samehand.config import Parameters, PriorPreset
from samehand.knowledge import attack, common
from samehand.knowledge.answers import KnownProvider, KnownSoftware, provider_known, software_of
from samehand.knowledge.prevalence import KINDS
from samehand.knowledge.providers import unchosen
from samehand.knowledge.software import is_public_tool
from samehand.model import Facet, Feature, Observation, Report
from samehand.score import Weighed, score

#: Gaps between two sightings for which the bits are shown, in days.
GAPS_DAYS = (30, 180, 365, 1095)
#: Sizes of sets of techniques for which the bits are shown.
SET_SIZES = (5, 10, 20, 40)
#: Ids of holders that are named.
MOST_HOLDERS = 10


@dataclass(frozen=True, slots=True)
class Form:
    """One way to weigh an item: as itself, or as something that follows from it."""

    kind: str
    value: str
    m: float
    """P(two reports of one hand share such a value)."""
    kappa: float
    """Unseen unrelated holders expected of a value of this type; for software times the groups
    recorded to use it; 0 for a technique, which is judged by its base rate."""
    groups: float
    """Groups recorded to use a software name; 1 for everything else."""
    listed_kappa: float
    """The same by lists of commonplace values; 0 where it is on none. The larger one counts."""
    listed_why: str
    holders: float
    """d: independent reports of the workspace that hold it, without two that are compared."""
    elsewhere: float
    """Unrelated holders that the prevalence sketch expects among 16,000 reports."""
    half_life_days: float
    """Infinite (null in JSON) for what does not age."""
    forgeability: float
    """phi: how easily somebody else can plant it; 0 hard, 1 trivial."""
    anchor_gross_bits: float | None
    """As if on no list; `None` for soft evidence, which is never an anchor."""
    anchor_bits: float | None
    """After what lists take off."""
    corroboration_gross_bits: float
    corroboration_bits: float


@dataclass(frozen=True, slots=True)
class Aged:
    """The bits left after a gap between the two sightings."""

    gap_days: int
    anchor_bits: float | None
    corroboration_bits: float


@dataclass(frozen=True, slots=True)
class ItemWeight:
    """One item as it would stand in a ledger, with the best grade and nothing copied."""

    kind: str
    value: str
    facet: Facet
    soft: str
    """Soft group, or '' for hard evidence."""
    anchor_gross_bits: float | None
    anchor_bits: float | None
    corroboration_gross_bits: float
    corroboration_bits: float
    forms: tuple[Form, ...]
    """The item itself first; the weight is the largest of them."""
    aged: tuple[Aged, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One list of commonplace values that holds the item or what follows from it."""

    kind: str
    value: str
    list: str
    class_name: str
    kappa: float
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class SoftwareStatus:
    """Whether anybody can have a tool, and who is recorded to use it."""

    public: bool
    groups: int
    """Actors recorded as users in the prevalence sketch."""
    families: tuple[KnownSoftware, ...]
    """What the name may mean, with the day from which it was public."""


@dataclass(frozen=True, slots=True)
class SizeBits:
    """Bits of a technique for two sets of which the larger has this size."""

    size: int
    bits: float


@dataclass(frozen=True, slots=True)
class TechniqueStatus:
    """How common a technique is, and what it tells in lists of some lengths."""

    name: str
    """'' if ATT&CK does not know it."""
    tactics: tuple[str, ...]
    base_rate: float
    """p_t = (holders + 1) / (reports + 1), over the reports here and the bundled counts."""
    bundled_holders: int
    """Of `bundled_reports` that carry techniques."""
    bundled_reports: int
    mean_size: float
    """Mean number of techniques of a report that carries any."""
    bits: tuple[SizeBits, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item weighs what it weighs."""

    kind: str
    value: str
    """Canonical."""
    compared_as: Feature
    """Another feature where the value is read as one: a replaced technique, a file's other hash."""
    note: str
    """Why the value itself is not compared; '' where it is."""
    weights: tuple[ItemWeight, ...]
    """One, unless the value itself is not compared: then what follows from it. A technique stands
    as between two sets of mean size."""
    follows: tuple[ItemWeight, ...]
    """Soft evidence that follows from it, and is not counted again."""
    prior: PriorPreset
    origins: float
    """N."""
    scale: float
    """What kappa and holders elsewhere are counted against: N, or 16,000 between case reports."""
    conditional: float
    """N_c."""
    numbers: str
    """Where m, kappa, half-life and phi come from."""
    default_grade: str
    default_grade_weight: float
    """What a pair of ungraded reports keeps of the bits."""
    anchor_price_bits: float
    """b0, taken from the anchor of a pair."""
    reports: int
    """Reports of the workspace; 0 without one."""
    holders: tuple[str, ...]
    """Independent reports that hold it, at most ten."""
    holders_total: int
    holders_not_counted: int
    """Copies and compilations that hold it."""
    elsewhere_counted: int | None
    """Unrelated holders in the prevalence sketch, of `elsewhere_population` records; `None` for a
    type that is not counted there."""
    elsewhere_population: int
    lists: tuple[Listed, ...]
    provider: KnownProvider | None
    software: SoftwareStatus | None
    technique: TechniqueStatus | None


def _imagined(number: int, feature: Feature) -> tuple[Report, Report]:
    """Two reports that hold one feature; as compilations they are no witnesses of it."""
    pair: list[Report] = []
    for side in "lr":
        identifier = f"\0imagined {number}{side}"  # no record can have such an id
        seen = Observation(identifier, identifier, feature, feature.value)
        pair.append(Report(identifier, "compilation", grade="A1", observations=(seen,)))
    return pair[0], pair[1]


def _weighed(evidence: PairEvidence, item: Item, parameters: Parameters) -> Weighed:
    """An item as the score of a pair weighs it."""
    return score(replace(evidence, items=(item,)), parameters).weighed[0]


def _form(
    evidence: PairEvidence, item: Item, rarity: Rarity, value: str, case: Case, users: float
) -> Form:
    alone = _weighed(evidence, replace(item, rarities=(rarity,)), case.parameters)
    hard = hard_facet_of(item) is not None
    return Form(
        kind=rarity.kind,
        value=value,
        m=rarity.m,
        kappa=rarity.kappa,
        groups=users,
        listed_kappa=rarity.commonplace,
        listed_why=rarity.why,
        holders=rarity.holders,
        elsewhere=rarity.elsewhere,
        half_life_days=rarity.half_life_days,
        forgeability=case.parameters.weights[rarity.kind].phi,
        anchor_gross_bits=alone.anchor_gross if hard else None,
        anchor_bits=alone.anchor_rare if hard else None,
        corroboration_gross_bits=alone.further_gross,
        corroboration_bits=alone.further_rare,
    )


def _item_weight(evidence: PairEvidence, item: Item, case: Case, outside: Set[str]) -> ItemWeight:
    parameters, feature = case.parameters, item.feature
    if feature.kind == "technique":
        # The imagined sets hold one technique; two of mean size have the base rate as chance.
        rate = case.universe.technique_rate(feature, outside)
        chance = technique_bits(rate, 1, 1.0, parameters.technique["m"])
        item = replace(item, chance_bits=chance)
    hard = hard_facet_of(item) is not None
    values = {f.kind: f.value for f in derive(feature)} | {feature.kind: feature.value}
    users = case.universe.users(feature)
    whole = _weighed(evidence, item, parameters)
    aged = []
    for days in GAPS_DAYS:
        apart = tuple(replace(r, gap_days=days) for r in item.rarities)
        then = _weighed(evidence, replace(item, rarities=apart), parameters)
        aged.append(Aged(days, then.anchor if hard else None, then.further))
    return ItemWeight(
        kind=feature.kind,
        value=feature.value,
        facet=item.facet,
        soft=item.soft,
        anchor_gross_bits=whole.anchor_gross if hard else None,
        anchor_bits=whole.anchor_rare if hard else None,
        corroboration_gross_bits=whole.further_gross,
        corroboration_bits=whole.further_rare,
        forms=tuple(
            _form(evidence, item, rarity, values[rarity.kind], case, users)
            for rarity in item.rarities
        ),
        aged=tuple(aged),
    )


def _listed(features: Iterable[Feature], parameters: Parameters) -> tuple[Listed, ...]:
    found: list[Listed] = []
    for f in features:
        if f.kind == "software":
            if is_public_tool(f.value):
                reason = "a tool that anybody can have"
                kappa = parameters.public_tool_kappa
                found.append(Listed(f.kind, f.value, "public tools", "tool", kappa, reason, ""))
        elif f.kind == "provider":
            if known := unchosen(f.value):
                found.append(
                    Listed(f.kind, f.value, "providers", known.name, known.kappa, known.reason, "")
                )
        elif hit := common.lookup(f):
            found.extend(
                Listed(f.kind, f.value, r.list, r.class_name, r.kappa, r.text, r.date)
                for r in hit.reasons
            )
    return tuple(found)


def _technique(feature: Feature, case: Case, outside: Set[str]) -> TechniqueStatus:
    known = attack.techniques().get(feature.value)
    rate, mean = (
        case.universe.technique_rate(feature, outside),
        case.universe.technique_mean(outside),
    )
    m = case.parameters.technique["m"]
    return TechniqueStatus(
        name=known.name if known else "",
        tactics=known.tactics if known else (),
        base_rate=rate,
        bundled_holders=case.universe.bundled.holders.get(feature.value, 0),
        bundled_reports=case.universe.bundled.reports,
        mean_size=mean,
        bits=tuple(SizeBits(size, technique_bits(rate, size, mean, m)) for size in SET_SIZES),
    )


def _software(feature: Feature, case: Case) -> SoftwareStatus:
    universe = case.universe
    return SoftwareStatus(
        public=is_public_tool(feature.value),
        groups=universe.sketch.software_groups(feature.value, universe.before_year),
        families=software_of(feature.value),
    )


def _read_as(asked: Feature, reports: Iterable[Report]) -> Feature:
    """What is compared in its place: what replaced a technique, the main hash of a file."""
    if asked.kind == "technique":
        return Feature("technique", attack.current(asked.value))
    return same_files(reports).get(asked, asked)


def _numbers(feature: Feature, parameters: Parameters) -> str:
    text = f"{'fitted' if parameters.calibrated else 'starting table'}, {parameters.version}"
    if parameters.linkage is not None and feature.kind in parameters.linkage.types:
        text += f"; {parameters.linkage.pairs} labelled pairs adjust what a pair shares as a whole"
    return text


def _note(feature: Feature, compared: bool) -> str:
    if compared:
        return ""
    if any(f.kind == "provider" for f in derive(feature)):
        return "a provider's own name is not compared: strangers share it; the provider is"
    return "a private or reserved address is not compared: everybody has such"


def explain(
    asked: Feature,
    reports: Iterable[Report],
    parameters: Parameters,
    prior: PriorPreset = "feed",
) -> Explanation:
    """Why an item weighs what it weighs between two reports, beside other reports.

    Two independent case or reference reports that hold it stand for the pair compared, so they
    are left out of the holders; without such, two new reports do.
    """
    loaded = list(reports)
    feature = _read_as(asked, loaded)
    follows = derive(feature)
    soft = [f for f in follows if parameters.types[f.kind].soft]
    pairs = [_imagined(number, f) for number, f in enumerate((feature, *soft))]
    imagined = {report.id for pair in pairs for report in pair}
    case = prepare([*loaded, *(r for pair in pairs for r in pair)], parameters, Options(prior))
    universe, profiles = case.universe, case.profiles
    held = universe.holders.get(feature, {})
    witnesses = sorted(held, key=lambda i: (-held[i], i))
    compared = frozenset([i for i in witnesses if i in profiles][:2])
    gatherer = case.gatherer({left.id: compared for left, _ in pairs})
    gathered = [gatherer.gather(left.id, right.id) for left, right in pairs]
    outside = gatherer.outside(gathered[0].l, gathered[0].r)
    weights, beside = (
        {
            (item.feature.kind, item.feature.value): _item_weight(evidence, item, case, outside)
            for evidence in some
            for item in evidence.items
        }
        for some in (gathered[:1], gathered[1:])
    )
    return Explanation(
        kind=asked.kind,
        value=asked.value,
        compared_as=feature,
        note=_note(feature, (feature.kind, feature.value) in weights),
        weights=tuple(weights.values()),
        follows=tuple(w for key, w in beside.items() if key not in weights),
        prior=prior,
        origins=universe.n,
        scale=gathered[0].scale,
        conditional=parameters.universe["conditional"],
        numbers=_numbers(feature, parameters),
        default_grade=parameters.default_grade,
        default_grade_weight=parameters.rho(""),
        anchor_price_bits=parameters.pair["b0_bits"],
        reports=len(loaded),
        holders=tuple(sorted(witnesses)[:MOST_HOLDERS]),
        holders_total=len(witnesses),
        holders_not_counted=sum(
            feature in p.features for i, p in profiles.items() if not (i in held or i in imagined)
        ),
        elsewhere_counted=(
            universe.sketch.count(feature, universe.before_year) if feature.kind in KINDS else None
        ),
        elsewhere_population=universe.sketch.population(universe.before_year),
        lists=_listed((feature, *follows), parameters),
        provider=next(
            (
                provider_known(f.value, universe.before_year)
                for f in (feature, *follows)
                if f.kind == "provider"
            ),
            None,
        ),
        software=_software(feature, case) if feature.kind == "software" else None,
        technique=_technique(feature, case, outside) if feature.kind == "technique" else None,
    )
