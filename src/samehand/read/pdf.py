"""PDF: the text layer of each page in reading order, with the offset at which each page begins."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from samehand.model import Problem
from samehand.read.common import (
    MAX_LINKS,
    Deadline,
    Inside,
    kept_links,
    one_line,
    sorted_blocks,
    warning,
)
from samehand.read.dates import iso_date
from samehand.read.document import Block, Document
from samehand.read.pdf_bombs import bomb_in
from samehand.read.pdf_layout import layout
from samehand.read.pdf_words import chunks_of, rules_of

#: Pages read of one document; the longest published report has some 800.
MAX_PAGES = 5_000
#: Characters of one page and of a document: a dense page has 8,000.
MAX_PAGE_CHARS = 200_000
MAX_CHARS = 20_000_000
#: Seconds for one document, looked at between pages: 5,000 ordinary pages need 40.
MAX_SECONDS = 120.0
#: Link annotations looked at on one page.
MAX_PAGE_LINKS = 2_000
#: Titles that a program left.
_NO_TITLE = re.compile(
    r"(?i)^\s*(?:untitled|microsoft \w+ - .*|.*\.(?:docx?|indd|pptx?|pages))\s*$"
)
_ENCRYPTED, _SECURITY = 4, 5
_OCR = "Run OCR first, for instance 'ocrmypdf in.pdf out.pdf', and add the result."


@dataclass(slots=True)
class _Gathered:
    """What has been read so far."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    pages: list[int] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)

    def add(self, text: str, *, table: bool = False) -> None:
        if table and text:
            self.blocks.append(Block("table", self.length, self.length + len(text)))
        self.parts.append(text)
        self.length += len(text)


def _links(api: Any, document: Any, page: Any) -> Iterator[str]:
    """Targets of the link annotations of a page."""
    position = ctypes.c_int(0)
    link = api.FPDF_LINK()
    for _ in range(MAX_PAGE_LINKS):
        if not api.FPDFLink_Enumerate(page, position, link):
            return
        action = api.FPDFLink_GetAction(link)
        if not action or api.FPDFAction_GetType(action) != api.PDFACTION_URI:
            continue
        size = api.FPDFAction_GetURIPath(document, action, None, 0)
        if 1 < size <= 8192:
            buffer = ctypes.create_string_buffer(size)
            api.FPDFAction_GetURIPath(document, action, buffer, size)
            yield buffer.value.decode("utf-8", "replace")


def _read_page(api: Any, document: Any, page: Any, number: int, out: _Gathered) -> None:
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        if count > MAX_PAGE_CHARS:
            out.long.append(number)
            count = MAX_PAGE_CHARS
        text = textpage.get_text_range(0, count) if count else ""
        text = (
            "".join(c if c < "\U00010000" else "\ufffd" for c in text)
            if not (text.isascii() or max(text) < "\U00010000")
            else text
        )
        text = text.replace("\0", "\ufffd")
        turn = page.get_rotation()
        chunks = chunks_of(api, textpage.raw, text, turn) if text.strip() else []
    finally:
        textpage.close()
    if not chunks:
        if api.FPDFPage_CountObjects(page.raw):
            out.empty.append(number)
        return
    before = out.length
    first = len(out.parts)
    for piece in layout(chunks, lambda: rules_of(api, page.raw, turn)):
        out.add(piece.text, table=piece.table)
        out.add("\n")
    if len(out.links) < MAX_LINKS:
        shown = "".join(out.parts[first:]) if out.length > before else ""
        out.links.extend(kept_links(list(_links(api, document, page.raw)), shown))


def _ranges(numbers: Sequence[int]) -> str:
    """'page 3' or 'pages 3, 5-9' for a sorted list of pages."""
    spans: list[tuple[int, int]] = []
    for n in numbers:
        if spans and spans[-1][1] == n - 1:
            spans[-1] = (spans[-1][0], n)
        else:
            spans.append((n, n))
    shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans[:20])
    more = ", …" if len(spans) > 20 else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _open(data: bytes, name: str) -> Any:
    """The open document, or a `Problem`."""
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in (_ENCRYPTED, _SECURITY):
            return Problem(
                name,
                "is encrypted and needs a password, nothing read. Save a copy without one.",
            )
        return Problem(
            name,
            f"is damaged or no PDF ({error}), nothing read. Open it in a viewer and print it to "
            "PDF again, or fetch it anew.",
        )


def read_pdf(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A PDF document."""
    if bomb := bomb_in(data):
        yield Problem(name, f"{bomb}; nothing read. Open it in a viewer and print it to PDF again.")
        return
    document = _open(data, name)
    if isinstance(document, Problem):
        yield document
        return
    try:
        yield _read_document(document, name)
    finally:
        document.close()


def _read_document(document: Any, name: str) -> Document | Problem:
    import pypdfium2
    import pypdfium2.raw as api

    out = _Gathered()
    deadline = Deadline(MAX_SECONDS)
    total = len(document)
    for number in range(1, min(total, MAX_PAGES) + 1):
        if deadline.passed or out.length > MAX_CHARS:
            why = f"{MAX_SECONDS:g} seconds" if deadline.passed else f"{MAX_CHARS} characters"
            out.problems.append(
                warning(name, f"read up to page {number - 1} of {total}: limit of {why}. Split it.")
            )
            break
        out.pages.append(out.length)
        try:
            page = document[number - 1]
        except pypdfium2.PdfiumError:
            out.failed.append(number)
            continue
        try:
            _read_page(api, document.raw, page, number, out)
        except (pypdfium2.PdfiumError, AssertionError, ValueError, OSError):
            out.failed.append(number)
        finally:
            page.close()
    if total > MAX_PAGES:
        out.problems.append(
            warning(name, f"has {total} pages, the first {MAX_PAGES} are read. Split it.")
        )
    return _finish(document, name, out)


def _facts(document: Any) -> dict[str, str]:
    """Title, Author, CreationDate, …; nothing if they are damaged."""
    try:
        facts: dict[str, str] = document.get_metadata_dict()
    except (ValueError, RuntimeError):
        return {}
    title = facts.get("Title", "")
    return {**facts, "Title": "" if _NO_TITLE.search(title) else title}


def _finish(document: Any, name: str, out: _Gathered) -> Document | Problem:
    text = "".join(out.parts)
    if out.failed:
        out.problems.append(
            warning(f"{name}, {_ranges(out.failed)}", "damaged, not read. Fetch the file anew.")
        )
    if out.long:
        out.problems.append(
            warning(
                f"{name}, {_ranges(out.long)}",
                f"more than {MAX_PAGE_CHARS} characters, the rest of the page is not read.",
            )
        )
    if not text.strip():
        if out.problems and not out.failed:  # a limit, before any text
            return Problem(name, out.problems[0].message)
        if out.failed and not out.empty:
            return Problem(name, f"no page could be read ({_ranges(out.failed)} damaged).")
        return Problem(name, f"text layer is empty, nothing extracted. {_OCR}")
    if out.empty:
        out.problems.append(
            warning(f"{name}, {_ranges(out.empty)}", f"no text layer, nothing extracted. {_OCR}")
        )
    facts = _facts(document)
    return Document(
        name,
        "pdf",
        text,
        pages=tuple(out.pages),
        blocks=sorted_blocks(out.blocks),
        links=kept_links(out.links),
        title=one_line(facts.get("Title", ""), 300),
        publisher=one_line(facts.get("Author", ""), 200),
        published=iso_date(facts.get("CreationDate", "")),
        problems=tuple(out.problems),
    )
