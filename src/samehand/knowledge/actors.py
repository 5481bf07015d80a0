"""Known actors: names, hierarchy, and how active each was by a given day.

Alias is not identity: a name that several actors carry resolves to all of them, with shares. The
world is either the bundled list or a reference file (``world_of_reference``).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Literal

from samehand.config import Parameters, bundled
from samehand.knowledge.techniques import rows
from samehand.model import Report
from samehand.normalise import name_key

Level = Literal["group", "subgroup"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One known actor."""

    name: str
    level: Level
    parent: str
    """The actor it is part of, or ''."""


@dataclass(frozen=True)
class World:
    """Known actors with aliases and activity per year."""

    version: str
    actors: Mapping[str, Actor]
    aliases: Mapping[str, tuple[tuple[str, int], ...]]
    """folded name -> (actor, first year of the name; 0 if unknown); several if ambiguous."""
    activity: Mapping[str, Mapping[int, float]]
    least_actors: int = 0
    """A smaller world leaves the rest of the prior to 'none of the known'."""
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

    def resolve(self, name: str, known_at: date | None = None) -> tuple[tuple[str, float], ...]:
        """(actor, share) for a name as written; shares sum to 1, empty if nobody carries it.

        A name counts only from the year in which its publisher first used it.
        """
        year = known_at.year if known_at else 9999
        found = sorted(
            {actor for actor, since in self.aliases.get(name_key(name), ()) if since <= year}
        )
        return tuple((actor, 1.0 / len(found)) for actor in found)

    def priors(self, known_at: date | None, parameters: Parameters) -> dict[str, float]:
        """Prior of each actor by activity known at a day; with the rest they sum to 1.

        Values are shares of the mass that all known actors have together. Everybody has the floor;
        counted reports of completed years add to it and halve every ``activity_half_life_years``;
        the exponent flattens. What is counted in later years changes nothing.
        A contained actor takes its share out of its parent's.
        """
        numbers = parameters.attribution
        years = [y for counts in self.activity.values() for y in counts]
        now = known_at.year if known_at else max(years, default=0) + 1
        mass: dict[str, float] = {}
        for actor in self.actors.values():
            if not actor.parent or actor.parent not in self.actors:
                mass[actor.name] = (
                    self._recent(actor.name, now, numbers) ** numbers["activity_exponent"]
                )
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
        return numbers["activity_floor"] + math.fsum(
            n * 2.0 ** (-(now - y) / half_life) for y, n in counts.items() if y < now
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
        counted = {
            c: self._recent(c, now, numbers)
            for c in children
            if any(y < now for y in self.activity.get(c, ()))
        }
        total = own + sum(counted.values()) or 1.0
        fractions = {
            c: counted[c] / total if c in counted else numbers["subgroup_share"] for c in children
        }
        most = sum(fractions.values())
        limit = 1.0 - numbers["group_keeps"]
        if most > limit:  # the group itself always keeps something
            fractions = {c: f * limit / most for c, f in fractions.items()}
        for child, fraction in fractions.items():
            self._split(child, share * fraction, now, parameters, shares)
        shares[name] = share * (1.0 - sum(fractions.values()))


def _aliases(entries: Iterable[tuple[str, str, int]]) -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, set[tuple[str, int]]] = {}
    for alias, actor, since in entries:
        found.setdefault(name_key(alias), set()).add((actor, since))
    return {key: tuple(sorted(values)) for key, values in found.items()}


@cache
def bundled_world() -> World:
    """The known actors that ship with the program."""
    raw = tomllib.loads(bundled("knowledge/data/actors.toml").decode())
    actors = {
        row["name"]: Actor(row["name"], row["level"], row.get("parent", "")) for row in raw["actor"]
    }
    entries: list[tuple[str, str, int]] = []
    for row in raw["actor"]:
        since = row.get("aliases_since", {})
        # An actor's own name is how this program writes it; it always resolves.
        entries.append((row["name"], row["name"], 0))
        entries.extend((a, row["name"], since.get(a, 0)) for a in row["aliases"])
    for row in raw.get("ambiguous", ()):
        entries.extend((row["name"], c, 0) for c in row["candidates"])
    activity: dict[str, dict[int, float]] = {}
    for name, year, count in rows("actor_activity.tsv")[1:]:
        activity.setdefault(name, {})[int(year)] = float(count)
    return World("bundled 2026-11-23", actors, _aliases(entries), activity)


def world_of_reference(reports: Iterable[Report], parameters: Parameters) -> World:
    """The world of a reference file: its actors spelled as there, its reports as activity.

    Bundled knowledge gives only aliases of these actors.
    """
    bundled_names = bundled_world()
    actors: dict[str, Actor] = {}
    activity: dict[str, dict[int, float]] = {}
    for report in reports:
        name = report.known_actor
        if not name:
            continue
        actors.setdefault(name, Actor(name, "group", ""))
        counts = activity.setdefault(name, {})
        if report.known_at:
            counts[report.known_at.year] = counts.get(report.known_at.year, 0.0) + 1.0
    entries = [(name, name, 0) for name in actors]
    owner = {bundled: name for name in sorted(actors) for bundled, _ in bundled_names.resolve(name)}
    for alias, owners in bundled_names.aliases.items():
        entries.extend((alias, owner[a], since) for a, since in owners if a in owner)
    return World(
        "reference file",
        dict(sorted(actors.items())),
        _aliases(entries),
        {k: v for k, v in activity.items() if v},
        int(parameters.attribution["min_world_actors"]),
    )


def combined_world(base: World, reports: Iterable[Report]) -> World:
    """The bundled world plus actors that only loaded reference reports name.

    A label that several known actors carry stays an actor of its own: alias is not identity.

    Such an actor has the floor as activity, and its prior comes out of 'none of the known', so
    that no other actor's prior moves.
    """
    new = {
        r.known_actor: Actor(r.known_actor, "group", "")
        for r in reports
        if r.known_actor
        and r.known_actor not in base.actors
        and len(base.resolve(r.known_actor)) != 1
    }
    if not new:
        return base
    aliases = {**base.aliases, **_aliases((n, n, 0) for n in new)}
    return World(
        base.version,
        {**base.actors, **new},
        aliases,
        base.activity,
        base.least_actors,
        frozenset(new),
    )
