"""How often a campaign stays together when some of its evidence and reports are missing.

A bootstrap over facets and origins (method page, "Clustering"): each draw keeps some facets of the
evidence and some of the reports that are witnesses, weighs what is left anew and clusters it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from samehand.case import Case, partition
from samehand.cluster import Pair
from samehand.compare.evidence import Gatherer, PairEvidence
from samehand.link import make_link

#: Draws, and the seed of all of them.
DRAWS, SEED = 200, 7
#: Campaigns of more witnesses get no figure: every pair would be weighed for every set of facets.
MOST_WITNESSES = 25


def _without(evidence: PairEvidence, kept: frozenset[str]) -> PairEvidence:
    """The evidence of some facets only."""
    return replace(
        evidence,
        items=tuple(item for item in evidence.items if item.facet in kept),
        comparisons=evidence.comparisons if "claims" in kept else (),
    )


def _facets(evidences: Iterable[PairEvidence]) -> list[str]:
    found = {item.facet for e in evidences for item in e.items}
    return sorted({*found, *("claims" for e in evidences if e.comparisons)})


def stability(
    case: Case,
    gatherer: Gatherer,
    members: Sequence[str],
    must: Iterable[Pair] = (),
    cannot: Iterable[Pair] = (),
) -> float | None:
    """Mean share of pairs of witnesses that stay in one proposed cluster over the draws, 0 to 1.

    Facets are drawn with replacement, as many as there are and a blank among them, so that what
    rests on one facet is not called stable; so are the witnesses. Must- and cannot-links hold.
    `None` below two witnesses and above `MOST_WITNESSES`.
    """
    witnesses = sorted(m for m in members if case.copies.is_witness(m))
    if not 2 <= len(witnesses) <= MOST_WITNESSES:
        return None
    evidences = {p: gatherer.gather(*p) for p in combinations(witnesses, 2)}
    facets = _facets(list(evidences.values()))
    generator = random.Random(SEED)
    must, cannot = tuple(must), tuple(cannot)
    weighed: dict[frozenset[str], dict[Pair, float]] = {}
    settled: dict[tuple[frozenset[str], frozenset[str]], float] = {}
    shares: list[float] = []
    while len(shares) < DRAWS:
        drawn = frozenset(generator.choices(witnesses, k=len(witnesses)))
        kept = frozenset(generator.choices([*facets, ""], k=len(facets) or 1)) - {""}
        if len(drawn) < 2:
            continue
        if kept not in weighed:
            weighed[kept] = {
                p: make_link(_without(e, kept), case.parameters).campaign_probability
                for p, e in evidences.items()
            }
        key = (kept, drawn)
        if key not in settled:
            inside = {p: v for p, v in weighed[kept].items() if drawn.issuperset(p)}
            clusters = partition(case, sorted(drawn), inside, must, cannot).proposed
            together = sum(math.comb(len(c), 2) for c in clusters)
            settled[key] = together / math.comb(len(drawn), 2)
        shares.append(settled[key])
    return math.fsum(shares) / DRAWS
