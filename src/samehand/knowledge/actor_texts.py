"""What the bundled catalogues write about each actor, as an index to compare a text with.

An actor's document is what catalogues say of it (descriptions, victims, campaigns, addresses of
cited publications) and what they say of the software it uses. Software counts by who is recorded
to use it; an edge read from prose or from the address of a publication weighs less than one that a
catalogue states. All of it is what is known today: for an old report it is knowledge in retrospect.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from samehand.knowledge import cache
from samehand.knowledge.actor_reading import (
    LONGEST,
    Finder,
    aligned,
    everyday_names,
    people,
    plain,
    slug,
    strings,
)
from samehand.knowledge.actor_terms import TermIndex, bare_words, chars, index_of, words
from samehand.knowledge.catalogues import CATALOGUES, read_values
from samehand.knowledge.namebook import OVERLAYS
from samehand.knowledge.software import Family, gather, shares
from samehand.knowledge.software_read import GALAXIES, read
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Our own rows: which actor uses which software, with publication and year.
OVERLAY = "software_users.toml"
#: Weight of an edge by where it comes from: stated by a catalogue, linked in its prose, named in
#: its prose, named in the address of a publication about the software.
STATED, LINKED, NAMED, CITED = 1.0, 0.6, 0.6, 0.4
#: A name of our rows stands for families that it means with this share or more.
_LIKELY = 0.3
#: Software used by more actors adds no description to theirs.
_MOST_USERS = 6
_GROUP_LINK = re.compile(
    r"tidalcyber\.com/groups/([0-9a-f-]{36})|attack\.mitre\.org/groups/(G\d{4})"
)
_SOFTWARE_LINK = re.compile(
    r"tidalcyber\.com/software/([0-9a-f-]{36})|attack\.mitre\.org/software/(S\d{4})"
)
_VICTIMS = (
    *("cfr-suspected-victims", "suspected-victims", "observed_countries"),
    *("cfr-target-category", "target-category", "target_categories", "targeted-sector", "sector"),
    *("cfr-type-of-incident", "observed_motivations", "motive", "victimology", "mode-of-operation"),
)


class Texts(msgspec.Struct, frozen=True, array_like=True):
    """Everything but the terms."""

    concepts: tuple[str, ...]
    """Concepts of the graph of names that have a document, sorted."""
    users: dict[str, dict[int, float]]
    """Family id -> position of a concept -> weight of the edge."""
    states: tuple[tuple[str, ...], ...]
    """ISO codes of the states or countries an actor is said to come from."""
    places: tuple[dict[str, float], ...]
    """ISO code of a country -> weight of it in the document; each document has unit length."""
    rarity: dict[str, float]
    """ISO code of a country -> how few documents tell of it."""
    cited: tuple[int, ...]
    """Publications that catalogues cite."""
    lengths: tuple[int, ...]
    """Characters of each document."""
    described: tuple[str, ...]
    """Families of the index of software descriptions, each with a user."""
    groups: dict[str, int]
    """ATT&CK group id -> position of a concept."""
    own: dict[str, str]
    """Name as written -> family id, for software that only our own rows know."""


@dataclass(slots=True)
class _Draft:
    about: list[str]
    arsenal: list[str]
    states: set[str]
    victims: set[str]
    refs: set[str]


class _Builder:
    """Collects documents and edges; the order of the sources does not matter."""

    def __init__(self, sources: Sources, everyday: frozenset[str]) -> None:
        reading = aligned(sources)
        entries, namings = reading.entries, reading.namings
        self.second, self.codes, self.said = reading.second, reading.codes, reading.said
        self.sources = sources
        self.drafts: dict[str, _Draft] = {}
        self.by_uuid = {e.uuid: self.one(e.concept) for _, e in entries}
        self.by_attack = {i: self.one(e.concept) for _, e in entries for i in e.identifiers}
        self.by_name = {(c, name_key(e.name)): self.one(e.concept) for c, e in entries}
        named: dict[str, set[str]] = defaultdict(set)
        self.primary: dict[str, set[str]] = defaultdict(set)
        for catalogue, entry in entries:
            if catalogue.endswith("campaigns"):
                continue
            self.primary[name_key(entry.name)].add(self.one(entry.concept))
            for name in (entry.name, *entry.names):
                named[name].add(self.one(entry.concept))
        for naming in namings:
            if not naming.concept.startswith(("state/", "campaign/")):
                named[naming.name].add(self.one(naming.concept))
                if naming.primary:
                    self.primary[name_key(naming.name)].add(self.one(naming.concept))
        self.names = dict(named)
        # A name of several actors says little: only those that mean few are read from prose.
        self.actors = Finder({n: m for n, m in named.items() if len(m) <= 2}, everyday)
        self.edges: dict[str, dict[str, float]] = defaultdict(dict)
        self.everyday = everyday
        self.own: dict[str, str] = {}
        self.people = people(sources)
        longest = sorted(self.people, key=len, reverse=True)
        self.country = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b")
        self.from_country = re.compile(
            rf"\b({'|'.join(map(re.escape, longest))})[\s-](?:(?:state|government)[\s-])?"
            r"(?:based|linked|backed|sponsored|nexus|aligned|affiliated|speaking|origin|threat|hack|APT|advanced|"
            r"cyber|espionage|adversar|actor|group|state[\s-]s|intelligence|military intelligence)"
        )

    def one(self, concept: str) -> str:
        """The concept that stands for an entry's concept."""
        return self.second.get(concept, concept)

    def draft(self, concept: str) -> _Draft:
        """The document of a concept."""
        return self.drafts.setdefault(concept, _Draft([], [], set(), set(), set()))

    def edge(self, family: str, concept: str, weight: float) -> None:
        """The strongest word that an actor uses a family."""
        held = self.edges[family]
        held[concept] = max(weight, held.get(concept, 0.0))

    def read_actors(self) -> None:
        """What actor catalogues say."""
        for catalogue in CATALOGUES:
            for value in read_values(self.sources, catalogue.galaxy)[0]:
                text = str(value.get("description") or "")[:LONGEST]
                concept = self.by_uuid.get(str(value.get("uuid", "")), "")
                meta: dict[str, Any] = value.get("meta") or {}  # type: ignore[assignment]
                if catalogue.level == "campaign":
                    for held in self.linked(text):
                        self.draft(held).about.append(plain(text))
                    continue
                if not concept:
                    continue
                draft = self.draft(concept)
                draft.about.append(plain(text))
                for field in _VICTIMS:
                    for said in strings(meta.get(field)):
                        draft.about.append(said)
                        code = self.codes.get(name_key(said))
                        if code and "sector" not in field:
                            draft.victims.add(code)
                for said in strings(meta.get("country")):
                    code = said.upper() if len(said) == 2 else self.codes.get(name_key(said), "")
                    draft.states |= {code} - {""}
                for said in strings(meta.get("cfr-suspected-state-sponsor")):
                    draft.states |= {self.codes.get(name_key(said), "")} - {""}
                draft.states |= self.origins(text)
                draft.refs.update(strings(meta.get("refs")))
        for concept, text in self.said:
            if not concept.startswith(("state/", "campaign/")):
                self.draft(self.one(concept)).about.append(text)

    def origins(self, text: str) -> set[str]:
        """Codes of the countries that a description says the actor is from."""
        return {self.people[m[1]] for m in self.from_country.finditer(text[:LONGEST])}

    def countries(self, text: str) -> Counter[str]:
        """How often countries are mentioned."""
        return Counter(self.people[m[0]] for m in self.country.finditer(text))

    def linked(self, text: str) -> set[str]:
        """Actors that a catalogue's prose links to."""
        found = {
            self.by_uuid.get(uuid, "") if uuid else self.by_attack.get(number, "")
            for uuid, number in _GROUP_LINK.findall(text)
        }
        return found - {""}

    def read_software(self) -> dict[str, list[str]]:
        """Edges from all sides; family id -> what is written about it."""
        entries, uses = read(self.sources)
        families = gather(entries, uses)
        meant = shares(families, entries)
        place = {key: max(held, key=lambda f: (held[f], f)) for key, held in meant.items()}
        by_attack = {f.attack_id: f.id for f in families if f.attack_id}
        by_uuid = {
            e.uuid: place[name_key(e.name)] for e in entries if e.uuid and name_key(e.name) in place
        }
        for family in families:
            for actor, catalogue in family.users:
                concept = self.by_name.get((catalogue, name_key(actor)))
                if concept:
                    self.edge(family.id, concept, STATED)
        about: dict[str, list[str]] = defaultdict(list)
        for galaxy in GALAXIES:
            for value in read_values(self.sources, galaxy)[0]:
                held = by_uuid.get(str(value.get("uuid", "")))
                text = str(value.get("description") or "")
                if held is None:
                    continue
                meta: dict[str, Any] = value.get("meta") or {}  # type: ignore[assignment]
                for concept in self.linked(text):
                    self.edge(held, concept, LINKED)
                clean = plain(text)
                for concept in self.actors.find(clean):
                    self.edge(held, concept, NAMED)
                named = Counter(
                    c for ref in strings(meta.get("refs")) for c in self.actors.find(slug(ref))
                )
                for concept in named:
                    self.edge(held, concept, CITED)
                about[held].append(clean)
        self._prose(families, by_uuid, by_attack)
        self._overlay(meant)
        return about

    def _prose(
        self, families: Sequence[Family], by_uuid: Mapping[str, str], by_attack: Mapping[str, str]
    ) -> None:
        """Software that an actor's own description names or links to."""
        names: dict[str, set[str]] = defaultdict(set)
        for family in families:
            if family.kind not in ("admin", "system"):
                for name, _ in family.names:
                    names[name].add(family.id)
        finder = Finder({n: f for n, f in names.items() if len(f) == 1}, self.everyday)
        for catalogue in CATALOGUES:
            if catalogue.level == "campaign":
                continue
            for value in read_values(self.sources, catalogue.galaxy)[0]:
                concept = self.by_uuid.get(str(value.get("uuid", "")))
                text = str(value.get("description") or "")[:LONGEST]
                if concept is None:
                    continue
                for uuid, number in _SOFTWARE_LINK.findall(text):
                    linked = by_uuid.get(uuid) if uuid else by_attack.get(number)
                    if linked:
                        self.edge(linked, concept, LINKED)
                for named in finder.find(plain(text)):
                    self.edge(named, concept, NAMED)

    def _overlay(self, families: Mapping[str, Mapping[str, float]]) -> None:
        """Our own rows."""
        raw = tomllib.loads(self.sources.own(OVERLAY).read_text(encoding="utf-8"))
        by_key: dict[str, set[str]] = defaultdict(set)
        for name, meant in self.names.items():
            by_key[name_key(name)] |= meant
        for row in raw["use"]:
            key = name_key(row["actor"])
            meant = {row["actor"]} & self.drafts.keys() or self.primary.get(key) or by_key[key]
            for software in row["software"]:
                # Of a family that a catalogue splits by platform, all parts.
                held = families.get(name_key(software), {})
                likely = [f for f, share in held.items() if share >= _LIKELY]
                if not held:
                    likely = [f"own/{name_key(software)}"]
                    self.own[software] = likely[0]
                for family in likely:
                    for concept in meant:
                        self.edge(family, concept, float(row.get("weight", STATED)))
            for concept in meant:
                text = f"{row.get('words', '')} . {row['source']} . {' , '.join(row['software'])}"
                self.draft(concept).about.append(text)


