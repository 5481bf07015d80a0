"""Fitting on labelled data as a command runs it: `samehand calibrate`."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samehand.case import Options, Progress, candidate_pairs, prepare
from samehand.config import Linkage, Parameters, fingerprint
from samehand.errors import InputError
from samehand.fit.baselines import sharing
from samehand.fit.calibrate import (
    Floats,
    Labelled,
    design,
    document,
    fit,
    linkage_of,
    numbers_of,
    solve,
    weights_of,
)
from samehand.fit.metrics import (
    at_threshold,
    average_precision,
    base_rate,
    calibration_error,
    capped,
    cllr,
    log_loss,
    percentile_interval,
    reliability,
)
from samehand.fit.truth import all_pairs, read_labels, read_pairs
from samehand.fit.vennabers import venn_abers
from samehand.model import Problem
from samehand.predict import read_reports

#: Labelled pairs of one hand below which a fit is not used (DESIGN section 4, Calibration).
FEWEST_POSITIVES = 50
#: A probability from which on precision is told.
SURE = 0.9
#: log2 odds at which the range of a probability is told.
RANGE_POINTS = tuple(x / 2 for x in range(-12, 17))
_FOLDS = 5
_RESAMPLES, _SEED = 100, 1


def calibrate(
    dataset: Path,
    parameters: Parameters,
    problems: list[Problem],
    pairs: Path | None = None,
    background: Path | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, object]:
    """The document of a linkage fitted on a labelled data set, with its scores out of sample.

    Raises:
        InputError: if a file cannot be read, or holds too few labelled pairs of one hand.
    """
    reports = read_reports(dataset, "case", problems)
    labels = read_labels(dataset, reports)
    actors = {r.id: (labels[r.id].actor if r.id in labels else "") or r.id for r in reports}
    case = prepare(reports, parameters, Options(prior="feed"))
    if pairs is None:
        truth = all_pairs(labels, candidate_pairs(case, case.case_ids))
    else:
        truth = read_pairs(pairs, set(actors), problems)
    progress("fitting", 0, 3)
    labelled = [
        Labelled(p.l, p.r, p.same, (actors[p.l], actors[p.r]), p.weight) for p in truth.pairs
    ]
    strong = [sharing(case.profiles[p.l], case.profiles[p.r]) == "more" for p in labelled]
    positives = sum(on and p.same for on, p in zip(strong, labelled, strict=True))
    if positives < FEWEST_POSITIVES:
        raise InputError(
            f"{dataset}: {positives} labelled pairs of one hand that share more than a provider; "
            f"at least {FEWEST_POSITIVES} are needed. The starting weights stay in use."
        )
    unrelated = read_reports(background, "background", problems)
    found, rows = fit([*reports, *unrelated], labelled, strong, parameters)
    progress("fitting", 2, 3)
    use = [i for i, on in enumerate(strong) if on and not np.isnan(rows[i, 0])]
    used = [labelled[i] for i in use]
    known = {i: v.known_at for i, v in labels.items()}
    splits = {"by actor": _by_actor(used, rows[use]), "by time": _by_time(used, rows[use], known)}
    scores = _scores_by_split(used, splits)
    found = replace(found, ranges=_ranges(used, [p for p, _ in splits.values()]))
    intervals = _bootstrap(used, rows[use], found)
    progress("fitting", 3, 3)
    files = [f for f in (dataset, pairs, background) if f is not None]
    return document(
        found,
        date=date.today().isoformat(),  # noqa: DTZ011  # a calendar day
        data={f.name: fingerprint(f) for f in files},
        starting_weights=parameters.hash,
        intervals=intervals,
        reliability={
            split: _reliability(probability, used) for split, (probability, _) in splits.items()
        },
        out_of_sample=scores,
    )


def _fold(actor: str) -> int:
    return zlib.crc32(actor.encode()) % _FOLDS


def _predicted(rows: Floats, pairs: list[Labelled], train: list[int], test: list[int]) -> Floats:
    kept = [pairs[i] for i in train]
    same = np.array([float(p.same) for p in kept])
    beta = solve(design(rows[train]), same, weights_of(kept))
    logit = beta[0] + design(rows[test]) @ beta[1:]
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def _by_actor(pairs: list[Labelled], rows: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of each pair by a fit that saw neither of its actors; of two folds the mean."""
    total, times = np.zeros(len(pairs)), np.zeros(len(pairs))
    for fold in range(_FOLDS):
        test = [i for i, p in enumerate(pairs) if fold in map(_fold, p.actors)]
        inside = set(test)
        train = [i for i in range(len(pairs)) if i not in inside]
        if test and sum(pairs[i].same for i in train) >= FEWEST_POSITIVES:
            total[test] += _predicted(rows, pairs, train, test)
            times[test] += 1
    found = np.where(times > 0, total / np.maximum(times, 1), np.nan)
    return found, np.ones(len(pairs), dtype=np.bool_)


