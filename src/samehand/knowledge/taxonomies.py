"""TLP 2.0, the Admiralty scale and estimative language, as the MISP taxonomies write them.

Text and numbers come from the taxonomies; the order of TLP is FIRST's, since a taxonomy has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from samehand.errors import ConfigError
from samehand.knowledge import cache
from samehand.knowledge.sources import Sources

_TLP, _ADMIRALTY, _ESTIMATIVE = "tlp", "admiralty-scale", "estimative-language"
_NAMESPACES = (_TLP, _ADMIRALTY, _ESTIMATIVE)
#: FIRST, TLP 2.0 (August 2022), least to most restricted. The taxonomy also has 'white' (TLP 1's
#: word for CLEAR), 'ex:chr' and 'unclear', which the standard does not know.
TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
_TLP_PREFIX = re.compile(r"^\s*(?:TLP[\s:_-]*)?", re.IGNORECASE)
_BAND = re.compile(r"(\d+)-(\d+)%$")


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a taxonomy."""

    value: str
    """As in a machine tag."""
    expanded: str
    description: str
    number: int | None
    """The taxonomy's numerical value, 0 to 100; `None` if it has none."""


@dataclass(frozen=True, slots=True)
class Admiralty:
    """The two halves of a grade such as B2."""

    reliability: Mapping[str, Term]
    """A to F."""
    credibility: Mapping[str, Term]
    """1 to 6."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One term of estimative probability."""

    value: str
    """As in a machine tag: 'very-likely'."""
    low: float
    high: float
    """Probabilities; bands share their edges."""
    expanded: str


def _build(sources: Sources) -> Mapping[str, bytes]:
    """Namespace -> predicate -> terms; a taxonomy without values has them as predicates."""
    content: dict[str, dict[str, list[Term]]] = {}
    for namespace in _NAMESPACES:
        place = sources.taxonomy(namespace)
        try:
            content[namespace] = _terms(msgspec.json.decode(place.read_bytes()))
        except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
            raise _unusable(place, error) from error
    return {"taxonomies.msgpack": msgspec.msgpack.encode(content)}


def _unusable(place: Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"{place}: not a MISP taxonomy ({error}). Reinstall the data package pytaxonomies."
    )


def _terms(raw: dict[str, Any]) -> dict[str, list[Term]]:
    def term(row: dict[str, Any]) -> Term:
        return Term(
            row["value"], row["expanded"], row.get("description", ""), row.get("numerical_value")
        )

    if "values" not in raw:
        return {"": [term(row) for row in raw["predicates"]]}
    return {group["predicate"]: [term(row) for row in group["entry"]] for group in raw["values"]}


PART = cache.Part("taxonomies", _build, (), ("pytaxonomies",))


@cache.once
def _content() -> dict[str, dict[str, dict[str, Term]]]:
    data = (cache.folder_of(PART) / "taxonomies.msgpack").read_bytes()
    raw = msgspec.msgpack.decode(data, type=dict[str, dict[str, list[Term]]])
    return {
        namespace: {
            predicate: {term.value: term for term in terms} for predicate, terms in groups.items()
        }
        for namespace, groups in raw.items()
    }


def tlp() -> dict[str, str]:
    """TLP 2.0 marking -> what it allows, from CLEAR to RED."""
    found = _content()[_TLP][""]
    return {marking: found[marking.lower()].description for marking in TLP}


def canonical_tlp(text: str) -> str:
    """The TLP 2.0 marking that a text writes, such as 'tlp:white', 'Amber + Strict', 'TLP:RED'.

    Raises:
        ValueError: if it is none of TLP 2.0 or its predecessor.
    """
    bare = re.sub(r"[\s+_-]+", "+", _TLP_PREFIX.sub("", text).strip().upper())
    marking = {"WHITE": "CLEAR", "AMBERSTRICT": "AMBER+STRICT"}.get(bare, bare)
    if marking not in TLP:
        raise ValueError(f"{text!r} is no TLP marking; write one of {', '.join(TLP)}")
    return marking


def admiralty() -> Admiralty:
    """The Admiralty scale, A to F and 1 to 6.

    The taxonomy's 'g' (deliberately deceptive) is no grade of the scale and left out.
    """
    found = _content()[_ADMIRALTY]
    return Admiralty(
        {letter: found["source-reliability"][letter.lower()] for letter in "ABCDEF"},
        {digit: found["information-credibility"][digit] for digit in "123456"},
    )


def estimative() -> dict[str, Estimate]:
    """Words of ICD 203 such as 'very likely' -> band, from the least to the most probable.

    The bounds are those of the taxonomy's text ("01-05%"). Its numerical values are no bounds: they
    give 0 for 'almost no chance', where ICD 203 and the text begin at 1 %.
    """
    found = {}
    for term in _content()[_ESTIMATIVE]["likelihood-probability"].values():
        band = _BAND.search(term.expanded)
        if band is None:
            raise _unusable(cache.sources().taxonomy(_ESTIMATIVE), ValueError(term.expanded))
        found[term.value.replace("-", " ")] = Estimate(
            term.value, int(band[1]) / 100, int(band[2]) / 100, term.expanded
        )
    return dict(sorted(found.items(), key=lambda item: item[1].low))


def analytic_confidence() -> dict[str, Term]:
    """Low, moderate, high -> what each asks of the basis."""
    return dict(_content()[_ESTIMATIVE]["confidence-in-analytic-judgment"])


def tag(namespace: str, predicate: str, value: str = "") -> str:
    """The machine tag, such as 'tlp:clear' or 'admiralty-scale:source-reliability="b"'.

    The program's own words do: 'AMBER+STRICT', 'B', 'very likely'.

    Raises:
        ValueError: if the taxonomies have no such tag.
    """
    predicate = predicate.lower().replace(" ", "-")
    written = value.lower().replace(" ", "-")
    groups = _content().get(namespace, {})
    known = groups.get(predicate, {}) if value else groups.get("", {})
    if (written or predicate) not in known:
        raise ValueError(
            f"no machine tag {namespace}:{predicate}{value and '=' + value}; known namespaces are "
            f"{', '.join(_NAMESPACES)}"
        )
    return f'{namespace}:{predicate}="{written}"' if value else f"{namespace}:{predicate}"
