"""The batch interface: report records in, one JSON object per line out, without a workspace.

Of a pair only ``l`` and ``r`` are read, of a record neither ``label`` nor ``provenance`` (by
test); labels are read in a ``--reference`` file alone.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from samehand.assessment import build_campaigns, make_scene
from samehand.attribute import Membership, attribute
from samehand.case import (
    Case,
    Options,
    Partition,
    Progress,
    copy_links,
    link_and_cluster,
    prepare,
)
from samehand.cluster import Pair, pair
from samehand.compare.channels import Texts
from samehand.compare.copies import resolve_citations
from samehand.compare.evidence import Gatherer
from samehand.compare.files import same_files
from samehand.compare.profile import profile
from samehand.compare.text_channel import Channel, bundled_channel
from samehand.compare.text_reference import ReferenceChannel
from samehand.config import Parameters
from samehand.errors import InputError
from samehand.formats.reading import read_json
from samehand.formats.records import values_of
from samehand.knowledge.actors import World, bundled_world, world_of_reference
from samehand.knowledge.attack import current
from samehand.link import make_link
from samehand.model import Constraints, Link, Problem, Report, ReportUse
from samehand.normalise import technique

#: What bundled knowledge tells of the actors of a reference file.
Knowledge = Literal["texts", "none", "full"]
_CHUNK = 512
#: Techniques written per text.
_TECHNIQUES = 100
#: Sentences that are ranked as one where a closed set is given: such texts tell of one technique.
_PASSAGE = 3
#: Hypotheses written per query; the interface promises at least ten.
_HYPOTHESES = 20


@dataclass(frozen=True, slots=True)
class PredictedLink:
    """One line of `predict links`."""

    l: str
    r: str
    probability: float
    campaign_probability: float
    weight_bits: float


@dataclass(frozen=True, slots=True)
class PredictedCluster:
    """One line of `predict clusters`."""

    id: str
    hand: str
    campaign: str


@dataclass(frozen=True, slots=True)
class PredictedHypothesis:
    """One actor of `predict actors`."""

    actor: str
    level: str
    probability: float


@dataclass(frozen=True, slots=True)
class PredictedActors:
    """One line of `predict actors`."""

    id: str
    decision: str | None
    naming: str
    none: float
    planted: float
    hypotheses: tuple[PredictedHypothesis, ...]


@dataclass(frozen=True, slots=True)
class PredictedTechnique:
    """A technique that a text may describe."""

    id: str
    probability: float
    accepted: bool
    """Told as one of the text's techniques."""


@dataclass(frozen=True, slots=True)
class PredictedTechniques:
    """One line of `predict techniques`, the likeliest first."""

    id: str
    techniques: tuple[PredictedTechnique, ...]


def read_reports(path: Path | None, use: ReportUse, problems: list[Problem]) -> list[Report]:
    """The reports of one file; later ones of the same id are dropped with a message."""
    found: dict[str, Report] = {}
    if path is None:
        return []
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    for item in read_json(path, use=use):
        if isinstance(item, Problem):
            problems.append(item)
        elif item.id in found:
            problems.append(
                Problem(
                    f"{path}, report {item.id}",
                    "id seen before in this file; the first record is used",
                )
            )
        else:
            found[item.id] = item
    return list(found.values())


