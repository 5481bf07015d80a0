"""The ledger of a hypothesis: prior, what speaks for and against it line by line, and total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samehand.compare.actors import ANYONE, Piece, Scene
from samehand.compare.channels import TITLES
from samehand.config import Parameters
from samehand.likelihood import bits_from_probability
from samehand.model import Contribution
from samehand.posterior import EPSILON, Heard, Posterior, Priors, by_group, group_bits


def share_of(values: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """The probability of what holds some share of each element; never 0 or 1."""
    total = sum(values.get(name, 0.0) * share for name, share in shares.items())
    return min(1.0 - EPSILON, max(EPSILON, total))


@dataclass(frozen=True, slots=True)
class Judged:
    """A campaign's evidence and what follows from it."""

    rows: Sequence[Piece]
    heard: Sequence[Heard]
    priors: Priors
    after: Posterior
    members: Sequence[str]


def ledger(
    scene: Scene, shares: Mapping[str, float], judged: Judged
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
    prior_bits = bits_from_probability(share_of(priors.actors, shares))
    total_bits = bits_from_probability(share_of(after.actors, shares))
    lines: list[Contribution] = []
    grouped = by_group(rows)
    for who in (lead, ANYONE):
        for group, group_rows in sorted(grouped.get(who, {}).items()):
            lines.extend(_group_ledger(group, group_rows, parameters))
    for one in judged.heard:
        lines.extend(_channel_ledger(one, lead))
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


def _channel_ledger(heard: Heard, actor: str) -> list[Contribution]:
    """What a channel adds for an actor, line by line; it sums to `Heard.actors`."""
    channel = heard.channel
    found = channel.odds.get(actor)
    if found is None or actor not in heard.actors:
        return []
    title = TITLES[channel.name]
    lines = [
        Contribution(
            line.text,
            channel.facet,
            line.bits,
            line.observations,
            f"{title}, fitted",
            "evidence" if line.observations else "discount",
        )
        for line in found.lines
        if abs(line.bits) > EPSILON
    ]
    rest = heard.actors[actor] - sum(line.bits for line in lines)
    if abs(rest) > EPSILON:
        text, note = f"another prior ({title})", "the fit starts from its own"
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
