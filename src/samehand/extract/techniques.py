"""ATT&CK techniques that the sentences of a report describe, by a linear model; docs/techniques.md.

A sentence becomes a set of words and pairs of neighbouring words. Values (hashes, hosts, paths) are
replaced by what they are, names of actors and malware by nothing: what a sentence says decides, not
whom it is about. Each word and pair has a row of numbers; their sum, through one small matrix,
gives the probability of each technique. `scripts/train_techniques.py` makes the numbers.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from samehand.config import bundled
from samehand.extract.sentences import sentences
from samehand.knowledge import attack
from samehand.knowledge.cache import once
from samehand.knowledge.namebook import graph
from samehand.knowledge.software import families

FILE = "knowledge/data/techniques.npz"
#: Most techniques told of one sentence, the written ones apart: of the development sentences with
#: any, 99.5 % have three or fewer.
MOST_PER_SENTENCE = 3
#: Sentences scored at once; bounds memory, and the rows of one batch stay in the processor's cache.
_BATCH = 512
#: Less probable sentences do not add up to a technique of the document.
_LEAST = 0.1
#: Different stretches without blank that are remembered, some 100 bytes each.
_REMEMBERED = 200_000
#: A longer stretch without blank is no prose: only its beginning is looked at, in characters.
_LONGEST_CHUNK = 200
#: Kinds of software whose names are anybody's and tell what they do: these stay in the sentence.
_KEPT_KINDS = frozenset(("admin", "system", "tool"))
#: Shortest name that is replaced, in characters; shorter ones are mostly other abbreviations.
_SHORTEST_NAME = 4

_WRITTEN = re.compile(r"(?<![A-Za-z0-9_.-])(T[0-9]{4})(?:[./]([0-9]{3}))?(?![A-Za-z0-9_])")
_SURROGATE = re.compile("[\ud800-\udfff]")  # no text at all, and nothing can encode it
_NAME = "\x01"  # stands for each character of a name, so that places stay what they are
_EDGES = "()[]{}<>\"'`“”‘’«»,;:!?*_|=…•-–—+"
#: What a stretch without blank is, first match counts. Only kinds, never the values themselves.
_KINDS = (
    (re.compile(r"(?i)^(?:h(?:tt|xx)ps?|ftp)(?:\[?:|\W{1,3}//)"), "⟨url⟩"),
    (re.compile(r"^[^\s@]+(?:@|\[at\])[^\s@]+\.?\]?\w+$"), "⟨mail⟩"),
    (re.compile(r"(?i)^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$"), "⟨hash⟩"),
    (re.compile(r"^\d{1,3}(?:[\[({]?\.[\])}]?\d{1,3}){3}(?::\d+)?(?:/\d+)?$"), "⟨ip⟩"),
    (re.compile(r"(?i)^CVE-\d{4}-\d+$"), "⟨cve⟩"),
    (re.compile(r"[\[({]\.[\])}]|\[dot\]"), "⟨host⟩"),
    (re.compile(r"(?i)^(?:0x[0-9a-f]+|\\x[0-9a-f]+)"), "⟨hex⟩"),
    (re.compile(r"^[#$€£]?\d[\d.,:/%-]*(?:st|nd|rd|th|[kKmMgG]?[bB]|px|ms)?$"), "⟨number⟩"),
    (re.compile(r"^(?=.*\d)[A-Za-z0-9+/]{60,}=*$"), "⟨encoded⟩"),
)
_PATH = re.compile(r"(?i)^(?:[a-z]:|%\w+%|\\|/(?:etc|tmp|usr|var|bin|home|dev|opt|proc|library)\b)")
_REGISTRY = re.compile(r"(?i)^\W?(?:HKEY_|HKLM|HKCU|HKCR|HKU)")
_ENDING = re.compile(r"(?i)^[\w.%@$-]*\w\.([a-z][a-z0-9]{1,4})$")
_PARTS = re.compile(r"[A-Za-z0-9]+(?:['’&][A-Za-z]+)?")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TechniqueFound:
    """One technique that a sentence describes, or that is written in it."""

    technique: str
    """ATT&CK identifier in force today; revocations are followed."""
    start: int
    end: int
    """Span of the sentence in the text, in characters."""
    probability: float
    """That the sentence describes the technique; 1 if its identifier is written there."""
    accepted: bool
    """Whether the probability reaches the model's threshold for sentences."""
    explicit: bool
    """Whether the identifier is written in the sentence."""


