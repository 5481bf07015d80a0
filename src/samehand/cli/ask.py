"""Commands that answer one question: what an item weighs, what is near a report."""

from __future__ import annotations

import click
from click.core import ParameterSource

from samehand.cli.base import Context, also_local, main

_PRIOR = click.Choice(["feed", "case"])


@main.command()
@click.argument("report", metavar="REPORT|FILE")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many reports to show.",
)
@click.option(
    "--prior",
    type=_PRIOR,
    default="feed",
    show_default=True,
    help="feed: reports that merely arrived. case: you put them together because they look alike.",
)
@also_local
@click.pass_obj
def similar(obj: Context, report: str, top: int, prior: str) -> None:
    """The reports of the workspace nearest to REPORT, an id, or to a FILE of any kind that is read.

    Each with its bits and the lines that say most. Reference reports are among them, and what
    repeats another report is marked as its copy. The bits are those of 'samehand compare'. A FILE
    is compared and not added.

    Only reports that share hard evidence, or that a publisher speaks of together, are compared;
    with --prior case and at most 400 reports, all of them.
    """
    from samehand.ask import similar as run
    from samehand.render.ask import nearest_text

    found, problems = run(obj.workspace, obj.parameters(), report, top, prior)  # type: ignore[arg-type]  # a choice
    obj.problems(problems)
    obj.result(nearest_text(found), lambda: found)


@main.command("explain-weight")
@click.argument("kind", metavar="TYPE")
@click.argument("value")
@click.option(
    "--prior",
    type=_PRIOR,
    default="feed",
    show_default=True,
    help="Between which reports: case counts unseen holders against 16,000 whatever is loaded.",
)
@also_local
@click.pass_obj
def explain_weight(obj: Context, kind: str, value: str, prior: str) -> None:
    """Why an item weighs what it weighs: rarity, lists, provider, time, ease of planting.

    TYPE is one of the types in docs/records.md, also technique, software, victim-sector and the
    others that a waterfall names; VALUE may be defanged. With a workspace its reports count as
    holders; without one, bundled knowledge alone answers.

    \b
    samehand explain-weight domain-name evil[.]example
    samehand explain-weight technique T1566.002
    samehand explain-weight software mimikatz
    """  # noqa: D301  # click reads \b as "keep these lines"
    from samehand.ask import explain_weight as run
    from samehand.render.ask import weight_text

    above = click.get_current_context().find_root()
    named = above.get_parameter_source("workspace") is not ParameterSource.DEFAULT
    workspace = obj.workspace if named or obj.workspace.exists() else None
    found, problems = run(workspace, obj.parameters(), kind, value, prior)  # type: ignore[arg-type]  # a choice
    obj.problems(problems)
    obj.result(weight_text(found, obj.verbose), lambda: found)
