"""What publishers say about whether reports belong together, and what they took back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from samehand.compare.copies import Copies, fold_address
from samehand.config import Parameters
from samehand.model import Claim, Report
from samehand.normalise import name_key


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about a pair of reports, in bits before the source grade."""

    text: str
    bits: float
    rho: float
    claim: str
    origin: str
    withdrawn_by: str = ""
    """Id of the withdrawing claim; such a statement counts zero and is still shown."""


def withdrawals(reports: Iterable[Report]) -> dict[str, str]:
    """Claim id -> id of the claim that withdraws it.

    Only a publisher can withdraw its own earlier view: the withdrawing report must have the same
    publisher as (or be) the report that made the claim, name that report, and agree with the
    claim's `about` and `actor` wherever it states them. It must not be older than the claim. Who
    only repeats the claim falls silent with it.
    """
    listed = sorted(reports, key=lambda r: r.id)
    by_id = {report.id: report for report in listed}
    stated: dict[str, list[Claim]] = {}
    for report in listed:
        for claim in report.claims:
            if claim.relation != "withdrawal":
                for source in {report.id, claim.origin}:
                    stated.setdefault(source, []).append(claim)
    found: dict[str, str] = {}
    for report in listed:
        for claim in report.claims:
            if claim.relation != "withdrawal":
                continue
            for target_id in claim.reports or (report.id,):
                target = by_id.get(target_id)
                if target is None or not _may_withdraw(report, target):
                    continue
                for old in stated.get(target_id, ()):
                    own_view = old.report != target_id and old.first_hand
                    if not own_view and _covers(claim, old):
                        found.setdefault(old.id, claim.id)
    return found


def _may_withdraw(later: Report, earlier: Report) -> bool:
    if later.id == earlier.id:
        return True
    same = bool(later.publisher) and name_key(later.publisher) == name_key(earlier.publisher)
    if later.known_at and earlier.known_at and later.known_at < earlier.known_at:
        return False
    return same


def _covers(withdrawal: Claim, old: Claim) -> bool:
    agrees_actor = not withdrawal.actor or name_key(withdrawal.actor) == name_key(old.actor)
    agrees_about = not withdrawal.about or name_key(withdrawal.about) == name_key(old.about)
    return agrees_actor and agrees_about


def with_roots(reports: Iterable[Report]) -> list[Report]:
    """The reports with every claim's origin followed to its root.

    An origin or compared report given as an address becomes the id of the loaded report of that
    address, else the address in one spelling. Who repeats a repeater repeats whom that one repeats.
    """
    listed = list(reports)
    known = {report.id: report for report in listed}
    by_address = {
        fold_address(url): report.id
        for report in sorted(listed, key=lambda r: r.id, reverse=True)
        for url in report.urls
    }

    def at(address: str, otherwise: str) -> str:
        return by_address.get(fold_address(address), otherwise)

    def place(origin: str) -> str:
        if origin in known:
            return origin
        return at(origin, fold_address(origin) or origin)

    def root(claim: Claim) -> str:
        origin, seen = place(claim.origin), {claim.report}
        while origin in known and origin not in seen:
            seen.add(origin)
            further = [
                place(c.origin)
                for c in known[origin].claims
                if c.relation == claim.relation
                and name_key(c.actor) == name_key(claim.actor)
                and not c.first_hand
                and place(c.origin) != origin
            ]
            own = any(
                c.relation == claim.relation
                and name_key(c.actor) == name_key(claim.actor)
                and c.first_hand
                for c in known[origin].claims
            )
            if own or not further:
                break
            origin = min(further)
        return origin

    found = []
    for report in listed:
        claims = tuple(
            replace(
                c,
                origin=c.origin if c.origin == report.id else root(c),
                reports=tuple(sorted({r if r in known else at(r, r) for r in c.reports})),
            )
            for c in report.claims
        )
        found.append(report if claims == report.claims else replace(report, claims=claims))
    return found


def comparison_bits(claim: Claim, parameters: Parameters) -> tuple[float, str]:
    """Bits of a reported comparison before the source grade, and how it reads."""
    numbers = parameters.reported
    count = f", {claim.count} shared items" if claim.count else ""
    if len(claim.facets) >= 2:
        return numbers["two_facets_bits"], f"shared {', '.join(claim.facets)}{count}"
    if claim.facets:
        return numbers["one_facet_bits"], f"shared {claim.facets[0]}{count}"
    return numbers["same_campaign_bits"], "the same campaign"


class Statements:
    """Reported comparisons and denials of all witnesses, by pair of reports."""

    def __init__(
        self, reports: Mapping[str, Report], copies: Copies, parameters: Parameters
    ) -> None:
        """Index the first-hand claims of reports that are witnesses."""
        self.withdrawn = withdrawals(reports.values())
        self._comparisons: dict[tuple[str, str], list[Statement]] = {}
        self._denials: dict[tuple[str, str], list[Statement]] = {}
        for report in sorted(reports.values(), key=lambda r: r.id):
            if not copies.is_witness(report.id):
                continue
            for claim in report.claims:
                if not claim.first_hand:
                    continue  # a repetition is no statement of its own
                if claim.relation == "reported-comparison" and not claim.actor:
                    bits, text = comparison_bits(claim, parameters)
                    target = self._comparisons
                elif claim.relation == "denial" and not claim.actor:
                    bits, text = parameters.reported["denial_bits"], "not the same"
                    target = self._denials
                else:
                    continue
                who = report.publisher or report.id
                statement = Statement(
                    text=f"{who} reports: {text}",
                    bits=bits,
                    rho=parameters.rho(report.grade),
                    claim=claim.id,
                    origin=claim.origin,
                    withdrawn_by=self.withdrawn.get(claim.id, ""),
                )
                known = sorted(
                    {copies.derivative_of.get(r, r) for r in claim.reports if r in reports}
                )
                for number, left in enumerate(known):
                    for right in known[number + 1 :]:
                        target.setdefault((left, right), []).append(statement)

    def pairs(self) -> set[tuple[str, str]]:
        """All pairs about which something is stated."""
        return set(self._comparisons) | set(self._denials)

    def comparisons(self, l: str, r: str) -> tuple[Statement, ...]:
        """Reported comparisons of a pair, one per origin: the strongest that still stands."""
        return _one_per_origin(self._comparisons.get((l, r), ()))

    def denials(self, l: str, r: str) -> tuple[Statement, ...]:
        """Denials of a pair, one per origin."""
        return _one_per_origin(self._denials.get((l, r), ()))


def _one_per_origin(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    best: dict[str, Statement] = {}
    withdrawn: list[Statement] = []
    for statement in statements:
        if statement.withdrawn_by:
            withdrawn.append(statement)
            continue
        other = best.get(statement.origin)
        if other is None or abs(statement.bits * statement.rho) > abs(other.bits * other.rho):
            best[statement.origin] = statement
    return (
        *sorted(best.values(), key=lambda s: (-s.bits * s.rho, s.claim)),
        *sorted(withdrawn, key=lambda s: s.claim),
    )
