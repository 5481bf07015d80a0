"""Documents in a workspace: shown with marks, reviewed, with decisions that survive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samehand.extract.report import identifier, marking
from samehand.extract.review import reviewed
from samehand.model import Decision, Feature
from samehand.read.document import Document
from test_intake import call, ok, text

TEXT = """Indicators of compromise
C2 servers:
evil[.]bad-updates[.]net
185.141.63.120

The legitimate file setup.exe is dropped. See https://www.example.org/analysis for more.
Marked T1566.002 and S0154.
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    text(tmp_path / "report.txt", TEXT)
    ok(tmp_path, "init")
    ok(tmp_path, "add", "report.txt", "--publisher", "Vendor", "--published", "2024-03-01")
    return tmp_path


def only_id(workspace: Path) -> str:
    (row,) = json.loads(ok(workspace, "reports", "--json"))
    return str(row["id"])


def held(workspace: Path) -> dict[str, Any]:
    report = json.loads(ok(workspace, "show", only_id(workspace), "--json"))
    return {o["feature"]["value"]: o for o in report["observations"]}


def test_a_document_becomes_a_report_with_places_and_origin(workspace: Path) -> None:
    report = json.loads(ok(workspace, "show", only_id(workspace), "--json"))
    assert report["publisher"] == "Vendor" and report["tlp"] == "AMBER"
    assert report["text"] == TEXT
    assert report["cites"] == ["https://www.example.org/analysis"]
    by_value = {o["feature"]["value"]: o for o in report["observations"]}
    seen = by_value["evil.bad-updates.net"]
    assert (seen["role"], seen["raw"]) == ("c2", "evil[.]bad-updates[.]net")
    assert TEXT[seen["start"] : seen["end"]] == seen["raw"]
    assert by_value["T1566.002"]["feature"]["kind"] == "technique"
    assert by_value["cobalt strike"]["feature"]["kind"] == "software"


def test_adding_again_changes_nothing_and_another_text_is_another_report(workspace: Path) -> None:
    assert "0 reports added, 0 replaced, 1 already there" in ok(
        workspace, "add", "report.txt", "--publisher", "Vendor", "--published", "2024-03-01"
    )
    text(workspace / "report.txt", TEXT + "more")
    assert "1 reports added" in ok(workspace, "add", "report.txt")


def test_the_text_is_shown_with_every_extraction_marked_and_nothing_clickable(
    workspace: Path,
) -> None:
    shown = ok(workspace, "show", only_id(workspace))
    assert "⟦evil[.]bad-updates[.]net | domain-name c2⟧" in shown
    assert "The legitimate file ⟦setup.exe | file:name benign⟧ is dropped." in shown
    assert "https://" not in shown


def test_decisions_hold_when_the_file_is_added_again(workspace: Path) -> None:
    report = only_id(workspace)
    rows = ok(workspace, "review", report).splitlines()
    number = next(r.split()[0] for r in rows if "185[.]141[.]63[.]120" in r)
    ok(workspace, "review", report, "reject", number, "--reason", "a scanner")
    ok(workspace, "review", report, "role", "evil[.]bad-updates[.]net", "--as", "victim")
    ok(workspace, "review", report, "accept", "setup.exe")
    ok(
        workspace,
        "review",
        report,
        "add",
        "--type",
        "domain-name",
        "--role",
        "c2",
        "new[.]evil.net",
    )

    def check() -> None:
        found = held(workspace)
        assert "185.141.63.120" not in found
        assert found["evil.bad-updates.net"]["role"] == "victim"
        assert found["setup.exe"]["status"] == "accepted"
        assert found["new.evil.net"]["status"] == "added"
        assert found["new.evil.net"]["extractor"] == "analyst"

    check()
    (workspace / "samehand.duckdb").unlink()  # the store is derived, the journal is not
    ok(workspace, "init")
    ok(workspace, "add", "report.txt")
    check()
    listed = ok(workspace, "review", report)
    assert "rejected" in listed and "accepted as victim" in listed and "added" in listed
    assert "| ipv4-addr c2 rejected⟧" in ok(workspace, "show", report)


def test_a_decision_can_be_undone(workspace: Path) -> None:
    report = only_id(workspace)
    made = json.loads(ok(workspace, "review", report, "reject", "185.141.63.120", "--json"))
    assert "185.141.63.120" not in held(workspace)
    ok(workspace, "decide", "undo", str(made[0]["number"]))
    assert "185.141.63.120" in held(workspace)


def test_retyping_moves_a_value_to_the_new_type(workspace: Path) -> None:
    report = only_id(workspace)
    ok(workspace, "review", report, "retype", "setup.exe", "--as", "service-name")
    assert held(workspace)["setup.exe"]["feature"]["kind"] == "service-name"
    assert "now service-name" in ok(workspace, "review", report)


