"""STIX bundles: markings, roles, windows, claims and victims."""

from __future__ import annotations

from typing import Any

import pytest

from samehand.model import Claim, Report
from test_stix import (
    RED,
    Item,
    bundle,
    features,
    indicator,
    item,
    one,
    read,
    relation,
    report,
    said,
    sid,
)

DOMAIN = "[domain-name:value = 'evil.example']"
TLP1 = {
    "CLEAR": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "GREEN": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "AMBER": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "RED": RED,
}
TLP2 = {
    "CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


@pytest.mark.parametrize(("level", "marking"), [*TLP1.items(), *TLP2.items()])
def test_marking_of_a_report_or_of_anything_it_holds_is_its_tlp(level: str, marking: str) -> None:
    marked = {"object_marking_refs": [marking]}
    assert one(report(**marked)).tlp == level
    assert one(indicator("i", DOMAIN), report(indicator("i", DOMAIN), **marked)).tlp == level
    inside = indicator("i", DOMAIN, **marked)
    green = [TLP1["GREEN"]]
    expected = "GREEN" if level == "CLEAR" else level
    assert one(inside, report(inside, object_marking_refs=green)).tlp == expected


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"definition_type": "tlp", "definition": {"tlp": "amber"}}, "AMBER"),
        ({"extensions": {"extension-definition--1": {"tlp_2_0": "amber+strict"}}}, "AMBER+STRICT"),
        ({"name": "TLP:GREEN", "definition_type": "x"}, "GREEN"),
        ({"definition_type": "statement", "definition": {"statement": "Copyright"}}, "CLEAR"),
        ({"definition_type": "tlp", "definition": {"tlp": "mauve"}}, "RED"),
        ({"definition_type": "tlp", "definition": {"tlp": ["white"]}}, "RED"),
    ],
)
def test_markings_that_a_bundle_defines_itself(fields: Item, level: str) -> None:
    own = {"type": "marking-definition", "id": sid("marking-definition", "own"), **fields}
    assert one(own, report(object_marking_refs=[own["id"]])).tlp == level


def test_marking_that_nobody_defines_is_red_on_a_report_and_named_elsewhere() -> None:
    unknown = {"object_marking_refs": [sid("marking-definition", "nowhere")]}
    reports, problems = read(bundle(report(**unknown)))
    assert reports[0].tlp == "RED" and problems[0].severity == "error"
    i = indicator("i", DOMAIN, **unknown)
    reports, problems = read(bundle(i, report(i)))
    assert reports[0].tlp == "CLEAR" and problems[0].severity == "warning"


def test_granular_marking_counts_for_the_whole_object_and_is_said() -> None:
    granular = [{"marking_ref": TLP2["RED"], "selectors": ["description"]}]
    reports, problems = read(bundle(report(granular_markings=granular)))
    assert reports[0].tlp == "RED" and "granular" in said(problems)


def role(*objects: Item) -> str:
    found = {o.feature.kind: o.role for o in one(*objects, report(*objects)).observations}
    return found["domain-name"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"indicator_types": ["benign"]}, "benign"),
        ({"indicator_types": ["malicious-activity"]}, ""),
        ({"labels": ["C2"]}, "c2"),
        ({"labels": ["sinkhole", "c2"]}, "sinkhole"),
        ({"kill_chain_phases": [{"phase_name": "command-and-control"}]}, "c2"),
        ({"kill_chain_phases": [{"phase_name": "delivery"}]}, "download"),
        ({"kill_chain_phases": "delivery", "labels": 7}, ""),
    ],
)
def test_role_of_an_indicator(fields: Item, expected: str) -> None:
    assert role(indicator("i", DOMAIN, **fields)) == expected


