"""Our judgement of each warning list and our own commonplace values, read from two TOML files.

``data/commonplace.toml`` has one row for each list of the package, ``data/commonplace_own.toml``
holds groups of values that the package lacks. Both are read when the part is built.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from samehand.config import types_table
from samehand.errors import ConfigError

#: Classes of lists whose entries are suffixes under which strangers get names or space.
#: The first that lists a suffix names it.
PROVIDER_CLASSES = ("dynamic-dns", "hosting", "storage", "shortener")
UNUSED = "unused"
#: The class of a list that a newer package brought and nobody has judged yet.
UNJUDGED = "unjudged"
CLASSES = frozenset(
    (
        *PROVIDER_CLASSES,
        *("benign-file", "cdn", "certificate-service", "cloud", "connectivity-check"),
        *("contact-address", "default-of-tool", "disposable-mail", "generic-name", "library"),
        *("legitimate-site", "mail-service", "placeholder", "popular", "reserved", "resolver"),
        *("sandbox", "scanner", "security-vendor", "shared-hosting", "sinkhole", "parking"),
        *("suffix", "trusted-certificate", "vendor", "vpn", "windows", UNUSED, UNJUDGED),
    )
)


class Row(msgspec.Struct, frozen=True):
    """What one warning list means for us."""

    list: str
    """Folder name in the package."""
    class_name: str
    kinds: frozenset[str] = frozenset()
    kappa: float = 0.0
    """Unrelated holders expected among 16,000 reports; 0 only where the list is not used."""
    reason: str = ""
    below: bool = False
    """Whether names below an entry count, too; else only the entry itself."""
    expires_after_days: int = 0
    """Days after the date of the list; 0 means never."""


class Group(msgspec.Struct, frozen=True):
    """Values of ours that share one reason."""

    name: str
    class_name: str
    kinds: frozenset[str]
    kappa: float
    reason: str
    below: bool
    values: frozenset[str]
    """Canonical values."""
    patterns: tuple[str, ...]
    """Regular expressions that match a whole canonical value, without regard to case."""


class Own(msgspec.Struct, frozen=True):
    """The file of our own values."""

    retrieved: str
    groups: tuple[Group, ...]


def _table(place: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{place}: cannot be read as TOML ({error}). Restore the file from the package."
        ) from error


def _kinds(named: str | list[str], table: dict[str, Any], where: str) -> frozenset[str]:
    """The kinds of a row: a list of them, or the name of one in the table [kinds]."""
    kinds = table.get("kinds", {}).get(named) if isinstance(named, str) else named
    if kinds is None:
        raise ConfigError(f"{where}: applies_to names no row of [kinds]: {named!r}")
    unknown = sorted(set(kinds) - set(types_table()))
    if unknown:
        raise ConfigError(f"{where}: no observable types: {', '.join(unknown)}; see types.toml")
    return frozenset(kinds)


def _class(raw: dict[str, Any], where: str) -> str:
    name: str = raw["class"]
    if name not in CLASSES:
        raise ConfigError(f"{where}: no class is called {name!r}; see CLASSES in common_rows.py")
    return name


def _below(raw: dict[str, Any], where: str) -> bool:
    scope = raw.get("scope", "self")
    if scope not in ("self", "below"):
        raise ConfigError(f"{where}: scope is {scope!r}; write self or below")
    return bool(scope == "below")


def read_rows(place: Path) -> dict[str, Row]:
    """Folder name of a list -> our row for it.

    Raises:
        ConfigError: if a row is incomplete or names a kind, class or scope that does not exist.
    """
    table = _table(place)
    rows = {}
    for name, raw in table.get("lists", {}).items():
        where = f"{place.name}, list {name}"
        try:
            rows[name] = Row(
                list=name,
                class_name=_class(raw, where),
                kinds=_kinds(raw.get("applies_to", []), table, where),
                kappa=float(raw.get("kappa", 0)),
                reason=raw["reason"],
                below=_below(raw, where),
                expires_after_days=raw["expires_after_days"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{where}: missing or malformed: {error}") from error
        if (rows[name].kappa > 0) == (rows[name].class_name == UNUSED):
            raise ConfigError(f"{where}: kappa must be above 0, and absent where class is unused")
    return rows


def read_own(place: Path) -> Own:
    """Our own groups of commonplace values.

    Raises:
        ConfigError: if a group is incomplete or a pattern is no regular expression.
    """
    table = _table(place)
    dated = re.search(r"(?m)^# Retrieved: (\d{4}-\d\d-\d\d)", place.read_text(encoding="utf-8"))
    if dated is None:
        raise ConfigError(f"{place.name}: add a line '# Retrieved: YYYY-MM-DD' at the top")
    groups = []
    for raw in table.get("group", []):
        where = f"{place.name}, group {raw.get('name')}"
        try:
            group = Group(
                name=raw["name"],
                class_name=_class(raw, where),
                kinds=_kinds(raw["applies_to"], table, where),
                kappa=float(raw["kappa"]),
                reason=raw["reason"],
                below=_below(raw, where),
                values=frozenset(raw.get("values", [])),
                patterns=tuple(raw.get("patterns", [])),
            )
            for pattern in group.patterns:
                re.compile(pattern)
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise ConfigError(f"{where}: missing or malformed: {error}") from error
        if group.kappa <= 0:
            raise ConfigError(f"{where}: kappa must be above 0")
        groups.append(group)
    return Own(dated[1], tuple(groups))


def date_of_version(version: str) -> date | None:
    """The day that a version number tells: YYYYMMDD, or YYMMDDHH; `None` if it is a counter."""
    if not re.fullmatch(r"[0-9]{8}", version):
        return None
    for year, month, day in (
        (version[:4], version[4:6], version[6:8]),
        ("20" + version[:2], version[2:4], version[4:6]),
    ):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if 2000 <= found.year < 2100:
            return found
    return None
