"""MISP events into reports: attributes, objects, tags, galaxies; laws; hostile input."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.formats.misp import is_misp, records_of
from samehand.formats.reading import read_json
from samehand.model import Problem, Report
from test_stix import features, said

Item = dict[str, Any]
MD5, SHA1, SHA256 = "a" * 32, "b" * 40, "c" * 64


def uid(name: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(name)))


def attribute(kind: str, value: str, category: str = "Network activity", **fields: Any) -> Item:
    common = {"to_ids": True, "comment": "", "timestamp": "1560000000", "distribution": "5"}
    return {
        "uuid": uid(kind + value),
        "type": kind,
        "value": value,
        "category": category,
        **common,
        **fields,
    }


def thing(name: str, *attributes: Item, **fields: Any) -> Item:
    return {
        "uuid": uid(name),
        "name": name,
        "meta-category": "x",
        "Attribute": list(attributes),
        **fields,
    }


def part(relation: str, kind: str, value: str, **fields: Any) -> Item:
    return attribute(kind, value, object_relation=relation, **fields)


def tags(*names: str) -> list[Item]:
    return [{"name": name, "colour": "#ffffff"} for name in names]


def galaxy(kind: str, *values: str, **meta: Any) -> Item:
    clusters = [
        {"type": kind, "value": v, "meta": meta, "tag_name": f'misp-galaxy:{kind}="{v}"'}
        for v in values
    ]
    return {"type": kind, "name": kind, "GalaxyCluster": clusters}


def event(*attributes: Item, **fields: Any) -> Item:
    common = {"uuid": uid("event"), "info": "Quay thieves", "date": "2019-06-08",
    "distribution": "3",
              "Orgc": {"name": "CERT Harbour", "uuid": uid("org")}}  # fmt: skip
    return {"Event": {**common, "Attribute": list(attributes), **fields}}


def read(document: object, tmp_path: Path) -> tuple[list[Report], list[Problem]]:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(document))
    found = list(read_json(path))
    return [f for f in found if isinstance(f, Report)], [f for f in found if isinstance(f, Problem)]


@pytest.fixture
def one(tmp_path: Path) -> Any:
    """The only report of a document in which everything is understood."""

    def reader(document: object) -> Report:
        reports, problems = read(document, tmp_path)
        assert len(reports) == 1 and not problems, problems
        return reports[0]

    return reader


def test_event_with_its_context_becomes_one_report(one: Any) -> None:
    found = one(
        event(
            attribute("domain", "c2[.]example.com", comment="C2 server"),
            attribute("link", "https://blog.example/quay", "External analysis", to_ids=False),
            Tag=tags('admiralty-scale:source-reliability="b"',
            'admiralty-scale:information-credibility="2"',
                     "tlp:green", 'estimative-language:likelihood-probability="very-likely"',
                     "PAP:RED",
                     'misp-galaxy:sector="Bank"'),
            Galaxy=[
                galaxy("mitre-attack-pattern", "Spearphishing Link - T1566.002",
                external_id=["T1566.002"]),
                galaxy("mitre-malware", "Trojan.Karagany - S0094"), galaxy("malpedia",
                "QuayLoader"),
                galaxy("mitre-intrusion-set", "Lazarus Group - G0032"), galaxy("threat-actor",
                "Lazarus Group"),
                galaxy("target-information", "Japan"), galaxy("country", "andorra", ISO="AD"),
            ],
            EventReport=[{"uuid": uid("r"), "name": "Summary", "content": "They stole quays."}],
            extends_uuid=uid("earlier"),
        )
    )  # fmt: skip
    assert found.id == "misp:" + uid("event")
    assert (found.title, found.publisher, found.kind) == ("Quay thieves", "CERT Harbour", "report")
    assert (found.tlp, found.grade) == ("GREEN", "B2")
    assert found.published is not None and str(found.published.end) == "2019-06-08"
    assert found.text == "Summary\n\nThey stole quays."
    assert set(found.cites) == {"https://blog.example/quay", "misp:" + uid("earlier")}
    assert features(found) == {
        ("domain-name", "c2.example.com"), ("url", "https://blog.example/quay"),
        ("technique", "T1566.002"), ("software", "trojan.karagany"), ("software", "quayloader"),
        ("victim-country", "JP"), ("victim-country", "AD"), ("victim-sector", "bank")}  # fmt: skip
    roles = {o.feature.kind: o.role for o in found.observations}
    assert (roles["domain-name"], roles["url"]) == ("c2", "reference")
    (claim,) = found.claims
    assert (claim.about, claim.actor, claim.words) == (
        "Quay thieves",
        "Lazarus Group",
        "very likely",
    )


ATTRIBUTES = [
    ("ip-src", "198.51.100.1", {("ipv4-addr", "198.51.100.1")}),
    ("ip-dst", "2001:db8::1", {("ipv6-addr", "2001:db8::1")}),
    ("ip-dst|port", "198.51.100.1|443", {("ipv4-addr:port", "198.51.100.1:443")}),
    ("ip-dst", "198.51.100.1/32", {("ipv4-addr", "198.51.100.1")}),
    ("domain|ip", "a.example|198.51.100.1", {("domain-name", "a.example"), ("ipv4-addr",
     "198.51.100.1")}),
    ("ip-dst", "198.51.100.9/24", {("ipv4-addr", "198.51.100.0/24")}),
    ("twitter-id", "@Quay", {("user-account", "twitter:@quay")}),
    ("hostname", "H.example", {("domain-name", "h.example")}),
    ("hostname|port", "h.example|8080", {("domain-name", "h.example")}),
    ("url", "hxxp://a.example/x", {("url", "http://a.example/x")}),
    ("uri", "/gate/in.php", {("url:path", "/gate/in.php")}),
    ("md5", MD5, {("file:md5", MD5)}),
    ("sha512", "d" * 128, {("file:sha512", "d" * 128)}),
    ("imphash", MD5, {("file:imphash", MD5)}),
    ("ssdeep", "3:a:b", {("file:ssdeep", "3:a:b")}),
    ("filename", "Q.exe", {("file:name", "q.exe")}),
    ("filename", "C:\\x\\Q.exe", {("file:path", "c:\\x\\q.exe")}),
    ("filename|sha256", f"a|b.exe|{SHA256}", {("file:name", "a|b.exe"), ("file:sha256", SHA256)}),
    ("malware-sample", f"q.exe|{MD5}", {("file:name", "q.exe"), ("file:md5", MD5)}),
    ("email-src", "A@evil.example", {("email-addr", "a@evil.example")}),
    ("mutex", "Global\\Q", {("mutex", "Global\\Q")}),
    ("named pipe", "\\\\.\\pipe\\quay", {("named-pipe", "quay")}),
    ("regkey", "HKLM\\a\\b", {("windows-registry-key", "hkey_local_machine\\a\\b")}),
    ("regkey|value", "HKLM\\a\\b|x", {("windows-registry-key", "hkey_local_machine\\a\\b")}),
    ("user-agent", "Quay/1", {("user-agent", "Quay/1")}),
    ("AS", "AS64496", {("autonomous-system", "AS64496")}),
    ("vulnerability", "CVE-2019-0708", {("vulnerability", "CVE-2019-0708")}),
    ("yara", "rule Quay { condition: true }", {("yara-rule", "Quay")}),
    ("stix2-pattern", "[mutex:name = 'q']", {("mutex", "q")}),
    ("btc", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
     {("cryptocurrency-wallet", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT")}),
    ("x509-fingerprint-sha1", SHA1, {("x509-certificate:sha1", SHA1)}),
    ("pdb", "C:\\q\\q.pdb", {("pdb-path", "c:\\q\\q.pdb")}),
    ("windows-service-name", "QuaySvc", {("service-name", "quaysvc")}),
    ("target-location", "France", {("victim-country", "FR")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "expected"), ATTRIBUTES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_attribute_types(kind: str, value: str, expected: set[tuple[str, str]], one: Any) -> None:
    assert features(one(event(attribute(kind, value)))) == expected


@pytest.mark.parametrize(
    ("kind", "value", "fields", "role"),
    [
        ("domain", "a.example", {"comment": "C&C"}, "c2"),
        ("domain", "a.example", {"comment": "abc2 server"}, ""),
        ("domain", "a.example", {"comment": "sinkholed, was C2"}, "sinkhole"),
        ("url", "http://a.example/x", {"category": "Payload delivery"}, "download"),
        ("md5", MD5, {"category": "Payload delivery"}, "malware"),
        ("md5", MD5, {"category": "External analysis", "to_ids": False}, ""),
        ("ip-dst", "198.51.100.1", {"category": "Targeting data"}, "victim"),
        ("email-dst", "a@victim.example", {"category": "Payload delivery"}, "victim"),
        ("target-email", "a@victim.example", {"category": "Targeting data"}, "victim"),
        ("link", "http://a.example/x", {"to_ids": False}, "reference"),
        ("url", "http://a.example/x", {"category": "External analysis"}, "reference"),
    ],
)
def test_role_of_an_attribute(kind: str, value: str, fields: Item, role: str, one: Any) -> None:
    found = one(event(attribute(kind, value, **fields)))
    assert [o.role for o in found.observations] == [role]


def test_objects_say_what_belongs_together(tmp_path: Path) -> None:
    file = thing("file", part("md5", "md5", MD5), part("sha256", "sha256", SHA256),
                 part("filename", "filename", "q.exe"), part("fullpath", "text",
                 "C:\\x\\q.exe"))  # fmt: skip
    server = thing(
        "ip-port", part("ip-dst", "ip-dst", "198.51.100.1"), part("dst-port", "port", "443")
    )
    cert = thing("x509", part("serial-number", "text", "00:36:f7"), part("version", "text", "3"))
    mail = thing(
        "email",
        part("to", "email-dst", "v@victim.example"),
        part("from", "email-src", "a@b.example"),
    )
    victim = thing("victim", part("sectors", "text", "shipping"), part("ip-address", "ip-dst",
    "203.0.113.1"),
                   part("regions", "target-location", "NL"))  # fmt: skip
    document = event(Object=[file, server, cert, mail, victim])
    reports, problems = read(document, tmp_path)
    assert features(reports[0]) == {
        ("file:md5", MD5), ("file:sha256", SHA256), ("file:name", "q.exe"), ("file:path",
         "c:\\x\\q.exe"),
        ("ipv4-addr:port", "198.51.100.1:443"), ("x509-certificate:serial", "36f7"),
        ("email-addr", "v@victim.example"), ("email-addr", "a@b.example"), ("ipv4-addr",
         "203.0.113.1"),
        ("victim-sector", "shipping"), ("victim-country", "NL")}  # fmt: skip
    roles = {o.feature.value: o.role for o in reports[0].observations}
    assert (roles["v@victim.example"], roles["a@b.example"], roles["203.0.113.1"]) == (
        "victim",
        "",
        "victim",
    )
    assert "2 attributes of types that are not compared: 'port', 'text'" in said(problems)
    record = next(r for r in records_of(document, "x") if not isinstance(r, Problem))
    keys = {o["type"]: o.get("file", "") for o in record["observables"]}
    assert (
        keys["file:md5"] == keys["file:sha256"] == f"file:sha256:{SHA256}" and not keys["file:name"]
    )


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"first_seen": "2019-05-01T22:14:28.711954+00:00",
         "last_seen": "2019-05-04T00:00:00+00:00"},
         "2019-05-01", "2019-05-04"),
        ({"first_seen": "2019-05-01T00:00:00Z",
          "Sighting": [{"type": "0", "date_sighting": "1560038400"}, {"type": 0,
          "date_sighting": 1559347200}]},
         "2019-05-01", "2019-06-09"),
        ({"Sighting": [{"type": "0", "date_sighting": "1560038400"}]}, "2019-06-08", "2019-06-09"),
        ({"first_seen": "soon", "Sighting": [{"date_sighting": "9" * 5000}]}, "2019-06-08",
         "2019-06-08"),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_window_of_an_attribute(fields: Item, first: str, last: str, one: Any) -> None:
    window = one(event(attribute("domain", "a.example", **fields))).observations[0].window
    assert (str(window.start), str(window.end)) == (first, last) if window else not first


@pytest.mark.parametrize(
    ("fields", "tlp"),
    [
        ({}, "CLEAR"),
        ({"distribution": "0"}, "AMBER"),
        ({"distribution": 1}, "AMBER"),
        ({"distribution": "4"}, "AMBER"),
        ({"distribution": "0", "Tag": tags("tlp:white")}, "CLEAR"),
        ({"Tag": tags("TLP:Amber+Strict", "tlp:green")}, "AMBER+STRICT"),
        ({"Attribute": [attribute("domain", "a.example", Tag=tags("tlp:red"))]}, "RED"),
        ({"Attribute": [attribute("domain", "a.example", distribution="0")]}, "AMBER"),
    ],
)
def test_marking_from_tags_else_from_distribution(fields: Item, tlp: str, one: Any) -> None:
    assert one(event(**fields)).tlp == tlp


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (['estimative-language:likelihood-probability="almost-certain"'], "almost certain"),
        (['estimative-language:likelihood-probability="roughly-even-chance"'], "possible"),
        (['estimative-language:confidence-in-analytic-judgment="moderate"'], "moderate"),
        (['misp:confidence-level="fairly-confident"'], "medium"),
        (['estimative-language:likelihood-probability="unlikely"'], None),
    ],
)
def test_words_of_an_attribution(names: list[str], words: str | None, tmp_path: Path) -> None:
    reports, _ = read(event(Tag=tags('misp-galaxy:threat-actor="Heron"', *names)), tmp_path)
    assert [c.words for c in reports[0].claims] == ([] if words is None else [words])


@pytest.mark.parametrize(
    ("title", "number", "fields", "kind"),
    [
        ("Quay feed", 2, {}, "compilation"),
        ("Daily list of servers", 2, {}, "report"),
        ("Daily list of servers", 501, {}, "compilation"),
        ("Many servers", 501, {}, "report"),
        ("Many servers", 501, {"Tag": tags("type:OSINT")}, "compilation"),
        ("Quay feed", 501, {"Galaxy": [galaxy("malpedia", "Quay")]}, "report"),
        ("Quay feed", 2, {"Object": [thing("mutex", part("name", "text", "m"))]}, "report"),
    ],
)
def test_feeds_are_compilations(title: str, number: int, fields: Item, kind: str, one: Any) -> None:
    listed = [attribute("domain", f"x{n}.example") for n in range(number)]
    assert one(event(*listed, info=title, **fields)).kind == kind


def test_what_cannot_be_used_is_summed(tmp_path: Path) -> None:
    odd = [attribute("ja3-fingerprint-md5", MD5), attribute("comment", "x"), attribute("comment",
    "y"),
           attribute("yara", "no rule"), attribute("", "x"), attribute("md5",
               "abc")]  # fmt: skip
    gone = attribute("domain", "gone.example", deleted=True)
    document = event(*odd, gone, attribute("domain", "a.example"), Tag=tags("tlp:ex:chr"))
    reports, problems = read([document, {"Event": {"info": "no id"}}, {"response": [7]}], tmp_path)
    assert features(reports[0]) == {("domain-name", "a.example")} and reports[0].tlp == "RED"
    text = said(problems)
    assert "3 attributes of types that are not compared: 'comment', 'ja3-fingerprint-md5'" in text
    assert "1 attributes without an exact value of their type: 'yara'" in text
    assert "1 attributes without a type and a value" in text and "abc" in text
    assert "1 markings that TLP does not know, taken as TLP:RED" in text
    assert "1 events without a UUID" in text and "1 parts that are no event" in text


@pytest.mark.parametrize("seed", range(5))
def test_order_and_repetition_change_nothing(seed: int, tmp_path: Path) -> None:
    attributes = [attribute(kind, value) for kind, value, _ in ATTRIBUTES]
    galaxies = [galaxy("threat-actor", "Heron", "Crane"), galaxy("malpedia", "Quay", "Dock")]
    things = [
        thing("file", part("md5", "md5", MD5), part("sha1", "sha1", SHA1)),
        thing("mutex", part("name", "text", "m")),
    ]
    expected = read(event(*attributes, Object=things, Galaxy=galaxies), tmp_path)
    rng = Random(seed)
    for items in (attributes, galaxies, things):
        items += items
        rng.shuffle(items)
    assert read(event(*attributes, Object=things, Galaxy=galaxies), tmp_path)[0] == expected[0]


def test_large_event_is_read_in_seconds(tmp_path: Path) -> None:
    started = time.process_time()
    reports, _ = read(
        event(*(attribute("domain", f"x{n}.example") for n in range(30_000))), tmp_path
    )
    assert len(reports[0].observations) == 30_000 and time.process_time() - started < 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**62) | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["tlp:red", 'misp-galaxy:threat-actor="x"', "domain|ip", "filename|md5",
    uid(1)]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["Event", "response", "Attribute", "Object", "Tag", "name", "type",
        "value", "info",
                         "uuid", "Galaxy", "GalaxyCluster", "Orgc", "meta", "Sighting"]), inner,
                         max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_any_json_is_read_without_raising(document: object) -> None:
    is_misp(document)
    for shape in (document, {"Event": document}, event(Attribute=document), event(Object=document)):
        list(records_of(shape, "x"))


@given(st.data())
def test_damaged_events_are_read_without_raising(data: st.DataObject) -> None:
    document = json.loads(json.dumps(event(
        *(attribute(kind, value, Sighting=[{"type": "0"}]) for kind, value, _ in ATTRIBUTES[:6]),
        Object=[thing("file", part("md5", "md5", MD5)), thing("victim", part("sectors", "text",
        "x"))],
        Galaxy=[galaxy("threat-actor", "Heron", country=["x"]), galaxy("country", "japan", ISO=3)],
        Tag=tags("tlp:green", 'misp-galaxy:sector="x"'))))["Event"]  # fmt: skip
    for _ in range(data.draw(st.integers(1, 6))):
        target: Any = document
        while isinstance(target, dict | list) and target:
            key: Any = data.draw(
                st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target)))
            )
            if not isinstance(target[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                target[key] = data.draw(JSON)
                break
            target = target[key]
    list(records_of({"Event": document}, "x"))