@dataclass(frozen=True, slots=True)
class Model:
    """The trained numbers."""

    labels: tuple[str, ...]
    """Techniques and sub-techniques, sorted: the first columns of ``head``."""
    words: Mapping[str, int]
    """Word -> row; rows of pairs follow those of the words."""
    pairs: Ints
    """Keys of the known pairs of neighbours, ascending: row of the first * 2**20 + the second."""
    rows: Floats
    """Row of each word and pair."""
    mass: Floats
    """Squared length that each word and pair adds to its sentence."""
    head: Floats
    """Width of a row x columns: for the labels, for the roots, and one for any technique at all."""
    bias: Floats
    sentence_threshold: float
    document_threshold: float
    roots: tuple[str, ...]
    """The techniques of which ``labels`` are, or are sub-techniques of."""
    starts: Ints
    """First column of each of the ``roots``: labels are sorted."""


def model_from(data: bytes) -> Model:
    """The model in a file as `scripts/train_techniques.py` writes it."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        words = file["words"].tobytes().decode().split("\n")
        labels = tuple(about["labels"])
        above = [root_of(label) for label in labels]
        roots = tuple(dict.fromkeys(above))
        return Model(
            labels=labels,
            words={word: row for row, word in enumerate(words)},
            pairs=np.cumsum(file["pairs"], dtype=np.int64),
            rows=file["rows"] * file["step"].astype(np.float32)[:, None],
            mass=file["mass"].astype(np.float32),
            head=file["head"].astype(np.float32),
            bias=file["bias"].astype(np.float32),
            sentence_threshold=float(about["sentence_threshold"]),
            document_threshold=float(about["document_threshold"]),
            roots=roots,
            starts=np.array([above.index(root) for root in roots], dtype=np.int64),
        )


@cache
def model() -> Model:
    """The bundled model, loaded at the first use."""
    return model_from(bundled(FILE))


def tokens(chunk: str) -> tuple[str, ...]:
    """What a stretch without blank says: kinds of values and lower-case words; nothing for a name.

    A word in CamelCase stands as a whole and in its parts, a path as its kind and its parts.
    """
    chunk = chunk[:_LONGEST_CHUNK].strip(_EDGES).rstrip(".")
    if not chunk or _NAME in chunk:
        return ()
    if chunk.isalpha() and (chunk.islower() or chunk[1:].islower()):
        return (chunk.lower(),)
    for pattern, kind in _KINDS:
        if pattern.search(chunk):
            return (kind,)
    found: list[str] = []
    if _REGISTRY.match(chunk):
        found.append("⟨registry⟩")
    elif _PATH.match(chunk):
        found.append("⟨path⟩")
    for piece in re.split(r"[\\/]+", chunk):
        if _ENDING.match(piece):
            stem, _, ending = piece.lower().rpartition(".")
            found += ("⟨file⟩", piece.lower(), stem, "." + ending)
            continue
        for part in _PARTS.findall(piece):
            humps = _HUMPS.findall(part)
            found.append(part.lower() if not part.isdigit() else "⟨number⟩")
            if len(humps) > 1 and not part.isdigit():
                found.extend(h.lower() for h in humps if len(h) > 1 and not h.isdigit())
    return tuple(found)


def catalogued_names() -> frozenset[str]:
    """Names of actors and malware as the catalogues spell them; no tools."""
    names = {naming.name for naming in graph().namings}
    for family in families().values():
        if family.kind not in _KEPT_KINDS:
            names.update(name for name, _ in family.names)
    return frozenset(
        n for n in names if len(n) >= _SHORTEST_NAME and not (n.islower() and n.isalpha())
    )


class Reader:
    """Sentences as rows of words and pairs, for one vocabulary."""

    def __init__(self, words: Mapping[str, int], pairs: Ints) -> None:
        self.words, self.pairs = words, pairs
        # A name that is also an everyday word is one of the vocabulary, which holds no other names.
        names = sorted(n for n in catalogued_names() if n.lower() not in words)
        self.names = ahocorasick_rs.AhoCorasick(
            names, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )
        self.known: dict[str, tuple[int, ...]] = {}

    def without_names(self, text: str) -> str:
        """The text with each character of a name of an actor or malware replaced by a mark."""
        text = _SURROGATE.sub("\ufffd", text)
        parts: list[str] = []
        at = 0
        for _, start, end in self.names.find_matches_as_indexes(text):
            if (start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()):
                continue
            parts += (text[at:start], _NAME * (end - start))
            at = end
        return "".join((*parts, text[at:]))

    def rows(self, chunk: str) -> tuple[int, ...]:
        """Rows of the known words of a stretch without blank."""
        found = self.known.get(chunk)
        if found is None:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            words = self.words
            found = tuple(words[t] for t in tokens(chunk) if t in words)
            self.known[chunk] = found
        return found

    def read(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """(sentence, row) of every word and pair of each sentence, once each and in order."""
        counts: list[int] = []
        flat: list[int] = []
        for text in texts:
            before = len(flat)
            for chunk in text.split():
                flat += self.rows(chunk)
            counts.append(len(flat) - before)
        words = np.array(flat, dtype=np.int64)
        place = np.repeat(np.arange(len(texts), dtype=np.int64), counts)
        keys = (words[:-1] << 20) + words[1:]
        at = np.searchsorted(self.pairs, keys)
        fits = place[:-1] == place[1:]
        if len(self.pairs):
            fits &= self.pairs[np.minimum(at, len(self.pairs) - 1)] == keys
        else:
            fits[:] = False
        place = np.concatenate([place, place[:-1][fits]])
        rows = np.concatenate([words, at[fits] + len(self.words)])
        both = np.unique((place << 32) + rows)
        return both >> 32, both & 0xFFFFFFFF


@once
def _reader() -> Reader:
    known = model()
    return Reader(known.words, known.pairs)


def summed(known: Model, reader: Reader, texts: Sequence[str]) -> Floats:
    """Sentences x width: the sum of the rows of a sentence's words and pairs, by its length.

    The sentences must have come through `Reader.without_names`.
    """
    found = np.zeros((len(texts), known.rows.shape[1]), dtype=np.float32)
    place, rows = reader.read(texts)
    if len(rows):
        first = np.flatnonzero(np.diff(place, prepend=-1))
        length = np.sqrt(np.add.reduceat(known.mass[rows], first))
        sums = np.add.reduceat(known.rows.take(rows, axis=0), first, axis=0)
        found[place[first]] = sums / length[:, None]
    return found


def shares(known: Model, sums: Floats) -> Floats:
    """Sentences x labels: which technique it is, if any; the sum of a row is 1.

    A sentence without a known word has what all sentences have on average.
    """
    fine = len(known.labels)
    own = _normal(sums @ known.head[:, :fine] + known.bias[:fine])
    whole = _normal(sums @ known.head[:, fine:-1] + known.bias[fine:-1])
    whole /= np.maximum(np.add.reduceat(own, known.starts, axis=1), 1e-30)
    whole += 1.0
    whole *= 0.5  # the mean of what both say about the technique
    own *= np.repeat(whole, np.diff(known.starts, append=fine), axis=1)
    return own


def _normal(logits: Floats) -> Floats:
    """Each row's exponentials, divided by their sum."""
    found: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    return found


