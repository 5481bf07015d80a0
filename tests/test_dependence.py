"""The detector of copies: each term by hand, its laws, and how well it tells pairs apart."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations
from random import Random
from statistics import mean
from typing import Any

import pytest

import dependence_world
from helpers import Record, bench, link_in, parameters, profiles_of
from samehand.compare.copies import find_copies
from samehand.compare.copysearch import _Ground, _rank
from samehand.compare.dependence import (
    Material,
    Pair,
    assess,
    common_order,
    error_term,
    lag_term,
    list_term,
    longest_rising,
    marks,
    material,
    order_term,
    own_term,
    probability,
    size,
    telling,
    text_term,
    writing_term,
)
from samehand.compare.shingles import EMPTY, Overlap, overlap, sketch
from samehand.model import Feature

N = parameters().copies
WORDS = dependence_world._LEXICON
NO_TEXT = Overlap(0.0, 0.0, 0)


def told(seed: object, sentences: int = 40) -> str:
    return "\n".join(dependence_world.prose(Random(f"text {seed}"), sentences))


def hosts(count: int, seed: object = 0, start: int = 0) -> list[Record]:
    """Hosts in no order of the alphabet."""
    names = [f"{w}{n}.com" for n, w in enumerate(WORDS[start : start + count])]
    Random(f"hosts {seed}").shuffle(names)
    return [{"type": "domain-name", "value": name} for name in names]


def report(identifier: str, observables: list[Record], **fields: Any) -> Record:
    return {"id": identifier, "grade": "A1", "observables": observables, **fields}


def made(record: Record) -> Material:
    return material(profiles_of([record])[record["id"]])


# Terms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "same_publisher", "bits"),
    [
        (0.0, False, -2.2),  # floor: 26 * (0 - .12) = -3.12
        (0.12, False, 0.0),
        (0.2, False, 2.08),  # 26 * .08
        (0.9, False, 7.0),  # cap
        (0.5, True, 1.0),  # a publisher's form
        (0.9, True, 7.0),  # the page itself
    ],
)
def test_text_by_hand(share: float, same_publisher: bool, bits: float) -> None:
    for found in (Overlap(share, 0.0, 200), Overlap(0.0, share, 20)):
        term = text_term(found, same_publisher, N)
        assert term is not None and math.isclose(term.bits, bits, abs_tol=1e-9)
    assert text_term(Overlap(share, share, 19), same_publisher, N) is None


@pytest.mark.parametrize(
    ("shared", "smaller", "bits"),
    [(8, 8, 4.0), (20, 20, 4.0), (4, 4, 2.0), (3, 4, 0.75), (8, 16, 0.0), (8, 80, -1.0)],
)
def test_list_by_hand(shared: int, smaller: int, bits: float) -> None:
    """min(1, shared/8) * 4 * (share - .5) / .5, at least -1."""
    term = list_term(shared, smaller, N)
    assert term is not None and math.isclose(term.bits, bits, abs_tol=1e-9)
    assert list_term(2, 2, N) is None


def test_longest_rising_run_against_all_subsets() -> None:
    rng = Random(3)
    for _ in range(200):
        ranks = rng.sample(range(50), rng.randint(0, 8))
        longest = max(
            len(chosen)
            for k in range(len(ranks) + 1)
            for chosen in combinations(ranks, k)
            if list(chosen) == sorted(chosen)
        )
        assert longest_rising(ranks) == longest


def test_expected_order_of_shuffled_lists_is_near_what_shuffling_gives() -> None:
    rng = Random(4)
    for n in (4, 8, 20, 100):
        listed = hosts(n)
        one = made(report("a", listed))
        ratios = []
        for _ in range(200):
            order = common_order(
                one, made(report("b", rng.sample(listed, n))), frozenset(one.values)
            )
            assert order is not None and order.values == n
            ratios.append(order.ratio)
        assert abs(mean(ratios)) < 0.12, n


def test_order_by_hand() -> None:
    listed = hosts(8)
    one, same = made(report("a", listed)), made(report("b", listed))
    order = common_order(one, same, frozenset(one.values))
    assert order is not None and order.ratio == 1.0 and order.values == 8
    term = order_term(order, N)
    assert term is not None and term.bits == 4.0
    # E = 2 sqrt(8) - 1.77 * 8^(1/6) + .5 = 3.6538; of eight, one moved to the end leaves seven.
    moved = made(report("c", [*listed[1:], listed[0]]))
    order = common_order(one, moved, frozenset(one.values))
    expected = (7 - 3.6538) / (8 - 3.6538)
    assert order is not None and math.isclose(order.ratio, expected, abs_tol=1e-3)
    term = order_term(order, N)
    assert term is not None and math.isclose(term.bits, 8 * (expected - 0.5), abs_tol=1e-2)
    turned = common_order(one, made(report("d", listed[::-1])), frozenset(one.values))
    term = order_term(turned, N)
    assert term is not None and term.bits == -1.0


@pytest.mark.parametrize(
    "values",
    [
        [f"1{n:02}.20.1.7" for n in range(12)],
        [f"{n}.20.1.7" for n in range(2, 14)],  # by number, not by letter
        [f"x{n}.abc.{top}" for top in ("biz", "com", "net") for n in (3, 1, 2)],
        sorted((w + ".com" for w in WORDS[:12]), reverse=True),
    ],
)
def test_alphabetic_lists_tell_nothing_of_order(values: list[str]) -> None:
    kind = "ipv4-addr" if values[0][0].isdigit() else "domain-name"
    listed = [{"type": kind, "value": v} for v in values]
    one, other = made(report("a", listed)), made(report("b", listed))
    if values[0].startswith("x"):  # sorted by the end of the name only
        listed.sort(key=lambda o: o["value"].split(".")[::-1])
        one, other = made(report("a", listed)), made(report("b", listed))
    assert common_order(one, other, frozenset(one.values)) is None
    assert order_term(None, N) is None


def test_order_is_that_of_the_text_where_every_value_has_its_place() -> None:
    listed = hosts(8)
    turned = [o | {"start": 1000 - n} for n, o in enumerate(listed)]
    assert list(made(report("a", turned)).values) == list(made(report("b", listed[::-1])).values)


def test_hashes_of_one_file_and_hosts_of_pages_are_no_further_facts() -> None:
    observables = [
        {"type": kind, "value": f"{n:0{digits}x}"}
        for n in range(1, 4)
        for kind, digits in (("file:md5", 32), ("file:sha1", 40), ("file:sha256", 64))
    ]
    observables += [
        {"type": "domain-name", "value": "gaxo.com"},
        {"type": "url", "value": "http://gaxo.com/a/b.php"},
    ]
    one = made(report("a", observables))
    assert len(one.values) == 11 and size(one.values, one.implied) == one.facts == 4


def test_ways_of_writing() -> None:
    host, digest = Feature("domain-name", "a.com"), Feature("file:md5", "ab" * 16)
    assert marks("a.com", host) == "" and marks("a[.]com", host) == "[.]"
    assert marks("hXXp://a[.]com", host) == "[.] hxxp" and marks("a(.)com", host) == "(.)"
    assert marks("AB" * 16, digest) == "capitals" and marks("A.com", host) == ""


@pytest.mark.parametrize(
    ("left", "right", "bits"),
    [
        (("a.com", "b.com", "c.com"), ("a.com", "b.com", "c.com"), None),
        (("a[.]com", "b[.]com", "c[.]com"), ("a[.]com", "b[.]com", "c[.]com"), 0.5),
        (("a(.)com", "b(.)com", "c(.)com"), ("a(.)com", "b(.)com", "c(.)com"), 2.0),
        (("a[.]com", "b.com", "c[.]com"), ("a[.]com", "b.com", "c[.]com"), 2.0),
        (("a[.]com", "b[.]com", "c[.]com"), ("a.com", "b.com", "c.com"), -0.5),
        (("a[.]com", "b[.]com", "c[.]com"), ("a.com", "b[.]com", "c[.]com"), None),
    ],
)
def test_writing_by_hand(left: tuple[str, ...], right: tuple[str, ...], bits: float | None) -> None:
    one, other = (
        made(
            report(
                i,
                [
                    {"type": "domain-name", "value": f"{'abc'[n]}.com", "raw": raw}
                    for n, raw in enumerate(raws)
                ],
            )
        )
        for i, raws in (("a", left), ("b", right))
    )
    term = writing_term(one, other, frozenset(one.values), N)
    assert (term.bits if term else None) == bits


def test_errors_by_hand() -> None:
    half = math.log2((1 + 2**4.3) / 2)
    for broken, doubtful, bits in ((1, 0, 4.3), (0, 1, half), (5, 0, 8.6), (1, 3, 4.3 + half)):
        term = error_term(broken, doubtful, N)
        assert term is not None and math.isclose(term.bits, bits, abs_tol=1e-9)
    assert error_term(0, 0, N) is None


def test_broken_hashes_and_hashes_one_digit_off_are_found() -> None:
    broken = "ab12" * 8
    text = f"see {broken[:-1]} and {broken} and {'a' * 31} and {'1' * 31} and x{broken[:-1]}"
    assert made(report("a", hosts(1), text=text)).broken == {broken[:-1]}
    right, wrong = "0f" * 32, "0f" * 31 + "0e"
    records = [
        report("a", [{"type": "file:sha256", "value": wrong}], text=told(1)),
        report("b", [{"type": "file:sha256", "value": wrong}], text=told(2)),
        report("c", [{"type": "file:sha256", "value": right}]),
    ]
    for count, doubtful in ((2, 0), (3, 1)):
        loaded = [made(r) for r in records[:count]]
        assert _Ground(loaded).pair(*loaded[:2]).doubtful == doubtful


def test_lag_and_own_by_hand() -> None:
    one = made(report("a", hosts(4), published="2020-01-01"))
    for day, bits in (("2020-01-30", 1.0), ("2020-01-31", -0.8), ("2019", 1.0)):
        term = lag_term(one, made(report("b", hosts(4), published=day)), N)
        assert term is not None and term.bits == bits
    assert lag_term(one, made(report("b", hosts(4))), N) is None
    judged = made(
        report("c", hosts(4), claims=[{"relation": "attribution", "about": "x", "actor": "FIN7"}])
    )
    assert [own_term(one, k, N).bits for k in (4, 3, 2, 1)] == [1.0, 0.0, 0.0, -1.0]
    assert own_term(judged, 4, N).bits == -1.5


def pair_of(one: Record, other: Record, citing: str | None = None) -> Pair:
    loaded = sorted((made(one), made(other)), key=_rank)
    return _Ground(loaded).pair(loaded[0], loaded[1], citing)


def test_sum_of_a_worked_pair() -> None:
    """A list of four taken over in its order, text written anew, ten days later.

    log2(.15/.85) - 2.2 + 2 + 2 + 1 + 1 = 1.298 bits, P = .711.
    """
    listed = hosts(4)
    pair = pair_of(
        report("a", listed, text=told(1), published="2020-01-01"),
        report("b", listed, text=told(2), published="2020-01-11"),
    )
    terms = assess(pair, N)
    assert [(t.name, round(t.bits, 3)) for t in terms] == [
        ("start", -2.503),
        ("text", -2.2),
        ("list", 2.0),
        ("order", 2.0),
        ("own", 1.0),
        ("lag", 1.0),
    ]
    assert pair.later == "b" and math.isclose(probability(terms), 0.711, abs_tol=1e-3)


def test_citation_counts_alone_what_is_configured_and_more_evidence_only_adds() -> None:
    pair = pair_of(report("a", hosts(3)), report("b", hosts(9), cites=["a"]), citing="b")
    assert math.isclose(probability(assess(pair, N)), N["cited_probability"], abs_tol=1e-12)
    quoted = told(1)
    pair = pair_of(
        report("a", hosts(3), text=quoted),
        report("b", hosts(9), cites=["a"], text=quoted + told(2, 120)),
        citing="b",
    )
    terms = assess(pair, N)
    assert probability(terms) > 0.9 and all(t.bits > 0 for t in terms[1:])


# Text -------------------------------------------------------------------------------------------


def test_shingles_are_those_of_the_prose_whatever_stands_between() -> None:
    plain = " ".join(WORDS[:30])
    listed = " ".join(WORDS[:15]) + ",\n1.2.3.4 evil[.]com\n * " + " ".join(WORDS[15:30]).upper()
    assert sketch(plain).hashes.tolist() == sketch(listed).hashes.tolist()
    assert len(sketch(plain).hashes) == 24
    assert sketch(" ".join(WORDS[:6])) is EMPTY
    assert len(sketch("攻撃者は新しい手口で攻撃を続けている").hashes) == 12  # 18 letters


def test_containment_of_sampled_texts_is_near_that_of_the_whole() -> None:
    """A third of a long text, from sketches of 400 shingles: within four standard errors."""
    part, more = told("part", 150), told("more", 300)
    found = overlap(sketch(part), sketch(part + "\n" + more), lambda _: False)
    assert found.of_left > 0.99
    words = len(part.split()), len((part + more).split())
    assert abs(found.of_right - words[0] / words[1]) < 0.1
    assert overlap(sketch(part), sketch(more), lambda _: False).of_left < 0.02


def test_sketch_is_the_same_in_another_process() -> None:
    code = (
        "from samehand.compare.shingles import sketch;"
        f"print(sketch({' '.join(WORDS[:40])!r}).hashes.tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(sketch(" ".join(WORDS[:40])).hashes.tolist())


def test_form_that_a_stranger_uses_too_is_no_reuse() -> None:
    """Two pages of one form share a host; the form stops telling once a third page shows it."""
    form = told("form", 30)
    records = [
        report(i, [*hosts(1), *hosts(4, start=50 * n)], text=form + told(i, 12))
        for n, i in enumerate("abc", 1)
    ]
    records[2]["observables"] = hosts(4, start=600)
    for count, above in ((2, True), (3, False)):
        loaded = [made(r) for r in records[:count]]
        found = _Ground(loaded).pair(*loaded[:2]).overlap
        assert (found.of_left > 0.3) == above, found


# What becomes of it ------------------------------------------------------------------------------


def same_for_all(records: list[Record], more: list[Record]) -> None:
    before, after = bench(records, case=True), bench([*records, *more], case=True)
    assert after.universe.n == before.universe.n
    nothing: frozenset[str] = frozenset()
    for feature in before.universe.totals:
        assert after.universe.d(feature, nothing) == before.universe.d(feature, nothing)
    for one, other in combinations(sorted(r["id"] for r in records), 2):
        assert link_in(after, one, other) == link_in(before, one, other)


@pytest.mark.parametrize("count", [1, 10, 100])
@pytest.mark.parametrize("seed", [1, 2])
def test_uncited_copies_of_any_report_change_no_link_rarity_or_n(count: int, seed: int) -> None:
    """Page and list again, as they are or in part, without saying from where."""
    rng = Random(seed)
    records = dependence_world.make_pairs(seed, 4).records
    more = []
    for n in range(count):
        source = rng.choice(records)
        seen = source["observables"]
        part = seen if rng.random() < 0.5 else seen[: rng.randint(3, len(seen))]
        more.append(
            {
                "id": f"k{n}",
                "publisher": "News desk",
                "published": f"2023-0{rng.randint(1, 9)}-01",
                "text": source["text"],
                "observables": part,
            }
        )
    same_for_all(records, more)


def test_compilation_of_everything_changes_no_link_rarity_or_n() -> None:
    records = dependence_world.make_pairs(3, 4).records
    values = {o["value"]: o for r in records for o in r["observables"]}
    text = "\n".join(r["text"] for r in records[:3])
    for day in ({}, {"published": "2010"}, {"published": "2024"}):
        listed = report("k", list(values.values()), kind="compilation", text=text, **day)
        same_for_all(records, [listed])


def test_order_of_loading_and_names_do_not_matter() -> None:
    records = dependence_world.make_pairs(5, 3).records
    found = bench(records).copies
    again = bench(Random(1).sample(records, len(records))).copies
    assert again == found
    names = {r["id"]: f"z{n}" for n, r in enumerate(records)}
    other = bench([r | {"id": names[r["id"]]} for r in records]).copies
    assert {names[c]: names[o] for c, o in found.derivative_of.items()} == other.derivative_of
    assert sorted((names[e.copy], names[e.origin], e.probability) for e in found.edges) == sorted(
        (e.copy, e.origin, e.probability) for e in other.edges
    )


def whole(seed: int = 1, count: int = 8, **later: Any) -> list[Record]:
    """A list and the same list again in its order, both without text."""
    listed = hosts(count, seed)
    return [report("a", [*listed, *hosts(3, start=99)]), report("b", listed, **later)]


def test_records_without_text_are_copies_only_with_a_whole_long_list_in_its_order() -> None:
    assert bench(whole()).copies.derivative_of == {"b": "a"}
    for records in (
        whole(count=7),
        [whole()[0], whole()[1] | {"observables": whole()[1]["observables"][::-1]}],
        [whole()[0], report("b", [*hosts(8, 1), *hosts(1, start=200)])],
    ):
        found = bench(records).copies
        assert found.edges == () and found.detected == {} and found.derivative_of == {}


def test_incident_reference_and_own_judgement_are_not_made_copies() -> None:
    claim = {"relation": "attribution", "about": "x", "actor": "FIN7"}
    assert bench(whole(kind="incident")).copies.edges == ()
    found = bench(whole(claims=[claim])).copies
    assert found.derivative_of == {} and found.detected
    profiles = profiles_of(whole())
    other = replace(profiles["a"], report=replace(profiles["a"].report, use="reference"))
    assert find_copies({**profiles, "a": other}, N).edges == ()


def test_unknown_order_gives_either_direction_half() -> None:
    """Twelve values of fourteen in one order, both undated, each with values of its own."""
    common = hosts(12)
    records = [
        report(i, [*common, *hosts(2, start=start)], text=told(i))
        for i, start in (("a", 100), ("b", 200))
    ]
    found = bench(records).copies
    one, other = found.edges
    assert (one.copy, one.origin, other.copy, other.origin) == ("a", "b", "b", "a")
    assert not one.order_known and one.probability == other.probability < 0.5
    assert math.isclose(2 * one.probability, probability(one.terms), abs_tol=1e-12)
    feature = Feature("domain-name", common[0]["value"])
    assert math.isclose(found.independence("a", feature), 1 - one.probability, abs_tol=1e-12)
    dated = [r | {"published": f"2020-0{n}-01"} for n, r in enumerate(records, 1)]
    (edge,) = bench(dated).copies.edges
    assert (edge.copy, edge.origin, edge.order_known) == ("b", "a", True)


def test_the_same_text_without_date_or_citation_is_dependent() -> None:
    text = told("same")
    one = report("a", hosts(4), text=text)
    other = report("b", [*hosts(4)[:2], *hosts(2, start=10)], text=text)
    copies = find_copies(profiles_of([one, other]), N)
    assert {e.copy for e in copies.edges} == {"a", "b"}
    assert all(e.probability > 0.4 for e in copies.edges)
    shared = Feature("domain-name", hosts(4)[0]["value"])
    assert all(copies.independence(i, shared) < 0.6 for i in "ab")


def test_shared_items_of_a_probable_copy_weigh_less() -> None:
    common = hosts(6)
    text = told(1)
    records = [
        report("a", common, text=text, published="2020-01-01"),
        report("b", [*common, *hosts(3, start=99)], text=told(2), published="2020-01-09"),
    ]
    apart = link_in(bench([{**r, "text": ""} for r in records]), "a", "b")
    assert apart.probability > 0.5
    records[1]["text"] = told(2, 20) + text
    near = bench(records)
    (edge,) = near.copies.edges
    assert edge.probability > 0.9 and near.copies.derivative_of == {}
    feature = Feature("domain-name", common[0]["value"])
    assert near.copies.independence("b", feature) == 1 - edge.probability
    assert near.copies.independence("b", Feature("domain-name", "own.com")) == 1.0
    assert link_in(near, "a", "b").total_bits < apart.total_bits - 3


def test_copies_of_one_origin_are_one_source() -> None:
    value = {"type": "mutex", "value": "m"}
    own = {"type": "mutex", "value": "own"}
    records = [report("a", [value, {"type": "mutex", "value": "n"}])]
    records += [report(f"k{n}", [value], cites=["a"]) for n in range(3)]
    records.append(report("z", [value, own], cites=["a", "k0", "k1", "k2"]))
    found = bench(records).copies
    assert len(found.derivative_of) == 3
    assert math.isclose(found.independence("z", Feature("mutex", "m")), 0.4, abs_tol=1e-12)


# How well it tells pairs apart --------------------------------------------------------------------


def auc(positive: list[float], negative: list[float]) -> float:
    """Share of (copy, independent) couples of which the copy scores higher; ties half."""
    won = sum((p > q) + 0.5 * (p == q) for p in positive for q in negative)
    return won / len(positive) / len(negative)


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_pairs_are_told_apart(seed: int) -> None:
    """480 pairs: quotations, copies and aggregators against independent witnesses."""
    world = dependence_world.make_pairs(seed, 80)
    profiles = profiles_of(world.records)
    ground = _Ground(sorted((material(p) for p in profiles.values()), key=_rank))
    scores: dict[str, list[float]] = {}
    for (later, earlier), kind in world.kind.items():
        pair = ground.pair(ground.materials[earlier], ground.materials[later])
        bits = sum(t.bits for t in assess(pair, N)) if telling(pair, N) else -99.0
        scores.setdefault(kind, []).append(bits)
    assert sum(map(len, scores.values())) == 480
    independent = scores.pop("independent")
    for kind, bits in scores.items():
        assert auc(bits, independent) >= 0.95, kind
    found = find_copies(profiles, N)
    weights = {(e.copy, e.origin): e.probability for e in found.edges}
    apart = [weights.get(p, 0.0) for p, kind in world.kind.items() if kind == "independent"]
    assert mean(apart) < 0.05
    copies = {p for p, kind in world.kind.items() if kind == "copy"}
    assert len(copies & set(found.derivative_of.items())) >= 0.8 * len(copies)
    # Hardly anything else collapses: of the rest a quotation that a longer list covers by chance.
    assert len(set(found.derivative_of) - {copy for copy, _ in copies}) <= 4
    assert not {i for i in found.derivative_of if i[-1] in "abd"}


def test_four_thousand_reports_with_text_take_seconds() -> None:
    rng = Random(9)
    records = []
    pool = [told(n, 40) for n in range(200)]
    for n in range(4_000):
        listed = hosts(6, n, start=rng.randrange(2900))
        records.append(
            report(f"r{n}", listed, text=rng.choice(pool), published=f"20{n % 20 + 10}-01-01")
        )
    profiles = profiles_of(records)
    started = time.process_time()
    find_copies(profiles, N)
    assert time.process_time() - started < 8  # seconds of a loaded machine; 4 on a free one


def test_reports_that_cite_one_page_are_hardly_two_witnesses() -> None:
    """By hand: log2 odds of .6 for the page, as for a citation; the list adds nothing here."""
    page = "https://news.example/2021/05/theft"
    own = hosts(2, seed=4)
    one = report("a", [*own, *hosts(2, 5)], published="2021-05-01", cites=[page])
    other = report("b", [*own, *hosts(2, 6)], published="2021-06-20", cites=[f"{page}/"])
    alone = bench([{**one, "cites": []}, {**other, "cites": []}])
    together = bench([one, other])
    edge = together.copies.edges[0]
    assert (edge.copy, edge.origin) == ("b", "a")
    assert [t.name for t in edge.terms] == ["start", "common source"]
    assert edge.probability == pytest.approx(0.6)
    assert link_in(together, "a", "b").total_bits < link_in(alone, "a", "b").total_bits


@pytest.mark.parametrize(
    "cites",
    [
        ["https://news.example/"],
        ["https://attack.mitre.org/techniques/T1566/"],
        ["https://news.example/2021/05/theft"],
    ],
)
def test_a_site_an_explanation_or_little_in_common_is_no_common_source(cites: list[str]) -> None:
    few = hosts(1, seed=4) if "theft" in cites[0] else hosts(3, seed=4)
    one = report("a", [*few, *hosts(6, 5, 10)], published="2021-05-01", cites=cites)
    other = report("b", [*few, *hosts(6, 6, 20)], published="2021-06-20", cites=cites)
    assert not bench([one, other]).copies.edges


@pytest.mark.parametrize(("seed", "count"), [(1, 1), (2, 10), (3, 30)])
def test_copies_that_cite_the_page_too_change_nothing(seed: int, count: int) -> None:
    page = ["https://news.example/2021/05/theft"]
    own = hosts(9, seed=seed)
    records = [
        report("a", [*own, *hosts(2, seed + 1)], published="2021-05-01", cites=page),
        report("b", [*own, *hosts(2, seed + 2)], published="2021-06-20", cites=page),
    ]
    copies = [
        {**records[0], "id": f"k{n}", "published": "2021-06-01", "cites": ["a", *page]}
        for n in range(count)
    ]
    same_for_all(records, copies)
