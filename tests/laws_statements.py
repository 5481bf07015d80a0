"""Laws on what third parties state about two reports: comparisons, denials, withdrawals."""

from __future__ import annotations

import math

import helpers
from helpers import comparison, link_of, record
from laws import CLOSE, HASH

Record = helpers.Record
CASE_PRIOR = math.log2(1600 / 16000)  # one in ten, whatever else is loaded


def law_reported_comparison_is_limited() -> None:
    """Without an observed anchor of 2 bits, a reported comparison ends at z = 2 (P = .80)."""
    pair = [record("a", ("mutex", "one")), record("b", ("mutex", "other"))]
    told = comparison("c", "infrastructure", "code")
    found = link_of([*pair, told], case=True)
    assert math.isclose(found.total_bits, 2.0, abs_tol=CLOSE) and found.reported
    assert math.isclose(found.probability, 0.8, abs_tol=CLOSE)
    feed = link_of([*pair, told])
    assert math.isclose(feed.total_bits, math.log2(5 / 16003) + 9.0, abs_tol=CLOSE)
    one_facet = link_of([*pair, comparison("c", "code")])
    assert math.isclose(one_facet.total_bits, math.log2(5 / 16003) + 6.0, abs_tol=CLOSE)
    # An observed anchor lifts the limit.
    anchored = link_of([record("a", HASH), record("b", HASH), told], case=True)
    face = math.log2(0.15 * 16000 / 0.2)
    assert anchored.total_bits > 2.0
    assert math.isclose(
        anchored.total_bits, CASE_PRIOR + max(face - 3.0, 9.0 + 0.5 * math.log2(375)), abs_tol=CLOSE
    )


def law_one_origin_counts_once() -> None:
    """However many repeat a statement, it is the statement of its origin."""
    pair = [record("a"), record("b")]
    for relation in ("reported-comparison", "denial"):
        told = comparison("c", "infrastructure", "code", claim={"relation": relation})
        repeats = [
            comparison(
                f"r{n}",
                "infrastructure",
                "code",
                claim={"relation": relation, "origin": "c", "first_hand": first_hand},
            )
            for n, first_hand in enumerate((False, True, False, True))
        ]
        once, often = link_of([*pair, told]), link_of([*pair, told, *repeats])
        assert once.weight_bits != 0
        assert math.isclose(once.weight_bits, often.weight_bits, abs_tol=CLOSE)


def law_denial_lowers() -> None:
    """A first-hand denial takes 4 bits times its grade; three of them no more than 6."""
    pair = [record("a", HASH), record("b", HASH)]

    def deny(identifier: str, grade: str) -> Record:
        return comparison(identifier, claim={"relation": "denial"}, grade=grade)

    base = link_of(pair).weight_bits - math.log2(16002)
    for grades, expected in ((["A1"], -4.0), (["B2"], -4.0 * 0.68), (["A1"] * 3, -6.0)):
        against = [deny(f"d{n}", grade) for n, grade in enumerate(grades)]
        found = link_of([*pair, *against])
        gained = found.weight_bits - math.log2(16002 + len(against))
        assert math.isclose(gained - base, expected, abs_tol=CLOSE)


def law_withdrawal_restores() -> None:
    """A publisher that takes its statement back leaves exactly the belief without it."""
    pair = [record("a", ("mutex", "x")), record("b", ("mutex", "y"))]
    for claim in ({}, {"relation": "denial"}):
        told = comparison("c", "infrastructure", "code", publisher="Sky", claim=claim)
        back = {
            "id": "d",
            "publisher": "Sky",
            "claims": [{"relation": "withdrawal", "reports": ["c"]}],
        }
        silent = [{**r, "claims": []} for r in (told, back)]
        before, after = link_of([*pair, *silent]), link_of([*pair, told, back])
        assert after.total_bits == before.total_bits
        assert after.probability == before.probability
        assert link_of([*pair, told]).total_bits != before.total_bits
        lines = [c for c in after.contributions if c.facet == "claims"]
        assert len(lines) == 2 and lines[0].bits == -lines[1].bits != 0
        assert "withdrawn" in lines[1].comparison


def law_repeating_does_not_strengthen() -> None:
    """A repeated statement keeps the grade of its origin, however good the repeater's."""
    pair = [record("a"), record("b")]
    told = comparison("c", "infrastructure", "code", grade="C3")
    again = comparison("r", "infrastructure", "code", claim={"origin": "c", "first_hand": False})
    weight = link_of([*pair, told]).weight_bits
    assert weight > 0
    assert math.isclose(link_of([*pair, told, again]).weight_bits, weight, abs_tol=CLOSE)


def law_withdrawal_silences_repeaters() -> None:
    """Who only repeated a statement falls silent with it; who saw for itself does not."""
    pair = [record("a"), record("b")]
    told = comparison("c", "infrastructure", "code", publisher="Sky")
    back = {"id": "d", "publisher": "Sky",
            "claims": [{"relation": "withdrawal", "reports": ["c"]}]}  # fmt: skip
    again = comparison("r", "infrastructure", "code", claim={"origin": "c", "first_hand": False})
    own = comparison("r", "infrastructure", "code")
    assert link_of([*pair, told, again]).weight_bits > 0
    assert link_of([*pair, told, again, back]).weight_bits == 0
    assert link_of([*pair, told, own, back]).weight_bits == 9.0
