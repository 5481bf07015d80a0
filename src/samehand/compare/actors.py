"""What a campaign shares with the profiles of known actors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from samehand.compare.channels import Channel
from samehand.compare.copies import Copies
from samehand.compare.evidence import commonplace, first_day, technique_bits
from samehand.compare.profile import Profile
from samehand.compare.universe import Universe
from samehand.config import Parameters, types_table
from samehand.knowledge.actors import World
from samehand.knowledge.prevalence import FAMILY_PREFIX
from samehand.model import Feature

#: The hypothesis that none of the known actors did it.
NONE = ""
#: Everybody who may have done it openly, known or not; what speaks against them speaks for a plant.
ANYONE = "*"
#: Hard values that two reports on one actor share when they tell of one campaign.
_SAME_CAMPAIGN = 3
#: A value in more reports on actors tells no campaign.
_MOST_HOLDERS = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence for one actor (or for `NONE`)."""

    actor: str
    facet: str
    group: str
    """What saturates together: a facet, or a soft group."""
    text: str
    batch: str
    gross_bits: float
    """Before grade, copying and time."""
    rho: float
    independence: float
    decay: float
    phi: float
    observations: tuple[str, ...]
    origins: tuple[str, ...]
    """Witness reports that it rests on: the member and the reference, or the claim's origin."""
    role: str = "evidence"
    kind: str = ""
    """The kind of feature that is shared; '' for what is said or contradicts."""
    rarity: tuple[float, float, float, float] | None = None
    """(n_ix, n_i, d/N, kappa/N_c) behind gross_bits, so that kappa can be redrawn; n counts
    independent campaigns."""

    @property
    def bits(self) -> float:
        """After grade, copying and time."""
        return self.gross_bits * self.rho * self.independence * self.decay

    @property
    def item(self) -> str:
        """What was compared, whatever it was compared with."""
        return self.text.partition(", as in ")[0]


def rarity_bits(
    rarity: tuple[float, float, float, float], alpha: float, kappa_factor: float = 1.0
) -> float:
    """log2(m / g) of an item an actor's reports hold, never below 0 (docs/method.md).

    g = max(d/N, kappa/N_c), m = (n_ix + alpha g) / (n_i + alpha).
    """
    held, reports, others, kappa = rarity
    g = min(1.0, max(others, kappa * kappa_factor))
    return max(0.0, math.log2((held + alpha * g) / (reports + alpha) / g))


