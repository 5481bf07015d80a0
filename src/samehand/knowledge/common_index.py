"""Which MISP warning lists hold a value, from the index that `common_build` makes.

`Index.lists_of` and `Index.lists_of_many` read the lists as the slow mode of ``pymispwarninglists``
does, quirks included, so that they can be checked against the package. `Index.entries` and
`Index.networks` read them our way; commonplace values are judged by these.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import ahocorasick_rs
import marisa_trie
import msgspec
import numpy as np

from samehand.knowledge.common_build import BORDER, HEX_LENGTHS, HEX_START, Group, Lists, Tables

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Values handled at a time by the batch call; bounds its memory.
_CHUNK = 1 << 16
#: Keys of the trie whose group is kept: suffixes such as 'com' come again and again.
_KEPT = 1 << 14


def packed_address(value: str) -> bytes | None:
    """An address in 4 or 16 bytes, as Python's ipaddress reads it; `None` for anything else."""
    if "." in value and ":" not in value and len(value) <= 15:
        try:
            return socket.inet_pton(socket.AF_INET, value)
        except (OSError, ValueError):
            return None
    if value.count(":") >= 2 and "/" not in value:
        try:  # not inet_pton: platforms differ in what they accept
            return ipaddress.IPv6Address(value).packed
        except ValueError:
            return None
    return None


def _url_host(value: str) -> str | None:
    """The host of a URL as urllib reads it; `None` if there is none or the URL is broken."""
    if "/" not in value:
        return None
    try:
        return urlsplit(value).hostname or None
    except ValueError:
        return None


def encodable(value: str) -> str:
    """A value of the same length without lone surrogates, which no list contains."""
    return value if value.isascii() else _SURROGATE.sub("\uffff", value)


def _compiled(written: str) -> re.Pattern[str]:
    """An expression written with delimiters and flags: ``/^abuse@/i``."""
    body, _, flags = written.removeprefix("/").rpartition("/")
    return re.compile(body, re.IGNORECASE if "i" in flags else 0)


