"""Figures of the core on labelled development data (`make evaluate DATA=folder`).

    python scripts/evaluate.py --data DIR [--only names|links|prevalence|clusters|lists]

Reads reports.jsonl.gz, pairs.jsonl.gz, background_crimeware.jsonl.gz and attack_reports.jsonl.gz of
the data folder; skipped with a message where they are missing. Labels are read here only, never
by `predict`. The prevalence sketch is built without what is tested: without all labelled reports for
links and clusters, without the queries for actors. `lists` compares the index of commonplace values
with the package's own slow search on 2,000 values of every kind and takes half an hour.

Measures are those of `samehand.fit.metrics`, with top-1/3 of actors forward in time. `samehand
evaluate` measures links and clusters of any data set; here the sketch is built without what is
tested.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import build_prevalence
import numpy as np

from samehand.config import Parameters, default_parameters, shipped_parameters
from samehand.fit import metrics
from samehand.knowledge import prevalence
from samehand.knowledge.namebook import graph
from samehand.predict import predict_clusters, predict_links

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import oracle_common  # the oracle is a test's

Row = tuple[float, int, float]


def rows_of(path: Path) -> Iterable[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


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


class Parts:
    """The rows that prevalence sketches are built of, read once."""

    def __init__(self, data: Path) -> None:
        self.reports, self.background, self.attack = (
            list(build_prevalence.rows(data / f"{name}.jsonl.gz", frozenset()))
            for name in ("reports", "background_crimeware", "attack_reports")
        )

    def use(self, held_out: Callable[[prevalence.Row], bool]) -> None:
        """Use a sketch built without some labelled reports from now on."""
        prevalence.use(
            prevalence.build(
                [row for row in self.reports if not held_out(row)],
                self.background,
                [row for row in self.attack if not held_out(row)],
            )
        )


def folded_address(url: str) -> str:
    """An address without scheme, www, archive prefix, fragment and final slash."""
    text = url.lower().partition("://")[2].removeprefix("www.")
    text = re.sub(r"^web\.archive\.org/web/\d+[a-z_]*/(https?:/+)?(www\.)?", "", text)
    return text.partition("#")[0].rstrip("/")


def names(data: Path) -> None:
    """Labels against the graph of names, and catalogues that cite the address of a report."""
    known = graph()
    cited: dict[str, set[str]] = defaultdict(set)
    for stated in known.concepts:
        if stated.level != "campaign":
            for address in stated.references:
                cited[folded_address(address)].add(stated.id)
    rows = list(rows_of(data / "reports.jsonl.gz"))
    labels = sorted(set(labelled(rows).values()))
    unknown = [n for n in labels if not known.resolve(n)]
    doubtful = [n for n in labels if (m := known.resolve(n)) and m[0].probability <= 0.5]
    several = [n for n in labels if len(known.resolve(n)) > 1]
    print(
        f"names: {len(labels)} labels; {len(labels) - len(unknown) - len(doubtful)} mean one concept "
        f"more likely than all else ({len(labels) - len(unknown) - len(several)} of them nothing else); "
        f"unknown: {', '.join(unknown) or 'none'}"
    )
    agree = related = 0
    apart: Counter = Counter()
    seen = set()
    for row in rows:
        label = (row.get("label") or {}).get("actor")
        if not label or label.startswith("maltrail:") or not known.resolve(label):
            continue
        own = known.resolve(label)[0].concept
        urls = {*(row.get("urls") or ()), *((row.get("provenance") or {}).get("urls") or ())}
        for address in {folded_address(u) for u in urls}:
            if not cited.get(address) or (address, label) in seen:
                continue
            seen.add((address, label))
            if own in cited[address]:
                agree += 1
            elif any(known.are_related(own, c) for c in cited[address]):
                related += 1
            else:
                apart[own, " and ".join(sorted(cited[address]))] += 1
    total = agree + related + sum(apart.values())
    print(
        f"names: {total} addresses that a catalogue cites: same concept {agree}, related {related}, "
        f"neither {sum(apart.values())} ({(agree + related) / total:.3f} same or related)"
    )
    for (own, other), count in sorted(apart.items()):
        print(f"  label {own}, cited for {other}: {count}")


def stratum(rows: list[Row], name: str) -> None:
    """One line of figures for some links."""
    columns = tuple(np.array(column, dtype=float) for column in zip(*rows, strict=True))
    print(
        f"links, {name}: n {len(rows)}, base rate {metrics.base_rate(*columns[1:]):.4f}, "
        f"AP {metrics.average_precision(*columns):.3f}, "
        f"log-loss {metrics.log_loss(*columns):.4f}, ECE {metrics.calibration_error(*columns):.4f}"
    )


Truth = dict[tuple[str, str], dict]


def true_pairs(data: Path) -> Truth:
    return {
        (p["l"], p["r"]): p
        for p in rows_of(data / "pairs.jsonl.gz")
        if p["label"] in ("same", "different") and not p["same_reference"]
    }


def parameters() -> Parameters:
    """The numbers the program uses, or with --starting-weights those before any fit."""
    return default_parameters() if "--starting-weights" in sys.argv else shipped_parameters()


def scored(data: Path, truth: Truth) -> list[tuple[float, dict]]:
    """(probability, labelled pair) of every listed pair."""
    found = predict_links(
        data / "reports.jsonl.gz",
        parameters(),
        [],
        data / "pairs.jsonl.gz",
        data / "background_crimeware.jsonl.gz",
    )
    return [(k.probability, truth[k.l, k.r]) for k in found if (k.l, k.r) in truth]


def as_row(probability: float, pair: dict) -> Row:
    return probability, int(pair["label"] == "same"), float(pair["weight"])


def capped(
    found: list[tuple[float, dict]], actor: dict[str, str], most: int = 100, without: str = ""
) -> list[Row]:
    """Pairs that share more than a provider, at most some same-hand pairs of one actor."""
    mixed = random.Random(1).sample(found, len(found))
    count: Counter = Counter()
    rows = []
    for probability, pair in mixed:
        if not pair["shared"]:
            continue
        name = actor.get(pair["l"], "")
        if pair["label"] == "same":
            count[name] += 1
            if count[name] > most or name == without:
                continue
        rows.append((probability, int(pair["label"] == "same"), 1.0))
    return rows


def links(data: Path, parts: Parts) -> None:
    parts.use(lambda row: True)
    start = time.perf_counter()
    actor = labelled(rows_of(data / "reports.jsonl.gz"))
    found = scored(data, true_pairs(data))
    shared = [as_row(p, pair) for p, pair in found if pair["shared"]]
    everything = [as_row(p, pair) for p, pair in found]
    for name, rows in (("pairs that share a feature", shared), ("all pairs, weighted", everything)):
        stratum(rows, name)
        for threshold in (0.5, 0.91):
            chosen = [(y, w) for p, y, w in rows if p >= threshold]
            if chosen:
                print(
                    f"  at P >= {threshold}: {len(chosen)} pairs, precision "
                    f"{sum(y * w for y, w in chosen) / sum(w for _, w in chosen):.3f}"
                )
    stratum(capped(found, actor), "that share a feature, at most 100 same-hand pairs an actor")
    stratum(
        capped(found, actor, without="GOLD CABIN"),
        "the same without one actor whose daily lists hold the same popular sites",
    )
    print(f"  seconds: {time.perf_counter() - start:.0f}")


def sketch_folds(data: Path, parts: Parts) -> None:
    """What the sketch adds on actors it was not built from: two folds by actor."""
    actor = labelled(rows_of(data / "reports.jsonl.gz"))

    def fold(name: str) -> int:
        return zlib.crc32(name.encode()) % 2

    truth = true_pairs(data)
    rows: dict[str, list[Row]] = {"with": [], "without": []}
    for number in (0, 1):
        inside = {
            k: p for k, p in truth.items() if all(fold(actor.get(i, "")) == number for i in k)
        }
        for how, found in rows.items():
            # Without: from the background alone, which the links are given anyway.
            others = {1 - number} if how == "with" else set()
            parts.use(lambda row, others=others: fold(row.holder) not in others)
            found += capped(scored(data, inside), actor)
    for how, found in rows.items():
        stratum(found, f"{how} a sketch of other actors, at most 100 same-hand pairs an actor")


def clusters(data: Path, parts: Parts) -> None:
    parts.use(lambda row: True)
    reports = list(rows_of(data / "reports.jsonl.gz"))
    truth = labelled(reports)
    start = time.perf_counter()
    placed = list(
        predict_clusters(
            data / "reports.jsonl.gz",
            parameters(),
            [],
            data / "background_crimeware.jsonl.gz",
        )
    )
    taken = time.perf_counter() - start
    for name, predicted in (
        ("samehand, hands", {c.id: c.hand for c in placed}),
        ("samehand, campaigns", {c.id: c.campaign for c in placed}),
        ("connected components", components(reports)),
        ("singletons", {r["id"]: r["id"] for r in reports}),
    ):
        of, whose = [predicted[i] for i in truth], list(truth.values())
        found = metrics.b_cubed(*metrics.b_cubed_items(of, whose), np.ones(len(of)))
        print(
            f"clusters, {name}: B3 P {found.precision:.3f} R {found.recall:.3f} F {found.f:.3f}, "
            f"false pairs {metrics.joined(of, whose).false_pairs}"
        )
    print(f"  seconds: {taken:.0f}")


def lists() -> None:
    """The index of commonplace values against the package's own slow search."""
    found = oracle_common.disagreements(2000, seed=2)
    print(f"commonplace values: {len(found)} disagreements with the package on 2,000 of every kind")
    for line in found[:20]:
        print(f"  {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--only", choices=["names", "links", "prevalence", "clusters", "lists"])
    parser.add_argument("--starting-weights", action="store_true", help="without the fitted links")
    args = parser.parse_args()
    data = args.data

    def asked(name: str) -> bool:
        return args.only in (None, name)

    if not (data / "reports.jsonl.gz").exists():
        print(f"skipped: {data} holds no reports.jsonl.gz; give DATA=folder", file=sys.stderr)
        return
    if asked("names"):
        names(data)
    if args.only not in ("names", "lists"):
        parts = Parts(data)
        if asked("links"):
            links(data, parts)
        if asked("prevalence"):
            sketch_folds(data, parts)
        if asked("clusters"):
            clusters(data, parts)
    if asked("lists"):
        lists()


if __name__ == "__main__":
    main()
