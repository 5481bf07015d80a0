"""What a record states in words: claims of identity, victims, and facts about the activity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

from samehand.formats.fields import Notes, digest, entries, offset, parse_window, strings, text
from samehand.model import FACETS, Claim, Fact, FactKind, Relation, Victim, Window

#: Most claims of one report, and most reports that one claim may name.
MAX_CLAIMS = 1000
MAX_CLAIM_REPORTS = 50
#: Most facts of one report.
MAX_FACTS = 1000
#: What a claim may state.
RELATIONS = frozenset(get_args(Relation))
_FACTS = frozenset(get_args(FactKind)) - {"country", "sector", "published"}
#: A window that ended longer before the publication is history, not the activity reported.
_RECENT = timedelta(days=2 * 365)


def claims_of(record: Mapping[str, Any], report: str, notes: Notes) -> Iterator[Claim]:
    """The claims of a record."""
    items = entries(record, "claims", notes)
    if len(items) > MAX_CLAIMS:
        notes.error(f"{len(items)} claims; only the first {MAX_CLAIMS} are read")
    for number, item in enumerate(items[:MAX_CLAIMS], 1):
        where = f"claim {number}"
        relation = item.get("relation") if isinstance(item, dict) else None
        if not isinstance(relation, str) or relation not in RELATIONS:
            notes.error(f"{where}: 'relation' must be one of {', '.join(sorted(RELATIONS))}")
            continue
        facets = strings(item, "facets", notes)
        wrong = sorted(set(facets) - set(FACETS))
        if wrong:
            notes.error(f"{where}: {', '.join(wrong)} is no facet; known: {', '.join(FACETS)}")
        count = item.get("count")
        if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
            notes.error(f"{where}: 'count' is not a whole number; ignored")
            count = None
        first_hand = item.get("first_hand", True)
        fields = {key: text(item.get(key)) for key in ("about", "actor", "words", "source")}
        origin = text(item.get("origin"))
        reports = strings(item, "reports", notes)
        if len(reports) > MAX_CLAIM_REPORTS:
            notes.error(
                f"{where}: names {len(reports)} reports; only the first "
                f"{MAX_CLAIM_REPORTS} are used"
            )
            reports = reports[:MAX_CLAIM_REPORTS]
        yield Claim(
            id=digest(
                "c",
                report,
                str(item["relation"]),
                *fields.values(),
                origin,
                str(count),
                str(first_hand is not False),
                *(f"report {r}" for r in sorted(reports)),
                *sorted(facets),
            ),
            report=report,
            relation=item["relation"],
            about=fields["about"],
            actor=fields["actor"],
            reports=tuple(sorted(set(reports))),
            facets=tuple(f for f in FACETS if f in facets),
            count=count,
            words=fields["words"],
            first_hand=first_hand is not False,
            origin=origin or report,
            source=fields["source"],
            start=offset(item, "start"),
            end=offset(item, "end"),
        )


def victims_of(record: Mapping[str, Any], notes: Notes) -> Iterator[Victim]:
    """Countries and sectors that were hit."""
    for item in entries(record, "victims", notes):
        if not isinstance(item, dict):
            notes.error("a victim is not an object; ignored")
            continue
        victim = Victim(text(item.get("country")).upper(), text(item.get("sector")).lower())
        if victim.country or victim.sector:
            yield victim


def facts_of(record: Mapping[str, Any], notes: Notes) -> Iterator[Fact]:
    """The facts of a record; countries and sectors are its ``victims``."""
    items = entries(record, "facts", notes)
    if len(items) > MAX_FACTS:
        notes.error(f"{len(items)} facts; only the first {MAX_FACTS} are read")
    for number, item in enumerate(items[:MAX_FACTS], 1):
        what = item.get("what") if isinstance(item, dict) else None
        if not isinstance(what, str) or what not in _FACTS:
            notes.error(f"fact {number}: 'what' must be one of {', '.join(sorted(_FACTS))}")
            continue
        value = text(item.get("value"))
        try:
            if what == "window":
                parse_window(value)
        except ValueError as error:
            notes.error(f"fact {number}: {error}")
            continue
        if value:
            yield Fact(
                what,  # type: ignore[arg-type]  # checked against _FACTS
                value,
                offset(item, "start"),
                offset(item, "end"),
                text(item.get("note")),
            )


def activity_of(facts: Iterable[Fact], published: Window | None) -> Window | None:
    """From the first to the last stated day of what is reported, `None` if nothing is stated.

    Of a dated report only windows count that ended in the two years before it appeared: texts tell
    the history of a group as well.
    """
    found = [parse_window(f.value) for f in facts if f.what == "window"]
    if published:
        last = published.end
        found = [w for w in found if w.start <= last and w.end >= published.start - _RECENT]
        found = [Window(w.start, min(w.end, last)) for w in found]
    if not found:
        return None
    return Window(min(w.start for w in found), max(w.end for w in found))
