"""The cues of claims in a sentence: patterns of ``knowledge/data/claims.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import re2

from samehand.config import bundled

#: Cues that the model knows.
SIGNS = (
    "alias_sure", "alias_other", "to_actor", "from_actor", "is_of_state", "same_actor", "overlap",
    "reports", "compared", "denial", "withdrawal", "states",
)  # fmt: skip
#: Those that RE2 looks for at once; together, the others have too many states.
_TOGETHER = (
    ("alias_sure", "alias_other", "from_actor", "same_actor", "compared", "states"),
    ("denial", "withdrawal"),
)
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


def _teller(patterns: Iterable[str]) -> Any:
    """What tells which of the patterns are in a text, and not where: in half the time."""
    found = re2.Set.SearchSet()
    for pattern in patterns:
        found.Add(f"(?i){pattern}")
    found.Compile()
    return found


@cache
def _tellers() -> Mapping[str, Any]:
    """For each pattern what tells whether it is in a text, as if it had no looks."""
    return {name: _teller([_LOOK.sub("", pattern)]) for name, pattern in _written().items()}


@cache
def _signs() -> Sequence[tuple[Sequence[str], Any]]:
    """What tells which of `SIGNS` a text has, some at once."""
    apart = [name for some in _TOGETHER for name in some]
    groups = (*_TOGETHER, *((name,) for name in SIGNS if name not in apart))
    return [(group, _teller(_written()[name] for name in group)) for group in groups]


@cache
def _sides() -> Any:
    """Tells for each number up to `_MOST_SIDES` whether so many things may be compared."""
    side = f"(?:{_written()['sides']})"
    return _teller(".*".join([side] * number) for number in range(1, _MOST_SIDES + 1))


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
    """Which of `SIGNS` a line has; their matches are looked for when they are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        raw = text.encode()
        self._matches: dict[str, Any] = {}
        self.names = {group[n] for group, teller in _signs() for n in teller.Match(raw) or ()}
        self.names -= {cue for cue in self.names & {"overlap", "reports"} if not self.first(cue)}
        self.sides = len(_sides().Match(raw) or ())
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
