"""Which report of a campaign saw which part, and what one report lacks that others have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samehand.compare.profile import Profile
from samehand.compare.universe import Universe
from samehand.config import types_table
from samehand.knowledge.attack import table, tactic_order
from samehand.knowledge.common import lookup
from samehand.knowledge.taxonomies import TLP
from samehand.model import FACETS, PASSIVE_ROLES, CoverageRow, FactKind, Feature, Stated, Step

_EXAMPLES = 5
_NOT_COVERED = ("claims",)


def _cells(profile: Profile) -> dict[tuple[str, str], set[str]]:
    """(kind, name) of a coverage row -> features that the report saw there."""
    types = types_table()
    cells: dict[tuple[str, str], set[str]] = {}
    for observation in profile.report.observations:
        feature = observation.feature
        if observation.role in PASSIVE_ROLES:
            continue
        text = f"{feature.kind} {feature.value}"
        facet = types[feature.kind].facet
        if facet not in _NOT_COVERED:
            cells.setdefault(("facet", facet), set()).add(text)
        if feature.kind == "technique":
            info = table().get(feature.value)
            for tactic in info.tactics if info else ():
                cells.setdefault(("tactic", tactic), set()).add(text)
    return cells


def steps(profiles: Sequence[Profile]) -> tuple[Step, ...]:
    """How it was done, merged over the reports: by the mean of where in its text each tells it.

    Techniques without a place in a text (records, tables) have no order and are left out. A text
    need not tell things in the order in which they happened; that is all that is said here.
    """
    places: dict[str, dict[str, float]] = {}
    for profile in profiles:
        report = profile.report
        for observation in report.observations:
            if observation.feature.kind == "technique" and observation.start is not None:
                where = observation.start / max(1, len(report.text))
                held = places.setdefault(observation.feature.value, {})
                held[report.id] = min(where, held.get(report.id, where))
    known = table()

    def mean(technique: str) -> float:
        return sum(places[technique].values()) / len(places[technique])

    return tuple(
        Step(t, known[t].name if t in known else "", tuple(sorted(places[t])))
        for t in sorted(places, key=lambda t: (mean(t), t))
    )


def stated(profiles: Sequence[Profile]) -> tuple[Stated, ...]:
    """The facts of the reports, equal ones together: kind by kind, what most state first."""
    held: dict[tuple[FactKind, str, str], set[str]] = {}
    for profile in profiles:
        for fact in profile.report.facts:
            held.setdefault((fact.what, fact.value, fact.note), set()).add(profile.report.id)
    return tuple(
        Stated(*key, tuple(sorted(held[key])))
        for key in sorted(held, key=lambda k: (k[0], -len(held[k]), k))
    )


def coverage(profiles: Sequence[Profile]) -> tuple[CoverageRow, ...]:
    """Facets and ATT&CK tactics by report: how many features each saw, and what only one saw."""
    cells = {p.report.id: _cells(p) for p in profiles}
    names = {key for report in cells.values() for key in report}
    order: dict[tuple[str, str], int] = {("facet", f): n for n, f in enumerate(FACETS)}
    order.update({("tactic", t): 100 + n for n, t in enumerate(tactic_order())})
    found = []
    for key in sorted(names, key=lambda k: (order.get(k, 999), k)):
        seen = {report: len(cell[key]) for report, cell in sorted(cells.items()) if key in cell}
        holders: dict[str, int] = {}
        for cell in cells.values():
            for text in cell.get(key, ()):
                holders[text] = holders.get(text, 0) + 1
        only = sorted(text for text, n in holders.items() if n == 1) if len(profiles) > 1 else []
        found.append(
            CoverageRow(
                kind="facet" if key[0] == "facet" else "tactic",
                name=key[1],
                seen=seen,
                only=tuple(only[:_EXAMPLES]),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class HuntRow:
    """One feature that others of the campaign saw and the given report did not."""

    kind: str
    value: str
    role: str
    seen_by: tuple[str, ...]
    first_seen: str
    last_seen: str
    holders: float
    """Independent reports outside the campaign that also hold it, loaded or expected by the
    prevalence sketch: 0 is rare."""
    tlp: str
    """Highest marking among the reports that saw it."""
    compilation_only: bool
    """Seen only in a compilation: of unknown origin."""
    commonplace: str = ""
    """Why everybody may have it, if it is on a list of commonplace values."""


def highest_tlp(markings: Sequence[str]) -> str:
    """The most restrictive of some TLP markings; CLEAR for none."""
    return max(markings, key=TLP.index, default="CLEAR")


def tlp_allows(marking: str, ceiling: str) -> bool:
    """Whether a marking is at most the ceiling; an empty ceiling allows everything."""
    return not ceiling or TLP.index(marking) <= TLP.index(ceiling)


def hunt(
    report: str, campaign: Sequence[str], profiles: Mapping[str, Profile], universe: Universe
) -> tuple[HuntRow, ...]:
    """What the campaign's other reports saw and this one did not; rarest and newest first.

    What everybody may have comes last, with the reason: it is no trace to follow.

    Techniques, names and victims are left out: one hunts for observables.
    """
    own = {o.feature for o in profiles[report].report.observations} | set(profiles[report].features)
    others = [m for m in campaign if m != report]
    gathered: dict[Feature, list[tuple[str, str]]] = {}
    for other in others:
        for observation in profiles[other].report.observations:
            feature = observation.feature
            skip = feature.kind in (
                "technique",
                "software",
                "name",
                "victim-country",
                "victim-sector",
            )
            if skip or feature in own or feature not in profiles[other].features:
                continue
            gathered.setdefault(feature, []).append((other, observation.role))
    rows = []
    outside = set(campaign)
    for feature, seen in gathered.items():
        listed = lookup(feature)
        reports = tuple(sorted({r for r, _ in seen}))
        windows = [
            place.window
            for r in reports
            if (sighting := profiles[r].features.get(feature))
            for place in sighting.places
            if place.window
        ]
        rows.append(
            HuntRow(
                kind=feature.kind,
                value=feature.value,
                role=", ".join(sorted({role for _, role in seen if role})),
                seen_by=reports,
                first_seen=min(w.start for w in windows).isoformat() if windows else "",
                last_seen=max(w.end for w in windows).isoformat() if windows else "",
                holders=universe.d(feature, outside) + universe.elsewhere(feature),
                tlp=highest_tlp([profiles[r].report.tlp for r in reports]),
                compilation_only=all(profiles[r].report.kind == "compilation" for r in reports),
                commonplace=listed.reasons[0].text if listed else "",
            )
        )
    return tuple(
        sorted(
            rows,
            key=lambda r: (
                bool(r.commonplace),
                r.holders,
                tuple(-ord(c) for c in r.last_seen),
                r.kind,
                r.value,
            ),
        )
    )
