"""Fit the weights of the text channel on labelled development data, and write them as JSON.

    python scripts/train_text_channel.py --data DIR [--out FILE]

``bundled``: actors of all catalogues, learned from masked reports, from reports that name one actor far
more often than any other (masked here), from a few of their sentences as bullets, and from the ATT&CK
procedures of one cited report; an actor's techniques known from that report alone are left out. Folds
are by actor. ``reference``: masked reports with a classifier of the other folds; folds are by
near-duplicates. Temperature and bar of "none": out-of-fold scores, each text once as it is and once
with its actor taken away. No text goes into the file, only the weights.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samehand.compare.text_channel import COLUMNS, Channel, bundled_channel
from samehand.compare.text_reference import COLUMNS as LEARNED
from samehand.compare.text_reference import gram, ridge, terms_of
from samehand.compare.text_rule import log_size
from samehand.config import default_parameters
from samehand.extract.names import find_names
from samehand.formats.reading import read_json
from samehand.knowledge.actor_terms import bare_words, index_of
from samehand.knowledge.actors import World, world_of_reference
from samehand.model import Report

#: Not learned: in masked texts every other name is wrong, in real ones an alias is often left.
BY_HAND = {"name": 0.1, "name_lead": 0.3, "alias": 1.5}
#: Columns brought to the size of the others before the penalty.
SCALE = {"own_words": 10.0, "all_words": 10.0, "chars": 10.0, "family_words": 10.0, "rare": 0.2}
PENALTY = 3.0
NONE_PRIOR = {"bundled": 0.3, "short": 0.3, "reference": 0.2}
FOLDS = 5
KINDS = {
    "bundled": ("masked", "named", "partly"),
    "short": ("bullets", "masked bullets", "procedures"),
}
OUT = Path(__file__).parent.parent / "src/samehand/knowledge/data/text_channel.json"
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Example:
    """A text whose actor is known."""

    kind: str
    actor: str
    text: str
    label: str = ""
    published: str = ""
    unknown: Mapping[str, frozenset[str]] = field(default_factory=dict)


def rows(data: Path, name: str) -> list[dict]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def number(text: str) -> int:
    return zlib.crc32(text.encode())


def masked(text: str, names: Iterable[str]) -> str:
    """The text with all names of an actor replaced."""
    found = sorted((n for n in names if len(n) >= 3), key=len, reverse=True)
    if not found:
        return text
    one = "|".join(re.escape(n).replace(r"\ ", r"[ _-]?") for n in found)
    return re.sub(rf"(?i)(?<!\w)(?:{one})(?!\w)", "[PLACEHOLDER]", text)


def partly(text: str, actor: str, world: World) -> str:
    """Three of ten mentions of the actor left, as in texts that were masked by hand."""
    chance, parts, last = random.Random(number(text[:200])), [], 0
    for found in find_names(text):
        if (
            found.kind == "actor"
            and world.identify(found.name) == actor
            and (not parts or chance.random() < 0.7)
        ):
            parts += [text[last : found.start], "[PLACEHOLDER]"]
            last = found.end
    return "".join([*parts, text[last:]])


def dominant(text: str, world: World) -> str | None:
    """The actor that a text names thrice or more, and twice as often as any other."""
    counts = Counter(
        a for f in find_names(text[:60_000]) if f.kind == "actor" and (a := world.identify(f.name))
    ).most_common(2)
    if not counts or counts[0][1] < 3 or (len(counts) > 1 and counts[0][1] < 2 * counts[1][1]):
        return None
    return counts[0][0]


def bullets(text: str) -> str | None:
    """Seven sentences of a report that tell of the attack, as a list."""
    found = [s.strip() for s in re.split(r"(?<=[.!?])\s+|\n", text) if 40 < len(s.strip()) < 350]
    if len(found) < 8:
        return None
    telling = [
        s
        for s in found[:80]
        if re.search(r"PLACEHOLDER|ACTOR|target|malware|group|attack|backdoor|campaign", s)
    ]
    random.Random(number(text[:200])).shuffle(telling)
    return "\n".join(f"- {s}" for s in telling[:7])


def examples(data: Path, world: World) -> list[Example]:
    names: dict[str, set[str]] = defaultdict(set)
    for concept, actor in world.actor_of.items():
        names[actor] |= {n.name for n in world.graph.names_of.get(concept, ())}
    found = []
    labels = {r["id"]: (r.get("label") or {}).get("actor") for r in rows(data, "reports")}
    reports = [(r["text"], labels.get(r["id"])) for r in rows(data, "report_texts")]
    reports += [(r["text"], None) for r in rows(data, "annoctr_docs") if r.get("text")]
    for text, label in reports:
        actor = (world.identify(label) if label else None) or dominant(text, world)
        if actor:
            hidden = masked(text, names[actor])
            found.append(Example("named", actor, hidden))
            half = number(text) % 10 < 4
            found.append(Example("partly", actor, partly(text, actor, world) if half else hidden))
    for row in rows(data, "masked_texts"):
        actor = world.identify(row["label"]["actor"])
        if actor:
            found.append(
                Example("masked", actor, row["text"], row["label"]["actor"], row["published"])
            )
    kinds = {"named": "bullets", "masked": "masked bullets"}
    found += [
        Example(kinds[e.kind], e.actor, short)
        for e in found
        if e.kind in kinds and (short := bullets(e.text))
    ]
    return found + list(procedures(data, world, names))


def procedures(data: Path, world: World, names: Mapping[str, set[str]]) -> Iterable[Example]:
    """What ATT&CK says of one group by one cited report, as bullets."""
    alone: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    for edge in rows(data, "attack_profile_edges"):
        if edge["kind"] == "T" and len(set(edge["cites"])) == 1:
            alone[world.identify(edge["gname"]), edge["cites"][0]].add(edge["v"])
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows(data, "attack_procedures"):
        if row["src"].startswith("intrusion-set"):
            for cite in row["cites"]:
                told[row["src_name"], cite].add(row["text"])
    for (name, cite), sentences in sorted(told.items()):
        actor = world.identify(name)
        if actor and len(sentences) >= 5:
            mixed = sorted(sentences)
            random.Random(number(cite)).shuffle(mixed)
            text = masked("\n".join(f"- {s}" for s in mixed[:10]), names[actor])
            yield Example("procedures", actor, text, unknown={actor: frozenset(alone[actor, cite])})


def fold_of(actor: str) -> int:
    return number(actor) % FOLDS


def softmax_fit(items: Sequence[tuple[Matrix, int, float]], penalty: float) -> Matrix:
    """Weights of a conditional softmax over the rows of each matrix, by damped Newton steps.

    Each item is a matrix, the row that is right, and the weight of the item.
    """
    weights = np.zeros(items[0][0].shape[1])

    def value(w: Matrix) -> float:
        total = -penalty / 2 * float(w @ w)
        for matrix, right, weight in items:
            scores = matrix @ w
            top = scores.max()
            total += weight * float(scores[right] - top - np.log(np.exp(scores - top).sum()))
        return total

    current = value(weights)
    for _ in range(40):
        slope, bend = -penalty * weights, penalty * np.eye(len(weights))
        for matrix, right, weight in items:
            scores = matrix @ weights
            share = np.exp(scores - scores.max())
            share /= share.sum()
            mean = share @ matrix
            slope += weight * (matrix[right] - mean)
            bend += weight * ((matrix * share[:, None]).T @ matrix - np.outer(mean, mean))
        step, part = np.linalg.solve(bend, slope), 1.0
        while part > 1e-4 and value(weights + part * step) <= current:
            part /= 2
        if part <= 1e-4:
            break
        weights = weights + part * step
        gained, current = value(weights) - current, value(weights)
        if gained < 1e-3:
            break
    return weights


def scaled(matrix: Matrix, columns: Sequence[str]) -> Matrix:
    return matrix * np.array([SCALE.get(c, 1.0) for c in columns])


def without_row(matrix: Matrix, row: int, columns: Sequence[str]) -> Matrix:
    """The features when an actor is not known: its row gone, shares of the best made anew."""
    rest = np.delete(matrix, row, axis=0)
    for number_, column in enumerate(columns):
        if column.endswith("_lead"):
            top = rest[:, number_].max()
            rest[:, number_] = rest[:, number_] / top if top > 0 else 0.0
    return rest


def calibrate(
    present: Sequence[tuple[Matrix, int, int]], absent: Sequence[tuple[Matrix, int]]
) -> tuple[float, float, float]:
    """(temperature, log odds of none at even prior, the same per e-fold of words).

    They make out-of-fold scores most probable, texts whose actor is known and gone weighing alike.
    """
    items = []
    for (scores, size), right, weight in (
        *(((s, n), r, 1.0 / len(present)) for s, r, n in present),
        *(((s, n), len(s), 1.0 / len(absent)) for s, n in absent),
    ):
        matrix = np.zeros((len(scores) + 1, 3))
        matrix[:-1, 0] = scores
        matrix[-1, 1:] = 1.0, log_size(size)
        items.append((matrix, right, weight * 1000.0))
    slope, none, per_size = softmax_fit(items, 1e-3)
    return float(1.0 / slope), float(none), float(per_size)


def total_weights(columns: Sequence[str], learned: Sequence[str], weights: Matrix) -> Matrix:
    """Weights of all columns on raw features."""
    found = np.array([BY_HAND.get(c, 0.0) for c in columns])
    for column, weight in zip(learned, weights, strict=True):
        found[columns.index(column)] = weight * SCALE.get(column, 1.0)
    return found


def item_weights(actors: Sequence[str]) -> list[float]:
    """Every text, but frequent actors less: the square root of their texts."""
    counts = Counter(actors)
    return [counts[a] ** -0.5 for a in actors]


def fit(
    matrices: Sequence[Matrix],
    right: Sequence[int],
    weight: Sequence[float],
    columns: tuple[str, ...],
    penalty: float,
) -> Matrix:
    """Weights on raw features, those by hand in place."""
    learned = [c for c in columns if c not in BY_HAND]
    at = [columns.index(c) for c in learned]
    items = [
        (scaled(m, columns)[:, at], r, w) for m, r, w in zip(matrices, right, weight, strict=True)
    ]
    return total_weights(columns, learned, softmax_fit(items, penalty))


@dataclass
class Fitted:
    """Weights, and what they gave out of fold."""

    weights: Matrix
    columns: tuple[str, ...]
    temperature: float
    none: float
    none_per_size: float
    scores: list[Matrix]
    right: list[int]
    absent: list[tuple[Matrix, int]]
    """(scores without the right actor, words of the text)."""
    sizes: list[int]
    gone_at: dict[int, int]
    """Text -> its place in ``absent``."""

    def as_json(self, none_prior: float) -> dict:
        return {
            "weights": {
                c: round(float(w), 4) for c, w in zip(self.columns, self.weights, strict=True)
            },
            "temperature": round(self.temperature, 4),
            "none": round(self.none, 4),
            "none_per_size": round(self.none_per_size, 4),
            "none_prior": none_prior,
        }


def fit_bundled(found: Sequence[Example], channel: Channel) -> Fitted:
    """The rule for some examples, and their scores by rules that saw none of their actor."""
    features = [channel.features(e.text, e.unknown) for e in found]
    matrices, sizes = [f.matrix for f in features], [f.size for f in features]
    right = [channel.row[e.actor] for e in found]
    scores: list[Matrix] = [np.zeros(0)] * len(found)
    absent: list[tuple[Matrix, int]] = []
    gone_at: dict[int, int] = {}
    for fold in range(FOLDS):
        taught = [i for i, e in enumerate(found) if fold_of(e.actor) != fold]
        weights = fit(
            [matrices[i] for i in taught], [right[i] for i in taught],
            item_weights([found[i].actor for i in taught]), COLUMNS, PENALTY,
        )  # fmt: skip
        for i, example in enumerate(found):
            if fold_of(example.actor) == fold:
                scores[i] = matrices[i] @ weights
                if example.kind != "procedures":
                    gone = without_row(matrices[i], right[i], COLUMNS)
                    gone_at[i] = len(absent)
                    absent.append((gone @ weights, sizes[i]))
    kept = [(scores[i], right[i], sizes[i]) for i, e in enumerate(found) if e.kind != "procedures"]
    numbers = calibrate(kept, absent)
    weights = fit(matrices, right, item_weights([e.actor for e in found]), COLUMNS, PENALTY)
    return Fitted(weights, COLUMNS, *numbers, scores, right, absent, sizes, gone_at)


def groups_of(texts: Sequence[str]) -> list[int]:
    """Near-duplicates have one number: a fifth of the five-word runs of the shorter one shared."""
    runs = []
    for text in texts:
        row = bare_words(text)
        runs.append({hash(tuple(row[i : i + 5])) for i in range(len(row) - 4)})
    above = list(range(len(texts)))

    def top(i: int) -> int:
        while above[i] != i:
            i = above[i]
        return i

    for i in range(len(texts)):
        for j in range(i):
            if len(runs[i] & runs[j]) > 0.2 * max(1, min(len(runs[i]), len(runs[j]))):
                above[top(i)] = top(j)
    return [top(i) for i in range(len(texts))]


def learned_scores(
    grams: Sequence[Matrix],
    owners: NDArray[np.int64],
    classes: int,
    taught: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> Matrix:
    """Scores of asked texts x classes x learned columns; a class that is not taught has -1."""
    known = np.unique(owners[taught])
    found = np.full((len(asked), classes, len(grams)), -1.0)
    for column, cosines in enumerate(grams):
        weights = ridge(
            cosines[np.ix_(taught, taught)], np.searchsorted(known, owners[taught]), len(known)
        )
        found[:, known, column] = (cosines[np.ix_(asked, taught)] + 1.0) @ weights
    return found


class ReferenceData:
    """Masked reports as a reference and as questions to it."""

    def __init__(self, found: Sequence[Example], data: Path) -> None:
        self.found = [e for e in found if e.kind == "masked"]
        reports = [
            r
            for r in read_json(data / "masked_texts.jsonl.gz", use="reference")
            if isinstance(r, Report)
        ]
        self.channel = Channel(world_of_reference(reports, default_parameters()))
        features = [self.channel.features(e.text) for e in self.found]
        self.known, self.sizes = [f.matrix for f in features], [f.size for f in features]
        counted = [terms_of(e.text) for e in self.found]
        self.grams = [gram(index_of([c[column] for c in counted], 2, 0.9)) for column in LEARNED]
        self.owners = np.array([self.channel.row[e.label] for e in self.found], np.int64)
        self.columns = (*COLUMNS, *LEARNED)
        group = groups_of([e.text for e in self.found])
        self.part = np.array([zlib.crc32(str(g).encode()) % FOLDS for g in group])

    def features(self, taught: Ints, asked: Ints) -> list[Matrix]:
        """All columns of the asked texts, learned from the taught ones."""
        extra = learned_scores(self.grams, self.owners, len(self.channel.actors), taught, asked)
        return [np.concatenate([self.known[i], extra[n]], axis=1) for n, i in enumerate(asked)]

    def without_actor(self, taught: Ints, asked: Ints) -> dict[int, Matrix]:
        """The same with the right actor gone from the candidates and from what is learned."""
        gone = {}
        for owner in np.unique(self.owners[asked]):
            mine = asked[self.owners[asked] == owner]
            rows_ = self.features(taught[self.owners[taught] != owner], mine)
            for i, matrix in zip(mine, rows_, strict=True):
                gone[int(i)] = without_row(matrix, owner, self.columns)
        return gone

    def out_of_fold(self, some: Ints) -> dict[int, Matrix]:
        """Features of some texts, each learned from the other folds of them."""
        found: dict[int, Matrix] = {}
        for fold in range(FOLDS):
            taught, asked = some[self.part[some] != fold], some[self.part[some] == fold]
            found.update(zip(map(int, asked), self.features(taught, asked), strict=True))
        return found

    def weights(self, matrices: Mapping[int, Matrix], some: Iterable[int]) -> Matrix:
        chosen = list(some)
        return fit(
            [matrices[i] for i in chosen],
            [int(self.owners[i]) for i in chosen],
            [1.0] * len(chosen),
            self.columns,
            PENALTY,
        )


def fit_reference(found: Sequence[Example], data: Path) -> tuple[Fitted, ReferenceData]:
    base = ReferenceData(found, data)
    everything = np.arange(len(base.found))
    matrices = base.out_of_fold(everything)
    scores: list[Matrix] = [np.zeros(0)] * len(everything)
    absent: list[tuple[Matrix, int]] = []
    gone_at: dict[int, int] = {}
    for fold in range(FOLDS):
        taught, asked = everything[base.part != fold], everything[base.part == fold]
        weights = base.weights(matrices, taught)
        gone = base.without_actor(taught, asked)
        for i in asked:
            scores[i] = matrices[i] @ weights
            gone_at[int(i)] = len(absent)
            absent.append((gone[i] @ weights, base.sizes[i]))
    right = [int(o) for o in base.owners]
    numbers = calibrate(list(zip(scores, right, base.sizes, strict=True)), absent)
    weights = base.weights(matrices, everything)
    return Fitted(weights, base.columns, *numbers, scores, right, absent, base.sizes, gone_at), base


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with the labelled development data"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    channel = bundled_channel()
    found = examples(options.data, channel.world)
    counts = Counter(e.kind for e in found)
    fitted = {
        name: fit_bundled([e for e in found if e.kind in kinds], channel)
        for name, kinds in KINDS.items()
    }
    reference, _ = fit_reference(found, options.data)
    about = {
        "made_by": "scripts/train_text_channel.py",
        "texts": {k: counts[k] for kinds in KINDS.values() for k in kinds},
        "actors": len({e.actor for e in found}),
        **{name: one.as_json(NONE_PRIOR[name]) for name, one in fitted.items()},
        "reference": reference.as_json(NONE_PRIOR["reference"]),
    }
    options.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
