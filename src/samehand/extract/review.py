"""The analyst's decisions about single observables, replayed on whatever extraction found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samehand.formats.records import observation_id
from samehand.model import Decision, Feature, Observation, Report
from samehand.normalise import canonical, technique

ANALYST = "analyst"


def feature_of(kind: str, value: str) -> Feature:
    """The feature that an analyst means.

    Raises:
        KeyError: if there is no such type.
        ValueError: if the value is not one of its type.
    """
    if kind == "technique":
        return technique(value)
    if kind == "software":
        return Feature(kind, " ".join(value.casefold().split()))
    return canonical(kind, value)


def _changed(observation: Observation, feature: Feature, role: str, status: str) -> Observation:
    return replace(
        observation,
        id=observation_id(observation.report, feature, observation.batch, role),
        feature=feature,
        role=role,
        status=status,  # type: ignore[arg-type]  # one of the declared words
    )


def _applied(observations: list[Observation], step: Decision) -> list[Observation]:
    """The observations after one decision; one about a value that is not there changes nothing."""
    report, kind, value, *more = step.subjects
    meant = Feature(kind, value)
    if step.action == "review-add":
        role = more[0] if more else ""
        if any(o.feature == meant and o.status == "added" for o in observations):
            return observations
        added = Observation(
            observation_id(report, meant, "", role), report, meant, value, role,
            extractor=ANALYST, status="added",
        )  # fmt: skip
        return [*observations, added]
    left: list[Observation] = []
    for observation in observations:
        if observation.feature != meant:
            left.append(observation)
        elif step.action == "review-accept":
            left.append(replace(observation, status="accepted"))
        elif step.action == "review-role":
            left.append(_changed(observation, meant, more[0], "accepted"))
        elif step.action == "review-retype":
            left.append(
                _changed(observation, feature_of(more[0], value), observation.role, "retyped")
            )
    return list({o.id: o for o in left}.values())


def reviewed(report: Report, steps: Sequence[Decision]) -> Report:
    """The report as the analyst's decisions leave it; rejected observations are gone."""
    if not steps:
        return report
    observations = list(report.observations)
    for step in steps:
        observations = _applied(observations, step)
    return replace(report, observations=tuple(observations))
