"""All evidence about whose hand a campaign is: what is shared and claimed, fitted channels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from samehand.compare.actors import ANYONE, NONE, Piece, Scene, shared_pieces, technique_pieces
from samehand.compare.channels import Channel
from samehand.compare.claims import comparison_bits
from samehand.compare.contradictions import contradictions
from samehand.compare.profile import Profile
from samehand.model import Claim, Report
from samehand.normalise import name_key


def _members(scene: Scene, members: Iterable[str]) -> list[Profile]:
    return [scene.profiles[m] for m in sorted(members) if scene.copies.is_witness(m)]


def pieces(scene: Scene, members: Collection[str], without_origin: str = "") -> list[Piece]:
    """All evidence about whose hand a campaign is.

    ``without_origin`` leaves out a report and every claim whose origin it is.
    """
    left = [p for p in _members(scene, members) if p.report.id != without_origin]
    claims = list(_claims(scene, left, without_origin))
    named = set(scene.memory.by_actor) | {p.actor for p in claims if p.actor != NONE}
    present = named | {above for name in named for above in scene.world.ancestors(name)}
    shared = list(shared_pieces(scene, left, present))
    return [
        *shared,
        *technique_pieces(scene, left, present),
        *claims,
        *_contradictions(scene, left, shared),
    ]


def hear(
    scene: Scene, members: Collection[str], without_origin: str = ""
) -> tuple[list[Piece], tuple[Channel, ...]]:
    """The evidence about a campaign, and what fitted channels say in place of some of it."""
    left = [p for p in _members(scene, members) if p.report.id != without_origin]
    asked = [speaker(scene, left, without_origin) for speaker in scene.speakers] if left else []
    channels = tuple(channel for channel in asked if channel is not None)
    weighed = {kind for channel in channels for kind in channel.kinds}
    rows = [p for p in pieces(scene, members, without_origin) if p.kind not in weighed]
    return rows, channels


def _contradictions(
    scene: Scene, members: Sequence[Profile], shared: Sequence[Piece]
) -> Iterable[Piece]:
    """What a member shows that cannot all be so, where it touches evidence for somebody.

    It is as rare for whoever acts openly, known or not; who plants makes it (docs/method.md).
    """
    supported = {(p.origins[0], p.facet) for p in shared if p.bits > 0}
    for member in members:
        report = member.report
        for found in contradictions(report):
            if (report.id, found.facet) in supported:
                yield Piece(
                    actor=ANYONE,
                    facet=found.facet,
                    group="contradiction",
                    text=f"{found.text} ({report.id})",
                    batch=report.id,
                    gross_bits=found.bits,
                    rho=scene.parameters.rho(report.grade),
                    independence=1.0,
                    decay=1.0,
                    phi=0.0,
                    observations=found.observations,
                    origins=(report.id,),
                    role="contradiction",
                )


def standing_claims(
    scene: Scene,
    members: Iterable[Profile],
    without_origin: str = "",
) -> dict[str, list[tuple[Report, Claim]]]:
    """Identity claims of a campaign's witnesses that still stand, by origin.

    One origin is one judgement, however many repeat it; its own words come first.
    """
    found: dict[str, list[tuple[Report, Claim]]] = {}
    for profile in members:
        for claim in profile.report.claims:
            named = claim.actor and claim.relation in (
                "attribution",
                "denial",
                "reported-comparison",
            )
            if not named or claim.id in scene.withdrawn:
                continue
            if without_origin and without_origin in (claim.origin, claim.report):
                continue
            found.setdefault(claim.origin, []).append((profile.report, claim))
    for origin, rows in found.items():
        rows.sort(
            key=lambda row: (
                row[0].id != origin,
                not row[1].first_hand,
                -scene.parameters.words_factor(row[1].words),
                row[1].report,
                row[1].id,
            )
        )
    return found


def _claims(scene: Scene, members: Sequence[Profile], without_origin: str) -> Iterable[Piece]:
    """Attribution claims, denials and comparisons with an actor's tools; once per origin."""
    standing = standing_claims(scene, members, without_origin)
    claimed = {
        actor
        for rows in standing.values()
        for report, claim in rows
        for actor, _ in scene.world.resolve(claim.actor, report.known_at, report.publisher)
    }
    present = set(scene.memory.by_actor) | claimed
    for origin, rows in sorted(standing.items()):
        seen: set[tuple[str, object]] = set()
        strongest: dict[str, Piece] = {}
        settled = _settled(scene, rows)
        for report, claim in rows:
            if claim.relation == "reported-comparison" and not claim.first_hand:
                continue
            # One origin says one thing of one actor, under whatever name it is repeated.
            named = scene.world.resolve(claim.actor, report.known_at, report.publisher)
            key = (claim.relation, named or name_key(claim.actor))
            if key in seen:
                continue
            seen.add(key)
            for piece in _claim_pieces(scene, origin, report, claim, present, settled):
                if claim.relation != "attribution":
                    yield piece
                elif piece.bits > (strongest[piece.actor].bits if piece.actor in strongest else 0):
                    strongest[piece.actor] = piece  # a group and its part are one judgement
        yield from strongest.values()


def _settled(scene: Scene, rows: Iterable[tuple[Report, Claim]]) -> set[str]:
    """Groups of which one origin itself names the part: their other parts are not meant."""
    named = (
        max(
            scene.world.resolve(c.actor, r.known_at, r.publisher),
            key=lambda row: row[1],
            default=None,
        )
        for r, c in rows
        if c.relation == "attribution"
    )
    return {above for found in named if found for above in scene.world.ancestors(found[0])}


def _claim_pieces(
    scene: Scene,
    origin: str,
    report: Report,
    claim: Claim,
    present: Collection[str],
    settled: Collection[str],
) -> Iterable[Piece]:
    parameters, numbers = scene.parameters, scene.parameters.attribution
    who = report.publisher or report.id
    facet, role, phi = "claims", "evidence", numbers["claim_phi"]
    if claim.relation == "attribution":
        bits = numbers["attribution_claim_bits"] * parameters.words_factor(claim.words)
        text = f"{who} attributes to {claim.actor}" + (f" ({claim.words})" if claim.words else "")
    elif claim.relation == "denial":
        bits, role = numbers["denial_claim_bits"], "contradiction"
        text = f"{who} denies {claim.actor}"
    else:
        bits, shared = comparison_bits(claim, parameters)
        facet, role = (claim.facets[0] if claim.facets else "claims"), "reported"
        phi = numbers["reported_phi"]
        text = f"{who} reports of {claim.actor}: {shared}"
    targets = scene.world.resolve(claim.actor, report.known_at, report.publisher)
    spread = [
        (name, share)
        for actor, share in targets
        for name in (actor, *scene.world.descendants(actor))
        if name == actor or (name in present and actor not in settled)
    ]
    if not targets and claim.relation == "attribution":
        spread = [(NONE, 1.0)]  # somebody whom this world does not know
    for actor, share in spread:
        yield Piece(
            actor=actor,
            facet=facet,
            group="reported" if role == "reported" else "claims",
            text=text,
            batch=f"origin {origin}",
            gross_bits=bits * share,
            rho=parameters.rho(report.grade),
            independence=1.0,
            decay=1.0,
            phi=phi,
            observations=(claim.id,),
            origins=(origin,),
            role=role,
        )
