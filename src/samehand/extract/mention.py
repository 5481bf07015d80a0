"""What the extractor finds, before and after it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from samehand.model import Feature


class Candidate(NamedTuple):
    """A stretch of the scanned text that is taken for an observable."""

    start: int
    end: int
    kind: str
    value: str
    """Refanged, not yet canonical."""
    defanged: bool = False
    rank: int = 0
    """Among candidates that overlap the higher rank stays, then the longer."""


class Placed(NamedTuple):
    """A candidate that holds, at its place in the document's text; its role is still to be told."""

    start: int
    end: int
    feature: Feature
    defanged: bool
    role: str
    """The role that the format states, or ''."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One observable at one place of a document."""

    feature: Feature
    raw: str
    """As written, defanging and all."""
    role: str
    """c2, download, phishing, victim, reference, sinkhole, benign, malware or indicator; '' where
    roles mean nothing (techniques, vulnerabilities, names of rules)."""
    start: int
    """First character in the document's text."""
    end: int
    """One past the last character."""
    page: int | None = None
    batch: str = ""
    """The list or table it stands in; '' in running text."""
    file: str = ""
    """Hashes with the same key are of one file; '' where nothing tells."""
