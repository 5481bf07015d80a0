"""`explain-weight`, `similar`: bits by hand from docs/method.md, shape, errors, and `compare`."""

from __future__ import annotations

import json
import random
from hashlib import sha256
from math import log2
from pathlib import Path
from typing import Any

import pytest

import samehand
from helpers import Record, read, record
from samehand.ask import item_of
from samehand.case import Options, candidate_pairs, pair_evidence, prepare
from samehand.config import default_parameters, types_table
from samehand.errors import UsageError
from samehand.explain import explain
from samehand.knowledge.common import provider_suffixes
from samehand.knowledge.providers import class_of
from samehand.link import make_link
from samehand.model import Feature
from samehand.nearest import nearest
from samehand.normalise import canonical
from samehand.score import score
from test_intake import Done, call, ok

#: The starting weights, without what is fitted: the formulas of docs/method.md alone.
START = ("--parameters", Path(samehand.__file__).parent / "parameters.toml")
DAY = {"published": "2024-07-01"}
DOMAIN = ("domain-name", "one.example")


def run(folder: Path, *args: object) -> Done:
    return call(folder, *START, *args)


def answer(folder: Path, *args: object) -> Any:
    return json.loads(ok(folder, *START, *args, "--json"))


def workspace(folder: Path, *records: Record, options: tuple[str, ...] = ()) -> Path:
    (folder / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    if not (folder / "samehand.duckdb").exists():
        ok(folder, "init")
    ok(folder, "add", *options, "in.jsonl")
    return folder


def near(*bits: float) -> Any:
    return pytest.approx(bits[0] if len(bits) == 1 else list(bits), abs=1e-9)


# explain-weight


def test_a_domain_without_a_workspace_weighs_what_the_formula_says(tmp_path: Path) -> None:
    found = answer(tmp_path, "explain-weight", "domain-name", "hxxp://One[.]example"[7:])
    assert found["value"] == "one.example"
    (weight,) = found["weights"]
    assert weight["anchor_bits"] == near(log2(0.12 * 16000 / 0.1))
    assert weight["anchor_gross_bits"] == weight["anchor_bits"]
    assert weight["corroboration_bits"] == near(log2(0.12 * 500 / 0.1))
    assert {a["gap_days"]: a["anchor_bits"] for a in weight["aged"]} == {
        days: near(log2(0.12 * 16000 / 0.1) * 2 ** (-days / 547)) for days in (30, 180, 365, 1095)
    }
    form = weight["forms"][0]
    assert (form["m"], form["kappa"], form["half_life_days"], form["forgeability"]) == (
        0.12, 0.1, 547, 0.3,
    )  # fmt: skip
    assert (found["origins"], found["reports"], found["holders"]) == (16000, 0, [])
    assert found["numbers"].startswith("starting table, start-1")
    assert found["default_grade_weight"] == near(0.68)


def test_holders_of_the_workspace_count_but_two_that_stand_for_the_pair(tmp_path: Path) -> None:
    holders = [record(n, DOMAIN, **DAY, publisher=n) for n in ("a", "b", "c", "d")]
    # A compilation that holds it is no witness and not in N.
    workspace(tmp_path, *holders, record("list", DOMAIN, kind="compilation"))
    found = answer(tmp_path, "explain-weight", *DOMAIN)
    assert (found["holders"], found["holders_total"]) == (["a", "b", "c", "d"], 4)
    assert (found["holders_not_counted"], found["reports"], found["origins"]) == (1, 5, 16004)
    (weight,) = found["weights"]
    assert weight["forms"][0]["holders"] == 2
    assert weight["anchor_bits"] == near(log2(0.12 / ((2 + 0.1) / 16004)))
    assert weight["corroboration_bits"] == near(log2(0.12 * 500 / 0.1))  # 2/16,004 is less
    case = answer(tmp_path, "explain-weight", *DOMAIN, "--prior", "case")["weights"][0]
    assert case["anchor_bits"] == near(log2(0.12 / (2 / 16004 + 0.1 / 16000)))


def test_background_reports_count_as_holders_and_only_ten_are_named(tmp_path: Path) -> None:
    rows = [record(f"r{n:02}", DOMAIN) for n in range(12)]
    workspace(tmp_path, *rows, options=("--background",))
    found = answer(tmp_path, "explain-weight", *DOMAIN)
    assert found["holders"] == [f"r{n:02}" for n in range(10)]
    assert found["holders_total"] == 12
    assert found["weights"][0]["forms"][0]["holders"] == 12
    assert "and 2 more" in ok(tmp_path, *START, "explain-weight", *DOMAIN)


def test_a_url_weighs_what_its_heaviest_form_weighs_and_provider_is_not_counted_again(
    tmp_path: Path,
) -> None:
    url = "hxxp://evil[.]duckdns[.]org/long/telling/path.php"
    found = answer(tmp_path, "explain-weight", "url", url)
    (weight,) = found["weights"]
    forms = {f["kind"]: f["anchor_bits"] for f in weight["forms"]}
    assert forms == {
        "url": near(log2(0.1 * 16000 / 0.1)),
        "domain-name": near(log2(0.12 * 16000 / 0.1)),
        "registered-domain": near(log2(0.12 * 16000 / 0.3)),
        "url:path": near(log2(0.1 * 16000 / 5)),
    }
    assert weight["anchor_bits"] == max(forms.values())
    (provider,) = found["follows"]
    assert (provider["kind"], provider["value"]) == ("provider", "duckdns.org")
    assert provider["anchor_bits"] is None
    assert found["provider"]["class_name"] == "dynamic-dns" and found["provider"]["chosen"]
    text = ok(tmp_path, *START, "explain-weight", "url", url)
    assert "hxxp://evil[.]duckdns[.]org" in text
    assert "evil.duckdns" not in text and "http:" not in text


def test_lists_take_bits_off_with_reason_and_date(tmp_path: Path) -> None:
    found = answer(tmp_path, "explain-weight", "ipv4-addr", "8[.]8[.]8[.]8")
    (weight,) = found["weights"]
    form = weight["forms"][0]
    kappa = max(row["kappa"] for row in found["lists"] if row["kind"] == "ipv4-addr")
    assert form["listed_kappa"] == kappa
    assert form["anchor_gross_bits"] == near(log2(0.12 * 16000 / 1))
    assert form["anchor_bits"] == near(max(0.0, log2(0.12 * 16000 / kappa)))
    assert all(row["reason"] and row["date"] for row in found["lists"])
    assert "is on a list" in ok(tmp_path, *START, "explain-weight", "ipv4-addr", "8.8.8.8")


def test_a_technique_is_judged_by_base_rate_and_size(tmp_path: Path) -> None:
    found = answer(tmp_path, "explain-weight", "technique", "t1566.002")
    known = found["technique"]
    rate = (known["bundled_holders"] + 1) / (known["bundled_reports"] + 1)
    assert known["base_rate"] == near(rate)
    assert {b["size"]: b["bits"] for b in known["bits"]} == {
        size: near(max(0.0, log2(0.45 / (1 - (1 - rate) ** (size / known["mean_size"])))))
        for size in (5, 10, 20, 40)
    }
    assert found["weights"][0]["corroboration_bits"] == near(log2(0.45 / rate))
    assert found["weights"][0]["anchor_bits"] is None
    assert known["name"] == "Spearphishing Link"
    replaced = answer(tmp_path, "explain-weight", "technique", "T1086")
    assert replaced["compared_as"] == {"kind": "technique", "value": "T1059.001"}


def test_software_says_how_many_use_it_and_since_when_it_is_public(tmp_path: Path) -> None:
    found = answer(tmp_path, "explain-weight", "software", "MimiKatz")
    groups = found["software"]["groups"]
    form = found["weights"][0]["forms"][0]
    assert groups > 5 and form["kappa"] == 20 * groups and form["groups"] == groups
    assert found["software"]["public"] and form["listed_kappa"] == 2000
    assert found["software"]["families"][0]["public_since"].startswith("2011")
    unknown = answer(tmp_path, "explain-weight", "software", "never heard of it")
    (weight,) = unknown["weights"]
    assert weight["corroboration_bits"] == near(log2(0.4 * 500 / 20))
    assert not unknown["software"]["public"]
    assert weight["forms"][0]["half_life_days"] is None  # does not age


def test_what_is_not_compared_says_why(tmp_path: Path) -> None:
    private = answer(tmp_path, "explain-weight", "ipv4-addr", "10.0.0.1")
    assert private["weights"] == [] and "private" in private["note"]
    bare = answer(tmp_path, "explain-weight", "domain-name", "duckdns.org")
    assert "provider" in bare["note"]
    assert [(w["kind"], w["value"]) for w in bare["weights"]] == [("provider", "duckdns.org")]
    assert "it never counts" in ok(tmp_path, "explain-weight", "ipv4-addr", "10.0.0.1")


def test_a_hash_is_compared_as_the_hash_that_stands_for_its_file(tmp_path: Path) -> None:
    md5, longer = "a" * 32, "b" * 64
    both = [
        {"type": "file:md5", "value": md5, "file": "f"},
        {"type": "file:sha256", "value": longer, "file": "f"},
    ]
    workspace(tmp_path, {"id": "a", "observables": both}, record("b", ("file:sha256", longer)))
    found = answer(tmp_path, "explain-weight", "file:md5", md5)
    assert found["compared_as"] == {"kind": "file:sha256", "value": longer}
    assert found["holders"] == ["a", "b"]


ITEMS = [
    *(("domain-name", "one.example"), ("domain-name", "x.duckdns.org"), ("ipv4-addr", "8.8.8.8")),
    *(("url", "http://two.example/a/telling/path.php"), ("file:path", r"c:\a\svchost.exe")),
    *(("mutex", "m1"), ("file:name", "setup.exe"), ("lure-title", "Invoice")),
    *(("vulnerability", "CVE-2017-11882"), ("autonomous-system", "AS13335")),
]


@pytest.mark.parametrize(("kind", "value"), ITEMS, ids=[v for _, v in ITEMS])
@pytest.mark.parametrize("prior", ["feed", "case"])
def test_explained_bits_are_those_of_two_reports_that_share_the_item(
    kind: str, value: str, prior: Any
) -> None:
    reports = [read(record(name, (kind, value), **DAY)) for name in "abc"]
    parameters = default_parameters()
    case = prepare(reports, parameters, Options(prior=prior))
    found = explain(canonical(kind, value), reports, parameters, prior)
    (weighed,) = score(pair_evidence(case, "a", "b"), parameters).weighed
    (weight,) = found.weights
    soft = bool(types_table()[kind].soft)
    assert weight.anchor_gross_bits == (None if soft else near(weighed.anchor_gross))
    assert weight.anchor_bits == (None if soft else near(weighed.anchor_rare))
    assert weight.corroboration_gross_bits == near(weighed.further_gross)
    assert weight.corroboration_bits == near(weighed.further_rare)
    assert weight.forms[0].holders == 1


def test_items_of_every_type_can_be_asked_for() -> None:
    examples = {
        "registered-domain": ("One[.]example", "one.example"),
        "provider": ("duckdns[.]org", "duckdns.org"),
        "ipv4-net24": ("45[.]9[.]8[.]7", "45.9.8.0/24"),
        "technique": ("t1566.002", "T1566.002"),
        "software": ("Cobalt  Strike", "cobalt strike"),
        "name": ("Crypto-Core", "cryptocore"),
        "victim-country": ("jp", "JP"),
        "victim-sector": ("Shipping", "shipping"),
    }
    assert set(examples) == {name for name, row in types_table().items() if row.derived}
    for kind, (written, value) in examples.items():
        feature = item_of(kind, written)
        assert feature == Feature(kind, value)
        assert explain(feature, [], default_parameters()).weights[0].kind == kind


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("domian-name", "a.example", "Close: domain-name"),
        ("domain-name", "not a name", "not a domain name"),
        ("ipv4-net24", "10.0.0.0/8", "not a /24"),
        ("technique", "phishing", "T1234"),
        ("victim-sector", " ", "empty"),
    ],
)
def test_wrong_items_are_an_error_of_usage(
    kind: str, value: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        item_of(kind, value)
    done = run(tmp_path, "explain-weight", kind, value)
    assert (done.returncode, done.stdout) == (2, "") and words in done.stderr


def test_a_named_workspace_must_be_there_and_an_unnamed_one_need_not(tmp_path: Path) -> None:
    assert run(tmp_path, "explain-weight", *DOMAIN).returncode == 0
    done = run(tmp_path, "-w", "none.duckdb", "explain-weight", *DOMAIN)
    assert done.returncode == 6 and "none.duckdb" in done.stderr


# similar

HASH = ("file:sha256", sha256(b"sample").hexdigest())
ROWS = [
    record("a", DOMAIN, HASH, **DAY, title="About a", publisher="evil.com watch"),
    record("b", DOMAIN, **DAY, publisher="B"),
    record("c", HASH, **DAY, publisher="C"),
    record("alone", ("domain-name", "other.example"), **DAY, publisher="D"),
    record("copy", DOMAIN, HASH, **DAY, cites=["a"], publisher="E"),
]


@pytest.fixture
def full(tmp_path: Path) -> Path:
    reference = record("known", HASH, **DAY, label={"actor": "Red Heron"})
    workspace(tmp_path, reference, options=("--reference",))
    return workspace(tmp_path, *ROWS)


def test_nearest_reports_with_bits_by_hand(full: Path) -> None:
    found = answer(full, "similar", "a")
    # a, b, c, alone and the reference are origins; the copy is none.
    n = 16005
    prior = log2(5 / n)
    rows = {row["report"]: row for row in found["nearest"]}
    assert list(rows) == [r["report"] for r in found["nearest"]]
    assert set(rows) == {"b", "c", "copy", "known"}
    assert rows["b"]["weight_bits"] == near(log2(0.12 * n / 0.1) - 3)
    # One other report holds the hash that a and c share.
    assert rows["c"]["weight_bits"] == near(log2(0.15 / ((1 + 0.2) / n)) - 3)
    assert rows["known"]["weight_bits"] == rows["c"]["weight_bits"]
    assert rows["known"]["known_actor"] == "Red Heron" and rows["known"]["use"] == "reference"
    assert rows["copy"]["type"] == "copy" and rows["copy"]["copy_of"] == "a"
    assert rows["copy"]["total_bits"] == near(4.25)
    for row in rows.values():
        assert row["total_bits"] == near(prior + row["weight_bits"])
        assert row["probability"] == near(1 / (1 + 2 ** -row["total_bits"]))
        assert row["known_at"] == "2024-07-01"
    order = [row["total_bits"] for row in found["nearest"]]
    assert order == sorted(order, reverse=True)
    (line,) = rows["b"]["lines"]
    assert line["comparison"] == "anchor: domain-name one.example"
    assert (line["bits"], line["kept_bits"]) == (
        near(log2(0.12 * n / 0.1)),
        near(log2(0.12 * n / 0.1) - 3),
    )
    assert (found["reports"], found["candidates"], found["prior"]) == (5, 4, "feed")


def test_text_is_defanged_and_says_what_each_is(full: Path) -> None:
    text = ok(full, *START, "similar", "b")
    assert "a  2024-07-01  evil[.]com watch  TLP:CLEAR" in text
    assert "domain-name one[.]example" in text and "one.example" not in text
    assert "copy of a" in text
    assert "known actor Red Heron" in ok(full, *START, "similar", "c")
    own = ok(full, *START, "similar", "copy", "--top", "1")
    assert "It repeats a" in own and "more (--top)" in own
    assert "Nothing near" in ok(full, *START, "similar", "alone")


@pytest.mark.parametrize("prior", ["feed", "case"])
@pytest.mark.parametrize("numbers", [(), START], ids=["shipped", "starting"])
def test_bits_are_those_of_compare(full: Path, prior: str, numbers: tuple[object, ...]) -> None:
    for asked in ("a", "c", "copy"):
        rows = json.loads(ok(full, *numbers, "similar", asked, "--prior", prior, "--json"))
        assert rows["nearest"]
        for row in rows["nearest"]:
            done = ok(full, *numbers, "compare", asked, row["report"], "--prior", prior, "--json")
            link = json.loads(done)
            for field in ("weight_bits", "total_bits", "probability", "campaign_probability"):
                assert row[field] == near(link[field]), (asked, row["report"], field)
            assert row["type"] == link["type"]


def _world(seed: int, size: int) -> list[Record]:
    """Reports with values drawn from a small pool; some cite or speak of others."""
    chance = random.Random(seed)
    pool = [("domain-name", f"n{n}.example") for n in range(12)]
    pool += [("mutex", f"m{n}") for n in range(4)] + [("autonomous-system", "AS64500")]
    rows = []
    for n in range(size):
        row = record(f"r{n}", *chance.sample(pool, 3), **DAY, publisher=f"P{n}")
        row["grade"] = chance.choice(["A1", "B2", ""])
        if n and chance.random() < 0.3:
            row["cites"] = [f"r{chance.randrange(n)}"]
        if n > 1 and chance.random() < 0.3:
            two = chance.sample(range(n), 2)
            row["claims"] = [{"relation": "reported-comparison", "reports": [f"r{t}" for t in two]}]
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("prior", ["feed", "case"])
def test_nothing_that_could_link_is_missed(seed: int, prior: Any) -> None:
    parameters = default_parameters()
    reports = [read(row) for row in _world(seed, 14)]
    case = prepare(reports, parameters, Options(prior=prior))
    pairs = candidate_pairs(case, case.profiles)
    for asked in case.profiles:
        mine = [p for p in pairs if asked in p]
        assert candidate_pairs(case, case.profiles, of=asked) == mine
        links = [make_link(pair_evidence(case, *p), parameters) for p in mine]
        said = {(k.l if k.r == asked else k.r): k for k in links if k.contributions}
        found = nearest(case, asked, 100, prior)
        assert {n.report: n.total_bits for n in found.nearest} == {
            other: near(link.total_bits) for other, link in said.items()
        }
        assert found.candidates == len(said)


def test_a_file_is_compared_and_not_added(full: Path) -> None:
    (full / "new.json").write_text(json.dumps(record("new", DOMAIN, **DAY, publisher="N")))
    before = ok(full, "reports", "--json")
    found = answer(full, "similar", "new.json")
    assert ok(full, "reports", "--json") == before
    assert found["report"] == "new" and {r["report"] for r in found["nearest"]} >= {"a", "b"}
    ok(full, "add", "new.json")
    assert answer(full, "similar", "new")["nearest"] == found["nearest"]
    # A file whose report is in the workspace stands in its place.
    assert answer(full, "similar", "new.json")["nearest"] == found["nearest"]


def test_a_document_can_be_asked_about(full: Path) -> None:
    (full / "note.md").write_text(f"# Beacon\n\nThe malware sample is {HASH[1]} (SHA-256).\n")
    found = answer(full, "similar", "note.md")
    assert {row["report"] for row in found["nearest"]} >= {"a", "c", "known"}


def test_top_limits_and_counts_the_rest(full: Path) -> None:
    assert len(answer(full, "similar", "a", "--top", "2")["nearest"]) == 2
    assert run(full, "similar", "a", "--top", "0").returncode == 2


def test_errors_of_similar_name_what_is_wrong(full: Path, tmp_path: Path) -> None:
    done = run(full, "similar", "nobody")
    assert done.returncode == 5 and "no file of that name, and no report 'nobody'" in done.stderr
    workspace(full, record("bg", DOMAIN), options=("--background",))
    done = run(full, "similar", "bg")
    assert done.returncode == 2 and "background" in done.stderr
    (full / "two.jsonl").write_text('{"id": "x"}\n{"id": "y"}\n')
    done = run(full, "similar", "two.jsonl")
    assert done.returncode == 3 and "holds 2 readable reports" in done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "f.json").write_text(json.dumps(ROWS[0]))
    done = run(empty, "similar", "f.json")
    assert done.returncode == 6
    assert "no workspace here" in done.stderr and "samehand compare" in done.stderr
    ok(empty, "init")
    done = run(empty, "similar", "f.json")
    assert done.returncode == 5 and "holds no reports yet" in done.stderr


def test_many_reports_answer_with_their_few_candidates_only(tmp_path: Path) -> None:
    """A value in more than 200 reports opens no pair; other values of the report still do."""
    usual = ("mutex", "usual")
    rows = [record(f"r{n:03}", usual, **DAY, publisher=f"P{n}") for n in range(205)]
    rows += [record(n, usual, DOMAIN, **DAY, publisher=n) for n in ("x", "y")]
    found = answer(workspace(tmp_path, *rows), "similar", "x")
    assert [row["report"] for row in found["nearest"]] == ["y"]
    assert (found["reports"], found["candidates"]) == (206, 1)


def test_class_of_a_provider_is_that_of_our_list_or_of_the_warning_lists() -> None:
    own = class_of("duckdns.org")
    assert own is not None and own.name == "dynamic-dns"
    listed = provider_suffixes()
    classes = {suffix: class_of(suffix) for suffix in listed}
    assert all(classes.values())
    elsewhere = [s for s, found in classes.items() if found and found.reason.startswith("On a ")]
    assert elsewhere and all(classes[s].name == listed[s] for s in elsewhere)  # type: ignore[union-attr]
    assert class_of("one.example") is None
