"""STIX 2.1 and 2.0 bundles into report records (docs/formats.md).

Each report, grouping and incident is a record with the objects it names; what no report names
makes one more record for the bundle. Reading never asks another program or address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from samehand.formats.reading import (
    Record,
    Tally,
    day_of,
    highest_tlp,
    name_of,
    settle_roles,
    text_of,
)
from samehand.formats.stix_bundle import (
    REPORT_TYPES,
    Bundle,
    Item,
    Scope,
    index,
    leftover,
    refs_of,
    scope_of,
)
from samehand.formats.stix_claims import (
    claims_of,
    references_of,
    software_of,
    techniques_of,
    victims_of,
)
from samehand.formats.stix_observables import Observables
from samehand.model import Problem

#: Most characters of notes and opinions that are appended to the text of a report.
MAX_NOTES_CHARS = 200_000
#: Objects of which a bundle without a report may name exactly one to be somebody's own account.
_SUBJECTS = (("campaign",), ("intrusion-set", "threat-actor"), ("observed-data",))


def is_stix(document: object) -> bool:
    """Whether a decoded JSON document is a STIX bundle, or the envelope that TAXII sends."""
    if not isinstance(document, dict):
        return False
    if document.get("type") == "bundle":
        identifier = document.get("id")
        return "objects" in document or (
            isinstance(identifier, str) and identifier.startswith("bundle--")
        )
    objects = document.get("objects")
    first = objects[0] if isinstance(objects, list) and objects else None
    return (
        "id" not in document
        and isinstance(first, dict)
        and isinstance(first.get("type"), str)
        and text_of(first.get("id")).startswith(f"{first['type']}--")
    )


def records_of(document: object, name: str) -> Iterator[Record | Problem]:
    """Records of a bundle's reports, then of the rest, then what could not be used, summed."""
    raw = document if isinstance(document, dict) else {}
    tally = Tally(name)
    objects = raw.get("objects", [])
    if not isinstance(objects, list):
        yield Problem(name, "the bundle's 'objects' is not a list; nothing read")
        return
    bundle = index(objects, tally)
    if not bundle.items:
        tally.note("bundle that holds no usable object")
    reader = _Reader(bundle, tally)
    taken: set[str] = set()
    for report in bundle.of_type(*REPORT_TYPES):
        scope = scope_of(bundle, report)
        taken.update(scope.items)
        taken.update(relation["id"] for relation in scope.relations)
        yield reader.report(report, scope)
    rest = leftover(bundle, taken)
    record = reader.rest(raw, rest)
    if record is not None:
        yield record
    yield from tally.problems()


