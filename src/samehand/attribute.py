"""Campaign to ranked hypotheses: open-set Bayes with 'none of the known' and 'planted'.

The hypotheses are the known actors that have a loaded profile or are named in a standing claim;
every other known actor stays inside 'none of the known'. Priors come from the world's activity,
so loading a profile never moves another actor's prior (docs/method.md, "Attribution").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from samehand.ach import compete
from samehand.compare.actors import ANYONE, NONE, Piece, Scene
from samehand.compare.channels import Channel
from samehand.compare.hearing import hear, standing_claims
from samehand.ledger import Judged, ledger, share_of
from samehand.likelihood import estimative_words, house_words
from samehand.model import (
    Attribution,
    Hypothesis,
    Interval,
    StatedClaim,
    Strength,
)
from samehand.naming import confidence, enough_of, leader_of, naming_of, origins_of
from samehand.normalise import name_key
from samehand.posterior import Posterior, heard_of, inclusive, make_priors, posterior
from samehand.score import Draw

#: Compared reports tried one by one for analytic confidence.
_MOST_ORIGINS = 12
#: States below this probability are left out.
_LEAST_STATE = 0.01


@dataclass(frozen=True, slots=True)
class Membership:
    """How a campaign came about, as attribution needs it."""

    id: str
    strength: Strength
    reports: tuple[str, ...]
    belongs: Mapping[str, float]
    """report -> mean campaign probability with the other witnesses; 1 when alone."""


def hypotheses_of(
    scene: Scene,
    rows: Sequence[Piece],
    everybody: bool = False,
    channels: Sequence[Channel] = (),
) -> set[str]:
    """The actors that get a hypothesis of their own, with what contains them."""
    explicit = {a for a in scene.memory.by_actor if a in scene.world.actors}
    explicit |= {p.actor for p in rows} - {NONE, ANYONE}
    if everybody:
        explicit |= set(scene.world.actors)
    explicit |= {a for channel in channels for a in channel.odds if a in scene.world.actors}
    return explicit | {a for name in explicit for a in scene.world.ancestors(name)}


def known_at_of(scene: Scene, members: Iterable[str]) -> date | None:
    """The day from which the last of some reports is known."""
    known = [scene.profiles[m].report.known_at for m in members]
    return max((d for d in known if d), default=None)


def _without(
    scene: Scene, members: Sequence[str], origin: str, explicit: Collection[str]
) -> Posterior:
    """What follows without a member, or without a reference report."""
    rows, channels = hear(scene, members, origin)
    left = [p for p in rows if origin not in p.origins]
    priors = make_priors(scene, explicit, known_at_of(scene, (m for m in members if m != origin)))
    return posterior(left, priors, scene.parameters, heard=heard_of(channels, priors))


def attribute(
    scene: Scene,
    campaign: Membership,
    *,
    draws: Sequence[Draw] = (),
    explicit_all: bool = False,
    most: int = 12,
) -> Attribution:
    """The attribution of one campaign, without linchpins (see `counterfactual`).

    Args:
        scene: profiles, rarity, memory of known actors and their world.
        campaign: its witnesses and how surely they belong.
        draws: parameter settings for the intervals; none gives no intervals.
        explicit_all: every known actor is a hypothesis, even without a profile (`predict`).
        most: how many hypotheses are kept.
    """
    parameters = scene.parameters
    members = sorted(m for m in campaign.reports if scene.copies.is_witness(m))
    known_at = known_at_of(scene, members)
    rows, channels = hear(scene, members)
    explicit = hypotheses_of(scene, rows, explicit_all, channels)
    priors = make_priors(scene, explicit, known_at)
    heard = heard_of(channels, priors)
    after = posterior(rows, priors, parameters, heard=heard)
    judged = Judged(rows, heard, priors, after, members)
    lead = leader_of(scene, after, explicit)

    membership, strongest, without = 1.0, "", after
    reduced: dict[str, Posterior] = {}
    if len(members) > 1 and lead:
        for member in members:
            reduced[member] = _without(scene, members, member, explicit)
        strongest = min(members, key=lambda m: (inclusive(reduced[m].actors, scene, lead), m))
        if campaign.strength == "proposed":
            without = reduced[strongest]
            membership = campaign.belongs.get(strongest, 1.0)

    def headline(values: Mapping[str, float], other: Mapping[str, float], name: str) -> float:
        return membership * inclusive(values, scene, name) + (1.0 - membership) * inclusive(
            other, scene, name
        )

    shown = {name: headline(after.actors, without.actors, name) for name in explicit}
    ranked = sorted(shown, key=lambda a: (-shown[a], a))
    drawn = [posterior(rows, priors, parameters, d, heard).actors for d in draws]
    ranges = {
        name: _range(inclusive(r, scene, name) for r in drawn) for name in ranked[:most] if drawn
    }
    hypotheses = []
    for name in ranked[:most]:
        parts = dict.fromkeys((name, *scene.world.descendants(name)), 1.0)
        prior_bits, lines, total_bits = ledger(scene, parts, judged)
        actor = scene.world.actors.get(name)
        hypotheses.append(
            Hypothesis(
                actor=name,
                level=actor.level if actor else "group",
                parent=actor.parent if actor else "",
                probability=shown[name],
                conditional_probability=inclusive(after.actors, scene, name),
                interval=ranges.get(name),
                likelihood_words=estimative_words(shown[name], calibrated=parameters.calibrated),
                house_words=house_words(shown[name]),
                prior_bits=prior_bits,
                contributions=lines,
                total_bits=total_bits,
                planted=sum(after.planted_as.get(n, 0.0) for n in parts),
            )
        )
    origins = origins_of(scene, rows, heard, lead)
    if draws:
        for origin in sorted(origins - set(members))[:_MOST_ORIGINS]:
            reduced[origin] = _without(scene, members, origin, explicit)
    enough = enough_of(scene, rows, heard, lead)
    naming = naming_of(scene, shown, ranked, campaign.strength, enough)
    analytic, basis = confidence(
        scene,
        rows,
        after,
        ranked[0] if ranked else "",
        origins,
        heard,
        reduced,
        ranges.get(ranked[0]) if ranked else None,
    )
    none = membership * after.none + (1.0 - membership) * without.none
    planted = membership * after.planted + (1.0 - membership) * without.planted
    return Attribution(
        campaign=campaign.id,
        naming=naming,
        decision=ranked[0] if naming == "named" else None,
        none=none,
        planted=planted,
        hypotheses=tuple(hypotheses),
        membership=membership,
        strongest_origin=strongest,
        analytic_confidence=analytic,
        confidence_basis=basis,
        linchpins=(),
        claims=_stated(scene, members),
        calibrated=parameters.calibrated,
        states=_states(scene, judged, known_at, drawn) if draws else (),
        ach=compete(scene, members, rows, after, ranked, channels) if draws else None,
    )


def _states(
    scene: Scene,
    judged: Judged,
    known_at: date | None,
    drawn: Sequence[Mapping[str, float]],
) -> tuple[Hypothesis, ...]:
    """Whom the hand serves: every state with the actors that are said to serve it by that day."""
    priors, after = judged.priors, judged.after
    shares: dict[str, dict[str, float]] = {}
    for name in priors.actors:
        state, weight = scene.world.serves(name, known_at)
        if state:
            shares.setdefault(state, {})[name] = weight
    found = []
    for state, parts in shares.items():
        value = share_of(after.actors, parts)
        if value < _LEAST_STATE:
            continue
        prior_bits, lines, total_bits = ledger(scene, parts, judged)
        found.append(
            Hypothesis(
                actor=state,
                level="state",
                parent="",
                probability=value,
                conditional_probability=value,
                interval=_range(share_of(r, parts) for r in drawn),
                likelihood_words=estimative_words(value, calibrated=scene.parameters.calibrated),
                house_words=house_words(value),
                prior_bits=prior_bits,
                contributions=lines,
                total_bits=total_bits,
                planted=sum(after.planted_as.get(n, 0.0) for n in parts),
            )
        )
    return tuple(sorted(found, key=lambda h: (-h.probability, h.actor)))


def _range(values: Iterable[float]) -> Interval:
    """From the 5th to the 95th percentile."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return Interval(ordered[round(0.05 * last)], ordered[round(0.95 * last)])


