"""CSV: the file itself, and of each cell what its column says it is.

Cells keep their raw form, and their places are places in the file. What a column's name means
stands in `csv_words`; a mapping from the user wins over it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from samehand.config import types_table
from samehand.model import Problem
from samehand.read.common import Inside, warning
from samehand.read.csv_words import (
    NOTHING_WORDS,
    REFERENCE_WORDS,
    ROLE_WORDS,
    TYPE_WORDS,
    VALUE_WORDS,
    role_of,
    squeeze,
    type_of_value,
    type_of_word,
)
from samehand.read.decode import decode
from samehand.read.document import Block, Document, Stated

#: Cells read of one file; a list of 100,000 indicators with 20 columns.
MAX_CELLS = 2_000_000
#: Cells read of one row; more are no table.
MAX_COLUMNS = 4_096
#: Longest quoted cell, in characters (Excel: 32,767). An open quote swallows no more than this.
MAX_CELL_CHARS = 32_768
#: Open quotes after which a quote counts as an ordinary character.
MAX_OPEN_QUOTES = 20
#: Characters that the guess of the delimiter looks at.
SAMPLE_CHARS = 64 * 1024
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(f'"((?:[^"]|""){{0,{MAX_CELL_CHARS}}}+)"')

Span = tuple[int, int]


def delimiter_of(text: str, name: str) -> str:
    """The character between cells, guessed from the first lines; ',' where there is none."""
    if name.lower().endswith(".tsv"):
        return "\t"
    lines = re.sub(r'"[^"\n]*+"', "", text[:SAMPLE_CHARS]).split("\n")[:200]
    lines = [line for line in lines if line.strip() and not line.startswith("#")] or lines
    best, best_score = ",", 0.0
    for mark in _DELIMITERS:
        counts = Counter(line.count(mark) for line in lines)
        number, times = max(counts.items(), key=lambda item: (item[0] > 0, item[1]))
        score = times / len(lines) * (1 + 0.05 * min(number, 10)) if number else 0.0
        if score > best_score:
            best, best_score = mark, score
    return best


def rows_of(text: str, delimiter: str) -> Iterator[list[Span]]:
    """The cells of each row as places in the text, without quotes and outer blanks."""
    plain = re.compile(f"[^{re.escape(delimiter)}\n]*+")
    at, size, open_quotes = 0, len(text), 0
    row: list[Span] = []
    while at <= size:
        start = at
        while start < size and text[start] == " ":
            start += 1
        quoted = None
        if start < size and text[start] == '"' and open_quotes < MAX_OPEN_QUOTES:
            quoted = _QUOTED.match(text, start)
            open_quotes += quoted is None
        if quoted:
            end = quoted.end()
            row.append(_trimmed(text, quoted.start(1), quoted.end(1)))
            rest = plain.match(text, end)
            at = rest.end() if rest else end
        else:
            match = plain.match(text, at)
            end = match.end() if match else size
            row.append(_trimmed(text, at, end))
            at = end
        if at >= size or text[at] == "\n":
            if len(row) > 1 or row[0][0] < row[0][1]:
                yield row
            row = []
            if at >= size:
                return
        elif len(row) >= MAX_COLUMNS:
            at = text.find("\n", at)
            yield row
            row = []
            if at < 0:
                return
        at += 1


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


@dataclass(slots=True)
class _Plan:
    """What each column means."""

    kinds: dict[int, str] = field(default_factory=dict)
    """Column -> type, 'by-value', 'by-length', or '' for 'no observable'."""
    references: set[int] = field(default_factory=set)
    roles: list[int] = field(default_factory=list)
    value: int = -1
    """Column whose type stands in the column `type`."""
    type: int = -1


def _plan(header: list[str]) -> _Plan:
    plan = _Plan()
    small = [squeeze(cell) for cell in header]
    for index, word in enumerate(small):
        if word in TYPE_WORDS and plan.type < 0:
            plan.type = index
        elif word in VALUE_WORDS and plan.value < 0:
            plan.value = index
        if kind := type_of_word(word):
            plan.kinds[index] = kind
        elif word in NOTHING_WORDS:
            plan.kinds[index] = ""
        elif word in REFERENCE_WORDS:
            plan.references.add(index)
        if word in ROLE_WORDS:
            plan.roles.append(index)
    if plan.value < 0 or plan.type < 0:
        plan.value = plan.type = -1
    return plan


def _is_header(cells: list[str]) -> bool:
    """Whether a first row holds names: one is known, and none looks like a value."""
    known = any(
        type_of_word(c) or squeeze(c) in VALUE_WORDS | TYPE_WORDS | NOTHING_WORDS | REFERENCE_WORDS
        for c in cells
    )
    values = any(type_of_value("by-value", c) or type_of_value("by-length", c) for c in cells if c)
    return known and not values


def _mapped(header: list[str], columns: Mapping[str, str], plan: _Plan, name: str) -> list[Problem]:
    """Puts the user's mapping into the plan; what of it cannot be followed."""
    problems = []
    known = sorted(kind for kind, row in types_table().items() if not row.derived)
    places = {squeeze(cell): index for index, cell in reversed(list(enumerate(header)))}
    exact = {cell: index for index, cell in reversed(list(enumerate(header)))}
    for column, kind in columns.items():
        index = exact.get(column, places.get(squeeze(column) or column))
        if index is None and column.isdigit() and 1 <= int(column) <= max(len(header), 1):
            index = int(column) - 1
        if index is None:
            there = ", ".join(repr(c) for c in header[:30]) or "none"
            problems.append(
                Problem(
                    name,
                    f"there is no column {column!r} to map. Columns are {there}; "
                    "without names they are numbered from 1.",
                )
            )
        elif kind not in known:
            problems.append(
                Problem(
                    name,
                    f"column {column!r} is mapped to {kind!r}, which is no type. "
                    f"Types are {', '.join(known)}.",
                )
            )
        else:
            plan.kinds[index] = kind
            plan.references.discard(index)
            if index == plan.value:
                plan.value = plan.type = -1
    return problems


