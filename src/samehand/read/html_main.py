"""Which elements of a web page belong to the report, and which to the page around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from samehand.read.common import words

#: Elements whose content is never report text; dropped while parsing.
HARD_DROP = words(
    "script style noscript template iframe object embed svg canvas audio video map dialog button "
    "select datalist title"
)
#: Words in a class or id that name a part of the page around the report.
_AROUND = words(
    "nav navbar navigation menu submenu megamenu breadcrumb breadcrumbs cookie cookies "
    "consent gdpr onetrust cookiebot share shares sharing sharedaddy addtoany addthis social "
    "socials sociable related relatedposts relatedcontent relatedarticles recommended "
    "recommendation recommendations newsletter subscribe subscription sidebar pagination "
    "pager popup modal offcanvas banner advert adverts advertisement ads adsbygoogle promo "
    "masthead topbar skiplink footer tagcloud contentinfo complementary search alertdialog "
    "signup"
)
_COMMENTS = words("comments commentlist disqus respond")
#: Adjacent words of the same meaning: 'screen-reader-text', 'line-numbers', 'read-next'.
_AROUND_PAIRS = frozenset(
    (("sr", "only"), ("visually", "hidden"), ("screen", "reader"), ("skip", "link"),
     ("skip", "to"), ("read", "next"), ("more", "posts"), ("widget", "area"), ("site", "header"),
     ("also", "like"), ("post", "tags"), ("sign", "up"), ("comment", "list"), ("up", "next"))
)  # fmt: skip
#: Columns of line numbers beside code.
_LINE_NUMBERS = re.compile(
    r"\b(?:gutter|lineno|linenos|line-numbers?-rows|crayon-nums|blob-num|line-number)\b"
)
_CONTENT = re.compile(
    r"(?i)\b(?:markdown-body|articlebody|entry-content|post-content|article-content|article-body|"
    r"blog-content|post-body|story-body|article__body|article__content)\b"
)
_VALUE = re.compile(r"(?i)\[\.\]|hxxp|://|[0-9a-f]{32}|\b\d{1,3}(?:\.\d{1,3}){3}\b")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
#: Share of the page's text above which an element is not dropped for its class alone.
MAX_AROUND_SHARE = 0.5
MAX_COMMENTS_SHARE = 0.85
#: Share of text inside links above which a block outside the article is navigation.
MAX_LINK_SHARE = 0.6
#: Share of the text that ``main`` must hold to be taken for the whole report.
MIN_MAIN_SHARE = 0.4
_BLOCKS = words("div section ul ol p table aside dl form")


@dataclass(slots=True)
class Node:
    """One element, and what the first pass measures of it."""

    tag: str
    parent: int
    marks: str = ""
    """class, id and role."""
    href: str = ""
    last: int = 0
    """Number of its last descendant; numbers follow the document."""
    chars: int = 0
    """Characters of text in it, without blanks between elements."""
    link_chars: int = 0
    links: int = 0
    values: int = 0
    """Links whose text is an observable, as wikis and portals set them."""
    solid: int = 0
    """Tables and code blocks in it."""


def _measure(nodes: Sequence[Node], stream: Sequence[int | str]) -> None:
    """Fills in the measures of all nodes, in one pass."""
    chars = links = link_chars = solid = in_link = values = 0
    opened: list[tuple[int, int, int, int, int, int]] = [(0, 0, 0, 0, 0, 0)]
    newest = 0

    def close(entry: tuple[int, int, int, int, int, int]) -> None:
        node = nodes[entry[0]]
        node.last, node.chars, node.links = newest, chars - entry[1], links - entry[2]
        node.link_chars, node.solid = link_chars - entry[3], solid - entry[4]
        node.values = values - entry[5]

    for item in stream:
        if isinstance(item, str):
            if not item.isspace():
                chars += len(item)
                if in_link:
                    link_chars += len(item)
                    values += _VALUE.search(item[:200]) is not None
        elif item > 0:
            newest = item
            opened.append((item, chars, links, link_chars, solid, values))
            tag = nodes[item].tag
            if tag == "a":
                in_link += 1
                links += 1
            elif tag in ("table", "pre"):
                solid += 1
        elif len(opened) > 1 and opened[-1][0] == -item:
            close(opened.pop())
            if nodes[-item].tag == "a":
                in_link -= 1
    while opened:
        close(opened.pop())


def _words(marks: str) -> list[str]:
    return [w.lower() for w in _WORD.findall(marks)]


def _anchors(nodes: Sequence[Node]) -> tuple[int, list[int]]:
    """(the ``main`` element or 0, elements that the report surely lies in or is)."""
    total = max(1, nodes[0].chars)
    mains = [i for i, n in enumerate(nodes) if n.tag == "main"]
    main = max(mains, key=lambda i: nodes[i].chars, default=0)
    if main and nodes[main].chars < MIN_MAIN_SHARE * total:
        main = 0
    anchors = [main] if main else []
    articles = [
        i for i, n in enumerate(nodes) if n.tag == "article" and "comment" not in n.marks.lower()
    ]
    contents = [i for i, n in enumerate(nodes) if n.marks and _CONTENT.search(n.marks)]
    for candidates in (articles, contents):
        if candidates:
            anchors.append(max(candidates, key=lambda i: nodes[i].chars))
    if first := next((i for i, n in enumerate(nodes) if n.tag == "h1"), 0):
        anchors.append(first)
    return main, anchors


def _around(node: Node, total: int, holds: bool, within: bool) -> bool:
    """Whether one element is part of the page around the report.

    ``holds``: an anchor lies in it; ``within``: it lies in the report's article or main.
    """
    tag = node.tag
    share = node.chars / total
    if node.marks and _LINE_NUMBERS.search(node.marks.lower()) and not holds:
        return share < MAX_AROUND_SHARE
    if holds or tag in ("table", "tr", "td", "th", "pre", "code", "tbody", "html", "body"):
        return False
    dense = (
        node.link_chars > MAX_LINK_SHARE * max(1, node.chars)
        and node.links > 1
        and 2 * node.values < node.links
    )
    if tag == "nav":
        return share < MAX_AROUND_SHARE
    if tag in ("footer", "aside", "header"):
        if node.solid and tag != "footer":
            return False
        if dense or not within:
            return share < MAX_AROUND_SHARE
    if node.marks:
        marked = _words(node.marks)
        pairs = set(pairwise(marked))
        if not _COMMENTS.isdisjoint(marked) or ("comment", "list") in pairs:
            return share < MAX_COMMENTS_SHARE
        if not _AROUND.isdisjoint(marked) or not _AROUND_PAIRS.isdisjoint(pairs):
            return not node.solid and share < MAX_AROUND_SHARE
    return (
        not within
        and dense
        and tag in _BLOCKS
        and not node.solid
        and share < MAX_AROUND_SHARE
        and node.links > 2
    )


def kept_nodes(nodes: Sequence[Node], stream: Sequence[int | str]) -> bytearray:
    """For each node 1 if its own text belongs to the report, else 0."""
    _measure(nodes, stream)
    total = max(1, nodes[0].chars)
    main, anchors = _anchors(nodes)
    largest = next((i for i in anchors if nodes[i].tag == "article"), 0)
    inner = [i for i in anchors if nodes[i].tag != "h1"]
    keep = bytearray(b"\1") * len(nodes)
    for number in range(1, len(nodes)):
        node = nodes[number]
        if not keep[node.parent]:
            keep[number] = 0
            continue
        holds = any(number <= a <= node.last for a in anchors)
        within = any(a <= number <= nodes[a].last for a in inner)
        outside = bool(main) and not within and not holds
        card = (  # of another post
            node.tag == "article"
            and largest not in (0, number)
            and not within
            and node.chars < 0.3 * nodes[largest].chars
        )
        if outside or card or _around(node, total, holds, within):
            keep[number] = 0
    return keep