def _stated(scene: Scene, members: Sequence[str]) -> tuple[StatedClaim, ...]:
    """What publishers say, with grade and what became of it; attribution claims only."""
    profiles = [scene.profiles[m] for m in members]
    standing = standing_claims(scene, profiles)
    spoken = {
        (origin, name_key(claim.actor))
        for origin, rows in standing.items()
        for report, claim in rows
        if report.id == origin
    }
    by_claim = {c.id: p.report.id for p in scene.profiles.values() for c in p.report.claims}
    stated = []
    for profile in sorted(profiles, key=lambda p: (str(p.report.known_at or ""), p.report.id)):
        report = profile.report
        for claim in report.claims:
            if claim.relation not in ("attribution", "denial") or not claim.actor:
                continue
            if claim.id in scene.withdrawn:
                status = f"withdrawn by {by_claim.get(scene.withdrawn[claim.id], 'the publisher')}"
            elif claim.origin != report.id and (claim.origin, name_key(claim.actor)) in spoken:
                status = f"repeats {claim.origin}, no second vote"
            elif not scene.world.resolve(claim.actor, report.known_at, report.publisher):
                status = (
                    "denies an unknown actor, no effect"
                    if claim.relation == "denial"
                    else "counted for none of the known"
                )
            else:
                status = "counted"
            stated.append(
                StatedClaim(
                    claim=claim.id,
                    report=report.id,
                    publisher=report.publisher,
                    grade=report.grade or f"{scene.parameters.default_grade} (default)",
                    known_at=report.known_at.isoformat() if report.known_at else "",
                    about=claim.about,
                    actor=claim.actor,
                    words=claim.words,
                    first_hand=claim.first_hand,
                    origin=claim.origin,
                    denies=claim.relation == "denial",
                    status=status,
                )
            )
    return tuple(stated)
