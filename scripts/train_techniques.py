"""Train the model of `samehand.extract.techniques` from sentences whose technique is known, and measure it.

    python scripts/train_techniques.py [--data DIR] [--out FILE] [--measure]

Needs scikit-learn and scipy, which samehand itself does not: install them beside it in an environment of
your own. DIR holds attack_procedures.jsonl.gz and tram_sentences.jsonl.gz, which it learns from;
report_texts.jsonl.gz, whose sentences count as weak examples of none; annoctr_docs.jsonl.gz and
annoctr_mentions.jsonl.gz, which choose two thresholds and are measured, and of which nothing is learned.

1. Words and pairs of neighbours as `technique_rows.Reader` reads them. A word also stands for its stretches of 2 to
   5 letters and for the company it keeps (vector of its neighbours in all texts); both add up to one vector per word,
   so that they cost nothing later. Names of actors and malware are no words.
2. A linear support vector machine per technique and one per sub-technique; the main directions of all their weights
   are the rows' axes.
3. Along these, multinomial logistic regression: which technique, which of its sub-techniques; and a logistic one:
   any technique at all.
4. Rows as whole numbers of one byte.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import multiprocessing
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC
from sklearn.utils.extmath import randomized_svd

from samehand.extract import technique_rows as reading
from samehand.extract import techniques as running
from samehand.extract.sentences import sentences
from samehand.knowledge import attack
from samehand.normalise import name_key

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "src/samehand" / running.FILE

#: Least examples with a word, or sentences of reports; least examples with a pair.
LEAST_LABELLED, LEAST_UNLABELLED, LEAST_PAIRS = 2, 4, 2
#: A name that is written small at least so often, and in that share of its uses, is an everyday word.
EVERYDAY_TIMES, EVERYDAY_SHARE = 5, 0.09
#: How much pairs, letters and company count beside the word itself; by 5-fold TRAM.
PAIRS, LETTERS, COMPANY = 0.7, 0.8, 0.5
COMPANY_WIDTH, COMPANY_REACH = 100, 4
#: A word or pair weighs as much as it tells which technique: its weight is multiplied by the square root of the
#: information (nats) its examples give, with SHY examples of the common kind added, plus FLOOR.
SHY, FLOOR = 3.0, 0.05
#: Width of a row; SVM cost; ridge of the regressions (per mean example).
WIDTH, COST, RIDGE, GATE_RIDGE = 192, 0.25, 1e-6, 1e-4
#: What the name of a technique counts, in examples.
NAME_WEIGHT = 2.0
#: Weight of an example of a technique with n examples: min(1, (n / FULL) ** -DAMP).
FULL, DAMP = 60, 0.3
#: Sentences of reports taken as weak examples of none, up to which probability of a technique, and their weight: a
#: good part of them does describe one.
NONE_SENTENCES, NONE_BELOW, NONE_WEIGHT = 14_000, 0.6, 0.3
SEED = 0

Rows = list[list[int]]


def read(data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def parent(label: str) -> str:
    return label.partition(".")[0]


@dataclass(frozen=True)
class Examples:
    """Sentences as words, with their technique and the document they are from ('' if none)."""

    words: list[list[str]]
    labels: list[str]
    documents: list[str]
    weights: list[float]

    def without(self, documents: set[str]) -> Examples:
        keep = [i for i, d in enumerate(self.documents) if d not in documents]
        return Examples(*([column[i] for i in keep] for column in self.columns()))  # type: ignore[arg-type]

    def columns(self) -> tuple[list[Any], ...]:
        return self.words, self.labels, self.documents, self.weights


class Corpus:
    """All texts of DIR, as words."""

    def __init__(self, data: Path) -> None:
        procedures, self.tram = read(data, "attack_procedures"), read(data, "tram_sentences")
        self.docs, self.mentions = read(data, "annoctr_docs"), read(data, "annoctr_mentions")
        texts = [r["text"] for r in read(data, "report_texts")]
        lines = [text[a:b] for text in texts for a, b in sentences(text)]
        self.names = {name_key(n) for n in reading.catalogued_names()}
        self.everyday = self._everyday(lines)
        self.reader = reading.Reader(dict.fromkeys(self.everyday, 0), np.zeros(0, np.int64))
        self.reports = [self.words(line) for line in lines]
        words = [self.words(x["text"], x["src_name"]) for x in procedures]
        labels = [x["tech"] for x in procedures]
        documents = [""] * len(words)
        words += [self.words(x["text"]) for x in self.tram]
        labels += [x["tech"] for x in self.tram]
        documents += [x["doc"] for x in self.tram]
        weights = [1.0] * len(words)
        known = attack.techniques()
        for t in known.values():
            if t.status == "active" and t.domain == "enterprise":
                above = known[t.parent].name + " " if t.parent else ""
                words.append(self.words(above + t.name))
                labels.append(t.id)
                documents.append("")
                weights.append(NAME_WEIGHT)
        labels = [attack.current(label) for label in labels]
        self.examples = Examples(words, labels, documents, weights)

    def _everyday(self, lines: Iterable[str]) -> set[str]:
        times: Counter[str] = Counter()
        small: Counter[str] = Counter()
        for line in lines:
            for chunk in line.split():
                word = chunk.strip(reading.EDGES + ".")
                if word.isalpha():
                    times[word.lower()] += 1
                    small[word.lower()] += word.islower()
        return {
            w
            for w, n in times.items()
            if name_key(w) in self.names
            and small[w] >= EVERYDAY_TIMES
            and small[w] >= EVERYDAY_SHARE * n
        }

    def words(self, text: str, own: str = "") -> list[str]:
        """The words of a sentence without names; ``own``: whose page it is from, a tool's too."""
        if own:
            pattern = rf"(?<!\w){re.escape(own)}(?!\w)"
            text = re.sub(pattern, lambda m: reading.NAME * len(m[0]), text)
        hidden = self.reader.without_names(text)
        return [w for chunk in hidden.split() for w in reading.tokens(chunk)]


