"""Attribution by shared values alone, in time order with unseen actors among the questions.

    python scripts/evaluate_actors_indicators.py --data DIR [--write FILE]

Reads reports.jsonl.gz and background_crimeware.jsonl.gz of the data folder. For each cut year the
weights are fitted on what was known by its end, without a fifth of the actors; asked are the
reports after it (known actors) and all reports of that fifth (unseen: each with its actor taken out
of the reference). "Unseen at the full reference" asks these of everything there is, where
coincidences are most. "30 % removed" takes so many actors out at once. Unseen actors are weighted
to 19 % of the questions; "capped" weighs the most prolific actor down. "away" is the share of
unseen questions where nobody is named. ``--write`` fits on everything and writes the weights that
ship.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from samehand.compare.copies import Copies, find_copies
from samehand.compare.files import same_files
from samehand.compare.profile import Profile, profile
from samehand.compare.shared_odds import IndicatorWeights, indicator_odds
from samehand.compare.shared_values import KINDS, Ground
from samehand.config import default_parameters, fingerprint
from samehand.fit.indicators import (
    Asked,
    ask,
    background_of,
    document,
    fit,
    ground_until,
)
from samehand.model import Feature
from samehand.predict import read_reports

CUTS = range(2016, 2024)
TESTS = (2020, 2021, 2022)
FULL = 2023
FOLDS, SEEDS = 5, 4
#: Of the questions, as in the data held out; and what the most prolific actor's reports weigh in
#: the figures that are told "capped", so that it gives about a third of the right answers.
UNSEEN, CAPPED = 0.19, 0.25
NAMED, RATIO, LEANING, LEANING_RATIO = 0.8, 4.0, 0.5, 2.0
EXACT = {k for k in KINDS if k not in ("registered-domain", "ipv4-net24")}


def fold_of(actor: str) -> int:
    return int(hashlib.sha256(actor.encode()).hexdigest(), 16) % FOLDS


@dataclass(frozen=True)
class Answer:
    """One question answered."""

    actor: str
    known: bool
    said: str
    """The likeliest actor; '' if nothing is shared."""
    right: bool
    probability: float
    runner_up: float
    simple: bool | None
    """Most exact matches: right or wrong; None: no answer or a tie."""


def majority(question: Asked) -> str:
    counts = {s.actor: sum(v.feature.kind in EXACT for v in s.values) for s in question.shared}
    best = max(counts.values(), default=0)
    leaders = [a for a, n in counts.items() if n == best]
    return leaders[0] if best and len(leaders) == 1 else ""


def answer(question: Asked, weights: IndicatorWeights) -> Answer:
    ranked = indicator_odds(question.shared, weights).actors
    simple = majority(question)
    return Answer(
        question.actor,
        question.known,
        ranked[0].actor if ranked else "",
        bool(ranked) and question.known and ranked[0].actor == question.actor,
        ranked[0].probability if ranked else 0.0,
        ranked[1].probability if len(ranked) > 1 else 0.0,
        (question.known and simple == question.actor) if simple else None,
    )


def without(asked: Iterable[Asked], out: Collection[str]) -> list[Asked]:
    """Questions and candidates of the other actors."""
    return [
        replace(q, shared=tuple(s for s in q.shared if s.actor not in out))
        for q in asked
        if q.actor not in out
    ]


def training(asked: dict[int, list[Asked]], cut: int) -> list[Asked]:
    """What is known at the end of a year: known questions of earlier cuts, unseen of late ones."""
    known = [q for c in range(max(CUTS[0], cut - 4), cut) for q in asked[c] if q.known]
    unseen = [q for c in (cut - 1, cut) for q in asked[c] if not q.known]
    return [q for q in (*known, *unseen) if q.year <= cut]


def weigh(answers: Sequence[Answer], most: str = "", share: float = 1.0) -> np.ndarray:
    known = np.array([a.known for a in answers])
    weights = np.array([share if a.actor == most else 1.0 for a in answers])
    weights[known] *= (1 - UNSEEN) / weights[known].sum()
    weights[~known] *= UNSEEN / weights[~known].sum()
    return weights


@dataclass(frozen=True)
class Table:
    """Answers as arrays."""

    p: np.ndarray
    right: np.ndarray
    known: np.ndarray
    named: np.ndarray
    leaning: np.ndarray
    simple: np.ndarray
    """1 right, 0 wrong, -1 no answer."""
    weights: np.ndarray


def table(answers: Sequence[Answer], weights: np.ndarray) -> Table:
    p = np.array([a.probability for a in answers])
    q = np.array([a.runner_up for a in answers])
    named = (p >= NAMED) & (p >= RATIO * q)
    return Table(
        p, np.array([a.right for a in answers]), np.array([a.known for a in answers]), named,
        named | ((p >= LEANING) & (p >= LEANING_RATIO * q)),
        np.array([-1 if a.simple is None else int(a.simple) for a in answers]), weights,
    )  # fmt: skip


def mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(values @ weights / weights.sum()) if weights.sum() else float("nan")


def precision_at(t: Table, score: np.ndarray, right: np.ndarray, coverage: float) -> float:
    """Precision of the most confident share; equal scores are taken together in proportion."""
    order = np.lexsort((np.arange(len(score)), -score))
    taken = np.minimum(np.cumsum(t.weights[order]) / t.weights.sum(), 1.0)
    chosen = order[: int(np.searchsorted(taken, coverage)) + 1]
    return mean(right[chosen].astype(float), t.weights[chosen])


def calibration_error(t: Table) -> tuple[float, float]:
    """(ECE over ten bins of equal mass, mean of probability minus right) of named or leaning."""
    chosen = np.flatnonzero(t.leaning)
    chosen = chosen[np.argsort(t.p[chosen], kind="stable")]
    w = t.weights[chosen] / t.weights[chosen].sum()
    off = (t.p - t.right)[chosen] * w
    bins = np.minimum(9, ((np.cumsum(w) - w / 2) * 10).astype(int))
    return sum(abs(float(off[bins == b].sum())) for b in range(10)), float(off.sum())


def line(name: str, t: Table, answers: Sequence[Answer]) -> None:
    named = t.weights * t.named
    away = mean((~t.named[~t.known]).astype(float), t.weights[~t.known])
    ece, bias = calibration_error(t)
    shares: dict[str, list[float]] = {}
    for a, w in zip(answers, named, strict=True):
        if w:
            said = shares.setdefault(a.said, [0.0, 0.0])
            said[0] += w * a.right
            said[1] += w
    macro = np.mean([right / all_ for right, all_ in shares.values()]) if shares else float("nan")
    points = [precision_at(t, t.p, t.right, c) for c in (0.015, 0.03, 0.05, 0.08)]
    print(
        f"{name:34s} {len(answers):6d} {int(t.named.sum()):5d}  {mean(t.right.astype(float), named):.3f}"
        f"  {named.sum() / t.weights.sum():6.1%}  {away:.3f}  "
        + "  ".join(f"{p:.3f}" for p in points)
        + f"  {ece:.3f} {bias:+.3f}  {macro:.2f}/{len(shares)}"
    )


def simple_line(name: str, t: Table) -> None:
    said = t.simple >= 0
    w = t.weights * said
    away = mean((~said[~t.known]).astype(float), t.weights[~t.known])
    print(
        f"{name:34s} {len(t.p):6d} {int(said.sum()):5d}  {mean((t.simple == 1).astype(float), w):.3f}"
        f"  {w.sum() / t.weights.sum():6.1%}  {away:.3f}"
    )


def bootstrap(t: Table, answers: Sequence[Answer], draws: int = 500) -> None:
    """Precision of the rule and of the majority at the majority's own coverage, drawn by actor."""
    rng = np.random.default_rng(1)
    names = sorted({a.actor for a in answers})
    place = {a: n for n, a in enumerate(names)}
    of = np.array([place[a.actor] for a in answers])
    found = []
    for _ in range(draws):
        w = (
            t.weights
            * np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[of]
        )
        if not (w * t.named).sum() or not (w * (t.simple >= 0)).sum():
            continue
        d = replace(t, weights=w)
        simple = mean((t.simple == 1).astype(float), w * (t.simple >= 0))
        coverage = float((w * (t.simple >= 0)).sum() / w.sum())
        found.append((
            mean(t.right.astype(float), w * t.named), simple,
            precision_at(d, t.p, t.right, coverage) - simple,
            precision_at(d, t.p, t.right, 0.05), precision_at(d, t.p, t.right, 0.015),
        ))  # fmt: skip
    low, middle, high = np.percentile(np.array(found), (2.5, 50, 97.5), axis=0)
    for n, what in enumerate((
        "precision when naming", "precision of the majority", "gain at the majority's coverage",
        "precision at 5 %", "precision at 1.5 %",
    )):  # fmt: skip
        print(f"  {what:34s} {middle[n]:.3f} ({low[n]:.3f} to {high[n]:.3f}), drawn by actor")


