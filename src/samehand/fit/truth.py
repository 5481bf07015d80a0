"""Labels of a data set, and the pairs of reports that can be scored by them.

The only room that reads ``label`` and the ``label`` of pairs for measuring; predictions are made
before and apart from it.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Literal

from samehand.cluster import Pair, pair
from samehand.errors import InputError, UsageError
from samehand.formats.records import raw_records, values_of
from samehand.knowledge.prevalence import holder_of
from samehand.model import Problem, Report

Split = Literal["all", "time", "actor", "source"]
#: Share of dated labelled reports that lies up to the default cut in time.
CUT_QUANTILE = 0.7
#: Of ten actors, so many are held out in a split by actor.
HELD_OUT_TENTHS = 3
#: Without --pairs: at most so many pairs that no evidence connects are scored, as a weighted
#: sample (the numbers of the development data, where this was enough).
MOST_DIFFERENT, MOST_SAME = 20_000, 4_000


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a report for measuring."""

    actor: str
    """Empty: no label, or one that names a malware family."""
    source: str
    """Collection it was taken from (``provenance.source``); empty if the record does not say."""
    known_at: date | None
    """`None`: undated."""


@dataclass(frozen=True, slots=True)
class TruePair:
    """A pair with the truth about it; ids as listed."""

    l: str
    r: str
    same: bool
    weight: float
    """How many pairs of the population it stands for."""
    shares: bool | None
    """Whether the list says that something is shared; `None` if it does not say."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Listed pairs that are not scored, and why."""

    related: int = 0
    """Labelled 'related': the actors are neither the same nor unrelated."""
    same_reference: int = 0
    """Both reports come from one publication."""
    split: int = 0
    """Not in the split, or without the date or source that it asks for."""


@dataclass(frozen=True, slots=True)
class TruePairs:
    """The scored pairs, sorted, each once."""

    pairs: tuple[TruePair, ...]
    left_out: LeftOut
    sampled: bool = False
    """Whether pairs without evidence were drawn here, as a weighted sample."""


def read_labels(path: Path, reports: Iterable[Report]) -> dict[str, Label]:
    """Report -> label, of the given reports of a file; of several records of an id the first."""
    dates = {r.id: r.known_at for r in reports}
    found: dict[str, Label] = {}
    for _, record in raw_records(path):
        if not isinstance(record, dict):
            continue
        identifier = str(record.get("id", "")).strip()
        if identifier not in dates or identifier in found:
            continue
        label, provenance = (record.get(key) for key in ("label", "provenance"))
        holder = holder_of(label) if isinstance(label, dict) else None
        source = provenance.get("source") if isinstance(provenance, dict) else None
        found[identifier] = Label(
            actor=holder[1] if holder and holder[0] == "actor" else "",
            source=source if isinstance(source, str) else "",
            known_at=dates[identifier],
        )
    return found


def read_pairs(path: Path, reports: Collection[str], problems: list[Problem]) -> TruePairs:
    """The labelled pairs of a file; what cannot be used is a problem, and reading goes on.

    Raises:
        InputError: if the file cannot be opened, or holds no pair that can be scored.
    """
    found: dict[Pair, TruePair] = {}
    left: Counter[str] = Counter()
    for place, record in values_of(path):
        try:
            one = _pair(record, reports)
        except ValueError as error:
            problems.append(Problem(place, f"{error}; line skipped"))
            continue
        if isinstance(one, str):
            left[one] += 1
        elif (key := pair(one.l, one.r)) in found:
            problems.append(Problem(place, "pair listed before; the first is used", "warning"))
        else:
            found[key] = one
    if not found:
        raise InputError(
            f"{path}: no pair can be scored. Each line needs 'l', 'r' (ids of the data set) and "
            "'label' (same or different)."
        )
    return TruePairs(
        tuple(found[key] for key in sorted(found)),
        LeftOut(related=left["related"], same_reference=left["same_reference"]),
    )


def _pair(record: object, reports: Collection[str]) -> TruePair | str:
    """One listed pair, or the reason for which it is left out on purpose.

    Raises:
        ValueError: if it makes no sense.
    """
    if not isinstance(record, dict) or not all(isinstance(record.get(k), str) for k in "lr"):
        raise ValueError("not an object with 'l' and 'r'")
    l, r, label = record["l"], record["r"], record.get("label")
    if label not in ("same", "different", "related"):
        raise ValueError(f"label {label!r} is none of same, different, related")
    if l == r:
        raise ValueError(f"both are the report {l}")
    for identifier in (l, r):
        if identifier not in reports:
            raise ValueError(f"{identifier} is no report of the data set")
    weight = record.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ValueError(f"weight {weight!r} is not a positive number")
    if label == "related":
        return "related"
    if record.get("same_reference") is True:
        return "same_reference"
    shares = bool(record["shared"]) if "shared" in record else None
    return TruePair(l, r, label == "same", float(weight), shares)


