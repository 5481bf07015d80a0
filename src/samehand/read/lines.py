"""Lines that a page broke, put together again: hyphenated words, and long values in narrow cells.

A join must be clear: a blank between the halves of a hash costs one value, a wrong join invents
one. So words are joined at a hyphen, and values only where their form shows that they go on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from samehand.read.common import words

#: Hexadecimal digits of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512 (FIPS 180-4).
HASH_LENGTHS = frozenset((32, 40, 56, 64, 96, 128))
#: Shortest first part, in digits, of a hash that goes on in the next line.
MIN_HEX_DIGITS = 8
#: Lines of one wrapped hash differ by no more digits, but for its last: digits differ in width.
EVEN_DIGITS = 3
#: Longest value, in characters, that is put together of more than two lines. Bounds the time.
MAX_VALUE_CHARS = 10_000
#: Endings of files in web paths; other dotted endings look like a host of their own.
_FILE_ENDINGS = words(
    "php html htm asp aspx jsp jspx js exe dll zip rar png jpg jpeg gif css txt doc docx docm xls "
    "xlsx xlsm ppt pptx pdf cgi dat bin ps1 vbs hta xml json rtf dot dotm lnk cab msi jar apk sh "
    "py pl bmp ico iso img"
)
_HEX = re.compile(r"[0-9A-Fa-f]+")
_SCHEME = re.compile(r"(?i)[\W_]{0,3}(?:h..ps?|s?ftp|wss?|tcp|udp)\W{0,2}:\W{0,2}//|[\W_]{0,3}hxxp")
_HOST = re.compile(
    r"(?i)^[a-z0-9_-]{1,63}(?:(?:\[\.\]|\(\.\)|\[dot\]|\.)[a-z0-9_-]{1,63}){1,10}(?=$|[/:,;?#])"
)
_IP = re.compile(r"^\d{1,3}(?:\[?\.\]?\d{1,3}){3}")
_CVE = re.compile(r"(?i)\bCVE-(?:\d{4}-\d{4,}|\d{4}-|\d{4}$)")
_HOST_BEGUN = re.compile(r"(?i)(?:://|@)[^\s/\\?#]*-$")
_QUERY = re.compile(r"[A-Za-z0-9_.%\[\]-]{1,40}=")
_STOPS = ".,;:!?)]}\"'”’»"
_OPENS = "([{\"'“‘«"


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line."""

    text: str
    full: bool = True
    """It reaches the right margin, so a long value may go on in the next line."""
    wraps: bool = False
    """The first word of the next line would not fit into it."""
    apart: bool = False
    """It may be lines of several cells side by side: no value goes on from it or to it."""


def _technical(token: str) -> bool:
    """Whether a token is a piece of a URL, host, path, hash or other value, not a word."""
    return any(c in "./\\@_:%=&?#~[]+" or c.isdigit() for c in token)


def _is_url(token: str) -> bool:
    return _SCHEME.match(token) is not None


def _starts_value(token: str) -> bool:
    """Whether a token begins a URL, host or address of its own."""
    if _is_url(token) or _IP.match(token):
        return True
    host = _HOST.match(token)
    if host is None:
        return False
    last = re.split(r"\W+", host[0])[-1].lower()
    return last.isalpha() and len(last) > 1 and last not in _FILE_ENDINGS


def _hyphenated(last: str, first: str, line: Line) -> int | None:
    """`joint` where the line ends with a hyphen."""
    stem = last[:-1].lstrip(_OPENS)
    word = first.rstrip(_STOPS)
    full = line.full or line.wraps
    if not stem or stem.endswith("-") or not word:
        return None
    if (cve := re.search(r"(?i)\bCVE-(?:\d{4}-)?$", last)) and first[0].isdigit():
        return 0 if _CVE.match(cve[0] + word) else None
    if _technical(stem):
        if _HOST_BEGUN.search(last):  # no name of a host ends with a hyphen (RFC 952)
            return 0 if word[0].isalnum() and not _is_url(first) else None
        if _is_url(last) or "\\" in stem or "/" in stem:
            ends = full and not _starts_value(first)
            return 0 if ends else None
        return 0 if full and word[0].isalnum() and not _is_url(first) else None
    if _technical(word):
        return 0 if full and _HOST.match(first) else None
    if len(stem) < 2 or not stem[-1].isalpha() or not word[0].isalpha():
        return None
    plain = stem.isalpha() and word.replace("-", "").isalpha()
    return 1 if plain and word[0].islower() else 0


