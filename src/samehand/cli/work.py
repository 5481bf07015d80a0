"""Commands that make, fill and analyse a workspace."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samehand.cli.base import FILE, TLP, Context, Day, also_local, main, write
from samehand.errors import UsageError

if TYPE_CHECKING:
    pass


@main.command()
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("samehand-demo"),
    show_default=True,
    help="Folder for report.html and assessment.json.",
)
@also_local
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
    write(output / "assessment.json", to_json(assessment))
    write(output / "report.html", render_html(assessment).encode())
    obj.result(summary(assessment, obj.verbose), lambda: assessment)
    code = obj.problems([p for p in problems if p.severity == "error"])
    obj.say(f"\nWritten: {output / 'report.html'} and {output / 'assessment.json'}")
    raise SystemExit(code)


@main.command()
@click.argument("directory", type=FILE, required=False)
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
@click.argument("paths", type=FILE, nargs=-1, required=True)
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
@click.option("--tlp", type=TLP, help="Marking where a record has none.")
@click.option("--grade", default="", help="Admiralty grade where a record has none, such as B2.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=TYPE",
    help="Type of a column of a table, as in --map Indicator=domain-name; repeatable.",
)
@also_local
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
    columns: tuple[str, ...],
) -> None:
    """Read reports from files and folders into the workspace.

    Documents (PDF, HTML, DOCX, Markdown, AsciiDoc, text, e-mail, YARA rules, CSV, archives of
    these), STIX bundles, MISP events and report records (.jsonl, .json, also .gz). A web address
    is fetched, because you name it. A document without a marking is TLP:AMBER.

    Adding the same thing twice changes nothing. What cannot be read is named with file and place,
    and the rest is added.
    """
    from samehand.cli.extract import columns_of
    from samehand.formats.fields import parse_window
    from samehand.formats.records import Defaults
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
            columns_of(columns),
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
@also_local
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
@also_local
@click.pass_obj
def show(obj: Context, identifier: str) -> None:
    """Show what was read from one report, and from where; a document with extractions marked.

    Below it: names, victims, dates, techniques in their order, and claims of its prose.
    """
    from samehand.extract.observables import extract
    from samehand.extract.prose import read_prose
    from samehand.pipeline import load_one
    from samehand.render.extract import decided, marked_text, prose_text
    from samehand.render.text import report_page

    report, raw, origin, document = load_one(obj.workspace, identifier)
    page = report_page(report, origin, obj.parameters().default_grade, obj.verbose)
    if document is not None and not obj.json:
        mentions = extract(document)
        prose = read_prose(document.text, document.published)
        page += "\n\n" + "\n".join(marked_text(document, mentions, decided(report, raw), prose))
        told = prose_text(prose, document.text, obj.verbose)
        if told:
            page += "\n\nWHAT THE PROSE SAYS\n" + "\n".join(told)
    obj.result(page, lambda: report)


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
@click.option("--ceiling", type=TLP, help="Only reports marked at most so.")
@click.option(
    "--catalogues",
    is_flag=True,
    help="Hear what catalogues write of known actors, too: in the texts of reports, and ATT&CK's "
    "groups where no reference report is loaded. They bear no dates, so not with --as-of.",
)
@click.option("--title", default="", help="Title of the assessment.")
@also_local
@click.pass_obj
def analyse(
    obj: Context,
    as_of: date | None,
    without: tuple[str, ...],
    prior: str,
    ceiling: str | None,
    catalogues: bool,
    title: str,
) -> None:
    """Link, cluster and attribute the workspace; keep the assessment in it and print it."""
    from samehand.pipeline import Question
    from samehand.pipeline import analyse as run
    from samehand.render.text import summary

    if catalogues and as_of:
        raise UsageError("--catalogues with --as-of: what catalogues write bears no dates")
    question = Question(
        prior=prior,  # type: ignore[arg-type]  # a choice
        as_of=as_of,
        without=without,
        ceiling=(ceiling or "").upper(),
        title=title,
        catalogues=catalogues,
    )
    with obj.progress() as progress:
        assessment, problems = run(obj.workspace, obj.parameters(), question, progress)
    obj.problems(problems)
    obj.warn_of_old_knowledge()
    if ceiling:
        from samehand.attributing import under_ceiling
        from samehand.pipeline import load

        reports, decisions, _ = load(obj.workspace, as_of)
        said = under_ceiling(reports, decisions, obj.parameters(), question, assessment)
        obj.say(f"for you alone: {said}")
    obj.result(summary(assessment, obj.verbose), lambda: assessment)
