"""Which hashes of a document are of one file: those that one row, line or entry lists together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from samehand.extract.mention import Placed

#: Kinds of hashes that say which file it is, by the order in which they are preferred as its key.
_IDENTITY = {"file:sha256": 3, "file:sha1": 2, "file:md5": 1, "file:sha512": 0}
_KINDS = frozenset((*_IDENTITY, "file:ssdeep", "file:tlsh", "file:imphash"))
#: Longest text between two hashes of one entry, in characters.
_GAP = 160
_BLANK_LINE = re.compile(r"\n\s*\n")


def file_keys(text: str, placed: Sequence[Placed]) -> Mapping[int, str]:
    """Start of a hash -> key of its file, for hashes that stand with another one of the same file.

    The key is the strongest hash of the file, so it is the same wherever the file is listed with
    the same hashes.
    """
    keys: dict[int, str] = {}
    run: list[Placed] = []
    for row in placed:
        if row.feature.kind not in _KINDS:
            continue
        if run and not _is_near(text, run[-1].end, row.start):
            _give_keys(text, run, keys)
            run = []
        run.append(row)
    _give_keys(text, run, keys)
    return keys


def _is_near(text: str, end: int, start: int) -> bool:
    return start - end <= _GAP and not _BLANK_LINE.search(text, end, start)


def _give_keys(text: str, run: list[Placed], keys: dict[int, str]) -> None:
    """Give the hashes of one run their keys."""
    if len(run) < 2:
        return
    for entry in _entries(text, run):
        named = [row.feature for row in entry if row.feature.kind in _IDENTITY]
        if len(entry) > 1 and named:
            key = max(named, key=lambda f: _IDENTITY[f.kind])
            for row in entry:
                keys[row.start] = f"{key.kind} {key.value}"


def _entries(text: str, run: list[Placed]) -> Iterator[list[Placed]]:
    """The entries of a run: by an order of kinds that repeats, else the lines."""
    kinds = [row.feature.kind for row in run]
    period = next((i for i in range(1, len(kinds)) if kinds[i] == kinds[0]), len(kinds))
    regular = (
        period > 1
        and len(kinds) % period == 0
        and len(set(kinds[:period])) == period
        and all(kind == kinds[i % period] for i, kind in enumerate(kinds))
    )
    if regular:
        yield from (run[i : i + period] for i in range(0, len(run), period))
        return
    line = run[:1]
    for row in run[1:]:
        if "\n" in text[line[-1].start : row.start]:
            yield from _of_one(line)
            line = []
        line.append(row)
    yield from _of_one(line)


def _of_one(line: list[Placed]) -> Iterator[list[Placed]]:
    """A line if no kind is on it twice: then it may be of one file."""
    if len({row.feature.kind for row in line}) == len(line):
        yield line
