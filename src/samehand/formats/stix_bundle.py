"""A STIX bundle as an index: objects by identifier, relationships by end, markings, scopes.

Versions of one object count as the newest, revoked objects as gone, so neither the order of a
bundle nor a repeated object changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from samehand.formats.reading import Tally, dicts_of, highest_tlp, name_of, text_of, texts_of
from samehand.formats.stix_values import SCO_TYPES

Item = dict[str, Any]

#: Objects that say what somebody published; each becomes a record.
REPORT_TYPES = ("report", "grouping", "incident")
#: Objects that describe others or the exchange itself; alone they make no record.
_HELPERS = frozenset(
    (
        *REPORT_TYPES,
        *("relationship", "identity", "location", "marking-definition", "note", "opinion"),
        *("sighting", "language-content", "extension-definition"),
    )
)
#: Types whose objects are read, besides cyber-observable objects and helpers.
READ_TYPES = frozenset(
    (
        *("indicator", "observed-data", "attack-pattern", "malware", "tool", "vulnerability"),
        *("intrusion-set", "threat-actor", "campaign", "infrastructure", "malware-analysis"),
    )
)
#: TLP 1.0 (STIX 2.1, section 7.2.1.4) and TLP 2.0 (OASIS extension definition
#: 60a3c5c5-0d10-413e-aab3-9e08dde9e88d): the identifiers that producers do not repeat.
_TLP_IDS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "CLEAR",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "AMBER",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "RED",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "CLEAR",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "GREEN",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "AMBER",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "AMBER+STRICT",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "RED",
}
#: Objects visited and values given for all reports of one bundle together. A report may name an
#: object that a thousand others name, so the work is bounded by this and not by the file's size.
MAX_VISITS = 2_000_000
#: References from one object to others that are part of what was seen.
_PART_OF = {
    "observed-data": ("object_refs",),
    "malware": ("sample_refs",),
    "malware-analysis": ("sample_ref", "analysis_sco_refs"),
    "sighting": ("sighting_of_ref", "observed_data_refs"),
    "relationship": ("source_ref", "target_ref"),
}


def refs_of(item: Mapping[str, Any], key: str) -> list[str]:
    """The identifiers of a '_ref' or '_refs' property."""
    value = item.get(key)
    return [value] if isinstance(value, str) else texts_of(value)


@dataclass(slots=True)
class Scope:
    """What belongs to one record."""

    items: dict[str, Item] = field(default_factory=dict)
    """Sorted by identifier."""
    relations: list[Item] = field(default_factory=list)
    cites: set[str] = field(default_factory=set)
    """Identifiers of other reports that it names."""
    missing: int = 0
    """References that lead out of the bundle."""
    complete: bool = True


class Marking(NamedTuple):
    """How an object is marked."""

    tlp: str
    """'' if it has no TLP marking."""
    unknown: str
    """A marking of it that the bundle does not define, or ''."""
    granular: bool
    """Some of it stands on single properties."""


@dataclass(slots=True)
class Bundle:
    """The usable objects of one bundle."""

    items: dict[str, Item] = field(default_factory=dict)
    from_source: dict[str, list[Item]] = field(default_factory=dict)
    """Identifier -> relationships that begin there."""
    to_target: dict[str, list[Item]] = field(default_factory=dict)
    visits: int = 0
    _markings: dict[str, Marking] = field(default_factory=dict)

    def spend(self, visits: int) -> bool:
        """Whether that much work is still allowed."""
        self.visits += visits
        return self.visits <= MAX_VISITS

    def of_type(self, *types: str) -> Iterator[Item]:
        """The objects of these types, by identifier."""
        return (item for item in self.items.values() if item["type"] in types)

    def name(self, identifier: object) -> str:
        """The name of an object, or ''."""
        item = self.items.get(identifier) if isinstance(identifier, str) else None
        return name_of(item.get("name")) if item else ""

    def tlp_of(self, item: Item) -> Marking:
        """The marking of an object; each object is asked once, however many reports name it."""
        held = self._markings.get(item["id"])
        if held is None:
            held = self._markings[item["id"]] = self._marking(item)
        return held

    def _marking(self, item: Item) -> Marking:
        refs = refs_of(item, "object_marking_refs")
        granular = [
            ref
            for g in dicts_of(item.get("granular_markings"))
            if (ref := text_of(g.get("marking_ref")))
        ]
        refs += granular
        found, unknown = [], ""
        for ref in filter(None, refs):
            if ref in _TLP_IDS:
                found.append(_TLP_IDS[ref])
            elif ref in self.items:
                found += _tlp_of_definition(self.items[ref])
            else:
                unknown = min(filter(None, (unknown, ref)))
        return Marking(highest_tlp(found), unknown, bool(granular))


def _tlp_of_definition(item: Item) -> list[str]:
    """The TLP level that a marking definition states; none for a statement."""
    definition = item.get("definition")
    if item.get("definition_type") == "tlp" and isinstance(definition, dict):
        return [text_of(definition.get("tlp")) or "?"]
    extensions = item.get("extensions")
    for extension in extensions.values() if isinstance(extensions, dict) else ():
        if isinstance(extension, dict) and extension.get("tlp_2_0"):
            return [text_of(extension["tlp_2_0"]) or "?"]
    name = name_of(item.get("name"))
    return [name] if name.upper().startswith("TLP:") else []


def _newer(one: Item, other: Item) -> Item:
    def rank(item: Item) -> tuple[str, bytes]:
        version = text_of(item.get("modified")) or text_of(item.get("created"))
        try:
            return version, msgspec.json.encode(item, order="sorted")
        except RecursionError:  # nested as deep as the decoder allows: the version must do
            return version, b""

    return max(one, other, key=rank)


def _plain(value: object) -> bool:
    """Whether it is a text that may name something."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def index(objects: Iterable[object], tally: Tally) -> Bundle:
    """The index of a bundle's objects; what is no STIX object is noted in ``tally``."""
    newest: dict[str, Item] = {}
    for number, item in enumerate(objects, 1):
        if not isinstance(item, dict) or not _plain(item.get("id")) or not _plain(item.get("type")):
            tally.note(
                "objects without a usable type and id, skipped", f"object {number}", error=True
            )
            continue
        identifier = item["id"]
        held = newest.get(identifier)
        newest[identifier] = item if held is None or held is item else _newer(held, item)
    bundle = Bundle()
    for identifier in sorted(newest):
        item = newest[identifier]
        kind = item["type"]
        if item.get("revoked") is True or item.get("x_mitre_deprecated") is True:
            tally.note("objects that their producer revoked or deprecated, not used", kind)
            continue
        if kind == "relationship":
            source, target = text_of(item.get("source_ref")), text_of(item.get("target_ref"))
            if not source or not target:
                tally.note("relationships without both ends, skipped", identifier, error=True)
                continue
            bundle.from_source.setdefault(source, []).append(item)
            bundle.to_target.setdefault(target, []).append(item)
        elif kind not in READ_TYPES and kind not in _HELPERS and kind not in SCO_TYPES:
            tally.note("objects of types that are not read (docs/formats.md)", kind)
        bundle.items[identifier] = item
    return bundle


