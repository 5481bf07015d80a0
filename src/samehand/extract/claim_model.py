"""Whether a sentence claims attribution, alias, overlap, comparison or denial, by a linear model.

Its features are those of `extract/claim_words` and the cues that fit. The sentences of a text are
weighed together. `scripts/train_claims.py` makes the weights.
"""

from __future__ import annotations

import io
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray

from samehand.config import bundled
from samehand.extract.claim_words import (
    ENTITIES,
    GRADED,
    LONGEST_RUN,
    SAYING,
    Sentence,
    chunks,
    grades,
    named,
    placed,
    words_of,
)

FILE = "knowledge/data/claims.npz"

#: Stretches without blanks that are remembered; longer ones hardly come again.
_REMEMBERED = 1 << 16
_LONGEST = 40

Column = NDArray[np.int64]
Odds = NDArray[np.float64]
"""Sentences x relations."""


@dataclass(frozen=True, slots=True)
class Model:
    """The trained numbers."""

    relations: tuple[str, ...]
    rows: Mapping[str, int]
    """Feature -> row of ``weights``."""
    weights: NDArray[np.float32]
    """Features x relations."""
    bias: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    """From which log-odds on a sentence makes the claim."""
    rough: float
    """Least log-odds by words alone, of any relation, at which cues are looked for."""


def model_from(data: bytes) -> Model:
    """The model in a file as `scripts/train_claims.py` writes it."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        names = file["features"].tobytes().decode().split("\n")
        return Model(
            relations=tuple(about["relations"]),
            rows={name: row for row, name in enumerate(names)},
            weights=file["weights"].astype(np.float32) * file["step"].astype(np.float32),
            bias=file["bias"].astype(np.float32),
            thresholds=file["thresholds"].astype(np.float32),
            rough=float(about["rough"]),
        )


@cache
def model() -> Model:
    """The bundled model, loaded at the first use."""
    return model_from(bundled(FILE))


@cache
def most_by_rules() -> Odds:
    """The most that rules can add to the log-odds of each relation."""
    rules = [row for name, row in model().rows.items() if name.startswith("r:")]
    most: Odds = model().weights[rules].clip(0).sum(axis=0, dtype=np.float64)
    return most


@dataclass(frozen=True, slots=True)
class _Table:
    """Several words in a row, as one number: those of the words are its digits."""

    codes: Column
    """In rising order."""
    rows: Column
    """-1 for what is no feature itself."""

    def find(self, code: Column) -> tuple[Column, Column]:
        """Which of the codes are known, and their rows."""
        nearest = np.searchsorted(self.codes[:-1], code)  # the last if it is beyond all
        hit = np.flatnonzero(self.codes[nearest] == code)
        return hit, self.rows[nearest[hit]]


@dataclass(frozen=True, slots=True)
class _Known:
    """The words of the features."""

    numbers: Mapping[str, int]
    """From 1, entities first."""
    runs: tuple[_Table, ...]
    """Of one word, of two, of three; those that longer ones begin with are in."""
    pairs: _Table
    """Of two entities, with other words between them or not."""
    saying: Column
    """For each number the row of what it says of its sentence, or -1."""
    graded: NDArray[np.float32]
    """The weights of `GRADED`."""

    @property
    def base(self) -> int:
        """One more than the highest number."""
        return len(self.numbers) + 1


@cache
def _known() -> _Known:
    rows = model().rows
    runs = {tuple(name.split(" ")): row for name, row in rows.items() if name[1:2] != ":"}
    words = {word for run in runs for word in run}.union(SAYING)
    numbers = {word: n for n, word in enumerate((*ENTITIES, *sorted(words - {*ENTITIES})), 1)}

    def table(features: Mapping[tuple[str, ...], int]) -> _Table:
        coded = []
        for run, row in features.items():
            digits = [numbers[word] for word in run]
            coded.append((reduce(lambda code, n: code * (len(numbers) + 1) + n, digits), row))
        codes, found = np.array(sorted(coded), np.int64).T
        return _Table(codes, found)

    pairs = {pair: rows.get("q:" + "".join(pair), -1) for pair in product(ENTITIES, repeat=2)}
    tables = []
    for count in range(1, LONGEST_RUN + 1):
        openings = {run[:count]: -1 for run in runs if len(run) >= count}
        tables.append(
            table(openings | {run: row for run, row in runs.items() if len(run) == count})
        )
    saying = np.full(len(numbers) + 1, -1)
    for word, feature in SAYING.items():
        saying[numbers[word]] = rows.get(feature, -1)
    graded = np.array([model().weights[rows[f]] if f in rows else 0 * model().bias for f in GRADED])
    return _Known(numbers, tuple(tables), table(pairs), saying, graded)


class _Numbers(dict[str, tuple[int, ...]]):
    """The numbers of the words of stretches without blanks, remembered; 0 for those of no feature.

    It forgets all when it is full: to keep the order of use costs as much as to look up.
    """

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        numbers = _known().numbers
        found = tuple([numbers.get(word, 0) for word in words_of(chunk)])
        if len(chunk) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[chunk] = found
        return found


@cache
def _numbers() -> _Numbers:
    return _Numbers()


class _Features:
    """The features of the sentences of a text; once or more often added is the same."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._found: list[tuple[Column, Column]] = []

    def add(self, places: Column, rows: Column) -> None:
        """The sentence and the row of each; no feature if it is negative."""
        real = rows >= 0
        self._found.append((places[real], rows[real]))

    def odds(self) -> Odds:
        """The sums of their weights."""
        places, rows = map(np.concatenate, zip(*self._found, strict=True))
        several = len(model().weights)
        both = np.sort(places * several + rows)
        places, rows = np.divmod(both[np.diff(both, prepend=-1) > 0], several)
        weights = model().weights[rows].T
        return np.stack([np.bincount(places, column, self.total) for column in weights], axis=1)