def test_role_from_infrastructure_and_malware() -> None:
    host = {"type": "domain-name", "id": sid("domain-name", "d"), "value": "evil.example"}
    servers = item("infrastructure", "servers", infrastructure_types=["command-and-control"])
    assert role(host, servers, relation(servers, "consists-of", host)) == "c2"
    malware = item("malware", "Quay")
    plain = item("infrastructure", "servers")
    beacon = relation(malware, "beacons-to", plain)
    assert role(host, malware, plain, beacon, relation(plain, "consists-of", host)) == "c2"
    file = indicator(
        "f", f"[file:hashes.MD5 = '{'a' * 32}' AND domain-name:value = 'evil.example']"
    )
    found = one(malware, file, report(malware, file, relation(file, "indicates", malware)),
                relation(file, "indicates", malware))  # fmt: skip
    assert {o.feature.kind: o.role for o in found.observations} == {
        "file:md5": "malware", "domain-name": "", "software": ""}  # fmt: skip


def test_value_that_is_benign_in_one_place_is_so_everywhere_in_the_report() -> None:
    host = {"type": "domain-name", "id": sid("domain-name", "d"), "value": "Evil.example"}
    assert role(host, indicator("i", DOMAIN, indicator_types=["benign"])) == "benign"


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({}, "2016-01-01", "2016-01-01"),
        ({"valid_until": "2016-02-03T00:00:00Z"}, "2016-01-01", "2016-02-03"),
        ({"valid_until": "2030-01-01T00:00:00Z"}, "2016-01-01", "2016-05-06"),  # the report's day
        ({"valid_until": "2015-01-01T00:00:00Z"}, "2016-01-01", "2016-01-01"),
        ({"valid_from": "rubbish"}, "", ""),
    ],
)
def test_window_of_an_indicator(fields: Item, first: str, last: str) -> None:
    i = indicator("i", DOMAIN, **fields)
    window = one(i, report(i)).observations[0].window
    assert (str(window.start), str(window.end)) == (first, last) if window else not first


def test_sightings_widen_the_window() -> None:
    i = indicator("i", DOMAIN)
    sighting = item("sighting", "s", sighting_of_ref=i["id"], first_seen="2015-11-01T00:00:00Z",
                    last_seen="2016-07-01T00:00:00Z")  # fmt: skip
    window = one(i, sighting, report(i)).observations[0].window
    assert window is not None
    assert (str(window.start), str(window.end)) == ("2015-11-01", "2016-07-01")


# Identity


def attribution(*objects: Item, **fields: Any) -> list[Claim]:
    found = one(*objects, report(*objects, **fields))
    return [c for c in found.claims if c.relation == "attribution"]


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(None, ""), (100, "high"), (70, "high"), (69, "medium"), (30, "medium"), (29, "low"),
     (0, "low"), (101, ""), (True, ""), ("high", "")],
)  # fmt: skip
def test_confidence_of_an_attribution_in_words(confidence: object, words: str) -> None:
    campaign, actor = item("campaign", "Quay"), item("threat-actor", "Heron")
    fields = {} if confidence is None else {"confidence": confidence}
    (claim,) = attribution(campaign, actor, relation(campaign, "attributed-to", actor, **fields))
    assert (claim.about, claim.actor, claim.words) == ("Quay", "Heron", words)


def test_confidence_of_the_report_stands_in_for_that_of_the_relationship() -> None:
    campaign, actor = item("campaign", "Quay"), item("intrusion-set", "Heron")
    link = relation(campaign, "attributed-to", actor)
    assert attribution(campaign, actor, link, confidence=20)[0].words == "low"


def test_statement_of_somebody_else_is_not_first_hand() -> None:
    us, them = item("identity", "Us"), item("identity", "Them")
    campaign = item("campaign", "Quay")
    actor = item("intrusion-set", "Heron", aliases=["Crane"], created_by_ref=them["id"])
    link = relation(campaign, "attributed-to", actor, created_by_ref=them["id"])
    found = one(us, them, campaign, actor, link,
                report(campaign, actor, created_by_ref=us["id"]))  # fmt: skip
    assert {(c.relation, c.first_hand, c.origin) for c in found.claims} == {
        ("attribution", False, "Them"), ("alias", False, "Them")}  # fmt: skip


