"""What the program would merge in the synthetic world is right; without its discounts it is not.

The bar is the method page's target for the merge threshold: precision of at least .98. Calibration
(ECE) needs a fitted map and is not tested before there is one.
"""

from __future__ import annotations

from itertools import combinations

import pytest

import world
from samehand.case import Options, link_and_cluster, prepare
from samehand.config import Parameters, default_parameters

BAR = 0.98


def precision(seed: int, numbers: Parameters) -> tuple[int, float]:
    """(accepted pairs, share of them that one actor made) at the merge threshold."""
    made = world.make_world(seed)
    case = prepare(world.parsed(made.records).values(), numbers, Options(prior="feed"))
    links, _, _ = link_and_cluster(case)
    known = {(k.l, k.r): k.probability for k in links}
    accepted = [
        made.actor[a] == made.actor[b]
        for a, b in combinations(sorted(made.actor), 2)
        if known.get((a, b), 0.0) >= numbers.cluster["tau_merged"]
    ]
    return len(accepted), sum(accepted) / max(1, len(accepted))


def without_discounts() -> Parameters:
    """The naive sum: no rank discount, slope, cap, price of the best coincidence or copies."""
    return default_parameters().changed(
        pair={"gamma": 1.0, "beta": 1.0, "facet_cap_bits": 1e6, "b0_bits": 0.0},
        copies={"cited_probability": 0.0},
        soft={
            "limit_feed_bits": 1e6,
            "behaviour_cap_bits": 1e6,
            "victimology_cap_bits": 1e6,
            "provider_cap_bits": 1e6,
            "names_cap_bits": 1e6,
        },
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_merged_pairs_are_of_one_hand(seed: int) -> None:
    accepted, right = precision(seed, default_parameters())
    assert accepted >= 20
    assert right >= BAR


def test_naive_sum_of_all_evidence_misses_that_bar() -> None:
    accepted, right = precision(1, without_discounts())
    assert accepted >= 20
    assert right < BAR
