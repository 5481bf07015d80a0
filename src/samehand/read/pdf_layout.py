"""The words of a page in reading order: paragraphs, columns one after another, tables by row.

Geometry in points, y upward. A page is cut into *chunks* (words of a line without a wide gap),
these into *rows* (one baseline), these into *regions* between which no common gutter runs. A
region whose columns are all prose is read column by column; any other with a gutter is a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from statistics import median

from samehand.read.lines import HASH_LENGTHS, Line, hash_of_lines, join_cell, join_prose, joint
from samehand.read.pdf_columns import MIN_PIECE_CHARS, SAME_EDGE, Chunk, cut, is_piece

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
#: Lines of one cell are not nearer, in line heights, nor farther apart, in the region's least.
LEAST_LEADING, MAX_LEADING = 0.7, 1.08
#: Most lines of one hash in a cell: SHA-512 in pieces of 8 digits.
MAX_BLOCK_LINES = 16
#: A line below the baseline by less underlines its text, in line heights.
UNDERLINE = 0.17
#: Highest row of a table with rules, in line heights; below its last rule is the page's text.
MAX_ROW_HEIGHTS = 12
#: A column of prose: its lines, their mean characters and words, share that fills the width.
MIN_PROSE_LINES, MIN_PROSE_CHARS, MIN_PROSE_WORDS, MIN_PROSE_FILL = 4, 24, 3.0, 0.5
#: Justified lines: blanks differ by less and full lines stand nearer, in line heights; so many of
#: these have its margins.
EVEN_BLANKS, NEAR_LINES, MIN_FULL_LINES = 0.2, 6.0, 3
#: Chunks that overlap by more are two texts, one over the other, in line heights.
OVERLAP = 0.3
#: Most columns of prose on a page; newspapers have more, reports do not.
MAX_PROSE_COLUMNS = 3

_BULLET = re.compile(
    r"^(?:[•▪◦·●○■□➢✓✔\-–—*o§]|\(?\d{1,3}[.)]|\[\d{1,3}\]|(?:\d{1,2}\.){1,4}\d{0,2}|[a-z][.)])$"
)

_HALF_HASH = re.compile(r"[0-9A-Fa-f]{32}")


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
    edges: set[float] = field(default_factory=set)
    """Left edges of columns, as `pdf_columns` found them."""

    def column_of(self, chunk: Chunk) -> int:
        """Number of the column that a chunk stands in."""
        middle = chunk.left + SAME_EDGE if chunk.edge else (chunk.left + chunk.right) / 2
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
    _close_up(rows)
    return rows


def _segments(row: Row) -> list[list[Chunk]]:
    """The chunks of a row by column, as far as edges tell."""
    segments = [[row.chunks[0]]]
    for chunk in row.chunks[1:]:
        if chunk.edge:
            segments.append([chunk])
        else:
            segments[-1].append(chunk)
    return segments


def _close_up(rows: Sequence[Row]) -> None:
    """Joins the chunks of a justified line: even blanks, between the margins of full lines."""
    full: dict[tuple[int, int], list[Chunk]] = {}
    for row in rows:
        for segment in _segments(row):
            chunk = segment[0]
            if len(segment) == 1 and len(chunk.words) >= MIN_PROSE_WORDS:
                full.setdefault((round(chunk.left), round(chunk.right)), []).append(chunk)
    for row in rows:
        if len(row.chunks) < 2:
            continue
        kept: list[Chunk] = []
        for segment in _segments(row):
            if len(segment) > 1 and _is_justified(segment, full):
                for chunk in segment[1:]:
                    segment[0] = _joined(segment[0], chunk, " ")
                kept.append(segment[0])
            else:
                kept.extend(segment)
        row.chunks = kept


def _is_justified(
    segment: Sequence[Chunk], full: Mapping[tuple[int, int], Sequence[Chunk]]
) -> bool:
    words = [w for chunk in segment for w in chunk.words]
    gaps = [b[0] - a[1] for a, b in pairwise(words)]
    height = segment[0].height
    if not gaps or max(gaps) - min(gaps) > EVEN_BLANKS * height:
        return False
    left, right = round(segment[0].left), round(segment[-1].right)
    like = [
        chunk
        for x in (left - 1, left, left + 1)
        for y in (right - 1, right, right + 1)
        for chunk in full.get((x, y), ())[:MAX_ROW_CHUNKS]
    ]
    near = any(abs(c.y - segment[0].y) < NEAR_LINES * height for c in like)
    return near and len(like) >= MIN_FULL_LINES


def _beside(row: Row, chunk: Chunk) -> bool:
    """Whether a chunk stands in a row: on its baseline, or a little lower and well beside it."""
    low = row.y - chunk.y
    if low <= ROW_TOLERANCE * min(row.height, chunk.height):
        return True
    if len(row.chunks) > MAX_ROW_CHUNKS:
        return False
    apart = CHUNK_GAP * max(row.height, chunk.height)
    return low <= BESIDE_TOLERANCE * min(row.height, chunk.height) and all(
        chunk.left >= c.right + (0 if chunk.edge else apart)
        or chunk.right <= c.left - (0 if c.edge else apart)
        for c in row.chunks
    )


def _merged(chunks: list[Chunk]) -> list[Chunk]:
    merged = [chunks[0]]
    for chunk in chunks[1:]:
        before = merged[-1]
        gap = chunk.left - before.right
        bullet = _BULLET.match(before.text) is not None and gap < 4 * chunk.height
        near = gap <= CHUNK_GAP * max(before.height, chunk.height) and not chunk.edge
        if near or bullet:
            glued = -OVERLAP * chunk.height < gap < 0.05 * chunk.height and not bullet
            blank = "" if glued else " "
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
            near_enough = b - a < 2 * row.height and not chunk.edge
            if cross and near_enough and not any(x < b and y > a for x, y in gaps):
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
        before.words + chunk.words,
        before.edge,
    )


def _at_edge(x: float, edges: Iterable[float]) -> bool:
    return any(abs(x - edge) <= SAME_EDGE for edge in edges)


def _free(region: Region, row: Row) -> list[tuple[float, float]]:
    """What the chunks of a row leave of the gutters; one before an edge may be very narrow."""
    own = [c.left for c in row.chunks if c.edge]
    region.edges.update(own)
    kept: list[tuple[float, float]] = []
    for a, b in region.gutters:
        if _at_edge(b, own):  # whatever runs over it from the column before
            inside = [c for c in row.chunks if c.edge and a < c.left and c.right < b]
            for chunk in inside:  # a column that the rows above leave empty
                kept.append((a, chunk.left))
                a = chunk.right
            kept.append((a, b))
            continue
        edge = _at_edge(b, region.edges)
        for chunk in row.chunks:
            if chunk.right <= a or chunk.left >= b:
                continue
            left, right = (a, min(b, chunk.left)), (max(a, chunk.right), b)
            if edge:
                a, b = right
            elif chunk.edge and chunk.left > a:  # b is where a centred heading begins
                a, b = left
                edge = True
            else:
                a, b = max(left, right, key=lambda g: g[1] - g[0])
                edge = _at_edge(b, region.edges)
            if b - a < (0 if edge else MIN_GUTTER * row.height):
                break
        else:
            kept.append((a, b))
    return kept


def _opened(row: Row) -> Region:
    """A region that begins with a row of several chunks."""
    gaps = [(a.right, b.left) for a, b in pairwise(row.chunks)]
    first = row.chunks[0]
    if first.edge:  # the column before it begins lower
        gaps.insert(0, (first.left - MIN_GUTTER * row.height, first.left))
    return Region([row], gaps, {c.left for c in row.chunks if c.edge})


def _lost_edge(region: Region, free: Sequence[tuple[float, float]]) -> bool:
    """Whether a gutter before an edge is no longer free: the columns end there."""
    rights = [b for _, b in free]
    return any(_at_edge(b, region.edges) and not _at_edge(b, rights) for _, b in region.gutters)


def regions_of(rows: Sequence[Row]) -> list[Region]:
    """Rows grouped by their common gutters; a region without gutters is a paragraph or more."""
    regions: list[Region] = []
    current = Region([])

    def close() -> None:
        nonlocal current
        if current.rows:
            if current.gutters and not _columns(current)[0]:
                del current.gutters[0]
            regions.append(current)
        current = Region([])

    for row in rows:
        if current.gutters:
            free = _free(current, row)
            single = len(row.chunks) == 1
            lost = len(current.gutters) - len(free)
            if not lost or (
                not single and free and len(free) >= lost and not _lost_edge(current, free)
            ):
                current.rows.append(row)
                current.gutters = free
                continue
            close()
        if len(row.chunks) > 1:
            close()
            current = _opened(row)
        else:
            current.rows.append(row)
    close()
    return regions


def _columns(region: Region) -> list[list[Chunk]]:
    columns: list[list[Chunk]] = [[] for _ in range(len(region.gutters) + 1)]
    for row in region.rows:
        for column, chunk in _cells(region, row).items():
            columns[column].append(chunk)
    return columns


def _cells(region: Region, row: Row) -> dict[int, Chunk]:
    """What stands in each column of a row."""
    cells: dict[int, Chunk] = {}
    for chunk in row.chunks:
        column = region.column_of(chunk)
        before = cells.get(column)
        cells[column] = _joined(before, chunk, " ") if before else chunk
    return cells


def _margins(region: Region, columns: Sequence[Sequence[Chunk]]) -> list[float]:
    """The right margin of each column; a line that runs over into the next does not count."""
    ends = [b + SAME_EDGE for _, b in region.gutters] + [float("inf")]
    return [
        max((c.right for c in column if c.right <= end), default=end)
        for column, end in zip(columns, ends, strict=True)
    ]


def _is_prose(column: Sequence[Chunk], margin: float) -> bool:
    """Whether the lines of a column are running text."""
    if len(column) < MIN_PROSE_LINES:
        return False
    width = margin - min(c.left for c in column)
    filled = sum(c.right - c.left >= 0.6 * width for c in column) / len(column)
    words = sum(c.text.count(" ") + 1 for c in column) / len(column)
    chars = sum(len(c.text) for c in column) / len(column)
    return filled >= MIN_PROSE_FILL and words >= MIN_PROSE_WORDS and chars >= MIN_PROSE_CHARS


def _line(chunk: Chunk, margin: float, following: Chunk | None = None) -> Line:
    full = chunk.right >= margin - FULL_MARGIN * chunk.height
    if following is None or not following.words:
        return Line(chunk.text, full)
    left, right, _ = following.words[0]
    return Line(chunk.text, full, wraps=chunk.right + right - left > margin)


def _lines(chunks: Sequence[Chunk], margin: float | None = None) -> list[Line]:
    edge = max((c.right for c in chunks), default=0.0) if margin is None else margin
    return [_line(c, edge, d) for c, d in zip_longest(chunks, chunks[1:])]


def _logical_rows(
    region: Region, rules: Sequence[float], edges: Sequence[float]
) -> list[list[Row]]:
    """Lines of a table that belong to one row, by its rules or by what stands in the lines."""
    groups: list[list[Row]] = []
    lead = _lead(region)
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
            pieces = _of_one_hash(region, groups, row, lead)
            same = _continues(region, groups[-1], row, edges) if pieces is None else pieces
        if same:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _lead(region: Region) -> float:
    """The distance of the lines of one cell, in points."""
    found = float("inf")
    for column in _columns(region):
        for above, below in pairwise(column):
            if above.y - below.y > LEAST_LEADING * below.height:
                found = min(found, above.y - below.y)
    return found


def _block(region: Region, first: Row, lead: float) -> list[Line]:
    """The pieces of hashes in the first column from a line on, as close as lines of one cell."""
    found: list[Chunk] = []
    for row in region.rows[next(i for i, r in enumerate(region.rows) if r is first) :]:
        chunk = _cells(region, row).get(0)
        if chunk is None or not is_piece(chunk.text):
            break
        if found and found[-1].y - chunk.y > MAX_LEADING * lead:
            break
        found.append(chunk)
        if len(found) > MAX_BLOCK_LINES:
            break
    return [Line(chunk.text) for chunk in found]


def _of_one_hash(
    region: Region, groups: Sequence[Sequence[Row]], row: Row, lead: float
) -> bool | None:
    """Whether a line goes on with the row above, as pieces of hashes in it tell; or `None`."""
    group = groups[-1]
    here = {n: c for n, c in _cells(region, row).items() if is_piece(c.text)}
    above: dict[int, list[Chunk]] = {}
    for line in group:
        for column, chunk in _cells(region, line).items():
            above.setdefault(column, []).append(chunk)
    if not any(is_piece(c.text) for cell in above.values() for c in cell):
        first = len(groups) == 1 and any(len(c.text) >= MIN_PIECE_CHARS for c in here.values())
        return False if first and 0 in above else None
    shared = [(above[n], c) for n, c in here.items() if n in above and is_piece(above[n][-1].text)]
    for cell, chunk in shared:
        if cell[-1].y - chunk.y > MAX_LEADING * lead:
            return False
    done = [Line(c.text) for c in above.get(0, ())]
    if 0 in here and hash_of_lines(done):
        return False
    if 0 in here and 0 in above and len(above[0]) == len(group):
        block = _block(region, group[0], lead)
        texts = [line.text for line in block]
        whole = all(len(text) in HASH_LENGTHS for text in texts)
        if len(block) > len(group) and not whole and hash_of_lines(block):
            return True
    if shared and 0 not in above and any(region.column_of(c) == 0 for c in row.chunks):
        return True  # the first cell is centred beside a higher one
    return None


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
    cells: list[list[Chunk]] = [[] for _ in edges]
    apart = [False for _ in edges]
    for row in group:
        counts = Counter(region.column_of(chunk) for chunk in row.chunks)
        for column, chunk in _cells(region, row).items():
            cells[column].append(chunk)
            apart[column] |= counts[column] > 1
    texts = (
        join_cell([replace(line, apart=mixed) for line in _lines(cell, margin)]) if cell else ""
        for cell, margin, mixed in zip(cells, edges, apart, strict=True)
    )
    return "\t".join(texts).rstrip("\t")


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
    rows = rows_of(cut(chunks))
    _mend(rows)
    pieces: list[Piece] = []
    heights: Sequence[float] | None = None
    for region in regions_of(rows):
        if not region.gutters:
            pieces.append(Piece(join_prose(_lines([c for r in region.rows for c in r.chunks]))))
            continue
        columns = _columns(region)
        margins = _margins(region, columns)
        pairs = list(zip(columns, margins, strict=True))
        if 2 <= len(columns) <= MAX_PROSE_COLUMNS and all(_is_prose(*pair) for pair in pairs):
            pieces.extend(Piece(join_prose(_lines(*pair))) for pair in pairs)
            continue
        if heights is None:
            heights = rules()
        pieces.extend(_table(region, margins, heights))
    return pieces


def _table(region: Region, edges: Sequence[float], rules: Sequence[float]) -> Iterator[Piece]:
    """A table as text, and apart from it the lines below that only seemed to be of it."""
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
