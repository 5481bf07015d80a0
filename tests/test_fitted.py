"""What labelled pairs say about the starting weights: laws that hold with it, and its fitting."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laws_fitted
from helpers import bench, link_in, read, record
from laws_fitted import FITTED, LINKAGE
from samehand.case import Options, pair_evidence, prepare
from samehand.compare.fitted import fitted_range, interpolated
from samehand.compare.likeness import Marks, likeness
from samehand.config import (
    Parameters,
    default_parameters,
    load_parameters,
    parse_linkage,
)
from samehand.errors import ConfigError
from samehand.fit.calibrate import (
    EVIDENCE_KNOTS,
    GAP_KNOTS,
    RIDGE,
    SHARED,
    Labelled,
    design,
    document,
    fit,
    linkage_of,
    solve,
)
from samehand.likelihood import probability_from_bits
from samehand.link import make_link
from samehand.model import Link
from test_intake import call, ok

generators = st.randoms(use_true_random=False)


@pytest.mark.parametrize("law", laws_fitted.LAWS, ids=lambda law: law.__name__)
@settings(max_examples=300)
@given(rng=generators)
def test_law(law: Callable[[Random], None], rng: Random) -> None:
    law(rng)


def link(one: dict[str, Any], other: dict[str, Any], parameters: Parameters = FITTED) -> Link:
    case = prepare([read(one), read(other)], parameters, Options(prior="feed"))
    return make_link(pair_evidence(case, one["id"], other["id"]), parameters)


def test_what_everybody_holds_says_nothing_whatever_the_likeness() -> None:
    popular = ("domain-name", "www.google.com")
    found = link(record("a", popular), record("b", popular))
    assert not found.calibrated
    assert found.probability < 0.01


def test_likeness_alone_makes_no_link() -> None:
    a = record("a", ("domain-name", "login-mail-one.xyz"), published="2023-01-01")
    b = record("b", ("domain-name", "login-mail-two.xyz"), published="2023-01-02")
    assert link(a, b).total_bits == pytest.approx(link(a, b).prior_bits)


def test_a_rare_shared_domain_by_hand() -> None:
    """Base + evidence(W) + a shared domain + likeness + gap, W the bits of the starting weights."""
    shared = ("domain-name", "kq7-telemetry.xyz")
    a = record("a", shared, published="2018-01-01", grade="B2")
    b = record("b", shared, published="2023-01-01", grade="B2")
    started = link(a, b, default_parameters())
    assert LINKAGE is not None
    hard = started.weight_bits  # nothing soft is shared
    alike = sum(
        slope * (1.0 - usual) for slope, usual in (LINKAGE.names, LINKAGE.habits, LINKAGE.kinds)
    )
    weighed = LINKAGE.shared["domain"] * 0.85 * 0.8  # of grade B2
    gap = interpolated(LINKAGE.gap, math.log2(1 + (5 * 365 + 1) / 30))
    expected = LINKAGE.base_bits + interpolated(LINKAGE.evidence, hard) + weighed + alike + gap
    assert expected < LINKAGE.most_bits
    found = link(a, b)
    assert found.total_bits == pytest.approx(expected, abs=1e-6)
    assert found.calibrated and found.probability > probability_from_bits(started.total_bits)
    said = {c.comparison for c in found.contributions}
    assert {
        "what labelled pairs show",
        "likeness of names in hosts",
        "a shared domain",
    } <= said


def test_no_more_than_the_labels_support() -> None:
    shared = [("domain-name", "kq7-telemetry.xyz"), ("ipv4-addr", "93.184.216.34")]
    a = record("a", *shared, published="2023-01-01")
    b = record("b", *shared, published="2023-01-01")
    found = link(a, b)
    assert LINKAGE is not None
    assert found.total_bits == pytest.approx(LINKAGE.most_bits, abs=1e-6)
    assert "limit of what the labels support" in {c.comparison for c in found.contributions}


def test_the_range_of_a_fitted_link_is_that_of_pairs_out_of_sample() -> None:
    assert LINKAGE is not None
    rows = ((-1.0, 0.1, 0.2), (0.0, 0.3, 0.4), (1.0, 0.6, 0.9))
    mine = replace(FITTED, linkage=replace(LINKAGE, ranges=rows))
    shared = ("domain-name", "kq7-telemetry.xyz")
    reports = [record(i, shared, published="2018-01-01") for i in "ab"]
    case = prepare([read(r) for r in reports], mine, Options(prior="feed"))
    found = pair_evidence(case, "a", "b")
    for total, low, high in ((-0.5, 0.1, 0.4), (0.0, 0.3, 0.5), (0.5, 0.3, 0.9), (9.0, 0.6, 0.998)):
        measured = fitted_range(found, mine.linkage, total)  # type: ignore[arg-type]
        own = probability_from_bits(total)
        assert measured is not None
        assert measured.low == pytest.approx(min(low, own)), total
        assert measured.high == pytest.approx(max(high, own), abs=1e-3), total
    doubled = fitted_range(replace(found, k=2 * found.k), mine.linkage, 0.5)  # type: ignore[arg-type]
    assert doubled is not None  # half a bit less in the scale of the labels: the row at -1
    assert doubled.low == pytest.approx(0.2 / 1.1)  # odds of .1 twice as large
    assert fitted_range(found, replace(LINKAGE, ranges=()), 0.5) is None


def test_strangers_change_nothing_but_rarity() -> None:
    shared = ("domain-name", "kq7-telemetry.xyz")
    pair = [record(i, shared, published="2023-01-01") for i in "ab"]
    others = [record(f"x{n}", ("domain-name", f"other{n}.com")) for n in range(200)]
    alone = link_in(bench(pair, numbers=FITTED), "a", "b").total_bits
    crowd = link_in(bench([*pair, *others], numbers=FITTED), "a", "b").total_bits
    assert crowd == pytest.approx(alone, abs=0.02)


# Likeness


sets = st.frozensets(st.integers(0, 40), max_size=12)


def marked(names: frozenset[int], habits: frozenset[int], kinds: frozenset[int]) -> Marks:
    return Marks(
        np.array(sorted(names), dtype=np.uint32),
        frozenset(map(str, habits)),
        frozenset(map(str, kinds)),
    )


@settings(max_examples=300)
@given(st.tuples(sets, sets, sets), st.tuples(sets, sets, sets), st.integers(0, 40))
def test_what_both_gain_never_makes_them_less_alike(
    left: tuple[frozenset[int], ...], right: tuple[frozenset[int], ...], new: int
) -> None:
    weights = {"1": 0.5, "2": 3.0}
    a, b = marked(*left), marked(*right)
    before = likeness(a, b, weights, 7.0)
    assert before == likeness(b, a, weights, 7.0)
    both = (marked(*(s | {new} for s in side)) for side in (left, right))
    after = likeness(*both, weights, 7.0)
    for name in ("names", "habits", "kinds"):
        was, now = getattr(before, name), getattr(after, name)
        assert was is None or now >= was - 1e-12
        assert now is None or -1e-12 <= now <= 1 + 1e-12


# The file


def changed(**fields: object) -> bytes:
    path = Path(__file__).parents[1] / "src" / "samehand" / "knowledge" / "data" / "linkage.json"
    return json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"evidence": [[0, 0], [5, 2], [9, 1]]},
        {"evidence": []},
        {"gap": [[0, -1], [3, 0]]},
        {"names": [-1, 0.1]},
        {"habits": "many"},
        {"shared": {"address": -1}},
        {"ranges": [[0, 0.4, 0.5], [1, 0.3, 0.6]]},
        {"fitted": {}},
        {"base_bits": None},
    ],
)
def test_a_fit_that_breaks_a_law_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"x\.json.*Fit it again"):
        parse_linkage(changed(**fields), "x.json")


def test_the_shipped_fit_states_data_and_scores() -> None:
    raw = json.loads(changed())["fitted"]
    assert raw["positives"] >= 300 and raw["data"] and raw["date"]
    assert {"by actor", "by time, capped", "by time, unseen actor"} < set(raw["out_of_sample"])


def test_the_shipped_fit_rests_on_the_shipped_starting_weights() -> None:
    """Changed weights or types ask for a new fit: samehand calibrate."""
    assert LINKAGE is not None
    assert LINKAGE.starting_weights == default_parameters().hash


def test_a_file_of_ones_own_leaves_the_fit_aside(tmp_path: Path) -> None:
    from samehand.config import bundled

    own = tmp_path / "p.toml"
    own.write_bytes(bundled("parameters.toml"))
    assert load_parameters(own).linkage is None
    mine = tmp_path / "l.json"
    mine.write_bytes(changed(base_bits=-1.0))
    together = load_parameters(own, mine)
    assert together.linkage is not None and together.linkage.base_bits == -1.0
    assert together.hash not in (load_parameters(own).hash, FITTED.hash)


# Fitting


def test_the_solution_is_the_optimum_under_the_signs() -> None:
    """The conditions of Karush, Kuhn and Tucker for a convex loss with signs."""
    rng = np.random.default_rng(3)
    n = 400
    rows = np.column_stack(
        [rng.uniform(0, 14, n), *rng.random((4, n)), *rng.random((3, n)),
         (rng.random(n) < 0.8).astype(float), rng.uniform(0, 7, n)]
    )  # fmt: skip
    matrix = design(rows)
    chance = 1 / (1 + np.exp(-(rows[:, 0] / 4 - 2 + rows[:, 1] - rows[:, 9] / 3)))
    same = (rng.random(n) < chance).astype(float)
    weights = rng.uniform(0.2, 1.0, n)
    beta = solve(matrix, same, weights)
    p = 1 / (1 + np.exp(-(beta[0] + matrix @ beta[1:])))
    slopes = matrix.T @ (weights * (p - same)) + RIDGE * beta[1:]
    assert abs(float(weights @ (p - same))) < 1e-3
    for j, (slope, value) in enumerate(zip(slopes, beta[1:], strict=True)):
        free = j == len(EVIDENCE_KNOTS) - 1 + len(SHARED) + 3  # undated may have either sign
        assert free or value >= 0.0
        assert abs(slope) < 1e-3 if value > 0 or free else slope > -1e-3


def test_knots_and_design_say_the_same() -> None:
    from samehand.fit.calibrate import _blank

    rng = np.random.default_rng(5)
    rows = np.column_stack(
        [
            rng.uniform(0, 20, 50),
            *rng.random((4, 50)),
            *rng.random((3, 50)),
            np.ones(50),
            rng.uniform(0, 9, 50),
        ]
    )
    beta = rng.random(design(rows).shape[1] + 1)
    found = linkage_of(beta, _blank({}))
    by_design = (beta[0] + design(rows) @ beta[1:]) / math.log(2)
    for row, expected in zip(rows, by_design, strict=True):
        alike = sum(
            slope * (value - usual)
            for value, (slope, usual) in zip(
                row[5:8], (found.names, found.habits, found.kinds), strict=True
            )
        )
        total = (
            found.base_bits
            + interpolated(found.evidence, row[0])
            + alike
            + interpolated(found.gap, row[9])
            + sum(found.shared[group] * x for group, x in zip(SHARED, row[1:5], strict=True))
        )
        assert total == pytest.approx(expected, abs=1e-9)
    assert all(a[1] <= b[1] for a, b in pairwise(found.evidence))
    assert [x for x, _ in found.gap] == list(GAP_KNOTS)


def world(rng: Random, actors: int = 40) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Reports of actors that reuse names soon, and pairs of strangers that share by chance."""
    reports: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for n in range(actors):
        day = f"20{10 + n % 12}-0{1 + n % 9}-01"
        for part in "ab":
            values = [
                ("domain-name", f"shared{n}.actor{n}.xyz"),
                ("domain-name", f"own{n}{part}.actor{n}.xyz"),
            ]
            reports.append(record(f"s{n}{part}", *values, published=day, label={"actor": f"A{n}"}))
        pairs.append({"l": f"s{n}a", "r": f"s{n}b", "label": "same"})
        for part, year in (("a", 2011), ("b", 2021)):
            values = [
                ("ipv4-addr", f"91.20.{n}.{rng.randrange(250)}"),
                ("domain-name", f"x{n}{part}{rng.randrange(99)}.com"),
            ]
            reports.append(
                record(
                    f"d{n}{part}",
                    *values,
                    published=f"{year}-03-01",
                    label={"actor": f"D{n}{part}"},
                )
            )
        pairs.append({"l": f"d{n}a", "r": f"d{n}b", "label": "different"})
    return reports, pairs


