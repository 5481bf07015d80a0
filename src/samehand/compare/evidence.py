"""What two reports share, gathered but not yet weighed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from samehand.compare.claims import Statement, Statements
from samehand.compare.copies import Copies
from samehand.compare.likeness import Likeness, Marks, likeness, marks
from samehand.compare.profile import Profile, Sighting
from samehand.compare.universe import Universe
from samehand.config import Parameters
from samehand.knowledge.common import lookup
from samehand.knowledge.providers import unchosen
from samehand.knowledge.software import is_public_tool
from samehand.model import HARD_FACETS, Facet, Feature, Window


@dataclass(frozen=True, slots=True)
class Rarity:
    """One way to weigh an item: as itself, or as something that follows from it."""

    kind: str
    m: float
    kappa: float
    holders: float
    """d: independent reports outside both clusters that hold it."""
    gap_days: int | None
    half_life_days: float
    elsewhere: float = 0.0
    """Unrelated holders expected by the prevalence sketch, scaled as kappa is."""
    commonplace: float = 0.0
    """kappa by the lists of commonplace values; 0 where it is on none."""
    why: str = ""
    """Which lists, in words."""

    @property
    def decay(self) -> float:
        """2^(-gap / half-life); 1 where a date is missing, since missing data is zero bits."""
        if self.gap_days is None or math.isinf(self.half_life_days):
            return 1.0
        return float(2.0 ** (-self.gap_days / self.half_life_days))


@dataclass(frozen=True, slots=True)
class Item:
    """One shared feature."""

    feature: Feature
    facet: Facet
    soft: str
    """Soft group, or '' for hard evidence."""
    batch: tuple[str, str]
    rarities: tuple[Rarity, ...]
    """The item itself first; the weight is the largest of them."""
    rho: float
    independence: float
    observations: tuple[str, ...]
    chance_bits: float | None = None
    """For techniques: log2(m / q), the overlap judged against chance, instead of rarities."""


@dataclass(frozen=True, slots=True)
class Commonplace:
    """How many unrelated holders a value is expected to have because of what it is."""

    kappa: float
    why: str


#: A value that is on no list.
RARE = Commonplace(0.0, "")


def first_day(left: Sighting, right: Sighting) -> date | None:
    """The day by which both reports had seen a feature: the later of their first days.

    `None` if one of them is undated. By then the later one may have had it from anywhere.
    """
    days = [
        min((p.window.start for p in s.places if p.window is not None), default=None)
        for s in (left, right)
    ]
    first, second = days
    return None if first is None or second is None else max(first, second)


def commonplace(
    feature: Feature, day: date | None, parameters: Parameters, holders: Sequence[Profile] = ()
) -> Commonplace:
    """What the lists of commonplace values and of public tools say of a feature.

    A tool that became public after ``day`` was not anybody's then, so it still tells. What a
    report (``holders``) holds only because of commonplace values is as commonplace as the least
    of them; so one more value never makes it more so.
    """
    if feature.kind == "software":
        if is_public_tool(feature.value, day):
            return Commonplace(parameters.public_tool_kappa, "a tool that anybody can have")
        return RARE
    if feature.kind == "provider":
        known = unchosen(feature.value)
        return Commonplace(known.kappa, known.reason) if known else RARE
    found = _listed(feature)
    for holder in holders:
        through = [_listed(source) for source in holder.sources.get(feature, ())]
        least = min(through, key=lambda c: c.kappa, default=RARE)
        if least.kappa > found.kappa:
            found = least
    return found


def _listed(feature: Feature) -> Commonplace:
    hit = lookup(feature)
    if hit is None:
        return RARE
    return Commonplace(hit.kappa, "; ".join(dict.fromkeys(r.text for r in hit.reasons)))


def technique_bits(rate: float, size: int, mean_size: float, m: float) -> float:
    """Bits of a technique shared by two sets, against chance for sets of that size.

    q_t = 1 - (1 - p_t)^(max(|A|, |B|) / n-bar), w_t = max(0, log2(m / q_t)); so the longest list
    does not resemble everybody (DESIGN section 4).
    """
    chance = 1.0 - (1.0 - rate) ** (size / mean_size)
    return max(0.0, math.log2(m / chance))


def covered_by(
    shared: Sequence[Feature], left: Profile, right: Profile
) -> dict[Feature, frozenset[str]]:
    """Shared features that follow from other shared ones -> observations of the latter."""
    inside = set(shared)
    found: dict[Feature, set[str]] = {}
    for feature in shared:
        for parent in (*left.parents.get(feature, ()), *right.parents.get(feature, ())):
            if parent in inside:
                found.setdefault(parent, set()).update(
                    (*left.features[feature].observations, *right.features[feature].observations)
                )
    return {feature: frozenset(ids) for feature, ids in found.items()}


#: Of two reports of which nothing can be compared.
UNLIKE = Likeness(None, None, None)


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Everything that bears on whether two reports show one hand."""

    l: str
    r: str
    n: float
    """N: independent origins, the configured base included."""
    scale: float
    """What k and kappa are counted against: N, or for two case reports the base alone.

    A case prior tells how reports were chosen; it must not fall because unrelated reports are
    loaded beside them. N cancels between prior and an undiscounted anchor either way.
    """
    k: float
    case: bool
    """Both are reports of the analyst's case, so the prior already holds resemblance."""
    items: tuple[Item, ...]
    comparisons: tuple[Statement, ...]
    denials: tuple[Statement, ...]
    derivative: bool
    """One is a derivative of the other, or both of one origin."""
    gap_years: float
    """Between the days the two reports cover; 0 where a date is missing."""
    basis: tuple[str, ...]
    """Ids to cite for lines that rest on the reports as such."""
    dated: bool = True
    """Both reports are dated."""
    usual_k: float = 5.0
    """The k of this kind of pair before anything was asked for: of the feed, or of a case."""
    likeness: Likeness = UNLIKE


