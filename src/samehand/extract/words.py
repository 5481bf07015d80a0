"""The words of the prose of a text at their places, with all that a word says by itself.

Most words of a report stand in it, or in the report before it, many times. What depends on the way
of writing alone is told once and remembered: of a stretch without blanks its words, of a word
whether it is a name, introduces one or says what one is.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import chain, compress, count, repeat
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from samehand.extract.gazetteer import SHORT, Known, NameKind, everyday, gazetteer, name_words
from samehand.normalise import name_key

#: Different words and stretches without blanks that are remembered, below 1 kB each.
_REMEMBERED = 1 << 16
#: Longer stretches are no prose and not remembered, in characters.
_LONGEST = 60

#: "PANDA-attributed" are two words.
_WORD = re.compile(r"[^\W_](?:(?:[\w+&’']|-(?![a-z]{3}))*[^\W_])?")
#: A run without blanks that is an address, a path or a file rather than prose.
_NO_PROSE = re.compile(
    r"://|\\|\w\[(?!\d{1,3}(?:\]|$))|@|^(?:Win|W|MSIL)(?:32|64)?/\w|^[/~.]\w|\w/[^\s/]*\.\w|\w\.\w{2,5}$|^%|_\w+_|="
)
#: What closes a word of prose.
_CLOSING = ".,;:!?)]}\"'”’»"
#: What may stand before a word of prose.
_OPENING = "([{\"'“‘«"
#: Blanks across which two words may be one name.
_BLANKS = frozenset((" ", "\n", "\u00a0", "\r\n"))
#: The ideographic space: no blank of Unicode is beyond it.
_LAST_BLANK = 0x3000
_ODD = re.compile(r"(?<![\w./@\\-])\w{1,20}[@_.]\w{1,20}(?![\w@\\-]|/(?![A-Z]))")
#: Ends of coined names of malware, behind a small letter.
_SUFFIX = re.compile(
    r"(?<=[a-z])(?:Loader|RAT|Bot|Stealer|Locker|Ransom|Grabber|Dropper|Miner|Wiper|Worm|Banker)$"
)
#: Names of functions, and compounds of plain words.
_IDENTIFIER = re.compile(
    r"(?:Get|Set|Is|Has|On|on|Do|Create|Open|Read|Write|Find|Load|process|Process|Run|Add|sub_|e)[A-Z_\d]"
    r"|[A-Za-z]+-[A-Z]?[a-z]+$|non-|anti-|.*_x(?:64|86)"
)
_SCHEME = re.compile(
    r"(?:APT-?C?-?\d{1,3}|UNC\d{3,4}|TA-?[1-9]\d{2,3}|FIN\d{1,2}|(?:DEV|Storm|UAC|TAG|TG|ATK|ITG|UTA|UAT|TEMP"
    r"|CTG|TGR|UTG)-?[A-Z]{0,2}-?\d{2,5}|Sector[A-Z]\d{2}|G\d{4}|CL-[A-Z]{3}-\d{4}|SIG\d{2}|APT-Q-\d{1,3})"
)
#: Heads that say nothing of the name behind them, and of a name before them nothing new.
_NOT_BEFORE = frozenset(("bot", "family", "variant", "variants", "payload"))
_NOT_MALWARE = frozenset(("family", "payload", "variant", "variants"))


class Word(NamedTuple):
    """A word as it is written, and what it says wherever it stands."""

    text: str
    lower: str
    key: str
    """Folded as names are."""
    begins: bool
    """A name may begin with it."""
    known: Known | None
    """What it is alone, in the gazetteer."""
    opens: bool
    """A name of the gazetteer begins with it."""
    capital: bool
    """It has one, anywhere."""
    initial: bool
    """It begins with one."""
    plain: bool
    """No name, whatever stands beside it."""
    listed: bool
    """A name that is no everyday word."""
    scheme: bool
    """A number in the scheme of a publisher."""
    head: NameKind | None
    """What it says of a name before it."""
    head_strict: NameKind | None
    """The same of an everyday word, for which weak words and those of titles do not count."""
    head_behind: NameKind | None
    """What it says of a name behind it."""
    malware: bool
    """It says that the name before it is malware, even a new one."""
    naming: bool
    """A name follows."""
    before_as: bool
    """A name follows if "as" does."""
    coinable: bool
    """It may be a new name."""
    like_a_name: bool
    """It is written as new names are: inner capitals, all capitals, or digits."""
    suffixed: bool
    """It is like a name and ends as those of malware do."""
    identifier: bool
    """A name of a function, or a compound."""


def _like_a_name(word: str, lower: str) -> bool:
    if len(word) < 4 or lower in name_words().no_names or _IDENTIFIER.match(word):
        return False
    if "-as-a-" in word or (word[-1] == "s" and word[:-1].isupper()):
        return False  # "DLLs"
    inner = any(c.isupper() for c in word[1:]) and any(c.islower() for c in word)
    return inner or (word.isupper() and word.isalpha() and len(word) >= 5)


@lru_cache(maxsize=_REMEMBERED)
def word_of(text: str) -> Word:
    """All that a word says by itself."""
    names, words = gazetteer(), name_words()
    lower = text.lower()
    capital, initial = text != lower and any(c.isupper() for c in text), text[0].isupper()
    key = name_key(text)
    whole = names.names.get(key)
    # Nothing begins with a word in small letters unless some source writes it so.
    able = key != "" and ((whole is not None and whole.lower) or not text.islower())
    known = whole or names.single(key, initial)
    opens = key in names.openings
    scheme = able and _SCHEME.fullmatch(text) is not None
    like = able and _like_a_name(text, lower)
    coinable = like or (able and initial and len(text) >= 4 and lower not in words.no_names)
    head = words.heads.get(lower)
    strictly = (text in ("APT", "Group") or not initial) and text not in words.weak
    return Word(
        text,
        lower,
        key,
        able and (opens or scheme or coinable or known is not None or lower == "operation"),
        known,
        opens,
        capital,
        initial,
        key in words.no_names or key.isdigit(),
        whole is not None and capital and len(key) > SHORT and key not in everyday(),
        scheme,
        head,
        head if strictly else None,
        head if lower not in _NOT_BEFORE else None,
        lower in words.malware and lower not in _NOT_MALWARE and not text.isupper(),
        lower in words.naming or lower in ("a.k.a", "aka"),
        lower in words.before_as,
        coinable,
        like,
        like and _SUFFIX.search(text) is not None,
        able and _IDENTIFIER.match(text) is not None,
    )


class Place(NamedTuple):
    """A word in a stretch without blanks."""

    start: int
    """First character, from the beginning of the stretch."""
    end: int
    """One past the last."""
    word: Word
    begins: bool
    """`Word.begins`."""
    hyphen: bool
    """A hyphen joins it to the word before it."""
    opens: bool
    """It begins where the stretch does."""
    closes: bool
    """It ends where the stretch does, and nothing was cut off it."""


class _Chunk(NamedTuple):
    """A stretch without blanks, whatever stands around it."""

    places: tuple[Place, ...]
    odd: tuple[tuple[int, str, NameKind], ...]
    """First character, text and kind of names that look like no word."""


def _chunk(chunk: str) -> _Chunk:
    core = chunk.rstrip(_CLOSING)
    bare = core.lstrip(_OPENING)
    if bare.isalpha():  # most are
        start = len(core) - len(bare)
        word = word_of(bare)
        closes = core is chunk or core == chunk
        return _Chunk((Place(start, len(core), word, word.begins, False, not start, closes),), ())
    odd = []
    for match in _ODD.finditer(chunk):
        kind = gazetteer().odd.get(match[0].lower())
        if kind is not None:
            odd.append((match.start(), match[0], kind))
    high = len(chunk)
    if _NO_PROSE.search(core):
        high = chunk.find("](")  # the words of a link in Markdown
    places: list[Place] = []
    last = -1
    for match in _WORD.finditer(chunk, 0, max(0, high)):
        start, end = match.span()
        hyphen = last >= 0 and chunk[last:start] == "-"
        last, written = end, match[0]
        if written.endswith(("'s", "’s")):
            written, end, last = written[:-2], end - 2, -1
        word = word_of(written)
        places.append(Place(start, end, word, word.begins, hyphen, start == 0, last == len(chunk)))
    return _Chunk(tuple(places), tuple(odd))


class _Remembered(dict[str, _Chunk]):
    """What stretches without blanks say; all is forgotten when it is full."""

    def __missing__(self, piece: str) -> _Chunk:
        found = _chunk(piece)
        if len(piece) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[piece] = found
        return found


@cache
def _remembered() -> _Remembered:
    return _Remembered()


@cache
def _solid() -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which characters are no blanks, up to the last that is one."""
    return np.array([not chr(code).isspace() for code in range(_LAST_BLANK + 2)])


