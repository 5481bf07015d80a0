"""Each part of the fitted layer matters: a program without it breaks a law of fitted links."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import laws_fitted
from samehand import score
from samehand.compare import fitted
from samehand.compare.evidence import PairEvidence
from samehand.compare.fitted import FittedLine, Signals
from samehand.config import Linkage

SEEDS = range(1500)
LINES = fitted.fitted_lines
Patch = pytest.MonkeyPatch


def linkage(**fields: Any) -> Callable[[Patch], None]:
    """A mutant with another fit."""

    def apply(patch: Patch) -> None:
        changed = replace(laws_fitted.FITTED, linkage=replace(laws_fitted.LINKAGE, **fields))  # type: ignore[type-var]
        patch.setattr(laws_fitted, "FITTED", changed)

    return apply


def without(what: str) -> Callable[[Patch], None]:
    """A mutant that leaves out one line of the ledger."""

    def lines(
        evidence: PairEvidence, linkage: Linkage, signals: Signals, provider: float = 0.0
    ) -> Sequence[FittedLine]:
        found = LINES(evidence, linkage, signals, provider)
        return tuple(line for line in found if what not in line.what)

    return lambda patch: patch.setattr(score, "fitted_lines", lines)


def surely_rare(patch: Patch) -> None:
    """Sharing a kind of value tells in full, however common the value is."""
    patch.setattr(score, "FULL_RARITY_BITS", 1e-9)


def copied_counts(patch: Patch) -> None:
    """Sharing a kind of value tells as much if it was copied."""
    labelled = score._labelled

    def changed(evidence: PairEvidence, *rest: Any) -> Any:
        _, found = labelled(evidence, *rest)
        whole = replace(evidence, items=tuple(replace(i, independence=1.0) for i in evidence.items))
        by_facet: dict[Any, list[Any]] = {}
        for weighed in score.score(whole, replace(laws_fitted.FITTED, linkage=None)).weighed:
            if (facet := score.hard_facet_of(weighed.item)) is not None:
                by_facet.setdefault(facet, []).append(weighed)
        return labelled(whole, rest[0], by_facet, *rest[2:])[0], found

    patch.setattr(score, "_labelled", changed)


def labels_replace_all(patch: Patch) -> None:
    """What no label speaks about is forgotten where some label speaks."""
    patch.setattr(score, "unlabelled", lambda *_: False)


LAW = {law.__name__.removeprefix("law_"): law for law in laws_fitted.LAWS}
MUTANTS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "no more than labels support": (without("labels support"), "no_more_than_the_labels_support"),
    "a quotation is no witness": (
        without("is no witness"),
        "a_quoted_list_is_never_likely",
    ),
    "what is common opens nothing": (
        lambda patch: patch.setattr(fitted, "MIN_RARITY_BITS", -1.0),
        "what_everybody_holds_makes_no_link",
    ),
    "a kind tells as far as the value is rare": (
        surely_rare,
        "commonplace_values_tell_nothing_of_their_kind",
    ),
    "a kind tells as far as it was observed": (copied_counts, "what_was_copied_tells_nothing"),
    "evidence never falls": (
        linkage(evidence=((0.0, 4.0), (16.0, 0.0))),
        "a_further_shared_item_never_lowers",
    ),
    "weaker is never more": (
        linkage(evidence=((0.0, 4.0), (16.0, 0.0))),
        "weaker_items_never_raise",
    ),
    "a kind never counts against": (
        linkage(shared=dict.fromkeys(("address", "domain", "path", "file"), -9.0)),
        "a_further_shared_item_never_lowers",
    ),
    "a gap never raises": (linkage(gap=((0.0, 0.0), (8.0, 3.0))), "a_longer_gap_never_raises"),
    "likeness never lowers": (linkage(names=(-3.0, 0.05)), "more_likeness_never_lowers"),
    "unlabelled evidence stays": (labels_replace_all, "a_further_shared_item_never_lowers"),
    "the prior moves all": (
        lambda patch: patch.setattr(
            fitted, "_base", lambda e, linkage: linkage.base_bits + e.k / e.usual_k
        ),
        "order_and_prior",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_without_this_breaks_a_law(name: str, monkeypatch: Patch) -> None:
    mutate, law = MUTANTS[name]
    for seed in SEEDS:
        LAW[law](Random(seed))
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            LAW[law](Random(seed))


def test_a_fit_that_counts_sharing_against_ends_at_the_prior(monkeypatch: Patch) -> None:
    """Labels from a world of strangers may show that; what is shared still never counts against."""
    linkage(base_bits=-20.0)(monkeypatch)
    law = LAW["sharing_is_never_below_the_prior"]
    for seed in SEEDS:
        law(Random(seed))
    without("never counts against")(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            law(Random(seed))
