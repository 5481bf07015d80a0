"""Match weight in bits: the anchor-and-corroboration form of Fellegi-Sunter.

The rarest shared item is weighed against the whole universe, every further item against a small
conditional one, with geometric rank discount inside batch and facet, slopes and caps
(docs/method.md, "Pair score"). `link.py` shows the same sum as a ledger.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from samehand.compare.claims import Statement
from samehand.compare.evidence import Item, PairEvidence, hard_facet_of
from samehand.compare.fitted import (
    FULL_RARITY_BITS,
    GROUPS,
    MIN_RARITY_BITS,
    FittedLine,
    Signals,
    fitted_lines,
    fitted_range,
)
from samehand.config import Linkage, Parameters
from samehand.likelihood import probability_from_bits
from samehand.model import Facet, Interval

#: Distinct items tried as anchor, the heaviest first; a list of thousands of differently dated
#: items would otherwise take quadratic time.
MAX_ANCHORS = 256
#: A pair that shares more items than this gets no interval.
MAX_INTERVAL_ITEMS = 500


@dataclass(frozen=True, slots=True)
class Draw:
    """One setting of the least known numbers; the default changes nothing."""

    k_factor: float = 1.0
    kappa_factor: float = 1.0
    beta_shift: float = 0.0
    gamma: float | None = None
    b0_shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Weighed:
    """An item with its weight in bits, gross and after its own discounts."""

    item: Item
    anchor_gross: float
    """As if the value were on no list of commonplace values."""
    anchor_rare: float
    """After what such lists take off; then come grade, copying and time."""
    anchor: float
    further_gross: float
    further_rare: float
    further: float
    anchor_decay: float
    further_decay: float
    why: str
    """The lists that it is on, in words."""


@dataclass(slots=True)
class Score:
    """The pair score z and the parts it is made of, in bits."""

    prior: float
    total: float = 0.0
    anchor: Weighed | None = None
    anchor_net: float = 0.0
    reported: int | None = None
    """Index of the reported comparison that serves as anchor."""
    facets: dict[Facet, float] = field(default_factory=dict)
    apart: dict[Facet, float] = field(default_factory=dict)
    """Where labels speak: corroboration by facet of the types without labels."""
    soft: dict[str, float] = field(default_factory=dict)
    soft_total: float = 0.0
    denial: float = 0.0
    limit: float = 0.0
    weighed: list[Weighed] = field(default_factory=list)
    fitted: tuple[FittedLine, ...] = ()
    """What labelled pairs show; empty where no label speaks."""
    signals: Signals | None = None
    """What that rests on; `None` without a fit."""


def _weigh(item: Item, n: float, scale: float, n_c: float, kappa_factor: float) -> Weighed:
    """Bits of an item as anchor and as corroboration; the largest of its rarities counts."""
    own = item.rho * item.independence
    if item.chance_bits is not None:
        decay = item.rarities[0].decay if item.rarities else 1.0
        bits = item.chance_bits
        return Weighed(item, 0.0, 0.0, 0.0, bits, bits, bits * own * decay, 1.0, decay, "")
    best = [(0.0, 0.0, -1.0, 1.0, ""), (0.0, 0.0, -1.0, 1.0, "")]
    for rarity in item.rarities:
        kappa = rarity.kappa * kappa_factor
        common = max(kappa, rarity.commonplace * kappa_factor)
        seen, counted = rarity.holders / n, rarity.elsewhere / scale
        rates = (
            (seen + counted + kappa / scale, seen + counted + common / scale),
            (max(seen + counted, kappa / n_c), max(seen + counted, common / n_c)),
        )
        for form, (plain, listed) in enumerate(rates):
            gross = max(0.0, math.log2(rarity.m / plain))
            rare = max(0.0, math.log2(rarity.m / listed))
            if (rare * rarity.decay, gross) > (best[form][2], best[form][0]):
                best[form] = (gross, rare, rare * rarity.decay, rarity.decay, rarity.why)
    (gross_a, rare_a, net_a, decay_a, why), (gross_f, rare_f, net_f, decay_f, why_f) = best
    return Weighed(
        item, gross_a, rare_a, net_a * own, gross_f, rare_f, net_f * own, decay_a, decay_f,
        why or why_f,
    )  # fmt: skip


def discounted(values: Iterable[float], gamma: float) -> float:
    """Sum of values in descending order with weights 1, gamma, gamma^2 and so on."""
    total, factor = 0.0, 1.0
    for value in sorted(values, reverse=True):
        total += factor * value
        factor *= gamma
    return total


def facet_weight(items: Sequence[Weighed], gamma: float, without: Weighed | None = None) -> float:
    """W of one facet: rank discount inside each batch, then over the batches."""
    batches: dict[tuple[str, str], list[float]] = {}
    for weighed in items:
        if weighed is not without:
            batches.setdefault(weighed.item.batch, []).append(weighed.further)
    return discounted((discounted(values, gamma) for values in batches.values()), gamma)


def score(evidence: PairEvidence, parameters: Parameters, draw: Draw = Draw()) -> Score:
    """The pair score of DESIGN section 4.

    The anchor is the item (or reported comparison, or none) that maximises the score, not the
    heaviest item: a maximum of monotone functions is monotone.
    """
    pair, soft, reported = parameters.pair, parameters.soft, parameters.reported
    gamma = pair["gamma"] if draw.gamma is None else draw.gamma
    beta = min(1.2, max(0.0, pair["beta"] + draw.beta_shift))
    cap = pair["facet_cap_bits"]
    b0 = pair["b0_bits"] + draw.b0_shift
    prior = math.log2(evidence.k * draw.k_factor / evidence.scale)
    result = Score(prior=prior)
    result.weighed = [
        _weigh(
            item, evidence.n, evidence.scale, parameters.universe["conditional"], draw.kappa_factor
        )
        for item in evidence.items
    ]
    by_facet: dict[Facet, list[Weighed]] = {}
    by_group: dict[str, list[Weighed]] = {}
    for weighed in result.weighed:
        facet = hard_facet_of(weighed.item)
        if facet is not None:
            by_facet.setdefault(facet, []).append(weighed)
        else:
            by_group.setdefault(weighed.item.soft, []).append(weighed)
    for group, items in by_group.items():
        group_cap = soft[f"{group}_cap_bits"]
        if group == "behaviour":  # one batch, capped before the slope (DESIGN section 4)
            face = min(group_cap, facet_weight(items, gamma))
            result.soft[group] = beta * face
        else:
            result.soft[group] = min(group_cap, beta * facet_weight(items, gamma))
    soft_limit = soft["limit_case_bits"] if evidence.case else soft["limit_feed_bits"]
    result.denial = max(
        reported["denial_floor_bits"],
        sum(s.bits * s.rho for s in evidence.denials if not s.withdrawn_by),
    )
    slopes = (beta, gamma, cap, b0)

    def ended(best: _Best, soft_groups: Mapping[str, float]) -> tuple[float, float, float]:
        """(soft bits, limit, total) with the hard bits of one way to read the pair."""
        soft_total = min(soft_limit, sum(soft_groups.values()))
        total = prior + best.total + soft_total + result.denial
        limit = 0.0
        if best.observed < reported["anchor_needed_bits"]:
            ceiling = max(reported["limit_bits"], prior + best.hard + result.denial)
            limit = min(0.0, ceiling - total)
        return soft_total, limit, total + limit

    chosen = _anchored(by_facet, evidence.comparisons, slopes)
    result.soft_total, result.limit, result.total = ended(chosen, result.soft)
    linkage = parameters.linkage
    if linkage is not None:
        result.signals, fitted = _labelled(
            evidence, linkage, by_facet, slopes, result.soft.get("provider", 0.0)
        )
        if fitted is not None:
            # What no label speaks about may say more than what labels say of the rest: a maximum
            # of monotone functions is monotone.
            others = unlabelled(evidence, linkage, by_facet)
            # The likeness of habits holds the choice of providers.
            groups = {g: bits for g, bits in result.soft.items() if g != "provider"}
            found = ended(fitted[0], groups)
            if not others or found[2] >= result.total:
                chosen, result.fitted = fitted
                result.soft = groups
                result.soft_total, result.limit, result.total = found
    result.facets, result.apart = chosen.facets, chosen.apart
    result.anchor, result.anchor_net = chosen.anchor, chosen.net
    result.reported = chosen.reported
    return result


def unlabelled(
    evidence: PairEvidence, linkage: Linkage, by_facet: Mapping[Facet, Sequence[Weighed]]
) -> bool:
    """Whether hard evidence is there of which no label speaks."""
    return any(
        w.item.feature.kind not in linkage.types for items in by_facet.values() for w in items
    ) or any(not s.withdrawn_by for s in evidence.comparisons)


@dataclass(frozen=True, slots=True)
class _Best:
    """The hard bits of a pair with the best anchor."""

    total: float
    hard: float
    """The same without a reported comparison."""
    observed: float
    """Bits of the best observed anchor, whichever was taken."""
    facets: dict[Facet, float]
    """Corroboration by facet, the anchor taken out."""
    anchor: Weighed | None = None
    net: float = 0.0
    reported: int | None = None
    apart: dict[Facet, float] = field(default_factory=dict)
    """Where labels speak: corroboration by facet of the types without labels."""


def _anchored(
    by_facet: Mapping[Facet, Sequence[Weighed]],
    comparisons: Sequence[Statement],
    slopes: tuple[float, float, float, float],
) -> _Best:
    """The hard bits with the anchor (none, an item or a reported one) that maximises them."""
    beta, gamma, cap, b0 = slopes
    plain = {f: min(cap, beta * facet_weight(items, gamma)) for f, items in by_facet.items()}
    corroboration = sum(plain.values())
    best_total, best_anchor, best_net = corroboration, None, 0.0
    observed_anchor = 0.0
    best_reported: int | None = None
    candidates: dict[tuple[object, ...], tuple[float, Weighed]] = {}
    for items in by_facet.values():
        for weighed in items:
            net = max(0.0, weighed.anchor + b0)
            if net > 0.0:
                key = (weighed.item.facet, weighed.item.batch, weighed.anchor, weighed.further)
                candidates.setdefault(key, (net, weighed))
    ranked = sorted(candidates.values(), key=lambda c: (-c[0], c[1].item.feature))
    for net, weighed in ranked[:MAX_ANCHORS]:
        observed_anchor = max(observed_anchor, net)
        if corroboration + net <= best_total:
            break  # taking an item out of its facet never adds to the rest
        facet = weighed.item.facet
        rest = min(cap, beta * facet_weight(by_facet[facet], gamma, weighed))
        total = corroboration - plain[facet] + rest + net
        if total > best_total:
            best_total, best_anchor, best_net = total, weighed, net
    hard_total = best_total
    for index, statement in enumerate(comparisons):
        net = 0.0 if statement.withdrawn_by else statement.bits * statement.rho
        if corroboration + net > best_total:
            best_total, best_anchor, best_net = corroboration + net, None, net
            best_reported = index
    if best_anchor is not None:
        facet = best_anchor.item.facet
        plain[facet] = min(cap, beta * facet_weight(by_facet[facet], gamma, best_anchor))
    return _Best(
        best_total, hard_total, observed_anchor, plain, best_anchor, best_net, best_reported
    )


def _labelled(
    evidence: PairEvidence,
    linkage: Linkage,
    by_facet: Mapping[Facet, Sequence[Weighed]],
    slopes: tuple[float, float, float, float],
    provider: float,
) -> tuple[Signals, tuple[_Best, tuple[FittedLine, ...]] | None]:
    """What is shared of labelled types; the hard bits as labelled pairs show them, and the lines.

    The second is `None` where no label speaks.

    Values of types without labels corroborate apart with their starting weights. ``provider`` are
    the bits of the providers that both chose, which the fit holds in another form.
    """
    beta, gamma, cap, _ = slopes
    known = {
        facet: [w for w in items if w.item.feature.kind in linkage.types]
        for facet, items in by_facet.items()
    }
    part = _anchored(known, (), slopes)
    rarest = independence = 0.0
    shared: dict[str, float] = {}
    for weighed in (w for items in known.values() for w in items):
        rare = max(weighed.anchor_rare, weighed.further_rare)
        rarest = max(rarest, rare)
        if rare >= MIN_RARITY_BITS:
            independence = max(independence, weighed.item.independence)
        group = GROUPS.get(weighed.item.feature.kind)
        if group is not None:
            own = weighed.item.rho * weighed.item.independence
            shared[group] = max(shared.get(group, 0.0), min(1.0, rare / FULL_RARITY_BITS) * own)
    signals = Signals(part.total, rarest, shared, independence)
    lines = fitted_lines(evidence, linkage, signals, provider)
    if not lines:
        return signals, None
    # Apart, so that a labelled value takes nothing from what another says by itself.
    apart = {
        facet: min(cap, beta * facet_weight(others, gamma))
        for facet, items in by_facet.items()
        if (others := [w for w in items if w.item.feature.kind not in linkage.types])
    }
    total = part.total + math.fsum(apart.values()) + math.fsum(line.bits for line in lines)
    best = _Best(total, total, part.observed, part.facets, part.anchor, part.net, apart=apart)
    return signals, (best, lines)


def draws(parameters: Parameters) -> list[Draw]:
    """Settings of the least known numbers, for intervals without labels; seeded."""
    numbers = parameters.draws
    generator = random.Random(int(numbers["seed"]))
    spread_k, spread_kappa = math.log2(numbers["k_factor"]), math.log2(numbers["kappa_factor"])
    return [
        Draw(
            k_factor=2.0 ** generator.uniform(-spread_k, spread_k),
            kappa_factor=2.0 ** generator.uniform(-spread_kappa, spread_kappa),
            beta_shift=generator.gauss(0.0, numbers["beta_sd"]),
            gamma=generator.uniform(numbers["gamma_low"], numbers["gamma_high"]),
            b0_shift=generator.uniform(-numbers["b0_range_bits"], numbers["b0_range_bits"]),
        )
        for _ in range(int(numbers["count"]))
    ]


def interval(
    evidence: PairEvidence, parameters: Parameters, settings: Sequence[Draw]
) -> Interval | None:
    """How far the probability may be off; `None` for a copy.

    Where labelled pairs speak, what they show out of sample (`fitted_range`); else the 5th to 95th
    percentile over parameter draws.
    """
    if evidence.derivative or not settings or len(evidence.items) > MAX_INTERVAL_ITEMS:
        return None
    found = score(evidence, parameters)
    if found.fitted and parameters.linkage is not None:
        measured = fitted_range(evidence, parameters.linkage, found.total)
        if measured is not None:
            return measured
    values = sorted(probability_from_bits(score(evidence, parameters, d).total) for d in settings)
    last = len(values) - 1
    return Interval(values[round(0.05 * last)], values[round(0.95 * last)])
