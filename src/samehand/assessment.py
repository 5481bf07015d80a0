"""The result document, and `assess`, which runs the pure core from reports to answer.

``assessment.json`` is one versioned document: saved, reloaded and rendered again without any
analysis. Commands show views of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import msgspec

import samehand
from samehand.attribute import Membership, attribute
from samehand.case import (
    Case,
    Options,
    Partition,
    Progress,
    copy_links,
    link_and_cluster,
    partition,
    prepare,
    silent,
)
from samehand.cluster import Pair, bridges, pair
from samehand.compare.actors import Memory, Scene
from samehand.compare.channels import (
    Texts,
    attack_behaviour,
    behaviour,
    behaviour_memory,
    group_pages,
)
from samehand.compare.profile import Profile
from samehand.compare.text_channel import bundled_channel
from samehand.compare.value_channel import values, values_ground
from samehand.config import Parameters
from samehand.coverage import coverage, highest_tlp, stated, steps
from samehand.errors import InputError
from samehand.knowledge.actors import World, bundled_world, combined_world
from samehand.knowledge.versions import versions
from samehand.model import (
    Assessment,
    Campaign,
    Constraints,
    Dependence,
    Hand,
    Link,
    ObservationSummary,
    Provenance,
    Report,
    ReportSummary,
    Strength,
)
from samehand.score import draws, interval
from samehand.stability import stability

#: Version of the result document. The first number changes when a reader must change.
SCHEMA = "samehand-assessment/1.0"
#: At most this many links get an interval, the strongest first.
MAX_INTERVALS = 200
#: At most this many links are kept with their ledgers, the strongest first.
MAX_LINKS = 20_000


def _identity(prefix: str, reports: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join(sorted(reports)).encode()).hexdigest()[:8]
    return f"{prefix}-{digest}"


def _with_copies(case: Case, cluster: Sequence[str]) -> tuple[str, ...]:
    """A cluster with the derivatives of its members."""
    copies = [c for member in cluster for c in case.copies_of.get(member, ())]
    return tuple(sorted({*cluster, *copies}))


def _entries(parts: Partition) -> list[tuple[tuple[str, ...], Strength]]:
    """Each proposed cluster, and each merged core that lies strictly inside one."""
    merged = set(parts.merged)
    entries: list[tuple[tuple[str, ...], Strength]] = [
        (c, "merged" if c in merged else "proposed") for c in parts.proposed
    ]
    proposed = set(parts.proposed)
    entries.extend((c, "merged") for c in parts.merged if c not in proposed and len(c) > 1)
    return sorted(entries, key=lambda e: (-len(e[0]), e[0]))


def _names(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """Names that the reports themselves use for what they describe, commonest first."""
    counted: dict[str, int] = {}
    for member in profiles:
        own = {
            c.about
            for c in member.report.claims
            if c.about and c.relation in ("attribution", "alias", "reported-comparison")
        }
        own |= {c.actor for c in member.report.claims if c.relation == "alias" and c.actor}
        for name in own:
            counted[name] = counted.get(name, 0) + 1
    return tuple(sorted(counted, key=lambda n: (-counted[n], n)))


def build_campaigns(
    case: Case,
    hands: Partition,
    links: Mapping[Pair, Link],
    constraints: Constraints,
    details: bool = True,
) -> tuple[list[Hand], list[Campaign]]:
    """Hands, and inside each proposed hand its campaigns; ``details`` adds coverage and names."""
    inside_of = {r: n for n, cluster in enumerate(hands.proposed) for r in cluster}
    by_hand: dict[int, dict[Pair, Link]] = {}
    for key, link in links.items():
        if key[0] in inside_of and inside_of[key[0]] == inside_of.get(key[1]):
            by_hand.setdefault(inside_of[key[0]], {})[key] = link
    found_hands = [
        Hand(_identity("H", cluster), strength, _with_copies(case, cluster))
        for cluster, strength in _entries(hands)
    ]
    campaigns: list[Campaign] = []
    for number, cluster in enumerate(hands.proposed):
        hand = _identity("H", cluster)
        inside = {p: k.campaign_probability for p, k in by_hand.get(number, {}).items()}
        parts = partition(
            case,
            cluster,
            inside,
            constraints.must_campaign,
            constraints.cannot_campaign | constraints.cannot_hand,
        )
        for members, strength in _entries(parts):
            pairs = [p for p in inside if p[0] in members and p[1] in members]
            values = [inside[p] for p in pairs]
            total = len(members) * (len(members) - 1) // 2
            everyone = _with_copies(case, members)
            campaigns.append(
                Campaign(
                    id=_identity("C", members),
                    hand=hand,
                    strength=strength,
                    reports=everyone,
                    cohesion=sum(values) / total if total else 1.0,
                    bridges=bridges(members, [p for p in pairs if inside[p] >= 0.5])
                    if details and len(members) > 2
                    else (),
                    names=_names([case.profiles[m] for m in everyone]) if details else (),
                    coverage=coverage([case.profiles[m] for m in everyone]) if details else (),
                    reported=any(links[p].reported for p in pairs),
                    steps=steps([case.profiles[m] for m in everyone]) if details else (),
                    stated=stated([case.profiles[m] for m in everyone]) if details else (),
                )
            )
    campaigns.sort(key=lambda c: (-len(c.reports), c.reports, c.strength))
    return found_hands, campaigns


def belongs(case: Case, members: Sequence[str], links: Mapping[Pair, Link]) -> dict[str, float]:
    """Report -> mean campaign probability with the campaign's other witnesses; 1 when alone."""
    witnesses = [m for m in members if case.copies.is_witness(m)]
    found = {}
    for member in witnesses:
        values = [
            links[p].campaign_probability if (p := pair(member, other)) in links else 0.0
            for other in witnesses
            if other != member
        ]
        found[member] = sum(values) / len(values) if values else 1.0
    return found