@dataclass(frozen=True)
class Loaded:
    """The data, read once."""

    profiles: list[Profile]
    copies: Copies
    background: dict[Feature, float]

    def ground(self, cut: int, out: Collection[str] = ()) -> Ground:
        """The reference at the end of a year, without some actors."""
        left = [p for p in self.profiles if p.report.known_actor not in out]
        return ground_until(left, cut, self.copies, default_parameters(), self.background)


def load(data: Path) -> Loaded:
    problems: list = []
    reports = read_reports(data / "reports.jsonl.gz", "reference", problems)
    strangers = read_reports(data / "background_crimeware.jsonl.gz", "background", problems)
    same = same_files(sorted([*reports, *strangers], key=lambda r: r.id))
    profiles = [profile(r, same) for r in reports]
    held = {f for p in profiles for f in p.features if f.kind in KINDS}
    background = background_of((profile(r, same) for r in strangers), held)
    copies = find_copies({p.report.id: p for p in profiles}, default_parameters().copies)
    return Loaded(profiles, copies, background)


def removed(data: Loaded, asked: dict[int, list[Asked]]) -> None:
    """30 % of the actors out of the reference altogether, drawn SEEDS times for each cut."""
    names = sorted({q.actor for q in asked[FULL]})
    every: list[Answer] = []
    for cut in TESTS:
        found: list[Answer] = []
        for seed in range(SEEDS):
            out = set(random.Random(seed * 1000 + cut).sample(names, round(0.3 * len(names))))
            weights = fit(without(training(asked, cut), out))
            for q in ask(data.ground(cut, out), data.profiles, cut):
                if q.known or q.actor in out:
                    found.append(answer(q, weights))
        line(f"30 % removed, cut {cut}", table(found, weigh(found)), found)
        every += found
    most = most_prolific(every)
    line("30 % removed, all", table(every, weigh(every)), every)
    line("  capped", table(every, weigh(every, most, CAPPED)), every)
    simple_line("  majority of exact matches", table(every, weigh(every)))
    simple_line("  the same, capped", table(every, weigh(every, most, CAPPED)))


