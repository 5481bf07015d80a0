"""The command group with its global options, and what all commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from samehand import __version__
from samehand.errors import SamehandError, UsageError

if TYPE_CHECKING:
    from samehand.config import Parameters
    from samehand.model import Problem

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
    linkage_file: Path | None = None

    @property
    def fetched_knowledge(self) -> Path:
        """The folder of fetched knowledge that belongs to the workspace."""
        return self.workspace.parent / f"{self.workspace.stem or 'samehand'}.knowledge"

    def parameters(self) -> Parameters:
        """The parameters asked for."""
        from samehand.config import load_parameters

        return load_parameters(self.parameters_file, self.linkage_file)

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

    def warn_of_old_knowledge(self) -> None:
        """Say on stderr which lists of commonplace values were used past their date."""
        from samehand.knowledge.common import met, status

        today = date.today()  # noqa: DTZ011  # a calendar day, as the lists have it
        used = met()
        old = [row.list for row in status(today) if row.expired and row.list in used]
        if old:
            self.say(
                f"used past their date: {', '.join(old)} (lists of commonplace values). Update "
                "pymispwarninglists; 'samehand knowledge show' lists all dates."
            )

    def problems(self, problems: list[Problem]) -> int:
        """Report problems on stderr, and the exit code they mean."""
        from samehand.render.safe import defang_text

        errors = [p for p in problems if p.severity == "error"]
        listed = problems if self.verbose else problems[:20]
        for problem in listed:
            click.echo(
                f"{problem.severity}: {defang_text(str(problem), 600, hosts=False)}", err=True
            )
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


def clean_path(name: object) -> str:
    """A file name fit for a terminal."""
    from samehand.render.safe import clean

    return clean(str(name))


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
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{clean_path(error.filename)}: " if error.filename else ""
            click.echo(f"samehand: {place}{error.strerror or error}", err=True)
            ctx.exit(1)
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
        from samehand.formats.fields import parse_window

        if isinstance(value, date):
            return value
        try:
            return parse_window(str(value)).end
        except ValueError as error:
            self.fail(str(error), param, ctx)


FILE = click.Path(path_type=Path, readable=False)
TLP = click.Choice(["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"], case_sensitive=False)


@click.group(
    cls=Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="samehand")
@click.option(
    "--workspace",
    "-w",
    type=FILE,
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
    type=FILE,
    help="A parameter file instead of the bundled one.",
)
@click.option(
    "--linkage",
    "linkage_file",
    type=FILE,
    help="What 'samehand calibrate' fitted on your labels, instead of the bundled fit.",
)
@click.pass_context
def main(
    ctx: click.Context,
    workspace: Path,
    as_json: bool,
    quiet: bool,
    verbose: int,
    parameters_file: Path | None,
    linkage_file: Path | None,
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
    ctx.obj = Context(workspace, as_json, quiet, verbose, parameters_file, linkage_file)
    _choose_knowledge(ctx.obj)


def _choose_knowledge(context: Context) -> None:
    """Use the knowledge fetched beside the workspace; say so when something must be built."""
    from samehand.knowledge import cache
    from samehand.knowledge.sources import MANIFEST

    folder = context.fetched_knowledge
    cache.select(folder if (folder / MANIFEST).is_file() else None)
    cache.announce(context.say)


def also_local(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let --json and -v stand after the command as well."""

    def json_on(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.obj.json = True

    def more(ctx: click.Context, _: click.Parameter, value: int) -> None:
        ctx.obj.verbose = max(ctx.obj.verbose, value)

    def hush(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.obj.quiet = True

    command = click.option(
        "--quiet",
        "-q",
        is_flag=True,
        expose_value=False,
        callback=hush,
        help="No messages and no progress on stderr.",
    )(command)
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


def write(path: Path, data: bytes) -> None:
    """Write a result file whole or not at all.

    Raises:
        UsageError: if the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}). Choose another place with -o."
        ) from error
