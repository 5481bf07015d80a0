"""What an installed package must carry."""

from __future__ import annotations

import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest

import samehand

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "parameters.toml",
        "types.toml",
        "store/schema.sql",
        "render/templates/report.html.j2",
        "knowledge/data/names.toml",
        "knowledge/data/prevalence.bin",
    ],
)
def test_package_carries_its_data(name: str) -> None:
    assert resources.files("samehand").joinpath(name).is_file()


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == samehand.__version__ == metadata.version("samehand")


def test_what_is_locked_covers_what_is_declared() -> None:
    """Every dependency stands in both lock files, pinned and with hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = (ROOT / "requirements" / "core.txt").read_text(encoding="utf-8").lower()
    dev = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8").lower()
    for wanted in project["dependencies"]:
        name = wanted.split(">=")[0].lower()
        for lock in (core, dev):
            assert f"\n{name}==" in lock, f"{wanted}: run 'make lock'"
    for wanted in project["optional-dependencies"]["dev"]:
        assert f"\n{wanted.split('>=')[0].lower()}==" in dev, f"{wanted}: run 'make lock'"
    assert "--hash=sha256:" in core