def _state(text: str, row: list[Span], plan: _Plan, stated: list[Stated]) -> None:
    """Adds what one row states."""
    role = ""
    for index in plan.roles:
        if index < len(row) and (role := role_of(text[slice(*row[index])])):
            break
    kinds = plan.kinds
    if 0 <= plan.value < len(row) and plan.type < len(row):
        _typed(text, row[plan.value], text[slice(*row[plan.type])], role, stated)
    for index, (start, end) in enumerate(row):
        if start == end or index == plan.value:
            continue
        if index in plan.references:
            url = type_of_value("by-value", text[start:end]) == "url"
            stated.append(Stated(start, end, "url" if url else "", "reference"))
        elif index in kinds:
            kind = kinds[index]
            if not kind:
                stated.append(Stated(start, end, ""))
            elif chosen := type_of_value(kind, text[start:end]):
                stated.append(Stated(start, end, chosen, role))


def _typed(text: str, span: Span, word: str, role: str, stated: list[Stated]) -> None:
    """States a value whose type stands beside it; 'filename|sha256' are two (MISP)."""
    start, end = span
    if start == end:
        return
    if squeeze(word) in REFERENCE_WORDS:
        stated.append(Stated(start, end, "url", "reference"))
        return
    words = word.split("|")
    value = text[start:end]
    if len(words) == 2 and value.count("|") == 1 and squeeze(words[1]) != "port":
        middle = start + value.index("|")
        _typed(text, (start, middle), words[0], role, stated)
        _typed(text, (middle + 1, end), words[1], role, stated)
        return
    if chosen := type_of_value(type_of_word(word), value) if type_of_word(word) else "":
        stated.append(Stated(start, end, chosen, role))
    elif squeeze(word) in ("text", "comment", "uuid", "other", "datetime", "float", "counter"):
        stated.append(Stated(start, end, ""))


def read_csv(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A table of indicators, as its source."""
    text, problems = decode(data, name, cut=inside.cut)
    delimiter = delimiter_of(text, name)
    stated: list[Stated] = []
    plan: _Plan | None = None
    comment: list[str] = []
    cells, wide = 0, False
    for row in rows_of(text, delimiter):
        cells += len(row)
        wide = wide or len(row) >= MAX_COLUMNS
        if cells > MAX_CELLS:
            problems.append(
                warning(name, f"more than {MAX_CELLS} cells; the rest states no types. Split it.")
            )
            break
        if plan is None:
            if text[row[0][0] : row[0][0] + 1] == "#":
                comment = [text[a:b].lstrip("# ").strip('" ') for a, b in row[:2000]]
                continue
            first = [text[a:b] for a, b in row[:2000]]
            if _is_header(first):
                header = first
            elif len(comment) == len(first) and len(comment) > 1 and _is_header(comment):
                header = comment  # abuse.ch writes the names into the last comment
            else:
                names = {squeeze(c) for c in inside.columns}
                header = first if names & {squeeze(c) for c in first} - {""} else [""] * len(first)
            plan = _plan(header)
            problems.extend(_mapped(header, inside.columns, plan, name))
            if header is first:
                continue
        _state(text, row, plan, stated)
    if wide:
        problems.append(
            warning(
                name, f"rows of more than {MAX_COLUMNS} cells; the rest of them states no types."
            )
        )
    size = len(text)
    yield Document(
        name,
        "csv",
        text,
        blocks=(Block("table", 0, size),) if size else (),
        stated=tuple(stated),
        problems=tuple(problems),
    )
