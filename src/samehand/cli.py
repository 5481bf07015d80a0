"""The command line: parse, call, render. Results on stdout, messages on stderr.

Heavy imports stay inside the commands, so `samehand --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from samehand import __version__
from samehand.errors import SamehandError, UsageError

if TYPE_CHECKING:
    from samehand.config import Parameters
    from samehand.model import Assessment, Problem, Report

EXIT_CODES = """\b
Exit codes:
  0  everything was done
  1  an error of the program itself
  2  usage: the command or its arguments make no sense
  3  some input could not be read; the rest was used
  4  a parameter or knowledge file is wrong
  5  no such report, campaign, decision or assessment
  6  the workspace is missing, busy, damaged or of another version
  130  interrupted; the workspace is whole
"""
PARTLY_READ = 3
INTERRUPTED = 130


@dataclass
class Context:
    """The global options."""

    workspace: Path
    json: bool
    quiet: bool
    verbose: int
    parameters_file: Path | None

    def parameters(self) -> Parameters:
        """The parameters asked for."""
        from samehand.config import load_parameters

        return load_parameters(self.parameters_file)

    def say(self, text: str) -> None:
        """A message on stderr, unless quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    def result(self, text: str, data: Callable[[], object]) -> None:
        """The result on stdout: text, or one JSON document."""
        if self.json:
            import msgspec

            click.echo(msgspec.json.format(msgspec.json.encode(data()), indent=1))
        else:
            click.echo(text)

    def problems(self, problems: list[Problem]) -> int:
        """Report problems on stderr, and the exit code they mean."""
        from samehand.render.safe import clean

        errors = [p for p in problems if p.severity == "error"]
        listed = problems if self.verbose else problems[:20]
        for problem in listed:
            click.echo(f"{problem.severity}: {clean(str(problem), 600)}", err=True)
        if len(listed) < len(problems):
            click.echo(f"and {len(problems) - len(listed)} more messages (-v shows all)", err=True)
        return PARTLY_READ if errors else 0

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """A progress bar on stderr, only on a terminal and unless quiet."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda stage, done, total: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bars:
            tasks: dict[str, Any] = {}

            def show(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage, total=total or None)
                bars.update(tasks[stage], completed=done, total=total or None)

            yield show


class Commands(click.Group):
    """Commands in the order of work, and errors as one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of definition."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:  # click's own signature
        """Run a command; an error of ours becomes a message and its exit code."""
        try:
            return super().invoke(ctx)
        except SamehandError as error:
            from samehand.render.safe import clean

            click.echo(f"samehand: {clean(str(error), 1000)}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted; the workspace is whole", err=True)
            ctx.exit(INTERRUPTED)


