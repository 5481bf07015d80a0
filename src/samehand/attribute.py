"""Campaign to ranked hypotheses: open-set Bayes with 'none of the known' and 'planted'.

The hypotheses are the known actors that have a loaded profile or are named in a standing claim;
every other known actor stays inside 'none of the known'. Priors come from the world's activity,
so loading a profile never moves another actor's prior (docs/method.md, "Attribution").
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from samehand.compare.actors import (
    NONE,
    Piece,
    Scene,
    pieces,
    rarity_bits,
    standing_claims,
)
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
from samehand.score import Draw, discounted

_EPSILON = 1e-12
#: An origin counts as independent support from this many bits on, resemblance apart.
_TELLING_BITS = 0.5
#: Compared reports tried one by one for analytic confidence.
_MOST_ORIGINS = 12
_RESEMBLANCE = ("behaviour", "victimology", "provider")


@dataclass(frozen=True, slots=True)
class Priors:
    """Prior mass of every explicit hypothesis; all of it sums to 1."""

    actors: Mapping[str, float]
    """Own mass of a node, without its explicit parts."""
    none: float
    planted: Mapping[str, float]
    planted_rest: float
    """Planted to look like an actor that is no explicit hypothesis."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probability of every element; all of it sums to 1."""

    actors: Mapping[str, float]
    none: float
    planted: float


def make_priors(scene: Scene, explicit: Collection[str], known_at: date | None) -> Priors:
    """Priors over the explicit hypotheses, none of the known, and planted."""
    numbers = scene.parameters.attribution
    shares = scene.world.priors(known_at, scene.parameters)
    pi = numbers["planted_prior"]
    known_mass = (1.0 - pi) * (1.0 - numbers["none_prior"])
    own: dict[str, float] = dict.fromkeys(sorted(explicit), 0.0)
    for name, share in shares.items():
        # A part without a hypothesis of its own stays with the nearest explicit one above it.
        for holder in (name, *scene.world.ancestors(name)):
            if holder in own:
                own[holder] += known_mass * share
                break
    room = known_mass - sum(m for n, m in own.items() if n not in scene.world.extra)
    extra = sum(m for n, m in own.items() if n in scene.world.extra)
    if extra > room:  # however many unknown labels are loaded, none of the known keeps its least
        own = {n: m * room / extra if n in scene.world.extra else m for n, m in own.items()}
    # q_i (1 - P(H_i)): a scapegoat is somebody else; over all known actors it sums to pi.
    shown = {name: mass / known_mass * (1.0 - mass) for name, mass in own.items()}
    rest = max(0.0, 1.0 - sum(own.values()) / known_mass)
    scale = pi / ((sum(shown.values()) + rest) or 1.0)
    none = (1.0 - pi) - sum(own.values())
    return Priors(
        own,
        max(none, _EPSILON),
        {name: value * scale for name, value in shown.items()},
        rest * scale,
    )


def _gross(piece: Piece, alpha: float, draw: Draw) -> float:
    if piece.rarity is None or draw.kappa_factor == 1.0:
        return piece.gross_bits
    return rarity_bits(piece.rarity, alpha, draw.kappa_factor)


def group_bits(
    rows: Sequence[Piece], parameters: Parameters, draw: Draw = Draw()
) -> tuple[float, float, float]:
    """(face, ranked, kept) bits of one saturating group: sum, after rank discount, after cap."""
    numbers = parameters.attribution
    gamma = numbers["gamma"] if draw.gamma is None else draw.gamma
    beta = min(1.2, max(0.0, numbers["beta"] + draw.beta_shift))
    group = rows[0].group
    cap = numbers.get(f"{group}_cap_bits", numbers["facet_cap_bits"])
    batches: dict[str, list[float]] = {}
    against = 0.0
    for piece in rows:
        bits = _gross(piece, numbers["alpha"], draw) * piece.rho * piece.independence * piece.decay
        if bits < 0:
            against += bits
        else:
            batches.setdefault(piece.batch, []).append(bits)
    face = sum(sum(values) for values in batches.values()) + against
    ranked = discounted((discounted(v, gamma) for v in batches.values()), gamma) + against
    if group == "behaviour":  # capped before the slope, as in the pair score
        return face, ranked, beta * min(cap, ranked)
    return face, ranked, max(-cap, min(cap, beta * ranked))


def by_group(rows: Sequence[Piece]) -> dict[str, dict[str, list[Piece]]]:
    """Actor -> group -> its pieces."""
    found: dict[str, dict[str, list[Piece]]] = {}
    for piece in rows:
        found.setdefault(piece.actor, {}).setdefault(piece.group, []).append(piece)
    return found


def posterior(
    rows: Sequence[Piece], priors: Priors, parameters: Parameters, draw: Draw = Draw()
) -> Posterior:
    """Posterior over the explicit hypotheses."""
    grouped = by_group(rows)
    weights: dict[str, float] = {}
    planted = {"": math.log2(max(priors.planted_rest, _EPSILON))}
    for actor, prior in priors.actors.items():
        evidence, planted_evidence = 0.0, 0.0
        for group_rows in grouped.get(actor, {}).values():
            kept = group_bits(group_rows, parameters, draw)[2]
            evidence += kept
            gross = sum(max(p.bits, _EPSILON) for p in group_rows)
            phi = sum(p.phi * max(p.bits, _EPSILON) for p in group_rows) / gross
            planted_evidence += math.log2(phi * 2.0**kept + 1.0 - phi)
        weights[actor] = math.log2(max(prior, _EPSILON)) + evidence
        planted[actor] = math.log2(max(priors.planted[actor], _EPSILON)) + planted_evidence
    none = math.log2(priors.none) + sum(
        group_bits(g, parameters, draw)[2] for g in grouped.get(NONE, {}).values()
    )
    top = (
        max(none, *weights.values(), *planted.values()) if weights else max(none, *planted.values())
    )
    linear = {a: 2.0 ** (w - top) for a, w in weights.items()}
    planted_mass = sum(2.0 ** (w - top) for w in planted.values())
    none_mass = 2.0 ** (none - top)
    total = sum(linear.values()) + planted_mass + none_mass
    return Posterior(
        {a: v / total for a, v in linear.items()}, none_mass / total, planted_mass / total
    )


