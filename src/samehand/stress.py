"""How easily the answer could be made wrong: planted evidence, missing sources, another prior.

For the analyst's own eyes: it tells how many artefacts of which type would have to be planted, by
type only, and enters no document that leaves the machine (docs/method.md, "False flags").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from samehand.attribute import Membership, hypotheses_of, known_at_of
from samehand.compare.actors import Piece, Scene, rarity_bits, saturates_with
from samehand.compare.channels import Channel
from samehand.compare.hearing import hear
from samehand.model import Naming
from samehand.naming import enough_of, leader_of, naming_of
from samehand.posterior import Posterior, heard_of, inclusive, make_priors, posterior

#: Priors of a plant that are tried (docs/method.md).
PI = (0.01, 0.03, 0.1, 0.3)
#: Planted artefacts of one type that are tried; more is said to be never enough.
MOST_PLANTED = 12
#: Types that an adversary could plant, by forgeability; the rest is out of reach.
_LEAST_PHI = 0.3


@dataclass(frozen=True, slots=True)
class Planted:
    """What planting artefacts of one type, or of several facets at once, would do."""

    kind: str
    """The type; of several facets how many, the most forgeable first."""
    facet: str
    """'' for several."""
    phi: float
    """How easily it is planted; 0 hard, 1 trivial."""
    unseats: int | None
    """Fewest with which the leader no longer leads; `None`: not with `MOST_PLANTED`."""
    misleads: int | None
    """Fewest with which the decoy would be named; `None`: not with `MOST_PLANTED`."""


@dataclass(frozen=True, slots=True)
class Without:
    """The answer without one source."""

    origin: str
    leader: str
    probability: float


@dataclass(frozen=True, slots=True)
class AtPi:
    """The answer if planting were as common as this."""

    pi: float
    probability: float
    planted: float


@dataclass(frozen=True, slots=True)
class Stress:
    """What it would take to change an attribution."""

    leader: str
    decoy: str
    """Whose artefacts are planted: the next likely actor that is not related to the leader."""
    probability: float
    naming: Naming
    planted: tuple[Planted, ...]
    without: tuple[Without, ...]
    pi: tuple[AtPi, ...]


def stress(scene: Scene, campaign: Membership) -> Stress | None:
    """The stress of one campaign's attribution; `None` if nobody leads."""
    members = [m for m in campaign.reports if scene.copies.is_witness(m)]
    rows, channels = hear(scene, members)
    explicit = hypotheses_of(scene, rows, channels=channels)
    if not explicit or not (rows or channels):
        return None
    known_at = known_at_of(scene, members)
    priors = make_priors(scene, explicit, known_at)
    heard = heard_of(channels, priors)
    after = posterior(rows, priors, scene.parameters, heard=heard)
    lead = leader_of(scene, after, explicit)
    related = {lead, *scene.world.ancestors(lead), *scene.world.descendants(lead)}
    others = sorted(explicit - related)
    decoy = max(others, key=lambda a: (inclusive(after.actors, scene, a), a), default="")

    def judged(found: Posterior) -> tuple[Mapping[str, float], list[str]]:
        shown = {a: inclusive(found.actors, scene, a) for a in explicit}
        return shown, sorted(shown, key=lambda a: (-shown[a], a))

    def naming(found: Posterior, pieces: Sequence[Piece]) -> tuple[str, Naming]:
        shown, ranked = judged(found)
        origins = enough_of(scene, pieces, heard, ranked[0])
        return ranked[0], naming_of(scene, shown, ranked, campaign.strength, origins)

    def tried(kinds: Sequence[str]) -> tuple[int | None, int | None]:
        unseats = misleads = None
        for count in range(1, MOST_PLANTED + 1):
            forged = [f for k in kinds for f in _forged(scene, decoy, k, count, members[0])]
            changed = [*rows, *forged]
            first, named = naming(
                posterior(changed, priors, scene.parameters, heard=heard), changed
            )
            if unseats is None and first not in related:
                unseats = count
            if first not in related and named == "named":
                misleads = count
                break
        return unseats, misleads

    planted = []
    if decoy:
        types, weights = scene.parameters.types, scene.parameters.weights
        order = sorted(weights, key=lambda k: (-weights[k].phi, k))
        easy = [k for k in order if weights[k].phi >= _LEAST_PHI]
        planted = [Planted(k, types[k].facet, weights[k].phi, *tried([k])) for k in easy]
        first_of: dict[str, str] = {}
        for kind in easy:
            first_of.setdefault(types[kind].facet, kind)
        for count in range(2, len(first_of) + 1):
            kinds = list(first_of.values())[:count]
            phi = min(weights[k].phi for k in kinds)
            planted.append(Planted(f"{count} facets at once", "", phi, *tried(kinds)))
    sources = sorted({o for p in rows for o in p.origins})
    without = []
    for origin in sources:
        rest = [p for p in rows if origin not in p.origins]
        found = posterior(rest, priors, scene.parameters, heard=heard)
        first = leader_of(scene, found, explicit)
        without.append(Without(origin, first, inclusive(found.actors, scene, lead)))
    without.sort(key=lambda w: (w.probability, w.origin))
    return Stress(
        lead,
        decoy,
        inclusive(after.actors, scene, lead),
        naming(after, rows)[1],
        tuple(planted),
        tuple(without),
        tuple(_at_pi(scene, rows, channels, explicit, lead, known_at, pi) for pi in PI),
    )


def _forged(scene: Scene, decoy: str, kind: str, count: int, member: str) -> list[Piece]:
    """Artefacts that only the decoy's reports hold, planted in one sample."""
    parameters = scene.parameters
    row, weights = parameters.types[kind], parameters.weights[kind]
    group, factor = saturates_with(kind, parameters)
    reports = scene.memory.known_by(scene.world, decoy) or (f"a report on {decoy}",)
    known = scene.memory.campaigns(r for r in reports if r in scene.memory.campaign_of) or 1
    unseen = weights.kappa * factor / parameters.universe["conditional"]
    rarity = (1.0, float(known), 0.0, unseen)
    return [
        Piece(
            actor=decoy,
            facet=row.facet,
            group=group,
            text=f"planted {kind} {n}",
            batch=f"{member}/planted",
            gross_bits=rarity_bits(rarity, parameters.attribution["alpha"]),
            rho=parameters.rho(""),
            independence=1.0,
            decay=1.0,
            phi=weights.phi,
            observations=(),
            origins=(member, reports[0]),  # what it is planted to be compared with
        )
        for n in range(count)
    ]


def _at_pi(
    scene: Scene,
    rows: Sequence[Piece],
    channels: Sequence[Channel],
    explicit: set[str],
    lead: str,
    known_at: date | None,
    pi: float,
) -> AtPi:
    numbers = {**scene.parameters.attribution, "planted_prior": pi}
    changed = replace(scene, parameters=replace(scene.parameters, attribution=numbers))
    priors = make_priors(changed, explicit, known_at)
    heard = heard_of(channels, priors)
    found = posterior(rows, priors, changed.parameters, heard=heard)
    return AtPi(pi, inclusive(found.actors, scene, lead), found.planted)
