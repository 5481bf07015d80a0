"""What is read from a text: all ways of defanging, what a format states, hashes of one file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from extract_helpers import Value, block, mentions, roles, stated, values
from samehand.extract.observables import extract
from samehand.read.document import Block, Document, Stated

# ------------------------------------------------------------------------------------- defanging

#: Hosts as written and their canonical form (IDNA: RFC 5891; Punycode of "ü" as in RFC 3492).
HOSTS: dict[str, Value] = {
    "evil.com": ("domain-name", "evil.com"),
    "update.evil-site.net": ("domain-name", "update.evil-site.net"),
    "a1.b2.cdn-mirror.org": ("domain-name", "a1.b2.cdn-mirror.org"),
    "EVIL.COM": ("domain-name", "evil.com"),
    "münchen.de": ("domain-name", "xn--mnchen-3ya.de"),
    "_dmarc.evil-site.net": ("domain-name", "_dmarc.evil-site.net"),
    "203.0.113.7": ("ipv4-addr", "203.0.113.7"),
    "8.26.56.26": ("ipv4-addr", "8.26.56.26"),
}
#: Ways to write each dot.
DOTS: dict[str, Callable[[str], str]] = {
    "plain": lambda host: host,
    "square": lambda host: host.replace(".", "[.]"),
    "round": lambda host: host.replace(".", "(.)"),
    "curly": lambda host: host.replace(".", "{.}"),
    "angle": lambda host: host.replace(".", "<.>"),
    "mixed": lambda host: host.replace(".", "[.)"),
    "doubled": lambda host: host.replace(".", "[[.]]"),
    "blanks-inside": lambda host: host.replace(".", "[ . ]"),
    "blanks-around": lambda host: host.replace(".", " [.] "),
    "word-square": lambda host: host.replace(".", "[dot]"),
    "word-round": lambda host: host.replace(".", "(dot)"),
    "word-curly": lambda host: host.replace(".", "{dot}"),
    "word-capitals": lambda host: host.replace(".", "[DOT]"),
    "word-zero": lambda host: host.replace(".", "[d0t]"),
    "word-german": lambda host: host.replace(".", "[punkt]"),
    "half-open": lambda host: host.replace(".", "[."),
    "half-shut": lambda host: host.replace(".", ".]"),
    "backslash": lambda host: host.replace(".", "\\."),
    "backslashes": lambda host: host.replace(".", "\\\\."),
    "first": lambda host: host.replace(".", "[.]", 1),
    "last": lambda host: "[.]".join(host.rsplit(".", 1)),
    "line-break": lambda host: host.replace(".", "[.\n]"),
    "fullwidth": lambda host: host.replace(".", "\uff0e"),
    "ideographic-brackets": lambda host: host.replace(".", "\u3010.\u3011"),
    "zero-width": lambda host: host.replace(".", "\u200b.\u2060"),
    "soft-hyphen": lambda host: host[:2] + "\u00ad" + host[2:],
}


@pytest.mark.parametrize("way", DOTS)
@pytest.mark.parametrize("host", HOSTS)
def test_every_way_of_defanging_a_host_gives_its_plain_form(host: str, way: str) -> None:
    text = f"The sample talks to {DOTS[way](host)} every day."
    assert values(text) == {HOSTS[host]}


#: Ways to write the scheme "http://".
SCHEMES = (
    "http://", "hxxp://", "hXXp://", "HXXP://", "h**p://", "htxp://", "hxtp://", "meow://",
    "http[:]//", "hxxp[:]//", "hxxp[://]", "hxxp:[//]", "hxxp(:)//", "hxxp :// ",
)  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("way", ["plain", "square", "round", "word-square", "half-open", "first"])
def test_every_way_of_defanging_a_url_gives_its_plain_form(scheme: str, way: str) -> None:
    for host, (_, value) in HOSTS.items():
        text = f"It loads {scheme}{DOTS[way](host)}/a/b.php?id=7 at start."
        assert values(text) == {("url", f"http://{value}/a/b.php?id=7")}, text


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("hxxps://evil[.]com/x", "https://evil.com/x"),
        ("hxxps[:]//evil[.]com:8443/x", "https://evil.com:8443/x"),
        ("fxp://evil[.]com/x", "ftp://evil.com/x"),
        ("hxxp://evil[.]com/a[.]php", "http://evil.com/a.php"),
        ("hxxp://evil[.]com[/]a[/]b", "http://evil.com/a/b"),
        ("hxxp://user@evil[.]com/x", "http://evil.com/x"),
        ("hxxp://[2001:db8::7]/x", "http://[2001:db8::7]/x"),
        ("HTTP://EVIL.com/Path", "http://evil.com/Path"),
        ("tcp://evil[.]com:4444", "tcp://evil.com:4444"),
    ],
)
def test_url_that_is_more_than_host_and_path(raw: str, value: str) -> None:
    assert values(f"It loads {raw} at start.") == {("url", value)}


#: Ways to write the at sign of a name that a dotted host follows.
ATS = ("@", "[@]", "(@)", "{@}", "<@>", "[at]", "(at)", " [at] ", " (at) ", "[AT]", "@]", "[@")


@pytest.mark.parametrize("at", ATS)
@pytest.mark.parametrize("dot", [".", "[.]", "(dot)"])
def test_every_way_of_defanging_a_mail_address_gives_its_plain_form(at: str, dot: str) -> None:
    text = f"It was sent by john.doe+x{at}mail{dot}evil{dot}com on Monday."
    assert values(text) == {("email-addr", "john.doe+x@mail.evil.com")}


def test_words_spell_a_mail_address_only_if_they_spell_its_dot() -> None:
    assert values("Write to john at evil dot com now.") == {("email-addr", "john@evil.com")}
    assert values("It moved from first.com at second.com last year.") == {
        ("domain-name", "first.com"),
        ("domain-name", "second.com"),
    }


# ---------------------------------------------------------------------------- places in the text


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("😀😀 see evil[.]com now", "evil[.]com"),
        ("a\u200bb see ev\u200bil[.]com now", "ev\u200bil[.]com"),
        ("\ufeffsee evil\u00ad.com\u200b now", "evil\u00ad.com"),
        ("see\u00a0\u00a0evil.com\u00a0now", "evil.com"),
        ("\ud800 broken \udfff see evil.com", "evil.com"),
        ("\x00\x0bsee evil.com", "evil.com"),
        ("日本語の文。evil[.]com を見た", "evil[.]com"),
        ("e\u0301te\u0301 evil.com", "evil.com"),
    ],
)
def test_places_are_those_of_the_text_as_given(text: str, raw: str) -> None:
    (found,) = mentions(text)
    assert (found.feature.value, found.raw) == ("evil.com", raw)
    assert found.start == text.index(raw) and found.end == found.start + len(raw)


def test_pages() -> None:
    text = "evil.com\nsecond.com\nthird.com"
    pages = (0, text.index("second"), text.index("third"))
    assert [m.page for m in mentions(text, pages=pages)] == [1, 2, 3]
    assert [m.page for m in mentions(text)] == [None] * 3


def test_nothing_in_nothing() -> None:
    for text in ("", " ", "\n", "\u200b", "\ud800", ".", "The cat sat on the mat."):
        assert mentions(text) == ()


# ------------------------------------------------------------------------ what the format states


def test_stated_value_wins_over_what_would_be_found() -> None:
    text = "name,note\nsetup.exe,plain\n"
    found = mentions(text, stated=(stated(text, "setup.exe", "mutex"),))
    assert [(m.feature.kind, m.feature.value) for m in found] == [("mutex", "setup.exe")]


def test_stated_value_wins_over_a_longer_one_around_it() -> None:
    text = "see http://evil.com/path here"
    assert values(text, stated=(stated(text, "evil.com", "domain-name", "c2"),)) == {
        ("domain-name", "evil.com")
    }


def test_stated_value_is_made_canonical_and_keeps_its_role() -> None:
    text = "host;EVIL[.]com\n"
    (found,) = mentions(text, stated=(stated(text, "EVIL[.]com", "domain-name", "sinkhole"),))
    assert (found.feature.value, found.raw, found.role) == ("evil.com", "EVIL[.]com", "sinkhole")


def test_stated_nothing_silences_what_would_be_found() -> None:
    text = "id,value\nnot-this.com,evil.com\n"
    assert values(text, stated=(stated(text, "not-this.com", ""),)) == {("domain-name", "evil.com")}
    whole = Stated(0, len(text), "")
    assert values(text, stated=(whole,)) == set()
    assert values(text, stated=(whole, stated(text, "evil.com", "domain-name"))) == set()


def test_stated_value_that_is_none_of_its_type_leaves_what_is_found() -> None:
    text = "hash\nevil.com\n"
    assert values(text, stated=(stated(text, "evil.com", "file:md5"),)) == {
        ("domain-name", "evil.com")
    }
    assert values(text, stated=(stated(text, "evil.com", "no-such-type"),)) == {
        ("domain-name", "evil.com")
    }


# ---------------------------------------------------------------------------------- one of these


def test_plain_name_that_is_written_defanged_elsewhere_is_a_host() -> None:
    assert values("Run bash.so first.") == {("file:name", "bash.so")}
    assert ("domain-name", "bash.so") in values("C2: bash[.]so. Later bash.so again.")


def test_numbers_are_an_address_only_without_a_word_for_versions() -> None:
    assert values("upgraded to version 10.1.2.3 today") == set()
    assert values("the server 10.1.2.3 today") == {("ipv4-addr", "10.1.2.3")}
    assert values("OID 1.3.6.1.4.1.311 is no address") == set()
    assert values("256.1.1.1 and 1.2.3 and 01.2.3.4 are none") == set()
    assert values("range 198.51.100.0/24 was seen") == {("ipv4-addr", "198.51.100.0/24")}
    assert values("at 198.51.100.9:443 today") == {("ipv4-addr:port", "198.51.100.9:443")}


def test_numbers_too_long_for_an_integer_are_none() -> None:
    assert values("9" * 5000 + ".1.1.1 and 1." + "9" * 5000 + ".1.1") == set()


def test_a_name_of_too_many_labels_is_none() -> None:
    assert values("see " + "a." * 200 + "com now") == set()
    assert values("see http://" + "A." * 200 + "com now") == set()


def test_the_first_two_of_a_name_that_prose_continues() -> None:
    assert values("It resolved evil.com.The host is down.") == {("domain-name", "evil.com")}


def test_heading_needs_its_whole_line() -> None:
    """A line that begins with "indicators" and goes on for long is a sentence, no heading."""
    long = "Indicators of c2 traffic that we describe in this very long sentence " + "and on " * 12
    text = f"{long}\nevil-one[.]com\n"
    assert mentions(text)[0].role == "indicator"
    assert mentions("C2 domains\nevil-one[.]com\n")[0].role == "c2"


# ------------------------------------------------------------------------------ hashes of a file

MD5 = [f"{i}a79a4d60de6718e8e5b326e338ae53{i}" for i in range(10)]
SHA1 = [f"{i}c1a5bd9a7ed1aa1e8b7ec1a5c4dcd4a3b2f0e9{i}"[:40] for i in range(10)]
SHA256 = [
    f"{i}9c1b74d6f0a8e35b2c4d7f90a1e6b8c3d5f7092a4c6e8b0d1f3a5c7e9b2d4f6{i}"[:64] for i in range(9)
]


def files(text: str, blocks: tuple[Block, ...] = ()) -> dict[str, str]:
    """For each hash of a text the key of its file."""
    return {
        m.feature.value: m.file
        for m in extract(Document("test", "text", text, blocks=blocks))
        if m.feature.kind.startswith("file:")
    }


def test_lengths_of_the_hashes() -> None:
    assert {len(h) for h in MD5} == {32} and {len(h) for h in SHA1} == {40}
    assert {len(h) for h in SHA256} == {64}


def together(*hashes: str) -> bool:
    """Whether hashes alone in a text, one entry, are of one file."""
    keys = files("\n".join(hashes))
    return len(set(keys.values())) == 1 and "" not in keys.values()


def test_hashes_of_one_line_are_of_one_file() -> None:
    lines = [f"{MD5[i]} {SHA1[i]} {SHA256[i]}" for i in range(3)]
    for sep in ("\n", "\n\n", "\r\n"):
        assert files(sep.join(lines)) == {
            h: f"file:sha256 {SHA256[i]}" for i in range(3) for h in (MD5[i], SHA1[i], SHA256[i])
        }


def test_hashes_of_one_row_of_a_table_are_of_one_file() -> None:
    rows = "\n".join(f"| bad{i}.exe | {MD5[i]} | {SHA1[i]} |" for i in range(3))
    text = f"| name | md5 | sha1 |\n|---|---|---|\n{rows}\n"
    keys = files(text, (block(text, text, "table"),))
    for i in range(3):
        assert keys[MD5[i]] == keys[SHA1[i]] == f"file:sha1 {SHA1[i]}"


def test_hashes_of_an_entry_over_lines_are_of_one_file() -> None:
    entry = "MD5: {}\nSHA-1: {}\nSHA-256: {}\n"
    for sep in ("", "\n"):
        text = sep.join(entry.format(MD5[i], SHA1[i], SHA256[i]) for i in range(3))
        assert files(text) == {
            h: f"file:sha256 {SHA256[i]}" for i in range(3) for h in (MD5[i], SHA1[i], SHA256[i])
        }


def test_a_list_of_md5_and_then_a_list_of_sha1_are_no_pairs() -> None:
    for sep in ("\n", "\n\n", "\nSHA1:\n", "\n\nSHA-1 hashes\n\n"):
        for count in (2, 3, 9):
            text = "\n".join(MD5[:count]) + sep + "\n".join(SHA1[:count])
            assert set(files(text).values()) == {""}, text


def test_lists_of_different_length_are_no_pairs() -> None:
    assert set(files("\n".join([MD5[0], *SHA1[:3]])).values()) == {""}
    assert set(files("\n".join([*MD5[:3], SHA1[0]])).values()) == {""}


def test_two_hashes_of_one_kind_on_a_line_tell_nothing() -> None:
    assert set(files(f"{MD5[0]} {MD5[1]} {SHA1[0]}").values()) == {""}


def test_a_gap_parts_hashes() -> None:
    assert together(MD5[0], SHA1[0])
    assert set(files(f"{MD5[0]}\n\n{SHA1[0]}").values()) == {""}
    assert set(files(f"{MD5[0]} {'word ' * 40}{SHA1[0]}").values()) == {""}


def test_a_hash_alone_has_no_file_and_hashes_that_only_resemble_name_none() -> None:
    assert files(MD5[0]) == {MD5[0]: ""}
    fuzzy = "3072:AbCdEfGhIjKlMnOpQrStUvWx:YzAbCdEfGh"
    imphash = f"imphash: {MD5[1]}"
    assert set(files(f"ssdeep: {fuzzy}\n{imphash}").values()) == {""}
    assert set(files(f"{MD5[0]}\nssdeep: {fuzzy}").values()) == {f"file:md5 {MD5[0]}"}


def test_one_file_listed_twice_has_one_key() -> None:
    entry = f"{MD5[0]} {SHA256[0]}"
    text = f"{entry}\n\nAnd once more, in the table of samples that follows here:\n\n{entry}\n"
    found = [m.file for m in mentions(text) if m.feature.kind.startswith("file:")]
    assert found == [f"file:sha256 {SHA256[0]}"] * 4


def test_role_of_the_text_is_not_lost_with_two_blocks_inside_a_table() -> None:
    """The innermost block around a place, also behind many others inside the same table."""
    parts = "".join(f"code{i} " for i in range(9))
    text = f"{parts}\nevil.com\n"
    inner = tuple(block(text, f"code{i}", "code") for i in range(9))
    table = block(text, text, "table")
    (found,) = mentions(text, blocks=tuple(sorted((*inner, table), key=lambda b: b.start)))
    assert found.batch == "table@0"
    assert roles(text) == {"evil.com": ["indicator"]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kaspersky calls it Backdoor.Win32.Turla.cd and Trojan.MSIL.Agent.is", []),
        ("versions 14.x through 17.x before 17.0.0.169 on Windows", []),
        ("a fork of the open source tool, 1.2.0.0, was used", []),
        ("it answers with an IPv4 address of 35.0.0.0", ["35.0.0.0"]),
        ("\n**1.2.1.1** [**Socat**](#s)\n", []),
        (
            "blocked 82.10.0.0/16 and 5.9.0.0-5.9.255.255",
            ["5.9.0.0", "5.9.255.255", "82.10.0.0/16"],
        ),
    ],
)
def test_names_of_detections_versions_and_sections_are_no_hosts(
    text: str, found: list[str]
) -> None:
    mentions = extract(Document("a.txt", "text", text))
    assert sorted(m.feature.value for m in mentions if "file" not in m.feature.kind) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            r'add "HKLM\SOFTWARE\Policies\Microsoft\Windows Defender\Real-Time Protection" /v x',
            r"hkey_local_machine\software\policies\microsoft\windows defender\real-time protection",
        ),
        (
            r"the key HKLM\SOFTWARE\Classes\CLSID\{6fd0637b-85c6-d3a9-cce9-65a3f73aded9}).",
            r"hkey_local_machine\software\classes\clsid\{6fd0637b-85c6-d3a9-cce9-65a3f73aded9}",
        ),
        (r'dropped as "C:\Users\Public\My Update.exe" and run', r"c:\users\public\my update.exe"),
        (
            r'runs "C:\Windows\System32\rundll32.exe foo.dll,Run" then',
            r"c:\windows\system32\rundll32.exe",
        ),
        ("a service named ‘WinDefService’", "windefservice"),
        ("an online service called JavaScript Obfuscator1", None),
        (r"files in AppData\Local\Temp are read", None),
        (r"the mutex Global\XYZ-12 is made", r"Global\XYZ-12"),
        (
            "User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64) like GeckoHost: update.evil-x.com",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) like Gecko",
        ),
    ],
)
def test_keys_paths_and_names_end_where_they_end(text: str, expected: str | None) -> None:
    kinds = ("windows-registry-key", "file:path", "service-name", "mutex", "user-agent")
    found = [
        m.feature.value for m in extract(Document("a.txt", "text", text)) if m.feature.kind in kinds
    ]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the key was “736769476A5162373558736B71703962”", []),
        (
            "MD5 of the file is 736769476A5162373558736B71703962",
            ["736769476a5162373558736b71703962"],
        ),
        (
            "see kernel-drivers.[net] and a link.[Net](http://x.org/)",
            ["kernel-drivers.net", "http://x.org"],
        ),
        ("[198][.][54][.][117][.][200]", ["198.54.117.200"]),
        ("5[.]45[.]64[.]0[/]21", ["5.45.64.0/21"]),
        ("GET [https]://mirror.pkg-night[.]com/simple/", ["https://mirror.pkg-night.com/simple/"]),
        ("a[.]me/b[.]me", ["a.me", "b.me"]),
        ("Face::Add and Bead::Feed", []),
        ("versions 5.3.0.12, 5.3.0.14 and 5.4.1.2 of it", []),
        ("the IP addresses 5.3.0.12, 5.3.0.14 and 5.4.1.2", ["5.3.0.12", "5.3.0.14", "5.4.1.2"]),
        ("extension 2.5.29.15", []),
        ('CreateMutexA(NULL, TRUE, "zz__once__88")', ["zz__once__88"]),
        ('sc create "NetTcpCache" start= auto', ["nettcpcache"]),
        ("schtasks /create /tn Updater7 /sc daily", ["updater7"]),
        ("C:/Windows/Temp/~df3c.tmp", [r"c:\windows\temp\~df3c.tmp"]),
        (r"copies to \\HOST\ADMIN$\psexesvc7.exe now", [r"\\host\admin$\psexesvc7.exe"]),
    ],
)
def test_forms_that_a_first_version_missed(text: str, found: list[str]) -> None:
    assert [m.feature.value for m in extract(Document("a.txt", "text", text))] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "https://www.virustotal.com/gui/file/" + "0408a819eb82dca5012ccc522c51678b" * 2 + "/x",
            ["url", "file:sha256"],
        ),
        ("https://attack.mitre.org/techniques/T1055/012/", ["url", "technique"]),
        ("https://t.me/DataVault_Leaks since", ["url", "user-account"]),
        ("https://example.org/gui/file/" + "0408a819eb82dca5012ccc522c51678b" * 2, ["url"]),
    ],
)
def test_what_the_address_of_a_known_site_names_is_found_inside_it(
    text: str, found: list[str]
) -> None:
    mentions = extract(Document("a.txt", "text", text))
    assert [m.feature.kind for m in mentions] == found
    for inner in mentions[1:]:
        assert mentions[0].start < inner.start < inner.end <= mentions[0].end


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "该样本回连域名update.tencent-cdn.top解析到43.129.72.18，端口",
            ["update.tencent-cdn.top", "43.129.72.18"],
        ),
        (
            '"Hosts:\\r\\n\\t193.42.36.110\\r\\n\\tnode7.fastrelay.pw"',
            ["193.42.36.110", "node7.fastrelay.pw"],
        ),
        (r"ParentImage|endswith: '\rundll32.exe'", []),
        ("moved to 23.106.122.47¹.", ["23.106.122.47"]),
        (
            "CVE-2021-26855, -26857 and -27065",
            ["CVE-2021-26855", "CVE-2021-26857", "CVE-2021-27065"],
        ),
        ("tags: attack.t1218.011", ["T1218.011"]),
        ("a LaserJet T1120 printer", []),
        ("uses T1120 (MITRE ATT&CK)", ["T1120"]),
        ("2a02[:]4780[:]8[:]b12[::]1f", ["2a02:4780:8:b12::1f"]),
        ("key de:ad:be:ef:00:11:22:33", []),
        ("mask 255.255.255.0", []),
        ("FileVersion   2.3.0.4", []),
        ("The Windows update client reached out to 45.9.148.7", ["45.9.148.7"]),
        ('"rule.id": 1', []),
        ("%s%04d.com", []),
    ],
)
def test_forms_of_the_third_set(text: str, found: list[str]) -> None:
    mentions = extract(Document("a.txt", "text", text))
    assert [m.feature.value for m in mentions if m.feature.kind != "file:name"] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("They paid 3.120.250.100 rupiah.", set()),
        ("The C2 server 45.120.25.10 bytes back.", {("ipv4-addr", "45.120.25.10")}),
        ("It meets AS9120 and runs on AS400.", set()),
        ("Hosted in the autonomous system AS9120.", {("autonomous-system", "AS9120")}),
    ],
)
def test_amounts_and_norms_are_neither_addresses_nor_networks(
    text: str, found: set[tuple[str, str]]
) -> None:
    assert values(text) == found


@pytest.mark.parametrize("next_line", ["other-evil.de", "other-evil.com", "b.example.fr/x"])
def test_a_host_on_the_next_line_is_no_part_of_the_url(next_line: str) -> None:
    url = "http://" + "a" * 40 + ".example.net/get/" + "b" * 30 + "/"
    found = values(f"{url}\n{next_line}\n")
    assert ("url", url) in found
    assert any(next_line.partition("/")[0] in value for kind, value in found - {("url", url)})
