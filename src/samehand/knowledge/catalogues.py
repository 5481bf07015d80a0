"""Actor catalogues of the MISP galaxy, read into statements of who says what about names.

Each catalogue entry *describes* one concept. Two catalogues' entries describe the same concept
when they carry the same identifier or the same own name, or when one lists the other's own name
and no further entry has a better claim: a star around one entry per catalogue, never a chain
through shared synonyms. Where a catalogue keeps apart what another folds into one, the finer one
wins a concept of its own, and the folding stays visible as a disputed *same-as*.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from samehand.errors import ConfigError
from samehand.knowledge.names import (
    Concept,
    Level,
    Naming,
    Relation,
    RelationType,
    concept_id,
)
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Galaxy likelihood tags (MISP taxonomy estimative-language) as the middle of their band.
LIKELIHOOD = {
    "almost-certain": 0.97,
    "very-likely": 0.88,
    "likely": 0.68,
    "roughly-even-chance": 0.5,
}
#: A catalogue that lists another concept's own name as a synonym says they are one; catalogues
#: disagree with each other on 10 to 23 % of reports, so it is no more than likely.
FOLDED_WEIGHT = 0.6
#: Two concepts that one catalogue gives the same further name.
SHARED_NAME_WEIGHT = 0.3
_ESTIMATE = re.compile(r'likelihood-probability="([a-z-]+)"')
_IDENTIFIER = re.compile(r"\s+-\s+(G\d{4}|APT-C-\d+)$")
_SUBGROUP = re.compile(r"^\s*subgroup:\s*", re.IGNORECASE)
#: Relations of the galaxy between actors, in our words; others say nothing about identity.
_RELATIONS: dict[str, RelationType] = {
    "similar": "overlaps",
    "overlaps": "overlaps",
    "linked-to": "overlaps",
    "related-to": "overlaps",
    "associated-with": "overlaps",
    "part-of": "part-of",
}


@dataclass(slots=True)
class Entry:
    """One actor as one catalogue describes it."""

    catalogue: str
    uuid: str
    name: str
    names: tuple[str, ...]
    """Synonyms, without the own name."""
    subgroups: tuple[str, ...] = ()
    """Names that the catalogue marks as those of a part."""
    identifiers: tuple[str, ...] = ()
    """Such as 'G0032'."""
    states: tuple[str, ...] = ()
    """ISO 3166 codes of states that the catalogue names as sponsors."""
    relations: tuple[tuple[str, str, float], ...] = ()
    """(galaxy relation, uuid of the other entry, weight)."""
    references: tuple[str, ...] = ()
    first_year: int = 0
    copied_from: str = ""
    """Catalogue it is itself a copy of, such as 'mitre'; copies are no second voice."""
    concept: str = ""

    @property
    def keys(self) -> set[str]:
        """All its names, folded."""
        return {name_key(n) for n in (self.name, *self.names)}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A galaxy cluster file that lists actors."""

    galaxy: str
    publisher: str
    family: str
    title: str
    level: str = "group"
    renames: bool = False
    """Keeps an entry for its own superseded names, which means the newer entry."""
    licence: str = "CC0-1.0 or BSD-2-Clause"


#: Read in this order; the first to describe a concept gives it its name.
CATALOGUES: tuple[Catalogue, ...] = (
    Catalogue("threat-actor", "MISP galaxy", "misp", "MISP galaxy: threat actors"),
    Catalogue(
        "mitre-intrusion-set",
        "MITRE",
        "mitre",
        "MITRE ATT&CK groups, in the MISP galaxy",
        licence="MITRE ATT&CK terms of use",
    ),
    Catalogue("tidal-groups", "Tidal Cyber", "tidal", "Tidal Cyber groups, in the MISP galaxy"),
    Catalogue(
        "microsoft-activity-group",
        "Microsoft",
        "microsoft",
        "Microsoft threat actor names, in the MISP galaxy",
        renames=True,
    ),
    Catalogue("360net", "360", "360", "360 threat actors, in the MISP galaxy"),
    Catalogue(
        "mitre-ics-groups",
        "MITRE",
        "mitre",
        "MITRE ATT&CK for ICS groups of 2020, in the MISP galaxy",
        licence="MITRE ATT&CK terms of use",
    ),
    Catalogue(
        "tidal-campaigns",
        "Tidal Cyber",
        "tidal",
        "Tidal Cyber and ATT&CK campaigns, in the MISP galaxy",
        level="campaign",
    ),
)
#: Our own files beside the galaxies.
COUNTRY_GALAXY = "country"


