"""What a dotted token is: a host name, an address, a file name, or nothing of these.

A token written defanged is meant as an observable, so any public top-level domain will do. One
written plainly must look like a host of its own: `setup.py`, `System.IO` and `end.It` are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from samehand.extract.lexicon import lexicon
from samehand.extract.patterns import PY_DOT

#: Words that say that a host is meant, looked for shortly before a plain token.
_HOST_WORDS = re.compile(
    r"(?i)\b(?:domains?|hosts?|hostnames?|fqdns?|sites?|websites?|servers?|url|uri|c2|c&c|cnc|dns"
    r"|resolv\w*|visit\w*|sinkhol\w*|registered|beacon\w*|contact\w*|connect\w*|www|hosted"
    r"|redirect\w*|portal|page|infrastructure|nameserver)\b"
)
#: Object identifiers of the Internet, RSA and X.500 (ITU-T X.660) of four arcs.
_OBJECT_IDENTIFIER = re.compile(r"1\.3\.6\.|1\.2\.840\.|2\.5\.(?:4|29)\.")
#: First octet of what is reserved or a netmask (RFC 1112, 4).
_RESERVED = 240
_ROUTE = re.compile(r"(?i)\b(?:masks?|wildcard|route|gateway|listen\w*|bind\w*)\b[^.]*$")
_UNIT = re.compile(r"\s*(?:rupiah|dollars?|euros?|usd|eur|rub\w*|yen|bytes?|[%€$£])(?!\w)", re.I)
#: What joins the members of a list of versions.
_AND = re.compile(r"\s*(?:[,;/&–-]|and|or|to|through|,\s*(?:and|or))\s*")
#: Signs without which all dots of a token are plain.
_SPECIAL = re.compile(r"[\[({<\])}> \\\n]")
_TOLD_ADDRESS = re.compile(r"(?i)\b(?:ips?|ipv4|address(?:es)?|servers?|hosts?)\b[^.]{0,16}$")
#: Other versions before: "17.x before 17.0.0.169".
_ANY_VERSION = re.compile(r"\b\d+\.x\b|\b(?:before|prior to|earlier than|up to|through) $")
#: A line that begins with the number of a section, in markup or without.
_LINE_START = re.compile(r"(?:^|\n)[#*_ \t]*$")
_TITLE = re.compile(r"[.*_]* +[*_\[]*[A-Z][a-z]")
#: Names of objects in programs that are hardly ever the first label of a host.
_OBJECTS = frozenset(
    (
        *("this", "self", "document", "window", "req", "res", "request", "response", "node", "obj"),
        *("event", "module", "exports", "process", "params", "props", "element", "args", "argv"),
        *("main", "runtime", "math", "json", "console", "sys", "os"),
    )
)
#: A label in the names that scanners give to malware: "Trojan.Win32.Agent.cd".
_PLATFORMS = frozenset(
    (
        *("win16", "win32", "win64", "w32", "w64", "msil", "androidos", "android", "osx", "macos"),
        *("linux", "vbs", "html", "msoffice", "swf"),
    )
)
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|[^\W_]|_[\w-]{1,62}")
_WORD = re.compile(r"(?<![\w.@/-])[A-Za-z_]+(?![\w@/-]|\.\w)")
#: Words before four numbers among which one for a version counts.
_NEAR_WORDS = 4
#: Words after which four numbers are an address, whatever stood before.
_ADDRESS_WORDS = frozenset((
    "ip", "ips", "ipv", "address", "addresses", "host", "hosts", "server", "servers", "c", "c2",
    "to", "on", "at", "from", "via", "ping", "resolve", "resolves",
))  # fmt: skip
_LIST_START = re.compile(r"(?:^|[\n\t|,;•·*●▪→>\"'“‘`(\[-])[ \"'“‘`*(\[]*$")
_LIST_END = re.compile(r"[ \"'”’`*)\]]*(?:$|[\n\t|,;])")
#: Endings of files that are also names in programs: 'console.log', 'Newtonsoft.Json'.
_PLAIN_ENDINGS = frozenset((
    "log", "data", "bin", "key", "config", "url", "service", "class", "json", "xml", "html", "css",
    "java", "timer", "lock", "db", "cs", "go",
))  # fmt: skip
#: Top-level domains below which names are often written with capitals: 'GitHub.com'.
_BRAND_DOMAINS = frozenset(("com", "net", "org", "io", "de", "ru", "cn"))
#: Most labels of a host: 255 octets, of which each label takes two (RFC 1035, 2.3.4).
MOST_LABELS = 127
#: Characters looked at before a token; those in which a word for hosts, or for addresses, counts.
_NEAR, _NEAR_HOST, _NEAR_ADDRESS = 80, 48, 40
#: Largest number of the numbering of a section: '2.1.3.4 Results'.
_LAST_SECTION = 40


class Token(NamedTuple):
    """A dotted token, cut at its dots."""

    labels: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    """Places of the labels in the scanned text."""
    marks: tuple[str, ...]
    """How each dot is written: plain, bracket, half, slash, word or blank."""

    @property
    def defanged(self) -> bool:
        """Whether some dot is written so that it cannot be clicked."""
        return self.marks.count("plain") != len(self.marks)

    def cut(self, first: int, last: int) -> Token:
        """The labels from ``first`` up to, without, ``last``."""
        if first == 0 and last == len(self.labels):
            return self
        return Token(self.labels[first:last], self.spans[first:last], self.marks[first : last - 1])


class Found(NamedTuple):
    """What a token is, and which part of it."""

    kind: str
    """'domain', 'address' or 'file'."""
    value: str
    start: int
    end: int
    defanged: bool


def token(raw: str, start: int) -> Token:
    """A raw token that begins at a place of the scanned text, cut at its dots."""
    spans: list[tuple[int, int]] = []
    at = start
    if not _SPECIAL.search(raw):
        plain = raw.split(".")
        for label in plain:
            end = at + len(label)
            spans.append((at, end))
            at = end + 1
        return Token(tuple(plain), tuple(spans), ("plain",) * (len(plain) - 1))
    labels: list[str] = []
    marks: list[str] = []
    at = 0
    for dot in PY_DOT.finditer(raw):
        labels.append(raw[at : dot.start()])
        spans.append((start + at, start + dot.start()))
        marks.append(str(dot.lastgroup))
        at = dot.end()
    labels.append(raw[at:])
    labels = [label.replace("\\_", "_") for label in labels] if "\\" in raw else labels
    spans.append((start + at, start + len(raw)))
    return Token(tuple(labels), tuple(spans), tuple(marks))


def is_numeric(labels: tuple[str, ...]) -> bool:
    """Whether four labels are the numbers of an IPv4 address (RFC 791), without leading zeros."""
    if len(labels) != 4 or not labels[0].isdigit():
        return False
    return all(
        label.isascii()
        and label.isdigit()
        and len(label) < 4
        and int(label) < 256
        and (label == "0" or label[0] != "0")
        for label in labels
    )


class Judge:
    """Decides tokens of one text."""

    def __init__(self, text: str, meant: Callable[[str], bool]) -> None:
        """``meant`` tells whether a host is written defanged, or in a URL, elsewhere."""
        self.text = text
        self.meant = meant
        self.words = lexicon()
        self._version_end = -1
        """Where the last four numbers end that are a version; -1 if the last were none."""

    def judge(self, found: Token) -> Found | None:
        """The observable in a token, or `None`."""
        if "open" in found.marks:
            end = found.spans[-1][1]
            closed = (
                self.text[end : end + 1] in ("]", ")", "}") and self.text[end + 1 : end + 2] != "("
            )
            if not closed or any(label != label.lower() for label in found.labels):
                return None  # a Markdown link after a full stop
        if "blank" in found.marks or "word" in found.marks:
            return self._spaced(found)
        return self._plain_or_defanged(found)

    def pieces(self, found: Token) -> list[Token]:
        """A token with blanks around dots, cut there, for when it is no single host."""
        cuts = [i + 1 for i, mark in enumerate(found.marks) if mark in ("blank", "word", "open")]
        if not cuts:
            return []
        return [found.cut(a, b) for a, b in pairwise((0, *cuts, len(found.labels))) if b - a >= 2]

    def _spaced(self, found: Token) -> Found | None:
        """'evil .badsite .com' and 'evil dot com', which prose imitates: 'the .NET framework'."""
        labels, marks = found.labels, found.marks
        spaced = [m for m in marks if m in ("blank", "word")]
        if is_numeric(labels):
            return self._whole("address", found) if len(set(marks)) == 1 or found.defanged else None
        last = labels[-1]
        if (
            last not in self.words.plain_domains | self.words.word_domains
            or labels[0].lower() in self.words.not_labels
            or any(label != label.lower() for label in labels)
        ):
            return None
        others = [m for m in marks if m not in ("blank", "word", "plain")]
        if "blank" in marks and len(spaced) < 2 and not others:
            alone = len(labels) == 2 and " . " in self.text[found.spans[0][1] : found.spans[1][0]]
            if not (alone and any(c.isdigit() or c == "-" for c in labels[0].strip("-"))):
                return None
        return self._whole("domain", found) if self._labels_hold(labels) else None

    def _whole(self, kind: str, found: Token) -> Found:
        return Found(
            kind, ".".join(found.labels), found.spans[0][0], found.spans[-1][1], found.defanged
        )

    def _plain_or_defanged(self, found: Token) -> Found | None:
        first, last = 0, len(found.labels)
        if last > MOST_LABELS:
            return None
        if not found.labels[0].strip("-_"):
            first = 1
        while last - first >= 2:
            part = self._trimmed(found.cut(first, last))
            if is_numeric(part.labels):
                return self._whole("address", part) if self._is_address(part) else None
            kind = self._name(part)
            if kind:
                return self._whole(kind, part)
            if not self._droppable(part):
                return None
            last -= 1
        return None

    def _trimmed(self, part: Token) -> Token:
        """Without hyphens and underscores at both ends, which belong to lists and emphasis."""
        first, last = part.labels[0], part.labels[-1]
        if (
            first[:1] != "-"
            and last[-1:] not in ("-", "_")
            and not ("-" in last and last[0].isdigit())
        ):
            return part
        labels, spans = list(part.labels), list(part.spans)
        if labels[0].startswith("__") and labels[-1].endswith("__"):  # Markdown's bold
            spans[0] = (spans[0][0] + 2, spans[0][1])
            labels[0] = labels[0][2:]
        left = labels[0].lstrip("-_")
        if left and labels[0][0] == "-":
            spans[0] = (spans[0][1] - len(left), spans[0][1])
            labels[0] = left
        right = labels[-1].rstrip("-_")
        if right and right != labels[-1]:
            spans[-1] = (spans[-1][0], spans[-1][0] + len(right))
            labels[-1] = right
        head, *rest = re.split(r"-(?=\d)", labels[-1]) if labels[-1][:1].isdigit() else [labels[-1]]
        if rest and len(labels) == 4 and labels[0].isdigit():  # 10.0.0.1-10.0.0.9
            spans[-1] = (spans[-1][0], spans[-1][0] + len(head))
            labels[-1] = head
        return Token(tuple(labels), tuple(spans), part.marks)

    def _droppable(self, part: Token) -> bool:
        """Whether the last label belongs to the next sentence or word: 'evil.com.The'."""
        last = part.labels[-1]
        return len(part.labels) > 2 and (last[:1].isupper() or not last.isascii() or not last)

    def _before(self, part: Token) -> str:
        start = part.spans[0][0]
        return self.text[max(0, start - _NEAR) : start]

    def _is_address(self, part: Token) -> bool:
        """Whether four numbers are an address and no version, section or object identifier."""
        if part.defanged:
            return True
        end = part.spans[-1][1]
        before = self._before(part)
        if before[-1:] in ("/", "§") and not before.endswith("//"):
            return False
        if self.text[end : end + 1] == "." and self.text[end + 1 : end + 2].isdigit():
            return False
        if before[-1:] == "." and before[-2:-1].isdigit():
            return False
        start = part.spans[0][0]
        if self._version_end >= 0 and _AND.fullmatch(self.text[self._version_end : start]):
            self._version_end = end
            return False  # versions 1.2.3.4, 1.2.3.5 and 1.2.4.1
        self._version_end = -1
        return self._reads_as_address(part, before, end)

    def _reads_as_address(self, part: Token, before: str, end: int) -> bool:
        if _OBJECT_IDENTIFIER.match(".".join(part.labels)):
            return False
        if part.labels[0] == "0" and (any(map(int, part.labels)) or _ROUTE.search(before)):
            return False
        if int(part.labels[0]) >= _RESERVED:
            return False
        if _UNIT.match(self.text, end) and not _TOLD_ADDRESS.search(before):
            return False  # an amount with dots between thousands
        line = re.split(r"[\n;,]|(?<!\b[Vv]er)[.!?] ", before[-_NEAR_ADDRESS:])[-1]
        for word in _WORD.findall(line)[: -_NEAR_WORDS - 1 : -1]:
            if word.lower() in _ADDRESS_WORDS:
                break
            low = word.lower()
            if {low, low.rstrip("s")} & self.words.version_words or low.endswith("version"):
                self._version_end = end
                return False
        numbers = [int(label) for label in part.labels]
        told = _TOLD_ADDRESS.search(line)
        if (
            told is None
            and numbers[0]
            and not any(numbers[2:])
            and self.text[end : end + 1] not in ("/", "-", ":")
        ):
            return False  # 1.2.0.0 is a version, or a network without its length
        if _ANY_VERSION.search(line):
            self._version_end = end
            return False
        heading = _LINE_START.search(before) and _TITLE.match(self.text[end : end + 12])
        return not (heading and max(numbers) < _LAST_SECTION)

    def _labels_hold(self, labels: tuple[str, ...]) -> bool:
        return (
            all(_LABEL.fullmatch(label) for label in labels)
            and sum(map(len, labels)) + len(labels) <= 254
            and "_" not in labels[-1]
            and "_" not in labels[-2]
        )

    def _name(self, part: Token) -> str:
        """'domain', 'file' or '' for a token that is no address."""
        labels = part.labels
        last = labels[-1]
        low = last.lower()
        if not last or not last[:1].isalpha():
            return "file" if low in ("7z",) and self._file_holds(labels) else ""
        top = low in self.words.top_level
        ending, other = low in self.words.file_endings, low in self.words.other_roots
        if not (top or ending or other):
            return ""
        whole = ".".join(labels).lower()
        if whole in self.words.not_hosts:
            return ""
        if not top and other:
            top = part.defanged or self.meant(whole)
            top = top or (low == "onion" and len(labels[-2]) in (16, 56))
        if ending and not (top and part.defanged):
            return "file" if self._file_holds(labels) else ""
        if not top or not self._labels_hold(labels):
            return ""
        if part.defanged or self.meant(whole):
            return "domain"
        return self._plain_name(part, low)

    def _file_holds(self, labels: tuple[str, ...]) -> bool:
        """Whether a token with the ending of a file is one, and no expression of a program."""
        last = labels[-1]
        if not any(c.isalnum() for c in labels[0]):
            return False
        if last.lower() in _PLAIN_ENDINGS:
            code = labels[0].lower() in self.words.code_heads
            return not code and not (last.istitle() and all(x[:1].isupper() for x in labels))
        return True

    def _plain_name(self, part: Token, low: str) -> str:
        """What a name written plainly is."""
        labels = part.labels
        head, two = labels[0].lower(), len(labels) == 2
        end = part.spans[-1][1]
        follows = self.text[end : end + 2]
        if labels[-1] != low and not "".join(labels).isupper():
            return ""  # 'System.IO'
        if (
            self.text[end : end + 2] == '":'
            or self.text[part.spans[0][0] - 1 : part.spans[0][0]] == "%"
        ):
            return ""  # a key of JSON, a format
        if follows[:1] == "(" and not follows[1:].isdigit():
            return ""  # the call of a function; 'evil.com(1.2.3.4)' is none
        if low in self.words.file_domains:
            if two and head != "www":
                return "domain" if self._evident(part, words_only=True) else "file"
            if labels[-2].lower() in self.words.file_endings:
                return "file"
        if self._is_code(labels, head, low):
            return ""
        if low in self.words.plain_domains or head == "www" or len(labels) > 3:
            return "domain"
        before = "".join(labels[:-1])
        signs = not before.isdigit() and any(c.isdigit() or c == "-" for c in before)
        if two and low in self.words.word_domains:
            return "domain" if signs or self._evident(part) else ""
        return "domain" if signs or not two or self._evident(part) else ""

    def _is_code(self, labels: tuple[str, ...], head: str, low: str) -> bool:
        """Whether a name is an expression of a program or the name of a package."""
        two = len(labels) == 2
        if two and head in self.words.code_heads:
            return low not in ("com", "net", "org")
        if head in _OBJECTS and low not in self.words.plain_domains:
            return True
        if two and len(head) == 1 and len(low) > 2 and low not in ("com", "net", "org"):
            return True  # p.info, f.call
        if head in ("java", "javax"):
            return True
        if set("".join(labels)) <= {"x", "X"}:
            return True
        if (
            len(labels) > 2
            and any(x.lower() in _PLATFORMS for x in labels[:-1])
            and (labels[0][:1].isupper())
        ):
            return True
        package = len(labels) > 2 and head in self.words.package_heads
        if package and low not in self.words.plain_domains:
            return True
        # Capitals inside: 'myObject.name'; a brand such as 'GitHub.com' is fine.
        inside = any(label != label.lower() and label[1:] != label[1:].lower() for label in labels)
        return inside and low not in _BRAND_DOMAINS and not "".join(labels).isupper()

    def _evident(self, part: Token, *, words_only: bool = False) -> bool:
        """Whether a plain name stands alone on its line or cell, or after a word for hosts."""
        before = self._before(part)
        if _HOST_WORDS.search(before[-_NEAR_HOST:].rpartition("\n")[2]):
            return True
        end = part.spans[-1][1]
        return not words_only and bool(
            _LIST_START.search(before) and _LIST_END.match(self.text[end : end + 8])
        )
