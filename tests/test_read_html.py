"""HTML: blanks, rows and blocks as a reader sees them; what is hidden; metadata; character sets."""

from __future__ import annotations

import pytest

from read_helpers import blocks, document, everything, problems
from samehand.read import html
from samehand.read.document import Document


def text_of(body: str) -> str:
    return document(f"<!doctype html><html><body>{body}</body></html>", "a.html").text.strip()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>evil<b>[.]</b>com</p>", "evil[.]com"),
        ("<p>evil<wbr>.<span>c</span>om and<br>192.0.2.1</p>", "evil.com and\n192.0.2.1"),
        ("<p>ev&shy;il&#8203;.com</p>", "evil.com"),
        ("<p>hxxp://<font color=red>evil</font>.com/<i>a</i></p>", "hxxp://evil.com/a"),
        ("<div>one.com</div><div>two.com</div>", "one.com\ntwo.com"),
        ("<p>one.com<p>two.com", "one.com\n\ntwo.com"),
        ("<ul><li>one.com<li>two.com</ul>", "one.com\ntwo.com"),
        ("<dl><dt>C2<dd>one.com<dd>two.com</dl>", "C2\none.com\ntwo.com"),
        ("a <b> b </b> c", "a b c"),
        ("<span>a</span> <span>b</span>", "a b"),
        ("<h2>Head</h2>text", "Head\n\ntext"),
        ("<p>5 &lt; 6 &amp; &#x41;</p>", "5 < 6 & A"),
        ("<pre>a\n  b\tc\n</pre>", "a\n  b\tc"),
        ("<code>a</code>b", "ab"),
        ("<address>one.com</address>two.com", "one.com\ntwo.com"),
        ("<textarea>one.com\ntwo.com</textarea>", "one.com\ntwo.com"),
    ],
)
def test_white_space_is_what_a_browser_shows(body: str, text: str) -> None:
    assert text_of(body) == text


def test_tables_are_rows_of_cells() -> None:
    body = (
        "<p>before</p><table><caption>List</caption><thead><tr><th>Type</th><th>Value</th></tr>"
        "</thead><tbody><tr><td><p>ip</p><td>192.0.2.1<br>192.0.2.2</tr><tr><td></td><td>"
        "evil<b>[.]</b>com</td></tr></tbody></table><p>after</p>"
    )
    found = document(f"<html><body>{body}</body></html>", "a.html")
    rows = "Type\tValue\nip\t192.0.2.1 192.0.2.2\n\tevil[.]com"
    assert blocks(found, "table") == [f"List\n{rows}"]
    assert found.text.strip() == f"before\n\nList\n{rows}\n\nafter"


def test_tables_that_only_arrange_a_page_are_no_tables() -> None:
    body = (
        "<table><tr><td><h1>Title</h1><p>one.com</p><p>two.com</p></td></tr><tr><td>"
        "<table><tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    )
    found = document(f"<html><body>{body}</body></html>", "a.html")
    assert blocks(found, "table") == ["a\tb"]
    assert "one.com\n\ntwo.com" in found.text


def test_tables_made_of_roles() -> None:
    body = (
        '<div role="table"><div role="row"><span role="cell">md5</span><span role="cell">a1</span>'
        '</div><div role="row"><div role="cell">ip</div><div role="cell">192.0.2.1</div></div>'
        "</div>"
    )
    assert text_of(body) == "md5\ta1\nip\t192.0.2.1"


def test_blocks_of_every_kind() -> None:
    found = document(
        "<html><body><h1>T</h1><pre>x\ny</pre><ul><li>a<ul><li>b</ul></ul>"
        "<blockquote>q</blockquote></body></html>", "a.html",
    )  # fmt: skip
    assert blocks(found, "heading") == ["T"]
    assert blocks(found, "code") == ["x\ny"]
    assert blocks(found, "list") == ["a\n\nb", "b"]
    assert blocks(found, "quote") == ["q"]


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="color:red;display: NONE">HIDDEN</div>', "<p hidden>HIDDEN</p>",
        '<span style="visibility:hidden">HIDDEN</span>', "<script>HIDDEN</script>",
        "<style>HIDDEN</style>", "<!-- HIDDEN -->", "<template><p>HIDDEN</p></template>",
        "<noscript>HIDDEN</noscript>", "<svg><text>HIDDEN</text></svg>",
        "<button>HIDDEN</button>", "<select><option>HIDDEN</select>",
        "<nav>HIDDEN</nav>", '<div class="cookie-banner">HIDDEN</div>',
        '<div id="comments"><p>HIDDEN</p></div>', '<section class="related-posts">HIDDEN</section>',
        '<div class="share-buttons">HIDDEN</div>', "<footer>HIDDEN</footer>",
        '<div class="newsletterSignup">HIDDEN</div>', '<div role="navigation">HIDDEN</div>',
    ],
)  # fmt: skip
def test_hidden_elements_and_the_page_around_are_dropped(hidden: str) -> None:
    text = text_of(f"<p>Shown text of some length before it</p>{hidden}<p>shown after</p>")
    assert text == "Shown text of some length before it\n\nshown after"


