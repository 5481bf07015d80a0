"""What a publisher says about identity: who did it, what else it is called, what resembles what.

Sentence by sentence: a model (`extract/claim_model`) of its words and cues says the relation, names
(`extract/names`) and words for states its ends, the words around the cue how sure the sentence is
and whose judgement it tells. A sentence that only narrates what a named actor did claims nothing.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import re2

from samehand.config import bundled
from samehand.extract.claim_model import Scorer, word_features
from samehand.extract.facts import prose_only
from samehand.extract.names import NameFound, find_names
from samehand.extract.sentences import sentences
from samehand.extract.victims import lowered

ClaimRelation = Literal["attribution", "alias", "overlap", "comparison", "denial", "withdrawal"]
Level = Literal["high", "medium", "low", "none"]
#: Longer sentences are lists or dumps.
_MOST_CHARACTERS = 1500


@cache
def _cues() -> Mapping[str, Any]:
    """The patterns of ``knowledge/data/claims.toml`` by name.

    RE2 runs those that look at nothing beside them, in linear time.
    """
    rows = tomllib.loads(bundled("knowledge/data/claims.toml").decode())
    actors = "|".join(rows["actors"])
    found: dict[str, Any] = {}
    for name, parts in rows.items():
        if name == "publishers":
            continue  # words, not patterns
        pattern = "|".join(parts).replace("@actors@", actors)
        plain = "(?!" not in pattern
        found[name] = re2.compile(f"(?i){pattern}") if plain else re.compile(pattern, re.I)
    return found


def _search(cue: str, text: str) -> Any:
    """The first match of a cue, or `None`; "seen in the wild" and "this report" are no cues."""
    for match in _cues()[cue].finditer(text):
        wild = cue == "overlap" and text.startswith(" the wild", match.end())
        if not wild and not (cue == "reports" and text[match.start() :].startswith(_ITSELF)):
            return match
    return None


#: A report that speaks of itself.
_ITSELF = ("This ", "Our ", "In ")


_OWN = re.compile(r"\b(?:[Ww]e|[Oo]ur|us)\b")


@dataclass(frozen=True, slots=True)
class ClaimFound:
    """One claim of one sentence."""

    relation: ClaimRelation
    start: int
    end: int
    about: str
    """As written; '' if the sentence only points at it."""
    actor: str
    words: str
    """The words of confidence, as written; '' if there are none."""
    level: Level
    first_hand: bool
    """The publisher's own judgement."""


#: Cues that the model knows.
_SIGNS = (
    "alias_sure", "alias_other", "to_actor", "from_actor", "is_of_state", "same_actor", "overlap",
    "reports", "compared", "denial", "withdrawal", "states",
)  # fmt: skip
#: Where the other parts of a claim are looked for, if no rule found its cue.
_CUES_OF: Mapping[str, tuple[str, ...]] = {
    "attribution": ("to_actor", "from_actor", "is_of_state"),
    "alias": ("alias_sure", "alias_other"),
    "overlap": ("overlap", "compared"),
    "comparison": ("reports", "compared"),
    "denial": ("denial", "different"),
}
#: Cues with exceptions; those that a rule needs.
_EXCEPTED = frozenset(("overlap", "reports"))
_RULED = frozenset(
    ("alias_sure", "alias_other", "to_actor", "from_actor", "is_of_state", "same_actor", "overlap",
     "reports", "denial", "withdrawal", "states")
)  # fmt: skip
_ANYTHING = re.compile(r".*")
_BLANKS = {ord(c): " " for c in "\n\r\t\u00a0\u2009\u202f"}
#: How far from its cue an actor may stand, in characters.
_NEAR = 110


def _relations(sentence: str, names: Sequence[NameFound]) -> Iterator[tuple[ClaimRelation, Any]]:
    """The relations that a sentence states, each with its cue."""
    withdrawn = _search("withdrawal", sentence)
    if withdrawn and (names or _search("states", sentence)):
        yield "withdrawal", withdrawn
    denied = _search("denial", sentence)
    if denied and (names or re.search(r"\b(?:attribut\w+|we|our)\b", sentence, re.I)):
        yield "denial", denied
    alias = _alias(sentence, names)
    if alias:
        yield "alias", alias
    attributed = None if denied else _attribution(sentence, names)
    if attributed:
        yield "attribution", attributed
    overlap = _search("overlap", sentence)
    reports = _search("reports", sentence)
    compared = _search("compared", sentence)
    told_only = _cues()["told"].match(sentence) or _search("different", sentence)
    side = _names_side(overlap, reports, names) if reports else False
    if reports and compared and not attributed and not side and not told_only:
        yield "comparison", reports
    elif overlap and not denied:
        entities = len({n.name.casefold() for n in names if n.kind != "tool"})
        told = bool(attributed and attributed.start() <= overlap.start() < attributed.end())
        sided = _search("sides", sentence[: overlap.start()]) and any(
            overlap.end() - 1 <= n.start <= overlap.end() + 60 for n in names
        )
        beside = overlap[0].lower().startswith(("similar", "the same", "based", "affinity", "rem"))
        sided = sided or (
            beside and any(overlap.start() <= n.start <= overlap.end() + 60 for n in names)
        )
        compared_here = _compares(sentence) and _strong(overlap)
        fork = overlap[0].lower() == "variant of" or overlap[0].lower().startswith("match")
        if not told and (entities >= 2 or (not fork and (sided or compared_here))):
            yield "overlap", overlap


