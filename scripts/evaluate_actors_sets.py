"""Actors by techniques and software, forward in time: ranking, open set, planted tools.

    python scripts/evaluate_actors_sets.py --data DIR [--fit FILE]

Reads attack_reports.jsonl.gz of the data folder. For each of several years everything is fitted on
the reports up to its end, and the reports of the two years after meet that memory. 1-NN is the
report with the largest cosine (rarity-weighted, parents half, software 1.6). Differences have the
95 % range of a bootstrap over reports. In the open set, reports of actors that the memory knows are
also asked with their actor deleted; unknown actors are weighted to six in ten. With --fit the model
of all reports is written to a file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from samehand.compare.behaviour import BehaviourMemory, Row, Structure, attack_structure
from samehand.compare.ranker import ActorModel, dump_actor_model, open_set, rank
from samehand.config import fingerprint
from samehand.fit import actors as fit
from samehand.fit.actors import Case, Labelled
from samehand.knowledge.attack import current
from samehand.normalise import name_key

CUTS = (2016, 2017, 2018, 2019, 2020)
UNKNOWN_SHARE = 0.6
DRAWS = 2000
#: Seeds of the lots for decoys; the fit has another.
LOTS = (1, 2, 3)


def read(path: Path) -> list[Labelled]:
    """The labelled reports: techniques as in force today, software by its folded name."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            raw = json.loads(line)
            row = Row(
                raw["id"],
                raw["label"]["actor"],
                frozenset(map(current, raw["techniques"])),
                frozenset(map(name_key, raw["software"])),
                raw.get("published") or "",
            )
            found.append(Labelled(row, raw["provenance"]["cite"]))
    return found


def place(scores: np.ndarray, truth: int) -> float:
    """Mean rank of the truth among equals."""
    own = scores[truth]
    return 1.0 + float((scores > own).sum()) + (float((scores == own).sum()) - 1.0) / 2.0


def nearest(memory: BehaviourMemory, case: Case, software: bool) -> np.ndarray:
    row = case.query.row
    table = memory.features(row.techniques, row.software if software else ())
    best = {a: c[0][1] if c else 0.0 for a, c in zip(table.actors, table.closest, strict=True)}
    return np.array([best.get(a, 0.0) for a in case.table.actors])


def bootstrap(ours: np.ndarray, theirs: np.ndarray, reports: Sequence[str]) -> tuple[float, float]:
    """95 % range of the mean difference, drawn by report."""
    names = sorted(set(reports))
    where = {n: i for i, n in enumerate(names)}
    index = np.array([where[r] for r in reports])
    total = np.bincount(index, ours - theirs, len(names))
    count = np.bincount(index, minlength=len(names))
    draw = np.random.default_rng(7).integers(0, len(names), (DRAWS, len(names)))
    low, high = np.percentile(total[draw].sum(1) / count[draw].sum(1), [2.5, 97.5])
    return float(low), float(high)


def show_ranking(title: str, rows: list[tuple[str, float, float]]) -> None:
    reports, ours, theirs = [r for r, _, _ in rows], *np.array([r[1:] for r in rows]).T
    print(f"{title}: n = {len(rows)}, reports {len(set(reports))}")
    for k in (1, 3):
        a, b = (ours <= k).astype(float), (theirs <= k).astype(float)
        low, high = bootstrap(a, b, reports)
        print(
            f"  top-{k} {a.mean():.3f}, 1-NN {b.mean():.3f}, "
            f"difference {a.mean() - b.mean():+.3f} ({low:+.3f} to {high:+.3f})"
        )
    print(f"  mean reciprocal rank {(1 / ours).mean():.3f}, 1-NN {(1 / theirs).mean():.3f}")


def auroc(good: np.ndarray, w_good: np.ndarray, bad: np.ndarray, w_bad: np.ndarray) -> float:
    wins = (good[:, None] > bad) + 0.5 * (good[:, None] == bad)
    return float(w_good @ wins @ w_bad / w_good.sum() / w_bad.sum())


def naming(probabilities: np.ndarray) -> tuple[int, float, str]:
    """The leading actor, its probability, and how it is told (as in `attribute`)."""
    order = np.argsort(-probabilities, kind="stable")
    top = float(probabilities[order[0]])
    second = float(probabilities[order[1]]) if len(order) > 1 else 0.0
    told = "named" if top >= 0.8 and top >= 4 * second else ""
    return int(order[0]), top, told or ("leaning" if top >= 0.5 and top >= 2 * second else "")


def calibration_error(p: np.ndarray, right: np.ndarray, weight: np.ndarray) -> float:
    """Ten bins of equal mass."""
    order = np.argsort(p, kind="stable")
    mass = np.cumsum(weight[order]) - weight[order] / 2
    bins = np.minimum((mass / weight.sum() * 10).astype(int), 9)
    gap = weight[order] * (p[order] - right[order])
    return float(np.abs(np.bincount(bins, gap, 10)).sum() / weight.sum())


