"""Pages as report writers really lay them out: each case names what would be lost without it."""

from __future__ import annotations

import hashlib

import pytest

from read_helpers import Item, Page, blocks, column, document, make_pdf
from samehand.read.lines import Line, join_cell, join_prose

HASH = "0123456789abcdef" * 4
OTHER = HASH[::-1]
WIDE = "This is a line of running text over the whole width of the page, as in any"


def read_page(items: list[Item], rules: tuple[float, ...] = ()) -> str:
    return document(make_pdf([Page(items, rules)]), "a.pdf").text.rstrip("\n")


def test_cells_that_wrap_stay_in_their_row_without_rules() -> None:
    items = [
        *column(["ID", "T1566.001", "", "T1059.005", "", "", "T1071"], 60),
        *column(["Name", "Spearphishing", "Attachment", "Visual Basic", "", "", "App Layer"], 130),
        *column(["Use", "Documents with", "macros.", "VBScript gets the", "next stage from",
                 "a server.", "HTTP."], 230),
    ]  # fmt: skip
    assert read_page(items).split("\n") == [
        "ID\tName\tUse",
        "T1566.001\tSpearphishing Attachment\tDocuments with macros.",
        "T1059.005\tVisual Basic\tVBScript gets the next stage from a server.",
        "T1071\tApp Layer\tHTTP.",
    ]


def test_a_url_that_wraps_beside_a_note_that_wraps() -> None:
    items = [
        *column(["hxxp://evil.com/aaaaaaaaaaaa/bbbbbbb", "bbbbbbbbb/index.php?id=1",
                 "hxxp://e.org/x"]),
        *column(["used by the loader", "in June", "second"], 300),
    ]  # fmt: skip
    assert read_page(items).split("\n") == [
        "hxxp://evil.com/aaaaaaaaaaaa/bbbbbbbbbbbbbbbb/index.php?id=1\tused by the loader in June",
        "hxxp://e.org/x\tsecond",
    ]


def test_a_note_centred_beside_a_hash_of_two_lines() -> None:
    items: list[Item] = []
    for top, value, note in ((700, HASH, "loader"), (664, OTHER, "backdoor")):
        items += [
            (60, top, value[:32], 10),
            (60, top - 12, value[32:], 10),
            (300, top - 6, note, 10),
        ]
    assert read_page(items) == f"{HASH}\tloader\n{OTHER}\tbackdoor"


def test_lists_of_values_in_columns_are_rows_of_a_table() -> None:
    names = [[f"{c}{n}.example.com" for n in range(5)] for c in "abc"]
    items = [i for x, c in zip((60, 220, 380), names, strict=True) for i in column(c, x)]
    assert read_page(items) == "\n".join("\t".join(row) for row in zip(*names, strict=True))


def test_bullets_drawn_apart_from_their_text() -> None:
    items = [*column([WIDE, "•", "•"]), *column(["", "first evil.com", "second"], 85)]
    assert read_page(items) == f"{WIDE}\n• first evil.com\n• second"


def test_single_digits_in_a_column_stay_single() -> None:
    items = [*column(["Introduction", "Analysis", "Indicators"]), *column(["3", "7", "9"], 500)]
    assert read_page(items) == "Introduction\t3\nAnalysis\t7\nIndicators\t9"


def test_a_wide_blank_in_justified_text_is_a_blank() -> None:
    items = [*column([WIDE, "", WIDE]), (60, 768, "Function that makes a file.", 10),
             (200, 768, "Creates another with infra-", 10)]  # fmt: skip
    items[1] = (60, 756, "structure in it. " + WIDE, 10)
    assert "file. Creates another with infrastructure in it." in read_page(items)


def test_text_around_a_table_is_not_of_it() -> None:
    items = [
        *column([WIDE, WIDE]),
        *column(["Domain", "evil.com", "evil.org"], 60, top=740),
        *column(["Role", "C2", "download"], 300, top=740),
        *column(["Short line after it."], 60, top=690),
    ]
    found = document(make_pdf([Page(items)]), "a.pdf")
    assert blocks(found, "table") == ["Domain\tRole\nevil.com\tC2\nevil.org\tdownload"]
    assert found.text.endswith("download\nShort line after it.\n")


