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
    return frozenset(line for line in lines[1:] if not line.startswith("#"))


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
            known = self.names.get(key.rstrip("0123456789"))
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
