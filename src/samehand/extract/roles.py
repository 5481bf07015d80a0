"""The part that a value plays in a report, from the words, headings and markup around it.

What belongs to the report itself, its own site, its citations and its contact addresses, is a
*reference*; the rest follows the nearest words of ``knowledge/data/roles.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from samehand.config import bundled
from samehand.extract.layout import Layout
from samehand.extract.mention import Placed
from samehand.extract.patterns import compiled
from samehand.knowledge.providers import split_host
from samehand.model import Feature
from samehand.normalise import host_of, is_special_address
from samehand.read.document import Document

_ADDRESSES = frozenset(("ipv4-addr", "ipv6-addr", "ipv4-addr:port"))
_NETWORK = _ADDRESSES | {"url", "domain-name", "email-addr"}
#: Roles that are passed on to the other places of a value.
#: Kinds that are no part of a file or a program; without words about them they are indicators.
_NO_FILES = frozenset(("cryptocurrency-wallet", "x509-certificate:sha1", "x509-certificate:serial"))
_TELLING = frozenset(("c2", "download", "phishing", "sinkhole", "victim"))
#: Kinds that play no part.
_SILENT = frozenset((
    "technique", "attack-group", "attack-software", "attack-campaign", "vulnerability", "yara-rule",
    "autonomous-system", "user-agent", "phone-number", "user-account",
))  # fmt: skip
#: Public resolvers that malware asks only whether there is a network.
_RESOLVERS = frozenset((
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220",
    "114.114.114.114",
))  # fmt: skip
_CONTACT = compiled(
    r"(?i)\b(?:contact\w*|e-?mail us|reach (?:us|out)|report(?:ed|ing)? (?:to|any|suspicious)"
    r"|questions?|feedback|subscribe|support|press|media|inquir\w+|enquir\w+|tip(?:s|line)?"
    r"|follow us|written by|author|pgp)\b"
)
#: The end of the markup before the target of a link.
_MARKUP_BEFORE = re.compile(
    r"(?:\]\(|\]: ?<?|href=[\"']?|src=[\"']?|link:|image:+|\[\^?\d+\]:? *<?)$"
)
_HASH_BENIGN = re.compile(
    r"(?i)\b(?:legitimate|benign|decoy|clean|goodware|harmless|not malicious"
    r"|signed by microsoft)\b"
)
_HASHES = frozenset(("file:md5", "file:sha1", "file:sha256", "file:sha512", "file:imphash"))
_HASH = re.compile(r"\b[0-9A-Fa-f]{32}")
#: Characters before a hash in which such a word counts, and after it.
_HASH_BEFORE, _HASH_AFTER = 80, 40
_SENTENCE_END = re.compile(r"[.!?;][)\"”]?\s")
#: How near to a value "legitimate" must stand, in characters.
_CLOSE = 30
#: Characters before a value in which words count, and after it.
_BEFORE, _AFTER = 160, 60
_WORD = re.compile(r"\b[a-z]{2,}\b")
#: Fewest words of a line that is prose and no entry of a list.
_PROSE_WORDS = 6
#: Fewest values written defanged that make a report one whose plain links are citations.
_DEFANGING = 2
#: Headings above a value that are asked for its role.
_HEADINGS = 2


@dataclass(frozen=True, slots=True)
class _Words:
    around: re.Pattern[str]
    """A group for each role, named by it."""
    any_around: Any
    """The same without groups, which says five times as fast whether there is one."""
    heading: re.Pattern[str]
    sites: frozenset[str]


@cache
def _words() -> _Words:
    rows = tomllib.loads(bundled("knowledge/data/roles.toml").decode())

    def joined(part: dict[str, str]) -> re.Pattern[str]:
        return re.compile("|".join(f"(?P<{name}>{text})" for name, text in part.items()), re.I)

    return _Words(
        joined(rows["words"]),
        compiled("(?i)" + "|".join(rows["words"].values())),
        joined(rows["headings"]),
        frozenset(rows["sites"]["reference"].split()),
    )


@lru_cache(maxsize=4096)
def _heading_says(text: str) -> str:
    """The role that a heading gives to what stands under it; '' if none."""
    found = _words().heading.search(text)
    return str(found.lastgroup) if found else ""


def _until_next_hash(after: str) -> str:
    """What follows a hash and speaks of it: the phrase right before another hash does not."""
    other = _HASH.search(after, 0, _HASH_AFTER + 32)
    if other is None:
        return after[:_HASH_AFTER]
    return after[: max(after.rfind(sign, 0, other.start()) for sign in ",;)") + 1]


class Roles:
    """Tells the roles of the values of one document."""

    def __init__(self, document: Document, layout: Layout, placed: Sequence[Placed]) -> None:
        self.layout = layout
        self.words = _words()
        self.own = self._owners(document, placed)
        defanged = sum(row.defanged for row in placed if row.feature.kind in _NETWORK)
        self.defanging = defanged >= _DEFANGING
        """Whether values are written defanged, so that a plain link is for reading."""

    def _owners(self, document: Document, placed: Sequence[Placed]) -> frozenset[str]:
        """The publisher's own domains: where the document lies, and where it asks for mail."""
        hosts = [host_of(Feature("url", document.url))] if document.url else []
        for row in placed:
            if row.feature.kind == "email-addr" and not row.defanged:
                before, after = self.layout.line(row.start, row.end)
                host = row.feature.value.rpartition("@")[2]
                if _CONTACT.search((before + after).encode()) and not split_host(host)[1]:
                    hosts.append(host)
        return frozenset(map(self._owner, hosts)) - {""}

    @staticmethod
    def _owner(host: str) -> str:
        """The registered domain of a host; without one, the host itself."""
        return split_host(host)[0] or host if host else ""

    @staticmethod
    def agreed(placed: Sequence[Placed], roles: Sequence[str]) -> list[str]:
        """The roles of all values; what nothing says at one place is taken from another.

        A value that is called a C2 server once is one wherever it is listed again.
        """
        told: dict[Feature, Counter[str]] = defaultdict(Counter)
        for row, role in zip(placed, roles, strict=True):
            if role in _TELLING:
                told[row.feature][role] += 1
        most = {feature: counts.most_common(1)[0][0] for feature, counts in told.items()}
        return [
            most.get(row.feature, role) if role == "indicator" else role
            for row, role in zip(placed, roles, strict=True)
        ]

    def role(self, row: Placed, before: str, after: str) -> str:
        """The role of one value at its place; ``before`` and ``after`` are the rest of its line.

        Words inside other values are no words: 'victim-portal.com' makes no victim.
        """
        if row.role:
            return row.role
        words_before, words_after = self.layout.words(row.start, row.end)
        start, _, feature, defanged, _ = row
        kind = feature.kind
        if kind in _SILENT:
            return ""
        if kind not in _NETWORK:
            found = self._of_file(kind, words_before, after, words_after, start)
            return "indicator" if found == "malware" and kind in _NO_FILES else found
        host = feature.value.rpartition("@")[2] if kind == "email-addr" else host_of(feature)
        if not defanged and self._is_reference(
            feature, host, (before, after), (words_before, words_after), start
        ):
            return "reference"
        if self.own and not defanged and self._owner(host) in self.own:
            return "reference"
        bare = feature.value.partition("/")[0] if kind in _ADDRESSES else ""
        bare = bare.partition(":")[0] if "." in bare else bare
        if bare and (bare in _RESOLVERS or is_special_address(bare)):
            return "benign"
        return self._by_words(words_before, words_after, start) or "indicator"

    def _of_file(self, kind: str, before: str, raw_after: str, after: str, start: int) -> str:
        """The role of a hash, a path or a name: malware, unless it is called clean."""
        alone = (not before or before.isspace()) and (not raw_after or raw_after.isspace())
        until = len(_until_next_hash(raw_after)) if kind in _HASHES else _HASH_AFTER
        clause = _SENTENCE_END.split(before[-_HASH_BEFORE:])[-1]
        near = clause + " \x00 " + _SENTENCE_END.split(after[:until], maxsplit=1)[0]
        if not alone and _HASH_BENIGN.search(near):
            return "benign"
        return "benign" if self._heading_says(start) == "benign" else "malware"

    def _heading_says(self, start: int) -> str:
        """The role that the heading right above a place gives; '' if none."""
        above = self.layout.heading_above(start)
        return _heading_says(above.text) if above else ""

    def _by_words(self, before: str, after: str, start: int) -> str:
        """The role that the nearest words give: on the line, else in the headings above."""
        return self._on_line(before, after) or self._by_heading(start)

    def _on_line(self, before: str, after: str) -> str:
        before, after = before[-_BEFORE:], after[:_AFTER]
        if not self.words.any_around.search(f"{before}\n{after}".encode()):
            return ""
        clause = _SENTENCE_END.split(before)[-1]
        last = ""
        for found in self.words.around.finditer(clause):
            # "legitimate" speaks of what follows at once: malware poses as legitimate traffic.
            if found.lastgroup != "benign" or len(clause) - found.end() <= _CLOSE:
                last = str(found.lastgroup)
        if last:
            return last
        following = self.words.around.search(_SENTENCE_END.split(after, maxsplit=1)[0])
        if following and following.lastgroup != "benign":
            return str(following.lastgroup)
        return ""

    def _by_heading(self, start: int) -> str:
        for heading in self.layout.headings_above(start, _HEADINGS):
            group = _heading_says(heading.text)
            if group:
                return group if group not in ("reference", "indicator") else ""
        return ""

    def _listed_site(self, host: str) -> bool:
        labels = host.split(".")
        return any(".".join(labels[i:]) in self.words.sites for i in range(len(labels) - 1))

    def _is_reference(
        self,
        feature: Feature,
        host: str,
        line: tuple[str, str],
        words: tuple[str, str],
        start: int,
    ) -> bool:
        """Whether a value written plainly is a citation, the publisher's own or a contact.

        ``line`` is what stands before and after it, ``words`` the same without other values.
        """
        before, after = line
        kind = feature.kind
        if kind in _ADDRESSES:
            return False
        if _MARKUP_BEFORE.search(before) or (after.startswith("[") and kind == "url"):
            return True
        if self._listed_site(host):
            return True
        if kind == "email-addr":
            return _CONTACT.search("".join(words).encode()) is not None
        group = self._heading_says(start)
        if group == "reference":
            return True
        if kind != "url" or "://" not in feature.value:
            return False
        prose = len(_WORD.findall("".join(words))) >= _PROSE_WORDS
        if group not in ("", "victim") and not prose:
            return False  # under a heading of indicators a plain link in a list is one
        box = self.layout.box(start)
        if box is not None and (box.kind == "code" or not self.defanging):
            return False  # commands and lists hold what was seen, not what to read
        return self.defanging or not self._on_line(*words)