def test_rules_around_a_table_do_not_swallow_the_text_below() -> None:
    items = [
        *column(
            ["a", "b", "", "First line below the table.", "Second line below."], 60, leading=20
        ),
        *column(["one", "two"], 300, leading=20),
    ]
    assert read_page(items, rules=(795, 772, 752)).split("\n") == [
        "a\tone", "b\ttwo", "First line below the table.", "Second line below.",
    ]  # fmt: skip


@pytest.mark.parametrize("shift", [0.0, 3.0, 6.0])
def test_columns_whose_lines_do_not_align(shift: float) -> None:
    left = [f"left line {n} tells something of the first" for n in range(9)]
    right = [f"right line {n} tells something of another" for n in range(9)]
    items = [*column(left), *column(right, 320, top=780 - shift)]
    assert read_page(items).split("\n") == left + right


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["infra-", "structure"], "infrastructure"),
        (["the infra-", "structure, and"], "the infrastructure, and"),
        (["Anti-", "Virus"], "Anti-Virus"),
        (["über-", "mäßig"], "übermäßig"),
        (["word -", "word"], "word -\nword"),
        (["see CVE-2021-", "44228 for"], "see CVE-2021-44228 for"),
        (["at hxxp://evil.com/a-", "b.php now"], "at hxxp://evil.com/a-b.php now"),
        (["at https://evil.com/", "The group"], "at https://evil.com/\nThe group"),
        (["at https://evil.com/path/", "file.php was"], "at https://evil.com/path/file.php was"),
        (["https://evil.com/a", "https://evil.com/b"], "https://evil.com/a\nhttps://evil.com/b"),
        (["https://evil.com/a", "evil.org/b"], "https://evil.com/a\nevil.org/b"),
        (["https://evil.com/a", "192.0.2.1"], "https://evil.com/a\n192.0.2.1"),
        (["host my-evil-", "domain.com and"], "host my-evil-domain.com and"),
        (["at hxxps://cdn0.up-", "date[.]com/a now"], "at hxxps://cdn0.up-date[.]com/a now"),
        (["hxxp://a.com/x.php?", "id=12&k=3"], "hxxp://a.com/x.php?id=12&k=3"),
        (["exploits CVE-", "1"], "exploits CVE-\n1"),
        ([f"{HASH[:30]} {OTHER[:30]}", f"{HASH[30:32]} {OTHER[30:]}"],
         f"{HASH[:30]} {OTHER[:30]}\n{HASH[30:32]} {OTHER[30:]}"),
        ([HASH[:50], HASH[50:]], HASH),
        ([HASH[:32], HASH[32:]], f"{HASH[:32]}\n{HASH[32:]}"),
        (["deadbeef", "cafe"], "deadbeef\ncafe"),
        ([r"C:\Users\a-", "b.exe"], r"C:\Users\a-b.exe"),
        (["", "x", ""], "\nx\n"),
    ],
)  # fmt: skip
def test_lines_of_prose(lines: list[str], joined: str) -> None:
    assert join_prose([Line(text) for text in lines]) == joined


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ([HASH[:32], HASH[32:]], HASH),
        ([HASH[:24], HASH[24:48], HASH[48:]], HASH),
        ([HASH[:32], OTHER[:32], HASH[32:]], f"{HASH[:32]} {OTHER[:32]} {HASH[32:]}"),
        (["hxxps://evil[.]com/very/", "long/path"], "hxxps://evil[.]com/very/long/path"),
        (["update.evil[.]", "example.com"], "update.evil[.]example.com"),
        (["evil.com", "evil.org"], "evil.com evil.org"),
        (["a@", "evil.com"], "a@evil.com"),
        (["hxxps://cdn0.update-", "portal[.]com/assets/v", "0/load-", "er.php?", "id=1"],
         "hxxps://cdn0.update-portal[.]com/assets/v0/load-er.php?id=1"),
        (["C:\\Windows\\", "System32\\a.dll"], "C:\\Windows\\System32\\a.dll"),
        (["some words", "and more"], "some words and more"),
    ],
)  # fmt: skip
def test_lines_of_a_cell(lines: list[str], joined: str) -> None:
    assert join_cell([Line(text) for text in lines]) == joined


def test_lines_of_cells_side_by_side_are_not_joined_as_values() -> None:
    lines = [Line(f"{HASH[:20]} {OTHER[:12]}", apart=True), Line(HASH[20:32])]
    assert join_cell(lines) == f"{HASH[:20]} {OTHER[:12]} {HASH[20:32]}"


