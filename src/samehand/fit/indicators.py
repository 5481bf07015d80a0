"""Fits the weights of shared values (`compare.shared_odds`) in time order, with unseen actors.

Questions come in two sorts. *Known*: a report after a cut year, asked of the reference up to it.
*Unseen*: a report asked with everything of its own actor taken out of the reference, so that every
answer is wrong. The likelihood is that of the softmax over actors and none; weights cannot take the
wrong sign and are shrunk towards zero. The most prolific actors are weighted down, and the unseen
are given a fixed share, since which of the two is asked is nothing that data can tell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samehand.compare.copies import Copies
from samehand.compare.profile import Profile
from samehand.compare.shared_odds import MOST_BITS, PARTS, IndicatorWeights
from samehand.compare.shared_values import KINDS, Ground, Shared, make_ground, shared_values
from samehand.config import Parameters
from samehand.knowledge.prevalence import FAMILY_PREFIX
from samehand.model import Feature

Floats = NDArray[np.float64]
#: Share of unseen actors among the questions that the fit assumes [judgement: 32 and 24 % of
#: samples were unattributed in two editions of APTClass; docs/method.md, section 5].
UNSEEN_SHARE = 0.22
#: An actor with more than this share of the questions counts by the square root of what it exceeds.
ACTOR_SHARE = 0.03
GAMMA = 0.5
#: Added to the start. The softmax fit says too little of actors it weighs down; with this the mean
#: probability of what is named or leaning is its precision where the most prolific actor is left
#: out and unseen actors are asked at the full reference [data: off by .005 to .025 at .8 and .5].
SHIFT_BITS = 0.6
#: Strength of the shrinkage towards zero (ridge), per question, in squared nats.
RIDGE = 0.0003
_ROUNDS, _STEP = 500, 0.06
_SIGNS = np.array([1] * len(PARTS) + [-1, -1, -1, 1] + [-1, 1] + [0])


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its answer."""

    report: str
    actor: str
    """The true one."""
    known: bool
    """Whether it is in the reference."""
    year: int
    """Of the report; 0: undated."""
    shared: tuple[Shared, ...]


def background_of(profiles: Iterable[Profile], held: Collection[Feature]) -> dict[Feature, float]:
    """Feature -> background reports that hold it, of those that reports hold."""
    counted: Counter[Feature] = Counter()
    for profile in profiles:
        counted.update(f for f in profile.features if f.kind in KINDS and f in held)
    return {f: float(n) for f, n in counted.items()}


def year_of_report(profile: Profile) -> int:
    """The year of publication; 0: undated."""
    return profile.report.published.end.year if profile.report.published else 0


def ground_until(
    profiles: Iterable[Profile],
    year: int,
    copies: Copies,
    parameters: Parameters,
    background: Mapping[Feature, float],
) -> Ground:
    """The reference as it stood at the end of a year; undated reports were always there.

    Without the prevalence sketch, which counts the very reports that are asked about.
    """
    upto = [p for p in profiles if year_of_report(p) <= year]
    labels = {p.report.id: p.report.known_actor for p in upto}
    return make_ground(upto, labels, copies, parameters, background)


def ask(ground: Ground, profiles: Iterable[Profile], year: int) -> list[Asked]:
    """All labelled reports as questions of unseen actors, and the later ones as known besides."""
    own: dict[str, list[str]] = {}
    for report, actor in ground.actor_of.items():
        own.setdefault(actor, []).append(report)
    found = []
    for profile in profiles:
        actor, identifier = profile.report.known_actor, profile.report.id
        if not actor or actor.startswith(FAMILY_PREFIX):
            continue
        when = year_of_report(profile)
        without = shared_values(ground, [profile], own.get(actor, ()))
        found.append(Asked(identifier, actor, False, when, without))
        if when > year and actor in own:
            found.append(Asked(identifier, actor, True, when, shared_values(ground, [profile])))
    return found


def question_weights(
    asked: Sequence[Asked], unseen: float = UNSEEN_SHARE, most: float = ACTOR_SHARE
) -> Floats:
    """The weight of each question; all sum to 1, those of unseen actors to their share."""
    weights = np.ones(len(asked))
    for known, share in ((True, 1.0 - unseen), (False, unseen)):
        chosen = [i for i, q in enumerate(asked) if q.known is known]
        counts = Counter(asked[i].actor for i in chosen)
        for i in chosen:
            part = counts[asked[i].actor] / len(chosen)
            weights[i] = min(1.0, math.sqrt(most / part))
        if chosen:
            weights[chosen] *= share / weights[chosen].sum()
    return weights


@dataclass(frozen=True, slots=True)
class Design:
    """Questions as arrays; only those that share something have rows."""

    values: Floats
    """One row per shared value: parts, other holders, publisher."""
    kept: Floats
    most: Floats
    """What each value says at most, in nats."""
    of_value: NDArray[np.int64]
    """The candidate of each value, rising."""
    candidates: Floats
    """One row per candidate: unshared, habits."""
    of_candidate: NDArray[np.int64]
    """The question of each candidate."""
    right: Floats
    weights: Floats
    """Of questions."""


