"""Countries and sectors that the sentences of a report name as victims.

A sentence is read once from left to right. Words such as "targeted", "attacks against" or "users
in" open a stretch in which countries and sectors are victims; words that turn to something else
("using", "according to", "servers") close it. Words such as "were infected" or "victims" look back
instead.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

import ahocorasick_rs as ahocorasick

from samehand.config import bundled

#: Farthest that a victim may stand from its cue, or from the victim before it, in characters.
_REACH = 95
#: The same where the cue stands behind.
_REACH_BACK = 130
#: Farthest between "Russian" and "victims", in characters.
_NEAR = 24
#: Shorter names of countries, as 'US' and 'U.K.', are adjectives too, in characters.
_LONG_NAME = 5
#: What is read on either side of a country to tell an origin, in characters.
_BESIDE = 60
#: What may stand between two members of a list, in characters.
_LIST_GAP = 50
#: Longest line of a list under a sentence that ends in a colon, in characters.
_LIST_LINE_CHARS = 90
#: "Ministry of Health" is a body of the state.
_OFFICE = re.compile(
    r"(?:ministr(?:y|ies)|departments?|minister|bureau) (?:of|for) (?:\w+ (?:and )?)?$"
)
_OFFICE_CHARS = 44
_STATE = ("government", "defence")
#: What storms and laws do as well.
_AFFECTED = re.compile(r"\b(?:affected|impacted)\b")
#: Lines of such a list that are looked at.
_LIST_ENDS_AFTER = 60


class Place(NamedTuple):
    """A country or sector at its place in the text."""

    what: Literal["country", "sector"]
    value: str
    start: int
    end: int
    sure: bool
    """A name and no adjective; a word for bodies and no field of work."""


@dataclass(frozen=True, slots=True)
class _Table:
    finder: ahocorasick.AhoCorasick
    rows: tuple[tuple[str, bool], ...]
    """Value and `sure` of each pattern, in the finder's order; '' for what only hides others."""


@dataclass(frozen=True, slots=True)
class _Cues:
    events: re.Pattern[str]
    """Groups no, back, near, keep, doubt, open, weak, feign, close and mark."""
    list_stem: re.Pattern[str]
    """What a line that opens a list holds."""
    threat: re.Pattern[str]
    head: re.Pattern[str]
    joins: frozenset[str]
    acts: re.Pattern[str]
    always_acts: re.Pattern[str]
    inside: re.Pattern[str]
    origin_after: re.Pattern[str]
    origin_before: re.Pattern[str]


def _table(rows: dict[str, tuple[str, bool]]) -> _Table:
    finder = ahocorasick.AhoCorasick(list(rows), matchkind=ahocorasick.MatchKind.LeftmostLongest)
    return _Table(finder, tuple(rows.values()))


def listed(text: str) -> list[str]:
    """The entries of a list that is parted by semicolons."""
    return [" ".join(entry.split()) for entry in text.split(";") if entry.strip()]


@cache
def _countries() -> _Table:
    raw = tomllib.loads(bundled("knowledge/data/countries.toml").decode())
    rows: dict[str, tuple[str, bool]] = {}
    for line in raw["rows"].strip().split("\n"):
        code, _, rest = line.partition(" ")
        names, _, people = rest.partition("|")
        rows.update((name, (code, True)) for name in listed(names))
        for name in listed(people):
            rows[name] = (code, False)
            if name[-1] in "nick":
                rows[name + "s"] = (code, False)
    rows.update((name, ("", False)) for name in listed(raw["others"]))
    return _table(rows)


@cache
def _sectors() -> _Table:
    raw = tomllib.loads(bundled("knowledge/data/sectors.toml").decode())
    rows: dict[str, tuple[str, bool]] = {}
    for part, sure in (("fields", False), ("bodies", True)):
        for value, words in raw[part].items():
            for word in listed(words):
                stem = word.removesuffix("*")
                for ending in ("", "s", "'s", "’s") if stem != word else ("",):
                    rows[stem + ending] = (value, sure)
    rows.update((word, ("", False)) for word in listed(raw["others"]["words"]))
    return _table(rows)


@cache
def _cues() -> _Cues:
    raw = tomllib.loads(bundled("knowledge/data/victims.toml").decode())
    parts = raw["parts"]

    def joined(patterns: Sequence[str]) -> str:
        one = "|".join(patterns)
        for name, part in parts.items():
            one = one.replace("{" + name + "}", part)
        return one

    groups = "|".join(
        f"(?P<{'no' if name == 'not' else name}>{joined(patterns)})"
        for name, patterns in raw["cues"].items()
        if name != "mark"
    )
    return _Cues(
        # The look at the place first spares most places the two hundred alternatives.
        re.compile(rf"(?<!\w)(?=[a-z])(?:{groups})|(?P<mark>{joined(raw['cues']['mark'])})"),
        re.compile(raw["words"]["list_stem"]),
        re.compile(raw["words"]["threat"]),
        re.compile(raw["words"]["head"]),
        frozenset(raw["words"]["list"].split()),
        re.compile(raw["words"]["acts"]),
        re.compile(raw["words"]["always_acts"]),
        re.compile(raw["words"]["inside"]),
        re.compile(joined(raw["origin"]["after"])),
        re.compile(joined(raw["origin"]["before"])),
    )