class Day(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """A day: YYYY-MM-DD, or YYYY-MM and YYYY for their last day."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """The day a text stands for."""
        from samehand.formats.records import parse_window

        if isinstance(value, date):
            return value
        try:
            return parse_window(str(value)).end
        except ValueError as error:
            self.fail(str(error), param, ctx)


_FILE = click.Path(path_type=Path)
_TLP = click.Choice(["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"], case_sensitive=False)


@click.group(
    cls=Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="samehand")
@click.option(
    "--workspace",
    "-w",
    type=_FILE,
    default=Path("samehand.duckdb"),
    envvar="SAMEHAND_WORKSPACE",
    show_default=True,
    help="The workspace file.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="No messages and no progress on stderr.")
@click.option("--verbose", "-v", count=True, help="More: -v contributions, -vv everything.")
@click.option(
    "--parameters",
    "parameters_file",
    type=_FILE,
    help="A parameter file instead of the bundled one.",
)
@click.pass_context
def main(
    ctx: click.Context,
    workspace: Path,
    as_json: bool,
    quiet: bool,
    verbose: int,
    parameters_file: Path | None,
) -> None:
    """Was it the same hand?

    Given isolated disclosures of cyber attacks, samehand says which describe one campaign, whose
    hand is behind it, how likely that is, and which evidence carries the answer.

    \b
    Try it:            samehand demo
    With your own:     samehand init
                       samehand add my-reports/
                       samehand add --reference known-actors/
                       samehand analyse --prior case
                       samehand report -o report.html
    """  # noqa: D301  # click reads \b as "keep these lines"
    ctx.obj = Context(workspace, as_json, quiet, verbose, parameters_file)


def _also_local(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let --json and -v stand after the command as well."""

    def json_on(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.obj.json = True

    def more(ctx: click.Context, _: click.Parameter, value: int) -> None:
        ctx.obj.verbose = max(ctx.obj.verbose, value)

    command = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=json_on,
        help="One JSON document on stdout.",
    )(command)
    return click.option(
        "--verbose",
        "-v",
        count=True,
        expose_value=False,
        callback=more,
        help="More: -v contributions, -vv everything.",
    )(command)


@main.command()
@click.option(
    "-o",
    "--output",
    type=_FILE,
    default=Path("samehand-demo"),
    show_default=True,
    help="Folder for report.html and assessment.json.",
)
@_also_local
@click.pass_obj
def demo(obj: Context, output: Path) -> None:
    """Run the CryptoCore case end to end; write report.html and assessment.json.

    Four publishers described thefts from crypto exchanges under different names. The demo reads
    what they published, says which reports describe one campaign and on whose word, compares with
    17 other campaigns, and shows how the belief moved with each publication.
    """
    from samehand.assessment import to_json
    from samehand.pipeline import answer, cases_folder, load_case
    from samehand.render.html import render_html
    from samehand.render.text import summary

    reports, question, problems = load_case(cases_folder() / "cryptocore")
    with obj.progress() as progress:
        assessment = answer(reports, obj.parameters(), question, progress=progress)
    _write(output / "assessment.json", to_json(assessment))
    _write(output / "report.html", render_html(assessment).encode())
    obj.result(summary(assessment, obj.verbose), lambda: assessment)
    code = obj.problems([p for p in problems if p.severity == "error"])
    obj.say(f"\nWritten: {output / 'report.html'} and {output / 'assessment.json'}")
    raise SystemExit(code)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}). Choose another place with -o."
        ) from error


@main.command()
@click.argument("directory", type=_FILE, required=False)
@click.pass_obj
def init(obj: Context, directory: Path | None) -> None:
    """Make a workspace: one file in DIRECTORY, or where --workspace says."""
    from samehand.store.duckdb import DEFAULT_NAME, Store

    path = directory / DEFAULT_NAME if directory else obj.workspace
    existed = path.exists()
    with Store.create(path):
        pass
    obj.say(f"{path}: {'is a workspace already; nothing changed' if existed else 'made'}")


@main.command()
@click.argument("paths", type=_FILE, nargs=-1, required=True)
@click.option(
    "--reference",
    is_flag=True,
    help="Reports of known actors (label.actor): they build profiles and are not clustered.",
)
@click.option(
    "--background", is_flag=True, help="Unrelated reports that only tell how common a value is."
)
@click.option("--publisher", default="", help="Publisher where a record names none.")
@click.option("--published", default="", help="Date where a record has none: YYYY[-MM[-DD]].")
@click.option(
    "--kind",
    type=click.Choice(["report", "incident", "compilation", "note"]),
    help="Kind where a record has none.",
)
@click.option("--tlp", type=_TLP, help="Marking where a record has none.")
@click.option("--grade", default="", help="Admiralty grade where a record has none, such as B2.")
@_also_local
@click.pass_obj
def add(
    obj: Context,
    paths: tuple[Path, ...],
    reference: bool,
    background: bool,
    publisher: str,
    published: str,
    kind: str | None,
    tlp: str | None,
    grade: str,
) -> None:
    """Read report records (.jsonl, .json, also .gz) from files and folders into the workspace.

    Adding the same thing twice changes nothing. What cannot be read is named with file and place,
    and the rest is added.
    """
    from samehand.formats.records import Defaults, parse_window
    from samehand.likelihood import is_grade
    from samehand.pipeline import add as add_files

    if reference and background:
        raise UsageError("--reference and --background exclude each other")
    if grade and not is_grade(grade):
        raise UsageError(f"--grade {grade!r} is no Admiralty grade; write A-F and 1-6, as in B2")
    if published:
        try:
            parse_window(published)
        except ValueError as error:
            raise UsageError(f"--published: {error}") from error
    use = "reference" if reference else "background" if background else "case"
    with obj.progress() as progress:
        outcome = add_files(
            obj.workspace,
            paths,
            use,  # type: ignore[arg-type]  # one of the three uses
            Defaults(publisher, published, kind or "", (tlp or "").upper(), grade),
            progress,
        )
    code = obj.problems(outcome.problems)
    added = outcome.added
    skipped = f", {outcome.skipped_files} other files skipped" if outcome.skipped_files else ""
    obj.result(
        f"{len(added.new)} reports added, {len(added.updated)} replaced, {len(added.unchanged)} "
        f"already there ({outcome.files} files read{skipped})",
        lambda: {
            "new": added.new,
            "updated": added.updated,
            "unchanged": added.unchanged,
            "problems": outcome.problems,
        },
    )
    raise SystemExit(code)


