"""Documents made of a text, and what is found in them, for the tests of extraction."""

from __future__ import annotations

from typing import Any

from samehand.extract.mention import Mention
from samehand.extract.observables import extract
from samehand.read.document import Block, BlockKind, Document, Stated

Value = tuple[str, str]


def mentions(text: str, **parts: Any) -> tuple[Mention, ...]:
    return extract(Document(name="test", format="text", text=text, **parts))


def values(text: str, **parts: Any) -> set[Value]:
    """Types and canonical values, without places."""
    return {(m.feature.kind, m.feature.value) for m in mentions(text, **parts)}


def roles(text: str, **parts: Any) -> dict[str, list[str]]:
    """For each value its roles in the order of its places."""
    told: dict[str, list[str]] = {}
    for mention in mentions(text, **parts):
        told.setdefault(mention.feature.value, []).append(mention.role)
    return told


def block(text: str, part: str, kind: BlockKind) -> Block:
    """The block that a part of a text fills."""
    start = text.index(part)
    return Block(kind, start, start + len(part))


def stated(text: str, part: str, kind: str, role: str = "") -> Stated:
    """What a format states of a part of a text."""
    start = text.index(part)
    return Stated(start, start + len(part), kind, role)
