"""Values that everyone shares: how many unrelated holders to expect of one, and why.

`lookup` gives the largest kappa of all lists that hold a value, with every reason. The lists are
the MISP warning lists, judged by ``data/commonplace.toml``, and our own groups in
``data/commonplace_own.toml``. Lists of providers speak about the provider's own name, never about
a customer's name below it; `provider_of` tells who the provider is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import marisa_trie
import msgspec

from samehand.knowledge.cache import Part, folder_of, once
from samehand.knowledge.common_build import build_index, read_lists
from samehand.knowledge.common_index import Index, encodable, packed_address
from samehand.knowledge.common_rows import (
    PROVIDER_CLASSES,
    UNJUDGED,
    Group,
    Own,
    Row,
    date_of_version,
    read_own,
    read_rows,
)
from samehand.knowledge.sources import Sources
from samehand.model import Feature
from samehand.normalise import MAX_VALUE_CHARS, has_path, host_of

#: Licence of the package that carries the lists, as its metadata states it.
LICENCE = "BSD-3-Clause"
#: The list of public suffixes; names below one belong to different people.
_PUBLIC_SUFFIXES = "second-level-tlds"
#: Classes of providers.toml whose customers get names of their own.
_NAMING_PROVIDERS = frozenset(
    (
        *("dynamic-dns", "tunnel", "free-hosting", "registry-like", "cdn"),
        *("hoster-default-name", "anonymity-gateway"),
    )
)
_BORDER_ONLY = len(PROVIDER_CLASSES)
_NAMES = frozenset(("domain-name", "registered-domain"))
_WITH_PORT = frozenset(("ipv4-addr:port",))
_ADDRESSES = frozenset(("ipv4-addr", "ipv6-addr", "ipv4-net24")) | _WITH_PORT
_HASHES = frozenset(
    ("file:md5", "file:sha1", "file:sha256", "file:sha512", "x509-certificate:sha1")
)
#: Longest value that our patterns are tried on, in characters; commonplace values are short.
_LONGEST_MATCHED = 1024
#: Answers kept by `lookup`; beyond that it starts afresh.
_KEPT = 1 << 19


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value is commonplace, according to one list."""

    list: str
    """Folder name of a warning list, or the name of a group of ours with 'samehand: ' before it."""
    class_name: str
    kappa: float
    text: str
    date: str
    """ISO date of the list; 'by ' before it where only the package is dated."""


@dataclass(frozen=True, slots=True)
class Commonplace:
    """What is known of a value that everyone shares."""

    kappa: float
    """Unrelated holders expected among 16,000 reports, beyond what the type itself assumes."""
    reasons: tuple[Reason, ...]
    """All that apply, largest kappa first."""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """One warning list, and whether it is still to be trusted."""

    list: str
    class_name: str
    entries: int
    version: str
    date: str
    """As in `Reason`."""
    expires: str
    """ISO date, at the latest where only the package is dated; '' means never."""
    expired: bool
    source: str
    licence: str


class _Judged(msgspec.Struct, frozen=True):
    """Everything of the part but the index and the providers."""

    rows: tuple[Row, ...]
    """By list number."""
    dates: tuple[str, ...]
    """By list number; as in `Reason`."""
    own: Own
    package: str


def _build(sources: Sources) -> dict[str, bytes]:
    """The files of the part 'common'."""
    rows = read_rows(sources.own("commonplace.toml"))
    infos = []
    suffixes: dict[str, int] = dict.fromkeys(_naming_providers(sources), _BORDER_ONLY)
    for info, entries in read_lists(sources.warninglists()):
        infos.append(info)
        row = rows.get(info.folder)
        number = _BORDER_ONLY
        if row is not None and row.class_name in PROVIDER_CLASSES:
            number = PROVIDER_CLASSES.index(row.class_name)
        elif info.folder != _PUBLIC_SUFFIXES:
            continue
        for suffix, kind in _suffixes(entries, number):
            suffixes[suffix] = min(kind, suffixes.get(suffix, kind))
    dated = [date_of_version(info.version) for info in infos]
    newest = max((d.isoformat() for d in dated if d is not None), default="")
    judged = _Judged(
        rows=tuple(
            rows.get(i.folder) or Row(i.folder, UNJUDGED, reason="Not judged yet.") for i in infos
        ),
        dates=tuple(d.isoformat() if d else f"by {newest}" if newest else "" for d in dated),
        own=read_own(sources.own("commonplace_own.toml")),
        package=f"pymispwarninglists {sources.packages['pymispwarninglists']}",
    )
    keys = sorted(suffix[::-1] + "." for suffix in suffixes)
    trie = marisa_trie.Trie(keys, num_tries=1)
    numbers = bytearray(len(keys))
    for key in keys:
        numbers[trie.key_id(key)] = suffixes[key[-2::-1]]
    return {
        **build_index(sources),
        "judged.msgpack": msgspec.msgpack.encode(judged, order="deterministic"),
        "providers.marisa": trie.tobytes(),
        "providers.bin": bytes(numbers),
    }