def make_scene(
    case: Case,
    world: World,
    texts: Texts | None = None,
    catalogues: bool = False,
    pages: bool = False,
) -> Scene:
    """What attribution needs of a case; the world is completed by the loaded profiles.

    Fitted channels speak where the reference reports are of enough actors; of free text only with
    ``texts``. With ``catalogues`` ATT&CK groups stand in where no reference report is loaded; with
    ``pages`` they stand beside the reports.
    """
    references = [p for p in case.profiles.values() if p.report.use == "reference"]
    world = combined_world(world, [p.report for p in references])
    memory = Memory(references, case.copies, world)
    scene = Scene(
        profiles=case.profiles,
        universe=case.universe,
        copies=case.copies,
        memory=memory,
        world=world,
        parameters=case.parameters,
        withdrawn=case.statements.withdrawn,
    )
    known = behaviour_memory(
        list(memory.profiles.values()), memory.actor_of, group_pages(world) if pages else ()
    )
    ground = values_ground(scene)
    return replace(
        scene,
        speakers=(
            *((partial(behaviour, known),) if known else ()),
            *((attack_behaviour,) if catalogues and not references else ()),
            *((partial(values, ground),) if ground else ()),
            *((texts.ask,) if texts else ()),
        ),
    )


def make_scene_of(case: Case, world: World, options: Options) -> Scene:
    """The scene that an assessment with these options attributes in."""
    catalogues = options.catalogues and options.as_of is None
    texts = Texts(bundled_channel()) if catalogues else None
    return make_scene(case, world, texts, catalogues)


