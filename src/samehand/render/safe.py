"""Text from reports made harmless for pages and terminals: cleaned, shortened, defanged.

Reports are hostile. Escaping for HTML is the template's work; here go control characters, terminal
escapes, bidirectional overrides and invisible characters, and every value that some viewer might
turn into a link is written so that it cannot be one (``hxxp``, ``[.]``).
"""

from __future__ import annotations

import re
import unicodedata

from samehand.config import types_table
from samehand.knowledge.providers import split_host

#: ECMA-48 section 5.4 control sequences (7 and 8 bit), operating system commands, other escapes.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Categories (UAX #44) that show nothing or change how other text shows: controls, format
#: characters (zero-width, bidirectional overrides, tags), surrogates, private use, unassigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
#: Letters that render as blank space and are used to hide or pad text.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")

_DOMAIN_KINDS = frozenset({"domain-name", "registered-domain", "provider"})
_ADDRESS_KINDS = frozenset({"ipv4-addr", "ipv4-addr:port", "ipv4-net24"})
#: Kinds whose values are full of dots that are no host names (``report.zip``, ``setup.com``).
_FILE_KINDS = frozenset({"file:name", "file:path", "pdb-path"})

_DOT = re.compile(r"(?<!\[)\.(?!\])")
_AT = re.compile(r"(?<!\[)@(?!\])")
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,19})://([^\s/?#\"'<>]*)")
_SCHEME = re.compile(r"(?i)\b(javascript|vbscript|data|mailto|tel|file):(?=\S)")
_EMAIL = re.compile(r"([\w.+%-]+)@([\w-]+(?:\.[\w-]+)+)")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_HOST = re.compile(r"(?<![\w.\[\\-])[\w-]++(?:\.[\w-]++)++(?![\w\]\\(])")


def clean(text: str, limit: int = 300) -> str:
    """The text on one line without anything invisible, at most ``limit`` characters long."""
    text = _ANSI.sub("", text[: 20 * limit + 1000])
    shown = "".join(
        " "
        if c.isspace() or c in _BLANKS or unicodedata.category(c) in ("Zl", "Zp")
        else ""
        if unicodedata.category(c) in _INVISIBLE
        else c
        for c in text
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def _dots(text: str) -> str:
    return _DOT.sub("[.]", text)


def _ats(text: str) -> str:
    return _AT.sub("[@]", text)


def _url(match: re.Match[str]) -> str:
    scheme, host = match[1], _ats(_dots(match[2]))
    lower = scheme.lower()
    if lower in ("http", "https"):
        return f"hxxp{lower[4:]}://{host}"
    if lower in ("hxxp", "hxxps"):
        return f"{scheme}://{host}"
    return f"{scheme}[:]//{host}"


def _host(match: re.Match[str]) -> str:
    text = match[0]
    return _dots(text) if any(split_host(text.lower())) else text


def defang_text(text: str, limit: int = 300, *, hosts: bool = True) -> str:
    """Free text, cleaned, in which URLs, addresses and host names are defanged.

    ``hosts=False`` leaves bare names with dots alone, as in file names.
    """
    text = clean(text, limit)
    text = _URL.sub(_url, text)
    text = _SCHEME.sub(r"\1[:]", text)
    text = _EMAIL.sub(lambda m: f"{m[1]}[@]{_dots(m[2])}", text)
    text = _IPV4.sub(lambda m: _dots(m[0]), text)
    return _HOST.sub(_host, text) if hosts else text


def defang(kind: str, value: str, limit: int = 300) -> str:
    """A value of one of the types of ``types.toml``, cleaned and never clickable."""
    if kind in _DOMAIN_KINDS or kind in _ADDRESS_KINDS:
        return _dots(clean(value, limit))
    if kind == "ipv6-addr":
        return re.sub(r"(?<!\[):(?!\])", "[:]", clean(value, limit))
    if kind == "email-addr":
        return _ats(_dots(clean(value, limit)))
    if kind == "url":
        text = clean(value, limit)
        if not re.match(r"(?i)[a-z][a-z0-9+.-]*://", text):
            host, slash, rest = text.partition("/")
            return _dots(host) + slash + defang_text(rest, limit)
        return defang_text(text, 2 * limit)
    return defang_text(value, limit, hosts=kind not in _FILE_KINDS)


def shown_comparison(text: str, limit: int = 300) -> str:
    """What was compared, as in `Contribution.comparison`, with its value defanged by its kind.

    Reads 'anchor: domain-name a.example, as in REPORT' and 'url http://…'; anything else is free
    text.
    """
    prefix = ""
    rest = clean(text, 4 * limit)
    for word in ("anchor: ", "withdrawn: "):
        if rest.startswith(word):
            prefix, rest = word, rest.removeprefix(word)
    kind, space, value = rest.partition(" ")
    if not space or kind not in types_table():
        return prefix + defang_text(rest, limit)
    value, separator, where = (
        value.rpartition(", as in ") if ", as in " in value else (value, "", "")
    )
    return f"{prefix}{kind} {defang(kind, value, limit)}{separator}{defang_text(where, limit)}"