def _gap_days(left: Window | None, right: Window | None) -> int | None:
    return None if left is None or right is None else left.gap_days(right)


class Gatherer:
    """Gathers the evidence of pairs over one universe and one current clustering."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        universe: Universe,
        copies: Copies,
        statements: Statements,
        parameters: Parameters,
        clusters: Mapping[str, frozenset[str]] | None = None,
        case_k: float | None = None,
        forgiven: float = 0.0,
    ) -> None:
        """``clusters`` gives the current cluster of a report, left out of rarity counts.

        ``case_k`` is the k of two case reports; `None` uses the feed prior for all. ``forgiven``
        is how many other holders of a value are not held against it while no clusters are known.
        """
        self.profiles = profiles
        self.universe = universe
        self.copies = copies
        self.statements = statements
        self.parameters = parameters
        self.clusters = clusters or {}
        self.case_k = case_k
        self.forgiven = forgiven
        self._marks: dict[str, Marks] = {}
        self._rho = {i: parameters.rho(p.report.grade) for i, p in profiles.items()}

    def outside(self, l: str, r: str) -> frozenset[str]:
        """Reports that say nothing about rarity for this pair: both and their clusters."""
        own = frozenset((l, r))
        return own | self.clusters.get(l, own) | self.clusters.get(r, own)

    def gather(self, l: str, r: str) -> PairEvidence:
        """The evidence of one pair; ``l`` < ``r``."""
        left, right = self.profiles[l], self.profiles[r]
        root_l = self.copies.derivative_of.get(l, l)
        root_r = self.copies.derivative_of.get(r, r)
        case = self.case_k is not None and left.report.use == right.report.use == "case"
        derivative = root_l == root_r
        gap = _gap_days(left.activity, right.activity)
        return PairEvidence(
            l=l,
            r=r,
            n=self.universe.n,
            scale=self.parameters.universe["base_origins"] if case else self.universe.n,
            k=self.case_k if case and self.case_k else self.parameters.prior["feed_k"],
            case=case,
            items=() if derivative else self._items(left, right),
            comparisons=() if derivative else self.statements.comparisons(l, r),
            denials=() if derivative else self.statements.denials(l, r),
            derivative=derivative,
            gap_years=(gap or 0) / 365.25,
            basis=(l, r),
            dated=gap is not None,
            usual_k=self.parameters.prior["case_k" if case else "feed_k"],
            likeness=self._likeness(l, r),
        )

    def _likeness(self, l: str, r: str) -> Likeness:
        fitted = self.parameters.linkage
        if fitted is None:
            return UNLIKE
        for identifier in (l, r):
            if identifier not in self._marks:
                self._marks[identifier] = marks(self.profiles[identifier])
        return likeness(self._marks[l], self._marks[r], fitted.habit_weights, fitted.habit_unlisted)

    def _items(self, left: Profile, right: Profile) -> tuple[Item, ...]:
        small, large = sorted((left.features, right.features), key=len)
        shared = sorted(f for f in small if f in large)
        covered = covered_by(shared, left, right)
        outside = self.outside(left.report.id, right.report.id)
        items = []
        for feature in shared:
            if feature in covered and not (
                self.parameters.types[feature.kind].soft == "provider"
                and left.features[feature].apart_from(covered[feature])
                and right.features[feature].apart_from(covered[feature])
            ):
                continue  # what follows from a shared item is the same fact
            if feature.kind == "technique":
                items.append(self._technique(feature, left, right, outside))
            else:
                items.append(self._item(feature, left, right, covered, outside))
        citation = self._citation(left.report.id, right.report.id)
        if citation:
            items.append(citation)
        return tuple(items)

    def _basics(
        self, feature: Feature, left: Profile, right: Profile
    ) -> tuple[tuple[str, str], float, float, tuple[str, ...]]:
        l, r = left.report.id, right.report.id
        in_l, in_r = left.features[feature], right.features[feature]
        rho = min(self._rho[l], self._rho[r])
        independence = self.copies.independence(l, feature) * self.copies.independence(r, feature)
        return (
            (in_l.batch, in_r.batch),
            rho,
            independence,
            tuple(dict.fromkeys((*in_l.observations, *in_r.observations))),
        )

    def _rarity(self, feature: Feature, left: Profile, right: Profile, outside: Set[str]) -> Rarity:
        in_l, in_r = left.features[feature], right.features[feature]
        numbers = self.parameters.weights[feature.kind]
        common = commonplace(feature, first_day(in_l, in_r), self.parameters, (left, right))
        return Rarity(
            kind=feature.kind,
            m=numbers.m,
            kappa=numbers.kappa * self.universe.users(feature),
            holders=max(0.0, self.universe.d(feature, outside) - self.forgiven),
            gap_days=in_l.gap_days(in_r),
            half_life_days=numbers.half_life_days,
            elsewhere=self.universe.elsewhere(feature),
            commonplace=common.kappa,
            why=common.why,
        )

    def _item(
        self,
        feature: Feature,
        left: Profile,
        right: Profile,
        covered: Mapping[Feature, Set[str]],
        outside: Set[str],
    ) -> Item:
        row = self.parameters.types[feature.kind]
        batch, rho, independence, observations = self._basics(feature, left, right)
        implied = [
            parent
            for parent in dict.fromkeys(
                (*left.parents.get(feature, ()), *right.parents.get(feature, ()))
            )
            if parent in covered and not self.parameters.types[parent.kind].soft
        ]
        rarities = [self._rarity(feature, left, right, outside)]
        moved = False
        for parent in implied:
            rarity = self._rarity(parent, left, right, outside)
            apart_l, apart_r = (
                p.features[parent].apart_from(covered[parent]) for p in (left, right)
            )
            if apart_l and apart_r and not moved:
                # Both hold it by other items too: it keeps the list it stands in without this
                # item, so that one more shared item never lowers the link.
                batch, moved = (apart_l.batch, apart_r.batch), True
            rarities.append(rarity)
        return Item(
            feature=feature,
            facet=row.facet,
            soft=row.soft,
            batch=batch,
            rarities=tuple(rarities),
            rho=rho,
            independence=independence,
            observations=observations,
        )

    def _technique(
        self, feature: Feature, left: Profile, right: Profile, outside: Set[str]
    ) -> Item:
        """A shared technique against chance for sets of these sizes (DESIGN section 4)."""
        in_l, in_r = left.features[feature], right.features[feature]
        batch, rho, independence, observations = self._basics(feature, left, right)
        bits = technique_bits(
            self.universe.technique_rate(feature, outside),
            max(left.count("technique"), right.count("technique")),
            self.universe.technique_mean(outside),
            self.parameters.technique["m"],
        )
        numbers = self.parameters.weights["technique"]
        return Item(
            feature=feature,
            facet="behaviour",
            soft="behaviour",
            batch=batch,
            rarities=(
                Rarity(
                    "technique",
                    self.parameters.technique["m"],
                    0.0,
                    0.0,
                    in_l.gap_days(in_r),
                    numbers.half_life_days,
                ),
            ),
            rho=rho,
            independence=independence,
            observations=observations,
            chance_bits=bits,
        )

    def _citation(self, l: str, r: str) -> Item | None:
        """The mere citation of one by the other, a soft item; compilations cite nobody."""
        for citing, cited in ((l, r), (r, l)):
            if cited in self.copies.cited.get(citing, ()) and self.copies.is_witness(citing):
                return Item(
                    feature=Feature("citation", f"{citing} cites {cited}"),
                    facet="claims",
                    soft="names",
                    batch=("citation", "citation"),
                    rarities=(),
                    rho=self._rho[citing],
                    independence=1.0,
                    observations=(citing, cited),
                    chance_bits=self.parameters.reported["citation_bits"],
                )
        return None


def hard_facet_of(item: Item) -> Facet | None:
    """The facet of a hard item, else `None`."""
    return item.facet if not item.soft and item.facet in HARD_FACETS else None
