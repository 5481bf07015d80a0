"""Candidates without blanks, which one pass finds: hashes, wallets, identifiers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from samehand.extract.clean import Scan
from samehand.extract.hosts import is_numeric
from samehand.extract.mention import Candidate
from samehand.extract.patterns import RUN, RUN_KINDS, spans
from samehand.extract.wallets import is_wallet
from samehand.knowledge import attack

_HASHES = {32: "file:md5", 40: "file:sha1", 64: "file:sha256", 128: "file:sha512"}
#: Fewest different digits of a hash; 32 random digits have all but two of the sixteen.
_FEWEST_DIGITS = 6
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
#: Labels whose last characters are hexadecimal digits: what stands before the run, what in it.
_LABELS = (("m", "d5"), ("sh", "a1"), ("sh", "a256"), ("sh", "a512"))
#: A label glued before a hash, or the escape of a line break.
_GLUED_LABEL = re.compile(r"(?i:md5|sha-?1|sha-?256|sha-?512|hash|sum)$|\\[nrt]$")
#: Words after which hexadecimal digits of the length of a hash are the hash of no file.
_NOT_FILE = re.compile(
    r"(?i)(?:\b(?:ja3s?|jarm|ja4\w*"  # of a TLS handshake
    r"|pe ?hash|rich(?: ?header)?(?: ?hash)?|icon(?: ?hash)?|d?hash icon|vhash|telfhash|impfuzzy"
    r"|symhash|tlsh|authentihash"  # of a part of a file
    r"|aes(?:[- ]?\d+)?|rc4|xor|(?:api|encryption|decryption|secret|public|private|session|access"
    r"|auth|license|product)? ?key|token|salt|iv|nonce|seed"  # keys
    r"|cookie|session|password|pass|ntlm|lm"
    r"|guid|uuid|commit|revision|bot ?id|campaign ?id|victim ?id|user ?id|id"
    r"|transaction|txid|tx|block|btih|registry (?:name|value|key)|mutex)"
    r"(?: (?:hash|value|is|was|of|used|being)){0,3}[\"'`]?\s{0,2}[:=|]?\s{0,2}[\"'`“]?)$"
)
_IMPHASH = re.compile(
    r"(?i)\b(?:imphash|import hash|imp hash|pe imports? hash)\b"
    r"(?:(?!\b(?:md5|sha-?\d+|hash)\b)[^.;\n]){0,60}$"
)
_CERTIFICATE = re.compile(
    r"(?i)(?:thumbprint|fingerprint|\bcertificates?|\bcert|x\.?509)\b[^\n]{0,40}$"
)
_FUZZY_LABEL = re.compile(r"(?i)\b(?:ssdeep|fuzzy)\b")
_TLSH_LABEL = re.compile(r"(?i)\btlsh\b\W{0,6}$")
#: Written so, they are a computer (AS/400) and norms for aircraft unless the words say otherwise.
_NOT_SYSTEMS = (400, 9100, 9120)
_AS_LABEL = re.compile(r"(?i)\b(?:asns?|autonomous|hosting|hosted|provider|bgp|network)\b")
_ADDRESS_WORD = re.compile(r"(?i)\b(?:ips?|address(?:es)?|c2|c&c|server|host)\b")
_ATTACK_CONTEXT = re.compile(r"(?i)\bT1\d{3}\.\d{3}\b|att&(?:amp;)?ck|mitre|technique|tactic")
#: The rest of a hash that a narrow column broke.
_REST = re.compile(r"[ ]*-?\r?\n[ ]*([0-9A-Fa-f]{4,96})(?![0-9A-Za-z])")
#: Length in characters of both versions of TLSH without its "T1".
_TLSH_CHARS = 70
#: Longest part of a fuzzy hash, in characters (ssdeep, SPAMSUM_LENGTH), and the fewest of both
#: parts that tell one from a time or a proportion.
_FUZZY_CHARS, _FEWEST_FUZZY = 64, 20
#: Year of the first CVE identifiers.
_FIRST_CVE = 1999
#: Characters before a value in which a label is looked for.
_NEAR, _NEAR_SHORT = 80, 40


class Runs:
    """Finds candidates in one prepared text."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.text = scan.text
        self._context: bool | None = None
        """Whether the text speaks of ATT&CK; `None`: not looked yet."""

    def candidates(self) -> Iterator[Candidate]:
        """All candidates of these kinds; they do not overlap."""
        char = self.scan.char
        for match in RUN.finditer(self.scan.data):
            places = spans(match)
            start, end = places[0]
            decide = _DECIDERS[RUN_KINDS[places.index((start, end), 1) - 1]]
            start, end = char(start), char(end)
            found = decide(self, start, end, self.text[start:end])
            if found is not None:
                yield found
                if found.kind == "vulnerability":
                    yield from self._further(found)

    def _further(self, found: Candidate) -> Iterator[Candidate]:
        """The further numbers of 'CVE-2021-26855, -26857 and -26858'."""
        end = found.end
        while following := _SHORT_CVE.match(self.text, end):
            value = f"{found.value[:9]}{following[1]}"
            yield Candidate(
                following.start(1) - 1, following.end(1), "vulnerability", value, rank=3
            )
            end = following.end(1)

    def _line_before(self, start: int, most: int = _NEAR) -> str:
        return self.text[max(0, start - most) : start].rpartition("\n")[2]

    def _hex(self, start: int, end: int, raw: str) -> Candidate | None:
        """A run of hexadecimal digits of the length of a hash."""
        if raw[:2] in ("0x", "0X"):
            return None
        start, end, raw = self._unglued(start, end, raw)
        start, end, raw = self._joined(start, end, raw)
        kind = _HASHES.get(len(raw))
        if kind is None and len(raw) != _TLSH_CHARS:
            return None
        before = self._line_before(start)
        if kind is None:
            labelled = _TLSH_LABEL.search(before)
            return Candidate(start, end, "file:tlsh", raw, rank=1) if labelled else None
        if len(set(raw.lower())) < _FEWEST_DIGITS or raw.isdigit():
            return None
        if not _HEX_DIGITS.issuperset(raw) or not self._stands(before, end):
            return None
        if not before or before.isspace():
            pass  # alone on its line, as most are
        elif kind == "file:md5" and _IMPHASH.search(before):
            kind = "file:imphash"
        elif _NOT_FILE.search(before):
            return None
        elif kind == "file:sha1" and _CERTIFICATE.search(before):
            kind = "x509-certificate:sha1"
        return Candidate(start, end, kind, raw, rank=1)

    def _stands(self, before: str, end: int) -> bool:
        """Whether a run is a value of its own and no piece of base64, an identifier or a word."""
        last, following = before[-1:], self.text[end : end + 2]
        if last in ("+", "$", "#", "%") or following[:1] in ("+", "=", "_"):
            return False
        if following.islower() and following.isalpha():
            return False
        return not last.isalnum() or _GLUED_LABEL.search(before) is not None

    def _unglued(self, start: int, end: int, raw: str) -> tuple[int, int, str]:
        """A run without the 'D5' of a label 'MD5' before it, or the beginning of a word after."""
        before = self.text[max(0, start - 3) : start].lower()
        for outer, inner in _LABELS:
            glued = before.endswith(outer) and raw.lower().startswith(inner)
            if glued and len(raw) - len(inner) in _HASHES:
                return start + len(inner), end, raw[len(inner) :]
        for extra in (1, 2, 3):
            if len(raw) - extra in _HASHES and self.text[end : end + 1].isalpha():
                body, rest = raw[:-extra], raw[-extra:]
                if body == body.lower() and rest[0].isupper():
                    return start, end - extra, body
        return start, end, raw

    def _joined(self, start: int, end: int, raw: str) -> tuple[int, int, str]:
        """A run that a narrow column broke, with the rest of it from the next line."""
        rest = _REST.match(self.text, end)
        if rest and len(rest[1]) not in _HASHES and len(raw) + len(rest[1]) in _HASHES:
            return start, rest.end(1), raw + rest[1]
        return start, end, raw

    def _pairs(self, start: int, end: int, raw: str) -> Candidate | None:
        """The fingerprint of a certificate, in pairs of digits."""
        value = re.sub(r"[: -]", "", raw)
        if len(value) != 40 or (
            raw[2] != ":" and not _CERTIFICATE.search(self._line_before(start))
        ):
            return None
        return Candidate(start, end, "x509-certificate:sha1", value, rank=2)

    def _ssdeep(self, start: int, end: int, raw: str) -> Candidate | None:
        """A fuzzy hash: its block size is three times a power of two (ssdeep, spamsum)."""
        size, first, second = raw.split(":")
        blocks = int(size) // 3
        if int(size) % 3 or not blocks or blocks & (blocks - 1):
            return None
        if max(len(first), len(second)) > _FUZZY_CHARS or (first + second).isdigit():
            return None
        telling = len(first) + len(second) >= _FEWEST_FUZZY
        if not telling and not _FUZZY_LABEL.search(self._line_before(start)):
            return None
        return Candidate(start, end, "file:ssdeep", raw, rank=2)

    def _tlsh(self, start: int, end: int, raw: str) -> Candidate | None:
        return Candidate(start, end, "file:tlsh", raw, rank=2)

    def _cve(self, start: int, end: int, raw: str) -> Candidate | None:
        year, number = re.findall(r"\d+", raw)
        if not _FIRST_CVE <= int(year) <= 2100:
            return None
        return Candidate(start, end, "vulnerability", f"CVE-{year}-{number}", rank=3)

    def _as(self, start: int, end: int, raw: str) -> Candidate | None:
        """The number of an autonomous system; "AS 2020" only where the words say so."""
        number = int(re.sub(r"\D", "", raw))
        following = self.text[end : end + 2]
        spaced = " " in raw and not raw.startswith("ASN")
        if not 0 < number < 1 << 32:
            return None
        if following[:1] in (".", "-") and following[1:].isalnum():
            return None
        if (spaced or number in _NOT_SYSTEMS) and not _AS_LABEL.search(
            self._line_before(start, _NEAR_SHORT)
        ):
            return None
        return Candidate(start, end, "autonomous-system", f"AS{number}", rank=1)

    def _wallet(self, start: int, end: int, raw: str) -> Candidate | None:
        """A wallet if its checksum holds; else it may be a hash that begins like one."""
        if is_wallet(raw):
            return Candidate(start, end, "cryptocurrency-wallet", raw, rank=3)
        return self._hex(start, end, raw)

    def _comma(self, start: int, end: int, raw: str) -> Candidate | None:
        """An address written with commas, where the words call it an address."""
        labels = tuple(raw.split(","))
        if not is_numeric(labels) or sum(len(label) > 1 for label in labels) < 3:
            return None
        if not _ADDRESS_WORD.search(self._line_before(start, _NEAR_SHORT)):
            return None
        return Candidate(start, end, "ipv4-addr", ".".join(labels), True)

    def _attack(self, start: int, end: int, raw: str) -> Candidate | None:
        """An identifier of ATT&CK: one that exists, or a later one in a report about ATT&CK."""
        if self._context is None:
            self._context = _ATTACK_CONTEXT.search(self.text) is not None
        glued = start and self.text[start - 1] in "-/_."
        if glued and "attack.mitre" not in self._line_before(start):
            return None
        if raw[0] == "T":
            return self._technique(start, end, raw.replace("/", "."))
        kind, known, latest = {
            "G": ("attack-group", attack.groups(), raw[1] in "01"),
            "S": ("attack-software", attack.software(), raw[1] in "01"),
            "C": ("attack-campaign", {}, raw[1:3] == "00"),
        }[raw[0]]
        told = self._context or self._in_brackets(start, end)
        holds = (raw in known and told) or (self._context and latest and raw[1:] != "0000")
        return Candidate(start, end, kind, raw, rank=1) if holds else None

    def _in_brackets(self, start: int, end: int) -> bool:
        """Whether an identifier stands in brackets, a cell or alone, as a reference does."""
        before = self.text[max(0, start - 3) : start].strip(" *`") or "\n"
        after = self.text[end : end + 3].strip(" *`") or "\n"
        return before[-1] in "([{|\n\t:–-•" or after[0] in ")]}|\t:"

    def _technique(self, start: int, end: int, value: str) -> Candidate | None:
        known = attack.table()
        parent = value.partition(".")[0]
        if not self._context and "." not in value and not self._in_brackets(start, end):
            return None  # T1120 is a printer too
        later = self._context and ("T1600" <= parent < "T1800" or parent in known)
        if value in known or later:
            return Candidate(start, end, "technique", value, rank=1)
        if parent in known:
            return Candidate(start, start + len(parent), "technique", parent, rank=1)
        return None


#: A further number of the year of the CVE before it.
_SHORT_CVE = re.compile(r"(?:\s*(?:,|/|&|and|or)\s*)+[-‐‑–](\d{4,7})\b")
_Decider = Callable[[Runs, int, int, str], Candidate | None]
#: For each kind of `RUN_KINDS` what decides whether it is one, from its place and its text.
_DECIDERS: Mapping[str, _Decider] = {
    "pairs": Runs._pairs,
    "tlsh": Runs._tlsh,
    "cve": Runs._cve,
    "attack": Runs._attack,
    "as": Runs._as,
    "wallet": Runs._wallet,
    "ssdeep": Runs._ssdeep,
    "comma": Runs._comma,
    "hex": Runs._hex,
}
