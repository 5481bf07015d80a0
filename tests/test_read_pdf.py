"""PDF: pages, columns, tables, broken words and values, metadata, and what cannot be read."""

from __future__ import annotations

import zlib

import pytest

from read_helpers import Page, blocks, column, document, everything, make_pdf, problems
from samehand.model import Problem
from samehand.read import pdf, pdf_bombs

SHA256 = "0123456789abcdef0123456789abcdef" + "fedcba9876543210fedcba9876543210"
LEFT = [f"left line {n} tells something of the first column" for n in range(12)]
RIGHT = [f"right line {n} tells something of the second one" for n in range(12)]


def test_pages_begin_where_their_text_begins() -> None:
    found = document(make_pdf([["first page"], ["second page"], ["third page"]]), "a.pdf")
    assert [found.text[p : p + 5] for p in found.pages] == ["first", "secon", "third"]
    assert found.page_of(found.text.index("second")) == 2
    assert found.format == "pdf"


def test_metadata_gives_title_author_and_a_fallback_date() -> None:
    info = {"Title": "Big Report", "Author": "Some Vendor", "CreationDate": "D:20200624101500Z"}
    found = document(make_pdf([["text"]], info=info), "a.pdf")
    assert (found.title, found.publisher) == ("Big Report", "Some Vendor")
    assert found.published == "2020-06-24"


@pytest.mark.parametrize("interleaved", [False, True])
def test_two_columns_are_read_one_after_the_other_however_they_were_drawn(
    interleaved: bool,
) -> None:
    left, right = column(LEFT, 60), column(RIGHT, 320)
    items = (
        [i for pair in zip(left, right, strict=True) for i in pair]
        if interleaved
        else (left + right)
    )
    found = document(make_pdf([Page(items)]), "a.pdf")
    assert found.text.split("\n")[:24] == LEFT + RIGHT
    assert blocks(found, "table") == []


def test_columns_below_a_title_and_above_a_footer() -> None:
    title = (
        60.0,
        810.0,
        "A title that runs over both of the columns of this page, and further",
        12.0,
    )
    footer = (
        60.0,
        600.0,
        "A footer that runs over both of the columns of this page, and further",
        12.0,
    )
    items = [title, *column(LEFT), *column(RIGHT, 320), footer]
    lines = document(make_pdf([Page(items)]), "a.pdf").text.strip().split("\n")
    assert lines == [title[2], *LEFT, *RIGHT, footer[2]]


@pytest.mark.parametrize("by_column", [False, True])
def test_a_table_is_read_by_row_with_tabs_however_it_was_drawn(by_column: bool) -> None:
    rows = [["Type", "Value", "Note"], ["domain", "evil.com", "c2"], ["ip", "192.0.2.1", "proxy"]]
    cells = [
        (60.0 + 160 * x, 700.0 - 20 * y, cell, 10.0)
        for y, row in enumerate(rows)
        for x, cell in enumerate(row)
    ]
    if by_column:
        cells.sort(key=lambda cell: cell[0])
    found = document(make_pdf([Page(column(["Some text above."]) + cells)]), "a.pdf")
    expected = "\n".join("\t".join(row) for row in rows)
    assert blocks(found, "table") == [expected]
    assert found.text.startswith("Some text above.\n")


def test_empty_cells_keep_the_columns_in_place() -> None:
    items = [(60.0, 700.0, "a", 10.0), (200.0, 700.0, "b", 10.0), (340.0, 700.0, "c", 10.0),
             (60.0, 680.0, "d", 10.0), (340.0, 680.0, "f", 10.0)]  # fmt: skip
    assert "a\tb\tc\nd\t\tf" in document(make_pdf([Page(items)]), "a.pdf").text


def test_a_hash_split_over_two_lines_of_a_cell_is_whole_again() -> None:
    items = [
        *column(["Kind", "sample one", "", "sample two"], 60, leading=14),
        *column(["SHA-256", SHA256[:32], SHA256[32:], SHA256[::-1][:32], SHA256[::-1][32:]], 200,
                leading=14),
    ]  # fmt: skip
    found = document(make_pdf([Page(items)]), "a.pdf")
    assert f"sample one\t{SHA256}\nsample two\t{SHA256[::-1]}" in found.text


def test_rules_tell_the_rows_of_a_table_whose_cells_wrap() -> None:
    items = [*column(["hxxp://evil.com/a/very/", "long/path.php",
                     "hxxp://evil.org/b/other-", "path.php"]),
             *column(["first words", "of a note", "second words", "of another"], 300)]  # fmt: skip
    found = document(make_pdf([Page(items, rules=(788, 764, 740))]), "a.pdf")
    assert blocks(found, "table") == [
        "hxxp://evil.com/a/very/long/path.php\tfirst words of a note\n"
        "hxxp://evil.org/b/other-path.php\tsecond words of another"
    ]


def test_words_are_joined_at_hyphens_and_values_keep_theirs() -> None:
    lines = [
        "The group rented much infra-", "structure for this and used https://evil.example/my-",
        "page/index.php as well as the host named long-", "evil.example.com for CVE-2020-",
        "1234 and more things besides, all of it at length.",
    ]  # fmt: skip
    text = document(make_pdf([lines]), "a.pdf").text
    assert "much infrastructure for" in text
    assert "https://evil.example/my-page/index.php" in text
    assert "long-evil.example.com" in text
    assert "CVE-2020-1234" in text


def test_two_md5_in_a_list_stay_two() -> None:
    lines = [SHA256[:32], SHA256[32:], SHA256[:32][::-1]]
    assert document(make_pdf([lines]), "a.pdf").text.split() == lines


