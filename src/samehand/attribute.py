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
from samehand.compare.actors import ANYONE, NONE, Piece, Scene, hear, standing_claims
from samehand.compare.channels import Channel
from samehand.config import Parameters
from samehand.likelihood import bits_from_probability, estimative_words, house_words
from samehand.model import (
    AnalyticConfidence,
    Attribution,
    Contribution,
    Hypothesis,
    Interval,
    Naming,
    StatedClaim,
    Strength,
)
from samehand.normalise import name_key
from samehand.posterior import (
    EPSILON,
    Posterior,
    Priors,
    by_group,
    channel_bits,
    group_bits,
    inclusive,
    make_priors,
    posterior,
    rest_of,
)
from samehand.score import Draw

#: An origin counts as independent support from this many bits on, resemblance apart.
_TELLING_BITS = 0.5
#: Compared reports tried one by one for analytic confidence.
_MOST_ORIGINS = 12
#: States below this probability are left out.
_LEAST_STATE = 0.01
#: Actors of a channel that get a hypothesis of their own, the likeliest first.
_MOST_HEARD = 30
_RESEMBLANCE = ("behaviour", "victimology", "provider")


def _related(scene: Scene, a: str, b: str) -> bool:
    return a in scene.world.ancestors(b) or b in scene.world.ancestors(a)


