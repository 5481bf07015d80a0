"""Every form of writing of tests/cases/forms.yaml is read exactly, and no look-alike is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from extract_helpers import Value, values

CASES = Path(__file__).parent / "cases" / "forms.yaml"
ROWS: list[dict[str, Any]] = yaml.safe_load(CASES.read_text(encoding="utf-8"))


def named(rows: list[dict[str, str]]) -> set[Value]:
    return {(row["type"], row["value"]) for row in rows}


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_form(row: dict[str, Any]) -> None:
    found, expected = values(row["text"]), named(row["expect"])
    extra = found - expected - named(row.get("optional", []))
    paths = [v for kind, v in expected if kind in ("file:path", "pdb-path")]
    extra = {  # the name of a file of a path; in a look-alike any name of a file
        (kind, v)
        for kind, v in extra
        if kind != "file:name" or (expected and not any(p.lower().endswith(v) for p in paths))
    }
    missing = expected - found
    assert not missing and not extra, (
        f"{CASES.name}, {row['id']}: {row['text']!r}\n"
        f"missing: {sorted(missing)}\nfalse: {sorted(extra)}"
    )


def test_every_case_has_an_identifier_of_its_own_and_both_sorts_are_many() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert sum(bool(row["expect"]) for row in ROWS) >= 100
    assert sum(not row["expect"] for row in ROWS) >= 60
