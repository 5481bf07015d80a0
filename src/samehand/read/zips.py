"""Opens zip containers without trusting their sizes."""

from __future__ import annotations

import io
import zipfile

from samehand.read.common import MAX_MEMBERS, MIB

#: An honest text compresses 3 to 10 times, repetitive logs 50; beyond this and above
#: `RATIO_FREE_BYTES` a member is a bomb (42.zip: 1,000 and more at each of five levels).
MAX_RATIO = 200
RATIO_FREE_BYTES = 16 * MIB
#: What reading a damaged or unusual zip may raise.
ZIP_ERRORS = (
    zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError,
    ValueError, ArithmeticError, KeyError, LookupError,
)  # fmt: skip


class RefusedError(Exception):
    """A container or a member is over a limit; the message says which and what to do."""


def open_zip(data: bytes) -> zipfile.ZipFile:
    """The open zip.

    Raises:
        RefusedError: it lists too many members; a directory of millions fills the memory.
        zipfile.BadZipFile: it is damaged; or another of `ZIP_ERRORS`.
    """
    if (listed := data.count(b"PK\x01\x02")) > 4 * MAX_MEMBERS:
        raise RefusedError(
            f"lists {listed} members, the limit is {4 * MAX_MEMBERS}. Split the archive."
        )
    return zipfile.ZipFile(io.BytesIO(data))


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """The bytes of one member.

    Raises:
        RefusedError: it is or says to be larger than the limit, or compressed like a bomb.
    """
    size = info.file_size
    if size > limit_bytes:
        raise RefusedError(
            f"inflates to {size // MIB} MiB, the limit is {limit_bytes // MIB} MiB. "
            "Unpack it and add the file itself."
        )
    if size > RATIO_FREE_BYTES and size > MAX_RATIO * max(1, info.compress_size):
        raise RefusedError(
            f"is compressed more than {MAX_RATIO} times, like a decompression bomb; not unpacked"
        )
    with archive.open(info) as stream:
        data = stream.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise RefusedError(f"inflates to more than {limit_bytes // MIB} MiB; not unpacked")
    return data
