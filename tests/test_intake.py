"""Files over several processes: order, faults of one file, and what the commands print of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from samehand import cli, intake
from samehand.intake import Extraction, Item, Task, read_all, read_one
from samehand.model import Problem, Report

RUN = [sys.executable, "-c", "from samehand.cli import main; main(prog_name='samehand')"]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def call(folder: Path, *args: object) -> Done:
    """One command in this process: starting Python anew for each would take most of the time."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(cli.main, [str(a) for a in args], prog_name="samehand")
    finally:
        os.chdir(before)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def ok(folder: Path, *args: object) -> str:
    done = call(folder, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def silent(stage: str, done: int, total: int) -> None:
    """Progress to nowhere."""


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path


def all_of(paths: list[Path], jobs: int = 2) -> list[tuple[str, list[Item]]]:
    found: dict[str, list[Item]] = {}
    for path, items in read_all(paths, Task({}), silent, jobs):
        found.setdefault(path.name, []).extend(items)
    return list(found.items())


def values(items: list[Item]) -> set[str]:
    found = [m for i in items if isinstance(i, Extraction) for m in i.mentions]
    return {m.feature.value for m in found}


def test_results_come_in_the_order_of_the_files_whatever_the_number_of_processes(
    tmp_path: Path,
) -> None:
    paths = [
        text(
            tmp_path / f"{n:02}.txt", f"C2 server host{n}[.]example.net. " + "words " * (n % 5) ** 7
        )
        for n in range(40)
    ]
    alone, both = all_of(paths, 1), all_of(paths, 3)
    assert [name for name, _ in both] == [p.name for p in paths]
    assert alone == both
    assert [values(items) for _, items in both] == [{f"host{n}.example.net"} for n in range(40)]


def _broken(path: Path, task: Task) -> list[Item]:
    if path.name == "crash.txt":
        os._exit(11)
    if path.name == "hang.txt":
        time.sleep(60)
    if path.name == "memory.txt":
        return [Problem("", str(len(bytearray(4 * intake.FILE_BYTES))))]
    if path.name == "raise.txt":
        raise RuntimeError("boom")
    return list(read_one(path, task))


def test_a_file_that_crashes_hangs_or_fails_costs_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "read_one", _broken)
    monkeypatch.setattr(intake, "FILE_SECONDS", 1.0)
    names = ["a.txt", "crash.txt", "hang.txt", "memory.txt", "raise.txt", "z.txt"]
    found = dict(all_of([text(tmp_path / n, f"see {n[0]}1[.]evil.com") for n in names]))
    assert list(found) == names
    assert values(found["a.txt"]) == {"a1.evil.com"}
    assert values(found["z.txt"]) == {"z1.evil.com"}
    words = ("crashed", "longer", "too large for the memory", "boom")
    for name, word in zip(names[1:-1], words, strict=True):
        (problem,) = found[name]
        assert isinstance(problem, Problem) and word in problem.message
        assert name in problem.place


def test_record_files_give_reports_and_documents_extractions(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "r1"}\nnot json\n')
    text(tmp_path / "d.md", "# Title\n\nevil[.]com")
    found = dict(all_of([tmp_path / "d.md", tmp_path / "r.jsonl"]))
    (document,) = found["d.md"]
    assert isinstance(document, Extraction) and document.document.format == "markdown"
    report, problem = sorted(found["r.jsonl"], key=lambda i: isinstance(i, Problem))
    assert isinstance(report, Report) and report.id == "r1"
    assert isinstance(problem, Problem)


# The command


def test_one_document_is_one_object_whose_places_count_characters_of_the_file(
    tmp_path: Path,
) -> None:
    content = "Größe: 5\r\n\u201cC2\u201d at evil[.]example[.]com\r\n"
    text(tmp_path / "a.txt", content)
    row = json.loads(ok(tmp_path, "extract", "a.txt", "--json"))
    assert row["file"] == "a.txt" and row["format"] == "text"
    assert row["characters"] == len(content)
    (seen,) = row["observables"]
    assert {k: seen[k] for k in ("type", "value", "raw", "role", "page")} == {
        "type": "domain-name",
        "value": "evil.example.com",
        "raw": "evil[.]example[.]com",
        "role": "c2",
        "page": None,
    }
    assert content[seen["start"] : seen["end"]] == seen["raw"]


