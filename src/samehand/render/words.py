"""What pages and terminal say alike about links and campaigns."""

from __future__ import annotations

from samehand.model import Assessment, Campaign, Hand

LINK_TYPES = {
    "same-campaign": "same campaign",
    "same-hand": "same hand",
    "shared-tool": "shared tool",
    "copy": "copy",
    "undetermined": "undetermined",
}


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


def wider_hands(assessment: Assessment) -> list[Hand]:
    """Hands of several reports that no single campaign covers."""
    return [
        hand
        for hand in assessment.hands
        if len(hand.reports) > 1
        and not any(set(hand.reports) <= set(c.reports) for c in assessment.campaigns)
    ]
