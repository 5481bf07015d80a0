"""Whether a fetched file may be used, and what it changes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from samehand.knowledge.attack_read import read, read_galaxies
from samehand.knowledge.attack_stix import Bundle, Item, decode_bundle, read_bundle
from samehand.knowledge.sources import Sources

#: Nesting in files of today is 6 at most, the longest string 14,480 characters.
MAX_DEPTH = 32
MAX_STRING_BYTES = 1_000_000
#: A new file must hold this share of what is in use; ATT&CK and galaxies hardly ever shrink.
FLOOR = 0.8
#: Names that a change lists before it only counts.
EXAMPLES = 20
_CHUNK_BYTES = 1 << 22


def check_limits(data: bytes) -> None:
    """Nothing, if nesting and strings of a JSON text stay within limits.

    Works on brackets and quotes alone, before any parser builds objects.

    Raises:
        ValueError: if they do not.
    """
    plain = np.frombuffer(data.replace(b"\\\\", b"__").replace(b'\\"', b"__"), dtype=np.uint8)
    inside, opened_at, depth = 0, 0, 0
    for start in range(0, len(plain), _CHUNK_BYTES):
        part = plain[start : start + _CHUNK_BYTES]
        quotes = part == ord('"')
        state = (np.cumsum(quotes) + inside) & 1
        ends = np.flatnonzero(quotes) + start
        if inside:
            ends = np.concatenate(([opened_at], ends))
        closed = ends[: len(ends) // 2 * 2].reshape(-1, 2)
        longest = int((closed[:, 1] - closed[:, 0]).max(initial=0))
        inside = int(state[-1])
        opened_at = int(ends[-1]) if inside else 0
        if max(longest, start + len(part) - opened_at if inside else 0) > MAX_STRING_BYTES:
            raise ValueError(f"a string is longer than {MAX_STRING_BYTES} bytes")
        opening = (part == ord("[")) | (part == ord("{"))
        closing = (part == ord("]")) | (part == ord("}"))
        step = np.where(state == 0, opening.astype(np.int8) - closing.astype(np.int8), 0)
        levels = np.cumsum(step, dtype=np.int64) + depth
        depth = int(levels[-1])
        if int(levels.max()) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


class _Value(msgspec.Struct, frozen=True):
    value: str
    uuid: str
    revoked: bool = False


class _Galaxy(msgspec.Struct, frozen=True):
    name: str
    uuid: str
    version: int
    values: list[_Value]


def _galaxy(data: bytes) -> _Galaxy:
    try:
        return msgspec.json.decode(data, type=_Galaxy)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True)
class InUse:
    """What is in use before an update, as far as new files are measured against it."""

    sources: Sources
    floor: float = FLOOR

    @cached_property
    def _techniques(self) -> dict[str, list[Item]]:
        """Domain -> techniques, without PRE-ATT&CK, which no bundle carries any more."""
        reading = read_galaxies(self.sources)
        gone = {new for old, new in reading.former.items() if old.startswith("PRE-")}
        found: dict[str, list[Item]] = {}
        for item in reading.items.values():
            if item.kind == "technique" and item.id not in gone:
                found.setdefault(item.domain, []).append(item)
        return found

    def techniques(self, domain: str) -> list[Item]:
        """The techniques of a domain."""
        path = self.sources.attack(domain)
        if path is None:
            return self._techniques.get(domain, [])
        reading = read_bundle(decode_bundle(path.read_bytes()), domain)
        return [item for item in reading.items.values() if item.kind == "technique"]

    def galaxy(self, name: str) -> _Galaxy | None:
        """A galaxy, if it is in use at all."""
        path = self.sources.galaxy(name)
        return _galaxy(path.read_bytes()) if path.is_file() else None

    def version(self, name: str) -> str:
        """The version of a file in use; '' if there is none."""
        if name in self.sources.updated:
            return self.sources.updated[name].version
        if name.startswith("attack/"):
            return ""
        galaxy = self.galaxy(Path(name).stem)
        return str(galaxy.version) if galaxy else ""

    def require(self, what: str, new: int, old: int) -> None:
        """Nothing, if a new file holds enough; a ValueError that says so if not."""
        if new < self.floor * old:
            raise ValueError(
                f"it holds {new} {what} where {old} are in use; it looks truncated or replaced"
            )


def check(name: str, data: bytes, in_use: InUse) -> str:
    """The version of a new file that may be used.

    Raises:
        ValueError: if it may not; the message says why.
    """
    check_limits(data)
    stem = Path(name).stem
    if name.startswith("attack/"):
        return _check_bundle(decode_bundle(data), stem.removesuffix("-attack"), in_use)
    return _check_galaxy(_galaxy(data), stem, in_use)


def _check_bundle(bundle: Bundle, domain: str, in_use: InUse) -> str:
    version = bundle.collection.x_mitre_version if bundle.collection else ""
    if not version:
        raise ValueError("no x-mitre-collection with a version is in the bundle")
    stated = [o.x_mitre_domains for o in bundle.objects if o.type == "attack-pattern"]
    stated = [domains for domains in stated if domains]
    if sum(f"{domain}-attack" in domains for domains in stated) * 2 < len(stated):
        raise ValueError(f"its techniques are not of the domain {domain}")
    reading = read_bundle(bundle, domain)
    new = [item for item in reading.items.values() if item.kind == "technique"]
    if not new:
        raise ValueError("no techniques (attack-pattern) are in the bundle")
    old = in_use.techniques(domain)
    in_use.require("techniques", len(new), len(old))
    active = [sum(i.status == "active" for i in items) for items in (new, old)]
    in_use.require("techniques in force", *active)
    return version


def _check_galaxy(galaxy: _Galaxy, name: str, in_use: InUse) -> str:
    if not galaxy.values:
        raise ValueError("its list of values is empty")
    for value in galaxy.values:
        if not value.value.strip():
            raise ValueError(f"the value {value.uuid[:50]!r} has no name")
        uuid.UUID(value.uuid)
    old = in_use.galaxy(name)
    if old:
        if galaxy.uuid != old.uuid and galaxy.name != old.name:
            raise ValueError(f"it is the galaxy {galaxy.name[:80]!r}, not {old.name!r}")
        in_use.require("values", len(galaxy.values), len(old.values))
    return str(galaxy.version)


@dataclass(frozen=True, slots=True)
class Listed:
    """How many, and the first of them by name."""

    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What an update changed for techniques, groups, software, or the values of a galaxy."""

    what: str
    added: Listed
    removed: Listed
    renamed: Listed
    revoked: Listed
    deprecated: Listed

    @property
    def total(self) -> int:
        """All that changed."""
        return sum(
            part.count
            for part in (self.added, self.removed, self.renamed, self.revoked, self.deprecated)
        )


