"""Candidates that name a place on the network: URLs, hosts, addresses, e-mail; also file names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple

from samehand.extract.clean import Scan
from samehand.extract.hosts import MOST_LABELS, Found, Judge, Token, is_numeric, token
from samehand.extract.lexicon import lexicon
from samehand.extract.mention import Candidate
from samehand.extract.patterns import HOST, IPV6, PY_AT_END, PY_STOP, URL, spans
from samehand.extract.tails import plain_scheme, refang_tail, trim_tail

_CIDR = re.compile(r"/(\d{1,2})")
#: Stretches of ASCII that stand in Chinese, Japanese or Korean without blanks around.
_SCRIPTS = re.compile(
    r"(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])[\x21-\x7e]+"
    r"|[\x21-\x7e]+(?=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
#: Escapes of JSON and C before a value: '\r\n\t' or one after a quote.
_ESCAPES = re.compile(r"(?:\\[nrt]|[\"':;,>\s])\\$")
_NAMESPACE = re.compile(r"xmlns(?::[\w.-]+)?\s*=\s*[\"']$")
#: The first and the last address of a range, which have one token.
_RANGE = re.compile(r"(\d+(?:\.\d+){3})-(\d+(?:\.\d+){3})")
_PORT = re.compile(r"\d+")
#: The next line of a URL that a narrow page broke: one token, and not a thing of its own.
_CONTINUED = re.compile(r"\n([\w.~/?#&=%+-]{3,})(?=[ \t]*(?:\||\n|$))", re.ASCII)
_CLOSED = re.compile(r"\n([\w.~/?#&=%+-]{3,})", re.ASCII)
_CLOSING = {"[": "]", "<": ">", "(": ")", '"': '"', "“": "”", "'": "'", "`": "`"}
_OWN_LINE = re.compile(r"(?i)h(?:tt|xx)ps?|ftp|[0-9a-f]{32,}$")
#: Characters before a file name in which the target of a Markdown link may begin.
_LINK_CHARS = 200
#: Longest path of a URL that is read, in characters.
MAX_PATH_CHARS = 4096
#: Shortest line that a page may have broken, in characters.
_FULL_LINE = 50
#: Longest name before the at sign of an e-mail address, in characters (RFC 5321, 4.5.3.1: a whole
#: path has 256); a longer run is text that somebody encoded.
_LONGEST_NAME = 256
#: Longest way in which an at sign is written, in characters.
_LONGEST_AT = 14
#: The name of an e-mail address, read backwards from its end.
_NAME = re.compile(r"[\w.%+-]*")
#: Last characters of the ways in which an at sign is written.
_AT_LAST = frozenset("@])}> \t\n\r\f")
_AT_LAST_BUT_ONE = frozenset("])}>tT")


class _Written(NamedTuple):
    """A dotted token with what stands at its sides."""

    first: int
    """Where it begins, a name before an at sign included."""
    at: int
    """Where that name ends; ``first`` if there is none."""
    start: int
    end: int
    port_end: int
    """Where the port after it ends; ``end`` if there is none."""


class Network:
    """Finds candidates in one prepared text.

    Two passes: the first learns what is meant as a host.
    """

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.text = scan.text
        self.meant: set[str] = set()
        self.silent: set[int] = set()
        """Where hosts begin that are names of XML namespaces and no places."""
        self.judge = Judge(scan.text, self.meant.__contains__)
        self.covered = 0
        """Where the URLs that begin so far end: a host before it is a part of one."""

    def candidates(self) -> Iterator[Candidate]:
        """All candidates of these kinds; they may overlap."""
        urls = list(self._urls())
        yield from urls
        later = []
        inside = iter(urls)
        url = next(inside, None)
        for written in self._dotted():
            while url and url.start <= written.start:
                self.covered = max(self.covered, url.end)
                url = next(inside, None)
            found = self._host(written)
            for one in found:
                if one.defanged and one.kind == "domain-name":
                    self.meant.add(one.value.lower())
            later.append((written, found, self.covered))
        for written, found, self.covered in later:
            # What is written defanged elsewhere is meant here too, whatever it looks like.
            again = not found and self.text[written.start : written.end].lower() in self.meant
            yield from self._host(written) if again else found
        yield from self._ipv6()

    def _dotted(self) -> list[_Written]:
        """All dotted tokens; one that is part of the name of an e-mail address is left out."""
        text, char = self.text, self.scan.char
        tokens: list[_Written] = []
        for match in HOST.finditer(self.scan.data):
            start, port_end = spans(match)[0]
            start, port_end = char(start), char(port_end)
            end = port_end
            colon = text.find(":", start, end)
            if colon >= 0:
                while text[colon - 1] in "[({":
                    colon -= 1
                end = colon
            first, at = self._local(start, end)
            if first < start:
                while tokens and tokens[-1].first >= first:
                    tokens.pop()
                if tokens and tokens[-1].port_end > first:
                    first = tokens[-1].port_end
                if first >= at:
                    first = at = start
            tokens.append(_Written(first, at, start, end, port_end))
        return tokens

    def _local(self, start: int, end: int) -> tuple[int, int]:
        """Where the name before a host and an at sign begins and ends; twice ``start`` if none."""
        text = self.text
        if start < 2 or text[start - 1] not in _AT_LAST:
            return start, start
        if text[start - 1] == " " and text[start - 2] not in _AT_LAST_BUT_ONE:
            return start, start  # the usual blank between words
        sign = PY_AT_END.search(text[max(0, start - _LONGEST_AT) : start])
        if sign is None or (sign[0].lower() == " at " and " dot " not in text[start:end].lower()):
            return start, start
        at = start - len(sign[0])
        name = _NAME.match(text[max(0, at - _LONGEST_NAME) : at][::-1])
        return (at - name.end(), at) if name and name.end() else (start, start)

    def _urls(self) -> Iterator[Candidate]:
        text, char = self.text, self.scan.char
        done = 0
        for match in URL.finditer(self.scan.data):
            (start, _), scheme_at, user, (host_start, host_end), port = (
                (char(a), char(b)) if a >= 0 else (-1, -1) for a, b in spans(match)
            )
            if start < done:
                continue  # a URL inside the query of another
            scheme = text[scheme_at[0] : scheme_at[1]]
            low = scheme.lower()
            if text[scheme_at[1]] == "]":  # [https]://host
                start -= text[start - 1 : start] == "["
            if low[:1] not in "hmf" and text[start - 1 : start].isalpha() and start:
                continue
            host, host_end, whole = self._url_host(text[host_start:host_end], host_start)
            if _NAMESPACE.search(text[max(0, start - 40) : start]):
                self.silent.add(host_start)
                continue
            if not host:
                continue
            value = f"{plain_scheme(scheme)}://{text[slice(*user)] if user[0] >= 0 else ''}{host}"
            at = host_end
            if whole and port[0] >= 0:
                number = _PORT.search(text[slice(*port)])
                value += f":{number[0]}" if number else ""
                at = port[1]
            if whole:
                rest = self._tail(at, "/\\?#", text[max(0, start - 1) : start])
                more = self._continued(start, at + len(rest), rest)
                value += refang_tail(rest + more)
                at += len(rest) + (len(more) + 1 if more else 0)
            defanged = (
                low not in ("http", "https", "ftp")
                or "[" in text[start:host_end]
                or any(c in text[host_start:host_end] for c in "()[]{}<> \\")
            )
            if defanged:
                self.meant.add(host.lower())
            done = at
            yield Candidate(start, at, "url", value, defanged, 3)

    def _tail(self, at: int, openers: str, before: str = "") -> str:
        """The path that follows a host at a place; '' if none does."""
        text = self.text
        if text[at : at + 1] not in openers and not text.startswith("[/]", at):
            return ""
        stop = PY_STOP.search(text, at, at + MAX_PATH_CHARS)
        end = stop.start() if stop else min(len(text), at + MAX_PATH_CHARS)
        return trim_tail(text[at:end], before) if end > at else ""

    def _url_host(self, raw: str, start: int) -> tuple[str, int, bool]:
        """(host, where it ends, whether it is the whole raw host); '' if it is none."""
        if raw.startswith("["):
            try:
                return f"[{ipaddress.IPv6Address(raw.strip('[]'))}]", start + len(raw), True
            except ValueError:
                return "", start, False
        found = token(raw, start)
        if len(found.labels) < 2:
            return "", start, False
        words = lexicon()
        last = min(len(found.labels), MOST_LABELS)
        while last >= 2:
            part = found.cut(0, last)
            labels = part.labels
            low = labels[-1].lower()
            if is_numeric(labels) or (
                (low in words.top_level or low in words.other_roots)
                and all(label and len(label) < 64 for label in labels)
                and (labels[-1] == low or labels[-1].isupper() or last == len(found.labels))
            ):
                return ".".join(labels), part.spans[-1][1], last == len(found.labels)
            last -= 1
        return "", start, False

    def _continued(self, start: int, end: int, rest: str) -> str:
        """The second line of a URL that a narrow page broke at one of its own signs."""
        text = self.text
        if text[end : end + 1] != "\n" or not rest or rest[-1] not in "/-_=&?%":
            return ""
        line = end - (text.rfind("\n", 0, start) + 1)
        closing = _CLOSING.get(text[start - 1 : start]) if start else None
        following = _CONTINUED.match(text, end) if line >= _FULL_LINE else None
        if following is None and closing:
            following = _CLOSED.match(text, end)
            if following and not text.startswith(closing, following.end()):
                return ""
        if following is None:
            return ""
        more = following[1]
        if _OWN_LINE.match(more) or self._names_host(token(more.partition("/")[0], 0)):
            return ""
        return more if any(not c.isalpha() for c in more) else ""

    def _host(self, written: _Written) -> list[Candidate]:
        """What a dotted token is, or its parts where blanks around its dots join several."""
        raw = self.text[written.start : written.end]
        if raw.count(".") != 3 and raw.replace(".", "").isdigit():
            return []  # 3.5, the bulk of what has a dot
        between = _RANGE.fullmatch(raw)
        if between:  # 10.0.0.1-10.0.0.9
            ends = (token(raw[a:b], written.start + a) for a, b in map(between.span, (1, 2)))
            both = [found for end in ends if (found := self.judge.judge(end))]
            return [c for found in both if (c := self._placed(found, written))]
        start = written.start
        if not raw.isascii() and (glued := list(_SCRIPTS.finditer(raw))):
            inner = (token(m[0], start + m.start()) for m in glued)
            parts = [found for part in inner if (found := self.judge.judge(part))]
            if parts:
                return [c for found in parts if (c := self._placed(found, written))]
        if raw[0] in "nrtbf" and self.text[start - 1 : start] == "\\" and start:
            found = self.judge.judge(token(raw[1:], start + 1))
            if (
                found
                and found.kind != "file"
                and (found.kind == "address" or _ESCAPES.search(self.text[:start][-8:]))
            ):
                return [c for c in (self._placed(found, written),) if c]
        cut = token(raw, start)
        whole = self.judge.judge(cut)
        if whole is not None:
            parts = [whole]
        elif len(cut.labels) > 2:
            parts = [found for part in self.judge.pieces(cut) if (found := self.judge.judge(part))]
        else:
            return []
        placed = (self._placed(found, written) for found in parts)
        return [candidate for candidate in placed if candidate]

    def _placed(self, found: Found, written: _Written) -> Candidate | None:
        """A host, address or file name with the name, the port and the path around it."""
        text = self.text
        if found.start in self.silent:
            return None
        if written.first < written.start == found.start:
            email = self._email(found, written) if found.kind == "domain" else None
            if email is not None:
                return email
            if "@" in text[written.first : written.start] and found.kind != "address":
                return None  # python@3.8, or an address whose name cannot be read
        if found.start and text[found.start - 1] == "@" and found.kind != "address":
            return None  # the rest of an address whose name is blotted out
        if found.kind == "file":
            before = text[max(0, found.start - _LINK_CHARS) : found.start].rsplit(maxsplit=1)[-1:]
            if "](" in "".join(before) or text[found.start - 1 : found.start] == "$":
                return None  # the target of a Markdown link, a variable
            return Candidate(found.start, found.end, "file:name", found.value, found.defanged)
        number = None
        if found.end == written.end < written.port_end:
            number = _PORT.search(text[written.end : written.port_end])
        return self._network(found, written.port_end, number)

    def _network(self, found: Found, port_end: int, number: re.Match[str] | None) -> Candidate:
        """A host or an address with what follows it: a path, a port, the length of a prefix."""
        start = found.start
        if number and not 0 < int(number[0]) < 65536:
            number = None
        port = f":{number[0]}" if number else ""
        at = port_end if number else found.end
        inside = start < self.covered
        rest = "" if inside else self._tail(at, "/", self.text[max(0, start - 1) : start])
        is_address = found.kind == "address"
        if is_address and not number:
            net = _CIDR.fullmatch(rest.replace("[/]", "/"))
            if net and int(net[1]) <= 32:
                value = found.value + net[0]
                return Candidate(start, at + len(rest), "ipv4-addr", value, found.defanged, 1)
        if len(rest.strip("/[]")) > 1 and self._is_path(rest):
            value = found.value + port + refang_tail(rest)
            self.covered = at + len(rest)
            return Candidate(start, at + len(rest), "url", value, found.defanged, 1)
        if is_address and number:
            return Candidate(start, at, "ipv4-addr:port", found.value + port, found.defanged, 1)
        kind = "ipv4-addr" if is_address else "domain-name"
        return Candidate(start, found.end, kind, found.value, found.defanged)

    @staticmethod
    def _is_path(rest: str) -> bool:
        """Whether what follows a host is a path, and no second host or word: 'a.com/b.com'."""
        first = rest.lstrip("/[]").partition("/")[0]
        other = token(first, 0)
        return "/" in rest.lstrip("/[]") or not Network._names_host(other)

    @staticmethod
    def _names_host(part: Token) -> bool:
        """Whether a token is a host rather than the name of a file."""
        if len(part.labels) < 2:
            return False
        low = part.labels[-1].lower()
        if is_numeric(part.labels) or (part.defanged and low in lexicon().top_level):
            return True
        return low in lexicon().plain_domains and low not in lexicon().file_endings

    def _email(self, found: Found, written: _Written) -> Candidate | None:
        """The e-mail address at a host, or `None` if what stands before it is no name."""
        raw = self.text[written.first : written.at]
        name = raw.lstrip(".-%+")
        start = written.at - len(name)
        name = name.rstrip(".")
        if not name:
            return None
        defanged = found.defanged or self.text[written.at : written.start] != "@"
        return Candidate(start, found.end, "email-addr", f"{name}@{found.value}", defanged, 2)

    def _ipv6(self) -> Iterator[Candidate]:
        text = self.text
        for match in IPV6.finditer(self.scan.data):
            start, end = (self.scan.char(b) for b in spans(match)[0])
            raw = text[start:end]
            if (text[start - 1 : start].isalnum() and start) or text[end : end + 1].isalnum():
                continue
            prefix = ""
            plain = raw.replace("[:]", ":").replace("[::]", "::")
            if "::" not in plain and all(len(group) <= 2 for group in plain.split(":")):
                continue  # eight pairs of digits: a world wide name, a key
            if plain.endswith(":") and not plain.endswith("::"):
                plain, end = plain[:-1], end - 1
            address, slash, bits = plain.partition("/")
            if len([g for g in address.split(":") if g]) < 2 or not any(
                len(group) > 2 or c.isalpha() for group in address.split(":") for c in group
            ):
                continue  # 12:30:45, ::, a::b
            try:
                value = str(ipaddress.IPv6Address(address))
            except ValueError:
                continue
            if slash and int(bits) <= 128:
                prefix = f"/{bits}"
            elif slash:
                end -= len(bits) + 1
            if "::" in address and not any(len(g) > 2 for g in address.split(":")):
                continue  # std::string and 1::2 are more often code than an address
            if "[" not in raw and address.count(":") == 2 and not any(map(str.isdigit, address)):
                continue  # Face::Add is code
            yield Candidate(start, end, "ipv6-addr", value + prefix, "[" in raw, 1)
