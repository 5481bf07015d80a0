"""Word documents (ECMA-376): paragraphs and tables in order, footnotes, links and properties.

The parts are read with expat and not as a tree: a declaration of a document type, which this
format forbids, ends the reading before any entity can be expanded, and depth costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from samehand.model import Problem
from samehand.read.common import MIB, Inside, kept_links, one_line, sorted_blocks, warning
from samehand.read.dates import iso_date
from samehand.read.document import Block, BlockKind, Document
from samehand.read.zips import ZIP_ERRORS, RefusedError, open_zip, read_member

#: Bytes of XML of one part: 1,000 pages of tables have 30 MiB.
MAX_PART_BYTES = 64 * MIB
#: Characters of text of one document; as for PDF.
MAX_CHARS = 20_000_000
_HEADING = re.compile(
    r"(?i)^(?:heading|title|überschrift|titre|título|titolo|заголовок|berschrift)"
)
_FIELD = re.compile(r'(?i)HYPERLINK\s+"([^"]{1,4096})"')


class _Forbidden(Exception):
    """The part declares a document type."""


@dataclass(slots=True)
class _Writer:
    """Handlers of expat that write the text of one part."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    blocks: list[Block] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    title: str = ""
    # State of the walk.
    collecting: bool = False
    hidden: bool = False
    fallback: int = 0
    tables: list[int] = field(default_factory=list)
    """Offsets at which the open tables begin."""
    cells: int = 0
    """Cells of the current row so far."""
    due: str = ""
    """White space before the next text."""
    kind: BlockKind | None = None
    start: int = -1
    lists: list[Block] = field(default_factory=list)
    instruction: str = ""
    full: bool = False

    def put(self, text: str) -> None:
        if self.due and (self.length or self.due == "\t"):
            self.parts.append(self.due)
            self.length += len(self.due)
        self.due = ""
        if self.start < 0:
            self.start = self.length
        self.parts.append(text)
        self.length += len(text)
        self.full = self.full or self.length > MAX_CHARS

    def begin(self, tag: str, attrs: dict[str, str]) -> None:
        """An element begins; tags come without their namespace."""
        if self.fallback:
            self.fallback += 1
        elif tag in ("t", "instrText"):
            self.collecting = True
        elif tag == "p":
            if len(self.tables):
                self.due = self.due or (" " if self.start >= 0 else "")
            else:
                self.due = "\n"
                self.start = -1
            self.kind = None
        elif tag == "pStyle":
            if _HEADING.match(attrs.get("val", "")):
                self.kind = "heading"
        elif tag == "numPr":
            self.kind = self.kind or "list"
        elif tag == "r":
            self.hidden = False
        elif tag in ("vanish", "webHidden") and attrs.get("val", "1") not in ("0", "false"):
            self.hidden = True
        elif tag in ("br", "cr"):
            self.due = " " if self.tables else "\n"
        elif tag == "tab" and "val" not in attrs:
            self.due = self.due or ("\t" if not self.tables else " ")
        elif tag == "fldSimple":
            if match := _FIELD.search(attrs.get("instr", "")[:8192]):
                self.links.append(match[1])
        elif tag == "noBreakHyphen":
            self.put("-")
        elif tag == "tbl":
            self.due = "\n"
            self.tables.append(self.length + (1 if self.length else 0))
        elif tag == "tr" and len(self.tables) == 1:
            self.due, self.cells = "\n", 0
        elif tag == "tc" and len(self.tables) == 1:
            if self.cells:
                if self.due == "\n":
                    self.put("")
                self.due = ""
                self.put("\t")
            self.cells += 1
            self.start = -1
        elif tag in ("Fallback", "del", "moveFrom") or (
            tag in ("footnote", "endnote") and attrs.get("type", "normal") != "normal"
        ):
            self.fallback = 1

    def finish(self, tag: str) -> None:
        """An element ends."""
        if self.fallback:
            self.fallback -= 1
        elif tag in ("t", "instrText"):
            self.collecting = False
            if tag == "instrText":
                if match := _FIELD.search(self.instruction):
                    self.links.append(match[1])
                    self.instruction = ""
                self.instruction = self.instruction[-8192:]
        elif tag == "p" and not self.tables:
            self._paragraph()
        elif tag == "tbl" and self.tables:
            start = self.tables.pop()
            if not self.tables:
                self.blocks.append(Block("table", min(start, self.length), self.length))
                self.start = -1
            self.due = "\n"

    def _paragraph(self) -> None:
        if self.kind and 0 <= self.start < self.length:
            if self.kind == "heading" and not self.title:
                self.title = "".join(self.parts)[self.start :].strip()[:300]
            before = self.blocks[-1] if self.blocks else None
            near = before is not None and self.start - before.end <= 1
            if near and before and self.kind == before.kind == "list":
                self.blocks.pop()
                self.start = before.start
            self.blocks.append(Block(self.kind, self.start, self.length))
        self.kind, self.start = None, -1

    def text(self, data: str) -> None:
        """Characters, in any number of pieces."""
        if self.collecting and not self.fallback and not self.hidden and not self.full:
            self.put(data)


