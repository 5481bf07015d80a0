"""Finds streams of a PDF that would fill the memory, before PDFium inflates them whole.

PDFium has no limit of its own that helps: 2 MiB of the file become 4 GiB of memory. Only streams
large enough to do harm are inflated here, and only in pieces; ordinary pages cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from samehand.read.common import MIB, Deadline

#: Inflated bytes of one stream of page content, fonts or objects, and of one picture. A page of
#: 200,000 characters has 4 MiB; a white A4 page at 600 dpi in colour has 100 MiB and packs well.
MAX_CONTENT_BYTES = 96 * MIB
MAX_PICTURE_BYTES = 256 * MIB
#: The most that deflate can do, zlib.net/zlib_tech.html: smaller streams need no look.
MAX_DEFLATE_RATIO = 1032
#: Seconds for all of a file; 256 MiB of packed pictures need 6.
MAX_SECONDS = 30.0
#: Bytes before a stream in which its dictionary is looked for.
DICTIONARY_BYTES = 2_048

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")


def _streams(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(dictionary, start, end) of each stream, as far as the bytes alone tell."""
    end = 0
    for match in _STREAM.finditer(data):
        start = match.end()
        if end < start:  # else the end found before is still the next one
            found = data.find(b"endstream", start)
            end = found if found >= 0 else len(data)
        before = data[max(0, match.start() - DICTIONARY_BYTES) : match.start()]
        yield before[before.rfind(b" obj") + 1 :], start, end


def _inflates_beyond(data: bytes, start: int, end: int, limit: int) -> bool:
    import zlib

    inflater = zlib.decompressobj()
    made, rest = 0, b""
    at = start
    try:
        while (at < end or rest) and not inflater.eof:
            piece = rest or data[at : min(end, at + MIB)]
            at += 0 if rest else len(piece)
            made += len(inflater.decompress(piece, 4 * MIB))
            rest = inflater.unconsumed_tail
            if made > limit:
                return True
    except zlib.error:
        return False
    return False


def bomb_in(data: bytes) -> str:
    """What is wrong with a stream that inflates beyond the limits; '' if there is none."""
    deadline = Deadline(MAX_SECONDS)
    for dictionary, start, end in _streams(data):
        if deadline.passed:
            return f"its streams need more than {MAX_SECONDS:g} s to inflate"
        layers = len(_FLATE.findall(dictionary))
        if layers > 1:
            return "a stream is packed more than once, as only decompression bombs are"
        limit = MAX_PICTURE_BYTES if _PICTURE.search(dictionary) else MAX_CONTENT_BYTES
        if not layers or end - start <= limit // MAX_DEFLATE_RATIO:
            continue
        if _inflates_beyond(data, start, end, limit):
            return f"a stream inflates to more than {limit // MIB} MiB"
    return ""
