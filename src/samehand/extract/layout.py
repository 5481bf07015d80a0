"""Headings, lines and lists of a document: what stands around a value."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from samehand.extract.clean import Scan
from samehand.extract.patterns import compiled, spans
from samehand.read.document import Block, Document

#: A line that opens a part, where the format does not say so: Markdown, AsciiDoc, bold, a colon.
#: No counted repetition: it would multiply the automaton; `_LONGEST` is checked afterwards.
_HEADING = compiled(
    r"(?m)^[ \t]*(?:#+ +|=+ +)([^\n]+)$|^[ \t]*\*\*([^*\n]+)\*\*:?[ \t]*$"
    r"|^[ \t>*•-]*([A-Z][^\n.:;,]+):[ \t]*$|^([A-Z][A-Z0-9 &/()-]+)$"
)
_KEYWORD = compiled(
    r"(?i)\b(?:IOCs?|indicators?|references?|sources|appendix|hashes|c2 servers?"
    r"|domains?|ip addresses|urls|samples|further reading|related (?:posts|articles|reading)"
    r"|about|acknowledg\pL+)\b"
)
_PUNCTUATION = frozenset(".,;:")
#: Two words that follow each other: prose.
_PROSE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
#: Longest line that is taken for a heading, in characters.
_LONGEST = 100
_NOT_NEWLINE = re.compile(r"[^\n]")
#: Longest stretch of a line that is looked at on each side of a value, in characters.
LINE_CHARS = 300
#: Longest beginning of a line before a value that stands in a list, in characters.
_LIST_MARK_CHARS = 40


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and where what stands under it begins."""

    start: int
    text: str


def _line(scan: Scan, start: int, end: int) -> tuple[str, str]:
    before = scan.shown(start - LINE_CHARS if start > LINE_CHARS else 0, start)
    after = scan.shown(end, end + LINE_CHARS)
    return before.rpartition("\n")[2], after.partition("\n")[0]


class Layout:
    """Where lines, headings, tables and lists of a document lie."""

    def __init__(self, document: Document, scan: Scan) -> None:
        self.scan = scan
        stated = [
            Heading(b.start, scan.shown(b.start, b.end).strip())
            for b in document.blocks
            if b.kind == "heading"
        ]
        found = [*self._marked(scan), *self._worded(scan)]
        once = {h.start: h for h in (*found, *stated)}
        self.headings = sorted(once.values(), key=lambda h: h.start)
        self._starts = [h.start for h in self.headings]
        self._blanked = scan
        self._edges, self._inside = _innermost(document.blocks)

    def _marked(self, scan: Scan) -> Iterator[Heading]:
        """Lines that markup, a colon or capitals make a heading."""
        for match in _HEADING.finditer(scan.data):
            (start, end), *groups = spans(match)
            text = scan.data[slice(*max(groups))].decode().strip()
            if 2 <= len(text) <= _LONGEST:
                yield Heading(scan.place(scan.char(start), scan.char(end))[0], text)

    def _worded(self, scan: Scan) -> Iterator[Heading]:
        """Short lines without punctuation that hold a word such as "indicators"."""
        done = -1
        for match in _KEYWORD.finditer(scan.data):
            at = scan.char(match.start())
            if at < done:
                continue
            first, last = max(0, at - _LONGEST), min(len(scan.text), at + _LONGEST)
            start = scan.text.rfind("\n", first, at) + 1 or first
            done = scan.text.find("\n", at, last)
            cut = done < 0 and last < len(scan.text)
            done = last if done < 0 else done
            if cut or done - start > _LONGEST:
                continue
            line = scan.text[start:done].strip()
            if not _PUNCTUATION.intersection(line):
                yield Heading(scan.place(start, done)[0], line)

    def headings_above(self, place: int, most: int) -> list[Heading]:
        """The last headings before a place, the nearest first."""
        at = bisect_right(self._starts, place)
        return self.headings[max(0, at - most) : at][::-1]

    def heading_above(self, place: int) -> Heading | None:
        """The last heading before a place."""
        at = bisect_right(self._starts, place)
        return self.headings[at - 1] if at else None

    def line(self, start: int, end: int) -> tuple[str, str]:
        """What stands before and after a value on its line, at most `LINE_CHARS` of each."""
        return _line(self.scan, start, end)

    def blank(self, spans: Iterable[tuple[int, int]]) -> None:
        """Take the values at some places, in order, out of what `words` gives."""
        even = self.scan.even
        pieces, at = [], 0
        for start, end in spans:
            if start >= at:
                pieces += [even[at:start], _NOT_NEWLINE.sub("\x01", even[start:end])]
                at = end
        self._blanked = replace(self.scan, even="".join((*pieces, even[at:])))

    def words(self, start: int, end: int) -> tuple[str, str]:
        """As `line`, with other values blotted out."""
        return _line(self._blanked, start, end)

    def box(self, place: int) -> Block | None:
        """The innermost table, list or code block around a place."""
        at = bisect_right(self._edges, place)
        return self._inside[at - 1] if at else None

    def batch(self, place: int, before: str) -> str:
        """The list or table that a value stands in, by its kind and place, else its heading's part.

        ``before`` is the line before the value. A value alone in prose has none.
        """
        box = self.box(place)
        if box is not None and box.kind != "code":
            return f"{box.kind}@{box.start}"
        if len(before) >= _LIST_MARK_CHARS:
            return ""
        line = before + self.scan.shown(place, place + LINE_CHARS).partition("\n")[0]
        if _PROSE.search(line):
            return ""
        above = self.heading_above(place)
        return f"list@{above.start if above else 0}"


def _innermost(blocks: Iterable[Block]) -> tuple[list[int], list[Block | None]]:
    """Places at which the innermost table, list or code block changes, and to which."""
    edges: list[int] = []
    inside: list[Block | None] = []
    open_: list[Block] = []

    def close(until: float) -> None:
        while open_ and open_[-1].end <= until:
            edges.append(max(edges[-1], open_.pop().end))
            inside.append(open_[-1] if open_ else None)

    boxes = (b for b in blocks if b.kind in ("table", "list", "code") and b.start < b.end)
    for block in sorted(boxes, key=lambda b: (b.start, -b.end)):
        close(block.start)
        edges.append(block.start)
        inside.append(block)
        open_.append(block)
    close(math.inf)
    return edges, inside
