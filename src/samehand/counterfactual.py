"""The same answer on less: as of a day, without a report, an item or a facet.

Belief as of D is a pure function of what was known by D. Leave-one-out uses the same functions as
the user's own `--without`, so a linchpin is exactly what removing it would show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from samehand.assessment import assess
from samehand.case import Options, Progress
from samehand.compare.claims import with_roots
from samehand.compare.copies import fold_address
from samehand.config import Parameters, types_table
from samehand.coverage import tlp_allows
from samehand.knowledge.actors import World
from samehand.likelihood import estimative_words
from samehand.model import (
    Assessment,
    Attribution,
    Campaign,
    Claim,
    Constraints,
    Linchpin,
    Report,
    TimelineEntry,
)

#: Items tried one by one for a campaign, the weightiest first; in a large case fewer.
MAX_ITEMS = 12
MAX_ITEMS_LARGE = 6
#: A case of more reports is large: every removal is a whole analysis, so fewer are tried.
LARGE_CASE = 40
#: Below this nobody leads in earnest, and what moves the leader is no linchpin.
TELLING_PROBABILITY = 0.2


def restrict(
    reports: Iterable[Report],
    *,
    as_of: date | None = None,
    without: Collection[str] = (),
    ceiling: str = "",
) -> list[Report]:
    """The reports that remain under the given conditions.

    A report is known from the end of its publication interval; an undated one always. Removing
    an id removes the report and every claim whose origin it is, whoever repeats it; a repeater's
    own first-hand claims stay.
    """
    listed = list(reports)
    gone = set(without) | {fold_address(w) for w in without}
    kept = []
    for report in with_roots(listed) if without else listed:
        late = as_of is not None and report.known_at is not None and report.known_at > as_of
        if report.id in gone or late or not tlp_allows(report.tlp, ceiling):
            continue
        if gone and any(c.origin in gone for c in report.claims):
            report = replace(report, claims=tuple(c for c in report.claims if c.origin not in gone))
        kept.append(report)
    return kept


def without_evidence(reports: Iterable[Report], ids: Collection[str]) -> list[Report]:
    """The reports without some observations and claims, by id."""
    gone = set(ids)
    return [
        replace(
            r,
            observations=tuple(o for o in r.observations if o.id not in gone),
            claims=tuple(c for c in r.claims if c.id not in gone),
        )
        for r in reports
    ]


def without_facet(reports: Iterable[Report], facet: str) -> list[Report]:
    """The case's reports without the observations, or the claims, of one facet."""
    types = types_table()
    return [
        replace(
            r,
            observations=tuple(o for o in r.observations if types[o.feature.kind].facet != facet),
            claims=() if facet == "claims" else r.claims,
        )
        if r.use == "case"
        else r
        for r in reports
    ]


def follow(assessment: Assessment, reports: Collection[str]) -> Campaign | None:
    """The campaign of an assessment that holds most of the given reports, if any holds one.

    Of equals the larger share of its own members, then the one with the newest of the given
    reports, then the smaller id, so the choice is the same every time; a proposed campaign comes
    before the merged core inside it.
    """
    wanted = set(reports)
    known_at = {r.id: r.known_at for r in assessment.reports}
    best: tuple[int, float, str, bool] | None = None
    found = None
    for campaign in sorted(assessment.campaigns, key=lambda c: c.id):
        shared = wanted & set(campaign.reports)
        if shared:
            rank = (
                len(shared),
                len(shared) / len(campaign.reports),
                max(known_at.get(r, "") for r in shared),
                campaign.strength == "proposed",
            )
            if best is None or rank > best:
                best, found = rank, campaign
    return found


def attribution_of(assessment: Assessment, campaign: Campaign | None) -> Attribution | None:
    """The attribution of a campaign, if there is one."""
    if campaign is None:
        return None
    return next((a for a in assessment.attributions if a.campaign == campaign.id), None)


def probability_of(attribution: Attribution | None, actor: str) -> float:
    """The headline probability of an actor; 0 where it is no hypothesis."""
    if attribution is None:
        return 0.0
    return next((h.probability for h in attribution.hypotheses if h.actor == actor), 0.0)


def leader(attribution: Attribution | None) -> tuple[str, float]:
    """(actor, probability) of the leading hypothesis; ('', 0) without any."""
    if attribution is None or not attribution.hypotheses:
        return "", 0.0
    first = attribution.hypotheses[0]
    return first.actor, first.probability