def test_turned_pages_are_read_as_shown() -> None:
    items = [(60.0, 700.0, "Type", 10.0), (300.0, 700.0, "Value", 10.0),
             (60.0, 680.0, "domain", 10.0), (300.0, 680.0, "evil.com", 10.0)]  # fmt: skip
    found = document(make_pdf([Page(items, rotate=90)]), "a.pdf")
    assert "Type\tValue\ndomain\tevil.com" in found.text


def test_link_targets_that_the_text_does_not_show() -> None:
    page = Page(column(["see https://shown.org/x and here"]),
                links=["https://shown.org/x", *2 * ["https://hidden.org/y"]])  # fmt: skip
    assert document(make_pdf([page]), "a.pdf").links == ("https://hidden.org/y",)


def test_a_page_without_text_layer_is_named_and_the_others_are_read() -> None:
    found = document(make_pdf([["one"], Page(picture=True), ["three"], Page()]), "a.pdf")
    assert [(p.place, p.severity) for p in found.problems] == [("a.pdf, page 2", "warning")]
    assert "no text layer" in found.problems[0].message
    assert "Run OCR first" in found.problems[0].message
    assert len(found.pages) == 4


def test_a_scan_gives_an_error_and_no_document() -> None:
    (problem,) = everything(make_pdf([Page(picture=True)] * 3), "scan.pdf")
    assert isinstance(problem, Problem) and problem.severity == "error"
    assert "text layer is empty, nothing extracted. Run OCR first" in problem.message


def test_damaged_and_encrypted_files_are_named_as_such() -> None:
    good = make_pdf([["text"]])
    assert "damaged" in problems(b"%PDF-1.7\n" + b"x" * 500, "a.pdf")[0].message
    locked = make_pdf(
        [["text"]],
        extra=b"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -44/O<" + b"41" * 32 + b">/U<"
        + b"42" * 32 + b">>>/ID[<00><00>]",
    )  # fmt: skip
    assert "password" in problems(locked, "a.pdf")[0].message
    assert everything(good[: len(good) // 2], "a.pdf")  # cut off: PDFium rebuilds or refuses


def test_a_loop_in_the_page_tree_and_a_false_count_end() -> None:
    good = make_pdf([["text"]])
    loop = good.replace(b"/Kids[5 0 R]/Count 1", b"/Kids[2 0 R]/Count 9")
    assert loop != good and everything(loop, "a.pdf")
    many = good.replace(b"/Count 1>>", b"/Count 99999999>>")
    assert many != good and everything(many, "a.pdf")


@pytest.mark.parametrize("layers", [1, 2])
def test_streams_that_would_fill_the_memory_are_refused(layers: int) -> None:
    packed = zlib.compress(bytes(pdf_bombs.MAX_CONTENT_BYTES + 1))
    for _ in range(layers - 1):
        packed = zlib.compress(packed)
    made = make_pdf([["text"]])
    old = made[made.index(b"<</Length") : made.index(b"endstream")]
    filters = b"/FlateDecode" * layers
    new = b"<</Length %d/Filter[%s]>>stream\n%s\n" % (len(packed), filters, packed)
    (problem,) = problems(made.replace(old, new), "a.pdf")
    assert "a stream" in problem.message and "nothing read" in problem.message


@pytest.mark.parametrize(
    ("head", "before"),
    [
        (b"<</Filter 99 0 R>>stream\n", b""),
        (b"<</Filter/FlateDecode/X(" + b"a" * 9_000 + b")>>stream\n", b""),
        (b"<</Filter/FlateDecode>>stream \r\n", b""),
        (b"<</Filter/FlateDecode>>stream\n", b"endstream "),
    ],
    ids=["indirect filter", "long dictionary", "blank after stream", "endstream within"],
)
def test_bombs_are_found_by_their_own_bytes(head: bytes, before: bytes) -> None:
    packer = zlib.compressobj(0)
    stored = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = raw.compress(bytes(pdf_bombs.MAX_CONTENT_BYTES + 1)) + raw.flush()
    assert "inflates to more" in pdf_bombs.bomb_in(b"1 0 obj" + head + stored + body)


def test_many_streams_that_fill_the_memory_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = b"1 0 obj<</Filter/FlateDecode>>stream\n" + zlib.compress(bytes(1000)) + b"\nendstream\n"
    monkeypatch.setattr(pdf_bombs, "MAX_TOTAL_BYTES", 2_500)
    assert pdf_bombs.bomb_in(one * 2) == ""
    assert "its streams inflate" in pdf_bombs.bomb_in(one * 3)
    assert "again and again" in pdf_bombs.bomb_in(b"/Contents[" + b"4 0 R " * 20 + b"]")


def test_limits_of_pages_characters_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_pdf([["a page of text"]] * 4)
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    found = document(data, "a.pdf")
    assert len(found.pages) == 2 and "has 4 pages" in found.problems[0].message
    monkeypatch.setattr(pdf, "MAX_PAGES", 5_000)
    monkeypatch.setattr(pdf, "MAX_PAGE_CHARS", 6)
    found = document(data, "a.pdf")
    assert found.text == "a page\n" * 4 and found.problems[0].place == "a.pdf, pages 1-4"
    monkeypatch.setattr(pdf, "MAX_CHARS", 10)
    assert "read up to page 2 of 4" in document(data, "a.pdf").problems[0].message
    monkeypatch.setattr(pdf, "MAX_SECONDS", -1.0)
    assert "read up to page 0 of 4: limit of -1 seconds" in problems(data, "a.pdf")[0].message
