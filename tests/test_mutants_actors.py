"""Each discount of attribution has a law, computed by hand, that fails without it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from helpers import read
from samehand.assessment import assess
from samehand.case import Options
from samehand.compare import actors as compare_actors
from samehand.compare import hearing
from samehand.compare.evidence import RARE
from samehand.compare.universe import Universe
from samehand.config import Parameters, default_parameters
from samehand.model import Hypothesis, Report

NUMBERS: dict[int, Parameters] = {0: default_parameters()}
RHO = 0.85 * 0.8  # an ungraded source counts as B2


def hypothesis(*reports: Report, actor: str = "FIN7", member: str = "q") -> Hypothesis:
    result = assess(reports, NUMBERS[0], Options(prior="case"))
    of = {c.id: c.reports for c in result.campaigns}
    found = max(
        (a for a in result.attributions if member in of[a.campaign]),
        key=lambda a: len(of[a.campaign]),
    )
    return next(h for h in found.hypotheses if h.actor == actor)


def evidence(h: Hypothesis) -> float:
    return math.fsum(c.bits for c in h.contributions if c.comparison != "the other hypotheses")


def claim(words: str = "high", **fields: Any) -> dict[str, Any]:
    return {"relation": "attribution", "about": "X", "actor": "FIN7", "words": words, **fields}


def report(name: str, *claims: dict[str, Any], **fields: Any) -> Report:
    fields.setdefault("published", "2021-06-01")
    return read({"id": name, "publisher": f"P {name}", "claims": list(claims), **fields})


def hashes(count: int) -> list[dict[str, str]]:
    return [{"type": "file:md5", "value": f"{n:032x}"} for n in range(count)]


def known(*items: dict[str, str], published: str = "2021-06-01") -> Report:
    record = {"id": "r", "published": published, "label": {"actor": "FIN7"}}
    return read({**record, "observables": list(items)}, use="reference")


def law_claim_is_graded_worded_and_tempered() -> None:
    """5 bits * rho * words (medium .6) * beta (.6)."""
    assert evidence(hypothesis(report("q", claim("medium")))) == pytest.approx(5 * RHO * 0.6 * 0.6)


def law_second_origin_counts_half() -> None:
    host = [{"type": "domain-name", "value": "one-host-of-ours.net"}]
    pair = [report(n, claim("low"), observables=host) for n in ("p", "q")]
    one = 5 * RHO * 0.4
    assert evidence(hypothesis(*pair)) == pytest.approx((one + one / 2) * 0.6)


def law_repetition_counts_nothing() -> None:
    host = [{"type": "domain-name", "value": "one-host-of-ours.net"}]
    told = report("q", claim("low"), observables=host)
    again = report("p", claim("low", first_hand=False, origin="q"), observables=host)
    assert evidence(hypothesis(told, again)) == pytest.approx(5 * RHO * 0.4 * 0.6)


def law_alias_of_several_is_shared_out() -> None:
    from samehand.knowledge.actors import bundled_world

    world = bundled_world()
    # Two entries of the galaxy's threat actors list this name, neither as its own.
    owners = dict(world.resolve("Grizzly Steppe"))
    assert set(owners) == {"APT28", "APT29"}
    assert sum(owners.values()) == pytest.approx(1.0) and max(owners.values()) < 0.75
    told = report("q", {**claim(), "actor": "Grizzly Steppe"}, published="2025-01-01")
    h = hypothesis(told, actor="APT28")
    assert evidence(h) == pytest.approx(5 * RHO * owners["APT28"] * 0.6)


def law_items_of_one_list_count_less_and_end_at_the_cap() -> None:
    """w = log2(m/g), g = .2 * .2/500, m = (1 + 2g)/(1 + 2); ranks 1, 1/2, …; slope .6; cap 6."""
    g = 0.2 * 0.2 / 500
    w = math.log2((1 + 2 * g) / 3 / g) * RHO
    one = evidence(hypothesis(report("q", observables=hashes(1)), known(*hashes(1))))
    assert one == pytest.approx(min(6.0, 0.6 * w))
    many = evidence(hypothesis(report("q", observables=hashes(20)), known(*hashes(20))))
    assert many == pytest.approx(6.0)


def law_two_items_are_less_than_twice_one() -> None:
    name = [{"type": "file:name", "value": v} for v in ("one-name.exe", "two-name.exe")]
    g = 0.2 * 20 / 500
    w = math.log2((1 + 2 * g) / 3 / g) * RHO
    two = evidence(hypothesis(report("q", observables=name), known(*name)))
    assert two == pytest.approx(0.6 * w * 1.5)


def law_old_sightings_fade() -> None:
    """An address halves every 90 days."""
    item = {"type": "ipv4-addr", "value": "45.12.7.9"}
    g = 0.2 * 1 / 500
    w = math.log2((1 + 2 * g) / 3 / g) * RHO
    h = hypothesis(report("q", observables=[item]), known(item, published="2021-03-03"))
    assert evidence(h) == pytest.approx(0.6 * w / 2, rel=1e-6)


def law_public_tool_says_nothing() -> None:
    tool = {"software": ["Mimikatz"]}
    reference = read(
        {"id": "r", "published": "2021-06-01", "label": {"actor": "FIN7"}, **tool}, use="reference"
    )
    assert evidence(hypothesis(report("q", **tool), reference)) < 0.5


def law_uncertain_membership_lowers_the_headline() -> None:
    """Headline = m * all + (1 - m) * without the strongest origin, below the conditional value."""
    told = report("q", claim())
    other = report(
        "p", {"relation": "reported-comparison", "reports": ["p", "q"], "facets": ["code"]}
    )
    h = hypothesis(told, other)
    assert h.probability < 0.9 * h.conditional_probability


def numbers(**sections: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(NUMBERS, 0, NUMBERS[0].changed(**sections))

    return change


def no_repeats(patch: pytest.MonkeyPatch) -> None:
    def each_apart(scene: Any, members: Any, without_origin: str = "") -> Any:
        return {c.id: [(p.report, c)] for p in members for c in p.report.claims}

    patch.setattr(hearing, "standing_claims", each_apart)


def no_half_life(patch: pytest.MonkeyPatch) -> None:
    weights = {n: replace(w, half_life_days=math.inf) for n, w in NUMBERS[0].weights.items()}
    patch.setitem(NUMBERS, 0, replace(NUMBERS[0], weights=weights))


def every_alias_whole(patch: pytest.MonkeyPatch) -> None:
    from samehand.knowledge.actors import World

    plain = World.resolve
    patch.setattr(
        World, "resolve", lambda *a, **k: tuple((name, 1.0) for name, _ in plain(*a, **k))
    )


def every_tool_private(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compare_actors, "commonplace", lambda *_: RARE)
    patch.setattr(Universe, "users", lambda *_: 1.0)


def membership_ignored(patch: pytest.MonkeyPatch) -> None:
    from samehand import assessment

    patch.setattr(assessment, "belongs", lambda case, members, links: dict.fromkeys(members, 1.0))


LAWS = [value for name, value in sorted(globals().items()) if name.startswith("law_")]
MUTANTS = {
    "slope": (numbers(attribution={"beta": 1.0}), law_claim_is_graded_worded_and_tempered),
    "words": (numbers(words={"medium": 1.0}), law_claim_is_graded_worded_and_tempered),
    "grade": (
        numbers(reliability={"B": 1.0}, credibility={"2": 1.0}),
        law_claim_is_graded_worded_and_tempered,
    ),
    "further origins": (numbers(attribution={"gamma": 1.0}), law_second_origin_counts_half),
    "further items": (numbers(attribution={"gamma": 1.0}), law_two_items_are_less_than_twice_one),
    "one origin, one vote": (no_repeats, law_repetition_counts_nothing),
    "alias shared out": (every_alias_whole, law_alias_of_several_is_shared_out),
    "cap": (
        numbers(attribution={"facet_cap_bits": 99.0}),
        law_items_of_one_list_count_less_and_end_at_the_cap,
    ),
    "time gap": (no_half_life, law_old_sightings_fade),
    "public tools": (
        every_tool_private,
        law_public_tool_says_nothing,
    ),
    "membership": (membership_ignored, law_uncertain_membership_lowers_the_headline),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_holds(law: Callable[[], None]) -> None:
    law()


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutant_without_this_discount_breaks_its_law(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, law = MUTANTS[name]
    change(monkeypatch)
    with pytest.raises(AssertionError):
        law()
