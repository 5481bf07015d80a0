"""What a web page says about itself: title, publisher, date and canonical address."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from samehand.read.common import one_line
from samehand.read.dates import iso_date

#: Characters of one JSON-LD script, scripts of one page and values in one script that are read.
MAX_JSON_CHARS = 512 * 1024
MAX_JSON_SCRIPTS = 20
MAX_JSON_VALUES = 20_000
#: Longest title, in characters.
MAX_TITLE_CHARS = 300
#: Characters at the start of the shown text in which a labelled date is looked for.
DATE_CHARS = 3_000

_DATE_KEYS = (
    "article:published_time", "og:published_time", "datepublished", "date.published",
    "citation_publication_date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date",
    "dcterms.date", "publishdate", "publish-date", "publication_date", "pubdate",
    "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "date",
)  # fmt: skip
_TITLE_KEYS = ("og:title", "twitter:title", "citation_title", "dc.title", "dcterms.title")
_PUBLISHER_KEYS = (
    "og:site_name", "dc.publisher", "dcterms.publisher", "citation_publisher", "application-name",
)  # fmt: skip
_SAVED = re.compile(r"(?:saved from url=\(\d+\)|\burl:\s{0,3})(https?://\S{1,2000})")
_LABELLED_DATE = re.compile(
    r"\b(?:published|release date|released|publication date|posted|date issued|issued|"
    r"last revised|date)\b[^\n\d]{0,40}?(?=\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"([^\n]{4,30})",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Metadata:
    """Gathers what elements of the head and the page say; the `best_` methods choose."""

    values: dict[str, str] = field(default_factory=dict)
    times: list[tuple[int, str]] = field(default_factory=list)
    """(preference, date) of ``time`` elements; lower is better."""
    wants: str = ""
    """The element whose text is being gathered."""
    parts: list[str] = field(default_factory=list)
    chars: int = 0
    scripts: int = 0

    def element(self, tag: str, attrs: Mapping[str, str]) -> None:
        """Notes a meta, link, time, script, title or h1 element."""
        if tag == "meta":
            key = attrs.get("property") or attrs.get("name") or attrs.get("itemprop") or ""
            content = attrs.get("content", "").strip()
            if key and content:
                self.values.setdefault(key.lower()[:60], content[:2000])
        elif tag == "link":
            if "canonical" in attrs.get("rel", "").lower().split() and attrs.get("href"):
                self.values.setdefault("canonical", attrs["href"].strip()[:2000])
        elif tag == "time":
            marks = f"{attrs.get('class', '')} {attrs.get('itemprop', '')}".lower()
            if (day := iso_date(attrs.get("datetime", ""))) and len(self.times) < 1000:
                better = "pubdate" in attrs or "published" in marks or "entry-date" in marks
                self.times.append((0 if better else 2 if "updated" in marks else 1, day))
        elif tag == "script":
            kind = attrs.get("type", "").lower()
            if kind.startswith("application/ld+json") and self.scripts < MAX_JSON_SCRIPTS:
                self.scripts += 1
                self._gather("script")
        elif tag not in self.values:
            self._gather(tag)

    def _gather(self, tag: str) -> None:
        if not self.wants:
            self.wants, self.parts, self.chars = tag, [], 0

    def text(self, text: str) -> None:
        """Text inside the element that is being gathered."""
        if self.chars < MAX_JSON_CHARS:
            self.parts.append(text)
            self.chars += len(text)

    def ends(self, tag: str) -> None:
        """An element ends; perhaps the gathered one."""
        if not self.wants or tag != self.wants:
            return
        text, self.wants = "".join(self.parts), ""
        if tag == "script":
            self._json(text)
        elif words := " ".join(text.split()):
            self.values.setdefault(tag, words[:MAX_TITLE_CHARS])

    def comment(self, text: str) -> None:
        """A comment of the browser or extension that saved the page."""
        if "saved" not in self.values and (match := _SAVED.search(text[:4000])):
            self.values["saved"] = match[1]

    def _json(self, text: str) -> None:
        """Date, headline, publisher and address out of one JSON-LD script (schema.org)."""
        import msgspec

        try:
            waiting: deque[object] = deque(
                [msgspec.json.decode(text[:MAX_JSON_CHARS].strip().encode())]
            )
        except (msgspec.DecodeError, RecursionError, ValueError):
            return
        seen = 0
        while waiting and seen < MAX_JSON_VALUES:
            value = waiting.popleft()
            seen += 1
            if isinstance(value, list):
                waiting.extend(value[:MAX_JSON_VALUES])
            elif isinstance(value, dict):
                self._item(value)
                waiting.extend(v for v in value.values() if isinstance(v, dict | list))

    def _item(self, item: dict[object, object]) -> None:
        for key, name in (("datePublished", "ld:date"), ("headline", "ld:title")):
            found = item.get(key)
            if isinstance(found, str) and found.strip():
                self.values.setdefault(name, found.strip()[:2000])
        publisher = item.get("publisher")
        if isinstance(publisher, dict):
            publisher = publisher.get("name")
        if isinstance(publisher, str) and publisher.strip():
            self.values.setdefault("ld:publisher", publisher.strip()[:200])

    def _first(self, keys: tuple[str, ...]) -> str:
        return next((self.values[k] for k in keys if self.values.get(k)), "")

    def best_title(self) -> str:
        """The report's title without the name of the site."""
        title = self._first((*_TITLE_KEYS, "ld:title", "h1", "title"))
        site = self.best_publisher()
        for mark in (" | ", " - ", " – ", " — ", " · "):
            if site and title.endswith(mark + site):
                title = title.removesuffix(mark + site)
        return one_line(title, MAX_TITLE_CHARS)

    def best_publisher(self) -> str:
        """Who publishes the page."""
        return one_line(self._first(("og:site_name", "ld:publisher", *_PUBLISHER_KEYS)), 200)

    def best_date(self, body: str) -> str:
        """The day of publication: stated in the head, else marked up, else labelled in the text."""
        for key in (*_DATE_KEYS[:3], "ld:date", *_DATE_KEYS[3:]):
            if day := iso_date(self.values.get(key, "")):
                return day
        if self.times:
            return min(self.times, key=lambda t: t[0])[1]
        match = _LABELLED_DATE.search(body[:DATE_CHARS])
        return iso_date(match[1]) if match else ""

    def best_url(self) -> str:
        """The canonical address."""
        url = self._first(("canonical", "og:url", "saved"))
        good = url.isprintable() and url.lower().startswith(("http://", "https://"))
        return url if good else ""
