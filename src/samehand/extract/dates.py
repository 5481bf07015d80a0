"""When the activity of a report took place, and when it was published, from its own words."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import ahocorasick_rs as ahocorasick

from samehand.config import bundled

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\b"
_YEAR = r"(?:19[89]|20[0-4])\d\b"
#: Words for which a bare year or month after them is a date.
_BEFORE_BARE = re.compile(
    r"\b(?:in|since|of|during|throughout|from|between|until|till|through|to|and|by|around|as of"
    r"|early|late|mid|end of|beginning of|start of|half of|summer|spring|fall|autumn|winter"
    r"|back to|least)(?: (?:the )?(?:early|late|mid|end of|beginning of|start of|summer of"
    r"|spring of"
    r"|fall of|autumn of|winter of|summer|spring|fall|autumn|winter|year|at least))?[ -]$"
)
#: The same of a year that is a window: "since 2014" and "as of late 2019" tell how old a thing is.
_BEFORE_YEAR = re.compile(r"\b(?:in|during|throughout|of|from|between|and|to|until|through)[ -]$")
#: Before 'March' and 'May' alone, which are also verbs.
_BEFORE_MAY = re.compile(r"\b(?:in|since|from|until|during|late|early|mid)[ -]$")
#: The same before 'May 10' without a year.
_BEFORE_DAY = re.compile(
    r"(?:\b(?:on|by|since|until|from|between|and|to|of|before|after|late|early|around|day)|,) $"
)
#: A date begins at most so far before the month or century in it, and ends at most so far behind
#: it, in characters.
_BEFORE_MARK, _BEHIND_MARK = 24, 48
#: Dates over text in lower case; every alternative is of bounded length.
_DATE = re.compile(
    rf"(?:(?<![\w./-])|(?<=mid-))"
    # One look spares most places the alternatives.
    rf"(?=[0-9]|jan|feb|ma[ry]|apr|ju[nl]|aug|sep|oct|nov|dec|q[1-4]|h[12]|first|second|latter|third"
    rf"|fourth)(?:"
    rf"(?P<iso>(?:19|20)\d\d[-/.](?:0[1-9]|1[0-2])[-/.](?:0[1-9]|[12]\d|3[01]))(?![\d-])(?!\.\d)"
    rf"|(?P<years>{_YEAR}\s?[-–]\s?{_YEAR})(?![\w/-])"
    rf"|(?P<part>(?:q[1-4]|h[12]|(?:first|second|latter) half of|first quarter of|second quarter of"
    rf"|third quarter of|fourth quarter of),?\s{_YEAR})"
    rf"|(?P<mdy>{_MONTH}\s{{1,3}}{_DAY}(?:\s?(?:[-–]|to|through)\s?{_DAY})?"
    rf"(?:,?\s{{1,3}}(?:of )?{_YEAR})?(?!,? 1[0-9]\d\d\b))"
    rf"|(?P<dmy>{_DAY}\s(?:of )?{_MONTH}(?:,?\s{_YEAR})?)"
    rf"|(?P<my>{_MONTH}(?:,|\sof)?\s{_YEAR})"
    rf"|(?P<m>{_MONTH})(?![\w'’/-])"
    rf"|(?P<y>{_YEAR})(?![\w/@-])(?!\.\d)"
    rf")"
    .replace("(?P<m>", r"(?P<m>(?<=[a-z] )(?<!\d )")
)  # fmt: skip
_JOINS = re.compile(
    r"\s?(?:,?\s(?P<and>and)|,?\s(?:to|until|till|through|thru|up to|up until)|[-–—])"
    r"\s(?:at least |about |around )?(?:early |late |mid-|(?:the )?(?:end|last week) of )?\s?"
)
#: A month alone before another that is dated: "February through June 23rd of 2018".
_BEFORE_END = re.compile(rf" (?:through|thru|to|until|till)(?: early| late)? {_MONTH}")
#: What stands between the first and last month of a list: "February, March, and April of 2019".
_LISTED = re.compile(rf"(?:, {_MONTH}){{1,4}},? and ")
#: Older than this, in years before publication, a year alone is history.
_HISTORY_YEARS = 3
#: Behind a date that is that of a paper: "the Q4 2020 report".
_PAPER = re.compile(r",? (?:\w+ )?(?:report|survey|study|edition|issue|review)\b")
_BETWEEN = re.compile(
    r"\bbetween (?:early |late |mid-|at least |about |the (?:first|last) (?:week|days) of )?$"
)
#: What is read on either side of a date, in characters.
_BESIDE = 110
#: Nearer than this, words that speak of something else than the activity take the date away.
_CLOSE = 60
#: What stands before a date in the entry of a bibliography.
_CITED = ('"', "”", ',"', ",”", '",', "”,")
#: Labels of the date of publication; those of later changes are none.
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?"
_LABEL = re.compile(
    r"(?:(?<![(\w])(?:posted|published|publication date|release date|released|written)"
    r"(?: on| at)?:?\s*|^\W*date:?\s*|^\W*by\b[^\n]{0,80}[|•·,–-]\s*|[|•·]\s*)" + _WEEKDAY + "$"
)
_CHANGED = re.compile(r"\b(?:updated|modified|last|revised|accessed|reviewed|effective)\b")
#: What may stand beside a date that has a line to itself.
_REST = re.compile(
    r"[\s|•·,–-]*(?:(?:at )?\d{1,2}:\d\d\s?(?:[ap]\.?m\.?)?(?: [a-z]{2,4})?[\s|•·,–-]*)?"
    r"(?:by\b.*|in [\w ]{1,30})?$"
)
_LINE_BEGINS = re.compile(_WEEKDAY + "$")
_DAY_WRITTEN = re.compile(r"[0-9]{4}(?:-[0-9]{1,2}){0,2}")
#: The head of a text, in which a date of publication stands, in characters.
_HEAD = 3000


@dataclass(frozen=True, slots=True)
class _Words:
    cue: re.Pattern[str]
    """Groups strong and seen."""
    other: re.Pattern[str]
    first: re.Pattern[str]
    event: re.Pattern[str]


@cache
def _words() -> _Words:
    rows = tomllib.loads(bundled("knowledge/data/facts.toml").decode())["dates"]
    strong, seen = ("|".join(rows[name]) for name in ("strong", "seen"))
    other, first, event = (
        re.compile(rf"\b(?:{'|'.join(rows[name])})") for name in ("else", "first", "event")
    )
    return _Words(re.compile(rf"\b(?:(?P<strong>{strong})|(?P<seen>{seen}))"), other, first, event)


class Dated(NamedTuple):
    """A date or interval at its place in the text."""

    value: str
    """YYYY[-MM[-DD]], or two of them with a slash."""
    start: int
    end: int


class _Date(NamedTuple):
    kind: str
    first: tuple[int, int, int]
    """Year, month and day; 0 for what is not written."""
    last: tuple[int, int, int]
    start: int
    end: int


#: How parts of years begin: which part, of how many months; a quarter in words has three.
_PARTS = {
    "q1": (1, 3), "q2": (2, 3), "q3": (3, 3), "q4": (4, 3), "h1": (1, 6), "h2": (2, 6),
    "first": (1, 6), "secon": (2, 6), "third": (3, 3), "fourt": (4, 3), "latte": (2, 6),
}  # fmt: skip


def _month(text: str) -> int:
    return next((n for n, m in enumerate(_MONTHS, 1) if m in text), 0)


def _parsed(lower: str, match: re.Match[str]) -> _Date | None:
    """The date of a match; `None` for a word or number that is none here."""
    kind, text = str(match.lastgroup), match[0]
    start, end = match.span()
    before = lower[max(0, start - 32) : start].replace("\n", " ")
    years = [int(year) for year in re.findall(_YEAR, text)]
    first = last = (years[-1] if years else 0, 0, 0)
    if kind == "m" and _BEFORE_END.match(lower, end):
        return _Date(kind, (0, _month(text), 0), (0, _month(text), 0), start, end)
    if kind in ("m", "y") and not _BEFORE_BARE.search(before):
        return None
    if kind == "y" and not _BEFORE_YEAR.search(before):
        return None
    if kind == "m" and text.startswith(("mar", "may")) and not _BEFORE_MAY.search(before):
        return None
    if kind == "iso":
        year, month, day = (int(part) for part in re.split(r"[-/.]", text))
        first = last = (year, month, day)
    elif kind == "years":
        first, last = (years[0], 0, 0), (years[1], 0, 0)
    elif kind == "part":
        number, months = _PARTS[text.split()[0].rstrip(",") if text[1].isdigit() else text[:5]]
        if "quarter" in text:
            months = 3
        first = (years[0], (number - 1) * months + 1, 0)
        last = (years[0], number * months, 0)
    elif kind in ("mdy", "dmy"):
        days = [int(day) for day in re.findall(r"\d{1,2}", re.sub(_YEAR, " ", text))]
        verb = not years and re.search(r"\bma(?:r|y|rch)\b", text) is not None
        if verb and not _BEFORE_DAY.search(before):
            return None
        if kind == "mdy" and not years and re.match(r"\s?[:.]\d|\d", lower[end : end + 3]):
            return None
        first = (first[0], _month(text), days[0])
        last = (first[0], first[1], max(days[0], days[-1]))
    elif kind in ("my", "m"):
        first = last = (first[0], _month(text), 0)
    return _Date(kind, first, last, start, end)


@cache
def _marks() -> ahocorasick.AhoCorasick:
    """Finds what every date holds."""
    return ahocorasick.AhoCorasick([*_MONTHS, "19", "20"])


def _dates(lower: str, marks: Sequence[int], start: int, end: int) -> list[_Date]:
    """The dates of a stretch; ``marks``: where all `_marks` of the text stand."""
    found = []
    at = start
    for mark in marks[bisect_left(marks, start) : bisect_left(marks, end)]:
        # What stands farther off belongs to another mark: the expression is slow to pass it over.
        begin, last = max(at, mark - _BEFORE_MARK), min(end, mark + _BEHIND_MARK)
        while begin <= mark and (match := _DATE.search(lower, begin, last)):
            if match.start() > mark:
                break
            begin = at = match.end()
            if date := _parsed(lower, match):
                found.append(date)
    return found


def _marked(lower: str) -> list[int]:
    """Where every date has one of the `_marks`, in order."""
    return [start for _, start, _ in _marks().find_matches_as_indexes(lower)]


def _written(date: tuple[int, int, int]) -> str:
    year, month, day = date
    return f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else "")


def _exists(date: tuple[int, int, int]) -> bool:
    """Whether the calendar has it."""
    return date[2] <= monthrange(date[0], date[1] or 1)[1]


def _placed(date: tuple[int, int, int], latest: tuple[int, int, int]) -> tuple[int, int, int]:
    """The date with the year in which it last came before ``latest``; as it is without one."""
    if date[0] or not latest[0]:
        return date
    later = (date[1], date[2]) > (latest[1] or 12, latest[2] or 31)
    return (latest[0] - later, date[1], date[2])


def published(lower: str, known: str = "") -> Dated | None:
    """The date of publication that the head of a text states, beside a label or on its own line.

    Of several, ``known`` (YYYY-MM-DD or '') is preferred, then the first.
    """
    found: list[Dated] = []
    for date in _dates(lower, _marked(lower[:_HEAD]), 0, _HEAD):
        if 0 in date.first or date.first != date.last or not _exists(date.first):
            continue
        line = lower.rfind("\n", 0, date.start) + 1
        stop = lower.find("\n", date.end)
        before = lower[max(line, date.start - 120) : date.start]
        after = lower[date.end : min(stop if stop >= 0 else len(lower), date.end + 120)]
        if _CHANGED.search(before[-40:]) or "copyright" in before:
            continue
        alone = _LINE_BEGINS.match(before.lstrip(" \t|•·-–")) and _REST.match(after)
        if alone or _LABEL.search(before):
            found.append(Dated(_written(date.first), date.start, date.end))
    return next((d for d in found if d.value == known), found[0] if found else None)


def windows(
    lower: str, spans: Sequence[tuple[int, int]], latest: str, skip: Dated | None
) -> Iterator[Dated]:
    """Dates and intervals of the activity, in order, each mention.

    ``spans`` are the sentences; ``latest`` (YYYY-MM-DD or '') is the date of publication, which
    gives a date without a year its year; ``skip`` is its place in the text.
    """
    marks = _marked(lower)
    dates = [
        date
        for start, end in spans
        for date in _dates(lower, marks, start, end)
        if skip is None or date.start != skip.start
    ]
    starts = [d.start for d in dates]
    until = _tuple(latest)
    for start, end in spans:
        here = dates[bisect_left(starts, start) : bisect_left(starts, end)]
        for date in _joined(lower, here):
            anchor = until if until[0] else _nearest(dates, date.start)
            first, last = _placed(date.first, anchor), _placed(date.last, anchor)
            if not first[0] or (until[0] and first > _after(until)):
                continue
            if date.kind == "y" and until[0] - first[0] >= _HISTORY_YEARS:
                continue
            if last < first or not _is_activity(lower, start, end, date):
                continue
            if not (_exists(first) and _exists(last)):
                continue
            value = _written(first) if first == last else f"{_written(first)}/{_written(last)}"
            yield Dated(value, date.start, date.end)


def _tuple(day: str) -> tuple[int, int, int]:
    """Year, month and day of YYYY[-MM[-DD]]; zeros for what is not there."""
    parts = [int(part) for part in day.split("-")] if _DAY_WRITTEN.fullmatch(day) else []
    year, month, day_number = (*parts, 0, 0, 0)[:3]
    return year, month, day_number


def _after(date: tuple[int, int, int]) -> tuple[int, int, int]:
    """The latest date that is not past the one given, whatever parts of it are written."""
    return (date[0], date[1] or 12, date[2] or 31)


def _nearest(dates: Sequence[_Date], start: int) -> tuple[int, int, int]:
    """The end of the year of the date with a year that stands last before a place; else of any."""
    years = [d.first[0] for d in dates if d.first[0] and d.start < start and d.kind != "y"]
    years = years[-1:] or [d.first[0] for d in dates if d.first[0] and d.kind != "y"][:1]
    return (years[0], 12, 31) if years else (0, 0, 0)


def _joined(lower: str, here: Sequence[_Date]) -> Iterator[_Date]:
    """The dates of a sentence, with two that bound an interval as one."""
    number = 0
    while number < len(here):
        one = here[number]
        number += 1
        if number < len(here) and one.first == one.last:
            other = here[number]
            gap = _JOINS.fullmatch(lower[one.end : other.start].replace("\n", " "))
            before = lower[max(0, one.start - 30) : one.start]
            month_and = gap and gap["and"] and one.kind == "m" and other.kind == "my"
            listed = _LISTED.fullmatch(lower[one.end : other.start]) and one.kind == "m"
            if other.first == other.last and (
                listed or (gap and (not gap["and"] or _BETWEEN.search(before) or month_and))
            ):
                year = one.first[0] or other.first[0]
                month = one.first[1]
                first = (year, month, one.first[2])
                last = (other.last[0] or year, other.last[1], other.last[2])
                number += 1
                if last >= first or not last[0]:
                    yield _Date("span", first, last, one.start, other.end)
                    continue
        yield one


def _is_activity(lower: str, start: int, end: int, date: _Date) -> bool:
    """Whether the words around a date speak of what was done, not of papers, files or products."""
    left = lower[max(start, date.start - _BESIDE) : date.start]
    right = lower[date.end : min(end, date.end + _BESIDE)]
    if left.rstrip().endswith(_CITED) or _PAPER.match(right):
        return False
    words = _words()
    if words.other.search(left[-_CLOSE:]) or words.other.search(right[:_CLOSE]):
        return False
    if words.first.search(left) and not words.event.search(left):
        return False
    nearest = _nearest_cue(left, right)
    return nearest == "strong" or (nearest != "" and date.first[1] > 0)


def _nearest_cue(left: str, right: str) -> str:
    """'strong' or 'seen', whichever kind of word stands nearest before a date, else after it."""
    before = list(_words().cue.finditer(left))[-1:]
    found = before[0] if before else _words().cue.search(right)
    return str(found.lastgroup) if found else ""