def _by_time(
    pairs: list[Labelled], rows: Floats, known: dict[str, date | None]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of the pairs of the latest third by a fit on the pairs before; who was unseen."""
    days = [max(known[p.l] or date.min, known[p.r] or date.min) for p in pairs]
    dated = sorted(d for d in days if d > date.min)
    found, unseen = np.full(len(pairs), np.nan), np.zeros(len(pairs), dtype=np.bool_)
    if not dated:
        return found, unseen
    cut = dated[len(dated) * 2 // 3]
    train = [i for i, d in enumerate(days) if d < cut]
    test = [i for i, d in enumerate(days) if d >= cut]
    if test and sum(pairs[i].same for i in train) >= FEWEST_POSITIVES:
        found[test] = _predicted(rows, pairs, train, test)
        seen = {actor for i in train for actor in pairs[i].actors}
        unseen[test] = [not seen.issuperset(pairs[i].actors) for i in test]
    return found, unseen


def _ranges(
    pairs: list[Labelled], predicted: list[Floats]
) -> tuple[tuple[float, float, float], ...]:
    """(log2 odds, lower, upper) over all splits: what any of them shows is possible."""
    weight = weights_of(pairs)
    same = np.array([float(p.same) for p in pairs])
    lows, highs = [], []
    for probability in predicted:
        on = ~np.isnan(probability)
        if len(set(same[on])) == 2:
            kept = np.clip(probability[on], 1e-9, 1 - 1e-9)
            bits = np.log2(kept / (1 - kept))
            found = np.array(venn_abers(bits, same[on], weight[on], RANGE_POINTS))
            lows.append(found[:, 0])
            highs.append(found[:, 1])
    if not lows:
        return ()
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    return tuple(zip(RANGE_POINTS, low.tolist(), high.tolist(), strict=True))


def _bootstrap(pairs: list[Labelled], rows: Floats, found: Linkage) -> dict[str, list[float]]:
    """2.5th and 97.5th percentile of each fitted number over resamples of actors."""
    actors = sorted({p.actors[0] for p in pairs})
    of_actor = {a: [i for i, p in enumerate(pairs) if p.actors[0] == a] for a in actors}
    generator = np.random.default_rng(_SEED)
    same = np.array([float(p.same) for p in pairs])
    weight, matrix = weights_of(pairs), design(rows)
    drawn: dict[str, list[float]] = {}
    for _ in range(_RESAMPLES):
        times = generator.multinomial(len(actors), np.full(len(actors), 1 / len(actors)))
        repeat = np.zeros(len(pairs))
        for actor, count in zip(actors, times, strict=True):
            repeat[of_actor[actor]] = count
        beta = solve(matrix, same, weight * repeat, tolerance=1e-3)
        for name, value in numbers_of(linkage_of(beta, found)).items():
            drawn.setdefault(name, []).append(value)
    return {n: [round(x, 2) for x in percentile_interval(v)] for n, v in drawn.items()}


def _scores_by_split(
    pairs: list[Labelled], splits: dict[str, tuple[Floats, NDArray[np.bool_]]]
) -> dict[str, dict[str, float]]:
    actor, _ = splits["by actor"]
    time, unseen = splits["by time"]
    keep = capped([p.actors[0] for p in pairs], np.array([float(p.same) for p in pairs]))
    return {
        "by actor": _scores(actor, pairs),
        "by actor, capped": _scores(np.where(keep, actor, np.nan), pairs),
        "by time": _scores(time, pairs),
        "by time, capped": _scores(np.where(keep, time, np.nan), pairs),
        "by time, unseen actor": _scores(np.where(unseen, time, np.nan), pairs),
    }


def _reliability(probability: Floats, labelled: list[Labelled]) -> list[list[float]]:
    """Mean P and share of one hand in bins of equal mass, at most so many pairs of one actor."""
    same = np.array([float(p.same) for p in labelled])
    keep = capped([p.actors[0] for p in labelled], same) & ~np.isnan(probability)
    weight = np.array([p.weight for p in labelled])
    rows = reliability(probability[keep], same[keep], weight[keep])
    return [[round(x, 3) for x in row] for row in rows]


def _scores(probability: Floats, labelled: list[Labelled]) -> dict[str, float]:
    """The measures of the pairs that have a probability, as numbers to print."""
    on = ~np.isnan(probability)
    pairs = [p for p, yes in zip(labelled, on, strict=True) if yes]
    if not pairs or len({p.same for p in pairs}) < 2:
        return {"pairs": float(len(pairs))}
    p = probability[on]
    same = np.array([float(x.same) for x in pairs])
    weight = np.array([x.weight for x in pairs])
    sure = at_threshold(p, same, weight, SURE)
    return {
        "pairs": float(len(pairs)),
        "base_rate": round(base_rate(same, weight), 3),
        "average_precision": round(average_precision(p, same, weight), 3),
        "log_loss": round(log_loss(p, same, weight), 3),
        "calibration_error": round(calibration_error(p, same, weight), 3),
        "cllr": round(cllr(p, same, weight, base_rate(same, weight)), 3),
        "pairs_at_.9": float(sure.n),
        **({"precision_at_.9": round(sure.precision, 3)} if sure.n else {}),
    }