#: Identifier -> (name, status).
_State = Mapping[str, tuple[str, str]]


def differences(old: Sources, new: Sources, names: tuple[str, ...]) -> tuple[Change, ...]:
    """What changed between sources: ATT&CK as the program reads it, and each galaxy."""
    before, after = read(old).items.values(), read(new).items.values()
    kinds: tuple[tuple[str, Callable[[Item], bool]], ...] = (
        ("techniques", lambda item: item.kind == "technique"),
        ("groups", lambda item: item.kind == "group"),
        ("software", lambda item: item.kind in ("malware", "tool")),
    )
    changes = []
    for what, belongs in kinds:
        states: list[_State] = [
            {i.id: (i.name, i.status) for i in items if belongs(i)} for items in (before, after)
        ]
        changes.append(_change(what, *states, with_id=True))
    for name in names:
        if name.startswith("galaxies/"):
            galaxies = [InUse(s).galaxy(Path(name).stem) for s in (old, new)]
            states = [
                {v.uuid: (v.value, "revoked" if v.revoked else "active") for v in g.values}
                if g
                else {}
                for g in galaxies
            ]
            changes.append(_change(f"galaxy {Path(name).stem}", *states, with_id=False))
    return tuple(change for change in changes if change.total)


def _change(what: str, old: _State, new: _State, *, with_id: bool) -> Change:
    def label(key: str, state: _State) -> str:
        return f"{key} {state[key][0]}" if with_id else state[key][0]

    both = old.keys() & new.keys()
    turned = {key: new[key][1] for key in both if new[key][1] != old[key][1]}
    return Change(
        what=what,
        added=_listed([label(k, new) for k in new.keys() - old.keys()]),
        removed=_listed([label(k, old) for k in old.keys() - new.keys()]),
        renamed=_listed([f"{label(k, old)} → {new[k][0]}" for k in both if new[k][0] != old[k][0]]),
        revoked=_listed([label(k, new) for k, status in turned.items() if status == "revoked"]),
        deprecated=_listed(
            [label(k, new) for k, status in turned.items() if status == "deprecated"]
        ),
    )


def _listed(labels: list[str]) -> Listed:
    return Listed(len(labels), tuple(sorted(labels)[:EXAMPLES]))
