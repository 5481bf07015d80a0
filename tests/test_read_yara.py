"""YARA rules: names, references, hashes and strings stand where the grammar says they stand."""

from __future__ import annotations

from read_helpers import document, stated

MD5, SHA1, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "a" * 39 + "1", "b" * 63 + "2"
RULES = rf"""import "pe"
include "other.yar"

/* rule Not_A_Rule {{ strings: $x = "not a string" }} */
private rule First_Rule : tag1 tag2 // rule Neither
{{
    meta:
        author = "someone"
        reference = "https://vendor.example/report"
        ref2 = "Internal Research"
        date = "2020-06-24"
        hash1 = "{MD5}"
        sha1 = "{SHA1}"
        samples = "{SHA256}, {MD5}"
        fingerprint = "{SHA256}"
        score = 75
    strings:
        $a = "C:\\work\\loader.pdb" ascii wide
        $b = "say \"hi\" }} // no comment"
        $short = "MZ\x90"
        $hex = {{ 4D 5A [2-4] ( 90 | 91 ) }}
        $re = /https?:\/\/[a-z"]{{3,9}}\/x/ nocase
        $ = "anonymous string"
    condition:
        uint16(0) == 0x5A4D and ( #a > 2 or "not this string" matches /x"y/ ) and filesize < 2MB
}}

rule Second_Rule {{ condition: First_Rule }}
"""


def test_everything_the_grammar_states_is_found_and_nothing_else() -> None:
    found = document(RULES, "a.yar")
    assert found.text == RULES and found.format == "yara"
    assert stated(found) == [
        ("yara-rule", "", "First_Rule"),
        ("url", "reference", "https://vendor.example/report"),
        ("", "reference", "Internal Research"),
        ("file:md5", "", MD5),
        ("file:sha1", "", SHA1),
        ("file:sha256", "", SHA256),
        ("file:md5", "", MD5),
        ("", "", SHA256),
        ("code-string", "", r"say \"hi\" } // no comment"),
        ("code-string", "", "anonymous string"),
        ("yara-rule", "", "Second_Rule"),
    ]
    assert found.published == "2020-06-24"


def test_broken_rules_are_read_as_far_as_they_go() -> None:
    assert stated(document('rule A { strings: $a = "never closed\n$b = "closed one"', "a.yar")) == [
        ("yara-rule", "", "A"), ("code-string", "", "never closed"),
        ("code-string", "", "closed one"),
    ]  # fmt: skip
    for text in ("rule", "rule {", "}}}}", "/*", '"', "rule A { meta: hash = ", "$a = { 4D"):
        assert document(text, "a.yara").text == text


def test_strings_that_are_values_of_another_type_are_left_to_be_found() -> None:
    values = [
        r"Global\\Mutex_1", "http://evil.example/gate.php", r"D:\\dev\\a.pdb", "evil.example:443",
        r"HKEY_CURRENT_USER\\Software\\Evil", r"%APPDATA%\\evil\\x.exe", r"\\\\.\\pipe\\quartz",
        "192.0.2.1:80/x", "/tmp/.x/qz", "bad@evil.example", r"http://evil.example\x00",
    ]  # fmt: skip
    words = ["Mozilla/4.0 (compatible)", r"cmd /c \"del %s\"\x41", "see http://evil.example now"]
    lines = "\n".join(f'$ = "{v}"' for v in (*values, *words))
    found = stated(document(f"rule A {{ strings:\n{lines}\ncondition: any of them }}", "a.yar"))
    assert found == [("yara-rule", "", "A"), *(("code-string", "", word) for word in words)]


def test_a_string_is_measured_without_its_escapes_and_a_pdb_ends_before_its_zero() -> None:
    text = r"""rule A { strings: $a = "\x41\x42\x43\x44" $b = "a.pdb\x00" $c = "loader.pdb" }"""
    assert stated(document(text, "a.yar"))[1:] == [
        ("pdb-path", "", "a.pdb"), ("pdb-path", "", "loader.pdb"),
    ]  # fmt: skip
