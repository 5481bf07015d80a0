"""The words of a page in reading order: paragraphs, columns one after another, tables by row.

Geometry in points, y upward. A page is cut into *chunks* (words of a line without a wide gap),
these into *rows* (one baseline), these into *regions* between which no common gutter runs. A
region whose columns are all prose is read column by column; any other with a gutter is a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from samehand.read.lines import Line, join_cell, join_prose, joint

#: Gaps and tolerances in line heights (a loose character box, about 1.17 font sizes).
#: A blank is 0.24 wide, in justified text up to 0.6; the padding of two cells is 1.0.
CHUNK_GAP = 0.8
#: Baselines of one row differ less: superscripts by 0.3.
ROW_TOLERANCE = 0.35
#: The second column of a page, or a cell centred beside two lines, stands up to half a line lower.
BESIDE_TOLERANCE = 0.7
#: Narrowest gutter.
MIN_GUTTER = 0.45
#: Most chunks of one row; more are no table but, say, the labels of a chart. Bounds the time.
MAX_ROW_CHUNKS = 100
#: A line this near to the right margin is full.
FULL_MARGIN = 1.5
#: Lines of one cell are nearer than this; rows of a table without rules may be, too.
TIGHT_LEADING = 1.6
#: A line below the baseline by less underlines its text, in line heights.
UNDERLINE = 0.17
#: Highest row of a table with rules, in line heights; below its last rule is the page's text.
MAX_ROW_HEIGHTS = 12
#: A column of prose: its lines, their mean characters and words, share that fills the width.
MIN_PROSE_LINES, MIN_PROSE_CHARS, MIN_PROSE_WORDS, MIN_PROSE_FILL = 4, 24, 3.0, 0.5
#: Most columns of prose on a page; newspapers have more, reports do not.
MAX_PROSE_COLUMNS = 3

_BULLET = re.compile(
    r"^(?:[•▪◦·●○■□➢✓✔\-–—*o§]|\(?\d{1,3}[.)]|(?:\d{1,2}\.){1,4}\d{0,2}|[a-z][.)])$"
)

_HALF_HASH = re.compile(r"[0-9A-Fa-f]{32}")


@dataclass(slots=True)
class Chunk:
    """Words of one line without a wide gap between them."""

    left: float
    right: float
    y: float
    """Of the baseline."""
    height: float
    text: str


@dataclass(slots=True)
class Row:
    """Chunks on one baseline, from left to right."""

    y: float
    height: float
    chunks: list[Chunk]


@dataclass(slots=True)
class Piece:
    """A stretch of the page's text."""

    text: str
    table: bool = False


@dataclass(slots=True)
class Region:
    """Consecutive rows with common gutters."""

    rows: list[Row]
    gutters: list[tuple[float, float]] = field(default_factory=list)

    def column_of(self, chunk: Chunk) -> int:
        """Number of the column that a chunk stands in."""
        middle = (chunk.left + chunk.right) / 2
        return sum((a + b) / 2 < middle for a, b in self.gutters)


def rows_of(chunks: Sequence[Chunk]) -> list[Row]:
    """Chunks by baseline, from top to bottom; neighbours without a gap become one."""
    rows: list[Row] = []
    for chunk in sorted(chunks, key=lambda c: -c.y):
        row = rows[-1] if rows else None
        if row and _beside(row, chunk):
            row.chunks.append(chunk)
        else:
            rows.append(Row(chunk.y, chunk.height, [chunk]))
    for row in rows:
        if len(row.chunks) > 1:
            row.chunks = _merged(sorted(row.chunks, key=lambda c: c.left))
        if len(row.chunks) > MAX_ROW_CHUNKS:
            texts = "\t".join(c.text for c in row.chunks)
            left, right = row.chunks[0].left, max(c.right for c in row.chunks)
            row.chunks = [Chunk(left, right, row.y, row.height, texts)]
    return rows


def _beside(row: Row, chunk: Chunk) -> bool:
    """Whether a chunk stands in a row: on its baseline, or a little lower and well beside it."""
    low = row.y - chunk.y
    if low <= ROW_TOLERANCE * min(row.height, chunk.height):
        return True
    if len(row.chunks) > MAX_ROW_CHUNKS:
        return False
    apart = CHUNK_GAP * max(row.height, chunk.height)
    return low <= BESIDE_TOLERANCE * min(row.height, chunk.height) and all(
        chunk.left >= c.right + apart or chunk.right <= c.left - apart for c in row.chunks
    )


