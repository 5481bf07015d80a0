"""Copies, quotations and compilations are no witnesses (method page, tests 1 and 2)."""

from __future__ import annotations

from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

import world
from helpers import Record, bench, comparison, link_in, record
from samehand.compare.copies import find_copies, resolve_citations
from samehand.config import default_parameters

SMALL = {"actors": 3, "campaigns": 4}


def same_for_all(records: list[Record], more: list[Record]) -> None:
    """Every link, every rarity and N of these records are exactly the same with more loaded."""
    before, after = bench(records, case=True), bench([*records, *more], case=True)
    assert after.universe.n == before.universe.n
    nothing: frozenset[str] = frozenset()
    for feature in before.universe.totals:
        assert after.universe.d(feature, nothing) == before.universe.d(feature, nothing)
    for one, other in combinations(sorted(r["id"] for r in records), 2):
        assert link_in(after, one, other) == link_in(before, one, other)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_pure_copies_of_any_report_change_no_link_rarity_or_n(seed: int, count: int) -> None:
    rng = Random(seed)
    found = world.make_world(seed, **SMALL)
    own = [r for r in found.records if r["id"] in found.actor and r["id"] not in found.copy_of]
    copies = [world.pure_copy(rng, rng.choice(own), f"k{n}") for n in range(count)]
    same_for_all(found.records, copies)


@settings(max_examples=6)
@given(st.integers(0, 10**6))
def test_copies_of_copies_change_no_link_rarity_or_n(seed: int) -> None:
    rng = Random(seed)
    found = world.make_world(seed, **SMALL)
    chain = [rng.choice([r for r in found.records if r["id"] not in found.compilations])]
    for n in range(4):
        chain.append({**world.pure_copy(rng, chain[-1], f"k{n}"), "cites": [chain[-1]["id"]]})
    same_for_all(found.records, chain[1:])


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_compilations_add_nothing_to_rarity_or_n(seed: int) -> None:
    rng = Random(seed)
    found = world.make_world(seed, **SMALL)
    own = [r for r in found.records if r["id"] in found.actor]
    lists = [world.compilation(rng, rng.sample(own, 3), f"k{n}") for n in range(3)]
    same_for_all(found.records, lists)


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_statements_in_a_compilation_count_for_nothing(seed: int) -> None:
    found = world.make_world(seed, **SMALL)
    ids = [r["id"] for r in found.records]
    told = comparison("k", "code", "infrastructure", reports=ids[:4], kind="compilation")
    same_for_all(found.records, [told])


def test_world_copies_are_recognised_and_quoting_reports_are_not_taken_for_copies() -> None:
    found = world.make_world(5, actors=12, campaigns=30)
    copies = bench(found.records).copies
    assert dict(copies.derivative_of) == found.copy_of
    assert copies.compilations == frozenset(found.compilations)
    assert found.quotes and not set(found.quotes) & set(copies.derivative_of)


def test_copy_stands_with_its_origin_and_links_to_others_through_nothing_of_its_own() -> None:
    hashes = [("file:sha256", f"{n:064x}") for n in range(3)]
    records = [record("a", *hashes), record("b", *hashes), record("k", *hashes, cites=["a"])]
    gatherer = bench(records)
    link = link_in(gatherer, "a", "k")
    assert link.type == "copy" and abs(link.probability - 0.95) < 0.001
    # Between the copy and a third report each item is discounted: k took it from a.
    assert link_in(gatherer, "b", "k").total_bits < link_in(gatherer, "a", "b").total_bits


def test_report_with_a_value_or_judgement_of_its_own_is_no_derivative() -> None:
    shared, own = ("mutex", "m"), ("mutex", "own")
    claim = {"relation": "attribution", "actor": "Lazarus Group", "words": "high"}
    repeated = claim | {"first_hand": False, "origin": "a"}
    for more, derivative in (
        (record("k", shared, cites=["a"]), True),
        (record("k", shared, cites=["a"], claims=[repeated]), True),
        (record("k", shared, own, cites=["a"]), False),
        (record("k", shared, cites=["a"], claims=[claim]), False),
        (record("k", shared), False),
        (record("k", shared, cites=["a"], kind="compilation"), False),
        (record("k", shared, cites=["elsewhere"]), False),
    ):
        found = bench([record("a", shared, ("mutex", "n")), more]).copies
        assert ("k" in found.derivative_of) == derivative, more


def test_of_two_that_cite_each_other_the_later_is_the_copy() -> None:
    for first, second, copy in (("2020-01-01", "2020-02-01", "b"), ("2020", "2019", "a")):
        records = [
            record("a", ("mutex", "m"), cites=["b"], published=first),
            record("b", ("mutex", "m"), cites=["a"], published=second),
        ]
        assert list(bench(records).copies.derivative_of) == [copy]


def test_ring_of_citations_leaves_one_witness() -> None:
    day = "2020-01-01"
    ring = [("a", "b", day), ("b", "c", day), ("c", "a", day)]
    value = ("mutex", "m")
    records = [record(i, value, cites=[to], published=day) for i, to, day in ring]
    gatherer = bench([*records, record("x", value)])
    assert gatherer.universe.n == 16002
    assert gatherer.copies.derivative_of == {"b": "a", "c": "a"}
    assert link_in(gatherer, "b", "c").type == "copy"


def test_report_that_shares_only_victims_or_techniques_with_its_source_is_no_copy() -> None:
    alike = {"victims": [{"country": "JP"}], "techniques": ["T1090"], "software": ["x"]}
    found = bench([record("a", ("mutex", "m"), **alike), record("b", cites=["a"], **alike)])
    assert found.copies.derivative_of == {}


def test_citations_are_found_by_address_whatever_its_scheme_and_ending() -> None:
    reports = [
        p.report
        for p in bench(
            [
                record("a", urls=["https://www.example.com/Report/"]),
                record("b", cites=["http://example.com/report"]),
                record("c", cites=["c", "https://elsewhere.example/"]),
            ]
        ).profiles.values()
    ]
    assert resolve_citations(reports) == {"a": (), "b": ("a",), "c": ()}


@given(st.floats(0, 1), st.integers(0, 4))
def test_independence_falls_with_each_cited_holder(probability: float, sources: int) -> None:
    """I = product over cited holders of 1 - P(copied)."""
    cited = [record(f"s{n}", ("mutex", "m")) for n in range(sources)]
    citing = record("z", ("mutex", "m"), ("mutex", "own"), cites=[c["id"] for c in cited])
    profiles = bench([*cited, citing]).profiles
    found = find_copies(profiles, {**default_parameters().copies, "cited_probability": probability})
    feature = next(f for f in profiles["z"].features if f.value == "m")
    assert abs(found.independence("z", feature) - (1 - probability) ** sources) < 1e-12
