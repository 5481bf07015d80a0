"""Who says what about names: concepts, namings and typed relations, each with its source.

An alias is not an identity. Every line of knowledge is a *statement* by one source: that a concept
exists, that a name means it, that two concepts are related. Nothing is merged because a name is
shared: a name that several concepts carry means each of them with a share. Taking a source away
takes away its statements and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from samehand.normalise import name_key

Level = Literal["campaign", "subgroup", "group", "umbrella", "state"]
RelationType = Literal["same-as", "part-of", "subgroup-of", "overlaps", "sponsored-by", "disputed"]
#: Relations that read the same both ways.
SYMMETRIC = frozenset({"same-as", "overlaps", "disputed"})
#: Relations that put the subject inside the object.
INSIDE = frozenset({"part-of", "subgroup-of"})
#: Odds of a meaning. A catalogue's own entry of that name says more than a name in a list of
#: synonyms, of which a tenth to a quarter is disputed between catalogues (docs/evaluation.md);
#: who is asked for its own words has the say over them.
PRIMARY_ODDS = 6.0
ALIAS_ODDS = 1.0
OWN_WORDS_ODDS = 20.0
#: That two statements contradict each other is sure; which of them is wrong is not.
DISPUTE_WEIGHT = 0.5
#: Words that publishers add to or leave out of an actor's name.
_ADDED = ("group", "team", "gang", "apt", "actor", "actors", "operators")


@dataclass(frozen=True, slots=True)
class Source:
    """Who makes statements."""

    id: str
    publisher: str
    title: str
    date: str
    """ISO date or year of the statement; for a catalogue its version and date."""
    family: str
    """Sources of one family copy each other and count once."""
    url: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """One source's word that something exists: an actor, a campaign or a state."""

    id: str
    name: str
    level: Level
    source: str
    references: tuple[str, ...] = ()
    """Addresses of publications that the source cites for it."""