@cache
def _cues() -> tuple[Sequence[str], NDArray[np.float32]]:
    """The features that are cues or rules, and their weights."""
    rows = {name: row for name, row in model().rows.items() if name.startswith(("c:", "r:"))}
    return tuple(rows), model().weights[list(rows.values())]


def cue_odds(cues: Sequence[Container[str]]) -> Odds:
    """What cues and rules of sentences add to their log-odds."""
    names, weights = _cues()
    held = np.array([[name in some for name in names] for some in cues], np.float64)
    odds: Odds = held.reshape(-1, len(names)) @ weights
    return odds


@cache
def _nameless() -> Sequence[int]:
    """The rows of the features of a sentence without names."""
    return [model().rows[feature] for feature in named(()) if feature in model().rows]


def word_odds(sentences: Sequence[Sentence]) -> Odds:
    """Log-odds of the sentences of a text without their cues, as `word_features` gives them."""
    known, rows, numbers_of = _known(), model().rows, _numbers().__getitem__
    every: list[int] = []
    own: list[int] = []
    counts: list[tuple[int, int]] = []
    graded = []
    for sentence in sentences:
        start, first = len(every), len(own)
        every.extend(chain.from_iterable(map(numbers_of, chunks(sentence.text, sentence.names))))
        graded.append(grades(sentence, len(every) - start))
        every.append(0)  # no run goes on behind it
        own += [rows[feature] for feature in placed(sentence) if feature in rows]
        if sentence.names:
            own += [rows[feature] for feature in named(sentence.names) if feature in rows]
        else:
            own += _nameless()
        counts.append((len(every) - start, len(own) - first))
    words, numbers = np.array(every, np.int64), np.arange(len(sentences))
    of_words, of_own = np.array(counts, np.int64).T
    places = np.repeat(numbers, of_words)
    features = _Features(len(sentences))
    features.add(np.repeat(numbers, of_own), np.array(own, np.int64))
    features.add(places, known.saying[words])
    at = np.flatnonzero(words)
    code = np.zeros(len(at), np.int64)
    for more, table in enumerate(known.runs):  # behind a known word there is always another one
        code = code * known.base + words[at + more]
        hit, found = table.find(code)
        at, code = at[hit], code[hit]
        features.add(places[at], found)
    entities = np.flatnonzero((words > 0) & (words <= len(ENTITIES)))
    l, r = entities[:-1], entities[1:]
    hit, found = known.pairs.find(words[l] * known.base + words[r])
    features.add(places[l[hit]], np.where(places[l[hit]] == places[r[hit]], found, -1))
    return features.odds() + model().bias + np.array(graded) @ known.graded
