"""Reports prepared for comparison, and the links and clusters they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from samehand.cluster import Pair, attach_compilations, correlation_clusters, pair
from samehand.compare.claims import Statements, with_roots
from samehand.compare.copies import Copies, find_copies
from samehand.compare.evidence import Gatherer, PairEvidence
from samehand.compare.files import same_files
from samehand.compare.profile import Profile, profile, year_of
from samehand.compare.universe import Universe, build_universe
from samehand.config import Parameters, PriorPreset
from samehand.errors import InputError
from samehand.likelihood import bits_from_probability
from samehand.link import hand_probability, make_link, make_links
from samehand.model import (
    Constraints,
    Feature,
    Link,
    Report,
)

#: A feature in more reports than this opens no candidate pair; it is far too common to matter.
MAX_BLOCK = 200

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Progress to nowhere."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of one run."""

    prior: PriorPreset = "feed"
    as_of: date | None = None
    """Knowledge (base rates, priors) is taken as of this day; reports are restricted before."""
    without: tuple[str, ...] = ()
    ceiling: str = ""
    intervals: bool = False
    only: tuple[str, ...] = ()
    """Attribute only campaigns that hold one of these reports, and leave out what no answer
    depends on (coverage, cited evidence): the lean form that leave-one-out runs. Empty: all."""
    title: str = ""
    catalogues: bool = False
    """What catalogues tell of actors is heard: by it the free text of reports and, without
    reference reports, the techniques that they state. Its pages bear no dates, so as of a day it is
    silent."""


@dataclass(frozen=True, slots=True)
class Case:
    """Reports prepared for comparison."""

    profiles: Mapping[str, Profile]
    copies: Copies
    universe: Universe
    statements: Statements
    parameters: Parameters
    case_k: float | None
    same: Mapping[Feature, Feature]
    """Hash -> the hash that stands for the same file."""
    case_ids: tuple[str, ...]
    """Reports of the case, derivatives among them."""
    copies_of: Mapping[str, tuple[str, ...]]
    """origin -> its derivatives in the case."""

    def gatherer(
        self, clusters: Mapping[str, frozenset[str]] | None = None, forgiven: float = 0.0
    ) -> Gatherer:
        """Evidence of pairs over this case."""
        return Gatherer(
            self.profiles,
            self.universe,
            self.copies,
            self.statements,
            self.parameters,
            clusters,
            self.case_k,
            forgiven,
        )


def prepare(
    reports: Iterable[Report], parameters: Parameters, options: Options = Options()
) -> Case:
    """Profiles, copies, rarity and statements of some reports.

    Raises:
        InputError: if two reports carry the same id.
    """
    profiled: dict[str, Profile] = {}
    background: list[Profile] = []
    ordered = sorted(with_roots(reports), key=lambda r: r.id)
    same = same_files(ordered)
    for report in ordered:
        if report.use == "background":
            background.append(profile(report, same))
        elif report.id in profiled:
            raise InputError(f"two reports carry the id {report.id!r}; ids must be unique")
        else:
            profiled[report.id] = profile(report, same)
    copies = find_copies(profiled, parameters.copies)
    universe = build_universe(
        profiled.values(), background, copies, parameters, year_of(options.as_of)
    )
    return Case(
        profiles=profiled,
        copies=copies,
        universe=universe,
        statements=Statements({i: p.report for i, p in profiled.items()}, copies, parameters),
        parameters=parameters,
        same=same,
        case_k=parameters.prior["case_k"] if options.prior == "case" else None,
        case_ids=tuple(i for i, p in profiled.items() if p.report.use == "case"),
        copies_of={
            origin: tuple(copy for copy, _ in group)
            for origin, group in groupby(
                sorted(copies.derivative_of.items(), key=lambda item: (item[1], item[0])),
                key=lambda item: item[1],
            )
        },
    )


def candidate_pairs(case: Case, ids: Iterable[str], of: str = "") -> list[Pair]:
    """Pairs of the given reports with any evidence: a shared feature, or something stated.

    In a case every pair is a candidate; among reports that merely arrived, soft features alone
    cannot make a link and do not block. With ``of`` only the pairs of that report, one of ``ids``.
    """
    wanted = sorted(set(ids))
    inside = set(wanted)
    found: set[Pair] = {
        pair(a, b) for a, b in case.statements.pairs() if a in inside and b in inside
    }
    for copy, origin in case.copies.derivative_of.items():
        if copy in inside and origin in inside:
            found.add(pair(copy, origin))
    if of:
        found = {p for p in found if of in p}

    def among(reports: Sequence[str]) -> Iterable[Pair]:
        if of:
            return (pair(of, r) for r in reports if r != of)
        return ((a, b) for n, a in enumerate(reports) for b in reports[n + 1 :])

    if case.case_k is not None and len(wanted) <= 400:
        found.update(among(wanted))
        return sorted(found)
    own = case.profiles[of].features if of else None
    holders: dict[Feature, list[str]] = {}
    for identifier in wanted:
        for feature in case.profiles[identifier].features:
            if not case.parameters.types[feature.kind].soft and (own is None or feature in own):
                holders.setdefault(feature, []).append(identifier)
    for reports in holders.values():
        if 1 < len(reports) <= MAX_BLOCK:
            found.update(among(reports))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Partition:
    """Clusters at both strengths; the merged ones lie inside the proposed ones."""

    merged: tuple[tuple[str, ...], ...]
    proposed: tuple[tuple[str, ...], ...]

    def of(self) -> dict[str, frozenset[str]]:
        """Report -> its proposed cluster."""
        return {r: frozenset(c) for c in self.proposed for r in c}


