"""A document and what was found in it, as a report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from samehand.extract.compared import comparisons_of
from samehand.extract.mention import Mention
from samehand.extract.observables import IDENTIFIERS, VERSION
from samehand.extract.prose import (
    NOTHING,
    Prose,
    claims_of,
    facts_of,
    published_of,
    software_of,
    victims_of,
)
from samehand.extract.prose import (
    VERSION as PROSE_VERSION,
)
from samehand.formats.records import Defaults, observation_id, parse_record
from samehand.knowledge.taxonomies import TLP, canonical_tlp
from samehand.model import Feature, Observation, Problem, Report, ReportUse
from samehand.normalise import name_key, technique
from samehand.read.document import Document

#: Most addresses of other publications that a report may cite.
MAX_CITES = 500
_MARKING = re.compile(r"(?i)\bTLP\s?[:\- ]\s?(RED|AMBER\s?\+\s?STRICT|AMBER|GREEN|CLEAR|WHITE)\b")
#: A marking stands at the beginning or the end of a document, in characters.
_MARKED_PART = 4000


def identifier(document: Document) -> str:
    """The id of the report of a document: its title, and eight digits of the SHA-256 of its text.

    The same content gives the same id, whatever the file is called: a copy is no second witness.
    """
    title = _MARKING.sub("", document.title)
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-") or "document"
    digest = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug}-{digest[:8]}"


def marking(text: str) -> str:
    """The most restricted TLP marking at the beginning or end of a text, '' if there is none."""
    found = _MARKING.findall(text[:_MARKED_PART] + "\n" + text[-_MARKED_PART:])
    levels = [TLP.index(canonical_tlp(re.sub(r"\s", "", m))) for m in found]
    return TLP[max(levels)] if levels else ""


def title_of(document: Document) -> str:
    """The title of a document, '' if it has none; a TLP marking is no title."""
    return document.title if _MARKING.sub("", document.title).strip(" :-") else ""


def _place(mention: Mention) -> str:
    page = f"page {mention.page}, " if mention.page else ""
    return f"{page}characters {mention.start}-{mention.end}"


def observables_of(mentions: Iterable[Mention]) -> list[dict[str, Any]]:
    """Observables of a record, one for each value, role and list: where it stands first."""
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for mention in mentions:
        if mention.feature.kind in IDENTIFIERS:
            continue
        key = (mention.feature, mention.role, mention.batch)
        held = seen.get(key)
        if held is None:
            seen[key] = {
                "type": mention.feature.kind,
                "value": mention.feature.value,
                "raw": mention.raw,
                "role": mention.role,
                "batch": mention.batch,
                "source": _place(mention),
                "start": mention.start,
                "end": mention.end,
                "page": mention.page,
                "file": mention.file,
                "extractor": VERSION,
            }
        elif mention.file and not held["file"]:
            held["file"] = mention.file
    return list(seen.values())


def _with_places(
    observations: Sequence[Observation], mentions: Iterable[Mention]
) -> Iterator[Observation]:
    """The observations, those of written techniques with the place of their first mention."""
    first: dict[str, Mention] = {}
    for mention in mentions:
        if mention.feature.kind == "technique":
            first.setdefault(mention.feature.value, mention)
    for observation in observations:
        at = first.get(observation.raw) if observation.feature.kind == "technique" else None
        if at is None:
            yield observation
        else:
            yield replace(observation, start=at.start, end=at.end, page=at.page, source=_place(at))


def techniques_of(report: Report, prose: Prose) -> list[Observation]:
    """Observations of techniques told in sentences, those written as identifiers left out."""
    held = {o.feature for o in report.observations}
    found: dict[Feature, Observation] = {}
    for seen in prose.techniques:
        feature = technique(seen.technique)
        if feature in held or feature in found:
            continue
        found[feature] = Observation(
            observation_id(report.id, feature, "", ""),
            report.id,
            feature,
            report.text[seen.start : seen.end][:200],
            source=f"a sentence, P {seen.probability:.2f}",
            extractor=PROSE_VERSION,
            start=seen.start,
            end=seen.end,
        )
    return list(found.values())


def report_of(
    document: Document,
    mentions: Sequence[Mention],
    *,
    use: ReportUse = "case",
    defaults: Defaults = Defaults(),
    prose: Prose = NOTHING,
) -> tuple[Report | None, list[Problem]]:
    """The report of one document, read as a record, and what could not be used of it."""
    from samehand.knowledge import attack

    known = attack.software() if any(m.feature.kind == "attack-software" for m in mentions) else {}
    software = [
        known[m.feature.value].name
        for m in mentions
        if m.feature.kind == "attack-software" and m.feature.value in known
    ]
    cites = [m.feature.value for m in mentions if m.role == "reference" and m.feature.kind == "url"]
    cites += [link for link in document.links if link.startswith(("http:", "https:"))]
    own = identifier(document)
    cites = list(dict.fromkeys(cites))[:MAX_CITES]
    record = {
        "id": own,
        "title": title_of(document),
        "publisher": defaults.publisher or document.publisher,
        "published": defaults.published or document.published or published_of(prose),
        "urls": [document.url] if document.url else [],
        "tlp": defaults.tlp or marking(document.text) or "AMBER",
        "text": document.text,
        "observables": observables_of(mentions),
        "techniques": list(
            dict.fromkeys(m.feature.value for m in mentions if m.feature.kind == "technique")
        ),
        "software": list({name_key(n): n for n in (*software_of(prose), *software)}.values()),
        "victims": victims_of(prose),
        "facts": facts_of(prose),
        "claims": [*claims_of(prose), *comparisons_of(prose, document.text, cites, own)],
        "cites": cites,
        "provenance": {"format": document.format, "extractor": VERSION},
    }
    report, problems = parse_record(record, document.name, use=use, defaults=defaults)
    if report is not None:
        placed = techniques_of(report, prose)
        seen = _with_places(report.observations, mentions)
        report = replace(report, extra="{}", observations=(*seen, *placed))
    return report, problems
