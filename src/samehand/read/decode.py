"""Bytes to text: which character set, and what to say when it is not certain."""

from __future__ import annotations

import codecs
import re

from samehand.model import Problem
from samehand.read.common import warning

#: Bytes that a guess of the character set looks at; charset-normalizer needs seconds per MiB.
SAMPLE_BYTES = 256 * 1024
#: Bytes that tell text from a program or picture.
HEAD_BYTES = 8 * 1024
#: Share of control characters above which a file is no text; logs with colour codes stay below.
MAX_CONTROL_SHARE = 0.02
#: Mean length of a run of bytes over 127, below which the text is Latin with some accents:
#: French 1.0, German 1.0, Russian in windows-1251 over 4, Chinese and Japanese over 5.
LATIN_RUN_BYTES = 1.7
#: What charset-normalizer may answer: what reports are really written in.
_CANDIDATES = (
    "cp1251", "koi8_r", "gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949",
    "iso2022_jp", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1258", "cp874", "cp1252",
)  # fmt: skip
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = bytes(b for b in range(32) if b not in b"\t\n\r\f\x0b\x1b\x00")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _utf16_without_bom(head: bytes) -> str:
    """'utf-16-le' or '-be' when every other byte is zero, as in Latin text; else ''."""
    even, odd = head[0::2], head[1::2]
    if len(odd) < 2:
        return ""
    zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zeros_odd > 0.4 and zeros_even < 0.05:
        return "utf-16-le"
    if zeros_even > 0.4 and zeros_odd < 0.05:
        return "utf-16-be"
    return ""


def looks_binary(data: bytes) -> bool:
    """Whether the beginning of a file is no text in any character set."""
    head = data[:HEAD_BYTES]
    if not head or any(head.startswith(bom) for bom, _ in _BOMS) or _utf16_without_bom(head):
        return False
    controls = len(head) - len(head.translate(None, _CONTROL))
    zeros = head.count(0)
    return controls + zeros > max(2.0, MAX_CONTROL_SHARE * len(head))


def _guess(data: bytes) -> str:
    """The most plausible character set of text that is not UTF-8."""
    runs = [len(m[0]) for m in _HIGH_RUN.finditer(data, 0, SAMPLE_BYTES * 4)]
    if not runs or sum(runs) / len(runs) < LATIN_RUN_BYTES:
        return "cp1252"
    from charset_normalizer import from_bytes

    lines, size = [], 0
    for line in data[: SAMPLE_BYTES * 4].split(b"\n"):
        if not line.isascii():
            lines.append(line[:SAMPLE_BYTES])
            size += len(line)
            if size >= SAMPLE_BYTES:
                break
    best = from_bytes(b"\n".join(lines)[:SAMPLE_BYTES], cp_isolation=list(_CANDIDATES)).best()
    return best.encoding if best else "cp1252"


def _known(charset: str) -> str:
    """The codec's name when Python has a text codec of that name; else ''."""
    try:
        info = codecs.lookup(charset.strip().strip("\"'"))
    except (LookupError, ValueError):
        return ""
    return info.name if getattr(info, "_is_text_encoding", False) else ""


def decode(
    data: bytes, name: str, declared: str = "", *, cut: bool = False
) -> tuple[str, list[Problem]]:
    """The text of some bytes without its byte order mark, and what was lost on the way.

    Order: byte order mark; UTF-16 by its zeros; strict UTF-8; the ``declared`` character set;
    Windows-1252 for Latin text; charset-normalizer. NUL becomes U+FFFD, so offsets stay true.
    ``cut`` says that the bytes were cut off somewhere: half a character at the end is dropped.
    """
    charset = ""
    for bom, charset_of_bom in _BOMS:
        if data.startswith(bom):
            charset, data = charset_of_bom, data[len(bom) :]
            break
    charset = charset or _utf16_without_bom(data[:HEAD_BYTES])
    if not charset:
        try:
            return _clean(codecs.getincrementaldecoder("utf-8")().decode(data, not cut), name, "")
        except UnicodeDecodeError:
            charset = _known(declared)
            if charset in ("", "utf-8", "utf-7", "ascii", "iso8859-1", "idna", "punycode"):
                charset = _guess(data)
    decoder = codecs.getincrementaldecoder(charset)("replace")
    return _clean(decoder.decode(data, not cut), name, charset)


def _clean(text: str, name: str, charset: str) -> tuple[str, list[Problem]]:
    problems = []
    if charset and (lost := text.count("\ufffd")):
        problems.append(
            warning(
                name,
                f"{lost} characters could not be decoded as {charset} and are shown as '\ufffd'. "
                "Save the file as UTF-8.",
            )
        )
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if _LONE_SURROGATE.search(text):
        text = _LONE_SURROGATE.sub("\ufffd", text)
    return text, problems