def _starts(text: str) -> list[int]:
    """Where the stretches without blanks begin that `str.split` finds."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    solid = _solid()[np.minimum(codes, _LAST_BLANK + 1)]
    first = solid.copy()
    first[1:] &= ~solid[:-1]
    starts: list[int] = np.flatnonzero(first).tolist()
    return starts


class Words:
    """The words of a text in order; those of addresses, paths and files are left out."""

    def __init__(self, text: str) -> None:
        self.text = text
        pieces = text.split()
        # Without a step of Python for each word.
        chunks = list(map(_remembered().__getitem__, pieces))
        self._pieces, self._starts = pieces, _starts(text)
        held = list(map(attrgetter("places"), chunks))
        self._places: list[Place] = list(chain.from_iterable(held))
        self._chunks = list(chain.from_iterable(map(repeat, count(), map(len, held))))
        #: Numbers of the words with which a name may begin.
        self.begins = list(compress(count(), map(attrgetter("begins"), self._places)))
        #: First character, text and kind of names that look like no word, wherever they stand.
        self.odd = [
            (self._starts[n] + start, written, kind)
            for n, chunk in compress(enumerate(chunks), map(attrgetter("odd"), chunks))
            for start, written, kind in chunk.odd
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, n: int) -> Word:
        return self._places[n].word

    def start(self, n: int) -> int:
        """The first character of a word."""
        return self._starts[self._chunks[n]] + self._places[n].start

    def end(self, n: int) -> int:
        """One past the last character of a word."""
        return self._starts[self._chunks[n]] + self._places[n].end

    def joined(self, n: int) -> bool:
        """Whether there is such a word, and one blank, line break or hyphen before it alone."""
        if not 0 < n < len(self._places):
            return False
        here = self._places[n]
        if here.hyphen:
            return True
        if not (here.opens and self._places[n - 1].closes):
            return False
        before, chunk = self._chunks[n - 1], self._chunks[n]
        if chunk - before != 1:
            return False
        end = self._starts[before] + len(self._pieces[before])
        return self.text[end : self._starts[chunk]] in _BLANKS
