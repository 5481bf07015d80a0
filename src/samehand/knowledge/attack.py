"""ATT&CK as callers use it: techniques, groups and software, by any name or identifier.

Built once from the sources (`attack_read`) into one file; `current` follows revocations, `find`
knows present and past names, `as_of_version` reads what an old document means.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from samehand.knowledge import cache
from samehand.knowledge.attack_read import PACKAGE, SUPPLEMENT, read
from samehand.knowledge.attack_stix import Item, Reading
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Order of the enterprise tactics up to ATT&CK v18, for tables; `tactic_order` has them all.
TACTICS: tuple[str, ...] = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
#: The edition that brought sub-techniques (July 2020); before it, identifiers meant other things.
SUBTECHNIQUE_VERSION = 7
#: The lowest identifier that came with that edition in the enterprise matrix.
_FIRST_OF_IT = "T1542"
_FILE = "attack.msgpack"
#: Which of several candidates to name first.
_RANK = {"active": 0, "deprecated": 1, "revoked": 2}


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique or sub-technique of any edition that we know."""

    id: str
    name: str
    tactics: tuple[str, ...]
    """Short names in the order of the domain's matrix."""
    parent: str
    """The technique this is a sub-technique of; '' for a technique."""
    status: str
    """active | revoked | deprecated"""
    successor: str
    """The technique at the end of the chain of revocations; '' if not revoked or nobody knows."""
    domain: str
    """enterprise | mobile | ics. PRE-ATT&CK (T1226 to T1397) stands as enterprise, deprecated."""
    names: tuple[str, ...]
    """All names it had, the current one first."""
    platforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One group (intrusion set) of ATT&CK that was not revoked in favour of another."""

    id: str
    name: str
    aliases: tuple[str, ...]
    """As ATT&CK lists them, and the names of groups revoked in favour of this one."""
    status: str
    """active | deprecated; revoked only if no successor is known"""
    former: tuple[str, ...]
    """Identifiers that were revoked in favour of this one."""
    techniques: tuple[str, ...]
    """What it uses, revocations followed; deprecated ones stay, since reports cite them."""
    software: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Software:
    """One malware or tool of ATT&CK; fields as in `Group`."""

    id: str
    name: str
    aliases: tuple[str, ...]
    kind: str
    """malware | tool"""
    status: str
    former: tuple[str, ...]
    platforms: tuple[str, ...]
    techniques: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an identifier or name of some edition stands for today."""

    written: str
    id: str
    """Today's identifier; '' if unknown or ambiguous."""
    how: str
    """same | revoked | renamed | deprecated | ambiguous | unknown"""
    candidates: tuple[str, ...]
    """Today's identifiers that fit: one, or several for an ambiguous name."""


class _Built(msgspec.Struct, frozen=True):
    techniques: dict[str, Technique]
    groups: dict[str, Group]
    software: dict[str, Software]
    successors: dict[str, str]
    index: dict[str, tuple[str, ...]]
    tactic_order: dict[str, tuple[str, ...]]
    version: str


def build(sources: Sources) -> Mapping[str, bytes]:
    """The one file of this part."""
    return {_FILE: msgspec.msgpack.encode(_built(read(sources)), order="deterministic")}


PART = cache.Part("attack", build, files=(SUPPLEMENT,), packages=(PACKAGE,))


def _ends(reading: Reading) -> dict[str, str]:
    """Revoked identifier -> the one at the end of its chain that is still in force.

    A chain that runs in a circle, or ends at a revoked identifier, has no end and no entry.
    """
    ends = {}
    for start in reading.successors:
        seen, at = {start}, start
        while at in reading.successors and reading.successors[at] not in seen:
            at = reading.successors[at]
            seen.add(at)
        if at != start and reading.items[at].status != "revoked":
            ends[start] = at
    return ends


def _built(reading: Reading) -> _Built:
    ends = _ends(reading)
    order = {d: {t: n for n, t in enumerate(ts)} for d, ts in reading.tactic_order.items()}
    items = sorted(reading.items.values(), key=lambda item: item.id)
    techniques = {
        item.id: Technique(
            id=item.id,
            name=item.name,
            tactics=tuple(sorted(item.tactics, key=lambda t: (order[item.domain].get(t, 99), t))),
            parent=_parent(item.id, reading),
            status=item.status,
            successor=ends.get(item.id, ""),
            domain=item.domain,
            names=_unlike(item.name, *item.names),
            platforms=item.platforms,
        )
        for item in items
        if item.kind == "technique"
    }
    former: dict[str, list[Item]] = defaultdict(list)
    for old, new in sorted(ends.items()):
        former[new].append(reading.items[old])
    uses: dict[str, set[str]] = defaultdict(set)
    for source, target in reading.uses:
        uses[ends.get(source, source)].add(ends.get(target, target))
    groups, software = {}, {}
    for item in items:
        if item.kind == "technique" or item.id in ends:
            continue
        old_ones = former[item.id]
        aliases = _unlike(
            item.name, *item.names, *(n for old in old_ones for n in (old.name, *old.names))
        )[1:]
        used = sorted(uses[item.id])
        ids = tuple(old.id for old in old_ones)
        applied = tuple(i for i in used if i[0] == "T")
        if item.kind == "group":
            programs = tuple(i for i in used if i[0] == "S")
            groups[item.id] = Group(
                item.id, item.name, aliases, item.status, ids, applied, programs
            )
        else:
            software[item.id] = Software(
                item.id, item.name, aliases, item.kind, item.status, ids, item.platforms, applied
            )
    return _Built(
        techniques=techniques,
        groups=groups,
        software=software,
        successors=ends,
        index=_index(techniques, reading.former),
        tactic_order=reading.tactic_order,
        version=reading.version,
    )


