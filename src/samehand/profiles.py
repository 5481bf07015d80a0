"""What is known of an actor, fact by fact: catalogues, ATT&CK, and the reference reports loaded.

Each fact has its source and date. As of a day only what was said by then counts; pages of
catalogues without a date hold what later reports taught and are left out then. Reports on one
campaign count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from samehand.assessment import make_scene
from samehand.case import prepare
from samehand.compare.actors import Memory
from samehand.config import Parameters
from samehand.knowledge import actor_texts, attack, software
from samehand.knowledge.actors import World
from samehand.knowledge.names import INSIDE
from samehand.model import Report

#: Kinds of features of reports that are habits of an actor; the rest is counted together.
_HABITS = ("technique", "software", "victim-country", "victim-sector", "lure-title")


@dataclass(frozen=True, slots=True)
class ProfileFact:
    """One thing known of an actor."""

    kind: str
    """name, state, part of, software, technique, country, victim-country, report, …"""
    value: str
    source: str
    """Who says so; a report's id for what a loaded report shows."""
    date: str
    """ISO date or year of the statement; '' if the source has none."""
    campaigns: int = 0
    """Independent campaigns of the loaded reports that show it; 0 for catalogues."""


@dataclass(frozen=True, slots=True)
class ActorProfile:
    """All facts of one actor, by kind."""

    actor: str
    as_of: str
    facts: tuple[ProfileFact, ...]
    campaigns: int
    """Independent campaigns of the loaded reports."""
    left_out: tuple[str, ...]
    """What carries no date and so does not count as of a day."""


def profile_of(
    actor: str,
    world: World,
    parameters: Parameters,
    reports: Sequence[Report] = (),
    as_of: date | None = None,
) -> ActorProfile:
    """The profile of an actor of the world; ``reports`` are the reference reports loaded."""
    facts = [*_named(actor, world, as_of)]
    undated = [*_software(actor, world), *_attack(actor, world), *_places(actor, world)]
    left_out: tuple[str, ...] = ()
    if as_of is None:
        facts += undated
    else:
        facts += [f for f in undated if f.date and f.date[:4] <= str(as_of.year)]
        left_out = tuple(sorted({f.source for f in undated if not f.date}))
    known = [r for r in reports if as_of is None or r.known_at is None or r.known_at <= as_of]
    shown, campaigns = _shown(actor, world, parameters, known)
    return ActorProfile(
        actor,
        as_of.isoformat() if as_of else "",
        tuple(dict.fromkeys((*facts, *shown))),
        campaigns,
        left_out,
    )


def _concepts(actor: str, world: World) -> list[str]:
    return [c for c, held in sorted(world.actor_of.items()) if held == actor]


def _named(actor: str, world: World, as_of: date | None) -> Iterable[ProfileFact]:
    """Names, states and wholes, with who says so and since when."""
    graph, year = world.graph, as_of.year if as_of else 9999
    for concept in _concepts(actor, world):
        for naming in graph.namings:
            if naming.concept == concept and naming.since <= year:
                source = graph.source[naming.source]
                since = str(naming.since) if naming.since else source.date
                yield ProfileFact("name", naming.name, source.publisher, since)
        for related in graph.related(concept, year):
            kind = (
                "state"
                if related.type == "sponsored-by"
                else "part of"
                if related.type in INSIDE
                else ""
            )
            for said in related.statements if kind else ():
                source = graph.source[said.source]
                since = str(said.since) if said.since else source.date
                yield ProfileFact(kind, graph.concept[related.to].name, source.publisher, since)


def _software(actor: str, world: World) -> Iterable[ProfileFact]:
    meant: dict[str, str | None] = {}
    for family in software.families().values():
        for name, source in family.users:
            if name not in meant:
                meant[name] = world.identify(name)
            if meant[name] == actor:
                yield ProfileFact("software", family.name, source, "")


def _attack(actor: str, world: World) -> Iterable[ProfileFact]:
    for group in attack.groups().values():
        if world.identify(group.name) == actor:
            for technique in group.techniques:
                known = attack.techniques().get(technique)
                value = f"{technique} {known.name}" if known else technique
                yield ProfileFact("technique", value, attack.version().partition(",")[0], "")


def _places(actor: str, world: World) -> Iterable[ProfileFact]:
    texts = actor_texts.texts()
    for concept in _concepts(actor, world):
        if concept in texts.concepts:
            held = texts.places[texts.concepts.index(concept)]
            for code in sorted(held, key=lambda c: (-held[c], c))[:12]:
                yield ProfileFact("country told of", code, "descriptions in catalogues", "")


def _shown(
    actor: str, world: World, parameters: Parameters, reports: Sequence[Report]
) -> tuple[list[ProfileFact], int]:
    """What the loaded reference reports on the actor show, and their independent campaigns."""
    scene = make_scene(prepare(reports, parameters), world)
    memory: Memory = scene.memory
    own = list(memory.by_actor.get(actor, ()))
    held: dict[tuple[str, str], list[str]] = {}
    others: dict[str, int] = {}
    for identifier in own:
        for feature in memory.profiles[identifier].features:
            if feature.kind in _HABITS:
                held.setdefault((feature.kind, feature.value), []).append(identifier)
            else:
                others[identifier] = others.get(identifier, 0) + 1
    found = []
    for (kind, value), holders in held.items():
        first = min(holders, key=lambda r: (str(memory.profiles[r].report.known_at or ""), r))
        day = memory.profiles[first].report.known_at
        found.append(
            ProfileFact(
                kind, value, first, day.isoformat() if day else "", memory.campaigns(holders)
            )
        )
    found.sort(key=lambda f: (f.kind, -f.campaigns, f.value))
    for identifier in own:
        report = memory.profiles[identifier].report
        day = report.known_at
        values = f"{others.get(identifier, 0)} values"
        found.append(ProfileFact("report", values, identifier, day.isoformat() if day else "", 1))
    return found, memory.campaigns(own)
