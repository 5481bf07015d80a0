"""Laws that hold of the extraction of any text, and that its time grows no faster than the text."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extract_helpers import Value, mentions, values
from samehand.config import types_table
from samehand.extract.mention import Candidate, Mention, Placed
from samehand.extract.observables import IDENTIFIERS
from samehand.normalise import canonical
from samehand.read.document import Stated

CASES = Path(__file__).parent / "cases" / "forms.yaml"
FORMS: list[str] = [row["text"] for row in yaml.safe_load(CASES.read_text(encoding="utf-8"))]

#: Everything that the patterns look for, to be put together at random.
PIECES = (
    "[", "]", "(", ")", "{", "}", "<", ">", "[.]", "(dot)", " dot ", "[dot]", " . ", ".", ",",
    ":", ";", "/", "//", "\\", "\\\\", "@", "[at]", " at ", "(@)", "-", "_", "#", "|", "*", "`",
    "'", '"', "“", "”", "\n", "\r\n", "\n\n", "\t", " ", "\u00a0", "\u200b", "\u00ad", "\ufeff",
    "\ud800", "\udfff", "😀", "é", "中文", "\uff0e", "\u3010", "\x00", "http", "https", "hxxp",
    "hxxp://", "http[:]//", "meow://", "://", "[:]", "[//]", "evil", "com", "evil.com", "www.",
    ".exe", ".The", "10.0.0.1", "1.2", "256", "2001:db8::1", "::", "/24", ":80", ":99999", "?a=b",
    "](", "]:", "a@b.c", "0x", "deadbeef", "0123456789abcdef" * 2, "A" * 40, "0" * 64, "T1059",
    "T1059.001", "G0016", "CVE-", "CVE-2021-44228", "AS1234", "ASN ", "bc1q", "1A1z", "C:\\",
    "%TEMP%\\", "HKLM\\", "Global\\", "\\\\.\\pipe\\", "/etc/", "~/", "mutex ", "service named ",
    "user-agent: ", "Mozilla/5.0 (", "rule x {", "serial number: ", "telegram ", "@name",
    "+1 202 555 0100", "MD5", "SHA1:", "# C2", "**IOCs**", "Domains:", "3:abc:def",
    "01:23:45:67:89:ab:cd:ef", "version ", "att&ck", "victim ", "$", "%", "+", "=", "٣", "²", "ſ",
    "\u212a",
)  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
anything = st.text(st.characters(exclude_categories=())) | pieces
forms = st.sampled_from(FORMS)
#: Prose that names nothing, tells no role and is no heading, with what moves offsets in it.
NEUTRAL = (
    "It was a quiet day in the office and nobody wrote a line.\n\n",
    "Ein Satz mit Ümlauten — und noch einer, „wörtlich“.\n\n",
    "She smiled 😀 and went home. 日本語の文があった。\n\n",
    "Zero\u200bwidth and so\u00adft and no\u00a0break and \ud800 broken.\n\n",
    "\n\n\n",
)
INVISIBLE = ("\u200b", "\u00ad", "\u2060", "\ufeff", "\u200d")


def check(text: str, found: tuple[Mention, ...]) -> None:
    """What holds of the mentions of any text."""
    last = 0
    for mention in found:
        assert 0 <= last <= mention.start < mention.end <= len(text)
        assert mention.raw == text[mention.start : mention.end]
        last = mention.end
        kind, value = mention.feature.kind, mention.feature.value
        if kind in IDENTIFIERS:
            assert value == value.upper()
        else:
            assert kind in types_table()
            assert canonical(kind, value) == mention.feature


@settings(max_examples=1500)
@given(anything)
@example("9" * 5000 + ".1.1.1")
@example("http://[:::]/ http://[1::2::3]/ http://evil.com:99999/x")
@example("evil[.]com\\")
@example("mail@[.]com @evil.com a@b@c.com")
@example("%TEMP%\\ab)](")
def test_any_text_has_mentions_in_order_that_do_not_overlap_and_are_canonical(text: str) -> None:
    check(text, mentions(text))


@given(pieces, st.data())
def test_any_stated_places_too(text: str, data: st.DataObject) -> None:
    place = st.integers(0, len(text))
    kinds = st.sampled_from(["", "domain-name", "url", "mutex", "file:md5", "nonsense"])
    found = data.draw(st.lists(st.builds(Stated, place, place, kinds), max_size=4))
    check(text, mentions(text, stated=tuple(found)))


@given(st.lists(forms | pieces, max_size=4).map("\n".join))
def test_the_same_text_gives_the_same_mentions(text: str) -> None:
    assert mentions(text) == mentions(text)


@settings(max_examples=len(FORMS))
@given(st.sampled_from(NEUTRAL), forms)
def test_prose_before_a_text_moves_the_places_and_changes_nothing_else(
    prose: str, text: str
) -> None:
    def moved(found: tuple[Mention, ...], by: int) -> list[Mention]:
        # A batch is named by the place of its heading, so it moves too.
        return [dataclasses.replace(m, start=m.start + by, end=m.end + by, batch="") for m in found]

    assert not mentions(prose)
    assert moved(mentions(prose + text), 0) == moved(mentions(text), len(prose))


@settings(max_examples=len(FORMS))
@given(forms, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(INVISIBLE)), max_size=6))
@example("Payload URL: hxxp://mail-archive[.]su/x.zip", [(1, "\u200b")])
def test_invisible_characters_hide_nothing(text: str, inserted: list[tuple[int, str]]) -> None:
    plain = [(m.feature, m.role) for m in mentions(text)]
    for place, char in inserted:
        text = text[: place % (len(text) + 1)] + char + text[place % (len(text) + 1) :]
    found = mentions(text)
    check(text, found)
    assert [(m.feature, m.role) for m in found] == plain


@settings(max_examples=len(FORMS))
@given(forms)
def test_blanks_that_do_not_break_move_nothing(text: str) -> None:
    hard = text.replace(" ", "\u00a0")
    places = [(m.start, m.end, m.feature.kind) for m in mentions(text)]
    assert [(m.start, m.end, m.feature.kind) for m in mentions(hard)] == places


@settings(max_examples=100)
@given(forms, forms)
def test_texts_joined_hold_what_each_holds(one: str, other: str) -> None:
    """More only where one text tells what the other means (ATT&CK, a name defanged elsewhere)."""
    assert values(one) | values(other) <= values(f"{one}\n\n{other}")


#: Texts with their values, none of which says anything of another's.
APART: tuple[tuple[str, set[Value]], ...] = (
    ("It talks to evil-one[.]com at night.", {("domain-name", "evil-one.com")}),
    ("hxxp://203.0.113[.]9/x.php was down.", {("url", "http://203.0.113.9/x.php")}),
    ("198.51.100.20", {("ipv4-addr", "198.51.100.20")}),
    ("md5: 1a79a4d60de6718e8e5b326e338ae533", {("file:md5", "1a79a4d60de6718e8e5b326e338ae533")}),
    ("It exploits CVE-2021-44228 first.", {("vulnerability", "CVE-2021-44228")}),
    ("From billing@evil-two.com, they say.", {("email-addr", "billing@evil-two.com")}),
    ("The cat sat on the mat, version 1.2.3.4 of it.", set()),
    ("Mutex: Global\\a1b2c3", {("mutex", "Global\\a1b2c3")}),
    ("中文 evil-three[.]net 中文", {("domain-name", "evil-three.net")}),
)


@given(st.lists(st.sampled_from(APART), max_size=len(APART)))
def test_texts_joined_hold_the_union(chosen: list[tuple[str, set[Value]]]) -> None:
    assert values("\n\n".join(text for text, _ in chosen)) == set().union(*(v for _, v in chosen))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(0, 5)), max_size=25))
def test_overlaps_are_decided_as_a_naive_choice_decides(rows: list[tuple[int, int, int]]) -> None:
    """Longest first, then the higher rank, then the first: each stays if it is free."""
    from samehand.extract.observables import _without_overlaps
    from samehand.model import Feature

    ranked = [
        (rank, Placed(start, start + size, Feature("mutex", f"{i:02}"), False, ""))
        for i, (start, size, rank) in enumerate(rows)
    ]
    kept: list[Placed] = []
    for _, row in sorted(
        ranked, key=lambda r: (r[1].start - r[1].end, -r[0], r[1].start, r[1].feature)
    ):
        if all(row.end <= other.start or other.end <= row.start for other in kept):
            kept.append(row)
    assert list(_without_overlaps(list(ranked))) == sorted(kept, key=lambda row: row.start)
    assert Candidate(0, 1, "mutex", "x").rank == 0


# ------------------------------------------------------------------------------------------ time


def repeated(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


def numbered(form: str) -> Callable[[int], str]:
    """A text of different values: ``form`` with a number of 32 hexadecimal digits in it."""
    step = 0x9E3779B97F4A7C15F39CC0605CEDC834

    def text(size: int) -> str:
        count = size // len(form.format(0))
        return "".join(form.format(i * step % 2**128) for i in range(count))

    return text


#: Characters of the smallest of the three texts.
SIZE = 16_000
REPEATED = (
    "a.", "A.", "a.A", "a@", "a@b.com ", "a.b@c.d@", "john@evil.com,", "a.com at ", "http://",
    "http://a.com,", "http://a.com/", "http:\\\\a.b;", "http://a.com/" + "(" * 30, "hxxp[:]//",
    "tcp:\\", "http://a@", "a.com/", "a.com:80", "a.b%", "a.com+", "a.exe ", "[a](b.exe ",
    "1.1.1.1/2", "1.", "[", "{{", "(", "(dot)", "a dot ", "a .b ", "a.b<<", ":", "a::b:",
    "1:/T1059/", "1,", "AA:", "\\", "C:\\a ", "C:\\a b c d e ", "HKLM\\a ", "%a%", "$a\\",
    "\\\\.\\pipe\\a ", "/etc/a", "/etc/a ", "~/", "mutex ", "service named ", "serial ",
    "user-agent: a/b ", "Mozilla/5.0 (", "Mozilla/5.0 (a)'", "\nrule a ", "telegram @abcd ",
    "+1 23 ", "T1059 ", "G0001 ", "CVE-2020-1234 ", "bc1q ", "deadbeef", "aGVsbG8+d29y/bGQ",
    "domains and indicators of the ", "# C2 servers\nevil.com\n\n", "DOMAINS ", "**C2**\n",
    "http://evil.com/a/b?c=d\n", "http://evil.com/a/b?c=d ", "e\u200bvil.com ", "\u200b",
    "evil\u00a0.com ", "恶意域名evil.com，", "😀evil.com ", "é.é ", "_a_.b_", "-a.com-", "\n",
    "\r\n- a.com", "http://evil.com/" + "a" * 50 + "/\nb-c\n",
)  # fmt: skip
PROBES: dict[str, Callable[[int], str]] = {
    **{repr(piece): repeated(piece) for piece in REPEATED},
    "hashes on one line": numbered("{:032x} "),
    "hashes of two kinds on one line": numbered("{0:032x} {0:040x} "),
    "hashes on lines": numbered("{:032x}\n"),
    "hosts": numbered("h{:032x}[.]com "),
    "urls": numbered("http://h{:032x}.com/x\n"),
}


def seconds(text: str) -> float:
    start = time.process_time()
    mentions(text)
    return time.process_time() - start


@pytest.mark.parametrize("probe", PROBES)
def test_time_grows_as_the_text_does(probe: str) -> None:
    texts = [PROBES[probe](SIZE * times) for times in (1, 2, 4)]
    gc.collect()
    once, twice, fourfold = (seconds(text) for text in texts)
    assert fourfold < 9 * once + 0.3 and fourfold < 5 * twice + 0.3
    assert fourfold < 2, f"{fourfold:.1f} s for {len(texts[-1])} characters"


def test_five_million_characters_of_prose_on_one_line() -> None:
    prose = (
        "The cat sat on the mat, and nobody in the office wrote a line about domains or servers. "
    )
    once, fourfold = (seconds(prose * (size // len(prose))) for size in (1_250_000, 5_000_000))
    assert fourfold < 9 * once + 0.3
    assert fourfold < 5


def test_many_values_on_one_line_of_five_million_characters() -> None:
    text = numbered("{:032x} ")(200_000) + "word " * 960_000 + numbered("{:032x} ")(200_000)
    assert seconds(text) < 5
