"""Known names of actors, campaigns, malware and tools, and the words that names stand beside."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal

from samehand.config import bundled
from samehand.normalise import name_key

NameKind = Literal["actor", "campaign", "malware", "tool"]
#: Most words of a name.
MOST_WORDS = 4
#: Folded names up to this length are too often something else.
SHORT = 3
#: The number of a footnote behind a name.
_FOOTNOTE = re.compile(r"[1-9]\d?$")
#: A word is looked up if a name begins with its first characters.
_PREFIX = 4


@dataclass(frozen=True, slots=True)
class NameWords:
    """The lists of ``knowledge/data/prose.toml``; lower case."""

    heads: dict[str, NameKind]
    """Words beside a name that say what it is."""
    malware: frozenset[str]
    weak: frozenset[str]
    naming: frozenset[str]
    before_as: frozenset[str]
    no_names: frozenset[str]
    plain: frozenset[str]
    things: frozenset[str]
    sorts: frozenset[str]
    middle: frozenset[str]
    persons: frozenset[str]
    passed: frozenset[str]
    articles: frozenset[str]


@cache
def name_words() -> NameWords:
    """The lists, read once."""
    rows = tomllib.loads(bundled("knowledge/data/prose.toml").decode())["names"]
    sets = {name: frozenset(words.split()) for name, words in rows.items()}
    kinds: tuple[NameKind, ...] = ("malware", "actor", "campaign", "tool")
    return NameWords(
        {word: kind for kind in kinds for word in sets[kind]},
        sets["malware"],
        sets["weak"],
        sets["naming"],
        sets["as"],
        sets["no_names"],
        sets["plain"],
        sets["things"],
        sets["sorts"],
        sets["middle"],
        sets["persons"],
        sets["passed"] | {""},
        sets["articles"],
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a folded name is."""

    kinds: frozenset[NameKind]
    lower: bool
    """Some source writes it without a capital."""


@cache
def everyday() -> frozenset[str]:
    """Folded names that are also everyday words."""
    lines = bundled("knowledge/data/everyday_names.tsv").decode().splitlines()
    return name_words().plain.union(line for line in lines[1:] if not line.startswith("#"))


def without_note(key: str) -> str:
    """A folded word without the number of a footnote at its end."""
    return _FOOTNOTE.sub("", key)


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All known names."""

    names: dict[str, Known]
    """By folded name."""
    openings: frozenset[str]
    """What the folded names begin with, of each length: 77,000 short strings."""
    odd: dict[str, NameKind]
    """Names that look like no word (admin@338, more_eggs), in lower case; met as written."""

    def single(self, key: str, capital: bool) -> Known | None:
        """What a word alone is; ``capital``: it begins with one, so its end may be a footnote."""
        known = self.names.get(key)
        if known is None and capital and (len(key) < _PREFIX or key[:_PREFIX] in self.openings):
            known = self.names.get(without_note(key))
        return known


@cache
def gazetteer() -> Gazetteer:
    """The names of the catalogues; built at the first use."""
    odd: dict[str, NameKind] = {}
    from samehand.knowledge.namebook import graph
    from samehand.knowledge.software import families

    kinds: dict[str, set[NameKind]] = {}
    lower: set[str] = set()

    def add(name: str, kind: NameKind) -> None:
        key = name_key(name)
        words = name.lower().split()
        plain = all(w in name_words().no_names or w.isdigit() for w in words)
        if len(key) < 2 or key.isdigit() or plain or len(words) > MOST_WORDS:
            return
        kinds.setdefault(key, set()).add(kind)
        if name == name.lower():
            lower.add(key)
        if re.search(r"\w[@_.]\w", name) and " " not in name and not key.isdigit():
            odd.setdefault(name.lower(), kind)

    known = graph()
    for naming in known.namings:
        level = known.concept[naming.concept].level
        if level in ("group", "subgroup", "campaign", "umbrella"):
            add(naming.name, "campaign" if level == "campaign" else "actor")
            if level == "campaign" and not naming.name.lower().startswith("operation"):
                continue
    for family in families().values():
        if family.kind == "system":
            continue
        for name, _ in family.names:
            add(name, "tool" if family.kind in ("admin", "tool") else "malware")
    found = {key: Known(frozenset(held), key in lower) for key, held in kinds.items()}
    openings = frozenset(key[:length] for key in found for length in range(1, len(key) + 1))
    return Gazetteer(found, openings, odd)


@cache
def brought() -> frozenset[str]:
    """Folded names of public tools that an intruder brings along, by more than one catalogue."""
    from samehand.knowledge.software import families

    tools = (f for f in families().values() if f.kind in ("admin", "tool"))
    many = (f for f in tools if "public_tools" in f.sources or len(f.sources) > 1)
    return frozenset(name_key(name) for f in many for name, _ in f.names) - everyday()
