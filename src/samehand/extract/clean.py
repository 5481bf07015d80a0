"""The text as it is scanned, and the way back to the places of the original.

Characters that carry nothing but hide a value from a search (zero-width, soft hyphens) are taken
out; other blanks and dots become the plain ones. The scan runs over UTF-8 bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samehand.extract.lexicon import lexicon
from samehand.extract.patterns import compiled

#: Format characters of Unicode that are not shown (categories Cf and Mn used as joiners).
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0f\ufeff"
)
_HIDDEN = re.compile(f"[{_INVISIBLE}]+")
#: One character for one: blanks that do not break, dots of other widths (UTS 46 maps these).
_LIKE: dict[str, str] = {
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008", " "),
    **dict.fromkeys("\u2009\u200a\u202f\u205f\u3000\x0b\x0c\x00", " "),
    **dict.fromkeys("\u00b9\u00b2\u00b3\u2070\u2074\u2075\u2076\u2077\u2078\u2079", " "),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **dict.fromkeys("\uff0e\uff61\u2024", "."),
    **dict.fromkeys("\uff1a\ua789", ":"),
    **dict.fromkeys("\uff0f\u2215", "/"),
    **dict.fromkeys("\uff20", "@"),
    **dict.fromkeys("\uff08\ufe59", "("),
    **dict.fromkeys("\uff09\ufe5a", ")"),
    **dict.fromkeys("\uff3b\u3010", "["),
    **dict.fromkeys("\uff3d\u3011", "]"),
}
#: The same for a first look at the bytes, which is ten times as fast.
_SPECIAL, _HIDDEN_BYTES = (
    compiled(f"[{_INVISIBLE}{''.join(_LIKE)}\u3002]"),
    compiled(f"[{_INVISIBLE}]"),
)
#: The full stop of Chinese and Japanese between a name and a top-level domain (UTS 46, 2.3).
_CJK_STOP = re.compile(r"(?<=\w)\u3002(?=([a-z]{2,10})(?![A-Za-z]))")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Scan:
    """A text made ready for scanning."""

    even: str
    """With plain blanks and dots but still with hidden characters: as long as the original."""
    text: str
    """Cleaned; its offsets are not those of the original."""
    data: bytes
    """The same as UTF-8."""
    _more: Sequence[int]
    """Offsets of the bytes that go on with a character, ascending."""
    _original: memoryview | None
    """Offset in the cleaned text -> offset in the original; `None`: the same."""

    def char(self, byte: int) -> int:
        """The character of the cleaned text that begins at a byte."""
        return byte - bisect_left(self._more, byte) if self._more else byte

    def shown(self, start: int, end: int) -> str:
        """What a stretch of the original shows."""
        part = self.even[start:end]
        return part if self._original is None else _HIDDEN.sub("", part)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of the cleaned text in the original, both ends as in a slice."""
        if self._original is None or start >= end:
            return start, end
        return self._original[start], self._original[end - 1] + 1


def _full_stop(match: re.Match[str]) -> str:
    return "." if match[1] in lexicon().top_level else "\u3002"


def prepared(text: str) -> Scan:
    """A text ready for scanning, with the way back to its own places."""
    original: memoryview | None = None
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = _SURROGATES.sub(" ", text)
        data = text.encode()
    even = text
    if _SPECIAL.search(data) is not None:
        if "\u3002" in text:
            text = _CJK_STOP.sub(_full_stop, text)
        for char, like in _LIKE.items():
            text = text.replace(char, like)
        even = text
        if _HIDDEN_BYTES.search(data) is not None:
            keep = np.ones(len(text), dtype=bool)
            for match in _HIDDEN.finditer(text):
                keep[match.start() : match.end()] = False
            original = np.flatnonzero(keep).data
            text = _HIDDEN.sub("", text)
        data = text.encode()
    if len(data) == len(text):
        return Scan(even, text, data, (), original)
    # 10xxxxxx, as signed numbers those below -64; few, so this is smaller than a table of all.
    more = np.flatnonzero(np.frombuffer(data, dtype=np.int8) < -64)
    return Scan(even, text, data, more.data, original)