def test_a_class_never_drops_most_of_a_page() -> None:
    long = "<p>A sentence of the report. </p>" * 20
    assert "A sentence" in text_of(f'<div class="has-sidebar nav-open">{long}</div>')
    assert "A sentence" in text_of(f'<main class="share"><h1>T</h1>{long}</main>')
    assert "1.2.3.4" in text_of(
        f'{long}<div class="related-iocs"><table><tr><td>1.2.3.4</table></div>'
    )


def test_metadata_of_the_head() -> None:
    page = (
        '<head><title>T | Site</title><meta property="og:title" content="T">'
        '<meta property="og:site_name" content="Site"><link rel="canonical" href="https://s.org/t">'
        '<meta property="article:published_time" content="2020-06-24T01:00:00Z"></head><p>x'
    )
    found = document(page, "a.html")
    assert (found.title, found.publisher, found.url) == ("T", "Site", "https://s.org/t")
    assert found.published == "2020-06-24"


def test_metadata_of_json_ld_time_and_words() -> None:
    script = (
        '<script type="application/ld+json">{"@graph":[{"@type":"Article","headline":"H",'
        '"datePublished":"2021-05-24","publisher":{"name":"P"}}]}</script><p>x'
    )
    found = document(script, "a.html")
    assert (found.title, found.publisher, found.published) == ("H", "P", "2021-05-24")
    time = '<title>T - S</title><p>x <time class="updated" datetime="2022-01-01"></time>'
    time += '<time class="entry-date published" datetime="2021-12-31T00:00"></time>'
    assert document(time, "a.html").published == "2021-12-31"
    words = "<h1>Advisory</h1><p>Release Date: April 12, 2023</p><p>text"
    assert document(words, "a.html").published == "2023-04-12"
    saved = "<!-- saved from url=(0023)https://s.org/report --><html><p>x</html>"
    assert document(saved, "a.html").url == "https://s.org/report"
    for broken in ("{", "[" * 5000, '{"datePublished": 5, "publisher": [1]}'):
        page = f'<script type="application/ld+json">{broken}</script><p>x'
        assert document(page, "a.html").published == ""


def test_links_of_the_report_but_not_of_its_page() -> None:
    page = '<nav><a href="/m">m</a></nav><p>see <a href="https://s.org/x">x</a> <a href="#a">'
    assert document(page, "a.html").links == ("https://s.org/x",)


@pytest.mark.parametrize("charset", ["windows-1251", "gb18030", "shift_jis", "utf-8"])
def test_the_declared_character_set_is_used(charset: str) -> None:
    text = "命令 evil.com" if charset in ("gb18030", "shift_jis") else "команда evil.com"
    page = f'<html><head><meta charset="{charset}"></head><body><p>{text}</p></body></html>'
    assert document(page.encode(charset), "a.html").text.strip() == text


def test_depth_costs_neither_text_nor_time() -> None:
    deep = 100_000
    for page in (
        "<div>" * deep + "evil.com",
        "<div>" * deep + "evil.com" + "</div>" * deep,
        "<div>" * deep + "evil.com" + "</b>" * deep,
        "<b><i>" * deep + "evil.com",
        "<table><tr><td>" * (deep // 3) + "evil.com",
        "<p>" + "".join(f"<font a={n}>" for n in range(1000)) + "<p>evil.com" * 20_000,
    ):
        assert "evil.com" in document(page, "a.html").text


def test_limits_of_elements_and_time_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<p>x</p>" * 20_000
    monkeypatch.setattr(html, "MAX_ELEMENTS", 5_000)
    (found,) = everything(page.encode(), "a.html")
    assert isinstance(found, Document) and "more than 5000 elements" in found.problems[0].message
    monkeypatch.setattr(html, "MAX_ELEMENTS", 10**6)
    monkeypatch.setattr(html, "MAX_SECONDS", -1.0)
    (found,) = everything(page.encode(), "a.html")
    assert isinstance(found, Document) and "needs more than" in found.problems[0].message


def test_a_page_that_a_script_draws_says_so() -> None:
    (problem,) = problems(b'<html><div id="root"></div><script>draw()</script></html>', "a.html")
    assert "Save it again from the browser" in problem.message


def test_a_line_break_within_the_one_hash_of_a_cell() -> None:
    one, other = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    page = (
        f"<table><tr><td>{one}<br>{other}</td><td>a</td></tr>"
        f"<tr><td>MD5 {one}<br>{other}</td><td>{one}<br>{other}<br>{one}</td></tr></table><p>end"
    )
    found = document(page, "a.html")
    assert found.text == (f"{one}{other}\ta\nMD5 {one} {other}\t{one} {other} {one}\n\nend")
    assert blocks(found, "table") == [found.text[: -len("\n\nend")]]
