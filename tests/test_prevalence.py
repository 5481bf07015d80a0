"""The prevalence sketch: its counting rule by hand and against a naive counter, and what ships."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.errors import ConfigError
from samehand.knowledge import prevalence
from samehand.knowledge.prevalence import ALL_YEARS, Row, Sketch, build, hash_of, holder_of
from samehand.knowledge.providers import split_host
from samehand.model import Feature

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "src/samehand/knowledge/data"
SHARED = ROOT.parent / "shared/data"
X = Feature("domain-name", "x.example")
Y = Feature("ipv4-net24", "192.0.2.0/24")
KINDS = ("domain-name", "ipv4-addr", "file:md5")


def actor(name: str, year: int, *features: Feature, techniques: int = 0) -> Row:
    return Row("actor", name, year, features, techniques)


def family(name: str, year: int, *features: Feature) -> Row:
    return Row("family", name, year, features)


def sketch_of(*rows: Row) -> Sketch:
    return build([r for r in rows if r.year], [r for r in rows if not r.year], [])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([actor("A", 2020, X)], 0),
        ([actor("A", 2020, X), actor("A", 2021, X)], 0),
        ([actor("A", 2020, X), actor("B", 2021, X)], 1),
        ([actor("A", 0, X), actor("B", 0, X), actor("C", 2021, X)], 2),
        ([family("f", 0, X)], 1),
        ([family("f", 0, X), family("f", 0, X), family("f", 2020, X)], 1),
        ([family("f", 0, X), actor("A", 2020, X)], 1),
        ([family("f", 0, X), family("g", 0, X)], 2),
        ([family("f", 0, X), family("g", 0, X), actor("A", 2020, X), actor("B", 2020, X)], 3),
        ([actor("same", 2020, X), family("same", 0, X)], 1),
        ([actor("A", 2020, X), actor("B", 2021, Y)], 0),
    ],
)
def test_counting_rule_by_hand(rows: list[Row], expected: int) -> None:
    assert sketch_of(*rows).count(X) == expected


def test_what_counts_zero_is_not_stored() -> None:
    alone = sketch_of(actor("A", 2020, X, Y), actor("B", 2020, Feature("mutex", "m")))
    assert len(alone.hashes) == 0
    assert len(sketch_of(actor("A", 2020, X, Y), actor("B", 2020, Y)).hashes) == 1


def test_an_address_of_one_holder_is_not_stored() -> None:
    """All addresses can be hashed and looked up: one family's own would be its indicator."""
    address = Feature("ipv4-addr", "192.0.2.7")
    assert sketch_of(family("f", 0, address)).count(address) == 0
    assert sketch_of(family("f", 0, address), family("g", 0, address)).count(address) == 2
    assert sketch_of(family("f", 0, Y)).count(Y) == 1


def test_kinds_outside_the_list_do_not_count() -> None:
    mutex = Feature("mutex", "m")
    assert sketch_of(family("f", 0, mutex), family("g", 0, mutex)).count(mutex) == 0


@pytest.mark.parametrize(
    ("label", "holder"),
    [
        ({"actor": "Turla"}, ("actor", "Turla")),
        ({"actor": "maltrail:pegasus"}, ("family", "maltrail:pegasus")),
        ({"family": "malware:njrat"}, ("family", "malware:njrat")),
        ({"actor": None, "method": "file"}, None),
        ({"actor": " "}, None),
        ({}, None),
    ],
)
def test_label_names_the_holder(label: dict[str, object], holder: object) -> None:
    assert holder_of(label) == holder


def test_years_of_holders_by_hand() -> None:
    rows = [
        family("undated", 0, X),
        family("mixed", 0, X),  # a dated record says when: 2019
        family("mixed", 2019, X),
        actor("A", 2015, X),  # the first of the actors is the one that is not counted
        actor("B", 2021, X),
        actor("B", 2018, X),
        actor("C", 2018, X),
    ]
    counted = {year: sketch_of(*rows).count(X, year) for year in (1, 2015, 2018, 2019, 2020, 2022)}
    assert counted == {1: 1, 2015: 1, 2018: 1, 2019: 3, 2020: 4, 2022: 4}


