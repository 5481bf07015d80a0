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

import numpy as np
from numpy.typing import NDArray

from samehand.config import bundled
from samehand.extract.sentences import sentences
from samehand.extract.technique_rows import Ints, Reader
from samehand.knowledge import attack
from samehand.knowledge.cache import once

FILE = "knowledge/data/techniques.npz"
#: Most techniques told of one sentence, the written ones apart: of the development sentences with
#: any, 99.5 % have three or fewer.
MOST_PER_SENTENCE = 3
#: Sentences scored at once; bounds memory, and the rows of one batch stay in the processor's cache.
_BATCH = 512
#: Less probable sentences do not add up to a technique of the document.
_LEAST = 0.1
#: Numbers are rounded: what is this little below the least probability is still looked at.
_ROUNDED = 1e-4
#: Rows and columns that are multiplied at once. OpenBLAS gives a product of two or more times
#: 4 * 65536 steps (interface/gemm.c) to threads, which then spin for more work: with many small
#: products they take several times the time of the work, from other processes as well.
_BLOCK_ROWS, _BLOCK_COLUMNS = 12, 213
#: The look behind stands after the letter: what begins with a letter is found faster.
_WRITTEN = re.compile(r"(T(?<![A-Za-z0-9_.-]T)[0-9]{4})(?:[./]([0-9]{3}))?(?![A-Za-z0-9_])")
Floats = NDArray[np.float32]


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
    gate: Floats
    """What each word and pair adds to the last column of ``head``."""
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
        rows = file["rows"] * file["step"].astype(np.float32)[:, None]
        head = file["head"].astype(np.float32)
        return Model(
            labels=labels,
            words={word: row for row, word in enumerate(words)},
            pairs=np.cumsum(file["pairs"], dtype=np.int64),
            rows=rows,
            mass=file["mass"].astype(np.float32),
            head=head,
            bias=file["bias"].astype(np.float32),
            gate=rows @ head[:, -1],
            sentence_threshold=float(about["sentence_threshold"]),
            document_threshold=float(about["document_threshold"]),
            roots=roots,
            starts=np.array([above.index(root) for root in roots], dtype=np.int64),
        )


@cache
def model() -> Model:
    """The bundled model, loaded at the first use."""
    return model_from(bundled(FILE))


@once
def _reader() -> Reader:
    known = model()
    return Reader(known.words, known.pairs)


def _sums(
    known: Model, reader: Reader, texts: Sequence[str], least: float
) -> tuple[Ints, Floats, Floats]:
    """Numbers, gates and sums of the sentences that describe any technique with ``least``.

    A gate is that probability; a sum that of the rows of a sentence's words and pairs, by its
    length. The sentences must have come through `Reader.without_names`.
    """
    place, rows = reader.read(texts)
    length = np.sqrt(np.bincount(place, known.mass[rows], len(texts)))
    length[length == 0.0] = 1.0  # no known word
    logits = np.bincount(place, known.gate[rows], len(texts)) / length + known.bias[-1]
    gates: Floats = (1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))).astype(np.float32)
    kept = gates >= least - _ROUNDED
    inside = kept[place]
    place, rows = place[inside], rows[inside]
    found = np.zeros((len(texts), known.rows.shape[1]), dtype=np.float32)
    if len(rows):
        first = np.flatnonzero(np.diff(place, prepend=-1))
        sums = np.add.reduceat(known.rows.take(rows, axis=0), first, axis=0)
        found[place[first]] = sums / length[place[first], None]
    return np.flatnonzero(kept), gates[kept], found[kept]


def _shares(sums: Floats, head: Floats, bias: Floats) -> Floats:
    """Sentences x columns of the head: which of them it is; the sum of a row is 1.

    A sentence without a known word has what all sentences have on average.
    """
    found = np.empty((len(sums), head.shape[1]), dtype=np.float32)
    for row in range(0, len(sums), _BLOCK_ROWS):
        rows = slice(row, row + _BLOCK_ROWS)
        for column in range(0, head.shape[1], _BLOCK_COLUMNS):
            columns = slice(column, column + _BLOCK_COLUMNS)
            np.matmul(sums[rows], head[:, columns], out=found[rows, columns])
    found += bias
    found -= found.max(axis=1, keepdims=True)
    np.exp(found, out=found)
    found /= found.sum(axis=1, keepdims=True)
    return found


def _scored(
    text: str, spans: Sequence[tuple[int, int]], least: float
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """(numbers, probabilities of the labels, those of whole techniques) of sentences, in batches.

    Sentences in which no technique can have ``least`` are left out.
    """
    known, reader = model(), _reader()
    fine = len(known.labels)
    hidden = reader.without_names(text)
    for begin in range(0, len(spans), _BATCH):
        texts = [hidden[a:b] for a, b in spans[begin : begin + _BATCH]]
        numbers, gates, sums = _sums(known, reader, texts, least)
        whole = _shares(sums, known.head[:, fine:-1], known.bias[fine:-1])
        # A technique has the mean of this and of what its labels have together, at most 1.
        kept = gates * (whole.max(axis=1, initial=0.0) + 1.0) >= 2.0 * (least - _ROUNDED)
        if not kept.any():
            continue
        own = _shares(sums[kept], known.head[:, :fine], known.bias[:fine])
        whole = whole[kept]
        whole /= np.maximum(np.add.reduceat(own, known.starts, axis=1), 1e-30)
        whole += 1.0
        whole *= 0.5 * gates[kept, None]
        own *= np.repeat(whole, np.diff(known.starts, append=fine), axis=1)
        yield numbers[kept] + begin, own, np.add.reduceat(own, known.starts, axis=1)


def written(text: str) -> Iterator[tuple[int, str]]:
    """(place, technique in force today) of the known identifiers that stand in a text."""
    known = attack.techniques()
    for match in _WRITTEN.finditer(text):
        whole = match[1] + (f".{match[2]}" if match[2] else "")
        identifier = whole if whole in known else match[1]
        if identifier in known:
            yield match.start(), attack.current(identifier)


def find_techniques(text: str, *, accepted: bool = False) -> list[TechniqueFound]:
    """The techniques that the sentences of a text describe, by place, then most likely first.

    Of each sentence all written identifiers, and at most `MOST_PER_SENTENCE` others whose
    probability is at least half the threshold; ``accepted``: the threshold, which takes less time.
    A technique is told as its sub-technique where that alone reaches the threshold and has most of
    the probability. Same text, same answer.
    """
    known, spans = model(), sentences(text)
    low = known.sentence_threshold / (1 if accepted else 2)
    guessed: dict[int, list[tuple[str, float]]] = {}
    for numbers, own, whole in _scored(text, spans, low):
        at, column = np.nonzero(whole >= low)
        order = np.lexsort((column, -whole[at, column], at))
        for i, c in zip(at[order].tolist(), column[order].tolist(), strict=True):
            likely = guessed.setdefault(int(numbers[i]), [])
            if len(likely) < MOST_PER_SENTENCE:
                likely.append(_finest(known, own[i], whole[i], c))
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