def assess(
    reports: Iterable[Report],
    parameters: Parameters,
    options: Options = Options(),
    constraints: Constraints = Constraints(),
    world: World | None = None,
    progress: Progress = silent,
) -> Assessment:
    """The assessment of some reports: a pure function of its arguments.

    Args:
        reports: case, reference and background reports, already restricted to what is asked
            (`counterfactual.restrict`).
        parameters: every number of the model.
        options: prior preset, date of knowledge, intervals, and what is stamped on the result.
        constraints: the analyst's decisions.
        world: known actors; the bundled ones by default.
        progress: called with stage, done and total.
    """
    case = prepare(reports, parameters, options)
    links, hands, gatherer = link_and_cluster(case, constraints, progress)
    links.extend(copy_links(case, gatherer))
    by_pair = {(k.l, k.r): k for k in links}
    found_hands, campaigns = build_campaigns(
        case, hands, by_pair, constraints, details=not options.only
    )
    numbers = parameters.cluster
    kept = sorted(
        (
            k
            for k in links
            if k.probability >= numbers["min_probability"]
            or k.decision
            or (k.l, k.r) in constraints.words
        ),
        key=lambda k: (-k.probability, k.l, k.r),
    )[:MAX_LINKS]
    settings = draws(parameters) if options.intervals else []
    if settings:
        kept = [
            replace(k, interval=interval(gatherer.gather(k.l, k.r), parameters, settings))
            if n < MAX_INTERVALS
            else k
            for n, k in enumerate(kept)
        ]
    kept = [replace(k, decision=constraints.words.get((k.l, k.r), "")) for k in kept]
    if options.intervals:
        must, cannot = constraints.must_campaign, constraints.cannot_campaign
        campaigns = [
            replace(
                c,
                stability=stability(
                    case, gatherer, c.reports, must, cannot | constraints.cannot_hand
                ),
            )
            for c in campaigns
        ]
    scene = make_scene_of(case, world or bundled_world(), options)
    attributions = []
    for number, campaign in enumerate(campaigns):
        members = [m for m in campaign.reports if case.copies.is_witness(m)]
        if members and (not options.only or set(options.only) & set(campaign.reports)):
            attributions.append(
                attribute(
                    scene,
                    Membership(
                        campaign.id,
                        campaign.strength,
                        campaign.reports,
                        belongs(case, members, by_pair),
                    ),
                    draws=settings,
                )
            )
        progress("attributing", number + 1, len(campaigns))
    result = Assessment(
        schema=SCHEMA,
        title=options.title,
        provenance=_provenance(case, parameters, options, constraints, world or bundled_world()),
        reports=tuple(_summary(case, p) for p in case.profiles.values()),
        links=tuple(kept),
        hands=tuple(found_hands),
        campaigns=tuple(campaigns),
        attributions=tuple(attributions),
        warnings=(*_broken_references(case), *_idle_decisions(case, constraints)),
        dependence=() if options.only else dependence(case),
    )
    return result if options.only else replace(result, evidence=_evidence(case, result))


def dependence(case: Case) -> tuple[Dependence, ...]:
    """Who of the case may repeat whom, the surest first, at most `MAX_LINKS`."""
    inside = set(case.case_ids)
    edges = [e for e in case.copies.edges if e.copy in inside and e.origin in inside]
    edges.sort(key=lambda e: (-e.probability, e.copy, e.origin))
    return tuple(
        Dependence(
            e.copy,
            e.origin,
            e.probability,
            e.order_known,
            tuple(f"{t.name}: {t.note} ({t.bits:+.1f})" for t in e.terms),
        )
        for e in edges[:MAX_LINKS]
    )


def _summary(case: Case, member: Profile) -> ReportSummary:
    report = member.report
    window = report.published
    published = (
        ""
        if window is None
        else (
            window.start.isoformat()
            if window.start == window.end
            else f"{window.start.isoformat()}/{window.end.isoformat()}"
        )
    )
    return ReportSummary(
        id=report.id,
        kind=report.kind,
        use=report.use,
        title=report.title,
        publisher=report.publisher,
        published=published,
        known_at=report.known_at.isoformat() if report.known_at else "",
        tlp=report.tlp,
        grade=report.grade,
        known_actor=report.known_actor,
        observations=len(report.observations),
        claims=len(report.claims),
        cites=report.cites,
        derivative_of=case.copies.derivative_of.get(report.id, ""),
    )


