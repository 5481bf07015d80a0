"""What else is loaded hardly matters: one N for every question (method page, test 5)."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from statistics import mean

import pytest

import world
from helpers import bench, comparison, link_in, profiles_of, record
from samehand.compare.evidence import Gatherer
from samehand.compare.profile import Profile

#: Largest change of a probability, or of the mean, that loading unrelated reports may cause.
ALLOWED = 0.08


def probabilities(gatherer: Gatherer, pairs: list[tuple[str, str]]) -> list[float]:
    return [link_in(gatherer, *pair).probability for pair in pairs]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", [False, True], ids=["feed", "case"])
def test_growth_from_25_to_800_reports_moves_mean_probability_by_less_than_8_points(
    seed: int, case: bool
) -> None:
    found = world.make_world(seed, actors=4, campaigns=9)
    known = {i for i in found.actor if i not in found.copy_of}
    records = [r for r in found.records if r["id"] in known][:25]
    kept = {r["id"] for r in records}
    pairs = [p for p in found.true_pairs() if kept.issuperset(p)]
    assert len(records) >= 20 and len(pairs) >= 25
    few = probabilities(bench(records, case=case), pairs)
    more = world.background(800 - len(records), seed)
    loaded = bench([*records, *more], case=case)
    many = probabilities(loaded, pairs)
    assert mean(few) > 0.05  # there is something to move
    assert abs(mean(many) - mean(few)) < ALLOWED
    # The same reports given as a background that only informs rarity: the same answer.
    assert probabilities(bench(records, case=case, background=more), pairs) == (
        pytest.approx(many, abs=1e-12)
    )


@pytest.mark.parametrize(
    "value",
    [("file:sha256", "ab" * 32), ("mutex", "Global\\9A2B"), ("domain-name", "gaxoni-files.com")],
    ids=lambda v: v[0],
)
def test_growth_leaves_a_pair_with_one_unique_item_alone(value: tuple[str, str]) -> None:
    """N cancels between the prior and an anchor that nobody else holds."""
    pair = [record("a", value), record("b", value)]
    few = link_in(bench(pair), "a", "b").probability
    many = link_in(bench([*pair, *world.background(800, 4)]), "a", "b").probability
    assert 0.2 < few < 0.6
    assert abs(many - few) < 1e-3


@pytest.fixture(scope="module")
def unrelated() -> list[Profile]:
    """10,000 reports that hold hosting, tools and providers that anybody has.

    Without techniques: those of the world are drawn evenly, so that so many reports would rightly
    teach that a rare technique is common.
    """
    records = world.cheap_background(10_000)
    return list(
        profiles_of(
            ({k: v for k, v in r.items() if k != "techniques"} for r in records), use="background"
        ).values()
    )


@pytest.mark.parametrize("case", [False, True], ids=["feed", "case"])
@pytest.mark.parametrize("seed", [5, 7, 19])
def test_answer_for_four_reports_does_not_depend_on_10000_unrelated_ones(
    seed: int, case: bool, unrelated: list[Profile]
) -> None:
    """Three reports on one campaign and one that says two of them share code and servers."""
    found = world.make_world(seed, actors=2, campaigns=2)
    own = [r for r in found.records if found.campaign.get(r["id"]) == "campaign-000"]
    records = [r for r in own if r["id"] not in found.copy_of][:3]
    assert len(records) == 3
    told = comparison(
        "zz", "code", "infrastructure", reports=[r["id"] for r in records[:2]], grade="B2"
    )
    four = [*records, told]
    pairs = list(combinations(sorted(r["id"] for r in four), 2))
    alone = probabilities(bench(four, case=case), pairs)
    among = probabilities(bench(four, case=case, background=unrelated), pairs)
    assert max(alone) > 0.5
    assert abs(mean(alone) - mean(among)) < ALLOWED
    if case:  # chosen reports keep their prior, so not even a single link moves
        assert max(abs(x - y) for x, y in zip(alone, among, strict=True)) < ALLOWED


@pytest.mark.parametrize("case", [False, True], ids=["feed", "case"])
def test_strangers_move_resemblance_and_statements_in_a_feed_only(
    case: bool, unrelated: list[Profile]
) -> None:
    """Where nothing cancels N: a case does not move at all, a feed by log2(26003 / 16003)."""
    alike = {"software": ["inhouse"], "victims": [{"country": "JP", "sector": "shipping"}]}
    pair = [record("a", **alike), record("b", **alike), comparison("c", "code", grade="B2")]
    one = link_in(bench(pair, case=case), "a", "b")
    other = link_in(bench(pair, case=case, background=unrelated), "a", "b")
    moved = 0.0 if case else math.log2(26003 / 16003)
    assert math.isclose(one.total_bits - other.total_bits, moved, abs_tol=1e-9)


def test_case_prior_never_holds_with_a_report_outside_the_case() -> None:
    """About 1:10 between two reports of the case; k = 5 with a reference or background report."""
    gatherer = bench([record("a"), record("b")], case=True)
    assert math.isclose(link_in(gatherer, "a", "b").prior_bits, math.log2(0.1))
    for use in ("reference", "background"):
        profile = gatherer.profiles["b"]
        other = replace(profile, report=replace(profile.report, use=use))
        mixed = Gatherer(
            {"a": gatherer.profiles["a"], "b": other},
            gatherer.universe,
            gatherer.copies,
            gatherer.statements,
            gatherer.parameters,
            case_k=1600.0,
        )
        assert mixed.gather("a", "b").k == 5.0 and not mixed.gather("a", "b").case