def show_open(title: str, answers: list[tuple[Case, int, float, str]]) -> None:
    known = np.array([c.truth >= 0 for c, _, _, _ in answers])
    right = np.array([c.truth >= 0 and c.truth == i for c, i, _, _ in answers])
    top = np.array([p for _, _, p, _ in answers])
    told = np.array([t for _, _, _, t in answers])
    weight = np.ones(len(answers))
    weight[~known] = UNKNOWN_SHARE / (1 - UNKNOWN_SHARE) * known.sum() / (~known).sum()
    named, spoken = told == "named", told != ""
    shares = [bool((c.table.column("own software")[c.truth] > 0) and k)
              for k, (c, _, _, _) in zip(known, answers, strict=True)]  # fmt: skip
    print(
        f"{title}: known {known.sum()} ({sum(shares)} share own software), unknown {(~known).sum()}"
    )
    area = auroc(top[right], weight[right], top[~known], weight[~known])
    area_known = auroc(top[known], weight[known], top[~known], weight[~known])
    print(f"  AUROC correct v unknown {area:.3f}, known v unknown {area_known:.3f}")
    total, mass = weight.sum(), (weight * named).sum()
    precision = (weight * (named & right)).sum() / mass if mass else float("nan")
    away = 1 - (weight * (named & ~known)).sum() / (weight * ~known).sum()
    print(
        f"  named {mass / total:.3f} of reports (n = {named.sum()}), precision {precision:.3f}, "
        f"unknown not named {away:.3f}, of known sharing own software named right "
        f"{(named & right & shares).sum() / max(1, sum(shares)):.3f}"
    )
    order = np.argsort(-top, kind="stable")
    for share in (0.05, 0.08, 0.12):
        first = order[np.cumsum(weight[order]) <= share * total]
        precision = (weight * right)[first].sum() / weight[first].sum()
        print(f"  most sure {share:.2f}: precision {precision:.3f} from P = {top[first].min():.2f}")
    if spoken.any():
        said = (weight * top)[spoken].sum() / weight[spoken].sum()
        was = (weight * right)[spoken].sum() / weight[spoken].sum()
        error = calibration_error(top[spoken], right[spoken], weight[spoken])
        print(
            f"  named or leaning n = {spoken.sum()}: said {said:.3f}, was {was:.3f}, ECE {error:.3f}"
        )
        lots = np.random.default_rng(7).random((200, spoken.sum())) < top[spoken]
        floor = np.mean([calibration_error(top[spoken], lot, weight[spoken]) for lot in lots])
        print(f"  (of so few, a perfectly calibrated answer shows ECE {floor:.3f} on average)")
    print(f"  ECE of all {calibration_error(top, right, weight):.3f}")


def show_planted(answers: list[tuple[Case, int, float, str]]) -> None:
    for count in fit.PLANTED:
        rows = [(c, i, t) for c, i, _, t in answers if c.planted == count]
        named = np.mean([t == "named" and i == c.decoy_row for c, i, t in rows])
        leaning = np.mean([t == "leaning" and i == c.decoy_row for c, i, t in rows])
        print(f"planted {count}: decoy named {named:.4f}, leaning {leaning:.3f}, n = {len(rows)}")


def rolling(records: list[Labelled], structure: Structure, model: ActorModel, after: int) -> None:
    """Every report later than a year against all that is dated before its day."""
    full, plain = (BehaviourMemory((r.row for r in records), s) for s in (structure, Structure()))
    same = fit.same_citation(records)
    for software in (False, True):
        rows = []
        for record in records:
            row = record.row
            if record.year <= after or len(row.techniques) < fit.LEAST_TECHNIQUES:
                continue
            names, out = row.software if software else (), same[row.report]
            table = full.features(row.techniques, names, before=row.date, exclude=out)
            other = plain.features(row.techniques, names, before=row.date, exclude=out)
            if row.actor in table.actors:
                truth = table.actors.index(row.actor)
                near = np.array([c[0][1] if c else 0.0 for c in other.closest])
                ours = place(
                    np.array([o.probability for o in open_set(table, model).actors]), truth
                )
                rows.append((row.report, ours, place(near, truth)))
        show_ranking(f"rolling, fitted to {after}, software {software}", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--fit", type=Path, help="write the model of all reports to this file")
    arguments = parser.parse_args()
    source = arguments.data / "attack_reports.jsonl.gz"
    if not source.exists():
        print(f"skipped: {arguments.data} holds no attack_reports.jsonl.gz", file=sys.stderr)
        return
    records, structure = read(source), attack_structure()
    ranking: dict[bool, list[tuple[str, float, float]]] = {False: [], True: []}
    ranked_only: dict[bool, list[tuple[str, float, float]]] = {False: [], True: []}
    answers: dict[bool, list[tuple[Case, int, float, str]]] = {False: [], True: []}
    planted = []
    for cut in CUTS:
        model = fit.fit_actors(records, structure, until=cut)
        plain = BehaviourMemory(r.row for r in records if r.year <= cut)
        for software in (False, True):
            for case in fit.forward(records, structure, [cut], planted=(), software=software):
                found = open_set(case.table, model)
                p = np.array([a.probability for a in found.actors])
                answer = (case, *naming(p))
                answers[software].append(answer)
                if case.kind == "as it is" and case.truth >= 0:
                    other = place(nearest(plain, case, software), case.truth)
                    report = case.query.row.report
                    ranking[software].append((report, place(p, case.truth), other))
                    score = rank(case.table, model)
                    ranked_only[software].append((report, place(score, case.truth), other))
        for seed in LOTS:
            for case in fit.forward(records, structure, [cut], seed=seed):
                if case.kind == "planted":
                    p = np.array([a.probability for a in open_set(case.table, model).actors])
                    planted.append((case, *naming(p)))
        if cut == 2018:
            rolling(records, structure, model, cut)
    for software, title in ((False, "techniques"), (True, "techniques and software")):
        show_ranking(f"{title}, by P", ranking[software])
        show_ranking(f"{title}, by the ranking layer", ranked_only[software])
        show_open(title, answers[software])
    show_planted(planted)
    if arguments.fit:
        model = fit.fit_actors(records, structure)
        document = json.loads(dump_actor_model(model))
        document["fitted"] |= {"date": date.today().isoformat(), "data": fingerprint(source)}  # noqa: DTZ011
        about = {
            "about": "Actors by techniques and software; made by scripts/evaluate_actors_sets.py --fit."
        }
        arguments.fit.write_text(json.dumps(about | document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
