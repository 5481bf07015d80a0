"""Builders of input files for the tests of `read`, and laws that every document keeps."""

from __future__ import annotations

import io
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from samehand.model import Problem
from samehand.read.dates import iso_date
from samehand.read.document import Document
from samehand.read.reading import read_bytes

#: (x, y, text, size) in points, from the lower left corner of an A4 page.
Item = tuple[float, float, str, float]


def column(
    lines: Sequence[str], x: float = 60, top: float = 780, leading: float = 12, size: float = 10
) -> list[Item]:
    """Lines one under another; an empty one leaves a gap."""
    return [(x, top - n * leading, line, size) for n, line in enumerate(lines) if line]


@dataclass
class Page:
    """One page: text where it stands, horizontal rules, targets of links, rotation."""

    items: list[Item] = field(default_factory=list)
    rules: Sequence[float] = ()
    links: Sequence[str] = ()
    rotate: int = 0
    picture: bool = False
    """Something is drawn on it, so that an empty page is not blank."""


def _literal(text: str) -> bytes:
    raw = text.encode("cp1252")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _stream(page: Page) -> bytes:
    out = []
    if page.picture:
        out.append(b"0.5 g 100 100 200 200 re f")
    out += [b"0 g 50 %.2f 500 0.5 re f" % y for y in page.rules]
    for x, y, text, size in page.items:
        place = b"1 0 0 1 %.2f %.2f" % (x, y)
        if page.rotate == 90:  # a viewer turns the page clockwise: text runs upward in it
            place = b"0 1 -1 0 %.2f %.2f" % (595 - y, x)
        out.append(b"BT /F1 %.2f Tf %s Tm (%s) Tj ET" % (size, place, _literal(text)))
    return b"\n".join(out)


