"""Fits what labelled pairs say about evidence of the starting weights: a `Linkage`.

A logistic regression with slopes that cannot take the wrong sign (more evidence never lowers, a
longer gap never raises), shrunk towards zero, every actor's same-hand pairs weighted to at most
`ACTOR_PAIRS`, so that the most prolific actors do not speak for all.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from samehand.case import Options, prepare
from samehand.compare.evidence import Gatherer, hard_facet_of
from samehand.compare.fitted import GROUPS, MIN_RARITY_BITS
from samehand.config import Linkage, Parameters
from samehand.model import Report
from samehand.score import score

Floats = NDArray[np.float64]
#: Same-hand pairs of one actor weigh together as much as this many.
ACTOR_PAIRS = 40
#: Strength of the shrinkage towards zero (ridge), in squared nats.
RIDGE = 1.0
#: Knots of the evidence in bits, and of the gap in log2(1 + days/30): a month, five, fifteen, 44.
EVIDENCE_KNOTS = (0.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0)
GAP_KNOTS = (0.0, 2.5, 4.0, 5.5, 8.0)
#: Likenesses that say nothing: about what two unrelated reports that share something show.
USUAL = {"names": 0.05, "habits": 0.3, "kinds": 0.7}
#: Habits listed by how rare they are; all others count as `UNLISTED`, rarer than these.
HABITS, UNLISTED = 150, 7.0
#: Types of hard values that the labelled records hold often enough.
TYPES = (*GROUPS, "ipv4-net24")
SHARED = tuple(dict.fromkeys(GROUPS.values()))
_ROUNDS, _CLOSE = 400, 1e-7


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled pair."""

    l: str
    r: str
    same: bool
    actors: tuple[str, str]
    weight: float = 1.0
    """How many pairs of the population it stands for."""


def habit_weights(reports: Sequence[Report]) -> dict[str, float]:
    """How rare each of the commonest habits is among reports, in nats."""
    from samehand.compare.likeness import marks
    from samehand.compare.profile import profile

    counts: Counter[str] = Counter()
    holding = 0
    for report in reports:
        habits = marks(profile(report)).habits
        holding += bool(habits)
        counts.update(habits)
    return {
        habit: round(math.log((holding + 1) / (count + 1)), 2)
        for habit, count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:HABITS]
    }


def _blank(weights: Mapping[str, float]) -> Linkage:
    return Linkage(
        base_bits=0.0, labelled_prior_bits=0.0, evidence=((0.0, 0.0),),
        shared={}, most_bits=math.inf, ranges=(),
        names=(0.0, 0.0), habits=(0.0, 0.0), kinds=(0.0, 0.0), gap=((0.0, 0.0),),
        undated_bits=0.0, types=frozenset(TYPES), habit_weights=weights,
        habit_unlisted=UNLISTED, pairs=0, positives=0, hash="",
        starting_weights="", data=frozenset(),
    )  # fmt: skip


def features(gatherer: Gatherer, pairs: Sequence[Labelled], parameters: Parameters) -> Floats:
    """A row for each pair; NaN: nothing to fit.

    Hard bits, each group of `SHARED`, three likenesses (-1: none), dated, gap. ``parameters`` carry
    a linkage that names the labelled types.
    """
    rows = np.full((len(pairs), 6 + len(SHARED)), np.nan)
    for number, pair in enumerate(pairs):
        evidence = gatherer.gather(*sorted((pair.l, pair.r)))
        if evidence.derivative:
            continue
        found = score(evidence, parameters)
        kinds = {w.item.feature.kind for w in found.weighed if hard_facet_of(w.item)}
        signals = found.signals
        if signals is None or signals.rarest < MIN_RARITY_BITS or kinds - set(TYPES):
            continue
        alike = evidence.likeness
        rows[number] = (
            signals.hard,
            *(signals.shared.get(group, 0.0) for group in SHARED),
            *(-1.0 if v is None else v for v in (alike.names, alike.habits, alike.kinds)),
            float(evidence.dated),
            math.log2(1.0 + evidence.gap_years * 365.25 / 30.0),
        )
    return rows


