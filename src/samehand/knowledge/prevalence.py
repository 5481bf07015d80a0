"""How widely values, providers, techniques and software are shared, as aggregate counts.

With this sketch a small workspace judges rarity like a large one. ``scripts/build_prevalence.py``
makes it of 64-bit hashes of values, years and numbers. Every answer depends only on what was known
before a year.

The counting rule: each background family that holds a value is one holder; of the actors that
hold it the first is not counted, since what one actor alone uses is that actor's own and not
common. A holder known since year 0 is undated and known always.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from samehand.config import bundled
from samehand.errors import ConfigError
from samehand.model import Feature

HolderKind = Literal["actor", "family"]
#: Holder of a value -> year it became known; 0 = undated.
Known = dict[tuple[HolderKind, str], int]

#: The file name in ``knowledge/data``.
FILE = "prevalence.bin"
#: A cutoff after everything: nothing is left out.
ALL_YEARS = 9999
#: Counts are scaled to this many reports, the fixed base of N (DESIGN section 4).
BASE_REPORTS = 16_000
#: Kinds that are counted. Of file hashes only those that occur in the data ever get a row.
KINDS = frozenset({
    "domain-name", "registered-domain", "provider", "ipv4-addr", "ipv4-net24", "ipv4-addr:port",
    "url", "url:path", "email-addr", "file:name", "file:path", "file:imphash", "file:md5",
    "file:sha1", "file:sha256", "file:sha512",
})  # fmt: skip
#: Labels that begin so are families or regions of one collection and no actors.
FAMILY_PREFIX = "maltrail:"
#: Fewest reports that must name a pair of techniques before it gets a row.
MIN_PAIR_REPORTS = 2
#: Fewest unrelated holders of a value that is stored; 1 for all other kinds. All addresses can be
#: hashed and looked up, so one that a single family used would be that family's indicator and no
#: aggregate.
LEAST_HOLDERS = {"ipv4-addr": 2, "ipv4-addr:port": 2}

#: Public constants of the hash: they keep it apart from other uses, they hide nothing.
_KEY, _PERSON = b"samehand prevalence", b"values-1"
_MAGIC = b"samehand-prevalence-1\n\0\0"  # 24 bytes, so that everything behind it is aligned
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the sketch counts it."""

    holder_kind: HolderKind
    holder: str
    """Actor or family."""
    year: int
    """Year of publication; 0 = undated."""
    features: Collection[Feature]
    """Observed and derived, each once."""
    techniques: int = 0
    """Number of techniques as written, without derived parents."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Base rates of techniques over the counted reports known before some year."""

    reports: int
    """Reports that carry techniques."""
    mean_size: float
    """Mean number of techniques in them, as written."""
    holders: Mapping[str, int]
    """Technique -> reports; a sub-technique counts for its parent too, once per report."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The small tables of the sketch; years are those in which something became known."""

    made: str
    """Day of the build, ISO."""
    population: dict[int, int]
    """Year -> records read: background and labelled reports."""
    values: dict[str, dict[int, int]]
    """Kind -> holders at any time -> number of values with so many."""
    provider_actors: dict[str, dict[int, int]]
    """Provider suffix -> year -> new actors; then the same for families."""
    provider_families: dict[str, dict[int, int]]
    technique_reports: dict[int, int]
    """Year -> reports with techniques."""
    technique_sizes: dict[int, int]
    """Year -> sum of the sizes of their sets as written."""
    techniques: dict[str, dict[int, int]]
    """Technique -> year -> reports."""
    software: dict[str, dict[int, int]]
    """Name -> year -> new actors; only names that two or more use."""


def holder_of(label: Mapping[str, object]) -> tuple[HolderKind, str] | None:
    """The holder that a record's label names; `None` if it names nobody."""
    for key in ("family", "actor"):
        name = label.get(key)
        if isinstance(name, str) and name.strip():
            is_family = key == "family" or name.startswith(FAMILY_PREFIX)
            return ("family" if is_family else "actor"), name.strip()
    return None


