"""Mail: header lines, the body, and each attachment as a document of its own.

The parser keeps headers unparsed (`compat32`) and cuts them: the structured parsers of
`email.policy.default` need quadratic time for long ones, and an attacker writes the headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from samehand.model import Problem
from samehand.read.common import (
    MAX_DEPTH,
    MIB,
    Deadline,
    Inside,
    kept_links,
    one_line,
    sorted_blocks,
    warning,
)
from samehand.read.dates import iso_date
from samehand.read.decode import decode
from samehand.read.document import Block, Document, Stated

if TYPE_CHECKING:
    from email.message import Message

#: Longest header that is kept, in characters; RFC 5322 wants lines of 78.
MAX_HEADER_CHARS = 8_000
#: Header lines shown of one mail, so many of each name.
MAX_SAME_HEADERS = 50
#: Header lines of one part, and their bytes: a mail through ten relays has 200 lines, 20 KiB.
#: The standard library keeps each line as an object, so 60 MiB of them would take 2 GB.
MAX_HEADER_LINES = 20_000
MAX_HEADERS_BYTES = 2 * MIB
#: Parts looked at in one mail, and depth of multipart in multipart.
MAX_PARTS = 2_000
MAX_PART_DEPTH = 50
#: Seconds for parsing one mail, looked at between pieces: 64 MiB of body need 4.
MAX_SECONDS = 60.0
_CHUNK_BYTES = 64 * 1024
#: A plain body this many times shorter than the page beside it only says 'use another program'.
MIN_PLAIN_SHARE = 0.1
_SHOWN = (
    "From", "Sender", "Reply-To", "Return-Path", "To", "Cc", "Delivered-To", "Subject", "Date",
    "Message-ID", "Received", "X-Originating-IP", "X-Mailer", "User-Agent",
)  # fmt: skip
#: Headers that name whom a mail was sent to.
_RECIPIENTS = ("To: ", "Cc: ", "Delivered-To: ")
_ADDRESS = re.compile(r"[^\s<>,;:\"()@]{1,64}@[^\s<>,;:\"()@]{1,253}")
#: Targets of links that are written below a body which does not show their hosts.
MAX_HIDDEN_LINKS = 200
_TARGET_HOST = re.compile(r"(?i)\s*(?:https?|ftp)://(?:[^\s/?#@]*@)?([^\s/?#:@]+)")


#: A run of header lines with their folded parts (RFC 5322, 2.2).
_HEADERS = re.compile(rb"(?m)(?:^(?:From |[!-9;-~]*+:)[^\n]*+(?:\n[ \t][^\n]*+)*+\n?)++")


def _policy() -> Any:
    """compat32 with a limit on the length of a header."""
    from email.policy import Compat32

    class Short(Compat32):
        def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
            kept: list[str] = []
            size = 0
            for line in sourcelines:
                kept.append(line[: MAX_HEADER_CHARS - size])
                size += len(kept[-1])
                if size >= MAX_HEADER_CHARS:
                    break
            name, value = super().header_source_parse(kept)
            return name, str(value)

    return Short()


def _parsed(data: bytes, name: str) -> tuple[Message, list[Problem]]:
    from email.parser import BytesFeedParser

    parser = BytesFeedParser(policy=_policy())
    deadline = Deadline(MAX_SECONDS)
    for at in range(0, len(data), _CHUNK_BYTES):
        parser.feed(data[at : at + _CHUNK_BYTES])
        if deadline.passed:
            done = round(100 * at / len(data))
            message = f"needs more than {MAX_SECONDS:g} s; the first {done} % are read."
            return parser.close(), [warning(name, message)]
    return parser.close(), []


def _header(raw: str) -> str:
    """One header on one line, decoded (RFC 2047)."""
    from email.errors import HeaderParseError
    from email.header import decode_header

    flat = " ".join(raw.split())
    if not flat.isascii():
        flat = flat.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in flat:
        return one_line(flat, MAX_HEADER_CHARS)
    try:
        pieces = decode_header(flat)
    except (HeaderParseError, ValueError):
        return one_line(flat, MAX_HEADER_CHARS)
    words = []
    for piece, charset in pieces:
        if isinstance(piece, str):
            words.append(piece)
        else:
            words.append(decode(piece, "", charset or "")[0])
    return one_line("".join(words), MAX_HEADER_CHARS)


def _headers(message: Message) -> list[str]:
    """'Subject: …' and the other telling headers, in the order of `_SHOWN`."""
    found: dict[str, list[str]] = {}
    for key, value in message.raw_items():
        found.setdefault(key.lower(), []).append(str(value))
    return [
        f"{key}: {_header(value)}"
        for key in _SHOWN
        for value in found.get(key.lower(), [])[:MAX_SAME_HEADERS]
    ]


def _stated(headers: list[str]) -> Iterator[Stated]:
    """The addresses of the recipients; and the identifier of the mail, which is no address."""
    start = 0
    for line in headers:
        if line.startswith("Message-ID: "):
            yield Stated(start + len("Message-ID: "), start + len(line), "")
        elif line.startswith(_RECIPIENTS):
            for match in _ADDRESS.finditer(line):
                yield Stated(start + match.start(), start + match.end(), "email-addr", "victim")
        start += len(line) + 1


def _hidden(links: list[str], body: str) -> list[str]:
    """Targets of links whose hosts a reader of the body does not see, as phishing mails have."""
    lower = body.lower()
    found: list[str] = []
    for link in kept_links(links):
        host = _TARGET_HOST.match(link)
        if host and host[1].lower() not in lower:
            found.append(link)
            if len(found) >= MAX_HIDDEN_LINKS:
                break
    return found


@dataclass(slots=True)
class _Parts:
    """The leaves of a mail."""

    plain: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    attached: list[tuple[str, bytes]] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _file_name(part: Message) -> str:
    try:
        found = part.get_filename()
    except (ValueError, LookupError, TypeError):
        found = None
    return _header(str(found))[:200] if found else ""


def _bytes(part: Message) -> bytes:
    """The decoded content of a part."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):
        content = None
    return content if isinstance(content, bytes) else b""


