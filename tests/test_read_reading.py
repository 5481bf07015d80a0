"""The way in: which format a file is, what is no document, and that nothing ever raises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from read_helpers import document, everything, make_docx, make_pdf, make_zip, para, problems
from samehand.config import types_table
from samehand.model import Problem
from samehand.read import csv_words, reading
from samehand.read.common import Inside
from samehand.read.document import Document
from samehand.read.reading import FORMATS, SUFFIXES, read, read_bytes

PDF, DOCX = make_pdf([["text"]]), make_docx(para("text"))
HTML = b"<!-- saved -->\n<!DOCTYPE html><html><body><p>text</p></body></html>"
MAIL = b"Received: from a\nFrom: b@c.d\nSubject: s\n\ntext"


@pytest.mark.parametrize(
    ("data", "name", "form"),
    [
        (PDF, "a.pdf", "pdf"), (PDF, "a.txt", "pdf"), (PDF, "noname", "pdf"),
        (DOCX, "a.docx", "docx"), (DOCX, "a.zip", "docx"), (DOCX, "noname", "docx"),
        (HTML, "a.html", "html"), (HTML, "a.txt", "html"), (HTML, "noname", "html"),
        (HTML, "a.md", "markdown"), (b"<p>text", "a.htm", "html"), (b"text", "a.md", "markdown"),
        (b"text", "a.MARKDOWN", "markdown"), (b"text", "a.adoc", "asciidoc"),
        (b"text", "a.txt", "text"), (b"text", "noname", "text"), (b"text", "a.unknown", "text"),
        (b"a,b", "a.csv", "csv"), (b"a\tb", "a.tsv", "csv"), (b"rule A {}", "a.yar", "yara"),
        (MAIL, "a.eml", "mail"), (MAIL, "noname", "mail"), (MAIL, "a.txt", "text"),
        (b'rule A { strings: $a = "%PDF-" }', "a.yar", "yara"), (b"MZ is a mark", "a.txt", "text"),
    ],
)  # fmt: skip
def test_content_decides_and_then_the_suffix(data: bytes, name: str, form: str) -> None:
    assert document(data, name).format == form


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ\x90\0\3\0\0\0" * 20, "program (PE)"), (b"\x7fELF\2\1\1\0" * 20, "program (ELF)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"), (b"\xff\xd8\xff\xe0", "picture"),
        (b"Rar!\x1a\7\0" * 9, "unpack it"), (b"7z\xbc\xaf\x27\x1c" * 9, "unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .docx"),
        (b"{\\rtf1 x}", "save it as .docx"),
        (bytes(range(256)) * 9, "content is binary"), (b"", "is empty"), (b" \n ", "no text"),
        (b"\xef\xbb\xbf", "no text"),
    ],
)  # fmt: skip
def test_what_is_no_document_gives_one_problem(data: bytes, words: str) -> None:
    for name in ("a.txt", "noname"):
        (problem,) = everything(data, name)
        assert isinstance(problem, Problem) and words in problem.message, problem
        assert problem.severity == "error" and problem.place == name


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "Ä b.txt"
    path.write_text("evil.com", encoding="utf-8")
    (found,) = read(path)
    assert isinstance(found, Document) and (found.name, found.text) == (str(path), "evil.com")
    (tmp_path / "c.csv").write_text("x,y\na,b\n", encoding="utf-8")
    (found,) = read(tmp_path / "c.csv", columns={"x": "mutex"})
    assert isinstance(found, Document) and found.stated[0].kind == "mutex"


def test_what_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    for name in ("missing.txt", "empty.txt", "pipe.txt", "loop.txt", "", "nul\0.txt"):
        (found,) = read(tmp_path / name)
        assert isinstance(found, Problem) and found.severity == "error"
        assert str(tmp_path) in found.place


def test_a_sparse_gigabyte_is_cut_and_said(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as stream:
        stream.write(b"evil.com " * 10_000)
        stream.truncate(2**30)
    found = list(read(path))
    assert isinstance(found[0], Problem) and "only the first 64 MiB" in found[0].message
    assert isinstance(found[1], Document) and found[1].text.startswith("evil.com ")


def test_an_error_inside_a_reader_becomes_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ValueError("bad\nthing"), RecursionError(), MemoryError(), AssertionError()):

        def broken(
            data: bytes, name: str, inside: Inside, e: BaseException = error
        ) -> Iterator[Document]:
            yield Document(name, "text", "first")
            raise e

        row = reading.replace(reading._BY_NAME["text"], reader=broken)
        monkeypatch.setitem(reading._BY_NAME, "text", row)
        first, last = everything(b"x", "a.txt")
        assert isinstance(first, Document) and isinstance(last, Problem)
        said = "nested too deeply" if isinstance(error, RecursionError) else type(error).__name__
        assert said in last.message

    def interrupted(data: bytes, name: str, inside: Inside) -> Iterator[Document]:
        raise KeyboardInterrupt
        yield

    row = reading.replace(reading._BY_NAME["text"], reader=interrupted)
    monkeypatch.setitem(reading._BY_NAME, "text", row)
    with pytest.raises(KeyboardInterrupt):
        list(read_bytes(b"x", "a.txt"))


def test_a_file_over_the_limit_of_its_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = reading.replace(reading._BY_NAME["pdf"], max_bytes=100)
    monkeypatch.setitem(reading._BY_NAME, "pdf", row)
    (problem,) = problems(PDF, "a.pdf")
    assert "larger than" in problem.message


def test_every_type_that_a_reader_states_exists() -> None:
    known = {kind for kind, row in types_table().items() if not row.derived}
    assert set(csv_words.TYPE_OF_WORD.values()) - known <= {"by-value", "by-length"}
    for word in csv_words.TYPE_OF_WORD:
        assert word == csv_words.squeeze(word)


def test_the_table_of_formats() -> None:
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert all(s.startswith(".") and s == s.lower() for s in SUFFIXES)
    assert {row.name for row in FORMATS} >= {"pdf", "html", "docx", "markdown", "asciidoc", "text"}


def test_reading_starts_without_the_heavy_libraries() -> None:
    import subprocess
    import sys

    code = (
        "import sys, samehand.read.reading; heavy = {'pypdfium2', 'lxml', 'docx', 'selectolax', "
        "'trafilatura', 'charset_normalizer', 'email.parser'} & set(sys.modules); print(heavy)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_zip_of_everything() -> None:
    data = make_zip(
        {"a.pdf": PDF, "b.docx": DOCX, "c.html": HTML, "d.eml": MAIL, "e.png": b"\x89PNG"}
    )
    found = everything(data, "z.zip")
    assert [f.format for f in found if isinstance(f, Document)] == ["pdf", "docx", "html", "mail"]
