"""The reports nearest to one report, with the evidence that makes them so."""

from __future__ import annotations

from dataclasses import dataclass

from samehand.case import Case, candidate_pairs
from samehand.compare.evidence import PairEvidence
from samehand.config import Parameters, PriorPreset
from samehand.link import item_name, make_link
from samehand.model import Link, LinkType, ReportKind, ReportUse
from samehand.score import score

#: Lines shown of each pair.
MOST_LINES = 3
#: Roles of lines that say something; the others take off what these say.
_SAYING = ("evidence", "reported", "contradiction")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ledger that says something for or against one hand."""

    comparison: str
    facet: str
    bits: float
    """Gross, as in the ledger."""
    kept_bits: float
    """Of an item after lists, grade, copying and time, and as the anchor after its price; before
    rank, slope and limits. Equal to `bits` for what is stated."""


@dataclass(frozen=True, slots=True)
class Near:
    """One report beside the one that was asked about."""

    report: str
    title: str
    publisher: str
    known_at: str
    """ISO date, or '' if undated."""
    kind: ReportKind
    use: ReportUse
    tlp: str
    known_actor: str
    """The actor of a reference report."""
    copy_of: str
    """The report that it repeats, or ''."""
    weight_bits: float
    total_bits: float
    probability: float
    calibrated: bool
    campaign_probability: float
    type: LinkType
    """``copy`` if one of the two repeats the other, or both repeat a third."""
    reported: bool
    lines: tuple[Line, ...]
    """The strongest, by what is kept of them."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The answer to `samehand similar`."""

    report: str
    title: str
    copy_of: str
    """The report that the one asked about repeats, or ''."""
    prior: PriorPreset
    reports: int
    """Other reports that it was compared with, background left out."""
    candidates: int
    """Of these, how many share anything that could make a link, or are spoken of with it."""
    nearest: tuple[Near, ...]
    """By log2 odds of the same hand, highest first."""


def strongest(evidence: PairEvidence, link: Link, parameters: Parameters) -> tuple[Line, ...]:
    """The lines of a link that say most."""
    kept: dict[str, float] = {}
    if not evidence.derivative:
        result = score(evidence, parameters)
        kept = {item_name(w.item): w.further for w in result.weighed}
        if result.anchor is not None:
            kept[f"anchor: {item_name(result.anchor.item)}"] = result.anchor_net
    lines = [
        Line(c.comparison, c.facet, c.bits, kept.get(c.comparison, c.bits))
        for c in link.contributions
        if c.role in _SAYING
    ]
    lines.sort(key=lambda line: (-abs(line.kept_bits), line.comparison))
    return tuple(line for line in lines[:MOST_LINES] if line.kept_bits)


def nearest(case: Case, identifier: str, most: int, prior: PriorPreset) -> Nearest:
    """The reports nearest to one of a prepared case, reference reports and copies among them."""
    pairs = candidate_pairs(case, case.profiles, of=identifier)
    gatherer = case.gatherer()
    found: list[tuple[str, Link]] = []
    for l, r in pairs:
        link = make_link(gatherer.gather(l, r), case.parameters)
        if link.contributions:
            found.append((r if l == identifier else l, link))
    found.sort(key=lambda f: (-f[1].total_bits, f[0]))
    rows = []
    for other, link in found[:most]:
        report = case.profiles[other].report
        evidence = gatherer.gather(link.l, link.r)
        rows.append(
            Near(
                report=other,
                title=report.title,
                publisher=report.publisher,
                known_at=report.known_at.isoformat() if report.known_at else "",
                kind=report.kind,
                use=report.use,
                tlp=report.tlp,
                known_actor=report.known_actor,
                copy_of=case.copies.derivative_of.get(other, ""),
                weight_bits=link.weight_bits,
                total_bits=link.total_bits,
                probability=link.probability,
                calibrated=link.calibrated,
                campaign_probability=link.campaign_probability,
                type=link.type,
                reported=link.reported,
                lines=strongest(evidence, link, case.parameters),
            )
        )
    return Nearest(
        report=identifier,
        title=case.profiles[identifier].report.title,
        copy_of=case.copies.derivative_of.get(identifier, ""),
        prior=prior,
        reports=len(case.profiles) - 1,
        candidates=len(found),
        nearest=tuple(rows),
    )
