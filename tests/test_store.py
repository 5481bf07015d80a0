"""The workspace: the same thing twice, journal, kill at any moment, busy and broken files."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.helpers import read

from samehand.errors import (
    NotFoundError,
    StoreBusyError,
    StoreError,
    StoreMissingError,
    StoreVersionError,
    UsageError,
)
from samehand.store.duckdb import Store
from samehand.store.journal import append, journal_path, read_journal, replay

RUN = [sys.executable, "-c", "from samehand.cli import main; main(prog_name='samehand')"]


def rows(count: int, tag: str = "a") -> list[dict[str, Any]]:
    generator = random.Random(count)
    return [
        {
            "id": f"{tag}{n:05}",
            "published": f"2021-0{1 + n % 9}-01",
            "observables": [
                {"type": "domain-name", "value": f"{tag}{generator.randrange(count * 3)}.net"}
                for _ in range(12)
            ],
        }
        for n in range(count)
    ]


def ids(path: Path) -> set[str]:
    with Store(path, read_only=True) as store:
        return {r.id for r in store.reports()}


def test_adding_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    reports = [(read(r), "f.jsonl") for r in rows(30)]
    with Store.create(path) as store:
        assert len(store.add(reports).new) == 30
    with Store(path) as store:
        before = store.reports()
        again = store.add(reports)
        assert (again.new, again.updated, len(again.unchanged)) == ((), (), 30)
        assert store.reports() == before


def test_another_record_of_a_known_id_replaces_it_whole(tmp_path: Path) -> None:
    first, second = rows(2)
    second = {**second, "id": first["id"]}
    with Store.create(tmp_path / "w.duckdb") as store:
        store.add([(read(first), "f")])
        assert store.add([(read(second), "g")]).updated == (first["id"],)
        report, origin = store.report(first["id"])
        assert origin == "g"
        assert {o.raw for o in report.observations} == {o["value"] for o in second["observables"]}


def test_an_undated_report_is_known_from_the_day_it_was_added(tmp_path: Path) -> None:
    with Store.create(tmp_path / "w.duckdb") as store:
        store.add([(read({"id": "undated"}), "f")])
        report, _ = store.report("undated")
    assert report.published is None
    assert report.known_at == datetime.now(UTC).date()
    assert report.known_at > date(2026, 1, 1)


def test_a_missing_busy_foreign_or_broken_workspace_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="samehand init"):
        Store(tmp_path / "none.duckdb")
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"this is no database at all" * 400)
    with pytest.raises(StoreError, match="can be rebuilt"):
        Store(broken)
    other = tmp_path / "other.duckdb"
    with Store.create(other):
        pass
    with duckdb.connect(str(other)) as db:
        db.execute("UPDATE meta SET value = '999'")
    with pytest.raises(StoreVersionError, match="another version"):
        Store(other)
    held = tmp_path / "held.duckdb"
    with Store.create(held):
        script = (
            "from samehand.store.duckdb import Store; from pathlib import Path; "
            f"Store(Path({str(held)!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
    assert StoreBusyError.__name__ in done.stderr
    assert "another process" in done.stderr


def test_an_unknown_report_names_close_ids(tmp_path: Path) -> None:
    with Store.create(tmp_path / "w.duckdb") as store:
        store.add([(read({"id": "vendor-2020"}), "f")])
        with pytest.raises(NotFoundError, match="vendor-2020"):
            store.report("vendor-2021")
        with pytest.raises(NotFoundError, match="samehand analyse"):
            store.assessment()


def kill_during(command: list[str], delay: float) -> bool:
    """Start a command and kill it hard after a delay; whether it was still running."""
    process = subprocess.Popen(
        [*RUN, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(delay)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def test_a_process_killed_at_any_moment_of_add_leaves_a_whole_workspace(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with Store.create(path) as store:
        store.add([(read(r), "f") for r in rows(50, "old")])
    old = ids(path)
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows(4000, "new")))
    everything = old | {r["id"] for r in rows(4000, "new")}
    start = time.monotonic()
    subprocess.run(
        [*RUN, "-w", str(tmp_path / "probe.duckdb"), "init"], check=True, capture_output=True
    )
    subprocess.run(
        [*RUN, "-w", str(tmp_path / "probe.duckdb"), "add", str(file)],
        check=True,
        capture_output=True,
    )
    whole = time.monotonic() - start
    interrupted = 0
    for part in (0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9):
        interrupted += kill_during(["-w", str(path), "add", str(file)], whole * part)
        found = ids(path)
        assert found in (old, everything), len(found)
    assert interrupted >= 2
    subprocess.run([*RUN, "-w", str(path), "add", str(file)], check=True, capture_output=True)
    assert ids(path) == everything


def test_a_process_killed_at_any_moment_of_analyse_leaves_a_whole_workspace(
    tmp_path: Path,
) -> None:
    path = tmp_path / "w.duckdb"
    with Store.create(path) as store:
        store.add([(read(r), "f") for r in rows(8)])
    subprocess.run([*RUN, "-w", str(path), "analyse"], check=True, capture_output=True)
    with Store(path, read_only=True) as store:
        before = store.assessment()
    start = time.monotonic()
    subprocess.run([*RUN, "-w", str(path), "analyse"], check=True, capture_output=True)
    whole = time.monotonic() - start
    for part in (0.3, 0.6, 0.8, 0.92):
        kill_during(["-w", str(path), "analyse"], whole * part)
        with Store(path, read_only=True) as store:
            assert store.assessment() == before
    subprocess.run([*RUN, "-w", str(path), "analyse"], check=True, capture_output=True)


def test_the_journal_is_appended_replayed_and_undone(tmp_path: Path) -> None:
    journal = journal_path(tmp_path / "w.duckdb")
    append(journal, "must-link", ["b", "a"], "same actor panel")
    append(journal, "cannot-link", ["c", "a"], "", "hand")
    append(journal, "split", ["d", "e", "f"], "")
    decisions, problems = read_journal(journal)
    assert problems == []
    found = replay(decisions)
    assert found.must_campaign == {("a", "b")}
    assert found.cannot_hand == {("a", "c")}
    assert found.cannot_campaign == {("d", "e"), ("d", "f")}
    append(journal, "undo", ["1"], "")
    assert replay(read_journal(journal)[0]).must_campaign == frozenset()
    append(journal, "undo", ["4"], "")
    assert replay(read_journal(journal)[0]).must_campaign == {("a", "b")}
    append(journal, "reject", ["a", "b"], "changed my mind")
    assert replay(read_journal(journal)[0]).must_campaign == frozenset()


def test_a_line_cut_short_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    journal = journal_path(tmp_path / "w.duckdb")
    append(journal, "merge", ["a", "b", "c"], "")
    with journal.open("ab") as stream:
        stream.write(b'{"number": 2, "action": "mer')
    append(journal, "accept", ["x", "y"], "")
    decisions, problems = read_journal(journal)
    assert [d.action for d in decisions] == ["merge", "accept"]
    assert len(problems) == 1
    assert "line 2" in problems[0].place


@pytest.mark.parametrize(
    ("action", "subjects"),
    [("accept", ["a"]), ("must-link", ["a", "a"]), ("merge", ["a"]), ("split", ["a"])],
)
def test_a_decision_that_makes_no_sense_is_refused(
    tmp_path: Path, action: Any, subjects: list[str]
) -> None:
    with pytest.raises(UsageError, match=action):
        append(journal_path(tmp_path / "w.duckdb"), action, subjects, "")
    with pytest.raises(NotFoundError, match="undo"):
        append(journal_path(tmp_path / "w.duckdb"), "undo", ["7"], "")
