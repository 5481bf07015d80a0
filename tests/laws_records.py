"""Laws that need whole records: order, copies, dates, providers, statements of third parties."""

from __future__ import annotations

import math
from datetime import date, timedelta
from random import Random
from typing import Any

import examples
import helpers
from helpers import bench, comparison, link_in, link_of, listed, record, total
from laws import CLOSE, HASH

Record = helpers.Record


def law_symmetric(rng: Random) -> None:
    """P(A, B) = P(B, A): which of the two has the smaller identifier does not matter."""
    records = examples.some_records(rng)
    names = {"a": "b", "b": "a"}

    def swapped(value: Any) -> Any:
        if isinstance(value, list):
            return [swapped(v) for v in value]
        if isinstance(value, dict):
            return {
                k: swapped(v) if k in ("id", "cites", "reports", "claims") else v
                for k, v in value.items()
            }
        return names.get(value, value)

    one = link_of(records)
    two = link_of([swapped(r) for r in records])
    assert abs(one.total_bits - two.total_bits) < CLOSE
    assert abs(one.campaign_probability - two.campaign_probability) < CLOSE


def law_order_of_loading_does_not_matter(rng: Random) -> None:
    """Neither the order of the records nor that of the values inside them changes a link."""
    records = examples.some_records(rng)
    shuffled = [
        {k: rng.sample(v, len(v)) if isinstance(v, list) else v for k, v in r.items()}
        for r in rng.sample(records, len(records))
    ]
    one, two = link_of(records), link_of(shuffled)
    assert abs(one.total_bits - two.total_bits) < CLOSE
    assert abs(one.campaign_probability - two.campaign_probability) < CLOSE


def law_fresh_value_never_lowers(rng: Random) -> None:
    """A further value that only these two reports hold never lowers their link."""
    records = examples.some_records(rng)
    kind = rng.choice(sorted(examples.FRESH))
    fresh = {"type": kind, "value": examples.FRESH[kind].format(0xBEEF), "batch": "table"}
    more = [
        {**r, "observables": [*r["observables"], fresh]} if r["id"] in ("a", "b") else r
        for r in records
    ]
    assert total(*more) >= total(*records) - CLOSE


def law_further_value_never_lowers(rng: Random) -> None:
    """A further shared value never lowers a link, also where things follow from it."""
    records = examples.some_records(rng)
    held = {o["value"] for r in records for o in r["observables"]}
    fresh = examples.observable(rng)
    if fresh["value"] in held:
        return  # another sighting of a known value is not another value
    more = [
        {**r, "observables": [*r["observables"], fresh]} if r["id"] in ("a", "b") else r
        for r in records
    ]
    assert total(*more) >= total(*records) - CLOSE


def law_copying_never_raises(rng: Random) -> None:
    """The likelier that a citing report copied, the weaker what it shares with its source."""
    records = examples.some_records(rng)[:2]
    records[1]["cites"] = ["a"]
    records[1]["observables"].append({"type": "mutex", "value": "own mark"})  # no derivative
    low, high = sorted(rng.uniform(0, 1) for _ in range(2))
    numbers = helpers.parameters()
    assert total(*records, numbers=numbers.changed(copies={"cited_probability": high})) <= (
        total(*records, numbers=numbers.changed(copies={"cited_probability": low})) + CLOSE
    )


def law_cited_item_weighs_less() -> None:
    """An item shared with a cited report counts .4 of one found independently (I = 1 - .6)."""
    own = ("mutex", "own mark")
    apart = total(record("a", HASH), record("b", HASH, own))
    citing = total(record("a", HASH), record("b", HASH, own, cites=["a"]))
    face = math.log2(0.15 * 16002 / 0.2)
    assert math.isclose(apart - math.log2(5 / 16002), face - 3.0, abs_tol=CLOSE)
    # The mere citation is a soft item of one bit, of which half is kept.
    assert math.isclose(citing - math.log2(5 / 16002), 0.4 * face - 3.0 + 0.5, abs_tol=CLOSE)


def law_pure_copies_change_nothing() -> None:
    """Copies that cite a report and hold only what it holds leave N, d and the link alone."""
    records = [record("a", HASH), record("b", HASH), record("c", ("mutex", "m"))]
    copies = [record(f"copy {n}", HASH, cites=["a"]) for n in range(10)]
    before, after = bench(records), bench([*records, *copies])
    assert after.universe.n == before.universe.n
    assert link_in(after, "a", "b") == link_in(before, "a", "b")
    assert link_in(after, "b", "copy 1").total_bits <= link_in(before, "a", "b").total_bits


def law_compilation_is_no_witness() -> None:
    """A list gathered from others adds nothing to N or d, and claims in it count for nothing."""
    records = [record("a", HASH), record("b", HASH)]
    listed = comparison(
        "list",
        "code",
        "infrastructure",
        kind="compilation",
        observables=[{"type": HASH[0], "value": HASH[1]}],
    )
    before, after = bench(records), bench([*records, listed])
    assert after.universe.n == before.universe.n
    assert link_in(after, "a", "b") == link_in(before, "a", "b")


