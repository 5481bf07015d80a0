"""What the CryptoCore case must show; the bands come from the issue, not from the program."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from functools import cache

import pytest

from samehand import case as case_module
from samehand.assessment import assess
from samehand.case import Options
from samehand.config import shipped_parameters
from samehand.counterfactual import (
    attribution_of,
    follow,
    probability_of,
    restrict,
    without_evidence,
)
from samehand.formats.records import parse_record
from samehand.model import Assessment, Report
from samehand.pipeline import answer, cases_folder, load_case

CORE = ("clearsky-2020", "fsecure-2020", "jpcert-2019", "ntt-vb2020")
COMPILED = ("merged-clearsky-ntt", "analyst-tweets")


@cache
def reports() -> tuple[Report, ...]:
    found, _, problems = load_case(cases_folder() / "cryptocore")
    assert not [p for p in problems if p.severity == "error"], problems
    return tuple(found)


def run(left: list[Report], day: date | None = None) -> Assessment:
    return assess(left, shipped_parameters(), Options(prior="case", as_of=day))


@cache
def as_of(text: str) -> Assessment:
    day = date.fromisoformat(text)
    return run(restrict(reports(), as_of=day), day)


def link(result: Assessment, a: str, b: str) -> float:
    left, right = sorted((a, b))
    return next((k.probability for k in result.links if (k.l, k.r) == (left, right)), 0.0)


def campaign_link(result: Assessment, a: str, b: str) -> float:
    left, right = sorted((a, b))
    return next((k.campaign_probability for k in result.links if (k.l, k.r) == (left, right)), 0.0)


def pairs(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]


def lazarus(result: Assessment, members: tuple[str, ...] = CORE) -> float:
    return probability_of(attribution_of(result, follow(result, members)), "Lazarus Group")


def test_records_keep_what_is_not_known_empty() -> None:
    by_id = {r.id: r for r in reports()}
    observables = {
        i: [
            o
            for o in by_id[i].observations
            if o.raw and o.feature.kind.startswith(("domain", "ipv4", "file", "url"))
        ]
        for i in ("clearsky-2020", "jpcert-2019")
    }
    assert observables == {"clearsky-2020": [], "jpcert-2019": []}
    assert {by_id[i].kind for i in COMPILED} == {"compilation"}
    assert sum(r.use == "reference" for r in reports()) == 17


@pytest.mark.parametrize("day", ["2019-07-31", "2020-06-30", "2020-08-31", "2020-10-31"])
def test_before_may_2021_the_disclosures_are_not_merged(day: str) -> None:
    result = as_of(day)
    for campaign in result.campaigns:
        assert len(set(CORE) & set(campaign.reports)) <= 1, campaign.reports
    for a, b in pairs(CORE):
        assert link(result, a, b) < 0.5, (a, b)


def test_from_may_2021_they_are_one_proposed_campaign_on_reported_evidence() -> None:
    result = as_of("2021-05-31")
    campaign = follow(result, CORE)
    assert campaign is not None
    assert set(CORE) <= set(campaign.reports)
    assert campaign.strength == "proposed"
    assert campaign.reported
    for a, b in pairs(CORE):
        assert link(result, a, b) >= 0.5, (a, b)
    reported = {(k.l, k.r) for k in result.links if k.reported}
    assert {tuple(sorted(p)) for p in pairs(CORE)} <= reported


def test_without_the_report_that_compared_them_the_campaign_dissolves() -> None:
    day = date(2021, 5, 31)
    result = run(restrict(reports(), as_of=day, without=["clearsky-2021"]), day)
    for campaign in result.campaigns:
        assert len(set(CORE) & set(campaign.reports)) <= 1, campaign.reports


def test_reports_with_known_indicators_link_by_what_they_share() -> None:
    result = as_of("2022-01-31")
    shared = [
        ("merged-clearsky-ntt", "strangereal-2020"),
        ("merged-clearsky-ntt", "kaspersky-2022"),
        ("analyst-tweets", "kaspersky-2022"),
    ]
    for a, b in shared:
        assert link(result, a, b) >= 0.5, (a, b)
        left, right = sorted((a, b))
        found = next(k for k in result.links if (k.l, k.r) == (left, right))
        assert not found.reported
        assert any(c.facet == "infrastructure" and c.bits > 2 for c in found.contributions)


def test_two_reports_never_share_a_campaign_only_through_a_compilation() -> None:
    result = as_of("2022-01-31")
    together = [set(c.reports) for c in result.campaigns]
    assert not any({"strangereal-2020", "kaspersky-2022"} <= c for c in together)


def joiners(result: Assessment) -> list[tuple[str, ...]]:
    """Campaigns in which a comparison campaign sits beside a report of the case."""
    case = {r.id for r in reports() if r.use == "case"}
    other = {r.id for r in reports() if r.use == "reference"}
    return [c.reports for c in result.campaigns if case & set(c.reports) and other & set(c.reports)]


def as_ordinary() -> list[Report]:
    return [replace(r, use="case", known_actor="") for r in reports()]


def test_no_comparison_campaign_joins_as_reference_or_as_ordinary_report() -> None:
    assert joiners(run(list(reports()))) == []
    assert joiners(run(as_ordinary())) == []


def test_connected_components_would_let_comparison_campaigns_join(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mutant: any pair with evidence connects, as tools do that link on a shared value."""

    def components(ids, bits, *, must=(), cannot=(), start=(), **_):  # type: ignore[no-untyped-def]
        parent = {i: i for i in ids}

        def root(i: str) -> str:
            while parent[i] != i:
                i = parent[i]
            return i

        for a, b in bits:
            if a in parent and b in parent and bits[(a, b)] > -3.3:
                parent[root(a)] = root(b)
        groups: dict[str, list[str]] = {}
        for i in sorted(ids):
            groups.setdefault(root(i), []).append(i)
        return sorted(tuple(g) for g in groups.values())

    monkeypatch.setattr(case_module, "correlation_clusters", components)
    assert joiners(run(as_ordinary())) != []