def test_undated_actor_is_the_first_one() -> None:
    sketch = sketch_of(actor("A", 0, X), actor("B", 2019, X))
    assert [sketch.count(X, year) for year in (2018, 2019, 2020)] == [0, 0, 1]


features = st.builds(Feature, st.sampled_from(KINDS), st.sampled_from(["a", "b", "c"]))
rows_of_values = st.lists(
    st.builds(
        Row,
        st.sampled_from(["actor", "family"]),
        st.sampled_from(["P", "Q", "R"]),
        st.sampled_from([0, 2018, 2019, 2020, 2021]),
        st.frozensets(features, max_size=4),
    ),
    max_size=25,
)


def naive(rows: list[Row], feature: Feature, before_year: int) -> int:
    """Holder by holder over the plain list; no sorting, hashing or dropping of first ones."""
    known = {"actor": 0, "family": 0}
    for kind, name in {(r.holder_kind, r.holder) for r in rows}:
        years = [
            r.year
            for r in rows
            if (r.holder_kind, r.holder) == (kind, name) and feature in r.features
        ]
        dated = [y for y in years if y]
        known[kind] += any(y < before_year for y in dated) if dated else bool(years)
    return known["family"] + max(0, known["actor"] - 1)


def stored(rows: list[Row], feature: Feature) -> bool:
    """A single address is kept only when at least two unrelated holders have it."""
    least = 2 if feature.kind in ("ipv4-addr", "ipv4-addr:port") else 1
    return naive(rows, feature, ALL_YEARS) >= least


@given(rows_of_values, st.sampled_from([1, 2018, 2019, 2020, 2021, 2022, ALL_YEARS]))
def test_counts_equal_a_naive_counter(rows: list[Row], before_year: int) -> None:
    sketch = build(rows, [], [])
    asked = [Feature(kind, value) for kind in KINDS for value in "abcd"]
    expected = [naive(rows, f, before_year) * stored(rows, f) for f in asked]
    assert [sketch.count(f, before_year) for f in asked] == expected
    assert sketch.counts(asked, before_year).tolist() == expected


@given(rows_of_values, st.randoms(use_true_random=False))
def test_order_of_records_and_of_features_changes_no_byte(rows: list[Row], chance: object) -> None:
    mixed = [Row(r.holder_kind, r.holder, r.year, sorted(r.features), 0) for r in rows]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert build(mixed, [], []).to_bytes() == build(rows, [], []).to_bytes()
    assert build([], mixed, []).to_bytes() == build(rows, [], []).to_bytes()


@given(rows_of_values, features)
def test_counts_never_fall_with_the_years(rows: list[Row], feature: Feature) -> None:
    sketch = build(rows, [], [])
    counts = [sketch.count(feature, year) for year in range(2016, 2024)]
    assert counts == sorted(counts) and counts[-1] == sketch.count(feature)
    population = [sketch.population(year) for year in range(2016, 2024)]
    assert population == sorted(population) and population[-1] == len(rows)


@given(rows_of_values, st.data())
def test_another_later_report_of_the_same_holder_changes_no_count(
    rows: list[Row], data: st.DataObject
) -> None:
    dated = [r for r in rows if r.year]
    if not dated:
        return
    again = data.draw(st.sampled_from(dated))
    later = Row(again.holder_kind, again.holder, 2022, again.features)
    before, after = build(dated, [], []), build([*dated, later], [], [])
    assert np.array_equal(before.hashes, after.hashes)
    assert np.array_equal(before.years, after.years)


def test_hash_is_keyed_blake2b_of_kind_and_value() -> None:
    digest = hashlib.blake2b(
        b"domain-name\0x.example", digest_size=8, key=b"samehand prevalence", person=b"values-1"
    ).digest()
    assert hash_of(X) == int.from_bytes(digest, "little")
    assert hash_of(Feature("url", "x.example")) != hash_of(X)
    assert int(sketch_of(family("f", 0, X)).hashes[0]) == hash_of(X)


