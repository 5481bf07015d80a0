"""The left edges of columns on a page, which tell tight cells and neighbouring columns apart.

Cells with little padding stand nearer than two words of justified text. But their lines begin at
one place, line after line, beside other text, and no word runs across it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

#: Lines that begin at one place differ by less, in points; a word crosses it by more.
EDGE_POINTS, CROSSING_POINTS = 0.75, 1.0
#: Chunks begin at an edge if they stand nearer to it, in points.
SAME_EDGE = 2 * EDGE_POINTS
#: Lines that make an edge, and those of them with other text to their left, also as a share; by
#: that it is no indent.
MIN_EDGE_LINES, MIN_BESIDE_LINES, MIN_BESIDE_SHARE = 3, 2, 0.25
#: Most edges of a page: the longest tables have 30 columns. Bounds the time.
MAX_EDGES = 60
#: Highest cell without a line at the edge, difference of baselines of one row, and distance of the
#: line above or below the column that may be of it, in line heights.
MAX_EDGE_GAP, SAME_LINE, NEXT_LINE = 12.0, 0.35, 1.5
#: Least text before a word that is cut off within words that follow each other, in characters.
MIN_CUT_CHARS = 6
#: Shortest piece of a hash that tells where a column begins, in digits.
MIN_PIECE_CHARS = 12

_HEX = re.compile(r"[0-9A-Fa-f]+")


@dataclass(slots=True)
class Chunk:
    """Words of one line without a wide gap between them."""

    left: float
    right: float
    y: float
    """Of the baseline."""
    height: float
    text: str
    words: list[tuple[float, float, str]] = field(default_factory=list)
    """(left, right, text) of each word."""
    edge: bool = False
    """It begins at the edge of a column, so it does not go on from the chunk before."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A place where the lines of a column begin, from the upper to the lower of them."""

    x: float
    top: float
    bottom: float


def text_of(words: Sequence[tuple[float, float, str]]) -> str:
    """Words with blanks; U+FFFE is PDFium's hyphen at the end of a line."""
    return " ".join(word[2] for word in words).replace("\ufffe", "-")


def _near(sorted_values: Sequence[float], value: float, reach: float) -> bool:
    at = bisect_left(sorted_values, value - reach)
    return at < len(sorted_values) and sorted_values[at] <= value + reach


def is_piece(text: str, digits: int = 8) -> bool:
    """Whether a word is hexadecimal: a hash or a piece of one."""
    return _HEX.fullmatch(text) is not None and (
        len(text) >= digits or any(c.isdigit() for c in text)
    )


def _starts(chunks: Sequence[Chunk]) -> list[tuple[float, float, bool]]:
    """(left, baseline, beside) of chunks, and of pieces of hashes right after another word."""
    found = [(c.left, c.y, False) for c in chunks]
    for chunk in chunks:
        found += [
            (left, chunk.y, True)
            for left, _, text in chunk.words[1:]
            if len(text) >= MIN_PIECE_CHARS and is_piece(text)
        ]
    return found


def _clusters(chunks: Sequence[Chunk]) -> list[list[tuple[float, float, bool]]]:
    """Starts at one place, the most frequent places first."""
    clusters: list[list[tuple[float, float, bool]]] = []
    for start in sorted(_starts(chunks)):
        if clusters and start[0] - clusters[-1][0][0] <= EDGE_POINTS:
            clusters[-1].append(start)
        else:
            clusters.append([start])
    clusters = [c for c in clusters if len(c) >= MIN_EDGE_LINES]
    return sorted(clusters, key=len, reverse=True)[:MAX_EDGES]


def edges_of(chunks: Sequence[Chunk]) -> list[Edge]:
    """The left edges of columns that have text to their left."""
    first = min((c.left for c in chunks), default=0.0)
    edges: list[Edge] = []
    for cluster in _clusters(chunks):
        x = cluster[0][0]
        if x - first > EDGE_POINTS:
            edges.extend(_edges_at(x, cluster, chunks))
    return edges


def _edges_at(
    x: float, cluster: Sequence[tuple[float, float, bool]], chunks: Sequence[Chunk]
) -> list[Edge]:
    starts = [(y, True) for _, y, _ in cluster]
    left = [y for _, y, beside in cluster if beside]
    height = 1.0
    crossing: list[float] = []
    for chunk in chunks:
        if chunk.left > x + EDGE_POINTS:
            continue
        if abs(chunk.left - x) <= EDGE_POINTS:
            height = max(height, chunk.height)
            continue
        if chunk.right < x + CROSSING_POINTS:
            left.append(chunk.y)
            continue
        for a, b, _ in chunk.words:
            if a < x - CROSSING_POINTS and b > x + CROSSING_POINTS:
                crossing.append(chunk.y)
            elif abs(a - x) <= EDGE_POINTS:
                starts.append((chunk.y, False))
                height = max(height, chunk.height)
    left.sort()
    starts.sort(reverse=True)
    lines = sorted(y for y, _ in starts)
    reach = SAME_LINE * height
    crossing = sorted(y for y in crossing if not _near(lines, y, reach))

    edges: list[Edge] = []
    run: list[tuple[float, bool]] = []
    for start in [*starts, None]:
        if start is not None and run:
            low, high = start[0], run[-1][0]
            at = bisect_left(crossing, low)
            if high - low <= MAX_EDGE_GAP * height and not (
                at < len(crossing) and crossing[at] <= high
            ):
                run.append(start)
                continue
        alone = [y for y, chunk_start in run if chunk_start]
        beside = sum(_near(left, y, reach) for y in alone)
        enough = beside >= max(MIN_BESIDE_LINES, MIN_BESIDE_SHARE * len(alone))
        if len(alone) >= MIN_EDGE_LINES and enough:
            near = NEXT_LINE * height
            of_it = [y for y, _ in run if alone[-1] - near <= y <= alone[0] + near]
            edges.append(Edge(x, of_it[0] + reach, of_it[-1] - reach))
        run = [start] if start is not None else []
    return edges


def _at(edges: Sequence[Edge], x: float, y: float) -> bool:
    return any(abs(e.x - x) <= SAME_EDGE and e.bottom <= y <= e.top for e in edges)


def cut(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The chunks with those cut in two that run on over the edge of a column, and edges marked."""
    edges = edges_of(chunks)
    if not edges:
        return list(chunks)
    found: list[Chunk] = []
    for chunk in chunks:
        part = replace(chunk, edge=_at(edges, chunk.left, chunk.y))
        begin, chars = 0, 0
        for index, (left, _, text) in enumerate(chunk.words):
            before = chunk.words[index - 1][2] if index else ""
            enough = chars >= MIN_CUT_CHARS or (is_piece(before) and is_piece(text))
            if index and enough and _at(edges, left, chunk.y):
                found.append(_part(chunk, begin, index, part.edge))
                begin, chars = index, 0
                part = replace(part, edge=True)
            chars += len(text)
        found.append(_part(chunk, begin, len(chunk.words), part.edge) if begin else part)
    return found


def _part(chunk: Chunk, begin: int, end: int, edge: bool) -> Chunk:
    words = chunk.words[begin:end]
    right = max(w[1] for w in words)
    return Chunk(words[0][0], right, chunk.y, chunk.height, text_of(words), words, edge)