def joint(line: Line, following: str, *, cell: bool = False) -> int | None:
    """How a line and the next one are one: characters to drop from its end, or `None` if not.

    1 for the hyphen of a hyphenated word, 0 where a value simply goes on. ``cell``: both are
    lines of one cell of a table, where a long value must wrap.
    """
    if not line.text or not following or following[0].isspace() or line.text[-1].isspace():
        return None
    last = line.text.rsplit(None, 1)[-1]
    first = following.split(None, 1)[0]
    if last.endswith("-"):
        return _hyphenated(last, first, line)
    opened, closed = last.lstrip(_OPENS), first.rstrip(_STOPS)
    if _HEX.fullmatch(opened) and _HEX.fullmatch(closed):
        if _two_hex(line.text.rsplit(None, 2)[-2:]) or _two_hex(following.split(None, 2)[:2]):
            return None
        total = len(opened) + len(closed)
        unfinished = len(opened) not in HASH_LENGTHS and len(opened) >= MIN_HEX_DIGITS
        mixed = any(c.isdigit() for c in opened + closed)
        return 0 if total in HASH_LENGTHS and unfinished and mixed else None
    if _is_url(last) and last[-1] in "?&" and _QUERY.match(first):
        return 0
    if not line.full:
        return None
    if _is_url(last):
        return 0 if _url_goes_on(last, first, cell) else None
    if not cell:
        return None
    return 0 if _value_goes_on(last, first) else None


def _two_hex(tokens: Sequence[str]) -> bool:
    """Whether two tokens are hexadecimal: pieces of two cells side by side, not of one value."""
    return len(tokens) == 2 and all(
        _HEX.fullmatch(t) and (len(t) >= MIN_HEX_DIGITS or any(c.isdigit() for c in t))
        for t in tokens
    )


def _url_goes_on(last: str, first: str, cell: bool) -> bool:
    if last[-1] in ",;)>\"'" or _is_url(first):
        return False
    open_end = last[-1] in "-_/=&?%.[~+" or last.endswith(("[.]", "(.)"))
    if first[0] in "/=&?%._-[#~" and len(first) > 1:
        return not (last[-1] == "/" and first[0] == "/")
    if last[-1] == "." or last.endswith("[.]"):
        return first[0].islower() and (cell or "/" in first)
    if _starts_value(first):
        return False
    if cell:
        return open_end or not first.isalpha()
    return any(c in "/.=&?_%" or c.isdigit() for c in first.rstrip(_STOPS))


def _value_goes_on(last: str, first: str) -> bool:
    """Whether a host, mail address or path of a cell clearly goes on in the next line."""
    if last[-1] == "\\" or (first[0] == "\\" and "\\" in last):
        return True
    if "." in last[:-1] or "[" in last or "@" in last or last[-1] in ".@":
        if last[-1] in "._@[" or last.endswith(("[.]", "(.)")):
            return first[0].isalnum() and not _is_url(first)
        return first[0] in ".-@]" or first.startswith(("[.]", "(.)", "[@]"))
    return first.startswith((".", "[.]")) and _HOST.match(last + first) is not None


def _in_longer_hash(lines: Sequence[Line], index: int) -> bool:
    """Whether a line and the one before are but two of the pieces of one wrapped hash."""
    here, above = len(lines[index].text), len(lines[index - 1].text)
    if abs(here - above) > EVEN_DIGITS or min(here, above) < MIN_HEX_DIGITS:
        return False
    near = (lines[index - 2 : index - 1] if index > 1 else []), lines[index + 1 : index + 2]
    pieces = [line.text for line in (*near[0], *lines[index - 1 : index + 1], *near[1])]
    return len(pieces) > 2 and sum(_HEX.fullmatch(piece) is not None for piece in pieces) > 2


def hash_of_lines(lines: Sequence[Line]) -> str:
    """The hash that all lines of a cell make together; '' if they make none."""
    texts = [line.text.strip() for line in lines]
    total = "".join(texts)
    if len(texts) < 2 or len(total) not in HASH_LENGTHS or not _HEX.fullmatch(total):
        return ""
    widest = max(len(t) for t in texts)
    whole = all(len(t) in HASH_LENGTHS for t in texts)
    if whole and [len(t) for t in texts] != [32, 32]:  # each line is a hash of its own
        return ""
    even = all(len(t) >= widest - EVEN_DIGITS for t in texts[:-1])
    return total if even and widest >= MIN_HEX_DIGITS else ""


def join_cell(lines: Sequence[Line]) -> str:
    """The text of one cell of a table on one line: wrapped values joined, words with a blank."""
    if len(lines) == 1:
        return lines[0].text
    if any(line.apart for line in lines):
        return " ".join(line.text for line in lines)
    return hash_of_lines(lines) or _join(lines, " ", cell=True)


def join_prose(lines: Sequence[Line]) -> str:
    """The text of running lines: hyphenated words and broken values joined, else line by line."""
    return _join(lines, "\n", cell=False)


def _join(lines: Sequence[Line], separator: str, *, cell: bool) -> str:
    parts: list[str] = []
    before: Line | None = None
    for index, line in enumerate(lines):
        text = line.text
        if before is not None:
            drop = None if _in_longer_hash(lines, index) else joint(before, text, cell=cell)
            if drop is None:
                parts.append(separator)
            else:
                end = len(parts[-1]) - drop
                parts[-1] = parts[-1][:end]
                last = before.text[: len(before.text) - drop].rsplit(None, 1)[-1:]
                if len(before.text) <= MAX_VALUE_CHARS:  # the value may go on once more
                    text = "".join(last) + text
        parts.append(line.text)
        before = replace(line, text=text)
    return "".join(parts)
