"""What pages and terminal say alike about links and campaigns."""

from __future__ import annotations

from samehand.model import Assessment, Campaign, Hand, Link

LINK_TYPES = {
    "same-campaign": "same campaign",
    "same-hand": "same hand",
    "shared-tool": "shared tool",
    "copy": "copy",
    "undetermined": "undetermined",
}


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
