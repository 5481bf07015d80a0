"""Analysis of competing hypotheses: each piece of evidence against each actor.

Heuer (1999): what tells hypotheses apart counts, and the least inconsistent one stands. Cells are
bits relative to the mean of their row; diagnosticity is the spread of a row among the hypotheses
that are still likely (docs/method.md).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from samehand.compare.actors import ANYONE, NONE, Piece, Scene
from samehand.compare.channels import TITLES, Channel
from samehand.knowledge.attack import table
from samehand.model import Ach, AchRow, Feature
from samehand.posterior import Posterior

#: Leading actors that are set side by side.
_MOST_ACTORS = 5
#: Rows that are shown, the most telling first; inconsistency counts all.
_MOST_ROWS = 25
#: Reports on an actor that must exist, and the share of them that must hold what is expected.
_FEWEST_REPORTS = 3
_EXPECTED_SHARE = 0.6
_MOST_ABSENT = 6
#: What is expected of an actor whoever reports it.
_HABITS = ("technique", "software", "victim-sector", "victim-country")
#: A hypothesis is less inconsistent than another by more than this, in bits.
_CLEAR_BITS = 1.0


def compete(
    scene: Scene,
    members: Sequence[str],
    rows: Sequence[Piece],
    after: Posterior,
    ranked: Sequence[str],
    channels: Sequence[Channel] = (),
) -> Ach | None:
    """The matrix of the leading actors and none of the known; `None` without evidence.

    A fitted channel is one row: what it says for each actor beyond any prior.
    """
    actors = tuple(ranked[:_MOST_ACTORS])
    if not actors or not (rows or channels):
        return None
    names = (*actors, NONE)
    weight = [after.actors.get(a, 0.0) for a in actors] + [after.none]
    total = sum(weight) or 1.0
    cells: dict[str, list[float]] = {}
    facets: dict[str, str] = {}
    for piece in rows:
        if piece.actor == ANYONE:
            continue  # it tells none of them apart
        holders = [
            n
            for n, name in enumerate(names)
            if piece.actor == name or (name and piece.actor in scene.world.descendants(name))
        ]
        if not holders:
            continue
        row = cells.setdefault(piece.item, [0.0] * len(names))
        facets.setdefault(piece.item, piece.facet)
        for n in holders:
            row[n] = piece.bits if abs(piece.bits) > abs(row[n]) else row[n]
    for channel in channels:
        text = f"{TITLES[channel.name]}, fitted"
        cells[text] = [_most(scene, channel, name) for name in names]
        facets[text] = channel.facet
    found = []
    for evidence, values in cells.items():
        mean = sum(values) / len(values)
        relative = tuple(v - mean for v in values)
        centre = sum(w * v for w, v in zip(weight, values, strict=True)) / total
        spread = sum(w * (v - centre) ** 2 for w, v in zip(weight, values, strict=True)) / total
        found.append(AchRow(evidence, facets[evidence], relative, math.sqrt(spread)))
    found.sort(key=lambda r: (-r.diagnosticity, r.evidence))
    against = tuple(sum(min(0.0, r.cells[n]) for r in found) for n in range(len(names)))
    return Ach(
        names,
        tuple(found[:_MOST_ROWS]),
        against,
        _absent(scene, members, actors[0]),
        _warning(names, against, weight),
    )


def _most(scene: Scene, channel: Channel, name: str) -> float:
    """What a channel says for an actor, or for a part of it if that is more."""
    parts = {name, *scene.world.descendants(name)} & channel.odds.keys()
    return max((channel.weight(p) for p in parts), default=0.0)


def _warning(names: Sequence[str], against: Sequence[float], weight: Sequence[float]) -> str:
    """Where the two rankings disagree, in words."""
    likely = max(range(len(names)), key=lambda n: weight[n])
    least = max(range(len(names)), key=lambda n: against[n])
    if likely == least or against[least] - against[likely] <= _CLEAR_BITS:
        return ""
    say = [name or "none of the known" for name in names]
    return (
        f"the least inconsistent is {say[least]}, the most probable {say[likely]}: "
        "the prior or a single strong piece decides"
    )


def _absent(scene: Scene, members: Sequence[str], actor: str) -> tuple[str, ...]:
    """Habits of an actor that the campaign does not show, the commonest first."""
    reports = [
        scene.memory.profiles[r]
        for r in scene.memory.known_by(scene.world, actor)
        if r not in members
    ]
    if len(reports) < _FEWEST_REPORTS:
        return ()
    shown = {f for m in members for f in scene.profiles[m].features}
    kinds = {f.kind for f in shown}
    counted = Counter(
        f for p in reports for f in p.features if f.kind in _HABITS and f.kind in kinds
    )
    expected = [
        (n, f) for f, n in counted.items() if n >= _EXPECTED_SHARE * len(reports) and f not in shown
    ]
    expected.sort(key=lambda row: (-row[0], row[1]))
    finer = {f.value.partition(".")[0] for _, f in expected if "." in f.value}
    return tuple(
        f"{_said(f)} ({n} of {len(reports)} reports)"
        for n, f in [row for row in expected if row[1].value not in finer][:_MOST_ABSENT]
    )


def _said(feature: Feature) -> str:
    known = table().get(feature.value) if feature.kind == "technique" else None
    return f"{feature.value} {known.name}" if known else f"{feature.kind} {feature.value}"
