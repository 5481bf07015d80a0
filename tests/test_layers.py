"""The rooms of the program: each imports only from rooms above it, and the core is pure."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import samehand

ROOT = Path(samehand.__file__).parent

#: DESIGN section 2, top to bottom. A new module needs a place here, decided and not by accident.
ORDER = (
    "errors", "model", "likelihood", "config", "normalise", "knowledge", "read", "formats",
    "extract", "intake", "samples", "compare", "score", "link", "cluster", "case", "explain",
    "nearest", "coverage", "posterior", "ledger", "naming", "ach", "attribute", "stability",
    "assessment", "counterfactual", "profiles", "stress", "wording", "fit", "store", "inputs",
    "pipeline", "attributing", "ask", "predict", "measure", "calibrating", "render", "web", "cli",
)  # fmt: skip
CORE = ORDER[ORDER.index("compare") : ORDER.index("counterfactual") + 1]
#: Nothing of the core touches a database, a network, a file, a clock, a screen or chance.
IMPURE_MODULES = {
    "asyncio", "builtins", "click", "datetime.datetime", "duckdb", "glob", "http", "httpx", "io",
    "jinja2", "logging", "os", "pathlib", "pyarrow", "requests", "rich", "secrets", "shutil",
    "socket", "sqlite3", "subprocess", "tempfile", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"print", "open", "input", "eval", "exec", "compile", "__import__", "breakpoint"}
IMPURE_METHODS = {"now", "today", "utcnow", "fromtimestamp", "read_text", "write_text", "getenv"}
SQL = re.compile(
    r"(?i)\b(select\b.+\bfrom|insert\s+into|create\s+(table|view|index)|delete\s+from|"
    r"drop\s+table|update\s+\w+\s+set|alter\s+table)\b",
    re.DOTALL,
)
FILES = sorted(p for p in ROOT.rglob("*.py"))
CORE_FILES = [p for p in FILES if p.relative_to(ROOT).parts[0].removesuffix(".py") in CORE]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """The room of a file: its folder, or its own name; '' for the package itself."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Full names of everything imported anywhere in a file, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{a.name}" for a in node.names)


def docstrings(module: ast.Module) -> set[int]:
    """Identities of constants that are documentation."""
    return {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_imports_only_rooms_above_its_own(path: Path) -> None:
    room = room_of(path)
    if not room:
        return
    assert room in ORDER, f"give {room!r} a place in ORDER, and in DESIGN section 2"
    for name in imports(path):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "samehand" and other in ORDER and other != room:
            assert ORDER.index(other) < ORDER.index(room), f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_are_absolute(path: Path) -> None:
    relative = [n for n in ast.walk(tree(path)) if isinstance(n, ast.ImportFrom) and n.level]
    assert relative == []


def test_model_errors_and_likelihood_need_nothing_but_the_standard_library() -> None:
    for name in ("model.py", "errors.py", "likelihood.py"):
        for module in imports(ROOT / name):
            assert module.partition(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_core_imports_nothing_that_touches_the_world(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        heads = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
        assert not heads & IMPURE_MODULES, f"{name_of(path)} imports {name}"


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_core_calls_no_clock_file_or_screen_and_no_unseeded_chance(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        where = f"{name_of(path)}, line {node.lineno}"
        if isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, where
        elif isinstance(node.func, ast.Attribute):
            assert node.func.attr not in IMPURE_METHODS, where
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "random":
                assert node.func.attr == "Random" and node.args, f"{where}: seed it"


def test_core_is_there_to_be_checked() -> None:
    assert {"score.py", "link.py", "cluster.py", "compare/evidence.py"} <= {
        name_of(p) for p in CORE_FILES
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_store_speaks_sql(path: Path) -> None:
    if room_of(path) == "store":
        return
    module = tree(path)
    documentation = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in {"execute", "executemany", "executescript", "sql"}, (
                f"{name_of(path)}, line {node.lineno}"
            )
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ):
            assert not SQL.search(node.value), f"{name_of(path)}, line {node.lineno}"


def test_the_linter_of_sql_knows_sql_when_it_sees_it() -> None:
    for text in ("SELECT id\n FROM reports", "insert into t values (?)", "CREATE TABLE t (x)"):
        assert SQL.search(text)
    assert not SQL.search("select the reports that you want; update the names")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_program_imports_nothing_of_the_tests(path: Path) -> None:
    ours = {p.stem for p in Path(__file__).parent.glob("*.py")} | {"tests", "pytest", "hypothesis"}
    assert not {name.partition(".")[0] for name in imports(path)} & ours


def test_synthetic_world_uses_nothing_of_the_program_but_the_reader_of_records() -> None:
    used = {n for n in imports(Path(__file__).parent / "world.py") if n.startswith("samehand")}
    assert used == {
        "samehand.formats.records.parse_record",
        "samehand.model.Report",
        "samehand.model.ReportUse",
    }
