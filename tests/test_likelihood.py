"""Probability, bits, words and grades (ICD 203, Admiralty scale)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.config import default_parameters
from samehand.likelihood import (
    bits_from_probability,
    estimative_words,
    grade_weight,
    house_words,
    is_grade,
    probability_from_bits,
    shown,
)

#: ICD 203 (2015), D.6.e.(2)(a): words and the edges between them, in percent.
WORDS = [
    "almost no chance",
    "very unlikely",
    "unlikely",
    "roughly even chance",
    "likely",
    "very likely",
    "almost certain",
]
EDGES = [5, 20, 45, 55, 80, 95]
probabilities = st.floats(0, 1)


@pytest.mark.parametrize(("number", "edge"), list(enumerate(EDGES)))
def test_words_change_exactly_at_the_edges_of_icd_203(number: int, edge: int) -> None:
    assert estimative_words(edge / 100 - 1e-9) == WORDS[number]
    assert estimative_words(edge / 100) == WORDS[number + 1]


def test_words_cover_the_whole_range() -> None:
    assert estimative_words(0.0) == WORDS[0] and estimative_words(1.0) == WORDS[-1]


@given(probabilities)
def test_uncalibrated_value_is_called_very_likely_at_most(p: float) -> None:
    words = estimative_words(p, calibrated=False)
    assert words != "almost certain"
    assert words == (estimative_words(p) if p < 0.95 else "very likely")


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.0, "low"),
        (0.2499, "low"),
        (0.25, "medium-low"),
        (0.4999, "medium-low"),
        (0.5, "medium-high"),
        (0.7499, "medium-high"),
        (0.75, "high"),
        (1.0, "high"),
    ],
)
def test_house_scale_goes_by_quartiles(p: float, words: str) -> None:
    assert house_words(p) == words


@given(probabilities, probabilities)
def test_shown_percent_is_never_certain_and_never_falls(p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert 1 <= shown(low) <= shown(high) <= 99


@pytest.mark.parametrize(
    ("p", "percent"),
    [
        (0.0, 1),
        (0.004, 1),
        (0.03, 3),
        (0.05, 5),
        (0.07, 5),
        (0.08, 10),
        (0.125, 15),
        (0.5, 50),
        (0.62, 60),
        (0.63, 65),
        (0.925, 95),
        (0.95, 95),
        (0.97, 97),
        (0.9999, 99),
        (1.0, 99),
    ],
)
def test_shown_percent_is_rounded_to_five_points_except_near_the_ends(
    p: float, percent: int
) -> None:
    assert shown(p) == percent


@pytest.mark.parametrize(
    ("bits", "p"),
    [
        (0, 0.5),
        (1, 2 / 3),
        (-1, 1 / 3),
        (3, 8 / 9),
        (7, 128 / 129),
        (2, 0.8),
        (-10, 1 / 1025),
    ],
)
def test_bits_are_log2_odds(bits: float, p: float) -> None:
    assert probability_from_bits(bits) == pytest.approx(p, rel=1e-15)
    assert bits_from_probability(p) == pytest.approx(bits, abs=1e-12)


@given(st.floats(-40, 40))
def test_bits_and_probability_are_inverse(bits: float) -> None:
    assert bits_from_probability(probability_from_bits(bits)) == pytest.approx(bits, abs=1e-3)
    assert probability_from_bits(bits) + probability_from_bits(-bits) == pytest.approx(1.0)


@pytest.mark.parametrize("bits", [5000.0, -5000.0, math.inf, -math.inf])
def test_extreme_bits_stay_probabilities(bits: float) -> None:
    assert probability_from_bits(bits) == pytest.approx(1.0 if bits > 0 else 0.0)


@pytest.mark.parametrize(
    ("grade", "rho"),
    [
        ("A1", 1.0),
        ("B2", 0.68),
        ("", 0.68),
        ("b2 ", 0.68),
        ("C3", 0.30),
        ("D4", 0.075),
        ("E1", 0.0),
        ("A5", 0.0),
        ("F6", 0.20),
        ("A2", 0.8),
        ("F1", 0.5),
    ],
)
def test_weight_of_a_grade_is_reliability_times_credibility(grade: str, rho: float) -> None:
    """The method page, section 1; ungraded counts as B2."""
    assert default_parameters().rho(grade) == pytest.approx(rho, abs=1e-12)


@pytest.mark.parametrize("grade", ["G1", "A7", "A0", "AB", "1A", "A 1", "A11"])
def test_what_is_no_grade_is_refused_and_the_message_says_how_to_write_one(grade: str) -> None:
    assert not is_grade(grade)
    with pytest.raises(ValueError, match="B2"):
        grade_weight(grade, {"A": 1.0}, {"1": 1.0}, "B2")


@pytest.mark.parametrize(
    ("words", "factor"),
    [
        ("high", 1.0),
        ("Medium-High ", 0.8),
        ("medium", 0.6),
        ("low", 0.4),
        ("similarity", 0.3),
        ("", 0.6),
        ("no such words", 0.6),
    ],
)
def test_words_of_confidence_have_the_factors_of_the_design(words: str, factor: float) -> None:
    assert default_parameters().words_factor(words) == factor
