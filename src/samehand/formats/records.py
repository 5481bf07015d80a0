"""Report records: JSON and JSON Lines, plain or gzip, into `Report` objects.

The record is the bulk format of DESIGN section 5. Bad input never raises out of a batch: each
piece becomes a `Problem` with its place, and reading goes on.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, get_args

import msgspec

from samehand.config import types_table
from samehand.errors import InputError
from samehand.formats.fields import (
    Notes,
    digest,
    entries,
    exact,
    offset,
    parse_window,
    scalar,
    strings,
    text,
)
from samehand.formats.statements import activity_of, claims_of, facts_of, victims_of
from samehand.knowledge.taxonomies import canonical_tlp
from samehand.likelihood import is_grade
from samehand.model import (
    Claim,
    Feature,
    Observation,
    Problem,
    Report,
    ReportKind,
    ReportUse,
    Victim,
    Window,
)
from samehand.normalise import canonical, technique

#: Longest line of a .jsonl file and largest .json file, in bytes; larger input is refused.
MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_FILE_BYTES = 256 * 1024 * 1024
#: Most observables that one report may hold; the rest is dropped with a message.
MAX_OBSERVABLES = 100_000

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
_FIELDS = frozenset(
    (
        "id",
        *("title", "publisher", "kind", "published", "urls", "tlp", "grade", "text"),
        *(
            "observables",
            "techniques",
            "software",
            "victims",
            "facts",
            "claims",
            "cites",
            "samples",
        ),
        *("label", "provenance"),
    )
)
_KINDS = frozenset(get_args(ReportKind))


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the user says about a whole file; used only where the record is silent."""

    publisher: str = ""
    published: str = ""
    kind: str = ""
    tlp: str = ""
    grade: str = ""


def _window_of(item: Mapping[str, Any], notes: Notes) -> Window | None:
    first, last = text(item.get("first_seen")), text(item.get("last_seen"))
    if not first and not last:
        return None
    try:
        return parse_window(f"{first or last}/{last or first}")
    except ValueError as error:
        notes.error(f"first_seen/last_seen: {error}; the report's own date is used")
        return None


def observation_id(report: str, feature: Feature, batch: str = "", role: str = "") -> str:
    """The id of an observation: what it says, not where it stands."""
    return digest("o", report, feature.kind, feature.value, batch, role)


def _observation(
    report: str,
    feature: Feature,
    raw: str,
    role: str = "",
    batch: str = "",
    window: Window | None = None,
    source: str = "",
    **place: Any,
) -> Observation:
    return Observation(
        id=observation_id(report, feature, batch, role),
        report=report,
        feature=feature,
        raw=raw,
        role=role,
        batch=batch,
        window=window,
        source=source,
        **place,
    )


def _observables(record: Mapping[str, Any], report: str, notes: Notes) -> Iterator[Observation]:
    types = types_table()
    items = entries(record, "observables", notes)
    if len(items) > MAX_OBSERVABLES:
        notes.error(f"{len(items)} observables; only the first {MAX_OBSERVABLES} are read")
    unknown: dict[str, int] = {}
    bad: list[str] = []
    for item in items[:MAX_OBSERVABLES]:
        if not isinstance(item, dict) or not isinstance(item.get("value"), str):
            bad.append(f"{str(item)[:60]!r}: an observable needs 'type' and a textual 'value'")
            continue
        kind = text(item.get("type"))
        if kind not in types or types[kind].derived:
            unknown[kind or "(none)"] = unknown.get(kind or "(none)", 0) + 1
            continue
        try:
            feature = canonical(kind, item["value"])
        except ValueError as error:
            bad.append(f"{kind} {item['value'][:60]!r}: {error}")
            continue
        yield _observation(
            report,
            feature,
            text(item.get("raw")) or item["value"],
            text(item.get("role")).lower(),
            text(item.get("batch")),
            _window_of(item, notes),
            text(item.get("source")),
            extractor=text(item.get("extractor")) or "record",
            start=offset(item, "start"),
            end=offset(item, "end"),
            page=offset(item, "page"),
            file=text(item.get("file")),
        )
    if unknown:
        listed = ", ".join(f"{kind!r} ({n})" for kind, n in sorted(unknown.items())[:5])
        notes.error(
            f"unknown observable types {listed}; those values are not compared. "
            "The known types are listed in docs/records.md"
        )
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        notes.error(f"{len(bad)} observables not read: {'; '.join(bad[:3])}{more}")