def _names_side(overlap: Any | None, reports: Any, names: Sequence[NameFound]) -> bool:
    """Whether what overlaps is a named thing, and the report only tells of it."""
    return overlap is not None and any(
        overlap.end() <= n.start <= overlap.end() + 30 and n.end <= reports.start() for n in names
    )


def _alias(sentence: str, names: Sequence[NameFound]) -> Any | None:
    """The cue of another name."""
    for cue in _cues()["alias_sure"].finditer(sentence):
        if any(cue.end() <= n.start <= cue.end() + 40 for n in names) or (
            cue[0].lower().startswith("a") and re.match(r"\W{0,3}[A-Z“\"]", sentence[cue.end() :])
        ):
            return cue
    for cue in re.finditer(r"\bknown (?:\w+ )?as\b", sentence, re.I):
        near = [n for n in names if cue.end() <= n.start <= cue.end() + 60]
        if len(near) > 1 and re.search(
            r"\b(?:or|and|aka)\b|/", sentence[near[0].end : near[1].start]
        ):
            return cue
    for cue in _cues()["alias_other"].finditer(sentence):
        after = [n for n in names if cue.end() <= n.start <= cue.end() + 12]
        before = [n for n in names if cue.start() - 60 <= n.end <= cue.start()]
        if after and before and after[0].name.casefold() != before[-1].name.casefold():
            between = sentence[before[-1].end : cue.start()]
            if not _search("overlap", between) and not re.search(
                r"\b(?:and|with|by|of)\b", between
            ):
                return cue
    return None


def _attribution(sentence: str, names: Sequence[NameFound]) -> Any | None:
    """The cue of an attribution: an actor or a state stands on its right side."""
    actors = [(n.start, n.end) for n in names if n.kind == "actor"]
    states = [
        m
        for m in _cues()["states"].finditer(sentence)
        if actors or not m[0].lower().endswith("ation")
    ]
    if not _search("attacks", sentence):
        states = []
    if not actors and not any(_cues()["country"].match(m[0]) for m in states):
        states = []
    ends = sorted([*actors, *(m.span() for m in states)])
    if same := _search("same_actor", sentence):
        return same
    for cue in _cues()["to_actor"].finditer(sentence):
        used = cue[0].lower().endswith("by")
        if used and (_search("method", sentence[: cue.start()]) or _search("again", sentence)):
            continue  # what others use as well is a resemblance
        reach = 2 * _NEAR if cue[0].lower().startswith("attribut") else _NEAR
        if any(cue.start() <= start <= cue.end() + reach for start, _ in ends):
            return cue
    for cue in _cues()["from_actor"].finditer(sentence):
        if any(cue.start() - _NEAR <= end and start <= cue.end() + 40 for start, end in ends):
            return cue
    if states and (actors or _search("actors", sentence)):
        for cue in _cues()["is_of_state"].finditer(sentence):
            if any(cue.start() - 40 <= m.start() <= cue.end() + 40 for m in states):
                return cue
    return None


def _strong(cue: Any) -> bool:
    return bool(re.match(r"overlap|similarit|same|shar|.*reus|.*identical|in common", cue[0], re.I))


def _compares(sentence: str) -> bool:
    """Whether two things of an investigation are set side by side."""
    found = _cues()["sides"].findall(sentence)
    return len(found) >= 2


