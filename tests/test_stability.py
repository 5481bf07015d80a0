"""Stability of campaigns: what rests on little is told apart from what rests on much."""

from __future__ import annotations

import pytest

import samehand.stability as room
from helpers import Record, read, record
from samehand.case import Options, prepare
from samehand.config import default_parameters
from samehand.stability import stability

HASHES = [("file:sha256", f"{n:064x}") for n in range(1, 8)]
HOSTS = [("domain-name", f"kq{n}-telemetry.xyz") for n in range(8)]


def figure(records: list[Record], **options: object) -> float | None:
    case = prepare([read(r) for r in records], default_parameters(), Options(prior="case"))
    return stability(case, case.gatherer(), [r["id"] for r in records], **options)  # type: ignore[arg-type]


def test_many_facets_are_steadier_than_one() -> None:
    both = figure([record(i, *HASHES[:3], *HOSTS[:3]) for i in "abc"])
    one = figure([record(i, *HOSTS[:3]) for i in "abc"])
    assert both is not None and one is not None
    assert one < both


def test_a_group_held_by_one_bridge_is_less_steady_than_a_clique() -> None:
    """a-b share some, c-d share others; b-c hold everything together, or all share all."""
    clique = [record(i, *HASHES[:2], *HOSTS[:2]) for i in "abcd"]
    chain = [
        record("a", *HASHES[:2], *HOSTS[:2]),
        record("b", *HASHES[:4], *HOSTS[:4]),
        record("c", *HASHES[2:6], *HOSTS[2:6]),
        record("d", *HASHES[4:6], *HOSTS[4:6]),
    ]
    steady, held = figure(clique), figure(chain)
    assert steady is not None and held is not None and held < steady


def test_links_of_the_analyst_hold_whatever_is_left_out() -> None:
    records = [record("a", HOSTS[0]), record("b", HOSTS[1])]
    assert figure(records, must=[("a", "b")]) == pytest.approx(1.0)
    together = [record(i, *HASHES[:3], *HOSTS[:3]) for i in "ab"]
    assert figure(together, cannot=[("a", "b")]) == 0.0


def test_order_does_not_matter_and_copies_and_single_reports_have_none() -> None:
    records = [record(i, *HASHES[:3], *HOSTS[:3]) for i in "abc"]
    assert figure(records) == figure(records[::-1])
    assert figure(records[:1]) is None
    copy = {**records[0], "id": "k", "cites": ["a"]}
    assert figure([*records, copy]) == figure(records)
    assert figure([records[0], copy]) is None


def test_large_groups_get_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_WITNESSES", 2)
    assert figure([record(i, *HASHES[:3]) for i in "abc"]) is None
