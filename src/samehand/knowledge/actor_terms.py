"""Words and pieces of words of a text, and an index of documents by them (tf-idf cosine)."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
#: What is read of a text, in characters; hostile input may be longer.
LONGEST = 200_000
#: A term in more than this share of the documents says nothing.
_COMMON = 0.4
#: A word of at most so many documents is rare; more mentions than `_OFTEN` add nothing.
_FEW, _OFTEN = 5, 5
_WORD = re.compile(r"[a-z0-9][a-z0-9_\-']{1,38}[a-z0-9]")
_HEX = re.compile(r"[0-9a-f]{16,}")
_MASK = re.compile(r"\[(?:ACTOR|PLACEHOLDER|REDACTED)\]", re.IGNORECASE)
_SIZE = 4
_STOP = frozenset(
    (
        *("the", "and", "for", "that", "with", "this", "from", "are", "was", "were", "have", "has"),
        *("had", "not", "but", "can", "will", "its", "which", "been", "also", "their", "they"),
        *("you", "our", "your", "these", "those", "into", "than", "then", "there", "here", "when"),
        *("where", "what", "who", "how", "all", "any", "more", "most", "other", "some", "such"),
        *("only", "own", "same", "too", "very", "just", "being", "both", "each", "few", "while"),
        *("after", "before", "about", "above", "below", "between", "during", "through", "out"),
        *("off", "over", "under", "again", "once", "does", "did", "doing", "would", "should"),
        *("could", "may", "might", "must", "shall", "used", "using", "use", "uses", "one", "two"),
    )
)


def bare_words(text: str) -> list[str]:
    """Lower-case words in order; hashes, numbers and the mark of a masked name are left out."""
    found = _WORD.findall(_MASK.sub(" ", text[:LONGEST]).lower())
    return [w for w in found if w not in _STOP and not w.isdigit() and not _HEX.fullmatch(w)]


def words(text: str) -> Counter[str]:
    """Words and pairs of neighbours, counted."""
    row = bare_words(text)
    found = Counter(row)
    found.update(f"{l} {r}" for l, r in pairwise(row))
    return found


def chars(text: str) -> Counter[str]:
    """Pieces of words of four characters, their ends marked, counted."""
    found: Counter[str] = Counter()
    for word, count in Counter(bare_words(text)).items():
        padded = f" {word} "
        for start in range(max(1, len(padded) - _SIZE + 1)):
            found[padded[start : start + _SIZE]] += count
    return found


@dataclass(frozen=True)
class TermIndex:
    """Documents as rows of unit length; kept by term."""

    terms: tuple[str, ...]
    idf: Floats
    starts: Ints
    """Term -> its first posting; one more than terms."""
    documents: NDArray[np.int32]
    weights: Floats
    size: int
    """Documents."""

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Term -> row."""
        return {term: i for i, term in enumerate(self.terms)}

    def query(self, counts: Mapping[str, int]) -> tuple[Ints, Floats]:
        """(rows of the known terms of a text, their weights), of unit length."""
        place = self.place
        known = [(place[t], n) for t, n in counts.items() if t in place]
        if not known:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        rows = np.array([r for r, _ in known], np.int64)
        values = (1 + np.log(np.array([n for _, n in known], np.float32))) * self.idf[rows]
        return rows, (values / np.linalg.norm(values)).astype(np.float32)

    def cosines(self, counts: Mapping[str, int]) -> Floats:
        """Cosine of a text with every document."""
        rows, values = self.query(counts)
        lengths = self.starts[rows + 1] - self.starts[rows]
        if not lengths.sum():
            return np.zeros(self.size, np.float32)
        first = np.repeat(self.starts[rows] - np.cumsum(lengths) + lengths, lengths)
        at = first + np.arange(lengths.sum())
        found = np.bincount(
            self.documents[at], np.repeat(values, lengths) * self.weights[at], self.size
        )
        return found.astype(np.float32)

    def rare(self, counts: Mapping[str, int]) -> Floats:
        """For every document, its share of the words of a text that hardly any other has.

        Words of few documents are mostly names: of campaigns, of malware that no list has, of
        lures and bodies. Each is shared out among the documents that have it.
        """
        found = np.zeros(self.size, np.float32)
        place = self.place
        for term, count in counts.items():
            row = place.get(term, -1)
            if row < 0 or " " in term:
                continue
            held = self.documents[self.starts[row] : self.starts[row + 1]]
            if len(held) <= _FEW:
                found[held] += math.sqrt(min(count, _OFTEN)) / len(held)
        return found

    def carried(
        self, counts: Mapping[str, int], document: int, most: int = 5
    ) -> list[tuple[str, float]]:
        """The terms that add most to the cosine with one document."""
        rows, values = self.query(counts)
        found = []
        for row, value in zip(rows, values, strict=True):
            held = slice(self.starts[row], self.starts[row + 1])
            at = np.flatnonzero(self.documents[held] == document)
            if len(at):
                found.append((self.terms[row], float(value * self.weights[held][at[0]])))
        return sorted(found, key=lambda x: (-x[1], x[0]))[:most]

    def to_bytes(self) -> bytes:
        """The index as a compressed array file; the same index gives the same bytes."""
        out = io.BytesIO()
        np.savez(
            out,
            terms=np.frombuffer("\n".join(self.terms).encode(), np.uint8),
            idf=self.idf, starts=self.starts, documents=self.documents,
            weights=self.weights.astype(np.float16), size=np.array(self.size),
        )  # fmt: skip
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> TermIndex:
        """The index that `to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return cls(
                tuple(file["terms"].tobytes().decode().split("\n")),
                file["idf"], file["starts"], file["documents"],
                file["weights"].astype(np.float32), int(file["size"]),
            )  # fmt: skip


def index_of(
    documents: Sequence[Mapping[str, int]], least: int = 1, common: float = _COMMON
) -> TermIndex:
    """The index of some documents, each a count of its terms.

    Terms in fewer than ``least`` documents, or in more than the share ``common``, are left out.
    """
    spread: Counter[str] = Counter()
    for counts in documents:
        spread.update(counts.keys())
    size = len(documents)
    terms = sorted(t for t, n in spread.items() if least <= n <= max(least, common * size))
    place = {t: i for i, t in enumerate(terms)}
    idf = np.array([np.log((1 + size) / (1 + spread[t])) + 1 for t in terms], np.float32)
    rows: list[NDArray[np.int64]] = []
    values: list[Floats] = []
    owners: list[NDArray[np.int32]] = []
    for number, counts in enumerate(documents):
        known = sorted((place[t], n) for t, n in counts.items() if t in place)
        row = np.array([r for r, _ in known], np.int64)
        weight = (1 + np.log(np.array([n for _, n in known] or [1], np.float32)[: len(row)])) * idf[
            row
        ]
        norm = float(np.linalg.norm(weight)) or 1.0
        rows.append(row)
        values.append((weight / norm).astype(np.float32))
        owners.append(np.full(len(row), number, np.int32))
    everything = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    order = np.argsort(everything, kind="stable")
    starts = np.searchsorted(everything[order], np.arange(len(terms) + 1))
    return TermIndex(
        tuple(terms),
        idf,
        starts.astype(np.int64),
        (np.concatenate(owners) if owners else np.zeros(0, np.int32))[order],
        (np.concatenate(values) if values else np.zeros(0, np.float32))[order],
        size,
    )
