"""Scores as links: probability, type and a ledger in which every discount is a line.

All of it is additive in bits: prior + contributions = total to 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from samehand.compare.evidence import Item, PairEvidence, hard_facet_of
from samehand.compare.fitted import GROUPS
from samehand.config import Parameters
from samehand.likelihood import probability_from_bits
from samehand.model import HARD_FACETS, Contribution, Link, LinkType
from samehand.score import Score, Weighed, facet_weight, score

#: Smallest bits worth a line in the ledger; below it floating-point dust.
DUST = 1e-12
_SOFT_GROUPS = ("behaviour", "victimology", "provider", "names")
_SOFT_FACET: dict[str, str] = {
    "behaviour": "behaviour",
    "victimology": "victimology",
    "provider": "infrastructure",
    "names": "claims",
}


class _Ledger:
    """Collects non-zero lines in order."""

    def __init__(self) -> None:
        self.lines: list[Contribution] = []

    def add(
        self,
        comparison: str,
        facet: str,
        bits: float,
        observations: Iterable[str],
        note: str = "",
        role: str = "evidence",
    ) -> None:
        if abs(bits) > DUST:
            cited = tuple(dict.fromkeys(observations))
            self.lines.append(Contribution(comparison, facet, bits, cited, note, role))  # type: ignore[arg-type]


def item_name(item: Item) -> str:
    """What was compared, as in `Contribution.comparison`."""
    kind = {"technique": "technique", "citation": "citation:"}.get(item.feature.kind)
    return f"{kind or item.feature.kind} {item.feature.value}"


def _discount_lines(
    ledger: _Ledger,
    facet: str,
    what: str,
    rows: Sequence[tuple[Weighed, bool]],
) -> None:
    """What lists, grade, copying and time take off weighed items (True: weighed as the anchor)."""
    lines = {
        "commonplace": ("commonplace value", "many unrelated holders are expected of it"),
        "grade": ("source grade", "weight of the weaker of the two source grades"),
        "copied": ("may be copied", "one report cites a holder of the item"),
        "gap": ("time gap", "halves with every half-life between the two sightings"),
    }
    taken = dict.fromkeys(lines, 0.0)
    cites: dict[str, list[str]] = {name: [] for name in lines}
    reasons: dict[str, None] = {}
    for weighed, as_anchor in rows:
        item = weighed.item
        decay = weighed.anchor_decay if as_anchor else weighed.further_decay
        steps = [weighed.anchor_gross if as_anchor else weighed.further_gross]
        steps.append(weighed.anchor_rare if as_anchor else weighed.further_rare)
        for factor in (item.rho, item.independence, decay):
            steps.append(steps[-1] * factor)
        for name, (before, after) in zip(lines, pairwise(steps), strict=True):
            if after != before:
                taken[name] += after - before
                cites[name].extend(item.observations)
        if steps[1] != steps[0] and weighed.why:
            reasons[weighed.why] = None
    for name, (text, note) in lines.items():
        why = f": {'; '.join(reasons)}" if name == "commonplace" and reasons else ""
        ledger.add(f"{text}{what}{why}", facet, taken[name], cites[name], note, "discount")


def contributions(
    evidence: PairEvidence, result: Score, parameters: Parameters
) -> tuple[Contribution, ...]:
    """The ledger of a score: evidence first, then what was taken off it, line by line."""
    ledger = _Ledger()
    pair = parameters.pair
    gamma, beta, cap = pair["gamma"], pair["beta"], pair["facet_cap_bits"]
    anchor = result.anchor
    if anchor is not None:
        item = anchor.item
        ledger.add(
            f"anchor: {item_name(item)}",
            item.facet,
            anchor.anchor_gross,
            item.observations,
            f"rarest coincidence, against {evidence.scale:.0f} origins",
        )
        _discount_lines(ledger, item.facet, " of the anchor", [(anchor, True)])
        ledger.add(
            "best of many coincidences",
            item.facet,
            result.anchor_net - anchor.anchor,
            item.observations,
            "the anchor was picked as the best",
            "discount",
        )
    if result.reported is not None:
        statement = evidence.comparisons[result.reported]
        ledger.add(
            statement.text,
            "claims",
            statement.bits,
            (statement.claim,),
            "reported, not recomputed",
            "reported",
        )
        ledger.add(
            "source grade of the statement",
            "claims",
            statement.bits * statement.rho - statement.bits,
            (statement.claim,),
            "",
            "discount",
        )
    for statement in (*evidence.comparisons, *evidence.denials):
        if statement.withdrawn_by:
            ledger.add(
                statement.text,
                "claims",
                statement.bits * statement.rho,
                (statement.claim,),
                "",
                "reported",
            )
            ledger.add(
                f"withdrawn: {statement.text}",
                "claims",
                -statement.bits * statement.rho,
                (statement.claim, statement.withdrawn_by),
                "the publisher took it back",
                "contradiction",
            )
    for facet in HARD_FACETS:
        rows = [
            w
            for w in result.weighed
            if hard_facet_of(w.item) == facet and w is not anchor and w.further_gross > 0
        ]
        linkage = parameters.linkage
        if result.fitted and linkage is not None:
            labelled = [w for w in rows if w.item.feature.kind in linkage.types]
            others = [w for w in rows if w.item.feature.kind not in linkage.types]
            parts = [
                (labelled, result.facets.get(facet, 0.0), ""),
                (others, result.apart.get(facet, 0.0), " (types without labels)"),
            ]
        else:
            parts = [(rows, result.facets.get(facet, 0.0), "")]
        for part, kept, what in parts:
            if part:
                cap_note = f"no facet corroborates with more than {cap:g} bits"
                _group_lines(ledger, facet, what, part, gamma, beta, kept, cap_note)
    shared_hard = [o for w in result.weighed if hard_facet_of(w.item) for o in w.item.observations]
    for line in result.fitted:
        cites = shared_hard
        if line.of_reports:
            cites = list(evidence.basis)
        elif line.group:
            cites = [
                o
                for w in result.weighed
                if GROUPS.get(w.item.feature.kind) == line.group
                for o in w.item.observations
            ]
        role = "evidence" if line.bits > 0 else "discount"
        ledger.add(line.what, line.facet, line.bits, cites, line.note, role)
    soft_sum = 0.0
    soft_cites: list[str] = []
    for group in _SOFT_GROUPS:
        rows = [
            w
            for w in result.weighed
            if hard_facet_of(w.item) is None and w.item.soft == group and w.further_gross > 0
        ]
        if rows and group in result.soft:
            kept = result.soft.get(group, 0.0)
            soft_sum += kept
            soft_cites.extend(o for w in rows for o in w.item.observations)
            _group_lines(
                ledger,
                _SOFT_FACET[group],
                f" ({group})",
                rows,
                gamma,
                beta,
                kept,
                f"{group} carries at most {parameters.soft[f'{group}_cap_bits']:g} bits",
            )
    ledger.add(
        "limit of all resemblance",
        "limit",
        result.soft_total - soft_sum,
        soft_cites,
        "soft evidence alone never makes a link",
        "limit",
    )
    for statement in evidence.denials:
        if not statement.withdrawn_by:
            ledger.add(
                statement.text,
                "claims",
                statement.bits * statement.rho,
                (statement.claim,),
                "a first-hand denial",
                "contradiction",
            )
    face = sum(s.bits * s.rho for s in evidence.denials if not s.withdrawn_by)
    ledger.add(
        "limit of contradictions",
        "limit",
        result.denial - face,
        [s.claim for s in evidence.denials],
        "",
        "limit",
    )
    cited = [o for w in result.weighed for o in w.item.observations]
    ledger.add(
        "limit without an observed anchor",
        "limit",
        result.limit,
        [*(s.claim for s in evidence.comparisons), *cited] or evidence.basis,
        "reported and soft evidence together end at 80 %",
        "limit",
    )
    return tuple(ledger.lines)


def _group_lines(
    ledger: _Ledger,
    facet: str,
    what: str,
    rows: Sequence[Weighed],
    gamma: float,
    beta: float,
    kept: float,
    cap_note: str,
) -> None:
    """Lines of one facet or soft group: items gross, their discounts, rank, slope and cap."""
    ordered = sorted(rows, key=lambda w: (-w.further, w.item.feature))
    cited = [o for w in ordered for o in w.item.observations]
    for weighed in ordered:
        ledger.add(item_name(weighed.item), facet, weighed.further_gross, weighed.item.observations)
    _discount_lines(ledger, facet, what, [(w, False) for w in ordered])
    face = sum(w.further for w in ordered)
    ranked = facet_weight(ordered, gamma)
    ledger.add(
        f"items of one list count once{what}",
        facet,
        ranked - face,
        cited,
        "each further item of a batch, and each further batch, counts less",
        "discount",
    )
    sloped = ranked * beta
    ledger.add(
        f"corroboration is worth less than an anchor{what}",
        facet,
        sloped - ranked,
        cited,
        f"slope {beta:g}",
        "discount",
    )
    ledger.add(f"limit of one facet{what}", facet, kept - sloped, cited, cap_note, "limit")


def campaign_probability(
    evidence: PairEvidence, result: Score | None, hand_probability: float, parameters: Parameters
) -> float:
    """P(same campaign) = P(same hand) * P(same campaign | same hand).

    The second factor is a starting form without labels: hard infrastructure bits and the reported
    comparison of the ledger for it, the gap between the days covered against it. Always
    uncalibrated. ``result`` is `None` for a derivative.
    """
    numbers = parameters.campaign
    if result is None:
        return hand_probability * probability_from_bits(parameters.copies["derivative_bits"])
    infrastructure = sum(f.get("infrastructure", 0.0) for f in (result.facets, result.apart))
    if result.anchor is not None and result.anchor.item.facet == "infrastructure":
        infrastructure += result.anchor_net
    reported = result.anchor_net if result.reported is not None else 0.0
    bits = (
        numbers["base_bits"]
        + min(numbers["infrastructure_cap_bits"], infrastructure)
        + min(numbers["reported_cap_bits"], reported)
        - numbers["bits_per_year"] * max(0.0, evidence.gap_years - numbers["free_gap_years"])
    )
    return hand_probability * probability_from_bits(bits)


def _type(
    evidence: PairEvidence, probability: float, campaign: float, lines: Sequence[Contribution]
) -> LinkType:
    if evidence.derivative:
        return "copy"
    if campaign >= 0.5:
        return "same-campaign"
    if probability >= 0.5:
        return "same-hand"
    tools = sum(c.bits for c in lines if c.facet in ("malware", "code"))
    return "shared-tool" if tools >= 2.0 else "undetermined"


def hand_probability(evidence: PairEvidence, parameters: Parameters) -> float:
    """P(same hand) of one pair, without the ledger that says why."""
    if evidence.derivative:
        return probability_from_bits(parameters.copies["derivative_bits"])
    return probability_from_bits(score(evidence, parameters).total)


def make_link(evidence: PairEvidence, parameters: Parameters) -> Link:
    """The link of one pair with its full ledger, without an interval."""
    result: Score | None
    if evidence.derivative:
        prior = math.log2(evidence.k / evidence.scale)
        bits = parameters.copies["derivative_bits"]
        lines: tuple[Contribution, ...] = (
            Contribution(
                "derivative: one repeats the other",
                "claims",
                bits - prior,
                evidence.basis,
                "a copy describes what its origin describes; it is no second witness",
            ),
        )
        total = bits
        reported = False
        result = None
    else:
        result = score(evidence, parameters)
        lines = contributions(evidence, result, parameters)
        prior, total = result.prior, result.total
        reported = result.reported is not None
    probability = probability_from_bits(total)
    campaign = campaign_probability(evidence, result, probability, parameters)
    return Link(
        l=evidence.l,
        r=evidence.r,
        prior_bits=prior,
        contributions=lines,
        total_bits=total,
        weight_bits=sum(c.bits for c in lines),
        raw_probability=probability,
        probability=probability,
        campaign_probability=campaign,
        interval=None,
        type=_type(evidence, probability, campaign, lines),
        calibrated=result is not None and bool(result.fitted),
        reported=reported,
    )


def make_links(batch: Sequence[PairEvidence], parameters: Parameters) -> list[Link]:
    """Links of a batch of pairs, in its order."""
    return [make_link(evidence, parameters) for evidence in batch]