class Space:
    """Vocabulary, and sentences as sparse vectors in it."""

    def __init__(self, corpus: Corpus, examples: Examples) -> None:
        labelled = Counter(w for s in examples.words for w in set(s))
        read_in = Counter(w for s in corpus.reports for w in set(s))
        self.vocabulary = sorted(
            w
            for w in labelled.keys() | read_in.keys()
            if (labelled[w] >= LEAST_LABELLED or read_in[w] >= LEAST_UNLABELLED)
            and (name_key(w) not in corpus.names or w in corpus.everyday)
        )
        self.index = {w: i for i, w in enumerate(self.vocabulary)}
        rows = self.rows(examples.words)
        count = Counter(k for s in rows for k in set(pairwise(s)))
        self.pairs = sorted(k for k, n in count.items() if n >= LEAST_PAIRS)
        self.pair_index = {k: i for i, k in enumerate(self.pairs)}
        n = len(rows)
        often = np.array(
            [labelled[w] + 0.3 * read_in[w] * n / len(corpus.reports) for w in self.vocabulary]
        )
        rare = np.array([math.log(1 + n / (count[k] + 1)) for k in self.pairs])
        words, pairs = self.present(rows)
        self.word_weight = np.log(1 + n / (often + 1)) * telling(words, examples.labels)
        self.pair_weight = PAIRS * rare * telling(pairs, examples.labels)
        letters = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=3)
        self.letters = letters.fit_transform([f" {w} " for w in self.vocabulary]).tocsr()
        self.company = company(self.rows(corpus.reports) + rows, len(self.vocabulary))

    def rows(self, texts: Iterable[Sequence[str]]) -> Rows:
        return [[self.index[w] for w in s if w in self.index] for s in texts]

    def present(self, rows: Rows) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        """Sentences x words, and x pairs: 1 where it has it."""
        pairs = [{self.pair_index[k] for k in pairwise(s) if k in self.pair_index} for s in rows]
        words = incidence([set(s) for s in rows], len(self.vocabulary))
        return words, incidence(pairs, len(self.pairs))

    def vectors(self, texts: Iterable[Sequence[str]]) -> sp.csr_matrix:
        words, pairs = self.present(self.rows(texts))
        mass = words @ self.word_mass() + pairs @ self.pair_weight**2
        words = words @ sp.diags(self.word_weight)
        parts = [words, pairs @ sp.diags(self.pair_weight), LETTERS * (words @ self.letters)]
        parts.append(sp.csr_matrix(COMPANY * (words @ self.company)))
        return (sp.diags(1 / np.sqrt(mass + 1e-9)) @ sp.hstack(parts)).tocsr().astype(np.float32)

    def word_mass(self) -> np.ndarray:
        return self.word_weight**2 * (1 + LETTERS**2 + COMPANY**2)

    def folded(self, axes: np.ndarray) -> np.ndarray:
        """Vocabulary and pairs x width: what each adds along the axes, letters and company included."""
        v, p = len(self.vocabulary), len(self.pairs)
        own, pair, letter, near = np.split(axes, np.cumsum([v, p, self.letters.shape[1]]))
        words = own + LETTERS * (self.letters @ letter) + COMPANY * (self.company @ near)
        return np.vstack([words * self.word_weight[:, None], pair * self.pair_weight[:, None]])


