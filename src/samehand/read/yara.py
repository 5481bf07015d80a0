"""YARA rules: the file itself, with what its grammar says about names, metadata and strings.

The grammar is that of the YARA documentation, "Writing YARA rules". No engine is needed: one
pass over tokens, each of which consumes at least one character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from samehand.model import Problem
from samehand.read.common import Inside
from samehand.read.dates import iso_date
from samehand.read.decode import decode
from samehand.read.document import Document, Stated

#: Shortest textual string, in characters, that says something about its author.
MIN_STRING_CHARS = 6
#: Stated values kept of one file: the largest public rule collections hold 60,000 strings.
MAX_STATED = 500_000

_TOKEN = re.compile(
    r"""(?P<space>[\s()\[\],;.<>+*%&|~^#@!-]++)
      | (?P<comment>//[^\n]*+ | /\*(?:[^*]|\*(?!/))*+(?:\*/)?)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*+"?)
      | (?P<hex>=\s*+\{[^}]*+\}?)
      | (?P<word>\$?[A-Za-z_][A-Za-z0-9_]*+ | \$)
      | (?P<regex>/(?:[^/\\\n]|\\[^\n])*+/?)
      | (?P<number>[0-9]++)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_HASH = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])"
)
_HASH_KIND = {32: "file:md5", 40: "file:sha1", 64: "file:sha256"}
_URL = re.compile(r"(?i)h(?:tt|xx)ps?\S{0,3}://\S+")
_PDB = re.compile(r"(?i)\.pdb\0?$")
_END = re.compile(r"(?:\\x00)+$")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
#: A whole URL, host, address, path, registry key, named object or mail address: such a string is
#: that value, not the wording of its author.
_VALUE = re.compile(
    r"""(?ix)
      [a-z][a-z0-9+.-]{1,15}://\S+
    | (?:[a-z]:|%[a-z0-9_()]{2,40}%|\\\\[\w.?-]{1,80})\\[^\r\n"<>|*?]{2,}
    | (?:hkey_[a-z_]{4,30}|hk(?:lm|cu|cr|u|cc))\\[^\r\n]+
    | (?:global|local)\\[^\\\r\n]+
    | /(?:[\w.+-]+/)+[\w.+-]*
    | [\w.+-]{1,64}@(?:[\w-]+\.)+[a-z]{2,24}
    | (?:[a-z0-9_-]{1,63}\.){1,10}[a-z]{2,24}(?::\d{1,5})?(?:/\S*)?
    | \d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/\S*)?
    """
)
_SECTIONS = frozenset(("meta", "strings", "condition", "variables"))
#: Keys of values that look like hashes of samples and are none.
_NO_SAMPLE = ("fingerprint", "uuid", "rule_id", "ruleid", "id", "guid")


@dataclass(slots=True)
class _Rules:
    stated: list[Stated] = field(default_factory=list)
    dates: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)

    def add(self, start: int, end: int, kind: str, role: str = "") -> None:
        if end > start and len(self.stated) < MAX_STATED:
            self.stated.append(Stated(start, end, kind, role))

    def meta(self, key: str, text: str, start: int) -> None:
        """One textual value of the meta section; ``start`` is its place."""
        key = key.lower()
        if key in ("date", "created", "creation_date") and (day := iso_date(text)):
            self.dates.add(day)
        if key in _NO_SAMPLE:
            self.add(start, start + len(text), "")
            return
        hashes = list(_HASH.finditer(text))
        for match in hashes:
            kind = "file:imphash" if "imphash" in key else _HASH_KIND[len(match[0])]
            if _URL.search(text) is None:
                self.add(start + match.start(), start + match.end(), kind)
        if hashes and _URL.search(text) is None:
            return
        if any(word in key for word in ("ref", "url", "link", "source", "report")):
            found = False
            for match in _URL.finditer(text):
                found = True
                self.add(start + match.start(), start + match.end(), "url", "reference")
            if not found:
                self.add(start, start + len(text), "", "reference")

    def string(self, text: str, start: int) -> None:
        """One textual string of the strings section; values of other types are left to be found."""
        plain = _plain(text)
        if len(plain) < MIN_STRING_CHARS:
            return
        whole = _VALUE.fullmatch(plain.strip("\0 "))
        if _PDB.search(plain) and not (whole and "\\" in text and plain[-1] != "\0"):
            self.add(start, start + len(_END.sub("", text)), "pdb-path")
        elif not whole:
            self.add(start, start + len(text), "code-string")


def _plain(text: str) -> str:
    """A textual string without its escapes (Writing YARA rules, "Text strings")."""

    def character(match: re.Match[str]) -> str:
        escape = match[0][1:]
        return chr(int(escape[1:], 16)) if len(escape) == 3 else _ESCAPED.get(escape, escape)

    return _ESCAPE.sub(character, text)


def _scan(text: str) -> _Rules:
    """What the grammar states about a file of rules."""
    rules = _Rules()
    section, key, previous = "", "", ""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind in ("space", "comment"):
            continue
        token = match[0]
        if kind == "word":
            if not section and previous == "rule":
                rules.names.append(token[:200])
                rules.add(match.start(), match.end(), "yara-rule")
                section = "head"
            elif previous != "=":
                key = token
        elif kind == "string":
            closed = len(token) > 1 and token.endswith('"')
            inner, start = token[1:-1] if closed else token[1:], match.start() + 1
            if previous == "=" and section == "meta":
                rules.meta(key, inner, start)
            elif previous == "=" and section == "strings" and key.startswith("$"):
                rules.string(inner, start)
        elif token == "{" and section == "head":
            section = "body"
        elif token == ":" and key in _SECTIONS and previous == key and section not in ("", "head"):
            section = key
        elif token == "}":
            section = ""
        previous = token if len(token) < 200 else ""
    return rules


def read_yara(data: bytes, name: str, inside: Inside) -> Iterator[Document | Problem]:
    """A file of YARA rules, as its source."""
    text, problems = decode(data, name, cut=inside.cut)
    rules = _scan(text)
    yield Document(
        name,
        "yara",
        text,
        stated=tuple(rules.stated),
        title=rules.names[0] if len(rules.names) == 1 else "",
        published=rules.dates.pop() if len(rules.dates) == 1 else "",
        problems=tuple(problems),
    )