class Memory:
    """The reference reports of known actors, by actor and by feature."""

    def __init__(self, profiles: Iterable[Profile], copies: Copies, world: World) -> None:
        """Index reference profiles; derivatives and compilations are left out.

        A known actor's label is resolved to the world's own name where that is unambiguous.
        """
        self.profiles: dict[str, Profile] = {}
        self.actor_of: dict[str, str] = {}
        self.by_feature: dict[Feature, list[str]] = {}
        self.by_actor: dict[str, list[str]] = {}
        for profile in sorted(profiles, key=lambda p: p.report.id):
            label = profile.report.known_actor
            if not label or not copies.is_witness(profile.report.id):
                continue
            if label.startswith(FAMILY_PREFIX):
                continue  # a family of malware is nobody
            actor = label if label in world.actors else world.identify(label) or label
            identifier = profile.report.id
            self.profiles[identifier] = profile
            self.actor_of[identifier] = actor
            self.by_actor.setdefault(actor, []).append(identifier)
            for feature in profile.features:
                self.by_feature.setdefault(feature, []).append(identifier)
        self.campaign_of = self._campaigns()

    def _campaigns(self) -> dict[str, str]:
        """Report -> the first report of the same campaign of its actor.

        Two reports on one actor that share `_SAME_CAMPAIGN` hard values tell of one campaign, which
        counts once however often it is described.
        """
        first = {r: r for r in self.profiles}

        def root(report: str) -> str:
            while first[report] != report:
                report = first[report]
            return report

        types = types_table()
        shared: Counter[tuple[str, str]] = Counter()
        for feature, holders in self.by_feature.items():
            row = types[feature.kind]
            if row.soft or row.derived or not 1 < len(holders) <= _MOST_HOLDERS:
                continue
            shared.update(
                (l, r) for l, r in combinations(holders, 2) if self.actor_of[l] == self.actor_of[r]
            )
        for (l, r), count in sorted(shared.items()):
            if count >= _SAME_CAMPAIGN:
                low, high = sorted((root(l), root(r)))
                first[high] = low
        return {r: root(r) for r in first}

    def campaigns(self, reports: Iterable[str]) -> int:
        """How many independent campaigns some reports tell of."""
        return len({self.campaign_of[r] for r in reports})

    def known_by(self, world: World, actor: str) -> tuple[str, ...]:
        """Reports that show the actor: its own and those of what contains it."""
        names = (actor, *world.ancestors(actor))
        return tuple(r for name in names for r in self.by_actor.get(name, ()))


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that attribution of any campaign needs, gathered once."""

    profiles: Mapping[str, Profile]
    universe: Universe
    copies: Copies
    memory: Memory
    world: World
    parameters: Parameters
    withdrawn: Mapping[str, str]
    speakers: tuple[Callable[[Scene, Sequence[Profile], str], Channel | None], ...] = ()
    """Fitted channels, as far as this scene has what they need; asked with a campaign and the
    report that is left out, or ''."""


def shared_pieces(
    scene: Scene, members: Sequence[Profile], present: Collection[str]
) -> Iterable[Piece]:
    """Features that members share with reference reports of an actor.

    What shows a group shows its parts too, as far as they are hypotheses (``present``).
    """
    own = {m.report.id for m in members}
    held: dict[str, dict[Feature, list[str]]] = {}
    for feature in sorted({f for m in members for f in m.features}):
        if feature.kind == "technique":
            continue
        for reference in scene.memory.by_feature.get(feature, ()):
            if reference not in own:
                actor = scene.memory.actor_of[reference]
                for name in (actor, *scene.world.descendants(actor)):
                    if name == actor or name in present:
                        held.setdefault(name, {}).setdefault(feature, []).append(reference)
    for actor in sorted(held):
        known = scene.memory.known_by(scene.world, actor)
        shared = held[actor]
        covered = {
            parent
            for feature in shared
            for m in members
            if feature in m.features
            for parent in m.parents.get(feature, ())
        }
        outside = own | set(known)
        for feature in sorted(set(shared) - covered):
            yield _piece(
                scene,
                members,
                actor,
                feature,
                shared[feature],
                scene.memory.campaigns(known),
                outside,
            )


def saturates_with(kind: str, parameters: Parameters) -> tuple[str, float]:
    """(what evidence of a kind saturates with, factor of its kappa per unrelated campaign)."""
    row = parameters.types[kind]
    if kind == "software":
        group = "malware"
    elif row.soft in ("provider", "victimology", "behaviour"):
        return row.soft, 1.0
    else:
        group = "claims" if row.soft else row.facet
    return group, parameters.attribution["kappa_factor"]


def _piece(
    scene: Scene,
    members: Sequence[Profile],
    actor: str,
    feature: Feature,
    references: Sequence[str],
    campaigns: int,
    outside: set[str],
) -> Piece:
    parameters, numbers = scene.parameters, scene.parameters.attribution
    row, weights = parameters.types[feature.kind], parameters.weights[feature.kind]
    best: tuple[float, float, float, float, str, str] | None = None
    for member in members:
        if feature not in member.features:
            continue
        for reference in references:
            other = scene.memory.profiles[reference]
            rho = min(parameters.rho(member.report.grade), parameters.rho(other.report.grade))
            independence = scene.copies.independence(
                member.report.id, feature
            ) * scene.copies.independence(reference, feature)
            gap = member.features[feature].gap_days(other.features[feature]) or 0
            decay = 2.0 ** (-gap / weights.half_life_days)
            net = rho * independence * decay
            if best is None or (net, member.report.id) > (best[0], best[4]):
                best = (net, rho, independence, decay, member.report.id, reference)
    assert best is not None  # a shared feature is in some member and some reference
    _, rho, independence, decay, member_id, reference = best
    sighting = scene.profiles[member_id].features[feature]
    theirs = scene.memory.profiles[reference].features[feature]
    common = commonplace(
        feature,
        first_day(sighting, theirs),
        parameters,
        (scene.profiles[member_id], scene.memory.profiles[reference]),
    )
    group, factor = saturates_with(feature.kind, parameters)
    kappa = max(weights.kappa * scene.universe.users(feature) * factor, common.kappa)
    rarity = (
        float(scene.memory.campaigns(references)),
        float(campaigns),
        scene.universe.d(feature, outside) / scene.universe.n
        + scene.universe.elsewhere(feature) / parameters.universe["base_origins"],
        kappa / parameters.universe["conditional"],
    )
    cited = (*sighting.observations, *theirs.observations)
    return Piece(
        actor=actor,
        facet=row.facet,
        group=group,
        text=f"{feature.kind} {feature.value}, as in {reference}"
        + (f" (commonplace: {common.why})" if common.why else ""),
        batch=f"{member_id}/{sighting.batch}",
        gross_bits=rarity_bits(rarity, numbers["alpha"]),
        rho=rho,
        independence=independence,
        decay=decay,
        phi=weights.phi,
        observations=tuple(dict.fromkeys(cited)),
        origins=(member_id, reference),
        kind=feature.kind,
        rarity=rarity,
    )


def technique_pieces(
    scene: Scene, members: Sequence[Profile], present: Collection[str]
) -> Iterable[Piece]:
    """Behaviour: the single reference report of an actor whose techniques resemble most.

    Memory of reports, not a merged profile: a union of all that an actor ever did resembles
    everybody.
    """
    parameters = scene.parameters
    weights = parameters.weights["technique"]
    m = parameters.technique["m"]
    gamma = parameters.attribution["gamma"]
    own = {p.report.id for p in members}
    mean = scene.universe.technique_mean(own)
    best: dict[str, tuple[float, str, Profile, list[tuple[Feature, float]], float, float]] = {}
    for member in members:
        mine = [f for f in member.features if f.kind == "technique"]
        if not mine:
            continue
        rates = {f: scene.universe.technique_rate(f, own) for f in mine}
        size = member.count("technique")
        overlap: dict[str, list[Feature]] = {}
        for feature in sorted(mine):
            for reference in scene.memory.by_feature.get(feature, ()):
                if reference not in own:
                    overlap.setdefault(reference, []).append(feature)
        for reference, shared in sorted(overlap.items()):
            other = scene.memory.profiles[reference]
            covered = {p for f in shared for p in member.parents.get(f, ())}
            longest = max(size, other.count("technique"))
            rows = sorted(
                (
                    (f, technique_bits(rates[f], longest, mean, m))
                    for f in shared
                    if f not in covered
                ),
                key=lambda row: (-row[1], row[0]),
            )
            rows = [row for row in rows if row[1] > 0]
            rho = min(parameters.rho(member.report.grade), parameters.rho(other.report.grade))
            ours, theirs = member.report.published, other.report.published
            gap = ours.gap_days(theirs) if ours and theirs else 0
            decay = 2.0 ** (-gap / weights.half_life_days)
            total = sum(b * gamma**i for i, (_, b) in enumerate(rows)) * rho * decay
            actor = scene.memory.actor_of[reference]
            for name in (actor, *scene.world.descendants(actor)):
                if name != actor and name not in present:
                    continue
                if rows and (name not in best or (total, reference) > best[name][:2]):
                    best[name] = (total, reference, member, rows, rho, decay)
    for actor in sorted(best):
        _, reference, member, rows, rho, decay = best[actor]
        other = scene.memory.profiles[reference]
        for feature, bits in rows:
            cited = (*member.features[feature].observations, *other.features[feature].observations)
            yield Piece(
                actor=actor,
                facet="behaviour",
                group="behaviour",
                text=f"technique {feature.value}, as in {reference}",
                batch="techniques",
                gross_bits=bits,
                rho=rho,
                independence=1.0,
                decay=decay,
                phi=weights.phi,
                observations=tuple(dict.fromkeys(cited)),
                origins=(member.report.id, reference),
                kind="technique",
            )