def test_expected_is_scaled_to_sixteen_thousand_records_with_one_cutoff() -> None:
    rows = [family("f", 0, X), family("g", 0), actor("A", 2019, X), actor("B", 2020, X)]
    sketch = sketch_of(*rows)
    assert [sketch.population(year) for year in (2019, 2020, 2021)] == [2, 3, 4]
    assert sketch.expected(X, 2019) == 1 * 16000 / 2
    assert sketch.expected(X, 2020) == pytest.approx(1 * 16000 / 3)
    assert sketch.expected(X, 2021) == 2 * 16000 / 4
    assert sketch.expected_counts([Y, X], 2021).tolist() == [0.0, 8000.0]
    assert sketch_of().expected(X) == 0.0


def test_providers_count_actors_and_families_by_year() -> None:
    p = Feature("provider", "ddns.example")
    sketch = sketch_of(
        family("f", 0, p), actor("A", 2019, p), actor("A", 2018, p), actor("B", 2020, p)
    )
    found = [sketch.provider_holders(p.value, year) for year in (2018, 2019, 2020, 2021)]
    assert found == [(0, 1), (1, 1), (1, 1), (2, 1)]
    assert sketch.provider_holders("other.example") == (0, 0)
    assert [sketch.count(p, year) for year in (2019, 2021)] == [1, 2]


def attack(year: int, written: int, *names: str, who: str = "A", software: str = "") -> Row:
    found = [Feature("technique", n) for n in names]
    found += [Feature("software", s) for s in software.split()]
    return actor(who, year, *found, techniques=written)


def test_rates_and_pairs_of_techniques_by_hand() -> None:
    sketch = build(
        [],
        [],
        [
            attack(2019, 2, "T1001", "T1566", "T1566.002"),
            attack(2020, 2, "T1001", "T1566", "T1566.002"),
            attack(2020, 1, "T1001"),
            attack(2021, 1, "T1002"),
            attack(2021, 2, "T1002", "T1001"),
            attack(0, 2, "T1002", "T1001"),
            attack(2020, 0, software="tool"),
        ],
    )
    assert sketch.rates(2019) == prevalence.Rates(0, 0.0, {})
    assert sketch.rates(2021) == prevalence.Rates(
        3, 5 / 3, {"T1001": 3, "T1566": 2, "T1566.002": 2}
    )
    assert sketch.rates().reports == 5 and sketch.rates().mean_size == 8 / 5
    assert sketch.pair_count("T1566.002", "T1001") == sketch.pair_count("T1001", "T1566.002") == 2
    assert sketch.pair_count("T1001", "T1566.002", 2020) == 1
    assert sketch.pair_count("T1001", "T1002") == 0  # twice, but once undated
    assert sketch.lift("T1001", "T1566.002") == pytest.approx((2 / 5) / ((4 / 5) * (2 / 5)))
    assert sketch.lift("T1001", "T1566", 2020) == pytest.approx(1.0)
    assert sketch.lift("T1566", "T1566.002") == pytest.approx(5 / 2)
    assert sketch.lift("T1001", "T1002") == sketch.lift("T1001", "T9999") == 1.0


def test_software_counts_groups_known_before_a_year() -> None:
    sketch = build(
        [],
        [],
        [
            attack(2019, 0, who="A", software="mimi own"),
            attack(2020, 0, who="A", software="mimi own"),
            attack(2021, 0, who="B", software="mimi"),
            attack(0, 0, who="C", software="mimi"),
            attack(2018, 0, who="C", software="mimi"),
        ],
    )
    assert [sketch.software_groups("mimi", y) for y in (2018, 2020, 2021, 2022)] == [1, 2, 2, 3]
    assert sketch.software_groups(" MIMI ") == 3
    assert sketch.software_groups("own") == sketch.software_groups("unknown") == 0


