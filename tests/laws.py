"""The laws of a pair score as plain functions; tests run them, mutants must break them.

A law takes a random generator where it holds for all examples, and nothing where one worked
example says it. The numbers in them come from DESIGN section 4 and the method page, sections 2.3
and 2.5, never from the parameters under test. The few laws on copies stand in laws_records.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

import examples
import helpers
import naive
from helpers import bits_of, link_of, record, total
from samehand import link, score
from samehand.compare.evidence import Item, PairEvidence, Rarity
from samehand.knowledge.prevalence import Row
from samehand.model import Feature

CLOSE = 1e-9
Scorer = Callable[[PairEvidence], float]
HASH = ("file:sha256", "ab" * 32)
HASH2 = ("file:sha256", "cd" * 32)

#: "P if it is the only evidence", in percent: the table of the method page, section 2.5 (prior
#: k = 5, b0 = -3, best grade). The wallet is worked out by hand: 5/8 * .12/.1 = .75 odds.
ALONE = {
    ("file:sha256", "ab" * 32): 32,
    ("domain-name", "coincheck-files.com"): 43,
    ("url", "http://91.20.1.7/a/very/telling/path.php"): 38,
    ("ipv4-addr", "91.20.1.7"): 7,
    ("x509-certificate:sha1", "cd" * 20): 17,
    ("email-addr", "someone@mail.example"): 17,
    ("mutex", "Global\\9A2B"): 38,
    ("pdb-path", "D:\\work\\loader.pdb"): 38,
    ("file:imphash", "ef" * 16): 2,
    ("file:tlsh", "T1A0B1"): 26,
    ("file:ssdeep", "3:abc:def"): 10,
    ("lure-title", "Salary adjustments"): 33,
    ("yara-rule", "loader_2020"): 16,
    ("cryptocurrency-wallet", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"): 43,
}


def link_score(evidence: PairEvidence) -> float:
    """z of the program."""
    return score.score(evidence, helpers.parameters()).total


def heaviest_anchor_score(evidence: PairEvidence) -> float:
    """z of the mutant that always anchors on the heaviest item."""
    return naive.score(evidence, choose=naive.heaviest_anchor)


def law_equals_the_naive_score(rng: Random) -> None:
    evidence = examples.evidence(rng)
    assert abs(link_score(evidence) - naive.score(evidence)) < CLOSE


def law_item_order_does_not_matter(rng: Random) -> None:
    evidence = examples.evidence(rng)
    shuffled = rng.sample(evidence.items, len(evidence.items))
    other = replace(evidence, items=tuple(shuffled))
    assert abs(link_score(evidence) - link_score(other)) < CLOSE


def law_more_never_lowers(rng: Random, score: Scorer = link_score) -> None:
    """An extra shared item never lowers the score."""
    evidence = examples.evidence(rng)
    more = replace(evidence, items=(*evidence.items, examples.item(rng, 99)))
    assert score(more) >= score(evidence) - CLOSE


def _weaker(rng: Random, item: Item) -> Item:
    """The item, worse in one respect: kappa, holders, gap, grade or copying."""
    what = rng.choice(
        ["kappa", "holders", "elsewhere", "commonplace", "gap", "rho", "independence"]
    )
    if what == "rho":
        return replace(item, rho=item.rho * 0.5)
    if what == "independence":
        return replace(item, independence=item.independence * 0.4)
    number = rng.randrange(len(item.rarities))
    way = item.rarities[number]
    if what == "kappa":
        way = replace(way, kappa=way.kappa * rng.choice([1.5, 4.0, 30.0]))
    elif what == "elsewhere":
        way = replace(way, elsewhere=way.elsewhere + rng.choice([0.4, 1.0, 20.0, 500.0]))
    elif what == "commonplace":
        way = replace(way, commonplace=max(40.0, way.commonplace * 10))
    elif what == "holders":
        way = replace(way, holders=way.holders + rng.choice([0.4, 1.0, 20.0, 500.0]))
    else:
        way = replace(way, gap_days=(way.gap_days or 0) + rng.choice([10, 100, 2000]))
    ways = list(item.rarities)
    ways[number] = way
    return replace(item, rarities=tuple(ways))


def law_weaker_never_raises(rng: Random, score: Scorer = link_score) -> None:
    """Raising kappa, d, the gap or the probability of copying never raises the score."""
    evidence = examples.evidence(rng)
    if not evidence.items:
        return
    items = list(evidence.items)
    number = rng.randrange(len(items))
    items[number] = _weaker(rng, items[number])
    assert score(replace(evidence, items=tuple(items))) <= score(evidence) + CLOSE


def law_weaker_of_two_never_raises(score: Scorer = link_score) -> None:
    """The heavier of two items falls just below the other one as more reports hold it.

    By hand, at n = 16,000: 10 bits as anchor and as corroboration, against 9.9 and 4.9. Anchored
    on the heavier, 10 - 3 + 4.9/2 = 9.45; on the other, 9.9 - 3 + 10/2 = 11.9. Whoever always
    takes the heavier finds the latter only after it has become the lighter.
    """
    none = replace(
        examples.evidence(Random(0)), comparisons=(), denials=(), n=16e3, scale=16e3, k=5.0
    )

    def two(holders: float) -> PairEvidence:
        ways = (
            Rarity("mutex", 0.5, 0.1, holders, None, math.inf),
            Rarity("domain-name", 0.12, 2.0, 0.0, None, math.inf),
        )
        facets = ("code", "infrastructure")
        items = tuple(
            Item(Feature(w.kind, w.kind), f, "", ("1", "1"), (w,), 1.0, 1.0, (w.kind,))  # type: ignore[arg-type]
            for w, f in zip(ways, facets, strict=True)
        )
        return replace(none, items=items)

    assert score(two(9.0)) <= score(two(7.8)) + CLOSE


def law_ledger_sums(rng: Random) -> None:
    """prior + contributions = total, and no line without the observations behind it."""
    evidence = examples.evidence(rng)
    found = link.make_link(evidence, helpers.parameters())
    known = {o for i in evidence.items for o in i.observations} | {"a", "b", "claim 99"}
    known |= {s.claim for s in (*evidence.comparisons, *evidence.denials)}
    assert (
        abs(found.prior_bits + sum(c.bits for c in found.contributions) - found.total_bits) < CLOSE
    )
    assert abs(found.weight_bits - sum(c.bits for c in found.contributions)) < CLOSE
    for line in found.contributions:
        assert line.bits != 0 and line.observations and set(line.observations) <= known


def law_prior_shift(rng: Random) -> None:
    """Doubling k moves the score by exactly one bit when no limit acts."""
    evidence = examples.evidence(rng)
    numbers = helpers.parameters()
    one = score.score(evidence, numbers)
    two = score.score(replace(evidence, k=2 * evidence.k), numbers)
    if one.limit == 0 and two.limit == 0:
        assert abs(two.total - one.total - 1.0) < CLOSE
    else:
        assert two.total - one.total < 1.0 + CLOSE


def law_nothing_shared_is_the_prior(rng: Random) -> None:
    evidence = replace(examples.evidence(rng), items=(), comparisons=(), denials=())
    found = link.make_link(evidence, helpers.parameters())
    assert found.contributions == ()
    assert found.total_bits == found.prior_bits == math.log2(evidence.k / evidence.scale)
    odds = evidence.k / evidence.scale
    assert math.isclose(found.probability, odds / (1 + odds), rel_tol=1e-12)


def law_facets_are_capped(rng: Random) -> None:
    """No facet corroborates with more than C = 6 bits, on top of one anchor."""
    evidence = examples.evidence(rng, stated=False)
    best = tuple(replace(i, rho=1.0, independence=1.0) for i in evidence.items)
    evidence = replace(evidence, items=best)
    found = score.score(evidence, helpers.parameters())
    assert all(bits <= 6.0 + CLOSE for bits in found.facets.values())
    lines = link.make_link(evidence, helpers.parameters()).contributions
    anchor = found.anchor.item.facet if found.anchor else ""
    for facet in naive.HARD:
        bits = sum(c.bits for c in lines if c.facet == facet)
        soft = 2.0 if facet == "infrastructure" else 0.0  # the choice of provider is shown there
        assert bits <= 6.0 + soft + CLOSE + (found.anchor_net if facet == anchor else 0.0)


def law_many_marks_are_capped() -> None:
    """Eighty mutexes of one list and two hashes: one anchor, and 6 bits from either facet."""
    marks = [("mutex", f"Global\\m{n}") for n in range(80)]
    found = link_of([record("a", HASH, HASH2, *marks), record("b", HASH, HASH2, *marks)])
    anchor = math.log2(16002) - 3.0  # m = kappa = .3
    assert math.isclose(bits_of(found, "code"), anchor + 6.0, abs_tol=CLOSE)
    assert math.isclose(bits_of(found, "malware"), 6.0, abs_tol=CLOSE)


def law_soft_is_limited(rng: Random) -> None:
    """Soft items never anchor; together they carry at most 2 bits (case) or 3 (feed)."""
    evidence = examples.evidence(rng, stated=False)
    soft = tuple(i for i in evidence.items if i.soft)
    without = replace(evidence, items=tuple(i for i in evidence.items if not i.soft))
    limit = 2.0 if evidence.case else 3.0
    assert link_score(evidence) - link_score(without) <= limit + CLOSE
    found = score.score(replace(evidence, items=soft), helpers.parameters())
    assert found.anchor is None and found.total <= found.prior + limit + CLOSE


def law_alone(value: tuple[str, str]) -> None:
    """One shared value and nothing else: the probability of the method page's table."""
    found = link_of([record("a", value), record("b", value)])
    assert round(100 * found.probability) == ALONE[value]


