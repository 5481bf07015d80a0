"""Words around a mark or a country that tell what stands there: an alias, or whose the actor is."""

from __future__ import annotations

import bisect
import re

#: Characters after a mark within which a name may be an alias of it; of a list in brackets.
_NEAR, _LISTED = 120, 40
_MARK = re.compile(r"\[(?:ACTOR|PLACEHOLDER|REDACTED)\]", re.IGNORECASE)
_AKA = re.compile(
    r"(?i)\b(?:also (?:known|tracked|referred)|a\.?k\.?a\.?|tracked as|known as|dubbed)\b"
)
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\n\s*\n")
_FROM = re.compile(
    r"(?i)[\s-]*(?:government[\s-]|state[\s-]|regime[\s-])?(?:based|linked|backed|sponsored|nexus|"
    r"aligned|affiliated|speaking|origin|apt\b|advanced persistent|threat|hack|cyber|actor|group|"
    r"espionage|state|intelligence|adversar|foreign intelligence|military intelligence|"
    r"federal security|interests)"
)
_BEHALF = re.compile(
    r"(?i)(?:based in|operating (?:from|out of)|(?:linked|tied|ties|attributed) to|on behalf of|"
    r"(?:sponsored|backed) by|pro-|originat\w{1,5} (?:from|in)|nexus to|interests? of) ?(?:the )?$"
)


def tells_origin(text: str, start: int, end: int) -> bool:
    """Whether a country at a place is said to be where an actor is from or whom it serves."""
    before = text[max(0, start - 30) : start]
    return bool(_FROM.match(text, end, end + 50) or _BEHALF.search(before))


class AliasPlaces:
    """Where after a mark an alias of it may stand; asked in logarithmic time."""

    def __init__(self, text: str) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for mark in _MARK.finditer(text):
            behind = text[mark.end() : mark.end() + _NEAR]
            end = _SENTENCE_END.search(behind)
            behind = behind[: end.start()] if end else behind
            aka = _AKA.search(behind)
            if aka:
                self._add(mark.end() + aka.start(), mark.end() + len(behind))
            elif behind.lstrip()[:1] in ("(", ",", "/"):
                self._add(mark.end(), mark.end() + min(_LISTED, len(behind)))

    def _add(self, start: int, end: int) -> None:
        self.starts.append(start)
        self.ends.append(max(end, self.ends[-1] if self.ends else 0))

    def hold(self, place: int) -> bool:
        """Whether a place lies in one of them."""
        at = bisect.bisect_right(self.starts, place) - 1
        return at >= 0 and place < self.ends[at]
