"""Which actors a campaign's observables point at: values that it shares with their reports.

The indicator channel of attribution, gathered but not yet weighed (see `shared_odds`). Text, title
and provenance play no part. A value that unrelated reports, the prevalence sketch or the lists of
commonplace values know is kept with how many they are; copies count as far as they observed; what
follows from another shared value is the same fact and left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from samehand.compare.actors import Scene
from samehand.compare.copies import Copies
from samehand.compare.evidence import commonplace, first_day
from samehand.compare.profile import Profile
from samehand.config import Parameters
from samehand.knowledge.prevalence import FAMILY_PREFIX, Sketch
from samehand.model import Feature
from samehand.normalise import has_path

#: Kinds that are compared -> what their sharing is weighed as. A /24 has no weight of its own: it
#: is only how an address is found to be near. Kinds without labelled data weigh as a file does.
KINDS: Mapping[str, tuple[str, ...]] = {
    "domain-name": ("host",), "registered-domain": ("host",), "url": ("host", "path", "url"),
    "ipv4-addr": ("address",), "ipv6-addr": ("address",), "ipv4-addr:port": ("address", "port"),
    "ipv4-net24": (), "url:path": ("path",),
    **dict.fromkeys((
        "file:md5", "file:sha1", "file:sha256", "file:sha512", "file:ssdeep", "file:tlsh",
        "file:imphash", "email-addr", "pdb-path", "mutex", "named-pipe", "cryptocurrency-wallet",
        "x509-certificate:sha1", "x509-certificate:serial", "user-account",
    ), ("file",)),
}  # fmt: skip
#: A value tells in full what an actor's door needs from this share on; see `Value.telling`.
_OPEN = 0.25
#: Unrelated holders that halve how far a value opens the door [judgement].
_MANY = 10.0
#: Pseudo-reports that pull an actor's habits to everybody's, and the least bits of one habit: that
#: an actor has not shown one before says little.
_PSEUDO, _LEAST_HABIT = 2.0, -1.0


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a campaign shares with an actor's reference reports."""

    feature: Feature
    reports: tuple[str, ...]
    """Reference reports of the actor that hold it, sorted."""
    members: tuple[str, ...]
    """Reports of the campaign that hold it."""
    observations: tuple[str, ...]
    other_actors: float
    other_reports: float
    background: float
    other_publisher: bool
    kept: float
    """0 to 1: what commonplace lists (1 / (1 + kappa)) and copying leave of it."""
    why: str = ""
    """Lists of commonplace values that it is on, in words."""
    implied: tuple[Value, ...] = ()
    """Shared values that follow from it: the same fact, of which the most telling form counts."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What its sharing is weighed as; a URL without a path is its host."""
        if self.feature.kind == "url" and not has_path(self.feature):
            return ("host",)
        return KINDS[self.feature.kind]

    @property
    def telling(self) -> float:
        """0 to 1: how far it makes its holders candidates at all."""
        own = self.kept / (1.0 + (self.other_reports + self.background) / _MANY)
        return max((own if self.parts else 0.0, *(v.telling for v in self.implied)))


@dataclass(frozen=True, slots=True)
class Shared:
    """All that a campaign shares with one actor."""

    actor: str
    values: tuple[Value, ...]
    """Sorted by feature; what follows from another shared value stands inside that."""
    unshared: int
    """Values of the campaign that the actor does not share."""
    habit_bits: float
    """Mean log2 ratio, actor against everybody, of the habits in unshared hosts; 0 if none."""

    @property
    def open(self) -> float:
        """0 to 1: 0 where all that is shared is commonplace."""
        return min(1.0, max((v.telling for v in self.values), default=0.0) / _OPEN)


@dataclass(frozen=True, slots=True)
class Ground:
    """The reference reports, indexed once for all questions."""

    profiles: Mapping[str, Profile]
    """Reference reports that are witnesses."""
    actor_of: Mapping[str, str]
    """Report -> actor; without reports of unknown or of a malware family."""
    by_feature: Mapping[Feature, tuple[str, ...]]
    copies: Copies
    parameters: Parameters
    background: Mapping[Feature, float]
    """Feature -> background reports that hold it, where any does."""
    sketch: Sketch | None
    before_year: int
    reports_of: Mapping[str, int]
    """Actor -> reference reports."""
    habits_of: Mapping[str, Mapping[str, int]]
    """Actor -> habit -> reports that show it."""
    habits: Mapping[str, int]
    """Habit -> reports of any actor that show it."""
    _kept: dict[Feature, float] = field(default_factory=dict, repr=False, compare=False)

    def unrelated(self, feature: Feature, loaded: int) -> float:
        """Background holders, or those that the sketch knows beyond ``loaded`` others."""
        if feature not in self._kept:
            known = self.sketch.count(feature, self.before_year) if self.sketch else 0
            self._kept[feature] = float(known)
        return max(self.background.get(feature, 0.0), self._kept[feature] - loaded)


