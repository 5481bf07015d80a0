"""Known actors: the hierarchy of hypotheses, what claims mean, and how active each was by a day.

The world of hypotheses is derived from the graph of names (``namebook``): one actor per concept of
level subgroup, group or umbrella, with its surest parent. A reference file makes a world of its own
(``world_of_reference``), to which the graph gives only what names mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from samehand.config import Parameters, bundled
from samehand.knowledge.cache import once, sources
from samehand.knowledge.namebook import graph
from samehand.knowledge.names import INSIDE, Graph
from samehand.knowledge.prevalence import FAMILY_PREFIX
from samehand.model import ActorLevel, Report
from samehand.normalise import name_key

#: Levels at which somebody can be the hand; a campaign is what it did, a state whom it serves.
ACTOR_LEVELS: dict[str, ActorLevel] = {
    "subgroup": "subgroup",
    "group": "group",
    "umbrella": "umbrella",
}
#: A name stands for a concept where it means it more likely than everything else together.
_MORE_LIKELY_THAN_NOT = 0.5
#: Catalogue entries that our overlay says are one actor (weight and source of names.toml).
_DUPLICATE_WEIGHT, _DUPLICATE_SOURCE = 0.95, "samehand"


@dataclass(frozen=True, slots=True)
class Actor:
    """One known actor."""

    name: str
    level: ActorLevel
    parent: str
    """The actor it is part of, or ''."""


@dataclass(frozen=True)
class World:
    """Known actors, what names mean among them, and their activity per year."""

    version: str
    actors: Mapping[str, Actor]
    activity: Mapping[str, Mapping[int, float]]
    graph: Graph
    actor_of: Mapping[str, str]
    """Concept of the graph -> actor of this world."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Folded name -> actor, for names that this world itself gives."""
    least_actors: int = 0
    """A smaller world leaves the rest of the prior to 'none of the known'."""
    attested: Mapping[str, int] = field(default_factory=dict)
    """Actor -> independent sources that describe it; an actor of loaded reports counts as two."""
    extra: frozenset[str] = frozenset()
    """Actors known only from loaded profiles: their prior is taken from 'none of the known'."""

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Actor -> its direct parts."""
        found: dict[str, list[str]] = {}
        for actor in self.actors.values():
            if actor.parent:
                found.setdefault(actor.parent, []).append(actor.name)
        return {parent: tuple(sorted(names)) for parent, names in found.items()}

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The actors that contain this one, nearest first."""
        found: list[str] = []
        parent = self.actors[name].parent if name in self.actors else ""
        while parent and parent not in found:
            found.append(parent)
            parent = self.actors[parent].parent
        return tuple(found)

    def descendants(self, name: str) -> tuple[str, ...]:
        """All actors inside this one."""
        found: list[str] = []
        for child in self.children.get(name, ()):
            found.extend((child, *self.descendants(child)))
        return tuple(found)

    @cached_property
    def sponsors(self) -> Mapping[str, tuple[str, float, int]]:
        """Actor -> (state, how surely it serves it, year from which that is said)."""
        found: dict[str, tuple[str, float, int]] = {}
        for concept, actor in sorted(self.actor_of.items()):
            for related in self.graph.related(concept):
                if related.type == "sponsored-by" and related.to in self.graph.concept:
                    name = self.graph.concept[related.to].name
                    best = found.get(actor)
                    if best is None or related.weight > best[1]:
                        since = min(r.since for r in related.statements)
                        found[actor] = (name, related.weight, since)
        return found

    def serves(self, name: str, known_at: date | None = None) -> tuple[str, float]:
        """(state, weight) of an actor or of what contains it; ('', 0) if none is named."""
        year = known_at.year if known_at else 9999
        for one in (name, *self.ancestors(name)):
            state, weight, since = self.sponsors.get(one, ("", 0.0, 0))
            if state and since <= year:
                return state, weight
        return "", 0.0

    def resolve(
        self, name: str, known_at: date | None = None, publisher: str = ""
    ) -> tuple[tuple[str, float], ...]:
        """(actor, share) for a name in a publisher's words, as far as it means a known actor.

        Shares sum to at most 1; what is missing means somebody whom this world does not know. A
        campaign stands for the actors that it is said to be part of, each as surely as that is
        said. Names count from the year in which they came into use, relations from the year in
        which they were stated.
        """
        own = self.own.get(name_key(name))
        if own:
            return ((own, 1.0),)
        year = known_at.year if known_at else 9999
        shares: dict[str, float] = {}
        for meaning in self.graph.resolve(name, publisher, year):
            for actor, share in self._stands_for(meaning.concept, year):
                shares[actor] = shares.get(actor, 0.0) + meaning.probability * share
        return tuple(sorted(shares.items()))

    def _stands_for(self, concept: str, year: int) -> Iterable[tuple[str, float]]:
        """Actors of this world that a concept means: itself, or what it is said to be part of."""
        if concept in self.actor_of:
            yield self.actor_of[concept], 1.0
            return
        parents = {
            self.actor_of[r.to]: r.weight
            for r in reversed(self.graph.related(concept, year))
            if r.type in INSIDE and r.to in self.actor_of
        }
        total = max(1.0, math.fsum(parents.values()))
        for actor, weight in parents.items():
            yield actor, weight / total

    def identify(self, name: str) -> str | None:
        """The actor that a label means more likely than all else together.

        `None` if this world knows nobody by it, or cannot tell.
        """
        best = max(self.resolve(name), key=lambda row: row[1], default=None)
        return best[0] if best and best[1] > _MORE_LIKELY_THAN_NOT else None

    def priors(self, known_at: date | None, parameters: Parameters) -> dict[str, float]:
        """Prior of each actor by activity known at a day; with the rest they sum to 1.

        Values are shares of the mass that all known actors have together. Everybody has a floor,
        by how many independent sources describe it; counted reports of completed years add to it
        and halve every ``activity_half_life_years``. Above one report the exponent flattens, so
        that the famous are not favoured; below, it does not lift those hardly heard of. What is
        counted in later years changes nothing.
        A contained actor takes its share out of its parent's.
        """
        numbers = parameters.attribution
        years = [y for counts in self.activity.values() for y in counts]
        now = known_at.year if known_at else max(years, default=0) + 1
        asked = self._asked.get(now)
        if asked is None or asked[0] is not numbers:
            asked = self._asked[now] = numbers, self._priors(now, parameters)
        return dict(asked[1])

    @cached_property
    def _asked(self) -> dict[int, tuple[Mapping[str, float], dict[str, float]]]:
        """Year -> the numbers it was asked with, and the priors: counterfactuals ask again."""
        return {}

    def _priors(self, now: int, parameters: Parameters) -> dict[str, float]:
        numbers = parameters.attribution
        mass: dict[str, float] = {}
        for actor in self.actors.values():
            if not actor.parent or actor.parent not in self.actors:
                recent = self._whole(actor.name, now, numbers)
                mass[actor.name] = min(recent, recent ** numbers["activity_exponent"])
        world = [value for name, value in mass.items() if name not in self.extra]
        total = sum(world)
        total += max(0, self.least_actors - len(world)) * (total / len(world) if world else 1.0)
        shares = (
            {name: value / total for name, value in mass.items()}
            if total
            else dict.fromkeys(mass, 0.0)
        )
        for name in sorted(shares):
            self._split(name, shares[name], now, parameters, shares)
        return shares

    def _recent(self, name: str, now: int, numbers: Mapping[str, float]) -> float:
        counts = self.activity.get(name, {})
        half_life = numbers["activity_half_life_years"]
        floors = ("activity_floor_1", "activity_floor_2", "activity_floor_3")
        described = min(len(floors), max(1, self.attested.get(name, 2)))
        return numbers[floors[described - 1]] + math.fsum(
            n * 2.0 ** (-(now - y) / half_life) for y, n in counts.items() if y < now
        )

    def _counted(self, name: str, now: int) -> bool:
        """Whether a report of a completed year names the actor or one of its parts."""
        return any(
            y < now for n in (name, *self.descendants(name)) for y in self.activity.get(n, ())
        )

    def _whole(self, name: str, now: int, numbers: Mapping[str, float]) -> float:
        """Recent reports of an actor and of its counted parts: an umbrella is what it holds."""
        return self._recent(name, now, numbers) + math.fsum(
            self._whole(c, now, numbers)
            for c in self.children.get(name, ())
            if self._counted(c, now)
        )

    def _split(
        self, name: str, share: float, now: int, parameters: Parameters, shares: dict[str, float]
    ) -> None:
        """Divide an actor's share among itself and its parts."""
        numbers = parameters.attribution
        children = self.children.get(name, ())
        if not children:
            shares[name] = share
            return
        own = self._recent(name, now, numbers)
        counted = {c: self._whole(c, now, numbers) for c in children if self._counted(c, now)}
        total = own + sum(counted.values()) or 1.0
        # Reports of uncounted parts are filed under the group, so they share in its own alone.
        others = [c for c in children if c not in counted]
        each = numbers["subgroup_share"]
        limit = 1.0 - numbers["group_keeps"]
        if each * len(others) > limit:  # the group itself always keeps something
            each = limit / len(others)
        fractions = {c: value / total for c, value in counted.items()}
        fractions.update(dict.fromkeys(others, each * own / total))
        for child, fraction in fractions.items():
            self._split(child, share * fraction, now, parameters, shares)
        shares[name] = share * (1.0 - sum(fractions.values()))


