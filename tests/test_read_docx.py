"""Word documents: order, tables, footnotes, links, properties; bombs and forbidden declarations."""

from __future__ import annotations

import io

import pytest

from read_helpers import (
    blocks,
    document,
    everything,
    make_docx,
    make_zip,
    para,
    problems,
    word_table,
)
from samehand.model import Problem
from samehand.read import docx, zips

BODY = (
    para("The Title", style="Heading1")
    + para("evil", "[.]", "com and", " more")
    + word_table([["Type", "Value"], ["ip", "192.0.2.1"], ["", "evil.org"]])
    + para("first item", listed=True)
    + para("second item", listed=True)
    + para("after")
)
CORE = (
    "<dc:title>Core Title</dc:title><dc:creator>A Vendor</dc:creator>"
    "<dcterms:created>2020-06-24T08:00:00Z</dcterms:created>"
)


def test_paragraphs_and_tables_in_order() -> None:
    found = document(make_docx(BODY, core=CORE), "a.docx")
    table = "Type\tValue\nip\t192.0.2.1\n\tevil.org"
    assert found.text == f"The Title\nevil[.]com and more\n{table}\nfirst item\nsecond item\nafter"
    assert blocks(found, "heading") == ["The Title"]
    assert blocks(found, "table") == [table]
    assert blocks(found, "list") == ["first item\nsecond item"]
    assert (found.title, found.publisher, found.published) == (
        "Core Title",
        "A Vendor",
        "2020-06-24",
    )
    assert document(make_docx(BODY), "a.docx").title == "The Title"


def test_footnotes_links_hidden_and_deleted_text() -> None:
    body = (
        para("text")
        + "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>HIDDEN</w:t></w:r><w:del><w:r><w:delText>HIDDEN"
        "</w:delText></w:r></w:del><w:r><w:t>a</w:t><w:br/><w:t>b</w:t></w:r></w:p>"
    )
    notes = (
        f'<w:footnote w:type="separator">{para("HIDDEN")}</w:footnote>'
        f"<w:footnote>{para('see note.example')}</w:footnote>"
    )
    found = document(make_docx(body, notes=notes, links=["https://s.org/x"]), "a.docx")
    assert found.text == "text\na\nb\nsee note.example"
    assert found.links == ("https://s.org/x",)


def test_python_docx_writes_what_is_read() -> None:
    import docx as python_docx

    word = python_docx.Document()
    word.add_heading("Chapter", 1)
    word.add_paragraph("text evil.com")
    table = word.add_table(2, 2)
    for n, cell in enumerate(("a", "b", "c", "d")):
        table.cell(n // 2, n % 2).text = cell
    buffer = io.BytesIO()
    word.save(buffer)
    found = document(buffer.getvalue(), "misnamed.bin")
    assert found.text.strip() == "Chapter\ntext evil.com\na\tb\nc\td"
    assert blocks(found, "heading") == ["Chapter"]
    assert blocks(found, "table") == ["a\tb\nc\td"]


def test_entities_are_refused_before_they_expand() -> None:
    laughs = '<!DOCTYPE w [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {c} "{f"&{chr(ord(c) - 1)};" * 10}">' for c in "bcdefghij"
    )
    (problem,) = problems(make_docx("<w:p/>&j;", doctype=laughs + "]>"), "a.docx")
    assert "declares a document type" in problem.message


def test_bombs_are_refused_before_inflating() -> None:
    (problem,) = problems(make_docx(" " * (zips.RATIO_FREE_BYTES + 1)), "a.docx")
    assert "decompression bomb" in problem.message


def test_depth_costs_nothing() -> None:
    deep = "<w:sdt>" * 100_000 + para("evil.com") + "</w:sdt>" * 100_000
    assert document(make_docx(deep), "a.docx").text == "evil.com"


def test_damage_is_named_and_what_came_before_is_kept() -> None:
    whole = make_docx(BODY)
    found = document(make_docx(BODY + "<broken>"), "a.docx")
    assert found.text.startswith("The Title\nevil[.]com") and "damaged" in found.problems[0].message
    assert isinstance(everything(whole[:200], "a.docx")[0], Problem)
    assert "is damaged" in problems(b"just text", "a.docx")[0].message
    assert problems(make_zip({"word/document.xml": ""}), "a.docx")
    assert (
        "no Word document"
        in problems(make_zip({"word/x": "", "[Content_Types].xml": ""}), "a.docx")[0].message
    )


def test_a_spreadsheet_is_no_document() -> None:
    data = make_zip({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"})
    assert "save it as .csv" in problems(data, "a.xlsx")[0].message


def test_the_limit_of_characters_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx, "MAX_CHARS", 20)
    found = document(make_docx(para("one two three") * 9), "a.docx")
    assert "only the first 20 characters" in found.problems[0].message