def partition(
    case: Case,
    ids: Sequence[str],
    probabilities: Mapping[Pair, float],
    must: Iterable[Pair],
    cannot: Iterable[Pair],
) -> Partition:
    """Merged and proposed clusters of some reports, compilations attached at the end."""
    numbers = case.parameters.cluster
    bits = {p: bits_from_probability(min(max(v, 1e-9), 1 - 1e-9)) for p, v in probabilities.items()}
    reports = [i for i in ids if i not in case.copies.compilations]
    compilations = [i for i in ids if i in case.copies.compilations]
    origin = case.copies.derivative_of
    must, cannot = (
        sorted({pair(origin.get(a, a), origin.get(b, b)) for a, b in pairs})
        for pairs in (must, cannot)
    )
    levels: list[tuple[tuple[str, ...], ...]] = []
    start: Sequence[tuple[str, ...]] = ()
    placed: dict[str, str] = {}
    for tau in (numbers["tau_merged"], numbers["tau_proposed"]):
        limits = {
            "floor_bits": numbers["floor_bits"],
            "max_bits": bits_from_probability(tau) + numbers["max_link_bits"],
        }
        start = correlation_clusters(
            reports,
            bits,
            tau=tau,
            **limits,
            must=must,
            cannot=cannot,
            start=start,
        )
        # A compilation that was merged somewhere stays there, so merged lies inside proposed.
        attached = attach_compilations(
            start,
            [c for c in compilations if c not in placed],
            bits,
            tau=tau,
            **limits,
            must=must,
            cannot=cannot,
        )
        full = [
            (*cluster, *(c for c, beside in placed.items() if beside in cluster))
            for cluster in attached
        ]
        for cluster in full:
            witnesses = [r for r in cluster if r not in case.copies.compilations]
            if witnesses:
                placed.update((c, witnesses[0]) for c in cluster if c in case.copies.compilations)
        levels.append(tuple(tuple(sorted(cluster)) for cluster in full))
    return Partition(levels[0], levels[1])


def link_and_cluster(
    case: Case, constraints: Constraints = Constraints(), progress: Progress = silent
) -> tuple[list[Link], Partition, Gatherer]:
    """Links of all candidate pairs and the hands they make.

    Two passes, so that a campaign does not make its own values look common: the first forgives a
    few other holders of a value, for they may be of the same campaign; the second counts every
    holder outside the clusters that the first found.
    """
    roots = [i for i in case.case_ids if i not in case.copies.derivative_of]
    pairs = candidate_pairs(case, roots)
    gatherer = case.gatherer(forgiven=case.parameters.universe["first_pass_forgiven"])
    hands = Partition((), ())
    links: list[Link] = []
    for number in range(2):
        probabilities: dict[Pair, float] = {}
        for done in range(0, len(pairs), 256):
            batch = [gatherer.gather(a, b) for a, b in pairs[done : done + 256]]
            if number == 0:
                for e in batch:
                    probabilities[e.l, e.r] = hand_probability(e, case.parameters)
            else:
                made = make_links(batch, case.parameters)
                probabilities.update(((k.l, k.r), k.probability) for k in made)
                links.extend(made)
            progress(f"comparing, pass {number + 1} of 2", min(done + 256, len(pairs)), len(pairs))
        hands = partition(
            case,
            roots,
            probabilities,
            constraints.must_hand | constraints.must_campaign,
            constraints.cannot_hand,
        )
        if number == 0:
            gatherer = case.gatherer({r: c for r, c in hands.of().items() if len(c) > 1})
    return links, hands, gatherer


def pair_evidence(case: Case, a: str, b: str) -> PairEvidence:
    """The evidence of one pair of a prepared case, outside any clustering."""
    return case.gatherer().gather(*pair(a, b))


def copy_links(case: Case, gatherer: Gatherer) -> list[Link]:
    """Links between derivatives and their origins, which are not clustered apart."""
    return [
        make_link(gatherer.gather(*pair(copy, origin)), case.parameters)
        for copy, origin in sorted(case.copies.derivative_of.items())
        if case.profiles[copy].report.use == case.profiles[origin].report.use == "case"
    ]
