"""The files of the index over all MISP warning lists; `common_index` reads them.

Names and hashes lie in one trie over reversed values: the key of ``duckdns.org`` is
``gro.snddkcud.``, and the prefixes of a reversed value plus ``.`` are exactly the entries that it
equals or lies below. Networks lie in sorted elementary segments, each with its set of lists.

Two readings of an entry are kept side by side: the package's own (slow mode of
``pymispwarninglists``, quirks included), and ours without case and leading dot, so that
``.google.de`` holds ``google.de``.
"""

from __future__ import annotations

import io
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import marisa_trie
import msgspec
import numpy as np
import numpy.typing as npt

from samehand.errors import ConfigError
from samehand.knowledge.sources import Sources

Lists = tuple[int, ...]
#: IP version, first address, address after the last, number of the list.
_Network = tuple[int, int, int, int]

#: Lengths of hash values in hexadecimal: MD5, SHA-1, SHA-256, SHA-512.
HEX_LENGTHS = frozenset((32, 40, 64, 128))
HEX_START = re.compile(r"[0-9a-fA-F]{16}")
#: Stands between joined values; no pattern contains it, so no match crosses a border.
BORDER = "\n"


class ListInfo(msgspec.Struct, frozen=True):
    """One warning list."""

    folder: str
    name: str
    type: str
    version: str
    entries: int


class Group(msgspec.Struct, frozen=True):
    """The lists that hold one key of the trie, by how they hold it."""

    exact: Lists = ()
    """String lists: the value equals the entry."""
    text: Lists = ()
    """CIDR lists: the value is no address and equals the entry as text."""
    host: Lists = ()
    """Hostname lists, entry without leading dot: equals it or lies below."""
    dotted: Lists = ()
    """Hostname lists, entry with leading dot: lies below."""
    at: Lists = ()
    """Our reading: the value equals the entry, case and leading dot aside."""
    below: Lists = ()
    """Our reading: the value lies below the entry."""


class Tables(msgspec.Struct, frozen=True):
    """The small tables of the index."""

    lists: tuple[ListInfo, ...]
    groups: tuple[Group, ...]
    networks: tuple[Lists, ...]
    """Sets of CIDR lists; number 0 is the empty set."""
    patterns: tuple[tuple[str, Lists], ...]
    """Substrings, and the lists they are in."""
    last_octets: tuple[int, ...]
    """Last numbers of keys of digits and dots; only IPv4 addresses with these need the trie."""
    regexes: tuple[tuple[str, int], ...]
    """Regular expressions as written (PCRE with delimiters), and their list."""


class _File(msgspec.Struct):
    name: str
    type: str
    version: int | str
    entries: list[str] = msgspec.field(name="list")


def read_lists(folder: Path) -> Iterator[tuple[ListInfo, list[str]]]:
    """Every warning list with its entries, in the order of folder names.

    Raises:
        ConfigError: if a list cannot be read.
    """
    places = sorted(folder.glob("*/list.json"), key=lambda p: p.parent.name)
    if not places:
        raise ConfigError(f"{folder}: no warning lists there. Reinstall pymispwarninglists.")
    for place in places:
        try:
            raw = msgspec.json.decode(place.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"{place}: not a warning list ({error}). Reinstall pymispwarninglists."
            ) from error
        info = ListInfo(
            place.parent.name, raw.name, raw.type, str(raw.version), len(set(raw.entries))
        )
        yield info, raw.entries


def build_index(sources: Sources) -> dict[str, bytes]:
    """The files of the index, the same bytes for the same lists."""
    lists: list[ListInfo] = []
    keys = _Keys()
    networks: list[_Network] = []
    patterns: dict[str, set[int]] = {}
    regexes: list[tuple[str, int]] = []
    for number, (info, entries) in enumerate(read_lists(sources.warninglists())):
        lists.append(info)
        if info.type == "cidr":
            networks += _networks(entries, number, keys)
        elif info.type == "regex":
            regexes += [(entry, number) for entry in entries]
        elif info.type in ("string", "hostname", "substring"):
            keys.add_names(info.type, entries, number)
            if info.type == "substring":
                for entry in entries:
                    patterns.setdefault(entry, set()).add(number)
        else:
            raise ConfigError(
                f"warning list {info.folder}: its type {info.type!r} is not known, so its values "
                "would be missed. Use the version of pymispwarninglists in requirements/core.txt."
            )
    if any(not pattern or BORDER in pattern for pattern in patterns):
        raise ConfigError("a substring list has an entry that is empty or has two lines")
    sets: dict[Lists, int] = {(): 0}
    four = _segments(networks, 4, sets)
    six = _segments(networks, 6, sets)
    trie, group_of = keys.trie()
    hexes = sorted(
        {
            int(key[:16], 16)
            for key in (k[-2::-1] for k in keys.group_of if len(k) - 1 in HEX_LENGTHS)
            if "." not in key and HEX_START.match(key)
        }
    )
    tables = Tables(
        lists=tuple(lists),
        groups=tuple(keys.groups),
        networks=tuple(sets),
        patterns=tuple((p, tuple(sorted(i))) for p, i in sorted(patterns.items())),
        last_octets=tuple(sorted(_last_octets(keys.group_of))),
        regexes=tuple(regexes),
    )
    return {
        "names.marisa": trie,
        "groups.npy": _npy(group_of),
        "hex.npy": _npy(np.array(hexes, dtype=np.uint64)),
        "v4_start.npy": _npy(np.array([start for start, _ in four], dtype=np.uint32)),
        "v4_set.npy": _npy(np.array([number for _, number in four], dtype=np.uint16)),
        "v6_start.bin": b"".join(start.to_bytes(16, "big") for start, _ in six),
        "v6_set.npy": _npy(np.array([number for _, number in six], dtype=np.uint16)),
        "tables.msgpack": msgspec.msgpack.encode(tables),
    }


