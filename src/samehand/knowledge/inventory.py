"""What is bundled and fetched, with versions, dates, licences, and what is past its date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from samehand.knowledge import actor_texts, attack, common, prevalence, software, taxonomies
from samehand.knowledge.actors import bundled_world
from samehand.knowledge.cache import sources
from samehand.knowledge.namebook import graph
from samehand.knowledge.versions import versions


@dataclass(frozen=True, slots=True)
class Holding:
    """One part of the knowledge."""

    part: str
    version: str
    content: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One catalogue or publication that names come from."""

    id: str
    publisher: str
    title: str
    date: str
    licence: str
    url: str
    concepts: int
    names: int
    relations: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that is known, by part and by source."""

    holdings: tuple[Holding, ...]
    sources: tuple[SourceRow, ...]
    lists: tuple[common.ListStatus, ...]
    fetched: tuple[str, ...]

    @property
    def expired(self) -> tuple[str, ...]:
        """Lists that are past their date."""
        return tuple(row.list for row in self.lists if row.expired)


def load_all(progress: Callable[[str, int, int], None] = lambda *_: None) -> None:
    """Load every part, building what is missing."""
    loaders: tuple[tuple[str, Callable[[], object]], ...] = (
        ("names", bundled_world),
        ("attack", attack.techniques),
        ("software", software.families),
        ("commonplace values", lambda: common.provider_of("example.org")),
        ("commonplace lists", common.index),
        ("prevalence", prevalence.sketch),
        ("taxonomies", taxonomies.tlp),
        ("documents of actors", actor_texts.texts),
    )
    for number, (name, load) in enumerate(loaders):
        progress(f"preparing {name}", number, len(loaders))
        load()
    progress("prepared", len(loaders), len(loaders))


def inventory(today: date) -> Inventory:
    """Everything that is known, as of a day that decides which lists are past their date."""
    known = graph()
    used = versions()
    techniques = attack.techniques()
    active = sum(t.status == "active" for t in techniques.values())
    families = software.families()
    lists = tuple(common.status(today))
    levels = {
        level: sum(c.level == level for c in known.concept.values())
        for level in ("umbrella", "group", "subgroup", "campaign", "state")
    }
    holdings = (
        Holding(
            "actors",
            used["actors"],
            ", ".join(f"{n} {level}s" for level, n in levels.items())
            + f"; {len(known.by_key)} names, {len(known.relations)} statements on relations",
        ),
        Holding(
            "attack",
            used["attack"],
            f"{active} active techniques of {len(techniques)}, {len(attack.groups())} groups, "
            f"{len(attack.software())} software",
        ),
        Holding(
            "software",
            used["software"],
            f"{len(families)} families and tools, "
            f"{sum(f.public for f in families.values())} of them public",
        ),
        Holding(
            "commonplace",
            used["commonplace"],
            f"{len(lists)} lists, {sum(r.entries for r in lists)} entries; "
            f"{sum(r.expired for r in lists)} lists past their date",
        ),
        Holding(
            "prevalence",
            used["prevalence"],
            f"counts over {prevalence.sketch().population():g} reports",
        ),
        Holding("taxonomies", used["taxonomies"], "TLP 2.0, Admiralty scale, ICD 203 words"),
    )
    rows = tuple(
        SourceRow(
            s.id,
            s.publisher,
            s.title,
            s.date,
            s.licence,
            s.url,
            sum(c.source == s.id for c in known.concepts),
            sum(n.source == s.id for n in known.namings),
            sum(r.source == s.id for r in known.relations),
        )
        for s in known.sources
    )
    fetched = tuple(
        f"{u.name}: version {u.version}, retrieved {u.retrieved}"
        for u in sources().updated.values()
    )
    return Inventory(holdings, rows, lists, fetched)
