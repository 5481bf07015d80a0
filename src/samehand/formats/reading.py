"""JSON disclosures of any kind: our records, STIX bundles and MISP events, into `Report` objects.

STIX and MISP are turned into report records (docs/formats.md) and read as such, so that every rule
about values, markings and claims stays in `records.py`. What both mappings need stands here too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from samehand.formats.records import Defaults, parse_record, raw_records
from samehand.knowledge.taxonomies import TLP, canonical_tlp
from samehand.model import PASSIVE_ROLES, Problem, Report, ReportUse

Record = dict[str, Any]
Mapped = Iterable[Record | Problem]
#: Longest name that is taken for one, in characters.
MAX_NAME_CHARS = 300
#: Examples that a summed problem names.
_EXAMPLES = 3
_EXAMPLE_CHARS = 160


def text_of(value: object) -> str:
    """The text without blanks around it; '' for anything that is not text."""
    return value.strip() if isinstance(value, str) else ""


def name_of(value: object) -> str:
    """A name of one line; '' for what is none or too long to be one."""
    if not isinstance(value, str) or len(value) > 2 * MAX_NAME_CHARS:
        return ""
    name = " ".join(value.split())
    return name if len(name) <= MAX_NAME_CHARS else ""


def dicts_of(value: object, most: int | None = None) -> list[dict[str, Any]]:
    """The JSON objects among the first of a list; [] for anything that is no list."""
    return [v for v in value[:most] if isinstance(v, dict)] if isinstance(value, list) else []


def texts_of(value: object, most: int | None = None) -> list[str]:
    """The texts among the first of a list that are not empty; [] for anything that is no list."""
    return [t for t in map(text_of, value[:most]) if t] if isinstance(value, list) else []


def day_of(value: object) -> str:
    """The day of an ISO 8601 time, or '' for anything that begins with no possible day."""
    day = value[:50].strip()[:10] if isinstance(value, str) else ""
    try:
        return day if date.fromisoformat(day).isoformat() == day else ""
    except ValueError:
        return ""


def window_of(first: str, last: str) -> Record:
    """The fields of an observable for two days, either of which may be ''."""
    if first and last and last < first:
        last = ""
    return {k: v for k, v in (("first_seen", first), ("last_seen", last)) if v}


def highest_tlp(markings: Iterable[str]) -> str:
    """The most restricted of some markings, '' if there is none; an unknown one counts as RED."""
    levels = set()
    for marking in markings:
        try:
            levels.add(TLP.index(canonical_tlp(marking)))
        except ValueError:
            levels.add(len(TLP) - 1)
    return TLP[max(levels)] if levels else ""


@dataclass(slots=True)
class Tally:
    """Problems of one document or report, summed by what they say."""

    place: str
    _said: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, message: str, example: str = "", *, error: bool = False) -> None:
        """Count one occurrence; ``message`` follows a number, as in '17 indicators …'."""
        key = ("error" if error else "warning", message)
        self._numbers[key] = self._numbers.get(key, 0) + 1
        examples = self._said.setdefault(key, [])
        # Kept sorted, so that the order of a document does not change what is said about it.
        if example and example[:_EXAMPLE_CHARS] not in examples:
            examples.append(example[:_EXAMPLE_CHARS])
            examples.sort()
            del examples[_EXAMPLES:]

    def problems(self) -> Iterator[Problem]:
        """One problem per message, errors first."""
        for key in sorted(self._numbers):
            severity, message = key
            shown = ", ".join(repr(example) for example in self._said[key])
            yield Problem(
                self.place,
                f"{self._numbers[key]} {message}{': ' + shown if shown else ''}",
                "error" if severity == "error" else "warning",
            )


def settle_roles(observables: list[Record]) -> list[Record]:
    """The observables in a fixed order; one without a role takes that of its value elsewhere.

    A passive role wins, so a value that is called benign once is not compared for standing in
    another list without a role.
    """
    roles: dict[tuple[str, str], str] = {}
    for item in observables:
        role = item.get("role", "")
        if role:
            key = (item["type"], item["value"].lower())
            held = roles.get(key, "")
            ranked = sorted(filter(None, (held, role)), key=lambda r: (r not in PASSIVE_ROLES, r))
            roles[key] = ranked[0]
    settled = {}
    for item in observables:
        role = item.get("role") or roles.get((item["type"], item["value"].lower()), "")
        full = {key: value for key, value in {**item, "role": role}.items() if value}
        full.setdefault("value", item["value"])
        settled[tuple(sorted(full.items()))] = full
    return [settled[key] for key in sorted(settled)]


def file_key(hashes: Mapping[str, str]) -> str:
    """The key of a file that has several hashes: the strongest of them; '' below two."""
    if len(hashes) < 2:
        return ""
    for kind in ("file:sha256", "file:sha512", "file:sha1", "file:md5"):
        if kind in hashes:
            return f"{kind}:{hashes[kind].strip().lower()}"
    return ""


def _is_loose_stix(item: Mapping[str, Any]) -> bool:
    """Whether it is one STIX object outside of a bundle."""
    kind, identifier = text_of(item.get("type")), text_of(item.get("id"))
    return bool(kind) and identifier.startswith(f"{kind}--") and len(identifier) == len(kind) + 38


def _mapping_of(item: object) -> Callable[[object, str], Mapped] | None:
    """The mapping for a decoded document, `None` if it is one of our records."""
    from samehand.formats import misp, stix

    if stix.is_stix(item):
        return stix.records_of
    return misp.records_of if misp.is_misp(item) else None


def read_json(
    path: Path, *, use: ReportUse = "case", defaults: Defaults = Defaults()
) -> Iterator[Report | Problem]:
    """Reports and problems of one .json or .jsonl file, in its order; never raises for bad input.

    Each line, or the document or each item of its list, may be a record, a STIX bundle or a MISP
    event. STIX objects outside of a bundle are read together, as one, at the end.
    """
    unknown: set[str] = set()
    loose: list[dict[str, Any]] = []
    found = False

    def mapped(records: Mapped, place: str) -> Iterator[Report | Problem]:
        for record in records:
            if isinstance(record, Problem):
                yield record
                continue
            report, problems = parse_record(record, place, use=use, defaults=defaults)
            yield from problems
            if report is not None:
                yield report

    try:
        for place, item in raw_records(path):
            found = True
            if isinstance(item, Problem):
                yield item
                continue
            mapping = _mapping_of(item)
            if mapping is not None:
                yield from mapped(mapping(item, place), place)
                continue
            if isinstance(item, dict) and _is_loose_stix(item):
                loose.append(item)
                continue
            report, problems = parse_record(item, place, use=use, defaults=defaults)
            yield from problems
            if report is not None:
                unknown.update(msgspec.json.decode(report.extra))
                yield report
    except (OSError, EOFError, zlib.error) as error:
        yield Problem(str(path), f"cannot be read ({error}); what came before it is kept")
        found = True
        unknown.clear()  # the error is what matters
    if loose:
        from samehand.formats import stix

        yield from mapped(
            stix.records_of({"type": "bundle", "objects": loose}, str(path)), str(path)
        )
    if not found:
        yield Problem(str(path), "is empty; nothing read", "warning")
    if unknown:
        yield Problem(
            str(path), f"unknown fields kept but not used: {', '.join(sorted(unknown))}", "warning"
        )
