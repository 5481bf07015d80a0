"""What is known, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from samehand.knowledge.answers import (
    Answer,
    KnownConcept,
    KnownSoftware,
    KnownTechnique,
    KnownValue,
    Said,
)
from samehand.knowledge.inventory import Inventory
from samehand.normalise import name_key
from samehand.profiles import ActorProfile, ProfileFact
from samehand.render.plain import WIDTH, table
from samehand.render.safe import clean, defang, defang_text

#: Names, users and speakers shown without -v.
_FEW = 8
_RELATION_WORDS = {
    "same-as": "is the same as",
    "part-of": "is part of",
    "subgroup-of": "is a subgroup of",
    "overlaps": "overlaps with",
    "sponsored-by": "is sponsored by",
    "disputed": "is disputed to be, or be part of,",
}


def profile_text(found: ActorProfile, most: int = 12) -> str:
    """The facts of an actor, kind by kind."""
    when = f", as of {found.as_of}" if found.as_of else ""
    loaded = any(f.kind == "report" for f in found.facts)
    seen = f"{found.campaigns} independent campaigns in" if loaded else "no report on it in the"
    head = f"{clean(found.actor)}{when}: {seen} loaded reference reports"
    lines = [head]
    kinds: dict[str, list[ProfileFact]] = {}
    for fact in found.facts:
        kinds.setdefault(fact.kind, []).append(fact)
    for kind, facts in kinds.items():
        by_value: dict[str, list[ProfileFact]] = {}
        for fact in facts:
            key = fact.source if kind == "report" else fact.value
            by_value.setdefault(name_key(key) if kind == "name" else key, []).append(fact)
        lines.append(f"  {kind} ({len(by_value)})")
        rows = [["what", "says", "since", "campaigns"]]
        for said in list(by_value.values())[:most]:
            who = ", ".join(dict.fromkeys(f.source for f in said))
            since = min((f.date for f in said if f.date[:1].isdigit()), default="")
            shown_in = max(f.campaigns for f in said)
            rows.append([clean(said[0].value, 44), clean(who, 48), since, str(shown_in or "")])
        lines.append(table(rows, right=(3,), indent="    "))
        if len(by_value) > most:
            lines.append(f"    and {len(by_value) - most} more (-v)")
    if found.left_out:
        undated = clean(", ".join(found.left_out), 300)
        lines.append(_fill(f"Without a date, so not counted: {undated}", 2))
    return "\n".join(lines)


def _fill(text: str, indent: int) -> str:
    blank = " " * indent
    return textwrap.fill(
        text, WIDTH, initial_indent=blank, subsequent_indent=blank + "  ", break_on_hyphens=False
    )


def _few(items: Iterable[str], long: bool) -> str:
    listed = [clean(i) for i in items]
    shown = listed if long else listed[:_FEW]
    more = f" and {len(listed) - len(shown)} more" if len(shown) < len(listed) else ""
    return ", ".join(shown) + more


def _speakers(said: Iterable[Said]) -> str:
    rows = []
    for one in said:
        words = f": {clean(one.says)}" if one.says else ""
        rows.append(f"{clean(one.publisher)} ({clean(one.date)}){words}")
    return "; ".join(dict.fromkeys(rows))


def _share(value: float) -> str:
    """A share of meanings in percent; small ones are not shown as none."""
    return f"{value:.0%}" if value >= 0.01 else "<1%"


def _concept(concept: KnownConcept, long: bool) -> str:
    lines = [
        f"  {_share(concept.probability):>4}  {clean(concept.name)}  "
        f"({concept.level}, {clean(concept.id)})",
        _fill("so say " + _speakers(concept.sources), 8),
    ]
    others = [n.name for n in concept.names if n.name != concept.name]
    if others:
        lines.append(_fill("names: " + _few(others, long), 8))
    for relation in concept.relations if long else concept.relations[: 2 * _FEW]:
        lines.append(
            _fill(
                f"{_RELATION_WORDS[relation.type]} {clean(relation.to_name)} "
                f"({relation.weight:.2f}) - {_speakers(relation.sources)}",
                8,
            )
        )
    if not long and len(concept.relations) > 2 * _FEW:
        lines.append(f"        and {len(concept.relations) - 2 * _FEW} more relations (-v)")
    if concept.parts:
        lines.append(_fill("holds: " + _few(concept.parts, long), 8))
    if concept.references and long:
        lines.append("        publications cited for it:")
        lines += [f"          {defang_text(address)}" for address in concept.references]
    elif concept.references:
        lines.append(f"        {len(concept.references)} publications cited for it (-v)")
    return "\n".join(lines)


def _software(family: KnownSoftware, long: bool) -> str:
    public = "not public"
    if family.public:
        public = f"public since {family.public_since}" if family.public_since else "public"
    facts = [family.kind, public, *family.platforms]
    if family.first_seen:
        facts.append(f"first seen {family.first_seen}")
    lines = [
        f"  {_share(family.probability):>4}  {clean(family.name)}  ({clean(', '.join(facts))})",
        _fill("so say " + _few(family.sources, True), 8),
    ]
    if family.aliases:
        lines.append(_fill("names: " + _few(family.aliases, long), 8))
    if family.users:
        lines.append(_fill("recorded users: " + _few(family.users, long), 8))
    return "\n".join(lines)


def _technique(technique: KnownTechnique) -> str:
    state = technique.status
    if technique.stands_for != technique.id:
        state += f", now {technique.stands_for}"
    lines = [
        f"  {technique.id}  {clean(technique.name)}  ({technique.domain}, {state}; "
        f"{', '.join(technique.tactics) or 'no tactic'})"
    ]
    former = [n for n in technique.names if n != technique.name]
    if former:
        lines.append(_fill("also called " + ", ".join(clean(n) for n in former), 8))
    return "\n".join(lines)


def _value(value: KnownValue) -> str:
    lines = [f"  {value.kind}  {defang(value.kind, value.value)}"]
    if value.reasons:
        lines.append(f"        commonplace: about {value.unrelated_holders:g} unrelated holders")
        lines.extend(_fill(f"- {clean(r)}", 8) for r in value.reasons)
    else:
        lines.append("        on no list of commonplace values")
    if value.provider:
        lines.append(f"        below the provider {defang('domain-name', value.provider)}")
    if value.seen_holders:
        lines.append(f"        counted at {value.seen_holders} unrelated holders elsewhere")
    return "\n".join(lines)


def answer_text(found: Answer, *, long: bool = False) -> str:
    """Everything that one text may mean."""
    parts = [defang_text(found.name)]
    if found.empty:
        parts.append("  nothing is known of it")
    for concept in found.concepts:
        parts.append(_concept(concept, long))
    if found.software:
        parts.append("As malware or tool:")
        parts.extend(_software(f, long) for f in found.software)
    if found.techniques:
        parts.append("As ATT&CK technique:")
        parts.extend(_technique(t) for t in found.techniques)
    if found.values:
        parts.append("As observable:")
        parts.extend(_value(v) for v in found.values)
    return "\n".join(parts)


def inventory_text(found: Inventory, *, long: bool = False) -> str:
    """What is bundled, in which versions, and what is past its date."""
    lines = ["WHAT IS KNOWN"]
    for holding in found.holdings:
        lines.append(f"  {holding.part:<12} {clean(holding.version)}")
        lines.append(_fill(holding.content, 15))
    if found.fetched:
        lines += ["", "FETCHED, in place of what is bundled"]
        lines += [f"  {clean(row)}" for row in found.fetched]
    expired = [r for r in found.lists if r.expired]
    if expired:
        lines += [
            "",
            f"PAST THEIR DATE ({len(expired)} lists): they still count; update the package",
        ]
        lines.append(_fill(_few((f"{r.list} ({r.expires})" for r in expired), long), 2))
    rows = [["source", "publisher", "date", "concepts", "names", "relations"]]
    listed = found.sources if long else [s for s in found.sources if s.concepts >= 20]
    for source in listed:
        rows.append(
            [
                clean(source.id),
                clean(source.publisher),
                clean(source.date),
                str(source.concepts),
                str(source.names),
                str(source.relations),
            ]
        )
    lines += ["", "WHO NAMES ACTORS", table(rows, right=(3, 4, 5))]
    if not long and len(listed) < len(found.sources):
        lines.append(f"  and {len(found.sources) - len(listed)} publications (-v)")
    return "\n".join(lines)
