"""Mail: headers as lines, the better body, attachments and mails inside, saved pages, limits."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest

from read_helpers import (
    blocks,
    document,
    documents,
    everything,
    make_pdf,
    make_zip,
    problems,
    stated,
)
from samehand.model import Problem
from samehand.read import mail


def message(plain: str = "", page: str = "") -> EmailMessage:
    made = EmailMessage()
    made["Received"] = "from a.example (192.0.2.1) by b.example"
    made["From"] = "Grüner Absender <bad@evil.example>"
    made["To"] = "victim@v.example"
    made["Reply-To"] = "other@evil.example"
    made["Subject"] = "Längerer Betreff mit evil.example"
    made["Date"] = "Wed, 24 Jun 2020 23:10:00 -0700"
    made["Message-ID"] = "<1@evil.example>"
    if plain:
        made.set_content(plain)
    if page:
        (made.add_alternative if plain else made.set_content)(page, subtype="html")
    return made


def test_headers_stand_on_top_and_the_body_below() -> None:
    found = document(
        message("Hello,\n\nDomains:\n\n- one.example\n- two.example\n").as_bytes(), "a.eml"
    )
    assert found.text.split("\n\n")[0].split("\n") == [
        "From: Grüner Absender <bad@evil.example>",
        "Reply-To: other@evil.example",
        "To: victim@v.example",
        "Subject: Längerer Betreff mit evil.example",
        "Date: Wed, 24 Jun 2020 23:10:00 -0700",
        "Message-ID: <1@evil.example>",
        "Received: from a.example (192.0.2.1) by b.example",
    ]
    assert found.text.rstrip().endswith("- one.example\n- two.example")
    assert blocks(found, "list") == ["- one.example\n- two.example"]
    assert found.title == "Längerer Betreff mit evil.example"
    assert (found.published, found.format) == ("2020-06-24", "mail")


def test_the_plain_body_is_preferred_and_the_page_gives_its_links() -> None:
    page = '<p>Hello world</p><a href="http://evil.example/x">click</a>'
    found = document(message("Hello world, plain", page).as_bytes(), "a.eml")
    assert found.text.strip().endswith("Hello world, plain\n\nLinks:\nhttp://evil.example/x")
    assert found.links == ()


def test_targets_of_links_whose_hosts_the_body_shows_stay_links() -> None:
    page = (
        '<p>Read https://shown.example/a</p><a href="https://shown.example/b">more</a>'
        '<a href="https://hidden.example/c">here</a><a href="mailto:a@b.example">mail</a>'
    )
    found = document(message("", page).as_bytes(), "a.eml")
    assert found.text.endswith("\n\nLinks:\nhttps://hidden.example/c")
    assert found.links == ("https://shown.example/b", "mailto:a@b.example")


def test_recipients_are_victims_and_the_identifier_is_no_address() -> None:
    made = message("body")
    made["Cc"] = "A B <ab@v.example>, cd@v.example"
    made["Delivered-To"] = "box@v.example"
    assert stated(document(made.as_bytes(), "a.eml")) == [
        ("email-addr", "victim", "victim@v.example"),
        ("email-addr", "victim", "ab@v.example"),
        ("email-addr", "victim", "cd@v.example"),
        ("email-addr", "victim", "box@v.example"),
        ("", "", "<1@evil.example>"),
    ]


def test_a_page_alone_or_beside_a_stub_is_read_as_a_page() -> None:
    page = "<table><tr><td>ip</td><td>192.0.2.7</td></tr></table>" + "<p>more words</p>" * 30
    for plain in ("", "Use another program."):
        found = document(message(plain, page).as_bytes(), "a.eml")
        assert "ip\t192.0.2.7" in blocks(found, "table")


def test_attachments_are_documents_of_their_own() -> None:
    made = message("see attached")
    made.add_attachment(make_pdf([["evil.com in a PDF"]]), "application", "pdf", filename="r.pdf")
    made.add_attachment("text évil.org", filename="i.txt")
    made.add_attachment(b"MZ\0\1\2" * 20, "application", "octet-stream", filename="x.exe")
    made.add_attachment(make_zip({"d/n.md": "# N"}), "application", "zip", filename="z.zip")
    found = everything(made.as_bytes(), "a.eml")
    names = [f.place if isinstance(f, Problem) else f.name for f in found]
    assert names == ["a.eml", "a.eml!r.pdf", "a.eml!i.txt", "a.eml!x.exe", "a.eml!z.zip!d/n.md"]
    assert getattr(found[1], "text", "") == "evil.com in a PDF\n"
    assert getattr(found[2], "text", "").strip() == "text évil.org"
    assert isinstance(found[3], Problem) and found[3].severity == "warning"


def test_mails_in_mails_up_to_a_depth() -> None:
    made = message("innermost")
    for n in range(5):
        outer = message(f"level {n}")
        outer.add_attachment(made)
        made = outer
    found = everything(made.as_bytes(), "a.eml")
    texts = [f.text.strip().rsplit("\n", 1)[-1] for f in found if not isinstance(f, Problem)]
    assert texts == ["level 4", "level 3", "level 2", "level 1"]
    assert isinstance(found[-1], Problem) and "files deep" in found[-1].message


def test_a_saved_page_is_a_page() -> None:
    text = (
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://v.example/r\nSubject: T\n"
        'MIME-Version: 1.0\nContent-Type: multipart/related; boundary="b"\n\n--b\n'
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<h1>T</h1><p>evil=2Ecom</p>\n--b\nContent-Type: image/png\n"
        f"Content-Transfer-Encoding: base64\n\n{base64.b64encode(bytes(99)).decode()}\n--b--\n"
    )
    found = document(text, "a.mhtml")
    assert (found.format, found.url, found.title) == ("html", "https://v.example/r", "T")
    assert found.text.strip() == "T\n\nevil.com"


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8"])
def test_the_declared_character_set_of_a_part(charset: str) -> None:
    body = base64.b64encode("Группа evil.com".encode(charset)).decode()
    text = (
        f'From: a@b.c\nContent-Type: text/plain; charset="{charset}"\n'
        f"Content-Transfer-Encoding: base64\n\n{body}\n"
    )
    assert "Группа evil.com" in document(text, "a.eml").text


def test_hostile_headers_and_parts_end() -> None:
    for text in (
        "Subject: " + "=?utf-8?q?a?= " * 100_000 + "\n\nbody",
        "Content-Type: multipart/mixed" + ";" * 1_000_000 + "\n\nbody",
        "Content-Type: text/plain; " + 'a="' * 500_000 + "\n\nbody",
        "To: " + "(" * 1_000_000 + "\n\nbody",
        "From: a\n" * 15_000 + "\nbody",
        "Content-Type: text/plain; charset=rot13\n\nbody",
        "Content-Type: text/plain; charset=\xff\n\nbody",
        "Content-Transfer-Encoding: base64\n\n!!!!body",
        "Content-Transfer-Encoding: uuencode\n\nbegin 666 x\nbody",
    ):
        assert everything(text.encode("latin-1"), "a.eml")
    nested = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2_000)
    )
    assert everything(nested.encode(), "a.eml")


def test_headers_without_end_are_refused() -> None:
    (problem,) = problems(b"a: b\n" * 100_000, "a.eml")
    assert "header lines" in problem.message
    (problem,) = problems(b"a: b\n" + b" c\n" * 1_000_000, "a.eml")
    assert "header lines" in problem.message


def test_limits_of_parts_and_time_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = message("body")
    for n in range(5):
        made.add_attachment(f"text {n}", filename=f"{n}.txt")
    monkeypatch.setattr(mail, "MAX_PARTS", 4)
    assert any("more than 4 parts" in p.message for p in problems(made.as_bytes(), "a.eml"))
    assert len(documents(made.as_bytes(), "a.eml")) == 3
    monkeypatch.setattr(mail, "MAX_SECONDS", -1.0)
    assert "needs more than" in problems(made.as_bytes() + b"x" * 100_000, "a.eml")[0].message
