"""A document's observables: every value that its text shows, refanged, with place and role."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from samehand.config import types_table
from samehand.extract.addresses import Network
from samehand.extract.artefacts import Artefacts
from samehand.extract.clean import Scan, prepared
from samehand.extract.files import file_keys
from samehand.extract.inner import inside
from samehand.extract.layout import Layout
from samehand.extract.mention import Candidate, Mention, Placed
from samehand.extract.roles import Roles
from samehand.extract.runs import Runs
from samehand.model import Feature
from samehand.normalise import canonical
from samehand.read.document import Block, Document

#: Version of the extraction; part of every observation that it makes.
VERSION = "observables-1"
#: Kinds that are no observables of types.toml: identifiers of ATT&CK, kept as written.
IDENTIFIERS = frozenset(("technique", "attack-group", "attack-software", "attack-campaign"))
#: Most mentions kept of one document, as many as a record may hold; longer lists are feeds.
MAX_MENTIONS = 100_000
#: A longer text is taken in parts, so that memory does not grow with it; a book has one.
PART_CHARS = 4 * 1024 * 1024
#: Ranks of what the format states, above those of all candidates; what it silences is first of all.
_STATED, _SILENCED = 9, 10
_NOTHING = Feature("", "")


def extract(document: Document) -> tuple[Mention, ...]:
    """All observables of a document in the order of their places.

    They do not overlap, except that what the address of a well-known site names lies inside it.

    The same value is given as often as it stands there, up to `MAX_MENTIONS` in all.
    """
    if len(document.text) <= PART_CHARS:
        return _extract(document)
    found: list[Mention] = []
    for start, part in parts(document):
        moved = (_moved(m, start) for m in _extract(part))
        found.extend(
            replace(m, page=document.page_of(m.start)) if document.pages else m for m in moved
        )
        if len(found) >= MAX_MENTIONS:
            return tuple(found[:MAX_MENTIONS])
    return tuple(found)


def _moved(mention: Mention, by: int) -> Mention:
    """A mention further on in the text; its list is known by where it begins."""
    kind, at, place = mention.batch.partition("@")
    batch = f"{kind}@{int(place) + by}" if at else mention.batch
    return replace(mention, start=mention.start + by, end=mention.end + by, batch=batch)


def parts(document: Document) -> Iterator[tuple[int, Document]]:
    """(where it begins, a document of its own) for the parts of a long text, cut at line ends."""
    text = document.text
    start = 0
    while start < len(text):
        end = min(start + PART_CHARS, len(text))
        if end < len(text):
            line = text.rfind("\n", start, end) + 1
            blank = text.rfind(" ", start, end) + 1
            end = line if line > start else blank if blank > start else end
        yield (
            start,
            replace(
                document,
                text=text[start:end],
                pages=(),
                blocks=tuple(
                    Block(b.kind, max(b.start, start) - start, min(b.end, end) - start)
                    for b in document.blocks
                    if b.start < end and b.end > start
                ),
                stated=tuple(
                    replace(s, start=s.start - start, end=s.end - start)
                    for s in document.stated
                    if start <= s.start and s.end <= end
                ),
            ),
        )
        start = end


def _extract(document: Document) -> tuple[Mention, ...]:
    scan = prepared(document.text)
    found = [
        *Network(scan).candidates(),
        *Runs(scan).candidates(),
        *Artefacts(scan).candidates(),
    ]
    placed = _placed(found, scan, document)
    if not placed:
        return ()
    layout = Layout(document, scan)
    layout.blank((row.start, row.end) for row in placed)
    teller = Roles(document, layout, placed)
    roles, batches = [], []
    for row in placed:
        before, after = layout.line(row.start, row.end)
        roles.append(teller.role(row, before, after))
        batches.append(layout.batch(row.start, before))
    roles = teller.agreed(placed, roles)
    files = file_keys(document.text, placed)
    return tuple(
        Mention(
            feature=row.feature,
            raw=document.text[row.start : row.end],
            role=role,
            start=row.start,
            end=row.end,
            page=document.page_of(row.start),
            batch=batch,
            file=files.get(row.start, ""),
        )
        for row, role, batch in zip(placed, roles, batches, strict=True)
    )


def _placed(found: Iterable[Candidate], scan: Scan, document: Document) -> list[Placed]:
    """Candidates that hold, in the original's places and order, without overlaps."""
    rows: list[_Ranked] = []
    for stated in document.stated:
        raw = document.text[stated.start : stated.end]
        feature = _feature(stated.kind, raw) if stated.kind else None
        if feature is not None:
            row = Placed(stated.start, stated.end, feature, "[" in raw, stated.role)
            rows.append((_STATED, row))
        elif not stated.kind and raw:
            rows.append((_SILENCED, Placed(stated.start, stated.end, _NOTHING, False, "")))
    for candidate in found:
        feature = _feature(candidate.kind, candidate.value)
        if feature is not None:
            start, end = scan.place(candidate.start, candidate.end)
            row = Placed(start, end, feature, candidate.defanged, "")
            rows.append((candidate.rank, row))
    kept = _with_inner(_without_overlaps(rows), document.text)
    return list(islice(kept, MAX_MENTIONS))


def _with_inner(rows: Iterable[Placed], text: str) -> Iterator[Placed]:
    """Rows with what the addresses among them name, each right after its address."""
    for row in rows:
        yield row
        if row.feature.kind == "url":
            yield from inside(text[row.start : row.end], row.start)


_Ranked = tuple[int, Placed]
"""A candidate with its rank."""


def _without_overlaps(rows: list[_Ranked]) -> Iterator[Placed]:
    """Of rows that overlap the stated one, then the longest, then the one of higher rank.

    In the order of their places. Most rows overlap no other, so only rows that a chain of overlaps
    joins are compared.
    """
    rows.sort(key=lambda row: row[1].start)
    chain: list[_Ranked] = []
    reach = 0
    for row in rows:
        if chain and row[1].start >= reach:
            yield from _best(chain)
            chain = []
        chain.append(row)
        reach = max(reach, row[1].end)
    yield from _best(chain)


def _best(chain: list[_Ranked]) -> list[Placed]:
    """What stays of rows that a chain of overlaps joins."""
    if len(chain) > 1:
        chain.sort(key=_preference)
    starts: list[int] = []
    ends: list[int] = []
    kept: list[Placed] = []
    for rank, row in chain:
        at = bisect_right(starts, row.start)
        if (at and ends[at - 1] > row.start) or bisect_left(starts, row.end) > at:
            continue
        starts.insert(at, row.start)
        ends.insert(at, row.end)
        if rank != _SILENCED:
            kept.append(row)
    kept.sort(key=lambda row: row.start)
    return kept


def _preference(ranked: _Ranked) -> tuple[int, int, int, int, Feature]:
    rank, row = ranked
    return -max(rank, _STATED - 1), row.start - row.end, -rank, row.start, row.feature


@lru_cache(maxsize=65536)
def _feature(kind: str, value: str) -> Feature | None:
    if kind in IDENTIFIERS:
        return Feature(kind, value.upper())
    if kind not in types_table():
        return None
    try:
        return canonical(kind, value)
    except ValueError:
        return None