@main.command()
@_also_local
@click.pass_obj
def reports(obj: Context) -> None:
    """List what is in the workspace."""
    from samehand.render.text import reports_table
    from samehand.store.duckdb import Store

    with Store(obj.workspace, read_only=True) as store:
        found = store.reports()
    if not found and not obj.json:
        obj.say(f"{obj.workspace} holds no reports yet. Add some with 'samehand add'.")
        return
    obj.result(
        reports_table(found) if found else "",
        lambda: [
            {
                "id": r.id,
                "title": r.title,
                "publisher": r.publisher,
                "kind": r.kind,
                "use": r.use,
                "known_at": r.known_at,
                "tlp": r.tlp,
                "grade": r.grade,
                "known_actor": r.known_actor,
                "observations": len(r.observations),
                "claims": len(r.claims),
            }
            for r in found
        ],
    )


@main.command()
@click.argument("identifier", metavar="ID")
@_also_local
@click.pass_obj
def show(obj: Context, identifier: str) -> None:
    """Show what was read from one report, and from where."""
    from samehand.render.text import report_page
    from samehand.store.duckdb import Store

    with Store(obj.workspace, read_only=True) as store:
        report, origin = store.report(identifier)
    obj.result(
        report_page(report, origin, obj.parameters().default_grade, obj.verbose), lambda: report
    )


@main.command()
@click.option("--as-of", type=Day(), help="Only what was known by then.")
@click.option(
    "--without",
    multiple=True,
    metavar="ID",
    help="Leave out a report and every claim whose origin it is; repeatable.",
)
@click.option(
    "--prior",
    type=click.Choice(["feed", "case"]),
    default="feed",
    show_default=True,
    help="feed: reports that merely arrived. case: reports that you put together because "
    "they look alike (about 1 pair in 10).",
)
@click.option("--ceiling", type=_TLP, help="Only reports marked at most so.")
@click.option("--title", default="", help="Title of the assessment.")
@_also_local
@click.pass_obj
def analyse(
    obj: Context,
    as_of: date | None,
    without: tuple[str, ...],
    prior: str,
    ceiling: str | None,
    title: str,
) -> None:
    """Link, cluster and attribute the workspace; keep the assessment in it and print it."""
    from samehand.pipeline import Question
    from samehand.pipeline import analyse as run
    from samehand.render.text import summary

    question = Question(
        prior=prior,  # type: ignore[arg-type]  # a choice
        as_of=as_of,
        without=without,
        ceiling=(ceiling or "").upper(),
        title=title,
    )
    with obj.progress() as progress:
        assessment, problems = run(obj.workspace, obj.parameters(), question, progress)
    obj.problems(problems)
    obj.result(summary(assessment, obj.verbose), lambda: assessment)


def _latest(obj: Context) -> Assessment:
    from samehand.pipeline import latest

    return latest(obj.workspace)


@main.command()
@_also_local
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
@_also_local
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
@click.argument("campaign", required=False)
@_also_local
@click.pass_obj
def attribute(obj: Context, campaign: str | None) -> None:
    """Whose hand: ranked actors of the leading campaign, or of CAMPAIGN (its id or a report's)."""
    from samehand.counterfactual import attribution_of
    from samehand.errors import NotFoundError
    from samehand.pipeline import followed_campaign
    from samehand.render.text import attribution_text, claims_text, linchpins_text

    assessment = _latest(obj)
    if campaign:
        chosen = next(
            (c for c in assessment.campaigns if campaign == c.id or campaign in c.reports), None
        )
        if chosen is None:
            raise NotFoundError(
                f"no campaign {campaign!r} and no report of that id in the latest "
                "assessment; 'samehand campaigns' lists them"
            )
    else:
        chosen = followed_campaign(assessment) or next(iter(assessment.campaigns), None)
    found = attribution_of(assessment, chosen)
    if chosen is None or found is None:
        raise NotFoundError("the latest assessment attributes nothing")
    obj.result(
        f"{chosen.id} ({chosen.strength}): {', '.join(chosen.reports)}\n"
        f"{attribution_text(assessment, chosen, max(1, obj.verbose))}\n\n"
        f"WHAT PUBLISHERS CLAIM\n{claims_text(found)}\n\nWHAT IT RESTS ON\n"
        f"{linchpins_text(found, 20)}",
        lambda: [found] if campaign else assessment.attributions,
    )


