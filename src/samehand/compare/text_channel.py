"""Which known actor a free text fits, by bundled knowledge: software, words, countries, names.

A text that names no actor, or whose actor is masked, still tells by the software it mentions, by
its words, by countries and by the names left in it. Every such hint is a column of a matrix of
actors; a linear rule ranks them (weights in ``knowledge/data/text_channel.json``, made by
``scripts/train_text_channel.py``). Temperature and the bar of "none of the known" are fitted with
the true actor taken away. What texts of a reference file teach is in `text_reference`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import cast

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from samehand.compare.text_cues import AliasPlaces, tells_origin
from samehand.compare.text_rule import SHORT_WORDS, Rule, rules
from samehand.extract.gazetteer import everyday
from samehand.extract.names import find_names
from samehand.extract.techniques import document_techniques
from samehand.extract.victims import lowered, places
from samehand.knowledge import actor_texts, attack, software
from samehand.knowledge.actor_terms import LONGEST, chars, words
from samehand.knowledge.actors import World, bundled_world
from samehand.knowledge.cache import once
from samehand.normalise import name_key

Matrix = NDArray[np.float64]
#: "_lead" is the same as a share of the best actor's value, so that short and long texts compare.
COLUMNS = (
    "name", "name_lead", "alias", "software", "exclusive", "software_lead", "prominent",
    "own_words", "own_words_lead", "all_words", "all_words_lead", "rare", "rare_lead", "chars",
    "chars_lead", "family_words", "family_words_lead", "techniques", "origin", "other_origin",
    "places", "places_lead", "cited", "length",
)  # fmt: skip
#: Software with an everyday word as name, and what anybody can have, count by this (by hand: larger
#: values brought remote-access tools to the front).
_DOUBTFUL, _PUBLIC = 0.3, 0.4
#: Pieces of software looked at whose descriptions resemble the text.
_MOST_FAMILIES = 200
#: Characters in which techniques are looked for: reports have 11,000 at the median.
_TECHNIQUES_IN = 40_000
_SURROGATE = re.compile("[\ud800-\udfff]")  # no text at all, and nothing can encode it
#: Written as coined names are: an inner capital or digit, all capitals, or several words.
_COINED = re.compile(r"[a-z][A-Z]|[A-Z]{2}|\d|\w[ .#-]\w")


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing in a text that speaks for an actor."""

    column: str
    what: str
    value: float
    """Its part of the column, or of the score where a rule was applied."""


@dataclass(frozen=True, slots=True)
class Features:
    """Every actor's hints in one text."""

    actors: tuple[str, ...]
    columns: tuple[str, ...]
    matrix: Matrix
    """Actors x columns."""
    hints: Mapping[str, tuple[Hint, ...]]
    """Actor -> names, software and countries that speak for it."""
    terms: Counter[str]
    """Words and pairs of the text."""
    documents: Mapping[str, int]
    """Actor -> position of its document."""

    @property
    def size(self) -> int:
        """Words of the text."""
        return sum(n for term, n in self.terms.items() if " " not in term)


def scores_of(features: Features, rule: Rule) -> Matrix:
    """The score of every actor."""
    weights = np.array([rule.weights.get(c, 0.0) for c in features.columns])
    return cast(Matrix, features.matrix @ weights)


def _lead(values: Matrix) -> Matrix:
    """Values as a share of the largest."""
    top = float(values.max(initial=0.0))
    return values / top if top > 0 else values


def _with_parents(techniques: Iterable[str]) -> set[str]:
    """Techniques and those that sub-techniques belong to."""
    return {t for x in techniques for t in (x, x.partition(".")[0])}