def read_values(sources: Sources, galaxy: str) -> tuple[list[dict[str, object]], str]:
    """(values, version) of a galaxy cluster file.

    Raises:
        ConfigError: if the file is missing or is no galaxy.
    """
    place = sources.galaxy(galaxy)
    try:
        raw = msgspec.json.decode(place.read_bytes())
        return list(raw["values"]), str(raw.get("version", ""))
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{place}: cannot be read as a MISP galaxy ({error}). Reinstall pymispgalaxies, or run "
            "'samehand knowledge update' again."
        ) from error


def _texts(value: object) -> tuple[str, ...]:
    """The strings of a meta field, which may be a list, one string or missing."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(v for v in value if isinstance(v, str))
    return ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the overlay says about reading catalogues."""

    dropped: frozenset[str]
    """Folded names that are not taken over: single persons, firms, everyday words."""
    state_schemes: tuple[tuple[re.Pattern[str], str], ...]
    """(pattern of a publisher's naming scheme, ISO code of the state it stands for)."""
    state_names: Mapping[str, str] = field(default_factory=dict)
    """Folded name of a country -> ISO code."""


def usable(name: str, dropped: frozenset[str]) -> bool:
    """Whether a name may stand for an actor: not dropped, long enough to mean something."""
    key = name_key(name)
    least = 3 if key.isascii() else 2
    return len(key) >= least and len(name) <= 80 and not key.isdigit() and key not in dropped


def read_entries(sources: Sources, catalogue: Catalogue, rules: Rules) -> tuple[list[Entry], str]:
    """(entries, version) of one catalogue; entries it has itself revoked are left out."""
    values, version = read_values(sources, catalogue.galaxy)
    entries = []
    for value in values:
        related = list(_dicts(value.get("related")))
        if value.get("revoked") or any(r.get("type") == "revoked-by" for r in related):
            continue
        meta = value.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        full = str(value["value"])
        name = " ".join(_IDENTIFIER.sub("", full).split())
        written = [
            *_texts(meta.get("synonyms")),
            *_texts(meta.get("Associated Group Descriptions")),
        ]
        tail = _IDENTIFIER.search(full)
        identifiers = {
            *(_texts(meta.get("external_id"))),
            *(_texts(meta.get("group_attack_id"))),
            *([tail[1]] if tail else []),
        }
        if tail and tail[1].startswith("APT-C"):
            written.append(tail[1])
        identifiers = {i for i in identifiers if re.fullmatch(r"G[01]\d{3}", i)}
        names = [
            " ".join(n.split())
            for n in (*written, *sorted(identifiers))
            if not _SUBGROUP.match(n) and usable(n, rules.dropped)
        ]
        if not usable(name, rules.dropped):
            continue
        entries.append(
            Entry(
                catalogue=catalogue.galaxy,
                uuid=str(value.get("uuid", "")),
                name=name,
                names=tuple(n for n in dict.fromkeys(names) if n != name),
                subgroups=tuple(_SUBGROUP.sub("", n) for n in written if _SUBGROUP.match(n)),
                identifiers=tuple(sorted(identifiers)),
                states=_states(meta, (name, *names), rules),
                relations=tuple(_links(related)),
                references=_texts(meta.get("refs")),
                first_year=_year(meta),
                copied_from="mitre" if _texts(meta.get("source"))[:1] == ("MITRE",) else "",
            )
        )
    return entries, version


def _dicts(value: object) -> Iterable[dict[str, object]]:
    return (v for v in value if isinstance(v, dict)) if isinstance(value, list) else ()


def _links(related: Iterable[Mapping[str, object]]) -> Iterable[tuple[str, str, float]]:
    for row in related:
        kind, target = str(row.get("type", "")), str(row.get("dest-uuid", ""))
        if kind in _RELATIONS and target:
            said = [m[1] for t in _texts(row.get("tags")) if (m := _ESTIMATE.search(t))]
            yield kind, target, max((LIKELIHOOD.get(s, 0.5) for s in said), default=0.5)


