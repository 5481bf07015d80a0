"""Isotonic regression against its max-min form, and the ranges of Venn-Abers prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.fit.vennabers import isotonic, venn_abers


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0.1, 3.0)), min_size=1, max_size=12),
)
def test_isotonic_is_the_max_of_the_min_of_means(rows: list[tuple[int, float]]) -> None:
    """Value i = max over j <= i of min over k >= i of mean(j..k) (Robertson et al. 1988)."""
    same, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    expected = [
        max(
            min(np.average(same[j : k + 1], weights=weight[j : k + 1]) for k in range(i, len(same)))
            for j in range(i + 1)
        )
        for i in range(len(same))
    ]
    assert isotonic(same, weight) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_ranges_rise_are_no_points_and_hold_the_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    score = np.round(rng.normal(0, 2, n), 1)
    chance = 1 / (1 + np.exp(-score))
    same = (rng.random(n) < chance).astype(float)
    points = np.linspace(-5, 5, 21)
    found = np.array(venn_abers(score, same, np.ones(n), points))
    assert (found[:, 0] <= found[:, 1] + 1e-12).all()
    assert (np.diff(found, axis=0) >= -1e-12).all()
    at = np.array(venn_abers(score, same, np.ones(n), list(score)))
    assert at[:, 0].mean() - 1e-9 <= same.mean() <= at[:, 1].mean() + 1e-9


def test_by_hand() -> None:
    """Two different below, one of one hand above; a new pair above them all."""
    score, same = np.array([-1.0, -1.0, 2.0]), np.array([0.0, 0.0, 1.0])
    assert venn_abers(score, same, np.ones(3), [3.0])[0] == pytest.approx((0.5, 1.0))
    assert venn_abers(score, same, np.ones(3), [-1.0])[0] == pytest.approx((0.0, 1 / 3))
    heavy = venn_abers(score, same, np.array([1.0, 1.0, 3.0]), [2.0])[0]
    assert heavy == pytest.approx((0.75, 1.0))