#: Columns of the design: evidence slopes, groups, likenesses, undated, gap slopes; 1: never
#: negative.
_SIGNED = [
    *[1] * (len(EVIDENCE_KNOTS) - 1), *[1] * len(SHARED), 1, 1, 1, 0, *[1] * (len(GAP_KNOTS) - 1)
]  # fmt: skip


def design(rows: Floats) -> Floats:
    """The columns that the coefficients multiply, each about one in size."""
    hard, shared, (names, habits, kinds, dated, gap) = rows.T[0], rows.T[1:-5], rows.T[-5:]
    columns = [np.clip(hard - a, 0.0, b - a) / 4.0 for a, b in pairwise(EVIDENCE_KNOTS)]
    columns += list(shared)
    for values, name in ((names, "names"), (habits, "habits"), (kinds, "kinds")):
        columns.append(np.where(values >= 0.0, values - USUAL[name], 0.0))
    columns.append(1.0 - dated)
    columns += [-dated * np.clip(gap - a, 0.0, b - a) / 4.0 for a, b in pairwise(GAP_KNOTS)]
    return np.stack(columns, axis=1)


def weights_of(pairs: Sequence[Labelled]) -> Floats:
    """The weight of each pair, with every actor's same-hand pairs limited."""
    count: dict[str, float] = defaultdict(float)
    for p in pairs:
        count[p.actors[0]] += p.weight if p.same else 0.0
    limits = [min(1.0, ACTOR_PAIRS / count[p.actors[0]]) if p.same else 1.0 for p in pairs]
    return np.array([limit * p.weight for limit, p in zip(limits, pairs, strict=True)])


def solve(matrix: Floats, same: Floats, weights: Floats, tolerance: float = _CLOSE) -> Floats:
    """Coefficients in nats, the constant first: cyclic Newton steps, signs kept by clipping."""
    columns = np.concatenate([np.ones((len(matrix), 1)), matrix], axis=1)
    signs = [0, *_SIGNED]
    beta = np.zeros(columns.shape[1])
    logit = np.zeros(len(matrix))
    for _ in range(_ROUNDS):
        largest = 0.0
        for j in range(len(beta)):
            p = 1.0 / (1.0 + np.exp(-logit))
            ridge = RIDGE if j else 0.0
            slope = columns[:, j] @ (weights * (p - same)) + ridge * beta[j]
            curve = (columns[:, j] ** 2) @ (weights * p * (1.0 - p)) + ridge + 1e-9
            value = beta[j] - slope / curve
            value = max(0.0, value) if signs[j] else value
            step = float(np.clip(value - beta[j], -2.0, 2.0))
            if step:
                beta[j] += step
                logit += step * columns[:, j]
                largest = max(largest, abs(step))
        if largest < tolerance:
            break
    return beta


def linkage_of(beta: Floats, start: Linkage) -> Linkage:
    """Coefficients as the knots and slopes of a linkage, in bits."""
    bits = [float(b) / math.log(2.0) for b in beta]
    base, rest = bits[0], bits[1:]
    steps = len(EVIDENCE_KNOTS) - 1
    evidence = [(EVIDENCE_KNOTS[0], 0.0)]
    for (a, b), slope in zip(pairwise(EVIDENCE_KNOTS), rest[:steps], strict=True):
        evidence.append((b, evidence[-1][1] + slope * (b - a) / 4.0))
    shared, rest = rest[steps : steps + len(SHARED)], rest[steps + len(SHARED) :]
    names, habits, kinds, undated, *falls = rest
    gap = [(GAP_KNOTS[0], 0.0)]
    for (a, b), slope in zip(pairwise(GAP_KNOTS), falls, strict=True):
        gap.append((b, gap[-1][1] - slope * (b - a) / 4.0))
    return replace(
        start,
        base_bits=base,
        evidence=tuple(evidence),
        shared=dict(zip(SHARED, shared, strict=True)),
        names=(names, USUAL["names"]),
        habits=(habits, USUAL["habits"]),
        kinds=(kinds, USUAL["kinds"]),
        gap=tuple(gap),
        undated_bits=undated,
    )


