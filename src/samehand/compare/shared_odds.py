"""What shared values say of every actor: log2 odds against none of them, in parts that sum exactly.

The weights are fitted in time order with unseen actors among the questions (`fit.indicators`). A
softmax over the actors and *none* gives probabilities that sum to 1, so the evidence of one actor
is taken from the others.

By construction: no weight is negative, so one more shared value never lowers an actor; a /24 alone
is nothing; who shares only commonplace values loses `CLOSED_BITS`; who shares one file and nothing
else is not named; further values count ever less, so a long list does not decide by its length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samehand.compare.shared_values import Shared, Value
from samehand.config import bundled
from samehand.errors import ConfigError
from samehand.knowledge.cache import once

#: The file name in ``knowledge/data``.
FILE = "attribution_indicators.json"
#: The parts of the weight of a value; the ledger goes by the first part of a kind.
PARTS = ("host", "url", "address", "port", "path", "file")
#: Bits that an actor loses who shares nothing but commonplace values [judgement: as good as none,
#: and still finite].
CLOSED_BITS = 8.0
#: One value never says more: 7 bits alone are about .99 [judgement]. A file travels, since samples
#: are public and are shared, so one more file is never a second proof [judgement].
MOST_BITS: Mapping[str, float] = {"host": 7.0, "address": 7.0, "path": 7.0, "file": 1.9}
#: Where all that is shared is one value, an actor ends there. A file at .75, below the .8 of naming
#: [judgement: it may have been planted, or found where it was planted]; all else at .97 [data: all
#: of 34 lone addresses were right; an end at .95 puts them behind lists that are wrong more often].
#: Every bit of what else is shared lifts the end by `_LIFT` bits, so that something commonplace
#: beside it lifts nothing.
LONE_FILE_BITS, LONE_BITS = math.log2(3.0), math.log2(0.97 / 0.03)
_LIFT = 4.0


@dataclass(frozen=True, slots=True)
class IndicatorWeights:
    """The fitted numbers, in bits; none of the weights is negative."""

    base: float
    """log2 odds against none of an actor who shares something, before all else."""
    parts: Mapping[str, float]
    other_actors: float
    """Taken for every doubling of 1 + other actors that hold the value."""
    other_reports: float
    """The same for loaded reference reports of others, labelled or not."""
    background: float
    """The same for unrelated holders: background and prevalence sketch."""
    other_publisher: float
    """Added where a report of another publisher holds it."""
    gamma: float
    """What a further value keeps of its bits, per rank."""
    unshared: float
    """Taken for every doubling of 1 + values of the campaign that the actor does not share."""
    habits: float
    """Per bit of habit: top-level domains and providers of the unshared hosts."""


def parse_weights(data: bytes, place: str) -> IndicatorWeights:
    """Weights from their JSON document.

    Raises:
        ConfigError: if it is not one, or a weight is negative.
    """
    try:
        raw = json.loads(data)
        found = IndicatorWeights(
            base=float(raw["base"]),
            parts={part: float(raw["parts"][part]) for part in PARTS},
            **{
                name: float(raw[name])
                for name in (
                    "other_actors", "other_reports", "background", "other_publisher", "gamma",
                    "unshared", "habits",
                )
            },
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{place}: not weights of shared values ({error}). Fit again.") from error
    weights = (
        *found.parts.values(), found.other_actors, found.other_reports, found.background,
        found.other_publisher, found.unshared, found.habits,
    )  # fmt: skip
    if min(weights) < 0 or not 0 <= found.gamma <= 1:
        raise ConfigError(f"{place}: a weight has the wrong sign. Fit again.")
    return found


@once
def shipped_weights() -> IndicatorWeights:
    """The weights that ship with the program."""
    return parse_weights(bundled(f"knowledge/data/{FILE}"), f"bundled {FILE}")


@dataclass(frozen=True, slots=True)
class Row:
    """One shared value with its weight, for explanation."""

    value: Value
    bits: float
    """As the only one."""
    counted_bits: float
    """At its rank among the actor's values."""


@dataclass(frozen=True, slots=True)
class Part:
    """One contribution to an actor's log2 odds."""

    name: str
    """A part of `PARTS`, 'start', 'habits', 'unshared', 'commonplace' or 'lone value'."""
    bits: float
    observations: tuple[str, ...]
    reports: tuple[str, ...]
    """Reference reports behind it."""


@dataclass(frozen=True, slots=True)
class ActorOdds:
    """One actor's log2 odds against none, and why."""

    actor: str
    bits: float
    """The exact sum of the parts."""
    probability: float
    """Among all actors asked about and none."""
    parts: tuple[Part, ...]
    rows: tuple[Row, ...]
    """The strongest first."""


