"""Archives: each member as a document of its own, unpacked in memory within a budget.

Names are labels only: nothing is written to disk, so no name can lead out of a folder. Archives
with a password are left alone on purpose: that is how samples of malware are passed around.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from samehand.model import Problem
from samehand.read.common import MIB, Budget, Deadline, Inside, warning
from samehand.read.document import Document
from samehand.read.zips import (
    MAX_RATIO,
    RATIO_FREE_BYTES,
    ZIP_ERRORS,
    RefusedError,
    open_zip,
    read_member,
)

#: Bytes of one member: the largest PDF reports have 100 MiB.
MAX_MEMBER_BYTES = 128 * MIB
#: Messages about single members that are shown of one archive; the rest is counted.
MAX_MESSAGES = 20
#: Longest name of a member that is shown, in characters.
MAX_NAME_CHARS = 300
#: Longest extended header of a tar archive that is read, in bytes; a path has 4,096.
MAX_TAR_HEADER_BYTES = 64 * 1024
#: Seconds for one archive with everything in it.
MAX_SECONDS = 600.0
#: Memory that the decoder of an .xz file may take, in bytes; 'xz -9' asks for 65 MiB.
MAX_XZ_MEMORY_BYTES = 128 * MIB
_CHUNK_BYTES = 256 * 1024
_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"))
_ENDINGS = (".gz", ".bz2", ".xz")


def label(outer: str, member: str) -> str:
    """The name of a member's document, printable whatever the archive holds."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in member[:MAX_NAME_CHARS])
    return f"{outer}!{shown}"


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Stream:
    """The bytes of a packed (or bare) file, one piece after another, within the limits."""

    def __init__(self, data: bytes, packing: str, inside: Inside) -> None:
        self._data, self._packing, self._inside = data, packing, inside
        self._at = 0
        self._made = 0
        self._decoder: _Decoder | None = None
        self._pending = b""
        self._ready = bytearray()

    def _new_decoder(self) -> _Decoder:
        if self._packing == "gzip":
            import zlib

            return _Gzip(zlib.decompressobj(31))
        if self._packing == "bzip2":
            import bz2

            return bz2.BZ2Decompressor()
        import lzma

        return lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY_BYTES)

    def _more(self) -> bytes:
        """The next piece; empty at the end."""
        while True:
            decoder = self._decoder
            if decoder is None or decoder.eof:
                if decoder is not None:
                    unused = decoder.unused_data
                    self._at -= len(unused)
                    self._decoder = None
                magic = next(m for m, p in _PACKED if p == self._packing)
                if not self._data.startswith(magic, self._at):
                    return b""  # the end, or padding after it
                decoder = self._decoder = self._new_decoder()
                self._pending = b""
            source = b""
            if not self._pending:
                source = self._data[self._at : self._at + _CHUNK_BYTES]
                self._at += len(source)
            made = decoder.decompress(source, _CHUNK_BYTES)
            self._pending = b"" if decoder.eof or len(made) < _CHUNK_BYTES else b"more"
            if made:
                self._count(len(made))
                return made
            if not source and not decoder.eof:
                raise EOFError("it ends in the middle")

    def _count(self, size: int) -> None:
        self._made += size
        budget = self._inside.budget
        budget.inflated_bytes -= size
        if budget.inflated_bytes < 0:
            raise RefusedError("everything in it inflates to more than 512 MiB; rest not unpacked")
        if self._made > RATIO_FREE_BYTES and self._made > MAX_RATIO * max(1, self._at):
            raise RefusedError(
                f"is compressed more than {MAX_RATIO} times, like a decompression bomb; "
                "not unpacked"
            )

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end."""
        if not self._packing:
            piece = self._data[self._at : self._at + size]
            self._at += len(piece)
            return piece
        while len(self._ready) < size:
            piece = self._more()
            if not piece:
                break
            self._ready += piece
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def skip(self, size: int) -> bool:
        """Passes over bytes; whether they were there."""
        if not self._packing:
            self._at += size
            return self._at <= len(self._data)
        while size > 0:
            got = len(self.read(min(size, 4 * _CHUNK_BYTES)))
            if not got:
                return False
            size -= got
        return True


class _Gzip:
    """zlib's decompressor, which keeps unread input apart, with the manners of the other two."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)  # type: ignore[attr-defined]

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)  # type: ignore[attr-defined]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        rest = self._inner.unconsumed_tail + data  # type: ignore[attr-defined]
        return bytes(self._inner.decompress(rest, max_length))  # type: ignore[attr-defined]


