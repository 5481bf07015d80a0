"""What MISP galaxies state about ATT&CK, and what all sources state together."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from samehand.errors import ConfigError
from samehand.knowledge.attack_stix import (
    ATTACK_ID,
    TECHNIQUE_ID,
    Item,
    Reading,
    decode_bundle,
    distinct,
    read_bundle,
    relate,
)
from samehand.knowledge.sources import Sources

DOMAINS = ("enterprise", "mobile", "ics")
SUPPLEMENT = "attack_supplement.toml"
PACKAGE = "pymispgalaxies"

_PLACES = {
    "mitre-attack-pattern": "technique",
    "mitre-intrusion-set": "group",
    "mitre-malware": "malware",
    "mitre-tool": "tool",
}
#: Editions of 2018, for names that techniques had then; also the identifiers of PRE and Mobile.
_OLD_EDITIONS = (
    "mitre-enterprise-attack-attack-pattern",
    "mitre-mobile-attack-attack-pattern",
    "mitre-pre-attack-attack-pattern",
)
#: How the galaxies write the identifier behind a name.
_ID_AT_END = re.compile(r"\s+-\s+(?:(?:MOB-|PRE-)?T\d{4}(?:\.\d{3})?|[GS]\d{4})$")
#: How descriptions in the galaxies, which have no field for it, say that an entry is deprecated.
_DEPRECATED = re.compile(
    r"\**\s*(?:This (?:object|technique|entry)|\[[^\]]*\]\([^)]*\)) (?:is|was|has been) deprecated",
    re.IGNORECASE,
)


class _Related(msgspec.Struct, frozen=True):
    type: str = ""
    dest_uuid: str = msgspec.field(name="dest-uuid", default="")


class _Meta(msgspec.Struct, frozen=True):
    external_id: str = ""
    kill_chain: list[str] = []
    mitre_platforms: list[str] = []
    synonyms: list[str] = []
    ics_id: list[str] = msgspec.field(name="Technique ID", default=[])
    ics_tactic: list[str] = msgspec.field(name="Tactic", default=[])


class _Value(msgspec.Struct, frozen=True):
    value: str
    uuid: str = ""
    description: str = ""
    meta: _Meta = _Meta()
    related: list[_Related] = []
    revoked: bool = False

    @property
    def name(self) -> str:
        return _ID_AT_END.sub("", self.value).strip()


class _Galaxy(msgspec.Struct, frozen=True):
    values: list[_Value]
    version: int | str = ""


def _galaxy(path: Path) -> _Galaxy:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Galaxy)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: not a MISP galaxy cluster file ({error}). If it was fetched, run "
            "'samehand knowledge update' again; else install pymispgalaxies anew."
        ) from error


def supplement(sources: Sources) -> dict[str, Any]:
    """Our own table of what the galaxies lack."""
    return tomllib.loads(sources.own(SUPPLEMENT).read_text(encoding="utf-8"))


def read_galaxies(sources: Sources) -> Reading:
    """What the MISP galaxies state, mended and completed by our supplement."""
    ours = supplement(sources)
    reading = Reading(tactic_order={d: tuple(t) for d, t in ours["tactic_order"].items()})
    id_of: dict[str, str] = {}
    related: list[tuple[str, _Value]] = []
    for place, kind in _PLACES.items():
        galaxy = _galaxy(sources.galaxy(place))
        if kind == "technique":
            reading.version = str(galaxy.version)
        for value in galaxy.values:
            identifier = value.meta.external_id
            if not ATTACK_ID.fullmatch(identifier):
                continue
            id_of[value.uuid] = identifier
            related.append((identifier, value))
            reading.items[identifier] = _item(value, kind)
    for identifier, value in related:
        for relation in value.related:
            target = id_of.get(relation.dest_uuid)
            if target:
                relate(reading, relation.type, identifier, target)
    _read_old_editions(reading, sources, id_of)
    _read_ics(reading, sources, ours)
    _supplement(reading, ours)
    return reading


def _item(value: _Value, kind: str) -> Item:
    phases = [phase.partition(":") for phase in value.meta.kill_chain]
    matrices = {matrix for matrix, _, _ in phases}
    if value.revoked:
        status = "revoked"
    elif "pre-attack" in matrices or _DEPRECATED.match(value.description):
        status = "deprecated"
    else:
        status = "active"
    domain = ""
    if kind == "technique":
        # Those without a kill chain (14 in version 33) are revoked mobile ones.
        mobile = not matrices or any(m.startswith("mobile-attack") for m in matrices)
        domain = "mobile" if mobile else "enterprise"
    return Item(
        id=value.meta.external_id,
        kind=kind,
        name=value.name,
        names=distinct(*value.meta.synonyms),
        status=status,
        domain=domain,
        tactics=distinct(*(tactic for _, _, tactic in phases)),
        platforms=distinct(*value.meta.mitre_platforms),
    )


def _read_old_editions(reading: Reading, sources: Sources, id_of: dict[str, str]) -> None:
    """Add names and identifiers of 2018, and revocations that later editions lost."""
    for place in _OLD_EDITIONS:
        for value in _galaxy(sources.galaxy(place)).values:
            identifier = id_of.get(value.uuid)
            item = reading.items.get(identifier or "")
            if not identifier or not item:
                continue
            if value.name != item.name:
                reading.items[identifier] = replace(item, names=(*item.names, value.name))
            if value.meta.external_id != identifier:
                reading.former[value.meta.external_id] = identifier
            for relation in value.related:
                target = id_of.get(relation.dest_uuid)
                if target:
                    relate(reading, relation.type, identifier, target)


def _read_ics(reading: Reading, sources: Sources, ours: dict[str, Any]) -> None:
    """Add the ICS techniques of the wiki of 2020, whose T8xx are today's T08xx."""
    ids, order = ours["ics_ids"], ours["tactic_order"]["ics"]
    known = [t for t in order if t != "privilege-escalation"]  # came later
    for value in _galaxy(sources.galaxy("mitre-ics-techniques")).values:
        written = (value.meta.ics_id or [""])[0]
        identifier = ids.get(value.value, "T0" + written.removeprefix("T"))
        if not TECHNIQUE_ID.fullmatch(identifier):
            continue
        # Several tactics stand in one string, with and without a comma between them.
        text = " ".join(value.meta.ics_tactic).lower().replace(" ", "-")
        reading.items[identifier] = Item(
            id=identifier,
            kind="technique",
            name=value.value,
            names=(),
            status="active",
            domain="ics",
            tactics=tuple(t for t in known if t in text),
        )
        reading.former["T" + identifier[2:]] = identifier


