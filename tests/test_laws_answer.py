"""Laws of the whole answer: ledger, replay, retraction, priors, no evidence, words."""

from __future__ import annotations

import random
import re
from datetime import date
from functools import cache

import pytest
from tests.helpers import read

from samehand.assessment import assess, from_json, to_json
from samehand.case import Options
from samehand.config import default_parameters
from samehand.counterfactual import attribution_of, follow, linchpins, restrict
from samehand.errors import InputError
from samehand.knowledge.actors import bundled_world
from samehand.model import Assessment, Report
from samehand.pipeline import cases_folder, load_case
from samehand.render.text import summary

P = default_parameters()
CASE = Options(prior="case")


def a_report(name: str, day: str = "2021-03-01", **fields: object) -> Report:
    return read({"id": name, "published": day, "publisher": f"Publisher {name}", **fields})


def domains(*names: str) -> list[dict[str, str]]:
    return [{"type": "domain-name", "value": n, "role": "c2"} for n in names]


def reference(name: str, actor: str, **fields: object) -> Report:
    return read(
        {"id": name, "published": "2020-01-01", "label": {"actor": actor}, **fields},
        use="reference",
    )


@cache
def crypto() -> tuple[Report, ...]:
    return tuple(load_case(cases_folder() / "cryptocore")[0])


@cache
def answered() -> Assessment:
    return assess(crypto(), P, CASE)


def test_every_ledger_sums_and_every_line_cites() -> None:
    result = answered()
    known = {e.id for e in result.evidence}
    checked = 0
    ledgers = [(k.prior_bits, k.contributions, k.total_bits) for k in result.links]
    ledgers += [
        (h.prior_bits, h.contributions, h.total_bits)
        for a in result.attributions
        for h in a.hypotheses
    ]
    for prior, lines, total in ledgers:
        assert prior + sum(c.bits for c in lines) == pytest.approx(total, abs=1e-9)
        for line in lines:
            if line.bits:
                assert line.observations, line
                assert set(line.observations) <= known
                checked += 1
    assert checked > 300


def test_roots_none_and_planted_sum_to_one() -> None:
    """Over hypotheses without a parent; only those not listed may be missing, and they are few."""
    for attribution in answered().attributions:
        listed = sum(h.probability for h in attribution.hypotheses if not h.parent)
        total = listed + attribution.none + attribution.planted
        assert 0.98 <= total <= 1.0 + 1e-9


def test_a_node_holds_its_parts() -> None:
    for attribution in answered().attributions:
        by_name = {h.actor: h.probability for h in attribution.hypotheses}
        for h in attribution.hypotheses:
            if h.parent in by_name:
                assert by_name[h.parent] >= h.probability - 1e-12


def test_without_evidence_the_posterior_is_the_prior() -> None:
    lone = [a_report("lonely")]
    known = [reference("r1", "FIN7", observables=domains("seven-a.net"))]
    result = assess([*lone, *known], P, CASE)
    (attribution,) = result.attributions
    share = bundled_world().priors(date(2021, 3, 1), P)["FIN7"]
    numbers = P.attribution
    prior = (1 - numbers["planted_prior"]) * (1 - numbers["none_prior"]) * share
    (first,) = [h for h in attribution.hypotheses if h.actor == "FIN7"]
    assert first.probability == pytest.approx(prior, rel=0.001)
    assert first.total_bits == pytest.approx(first.prior_bits, abs=0.01)


def test_loading_a_profile_never_moves_another_actors_prior() -> None:
    lone = a_report("q")
    base = [reference("r1", "FIN7", observables=domains("seven-a.net"))]
    more = [
        *base,
        reference("r2", "Turla", observables=domains("other.net")),
        reference("r3", "An Actor Nobody Knows", observables=domains("third.net")),
    ]

    def prior(references: list[Report]) -> float:
        result = assess([lone, *references], P, CASE)
        (attribution,) = result.attributions
        return next(h.prior_bits for h in attribution.hypotheses if h.actor == "FIN7")

    assert prior(base) == pytest.approx(prior(more), abs=1e-12)


def test_a_shared_rare_domain_lifts_its_actor_and_planting_stays_possible() -> None:
    """P(planted_i) / P(H_i) never falls below the prior ratio times phi (method, forgeability)."""
    known = reference("r", "FIN7", observables=domains("very-own-c2.net"))
    without = assess([a_report("q"), known], P, CASE).attributions[0]
    shared = a_report("q", observables=domains("very-own-c2.net"))
    with_it = assess([shared, known], P, CASE).attributions[0]
    before = next(h.probability for h in without.hypotheses if h.actor == "FIN7")
    first = with_it.hypotheses[0]
    assert first.actor == "FIN7"
    assert first.probability > before * 5
    numbers = P.attribution
    ratio = numbers["planted_prior"] / (
        (1 - numbers["planted_prior"]) * (1 - numbers["none_prior"])
    )
    phi = P.weights["domain-name"].phi
    assert with_it.planted / first.probability >= ratio * phi * 0.98


def test_a_claim_is_counted_once_however_many_repeat_it() -> None:
    claim = {"relation": "attribution", "about": "X", "actor": "FIN7", "words": "high"}
    first = a_report("a", claims=[claim], observables=domains("one-of-ours.net"))

    def probability(repeaters: int) -> float:
        group = [first] + [
            a_report(
                f"b{n}",
                observables=domains("one-of-ours.net", f"extra{n}.net"),
                claims=[{**claim, "first_hand": False, "origin": "a"}],
            )
            for n in range(repeaters)
        ]
        group.append(reference("r", "FIN7", observables=domains("unrelated.net")))
        result = assess(group, P, CASE)
        attribution = attribution_of(result, follow(result, [r.id for r in group[:-1]]))
        assert attribution is not None
        return next(h.conditional_probability for h in attribution.hypotheses if h.actor == "FIN7")

    assert probability(3) == pytest.approx(probability(0), abs=1e-9)


