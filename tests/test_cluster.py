"""Clustering: order-free, obedient, near the optimum and never a chain (method, section 4)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, pairwise
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.cluster import attach_compilations, bridges, correlation_clusters, pair
from samehand.config import default_parameters

Pair = tuple[str, str]
Clusters = list[tuple[str, ...]]

TAU, FLOOR, MOST = 0.91, -2.0, 10.0
THRESHOLD = math.log2(0.91 / 0.09)
STRONG, WEAK = 7.0, -1.0


def cluster(ids: Collection[str], bits: dict[Pair, float], **options: object) -> Clusters:
    settings = {"tau": TAU, "floor_bits": FLOOR, "max_bits": MOST, **options}
    return correlation_clusters(ids, bits, **settings)


def objective(clusters: Sequence[Collection[str]], bits: dict[Pair, float]) -> float:
    """What clustering maximises, straight from DESIGN: plain sums over pairs inside clusters."""
    return sum(
        max(FLOOR, min(MOST, bits.get(pair(a, b), FLOOR))) - THRESHOLD
        for group in clusters
        for a, b in combinations(sorted(group), 2)
    )


def components(ids: Collection[str], bits: dict[Pair, float]) -> Clusters:
    """The mutant: everything that some link joins, however long the chain."""
    graph = nx.Graph()
    graph.add_nodes_from(ids)
    graph.add_edges_from(p for p, value in bits.items() if value > THRESHOLD)
    return sorted(tuple(sorted(c)) for c in nx.connected_components(graph))


def partitions(ids: list[str]) -> Iterator[list[list[str]]]:
    """All ways to divide a few reports."""
    if not ids:
        yield []
        return
    first, rest = ids[0], ids[1:]
    for smaller in partitions(rest):
        for number, group in enumerate(smaller):
            yield [*smaller[:number], [first, *group], *smaller[number + 1 :]]
        yield [[first], *smaller]


def random_graph(rng: Random, most: int = 6) -> tuple[list[str], dict[Pair, float]]:
    ids = list("abcdefghijkl"[: rng.randint(1, most)])
    return ids, {
        p: rng.choice([-8.0, -1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 14.0]) + rng.random()
        for p in combinations(ids, 2)
        if rng.random() < 0.6
    }


def clique(names: str, value: float = STRONG) -> dict[Pair, float]:
    return dict.fromkeys(combinations(names, 2), value)


randoms = st.randoms(use_true_random=False)


@given(randoms)
def test_clusters_do_not_depend_on_the_order_of_reports_and_links(rng: Random) -> None:
    ids, bits = random_graph(rng, 12)
    shuffled = rng.sample(ids, len(ids))
    links = dict(rng.sample(sorted(bits.items()), len(bits)))
    assert cluster(shuffled, links) == cluster(ids, bits) == cluster(set(ids), bits)


@given(randoms)
def test_clusters_are_a_sorted_partition(rng: Random) -> None:
    ids, bits = random_graph(rng, 12)
    found = cluster(ids, bits)
    assert sorted(r for c in found for r in c) == sorted(ids)
    assert found == sorted(tuple(sorted(c)) for c in found)


@given(randoms)
def test_must_links_hold_and_cannot_links_hold_where_no_must_link_opposes(rng: Random) -> None:
    ids, bits = random_graph(rng, 8)
    everything = list(combinations(ids, 2))
    must = rng.sample(everything, min(len(everything), rng.randint(0, 2)))
    cannot = rng.sample(everything, min(len(everything), rng.randint(0, 4)))
    found = cluster(ids, bits, must=must, cannot=[rng.choice([(a, b), (b, a)]) for a, b in cannot])
    where = {r: c for c in found for r in c}
    assert all(where[a] == where[b] for a, b in must)
    graph = nx.Graph(must)
    for a, b in cannot:
        forced = a in graph and b in graph and nx.has_path(graph, a, b)
        assert (where[a] == where[b]) == forced or where[a] != where[b]
        assert forced or where[a] != where[b]


def test_cannot_link_divides_what_evidence_would_join() -> None:
    bits = clique("abc")
    assert cluster("abc", bits) == [("a", "b", "c")]
    found = cluster("abc", bits, cannot=[("c", "a")])
    assert len(found) == 2 and ("a", "c") not in found


def test_must_link_joins_what_evidence_would_divide() -> None:
    assert cluster("ab", {("a", "b"): -8.0}, must=[("a", "b")]) == [("a", "b")]


@given(randoms)
def test_start_clusters_are_joined_but_never_split(rng: Random) -> None:
    ids, bits = random_graph(rng, 10)
    inner = cluster(ids, bits, tau=0.99)
    outer = cluster(ids, bits, tau=0.5, start=inner)
    assert all(any(set(small) <= set(large) for large in outer) for small in inner)


@given(randoms)
def test_result_is_no_worse_than_single_reports(rng: Random) -> None:
    ids, bits = random_graph(rng, 12)
    assert objective(cluster(ids, bits), bits) >= -1e-9


def test_result_is_no_worse_than_connected_components_on_random_graphs() -> None:
    better = 0
    for seed in range(400):
        ids, bits = random_graph(Random(seed), 10)
        ours, theirs = (objective(c, bits) for c in (cluster(ids, bits), components(ids, bits)))
        assert ours >= theirs - 1e-9, seed
        better += ours > theirs + 1e-9
    assert better > 100  # the two are not the same thing


def test_result_is_the_optimum_of_small_graphs_or_close_to_it() -> None:
    missed = 0
    lost = total = 0.0
    for seed in range(250):
        ids, bits = random_graph(Random(seed))
        ours = objective(cluster(ids, bits), bits)
        best = max(objective(p, bits) for p in partitions(ids))
        assert ours <= best + 1e-9
        missed += ours < best - 1e-9
        lost, total = lost + best - ours, total + best
    assert missed <= 0.03 * 250
    assert lost <= 0.01 * total


def test_chain_of_strong_links_is_one_component_but_not_one_cluster() -> None:
    """Five links of P = .99 between six reports that have nothing else in common."""
    ids = "abcdef"
    bits = dict.fromkeys(pairwise(ids), STRONG)
    assert components(ids, bits) == [tuple(ids)]
    assert max(len(c) for c in cluster(ids, bits)) == 2


def test_one_link_does_not_join_two_groups() -> None:
    bits = clique("abc") | clique("xyz") | {("c", "x"): MOST}
    assert len(components("abcxyz", bits)) == 1
    assert cluster("abcxyz", bits) == [("a", "b", "c"), ("x", "y", "z")]


@pytest.mark.parametrize("value", [MOST, 40.0, 4000.0])
def test_single_link_is_clipped_so_that_it_cannot_drag_a_group(value: float) -> None:
    bits = clique("abc") | clique("xyz") | {("c", "x"): value}
    assert len(cluster("abcxyz", bits)) == 2


def test_two_reports_join_exactly_from_tau_on() -> None:
    for tau in (0.5, 0.91):
        edge = math.log2(tau / (1 - tau))
        assert cluster("ab", {("a", "b"): edge + 0.01}, tau=tau) == [("a", "b")]
        assert cluster("ab", {("a", "b"): edge - 0.01}, tau=tau) == [("a",), ("b",)]


def test_pair_without_evidence_counts_the_floor() -> None:
    """a-b and b-c join all three only if both links outweigh the missing a-c."""
    need = 2 * THRESHOLD - FLOOR  # what c gains by b must outweigh what it loses by a
    for bits, expected in ((need + 0.1, 1), (need - 0.1, 2)):
        assert len(cluster("abc", {("a", "b"): bits, ("b", "c"): bits})) == expected


def attach(
    groups: Clusters, lists: Collection[str], bits: dict[Pair, float], **options: object
) -> Clusters:
    return attach_compilations(
        groups, lists, bits, tau=TAU, floor_bits=FLOOR, max_bits=MOST, **options
    )


def test_two_cliques_joined_by_one_compilation_stay_apart() -> None:
    bits = clique("abc") | clique("xyz")
    bits |= {pair("list", r): MOST for r in "abcxyz"}
    witnesses = cluster("abcxyz", bits)
    found = attach(witnesses, ["list"], bits)
    where = {r: c for c in found for r in c}
    assert where["a"] != where["x"] and where["list"] in (where["a"], where["x"])


def test_compilation_does_not_join_two_reports_though_a_witness_would() -> None:
    bits = {("a", "list"): MOST, ("list", "x"): MOST}
    assert cluster(["a", "list", "x"], bits) == [("a", "list", "x")]
    assert len(attach(cluster("ax", bits), ["list"], bits)) == 2


@given(randoms)
def test_compilations_join_clusters_but_never_two_reports(rng: Random) -> None:
    ids, bits = random_graph(rng, 10)
    lists = sorted(rng.sample(ids, len(ids) // 3))
    witnesses = cluster([i for i in ids if i not in lists], bits)
    found = attach(witnesses, lists, bits)
    assert sorted(r for c in found for r in c) == sorted(ids)
    left = sorted(tuple(r for r in c if r not in lists) for c in found)
    assert [c for c in left if c] == witnesses
    assert attach(witnesses, rng.sample(lists, len(lists)), bits) == found


def test_compilation_obeys_cannot_links_and_stays_alone_where_nothing_pays() -> None:
    bits = clique("ab") | {("a", "list"): STRONG, ("b", "list"): STRONG}
    assert attach([("a", "b")], ["list"], bits) == [("a", "b", "list")]
    assert attach([("a", "b")], ["list"], bits, cannot=[("list", "a")]) == [("a", "b"), ("list",)]
    assert attach([("a", "b")], ["list"], {("a", "list"): WEAK}) == [("a", "b"), ("list",)]


def test_bridge_of_a_barbell_is_found_and_none_in_a_ring() -> None:
    barbell = [*combinations("abc", 2), *combinations("xyz", 2), ("c", "x")]
    assert bridges("abcxyz", barbell) == (("c", "x"),)
    assert bridges("abc", combinations("abc", 2)) == ()
    assert bridges("abc", barbell) == ()  # links to others do not count
    assert bridges("ab", [("b", "a")]) == (("a", "b"),)


# With the shipped numbers -------------------------------------------------------------------------


NUMBERS = default_parameters().cluster


def shipped(
    ids: Collection[str], bits: dict[Pair, float], tau: float, **options: float
) -> Clusters:
    numbers = {**NUMBERS, **options}
    return correlation_clusters(
        ids,
        bits,
        tau=tau,
        floor_bits=numbers["floor_bits"],
        max_bits=math.log2(tau / (1 - tau)) + numbers["max_link_bits"],
    )


def barbell_stays_apart(tau: float, **options: float) -> bool:
    """Test 17 of the method: two groups of three, held together by one link however strong."""
    bits = clique("abc") | clique("xyz") | {("c", "x"): 40.0}
    return shipped("abcxyz", bits, tau, **options) == [("a", "b", "c"), ("x", "y", "z")]


@pytest.mark.parametrize("tau", [NUMBERS["tau_merged"], NUMBERS["tau_proposed"]])
def test_one_link_never_joins_two_groups_of_three(tau: float) -> None:
    assert barbell_stays_apart(tau)


@pytest.mark.parametrize("mutant", [{"max_link_bits": 40.0}, {"floor_bits": 0.0}])
def test_the_barbell_needs_both_the_limit_and_the_floor(mutant: dict[str, float]) -> None:
    assert not barbell_stays_apart(NUMBERS["tau_proposed"], **mutant)
    bits = clique("abc") | clique("xyz") | {("c", "x"): 40.0}
    assert len(components("abcxyz", bits)) == 1  # as does the mutant that joins components


def test_a_long_chain_is_not_one_cluster() -> None:
    ids = "abcdefghijkl"
    bits = dict.fromkeys(pairwise(ids), STRONG)
    for tau in (NUMBERS["tau_merged"], NUMBERS["tau_proposed"]):
        assert max(map(len, shipped(ids, bits, tau))) <= 6


def test_a_missing_overlap_is_normal() -> None:
    """Two links of .97 join three reports as a proposal, though nothing links the third pair."""
    bits = {("a", "b"): 5.0, ("b", "c"): 5.0}
    assert shipped("abc", bits, NUMBERS["tau_proposed"]) == [("a", "b", "c")]
