"""All parameters as one frozen dataclass, read from one TOML file.

The hash of the file and of the table of types stamps every assessment. The bundled file states
unit and source of each number; see docs/method.md.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
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
    missing = sorted(set(types) - set(weights))
    if missing:
        raise ConfigError(f"{place}: no numbers for the types {', '.join(missing)}")
    for name, row in weights.items():
        good = 0 < row.m <= 1 and row.kappa > 0 and row.half_life_days > 0 and 0 <= row.phi <= 1
        if not good or math.isnan(row.half_life_days):
            raise ConfigError(f"{place}, types.{name}: a number is outside its range")
    return parameters


@cache
def default_parameters() -> Parameters:
    """The parameters that ship with the program."""
    return parse_parameters(bundled("parameters.toml").decode(), "bundled parameters.toml")


def load_parameters(path: Path | None) -> Parameters:
    """Parameters from a file, or the bundled ones for `None`.

    Raises:
        ConfigError: if the file cannot be read or is wrong.
    """
    if path is None:
        return default_parameters()
    try:
        return parse_parameters(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text ({error})") from error
