"""Priors and posterior over whose hand: known actors, 'none of the known', and 'planted'.

docs/method.md, "Attribution": one element for each explicit hypothesis, one for everybody else, and
one for each actor that somebody may want to be taken for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from samehand.compare.actors import ANYONE, NONE, Piece, Scene, rarity_bits
from samehand.compare.channels import Channel
from samehand.config import Parameters
from samehand.score import Draw, discounted

EPSILON = 1e-12


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
    planted_as: Mapping[str, float]
    """Of planted: that somebody else wants this actor to be seen."""


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
        max(none, EPSILON),
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
    if group == "contradiction":
        return against, against, max(numbers["contradiction_floor_bits"], against)
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


@dataclass(frozen=True, slots=True)
class Heard:
    """What one fitted channel adds to the explicit hypotheses, in bits; 0 for who is missing."""

    channel: Channel
    actors: Mapping[str, float]
    planted: Mapping[str, float]
    """For who wants this actor to be seen."""


def heard_of(channels: Sequence[Channel], priors: Priors) -> tuple[Heard, ...]:
    """What channels add to the priors.

    A channel counts beyond the prior that it starts from, and its prior stands in place of ours: so
    one channel alone says what it says. Of several that tell an actor from the rest, the mean of
    their priors (in bits) stands, so that no further channel repeats a prior.
    """
    rests = [math.log2(_rest_of(c, priors)) for c in channels]
    starts: dict[str, list[float]] = {}
    for channel, rest in zip(channels, rests, strict=True):
        for actor in channel.odds:
            if actor in priors.actors:
                starts.setdefault(actor, []).append(_start(channel, actor, priors, rest))
    found = []
    for channel, rest in zip(channels, rests, strict=True):
        actors, planted = {}, {}
        for actor, odds in channel.odds.items():
            if actor not in priors.actors:
                continue
            held = starts[actor]
            mean = math.fsum(held) / len(held)
            beyond = rest - _start(channel, actor, priors, rest)
            moved = (mean - _log(priors.actors[actor])) / len(held)
            actors[actor] = channel.bits(actor) + beyond + moved
            if odds.planted > 0.0:
                moved = (mean - _log(priors.planted[actor])) / len(held)
                planted[actor] = channel.planted_bits(actor) + beyond + moved
            else:
                forged = channel.phi * 2.0 ** actors[actor]
                planted[actor] = math.log2(forged + 1.0 - channel.phi)
        found.append(Heard(channel, actors, planted))
    return tuple(found)


def _log(probability: float) -> float:
    return math.log2(max(probability, EPSILON))


def _start(channel: Channel, actor: str, priors: Priors, rest: float) -> float:
    """log2 prior that a channel gives an actor; ours if it has none of its own.

    ``rest``: log2 prior of who it does not tell from none.
    """
    own = channel.odds[actor].prior_bits
    return _log(priors.actors[actor]) if own is None else own + rest


def _rest_of(channel: Channel, priors: Priors) -> float:
    """Prior of none and of the actors that a channel does not tell from it."""
    unheard = (p for a, p in priors.actors.items() if a not in channel.odds)
    return priors.none + math.fsum(unheard)


def posterior(
    rows: Sequence[Piece],
    priors: Priors,
    parameters: Parameters,
    draw: Draw = Draw(),
    heard: Sequence[Heard] = (),
) -> Posterior:
    """Posterior over the explicit hypotheses.

    With one channel and nothing else it is what the channel says, but for what may be planted.
    """
    slope = max(0.0, 1.0 + draw.beta_shift / parameters.attribution["beta"])
    grouped = by_group(rows)
    against = sum(group_bits(g, parameters, draw)[2] for g in grouped.get(ANYONE, {}).values())
    weights: dict[str, float] = {}
    planted = {"": _log(priors.planted_rest)}
    for actor, prior in priors.actors.items():
        evidence, planted_evidence = 0.0, 0.0
        for group_rows in grouped.get(actor, {}).values():
            kept = group_bits(group_rows, parameters, draw)[2]
            evidence += kept
            gross = sum(max(p.bits, EPSILON) for p in group_rows)
            phi = sum(p.phi * max(p.bits, EPSILON) for p in group_rows) / gross
            planted_evidence += math.log2(phi * 2.0**kept + 1.0 - phi)
        for one in heard:
            evidence += slope * one.actors.get(actor, 0.0)
            planted_evidence += slope * one.planted.get(actor, 0.0)
        weights[actor] = _log(prior) + evidence + against
        planted[actor] = _log(priors.planted[actor]) + planted_evidence
    none = math.log2(priors.none) + against
    none += sum(group_bits(g, parameters, draw)[2] for g in grouped.get(NONE, {}).values())
    top = max(none, *weights.values(), *planted.values())
    linear = {a: 2.0 ** (w - top) for a, w in weights.items()}
    forged = {a: 2.0 ** (w - top) for a, w in planted.items()}
    none_mass = 2.0 ** (none - top)
    planted_mass = sum(forged.values())
    total = sum(linear.values()) + planted_mass + none_mass
    return Posterior(
        {a: v / total for a, v in linear.items()},
        none_mass / total,
        planted_mass / total,
        {a: v / total for a, v in forged.items() if a},
    )


def inclusive(values: Mapping[str, float], scene: Scene, name: str) -> float:
    """A node's probability with its descendants' included."""
    return min(
        1.0 - EPSILON,
        max(
            EPSILON,
            values.get(name, 0.0) + sum(values.get(d, 0.0) for d in scene.world.descendants(name)),
        ),
    )