class _Keys:
    """Keys of the trie while it is built; keys held alike share one `Group`."""

    def __init__(self) -> None:
        self.groups: list[Group] = [Group()]
        self.group_of: dict[str, int] = {}
        self._number: dict[Group, int] = {self.groups[0]: 0}
        self._step: dict[tuple[int, int, tuple[str, ...]], int] = {}

    def add(self, value: str, number: int, roles: tuple[str, ...]) -> None:
        """Note that a list holds a value in the given ways (fields of `Group`)."""
        key = value[::-1] + "."
        step = (self.group_of.get(key, 0), number, roles)
        after = self._step.get(step)
        if after is None:
            before = self.groups[step[0]]
            grown = {role: tuple(sorted({*getattr(before, role), number})) for role in roles}
            group = msgspec.structs.replace(before, **grown)
            after = self._number.setdefault(group, len(self.groups))
            if after == len(self.groups):
                self.groups.append(group)
            self._step[step] = after
        self.group_of[key] = after

    def add_names(self, kind: str, entries: Sequence[str], number: int) -> None:
        """Add the entries of a string, hostname or substring list in both readings."""
        plain = {"string": ("exact",), "hostname": ("host",), "substring": ()}[kind]
        dotted = {"string": ("exact",), "hostname": ("dotted",), "substring": ()}[kind]
        own = ("at",) if kind == "string" else ("at", "below")
        both = plain + own
        for entry in entries:
            ours = entry.strip().lower().strip(".")
            if ours == entry:
                self.add(entry, number, both)
                continue
            leading = entry[:1] == "."
            if kind == "string":
                self.add(entry, number, plain)
            elif kind == "hostname":
                self.add(entry.lstrip("."), number, dotted if leading else plain)
            if ours:
                self.add(ours, number, ("at", "below") if leading else own)

    def trie(self) -> tuple[bytes, npt.NDArray[np.uint16]]:
        """The trie as bytes, and for each of its key numbers the number of a group."""
        if len(self.groups) >= 1 << 16:
            raise ConfigError("the warning lists overlap in too many ways for this index")
        keys = sorted(self.group_of)
        # One trie is a quarter larger than the default three and answers a quarter faster.
        made = marisa_trie.Trie(keys, num_tries=1)
        places = np.fromiter(map(made.key_id, keys), dtype=np.uint32, count=len(keys))
        groups = np.fromiter(map(self.group_of.__getitem__, keys), dtype=np.uint16, count=len(keys))
        group_of = np.zeros(len(keys), dtype=np.uint16)
        group_of[places] = groups
        return made.tobytes(), group_of


def _networks(entries: Iterable[str], number: int, keys: _Keys) -> Iterator[_Network]:
    """The valid networks of a list; entries that are no plain address also count as text."""
    for entry in entries:
        try:
            network = ipaddress.ip_network(entry)
        except ValueError:  # host bits set, or no network: the package ignores it, too
            keys.add(entry, number, ("text",))
            continue
        first = int(network.network_address)
        size = 1 << (network.max_prefixlen - network.prefixlen)
        yield network.version, first, first + size, number
        if "/" in entry:
            keys.add(entry, number, ("text",))


def _segments(
    networks: Iterable[_Network], version: int, sets: dict[Lists, int]
) -> list[tuple[int, int]]:
    """(first address, number of a set of lists) of the segments that networks cut, ascending."""
    changes = [(first, 1, number) for v, first, _, number in networks if v == version]
    changes += [(end, -1, number) for v, _, end, number in networks if v == version]
    limit = 1 << (32 if version == 4 else 128)
    active: Counter[int] = Counter()
    rows = [(0, sets[()])]
    for start, group in groupby(sorted(changes), key=itemgetter(0)):
        if start == limit:
            break
        for _, change, number in group:
            active[number] += change
            if not active[number]:
                del active[number]
        row = sets.setdefault(tuple(sorted(active)), len(sets))
        if rows[-1][0] == start:
            rows[-1] = (start, row)
        elif rows[-1][1] != row:
            rows.append((start, row))
    return rows


def _last_octets(keys: Iterable[str]) -> set[int]:
    """Last numbers of keys that an IPv4 address may equal or lie below."""
    numeric = re.compile(r"[0-9.]+\.")
    found = set()
    for key in keys:
        if numeric.fullmatch(key):
            last = key[:-1].partition(".")[0][::-1]
            if last and len(last) <= 3 and int(last) < 256:
                found.add(int(last))
    return found


def _npy(array: npt.NDArray[Any]) -> bytes:
    """An array as the bytes of a .npy file."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()
