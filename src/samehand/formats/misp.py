"""MISP events (MISP core format, JSON) into report records (docs/formats.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from samehand.formats.misp_countries import country_code
from samehand.formats.misp_tags import Context
from samehand.formats.misp_types import (
    FILE_OBJECTS,
    PLACES,
    TYPES,
    VICTIM_OBJECTS,
    Part,
    role_of,
)
from samehand.formats.reading import (
    Record,
    Tally,
    day_of,
    dicts_of,
    file_key,
    highest_tlp,
    name_of,
    settle_roles,
    text_of,
    window_of,
)
from samehand.model import Problem

Item = dict[str, Any]

#: Distribution levels that keep an event among few: own organisation, own community, sharing group.
_RESTRICTED = frozenset(("0", "1", "4"))
#: An event with more attributes than this, without objects or any word on who or how, is a list.
FEED_ATTRIBUTES = 500
_FEED = re.compile(r"(?i)\bfeed\b")
_LIST = re.compile(
    r"(?i)\b(?:daily|hourly|weekly|block-?list|black-?list|tracker|(?:ioc|ip) list)\b"
)
_UUID = re.compile(r"[0-9A-Fa-f-]{32,36}")
#: Most characters of event reports that become the text of a record.
MAX_TEXT_CHARS = 2_000_000
_RECIPIENTS = frozenset(("to", "cc", "bcc"))
_CONTENT = ("Attribute", "Object", "Orgc", "EventReport", "Tag", "Galaxy")


def _is_event(value: object) -> bool:
    return isinstance(value, dict) and "info" in value and any(key in value for key in _CONTENT)


def _is_manifest(document: Mapping[str, Any]) -> bool:
    """Whether it is the table of contents of a MISP feed: UUID -> what the event is called."""
    first = next(iter(document.items()), None)
    return (
        first is not None
        and isinstance(first[0], str)
        and _UUID.fullmatch(first[0]) is not None
        and isinstance(first[1], dict)
        and "info" in first[1]
    )


def is_misp(document: object) -> bool:
    """Whether a decoded JSON document is a MISP event, several, or the manifest of a feed."""
    if isinstance(document, list):
        return bool(document) and is_misp(document[0])
    if not isinstance(document, dict):
        return False
    if isinstance(document.get("Event"), dict):
        return True
    if "response" in document and "id" not in document:
        return isinstance(document["response"], dict | list)
    return ("uuid" in document and _is_event(document)) or _is_manifest(document)


def records_of(document: object, name: str) -> Iterator[Record | Problem]:
    """The record of each event, and what could not be used, summed."""
    tally = Tally(name)
    number = 0
    for event in _events(document, tally):
        number += 1
        identifier = text_of(event.get("uuid"))
        if not _UUID.fullmatch(identifier):
            tally.note("events without a UUID, skipped", f"event {number}", error=True)
            continue
        yield _Event(event, tally).record()
    yield from tally.problems()


def _events(document: object, tally: Tally) -> Iterator[Item]:
    """The events of a document in its order; lists may lie in lists, as servers wrap them."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict) and isinstance(item.get("Event"), dict):
            yield item["Event"]
        elif isinstance(item, dict) and isinstance(item.get("response"), dict | list):
            waiting.append(item["response"])
        elif isinstance(item, dict) and "Attribute" in item and "info" not in item:
            tally.note("search results of attributes without their events, skipped", error=True)
        elif isinstance(item, dict) and _is_manifest(item):
            tally.note("manifest of a feed, which names events and holds none; add the event files")
        elif isinstance(item, dict) and "info" in item:
            yield item
        else:
            tally.note("parts that are no event, skipped", str(type(item).__name__), error=True)


