"""Labelled reports to the parameters of `compare.ranker`, forward in time.

Three layers, each fitted on what it will meet. The ranking: every labelled report against all
others, those of its own citation left out. None of the known: reports of two years against the
memory of the years before, once as they are and once with their actor deleted from memory, so that
an unknown actor meets what it would meet. Planted: the same reports with the rarest software of an
actor chosen by lot added to them.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from samehand.compare.behaviour import FEATURES, BehaviourMemory, Row, Structure, Table
from samehand.compare.ranker import GENUINE, RANKED, ActorModel

Floats = NDArray[np.float64]
Kind = Literal["as it is", "actor deleted", "planted"]

#: A query states at least so many techniques; fewer hardly tell actors apart.
LEAST_TECHNIQUES = 5
#: A memory to test against holds at least so many reports.
LEAST_MEMORY = 60
#: Queries are of so many years after the memory's last.
WINDOW_YEARS = 2
#: How many software names are planted.
PLANTED = (1, 3, 5)
#: Probability of none without evidence, and share of unknown actors in the fit. Stated, not fitted:
#: how many reports are on actors without a profile depends on whose profiles are loaded.
NONE_PRIOR = 0.55
#: Prior odds that software which points to an actor was planted. Assumed, on the side of caution.
#: Forward in time, .37 / .45 / .5 name .40 / .35 / .34 of the known reports that share own software
#: with their actor, and a decoy after three planted names in .073 / .056 / .049.
PLANTED_ODDS = 0.5
#: Ridge per unit of standard deviation: of the ranking (from 3 to 10 all the same), of none and of
#: planted (not varied).
RIDGE, NONE_RIDGE, PLANTED_RIDGE = 5.0, 3.0, 2.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A report with its actor, and what else rests on the same citation."""

    row: Row
    citation: str
    """Reports of one citation never inform each other; '' stands alone."""

    @property
    def year(self) -> int:
        """Year of the report; 0 if undated: then it counts as known always."""
        return int(self.row.date[:4]) if self.row.date else 0


@dataclass(frozen=True, slots=True)
class Case:
    """One query as a memory meets it."""

    query: Labelled
    table: Table
    truth: int
    """Row of its actor in the table, -1 if the memory does not know it."""
    kind: Kind
    planted: int = 0
    decoy: str = ""

    @property
    def decoy_row(self) -> int:
        """Row of the decoy in the table."""
        return self.table.actors.index(self.decoy)


def same_citation(records: Sequence[Labelled]) -> dict[str, frozenset[str]]:
    """Report -> itself and the others of its citation."""
    by: dict[str, set[str]] = defaultdict(set)
    for record in records:
        by[record.citation or record.row.report].add(record.row.report)
    return {
        r.row.report: frozenset(by[r.citation or r.row.report] | {r.row.report}) for r in records
    }


def _exclusive(memory: BehaviourMemory) -> dict[str, tuple[str, ...]]:
    """Actor -> the software that it alone has, sorted."""
    users: dict[str, set[str]] = defaultdict(set)
    for row in memory.rows:
        for name in row.software:
            users[name].add(row.actor)
    found: dict[str, list[str]] = defaultdict(list)
    for name, actors in sorted(users.items()):
        if len(actors) == 1:
            found[next(iter(actors))].append(name)
    return {actor: tuple(names) for actor, names in sorted(found.items())}


def plant(
    memory: BehaviourMemory, query: Row, count: int, seed: int
) -> tuple[str, frozenset[str]] | None:
    """An actor by lot, other than the query's, and as many of its exclusive software names."""
    rich = {
        actor: rest
        for actor, names in _exclusive(memory).items()
        if actor != query.actor and len(rest := sorted(set(names) - query.software)) >= count
    }
    if not rich:
        return None
    lot = random.Random(f"{seed} {query.report} {count}")
    decoy = lot.choice(sorted(rich))
    return decoy, frozenset(lot.sample(rich[decoy], count))


def leave_one_out(records: Sequence[Labelled], structure: Structure) -> Iterator[Case]:
    """Every query against all other citations, with its software and without."""
    memory = BehaviourMemory((r.row for r in records), structure)
    same = same_citation(records)
    for query in records:
        if len(query.row.techniques) < LEAST_TECHNIQUES:
            continue
        for software in (query.row.software, frozenset[str]()):
            table = memory.features(query.row.techniques, software, exclude=same[query.row.report])
            yield _case(query, table, "as it is")


def _case(query: Labelled, table: Table, kind: Kind) -> Case:
    actor = query.row.actor
    return Case(query, table, table.actors.index(actor) if actor in table.actors else -1, kind)


