"""Prose as a small set of hashed word runs, to tell which share of one text stands in another.

Words that hold digits, dots or brackets are left out, so what is compared is how something is told
and not the list of values in it: those are compared apart. Hashes are BLAKE2b of each word, so they
are the same in every process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

#: Words of one shingle: method page of the reference design, section 3 (k = 7). By then two authors
#: hardly hit on the same run.
WORDS = 7
#: Shingles kept of one text, the smallest by hash: an error of 2.5 points at most (sqrt(.25/400)).
KEPT = 400
#: Shingles looked at first: if none of these is common, the share is hardly above chance
#: (a share of .12 would show with probability 1 - .88^128 = 1 - 8e-8).
FIRST = 128
#: Holders kept of a shingle that stands in several texts; enough to find one stranger among them.
MAX_HOLDERS = 12
#: Hashes of words kept; a text has a few hundred new ones.
_MOST_WORDS = 400_000

_AROUND = ".,;:!?()[]{}<>\"'`*_#|“”‘’«»„…-–—"
#: Scripts written without blanks between words; each character stands for a word.
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, spreads neighbouring numbers
_words: dict[str, int] = {}


def _hash_of(token: str) -> int:
    """A number for a word; 0 for what is no prose."""
    word = token.strip(_AROUND).casefold()
    if not word or not word.replace("'", "").replace("’", "").replace("-", "").isalpha():
        return 0
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") | 1


def _numbers(text: str) -> Hashes:
    """The words of a text as numbers, without what is no prose."""
    if len(_words) > _MOST_WORDS:
        _words.clear()
    tokens = (_UNSPACED.sub(r" \1 ", text) if _UNSPACED.search(text) else text).split()
    for token in set(tokens):
        if token not in _words:
            _words[token] = _hash_of(token)
    found = np.fromiter((_words[t] for t in tokens), dtype=np.uint64, count=len(tokens))
    prose: Hashes = found[found != 0]
    return prose


@dataclass(frozen=True, slots=True)
class Sketch:
    """The smallest shingle hashes of one text."""

    hashes: Hashes
    """Ascending and distinct."""
    limit: int
    """All shingles up to this hash are here; the largest number where none was left out."""


#: Of a report without text.
EMPTY = Sketch(np.empty(0, dtype=np.uint64), 2**64 - 1)


def sketch(text: str) -> Sketch:
    """The shingles of a text."""
    words = _numbers(text)
    count = len(words) - WORDS + 1
    if count < 1:
        return EMPTY
    mixed = np.zeros(count, dtype=np.uint64)
    for n in range(WORDS):  # unsigned, so it wraps around by definition
        mixed = (mixed * _ODD) ^ words[n : n + count]
        mixed ^= mixed >> np.uint64(29)
    mixed = np.unique(mixed * _ODD)
    if len(mixed) <= KEPT:
        return Sketch(mixed, 2**64 - 1)
    return Sketch(mixed[:KEPT].copy(), int(mixed[KEPT - 1]))


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two texts have in common, templates left out."""

    of_left: float
    """Share of the left text's shingles that stand in the right one."""
    of_right: float
    least: int
    """Shingles compared of the text that has fewer."""


def _common(left: Hashes, right: Hashes) -> Hashes:
    """Hashes of both; either is ascending and distinct."""
    if len(left) > len(right):
        left, right = right, left
    if not len(left):
        return left
    at = np.searchsorted(right, left)
    at[at == len(right)] = 0
    both: Hashes = left[right[at] == left]
    return both


def overlap(left: Sketch, right: Sketch, template: Callable[[int], bool]) -> Overlap:
    """Containment of two texts in each other, by the shingles that both could have kept.

    ``template`` says of a shingle whether it belongs to a form that unrelated texts share.
    """
    if len(left.hashes) > FIRST < len(right.hashes) and not len(
        _common(left.hashes[:FIRST], right.hashes[:FIRST])
    ):
        return Overlap(0.0, 0.0, FIRST)
    limit = np.uint64(min(left.limit, right.limit))
    one = left.hashes[left.hashes <= limit]
    other = right.hashes[right.hashes <= limit]
    common = _common(one, other)
    if not len(common):
        return Overlap(0.0, 0.0, min(len(one), len(other)))
    own = [sum(not template(h) for h in hashes.tolist()) for hashes in (one, other, common)]
    return Overlap(
        own[2] / own[0] if own[0] else 0.0, own[2] / own[1] if own[1] else 0.0, min(own[:2])
    )


def holders_of_repeated(sketches: Iterable[tuple[str, Sketch]]) -> Mapping[int, tuple[str, ...]]:
    """Shingle -> the first holders of it, for shingles of two different texts or more."""
    texts: dict[bytes, tuple[str, Sketch]] = {}
    for identifier, found in sketches:
        if len(found.hashes):
            texts.setdefault(found.hashes.tobytes(), (identifier, found))
    if len(texts) < 2:
        return {}
    values, counts = np.unique(
        np.concatenate([found.hashes for _, found in texts.values()]), return_counts=True
    )
    repeated = values[counts > 1]
    holders: dict[int, tuple[str, ...]] = {}
    for identifier, found in texts.values():
        for shingle in _common(found.hashes, repeated).tolist():
            before = holders.get(shingle, ())
            if len(before) < MAX_HOLDERS:
                holders[shingle] = (*before, identifier)
    return holders
