"""The batch interface: `samehand predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samehand.cli.base import FILE, Context, main
from samehand.errors import UsageError

if TYPE_CHECKING:
    from samehand.model import Problem


@main.group()
def predict() -> None:
    """Batch interface: report records in, one JSON object per line out; needs no workspace.

    Reads neither labels nor provenance of what it predicts. Inputs may be gzip.
    """


def _lines(
    obj: Context,
    rows: Callable[[list[Problem], Callable[[str, int, int], None]], Iterator[object]],
    output: Path | None,
) -> None:
    """Write rows as JSON Lines to a file or stdout, then report the problems."""
    import msgspec

    problems: list[Problem] = []
    encoder = msgspec.json.Encoder()
    with obj.progress() as progress:
        found = rows(problems, progress)
        first = next(found, None)  # wrong input is said before an output file is touched
        try:
            stream = output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout)
        except OSError as error:
            raise UsageError(f"{output}: cannot be written ({error.strerror})") from error
        with stream as target:
            for row in chain(() if first is None else (first,), found):
                target.write(encoder.encode(row).decode() + "\n")
    raise SystemExit(obj.problems(problems))


_OUT = click.option("-o", "--output", type=FILE, help="File instead of stdout.")
_BACKGROUND = click.option(
    "--background", type=FILE, help="Unrelated reports that only inform rarity."
)


@predict.command("links")
@click.argument("records", type=FILE, metavar="REPORTS.jsonl")
@click.option("--pairs", type=FILE, help="JSON Lines with l and r: a line for each of them.")
@_BACKGROUND
@_OUT
@click.pass_obj
def predict_links(
    obj: Context, records: Path, pairs: Path | None, background: Path | None, output: Path | None
) -> None:
    """How likely pairs are of one hand and of one campaign.

    Each line: l, r, probability, campaign_probability, weight_bits.
    """
    from samehand.predict import predict_links as run

    _lines(
        obj,
        lambda problems, progress: run(
            records, obj.parameters(), problems, pairs, background, progress
        ),
        output,
    )


@predict.command("clusters")
@click.argument("records", type=FILE, metavar="REPORTS.jsonl")
@_BACKGROUND
@_OUT
@click.pass_obj
def predict_clusters(
    obj: Context, records: Path, background: Path | None, output: Path | None
) -> None:
    """The hand and, inside it, the campaign of every report: id, hand, campaign."""
    from samehand.predict import predict_clusters as run

    _lines(
        obj,
        lambda problems, progress: run(records, obj.parameters(), problems, background, progress),
        output,
    )


@predict.command("actors")
@click.argument("queries", type=FILE, metavar="QUERIES.jsonl")
@click.option(
    "--reference",
    type=FILE,
    help="Reports of known actors (label.actor); candidates come from here alone.",
)
@click.option(
    "--knowledge",
    type=click.Choice(["texts", "none", "full"]),
    default="texts",
    show_default=True,
    help="Beside a reference, what bundled knowledge tells of its actors: descriptions for free "
    "texts; nothing; or ATT&CK's pages of groups, too. All of it was written in retrospect.",
)
@_BACKGROUND
@_OUT
@click.pass_obj
def predict_actors(
    obj: Context,
    queries: Path,
    reference: Path | None,
    knowledge: str,
    background: Path | None,
    output: Path | None,
) -> None:
    """Ranked actors of each query: id, decision, naming, none, planted, hypotheses.

    With a reference its reports are the memory that techniques, software, observables and texts
    are compared with. Without one, bundled knowledge answers.
    """
    from samehand.predict import predict_actors as run

    _lines(
        obj,
        lambda problems, progress: run(
            queries,
            obj.parameters(),
            problems,
            reference,
            background,
            progress,
            knowledge,  # type: ignore[arg-type]  # a choice
        ),
        output,
    )


@predict.command("techniques")
@click.argument("texts", type=FILE, metavar="TEXTS.jsonl")
@_OUT
@click.pass_obj
def predict_techniques(obj: Context, texts: Path, output: Path | None) -> None:
    """ATT&CK techniques of texts (objects with id and text), by the model that ships.

    Each line: id, techniques: [{id, probability, accepted}], the likeliest first; a technique is at
    least as likely as its sub-techniques, which are accepted only where their identifier is
    written. docs/techniques.md says how good it is.

    A record may hold 'mention', the phrase of the text that is asked about, and 'labels', a list of
    techniques to choose from.
    """
    from samehand.predict import predict_techniques as run

    _lines(obj, lambda problems, progress: run(texts, problems, progress), output)
