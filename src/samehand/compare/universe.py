"""How common a feature is, over everything loaded: the u of Fellegi and Sunter.

One N for every question: independent origins loaded (reference and background included) plus a
fixed base, so that four reports and four million are judged alike (DESIGN section 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from samehand.compare.copies import Copies
from samehand.compare.profile import Profile
from samehand.config import Parameters
from samehand.knowledge.prevalence import Rates, Sketch, sketch
from samehand.model import Feature


@dataclass(frozen=True, slots=True)
class Universe:
    """Holders of features and base rates of techniques."""

    n: float
    """N: independent origins, the configured base included."""
    holders: Mapping[Feature, Mapping[str, float]]
    """feature -> witness -> probability that it did not copy the feature."""
    totals: Mapping[Feature, float]
    technique_reports: Mapping[str, int]
    """witness -> number of its techniques; only those that carry any."""
    technique_total: int
    """Sum of those numbers."""
    bundled: Rates
    sketch: Sketch
    before_year: int
    """Only what was known before this year counts from the bundled sketch."""

    def d(self, feature: Feature, outside: Set[str]) -> float:
        """d_ws: witnesses holding the feature, without the given reports."""
        found = self.holders.get(feature)
        if not found:
            return 0.0
        if len(outside) < len(found):
            inside = math.fsum(found.get(report, 0.0) for report in outside)
        else:
            inside = math.fsum(weight for report, weight in found.items() if report in outside)
        return max(0.0, self.totals[feature] - inside)

    def elsewhere(self, feature: Feature) -> float:
        """d_bg: unrelated holders that the prevalence sketch expects among the base reports."""
        return self.sketch.expected(feature, self.before_year)

    def users(self, feature: Feature) -> float:
        """How many groups are recorded as users of a software name; 1 for everything else.

        Each of them holds it as widely as one unknown user would.
        """
        if feature.kind != "software":
            return 1.0
        return float(max(1, self.sketch.software_groups(feature.value, self.before_year)))

    def technique_rate(self, feature: Feature, outside: Set[str]) -> float:
        """p_t = (df + 1) / (N_T + 1) over other reports that carry techniques."""
        loaded = len(self.technique_reports) - sum(
            1 for report in outside if report in self.technique_reports
        )
        held = self.d(feature, outside) + self.bundled.holders.get(feature.value, 0)
        return (held + 1.0) / (loaded + self.bundled.reports + 1.0)

    def technique_mean(self, outside: Set[str]) -> float:
        """n-bar: mean size of the technique sets of other reports; at least 1."""
        left_out = [self.technique_reports[r] for r in outside if r in self.technique_reports]
        reports = len(self.technique_reports) - len(left_out) + self.bundled.reports
        total = self.technique_total - sum(left_out) + self.bundled.mean_size * self.bundled.reports
        return max(1.0, total / reports) if reports else 1.0


def build_universe(
    profiles: Iterable[Profile],
    background: Iterable[Profile],
    copies: Copies,
    parameters: Parameters,
    before_year: int,
) -> Universe:
    """The universe over profiled reports and an unrelated background.

    Derivatives and compilations count neither as holders nor in N. Of the background only
    features that a profiled report also holds are kept.
    """
    used = sketch()
    holders: dict[Feature, dict[str, float]] = {}
    technique_reports: dict[str, int] = {}
    n = parameters.universe["base_origins"]
    for profile in profiles:
        identifier = profile.report.id
        witness = copies.is_witness(identifier)
        n += witness
        for feature in profile.features:
            entry = holders.setdefault(feature, {})
            if witness:
                entry[identifier] = copies.independence(identifier, feature)
        if witness and (size := profile.count("technique")):
            technique_reports[identifier] = size
    for profile in background:
        if profile.report.kind == "compilation":
            continue
        n += 1
        for feature in profile.features:
            entry_or_none = holders.get(feature)
            if entry_or_none is not None:
                entry_or_none[profile.report.id] = 1.0
        if size := profile.count("technique"):
            technique_reports[profile.report.id] = size
    return Universe(
        n=n,
        holders=holders,
        totals={feature: math.fsum(entry.values()) for feature, entry in holders.items()},
        technique_reports=technique_reports,
        technique_total=sum(technique_reports.values()),
        bundled=used.rates(before_year),
        sketch=used,
        before_year=before_year,
    )
