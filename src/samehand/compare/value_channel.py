"""Shared values as a channel: what `shared_odds` says, in the form that attribution hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samehand.compare.actors import Scene
from samehand.compare.channels import FEWEST_ACTORS, Channel, ChannelLine, ChannelOdds
from samehand.compare.profile import Profile
from samehand.compare.shared_odds import ActorOdds, Row, indicator_odds
from samehand.compare.shared_values import KINDS, Ground, ground_of, shared_values

#: Hashes and hosts are hard to plant (docs/method.md).
_PHI = 0.3
#: Values that a line names.
_MOST_NAMED = 3
_NAMES = {
    "start": "that anything is shared",
    "host": "shared hosts",
    "url": "shared addresses of pages",
    "address": "shared IP addresses",
    "port": "shared ports",
    "path": "shared paths",
    "file": "shared files and names",
    "habits": "endings and providers of its other hosts",
    "unshared": "values that it does not share",
    "commonplace": "only commonplace values are shared",
    "lone value": "it is one value only",
}


def values_ground(scene: Scene) -> Ground | None:
    """The reference reports, indexed; `None` if they are of too few actors."""
    if len(scene.memory.by_actor) < FEWEST_ACTORS:
        return None
    return ground_of(scene)


def values(
    ground: Ground, scene: Scene, members: Sequence[Profile], without: str = ""
) -> Channel | None:
    """What shared observables say of every actor; `None` if nothing is shared.

    ``without``: a reference report that is left out.
    """
    known = replace(ground, copies=scene.copies)
    found = indicator_odds(shared_values(known, members, (without,)))
    if not found.actors:
        return None
    own = tuple(m.report.id for m in members)
    odds = {one.actor: _odds(one, own) for one in found.actors}
    return Channel("values", "infrastructure", found.none, odds, frozenset(KINDS), _PHI)


def _odds(one: ActorOdds, own: tuple[str, ...]) -> ChannelOdds:
    lines = []
    for part in one.parts:
        named = [r for r in one.rows if r.value.parts and r.value.parts[0] == part.name]
        text = _NAMES.get(part.name, part.name)
        if named:
            text += f" ({', '.join(map(_said, named[:_MOST_NAMED]))})"
        if part.reports:
            text += f", as in {', '.join(part.reports[:_MOST_NAMED])}"
        cited = part.observations if named else ()
        lines.append(ChannelLine(text, part.bits, cited, (*own, *part.reports)))
    return ChannelOdds(one.probability, 0.0, None, tuple(lines))


def _said(row: Row) -> str:
    return f"{row.value.feature.kind} {row.value.feature.value}"