def _suffixes(entries: Iterable[str], number: int) -> Iterator[tuple[str, int]]:
    """Entries as suffixes with a class number; public suffixes only mark a border."""
    import tldextract  # only needed to build

    icann = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    for entry in entries:
        suffix = entry.strip().lower().strip(".")
        if "." not in suffix or packed_address(suffix) is not None:
            continue
        public = number != _BORDER_ONLY and icann.extract_str(suffix).suffix == suffix
        yield suffix, _BORDER_ONLY if public else number


def _naming_providers(sources: Sources) -> list[str]:
    """Suffixes of ``providers.toml`` under which strangers get names."""
    rows = tomllib.loads(sources.own("providers.toml").read_text(encoding="utf-8"))["class"]
    return [s for row in rows if row["name"] in _NAMING_PROVIDERS for s in row["suffixes"]]


PART = Part(
    "common",
    _build,
    files=("commonplace.toml", "commonplace_own.toml", "providers.toml"),
    packages=("pymispwarninglists", "tldextract"),
)


@once
def index() -> Index:
    """Which lists hold a value; loaded once.

    Raises:
        ConfigError: if the package with the lists is missing.
    """
    return Index(folder_of(PART))


class _Providers:
    """Suffixes of providers, and borders between names of different people."""

    def __init__(self, folder: Path) -> None:
        self._trie = marisa_trie.Trie().mmap(str(folder / "providers.marisa"))
        self._numbers = (folder / "providers.bin").read_bytes()

    def of(self, host: str) -> tuple[str, str] | None:
        for key in reversed(self._keys(host)):
            number = self._numbers[self._trie[key]]
            if number != _BORDER_ONLY:
                return key[-2::-1], PROVIDER_CLASSES[number]
        return None

    def border(self, host: str) -> int:
        """Length of the longest suffix above a host under which strangers have names."""
        lengths = [len(key) - 1 for key in self._keys(host) if len(key) <= len(host)]
        return lengths[-1] if lengths else 0

    def all(self) -> dict[str, str]:
        found = ((key, self._numbers[number]) for key, number in self._trie.items())
        return {k[-2::-1]: PROVIDER_CLASSES[n] for k, n in found if n != _BORDER_ONLY}

    def _keys(self, host: str) -> list[str]:
        keys: list[str] = self._trie.prefixes(encodable(host)[::-1] + ".")
        return keys


@once
def _providers() -> _Providers:
    return _Providers(folder_of(PART))


@once
def provider_suffixes() -> Mapping[str, str]:
    """Suffix -> class (dynamic-dns, hosting, storage, shortener) of every listed provider."""
    return MappingProxyType(_providers().all())


def provider_of(host: str) -> tuple[str, str] | None:
    """The longest provider suffix that a lower-case host equals or lies below, and its class."""
    return _providers().of(host)


