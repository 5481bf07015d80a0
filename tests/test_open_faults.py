"""Laws that the program does not keep yet, each with its smallest example.

Every test here is expected to fail, strictly: when the fault is mended the suite says so, and the
test moves to the file it belongs to, without the mark.
"""

from __future__ import annotations

import math

import pytest

from helpers import bench, comparison, link_in, link_of, record, total
from samehand.config import default_parameters
from samehand.formats.records import parse_record
from samehand.knowledge.tools import is_public_tool
from samehand.normalise import canonical, refang

HASH = ("file:sha256", "ab" * 32)


def fault(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


def listed(kind: str, value: str, batch: str, **fields: str) -> dict[str, str]:
    return {"type": kind, "value": value, "batch": batch, **fields}


@fault("profile.profile: the first list in the file wins, so the order inside a record matters")
def test_order_of_values_inside_a_record_does_not_matter_when_one_stands_in_two_lists() -> None:
    names = [listed("file:name", f"n{n}.exe", "one") for n in range(3)]
    twice = [listed("file:name", "x.exe", "one"), listed("file:name", "x.exe", "two")]
    other = record("b", HASH, twice[0], *names)
    assert math.isclose(
        total(record("a", *twice, HASH, *names), other),
        total(record("a", *twice[::-1], HASH, *names), other),
        abs_tol=1e-9,
    )


@fault("evidence._items: a shared host hides the shared provider even when it weighs less")
def test_further_shared_host_of_a_shared_provider_never_lowers_the_link() -> None:
    a, b = ("domain-name", "aa.ddns.net"), ("domain-name", "bb.ddns.net")
    old = {"type": "domain-name", "value": "cc.ddns.net", "first_seen": "2008-01-01"}
    new = {"type": "domain-name", "value": "cc.ddns.net", "first_seen": "2020-01-01"}
    dates = {"published": "2020-01-01"}
    without = total(record("a", a, **dates), record("b", b, **dates))
    assert total(record("a", a, old, **dates), record("b", b, new, **dates)) >= without


@fault("evidence._items: a shared address moves its shared /24 from its own list to a crowded one")
def test_further_shared_address_of_a_shared_network_never_lowers_the_link() -> None:
    crowd = [listed("ipv4-addr", f"185.3.{n}.7", "one") for n in range(3)]
    left, right = (listed("ipv4-addr", f"91.1.1.{n}", "two") for n in (1, 9))
    old = listed("ipv4-addr", "91.1.1.77", "one", first_seen="2010-01-01")
    new = old | {"first_seen": "2020-01-01"}
    dates = {"published": "2020"}
    without = total(
        record("a", left, HASH, *crowd, **dates), record("b", right, HASH, *crowd, **dates)
    )
    assert (
        total(
            record("a", left, old, HASH, *crowd, **dates),
            record("b", right, new, HASH, *crowd, **dates),
        )
        >= without - 1e-9
    )


@fault("claims._one_per_origin: a repeated statement takes the grade of the best repeater")
def test_repeating_a_statement_under_a_better_grade_does_not_strengthen_it() -> None:
    told = comparison("c", "infrastructure", "code", grade="C3")
    repeated = comparison("r", "infrastructure", "code", claim={"origin": "c", "first_hand": False})
    pair = [record("a"), record("b")]
    assert math.isclose(
        link_of([*pair, told, repeated]).weight_bits, link_of([*pair, told]).weight_bits
    )


@fault("claims.withdrawals: what others repeat of a withdrawn statement still stands")
def test_withdrawal_also_silences_those_who_repeat_the_statement() -> None:
    pair = [record("a"), record("b")]
    told = comparison("c", "infrastructure", "code", publisher="Sky")
    repeated = comparison("r", "infrastructure", "code", claim={"origin": "c", "first_hand": False})
    claims = [{"relation": "withdrawal", "reports": ["c"]}]
    back = {"id": "d", "publisher": "Sky", "claims": claims}
    assert link_of([*pair, told, repeated, back]).weight_bits == 0


@fault("copies.find_copies: three that cite each other in a ring become copies of themselves")
def test_ring_of_citations_leaves_one_witness() -> None:
    ring = [record("a", HASH, cites=["b"]), record("b", HASH, cites=["c"]),
            record("c", HASH, cites=["a"])]  # fmt: skip
    gatherer = bench([*ring, record("x", HASH)])
    assert gatherer.universe.n == 16002
    assert "a" not in gatherer.copies.derivative_of.values() or (
        gatherer.copies.derivative_of.get("a") != "a"
    )
    assert link_in(gatherer, "a", "b").type == "copy"


@fault("copies._is_derivative: a victim's country is taken for an observable")
def test_report_that_shares_only_a_victim_with_its_source_is_no_copy() -> None:
    victims = [{"country": "JP"}]
    found = bench(
        [
            record("a", HASH, victims=victims),
            record("b", victims=victims, cites=["a"], text="An incident of our own."),
        ]
    )
    assert found.copies.derivative_of == {}


@fault("one N: prior k/N moves with what is loaded; only an anchor of the best grade moves back")
@pytest.mark.parametrize("shared", ["resemblance", "a statement"])
def test_no_single_link_of_a_case_moves_by_8_points_when_10000_strangers_are_loaded(
    shared: str,
) -> None:
    from dataclasses import replace

    from samehand.link import make_link

    alike = {"techniques": ["T1480.001", "T1220", "T1600.001"], "software": ["inhouse"]}
    pair = [record("a", **alike), record("b", **alike)]
    if shared == "a statement":
        pair = [record("a"), record("b"), comparison("c", "code", grade="B2")]
    gatherer = bench(pair, case=True)
    few = gatherer.gather("a", "b")
    many = replace(few, n=few.n + 10_000)  # none of them shares anything
    before, after = (make_link(e, default_parameters()).probability for e in (few, many))
    assert abs(before - after) < 0.08


@fault("knowledge.tools: the aliases of public_tools.toml are not read")
def test_public_tool_is_known_by_its_listed_aliases() -> None:
    assert is_public_tool("7-zip")
    assert is_public_tool("7z")


@fault("formats.records: a scalar field of the wrong type is dropped without a word")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("published", 2020),
        ("grade", 2),
        ("tlp", ["RED"]),
        ("title", 7),
        ("kind", False),
        ("text", ["a"]),
    ],
)
def test_field_of_the_wrong_type_is_named(field: str, value: object) -> None:
    _, problems = parse_record({"id": "r", field: value}, "p")
    assert len(problems) == 1


