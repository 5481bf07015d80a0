"""How probable it is that one report took what it shares with another from there.

Pure: what two reports hold goes in, log2 odds as a list of explained terms come out. Missing data
(no text, no date, values written plainly) gives no term. Method page, "Copies and compilations";
the starting values follow Dong, Berti-Equille, Srivastava (VLDB 2009): shared false or rare
details tell copying, shared truth hardly does.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samehand.compare.profile import Profile
from samehand.compare.shingles import EMPTY, Overlap, Sketch, sketch
from samehand.config import types_table
from samehand.knowledge.cache import on_forget
from samehand.likelihood import bits_from_probability, probability_from_bits
from samehand.model import PASSIVE_ROLES, Feature, Report, ReportKind, Window

Numbers = Mapping[str, float]
#: Lengths of MD5, SHA-1 and SHA-256, one digit short or long: an odd number of hexadecimal digits
#: is no whole number of bytes, so such a run is a mistake whoever wrote it.
_BROKEN = frozenset((31, 33, 39, 41, 63, 65))
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{31,65}(?![0-9A-Za-z])")
_DIGITS = re.compile(r"(\d{1,18})")
_HASHES = ("file:md5", "file:sha1", "file:sha256", "file:sha512")
_MARKS = re.compile(
    r"h[x*]{2}p|\[\.\]?|\(\.\)|\{\.\}|\[:\]|\[:?//\]|\[dot\]|\(dot\)|\[at\]|\[@\]|\\\.", re.I
)
#: Ways of writing that half of all reports use.
_USUAL = frozenset(("", "[.]", "hxxp", "[.] hxxp"))
_MOST_KEPT = 4096
_kept: dict[int, tuple[Report, Material]] = {}
on_forget(_kept.clear)


@dataclass(frozen=True, slots=True)
class Term:
    """One reason for or against copying."""

    name: str
    bits: float
    note: str


@dataclass(frozen=True, slots=True)
class CopyEdge:
    """One report and another that it may have copied from."""

    copy: str
    origin: str
    probability: float
    """P(what both hold, the copy took from the origin)."""
    order_known: bool
    """False: nothing tells which came first, so either direction has half of the probability."""
    terms: tuple[Term, ...]
    """log2 odds of dependence, the start first."""

    @property
    def bits(self) -> float:
        """Sum of the terms."""
        return math.fsum(t.bits for t in self.terms)


@dataclass(frozen=True, slots=True)
class Material:
    """What of one report can show copying."""

    id: str
    kind: ReportKind
    publisher: str
    published: Window | None
    values: Mapping[Feature, str]
    """Hard observed values in the order of the text or record -> how each is written."""
    implied: Mapping[Feature, tuple[Feature, ...]]
    """Value -> what follows from it, such as the host of a page."""
    text: Sketch
    broken: frozenset[str]
    """Runs of hexadecimal digits in the text that can be no hash."""
    first_hand: bool
    """Makes a judgement of its own."""
    cites_any: bool
    facts: int = 0
    """How many facts its list holds."""


def marks(raw: str, feature: Feature) -> str:
    """How a value is written: the signs of defanging and capitals of a hash; '' if plainly."""
    found = {m.lower().replace("*", "x") for m in _MARKS.findall(raw)}
    if feature.kind in _HASHES and any(c in "ABCDEF" for c in raw):
        found.add("capitals")
    return " ".join(sorted(found))


def material(profile: Profile) -> Material:
    """What of a report can show copying; kept for reports met again."""
    report = profile.report
    held = _kept.get(id(report))
    if held is not None and held[0] is report:
        return held[1]
    types = types_table()
    listed = [
        o
        for o in report.observations
        if not types[o.feature.kind].soft
        and not types[o.feature.kind].derived
        and o.role not in PASSIVE_ROLES
    ]
    if all(o.start is not None for o in listed):
        listed.sort(key=lambda o: (o.start or 0, o.feature))
    values: dict[Feature, str] = {}
    for observation in listed:
        if observation.feature not in values:
            values[observation.feature] = marks(observation.raw, observation.feature)
    runs = {m.lower() for m in _HEX.findall(report.text) if len(m) in _BROKEN}
    implied = {f: p for f, p in profile.parents.items() if f in values}
    made = Material(
        id=report.id,
        kind=report.kind,
        publisher=report.publisher.casefold(),
        published=report.published,
        values=values,
        implied=implied,
        text=sketch(report.text) if report.text else EMPTY,
        broken=frozenset(r for r in runs if not r.isdigit() and not r.isalpha()),
        first_hand=any(c.first_hand for c in report.claims),
        cites_any=bool(report.cites),
        facts=size(values, implied),
    )
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[id(report)] = (report, made)
    return made


def size(values: Collection[Feature], implied: Mapping[Feature, tuple[Feature, ...]]) -> int:
    """How many facts a list holds.

    Hashes of several kinds are of the same files, and the host of a page is no further fact.
    """
    follow = {p for f in values if f in implied for p in implied[f]}
    kinds: dict[str, int] = {}
    for feature in values:
        if feature not in follow:
            kinds[feature.kind] = kinds.get(feature.kind, 0) + 1
    hashes = max((kinds.get(k, 0) for k in _HASHES), default=0)
    return hashes + sum(n for k, n in kinds.items() if k not in _HASHES)


def longest_rising(ranks: Iterable[Any]) -> int:
    """Length of the longest rising subsequence."""
    tails: list[Any] = []
    for rank in ranks:
        at = bisect_left(tails, rank)
        tails[at : at + 1] = [rank]
    return len(tails)


def _counted(value: str) -> tuple[tuple[int, str], ...]:
    """A value for sorting with the numbers in it by size: m2 before m10, addresses likewise."""
    return tuple((int(p), "") if p.isdecimal() else (-1, p) for p in _DIGITS.split(value) if p)


def _natural(values: Sequence[Feature]) -> bool:
    """Whether a list stands in an order that anybody would give it, up or down the alphabet."""
    runs: list[list[Any]] = [
        [f.value for f in values],
        [_counted(f.value) for f in values],
        [f.value.split(".")[::-1] for f in values],  # by top-level domain
    ]
    enough = 0.9 * len(values)
    return any(longest_rising(run) >= enough or longest_rising(run[::-1]) >= enough for run in runs)


@dataclass(frozen=True, slots=True)
class Order:
    """How far two lists give the values of both in one order."""

    ratio: float
    """1 as given, 0 as shuffled cards; below 0 for the reverse."""
    values: int
    """Of the kind that has most."""


def common_order(left: Material, right: Material, shared: Collection[Feature]) -> Order | None:
    """Agreement of order by the longest common subsequence, kind by kind.

    ratio = sum(L - E) / sum(n - E); E = 2 sqrt(n) - 1.77 n^(1/6) + .5 is the length that shuffled
    lists have (Baik, Deift, Johansson 1999; the .5 fits small n). Lists that both follow the
    alphabet tell nothing. `None` where no kind has three values.
    """
    place = {f: n for n, f in enumerate(right.values)}
    by_kind: dict[str, list[Feature]] = {}
    for feature in left.values:
        if feature in shared:
            by_kind.setdefault(feature.kind, []).append(feature)
    above, most, room = 0.0, 0, 0.0
    for listed in by_kind.values():
        n = len(listed)
        if n < 3 or (_natural(listed) and _natural(sorted(listed, key=place.__getitem__))):
            continue
        expected = 2 * math.sqrt(n) - 1.77 * n ** (1 / 6) + 0.5
        above += longest_rising([place[f] for f in listed]) - expected
        room += n - expected
        most = max(most, n)
    return Order(above / room, most) if most else None


def in_order(later: str | None, left: Material, right: Material) -> str | None:
    """The id of the report that came later; ``later`` if that is known otherwise."""
    if later is not None or left.published is None or right.published is None:
        return later
    if left.published.end < right.published.start:
        return right.id
    return left.id if right.published.end < left.published.start else None


def _slope(x: float, neutral: float, most: float, floor: float, weight: float) -> float:
    """Bits from 0 at ``neutral`` to ``most`` at 1, likewise downwards to the floor."""
    return max(floor, weight * most * (x - neutral) / (1.0 - neutral))


def text_term(found: Overlap, same_publisher: bool, n: Numbers) -> Term | None:
    """Text reuse: the share of either text that stands in the other, the larger one."""
    if found.least < n["text_least_shingles"]:
        return None
    share = max(found.of_left, found.of_right)
    bits = n["text_bits_per_share"] * (share - n["text_neutral_share"])
    own_form = same_publisher and share < n["text_verbatim_share"]
    most = n["text_same_publisher_cap_bits"] if own_form else n["text_cap_bits"]
    bits = min(most, max(n["text_floor_bits"], bits))
    return Term("text", bits, f"{100 * share:.0f} % of one text stands in the other")


def list_term(shared: int, smaller: int, n: Numbers) -> Term | None:
    """The share of the smaller list that the other holds; short lists tell less."""
    if shared < n["candidate_values"]:
        return None
    weight = min(1.0, shared / n["full_values"])
    bits = _slope(
        shared / smaller, n["list_neutral_share"], n["list_cap_bits"], n["list_floor_bits"], weight
    )
    return Term("list", bits, f"{shared} of {smaller} values of the smaller list are in the other")


def order_term(found: Order | None, n: Numbers) -> Term | None:
    """The same values in the same order."""
    if found is None:
        return None
    weight = min(1.0, found.values / n["full_values"])
    bits = _slope(
        found.ratio, n["order_neutral"], n["order_cap_bits"], n["order_floor_bits"], weight
    )
    words = "in" if found.ratio >= n["order_whole"] else "hardly in" if bits < 0 else "partly in"
    return Term("order", bits, f"the shared values stand {words} the same order")


def writing_term(
    left: Material, right: Material, shared: Iterable[Feature], n: Numbers
) -> Term | None:
    """The same way of writing values: defanging, capitals."""
    pairs = [(left.values[f], right.values[f], f.kind) for f in shared]
    if not any(one or other for one, other, _ in pairs):
        return None
    same = sum(one == other for one, other, _ in pairs) / len(pairs)
    if same == 1.0 and len(pairs) >= n["candidate_values"]:
        ways = {(kind, way) for way, _, kind in pairs}
        odd = [way for _, way in ways if way not in _USUAL and way != "capitals"]
        if odd or len(ways) > len({kind for kind, _ in ways}):
            return Term("writing", n["odd_writing_bits"], "values are written in the same odd way")
    if same >= 0.9:
        return Term("writing", n["same_writing_bits"], "values are written in the same usual way")
    if same <= 0.5:
        return Term("writing", n["other_writing_bits"], "values are written differently")
    return None


def error_term(broken: int, doubtful: int, n: Numbers) -> Term | None:
    """Shared mistakes: impossible hashes in both texts, and hashes one digit off another report's.

    Of two such hashes one is wrong, at even odds the shared one: log2((1 + 2^bits) / 2).
    """
    one = n["shared_error_bits"]
    half = math.log2((1.0 + 2.0**one) / 2.0)
    counted = sorted([one] * broken + [half] * doubtful, reverse=True)[: int(n["errors_counted"])]
    if not counted:
        return None
    return Term("errors", sum(counted), f"{broken + doubtful} mistakes in common")


def lag_term(left: Material, right: Material, n: Numbers) -> Term | None:
    """How soon the later one came."""
    if left.published is None or right.published is None:
        return None
    days = left.published.gap_days(right.published)
    bits = n["lag_bits"] if days < n["lag_days"] else n["late_bits"]
    return Term("lag", bits, f"{days} days between them")


def own_term(later: Material, shared: int, n: Numbers) -> Term:
    """What the later report has of its own."""
    own = later.facts - shared
    if later.first_hand:
        return Term("own", n["first_hand_bits"], "the later one makes a judgement of its own")
    if own <= 0:
        weight = min(1.0, shared / n["candidate_values"])
        return Term(
            "own", weight * n["nothing_own_bits"], "the later one holds no value of its own"
        )
    if own > shared:
        return Term("own", n["much_own_bits"], "most values of the later one are its own")
    return Term("own", 0.0, "the later one holds some values of its own")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports with what can be said of both only together; ``shared`` are values of both."""

    left: Material
    right: Material
    shared: frozenset[Feature]
    overlap: Overlap
    doubtful: int
    """Shared hashes that are one digit off one that another report gives."""
    citing: str | None
    """The one that cites the other."""

    @property
    def later(self) -> str | None:
        """The report that would be the copy; `None` if nothing tells."""
        return in_order(self.citing, self.left, self.right)