def read_pairs(path: Path, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """The listed pairs as written; only ``l`` and ``r`` are read.

    Raises:
        InputError: if the file cannot be opened.
    """
    for place, record in values_of(path):
        if isinstance(record, dict) and record.keys() >= {"l", "r"}:
            yield str(record["l"]), str(record["r"])
        else:
            problems.append(Problem(place, "not an object with 'l' and 'r'; line skipped"))


def _case(reports: Iterable[Report], parameters: Parameters) -> Case:
    return prepare(reports, parameters, Options(prior="feed"))


def _merge(*groups: Sequence[Report], problems: list[Problem]) -> list[Report]:
    """All reports once; an id that occurs in an earlier group wins."""
    found: dict[str, Report] = {}
    for group in groups:
        for report in group:
            if report.id in found:
                problems.append(
                    Problem(
                        f"report {report.id}",
                        "also in another of the files; the first is used",
                        "warning",
                    )
                )
            else:
                found[report.id] = report
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything linked and clustered once; links and clusters are read off it."""

    reports: tuple[Report, ...]
    background: tuple[Report, ...]
    case: Case
    links: tuple[Link, ...]
    hands: Partition
    gatherer: Gatherer


def make_batch(
    reports: Path,
    parameters: Parameters,
    problems: list[Problem],
    background: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Batch:
    """The reports of a file against a background, linked and clustered."""
    everything = _merge(
        read_reports(reports, "case", problems),
        read_reports(background, "background", problems),
        problems=problems,
    )
    case = _case(everything, parameters)
    links, hands, gatherer = link_and_cluster(case, progress=progress)
    return Batch(
        reports=tuple(r for r in everything if r.use == "case"),
        background=tuple(r for r in everything if r.use == "background"),
        case=case,
        links=tuple(links),
        hands=hands,
        gatherer=gatherer,
    )


def predict_links(
    reports: Path,
    parameters: Parameters,
    problems: list[Problem],
    pairs: Path | None = None,
    background: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Iterator[PredictedLink]:
    """P(same hand) of the listed pairs, or of every pair with evidence.

    A listed pair with an id that no record carries is reported and gets no line.
    """
    batch = make_batch(reports, parameters, problems, background, progress)
    return links_of(batch, read_pairs(pairs, problems) if pairs else None, problems)


def links_of(
    batch: Batch, pairs: Iterable[Pair] | None, problems: list[Problem]
) -> Iterator[PredictedLink]:
    """The lines of some pairs, or of every pair with evidence."""
    case, gatherer, parameters = batch.case, batch.gatherer, batch.case.parameters
    known = {(k.l, k.r): k for k in (*batch.links, *copy_links(case, gatherer))}
    for left, right in sorted(known) if pairs is None else pairs:
        if left == right or left not in case.profiles or right not in case.profiles:
            reason = (
                "both are the same report"
                if left == right
                else ("one of the two is no report of the file")
            )
            problems.append(Problem(f"pair {left} / {right}", f"{reason}; no line written"))
            continue
        key = pair(left, right)
        link = known.get(key) or make_link(gatherer.gather(*key), parameters)
        yield PredictedLink(
            left, right, link.probability, link.campaign_probability, link.weight_bits
        )


def predict_clusters(
    reports: Path,
    parameters: Parameters,
    problems: list[Problem],
    background: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Iterator[PredictedCluster]:
    """The hand and the campaign of every report; campaigns lie inside hands."""
    return clusters_of(make_batch(reports, parameters, problems, background, progress))


def clusters_of(batch: Batch) -> Iterator[PredictedCluster]:
    """The line of every report."""
    _, campaigns = build_campaigns(
        batch.case,
        batch.hands,
        {(k.l, k.r): k for k in batch.links},
        Constraints(),
        details=False,
    )
    place: dict[str, PredictedCluster] = {}
    for campaign in sorted(campaigns, key=lambda c: c.strength == "proposed"):
        for report in campaign.reports:  # the proposed cluster, if it differs, comes last
            place[report] = PredictedCluster(report, campaign.hand, campaign.id)
    yield from (place[report] for report in sorted(place))


def _texts(world: World, known: Sequence[Report], described: bool) -> Texts:
    """The text channel of a world: of bundled knowledge, or of the texts of a reference file."""
    if not known:
        return Texts(bundled_channel(), explained=0)
    channel = Channel(world)
    pairs = [(r.known_actor, r.text) for r in known if r.known_actor and r.text]
    return Texts(channel, ReferenceChannel(channel, pairs, described), explained=0)


def predict_actors(
    queries: Path,
    parameters: Parameters,
    problems: list[Problem],
    reference: Path | None = None,
    background: Path | None = None,
    progress: Progress = lambda *_: None,
    knowledge: Knowledge = "texts",
) -> Iterator[PredictedActors]:
    """Ranked actors for every query, each query on its own.

    ``knowledge`` is what bundled pages tell of the actors of a reference: of free texts, nothing,
    or with the behaviour of ATT&CK's groups (`full`).
    """
    asked = read_reports(queries, "case", problems)
    known = read_reports(reference, "reference", problems)
    case = _case(
        _merge(known, read_reports(background, "background", problems), problems=problems),
        parameters,
    )
    world = world_of_reference(known, parameters) if reference else bundled_world()
    told = any(r.text for r in asked)
    texts = _texts(world, known, knowledge != "none") if told else None
    scene = make_scene(case, world, texts, not reference, knowledge == "full")
    cited = resolve_citations([*known, *asked])
    shared_cited, shared_holders = dict(case.copies.cited), dict(case.copies.holders)
    shared_profiles = dict(case.profiles)
    for number, report in enumerate(asked):
        # Each query meets the reference alone; other queries tell it nothing.
        alone = profile(report, {**same_files([report]), **case.same})
        sources = tuple(s for s in cited[report.id] if s in case.profiles)
        copies = replace(
            case.copies,
            cited=ChainMap({report.id: sources}, shared_cited),
            holders=ChainMap(
                {s: frozenset(case.profiles[s].features) for s in sources},
                shared_holders,
            ),
            compilations=case.copies.compilations - {report.id},
            derivative_of={c: o for c, o in case.copies.derivative_of.items() if c != report.id},
            detected={c: s for c, s in case.copies.detected.items() if c != report.id},
        )
        result = attribute(
            replace(
                scene,
                profiles=ChainMap({report.id: alone}, shared_profiles),
                copies=copies,
            ),
            Membership(report.id, "merged", (report.id,), {report.id: 1.0}),
            explicit_all=True,
            most=_HYPOTHESES,
        )
        yield PredictedActors(
            id=report.id,
            decision=result.decision,
            naming=result.naming,
            none=result.none,
            planted=result.planted,
            hypotheses=tuple(
                PredictedHypothesis(h.actor, h.level, h.probability) for h in result.hypotheses
            ),
        )
        progress("attributing", number + 1, len(asked))


def _labels(value: object, place: str, problems: list[Problem]) -> list[str] | None:
    """The closed set of techniques of a record; `None` if it names none."""
    if value is None:
        return None
    good = []
    for label in value if isinstance(value, list) else [value]:
        try:
            good.append(technique(str(label)).value)
        except ValueError:
            problems.append(Problem(place, f"label {str(label)[:40]!r} is no technique; left out"))
    return list(dict.fromkeys(good)) or None


def _chosen(found: Mapping[str, float], among: Sequence[str]) -> list[tuple[str, float]]:
    """Techniques of a closed set, likeliest first; revoked ones mean what they became."""
    rows = [(label, found.get(current(label), 0.0)) for label in among]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def predict_techniques(
    texts: Path, problems: list[Problem], progress: Progress = lambda *_: None
) -> Iterator[PredictedTechniques]:
    """The techniques that each text describes.

    Of a record ``id`` and ``text`` are read; ``mention``, the phrase of the text that is asked
    about, is ranked alone; ``labels`` is the closed set of techniques to choose from. A text of one
    sentence (of few, if it must be one of a set) is ranked as one, a longer one adds its sentences
    up.

    Raises:
        InputError: if the file cannot be opened.
    """
    from samehand.extract.sentences import sentences
    from samehand.extract.techniques import document_techniques, model, rank_sentence

    least = model().document_threshold
    for number, (place, record) in enumerate(values_of(texts), 1):
        fields = record if isinstance(record, dict) else {}
        identifier, text = fields.get("id"), fields.get("text")
        if not isinstance(identifier, str) or not isinstance(text, str):
            problems.append(Problem(place, "not an object with 'id' and 'text'; line skipped"))
            continue
        mention, among = fields.get("mention"), _labels(fields.get("labels"), place, problems)
        if isinstance(mention, str) and mention.strip():
            ranked = rank_sentence(mention, among)
        elif 1 <= len(sentences(text)) <= (1 if among is None else _PASSAGE):
            ranked = rank_sentence(text, among)
        else:
            found = document_techniques(text)
            ranked = list(found.items()) if among is None else _chosen(found, among)
        yield PredictedTechniques(
            identifier,
            tuple(
                # of sub-techniques only written ones: which of several it is, is less sure
                PredictedTechnique(t, p, p >= (1.0 if "." in t else least))
                for t, p in ranked[:_TECHNIQUES]
            ),
        )
        progress("classifying", number, 0)