def any_technique(known: Model, sums: Floats) -> Floats:
    """For each sentence the probability that it describes any technique."""
    logits = sums @ known.head[:, -1] + known.bias[-1]
    gates: Floats = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
    return gates


def _scored(
    text: str, spans: Sequence[tuple[int, int]], least: float
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """(numbers, probabilities of the labels, those of whole techniques) of sentences, in batches.

    Sentences in which no technique can have ``least`` are left out.
    """
    known, reader = model(), _reader()
    hidden = reader.without_names(text)
    for begin in range(0, len(spans), _BATCH):
        sums = summed(known, reader, [hidden[a:b] for a, b in spans[begin : begin + _BATCH]])
        gates = any_technique(known, sums)
        kept = np.flatnonzero(gates >= least)
        if len(kept):
            own = shares(known, sums[kept])
            own *= gates[kept, None]
            yield kept + begin, own, np.add.reduceat(own, known.starts, axis=1)


def written(text: str) -> Iterator[tuple[int, str]]:
    """(place, technique in force today) of the known identifiers that stand in a text."""
    known = attack.techniques()
    for match in _WRITTEN.finditer(text):
        whole = match[1] + (f".{match[2]}" if match[2] else "")
        identifier = whole if whole in known else match[1]
        if identifier in known:
            yield match.start(), attack.current(identifier)


def find_techniques(text: str) -> list[TechniqueFound]:
    """The techniques that the sentences of a text describe, by place, then most likely first.

    Of each sentence all written identifiers, and at most `MOST_PER_SENTENCE` others whose
    probability is at least half the threshold. A technique is told as its sub-technique where
    that alone reaches the threshold and has most of the probability. Same text, same answer.
    """
    known, spans = model(), sentences(text)
    low = known.sentence_threshold / 2
    guessed: dict[int, list[tuple[str, float]]] = {}
    for numbers, own, whole in _scored(text, spans, low):
        for i in np.flatnonzero(whole.max(axis=1) >= low).tolist():
            best = np.argsort(-whole[i], kind="stable")[:MOST_PER_SENTENCE]
            likely = (_finest(known, own[i], whole[i], int(c)) for c in best if whole[i, c] >= low)
            guessed[int(numbers[i])] = list(likely)
    stated = _stated(text, spans)
    found = []
    for i in sorted(guessed.keys() | stated.keys()):
        start, end = spans[i]
        explicit = stated.get(i, ())
        found += [TechniqueFound(t, start, end, 1.0, True, True) for t in explicit]
        covered = {root_of(t) for t in explicit}
        for technique, p in guessed.get(i, ()):
            if root_of(technique) not in covered:
                accepted = p >= known.sentence_threshold
                found.append(TechniqueFound(technique, start, end, p, accepted, False))
    return found


def root_of(technique: str) -> str:
    """The identifier of the technique itself for that of a sub-technique."""
    return technique.partition(".")[0]


def _finest(known: Model, own: Floats, whole: Floats, column: int) -> tuple[str, float]:
    """A technique, or the sub-technique that it most likely is, with its probability."""
    start = int(known.starts[column])
    end = int(known.starts[column + 1]) if column + 1 < len(known.starts) else len(known.labels)
    best = start + int(np.argmax(own[start:end]))
    p = float(own[best])
    if p >= known.sentence_threshold and p >= 0.5 * float(whole[column]):
        return known.labels[best], p
    return known.roots[column], float(whole[column])


def _stated(text: str, spans: Sequence[tuple[int, int]]) -> dict[int, tuple[str, ...]]:
    """Sentence -> identifiers written in it, once each."""
    starts = np.array([a for a, _ in spans])
    found: dict[int, dict[str, None]] = {}
    for place, technique in written(text):
        at = int(np.searchsorted(starts, place, side="right")) - 1
        found.setdefault(at, {})[technique] = None
    return {i: tuple(ids) for i, ids in found.items()}


def document_threshold() -> float:
    """From which probability on a document counts as describing a technique."""
    return model().document_threshold


def document_techniques(text: str) -> dict[str, float]:
    """Technique -> probability that some sentence of the document describes it, likeliest first.

    Sentences count as independent, those below `_LEAST` not at all. Written identifiers have 1. A
    technique is at least as likely as each of its sub-techniques. Whoever wants a set takes those
    that reach `document_threshold`.
    """
    known, spans = model(), sentences(text)
    own_none = np.zeros(len(known.labels))
    whole_none = np.zeros(len(known.roots))
    for _, own, whole in _scored(text, spans, _LEAST):
        for missed, p in ((own_none, own), (whole_none, whole)):
            _, column = likely = np.nonzero(p >= _LEAST)
            np.add.at(missed, column, np.log1p(-np.minimum(p[likely], 0.9999)))
    found = dict(zip(known.labels, (1.0 - np.exp(own_none)).tolist(), strict=True))
    found |= dict(zip(known.roots, (1.0 - np.exp(whole_none)).tolist(), strict=True))
    for _, technique in written(text):
        found |= {technique: 1.0, root_of(technique): 1.0}
    return _ordered((t, p) for t, p in found.items() if p > 0.0)


def _ordered(found: Iterable[tuple[str, float]]) -> dict[str, float]:
    return dict(sorted(found, key=lambda x: (-x[1], x[0])))


def rank_sentence(sentence: str, among: Collection[str] | None = None) -> list[tuple[str, float]]:
    """The techniques that one sentence may describe with their probabilities, likeliest first.

    ``among``: only these, under these identifiers; revoked ones mean what they became. A technique
    has the sum of its sub-techniques, so that it stands before them unless the identifier of one
    is written there. A technique that the model does not know has 0.
    """
    known = model()
    ((_, own, whole),) = _scored(sentence, [(0, len(sentence))], 0.0)
    found = dict(zip(known.labels, own[0].tolist(), strict=True))
    found |= dict(zip(known.roots, whole[0].tolist(), strict=True))
    for _, technique in written(sentence):
        found |= {technique: 1.0, root_of(technique): 1.0}
    if among is not None:
        found = {t: found.get(attack.current(t), 0.0) for t in among}
    return list(_ordered(found.items()).items())