def test_rejected_values_are_not_compared(workspace: Path) -> None:
    rows = [
        {"id": "other", "published": "2024-03-02", "publisher": "P",
         "observables": [{"type": "domain-name", "value": "evil.bad-updates.net", "role": "c2"}]}
    ]  # fmt: skip
    (workspace / "o.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    ok(workspace, "add", "o.jsonl")
    report = next(i for i in ids(workspace) if i != "other")

    def bits() -> float:
        link = json.loads(ok(workspace, "compare", report, "other", "--json"))
        return float(link["weight_bits"])

    assert bits() > 3
    ok(workspace, "review", report, "reject", "evil.bad-updates.net")
    assert bits() <= 0


def ids(workspace: Path) -> list[str]:
    return [str(r["id"]) for r in json.loads(ok(workspace, "reports", "--json"))]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["reject", "99"], 2, "neither a number"),
        (["reject", "nothere.com"], 2, "neither a number"),
        (["reject"], 2, "at least one"),
        (["retype", "1"], 2, "--as"),
        (["accept", "1", "--as", "url"], 2, "--as"),
        (["add", "evil.com"], 2, "--type"),
        (["add", "--type", "hostname", "evil.com"], 2, "no type"),
        (["add", "--type", "ipv4-addr", "1.2.3"], 2, "1.2.3"),
        (["retype", "setup.exe", "--as", "ipv4-addr"], 2, "setup.exe"),
    ],
)
def test_wrong_use_is_said_and_writes_nothing(
    workspace: Path, arguments: list[str], code: int, word: str
) -> None:
    done = call(workspace, "review", only_id(workspace), *arguments)
    assert done.returncode == code, done.stderr
    assert word in done.stderr
    assert not (workspace / "samehand.journal.jsonl").exists()


# Pure parts


def step(number: int, action: Any, *subjects: str) -> Decision:
    return Decision(number, action, subjects, "", "2024-01-01T00:00:00+00:00")


def test_a_decision_about_a_value_that_is_not_there_changes_nothing() -> None:
    from helpers import read, record

    report = read(record("r", ("domain-name", "evil.com")))
    steps = [
        step(1, "review-reject", "r", "domain-name", "other.com"),
        step(2, "review-retype", "r", "url", "http://evil.com/x", "domain-name"),
    ]
    assert reviewed(report, steps) == report
    twice = [step(3, "review-reject", "r", "domain-name", "evil.com")] * 2
    assert reviewed(report, twice).observations == ()
    added = [step(4, "review-add", "r", "domain-name", "new.com", "c2")] * 2
    again = reviewed(report, added).observations
    assert [o.feature for o in again] == [
        Feature("domain-name", "evil.com"),
        Feature("domain-name", "new.com"),
    ]


def test_the_id_of_a_document_is_its_title_and_its_text_whatever_the_file_is_called() -> None:
    one = Document("in/a.pdf", "pdf", "some text", title="Big Report (final)")
    assert identifier(one).startswith("big-report-final-")
    assert identifier(one) == identifier(replace(one, name="copy of a.pdf"))
    assert identifier(one) != identifier(replace(one, text="other"))
    assert identifier(Document("x", "text", "t", title="TLP:RED")).startswith("document-")


def test_a_copy_of_a_file_is_no_second_report(workspace: Path) -> None:
    text(workspace / "copy of report.txt", TEXT)
    arguments = ("--publisher", "Vendor", "--published", "2024-03-01")
    assert "1 already there" in ok(workspace, "add", "copy of report.txt", *arguments)


def test_a_role_that_does_not_exist_is_refused(workspace: Path) -> None:
    done = call(workspace, "review", only_id(workspace), "role", "1", "--as", "benin")
    assert done.returncode == 2 and "benign" in done.stderr


@pytest.mark.parametrize(
    ("words", "marked"),
    [
        ("TLP:GREEN\ntext", "GREEN"),
        ("Traffic light: TLP: AMBER+STRICT", "AMBER+STRICT"),
        ("TLP:WHITE", "CLEAR"),
        ("TLP:CLEAR on page 1, TLP:RED on page 2", "RED"),
        ("nothing about it; see http://www.example.org/tlp", ""),
        ("the TLP describes sharing", ""),
    ],
)
def test_the_marking_of_a_document_is_the_most_restricted_that_it_bears(
    words: str, marked: str
) -> None:
    assert marking(words) == marked


def test_the_last_decision_about_a_value_counts_and_a_list_is_decided_as_one(
    workspace: Path,
) -> None:
    name = only_id(workspace)
    before = held(workspace)
    ok(workspace, "review", name, "reject", "2")
    ok(workspace, "review", name, "reject", "1-3")
    assert len(held(workspace)) == len(before) - 3
    ok(workspace, "review", name, "accept", "2")
    assert len(held(workspace)) == len(before) - 2
    ok(workspace, "review", name, "retype", "2", "--as", "url")
    ok(workspace, "review", name, "accept", "2")
    back = {v: o["feature"]["kind"] for v, o in held(workspace).items()}
    assert back.items() <= {v: o["feature"]["kind"] for v, o in before.items()}.items()
    decided = len(json.loads(ok(workspace, "decide", "--json")))
    assert call(workspace, "review", name, "reject", "3", "no such value").returncode == 2
    assert len(json.loads(ok(workspace, "decide", "--json"))) == decided


def test_a_link_that_the_text_does_not_show_is_a_citation(tmp_path: Path) -> None:
    page = (
        "<p>As <a href='https://vendor.example/first'>others</a> said, evil[.]example is bad.</p>"
    )
    text(tmp_path / "r.html", f"<html><body><article>{page}</article></body></html>")
    ok(tmp_path, "init")
    ok(tmp_path, "add", "r.html")
    assert json.loads(ok(tmp_path, "show", only_id(tmp_path), "--json"))["cites"] == [
        "https://vendor.example/first"
    ]