def test_insertion_order_is_irrelevant() -> None:
    shuffled = list(crypto())
    random.Random(7).shuffle(shuffled)
    assert to_json(assess(shuffled, P, CASE)) == to_json(answered())


def test_replay_of_a_day_equals_the_run_on_what_was_known_then() -> None:
    day = date(2020, 10, 31)
    options = Options(prior="case", as_of=day)
    by_hand = [r for r in crypto() if r.known_at is not None and r.known_at <= day]
    assert to_json(assess(restrict(crypto(), as_of=day), P, options)) == to_json(
        assess(by_hand, P, options)
    )


def test_later_reports_change_nothing_as_of_a_day() -> None:
    day = date(2020, 10, 31)
    late = a_report("late", "2023-01-01", observables=domains("cloudfiles.club"))
    options = Options(prior="case", as_of=day)
    with_late = assess(restrict([*crypto(), late], as_of=day), P, options)
    assert to_json(with_late) == to_json(assess(restrict(crypto(), as_of=day), P, options))


def test_a_withdrawal_restores_the_earlier_belief_exactly() -> None:
    quiet = a_report("claimer", observables=domains("x-one.net"))
    loud = a_report(
        "claimer",
        observables=domains("x-one.net"),
        claims=[{"relation": "attribution", "about": "X", "actor": "FIN7", "words": "high"}],
    )
    back = read(
        {
            "id": "later",
            "published": "2022-01-01",
            "publisher": "Publisher claimer",
            "claims": [
                {"relation": "withdrawal", "about": "X", "actor": "FIN7", "reports": ["claimer"]}
            ],
        }
    )
    known = reference("r", "FIN7", observables=domains("unrelated.net"))

    def fin7(*group: Report) -> float:
        result = assess([*group, known], P, CASE)
        attribution = attribution_of(result, follow(result, ["claimer"]))
        assert attribution is not None
        return next(h.probability for h in attribution.hypotheses if h.actor == "FIN7")

    assert fin7(loud) > fin7(quiet) * 1.5
    assert fin7(loud, back) == pytest.approx(fin7(quiet, back), abs=1e-12)


def test_only_the_publisher_itself_can_withdraw() -> None:
    loud = a_report(
        "claimer",
        claims=[{"relation": "attribution", "about": "X", "actor": "FIN7", "words": "high"}],
    )
    other = read(
        {
            "id": "rival",
            "published": "2022-01-01",
            "publisher": "Somebody else",
            "claims": [{"relation": "withdrawal", "actor": "FIN7", "reports": ["claimer"]}],
        }
    )
    result = assess([loud, other], P, CASE)
    attribution = attribution_of(result, follow(result, ["claimer"]))
    assert attribution is not None
    assert [c.status for c in attribution.claims] == ["counted"]


def test_leave_one_out_equals_recomputation() -> None:
    day = date(2021, 5, 31)
    options = Options(prior="case", as_of=day)
    known = restrict(crypto(), as_of=day)
    full = assess(known, P, options)
    campaign = follow(full, ["clearsky-2020", "fsecure-2020"])
    assert campaign is not None
    found = linchpins(known, full, campaign, lambda rest: assess(rest, P, options))
    origin = next(p for p in found if p.name == "fsecure-2020")
    again = assess(restrict(known, without=["fsecure-2020"]), P, options)
    rest = [r for r in campaign.reports if r != "fsecure-2020"]
    attribution = attribution_of(again, follow(again, rest))
    assert attribution is not None
    value = next(h.probability for h in attribution.hypotheses if h.actor == "Lazarus Group")
    assert origin.after == pytest.approx(value, abs=1e-12)


def test_a_compilation_is_no_witness_in_attribution() -> None:
    claim = {"relation": "attribution", "about": "X", "actor": "FIN7", "words": "high"}
    listed = a_report(
        "list", kind="compilation", claims=[claim], observables=domains("seven-a.net")
    )
    known = reference("r", "FIN7", observables=domains("seven-a.net"))
    result = assess([listed, known], P, CASE)
    assert result.attributions == ()


def test_a_saved_assessment_reads_back_the_same_and_a_foreign_one_is_refused() -> None:
    result = answered()
    assert from_json(to_json(result)) == result
    with pytest.raises(InputError, match="analyse again"):
        from_json(b'{"schema": "samehand-assessment/9.0"}')
    with pytest.raises(InputError, match="not a samehand assessment"):
        from_json(b"[1, 2]")


def test_likelihood_and_confidence_never_share_a_sentence_on_the_terminal() -> None:
    text = " ".join(summary(answered(), 2).split())
    words = r"likely|likelihood|probabil|chance|%"
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if "nalytic confidence" in sentence:
            start = sentence.index("nalytic confidence")
            assert not re.search(words, sentence[start:]), sentence


def test_the_terminal_never_says_0_or_100_percent_nor_almost_certain() -> None:
    text = summary(answered(), 2)
    assert not re.search(r"(?<!\d)(?:0|100) %", text)
    assert "almost certain" not in text
