"""How far a probability may be off, by labelled pairs that the fit did not see.

Inductive Venn-Abers prediction (Vovk, Petej 2014): the probability of a new pair of some score, by
isotonic regression over the labelled scores with the new one taken as different, then as the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def isotonic(same: Floats, weight: Floats) -> Floats:
    """The never falling sequence nearest to ``same`` in weighted squares.

    Pool adjacent violators (Ayer et al. 1955).
    """
    means: list[float] = []
    weights: list[float] = []
    sizes: list[int] = []
    for value, mass in zip(same.tolist(), weight.tolist(), strict=True):
        size = 1
        while means and means[-1] >= value:
            joint = weights[-1] + mass
            value = (means.pop() * weights[-1] + value * mass) / joint
            mass = weights.pop() + mass
            size += sizes.pop()
        means.append(value)
        weights.append(mass)
        sizes.append(size)
    return np.repeat(means, sizes)


def venn_abers(
    score: Floats, same: Floats, weight: Floats, points: Sequence[float]
) -> list[tuple[float, float]]:
    """(lower, upper) probability of one hand for a new pair at each of ``points``.

    The new pair has weight 1. Pairs of equal score are pooled before.
    """
    found = []
    for point in points:
        ends = []
        for label in (0.0, 1.0):
            _, place = np.unique(np.append(score, point), return_inverse=True)
            mass = np.bincount(place, np.append(weight, 1.0)).astype(np.float64)
            mean = np.bincount(place, np.append(weight * same, label)) / mass
            ends.append(float(isotonic(mean, mass)[place[-1]]))
        found.append((ends[0], ends[1]))
    return found
