"""What a publisher says about identity: who did it, what else it is called, what resembles what.

Sentence by sentence: a model (`extract/claim_model`) of its words and cues says the relation, names
(`extract/names`) and words for states its ends, the words around the cue how sure the sentence is
and whose judgement it tells. A sentence that only narrates what a named actor did claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from samehand.extract.claim_cues import Signs, cues, hinted, search
from samehand.extract.claim_model import cue_odds, model, most_by_rules, word_odds
from samehand.extract.claim_words import Sentence
from samehand.extract.facts import prose_only
from samehand.extract.names import NameFound, find_names
from samehand.extract.sentences import sentences
from samehand.extract.victims import lowered

ClaimRelation = Literal["attribution", "alias", "overlap", "comparison", "denial", "withdrawal"]
Level = Literal["high", "medium", "low", "none"]
#: Longer sentences are lists or dumps.
_MOST_CHARACTERS = 1500


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


#: Where the other parts of a claim are looked for, if no rule found its cue.
_CUES_OF: Mapping[str, tuple[str, ...]] = {
    "attribution": ("to_actor", "from_actor", "is_of_state"),
    "alias": ("alias_sure", "alias_other"),
    "overlap": ("overlap", "compared"),
    "comparison": ("reports", "compared"),
    "denial": ("denial", "different"),
}
#: The one sign that no rule begins with.
_BESIDE = frozenset(("compared",))
_ANYTHING = re.compile(r".*")
#: What is a blank in a sentence.
_BLANKS = "\n\r\t\u00a0\u2009\u202f"
#: Fewest names of which one may be another name of the other.
_PAIR = 2
#: How far from its cue an actor may stand, in characters.
_NEAR = 110


def _relations(sentence: Sentence, signs: Signs) -> Iterator[tuple[ClaimRelation, Any]]:
    """The relations that rules see in a sentence, each with its cue."""
    text, names = sentence.text, sentence.names
    if not signs.names - _BESIDE:
        return
    withdrawn = signs.first("withdrawal")
    if withdrawn and (names or "states" in signs.names):
        yield "withdrawal", withdrawn
    denied = signs.first("denial")
    if denied and (names or re.search(r"\b(?:attribut\w+|we|our)\b", text, re.I)):
        yield "denial", denied
    alias = _alias(text, names, signs)
    if alias:
        yield "alias", alias
    attributed = None if denied else _attribution(text, names, signs)
    if attributed:
        yield "attribution", attributed
    overlap = signs.first("overlap")
    reports = None if attributed else signs.first("reports")
    side = _names_side(overlap, reports, names) if reports else False
    if reports and "compared" in signs.names and not side and not _passes_on(text):
        yield "comparison", reports
    elif overlap and not denied:
        entities = len({n.name.casefold() for n in names if n.kind != "tool"})
        told = bool(attributed and attributed.start() <= overlap.start() < attributed.end())
        sided = search("sides", text[: overlap.start()]) and any(
            overlap.end() - 1 <= n.start <= overlap.end() + 60 for n in names
        )
        beside = overlap[0].lower().startswith(("similar", "the same", "based", "affinity", "rem"))
        sided = sided or (
            beside and any(overlap.start() <= n.start <= overlap.end() + 60 for n in names)
        )
        compared_here = signs.sides >= 2 and _strong(overlap)
        fork = overlap[0].lower() == "variant of" or overlap[0].lower().startswith("match")
        if not told and (entities >= 2 or (not fork and (sided or compared_here))):
            yield "overlap", overlap


def _passes_on(text: str) -> bool:
    """Whether a sentence only tells what a report says, or announces the text itself."""
    return bool(cues()["told"].match(text) or search("different", text))


def _names_side(overlap: Any | None, reports: Any, names: Sequence[NameFound]) -> bool:
    """Whether what overlaps is a named thing, and the report only tells of it."""
    return overlap is not None and any(
        overlap.end() <= n.start <= overlap.end() + 30 and n.end <= reports.start() for n in names
    )


def _alias(sentence: str, names: Sequence[NameFound], signs: Signs) -> Any | None:
    """The cue of another name."""
    for cue in signs.every("alias_sure"):
        if any(cue.end() <= n.start <= cue.end() + 40 for n in names) or (
            cue[0].lower().startswith("a") and re.match(r"\W{0,3}[A-Z“\"]", sentence[cue.end() :])
        ):
            return cue
    if len(names) < _PAIR:
        return None
    for cue in re.finditer(r"\bknown (?:\w+ )?as\b", sentence, re.I):
        near = [n for n in names if cue.end() <= n.start <= cue.end() + 60]
        if len(near) > 1 and re.search(
            r"\b(?:or|and|aka)\b|/", sentence[near[0].end : near[1].start]
        ):
            return cue
    for cue in signs.every("alias_other"):
        after = [n for n in names if cue.end() <= n.start <= cue.end() + 12]
        before = [n for n in names if cue.start() - 60 <= n.end <= cue.start()]
        if after and before and after[0].name.casefold() != before[-1].name.casefold():
            between = sentence[before[-1].end : cue.start()]
            if not search("overlap", between) and not re.search(r"\b(?:and|with|by|of)\b", between):
                return cue
    return None


def _attribution(sentence: str, names: Sequence[NameFound], signs: Signs) -> Any | None:
    """The cue of an attribution: an actor or a state stands on its right side."""
    actors = [(n.start, n.end) for n in names if n.kind == "actor"]
    states = [m for m in signs.every("states") if actors or not m[0].lower().endswith("ation")]
    if states and not search("attacks", sentence):
        states = []
    if not actors and not any(cues()["country"].match(m[0]) for m in states):
        states = []
    ends = sorted([*actors, *(m.span() for m in states)])
    if same := signs.first("same_actor"):
        return same
    if not ends:
        return None
    for cue in signs.every("to_actor"):
        used = cue[0].lower().endswith("by")
        if used and (search("method", sentence[: cue.start()]) or search("again", sentence)):
            continue  # what others use as well is a resemblance
        reach = 2 * _NEAR if cue[0].lower().startswith("attribut") else _NEAR
        if any(cue.start() <= start <= cue.end() + reach for start, _ in ends):
            return cue
    for cue in signs.every("from_actor"):
        if any(cue.start() - _NEAR <= end and start <= cue.end() + 40 for start, end in ends):
            return cue
    if states and (actors or search("actors", sentence)):
        for cue in signs.every("is_of_state"):
            if any(cue.start() - 40 <= m.start() <= cue.end() + 40 for m in states):
                return cue
    return None


def _strong(cue: Any) -> bool:
    return bool(re.match(r"overlap|similarit|same|shar|.*reus|.*identical|in common", cue[0], re.I))


def _level(sentence: str, relation: ClaimRelation, cue: Any) -> tuple[Level, str]:
    """How sure a sentence is, and by which words: of its confidence, else near before the cue."""
    stated = search("confidence", sentence)
    if stated:
        word = stated[1].lower()
        sure: Level = "high" if word in ("high", "strong", "great") else "medium"
        return ("low" if word == "low" else sure), stated[0]
    if relation == "denial" and search("nothing", sentence):
        return "none", ""
    if relation == "alias":
        return "high", ""
    near = sentence[max(0, cue.start() - _NEAR) : cue.end() + 25]
    if relation == "overlap":  # behind the cue, it is another thing that is likely
        near = sentence[max(0, cue.start() - _NEAR // 2) : cue.start()]
    medium, weak = search("medium", near), search("low", near)
    hinted = weak and medium and medium[0].lower().startswith(("suggest", "point"))
    if medium and not hinted and not (weak and weak.start() < medium.start()):
        return "medium", medium[0]
    return ("low", weak[0]) if weak else ("high", "")


def _first_hand(sentence: str, relation: ClaimRelation, cue: Any) -> bool:
    """Whether it is the publisher's own judgement, and not what somebody else says."""
    if relation in ("overlap", "comparison"):
        return not search("says", sentence)
    cited, own = search("cited", sentence), _OWN.search(sentence)
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
        if not actor and (state := search("states", sentence)):
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


