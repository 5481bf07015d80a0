"""What a report did, against single reports of known actors: techniques and software as features.

Memory is of single reports, not of merged actors: all that an actor ever did resembles everybody.
Of ATT&CK only structure is used (which techniques a software implies, what is above a
sub-technique, how common a technique is among all groups together), never which group uses what.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from samehand.knowledge import attack
from samehand.knowledge.cache import on_forget
from samehand.knowledge.software import is_public_tool
from samehand.normalise import name_key

Floats = NDArray[np.float64]

#: Columns of `Table.values`:
#: likeness: sum of the squared cosines with the actor's reports, over the root of their number;
#: habit: by how much its habit makes the stated techniques likelier than everybody's;
#: software: how specific the shared software is; own software: of that, what is not public;
#: explained software: share of the query's own software that the actor is known to have;
#: standing: habit over that of the actor whose habit fits best;
#: carried: share of the stated techniques, by rarity, that this software is able to.
FEATURES = (
    "likeness",
    "habit",
    "software",
    "own software",
    "explained software",
    "standing",
    "carried",
)
#: Weight of the technique above a sub-technique, and of a software name, in the likeness of two
#: reports (techniques 1). Of reports of later years 0, .5 and 1 put as many actors first, within
#: .006; 1, 1.6 and 2.5 for software within .003 once all is ranked together.
PARENT_WEIGHT = 0.5
SOFTWARE_WEIGHT = 1.6
#: Weight of a technique that a report's software implies and the report does not state (stated: 1).
#: Without it top-1 falls by .02 to .03 for techniques alone; .15 to .3 are alike.
IMPLIED_WEIGHT = 0.15
#: The same in an actor's habit if anybody can have the software.
IMPLIED_PUBLIC_WEIGHT = 0.1
#: By how many techniques of everybody's habit an actor's is smoothed, and as how many reports the
#: prevalence among all groups counts in everybody's. Flat from 30 to 120, and from 10 to 50.
SMOOTHING = 60.0
PREVALENCE = 40.0
#: Prevalence of a technique that no group uses.
RAREST = 0.002
#: The second software that points to an actor counts so much of the first, the third its square.
#: Not tuned: it bounds what planting more can gain.
SOFTWARE_DISCOUNT = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One report of a known actor."""

    report: str
    actor: str
    techniques: frozenset[str]
    software: frozenset[str]
    """Folded names, one per family: aliases are the caller's."""
    date: str = ""
    """ISO day, month or year; '' counts as known always."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What ATT&CK tells apart from who uses what; an empty one is allowed."""

    implied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """software -> techniques that it is able to"""
    public: frozenset[str] = frozenset()
    """software that anybody can have"""
    prevalence: Mapping[str, float] = field(default_factory=dict)
    """technique -> share of all groups that use it"""


@dataclass(frozen=True, slots=True)
class Table:
    """What a query shares with every known actor."""

    actors: tuple[str, ...]
    values: Floats
    """One row per actor, one column per name of `FEATURES`; all at least 0, 0 for nothing."""
    closest: tuple[tuple[tuple[str, float], ...], ...]
    """Per actor up to three of its reports with their likeness, the most like first."""
    techniques: int
    """How many the query states."""
    software: int

    def column(self, name: str) -> Floats:
        """The values of one feature."""
        found: Floats = self.values[:, FEATURES.index(name)]
        return found


@cache
def attack_structure() -> Structure:
    """The structure as bundled: software by every folded name, techniques as in force today."""
    implied: dict[str, frozenset[str]] = {}
    public: set[str] = set()
    for software in attack.software().values():
        able = frozenset(attack.current(t) for t in software.techniques)
        for name in (software.name, *software.aliases):
            implied.setdefault(name_key(name), able)
            if is_public_tool(name):
                public.add(name_key(name))
    groups = [g for g in attack.groups().values() if g.techniques]
    used = Counter(t for g in groups for t in {attack.current(t) for t in g.techniques})
    return Structure(
        implied,
        frozenset(public),
        {t: (n + 0.5) / (len(groups) + 1.0) for t, n in sorted(used.items())},
    )


on_forget(attack_structure.cache_clear)


def _above(technique: str) -> str:
    return technique.partition(".")[0]