@main.command()
@click.argument("report")
@click.option("--all", "everything", is_flag=True, help="All rows instead of the first 30.")
@_also_local
@click.pass_obj
def hunt(obj: Context, report: str, everything: bool) -> None:
    """What the other reports of the campaign of REPORT saw and it did not: what to look for.

    Rarest first: 'outside' counts independent reports outside the campaign that hold the value.
    """
    from samehand.pipeline import hunt_for
    from samehand.render.text import hunt_table

    campaign, rows = hunt_for(obj.workspace, obj.parameters(), report)
    if campaign is None or len(campaign.reports) < 2:
        text = f"{report} stands alone in the latest assessment; there is nothing to hunt for."
    elif not rows:
        text = "The other reports of its campaign saw no observable that this one lacks."
    else:
        text = (
            f"{campaign.id} ({campaign.strength}): {len(rows)} observables that {report} "
            f"lacks\n{hunt_table(rows, len(rows) if everything else 30)}"
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
@_also_local
@click.pass_obj
def compare(obj: Context, left: str, right: str, prior: str) -> None:
    """The waterfall of two reports: two record files, or two ids of the workspace."""
    from samehand.pipeline import compare as run
    from samehand.pipeline import one_report
    from samehand.render.text import link_page
    from samehand.store.duckdb import Store

    files = [Path(name) for name in (left, right)]
    others: list[Report] = []
    if all(f.is_file() for f in files):
        pair = [one_report(f) for f in files]
    else:
        with Store(obj.workspace, read_only=True) as store:
            pair = [store.report(name)[0] for name in (left, right)]
            others = store.reports()
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
@_also_local
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
    obj.result(
        f"#{decision.number} {decision.action} {' '.join(decision.subjects)}; run "
        "'samehand analyse' to see its effect",
        lambda: decision,
    )


@main.command()
@click.option(
    "-o",
    "--output",
    type=_FILE,
    required=True,
    help="File to write; .html or .json decides the form.",
)
@click.option(
    "--from",
    "saved",
    type=_FILE,
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
        _write(output, to_json(assessment))
    else:
        from samehand.render.html import render_html

        _write(output, render_html(assessment).encode())
    obj.say(f"written: {output}")


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
    stream: TextIO | None = None
    try:
        if output:
            try:
                stream = output.open("w", encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{output}: cannot be written ({error.strerror})") from error
        target = stream or sys.stdout
        with obj.progress() as progress:
            for row in rows(problems, progress):
                target.write(encoder.encode(row).decode() + "\n")
    finally:
        if stream:
            stream.close()
    raise SystemExit(obj.problems(problems))


_OUT = click.option("-o", "--output", type=_FILE, help="File instead of stdout.")
_BACKGROUND = click.option(
    "--background", type=_FILE, help="Unrelated reports that only inform rarity."
)


@predict.command("links")
@click.argument("records", type=_FILE, metavar="REPORTS.jsonl")
@click.option("--pairs", type=_FILE, help="JSON Lines with l and r: a line for each of them.")
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
@click.argument("records", type=_FILE, metavar="REPORTS.jsonl")
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
@click.argument("queries", type=_FILE, metavar="QUERIES.jsonl")
@click.option(
    "--reference",
    type=_FILE,
    help="Reports of known actors (label.actor); profiles and candidates come from here alone.",
)
@_BACKGROUND
@_OUT
@click.pass_obj
def predict_actors(
    obj: Context,
    queries: Path,
    reference: Path | None,
    background: Path | None,
    output: Path | None,
) -> None:
    """Ranked actors of each query: id, decision, naming, none, planted, hypotheses."""
    from samehand.predict import predict_actors as run

    _lines(
        obj,
        lambda problems, progress: run(
            queries, obj.parameters(), problems, reference, background, progress
        ),
        output,
    )
