"""The kept elements of a web page as text: lines, rows and blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from samehand.read.common import MAX_LINKS, sorted_blocks, words
from samehand.read.document import Block, BlockKind
from samehand.read.html_main import Node
from samehand.read.lines import Line, hash_of_lines

#: Elements that stand in the line of their neighbours and set no blank.
INLINE = words(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q "
    "rp rt ruby s samp small span strike strong sub sup time tt u var wbr input picture "
    "source"
)
_PARAGRAPHS = words(
    "p h1 h2 h3 h4 h5 h6 table pre ul ol dl blockquote article section header footer hr figure "
    "main textarea"
)
_BLOCK_OF: dict[str, BlockKind] = {
    "h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading",
    "h6": "heading", "table": "table", "pre": "code", "textarea": "code", "ul": "list",
    "ol": "list", "dl": "list", "blockquote": "quote",
}  # fmt: skip
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
#: Characters that no reader sees: soft hyphen, zero-width blank, word joiner, byte order mark.
_INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff]")
#: A cell longer than this, or one with a heading or table in it, is a cell of page layout.
MAX_CELL_CHARS = 2_000


class Writer:
    """Writes the stream of a page as text; `blocks` and `links` are filled on the way."""

    def __init__(self, nodes: Sequence[Node], stream: Sequence[int | str], keep: bytearray) -> None:
        self.nodes, self.stream, self.keep = nodes, stream, keep
        self.links: list[str] = []
        self._blocks: list[Block] = []
        self._parts: list[str] = []
        self._length = 0
        self._wish = ""
        """White space due before the next text: '', ' ', a tab, or line ends."""
        self._opened: list[tuple[int, BlockKind | None, int]] = []
        """Open elements: node, kind of block, offset of its first character or -1."""
        self._pre = 0
        self._cells: list[bool] = []
        """Per open table whether it holds data (rows are lines) and not page layout."""
        self._first_cell = True
        self._broken = -1
        """Number of parts before the last line break in a cell of data."""
        self._layout = self._layout_tables()

    def _layout_tables(self) -> frozenset[int]:
        """Tables that arrange a page: they hold headings, other tables or very long cells."""
        found: set[int] = set()
        table_of: list[int] = [0] * len(self.nodes)
        for number, node in enumerate(self.nodes):
            outer = table_of[node.parent] if number else 0
            if node.tag == "table":
                if outer:
                    found.add(outer)
                table_of[number] = number
                continue
            table_of[number] = outer
            if outer and (
                node.tag in ("h1", "h2", "article")
                or (node.tag in ("td", "th") and node.chars > MAX_CELL_CHARS)
            ):
                found.add(outer)
        return frozenset(found)

    def _ask(self, space: str) -> None:
        """White space before the next text; the strongest wish wins."""
        if self._cells and self._cells[-1] and "\n" in space:
            space = " "
        if space == " " and self._parts and self._parts[-1] in ("\t", "\n"):
            return  # the start of a cell or line
        rank = ("", " ", "\t", "\n", "\n\n")
        if rank.index(space) > rank.index(self._wish):
            self._wish = space

    def _put(self, text: str) -> None:
        if self._wish and (self._length or self._wish == "\t"):
            self._parts.append(self._wish)
            self._length += len(self._wish)
        self._wish = ""
        for index in range(len(self._opened) - 1, -1, -1):
            node, kind, start = self._opened[index]
            if start >= 0:
                break
            self._opened[index] = (node, kind, self._length)
        self._parts.append(text)
        self._length += len(text)

    def _text(self, raw: str) -> None:
        text = _INVISIBLE.sub("", raw)
        if self._pre:
            if text:
                self._put(text)
            return
        text = _SPACE.sub(" ", text)
        if text.startswith(" "):
            self._ask(" ")
            text = text[1:]
        if not text:
            return
        if text.endswith(" "):
            self._put(text[:-1])
            self._ask(" ")
        else:
            self._put(text)

    def _open(self, number: int) -> None:
        node = self.nodes[number]
        tag = node.tag
        kind = _BLOCK_OF.get(tag)
        if tag == "a":
            if node.href and len(self.links) < 4 * MAX_LINKS:
                self.links.append(node.href)
        elif tag == "br":
            self._break()
        elif tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._row()
        elif tag not in INLINE:
            self._ask("\n\n" if tag in _PARAGRAPHS else "\n")
        if tag == "table":
            self._cells.append(number not in self._layout)
            if not self._cells[-1]:
                kind = None
        if tag in ("pre", "textarea"):
            self._pre += 1
        self._opened.append((number, kind, -1))

    def _break(self) -> None:
        if self._pre:
            self._put("\n")
        elif self._cells and self._cells[-1]:
            self._ask(" ")
            self._broken = len(self._parts)
        else:
            self._wish = "\n\n" if self._wish == "\n\n" else "\n"

    def _row(self) -> None:
        self._wish = "\n\n" if self._wish == "\n\n" else "\n"
        self._first_cell = True

    def _cell(self) -> None:
        if not (self._cells and self._cells[-1]):
            self._ask("\n")
        elif self._first_cell:
            self._first_cell = False
        else:
            if self._wish.startswith("\n"):  # the first cells were empty
                self._put("")
            self._wish = ""
            self._put("\t")

    def _close_cell(self) -> None:
        """Joins the two lines of a cell that holds nothing but one hash."""
        first, last = self._broken - 1, self._broken + 1
        if first < 0 or last != len(self._parts) - 1 or self._parts[last - 1] != " ":
            return
        if first and self._parts[first - 1] not in ("\t", "\n", "\n\n"):
            return
        if joined := hash_of_lines([Line(self._parts[first]), Line(self._parts[last])]):
            self._parts[first:] = [joined]
            self._length -= 1

    def _close(self, number: int) -> None:
        while self._opened:
            opened, kind, start = self._opened.pop()
            node = self.nodes[opened]
            tag = node.tag
            if tag == "table" and self._cells:
                self._cells.pop()
            if tag in ("pre", "textarea"):
                self._pre -= 1
            if kind is not None and 0 <= start < self._length:
                self._blocks.append(Block(kind, start, self._length))
            if tag in ("td", "th"):
                self._close_cell()
            if tag == "tr":
                self._row()
            elif tag not in INLINE and tag not in ("td", "th", "br"):
                self._ask("\n\n" if tag in _PARAGRAPHS else "\n")
            if opened == number:
                return

    def write(self) -> str:
        """The text; call once."""
        skipping = 0
        for item in self.stream:
            if isinstance(item, str):
                if not skipping:
                    self._text(item)
            elif item > 0:
                if skipping:
                    continue
                if self.keep[item]:
                    self._open(item)
                else:
                    skipping = item
                    if self.nodes[item].tag not in INLINE:
                        self._ask("\n")
            elif skipping:
                if -item == skipping:
                    skipping = 0
            elif self._opened:
                self._close(-item)
        self._close(0)
        return "".join(self._parts)

    def sorted(self) -> tuple[Block, ...]:
        """The blocks of the text, in order."""
        return sorted_blocks(self._blocks)
