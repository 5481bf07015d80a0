"""What is known about one name, technique or value, with who says so: `samehand knowledge show`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from samehand.config import types_table
from samehand.knowledge import attack, common, prevalence, providers, software
from samehand.knowledge.namebook import graph
from samehand.knowledge.names import Graph, Naming, Relation
from samehand.model import Feature
from samehand.normalise import canonical

#: A value is shown as every kind it can be; these are tried in this order.
_KINDS = (
    "ipv4-addr", "ipv6-addr", "ipv4-addr:port", "file:md5", "file:sha1", "file:sha256",
    "file:sha512", "email-addr", "url", "domain-name",
)  # fmt: skip
_TECHNIQUE = re.compile(r"(?i)T\d{4}(\.\d{3})?")


@dataclass(frozen=True, slots=True)
class Said:
    """A source, as shown beside what it says."""

    id: str
    publisher: str
    title: str
    date: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class KnownName:
    """One name of a concept."""

    name: str
    coined_by: str
    since: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownRelation:
    """How a concept stands to another."""

    type: str
    to: str
    to_name: str
    weight: float
    sources: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class KnownConcept:
    """One thing that a name may mean."""

    id: str
    name: str
    level: str
    probability: float
    relations: tuple[KnownRelation, ...]
    sources: tuple[Said, ...]
    """Who says that the name means it."""
    names: tuple[KnownName, ...]
    parts: tuple[str, ...]
    """Ids of concepts that some source puts inside it."""
    references: tuple[str, ...]
    """Addresses of publications that its sources cite."""


@dataclass(frozen=True, slots=True)
class KnownSoftware:
    """One malware family or tool that a name may mean."""

    id: str
    name: str
    probability: float
    kind: str
    platforms: tuple[str, ...]
    public: bool
    public_since: str
    first_seen: str
    aliases: tuple[str, ...]
    users: tuple[str, ...]
    """Actors recorded as users, each with the source that says so."""
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownTechnique:
    """One ATT&CK technique."""

    id: str
    name: str
    status: str
    stands_for: str
    """The technique that replaces it, or itself."""
    tactics: tuple[str, ...]
    parent: str
    names: tuple[str, ...]
    domain: str


@dataclass(frozen=True, slots=True)
class KnownValue:
    """How common a value is."""

    kind: str
    value: str
    unrelated_holders: float
    """Expected among 16,000 reports, from lists of commonplace values; 0 if on none."""
    reasons: tuple[str, ...]
    provider: str
    seen_holders: int
    """Unrelated holders counted in the prevalence sketch."""


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """A provider below which strangers get names or space."""

    provider: str
    class_name: str
    """'' for a private suffix of the Public Suffix List."""
    reason: str
    chosen: bool
    """Whether somebody chose it; if not, it is in everybody's traffic and says nothing."""
    actors: int
    """Actors known to use it; `families` likewise."""
    families: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that a text may mean."""

    name: str
    concepts: tuple[KnownConcept, ...]
    software: tuple[KnownSoftware, ...] = ()
    techniques: tuple[KnownTechnique, ...] = ()
    values: tuple[KnownValue, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.concepts or self.software or self.techniques or self.values)


def _source(known: Graph, identifier: str, says: str = "") -> Said:
    source = known.source[identifier]
    return Said(source.id, source.publisher, source.title, source.date, says)


def _speakers(known: Graph, statements: Iterable[Relation]) -> tuple[Said, ...]:
    """The sources of statements, each once with all its words."""
    words: dict[str, list[str]] = {}
    for row in statements:
        held = words.setdefault(row.source, [])
        if row.words and row.words not in held:
            held.append(row.words)
    return tuple(_source(known, i, "; ".join(w)) for i, w in words.items() if i in known.source)


def _names(known: Graph, concept: str) -> tuple[KnownName, ...]:
    gathered: dict[str, list[Naming]] = {}
    for naming in known.names_of.get(concept, ()):
        gathered.setdefault(naming.name, []).append(naming)
    return tuple(
        KnownName(
            name,
            next((n.coined_by for n in rows if n.coined_by), ""),
            max(n.since for n in rows),
            tuple(dict.fromkeys(n.source for n in rows)),
        )
        for name, rows in gathered.items()
    )


def concepts_of(
    name: str, publisher: str = "", as_of: date | None = None
) -> tuple[KnownConcept, ...]:
    """Concepts that a name may mean, most probable first; probabilities sum to 1."""
    known = graph()
    year = as_of.year if as_of else 9999
    found = []
    for meaning in known.resolve(name, publisher, year):
        stated = known.concept[meaning.concept]
        relations = [
            KnownRelation(
                related.type,
                related.to,
                known.concept[related.to].name,
                round(related.weight, 4),
                _speakers(known, related.statements),
            )
            for related in known.related(meaning.concept, year)
        ]
        found.append(
            KnownConcept(
                stated.id,
                stated.name,
                stated.level,
                meaning.probability,
                tuple(relations),
                tuple(_source(known, i) for i in meaning.sources),
                _names(known, meaning.concept),
                known.parts(meaning.concept),
                tuple(
                    dict.fromkeys(
                        address
                        for said in known.concepts
                        if said.id == meaning.concept
                        for address in said.references
                    )
                ),
            )
        )
    return tuple(found)


def software_of(name: str) -> tuple[KnownSoftware, ...]:
    """Malware families and tools that a name may mean."""
    families = software.families()
    found = []
    for identifier, share in software.resolve(name):
        family = families[identifier]
        found.append(
            KnownSoftware(
                family.id,
                family.name,
                share,
                family.kind,
                family.platforms,
                family.public,
                family.public_since,
                family.first_seen,
                family.aliases,
                tuple(f"{actor} ({source})" for actor, source in family.users),
                family.sources,
            )
        )
    return tuple(found)


def techniques_of(text: str) -> tuple[KnownTechnique, ...]:
    """Techniques that an identifier or a present or past name stands for."""
    table = attack.techniques()
    return tuple(
        KnownTechnique(
            row.id, row.name, row.status, attack.current(row.id), row.tactics, row.parent,
            row.names, row.domain,
        )
        for row in (table[i] for i in attack.find(text) if i in table)
    )  # fmt: skip


def values_of(text: str) -> tuple[KnownValue, ...]:
    """How common a text is, as every kind of observable that it can be."""
    found = []
    for kind in _KINDS:
        if kind not in types_table():
            continue
        try:
            feature: Feature = canonical(kind, text)
        except ValueError:
            continue
        if kind in ("url", "domain-name") and "." not in text:
            continue
        if kind == "url" and "/" not in text:
            continue
        hit = common.lookup(feature)
        provider = common.provider_of(feature.value) if kind == "domain-name" else None
        found.append(
            KnownValue(
                kind,
                feature.value,
                hit.kappa if hit else 0.0,
                tuple(f"{r.text} ({r.list}, {r.date})" for r in hit.reasons) if hit else (),
                provider[0] if provider else "",
                prevalence.sketch().count(feature),
            )
        )
        if kind.startswith(("ipv", "file:", "email")):
            break
    return tuple(found)


def provider_known(provider: str, before_year: int = prevalence.ALL_YEARS) -> KnownProvider:
    """What is known of a provider suffix, with its users known before a year."""
    known = providers.class_of(provider)
    return KnownProvider(
        provider,
        known.name if known else "",
        known.reason if known else "",
        providers.unchosen(provider) is None,
        *prevalence.sketch().provider_holders(provider, before_year),
    )


def answer(text: str, publisher: str = "", as_of: date | None = None) -> Answer:
    """Everything that is known about a text.

    A technique id, an observable, or a name of an actor, campaign, state, malware or tool.
    """
    if _TECHNIQUE.fullmatch(text.strip()):
        return Answer(text, (), techniques=techniques_of(text.strip()))
    values = values_of(text)
    if any(v.kind.startswith(("ipv", "file:", "email")) for v in values):
        return Answer(text, (), values=values)
    concepts = concepts_of(text, publisher, as_of)
    families = software_of(text)
    techniques = techniques_of(text)
    return Answer(text, concepts, families, techniques, () if concepts or families else values)
