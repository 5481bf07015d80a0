"""Measures against hand calculation, a published example and naive code, and their laws."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.fit import metrics as m

Rows = list[tuple[float, int, int]]
#: Few different probabilities, so that ties are common; whole weights, so that rows can be copied.
rows_of_pairs = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]), st.integers(0, 1), st.integers(1, 4)
    ),
    min_size=1,
    max_size=25,
)
partitions = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("XYZ")), min_size=1, max_size=20
)


def arrays(rows: Rows) -> tuple[m.Floats, m.Floats, m.Floats]:
    p, y, w = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return p, y, w


def unit(p: list[float], y: list[int]) -> tuple[m.Floats, m.Floats, m.Floats]:
    return arrays([(a, b, 1) for a, b in zip(p, y, strict=True)])


# --- average precision


@pytest.mark.parametrize(
    ("p", "y", "expected"),
    [
        ([0.9, 0.8, 0.7], [1, 0, 1], (1 + 2 / 3) / 2),
        ([0.9, 0.8, 0.7], [0, 0, 1], 1 / 3),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0], 1 / 4),  # ties pass together: the base rate
        ([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 1], (1 + 2 / 3 + 3 / 4) / 3),
        ([0.3, 0.2], [1, 1], 1.0),
    ],
)
def test_average_precision_by_hand(p: list[float], y: list[int], expected: float) -> None:
    assert m.average_precision(*unit(p, y)) == pytest.approx(expected)


def test_average_precision_counts_a_pair_as_often_as_its_weight() -> None:
    rows = [(0.9, 1, 1), (0.8, 0, 3), (0.7, 1, 2)]
    assert m.average_precision(*arrays(rows)) == pytest.approx((1 * 1 + 2 * 3 / 6) / 3)


def test_average_precision_without_a_pair_of_one_hand_is_undefined() -> None:
    assert math.isnan(m.average_precision(*unit([0.1, 0.2], [0, 0])))


@given(rows_of_pairs)
def test_average_precision_is_the_sum_over_thresholds(rows: Rows) -> None:
    positives = sum(w for _, y, w in rows if y)
    area = recall_before = 0.0
    for threshold in sorted({p for p, *_ in rows}, reverse=True):
        passed = [(y, w) for p, y, w in rows if p >= threshold]
        hits = sum(y * w for y, w in passed)
        if positives:
            area += (hits / positives - recall_before) * hits / sum(w for _, w in passed)
            recall_before = hits / positives
    found = m.average_precision(*arrays(rows))
    assert math.isnan(found) if not positives else found == pytest.approx(area)
    assert math.isnan(found) or 0.0 <= found <= 1.0


# --- log-loss, Brier


def test_log_loss_by_hand() -> None:
    assert m.log_loss(*unit([0.5], [1])) == pytest.approx(math.log(2))
    assert m.log_loss(*arrays([(0.8, 1, 3), (0.8, 0, 1)])) == pytest.approx(
        -(3 * math.log(0.8) + math.log(0.2)) / 4
    )


def test_a_certain_error_costs_the_clip_and_no_more() -> None:
    assert m.log_loss(*unit([0.0], [1])) == pytest.approx(-math.log(1e-6))
    assert m.log_loss(*unit([1.0], [0])) == pytest.approx(-math.log(1e-6), rel=1e-6)


def test_brier_by_hand() -> None:
    assert m.brier(*unit([0.8, 0.3], [1, 0])) == pytest.approx((0.04 + 0.09) / 2)
    assert m.brier(*arrays([(0.8, 1, 3), (0.3, 0, 1)])) == pytest.approx((3 * 0.04 + 0.09) / 4)


# --- calibration error


def test_calibration_error_by_hand() -> None:
    rows = unit([0.1, 0.1, 0.9, 0.9], [0, 1, 1, 1])
    assert m.calibration_error(*rows, bins=2) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_a_block_on_a_cut_is_divided_in_proportion() -> None:
    # Half of the weight is .2 (none of one hand) and a third of the .6 (two of three of one hand).
    rows = unit([0.2, 0.6, 0.6, 0.6], [0, 1, 1, 0])
    first = 0.2 + (0.6 - 2 / 3)
    second = 2 * (0.6 - 2 / 3)
    assert m.calibration_error(*rows, bins=2) == pytest.approx((abs(first) + abs(second)) / 4)


@given(st.integers(1, 9), st.integers(1, 30))
def test_calibration_error_of_a_constant_at_the_base_rate_is_zero(same: int, n: int) -> None:
    outcomes = [1] * same + [0] * n
    rows = unit([same / len(outcomes)] * len(outcomes), outcomes)
    assert m.calibration_error(*rows) == pytest.approx(0.0, abs=1e-12)


@given(rows_of_pairs)
def test_calibration_error_is_that_of_copied_rows_cut_into_ten(rows: Rows) -> None:
    """Naive: ties replaced by their mean outcome, each row copied, the copies cut into ten."""
    mean = {
        p: sum(y * w for q, y, w in rows if q == p) / sum(w for q, _, w in rows if q == p)
        for p, *_ in rows
    }
    copies = [(p, mean[p]) for p, _, w in sorted(rows) for _ in range(10 * w)]
    size = len(copies) // 10
    error = 0.0
    for start in range(0, len(copies), size):
        part = copies[start : start + size]
        error += abs(sum(p - y for p, y in part)) / len(copies)
    assert m.calibration_error(*arrays(rows)) == pytest.approx(error, abs=1e-9)


# --- Cllr


def test_cllr_by_hand() -> None:
    # LR 3 for a pair of one hand, 1/3 for one of two: log2(1 + 1/3) on both sides.
    p, y, w = unit([0.75, 0.25], [1, 0])
    assert m.cllr(p, y, w, 0.5) == pytest.approx(math.log2(4 / 3))
    # The same ratios at a prior of .2: odds .25 * 3 and .25 / 3.
    p = np.array([0.75 / 1.75, (0.25 / 3) / (1 + 0.25 / 3)])
    assert m.cllr(p, y, w, 0.2) == pytest.approx(math.log2(4 / 3))


@given(rows_of_pairs, st.floats(0.05, 0.95))
def test_cllr_of_evidence_that_says_nothing_is_one(rows: Rows, prior: float) -> None:
    p, y, w = arrays(rows)
    found = m.cllr(np.full(len(p), prior), y, w, prior)
    assert math.isnan(found) if 0 in (y.sum(), (1 - y).sum()) else found == pytest.approx(1.0)


@given(rows_of_pairs)
def test_cllr_is_the_mean_of_two_class_means(rows: Rows) -> None:
    prior = 0.3
    costs: dict[int, list[float]] = {0: [], 1: []}
    for p, y, w in rows:
        p = min(max(p, 1e-6), 1 - 1e-6)
        ratio = p / (1 - p) / (prior / (1 - prior))
        costs[y] += [math.log2(1 + (1 / ratio if y else ratio))] * w
    found = m.cllr(*arrays(rows), prior)
    if costs[0] and costs[1]:
        means = [sum(c) / len(c) for c in costs.values()]
        assert found == pytest.approx(sum(means) / 2, abs=1e-6)
    else:
        assert math.isnan(found)


# --- thresholds


def test_threshold_includes_its_own_value_and_weighs() -> None:
    found = m.at_threshold(*arrays([(0.9, 1, 1), (0.5, 0, 3), (0.4, 1, 1)]), 0.5)
    assert (found.n, found.precision, found.recall) == (2, 0.25, 0.5)
    none = m.at_threshold(*arrays([(0.4, 1, 1)]), 0.5)
    assert none.n == 0 and math.isnan(none.precision) and none.recall == 0.0


# --- laws of all measures of pairs


def measures(rows: Rows) -> list[float]:
    p, y, w = arrays(rows)
    chosen = m.at_threshold(p, y, w, 0.5)
    return [
        *(f(p, y, w) for f in (m.average_precision, m.log_loss, m.brier, m.calibration_error)),
        *(m.cllr(p, y, w, 0.3), m.base_rate(y, w), chosen.precision, chosen.recall),
    ]


@given(rows_of_pairs, st.randoms(use_true_random=False))
def test_order_of_pairs_changes_nothing(rows: Rows, chance: object) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    np.testing.assert_allclose(measures(mixed), measures(rows), atol=1e-12)


@given(rows_of_pairs)
def test_weights_are_copies(rows: Rows) -> None:
    copied = [(p, y, 1) for p, y, w in rows for _ in range(w)]
    np.testing.assert_allclose(measures(copied), measures(rows), atol=1e-12)


@given(rows_of_pairs)
def test_scale_of_weights_changes_nothing(rows: Rows) -> None:
    scaled = [(p, y, 7 * w) for p, y, w in rows]
    np.testing.assert_allclose(measures(scaled), measures(rows), atol=1e-12)


def test_measures_of_nothing_are_undefined() -> None:
    nothing = np.zeros(0)
    for measure in (m.average_precision, m.log_loss, m.brier, m.calibration_error):
        assert math.isnan(measure(nothing, nothing, nothing))
    assert math.isnan(m.cllr(nothing, nothing, nothing, math.nan))
    assert math.isnan(m.base_rate(nothing, nothing))
    assert m.at_threshold(nothing, nothing, nothing, 0.5).n == 0


# --- cap


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1)), max_size=60), st.integers(1, 9)
)
def test_cap_keeps_at_most_so_many_same_pairs_of_each_and_all_others(
    pairs: list[tuple[str, int]], most: int
) -> None:
    same = np.array([y for _, y in pairs], np.float64)
    keep = m.capped([a for a, _ in pairs], same, most)
    kept = Counter(a for (a, y), k in zip(pairs, keep, strict=True) if y and k)
    whole = Counter(a for a, y in pairs if y)
    assert kept == Counter({a: min(n, most) for a, n in whole.items()})
    assert all(k for (_, y), k in zip(pairs, keep, strict=True) if not y)


def test_cap_is_drawn_by_the_seed() -> None:
    same = np.ones(500)
    first, again, other = (m.capped(["a"] * 500, same, 100, seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert not first[:100].all()  # drawn, and not the first hundred


# --- clusters


def truth_of_bagga_and_baldwin() -> list[str]:
    """The example of Bagga & Baldwin 1998: chains of 5, 2 and 5."""
    return ["A"] * 5 + ["B"] * 2 + ["C"] * 5


@pytest.mark.parametrize(
    ("response", "precision"),
    [
        (["1"] * 5 + ["2"] * 7, 16 / 21),  # printed there as 76 %
        (["1"] * 5 + ["2"] * 2 + ["1"] * 5, 7 / 12),  # printed there as 58 %
    ],
)
def test_b_cubed_is_that_of_its_authors_example(response: list[str], precision: float) -> None:
    truth = truth_of_bagga_and_baldwin()
    found = m.b_cubed(*m.b_cubed_items(response, truth), np.ones(12))
    assert found.precision == pytest.approx(precision)
    assert found.recall == 1.0
    assert found.f == pytest.approx(2 * precision / (1 + precision))


@given(partitions)
def test_b_cubed_of_the_true_partition_is_one_whatever_its_names(
    items: list[tuple[str, str]],
) -> None:
    truth = [actor for _, actor in items]
    found = m.b_cubed(*m.b_cubed_items([f"c-{a}" for a in truth], truth), np.ones(len(truth)))
    assert (found.precision, found.recall, found.f) == pytest.approx((1.0, 1.0, 1.0))


@given(partitions)
def test_clusters_against_counting_pair_by_pair(items: list[tuple[str, str]]) -> None:
    clusters, actors = [c for c, _ in items], [a for _, a in items]
    n = len(items)
    precision, recall = m.b_cubed_items(clusters, actors)
    for i in range(n):
        beside = [j for j in range(n) if clusters[j] == clusters[i]]
        own = [j for j in range(n) if actors[j] == actors[i]]
        both = set(beside) & set(own)
        assert precision[i] == pytest.approx(len(both) / len(beside))
        assert recall[i] == pytest.approx(len(both) / len(own))
    pairs = list(combinations(range(n), 2))
    together = [(i, j) for i, j in pairs if clusters[i] == clusters[j]]
    right = sum(actors[i] == actors[j] for i, j in together)
    true = sum(actors[i] == actors[j] for i, j in pairs)
    found = m.joined(clusters, actors)
    assert (found.pairs, found.false_pairs) == (len(together), len(together) - right)
    assert math.isnan(found.precision) if not together else found.precision == right / len(together)
    assert math.isnan(found.recall) if not true else found.recall == right / true
    assert found.clusters == len(set(clusters)) and found.n == n
    assert found.largest == max(clusters.count(c) for c in clusters)
    assert found.most_mixed == max(len({a for c, a in items if c == one}) for one in set(clusters))


@given(partitions)
def test_b_cubed_recall_of_one_cluster_and_precision_of_single_reports_are_one(
    items: list[tuple[str, str]],
) -> None:
    actors = [a for _, a in items]
    alone, _ = m.b_cubed_items([str(n) for n in range(len(items))], actors)
    _, together = m.b_cubed_items(["all"] * len(items), actors)
    assert (alone == 1).all() and (together == 1).all()


def test_macro_weights_let_every_actor_count_alike() -> None:
    # Actor A: nine reports alone in clusters; B: one report. Recall of A is 1/9, of B 1.
    actors = ["A"] * 9 + ["B"]
    items = m.b_cubed_items([str(n) for n in range(10)], actors)
    assert m.b_cubed(*items, np.ones(10)).recall == pytest.approx((9 / 9 + 1) / 10)
    assert m.b_cubed(*items, m.macro_weights(actors)).recall == pytest.approx((1 / 9 + 1) / 2)


# --- intervals


def test_pairs_are_drawn_with_their_actors() -> None:
    left, right = ["A", "B", "A", "A"], ["A", "B", "B", "C"]
    draws = list(m.resampled(left, right, 400))
    for a, b, ab, ac in draws:
        c = 3 - a - b  # as many actors are drawn as there are
        assert (ab, ac) == (a * b, a * c)
    assert np.mean([d[0] for d in draws]) == pytest.approx(1.0, abs=0.15)
    assert {float(d[0]) for d in draws} == {0.0, 1.0, 2.0, 3.0}


def test_draws_follow_from_the_seed_and_not_from_the_order() -> None:
    left, right = ["A", "B", "A", "C"], ["A", "B", "B", "C"]
    first = list(m.resampled(left, right, 20))
    turned = [d[::-1] for d in m.resampled(left[::-1], right[::-1], 20)]
    np.testing.assert_array_equal(first, turned)
    assert (np.array(first) != np.array(list(m.resampled(left, right, 20, seed=2)))).any()
    assert list(m.resampled([], [], 3)) == []


def test_interval_is_the_middle_of_the_defined_values() -> None:
    values = [*map(float, range(101)), math.nan]
    assert m.percentile_interval(values) == pytest.approx((2.5, 97.5))
    assert all(map(math.isnan, m.percentile_interval([math.nan])))


def test_interval_by_actors_is_wider_than_by_pairs_where_actors_differ() -> None:
    """40 actors with 25 pairs each, all right or all wrong, are 40 observations and not 1,000."""
    actors = [f"{n}" for n in range(40) for _ in range(25)]
    right = np.array([n % 2 for n in range(40) for _ in range(25)], np.float64)
    by_actor = [float((right * w).sum() / w.sum()) for w in m.resampled(actors, actors, 400)]
    low, high = m.percentile_interval(by_actor)
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 40), rel=0.15)
