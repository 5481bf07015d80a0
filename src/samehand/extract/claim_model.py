"""Whether a sentence claims attribution, alias, overlap, comparison or denial, by a linear model.

A sentence becomes a set of features: runs of one to three words with names replaced by what they
are, which kinds of names stand in which order, and the cues that fit. `scripts/train_claims.py`
makes the weights.
"""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
import re2
from numpy.typing import NDArray

from samehand.config import bundled
from samehand.extract.names import NameFound

FILE = "knowledge/data/claims.npz"
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

_SHORT = {"actor": "ac", "malware": "ma", "campaign": "ca", "tool": "to"}
_VALUE = re.compile(r"\S*(?:://|\\|\[\.|@|\w\.\w{2,4}\b(?:/|\b))\S*|\b[0-9a-fA-F]{16,}\b")
_VALUE_HINT = re.compile(r"://|\\|\[\.|@|\w\.\w|[0-9a-fA-F]{16}")
_STATE = re.compile(
    r"(?:north|south)[- ]korean?s?|(?:pakistan|india|israel|ukrain|syria|leban|iran|russia|china"
    r"|chinese|vietnam|turk|belarus|palestin|gaza)\w*|hamas|hezbollah|dprk|prc|gru|svr|fsb|mss|irgc",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\x01(..)\x02|[A-Za-z]+(?:[’'][a-z]+)?|\d[\d.,-]*|[()\[\]“”\"/:;,–—-]")
_STATE_HINT = re2.compile(f"(?i){_STATE.pattern}")
_OWN = frozenset(("we", "our", "us"))
_POINTING = frozenset(("this", "thes", "the", "thos"))  # without their ends
_POINTS = re.compile(
    r"\b(?:this|these|the same|those)\b (?:\w+ ){0,2}"
    r"(?:group|actor|campaign|malware|sample|activity|attack|operation)",
    re.IGNORECASE,
)
_STOPS = (".", "!", "?", ":", "”", '"')
#: Features with other values than 1.
_GRADED = frozenset(("z:length", "z:place"))
_ENTITIES = frozenset(("[ac]", "[ma]", "[ca]", "[to]", "[st]", "[ve]"))


@dataclass(frozen=True, slots=True)
class Model:
    """The trained numbers."""

    relations: tuple[str, ...]
    rows: Mapping[str, int]
    """Feature -> row of ``weights``."""
    weights: NDArray[np.float32]
    """Features x relations."""
    bias: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    """From which log-odds on a sentence makes the claim."""
    rough: float
    """Least log-odds by words alone, of any relation, at which cues are looked for."""


def model_from(data: bytes) -> Model:
    """The model in a file as `scripts/train_claims.py` writes it."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        names = file["features"].tobytes().decode().split("\n")
        return Model(
            relations=tuple(about["relations"]),
            rows={name: row for row, name in enumerate(names)},
            weights=file["weights"].astype(np.float32) * file["step"].astype(np.float32),
            bias=file["bias"].astype(np.float32),
            thresholds=file["thresholds"].astype(np.float32),
            rough=float(about["rough"]),
        )


@cache
def model() -> Model:
    """The bundled model, loaded at the first use."""
    return model_from(bundled(FILE))


@cache
def _publishers() -> frozenset[str]:
    return frozenset(tomllib.loads(bundled("knowledge/data/claims.toml").decode())["publishers"])


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> str:
    """A word in small letters without its end; what it is for figures and publishers."""
    if word[0].isdigit():
        return "#"
    low = word.lower().replace("’", "'").removesuffix("'s")
    if low in _publishers():
        return "[ve]"
    for end in _ENDS:
        if low.endswith(end) and len(low) - len(end) >= _STEM:
            return low[: -len(end)]
    return low[:-1] if low.endswith("e") and len(low) > _STEM else low


def tokens(sentence: str, names: Sequence[NameFound]) -> list[str]:
    """The words of a sentence, with names, states and values replaced by their kinds.

    ``names`` have their places in the sentence.
    """
    parts: list[str] = []
    at = 0
    for name in names:
        if name.start >= at:
            parts += (sentence[at : name.start], f" \x01{_SHORT[name.kind]}\x02 ")
            at = name.end
    hidden = "".join((*parts, sentence[at:]))
    if _VALUE_HINT.search(hidden):
        hidden = _VALUE.sub(" \x01va\x02 ", hidden)
    if _STATE_HINT.search(hidden):
        hidden = _STATE.sub(" \x01st\x02 ", hidden)
    return [f"[{m[1]}]" if m[1] else _stem(m[0]) for m in _TOKEN.finditer(hidden)]


def word_features(
    sentence: str,
    names: Sequence[NameFound],
    before: Sequence[NameFound],
    number: int,
    total: int,
) -> dict[str, float]:
    """The features of a sentence but for its cues.

    ``before``: the names of the sentence before it; ``number`` counts the sentences of the text
    from 0, of which there are ``total``.
    """
    words = tokens(sentence, names)
    found = dict.fromkeys(words, 1.0)
    found |= dict.fromkeys(map(" ".join, pairwise(words)), 1.0)
    found |= dict.fromkeys(map(" ".join, zip(words, words[1:], words[2:], strict=False)), 1.0)
    entities = [w for w in words if w in _ENTITIES]
    for first, second in pairwise(entities):
        found[f"q:{first}{second}"] = 1.0
    distinct = {(n.kind, n.name.casefold()) for n in names}
    found[f"n:{min(_MANY + 1, len({n for _, n in distinct}))}"] = 1.0
    for kind, short in _SHORT.items():
        found[f"n:{short}{min(_MANY, sum(k == kind for k, _ in distinct))}"] = 1.0
    found |= {f"v:{_SHORT[n.kind]}": 1.0 for n in before if n.kind != "tool"}
    different = set(words)
    told = {
        "z:state": "[st]" in different,
        "z:publisher": "[ve]" in different,
        "z:own": bool(different & _OWN),
        "z:points": bool(different & _POINTING) and _POINTS.search(sentence) is not None,
        "z:open": not sentence.rstrip().endswith(_STOPS),
        "z:top": number < _TOP,
        "z:title": number == 0,
    }
    found |= {name: 1.0 for name, true in told.items() if true}
    found["z:length"] = min(1.0, len(words) / _LONG_WORDS)
    found["z:place"] = number / max(1, total)
    return found


def scale(feature: str) -> float:
    """What a feature counts: longer runs less, as they repeat their words."""
    return 1.0 if feature[1:2] == ":" else (0.6, 0.5, 0.4)[min(2, feature.count(" "))]


class Scorer:
    """Log-odds of the relations of one sentence, first by its words, then with its cues."""

    def __init__(self, features: Mapping[str, float]) -> None:
        self.model = model()
        self.sums = self.model.bias + self._sum(features)

    def _sum(self, features: Mapping[str, float]) -> NDArray[np.float32]:
        weights, rows = self.model.weights, self.model.rows
        at = [row for row in map(rows.get, features) if row is not None]
        found: NDArray[np.float32] = weights[at].sum(axis=0)
        for feature in _GRADED:
            if feature in features and feature in rows:
                found = found - (1.0 - features[feature]) * weights[rows[feature]]
        return found

    def likely(self) -> bool:
        """Whether the words alone leave any relation possible."""
        return bool(self.sums.max() >= self.model.rough)

    def relations(self, cues: Iterable[str]) -> list[str]:
        """The relations that the sentence claims; ``cues``: names of those that fit."""
        sums = self.sums + self._sum(dict.fromkeys(cues, 1.0))
        over = sums >= self.model.thresholds
        return [r for r, yes in zip(self.model.relations, over, strict=True) if yes]
