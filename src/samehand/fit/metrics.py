"""Measures of links and clusters against labels: pure functions over arrays.

Everywhere ``same`` holds 1 for a pair of one hand and 0 otherwise, and ``weight`` how many pairs
of the population a listed pair stands for. A measure that its input leaves undefined (no pair at
all, or none of one class where both are needed) is ``nan``, which JSON shows as ``null``. No
measure depends on the order of its input, except the seeded draws, which say so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Probabilities are kept this far from 0 and 1 where a logarithm is taken, so that one certain
#: error costs 20 bits and not everything.
CLIP = 1e-6
#: Bins of equal mass in the calibration error (DESIGN section 5).
BINS = 10
#: Same-hand pairs that one actor may bring into a capped measure.
MOST_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class Selected:
    """The pairs at or above a threshold."""

    threshold: float
    n: int
    """Listed pairs at or above it."""
    precision: float
    """Weighted share of them that is of one hand; nan if n is 0."""
    recall: float
    """Weighted share of all pairs of one hand that they hold; nan if there are none."""


@dataclass(frozen=True, slots=True)
class BCubed:
    """B-cubed precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f: float


@dataclass(frozen=True, slots=True)
class Joined:
    """What a partition puts together, counted in pairs of reports and in clusters."""

    n: int
    """Reports."""
    clusters: int
    pairs: int
    """Pairs of reports in one cluster."""
    false_pairs: int
    """Of these, pairs of two actors."""
    precision: float
    """Share of joined pairs that is of one actor; nan if nothing is joined."""
    recall: float
    """Share of the pairs of one actor that is joined; nan if there are none."""
    largest: int
    """Reports in the largest cluster."""
    most_mixed: int
    """Actors in the cluster that holds most actors."""


def base_rate(same: Floats, weight: Floats) -> float:
    """The weighted share of pairs of one hand."""
    total = float(weight.sum())
    return float((same * weight).sum()) / total if total > 0 else math.nan


def average_precision(score: Floats, same: Floats, weight: Floats) -> float:
    """Weighted average precision: AP = sum over thresholds of (R_k - R_(k-1)) P_k.

    Pairs of equal score pass a threshold together, without interpolation, as scikit-learn's
    ``average_precision_score`` defines it.
    """
    positives = float((same * weight).sum())
    if positives <= 0:
        return math.nan
    _, step = np.unique(-score, return_inverse=True)
    hits = np.bincount(step, weights=same * weight)
    passed = np.cumsum(np.bincount(step, weights=weight))
    precision = np.divide(np.cumsum(hits), passed, out=np.zeros_like(passed), where=passed > 0)
    return min(1.0, float((hits * precision).sum()) / positives)


def log_loss(probability: Floats, same: Floats, weight: Floats) -> float:
    """Weighted mean of -ln P(what was the case), in nats; probabilities clipped to ``CLIP``."""
    total = float(weight.sum())
    if total <= 0:
        return math.nan
    p = np.clip(probability, CLIP, 1.0 - CLIP)
    return float(-(weight * np.where(same > 0, np.log(p), np.log1p(-p))).sum()) / total


def brier(probability: Floats, same: Floats, weight: Floats) -> float:
    """Weighted mean of (P - outcome) squared (Brier 1950, for two classes halved)."""
    total = float(weight.sum())
    return float((weight * (probability - same) ** 2).sum()) / total if total > 0 else math.nan


def calibration_error(probability: Floats, same: Floats, weight: Floats, bins: int = BINS) -> float:
    """Expected calibration error, sum over bins of mass * |mean P - base rate|, of equal mass.

    The pairs are cut by rising probability at every 1/bins of the total weight. Pairs of equal
    probability are one block; a block on a cut is divided in proportion, outcomes with it, so the
    bins have exactly equal mass and the order of ties cannot matter.
    """
    rows = reliability(probability, same, weight, bins)
    return sum(abs(mean - rate) for mean, rate in rows) / len(rows) if rows else math.nan


def reliability(
    probability: Floats, same: Floats, weight: Floats, bins: int = BINS
) -> list[tuple[float, float]]:
    """(mean P, share of one hand) of each bin of `calibration_error`, rising; [] of none."""
    total = float(weight.sum())
    if total <= 0:
        return []
    values, block = np.unique(probability, return_inverse=True)
    mass = np.bincount(block, weights=weight)
    held = mass > 0
    reached = np.concatenate(([0.0], np.cumsum(mass[held])))
    cuts = np.linspace(0.0, reached[-1], bins + 1)
    told, right = (
        np.diff(np.interp(cuts, reached, np.concatenate(([0.0], np.cumsum(column[held])))))
        for column in (values * mass, np.bincount(block, weights=same * weight))
    )
    return [
        (float(t), float(r)) for t, r in zip(told * bins / total, right * bins / total, strict=True)
    ]


