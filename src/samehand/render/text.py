"""An assessment as plain text for a terminal; short by default, more with ``-v``.

Nothing is computed here. Values are shown defanged and cleaned (`safe`), and probabilities in
steps of five points, never 0 or 100.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from samehand.counterfactual import attribution_of
from samehand.coverage import HuntRow
from samehand.likelihood import estimative_words
from samehand.model import (
    Assessment,
    Campaign,
    Link,
    Report,
    Stated,
    TimelineEntry,
)
from samehand.pipeline import followed_campaign
from samehand.render.attribution import attribution_text, claims_text, linchpins_text
from samehand.render.plain import WIDTH, percent, short, span, table, waterfall, wrap
from samehand.render.safe import clean, defang, defang_text, shown_comparison
from samehand.render.words import (
    LINK_TYPES,
    STATED,
    comparing_reports,
    possible_links,
    range_words,
    stated_words,
    wider_hands,
)


def links_table(links: Iterable[Link], most: int = 40) -> str:
    """Pairs with match probability, campaign probability and weight."""
    listed = list(links)
    rows = [["report", "report", "hand", "range", "campaign", "bits", "reading"]]
    for link in listed[:most]:
        notes = [
            LINK_TYPES[link.type]
            if link.probability >= 0.5 or link.type == "copy"
            else "possible"
            if link.probability >= 0.2
            else "unlikely"
        ]
        if link.reported:
            notes.append("reported, not recomputed")
        if link.decision:
            notes.append(f"analyst {clean(link.decision)}")
        rows.append(
            [
                clean(link.l),
                clean(link.r),
                percent(link.probability, calibrated=link.calibrated),
                span(link.interval, calibrated=link.calibrated),
                percent(link.campaign_probability),
                f"{link.weight_bits:+.1f}",
                "; ".join(notes),
            ]
        )
    if len(rows) == 1:
        return "  No pair with evidence."
    more = f"\n  and {len(listed) - most} more (--json lists all)" if len(listed) > most else ""
    return table(rows, right=(2, 3, 4, 5)) + more


def link_page(link: Link) -> str:
    """One link with its waterfall."""
    words = estimative_words(link.probability, calibrated=link.calibrated)
    head = (
        f"{clean(link.l)} and {clean(link.r)}: same hand "
        f"{percent(link.probability, calibrated=link.calibrated)} ({words}), same campaign "
        f"{percent(link.campaign_probability)}; "
        f"{'campaign ' if link.calibrated else ''}uncalibrated"
    )
    ranged = (
        f"\n{range_words(link)}: {span(link.interval, calibrated=link.calibrated)} %"
        if link.interval
        else ""
    )
    reported = "\nreported, not recomputed" if link.reported else ""
    return f"{head}{ranged}{reported}\n" + waterfall(
        link.prior_bits, link.contributions, link.total_bits
    )


def campaign_line(campaign: Campaign) -> str:
    """A campaign in one or two lines."""
    names = ", ".join(defang_text(clean(n)) for n in campaign.names[:5])
    text = (
        f"{campaign.id} ({campaign.strength}, cohesion {percent(campaign.cohesion)}"
        + (f", stability {percent(campaign.stability)}" if campaign.stability is not None else "")
        + "): "
        f"{', '.join(clean(r) for r in campaign.reports)}"
    )
    return text + (f"; called {names}" if names else "")


def dependence_text(assessment: Assessment, most: int = 40) -> str:
    """Who may repeat whom and why, an entry each."""
    lines = []
    for edge in assessment.dependence[:most]:
        way = "repeats" if edge.order_known else "repeats, or is repeated by,"
        why = defang_text(clean("; ".join(edge.reasons[1:])))
        chance = percent(edge.probability)
        lines.append(wrap(f"{clean(edge.copy)} {way} {clean(edge.origin)}, {chance}: {why}"))
    if len(assessment.dependence) > most:
        lines.append(f"  and {len(assessment.dependence) - most} more (--json lists all)")
    return "\n".join(lines)


def campaigns_text(assessment: Assessment, leading: Campaign | None = None) -> str:
    """All campaigns of more than one report, and how many reports stand alone.

    With a leading campaign the others take one line each.
    """
    many = [c for c in assessment.campaigns if len(c.reports) > 1]
    alone = len(
        {r for c in assessment.campaigns for r in c.reports} - {r for c in many for r in c.reports}
    )
    lines = []
    for campaign in many:
        if leading is None or campaign.id == leading.id:
            lines.append(wrap(campaign_line(campaign)))
        else:
            lines.append("  " + short(campaign_line(campaign), WIDTH - 2))
    for hand in wider_hands(assessment):
        lines.append(
            wrap(
                f"{hand.id} ({hand.strength}): one hand, but not shown to be one campaign: "
                f"{', '.join(clean(r) for r in hand.reports)}"
            )
        )
    if not lines:
        lines = ["  No two reports belong together."]
    possible = possible_links(assessment)
    if possible:
        shown = "; ".join(
            f"{clean(k.l)} – {clean(k.r)} ({percent(k.probability, calibrated=k.calibrated)})"
            for k in possible[:5]
        )
        more = f"; and {len(possible) - 5} more" if len(possible) > 5 else ""
        lines.append(wrap(f"Possible links, not joined: {shown}{more}"))
    lines.append(f"  Reports that stand alone: {alone}.")
    return "\n".join(lines)


def steps_text(campaign: Campaign, verbose: int = 0) -> str:
    """How it was done, in the order in which the reports tell it."""
    most = 40 if verbose else 8
    told = [
        f"{clean(s.name or s.technique, 40)}"
        + (f" ({len(s.reports)})" if len(s.reports) > 1 else "")
        for s in campaign.steps[:most]
    ]
    more = f", and {len(campaign.steps) - most} more" if len(campaign.steps) > most else ""
    return wrap(f"As the reports tell it: {' > '.join(told)}{more}")


def stated_text(rows: Sequence[Stated], verbose: int = 0) -> list[str]:
    """What the reports state of victims by name, time, money and motive, a line a kind."""
    lines = []
    for what, words in STATED.items():
        told = [r for r in rows if r.what == what]
        most = 40 if verbose else 6
        values = [stated_words(r) for r in told[:most]]
        more = f", and {len(told) - most} more" if len(told) > most else ""
        if values:
            lines.append(wrap(f"{words}, as stated: {', '.join(values)}{more}"))
    return lines


def coverage_table(campaign: Campaign, verbose: int = 1) -> str:
    """Which report saw which part: number of features by facet and ATT&CK tactic.

    The short form sums the tactics and names those that a single report saw.
    """
    reports = [r for r in campaign.reports if any(r in row.seen for row in campaign.coverage)]
    if not reports:
        return "  Nothing that can be laid side by side."
    rows = [["seen by", *(short(r, 15) for r in reports), "only one saw, such as"]]
    tactics = [row for row in campaign.coverage if row.kind == "tactic"]
    for row in campaign.coverage:
        if row.kind == "tactic" and not verbose:
            continue
        only = shown_comparison(row.only[0]) if row.only else ""
        rows.append(
            [
                row.name,
                *(str(row.seen.get(r, "")) for r in reports),
                short(only, 30) if len(row.seen) == 1 or row.kind == "facet" else "",
            ]
        )
    if not verbose and tactics:
        rows.append(
            ["ATT&CK tactics", *(str(sum(r in t.seen for t in tactics) or "") for r in reports), ""]
        )
    text = table(rows, right=tuple(range(1, len(reports) + 1)))
    alone: dict[str, list[str]] = {}
    for row in tactics:
        if len(row.seen) == 1:
            alone.setdefault(next(iter(row.seen)), []).append(row.name)
    if alone and not verbose:
        text += "\n" + wrap(
            "Tactics that one report alone saw: "
            + "; ".join(f"{clean(r)}: {', '.join(names)}" for r, names in sorted(alone.items()))
            + "."
        )
    return text


def timeline_text(entries: Sequence[TimelineEntry]) -> str:
    """The belief at each publication, and which campaign it is about."""
    rows = [["as of", "about", "leading actor", "", "likelihood", "none known"]]
    for entry in entries:
        about = ", ".join(clean(r) for r in entry.campaign) or "-"
        if len(entry.campaign) > 1:
            about = f"{len(entry.campaign)} reports, {entry.strength}"
        if entry.apart:
            about += f" ({len(entry.apart)} stand apart)"
        rows.append(
            [
                entry.as_of,
                about,
                clean(entry.leading) or "-",
                percent(entry.probability) if entry.leading else "",
                entry.words,
                percent(entry.none),
            ]
        )
    return table(rows, right=(3, 5))


def summary(assessment: Assessment, verbose: int = 0) -> str:
    """The whole assessment on about a screen."""
    stamp = assessment.provenance
    head = assessment.title or "Assessment"
    conditions = [f"prior: {stamp.prior}"]
    if stamp.as_of:
        conditions.append(f"as of {stamp.as_of}")
    if stamp.without:
        conditions.append(f"without {', '.join(stamp.without)}")
    if stamp.ceiling:
        conditions.append(f"TLP at most {stamp.ceiling}")
    conditions.append(f"TLP:{stamp.tlp}")
    case = {r.id for r in assessment.reports if r.use == "case"}
    within = [k for k in assessment.links if k.l in case and k.r in case]
    fitted = sum(k.calibrated for k in within)
    stated = f"{fitted} of {len(within)} pairs fitted on labels, all else" if fitted else "all"
    parts = [f"{clean(head)}", f"  {'; '.join(conditions)}; {stated} uncalibrated"]
    likely = [k for k in within if k.probability >= 0.5 or k.decision]
    campaign = followed_campaign(assessment)
    parts.append(f"\nPAIRS that one hand probably made ({len(likely)} of {len(within)} compared)")
    parts.append(links_table(likely, 40 if verbose else 11))
    parts.append("\nCAMPAIGNS")
    parts.append(campaigns_text(assessment, None if verbose else campaign))
    if assessment.dependence and verbose:
        parts.append("\nWHO MAY REPEAT WHOM\n" + dependence_text(assessment))
    elif assessment.dependence:
        first = assessment.dependence[0]
        more = len(assessment.dependence) - 1
        said = short(f"{clean(first.copy)} may repeat {clean(first.origin)}", 60)
        others = f", and {more} more such" if more else ""
        parts.append(f"  {said} ({percent(first.probability)}){others}; -v says why.")
    if campaign is None:
        parts.append(_single_reports(assessment))
    else:
        parts.extend(_leading(assessment, campaign, verbose))
    if assessment.warnings:
        parts.append("\nWARNINGS")
        parts.extend(wrap(defang_text(clean(w))) for w in assessment.warnings)
    return "\n".join(parts)


def _leading(assessment: Assessment, campaign: Campaign, verbose: int) -> list[str]:
    """The leading campaign: who saw what, whose hand, what it rests on, belief over time."""
    parts = []
    if campaign.reported:
        parts.append(wrap(f"{campaign.id} {reported_by(assessment, campaign)}"))
    parts.append(f"\nWHO SAW WHICH PART of {campaign.id}")
    parts.append(coverage_table(campaign, verbose))
    if campaign.steps:
        parts.append(steps_text(campaign, verbose))
    parts.extend(stated_text(campaign.stated, verbose))
    parts.append(f"\nWHOSE HAND is behind {campaign.id}")
    parts.append(attribution_text(assessment, campaign, verbose))
    attribution = attribution_of(assessment, campaign)
    if attribution is not None:
        if verbose:
            parts.append("\nWHAT PUBLISHERS CLAIM")
            parts.append(claims_text(attribution))
        parts.append("\nWHAT IT RESTS ON")
        parts.append(linchpins_text(attribution, 20 if verbose else 5))
    if assessment.timeline:
        parts.append("\nBELIEF OVER TIME")
        parts.append(timeline_text(assessment.timeline))
    return parts


def _single_reports(assessment: Assessment, most: int = 8) -> str:
    """Leading actors of reports that stand alone, the most probable first."""
    reports_of = {c.id: c.reports for c in assessment.campaigns}
    found = sorted(
        (
            (
                a.hypotheses[0].probability,
                clean(", ".join(reports_of.get(a.campaign, ()))),
                clean(a.hypotheses[0].actor),
                a.hypotheses[0].likelihood_words,
                a.none,
            )
            for a in assessment.attributions
            if a.hypotheses
        ),
        key=lambda row: (-row[0], row[1]),
    )
    if not found:
        return (
            "\nWHOSE HAND\n  No known actor to compare with: add reports of known actors with\n"
            "  'samehand add --reference', or analyse with --catalogues."
        )
    rows = [["report", "leading actor", "", "likelihood", "none known"]]
    rows.extend(
        [name, actor, percent(value), words, percent(none)]
        for value, name, actor, words, none in found[:most]
    )
    return "\nWHOSE HAND, report by report\n" + table(rows, right=(2, 4))


def reported_by(assessment: Assessment, campaign: Campaign) -> str:
    """Who reported the comparison that a campaign rests on."""
    reports = {r.id: r for r in assessment.reports}
    publishers = sorted(
        {clean(reports[r].publisher or r) for r in comparing_reports(assessment, campaign)}
    )
    return f"rests on what {' and '.join(publishers)} states: reported, not recomputed."


def report_page(report: Report, origin: str, default_grade: str, verbose: int = 0) -> str:
    """One report: what it is, what was read from it, and from where."""
    window = report.published
    dated = (
        "undated"
        if window is None
        else (
            window.start.isoformat()
            if window.start == window.end
            else f"{window.start.isoformat()} to {window.end.isoformat()}"
        )
    )
    lines = [
        f"{clean(report.id)}: {defang_text(clean(report.title)) or '(no title)'}",
        f"  {report.kind} by {defang_text(report.publisher) or 'unknown publisher'}, {dated}, "
        f"TLP:{report.tlp}, grade {report.grade or default_grade + ' (default)'}"
        + (f", known actor {clean(report.known_actor)}" if report.known_actor else ""),
        f"  from {clean(origin)}",
    ]
    if report.cites:
        lines.append(wrap(f"cites: {', '.join(defang_text(c) for c in report.cites)}"))
    for claim in report.claims:
        what = defang_text(clean(claim.actor or ", ".join(claim.reports)))
        about = f" of {defang_text(clean(claim.about))}" if claim.about else ""
        shared = f" ({', '.join(claim.facets)})" if claim.facets else ""
        words = f", in words: {defang_text(clean(claim.words))}" if claim.words else ""
        origin_note = "" if claim.origin == report.id else f", origin {defang_text(claim.origin)}"
        lines.append(wrap(f"claims {claim.relation}{about}: {what}{shared}{words}{origin_note}"))
    lines.extend(stated_text([Stated(f.what, f.value, f.note, ()) for f in report.facts], verbose))
    kinds: dict[str, list[str]] = {}
    for observation in report.observations:
        feature = observation.feature
        place = "/".join(p for p in (observation.role, observation.batch, observation.source) if p)
        kinds.setdefault(feature.kind, []).append(
            defang(feature.kind, feature.value) + (f"  [{clean(place)}]" if place else "")
        )
    for kind, values in sorted(kinds.items()):
        lines.append(f"  {kind} ({len(values)})")
        most = len(values) if verbose else 8
        lines.extend(f"    {v}" for v in values[:most])
        if len(values) > most:
            lines.append(f"    and {len(values) - most} more (-v shows all)")
    if verbose and report.provenance != "{}":
        lines.append("  provenance, as the record states it:")
        lines.append(textwrap.indent(defang_text(report.provenance, 20_000), "    "))
    return "\n".join(lines)


def reports_table(reports: Sequence[Report]) -> str:
    """What is in the workspace."""
    rows = [["report", "published", "kind", "use", "TLP", "seen", "claims", "publisher"]]
    for report in reports:
        window = report.published
        rows.append(
            [
                short(report.id, 40),
                window.end.isoformat() if window else "undated",
                report.kind,
                report.use + (f" ({short(report.known_actor, 16)})" if report.known_actor else ""),
                report.tlp,
                str(len(report.observations)),
                str(len(report.claims)),
                short(defang_text(report.publisher), 28),
            ]
        )
    return table(rows, right=(5, 6), indent="")


def hunt_table(rows: Sequence[HuntRow], most: int) -> str:
    """Observables to look for, rarest and newest first."""
    lines = [["observable", "role", "last seen", "outside", "TLP", "seen by"]]
    for row in rows[:most]:
        seen = ", ".join(clean(r) for r in row.seen_by)
        lines.append(
            [
                short(f"{row.kind} {defang(row.kind, row.value)}", 62),
                short(row.role, 12),
                row.last_seen,
                "commonplace" if row.commonplace else f"{row.holders:.1f}".removesuffix(".0"),
                row.tlp,
                short(seen + (" (compilation only)" if row.compilation_only else ""), 50),
            ]
        )
    more = f"\n  and {len(rows) - most} more (--all, --json)" if len(rows) > most else ""
    return table(lines, right=(3,)) + more
