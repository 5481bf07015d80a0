"""An assessment as one self-contained HTML page: no script, no link outside, no resource.

Nothing is computed here beyond choosing and rounding. The template walks the `Assessment` itself;
every text of a report passes through `safe` and is escaped.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property
from importlib.resources import files

import jinja2

from samehand.knowledge.attack import table
from samehand.likelihood import estimative_words, shown
from samehand.model import (
    Assessment,
    Attribution,
    Campaign,
    Contribution,
    CoverageRow,
    Hand,
    Hypothesis,
    Interval,
    Link,
    ObservationSummary,
    ReportSummary,
)
from samehand.pipeline import followed_campaign
from samehand.render import charts
from samehand.render.safe import clean, defang_text, shown_comparison
from samehand.render.words import (
    LINK_TYPES,
    STATED,
    comparing_reports,
    possible_links,
    stated_words,
    wider_hands,
)
from samehand.wording import paragraph

#: Rows of a table and pictures of a page; `assessment.json` has everything.
MAX_PAIRS = 40
MIN_OPEN_PAIRS = 5
MAX_CAMPAIGNS = 30
MAX_SINGLES = 40
MAX_REPORTS = 300
MAX_COLUMNS = 12
MAX_OWN_PICTURES = 8
MAX_OTHER_PICTURES = 4
MAX_CITED = 12
#: An uncalibrated probability is shown at most as this many percent (DESIGN section 4).
CAP_PERCENT = 95

_PRIORS = {
    "case": "case: reports that an analyst put together because they look alike",
    "feed": "feed: reports that merely arrived",
}


def well_founded(contributions: Iterable[Contribution], origin_of: Callable[[str], str]) -> bool:
    """Whether two facets and two origins speak for a result, as 95 % and more demands."""
    by_facet: dict[str, float] = {}
    origins: set[str] = set()
    for line in contributions:
        if line.facet != "limit":
            by_facet[line.facet] = by_facet.get(line.facet, 0.0) + line.bits
            if line.bits > 0:
                origins.update(origin_of(o) for o in line.observations)
    return sum(bits > 0 for bits in by_facet.values()) >= 2 and len(origins - {""}) >= 2


def capped_percent(probability: float, free: bool = False) -> int:
    """Percent for the page in steps of 5 points; at most 95 unless ``free`` of the cap."""
    return shown(probability) if free else min(CAP_PERCENT, shown(probability))


def percent(probability: float, free: bool = False) -> str:
    """A probability in words of the page: '75 %', or 'at most 95 %' where the cap bites."""
    bites = not free and shown(probability) >= CAP_PERCENT
    return f"{'at most ' if bites else ''}{capped_percent(probability, free)} %"


def span(interval: Interval | None, free: bool = False) -> str:
    """An interval in words of the page; a dash without one."""
    if interval is None:
        return "–"
    low, high = capped_percent(interval.low, free), capped_percent(interval.high, free)
    said = percent(interval.high, free)
    return said if low == high else f"{low} to {said}"


def bits(value: float) -> str:
    """A number of bits with its sign, to two places."""
    return f"{value:+.2f}".replace("-", "−")


def day(text: str) -> str:
    """A date, or an interval of dates, for readers; whole months and years in short."""
    first, slash, last = clean(text, 40).partition("/")
    if not slash:
        return first or "undated"
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:  # not written by this program; shown as it is
        return f"{first} to {last}"
    if start.year == end.year and start.day == 1:
        if (start.month, end.month, end.day) == (1, 12, 31):
            return f"{start.year}"
        if start.month == end.month and end.day == monthrange(end.year, end.month)[1]:
            return first[:7]
    return f"{first} to {last}"


def feature(text: str, limit: int = 200) -> str:
    """What was compared or seen, defanged; a technique with its ATT&CK name."""
    result = shown_comparison(text, limit)
    kind, _, rest = result.partition(" ")
    identifier, comma, more = rest.partition(",")
    info = table().get(identifier) if kind == "technique" else None
    return f"technique {identifier} {info.name}{comma}{more}" if info else result


class Page:
    """What the template asks of an assessment: look-ups, choices and pictures."""

    def __init__(self, assessment: Assessment) -> None:
        self.a = assessment
        self.reports = {r.id: r for r in assessment.reports}
        self.evidence = {e.id: e for e in assessment.evidence}
        self._attributions = {t.campaign: t for t in assessment.attributions}
        self.campaigns = [c for c in assessment.campaigns if len(c.reports) > 1]
        self.leading = followed_campaign(assessment) or self._best_single()
        self.attribution = self._attributions.get(self.leading.id) if self.leading else None
        case = {r.id for r in assessment.reports if r.use == "case"}
        self.links = sorted(
            (k for k in assessment.links if k.l in case and k.r in case),
            key=lambda k: (-k.probability, k.l, k.r),
        )
        strong = sum(k.probability >= 0.5 or bool(k.decision) for k in self.links)
        self.open_pairs = max(MIN_OPEN_PAIRS, min(strong, MAX_PAIRS))
        self.prior_words = _PRIORS.get(assessment.provenance.prior, "not stated")

    def paragraph(self, campaign: Campaign) -> str:
        """The answer about a campaign in a few sentences."""
        return paragraph(self.a, campaign)

    def _best_single(self) -> Campaign | None:
        """Without any campaign of several reports: the single report with the clearest answer."""

        def best(campaign: Campaign) -> float:
            found = self._attributions.get(campaign.id)
            return found.hypotheses[0].probability if found and found.hypotheses else -1.0

        return max(self.a.campaigns, key=best, default=None)

    def _origin(self, identifier: str) -> str:
        cited = self.evidence.get(identifier)
        return cited.report if cited else ""

    def free(self, result: Link | Hypothesis) -> bool:
        """Whether a probability of 95 % and more may be shown as it is."""
        calibrated = result.calibrated if isinstance(result, Link) else self.calibrated
        return calibrated and well_founded(result.contributions, self._origin)

    @property
    def calibrated(self) -> bool:
        """Whether the attribution of the leading campaign rests on calibrated numbers."""
        return self.attribution is not None and self.attribution.calibrated

    @property
    def uncalibrated_anywhere(self) -> bool:
        """Whether anything on the page is uncalibrated; campaign probabilities always are."""
        return bool(self.a.links) or any(not t.calibrated for t in self.a.attributions)

    def words(self, probability: float) -> str:
        """Likelihood words for a probability of the leading campaign."""
        return estimative_words(probability, calibrated=self.calibrated)

    def publisher(self, identifier: str) -> str:
        """Who published a report; its title or id where nobody is named."""
        report = self.reports.get(identifier)
        return defang_text(((report.publisher or report.title) if report else "") or identifier, 60)

    def label(self, identifier: str) -> str:
        """A report for readers: publisher and date."""
        report = self.reports.get(identifier)
        when = day(report.published) if report else ""
        return f"{self.publisher(identifier)}, {when}" if when else self.publisher(identifier)

    def wider_hands(self) -> list[Hand]:
        """Hands of several reports that no single campaign covers."""
        return wider_hands(self.a)

    def possible_links(self) -> list[Link]:
        """Links more likely than not between reports of different hands."""
        return possible_links(self.a)

    def reporters(self, campaign: Campaign) -> list[str]:
        """Publishers whose reported comparisons join reports of a campaign."""
        return sorted({self.publisher(r) for r in comparing_reports(self.a, campaign)})

    def number(self, campaign: Campaign) -> int:
        """The number of a campaign on the page, from 1."""
        return self.campaigns.index(campaign) + 1

    def surrounding(self, campaign: Campaign) -> Campaign | None:
        """The proposed campaign that a merged core lies inside of, if any."""
        inside = set(campaign.reports)
        return next((c for c in self.campaigns if inside < set(c.reports)), None)

    def naming(self, attribution: Attribution) -> str:
        """The naming state in words."""
        lead = attribution.hypotheses[0] if attribution.hypotheses else None
        if attribution.naming == "named" and attribution.decision:
            return f"{clean(attribution.decision, 80)}, named"
        if attribution.naming == "leaning" and lead:
            likely = "likely " if "likely" in lead.likelihood_words else "leaning to "
            return f"{likely}{clean(lead.actor, 80)}, not named"
        return "undetermined: nobody is named"

    def listed(self, attribution: Attribution) -> Sequence[Hypothesis]:
        """The hypotheses of 1 % and more, but at least three."""
        return [
            h
            for n, h in enumerate(attribution.hypotheses)
            if n < 3 or h.probability >= 0.01 or h.conditional_probability >= 0.01
        ]

    def ranking(self, attribution: Attribution) -> list[Hypothesis | str]:
        """Listed hypotheses by probability, with 'none' and 'planted' where they belong."""
        rows: list[tuple[float, Hypothesis | str]] = [
            (h.probability, h) for h in self.listed(attribution)
        ]
        rows += [(attribution.none, "none"), (attribution.planted, "planted")]
        return [row for _, row in sorted(rows, key=lambda r: -r[0])]

    def columns(self, campaign: Campaign) -> Sequence[str]:
        """The reports that get a column of the coverage matrix, oldest first."""

        def age(identifier: str) -> tuple[str, str]:
            report = self.reports.get(identifier)
            return (report.known_at if report else "", identifier)

        return sorted(campaign.reports, key=age)[:MAX_COLUMNS]

    def coverage_groups(self, campaign: Campaign) -> list[tuple[str, list[CoverageRow]]]:
        """Rows of the coverage matrix: facets, then tactics."""
        return [
            (title, [r for r in campaign.coverage if r.kind == kind])
            for title, kind in (("Facets", "facet"), ("ATT&CK tactics", "tactic"))
        ]

    @cached_property
    def pictured(self) -> dict[tuple[str, str], int]:
        """(l, r) of the links shown with a waterfall -> their number."""
        inside = set(self.leading.reports) if self.leading else set()
        own = [k for k in self.links if k.l in inside and k.r in inside]
        own.sort(key=lambda k: (-abs(k.weight_bits), k.l, k.r))
        other = [
            k for k in self.links if not (k.l in inside and k.r in inside) and k.probability >= 0.5
        ]
        chosen = [*own[:MAX_OWN_PICTURES], *other[:MAX_OTHER_PICTURES]]
        return {(k.l, k.r): n for n, k in enumerate(chosen, 1)}

    def pictured_links(self) -> list[Link]:
        """The links shown with a waterfall, in order."""
        by_pair = {(k.l, k.r): k for k in self.links}
        return [by_pair[p] for p in self.pictured]

    def cited(self, line: Contribution) -> list[ObservationSummary]:
        """What a line of evidence cites; discounts and limits apply to lines above them."""
        if line.role in ("discount", "limit"):
            return []
        return [e for o in line.observations[:MAX_CITED] if (e := self.evidence.get(o))]

    def waterfall(self, result: Link | Hypothesis) -> str:
        """The picture of a ledger as a data address."""
        bars = charts.waterfall_bars(result.prior_bits, result.contributions, result.total_bits)
        return charts.picture(charts.waterfall_spec(bars))

    def adds_up(self, result: Link | Hypothesis) -> bool:
        """Whether prior and contributions sum to the total."""
        found = result.prior_bits + sum(c.bits for c in result.contributions)
        return abs(found - result.total_bits) < 1e-6

    def timeline(self) -> str:
        """The picture of the timeline as a data address."""
        entries = self.a.timeline
        percents = [
            (
                capped_percent(e.probability, self.calibrated),
                capped_percent(e.none, self.calibrated),
            )
            for e in entries
        ]
        return charts.picture(charts.timeline_spec(entries, percents))

    @cached_property
    def others(self) -> list[tuple[Campaign, Attribution]]:
        """Campaigns and single reports besides the leading one, with their attribution."""
        found = []
        for campaign in self.a.campaigns:
            attribution = self._attributions.get(campaign.id)
            if campaign is not self.leading and attribution is not None:
                found.append((campaign, attribution))
        return found

    def ordered_reports(self) -> list[ReportSummary]:
        """Reports used: the case first, then references, each by date."""
        order = {"case": 0, "reference": 1}
        return sorted(self.a.reports, key=lambda r: (order.get(r.use, 2), r.known_at, r.id))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(
            lambda name: files("samehand.render").joinpath("templates", name).read_text("utf-8")
        ),
    )
    environment.filters.update(
        text=defang_text,
        feature=feature,
        percent=percent,
        span=span,
        bits=bits,
        day=day,
        kind_words=lambda t: LINK_TYPES.get(t, clean(t, 30)),
        shown=shown,
        stated=stated_words,
    )
    environment.globals.update(
        MAX_PAIRS=MAX_PAIRS,
        MAX_CAMPAIGNS=MAX_CAMPAIGNS,
        MAX_SINGLES=MAX_SINGLES,
        MAX_REPORTS=MAX_REPORTS,
        MAX_CITED=MAX_CITED,
        STATED=STATED,
    )
    return environment


def render_html(assessment: Assessment) -> str:
    """The assessment as one HTML page that needs nothing else, neither network nor script."""
    return _environment().get_template("report.html.j2").render(page=Page(assessment))