def test_four_shared_code_strings_may_be_one_hand_but_are_not_one_campaign() -> None:
    result = run(as_ordinary())
    assert campaign_link(result, "fsecure-2020", "lazarus-killdisk-casino-2018") < 0.5
    assert link(result, "fsecure-2020", "lazarus-killdisk-casino-2018") > 0.3


def test_lazarus_in_june_2020_is_below_45_and_the_publishers_own_claim_is_shown() -> None:
    result = as_of("2020-06-30")
    assert lazarus(result, ("clearsky-2020",)) < 0.45
    stated = attribution_of(result, follow(result, ("clearsky-2020",)))
    assert stated is not None
    own = [c for c in stated.claims if "Eastern Europe" in c.actor]
    assert [c.words for c in own] == ["medium"]
    assert own[0].grade.startswith("B2")


def test_in_august_2020_lazarus_leads_for_the_report_that_says_so() -> None:
    result = as_of("2020-08-31")
    found = attribution_of(result, follow(result, ("fsecure-2020",)))
    assert found is not None
    assert found.hypotheses[0].actor == "Lazarus Group"
    assert found.hypotheses[0].probability > max(found.none, found.planted)


def test_in_may_2021_lazarus_leads_between_45_and_80_and_is_not_named() -> None:
    result = as_of("2021-05-31")
    found = attribution_of(result, follow(result, CORE))
    assert found is not None
    first = found.hypotheses[0]
    assert first.actor in ("Lazarus Group", "BlueNoroff")
    assert 0.45 <= first.probability <= 0.80
    assert found.naming != "named"
    assert found.decision is None
    assert first.likelihood_words == "likely" or first.house_words == "medium-high"
    withdrawn = [c for c in found.claims if "Eastern Europe" in c.actor]
    assert all(c.status == "withdrawn by clearsky-2021" for c in withdrawn)


def test_without_the_claim_it_is_lower_and_without_its_origin_lower_still() -> None:
    day = date(2021, 5, 31)
    known = restrict(reports(), as_of=day)
    full = lazarus(run(known, day))
    claims = [
        c.id
        for r in known
        if r.id == "fsecure-2020"
        for c in r.claims
        if c.relation == "attribution"
    ]
    no_claim = lazarus(run(without_evidence(known, claims), day))
    no_origin = lazarus(run(restrict(known, without=["fsecure-2020"]), day))
    assert no_claim <= full - 0.10
    assert no_origin <= no_claim - 0.10