@dataclass(frozen=True, slots=True)
class IndicatorOdds:
    """The answer of the indicator channel; all probabilities sum to 1."""

    actors: tuple[ActorOdds, ...]
    """The likeliest first; without actors that share nothing."""
    none: float


def value_bits(value: Value, weights: IndicatorWeights) -> float:
    """Bits of one shared value by itself, never below 0 or what follows from it.

    What a kind says, less for every doubling of other holders, times what commonplace lists and
    copying leave of it.
    """
    bits = 0.0
    if value.parts:
        bits = math.fsum(weights.parts[p] for p in value.parts)
        bits += weights.other_publisher * value.other_publisher
        bits -= weights.other_actors * math.log2(1.0 + value.other_actors)
        bits -= weights.other_reports * math.log2(1.0 + value.other_reports)
        bits -= weights.background * math.log2(1.0 + value.background)
        bits = min(max(0.0, bits), MOST_BITS[value.parts[0]]) * value.kept
    return max((bits, *(value_bits(v, weights) for v in value.implied)))


def ranked(shared: Shared, weights: IndicatorWeights) -> tuple[Row, ...]:
    """The values by weight; each further one counts gamma times as much as the one before."""
    rows = sorted(
        ((value_bits(v, weights), v) for v in shared.values), key=lambda r: (-r[0], r[1].feature)
    )
    return tuple(Row(v, bits, bits * weights.gamma**n) for n, (bits, v) in enumerate(rows))


def _part(value: Value) -> str:
    """The part of the ledger that a value is told in; a /24 is an address."""
    return value.parts[0] if value.parts else "address"


def _most(rows: Sequence[Row]) -> float:
    """The bits at which an actor ends for want of a second value; rises with every value."""
    files = sorted((r.bits for r in rows if _part(r.value) == "file"), reverse=True)
    others = [r.bits for r in rows if _part(r.value) != "file"]
    beside_file = math.fsum((*files[1:], *others))
    beside_best = math.fsum((*files, *others)) - max((*files, *others), default=0.0)
    return min(LONE_FILE_BITS + _LIFT * beside_file, LONE_BITS + _LIFT * beside_best)


def parts_of(shared: Shared, rows: Sequence[Row], weights: IndicatorWeights) -> tuple[Part, ...]:
    """The contributions, in the order in which they are told."""
    cited = tuple(dict.fromkeys(o for r in rows for o in r.value.observations))
    holding = tuple(sorted({report for r in rows for report in r.value.reports}))
    parts = [Part("start", weights.base, cited, holding)]
    for name in PARTS:
        own = [r for r in rows if _part(r.value) == name]
        if any(r.counted_bits for r in own):
            parts.append(
                Part(
                    name,
                    math.fsum(r.counted_bits for r in own),
                    tuple(dict.fromkeys(o for r in own for o in r.value.observations)),
                    tuple(sorted({report for r in own for report in r.value.reports})),
                )
            )
    for name, bits in (
        ("habits", weights.habits * shared.habit_bits),
        ("unshared", -weights.unshared * math.log2(1.0 + shared.unshared)),
        ("commonplace", -CLOSED_BITS * (1.0 - shared.open)),
    ):
        if bits:
            parts.append(Part(name, bits, cited, holding))
    above = math.fsum(p.bits for p in parts) - _most(rows)
    if above > 0:
        parts.append(Part("lone value", -above, cited, holding))
    return tuple(parts)


def probabilities(bits: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """(actor -> probability, none) of log2 odds against none."""
    top = max(0.0, *bits.values()) if bits else 0.0
    linear = {actor: 2.0 ** (b - top) for actor, b in bits.items()}
    none = 2.0**-top
    total = math.fsum((none, *linear.values()))
    return {actor: v / total for actor, v in linear.items()}, none / total


def indicator_odds(
    found: Sequence[Shared], weights: IndicatorWeights | None = None
) -> IndicatorOdds:
    """Every actor that shares something, with its ledger; the shipped weights by default."""
    weights = weights or shipped_weights()
    ledgers = {}
    for shared in found:
        rows = ranked(shared, weights)
        parts = parts_of(shared, rows, weights)
        ledgers[shared.actor] = (math.fsum(p.bits for p in parts), parts, rows)
    values, none = probabilities({actor: bits for actor, (bits, _, _) in ledgers.items()})
    order = sorted(values, key=lambda a: (-values[a], a))
    return IndicatorOdds(
        tuple(ActorOdds(a, ledgers[a][0], values[a], *ledgers[a][1:]) for a in order), none
    )
