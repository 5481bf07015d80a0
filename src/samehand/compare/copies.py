"""Source dependence: who repeats whom, by citations and by what the reports themselves show.

A report that holds nothing of its own beyond another and cites it, or surely copied it, is a
*derivative*: it collapses into its origin and adds nothing. A report that probably copied some
items counts for each of them only with probability 1 - P(copied). Method page, "Copies and
compilations"; `dependence` weighs, `copysearch` finds whom to compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from samehand.compare.copysearch import find_edges
from samehand.compare.dependence import CopyEdge, Numbers
from samehand.compare.profile import Profile
from samehand.config import types_table
from samehand.model import Feature, Report

#: Beginnings of addresses that reports link to for their readers.
_EXPLAINING = ("attack.mitre.org/", "cve.mitre.org/", "nvd.nist.gov/", "en.wikipedia.org/")


def fold_address(url: str) -> str:
    """An address without scheme, www, case and final slash, for recognising it again."""
    return (
        url.strip()
        .lower()
        .rstrip("/")
        .removeprefix("https://")
        .removeprefix("http://")
        .removeprefix("www.")
    )


def resolve_citations(reports: Iterable[Report]) -> dict[str, tuple[str, ...]]:
    """Report id -> ids of the loaded reports it cites, by id or by address."""
    listed = list(reports)
    by_address: dict[str, str] = {}
    for report in listed:
        for url in report.urls:
            by_address.setdefault(fold_address(url), report.id)
    known = {report.id for report in listed}
    cited: dict[str, tuple[str, ...]] = {}
    for report in listed:
        targets = {c if c in known else by_address.get(fold_address(c), "") for c in report.cites}
        cited[report.id] = tuple(sorted(targets - {"", report.id}))
    return cited


def common_pages(reports: Iterable[Report]) -> dict[str, tuple[str, ...]]:
    """Folded addresses that no loaded report has, and that several cite -> who, sorted.

    Only addresses of one page: a site as a whole is nobody's source, and a page of ATT&CK explains
    what is told, and is not where it comes from.
    """
    listed = list(reports)
    own = {fold_address(u) for r in listed for u in r.urls} | {r.id for r in listed}
    citing: dict[str, set[str]] = {}
    for report in listed:
        for address in map(fold_address, report.cites):
            if "/" in address and address not in own and not address.startswith(_EXPLAINING):
                citing.setdefault(address, set()).add(report.id)
    return {page: tuple(sorted(ids)) for page, ids in citing.items() if len(ids) > 1}


@dataclass(frozen=True, slots=True)
class Copies:
    """Dependence between the loaded reports."""

    cited: Mapping[str, tuple[str, ...]]
    derivative_of: Mapping[str, str]
    """derivative -> its root origin."""
    compilations: frozenset[str]
    holders: Mapping[str, frozenset[Feature]]
    """features of every report that another cites or may have copied from."""
    cited_probability: float
    detected: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """copy -> origin -> P(copied) where more than a citation tells."""
    edges: tuple[CopyEdge, ...] = ()
    """Who may have copied from whom and why, for pages; compilations among the copies."""

    def is_witness(self, report: str) -> bool:
        """Whether the report is an independent origin: neither derivative nor compilation."""
        return report not in self.derivative_of and report not in self.compilations

    def independence(self, report: str, feature: Feature) -> float:
        """I_x: probability that the report did not take this feature from another.

        The product over its sources; copies of one origin are one source.
        """
        cited, detected = self.cited.get(report, ()), self.detected.get(report, {})
        if not cited and not detected:
            return 1.0
        copied: dict[str, float] = {}
        for source in sorted({*cited, *detected}):
            root = self.derivative_of.get(source, source)
            if root != report and feature in self.holders.get(source, ()):
                probability = detected.get(source, self.cited_probability)
                copied[root] = max(probability, copied.get(root, 0.0))
        return math.prod(1.0 - p for p in copied.values())


def _is_derivative(copy: Profile, origin: Profile) -> bool:
    """Whether a report holds nothing of its own beyond one that it cites or surely copied."""
    report = copy.report
    if report.use != origin.report.use:
        return False  # a case report is judged on its own, whatever reference it cites
    if report.kind in ("compilation", "incident") or any(
        claim.first_hand for claim in report.claims
    ):
        return False
    own = {o.feature for o in report.observations}
    types = types_table()
    if all(types[feature.kind].derived for feature in own):
        return False  # techniques, names and victims alone are no list that one could copy
    return own <= {o.feature for o in origin.report.observations}


def _later(source: date | None, report: date | None) -> bool:
    """Whether the cited report came after the citing one, so that nothing was copied from it."""
    return source is not None and report is not None and source > report


def _roots(direct: dict[str, str], profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Each derivative with its root; in a ring of citations that is the earliest."""
    roots: dict[str, str] = {}
    for identifier in sorted(direct):
        walked = [identifier]
        while walked[-1] in direct and direct[walked[-1]] not in walked:
            walked.append(direct[walked[-1]])
        if walked[-1] in direct:  # a ring: it begins where the walk came back to
            ring = walked[walked.index(direct[walked[-1]]) :]
            first = min(ring, key=lambda i: (profiles[i].report.known_at or date.min, i))
            del direct[first]
    for identifier in direct:
        root = direct[identifier]
        while root in direct:
            root = direct[root]
        roots[identifier] = root
    return roots


def find_copies(profiles: Mapping[str, Profile], numbers: Numbers) -> Copies:
    """Dependence among the profiled reports, from their citations and from what they hold.

    The result does not depend on the order of loading. ``numbers`` is the section [copies] of the
    parameters.
    """
    known_at = {i: p.report.known_at for i, p in profiles.items()}
    cited = {
        i: tuple(s for s in sources if not _later(known_at[s], known_at[i]))
        for i, sources in resolve_citations(p.report for p in profiles.values()).items()
    }
    direct: dict[str, str] = {}
    for identifier in sorted(cited):
        for source in cited[identifier]:
            copy, origin = profiles[identifier], profiles[source]
            if origin.report.kind != "compilation" and _is_derivative(copy, origin):
                direct[identifier] = source
                break
    roots = _roots(direct, profiles)
    pages = common_pages(p.report for p in profiles.values())
    found = find_edges(profiles, cited, roots, numbers, _is_derivative, pages)
    direct = {**roots, **found.direct}
    roots = _roots(direct, profiles)
    detected: dict[str, dict[str, float]] = {}
    for edge in found.edges:
        one, other = edge.copy, edge.origin
        counts = other not in roots or direct.get(one) == other or other in cited[one]
        # A copy of a copy is judged by the first: what only repeats changes nothing.
        more = any(t.name not in ("start", "citation") for t in edge.terms)  # or a common source
        if counts and more and profiles[one].report.kind != "compilation":
            detected.setdefault(one, {})[other] = edge.probability
    sources = {source for targets in (*cited.values(), *detected.values()) for source in targets}
    return Copies(
        cited=cited,
        derivative_of=roots,
        compilations=frozenset(i for i, p in profiles.items() if p.report.kind == "compilation"),
        holders={s: frozenset(profiles[s].features) for s in sources},
        cited_probability=numbers["cited_probability"],
        detected=detected,
        edges=found.edges,
    )