def law_other_holders_lower() -> None:
    """Each independent report that holds the item too makes it commoner: u = (d + kappa) / N."""
    records = [record(i, HASH) for i in ("a", "b", "c", "d", "e")]
    for count in range(2, 6):
        n = 16000 + count
        expected = math.log2(5 / n) + math.log2(0.15 / ((count - 2 + 0.2) / n)) - 3.0
        assert math.isclose(total(*records[:count]), expected, abs_tol=CLOSE)


def law_own_cluster_is_left_out() -> None:
    """A campaign's own reports do not make its values look common."""
    records = [record(i, HASH) for i in ("a", "b", "c")]
    cluster = frozenset(("a", "c"))
    expected = math.log2(5 / 16003) + math.log2(0.15 * 16003 / 0.2) - 3.0
    found = total(*records, clusters={"a": cluster, "c": cluster})
    assert math.isclose(found, expected, abs_tol=CLOSE)


#: Log2 odds of two reports that share a page and nothing else: its host is the anchor, P = .43.
ONE_HOST = math.log2(5 / 16002) + math.log2(0.12 * 16002 / 0.1) - 3.0
PAGE = ("url", "http://dl.coincheck-files.com/salary/adjust/open.php")


def law_what_follows_counts_once() -> None:
    """An address of a page, its host, domain and path are one coincidence, also when listed."""
    parts = (("domain-name", "dl.coincheck-files.com"), ("url:path", "/salary/adjust/open.php"))
    for values in ([PAGE], [PAGE, *parts], [*parts, PAGE], [parts[0]]):
        found = total(record("a", *values), record("b", *values))
        assert math.isclose(found, ONE_HOST, abs_tol=CLOSE)


def law_shared_page_is_not_also_a_shared_host() -> None:
    """Further pages of its host, one in each report, are no second coincidence."""
    one, two = (("url", f"http://dl.coincheck-files.com/{n}") for n in (1, 2))
    found = total(record("a", PAGE, one), record("b", PAGE, two))
    assert math.isclose(found, ONE_HOST, abs_tol=CLOSE)


def law_shared_host_is_not_also_a_shared_provider() -> None:
    """Who shares a free subdomain has its provider in common by necessity."""
    host = ("domain-name", "cc.ddns.net")
    assert math.isclose(total(record("a", host), record("b", host)), ONE_HOST, abs_tol=CLOSE)


def law_provider_is_weak() -> None:
    """Thirty providers of free names and an AS in common carry at most 2 bits."""
    providers = ["ddns.net", "publicvm.com", "hopto.org", "zapto.org", "no-ip.org", "sytes.net"]
    values = {
        i: [("domain-name", f"{i}{n}host.{p}") for n, p in enumerate(providers)] for i in "ab"
    }
    system = ("autonomous-system", "AS20473")
    for case in (False, True):
        found = link_of([record(i, *values[i], system) for i in "ab"], case=case)
        assert 0 < found.weight_bits <= 2.0
        assert not any(c.comparison.startswith("anchor") for c in found.contributions)


def law_shift_of_ten_years(rng: Random) -> None:
    """Decay depends on the gap between two sightings, never on how long ago they were."""
    records = examples.some_records(rng, techniques=False)

    def later(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: later(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [later(v) for v in value]
        if key in ("published", "first_seen", "last_seen"):
            return (date.fromisoformat(value) + timedelta(days=3652)).isoformat()
        return value

    assert total(*later(records)) == total(*records)


def law_order_inside_a_record_does_not_matter() -> None:
    """Not even where a value stands in two lists."""
    names = [listed("file:name", f"n{n}.exe", "one") for n in range(3)]
    twice = [listed("file:name", "x.exe", "one"), listed("file:name", "x.exe", "two")]
    other = record("b", HASH, twice[0], *names)
    one = total(record("a", *twice, HASH, *names), other)
    assert math.isclose(one, total(record("a", *twice[::-1], HASH, *names), other), abs_tol=CLOSE)


def law_further_host_of_a_provider_never_lowers() -> None:
    """A host that both name, but twelve years apart, hides no provider they share today."""
    a, b = ("domain-name", "aa.ddns.net"), ("domain-name", "bb.ddns.net")
    old = listed("domain-name", "cc.ddns.net", "", first_seen="2008-01-01")
    new = old | {"first_seen": "2020-01-01"}
    dates = {"published": "2020-01-01"}
    without = total(record("a", a, **dates), record("b", b, **dates))
    assert total(record("a", a, old, **dates), record("b", b, new, **dates)) >= without - CLOSE


def law_further_address_of_a_network_never_lowers() -> None:
    """A shared address in a crowded list hides no shared /24 of another list."""
    crowd = [listed("ipv4-addr", f"185.3.{n}.7", "one") for n in range(3)]
    left, right = (listed("ipv4-addr", f"91.1.1.{n}", "two") for n in (1, 9))
    old = listed("ipv4-addr", "91.1.1.77", "one", first_seen="2010-01-01")
    new = old | {"first_seen": "2020-01-01"}

    def both(more_a: list[Record], more_b: list[Record]) -> float:
        return total(
            record("a", left, HASH, *crowd, *more_a, published="2020"),
            record("b", right, HASH, *crowd, *more_b, published="2020"),
        )

    assert both([old], [new]) >= both([], []) - CLOSE