class _Postings:
    """Item -> which reports hold it, and how strongly."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._arrays: dict[str, tuple[NDArray[np.intp], Floats]] = {}

    def add(self, item: str, report: int, weight: float) -> None:
        self._rows[item].append((report, weight))

    def close(self) -> None:
        self._arrays = {
            item: (np.array([i for i, _ in rows], np.intp), np.array([w for _, w in rows]))
            for item, rows in self._rows.items()
        }
        self._rows.clear()

    def holders(self, item: str) -> tuple[NDArray[np.intp], Floats]:
        return self._arrays.get(item) or (np.empty(0, np.intp), np.empty(0))


class BehaviourMemory:
    """Reports of known actors, asked what a new report shares with each of them.

    The order of the rows is irrelevant.
    """

    def __init__(self, rows: Iterable[Row], structure: Structure = Structure()) -> None:
        self.rows = tuple(sorted(rows, key=lambda r: (r.report, r.actor)))
        self.structure = structure
        self._by_report: dict[str, list[Row]] = {}
        for row in self.rows:
            self._by_report.setdefault(row.report, []).append(row)
        self._actors = sorted({r.actor for r in self.rows})
        place = {a: i for i, a in enumerate(self._actors)}
        self._actor_of = np.array([place[r.actor] for r in self.rows], np.intp)
        self._counts = np.bincount(self._actor_of, minlength=len(place))
        count = len(self.rows)
        held: dict[str, Counter[str]] = {
            "technique": Counter(t for r in self.rows for t in r.techniques),
            "above": Counter(a for r in self.rows for a in {_above(t) for t in r.techniques}),
            "software": Counter(s for r in self.rows for s in r.software),
        }
        self._rare = {
            kind: {i: self._rarity(count, n) for i, n in found.items()}
            for kind, found in held.items()
        }
        self._unseen = self._rarity(count, 0)
        self._stated, self._like, self._named = _Postings(), _Postings(), _Postings()
        plain = np.zeros(count)
        self._both = np.zeros(count)
        for number, row in enumerate(self.rows):
            weights = self._weights(row.techniques, row.software)
            for item, weight in weights.items():
                self._like.add(item, number, weight)
            plain[number] = math.sqrt(math.fsum(w * w for w in weights.values()))
            names = {s: SOFTWARE_WEIGHT * self._rare["software"][s] for s in row.software}
            for name, weight in names.items():
                self._named.add(name, number, weight)
            self._both[number] = math.hypot(plain[number], *names.values())
            for technique in row.techniques:
                self._stated.add(technique, number, 1.0)
        for postings in (self._stated, self._like, self._named):
            postings.close()
        self._plain = np.maximum(plain, 1e-12)
        self._both = np.maximum(self._both, 1e-12)
        self._lengths = np.array([float(len(r.techniques)) for r in self.rows])
        self._software_of = [self._software(i, np.ones(count, bool)) for i in range(len(place))]

    @staticmethod
    def _rarity(reports: int, holders: int) -> float:
        return max(0.0, math.log((reports + 1.0) / (holders + 0.5)))

    def _weights(self, techniques: Collection[str], software: Collection[str]) -> dict[str, float]:
        """Techniques and those above them ('^'), weighted by rarity; implied ones a little."""
        stated = self._rare["technique"]
        found = {t: stated.get(t, self._unseen) for t in techniques}
        for name in software:
            if name not in self.structure.public:
                for technique in self.structure.implied.get(name, ()):
                    if technique in stated and technique not in techniques:
                        found[technique] = IMPLIED_WEIGHT * stated[technique]
        for above in {_above(t) for t in techniques}:
            found["^" + above] = PARENT_WEIGHT * self._rare["above"].get(above, self._unseen)
        return found

    def _software(self, actor: int, keep: NDArray[np.bool_]) -> frozenset[str]:
        rows = np.flatnonzero((self._actor_of == actor) & keep)
        return frozenset(s for i in rows for s in self.rows[i].software)

    def _kept(
        self, exclude: Collection[str], without: Collection[str], before: str
    ) -> NDArray[np.bool_]:
        return np.array(
            [
                r.report not in exclude
                and r.actor not in without
                and not (before and r.date and r.date >= before)
                for r in self.rows
            ],
            bool,
        )

    def features(
        self,
        techniques: Collection[str],
        software: Collection[str] = (),
        before: str = "",
        exclude: Collection[str] = frozenset(),
        without: Collection[str] = frozenset(),
    ) -> Table:
        """What a query shares with every actor that keeps a report.

        Args:
            techniques: what the query states, identifiers in force today.
            software: folded names, as in the rows.
            before: leave out reports of that day and later; '' keeps all.
            exclude: reports left out, such as the query itself and others of its citation.
            without: actors left out, to ask what an unknown actor would look like.
        """
        asked, named = frozenset(techniques), frozenset(software)
        keep = self._kept(exclude, without, before)
        counts = np.bincount(self._actor_of[keep], minlength=len(self._actors))
        present = np.flatnonzero(counts)
        likeness = np.where(keep, self._likeness(asked, named), 0.0)
        mine = [
            own if counts[i] == self._counts[i] else self._software(i, keep)
            for i, own in enumerate(self._software_of)
        ]
        shared = [mine[i] & named for i in present]
        habit = self._habit(asked, mine, keep, present)
        squares = np.bincount(self._actor_of, likeness**2, minlength=len(counts))[present]
        values = np.column_stack(
            [
                squares / np.sqrt(counts[present]),
                habit,
                self._specific(shared, frozenset()),
                self._specific(shared, self.structure.public),
                *self._explained(asked, named, shared),
            ]
        ).reshape(len(present), len(FEATURES) - 1)
        standing = habit / (float(habit.max(initial=0.0)) or 1.0)
        values = np.insert(values, FEATURES.index("standing"), standing, axis=1)
        per_actor = [np.flatnonzero((self._actor_of == i) & keep) for i in present]
        return Table(
            actors=tuple(self._actors[i] for i in present),
            values=values,
            closest=tuple(self._closest(likeness, rows) for rows in per_actor),
            techniques=len(asked),
            software=len(named),
        )

    def _closest(self, likeness: Floats, rows: NDArray[np.intp]) -> tuple[tuple[str, float], ...]:
        best = sorted((-float(likeness[i]), self.rows[i].report) for i in rows if likeness[i] > 0)
        return tuple((report, -value) for value, report in best[:3])

    def _likeness(self, asked: frozenset[str], named: frozenset[str]) -> Floats:
        """Cosine of the query with every report.

        A query that names no software is not compared by it: what is missing is no difference.
        """
        weights = self._weights(asked, ())
        product = np.zeros(len(self.rows))
        for item in sorted(weights):
            rows, held = self._like.holders(item)
            product[rows] += weights[item] * held
        norm, norms = math.hypot(*weights.values()), self._plain
        if named:
            rare = self._rare["software"]
            names = {s: SOFTWARE_WEIGHT * rare.get(s, self._unseen) for s in sorted(named)}
            for name, weight in names.items():
                rows, held = self._named.holders(name)
                product[rows] += weight * held
            norm, norms = math.hypot(norm, *names.values()), self._both
        cosine: Floats = product / ((norm or 1.0) * norms)
        return cosine

    @staticmethod
    def _specific(shared: Sequence[frozenset[str]], public: frozenset[str]) -> Floats:
        """Per actor: sum of log(actors / users) over the shared software, discounted by rank."""
        users = Counter(s for names in shared for s in names)
        found = []
        for names in shared:
            ordered = sorted(math.log((len(shared) + 1.0) / users[s]) for s in names - public)
            bits = enumerate(reversed(ordered))
            found.append(math.fsum(b * SOFTWARE_DISCOUNT**i for i, b in bits))
        return np.array(found)

    def _explained(
        self, asked: frozenset[str], named: frozenset[str], shared: Sequence[frozenset[str]]
    ) -> tuple[Floats, Floats]:
        """Share of the query's own software that is an actor's, and what that carries."""
        own = named - self.structure.public
        telling = {t: -math.log(self.structure.prevalence.get(t, RAREST)) for t in sorted(asked)}
        total = math.fsum(telling.values()) or 1.0
        able = {s: self.structure.implied.get(s, frozenset()) & asked for s in own}
        carries = {s: math.fsum(telling[t] for t in held) / total for s, held in able.items()}
        rows = [sorted(names & own) for names in shared]
        return (
            np.array([len(names) / max(1, len(own)) for names in rows]),
            np.array([math.fsum(carries[s] for s in n) / max(1, len(n)) for n in rows]),
        )

    def _habit(
        self,
        asked: frozenset[str],
        mine: Sequence[frozenset[str]],
        keep: NDArray[np.bool_],
        present: NDArray[np.intp],
    ) -> Floats:
        """By how much an actor's habit makes the query's techniques likelier than everybody's.

        Sum of the positive log ratios of a Dirichlet-smoothed multinomial (Zhai and Lafferty 2004),
        over the root of the number of techniques, so that long reports do not say more.
        """
        size = len(self._actors)
        counted = self._lengths * keep
        total = float(counted.sum())
        every = self.structure.prevalence
        mass = total + PREVALENCE * math.fsum(every.values())
        implied = [self._implied(names) for names in mine]
        by_actor = np.bincount(self._actor_of, counted, minlength=size) + np.array(
            [math.fsum(found.values()) for found in implied]
        )
        found = np.zeros(size)
        for technique in sorted(asked):
            rows, _ = self._stated.holders(technique)
            rows = rows[keep[rows]]
            everybody = (len(rows) + PREVALENCE * every.get(technique, 0.0)) / mass if mass else 0.0
            if everybody <= 0.0:
                continue
            stated = np.bincount(self._actor_of[rows], minlength=size)
            held = stated + np.array([i.get(technique, 0.0) for i in implied])
            ratio = (held / everybody + SMOOTHING) / (by_actor + SMOOTHING)
            found += np.maximum(0.0, np.log(ratio))
        kept: Floats = found[present] / math.sqrt(max(1, len(asked)))
        return kept

    def _implied(self, names: frozenset[str]) -> dict[str, float]:
        """Technique -> weight from an actor's software; own and public add up."""
        found: dict[str, float] = {}
        for public, weight in ((False, IMPLIED_WEIGHT), (True, IMPLIED_PUBLIC_WEIGHT)):
            able = {
                t
                for s in names
                if (s in self.structure.public) == public
                for t in self.structure.implied.get(s, ())
            }
            for technique in able:
                found[technique] = found.get(technique, 0.0) + weight
        return found

    def shared(
        self, report: str, techniques: Collection[str], software: Collection[str] = ()
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Techniques and software that a query shares with one report, the rarest first."""
        rows = self._by_report.get(report, ())
        rare = self._rare
        both = {t for r in rows for t in r.techniques & frozenset(techniques)}
        tools = {s for r in rows for s in r.software & frozenset(software)}
        return (
            tuple(sorted(both, key=lambda t: (-rare["technique"][t], t))),
            tuple(sorted(tools, key=lambda s: (-rare["software"][s], s))),
        )