def test_adopting_a_claim_is_no_second_vote() -> None:
    day = date(2021, 5, 31)
    known = restrict(reports(), as_of=day)
    adopted = [
        c.id
        for r in known
        if r.id == "clearsky-2021"
        for c in r.claims
        if c.relation == "attribution" and not c.first_hand
    ]
    assert adopted
    assert lazarus(run(without_evidence(known, adopted), day)) == pytest.approx(
        lazarus(run(known, day)), abs=1e-9
    )


def test_linchpins_and_timeline_name_what_the_answer_rests_on() -> None:
    found, question, _ = load_case(cases_folder() / "cryptocore")
    result = answer(found, shipped_parameters(), question)
    campaign = follow(result, CORE)
    attribution = attribution_of(result, campaign)
    assert attribution is not None
    names = {p.name for p in attribution.linchpins if p.kind == "origin"}
    assert {"clearsky-2021", "fsecure-2020"} <= names
    assert attribution.analytic_confidence == "low"
    days = [e.as_of[:7] for e in result.timeline]
    assert days == ["2019-07", "2020-06", "2020-08", "2020-10", "2021-05", "2022-01"]
    values = {e.as_of[:7]: e.probability for e in result.timeline}
    assert values["2020-08"] > values["2020-06"] + 0.2
    assert values["2021-05"] > values["2020-08"]
    assert all(e.campaign for e in result.timeline)
    by_month = {e.as_of[:7]: e for e in result.timeline}
    assert by_month["2020-10"].apart
    assert set(CORE) <= set(by_month["2021-05"].campaign)


def test_commonplace_registered_domains_carry_at_most_two_bits() -> None:
    result = run(as_ordinary())
    dynamic = ("publicvm.com", "linkpc.net", "kozow.com", "mefound.com", "mrbasic.com", "bit.ly")
    for found in result.links:
        bits = [
            c.bits
            for c in found.contributions
            if "(provider)" in c.comparison or c.comparison.startswith("provider ")
        ]
        assert sum(bits) <= 2.0 + 1e-9
        assert not any(
            c.comparison.endswith(tuple(f"domain-name {d}" for d in dynamic))
            or c.comparison.endswith(tuple(f"registered-domain {d}" for d in dynamic))
            for c in found.contributions
        )


def test_no_code_names_the_case() -> None:
    import samehand

    folder = cases_folder().parent / "src" / "samehand"
    if not folder.exists():
        pytest.skip(f"sources of {samehand.__name__} are not beside the cases")
    words = ("cryptocore", "clearsky", "fsecure", "f-secure", "jpcert", "bluenoroff", "lazarus")
    allowed = {"work.py": {"cryptocore"}, "likelihood.py": {"cryptocore"}}
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        found = {w for w in words if w in text} - allowed.get(path.name, set())
        assert not found, f"{path.name} names {found}"


def test_ten_thousand_unrelated_reports_beside_it_hardly_move_the_answer() -> None:
    """Law of the issue: the answer for four reports stays within .08."""
    generator = random.Random(10)
    techniques = ["T1566.001", "T1566.002", "T1059.005", "T1218.005", "T1105", "T1082", "T1057"]
    strangers = []
    for number in range(10_000):
        record = {
            "id": f"u{number}",
            "published": f"20{generator.randrange(15, 21)}-03-01",
            "observables": [
                {"type": "domain-name", "value": f"h{generator.randrange(10**8)}.com"}
                for _ in range(4)
            ],
            "techniques": generator.sample(techniques, 3) if number % 4 == 0 else [],
        }
        report, problems = parse_record(record, "test", use="background")
        assert report is not None and not problems
        strangers.append(report)
    day = date(2021, 5, 31)
    alone = as_of("2021-05-31")
    beside = run([*restrict(reports(), as_of=day), *strangers], day)
    for a, b in pairs(CORE):
        assert link(beside, a, b) == pytest.approx(link(alone, a, b), abs=0.08)
        assert campaign_link(beside, a, b) == pytest.approx(campaign_link(alone, a, b), abs=0.08)
    assert follow(beside, CORE).reports == follow(alone, CORE).reports  # type: ignore[union-attr]
    assert lazarus(beside) == pytest.approx(lazarus(alone), abs=0.08)
