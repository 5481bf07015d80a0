"""Probability, odds and bits; words of estimative probability; Admiralty grades.

Bits are log2 of odds or of a likelihood ratio: 0 bits is 50 %, +1 bit doubles the odds.
Likelihood (how probable) and analytic confidence (how good the basis) are two outputs and never
share a sentence (ICD 203, section D.6.e.(2)(a)).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

#: ICD 203 (2015), D.6.e.(2)(a): lower bound, upper bound, words. Bands share their edges; a value
#: on an edge belongs to the upper band.
ICD203: tuple[tuple[float, float, str], ...] = (
    (0.01, 0.05, "almost no chance"),
    (0.05, 0.20, "very unlikely"),
    (0.20, 0.45, "unlikely"),
    (0.45, 0.55, "roughly even chance"),
    (0.55, 0.80, "likely"),
    (0.80, 0.95, "very likely"),
    (0.95, 0.99, "almost certain"),
)
#: The house scale in quartiles that the CryptoCore publishers used: medium-high is 50 to 75 %.
HOUSE: tuple[tuple[float, float, str], ...] = (
    (0.0, 0.25, "low"),
    (0.25, 0.50, "medium-low"),
    (0.50, 0.75, "medium-high"),
    (0.75, 1.0, "high"),
)
_GRADE = re.compile(r"^([A-F])([1-6])$")


def bits_from_probability(probability: float) -> float:
    """log2 odds of a probability strictly between 0 and 1."""
    return math.log2(probability) - math.log2(1.0 - probability)


def probability_from_bits(bits: float) -> float:
    """The probability whose log2 odds are ``bits``; never raises for large values."""
    if bits >= 0:
        return float(1.0 / (1.0 + 2.0 ** max(-bits, -1000.0)))
    odds = float(2.0 ** max(bits, -1000.0))
    return odds / (1.0 + odds)


def shown(probability: float) -> int:
    """Percent for pages: rounded to 5 points, but 1 to 99 near the ends, never 0 or 100."""
    percent = min(99.0, max(1.0, probability * 100.0))
    if percent < 5.0 or percent > 95.0:
        return round(percent)
    return int(5 * math.floor(percent / 5.0 + 0.5))


def _band(scale: tuple[tuple[float, float, str], ...], probability: float) -> str:
    words = scale[0][2]
    for low, _, name in scale:
        if probability >= low:
            words = name
    return words


def estimative_words(probability: float, *, calibrated: bool = True) -> str:
    """ICD 203 words for a probability; an uncalibrated value is at most 'very likely'."""
    if not calibrated:
        probability = min(probability, 0.9499)
    return _band(ICD203, probability)


def house_words(probability: float) -> str:
    """Words of the quartile scale for a probability."""
    return _band(HOUSE, probability)


def grade_weight(
    grade: str, reliability: Mapping[str, float], credibility: Mapping[str, float], default: str
) -> float:
    """The weight rho = r * c of an Admiralty grade such as 'B2'; ``default`` stands for ''.

    Raises:
        ValueError: if the grade is not a letter A to F and a digit 1 to 6.
    """
    match = _GRADE.match((grade or default).strip().upper())
    if match is None:
        raise ValueError(
            f"grade {grade!r} is not an Admiralty grade; write a letter A-F and a digit 1-6, "
            "such as B2"
        )
    return reliability[match[1]] * credibility[match[2]]


def is_grade(grade: str) -> bool:
    """Whether the text is an Admiralty grade."""
    return _GRADE.match(grade.strip().upper()) is not None