def forward(
    records: Sequence[Labelled],
    structure: Structure,
    cuts: Sequence[int],
    *,
    until: int = 9999,
    planted: Sequence[int] = PLANTED,
    software: bool = True,
    seed: int = 0,
) -> Iterator[Case]:
    """Queries of the years after each cut, against what was known at its end.

    Args:
        records: labelled reports.
        structure: see `compare.behaviour`.
        cuts: last years of the memories.
        until: last year of a query.
        planted: how many software names are planted, one case for each.
        software: whether queries name their software; planted cases always do.
        seed: of the lots for decoys.
    """
    same = same_citation(records)
    for cut in cuts:
        memory = BehaviourMemory((r.row for r in records if r.year <= cut), structure)
        for query in records:
            if not cut < query.year <= min(until, cut + WINDOW_YEARS):
                continue
            row = query.row
            if len(row.techniques) < LEAST_TECHNIQUES:
                continue
            named = row.software if software else frozenset()
            alike = same[row.report]
            case = _case(query, memory.features(row.techniques, named, exclude=alike), "as it is")
            yield case
            if case.truth >= 0:
                without = memory.features(row.techniques, named, exclude=alike, without={row.actor})
                yield _case(query, without, "actor deleted")
            for count in planted:
                lot = plant(memory, row, count, seed)
                if lot:
                    decoy, names = lot
                    table = memory.features(row.techniques, row.software | names, exclude=alike)
                    truth = case.truth
                    yield Case(query, table, truth, "planted", count, decoy)


def usable_cuts(records: Sequence[Labelled], until: int) -> list[int]:
    """Years before `until` at whose end the memory is large enough."""
    years = Counter(r.year for r in records)
    total, found = years[0], []
    for year in sorted(y for y in years if 0 < y < until):
        total += years[year]
        if total >= LEAST_MEMORY:
            found.append(year)
    return found


@dataclass(frozen=True, slots=True)
class _Choice:
    """Choices among rows of features, for a conditional softmax; padded to one width."""

    features: Floats
    """case x row x feature"""
    offset: Floats
    """case x row; -inf where there is no row"""
    chosen: NDArray[np.intp]
    weight: Floats


def _choices(
    rows: Sequence[tuple[Floats, Floats, int, float]],
) -> _Choice:
    width = max(len(features) for features, _, _, _ in rows)
    features = np.zeros((len(rows), width, rows[0][0].shape[1]))
    offset = np.full((len(rows), width), -np.inf)
    for i, (values, start, _, _) in enumerate(rows):
        features[i, : len(values)] = values
        offset[i, : len(values)] = start
    return _Choice(
        features,
        offset,
        np.array([chosen for _, _, chosen, _ in rows], np.intp),
        np.array([weight for _, _, _, weight in rows]),
    )


