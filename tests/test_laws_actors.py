"""Laws of attribution: purity in time, monotone evidence, one origin one vote, honest sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from helpers import read
from samehand.assessment import assess, make_scene
from samehand.case import Options, prepare
from samehand.config import default_parameters
from samehand.knowledge.actors import bundled_world
from samehand.model import Assessment, Report
from samehand.posterior import make_priors

P = default_parameters()
CASE = Options(prior="case")
HASH = {"type": "file:sha256", "value": "ab" * 32}


def query(name: str = "q", claims: tuple[dict[str, Any], ...] = (), **fields: Any) -> Report:
    return read(
        {
            "id": name,
            "published": "2021-06-01",
            "publisher": f"P {name}",
            "claims": list(claims),
            **fields,
        }
    )


def known(name: str, actor: str, *items: dict[str, str]) -> Report:
    record = {"id": name, "published": "2020-01-01", "label": {"actor": actor}}
    return read({**record, "observables": list(items)}, use="reference")


def says(actor: str, words: str = "high", **fields: Any) -> dict[str, Any]:
    return {"relation": "attribution", "about": "X", "actor": actor, "words": words, **fields}


def probability(result: Assessment, actor: str, report: str = "q") -> float:
    of = {c.id: c.reports for c in result.campaigns}
    attribution = next(a for a in result.attributions if report in of[a.campaign])
    return next(
        (h.conditional_probability for h in attribution.hypotheses if h.actor == actor), 0.0
    )


@pytest.mark.parametrize("year", [2012, 2016, 2020])
def test_activity_counted_in_later_years_changes_no_prior(year: int) -> None:
    world = bundled_world()
    day = date(year, 6, 30)
    cut = {
        name: {y: n for y, n in counts.items() if y < year}
        for name, counts in world.activity.items()
    }
    then = replace(world, activity={name: counts for name, counts in cut.items() if counts})
    assert world.priors(day, P) == pytest.approx(then.priors(day, P), abs=1e-15)
    assert min(world.priors(day, P).values()) > 0


def test_an_actor_inside_a_quiet_umbrella_keeps_its_prior() -> None:
    """APT41 is counted often, the umbrella that holds it never."""
    world = bundled_world()
    day = date(2021, 1, 1)
    inside = world.priors(day, P)["APT41"]
    actors = {**world.actors, "APT41": replace(world.actors["APT41"], parent="")}
    outside = replace(world, actors=actors).priors(day, P)["APT41"]
    assert world.actors["APT41"].parent and inside > 0.75 * outside


def test_priors_sum_to_one_and_none_keeps_its_least() -> None:
    references = [known(f"r{n}", f"Unknown label {n}") for n in range(900)]
    scene = make_scene(prepare([query(), *references], P, CASE), bundled_world())
    priors = make_priors(scene, set(scene.memory.by_actor), date(2021, 6, 1))
    total = sum(priors.actors.values()) + priors.none
    total += sum(priors.planted.values()) + priors.planted_rest
    assert total == pytest.approx(1.0, abs=1e-12)
    numbers = P.attribution
    assert priors.none >= (1 - numbers["planted_prior"]) * numbers["none_prior"] - 1e-12


@pytest.mark.parametrize("actor", ["Lazarus Group", "BlueNoroff", "TA444"])
def test_further_claim_for_a_group_or_its_part_never_lowers_the_group(actor: str) -> None:
    reference = known("r", "Lazarus Group", HASH)
    without = assess([query(observables=[HASH]), reference], P, CASE)
    with_claim = assess(
        [query("q", (says(actor, "similarity"),), observables=[HASH]), reference], P, CASE
    )
    assert probability(with_claim, "Lazarus Group") >= probability(without, "Lazarus Group")


def test_one_origin_counts_once_however_its_place_is_written() -> None:
    told = query("told", (says("Lazarus Group"),), urls=["https://vendor.example/report/"])

    def value(*repeaters: Report) -> float:
        group = [told, *repeaters]
        result = assess(
            [replace(r, observations=query("o", observables=[HASH]).observations) for r in group],
            P,
            CASE,
        )
        return probability(result, "Lazarus Group", "told")

    alone = value()
    for origin in ("told", "http://www.vendor.example/report", "https://vendor.example/report/"):
        repeated = says("Lazarus Group", first_hand=False, origin=origin)
        assert value(query("again", (repeated,))) == pytest.approx(alone, abs=1e-9)
    first = says("Lazarus Group", first_hand=False, origin="told")
    chained = says("Lazarus Group", first_hand=False, origin="again")
    both = value(query("again", (first,)), query("third", (chained,)))
    assert both == pytest.approx(alone, abs=1e-9)


def test_naming_a_group_and_its_part_is_one_judgement() -> None:
    part = assess([query("q", (says("BlueNoroff"),))], P, CASE)
    both = assess([query("q", (says("BlueNoroff"), says("Lazarus Group")))], P, CASE)
    assert probability(both, "BlueNoroff") <= probability(part, "BlueNoroff") + 1e-9


def test_order_of_claims_in_a_record_does_not_matter_and_the_strongest_counts() -> None:
    strong, weak = says("FIN7", "high"), says("FIN7", "low")
    values = [
        probability(assess([query("q", claims)], P, CASE), "FIN7")
        for claims in ((strong,), (strong, weak), (weak, strong))
    ]
    assert values[1] == pytest.approx(values[0]) == pytest.approx(values[2])


def test_own_incident_that_cites_a_vendor_is_no_copy_and_can_be_attributed() -> None:
    reference = known("vendor", "Lazarus Group", HASH)
    incident = query("q", kind="incident", cites=["vendor"], observables=[HASH])
    result = assess([incident, reference], P, CASE)
    assert [c.reports for c in result.campaigns] == [("q",)]
    assert probability(result, "Lazarus Group") > 0.03


def test_report_cannot_have_copied_a_later_one() -> None:
    early = read(
        {"id": "early", "published": "2018-01-01", "cites": ["late"], "observables": [HASH]}
    )
    late = read(
        {
            "id": "late",
            "published": "2020-01-01",
            "observables": [HASH, {"type": "file:md5", "value": "c" * 32}],
        }
    )
    case = prepare([early, late], P, CASE)
    assert case.copies.derivative_of == {}
    assert case.copies.cited["early"] == ()


def test_hostile_relation_and_crowded_claims_are_named_not_fatal() -> None:
    from samehand.formats.records import parse_record
    from samehand.formats.statements import MAX_CLAIM_REPORTS

    many = {"relation": "reported-comparison", "reports": [f"r{n}" for n in range(900)]}
    record = {"id": "x", "claims": [{"relation": ["x"]}, {"relation": {}}, many]}
    found, problems = parse_record(record, "p")
    assert found is not None
    assert [len(c.reports) for c in found.claims] == [MAX_CLAIM_REPORTS]
    assert len(problems) == 3
