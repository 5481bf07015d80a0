"""The analyst's decisions about single observables, replayed on whatever extraction found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from samehand.formats.records import observation_id
from samehand.formats.statements import activity_of
from samehand.model import Claim, Decision, Fact, Feature, Observation, Report
from samehand.normalise import canonical, technique

ANALYST = "analyst"
#: What review calls a claim; its value is the claim's id.
CLAIM = "claim"
#: Facts that a report lists by themselves; countries and sectors are observations.
FACTS = ("organisation", "window", "money", "motive")


def spoken_of(said: Claim | Fact) -> Feature:
    """How a decision names a claim or a fact."""
    return Feature(CLAIM, said.id) if isinstance(said, Claim) else Feature(said.what, said.value)


def feature_of(kind: str, value: str) -> Feature:
    """The feature that an analyst means.

    Raises:
        KeyError: if there is no such type.
        ValueError: if the value is not one of its type.
    """
    if kind == CLAIM or kind in FACTS:
        return Feature(kind, value)
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


@dataclass(slots=True)
class _Row:
    """An observation as it was read (`None`: added by hand), and as it is now (`None`: gone)."""

    raw: Observation | None
    now: Observation | None

    def meant_by(self, feature: Feature) -> Observation | None:
        """The observation that a decision about a value speaks of: as it is now, or as read."""
        return next((o for o in (self.now, self.raw) if o and o.feature == feature), None)


def _apply(rows: list[_Row], step: Decision) -> None:
    """One decision; one about a value that is not there changes nothing."""
    report, kind, value, *more = step.subjects
    meant = Feature(kind, value)
    if step.action == "review-add":
        role = more[0] if more else ""
        if not any(r.now and r.now.feature == meant and r.now.status == "added" for r in rows):
            added = Observation(
                observation_id(report, meant, "", role), report, meant, value, role,
                extractor=ANALYST, status="added",
            )  # fmt: skip
            rows.append(_Row(None, added))
        return
    for row in rows:
        observation = row.meant_by(meant)
        if observation is None:
            continue
        if step.action == "review-accept":
            row.now = replace(observation, status="accepted")
        elif step.action == "review-role":
            row.now = _changed(observation, meant, more[0], "accepted")
        elif step.action == "review-retype":
            row.now = _changed(observation, feature_of(more[0], value), observation.role, "retyped")
        elif step.action == "review-reject":
            row.now = None


def reviewed(report: Report, steps: Sequence[Decision]) -> Report:
    """The report as the analyst's decisions leave it; rejected observations are gone.

    The last decision about a value counts: what was rejected or retyped can be accepted again.
    """
    if not steps:
        return report
    last = {Feature(*step.subjects[1:3]): step.action for step in steps}

    def stands(said: Claim | Fact) -> bool:
        return last.get(spoken_of(said)) != "review-reject"

    facts = tuple(f for f in report.facts if stands(f))
    rows = [_Row(o, o) for o in report.observations]
    for step in steps:
        _apply(rows, step)
    return replace(
        report,
        observations=tuple({r.now.id: r.now for r in rows if r.now is not None}.values()),
        claims=tuple(c for c in report.claims if stands(c)),
        facts=facts,
        activity=report.activity if facts == report.facts else activity_of(facts, report.published),
    )
