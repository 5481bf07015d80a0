"""All parameters as one frozen dataclass, read from one TOML file.

The hash of the file and of the table of types stamps every assessment. The bundled file states
unit and source of each number; see docs/method.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from samehand.errors import ConfigError
from samehand.likelihood import grade_weight
from samehand.model import FACETS, Facet

PriorPreset = Literal["feed", "case"]


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One row of the closed table of types."""

    facet: Facet
    soft: str
    """Soft group (behaviour, victimology, provider, names); empty for hard evidence."""
    canonical: str
    derives: tuple[str, ...]
    derived: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """The numbers of one type; see the comments of parameters.toml."""

    m: float
    kappa: float
    half_life_days: float
    phi: float


@dataclass(frozen=True, slots=True)
class Linkage:
    """What labelled pairs say about evidence of the starting weights (docs/method.md, "Fitted").

    log2 odds of the same hand = base + evidence(W) + the three likenesses + gap, for pairs that
    share a hard value of one of `types`. Knots are (x, bits), linear between, flat beyond the
    first and last.
    """

    base_bits: float
    labelled_prior_bits: float
    """log2 odds of one hand for two labelled reports drawn at random."""
    evidence: tuple[tuple[float, float], ...]
    """Over W, the hard bits of the starting weights; never falling."""
    shared: Mapping[str, float]
    """Group of types (`compare.fitted.GROUPS`) -> bits of sharing a rare value of it."""
    most_bits: float
    """No labelled pair says more, as log2 odds: few of different hands were there to tell."""
    names: tuple[float, float]
    """(bits per unit of likeness, the likeness that weighs nothing); as the next two."""
    habits: tuple[float, float]
    kinds: tuple[float, float]
    ranges: tuple[tuple[float, float, float], ...]
    """(log2 odds, lower and upper probability by pairs out of sample), rising; may be empty."""
    gap: tuple[tuple[float, float], ...]
    """Over log2(1 + days/30) between the days that two reports cover; never rising."""
    undated_bits: float
    types: frozenset[str]
    habit_weights: Mapping[str, float]
    habit_unlisted: float
    pairs: int
    """Labelled pairs behind it."""
    positives: int
    starting_weights: str
    """Hash of the starting weights that it was fitted over; '' if it does not say."""
    data: frozenset[str]
    """Fingerprints of the files it was fitted on (`fingerprint`)."""
    hash: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number of the model. Sections of the TOML file are mappings of name to value."""

    version: str
    calibrated: bool
    universe: Mapping[str, float]
    prior: Mapping[str, float]
    pair: Mapping[str, float]
    soft: Mapping[str, float]
    technique: Mapping[str, float]
    reliability: Mapping[str, float]
    credibility: Mapping[str, float]
    default_grade: str
    reported: Mapping[str, float]
    copies: Mapping[str, float]
    campaign: Mapping[str, float]
    cluster: Mapping[str, float]
    draws: Mapping[str, float]
    attribution: Mapping[str, float]
    words: Mapping[str, float]
    confidence: Mapping[str, float]
    weights: Mapping[str, Weights]
    public_tool_kappa: float
    types: Mapping[str, TypeRow]
    hash: str
    """SHA-256 over both files, shortened to 16 hex digits."""
    linkage: Linkage | None = None
    """Fitted on labelled pairs; `None`: the starting weights alone."""

    def rho(self, grade: str) -> float:
        """The weight of a source grade; an empty grade counts as the configured default."""
        return grade_weight(grade, self.reliability, self.credibility, self.default_grade)

    def words_factor(self, words: str) -> float:
        """The factor of a claim's words of confidence; unknown words count as none given."""
        return self.words.get(words.strip().lower(), self.words[""])

    def changed(self, **sections: Mapping[str, float]) -> Parameters:
        """A copy with some values of some sections replaced (draws, tests, what-if)."""
        updates: dict[str, Any] = {
            name: {**getattr(self, name), **values} for name, values in sections.items()
        }
        return replace(self, **updates)


def bundled(name: str) -> bytes:
    """The bytes of a file that ships inside the package, such as 'parameters.toml'."""
    return resources.files("samehand").joinpath(name).read_bytes()


@cache
def types_table() -> Mapping[str, TypeRow]:
    """The closed table of types."""
    rows: dict[str, TypeRow] = {}
    for name, row in tomllib.loads(bundled("types.toml").decode())["types"].items():
        if row["facet"] not in FACETS:
            raise ConfigError(f"types.toml, {name}: {row['facet']!r} is not a facet")
        rows[name] = TypeRow(
            facet=row["facet"],
            soft=row.get("soft", ""),
            canonical=row.get("canonical", "text"),
            derives=tuple(row.get("derives", ())),
            derived=bool(row.get("derived", False)),
        )
    return rows


