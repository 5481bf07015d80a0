"""Archives: members as documents, nesting, budgets, bombs, passwords, links and damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pytest

from read_helpers import documents, everything, make_tar, make_zip, problems
from samehand.model import Problem
from samehand.read import archive, common, zips
from samehand.read.document import Document

PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
MEMBERS = {"d/a.txt": b"evil.com", "../../b.md": b"# T", f"{'x' * 150}/c.txt": b"c.example"}


def names(found: list[Document | Problem]) -> list[str]:
    return [f.name if isinstance(f, Document) else f"! {f.place}" for f in found]


def test_members_of_a_zip_are_documents() -> None:
    found = documents(make_zip({**MEMBERS, "e/": b""}), "a.zip")
    assert [d.name for d in found] == [f"a.zip!{name}" for name in MEMBERS]
    assert [d.text.encode() for d in found] == list(MEMBERS.values())
    assert found[1].format == "markdown"


@pytest.mark.parametrize("ending", ["", *PACKERS])
def test_members_of_a_tar_are_documents_and_links_are_not_followed(ending: str) -> None:
    data = make_tar(MEMBERS, links=["passwd.txt"])
    packed = PACKERS[ending](data) if ending else data
    name = f"a.tar.{ending}" if ending else "a.tar"
    assert names(everything(packed, name)) == [f"{name}!{member}" for member in MEMBERS]


@pytest.mark.parametrize("ending", PACKERS)
def test_one_packed_file(ending: str) -> None:
    (found,) = documents(PACKERS[ending](b"# Title\n"), f"report.md.{ending}")
    assert (found.name, found.format) == (f"report.md.{ending}!report.md", "markdown")
    twice = PACKERS[ending](b"one ") + PACKERS[ending](b"two")
    assert documents(twice, f"a.txt.{ending}")[0].text == "one two"


def test_nesting_ends_at_its_depth() -> None:
    data = make_zip({"in.txt": "innermost"})
    for n in range(3):
        data = make_zip({f"{n}.zip": data, f"{n}.txt": f"level {n}"})
    found = everything(data, "a.zip")
    texts = [d.text for d in found if isinstance(d, Document)]
    assert texts == ["level 0", "level 1", "level 2"]
    assert any(isinstance(f, Problem) and "3 files deep" in f.message for f in found)


def test_binary_members_are_named_up_to_a_number() -> None:
    members = {f"{n:02}.exe": b"MZ\0\1\2" * 20 for n in range(30)} | {"a.txt": b"text"}
    found = everything(make_zip(members), "a.zip")
    assert [d.text for d in found if isinstance(d, Document)] == ["text"]
    told = [p for p in found if isinstance(p, Problem)]
    assert len(told) == archive.MAX_MESSAGES + 1
    assert {p.severity for p in told} == {"warning"}
    assert "10 more members" in told[-1].message


def test_members_with_a_password_are_left_alone() -> None:
    data = bytearray(make_zip({"a.txt": "secret", "b.txt": "open"}))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    found = everything(bytes(data), "a.zip")
    assert [d.text for d in found if isinstance(d, Document)] == ["open"]
    assert "need a password" in str(found[-1]) and "carry malware" in str(found[-1])


BOMB = bytes(zips.RATIO_FREE_BYTES + 5 * common.MIB)


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_bombs_are_refused(ending: str) -> None:
    (problem,) = problems(PACKERS[ending](BOMB), f"a.txt.{ending}")
    assert "decompression bomb" in problem.message
    (problem,) = problems(PACKERS[ending](make_tar({"a.txt": BOMB})), f"a.tar.{ending}")
    assert "decompression bomb" in problem.message


def test_zip_bombs_are_refused_and_their_neighbours_read() -> None:
    found = everything(make_zip({"bomb.txt": BOMB, "b.txt": b"text"}), "a.zip")
    assert names(found) == ["! a.zip!bomb.txt", "a.zip!b.txt"]
    lying = make_zip({"bomb.txt": BOMB}).replace(
        len(BOMB).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    )
    assert all(isinstance(f, Problem) for f in everything(lying, "a.zip"))


def test_the_budget_counts_all_nested_files(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = make_zip({f"{n}.txt": b"word %d " % n * 1000 for n in range(10)})
    data = make_zip({f"{n}.zip": inner for n in range(10)})
    monkeypatch.setattr(common.Budget, "__init__", _budget(35, 10**9))
    found = everything(data, "a.zip")
    assert 20 <= sum(isinstance(f, Document) for f in found) <= 35
    assert any("10,000 members" in str(f) for f in found)
    monkeypatch.setattr(common.Budget, "__init__", _budget(10**6, 200_000))
    found = everything(data, "a.zip")
    assert sum(len(f.text) for f in found if isinstance(f, Document)) <= 200_000
    assert any("512 MiB" in str(f) or "inflates to" in str(f) for f in found)


def _budget(members: int, inflated: int) -> Callable[[common.Budget], None]:
    def init(self: common.Budget) -> None:
        self.members, self.inflated_bytes = members, inflated

    return init


def test_a_directory_of_millions_is_refused_before_it_is_read() -> None:
    data = make_zip({"a.txt": "x"}) + b"PK\x01\x02" * (4 * common.MAX_MEMBERS + 1)
    assert "members" in problems(data, "a.zip")[0].message


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (make_zip({"a.txt": "text" * 100})[:80], "a.zip"),
        (gzip.compress(b"text" * 1000)[:-12], "a.txt.gz"),
        (bz2.compress(b"text" * 1000)[:-12], "a.txt.bz2"),
        (lzma.compress(b"text" * 1000)[:-12], "a.txt.xz"),
        (make_tar({"a.txt": b"x" * 5000})[:2000], "a.tar"),
        (b"no archive at all", "a.zip"),
        (b"no archive at all", "a.tar"),
    ],
)
def test_damage_is_named(data: bytes, name: str) -> None:
    found = everything(data, name)
    assert found and isinstance(found[-1], Problem)
    assert "damaged" in found[-1].message or "ends in" in found[-1].message


def test_names_are_shown_without_control_characters() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a\x1b[31m\n.txt", "text")
    assert documents(buffer.getvalue(), "a.zip")[0].name == "a.zip!a\ufffd[31m\ufffd.txt"
