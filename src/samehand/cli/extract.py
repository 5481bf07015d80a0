"""Commands about single observables: `samehand extract` and `samehand review`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samehand.cli.base import FILE, Context, also_local, main
from samehand.errors import UsageError

if TYPE_CHECKING:
    from samehand.render.extract import ReviewRow

_MAP_HELP = (
    "Type of a column of a table, as in --map Indicator=domain-name; repeatable. Without it the "
    "header and the values decide."
)


def columns_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """Column -> type from 'column=type'.

    Raises:
        UsageError: if one is not of that form, or the type is unknown.
    """
    from samehand.config import types_table

    known = {name for name, row in types_table().items() if not row.derived}
    columns = {}
    for pair in pairs:
        column, equals, kind = pair.rpartition("=")
        if not equals or not column or kind not in known:
            raise UsageError(
                f"--map {pair!r}: write column=type with one of the types "
                f"{', '.join(sorted(known))}"
            )
        columns[column] = kind
    return columns


@main.command()
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="FILE|DIR…")
@click.option("--map", "columns", multiple=True, metavar="COLUMN=TYPE", help=_MAP_HELP)
@click.option("--observables", "only", is_flag=True, help="Leave the prose unread; faster.")
@also_local
@click.pass_obj
def extract(obj: Context, paths: tuple[Path, ...], columns: tuple[str, ...], only: bool) -> None:
    """Observables in files of any supported kind, with role and place; needs no workspace.

    Out of the prose come names of actors and malware, claims of who did it with their words of
    confidence, victims, dates and money, and ATT&CK techniques in the order of the text.

    Reads PDF, HTML, DOCX, Markdown, AsciiDoc, text, e-mail, YARA rules, CSV, archives of these,
    STIX bundles, MISP events and report records; folders as a whole. What is written defanged is
    refanged in --json and shown defanged otherwise. Nothing is fetched unless you name a web
    address, and nothing found is ever contacted.

    --json: one object {"file", "format", …, "names", "claims", "facts", "techniques", "steps",
    "observables": [{"type", "value", "raw", "role", "start", "end", "page", …}]} for a single
    document, else a list of them. "start" and "end"
    count characters of the document's text; text files are not changed, so there they count
    characters of the file.

    \b
    samehand extract report.pdf
    samehand extract reports/ --json > observables.json
    samehand extract feed.csv --map Indicator=domain-name
    """  # noqa: D301  # click reads \b as "keep these lines"
    from samehand.inputs import Outcome, inputs, read_inputs
    from samehand.intake import Extraction, Task
    from samehand.render.extract import (
        extraction_json,
        extraction_text,
        report_json,
        report_text,
    )

    outcome = Outcome()
    chosen = Task(columns_of(columns), prose=not only)
    waiting: Iterator[bytes] | None = None  # the first: alone it is an object, else part of a list
    documents = 0
    out = sys.stdout.buffer

    def put(before: bytes, pieces: Iterator[bytes], after: bytes = b"") -> None:
        out.write(before)
        out.writelines(pieces)
        out.write(after)

    with obj.progress() as progress, inputs(paths, outcome) as found:
        for name, item in read_inputs(found, chosen, outcome, progress):
            documents += 1
            if not obj.json:
                text = (
                    extraction_text(item, obj.verbose)
                    if isinstance(item, Extraction)
                    else report_text(item, name)
                )
                click.echo(text if documents == 1 else "\n" + text)
                continue
            if waiting is not None:
                put(b"[" if documents == 2 else b",\n", waiting)
            waiting = (
                extraction_json(item) if isinstance(item, Extraction) else report_json(item, name)
            )
    if obj.json:
        if waiting is None:
            out.write(b"[]\n")
        elif documents == 1 and len(paths) == 1 and not paths[0].is_dir():
            put(b"", waiting, b"\n")
        else:
            put(b"[" if documents == 1 else b",\n", waiting, b"]\n")
        out.flush()
    elif not documents and not outcome.problems:
        obj.say("no file of a kind that is read")
    if outcome.skipped_files:
        obj.say(f"{outcome.skipped_files} files of other kinds skipped")
    raise SystemExit(obj.problems(outcome.problems))


#: Roles that extraction gives (docs/extract.md).
ROLES = (
    *("c2", "download", "phishing", "victim", "reference", "sinkhole", "benign", "malware"),
    "indicator",
)
_REVIEW_ACTIONS = ("list", "accept", "reject", "retype", "role", "add")


@main.command()
@click.argument("identifier", metavar="ID")
@click.argument("action", type=click.Choice(_REVIEW_ACTIONS), default="list")
@click.argument("items", nargs=-1, metavar="[NUMBER|VALUE]…")
@click.option("--as", "to", default="", help="The new type (retype), or the role (role).")
@click.option("--type", "kind", default="", help="Type of what is added.")
@click.option("--role", default="", help="Role of what is added, such as c2.")
@click.option("--reason", default="", help="Why; kept with the decision.")
@also_local
@click.pass_obj
def review(
    obj: Context,
    identifier: str,
    action: str,
    items: tuple[str, ...],
    to: str,
    kind: str,
    role: str,
    reason: str,
) -> None:
    """List what was read from a report and decide about it; without an action: list.

    Claims, organisations, windows, sums and motives can be accepted or rejected; observables,
    techniques and software can also get another type or role.

    Decisions go to the journal beside the workspace, survive adding the file again, and are taken
    back with 'samehand decide undo NUMBER'. Items are numbers of the list (3, 5-9, all) or values.

    \b
    samehand review REPORT
    samehand review REPORT reject 4 7-9 --reason "names of test files"
    samehand review REPORT retype 4 --as file:name
    samehand review REPORT role 2 --as victim
    samehand review REPORT add --type domain-name --role c2 evil.example
    """  # noqa: D301
    from samehand.pipeline import load_one
    from samehand.pipeline import review as decide
    from samehand.render.extract import review_rows, review_text
    from samehand.render.safe import defang

    report, raw, _, _ = load_one(obj.workspace, identifier)
    if action == "list":
        if items:
            raise UsageError("name an action before the items: accept, reject, retype, role, add")
        rows = review_rows(raw, report)
        text = review_text(raw, report) if rows else f"{identifier} holds nothing to review"
        obj.result(text, lambda: report.observations)
        return
    if not items:
        raise UsageError(f"'{action}' needs at least one number or value")
    if (action in ("retype", "role")) != bool(to):
        raise UsageError("--as belongs to retype and role, which need it")
    chosen = to if action == "role" else role
    if chosen and chosen not in ROLES:
        raise UsageError(f"{chosen!r} is no role; known: {', '.join(ROLES)}")
    if (action == "add") != bool(kind):
        raise UsageError("--type belongs to add, which needs it")
    made = decide(
        obj.workspace,
        f"review-{action}",  # type: ignore[arg-type]  # one of the actions
        identifier,
        _chosen(review_rows(raw, report), action, items, kind),
        to or role,
        reason,
    )
    obj.result(
        "\n".join(
            f"#{d.number} {d.action.removeprefix('review-')} {d.subjects[1]} "
            f"{defang(d.subjects[1], d.subjects[2])}"
            for d in made
        ),
        lambda: made,
    )


def _chosen(
    rows: list[ReviewRow], action: str, items: tuple[str, ...], kind: str
) -> list[tuple[str, str]]:
    """(type, value) of the items that a user names by number or value."""
    from samehand.normalise import refang
    from samehand.render.extract import numbers_of

    if action == "add":
        return [(kind, value) for value in items]
    found: list[tuple[str, str]] = []
    for item in items:
        try:
            numbers = numbers_of([item], len(rows))
        except ValueError:
            wanted = {item.strip(), item.strip().lower(), refang(item), refang(item).lower()}
            held = [o.feature for o in rows if o.feature.value in wanted or o.raw == item]
            if not held:
                raise UsageError(
                    f"{item!r} is neither a number of the list (1-{len(rows)}) nor a value in it"
                ) from None
            found.extend((f.kind, f.value) for f in held)
        else:
            found.extend((rows[n - 1].feature.kind, rows[n - 1].feature.value) for n in numbers)
    return list(dict.fromkeys(found))
