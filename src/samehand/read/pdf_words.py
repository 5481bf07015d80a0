"""The words of a PDF page with their places, and the horizontal lines drawn on it.

Boxes are asked for the first and last character of each word only: one call takes 0.8 µs, and a
page has 4,000 characters.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from samehand.read.pdf_columns import Chunk, text_of
from samehand.read.pdf_layout import CHUNK_GAP

#: Objects of one page that are looked at for lines.
MAX_PAGE_OBJECTS = 4_000
#: Thickest line, its least length, and highest background of a cell, in points.
MAX_RULE_POINTS, MIN_RULE_POINTS, MAX_CELL_POINTS = 3.0, 30.0, 200.0
#: A step down within a word, in line heights, above which it is two words of two lines; text
#: written downward steps by the width of a character, some 0.5.
LINE_STEP = 0.8

#: U+FFFE is how PDFium shows a hyphen at the end of a line that goes on in the next.
_WORD = re.compile("[^\\s\ufffe]+\ufffe?|\ufffe")


@dataclass(slots=True)
class _Word:
    text: str
    left: float
    right: float
    y: float
    """Of the baseline."""
    height: float


class _Boxes:
    """Asks PDFium for boxes, and turns them with the page so that text runs to the right."""

    def __init__(self, api: Any, textpage: Any, turn: int) -> None:
        self._page, self._turn = textpage, turn
        self._box = api.FS_RECTF()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._loose, self._origin = api.FPDFText_GetLooseCharBox, api.FPDFText_GetCharOrigin
        self._index = api.FPDFText_GetCharIndexFromTextIndex

    def of(self, place: int) -> tuple[float, float, float, float] | None:
        """(left, right, baseline, height) of the character at a place of the text."""
        index = self._index(self._page, place)
        if index < 0 or not self._loose(self._page, index, self._box):
            return None
        self._origin(self._page, index, self._x, self._y)
        box = self._box
        if not self._turn:
            return box.left, box.right, self._y.value, box.top - box.bottom
        return turned(
            self._turn, box.left, box.right, box.bottom, box.top, self._x.value, self._y.value
        )


def turned(
    turn: int, l: float, r: float, b: float, t: float, x: float, y: float
) -> tuple[float, float, float, float]:
    """(left, right, baseline, height) on a page that is shown turned clockwise, in degrees."""
    if turn == 90:
        return b, t, -x, r - l
    if turn == 180:
        return -r, -l, -y, t - b
    return -t, -b, x, r - l


def _words(boxes: _Boxes, text: str) -> Iterator[_Word]:
    before = _Word("", 0.0, 0.0, 0.0, 1.0)
    for match in _WORD.finditer(text):
        start, end = match.span()
        first = boxes.of(start)
        last = first if end == start + 1 else boxes.of(end - 1)
        if first is None or last is None:  # no place of its own: it stays with the word before
            before = _Word(match[0], before.right, before.right, before.y, before.height)
        elif first[2] - last[2] > LINE_STEP * max(first[3], last[3], 1.0):
            yield from _split(boxes, text, start, end)
            continue
        else:
            height = max(first[3], last[3], 0.1)
            left, right = min(first[0], last[0]), max(first[1], last[1])
            before = _Word(match[0], left, right, first[2], height)
        yield before


def _split(boxes: _Boxes, text: str, start: int, end: int) -> Iterator[_Word]:
    """The words that PDFium took for one although they stand on several lines."""
    current: _Word | None = None
    for place in range(start, end):
        box = boxes.of(place)
        if box is None:
            continue
        left, right, y, height = box
        if current and current.y - y <= LINE_STEP * max(height, current.height):
            current.text += text[place]
            current.right = max(current.right, right)
            continue
        if current:
            yield current
        current = _Word(text[place], left, right, y, max(height, 0.1))
    if current:
        yield current


def chunks_of(api: Any, textpage: Any, text: str, turn: int) -> list[Chunk]:
    """The words of a page joined where they follow each other on a line, in the file's order.

    ``text`` is the text of the page as PDFium gives it, ``turn`` its rotation in degrees.
    """
    chunks: list[Chunk] = []
    current: Chunk | None = None
    for word in _words(_Boxes(api, textpage, turn), text):
        if (
            current is not None
            and -word.height
            <= word.left - current.right
            <= CHUNK_GAP * max(word.height, current.height)
            and abs(word.y - current.y) <= 0.5 * word.height
        ):
            current.right = max(current.right, word.right)
            current.height = max(current.height, word.height)
        else:
            current = Chunk(word.left, word.right, word.y, word.height, "")
            chunks.append(current)
        current.words.append((word.left, word.right, word.text))
    for chunk in chunks:
        chunk.text = text_of(chunk.words)
    return chunks


def rules_of(api: Any, page: Any, turn: int) -> list[float]:
    """Heights of horizontal lines on a page: thin paths, and edges of cell backgrounds."""
    found: set[float] = set()
    l, b, r, t = (ctypes.c_float() for _ in range(4))
    for index in range(min(api.FPDFPage_CountObjects(page), MAX_PAGE_OBJECTS)):
        item = api.FPDFPage_GetObject(page, index)
        if api.FPDFPageObj_GetType(item) != api.FPDF_PAGEOBJ_PATH:
            continue
        if not api.FPDFPageObj_GetBounds(item, l, b, r, t):
            continue
        left, right, bottom, top = l.value, r.value, b.value, t.value
        if turn:
            low = turned(turn, left, right, bottom, top, left, bottom)
            high = turned(turn, left, right, bottom, top, right, top)
            left, right, bottom, top = low[0], low[1], *sorted((low[2], high[2]))
        if right - left >= MIN_RULE_POINTS:
            if top - bottom <= MAX_RULE_POINTS:
                found.add(round((bottom + top) / 2, 1))
            elif top - bottom <= MAX_CELL_POINTS:
                found.update((round(bottom, 1), round(top, 1)))
    return sorted(found)
