"""The tutorial runs as written, and what it shows is what the program prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
SOURCE = Path(__file__).parents[1] / "src"
WRAPPER = """#!/bin/sh
exec "{python}" -c "from samehand.cli import main; main(prog_name='samehand')" "$@"
"""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(page: str) -> list[tuple[str, list[str]]]:
    """(commands, expected lines) of each sh block; a text block belongs to the sh block before."""
    found: list[tuple[str, list[str]]] = []
    for language, body in FENCE.findall(page):
        if language == "sh":
            found.append((body, []))
        elif language == "text":
            assert found and not found[-1][1], f"a text block without its own sh block:\n{body}"
            found[-1][1].extend(body.splitlines())
    return found


def pattern(line: str) -> re.Pattern[str]:
    """An expected line as a pattern: … stands for anything, spaces for any number of spaces."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("…"))
    return re.compile(r"\s*" + r"\s*.*\s*".join(parts) + r"\s*")


def missing(expected: list[str], printed: str) -> str:
    """The first expected line that does not follow the one before it, or ''."""
    lines = iter(printed.splitlines())
    for line in expected:
        if line.strip() and not any(pattern(line).fullmatch(given) for given in lines):
            return line
    return ""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, list[str], str]]:
    """(commands, expected lines, output) of every step, run one after the other in one folder."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("the tutorial needs a POSIX shell")
    folder = tmp_path_factory.mktemp("tutorial")
    programs = folder / "bin"
    programs.mkdir()
    wrapper = programs / "samehand"
    wrapper.write_text(WRAPPER.format(python=sys.executable), encoding="utf-8")
    wrapper.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SAMEHAND_")}
    environment |= {
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "PYTHONUTF8": "1",
    }
    done = []
    for commands, expected in steps(PAGE.read_text(encoding="utf-8")):
        result = subprocess.run(
            [shell, "-eu", "-c", commands],
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        printed = result.stdout.decode()
        assert result.returncode == 0, f"{commands}\nended with {result.returncode}:\n{printed}"
        done.append((commands, expected, printed))
    return done


def test_each_step_prints_what_the_tutorial_shows(
    ran: list[tuple[str, list[str], str]],
) -> None:
    wrong = []
    for commands, expected, printed in ran:
        line = missing(expected, printed)
        if line:
            wrong.append(
                f"$ {commands}the tutorial shows the line\n  {line}\n"
                f"which is not there, or not in this order. Printed was:\n{printed}"
            )
    assert not wrong, "docs/tutorial.md must be mended:\n\n" + "\n\n".join(wrong)


def test_tutorial_shows_every_step_of_a_case(ran: list[tuple[str, list[str], str]]) -> None:
    typed = "\n".join(commands for commands, _, _ in ran)
    for command in ("init", "add", "reports", "analyse", "links -v", "decide", "hunt", "report -o"):
        assert f"samehand {command}" in typed
    for option in ("--reference", "--without", "--as-of", "--prior case"):
        assert option in typed


def test_values_of_the_tutorial_belong_to_nobody() -> None:
    """RFC 2606: names under .example can never be registered."""
    text = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text)
    hosts = re.findall(r"\b[a-z-]+\[\.\]([a-z]+)", text)
    assert hosts and set(hosts) == {"example"}


@pytest.mark.parametrize(
    ("expected", "printed", "first_missing"),
    [
        (["a  b"], "x\n  a b  \n", ""),
        (["a … d"], "a b c d\n", ""),
        (["a … d"], "a d\n", ""),
        (["b", "a"], "a\nb\n", "a"),
        (["a"], "ab\n", "a"),
    ],
    ids=["spaces", "elided", "elided nothing", "order", "whole lines"],
)
def test_comparison_of_expected_lines(
    expected: list[str], printed: str, first_missing: str
) -> None:
    assert missing(expected, printed) == first_missing
