"""What actor catalogues and software catalogues write, read for the documents of `actor_texts`."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ahocorasick_rs

from samehand.knowledge.catalogues import CATALOGUES, Entry, align, read_entries
from samehand.knowledge.namebook import (
    countries_of,
    overlay_statements,
    read_overlay,
    rules_of,
)
from samehand.knowledge.names import Naming
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Longest text of one source about one thing, in characters.
LONGEST = 20_000
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CITATION = re.compile(r"\(Citation:[^)]*\)|<sup>.*?</sup>", re.DOTALL)
_HOST = re.compile(r"^https?://(?:web\.archive\.org/web/\d+/https?://)?[^/]+")


def plain(text: str) -> str:
    """Prose of a catalogue without its links and citations."""
    return _LINK.sub(r"\1", _CITATION.sub(" ", text[:LONGEST]))


def slug(address: str) -> str:
    """The words of an address, without the host."""
    return re.sub(r"[^A-Za-z0-9]+", " ", _HOST.sub(" ", address)[:300])


def strings(value: object) -> list[str]:
    """The strings of a field that may be a list, one string or missing."""
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


class Finder:
    """Which of many names stand in a text, as whole words."""

    def __init__(self, names: Mapping[str, Iterable[str]], everyday: frozenset[str]) -> None:
        self.meaning: dict[str, set[str]] = defaultdict(set)
        for name, meant in names.items():
            lower = " ".join(re.sub(r"[^\w]+", " ", name.lower()).split())
            if len(lower) >= 4 and name_key(name) not in everyday and not lower.isdigit():
                self.meaning[lower].update(meant)
        self.names = sorted(self.meaning)
        self.automaton = ahocorasick_rs.AhoCorasick(
            [f" {n} " for n in self.names], matchkind=ahocorasick_rs.MatchKind.Standard
        )

    def find(self, text: str) -> set[str]:
        """What the names in a text mean."""
        folded = " " + " ".join(re.sub(r"[^\w]+", " ", text.lower()).split()) + " "
        found = self.automaton.find_matches_as_indexes(folded, overlapping=True)
        return {m for i, _, _ in found for m in self.meaning[self.names[i]]}


@dataclass(frozen=True, slots=True)
class Reading:
    """The catalogues and the overlay of names, read for documents."""

    entries: list[tuple[str, Entry]]
    """(catalogue, entry), each with its concept."""
    second: dict[str, str]
    """Second entries of one actor -> the first."""
    namings: list[Naming]
    codes: dict[str, str]
    """Folded name of a country -> ISO code."""
    said: list[tuple[str, str]]
    """(concept, what the overlay says of it)."""


def aligned(sources: Sources) -> Reading:
    """Everything that is known of names, with the entries placed."""
    raw = read_overlay(sources)
    countries = countries_of(sources)
    rules = rules_of(raw, countries)
    reading = [(c, read_entries(sources, c, rules)[0]) for c in CATALOGUES]
    _, namings, relations = overlay_statements(raw)
    align(reading, namings)
    titles = {str(r["id"]): f"{r['publisher']} {r['title']}" for r in raw["source"]}
    said = [(n.concept, f"{n.name} {titles.get(n.source, '')}") for n in namings]
    said += [(r.subject, f"{r.words} {titles.get(r.source, '')}") for r in relations]
    second = {
        r.subject: r.object
        for r in relations
        if r.type == "same-as" and r.source == "samehand" and r.weight >= 0.95
    }
    codes = {name_key(name): code for code, name in countries.items()} | dict(rules.state_names)
    entries = [(c.galaxy, e) for c, rows in reading for e in rows]
    return Reading(entries, second, namings, codes, said)


def people(sources: Sources) -> dict[str, str]:
    """Name or adjective of a country -> ISO code."""
    raw = tomllib.loads(sources.own("countries.toml").read_text(encoding="utf-8"))
    found = {}
    for line in str(raw["rows"]).strip().split("\n"):
        code, _, rest = line.partition(" ")
        for name in re.split(r"[;|]", rest):
            if name.strip():
                found[name.strip()] = code
    return found


def everyday_names(sources: Sources) -> frozenset[str]:
    """Folded names that are also everyday words."""
    lines = sources.own("everyday_names.tsv").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines[1:] if not line.startswith("#"))
