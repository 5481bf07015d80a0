"""The observables of a STIX scope: values, roles, windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from samehand.formats.reading import (
    Record,
    Tally,
    day_of,
    dicts_of,
    name_of,
    text_of,
    texts_of,
    window_of,
)
from samehand.formats.stix_bundle import Bundle, Item, Scope, refs_of
from samehand.formats.stix_claims import MAX_LISTED, references_of
from samehand.formats.stix_patterns import PatternError, comparisons, parse_pattern
from samehand.formats.stix_values import (
    SCO_TYPES,
    Value,
    is_inexact,
    values_of_object,
    values_of_pattern,
    yara_rule_names,
)

#: Words of indicator_types, labels, infrastructure_types and kill chain phases -> role. The passive
#: ones stand first: what is called benign is not compared, whatever else it is called.
_ROLES = {
    "benign": "benign",
    "false-positive": "benign",
    "sinkhole": "sinkhole",
    "victim": "victim",
    "c2": "c2",
    "command-and-control": "c2",
    "c&c": "c2",
    "download": "download",
    "payload-delivery": "download",
    "delivery": "download",
    "hosting-malware": "download",
    "phishing": "phishing",
}
_NO_VALUE = "indicators with patterns that hold no exact comparison of a known type"
_ADDRESSES = ("ipv4-addr", "ipv6-addr")
_C2_RELATIONS = ("beacons-to", "exfiltrates-to")

Days = tuple[str, str]


def _union(one: Days | None, other: Days) -> Days:
    firsts = [d for d in ((one or other)[0], other[0]) if d]
    lasts = [d for d in ((one or other)[1], other[1]) if d]
    return min(firsts, default=""), max(lasts, default="")


def _role_of(item: Item) -> str:
    """The role that an object's own words give it."""
    words = {
        name_of(word).lower().replace("_", "-").replace(" ", "-")
        for key in ("indicator_types", "infrastructure_types", "labels")
        for word in texts_of(item.get(key), MAX_LISTED)
    }
    for phase in dicts_of(item.get("kill_chain_phases"), MAX_LISTED):
        words.add(name_of(phase.get("phase_name")).lower().replace(" ", "-"))
    return next((role for word, role in _ROLES.items() if word in words), "")