def _year(meta: Mapping[str, object]) -> int:
    for text in (*_texts(meta.get("first_seen")), *_texts(meta.get("since"))):
        if match := re.match(r"(19|20)\d\d", text):
            return int(match[0])
    return 0


def _states(meta: Mapping[str, object], names: Sequence[str], rules: Rules) -> tuple[str, ...]:
    """States named as sponsors; a mere country of origin is no sponsorship.

    A country counts where the entry also bears a name of a scheme that stands for a state's
    actors, or the sponsor is stated as such (cfr-suspected-state-sponsor).
    """
    stated = {
        code
        for text in _texts(meta.get("cfr-suspected-state-sponsor"))
        if (code := rules.state_names.get(name_key(text)))
    }
    schemes = {
        code for name in names for pattern, code in rules.state_schemes if pattern.search(name)
    }
    country = {t.upper() for t in _texts(meta.get("country")) if re.fullmatch(r"[A-Za-z]{2}", t)}
    return tuple(sorted(stated | (schemes & country)))


@dataclass(slots=True)
class _Known:
    """What earlier catalogues said, while entries of the next one are placed."""

    own_name: dict[str, str] = field(default_factory=dict)
    """Folded own name -> concept."""
    identifier: dict[str, str] = field(default_factory=dict)
    all_names: dict[str, dict[str, None]] = field(default_factory=dict)
    """Folded name -> concepts that some source gives it."""
    keys_of: dict[str, set[str]] = field(default_factory=dict)

    def learn(
        self, concept: str, own: str, keys: Iterable[str], identifiers: Iterable[str]
    ) -> None:
        """Add what one source says of one concept."""
        self.own_name.setdefault(own, concept)
        for key in keys:
            self.all_names.setdefault(key, {})[concept] = None
            self.keys_of.setdefault(concept, set()).add(key)
        for one in identifiers:
            self.identifier.setdefault(one, concept)


def align(
    catalogues: Sequence[tuple[Catalogue, Sequence[Entry]]],
    namings: Iterable[Naming] = (),
) -> None:
    """Give every entry the concept it describes (``Entry.concept``), catalogue by catalogue.

    ``namings`` are what our own overlay says; its concepts are there before the catalogues'.
    """
    known = _Known()
    for naming in sorted(namings, key=lambda n: not n.primary):
        key = name_key(naming.name)
        if naming.primary:
            known.learn(naming.concept, key, (key,), ())
        else:
            known.all_names.setdefault(key, {})[naming.concept] = None
            known.keys_of.setdefault(naming.concept, set()).add(key)
    for catalogue, entries in catalogues:
        campaign = catalogue.level == "campaign"
        newer = {id(e): _renamed(e, entries) if catalogue.renames else None for e in entries}
        placed = [e for e in entries if newer[id(e)] is None]
        taken: set[str] = set()
        claims = [
            (strength, number, concept)
            for number, entry in enumerate(placed)
            for strength, concept in _claims(entry, known, only_own_name=campaign)
        ]
        for _, number, concept in sorted(claims, key=lambda c: (-c[0], c[1], c[2])):
            if not placed[number].concept and concept not in taken:
                placed[number].concept = concept
                taken.add(concept)
        for entry in placed:
            entry.concept = entry.concept or _fresh(
                entry, known.keys_of, "campaign" if campaign else "group"
            )
            known.keys_of.setdefault(entry.concept, set())
        for entry in entries:
            other = newer[id(entry)]
            if other is not None:
                entry.concept = other.concept or _fresh(entry, known.keys_of, "group")
        for entry in entries:
            if not campaign:
                known.learn(entry.concept, name_key(entry.name), entry.keys, entry.identifiers)


