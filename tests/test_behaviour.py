"""Actors by techniques and software: laws of memory, ranking, open set and planted tools."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.compare.behaviour import FEATURES, BehaviourMemory, Row, Structure, Table
from samehand.compare.ranker import (
    ActorModel,
    dump_actor_model,
    open_set,
    parse_actor_model,
    rank,
)
from samehand.errors import ConfigError
from samehand.fit.actors import Labelled, fit_actors, forward, plant, usable_cuts

NO_NAMES: frozenset[str] = frozenset()
STRUCTURE = Structure(
    implied={f"tool{i}": frozenset(f"T{1000 + 7 * i + j}" for j in range(4)) for i in range(12)},
    public=frozenset({"tool0"}),
    prevalence={f"T{1000 + i}": 0.05 for i in range(90)},
)
MODEL = ActorModel(
    ranked={"likeness": 9.0, "habit": 2.0, "software": 0.4, "own software": 0.8},
    known={
        "likeness": 7.0,
        "habit": 1.6,
        "software": 0.3,
        "own software": 0.6,
        "explained software": 0.5,
    },
    none_prior=0.55,
    none_techniques=0.4,
    none_software=0.4,
    planted=1.2,
    genuine={"standing": 2.9, "carried": 6.5},
    fitted={},
)


def world(seed: int = 0, actors: int = 8, reports: int = 60) -> list[Row]:
    """Actors with ten habits each and two tools of their own, and one tool that all have."""
    lot = random.Random(seed)
    rows = []
    for number in range(reports):
        actor = number % actors
        habits = [f"T{1000 + 10 * actor + j}" for j in range(10)]
        noise = [f"T{1000 + lot.randrange(90)}" for _ in range(3)]
        tools = {f"own{actor}-{lot.randrange(2)}"} | ({"tool0"} if lot.random() < 0.3 else set())
        rows.append(
            Row(
                f"r{number:03}",
                f"actor {actor}",
                frozenset(lot.sample(habits, 5) + noise),
                frozenset(tools if lot.random() < 0.7 else set()),
                f"{2010 + number // 6}-05-01",
            )
        )
    return rows


def query(actor: int = 3) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(f"T{1000 + 10 * actor + j}" for j in range(6)), frozenset({f"own{actor}-0"})


def probabilities(table: Table, model: ActorModel = MODEL) -> dict[str, float]:
    return {a.actor: a.probability for a in open_set(table, model).actors}


@given(st.integers(0, 50), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_of_reports_and_names_of_actors_are_irrelevant(seed: int, lot: random.Random) -> None:
    rows = world(seed)
    before = BehaviourMemory(rows, STRUCTURE).features(*query())
    mixed = rows[:]
    lot.shuffle(mixed)
    after = BehaviourMemory(mixed, STRUCTURE).features(*query())
    assert after.actors == before.actors and after.closest == before.closest
    assert np.array_equal(before.values, after.values)
    names = [f"actor {i}" for i in range(8)]
    other = dict(zip(names, lot.sample([f"z{i}" for i in range(8)], 8), strict=True))
    named = BehaviourMemory([replace(r, actor=other[r.actor]) for r in rows], STRUCTURE)
    renamed = probabilities(named.features(*query()))
    for actor, p in probabilities(before).items():
        assert renamed[other[actor]] == pytest.approx(p, abs=1e-12)


def test_the_actor_with_the_habit_and_the_tool_leads() -> None:
    for actor in range(8):
        table = BehaviourMemory(world(), STRUCTURE).features(*query(actor))
        p = probabilities(table)
        assert max(p, key=lambda a: p[a]) == f"actor {actor}"
        assert table.actors[int(rank(table, MODEL).argmax())] == f"actor {actor}"


def test_features_count_nothing_for_nothing_shared_and_are_never_negative() -> None:
    memory = BehaviourMemory(world(), STRUCTURE)
    assert not memory.features({"T9999"}, {"nobody's"}).values.any()
    assert not memory.features((), ()).values.any()
    assert (memory.features(*query()).values >= 0).all()


@pytest.mark.parametrize("actors", [1, 4, 9])
def test_without_evidence_the_answer_is_the_prior(actors: int) -> None:
    found = open_set(BehaviourMemory(world(1, actors), STRUCTURE).features((), ()), MODEL)
    assert found.none == pytest.approx(MODEL.none_prior, abs=1e-12)
    assert found.planted == 0.0
    for odds in found.actors:
        assert odds.probability == pytest.approx(0.45 / actors, abs=1e-12)
        assert odds.lines == ()


def test_without_any_reference_it_is_none() -> None:
    found = open_set(BehaviourMemory((), STRUCTURE).features(*query()), MODEL)
    assert (found.none, found.planted, found.actors) == (1.0, 0.0, ())


def test_techniques_that_nobody_shows_speak_for_none() -> None:
    memory = BehaviourMemory(world(), STRUCTURE)
    assert open_set(memory.features({f"T{i}" for i in range(9)}), MODEL).none > MODEL.none_prior


@given(st.integers(0, 200), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_everything_sums_to_one_and_ledgers_to_the_odds(seed: int, size: int) -> None:
    lot = random.Random(seed)
    techniques = {f"T{1000 + lot.randrange(90)}" for _ in range(size)}
    software = {f"own{lot.randrange(9)}-{lot.randrange(2)}" for _ in range(lot.randrange(4))}
    table = BehaviourMemory(world(seed), STRUCTURE).features(techniques, software)
    found = open_set(table, MODEL)
    total = found.none + found.planted + math.fsum(a.probability for a in found.actors)
    assert total == pytest.approx(1.0, abs=1e-12)
    assert math.fsum(a.planted for a in found.actors) == pytest.approx(found.planted, abs=1e-12)
    for odds in found.actors:
        bits = odds.prior_bits + math.fsum(line.bits for line in odds.lines)
        assert bits == pytest.approx(math.log2(odds.probability / found.none), abs=1e-9)
    assert np.exp2(rank(table, MODEL)).sum() == pytest.approx(1.0)


def test_an_unrelated_report_moves_little() -> None:
    rows = world()
    before = open_set(BehaviourMemory(rows, STRUCTURE).features(*query()), MODEL)
    far = Row("x", "actor 5", frozenset({"T5000", "T5001"}), frozenset({"far"}), "2019-01-01")
    after = open_set(BehaviourMemory([*rows, far], STRUCTURE).features(*query()), MODEL)
    assert abs(after.none - before.none) < 0.02
    for a, b in zip(before.actors, after.actors, strict=True):
        assert abs(a.probability - b.probability) < 0.02


def test_left_out_actors_and_reports_are_as_if_never_there() -> None:
    rows = world()
    memory = BehaviourMemory(rows, STRUCTURE)
    without = memory.features(*query(), without={"actor 3"})
    assert "actor 3" not in without.actors and len(without.actors) == 7
    mine = {r.report for r in rows if r.actor == "actor 3"}
    excluded = memory.features(*query(), exclude=mine)
    assert excluded.actors == without.actors
    assert np.array_equal(excluded.values, without.values)
    assert open_set(without, MODEL).none > open_set(memory.features(*query()), MODEL).none


def test_later_reports_are_left_out_and_undated_ones_kept() -> None:
    rows = [replace(r, date="") if r.actor == "actor 0" else r for r in world()]
    table = BehaviourMemory(rows, STRUCTURE).features(*query(), before="2011-01-01")
    known = {r.report for r in rows if not r.date or r.date < "2011"}
    assert {report for rows in table.closest for report, _ in rows} <= known
    assert "actor 0" in table.actors


def test_closest_reports_and_what_they_share_explain_the_answer() -> None:
    memory = BehaviourMemory(world(), STRUCTURE)
    techniques, software = query()
    table = memory.features(techniques, software)
    closest = table.closest[table.actors.index("actor 3")]
    assert [v for _, v in closest] == sorted((v for _, v in closest), reverse=True)
    shared, tools = memory.shared(closest[0][0], techniques, software)
    row = next(r for r in memory.rows if r.report == closest[0][0])
    assert set(shared) == techniques & row.techniques and set(tools) == software & row.software


def test_a_query_without_software_is_compared_by_techniques() -> None:
    rows = world()
    techniques, _ = query()
    bare = [replace(r, software=NO_NAMES) for r in rows]
    a = BehaviourMemory(rows, Structure()).features(techniques)
    b = BehaviourMemory(bare, Structure()).features(techniques)
    assert np.allclose(a.values, b.values)


def test_a_public_tool_is_no_own_software() -> None:
    memory = BehaviourMemory(world(), STRUCTURE)
    table = memory.features(query()[0], {"tool0"})
    for name in ("own software", "explained software", "carried"):
        assert not table.column(name).any()


@pytest.mark.parametrize("count", [1, 2])
def test_planted_tools_alone_name_nobody(count: int) -> None:
    """Tools of another actor on a report that otherwise resembles its own."""
    memory = BehaviourMemory(world(), STRUCTURE)
    for actor in range(8):
        decoy = (actor + 3) % 8
        techniques, _ = query(actor)
        tools = {f"own{decoy}-{i}" for i in range(count)}
        table = memory.features(techniques, tools)
        found = open_set(table, MODEL)
        framed = found.actors[table.actors.index(f"actor {decoy}")]
        assert framed.probability < 0.5
        if not table.column("own software")[table.actors.index(framed.actor)]:
            continue  # it never had the first of its tools
        assert framed.planted > framed.probability
        assert any(line.what == "may be planted" and line.bits < -1 for line in framed.lines)


def test_agreement_of_technique_and_software_takes_the_doubt() -> None:
    memory = BehaviourMemory(world(), STRUCTURE)
    techniques, software = query()
    table = memory.features(techniques, software)
    odds = open_set(table, MODEL).actors[table.actors.index("actor 3")]
    assert odds.probability > odds.planted


def labelled() -> list[Labelled]:
    return [Labelled(r, f"c{r.report}") for r in world(2, 8, 110)]


def test_a_fit_learns_the_habits_is_repeatable_and_keeps_no_order() -> None:
    records = labelled()
    model = fit_actors(records, STRUCTURE)
    mixed = records[:]
    random.Random(4).shuffle(mixed)
    assert fit_actors(mixed, STRUCTURE) == model
    assert model.ranked["likeness"] + model.ranked["habit"] > 0
    assert min(model.genuine.values()) >= 0
    again = parse_actor_model(dump_actor_model(model).encode(), "test")
    assert again == model


def test_forward_cases_know_nothing_of_later_years_and_delete_the_actor() -> None:
    records = labelled()
    cuts = usable_cuts(records, 2026)
    assert cuts and cuts[0] > 2010
    years = {r.row.report: r.year for r in records}
    for case in forward(records, STRUCTURE, cuts[:1]):
        assert all(years[i] <= cuts[0] for rows in case.table.closest for i, _ in rows)
        assert case.query.year > cuts[0]
        if case.kind == "actor deleted":
            assert case.truth == -1 and case.query.row.actor not in case.table.actors
        if case.kind == "planted":
            assert case.decoy != case.query.row.actor


def test_planted_tools_are_exclusive_to_the_decoy() -> None:
    rows = world()
    memory = BehaviourMemory(rows, STRUCTURE)
    for row in rows[:10]:
        lot = plant(memory, row, 2, 0)
        assert lot == plant(memory, row, 2, 0) and lot is not None
        decoy, names = lot
        assert decoy != row.actor and len(names) == 2
        assert {r.actor for r in rows if r.software & names} == {decoy}
    assert plant(memory, rows[0], 99, 0) is None


@pytest.mark.parametrize(
    "change", [{"none_prior": 1.0}, {"genuine": {"standing": -1, "carried": 1}}, {"known": {}}]
)
def test_a_wrong_model_is_refused(change: dict[str, object]) -> None:
    raw = json.loads(dump_actor_model(MODEL)) | change
    with pytest.raises(ConfigError, match="x: "):
        parse_actor_model(json.dumps(raw).encode(), "x")
    with pytest.raises(ConfigError):
        parse_actor_model(b"[]", "x")


def test_columns_are_named() -> None:
    table = BehaviourMemory(world(), STRUCTURE).features(*query())
    assert table.values.shape == (8, len(FEATURES))
    assert np.array_equal(table.column("habit"), table.values[:, FEATURES.index("habit")])
