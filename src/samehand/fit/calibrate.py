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
from samehand.compare.fitted import MIN_RARITY_BITS
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
TYPES = (
    *("domain-name", "registered-domain", "ipv4-addr", "ipv4-net24", "ipv4-addr:port", "url"),
    *("url:path", "file:md5", "file:sha1", "file:sha256", "file:sha512"),
)
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
        names=(0.0, 0.0), habits=(0.0, 0.0), kinds=(0.0, 0.0), gap=((0.0, 0.0),),
        undated_bits=0.0, types=frozenset(TYPES), habit_weights=weights,
        habit_unlisted=UNLISTED, pairs=0, positives=0, hash="",
        starting_weights="", data=frozenset(),
    )  # fmt: skip


def features(gatherer: Gatherer, pairs: Sequence[Labelled], parameters: Parameters) -> Floats:
    """A row for each pair: hard, three likenesses (-1: none), dated, gap; NaN: nothing to fit."""
    rows = np.full((len(pairs), 6), np.nan)
    for number, pair in enumerate(pairs):
        evidence = gatherer.gather(*sorted((pair.l, pair.r)))
        if evidence.derivative:
            continue
        found = score(evidence, parameters)
        hard = [w for w in found.weighed if hard_facet_of(w.item)]
        rare = max((max(w.anchor_rare, w.further_rare) for w in hard), default=0.0)
        if rare < MIN_RARITY_BITS or {w.item.feature.kind for w in hard} - set(TYPES):
            continue
        alike = evidence.likeness
        rows[number] = (
            found.anchor_net + sum(found.facets.values()),
            *(-1.0 if v is None else v for v in (alike.names, alike.habits, alike.kinds)),
            float(evidence.dated),
            math.log2(1.0 + evidence.gap_years * 365.25 / 30.0),
        )
    return rows


#: Columns of the design: evidence slopes, likenesses, undated, gap slopes; 1: never negative.
_SIGNED = [*[1] * (len(EVIDENCE_KNOTS) - 1), 1, 1, 1, 0, *[1] * (len(GAP_KNOTS) - 1)]


def design(rows: Floats) -> Floats:
    """The columns that the coefficients multiply, each about one in size."""
    hard, names, habits, kinds, dated, gap = rows.T
    columns = [np.clip(hard - a, 0.0, b - a) / 4.0 for a, b in pairwise(EVIDENCE_KNOTS)]
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


def solve(matrix: Floats, same: Floats, weights: Floats) -> Floats:
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
        if largest < _CLOSE:
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
    names, habits, kinds, undated, *falls = rest[steps:]
    gap = [(GAP_KNOTS[0], 0.0)]
    for (a, b), slope in zip(pairwise(GAP_KNOTS), falls, strict=True):
        gap.append((b, gap[-1][1] - slope * (b - a) / 4.0))
    return replace(
        start,
        base_bits=base,
        evidence=tuple(evidence),
        names=(names, USUAL["names"]),
        habits=(habits, USUAL["habits"]),
        kinds=(kinds, USUAL["kinds"]),
        gap=tuple(gap),
        undated_bits=undated,
    )


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
    rows = features(case.gatherer(), pairs, parameters)
    chosen = [i for i, on in enumerate(strong) if on and not np.isnan(rows[i, 0])]
    kept = [pairs[i] for i in chosen]
    same = np.array([float(p.same) for p in kept])
    beta = solve(design(rows[chosen]), same, weights_of(kept))
    all_same = sum(p.weight for p in pairs if p.same)
    rate = all_same / sum(p.weight for p in pairs)
    found = replace(
        linkage_of(beta, start),
        labelled_prior_bits=math.log2(rate / (1.0 - rate)),
        pairs=len(kept),
        positives=int(same.sum()),
    )
    return found, rows


def document(found: Linkage, **about: object) -> dict[str, object]:
    """A linkage as the JSON document that `parse_linkage` reads, with how it came about."""
    return {
        "about": "What labelled pairs say about the starting weights; made by samehand calibrate.",
        "fitted": {"pairs": found.pairs, "positives": found.positives, **about},
        "base_bits": round(found.base_bits, 3),
        "labelled_prior_bits": round(found.labelled_prior_bits, 3),
        "evidence": [[x, round(bits, 3)] for x, bits in found.evidence],
        "names": [round(found.names[0], 3), found.names[1]],
        "habits": [round(found.habits[0], 3), found.habits[1]],
        "kinds": [round(found.kinds[0], 3), found.kinds[1]],
        "gap": [[x, round(bits, 3)] for x, bits in found.gap],
        "undated_bits": round(found.undated_bits, 3),
        "types": sorted(found.types),
        "habit_unlisted": found.habit_unlisted,
        "habit_weights": dict(sorted(found.habit_weights.items())),
    }