class _Event:
    """The record of one event."""

    def __init__(self, event: Item, tally: Tally) -> None:
        self.event = event
        self.tally = tally
        self.context = Context()
        self.observables: list[Record] = []
        self.cites: set[str] = set()
        self.actors: set[str] = set()
        self.victims: list[Record] = []
        self.restricted = str(event.get("distribution")) in _RESTRICTED
        self.attributes = 0

    def record(self) -> Record:
        """The record."""
        event = self.event
        title = " ".join(text_of(event.get("info")).split())[:300]
        self.context.add(event)
        objects = [o for o in dicts_of(event.get("Object")) if not _deleted(o)]
        for attribute in dicts_of(event.get("Attribute")):
            self._attribute(attribute, "", "", {})
        for item in objects:
            self._object(item)
        for galaxy in self.context.unread():
            self.tally.note("galaxy clusters of galaxies that are not read", galaxy)
        creator = event.get("Orgc")
        extended = text_of(event.get("extends_uuid"))
        if extended:
            self.cites.add(f"misp:{extended}")
        victims = [*self.victims, *self.context.victims(self.tally)]
        record = {
            "id": f"misp:{text_of(event.get('uuid')).lower()}",
            "title": title,
            "kind": self._kind(title, objects),
            "publisher": name_of(creator.get("name")) if isinstance(creator, dict) else "",
            "published": day_of(event.get("date"))
            or _day(event.get("publish_timestamp"))
            or _day(event.get("timestamp")),
            "tlp": self._tlp(),
            "grade": self.context.grade,
            "text": self._text(),
            "observables": settle_roles(
                [{k: v for k, v in o.items() if k != "relation"} for o in self.observables]
            ),
            "techniques": self.context.techniques(self.tally),
            "software": self.context.software,
            "victims": sorted({tuple(v.items()): v for v in victims}.values(), key=str),
            "claims": list(self.context.claims(title, self.actors, self.tally)),
            "cites": sorted(self.cites),
        }
        return {key: value for key, value in record.items() if value}

    def _kind(self, title: str, objects: list[Item]) -> str:
        """'compilation' for a feed: values gathered from others, with no word on who or how."""
        if objects or any(kind for kind, _ in self.context.clusters):
            return "report"
        if _FEED.search(title):
            return "compilation"
        osint = any(tag.lower() == "type:osint" for tag in self.context.tags)
        many = self.attributes > FEED_ATTRIBUTES
        return "compilation" if many and (osint or _LIST.search(title)) else "report"

    def _tlp(self) -> str:
        marked = highest_tlp(self.context.tlp)
        for tag in self.context.tlp:
            if not re.fullmatch(r"(?i)tlp:(?:white|clear|green|amber(?:\+strict)?|red)", tag):
                self.tally.note(
                    "markings that TLP does not know, taken as TLP:RED to be safe", tag, error=True
                )
        return marked or ("AMBER" if self.restricted else "")

    def _text(self) -> str:
        parts = []
        for report in dicts_of(self.event.get("EventReport")):
            if not _deleted(report):
                text = f"{name_of(report.get('name'))}\n\n{text_of(report.get('content'))}".strip()
                parts.append((text_of(report.get("uuid")), text))
        return "\n\n".join(text for _, text in sorted(parts))[:MAX_TEXT_CHARS]

    def _object(self, item: Item) -> None:
        """The attributes of an object: what they are together, then each."""
        name = text_of(item.get("name")).lower()
        self.context.add(item)
        attributes = [a for a in dicts_of(item.get("Attribute")) if not _deleted(a)]
        by_relation: dict[str, list[str]] = {}
        for attribute in attributes:
            relation = text_of(attribute.get("object_relation")).lower()
            by_relation.setdefault(relation, []).append(text_of(attribute.get("value")))
        if name in VICTIM_OBJECTS:
            self.victims += [
                {"sector": s} for s in map(name_of, by_relation.get("sectors", ())) if s
            ]
        for first, second in (
            ("first-seen", "last-seen"),
            ("first-packet-seen", "last-packet-seen"),
        ):
            item = {
                "first_seen": next(iter(by_relation.get(first, ())), None),
                "last_seen": next(iter(by_relation.get(second, ())), None),
            } | {k: v for k, v in item.items() if v}
        start = len(self.observables)
        for attribute in attributes:
            self._attribute(
                attribute, name, text_of(attribute.get("object_relation")).lower(), item
            )
        own = self.observables[start:]
        self._ports(own, by_relation)
        if name in FILE_OBJECTS:
            _group(own)

    def _ports(self, own: list[Record], by_relation: dict[str, list[str]]) -> None:
        """Turn the one address of an object into an endpoint where the object states its port."""
        ports = by_relation.get("dst-port", [])
        addresses = [
            o for o in own if o["type"] == "ipv4-addr" and o["relation"] in ("ip", "ip-dst")
        ]
        if len(set(ports)) == 1 and ports[0].isdigit() and len(addresses) == 1:
            addresses[0]["type"] = "ipv4-addr:port"
            addresses[0]["value"] = f"{addresses[0]['value']}:{ports[0]}"

    def _attribute(self, item: Item, name: str, relation: str, around: Mapping[str, Any]) -> None:
        """One attribute of the event or of an object called ``name``."""
        kind, value = text_of(item.get("type")), text_of(item.get("value"))
        if _deleted(item):
            return
        self.attributes += 1
        self.context.add(item)
        if str(item.get("distribution")) in _RESTRICTED:
            self.restricted = True
        if not kind or not value:
            self.tally.note("attributes without a type and a value, skipped", error=True)
            return
        category, comment = text_of(item.get("category")), text_of(item.get("comment"))
        if self._about_people(kind, value, name, relation):
            return
        rule = PLACES.get((name, relation)) or TYPES.get(kind)
        if rule is None:
            self.tally.note("attributes of types that are not compared", kind)
            return
        parts = rule(value)
        if not parts:
            self.tally.note("attributes without an exact value of their type", kind)
        victim = name in VICTIM_OBJECTS or (name == "email" and relation in _RECIPIENTS)
        window = self._window(item, around)
        grouped: list[Record] = []
        for part in parts:
            role = "victim" if victim else role_of(part, kind, category, comment)
            grouped.append(self._observable(part, role, window, item, relation))
            if kind == "link" and category == "External analysis":
                self.cites.add(part.value)
        self.observables += grouped

    def _about_people(self, kind: str, value: str, name: str, relation: str) -> bool:
        """Take what an attribute says of actors and victims; whether it is such an attribute."""
        if kind == "threat-actor":
            self.actors |= {name_of(value)} - {""}
            return True
        if kind == "target-location":
            code = country_code(value)
            if code:
                self.victims.append({"country": code})
            else:
                self.tally.note("targets that are no known country, not used", value)
            return True
        return name in VICTIM_OBJECTS and relation == "sectors"

    def _observable(
        self, part: Part, role: str, window: Record, item: Item, relation: str
    ) -> Record:
        return {
            "type": part.kind,
            "value": part.value,
            "role": role,
            **window,
            "source": text_of(item.get("uuid")),
            "relation": relation,
        }

    def _window(self, item: Item, around: Mapping[str, Any]) -> Record:
        """First and last day seen: own, else of the object, to the last sighting.

        A value with sightings and no first day was first seen for the event.
        """
        first = day_of(item.get("first_seen")) or day_of(around.get("first_seen"))
        lasts = [day_of(item.get("last_seen")) or day_of(around.get("last_seen"))]
        for sighting in dicts_of(item.get("Sighting")):
            if str(sighting.get("type", "0")) == "0":  # 1 is a false positive, 2 an expiry
                lasts.append(_day(sighting.get("date_sighting")))
            else:
                self.tally.note("sightings that report a false positive or an expiry, not used")
        if len(lasts) > 1 and not first:
            first = lasts[0] or day_of(self.event.get("date"))
        return window_of(first, max(lasts))


def _group(own: list[Record]) -> None:
    """Give the hashes of a file object the key of their file, unless two of a kind differ."""
    hashes: dict[str, str] = {}
    found = [o for o in own if o["type"].startswith("file:") and o["type"] not in _NAMES]
    for item in found:
        if hashes.setdefault(item["type"], item["value"].lower()) != item["value"].lower():
            return
    key = file_key(hashes)
    for item in found if key else ():
        item["file"] = key


_NAMES = ("file:name", "file:path")


def _deleted(item: Mapping[str, Any]) -> bool:
    return item.get("deleted") in (True, 1, "1")


def _day(value: object) -> str:
    """The day of a Unix time in seconds, as MISP writes it, or ''."""
    text = str(value) if isinstance(value, int) else text_of(value)
    if not re.fullmatch(r"\d{1,11}", text) or int(text) == 0:
        return ""
    return datetime.fromtimestamp(int(text), UTC).date().isoformat()
