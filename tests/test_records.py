"""Reading records: what a record says is what the report holds, and no label tells on it."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import examples
from helpers import listed, record, sorted_out, total, written
from samehand.formats.fields import parse_window
from samehand.formats.records import Defaults, parse_record
from samehand.model import Window

GOOD = {"id": "good", "observables": [{"type": "domain-name", "value": "evil[.]example[.]com"}]}


def test_same_records_are_read_from_json_and_json_lines_plain_and_packed(tmp_path: Path) -> None:
    both = [GOOD, {**GOOD, "id": "other"}]
    lines = written(tmp_path / "a.jsonl", *both).read_bytes()
    (tmp_path / "b.json").write_text(json.dumps(both))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "d.JSON.GZ").write_bytes(gzip.compress(json.dumps(both).encode()))
    expected = [parse_record(r, "")[0] for r in both]
    for name in ("a.jsonl", "b.json", "c.jsonl.gz", "d.JSON.GZ"):
        assert sorted_out(tmp_path / name) == (expected, [])


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("2021-02", date(2021, 2, 1), date(2021, 2, 28)),
        ("2020-06-24", date(2020, 6, 24), date(2020, 6, 24)),
        ("2020-06-24T10:00:00Z", date(2020, 6, 24), date(2020, 6, 24)),
        ("2019-11/2020", date(2019, 11, 1), date(2020, 12, 31)),
        ("2018/2018-03-01", date(2018, 1, 1), date(2018, 3, 1)),
    ],
)
def test_date_stands_for_all_days_that_it_may_mean(text: str, start: date, end: date) -> None:
    assert parse_window(text) == Window(start, end)
    report, _ = parse_record({"id": "r", "published": text}, "p")
    assert report is not None and report.known_at == end


def test_unknown_fields_are_kept_and_named_once_per_file(tmp_path: Path) -> None:
    reports, problems = sorted_out(
        written(
            tmp_path / "in.jsonl", {"id": "a", "mood": "grim"}, {"id": "b", "mood": 1, "stars": 5}
        )
    )
    assert json.loads(reports[0].extra) == {"mood": "grim"}
    assert len(problems) == 1 and problems[0].severity == "warning"
    assert "mood, stars" in problems[0].message


def test_duplicate_ids_are_equal_when_the_content_is_and_told_apart_when_not(
    tmp_path: Path,
) -> None:
    shuffled = dict(reversed(GOOD.items()))
    reports, _ = sorted_out(
        written(tmp_path / "in.jsonl", GOOD, shuffled, {**GOOD, "title": "Another"})
    )
    assert reports[0] == reports[1]
    assert reports[0].content_hash != reports[2].content_hash


def test_same_value_twice_is_one_observation_and_one_per_list() -> None:
    value = {"type": "mutex", "value": "m"}
    report, _ = parse_record(
        {"id": "r", "observables": [value, value, {**value, "batch": "two"}]}, "p"
    )
    assert report is not None and len(report.observations) == 2
    assert len({o.id for o in report.observations}) == 2


def test_value_twice_in_one_list_keeps_all_its_dates_in_whatever_order_they_stand() -> None:
    early, late = (
        listed("ipv4-addr", "91.1.1.1", "log", first_seen=day)
        for day in ("2015-01-01", "2019-01-01")
    )
    other = record("b", late)
    assert total(record("a", early, late), other) == total(record("a", late, early), other)


@given(
    st.randoms(use_true_random=False),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=4,
    ),
)
def test_label_and_provenance_have_no_influence_on_a_report_of_the_case(
    rng: Random, noise: object
) -> None:
    record = examples.some_records(rng)[0]
    plain, _ = parse_record(record, "p")
    labelled, problems = parse_record(record | {"label": noise}, "p")
    assert labelled == plain and problems == []
    noted, problems = parse_record(record | {"provenance": noise, "label": noise}, "p")
    assert noted is not None and plain is not None and problems == []
    assert replace(noted, provenance="{}", content_hash=plain.content_hash) == plain


def test_label_is_read_for_reference_reports_only() -> None:
    record = {**GOOD, "label": {"actor": "Lazarus Group", "campaign": "x"}}
    for use, actor in (("case", ""), ("background", ""), ("reference", "Lazarus Group")):
        report, _ = parse_record(record, "p", use=use)
        assert report is not None and report.known_actor == actor


def test_defaults_of_the_user_fill_only_what_the_record_leaves_open() -> None:
    defaults = Defaults("Sky", "2020-05", "incident", "green", "C3")
    silent, _ = parse_record({"id": "r"}, "p", defaults=defaults)
    assert silent is not None
    assert (silent.publisher, silent.kind, silent.tlp, silent.grade) == (
        "Sky",
        "incident",
        "GREEN",
        "C3",
    )
    assert silent.published == parse_window("2020-05")
    stated = {
        "id": "r",
        "publisher": "Own",
        "kind": "note",
        "tlp": "TLP:RED",
        "grade": "a1",
        "published": "2019",
    }
    own, _ = parse_record(stated, "p", defaults=defaults)
    assert own is not None
    assert (own.publisher, own.kind, own.tlp, own.grade) == ("Own", "note", "RED", "A1")


@pytest.mark.parametrize(
    ("kind", "tlp"),
    [("report", "CLEAR"), ("compilation", "CLEAR"), ("incident", "AMBER"), ("note", "AMBER")],
)
def test_own_records_without_a_marking_are_amber(kind: str, tlp: str) -> None:
    report, _ = parse_record({"id": "r", "kind": kind}, "p")
    assert report is not None and report.tlp == tlp