def habit_of(profile: Profile, feature: Feature) -> str:
    """The provider of a host, else its ending; '' of everything else."""
    if feature.kind != "domain-name":
        return ""
    above = {parent.kind: parent.value for parent in profile.parents.get(feature, ())}
    registered = above.get("registered-domain", "")
    return above.get("provider") or registered.partition(".")[2] if registered else ""


def habits_in(profile: Profile) -> set[str]:
    """All habits that a report shows."""
    return {habit_of(profile, f) for f in profile.features} - {""}


def make_ground(
    references: Iterable[Profile],
    actor_of: Mapping[str, str],
    copies: Copies,
    parameters: Parameters,
    background: Mapping[Feature, float],
    sketch: Sketch | None = None,
    before_year: int = 0,
) -> Ground:
    """The index over reference reports; derivatives and compilations are left out.

    ``actor_of`` may name malware families (`FAMILY_PREFIX`): these are other holders, nobody's.
    """
    profiles = {
        p.report.id: p
        for p in sorted(references, key=lambda p: p.report.id)
        if copies.is_witness(p.report.id)
    }
    named = {i: a for i in profiles if (a := actor_of.get(i)) and not a.startswith(FAMILY_PREFIX)}
    by_feature: dict[Feature, list[str]] = {}
    reports_of: dict[str, int] = {}
    habits_of: dict[str, dict[str, int]] = {}
    habits: dict[str, int] = {}
    for identifier, profile in profiles.items():
        for feature in profile.features:
            if feature.kind in KINDS:
                by_feature.setdefault(feature, []).append(identifier)
        actor = named.get(identifier)
        if actor:
            reports_of[actor] = reports_of.get(actor, 0) + 1
            own = habits_of.setdefault(actor, {})
            for habit in habits_in(profile):
                own[habit] = own.get(habit, 0) + 1
                habits[habit] = habits.get(habit, 0) + 1
    return Ground(
        profiles, named, {f: tuple(ids) for f, ids in by_feature.items()}, copies, parameters,
        background, sketch, before_year, reports_of, habits_of, habits,
    )  # fmt: skip


