"""What a STIX report says about identity and victims, as claims and victims of a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from samehand.formats.misp_countries import country_code
from samehand.formats.reading import Record, Tally, dicts_of, name_of, text_of, texts_of
from samehand.formats.statements import MAX_CLAIMS
from samehand.formats.stix_bundle import REPORT_TYPES, Bundle, Item, Scope

#: STIX 2.1, appendix A, 'None / Low / Med / High': lowest value of each word.
_CONFIDENCE = ((70, "high"), (30, "medium"), (0, "low"))
#: Most sectors, labels or references of one object that are read; real ones have a handful.
MAX_LISTED = 100
_ACTORS = ("intrusion-set", "threat-actor")
_NAMED = (*_ACTORS, "campaign")
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
#: Names of malware objects that are a sample's hash or file and no name of a family.
_SAMPLE = re.compile(
    r"(?i)[0-9a-f]{32,128}|.*\.(?:exe|dll|sys|bin|doc[xm]?|xls[xm]?|js|vbs|ps1|apk)"
)


def words_of(value: object) -> str:
    """The words for a STIX confidence from 0 to 100; '' if none is stated."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        return ""
    return next(words for least, words in _CONFIDENCE if value >= least)


def _is_person(item: Item) -> bool:
    """Whether a threat actor is one person: no natural person is ever an actor here."""
    return item.get("resource_level") == "individual" or item.get("identity_class") == "individual"


def _actor(bundle: Bundle, identifier: object, tally: Tally) -> str:
    """The name of an actor object that may be claimed, or ''."""
    item = bundle.items.get(identifier) if isinstance(identifier, str) else None
    if item is None:
        return ""
    if item["type"] not in _ACTORS or _is_person(item):
        tally.note(
            "attributions to a person or to something that is no actor, not used", item["type"]
        )
        return ""
    return name_of(item.get("name"))


def _said_by(bundle: Bundle, item: Item, publisher: str) -> Record:
    """The fields that tell a taken-over statement from one of the report's publisher."""
    creator = text_of(item.get("created_by_ref"))
    if not creator or not publisher or creator == publisher:
        return {}
    return {"first_hand": False, "origin": bundle.name(creator) or creator}


def claims_of(
    bundle: Bundle, scope: Scope, report: Item | None, title: str, tally: Tally
) -> list[Record]:
    """The claims of one record; ``report`` is `None` for the record of the bundle itself."""
    publisher = text_of(report.get("created_by_ref")) if report else ""
    found = list(_attributions(bundle, scope, report, title, publisher, tally))
    if not found and report is not None:
        found += _named_only(bundle, scope, report, title, publisher, tally)
    for item in scope.items.values():
        if item["type"] not in _NAMED or _is_person(item):
            continue
        name = name_of(item.get("name"))
        aliases = texts_of(item.get("aliases"), MAX_CLAIMS) if name else []
        if not bundle.spend(len(aliases)):
            scope.complete = False
            break
        for alias in sorted(set(map(name_of, aliases)) - {name, ""}):
            said = _said_by(bundle, item, publisher)
            found.append({"relation": "alias", "about": name, "actor": alias, **said})
    return found


def _attributions(
    bundle: Bundle,
    scope: Scope,
    report: Item | None,
    title: str,
    publisher: str,
    tally: Tally,
) -> Iterator[Record]:
    for relation in scope.relations:
        if relation.get("relationship_type") != "attributed-to":
            continue
        actor = _actor(bundle, relation.get("target_ref"), tally)
        if not actor:
            continue
        source = bundle.items.get(text_of(relation.get("source_ref")))
        own = source is None or source["type"] in REPORT_TYPES or not source.get("name")
        stated = relation.get("confidence", report.get("confidence") if report else None)
        yield {
            "relation": "attribution",
            "about": title if own or source is None else name_of(source.get("name")),
            "actor": actor,
            "words": words_of(stated),
            **_said_by(bundle, relation, publisher),
        }