def _union(*sets: Lists) -> Lists:
    return tuple(sorted({number for lists in sets for number in lists}))


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed entry that a host equals or lies below, in our reading."""

    value: str
    exact: bool
    lists: Lists


class Index:
    """The loaded index; every answer is a tuple of list numbers, ascending."""

    def __init__(self, folder: Path) -> None:
        tables = msgspec.msgpack.decode((folder / "tables.msgpack").read_bytes(), type=Tables)
        self.lists = tables.lists
        self._groups = tables.groups
        self._whole = [_union(g.exact, g.text, g.host) for g in tables.groups]
        self._below = [_union(g.host, g.dotted) for g in tables.groups]
        self._sets = tables.networks
        self.expressions = tuple((number, _compiled(raw)) for raw, number in tables.regexes)
        """The regex lists, which the package never matches: list number, expression."""
        self._trie = marisa_trie.Trie().mmap(str(folder / "names.marisa"))
        self._group_of = memoryview(np.load(folder / "groups.npy", mmap_mode="r"))
        self._hex = np.load(folder / "hex.npy", mmap_mode="r")
        self._v4_start = np.load(folder / "v4_start.npy", mmap_mode="r")
        self._v4_set = np.load(folder / "v4_set.npy", mmap_mode="r")
        six = (folder / "v6_start.bin").read_bytes()
        self._v6_start = [six[i : i + 16] for i in range(0, len(six), 16)]
        self._v6_set = np.load(folder / "v6_set.npy").tolist()
        self._patterns = [lists for _, lists in tables.patterns]
        self._words = ahocorasick_rs.AhoCorasick([p for p, _ in tables.patterns])
        self._words_have_dot = all("." in p for p, _ in tables.patterns)
        self._numeric_words = [p for p, _ in tables.patterns if not re.search(r"[^0-9.]", p)]
        self._walk_octet = np.zeros(256, dtype=np.bool_)
        self._walk_octet[list(tables.last_octets)] = True
        self._known: dict[str, int] = {}
        self._unions: dict[tuple[Lists, Lists], Lists] = {}

    def lists_of(self, value: str) -> Lists:
        """The lists that hold a value, exactly as the package's slow mode says."""
        text = encodable(value)
        packed = packed_address(value)
        host = _url_host(value)
        found: set[int] = set()
        if packed is not None:
            found.update(self._network(packed))
        for pattern, _, _ in self._words.find_matches_as_indexes(text, overlapping=True):
            found.update(self._patterns[pattern])
        for group, whole in self._walk(text):
            if whole:
                found.update(group.exact)
                if packed is None:
                    found.update(group.text)
            if host is None:
                found.update(group.host if whole else group.host + group.dotted)
        if host is not None:
            for group, whole in self._walk(encodable(host)):
                found.update(group.host if whole else group.host + group.dotted)
        return tuple(sorted(found))

    def lists_of_many(self, values: Sequence[str]) -> list[Lists]:
        """`lists_of` of every value; several times faster than one by one."""
        out: list[Lists] = [()] * len(values)
        for start in range(0, len(values), _CHUNK):
            self._chunk(values, start, min(start + _CHUNK, len(values)), out)
        return out

    def _chunk(self, values: Sequence[str], start: int, end: int, out: list[Lists]) -> None:
        """Fill ``out[start:end]``: hashes and IPv4 addresses in bulk, names one by one."""
        single: set[int] = set()
        hashes: list[int] = []
        names: list[int] = []
        fours: list[int] = []
        packed: list[bytes] = []
        inet, pton = socket.AF_INET, socket.inet_pton
        for i in range(start, end):
            value = values[i]
            if "/" in value or ":" in value:
                single.add(i)
            elif "." not in value:
                (hashes if len(value) in HEX_LENGTHS else names).append(i)
            elif value[-1] <= "9" and len(value) <= 15:
                try:
                    packed.append(pton(inet, value))
                    fours.append(i)
                except (OSError, ValueError):
                    names.append(i)
            else:
                names.append(i)
        if hashes:
            single.update(self._likely_hashes(values, hashes))
        if fours:
            single.update(self._fours(values, fours, packed, out))
        single.update(self._worded(values, names if self._words_have_dot else names + hashes))
        single.update(self._names(values, names, out))
        for i in single:
            out[i] = self.lists_of(values[i])

    def _names(self, values: Sequence[str], names: list[int], out: list[Lists]) -> list[int]:
        """Fill in what holds names that are neither URL nor address; returns those it cannot."""
        prefixes, known = self._trie.prefixes, self._known
        unable = []
        for i in names:
            query = values[i][::-1] + "."
            try:
                keys = prefixes(query)
            except UnicodeEncodeError:  # lone surrogates
                unable.append(i)
                continue
            lists: Lists = ()
            for key in keys:
                group = known.get(key)
                if group is None:
                    group = self._group(key)
                part = self._whole[group] if key == query else self._below[group]
                if part:
                    lists = self._joined(lists, part) if lists else part
            if lists:
                out[i] = lists
        return unable

    def _group(self, key: str) -> int:
        """The group of a key of the trie; suffixes that recur are kept."""
        group: int = self._group_of[self._trie[key]]
        if len(self._known) < _KEPT:
            self._known[key] = group
        return group

    def _joined(self, one: Lists, other: Lists) -> Lists:
        """The union of two sets of lists; kept, since few pairs of them occur."""
        found = self._unions.get((one, other))
        if found is None:
            found = self._unions[one, other] = _union(one, other)
        return found

    def _likely_hashes(self, values: Sequence[str], hashes: list[int]) -> list[int]:
        """Which values of a hash's length and without dots may be listed."""
        try:
            raw = bytes.fromhex("".join([values[i][:16] for i in hashes]))
        except ValueError:
            raw = b""
        unlike: list[int] = []
        if len(raw) != 8 * len(hashes):  # some are no hashes; fromhex also skips blanks
            unlike = [i for i in hashes if not HEX_START.match(values[i])]
            hashes = [i for i in hashes if HEX_START.match(values[i])]
            raw = bytes.fromhex("".join([values[i][:16] for i in hashes]))
        starts = np.frombuffer(raw, dtype=">u8").astype(np.uint64)
        places = np.searchsorted(self._hex, starts)
        places[places == len(self._hex)] = 0
        known = self._hex[places] == starts if len(self._hex) else np.zeros(len(starts), np.bool_)
        return unlike + [hashes[i] for i in np.flatnonzero(known).tolist()]

    def _fours(
        self, values: Sequence[str], fours: list[int], packed: list[bytes], out: list[Lists]
    ) -> list[int]:
        """Fill in the networks of IPv4 addresses; returns those that need more than that."""
        addresses = np.frombuffer(b"".join(packed), dtype=">u4").astype(np.uint32)
        rows = self._v4_set[np.searchsorted(self._v4_start, addresses, side="right") - 1]
        sets = self._sets
        for i in np.flatnonzero(rows).tolist():
            out[fours[i]] = sets[rows[i]]
        more = [fours[i] for i in np.flatnonzero(self._walk_octet[addresses & 255]).tolist()]
        if self._numeric_words:
            joined = BORDER.join([values[i] for i in fours])
            if any(word in joined for word in self._numeric_words):
                more += [i for i in fours if any(word in values[i] for word in self._numeric_words)]
        return more

    def _worded(self, values: Sequence[str], which: list[int]) -> Iterator[int]:
        """Which values contain a pattern of a substring list."""
        joined = encodable(BORDER.join([values[i] for i in which]))
        matches = self._words.find_matches_as_indexes(joined)
        if not matches:
            return
        ends = np.cumsum([len(values[i]) + len(BORDER) for i in which])
        for place in np.searchsorted(ends, [m[1] for m in matches], side="right").tolist():
            yield which[place]

    def _walk(self, text: str) -> Iterator[tuple[Group, bool]]:
        """The groups of all keys that a value equals (`True`) or lies below."""
        query = text[::-1] + "."
        for key in self._trie.prefixes(query):
            yield self._groups[self._group(key)], len(key) == len(query)

    def _network(self, packed: bytes) -> Lists:
        """The lists with a network around an address of 4 or 16 bytes."""
        if len(packed) == 16:
            return self._sets[self._v6_set[bisect_right(self._v6_start, packed) - 1]]
        address = np.uint32(int.from_bytes(packed, "big"))
        return self._sets[self._v4_set[np.searchsorted(self._v4_start, address, side="right") - 1]]

    def entries(self, host: str) -> list[Entry]:
        """Our reading: the entries that a name or hash equals or lies below, shortest first."""
        query = encodable(host)[::-1] + "."
        found = []
        for key in self._trie.prefixes(query):
            whole = len(key) == len(query)
            group = self._groups[self._group(key)]
            lists = group.at if whole else group.below
            if lists:
                found.append(Entry(key[-2::-1], whole, lists))
        return found

    def networks(self, value: str) -> Lists:
        """The lists that hold an address, or the whole of a network written a.b.c.0/24."""
        packed = packed_address(value.removesuffix("/24"))
        if packed is None:
            return ()
        if not value.endswith("/24"):
            return self._network(packed)
        first = int.from_bytes(packed, "big") & 0xFFFFFF00
        bounds = np.array([first, first + 255], dtype=np.uint32)
        low, high = (np.searchsorted(self._v4_start, bounds, side="right") - 1).tolist()
        sets = [set(self._sets[row]) for row in self._v4_set[low : high + 1].tolist()]
        return tuple(sorted(set.intersection(*sets)))
