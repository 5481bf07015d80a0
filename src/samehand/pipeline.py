"""Store and core together: what each command does, without parsing or printing."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from samehand.assessment import assess, from_json, to_json
from samehand.case import Options, Progress, pair_evidence, prepare
from samehand.compare.claims import with_roots
from samehand.compare.copies import fold_address
from samehand.config import Parameters, PriorPreset
from samehand.counterfactual import complete, follow, restrict, timeline_days
from samehand.coverage import HuntRow, hunt
from samehand.errors import InputError, NotFoundError, UsageError
from samehand.extract.review import feature_of, reviewed
from samehand.formats.records import Defaults, is_record_file
from samehand.link import draws, interval, make_link
from samehand.model import (
    Assessment,
    Campaign,
    Decision,
    Link,
    Problem,
    Report,
    ReportUse,
)
from samehand.read.document import Document
from samehand.store.duckdb import Added, Store
from samehand.store.journal import (
    Action,
    ReviewAction,
    append,
    journal_path,
    read_journal,
    replay,
    reviews,
)

if TYPE_CHECKING:
    from samehand.intake import Extraction, Task

#: Leave-one-out and the timeline run the whole analysis many times; beyond this many case reports
#: they are left out with a warning.
MAX_COUNTERFACTUAL_REPORTS = 100
#: At most this many days of the timeline, the latest.
MAX_TIMELINE_DAYS = 12


#: Largest page that is fetched from a web address, in bytes.
MAX_FETCHED_BYTES = 64 * 1024 * 1024


def _silent(stage: str, done: int, total: int) -> None:
    """Progress to nowhere."""


@dataclass(slots=True)
class Outcome:
    """What a command that reads files did."""

    added: Added = field(default_factory=lambda: Added((), (), ()))
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    skipped_files: int = 0
    """Files of a folder of a kind that is not read."""
    documents: dict[str, Document] = field(default_factory=dict)
    """Report id -> what it was extracted from."""
    repeated_documents: int = 0
    """Documents met again with the same name and text."""


def find_files(paths: Sequence[Path], outcome: Outcome) -> Iterator[Path]:
    """Files to read among the given files and folders; what cannot be read becomes a problem.

    In folders only files of a known kind are taken; a file that is named is always tried.
    """
    from samehand.intake import is_readable

    def failed(error: OSError) -> None:
        outcome.problems.append(
            Problem(str(error.filename), f"folder cannot be read ({error.strerror})")
        )

    for path in paths:
        try:
            folder, exists = path.is_dir(), path.exists()
        except OSError as error:
            outcome.problems.append(Problem(str(path), f"cannot be read ({error.strerror})"))
            continue
        if folder:
            for place, names, files in os.walk(path, onerror=failed):
                names.sort()
                for name in sorted(files):
                    file = Path(place) / name
                    if is_readable(file):
                        yield file
                    else:
                        outcome.skipped_files += 1
        elif not exists:
            outcome.problems.append(Problem(str(path), "no such file or folder"))
        else:
            yield path


def is_address(path: Path | str) -> bool:
    """Whether an argument is a web address and no file."""
    return str(path).startswith(("http:/", "https:/"))


def _fetched(address: str, folder: Path, outcome: Outcome) -> Path | None:
    """The file behind a web address that the user named, in a folder of ours."""
    from samehand.knowledge.update_transfer import (
        AbsentError,
        RefusedError,
        UnreachableError,
        download,
    )

    # click makes a path of it, which turns the two slashes into one
    address = re.sub(r"^(https?):/+", r"\1://", address)
    name = re.sub(r"[^\w.-]+", "_", urlsplit(address).path.rpartition("/")[2])[-80:] or "page.html"
    place = folder / str(len(list(folder.iterdir()))) / name
    try:
        place.parent.mkdir()
        download(address, place, name, limit_bytes=MAX_FETCHED_BYTES, plain=True)
    except (AbsentError, RefusedError, UnreachableError, OSError, ValueError) as error:
        outcome.problems.append(Problem(address, f"cannot be fetched ({error}); nothing read"))
        return None
    return place


def printable(path: Path) -> str:
    """The name of a file as text that can be written anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "replace")


@contextmanager
def inputs(paths: Sequence[Path], outcome: Outcome) -> Iterator[dict[Path, str]]:
    """File to read -> what to call it; web addresses are fetched while this lasts."""
    with tempfile.TemporaryDirectory(prefix="samehand-") as folder:
        found: dict[Path, str] = {}
        for path in paths:
            if is_address(path):
                file = _fetched(str(path), Path(folder), outcome)
                if file is not None:
                    found[file] = re.sub(r"^(https?):/+", r"\1://", str(path))
            else:
                found.update((file, printable(file)) for file in find_files([path], outcome))
        yield found