def part_refs(item: Item) -> list[str]:
    """Identifiers of the objects that are part of what an object tells."""
    keys = _PART_OF.get(item["type"])
    if keys is None:
        if item["type"] not in SCO_TYPES:
            return []
        keys = tuple(
            k
            for k in item
            if k.endswith(("_ref", "_refs")) and not k.startswith(("object_marking", "created_by"))
        )
    return [ref for key in keys for ref in refs_of(item, key)]


def scope_of(bundle: Bundle, report: Item) -> Scope:
    """The objects that a report names, what these consist of, and the relationships among them."""
    scope = Scope()
    own = report["id"]
    waiting = refs_of(report, "object_refs")
    if report["type"] == "incident":  # has no object_refs; its relationships say what belongs to it
        for relation in (*bundle.from_source.get(own, ()), *bundle.to_target.get(own, ())):
            waiting.append(relation["id"])
    relations: dict[str, Item] = {}
    while waiting:
        identifier = waiting.pop()
        if not bundle.spend(1):
            scope.complete = False
            break
        if identifier in scope.items or identifier in relations or identifier == own:
            continue
        item = bundle.items.get(identifier)
        if item is None:
            scope.missing += 1
            continue
        if item["type"] in REPORT_TYPES:
            scope.cites.add(identifier)
            continue
        if item["type"] == "relationship":
            relations[identifier] = item
        else:
            scope.items[identifier] = item
        waiting.extend(part_refs(item))
    for identifier in (*scope.items, own):
        for relation in bundle.from_source.get(identifier, ()):
            if not bundle.spend(1):
                scope.complete = False
                break
            target = text_of(relation["target_ref"])
            if target in scope.items or target == own:
                relations[relation["id"]] = relation
            elif (
                identifier == own
                and target in bundle.items
                and bundle.items[target]["type"] in REPORT_TYPES
            ):
                scope.cites.add(target)
    scope.items = dict(sorted(scope.items.items()))
    scope.relations = [relations[key] for key in sorted(relations)]
    return scope


def leftover(bundle: Bundle, taken: set[str]) -> Scope:
    """What no report took: for the record of the bundle itself."""
    rest = Scope()
    for identifier, item in bundle.items.items():
        if identifier in taken:
            continue
        if item["type"] == "relationship":
            rest.relations.append(item)
        elif item["type"] not in _HELPERS:
            rest.items[identifier] = item
    return rest
