"""Built knowledge: the same sources give the same bytes, nothing is stale, nothing is half made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from samehand.errors import ConfigError
from samehand.knowledge import attack, cache, namebook, software, taxonomies
from samehand.knowledge.cache import Part, folder_of
from samehand.knowledge.sources import MANIFEST, PACKAGES, Sources, code_of, package_folder

SMALL = [namebook.PART, attack.PART, software.PART, taxonomies.PART]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder; the real one is used again afterwards."""
    monkeypatch.setenv("SAMEHAND_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    cache.select(None)
    cache.forget()


def counted(calls: list[str]) -> Part:
    def build(sources: Sources) -> dict[str, bytes]:
        calls.append("built")
        return {"one.bin": b"1" * 1000, "two.bin": b""}

    return Part("made-up", build, packages=("pymispgalaxies",))


@pytest.mark.parametrize("part", SMALL, ids=lambda p: p.name)
def test_a_part_has_the_same_bytes_whenever_it_is_built(part: Part) -> None:
    """Also under another hash seed; the commonplace lists have their own test."""
    here = {name: hash_of(data) for name, data in part.build(Sources()).items()}
    script = (
        f"import json, hashlib; from {part.build.__module__} import PART; "
        "from samehand.knowledge.sources import Sources; made = PART.build(Sources()); "
        "print(json.dumps({n: hashlib.sha256(d).hexdigest() for n, d in made.items()}))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "77", "PATH": ""},
        capture_output=True,
        check=True,
    )
    assert json.loads(other.stdout) == here


def hash_of(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_a_part_is_built_once_and_read_from_then_on(place: Path) -> None:
    calls: list[str] = []
    part = counted(calls)
    first = folder_of(part)
    assert folder_of(part) == first and calls == ["built"]
    assert first.parent == place and (first / "one.bin").read_bytes() == b"1" * 1000


@pytest.mark.parametrize("damage", ["shorter", "missing", "unfinished", "nonsense"])
def test_a_damaged_part_is_built_again(place: Path, damage: str) -> None:
    calls: list[str] = []
    part = counted(calls)
    folder = folder_of(part)
    if damage == "shorter":
        (folder / "one.bin").write_bytes(b"1")
    elif damage == "missing":
        (folder / "two.bin").unlink()
    elif damage == "unfinished":
        (folder / ".complete").unlink()
    else:
        (folder / ".complete").write_text("[1]")
    assert (folder_of(part) / "one.bin").read_bytes() == b"1" * 1000
    assert calls == ["built", "built"]
    assert not [p for p in place.iterdir() if p.name.startswith(".")], "staging is left behind"


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SAMEHAND_CACHE", str(tmp_path / "file" / "cache"))
    calls: list[str] = []
    part = counted(calls)
    first = folder_of(part)
    assert (first / "one.bin").exists()
    assert folder_of(part) == first and calls == ["built"]


def test_old_builds_are_removed_and_the_last_few_kept(place: Path) -> None:
    for number in range(6):
        (place / f"of-many-{number}").mkdir(parents=True)
    other = place / "another-1"
    other.mkdir()
    folder = folder_of(Part("of-many", counted([]).build))
    left = {p.name for p in place.iterdir()}
    assert folder.name in left and other.name in left
    assert len([n for n in left if n.startswith("of-many-")]) == 4


def test_another_version_another_update_and_other_code_make_another_part() -> None:
    module = "samehand.knowledge.namebook"
    plain = Sources().fingerprint(("names.toml",), ("pymispgalaxies",), module)
    assert plain == Sources().fingerprint(("names.toml",), ("pymispgalaxies",), module)
    assert plain != Sources().fingerprint(("names.toml",), ("pytaxonomies",), module)
    assert plain != Sources().fingerprint((), ("pymispgalaxies",), module)
    assert plain != Sources().fingerprint(
        ("names.toml",), ("pymispgalaxies",), "samehand.knowledge.taxonomies"
    )


def test_a_part_depends_on_all_code_of_ours_that_it_uses() -> None:
    used = {p.name for p in code_of("samehand.knowledge.namebook")}
    assert {"namebook.py", "catalogues.py", "names.py", "sources.py", "normalise.py"} <= used
    assert "update.py" not in used


def test_fetched_knowledge_serves_until_it_is_taken_away(tmp_path: Path, place: Path) -> None:
    """A made-up catalogue beside the workspace: its actor is known, the bundled ones are gone."""
    folder = tmp_path / "w.knowledge"
    (folder / "galaxies").mkdir(parents=True)
    made = {"values": [{"uuid": "u", "value": "Paper Crane", "meta": {}}], "version": 7}
    (folder / "galaxies" / "threat-actor.json").write_text(json.dumps(made))
    row = {
        "name": "galaxies/threat-actor.json", "version": "7", "retrieved": "2026-11-01",
        "url": "https://example.org/", "sha256": "00",
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps({"files": [row]}))
    assert namebook.graph().resolve("Paper Crane") == ()
    cache.select(folder)
    assert namebook.graph().resolve("Paper Crane")[0].concept == "paper-crane"
    assert namebook.graph().resolve("Gamaredon Group")[0].sources != ("threat-actor",)
    from samehand.knowledge.versions import versions

    assert "update of 2026-11-01" in versions()["actors"]
    cache.select(None)
    assert namebook.graph().resolve("Paper Crane") == ()


def test_a_damaged_list_of_fetched_files_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(ConfigError, match="knowledge update"):
        _ = Sources(tmp_path).updated


def test_a_missing_data_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "no-such-package-of-data", ("data",))
    with pytest.raises(ConfigError, match="pip install no-such-package-of-data"):
        package_folder("no-such-package-of-data")