def make_pdf(
    pages: Sequence[Sequence[str] | Page], *, info: dict[str, str] | None = None, extra: bytes = b""
) -> bytes:
    """A PDF of the given pages, written by hand; lines of text, or a `Page`."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    catalog, tree = add(b"<</Type/Catalog/Pages 2 0 R>>"), add(b"")
    font = add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
    kids = []
    for given in pages:
        page = given if isinstance(given, Page) else Page(column(given))
        data = _stream(page)
        content = add(b"<</Length %d>>stream\n%s\nendstream" % (len(data), data))
        notes = b"".join(
            b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(%s)>>>>" % _literal(link)
            for link in page.links
        )
        kids.append(
            add(
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate %d/Contents %d 0 R"
                b"/Resources<</Font<</F1 %d 0 R>>>>/Annots[%s]>>"
                % (page.rotate, content, font, notes)
            )
        )
    refs = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[tree - 1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (refs, len(kids))
    facts = b"".join(b"/%s(%s)" % (k.encode(), _literal(v)) for k, v in (info or {}).items())
    about = add(b"<<%s>>" % facts)
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"<</Size %d/Root %d 0 R/Info %d 0 R%s>>" % (len(objects) + 1, catalog, about, extra)
    out += b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, table)
    return bytes(out)


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def para(*runs: str, style: str = "", listed: bool = False) -> str:
    """A paragraph of Word whose text is cut into runs."""
    own = f'<w:pStyle w:val="{style}"/>' if style else ""
    own += '<w:numPr><w:numId w:val="1"/></w:numPr>' if listed else ""
    text = "".join(f'<w:r><w:t xml:space="preserve">{escape(r)}</w:t></w:r>' for r in runs)
    return f"<w:p><w:pPr>{own}</w:pPr>{text}</w:p>"


def word_table(rows: Sequence[Sequence[str]]) -> str:
    """A table of Word, one paragraph in each cell."""
    cells = ("".join(f"<w:tc>{para(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def make_docx(
    body: str, *, notes: str = "", links: Sequence[str] = (), core: str = "", doctype: str = ""
) -> bytes:
    """A Word document from the XML of its body."""
    parts = {
        "[Content_Types].xml": '<Types xmlns="x"/>',
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<w:document '
        f'xmlns:w="{_W}" xmlns:r="{_R}"><w:body>{body}</w:body></w:document>',
    }
    if notes:
        parts["word/footnotes.xml"] = f'<w:footnotes xmlns:w="{_W}">{notes}</w:footnotes>'
    if links:
        targets = "".join(
            f'<Relationship Id="r{n}" Type="{_R}/hyperlink" Target="{escape(t)}" '
            'TargetMode="External"/>'
            for n, t in enumerate(links)
        )
        parts["word/_rels/document.xml.rels"] = (
            f'<Relationships xmlns="{_RELATIONS}">{targets}</Relationships>'
        )
    if core:
        parts["docProps/core.xml"] = (
            '<c:coreProperties xmlns:c="c" xmlns:dc="http://purl.org/dc/elements/1.1/" '
            f'xmlns:dcterms="http://purl.org/dc/terms/">{core}</c:coreProperties>'
        )
    return make_zip(parts)


def make_zip(members: dict[str, str | bytes]) -> bytes:
    """A zip with these members, deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def make_tar(members: dict[str, bytes], links: Sequence[str] = ()) -> bytes:
    """An uncompressed tar with these members, and symbolic links to /etc/passwd."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def documents(data: bytes, name: str, **options: Any) -> list[Document]:
    """The documents in some bytes, after checking the laws."""
    return [d for d in everything(data, name, **options) if isinstance(d, Document)]


def document(data: bytes | str, name: str, **options: Any) -> Document:
    """The only document in some bytes."""
    raw = data.encode() if isinstance(data, str) else data
    found = everything(raw, name, **options)
    assert len(found) == 1 and isinstance(found[0], Document), found
    return found[0]


def problems(data: bytes, name: str, **options: Any) -> list[Problem]:
    """The problems with some bytes: those without a document, and those of documents."""
    found: list[Problem] = []
    for item in everything(data, name, **options):
        found += [item] if isinstance(item, Problem) else item.problems
    return found


def everything(data: bytes, name: str, **options: Any) -> list[Document | Problem]:
    """All that is read, after checking the laws."""
    found = list(read_bytes(data, name, **options))
    for item in found:
        check_laws(item)
    return found


def check_laws(item: Document | Problem) -> None:
    """What holds for everything that `read` gives, whatever the input."""
    if isinstance(item, Problem):
        assert item.place and len(item.message) > 10 and "\n" not in item.message
        return
    size = len(item.text)
    assert item.text and "\0" not in item.text
    item.text.encode()  # no lone surrogates
    for value in (item.name, item.title, item.publisher, item.url, *item.links):
        assert value.isprintable(), value
    assert not item.published or iso_date(item.published) == item.published
    assert list(item.pages) == sorted(item.pages)
    assert all(0 <= offset <= size for offset in item.pages)
    for block in item.blocks:
        assert 0 <= block.start < block.end <= size
    assert [b.start for b in item.blocks] == sorted(b.start for b in item.blocks)
    for stated in item.stated:
        assert 0 <= stated.start < stated.end <= size
    for problem in item.problems:
        check_laws(problem)


def blocks(found: Document, kind: str) -> list[str]:
    """The texts of all blocks of one kind."""
    return [found.text[b.start : b.end] for b in found.blocks if b.kind == kind]


def stated(found: Document) -> list[tuple[str, str, str]]:
    """(kind, role, text) of everything that is stated."""
    return [(s.kind, s.role, found.text[s.start : s.end]) for s in found.stated]


def mutations(valid: bytes) -> st.SearchStrategy[bytes]:
    """Damaged versions of a valid file: bytes flipped, slices cut out, doubled, swapped."""

    @st.composite
    def damaged(draw: st.DrawFn) -> bytes:
        data = bytearray(valid)
        for _ in range(draw(st.integers(1, 6))):
            a = draw(st.integers(0, max(0, len(data) - 1)))
            b = min(len(data), a + draw(st.integers(1, 400)))
            action = draw(st.sampled_from(("flip", "cut", "double", "random", "end")))
            if action == "flip" and data:
                data[a] ^= 1 << draw(st.integers(0, 7))
            elif action == "cut":
                del data[a:b]
            elif action == "double":
                data[a:a] = data[a:b]
            elif action == "random":
                data[a:b] = draw(st.binary(max_size=40))
            else:
                del data[b:]
        return bytes(data)

    return damaged()


def seconds(action: Callable[[], object]) -> float:
    """The time that something takes, the better of two runs."""

    def once() -> Iterator[float]:
        for _ in range(2):
            begun = time.perf_counter()
            action()
            yield time.perf_counter() - begun

    return min(once())


def assert_linear(make: Callable[[int], bytes], name: str, size: int) -> None:
    """Four times the input takes at most ten times as long, with room for a busy machine."""
    times = [
        seconds(lambda n=n: list(read_bytes(make(n), name))) for n in (size, 2 * size, 4 * size)
    ]
    assert times[2] < 10 * times[0] + 0.2, times
