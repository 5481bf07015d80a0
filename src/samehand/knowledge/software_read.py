"""Raw statements about malware and tools: one `Entry` per galaxy item, one `Use` per stated user.

Nothing is merged here; `software.gather` decides which entries are one family.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from samehand.errors import ConfigError
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

OWN = "public_tools"
#: Galaxy -> the kind that membership states; "" where a galaxy mixes kinds.
GALAXIES = {
    "mitre-malware": "malware",
    "mitre-tool": "tool",
    "malpedia": "malware",
    "tidal-software": "",
    "tool": "",
    "rat": "rat",
    "ransomware": "ransomware",
    "stealer": "stealer",
    "backdoor": "backdoor",
    "banker": "banker",
    "botnet": "botnet",
    "android": "malware",
}
ACTORS = ("mitre-intrusion-set", "threat-actor", "tidal-groups", "microsoft-activity-group")
#: Relations that say an actor uses a family, from the actor's and from the software's side.
_USES = frozenset(("uses", "deploys", "delivers"))
_USED = frozenset(("used-by", "is-deployed-by", "delivered-by"))
#: What Malpedia's ids (win.emotet) and bracketed qualifiers say about the platform; the prefixes
#: of scripts (ps1, js, vbs, py, jar, php) name a language and no platform.
_PREFIX = {
    "win": "Windows",
    "elf": "Linux",
    "apk": "Android",
    "osx": "macOS",
    "ios": "iOS",
    "aix": "AIX",
    "symbian": "Symbian",
}
_QUALIFIER = re.compile(r"^(.*\S)\s*\((Android|ELF|Windows|OS X|iOS|symbian|Linux)\)$", re.I)
_PREFIXED = re.compile(r"^(?:win|elf|apk|osx|ios|android)\.(\w{3,})$")
_MALPEDIA_ID = re.compile(r"/details/([a-z0-9]+)\.([a-z0-9_]+)$")
_ATTACK_SUFFIX = re.compile(r" - S\d{4}$")
_GROUP_SUFFIX = re.compile(r" - G\d{4}$")
_REMARK = re.compile(r"(?: \(Deprecated\)| - Duplicate)$")
_YEAR = re.compile(r"\b(19[89]\d|20[0-3]\d)\b")
#: Words that the galaxy "tool" and Malpedia use as type.
_TYPES = {
    "backdoor": "backdoor",
    "rat": "rat",
    "webshell": "webshell",
    "loader": "loader",
    "dropper": "loader",
    "pws": "stealer",
    "banking": "banker",
    "hacktool": "tool",
    "post-exploitation framework": "tool",
    "exploitation framework": "tool",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says about one piece of software."""

    source: str
    name: str
    aliases: tuple[str, ...] = ()
    uuid: str = ""
    kind: str = ""
    platforms: tuple[str, ...] = ()
    attack_id: str = ""
    first_seen: str = ""
    """Year, or '' if the source states none."""
    public: bool = False
    """The source calls it a tool that anybody can have."""
    public_since: str = ""
    """ISO year, month or day."""
    closed: bool = False
    """The source says that it is not public, whatever others call it."""


@dataclass(frozen=True, slots=True)
class Use:
    """One source says that an actor uses a piece of software."""

    uuid: str
    """Of the software."""
    actor: str
    """As the source spells it."""
    source: str
    """The catalogue that names the actor."""


def bare(name: str) -> str:
    """A name folded and without its platform in brackets: 'Babuk (ELF)' is 'babuk'."""
    qualified = _QUALIFIER.match(name)
    return name_key(qualified[1] if qualified else name)


def galaxy_entries(source: str, values: Iterable[dict[str, Any]]) -> Iterator[Entry]:
    """The entries of one galaxy's clusters, in their order."""
    values = list(values)
    successor = _successors(values)
    for value in values:
        yield _entry(source, value, successor)


def _entry(source: str, value: dict[str, Any], successor: dict[str, dict[str, Any]]) -> Entry:
    meta = value.get("meta") or {}
    name = _REMARK.sub("", _ATTACK_SUFFIX.sub("", value["value"].strip()))
    aliases = [alias for text in meta.get("synonyms") or () for alias in _split(text)]
    platforms = list(meta.get("mitre_platforms") or meta.get("platforms") or ())
    types = [str(t).lower() for t in meta.get("type") or ()]
    kind = GALAXIES.get(source, "") or next((_TYPES[t] for t in types if t in _TYPES), "")
    attack_id = meta.get("external_id", "")
    public = source == "mitre-tool"
    if source == "malpedia":
        aliases += _malpedia_names(meta.get("refs") or (), platforms)
    elif source == "tidal-software":
        # Tidal numbers its own software S3000 and up: those are not ATT&CK ids.
        attack_id = meta["software_attack_id"] if meta.get("source") == "MITRE" else ""
        kind, public = (types[0] if types else ""), types == ["tool"]
    elif source == "android":
        platforms = ["Android"]
    qualified = _QUALIFIER.match(name)
    if qualified:
        aliases.append(qualified[1])
        prefix = {"elf": "Linux", "os x": "macOS", "symbian": "Symbian"}
        platforms.append(prefix.get(qualified[2].lower(), qualified[2]))
    if value["uuid"] in successor:  # ATT&CK withdrew this entry in favour of another
        aliases, newer = [name, *aliases], successor[value["uuid"]]
        name = _ATTACK_SUFFIX.sub("", newer["value"])
        attack_id = newer["meta"]["external_id"]
    stated = _YEAR.search(str(meta.get("date", "")))
    return Entry(
        source=source,
        name=name,
        aliases=tuple(dict.fromkeys(a for a in aliases if a != name)),
        uuid=value["uuid"],
        kind=kind,
        platforms=tuple(sorted(set(platforms))),
        attack_id=attack_id,
        first_seen=stated[1] if stated else "",
        public=public,
    )