def test_a_host_that_ends_with_a_hyphen_goes_on_though_its_line_is_short() -> None:
    lines = [Line("https://up-", full=False), Line("date.example/x was"), Line("it.")]
    assert join_prose(lines) == "https://up-date.example/x was\nit."


def test_a_line_that_is_not_full_does_not_go_on() -> None:
    short = [Line("https://evil.com/a/", full=False), Line("index.php")]
    assert join_prose(short) == "https://evil.com/a/\nindex.php"


def wrapped(value: str, digits: int) -> list[str]:
    return [value[at : at + digits] for at in range(0, len(value), digits)]


def cells(rows: list[list[list[str]]], lefts: list[float], leading: float = 12) -> list[Item]:
    """Cell after cell, as programs write tables; every row as high as its highest cell."""
    items: list[Item] = []
    top = 780.0
    for row in rows:
        for left, lines in zip(lefts, row, strict=True):
            items += column(lines, left, top, leading)
        top -= leading * max(len(lines) for lines in row) + 2
    return items


@pytest.mark.parametrize("gap", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("digits", [20, 24, 32])
def test_tables_with_hardly_any_padding_invent_no_hashes(gap: float, digits: int) -> None:
    def value(kind: str, n: int) -> str:
        return hashlib.new(kind, f"{n}".encode()).hexdigest()

    width = 5.56 * digits + gap  # the digits of Helvetica are 0.556 wide, its letters less
    lefts = [60.0, 100.0, 100.0 + width, 100.0 + 2 * width]
    values = [[value(kind, n) for kind in ("md5", "sha1", "sha256")] for n in range(6)]
    rows = [[[f"f{n}.exe"], *(wrapped(v, digits) for v in row)] for n, row in enumerate(values)]
    page = read_page(cells([[["File"], ["MD5"], ["SHA-1"], ["SHA-256"]], *rows], lefts))
    whole = ["\t".join((f"f{n}.exe", *row)) for n, row in enumerate(values)]
    assert page.split("\n") == ["File\tMD5\tSHA-1\tSHA-256", *whole]


def test_pieces_in_cells_that_cannot_be_told_apart_are_not_joined() -> None:
    values = [HASH[:32], OTHER[:32] + "01234567"]
    page = read_page(cells([[wrapped(v, 24) for v in values]], [60, 60 + 5.56 * 24 + 2]))
    assert values[0] in page.split() or not any(len(word) in (32, 40, 64) for word in page.split())


def justified(lines: list[str], left: float, width: float, top: float = 780) -> list[Item]:
    """Each word in its place, so that the lines fill the width."""
    items: list[Item] = []
    for n, line in enumerate(lines):
        words = line.split()
        free = width - sum(measure(word) for word in words)
        x = left
        for word in words:
            items.append((x, top - 12 * n, word, 10))
            x += measure(word) + (free / (len(words) - 1) if len(words) > 1 else 0)
    return items


def measure(word: str) -> float:
    import pypdfium2

    page = pypdfium2.PdfDocument(make_pdf([Page([(0, 500, word, 10)])]))[0]
    text = page.get_textpage()
    return float(text.get_charbox(text.count_chars() - 1, loose=True)[2])


def test_three_justified_columns_with_a_path_that_runs_over() -> None:
    pair = ["column {} tells something of it", "of the {} long matter"]
    lines = [[line.format(c) for line in pair] * 4 for c in "abc"]
    lines[0][3] = r"C:\Users\Public\Libraries\svchost_update.dll"
    lines[1][5] = "compromised accounts to"
    items = [i for x, c in zip((60, 220, 380), lines, strict=True) for i in justified(c, x, 145)]
    assert read_page(items).split("\n") == [line for c in lines for line in c]


def test_headings_centred_over_wide_columns() -> None:
    rows = [("Domain", "docs-share.example", "phishing"), ("IP", "192.0.2.7", "C2"),
            ("MD5", HASH[:32], "loader"), ("SHA256", HASH, "loader")]  # fmt: skip
    items: list[Item] = [(44, 780, "Type", 10), (251, 780, "Value", 10), (470, 780, "Note", 10)]
    for n, row in enumerate(rows, 1):
        items += [(x, 780 - 14 * n, text, 10) for x, text in zip((36, 79, 452), row, strict=True)]
    lines = ["Type\tValue\tNote", *("\t".join(row) for row in rows)]
    assert read_page(items).split("\n") == lines