def _claims(entry: Entry, known: _Known, only_own_name: bool) -> Iterable[tuple[float, str]]:
    """(strength, concept) for every concept that an entry may describe; empty if none."""
    for one in entry.identifiers:
        if one in known.identifier:
            yield 1000.0, known.identifier[one]
    mine, own = entry.keys, name_key(entry.name)
    if own in known.own_name:
        yield 900.0, known.own_name[own]
    if only_own_name:
        return
    naming_own = {
        *known.all_names.get(own, ()),
        *(known.own_name[k] for k in mine if k in known.own_name),
    }
    for concept in {c for k in mine for c in known.all_names.get(k, ())}:
        shared = len(mine & known.keys_of[concept])
        if shared >= 2 or naming_own == {concept}:
            # As a share of both, so that an entry that lists everything does not take everything.
            yield shared / math.sqrt(len(mine) * len(known.keys_of[concept])), concept


def _renamed(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """The one other entry of the catalogue that lists this entry's own name."""
    key = name_key(entry.name)
    found = [e for e in entries if e is not entry and key in {name_key(n) for n in e.names}]
    return found[0] if len(found) == 1 else None


def _fresh(entry: Entry, taken: Mapping[str, object], level: str) -> str:
    """A concept id for an entry that describes something new."""
    wanted = concept_id(entry.name, "campaign" if level == "campaign" else "group")
    found, number = wanted, 2
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    return found


def source_id(catalogue: Catalogue, copied_from: str = "") -> str:
    """The source that an entry of a catalogue speaks for: 'tidal-groups/mitre' is MITRE's word."""
    return f"{catalogue.galaxy}/{copied_from}" if copied_from else catalogue.galaxy


def statements(
    catalogues: Sequence[tuple[Catalogue, Sequence[Entry]]],
) -> tuple[list[Concept], list[Naming], list[Relation]]:
    """What aligned catalogues say, statement by statement."""
    concepts: list[Concept] = []
    namings: list[Naming] = []
    relations: list[Relation] = []
    by_uuid = {e.uuid: e.concept for _, entries in catalogues for e in entries}
    owner: dict[str, dict[str, None]] = {}
    for catalogue, entries in catalogues:
        if catalogue.level != "campaign":
            for entry in entries:
                owner.setdefault(name_key(entry.name), {})[entry.concept] = None
    for catalogue, entries in catalogues:
        level: Level = "campaign" if catalogue.level == "campaign" else "group"
        carried: dict[str, dict[str, None]] = {}
        for entry in entries:
            source = source_id(catalogue, entry.copied_from)
            concepts.append(Concept(entry.concept, entry.name, level, source, entry.references))
            namings.append(Naming(entry.name, entry.concept, source, True, entry.first_year))
            namings.extend(Naming(n, entry.concept, source) for n in entry.names)
            for key in entry.keys:
                carried.setdefault(key, {})[entry.concept] = None
            for name in entry.names:
                for other in owner.get(name_key(name), ()):
                    if other != entry.concept:
                        relations.append(
                            Relation(
                                entry.concept,
                                "same-as",
                                other,
                                FOLDED_WEIGHT,
                                source,
                                0,
                                f"lists {name} among its own names",
                            )
                        )
            for name in entry.subgroups:
                for other in owner.get(name_key(name), {concept_id(name): None}):
                    if other != entry.concept:
                        relations.append(
                            Relation(
                                other,
                                "subgroup-of",
                                entry.concept,
                                FOLDED_WEIGHT,
                                source,
                                0,
                                f"lists {name} as a subgroup",
                            )
                        )
            for state in entry.states:
                relations.append(
                    Relation(entry.concept, "sponsored-by", f"state/{state.lower()}", 0.7, source)
                )
            for kind, uuid, weight in entry.relations:
                other_id = by_uuid.get(uuid)
                if other_id and other_id != entry.concept:
                    relations.append(
                        Relation(entry.concept, _RELATIONS[kind], other_id, weight, source, 0, kind)
                    )
        for key, holders in carried.items():
            listed = list(holders)
            for number, left in enumerate(listed):
                for right in listed[number + 1 :]:
                    if not owner.get(key):
                        relations.append(
                            Relation(
                                left,
                                "overlaps",
                                right,
                                SHARED_NAME_WEIGHT,
                                catalogue.galaxy,
                                0,
                                "shares a name",
                            )
                        )
    return concepts, namings, list(dict.fromkeys(relations))
