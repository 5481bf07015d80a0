"""Links to hands and campaigns by correlation clustering; never connected components.

The objective is the sum over pairs inside clusters of max(log2 odds, floor) - log2(tau/(1-tau)),
approached by greedy additive edge contraction and single moves (Keuper et al. 2015, GAEC and
Kernighan-Lin moves). A pair without evidence counts the floor, so one chain of links does not
pull strangers together.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

Pair = tuple[str, str]


def pair(a: str, b: str) -> Pair:
    """The two ids, smaller first."""
    return (a, b) if a < b else (b, a)


def correlation_clusters(
    ids: Collection[str],
    bits: Mapping[Pair, float],
    *,
    tau: float,
    floor_bits: float,
    max_bits: float,
    must: Collection[Pair] = (),
    cannot: Collection[Pair] = (),
    start: Iterable[Collection[str]] = (),
) -> list[tuple[str, ...]]:
    """A partition of ``ids``; clusters sorted inside and among each other.

    Args:
        ids: what is clustered.
        bits: log2 odds of pairs with evidence, keyed by sorted pair.
        tau: probability at which joining two single reports pays.
        floor_bits: log2 odds assumed at least, and of every pair without evidence.
        max_bits: a link is clipped to plus and minus this.
        must: pairs that must end together; they win over ``cannot``.
        cannot: pairs that must not.
        start: clusters to begin from; they are only ever joined, never split.
    """
    threshold = math.log2(tau / (1.0 - tau))
    missing = floor_bits - threshold
    units, member_of = _units(ids, must, start)
    between: dict[int, dict[int, float]] = {u: {} for u in units}
    for (a, b), value in bits.items():
        if a in member_of and b in member_of and member_of[a] != member_of[b]:
            excess = max(min(value, max_bits), floor_bits) - threshold - missing
            u, v = member_of[a], member_of[b]
            between[u][v] = between[u].get(v, 0.0) + excess
            between[v][u] = between[u][v]
    banned: dict[int, set[int]] = {u: set() for u in units}
    for a, b in cannot:
        if a in member_of and b in member_of and member_of[a] != member_of[b]:
            banned[member_of[a]].add(member_of[b])
            banned[member_of[b]].add(member_of[a])
    groups = _contract(units, between, banned, missing)
    groups = _move(groups, units, between, banned, missing)
    return sorted(tuple(sorted(r for u in group for r in units[u])) for group in groups)


def _units(
    ids: Collection[str],
    must: Collection[Pair],
    start: Iterable[Collection[str]],
) -> tuple[dict[int, tuple[str, ...]], dict[str, int]]:
    """Indivisible units of reports: the start clusters and must-links, closed."""
    parent = {i: i for i in ids}

    def root(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    joins = [(a, b) for a, b in must if a in parent and b in parent]
    for group in start:
        members = sorted(g for g in group if g in parent)
        joins.extend(pairwise(members))
    for a, b in joins:
        ra, rb = sorted((root(a), root(b)))
        parent[rb] = ra
    gathered: dict[str, list[str]] = {}
    for i in sorted(ids):
        gathered.setdefault(root(i), []).append(i)
    units = {n: tuple(gathered[r]) for n, r in enumerate(sorted(gathered))}
    return units, {i: n for n, members in units.items() for i in members}


def _contract(
    units: Mapping[int, tuple[str, ...]],
    between: Mapping[int, Mapping[int, float]],
    banned: Mapping[int, set[int]],
    missing: float,
) -> list[set[int]]:
    """Greedy additive edge contraction: join the pair of clusters that gains most, while any."""
    groups: dict[int, set[int]] = {u: {u} for u in units}
    size = {u: len(members) for u, members in units.items()}
    edges = {u: dict(neighbours) for u, neighbours in between.items()}
    ban = {u: set(others) for u, others in banned.items()}
    version = dict.fromkeys(units, 0)
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(u: int, v: int) -> None:
        gain = edges[u][v] + size[u] * size[v] * missing
        if gain > 1e-9 and v not in ban[u]:
            a, b = (u, v) if u < v else (v, u)
            heapq.heappush(heap, (-gain, a, b, version[a], version[b]))

    for u in sorted(edges):
        for v in edges[u]:
            if u < v:
                offer(u, v)
    while heap:
        _, u, v, version_u, version_v = heapq.heappop(heap)
        if u not in groups or v not in groups or (version[u], version[v]) != (version_u, version_v):
            continue
        groups[u] |= groups.pop(v)
        size[u] += size[v]
        version[u] += 1
        ban[u] |= ban[v]
        for other in ban[v]:
            ban[other].add(u)
        for other, excess in edges.pop(v).items():
            del edges[other][v]
            if other != u:
                edges[u][other] = edges[u].get(other, 0.0) + excess
                edges[other][u] = edges[u][other]
        for other in sorted(edges[u]):
            offer(u, other)
    return list(groups.values())


def _move(
    groups: Sequence[set[int]],
    units: Mapping[int, tuple[str, ...]],
    between: Mapping[int, Mapping[int, float]],
    banned: Mapping[int, set[int]],
    missing: float,
) -> list[set[int]]:
    """Single moves of one unit to another cluster or out, while any pays; at most 20 rounds."""
    where = {u: g for g, group in enumerate(sorted(groups, key=min)) for u in group}
    members: dict[int, set[int]] = {}
    for u, g in where.items():
        members.setdefault(g, set()).add(u)
    size = {g: sum(len(units[u]) for u in group) for g, group in members.items()}
    fresh = len(members)
    for _ in range(20):
        moved = False
        for u in sorted(units):
            own = where[u]
            weight = len(units[u])
            excess: dict[int, float] = {}
            for v, value in between[u].items():
                excess[where[v]] = excess.get(where[v], 0.0) + value
            stay = excess.get(own, 0.0) + weight * (size[own] - weight) * missing
            best, best_gain = own, 0.0
            options = [
                (g, value + weight * size[g] * missing - stay)
                for g, value in sorted(excess.items())
                if g != own
            ]
            if len(members[own]) > 1:
                options.append((fresh, -stay))
            for g, gain in options:
                if gain > best_gain + 1e-9 and not (g in members and banned[u] & members[g]):
                    best, best_gain = g, gain
            if best != own:
                members[own].discard(u)
                size[own] -= weight
                members.setdefault(best, set()).add(u)
                size[best] = size.get(best, 0) + weight
                where[u] = best
                fresh = max(fresh, best + 1)
                if not members[own]:
                    del members[own], size[own]
                moved = True
        if not moved:
            break
    return list(members.values())


def attach_compilations(
    clusters: Sequence[tuple[str, ...]],
    compilations: Collection[str],
    bits: Mapping[Pair, float],
    *,
    tau: float,
    floor_bits: float,
    max_bits: float,
    must: Collection[Pair] = (),
    cannot: Collection[Pair] = (),
) -> list[tuple[str, ...]]:
    """The clusters with each compilation put where it gains most, or on its own.

    A compilation is no witness: clusters are made without it, so two reports never share one
    only through a compilation. Compilations that fit no cluster are clustered among themselves.
    """
    threshold = math.log2(tau / (1.0 - tau))
    joined: list[list[str]] = [list(c) for c in clusters]
    left: list[str] = []
    banned = {pair(a, b) for a, b in cannot}
    wanted = {pair(a, b) for a, b in must}
    for item in sorted(compilations):
        best, best_gain = -1, 1e-9
        for number, cluster in enumerate(clusters):
            if any(pair(item, other) in wanted for other in cluster):
                best = number
                break
            if any(pair(item, other) in banned for other in joined[number]):
                continue
            gain = sum(
                max(min(bits.get(pair(item, other), floor_bits), max_bits), floor_bits) - threshold
                for other in cluster
            )
            if gain > best_gain:
                best, best_gain = number, gain
        if best < 0:
            left.append(item)
        else:
            joined[best].append(item)
    among = correlation_clusters(
        left, bits, tau=tau, floor_bits=floor_bits, max_bits=max_bits, must=must, cannot=cannot
    )
    return sorted([*(tuple(sorted(c)) for c in joined), *among])


def bridges(members: Collection[str], strong: Iterable[Pair]) -> tuple[Pair, ...]:
    """Links inside a cluster whose removal would break its graph of strong links in two."""
    import networkx as nx

    inside = set(members)
    graph = nx.Graph()
    graph.add_nodes_from(sorted(inside))
    graph.add_edges_from(sorted(p for p in strong if p[0] in inside and p[1] in inside))
    return tuple(sorted(pair(a, b) for a, b in nx.bridges(graph)))
