"""Commands that show an assessment, and record what the analyst decides about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from samehand.cli.base import FILE, Context, Day, also_local, main, write
from samehand.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from samehand.model import Assessment, Problem, Report


def _latest(obj: Context) -> Assessment:
    from samehand.pipeline import latest

    return latest(obj.workspace)


@main.command()
@also_local
@click.pass_obj
def links(obj: Context) -> None:
    """Pairs of reports by probability, from the latest assessment; -v adds their waterfalls."""
    from samehand.render.text import link_page, links_table

    assessment = _latest(obj)
    text = links_table(assessment.links, 400 if obj.verbose else 40)
    if obj.verbose:
        text += "\n\n" + "\n\n".join(link_page(k) for k in assessment.links[:20])
    obj.result(text, lambda: assessment.links)


@main.command()
@also_local
@click.pass_obj
def campaigns(obj: Context) -> None:
    """Campaigns of the latest assessment; -v adds who saw which part."""
    from samehand.render.text import campaigns_text, coverage_table

    assessment = _latest(obj)
    text = campaigns_text(assessment)
    if obj.verbose:
        for campaign in assessment.campaigns:
            if len(campaign.reports) > 1:
                text += f"\n\n{campaign.id}\n{coverage_table(campaign)}"
    obj.result(text, lambda: assessment.campaigns)


@main.command()
@click.argument("target", required=False, metavar="[CAMPAIGN|REPORT|FILE]")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="How many actors are listed.",
)
@click.option(
    "--as-of",
    type=Day(),
    help="Only what was known by then; catalogues, which bear no dates, are not heard.",
)
@click.option("--without", multiple=True, metavar="ID", help="Leave out a report; repeatable.")
@click.option(
    "--stress",
    "stressed",
    is_flag=True,
    help="How many planted artefacts of which type would change the answer; for your eyes only.",
)
@also_local
@click.pass_obj
def attribute(
    obj: Context,
    target: str | None,
    top: int,
    as_of: date | None,
    without: tuple[str, ...],
    stressed: bool,
) -> None:
    """Whose hand: ranked actors, a paragraph to paste, evidence against every hypothesis.

    Of the leading campaign of the latest assessment, of a campaign or report by its id, or of a
    FILE, which needs no workspace: its reports meet the bundled knowledge, each on its own.

    \b
    samehand attribute                     the leading campaign
    samehand attribute report.pdf          one document, nothing else needed
    samehand attribute harbour-cert-2025 --as-of 2025-09-01
    samehand attribute --stress            what would overturn it
    """  # noqa: D301
    from samehand.attributing import of_file, of_workspace, stress_of
    from samehand.counterfactual import attribution_of
    from samehand.pipeline import Question
    from samehand.render.attribution import answer_text, stress_text

    if stressed and obj.json:
        raise UsageError("--stress is printed and never kept; leave --json out")
    if target and not Path(target).is_file() and not obj.workspace.exists():
        folder = Path(target).is_dir()
        why = "a folder, and this takes one file" if folder else "no such file"
        raise NotFoundError(f"{target}: {why}; nor is there a workspace that could know it")
    question = Question(as_of=as_of, without=without)
    parameters = obj.parameters()
    problems: list[Problem] = []
    with obj.progress() as progress:
        if target and Path(target).is_file():
            question = replace(question, catalogues=True)
            answers, problems = of_file(Path(target), parameters, question, progress=progress)
        else:
            chosen = of_workspace(obj.workspace, parameters, target or "", question, progress)
            answers = [chosen]
    parts = []
    for asked in answers:
        text = answer_text(asked.assessment, asked.campaign, top, obj.verbose)
        if stressed:
            text += "\n\nWHAT WOULD OVERTURN IT (do not pass on)\n"
            text += stress_text(stress_of(parameters, asked, question))
        parts.append(text)
    obj.result(
        "\n\n".join(parts), lambda: [attribution_of(a.assessment, a.campaign) for a in answers]
    )
    if problems:
        raise SystemExit(obj.problems(problems))


@main.command()
@click.argument("report")
@click.option("--all", "everything", is_flag=True, help="All rows instead of the first 30.")
@also_local
@click.pass_obj
def hunt(obj: Context, report: str, everything: bool) -> None:
    """What the other reports of the campaign of REPORT saw and it did not: what to look for.

    A report that stands alone is compared with those that one hand probably made as well.

    Rarest first: 'outside' counts independent reports outside the campaign that hold the value.
    """
    from samehand.pipeline import hunt_for
    from samehand.render.text import hunt_table

    together, how, rows = hunt_for(obj.workspace, obj.parameters(), report)
    if not together:
        text = f"{report} stands alone in the latest assessment; there is nothing to hunt for."
    elif not rows:
        text = f"{how}: the others saw no observable that {report} lacks."
    else:
        text = (
            f"{how}: {len(rows)} observables that {report} lacks\n"
            f"{hunt_table(rows, len(rows) if everything else 30)}"
        )
    obj.result(text, lambda: rows)


@main.command()
@click.argument("left")
@click.argument("right")
@click.option(
    "--prior",
    type=click.Choice(["feed", "case"]),
    default="case",
    show_default=True,
    help="case: you compare them because they look alike.",
)
@also_local
@click.pass_obj
def compare(obj: Context, left: str, right: str, prior: str) -> None:
    """The waterfall of two reports: two files, or two ids of the workspace."""
    from samehand.pipeline import compare as run
    from samehand.pipeline import load, load_one, one_report
    from samehand.render.text import link_page

    files = [Path(name) for name in (left, right)]
    others: list[Report] = []
    if all(f.is_file() for f in files):
        pair = [one_report(f) for f in files]
    elif any(f.is_file() for f in files):
        raise UsageError("compare takes two files or two report ids, not one of each")
    else:
        pair = [load_one(obj.workspace, name)[0] for name in (left, right)]
        others, _, _ = load(obj.workspace)
    link = run(obj.parameters(), pair[0], pair[1], others, prior)  # type: ignore[arg-type]  # a choice
    obj.result(link_page(link), lambda: link)


_ACTIONS = ["accept", "reject", "must-link", "cannot-link", "merge", "split", "note", "undo"]


@main.command()
@click.argument("action", type=click.Choice([*_ACTIONS, "list"]), default="list")
@click.argument("subjects", nargs=-1)
@click.option("--reason", default="", help="Why; kept with the decision.")
@click.option(
    "--level",
    type=click.Choice(["campaign", "hand"]),
    default="campaign",
    show_default=True,
    help="What the decision is about.",
)
@also_local
@click.pass_obj
def decide(obj: Context, action: str, subjects: tuple[str, ...], reason: str, level: str) -> None:
    """Record an analyst's decision in the journal beside the workspace, or list them.

    \b
    accept|must-link A B     A and B belong together
    reject|cannot-link A B   A and B do not
    merge A B C ...          all of them belong together
    split A [B ...]          A apart from B ..., or from the rest of its campaign
    note [ID ...]            a remark, with --reason
    undo NUMBER              take a decision back
    list                     what was decided (the default)

    Decisions act on the clustering from the next 'samehand analyse' on; probabilities stay as
    the evidence makes them.
    """  # noqa: D301  # as above
    from samehand.pipeline import decide as run
    from samehand.render.safe import clean
    from samehand.store.journal import Action, journal_path, read_journal, standing

    if action == "list":
        decisions, problems = read_journal(journal_path(obj.workspace))
        obj.problems(problems)
        valid = {d.number for d in standing(decisions)}
        lines = [
            f"#{d.number} {d.at} {d.action} {' '.join(clean(s) for s in d.subjects)} ({d.level})"
            + (f": {clean(d.reason)}" if d.reason else "")
            + ("" if d.number in valid or d.action == "undo" else "  [undone]")
            for d in decisions
        ]
        obj.result("\n".join(lines) or "No decisions yet.", lambda: decisions)
        return
    if action == "note" and not reason:
        raise UsageError("a note needs --reason TEXT")
    decision = run(obj.workspace, cast("Action", action), subjects, reason, level)
    effect = "" if action == "note" else "; run 'samehand analyse' to see its effect"
    obj.result(
        f"#{decision.number} {decision.action} {' '.join(decision.subjects)}{effect}",
        lambda: decision,
    )


@main.command()
@click.option(
    "-o",
    "--output",
    type=FILE,
    required=True,
    help="File to write; .html or .json decides the form.",
)
@click.option(
    "--from",
    "saved",
    type=FILE,
    help="A saved assessment.json instead of the workspace; nothing is analysed.",
)
@click.pass_obj
def report(obj: Context, output: Path, saved: Path | None) -> None:
    """Write the latest assessment, or a saved one, as a page (.html) or document (.json)."""
    from samehand.assessment import from_json, to_json

    suffix = output.suffix.lower()
    if suffix not in (".html", ".json"):
        raise UsageError(f"{output}: the name must end in .html or .json")
    if saved:
        try:
            assessment = from_json(saved.read_bytes(), str(saved))
        except OSError as error:
            raise UsageError(f"{saved}: cannot be read ({error.strerror})") from error
    else:
        assessment = _latest(obj)
    if suffix == ".json":
        write(output, to_json(assessment))
    else:
        from samehand.render.html import render_html

        write(output, render_html(assessment).encode())
    obj.say(f"written: {output}")
