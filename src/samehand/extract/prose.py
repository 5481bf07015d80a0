"""What the prose of a document says, all of it together: names, claims, facts and techniques."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samehand.extract.claims import ClaimFound, find_claims
from samehand.extract.facts import find_facts
from samehand.extract.names import NameFound, find_names
from samehand.extract.techniques import TechniqueFound, find_techniques
from samehand.model import Fact

#: Longer texts are lists and dumps; their prose is read up to here.
MOST_CHARACTERS = 2_000_000
#: A name of malware that stands once may come from a menu or an aside.
_FEWEST_MENTIONS = 2
#: Version of the reading of prose, which observations carry.
VERSION = "prose-1"


@dataclass(frozen=True, slots=True)
class Prose:
    """What one text says; every row carries its place."""

    names: tuple[NameFound, ...] = ()
    claims: tuple[ClaimFound, ...] = ()
    facts: tuple[Fact, ...] = ()
    techniques: tuple[TechniqueFound, ...] = ()


#: Of a document whose prose is not read.
NOTHING = Prose()


def read_prose(text: str, published: str = "") -> Prose:
    """Names, claims, facts and techniques of a text; ``published`` (ISO) dates what has no year."""
    text = text[:MOST_CHARACTERS]
    names = find_names(text)
    return Prose(
        tuple(names),
        tuple(find_claims(text, names, published)),
        tuple(find_facts(text, published)),
        tuple(find_techniques(text, accepted=True)),
    )


def software_of(prose: Prose) -> list[str]:
    """Malware and tools that a text tells of more than once, as written, commonest first."""
    counted = Counter(n.name for n in prose.names if n.kind in ("malware", "tool"))
    return [name for name, times in counted.most_common() if times >= _FEWEST_MENTIONS]


def victims_of(prose: Prose) -> list[dict[str, str]]:
    """Countries and sectors that were hit, as a record lists them."""
    kinds = {"country": "country", "sector": "sector"}
    return [{kinds[f.what]: f.value} for f in prose.facts if f.what in kinds]


def facts_of(prose: Prose) -> list[dict[str, Any]]:
    """Organisations hit, windows, sums of money and motives, as a record lists them."""
    kinds = ("organisation", "window", "money", "motive")
    return [
        {"what": f.what, "value": f.value, "note": f.note, "start": f.start, "end": f.end}
        for f in prose.facts
        if f.what in kinds
    ]


def claims_of(prose: Prose) -> list[dict[str, Any]]:
    """The publisher's own judgements on what the text is about, as a record lists them.

    An attribution of something else in passing would speak for the wrong actor. So only first-hand
    sentences count, of this activity itself ("the attack", "this campaign") or of the malware or
    campaign that the text names most; of each actor once, in the surest words.
    """
    counted = Counter(n.name for n in prose.names if n.kind in ("malware", "campaign"))
    subject = counted.most_common(1)[0][0] if counted else ""
    kinds = {n.name: n.kind for n in prose.names}
    rank = {"high": 0, "medium": 1, "low": 2, "none": 3}
    named = {c.actor for c in prose.claims if c.relation == "attribution" and c.first_hand}
    best: dict[tuple[str, str], ClaimFound] = {}
    for claim in prose.claims:
        if not claim.first_hand or kinds.get(claim.actor) != "actor":
            continue
        if claim.relation not in ("attribution", "denial", "withdrawal"):
            continue
        if claim.about not in ("", subject):
            continue
        if claim.relation == "denial" and claim.actor in named:
            continue  # who attributes as well qualifies, and does not deny
        key = (claim.relation, claim.actor)
        if key not in best or rank[claim.level] < rank[best[key].level]:
            best[key] = claim
    rows: list[dict[str, Any]] = [
        {
            "relation": claim.relation,
            "about": claim.about or subject,
            "actor": claim.actor,
            "words": claim.level if claim.level != "none" else "",
            "first_hand": True,
            "source": f"characters {claim.start}-{claim.end}",
            "start": claim.start,
            "end": claim.end,
        }
        for claim in best.values()
    ]
    seen = set()
    for claim in prose.claims:
        pair = (claim.about, claim.actor)
        if claim.relation == "alias" and all(pair) and subject in pair and pair not in seen:
            seen.add(pair)
            rows.append(
                {
                    "relation": "alias",
                    "about": claim.about,
                    "actor": claim.actor,
                    "first_hand": claim.first_hand,
                    "source": f"characters {claim.start}-{claim.end}",
                    "start": claim.start,
                    "end": claim.end,
                }
            )
    return rows


def steps_of(prose: Prose) -> list[TechniqueFound]:
    """How it was done, in the order of the text: each technique where it stands first."""
    first: dict[str, TechniqueFound] = {}
    for found in prose.techniques:
        first.setdefault(found.technique, found)
    return sorted(first.values(), key=lambda t: (t.start, t.technique))


def published_of(prose: Prose) -> str:
    """The date of publication that the text states, '' if none."""
    stated: Sequence[str] = [f.value for f in prose.facts if f.what == "published"]
    return stated[0] if len(stated) == 1 else ""