def ground_of(scene: Scene) -> Ground:
    """The index over a scene's reference reports; build it once per scene."""
    universe = scene.universe
    references = [p for p in scene.profiles.values() if p.report.use == "reference"]
    held = {f for p in references for f in p.features if f.kind in KINDS}
    background: dict[Feature, float] = {}
    for feature in held:
        strangers = [
            w for r, w in universe.holders.get(feature, {}).items() if r not in scene.profiles
        ]
        if strangers:
            background[feature] = math.fsum(strangers)
    return make_ground(
        references, scene.memory.actor_of, scene.copies, scene.parameters, background,
        universe.sketch, universe.before_year,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Question:
    """The campaign's own side, the same for every actor."""

    holders: Mapping[Feature, tuple[Profile, ...]]
    leaves: Mapping[Feature, tuple[Feature, ...]]
    """Feature -> the observed values that are it or that it follows from."""
    values: int
    """How many observed values are compared."""
    habits: Mapping[Feature, str]
    above: Mapping[Feature, frozenset[Feature]]


def _question(members: Sequence[Profile]) -> _Question:
    holders: dict[Feature, tuple[Profile, ...]] = {}
    above: dict[Feature, frozenset[Feature]] = {}
    habits: dict[Feature, str] = {}
    for member in members:
        for feature in member.features:
            if feature.kind in KINDS:
                holders[feature] = (*holders.get(feature, ()), member)
                above[feature] = above.get(feature, frozenset()) | frozenset(
                    p for p in member.parents.get(feature, ()) if p.kind in KINDS
                )
                habit = habit_of(member, feature)
                if habit:
                    habits[feature] = habit
    follow = {p for parents in above.values() for p in parents}
    leaves: dict[Feature, list[Feature]] = {}
    for feature in holders:
        if feature not in follow:
            for name in (feature, *above[feature]):
                leaves.setdefault(name, []).append(feature)
    ends = {f: tuple(v) for f, v in leaves.items()}
    return _Question(holders, ends, sum(f not in follow for f in holders), habits, above)


def shared_values(
    ground: Ground, members: Sequence[Profile], without: Collection[str] = ()
) -> tuple[Shared, ...]:
    """What a campaign's witnesses share with each actor that holds anything of it, by name.

    Its own reports are never references of themselves; nor are those ``without``.
    """
    asked = _question(sorted(members, key=lambda p: p.report.id))
    left_out = {p.report.id for p in members} | set(without)
    found: dict[str, dict[Feature, list[str]]] = {}
    around: dict[Feature, list[str]] = {}
    for feature in sorted(asked.holders):
        holding = [r for r in ground.by_feature.get(feature, ()) if r not in left_out]
        if holding:
            around[feature] = holding
            for report in holding:
                actor = ground.actor_of.get(report)
                if actor:
                    found.setdefault(actor, {}).setdefault(feature, []).append(report)
    return tuple(_shared(ground, asked, a, found[a], around) for a in sorted(found))


def _shared(
    ground: Ground,
    asked: _Question,
    actor: str,
    held: Mapping[Feature, list[str]],
    around: Mapping[Feature, list[str]],
) -> Shared:
    values = {f: _value(ground, asked, actor, f, held[f], around[f]) for f in held}
    covered = {p for f in held for p in asked.above[f] if p in held}
    told = tuple(
        replace(values[f], implied=tuple(values[p] for p in sorted(asked.above[f] & held.keys())))
        for f in sorted(held.keys() - covered)
    )
    touched = {leaf for feature in held for leaf in asked.leaves.get(feature, ())}
    habits = {
        habit
        for feature, habit in asked.habits.items()
        if feature not in held and not asked.above[feature] & held.keys()
    }
    return Shared(actor, told, asked.values - len(touched), _habit_bits(ground, actor, habits))


def _habit_bits(ground: Ground, actor: str, habits: Collection[str]) -> float:
    """Mean over habits of log2(share of the actor's reports / share of all), shrunk."""
    everybody = sum(ground.reports_of.values()) + 2.0
    own, reports = ground.habits_of.get(actor, {}), ground.reports_of[actor]
    bits = []
    for habit in sorted(habits):
        usual = (ground.habits.get(habit, 0) + 1.0) / everybody
        share = (own.get(habit, 0) + _PSEUDO * usual) / (reports + _PSEUDO)
        bits.append(max(_LEAST_HABIT, math.log2(share / usual)))
    return math.fsum(bits) / len(bits) if bits else 0.0


def _value(
    ground: Ground,
    asked: _Question,
    actor: str,
    feature: Feature,
    reports: Sequence[str],
    holding: Sequence[str],
) -> Value:
    others = [r for r in holding if ground.actor_of.get(r) != actor]
    actors = {ground.actor_of[r] for r in others if r in ground.actor_of}
    kept, why, elsewhere = -1.0, "", False
    observations: dict[str, None] = {}
    members = asked.holders[feature]
    for member in members:
        sighting = member.features[feature]
        observations.update(dict.fromkeys(sighting.observations))
        for report in reports:
            other = ground.profiles[report]
            theirs = other.features[feature]
            observations.update(dict.fromkeys(theirs.observations))
            common = commonplace(
                feature, first_day(sighting, theirs), ground.parameters, (member, other)
            )
            witnessed = ground.copies.independence(member.report.id, feature)
            witnessed *= ground.copies.independence(report, feature)
            if witnessed / (1.0 + common.kappa) > kept:
                kept, why = witnessed / (1.0 + common.kappa), common.why
            publishers = {member.report.publisher, other.report.publisher} - {""}
            elsewhere = elsewhere or len(publishers) > 1
    return Value(
        feature=feature,
        reports=tuple(sorted(reports)),
        members=tuple(m.report.id for m in members),
        observations=tuple(observations),
        other_actors=float(len(actors)),
        other_reports=float(len(others)),
        background=ground.unrelated(feature, len(others)),
        other_publisher=elsewhere,
        kept=kept,
        why=why,
    )