def law_grade_lowers() -> None:
    """The weight of one item is proportional to the grade: 1, .68, .3 and nothing."""

    def gained(grade: str) -> float:
        return total(record("a", HASH), record("b", HASH, grade=grade)) - math.log2(5 / 16002)

    face = math.log2(0.15 * 16002 / 0.2)
    assert math.isclose(gained("A1"), face - 3.0, abs_tol=CLOSE)
    assert math.isclose(gained("B2"), 0.68 * face - 3.0, abs_tol=CLOSE)
    # Too weak for an anchor: corroboration, half of log2(.15 * 500 / .2), is what remains.
    assert math.isclose(gained("C3"), 0.30 * 0.5 * math.log2(375), abs_tol=CLOSE)
    assert gained("E5") == 0.0


def law_gap_halves() -> None:
    """An address seen one half-life (90 days) apart weighs half, two half-lives a quarter."""

    def seen(day: str) -> helpers.Record:
        return {"type": "ipv4-addr", "value": "91.20.1.7", "first_seen": day}

    def gained(day: str) -> float:
        found = link_of([record("a", seen("2019-01-01")), record("b", seen(day))])
        return found.total_bits - found.prior_bits

    face = math.log2(0.12 * 16002 / 1)
    assert math.isclose(gained("2019-01-01"), face - 3.0, abs_tol=CLOSE)
    assert math.isclose(gained("2019-04-01"), face / 2 - 3.0, abs_tol=CLOSE)
    # Too weak for an anchor: corroboration, half of log2(.12 * 500 / 1), is what remains.
    assert math.isclose(gained("2019-06-30"), 0.5 * math.log2(60) / 4, abs_tol=CLOSE)