def prose(text: str, names: Sequence[NameFound], published: str = "") -> list[Sentence]:
    """The sentences of a text that name two things or have a word of claims.

    All others claim nothing. ``names`` are those of the text, ``published`` as for claims.
    """
    starts = [n.start for n in names]
    spans = [
        (start, end)
        for start, end in prose_only(lowered(text), sentences(text), published)
        if 20 <= end - start <= _MOST_CHARACTERS
    ]
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    text = text.encode(errors="replace").decode()  # half characters
    found = []
    before: Sequence[NameFound] = ()
    firsts, lasts = np.searchsorted(starts, np.array(spans).reshape(-1, 2).T).tolist()
    for number, (start, end) in enumerate(spans):
        line, here = text[start:end], names[firsts[number] : lasts[number]]
        if hinted(line) or len({n.name for n in here}) > 1:
            inside = [
                NameFound(n.name, n.kind, n.start - start, n.end - start, n.known) for n in here
            ]
            found.append(Sentence(start, end, line, inside, before, number, len(spans)))
        before = here
    return found


def cue_features(sentence: Sentence) -> list[str]:
    """The features of a sentence by its cues and rules, as training reads them."""
    signs = Signs(sentence.text)
    return [*signs.features(), *(f"r:{relation}" for relation, _ in _relations(sentence, signs))]


