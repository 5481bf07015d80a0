"""One report as a set of comparable features, with what follows from each."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from samehand.config import types_table
from samehand.knowledge.attack import current
from samehand.knowledge.cache import on_forget
from samehand.knowledge.providers import split_host
from samehand.model import PASSIVE_ROLES, Feature, Report, Window
from samehand.normalise import has_path, host_of, is_address, is_special_address, net24, path_of

#: Places looked at for the gap between two sightings; more are one long list.
_MAX_PLACES = 16
#: Profiles kept; each holds its report.
_MOST_KEPT = 2048
_kept: dict[int, tuple[Report, Mapping[Feature, Feature], Profile]] = {}
on_forget(_kept.clear)


@dataclass(frozen=True, slots=True)
class Place:
    """One observation behind a sighting."""

    observation: str
    batch: str
    window: Window | None
    """The observation's own days, or the report's; `None` if undated."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One feature in one report."""

    places: tuple[Place, ...]
    """Sorted, so that the order inside a record does not matter."""

    @property
    def observations(self) -> tuple[str, ...]:
        """Ids of the observations."""
        return tuple(dict.fromkeys(p.observation for p in self.places))

    @property
    def batch(self) -> str:
        """The list it stands in; of several the first by name."""
        return self.places[0].batch

    def gap_days(self, other: Sighting) -> int | None:
        """Least number of days between two sightings; `None` where one is undated."""
        gaps = [
            p.window.gap_days(q.window)
            for p in self.places[:_MAX_PLACES]
            for q in other.places[:_MAX_PLACES]
            if p.window is not None and q.window is not None
        ]
        return min(gaps, default=None)

    def apart_from(self, observations: Set[str]) -> Sighting | None:
        """The sighting without some observations; `None` if nothing is left."""
        left = tuple(p for p in self.places if p.observation not in observations)
        return Sighting(left) if left else None


@dataclass(frozen=True, slots=True)
class Profile:
    """The comparable content of one report."""

    report: Report
    features: Mapping[Feature, Sighting]
    """Observed and derived features."""
    parents: Mapping[Feature, tuple[Feature, ...]]
    """feature -> what follows from it; only for features that have such."""
    activity: Window | None
    """Days that the evidence covers: the observations' own windows, else the activity that the
    report states, else its publication."""

    sources: Mapping[Feature, tuple[Feature, ...]]
    """What follows from observed values alone -> those values."""
    counts: Mapping[str, int]
    """kind -> how many features of it were observed, without derived ones."""

    def count(self, kind: str) -> int:
        """How many features of one kind were observed, without derived ones."""
        return self.counts.get(kind, 0)


def derive(feature: Feature) -> tuple[Feature, ...]:
    """What follows from a feature, most specific first; see ``derives`` in types.toml."""
    if feature.kind == "technique":
        parent, dot, _ = feature.value.partition(".")
        return (Feature("technique", parent),) if dot else ()
    kinds = types_table()[feature.kind].derives
    if not kinds:
        return ()
    if kinds == ("file:name",):
        name = feature.value.replace("/", "\\").rpartition("\\")[2].lower()
        return (Feature("file:name", name),) if name else ()
    host = host_of(feature)
    found: list[Feature] = []
    if is_address(host):
        if not is_special_address(host):
            if feature.kind != "ipv4-addr":
                found.append(Feature("ipv4-addr", host))
            found.append(Feature("ipv4-net24", net24(host)))
    elif host and ":" not in host:
        registered, provider = split_host(host)
        if feature.kind != "domain-name" and host != provider:
            found.append(Feature("domain-name", host))
        if registered:
            found.append(Feature("registered-domain", registered))
        if provider:
            found.append(Feature("provider", provider))
    if "url:path" in kinds and (path := path_of(feature)):
        found.append(Feature("url:path", path))
    return tuple(found)


def _comparable(feature: Feature, derived: tuple[Feature, ...]) -> bool:
    """Whether the feature itself counts.

    A private or reserved address says nothing, in whatever value it stands; nor does a provider's
    own name, bare or as a page without a path.
    """
    if feature.kind == "ipv6-addr":
        return not is_special_address(feature.value)
    host = host_of(feature)
    if is_special_address(host):
        return False
    bare = feature.kind == "domain-name" or (feature.kind == "url" and not has_path(feature))
    return not (bare and Feature("provider", host) in derived)


def _today(feature: Feature, same: Mapping[Feature, Feature]) -> Feature:
    """The feature by its present identifier: a revoked technique is what replaced it."""
    if feature.kind != "technique":
        return same.get(feature, feature)
    return Feature("technique", current(feature.value))


def _union(first: Window | None, second: Window | None) -> Window | None:
    if first is None or second is None:
        return first or second
    return Window(min(first.start, second.start), max(first.end, second.end))


def profile(report: Report, same: Mapping[Feature, Feature] = MappingProxyType({})) -> Profile:
    """The features of a report that may be compared.

    ``same`` says which hash stands for others of its file. Observations with a passive role
    (reference, victim, benign, sinkhole) are left out. Kept for reports met again: a question
    about what would change asks for the same ones a hundred times.
    """
    inside = {o.feature: same[o.feature] for o in report.observations if o.feature in same}
    held = _kept.get(id(report))
    if held is not None and held[0] is report and held[1] == inside:
        return held[2]
    made = _profile(report, inside)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[id(report)] = (report, inside, made)
    return made


def _profile(report: Report, same: Mapping[Feature, Feature]) -> Profile:
    gathered: dict[Feature, dict[str, Place]] = {}
    parents: dict[Feature, tuple[Feature, ...]] = {}
    own: Window | None = None
    stated = report.activity or report.published
    for observation in report.observations:
        if observation.role in PASSIVE_ROLES:
            continue
        own = _union(own, observation.window)
        place = Place(observation.id, observation.batch, observation.window or stated)
        observed = _today(observation.feature, same)
        derived = derive(observed)
        counted = _comparable(observed, derived)
        if counted and derived:
            parents[observed] = derived
        for feature in derived:  # two URLs of one host share the host, not host and domain
            if feature not in parents and feature.kind in ("domain-name", "ipv4-addr"):
                parents[feature] = derive(feature)
        for feature in (observed, *derived) if counted else derived:
            gathered.setdefault(feature, {})[observation.id] = place
    features = {
        feature: Sighting(tuple(sorted(places.values(), key=lambda p: (p.batch, p.observation))))
        for feature, places in gathered.items()
    }
    counts: dict[str, int] = {}
    seen = {_today(o.feature, same) for o in report.observations if o.role not in PASSIVE_ROLES}
    for feature in seen:
        counts[feature.kind] = counts.get(feature.kind, 0) + 1
    sources: dict[Feature, dict[Feature, None]] = {}
    for observed in sorted(seen):
        for feature in derive(observed):
            if feature not in seen:
                sources.setdefault(feature, {})[observed] = None
    return Profile(
        report,
        features,
        parents,
        own or stated,
        {feature: tuple(values) for feature, values in sources.items()},
        counts,
    )


def year_of(moment: date | None) -> int:
    """The year whose completed predecessors are known at that moment; `None` means all."""
    return moment.year if moment else 9999
