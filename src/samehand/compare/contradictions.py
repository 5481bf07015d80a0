"""What a report shows that cannot all be so: signs that something was planted or changed.

A header copied from another sample names a compiler that the code was not made with (the case of
Olympic Destroyer); a language does not go with the hours of work; a file is older than its tools.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from samehand.config import bundled
from samehand.model import Observation, Report


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two observations of one report that speak against each other."""

    text: str
    facet: str
    """The facet whose evidence may be planted."""
    bits: float
    """log2 of how rare it is where nothing was planted; negative."""
    observations: tuple[str, ...]


@cache
def _rules() -> Mapping[str, Any]:
    return tomllib.loads(bundled("knowledge/data/contradictions.toml").decode())


def contradictions(report: Report) -> tuple[Contradiction, ...]:
    """The contradictions of a report, each kind once, the rarest first."""
    found: dict[str, Contradiction] = {}
    for one in (*_differing(report), *_abroad(report), *_of_the_future(report)):
        found.setdefault(one.text, one)
    return tuple(sorted(found.values(), key=lambda c: (c.bits, c.text)))


def _of(report: Report, kind: str) -> list[Observation]:
    return [o for o in report.observations if o.feature.kind == kind]


def _differing(report: Report) -> Iterator[Contradiction]:
    for rule in _rules()["differ"]:
        first, second = rule["roles"]
        seen = _of(report, rule["type"])
        for l in seen:
            for r in seen:
                if (l.role, r.role, l.file) == (first, second, r.file) and l.feature != r.feature:
                    yield Contradiction(rule["text"], rule["facet"], rule["bits"], (l.id, r.id))


def _abroad(report: Report) -> Iterator[Contradiction]:
    rule = _rules()["offsets"]
    for language in _of(report, "language"):
        spoken = rule.get(language.feature.value.partition("-")[0])
        if not isinstance(spoken, list):
            continue
        for hours in _of(report, "working-hours"):
            if not spoken[0] - 1 <= _offset(hours.feature.value) <= spoken[1] + 1:
                ids = (language.id, hours.id)
                yield Contradiction(rule["text"], rule["facet"], rule["bits"], ids)


def _offset(value: str) -> float:
    """Hours from UTC of 'utc+05:30'."""
    hours, _, minutes = value[4:].partition(":")
    size = int(hours) + int(minutes or 0) / 60
    return -size if value[3] == "-" else size


def _of_the_future(report: Report) -> Iterator[Contradiction]:
    rule = _rules()["future"]
    if report.published is None:
        return
    for built in _of(report, "compile-time"):
        if date.fromisoformat(built.feature.value[:10]) > report.published.end:
            yield Contradiction(rule["text"], rule["facet"], rule["bits"], (built.id,))