def _soft_observations(
    record: Mapping[str, Any],
    report: str,
    claims: tuple[Claim, ...],
    victims: tuple[Victim, ...],
    notes: Notes,
) -> Iterator[Observation]:
    bad: list[str] = []
    for raw in strings(record, "techniques", notes):
        try:
            yield _observation(report, technique(raw), raw)
        except ValueError:
            bad.append(raw[:20])
    if bad:
        notes.error(
            f"{len(bad)} techniques not read ({', '.join(bad[:3])}); "
            "write ATT&CK identifiers such as T1566.002"
        )
    for raw in strings(record, "software", notes):
        yield _observation(report, Feature("software", " ".join(raw.casefold().split())), raw)
    for victim in victims:
        if victim.country:
            yield _observation(report, Feature("victim-country", victim.country), victim.country)
        if victim.sector:
            yield _observation(report, Feature("victim-sector", victim.sector), victim.sector)
    for claim in claims:
        if claim.relation == "alias":
            for raw in (claim.about, claim.actor):
                if raw:
                    folded = "".join(c for c in raw.casefold() if c.isalnum())
                    yield _observation(report, Feature("name", folded), raw)


def _marking(record: Mapping[str, Any], kind: str, defaults: Defaults, notes: Notes) -> str:
    """The TLP marking of a record; what cannot be read is RED, to be safe."""
    written = scalar(record, "tlp", notes) or defaults.tlp
    if not isinstance(record.get("tlp", ""), str | None):
        notes.problems[-1] = Problem(
            notes.place, "field 'tlp' is not text; taken as RED to be safe"
        )
        return "RED"
    if not written:
        return "AMBER" if kind in ("incident", "note") else "CLEAR"
    try:
        return canonical_tlp(written)
    except ValueError:
        notes.error(f"tlp {written!r} is unknown; taken as RED to be safe")
        return "RED"


def parse_record(
    record: object, place: str, *, use: ReportUse = "case", defaults: Defaults = Defaults()
) -> tuple[Report | None, list[Problem]]:
    """A report from one decoded record, and what could not be used of it.

    ``label`` is read for ``use='reference'`` only; everywhere else it has no influence at all.
    """
    notes = Notes(place)
    if not isinstance(record, dict):
        notes.error("a record must be a JSON object with at least an 'id'; skipped")
        return None, notes.problems
    record = {
        key.lower()
        if isinstance(key, str) and key.lower() in _FIELDS and key.lower() not in record
        else key: value
        for key, value in record.items()
    }
    identifier = record.get("id")
    if identifier is None and isinstance(record.get("reports"), list):
        notes.error(
            "one record or a list of records is expected, not an object with 'reports'; "
            "write the list alone, or one record per line as .jsonl"
        )
        return None, notes.problems
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    if (
        not isinstance(identifier, str)
        or not identifier.strip()
        or len(identifier) > 300
        or (not identifier.isprintable())
    ):
        notes.error("no usable 'id' (1 to 300 printable characters); record skipped")
        return None, notes.problems
    report = identifier.strip()
    notes.place = f"{place}, report {report}"
    kind = scalar(record, "kind", notes) or defaults.kind or "report"
    if kind not in _KINDS:
        notes.error(
            f"kind {kind!r} is unknown; taken as 'report'. Known: {', '.join(sorted(_KINDS))}"
        )
        kind = "report"
    published: Window | None = None
    stated = scalar(record, "published", notes) or defaults.published
    if stated:
        try:
            published = parse_window(stated)
        except ValueError as error:
            notes.error(f"published: {error}; the report counts as undated")
    tlp = _marking(record, kind, defaults, notes)
    grade = (scalar(record, "grade", notes) or defaults.grade).upper()
    if grade and not is_grade(grade):
        notes.error(f"grade {grade!r} is no Admiralty grade (A-F and 1-6, such as B2); ignored")
        grade = ""
    claims = tuple({c.id: c for c in claims_of(record, report, notes)}.values())
    victims = tuple(dict.fromkeys(victims_of(record, notes)))
    facts = tuple(dict.fromkeys(facts_of(record, notes)))
    observations: dict[str, Observation] = {}
    for observation in (
        *_observables(record, report, notes),
        *_soft_observations(record, report, claims, victims, notes),
    ):
        before = observations.get(observation.id)
        if before is not None and before.window != observation.window:
            # The same value twice in one list: it was seen from the first to the last date.
            windows = [w for w in (before.window, observation.window) if w]
            observation = replace(
                before,
                window=Window(min(w.start for w in windows), max(w.end for w in windows)),
            )
        elif before is not None:
            continue
        observations[observation.id] = observation
    label = record.get("label") if use == "reference" else None
    known_actor = text(label.get("actor")) if isinstance(label, dict) else ""
    extra = {key: value for key, value in record.items() if key not in _FIELDS}
    hashed = {k: v for k, v in record.items() if use == "reference" or k != "label"}
    hashed["\0defaults"] = [kind, stated, tlp, grade, defaults.publisher]
    return Report(
        id=report,
        kind=kind,  # type: ignore[arg-type]  # checked against _KINDS
        use=use,
        title=scalar(record, "title", notes),
        publisher=scalar(record, "publisher", notes) or defaults.publisher,
        published=published,
        tlp=tlp,
        grade=grade,
        urls=strings(record, "urls", notes),
        text=exact(record, "text", notes),  # places count its characters
        observations=tuple(observations.values()),
        claims=claims,
        victims=victims,
        facts=facts,
        activity=activity_of(facts, published),
        cites=strings(record, "cites", notes),
        samples=strings(record, "samples", notes),
        known_actor=known_actor,
        provenance=msgspec.json.encode(record.get("provenance") or {}).decode(),
        extra=msgspec.json.encode(extra).decode(),
        content_hash=hashlib.sha256(msgspec.json.encode(hashed, order="sorted")).hexdigest(),
    ), notes.problems


