"""The attribution of a campaign as a short paragraph that an analyst can paste.

Bottom line, basis, why not others, what would change it, the earlier view and why it changed.
Likelihood and analytic confidence never share a sentence (ICD 203, section D.6.e(2)(a)).
"""

from __future__ import annotations

from collections.abc import Iterable

from samehand.counterfactual import attribution_of
from samehand.likelihood import estimative_words, shown
from samehand.model import Assessment, Attribution, Campaign, Contribution, Hypothesis

#: Pieces of evidence that are told, the weightiest first.
_MOST_PIECES = 3
#: An earlier view is told if it led with at least this.
_TELLING = 0.2
#: What is not fitted on labels is told as at most this.
_MOST_UNCALIBRATED = 0.95


def paragraph(assessment: Assessment, campaign: Campaign) -> str:
    """The answer in a few sentences; '' where nothing was attributed."""
    found = attribution_of(assessment, campaign)
    if found is None or not found.hypotheses:
        return ""
    parts = [
        _bottom_line(campaign, found),
        f"Analytic confidence is {found.analytic_confidence}: {'; '.join(found.confidence_basis)}.",
        _basis(found),
        _claimed(found),
        _others(found),
        _change(found),
        _earlier(assessment, found),
    ]
    return " ".join(p for p in parts if p)


def _percent(value: float, calibrated: bool = False) -> str:
    if value > _MOST_UNCALIBRATED and not calibrated:
        return f"at most {_MOST_UNCALIBRATED:.0%}".replace("%", " %")
    return f"{shown(value)} %"


def _what(campaign: Campaign) -> str:
    if len(campaign.reports) == 1:
        return f"The activity reported in {campaign.reports[0]}"
    name = f" ({campaign.names[0]})" if campaign.names else ""
    return f"The campaign of {len(campaign.reports)} reports{name}"


def _bottom_line(campaign: Campaign, found: Attribution) -> str:
    first = found.hypotheses[0]
    span = ""
    if first.interval:
        most = 1.0 if found.calibrated else _MOST_UNCALIBRATED
        low, high = (min(v, most) for v in (first.interval.low, first.interval.high))
        span = f", {shown(low)} to {_percent(high)}" if shown(low) < shown(high) else ""
    chance = f"{first.likelihood_words} ({_percent(first.probability, found.calibrated)}{span})"
    what = _what(campaign)
    if found.naming == "named":
        return f"{what} is {chance} the work of {first.actor}."
    if found.naming == "leaning":
        return f"{what} points to {first.actor}, {chance}; that is not enough to name it."
    listed = ", ".join(f"{h.actor} {_percent(h.probability)}" for h in _unrelated(found)[:3])
    return (
        f"{what} cannot be attributed: candidates are {listed}; somebody unknown has "
        f"{_percent(found.none)}."
    )


def _unrelated(found: Attribution) -> list[Hypothesis]:
    """The hypotheses without the parts and the wholes of likelier ones."""
    kept: list[Hypothesis] = []
    for one in found.hypotheses:
        if not any(one.parent == k.actor or k.parent == one.actor for k in kept):
            kept.append(one)
    return kept


def _telling(lines: Iterable[Contribution]) -> list[str]:
    """The evidence in favour, the weightiest first, each item once."""
    good = [c for c in lines if c.role in ("evidence", "reported") and c.bits > 0]
    good.sort(key=lambda c: (-c.bits, c.comparison))
    return list(dict.fromkeys(c.comparison.partition(" (commonplace")[0] for c in good))


def _basis(found: Attribution) -> str:
    first = found.hypotheses[0]
    told = _telling(first.contributions)
    if not told:
        return "It rests on the prior alone."
    more = len(told) - _MOST_PIECES
    others = f", and {more} further {'piece' if more == 1 else 'pieces'}" if more > 0 else ""
    speaks = f"For {first.actor} speak" if found.naming == "undetermined" else "It rests on"
    return f"{speaks} {'; '.join(told[:_MOST_PIECES])}{others}."


def _claimed(found: Attribution) -> str:
    """Who says that it was somebody else than the leader."""
    leading = {found.hypotheses[0].actor, found.hypotheses[0].parent}
    others = [
        f"{c.publisher or c.report} attributes it to {c.actor}"
        + (f" ({c.words})" if c.words else "")
        for c in found.claims
        if c.status == "counted" and not c.denies and c.actor not in leading
    ]
    return "; ".join(dict.fromkeys(others[:2])) + "." if others else ""


def _others(found: Attribution) -> str:
    rest = _unrelated(found)[1:2]
    planted = (
        f"; that somebody planted it has {_percent(found.planted)}" if found.planted > 0.05 else ""
    )
    if not rest:
        return f"No other known actor was compared{planted}."
    other = rest[0]
    told = _telling(other.contributions)
    shares = (
        f"shares only {told[0]}" if len(told) == 1 else "shares less" if told else "shares nothing"
    )
    line = f"{other.actor} ({_percent(other.probability)}) {shares}"
    if found.naming != "undetermined":
        line += f"; somebody unknown has {_percent(found.none)}"
    return f"{line}{planted}."


def _change(found: Attribution) -> str:
    told = [f"without {p.name} ({p.changes})" for p in found.linchpins[:2]]
    if told:
        return f"It would change {', or '.join(told)}."
    absent = found.ach.absent[:2] if found.ach else ()
    return (
        f"Not seen, though usual for {found.hypotheses[0].actor}: {', '.join(absent)}."
        if absent
        else ""
    )


def _earlier(assessment: Assessment, found: Attribution) -> str:
    before = [e for e in assessment.timeline if e.leading]
    if len(before) < 2:
        return ""
    last, earlier = before[-1], before[-2]
    same = earlier.leading == last.leading and earlier.words == last.words
    if same or max(earlier.probability, last.probability) < _TELLING:
        return ""
    words = estimative_words(earlier.probability, calibrated=found.calibrated)
    why = f" before {', '.join(last.new_reports[:3])}" if last.new_reports else ""
    return f"Earlier, as of {earlier.as_of}, {earlier.leading} was {words}{why}."
