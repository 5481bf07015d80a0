"""Figures of the untuned core on labelled development data (`make evaluate DATA=folder`).

Reads reports.jsonl.gz, pairs.jsonl.gz, background_crimeware.jsonl.gz and attack_reports.jsonl.gz of
the data folder; skipped with a message where they are missing. Labels are read here only, never
by `predict`. Metrics: average precision, log-loss and expected calibration error (10 equal-mass
bins) of links; B-cubed of clusters against connected components; top-1/3 of actors forward in
time. `samehand evaluate` replaces this script when fitting comes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from samehand.config import default_parameters
from samehand.predict import predict_actors, predict_clusters, predict_links

Row = tuple[float, int, float]


def rows_of(path: Path) -> Iterable[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def average_precision(rows: list[Row]) -> float:
    """Weighted average precision; ties share the precision of their last member."""
    positives = sum(w for _, y, w in rows if y)
    ordered = sorted(rows, key=lambda row: -row[0])
    total = hits = area = 0.0
    position = 0
    while position < len(ordered):
        end, before = position, hits
        while end < len(ordered) and ordered[end][0] == ordered[position][0]:
            hits += ordered[end][2] * ordered[end][1]
            total += ordered[end][2]
            end += 1
        area += (hits - before) / positives * hits / total
        position = end
    return area


def log_loss(rows: list[Row]) -> float:
    """Mean negative log-likelihood in nats, probabilities clipped to 1e-6."""
    weight = sum(w for *_, w in rows)
    return -sum(w * math.log(min(max(p if y else 1 - p, 1e-6), 1.0)) for p, y, w in rows) / weight


def calibration_error(rows: list[Row]) -> float:
    """Expected calibration error over 10 bins of equal mass."""
    ordered = sorted(rows)
    weight = sum(w for *_, w in rows)
    bins: list[list[Row]] = [[]]
    mass = 0.0
    for row in ordered:
        if mass >= weight / 10 * len(bins) and len(bins) < 10:
            bins.append([])
        bins[-1].append(row)
        mass += row[2]
    return sum(abs(sum(w * (p - y) for p, y, w in part)) for part in bins) / weight


def b_cubed(predicted: dict[str, str], truth: dict[str, str]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 over the reports that have a truth."""
    clusters: dict[str, list[str]] = defaultdict(list)
    actors: dict[str, int] = defaultdict(int)
    for report, actor in truth.items():
        clusters[predicted[report]].append(actor)
        actors[actor] += 1
    precision = recall = 0.0
    for members in clusters.values():
        for actor in members:
            same = members.count(actor)
            precision += same / len(members)
            recall += same / actors[actor]
    precision, recall = precision / len(truth), recall / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


def false_pairs(predicted: dict[str, str], truth: dict[str, str]) -> int:
    """Pairs of reports of different actors in one cluster."""
    clusters: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for report, actor in truth.items():
        clusters[predicted[report]][actor] += 1
    return sum(
        (sum(c.values()) ** 2 - sum(n * n for n in c.values())) // 2 for c in clusters.values()
    )


def components(reports: list[dict]) -> dict[str, str]:
    """The baseline: connected components on any shared observable."""
    parent = {r["id"]: r["id"] for r in reports}

    def root(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], str] = {}
    for report in reports:
        for o in report["observables"]:
            key = (o["type"], o["value"])
            other = first.setdefault(key, report["id"])
            parent[root(report["id"])] = root(other)
    return {i: root(i) for i in parent}


def labelled(reports: Iterable[dict]) -> dict[str, str]:
    found = {r["id"]: (r.get("label") or {}).get("actor") for r in reports}
    return {i: a for i, a in found.items() if a and not a.startswith("maltrail:")}


