"""Train the model of `samehand.extract.claims` from labelled sentences, and measure it on reports it has not seen.

    python scripts/train_claims.py --data DIR [--out FILE] [--measure]

Needs scikit-learn, which samehand itself does not: install it beside it in an environment of your own. DIR holds
report_texts.jsonl.gz. Labels: `gold/claims.jsonl`, by two readers, is learned from and
measured; `gold/claims_extra.jsonl`, by one reader of sentences that an earlier model found worth a look, is only
learned from.

1. Features as `claim_words.word_features` and `claims.cue_features` read them; words that stand in `LEAST` reports or more.
2. Logistic regression for each relation; labels that one reader gave or doubted are left out.
3. Only the `KEPT` features that move log-odds most; once more; weights as whole numbers of one byte.

The figures are of ten folds of the gold reports: each is judged by a model that learned from the others and from the
extra ones. Every choice here is fixed beforehand, none is made on a fold's test part. ``--measure`` adds the same
without the cues, with the rules alone, and with parts of the labels.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from evaluate_prose import gold, texts
from sklearn.linear_model import LogisticRegression

from samehand.extract import claim_model as running
from samehand.extract.claim_words import scale, word_features
from samehand.extract.claims import cue_features, prose
from samehand.extract.names import find_names

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "src/samehand" / running.FILE
EXTRA = ROOT / "scripts/gold/claims_extra.jsonl"

RELATIONS = ("attribution", "alias", "overlap", "comparison", "denial")
CODES = dict(zip("akocd", RELATIONS, strict=True))
#: Least reports with a feature, so that no text of any report is in the file; features kept.
LEAST, KEPT = 5, 6000
#: Cost of the regressions; from which probability on a sentence makes the claim: F1 is the same, within .02, from .3
#: to .55. Denials are few, so that plain ones hardly reach it.
COST, THRESHOLD = 1.0, 0.4
THRESHOLDS = {"denial": 0.2}
#: Share of the accepted sentences that may be lost because their words alone do not hint at it.
LOST = 0.02
FOLDS, SEED = 10, 0


@dataclass(frozen=True)
class Example:
    """One sentence with its features and labels."""

    report: str
    start: int
    end: int
    text: str
    features: dict[str, float]
    labels: dict[str, float]
    """Relation -> 1, or 0.5 where the label is optional."""


def examples(
    report: str,
    text: str,
    labels: dict[tuple[int, int], dict[str, float]] | None,
    rows: Sequence[dict],
) -> list[Example]:
    """The sentences of a report that could claim anything; with ``labels`` only those in it."""
    found = []
    for s in prose(text, find_names(text)):
        place = (s.start, s.end)
        if labels is not None and place not in labels:
            continue
        own = dict(labels[place]) if labels is not None else {}
        for row in rows:
            if row["start"] < s.end and s.start < row["end"]:
                value = 0.5 if row.get("optional") else 1.0
                own[row["relation"]] = max(own.get(row["relation"], 0.0), value)
        features = word_features(s) | dict.fromkeys(cue_features(s), 1.0)
        found.append(Example(report, s.start, s.end, " ".join(s.text.split()), features, own))
    return found


def read_gold(data: Path) -> tuple[list[Example], dict[str, list[dict]]]:
    rows = gold("claims", "both")
    known = texts(data, (r for listed in rows.values() for r in listed))
    found = [
        e for report in sorted(known) for e in examples(report, known[report], None, rows[report])
    ]
    return found, {report: rows[report] for report in known}


def read_extra(data: Path, without: set[str]) -> list[Example]:
    """The extra sentences; ``without``: texts of sentences that are measured."""
    rows = {row["report"]: row for row in map(json.loads, EXTRA.read_text().splitlines())}
    found = []
    with gzip.open(data / "report_texts.jsonl.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            report = json.loads(line)
            row = rows.get(report["id"])
            digest = hashlib.sha256(report["text"].encode()).hexdigest()
            if row is None or digest != row["sha256"]:
                continue
            labels = {(a, b): decoded(code) for a, b, code in row["sentences"]}
            found += [
                e
                for e in examples(report["id"], report["text"], labels, ())
                if e.text not in without
            ]
    return found


def decoded(code: str) -> dict[str, float]:
    """The labels in a code: a letter for each relation, '?' behind it if doubtful."""
    found = {}
    for i, letter in enumerate(code):
        if letter in CODES:
            found[CODES[letter]] = 0.5 if code[i + 1 : i + 2] == "?" else 1.0
    return found


@dataclass
class Fitted:
    """Features, and their weights and the bias for each relation."""

    rows: dict[str, int]
    weights: np.ndarray
    bias: np.ndarray

    def odds(self, some: Sequence[Example]) -> np.ndarray:
        return matrix(some, self.rows) @ self.weights + self.bias


def matrix(some: Sequence[Example], rows: dict[str, int]) -> sp.csr_matrix:
    at, columns, values = [], [], []
    for i, example in enumerate(some):
        for feature, value in example.features.items():
            row = rows.get(feature)
            if row is not None and value:
                at.append(i)
                columns.append(row)
                values.append(value * scale(feature))
    return sp.csr_matrix((values, (at, columns)), shape=(len(some), len(rows)))


def fit(some: Sequence[Example], without: tuple[str, ...] = ()) -> Fitted:
    """The model of these examples; ``without``: beginnings of features that it may not use."""
    reports: dict[str, set[str]] = defaultdict(set)
    for example in some:
        for feature, value in example.features.items():
            if value:
                reports[feature].add(example.report)
    names = sorted(
        f for f, r in reports.items() if len(r) >= LEAST and not f.startswith(without or "\0")
    )
    fitted = regressed(some, names)
    often = np.asarray((matrix(some, fitted.rows) != 0).mean(0)).ravel()
    best = np.argsort(-np.abs(fitted.weights).max(1) * often**0.25, kind="stable")[:KEPT]
    return regressed(some, sorted(names[i] for i in best))


def regressed(some: Sequence[Example], names: Sequence[str]) -> Fitted:
    rows = {name: i for i, name in enumerate(names)}
    x = matrix(some, rows)
    weights, bias = [], []
    for relation in RELATIONS:
        y = np.array([e.labels.get(relation, 0.0) for e in some])
        sure = y != 0.5
        model = LogisticRegression(C=COST, solver="liblinear").fit(x[sure], y[sure].astype(int))
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
    return Fitted(rows, np.array(weights).T, np.array(bias))


def folds(reports: Iterable[str]) -> dict[str, int]:
    order = sorted(reports)
    random.Random(SEED).shuffle(order)
    return {report: i % FOLDS for i, report in enumerate(order)}


def counted(
    claimed: dict[str, list[tuple[int, int, str]]], rows: dict[str, list[dict]]
) -> Counter[tuple[str, str]]:
    """(relation, hit, missed or false) -> how often, as `evaluate_prose.py` counts."""
    count: Counter[tuple[str, str]] = Counter()
    for report, listed in rows.items():
        found = claimed.get(report, [])
        for row in listed:
            if not row.get("optional"):
                near = any(
                    a < row["end"] and row["start"] < b and r == row["relation"]
                    for a, b, r in found
                )
                count[row["relation"], "hit" if near else "missed"] += 1
        for a, b, relation in found:
            if not any(
                r["relation"] == relation and r["start"] < b and a < r["end"] for r in listed
            ):
                count[relation, "false"] += 1
    return count


def shown(title: str, count: Counter[tuple[str, str]], every: bool = True) -> None:
    for kind in (*(RELATIONS if every else ()), "all"):
        hit, missed, false = (
            sum(v for (k, w), v in count.items() if w == what and kind in (k, "all"))
            for what in ("hit", "missed", "false")
        )
        p, r = hit / max(1, hit + false), hit / max(1, hit + missed)
        print(
            f"{title}, {kind}: precision {p:.3f}, recall {r:.3f}, F1 {2 * p * r / max(1e-9, p + r):.3f}",
            flush=True,
        )


def validated(
    own: Sequence[Example],
    extra: Sequence[Example],
    rows: dict[str, list[dict]],
    without: tuple[str, ...] = (),
    share: float = 1.0,
) -> Counter[tuple[str, str]]:
    """Counts over the folds; ``share`` of all reports to learn from."""
    fold = folds(rows)
    order = sorted(rows.keys() | {e.report for e in extra})
    random.Random(SEED + 1).shuffle(order)
    used = set(order[: round(share * len(order))])
    claimed: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for k in range(FOLDS):
        learned = [e for e in own if fold[e.report] != k and e.report in used]
        model = fit([*learned, *(e for e in extra if e.report in used)], without)
        tested = [e for e in own if fold[e.report] == k]
        for example, odds in zip(tested, model.odds(tested), strict=True):
            for relation, value in zip(RELATIONS, odds, strict=True):
                if value >= cuts()[RELATIONS.index(relation)]:
                    claimed[example.report].append((example.start, example.end, relation))
    return counted(claimed, rows)


def cuts() -> np.ndarray:
    """The log-odds from which on a sentence makes the claim, of each relation."""
    p = np.array([THRESHOLDS.get(relation, THRESHOLD) for relation in RELATIONS])
    return np.log(p / (1 - p))


def measure(own: Sequence[Example], extra: Sequence[Example], rows: dict[str, list[dict]]) -> None:
    by_rules: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for e in own:
        by_rules[e.report] += [(e.start, e.end, f[2:]) for f in e.features if f.startswith("r:")]
    shown("rules alone, seen", counted(by_rules, rows), every=False)
    shown("without cues and rules", validated(own, extra, rows, ("c:", "r:")))
    shown("without rules", validated(own, extra, rows, ("r:",)))
    shown("gold only", validated(own, (), rows))
    shown("extra only", validated_on_extra(own, extra, rows))
    for share in (0.125, 0.25, 0.5, 0.75):
        shown(f"{share:.0%} of the reports", validated(own, extra, rows, share=share), every=False)


def validated_on_extra(
    own: Sequence[Example], extra: Sequence[Example], rows: dict[str, list[dict]]
) -> Counter[tuple[str, str]]:
    model = fit(extra)
    claimed: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for example, odds in zip(own, model.odds(own), strict=True):
        claimed[example.report] += [
            (example.start, example.end, r)
            for r, v in zip(RELATIONS, odds, strict=True)
            if v >= cuts()[RELATIONS.index(r)]
        ]
    return counted(claimed, rows)


def rough(model: Fitted, some: Sequence[Example]) -> float:
    """The log-odds by words alone that `LOST` of the accepted sentences stay below."""
    words = [
        Example(
            e.report,
            e.start,
            e.end,
            "",
            {f: v for f, v in e.features.items() if f[:2] not in ("c:", "r:")},
            {},
        )
        for e in some
    ]
    accepted = (model.odds(some) >= cuts()).any(1)
    return float(np.quantile(model.odds(words).max(1)[accepted], LOST))


def written(model: Fitted, least: float) -> bytes:
    """The file: an archive without times, so that the same numbers give the same bytes."""
    scales = np.array([scale(f) for f in model.rows])
    weights = model.weights * scales[:, None]
    step = np.abs(weights).max(0) / 127
    arrays = {
        "about": np.frombuffer(
            json.dumps({"relations": RELATIONS, "rough": round(least, 3)}).encode(), np.uint8
        ),
        "features": np.frombuffer("\n".join(model.rows).encode(), np.uint8),
        "weights": np.round(weights / step).astype(np.int8),
        "step": step.astype(np.float32),
        "bias": model.bias.astype(np.float32),
        "thresholds": cuts().astype(np.float32),
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.lib.format.write_array(inner, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                inner.getvalue(),
                zipfile.ZIP_DEFLATED,
            )
    return held.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--measure", action="store_true", help="also variants, and parts of the labels"
    )
    args = parser.parse_args()
    own, rows = read_gold(args.data)
    extra = read_extra(args.data, {e.text for e in own})
    print(
        f"{len(own)} sentences of {len(rows)} gold reports, {len(extra)} of {len({e.report for e in extra})} extra ones"
    )
    model = fit([*own, *extra])
    args.out.write_bytes(data := written(model, rough(model, [*own, *extra])))
    print(
        f"{args.out}: {len(data):,} bytes, {len(model.rows)} features, rough {rough(model, [*own, *extra]):.2f}"
    )
    shown("unseen", validated(own, extra, rows))
    if args.measure:
        measure(own, extra, rows)


if __name__ == "__main__":
    main()
