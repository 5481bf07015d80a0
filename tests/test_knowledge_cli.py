"""`samehand knowledge`: what it prints, its JSON, its errors; as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from samehand.knowledge.inventory import inventory
from samehand.knowledge.names import Concept, Graph, Naming, Relation, Source
from test_intake import call


def shown(folder: Path, *args: str) -> Any:
    done = call(folder, "knowledge", "show", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_of_a_name_has_the_promised_form(tmp_path: Path) -> None:
    """The interface of the issue: name, concepts with level, probability, relations, sources."""
    found = shown(tmp_path, "CryptoCore")
    assert found["name"] == "CryptoCore"
    assert sum(c["probability"] for c in found["concepts"]) == pytest.approx(1.0)
    first = found["concepts"][0]
    assert {"id", "name", "level", "probability", "relations", "sources"} <= set(first)
    assert (first["level"], first["name"]) == ("campaign", "CryptoCore")
    for relation in first["relations"]:
        assert {"type", "to", "weight", "sources"} <= set(relation)
        assert 0 < relation["weight"] <= 1 and relation["sources"]
        for source in relation["sources"]:
            assert source["publisher"] and source["date"] and source["title"]
    parents = {r["to"] for r in first["relations"] if r["type"] == "part-of"}
    disputed = {r["to"] for r in first["relations"] if r["type"] == "disputed"}
    assert "lazarus-group" in parents & disputed


def test_several_names_at_once_and_in_whose_words(tmp_path: Path) -> None:
    two = shown(tmp_path, "turla", "T1193")
    assert [a["name"] for a in two] == ["turla", "T1193"]
    assert two[1]["techniques"][0]["stands_for"] == "T1566.001"
    plain = shown(tmp_path, "APT38")["concepts"]
    own = shown(tmp_path, "APT38", "--publisher", "MITRE")["concepts"]
    assert own[0]["id"] == plain[0]["id"] == "apt38"
    assert own[0]["probability"] > plain[0]["probability"]
    early = shown(tmp_path, "CryptoCore", "--as-of", "2020-12-31")["concepts"][0]
    assert not [r for r in early["relations"] if r["type"] == "part-of"]


def test_values_are_shown_defanged_with_the_reason(tmp_path: Path) -> None:
    done = call(tmp_path, "knowledge", "show", "8.8.8.8", "thing.duckdns.org")
    assert done.returncode == 0, done.stderr
    assert "8[.]8[.]8[.]8" in done.stdout and "resolver" in done.stdout
    assert "thing[.]duckdns[.]org" in done.stdout and "duckdns.org" not in done.stdout
    assert "on no list of commonplace values" in done.stdout


def test_unknown_names_end_with_the_code_for_not_found(tmp_path: Path) -> None:
    done = call(tmp_path, "knowledge", "show", "no such hand at all")
    assert done.returncode == 5 and "nothing is known" in done.stderr
    both = call(tmp_path, "knowledge", "show", "no such hand at all", "Turla")
    assert both.returncode == 0 and "Turla" in both.stdout


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    done = call(tmp_path, "knowledge", "show", "\x1b[31mred\x1b[0m\u202ename", "x" * 100_000)
    assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout + done.stderr
    assert len(done.stdout) < 5_000 and "Traceback" not in done.stderr


def test_overview_names_versions_dates_and_what_is_past_its_date(tmp_path: Path) -> None:
    done = call(tmp_path, "knowledge", "show")
    assert done.returncode == 0, done.stderr
    for part in ("actors", "attack", "software", "commonplace", "prevalence", "taxonomies"):
        assert f"\n  {part} " in done.stdout
    found = shown(tmp_path)
    assert len(found["lists"]) == 119
    for row in found["sources"]:
        assert row["licence"] and row["date"] and row["title"], row["id"]
    for row in found["lists"]:
        assert row["date"] and row["licence"] and row["source"], row["list"]


def test_lists_are_past_their_date_in_time() -> None:
    from datetime import date

    early, late = inventory(date(2024, 1, 1)), inventory(date(2099, 1, 1))
    assert early.expired == ()
    never = {r.list for r in late.lists if not r.expires}
    assert set(late.expired) == {r.list for r in late.lists} - never and "rfc1918" in never


def test_without_a_network_update_explains_itself_and_changes_nothing(tmp_path: Path) -> None:
    """Port 9 of this machine answers nobody: as good as no network."""
    done = call(tmp_path, "knowledge", "update", "--from", "http://127.0.0.1:9/")
    assert done.returncode == 3, done.stderr
    for words in ("127.0.0.1", "Nothing was changed", "stays in use", "--from FOLDER"):
        assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_update_from_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = call(tmp_path, "knowledge", "update", "--from", "empty")
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


def test_remove_goes_back_to_what_is_bundled(tmp_path: Path) -> None:
    folder = tmp_path / "samehand.knowledge"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"files": []}')
    done = call(tmp_path, "knowledge", "update", "--remove")
    assert done.returncode == 0 and "removed" in done.stdout and not folder.exists()
    again = call(tmp_path, "knowledge", "update", "--remove")
    assert again.returncode == 0 and "nothing to remove" in again.stdout


def test_remove_leaves_a_folder_alone_that_is_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / "samehand.knowledge"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    done = call(tmp_path, "knowledge", "update", "--remove")
    assert done.returncode == 2 and (folder / "notes.txt").exists()
    assert call(tmp_path, "knowledge", "show", "Turla").returncode == 0


def test_a_damaged_update_folder_is_named_and_not_half_used(tmp_path: Path) -> None:
    folder = tmp_path / "samehand.knowledge"
    folder.mkdir()
    (folder / "manifest.json").write_text("{")
    done = call(tmp_path, "knowledge", "show", "Turla")
    assert done.returncode == 4 and "manifest.json" in done.stderr
    assert "knowledge update" in done.stderr and "Traceback" not in done.stderr
    # ... and it can be mended from the command line.
    assert call(tmp_path, "knowledge", "update", "--remove").returncode == 0


def test_every_assessment_names_the_knowledge_it_used(tmp_path: Path) -> None:
    record = {"id": "a", "published": "2024-01-01", "techniques": ["T1059"]}
    (tmp_path / "a.json").write_text(json.dumps(record))
    assert call(tmp_path, "init").returncode == 0
    assert call(tmp_path, "add", "a.json").returncode == 0
    done = call(tmp_path, "analyse", "--json")
    used = json.loads(done.stdout)["provenance"]["knowledge"]
    assert set(used) == {
        "actors", "attack", "software", "commonplace", "prevalence", "taxonomies"
    }  # fmt: skip
    assert "pymispgalaxies" in used["actors"] and "ATT&CK" in used["attack"]


def test_a_claim_on_a_campaign_stands_for_its_stated_parents() -> None:
    """By hand: part-of weights .6 and .3; nothing before they were stated."""
    from datetime import date

    from samehand.knowledge.actors import world_of_graph

    sources = (Source("s", "S", "", "2020", "s"), Source("t", "T", "", "2020", "t"))
    known = Graph(
        sources,
        (
            Concept("campaign/c", "C", "campaign", "s"),
            Concept("one", "One", "group", "s"),
            Concept("two", "Two", "group", "t"),
        ),
        tuple(
            Naming(n, c, "s", True)
            for n, c in (("C", "campaign/c"), ("One", "one"), ("Two", "two"))
        ),
        (
            Relation("campaign/c", "part-of", "one", 0.6, "s", 2021),
            Relation("campaign/c", "part-of", "two", 0.3, "t", 2022),
        ),
    )
    world = world_of_graph(known, {})
    assert world.resolve("C", date(2020, 6, 1)) == ()
    assert world.resolve("C", date(2021, 6, 1)) == (("One", 0.6),)
    assert dict(world.resolve("C", date(2023, 6, 1))) == pytest.approx({"One": 0.6, "Two": 0.3})
    assert world.resolve("one") == (("One", 1.0),)