def _duplicates(known: Graph) -> dict[str, str]:
    """Second entries of one actor -> the entry that stands for it; one hop, never a chain."""
    return {
        r.subject: r.object
        for r in known.relations
        if r.type == "same-as" and r.source == _DUPLICATE_SOURCE and r.weight >= _DUPLICATE_WEIGHT
    }


def _parent(known: Graph, concept: str, members: Mapping[str, str]) -> str:
    """The concept that this one is most surely inside of, among other members of the world."""
    for related in known.related(concept):
        if related.type in INSIDE and members.get(related.to, concept) != concept:
            return members[related.to]
    return ""


def world_of_graph(known: Graph, activity: Mapping[str, Mapping[int, float]]) -> World:
    """The world of all actors that a graph knows.

    ``activity`` is by any name of an actor.
    """
    duplicates = _duplicates(known)
    members = {
        c.id: duplicates.get(c.id, c.id)
        for c in known.concept.values()
        if c.level in ACTOR_LEVELS and duplicates.get(c.id, c.id) in known.concept
    }
    names: dict[str, str] = {}
    taken: set[str] = set()
    for concept in sorted(set(members.values())):
        name = known.concept[concept].name
        names[concept] = name if name_key(name) not in taken else f"{name} ({concept})"
        taken.add(name_key(name))
    parents = {c: _parent(known, c, members) for c in names}
    for concept in sorted(parents):  # a ring is cut where it closes
        seen, above = {concept}, parents[concept]
        while above:
            if above in seen:
                parents[concept] = ""
                break
            seen.add(above)
            above = parents.get(above, "")
    world = World(
        version=knowledge_version(),
        actors={
            names[c]: Actor(
                names[c], ACTOR_LEVELS[known.concept[c].level], names.get(parents[c], "")
            )
            for c in sorted(names, key=lambda c: names[c].casefold())
        },
        activity={},
        graph=known,
        actor_of={c: names[m] for c, m in members.items()},
    )
    counted: dict[str, dict[int, float]] = {}
    for label, years in activity.items():
        actor = world.identify(label)
        if actor:
            held = counted.setdefault(actor, {})
            for year, count in years.items():
                held[year] = held.get(year, 0.0) + count
    families: dict[str, set[str]] = {}
    for stated in known.concepts:
        actor = world.actor_of.get(stated.id)
        if actor and stated.source in known.source:
            families.setdefault(actor, set()).add(known.source[stated.source].family)
    return replace(
        world, activity=counted, attested={name: len(held) for name, held in families.items()}
    )