def lowered(text: str) -> str:
    """The text in lower case, with every character at its place."""
    return text.replace("İ", "I").lower()


def places(text: str, lower: str) -> list[Place]:
    """All countries and sectors of a text in order, victims or not; ``lower`` is `lowered`."""
    found: list[Place] = []
    for number, start, end in _countries().finder.find_matches_as_indexes(text):
        value, sure = _countries().rows[number]
        if value and _stands_alone(text, start, end):
            found.append(Place("country", value, start, end, sure))
    for number, start, end in _sectors().finder.find_matches_as_indexes(lower):
        value, sure = _sectors().rows[number]
        if value and _stands_alone(text, start, end):
            # 'it' is a word of every sentence, 'IT' is not.
            short = end - start == 2 or lower[start + 2] == " "
            if short and not text[start : start + 2].isupper():
                continue
            if value not in _STATE and _OFFICE.search(lower, max(0, start - _OFFICE_CHARS), start):
                continue
            found.append(Place("sector", value, start, end, sure))
    found.sort(key=lambda place: place.start)
    return found


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether it is no part of a longer word, of a host, a path or a code such as 'en-US'."""
    after, before = text[end : end + 1], text[start - 1 : start] if start else ""
    if after and (after.isalnum() or after in "_@=\\"):
        return False
    if after == "." and text[end + 1 : end + 2].isalnum():
        return False
    if before == "/":
        return (
            text[start - 2 : start - 1].isalpha() and "//" not in text[max(0, start - 60) : start]
        )
    return not (before and (before.isalnum() or before in "_@=\\.-‑"))


def holding(
    finder: ahocorasick.AhoCorasick, lower: str, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The sentences in which a finder finds something."""
    found = [start for _, start, _ in finder.find_matches_as_indexes(lower)]
    number = 0
    for start, end in spans:
        while number < len(found) and found[number] < start:
            number += 1
        if number < len(found) and found[number] < end:
            yield start, end


def victims(text: str, lower: str, spans: Sequence[tuple[int, int]]) -> Iterator[Place]:
    """The countries and sectors that are victims, in order, each mention.

    ``spans`` are the sentences, in order.
    """
    every = places(text, lower)
    starts = [place.start for place in every]
    carried = 0
    for start, end in spans:
        here = every[bisect_left(starts, start) : bisect_left(starts, end)]
        if carried and end - start > _LIST_LINE_CHARS:
            carried = 0
        opened = carried > 0
        carried = max(0, carried - 1)
        if not here:
            # A list under a line such as "Targeted countries:" begins without any country.
            if lower[end - 1] == ":" and _opens_list(lower, start, end):
                carried = _LIST_ENDS_AFTER
            continue
        found, still = _in_sentence(lower, start, end, here, opened)
        yield from found
        if still and lower[end - 1] == ":":
            carried = _LIST_ENDS_AFTER
        elif still and (opened or ":" in lower[start:end]) and lower[end - 1] not in ".!?;":
            # A list that begins behind the colon, and goes on in lines of their own.
            carried = max(carried, 1)


def _opens_list(lower: str, start: int, end: int) -> bool:
    """Whether a stretch is open at the colon at the end of a sentence."""
    if not _cues().list_stem.search(lower, max(start, end - 2 * _REACH), end):
        return False
    events = list(_cues().events.finditer(lower, max(start, end - 2 * _REACH), end))
    return bool(events) and events[-1].lastgroup in ("open", "keep")


def _in_sentence(
    lower: str, start: int, end: int, here: Sequence[Place], opened: bool
) -> tuple[list[Place], bool]:
    """The victims among the places of one sentence, and whether a stretch is open at its end."""
    cues = _cues()
    good = _bodies(lower, end, here)
    if not any(good):
        return [], False
    taken: set[int] = set()
    threat = cues.threat.search(lower, start, end) is not None
    anchor = start if opened else -1  # where the open stretch was last sure; -1 outside of one
    clause = start
    number = 0
    for match in (*cues.events.finditer(lower, start, end), None):
        until = match.start() if match else end
        while number < len(here) and here[number].start < until:
            place = here[number]
            near = anchor >= 0 and place.start - anchor <= _REACH
            one = here[number - 1] if number else None
            if near and good[number] and not _is_origin(lower, start, end, place, one):
                taken.add(number)
                anchor = place.end
            number += 1
        if match is None or match.lastgroup == "doubt":
            break
        kind = match.lastgroup
        if match.start() < clause or _is_no_end(match, here, number):
            continue
        if kind in ("feign", "close", "mark"):
            threat = threat and kind != "feign"
            anchor, clause = _after_brackets(lower, anchor, match), match.end()
        elif kind == "keep":
            still = anchor >= 0 and match.start() - anchor <= 2 * _REACH
            anchor = match.end() if still else anchor
        elif kind == "no":
            comma = lower.find(",", match.end(), end)
            anchor, clause = -1, comma if comma >= 0 else end
        elif kind == "open" or (kind == "weak" and threat):
            anchor = match.end()
        elif kind == "back" and not threat and _AFFECTED.search(match[0]):
            continue
        elif kind in ("back", "near"):
            before = [i for i in range(number) if good[i] and here[i].start >= clause]
            taken.update(_looked_back(lower, start, match, here, before))
            anchor, clause = (match.end(), clause) if kind == "near" else (-1, match.end())
    return [here[i] for i in sorted(taken)], anchor >= 0