Rerun = Callable[[Sequence[Report]], Assessment]


def _change(
    before: Assessment, after: Assessment, campaign: Campaign, gone: str, calibrated: bool
) -> tuple[float, float, str]:
    """Leading probability before and after a removal, and what changed in words ('' nothing)."""
    attribution = attribution_of(before, campaign)
    actor, value = leader(attribution)
    rest = [r for r in campaign.reports if r != gone]
    followed = follow(after, rest)
    now = attribution_of(after, followed)
    new_actor, _ = leader(now)
    new_value = probability_of(now, actor)
    changes = []
    kept = len(set(rest) & set(followed.reports)) if followed else 0
    if len(rest) > 1 and kept < len(rest):
        changes.append(
            "the campaign falls apart"
            if kept <= 1
            else f"only {kept} of {len(rest)} reports stay together"
        )
    telling = max(value, new_value) >= TELLING_PROBABILITY
    if telling and actor and new_actor != actor:
        changes.append(f"{new_actor or 'nobody'} leads")
    old_words = estimative_words(value, calibrated=calibrated)
    new_words = estimative_words(new_value, calibrated=calibrated)
    if telling and actor and old_words != new_words:
        changes.append(f"from {old_words} to {new_words}")
    return value, new_value, "; ".join(changes)


def linchpins(
    reports: Sequence[Report],
    assessment: Assessment,
    campaign: Campaign,
    rerun: Rerun,
    calibrated: bool = False,
) -> tuple[Linchpin, ...]:
    """What the answer about a campaign rests on: origins, facets and items, most telling first.

    An origin, facet or item is a linchpin when removing it changes the words of likelihood, the
    leading hypothesis or the campaign itself.
    """
    found: list[Linchpin] = []
    by_id = {r.id: r for r in reports}
    attribution = attribution_of(assessment, campaign)
    cited = _cited(assessment, campaign, attribution)
    origins = sorted(
        {*campaign.reports, *(c.origin for c in _claims(reports, cited) if c.origin in by_id)}
    )
    references = sorted(
        {o.report for r in reports if r.use == "reference" for o in r.observations if o.id in cited}
    )

    def tried(kind: str, name: str, rest: Sequence[Report], gone: str = "") -> None:
        before, after, changes = _change(assessment, rerun(rest), campaign, gone, calibrated)
        if changes:
            found.append(Linchpin(kind, name, before, after, changes))  # type: ignore[arg-type]

    large = sum(r.use == "case" for r in reports) > LARGE_CASE
    most = MAX_ITEMS_LARGE if large else MAX_ITEMS
    for origin in [*origins[: 4 * most], *references[:most]]:
        tried("origin", origin, restrict(reports, without=[origin]), origin)
    for facet in sorted(_facets(reports, cited)):
        tried("facet", facet, without_facet(reports, facet))
    for item, name in _items(reports, assessment, campaign, attribution)[:most]:
        tried("item", name, without_evidence(reports, item))
    return tuple(
        sorted(found, key=lambda p: (-abs(p.before - p.after), p.kind != "origin", p.name))
    )


def _cited(assessment: Assessment, campaign: Campaign, attribution: Attribution | None) -> set[str]:
    """Ids behind the campaign's links and its leading hypothesis."""
    inside = set(campaign.reports)
    cited = {
        o
        for k in assessment.links
        if k.l in inside and k.r in inside
        for c in k.contributions
        for o in c.observations
    }
    if attribution and attribution.hypotheses:
        cited |= {o for c in attribution.hypotheses[0].contributions for o in c.observations}
    return cited


def _claims(reports: Iterable[Report], cited: Collection[str]) -> list[Claim]:
    return [c for r in reports for c in r.claims if c.id in cited]


def _facets(reports: Iterable[Report], cited: Collection[str]) -> set[str]:
    """The facets of some observations and claims."""
    types = types_table()
    found: set[str] = set()
    for report in reports:
        found.update(types[o.feature.kind].facet for o in report.observations if o.id in cited)
        if any(c.id in cited for c in report.claims):
            found.add("claims")
    return found


