"""Fitted weights of the text channel, and scores as probabilities with "none of the known"."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from samehand.config import bundled

Matrix = NDArray[np.float64]
FILE = "knowledge/data/text_channel.json"
#: Shorter texts have their own rule, in words without the commonest: seven sentences have 45 to
#: 120, nineteen of twenty reports more than 230. It gains .03 to .04 on short ones (n=753).
SHORT_WORDS = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """Fitted numbers of one setting."""

    weights: Mapping[str, float]
    """Column -> weight; a column that is missing has none."""
    temperature: float
    none: float
    """Log odds of none of the known at even prior, in units of the tempered score."""
    none_per_size: float
    """What every e-fold of the text's words adds to them: long texts have more to agree with."""
    none_prior: float


@cache
def rules() -> Mapping[str, Rule]:
    """The fitted rules: 'bundled' and 'short' without, 'reference' with texts of a reference."""
    raw = json.loads(bundled(FILE))
    return {
        name: Rule(
            {c: float(w) for c, w in raw[name]["weights"].items()},
            float(raw[name]["temperature"]),
            float(raw[name]["none"]),
            float(raw[name]["none_per_size"]),
            float(raw[name]["none_prior"]),
        )
        for name in ("bundled", "short", "reference")
    }


@dataclass(frozen=True, slots=True)
class Ranking:
    """Probabilities of the actors for one text, the likeliest first; with none they sum to 1."""

    actors: tuple[str, ...]
    probabilities: tuple[float, ...]
    scores: tuple[float, ...]
    none: float


def ranked(
    actors: Sequence[str],
    scores: Matrix,
    rule: Rule,
    size: int,
    none_prior: float | None = None,
) -> Ranking:
    """Scores as probabilities, for a text of so many words; ties by name."""
    prior = rule.none_prior if none_prior is None else none_prior
    prior = min(max(prior, 1e-9), 1 - 1e-9)
    order = sorted(range(len(actors)), key=lambda i: (-scores[i], actors[i]))
    tempered = np.array([*scores[order] / rule.temperature, 0.0])
    bar = rule.none + rule.none_per_size * log_size(size)
    tempered[-1] = bar + math.log(prior / (1.0 - prior))
    shares = np.exp(tempered - tempered.max())
    shares /= shares.sum()
    return Ranking(
        tuple(actors[i] for i in order),
        tuple(float(p) for p in shares[:-1]),
        tuple(float(scores[i]) for i in order),
        float(shares[-1]),
    )


def log_size(words: int) -> float:
    """The size of a text beside a usual report of 1,000 words."""
    return math.log((10.0 + words) / 1000.0)