def _claimed(told: Sequence[Sentence]) -> Iterator[tuple[Sentence, ClaimRelation, Any]]:
    """The relations that sentences claim, each with the cue that its other parts refer to.

    Cues are looked for where words leave a relation possible, rules where cues do.
    """
    if not told:
        return
    known, odds = model(), word_odds(told)
    likely = np.flatnonzero((odds >= known.rough).any(axis=1)).tolist()
    signs = [Signs(told[n].text) for n in likely]
    odds = odds[likely] + cue_odds([s.features() for s in signs])
    possible = np.flatnonzero((odds + most_by_rules() >= known.thresholds).any(axis=1)).tolist()
    possible += [n for n, s in enumerate(signs) if "withdrawal" in s.names]
    ruled: list[dict[ClaimRelation, Any]] = [{} for _ in likely]
    for n in possible:
        ruled[n] = dict(_relations(told[likely[n]], signs[n]))
    odds += cue_odds([[f"r:{relation}" for relation in some] for some in ruled])
    claimed = (odds >= known.thresholds).tolist()
    for n, s, rules, row in zip(likely, signs, ruled, claimed, strict=True):
        if "withdrawal" in rules:
            yield told[n], "withdrawal", rules["withdrawal"]
        for name, yes in zip(known.relations, row, strict=True):
            if yes:
                relation = cast(ClaimRelation, name)
                near = filter(None, map(s.first, _CUES_OF[relation]))
                cue = rules.get(relation) or next(near, None) or _ANYTHING.match(told[n].text)
                yield told[n], relation, cue


#: A sentence that denies one thing and says another.
_CONTRAST = re.compile(
    r"\b(?:but|however|although|though|while|whereas|despite|instead|rather)\b", re.IGNORECASE
)


def _without_denied(found: list[ClaimFound], text: str) -> list[ClaimFound]:
    """The claims without attributions that their own sentence denies: "we do not attribute …"."""
    denied = {
        c.start
        for c in found
        if c.relation == "denial" and not _CONTRAST.search(text, c.start, c.end)
    }
    return [c for c in found if c.relation != "attribution" or c.start not in denied]


def find_claims(
    text: str, names: Sequence[NameFound] | None = None, published: str = ""
) -> list[ClaimFound]:
    """The claims of a text, sorted by place; a sentence states each relation once.

    ``names``: those of the text, if they were found already. ``published`` (ISO, or '') tells
    teasers of later reports from the text.
    """
    everywhere = find_names(text) if names is None else names
    found = []
    for sentence, relation, cue in _claimed(prose(text, everywhere, published)):
        line, inside = sentence.text, sentence.names
        level, words = _level(line, relation, cue)
        about, actor = _ends(line, inside, relation, cue)
        first_hand = _first_hand(line, relation, cue)
        found.append(
            ClaimFound(
                relation, sentence.start, sentence.end, about, actor, words, level, first_hand
            )
        )
    return _without_denied(found, text)
