"""ATT&CK techniques: names, tactics, and how often reports mention them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from samehand.config import bundled

#: Order of the enterprise tactics in ATT&CK, for tables.
TACTICS: tuple[str, ...] = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)


def rows(name: str) -> list[list[str]]:
    """The data rows of a bundled tab-separated file, without comments."""
    text = bundled(f"knowledge/data/{name}").decode()
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@dataclass(frozen=True, slots=True)
class TechniqueInfo:
    """One row of the ATT&CK table."""

    name: str
    tactics: tuple[str, ...]


@cache
def table() -> Mapping[str, TechniqueInfo]:
    """Technique id -> name and tactics."""
    return {
        row[0]: TechniqueInfo(row[1], tuple(t for t in row[2].split(",") if t))
        for row in rows("attack_techniques.tsv")[1:]
    }


@dataclass(frozen=True, slots=True)
class Rates:
    """Base rates of techniques over the bundled reports known before some year."""

    reports: int
    """Reports that carry techniques."""
    mean_size: float
    """Mean number of techniques in them."""
    holders: Mapping[str, int]


@cache
def rates(before_year: int) -> Rates:
    """Base rates over bundled reports published before a year; undated ones are left out."""
    sizes = [
        (int(row[1]), int(row[2]))
        for row in rows("technique_years.tsv")[1:]
        if 0 < int(row[0]) < before_year
    ]
    holders: dict[str, int] = {}
    for identifier, year, count in rows("technique_counts.tsv")[1:]:
        if 0 < int(year) < before_year:
            holders[identifier] = holders.get(identifier, 0) + int(count)
    reports = sum(n for n, _ in sizes)
    return Rates(reports, sum(s for _, s in sizes) / reports if reports else 0.0, holders)
