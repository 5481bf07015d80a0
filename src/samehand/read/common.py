"""What every reader shares: its arguments, the budget of one file, and how problems are worded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from samehand.model import Problem
from samehand.read.document import Block, Document

MIB = 2**20

#: Documents inside documents: a zip in a mail in a zip is read, a fourth wrapping is not.
MAX_DEPTH = 3
#: Members of one outer file, nested ones included; the case of a whole year's feed has 3,000.
MAX_MEMBERS = 10_000
#: Bytes that one outer file may inflate to in all, nested ones included.
MAX_INFLATED_BYTES = 512 * MIB
#: Blocks, links and stated values kept of one document: enough for every cell of a large list,
#: and a bound on the memory that markup without text can take.
MAX_BLOCKS = 200_000
MAX_LINKS = 20_000
#: Longest link target in characters; browsers agree on about 2,000.
MAX_LINK_CHARS = 4_096

#: A reader: the bytes of one file, its name, and where it lies.
Reader = Callable[[bytes, str, "Inside"], Iterator[Document | Problem]]


@dataclass(slots=True)
class Budget:
    """What may still be taken out of one outer file, whatever its nesting."""

    members: int = MAX_MEMBERS
    inflated_bytes: int = MAX_INFLATED_BYTES


def _nothing(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a reader stands: how deep, with which budget, and how to read what it contains."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Column name -> type for CSV, from the user."""
    depth: int = 0
    """0 for the file itself, 1 for its members and attachments, …"""
    budget: Budget = field(default_factory=Budget)
    cut: bool = False
    """The bytes end at a limit of size, not where the file ends."""
    reader: Reader = _nothing
    """Reads bytes of any format: `reading.read_inside`."""

    def read(self, data: bytes, name: str) -> Iterator[Document | Problem]:
        """What a member of this file holds; too deep a nesting gives one `Problem`."""
        if self.depth >= MAX_DEPTH:
            yield Problem(
                name,
                f"lies more than {MAX_DEPTH} files deep, nothing read. "
                "Unpack the outer files and add the inner one.",
            )
            return
        yield from self.reader(data, name, replace(self, depth=self.depth + 1))


class Deadline:
    """A limit of time for work whose amount the size of the input does not bound."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end


def words(text: str) -> frozenset[str]:
    """The words of a text as a set: for tables of words, which read best as lines."""
    return frozenset(text.split())


def one_line(raw: str, limit: int) -> str:
    """A value of metadata as one printable line of at most so many characters."""
    flat = " ".join(raw[: 4 * limit].split())[:limit]
    return "".join(c if c.isprintable() else "\ufffd" for c in flat)


def warning(place: str, message: str) -> Problem:
    """A `Problem` after which the document is still worth reading."""
    return Problem(place, message, "warning")


def kept_links(found: list[str], text: str = "") -> tuple[str, ...]:
    """Link targets once each, in order; without fragments, scripts and what the text shows."""
    kept: dict[str, None] = {}
    for raw in found:
        target = raw.strip()
        if not target.isprintable() or len(target) > MAX_LINK_CHARS or target in kept:
            continue
        if not target:
            continue
        if target[0] == "#" or target[:11].lower().startswith(("javascript:", "data:", "about:")):
            continue
        if text and target in text:
            continue
        kept[target] = None
        if len(kept) >= MAX_LINKS:
            break
    return tuple(kept)


def sorted_blocks(blocks: list[Block]) -> tuple[Block, ...]:
    """Blocks by start, the outer before the inner; at most `MAX_BLOCKS`, empty ones left out."""
    good = [b for b in blocks[:MAX_BLOCKS] if b.end > b.start]
    return tuple(sorted(good, key=lambda b: (b.start, -b.end)))
