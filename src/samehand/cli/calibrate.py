"""Fitting on one's own labels: `samehand calibrate`."""

from __future__ import annotations

from pathlib import Path

import click

from samehand.cli.base import FILE, Context, also_local, main, write


@main.command()
@click.argument("dataset", type=FILE, metavar="DATASET.jsonl")
@click.option(
    "--pairs",
    type=FILE,
    help="JSON Lines with l, r and label (same, different, related), and weight if sampled; "
    "without it pairs of labelled reports.",
)
@click.option("--background", type=FILE, help="Unrelated reports that only inform rarity.")
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("linkage.json"),
    show_default=True,
    help="The fitted linkage, a diffable JSON file.",
)
@also_local
@click.pass_obj
def calibrate(
    obj: Context, dataset: Path, pairs: Path | None, background: Path | None, output: Path
) -> None:
    """Fit what labelled pairs (label.actor) say about the starting weights.

    Writes evidence, likeness and time-gap weights in bits, with the fingerprint of the data and
    scores out of sample, by actor and by time. Needs at least 50 labelled pairs of one hand.
    What the program uses unless told otherwise is such a file; use your own with --linkage.
    """
    import msgspec

    from samehand.calibrating import calibrate as run
    from samehand.config import default_parameters, load_parameters
    from samehand.model import Problem

    start = load_parameters(obj.parameters_file) if obj.parameters_file else default_parameters()
    problems: list[Problem] = []
    with obj.progress() as progress:
        found = run(dataset, start, problems, pairs, background, progress)
    write(output, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    code = obj.problems(problems)
    about = found["fitted"]
    assert isinstance(about, dict)
    lines = [f"{output}: fitted on {about['pairs']} pairs, {about['positives']} of one hand"]
    for split, scores in about["out_of_sample"].items():
        told = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in scores.items())
        lines.append(f"  out of sample {split}: {told}")
    obj.result("\n".join(lines), lambda: found)
    raise SystemExit(code)