class _Reader:
    """Records of one bundle."""

    def __init__(self, bundle: Bundle, tally: Tally) -> None:
        self.bundle = bundle
        self.tally = tally
        self.observables = Observables(bundle, tally)
        self.creators = {text_of(item.get("created_by_ref")) for item in bundle.items.values()} - {
            ""
        }
        self.remarks: dict[str, list[Item]] = {}
        for item in bundle.of_type("note", "opinion"):
            for ref in refs_of(item, "object_refs"):
                if (target := bundle.items.get(ref)) and target["type"] in REPORT_TYPES:
                    self.remarks.setdefault(ref, []).append(item)

    def report(self, report: Item, scope: Scope) -> Record:
        """The record of a report, grouping or incident."""
        title = name_of(report.get("name"))
        published = day_of(report.get("published")) or day_of(report.get("created"))
        urls, cites = set(), set(scope.cites)
        for reference in references_of(report):
            external, url = text_of(reference.get("external_id")), text_of(reference.get("url"))
            if external.startswith(tuple(f"{kind}--" for kind in REPORT_TYPES)):
                cites.add(external)
            elif url:
                urls.add(url)
        creator = text_of(report.get("created_by_ref"))
        if creator and not self.bundle.name(creator):
            self.tally.note(
                "reports whose creator is not in the bundle, so without a publisher", report["id"]
            )
        record = {
            "id": report["id"],
            "title": title,
            "kind": "incident" if report["type"] == "incident" else "report",
            "publisher": self.bundle.name(creator),
            "published": published,
            "urls": sorted(urls),
            "cites": sorted(cites - {report["id"]}),
            "text": self._text(report),
            "tlp": self._tlp(report, scope),
            **self._content(scope, report, title or report["id"], published),
        }
        if scope.missing:
            self.tally.note("reports that name objects which are not in the bundle", report["id"])
        if not scope.complete:
            self.tally.note(
                "reports not read in full: they name each other's objects too often",
                report["id"],
                error=True,
            )
        return _filled(record)

    def rest(self, raw: dict[str, Any], scope: Scope) -> Record | None:
        """The record of what no report names; `None` if that is nothing to compare."""
        days = [day_of(i.get("modified")) or day_of(i.get("created")) for i in scope.items.values()]
        published = max(days, default="")
        creators = {text_of(i.get("created_by_ref")) for i in scope.items.values()} - {""}
        publisher = self.bundle.name(next(iter(creators))) if len(creators) == 1 else ""
        alone = not any(self.bundle.of_type(*REPORT_TYPES))
        subject = self._subject(scope) if alone and len(creators) <= 1 else None
        identifier = text_of(raw.get("id"))
        if not identifier:
            digest = hashlib.sha256("\n".join(self.bundle.items).encode("utf-8", "surrogatepass"))
            identifier = f"bundle--{digest.hexdigest()[:32]}"
        title = (
            name_of(subject.get("name")) if subject else ""
        ) or f"STIX bundle {identifier[:100]}"
        content = self._content(scope, None, title, published)
        if not any(content.values()):
            return None
        if not scope.complete:
            self.tally.note("bundle not read in full: too many values", identifier, error=True)
        return _filled(
            {
                "id": identifier,
                "title": title,
                "kind": "report" if subject else "compilation",
                "publisher": publisher,
                "published": published,
                "text": text_of(subject.get("description")) if subject else "",
                "tlp": self._tlp(None, scope),
                **content,
            }
        )

    def _subject(self, scope: Scope) -> Item | None:
        """The one campaign, else the one actor, else the one observation that it is all about."""
        for types in _SUBJECTS:
            found = [item for item in scope.items.values() if item["type"] in types]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _content(self, scope: Scope, report: Item | None, title: str, published: str) -> Record:
        return {
            "observables": settle_roles(self.observables.of(scope, published)),
            "techniques": techniques_of(scope, self.tally),
            "software": software_of(scope),
            "victims": victims_of(self.bundle, scope, self.creators, self.tally),
            "claims": claims_of(self.bundle, scope, report, title, self.tally),
        }

    def _text(self, report: Item) -> str:
        parts = [text_of(report.get("description"))]
        room = MAX_NOTES_CHARS
        for item in self.remarks.get(report["id"], ()):
            said = text_of(item.get("content")) or text_of(item.get("explanation"))
            head = text_of(item.get("abstract")) or text_of(item.get("opinion"))
            remark = f"{item['type'].capitalize()}: {head}\n{said}".strip()[:room]
            if not room or not self.bundle.spend(1 + len(remark) // 64):
                break
            room -= len(remark)
            parts.append(remark)
        return "\n\n".join(filter(None, parts))

    def _tlp(self, report: Item | None, scope: Scope) -> str:
        """The highest marking of a report and of everything it holds."""
        found = set()
        for item in (*((report,) if report else ()), *scope.items.values(), *scope.relations):
            marking = self.bundle.tlp_of(item)
            found.add(marking.tlp)
            if marking.unknown and report and item is report:
                found.add("RED")
                self.tally.note(
                    "reports with a marking that the bundle lacks, taken as TLP:RED to be safe",
                    report["id"],
                    error=True,
                )
            elif marking.unknown:
                self.tally.note(
                    "objects with a marking that the bundle lacks, taken as no restriction",
                    marking.unknown,
                )
            if marking.granular:
                self.tally.note(
                    "objects with granular markings, which are taken for the whole object",
                    item["id"],
                )
        return highest_tlp(filter(None, found))


def _filled(record: Record) -> Record:
    return {key: value for key, value in record.items() if value}