def read_inputs(
    found: Mapping[Path, str], task: Task, outcome: Outcome, progress: Progress = _silent
) -> Iterator[tuple[str, Extraction | Report]]:
    """(name of the file, extraction or report) of what is readable; problems go to ``outcome``."""
    from samehand.intake import Extraction, read_all

    outcome.files += len(found)
    for path, items in read_all(list(found), task, progress):
        name = found[path]
        for item in items:
            if isinstance(item, Problem):
                place = item.place.replace(str(path), name)
                outcome.problems.append(replace(item, place=place))
            elif isinstance(item, Extraction) and name != str(path):
                document = item.document
                yield (
                    name,
                    replace(
                        item,
                        document=replace(
                            document,
                            name=document.name.replace(str(path), name),
                            url=document.url or (name if is_address(name) else ""),
                        ),
                    ),
                )
            else:
                yield name, item


def read_files(
    paths: Sequence[Path],
    use: ReportUse,
    defaults: Defaults,
    outcome: Outcome,
    progress: Progress = _silent,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[Report, str]]:
    """(report, file) of every readable record and document; problems go to ``outcome``."""
    from samehand.extract.report import report_of
    from samehand.intake import Extraction, Task

    seen: dict[str, str] = {}
    task = Task(columns, use, defaults)
    with inputs(paths, outcome) as found:
        for name, item in read_inputs(found, task, outcome, progress):
            if isinstance(item, Extraction):
                made, problems = report_of(item.document, item.mentions, use=use, defaults=defaults)
                outcome.problems.extend(problems)
                if made is None:
                    continue
                outcome.documents[made.id] = item.document
                report = made
                if report.id in seen:
                    outcome.repeated_documents += 1
                    continue
            else:
                report = item
            if report.id in seen:
                outcome.problems.append(
                    Problem(
                        f"{name}, report {report.id}",
                        f"this id was already read from {seen[report.id]}; the first is used. "
                        "Give each report its own id.",
                    )
                )
                continue
            seen[report.id] = name
            if use == "reference" and not report.known_actor:
                outcome.problems.append(
                    Problem(
                        f"{name}, report {report.id}",
                        "a reference report without label.actor: it informs rarity, but builds "
                        "no profile",
                        "warning",
                    )
                )
            yield report, name