class _Common:
    """Lists, judgements and own values, joined; answers are kept."""

    def __init__(self) -> None:
        raw = (folder_of(PART) / "judged.msgpack").read_bytes()
        self.judged = msgspec.msgpack.decode(raw, type=_Judged)
        self._values: dict[tuple[str, str], list[Group]] = {}
        for group in self.judged.own.groups:
            for kind in group.kinds:
                for value in group.values:
                    self._values.setdefault((kind, value), []).append(group)
        self._patterns: dict[str, list[tuple[re.Pattern[str], Group]]] = {}
        self._kept: dict[Feature, Commonplace | None] = {}

    def lookup(self, feature: Feature) -> Commonplace | None:
        try:
            return self._kept[feature]
        except KeyError:
            pass
        reasons = {r.list: r for r in self._reasons(feature)}
        ranked = tuple(sorted(reasons.values(), key=lambda r: (-r.kappa, r.list)))
        found = Commonplace(ranked[0].kappa, ranked) if ranked else None
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[feature] = found
        return found

    def answers(self) -> tuple[Commonplace | None, ...]:
        return tuple(self._kept.values())

    def _reasons(self, feature: Feature) -> Iterator[Reason]:
        kind, value = feature.kind, feature.value
        if len(value) > MAX_VALUE_CHARS:
            return
        yield from self._own(kind, value)
        if kind in _NAMES:
            yield from self._host(kind, value)
        elif kind in _ADDRESSES:
            yield from self._host(kind, value.rpartition(":")[0] if kind in _WITH_PORT else value)
        elif kind in _HASHES:
            yield from self._at(kind, value)
        elif kind == "url":
            host = _bare_host(feature)
            if host:
                yield from self._host(kind, host)
        elif kind == "email-addr":
            domain = value.rpartition("@")[2]
            yield from self._named(kind, domain)
            for number, pattern in index().expressions:
                if pattern.search(value):
                    yield from self._listed(kind, (number,))

    def _own(self, kind: str, value: str) -> Iterator[Reason]:
        """Our own groups that hold a value of a kind."""
        for group in self._values.get((kind, value), ()):
            yield self._grouped(group)
        for pattern, group in self._compiled(kind):
            if len(value) <= _LONGEST_MATCHED and pattern.fullmatch(value):
                yield self._grouped(group)

    def _compiled(self, kind: str) -> list[tuple[re.Pattern[str], Group]]:
        found = self._patterns.get(kind)
        if found is None:
            found = self._patterns[kind] = [
                (re.compile(pattern, re.IGNORECASE), group)
                for group in self.judged.own.groups
                if kind in group.kinds
                for pattern in group.patterns
            ]
        return found

    def _grouped(self, group: Group) -> Reason:
        name = f"samehand: {group.name}"
        return Reason(name, group.class_name, group.kappa, group.reason, self.judged.own.retrieved)

    def _listed(self, kind: str, lists: Iterable[int], whole: bool = True) -> Iterator[Reason]:
        """The reasons of lists that speak about a kind; ``whole`` if the entry itself was met."""
        for number in lists:
            row = self.judged.rows[number]
            if kind in row.kinds and (whole or row.below):
                yield Reason(
                    row.list, row.class_name, row.kappa, row.reason, self.judged.dates[number]
                )

    def _host(self, kind: str, host: str) -> Iterator[Reason]:
        """The reasons of a name or an address."""
        yield from self._own(kind, host)
        if packed_address(host.removesuffix("/24")) is None:
            yield from self._named(kind, host)
            return
        yield from self._listed(kind, index().networks(host))
        yield from self._at(kind, host)

    def _at(self, kind: str, value: str) -> Iterator[Reason]:
        for entry in index().entries(value):
            if entry.exact:
                yield from self._listed(kind, entry.lists)

    def _named(self, kind: str, host: str) -> Iterator[Reason]:
        """The reasons of a name: entries for itself, and those above it up to the next border.

        Names below a border (a public suffix, a provider) belong to different people, so what
        is said about names above says nothing about them. 'www' before an entry is the entry.
        """
        bare = host.removeprefix("www.")
        if bare != host and "." in bare:
            yield from self._at(kind, bare)
            yield from self._own_above(kind, bare, include=True)
        border = _providers().border(bare)
        for entry in index().entries(host):
            if entry.exact or len(entry.value) > border:
                yield from self._listed(kind, entry.lists, entry.exact)
        yield from self._own_above(kind, host, include=False)

    def _own_above(self, kind: str, host: str, include: bool) -> Iterator[Reason]:
        """Our groups that hold a name above a host, or the host itself if ``include``."""
        above = host if include else host.partition(".")[2]
        while above:
            for group in self._values.get((kind, above), ()):
                if group.below or above == host:
                    yield self._grouped(group)
            above = above.partition(".")[2]


def _bare_host(feature: Feature) -> str:
    """The host of a URL without path and query; '' if it has these or is broken."""
    try:
        return "" if has_path(feature) else host_of(feature)
    except ValueError:
        return ""


@once
def _common() -> _Common:
    return _Common()


def lookup(feature: Feature) -> Commonplace | None:
    """Why a canonical feature is commonplace; `None` if no list that speaks of its kind holds it.

    A URL with a path or query is judged by our own patterns alone, since what its host serves to
    others says nothing about it; the host is a feature of its own. Never raises for odd values.
    """
    return _common().lookup(feature)


def met() -> frozenset[str]:
    """Lists that have spoken of some value since they were loaded."""
    answers = _common().answers()
    return frozenset(r.list for found in answers if found for r in found.reasons)


def status(today: date) -> list[ListStatus]:
    """Every list with its class, size, date and whether its time is over, by name."""
    judged = _common().judged
    found = []
    for info, row, written in zip(index().lists, judged.rows, judged.dates, strict=True):
        expires = ""
        if row.expires_after_days and written:
            day = date.fromisoformat(written.removeprefix("by "))
            expires = (day + timedelta(days=row.expires_after_days)).isoformat()
        found.append(
            ListStatus(
                list=info.folder,
                class_name=row.class_name,
                entries=info.entries,
                version=info.version,
                date=written,
                expires=expires,
                expired=bool(expires) and expires < today.isoformat(),
                source=judged.package,
                licence=LICENCE,
            )
        )
    return found
