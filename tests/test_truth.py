"""Which pairs and reports of a labelled data set are scored."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest

from samehand.fit import truth
from samehand.fit.truth import Label, LeftOut, TruePair, TruePairs


def label(actor: str, known_at: str = "", source: str = "") -> Label:
    return Label(actor, source, date.fromisoformat(known_at) if known_at else None)


LABELS = {
    "a": label("A", "2019-01-01", "s"),
    "b": label("A", "2021-01-01", "t"),
    "c": label("B", "2022-01-01", "s"),
    "d": label("C", "", ""),
    "e": label("C", "2022-06-01", "u"),
}


def kept(split: truth.Split, cut: str = "") -> list[str]:
    found = TruePairs(
        tuple(TruePair(*p, True, 1.0, None) for p in combinations("abcde", 2)), LeftOut()
    )
    day = date.fromisoformat(cut) if cut else None
    result = truth.in_split(found, LABELS, split, day)
    assert result.left_out.split == 10 - len(result.pairs)
    return [p.l + p.r for p in result.pairs]


def test_split_in_time_holds_pairs_whose_later_report_is_after_the_cut() -> None:
    assert kept("time", "2021-01-01") == ["ac", "ae", "bc", "be", "cd", "ce", "de"]
    assert kept("time", "2022-06-01") == []


def test_split_by_source_holds_pairs_of_two_stated_sources() -> None:
    assert kept("source") == ["ab", "ae", "bc", "be", "ce"]
    assert len(kept("all")) == 10


def test_split_by_actor_holds_the_same_three_in_ten_everywhere() -> None:
    names = [f"actor {n}" for n in range(1000)]
    share = sum(map(truth.held_out, names)) / 1000
    assert 0.25 < share < 0.35 and not truth.held_out("")
    out = {name for name in "ABC" if truth.held_out(name)}
    expected = [
        l + r for l, r in combinations("abcde", 2) if {LABELS[l].actor, LABELS[r].actor} <= out
    ]
    assert kept("actor") == expected


def test_actor_with_an_undated_report_was_seen() -> None:
    assert truth.unseen_actors(LABELS, date(2020, 1, 1)) == {"B"}
    assert truth.unseen_actors(LABELS, date(2022, 1, 1)) == set()


def test_default_cut_has_seven_in_ten_dated_reports_before_it() -> None:
    labels = {str(n): label("A", f"2020-01-{n:02}") for n in range(1, 11)}
    labels |= {"undated": label("A"), "family": label("", "2010-01-01")}
    assert truth.default_cut(labels) == date(2020, 1, 7)


# --- labels and pairs without a list


def test_many_pairs_without_evidence_are_a_sample_that_stands_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(truth, "MOST_SAME", 30)
    monkeypatch.setattr(truth, "MOST_DIFFERENT", 100)
    labels = {f"{a}{n:02}": label(a) for a in "ABC" for n in range(20)}
    connected = [("A00", "A01"), ("B01", "A00"), ("A02", "nobody")]
    found = truth.all_pairs(labels, connected)
    assert found.sampled and len(found.pairs) == 2 + 30 + 100
    assert len({(p.l, p.r) for p in found.pairs}) == len(found.pairs)
    assert all(p.l < p.r and p.same == (p.l[0] == p.r[0]) for p in found.pairs)
    weights = {p.weight for p in found.pairs}
    assert weights == {1.0, (3 * 190 - 1) / 30, (3 * 400 - 1) / 100}
    total = {same: sum(p.weight for p in found.pairs if p.same == same) for same in (True, False)}
    assert total == pytest.approx({True: 570, False: 1200})
    assert found == truth.all_pairs(labels, connected[::-1])
    assert found != truth.all_pairs(labels, connected, seed=2)


def test_few_pairs_are_all_of_them() -> None:
    labels = {f"{a}{n}": label(a) for a in "AB" for n in range(3)} | {"x": label("")}
    found = truth.all_pairs(labels, [("B0", "A0")])
    assert not found.sampled
    assert [(p.l, p.r) for p in found.pairs] == list(combinations(sorted(set(labels) - {"x"}), 2))
    assert {p.weight for p in found.pairs} == {1.0}