def _items(
    reports: Sequence[Report],
    assessment: Assessment,
    campaign: Campaign,
    attribution: Attribution | None,
) -> list[tuple[tuple[str, ...], str]]:
    """Single items worth trying: the weightiest lines of the leading hypothesis and the links.

    Each is the set of observation or claim ids that carry one feature or statement.
    """
    weight: dict[tuple[str, ...], tuple[float, str]] = {}
    lines = [
        (line, "")
        for line in (
            attribution.hypotheses[0].contributions
            if attribution and attribution.hypotheses
            else ()
        )
    ]
    inside = set(campaign.reports)
    for link in assessment.links:
        if link.l in inside and link.r in inside:
            lines.extend((line, f" ({link.l}, {link.r})") for line in link.contributions)
    for line, where in lines:
        # What a fit or a limit adds to shared evidence is no item that one could take away.
        if line.role in ("evidence", "reported") and line.facet != "limit" and line.bits > 0:
            key = tuple(sorted(line.observations))
            name = line.comparison.removeprefix("anchor: ") + (
                "" if line.role == "reported" else where
            )
            if key not in weight or line.bits > weight[key][0]:
                weight[key] = (line.bits, name)
    known = {o.id for r in reports for o in r.observations} | {
        c.id for r in reports for c in r.claims
    }
    ordered = sorted(weight.items(), key=lambda row: (-row[1][0], row[0]))
    return [(key, name) for key, (_, name) in ordered if set(key) <= known]


def timeline_days(reports: Iterable[Report]) -> list[date]:
    """Of each month the last day on which a case report (no compilation) became known."""
    days: dict[tuple[int, int], date] = {}
    for report in reports:
        if report.use == "case" and report.kind != "compilation" and report.known_at:
            known = report.known_at
            month = (known.year, known.month)
            days[month] = max(known, days.get(month, known))
    return sorted(days.values())


def timeline(
    reports: Sequence[Report],
    campaign: Campaign,
    days: Sequence[date],
    run: Callable[[Sequence[Report], date], Assessment],
    calibrated: bool = False,
) -> tuple[TimelineEntry, ...]:
    """Belief about a campaign as of each day, from what was known by then."""
    entries = []
    previous: date | None = None
    for day in days:
        known = restrict(reports, as_of=day)
        current = run(known, day)
        followed = follow(current, campaign.reports)
        attribution = attribution_of(current, followed)
        actor, value = leader(attribution)
        new = tuple(
            sorted(
                r.id
                for r in known
                if r.use == "case" and r.known_at and (previous is None or r.known_at > previous)
            )
        )
        entries.append(
            TimelineEntry(
                as_of=day.isoformat(),
                new_reports=new,
                campaign=followed.reports if followed else (),
                apart=tuple(
                    sorted(
                        set(campaign.reports)
                        & {r.id for r in known} - set(followed.reports if followed else ())
                    )
                ),
                strength=followed.strength if followed else "",
                leading=actor,
                probability=value,
                words=estimative_words(value, calibrated=calibrated) if actor else "",
                none=attribution.none if attribution else 1.0,
            )
        )
        previous = day
    return tuple(entries)


def complete(
    reports: Sequence[Report],
    assessment: Assessment,
    parameters: Parameters,
    options: Options,
    constraints_on: Callable[[date | None], Constraints],
    world: World | None,
    days: Sequence[date],
    most_campaigns: int = 3,
    progress: Progress = lambda *_: None,
) -> Assessment:
    """The assessment with linchpins of its leading campaigns and the timeline of the first.

    ``constraints_on`` gives the analyst's decisions as they stood on a day; `None` means all.
    """
    plain = replace(options, intervals=False)
    runs = 0

    def lean(rest: Sequence[Report], campaign: Campaign, day: date | None = None) -> Assessment:
        nonlocal runs
        runs += 1
        progress("leaving one out", runs, 0)
        as_of = day or plain.as_of
        return assess(
            rest,
            parameters,
            replace(plain, only=campaign.reports, as_of=as_of),
            constraints_on(as_of),
            world,
        )

    large = sum(r.use == "case" for r in reports) > LARGE_CASE
    leading = [c for c in assessment.campaigns if len(c.reports) > 1][
        : 1 if large else most_campaigns
    ]
    found = {
        c.id: linchpins(reports, assessment, c, partial(lean, campaign=c), parameters.calibrated)
        for c in leading
    }
    entries = (
        timeline(
            reports,
            leading[0],
            days,
            lambda known, day: lean(known, leading[0], day),
            parameters.calibrated,
        )
        if leading and days
        else ()
    )
    return replace(
        assessment,
        attributions=tuple(
            replace(a, linchpins=found.get(a.campaign, ())) for a in assessment.attributions
        ),
        timeline=entries,
    )
