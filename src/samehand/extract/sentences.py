"""The sentences of a report's text, as spans.

Threat reports are prose, list items, table rows, headings and command lines, with dots inside
hosts, versions and file names. A dot ends a sentence only before a blank and something that can
begin one; a line ends one unless it is visibly the first part of a wrapped sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache

from samehand.config import bundled

#: Longest span, in characters: a line without any stop (a dump, minified code) is cut at a blank,
#: or anywhere if it has none. Far beyond prose: 99.9 % of the development sentences are shorter.
LONGEST_CHARS = 1200
#: A line shorter than this was not wrapped by the right margin: its end is the end of something.
_WRAPPED_CHARS = 45
#: How far back a word before a dot is looked at, in characters; longer ones are no abbreviation.
_WORD_CHARS = 14

#: Ends of lines, and stops with closing marks and a blank behind them.
_STOP = re.compile(r"\n\s*|[.!?…][\"”’'»)\]*_]{0,4}[^\S\n]+|[。！？]")
#: What a sentence may begin with: a capital, a figure, an opening mark, a list mark.
_OPENS = re.compile(r"[\"“‘'«(\[*_>•–—-]{0,4}[^\W_a-z]|[\[(•*#|>–—-]")
#: What a line begins with that is not the rest of the sentence above it.
_NEW_LINE = re.compile(r"[^\W_a-z]|[-–—*•·#|>+○●▪◦■]|\d+[.)]\s|[a-z][.)]\s")
_SMALL = re.compile(r"[(\"“‘']?[a-z]")
_LAST_WORD = re.compile(r"[\w.]+$")


@cache
def _abbreviations() -> tuple[frozenset[str], frozenset[str]]:
    """Words whose dot ends no sentence; of these, those that may just as well end one.

    Without their last dot, in small letters; a capital after the latter opens a new sentence.
    """
    rows = tomllib.loads(bundled("knowledge/data/prose.toml").decode())["sentences"]
    return frozenset(rows["abbreviations"].split()), frozenset(rows["may_end"].split())


@lru_cache(maxsize=2)  # claims, facts and techniques of one text are read one by one
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The spans of the sentences of a text, in order, without blanks at their ends.

    Spans do not overlap and hold every character that is not blank; none is longer than
    `LONGEST_CHARS`. Takes time linear in the length of the text.
    """
    found: list[tuple[int, int]] = []
    start = 0
    for end, following in _all_ends(text.replace("\u00a0", " ")):
        found.extend(_trimmed(text, start, end))
        start = following
    found.extend(_trimmed(text, start, len(text)))
    return tuple(found)


@lru_cache(maxsize=1)  # facts are read with other blanks than claims and techniques
def _all_ends(text: str) -> tuple[tuple[int, int], ...]:
    """All of `_ends`; which of the blanks of a line one is makes no difference to them."""
    return tuple(_ends(text))


def _ends(text: str) -> Iterator[tuple[int, int]]:
    """(end of a sentence, where the next may begin), in order."""
    line = 0
    for stop in _STOP.finditer(text):
        mark, after = text[stop.start()], stop.end()
        if mark == "\n":
            if not _goes_on(text, line, stop.start(), stop.group(), after):
                yield stop.start(), after
            line = after
        elif mark in "。！？" or (
            _OPENS.match(text, after) and not (mark == "." and _is_short(text, stop.start()))
        ):
            yield after, after


def _goes_on(text: str, line: int, end: int, gap: str, after: int) -> bool:
    """Whether the line that begins at ``line`` and ends at ``end`` was wrapped into the next."""
    if gap.count("\n") > 1 or end - line < _WRAPPED_CHARS or after >= len(text):
        return False
    if text[line] in "|#" or text[end - 1] in ".!?:;|" or _NEW_LINE.match(text, after):
        return False
    return _SMALL.match(text, after) is not None


def _is_short(text: str, dot: int) -> bool:
    """Whether the dot at that place belongs to an abbreviation, an initial or a list number."""
    before = _LAST_WORD.search(text[max(0, dot - _WORD_CHARS) : dot])
    if before is None:
        return False
    word = before[0].lower()
    if word in _abbreviations()[0]:
        return word not in _abbreviations()[1]
    if len(word) == 1 and word.isalpha():
        return before[0].isupper()
    begin = dot - len(word)
    return word.isdigit() and len(word) < 3 and (begin == 0 or text[begin - 1] == "\n")


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without blanks at its ends, cut into pieces that are not too long; or nothing."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    while end - start > LONGEST_CHARS:
        cut = text.rfind(" ", start + LONGEST_CHARS // 2, start + LONGEST_CHARS)
        cut = cut if cut > 0 else start + LONGEST_CHARS
        piece = cut
        while text[piece - 1].isspace():
            piece -= 1
        yield start, piece
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end