def _parent(identifier: str, reading: Reading) -> str:
    """The technique that a sub-technique's identifier names, if there is such a one."""
    parent, dot, _ = identifier.partition(".")
    return parent if dot and parent in reading.items else ""


def _unlike(*names: str) -> tuple[str, ...]:
    """Names without those that differ from an earlier one only in case or punctuation."""
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(name_key(name) or name, name)
    return tuple(kept.values())


def _index(
    techniques: Mapping[str, Technique], former: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Folded identifier or name -> techniques, those in force first."""
    found: dict[str, set[str]] = defaultdict(set)
    for technique in techniques.values():
        found[name_key(technique.id)].add(technique.id)
        parent = techniques.get(technique.parent)
        for name in technique.names:
            found[name_key(name)].add(technique.id)
            for above in parent.names if parent else ():
                found[name_key(above + name)].add(technique.id)
    for old, identifier in former.items():
        found[name_key(old)].add(identifier)
    found.pop("", None)
    return {key: _ranked(ids, techniques) for key, ids in sorted(found.items())}


def _ranked(ids: Iterable[str], techniques: Mapping[str, Technique]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda i: (_RANK[techniques[i].status], i)))


@cache.once
def _loaded() -> _Built:
    data = (cache.folder_of(PART) / _FILE).read_bytes()
    return msgspec.msgpack.decode(data, type=_Built)


def techniques() -> Mapping[str, Technique]:
    """Technique id -> technique, of all domains and editions, revoked and deprecated ones too."""
    return _loaded().techniques


def table() -> Mapping[str, Technique]:
    """The same as `techniques`, for callers that want names and tactics."""
    return techniques()


def groups() -> Mapping[str, Group]:
    """Group id -> group; a revoked id is found through `current`."""
    return _loaded().groups


def software() -> Mapping[str, Software]:
    """Software id -> software; a revoked id is found through `current`."""
    return _loaded().software


def tactic_order(domain: str = "enterprise") -> tuple[str, ...]:
    """All tactics of a domain in the order of its matrix, as the sources in use have it."""
    return _loaded().tactic_order[domain]


def version() -> str:
    """Which edition this is, with the source: a fetched collection and its date, or a galaxy."""
    return _loaded().version


def current(identifier: str) -> str:
    """What a technique, group or software id stands for today: revocations are followed.

    Deprecated and unknown ids come back unchanged.
    """
    return _loaded().successors.get(identifier, identifier)


def find(text: str) -> tuple[str, ...]:
    """Techniques whose id, or any present or past name, is that text; those in force first.

    "Parent: Sub" and "Parent/Sub" count as names. Case, spaces and punctuation do not matter.
    Ids come as they are known, revoked ones too: use `current` for what they stand for.
    """
    return _loaded().index.get(name_key(text), ())


def parents(identifier: str) -> tuple[str, ...]:
    """The technique above a sub-technique, or nothing."""
    technique = techniques().get(identifier)
    return (technique.parent,) if technique and technique.parent else ()


def tactics_of(identifier: str) -> tuple[str, ...]:
    """Short names of a technique's tactics in matrix order; nothing for an unknown id."""
    technique = techniques().get(identifier)
    return technique.tactics if technique else ()


def as_of_version(identifier_or_name: str, version: str | None, domain: str = "") -> Resolved:
    """What a document that states an ATT&CK version means by an identifier or a name.

    Before sub-techniques (v7), "PowerShell" was T1086 and T1003 was "Credential Dumping"; a name
    then means the technique that bore it then. Without a version, today's meaning goes first.
    With a domain, its techniques go before those of others: most names of two domains coincide.
    """
    known, found = techniques(), find(identifier_or_name)
    if not found:
        return Resolved(identifier_or_name, "", "unknown", ())
    stated = re.search(r"\d+", version or "")
    old = stated is not None and int(stated[0]) < SUBTECHNIQUE_VERSION
    key = name_key(identifier_or_name)
    by_id = tuple(i for i in found if name_key(i) == key)
    meant = by_id or tuple(i for i in found if known[i].domain == domain) or found
    if not by_id:
        if old:
            kept = (i for i in meant if "T1" < i < _FIRST_OF_IT and "." not in i)
        else:
            kept = (i for i in meant if known[i].status == "active" and _is_named(known[i], key))
        meant = tuple(kept) or meant
    today = tuple(dict.fromkeys(current(i) for i in meant))
    if len(today) > 1:
        return Resolved(identifier_or_name, "", "ambiguous", today)
    first = known[meant[0]]
    if first.successor:
        how = "revoked"
    elif first.status != "active":
        how = first.status
    elif (old and by_id and len(first.names) > 1) or not (by_id or _is_named(first, key)):
        how = "renamed"
    else:
        how = "same"
    return Resolved(identifier_or_name, today[0], how, today)


def _is_named(technique: Technique, key: str) -> bool:
    """Whether a folded text is the technique's id or current name, with or without its parent's."""
    above = techniques().get(technique.parent)
    names = {name_key(technique.id), name_key(technique.name)}
    if above:
        names |= {name_key(n + technique.name) for n in above.names}
    return key in names