def _merged(chunks: list[Chunk]) -> list[Chunk]:
    merged = [chunks[0]]
    for chunk in chunks[1:]:
        before = merged[-1]
        gap = chunk.left - before.right
        bullet = _BULLET.match(before.text) is not None and gap < 4 * chunk.height
        if gap <= CHUNK_GAP * max(before.height, chunk.height) or bullet:
            blank = "" if gap < 0.05 * chunk.height and not bullet else " "
            merged[-1] = _joined(before, chunk, blank)
        else:
            merged.append(chunk)
    return merged


def _mend(rows: Sequence[Row]) -> None:
    """Joins what a wide blank of justified text divided: lines beside run across that place."""
    for index, row in enumerate(rows):
        if len(row.chunks) < 2:
            continue
        near = [
            r
            for r in (*rows[max(0, index - 1) : index], *rows[index + 1 : index + 2])
            if abs(r.y - row.y) < 2 * row.height
        ]
        kept = [row.chunks[0]]
        for chunk in row.chunks[1:]:
            a, b = kept[-1].right, chunk.left
            cross = any(c.left < a and c.right > b for r in near for c in r.chunks)
            gaps = [(c.right, d.left) for r in near for c, d in pairwise(r.chunks)]
            if cross and b - a < 2 * row.height and not any(x < b and y > a for x, y in gaps):
                kept[-1] = _joined(kept[-1], chunk, " ")
            else:
                kept.append(chunk)
        row.chunks = kept


def _joined(before: Chunk, chunk: Chunk, blank: str) -> Chunk:
    return Chunk(
        before.left,
        max(before.right, chunk.right),
        before.y,
        max(before.height, chunk.height),
        f"{before.text}{blank}{chunk.text}",
    )


def _free(gutters: Sequence[tuple[float, float]], row: Row) -> list[tuple[float, float]]:
    """What the chunks of a row leave of the gutters."""
    narrow = MIN_GUTTER * row.height
    left = list(gutters)
    for chunk in row.chunks:
        kept: list[tuple[float, float]] = []
        for a, b in left:
            if chunk.right <= a or chunk.left >= b:
                kept.append((a, b))
                continue
            best = max(
                ((a, min(b, chunk.left)), (max(a, chunk.right), b)), key=lambda g: g[1] - g[0]
            )
            if best[1] - best[0] >= narrow:
                kept.append(best)
        left = kept
    return left


def regions_of(rows: Sequence[Row]) -> list[Region]:
    """Rows grouped by their common gutters; a region without gutters is a paragraph or more."""
    regions: list[Region] = []
    current = Region([])

    def close() -> None:
        nonlocal current
        if current.rows:
            regions.append(current)
        current = Region([])

    for row in rows:
        if current.gutters:
            free = _free(current.gutters, row)
            single = len(row.chunks) == 1
            if len(free) == len(current.gutters) or (
                not single and 2 * len(free) >= len(current.gutters) > 0 and free
            ):
                current.rows.append(row)
                current.gutters = free
                continue
            close()
        if len(row.chunks) > 1:
            close()
            gaps = [(a.right, b.left) for a, b in pairwise(row.chunks)]
            current = Region([row], gaps)
        else:
            current.rows.append(row)
    close()
    return regions


def _columns(region: Region) -> list[list[Chunk]]:
    columns: list[list[Chunk]] = [[] for _ in range(len(region.gutters) + 1)]
    for row in region.rows:
        for chunk in row.chunks:
            columns[region.column_of(chunk)].append(chunk)
    return columns


def _is_prose(column: Sequence[Chunk]) -> bool:
    """Whether the lines of a column are running text."""
    if len(column) < MIN_PROSE_LINES:
        return False
    width = max(c.right for c in column) - min(c.left for c in column)
    filled = sum(c.right - c.left >= 0.6 * width for c in column) / len(column)
    words = sum(c.text.count(" ") + 1 for c in column) / len(column)
    chars = sum(len(c.text) for c in column) / len(column)
    return filled >= MIN_PROSE_FILL and words >= MIN_PROSE_WORDS and chars >= MIN_PROSE_CHARS


def _line(chunk: Chunk, edge: float) -> Line:
    return Line(chunk.text, chunk.right >= edge - FULL_MARGIN * chunk.height)


def _lines(chunks: Sequence[Chunk]) -> list[Line]:
    edge = max((c.right for c in chunks), default=0.0)
    return [_line(c, edge) for c in chunks]