def _supplement(reading: Reading, ours: dict[str, Any]) -> None:
    """Apply our table: techniques that lack, and what changed for those in an older form."""
    for row in ours["technique"]:
        reading.items.setdefault(
            row["id"],
            Item(
                id=row["id"],
                kind="technique",
                name=row["name"],
                names=(),
                status=row.get("status", "active"),
                domain=row["domain"],
                tactics=tuple(row["tactics"]),
            ),
        )
    for row in ours["change"]:
        item = reading.items.get(row["id"])
        if not item:
            continue
        name = row.get("name", item.name)
        names = item.names if name == item.name else (item.name, *item.names)
        reading.items[item.id] = replace(
            item, name=name, names=names, status=row.get("status", item.status)
        )


def read(sources: Sources) -> Reading:
    """What all sources state together: for each domain its fetched bundle, else the galaxies.

    Raises:
        ConfigError: if a source cannot be read.
    """
    whole, ours = read_galaxies(sources), supplement(sources)
    galaxy_version = whole.version
    fetched: dict[str, Reading] = {}
    versions: dict[str, list[str]] = {}
    for domain in DOMAINS:
        path = sources.attack(domain)
        if path is None:
            continue
        try:
            fetched[domain] = read_bundle(decode_bundle(path.read_bytes()), domain)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{path}: not an ATT&CK bundle ({error}). Run 'samehand knowledge update' again, "
                "or remove the folder to use what is bundled."
            ) from error
        versions.setdefault(fetched[domain].version, []).append(domain)
    if fetched:
        _overlay(whole, fetched, {row["id"] for row in ours["technique"]})
    for row in ours["earlier"]:
        item = whole.items.get(row["id"])
        if item:
            whole.items[item.id] = replace(item, names=(*item.names, *row["names"]))
    parts = [f"ATT&CK v{v} ({', '.join(domains)})" for v, domains in versions.items()]
    if len(fetched) < len(DOMAINS):
        parts.append(_galaxy_words(sources, galaxy_version, bool(fetched)))
    whole.version = "; ".join(parts)
    return whole


def _galaxy_words(sources: Sources, version: str, beside: bool) -> str:
    """What the galaxies are, in words; the version of ATT&CK is inferred where we know it."""
    row = sources.updated.get("galaxies/mitre-attack-pattern.json")
    origin = f"retrieved {row.retrieved}" if row else f"{PACKAGE} {sources.packages[PACKAGE]}"
    galaxy = f"MISP galaxy mitre-attack-pattern {version}, {origin}"
    inferred = supplement(sources)["inferred"]
    if beside:
        return galaxy
    if version == str(inferred["galaxy"]):
        return f"ATT&CK v{inferred['attack']} (inferred), {galaxy}"
    return f"ATT&CK (version not stated), {galaxy}"


def _overlay(whole: Reading, fetched: dict[str, Reading], ours: set[str]) -> None:
    """Put bundles over the galaxies; names and identifiers that only the galaxies know stay.

    ATT&CK never takes a technique back without a trace, so one that a bundle lacks was dropped
    before it; but one of ours may be newer than the bundle.
    """
    new: dict[str, Item] = {}
    for reading in fetched.values():
        for item in reading.items.values():
            held = new.get(item.id)
            if held:  # a group or software that stands in several bundles
                item = replace(
                    held,
                    names=distinct(*held.names, *item.names),
                    platforms=distinct(*held.platforms, *item.platforms),
                )
            new[item.id] = item
    whole.uses = {
        (source, target)
        for source, target in whole.uses
        if whole.items[target].domain not in fetched and (target[0] == "T" or source not in new)
    }
    for identifier, item in new.items():
        old = whole.items.get(identifier)
        names = distinct(*item.names, old.name, *old.names) if old else item.names
        whole.items[identifier] = replace(item, names=names)
        whole.successors.pop(identifier, None)
    for identifier in whole.items.keys() - new.keys() - ours:
        item = whole.items[identifier]
        if item.domain in fetched and item.status == "active":
            whole.items[identifier] = replace(item, status="deprecated")
    for domain, reading in fetched.items():
        whole.successors.update(reading.successors)
        whole.uses |= reading.uses
        whole.tactic_order[domain] = distinct(
            *reading.tactic_order[domain], *whole.tactic_order[domain]
        )
