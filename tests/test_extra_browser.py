"""The page as a browser draws it. Needs Chromium; run by `make test-extra`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from samehand.assessment import assess
from samehand.case import Options
from samehand.config import default_parameters
from samehand.pipeline import cases_folder, load_case
from samehand.render.html import render_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


def browse(page: Path, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
            *(f"--user-data-dir={profile}", "--window-size=1200,3000", *options),
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports, _, _ = load_case(cases_folder() / "cryptocore")
    found = assess(reports, default_parameters(), Options(prior="case", title="A case"))
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(found), encoding="utf-8")
    return path


def test_page_is_drawn_and_every_picture_is_decoded(page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    done = browse(page, tmp_path / "profile", f"--screenshot={shot}")
    assert shot.exists(), done.stderr
    assert shot.stat().st_size > 50_000


def test_page_reads_without_any_script(page: Path, tmp_path: Path) -> None:
    document = browse(page, tmp_path / "profile", "--dump-dom").stdout
    assert "Lazarus Group" in document
    assert "<script" not in document
