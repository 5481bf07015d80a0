"""Store and core together: what each command does, without parsing or printing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from samehand.assessment import assess, from_json, to_json
from samehand.case import Options, Progress, pair_evidence, prepare
from samehand.compare.claims import with_roots
from samehand.compare.copies import fold_address
from samehand.config import Parameters, PriorPreset
from samehand.counterfactual import complete, follow, restrict, timeline_days
from samehand.coverage import HuntRow, hunt
from samehand.errors import InputError, NotFoundError, UsageError
from samehand.extract.review import feature_of, reviewed, spoken_of
from samehand.formats.records import Defaults, is_record_file
from samehand.inputs import Outcome, read_files, silent
from samehand.link import make_link
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
from samehand.score import draws, interval
from samehand.store.duckdb import Store
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
    pass

#: Leave-one-out and the timeline run the whole analysis many times; beyond this many case reports
#: they are left out with a warning.
MAX_COUNTERFACTUAL_REPORTS = 100
#: At most this many days of the timeline, the latest.
MAX_TIMELINE_DAYS = 12


def add(
    workspace: Path,
    paths: Sequence[Path],
    use: ReportUse = "case",
    defaults: Defaults = Defaults(),
    progress: Progress = silent,
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
    workspace: Path,
    action: ReviewAction,
    report: str,
    values: Sequence[tuple[str, str]],
    to: str,
    reason: str,
) -> list[Decision]:
    """Write a decision about each (type, value) of a report into the journal: about all or none.

    Raises:
        NotFoundError: if the report does not exist, or does not hold a value.
        UsageError: if a type is unknown or a value is none of its type.
    """
    held, raw, _, _ = load_one(workspace, report)
    known = {o.feature for o in (*held.observations, *raw.observations)}
    said = {spoken_of(c) for c in raw.claims} | {spoken_of(f) for f in raw.facts}
    subjects = []
    for kind, value in values:
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
        if feature in said and action not in ("review-accept", "review-reject"):
            raise UsageError(f"a {kind} is accepted or rejected; its words are the publisher's")
        if action != "review-add" and feature not in known | said:
            raise NotFoundError(
                f"{report} holds no {kind} {value!r}; 'samehand review {report}' lists what it "
                "holds"
            )
        subjects.append([report, feature.kind, feature.value, *([to] if to else [])])
    return [append(journal_path(workspace), action, row, reason) for row in subjects]


@dataclass(frozen=True, slots=True)
class Question:
    """What `analyse` is asked."""

    prior: PriorPreset = "feed"
    as_of: date | None = None
    without: tuple[str, ...] = ()
    ceiling: str = ""
    title: str = ""
    catalogues: bool = False
    """See `Options`."""
    timeline: tuple[date, ...] | None = None
    """Days of the timeline; `None` takes the months of publication."""


def removable(reports: Sequence[Report], identifier: str) -> bool:
    """Whether an id is that of a report, or the origin of a claim."""
    names = {identifier, fold_address(identifier)}
    told = (c.origin for r in (*reports, *with_roots(reports)) for c in r.claims)
    return not names.isdisjoint(r.id for r in reports) or not names.isdisjoint(told)


def check_removable(reports: Sequence[Report], without: Sequence[str]) -> None:
    """Nothing, if every id to leave out is there.

    Raises:
        NotFoundError: if one is not.
    """
    for identifier in without:
        if not removable(reports, identifier):
            raise NotFoundError(
                f"--without {identifier}: no report of that id, and no claim with that origin"
            )


def answer(
    reports: Sequence[Report],
    parameters: Parameters,
    question: Question,
    decisions: Sequence[Decision] = (),
    progress: Progress = silent,
) -> Assessment:
    """The full assessment of some reports: links, campaigns, attribution, linchpins, timeline.

    Decisions count from the day they were made, so belief as of a day is what it was.

    Raises:
        NotFoundError: if an id to leave out is not among the reports.
    """
    constraints = replay(decisions, question.as_of)
    check_removable(reports, question.without)
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
        catalogues=question.catalogues,
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
    workspace: Path, parameters: Parameters, question: Question, progress: Progress = silent
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