def _text(part: Message, name: str, parts: _Parts) -> str:
    charset = part.get_param("charset") or ""
    if isinstance(charset, tuple):
        charset = charset[2]
    text, problems = decode(_bytes(part), name, charset)
    parts.problems.extend(problems)
    return text


def _leaves(message: Message, name: str) -> _Parts:
    """All parts of a mail, walked without recursion."""
    from email.message import Message

    parts = _Parts()
    waiting: list[tuple[Message, int]] = [(message, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > MAX_PARTS or depth > MAX_PART_DEPTH:
            limit = f"{MAX_PARTS} parts" if seen > MAX_PARTS else f"{MAX_PART_DEPTH} levels"
            parts.problems.append(warning(name, f"more than {limit}; the rest is not read."))
            break
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/rfc822" and isinstance(payload, list):
            parts.mails.extend(m for m in payload if isinstance(m, Message))
        elif isinstance(payload, list):
            waiting.extend((m, depth + 1) for m in reversed(payload) if isinstance(m, Message))
        else:
            _leaf(part, kind, name, parts)
    return parts


def _leaf(part: Message, kind: str, name: str, parts: _Parts) -> None:
    file_name = _file_name(part)
    attached = part.get_content_disposition() == "attachment" or file_name
    if attached or not kind.startswith("text/"):
        content = _bytes(part)
        if content and not (kind.startswith("image/") and not file_name):
            shown = file_name or f"part.{kind.rpartition('/')[2][:20]}"
            parts.attached.append((shown, content))
    elif kind == "text/html":
        parts.pages.append(_text(part, name, parts))
    else:
        parts.plain.append(_text(part, name, parts))


def _body(name: str, parts: _Parts) -> tuple[str, tuple[Block, ...], list[str]]:
    """(text, blocks, links): the plain body, or the page where that says more."""
    from samehand.read.html import parse_html
    from samehand.read.text import blocks_of

    pages = [parse_html(text, name) for text in parts.pages]
    links = [link for page in pages for link in page.links]
    plain = "\n".join(p.rstrip() for p in parts.plain if p.strip())
    shown = sum(len(page.text) for page in pages)
    if plain and len(plain) >= MIN_PLAIN_SHARE * shown:
        return plain, blocks_of(plain), links
    text, blocks = "", []
    for page in pages:
        if text:
            text += "\n\n"
        blocks += [Block(b.kind, b.start + len(text), b.end + len(text)) for b in page.blocks]
        text += page.text
    if plain:
        text = f"{text}\n\n{plain}"
    return text, tuple(blocks), links


def _message(message: Message, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """The documents of one mail: itself, its attachments, the mails in it."""
    parts = _leaves(message, name)
    headers = _headers(message)
    body, blocks, links = _body(name, parts)
    where = str(message.get("Snapshot-Content-Location") or "").strip()
    if parts.pages and (where or not (parts.plain or message.get("From"))):
        # A page saved as MHTML (RFC 2557): its pictures are no attachments.
        from samehand.read.html import parse_html

        page = parse_html(parts.pages[0], name)
        yield replace(page, url=page.url or where, problems=(*page.problems, *parts.problems))
        return
    top = "\n".join(headers)
    text = f"{top}\n\n{body}" if top else body
    shift = len(text) - len(body)
    if hidden := _hidden(links, body):
        text = "\n".join((f"{text}\n\nLinks:", *hidden))
    subject = next((h[9:] for h in headers if h.startswith("Subject: ")), "")
    date = next((h[6:] for h in headers if h.startswith("Date: ")), "")
    yield Document(
        name,
        "mail",
        text,
        blocks=sorted_blocks([Block(b.kind, b.start + shift, b.end + shift) for b in blocks]),
        stated=tuple(_stated(headers)),
        links=kept_links(links, text),
        title=subject[:300],
        published=iso_date(date),
        problems=tuple(parts.problems),
    )
    for shown, content in parts.attached:
        inside.budget.members -= 1
        inside.budget.inflated_bytes -= len(content)
        if inside.budget.members < 0 or inside.budget.inflated_bytes < 0:
            yield Problem(name, "too many or too large attachments; the rest is not read.")
            return
        yield from inside.read(content, f"{name}!{shown}")
    for number, inner in enumerate(parts.mails, 1):
        place = f"{name}!message-{number}.eml"
        if inside.depth >= MAX_DEPTH:
            yield Problem(place, f"lies more than {MAX_DEPTH} files deep, nothing read.")
            continue
        yield from _message(inner, place, replace(inside, depth=inside.depth + 1))


def read_mail(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A mail with everything attached to it."""
    for run in _HEADERS.finditer(data):
        size = run.end() - run.start()
        if size > MAX_HEADERS_BYTES or data.count(b"\n", *run.span()) > MAX_HEADER_LINES:
            yield Problem(
                name,
                f"has more than {MAX_HEADER_LINES} header lines, no mail has; nothing read. "
                "Save its text as .txt.",
            )
            return
    message, problems = _parsed(data, name)
    yield from problems
    yield from _message(message, name, inside)