def _split(text: str) -> Iterator[str]:
    """The names inside one synonym field: some galaxies put several into one string."""
    for part in text.split(", ") if "(" not in text else [text]:
        prefixed = _PREFIXED.match(part.strip())
        yield prefixed[1] if prefixed else part.strip()


def _malpedia_names(refs: Sequence[str], platforms: list[str]) -> list[str]:
    """The Malpedia id such as win.emotet, which is a name of its own; notes its platform."""
    for ref in refs:
        found = _MALPEDIA_ID.search(ref)
        if found:
            platforms += [_PREFIX[found[1]]] if found[1] in _PREFIX else []
            return [f"{found[1]}.{found[2]}"]
    return []


def _successors(values: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Uuid of a withdrawn ATT&CK entry -> the entry of the same galaxy that replaces it."""
    known = {value["uuid"]: value for value in values}
    return {
        value["uuid"]: known[relation["dest-uuid"]]
        for value in values
        for relation in value.get("related") or ()
        if relation["type"] == "revoked-by" and relation["dest-uuid"] in known
    }


def galaxy_uses(
    software: Sequence[dict[str, Any]], actors: Mapping[str, Sequence[dict[str, Any]]]
) -> Iterator[Use]:
    """Every stated use, from relations on either side; `actors` is catalogue -> its clusters."""
    spelled = {
        value["uuid"]: (_GROUP_SUFFIX.sub("", value["value"]), catalogue)
        for catalogue, values in actors.items()
        for value in values
    }
    families = {value["uuid"] for value in software}
    for value in software:
        for relation in value.get("related") or ():
            actor = spelled.get(relation["dest-uuid"])
            if relation["type"].strip() in _USED and actor:
                yield Use(value["uuid"], *actor)
    for values in actors.values():
        for value in values:
            for relation in value.get("related") or ():
                if relation["type"].strip() in _USES and relation["dest-uuid"] in families:
                    yield Use(relation["dest-uuid"], *spelled[value["uuid"]])


def own_entries(text: str) -> list[Entry]:
    """The entries of `public_tools.toml`."""
    raw = tomllib.loads(text)
    entries = [
        Entry(
            source=OWN,
            name=row["name"],
            aliases=tuple(row.get("aliases", ())),
            kind=_OWN_KINDS.get(row["kind"], row["kind"]),
            attack_id=row.get("attack", ""),
            public=True,
            public_since=row.get("public_on") or str(row.get("public_since", "")),
        )
        for row in raw["tool"]
    ]
    entries += [
        Entry(source=OWN, name=row["name"], aliases=tuple(row.get("aliases", ())), closed=True)
        for row in raw["closed"]
    ]
    return entries


#: How our kinds read for a family; 'leaked' tells how it became public, not what it is.
_OWN_KINDS = {"offensive": "tool", "leaked": ""}


def stix_entries(domain: str, objects: Iterable[dict[str, Any]]) -> tuple[list[Entry], list[Use]]:
    """Entries and uses of a fetched ATT&CK bundle; they join the bundled ones by their id."""
    source = f"attack-{domain}"
    entries: list[Entry] = []
    groups: dict[str, str] = {}
    relations: list[dict[str, Any]] = []
    for item in objects:
        if item.get("revoked") or item.get("x_mitre_deprecated"):
            continue
        kind = item["type"]
        if kind == "intrusion-set":
            groups[item["id"]] = item["name"]
        elif kind == "relationship" and item["relationship_type"] == "uses":
            relations.append(item)
        elif kind in ("malware", "tool"):
            identifier = next(
                r["external_id"]
                for r in item["external_references"]
                if r.get("source_name") == "mitre-attack"
            )
            named = (a for a in item.get("x_mitre_aliases") or () if a != item["name"])
            entries.append(
                Entry(
                    source=source,
                    name=item["name"],
                    aliases=tuple(dict.fromkeys(named)),
                    uuid=item["id"],
                    kind=kind,
                    platforms=tuple(sorted(item.get("x_mitre_platforms") or ())),
                    attack_id=identifier,
                    public=kind == "tool",
                )
            )
    known = {entry.uuid for entry in entries}
    uses = [
        Use(r["target_ref"], groups[r["source_ref"]], source)
        for r in relations
        if r["source_ref"] in groups and r["target_ref"] in known
    ]
    return entries, uses


def read(sources: Sources) -> tuple[list[Entry], list[Use]]:
    """All entries and uses of the sources.

    Raises:
        ConfigError: if a galaxy or bundle cannot be read.
    """
    software = {name: _values(sources.galaxy(name), "values") for name in GALAXIES}
    actors = {name: _values(sources.galaxy(name), "values") for name in ACTORS}
    entries = [entry for name in GALAXIES for entry in galaxy_entries(name, software[name])]
    uses = list(galaxy_uses([v for name in GALAXIES for v in software[name]], actors))
    for domain in ("enterprise", "mobile", "ics"):
        bundle = sources.attack(domain)
        if bundle is not None:
            more, used = stix_entries(domain, _values(bundle, "objects"))
            entries += more
            uses += used
    entries += own_entries(sources.own("public_tools.toml").read_text(encoding="utf-8"))
    return [replace(e, aliases=tuple(a for a in e.aliases if a)) for e in entries], uses


def _values(place: Path, field: str) -> list[dict[str, Any]]:
    try:
        values: list[dict[str, Any]] = msgspec.json.decode(place.read_bytes())[field]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise ConfigError(
            f"{place}: not a list of malware and tools ({error}). Run 'samehand knowledge update' "
            "again, or reinstall the data package pymispgalaxies."
        ) from error
    return values
