"""CSV: delimiters, quotes, headers in many spellings, MISP pairs, roles and the user's mapping."""

from __future__ import annotations

import pytest

from read_helpers import document, problems, stated
from samehand.read import csvfile

MD5, SHA1, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "a" * 39 + "1", "b" * 63 + "2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_guessed_and_quotes_respected(delimiter: str) -> None:
    rows = [
        ["Domain", "Note"],
        ["evil[.]com", f'"one{delimiter} two"'],
        ['"evil.org"', '"says ""hi"""'],
        ["evil.net", ""],
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    found = document(text, "a.csv")
    assert found.text == text
    assert stated(found) == [
        ("domain-name", "", "evil[.]com"),
        ("domain-name", "", "evil.org"),
        ("domain-name", "", "evil.net"),
    ]
    assert [(b.kind, b.start, b.end) for b in found.blocks] == [("table", 0, len(text))]


@pytest.mark.parametrize(
    ("header", "value", "kind"),
    [
        ("IP", "192.0.2.1", "ipv4-addr"), ("ip address", "192.0.2[.]1", "ipv4-addr"),
        ("dst_ip", "2001:db8::1", "ipv6-addr"), ("ip:port", "192.0.2.1:443", "ipv4-addr:port"),
        ("Domain", "evil.com", "domain-name"), ("HostName", "a.evil[.]com", "domain-name"),
        ("FQDN", "a.evil.com", "domain-name"), ("URL", "hxxp://evil.com/a", "url"),
        ("domain", "hxxps://evil.com", "url"), ("domain", "192.0.2.1", "ipv4-addr"),
        ("MD5", MD5, "file:md5"), ("SHA-1", SHA1, "file:sha1"), 
        ("sha256_hash", SHA256, "file:sha256"),
        ("File Hash", SHA1, "file:sha1"), ("hash", SHA256, "file:sha256"),
        ("FileHash-MD5", MD5, "file:md5"), ("file name", "a.exe", "file:name"),
        ("E-Mail", "a@evil[.]com", "email-addr"), ("Mutex", "Global\\x", "mutex"),
        ("Registry Key", "HKLM\\Software\\x", "windows-registry-key"),
        ("CVE", "CVE-2020-1", "vulnerability"),
        ("User-Agent", "Mozilla/4.0", "user-agent"), ("imphash", MD5, "file:imphash"),
    ],
)  # fmt: skip
def test_headers_in_common_spellings(header: str, value: str, kind: str) -> None:
    assert stated(document(f"{header},Other\n{value},x\n", "a.csv")) == [(kind, "", value)]


def test_misp_export_takes_the_type_from_its_column() -> None:
    text = (
        "uuid,event_id,category,type,value,comment,to_ids,date\n"
        f'"5f-1",7,"Network activity","ip-dst","192.0.2.1","C2 server",1,2020\n'
        f'"5f-2",7,"Payload delivery","filename|sha256","a.exe|{SHA256}","",1,2020\n'
        '"5f-3",7,"External analysis","link","https://v.example/r","",0,2020\n'
        '"5f-4",7,"Other","comment","evil.com is nice","",0,2020\n'
    )
    values = [s for s in stated(document(text, "a.csv")) if s[2] not in ("7", "1", "0", "2020")]
    assert values == [
        ("ipv4-addr", "c2", "192.0.2.1"), ("", "", "5f-1"),
        ("file:name", "", "a.exe"), ("file:sha256", "", SHA256), ("", "", "5f-2"),
        ("url", "reference", "https://v.example/r"), ("", "", "5f-3"),
        ("", "", "evil.com is nice"), ("", "", "5f-4"),
    ]  # fmt: skip


def test_pairs_of_indicator_and_type() -> None:
    text = "Indicator type,Indicator,Description\nIPv4,192.0.2.1,phishing site\nDomain,evil.com,\n"
    assert stated(document(text, "a.csv")) == [
        ("ipv4-addr", "phishing", "192.0.2.1"), ("domain-name", "", "evil.com"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("C2", "c2"), ("C&C server", "c2"), ("command and control", "c2"), ("victim", "victim"),
        ("Phishing page", "phishing"), ("sinkhole", "sinkhole"), ("Download URL", "download"),
        ("legitimate site", "benign"), ("not malicious, not C2", ""), ("C2 of a victim", ""),
        ("something else", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_role_only_where_one_is_clear(words: str, role: str) -> None:
    text = f"domain,description\nevil.com,{words}\n"
    assert stated(document(text, "a.csv")) == [("domain-name", role, "evil.com")]


def test_the_mapping_of_the_user_wins() -> None:
    text = "name,thing\nevil.com,MyMutex\n"
    columns = {"Name": "domain-name", "2": "mutex"}
    assert stated(document(text, "a.csv", columns=columns)) == [
        ("domain-name", "", "evil.com"), ("mutex", "", "MyMutex"),
    ]  # fmt: skip
    text = "md5,x\nnot really,y\n"
    assert stated(document(text, "a.csv", columns={"md5": "mutex"})) == [
        ("mutex", "", "not really")
    ]
    bare = "evil.com,MyMutex\n"
    assert stated(document(bare, "a.csv", columns={"2": "mutex"})) == [("mutex", "", "MyMutex")]


def test_a_mapping_that_cannot_be_followed_lists_what_exists() -> None:
    text = b"name,thing\nevil.com,x\n"
    missing, unknown = problems(text, "a.csv", columns={"nome": "mutex", "thing": "mutexx"})
    assert "no column 'nome'" in missing.message and "'name', 'thing'" in missing.message
    assert "'mutexx'" in unknown.message and "domain-name" in unknown.message
    assert "registered-domain" not in unknown.message  # derived: never written


def test_a_list_without_header_states_nothing_and_comments_may_hold_it() -> None:
    assert stated(document("evil.com,192.0.2.1\nevil.org,192.0.2.2\n", "a.csv")) == []
    text = '# a feed\n# "id","url","note"\n"1","http://evil.com/a","x"\n'
    assert ("url", "", "http://evil.com/a") in stated(document(text, "a.csv"))


def test_ragged_rows_open_quotes_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a,domain\n1\n\n1,one.com,3,4\n"open,two.com\n2,three.com'
    assert [s[2] for s in stated(document(text, "a.csv"))] == ["one.com", "two.com", "three.com"]
    wide = document(
        "domain" + ",x" * 9_000 + "\nevil.com" + "," * 9_000 + "\nevil.org,y\n", "a.csv"
    )
    assert [s[2] for s in stated(wide)] == ["evil.com", "evil.org"]
    assert "more than 4096 cells" in wide.problems[0].message
    monkeypatch.setattr(csvfile, "MAX_CELLS", 6)
    found = document("domain,x\none.com,1\ntwo.com,1\nthree.com,1\n", "a.csv")
    assert [s[2] for s in stated(found)] == ["one.com", "two.com"]
    assert "more than 6 cells" in found.problems[0].message