def _level(sentence: str, relation: ClaimRelation, cue: Any) -> tuple[Level, str]:
    """How sure a sentence is, and by which words: of its confidence, else near before the cue."""
    stated = _search("confidence", sentence)
    if stated:
        word = stated[1].lower()
        sure: Level = "high" if word in ("high", "strong", "great") else "medium"
        return ("low" if word == "low" else sure), stated[0]
    if relation == "denial" and _search("nothing", sentence):
        return "none", ""
    if relation == "alias":
        return "high", ""
    near = sentence[max(0, cue.start() - _NEAR) : cue.end() + 25]
    if relation == "overlap":  # behind the cue, it is another thing that is likely
        near = sentence[max(0, cue.start() - _NEAR // 2) : cue.start()]
    medium, weak = _search("medium", near), _search("low", near)
    hinted = weak and medium and medium[0].lower().startswith(("suggest", "point"))
    if medium and not hinted and not (weak and weak.start() < medium.start()):
        return "medium", medium[0]
    return ("low", weak[0]) if weak else ("high", "")


def _first_hand(sentence: str, relation: ClaimRelation, cue: Any) -> bool:
    """Whether it is the publisher's own judgement, and not what somebody else says."""
    if relation in ("overlap", "comparison"):
        return not _search("says", sentence)
    cited, own = _search("cited", sentence), _OWN.search(sentence)
    return not cited or bool(own and own.start() < cited.start() and own.start() < cue.start())


def _ends(
    sentence: str, names: Sequence[NameFound], relation: ClaimRelation, cue: Any
) -> tuple[str, str]:
    """(about, actor): what stands before and what after the cue, the actor preferred after it."""
    before = [n for n in names if n.end <= cue.start() + 1]
    after = [n for n in names if n.start >= cue.start()]
    if relation == "attribution":
        actors = [n for n in (*after, *before) if n.kind == "actor"]
        actor = actors[0].name if actors else ""
        if not actor and (state := _search("states", sentence)):
            actor = state[0]
        about = next(
            (n.name for n in (*before, *after) if n.name != actor and n.kind != "actor"), ""
        )
        return about, actor
    about = before[-1].name if before else ""
    actor = next((n.name for n in after if n.name != about), "")
    if not about and len(after) > 1:
        about, actor = after[0].name, after[1].name
    return about, actor


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that may claim something."""

    start: int
    end: int
    text: str
    """On one line."""
    names: tuple[NameFound, ...]
    """Their places in ``text``."""
    before: tuple[NameFound, ...]
    """Those of the sentence before it."""
    number: int
    """From 0, of all sentences of the text."""
    total: int

    def word_features(self) -> dict[str, float]:
        """What the model reads but for the cues."""
        return word_features(self.text, self.names, self.before, self.number, self.total)

    def told(self) -> bool:
        """Whether it names two things or has a word of claims: all others claim nothing."""
        names = self.names
        several = len(names) > 1 and any(n.name != names[0].name for n in names)
        return several or _cues()["hints"].search(self.text) is not None


def prose(text: str, names: Sequence[NameFound], published: str = "") -> list[Sentence]:
    """The sentences of a text; ``names`` are those of the text, ``published`` as for claims."""
    starts = [n.start for n in names]
    spans = [
        (start, end)
        for start, end in prose_only(lowered(text), sentences(text), published)
        if 20 <= end - start <= _MOST_CHARACTERS
    ]
    found = []
    before: tuple[NameFound, ...] = ()
    for number, (start, end) in enumerate(spans):
        inside = tuple(
            NameFound(n.name, n.kind, n.start - start, n.end - start, n.known)
            for n in names[bisect_left(starts, start) : bisect_left(starts, end)]
        )
        line = text[start:end].translate(_BLANKS)
        found.append(Sentence(start, end, line, inside, before, number, len(spans)))
        before = inside
    return found


def signs(sentence: Sentence) -> dict[str, Any]:
    """The cues of a sentence, 'c:' and their name, and the relations that rules see, 'r:'.

    The latter with their match.
    """
    table = _cues()
    raw = sentence.text.encode("utf-8", "replace")  # once for all cues
    cues = {cue for cue in _SIGNS if table[cue].search(raw) is not None}
    cues -= {cue for cue in cues & _EXCEPTED if not _search(cue, sentence.text)}
    found: dict[str, Any] = {f"c:{cue}": None for cue in cues}
    if cues & _RULED:
        found |= {f"r:{r}": match for r, match in _relations(sentence.text, sentence.names)}
    found[f"c:sides{min(3, len(_cues()['sides'].findall(sentence.text)))}"] = None
    return found


def _claimed(sentence: Sentence) -> Iterator[tuple[ClaimRelation, Any]]:
    """The relations that a sentence claims, each with the cue that its other parts refer to."""
    scorer = Scorer(sentence.word_features())
    if not scorer.likely():
        return
    cues = signs(sentence)
    if "r:withdrawal" in cues:
        yield "withdrawal", cues["r:withdrawal"]
    for name in scorer.relations(cues):
        relation = cast(ClaimRelation, name)
        match = cues.get(f"r:{relation}")
        near = (_search(cue, sentence.text) for cue in _CUES_OF[relation] if f"c:{cue}" in cues)
        yield relation, match or next(near, None) or _ANYTHING.match(sentence.text)


def find_claims(
    text: str, names: Sequence[NameFound] | None = None, published: str = ""
) -> list[ClaimFound]:
    """The claims of a text, sorted by place; a sentence states each relation once.

    ``names``: those of the text, if they were found already. ``published`` (ISO, or '') tells
    teasers of later reports from the text.
    """
    everywhere = find_names(text) if names is None else names
    found = []
    for sentence in prose(text, everywhere, published):
        if not sentence.told():
            continue
        line, inside = sentence.text, sentence.names
        for relation, cue in _claimed(sentence):
            level, words = _level(line, relation, cue)
            about, actor = _ends(line, inside, relation, cue)
            first_hand = _first_hand(line, relation, cue)
            found.append(
                ClaimFound(
                    relation, sentence.start, sentence.end, about, actor, words, level, first_hand
                )
            )
    return found
