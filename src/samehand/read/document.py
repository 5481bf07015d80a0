"""What a reader returns: the text of one document and what its format says about places in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from samehand.model import Problem

BlockKind = Literal["heading", "table", "code", "list", "quote"]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the text with a function; blocks may nest and are sorted by ``start``."""

    kind: BlockKind
    start: int
    """First character, counted in the document's text."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A value whose type the format itself states: a CSV column, a YARA rule name.

    Places are characters of the document's text, ``end`` exclusive.
    """

    start: int
    end: int
    kind: str
    """A type of types.toml, or '' for 'no observable, whatever it looks like'."""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its text, and what is known about it from the format alone."""

    name: str
    """The file; for a member of an archive or an attachment ``outer.zip!inner.txt``."""
    format: str
    """pdf, html, docx, markdown, asciidoc, text, mail, yara or csv."""
    text: str
    """Unicode text; every offset counts its characters. May hold anything an attacker writes."""
    pages: tuple[int, ...] = ()
    """Offset at which each page begins, page 1 first; empty where there are no pages."""
    blocks: tuple[Block, ...] = ()
    stated: tuple[Stated, ...] = ()
    links: tuple[str, ...] = ()
    """Targets of links that the text does not show: citations, never observables."""
    title: str = ""
    publisher: str = ""
    published: str = ""
    """A date as ISO 8601 (YYYY, YYYY-MM or YYYY-MM-DD), or ''."""
    url: str = ""
    """Where the document says it was published (canonical address), or ''."""
    problems: tuple[Problem, ...] = ()
    """What could not be read of it: an empty page, a limit, a wrong character set."""

    def page_of(self, offset: int) -> int | None:
        """The page, from 1, on which a character stands; `None` without pages."""
        return bisect_right(self.pages, offset) or None if self.pages else None
