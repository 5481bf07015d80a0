"""Reads one file of any supported format into documents: the way into this room.

The content decides first (a PDF named .txt is a PDF), then the suffix; what neither knows is read
as text if it is text. Bad input never raises: it becomes a `Problem`, and reading goes on.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from samehand.model import Problem
from samehand.read.archive import read_archive
from samehand.read.common import MIB, Inside, Reader, warning
from samehand.read.csvfile import read_csv
from samehand.read.decode import looks_binary
from samehand.read.document import Document
from samehand.read.docx import read_docx
from samehand.read.html import read_html
from samehand.read.mail import read_mail
from samehand.read.pdf import read_pdf
from samehand.read.text import read_asciidoc, read_markdown, read_text
from samehand.read.yara import read_yara

#: Bytes from the start of a file that decide its format. A tar archive is known at byte 257, a
#: PDF by a mark in its first 1,024 bytes (ISO 32000-1, annex H, note 13).
SNIFF_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table of readers."""

    name: str
    suffixes: tuple[str, ...]
    reader: Reader
    max_bytes: int
    """A longer file is cut there when ``cut``, else refused."""
    cut: bool
    """Whether the beginning of such a file is worth reading alone."""


#: Sizes: text of 64 MiB is 20,000 pages; the largest published reports (PDF) have some 100 MiB,
#: nearly all of it pictures.
FORMATS: tuple[Format, ...] = (
    Format("pdf", (".pdf",), read_pdf, 256 * MIB, False),
    Format("html", (".html", ".htm", ".xhtml"), read_html, 32 * MIB, True),
    Format("docx", (".docx", ".docm"), read_docx, 128 * MIB, False),
    Format("markdown", (".md", ".markdown"), read_markdown, 64 * MIB, True),
    Format("asciidoc", (".adoc", ".asciidoc"), read_asciidoc, 64 * MIB, True),
    Format("text", (".txt", ".text"), read_text, 64 * MIB, True),
    Format("mail", (".eml", ".mht", ".mhtml"), read_mail, 32 * MIB, True),
    Format("yara", (".yar", ".yara"), read_yara, 32 * MIB, True),
    Format("csv", (".csv", ".tsv"), read_csv, 64 * MIB, True),
    Format(
        "archive",
        (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"),
        read_archive,
        256 * MIB,
        False,
    ),
)
_BY_NAME = {row.name: row for row in FORMATS}

SUFFIXES: tuple[str, ...] = tuple(suffix for row in FORMATS for suffix in row.suffixes)
"""Endings of the file names that are read when a folder is given, in lower case."""

#: Magic numbers of what holds no report text, and what to do about it.
_NO_DOCUMENT: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "a program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a program (Mach-O or Java)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"SQLite format 3", "a database (SQLite)"),
    (b"Rar!", "an archive of a kind that is not read (RAR); unpack it and add its files"),
    (b"7z\xbc\xaf'\x1c", "an archive of a kind that is not read (7z); unpack it and add its files"),
    (b"\xd0\xcf\x11\xe0", "an old Office file or Outlook message; save it as .docx, .csv or .eml"),
    (b"{\\rtf", "Rich Text; save it as .docx or .txt"),
)
_MAIL_START = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|MIME-Version|From|Message-ID|X-[A-Za-z-]+): .*\r?\n"
    rb"[A-Za-z-]+: ",
    re.IGNORECASE,
)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--(?>.*?-->)\s*)*+"
    rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])",
    re.IGNORECASE | re.DOTALL,
)


