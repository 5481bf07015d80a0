"""Candidates that a host or a file leaves behind: paths, keys, names of objects, accounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from samehand.extract import patterns as p
from samehand.extract.clean import Scan
from samehand.extract.lexicon import lexicon
from samehand.extract.mention import Candidate

_CERTIFICATE_NEAR = re.compile(r"(?i)certificat|issuer|thumbprint|signed|x509|ssl|tls")
#: Characters on each side of a serial number in which such a word counts.
_NEAR_SERIAL = 200
_HARDWARE = re.compile(r"(?i)\b(?:disk|drive|volume|bios|hardware|device|board|product|license)\b")
#: Digits of a serial number (RFC 5280, 4.1.2.2: 20 octets), and from which on no word is needed.
_SERIAL_DIGITS, _LONG_SERIAL = range(8, 41), 16
#: Quotes by how they open, longest text in them, and what makes it more than one path.
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "`": "`"}
_MOST_QUOTED = 260
_COMMAND_LINE = re.compile(r"\s[-/]|[,;|<>*?]|\s\w:\\|\.\w{2,4}\s")
#: What is glued behind a path of debugging symbols.
_SYMBOLS_END = re.compile(r"(?<=\.pdb)(?=\W)", re.IGNORECASE)
#: The beginning of a further path in what was cut off one.
_NEXT_PATH = re.compile(r"(?<= )(?:[A-Za-z]:|%\w+%)\\")
#: The end of a file name inside a path, with a blank after it.
_PATH_BREAK = re.compile(r"\.([A-Za-z0-9]{1,5}) ")
#: A drive, a variable, a share or a folder of the root without anything below it.
_ROOT_ONLY = re.compile(r"^(?:[A-Za-z]:|[%$][\w():]+%?|\\\\\?)?\\*$|^~?/[^/]*/?$")
_NEXT_HIVE = re.compile(r" (?=(?i:HK(?:EY|LM|CU|CR|U|CC)))")
#: Punctuation of the sentence after a key, a path, a name.
_AFTER_KEY, _AFTER_PATH, _AFTER_NAME = ".,;:)]}!?*", " .,;:)]}!?'\"", ".,;:!?"
#: Fewest characters of a mutex with its "Global\\"; fewest of an undistinguished name of a service.
_FEWEST_MUTEX, _FEWEST_SERVICE = 9, 4
_DECLARES = re.compile(r"(?i)\b(?:named|called|with the name|name(?: is|:)?)\b|[:=]")
_PLAIN_WORD = re.compile(r"[A-Z]?[a-z]+")
#: Most words of a name in quotes; more are a sentence.
_MOST_WORDS = 5
_NO_NAMES = frozenset(
    (
        *("name", "names", "the", "object", "that", "which", "randomly", "this", "with", "from"),
        *(
            "and",
            "for",
            "it",
            "pipe",
            "random",
            "random:",
            "to",
            "by",
            "in",
            "on",
            "or",
            "is",
            "as",
            "a",
            "an",
            "using",
        ),
    )
)
_NEAR_NAME = 16
#: Words before "service" that make it one of the Internet and none of Windows.
_ONLINE = re.compile(
    r"(?i)(?:online|hosting|cloud|web|e-?mail|sharing|storage|messaging|social|media|network"
    r"|bot|based|paid|legitimate|party|crypting|lookalike|translation|shortening|dns|vpn|proxy"
    r"|streaming|search|payment|delivery|exchange|intelligence|detection|scanning)[ -]$"
)
#: What follows a user agent in a dump of headers without line ends.
_NEXT_HEADER = re.compile(
    r"\s*(?:(?:Host|Accept|Accept-[A-Z]\w+|Connection|Content-[A-Z]\w+|Cookie|Cache-Control|Referer"
    r"|Pragma|User-Agent): |HTTP/1\.|Mozilla/(?!\d\.\d \()|(?<=\S)Mozilla/)"
)
_PHONE_WORD = re.compile(
    r"(?i)\b(?:whatsapp|sms|smish\w*|vish\w*|lures?|scam\w*|callback|phish\w*|fake|actors?"
    r"|attackers?|victims?|fraud\w*|to cancel|subscription|invoice|refund|renew\w*)\b"
)
#: Characters before a telephone number in which such a word counts.
_NEAR_PHONE = 90
#: Digits of a telephone number (ITU-T E.164: at most 15).
_PHONE_DIGITS = range(8, 16)
_NAMED_KINDS = {
    "mutex": "mutex", "mutexes": "mutex", "mutant": "mutex", "named pipe": "named-pipe",
    "pipe name": "named-pipe", "service": "service-name", "scheduled task": "scheduled-task",
    "task": "scheduled-task",
}  # fmt: skip

#: Bytes of which a text must hold one, in lower case, or a pattern cannot match; to look for them
#: is faster than any automaton.
_SIGNS: dict[bytes, tuple[bytes, ...]] = {
    pattern.pattern: signs
    for pattern, signs in (
        (p.REGISTRY, (b"hk",)),
        (p.WINDOWS_PATH, (b"\\", *(b"%c:/" % drive for drive in b"cdefghz"))),
        (p.PIPE, (b"\\",)),
        (p.MUTEX, (b"global\\", b"local\\")),
        (p.USER_AGENT, (b"mozilla",)),
        (p.USER_AGENT_LINE, (b"user-agent", b"user agent", b"useragent")),
        (p.YARA, (b"rule",)),
        (p.PHONE, (b"+",)),
        (p.HANDLE, (b"@",)),
        (p.SERIAL, (b"serial",)),
        (p.NAMED, (b"mut", b"service", b"task", b"pipe")),
        (p.PDB, (b".pdb",)),
        (p.ATTACK_TAG, (b"attack.",)),
        (p.PIPE_NAME, (b"pipename", b"pipe name")),
        (
            p.MADE,
            (b"taskname", b"createmutex", b"openmutex", b"sc create", b"sc.exe create", b"/tn "),
        ),
    )
}


class Artefacts:
    """Finds candidates in one prepared text."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.text = scan.text
        self._low = scan.data.lower()

    def candidates(self) -> Iterator[Candidate]:
        """All candidates of these kinds; they may overlap."""
        for finder in _FINDERS:
            yield from finder(self)

    def _matches(self, pattern: Any, group: int = 0) -> Iterator[tuple[int, str, Any]]:
        """Where a group of a pattern matches, its text, and the match."""
        char = self.scan.char
        for sign in _SIGNS.get(pattern.pattern, (b"",)):
            if sign in self._low:
                break
        else:
            return
        for match in pattern.finditer(self.scan.data):
            start, end = p.spans(match)[group]
            if start >= 0:
                start = char(start)
                yield start, self.text[start : char(end)], match

    def _quoted(self, start: int) -> str:
        """What stands in the quotes that open right before a place; '' without such quotes."""
        closing = _QUOTES.get(self.text[start - 1 : start]) if start else None
        if closing is None:
            return ""
        line = self.text[start : start + _MOST_QUOTED].partition("\n")[0]
        inside, quote, _ = line.partition(closing)
        return inside if quote else ""

    def serials(self) -> Iterator[Candidate]:
        """Serial numbers of certificates."""
        for start, raw, _ in self._matches(p.SERIAL, 1):
            end = start + len(raw)
            value = re.sub(r"[: ]", "", raw).lower().removeprefix("0x")
            if _HARDWARE.search(self.text[max(0, start - _NEAR_SERIAL) : start][-40:]):
                continue
            if len(value) not in _SERIAL_DIGITS or not any(c.isdigit() for c in value):
                continue
            near = self.text[max(0, start - _NEAR_SERIAL) : end + _NEAR_SERIAL]
            if ":" in raw or len(value) >= _LONG_SERIAL or _CERTIFICATE_NEAR.search(near):
                yield Candidate(start, end, "x509-certificate:serial", value, rank=3)

    def registry(self) -> Iterator[Candidate]:
        """Keys of the Windows registry below a hive."""
        for start, raw, _ in self._matches(p.REGISTRY):
            raw = self._quoted(start) or raw
            body = _without_closers(raw)
            value = re.sub(r"\\{2,}", r"\\", raw).replace(":\\", "\\").replace("]\\", "\\")
            value = _NEXT_HIVE.split(_without_closers(value), maxsplit=1)[0]
            if "\\" in value.strip("\\"):
                end = start + len(body)
                yield Candidate(start, end, "windows-registry-key", value, rank=4)

    def pipes(self) -> Iterator[Candidate]:
        r"""Named pipes by their paths: '\\.\pipe\name'."""
        for start, raw, _ in self._matches(p.PIPE):
            body = raw.rstrip(".,;:")
            name = re.split(r"\\+", body)[-1]
            yield Candidate(start, start + len(body), "named-pipe", name, rank=5)
        for start, raw, _ in self._matches(p.PIPE_NAME, 1):
            yield Candidate(start, start + len(raw), "named-pipe", raw, rank=5)

    def symbols(self) -> Iterator[Candidate]:
        """Paths of debugging symbols, blanks in them included."""
        for start, raw, _ in self._matches(p.PDB):
            value = re.sub(r"\\{2,}", r"\\", raw)
            yield Candidate(start, start + len(raw), "pdb-path", value, rank=6)

    def tags(self) -> Iterator[Candidate]:
        """Identifiers of ATT&CK in the tags of Sigma rules."""
        kinds = {"T": "technique", "G": "attack-group", "S": "attack-software"}
        for start, raw, _ in self._matches(p.ATTACK_TAG, 1):
            yield Candidate(start, start + len(raw), kinds[raw[0].upper()], raw.upper(), rank=1)

    def windows_paths(self) -> Iterator[Candidate]:
        """Paths of Windows, of files and of debugging symbols."""
        for start, raw in self._raw_paths():
            if start and self.text[start - 1] in "\\/":
                continue
            body = raw.rstrip(_AFTER_PATH)
            if body.count("(") > body.count(")") and raw.startswith(")", len(body)):
                body += ")"  # 'C:\Program Files (x86)'
            value = re.sub(r"(?<!^)\\{2,}", r"\\", body)
            if _ROOT_ONLY.match(value) or value.startswith("\\\\."):
                continue
            if re.search(r"\w{2}", value[2:]):
                yield Candidate(start, start + len(body), _path_kind(value), value, rank=4)

    def _raw_paths(self) -> Iterator[tuple[int, str]]:
        """Paths up to where they may end; what is cut off may hold the next."""
        for start, raw, _ in self._matches(p.WINDOWS_PATH):
            whole = self._quoted(start)
            if whole and not _COMMAND_LINE.search(whole):
                yield start, whole
                continue
            at = 0
            while at < len(raw):
                path = _SYMBOLS_END.split(_without_words(raw[at:]), maxsplit=1)[0]
                yield start + at, path
                following = _NEXT_PATH.search(raw, at + len(path))
                if at + len(path) >= len(raw) or following is None:
                    break
                at = following.start()

    def unix_paths(self) -> Iterator[Candidate]:
        """Paths below the usual folders of Unix."""
        for start, raw, _ in self._matches(p.UNIX_PATH):
            before = self.text[start - 1] if start else " "
            if before.isalnum() or before in "/._-~":
                continue
            body = raw.rstrip(".,;:!?'\"*_\\")
            if not _ROOT_ONLY.match(body) and "//" not in body:
                yield Candidate(start, start + len(body), _path_kind(body), body, rank=2)

    def mutexes(self) -> Iterator[Candidate]:
        r"""Names in the namespaces of kernel objects: 'Global\name'."""
        for start, raw, _ in self._matches(p.MUTEX):
            body = raw.rstrip(_AFTER_NAME)
            inside = start > 0 and self.text[start - 1] in "\\/%"  # AppData\Local\Temp
            if len(body) >= _FEWEST_MUTEX and not inside:
                value = body.replace("\\\\", "\\")
                yield Candidate(start, start + len(body), "mutex", value, rank=3)

    def user_agents(self) -> Iterator[Candidate]:
        """User agents, by their beginning or by the label before them."""
        for start, raw, _ in self._matches(p.USER_AGENT):
            body = _NEXT_HEADER.split(raw, maxsplit=1)[0].rstrip(" .,;:")
            yield Candidate(start, start + len(body), "user-agent", body, rank=5)
        for start, raw, _ in self._matches(p.USER_AGENT_LINE, 1):
            body = _NEXT_HEADER.split(raw, maxsplit=1)[0].rstrip(" .,;:")
            if "/" in body or " " not in body:
                yield Candidate(start, start + len(body), "user-agent", body, rank=5)

    def named(self) -> Iterator[Candidate]:
        """Mutexes, pipes, services and tasks that the words before them declare."""
        char = self.scan.char
        for _, _, match in self._matches(p.NAMED):
            _, word, quoted, bare = p.spans(match)
            start, end = quoted if quoted[0] >= 0 else bare
            start, end = char(start), char(end)
            name = self.text[start:end]
            body = name.strip("*").rstrip(".,:!?*").strip()
            kind = _NAMED_KINDS[match.group(1).decode().lower()]
            between = self.text[char(word[1]) : start]
            at = char(word[0])
            if kind == "service-name" and _ONLINE.search(self.text[max(0, at - _NEAR_NAME) : at]):
                continue
            if _is_named(kind, body, between, quoted[0] >= 0):
                at = start + name.find(body)
                value = body.replace("\\\\", "\\")
                yield Candidate(at, at + len(body), kind, value, rank=3)

    def made(self) -> Iterator[Candidate]:
        """Mutexes, services and tasks in the call or command that makes them."""
        for _, _, match in self._matches(p.MADE):
            groups = p.spans(match)[1:]
            number = next(i for i, span in enumerate(groups) if span[0] >= 0)
            start, end = (self.scan.char(b) for b in groups[number])
            name = self.text[start:end]
            body = name.strip('"')
            start += name.find(body)
            kind = ("mutex", "service-name", "scheduled-task")[number]
            yield Candidate(start, start + len(body), kind, body.replace("\\\\", "\\"), rank=4)

    def rules(self) -> Iterator[Candidate]:
        """Names of YARA rules."""
        for start, raw, _ in self._matches(p.YARA, 1):
            yield Candidate(start, start + len(raw), "yara-rule", raw, rank=2)

    def handles(self) -> Iterator[Candidate]:
        """Names on chat services."""
        for start, raw, match in self._matches(p.HANDLE, 2):
            value = match.group(1).decode().lower() + ":" + raw
            yield Candidate(start, start + len(raw), "user-account", value, rank=1)

    def phones(self) -> Iterator[Candidate]:
        """Telephone numbers that the words call an attacker's or a victim's."""
        for start, raw, _ in self._matches(p.PHONE):
            before = self.text[max(0, start - _NEAR_PHONE) : start].rpartition("\n")[2]
            digits = re.sub(r"\D", "", raw)
            if len(digits) in _PHONE_DIGITS and _PHONE_WORD.search(before):
                yield Candidate(start, start + len(raw), "phone-number", "+" + digits, rank=1)


