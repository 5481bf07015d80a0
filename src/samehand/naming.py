"""Whether the leader is named, and how good the basis of the answer is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from samehand.compare.actors import Piece, Scene
from samehand.compare.channels import TITLES
from samehand.model import AnalyticConfidence, Interval, Naming, Strength
from samehand.posterior import EPSILON, Heard, Posterior, by_group, group_bits, inclusive

#: An origin counts as independent support from this many bits on, resemblance apart.
_TELLING_BITS = 0.5
_RESEMBLANCE = ("behaviour", "victimology", "provider")


def _related(scene: Scene, a: str, b: str) -> bool:
    return a in scene.world.ancestors(b) or b in scene.world.ancestors(a)


def leader_of(scene: Scene, after: Posterior, explicit: Collection[str]) -> str:
    """The most probable node; a group before its own parts when they are equal."""
    return max(
        sorted(explicit),
        key=lambda a: (inclusive(after.actors, scene, a), -len(scene.world.ancestors(a))),
        default="",
    )


def origins_of(scene: Scene, rows: Sequence[Piece], heard: Sequence[Heard], lead: str) -> set[str]:
    """Independent support of the leader: origins that tell something; resemblance is none."""
    if not lead:
        return set()
    elements = {lead, *scene.world.descendants(lead)}
    found = {
        origin
        for p in rows
        if p.actor in elements and p.group not in _RESEMBLANCE and p.bits >= _TELLING_BITS
        for origin in p.origins
    }
    for one in heard:
        if one.channel.facet not in _RESEMBLANCE:
            for actor in elements & one.actors.keys():
                lines = one.channel.odds[actor].lines
                found.update(o for x in lines if x.bits >= _TELLING_BITS for o in x.origins)
    return found


def enough_of(scene: Scene, rows: Sequence[Piece], heard: Sequence[Heard], lead: str) -> int:
    """How many origins stand behind the leader.

    What a fitted channel says was measured on single reports, so where one speaks for the leader
    there are as many as naming asks for.
    """
    count = len(origins_of(scene, rows, heard, lead))
    elements = (lead, *scene.world.descendants(lead))
    if any(one.actors.get(e, 0.0) >= _TELLING_BITS for one in heard for e in elements):
        return max(count, int(scene.parameters.attribution["named_origins"]))
    return count


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


def confidence(
    scene: Scene,
    rows: Sequence[Piece],
    after: Posterior,
    lead: str,
    origins: Collection[str],
    heard: Sequence[Heard],
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
    strong += [
        TITLES[one.channel.name]
        for one in heard
        if one.actors.get(best, 0.0) >= numbers["facet_bits"]
    ]
    removed = [inclusive(p.actors, scene, lead) for p in reduced.values()]
    lowest = min(removed, default=inclusive(after.actors, scene, lead) if len(origins) > 1 else 0.0)
    basis = [
        f"kinds of evidence with {numbers['facet_bits']:g} bits or more: {len(strong)}"
        + (f" ({', '.join(sorted(strong))})" if strong else ""),
        f"independent origins besides resemblance: {len(origins)}, compared campaigns included",
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