def _is_no_end(close: re.Match[str], here: Sequence[Place], number: int) -> bool:
    """Whether a closing word is none: part of a sector's name, or "to" before a country."""
    if close.lastgroup != "close":
        return False
    if number and here[number - 1].end > close.start():
        return True
    following = number < len(here) and here[number].start == close.end()
    return following and here[number].what == "country" and here[number].sure and close[0] == "to "


def _looked_back(
    lower: str, start: int, match: re.Match[str], here: Sequence[Place], before: Sequence[int]
) -> Iterator[int]:
    """Those of the places before a cue that it makes victims."""
    edge = match.start()
    for number in reversed(before):
        place = here[number]
        gap = lower[place.end : edge]
        if len(gap) > (_NEAR if match.lastgroup == "near" else _REACH_BACK):
            return
        if match.lastgroup == "near":
            # "North Korea targets" is a verb; "Russian targets" and "US targets" are none.
            verb = place.what == "country" and place.sure and place.end - place.start >= _LONG_NAME
            if verb or not _is_joined(gap):
                return
        if not _is_origin(lower, start, edge + _BESIDE, place, acts=False):
            yield number
            edge = place.start


def _bodies(lower: str, end: int, here: Sequence[Place]) -> list[bool]:
    """For each place whether it stands for somebody: fields only before a noun or in a list."""
    cues = _cues()
    good = [
        p.what == "country"
        or p.sure
        or cues.head.match(lower[p.end : min(end, p.end + 60)]) is not None
        for p in here
    ]
    sectors = [i for i, p in enumerate(here) if p.what == "sector"]
    for order in (sectors, sectors[::-1]):
        for one, other in pairwise(order):
            if good[one] and not good[other]:
                l, r = min(one, other), max(one, other)
                good[other] = _is_list(lower[here[l].end : here[r].start])
    for one, other in pairwise(sectors):
        if not good[one] and _is_list(lower[here[one].end : here[other].start]):
            good[one] = good[other] = True
    return good


def _is_list(gap: str) -> bool:
    """Whether the words between two places join members of a list."""
    if len(gap) > _LIST_GAP:
        return False
    words = gap.replace("/", ", ").replace("&", " and ").split()
    joined = "," in gap or "/" in gap or "and" in words or "or" in words
    return joined and all(word.strip(",") in _cues().joins or not word.strip(",") for word in words)


def _is_joined(gap: str) -> bool:
    """Whether nothing but words of a list and nouns for bodies stand in between."""
    return all(word.strip(",") in _cues().joins for word in gap.replace("/", " ").split())


def _after_brackets(lower: str, anchor: int, close: re.Match[str]) -> int:
    """Where an open stretch goes on after a closing word in brackets; -1 if it is in none."""
    opening = lower.rfind("(", anchor, close.start()) if anchor >= 0 else -1
    if opening < 0 or ")" in lower[opening : close.start()]:
        return -1
    shut = lower.find(")", close.end(), close.end() + _REACH)
    return shut + 1 if shut >= 0 else -1


def _is_origin(
    lower: str, start: int, end: int, place: Place, one: Place | None = None, *, acts: bool = True
) -> bool:
    """Whether a country is that of the attacker, its language or machines, or of the publisher.

    ``one`` is the place before: in "on behalf of the Iranian government" the sector is no victim
    either. ``acts``: or does something itself, as in "North Korea has attacked".
    """
    cues = _cues()
    if place.what != "country":
        if one is None or one.what != "country" or place.start - one.end != 1:
            return False
        return (
            cues.origin_before.search(lower[max(start, one.start - _BESIDE) : one.start])
            is not None
        )
    after = lower[place.end : min(end, place.end + _BESIDE)]
    before = lower[max(start, place.start - _BESIDE) : place.start]
    if acts and place.sure and cues.always_acts.match(after):
        return True
    if acts and place.sure and cues.acts.match(after) and not cues.inside.search(before):
        return True
    return (
        cues.origin_after.match(after) is not None or cues.origin_before.search(before) is not None
    )
