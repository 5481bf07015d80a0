"""Pairs of reports with known dependence: independent witnesses, quotations, copies, aggregators.

Written before the figures of test_dependence.py were looked at; nothing here imports the core.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

Record = dict[str, Any]

_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
#: Words of all texts, the first used most; as common words recur, so do short runs of them.
_LEXICON = ["".join(Random(n).choices(_SYLLABLES, k=1 + n % 4)) for n in range(3000)]
_WEIGHTS = [1.0 / (n + 3) for n in range(3000)]
_FOOTER = "all rights reserved contact our research team for a private briefing on this threat"


def prose(rng: Random, sentences: int) -> list[str]:
    """Sentences of an author."""
    return [
        " ".join(rng.choices(_LEXICON, _WEIGHTS, k=rng.randint(8, 22))) + "."
        for _ in range(sentences)
    ]


def reworded(rng: Random, sentences: list[str], share: float) -> list[str]:
    """The sentences, with a share of their words replaced."""
    return [
        " ".join(
            rng.choice(_LEXICON) if rng.random() < share else word for word in sentence.split()
        )
        for sentence in sentences
    ]


def defanged(value: str, style: str) -> str:
    """A host as reports write it."""
    return value.replace(
        ".", {"plain": ".", "square": "[.]", "round": "(.)", "dot": "[dot]"}[style]
    )


@dataclass(slots=True)
class Operation:
    """What one operation used, in the order in which it was used."""

    values: list[tuple[str, str]]

    @classmethod
    def make(cls, rng: Random) -> Operation:
        hosts = [
            "".join(rng.choices(_SYLLABLES, k=5)) + rng.choice([".com", ".net", ".org"])
            for _ in range(rng.randint(15, 60))
        ]
        hashes = [f"{rng.getrandbits(256):064x}" for _ in range(rng.randint(10, 40))]
        return cls(
            [("domain-name", h) for h in hosts] + [("file:sha256", h) for h in hashes],
        )


@dataclass(slots=True)
class Author:
    """One publisher with habits."""

    name: str
    style: str
    footer: bool
    ordered: bool
    """Gives values in the order in which they were used; else in one of its own."""

    @classmethod
    def make(cls, rng: Random, name: str) -> Author:
        style = rng.choices(["plain", "square", "round", "dot"], [3, 5, 1, 1])[0]
        return cls(name, style, rng.random() < 0.5, rng.random() < 0.3)

    def report(
        self,
        identifier: str,
        day: date,
        values: list[tuple[str, str]],
        text: list[str],
        raws: dict[str, str] | None = None,
        **fields: Any,
    ) -> Record:
        """A record; ``raws`` gives values as another wrote them."""
        written = [
            {
                "type": kind,
                "value": value,
                "raw": (raws or {}).get(value)
                or (defanged(value, self.style) if kind == "domain-name" else value),
            }
            for kind, value in values
        ]
        body = [*text, *(o["raw"] for o in written)]
        if self.footer:
            body.append(f"{self.name} {_FOOTER}")
        return {
            "id": identifier,
            "publisher": self.name,
            "published": day.isoformat(),
            "text": "\n".join(body),
            "observables": written,
            **fields,
        }


def raws_of(record: Record) -> dict[str, str]:
    return {o["value"]: o["raw"] for o in record["observables"]}


def values_of(record: Record) -> list[tuple[str, str]]:
    return [(o["type"], o["value"]) for o in record["observables"]]


def witness(
    rng: Random, operation: Operation, author: Author, identifier: str, day: date
) -> Record:
    """What one author saw of an operation: a third to two thirds of it, in words of its own."""
    count = round(len(operation.values) * rng.uniform(0.3, 0.65))
    seen = rng.sample(operation.values, count)
    if author.ordered:
        seen.sort(key=operation.values.index)
    return author.report(identifier, day, seen, prose(rng, rng.randint(15, 60)))


@dataclass(slots=True)
class Pairs:
    """Records, and pairs of (copy or later report, earlier report) by kind."""

    records: list[Record] = field(default_factory=list)
    kind: dict[tuple[str, str], str] = field(default_factory=dict)


def make_pairs(seed: int, groups: int) -> Pairs:
    """For each group one operation: two witnesses, and one each that quotes, copies, gathers."""
    rng = Random(f"dependence {seed}")
    made = Pairs()
    for n in range(groups):
        operation = Operation.make(rng)
        authors = [Author.make(rng, f"publisher {n} {k}") for k in range(6)]
        start = date(2018, 1, 1) + timedelta(days=rng.randint(0, 900))
        days = [start + timedelta(days=rng.randint(1, 90)) for _ in range(2)]
        first = witness(rng, operation, authors[0], f"{n}-a", start)
        second = witness(rng, operation, authors[1], f"{n}-b", days[0])
        listed, told = values_of(first), first["text"].split("\n")[: -len(first["observables"])]
        # A quotation: part of the list in its order, part of the text, and as much of its own.
        part = sorted(rng.sample(range(len(listed)), max(4, len(listed) // 3)))
        own = [v for v in operation.values if v not in listed]
        own = rng.sample(own, min(len(own), len(part) // 2))
        quoted = rng.sample(told, max(1, len(told) // 4))
        quote = authors[2].report(
            f"{n}-q",
            start + timedelta(days=rng.randint(1, 60)),
            [*(listed[i] for i in part), *own],
            [*prose(rng, len(quoted) * 2), *quoted],
            raws_of(first) if rng.random() < 0.5 else None,
        )
        # A copy: the same list in the same order; the text as it is, edited or written anew.
        style = rng.choice(["same", "edited", "anew"])
        share = {"same": 0.0, "edited": 0.1, "anew": 0.9}[style]
        copy = authors[3].report(
            f"{n}-c",
            start + timedelta(days=rng.randint(0, 40)),
            listed,
            reworded(rng, told, share),
            raws_of(first) if rng.random() < 0.7 else None,
        )
        # An aggregator: two lists one after the other, a paragraph about each.
        gathered = list(dict.fromkeys([*listed, *values_of(second)]))
        collected = authors[4].report(
            f"{n}-g",
            max(start, days[0]) + timedelta(days=rng.randint(1, 30)),
            gathered,
            [*told[:3], *second["text"].split("\n")[:3], *prose(rng, 3)],
            {**raws_of(second), **raws_of(first)} if rng.random() < 0.5 else None,
        )
        third = witness(rng, operation, authors[5], f"{n}-d", start + timedelta(days=90))
        made.records += [first, second, quote, copy, collected, third]
        made.kind |= {
            (f"{n}-b", f"{n}-a"): "independent",
            (f"{n}-d", f"{n}-a"): "independent",
            (f"{n}-d", f"{n}-b"): "independent",
            (f"{n}-q", f"{n}-a"): "quote",
            (f"{n}-c", f"{n}-a"): "copy",
            (f"{n}-g", f"{n}-a"): "aggregator",
        }
    return made
