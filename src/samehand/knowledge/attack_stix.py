"""The plain form of ATT&CK that all sources are read into, and STIX 2.1 bundles read so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

#: An identifier of a technique, a group or a software; sub-techniques carry their parent's.
TECHNIQUE_ID = re.compile(r"T\d{4}(\.\d{3})?")
ATTACK_ID = re.compile(r"T\d{4}(\.\d{3})?|G\d{4}|S\d{4}")
#: STIX type -> (our kind, first letter of its identifiers).
_KINDS = {
    "attack-pattern": ("technique", "T"),
    "intrusion-set": ("group", "G"),
    "malware": ("malware", "S"),
    "tool": ("tool", "S"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One technique, group or software as a source states it."""

    id: str
    kind: str
    """technique | group | malware | tool"""
    name: str
    names: tuple[str, ...]
    """Earlier names of a technique; aliases of the others."""
    status: str
    """active | revoked | deprecated"""
    domain: str = ""
    """enterprise | mobile | ics; '' for groups and software, which belong to several."""
    tactics: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """Everything that one or several sources state."""

    items: dict[str, Item] = field(default_factory=dict)
    """By ATT&CK identifier."""
    successors: dict[str, str] = field(default_factory=dict)
    """Identifier -> the one it was revoked by, one step."""
    uses: set[tuple[str, str]] = field(default_factory=set)
    """(group or software, technique or software)."""
    former: dict[str, str] = field(default_factory=dict)
    """Identifier of an abandoned scheme, such as PRE-T1170 or T803 -> today's form of it."""
    tactic_order: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Domain -> tactics as its matrix orders them."""
    version: str = ""


class _Reference(msgspec.Struct, frozen=True):
    source_name: str = ""
    external_id: str = ""


class _Phase(msgspec.Struct, frozen=True):
    kill_chain_name: str = ""
    phase_name: str = ""


class StixObject(msgspec.Struct, frozen=True):
    """The fields of ATT&CK's STIX objects that we read, of whatever type."""

    type: str = ""
    id: str = ""
    name: str = ""
    modified: str = ""
    revoked: bool = False
    x_mitre_deprecated: bool = False
    external_references: list[_Reference] = []
    kill_chain_phases: list[_Phase] = []
    aliases: list[str] = []
    x_mitre_aliases: list[str] = []
    x_mitre_platforms: list[str] = []
    x_mitre_domains: list[str] = []
    x_mitre_shortname: str = ""
    x_mitre_version: str = ""
    tactic_refs: list[str] = []
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""


class Bundle(msgspec.Struct, frozen=True):
    """A STIX bundle."""

    type: str
    objects: list[StixObject]

    @property
    def collection(self) -> StixObject | None:
        """The object that states the version of ATT&CK, if there is one."""
        return next((o for o in self.objects if o.type == "x-mitre-collection"), None)


def decode_bundle(data: bytes) -> Bundle:
    """A STIX bundle from its JSON.

    Raises:
        ValueError: if it is not JSON or has not the shape of one; the message says where.
    """
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if bundle.type != "bundle":
        raise ValueError("the outermost object is not a bundle")
    return bundle


def distinct(*names: str) -> tuple[str, ...]:
    """Names without blanks around them, empty ones and repetitions."""
    return tuple(dict.fromkeys(n.strip() for n in names if n.strip()))


def _attack_id(stix: StixObject, letter: str) -> str:
    """The ATT&CK identifier of a STIX object, '' if it has none of its kind."""
    for reference in stix.external_references:
        identifier = reference.external_id
        if reference.source_name.startswith("mitre") and ATTACK_ID.fullmatch(identifier):
            return identifier if identifier[0] == letter else ""
    return ""


def read_bundle(bundle: Bundle, domain: str) -> Reading:
    """What the STIX bundle of a domain states; relations with an unknown end are dropped.

    The parent of a sub-technique stands in its identifier, so `subtechnique-of` is not read.
    """
    reading = Reading()
    id_of: dict[str, str] = {}
    shortname: dict[str, str] = {}
    matrices: list[StixObject] = []
    for stix in bundle.objects:
        kind, letter = _KINDS.get(stix.type, ("", ""))
        if stix.type == "x-mitre-tactic":
            shortname[stix.id] = stix.x_mitre_shortname
        elif stix.type == "x-mitre-matrix" and not (stix.revoked or stix.x_mitre_deprecated):
            matrices.append(stix)
        identifier = _attack_id(stix, letter) if kind else ""
        if not identifier or not stix.name.strip():
            continue
        id_of[stix.id] = identifier
        held = reading.items.get(identifier)
        if held and (held.status == "active" or stix.revoked):
            continue  # two objects of one identifier: the one in force counts
        reading.items[identifier] = Item(
            id=identifier,
            kind=kind,
            name=stix.name.strip(),
            names=distinct(*stix.aliases, *stix.x_mitre_aliases),
            status="revoked"
            if stix.revoked
            else "deprecated"
            if stix.x_mitre_deprecated
            else "active",
            domain=domain if kind == "technique" else "",
            tactics=distinct(*(p.phase_name for p in stix.kill_chain_phases)),
            platforms=distinct(*stix.x_mitre_platforms),
        )
    for stix in bundle.objects:
        if stix.type != "relationship" or stix.revoked or stix.x_mitre_deprecated:
            continue
        source, target = id_of.get(stix.source_ref), id_of.get(stix.target_ref)
        if source and target:
            relate(reading, stix.relationship_type, source, target)
    order = (shortname.get(ref, "") for matrix in matrices for ref in matrix.tactic_refs)
    reading.tactic_order[domain] = distinct(*order)
    if bundle.collection:
        modified = bundle.collection.modified[:10]
        reading.version = f"{bundle.collection.x_mitre_version} of {modified}"
    return reading


def relate(reading: Reading, relation: str, source: str, target: str) -> None:
    """Note a relation that counts: revocations within a kind, and what groups and software use."""
    if relation == "revoked-by" and source != target and source[0] == target[0]:
        if reading.items[source].status == "revoked":
            reading.successors.setdefault(source, target)
    elif relation == "uses" and source[0] in "GS" and target[0] in "TS":
        reading.uses.add((source, target))
