"""The pairs of reports of which one may have copied from the other, found in one pass.

Reports are taken from the earliest to the latest. Each meets those before it with which it shares a
value, and is itself remembered only if it is no copy, so that copies of a report never come
between others. A value remembers its first holders only, so the work grows with the values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from samehand.compare.dependence import (
    CopyEdge,
    Material,
    Numbers,
    Pair,
    Term,
    assess,
    in_order,
    material,
    probability,
    size,
    telling,
)
from samehand.compare.profile import Profile
from samehand.compare.shingles import Overlap, holders_of_repeated, overlap
from samehand.likelihood import bits_from_probability
from samehand.model import Feature

#: Origins remembered for one value, the earliest; later ones that hold it are met through others.
MAX_HOLDERS = 20
#: Values from which on a report can show that another has nothing to do with it.
_STRANGER_VALUES = 3
_NO_TEXT = Overlap(0.0, 0.0, 0)
#: Copy and origin -> whether the copy holds nothing of its own.
WholeCopy = Callable[[Profile, Profile], bool]
_Postings = dict[Feature, list[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """Edges, sorted, and the derivatives among their copies."""

    edges: tuple[CopyEdge, ...]
    direct: Mapping[str, str]
    """copy -> the report that it repeats, derivatives by citation left out."""


def _one_digit_off(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _halves(feature: Feature) -> Iterator[tuple[str, int, str]]:
    """Both halves of a hash: of two that differ in one digit, one half is the same."""
    middle = len(feature.value) // 2
    yield feature.kind, 0, feature.value[:middle]
    yield feature.kind, 1, feature.value[middle:]


def _strangers(other: Material, one: Material) -> bool:
    """Whether a report with values of its own has next to none of them from another.

    One or two may be common to all pages of a publisher, such as an address in its footer.
    """
    if len(other.values) < _STRANGER_VALUES:
        return False
    common = sum(f in one.values for f in other.values)
    return common < _STRANGER_VALUES and 2 * common < len(other.values)


class _Ground:
    """The reports of one use, and what takes all of them to answer."""

    def __init__(self, materials: Sequence[Material]) -> None:
        """``materials``: the earliest first."""
        self.materials = {m.id: m for m in materials}
        self._templates: Mapping[int, tuple[str, ...]] | None = None
        self._hashes: dict[tuple[str, int, str], set[Feature]] | None = None

    def overlap(self, left: Material, right: Material) -> Overlap:
        """What the two texts share, without what strangers also write."""
        if not len(left.text.hashes) or not len(right.text.hashes):
            return _NO_TEXT
        if self._templates is None:
            self._templates = holders_of_repeated((m.id, m.text) for m in self.materials.values())
        holders = self._templates
        strange: dict[str, bool] = {}

        def stranger(identifier: str) -> bool:
            if identifier not in strange:
                strange[identifier] = all(
                    _strangers(self.materials[identifier], m) for m in (left, right)
                )
            return strange[identifier]

        return overlap(left.text, right.text, lambda s: any(map(stranger, holders.get(s, ()))))

    def doubtful(self, shared: frozenset[Feature], left: Material, right: Material) -> int:
        """Shared hashes that another report gives with one other digit."""
        hashes = [f for f in shared if f.kind.startswith("file:") and len(f.value) in (32, 40, 64)]
        if not hashes:
            return 0
        if self._hashes is None:
            self._hashes = {}
            for one in self.materials.values():
                for feature in one.values:
                    if feature.kind in ("file:md5", "file:sha1", "file:sha256"):
                        for half in _halves(feature):
                            self._hashes.setdefault(half, set()).add(feature)
        return sum(
            any(
                _one_digit_off(feature.value, other.value)
                for half in _halves(feature)
                for other in self._hashes.get(half, ())
                if other not in left.values and other not in right.values
            )
            for feature in hashes
        )

    def pair(self, left: Material, right: Material, citing: str | None = None) -> Pair:
        """Two reports side by side."""
        shared = frozenset(left.values.keys() & right.values.keys())
        return Pair(
            left=left,
            right=right,
            shared=shared,
            overlap=self.overlap(left, right),
            doubtful=self.doubtful(shared, left, right),
            citing=citing,
        )


def _rank(found: Material) -> tuple[bool, date, int, str]:
    """The earliest first, undated ones last; of one day that with the longest list first."""
    day = found.published.end if found.published else date.min
    return found.published is None, day, -len(found.values), found.id


class _Search:
    """One pass over the reports of one use."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        cited: Mapping[str, Sequence[str]],
        derivatives: Mapping[str, str],
        numbers: Numbers,
        whole_copy: WholeCopy,
        pages: Mapping[str, Sequence[str]],
    ) -> None:
        self.pages = pages
        self.profiles = profiles
        self.cited = cited
        self.derivatives = derivatives
        self.numbers = numbers
        self.whole_copy = whole_copy
        self.direct: dict[str, str] = {}
        self.edges: list[CopyEdge] = []
        self.ground = _Ground(
            sorted((m for m in map(material, profiles.values()) if m.values), key=_rank)
        )

    def _worth(self, left: Material, right: Material, shared: int) -> bool:
        """Whether two reports can show anything, before looking closely."""
        if len(left.text.hashes) and len(right.text.hashes):
            return True
        least = min(len(left.values), len(right.values))
        return shared >= self.numbers["whole_values"] and shared >= least

    def _sides(self, pair: Pair, terms: tuple[Term, ...]) -> list[CopyEdge]:
        """The edges of one assessed pair: one, or two halves where the order is not known."""
        value = probability(terms)
        left, right = pair.left, pair.right
        if value < self.numbers["least_probability"]:
            return []
        later = pair.later
        if later is None and right.kind == "compilation":
            later = right.id  # a list gathered from others is nobody's source
        if later is not None:
            copy, origin = (left, right) if later == left.id else (right, left)
            return [CopyEdge(copy.id, origin.id, value, True, terms)]
        return [
            CopyEdge(one.id, other.id, value / 2, False, terms)
            for one, other in ((left, right), (right, left))
        ]

    def run(self) -> Found:
        """Edges and derivatives."""
        self._citations()
        origins: _Postings = {}
        repeats: _Postings = {}
        for found in self.ground.materials.values():
            if found.kind == "incident":
                continue
            if not len(found.text.hashes) and len(found.values) < self.numbers["whole_values"]:
                continue
            if found.id not in self.derivatives:
                self._meet(found, origins, repeats)
            if found.kind == "compilation":
                continue
            copied = found.id in self.derivatives or found.id in self.direct
            for feature in found.values:
                held = (repeats if copied else origins).setdefault(feature, [])
                if len(held) < MAX_HOLDERS:
                    held.append(found.id)
        self._common_sources()
        return Found(tuple(self._settled(e) for e in self.edges), self.direct)

    def _settled(self, edge: CopyEdge) -> CopyEdge:
        """An edge of unknown direction whose copy was recognised has all of the probability."""
        if edge.order_known:
            return edge
        if self.direct.get(edge.copy) == edge.origin:
            return replace(edge, probability=probability(edge.terms))
        if self.direct.get(edge.origin) == edge.copy:
            return replace(edge, probability=0.0)
        return edge

    def _before(self, found: Material, postings: _Postings) -> Iterator[Material]:
        """Earlier reports with which one shares enough to look closely."""
        counts = Counter(i for f in found.values for i in postings.get(f, ()))
        for identifier in sorted(counts):
            other = self.ground.materials[identifier]
            if not self._worth(other, found, counts[identifier]):
                continue
            if identifier in self.cited[found.id] or found.id in self.cited[identifier]:
                continue  # seen to already
            yield other

    def _meet(self, found: Material, origins: _Postings, repeats: _Postings) -> None:
        """Compares one report with the earlier ones with which it shares values."""
        sure: list[Material] = []
        covered: list[Material] = []
        for other in self._before(found, origins):
            if other.id in self.direct:
                continue
            pair = self.ground.pair(other, found)
            if not telling(pair, self.numbers):
                continue
            terms = assess(pair, self.numbers)
            self.edges += self._sides(pair, terms)
            if sum(t.bits for t in terms) < self.numbers["derivative_bits"]:
                continue
            if self._whole(found, other):
                sure.append(other)
            elif pair.later is None and found.kind != "compilation":
                # Nothing tells which came first, but the shorter list is the likelier copy.
                covered.append(other)
        if not sure:
            sure = [o for o in self._before(found, repeats) if self._again(found, o)]
        if sure:  # of several the earliest: the others repeat it as well
            self.direct[found.id] = min(sure, key=_rank).id
            return
        for other in covered:
            if self._whole(other, found):
                self.direct[other.id] = found.id

    def _whole(self, copy: Material, origin: Material) -> bool:
        return self.whole_copy(self.profiles[copy.id], self.profiles[origin.id])

    def _again(self, found: Material, other: Material) -> bool:
        """Whether a report is a recognised copy over again, text and all.

        Only so are copies sources: what merely resembles one is judged by its origin.
        """
        if not self._whole(found, other):
            return False
        pair = self.ground.pair(other, found)
        least = min(pair.overlap.of_left, pair.overlap.of_right)
        if least < self.numbers["text_verbatim_share"] or not telling(pair, self.numbers):
            return False
        terms = assess(pair, self.numbers)
        if sum(t.bits for t in terms) < self.numbers["derivative_bits"]:
            return False
        self.edges += self._sides(pair, terms)
        return True

    def _common_sources(self) -> None:
        """Edges of reports that share much, and cite one page that is not loaded.

        Either may have taken it from there, so together they are hardly two witnesses.
        """
        seen = {frozenset((e.copy, e.origin)) for e in self.edges}
        for page, citing in sorted(self.pages.items()):
            found = [
                self.ground.materials[i]
                for i in citing
                if i in self.ground.materials and i not in self.derivatives and i not in self.direct
            ]
            found = [m for m in found if m.kind not in ("compilation", "incident")]
            earlier: list[Material] = []
            for later in sorted(found, key=_rank):
                for other in earlier:
                    both = frozenset((later.id, other.id))
                    pair = self.ground.pair(other, later)
                    shared = size(pair.shared, other.implied)
                    least = self.numbers["candidate_share"] * min(other.facts, later.facts)
                    if both in seen or not shared or shared < least:
                        continue
                    seen.add(both)
                    pair = replace(pair, citing=later.id)
                    terms = assess(pair, self.numbers)
                    said = f"both cite {page}"
                    terms = tuple(
                        replace(t, name="common source", note=said) if t.name == "citation" else t
                        for t in terms
                    )
                    known = in_order(None, other, later) is not None
                    value = probability(terms)
                    sides = [(later, other, value)]
                    if not known:
                        sides = [(later, other, value / 2), (other, later, value / 2)]
                    self.edges += [CopyEdge(a.id, b.id, p, known, terms) for a, b, p in sides]
                if len(earlier) < MAX_HOLDERS:
                    earlier.append(later)

    def _citations(self) -> None:
        """Edges of reports that cite others, with what else speaks for copying."""
        plain = self.numbers["cited_probability"]
        for copy in sorted(self.profiles):
            for origin in self.cited[copy]:
                left, right = (self.ground.materials.get(i) for i in (origin, copy))
                terms: tuple[Term, ...] = ()
                kinds = {m.kind for m in (left, right) if m is not None}
                if left and right and not kinds & {"compilation", "incident"}:
                    terms = assess(self.ground.pair(left, right, citing=copy), self.numbers)
                if len(terms) < 3:
                    bits = bits_from_probability(min(max(plain, 1e-9), 1 - 1e-9))
                    start = bits_from_probability(self.numbers["prior"])
                    terms = (
                        Term("start", start, "a report and what it shares with an earlier one"),
                        Term("citation", bits - start, "it cites the other"),
                    )
                value = probability(terms) if len(terms) > 2 else plain
                self.edges.append(CopyEdge(copy, origin, value, True, terms))


def find_edges(
    profiles: Mapping[str, Profile],
    cited: Mapping[str, Sequence[str]],
    derivatives: Mapping[str, str],
    numbers: Numbers,
    whole_copy: WholeCopy,
    pages: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Found:
    """Who may have copied from whom among reports of one use, and the derivatives found so.

    ``derivatives`` are known by their citations already; ``pages`` are cited pages that are not
    loaded, each with the reports that cite it. A report of the case is never compared
    with a reference beyond its citations: repeating a known report tells whose work it describes.
    """
    edges: list[CopyEdge] = []
    direct: dict[str, str] = {}
    for use in sorted({p.report.use for p in profiles.values()}):
        inside = {i: p for i, p in profiles.items() if p.report.use == use}
        known = {i: tuple(s for s in cited[i] if s in inside) for i in inside}
        common = {p: [i for i in citing if i in inside] for p, citing in pages.items()}
        found = _Search(inside, known, derivatives, numbers, whole_copy, common).run()
        edges += found.edges
        direct |= found.direct
    kept = (e for e in edges if e.probability > 0 or e.order_known)
    return Found(tuple(sorted(kept, key=lambda e: (e.copy, e.origin))), direct)