def test_actor_that_is_only_listed_is_a_label_and_one_that_is_tied_a_claim() -> None:
    actor, i = item("intrusion-set", "Heron"), indicator("i", DOMAIN)
    (claim,) = attribution(actor, i)
    assert (claim.about, claim.actor, claim.words) == ("Glass Gazelle", "Heron", "label only")
    (claim,) = attribution(actor, i, relation(i, "indicates", actor, confidence=90))
    assert (claim.actor, claim.words) == ("Heron", "high")


def test_several_actors_without_a_statement_attribute_nothing() -> None:
    actors = [item("intrusion-set", name) for name in ("Heron", "Crane")]
    reports, problems = read(bundle(*actors, report(*actors)))
    assert reports[0].claims == () and "name several actors" in said(problems)
    i = indicator("i", DOMAIN)
    (claim,) = attribution(*actors, i, relation(i, "indicates", actors[1]))
    assert claim.actor == "Crane"


@pytest.mark.parametrize(
    "target",
    [
        item("identity", "Ann Example", identity_class="individual"),
        item("threat-actor", "Ann Example", resource_level="individual"),
    ],
)
def test_no_person_is_ever_an_actor(target: Item) -> None:
    campaign = item("campaign", "Quay")
    members = [campaign, target, relation(campaign, "attributed-to", target)]
    reports, problems = read(bundle(*members, report(*members)))
    assert not [c for c in reports[0].claims if "Ann" in c.actor]
    assert "to a person" in said(problems)


# Victims and knowledge


def victims(found: Report) -> set[tuple[str, str]]:
    return {f for f in features(found) if f[0].startswith("victim")}


def test_victims_are_what_is_targeted_and_the_named_but_no_creator_or_place_of_origin() -> None:
    vendor = item("identity", "ACME", sectors=["technology"])
    actor = item("intrusion-set", "Heron", created_by_ref=vendor["id"])
    france, russia = item("location", "France"), item("location", "Nowhere", country="RU")
    bank = item("identity", "Banks", identity_class="class", sectors=["financial-services"])
    shop = item("identity", "retail", identity_class="class")
    spain = item("location", "s", country="Spain")
    members = [vendor, actor, france, russia, bank, shop, spain]
    links = [relation(actor, "targets", france), relation(actor, "originates-from", russia),
             relation(actor, "targets", bank), relation(bank, "located-at", spain)]  # fmt: skip
    found = one(*members, *links, report(*members, *links))
    assert victims(found) == {
        ("victim-country", "FR"), ("victim-country", "ES"),
        ("victim-sector", "financial services"), ("victim-sector", "retail")}  # fmt: skip


def test_place_that_is_no_country_is_said() -> None:
    actor, place = item("intrusion-set", "Heron"), item("location", "the north", region="x")
    link = relation(actor, "targets", place)
    reports, problems = read(bundle(actor, place, report(actor, place, link), link))
    assert not victims(reports[0]) and "no known country, not used: 'the north'" in said(problems)


def test_software_is_named_by_families_and_techniques_by_identifier() -> None:
    members = [
        item("malware", "QuayLoader"), item("tool", "netcat"), item("malware", "d" * 64),
        item("malware", "invoice.exe"), item("attack-pattern", "T1059.001 - PowerShell"),
        item("attack-pattern", "x", external_references=[
            {"source_name": "capec", "external_id": "CAPEC-163"},
            {"source_name": "mitre-attack", "external_id": "T1566"}]),
    ]  # fmt: skip
    found = features(one(*members, report(*members)))
    assert found == {("software", "quayloader"), ("software", "netcat"),
                     ("technique", "T1059.001"), ("technique", "T1566")}  # fmt: skip
    unnamed = item("attack-pattern", "Spear Phishing")
    _, problems = read(bundle(unnamed, report(unnamed)))
    assert "without an ATT&CK identifier, not compared: 'Spear Phishing'" in said(problems)