def _broken_references(case: Case) -> Iterable[str]:
    """Claims and citations that name a report which is not loaded."""
    for identifier in sorted(case.case_ids):
        report = case.profiles[identifier].report
        for claim in report.claims:
            missing = [r for r in claim.reports if r not in case.profiles]
            if missing:
                yield (
                    f"{identifier}: a {claim.relation} claim names "
                    f"{', '.join(missing)}, not among the reports used; it has no effect there"
                )


def _idle_decisions(case: Case, constraints: Constraints) -> Iterable[str]:
    """Decisions about reports that are not clustered on their own."""
    origin = case.copies.derivative_of
    for (l, r), words in sorted(constraints.words.items()):
        if origin.get(l, l) == origin.get(r, r):
            yield (
                f"decision {words} on {l} and {r} has no effect: one is a copy of the other, or "
                "both of one report, and copies go where their origin goes"
            )
        for report in (l, r):
            if report not in case.case_ids:
                why = "a reference report" if report in case.profiles else "not among the reports"
                yield f"decision {words} on {l} and {r} has no effect: {report} is {why}"


def _provenance(
    case: Case, parameters: Parameters, options: Options, constraints: Constraints, world: World
) -> Provenance:
    used = [p.report.tlp for p in case.profiles.values()]
    return Provenance(
        program=f"samehand {samehand.__version__}",
        model=parameters.version,
        config_hash=parameters.hash,
        knowledge={**versions(), "actors": world.version},
        as_of=options.as_of.isoformat() if options.as_of else "",
        without=options.without,
        prior=options.prior,
        ceiling=options.ceiling,
        tlp=highest_tlp(used),
        decisions=tuple(sorted(set(constraints.words.values()))),
    )


def _evidence(case: Case, result: Assessment) -> tuple[ObservationSummary, ...]:
    """Everything that the contributions of a result cite, once."""
    cited: set[str] = set()
    for link in result.links:
        for line in link.contributions:
            cited.update(line.observations)
    for attribution in result.attributions:
        for hypothesis in attribution.hypotheses:
            for line in hypothesis.contributions:
                cited.update(line.observations)
    found = []
    for identifier, member in sorted(case.profiles.items()):
        report = member.report
        if identifier in cited:
            found.append(
                ObservationSummary(identifier, identifier, report.title or identifier, "report", "")
            )
        for observation in report.observations:
            if observation.id in cited:
                feature = observation.feature
                found.append(
                    ObservationSummary(
                        observation.id,
                        identifier,
                        f"{feature.kind} {feature.value}",
                        observation.role,
                        observation.batch,
                    )
                )
        for claim in report.claims:
            if claim.id in cited:
                about = f" of {claim.about}" if claim.about else ""
                found.append(
                    ObservationSummary(
                        claim.id,
                        identifier,
                        f"{claim.relation}{about}: {claim.actor or ', '.join(claim.reports)}",
                        "claim",
                        claim.words,
                    )
                )
    return tuple(found)


def to_json(assessment: Assessment) -> bytes:
    """The assessment as indented JSON, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(assessment), indent=1)


def from_json(data: bytes, place: str = "assessment") -> Assessment:
    """The assessment of a saved document.

    Raises:
        InputError: if it is not one, or of a version this program does not read.
    """
    try:
        schema = msgspec.json.decode(data, type=dict[str, object]).get("schema", "")
        if not isinstance(schema, str) or schema.partition(".")[0] != SCHEMA.partition(".")[0]:
            raise InputError(
                f"{place}: schema {schema!r} is not {SCHEMA!r}; analyse again with this version"
            )
        return msgspec.json.decode(data, type=Assessment)
    except msgspec.MsgspecError as error:
        raise InputError(f"{place}: not a samehand assessment ({error})") from error
