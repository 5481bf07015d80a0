"""Organisations that the sentences of a report name as victims.

A name is read right behind words such as "attack on" or "hacked", or right before "was breached"
or "disclosed an intrusion". Behind weaker words, and in lists, it counts only if a word of it says
that it is one, as in "Ministry of …" or "… Bank".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import ahocorasick_rs as ahocorasick

from samehand.config import bundled
from samehand.extract.victims import holding, listed, lowered, places
from samehand.normalise import name_key


@dataclass(frozen=True, slots=True)
class _Naming:
    stems: ahocorasick.AhoCorasick
    """Finds what every cue of `strict` and `behind` holds."""
    nouns: ahocorasick.AhoCorasick
    """Finds what every name behind a cue of `loose` holds."""
    strict: re.Pattern[str]
    """Cues whose object is an organisation, whatever it is called."""
    threat: re.Pattern[str]
    """What a sentence holds that is read for the cues of `loose`."""
    loose: re.Pattern[str]
    """Cues after which a name counts if a word in it says what it is."""
    behind: re.Pattern[str]
    """What is said of an organisation named before."""
    kinds: re.Pattern[str]
    generic: frozenset[str]
    regions: frozenset[str]
    single: frozenset[str]
    never: frozenset[str]


@cache
def _naming() -> _Naming:
    raw = tomllib.loads(bundled("knowledge/data/victims.toml").decode())["organisations"]
    strict, loose, behind = (
        re.compile(rf"(?<!\w)(?=[a-z])(?:{'|'.join(raw[name])})")
        for name in ("strict", "loose", "behind")
    )
    kinds = listed(raw["kinds"])
    return _Naming(
        ahocorasick.AhoCorasick(raw["stems"].split()),
        ahocorasick.AhoCorasick(kinds),
        strict,
        re.compile("|".join(raw["loose_stems"].split())),
        loose,
        behind,
        re.compile(rf"\b(?:{'|'.join(kinds)})\b"),
        *(frozenset(raw[name].split()) for name in ("generic", "regions", "single", "never")),
    )


@cache
def _adversaries() -> frozenset[str]:
    """Folded names of actors, campaigns, malware and tools, which are no victims."""
    from samehand.knowledge.namebook import graph
    from samehand.knowledge.software import families

    known = {name_key(naming.name) for naming in graph().namings}
    known |= {name.removeprefix("the") for name in known}
    return frozenset(known | {name_key(n) for f in families().values() for n, _ in f.names})


#: A name of up to eight words with capitals.
_NAME = re.compile(
    r"[A-Z][\w&’'.-]{0,30}"
    r"(?: (?:of the |for the |of |for |and |& |de |del |do |da )?[A-Z][\w&’'-]{0,30}){0,7}"
)
#: What may stand between a cue and a name.
_BEFORE_NAME = re.compile(
    r"(?:the |a |an "
    r"|[a-z-]{2,20} (?:company|firm|bank|giant|contractor|provider|vendor|maker) ){0,2}"
)
_BETWEEN_NAMES = re.compile(
    r"(?: \([A-Z][\w-]{1,11}\))?(?: in (?:19|20)\d\d)?"
    r"(?:, and |, as well as |, | and | as well as )(?:the )?"
)
#: An abbreviation behind a name: "the National Archive Council (NAC)".
_SHORT_FORM = re.compile(r"\([A-Z][\w-]{1,11}\)")
_NAME_TAIL = re.compile(r"(?:['’]s?|[.-])+$")
#: Plurals of abbreviations, and names of files.
_NO_NAME = re.compile(r"(?:^| )[A-Z]{2,}s$|\.[a-z]|[a-z]\.[A-Z]")
#: Words that only open a sentence.
_OPENING = re.compile(r"(?:(?:The|A|An|In|On|At|When|After|While|Although|Both|Hacked|How) ){1,3}")
#: Nouns behind a name that make it an adjective.
_ADJECTIVE = re.compile(
    r" (?:industr|sector|compan|diaspora|communit|servers?|software|platform|users?|victims?"
    r"|products?|devices?\b|vulnerabilit|people|organi[sz]ation|entit|institution|websites?\b|manufactur|makers?\b|producer|supplier"
    r"|contractor|agenc|firms?\b|banks\b|official|\d{2,3}\b)"
)
#: Nouns without a capital that end a name: "the Norwegian parliament".
_NOUN = re.compile(
    r" (?:central |national )?(?:bank|parliament|police|university|hospital|embassy)\b"
)
_INDEFINITE = re.compile(r"\b(?:an?|one|another|any|some|no) (?:[a-z-]+ ){0,2}$")
#: How far before a statement the name may begin, in characters.
_NAME_REACH = 90
#: Names of one list.
_MOST_NAMES = 8


def organisations(
    text: str, lower: str, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Places of the names of organisations that are victims, not in order."""
    naming = _naming()
    stated = list(holding(naming.stems, lower, spans))
    nouns = holding(naming.nouns, text, spans)
    named = [span for span in nouns if naming.threat.search(lower, *span)]
    for pattern, here in ((naming.strict, stated), (naming.loose, named)):
        for cue, end in _within(pattern, lower, here):
            at, strict = cue.end(), pattern is naming.strict
            for _ in range(_MOST_NAMES):
                before = _BEFORE_NAME.match(text, at, end)
                name = _NAME.match(text, before.end() if before else at, end)
                if name is None:
                    break
                yield from _organisation(text, *name.span(), strict=strict)
                gap = _BETWEEN_NAMES.match(text, name.end(), end)
                if gap is None:
                    break
                at, strict = gap.end(), False
    for cue, _ in _within(naming.behind, lower, stated):
        yield from _named_before(text, lower, cue.start())


