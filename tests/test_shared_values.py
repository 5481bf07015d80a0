"""The indicator channel: laws on small worlds, and sums by hand."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from helpers import Record, parameters, profiles_of, read
from samehand.compare.actors import Memory, Scene
from samehand.compare.copies import find_copies
from samehand.compare.profile import Profile, profile
from samehand.compare.shared_odds import (
    CLOSED_BITS,
    FILE,
    IndicatorOdds,
    indicator_odds,
    parse_weights,
    probabilities,
    shipped_weights,
    value_bits,
)
from samehand.compare.shared_values import Ground, ground_of, shared_values
from samehand.compare.universe import build_universe
from samehand.config import bundled
from samehand.errors import ConfigError
from samehand.fit.indicators import Asked, document, fit
from samehand.knowledge.actors import world_of_reference

SYLLABLES = ("kor", "mel", "tan", "vis", "dro", "pel", "rum", "sig", "lot", "bex", "nav", "quo")


def name(seed: str) -> str:
    """A host that nobody else has."""
    drawn = random.Random(seed)
    return "".join(drawn.choices(SYLLABLES, k=5)) + drawn.choice((".com", ".net", ".org"))


def digest(seed: str) -> str:
    return f"{random.Random(seed).getrandbits(256):064x}"


def record(identifier: str, *observables: tuple[str, str], actor: str = "", **more: Any) -> Record:
    return {
        "id": identifier,
        "published": "2020-05-01",
        "publisher": f"publisher of {identifier}",
        "observables": [{"type": kind, "value": value} for kind, value in observables],
        **({"label": {"actor": actor}} if actor else {}),
        **more,
    }


def hosts(*seeds: str) -> list[tuple[str, str]]:
    return [("domain-name", name(seed)) for seed in seeds]


def world(extra: int = 0) -> list[Record]:
    """Four actors with three reports each, of five hosts and an address."""
    found = []
    for a in range(4 + extra):
        for r in range(3):
            observables = hosts(*(f"{a}-{r}-{n}" for n in range(5)))
            observables.append(("ipv4-addr", f"45.{a}.{r}.17"))
            found.append(record(f"ref-{a}-{r}", *observables, actor=f"Actor {a}"))
    return found


def ground(records: list[Record], background: list[Record] | None = None) -> Ground:
    profiles = profiles_of(records, use="reference")
    strangers = [profile(read(r, use="background")) for r in background or []]
    copies = find_copies(profiles, parameters().copies)
    # No year is before 0: the tests do not rest on what the prevalence sketch counts.
    universe = build_universe(profiles.values(), strangers, copies, parameters(), 0)
    known = world_of_reference([p.report for p in profiles.values()], parameters())
    memory = Memory(profiles.values(), copies, known)
    return ground_of(Scene(profiles, universe, copies, memory, known, parameters(), {}))


def asked(where: Ground, *records: Record) -> IndicatorOdds:
    members: list[Profile] = [profile(read(r)) for r in records]
    return indicator_odds(shared_values(where, members))


def chance(odds: IndicatorOdds, actor: str) -> float:
    return next((a.probability for a in odds.actors if a.actor == actor), 0.0)


def bits(odds: IndicatorOdds, actor: str) -> float:
    return next(a.bits for a in odds.actors if a.actor == actor)


QUERY = record("query", *hosts("0-0-0", "0-1-0", "own-1", "own-2"), published="2021-02-01")


def test_shared_rare_hosts_name_their_actor() -> None:
    odds = asked(ground(world()), QUERY)
    assert odds.actors[0].actor == "Actor 0"
    assert odds.actors[0].probability >= 0.8


def test_no_evidence_is_none() -> None:
    odds = asked(ground(world()), record("query", *hosts("own-1", "own-2")))
    assert odds.actors == () and odds.none == 1.0
    assert asked(ground([]), QUERY).none == 1.0
    assert asked(ground(world()), record("query")).none == 1.0


def test_probabilities_sum_to_one_and_parts_to_the_bits() -> None:
    both = record("query", *hosts("0-0-0", "1-0-0", "2-1-1", "own"), ("ipv4-addr", "45.1.1.17"))
    odds = asked(ground(world()), both)
    assert math.isclose(odds.none + sum(a.probability for a in odds.actors), 1.0)
    assert {a.actor for a in odds.actors} == {"Actor 0", "Actor 1", "Actor 2"}
    for found in odds.actors:
        assert math.isclose(found.bits, math.fsum(p.bits for p in found.parts))
        assert math.isclose(math.log2(found.probability / odds.none), found.bits, abs_tol=1e-9)
        assert all(p.observations and p.reports for p in found.parts)


def test_the_sum_by_hand() -> None:
    weights = shipped_weights()
    odds = asked(ground(world()), record("query", *hosts("0-0-0", "own")))
    # One host, of another publisher, that nobody else holds; one value not shared; the habit is
    # the ending of the other host, over twelve reports.
    expected = weights.base + weights.parts["host"] + weights.other_publisher - weights.unshared
    habit = next(p.bits for p in odds.actors[0].parts if p.name == "habits")
    assert math.isclose(odds.actors[0].bits, expected + habit)


def test_order_of_reports_and_observables_does_not_matter() -> None:
    records = world()
    first = asked(ground(records), QUERY)
    turned = [{**r, "observables": r["observables"][::-1]} for r in records[::-1]]
    assert asked(ground(turned), {**QUERY, "observables": QUERY["observables"][::-1]}) == first


def test_unrelated_reports_barely_move() -> None:
    before = asked(ground(world()), QUERY)
    after = asked(ground(world(extra=40)), QUERY)
    assert abs(chance(before, "Actor 0") - chance(after, "Actor 0")) < 0.03
    strangers = [record(f"bg-{n}", *hosts(f"bg-{n}")) for n in range(200)]
    assert asked(ground(world(), strangers), QUERY) == before


@pytest.mark.parametrize(
    "more",
    [
        [*hosts("more")],
        [("ipv4-addr", "91.12.3.4")],
        [("file:sha256", digest("more"))],
        [("url", f"http://{name('more')}/a/gate.php")],
        [*hosts("more", "more2", "more3"), ("ipv4-addr:port", "91.12.3.4:8443")],
    ],
)
def test_more_shared_rare_values_never_lower(more: list[tuple[str, str]]) -> None:
    def asked_with(values: list[tuple[str, str]]) -> float:
        records = world()
        extended = [
            {**r, "observables": [*r["observables"], *({"type": k, "value": v} for k, v in values)]}
            if r["id"] == "ref-0-2"
            else r
            for r in records
        ]
        query = {
            **QUERY,
            "observables": [*QUERY["observables"], *({"type": k, "value": v} for k, v in values)],
        }
        return bits(asked(ground(extended), query), "Actor 0")

    least = asked_with([])
    for n in range(1, len(more) + 1):
        now = asked_with(more[:n])
        assert now >= least - 1e-9
        least = now


def test_a_holder_more_never_raises() -> None:
    shared = hosts("0-0-0")
    last = math.inf
    for n in range(4):
        others = [record(f"other-{i}", *shared, actor=f"Other {i}") for i in range(n)]
        now = bits(asked(ground([*world(), *others]), record("query", *shared)), "Actor 0")
        assert now <= last
        last = now
    strangers = [record(f"bg-{n}", *shared) for n in range(50)]
    assert bits(asked(ground(world(), strangers), record("query", *shared)), "Actor 0") < last + 9
    assert chance(asked(ground(world(), strangers), record("query", *shared)), "Actor 0") < 0.3


def test_commonplace_values_say_nothing() -> None:
    common = [
        ("domain-name", "google.com"),
        ("ipv4-addr", "8.8.8.8"),
        ("domain-name", "www.github.com"),
    ]
    held = record("ref-common", *common, *hosts("held"), actor="Actor 0")
    odds = asked(ground([*world(), held]), record("query", *common, *hosts("own")))
    assert odds.none > 0.95
    near = asked(ground(world()), record("query", ("ipv4-addr", "45.0.0.99")))  # a /24 alone
    assert near.none > 0.95
    assert bits(near, "Actor 0") <= shipped_weights().base - CLOSED_BITS + 1e-9


def test_a_provider_is_not_shared_infrastructure() -> None:
    held = record("ref-dyn", ("domain-name", "alpha.publicvm.com"), actor="Actor 0")
    odds = asked(ground([*world(), held]), record("query", ("domain-name", "beta.publicvm.com")))
    assert odds.none == 1.0


def test_a_copy_counts_once() -> None:
    records = world()
    copies = [
        {**record(f"copy-{n}", cites=["ref-0-0"]), "observables": records[0]["observables"]}
        for n in range(3)
    ]
    for copy in copies:
        copy["label"] = {"actor": "Actor 0"}
    assert bits(asked(ground([*records, *copies]), QUERY), "Actor 0") == pytest.approx(
        bits(asked(ground(records), QUERY), "Actor 0")
    )
    # A copy under another actor's name is no other holder either.
    for copy in copies:
        copy["label"] = {"actor": "Actor 3"}
    assert chance(asked(ground([*records, *copies]), QUERY), "Actor 3") == 0.0


def test_without_an_actor_the_others_do_not_fall() -> None:
    query = record("query", *hosts("0-0-0", "1-0-0", "own"))
    records = world()
    whole = asked(ground(records), query)
    rest = asked(ground([r for r in records if r["label"]["actor"] != "Actor 0"]), query)
    assert chance(rest, "Actor 0") == 0.0
    assert chance(rest, "Actor 1") >= chance(whole, "Actor 1")
    assert rest.none >= whole.none
    left_out = [r["id"] for r in records if r["label"]["actor"] == "Actor 0"]
    found = shared_values(ground(records), [profile(read(query))], left_out)
    assert {s.actor for s in found} == {"Actor 1"}


def test_a_lone_file_is_never_named() -> None:
    planted = ("file:sha256", digest("planted"))
    records = world()
    records[0] = record("ref-0-0", planted, *hosts("0-0-0"), actor="Actor 0")
    for others in (0, 1, 30):
        query = record("query", planted, *hosts(*(f"own-{n}" for n in range(others))))
        assert 0.0 < chance(asked(ground(records), query), "Actor 0") < 0.8
    beside = ("domain-name", "www.github.com")  # something commonplace beside it changes nothing
    records[0]["observables"].append({"type": beside[0], "value": beside[1]})
    odds = asked(ground(records), record("query", planted, beside))
    assert chance(odds, "Actor 0") < 0.8


def test_a_lone_value_never_tells_more_than_labels_show() -> None:
    records = world()
    records[0]["published"] = "2021-01-01"
    for shared in (("ipv4-addr", "45.0.0.17"), hosts("0-0-0")[0]):
        own = hosts(*(f"own-{n}" for n in range(3)))
        assert chance(asked(ground(records), record("query", shared, *own)), "Actor 0") <= 0.9701


def test_a_url_tells_at_least_what_follows_from_it() -> None:
    url = f"http://{name('site')}/panel/gate.php"
    records = world()
    records[0]["observables"] += [{"type": "domain-name", "value": name("site")}]
    records[1]["observables"] += [{"type": "url:path", "value": "/panel/gate.php"}]
    query = record("query", ("url", url), *hosts("own"))
    parted = bits(asked(ground(records), query), "Actor 0")
    records[0]["observables"] += [{"type": "url", "value": url}]
    assert bits(asked(ground(records), query), "Actor 0") >= parted
    value = asked(ground(records), query).actors[0].rows[0].value
    assert value.feature.kind == "url"
    assert {v.feature.kind for v in value.implied} == {
        "domain-name", "registered-domain", "url:path"
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_shared_values_drawn_at_random_never_lower(seed: int) -> None:
    drawn = random.Random(seed)
    pool = [
        *hosts(*(f"r{seed}-{n}" for n in range(6))),
        *(("ipv4-addr", f"91.{seed}.{n}.9") for n in range(3)),
        *(("file:sha256", digest(f"r{seed}-{n}")) for n in range(3)),
        *(("url", f"http://{name(f'u{seed}-{n}')}/{name(f'p{n}')}") for n in range(3)),
        *(("domain-name", f"{n}.{name(f'r{seed}-0')}") for n in range(3)),
    ]
    drawn.shuffle(pool)
    records = world()
    query = record("query", *hosts("own-1", "own-2", "0-0-1", "1-0-1"))
    last = bits(asked(ground(records), query), "Actor 0")
    for kind, value in pool:
        where = drawn.randrange(3)
        records[where]["observables"] += [{"type": kind, "value": value}]
        query["observables"] += [{"type": kind, "value": value}]
        now = bits(asked(ground(records), query), "Actor 0")
        assert now >= last - 1e-9, (kind, value)
        last = now


def test_a_report_is_no_reference_of_itself() -> None:
    records = world()
    odds = indicator_odds(shared_values(ground(records), [profile(read(records[0]))]))
    assert odds.none == 1.0


def test_families_are_holders_and_no_candidates() -> None:
    shared = hosts("0-0-0")
    family = record("fam", *shared, actor="maltrail:some_family")
    odds = asked(ground([*world(), family]), record("query", *shared))
    assert [a.actor for a in odds.actors] == ["Actor 0"]
    assert odds.actors[0].rows[0].value.other_reports == 1.0
    assert bits(odds, "Actor 0") < bits(asked(ground(world()), record("query", *shared)), "Actor 0")


def test_text_title_and_provenance_do_not_matter() -> None:
    told = {**QUERY, "title": "Actor 3 again", "text": "Actor 3", "provenance": {"name": "Actor 3"}}
    one, other = (asked(ground(world()), q) for q in (QUERY, told))
    assert [(a.actor, a.bits) for a in one.actors] == [(a.actor, a.bits) for a in other.actors]


def test_a_campaign_is_the_union_of_its_reports() -> None:
    parts = [record("q1", *hosts("0-0-0", "own-1")), record("q2", *hosts("0-1-0", "own-2"))]
    where = ground(world())
    assert bits(asked(where, *parts), "Actor 0") >= bits(asked(where, parts[0]), "Actor 0")
    assert asked(where, *parts) == asked(where, *parts[::-1])


def test_rows_tell_values_and_reports() -> None:
    odds = asked(ground(world()), QUERY)
    told = {(r.value.feature.value, r.value.reports[0]) for r in odds.actors[0].rows}
    assert len(told) == 2 and (name("0-0-0"), "ref-0-0") in told
    first, second = odds.actors[0].rows
    assert second.counted_bits == pytest.approx(second.bits * shipped_weights().gamma)
    assert value_bits(first.value, shipped_weights()) == first.bits


def test_softmax_by_hand() -> None:
    values, none = probabilities({"a": 1.0, "b": 0.0})
    assert values == {"a": 0.5, "b": 0.25} and none == 0.25
    values, none = probabilities({"a": 3000.0, "b": -3000.0})
    assert values["a"] == 1.0 and none == 0.0
    assert probabilities({}) == ({}, 1.0)


def test_weights_are_refused_with_the_wrong_sign() -> None:
    raw = json.loads(bundled(f"knowledge/data/{FILE}"))
    assert parse_weights(json.dumps(raw).encode(), "x") == shipped_weights()
    for broken in ({**raw, "background": -1.0}, {**raw, "gamma": 2}, {"base": 0}, []):
        with pytest.raises(ConfigError, match="Fit again"):
            parse_weights(json.dumps(broken).encode(), "x")


def test_fit_finds_what_tells() -> None:
    """Synthetic questions in which rare hosts are right and hosts of others are wrong."""
    records = world(extra=26)
    common = hosts("everybody")
    for r in records[::2]:
        r["observables"].append({"type": "domain-name", "value": common[0][1]})
    where = ground(records)
    questions = []
    for a in range(30):
        query = record(f"q-{a}", *hosts(f"{a}-0-0", f"own-{a}"))
        shared = shared_values(where, [profile(read(query))])
        questions.append(Asked(f"q-{a}", f"Actor {a}", True, 2021, shared))
        stranger = record(f"s-{a}", *common, *hosts(f"strange-{a}"))
        shared = shared_values(where, [profile(read(stranger))])
        questions.append(Asked(f"s-{a}", f"Stranger {a}", False, 2021, shared))
    found = fit(questions)
    assert parse_weights(json.dumps(document(found)).encode(), "x").gamma == found.gamma
    assert found.parts["host"] > 0 and found.other_reports + found.other_actors > 0
    odds = indicator_odds(questions[0].shared, found)
    assert odds.actors[0].actor == "Actor 0" and odds.actors[0].probability > 0.8
    assert indicator_odds(questions[1].shared, found).none > 0.5
