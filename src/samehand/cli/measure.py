"""Measures against labels: `samehand evaluate`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from samehand.cli.base import FILE, Context, Day, also_local, main, write


@main.command()
@click.argument("dataset", type=FILE, metavar="DATASET.jsonl")
@click.option(
    "--pairs",
    type=FILE,
    help="JSON Lines with l, r and label (same, different, related), and weight if sampled; "
    "without it all pairs of labelled reports.",
)
@click.option("--background", type=FILE, help="Unrelated reports that only inform rarity.")
@click.option("--only", type=click.Choice(["links", "clusters"]), help="Measure one of the two.")
@click.option(
    "--split",
    type=click.Choice(["all", "time", "actor", "source"]),
    default="all",
    show_default=True,
    help="Score only what became known after the cut, the three in ten held-out actors, or pairs "
    "from two sources.",
)
@click.option(
    "--cut",
    type=Day(),
    help="Last day before, for --split time; else 70 % of dated labelled reports lie before.",
)
@click.option("-o", "--output", type=FILE, help="File instead of stdout.")
@also_local
@click.pass_obj
def evaluate(
    obj: Context,
    dataset: Path,
    pairs: Path | None,
    background: Path | None,
    only: str | None,
    split: str,
    cut: date | None,
    output: Path | None,
) -> None:
    """How good links and clusters are on labelled reports, beside simple methods.

    Predicts like `samehand predict links` and `clusters`, then reads label.actor and the labels of
    pairs, and prints the measures with intervals. Nothing is fitted. docs/evaluation.md defines
    every measure.
    """
    from samehand.errors import UsageError
    from samehand.measure import evaluate as run
    from samehand.model import Problem
    from samehand.render.evaluate import evaluation_text

    if cut is not None and split != "time":
        raise UsageError("--cut is for --split time; leave it out or add --split time")
    problems: list[Problem] = []
    with obj.progress() as progress:
        result = run(
            dataset,
            obj.parameters(),
            problems,
            pairs,
            background,
            only,  # type: ignore[arg-type]  # click checks the choice
            split,  # type: ignore[arg-type]
            cut,
            progress,
        )
    if output is None:
        obj.result(evaluation_text(result), lambda: result)
    elif obj.json:
        import msgspec

        write(output, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    else:
        write(output, evaluation_text(result).encode() + b"\n")
    raise SystemExit(obj.problems(problems))
