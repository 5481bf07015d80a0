"""Copies: the detector on pairs labelled by hand (`scripts/gold/copies_lists.jsonl`).

    python scripts/evaluate_copies.py --data DIR

Reads reports.jsonl.gz and report_texts.jsonl.gz of the data folder. Measures, as area under the
curve of copies against independent pairs where both labellers agree: the probability that the
program works with (none where it does not judge), the sum of terms of every pair, and the share of
the smaller list; each without and with the references that a list names, given as citations.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from samehand.compare import dependence
from samehand.compare.copies import common_pages, find_copies
from samehand.compare.copysearch import _Ground
from samehand.compare.files import same_files
from samehand.compare.profile import profile
from samehand.config import default_parameters
from samehand.model import Report
from samehand.predict import read_reports

GOLD = Path(__file__).parent / "gold" / "copies_lists.jsonl"


def rows_of(path: Path) -> Iterable[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def auc(positive: list[float], negative: list[float]) -> float:
    """Chance that a copy scores above an independent pair, ties half."""
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def loaded(data: Path) -> tuple[dict[str, Report], dict[str, tuple[str, ...]]]:
    """The reports with what text there is, and the references that each names."""
    texts = {r["id"]: r["text"] for r in rows_of(data / "report_texts.jsonl.gz")}
    named = {
        r["id"]: tuple((r.get("provenance") or {}).get("urls") or ())
        for r in rows_of(data / "reports.jsonl.gz")
    }
    reports = read_reports(data / "reports.jsonl.gz", "case", [])
    return {r.id: replace(r, text=texts.get(r.id, "")) for r in reports}, named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    data = parser.parse_args().data
    if not (data / "report_texts.jsonl.gz").exists():
        print(f"skipped: {data} holds no report_texts.jsonl.gz; give DATA=folder", file=sys.stderr)
        return
    gold = [json.loads(line) for line in GOLD.read_text().splitlines()]
    gold = [g for g in gold if "other_label" not in g and g["label"] in ("copy", "independent")]
    numbers = default_parameters().copies
    reports, named = loaded(data)
    for how in ("lists and texts alone", "with the references that lists name"):
        if how.startswith("with"):
            reports = {i: replace(r, cites=named[i]) for i, r in reports.items()}
        same = same_files(sorted(reports.values(), key=lambda r: r.id))
        profiles = {i: profile(r, same) for i, r in reports.items()}
        copies = find_copies(profiles, numbers)
        found: dict[frozenset[str], float] = {}
        for edge in copies.edges:
            key = frozenset((edge.copy, edge.origin))
            found[key] = found.get(key, 0.0) + edge.probability
        pages = common_pages(reports.values())
        together = {frozenset((a, b)) for ids in pages.values() for a in ids for b in ids if a != b}
        ground = _Ground([dependence.material(p) for p in profiles.values()])
        scores: dict[str, dict[str, list[float]]] = {}
        for g in gold:
            left, right = (ground.materials[g[side]] for side in "lr")
            both = frozenset((g["l"], g["r"]))
            citing = g["r"] if both in together else None
            pair = ground.pair(left, right, citing)
            terms = sum(t.bits for t in dependence.assess(pair, numbers, judge_all=True))
            values = {
                "probability": found.get(both, 0.0),
                "terms": terms,
                "share of the smaller list": len(pair.shared)
                / max(1, min(left.facts, right.facts)),
            }
            for name, value in values.items():
                scores.setdefault(name, {}).setdefault(g["label"], []).append(value)
        counts = {k: len(v) for k, v in scores["terms"].items()}
        print(f"copies, {how}: {counts}")
        for name, by_label in scores.items():
            print(f"  AUC by {name}: {auc(by_label['copy'], by_label['independent']):.3f}")
        sure = [v >= 0.5 for v in scores["probability"]["copy"]]
        wrong = [v >= 0.5 for v in scores["probability"]["independent"]]
        print(f"  P >= .5: {sum(sure)} copies, {sum(wrong)} independent pairs")


if __name__ == "__main__":
    main()