def _named_before(text: str, lower: str, edge: int) -> Iterator[tuple[int, int]]:
    """The names right before a place, the last first, with those of a list before the last."""
    left = max(0, edge - _NAME_REACH)
    left = max(left, lower.rfind("\n", left, edge) + 1)
    last = True
    for name in list(_NAME.finditer(text, left, edge))[:-_MOST_NAMES:-1]:
        if text.startswith("(", max(0, name.start() - 1)):
            continue
        gap = text[name.end() : edge]
        gap = _SHORT_FORM.sub("", gap) if last else gap
        if gap.strip(" ’'s,") and (last or not _BETWEEN_NAMES.fullmatch(gap)):
            return
        yield from _organisation(text, *name.span(), strict=last)
        edge, last = name.start(), False


def _within(
    pattern: re.Pattern[str], lower: str, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[re.Match[str], int]]:
    """Matches inside sentences, with the end of the sentence."""
    for start, end in spans:
        for match in pattern.finditer(lower, start, end):
            yield match, end


def _organisation(text: str, start: int, end: int, *, strict: bool) -> Iterator[tuple[int, int]]:
    """The place of a name if it is that of an organisation."""
    naming = _naming()
    opening = _OPENING.match(text, start, end)
    start = opening.end() if opening else start
    noun = _NOUN.match(text, end)
    if noun and not _INDEFINITE.search(text, max(0, start - 20), start):
        end = noun.end()
    end -= len(text[start:end]) - len(_NAME_TAIL.sub("", text[start:end]))
    name = text[start:end]
    words = [w.strip(".’'").lower() for w in name.split()]
    if len(name) < 3 or any(w in naming.never or any(c.isdigit() for c in w) for w in words):
        return
    if _ADJECTIVE.match(text, end) or name_key(name) in _adversaries():
        return
    known = naming.kinds.search(name) is not None
    place = next((p for p in places(name, lowered(name)) if p.what == "country"), None)
    if place and len(name) - (place.end - place.start) < 4:
        return
    rest = (name[: place.start] + name[place.end :]).lower().split() if place else words
    plain = all(w in naming.generic or w in naming.regions for w in rest)
    if (plain and not (place and words[-1] in naming.single)) or _NO_NAME.search(name):
        return
    if words[0] in naming.regions and not known:
        return
    if (known and len(words) > 1) or (strict and not (place and len(words) < 2)):
        yield start, end
