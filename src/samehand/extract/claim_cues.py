"""The cues of claims in a sentence: patterns of ``knowledge/data/claims.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import re2

from samehand.config import bundled

#: Cues that the model knows.
SIGNS = (
    "alias_sure", "alias_other", "to_actor", "from_actor", "is_of_state", "same_actor", "overlap",
    "reports", "compared", "denial", "withdrawal", "states",
)  # fmt: skip
#: More of what may be compared counts alike.
_MOST_SIDES = 3
#: A report that speaks of itself.
_ITSELF = ("This ", "Our ", "In ")
#: What RE2 does not know: a look at what does not follow.
_LOOK = re.compile(r"\(\?!(?:[^()]|\([^()]*\))*\)")


@cache
def _written() -> Mapping[str, str]:
    """The patterns by name."""
    rows = tomllib.loads(bundled("knowledge/data/claims.toml").decode())
    actors = "|".join(rows["actors"])
    return {
        name: "|".join(parts).replace("@actors@", actors)
        for name, parts in rows.items()
        if name != "publishers"  # words, not patterns
    }


@cache
def cues() -> Mapping[str, Any]:
    """The patterns, compiled: RE2 runs those that look at nothing beside them, in linear time."""
    return {
        name: re.compile(pattern, re.I) if "(?!" in pattern else re2.compile(f"(?i){pattern}")
        for name, pattern in _written().items()
    }


@cache
def _tellers() -> Mapping[str, Any]:
    """For each pattern what tells whether it, or what it would be without looks, is in a text.

    That it does not say where takes half the time of a search.
    """
    found = {}
    for name, pattern in _written().items():
        found[name] = re2.Set.SearchSet()
        found[name].Add(f"(?i){_LOOK.sub('', pattern)}")
        found[name].Compile()
    return found


@cache
def _signs() -> Any:
    """Tells which of `SIGNS` a text has; it tries only those of which it has some letters."""
    found = re2.Filter()
    for name in SIGNS:
        found.Add(f"(?i){_written()[name]}")
    found.Compile()
    return found


def hinted(line: str) -> bool:
    """Whether a line has a word of claims."""
    return _tellers()["hints"].Match(line.encode()) is not None


def search(cue: str, text: str) -> Any:
    """The first match of a cue, or `None`; "seen in the wild" and "this report" are no cues."""
    # Beyond ASCII, the words of RE2 are not those of Python.
    if text.isascii() and _tellers()[cue].Match(text.encode()) is None:
        return None
    return next(_matches(cue, text), None)


def _matches(cue: str, text: str) -> Iterator[Any]:
    """The matches of a cue but for those that are none."""
    for match in cues()[cue].finditer(text):
        wild = cue == "overlap" and text.startswith(" the wild", match.end())
        if not wild and not (cue == "reports" and text[match.start() :].startswith(_ITSELF)):
            yield match


class Signs:
    """Which of `SIGNS` a sentence has; their matches are looked for when they are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        raw = text.encode()
        self._matches: dict[str, Any] = {}
        self.names = {SIGNS[n] for n in _signs().Match(raw) or ()}
        self.names -= {cue for cue in self.names & {"overlap", "reports"} if not self.first(cue)}
        sides = cues()["sides"].finditer(raw)
        self.sides = sum(1 for _ in islice(sides, _MOST_SIDES))
        """How many words there are for what is compared, up to `_MOST_SIDES`."""

    def features(self) -> list[str]:
        """Their names as the model knows them."""
        return [*(f"c:{cue}" for cue in self.names), f"c:sides{self.sides}"]

    def first(self, cue: str) -> Any:
        """The first match of one of `SIGNS`, or `None`."""
        if cue not in self.names:
            return None
        if cue not in self._matches:
            self._matches[cue] = next(_matches(cue, self.text), None)
        return self._matches[cue]

    def every(self, cue: str) -> Iterable[Any]:
        """All matches of one of `SIGNS`."""
        return cues()[cue].finditer(self.text) if cue in self.names else ()
