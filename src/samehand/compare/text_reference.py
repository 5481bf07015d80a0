"""What the texts of a reference file teach: a linear classifier, stacked with bundled knowledge.

Each actor's texts stand against all others in a ridge regression on cosines (words and pairs;
pieces of words), every actor with the same total weight. It is trained where it is used: only
actors of the reference are candidates. Its two scores are columns beside those of `text_channel`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from samehand.compare.text_channel import Channel, Features, Hint, carried, scores_of
from samehand.compare.text_rule import Ranking, ranked, rules
from samehand.knowledge.actor_terms import TermIndex, chars, index_of, words

Matrix = NDArray[np.float64]
#: Columns added to those of the knowledge.
COLUMNS = ("learned_words", "learned_chars")
#: Strength of the ridge; .5 to 1 are alike in cross-validation, 2 loses .02.
_RIDGE = 1.0
#: A learned score where an actor has no text.
_ABSENT = -1.0
#: Terms of fewer texts teach nothing; those of more than this share hardly anything.
_LEAST_TEXTS, _COMMON = 2, 0.9
#: Texts that are learned from, of all actors together: time and memory grow with the square.
MOST_TEXTS = 2500
#: Characters read of each text: nine of ten reports are shorter than half of it.
_READ = 60_000
#: Terms multiplied at once.
_BLOCK = 4096


def gram(index: TermIndex) -> Matrix:
    """Cosines of all documents of an index with each other."""
    found = np.zeros((index.size, index.size))
    for first in range(0, len(index.terms), _BLOCK):
        last = min(first + _BLOCK, len(index.terms))
        held = slice(index.starts[first], index.starts[last])
        lengths = np.diff(index.starts[first : last + 1])
        block = np.zeros((index.size, last - first), np.float32)
        block[index.documents[held], np.repeat(np.arange(last - first), lengths)] = index.weights[
            held
        ]
        found += block @ block.T
    return found


def ridge(cosines: Matrix, owners: NDArray[np.int64], classes: int) -> Matrix:
    """Weight of each text for each class, so that all classes weigh alike in training."""
    counts = np.bincount(owners, minlength=classes).astype(float)
    weight = 1.0 / counts[owners]
    weight /= weight.mean()
    wanted = np.full((len(owners), classes), -1.0)
    wanted[np.arange(len(owners)), owners] = 1.0
    found = np.linalg.solve(cosines + 1.0 + np.diag(_RIDGE / weight), wanted)
    return np.asarray(found, np.float64)


@dataclass(frozen=True, slots=True)
class Learned:
    """A classifier of texts by the actors of a reference."""

    labels: tuple[str, ...]
    indexes: Mapping[str, TermIndex]
    """Column -> index of the texts."""
    weights: Mapping[str, Matrix]
    """Column -> texts x labels."""

    def scores(self, terms: Mapping[str, Mapping[str, int]]) -> dict[str, Matrix]:
        """Column -> score of each label; ``terms`` is column -> counts of the text."""
        return {
            column: (self.indexes[column].cosines(terms[column]) + 1.0) @ self.weights[column]
            for column in COLUMNS
        }

    def carried(
        self, terms: Mapping[str, int], label: str, most: int = 5
    ) -> list[tuple[str, float]]:
        """The words of a text that most speak for a label."""
        index = self.indexes["learned_words"]
        weights = self.weights["learned_words"][:, self.labels.index(label)]
        rows, values = index.query(terms)
        found = []
        for row, value in zip(rows, values, strict=True):
            held = slice(index.starts[row], index.starts[row + 1])
            part = float(value * (index.weights[held] * weights[index.documents[held]]).sum())
            found.append((index.terms[row], part))
        return sorted(found, key=lambda x: (-x[1], x[0]))[:most]


def terms_of(text: str) -> dict[str, Counter[str]]:
    """Column -> counted terms of a text."""
    return {"learned_words": words(text[:_READ]), "learned_chars": chars(text[:_READ])}


def chosen(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (actor, text) pairs that are learned from, in an order of their own.

    Of too many, the same number of each actor, as far as it has them; repeats count once.
    """
    by_actor: dict[str, list[str]] = {}
    for actor, text in sorted(set(texts)):
        if actor and text.strip():
            by_actor.setdefault(actor, []).append(text)
    most = MOST_TEXTS
    while sum(min(len(held), most) for held in by_actor.values()) > MOST_TEXTS and most > 1:
        most = most * 3 // 4
    return [(actor, text) for actor, held in sorted(by_actor.items()) for text in held[:most]]


def learn(texts: Iterable[tuple[str, str]]) -> Learned | None:
    """The classifier of some (actor, text) pairs; `None` if fewer than two actors have a text."""
    pairs = chosen(texts)
    labels = tuple(sorted({actor for actor, _ in pairs}))
    if len(labels) < 2:
        return None
    place = {label: i for i, label in enumerate(labels)}
    owners = np.array([place[actor] for actor, _ in pairs], np.int64)
    counted = [terms_of(text) for _, text in pairs]
    indexes, weights = {}, {}
    for column in COLUMNS:
        indexes[column] = index_of([c[column] for c in counted], _LEAST_TEXTS, _COMMON)
        weights[column] = ridge(gram(indexes[column]), owners, len(labels))
    return Learned(labels, indexes, weights)


class ReferenceChannel:
    """Texts to ranked actors of a reference file."""

    def __init__(
        self, channel: Channel, texts: Iterable[tuple[str, str]], described: bool = True
    ) -> None:
        """Learn from (actor, text) pairs; ``channel`` is of the world of the reference.

        Unless ``described``, what bundled pages tell of the actors counts nothing.
        """
        self.channel = channel
        self.described = described
        self.learned = learn((a, t) for a, t in texts if a in channel.row)

    def features(self, text: str, unknown: Mapping[str, Set[str]] | None = None) -> Features:
        """The columns of the knowledge, and what the texts of the reference say."""
        return self.add(self.channel.features(text, unknown), text)

    def add(self, known: Features, text: str) -> Features:
        """The features of a text with the columns that were learned."""
        extra = np.full((len(known.actors), len(COLUMNS)), _ABSENT)
        if self.learned is not None:
            rows = [self.channel.row[label] for label in self.learned.labels]
            scores = self.learned.scores(terms_of(text))
            for number, column in enumerate(COLUMNS):
                extra[rows, number] = scores[column]
        return replace(
            known,
            columns=(*known.columns, *COLUMNS),
            matrix=np.concatenate([known.matrix * self.described, extra], axis=1),
        )

    def rank(self, text: str) -> Ranking:
        """The actors of the reference that a text fits."""
        rule = rules()["reference"]
        features = self.features(text)
        return ranked(features.actors, scores_of(features, rule), rule, features.size)

    def carried(self, features: Features, actor: str, most: int = 8) -> tuple[Hint, ...]:
        """What most brought an actor its score."""
        rule = rules()["reference"]
        found = list(carried(features, actor, rule, most))
        if self.learned is not None and actor in self.learned.labels:
            weight = rule.weights.get("learned_words", 0.0)
            found += [
                Hint("learned_words", term, value * weight)
                for term, value in self.learned.carried(features.terms, actor, most)
                if value * weight > 0
            ]
        return tuple(sorted(found, key=lambda h: (-h.value, h.column, h.what))[:most])
