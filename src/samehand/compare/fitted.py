"""What labelled pairs say about the hard bits of the starting weights, as lines of the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from samehand.compare.evidence import PairEvidence
from samehand.config import Linkage

#: One value must be so rare, before time and grade, for labels to speak about a pair: what
#: everybody holds says nothing, whatever the labelled pairs that share it are.
MIN_RARITY_BITS = 1.0


@dataclass(frozen=True, slots=True)
class FittedLine:
    """One line of the ledger that rests on labels."""

    what: str
    facet: str
    bits: float
    note: str
    of_reports: bool
    """Cites the two reports as such; otherwise the hard values that they share."""


def interpolated(knots: Sequence[tuple[float, float]], x: float) -> float:
    """The value at x of a line through knots, flat outside of them."""
    if x <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return knots[-1][1]


def fitted_lines(
    evidence: PairEvidence, linkage: Linkage, rarest: float, hard: float, provider: float = 0.0
) -> tuple[FittedLine, ...]:
    """What labelled pairs add to or take from ``hard``, the hard bits of the starting weights.

    Empty for pairs whose ``rarest`` value of a labelled type, in bits, is commonplace. What is
    shared never counts against a link: in sum the lines leave at least the prior, and ``provider``,
    the bits of shared providers, which the likeness of habits replaces.
    """
    if rarest < MIN_RARITY_BITS:
        return ()
    # A feed stands for what the labels come from. A case is likelier to hold one hand than they
    # are, by as much as their base rates differ; another prior moves both by its difference.
    reference = math.log2(evidence.usual_k / evidence.scale)
    base = linkage.base_bits + (reference - linkage.labelled_prior_bits if evidence.case else 0.0)
    lines = [
        FittedLine(
            "what labelled pairs show",
            "limit",
            base - reference + interpolated(linkage.evidence, hard) - hard,
            f"fitted on {linkage.pairs} labelled pairs that share something",
            False,
        )
    ]
    for value, (slope, usual), what in (
        (evidence.likeness.names, linkage.names, "names in hosts"),
        (evidence.likeness.habits, linkage.habits, "top-level domains and providers"),
        (evidence.likeness.kinds, linkage.kinds, "kinds of value"),
    ):
        if value is not None:
            note = f"{value:.2f} of 1; {usual:.2f} says nothing"
            bits = slope * (value - usual)
            lines.append(FittedLine(f"likeness of {what}", "infrastructure", bits, note, True))
    if evidence.dated:
        gap = math.log2(1.0 + evidence.gap_years * 365.25 / 30.0)
        bits, what = interpolated(linkage.gap, gap), "time between the reports"
    else:
        bits, what = linkage.undated_bits, "a report without a date"
    lines.append(FittedLine(what, "infrastructure", bits, "fitted", True))
    least = min(hard, MIN_RARITY_BITS) + provider
    below = hard + math.fsum(line.bits for line in lines)
    if below < least:
        what, note = "what is shared never counts against", "the sum ends at the prior"
        lines.append(FittedLine(what, "limit", least - below, note, False))
    return tuple(lines)