def test_file_can_be_read_again_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    sketch = build(
        [actor("A", 2019, X), actor("B", 2020, X)],
        [family("f", 0, X, Y)],
        [attack(2019, 2, "T1001", "T1002"), attack(2020, 2, "T1001", "T1002")],
        "2026-01-02",
    )
    path = sketch.write(tmp_path)
    data = path.read_bytes()
    again = Sketch.from_bytes(data, "here")
    assert again.tables == sketch.tables and again.tables.made == "2026-01-02"
    assert again.counts([X, Y], 2020).tolist() == [1, 1]
    assert again.pair_count("T1002", "T1001", 2020) == 1
    assert again.to_bytes() == data
    for broken in (b"", data[:10], data[:60], data[:-1], data + b"\0", b"x" + data[1:]):
        with pytest.raises(ConfigError, match=r"here: .*build_prevalence"):
            Sketch.from_bytes(broken, "here")


def test_another_sketch_can_be_used_and_given_back() -> None:
    mine = sketch_of(family("f", 0, X), family("g", 0, X))
    shipped = prevalence.sketch()
    try:
        prevalence.use(mine)
        assert prevalence.sketch().count(X) == 2
        prevalence.use(build([], [], []))
        assert prevalence.sketch().count(X) == 0
    finally:
        prevalence.use(None)
    assert prevalence.sketch() is shipped


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    path = ROOT / "scripts/build_prevalence.py"
    if not path.is_file():
        pytest.skip("scripts/ is not part of this installation")
    spec = importlib.util.spec_from_file_location("build_prevalence", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module


def record(identifier: str, actor: str | None, published: str, *values: str) -> dict[str, object]:
    return {
        "id": identifier,
        "published": published,
        "observables": [
            {"type": "url" if value.startswith("h") else "ipv4-addr", "value": value}
            for value in values
        ],
        "label": {"actor": actor},
    }


def write_data(folder: Path, reports: list[dict[str, object]]) -> Path:
    folder.mkdir()
    background = [
        {
            "id": "bg:1",
            "observables": [{"type": "ipv4-addr", "value": "8.8.8.9"}],
            "label": {"family": "malware:f"},
        }
    ]
    techniques = [
        {"id": "t1", "published": "2020", "techniques": ["T1566.002"], "label": {"actor": "A"}}
    ]
    for name, rows in (
        ("reports", reports),
        ("background_crimeware", background),
        ("attack_reports", techniques),
    ):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    return folder


REPORTS = [
    record("r1", "A", "2019-05-01", "http://a.evil.duckdns.org/long/path.php"),
    record("r2", "B", "2020", "hxxp://b.evil.duckdns[.]org/"),
    record("r3", "maltrail:m", "2021-01", "8.8.8.7"),
    record("r4", None, "2018", "8.8.8.8", "http://c.evil.duckdns.org/"),
]


def test_script_reads_and_derives_values_as_the_program_does(
    script: ModuleType, tmp_path: Path
) -> None:
    sketch = script.read(write_data(tmp_path / "d", REPORTS))
    # 'duckdns.org' is in the Public Suffix List, so the customer's name is 'evil.duckdns.org'.
    assert sketch.count(Feature("registered-domain", "evil.duckdns.org"), 2021) == 1
    assert sketch.count(Feature("registered-domain", "evil.duckdns.org"), 2020) == 0
    assert sketch.provider_holders("duckdns.org") == (2, 0)
    assert sketch.count(Feature("domain-name", "a.evil.duckdns.org")) == 0
    net = Feature("ipv4-net24", "8.8.8.0/24")
    assert [sketch.count(net, year) for year in (2021, 2022)] == [1, 2]
    assert sketch.count(Feature("ipv4-addr", "8.8.8.8")) == 0
    assert sketch.population() == 4
    assert sketch.rates().holders == {"T1566": 1, "T1566.002": 1} and sketch.rates().mean_size == 1


def test_left_out_and_unlabelled_records_have_no_influence(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = [
        record("x1", "Z", "2017", "http://z.evil.duckdns.org/", "8.8.8.9"),
        record("x2", "maltrail:z", "2016", "8.8.8.7"),
    ]
    everything = write_data(tmp_path / "all", [*REPORTS, *fold])
    (tmp_path / "ids.txt").write_text("x1\nx2\nunheard-of\n")
    small = write_data(tmp_path / "small", REPORTS[:3])
    made: list[bytes] = []
    for name, data, more in (
        ("all-out", everything, ["--without", str(tmp_path / "ids.txt")]),
        ("small-out", small, []),
        ("whole-out", everything, []),
    ):
        out = tmp_path / name
        out.mkdir()
        command = ["x", "--data", str(data), "--out", str(out), "--date", "2026-02-03", *more]
        monkeypatch.setattr(sys, "argv", command)
        assert script.main() == 0
        made.append((out / "prevalence.bin").read_bytes() + (out / "prevalence.toml").read_bytes())
    assert made[0] == made[1] != made[2]
    stated = tomllib.loads((tmp_path / "small-out/prevalence.toml").read_text())
    assert stated["made"] == "2026-02-03" and stated["population"]["2019"] == 1
    assert stated["values"]["ipv4-net24"] == [0, 1, 0, 0]


def test_shipped_file_is_small_and_its_description_true() -> None:
    size = (DATA / "prevalence.bin").stat().st_size
    assert size < 5_000_000
    text = (DATA / "prevalence.toml").read_text(encoding="utf-8")
    stated, sketch = tomllib.loads(text), prevalence.bundled_sketch()
    assert stated["bytes"] == size
    assert stated["rows"] == len(sketch.hashes) == len(sketch.years)
    assert stated["pair_rows"] == len(sketch.pair_keys)
    assert sum(stated["population"].values()) == sketch.population()
    assert stated["made"] == sketch.tables.made and f"Retrieved: {stated['made']}" in text
    values = sum(sum(groups) for groups in stated["values"].values())
    assert values == len(np.unique(sketch.hashes))
    assert set(stated["values"]) <= prevalence.KINDS
    rows = sum(n * holders for c in sketch.tables.values.values() for holders, n in c.items())
    assert rows == stated["rows"]


def test_shipped_arrays_are_sorted_and_their_years_possible() -> None:
    sketch = prevalence.bundled_sketch()
    order = np.lexsort((sketch.years, sketch.hashes))
    assert np.array_equal(order, np.arange(len(order)))
    pair_order = np.lexsort((sketch.pair_years, sketch.pair_keys))
    assert np.array_equal(pair_order, np.arange(len(pair_order)))
    for years in (sketch.years, sketch.pair_years):
        assert bool(((years == 0) | ((years >= 1995) & (years <= 2030))).all())
    assert int(sketch.pair_reports.min()) >= 1


def test_shipped_text_is_names_of_public_things_only() -> None:
    """Providers are suffixes of public lists, so no indicator; the rest are ATT&CK's own names."""
    tables = prevalence.bundled_sketch().tables
    for suffix in tables.provider_actors.keys() | tables.provider_families.keys():
        assert split_host(f"somebody.{suffix}")[1] == suffix, "no provider: rebuild the sketch"
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", t) for t in tables.techniques)
    assert all(sum(years.values()) >= 2 for years in tables.software.values())
    assert all("." not in name or " " in name for name in tables.software)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not beside this checkout")
@pytest.mark.skipif(
    "SAMEHAND_REBUILD" not in os.environ, reason="15 to 25 s; set SAMEHAND_REBUILD=1 to run it"
)
def test_building_again_gives_the_shipped_bytes(script: ModuleType) -> None:
    stated = tomllib.loads((DATA / "prevalence.toml").read_text(encoding="utf-8"))
    sketch = script.read(SHARED, made=stated["made"])
    same = sketch.to_bytes() == (DATA / "prevalence.bin").read_bytes()
    assert same, "values are read or derived differently now: run scripts/build_prevalence.py"
    assert script.describe(sketch) == (DATA / "prevalence.toml").read_text(encoding="utf-8")
