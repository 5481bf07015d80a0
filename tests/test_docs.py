"""The pages say what the program does: examples, tables, commands, errors and wording."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from samehand import cli, errors, normalise
from samehand.assessment import make_scene
from samehand.case import Case, Options, pair_evidence, prepare
from samehand.compare.hearing import pieces
from samehand.config import bundled, default_parameters, types_table
from samehand.formats import records, statements
from samehand.formats.records import parse_record
from samehand.knowledge.actors import bundled_world
from samehand.link import make_link
from samehand.model import FACETS, PASSIVE_ROLES, Link
from samehand.posterior import Priors, by_group, group_bits, posterior

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", page, re.M | re.S)
    assert found, f"no section {title!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The body rows of all tables in a text, cells stripped."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        for line in table.splitlines()[2:]:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip() for cell in cells])
    return found


def example(page: str) -> Any:
    found = re.search(r"^```json\n(.*?)^```$", page, re.M | re.S)
    assert found
    return json.loads(found[1])


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", "").removesuffix(" bits"))


# The worked example of the method page


@pytest.fixture(scope="module")
def method() -> str:
    return text_of("method.md")


def case_of(raw: list[dict[str, Any]], *, reference: tuple[dict[str, Any], ...] = ()) -> Case:
    reports = []
    for use, group in (("case", raw), ("reference", reference)):
        for record in group:
            report, problems = parse_record(record, "method.md", use=use)  # type: ignore[arg-type]
            assert report is not None and not problems, problems
            reports.append(report)
    return prepare(reports, default_parameters(), Options(prior="feed"))


@pytest.fixture(scope="module")
def link(method: str) -> Link:
    case = case_of(example(method))
    assert case.universe.n == 16002
    return make_link(pair_evidence(case, "a", "b"), default_parameters())


def test_link_of_the_worked_example_has_the_bits_computed_by_hand(method: str, link: Link) -> None:
    table = {
        row[0]: number(row[2])
        for row in rows(section(method, "Worked example"))
        if row[0] in ("prior", "total") or row[2].startswith("+")
    }
    facets: dict[str, float] = {"hash as anchor": 0.0}
    names = {
        "malware": "other hash",
        "code": "mutex",
        "infrastructure": "domain",
        "victimology": "victim country",
    }
    anchor = True  # the anchor's lines come first
    for line in link.contributions:
        anchor = anchor and ("anchor" in line.comparison or "coincidences" in line.comparison)
        name = "hash as anchor" if anchor else names[line.facet]
        facets[name] = facets.get(name, 0.0) + line.bits
    computed = {"prior": link.prior_bits, **facets, "total": link.total_bits}
    assert computed == pytest.approx(table, abs=6e-4)
    assert link.contributions[0].comparison.startswith("anchor: file:md5")
    assert sum(facets.values()) + link.prior_bits == pytest.approx(link.total_bits, abs=1e-9)


def test_probabilities_of_the_worked_example_are_those_on_the_page(method: str, link: Link) -> None:
    text = section(method, "Worked example")
    assert f"= {link.probability:.3f}".replace("0.", ".", 1) in text
    assert f"= {link.campaign_probability:.3f}".replace("0.", ".", 1) in text
    assert (link.probability, link.campaign_probability) == pytest.approx((0.852, 0.363), abs=6e-4)
    assert link.type == "same-hand"


def test_attribution_of_the_worked_example_is_that_computed_by_hand(method: str) -> None:
    by_hand = {row[0]: number(row[2]) for row in rows(section(method, "Worked example"))}
    value = "a" * 32
    observed = {"observables": [{"type": "file:md5", "value": value}], "published": "2024-07-01"}
    claim = {"relation": "attribution", "actor": "X of the example", "words": "medium"}
    actor = claim["actor"]
    case = case_of(
        [{"id": "a", "claims": [claim], **observed}],
        reference=({"id": "x", "label": {"actor": actor}, **observed},),
    )
    scene = make_scene(case, bundled_world())
    found = pieces(scene, ["a"])
    parameters = default_parameters()
    groups = {g: group_bits(r, parameters)[2] for g, r in by_group(found)[actor].items()}
    assert groups == pytest.approx(
        {"malware": by_hand["hash"], "claims": by_hand["claim"]}, abs=6e-4
    )
    rarity = next(p.rarity for p in found if p.group == "malware")
    assert rarity is not None and rarity[3] == pytest.approx(by_hand["g"])
    priors = Priors({actor: 0.02}, 0.95, {actor: 0.0006}, 0.0294)
    after = posterior(found, priors, parameters)
    computed = {
        "X": after.actors[actor],
        "none of the known": after.none,
        "planted": after.planted,
    }
    assert computed == pytest.approx({k: by_hand[k] for k in computed}, abs=6e-4)


def test_method_page_lists_every_parameter_with_its_value(method: str) -> None:
    raw = tomllib.loads(bundled("parameters.toml").decode())
    raw["grade"] = raw["grade"]["reliability"] | raw["grade"]["credibility"]
    raw["words"]["none given"] = raw["words"].pop("")
    table = {row[0].strip("`"): row[1] for row in rows(section(method, "Parameters"))}
    sections = {name: values for name, values in raw.items() if isinstance(values, dict)}
    assert set(table) == set(sections), "docs/method.md, table of parameters"
    for name, values in sections.items():
        if name == "types":
            continue
        text = table[name].replace("none given", "`none given`")
        shown = {k: number(v) for k, v in re.findall(r"`([^`]+)` ([−\d.]+\d|\d)", text)}
        assert shown == values, f"docs/method.md, parameters of section {name!r}"


# Records


def test_example_record_is_read_without_a_problem_and_names_every_field() -> None:
    page = text_of("records.md")
    record = example(page)
    for use in ("case", "reference"):
        report, problems = parse_record(record, "records.md", use=use)  # type: ignore[arg-type]
        assert report is not None and not problems
        assert report.extra == "{}"
    fields = {name for row in rows(section(page, "Fields of a record")) for name in codes(row[0])}
    assert set(record) == fields, "docs/records.md: example and table of fields differ"
    assert fields == records._FIELDS


def codes(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("part", ["Observables", "Facts", "Claims"])
def test_fields_of_observables_and_claims_occur_in_the_example(part: str) -> None:
    page = text_of("records.md")
    named = {name for row in rows(section(page, part)) for name in codes(row[0])}
    assert named == {name for item in example(page)[part.lower()] for name in item}


def test_table_of_types_is_that_of_the_program() -> None:
    listed = rows(section(text_of("records.md"), "Types"))
    shown = {codes(row[0])[0]: row for row in listed}
    assert len(shown) == len(listed), "a type is listed twice"
    types = types_table()
    assert set(shown) == set(types), "docs/records.md lists other types than types.toml"
    for name, row in types.items():
        facet = f"{row.facet}, soft" if row.soft else row.facet
        assert shown[name][1] == facet, f"docs/records.md, facet of {name}"
        if not row.derived:
            assert codes(shown[name][3]) == list(row.derives), f"docs/records.md, {name}"
        assert row.derived == (len(shown[name]) == 3), f"docs/records.md, wrong table for {name}"


def test_roles_relations_and_facets_are_those_of_the_program() -> None:
    page = text_of("records.md")
    roles = re.search(r"\*\*Passive roles\.\*\*(.*?)\n\n", page, re.S)
    assert roles and set(codes(roles[1])) == PASSIVE_ROLES
    claims = {codes(row[0])[0]: row[1] for row in rows(section(page, "Claims"))}
    assert set(codes(claims["relation"])) == statements.RELATIONS
    assert codes(claims["facets"]) == list(FACETS)


def test_limits_are_the_constants() -> None:
    limits = {row[0]: row[1] for row in rows(section(text_of("records.md"), "Limits"))}
    assert limits == {
        "line of a `.jsonl` file": f"{records.MAX_LINE_BYTES // 2**20} MiB",
        "`.json` file, unpacked": f"{records.MAX_FILE_BYTES // 2**20} MiB",
        "observables of one report": str(records.MAX_OBSERVABLES),
        "claims of one report": str(statements.MAX_CLAIMS),
        "facts of one report": str(statements.MAX_FACTS),
        "reports named by one claim": str(statements.MAX_CLAIM_REPORTS),
        "characters of one value": str(normalise.MAX_VALUE_CHARS),
        "characters of an `id`": "300",
    }
    for length, readable in ((300, True), (301, False)):
        assert (parse_record({"id": "x" * length}, "")[0] is not None) == readable


@pytest.mark.parametrize(
    "written",
    [
        *("hxxp://a.example", "a[.]example", "a(.)example", "a{.}example", "a[dot]example"),
        *("x[@]a.example", "x[at]a.example", r"a\.example", "hxxps[:]//a.example"),
        *("http[://]a.example", "a\u200b.example", "a [.] example"),
    ],
)
def test_defanged_forms_are_undone(written: str) -> None:
    assert re.search(r"^(https?://|x@)?a\.example$", normalise.refang(written))


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2025-03", "2025-03-01", "2025-03-31"),
        ("2025-03-18", "2025-03-18", "2025-03-18"),
        ("2025-03-18T10:00:00Z", "2025-03-18", "2025-03-18"),
        ("2025-01/2025-03", "2025-01-01", "2025-03-31"),
    ],
)
def test_dates_mean_what_the_page_says(written: str, first: str, last: str) -> None:
    window = records.parse_window(written)
    assert (window.start.isoformat(), window.end.isoformat()) == (first, last)


# Command line and errors

CLI_PAGE = script("build_cli_page")


@pytest.mark.parametrize(
    ("path", "command"),
    [pytest.param(path, command, id=" ".join(path)) for path, command in CLI_PAGE.commands()],
)
def test_every_command_and_option_has_a_help_text(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert (command.help or "").strip(), f"{' '.join(path)} has no help text"
    for option in CLI_PAGE.options(command):
        assert (option.help or "").strip(), f"{' '.join(path)} {option.opts[0]} has no help text"


def test_page_of_commands_is_current() -> None:
    assert text_of("cli.md") == CLI_PAGE.page(), (
        f"docs/cli.md is not current. Refresh it: {CLI_PAGE.REFRESH}"
    )


def test_check_of_the_page_of_commands_says_how_to_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CLI_PAGE, "PAGE", tmp_path / "cli.md")
    monkeypatch.setattr("sys.argv", ["build_cli_page.py", "--check"])
    assert CLI_PAGE.run() == 1 and CLI_PAGE.REFRESH in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["build_cli_page.py"])
    assert CLI_PAGE.run() == 0
    monkeypatch.setattr("sys.argv", ["build_cli_page.py", "--check"])
    assert CLI_PAGE.run() == 0


def exceptions() -> dict[str, type[errors.SamehandError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def test_every_exception_has_a_docstring_and_stands_in_the_tree_under_its_parent() -> None:
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z]\w+Error)\b", line)
        if found:
            depth = len(found[1])
            above = [(d, n) for d, n in above if d < depth]
            drawn[found[2]] = above[-1][1] if above else "Exception"
            above.append((depth, found[2]))
    assert drawn == {n: e.__bases__[0].__name__ for n, e in exceptions().items()}
    for name, exception in exceptions().items():
        assert exception.__dict__.get("__doc__"), f"errors.{name} has no docstring"


def test_exit_codes_of_the_help_are_those_of_the_program() -> None:
    listed = CLI_PAGE.exit_codes()
    assert list(listed) == sorted(listed)
    raised = {exception.exit_code for exception in exceptions().values()}
    assert set(listed) == raised | {0, cli.PARTLY_READ, cli.INTERRUPTED}
    assert errors.InputError.exit_code == cli.PARTLY_READ
    page = text_of("records.md")
    shown = {int(row[0]) for row in rows(section(page, "Bad input")) if row[0].isdigit()}
    assert shown == set(listed), "docs/records.md, table of exit codes"


# All pages


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [t for t in targets if not re.match(r"[a-z]+:", t)]
    missing = [t for t in local if not (page.parent / t).exists()]
    assert not missing, f"{page.name} links to pages that do not exist: {missing}"


#: Sentences that say that the two are kept apart; everything else keeps them apart.
ABOUT_BOTH = ("Likelihood and analytic confidence are two separate statements",)


def sentences(text: str) -> list[str]:
    """Sentences of a page; a table cell, a list item and a line of output each end one.

    Values and names in backticks are no words of a sentence.
    """
    plain = re.sub(r"^(```\w*|#+ .*)$", "\n\n", text, flags=re.M)
    plain = re.sub(r"`[^`\n]+`", "", plain)
    blocks = re.split(r"\n\s*\n|(?<!\\)\||^\s*(?:[-*]|\d+\.)\s|^(?=[^\n]* … )", plain, flags=re.M)
    return [
        " ".join(sentence.split())
        for block in blocks
        for sentence in re.split(r"(?<=[.!?;:])\s+", block or "")
        if sentence.strip()
    ]


def mixed(text: str) -> list[str]:
    return [
        s
        for s in sentences(text)
        if re.search(r"\b(?:un)?like(?:ly|lihood)\b", s, re.I)
        and re.search(r"\bconfiden(?:ce|t)\b", s, re.I)
        and not s.strip("-* ").startswith(ABOUT_BOTH)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_likelihood_and_confidence_never_share_a_sentence(page: Path) -> None:
    found = mixed(page.read_text(encoding="utf-8"))
    assert not found, (
        f"{page.name}: {found}. Say how probable and how good the basis is in two sentences "
        "(ICD 203, D.6.e.(2)(a)); a sentence about the rule itself goes into ABOUT_BOTH."
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is likely, with high confidence.", 1),
        ("It is likely. Confidence is high.", 0),
        ("Likelihood and analytic confidence are two separate statements.", 0),
        ("| likely | confidence |", 0),
    ],
)
def test_lint_of_likelihood_and_confidence(text: str, found: int) -> None:
    assert len(mixed(text)) == found


def test_pages_name_no_path_of_a_machine() -> None:
    for page in PAGES:
        found = re.search(r"(?:^|[\s`(])/(?:home|root|work|tmp|Users)/", page.read_text("utf-8"))
        assert not found, f"{page.name} names a path of one machine"