def hash_of(feature: Feature) -> int:
    """The 64-bit key of a value: keyed BLAKE2b over kind, NUL, canonical value; little-endian."""
    text = f"{feature.kind}\0{feature.value}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8, key=_KEY, person=_PERSON).digest()
    return int.from_bytes(digest, "little")


def _before(years: Mapping[int, int], before_year: int, since: int = 0) -> int:
    return sum(n for year, n in years.items() if since <= year < before_year)


def _dated(years: Mapping[int, int], before_year: int) -> int:
    return _before(years, before_year, since=1)


def _pair_key(a: str, b: str) -> int:
    """Two technique identifiers as one number, in either order: T1566.002 is 1566002."""
    parts = (t.removeprefix("T").partition(".") for t in (a, b))
    low, high = sorted(int(main) * 1000 + int(sub or 0) for main, _, sub in parts)
    return low << 32 | high


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The counts, ready to be asked."""

    tables: Tables
    hashes: NDArray[np.uint64]
    """One row per value and holder, sorted by hash, then year."""
    years: NDArray[np.uint16]
    pair_keys: NDArray[np.uint64]
    """One row per pair of techniques and year, sorted."""
    pair_years: NDArray[np.uint16]
    pair_reports: NDArray[np.uint16]

    def count(self, feature: Feature, before_year: int = ALL_YEARS) -> int:
        """Unrelated holders of a value known before a year; 0 for kinds that are not counted."""
        key = np.uint64(hash_of(feature))
        first = int(np.searchsorted(self.hashes, key, "left"))
        last = int(np.searchsorted(self.hashes, key, "right"))
        return int(np.count_nonzero(self.years[first:last] < before_year))

    def counts(
        self, features: Sequence[Feature], before_year: int = ALL_YEARS
    ) -> NDArray[np.int64]:
        """``count`` of each feature, in order."""
        keys = np.fromiter((hash_of(f) for f in features), np.uint64, len(features))
        first = np.searchsorted(self.hashes, keys, "left")
        last = np.searchsorted(self.hashes, keys, "right")
        known = np.zeros(len(self.years) + 1, np.int64)
        np.cumsum(self.years < before_year, out=known[1:])
        return known[last] - known[first]

    def population(self, before_year: int = ALL_YEARS) -> int:
        """Records that the counts rest on: undated ones and those before the year."""
        return _before(self.tables.population, before_year)

    def expected(self, feature: Feature, before_year: int = ALL_YEARS) -> float:
        """Unrelated holders to expect among 16,000 reports: count x 16,000 / population.

        Count and population have one cutoff, so later reports change neither.
        """
        return self.count(feature, before_year) * self._scale(before_year)

    def expected_counts(
        self, features: Sequence[Feature], before_year: int = ALL_YEARS
    ) -> NDArray[np.float64]:
        """``expected`` of each feature, in order."""
        return self.counts(features, before_year).astype(np.float64) * self._scale(before_year)

    def _scale(self, before_year: int) -> float:
        population = self.population(before_year)
        return BASE_REPORTS / population if population else 0.0

    def provider_holders(self, suffix: str, before_year: int = ALL_YEARS) -> tuple[int, int]:
        """(actors, families) that use a provider; here the first actor is counted too."""
        both = self.tables.provider_actors, self.tables.provider_families
        actors, families = (_before(table.get(suffix, {}), before_year) for table in both)
        return actors, families

    def rates(self, before_year: int = ALL_YEARS) -> Rates:
        """Base rates over reports published before a year; undated ones are left out."""
        reports = _dated(self.tables.technique_reports, before_year)
        size = _dated(self.tables.technique_sizes, before_year)
        known = {t: _dated(years, before_year) for t, years in self.tables.techniques.items()}
        holders = {technique: n for technique, n in known.items() if n}
        return Rates(reports, size / reports if reports else 0.0, holders)

    def pair_count(self, a: str, b: str, before_year: int = ALL_YEARS) -> int:
        """Dated reports that carry both techniques, parents included.

        A pair that fewer than two reports carry has no row and counts 0.
        """
        key = np.uint64(_pair_key(a, b))
        first = int(np.searchsorted(self.pair_keys, key, "left"))
        last = int(np.searchsorted(self.pair_keys, key, "right"))
        return int(self.pair_reports[first:last][self.pair_years[first:last] < before_year].sum())

    def lift(self, a: str, b: str, before_year: int = ALL_YEARS) -> float:
        """Reports that carry both, over those expected if the two were independent.

        1 for a pair without a row: of 0 or 1 reports nothing follows. Not smoothed.
        """
        both = self.pair_count(a, b, before_year)
        if not both:
            return 1.0
        reports = _dated(self.tables.technique_reports, before_year)
        alone = (_dated(self.tables.techniques[t], before_year) for t in (a, b))
        return both * reports / math.prod(alone)

    def software_groups(self, name: str, before_year: int = ALL_YEARS) -> int:
        """Actors known before a year to use a tool; 0 for a name that one alone uses."""
        key = " ".join(name.casefold().split())
        return _before(self.tables.software.get(key, {}), before_year)

    def to_bytes(self) -> bytes:
        """The file: a line that names the format, the tables as JSON, the arrays."""
        arrays = (self.hashes, self.pair_keys, self.years, self.pair_years, self.pair_reports)
        head = msgspec.json.encode([self.tables, len(self.hashes), len(self.pair_keys)])
        head += b" " * (-len(head) % 8)
        body = (a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes() for a in arrays)
        return b"".join((_MAGIC, _LENGTH.pack(len(head)), head, *body))

    def write(self, folder: Path) -> Path:
        """Write the file into a folder and return its path."""
        (folder / FILE).write_bytes(self.to_bytes())
        return folder / FILE

    @classmethod
    def from_bytes(cls, data: bytes, place: str) -> Sketch:
        """The sketch in a file's bytes.

        Raises:
            ConfigError: if they are not a whole sketch of this format.
        """
        start = len(_MAGIC) + _LENGTH.size
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("it begins otherwise")
            end = start + _LENGTH.unpack_from(data, len(_MAGIC))[0]
            tables, rows, pairs = msgspec.json.decode(data[start:end], type=tuple[Tables, int, int])
            found: list[NDArray[np.uint64]] = []
            for kind, size in (("<u8", rows), ("<u8", pairs), ("<u2", rows), *[("<u2", pairs)] * 2):
                found.append(np.frombuffer(data, kind, size, end))
                end += found[-1].nbytes
            if end != len(data):
                raise ValueError("it goes on behind its end")
        except (ValueError, struct.error, msgspec.MsgspecError) as error:
            raise ConfigError(
                f"{place}: not a prevalence sketch ({error}). Install samehand again, or make "
                "the file with scripts/build_prevalence.py."
            ) from error
        years, pair_years, pair_reports = (a.astype(np.uint16, copy=False) for a in found[2:])
        return cls(tables, found[0], years, found[1], pair_years, pair_reports)


def _since(known: int | None, year: int) -> int:
    """When a holder of a value became known: its earliest dated record; 0 if none is dated."""
    return min(known, year) if known and year else (known or year)


def _first_years(rows: Iterable[Row]) -> dict[Feature, Known]:
    """Value -> holder -> year it became known, 0 = undated."""
    found: dict[Feature, Known] = {}
    for row in rows:
        holder = (row.holder_kind, row.holder)
        for feature in row.features:
            if feature.kind in KINDS:
                entry = found.setdefault(feature, {})
                entry[holder] = _since(entry.get(holder), row.year)
    return found


def _unrelated(holders: Known) -> list[int]:
    """Years of the holders that count: every family, and every actor but the earliest."""
    families = [year for (kind, _), year in holders.items() if kind == "family"]
    actors = sorted(year for (kind, _), year in holders.items() if kind == "actor")
    return sorted(families + actors[1:])


def _by_year(years: Iterable[int]) -> dict[int, int]:
    return dict(sorted(Counter(years).items()))


def _providers(holders: Mapping[Feature, Known], kind: HolderKind) -> dict[str, dict[int, int]]:
    """Suffix -> year -> new holders of one kind."""
    found = {
        feature.value: _by_year(year for (k, _), year in who.items() if k == kind)
        for feature, who in holders.items()
        if feature.kind == "provider"
    }
    return {suffix: years for suffix, years in sorted(found.items()) if years}


def _software(rows: Iterable[Row]) -> dict[str, dict[int, int]]:
    """Name -> year -> new actors. An undated report comes first here: known always."""
    first: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        for feature in row.features:
            if feature.kind == "software":
                actors = first[feature.value]
                actors[row.holder] = min(actors.get(row.holder, row.year), row.year)
    return {
        name: _by_year(actors.values())
        for name, actors in sorted(first.items())
        if len(actors) > 1  # a tool that one actor alone uses is a fingerprint and no count
    }


def build(
    reports: Iterable[Row], background: Iterable[Row], attack_reports: Iterable[Row], made: str = ""
) -> Sketch:
    """The sketch over records already read; the same rows in any order give the same bytes.

    Rows of ``attack_reports`` count for techniques and software only, the others for the rest.
    """
    records = [*reports, *background]
    holders = _first_years(records)
    values: dict[str, Counter[int]] = defaultdict(Counter)
    pairs: list[tuple[int, int]] = []
    for feature, who in holders.items():
        counted = _unrelated(who)
        if len(counted) >= LEAST_HOLDERS.get(feature.kind, 1):
            values[feature.kind][len(counted)] += 1
            key = hash_of(feature)
            pairs.extend((key, year) for year in counted)
    pairs.sort()
    attack = list(attack_reports)
    with_techniques = [row for row in attack if row.techniques]
    sizes: Counter[int] = Counter()
    techniques: dict[str, Counter[int]] = defaultdict(Counter)
    together: dict[int, Counter[int]] = defaultdict(Counter)
    for row in with_techniques:
        sizes[row.year] += row.techniques
        names = sorted(f.value for f in row.features if f.kind == "technique")
        for name in names:
            techniques[name][row.year] += 1
        if row.year:  # base rates leave undated reports out, so pairs do too
            for a, b in combinations(names, 2):
                together[_pair_key(a, b)][row.year] += 1
    common = sorted(
        (key, year, n)
        for key, by_year in together.items()
        if by_year.total() >= MIN_PAIR_REPORTS
        for year, n in by_year.items()
    )
    return Sketch(
        Tables(
            made=made,
            population=_by_year(row.year for row in records),
            values={kind: dict(sorted(n.items())) for kind, n in sorted(values.items())},
            provider_actors=_providers(holders, "actor"),
            provider_families=_providers(holders, "family"),
            technique_reports=_by_year(row.year for row in with_techniques),
            technique_sizes=dict(sorted(sizes.items())),
            techniques={t: dict(sorted(n.items())) for t, n in sorted(techniques.items())},
            software=_software(attack),
        ),
        np.array([key for key, _ in pairs], np.uint64),
        np.array([year for _, year in pairs], np.uint16),
        np.array([key for key, _, _ in common], np.uint64),
        np.array([year for _, year, _ in common], np.uint16),
        np.array([n for _, _, n in common], np.uint16),
    )


_chosen: Sketch | None = None


@cache
def bundled_sketch() -> Sketch:
    """The sketch that ships with the program."""
    return Sketch.from_bytes(bundled(f"knowledge/data/{FILE}"), f"bundled {FILE}")


def use(sketch: Sketch | None) -> None:
    """Answer from another sketch in this process from now on; `None` returns to the bundled one."""
    global _chosen
    _chosen = sketch


def sketch() -> Sketch:
    """The sketch in use; ask it ``count``, ``expected``, ``rates`` and so on."""
    return bundled_sketch() if _chosen is None else _chosen