def all_pairs(labels: Mapping[str, Label], connected: Iterable[Pair], seed: int = 1) -> TruePairs:
    """Every pair of labelled reports, same where the actor is; of many without evidence a sample.

    ``connected`` are the pairs with evidence; all of them are scored. Of the others at most
    ``MOST_DIFFERENT`` and ``MOST_SAME`` are drawn, with weight population / sample.

    Raises:
        InputError: if fewer than two reports carry an actor.
    """
    actor = {i: label.actor for i, label in sorted(labels.items()) if label.actor}
    if len(actor) < 2:
        raise InputError(
            "fewer than two reports of the data set carry label.actor; nothing can be measured. "
            "See docs/records.md for the form of labels, or give --pairs with labels."
        )
    inside = {pair(*p) for p in connected if p[0] in actor and p[1] in actor and p[0] != p[1]}
    found = [TruePair(l, r, actor[l] == actor[r], 1.0, None) for l, r in inside]
    groups: dict[str, list[str]] = {}
    for i, name in actor.items():
        groups.setdefault(name, []).append(i)
    total_same = sum(math.comb(len(g), 2) for g in groups.values())
    total = {True: total_same, False: math.comb(len(actor), 2) - total_same}
    generator = random.Random(seed)
    sampled = False
    for same, most in ((True, MOST_SAME), (False, MOST_DIFFERENT)):
        population = total[same] - sum(p.same == same for p in found)
        if population <= most:
            drawn = {p for p in _every(groups, actor, same) if p not in inside}
        else:
            sampled = True
            drawn = _draw(groups, list(actor), actor, same, inside, most, generator)
        weight = population / len(drawn) if drawn else 1.0
        found += [TruePair(l, r, same, weight, None) for l, r in sorted(drawn)]
    return TruePairs(tuple(sorted(found, key=lambda p: (p.l, p.r))), LeftOut(), sampled)


def _every(
    groups: Mapping[str, Sequence[str]], actor: Mapping[str, str], same: bool
) -> Iterator[Pair]:
    if same:
        for group in groups.values():
            yield from combinations(group, 2)
    else:
        yield from ((l, r) for l, r in combinations(actor, 2) if actor[l] != actor[r])


def _draw(
    groups: Mapping[str, Sequence[str]],
    ids: Sequence[str],
    actor: Mapping[str, str],
    same: bool,
    without: Collection[Pair],
    most: int,
    generator: random.Random,
) -> set[Pair]:
    """So many different pairs of one kind, each as likely as any other."""
    names = [name for name, group in groups.items() if len(group) > 1]
    chances = [math.comb(len(groups[name]), 2) for name in names]
    drawn: set[Pair] = set()
    while len(drawn) < most:
        if same:
            l, r = generator.sample(groups[generator.choices(names, chances)[0]], 2)
        else:
            l, r = generator.sample(ids, 2)
        key = pair(l, r)
        if (actor[l] == actor[r]) == same and key not in without:
            drawn.add(key)
    return drawn


def default_cut(labels: Mapping[str, Label]) -> date:
    """The earliest day up to which 70 % of the dated labelled reports were known.

    Raises:
        UsageError: if no labelled report has a date.
    """
    dates = sorted(x.known_at for x in labels.values() if x.actor and x.known_at)
    if not dates:
        raise UsageError("--split time: no labelled report has a date; use another split")
    return dates[math.ceil(CUT_QUANTILE * len(dates)) - 1]


def unseen_actors(labels: Mapping[str, Label], cut: date) -> frozenset[str]:
    """Actors of whom no report was known on the day of the cut; an undated one was known."""
    seen = {x.actor for x in labels.values() if x.known_at is None or x.known_at <= cut}
    return frozenset(x.actor for x in labels.values() if x.actor) - seen


def held_out(actor: str) -> bool:
    """Whether an actor is one of the three in ten that a split by actor holds out.

    By a hash of the name alone, so it is the same in every data set and at every time.
    """
    return bool(actor) and hashlib.sha256(actor.encode()).digest()[0] % 10 < HELD_OUT_TENTHS


def report_in_split(label: Label, split: Split, cut: date | None) -> bool:
    """Whether a report counts for clusters: it has an actor, and lies in the split."""
    if split == "time":
        return bool(label.actor and label.known_at and cut and label.known_at > cut)
    if split == "actor":
        return held_out(label.actor)
    return bool(label.actor)


def in_split(
    found: TruePairs, labels: Mapping[str, Label], split: Split, cut: date | None
) -> TruePairs:
    """The pairs of one split.

    time: the later report became known after the cut (one dated report after it is enough).
    actor: both actors are held out. source: both sources are stated and differ.
    """

    def belongs(one: TruePair) -> bool:
        l, r = labels[one.l], labels[one.r]
        if split == "time":
            return any(x.known_at and cut and x.known_at > cut for x in (l, r))
        if split == "actor":
            return held_out(l.actor) and held_out(r.actor)
        return split == "all" or bool(l.source and r.source and l.source != r.source)

    kept = tuple(p for p in found.pairs if belongs(p))
    return replace(
        found,
        pairs=kept,
        left_out=replace(found.left_out, split=len(found.pairs) - len(kept)),
    )