def is_record_file(path: Path) -> bool:
    """Whether the name says JSON or JSON Lines, plain or gzip."""
    return path.name.lower().endswith(SUFFIXES)


def open_input(path: Path) -> IO[bytes]:
    """The file as bytes, unpacked when its name ends in .gz."""
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def lines_of(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """(line number, line); `None` for a line over the limit, which is skipped unread."""
    number = 0
    while True:
        number += 1
        line = stream.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE_BYTES)
            yield number, None
        else:
            yield number, line


def values_of(path: Path) -> Iterator[tuple[str, object]]:
    """(place, decoded JSON) of each line that is not blank; `None` for one that is no JSON.

    Raises:
        InputError: if the file cannot be opened.
    """
    try:
        stream = open_input(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    with stream:
        for number, line in lines_of(stream):
            if line is not None and not line.strip():
                continue
            try:
                yield f"{path}, line {number}", _decode(line or b"")
            except ValueError:
                yield f"{path}, line {number}", None


def _decode(data: bytes) -> object:
    """A decoded JSON document.

    Raises:
        ValueError: if it is not JSON, or nested too deeply.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def raw_records(path: Path) -> Iterator[tuple[str, object | Problem]]:
    """(place, decoded record or the problem with it) for each record of a file."""
    with open_input(path) as stream:
        if ".jsonl" in path.name.lower():
            for number, line in lines_of(stream):
                place = f"{path}, line {number}"
                if line is None:
                    yield (
                        place,
                        Problem(
                            place,
                            f"longer than {MAX_LINE_BYTES // 2**20} MiB; skipped. "
                            "Split the report, or drop what is not an observable.",
                        ),
                    )
                elif line.strip():
                    try:
                        yield place, _decode(line)
                    except ValueError as error:
                        yield (
                            place,
                            Problem(
                                place,
                                f"not valid JSON ({error}); line skipped. Each line must be "
                                "one complete JSON object; a record over several lines belongs "
                                "into a .json file.",
                            ),
                        )
            return
        data = stream.read(MAX_FILE_BYTES + 1)
    place = str(path)
    if len(data) > MAX_FILE_BYTES:
        yield (
            place,
            Problem(
                place,
                f"larger than {MAX_FILE_BYTES // 2**20} MiB; skipped. "
                "Write one record per line as .jsonl.",
            ),
        )
        return
    if not data.strip():
        return
    try:
        document = _decode(data)
    except ValueError as error:
        hint = (
            " One record per line belongs into a .jsonl file." if "trailing" in str(error) else ""
        )
        yield place, Problem(place, f"not valid JSON ({error}); file skipped.{hint}")
        return
    if isinstance(document, list):
        for number, item in enumerate(document, 1):
            yield f"{path}, record {number}", item
    else:
        yield place, document
