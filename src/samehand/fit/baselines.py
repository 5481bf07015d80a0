"""What simple methods say of the same reports: scores of pairs, and partitions.

They know values and how many reports hold them, and nothing else: no dates, no lists of
commonplace values, no discounts. A method that does not beat them is not worth its complication.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from samehand.compare.profile import Profile, derive
from samehand.config import Parameters, types_table
from samehand.model import PASSIVE_ROLES, Feature, Report

Scope = Literal["exact", "derived"]
"""exact: values as reported. derived: with registered domains, /24, hosts and paths of URLs."""
SCOPES: tuple[Scope, ...] = ("exact", "derived")
Sharing = Literal["nothing", "provider", "more"]

#: The scores of `pair_scores`, in its order.
SCORES = ("Jaccard", "IDF sum", "shared values", "Fellegi–Sunter")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Which report holds which values, and how many hold each."""

    values: Mapping[str, frozenset[Feature]]
    holders: Mapping[Feature, int]
    """Value -> reports that hold it, the background included."""
    n: int
    """Reports, the background included."""


def values_of(report: Report, scope: Scope) -> frozenset[Feature]:
    """The hard observables of a report, with what follows from them if ``scope`` is derived.

    Passive roles and soft types (techniques, software, providers) are left out.
    """
    types = types_table()
    found = {
        o.feature
        for o in report.observations
        if o.role not in PASSIVE_ROLES and not types[o.feature.kind].soft
    }
    if scope == "derived":
        found |= {d for f in tuple(found) for d in derive(f) if not types[d.kind].soft}
    return frozenset(found)


def holdings(reports: Iterable[Report], background: Iterable[Report], scope: Scope) -> Holdings:
    """The values of some reports, and their holders among these and a background."""
    values = {r.id: values_of(r, scope) for r in reports}
    holders = Counter(f for held in values.values() for f in held)
    n = len(values)
    for report in background:
        n += 1
        holders.update(f for f in values_of(report, scope) if f in holders)
    return Holdings(values, holders, n)


def pair_scores(held: Holdings, l: str, r: str, parameters: Parameters) -> tuple[float, ...]:
    """The scores of one pair in the order of ``SCORES``; each is 0 where nothing is shared.

    Jaccard |A ∩ B| / |A ∪ B|; sum of log2(n / df) over shared values; their number; and plain
    Fellegi–Sunter, the sum of log2(m / u) over shared values as if they were independent, with the
    starting m of the type and u = (holders outside the pair + kappa) / N of the program
    (DESIGN section 4), without prior, discount or limit.
    """
    a, b = held.values[l], held.values[r]
    shared = sorted(a & b)
    if not shared:
        return (0.0,) * len(SCORES)
    n = held.n + parameters.universe["base_origins"]
    idf = weight = 0.0
    for feature in shared:
        df = held.holders[feature]
        numbers = parameters.weights[feature.kind]
        idf += math.log2(held.n / df)
        weight += math.log2(numbers.m * n / (df - 2 + numbers.kappa))
    return len(shared) / len(a | b), idf, float(len(shared)), weight


def sharing(l: Profile, r: Profile) -> Sharing:
    """What two reports share: nothing, only a provider (or a provider's own name), or more."""
    types = types_table()
    kinds = {f.kind for f in l.features.keys() & r.features.keys()}
    if any(not types[kind].soft for kind in kinds):
        return "more"
    if any(types[kind].soft == "provider" for kind in kinds) or (
        values_of(l.report, "exact") & values_of(r.report, "exact")
    ):
        return "provider"
    return "nothing"


def singletons(ids: Iterable[str]) -> dict[str, str]:
    """Every report alone: report -> cluster."""
    return {i: i for i in ids}


def components(values: Mapping[str, Iterable[Feature]]) -> dict[str, str]:
    """Connected components over shared values: report -> smallest id of its component."""
    parent = {i: i for i in sorted(values)}

    def root(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    holders: dict[Feature, list[str]] = {}
    for i in sorted(values):
        for feature in values[i]:
            holders.setdefault(feature, []).append(i)
    for group in holders.values():
        for a, b in pairwise(group):
            first, second = sorted((root(a), root(b)))
            parent[second] = first
    return {i: root(i) for i in parent}


def cluster_baselines(reports: Sequence[Report]) -> dict[str, dict[str, str]]:
    """Name of a baseline -> its partition."""
    exact = {r.id: values_of(r, "exact") for r in reports}
    registered = {
        i: held | {d for f in held for d in derive(f) if d.kind == "registered-domain"}
        for i, held in exact.items()
    }
    return {
        "every report alone": singletons(exact),
        "components, exact value": components(exact),
        "components, or domain": components(registered),
    }