def test_a_folder_is_a_list_and_stays_one_json_document(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    text(folder / "a.txt", "evil[.]com")
    text(folder / "sub" / "b.csv", "ip,note\n203.0.113.9,c2\n")
    (folder / "c.exe").write_bytes(b"MZ\0\0")
    done = call(tmp_path, "extract", "in", "--json")
    rows = json.loads(done.stdout)
    assert [Path(r["file"]).name for r in rows] == ["a.txt", "b.csv"]
    assert "1 files of other kinds skipped" in done.stderr
    assert json.loads(ok(tmp_path, "extract", "in/a.txt", "in/sub/b.csv", "--json")) == rows
    (tmp_path / "empty").mkdir()
    assert json.loads(ok(tmp_path, "extract", "empty", "--json")) == []


def test_what_is_shown_is_defanged_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    text(
        tmp_path / "a.txt",
        "http://evil.com/x \x1b[31m and mail to bad@evil.com, C2 http://1.2.3.4/",
    )
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4\nbroken")
    done = call(tmp_path, "extract", "-v", "a.txt", "b.pdf", "nowhere.txt")
    assert done.returncode == 3
    assert "http://" not in done.stdout and "\x1b" not in done.stdout
    assert "bad@evil.com" not in done.stdout and "bad[@]evil[.]com" in done.stdout
    assert "b.pdf" in done.stderr and "nowhere.txt: no such file" in done.stderr


def test_columns_are_named_by_the_user(tmp_path: Path) -> None:
    text(tmp_path / "a.csv", "x,y\nevil.zip,1\nother.py,2\n")
    row = json.loads(ok(tmp_path, "extract", "a.csv", "--map", "x=domain-name", "--json"))
    assert {(o["type"], o["value"]) for o in row["observables"]} == {
        ("domain-name", "evil.zip"),
        ("domain-name", "other.py"),
    }
    wrong = call(tmp_path, "extract", "a.csv", "--map", "x=hostname")
    assert wrong.returncode == 2 and "domain-name" in wrong.stderr


def test_a_bundle_and_an_event_are_read_by_the_same_command(tmp_path: Path) -> None:
    bundle = {
        "type": "bundle",
        "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d",
        "objects": [
            {
                "type": "indicator",
                "spec_version": "2.1",
                "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
                "pattern": "[ipv4-addr:value = '198.51.100.7']",
                "pattern_type": "stix",
            }
        ],
    }
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    row = json.loads(ok(tmp_path, "extract", "b.json", "--json"))
    assert [(o["type"], o["value"], o["start"]) for o in row["observables"]] == [
        ("ipv4-addr", "198.51.100.7", None)
    ]


def test_interrupting_a_long_extraction_ends_all_processes(tmp_path: Path) -> None:
    for n in range(30):
        text(tmp_path / f"{n}.txt", "word evil[.]com " * 60_000)
    child = subprocess.Popen(
        [*RUN, "extract", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(2.5)
    os.killpg(child.pid, 2)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 130, errors
    assert b"Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


def alive(group: int) -> list[int]:
    """Processes of a group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("kind", ["documents", "records"])
def test_readers_end_with_a_program_that_is_killed(tmp_path: Path, kind: str) -> None:
    if kind == "documents":
        for n in range(30):
            text(tmp_path / f"{n}.txt", "word evil[.]com " * 60_000)
        command = ["extract", str(tmp_path)]
    else:  # the reader waits for its results to be taken
        lines = (json.dumps({"id": f"r{n}", "title": "x" * 500}) for n in range(40_000))
        file = text(tmp_path / "r.jsonl", "\n".join(lines))
        ok(tmp_path, "-w", "w.duckdb", "init")
        command = ["-w", str(tmp_path / "w.duckdb"), "add", str(file)]
    child = subprocess.Popen(
        [*RUN, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while len(alive(child.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    child.kill()
    child.wait()
    assert alive(child.pid), "no reader was at work"
    while alive(child.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(child.pid)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder on a local web server."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


def test_a_web_address_is_fetched_where_the_user_names_it(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    text(site / "post.html", "<html><title>Post</title><body><p>C2: evil[.]bad-updates[.]net</p>")
    with served(site) as address:
        row = json.loads(ok(tmp_path, "extract", f"{address}/post.html", "--json"))
        assert row["file"] == row["url"] == f"{address}/post.html"
        assert [o["value"] for o in row["observables"]] == ["evil.bad-updates.net"]
        ok(tmp_path, "init")
        assert "1 reports added" in ok(tmp_path, "add", f"{address}/post.html")
        missing = call(tmp_path, "extract", f"{address}/nothing.html")
    assert (
        missing.returncode == 3 and "cannot be fetched (the server answers 404)" in missing.stderr
    )
    gone = call(tmp_path, "extract", f"{address}/post.html")
    assert gone.returncode == 3 and "Traceback" not in gone.stderr


def test_addresses_inside_documents_are_never_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refused)
    page = '<html><body><a href="http://127.0.0.1:9/x">y</a><img src="http://127.0.0.1:9/z">'
    text(tmp_path / "a.html", page + "see http://127.0.0.1:9/w")
    assert json.loads(ok(tmp_path, "extract", "a.html", "--json"))["observables"]


def test_a_name_that_is_no_text_and_a_link_in_an_archive_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.fsencode(folder) + b"/z\xff.txt"
    Path(os.fsdecode(name)).write_text("C2 at evil[.]bad-updates[.]net", encoding="utf-8")
    with zipfile.ZipFile(folder / "u.zip", "w") as archive:
        archive.writestr("http://evil.com/payload.txt", "C2 at two[.]bad-updates[.]net")
    rows = json.loads(ok(tmp_path, "extract", "in", "--json"))
    assert {o["value"] for r in rows for o in r["observables"]} == {
        "evil.bad-updates.net",
        "two.bad-updates.net",
    }
    assert "http://" not in ok(tmp_path, "extract", "in")
    ok(tmp_path, "init")
    assert "2 reports added" in ok(tmp_path, "add", "in")


def test_a_file_with_more_than_its_share_keeps_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FILE_MENTIONS", 10)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for n in range(5):
            hosts = "\n".join(f"h{n}x{m}[.]evil.com" for m in range(6))
            archive.writestr(f"{n}.txt", hosts)
    ((_, items),) = all_of([tmp_path / "many.zip"])
    assert sum(isinstance(i, Extraction) for i in items) == 2
    assert any(isinstance(i, Problem) and "the rest is left out" in i.message for i in items)


def test_a_reader_that_dies_without_work_is_replaced(tmp_path: Path) -> None:
    pool = intake._Pool(1, Task({}))
    try:
        (reader,) = pool.readers
        reader.process.kill()
        reader.process.join()
        pool.give(reader, 0, text(tmp_path / "a.txt", "see a1[.]evil.com"))
        found = [item for _ in range(20) for _, item in pool.results([tmp_path / "a.txt"]) if item]
    finally:
        pool.close()
    assert values(found) == {"a1.evil.com"}
