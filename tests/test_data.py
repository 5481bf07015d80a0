"""A linter of everything that is data and not code; each message says how to mend the file."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

import samehand
from samehand.config import default_parameters, types_table
from samehand.errors import ConfigError
from samehand.knowledge.actors import bundled_world
from samehand.knowledge.software import is_public_tool
from samehand.model import FACETS, HARD_FACETS
from samehand.normalise import _RULES, name_key

ROOT = Path(samehand.__file__).parent
DATA = ROOT / "knowledge" / "data"
FILES = sorted(p for p in DATA.iterdir() if p.suffix in (".tsv", ".toml"))
TABLES = [p for p in FILES if p.suffix == ".tsv"]
TYPES = types_table()


def toml(name: str) -> dict[str, list[dict[str, object]]]:
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def table(name: str) -> list[dict[str, str]]:
    """Rows of a bundled table as dictionaries."""
    lines = [
        line.split("\t")
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def twice(values: Iterable[object]) -> list[object]:
    return [value for value, count in Counter(values).items() if count > 1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_file_states_source_licence_and_date(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = "\n".join(line for line in lines[:30] if line.startswith("#"))
    for word in ("Source:", "Licence:", "Retrieved:"):
        assert word in head, f"{path.name}: add a comment line '# {word} …' to the first lines"
    stated = re.search(r"Retrieved: (\d{4}-\d{2}-\d{2})", head)
    assert stated, f"{path.name}: write the date as 'Retrieved: YYYY-MM-DD'"
    date.fromisoformat(stated[1])


def test_no_other_kind_of_file_lies_among_the_data() -> None:
    # The sketch and the weights are numbers; prevalence.toml and docs/techniques.md state their
    # source, licence and date, linkage.json its own data.
    binary = {"prevalence.bin", "linkage.json", "techniques.npz", "attribution_indicators.json"}
    known = {p.name for p in FILES} | binary | {"__pycache__"}
    others = {p.name for p in DATA.iterdir()} - known
    assert not others, f"{others}: data are .tsv or .toml with a header; move or convert them"


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.name)
def test_table_is_rectangular_without_blanks_around_values(path: Path) -> None:
    rows = table(path.name)
    assert rows, f"{path.name}: no rows"
    for number, row in enumerate(rows, 1):
        for column, value in row.items():
            assert value == value.strip(), f"{path.name}, row {number}: blanks around {column}"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("actor_activity.tsv", ("actor", "year")),
    ],
)
def test_table_has_no_row_twice_and_is_sorted(name: str, key: tuple[str, ...]) -> None:
    keys = [tuple(row[column] for column in key) for row in table(name)]
    assert twice(keys) == [], f"{name}: the same {key} twice; merge the rows"
    counts = [c for c in ("reports", "actors_to_date", "techniques") if c in table(name)[0]]
    for row in table(name):
        for column in counts:
            assert int(row[column]) > 0, f"{name}: {row} has a count that is not positive"


def test_activity_is_of_known_actors() -> None:
    world = bundled_world()
    unknown = {r["actor"] for r in table("actor_activity.tsv") if not world.identify(r["actor"])}
    assert not unknown, f"add to names_recent.toml, or correct: {unknown}"
    assert all(1995 <= int(row["year"]) <= 2030 for row in table("actor_activity.tsv"))


def test_providers_are_lower_case_host_names_each_in_one_class() -> None:
    classes = toml("providers.toml")["class"]
    assert twice(c["name"] for c in classes) == []
    suffixes = [s for c in classes for s in c["suffixes"]]
    assert twice(suffixes) == [], "a suffix stands twice; keep it in the class that fits best"
    for row in classes:
        assert row["reason"].endswith("."), f"{row['name']}: the reason is a sentence"
        assert row.get("kappa", 1) > 0, f"{row['name']}: kappa is positive, or left out"
        for suffix in row["suffixes"]:
            good = re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", suffix)
            assert good, f"{suffix!r}: write a lower-case host name without leading dot"


def test_public_tools_are_named_once_in_lower_case() -> None:
    tools = toml("public_tools.toml")["tool"]
    for tool in tools:
        names = [tool["name"], *tool.get("aliases", [])]
        assert all(n == n.lower() for n in names), f"{tool['name']}: lower case, please"
        assert 1970 <= tool.get("public_since", 2000) <= 2030, tool["name"]
    folded = [name_key(t["name"]) for t in tools]
    assert twice(folded) == [], "a tool stands twice; merge the entries"


def test_public_tool_is_known_by_each_of_its_names() -> None:
    for tool in toml("public_tools.toml")["tool"]:
        for name in (tool["name"], *tool.get("aliases", [])):
            assert is_public_tool(name) and is_public_tool(name.upper()), name
    assert not is_public_tool("cageychameleon") and not is_public_tool("")


def test_types_name_facets_rules_and_types_that_exist() -> None:
    for name, row in TYPES.items():
        assert row.facet in FACETS
        assert row.soft in ("", "behaviour", "victimology", "provider", "names"), name
        assert row.derived or row.canonical in _RULES, f"{name}: no rule {row.canonical!r}"
        assert set(row.derives) <= set(TYPES), f"{name}: derives an unknown type"
        assert row.soft or row.facet in HARD_FACETS, f"{name}: {row.facet} is soft evidence"


def test_types_of_the_published_table_are_all_there() -> None:
    """DESIGN section 5: the closed table that other programs rely on."""
    promised = """domain-name ipv4-addr ipv6-addr ipv4-addr:port url email-addr file:md5 file:sha1
        file:sha256 file:sha512 file:ssdeep file:tlsh file:imphash file:name file:path pdb-path
        mutex named-pipe windows-registry-key service-name user-agent cryptocurrency-wallet
        x509-certificate:sha1 x509-certificate:serial autonomous-system vulnerability yara-rule
        code-string lure-title"""
    written = {name for name, row in TYPES.items() if not row.derived}
    # Kinds that reports hold beyond that table: see CHANGELOG.
    added = {"scheduled-task", "user-account", "phone-number"}
    assert written - {"url:path"} == set(promised.split()) | added


def test_what_follows_from_a_value_never_weighs_more_than_the_value() -> None:
    """By m / kappa and half-life; a URL counts at least as much as its host (law_what_follows…)."""
    weights = default_parameters().weights
    checked = 0
    for name, row in TYPES.items():
        for other in row.derives:
            if row.soft or TYPES[other].soft or (name, other) == ("url", "domain-name"):
                continue
            whole, part = weights[name], weights[other]
            assert part.m / part.kappa <= whole.m / whole.kappa, f"{other} outweighs {name}"
            assert part.half_life_days <= whole.half_life_days, f"{other} outlasts {name}"
            checked += 1
    assert checked >= 8


def test_parameters_have_no_numbers_for_types_that_do_not_exist() -> None:
    assert set(default_parameters().weights) == set(TYPES)


def test_broken_parameter_files_are_refused_with_a_word_on_what_to_do() -> None:
    from samehand.config import parse_parameters

    text = (ROOT / "parameters.toml").read_text(encoding="utf-8")
    for broken, said in (
        (text + "\n= 3", "Mend"),
        (text.replace("b0_bits", "b1_bits").replace("[pair]", "[pears]"), "bundled"),
        (text.replace("[types.mutex]", "[types.mutexes]"), "mutex"),
        (text.replace("kappa = 0.1\n", "kappa = 0\n", 1), "outside its range"),
        (text.replace("phi = 0.3\n", "phi = 3\n", 1), "outside its range"),
        (text.replace("half_life_days = 547", "half_life_days = nan", 1), "outside its range"),
        (text.replace("phi = 0.3\n", "", 1), "bundled"),
    ):
        assert broken != text
        with pytest.raises(ConfigError, match="here") as caught:
            parse_parameters(broken, "here")
        assert said in str(caught.value)


def test_every_number_of_the_parameter_file_is_read_by_the_program() -> None:
    raw = tomllib.loads((ROOT / "parameters.toml").read_text(encoding="utf-8"))
    source = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.rglob("*.py"))
    named = {"behaviour_cap_bits", "victimology_cap_bits", "provider_cap_bits", "names_cap_bits"}
    dead = [
        f"{section}.{key}"
        for section, values in raw.items()
        if isinstance(values, dict) and section not in ("types", "words", "grade")
        for key in values
        if f'"{key}"' not in source and key not in named
    ]
    assert dead == [], f"no code reads {dead}; use them or take them out"