def _softmax_fit(data: _Choice, ridge: float, steps: int = 60) -> Floats:
    """Weights of a conditional softmax with a ridge on standardised features (Newton)."""
    real = np.isfinite(data.offset)
    scale = data.features[real].std(axis=0)
    scale[scale == 0.0] = 1.0
    x, cases = data.features / scale, np.arange(len(data.chosen))

    def score(weights: Floats) -> tuple[float, Floats]:
        logits = x @ weights + data.offset
        logits -= logits.max(axis=1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        likelihood = float((data.weight * log_p[cases, data.chosen]).sum())
        return likelihood - 0.5 * ridge * float(weights @ weights), np.exp(log_p)

    weights = np.zeros(x.shape[2])
    value, p = score(weights)
    for _ in range(steps):
        mean = np.einsum("na,nak->nk", p, x)
        gradient = (data.weight[:, None] * (x[cases, data.chosen] - mean)).sum(axis=0)
        gradient -= ridge * weights
        curve = np.einsum("na,nak,nal->kl", p * data.weight[:, None], x, x, optimize=True)
        curve -= (mean * data.weight[:, None]).T @ mean
        curve += ridge * np.eye(len(weights))
        step, size = np.linalg.solve(curve, gradient), 1.0
        while size > 1e-6 and score(weights + size * step)[0] < value:
            size /= 2
        weights = weights + size * step
        before, (value, p) = value, score(weights)
        if value - before < 1e-9:
            break
    fitted: Floats = weights / scale
    return fitted


def _columns(table: Table, names: Sequence[str]) -> Floats:
    found: Floats = table.values[:, [FEATURES.index(n) for n in names]]
    return found


def fit_ranking(cases: Sequence[Case]) -> dict[str, float]:
    """Weights among actors of whom one did it."""
    known = [c for c in cases if c.truth >= 0]
    rows = [(_columns(c.table, RANKED), np.zeros(len(c.table.actors)), c.truth, 0.5) for c in known]
    return dict(zip(RANKED, map(float, _softmax_fit(_choices(rows), RIDGE)), strict=True))


def _shares(cases: Sequence[Case], kind: Callable[[Case], bool], share: float) -> list[float]:
    """Weights that give the cases of a kind a share of all queries, the others the rest."""
    total = float(len({c.query.row.report for c in cases})) * 1.5
    count = sum(map(kind, cases))
    each = (share * total / max(1, count), (1.0 - share) * total / max(1, len(cases) - count))
    return [each[0] if kind(c) else each[1] for c in cases]


def fit_none(
    cases: Sequence[Case], ranked: Mapping[str, float]
) -> tuple[dict[str, float], float, float]:
    """Weights against none of the known, and what the length of a query gives to none."""
    weights = _shares(cases, lambda c: c.truth < 0, NONE_PRIOR)
    rows = []
    for case, weight in zip(cases, weights, strict=True):
        count = len(case.table.actors)
        values = np.zeros((count + 1, 4))
        values[:count, 0] = _columns(case.table, RANKED) @ np.array([ranked[f] for f in RANKED])
        values[:count, 1] = case.table.column("explained software")
        values[count, 2:] = math.log1p(case.table.techniques), math.log1p(case.table.software)
        offset = np.full(count + 1, math.log((1.0 - NONE_PRIOR) / NONE_PRIOR / count))
        offset[count] = 0.0
        rows.append((values, offset, case.truth if case.truth >= 0 else count, weight))
    slope, explained, techniques, software = map(float, _softmax_fit(_choices(rows), NONE_RIDGE))
    known = {f: slope * ranked[f] for f in RANKED} | {"explained software": explained}
    return known, techniques, software


def fit_planted(cases: Sequence[Case]) -> tuple[float, dict[str, float]]:
    """Log odds of planted without agreement, and what agreement takes from them.

    A logistic regression of own software that was planted against own software shared with the
    true actor, both of weight one half; a feature that would speak against itself is left out.
    """
    rows: list[tuple[Floats, bool]] = []
    for case in cases:
        true = case.kind == "as it is" and case.truth >= 0
        if not true and case.kind != "planted":
            continue
        place = case.truth if true else case.decoy_row
        if case.table.column("own software")[place] > 0.0:
            rows.append((_columns(case.table, GENUINE)[place], not true))
    made = sum(planted for _, planted in rows)
    if not 0 < made < len(rows):
        return 0.0, dict.fromkeys(GENUINE, 0.0)
    x = np.array([values for values, _ in rows])
    weight = [0.5 * len(rows) / (made if planted else len(rows) - made) for _, planted in rows]
    used = list(range(len(GENUINE)))
    while True:
        choices = [
            (
                np.array([np.zeros(len(used) + 1), np.append(-values[used], 1.0)]),
                np.zeros(2),
                int(planted),
                w,
            )
            for values, (_, planted), w in zip(x, rows, weight, strict=True)
        ]
        found = _softmax_fit(_choices(choices), PLANTED_RIDGE)
        wrong = [i for i, value in enumerate(found[:-1]) if value < 0.0]
        if not wrong:
            break
        used = [name for i, name in enumerate(used) if i not in wrong]
    genuine = dict.fromkeys(GENUINE, 0.0)
    genuine |= {GENUINE[name]: float(value) for name, value in zip(used, found, strict=False)}
    return float(found[-1]) + math.log(PLANTED_ODDS), genuine


def fit_actors(
    records: Sequence[Labelled], structure: Structure, *, until: int = 9999, seed: int = 0
) -> ActorModel:
    """The model fitted on the labelled reports up to a year; the order is irrelevant."""
    ordered = sorted((r for r in records if r.year <= until), key=lambda r: r.row.report)
    ranked = fit_ranking(list(leave_one_out(ordered, structure)))
    last = max(r.year for r in ordered)
    cuts = usable_cuts(ordered, last)
    with_names = list(forward(ordered, structure, cuts, until=until, seed=seed))
    bare = forward(ordered, structure, cuts, until=until, planted=(), software=False)
    honest = [c for c in with_names if c.kind != "planted"]
    known, techniques, software = fit_none([*honest, *bare], ranked)
    planted, genuine = fit_planted(with_names)
    return ActorModel(
        ranked=ranked,
        known=known,
        none_prior=NONE_PRIOR,
        none_techniques=techniques,
        none_software=software,
        planted=planted,
        genuine=genuine,
        fitted={
            "reports": float(len(ordered)),
            "actors": float(len({r.row.actor for r in ordered})),
            "queries": float(len({c.query.row.report for c in honest})),
            "last year": float(last),
        },
    )