@dataclass(frozen=True, slots=True)
class Naming:
    """One source's word that a name means a concept."""

    name: str
    concept: str
    source: str
    primary: bool = False
    """It is what the source calls the concept, not one of several synonyms."""
    since: int = 0
    """First year in which the name was in use; 0 if unknown."""
    coined_by: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """One source's word on how two concepts stand to each other."""

    subject: str
    type: RelationType
    object: str
    weight: float
    """How likely it holds, by the source's own words; 0 to 1."""
    source: str
    since: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One concept that a name may mean."""

    concept: str
    probability: float
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """How a concept stands to another, over all sources that say so."""

    type: RelationType
    to: str
    weight: float
    """That of the most certain source: catalogues copy each other, so they do not add up."""
    statements: tuple[Relation, ...]
    """Who says so, in which words."""


@dataclass(frozen=True)
class Graph:
    """All statements, and what follows from them."""

    sources: tuple[Source, ...]
    concepts: tuple[Concept, ...]
    namings: tuple[Naming, ...]
    relations: tuple[Relation, ...]

    def without(self, source: str) -> Graph:
        """The graph with everything that one source said taken out."""
        return Graph(
            tuple(s for s in self.sources if s.id != source),
            tuple(c for c in self.concepts if c.source != source),
            tuple(n for n in self.namings if n.source != source),
            tuple(r for r in self.relations if r.source != source),
        )

    def plus(self, namings: Iterable[Naming] = (), relations: Iterable[Relation] = ()) -> Graph:
        """The graph with further statements."""
        return replace(
            self,
            namings=(*self.namings, *namings),
            relations=(*self.relations, *relations),
        )

    @cached_property
    def source(self) -> Mapping[str, Source]:
        """Source id -> source."""
        return {s.id: s for s in self.sources}

    @cached_property
    def concept(self) -> Mapping[str, Concept]:
        """Concept id -> the first statement of it, which gives name and level."""
        found: dict[str, Concept] = {}
        for stated in self.concepts:
            found.setdefault(stated.id, stated)
        return found

    @cached_property
    def stated_by(self) -> Mapping[str, tuple[str, ...]]:
        """Concept id -> sources that hold it to be something of its own."""
        found: dict[str, list[str]] = {}
        for stated in self.concepts:
            held = found.setdefault(stated.id, [])
            if stated.source not in held:
                held.append(stated.source)
        return {k: tuple(v) for k, v in found.items()}

    @cached_property
    def by_key(self) -> Mapping[str, tuple[Naming, ...]]:
        """Folded name -> statements of what it means."""
        found: dict[str, list[Naming]] = {}
        for naming in self.namings:
            if naming.concept in self.concept and (key := name_key(naming.name)):
                found.setdefault(key, []).append(naming)
        return {k: tuple(v) for k, v in found.items()}

    @cached_property
    def names_of(self) -> Mapping[str, tuple[Naming, ...]]:
        """Concept id -> its names, primary ones first."""
        found: dict[str, list[Naming]] = {}
        for naming in self.namings:
            found.setdefault(naming.concept, []).append(naming)
        return {
            k: tuple(sorted(v, key=lambda n: (not n.primary, n.name.casefold())))
            for k, v in found.items()
        }

    @cached_property
    def _relations_by_end(self) -> Mapping[str, tuple[Relation, ...]]:
        found: dict[str, list[Relation]] = {}
        for relation in self.relations:
            if relation.subject in self.concept and relation.object in self.concept:
                found.setdefault(relation.subject, []).append(relation)
                if relation.object != relation.subject:
                    found.setdefault(relation.object, []).append(relation)
        return {k: tuple(v) for k, v in found.items()}

    def lookup(self, name: str) -> tuple[Naming, ...]:
        """Statements about a name as written; 'X Group' and 'X' help each other out."""
        key = name_key(name)
        if key in self.by_key:
            return self.by_key[key]
        stem = key.removeprefix("the")
        for word in _ADDED:
            if stem.endswith(word) and stem.removesuffix(word) in self.by_key:
                return self.by_key[stem.removesuffix(word)]
        for word in ("", *_ADDED):
            if stem + word in self.by_key:
                return self.by_key[stem + word]
        return ()

    def resolve(self, name: str, publisher: str = "", year: int = 9999) -> tuple[Meaning, ...]:
        """What a name may mean, most probable first; probabilities sum to 1, or nothing is known.

        Sources of one family count once. ``publisher``: whose words these are; what it says
        itself about its names outweighs what others say. ``year``: names that came up later are
        left out, but a concept's own name always stands for it.
        """
        odds: dict[str, dict[str, float]] = {}
        cited: dict[str, list[str]] = {}
        for naming in self.lookup(name):
            if naming.since > year and not naming.primary:
                continue
            source = self.source.get(naming.source)
            value = PRIMARY_ODDS if naming.primary else ALIAS_ODDS
            if publisher and source is not None and same_publisher(source.publisher, publisher):
                value *= OWN_WORDS_ODDS
            family = source.family if source else naming.source
            held = odds.setdefault(naming.concept, {})
            held[family] = max(value, held.get(family, 0.0))
            said = cited.setdefault(naming.concept, [])
            if naming.source not in said:
                said.append(naming.source)
        total = sum(v for held in odds.values() for v in held.values())
        found = [
            Meaning(concept, sum(held.values()) / total, tuple(cited[concept]))
            for concept, held in odds.items()
        ]
        return tuple(sorted(found, key=lambda m: (-m.probability, m.concept)))

    def related(self, concept: str, year: int = 9999) -> tuple[Related, ...]:
        """How a concept stands to others, by type and weight; what it holds inside is `parts`.

        ``year``: what was stated later is left out.
        """
        order = ("same-as", "subgroup-of", "part-of", "overlaps", "sponsored-by", "disputed")
        found = [
            Related(kind, to, max(r.weight for r in rows), tuple(rows))
            for (kind, to), rows in self._stated(concept, year).items()
        ]
        return tuple(sorted(found, key=lambda r: (order.index(r.type), -r.weight, r.to)))

    def _stated(self, concept: str, year: int) -> dict[tuple[RelationType, str], list[Relation]]:
        """(type, other concept) -> statements, disputes included; one per source."""
        gathered: dict[tuple[RelationType, str], list[Relation]] = {}
        for relation in self._relations_by_end.get(concept, ()):
            if relation.since > year:
                continue
            if relation.subject == concept:
                gathered.setdefault((relation.type, relation.object), []).append(relation)
            elif relation.type in SYMMETRIC:
                gathered.setdefault((relation.type, relation.subject), []).append(relation)
        for to, sources, words in list(self._disputes(concept, gathered)):
            rows = gathered.setdefault(("disputed", to), [])
            rows.extend(
                Relation(concept, "disputed", to, DISPUTE_WEIGHT, source, 0, words)
                for source in sources
            )
        return gathered

    def _disputes(
        self,
        concept: str,
        stated: Mapping[tuple[RelationType, str], list[Relation]],
    ) -> Iterable[tuple[str, tuple[str, ...], str]]:
        """(other concept, who contradicts, how) where sources cannot all be right.

        Who keeps two concepts apart contradicts whoever holds them for one. Who puts a concept
        into another parent contradicts its other parents, unless one parent lies in the other.
        """
        for (kind, to), rows in stated.items():
            if kind == "same-as":
                sayers = {r.source for r in rows}
                apart = [
                    s
                    for s in self.stated_by.get(concept, ())
                    if s in self.stated_by.get(to, ()) and s not in sayers
                ]
                if apart:
                    yield to, tuple(apart), "keeps the two apart"
        parents = {to: rows for (kind, to), rows in stated.items() if kind in INSIDE}
        for to, rows in parents.items():
            others = [
                r.source
                for other, said in parents.items()
                if other != to and other not in self.above(to) and to not in self.above(other)
                for r in said
                if r.source not in {x.source for x in rows}
            ]
            if others:
                yield to, tuple(dict.fromkeys(others)), "names another parent"

    def parts(self, concept: str) -> tuple[str, ...]:
        """Concepts that some source puts inside this one."""
        return tuple(
            dict.fromkeys(
                r.subject
                for r in self._relations_by_end.get(concept, ())
                if r.object == concept and r.type in INSIDE
            )
        )

    def above(self, concept: str) -> tuple[str, ...]:
        """Everything that some source puts this concept inside of, nearest first."""
        found: list[str] = []
        ring = [concept]
        while ring:
            inner = ring.pop(0)
            for relation in self._relations_by_end.get(inner, ()):
                if (
                    relation.subject == inner
                    and relation.type in INSIDE
                    and relation.object not in found
                    and relation.object != concept
                ):
                    found.append(relation.object)
                    ring.append(relation.object)
        return tuple(found)

    def are_related(self, left: str, right: str) -> bool:
        """Whether two concepts are one, or some source relates them.

        Directly, or by putting one inside the other or both inside a third. A dispute alone is no
        relation.
        """
        above_l, above_r = {left, *self.above(left)}, {right, *self.above(right)}
        if above_l & above_r:
            return True
        return any(
            {r.subject, r.object} == {left, right} and r.type != "disputed"
            for r in self._relations_by_end.get(left, ())
        )


def same_publisher(left: str, right: str) -> bool:
    """Whether two publisher names are one house: 'Microsoft' and 'Microsoft Threat Intelligence'.

    The shorter name must be the first words of the longer one.
    """
    first, second = left.casefold().split(), right.casefold().split()
    shared = min(len(first), len(second))
    return shared > 0 and first[:shared] == second[:shared]


def concept_id(name: str, level: Level = "group") -> str:
    """The identifier that a name gives a concept: 'Sandworm Team' is 'sandworm-team'."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    slug = "-".join("".join(c if c.isalnum() else " " for c in folded).split())
    return f"{level}/{slug}" if level in ("campaign", "state") else slug
