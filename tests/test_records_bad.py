"""Reading records: bad input becomes a problem with its place, and reading goes on."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import sorted_out, written
from samehand.formats import records
from samehand.formats.records import parse_record

GOOD = {"id": "good", "observables": [{"type": "domain-name", "value": "evil[.]example[.]com"}]}


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id": "cut", "observables": [{"type": "doma',
        b"not json at all",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"id": "x"} {"id": "y"}',
        b"\xff\xfe\x00",
        b'"text"',
        b"[1, 2]",
        b"null",
        b"{}",
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": true}',
        b'{"id": ["a"]}',
        b'{"id": "line\\nbreak"}',
        json.dumps({"id": "x" * 301}).encode(),
    ],
)
def test_bad_line_is_named_and_its_neighbours_are_read(bad: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", {**GOOD, "id": "before"}, bad, GOOD)
    reports, problems = sorted_out(path)
    assert [r.id for r in reports] == ["before", "good"]
    assert [p.place for p in problems] == [f"{path}, line 2"]
    assert "skipped" in problems[0].message


@pytest.mark.parametrize(
    ("observable", "reason"),
    [
        ({"type": "domain-name", "value": "not a domain"}, "not a domain name"),
        ({"type": "ipv4-addr", "value": "999.1.1.1"}, "999.1.1.1"),
        ({"type": "file:md5", "value": "abc"}, "32 hexadecimal"),
        ({"type": "domain-name", "value": 7}, "textual"),
        ({"type": "domain-name"}, "textual"),
        ("evil.com", "textual"),
        ({"type": "smoke-signal", "value": "x"}, "'smoke-signal' (1)"),
        ({"value": "x"}, "unknown observable types"),
        ({"type": "registered-domain", "value": "evil.com"}, "'registered-domain' (1)"),
        ({"type": "technique", "value": "T1566"}, "'technique' (1)"),
        ({"type": "mutex", "value": "x" * 9000}, "longer than 8192"),
        ({"type": "mutex", "value": "a\u0000b"}, "control characters"),
    ],
)
def test_bad_observable_is_named_and_the_rest_of_the_report_is_read(
    observable: object, reason: str
) -> None:
    record = {"id": "r", "observables": [observable, *GOOD["observables"]]}
    report, problems = parse_record(record, "here, line 1")
    assert report is not None and len(report.observations) == 1
    assert len(problems) == 1 and problems[0].place == "here, line 1, report r"
    assert reason in problems[0].message


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("observables", "evil.com", "not a list"),
        ("observables", {"a": 1}, "not a list"),
        ("techniques", ["T1566", "phishing"], "T1566.002"),
        ("techniques", [1566], "not text"),
        ("software", "mimikatz", "not a list"),
        ("victims", ["Japan"], "not an object"),
        ("claims", [{"relation": "hunch"}], "attribution"),
        ("claims", ["X is Y"], "attribution"),
        ("claims", [{"relation": "alias", "facets": ["vibes"]}], "infrastructure"),
        ("claims", [{"relation": "alias", "count": "forty"}], "whole number"),
        ("published", 2020, "published"),
        ("grade", 2, "grade"),
        ("tlp", ["RED"], "tlp"),
        ("title", 7, "title"),
        ("kind", False, "kind"),
        ("text", ["a"], "text"),
        ("published", "2021-02-30", "undated"),
        ("published", "2021-13", "undated"),
        ("published", "0000", "undated"),
        ("published", "last spring", "YYYY-MM-DD"),
        ("published", "2021/2020", "ends before it begins"),
        ("kind", "rumour", "incident"),
        ("tlp", "purple", "RED"),
        ("grade", "Z9", "B2"),
    ],
)
def test_bad_field_is_named_and_the_report_is_kept(field: str, value: object, said: str) -> None:
    report, problems = parse_record({**GOOD, field: value} | {"id": "r"}, "p")
    assert report is not None and report.id == "r"
    assert len(problems) == 1 and said in problems[0].message
    if field == "published":
        assert report.published is None
    if field == "tlp":
        assert report.tlp == "RED"


def test_empty_file_and_empty_lines_give_nothing_but_a_word(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "blank.json").write_bytes(b" \n")
    for name in ("empty.jsonl", "blank.json"):
        reports, problems = sorted_out(tmp_path / name)
        assert reports == [] and len(problems) == 1 and "empty" in problems[0].message
    reports, problems = sorted_out(written(tmp_path / "in.jsonl", b"", GOOD, b"  "))
    assert len(reports) == 1 and problems == []


def test_truncated_gzip_gives_what_came_before_and_a_problem(tmp_path: Path) -> None:
    rng = Random(1)
    many = b"\n".join(
        json.dumps({"id": f"r{n}", "text": f"{rng.getrandbits(4000):x}"}).encode()
        for n in range(200)
    )
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(many)[:-5000])
    reports, problems = sorted_out(path)
    assert 100 < len(reports) < 200 and [r.id for r in reports] == [
        f"r{n}" for n in range(len(reports))
    ]
    assert any("cannot be read" in p.message and p.place == str(path) for p in problems)


@pytest.mark.parametrize("content", [b"plain text", b"\x1f\x8b\x08\x00broken"])
def test_file_that_is_no_gzip_is_a_problem(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.json.gz"
    path.write_bytes(content)
    reports, problems = sorted_out(path)
    assert reports == [] and any("cannot be read" in p.message for p in problems)


def test_missing_file_is_a_problem(tmp_path: Path) -> None:
    _, problems = sorted_out(tmp_path / "none.jsonl")
    assert len(problems) == 1 and "cannot be read" in problems[0].message


def test_line_over_the_limit_is_skipped_unread_and_memory_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 256 * 1024
    monkeypatch.setattr(records, "MAX_LINE_BYTES", limit)
    path = tmp_path / "in.jsonl"
    with path.open("wb") as stream:
        stream.write(json.dumps({**GOOD, "id": "before"}).encode() + b'\n{"id": "huge", "text": "')
        for _ in range(40):
            stream.write(b"x" * 2**20)
        stream.write(b'"}\n' + json.dumps(GOOD).encode() + b"\n")
    tracemalloc.start()
    reports, problems = sorted_out(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.id for r in reports] == ["before", "good"]
    assert [p.place for p in problems] == [f"{path}, line 2"]
    assert peak < 8 * limit  # the line has 160 times the limit


def test_line_of_40_megabytes_is_refused_by_the_limit_that_ships(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    line = b'{"id": "huge", "text": "' + b"x" * 40_000_000 + b'"}'
    reports, problems = sorted_out(written(path, line, GOOD))
    assert [r.id for r in reports] == ["good"]
    assert len(problems) == 1 and "longer than 32 MiB" in problems[0].message


def test_file_that_unpacks_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_FILE_BYTES", 2**20)
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 30_000_000 + b"]"))
    tracemalloc.start()
    reports, problems = sorted_out(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reports == [] and "larger than" in problems[0].message and peak < 8 * 2**20


def test_report_with_too_many_observables_is_cut_with_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "MAX_OBSERVABLES", 3)
    values = [{"type": "mutex", "value": f"m{n}"} for n in range(5)]
    report, problems = parse_record({"id": "r", "observables": values}, "p")
    assert report is not None and len(report.observations) == 3
    assert len(problems) == 1 and "only the first 3" in problems[0].message


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "type", "value", "relation", "reports", "country", "facets"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(
        [
            "observables",
            "claims",
            "victims",
            "techniques",
            "cites",
            "label",
            "published",
            "tlp",
            "grade",
            "urls",
            "samples",
            "software",
            "text",
            "kind",
            "provenance",
        ]
    ),
)
def test_no_value_of_any_field_breaks_the_reader(value: object, field: str) -> None:
    report, problems = parse_record({"id": "r", field: value}, "p")
    assert report is not None and report.id == "r"
    assert all(p.place.startswith("p, report r") for p in problems)
