"""Sentences that may claim something, as features: runs of words, names, and where they stand.

A sentence becomes a set of features: runs of one to three words with names replaced by what they
are, which kinds of names stand in which order, and the cues that fit (`extract/claim_cues`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from samehand.config import bundled
from samehand.extract.names import NameFound

#: Longest run of words that is a feature.
LONGEST_RUN = 3
#: Mentions of one kind beyond this count alike.
_MANY = 2
#: Sentences at the top of a text, where reports say what they are about.
_TOP = 8
#: A sentence of so many words counts as long as any.
_LONG_WORDS = 60
#: Ends that are cut from words, longest first; what stays has `_STEM` letters or more.
_ENDS = ("ations", "ation", "ings", "ing", "ities", "ity", "ies", "ed", "es", "s", "ly")
_STEM = 4
#: Words and stretches without blanks that are remembered.
_REMEMBERED = 1 << 15

SHORT = {"actor": "ac", "malware": "ma", "campaign": "ca", "tool": "to"}
#: Makes the whole stretch a value; a value inside one.
_VALUE = re.compile(r"://|\\|\[\.|@|\w\.\w{2,4}\b")
_HEX_DIGITS = 16
_HEX = re.compile(rf"\b[0-9a-fA-F]{{{_HEX_DIGITS},}}\b")
_KOREA = r"(?:north|south)[- ]korean?s?"
_STATE = re.compile(
    rf"{_KOREA}|(?:pakistan|india|israel|ukrain|syria|leban|iran|russia|china"
    r"|chinese|vietnam|turk|belarus|palestin|gaza)\w*|hamas|hezbollah|dprk|prc|gru|svr|fsb|mss|irgc",
    re.IGNORECASE,
)
#: The only states of two words.
_TWO_WORDS = re.compile(_KOREA, re.IGNORECASE)
_TOKEN = re.compile(r"\x01..\x02|[A-Za-z]+(?:[’'][a-z]+)?|\d[\d.,-]*|[()\[\]“”\"/:;,–—-]")
_STATE_HINT = re.compile(_STATE.pattern)  # in small letters
#: Words that give a sentence a feature.
SAYING = {
    "[st]": "z:state", "[ve]": "z:publisher", "we": "z:own", "our": "z:own", "us": "z:own",
}  # fmt: skip
#: Features with other values than 1.
GRADED = ("z:length", "z:place")
#: "This group", "the same malware", "those two operations"; it is quick as it begins with letters.
_POINTS = re.compile(
    r"th(?<!\wth)(?:is|ese|e same|ose) (?:\w+ ){0,2}"
    r"(?:group|actor|campaign|malware|sample|activity|attack|operation)"
)
_STOPS = (".", "!", "?", ":", "”", '"')
#: Words of which pairs are features, in their order.
ENTITIES = ("[ac]", "[ma]", "[ca]", "[to]", "[st]", "[ve]")


class Sentence(NamedTuple):
    """One sentence that may claim something."""

    start: int
    end: int
    text: str
    """On one line."""
    names: Sequence[NameFound]
    """Their places are those in ``text``."""
    before: Sequence[NameFound]
    """Those of the sentence before it, at their places in the report."""
    number: int
    """From 0, of all sentences of the text."""
    total: int


@cache
def _publishers() -> frozenset[str]:
    return frozenset(tomllib.loads(bundled("knowledge/data/claims.toml").decode())["publishers"])


@lru_cache(maxsize=_REMEMBERED)
def _stem(word: str) -> str:
    """A word in small letters without its end; what it is for kinds, figures and publishers."""
    if word[0] == "\x01":
        return f"[{word[1:-1]}]"
    if word[0].isdigit():
        return "#"
    low = word.lower().replace("’", "'").removesuffix("'s")
    if low in _publishers():
        return "[ve]"
    if low.endswith(_ENDS):
        for end in _ENDS:
            if low.endswith(end) and len(low) - len(end) >= _STEM:
                return low[: -len(end)]
    return low[:-1] if low.endswith("e") and len(low) > _STEM else low


def words_of(chunk: str) -> tuple[str, ...]:
    """The words of a stretch without blanks, with states and values replaced by their kinds."""
    if _VALUE.search(chunk):
        return ("[va]",)
    if len(chunk) >= _HEX_DIGITS:
        chunk = _HEX.sub(" \x01va\x02 ", chunk)
    if _STATE_HINT.search(chunk.lower()):
        chunk = _STATE.sub(" \x01st\x02 ", chunk)
    return tuple(map(_stem, _TOKEN.findall(chunk)))


def chunks(sentence: str, names: Sequence[NameFound]) -> list[str]:
    """The stretches without blanks of a sentence, with names replaced by their kinds.

    ``names`` have their places in the sentence.
    """
    hidden, at = "", 0
    for name in names:
        if name.start >= at:
            hidden += f"{sentence[at : name.start]} \x01{SHORT[name.kind]}\x02 "
            at = name.end
    hidden += sentence[at:]
    if "korea" in hidden.lower():
        hidden = re.sub(r"\S+", lambda m: "\x01va\x02" if _VALUE.search(m[0]) else m[0], hidden)
        hidden = _TWO_WORDS.sub(" \x01st\x02 ", hidden)
    return hidden.split()


def tokens(sentence: str, names: Sequence[NameFound]) -> list[str]:
    """The words of a sentence, as `chunks` and `words_of` tell them."""
    return [word for chunk in chunks(sentence, names) for word in words_of(chunk)]


def named(names: Sequence[NameFound]) -> list[str]:
    """The features that say how many things of each kind have names in a sentence."""
    distinct = {(n.kind, n.name.casefold()) for n in names}
    kinds: list[str] = [kind for kind, _ in distinct]
    each = [f"n:{short}{min(_MANY, kinds.count(kind))}" for kind, short in SHORT.items()]
    every = f"n:{min(_MANY + 1, len({name for _, name in distinct}))}"
    return [every, *each]


def placed(sentence: Sentence) -> list[str]:
    """The features that say where a sentence stands, what it points at, and how it ends."""
    found = [f"v:{SHORT[n.kind]}" for n in sentence.before if n.kind != "tool"]
    if _POINTS.search(sentence.text.lower()):
        found.append("z:points")
    if not sentence.text.endswith(_STOPS):
        found.append("z:open")
    if sentence.number < _TOP:
        found.append("z:top")
        if sentence.number == 0:
            found.append("z:title")
    return found


def grades(sentence: Sentence, words: int) -> tuple[float, float]:
    """The features of `GRADED`, for a sentence of so many words."""
    return min(1.0, words / _LONG_WORDS), sentence.number / max(1, sentence.total)


def word_features(sentence: Sentence) -> dict[str, float]:
    """The features of a sentence but for its cues, by name, as training reads them.

    `claim_model.word_odds` reads the same of all sentences of a text together.
    """
    words = tokens(sentence.text, sentence.names)
    names = [*named(sentence.names), *placed(sentence)]
    names += [SAYING[word] for word in words if word in SAYING]
    names += [f"q:{l}{r}" for l, r in pairwise(w for w in words if w in ENTITIES)]
    for number in range(1, LONGEST_RUN + 1):
        names += map(" ".join, zip(*(words[i:] for i in range(number)), strict=False))
    graded = zip(GRADED, grades(sentence, len(words)), strict=True)
    return dict.fromkeys(names, 1.0) | dict(graded)


def scale(feature: str) -> float:
    """What a feature counts: longer runs less, as they repeat their words."""
    return 1.0 if feature[1:2] == ":" else (0.6, 0.5, 0.4)[min(2, feature.count(" "))]
