"""The laws of a pair score hold for the program as it is."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laws
import laws_records
import laws_statements

ALL = {
    name: law
    for module in (laws, laws_records, laws_statements)
    for name, law in vars(module).items()
    if name.startswith("law_")
}
RANDOM = sorted(n for n, law in ALL.items() if "rng" in inspect.signature(law).parameters)
WORKED = sorted(n for n in ALL if n not in RANDOM and n != "law_alone")


@pytest.mark.parametrize("name", RANDOM)
def test_law_holds_for_random_examples(name: str) -> None:
    @settings(max_examples=60)
    @given(st.randoms(use_true_random=False))
    def check(rng: object) -> None:
        ALL[name](rng)

    check()


@pytest.mark.parametrize("name", WORKED)
def test_law_holds_in_the_worked_example(name: str) -> None:
    ALL[name]()


@pytest.mark.parametrize("value", laws.ALONE, ids=lambda v: v[0])
def test_single_shared_value_has_the_probability_of_the_published_table(
    value: tuple[str, str],
) -> None:
    laws.law_alone(value)
