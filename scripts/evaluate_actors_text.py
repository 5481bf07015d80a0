"""How well free texts are attributed, by cross-validation on labelled development data.

    python scripts/evaluate_actors_text.py --data DIR

Without a reference: about 1,000 candidates, weights of the other folds (folds by actor). With one:
masked reports, folds by near-duplicates, and forward in time (learned from reports before a year,
asked of later ones). Last comes the time that each takes.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from train_text_channel import (
    KINDS,
    NONE_PRIOR,
    Fitted,
    Matrix,
    ReferenceData,
    examples,
    fit_bundled,
    fit_reference,
)

from samehand.compare.text_channel import bundled_channel
from samehand.compare.text_reference import ReferenceChannel
from samehand.compare.text_rule import Rule, ranked

YEARS = ("2016", "2017", "2018")


def rank_of(scores: Matrix, right: int) -> int:
    """0 if the right actor is first; ties count against it."""
    return int((scores > scores[right]).sum() + (scores == scores[right]).sum() - 1)


def line(name: str, ranks: Sequence[int], actors: Sequence[object]) -> str:
    row = np.array(ranks)
    by_actor = defaultdict(list)
    for rank, actor in zip(ranks, actors, strict=True):
        by_actor[actor].append(rank == 0)
    macro = np.mean([np.mean(v) for v in by_actor.values()])
    return (
        f"{name:34} n={len(row):4}  top-1 {np.mean(row < 1):.3f}  top-3 {np.mean(row < 3):.3f}  "
        f"top-10 {np.mean(row < 10):.3f}  mean of {len(by_actor)} actors {macro:.3f}"
    )


def auroc(high: Sequence[float], low: Sequence[float]) -> float:
    values = np.concatenate([high, low])
    places = values.argsort(kind="stable").argsort() + 1.0
    return float(
        (places[: len(high)].sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low))
    )


def open_set(name: str, fitted: Fitted, chosen: Sequence[int], prior: float) -> None:
    """How sure the first actor is, and whether it is right; and with the right actor gone."""
    rule = Rule({}, fitted.temperature, fitted.none, fitted.none_per_size, prior)
    gone = [fitted.absent[fitted.gone_at[i]] for i in chosen]
    sure, right, none_known = [], [], []
    for i in chosen:
        scores = fitted.scores[i]
        ranking = ranked([str(n) for n in range(len(scores))], scores, rule, fitted.sizes[i])
        sure.append(ranking.probabilities[0])
        right.append(ranking.actors[0] == str(fitted.right[i]))
        none_known.append(ranking.none)
    absent = [ranked([str(n) for n in range(len(s))], s, rule, size) for s, size in gone]
    order = np.argsort(-np.array(sure), kind="stable")
    hits = np.array(right)[order]
    parts = "  ".join(
        f"{share:.0%} {hits[: max(1, int(share * len(hits)))].mean():.2f}"
        for share in (0.1, 0.2, 0.4, 0.6, 1.0)
    )
    print(f"{name:34} right among the surest: {parts}")
    bins = np.array_split(order, 5)
    said = "  ".join(
        f"{np.mean(np.array(sure)[b]):.2f}->{np.mean(np.array(right)[b]):.2f}" for b in bins
    )
    print(f"{'':34} said -> right, by fifths: {said}")
    print(
        f"{'':34} known v gone AUROC {auroc(sure, [a.probabilities[0] for a in absent]):.3f}; P(none) "
        f"{np.mean(none_known):.2f} if known, {np.mean([a.none for a in absent]):.2f} if gone; "
        f"gone and named at .8: {np.mean([a.probabilities[0] >= 0.8 for a in absent]):.3f}, "
        f"known: {np.mean(np.array(sure) >= 0.8):.3f}"
    )


def forward(base: ReferenceData) -> None:
    years = np.array([(e.published or "0")[:4] for e in base.found])
    for year in YEARS:
        taught, asked = np.flatnonzero(years < year), np.flatnonzero(years >= year)
        asked = asked[np.isin(base.owners[asked], base.owners[taught])]
        weights = base.weights(base.out_of_fold(taught), taught)
        ranks = [
            rank_of(matrix @ weights, int(base.owners[i]))
            for i, matrix in zip(asked, base.features(taught, asked), strict=True)
        ]
        print(line(f"reference, learned before {year}", ranks, base.owners[asked].tolist()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    channel = bundled_channel()
    found = examples(options.data, channel.world)
    for name, kinds in KINDS.items():
        chosen = [e for e in found if e.kind in kinds]
        fitted = fit_bundled(chosen, channel)
        for kind in kinds:
            mine = [i for i, e in enumerate(chosen) if e.kind == kind]
            ranks = [rank_of(fitted.scores[i], fitted.right[i]) for i in mine]
            print(line(f"{name}, {kind}", ranks, [chosen[i].actor for i in mine]))
            if kind != "procedures":
                open_set(f"{name}, {kind}", fitted, mine, NONE_PRIOR[name])
    reference, base = fit_reference(found, options.data)
    ranks = [rank_of(s, r) for s, r in zip(reference.scores, reference.right, strict=True)]
    print(line("reference, folds by near-duplicate", ranks, reference.right))
    open_set("reference", reference, range(len(ranks)), NONE_PRIOR["reference"])
    forward(base)
    texts = [(e.label, e.text) for e in base.found]
    started = time.perf_counter()
    taught = ReferenceChannel(base.channel, texts)
    print(f"learning from {len(texts)} texts: {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    for _, text in texts[:50]:
        taught.rank(text)
    print(f"one text with a reference: {(time.perf_counter() - started) / 50 * 1000:.0f} ms")
    started = time.perf_counter()
    for _, text in texts[:50]:
        channel.features(text)
    print(f"one text without: {(time.perf_counter() - started) / 50 * 1000:.0f} ms")


if __name__ == "__main__":
    main()