def _share(values: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """The probability of what holds some share of each element; never 0 or 1."""
    total = sum(values.get(name, 0.0) * share for name, share in shares.items())
    return min(1.0 - EPSILON, max(EPSILON, total))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A campaign's evidence and what follows from it."""

    rows: Sequence[Piece]
    channels: Sequence[Channel]
    priors: Priors
    after: Posterior
    members: Sequence[str]


def _ledger(
    scene: Scene, shares: Mapping[str, float], judged: _Judged
) -> tuple[float, tuple[Contribution, ...], float]:
    """Prior log2 odds of a node, its contributions, and their total.

    ``shares`` says how much of each element is the node. Evidence is that of the element that
    gained most; the last line is what the other hypotheses (and the other parts of the node) take
    or leave.
    """
    parameters = scene.parameters
    rows, priors, after = judged.rows, judged.priors, judged.after
    elements = [e for e in shares if e in priors.actors]
    lead = max(elements, key=lambda e: (after.actors.get(e, 0.0), e))
    prior_bits = bits_from_probability(_share(priors.actors, shares))
    total_bits = bits_from_probability(_share(after.actors, shares))
    lines: list[Contribution] = []
    grouped = by_group(rows)
    for who in (lead, ANYONE):
        for group, group_rows in sorted(grouped.get(who, {}).items()):
            lines.extend(_group_ledger(group, group_rows, parameters))
    for channel in judged.channels:
        lines.extend(_channel_ledger(channel, lead, priors))
    cited = tuple(dict.fromkeys(o for p in rows for o in p.observations)) or tuple(judged.members)
    rest = total_bits - prior_bits - sum(line.bits for line in lines)
    if abs(rest) > EPSILON:
        lines.append(
            Contribution(
                "the other hypotheses",
                "limit",
                rest,
                cited,
                "what the evidence gives to the other hypotheses is taken from this one",
                "limit",
            )
        )
    return prior_bits, tuple(lines), total_bits


def _channel_ledger(channel: Channel, actor: str, priors: Priors) -> list[Contribution]:
    """What a channel adds for an actor, line by line; its sum is `posterior.channel_bits`."""
    found = channel.odds.get(actor)
    if found is None:
        return []
    lines = [
        Contribution(
            line.text,
            channel.facet,
            line.bits,
            line.observations,
            f"{channel.name}, fitted",
            "evidence" if line.observations else "discount",
        )
        for line in found.lines
        if abs(line.bits) > EPSILON
    ]
    total = channel_bits(channel, actor, priors, rest_of(channel, priors))
    rest = total - sum(line.bits for line in lines)
    if abs(rest) > EPSILON:
        text, note = f"another prior ({channel.name})", "the channel was fitted with its own"
        lines.append(Contribution(text, channel.facet, rest, (), note, "discount"))
    return lines


def _group_ledger(group: str, rows: Sequence[Piece], parameters: Parameters) -> list[Contribution]:
    facet = rows[0].facet
    what = f" ({group})" if group != facet else ""
    ordered = sorted(rows, key=lambda p: (-p.bits, p.text))
    lines = [
        Contribution(p.text, p.facet, p.gross_bits, p.observations, "", p.role)  # type: ignore[arg-type]  # one of the roles by construction
        for p in ordered
        if p.gross_bits
    ]
    cited = tuple(dict.fromkeys(o for p in ordered for o in p.observations))
    steps = (
        (
            "source grade",
            "weight of the weaker source grade",
            sum(p.gross_bits * (p.rho - 1.0) for p in ordered),
        ),
        (
            "may be copied",
            "a holder is cited",
            sum(p.gross_bits * p.rho * (p.independence - 1.0) for p in ordered),
        ),
        (
            "time gap",
            "halves with every half-life between the sightings",
            sum(p.gross_bits * p.rho * p.independence * (p.decay - 1.0) for p in ordered),
        ),
    )
    for text, note, bits in steps:
        if abs(bits) > EPSILON:
            lines.append(Contribution(f"{text}{what}", facet, bits, cited, note, "discount"))
    face, ranked, kept = group_bits(rows, parameters)
    beta = 1.0 if group == "contradiction" else parameters.attribution["beta"]
    for text, note, bits, role in (
        (f"further items and origins count less{what}", "rank discount", ranked - face, "discount"),
        (f"tempering{what}", f"slope {beta:g}", ranked * (beta - 1.0), "discount"),
        (f"limit of one facet{what}", "saturation", kept - ranked * beta, "limit"),
    ):
        if abs(bits) > EPSILON:
            lines.append(Contribution(text, facet, bits, cited, note, role))  # type: ignore[arg-type]
    return lines


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
    for channel in channels:
        likely = sorted(channel.odds, key=lambda a: (-channel.odds[a].probability, a))
        explicit |= {a for a in likely[:_MOST_HEARD] if a in scene.world.actors}
    return explicit | {a for name in explicit for a in scene.world.ancestors(name)}


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
    members = [m for m in campaign.reports if scene.copies.is_witness(m)]
    known = [scene.profiles[m].report.known_at for m in members]
    known_at = max((d for d in known if d), default=None)
    rows, channels = hear(scene, members)
    explicit = hypotheses_of(scene, rows, explicit_all, channels)
    priors = make_priors(scene, explicit, known_at)
    after = posterior(rows, priors, parameters, channels=channels)
    heard = {
        c.name: {a: channel_bits(c, a, priors, rest) for a in c.odds if a in explicit}
        for c in channels
        for rest in (rest_of(c, priors),)
    }
    judged = _Judged(rows, channels, priors, after, members)
    lead = leader_of(scene, after, explicit)

    membership, strongest, without = 1.0, "", after
    reduced: dict[str, Posterior] = {}
    if len(members) > 1 and lead:
        for member in members:
            rest, others = hear(scene, members, member)
            reduced[member] = posterior(rest, priors, parameters, channels=others)
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
    ranges = _intervals(rows, channels, priors, scene, draws, ranked[:most])
    hypotheses = []
    for name in ranked[:most]:
        parts = dict.fromkeys((name, *scene.world.descendants(name)), 1.0)
        prior_bits, lines, total_bits = _ledger(scene, parts, judged)
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
    evidence_origins = {
        origin
        for p in rows
        for origin in p.origins
        if lead
        and p.actor in (lead, *scene.world.descendants(lead))
        and p.group not in _RESEMBLANCE
        and p.bits >= _TELLING_BITS
    }
    for origin in sorted(evidence_origins - set(members))[:_MOST_ORIGINS]:
        rest = [p for p in rows if origin not in p.origins]
        reduced.setdefault(origin, posterior(rest, priors, parameters, channels=channels))
    # What fitted channels name was measured; without them two origins are asked for.
    enough = int(parameters.attribution["named_origins"]) if channels else 0
    naming = naming_of(scene, shown, ranked, campaign.strength, max(enough, len(evidence_origins)))
    confidence, basis = _confidence(
        scene,
        rows,
        after,
        ranked[0] if ranked else "",
        evidence_origins,
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
        analytic_confidence=confidence,
        confidence_basis=basis,
        linchpins=(),
        claims=_stated(scene, members),
        calibrated=parameters.calibrated,
        states=_states(scene, judged, known_at, draws) if draws else (),
        ach=compete(scene, members, rows, after, ranked, heard) if draws else None,
    )


def _states(
    scene: Scene, judged: _Judged, known_at: date | None, draws: Sequence[Draw]
) -> tuple[Hypothesis, ...]:
    """Whom the hand serves: every state with the actors that are said to serve it by that day."""
    rows, channels, priors = judged.rows, judged.channels, judged.priors
    after = judged.after
    shares: dict[str, dict[str, float]] = {}
    for name in priors.actors:
        state, weight = scene.world.serves(name, known_at)
        if state:
            shares.setdefault(state, {})[name] = weight
    results = [posterior(rows, priors, scene.parameters, d, channels).actors for d in draws]
    found = []
    for state, parts in shares.items():
        value = _share(after.actors, parts)
        if value < _LEAST_STATE:
            continue
        prior_bits, lines, total_bits = _ledger(scene, parts, judged)
        found.append(
            Hypothesis(
                actor=state,
                level="state",
                parent="",
                probability=value,
                conditional_probability=value,
                interval=_range(_share(r, parts) for r in results),
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


def leader_of(scene: Scene, after: Posterior, explicit: Collection[str]) -> str:
    """The most probable node; a group before its own parts when they are equal."""
    return max(
        sorted(explicit),
        key=lambda a: (inclusive(after.actors, scene, a), -len(scene.world.ancestors(a))),
        default="",
    )


def naming_of(
    scene: Scene,
    shown: Mapping[str, float],
    ranked: Sequence[str],
    strength: Strength,
    origins: int,
) -> Naming:
    """Named, leaning or undetermined; who is related to the leader is no runner-up."""
    numbers = scene.parameters.attribution
    if not ranked:
        return "undetermined"
    lead = ranked[0]
    runner_up = max((shown[a] for a in ranked[1:] if not _related(scene, lead, a)), default=0.0)
    ratio = shown[lead] / max(runner_up, EPSILON)
    if (
        shown[lead] >= numbers["named_probability"]
        and ratio >= numbers["named_ratio"]
        and strength == "merged"
        and origins >= numbers["named_origins"]
    ):
        return "named"
    if shown[lead] >= numbers["leaning_probability"] and ratio >= numbers["leaning_ratio"]:
        return "leaning"
    return "undetermined"


def _intervals(
    rows: Sequence[Piece],
    channels: Sequence[Channel],
    priors: Priors,
    scene: Scene,
    draws: Sequence[Draw],
    names: Sequence[str],
) -> dict[str, Interval]:
    if not draws:
        return {}
    results = [posterior(rows, priors, scene.parameters, d, channels).actors for d in draws]
    return {name: _range(inclusive(r, scene, name) for r in results) for name in names}


def _confidence(
    scene: Scene,
    rows: Sequence[Piece],
    after: Posterior,
    lead: str,
    origins: Collection[str],
    heard: Mapping[str, Mapping[str, float]],
    reduced: Mapping[str, Posterior],
    width: Interval | None,
) -> tuple[AnalyticConfidence, tuple[str, ...]]:
    """How good the basis is; says nothing about how probable the answer is."""
    numbers = scene.parameters.confidence
    if not lead:
        return "low", ("no known actor was compared",)
    elements = (lead, *scene.world.descendants(lead))
    best = max(elements, key=lambda e: (after.actors.get(e, 0.0), e))
    strong = [
        group
        for group, group_rows in by_group(rows).get(best, {}).items()
        if group_bits(group_rows, scene.parameters)[2] >= numbers["facet_bits"]
    ]
    strong += [name for name, bits in heard.items() if bits.get(best, 0.0) >= numbers["facet_bits"]]
    removed = [inclusive(p.actors, scene, lead) for p in reduced.values()]
    lowest = min(removed, default=inclusive(after.actors, scene, lead) if len(origins) > 1 else 0.0)
    basis = [
        f"kinds of evidence with {numbers['facet_bits']:g} bits or more: {len(strong)}"
        + (f" ({', '.join(sorted(strong))})" if strong else ""),
        f"independent origins: {len(origins)}, compared campaigns included",
        "one report only"
        if not removed
        else "nothing points clearly at one actor"
        if inclusive(after.actors, scene, lead) < numbers["moderate_probability"]
        else "it does not stand without one of the reports"
        if lowest < numbers["moderate_probability"]
        else "it stands without any one of them",
    ]
    stable = lowest >= numbers["moderate_probability"]
    narrow = width is not None and width.high - width.low <= numbers["high_width"]
    if width is not None and not narrow:
        basis.append("the range over plausible parameters is wide")
    if (
        len(strong) >= numbers["high_facets"]
        and len(origins) >= numbers["high_origins"]
        and stable
        and narrow
    ):
        return "high", tuple(basis)
    if len(strong) >= numbers["moderate_facets"] and stable:
        return "moderate", tuple(basis)
    return "low", tuple(basis)


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