def knowledge_version() -> str:
    """What the graph of names was made of."""
    used = sources()
    fetched = sorted({u.retrieved for u in used.updated.values()})
    update = f", update of {fetched[-1]}" if fetched else ""
    return f"pymispgalaxies {used.packages['pymispgalaxies']}, overlay 2026-11-25{update}"


def _bundled_activity() -> dict[str, dict[int, float]]:
    activity: dict[str, dict[int, float]] = {}
    text = bundled("knowledge/data/actor_activity.tsv").decode()
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    for name, year, count in lines[1:]:
        activity.setdefault(name, {})[int(year)] = float(count)
    return activity


@once
def bundled_world() -> World:
    """The known actors of the catalogues and our overlay."""
    return world_of_graph(graph(), _bundled_activity())


def world_of_reference(reports: Iterable[Report], parameters: Parameters) -> World:
    """The world of a reference file: its actors spelled as there, its reports as activity.

    Bundled knowledge gives only what names mean among these actors.
    """
    actors: dict[str, Actor] = {}
    activity: dict[str, dict[int, float]] = {}
    for report in reports:
        name = report.known_actor
        if not name or name.startswith(FAMILY_PREFIX):
            continue  # a family of malware is nobody
        actors.setdefault(name, Actor(name, "group", ""))
        counts = activity.setdefault(name, {})
        if report.known_at:
            counts[report.known_at.year] = counts.get(report.known_at.year, 0.0) + 1.0
    known = graph()
    duplicates = _duplicates(known)
    actor_of: dict[str, str] = {}
    for name in sorted(actors):
        meanings = known.resolve(name)
        if meanings and meanings[0].probability > _MORE_LIKELY_THAN_NOT:
            concept = meanings[0].concept
            actor_of.setdefault(duplicates.get(concept, concept), name)
    actor_of.update(
        {second: actor_of[first] for second, first in duplicates.items() if first in actor_of}
    )
    return World(
        "reference file",
        dict(sorted(actors.items())),
        {k: v for k, v in activity.items() if v},
        known,
        actor_of,
        {name_key(name): name for name in sorted(actors, reverse=True)},
        int(parameters.attribution["min_world_actors"]),
    )


def combined_world(base: World, reports: Iterable[Report]) -> World:
    """The bundled world plus actors that only loaded reference reports name.

    A label that most likely means no single known actor stays an actor of its own: alias is not
    identity. Such an actor has the floor as activity, and its prior comes out of 'none of the
    known', so that no other actor's prior moves.
    """
    new = {
        r.known_actor: Actor(r.known_actor, "group", "")
        for r in reports
        if r.known_actor
        and not r.known_actor.startswith(FAMILY_PREFIX)
        and r.known_actor not in base.actors
        and base.identify(r.known_actor) is None
    }
    if not new:
        return base
    return World(
        base.version,
        {**base.actors, **new},
        base.activity,
        base.graph,
        base.actor_of,
        {**base.own, **{name_key(n): n for n in sorted(new, reverse=True)}},
        base.least_actors,
        base.attested,
        frozenset(new),
    )