@dataclass(slots=True)
class Observables:
    """Values of a bundle's objects; each is read once, however many reports name it."""

    bundle: Bundle
    tally: Tally
    _known: dict[str, list[Value]] = field(default_factory=dict)
    _sightings: dict[str, Days] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in self.bundle.of_type("sighting"):
            days = day_of(item.get("first_seen")), day_of(item.get("last_seen"))
            for target in refs_of(item, "sighting_of_ref"):
                self._sightings[target] = _union(self._sightings.get(target), days)

    def of(self, scope: Scope, published: str) -> list[Record]:
        """The observables of one record, published on that day ('' if unknown)."""
        roles = self._roles(scope)
        windows: dict[str, Days] = {}
        for item in scope.items.values():
            if item["type"] == "observed-data":
                days = day_of(item.get("first_observed")), day_of(item.get("last_observed"))
                for ref in refs_of(item, "object_refs"):
                    windows[ref] = _union(windows.get(ref), days)
        folders = {
            ref
            for item in scope.items.values()
            if item["type"] == "file"
            for ref in refs_of(item, "parent_directory_ref")
        }
        found: list[Record] = []
        for identifier, item in scope.items.items():
            if identifier in folders:
                continue
            values = self._known.get(identifier)
            if values is None:
                values = self._known[identifier] = list(self._values(item))
            if not self.bundle.spend(len(values)):
                scope.complete = False
                break
            days = _union(windows.get(identifier), _own_days(item, published))
            if identifier in self._sightings:
                days = _union(days if any(days) else (published, ""), self._sightings[identifier])
            role = roles.get(identifier, "")
            found += [_record(value, role, days, identifier) for value in values]
        return found

    def _values(self, item: Item) -> Iterator[Value]:
        kind = item["type"]
        if kind == "indicator":
            yield from self._of_indicator(item)
        elif kind == "observed-data" and isinstance(item.get("objects"), dict):
            embedded: Mapping[str, object] = item["objects"]  # STIX 2.0

            def resolve(ref: str) -> Item | None:
                target = embedded.get(ref)
                return target if isinstance(target, dict) else None

            for key in sorted(embedded):
                target = resolve(key)
                if target is not None:
                    yield from values_of_object(target, resolve)
        elif kind == "vulnerability":
            names = [text_of(r.get("external_id")) for r in references_of(item)]
            for name in (text_of(item.get("name")), *names):
                if name.upper().startswith("CVE-"):
                    yield Value("vulnerability", name)
                    break
            else:
                self.tally.note(
                    "vulnerabilities without a CVE identifier, not compared", item["id"]
                )
        elif kind in SCO_TYPES:
            values = values_of_object(item, self.bundle.items.get)
            if not values:
                self.tally.note("cyber-observable objects without a value of a known type", kind)
            yield from values

    def _of_indicator(self, item: Item) -> list[Value]:
        language = text_of(item.get("pattern_type")) or "stix"
        pattern = item.get("pattern")
        if not isinstance(pattern, str) or not pattern.strip():
            self.tally.note("indicators without a pattern, skipped", item["id"], error=True)
            return []
        if language == "yara":
            names = yara_rule_names(pattern)
            if not names:
                self.tally.note(
                    "YARA indicators that hold no rule, skipped", item["id"], error=True
                )
            return [Value("yara-rule", name) for name in names]
        if language != "stix":
            self.tally.note("indicators in pattern languages that are not read", language)
            return []
        try:
            nodes = parse_pattern(pattern)
        except PatternError as error:
            self.tally.note(
                "indicators whose pattern cannot be read, skipped",
                f"{item['id']}, {error}",
                error=True,
            )
            return []
        values = values_of_pattern(nodes)
        if not values:
            first = next(comparisons(nodes), None)
            path = (
                f"{first.object}:{'.'.join(first.path)} {first.operator}" if first else item["id"]
            )
            self.tally.note(_NO_VALUE, path)
        elif any(is_inexact(node) for node in nodes):
            self.tally.note(
                "indicators that also compare by LIKE, MATCHES, NOT or an order; "
                "those parts give no value",
                item["id"],
            )
        return values

    def _roles(self, scope: Scope) -> dict[str, str]:
        """Identifier of an indicator or observable -> role, from its words and relationships."""
        roles: dict[str, str] = {}

        def give(identifier: str, role: str) -> None:
            if role and identifier:
                held = roles.get(identifier)
                ranked = list(_ROLES.values())
                if held is None or (
                    role in ranked
                    and (held not in ranked or ranked.index(role) < ranked.index(held))
                ):
                    roles[identifier] = role

        for identifier, item in scope.items.items():
            if item["type"] in ("indicator", "infrastructure"):
                give(identifier, _role_of(item))
        ends = [
            (
                text_of(r.get("relationship_type")),
                text_of(r["source_ref"]),
                text_of(r["target_ref"]),
            )
            for r in scope.relations
        ]
        for kind, _, target in ends:
            if kind in _C2_RELATIONS:
                give(target, "c2")
        for kind, source, target in ends:
            if kind == "indicates":
                give(source, roles.get(target, ""))
                indicated = self.bundle.items.get(target)
                if indicated and indicated["type"] == "malware" and source not in roles:
                    give(source, "(malware)")
        for kind, source, target in ends:
            if kind in ("consists-of", "based-on"):
                give(target, roles.get(source, ""))
                whole = self.bundle.items.get(target)
                for ref in refs_of(whole, "object_refs") if whole else ():
                    give(ref, roles.get(source, ""))
        return roles


def _own_days(item: Item, published: str) -> Days:
    if item["type"] == "observed-data":
        return day_of(item.get("first_observed")), day_of(item.get("last_observed"))
    if item["type"] != "indicator":
        return "", ""
    first, last = day_of(item.get("valid_from")), day_of(item.get("valid_until"))
    # Until when to look for a value is a plan; it was seen until the report at most.
    return first, min(last, published) if published else last


def _record(value: Value, role: str, days: Days, source: str) -> Record:
    if role == "(malware)":
        role = "malware" if value.kind.startswith("file:") else ""
    elif role == "c2" and value.kind.startswith("file:"):
        role = ""  # an indicator of C2 traffic may name the file that makes it
    record = {"type": value.kind, "value": value.value, "role": value.role or role}
    if value.file:
        record["file"] = value.file
    return {**record, **window_of(*days), "source": source}