def _parse(xml: bytes, start: Any, end: Any, data: Any = None) -> None:
    """Calls back for each element of a part, with names without namespaces.

    Raises:
        _Forbidden: it declares a document type.
        xml.parsers.expat.ExpatError: it is not well-formed.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def own(name: str) -> str:
        return name.rpartition(" ")[2]

    def forbid(*_: object) -> None:
        raise _Forbidden

    def begin(name: str, attrs: dict[str, str]) -> None:
        start(own(name), {own(key): value for key, value in attrs.items()})

    parser.StartDoctypeDeclHandler = forbid
    parser.EntityDeclHandler = forbid
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda name: end(own(name))
    if data is not None:
        parser.CharacterDataHandler = data
    parser.Parse(xml, True)


def _properties(xml: bytes) -> dict[str, str]:
    """title, creator, created, … of the core properties."""
    found: dict[str, list[str]] = {}
    stack: list[str] = []

    def begin(tag: str, attrs: dict[str, str]) -> None:
        stack.append(tag)

    def data(text: str) -> None:
        if len(stack) == 2 and len(found) < 50:
            found.setdefault(stack[-1], []).append(text[:2000])

    _parse(xml, begin, lambda tag: stack.pop(), data)
    return {key: " ".join("".join(parts).split()) for key, parts in found.items()}


def _relations(xml: bytes) -> list[str]:
    """Targets outside the document that hyperlinks lead to."""
    found: list[str] = []

    def begin(tag: str, attrs: dict[str, str]) -> None:
        if tag == "Relationship" and attrs.get("Type", "").endswith("/hyperlink"):
            found.append(attrs.get("Target", ""))

    _parse(xml, begin, lambda tag: None)
    return found


def read_docx(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A Word document."""
    from xml.parsers.expat import ExpatError

    problems: list[Problem] = []
    writer = _Writer()
    links: list[str] = []
    facts: dict[str, str] = {}
    place = name
    try:
        with open_zip(data) as archive:
            there = {info.filename: info for info in archive.infolist()}
            for part in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
                place = f"{name}, {part}"
                if part not in there and part != "word/document.xml":
                    continue
                writer.due, writer.start, writer.kind = "\n", -1, None
                xml = read_member(archive, there[part], MAX_PART_BYTES)
                _parse(xml, writer.begin, writer.finish, writer.text)
                rels = part.replace("word/", "word/_rels/") + ".rels"
                if rels in there:
                    place = f"{name}, {rels}"
                    links += _relations(read_member(archive, there[rels], MAX_PART_BYTES // 8))
            if "docProps/core.xml" in there:
                place = f"{name}, docProps/core.xml"
                facts = _properties(read_member(archive, there["docProps/core.xml"], MIB))
    except KeyError:
        problems.append(
            Problem(name, "has no word/document.xml: no Word document. Save it anew as .docx.")
        )
    except _Forbidden:
        problems.append(
            Problem(
                place,
                "declares a document type, which the format forbids and attacks use to blow up "
                "memory; the rest is not read. Save it anew from Word, or as .txt.",
            )
        )
    except RefusedError as error:
        problems.append(Problem(place, str(error)))
    except (ExpatError, *ZIP_ERRORS) as error:
        detail = " ".join(str(error).split())[:200]
        problems.append(
            Problem(place, f"is damaged ({detail}); the rest is not read. Save it anew from Word.")
        )
    text = "".join(writer.parts)
    if writer.full:
        problems.append(warning(name, f"only the first {MAX_CHARS} characters are read. Split it."))
    if not text.strip():
        yield from problems
        if problems:
            return
    yield Document(
        name,
        "docx",
        text,
        blocks=sorted_blocks(writer.blocks),
        links=kept_links([*writer.links, *links], text if len(text) < 10**6 else ""),
        title=one_line(facts.get("title", ""), 300) or writer.title,
        publisher=one_line(facts.get("creator", ""), 200),
        published=iso_date(facts.get("created", "")),
        problems=tuple(problems),
    )