def most_bits(same: Floats, weights: Floats) -> float:
    """Log2 odds that labelled pairs can support at most.

    With no false one among n pairs of different hands, their rate is below 3 / n (rule of three),
    so a likelihood ratio above n / 3 cannot be shown (empirical bounds of a likelihood ratio:
    Vergeer et al. 2016). Added to the base rate of the fit.
    """
    different = float(weights @ (1.0 - same))
    return math.log2(float(weights @ same) / different) + math.log2(max(different, 3.0) / 3.0)


def fit(
    reports: Sequence[Report],
    pairs: Sequence[Labelled],
    strong: Sequence[bool],
    parameters: Parameters,
) -> tuple[Linkage, Floats]:
    """The linkage that labelled pairs show, and the features of all pairs.

    ``strong`` marks the pairs to fit on: those that share more than a provider. All pairs by weight
    give the base rate of two reports drawn at random.
    """
    start = _blank(habit_weights([r for r in reports if r.use != "background"]))
    case = prepare(reports, replace(parameters, linkage=start), Options(prior="feed"))
    rows = features(case.gatherer(), pairs, replace(parameters, linkage=start))
    chosen = [i for i, on in enumerate(strong) if on and not np.isnan(rows[i, 0])]
    kept = [pairs[i] for i in chosen]
    same = np.array([float(p.same) for p in kept])
    weights = weights_of(kept)
    beta = solve(design(rows[chosen]), same, weights)
    all_same = sum(p.weight for p in pairs if p.same)
    rate = all_same / sum(p.weight for p in pairs)
    found = replace(
        linkage_of(beta, start),
        most_bits=most_bits(same, weights),
        labelled_prior_bits=math.log2(rate / (1.0 - rate)),
        pairs=len(kept),
        positives=int(same.sum()),
    )
    return found, rows


def numbers_of(found: Linkage) -> dict[str, float]:
    """The fitted numbers by name, in bits."""
    return {
        "base": found.base_bits,
        **{f"evidence at {x:g}": bits for x, bits in found.evidence[1:]},
        **{f"shared {group}": bits for group, bits in found.shared.items()},
        "names": found.names[0],
        "habits": found.habits[0],
        "kinds": found.kinds[0],
        **{f"gap at {x:g}": bits for x, bits in found.gap[1:]},
        "undated": found.undated_bits,
    }


def document(found: Linkage, **about: object) -> dict[str, object]:
    """A linkage as the JSON document that `parse_linkage` reads, with how it came about."""
    return {
        "about": "What labelled pairs say about the starting weights; made by samehand calibrate.",
        "fitted": {"pairs": found.pairs, "positives": found.positives, **about},
        "base_bits": round(found.base_bits, 3),
        "labelled_prior_bits": round(found.labelled_prior_bits, 3),
        "evidence": [[x, round(bits, 3)] for x, bits in found.evidence],
        "shared": {group: round(bits, 3) for group, bits in found.shared.items()},
        "most_bits": round(found.most_bits, 3),
        "names": [round(found.names[0], 3), found.names[1]],
        "habits": [round(found.habits[0], 3), found.habits[1]],
        "kinds": [round(found.kinds[0], 3), found.kinds[1]],
        "ranges": [[x, round(low, 4), round(high, 4)] for x, low, high in found.ranges],
        "gap": [[x, round(bits, 3)] for x, bits in found.gap],
        "undated_bits": round(found.undated_bits, 3),
        "types": sorted(found.types),
        "habit_unlisted": found.habit_unlisted,
        "habit_weights": dict(sorted(found.habit_weights.items())),
    }