def most_prolific(answers: Iterable[Answer]) -> str:
    counts = Counter(a.actor for a in answers if a.right)
    return max(counts, key=lambda n: (counts[n], n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--write", type=Path, help="fit on everything and write the weights here")
    options = parser.parse_args()
    files = ("reports.jsonl.gz", "background_crimeware.jsonl.gz")
    missing = [name for name in files if not (options.data / name).exists()]
    if missing:
        print(f"skipped: {options.data} holds no {missing[0]}", file=sys.stderr)
        return
    data = load(options.data)
    asked = {cut: ask(data.ground(cut), data.profiles, cut) for cut in CUTS}
    measure(asked)
    removed(data, asked)
    if options.write:
        everything = training(asked, FULL)
        found = fit(everything)
        prints = {name: fingerprint(options.data / name) for name in files}
        about = document(
            found, date=date.today().isoformat(), data=prints,  # noqa: DTZ011
            known=sum(q.known for q in everything), unseen=sum(not q.known for q in everything),
        )  # fmt: skip
        options.write.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def measure(asked: dict[int, list[Asked]]) -> None:
    print(
        f"{'':34s} {'n':>6s} named  prec.    cov.  away   at1.5  at3    at5    at8    ece   bias    macro precision/actors named"
    )
    names = sorted({q.actor for q in asked[FULL]})
    answers: dict[int, list[Answer]] = {}
    for cut in (*TESTS, FULL):
        answers[cut] = []
        for fold in range(FOLDS):
            weights = fit(without(training(asked, cut), {a for a in names if fold_of(a) == fold}))
            answers[cut] += [
                answer(q, weights)
                for q in asked[cut]
                if (fold == 0 if q.known else fold_of(q.actor) == fold)
            ]
        if cut in TESTS:
            line(f"cut {cut}", table(answers[cut], weigh(answers[cut])), answers[cut])
    known = [a for c in TESTS for a in answers[c] if a.known]
    most = most_prolific(known)
    for name, unseen in (
        ("all cuts", [a for c in TESTS for a in answers[c] if not a.known]),
        ("unseen at the full reference", [a for a in answers[FULL] if not a.known]),
    ):
        both = [*known, *unseen]
        line(name, table(both, weigh(both)), both)
        line("  capped", table(both, weigh(both, most, CAPPED)), both)
        rest = [a for a in both if a.actor != most]
        line("  without the most prolific", table(rest, weigh(rest)), rest)
        simple_line("  majority of exact matches", table(both, weigh(both)))
        simple_line("  the same, capped", table(both, weigh(both, most, CAPPED)))
    bootstrap(table(both, weigh(both, most, CAPPED)), both)


if __name__ == "__main__":
    main()