class _Messages:
    """Passes documents on, and at most `MAX_MESSAGES` warnings; `rest` counts the others."""

    def __init__(self, name: str) -> None:
        self.name, self.shown, self.rest = name, 0, 0

    def limited(self, found: Iterator[Document | Problem]) -> Iterator[Document | Problem]:
        for item in found:
            if isinstance(item, Problem):
                self.shown += 1
                if self.shown > MAX_MESSAGES:
                    self.rest += 1
                    continue
            yield item

    def end(self) -> Iterator[Problem]:
        if self.rest:
            yield warning(
                self.name,
                f"{self.rest} more members were not read or only in part, for reasons as above. "
                "Unpack the archive and add the files to see them all.",
            )


def _zip_members(data: bytes, name: str, inside: Inside) -> Iterator[tuple[str, bytes] | Problem]:
    """(name, bytes) of each member worth reading."""
    encrypted = 0
    with open_zip(data) as archive:
        for info in archive.infolist():
            if info.is_dir() or (info.external_attr >> 28) in (2, 6, 10, 1, 12):
                continue  # folders, symbolic links, devices, pipes and sockets hold no text
            if info.filename.startswith("__MACOSX/") or info.filename.endswith(".DS_Store"):
                continue
            if info.flag_bits & 1:
                encrypted += 1
                continue
            place = label(name, info.filename)
            limit = min(MAX_MEMBER_BYTES, inside.budget.inflated_bytes)
            if limit <= 0:
                raise RefusedError(
                    "everything in it inflates to more than 512 MiB; rest not unpacked"
                )
            try:
                content = read_member(archive, info, limit)
            except RefusedError as error:
                yield Problem(place, str(error))
                continue
            except ZIP_ERRORS as error:
                detail = " ".join(str(error).split())[:200]
                yield Problem(place, f"is damaged ({detail}); not read. Fetch the archive anew.")
                continue
            inside.budget.inflated_bytes -= len(content)
            yield info.filename, content
    if encrypted:
        yield Problem(
            name,
            f"{encrypted} members need a password; not unpacked. Archives with a password usually "
            "carry malware, which samehand does not touch; add the report itself.",
        )