def law_one_list_counts_once() -> None:
    """Forty more items of one list are worth at most two."""
    names = [("file:name", f"tool{n}.dll") for n in range(40)]

    def code(count: int) -> float:
        shared = (HASH, *names[:count])
        return bits_of(link_of([record("a", *shared), record("b", *shared)]), "code")

    assert 0 < code(1) < code(40) <= 2 * code(1) + CLOSE


def law_many_lists_count_twice_at_most() -> None:
    """Forty lists of one item each in one facet are worth at most two."""
    names = [
        {"type": "file:name", "value": f"tool{n}.dll", "batch": f"list {n}"} for n in range(40)
    ]

    def code(count: int) -> float:
        shared = (HASH, *names[:count])
        return bits_of(link_of([record("a", *shared), record("b", *shared)]), "code")

    assert 0 < code(1) < code(40) <= 2 * code(1) + CLOSE


def law_corroboration_by_hand() -> None:
    """Beside an anchor a mutex is worth half of log2(.3 / (.3/500)) = 8.966 bits."""
    mark = ("mutex", "Global\\9A2B")
    found = link_of([record("a", HASH, HASH2, mark), record("b", HASH, HASH2, mark)])
    # The anchor is one hash, 10.55 + 4.28 + 4.48, and not the rarer mutex, 10.97 + 6 (capped).
    assert math.isclose(bits_of(found, "code"), 0.5 * math.log2(500), abs_tol=CLOSE)
    assert math.isclose(
        bits_of(found, "malware"),
        math.log2(0.15 * 16002 / 0.2) - 3.0 + 0.5 * math.log2(375),
        abs_tol=CLOSE,
    )


def law_two_facets_beat_one() -> None:
    """Equal face value in two facets is worth more than in one."""
    marks = [("mutex", f"Global\\{n}") for n in range(3)]
    build = ("pdb-path", "D:\\x\\y.pdb")  # same m and kappa as a mutex
    one = [HASH, *marks]
    two = [HASH, *marks[:2], build]
    assert total(record("a", *two), record("b", *two)) > (
        total(record("a", *one), record("b", *one)) + 2.0
    )


def law_campaign_is_rarer_than_hand(rng: Random) -> None:
    """P(same campaign) <= P(same hand), and a longer gap in time never raises it."""
    evidence = examples.evidence(rng)
    found = link.make_link(evidence, helpers.parameters())
    later = link.make_link(
        replace(evidence, gap_years=evidence.gap_years + 1.0), helpers.parameters()
    )
    assert 0 <= found.campaign_probability <= found.probability <= 1
    assert later.campaign_probability <= found.campaign_probability
    assert later.total_bits == found.total_bits