def _places(
    told: Sequence[Counter[str]], victims: Sequence[Collection[str]]
) -> tuple[tuple[dict[str, float], ...], dict[str, float]]:
    """Countries of each document as a vector of unit length, and how rare each country is."""
    counts = [
        {c: t[c] + (c in v) for c in sorted(t.keys() | v)}
        for t, v in zip(told, victims, strict=True)
    ]
    spread = Counter(c for row in counts for c in row)
    rarity = {c: math.log((1 + len(counts)) / (1 + n)) for c, n in sorted(spread.items())}
    rows = []
    for row in counts:
        weights = {c: math.log1p(n) * rarity[c] for c, n in row.items()}
        norm = math.sqrt(math.fsum(w * w for w in weights.values())) or 1.0
        rows.append({c: w / norm for c, w in weights.items()})
    return tuple(rows), rarity


def _build(sources: Sources) -> Mapping[str, bytes]:
    builder = _Builder(sources, everyday_names(sources))
    builder.read_actors()
    about = builder.read_software()
    concepts = sorted(builder.drafts)
    place = {c: i for i, c in enumerate(concepts)}
    users = {
        family: {place[c]: w for c, w in sorted(held.items()) if c in place}
        for family, held in sorted(builder.edges.items())
    }
    for family, held in users.items():
        if 0 < len(held) <= _MOST_USERS:
            for position in held:
                builder.drafts[concepts[position]].arsenal.extend(about.get(family, ()))
    drafts = [builder.drafts[c] for c in concepts]
    own = [" . ".join((*sorted(set(d.about)), *(slug(r) for r in sorted(d.refs)))) for d in drafts]
    arsenal = [" . ".join(sorted(set(d.arsenal))) for d in drafts]
    described = tuple(f for f, held in users.items() if held and about.get(f))
    texts = Texts(
        tuple(concepts),
        {f: h for f, h in users.items() if h},
        tuple(tuple(sorted(d.states)) for d in drafts),
        *_places([builder.countries(t) for t in own], [d.victims for d in drafts]),
        tuple(len(d.refs) for d in drafts),
        tuple(len(t) for t in own),
        described,
        {g: place[c] for g, c in sorted(builder.by_attack.items()) if c in place},
        dict(sorted(builder.own.items())),
    )
    indexes = {
        "own_words": index_of([words(t) for t in own]),
        "all_words": index_of(
            [Counter(bare_words(f"{o} {a}")) for o, a in zip(own, arsenal, strict=True)]
        ),
        "family_words": index_of([words(" . ".join(about[f])) for f in described]),
        "chars": index_of([chars(f"{o} {a}") for o, a in zip(own, arsenal, strict=True)]),
    }
    files = {f"{name}.npz": index.to_bytes() for name, index in indexes.items()}
    return {"texts.msgpack": msgspec.msgpack.encode(texts), **files}


PART = cache.Part(
    "actor-texts",
    _build,
    (*OVERLAYS, OVERLAY, "everyday_names.tsv", "countries.toml", "public_tools.toml"),
    ("pymispgalaxies",),
)


@cache.once
def texts() -> Texts:
    """Edges, countries and sizes of all documents.

    Raises:
        ConfigError: if the data package is missing or a source cannot be read.
    """
    return msgspec.msgpack.decode(
        (cache.folder_of(PART) / "texts.msgpack").read_bytes(), type=Texts
    )


@cache.once
def indexes() -> Mapping[str, TermIndex]:
    """The term index of each field: own_words, all_words, chars."""
    folder = cache.folder_of(PART)
    return {
        name: TermIndex.from_bytes((folder / f"{name}.npz").read_bytes())
        for name in ("own_words", "all_words", "family_words", "chars")
    }