def _logical_rows(
    region: Region, rules: Sequence[float], edges: Sequence[float]
) -> list[list[Row]]:
    """Lines of a table that belong to one row, by its rules or by what stands in the lines."""
    groups: list[list[Row]] = []
    top, bottom = region.rows[0].y, region.rows[-1].y
    ruled = any(bottom < y < top for y in rules)
    for row in region.rows:
        if not groups:
            groups.append([row])
            continue
        above = groups[-1][-1]
        under = UNDERLINE * above.height  # a line this near belongs to the text above
        if ruled and any(row.y < y < above.y - under for y in rules):
            same = False
        elif ruled and any(0 < row.y - y < MAX_ROW_HEIGHTS * row.height for y in rules):
            same = True
        else:
            same = _continues(region, groups[-1], row, edges)
        if same:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _continues(region: Region, group: Sequence[Row], row: Row, edges: Sequence[float]) -> bool:
    """Whether a line goes on with the table row above, in a table without rules."""
    above = group[-1]
    if above.y - row.y > TIGHT_LEADING * max(row.height, above.height):
        return False
    columns = {region.column_of(c): c for c in row.chunks}
    upper = {region.column_of(c): c for c in above.chunks}
    if 0 not in columns:
        return any(region.column_of(c) == 0 for c in group[0].chunks)
    if 0 not in upper:
        return False
    over, value = upper[0], columns[0].text
    if joint(_line(over, edges[0]), value, cell=True) is not None:
        return True
    half = _HALF_HASH.fullmatch(over.text) and _HALF_HASH.fullmatch(value)
    return bool(half) and len(group) == 1 and len(upper) > len(columns)


def _row_text(region: Region, group: Sequence[Row], edges: Sequence[float]) -> str:
    """A row of a table on one line, with a tab between cells."""
    if len(group) == 1:
        return _one_line(region, group[0])
    cells: list[list[Line]] = [[] for _ in edges]
    for row in group:
        for chunk in row.chunks:
            column = region.column_of(chunk)
            cells[column].append(_line(chunk, edges[column]))
    return "\t".join(join_cell(cell) if cell else "" for cell in cells).rstrip("\t")


def _one_line(region: Region, row: Row) -> str:
    parts: list[str] = []
    column = 0
    for chunk in row.chunks:
        here = region.column_of(chunk)
        parts.append("\t" * max(here - column, 1 if parts else 0))
        parts.append(chunk.text)
        column = max(column, here)
    return "".join(parts)


def layout(chunks: Sequence[Chunk], rules: Callable[[], Sequence[float]]) -> list[Piece]:
    """The text of a page; ``rules`` gives heights of horizontal lines, asked once for tables."""
    rows = rows_of(chunks)
    _mend(rows)
    pieces: list[Piece] = []
    heights: Sequence[float] | None = None
    for region in regions_of(rows):
        if not region.gutters:
            pieces.append(Piece(join_prose(_lines([c for r in region.rows for c in r.chunks]))))
            continue
        columns = _columns(region)
        if 2 <= len(columns) <= MAX_PROSE_COLUMNS and all(_is_prose(c) for c in columns):
            pieces.extend(Piece(join_prose(_lines(c))) for c in columns)
            continue
        if heights is None:
            heights = rules()
        pieces.extend(_table(region, columns, heights))
    return pieces


def _table(
    region: Region, columns: Sequence[Sequence[Chunk]], rules: Sequence[float]
) -> Iterator[Piece]:
    """A table as text, and apart from it the lines below that only seemed to be of it."""
    edges = [max((c.right for c in column), default=0.0) for column in columns]
    groups = _logical_rows(region, rules, edges)
    end = len(groups)
    while end > 1 and _apart(region, groups, end - 1):
        end -= 1
    several = sum(len(row.chunks) > 1 for group in groups[:end] for row in group) > 1
    text = "\n".join(_row_text(region, group, edges) for group in groups[:end])
    yield Piece(text, table=several)
    if end < len(groups):
        rest = [c for group in groups[end:] for row in group for c in row.chunks]
        yield Piece(join_prose(_lines(rest)))


def _apart(region: Region, groups: Sequence[Sequence[Row]], index: int) -> bool:
    """Whether a line at the end of a table stands off from it, or begins at its left edge."""
    (row, *more), above = groups[index], groups[index - 1][-1]
    if more or len(row.chunks) > 1:
        return False
    gaps = [a.y - b.y for a, b in pairwise(region.rows)]
    return above.y - row.y > 1.5 * median(gaps) or region.column_of(row.chunks[0]) == 0
