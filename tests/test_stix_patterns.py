"""The STIX patterning language: trees, values, forgiveness, linear time."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.formats.stix_patterns import (
    MAX_DEPTH,
    MAX_PATTERN_CHARS,
    Comparison,
    Junction,
    PatternError,
    comparisons,
    parse_pattern,
)
from samehand.formats.stix_values import values_of_pattern, yara_rule_names

MD5, OTHER_MD5, SHA1, SHA256 = "a" * 32, "d" * 32, "b" * 40, "c" * 64


def values(text: str) -> set[tuple[str, str]]:
    return {(v.kind, v.value) for v in values_of_pattern(parse_pattern(text))}


def test_pattern_becomes_a_tree_in_which_and_binds_tighter_than_or() -> None:
    (tree,) = parse_pattern("[a:b = 'x' OR c:d.e = 2 AND f:g[*].'h i' NOT IN (t'2017', h'ff')]")
    assert tree == Junction("OR", (
        Comparison("a", ("b",), "=", ("x",)),
        Junction("AND", (
            Comparison("c", ("d", "e"), "=", ("2",)),
            Comparison("f", ("g", "h i"), "IN", ("2017", "ff"), True),
        )),
    ))  # fmt: skip


#: Patterns of the kinds that STIX 2.1, section 9.8, shows, and the values that they name.
PATTERNS = [
    (f"[file:hashes.'SHA-256' = '{SHA256}']", {("file:sha256", SHA256)}),
    ("[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value = '203.0.113.33/32']",
     {("ipv4-addr", "198.51.100.1/32"), ("ipv4-addr", "203.0.113.33/32")}),
    ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", {("ipv4-addr", "198.51.100.0/24")}),
    ("[ipv4-addr:value ISSUBSET '198.51.100.9/32']", {("ipv4-addr", "198.51.100.9/32")}),
    ("[ipv6-addr:value = '2001:0db8:dead:beef:dead:beef:dead:0001/128']",
     {("ipv6-addr", "2001:0db8:dead:beef:dead:beef:dead:0001/128")}),
    ("[domain-name:value = 'www.5z8.info' "
     "AND domain-name:resolves_to_refs[*].value = '198.51.100.1/32']",
     {("domain-name", "www.5z8.info"), ("ipv4-addr", "198.51.100.1")}),
    ("[email-message:sender_ref.value = 'jdoe@example.com' AND email-message:subject = 'C']",
     {("email-addr", "jdoe@example.com")}),
    (f"([file:hashes.MD5 = '{MD5}'] FOLLOWEDBY [windows-registry-key:key = 'HKLM\\\\foo']) "
     "WITHIN 300 SECONDS", {("file:md5", MD5), ("windows-registry-key", "HKLM\\foo")}),
    ("[network-traffic:dst_ref.type = 'domain-name' "
     "AND network-traffic:dst_ref.value = 'example.com'] "
     "REPEATS 5 TIMES WITHIN 1800 SECONDS", {("domain-name", "example.com")}),
    ("[network-traffic:dst_ref.value = '203.0.113.9' AND network-traffic:dst_port = 443]",
     {("ipv4-addr:port", "203.0.113.9:443")}),
    ("[network-traffic:dst_ref.value = '203.0.113.9' OR network-traffic:dst_port = 443]",
     {("ipv4-addr", "203.0.113.9")}),
    ("[url:value IN ('http://a.example/x', 'http://b.example/y')]",
     {("url", "http://a.example/x"), ("url", "http://b.example/y")}),
    ("[x509-certificate:serial_number = '4c:0b' "
     f"AND x509-certificate:hashes.'SHA-1' = '{SHA1}']",
     {("x509-certificate:serial", "4c:0b"), ("x509-certificate:sha1", SHA1)}),
    ("[file:name = 'q.exe' AND file:parent_directory_ref.path = 'C:\\\\Temp\\\\']",
     {("file:path", "C:\\Temp\\q.exe")}),
    ("[file:name = '\\\\\\\\.\\\\pipe\\\\quay']", {("named-pipe", "quay")}),
    ("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Quay/1']",
     {("user-agent", "Quay/1")}),
    ("[mutex:name = 'it\\'s \\\\ here']", {("mutex", "it's \\ here")}),
    ("[autonomous-system:number = 15139]", {("autonomous-system", "15139")}),
    ("[a:b = 'x'] AND [mutex:name = 'm'] OR ([c:d = true] START t'2017-01-01T00:00:00Z' "
     "STOP t'2018-01-01T00:00:00Z')", {("mutex", "m")}),
    # Nothing that is negated, ordered or only alike
    ("[mutex:name != 'a' OR mutex:name NOT = 'b' OR mutex:name <> 'c']", set()),
    ("[NOT (mutex:name = 'a' AND mutex:name NOT = 'b') AND NOT mutex:name = 'c']", set()),
    ("[mutex:name LIKE 'a%' OR mutex:name MATCHES '^a' OR mutex:name > 'a']", set()),
    ("[EXISTS mutex:name AND mutex:name NOT IN ('a', 'b') "
     "AND ipv4-addr:value ISSUPERSET '198.51.100.1/32']", set()),
    # Forgiven: no quotes around a hyphen, a backslash that escapes nothing, '==', comments
    (f"[file:hashes.SHA-256 = '{SHA256}']", {("file:sha256", SHA256)}),
    ("[file:path = 'C:\\Temp\\q.exe']", {("file:path", "C:\\Temp\\q.exe")}),
    ("[file:name/* c */== 'a'] // end", {("file:name", "a")}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PATTERNS)
def test_values_that_a_pattern_names(text: str, expected: set[tuple[str, str]]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "[]", "file:name = 'a'", "[file:name = 'a'", "[file:name = a]", "[file:name 'a']",
     "[file = 'a']", "[file:name = 'a' AND]", "[file:name = 'a'] FOLLOWEDBY",
     "[a:b = 'x'] WITHIN SECONDS", "[a:b = 'x')", "[a:b = 'x' and c:d = 'y']", "[a:b LIKE 5]",
     "[a:b IN ('x', 'y']", "[a:b = 'x'] [c:d = 'y']", "[a:b[x] = 1]", '[a:b = "x"]',
     "[a:b = 'open", "[a:b = 'x'] /* open",
     "[a:b = h'ff]", "[a:b = 1x]", "[a.b:c = 'x']", "[a:b = 'x'];", "\u0000"],
)  # fmt: skip
def test_text_that_is_no_pattern_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(PatternError, match=r"character \d+"):
        parse_pattern(text)


def groups(text: str) -> dict[str, set[str]]:
    """Key of a file -> its hashes; '' for hashes that stand alone."""
    found: dict[str, set[str]] = {}
    for value in values_of_pattern(parse_pattern(text)):
        found.setdefault(value.file, set()).add(value.value)
    return found


@pytest.mark.parametrize("junction", ["AND", "OR"])
def test_hashes_of_different_kinds_in_one_expression_are_of_one_file(junction: str) -> None:
    text = f"[file:hashes.MD5 = '{MD5}' {junction} file:hashes.'SHA-1' = '{SHA1}']"
    assert groups(text) == {f"file:sha1:{SHA1}": {MD5, SHA1}}
    apart = f"[file:hashes.MD5 = '{MD5}'] {junction} [file:hashes.'SHA-1' = '{SHA1}']"
    assert groups(apart) == {"": {MD5, SHA1}}


def test_two_hashes_of_one_kind_are_two_files() -> None:
    first = f"file:hashes.MD5 = '{MD5}' AND file:hashes.'SHA-1' = '{SHA1}'"
    second = f"file:hashes.MD5 = '{OTHER_MD5}' AND file:hashes.'SHA-256' = '{SHA256}'"
    assert groups(f"[({first}) OR ({second})]") == {
        f"file:sha1:{SHA1}": {MD5, SHA1}, f"file:sha256:{SHA256}": {OTHER_MD5, SHA256}}  # fmt: skip
    flat = f"[file:hashes.MD5 IN ('{MD5}', '{OTHER_MD5}') OR file:hashes.'SHA-1' = '{SHA1}']"
    assert groups(flat) == {"": {MD5, OTHER_MD5, SHA1}}


@pytest.mark.parametrize(
    "text",
    ["[" + "(" * 100_000, "(" * 100_000, "[" + "(" * (MAX_DEPTH + 1) + "a:b = 'x'",
     "[a:b = '" + "x" * MAX_PATTERN_CHARS + "']"],
)  # fmt: skip
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(PatternError, match=r"deeper|longer"):
        parse_pattern(text)
    parse_pattern("[" + "(" * MAX_DEPTH + "a:b = 'x'" + ")" * MAX_DEPTH + "]")


#: Text of a given size that a careless parser reads again and again.
SLOW = {
    "or": lambda n: (
        "[" + " OR ".join(f"domain-name:value = 'x{i}.example'" for i in range(n)) + "]"
    ),
    "hashes": lambda n: "[" + " OR ".join(f"file:hashes.MD5 = '{i:032x}'" for i in range(n)) + "]",
    "set": lambda n: "[url:value IN (" + ",".join(f"'http://x/{i}'" for i in range(n)) + ")]",
    "observations": lambda n: " AND ".join(["[a:b = 'x']"] * n),
    "nots": lambda n: "[" + "NOT " * n + "a:b = 'x']",
    "escapes": lambda n: "[a:b = '" + "\\'" * n * 5,
    "comments": lambda n: "/*" * n * 5,
    "stars": lambda n: "/*" + "*" * n * 10,
    "spaces": lambda n: "[a:b" + " " * n * 10 + "!",
    "digits": lambda n: "[a:b = " + "1" * n * 10 + "x",
    "path": lambda n: "[a:b" + ".c[*]" * n + " = 'x']",
}


@pytest.mark.parametrize("kind", SLOW)
def test_time_grows_with_length_and_not_with_its_square(kind: str) -> None:
    def seconds(size: int) -> float:
        text = SLOW[kind](size)
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            with suppress(PatternError):
                values_of_pattern(parse_pattern(text))
            best = min(best, time.process_time() - started)
        return best

    once, twice, four = (seconds(n) for n in (2500, 5000, 10_000))
    assert four < 10 * once + 0.05 and twice < 5 * once + 0.05 and four < 1.5


@pytest.mark.parametrize("text", ["\\", "/*", '"\\"', "private ", "rule ", "rule a ", '"a'])
def test_rule_names_are_found_in_linear_time(text: str) -> None:
    started = time.process_time()
    yara_rule_names(text * 200_000)
    assert time.process_time() - started < 2


def test_rule_names_of_yara_source() -> None:
    source = """
    // rule Comment { }
    /* rule Block { } */
    private rule Helper { condition: true }
    rule Quay_Loader : tag { strings: $a = "rule Text { }" $b = "\\"rule Quoted {" condition: $a }
    global rule Second{condition: Helper}
    """
    assert yara_rule_names(source) == ["Helper", "Quay_Loader", "Second"]


WORDS = st.lists(
    st.sampled_from(
        ["[", "]", "(", ")", "AND", "OR", "NOT", "FOLLOWEDBY", "=", "!=", "IN", "LIKE", "EXISTS",
         ",", ".",
         "file:name", "a", ":", "'x'", "'", "\\", "t'1'", "1", "-1.5", "*", "WITHIN",
         "5", "SECONDS", "hashes.'MD5'", "START",
         "STOP", "/*", "*/", "//", "\n", " ", "é"]
    ),
    max_size=30,
)  # fmt: skip


@given(WORDS, st.sampled_from(["", " "]))
def test_any_words_are_a_pattern_or_refused(words: list[str], between: str) -> None:
    text = between.join(words)
    try:
        nodes = parse_pattern(text)
    except PatternError:
        return
    assert list(comparisons(nodes))
    values_of_pattern(nodes)


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    yara_rule_names(text)
    for pattern in (text, f"[a:b = '{text}']", f"[{text}]"):
        try:
            values_of_pattern(parse_pattern(pattern))
        except PatternError:
            continue
