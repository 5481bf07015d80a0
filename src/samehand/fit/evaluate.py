"""Tables of measures from predictions and labels: pure, whatever made the predictions.

Pairs are measured in strata, since nearly all pairs share nothing and nearly all that share
something share little; hands against partitions by simple methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from samehand.fit import metrics
from samehand.fit.baselines import SCORES, Sharing
from samehand.fit.metrics import BCubed, Floats, Joined, Selected
from samehand.fit.truth import Label, LeftOut, Split, TruePair, report_in_split

EVALUATION_SCHEMA = "samehand-evaluation-1"
Only = Literal["links", "clusters"]
#: .5 and .91 are the probabilities at which clusters propose and merge; .95 is "almost certain".
THRESHOLDS = (0.5, 0.8, 0.91, 0.95)
#: Resamples behind every interval.
REPLICATES = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure with its interval: the middle 95 % when actors are drawn anew."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """A pair with its truth, what was predicted, and what simple methods say."""

    truth: TruePair
    probability: float
    sharing: Sharing
    scores: tuple[float, ...]
    """Of the baselines, in the order of ``BASELINES``."""
    actor_l: str
    """The id of the report where no actor is known."""
    actor_r: str
    unseen: bool
    """Whether one of the actors was unseen before the cut; false without a cut."""

    @property
    def shares(self) -> bool:
        """Whether anything is shared: the word of the list, else what was found."""
        return self.sharing != "nothing" if self.truth.shares is None else self.truth.shares

    @property
    def shares_more(self) -> bool:
        """Whether more than a provider is shared."""
        return self.shares and self.sharing == "more"


#: The scores of a `ScoredPair`: every simple method on exact values, then with derived ones.
BASELINES = (*SCORES, *(f"{name}, derived" for name in SCORES))


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well one method orders the pairs."""

    method: str
    average_precision: Figure
    lead: Figure
    """Average precision of samehand minus that of the method, on the same draws of actors."""


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """The measures of one stratum of pairs."""

    stratum: str
    n: int
    same: int
    """Of these, pairs of one hand."""
    actors: int
    """Actors whose reports they join; what the intervals draw."""
    base_rate: float
    """Weighted share of one hand."""
    average_precision: Figure
    log_loss: Figure
    """Nats."""
    constant_log_loss: float
    """Of a constant probability, the base rate."""
    brier: Figure
    calibration_error: Figure
    cllr: Figure
    """Bits, the base rate as prior."""
    thresholds: tuple[Selected, ...]
    baselines: tuple[Ranking, ...]


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """The measures of one partition."""

    method: str
    actors: int
    precision: Figure
    """B-cubed, as the next two."""
    recall: Figure
    f: Figure
    macro: BCubed
    """B-cubed with every actor counting alike."""
    joined: Joined


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All measures of one run. ``nan`` (``null`` in JSON): undefined on these pairs or reports."""

    schema: str
    program: str
    model: str
    config_hash: str
    knowledge: Mapping[str, str]
    dataset: str
    in_sample: bool
    """Whether the links were fitted on this very file, so that figures of links flatter."""
    pairs: str
    """File of pairs; empty: all pairs of the data set."""
    background: str
    split: Split
    cut: date | None
    """Last day that counts as before, for split time."""
    reports: int
    labelled: int
    """Reports with an actor."""
    actors: int
    background_reports: int
    left_out: LeftOut
    sampled: bool
    """Whether pairs without evidence are a weighted sample drawn here."""
    replicates: int
    links: tuple[LinkFigures, ...]
    clusters: tuple[ClusterFigures, ...]


_Stratum = tuple[str, Callable[[ScoredPair], bool], bool]
_STRATA: tuple[_Stratum, ...] = (
    ("all", lambda p: True, False),
    ("something", lambda p: p.shares, False),
    ("something, capped", lambda p: p.shares, True),
    ("more than a provider", lambda p: p.shares_more, False),
    ("more than a provider, capped", lambda p: p.shares_more, True),
    ("only a provider", lambda p: p.shares and not p.shares_more, False),
)
_UNSEEN: tuple[_Stratum, ...] = (
    ("unseen actor, all", lambda p: p.unseen, False),
    ("unseen actor, something", lambda p: p.unseen and p.shares, False),
    ("unseen actor, more", lambda p: p.unseen and p.shares_more, False),
)


def measure_links(
    scored: Sequence[ScoredPair], split: Split, replicates: int = REPLICATES
) -> tuple[LinkFigures, ...]:
    """The measures of every stratum; those of unseen actors only for a split in time.

    Capped: at most ``metrics.MOST_OF_ONE`` same-hand pairs of one actor, drawn by a seed.
    """
    ordered = sorted(scored, key=lambda p: (p.truth.l, p.truth.r))
    found = []
    for name, belongs, cap in (*_STRATA, *(_UNSEEN if split == "time" else ())):
        rows = [p for p in ordered if belongs(p)]
        if cap:
            same = np.array([p.truth.same for p in rows], np.float64)
            keep = metrics.capped([p.actor_l for p in rows], same)
            rows = [p for p, kept in zip(rows, keep, strict=True) if kept]
        found.append(_links(name, rows, replicates))
    return tuple(found)


def _links(stratum: str, rows: Sequence[ScoredPair], replicates: int) -> LinkFigures:
    same = np.array([p.truth.same for p in rows], np.float64)
    weight = np.array([p.truth.weight for p in rows], np.float64)
    probability = np.array([p.probability for p in rows], np.float64)
    scores = np.array([p.scores for p in rows], np.float64).reshape(len(rows), len(BASELINES))
    left, right = [p.actor_l for p in rows], [p.actor_r for p in rows]

    def measures(w: Floats) -> tuple[float, ...]:
        ranked = metrics.average_precision(probability, same, w)
        others = [metrics.average_precision(column, same, w) for column in scores.T]
        return (
            ranked,
            metrics.log_loss(probability, same, w),
            metrics.brier(probability, same, w),
            metrics.calibration_error(probability, same, w),
            metrics.cllr(probability, same, w, metrics.base_rate(same, w)),
            *others,
            *(ranked - other for other in others),
        )

    drawn = [measures(weight * m) for m in metrics.resampled(left, right, replicates)]
    figures = _figures(measures(weight), drawn)
    rate = metrics.base_rate(same, weight)
    return LinkFigures(
        stratum=stratum,
        n=len(rows),
        same=int(same.sum()),
        actors=len({*left, *right}),
        base_rate=rate,
        average_precision=figures[0],
        log_loss=figures[1],
        constant_log_loss=metrics.log_loss(np.full(len(rows), rate), same, weight),
        brier=figures[2],
        calibration_error=figures[3],
        cllr=figures[4],
        thresholds=tuple(metrics.at_threshold(probability, same, weight, t) for t in THRESHOLDS),
        baselines=tuple(
            Ranking(name, figures[5 + place], figures[5 + len(BASELINES) + place])
            for place, name in enumerate(BASELINES)
        ),
    )


def _figures(values: Sequence[float], drawn: Sequence[tuple[float, ...]]) -> tuple[Figure, ...]:
    """Each measure with the interval of its replicates."""
    return tuple(
        Figure(value, *metrics.percentile_interval([row[place] for row in drawn]))
        for place, value in enumerate(values)
    )


def measure_clusters(
    partitions: Mapping[str, Mapping[str, str]],
    labels: Mapping[str, Label],
    split: Split,
    cut: date | None,
    replicates: int = REPLICATES,
) -> tuple[ClusterFigures, ...]:
    """The measures of every partition (method -> report -> cluster) on the reports of a split.

    All reports were clustered; those of the split alone are counted. Intervals draw actors anew
    and keep precision and recall of each report as they are in the whole partition.
    """
    ids = sorted(i for i, label in labels.items() if report_in_split(label, split, cut))
    actors = [labels[i].actor for i in ids]
    draws = list(metrics.resampled(actors, actors, replicates))
    found = []
    for method, partition in partitions.items():
        clusters = [partition[i] for i in ids]
        precision, recall = metrics.b_cubed_items(clusters, actors)
        rows = [metrics.b_cubed(precision, recall, w) for w in (np.ones(len(ids)), *draws)]
        values = [(row.precision, row.recall, row.f) for row in rows]
        figures = _figures(values[0], values[1:])
        found.append(
            ClusterFigures(
                method=method,
                actors=len(set(actors)),
                precision=figures[0],
                recall=figures[1],
                f=figures[2],
                macro=metrics.b_cubed(precision, recall, metrics.macro_weights(actors)),
                joined=metrics.joined(clusters, actors),
            )
        )
    return tuple(found)