def _named_only(
    bundle: Bundle, scope: Scope, report: Item, title: str, publisher: str, tally: Tally
) -> Iterator[Record]:
    """A claim where no relationship attributes anything, but the report names one actor.

    With relationships that tie the actor to what is described it is the report's own attribution;
    an actor that is merely listed is a label.
    """
    actors = {i: item for i, item in scope.items.items() if item["type"] in _ACTORS}
    if not actors:
        return
    tied: dict[str, Item] = {}
    for relation in scope.relations:
        for end in ("source_ref", "target_ref"):
            if relation.get(end) in actors:
                tied.setdefault(relation[end], relation)
    indicated = {
        text_of(r.get("target_ref"))
        for r in scope.relations
        if r.get("relationship_type") == "indicates" and r.get("target_ref") in actors
    }
    chosen = sorted(actors) if len(actors) == 1 else sorted(indicated)
    if len(chosen) != 1:
        tally.note(
            "reports that name several actors without saying whose work they describe; "
            "no attribution taken",
            report["id"],
        )
        return
    actor = _actor(bundle, chosen[0], tally)
    if not actor:
        return
    campaigns = [
        n for i in scope.items.values() if i["type"] == "campaign" and (n := name_of(i.get("name")))
    ]
    tie = tied.get(chosen[0])
    stated = (tie or {}).get("confidence", report.get("confidence"))
    yield {
        "relation": "attribution",
        "about": campaigns[0] if len(campaigns) == 1 else title,
        "actor": actor,
        "words": words_of(stated) if tie else "label only",
        **(_said_by(bundle, tie, publisher) if tie else {}),
    }


def victims_of(bundle: Bundle, scope: Scope, creators: set[str], tally: Tally) -> list[Record]:
    """Countries and sectors that are said to be targeted, or whose organisations are named."""
    found: list[Record] = []
    targeted = {
        text_of(r.get("target_ref"))
        for r in scope.relations
        if r.get("relationship_type") == "targets"
    }
    named = {i for i, item in scope.items.items() if item["type"] == "identity"} - creators
    for identifier in sorted(targeted | named):
        item = bundle.items.get(identifier)
        if item is None:
            continue
        if item["type"] == "location":
            found += _country(item, tally)
        elif item["type"] == "identity":
            sectors = texts_of(item.get("sectors"), MAX_LISTED)
            if not sectors and item.get("identity_class") == "class":
                sectors = [name_of(item.get("name"))]
            found += [{"sector": s.replace("-", " ")} for s in map(name_of, sectors) if s]
            if not bundle.spend(len(bundle.from_source.get(identifier, ()))):
                continue
            for relation in bundle.from_source.get(identifier, ()):
                place = bundle.items.get(text_of(relation.get("target_ref")))
                if relation.get("relationship_type") == "located-at" and place:
                    found += _country(place, tally)
    return sorted({tuple(v.items()): v for v in found}.values(), key=lambda v: sorted(v.items()))


def _country(item: Item, tally: Tally) -> list[Record]:
    if item["type"] != "location":
        return []
    written = name_of(item.get("country")) or name_of(item.get("name"))
    code = country_code(written)
    if not code:
        tally.note("locations that are no known country, not used", written or item["id"])
    return [{"country": code}] if code else []


def techniques_of(scope: Scope, tally: Tally) -> list[str]:
    """ATT&CK identifiers of the attack patterns."""
    found = set()
    for item in scope.items.values():
        if item["type"] != "attack-pattern":
            continue
        identifiers = [
            text_of(r.get("external_id"))
            for r in references_of(item, MAX_LISTED)
            if text_of(r.get("source_name")).lower().startswith("mitre")
        ]
        identifiers += [
            text_of(item.get("x_mitre_id")),
            name_of(item.get("name")).partition(" ")[0],
        ]
        known = [t for t in identifiers if _TECHNIQUE.fullmatch(t.rstrip(":"))]
        if known:
            found.add(known[0].rstrip(":"))
        else:
            shown = name_of(item.get("name")) or item["id"]
            tally.note("attack patterns without an ATT&CK identifier, not compared", shown)
    return sorted(found)


def software_of(scope: Scope) -> list[str]:
    """Names of malware and tools."""
    names = {
        name_of(item.get("name"))
        for item in scope.items.values()
        if item["type"] in ("malware", "tool")
    }
    return sorted(n for n in names if n and not _SAMPLE.fullmatch(n))


def references_of(item: Item, most: int | None = None) -> list[dict[str, Any]]:
    """The external references of an object, the first of them."""
    return dicts_of(item.get("external_references"), most)