def telling(pair: Pair, n: Numbers) -> bool:
    """Whether there is enough to judge by: two texts, or a whole long list in its order.

    Records without text are often sorted, merged and cut by those who made them, so anything
    less says nothing there.
    """
    left, right = pair.left, pair.right
    if pair.overlap.least >= n["text_least_shingles"]:
        # half a list, or a text with more in common than two authors have by chance
        if max(pair.overlap.of_left, pair.overlap.of_right) > n["text_neutral_share"]:
            return True
        if len(pair.shared) < n["candidate_values"]:
            return False
        shared = size(pair.shared, left.implied)
        return shared >= n["candidate_values"] and (
            shared >= n["candidate_share"] * min(left.facts, right.facts)
        )
    if len(pair.shared) < max(n["whole_values"], min(len(left.values), len(right.values))):
        return False
    if size(pair.shared, left.implied) < n["whole_values"]:
        return False
    order = common_order(pair.left, pair.right, pair.shared)
    return order is not None and (
        order.ratio >= n["order_whole"] and order.values >= n["whole_values"]
    )


def assess(pair: Pair, n: Numbers, *, judge_all: bool = False) -> tuple[Term, ...]:
    """The log2 odds that one of two reports copied what they share from the other, as terms.

    With a citation nothing speaks against copying: who cites may reword, add and take time. Where
    the order is not known the copy may be either, whichever fits better. ``judge_all`` leaves out
    the question whether there is enough to judge by, for measuring.
    """
    left, right = pair.left, pair.right
    copies = [m for m in (left, right) if pair.later in (m.id, None)]
    gathered = any(m.kind == "compilation" for m in copies)
    start = bits_from_probability(n["gathered_prior"] if gathered else n["prior"])
    kind = "list gathered from others" if gathered else "report"
    terms = [Term("start", start, f"a {kind} and what it shares with an earlier one")]
    cited = min(max(n["cited_probability"], 1e-9), 1 - 1e-9)
    if pair.citing is not None:
        terms.append(Term("citation", bits_from_probability(cited) - start, "it cites the other"))
    if not judge_all and not telling(pair, n):
        return tuple(terms)
    shared = size(pair.shared, left.implied)
    smaller = min(left.facts, right.facts)
    found = [
        text_term(pair.overlap, bool(left.publisher) and left.publisher == right.publisher, n),
        list_term(shared, smaller, n),
        order_term(common_order(left, right, pair.shared), n),
        writing_term(left, right, pair.shared, n),
        error_term(len(left.broken & right.broken), pair.doubtful, n),
        max((own_term(m, shared, n) for m in copies), key=lambda t: t.bits),
        lag_term(left, right, n),
    ]
    if pair.citing is None and all(m.cites_any for m in copies):
        found.append(Term("citation", n["cites_others_bits"], "it cites others, and not this one"))
    return (*terms, *(t for t in found if t and t.bits and (pair.citing is None or t.bits > 0)))


def probability(terms: Iterable[Term]) -> float:
    """The probability of copying by some terms."""
    return probability_from_bits(math.fsum(t.bits for t in terms))
