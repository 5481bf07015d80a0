"""What pages and terminal say alike about links and campaigns."""

from __future__ import annotations

from samehand.model import Assessment, Campaign, Hand, Link, Stated
from samehand.render.safe import clean, defang_text

LINK_TYPES = {
    "same-campaign": "same campaign",
    "same-hand": "same hand",
    "shared-tool": "shared tool",
    "copy": "copy",
    "undetermined": "undetermined",
}


#: What pages call the facts of a report, in the order in which they are shown.
STATED = {
    "window": "Active",
    "organisation": "Hit",
    "money": "Money",
    "motive": "Motive",
}


def stated_words(row: Stated) -> str:
    """A fact in a few words, with who states it."""
    value = row.value
    if row.what == "window":
        value = " to ".join(dict.fromkeys(value.split("/")))
    elif row.what == "money":
        amount, _, currency = value.partition(" ")
        value = (
            f"{float(amount):,.15g} {currency}" if amount.replace(".", "", 1).isdigit() else value
        )
    about = [row.note] if row.note else []
    about += [clean(r, 40) for r in row.reports[:3]]
    more = len(row.reports) - 3
    about += [f"{more} more"] if more > 0 else []
    return defang_text(value, 60) + (f" ({', '.join(about)})" if about else "")


def range_words(link: Link) -> str:
    """What the range of a link is of."""
    if link.calibrated:
        return "range among labelled pairs that the fit did not see"
    return "range over plausible parameters"


def comparing_reports(assessment: Assessment, campaign: Campaign) -> list[str]:
    """Ids of the reports whose reported comparisons join reports of a campaign, sorted."""
    cited = {e.id: e.report for e in assessment.evidence}
    inside = set(campaign.reports)
    return sorted(
        {
            cited[o]
            for link in assessment.links
            if link.reported and link.l in inside and link.r in inside
            for line in link.contributions
            if line.role == "reported"
            for o in line.observations
            if o in cited
        }
    )


def possible_links(assessment: Assessment) -> list[Link]:
    """Links that are more likely than not, of reports that no proposed hand holds together.

    Those of compilations are left out: a list is attached where it gains most, and joins nothing.
    """
    lists = {r.id for r in assessment.reports if r.kind == "compilation"}
    hands: dict[str, set[str]] = {}
    for hand in assessment.hands:
        for report in hand.reports:
            hands.setdefault(report, set()).add(hand.id)
    return [
        k
        for k in assessment.links
        if k.probability >= 0.5
        and not {k.l, k.r} & lists
        and not hands.get(k.l, set()) & hands.get(k.r, set())
    ]


def wider_hands(assessment: Assessment) -> list[Hand]:
    """Hands of several reports that no single campaign covers."""
    return [
        hand
        for hand in assessment.hands
        if len(hand.reports) > 1
        and not any(set(hand.reports) <= set(c.reports) for c in assessment.campaigns)
    ]
