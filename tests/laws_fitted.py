"""Laws of fitted links: what must hold whatever labelled pairs showed. Mutants break them."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest

import examples
import laws
from helpers import bench, link_in, record
from samehand import score as scoring
from samehand.compare.evidence import PairEvidence
from samehand.compare.fitted import GROUPS
from samehand.compare.likeness import Likeness
from samehand.config import shipped_parameters
from samehand.link import contributions

FITTED = shipped_parameters()
LINKAGE = FITTED.linkage
assert LINKAGE is not None
LABELLED = sorted(LINKAGE.types)


def evidence(rng: Random) -> PairEvidence:
    """Random evidence, mostly of labelled types, with likenesses and a gap."""
    found = examples.evidence(rng)
    items = tuple(
        replace(i, feature=replace(i.feature, kind=rng.choice(LABELLED)))
        if not i.soft and rng.random() < 0.8
        else i
        for i in found.items
    )
    return replace(
        found,
        items=items,
        dated=rng.random() < 0.8,
        gap_years=rng.choice([0.0, 0.1, 0.7, 3.0]),
        likeness=Likeness(*(rng.choice([None, rng.random()]) for _ in range(3))),
    )


def z(found: PairEvidence) -> float:
    return scoring.score(found, FITTED).total


def law_a_further_shared_item_never_lowers(rng: Random) -> None:
    before = evidence(rng)
    more = replace(before, items=(*before.items, examples.item(rng, 99)))
    assert z(more) >= z(before) - laws.CLOSE
    kind = replace(more.items[-1].feature, kind=rng.choice(LABELLED))
    labelled = replace(before, items=(*before.items, replace(more.items[-1], feature=kind)))
    assert z(labelled) >= z(before) - laws.CLOSE


def law_weaker_items_never_raise(rng: Random) -> None:
    found = evidence(rng)
    if found.items:
        items = list(found.items)
        number = rng.randrange(len(items))
        items[number] = laws._weaker(rng, items[number])
        assert z(replace(found, items=tuple(items))) <= z(found) + laws.CLOSE


def law_the_ledger_sums_and_every_line_cites(rng: Random) -> None:
    found = evidence(rng)
    result = scoring.score(found, FITTED)
    lines = contributions(found, result, FITTED)
    total = result.prior + math.fsum(line.bits for line in lines)
    assert total == pytest.approx(result.total, abs=1e-9)
    assert all(line.observations for line in lines if line.bits)


def law_order_and_prior(rng: Random) -> None:
    found = evidence(rng)
    shuffled = tuple(rng.sample(found.items, len(found.items)))
    assert z(replace(found, items=shuffled)) == pytest.approx(z(found), abs=1e-9)
    doubled = scoring.score(replace(found, k=2 * found.k), FITTED)
    if not doubled.limit and not scoring.score(found, FITTED).limit:
        assert doubled.total == pytest.approx(z(found) + 1.0, abs=1e-9)


def law_sharing_is_never_below_the_prior(rng: Random) -> None:
    found = evidence(rng)
    bare = replace(found, items=(), comparisons=(), denials=())
    assert z(bare) == pytest.approx(scoring.score(bare, FITTED).prior)
    undenied = replace(found, denials=())
    assert z(undenied) >= scoring.score(undenied, FITTED).prior - laws.CLOSE


def law_a_longer_gap_never_raises(rng: Random) -> None:
    found = replace(evidence(rng), dated=True)
    near, far = sorted(rng.uniform(0.0, 9.0) for _ in range(2))
    assert z(replace(found, gap_years=near)) >= z(replace(found, gap_years=far)) - laws.CLOSE


def law_more_likeness_never_lowers(rng: Random) -> None:
    found = evidence(rng)
    low, high = sorted(rng.random() for _ in range(2))
    for name in ("names", "habits", "kinds"):
        less = replace(found, likeness=replace(found.likeness, **{name: low}))
        more = replace(found, likeness=replace(found.likeness, **{name: high}))
        assert z(more) >= z(less) - laws.CLOSE


def law_what_was_copied_tells_nothing(rng: Random) -> None:
    """An item that one of the two surely took from elsewhere is as if it were not there."""
    found = evidence(rng)
    others = tuple(i for i in found.items if GROUPS.get(i.feature.kind) != "address")
    kind = replace(examples.item(rng, 98).feature, kind="ipv4-addr")
    item = replace(
        examples.item(rng, 98), feature=kind, facet="infrastructure", independence=0.0, soft=""
    )
    with_copied = replace(found, items=(*others, item))
    signals = scoring.score(with_copied, FITTED).signals
    assert signals is not None and not signals.shared.get("address")


def law_commonplace_values_tell_nothing_of_their_kind(rng: Random) -> None:
    """What thousands hold adds next to nothing beside a rare value, whatever its kind."""
    found = replace(evidence(rng), items=(), comparisons=(), denials=())
    rare = examples.item(rng, 97)
    fact = replace(rare.rarities[0], holders=0.0, elsewhere=0.0, commonplace=0.0)
    host = replace(
        rare,
        feature=replace(rare.feature, kind="domain-name"),
        rarities=(fact,),
        facet="infrastructure",
        soft="",
        chance_bits=None,
        independence=1.0,
    )
    everywhere = replace(fact, holders=0.4 * found.n)
    address = replace(
        host, feature=replace(rare.feature, kind="ipv4-addr", value="x"), rarities=(everywhere,)
    )
    alone, both = (z(replace(found, items=items)) for items in ((host,), (host, address)))
    assert both <= alone + 0.5


def law_no_more_than_the_labels_support(rng: Random) -> None:
    found = replace(evidence(rng), case=False, comparisons=(), denials=())
    found = replace(
        found,
        k=found.usual_k,
        items=tuple(i for i in found.items if i.feature.kind in LABELLED and not i.soft),
    )
    result = scoring.score(found, FITTED)
    assert LINKAGE is not None
    if result.fitted:
        assert result.total <= LINKAGE.most_bits + laws.CLOSE


def law_what_everybody_holds_makes_no_link(rng: Random) -> None:
    found = replace(evidence(rng), comparisons=(), denials=())
    common = tuple(
        replace(
            i, rarities=tuple(replace(r, commonplace=1e6) for r in i.rarities), chance_bits=None
        )
        for i in found.items
        if not i.soft
    )
    result = scoring.score(replace(found, items=common), FITTED)
    assert not result.fitted
    assert result.total <= result.prior + 1.0


def law_a_quoted_list_is_never_likely(rng: Random) -> None:
    """A report that cites another and repeats values of it, however many, is no second witness."""
    shared = [
        rng.choice(
            [
                ("domain-name", f"kq{n}-telemetry.xyz"),
                ("ipv4-addr", f"91.92.{n}.{rng.randrange(1, 250)}"),
                ("file:sha256", f"{rng.getrandbits(256):064x}"),
                ("url", f"https://kq{n}-mail.top/gate/{n}.php"),
            ]
        )
        for n in range(rng.randint(1, 12))
    ]
    own = ("domain-name", "quite-another-matter.net")
    first = record("a", *shared, published="2023-05-01", grade="A1")
    later = record("b", *shared, own, published="2023-05-09", grade="A1", cites=["a"])
    assert link_in(bench([first, later], numbers=FITTED), "a", "b").probability < 0.55


LAWS = [value for name, value in sorted(globals().items()) if name.startswith("law_")]