def cllr(probability: Floats, same: Floats, weight: Floats, prior: float) -> float:
    """Log-likelihood-ratio cost in bits (Brümmer & du Preez 2006, equation for Cllr).

    Cllr = 1/2 [mean over one hand of log2(1 + 1/LR) + mean over two hands of log2(1 + LR)], with
    LR = odds(P) / odds(prior). 0 is perfect; 1 is what LR = 1 for everything gets; above 1 the
    evidence misleads. ``prior`` is the share of one hand for which the probabilities were meant;
    probabilities are clipped to ``CLIP``. Both classes weigh alike, whatever the base rate.
    """
    targets, others = float((same * weight).sum()), float(((1.0 - same) * weight).sum())
    if targets <= 0 or others <= 0 or not 0.0 < prior < 1.0:
        return math.nan
    p = np.clip(probability, CLIP, 1.0 - CLIP)
    llr_bits = np.log2(p) - np.log2(1.0 - p) - math.log2(prior / (1.0 - prior))
    miss = float((same * weight * np.logaddexp2(0.0, -llr_bits)).sum()) / targets
    alarm = float(((1.0 - same) * weight * np.logaddexp2(0.0, llr_bits)).sum()) / others
    return 0.5 * (miss + alarm)


def at_threshold(probability: Floats, same: Floats, weight: Floats, threshold: float) -> Selected:
    """Count, precision and recall of the pairs whose probability is at least the threshold."""
    chosen = probability >= threshold
    taken = float(weight[chosen].sum())
    right = float((same * weight)[chosen].sum())
    positives = float((same * weight).sum())
    return Selected(
        threshold=threshold,
        n=int(chosen.sum()),
        precision=right / taken if taken > 0 else math.nan,
        recall=right / positives if positives > 0 else math.nan,
    )


def capped(
    actors: Sequence[str], same: Floats, most: int = MOST_OF_ONE, seed: int = 1
) -> NDArray[np.bool_]:
    """Which pairs stay when every actor keeps at most ``most`` of its same-hand pairs.

    ``actors`` names the actor of each same-hand pair. Which ones stay is drawn by the seed and
    follows from the order of the input: sort it first. Pairs of two hands all stay.
    """
    left: Counter[str] = Counter()
    keep = np.ones(len(actors), dtype=np.bool_)
    for place in np.random.default_rng(seed).permutation(len(actors)):
        if same[place] > 0:
            left[actors[place]] += 1
            keep[place] = left[actors[place]] <= most
    return keep


def f_measure(precision: float, recall: float) -> float:
    """The harmonic mean of precision and recall; 0 if both are 0."""
    total = precision + recall
    return 2.0 * precision * recall / total if total > 0 else 0.0 if total == 0 else math.nan


def b_cubed_items(clusters: Sequence[str], actors: Sequence[str]) -> tuple[Floats, Floats]:
    """B-cubed precision and recall of every report (Bagga & Baldwin 1998).

    Precision of a report is the share of its cluster that is of its actor, itself included;
    recall the share of its actor's reports that are in its cluster.
    """
    size, whole = Counter(clusters), Counter(actors)
    both = Counter(zip(clusters, actors, strict=True))
    common = np.array([both[pair] for pair in zip(clusters, actors, strict=True)], np.float64)
    return (
        common / np.array([size[c] for c in clusters], np.float64),
        common / np.array([whole[a] for a in actors], np.float64),
    )


def b_cubed(precision: Floats, recall: Floats, weight: Floats) -> BCubed:
    """The weighted means of per-report precision and recall, and the harmonic mean of the two."""
    total = float(weight.sum())
    if total <= 0:
        return BCubed(math.nan, math.nan, math.nan)
    p, r = (float((x * weight).sum()) / total for x in (precision, recall))
    return BCubed(p, r, f_measure(p, r))


def macro_weights(actors: Sequence[str]) -> Floats:
    """Weights of reports with which every actor counts alike, however many reports it has."""
    whole = Counter(actors)
    return np.array([1.0 / whole[a] for a in actors], np.float64)


def joined(clusters: Sequence[str], actors: Sequence[str]) -> Joined:
    """Pairs that a partition joins, rightly and wrongly, and its largest and most mixed cluster."""
    size, whole = Counter(clusters), Counter(actors)
    both = Counter(zip(clusters, actors, strict=True))
    pairs, truth, right = (sum(math.comb(n, 2) for n in c.values()) for c in (size, whole, both))
    mixed = Counter(cluster for cluster, _ in both)
    return Joined(
        n=len(clusters),
        clusters=len(size),
        pairs=pairs,
        false_pairs=pairs - right,
        precision=right / pairs if pairs else math.nan,
        recall=right / truth if truth else math.nan,
        largest=max(size.values(), default=0),
        most_mixed=max(mixed.values(), default=0),
    )


def resampled(
    left: Sequence[str], right: Sequence[str], replicates: int, seed: int = 1
) -> Iterator[Floats]:
    """Multiplicities of pairs when whole actors are drawn anew, with replacement.

    Pairs of one actor are not independent of each other, so actors (or campaigns) are drawn, as
    many as there are. A pair of two actors counts the product of how often both were drawn, a pair
    inside one actor as often as that was drawn: two draws of one actor are two actors. (The
    pigeonhole bootstrap, Owen 2007, for pairs without order.) For single reports give the actor
    on both sides.
    """
    names, places = np.unique(np.array([*left, *right], dtype=np.str_), return_inverse=True)
    if not len(names):
        return
    l, r = places[: len(left)], places[len(left) :]
    generator = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = generator.multinomial(len(names), np.full(len(names), 1.0 / len(names)))
        yield np.where(l == r, drawn[l], drawn[l] * drawn[r]).astype(np.float64)


def percentile_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of replicated values, undefined ones left out; nan if none is left."""
    good = [v for v in values if not math.isnan(v)]
    if not good:
        return math.nan, math.nan
    low, high = np.quantile(good, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)
