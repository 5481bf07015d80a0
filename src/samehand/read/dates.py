"""Days written in the many ways of metadata, as ISO 8601."""

from __future__ import annotations

import re
from datetime import date

#: Years that a report can bear: before, there was no such report; after, it is a default value.
FIRST_YEAR, LAST_YEAR = 1985, 2100

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
         "aug august", "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_ISO_MONTH = re.compile(r"^\s*(\d{4})[-/](\d{2})\s*$")
_YEAR = re.compile(r"^\s*(\d{4})\s*$")
#: ISO 32000-1, 7.9.4: D:YYYYMMDDHHmmSS, everything after the year optional.
_PDF = re.compile(r"^\s*(?:D:)?(\d{4})(\d{2})?(\d{2})?(?:\d{2,6})?(?:[Zz+\-].*)?$")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[ \-.,]+([A-Za-z]{3,9})[ \-.,]+(\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})")


def _iso(year: str, month: int | str, day: int | str) -> str:
    try:
        value = date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return value.isoformat() if FIRST_YEAR <= value.year <= LAST_YEAR else ""


def iso_date(raw: str) -> str:
    """YYYY-MM-DD, YYYY-MM or YYYY out of one metadata value; '' if it holds no clear date.

    The day is taken as written, without turning time zones: a report of the 24th stays one.
    A purely numeric date with the year last ('03/04/2020') is ambiguous and gives ''.
    """
    text = raw[:200]
    if match := _ISO.search(text):
        return _iso(*match.groups())
    if match := _DAY_FIRST.search(text):
        month = _MONTHS.get(match[2].lower())
        return _iso(match[3], month, match[1]) if month else ""
    if match := _MONTH_FIRST.search(text):
        month = _MONTHS.get(match[1].lower())
        return _iso(match[3], month, match[2]) if month else ""
    if match := _ISO_MONTH.match(text):
        return _iso(match[1], match[2], 1)[:7]
    if match := _YEAR.match(text):
        return _iso(match[1], 1, 1)[:4]
    if match := _PDF.match(text):
        year, month_, day = match.groups()
        if month_ and day:
            return _iso(year, month_, day)
        return _iso(year, month_ or 1, 1)[: 7 if month_ else 4]
    return ""