def _octal(raw: bytes) -> int:
    """A number field of a tar header: octal digits, or base 256 (GNU)."""
    if raw[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(raw[1:], "big")
    digits = raw.strip(b" \0")
    return int(digits, 8) if digits else 0


def _pax(raw: bytes) -> dict[str, str]:
    """The path and size of an extended header: lines of 'length key=value' (POSIX.1-2001)."""
    found: dict[str, str] = {}
    for line in raw.split(b"\n"):
        key, mark, value = line.partition(b" ")[2].partition(b"=")
        if mark and key in (b"path", b"size"):
            found[key.decode()] = value.decode("utf-8", "replace")
    return found


def _tar_members(stream: Stream, name: str) -> Iterator[tuple[str, bytes] | Problem]:
    """(name, bytes) of each regular member of a tar archive."""
    extended: dict[str, str] = {}
    while True:
        header = stream.read(512)
        if len(header) < 512 or not header.strip(b"\0"):
            return
        try:
            size = int(extended.get("size") or _octal(header[124:136]))
        except ValueError:
            size = -1
        if size < 0 or size > 2**40:
            yield Problem(name, "is damaged in the middle; the rest is not read. Fetch it anew.")
            return
        padding, kind = -size % 512, header[156:157]
        if kind in (b"L", b"x") and size <= MAX_TAR_HEADER_BYTES:
            raw = stream.read(size + padding)[:size]
            if kind == b"x":
                extended = _pax(raw)
            else:
                extended = {"path": raw.rstrip(b"\0").decode("utf-8", "replace")}
            continue
        short = header[:100].rstrip(b"\0").decode("utf-8", "replace")
        if header[257:262] == b"ustar" and (prefix := header[345:500].rstrip(b"\0")):
            short = f"{prefix.decode('utf-8', 'replace')}/{short}"
        member, extended = extended.get("path") or short, {}
        if kind not in (b"0", b"\0", b"7") or member.endswith("/"):
            there = stream.skip(size + padding)
        elif size > MAX_MEMBER_BYTES:
            yield Problem(
                label(name, member),
                f"has {size // MIB} MiB, the limit is {MAX_MEMBER_BYTES // MIB} MiB; not read",
            )
            there = stream.skip(size + padding)
        else:
            content = stream.read(size)
            there = len(content) == size
            if there:
                yield member, content
                stream.skip(padding)
        if not there:
            yield Problem(label(name, member), "the archive ends in it; not read. Fetch it anew.")
            return


def _packed_members(
    data: bytes, name: str, inside: Inside
) -> Iterator[tuple[str, bytes] | Problem]:
    """Members of a bare or packed tar, or the one file that is packed."""
    packing = next((p for magic, p in _PACKED if data.startswith(magic)), "")
    if packing:
        first = Stream(data, packing, _unmetered(inside)).read(512)
        if first[257:262] != b"ustar":
            base = name.rsplit("!", 1)[-1].replace("\\", "/").rsplit("/", 1)[-1]
            ending = next((e for e in _ENDINGS if base.lower().endswith(e)), "")
            member = base[: len(base) - len(ending)] if ending else f"{base}.unpacked"
            content = Stream(data, packing, inside).read(MAX_MEMBER_BYTES + 1)
            if len(content) > MAX_MEMBER_BYTES:
                raise RefusedError(
                    f"inflates to more than {MAX_MEMBER_BYTES // MIB} MiB; not unpacked"
                )
            yield member, content
            return
    elif data[257:262] != b"ustar":
        yield Problem(name, "is damaged or no archive, nothing read. Fetch it anew.")
        return
    yield from _tar_members(Stream(data, packing, inside), name)


def _unmetered(inside: Inside) -> Inside:
    """The same place with a budget of its own, for a look at the first bytes."""
    return replace(inside, budget=Budget())


def read_archive(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """The documents of an archive, in its order."""
    messages = _Messages(name)
    deadline = Deadline(MAX_SECONDS)
    budget = inside.budget
    zipped = data.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    members = (_zip_members if zipped else _packed_members)(data, name, inside)
    try:
        for item in members:
            if isinstance(item, Problem):
                yield from messages.limited(iter((item,)))
                continue
            budget.members -= 1
            if budget.members < 0:
                raise RefusedError(
                    "more than 10,000 members in it; the rest is not read. Split it."
                )
            if deadline.passed:
                raise RefusedError(f"needs more than {MAX_SECONDS:g} s; the rest is not read")
            member, content = item
            yield from messages.limited(inside.read(content, label(name, member)))
    except RefusedError as error:
        yield Problem(name, str(error))
    except ZIP_ERRORS as error:
        detail = " ".join(str(error).split())[:200]
        yield Problem(name, f"is damaged ({detail}); the rest is not read. Fetch it anew.")
    except Exception as error:  # zlib.error, lzma.LZMAError: known only when imported
        if type(error).__module__ not in ("zlib", "lzma", "_lzma"):
            raise
        yield Problem(name, f"is damaged ({error}); the rest is not read. Fetch it anew.")
    yield from messages.end()
