"""Saved web pages: the report, with its tables, lists and code, without the page around it.

Why an own walk, after trying two libraries on ten pages in the styles of vendor blogs, advisories
and rendered Markdown (``tests/test_read_html_pages.py``). trafilatura kept the prose of all, but
lost a table that stood after the article and the lines of one listing, cannot say where tables
and code lie in its text, gives nothing for 1,000 nested elements, and takes three times as long.
selectolax takes 13 s for 100,000 nested elements, since the HTML standard looks up the stack at
each of them. lxml's event interface needs no tree, and time that grows with the page alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from samehand.model import Problem
from samehand.read.common import Deadline, Inside, kept_links, warning
from samehand.read.decode import decode
from samehand.read.document import Document
from samehand.read.html_main import HARD_DROP, Node, kept_nodes
from samehand.read.html_meta import Metadata
from samehand.read.html_text import INLINE, Writer

#: Elements of one page that are kept: a list of 100,000 indicators in a table has 500,000.
MAX_ELEMENTS = 1_000_000
#: Depth at which the parser starts afresh: real pages reach 60. libxml2 looks up its whole stack
#: for each end tag that closes nothing, so an unbounded depth takes quadratic time.
MAX_ELEMENT_DEPTH = 1_500
#: Bytes given to the parser at once; limits are checked between.
CHUNK_BYTES = 16 * 1024
#: Seconds for one page: 32 MiB of ordinary markup need 15.
MAX_SECONDS = 60.0

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_:-]{2,30})", re.I)
_XML_CHARSET = re.compile(rb"^\s{0,20}<\?xml[^>]{0,200}?encoding=[\"']([A-Za-z0-9_:-]{2,30})")
_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid|list-item)", re.IGNORECASE)
#: ARIA roles that make an element a part of a table.
_ROLE_TAGS = {
    "table": "table", "grid": "table", "row": "tr", "cell": "td", "gridcell": "td",
    "columnheader": "th", "rowheader": "th", "list": "ul", "listitem": "li", "heading": "h4",
    "navigation": "nav", "main": "main", "article": "article",
}  # fmt: skip


@dataclass(slots=True)
class _Page:
    """What the parser reports, as one flat stream: a target of lxml's event interface.

    In ``stream`` a positive number opens that node, a negative one closes it, a string is text.
    """

    nodes: list[Node] = field(default_factory=lambda: [Node("", 0)])
    stream: list[int | str] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    """Per open element its node; 0 for one that does not matter, -1 for a dropped one."""
    open: list[int] = field(default_factory=lambda: [0])
    """The nodes among the open elements."""
    dropped: int = 0
    meta: Metadata = field(default_factory=Metadata)

    def start(self, tag: str, attrs: Mapping[str, str]) -> None:
        """An element begins."""
        if self.dropped:
            self.dropped += 1
            self.stack.append(-1)
            return
        if tag in ("meta", "link", "time", "script", "title", "h1"):
            self.meta.element(tag, attrs)
        style = attrs.get("style", "") if attrs else ""
        if tag in HARD_DROP or (
            attrs and ("hidden" in attrs or (style and _HIDDEN.search(style[:2000])))
        ):
            self.dropped = 1
            self.stack.append(-1)
            return
        role = attrs.get("role", "") if attrs else ""
        if role in _ROLE_TAGS:
            tag = _ROLE_TAGS[role]
        elif style and tag in INLINE and _BLOCK_STYLE.search(style[:2000]):
            tag = "div"
        marks = f"{attrs.get('class', '')} {attrs.get('id', '')} {role}" if attrs else ""
        if tag in INLINE and (not marks or marks.isspace()) and tag != "a":
            self.stack.append(0)
            return
        if len(self.nodes) > MAX_ELEMENTS:
            self.stack.append(0)
            return
        node = len(self.nodes)
        href = attrs.get("href", "") if tag == "a" and attrs else ""
        self.nodes.append(Node(tag, self.open[-1], marks[:500], href))
        self.stack.append(node)
        self.open.append(node)
        self.stream.append(node)

    def end(self, tag: str) -> None:
        """An element ends; lxml reports an end for every start."""
        if self.stack:
            node = self.stack.pop()
            if node > 0:
                self.open.pop()
                self.stream.append(-node)
        if self.dropped:
            self.dropped -= 1
        self.meta.ends(tag)

    def data(self, text: str) -> None:
        """Text between tags, in any number of pieces."""
        if self.meta.wants:
            self.meta.text(text)
        if not self.dropped:
            self.stream.append(text)

    def comment(self, text: str) -> None:
        """A comment: browsers note there from where they saved a page."""
        self.meta.comment(text)

    def pi(self, target: str, data: str | None = None) -> None:
        """A processing instruction means nothing."""

    def close(self) -> None:
        """The parser is done."""


def _parse(markup: bytes, name: str) -> tuple[_Page, list[Problem]]:
    """The stream of a page in UTF-8, and what of it was not read."""
    from lxml import etree

    page = _Page()
    deadline = Deadline(MAX_SECONDS)

    def new_parser() -> Any:
        return etree.HTMLParser(target=page, encoding="utf-8", huge_tree=True, recover=True)

    parser = new_parser()
    at, size, fed = 0, len(markup), False
    while at < size:
        end = min(size, at + CHUNK_BYTES)
        if end < size and (cut := markup.rfind(b">", at, end)) > at:
            end = cut + 1
        parser.feed(markup[at:end])
        at, fed = end, True
        if deadline.passed or len(page.nodes) > MAX_ELEMENTS:
            why = (
                f"needs more than {MAX_SECONDS:g} s"
                if deadline.passed
                else f"has more than {MAX_ELEMENTS} elements"
            )
            done = round(100 * at / size)
            return page, [
                warning(name, f"the page {why}; read up to {done} % of it. Split the file.")
            ]
        if len(page.stack) > MAX_ELEMENT_DEPTH:
            parser.close()
            page.stack.clear()
            del page.open[1:]
            page.dropped = 0
            parser, fed = new_parser(), False
    if fed:
        parser.close()
    return page, []


def parse_html(text: str, name: str) -> Document:
    """The `Document` of a page given as text."""
    if not text.strip():
        return Document(name, "html", "", problems=(warning(name, "the page has no content"),))
    page, problems = _parse(text.encode("utf-8", "replace"), name)
    keep = kept_nodes(page.nodes, page.stream)
    writer = Writer(page.nodes, page.stream, keep)
    body = writer.write()
    meta = page.meta
    if not body.strip():
        problems.append(
            warning(
                name,
                "the page shows no text, perhaps because a script draws it. Save it again from "
                "the browser after it has loaded, or print it to PDF.",
            )
        )
    return Document(
        name,
        "html",
        body,
        blocks=writer.sorted(),
        links=kept_links(writer.links),
        title=meta.best_title(),
        publisher=meta.best_publisher(),
        published=meta.best_date(body),
        url=meta.best_url(),
        problems=tuple(problems),
    )


def read_html(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A saved web page."""
    head = data[:4096]
    match = _XML_CHARSET.search(head) or _CHARSET.search(head)
    declared = match[1].decode("ascii") if match else ""
    text, problems = decode(data, name, declared, cut=inside.cut)
    page = parse_html(text, name)
    if problems:
        page = replace(page, problems=(*problems, *page.problems))
    yield page
