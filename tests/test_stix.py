"""STIX bundles into reports: which object becomes what."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from samehand.formats.records import parse_record
from samehand.formats.stix import is_stix, records_of
from samehand.model import Problem, Report

Item = dict[str, Any]
TIME = "2016-04-06T20:03:00.000Z"
MD5, SHA1, SHA256 = "a" * 32, "b" * 40, "c" * 64
RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"


def sid(kind: str, name: str) -> str:
    return f"{kind}--{uuid.uuid5(uuid.NAMESPACE_URL, kind + name)}"


def item(kind: str, name: str, **fields: Any) -> Item:
    """An object with a name, whose identifier follows from both."""
    common = {"spec_version": "2.1", "created": TIME, "modified": TIME, "name": name}
    return {"type": kind, "id": sid(kind, name), **common, **fields}


def indicator(name: str, pattern: str, **fields: Any) -> Item:
    times = {"valid_from": "2016-01-01T00:00:00Z", "pattern_type": "stix"}
    return item("indicator", name, pattern=pattern, **times | fields)


def relation(source: Item, kind: str, target: Item, **fields: Any) -> Item:
    ends = {"source_ref": source["id"], "target_ref": target["id"]}
    name = f"{source['id']} {kind} {target['id']}"
    return item("relationship", name, relationship_type=kind, **ends, **fields)


def report(*members: Item, name: str = "Glass Gazelle", **fields: Any) -> Item:
    common = {"published": "2016-05-06T12:00:00Z", "report_types": ["campaign"]}
    return item("report", name, **{**common, "object_refs": [m["id"] for m in members], **fields})


def bundle(*objects: object) -> Item:
    return {"type": "bundle", "id": sid("bundle", "test"), "objects": list(objects)}


def read(document: object) -> tuple[list[Report], list[Problem]]:
    """Reports and problems, as reading a file gives them."""
    reports, problems = [], []
    for found in records_of(document, "in.json"):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        made, said = parse_record(found, "in.json")
        problems += said
        if made is not None:
            reports.append(made)
    return reports, problems


def one(*objects: Item) -> Report:
    """The only report of a bundle in which everything is understood."""
    reports, problems = read(bundle(*objects))
    assert len(reports) == 1 and not problems, problems
    return reports[0]


def features(found: Report) -> set[tuple[str, str]]:
    return {(o.feature.kind, o.feature.value) for o in found.observations}


def said(problems: Iterable[Problem]) -> str:
    return "\n".join(map(str, problems))


def campaign_bundle() -> list[Item]:
    """A report with one object of every type that is read."""
    vendor = item("identity", "ACME Labs", identity_class="organization")
    c2 = indicator(
        "c2",
        "[domain-name:value = 'c2.example.com']",
        kill_chain_phases=[
            {"kill_chain_name": "lockheed-martin", "phase_name": "command-and-control"}
        ],
    )
    malware = item("malware", "Cryptolocker", is_family=True)
    campaign = item("campaign", "Green Group Attacks", aliases=["Green Wave"])
    actor = item("intrusion-set", "Bobcat Breakin", aliases=["Zookeeper", "Bobcat Breakin"])
    phishing = item(
        "attack-pattern",
        "Spear Phishing",
        external_references=[{"source_name": "mitre-attack", "external_id": "T1566.002"}],
    )
    bank = item("identity", "Bank of the North", sectors=["financial-services"])
    japan = item("location", "Japan", country="JP")
    flaw = item("vulnerability", "CVE-2016-1234")
    address = {"type": "ipv4-addr", "id": sid("ipv4-addr", "1"), "value": "198.51.100.3"}
    seen = item(
        "observed-data",
        "seen",
        first_observed="2015-12-21T19:00:00Z",
        last_observed="2015-12-22T19:00:00Z",
        number_observed=50,
        object_refs=[address["id"]],
    )
    links = [
        relation(campaign, "attributed-to", actor, confidence=85),
        relation(campaign, "targets", japan),
        relation(c2, "indicates", malware),
    ]
    members = [c2, malware, campaign, actor, phishing, bank, flaw, seen, *links]
    main = report(
        *members,
        description="A thing happened.",
        created_by_ref=vendor["id"],
        external_references=[
            {"source_name": "ACME", "url": "https://acme.example/gazelle"},
            {"source_name": "other", "external_id": sid("report", "earlier")},
        ],
        object_marking_refs=["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],
    )
    note = item("note", "n", abstract="Later", content="They came back.", object_refs=[main["id"]])
    return [vendor, *members, japan, address, main, note]


def test_report_with_all_it_names_becomes_one_report() -> None:
    found = one(*campaign_bundle())
    assert found.id == sid("report", "Glass Gazelle") and found.title == "Glass Gazelle"
    assert (found.publisher, found.kind, found.tlp) == ("ACME Labs", "report", "GREEN")
    assert found.published is not None and str(found.published.end) == "2016-05-06"
    assert found.urls == ("https://acme.example/gazelle",)
    assert found.cites == (sid("report", "earlier"),)
    assert found.text == "A thing happened.\n\nNote: Later\nThey came back."
    assert features(found) >= {
        ("domain-name", "c2.example.com"),
        ("ipv4-addr", "198.51.100.3"),
        ("vulnerability", "CVE-2016-1234"),
        ("technique", "T1566.002"),
        ("software", "cryptolocker"),
        ("victim-country", "JP"),
        ("victim-sector", "financial services"),
    }
    by_kind = {o.feature.kind: o for o in found.observations}
    assert by_kind["domain-name"].role == "c2"
    window = by_kind["ipv4-addr"].window
    assert window is not None and str(window.start) == "2015-12-21"
    assert str(window.end) == "2015-12-22"
    assert {(c.relation, c.about, c.actor, c.words) for c in found.claims} == {
        ("attribution", "Green Group Attacks", "Bobcat Breakin", "high"),
        ("alias", "Bobcat Breakin", "Zookeeper", ""),
        ("alias", "Green Group Attacks", "Green Wave", ""),
    }
    assert all(c.first_hand for c in found.claims)


#: Cyber-observable objects as in the examples of STIX 2.1, section 6, and what they are here.
OBJECTS = [
    ({"type": "ipv4-addr", "value": "198.51.100.3"}, {("ipv4-addr", "198.51.100.3")}),
    ({"type": "ipv6-addr", "value": "2001:0db8:85a3::8A2E:0370:7334"},
     {("ipv6-addr", "2001:db8:85a3::8a2e:370:7334")}),
    ({"type": "domain-name", "value": "Example.com"}, {("domain-name", "example.com")}),
    ({"type": "url", "value": "https://example.com/research/index.html"},
     {("url", "https://example.com/research/index.html")}),
    ({"type": "email-addr", "value": "John@example.com"}, {("email-addr", "john@example.com")}),
    ({"type": "mutex", "name": "__CLEANSWEEP__"}, {("mutex", "__CLEANSWEEP__")}),
    ({"type": "autonomous-system", "number": 15139}, {("autonomous-system", "AS15139")}),
    ({"type": "windows-registry-key", "key": "HKLM\\System\\Foo\\Bar",
      "values": [{"name": "Foo", "data": "qwerty"}]},
     {("windows-registry-key", "hkey_local_machine\\system\\foo\\bar")}),
    ({"type": "x509-certificate", "serial_number": "00:36:f7:d4", "hashes": {"SHA-1": SHA1}},
     {("x509-certificate:serial", "36f7d4"), ("x509-certificate:sha1", SHA1)}),
    ({"type": "file", "name": "QWERTY.dll", "hashes": {"MD5": MD5, "SHA-256": SHA256}},
     {("file:name", "qwerty.dll"), ("file:md5", MD5), ("file:sha256", SHA256)}),
    ({"type": "artifact", "hashes": {"SHA-512": "d" * 128}}, {("file:sha512", "d" * 128)}),
    ({"type": "file", "name": "a.exe", "extensions": {"windows-pebinary-ext": {"imphash": MD5}}},
     {("file:name", "a.exe"), ("file:imphash", MD5)}),
    ({"type": "directory", "path": "C:\\ProgramData\\Quay"},
     {("file:path", "c:\\programdata\\quay")}),
    ({"type": "network-traffic", "dst_port": 8080, "protocols": ["http"], "extensions": {
        "http-request-ext": {"request_method": "get", "request_value": "/download.html",
                             "request_header": {"User-Agent": "Mozilla/5.0 (X11)",
                                                "Host": "www.example.com"}}}},
     {("url:path", "/download.html"), ("user-agent", "Mozilla/5.0 (X11)"),
      ("domain-name", "www.example.com")}),
    ({"type": "process", "extensions": {"windows-service-ext": {"service_name": "SirVice"}}},
     {("service-name", "sirvice")}),
    ({"type": "cryptocurrency-wallet", "value": "0x" + "A" * 40},
     {("cryptocurrency-wallet", "0x" + "a" * 40)}),
    ({"type": "user-account", "account_type": "telegram", "account_login": "@Quay"},
     {("user-account", "telegram:@quay")}),
    ({"type": "ipv4-addr", "value": "198.51.100.9/24"}, {("ipv4-addr", "198.51.100.0/24")}),
    ({"type": "ipv4-addr", "value": "198.51.100.7/32"}, {("ipv4-addr", "198.51.100.7")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "expected"), OBJECTS, ids=lambda v: v.get("type") if isinstance(v, dict) else ""
)
def test_observable_object_gives_its_values(raw: Item, expected: set[tuple[str, str]]) -> None:
    raw = {**raw, "id": sid(raw["type"], json.dumps(raw))}
    assert features(one(raw, report(raw))) == expected


def test_objects_that_refer_to_each_other_say_more_together() -> None:
    folder = {"type": "directory", "id": sid("directory", "d"), "path": "C:\\Users\\Public"}
    file = {
        "type": "file",
        "id": sid("file", "f"),
        "name": "q.exe",
        "parent_directory_ref": folder["id"],
    }
    server = {"type": "ipv4-addr", "id": sid("ipv4-addr", "s"), "value": "203.0.113.1"}
    traffic = {"type": "network-traffic", "id": sid("network-traffic", "t"), "dst_port": 443,
               "dst_ref": server["id"], "protocols": ["tcp"]}  # fmt: skip
    sender = {"type": "email-addr", "id": sid("email-addr", "s"), "value": "a@evil.example"}
    reader = {"type": "email-addr", "id": sid("email-addr", "r"), "value": "b@victim.example"}
    mail = {"type": "email-message", "id": sid("email-message", "m"), "is_multipart": False,
            "from_ref": sender["id"], "to_refs": [reader["id"]]}  # fmt: skip
    members = [folder, file, server, traffic, sender, reader, mail]
    found = one(*members, report(file, traffic, mail, reader))
    assert features(found) >= {
        ("file:path", "c:\\users\\public\\q.exe"),
        ("ipv4-addr:port", "203.0.113.1:443"),
        ("email-addr", "a@evil.example"),
    }
    assert ("file:path", "c:\\users\\public") not in features(found)
    roles = {o.feature.value: o.role for o in found.observations}
    assert roles["b@victim.example"] == "victim" and roles["a@evil.example"] == ""


def test_hashes_of_one_file_carry_one_key_and_the_record_is_read_as_before() -> None:
    file = {
        "type": "file",
        "id": sid("file", "f"),
        "name": "q",
        "hashes": {"MD5": MD5, "SHA-1": SHA1},
    }
    both = indicator("i", f"[file:hashes.MD5 = '{MD5}' OR file:hashes.'SHA-256' = '{SHA256}']")
    document = bundle(file, both, report(file, both))
    record = next(r for r in records_of(document, "x") if not isinstance(r, Problem))
    keys = {(o["type"], o.get("file", "")) for o in record["observables"]}
    assert keys == {
        ("file:md5", f"file:sha1:{SHA1}"),
        ("file:sha1", f"file:sha1:{SHA1}"),
        ("file:md5", f"file:sha256:{SHA256}"),
        ("file:sha256", f"file:sha256:{SHA256}"),
        ("file:name", ""),
    }
    made, problems = parse_record(record, "x")
    assert made is not None and problems == [] and made.extra == "{}"


def test_observed_data_of_stix_2_0_holds_its_objects_itself() -> None:
    objects = {
        "0": {"type": "domain-name", "value": "old.example", "resolves_to_refs": ["1"]},
        "1": {"type": "ipv4-addr", "value": "198.51.100.2"},
        "2": {"type": "email-message", "from_ref": "3"},
        "3": {"type": "email-addr", "value": "x@old.example"},
    }
    seen = item("observed-data", "o", first_observed=TIME, last_observed=TIME, objects=objects)
    found = one(seen, report(seen))
    assert features(found) == {
        ("domain-name", "old.example"),
        ("ipv4-addr", "198.51.100.2"),
        ("email-addr", "x@old.example"),
    }
    assert all(o.window and str(o.window.start) == "2016-04-06" for o in found.observations)


def test_what_no_report_names_is_a_record_of_the_bundle() -> None:
    inside, outside = (indicator(n, f"[domain-name:value = '{n}.example']") for n in ("in", "out"))
    (main, rest), problems = read(bundle(inside, outside, report(inside)))
    assert not problems and features(main) == {("domain-name", "in.example")}
    assert features(rest) == {("domain-name", "out.example")}
    assert (rest.id, rest.kind) == (sid("bundle", "test"), "compilation")
    assert rest.title.startswith("STIX bundle ")
    assert rest.published is not None and str(rest.published.end) == "2016-04-06"


def test_bundle_about_one_campaign_is_somebodys_report_and_a_feed_is_not() -> None:
    vendor, campaign = item("identity", "ACME"), item("campaign", "Quay")
    listed = [indicator(str(n), f"[domain-name:value = 'x{n}.example']") for n in range(3)]
    by = {"created_by_ref": vendor["id"]}
    found = one(vendor, campaign | by, *(i | by for i in listed))
    assert (found.kind, found.title, found.publisher) == ("report", "Quay", "ACME")
    assert one(vendor, *(i | by for i in listed)).kind == "compilation"
    other = item("identity", "Other")
    mixed = one(vendor, other, campaign | by, listed[0] | {"created_by_ref": other["id"]})
    assert (mixed.kind, mixed.publisher) == ("compilation", "")


@pytest.mark.parametrize("kind", ["grouping", "incident"])
def test_groupings_and_incidents_are_reports_too(kind: str) -> None:
    i = indicator("i", "[domain-name:value = 'g.example']")
    if kind == "grouping":
        main, more = item(kind, "g", context="suspicious-activity", object_refs=[i["id"]]), []
    else:
        main = item(kind, "g")
        more = [relation(i, "indicates", main)]
    found = one(i, main, *more)
    assert found.id == main["id"] and features(found) == {("domain-name", "g.example")}
    assert found.kind == ("incident" if kind == "incident" else "report")


def test_newest_version_counts_and_revoked_objects_do_not() -> None:
    old = indicator("v", "[domain-name:value = 'old.example']")
    new = old | {
        "pattern": "[domain-name:value = 'new.example']",
        "modified": "2017-01-01T00:00:00Z",
    }
    gone = indicator("g", "[domain-name:value = 'gone.example']", revoked=True)
    for objects in ([old, new, gone], [new, old, gone]):
        reports, problems = read(bundle(*objects, report(old, gone)))
        assert features(reports[0]) == {("domain-name", "new.example")}
        assert "1 objects that their producer revoked" in said(problems)
        assert "1 reports that name objects which are not in the bundle" in said(problems)


def test_bad_objects_are_counted_with_examples_and_the_rest_is_used() -> None:
    good = indicator("good", "[domain-name:value = 'good.example']")
    bad = [
        7,
        None,
        "x",
        [],
        {},
        {"type": "indicator"},
        {"id": "indicator--1"},
        {"type": 3, "id": []},
    ]
    broken = [indicator(f"b{n}", "[domain-name:value = ") for n in range(5)]
    regex = [indicator(f"r{n}", "[process:command_line MATCHES 'x']") for n in range(17)]
    sigma = indicator("s", "title: x", pattern_type="sigma")
    yara = indicator("y", 'rule Quay_Loader : x { strings: $a = "rule No { }" condition: $a }',
                     pattern_type="yara")  # fmt: skip
    lost = {"type": "relationship", "id": sid("relationship", "l"), "source_ref": good["id"]}
    reports, problems = read(bundle(*bad, good, *broken, *regex, sigma, yara, lost))
    assert features(reports[0]) == {("domain-name", "good.example"), ("yara-rule", "Quay_Loader")}
    text = said(problems)
    assert "8 objects without a usable type and id, skipped: 'object 1'" in text
    assert "5 indicators whose pattern cannot be read" in text and "expected, found" in text
    assert "17 indicators with patterns that hold no exact comparison" in text
    assert "process:command_line MATCHES" in text and "not read: 'sigma'" in text
    assert "1 relationships without both ends" in text
    assert len(problems) == 5 and {p.place for p in problems} == {"in.json"}


def test_is_stix_knows_bundles_and_envelopes_and_nothing_else() -> None:
    envelope = {"more": False, "objects": [item("malware", "m")]}
    assert all(map(is_stix, (bundle(), {"type": "bundle", "id": "bundle--1"}, envelope)))
    for other in (
        {"id": "x", "objects": []},
        {"type": "bundle"},
        [],
        None,
        "bundle",
        {"Event": {}},
    ):
        assert not is_stix(other)
