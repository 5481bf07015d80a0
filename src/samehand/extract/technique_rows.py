"""Sentences as rows of a table of words and pairs of neighbours; see `techniques`.

Values (hashes, hosts, paths) are replaced by what they are, names of actors and malware by nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from samehand.knowledge.namebook import graph
from samehand.knowledge.software import families

#: Different stretches without blank that are remembered, some 100 bytes each.
_REMEMBERED = 200_000
#: A longer stretch without blank is no prose: only its beginning is looked at, in characters.
_LONGEST_CHUNK = 200
#: Kinds of software whose names are anybody's and tell what they do: these stay in the sentence.
_KEPT_KINDS = frozenset(("admin", "system", "tool"))
#: Shortest name that is replaced, in characters; shorter ones are mostly other abbreviations.
_SHORTEST_NAME = 4

_SURROGATE = re.compile("[\ud800-\udfff]")  # no text at all, and nothing can encode it
NAME = "\x01"  # stands for each character of a name, so that places stay what they are
EDGES = "()[]{}<>\"'`“”‘’«»,;:!?*_|=…•-–—+"
#: What a stretch without blank is, first match counts. Only kinds, never the values themselves.
_KINDS = (
    (re.compile(r"(?i)^(?:h(?:tt|xx)ps?|ftp)(?:\[?:|\W{1,3}//)"), "⟨url⟩"),
    (re.compile(r"^[^\s@]+(?:@|\[at\])[^\s@]+\.?\]?\w+$"), "⟨mail⟩"),
    (re.compile(r"(?i)^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$"), "⟨hash⟩"),
    (re.compile(r"^\d{1,3}(?:[\[({]?\.[\])}]?\d{1,3}){3}(?::\d+)?(?:/\d+)?$"), "⟨ip⟩"),
    (re.compile(r"(?i)^CVE-\d{4}-\d+$"), "⟨cve⟩"),
    (re.compile(r"[\[({]\.[\])}]|\[dot\]"), "⟨host⟩"),
    (re.compile(r"(?i)^(?:0x[0-9a-f]+|\\x[0-9a-f]+)"), "⟨hex⟩"),
    (re.compile(r"^[#$€£]?\d[\d.,:/%-]*(?:st|nd|rd|th|[kKmMgG]?[bB]|px|ms)?$"), "⟨number⟩"),
    (re.compile(r"^(?=.*\d)[A-Za-z0-9+/]{60,}=*$"), "⟨encoded⟩"),
)
_PATH = re.compile(r"(?i)^(?:[a-z]:|%\w+%|\\|/(?:etc|tmp|usr|var|bin|home|dev|opt|proc|library)\b)")
_REGISTRY = re.compile(r"(?i)^\W?(?:HKEY_|HKLM|HKCU|HKCR|HKU)")
_ENDING = re.compile(r"(?i)^[\w.%@$-]*\w\.([a-z][a-z0-9]{1,4})$")
#: Letters, hyphens and apostrophes are no value.
_PLAIN = re.compile(r"[A-Za-z'’&-]+")
_PARTS = re.compile(r"[A-Za-z0-9]+(?:['’&][A-Za-z]+)?")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Ints = NDArray[np.int64]


def tokens(chunk: str) -> tuple[str, ...]:
    """What a stretch without blank says: kinds of values and lower-case words; nothing for a name.

    A word in CamelCase stands as a whole and in its parts, a path as its kind and its parts.
    """
    chunk = chunk[:_LONGEST_CHUNK].strip(EDGES).rstrip(".")
    if not chunk or NAME in chunk:
        return ()
    if chunk.isalpha() and (chunk.islower() or chunk[1:].islower()):
        return (chunk.lower(),)
    plain = _PLAIN.fullmatch(chunk) is not None
    if not plain:
        for pattern, kind in _KINDS:
            if pattern.search(chunk):
                return (kind,)
    found: list[str] = []
    if _REGISTRY.match(chunk):
        found.append("⟨registry⟩")
    elif not plain and _PATH.match(chunk):
        found.append("⟨path⟩")
    for piece in re.split(r"[\\/]+", chunk):
        if _ENDING.match(piece):
            stem, _, ending = piece.lower().rpartition(".")
            found += ("⟨file⟩", piece.lower(), stem, "." + ending)
            continue
        for part in _PARTS.findall(piece):
            humps = _HUMPS.findall(part)
            found.append(part.lower() if not part.isdigit() else "⟨number⟩")
            if len(humps) > 1 and not part.isdigit():
                found.extend(h.lower() for h in humps if len(h) > 1 and not h.isdigit())
    return tuple(found)


def catalogued_names() -> frozenset[str]:
    """Names of actors and malware as the catalogues spell them; no tools."""
    names = {naming.name for naming in graph().namings}
    for family in families().values():
        if family.kind not in _KEPT_KINDS:
            names.update(name for name, _ in family.names)
    return frozenset(
        n for n in names if len(n) >= _SHORTEST_NAME and not (n.islower() and n.isalpha())
    )


class _Rows(dict[str, tuple[int, ...]]):
    """Rows of the known words of stretches without blanks; all is forgotten when it is full."""

    def __init__(self, words: Mapping[str, int]) -> None:
        super().__init__()
        self.words = words

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(self) >= _REMEMBERED:
            self.clear()
        words = self.words
        found = self[chunk] = tuple([words[t] for t in tokens(chunk) if t in words])
        return found


class Reader:
    """Sentences as rows of words and pairs, for one vocabulary."""

    def __init__(self, words: Mapping[str, int], pairs: Ints) -> None:
        self.words, self.pairs = words, pairs
        # A name that is also an everyday word is one of the vocabulary, which holds no other names.
        names = sorted(n for n in catalogued_names() if n.lower() not in words)
        self.names = ahocorasick_rs.AhoCorasick(
            names, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )
        self.rows = _Rows(words)

    def without_names(self, text: str) -> str:
        """The text with each character of a name of an actor or malware replaced by a mark."""
        text = _SURROGATE.sub("\ufffd", text)
        parts: list[str] = []
        at = 0
        for _, start, end in self.names.find_matches_as_indexes(text):
            if (start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()):
                continue
            parts += (text[at:start], NAME * (end - start))
            at = end
        return "".join((*parts, text[at:]))

    def read(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """(sentence, row) of every word and pair of each sentence, once each and in order."""
        counts: list[int] = []
        flat: list[int] = []
        for text in texts:
            before = len(flat)
            flat.extend(chain.from_iterable(map(self.rows.__getitem__, text.split())))
            counts.append(len(flat) - before)
        words = np.array(flat, dtype=np.int64)
        place = np.repeat(np.arange(len(texts), dtype=np.int64) << 32, counts)
        keys = (words[:-1] << 20) + words[1:]
        at = np.searchsorted(self.pairs, keys)
        fits = place[:-1] == place[1:]
        if len(self.pairs):
            fits &= self.pairs[np.minimum(at, len(self.pairs) - 1)] == keys
        else:
            fits[:] = False
        both = np.concatenate([place + words, place[:-1][fits] + at[fits] + len(self.words)])
        both.sort()
        both = both[np.diff(both, prepend=-1) != 0]
        return both >> 32, both & 0xFFFFFFFF
