"""What shared behaviour says: actors ranked, and none of them, or planted, always possible.

All of it adds up. The log odds of an actor against "none of the known" are a prior, one line per
feature, and one line for what somebody else may have planted; the parameters are fitted on labelled
reports (`fit.actors`), the prior of "none" is stated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np

from samehand.compare.behaviour import FEATURES, Floats, Table
from samehand.config import bundled
from samehand.errors import ConfigError

#: Features of each layer.
RANKED = ("likeness", "habit", "software", "own software")
KNOWN = (*RANKED, "explained software")
GENUINE = ("standing", "carried")
_LN2 = math.log(2.0)


@dataclass(frozen=True, slots=True)
class ActorModel:
    """Fitted parameters, all in nats."""

    ranked: Mapping[str, float]
    """Per unit of a feature, among actors of whom one did it."""
    known: Mapping[str, float]
    """Per unit of a feature, against none of the known."""
    none_prior: float
    """Probability of none without any evidence."""
    none_techniques: float
    """Given to none per log(1 + stated techniques): who states more must resemble more."""
    none_software: float
    """The same for software."""
    planted: float
    """Log odds that shared own software is planted, where technique and software disagree fully."""
    genuine: Mapping[str, float]
    """What takes from these odds, per unit of a feature."""
    fitted: Mapping[str, float | str]
    """What it was fitted on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an actor's ledger against none of the known."""

    what: str
    bits: float


@dataclass(frozen=True, slots=True)
class Odds:
    """One actor after the evidence."""

    actor: str
    probability: float
    prior_bits: float
    """log2 odds against none without evidence."""
    lines: tuple[Line, ...]
    """Added to the prior, they are log2(probability / P(none))."""
    planted: float
    """Probability that somebody else planted what points to this actor."""


@dataclass(frozen=True, slots=True)
class OpenSet:
    """P(none) + P(planted) + P(actors) = 1."""

    none: float
    planted: float
    actors: tuple[Odds, ...]
    """In the order of the table."""


def parse_actor_model(data: bytes, place: str) -> ActorModel:
    """A fitted model from its JSON document.

    Raises:
        ConfigError: if it is not one.
    """
    try:
        raw = json.loads(data)
        model = ActorModel(
            ranked={f: float(raw["ranked"][f]) for f in RANKED},
            known={f: float(raw["known"][f]) for f in KNOWN},
            none_prior=float(raw["none_prior"]),
            none_techniques=float(raw["none_techniques"]),
            none_software=float(raw["none_software"]),
            planted=float(raw["planted"]),
            genuine={f: float(raw["genuine"][f]) for f in GENUINE},
            fitted=dict(raw["fitted"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{place}: not a fitted actor model ({error}). Fit it again.") from error
    if not 0.0 < model.none_prior < 1.0 or min(model.genuine.values()) < 0.0:
        raise ConfigError(f"{place}: a prior outside 0 to 1, or agreement that counts against.")
    return model


def dump_actor_model(model: ActorModel) -> str:
    """The JSON document of a model, which `parse_actor_model` reads."""
    return json.dumps(asdict(model), indent=1) + "\n"


@cache
def shipped_actor_model() -> ActorModel:
    """The model that ships with the program."""
    name = "knowledge/data/attribution.json"
    return parse_actor_model(bundled(name), "bundled attribution.json")


def _weighted(table: Table, weights: Mapping[str, float]) -> Floats:
    found: Floats = table.values @ np.array([weights.get(f, 0.0) for f in FEATURES])
    return found


def rank(table: Table, model: ActorModel) -> Floats:
    """Log2 probability of every actor, if one of them did it and nothing was planted."""
    score = _weighted(table, model.ranked)
    if not len(score):
        return score
    top = float(score.max())
    found: Floats = (score - top - math.log(float(np.exp(score - top).sum()))) / _LN2
    return found


def _none(table: Table, model: ActorModel) -> float:
    """Nats for none beside every actor's 0, before the prior."""
    return model.none_techniques * math.log1p(table.techniques) + (
        model.none_software * math.log1p(table.software)
    )


def doubt(table: Table, model: ActorModel) -> tuple[Floats, Floats]:
    """log(1 - g) and log(g), g the probability that what points to an actor is planted.

    Only own software is planted worthwhile: without any, g = 0 and its log is -inf.
    """
    odds = model.planted - _weighted(table, model.genuine)
    points = table.column("own software") > 0.0
    genuine = np.where(points, -np.logaddexp(0.0, odds), 0.0)
    planted = np.where(points, -np.logaddexp(0.0, -odds), -np.inf)
    return genuine, planted


def open_set(table: Table, model: ActorModel) -> OpenSet:
    """Probabilities of every actor, of none and of planted, with every actor's ledger."""
    if not table.actors:
        return OpenSet(1.0, 0.0, ())
    prior = math.log((1.0 - model.none_prior) / model.none_prior / len(table.actors))
    none = _none(table, model)
    score = prior + _weighted(table, model.known) - none
    genuine, planted = doubt(table, model)
    top = max(0.0, float(score.max()))
    kept, taken = np.exp(score + genuine - top), np.exp(score + planted - top)
    total = math.exp(-top) + float(kept.sum()) + float(taken.sum())
    lengths = (("how much is stated", -none),)
    actors = []
    for number, actor in enumerate(table.actors):
        row = table.values[number]
        bits = [(f, model.known[f] * float(row[FEATURES.index(f)])) for f in KNOWN]
        bits += [*lengths, ("may be planted", float(genuine[number]))]
        actors.append(
            Odds(
                actor,
                float(kept[number]) / total,
                prior / _LN2,
                tuple(Line(what, nats / _LN2) for what, nats in bits if nats),
                float(taken[number]) / total,
            )
        )
    return OpenSet(math.exp(-top) / total, float(taken.sum()) / total, tuple(actors))