def add(
    workspace: Path,
    paths: Sequence[Path],
    use: ReportUse = "case",
    defaults: Defaults = Defaults(),
    progress: Progress = _silent,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Outcome:
    """Read files into a workspace; adding the same thing twice changes nothing.

    Raises:
        StoreError: if the workspace cannot be used.
    """
    outcome = Outcome()
    with Store(workspace):
        pass  # a missing or busy workspace is said before a long read
    found = list(read_files(paths, use, defaults, outcome, progress, columns))
    with Store(workspace) as store:
        outcome.added = store.add(found, outcome.documents)
    return outcome


def load(
    workspace: Path, as_of: date | None = None
) -> tuple[list[Report], list[Decision], list[Problem]]:
    """The reports of a workspace as the analyst's decisions leave them, and the decisions.

    Raises:
        StoreError: if the workspace or its journal cannot be used.
    """
    with Store(workspace, read_only=True) as store:
        reports = store.reports()
    decisions, problems = read_journal(journal_path(workspace))
    steps = reviews(decisions, as_of)
    return [reviewed(r, steps.get(r.id, ())) for r in reports], decisions, problems


def load_one(workspace: Path, identifier: str) -> tuple[Report, Report, str, Document | None]:
    """(the reviewed report, the report as read, its file, its document) of one report.

    Raises:
        NotFoundError: if there is none of that id.
    """
    with Store(workspace, read_only=True) as store:
        report, origin = store.report(identifier)
        document = store.document(report)
    decisions, _ = read_journal(journal_path(workspace))
    return reviewed(report, reviews(decisions).get(identifier, ())), report, origin, document


def review(
    workspace: Path, action: ReviewAction, report: str, kind: str, value: str, to: str, reason: str
) -> Decision:
    """Write a decision about one observable of a report into the journal.

    Raises:
        NotFoundError: if the report does not exist, or does not hold the value.
        UsageError: if the type is unknown or the value is none of its type.
    """
    held, _, _, _ = load_one(workspace, report)
    try:
        feature = feature_of(kind, value)
        if action == "review-retype":
            feature_of(to, feature.value)
    except KeyError as error:
        raise UsageError(
            f"{error.args[0]!r} is no type of observable; docs/records.md lists them"
        ) from error
    except ValueError as error:
        raise UsageError(f"{value!r} as {to or kind}: {error}") from error
    if action != "review-add" and all(o.feature != feature for o in held.observations):
        raise NotFoundError(
            f"{report} holds no {kind} {value!r}; 'samehand review {report}' lists what it holds"
        )
    subjects = [report, feature.kind, feature.value, *([to] if to else [])]
    return append(journal_path(workspace), action, subjects, reason)


@dataclass(frozen=True, slots=True)
class Question:
    """What `analyse` is asked."""

    prior: PriorPreset = "feed"
    as_of: date | None = None
    without: tuple[str, ...] = ()
    ceiling: str = ""
    title: str = ""
    timeline: tuple[date, ...] | None = None
    """Days of the timeline; `None` takes the months of publication."""


def answer(
    reports: Sequence[Report],
    parameters: Parameters,
    question: Question,
    decisions: Sequence[Decision] = (),
    progress: Progress = _silent,
) -> Assessment:
    """The full assessment of some reports: links, campaigns, attribution, linchpins, timeline.

    Decisions count from the day they were made, so belief as of a day is what it was.

    Raises:
        NotFoundError: if an id to leave out is not among the reports.
    """
    constraints = replay(decisions, question.as_of)
    known = {r.id for r in reports}
    origins = {c.origin for r in (*reports, *with_roots(reports)) for c in r.claims}
    for identifier in question.without:
        if not {identifier, fold_address(identifier)} & (known | origins):
            raise NotFoundError(
                f"--without {identifier}: no report of that id, and no claim with that origin"
            )
    left = restrict(
        reports, as_of=question.as_of, without=question.without, ceiling=question.ceiling
    )
    options = Options(
        prior=question.prior,
        as_of=question.as_of,
        without=question.without,
        ceiling=question.ceiling,
        intervals=True,
        title=question.title,
    )
    result = assess(left, parameters, options, constraints, progress=progress)
    case = [r for r in left if r.use == "case"]
    if not case:
        return replace(result, warnings=(*result.warnings, "no report is left to analyse"))
    if len(case) > MAX_COUNTERFACTUAL_REPORTS:
        return replace(
            result,
            warnings=(
                *result.warnings,
                f"{len(case)} case reports: linchpins and timeline are computed up to "
                f"{MAX_COUNTERFACTUAL_REPORTS} only",
            ),
        )
    days = question.timeline
    if days is None:
        days = tuple(timeline_days(left)[-MAX_TIMELINE_DAYS:])
    days = tuple(d for d in days if question.as_of is None or d <= question.as_of)
    return complete(
        left,
        result,
        parameters,
        options,
        lambda day: replay(decisions, day),
        None,
        days,
        progress=progress,
    )


def analyse(
    workspace: Path, parameters: Parameters, question: Question, progress: Progress = _silent
) -> tuple[Assessment, list[Problem]]:
    """Analyse a workspace, keep the assessment in it, and return it.

    Raises:
        StoreError: if the workspace cannot be used.
        NotFoundError: if it is empty, or an id to leave out is not in it.
    """
    reports, decisions, problems = load(workspace, question.as_of)
    if not reports:
        raise NotFoundError(f"{workspace} holds no reports yet. Add some with 'samehand add'.")
    result = answer(reports, parameters, question, decisions, progress)
    with Store(workspace) as store:
        store.save_assessment(to_json(result))
    return result, problems


def latest(workspace: Path) -> Assessment:
    """The assessment that the last `analyse` left in a workspace.

    Raises:
        NotFoundError: if there is none yet.
    """
    with Store(workspace, read_only=True) as store:
        return from_json(store.assessment(), str(workspace))


def decide(
    workspace: Path, action: Action, subjects: Sequence[str], reason: str, level: str
) -> Decision:
    """Write a decision about reports of a workspace into its journal.

    ``split ID`` alone means: apart from the rest of its campaign in the latest assessment.

    Raises:
        NotFoundError: if a report or the decision to undo does not exist.
        UsageError: if the subjects do not fit the action.
    """
    if action not in ("note", "undo"):
        with Store(workspace, read_only=True) as store:
            for identifier in subjects:
                store.report(identifier)
        if action == "split" and len(subjects) == 1:
            campaign = next(
                (
                    c
                    for c in latest(workspace).campaigns
                    if subjects[0] in c.reports and len(c.reports) > 1
                ),
                None,
            )
            if campaign is None:
                raise UsageError(
                    f"{subjects[0]} stands alone in the latest assessment; nothing to split"
                )
            subjects = [subjects[0], *(r for r in campaign.reports if r != subjects[0])]
    return append(
        journal_path(workspace), action, subjects, reason, "hand" if level == "hand" else "campaign"
    )


def hunt_for(
    workspace: Path, parameters: Parameters, report: str
) -> tuple[tuple[str, ...], str, tuple[HuntRow, ...]]:
    """(reports compared, how they belong, what they saw and the report did not).

    The report's campaign in the latest assessment; if it stands alone, the reports that one hand
    probably made as well.

    Raises:
        NotFoundError: if the report does not exist or nothing was analysed yet.
    """
    assessment = latest(workspace)
    with Store(workspace, read_only=True) as store:
        store.report(report)
    reports, _, _ = load(workspace)
    campaigns = [c for c in assessment.campaigns if report in c.reports]
    campaign = max(campaigns, key=lambda c: len(c.reports), default=None)
    if campaign is not None and len(campaign.reports) > 1:
        together, how = campaign.reports, f"{campaign.id} ({campaign.strength})"
    else:
        linked = [
            k.r if k.l == report else k.l
            for k in assessment.links
            if report in (k.l, k.r) and k.probability >= 0.5
        ]
        together, how = (report, *linked), "no campaign; linked by one hand with P of 50 % or more"
    case = prepare(reports, parameters)
    members = [m for m in together if m in case.profiles]
    if len(members) < 2:
        return (), how, ()
    return tuple(members), how, hunt(report, members, case.profiles, case.universe)


def compare(
    parameters: Parameters,
    left: Report,
    right: Report,
    others: Iterable[Report],
    prior: PriorPreset,
) -> Link:
    """The link of two reports, with its waterfall, beside whatever else is loaded.

    Raises:
        UsageError: if both are the same report.
    """
    if left.id == right.id:
        raise UsageError(f"both are the report {left.id!r}; give two different ones")
    rest = [r for r in others if r.id not in (left.id, right.id)]
    case = prepare([left, right, *rest], parameters, Options(prior=prior))
    evidence = pair_evidence(case, left.id, right.id)
    return replace(
        make_link(evidence, parameters), interval=interval(evidence, parameters, draws(parameters))
    )


def one_report(path: Path) -> Report:
    """The only report of a file.

    Raises:
        InputError: if it holds none, or more than one.
    """
    outcome = Outcome()
    found = [r for r, _ in read_files([path], "case", Defaults(), outcome)]
    if len(found) != 1:
        said = next((f" {problem}" for problem in outcome.problems), "")
        raise InputError(f"{path}: holds {len(found)} readable reports, one is needed.{said}")
    return found[0]


def cases_folder() -> Path:
    """The bundled cases: inside an installed package, or beside the sources.

    Raises:
        NotFoundError: if this installation carries none.
    """
    inside = Path(str(resources.files("samehand"))) / "cases"
    beside = Path(__file__).resolve().parents[2] / "cases"
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise NotFoundError("this installation carries no cases; install the full package")


def _records_in(place: Path) -> list[Path]:
    """The record files in a folder of a case; what describes it is no part of it."""
    return [f for f in sorted(place.rglob("*")) if is_record_file(f)] if place.is_dir() else [place]


def load_case(folder: Path) -> tuple[list[Report], Question, list[Problem]]:
    """The reports, the question and the problems of a case folder (see its case.toml).

    Raises:
        InputError: if the folder has no readable case.toml.
    """
    manifest = folder / "case.toml"
    try:
        raw = tomllib.loads(manifest.read_text(encoding="utf-8"))
        days = tuple(date.fromisoformat(d) for d in raw.get("timeline", ()))
    except (OSError, tomllib.TOMLDecodeError, ValueError) as error:
        raise InputError(f"{manifest}: cannot be read as a case ({error})") from error
    outcome = Outcome()
    reports = [r for r, _ in read_files(_records_in(folder), "case", Defaults(), outcome)]
    if "reference" in raw:
        reports += [
            r
            for r, _ in read_files(
                _records_in(folder / raw["reference"]), "reference", Defaults(), outcome
            )
        ]
    question = Question(
        prior=raw.get("prior", "case"), title=raw.get("title", folder.name), timeline=days or None
    )
    return reports, question, outcome.problems


def followed_campaign(assessment: Assessment) -> Campaign | None:
    """The campaign that pages lead with: the one the timeline follows, else the largest.

    Among campaigns of several reports the one with most witnesses comes first; `None` if every
    report stands alone.
    """
    if assessment.timeline and assessment.timeline[-1].campaign:
        return follow(assessment, assessment.timeline[-1].campaign)
    return next((c for c in assessment.campaigns if len(c.reports) > 1), None)
