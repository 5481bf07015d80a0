"""What `samehand attribute` answers: of a workspace or single files, and how firmly it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samehand.assessment import assess, belongs, make_scene_of
from samehand.attribute import Membership
from samehand.case import Options, Progress, link_and_cluster, prepare, silent
from samehand.config import Parameters
from samehand.counterfactual import attribution_of, leader, probability_of, restrict
from samehand.errors import InputError, NotFoundError
from samehand.formats.records import Defaults
from samehand.inputs import Outcome, read_files
from samehand.knowledge.actors import bundled_world
from samehand.likelihood import estimative_words
from samehand.model import Assessment, Campaign, Decision, Problem, Report
from samehand.pipeline import (
    Question,
    answer,
    check_removable,
    followed_campaign,
    latest,
    load,
    removable,
)
from samehand.store.journal import replay
from samehand.stress import Stress, stress


@dataclass(frozen=True, slots=True)
class Answer:
    """One campaign or report with the assessment that attributes it."""

    assessment: Assessment
    campaign: Campaign
    reports: tuple[Report, ...]
    """What was analysed, for what is asked next."""


def _leading(assessment: Assessment) -> Campaign | None:
    """The campaign that pages lead with; without one of several reports the clearest single."""
    return followed_campaign(assessment) or max(
        assessment.campaigns, key=lambda c: leader(attribution_of(assessment, c))[1], default=None
    )


def of_workspace(
    workspace: Path,
    parameters: Parameters,
    target: str,
    question: Question,
    progress: Progress = silent,
) -> Answer:
    """The leading campaign of a workspace, or that of an id; analysed anew where conditions ask so.

    Where every report stands alone, the one with the clearest answer.

    Nothing is kept: the latest assessment stays what `analyse` left.

    Raises:
        NotFoundError: if there is no such campaign or report, or nothing to attribute.
    """
    reports, decisions, _ = load(workspace, question.as_of)
    if question == Question():
        assessment = latest(workspace)
    else:
        assessment = answer(reports, parameters, question, decisions, progress)
    if target:
        found = [c for c in assessment.campaigns if target == c.id or target in c.reports]
        campaign = max(found, key=lambda c: len(c.reports), default=None)
        if campaign is None:
            raise NotFoundError(
                f"no campaign {target!r} and no report of that id in the assessment, and no such "
                "file; 'samehand campaigns' lists them"
            )
    else:
        campaign = _leading(assessment)
    if campaign is None or attribution_of(assessment, campaign) is None:
        raise NotFoundError("the assessment attributes nothing")
    left = restrict(
        reports, as_of=question.as_of, without=question.without, ceiling=question.ceiling
    )
    return Answer(assessment, campaign, tuple(left))


def of_file(
    path: Path,
    parameters: Parameters,
    question: Question,
    progress: Progress = silent,
) -> tuple[list[Answer], list[Problem]]:
    """Every report of a file, each on its own, against bundled knowledge.

    Raises:
        InputError: if the file holds no readable report, or the conditions leave none.
        NotFoundError: if an id to leave out is not there.
    """
    outcome = Outcome()
    read = [r for r, _ in read_files([path], "case", Defaults(), outcome)]
    if not read:
        said = next((f" {problem}" for problem in outcome.problems), "")
        raise InputError(f"{path}: holds no report that could be attributed.{said}")
    check_removable(read, question.without)
    found = restrict(read, as_of=question.as_of, ceiling=question.ceiling)
    answers = []
    for number, report in enumerate(found):
        gone = tuple(w for w in question.without if removable([report], w))
        assessment = answer([report], parameters, replace(question, without=gone))
        own = [c for c in assessment.campaigns if report.id in c.reports]
        if own:
            answers.append(Answer(assessment, own[0], (report,)))
        progress("attributing", number + 1, len(found))
    if not answers:
        day = f" known by {question.as_of}" if question.as_of else ""
        raise InputError(
            f"{path}: of {len(read)} reports none{day} is left to attribute under these conditions."
        )
    return answers, outcome.problems


def stress_of(parameters: Parameters, asked: Answer, question: Question) -> Stress | None:
    """How easily an answer could be made wrong."""
    options = Options(question.prior, question.as_of, catalogues=question.catalogues)
    case = prepare(asked.reports, parameters, options)
    links, _, _ = link_and_cluster(case)
    campaign = asked.campaign
    members = [m for m in campaign.reports if m in case.profiles and case.copies.is_witness(m)]
    held = belongs(case, members, {(k.l, k.r): k for k in links})
    membership = Membership(campaign.id, campaign.strength, campaign.reports, held)
    return stress(make_scene_of(case, bundled_world(), options), membership)


def under_ceiling(
    reports: Sequence[Report],
    decisions: Sequence[Decision],
    parameters: Parameters,
    question: Question,
    result: Assessment,
) -> str:
    """Whether the leading answer stands without what is marked above the ceiling, in words.

    For the analyst who holds it all; it enters no document.
    """
    options = Options(question.prior, question.as_of, catalogues=question.catalogues)
    everything = restrict(reports, as_of=question.as_of, without=question.without)
    whole = assess(everything, parameters, options, replay(decisions, question.as_of))
    gone = {r.id for r in whole.reports} - {r.id for r in result.reports}
    if not gone:
        return f"nothing is marked above TLP:{question.ceiling}; the answer is the same"
    count = "report" if len(gone) == 1 else f"{len(gone)} reports"
    said = f"without the {count} marked above TLP:{question.ceiling} the answer"
    before, after = (attribution_of(a, _leading(a)) for a in (whole, result))
    actor, value = leader(before)
    if not actor:
        return f"{said} is the same: nobody leads in either"
    now = probability_of(after, actor)
    old, new = (estimative_words(v, calibrated=parameters.calibrated) for v in (value, now))
    other, _ = leader(after)
    if other != actor:
        return f"{said} does not stand: {other or 'nobody'} leads instead of {actor}"
    if old != new:
        return f"{said} does not stand: {actor} goes from {old} to {new}"
    return f"{said} stands: {actor} leads and stays {new}"
