"""Shortest way from records to a link, for tests; nothing here weighs anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samehand import link
from samehand.compare.claims import Statements
from samehand.compare.copies import find_copies
from samehand.compare.evidence import Gatherer
from samehand.compare.profile import Profile, profile
from samehand.compare.universe import build_universe
from samehand.config import Parameters, default_parameters
from samehand.formats.reading import read_json
from samehand.formats.records import parse_record
from samehand.knowledge import prevalence
from samehand.knowledge.prevalence import Row
from samehand.model import Link, Problem, Report

Record = dict[str, Any]

#: Base rates of techniques are those known before this year, whatever the records say.
BEFORE_YEAR = 2022


def parameters() -> Parameters:
    """The parameters under test; a mutant replaces this function."""
    return default_parameters()


def read(record: Record, **options: Any) -> Report:
    """A record as a report; anything the reader does not take is an error of the test."""
    report, problems = parse_record(record, "test", **options)
    assert report is not None and not problems, problems
    return report


def profiles_of(records: Iterable[Record], **options: Any) -> dict[str, Profile]:
    """report id -> profile."""
    return {r.id: profile(r) for r in (read(record, **options) for record in records)}


def bench(
    records: Iterable[Record],
    *,
    case: bool = False,
    background: Iterable[Record | Profile] = (),
    clusters: Mapping[str, frozenset[str]] | None = None,
    numbers: Parameters | None = None,
) -> Gatherer:
    """Everything needed to gather evidence over these records."""
    numbers = numbers or parameters()
    profiles = profiles_of(records)
    copies = find_copies(profiles, numbers.copies)
    universe = build_universe(
        profiles.values(),
        [b if isinstance(b, Profile) else profile(read(b, use="background")) for b in background],
        copies,
        numbers,
        BEFORE_YEAR,
    )
    statements = Statements({i: p.report for i, p in profiles.items()}, copies, numbers)
    return Gatherer(
        profiles,
        universe,
        copies,
        statements,
        numbers,
        clusters=clusters,
        case_k=numbers.prior["case_k"] if case else None,
    )


@contextmanager
def sketch_of(reports: Iterable[Row], background: Iterable[Row]) -> Iterator[None]:
    """Another prevalence sketch for a while; techniques and software are not in it."""
    prevalence.use(prevalence.build(reports, background, []))
    try:
        yield
    finally:
        prevalence.use(None)


def link_in(gatherer: Gatherer, one: str, other: str) -> Link:
    """The link of two reports, in either order of their ids."""
    left, right = sorted((one, other))
    return link.make_link(gatherer.gather(left, right), gatherer.parameters)


def link_of(records: Iterable[Record], one: str = "a", other: str = "b", **options: Any) -> Link:
    """The link of two of these records."""
    return link_in(bench(records, **options), one, other)


def total(*records: Record, **options: Any) -> float:
    """log2 odds that the records 'a' and 'b' show one hand."""
    return link_of(records, **options).total_bits


def record(identifier: str, *values: tuple[str, str] | Record, **fields: Any) -> Record:
    """A record of the best grade with (type, value) observables, all in one list."""
    observables = [
        v if isinstance(v, dict) else {"type": v[0], "value": v[1], "batch": "list"} for v in values
    ]
    return {"id": identifier, "grade": "A1", "observables": observables, **fields}


def listed(kind: str, value: str, batch: str, **fields: str) -> Record:
    """One observable of a given list."""
    return {"type": kind, "value": value, "batch": batch, **fields}


def comparison(
    identifier: str, *facets: str, reports: Iterable[str] = ("a", "b"), **fields: Any
) -> Record:
    """A record in which a publisher says that the reports 'a' and 'b' share these facets."""
    claim = {"relation": "reported-comparison", "reports": list(reports), "facets": list(facets)}
    fields.setdefault("publisher", f"Publisher {identifier}")
    return {"id": identifier, "grade": "A1", "claims": [claim | fields.pop("claim", {})], **fields}


def bits_of(found: Link, facet: str) -> float:
    """Sum of the ledger lines of one facet."""
    return sum(c.bits for c in found.contributions if c.facet == facet)


def written(path: Path, *lines: object) -> Path:
    """A .jsonl file; bytes go in as they are."""
    path.write_bytes(
        b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines)
    )
    return path


def sorted_out(path: Path, **options: object) -> tuple[list[Report], list[Problem]]:
    found = list(read_json(path, **options))
    return (
        [f for f in found if isinstance(f, Report)],
        [f for f in found if isinstance(f, Problem)],
    )
