"""Store and core together: what each command does, without parsing or printing."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path

from samehand.assessment import assess, from_json, to_json
from samehand.case import Options, Progress, pair_evidence, prepare
from samehand.compare.claims import with_roots
from samehand.compare.copies import fold_address
from samehand.config import Parameters, PriorPreset
from samehand.counterfactual import complete, follow, restrict, timeline_days
from samehand.coverage import HuntRow, hunt
from samehand.errors import InputError, NotFoundError, UsageError
from samehand.formats.records import Defaults, is_record_file, read_records
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
from samehand.store.duckdb import Added, Store
from samehand.store.journal import Action, append, journal_path, read_journal, replay

#: Leave-one-out and the timeline run the whole analysis many times; beyond this many case reports
#: they are left out with a warning.
MAX_COUNTERFACTUAL_REPORTS = 100
#: At most this many days of the timeline, the latest.
MAX_TIMELINE_DAYS = 12


def _silent(stage: str, done: int, total: int) -> None:
    """Progress to nowhere."""


@dataclass(slots=True)
class Outcome:
    """What a command that reads files did."""

    added: Added = field(default_factory=lambda: Added((), (), ()))
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    skipped_files: int = 0
    """Files of a folder that are no records."""


def find_files(paths: Sequence[Path], outcome: Outcome) -> Iterator[Path]:
    """Record files among the given files and folders; what cannot be read becomes a problem."""

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
                    if is_record_file(file):
                        yield file
                    else:
                        outcome.skipped_files += 1
        elif not exists:
            outcome.problems.append(Problem(str(path), "no such file or folder"))
        elif not is_record_file(path):
            outcome.problems.append(
                Problem(
                    str(path), "not a report record; this version reads .jsonl and .json, also .gz"
                )
            )
        else:
            yield path


def read_files(
    paths: Sequence[Path],
    use: ReportUse,
    defaults: Defaults,
    outcome: Outcome,
    progress: Progress = _silent,
) -> Iterator[tuple[Report, str]]:
    """(report, file) of every readable record; problems are gathered in ``outcome``."""
    files = list(find_files(paths, outcome))
    seen: dict[str, Path] = {}
    for number, file in enumerate(files):
        progress("reading", number, len(files))
        outcome.files += 1
        for item in read_records(file, use=use, defaults=defaults):
            if isinstance(item, Problem):
                outcome.problems.append(item)
            elif item.id in seen:
                outcome.problems.append(
                    Problem(
                        f"{file}, report {item.id}",
                        f"this id was already read from {seen[item.id]}; the first is used. "
                        "Give each report its own id.",
                    )
                )
            else:
                seen[item.id] = file
                if use == "reference" and not item.known_actor:
                    outcome.problems.append(
                        Problem(
                            f"{file}, report {item.id}",
                            "a reference report without label.actor: it informs rarity, but builds "
                            "no profile",
                            "warning",
                        )
                    )
                yield item, str(file)
    progress("reading", len(files), len(files))


def add(
    workspace: Path,
    paths: Sequence[Path],
    use: ReportUse = "case",
    defaults: Defaults = Defaults(),
    progress: Progress = _silent,
) -> Outcome:
    """Read record files into a workspace; adding the same thing twice changes nothing.

    Raises:
        StoreError: if the workspace cannot be used.
    """
    outcome = Outcome()
    with Store(workspace):
        pass  # a missing or busy workspace is said before a long read
    found = list(read_files(paths, use, defaults, outcome, progress))
    with Store(workspace) as store:
        outcome.added = store.add(found)
    return outcome


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
    with Store(workspace, read_only=True) as store:
        reports = store.reports()
    if not reports:
        raise NotFoundError(f"{workspace} holds no reports yet. Add some with 'samehand add'.")
    decisions, problems = read_journal(journal_path(workspace))
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
        reports = store.reports()
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
    items = list(read_records(path))
    found = [item for item in items if isinstance(item, Report)]
    if len(found) != 1:
        said = next((f" {item}" for item in items if isinstance(item, Problem)), "")
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
    reports = [r for r, _ in read_files([folder], "case", Defaults(), outcome)]
    if "reference" in raw:
        reports += [
            r for r, _ in read_files([folder / raw["reference"]], "reference", Defaults(), outcome)
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
