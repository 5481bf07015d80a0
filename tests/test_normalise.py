"""Canonical forms: idempotent for every type, and equal to the vectors of the specifications."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.compare.profile import derive
from samehand.config import types_table
from samehand.model import Feature
from samehand.normalise import (
    canonical,
    is_address,
    is_special_address,
    name_key,
    refang,
    technique,
)

KINDS = sorted(name for name, row in types_table().items() if not row.derived)

words = st.text("abcXYZ059-_.%~", min_size=1, max_size=12)
host = st.from_regex(
    r"[A-Za-z][A-Za-z0-9-]{0,8}[A-Za-z0-9](\.|\[\.\])[Cc][Oo][Mm]\.?", fullmatch=True
)
four = st.tuples(*[st.integers(0, 255)] * 4)
address = st.builds(
    lambda n, dot: dot.join(map(str, n)), four, st.sampled_from([".", "[.]", "(.)"])
)
path = st.lists(words, max_size=3).map("/".join)


def hexes(digits: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdefABCDEF", min_size=digits, max_size=digits)


#: Values that are well formed; the general text below covers what is not.
GOOD: dict[str, st.SearchStrategy[str]] = {
    "domain-name": host | st.sampled_from(["bücher.example", "例え.テスト", "faß.de"]),
    "ipv4-addr": address,
    "ipv6-addr": st.ip_addresses(v=6).map(str),
    "ipv4-addr:port": st.builds("{}:{}".format, address, st.integers(1, 65535)),
    "url": st.builds(
        "{}{}{}/{}{}".format,
        st.sampled_from(["", "http://", "HXXPS://", "hxxp[:]//", "ftp://"]),
        host | address,
        st.sampled_from(["", ":80", ":443", ":8080"]),
        path,
        st.sampled_from(["", "?q=1", "#top", "?", "?a#b"]),
    ),
    "url:path": path.filter(lambda p: p.strip().strip("/") != ""),
    "email-addr": st.builds(
        "{}{}{}".format,
        st.from_regex(r"[A-Za-z0-9._]{1,8}", fullmatch=True),
        st.sampled_from(["@", "[@]", "[at]"]),
        host,
    ),
    "file:md5": hexes(32),
    "file:sha1": hexes(40),
    "file:sha256": hexes(64),
    "file:sha512": hexes(128),
    "file:imphash": hexes(32),
    "x509-certificate:sha1": hexes(40),
    "x509-certificate:serial": hexes(16).filter(lambda h: h.strip("0") != ""),
    "file:path": st.lists(words, min_size=1, max_size=4).map("\\".join),
    "windows-registry-key": st.builds("{}\\{}".format, st.sampled_from(["HKLM", "hkcu"]), words),
    "cryptocurrency-wallet": hexes(40).map("0x{}".format),
    "autonomous-system": st.integers(0, 2**32 - 1).map("as{}".format),
    "vulnerability": st.integers(1000, 999999).map("cve-2021-{}".format),
}


def again_is_the_same(kind: str, raw: str) -> bool:
    """Checks idempotence; `False` if the value is not one of its type."""
    try:
        once = canonical(kind, raw)
    except ValueError:
        return False
    assert once.kind == kind and once.value
    assert canonical(kind, once.value) == once
    return True


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_well_formed_value_is_taken_and_its_canonical_form_is_stable(kind: str) -> None:
    taken = []

    @settings(max_examples=60)
    @given(GOOD[kind])
    def check(raw: str) -> None:
        taken.append(again_is_the_same(kind, raw))

    check()
    assert sum(taken) >= 0.8 * len(taken)


@pytest.mark.parametrize("kind", KINDS)
def test_canonical_form_of_any_text_is_stable(kind: str) -> None:
    @settings(max_examples=80)
    @given(st.text(max_size=20) | st.text("aB.:/\\[]()@x0-% \t\u200bİſK", max_size=12))
    def check(raw: str) -> None:
        again_is_the_same(kind, raw)

    check()


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_what_follows_from_a_value_is_canonical_too(kind: str) -> None:
    @settings(max_examples=40)
    @given(GOOD[kind])
    def check(raw: str) -> None:
        try:
            feature = canonical(kind, raw)
        except ValueError:
            return
        for derived in derive(feature):
            if not types_table()[derived.kind].derived:
                assert canonical(derived.kind, derived.value) == derived

    check()


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("windows-registry-key", "\\ HKLM\\Run"),
        ("url:path", "/a\\\\.b"),
        ("url", "http://a.com/t[[.\t"),
        ("mutex", "\\\\.\\pipe\\x"),
    ],
)
def test_canonical_form_of_odd_values_is_stable(kind: str, raw: str) -> None:
    assert again_is_the_same(kind, raw)
    assert refang(refang(raw)) == refang(raw)


@settings(max_examples=100)
@given(st.text("htxp[]().:/@ adotDOT{}*", max_size=25) | GOOD["url"] | GOOD["email-addr"])
def test_refanging_twice_changes_nothing_more(raw: str) -> None:
    assert refang(refang(raw)) == refang(raw)


#: (type, as written, canonical); the source of each group stands above it.
VECTORS = [
    # RFC 5952, sections 2.1, 4.1, 4.2.1 to 4.2.3 and 4.3.
    ("ipv6-addr", "2001:0db8::0001", "2001:db8::1"),
    ("ipv6-addr", "2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
    ("ipv6-addr", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("ipv6-addr", "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("ipv6-addr", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("ipv6-addr", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    (
        "ipv6-addr",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa",
    ),
    ("ipv6-addr", "[2001:DB8::1]", "2001:db8::1"),
    # RFC 3986, section 6.2.2.1 (case) and 6.2.3 (scheme-based; all four are one address).
    ("url", "HTTP://www.EXAMPLE.com/", "http://www.example.com"),
    ("url", "http://example.com", "http://example.com"),
    ("url", "http://example.com/", "http://example.com"),
    ("url", "http://example.com:/", "http://example.com"),
    ("url", "http://example.com:80/", "http://example.com"),
    ("url", "https://example.com:443/A/b?Q=1#F", "https://example.com/A/b?Q=1#F"),
    ("url", "http://example.com:443/A", "http://example.com:443/A"),
    ("url", "http://[2001:DB8::0:1]:8080/x", "http://[2001:db8::1]:8080/x"),
    # EIP-55: the check by letter case says nothing about the address.
    (
        "cryptocurrency-wallet",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    ),
    (
        "cryptocurrency-wallet",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x52908400098527886e0f7030069857d2e4169ee7",
    ),
    (
        "cryptocurrency-wallet",
        "0xde709f2102306220921060314715629080e2fb77",
        "0xde709f2102306220921060314715629080e2fb77",
    ),
    # Base58 tells letter cases apart (the address of Bitcoin's first block).
    (
        "cryptocurrency-wallet",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    ),
    # BIP-173, test vectors: all capitals (as in QR codes) is the same address.
    (
        "cryptocurrency-wallet",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ),
    # RFC 5891/5892 and UTS 46, non-transitional.
    ("domain-name", "Bücher.example", "xn--bcher-kva.example"),
    ("domain-name", "faß.de", "xn--fa-hia.de"),
    ("domain-name", "例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ("domain-name", "例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ("domain-name", "XN--BCHER-KVA.Example.", "xn--bcher-kva.example"),
    # Defanged as reports print them.
    ("domain-name", "evil[.]example[.]com", "evil.example.com"),
    ("domain-name", "evil(dot)example{.}com", "evil.example.com"),
    ("domain-name", "evil[dot]example[.com", "evil.example.com"),
    ("domain-name", "evil\\.example.com", "evil.example.com"),
    ("domain-name", "evil.exam\u200bple.com", "evil.example.com"),
    ("url", "hxxp://evil[.]example/a.php", "http://evil.example/a.php"),
    ("url", "hXXps[:]//evil[.]example/a", "https://evil.example/a"),
    ("url", "hxxp[://]evil.example", "http://evil.example"),
    ("url", "meow://evil.example/x", "http://evil.example/x"),
    ("url", "fxp://evil[.]example/x", "ftp://evil.example/x"),
    ("ipv4-addr", "91[.]2(.)3[.]4", "91.2.3.4"),
    ("ipv4-addr:port", "91[.]2.3[.]4:0443", "91.2.3.4:443"),
    ("email-addr", "Some.One[at]Mail[.]Example[.]com", "some.one@mail.example.com"),
    ("email-addr", "a[@]b[.]example", "a@b.example"),
    # The rest by hand from types.toml.
    ("file:md5", " D41D8CD98F00B204E9800998ECF8427E ", "d41d8cd98f00b204e9800998ecf8427e"),
    ("windows-registry-key", "HKLM\\Software\\Run", "hkey_local_machine\\software\\run"),
    ("windows-registry-key", "HKEY_CURRENT_USER/Software//Run", "hkey_current_user\\software\\run"),
    ("file:name", "C:\\Temp\\Password.TXT.lnk", "password.txt.lnk"),
    ("file:name", "/tmp/.X1", ".x1"),
    ("pdb-path", "D:\\Work/Loader.PDB", "d:\\work\\loader.pdb"),
    ("file:path", "/usr/bin/Xorg", "/usr/bin/Xorg"),
    ("x509-certificate:serial", "0x00:AB:cd 01", "abcd01"),
    ("autonomous-system", "as 020473", "AS20473"),
    ("autonomous-system", "20473", "AS20473"),
    ("vulnerability", "cve\u20112017\u20110199", "CVE-2017-0199"),
    ("lure-title", " Salary\tAdjustments \n2020 ", "salary adjustments 2020"),
    ("mutex", "Global\\AbC", "Global\\AbC"),
    ("service-name", "WinSvc32", "winsvc32"),
]


@pytest.mark.parametrize(("kind", "raw", "expected"), VECTORS)
def test_value_has_the_canonical_form_of_its_specification(
    kind: str, raw: str, expected: str
) -> None:
    assert canonical(kind, raw) == Feature(kind, expected)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("domain-name", "localhost"),
        ("domain-name", "1.2.3.4"),
        ("domain-name", "a..b"),
        ("domain-name", "-a.com "[1:] + "\x00"),
        ("domain-name", "a b.com"),
        ("domain-name", "." * 9),
        ("domain-name", ("a" * 64) + ".com"),
        ("domain-name", "☃.net"),
        ("domain-name", ""),
        ("ipv4-addr", "256.1.1.1"),
        ("ipv4-addr", "1.2.3"),
        ("ipv4-addr", "01.2.3.4"),
        ("ipv6-addr", "2001:db8::1::2"),
        ("ipv6-addr", "1.2.3.4"),
        ("ipv4-addr:port", "1.2.3.4"),
        ("ipv4-addr:port", "1.2.3.4:0"),
        ("ipv4-addr:port", "1.2.3.4:65536"),
        ("ipv4-addr:port", "1.2.3.4:²"),
        ("url", "http://"),
        ("url", "/only/path"),
        ("url", "http://x.example:99999/"),
        ("url", "http://[::1/"),
        ("email-addr", "nobody"),
        ("email-addr", "@x.example"),
        ("email-addr", "two words@x.example"),
        ("file:md5", "d41d8cd9"),
        ("file:sha1", "g" * 40),
        ("file:sha256", "0" * 63),
        ("x509-certificate:serial", "00"),
        ("autonomous-system", "ASX"),
        ("vulnerability", "CVE-17-1"),
        ("mutex", " \t"),
        ("file:name", "C:\\dir\\"),
        ("url:path", "/"),
        ("windows-registry-key", "/"),
        ("mutex", "a\x1bb"),
        ("mutex", "x" * 8193),
    ],
)
def test_value_that_is_not_of_its_type_is_refused_with_a_reason(kind: str, raw: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        canonical(kind, raw)


@pytest.mark.parametrize("kind", ["technique", "software", "provider", "no-such-type", ""])
def test_type_that_records_may_not_hold_is_refused(kind: str) -> None:
    with pytest.raises(KeyError):
        canonical(kind, "value")


def test_technique_identifiers_are_told_from_other_text() -> None:
    assert technique(" t1566.002 ") == Feature("technique", "T1566.002")
    for raw in ("T156", "T1566.02", "Phishing", "TA0001", "T1566.0022"):
        with pytest.raises(ValueError, match="ATT&CK"):
            technique(raw)


@given(st.text(max_size=15))
def test_folded_names_ignore_case_and_punctuation(name: str) -> None:
    assert name_key(f" {name}-") == name_key(name)
    assert name_key("Dangerous-Password") == name_key("dangerous password") == "dangerouspassword"


@pytest.mark.parametrize(
    ("value", "special", "address"),
    [
        *(("10.0.0.1", True, True), ("8.8.8.8", False, True), ("10.0.0.0/8", True, False)),
        *(("::1", True, False), ("fe80::", True, False), ("2a00::/16", False, False)),
        *(("", False, False), ("a.example", False, False), ("10.0.0.1.example", False, False)),
        *(("host1", False, False), ("1", False, False)),
    ],
)
def test_special_addresses(value: str, special: bool, address: bool) -> None:
    assert (is_special_address(value), is_address(value)) == (special, address)


@pytest.mark.parametrize(
    "raw",
    ["quay", r"\\.\pipe\quay", r"\\.\PIPE\quay", r"\\?\pipe\quay", r"\\host-1\pipe\quay", " quay "],
)
def test_a_pipe_is_its_name_however_it_is_written(raw: str) -> None:
    assert canonical("named-pipe", raw) == Feature("named-pipe", "quay")


def test_a_pipe_path_without_a_name_stays() -> None:
    assert canonical("named-pipe", "\\\\.\\pipe\\").value == "\\\\.\\pipe\\"
