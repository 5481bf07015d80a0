"""Each discount matters: a program without it breaks a law. The laws themselves hold (see
test_laws_pair.py), so a failure here means that a law has lost its teeth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import helpers
import laws
import laws_records
import laws_statements
from samehand import score
from samehand.compare import claims, copies, evidence
from samehand.compare import profile as profiles
from samehand.compare.copies import Copies
from samehand.compare.evidence import Gatherer, Rarity
from samehand.compare.universe import Universe
from samehand.config import Parameters, default_parameters
from samehand.knowledge.software import is_public_tool

Patch = pytest.MonkeyPatch
SEEDS = range(400)


def numbers(**sections: dict[str, float]) -> Callable[[Patch], None]:
    """A mutant that differs in some parameters."""

    def apply(patch: Patch) -> None:
        patch.setattr(helpers, "parameters", lambda: default_parameters().changed(**sections))

    return apply


def instead(target: object, name: str, replacement: Any) -> Callable[[Patch], None]:
    """A mutant with another function."""
    return lambda patch: patch.setattr(target, name, replacement)


def flat_batches(
    items: Sequence[score.Weighed], gamma: float, without: score.Weighed | None = None
) -> float:
    """W without the discount inside a batch."""
    batches: dict[object, float] = {}
    for w in items:
        if w is not without:
            batches[w.item.batch] = batches.get(w.item.batch, 0.0) + w.further
    return score.discounted(batches.values(), gamma)


def flat_facets(
    items: Sequence[score.Weighed], gamma: float, without: score.Weighed | None = None
) -> float:
    """W without the discount over the batches."""
    batches: dict[object, list[float]] = {}
    for w in items:
        if w is not without:
            batches.setdefault(w.item.batch, []).append(w.further)
    return sum(score.discounted(values, gamma) for values in batches.values())


def some(law: Callable[[Random], None]) -> Callable[[], None]:
    """A law over fixed random examples."""

    def check() -> None:
        for seed in SEEDS:
            law(Random(seed))

    return check


ANCHORED = laws.law_corroboration_by_hand
MUTANTS: dict[str, tuple[Callable[[Patch], None], Callable[[], None]]] = {
    "grade": (instead(Parameters, "rho", lambda self, grade: 1.0), laws.law_grade_lowers),
    "independence": (
        instead(Copies, "independence", lambda *_: 1.0),
        laws_records.law_cited_item_weighs_less,
    ),
    "time decay": (instead(Rarity, "decay", property(lambda self: 1.0)), laws.law_gap_halves),
    "gamma inside a batch": (
        instead(score, "facet_weight", flat_batches),
        laws.law_one_list_counts_once,
    ),
    "gamma over batches": (
        instead(score, "facet_weight", flat_facets),
        laws.law_many_lists_count_twice_at_most,
    ),
    "gamma": (numbers(pair={"gamma": 1.0}), laws.law_one_list_counts_once),
    "gamma and facet cap": (
        numbers(pair={"gamma": 1.0, "facet_cap_bits": math.inf}),
        laws.law_two_facets_beat_one,
    ),
    "beta": (numbers(pair={"beta": 1.0}), ANCHORED),
    "facet cap": (numbers(pair={"facet_cap_bits": math.inf}), laws.law_many_marks_are_capped),
    "facet cap, at random": (
        numbers(pair={"facet_cap_bits": math.inf}),
        some(laws.law_facets_are_capped),
    ),
    "best of many": (numbers(pair={"b0_bits": 0.0}), lambda: laws.law_alone(laws.HASH)),
    "conditional universe": (numbers(universe={"conditional": 16000.0}), ANCHORED),
    "base of N": (numbers(universe={"base_origins": 100.0}), laws.law_grade_lowers),
    "limit of resemblance, case": (
        numbers(soft={"limit_case_bits": 9.0}),
        some(laws.law_soft_is_limited),
    ),
    "limit of resemblance, feed": (
        numbers(soft={"limit_feed_bits": 9.0}),
        some(laws.law_soft_is_limited),
    ),
    "limit of behaviour": (
        numbers(soft={"behaviour_cap_bits": 9.0}),
        some(laws.law_equals_the_naive_score),
    ),
    "soft items stay soft": (
        instead(score, "hard_facet_of", lambda item: item.facet),
        laws_records.law_provider_is_weak,
    ),
    "limit of reported comparisons": (
        numbers(reported={"limit_bits": 99.0}),
        laws_statements.law_reported_comparison_is_limited,
    ),
    "limit needs an anchor": (
        numbers(reported={"anchor_needed_bits": 0.0}),
        laws_statements.law_reported_comparison_is_limited,
    ),
    "one origin, one statement": (
        instead(claims, "_one_per_origin", tuple),
        laws_statements.law_one_origin_counts_once,
    ),
    "withdrawal": (
        instead(claims, "withdrawals", lambda reports: {}),
        laws_statements.law_withdrawal_restores,
    ),
    "derivatives collapse": (
        instead(copies, "_is_derivative", lambda *_: False),
        laws_records.law_pure_copies_change_nothing,
    ),
    "compilation is no witness": (
        instead(Copies, "is_witness", lambda self, report: report not in self.derivative_of),
        laws_records.law_compilation_is_no_witness,
    ),
    "own reports say nothing about rarity": (
        instead(Gatherer, "outside", lambda *_: frozenset()),
        laws_records.law_other_holders_lower,
    ),
    "own cluster says nothing about rarity": (
        instead(Gatherer, "outside", lambda self, one, two: frozenset((one, two))),
        laws_records.law_own_cluster_is_left_out,
    ),
    "what follows counts once": (
        instead(helpers, "profile", lambda r: replace(profiles.profile(r), parents={})),
        laws_records.law_what_follows_counts_once,
    ),
    "long technique lists": (
        instead(evidence, "technique_bits", lambda rate, size, mean, m: math.log2(m / rate)),
        laws.law_longer_lists_resemble_less,
    ),
    "public tools": (
        instead(evidence, "is_public_tool", lambda name, on=None: False),
        laws.law_public_tool_says_nothing,
    ),
    "when a tool became public": (
        instead(evidence, "is_public_tool", lambda name, on=None: is_public_tool(name)),
        laws.law_tool_tells_before_it_was_public,
    ),
    "commonplace values": (
        instead(evidence, "lookup", lambda feature: None),
        laws.law_commonplace_value_says_little_and_says_why,
    ),
    "providers that nobody chose": (
        instead(evidence, "unchosen", lambda provider: None),
        laws.law_commonplace_value_says_little_and_says_why,
    ),
    "holders elsewhere": (
        instead(Universe, "elsewhere", lambda self, feature: 0.0),
        laws.law_holders_elsewhere_make_a_value_common,
    ),
    "groups that use a tool": (
        instead(Universe, "users", lambda self, feature: 1.0),
        laws.law_software_of_many_groups_says_less,
    ),
    "replaced techniques": (
        instead(profiles, "current", lambda identifier: identifier),
        laws.law_replaced_technique_is_what_replaced_it,
    ),
    "passive roles": (
        instead(profiles, "PASSIVE_ROLES", frozenset()),
        laws.law_passive_values_are_not_compared,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_without_this_discount_breaks_a_law(name: str, monkeypatch: Patch) -> None:
    mutate, law = MUTANTS[name]
    law()
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        law()


def test_mutant_that_anchors_on_the_heaviest_item_is_not_monotone() -> None:
    for seed in range(3000):
        laws.law_weaker_never_raises(Random(seed))
    laws.law_weaker_of_two_never_raises()
    with pytest.raises(AssertionError):
        laws.law_weaker_of_two_never_raises(laws.heaviest_anchor_score)


def test_mutant_that_anchors_on_the_heaviest_item_is_only_an_anchor_away() -> None:
    """The mutant is the naive score but for the choice of anchor, and never scores higher."""
    lower = 0
    for seed in SEEDS:
        found = laws.examples.evidence(Random(seed))
        gap = laws.link_score(found) - laws.heaviest_anchor_score(found)
        assert gap >= -laws.CLOSE
        lower += gap > laws.CLOSE
    assert 0 < lower < len(SEEDS) / 4