class Channel:
    """Texts to features, for one world of actors."""

    def __init__(self, world: World) -> None:
        """Documents and users of software, as far as they are of actors of this world."""
        texts = actor_texts.texts()
        self.world = world
        self.actors = tuple(sorted(world.actors))
        self.row = {a: i for i, a in enumerate(self.actors)}
        owner = [self.row.get(world.actor_of.get(c, ""), -1) for c in texts.concepts]
        self.document = np.full(len(self.actors), -1, np.int64)
        for position, row in enumerate(owner):
            if row >= 0 and self.document[row] < 0:
                self.document[row] = position
        self.users: dict[str, dict[int, float]] = {}
        for family, held in texts.users.items():
            for position, weight in held.items():
                row = owner[position]
                if row >= 0:
                    mine = self.users.setdefault(family, {})
                    mine[row] = max(weight, mine.get(row, 0.0))
        # How rare a tool is depends on all actors that are known, not on the candidates.
        self.rarity = {
            family: max(0.0, 1.0 - math.log(max(1.0, math.fsum(held.values()))) / math.log(1000.0))
            for family, held in texts.users.items()
        }
        self._learn_techniques(owner)
        # Names that only our own rows know: found as written, if written as coined names are.
        self.own = {name_key(name): family for name, family in texts.own.items()}
        self.coined = tuple(sorted(name for name in texts.own if _COINED.search(name)))
        self.coined_finder = ahocorasick_rs.AhoCorasick(
            self.coined, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )

    def _learn_techniques(self, owner: Sequence[int]) -> None:
        groups, placed = attack.groups(), actor_texts.texts().groups
        spread = Counter(t for g in groups.values() for t in _with_parents(g.techniques))
        self.technique_rarity = {t: math.log((1 + len(groups)) / n) for t, n in spread.items()}
        self.techniques: dict[int, set[str]] = {}
        for identifier, group in sorted(groups.items()):
            row = owner[placed[identifier]] if identifier in placed else -1
            if row >= 0 and group.techniques:
                self.techniques.setdefault(row, set()).update(group.techniques)

    def features(self, text: str, unknown: Mapping[str, Set[str]] | None = None) -> Features:
        """What speaks for each actor in a text; a very long one is cut at `LONGEST`.

        Args:
            text: prose, possibly with marks such as [ACTOR] in place of names.
            unknown: actor -> techniques not counted as its own, to measure on texts that taught
                them.
        """
        text = _SURROGATE.sub("\ufffd", text[:LONGEST])
        column = {name: np.zeros(len(self.actors)) for name in COLUMNS}
        hints: dict[int, list[Hint]] = {}
        self._actors_named(text, column, hints)
        terms = words(text)
        has = self.document >= 0
        indexes = actor_texts.indexes()
        for field in ("own_words", "all_words", "chars"):
            cosines = indexes[field].cosines(chars(text) if field == "chars" else terms)
            column[field][has] = cosines[self.document[has]]
        column["rare"][has] = indexes["all_words"].rare(terms)[self.document[has]]
        self._families(terms, column)
        self._techniques(text, column, unknown or {})
        self._places(text, column, hints)
        for name in COLUMNS:
            if name.endswith("_lead"):
                column[name] = _lead(column[name.removesuffix("_lead")])
        texts = actor_texts.texts()
        column["cited"][has] = np.log1p(np.array(texts.cited)[self.document[has]])
        column["length"][has] = np.log1p(np.array(texts.lengths)[self.document[has]] / 500)
        return Features(
            self.actors,
            COLUMNS,
            np.stack([column[name] for name in COLUMNS], axis=1),
            {
                self.actors[i]: tuple(sorted(rows, key=lambda h: (-h.value, h.column, h.what)))
                for i, rows in sorted(hints.items())
            },
            terms,
            {a: int(self.document[i]) for a, i in self.row.items() if has[i]},
        )

    def _actors_named(
        self, text: str, column: Mapping[str, Matrix], hints: dict[int, list[Hint]]
    ) -> None:
        """Names of actors and of software that stand in the text."""
        named: Counter[str] = Counter()
        near: Counter[str] = Counter()
        families = self._own_software(text)
        meaning: dict[str, tuple[tuple[str, float], ...]] = {}
        stretches, seen = AliasPlaces(text), frozenset(families)
        for found in find_names(text):
            name = found.name
            if name not in meaning:
                key = name_key(name)
                doubt = _DOUBTFUL if key in everyday() else 1.0
                own = self.own.get(key)
                meant = ((own, 1.0),) if own else software.resolve(name)
                meaning[name] = tuple(
                    (f, s * doubt)
                    for f, s in meant
                    if f in self.users and (not own or f not in seen)
                )
            if found.kind in ("actor", "campaign"):
                named[name] += 1
                near[name] += stretches.hold(found.start)
            for family, share in meaning[name]:
                _, before, count = families.get(family, (name, 0.0, 0))
                families[family] = (name, max(before, share), count + 1)
        for counted, field in ((named, "name"), (+near, "alias")):
            for name, count in counted.items():
                for actor, share in self.world.resolve(name):
                    value = share * (1.0 + math.log(count))
                    column[field][self.row[actor]] += value
                    hints.setdefault(self.row[actor], []).append(Hint(field, name, value))
        mentions = sum(count for _, _, count in families.values())
        for family, (name, share, count) in sorted(families.items()):
            users, known = self.users[family], software.families().get(family)
            public = _PUBLIC if known is not None and known.public else 1.0
            value = public * share * self.rarity[family] ** 2 * (1.0 + 0.3 * math.log(count))
            total = max(1.0, math.fsum(users.values()))
            for row, weight in users.items():
                column["software"][row] += value * weight
                column["exclusive"][row] += value * weight / total
                column["prominent"][row] += value * weight * count / mentions
                hints.setdefault(row, []).append(Hint("software", name, value * weight))

    def _own_software(self, text: str) -> dict[str, tuple[str, float, int]]:
        """Family -> (name, 1, mentions) of software that no catalogue lists."""
        found: dict[str, tuple[str, float, int]] = {}
        for number, start, end in self.coined_finder.find_matches_as_indexes(text):
            name = self.coined[number]
            around = text[start - 1 : start] + text[end : end + 1]
            family = actor_texts.texts().own[name]
            if family in self.users and not any(c.isalnum() or c == "_" for c in around):
                found[family] = (name, 1.0, found.get(family, (name, 1.0, 0))[2] + 1)
        return found

    def _families(self, terms: Counter[str], column: Mapping[str, Matrix]) -> None:
        """Likeness to descriptions of software that an actor uses: the best three together."""
        described = actor_texts.texts().described
        cosines = actor_texts.indexes()["family_words"].cosines(terms)
        best: dict[int, list[float]] = {}
        for number in np.argsort(-cosines, kind="stable")[:_MOST_FAMILIES]:
            family = described[number]
            for row, weight in self.users.get(family, {}).items():
                value = float(cosines[number]) * weight * self.rarity[family] ** 2
                best.setdefault(row, []).append(value)
        for row, values in best.items():
            column["family_words"][row] = math.fsum(sorted(values, reverse=True)[:3])

    def _techniques(
        self, text: str, column: Mapping[str, Matrix], unknown: Mapping[str, Set[str]]
    ) -> None:
        """Cosine of the techniques that the text describes with those of each ATT&CK group."""
        rarity = self.technique_rarity
        told = {
            t: p * rarity[t]
            for t, p in document_techniques(text[:_TECHNIQUES_IN]).items()
            if t in rarity
        }
        size = math.sqrt(math.fsum(v * v for v in told.values())) or 1.0
        for row, held in self.techniques.items():
            mine = _with_parents(held - unknown.get(self.actors[row], frozenset()))
            norm = math.sqrt(math.fsum(rarity[t] ** 2 for t in sorted(mine))) or 1.0
            shared = math.fsum(v * rarity[t] for t, v in told.items() if t in mine)
            column["techniques"][row] = shared / norm / size

    def _places(
        self, text: str, column: Mapping[str, Matrix], hints: dict[int, list[Hint]]
    ) -> None:
        """Countries: whose the actor is said to be, and which are told of."""
        origin: Counter[str] = Counter()
        told: Counter[str] = Counter()
        for place in places(text, lowered(text)):
            if place.what != "country":
                continue
            told[place.value] += 1
            if tells_origin(text, place.start, place.end):
                origin[place.value] += 1
        texts = actor_texts.texts()
        weight = {c: math.log1p(n) * texts.rarity.get(c, 0.0) for c, n in sorted(told.items())}
        norm = math.sqrt(math.fsum(v * v for v in weight.values())) or 1.0
        for row, document in enumerate(self.document):
            if document < 0:
                continue
            states, held = texts.states[document], texts.places[document]
            if origin and states:
                share = sum(origin[s] for s in states) / origin.total()
                column["origin"][row], column["other_origin"][row] = share, 1.0 - share
            parts = {c: w * held[c] / norm for c, w in weight.items() if c in held}
            column["places"][row] = math.fsum(parts.values())
            hints.setdefault(row, []).extend(Hint("places", c, v) for c, v in parts.items() if v)


@once
def bundled_channel() -> Channel:
    """The channel over all known actors."""
    return Channel(bundled_world())


def rule_for(features: Features) -> Rule:
    """The rule for a text without a reference: lists of a few sentences have one of their own."""
    return rules()["short" if features.size < SHORT_WORDS else "bundled"]


def carried(features: Features, actor: str, rule: Rule, most: int = 8) -> tuple[Hint, ...]:
    """What most brought an actor its score: names, software, countries and words."""
    found = [
        Hint(h.column, h.what, h.value * rule.weights.get(h.column, 0.0))
        for h in features.hints.get(actor, ())
    ]
    if actor in features.documents:
        for field in ("own_words", "all_words"):
            index = actor_texts.indexes()[field]
            terms = index.carried(features.terms, features.documents[actor], most)
            found += [Hint(field, t, v * rule.weights.get(field, 0.0)) for t, v in terms]
    found = [h for h in found if h.value > 0]
    return tuple(sorted(found, key=lambda h: (-h.value, h.column, h.what))[:most])
