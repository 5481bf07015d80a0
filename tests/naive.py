"""The pair score once more, written from DESIGN section 4 alone: plain, slow, every anchor tried.

It shares no function with samehand.link; the numbers are those of DESIGN and of the method page,
section 2.3, written out again. The tests demand that both agree on random evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samehand.compare.evidence import Item, PairEvidence


@dataclass(frozen=True)
class Numbers:
    """The constants of the pair score."""

    b0: float = -3.0
    gamma: float = 0.5
    beta: float = 0.5
    cap: float = 6.0
    conditional: float = 500.0
    soft_case: float = 2.0
    soft_feed: float = 3.0
    reported_limit: float = 2.0
    anchor_needed: float = 2.0


SOFT_CAPS = {"behaviour": 4.0, "victimology": 3.0, "provider": 2.0, "names": 2.0}
HARD = ("infrastructure", "malware", "code", "build", "delivery")
Choice = Callable[[Sequence[Item], Callable[[Item], float]], Sequence[Item]]


def every_anchor(items: Sequence[Item], weight: Callable[[Item], float]) -> Sequence[Item]:
    """All items are tried as the anchor (the model)."""
    return items


def heaviest_anchor(items: Sequence[Item], weight: Callable[[Item], float]) -> Sequence[Item]:
    """Only the heaviest item is tried (the mutant that the method page warns of)."""
    return sorted(items, key=weight, reverse=True)[:1]


def weight(item: Item, evidence: PairEvidence, conditional: float | None) -> float:
    """w of an item, or w' when the small conditional universe is given.

    Unseen holders are expected among all origins, for two case reports among the base alone.
    """
    if item.chance_bits is not None:
        gap = item.rarities[0] if item.rarities else None
        return item.chance_bits * item.rho * item.independence * (fade(gap) if gap else 1.0)
    best = 0.0
    for way in item.rarities:
        counted = way.holders / evidence.n + way.elsewhere / evidence.scale
        unseen = max(way.kappa, way.commonplace)
        if conditional is None:
            u = counted + unseen / evidence.scale
        else:
            u = max(counted, unseen / conditional)
        best = max(best, math.log(way.m / u) / math.log(2) * fade(way))
    return best * item.rho * item.independence


def fade(way: object) -> float:
    """2 to the minus gap over half-life; missing dates cost nothing."""
    gap, half_life = way.gap_days, way.half_life_days  # type: ignore[attr-defined]
    return 1.0 if gap is None else 0.5 ** (gap / half_life)


def ranked(values: Sequence[float], gamma: float) -> float:
    """The largest in full, the next times gamma, and so on."""
    return sum(v * gamma**rank for rank, v in enumerate(sorted(values)[::-1]))


def facet_bits(items: Sequence[Item], evidence: PairEvidence, n: Numbers) -> float:
    """W: rank discount inside each batch, then over the batches."""
    batches = {i.batch for i in items}
    return ranked(
        [
            ranked([weight(i, evidence, n.conditional) for i in items if i.batch == b], n.gamma)
            for b in batches
        ],
        n.gamma,
    )


def score(evidence: PairEvidence, n: Numbers = Numbers(), choose: Choice = every_anchor) -> float:
    """z in bits."""
    hard = [i for i in evidence.items if not i.soft]
    soft = [i for i in evidence.items if i.soft]

    def corroboration(without: Item | None) -> float:
        return sum(
            min(
                n.cap,
                n.beta
                * facet_bits([i for i in hard if i.facet == f and i is not without], evidence, n),
            )
            for f in HARD
        )

    def anchor(item: Item) -> float:
        return max(0.0, weight(item, evidence, None) + n.b0)

    candidates = choose(hard, lambda i: weight(i, evidence, None))
    observed = [corroboration(None), *(anchor(i) + corroboration(i) for i in candidates)]
    reported = [
        s.bits * s.rho + corroboration(None) for s in evidence.comparisons if not s.withdrawn_by
    ]
    resemblance = 0.0
    for group, cap in SOFT_CAPS.items():
        face = facet_bits([i for i in soft if i.soft == group], evidence, n)
        resemblance += n.beta * min(cap, face) if group == "behaviour" else min(cap, n.beta * face)
    resemblance = min(n.soft_case if evidence.case else n.soft_feed, resemblance)
    against = max(-6.0, sum(s.bits * s.rho for s in evidence.denials if not s.withdrawn_by))
    prior = math.log2(evidence.k / evidence.scale)
    z = prior + max(observed + reported) + resemblance + against
    if max([anchor(i) for i in hard], default=0.0) < n.anchor_needed:
        z = min(z, max(n.reported_limit, prior + max(observed) + against))
    return z