def test_fitting_a_world_in_which_time_and_names_tell() -> None:
    reports, pairs = world(Random(1))
    found = [read({k: v for k, v in r.items() if k != "label"}) for r in reports]
    labelled = [Labelled(p["l"], p["r"], p["label"] == "same", (p["l"], p["r"])) for p in pairs]
    fitted, rows = fit(found, labelled, [True] * len(labelled), default_parameters())
    assert not np.isnan(rows).any()
    parameters = replace(default_parameters(), linkage=fitted)
    case = prepare(found, parameters, Options(prior="feed"))
    same = [
        make_link(pair_evidence(case, p.l, p.r), parameters).probability for p in labelled if p.same
    ]
    other = [
        make_link(pair_evidence(case, p.l, p.r), parameters).probability
        for p in labelled
        if not p.same
    ]
    assert min(same) > max(other)
    assert parse_linkage(json.dumps(document(fitted)).encode(), "x").types == fitted.types


def test_the_command_fits_and_its_file_is_used(tmp_path: Path) -> None:
    reports, pairs = world(Random(2), 60)
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in reports))
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(p) + "\n" for p in pairs))
    done = json.loads(
        ok(tmp_path, "calibrate", "r.jsonl", "--pairs", "p.jsonl", "-o", "l.json", "--json")
    )
    assert done["fitted"]["positives"] == 60
    assert json.loads((tmp_path / "l.json").read_text()) == done
    ok(tmp_path, "--linkage", "l.json", "predict", "links", "r.jsonl", "-o", "out.jsonl")
    few = call(tmp_path, "calibrate", "r.jsonl", "-o", "m.json", "--pairs", "few.jsonl")
    assert few.returncode == 3
    (tmp_path / "few.jsonl").write_text("".join(json.dumps(p) + "\n" for p in pairs[:40]))
    few = call(tmp_path, "calibrate", "r.jsonl", "-o", "m.json", "--pairs", "few.jsonl")
    assert few.returncode == 3 and "at least 50 are needed" in few.stderr
    assert not (tmp_path / "m.json").exists()
    missing = call(tmp_path, "--linkage", "nothing.json", "predict", "links", "r.jsonl")
    assert missing.returncode == 4


