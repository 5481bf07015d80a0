"""Plain text, Markdown and AsciiDoc: the decoded file itself, with its parts marked.

The text stays exactly what was decoded, so that an offset is a place in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from samehand.model import Problem
from samehand.read.common import MAX_BLOCKS, Inside, one_line, sorted_blocks
from samehand.read.dates import iso_date
from samehand.read.decode import decode
from samehand.read.document import Block, BlockKind, Document

#: Longest line, in characters, whose form is looked at; a longer one is no heading or list item.
MAX_FORM_CHARS = 2_000
#: Longest heading of plain text, in characters, and of a title.
MAX_HEADING_CHARS = 120
MAX_TITLE_CHARS = 300
#: Lines whose form is looked at; 64 MiB of ordinary text have a million.
MAX_LINES = 4_000_000
#: Lines of front matter that are looked at.
MAX_FRONT_LINES = 100

_MARKDOWN_HEADING = re.compile(r" {0,3}#{1,6}(?:\s+\S|\s*$)")
_ASCIIDOC_HEADING = re.compile(r"={1,6}\s+\S|\.[A-Z][^.]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST = re.compile(r"\s{0,12}(?:[-*+•▪◦·–●o]|\*{1,5}|\d{1,4}[.)]|\(?[a-z0-9]{1,2}\))\s+\S")
_UNDERLINE = re.compile(r"([=\-~^+*#])\1{2,}\s*$")
_FRONT_LINE = re.compile(r"([A-Za-z_-]{2,30})\s*:\s*(.*)$")
_ASCIIDOC_ATTRIBUTE = re.compile(r":([a-z-]+):\s*(.*)$")
_NUMBERED = re.compile(r"(?:\d{1,2}\.){1,4}\s+[A-Z]")


@dataclass(slots=True)
class _Scan:
    """State of one pass over the lines."""

    format: str
    blocks: list[Block] = field(default_factory=list)
    kind: BlockKind | None = None
    """The run of lines that is open, and where it began and ended so far."""
    start: int = 0
    end: int = 0
    title: str = ""

    def run(self, kind: BlockKind, start: int, end: int) -> None:
        if self.kind != kind:
            self.close()
            self.kind, self.start = kind, start
        self.end = end

    def close(self) -> None:
        if self.kind is not None and len(self.blocks) < MAX_BLOCKS:
            self.blocks.append(Block(self.kind, self.start, self.end))
        self.kind = None

    def heading(self, start: int, end: int, words: str) -> None:
        self.close()
        if len(self.blocks) < MAX_BLOCKS:
            self.blocks.append(Block("heading", start, end))
        self.title = self.title or words.strip().strip("#= ").strip()[:MAX_TITLE_CHARS]


def _lines(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """(start, end) of each line without its line ending."""
    size = len(text)
    while start < size:
        end = text.find("\n", start)
        if end < 0:
            end = size
        yield start, end - (end > start and text[end - 1] == "\r")
        start = end + 1


def _plain_heading(line: str, before_blank: bool) -> bool:
    """Whether a line of plain text looks like a heading: capitals, or short and ending in ':'."""
    words = line.strip()
    if not 3 <= len(words) <= MAX_HEADING_CHARS or not before_blank:
        return False
    if words.endswith(":"):
        return len(words) <= 80 and words.count(" ") <= 8 and "://" not in words
    if _NUMBERED.match(words):
        return words[-1] not in ".,;"
    letters = sum(c.isalpha() for c in words)
    return words.isupper() and letters >= 4 and letters > 0.6 * len(words) and "." not in words


def _scan(text: str, form: str, begin: int = 0) -> _Scan:
    """All blocks of a text from an offset on, and its first heading."""
    scan = _Scan(form)
    fence = ""
    previous: tuple[int, int] | None = None
    blank = True
    for number, (start, end) in enumerate(_lines(text, begin)):
        if number > MAX_LINES:
            break
        long = end - start > MAX_FORM_CHARS
        line = text[start : min(end, start + MAX_FORM_CHARS)]
        bare = line.strip()
        if fence:
            ends = bare.startswith(fence) and not bare.strip(fence[0]) if bare else False
            if fence == "|===":
                ends = bare == fence
            scan.end = end
            if ends:
                scan.close()
                fence = ""
            previous, blank = None, False
            continue
        if not bare:
            if scan.kind == "table" or (scan.kind and blank):
                scan.close()
            previous, blank = None, True
            continue
        opened = _fence(bare, line, form)
        if opened:
            scan.close()
            scan.run("table" if opened == "|===" else "code", start, end)
            fence = opened
        elif previous and not long and _underlines(text, previous, bare, form):
            scan.kind = None
            scan.heading(previous[0], end, text[previous[0] : previous[1]])
        elif long:
            scan.close()
        elif _is_heading(line, form, blank):
            scan.heading(start, end, line)
        elif _is_row(bare):
            scan.run("table", start, end)
        elif _LIST.match(line):
            scan.run("list", start, end)
        elif scan.kind == "list" and line[0] in " \t":
            scan.end = end
        elif line.startswith(("    ", "\t")) and (blank or scan.kind == "code"):
            scan.run("code", start, end)
        elif bare[0] == ">" and form == "markdown":
            scan.run("quote", start, end)
        elif scan.kind == "list" and not blank:
            scan.end = end
        else:
            scan.close()
        previous, blank = (start, end), False
    scan.close()
    return scan


def _fence(bare: str, line: str, form: str) -> str:
    """The mark that closes the block which this line opens; '' if it opens none."""
    if form == "asciidoc":
        if bare in ("----", "....", "```") or (len(bare) > 4 and not bare.strip("-")):
            return bare
        return "|===" if bare == "|===" else ""
    match = _FENCE.match(line)
    return match[1] if match else ""


def _underlines(text: str, previous: tuple[int, int], bare: str, form: str) -> bool:
    """Whether a line underlines the one before it as a heading."""
    size = previous[1] - previous[0]
    if not _UNDERLINE.match(bare) or size > MAX_HEADING_CHARS:
        return False
    if form == "markdown":
        return bare[0] in "=-"
    return abs(len(bare) - size) <= max(3, size // 2) and text[previous[0]] not in " \t|"


def _is_heading(line: str, form: str, blank: bool) -> bool:
    if form == "markdown":
        return _MARKDOWN_HEADING.match(line) is not None
    if form == "asciidoc":
        return _ASCIIDOC_HEADING.match(line) is not None
    return _MARKDOWN_HEADING.match(line) is not None or _plain_heading(line, blank)


def _is_row(bare: str) -> bool:
    """Whether a line is the row of a table: cells between bars, or divided by tabs."""
    return (len(bare) > 2 and bare[0] == bare[-1] == "|") or "\t" in bare


def _front_matter(text: str, form: str) -> tuple[dict[str, str], int]:
    """(title, date, … of YAML front matter or an AsciiDoc header, offset at which it ends)."""
    found: dict[str, str] = {}
    inside = False
    for number, (start, end) in enumerate(_lines(text[: 64 * 1024])):
        line = text[start : min(end, start + MAX_FORM_CHARS)]
        if number > MAX_FRONT_LINES:
            break
        if form == "asciidoc":
            if match := _ASCIIDOC_ATTRIBUTE.match(line):
                found.setdefault(match[1], match[2].strip())
            elif number in (1, 2) and (day := iso_date(line)) and "=" not in line:
                found.setdefault("date", day)
            elif not line.strip() and number:
                break
        elif number == 0:
            if line.strip() != "---":
                break
            inside = True
        elif inside and line.strip() in ("---", "..."):
            return found, end
        elif inside and (match := _FRONT_LINE.match(line)):
            found.setdefault(match[1].lower(), match[2].strip().strip("\"'"))
    return ({}, 0) if inside else (found, 0)


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of plain text that is part of another document."""
    return sorted_blocks(_scan(text, "text").blocks)


def document(data: bytes, name: str, form: str, *, cut: bool = False) -> Document:
    """The `Document` of a text file; ``form`` is text, markdown or asciidoc."""
    text, problems = decode(data, name, cut=cut)
    front, begin = _front_matter(text, form) if form != "text" else ({}, 0)
    scan = _scan(text, form, begin)
    publisher = front.get("publisher") or front.get("organization") or front.get("author", "")
    day = front.get("date") or front.get("published") or front.get("pubdate") or ""
    return Document(
        name,
        form,
        text,
        blocks=sorted_blocks(scan.blocks),
        title=one_line(front.get("title") or scan.title, MAX_TITLE_CHARS),
        publisher=one_line(publisher, 200),
        published=iso_date(day or front.get("revdate", "")),
        url=one_line(front.get("canonical") or front.get("url", ""), MAX_FORM_CHARS),
        problems=tuple(problems),
    )


def read_text(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A plain text file."""
    yield document(data, name, "text", cut=inside.cut)


def read_markdown(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A Markdown file, as its source."""
    yield document(data, name, "markdown", cut=inside.cut)


def read_asciidoc(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """An AsciiDoc file, as its source."""
    yield document(data, name, "asciidoc", cut=inside.cut)
