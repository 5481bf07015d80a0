"""Strata of pairs, counted clusters, and the simple methods beside samehand."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from helpers import read, record
from samehand.compare.profile import profile
from samehand.config import default_parameters
from samehand.fit.baselines import (
    cluster_baselines,
    components,
    holdings,
    pair_scores,
    sharing,
    values_of,
)
from samehand.fit.evaluate import BASELINES, ScoredPair, measure_clusters, measure_links
from samehand.fit.truth import Label, TruePair
from samehand.model import Feature

DOMAIN = "domain-name"


def as_json(value: object) -> bytes:
    """For comparing: undefined figures are equal there."""
    return msgspec.json.encode(value)


# --- strata and tables


def scored(
    l: str, r: str, probability: float, same: bool, kind: str = "more", **rest: Any
) -> ScoredPair:
    return ScoredPair(
        truth=TruePair(l, r, same, rest.get("weight", 1.0), rest.get("shares")),
        probability=probability,
        sharing=kind,  # type: ignore[arg-type]
        scores=(probability,) * len(BASELINES),
        actor_l=rest.get("actor", "A"),
        actor_r=rest.get("actor", "A") if same else "other",
        unseen=rest.get("unseen", False),
    )


def test_strata_go_by_the_list_and_by_what_is_found() -> None:
    rows = [
        scored("a", "b", 0.9, True, "more"),
        scored("a", "c", 0.8, True, "provider"),
        scored("a", "d", 0.1, False, "nothing", weight=50.0),
        scored("a", "e", 0.2, False, "nothing", shares=True),  # the list knows of something
        scored("a", "f", 0.3, False, "more", shares=False, weight=50.0),  # drawn as sharing nothing
    ]
    found = {row.stratum: row for row in measure_links(rows, "all", 10)}
    assert {name: row.n for name, row in found.items()} == {
        "all": 5,
        "something": 3,
        "something, capped": 3,
        "more than a provider": 1,
        "more than a provider, capped": 1,
        "only a provider": 2,
    }
    assert found["all"].base_rate == pytest.approx(2 / 103)
    assert found["something"].average_precision.value == 1.0
    assert found["only a provider"].brier.value == pytest.approx((0.04 + 0.04) / 2)


def test_capped_strata_hold_at_most_a_hundred_pairs_of_one_actor() -> None:
    rows = [scored("big", f"{n:03}", 0.5, True) for n in range(250)]
    rows += [scored("small", f"{n:03}", 0.5, True, actor="B") for n in range(5)]
    rows += [scored("none", f"{n:03}", 0.5, False) for n in range(40)]
    found = {row.stratum: row for row in measure_links(rows, "all", 2)}
    assert (found["something"].n, found["something"].same) == (295, 255)
    capped = found["something, capped"]
    assert (capped.n, capped.same) == (145, 105)
    assert capped.average_precision.value == pytest.approx(105 / 145)  # one tie: the base rate
    assert as_json(measure_links(rows[::-1], "all", 2)) == as_json(measure_links(rows, "all", 2))


def test_interval_encloses_the_figure_and_says_nothing_of_one_actor() -> None:
    rows = [
        scored(a, f"{n}", p, same, actor=a)
        for a, p in (("A", 0.9), ("B", 0.7), ("C", 0.2), ("D", 0.6))
        for n, same in (("1", True), ("2", False), ("3", True))
    ]
    figure = measure_links(rows, "all", 100)[0].average_precision
    assert figure.low < figure.value < figure.high
    one = measure_links([scored("A", "b", 0.5, True)], "all", 20)[0].log_loss
    assert one.low == one.high == pytest.approx(math.log(2))


def test_clusters_are_counted_on_labelled_reports_only() -> None:
    labels = {
        "a": Label("A", "", None),
        "b": Label("A", "", None),
        "c": Label("B", "", None),
        "x": Label("", "", None),
    }
    partition = {"a": "1", "b": "1", "c": "2", "x": "1"}
    row = measure_clusters({"m": partition}, labels, "all", None, 10)[0]
    assert (row.joined.n, row.joined.largest, row.f.value, row.actors) == (3, 2, 1.0, 2)


# --- baselines


def test_scores_of_pairs_by_hand() -> None:
    a = read(record("a", (DOMAIN, "one.net"), (DOMAIN, "two.net"), ("ipv4-addr", "8.8.4.9")))
    b = read(record("b", (DOMAIN, "one.net"), ("ipv4-addr", "8.8.4.9"), (DOMAIN, "three.net")))
    c = read(record("c", (DOMAIN, "four.net")))
    noise = [read(record(f"n{n}", (DOMAIN, "one.net")), use="background") for n in range(4)]
    noise.append(read(record("n9", (DOMAIN, "other.net")), use="background"))
    numbers = default_parameters()
    held = holdings([a, b, c], noise, "exact")
    assert (held.n, held.holders[Feature(DOMAIN, "one.net")]) == (8, 6)
    jaccard, idf, count, weight = pair_scores(held, "a", "b", numbers)
    assert (jaccard, count) == (2 / 4, 2)
    assert idf == pytest.approx(math.log2(8 / 6) + math.log2(8 / 2))
    n = 8 + numbers.universe["base_origins"]
    domain, address = numbers.weights[DOMAIN], numbers.weights["ipv4-addr"]
    assert weight == pytest.approx(
        math.log2(domain.m / ((4 + domain.kappa) / n)) + math.log2(address.m / (address.kappa / n))
    )
    assert pair_scores(held, "a", "c", numbers) == (0.0, 0.0, 0.0, 0.0)
    assert pair_scores(held, "b", "a", numbers) == (jaccard, idf, count, weight)


def test_derived_values_are_shared_by_neighbours() -> None:
    a = read(record("a", (DOMAIN, "x.one.net"), ("url", "http://h.two.net/p/q.php")))
    assert values_of(a, "exact") == {
        Feature(DOMAIN, "x.one.net"),
        Feature("url", "http://h.two.net/p/q.php"),
    }
    assert values_of(a, "derived") - values_of(a, "exact") == {
        Feature("registered-domain", "one.net"),
        Feature("registered-domain", "two.net"),
        Feature(DOMAIN, "h.two.net"),
        Feature("url:path", "/p/q.php"),
    }
    soft = read(record("s", (DOMAIN, "x.one.net"), techniques=["T1566"], software=["njrat"]))
    assert values_of(soft, "derived") == {
        Feature(DOMAIN, "x.one.net"),
        Feature("registered-domain", "one.net"),
    }
    passive = read(record("p", {"type": DOMAIN, "value": "seen.net", "role": "victim"}))
    assert values_of(passive, "derived") == set()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a.duckdns.org", "b.duckdns.org", "provider"),
        ("duckdns.org", "duckdns.org", "provider"),
        ("a.duckdns.org", "x.a.duckdns.org", "more"),
        ("one.net", "www.one.net", "more"),
        ("one.net", "two.net", "nothing"),
    ],
)
def test_what_two_reports_share(first: str, second: str, expected: str) -> None:
    l, r = (profile(read(record(i, (DOMAIN, v)))) for i, v in (("l", first), ("r", second)))
    assert sharing(l, r) == sharing(r, l) == expected


def test_components_join_through_chains_and_domains_join_more() -> None:
    rows = [
        read(record("a", (DOMAIN, "one.net"))),
        read(record("b", (DOMAIN, "one.net"), (DOMAIN, "two.net"))),
        read(record("c", (DOMAIN, "two.net"))),
        read(record("d", (DOMAIN, "www.two.net"))),
        read(record("e", (DOMAIN, "x.duckdns.org"))),
        read(record("f", (DOMAIN, "y.duckdns.org"))),
    ]
    found = cluster_baselines(rows)
    assert found["every report alone"] == {i: i for i in "abcdef"}
    assert found["components, exact value"] == dict(zip("abcdef", "aaadef", strict=True))
    assert found["components, or domain"] == dict(zip("abcdef", "aaaaef", strict=True))
    one = Feature(DOMAIN, "q.net")
    assert components({"y": [one], "x": [one], "w": []}) == {"w": "w", "x": "x", "y": "x"}