def _office(data: bytes) -> str:
    """'docx', 'office' for another Office file, or '' for an ordinary zip."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    if "word/document.xml" in names:
        return "docx"
    office = any(n.startswith(("xl/", "ppt/", "visio/")) for n in names)
    return "office" if "[Content_Types].xml" in names and office else ""


def format_of(head: bytes, name: str) -> str:
    """The format of a file from its first bytes and its name.

    A name in `FORMATS`, 'zip' for a zip that may be an Office file, or a sentence that says why
    it is not read (it holds a blank).
    """
    lower = name.lower()
    by_suffix = next((row.name for row in FORMATS if lower.endswith(row.suffixes)), "")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-") or (
        by_suffix == "pdf" and b"%PDF-" in head[:1024]
    ):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")) or head[257:262] == b"ustar":
        return "archive"
    for magic, what in _NO_DOCUMENT:
        if head.startswith(magic):
            return f"not a document but {what}"
    if head.startswith(b"MZ") and looks_binary(head):
        return "not a document but a program (PE)"
    if by_suffix in ("pdf", "docx", "archive"):
        return by_suffix  # its reader says what is wrong with it
    if looks_binary(head):
        return "not a document: the content is binary"
    if by_suffix in ("", "text") and _HTML_START.match(head):
        return "html"
    if by_suffix:
        return by_suffix
    return "mail" if _MAIL_START.match(head) else "text"


def _skipped(inside: Inside, name: str, message: str) -> Problem:
    """A file that is no document: an error when the user named it, a warning in an archive."""
    return warning(name, message) if inside.depth else Problem(name, message)


def _oversize(row: Format, name: str) -> Problem:
    limit = f"{row.max_bytes / MIB:g} MiB"
    if row.cut:
        return warning(name, f"larger than {limit}; only the first {limit} are read. Split it.")
    return Problem(name, f"larger than {limit}, nothing read. Split the file.")


def read_inside(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """The documents in some bytes, at a known depth; the one place where errors become words."""
    if not data:
        yield _skipped(inside, name, "is empty, nothing read. Save it again from its source.")
        return
    chosen = format_of(data[:SNIFF_BYTES], name)
    if chosen == "zip":
        office = _office(data)
        if office == "office":
            chosen = "not a document but a spreadsheet or presentation; save it as .csv or .pdf"
        else:
            word = name.lower().endswith(_BY_NAME["docx"].suffixes)
            chosen = office or ("docx" if word else "archive")
    if " " in chosen:
        yield _skipped(inside, name, f"{chosen}. Nothing read.")
        return
    row = _BY_NAME[chosen]
    if len(data) > row.max_bytes:
        yield _oversize(row, name)
        if not row.cut:
            return
        data = data[: row.max_bytes]
        inside = replace(inside, cut=True)
    try:
        for item in row.reader(data, name, inside):
            if isinstance(item, Problem) or item.text.strip():
                yield item
            elif item.problems:
                yield from (replace(problem, severity="error") for problem in item.problems)
            else:
                yield _skipped(inside, name, "holds no text, nothing extracted. Save it anew.")
    except (Exception, RecursionError, MemoryError) as error:  # hostile input: any library, any way
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if isinstance(error, RecursionError):
            detail = "nested too deeply"
        yield Problem(
            name,
            f"could not be read as {row.name} ({detail}). "
            "Open it in another program and save it anew, or give its text as .txt.",
        )


def read_bytes(
    data: bytes, name: str, *, columns: Mapping[str, str] | None = None
) -> Iterator[Document | Problem]:
    """The documents in the bytes of one file, in order; never raises for bad input."""
    yield from read_inside(data, name, Inside(columns or {}, reader=read_inside))


def read(path: Path, *, columns: Mapping[str, str] | None = None) -> Iterator[Document | Problem]:
    """The documents of one file, in order, and a `Problem` for each part that gave none.

    An archive or a mail gives several. What could not be read of a document that was read stands
    in its ``problems``. ``columns`` names the type of CSV columns. Never raises for bad input.
    """
    name = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            yield Problem(name, "is a folder, not a file. Add the files in it.")
            return
        if not stat.S_ISREG(status.st_mode):
            yield Problem(name, "is a device or a pipe, nothing read. Save it to a file first.")
            return
        with path.open("rb") as stream:
            head = stream.read(SNIFF_BYTES)
            chosen = format_of(head, name)
            limit = (
                _BY_NAME[{"zip": "archive"}.get(chosen, chosen)].max_bytes + 1
                if (" " not in chosen)
                else 0
            )
            data = head + stream.read(max(0, limit - len(head)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield Problem(name, f"could not be opened ({reason}). Check the name and the rights.")
        return
    yield from read_bytes(data, name, columns=columns)