def parse_parameters(text: str, place: str) -> Parameters:
    """Parameters from TOML text.

    Raises:
        ConfigError: if the text is not TOML, a section or a type is missing, or a number is out
            of its range.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place}: not valid TOML ({error}). Mend the file.") from error
    types = types_table()
    try:
        weights = {name: Weights(**row) for name, row in raw["types"].items()}
        parameters = Parameters(
            version=raw["version"],
            calibrated=raw["calibrated"],
            universe=raw["universe"],
            prior=raw["prior"],
            pair=raw["pair"],
            soft=raw["soft"],
            technique=raw["technique"],
            reliability=raw["grade"]["reliability"],
            credibility=raw["grade"]["credibility"],
            default_grade=raw["grade"]["default"],
            reported=raw["reported"],
            copies=raw["copies"],
            campaign=raw["campaign"],
            cluster=raw["cluster"],
            draws=raw["draws"],
            attribution=raw["attribution"],
            words=raw["words"],
            confidence=raw["confidence"],
            weights=weights,
            public_tool_kappa=raw["public_tool"]["kappa"],
            types=types,
            hash=hashlib.sha256(text.encode() + bundled("types.toml")).hexdigest()[:16],
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{place}: {error} is missing or unknown. Compare with the bundled parameters.toml."
        ) from error
    for section, values in _bundled_sections().items():
        lost = sorted(values - set(raw[section] if isinstance(raw[section], dict) else ()))
        if lost:
            raise ConfigError(
                f"{place}, {section}: {', '.join(lost)} missing. Compare with the bundled file."
            )
    missing = sorted(set(types) - set(weights))
    if missing:
        raise ConfigError(f"{place}: no numbers for the types {', '.join(missing)}")
    for name, row in weights.items():
        good = 0 < row.m <= 1 and row.kappa > 0 and row.half_life_days > 0 and 0 <= row.phi <= 1
        if not good or math.isnan(row.half_life_days):
            raise ConfigError(f"{place}, types.{name}: a number is outside its range")
    return parameters


@cache
def _bundled_sections() -> Mapping[str, frozenset[str]]:
    """Section of the bundled parameter file -> its keys; types are looked at apart."""
    raw = tomllib.loads(bundled("parameters.toml").decode())
    return {k: frozenset(v) for k, v in raw.items() if isinstance(v, dict) and k != "types"}


@cache
def default_parameters() -> Parameters:
    """The starting weights that ship with the program, without what was fitted."""
    return parse_parameters(bundled("parameters.toml").decode(), "bundled parameters.toml")


def fingerprint(path: Path) -> str:
    """The first 16 hex digits of the SHA-256 of a file, by which a fit names its data."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def parse_linkage(data: bytes, place: str) -> Linkage:
    """A fitted linkage from its JSON document.

    Raises:
        ConfigError: if it is not one.
    """
    try:
        raw = json.loads(data)
        linkage = Linkage(
            base_bits=float(raw["base_bits"]),
            labelled_prior_bits=float(raw["labelled_prior_bits"]),
            evidence=tuple((float(x), float(b)) for x, b in raw["evidence"]),
            shared={str(k): float(v) for k, v in raw["shared"].items()},
            most_bits=float(raw["most_bits"]),
            names=(float(raw["names"][0]), float(raw["names"][1])),
            habits=(float(raw["habits"][0]), float(raw["habits"][1])),
            kinds=(float(raw["kinds"][0]), float(raw["kinds"][1])),
            ranges=tuple((float(x), float(a), float(b)) for x, a, b in raw["ranges"]),
            gap=tuple((float(x), float(b)) for x, b in raw["gap"]),
            undated_bits=float(raw["undated_bits"]),
            types=frozenset(raw["types"]),
            habit_weights={str(k): float(v) for k, v in raw["habit_weights"].items()},
            habit_unlisted=float(raw["habit_unlisted"]),
            pairs=int(raw["fitted"]["pairs"]),
            positives=int(raw["fitted"]["positives"]),
            starting_weights=str(raw["fitted"].get("starting_weights", "")),
            data=frozenset(map(str, raw["fitted"].get("data", {}).values())),
            hash=hashlib.sha256(data).hexdigest()[:16],
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ConfigError(f"{place}: not a fitted linkage ({error}). Fit it again.") from error
    rising = all(a[1] <= b[1] and a[0] < b[0] for a, b in pairwise(linkage.evidence))
    rising = rising and all(
        a[0] < b[0] and a[1] <= b[1] and a[2] <= b[2] for a, b in pairwise(linkage.ranges)
    )
    falling = all(a[1] >= b[1] and a[0] < b[0] for a, b in pairwise(linkage.gap))
    slopes = (linkage.names[0], linkage.habits[0], linkage.kinds[0], *linkage.shared.values())
    if not (rising and falling and min(slopes) >= 0 and linkage.evidence and linkage.gap):
        raise ConfigError(f"{place}: evidence must never fall, the gap never rise. Fit it again.")
    return linkage


@cache
def shipped_parameters() -> Parameters:
    """The starting weights with what labelled pairs say about them: what the program uses."""
    linkage = parse_linkage(bundled("knowledge/data/linkage.json"), "bundled linkage.json")
    return _joined(default_parameters(), linkage)


def _joined(start: Parameters, linkage: Linkage) -> Parameters:
    both = hashlib.sha256(f"{start.hash} {linkage.hash}".encode()).hexdigest()[:16]
    return replace(start, linkage=linkage, hash=both)


def load_parameters(path: Path | None, linkage: Path | None = None) -> Parameters:
    """Parameters from a file, or the shipped ones for `None`; with a fit of one's own.

    A file of one's own holds starting weights: what was fitted beside others does not apply.

    Raises:
        ConfigError: if the file cannot be read or is wrong.
    """
    if linkage is not None:
        try:
            fitted = parse_linkage(linkage.read_bytes(), str(linkage))
        except OSError as error:
            raise ConfigError(f"{linkage}: cannot be read ({error.strerror})") from error
        start = default_parameters() if path is None else load_parameters(path)
        if fitted.starting_weights not in ("", start.hash):
            raise ConfigError(
                f"{linkage}: fitted over starting weights {fitted.starting_weights}, and in use "
                f"are {start.hash}. Fit it again with them."
            )
        return _joined(start, fitted)
    if path is None:
        return shipped_parameters()
    try:
        return parse_parameters(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text ({error})") from error
