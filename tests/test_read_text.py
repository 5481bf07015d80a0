"""Plain text, Markdown and AsciiDoc: the text is the file, its parts are marked; character sets."""

from __future__ import annotations

import pytest

from read_helpers import blocks, document, problems
from samehand.read import reading
from samehand.read.dates import iso_date
from samehand.read.reading import FORMATS, read_bytes

MARKDOWN = """---
title: "Operation Example"
date: 2020-06-24
author: Some Vendor
---
# Summary

Text with `evil[.]com`.

Details
-------

| type | value |
|------|-------|
| ip   | 192.0.2.1 |

- first.example
- second.example
  and more of it

```
powershell -enc AAAA
# no heading
```

    indented code

> a quote

~~~ sh
never closed
"""


def test_markdown_is_its_source_with_parts_marked() -> None:
    found = document(MARKDOWN, "a.md")
    assert found.text == MARKDOWN and found.format == "markdown"
    assert blocks(found, "heading") == ["# Summary", "Details\n-------"]
    assert blocks(found, "table") == ["| type | value |\n|------|-------|\n| ip   | 192.0.2.1 |"]
    assert blocks(found, "list") == ["- first.example\n- second.example\n  and more of it"]
    assert blocks(found, "code") == [
        "```\npowershell -enc AAAA\n# no heading\n```",
        "    indented code",
        "~~~ sh\nnever closed",
    ]
    assert blocks(found, "quote") == ["> a quote"]
    assert (found.title, found.published) == ("Operation Example", "2020-06-24")
    assert found.publisher == "Some Vendor"


def test_markdown_without_front_matter_takes_its_first_heading_as_title() -> None:
    assert document("\n# The Title #\n\ntext\n", "a.md").title == "The Title"


def test_asciidoc_header_tables_and_listings() -> None:
    text = (
        "= The Title\nAn Author <a@b.org>\nv1, 2021-05-24\n\n== Part\n\n|===\n|a |b\n\n|c |d\n"
        "|===\n\n----\ncode here\n----\n\n* one\n* two\n"
    )
    found = document(text, "a.adoc")
    assert found.text == text and found.format == "asciidoc"
    assert (found.title, found.published) == ("The Title", "2021-05-24")
    assert blocks(found, "table") == ["|===\n|a |b\n\n|c |d\n|==="]
    assert blocks(found, "code") == ["----\ncode here\n----"]
    assert blocks(found, "list") == ["* one\n* two"]
    assert blocks(found, "heading") == ["= The Title", "== Part"]


def test_plain_text_headings_lists_and_tabbed_rows() -> None:
    text = (
        "INDICATORS OF COMPROMISE\n\nDomains:\nevil.com\n\nResults\n=======\n\n"
        "1. first\n2. second\n\nip\t192.0.2.1\nip\t192.0.2.2\n\nJust a sentence.\r\n"
    )
    found = document(text, "a.txt")
    assert found.text == text
    assert blocks(found, "heading") == [
        "INDICATORS OF COMPROMISE", "Domains:", "Results\n=======",
    ]  # fmt: skip
    assert blocks(found, "list") == ["1. first\n2. second"]
    assert blocks(found, "table") == ["ip\t192.0.2.1\nip\t192.0.2.2"]
    assert found.title == "INDICATORS OF COMPROMISE"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Grüße aus Köln: evil.com", "utf-8"),
        ("Grüße aus Köln: evil.com", "utf-8-sig"),
        ("plain words and evil.com", "utf-16"),
        ("plain words and evil.com", "utf-16-le"),
        ("plain words and evil.com", "utf-16-be"),
        ("Le rapport décrit une opération menée à Paris – evil.com", "cp1252"),
        ("Группа использовала домен evil.com для управления заражёнными машинами", "cp1251"),
        ("攻击者使用域名 evil.com 控制受害者的计算机，并窃取了大量数据。", "gb18030"),
        ("攻撃者はドメイン evil.com を使って被害者のコンピュータを操作した。", "shift_jis"),
    ],
)
def test_character_sets_are_recognised(text: str, charset: str) -> None:
    found = document((text + "\n").encode(charset) * 5, "a.txt")
    first = found.text.split("\n")[0]
    assert first.lstrip("\ufeff") == text
    assert found.problems == ()


def test_lost_characters_and_zeros_are_said_and_keep_offsets() -> None:
    found = document(b"\xff\xfea\0b\0\0\0c\0\x00\xd8d\0", "a.txt")
    assert found.text == "ab\ufffdc\ufffdd"
    assert document(b"a\0b" + b"x" * 5000, "a.txt").text == "a\ufffdb" + "x" * 5000
    assert "could not be decoded" in problems(b"\xff\xfea\0b\0c\0\x00\xd8d\0", "a.txt")[0].message


def test_a_file_over_the_limit_is_read_up_to_it_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = reading.replace(reading._BY_NAME["text"], max_bytes=1001)
    monkeypatch.setitem(reading._BY_NAME, "text", short)
    found = list(read_bytes("ä".encode() * 600, "a.txt"))
    assert getattr(found[0], "severity", "") == "warning"
    assert "only the first" in str(found[0])
    assert getattr(found[1], "text", "") == "ä" * 500  # and no half character


def test_eighty_mebibytes_in_one_line() -> None:
    found = list(read_bytes(b"evil.com " * (80 * 2**20 // 9), "a.txt"))
    limit = next(row.max_bytes for row in FORMATS if row.name == "text")
    assert len(getattr(found[1], "text", "")) == limit


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("2020-06-24T10:00:00+02:00", "2020-06-24"), ("24 June 2020", "2020-06-24"),
        ("June 24th, 2020", "2020-06-24"), ("Wed, 24 Jun 2020 23:59:59 -0700", "2020-06-24"),
        ("D:20200624101500Z", "2020-06-24"), ("20200624", "2020-06-24"), ("2020/6/4", "2020-06-04"),
        ("2020-06", "2020-06"), ("2020", "2020"), ("D:2020", "2020"), ("03/04/2020", ""),
        ("2020-13-45", ""), ("0001-01-01", ""), ("", ""), ("June", ""), ("Foo 1, 2020", ""),
    ],
)  # fmt: skip
def test_dates(raw: str, day: str) -> None:
    assert iso_date(raw) == day
