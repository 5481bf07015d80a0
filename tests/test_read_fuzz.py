"""Whatever bytes come, reading gives documents that keep the laws, or problems: it never raises."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from read_helpers import (
    Page,
    assert_linear,
    column,
    everything,
    make_docx,
    make_pdf,
    make_tar,
    make_zip,
    mutations,
    para,
    word_table,
)
from samehand.read.common import words

PAGE = (
    "<!doctype html><html><head><title>T</title><script type='application/ld+json'>{\"a\":[1]}"
    "</script></head><body><nav>n</nav><article><h1>T</h1><p>evil<b>[.]</b>com</p><table><tr><td>a"
    "</td><td>b</td></tr></table><pre>x\n y</pre><ul><li>l</ul></article></body></html>"
)
MAIL = (
    'From: a@b.c\nSubject: =?utf-8?q?S?=\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n'
    "Content-Type: text/plain; charset=utf-8\n\nbody\n--x\nContent-Type: text/html\n\n<p>page</p>\n"
    "--x\nContent-Type: message/rfc822\n\nFrom: d@e.f\n\ninner\n--x\nContent-Type: text/csv\n"
    'Content-Disposition: attachment; filename="a.csv"\n\nip,x\n192.0.2.1,1\n--x--\n'
)
RULES = (
    'rule A : t { meta: hash = "aa" reference = "https://x.y/z" '
    'strings: $a = "abcdefg" $b = { 4D } '
)
LIST = 'type,value,comment\nip-dst,192.0.2.1,"C2, ""x"""\ndomain;evil.com\n\turl|http://x/\n'
MARKDOWN = "---\ntitle: T\n---\n# H\n\n| a | b |\n\n- l\n\n```\ncode\n```\nTitle\n=====\n> q\n"
PDF = make_pdf(
    [
        Page(column(["a paragraph", "b-", "c"]) + column(["d", "e"], 300), (700,), ("http://x/",)),
        ["x"],
    ],
    info={"Title": "T"},
)
DOCX = make_docx(para("H", style="Heading1") + word_table([["a", "b"]]) + para("x"), links=["u"])
ARCHIVE = make_zip(
    {"a.txt": "x", "b.zip": make_zip({"c.md": "# y"}), "d.tar": make_tar({"e": b"f"})}
)
VALID = {
    "a.pdf": PDF, "a.html": PAGE.encode(), "a.docx": DOCX, "a.md": MARKDOWN.encode(),
    "a.adoc": b"= T\n:date: 2020\n\n|===\n|a\n|===\n", "a.txt": b"TITLE\n\nX:\n\n1. a\n2. b\n",
    "a.eml": MAIL.encode(), "a.yar": (RULES * 3).encode(), "a.csv": LIST.encode(),
    "a.zip": ARCHIVE, "a.tar": make_tar({"a.txt": b"x" * 600}, ["l"]),
    "a.tgz": gzip.compress(make_tar({"a.txt": b"x" * 600})), "a.gz": gzip.compress(b"text" * 99),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=50)
@given(st.data())
def test_damaged_files_never_raise(name: str, data: st.DataObject) -> None:
    everything(data.draw(mutations(VALID[name])), name)


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=25)
@given(st.binary(max_size=600))
def test_random_bytes_never_raise(name: str, data: bytes) -> None:
    everything(data, name)
    everything(VALID[name][:8] + data, name)


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.txt", "a.adoc", "a.yar", "a.csv", "a.eml"])
@settings(max_examples=40)
@given(st.text(max_size=300))
def test_random_text_never_raises(name: str, text: str) -> None:
    everything(text.encode("utf-8", "surrogatepass"), name)


MARKUP = st.lists(
    st.sampled_from(
        sorted(
            words(
                "<table> <tr> <td> </td> </tr> </table> <p> <div> </div> <br> <pre> </pre> <ul> "
                "<li> </ul> <h1> <b> </b> <a> </a> <nav> </nav> <article> </article> <main> x y.z"
            )
        )
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=200)
@given(MARKUP)
def test_any_nesting_of_elements_keeps_the_laws(parts: list[str]) -> None:
    everything("".join(parts).encode(), "a.html")


ATTACKS = {
    "deep.html": lambda n: b"<div>" * n + b"x" + b"</b>" * n,
    "open.html": lambda n: b"<b " * n,
    "comment.html": lambda n: b"<!-- x" * n,
    "cells.html": lambda n: b"<table>" + b"<tr><td>x<td>y" * n,
    "quotes.html": lambda n: b"<p a='\"" * n,
    "fonts.html": lambda n: b"<p><font a=1><font a=2>x" * n,
    "line.txt": lambda n: b"a-" * 20 * n,
    "bars.md": lambda n: b"|" + b" |  " * 400 + b"x\n" + b"- a\n" * n,
    "fences.md": lambda n: b"```\n" * n + b"    x\n\n" * n,
    "quotes.csv": lambda n: b'a,b\n"x,"y""z\n' * n,
    "open.csv": lambda n: b'"' + b'a,"b\n' * n,
    "cells.csv": lambda n: b"domain,ip\n" + b"evil.com,192.0.2.1\n" * n,
    "strings.yar": lambda n: b'rule A { strings: $a = "' * n,
    "marks.yar": lambda n: b"/* = { /" * n,
    "escapes.yar": lambda n: b'= "\\\\\\"' * n,
    "row.pdf": lambda n: make_pdf([Page([(20 * i, 9, f"w{i}", 6) for i in range(n)])]),
    "grid.pdf": lambda n: make_pdf(
        [Page([(30 * (i % 60), 12 * (i // 60), f"w{i}", 6) for i in range(n // 2)])]
    ),
    "headers.eml": lambda n: b"Received: a\n b\n" * n + b"\nx",
    "parts.eml": lambda n: (
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\ny\n" * (n // 8)
    ),
    "params.eml": lambda n: b"Content-Type: text/plain" + b";a=b" * n + b"\n\nx",
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_time_grows_with_size_alone(name: str) -> None:
    assert_linear(ATTACKS[name], name, 6_000)