@fault("normalise: the canonical form is not stable")
@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("windows-registry-key", "\\ HKLM\\Run"),
        ("url:path", "/a\\\\.b"),
        ("url", "http://a.com/t[[.\t"),
    ],
)
def test_canonical_form_is_stable_for_odd_values_too(kind: str, raw: str) -> None:
    once = canonical(kind, raw)
    assert canonical(kind, once.value) == once


@fault("normalise.refang: each pass takes one backslash off")
def test_refanging_a_path_twice_changes_nothing_more() -> None:
    assert refang(refang("\\\\\\.pipe")) == refang("\\\\\\.pipe")


@fault("normalise._registry: separators alone become an empty value")
def test_registry_key_without_a_name_is_refused() -> None:
    try:
        found = canonical("windows-registry-key", "/").value
    except ValueError:
        return
    assert found


@fault("normalise._wallet: BIP-173 allows all capitals (QR codes); the address is the same")
def test_bech32_address_in_capitals_is_the_same_address() -> None:
    value = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # BIP-173, test vectors
    assert canonical("cryptocurrency-wallet", value.upper()).value == value


@fault("normalise._domain: full stops of UTS 46 (U+3002) are looked for before the mapping")
def test_ideographic_full_stop_divides_labels() -> None:
    try:
        found = canonical("domain-name", "例え。テスト").value
    except ValueError as error:
        raise AssertionError from error
    assert found == "xn--r8jz45g.xn--zckzah"


@fault("parameters.toml says that derived types never weigh more; a URL's host does, and lasts")
def test_host_of_a_url_weighs_no_more_than_the_url() -> None:
    weights = default_parameters().weights
    assert weights["domain-name"].m <= weights["url"].m