def telling(present: sp.csr_matrix, labels: Sequence[str]) -> np.ndarray:
    """For each word or pair the square root of what it tells about the technique."""
    roots = [parent(label) for label in labels]
    at = {root: i for i, root in enumerate(sorted(set(roots)))}
    target = incidence([{at[root]} for root in roots], len(at))
    usual = np.asarray(target.mean(axis=0)).ravel()
    counts = (present.T @ target).toarray()
    share = (counts + SHY * usual) / (counts.sum(axis=1, keepdims=True) + SHY)
    return np.sqrt((share * np.log(share / usual)).sum(axis=1).clip(0) + FLOOR)


def incidence(sets: list[set[int]], width: int) -> sp.csr_matrix:
    flat = [i for s in sets for i in sorted(s)]
    ends = np.cumsum([0, *(len(s) for s in sets)])
    return sp.csr_matrix((np.ones(len(flat), np.float32), flat, ends), (len(sets), width))


def company(rows: Rows, size: int) -> np.ndarray:
    """Word x width, of length 1: main directions of the positive mutual information of neighbours."""
    near: Counter[tuple[int, int]] = Counter()
    for s in rows:
        for i, a in enumerate(s):
            near.update((a, b) for b in s[i + 1 : i + 1 + COMPANY_REACH])
    keys = np.array(list(near))
    counts = sp.csr_matrix((np.array(list(near.values()), float), keys.T), (size, size))
    counts = (counts + counts.T).tocoo()
    total = np.asarray(counts.tocsr().sum(axis=1)).ravel()
    smooth = total**0.75
    gain = np.log(counts.data * smooth.sum() / (total[counts.row] * smooth[counts.col]))
    keep = gain > 0
    matrix = sp.csr_matrix((gain[keep], (counts.row[keep], counts.col[keep])), (size, size))
    left, strength, _ = randomized_svd(matrix, COMPANY_WIDTH, random_state=SEED)
    found = left * np.sqrt(strength)
    return (found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-9)).astype(np.float32)


def descend(loss: Any, shape: tuple[int, int]) -> np.ndarray:
    found = minimize(
        lambda v: loss(v.reshape(shape).astype(np.float32)),
        np.zeros(shape[0] * shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 150, "maxcor": 5},
    )
    return found.x.reshape(shape).astype(np.float32)


def which(z: np.ndarray, target: np.ndarray, classes: int, weight: np.ndarray) -> np.ndarray:
    """(width + 1) x classes: multinomial logistic regression, the bias last."""
    z = np.c_[z, np.ones(len(z), np.float32)]
    share = (weight / weight.sum()).astype(np.float32)
    at = np.arange(len(z))

    def loss(h: np.ndarray) -> tuple[float, np.ndarray]:
        p = z @ h
        p -= p.max(axis=1, keepdims=True)
        own = p[at, target].copy()
        np.exp(p, out=p)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        value = -(share * (own - np.log(total[:, 0]))).sum(dtype=float)
        p[at, target] -= 1
        slope = z.T @ (share[:, None] * p)
        slope[:-1] += RIDGE * h[:-1]
        value += 0.5 * RIDGE * (h[:-1] ** 2).sum(dtype=float)
        return value, slope.ravel().astype(float)

    return descend(loss, (z.shape[1], classes))