def design(asked: Sequence[Asked], weights: Floats) -> Design:
    """The arrays of some questions."""
    values: list[list[float]] = []
    rows: list[list[float]] = []
    kept, most, of_value, of_candidate, right = [], [], [], [], []
    for number, question in enumerate(asked):
        for shared in question.shared:
            for held in shared.values:
                # Of one fact the form that tells most, itself before what follows from it.
                value = max((held, *held.implied), key=lambda v: v.telling)
                parts = value.parts
                if not parts:
                    continue
                values.append(
                    [float(part in parts) for part in PARTS]
                    + [
                        math.log2(1.0 + value.other_actors),
                        math.log2(1.0 + value.other_reports),
                        math.log2(1.0 + value.background),
                        float(value.other_publisher),
                    ]
                )
                kept.append(value.kept)
                most.append(MOST_BITS[parts[0]] * math.log(2.0))
                of_value.append(len(rows))
            rows.append([math.log2(1.0 + shared.unshared), shared.habit_bits])
            of_candidate.append(number)
            right.append(float(question.known and shared.actor == question.actor))
    return Design(
        np.array(values), np.array(kept), np.array(most), np.array(of_value), np.array(rows),
        np.array(of_candidate), np.array(right), weights,
    )  # fmt: skip


def logits(table: Design, theta: Floats) -> tuple[Floats, Floats]:
    """(nats against none per candidate, slope of each value: rank and kept; 0 where limited)."""
    wide = table.values.shape[1]
    bits = table.values @ theta[:wide]
    said = np.clip(bits, 0.0, table.most)
    order = np.lexsort((-said * table.kept, table.of_value))
    held = table.of_value[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(held)) + 1])
    sizes = np.diff(np.concatenate([starts, [len(held)]]))
    factor = np.empty(len(bits))
    factor[order] = GAMMA ** (np.arange(len(held)) - np.repeat(starts, sizes)).astype(float)
    factor *= table.kept
    total = np.bincount(table.of_value, said * factor, len(table.candidates))
    limited = (bits <= 0.0) | (bits >= table.most)
    return total + table.candidates @ theta[wide:-1] + theta[-1], factor * ~limited


def chances(table: Design, nats: Floats) -> Floats:
    """Probability of each candidate."""
    linear = np.exp(np.minimum(nats, 30.0))
    total = 1.0 + np.bincount(table.of_candidate, linear, len(table.weights))
    return np.asarray(linear / total[table.of_candidate])


def solve(table: Design, ridge: float = RIDGE) -> Floats:
    """Coefficients in nats, the constant last: Adam steps, signs kept by clipping."""
    theta = np.where(_SIGNS > 0, 1.0, np.where(_SIGNS < 0, -0.3, -1.0))
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    weight = table.weights[table.of_candidate]
    weight = weight / weight.sum()
    shrunk = np.append(np.full(len(theta) - 1, ridge), 0.0)
    for n in range(1, _ROUNDS + 1):
        nats, factor = logits(table, theta)
        slope = weight * (chances(table, nats) - table.right)
        gradient = np.concatenate([
            table.values.T @ (factor * slope[table.of_value]),
            table.candidates.T @ slope,
            [slope.sum()],
        ])  # fmt: skip
        gradient += shrunk * theta
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        step = _STEP * (1.0 if n < 0.6 * _ROUNDS else 0.3 if n < 0.85 * _ROUNDS else 0.1)
        theta = theta - step * (mean / (1 - 0.9**n)) / (np.sqrt(square / (1 - 0.999**n)) + 1e-8)
        theta = np.where(_SIGNS * theta < 0, 0.0, theta)
    return theta


def weights_of(theta: Floats) -> IndicatorWeights:
    """Coefficients in nats as weights in bits."""
    bits = [float(t) / math.log(2.0) for t in theta]
    n = len(PARTS)
    return IndicatorWeights(
        base=bits[-1] + SHIFT_BITS,
        parts=dict(zip(PARTS, bits[:n], strict=True)),
        other_actors=-bits[n],
        other_reports=-bits[n + 1],
        background=-bits[n + 2],
        other_publisher=bits[n + 3],
        gamma=GAMMA,
        unshared=-bits[n + 4],
        habits=bits[n + 5],
    )


def fit(asked: Sequence[Asked]) -> IndicatorWeights:
    """The weights that questions with known answers show."""
    return weights_of(solve(design(asked, question_weights(asked))))


def document(found: IndicatorWeights, **about: object) -> dict[str, object]:
    """Weights as the JSON document that `parse_weights` reads, with how they came about."""
    return {
        "about": "What shared values say of actors, in bits; made by "
        "scripts/evaluate_actors_indicators.py --write.",
        "fitted": about,
        "base": round(found.base, 3),
        "parts": {part: round(found.parts[part], 3) for part in PARTS},
        **{
            name: round(getattr(found, name), 3)
            for name in (
                "other_actors", "other_reports", "background", "other_publisher", "gamma",
                "unshared", "habits",
            )
        },
    }  # fmt: skip
