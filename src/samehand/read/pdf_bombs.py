"""Finds streams of a PDF that would fill the memory, before PDFium inflates them whole.

PDFium has no limit of its own that helps: 2 MiB of the file become 4 GiB of memory. A stream is
known by its own first bytes, as its dictionary may name the filter elsewhere, and is inflated in
pieces until it ends of itself, as ``endstream`` may stand within it. Other filters than Flate
are not looked at; against them stands the worker's limit of memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from samehand.read.common import MIB, Deadline

#: Inflated bytes of one stream of page content, fonts or objects, and of one picture. A page of
#: 200,000 characters has 4 MiB; a white A4 page at 600 dpi in colour has 100 MiB and packs well.
MAX_CONTENT_BYTES = 96 * MIB
MAX_PICTURE_BYTES = 256 * MIB
#: Inflated bytes of all streams but pictures: a report of 800 pages has 100 MiB.
MAX_TOTAL_BYTES = 1024 * MIB
#: References to one stream in one list of page contents; each is inflated anew.
MAX_SAME_CONTENT = 16
#: Seconds for all of a file; 256 MiB of packed pictures need 6.
MAX_SECONDS = 30.0
#: Bytes before a stream in which its dictionary is looked for.
DICTIONARY_BYTES = 8_192

#: PDFium takes for the start of a stream whatever line comes next after the keyword.
_STREAM = re.compile(rb"(?<!end)stream[^\r\n]*+(?:\r\n?|\n)")
_CONTENTS = re.compile(rb"/Contents\s*+\[([^\]\[/]*+)\]")
_REFERENCE = re.compile(rb"\d++\s++\d++\s++R")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")


def _is_zlib(data: bytes, start: int) -> bool:
    """Whether the two bytes of a zlib header stand there (RFC 1950, 2.2)."""
    head = data[start : start + 2]
    return len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0


def _streams(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(dictionary, start) of each stream, as far as the bytes alone tell."""
    for match in _STREAM.finditer(data):
        before = data[max(0, match.start() - DICTIONARY_BYTES) : match.start()]
        yield before[before.rfind(b" obj") + 1 :], match.end()


def _inflated(data: bytes, start: int, limit: int) -> int:
    """Bytes that a stream inflates to, counted a little beyond the limit."""
    import zlib

    inflater = zlib.decompressobj()
    made, at, step = 0, start, 4096
    rest = b""
    try:
        while (at < len(data) or rest) and not inflater.eof and made <= limit:
            piece = rest or data[at : at + step]
            at += 0 if rest else len(piece)
            step = min(MIB, 2 * step)
            made += len(inflater.decompress(piece, 4 * MIB))
            rest = inflater.unconsumed_tail
    except zlib.error:
        return made
    return made


def bomb_in(data: bytes) -> str:
    """What is wrong with a stream that inflates beyond the limits; '' if there is none."""
    for contents in _CONTENTS.finditer(data):
        counts = Counter(_REFERENCE.findall(contents[1]))
        if counts and max(counts.values()) > MAX_SAME_CONTENT:
            return "a page shows one stream again and again, as only decompression bombs do"
    deadline = Deadline(MAX_SECONDS)
    total = 0
    for dictionary, start in _streams(data):
        if deadline.passed:
            return f"its streams need more than {MAX_SECONDS:g} s to inflate"
        if len(_FLATE.findall(dictionary)) > 1:
            return "a stream is packed more than once, as only decompression bombs are"
        if not _is_zlib(data, start):
            continue
        picture = _PICTURE.search(dictionary) is not None
        limit = MAX_PICTURE_BYTES if picture else MAX_CONTENT_BYTES
        made = _inflated(data, start, limit)
        if made > limit:
            return f"a stream inflates to more than {limit // MIB} MiB"
        total += 0 if picture else made
        if total > MAX_TOTAL_BYTES:
            return f"its streams inflate to more than {MAX_TOTAL_BYTES // MIB} MiB"
    return ""
