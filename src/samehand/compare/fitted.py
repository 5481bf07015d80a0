"""What labelled pairs say about the hard bits of the starting weights, as lines of the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from samehand.compare.evidence import PairEvidence
from samehand.config import Linkage
from samehand.likelihood import bits_from_probability, probability_from_bits
from samehand.model import Interval

#: One value must be so rare, before time and grade, for labels to speak about a pair: what
#: everybody holds says nothing, whatever the labelled pairs that share it are.
MIN_RARITY_BITS = 1.0
#: A value of this rarity, before time, tells in full what kind of value it is.
FULL_RARITY_BITS = 4.0
#: Labelled types -> the group whose sharing the labels weigh.
GROUPS = {
    "ipv4-addr": "address",
    "ipv4-addr:port": "address",
    "domain-name": "domain",
    "registered-domain": "domain",
    "url": "path",
    "url:path": "path",
    "file:md5": "file",
    "file:sha1": "file",
    "file:sha256": "file",
    "file:sha512": "file",
}


@dataclass(frozen=True, slots=True)
class Signals:
    """What two reports share of labelled types, as the starting weights see it."""

    hard: float
    """Bits of the best anchor and of what corroborates it."""
    rarest: float
    """Bits of the rarest value, before time and grade."""
    shared: Mapping[str, float]
    """Group -> 0 to 1: whether a value of it is shared that is rare and counts as observed."""
    independence: float
    """Of the rare values the best: probability that neither report took it from elsewhere."""


@dataclass(frozen=True, slots=True)
class FittedLine:
    """One line of the ledger that rests on labels."""

    what: str
    facet: str
    bits: float
    note: str
    of_reports: bool
    """Cites the two reports as such; otherwise the hard values that they share."""
    group: str = ""
    """Cites the shared values of this group only."""


def interpolated(knots: Sequence[tuple[float, float]], x: float) -> float:
    """The value at x of a line through knots, flat outside of them."""
    if x <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return knots[-1][1]


def _base(evidence: PairEvidence, linkage: Linkage) -> float:
    """log2 odds where nothing else speaks, for a pair that the labels speak about.

    A feed stands for what the labels come from. A case is likelier to hold one hand than they are,
    by as much as their base rates differ; another prior moves both by its difference.
    """
    usual = math.log2(evidence.usual_k / evidence.scale)
    return linkage.base_bits + (usual - linkage.labelled_prior_bits if evidence.case else 0.0)


def fitted_range(evidence: PairEvidence, linkage: Linkage, total: float) -> Interval | None:
    """Where the probability of such pairs lay among labelled ones that the fit did not see.

    It is widened to hold the probability itself, and moved as the base rate is. `None` if the fit
    does not say.
    """
    if not linkage.ranges:
        return None
    moved = _base(evidence, linkage) - linkage.base_bits + math.log2(evidence.k / evidence.usual_k)
    below = [row for row in linkage.ranges if row[0] <= total - moved] or [linkage.ranges[0]]
    above = [row for row in linkage.ranges if row[0] >= total - moved] or [linkage.ranges[-1]]
    ends = (below[-1][1], above[0][2])
    low, high = (
        probability_from_bits(bits_from_probability(min(max(p, 1e-6), 1 - 1e-6)) + moved)
        for p in ends
    )
    probability = probability_from_bits(total)
    return Interval(min(low, probability), max(high, probability))


def fitted_lines(
    evidence: PairEvidence, linkage: Linkage, signals: Signals, provider: float = 0.0
) -> tuple[FittedLine, ...]:
    """What labelled pairs add to or take from the hard bits of the starting weights.

    Empty for pairs whose rarest value of a labelled type is commonplace. What is shared never
    counts against a link: in sum the lines leave at least the prior, and ``provider``, the bits of
    shared providers, which the likeness of habits replaces. Nor does it count for more than the
    labelled pairs of different hands can tell.
    """
    hard = signals.hard
    if signals.rarest < MIN_RARITY_BITS:
        return ()
    reference = math.log2(evidence.usual_k / evidence.scale)
    base = _base(evidence, linkage)
    lines = [
        FittedLine(
            "what labelled pairs show",
            "limit",
            base - reference + interpolated(linkage.evidence, hard) - hard,
            f"fitted on {linkage.pairs} labelled pairs that share something",
            False,
        )
    ]
    for group, bits in linkage.shared.items():
        strength = signals.shared.get(group, 0.0)
        if strength:
            facet = "malware" if group == "file" else "infrastructure"
            what, note = f"a shared {group}", "fitted: what this kind of value says when shared"
            lines.append(FittedLine(what, facet, bits * strength, note, False, group))
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
    most = linkage.most_bits - linkage.base_bits + base - reference
    above = hard + math.fsum(line.bits for line in lines) - most
    if above > 0.0:
        what = "limit of what the labels support"
        note = f"{linkage.pairs - linkage.positives} labelled pairs of different hands"
        lines.append(FittedLine(what, "limit", -above, note, False))
    least = min(hard, MIN_RARITY_BITS) + provider
    said = hard + math.fsum(line.bits for line in lines)
    if signals.independence < 1.0 and said > least:
        witnessed, quoted = (probability_from_bits(reference + bits) for bits in (said, least))
        mixed = signals.independence * witnessed + (1.0 - signals.independence) * quoted
        taken = said - bits_from_probability(mixed) + reference
        what = "what one took from another is no witness"
        note = f"labels speak as far as both observed it: {signals.independence:.2f}"
        lines.append(FittedLine(what, "limit", -taken, note, False))
    below = hard + math.fsum(line.bits for line in lines)
    if below < least:
        what, note = "what is shared never counts against", "the sum ends at the prior"
        lines.append(FittedLine(what, "limit", least - below, note, False))
    return tuple(lines)