def whether(z: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(width + 1) x 1: logistic regression of any technique at all."""
    z = np.c_[z, np.ones(len(z), np.float32)]
    share = (weight / weight.sum()).astype(np.float32)[:, None]
    target = target.astype(np.float32)[:, None]

    def loss(h: np.ndarray) -> tuple[float, np.ndarray]:
        s = z @ h
        value = (share * (np.logaddexp(0, s) - target * s)).sum(dtype=float)
        slope = z.T @ (share * (1 / (1 + np.exp(-s)) - target))
        slope[:-1] += GATE_RIDGE * h[:-1]
        value += 0.5 * GATE_RIDGE * (h[:-1] ** 2).sum(dtype=float)
        return value, slope.ravel().astype(float)

    return descend(loss, (z.shape[1], 1))


def balanced(labels: Sequence[str], weights: Sequence[float]) -> np.ndarray:
    count = Counter(labels)
    return np.array(
        [w * min(1.0, (count[y] / FULL) ** -DAMP) for y, w in zip(labels, weights, strict=True)]
    )


def train(corpus: Corpus, examples: Examples) -> tuple[running.Model, dict[str, np.ndarray]]:
    """The model without thresholds, and its arrays as the file keeps them."""
    space = Space(corpus, examples)
    x, weight = space.vectors(examples.words), balanced(examples.labels, examples.weights)
    labels = sorted(set(examples.labels))
    at = {label: i for i, label in enumerate(labels)}
    y = np.array([at[label] for label in examples.labels])
    roots = list(dict.fromkeys(parent(label) for label in labels))
    above = np.array([roots.index(parent(label)) for label in labels])[y]
    machines = [
        LinearSVC(C=COST, tol=1e-2, random_state=SEED).fit(x, t, sample_weight=weight).coef_
        for t in (y, above)
    ]
    stacked = np.vstack(machines).astype(np.float32)
    _, strength, right = np.linalg.svd(stacked, full_matrices=False)
    axes = right[:WIDTH].T * np.sqrt(strength[:WIDTH] / strength[0])
    rows = space.folded(axes)
    step = np.abs(rows).max(axis=1) / 127 + 1e-12
    whole = np.rint(rows / step[:, None]).astype(np.int8)
    step16 = step.astype(np.float16)
    mass = np.r_[space.word_mass(), space.pair_weight**2].astype(np.float16)
    keys = np.array([(a << 20) + b for a, b in space.pairs], np.int64)
    arrays = {
        "words": np.frombuffer("\n".join(space.vocabulary).encode(), np.uint8),
        "pairs": np.diff(keys, prepend=0),
        "rows": whole,
        "step": step16,
        "mass": mass,
    }
    z = x @ axes
    fine = which(z, y, len(labels), weight)
    head = which(z, above, len(roots), weight)
    rng = np.random.default_rng(SEED)
    longer = [i for i, s in enumerate(corpus.reports) if len(s) >= 3]
    picked = rng.choice(longer, min(NONE_SENTENCES, len(longer)), replace=False)
    none = space.vectors([corpus.reports[i] for i in picked]) @ axes
    logits = none @ head[:-1] + head[-1]
    best = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
    none = none[best < NONE_BELOW]
    target = np.r_[np.ones(len(z)), np.zeros(len(none))]
    gate = whether(np.r_[z, none], target, np.r_[weight, np.full(len(none), NONE_WEIGHT)])
    full = np.c_[fine, head, gate]
    arrays |= {"head": full[:-1].astype(np.float16), "bias": full[-1].astype(np.float32)}
    about = {"labels": labels, "sentence_threshold": 0.5, "document_threshold": 0.5}
    return with_about(arrays, about)


def with_about(
    arrays: dict[str, np.ndarray], about: dict[str, Any]
) -> tuple[running.Model, dict[str, np.ndarray]]:
    arrays = arrays | {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    return running.model_from(packed(arrays)), arrays


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    import io

    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


class Sentences:
    """The dev documents of AnnoCTR, sentence by sentence, with techniques as their annotators gave them."""

    def __init__(self, corpus: Corpus) -> None:
        self.gold: dict[str, set[str]] = {d["id"]: set() for d in corpus.docs}
        for m in corpus.mentions:
            self.gold["annoctr:" + m["doc"]].add(parent(attack.current(m["tech"])))
        self.texts = {d["id"]: d["text"] for d in corpus.docs}


def document_scores(data: Sentences) -> dict[str, dict[str, float]]:
    return {
        i: {t: p for t, p in running.document_techniques(text).items() if "." not in t}
        for i, text in data.texts.items()
    }


def f1(
    scores: dict[str, dict[str, float]], gold: dict[str, set[str]], threshold: float
) -> tuple[int, int, int]:
    """(right, told, true) over documents."""
    right = told = true = 0
    for i, found in scores.items():
        said = {t for t, p in found.items() if p >= threshold}
        right, told, true = right + len(said & gold[i]), told + len(said), true + len(gold[i])
    return right, told, true


def figure(counts: tuple[int, int, int]) -> float:
    return 2 * counts[0] / max(1, counts[1] + counts[2])


GRID = np.round(np.arange(0.02, 0.99, 0.01), 2)


def best_threshold(scores: dict[str, dict[str, float]], gold: dict[str, set[str]]) -> float:
    """The middle of the thresholds that come within .003 of the best F1."""
    found = [figure(f1(scores, gold, x)) for x in GRID]
    near = [x for x, f in zip(GRID, found, strict=True) if f >= max(found) - 0.003]
    return float(near[len(near) // 2])


def crossed(
    scores: dict[str, dict[str, float]], gold: dict[str, set[str]], folds: int = 5
) -> float:
    """F1 of documents whose threshold was chosen on the others, over ten ways to divide them."""
    found = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(sorted(scores))
        total = np.zeros(3, int)
        for k in range(folds):
            test = set(order[k::folds])
            rest = {i: s for i, s in scores.items() if i not in test}
            x = best_threshold(rest, gold)
            total += f1({i: s for i, s in scores.items() if i in test}, gold, x)
        found.append(figure(tuple(total)))
    return float(np.mean(found))


def use(model: running.Model) -> None:
    """Have the functions of the program answer from this model."""
    running.model = lambda: model  # type: ignore[assignment]
    reader = reading.Reader(model.words, model.pairs)
    running._reader = lambda: reader  # type: ignore[assignment]


_shared: list[Corpus] = []  # what a forked process finds; an automaton of names cannot be sent


def tram_fold(test: set[str]) -> tuple[int, int]:
    """(right, all) of the sentences of some documents, after learning from the others."""
    corpus = _shared[0]
    use(train(corpus, corpus.examples.without(test))[0])
    labels = sorted({x["tech"] for x in corpus.tram})
    held = [x for x in corpus.tram if x["doc"] in test]
    ranked = [running.rank_sentence(x["text"], labels)[0][0] for x in held]
    return sum(r == x["tech"] for r, x in zip(ranked, held, strict=True)), len(held)


def tram(corpus: Corpus, folds: int = 5) -> float:
    """Share of TRAM sentences whose technique stands first among its 50, by documents not learned from."""
    names = sorted({x["doc"] for x in corpus.tram})
    order = np.random.default_rng(SEED).permutation(names)
    right = 0
    _shared[:] = [corpus]
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        parts = [set(order[k::folds].tolist()) for k in range(folds)]
        for n, (hits, size) in enumerate(pool.map(tram_fold, parts), 1):
            print(f"  TRAM fold {n}: {hits / size:.3f} of {size}", flush=True)
            right += hits
    return right / len(corpus.tram)


def mentions(corpus: Corpus) -> dict[str, float]:
    """Share of AnnoCTR mentions whose technique stands first, by what is read."""
    every: dict[str, set[str]] = defaultdict(set)
    for m in corpus.mentions:
        every[m["sentence"]].add(parent(attack.current(m["tech"])))
    first = {
        t: running.rank_sentence(t)[0][0]
        for m in corpus.mentions
        for t in (m["sentence"], m["mention"])
    }
    first = {t: parent(x) for t, x in first.items()}
    gold = [parent(attack.current(m["tech"])) for m in corpus.mentions]
    n = len(gold)
    return {
        "mention": sum(first[m["mention"]] == g for m, g in zip(corpus.mentions, gold, strict=True))
        / n,
        "sentence": sum(
            first[m["sentence"]] == g for m, g in zip(corpus.mentions, gold, strict=True)
        )
        / n,
        "sentence, any of its techniques": sum(
            first[m["sentence"]] in every[m["sentence"]] for m in corpus.mentions
        )
        / n,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the model of techniques, or measure it.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--measure", action="store_true", help="print all figures; writes nothing")
    parser.add_argument(
        "--quick", action="store_true", help="with --measure: without TRAM, which trains anew"
    )
    args = parser.parse_args()
    begun = time.time()
    corpus = Corpus(args.data)
    data = Sentences(corpus)
    if not args.measure:
        model, arrays = train(corpus, corpus.examples)
        use(model)
        about = json.loads(arrays["about"].tobytes())
        about["document_threshold"] = best_threshold(document_scores(data), data.gold)
        about["made"] = datetime.now(UTC).date().isoformat()
        _, arrays = with_about(arrays, about)
        args.out.write_bytes(packed(arrays))
        print(f"{args.out.name}: {args.out.stat().st_size} bytes, {time.time() - begun:.0f} s")
    model = running.model_from(args.out.read_bytes())
    use(model)
    scores = document_scores(data)
    right, told, true = f1(scores, data.gold, model.document_threshold)
    print(
        f"AnnoCTR documents at {model.document_threshold}: F1 {figure((right, told, true)):.4f}, "
        f"precision {right / told:.3f}, recall {right / true:.3f}; threshold from other documents: "
        f"F1 {crossed(scores, data.gold):.4f}"
    )
    for what, value in mentions(corpus).items():
        print(f"AnnoCTR mentions, P@1, {what}: {value:.4f}")
    if args.measure and not args.quick:
        print(f"TRAM, P@1 among 50, 5-fold by document: {tram(corpus):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