def _without_words(raw: str) -> str:
    """A path up to the file that it names, where words of the sentence follow it."""
    for broken in _PATH_BREAK.finditer(raw):
        ending = broken[1].lower()
        if ending in lexicon().file_endings or ending in lexicon().file_domains:
            return raw[: broken.end() - 1]
    return raw


def _without_closers(raw: str) -> str:
    """A key without the punctuation of the sentence; a bracket stays where it closes one inside."""
    body = raw
    while body and body[-1] in _AFTER_KEY:
        opener = {")": "(", "]": "[", "}": "{"}.get(body[-1])
        if opener and body.count(opener) >= body.count(body[-1]):
            break
        body = body[:-1]
    return body


def _path_kind(value: str) -> str:
    return "pdb-path" if value.lower().endswith(".pdb") else "file:path"


def _is_named(kind: str, body: str, between: str, quoted: bool) -> bool:
    """Whether the words between 'mutex', 'service' and a name declare it.

    A mutex needs no more than the word. The others need 'named', a colon or quotes, and without
    quotes a name that is no common word: "the service is running" names none.
    """
    if not body or body[0] in "<[%" or len(body.split()) > _MOST_WORDS or body.lower() in _NO_NAMES:
        return False
    declared = _DECLARES.search(between) is not None
    service = kind == "service-name"
    if kind != "mutex" and not declared and (not quoted or service):
        return False
    if quoted:
        return True
    if service and ":" in between and "name" not in between.lower():
        return False
    odd = any(c.isdigit() or c in "_{}-" for c in body) or not _PLAIN_WORD.fullmatch(body)
    return odd or (declared and service and len(body) >= _FEWEST_SERVICE)


_Finder = Callable[[Artefacts], Iterator[Candidate]]
_FINDERS: tuple[_Finder, ...] = (
    Artefacts.serials,
    Artefacts.registry,
    Artefacts.pipes,
    Artefacts.symbols,
    Artefacts.tags,
    Artefacts.windows_paths,
    Artefacts.unix_paths,
    Artefacts.mutexes,
    Artefacts.named,
    Artefacts.made,
    Artefacts.user_agents,
    Artefacts.rules,
    Artefacts.handles,
    Artefacts.phones,
)
