"""How alike the infrastructure of two reports looks beyond the values that they share.

Three likenesses between 0 and 1, each a cosine of sets: *names* (pieces of the names in hosts, so
that one naming scheme shows), *habits* (top-level domains and providers, rare ones first) and
*kinds* (which kinds of value a report holds). A value that both reports gain never lowers one of
them: for sets, adding a member to both never lowers their cosine.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samehand.compare.profile import Profile
from samehand.knowledge.cache import on_forget
from samehand.knowledge.providers import split_host

#: Lengths of the pieces of names, in characters.
_PIECES = (3, 4)
#: Pieces are kept as numbers; two of a million fall together rarely enough.
_SPACE = 1 << 20
_KINDS = {
    "domain-name": "host",
    "registered-domain": "host",
    "provider": "host",
    "url": "url",
    "url:path": "url",
    "ipv4-addr": "address",
    "ipv4-net24": "address",
    "ipv4-addr:port": "port",
    "email-addr": "mail",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """What of one report enters its likenesses."""

    names: NDArray[np.uint32]
    """Sorted, each piece once."""
    habits: frozenset[str]
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The likenesses of two reports, 0 to 1; `None` where one of them has nothing to compare."""

    names: float | None
    habits: float | None
    kinds: float | None


def _pieces(label: str) -> Iterator[int]:
    label = f"^{label}$"
    for length in _PIECES:
        for start in range(len(label) - length + 1):
            yield zlib.crc32(label[start : start + length].encode()) % _SPACE


#: Marks of profiles met again, as profiles themselves are kept.
_MOST_KEPT = 4096
_kept: dict[int, tuple[Profile, Marks]] = {}
on_forget(_kept.clear)


def marks(profile: Profile) -> Marks:
    """What of a report enters its likenesses."""
    held = _kept.get(id(profile))
    if held is not None and held[0] is profile:
        return held[1]
    made = _marks(profile)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[id(profile)] = (profile, made)
    return made


def _marks(profile: Profile) -> Marks:
    names: set[int] = set()
    habits: set[str] = set()
    kinds: set[str] = set()
    for feature in profile.features:
        kind = feature.kind
        kinds.add("hash" if kind.startswith("file:") else _KINDS.get(kind, kind))
        if kind != "domain-name":
            continue
        registered, provider = split_host(feature.value)
        if registered:
            own, _, suffix = registered.partition(".")
            habits.add(provider or suffix)
            names.update(_pieces(own))
            for label in feature.value[: -len(registered) - 1].split("."):
                if label:
                    names.update(_pieces(label))
    return Marks(np.array(sorted(names), dtype=np.uint32), frozenset(habits), frozenset(kinds))


def likeness(left: Marks, right: Marks, weights: Mapping[str, float], unlisted: float) -> Likeness:
    """The likenesses of two reports; ``weights`` says how telling a habit is, in nats of rarity."""
    names = habits = kinds = None
    if left.names.size and right.names.size:
        common = np.intersect1d(left.names, right.names, assume_unique=True).size
        names = common / math.sqrt(left.names.size * right.names.size)
    if left.habits and right.habits:
        habits = _weighted(left.habits, right.habits, weights, unlisted)
    if left.kinds and right.kinds:
        common = len(left.kinds & right.kinds)
        kinds = common / math.sqrt(len(left.kinds) * len(right.kinds))
    return Likeness(names, habits, kinds)


def _weighted(
    left: frozenset[str], right: frozenset[str], weights: Mapping[str, float], unlisted: float
) -> float:
    def square(habits: frozenset[str]) -> float:
        return math.fsum(weights.get(habit, unlisted) ** 2 for habit in habits)

    size = math.sqrt(square(left) * square(right))
    return square(left & right) / size if size else 0.0