def inclusive(values: Mapping[str, float], scene: Scene, name: str) -> float:
    """A node's probability with its descendants' included."""
    return min(
        1.0 - _EPSILON,
        max(
            _EPSILON,
            values.get(name, 0.0) + sum(values.get(d, 0.0) for d in scene.world.descendants(name)),
        ),
    )


def _related(scene: Scene, a: str, b: str) -> bool:
    return a in scene.world.ancestors(b) or b in scene.world.ancestors(a)


def _ledger(
    scene: Scene,
    name: str,
    rows: Sequence[Piece],
    priors: Priors,
    after: Posterior,
    members: Sequence[str],
) -> tuple[float, tuple[Contribution, ...], float]:
    """Prior log2 odds of a node, its contributions, and their total.

    Evidence is that of the element of the node that gained most; the last line is what the other
    hypotheses (and the other parts of the node) take or leave.
    """
    parameters = scene.parameters
    elements = [e for e in (name, *scene.world.descendants(name)) if e in priors.actors]
    lead = max(elements, key=lambda e: (after.actors.get(e, 0.0), e))
    prior_bits = bits_from_probability(inclusive(priors.actors, scene, name))
    total_bits = bits_from_probability(inclusive(after.actors, scene, name))
    lines: list[Contribution] = []
    for group, group_rows in sorted(by_group(rows).get(lead, {}).items()):
        lines.extend(_group_ledger(group, group_rows, parameters))
    cited = tuple(dict.fromkeys(o for p in rows for o in p.observations)) or tuple(members)
    rest = total_bits - prior_bits - sum(line.bits for line in lines)
    if abs(rest) > _EPSILON:
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
        if abs(bits) > _EPSILON:
            lines.append(Contribution(f"{text}{what}", facet, bits, cited, note, "discount"))
    face, ranked, kept = group_bits(rows, parameters)
    beta = parameters.attribution["beta"]
    for text, note, bits, role in (
        (f"further items and origins count less{what}", "rank discount", ranked - face, "discount"),
        (f"tempering{what}", f"slope {beta:g}", ranked * (beta - 1.0), "discount"),
        (f"limit of one facet{what}", "saturation", kept - ranked * beta, "limit"),
    ):
        if abs(bits) > _EPSILON:
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
    rows = pieces(scene, members)
    explicit = {a for a in scene.memory.by_actor if a in scene.world.actors}
    explicit |= {p.actor for p in rows if p.actor != NONE}
    if explicit_all:
        explicit |= set(scene.world.actors)
    explicit |= {a for name in explicit for a in scene.world.ancestors(name)}
    priors = make_priors(scene, explicit, known_at)
    after = posterior(rows, priors, parameters)
    lead = _lead(scene, after, explicit)

    membership, strongest, without = 1.0, "", after
    reduced: dict[str, Posterior] = {}
    if len(members) > 1 and lead:
        for member in members:
            rest = pieces(scene, members, without_origin=member)
            reduced[member] = posterior(rest, priors, parameters)
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
    ranges = _intervals(rows, priors, scene, draws, ranked[:most])
    hypotheses = []
    for name in ranked[:most]:
        prior_bits, lines, total_bits = _ledger(scene, name, rows, priors, after, members)
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
        reduced.setdefault(origin, posterior(rest, priors, parameters))
    naming = _naming(scene, shown, ranked, campaign.strength, len(evidence_origins))
    confidence, basis = _confidence(
        scene,
        rows,
        after,
        ranked[0] if ranked else "",
        evidence_origins,
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
    )


def _lead(scene: Scene, after: Posterior, explicit: Collection[str]) -> str:
    """The most probable node; a group before its own parts when they are equal."""
    return max(
        sorted(explicit),
        key=lambda a: (inclusive(after.actors, scene, a), -len(scene.world.ancestors(a))),
        default="",
    )


def _naming(
    scene: Scene,
    shown: Mapping[str, float],
    ranked: Sequence[str],
    strength: Strength,
    origins: int,
) -> Naming:
    numbers = scene.parameters.attribution
    if not ranked:
        return "undetermined"
    lead = ranked[0]
    runner_up = max((shown[a] for a in ranked[1:] if not _related(scene, lead, a)), default=0.0)
    ratio = shown[lead] / max(runner_up, _EPSILON)
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
    rows: Sequence[Piece], priors: Priors, scene: Scene, draws: Sequence[Draw], names: Sequence[str]
) -> dict[str, Interval]:
    if not draws:
        return {}
    results = [posterior(rows, priors, scene.parameters, draw).actors for draw in draws]
    found = {}
    for name in names:
        values = sorted(inclusive(r, scene, name) for r in results)
        last = len(values) - 1
        found[name] = Interval(values[round(0.05 * last)], values[round(0.95 * last)])
    return found


def _confidence(
    scene: Scene,
    rows: Sequence[Piece],
    after: Posterior,
    lead: str,
    origins: Collection[str],
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