def links(data: Path) -> None:
    problems: list = []
    start = time.perf_counter()
    truth = {
        (p["l"], p["r"]): p
        for p in rows_of(data / "pairs.jsonl.gz")
        if p["label"] in ("same", "different") and not p["same_reference"]
    }
    shared: list[Row] = []
    everything: list[Row] = []
    for link in predict_links(
        data / "reports.jsonl.gz",
        default_parameters(),
        problems,
        data / "pairs.jsonl.gz",
        data / "background_crimeware.jsonl.gz",
    ):
        row = truth.get((link.l, link.r))
        if row:
            entry = (link.probability, int(row["label"] == "same"), float(row["weight"]))
            everything.append(entry)
            if row["shared"]:
                shared.append(entry)
    for name, rows in (("pairs that share a feature", shared), ("all pairs, weighted", everything)):
        print(
            f"links, {name}: n {len(rows)}, base rate "
            f"{sum(y * w for _, y, w in rows) / sum(w for *_, w in rows):.4f}, "
            f"AP {average_precision(rows):.3f}, log-loss {log_loss(rows):.4f}, "
            f"ECE {calibration_error(rows):.4f}"
        )
        for threshold in (0.5, 0.91):
            chosen = [(y, w) for p, y, w in rows if p >= threshold]
            if chosen:
                print(
                    f"  at P >= {threshold}: {len(chosen)} pairs, precision "
                    f"{sum(y * w for y, w in chosen) / sum(w for _, w in chosen):.3f}"
                )
    print(f"  seconds: {time.perf_counter() - start:.0f}")


def clusters(data: Path) -> None:
    reports = list(rows_of(data / "reports.jsonl.gz"))
    truth = labelled(reports)
    start = time.perf_counter()
    found = list(
        predict_clusters(
            data / "reports.jsonl.gz",
            default_parameters(),
            [],
            data / "background_crimeware.jsonl.gz",
        )
    )
    taken = time.perf_counter() - start
    for name, predicted in (
        ("samehand, hands", {c.id: c.hand for c in found}),
        ("samehand, campaigns", {c.id: c.campaign for c in found}),
        ("connected components", components(reports)),
        ("singletons", {r["id"]: r["id"] for r in reports}),
    ):
        p, r, f = b_cubed(predicted, truth)
        print(
            f"clusters, {name}: B3 P {p:.3f} R {r:.3f} F {f:.3f}, "
            f"false pairs {false_pairs(predicted, truth)}"
        )
    print(f"  seconds: {taken:.0f}")


def actors(data: Path, name: str, cut: str) -> None:
    """Queries from ``cut`` on, reference before it; known and unknown actors apart."""
    rows = [
        r
        for r in rows_of(data / name)
        if r.get("published")
        and (r.get("label") or {}).get("actor")
        and not r["label"]["actor"].startswith("maltrail:")
    ]
    if name.startswith("attack"):
        rows = [r for r in rows if len(r["techniques"]) >= 5]
    before = [r for r in rows if r["published"] < cut]
    after = [r for r in rows if r["published"] >= cut]
    known = {r["label"]["actor"] for r in before}
    truth = {r["id"]: r["label"]["actor"] for r in after}
    with tempfile.TemporaryDirectory() as folder:
        for file, part in (("reference", before), ("queries", after)):
            with (Path(folder) / f"{file}.jsonl").open("w", encoding="utf-8") as stream:
                stream.writelines(json.dumps(r) + "\n" for r in part)
        start = time.perf_counter()
        results = list(
            predict_actors(
                Path(folder) / "queries.jsonl",
                default_parameters(),
                [],
                reference=Path(folder) / "reference.jsonl",
            )
        )
    asked = [r for r in results if truth[r.id] in known]
    top1 = sum(r.hypotheses[0].actor == truth[r.id] for r in asked)
    top3 = sum(truth[r.id] in [h.actor for h in r.hypotheses[:3]] for r in asked)
    named = [r for r in results if r.decision]
    right = sum(r.decision == truth[r.id] for r in named)
    unknown = [r for r in results if truth[r.id] not in known]
    held = sum(r.decision is None for r in unknown)
    print(
        f"actors, {name} from {cut}: {len(asked)} of known actors, top-1 "
        f"{top1 / max(1, len(asked)):.3f}, top-3 {top3 / max(1, len(asked)):.3f}; named "
        f"{len(named)} of {len(results)}, precision {right / max(1, len(named)):.3f}; abstained "
        f"on {held} of {len(unknown)} of unknown actors; "
        f"seconds {time.perf_counter() - start:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    data = parser.parse_args().data
    if not (data / "reports.jsonl.gz").exists():
        print(f"skipped: {data} holds no reports.jsonl.gz; give DATA=folder", file=sys.stderr)
        return
    links(data)
    clusters(data)
    actors(data, "attack_reports.jsonl.gz", "2020")
    actors(data, "reports.jsonl.gz", "2020")


if __name__ == "__main__":
    main()
