"""The program's own constants against the taxonomies they stand for."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from samehand.cli.base import TLP as CHOICES
from samehand.config import default_parameters
from samehand.coverage import highest_tlp
from samehand.knowledge import taxonomies
from samehand.knowledge.sources import Sources
from samehand.likelihood import ICD203, is_grade

#: FIRST, TLP version 2.0, August 2022, least to most restricted.
FIRST = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")


def test_tlp_is_that_of_first_everywhere() -> None:
    assert tuple(taxonomies.tlp()) == FIRST
    for less, more in pairwise(FIRST):
        assert highest_tlp([more, less]) == more
    assert tuple(CHOICES.choices) == FIRST
    assert [taxonomies.canonical_tlp(f"tlp:{m.lower()}") for m in FIRST] == list(FIRST)
    assert taxonomies.canonical_tlp("TLP:WHITE") == "CLEAR"


def test_tlp_descriptions_are_those_of_the_taxonomy() -> None:
    raw = json.loads(Sources().taxonomy("tlp").read_text(encoding="utf-8"))["predicates"]
    stated = {row["value"].upper(): row.get("description") for row in raw}
    for marking, text in taxonomies.tlp().items():
        assert text == stated[marking]
    assert "no limit on disclosure" in taxonomies.tlp()["CLEAR"]


@pytest.mark.parametrize(
    ("written", "marking"),
    [
        ("tlp:white", "CLEAR"),
        ("TLP:WHITE", "CLEAR"),
        ("white", "CLEAR"),
        ("TLP:CLEAR", "CLEAR"),
        (" TLP: green ", "GREEN"),
        ("tlp-red", "RED"),
        ("TLP AMBER", "AMBER"),
        ("amber + strict", "AMBER+STRICT"),
        ("TLP:AMBER+STRICT", "AMBER+STRICT"),
        ("amber-strict", "AMBER+STRICT"),
        ("Amberstrict", "AMBER+STRICT"),
    ],
)
def test_tlp_is_read_as_people_write_it(written: str, marking: str) -> None:
    assert taxonomies.canonical_tlp(written) == marking
    assert taxonomies.canonical_tlp(marking) == marking


@pytest.mark.parametrize(
    "written", ["", "TLP", "tlp:", "tlp:unclear", "tlp:ex:chr", "blue", "red amber", "strict"]
)
def test_what_is_no_marking_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="AMBER"):
        taxonomies.canonical_tlp(written)


def test_grades_of_the_parameter_file_are_those_of_the_scale() -> None:
    parameters, scale = default_parameters(), taxonomies.admiralty()
    pairs = (
        (parameters.reliability, scale.reliability, "ABCDEF"),
        (parameters.credibility, scale.credibility, "123456"),
    )
    for weights, terms, marks in pairs:
        assert "".join(weights) == "".join(terms) == marks
        number = {mark: term.number for mark, term in terms.items()}
        assert set(number.values()) == {100, 75, 50, 25, 0}
        for better in marks:
            for worse in marks:
                if number[better] > number[worse]:  # type: ignore[operator]
                    assert weights[better] > weights[worse], f"{better} weighs no more than {worse}"
        # The taxonomy gives 'cannot be judged' as much as 'fairly reliable' and 'possibly true';
        # we give it less. Both ends agree: full weight, and none.
        assert max(weights.values()) == 1.0 and min(weights.values()) == 0.0
    for letter in scale.reliability:
        assert all(is_grade(letter + digit) for digit in scale.credibility)
    assert not is_grade("G1"), "the taxonomy's 'deliberately deceptive' is no Admiralty grade"


def test_the_words_of_the_scale() -> None:
    """FM 2-22.3, appendix B: source reliability and information content."""
    scale = taxonomies.admiralty()
    assert scale.reliability["B"].expanded == "Usually reliable"
    assert scale.credibility["2"].expanded == "Probably true"
    assert scale.reliability["F"].expanded == "Reliability cannot be judged"
    assert scale.credibility["6"].expanded == "Truth cannot be judged"


def test_bands_are_those_of_icd_203() -> None:
    """ICD 203 (2015), D.6.e.(2)(a): 01-05, 05-20, 20-45, 45-55, 55-80, 80-95, 95-99 %.

    The taxonomy's texts give the same bands and spell two terms otherwise ("almost certain(ly)",
    "roughly even change"); its numerical value of 'almost no chance' is 0, not 1.
    """
    percent = [(1, 5), (5, 20), (20, 45), (45, 55), (55, 80), (80, 95), (95, 99)]
    stated = taxonomies.estimative()
    assert [(round(e.low * 100), round(e.high * 100)) for e in stated.values()] == percent
    assert tuple((e.low, e.high, words) for words, e in stated.items()) == ICD203


def test_confidence_is_low_moderate_or_high() -> None:
    assert list(taxonomies.analytic_confidence()) == ["low", "moderate", "high"]


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        (("tlp", "clear"), "tlp:clear"),
        (("tlp", "AMBER+STRICT"), "tlp:amber+strict"),
        (
            ("estimative-language", "likelihood-probability", "likely"),
            'estimative-language:likelihood-probability="likely"',
        ),
        (
            ("estimative-language", "likelihood-probability", "roughly even chance"),
            'estimative-language:likelihood-probability="roughly-even-chance"',
        ),
        (
            ("admiralty-scale", "source-reliability", "B"),
            'admiralty-scale:source-reliability="b"',
        ),
    ],
)
def test_machine_tags(parts: tuple[str, ...], written: str) -> None:
    assert taxonomies.tag(*parts) == written


@pytest.mark.parametrize(
    "parts",
    [
        ("tlp", "blue"),
        ("tlp", "clear", "x"),
        ("no-such", "likely"),
        ("estimative-language", "likelihood-probability"),
        ("estimative-language", "likelihood-probability", "certain"),
    ],
)
def test_a_tag_that_no_taxonomy_has_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="machine tag"):
        taxonomies.tag(*parts)
