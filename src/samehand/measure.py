"""Predictions measured against labels: what `samehand evaluate` runs.

Everything is predicted first, by the functions behind `samehand predict` and with the same input;
labels are read then (``fit``), so they cannot reach a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import samehand
from samehand.case import Progress
from samehand.config import Parameters, fingerprint
from samehand.errors import InputError, UsageError
from samehand.fit.baselines import SCOPES, cluster_baselines, holdings, pair_scores, sharing
from samehand.fit.evaluate import (
    EVALUATION_SCHEMA,
    REPLICATES,
    Evaluation,
    Only,
    ScoredPair,
    measure_clusters,
    measure_links,
)
from samehand.fit.truth import (
    Label,
    LeftOut,
    Split,
    TruePairs,
    all_pairs,
    default_cut,
    in_split,
    read_labels,
    read_pairs,
    unseen_actors,
)
from samehand.knowledge.versions import versions
from samehand.model import Problem
from samehand.predict import Batch, clusters_of, links_of, make_batch


def evaluate(
    dataset: Path,
    parameters: Parameters,
    problems: list[Problem],
    pairs: Path | None = None,
    background: Path | None = None,
    only: Only | None = None,
    split: Split = "all",
    cut: date | None = None,
    progress: Progress = lambda *_: None,
) -> Evaluation:
    """The measures of links and clusters of a labelled data set, beside simple methods.

    Predictions are those of `predict_links` and `predict_clusters` on the same files.

    Raises:
        InputError: if a file cannot be read, or nothing in it can be measured.
        UsageError: if the split cannot be made of this data set, or not of clusters.
    """
    if only == "clusters" and split == "source":
        raise UsageError(
            "--split source tells pairs apart and no reports; clusters need all, time or actor"
        )
    batch = make_batch(dataset, parameters, problems, background, progress)
    labels = read_labels(dataset, batch.reports)
    if split == "time":
        cut = cut or default_cut(labels)
    truth = TruePairs((), LeftOut())
    scored: list[ScoredPair] = []
    if only != "clusters":
        if pairs is None:
            truth = all_pairs(labels, ((k.l, k.r) for k in batch.links))
        else:
            truth = read_pairs(pairs, batch.case.profiles.keys(), problems)
        truth = in_split(truth, labels, split, cut)
        scored = list(_scored(batch, truth, labels, cut, problems))
    partitions: dict[str, dict[str, str]] = {}
    if only != "links" and split != "source":
        found = list(clusters_of(batch))
        partitions = {
            "samehand, hands": {c.id: c.hand for c in found},
            "samehand, campaigns": {c.id: c.campaign for c in found},
            **cluster_baselines(batch.reports),
        }
    actors = [x.actor for x in labels.values() if x.actor]
    if partitions and not actors:
        raise InputError(f"{dataset}: no report carries label.actor; clusters cannot be measured")
    linkage = parameters.linkage
    progress("measuring", 0, 0)
    return Evaluation(
        schema=EVALUATION_SCHEMA,
        program=f"samehand {samehand.__version__}",
        model=parameters.version,
        config_hash=parameters.hash,
        knowledge=versions(),
        dataset=dataset.name,
        in_sample=linkage is not None and fingerprint(dataset) in linkage.data,
        pairs=pairs.name if pairs and only != "clusters" else "",
        background=background.name if background else "",
        split=split,
        cut=cut if split == "time" else None,
        reports=len(batch.reports),
        labelled=len(actors),
        actors=len(set(actors)),
        background_reports=len(batch.background),
        left_out=truth.left_out,
        sampled=truth.sampled,
        replicates=REPLICATES,
        links=measure_links(scored, split) if only != "clusters" else (),
        clusters=measure_clusters(partitions, labels, split, cut) if partitions else (),
    )


def _scored(
    batch: Batch,
    truth: TruePairs,
    labels: Mapping[str, Label],
    cut: date | None,
    problems: list[Problem],
) -> Iterator[ScoredPair]:
    """Every pair with its prediction and the scores of simple methods."""
    unseen = unseen_actors(labels, cut) if cut else frozenset()
    held = [holdings(batch.reports, batch.background, scope) for scope in SCOPES]
    profiles, parameters = batch.case.profiles, batch.case.parameters
    lines = links_of(batch, ((p.l, p.r) for p in truth.pairs), problems)
    for one, line in zip(truth.pairs, lines, strict=True):
        l, r = labels[one.l].actor, labels[one.r].actor
        yield ScoredPair(
            truth=one,
            probability=line.probability,
            sharing=sharing(profiles[one.l], profiles[one.r]),
            scores=tuple(s for h in held for s in pair_scores(h, one.l, one.r, parameters)),
            actor_l=l or one.l,
            actor_r=r or one.r,
            unseen=l in unseen or r in unseen,
        )