def test_a_pair_that_stands_for_two_is_fitted_as_two() -> None:
    reports, pairs = world(Random(3), 60)
    found = [read({k: v for k, v in r.items() if k != "label"}) for r in reports]
    one = [Labelled(p["l"], p["r"], p["label"] == "same", (p["l"], p["r"])) for p in pairs]
    twice = [replace(p, weight=2.0) for p in one]
    listed, _ = fit(found, one + one, [True] * 2 * len(one), default_parameters())
    weighted, _ = fit(found, twice, [True] * len(one), default_parameters())
    for name in ("base_bits", "undated_bits", "labelled_prior_bits"):
        assert getattr(listed, name) == pytest.approx(getattr(weighted, name), abs=1e-6)
    assert np.allclose(listed.evidence, weighted.evidence, atol=1e-6)


def test_without_a_list_the_pairs_that_share_something_are_found(tmp_path: Path) -> None:
    reports, pairs = world(Random(4), 60)
    loners = [record(f"lone{n}", label={"actor": f"L{n}"}) for n in range(300)]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in reports + loners))
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(p) + "\n" for p in pairs))
    command = ("calibrate", "r.jsonl", "-o", "l.json", "--json")
    listed = json.loads(ok(tmp_path, *command, "--pairs", "p.jsonl"))
    assert json.loads(ok(tmp_path, *command))["fitted"]["pairs"] == listed["fitted"]["pairs"]


def test_a_fit_over_other_starting_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_bytes(
        changed(fitted={**json.loads(changed())["fitted"], "starting_weights": "0" * 16})
    )
    with pytest.raises(ConfigError, match="Fit it again with them"):
        load_parameters(None, tmp_path / "l.json")