def law_longer_lists_resemble_less() -> None:
    """Two shared techniques say less when one of the two lists is long."""
    shared = ["T1090", "T1105"]
    rest = [f"T1{n}" for n in range(800, 840)]
    short = total(record("a", techniques=shared), record("b", techniques=shared))
    long = total(record("a", techniques=shared), record("b", techniques=[*shared, *rest]))
    assert math.log2(5 / 16002) <= long < short - 0.5


def law_public_tool_says_nothing() -> None:
    """A public tool contributes less than half a bit, a private family more than one."""

    def gained(name: str) -> float:
        return link_of([record("a", software=[name]), record("b", software=[name])]).weight_bits

    for name in ("Mimikatz", "Cobalt Strike", "njRAT"):
        assert gained(name) < 0.5
    assert gained("CageyChameleon") > 1.0


def law_tool_tells_before_it_was_public() -> None:
    """EternalBlue was published by the Shadow Brokers in April 2017; before that two who had it
    had it from one place."""

    def gained(year: int) -> float:
        dated = {"software": ["EternalBlue"], "published": f"{year}-03-01"}
        return link_of([record("a", **dated), record("b", **dated)]).weight_bits

    assert gained(2016) > 1.0
    assert gained(2018) < 0.5
    before, after = (
        record(n, software=["EternalBlue"], published=f"{y}-03-01")
        for n, y in (("a", 2017), ("b", 2018))
    )
    assert link_of([before, after]).weight_bits < 0.5, "the later one may have it from anywhere"


def law_commonplace_value_says_little_and_says_why() -> None:
    """A public resolver is worth nothing, and the ledger shows what took it away."""
    value = ("ipv4-addr", "8.8.8.8")
    found = link_of([record("a", value), record("b", value)])
    assert abs(found.weight_bits) < CLOSE
    taken = [c for c in found.contributions if c.comparison.startswith("commonplace value")]
    assert len(taken) == 1 and "resolver" in taken[0].comparison
    assert taken[0].bits < -5 and taken[0].observations
    # Neither does a search engine as the provider of a choice; a dynamic-DNS provider still does.
    search, choice = ("domain-name", "www.google.com"), ("domain-name", "{}.duckdns.org")
    assert abs(link_of([record("a", search), record("b", search)]).weight_bits) < CLOSE
    chosen = [record(n, (choice[0], choice[1].format(n))) for n in ("a", "b")]
    assert 0 < link_of(chosen).weight_bits <= 2


def law_one_more_commonplace_value_never_lowers() -> None:
    """An open resolver in one report, then in both; the /24 follows from another address too."""
    resolver, beside = ("ipv4-addr", "1.161.138.16"), ("ipv4-addr", "1.161.138.77")
    apart = total(record("a", resolver), record("b", beside))
    both = total(record("a", resolver), record("b", beside, resolver))
    assert both >= apart - CLOSE


def law_holders_elsewhere_make_a_value_common() -> None:
    """Five unrelated holders among 16,000 reports: u grows from .1 to 5.1 of 16,002."""
    host = "a-name-of-our-own.net"
    features = tuple(Feature(kind, host) for kind in ("domain-name", "registered-domain"))
    rows = [Row("family", f"f{n}", 0, features) for n in range(5)]
    rows += [Row("family", "others", 0, ()) for _ in range(15_995)]
    pair = [record("a", ("domain-name", host)), record("b", ("domain-name", host))]
    with helpers.sketch_of([], []):
        rare = link_of(pair).total_bits
    with helpers.sketch_of([], rows):
        common = link_of(pair).total_bits
    assert abs(rare - common - math.log2(5.1 / 0.1)) < 1e-6


def law_software_of_many_groups_says_less() -> None:
    """A family that a dozen groups share is worth nothing, one that nobody shares some bits."""

    def gained(name: str) -> float:
        return link_of([record("a", software=[name]), record("b", software=[name])]).weight_bits

    assert gained("CageyChameleon") > 1.0
    assert gained("PlugX") < 0.2


def law_replaced_technique_is_what_replaced_it() -> None:
    """ATT&CK replaced T1086 by T1059.001 in 2020: an old report and a new one share it."""
    old, new = record("a", techniques=["T1086"]), record("b", techniques=["T1059.001"])
    same = record("a", techniques=["T1059.001"])
    assert total(old, new) > math.log2(5 / 16002) + 0.1
    assert abs(total(old, new) - total(same, new)) < CLOSE


def law_passive_values_are_not_compared() -> None:
    """What a report names as victim, reference, sinkhole or benign is no evidence."""
    for role in ("victim", "reference", "sinkhole", "benign"):
        passive = {"type": HASH[0], "value": HASH[1], "role": role}
        assert total(record("a", passive), record("b", HASH)) == math.log2(5 / 16002)
