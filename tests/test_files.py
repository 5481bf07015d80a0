"""Hashes of one file count as one: in a report, and between reports that list different ones."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import read, record
from samehand.case import Options, pair_evidence, prepare
from samehand.compare.files import same_files
from samehand.config import default_parameters
from samehand.link import make_link
from samehand.model import Feature

MD5, SHA1, SHA256 = "0123456789abcdef" * 2, "89abcdef01" * 4, "fedcba9876543210" * 4


def hashes(*pairs: tuple[str, str], file: str = "", batch: str = "t") -> list[dict[str, Any]]:
    return [
        {"type": f"file:{kind}", "value": value, "batch": batch, "file": file}
        for kind, value in pairs
    ]


def bits(*records: dict[str, Any]) -> float:
    case = prepare([read(r) for r in records], default_parameters(), Options(prior="case"))
    return make_link(pair_evidence(case, "a", "b"), default_parameters()).weight_bits


ALL = (("md5", MD5), ("sha1", SHA1), ("sha256", SHA256))


def test_three_hashes_of_one_file_weigh_as_one_hash() -> None:
    one = bits(*(record(i, *hashes(("sha256", SHA256))) for i in "ab"))
    three = bits(*(record(i, *hashes(*ALL, file="f")) for i in "ab"))
    apart = bits(*(record(i, *hashes(*ALL)) for i in "ab"))
    assert three == pytest.approx(one, abs=1e-9)
    assert apart > one  # without knowing it they count as three samples


def test_reports_with_different_hashes_of_one_file_meet_through_a_third() -> None:
    a = record("a", *hashes(("md5", MD5)))
    b = record("b", *hashes(("sha256", SHA256)))
    c = record("c", *hashes(*ALL, file="f"))
    unknown = record("c", *hashes(*ALL))
    assert bits(a, b, unknown) <= 0
    assert bits(a, b, c) > 5


def test_the_strongest_hash_stands_for_the_file_over_all_reports() -> None:
    reports = [
        read(record("a", *hashes(("md5", MD5), ("sha1", SHA1), file="x"))),
        read(record("b", *hashes(("sha1", SHA1), ("sha256", SHA256), file="y"))),
    ]
    standing = Feature("file:sha256", SHA256)
    expected = {Feature("file:md5", MD5): standing, Feature("file:sha1", SHA1): standing}
    assert same_files(reports) == expected
    assert same_files(reversed(reports)) == expected


def test_fuzzy_hashes_never_make_files_the_same() -> None:
    imphash = "00112233445566778899aabbccddeeff"
    reports = [
        read(record("a", *hashes(("md5", MD5), ("imphash", imphash), file="x"))),
        read(record("b", *hashes(("sha256", SHA256), ("imphash", imphash), file="y"))),
    ]
    assert same_files(reports) == {}
