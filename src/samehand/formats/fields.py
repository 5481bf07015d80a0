"""Fields of a decoded record, read with care: what has the wrong type is named and left out."""

from __future__ import annotations

import hashlib
import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from samehand.model import Problem, Window

_DAY = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ].*)?)?)?$")


@dataclass(slots=True)
class Notes:
    """Problems of one record, gathered while it is read."""

    place: str
    problems: list[Problem] = field(default_factory=list)

    def error(self, message: str) -> None:
        """Note a problem of this record."""
        self.problems.append(Problem(self.place, message))


def day(text: str) -> tuple[date, date]:
    """The first and the last day that a date stands for.

    Raises:
        ValueError: if it is none.
    """
    match = _DAY.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a date; write YYYY, YYYY-MM, YYYY-MM-DD or a/b")
    year, month, day = match[1], match[2], match[3]
    try:
        if day:
            only = date(int(year), int(month), int(day))
            return only, only
        if month:
            last = monthrange(int(year), int(month))[1]
            return date(int(year), int(month), 1), date(int(year), int(month), last)
        return date(int(year), 1, 1), date(int(year), 12, 31)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a possible date ({error})") from error


def parse_window(text: str) -> Window:
    """The days that 'YYYY', 'YYYY-MM', 'YYYY-MM-DD' or an interval 'a/b' stands for.

    Raises:
        ValueError: if it is none of these, or ends before it begins.
    """
    first, separator, last = text.partition("/")
    start = day(first)[0]
    end = day(last if separator else first)[1]
    if end < start:
        raise ValueError(f"{text!r} ends before it begins")
    return Window(start, end)


def digest(*parts: str) -> str:
    """Sixteen hexadecimal digits that stand for what is given."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def text(value: object) -> str:
    """A textual value without blanks around it; '' for anything else."""
    return value.strip() if isinstance(value, str) else ""


def scalar(record: Mapping[str, Any], key: str, notes: Notes) -> str:
    """A textual field of the record; another type is named and ignored."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        notes.error(f"field {key!r} is not text; ignored. Write it in quotes.")
    return text(value)


def exact(record: Mapping[str, Any], key: str, notes: Notes) -> str:
    """A textual field as it is, blanks at its ends included."""
    return str(record[key]) if scalar(record, key, notes) else ""


def entries(record: Mapping[str, Any], key: str, notes: Notes) -> list[Any]:
    """A field that is a list; anything else is named and ignored."""
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        notes.error(f"field {key!r} is not a list; ignored")
        return []
    return value


def strings(record: Mapping[str, Any], key: str, notes: Notes) -> tuple[str, ...]:
    """The texts of a field that is a list; other members are named and ignored."""
    values = entries(record, key, notes)
    good = tuple(v.strip() for v in values if isinstance(v, str) and v.strip())
    if len(good) != len(values):
        notes.error(f"field {key!r} holds something that is not text; that part is ignored")
    return good


def offset(item: Mapping[str, Any], key: str) -> int | None:
    """A place or page, `None` where it is no whole number from 0."""
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
