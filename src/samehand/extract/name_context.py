"""What the text around a name says of it: that it is meant, that it is not, or that names follow.

All of this looks at text near a place that `extract/names.py` has found already, or at the words
that announce names ("also known as X, Y and Z"); nothing reads the whole text word by word.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from samehand.config import bundled

Kind = Literal["actor", "campaign", "malware", "tool"]
#: Whether a word can be a name; "coined" if it is written as no other word is.
Fit = Literal["no", "plain", "coined"]
#: Characters that are looked at before and behind a name.
_NEAR = 100
#: Shorter names are too often one letter off a word that means something else.
_LEAST_MISSPELT = 8
#: No known name of one word is longer, in letters.
_MOST_MISSPELT = 24
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

#: What ends right before an actor: words of attribution, of relation, of agency.
_LINK_BEFORE = re.compile(
    r"""\b(?:
    attribut(?:e[sd]?|ing|able)\b[^.;]{0,50}?\sto
    |attribution\ (?:[\w,]+\ ){0,3}to
    |(?:work|hallmarks?|handiwork|tools?|toolset|targets|members?|campaigns?|attacks?|operations
      |activit(?:y|ies))\ (?:of|by)
    |(?:linked|tied|connected|related|ascribed|ties|links?|overlaps?|similarit(?:y|ies)|associated
      |affiliated|consistent)\ (?:\w+\ )?(?:to|with)
    |(?:used|operated|conducted|performed|launched|perpetrated|deployed|leveraged|orchestrated
      |mounted|carried\ out|run)\ by
    |(?:groups?|actors?|adversaries|gangs)\ (?:such\ as|like|including)
    )\ (?:the\ )?[“"'‘]?$""",
    re.VERBOSE,
)
#: What ends right before one of several programs.
_SUCH_BEFORE = re.compile(
    r"\b(?:tools?|toolkits?|frameworks?|malware|families|variants|backdoors?|trojans?|ransomware"
    r"|RATs?|loaders|stealers|botnets)(?:,? (?:like|such as|including)| include[sd]?)"
    r" (?:the )?[“\"'‘]?$"
)
#: What an actor does, right behind its name.
_ACTS_BEHIND = re.compile(
    r" (?:(?:has|have|had|was|were|is|are|also|recently|previously|likely|been|seen) ){0,4}"
    r"(?:us(?:e[sd]?|ing)|target(?:s|ed|ing)|deploy(?:s|ed|ing)|leverag(?:es|ed|ing)"
    r"|attack(?:s|ed|ing)|conduct(?:s|ed|ing)|launch(?:es|ed|ing)|compromised|exploit(?:s|ed|ing))\b"
)
#: The same at the beginning of a sentence, where every word has a capital.
_HAS_DONE = re.compile(
    r" (?:has|have) (?:also |previously |recently |been (?:seen |observed )?)?"
    r"(?:us(?:ed|ing)|target(?:ed|ing)|deploy(?:ed|ing)|leverag(?:ed|ing)|conducted|compromised)\b"
)
#: Behind what is no program of an intruder but a part of a system, or a cipher.
_PART_BEHIND = re.compile(
    r"[ \n]{1,2}(?:\.NET\b|(?:functions?|APIs?|cmdlets?|registry|algorithms?|ciphers?|interfaces?"
    r"|assembly|statements?)\b)"
)
#: A thief's shopping list, or programs that are imitated: not what the intruder works with.
_SPOILS = re.compile(
    r"\b(?:Thunderbird|Outlook|Firefox|Opera|Chrome|Chromium|Foxmail|Eudora|IncrediMail|Pidgin"
    r"|SmartFTP|CoreFTP|FlashFXP|WS_FTP|WinFTP|NordVPN|ProtonVPN|wallets?"
    r"|(?:FTP|SSH|VPN|IM|mail|e-?mail|messaging)(?: \w+)? [Cc]lients?"
    r"|(?:credentials?|passwords?)(?: \w+)? (?:from|for|of|in|stored|saved)"
    r"|replicas?|disguised|masquerad\w+|impersonat\w+|trojani[sz]ed)\b"
)
_SHOWN = re.compile(
    r"\b(?:[Ff]ig(?:ure|\.)|shown?|shows|showing|screenshots?|seen|viewed|reveal(?:s|ed)|observe"
    r"|[Uu]sing \w+(?: \w+)? to (?:analy[sz]e|inspect|view|see|look|simulate|debug))\b"
)

_NAME = r"[A-Z][\w+-]*(?:\.[A-Z]\w+)?(?:[ \u00a0][A-Z][\w+-]*){0,2}"
_ITEM = rf"[“\"'‘]?{_NAME}(?:\[\d{{1,3}}\])?[”\"'’]?"
_GAP = r"(?:\s*(?:/|,\s*(?:and|or|as well as)\s|,|\s(?:and|or|&)\s)\s*)"
#: Words that announce names, and the names behind them.
_CUES = (
    "known as", "tracked as", "designated as", "labeled as", "labelled as", "referred to as",
    "identified as", "dubbed", "named", "called", "aliases", "alias", "aka", "AKA", "a.k.a",
    "A.K.A", "they call", "we call", "they name", "we name", "the name",
    "the moniker",
)  # fmt: skip
_BEHIND = re.compile(
    rf"\.?(?:\s|:\s|\s[:–-]\s?)(?:the )?(?P<names>{_ITEM}(?:{_GAP}{_ITEM}){{0,7}})"
)
_ONE = re.compile(rf"([“\"'‘]?)({_NAME})")
#: Names that a slash joins are names of one thing.
_PART = re.compile(r"[^ /]+")
_SLASHED = re.compile(r"[A-Z][\w-]{3,20}(?: ?/ ?[A-Z][\w-]{3,20})+")
#: The next member of a list behind a name, the last before one.
_NEXT = re.compile(rf"(?:\[\d{{1,3}}\])?[”\"'’]?{_GAP}[“\"'‘]?([A-Z][\w-]+(?: [A-Z][a-z]+)?)")
_LAST = re.compile(
    r"(?<![\w-])([A-Z][\w-]{3,30})(?:\[\d{1,3}\])?(?:,? and|,? or| &) $"
    r"|(?:[,(:]|\bas|\blike|\bincluding) ([A-Z][\w-]{3,30}), $"
)
#: Behind what is a file, an address, or a longer word.
_OF_FILE = re.compile(
    r"[\w-]*[’'”\"]?(?:\.\w|\(\)|[\\:]\w)|[ -]?[\w-]*\d?\.(?:exe|dll|docx?|xlsx?|pdf|zip)\b"
)
_ENDS_BEFORE = re.compile(r"[\s,(–-]*(?:(?:also|otherwise|better|which is|is) )*$")


@dataclass(frozen=True, slots=True)
class _Context:
    clients: frozenset[str]
    analysis: frozenset[str]
    unlinked: frozenset[str]


@cache
def _context() -> _Context:
    rows = tomllib.loads(bundled("knowledge/data/prose.toml").decode())["context"]
    return _Context(
        *(frozenset(rows[name].split()) for name in ("clients", "analysis", "unlinked"))
    )


def ordinary() -> frozenset[str]:
    """Folded names of programs that users and analysts work with, too."""
    return _context().clients | _context().analysis


def linked(text: str, start: int, end: int, key: str, actor: bool) -> bool:
    """Whether an everyday word, written with a capital inside a sentence, stands where a name does.

    After "tools such as"; an ``actor`` after words of attribution ("attributed to X", "the work of
    X"), or before what intruders do.
    """
    if key in _context().unlinked or text[end : end + 2].strip()[:1].isupper():
        return False
    if _SUCH_BEFORE.search(text, max(0, start - _NEAR), start):
        return True
    if not actor:
        return False
    if _LINK_BEFORE.search(text, max(0, start - _NEAR), start):
        return True
    before = text[max(0, start - 2) : start]
    inside = len(before) == 2 and before[1] == " " and (before[0].islower() or before[0] == ",")
    if not before.strip() or before[0] in ".!?":
        return _HAS_DONE.match(text, end) is not None
    the = text[max(0, start - 4) : start].lower() == "the "
    return inside and not the and _ACTS_BEHIND.match(text, end) is not None


def no_program(text: str, start: int, end: int, key: str) -> bool:
    """Whether the text around says that no program of an intruder is meant.

    A part of the system, a client whose passwords are stolen, a tool of the analyst.
    """
    if _PART_BEHIND.match(text, end):
        return True
    low, high = max(0, start - _NEAR), end + _NEAR
    if key in _context().clients:
        return _SPOILS.search(text, low, high) is not None
    return key in _context().analysis and _SHOWN.search(text, low, high) is not None


def thing_named(words: Sequence[str], things: frozenset[str], heads: Collection[str]) -> bool:
    """Whether the nearest noun before a naming word is a file, a function or the like."""
    for word in reversed(words):
        bare = word.strip(".,;:()“”\"'‘’")
        if not things.isdisjoint((bare, bare.removesuffix("s"), bare.removesuffix("es"))):
            return True
        if bare in heads or word.endswith("."):
            return False
    return False


def misspelt(key: str, known: Collection[str]) -> str | None:
    """The known name of eight letters or more that a word is one slip off, or `None`.

    One letter too many, too few, wrong, or two that changed places.
    """
    if not _LEAST_MISSPELT <= len(key) <= _MOST_MISSPELT or not key.isalpha():
        return None
    for n in range(1, len(key)):
        head, tail = key[:n], key[n:]
        tries: list[str] = [head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]]
        tries += [head + c + tail[1:] for c in _LETTERS]
        tries += [head + c + tail for c in _LETTERS]
        for tried in tries:
            if len(tried) >= _LEAST_MISSPELT and tried != key and tried in known:
                return tried
    return None


def announced(text: str) -> Iterator[tuple[int, list[tuple[int, int, bool]]]]:
    """Names behind words that announce them: where those begin, and the names.

    A name is its start, its end, and whether it stands in quotes.
    """
    for cue in _CUES:
        at = text.find(cue)
        while at >= 0:
            found = _BEHIND.match(text, at + len(cue))
            if found and not text[at - 1 : at].isalnum():
                base = found.start("names")
                names = _ONE.finditer(found["names"])
                yield at, [(base + m.start(2), base + m.end(2), bool(m[1])) for m in names]
            at = text.find(cue, at + len(cue))


def beside_names(
    text: str,
    spans: Iterable[tuple[int, int, Kind]],
    fitness: Callable[[str, Kind | None], Fit],
    head_before: Callable[[str, bool], Kind | None],
) -> list[tuple[int, int, Kind]]:
    """Unknown names in a group with a known one, or behind what they are: start, end and kind.

    ``spans``: start, end and kind of the names found so far. ``fitness``: whether a word can be a
    name, and whether it looks like one. ``head_before``: what the words before say.
    """
    starts = {start: (end, kind) for start, end, kind in spans}
    ends = dict(starts.values())
    begins = sorted(starts)
    fresh: dict[int, tuple[int, Kind]] = {}

    def take(start: int, end: int, kind: Kind | None, fit: tuple[Fit, ...]) -> None:
        at = bisect_left(begins, end)
        if kind is None or (at and starts[begins[at - 1]][0] > start) or start in fresh:
            return
        if fitness(text[start:end], kind) in fit and not _OF_FILE.match(text, end):
            fresh[start] = end, kind

    for begin, names in announced(text):
        kind = next((starts[s][1] for s, _, _ in names if s in starts), None)
        if kind is None:
            before = text[max(0, begin - 20) : begin]
            kind = ends.get(begin - len(before) + len(_ENDS_BEFORE.sub("", before)))
        lead = text[max(0, begin - 70) : begin]
        for start, end, quoted in names:
            said = kind or head_before(lead, not quoted and text[end : end + 1] != "[")
            take(start, end, said, ("coined", "plain"))
    for start in begins:
        end, kind = starts[start]
        if kind in ("tool", "campaign"):
            continue
        if "/" in text[end : end + 2] or "/" in text[max(0, start - 2) : start]:
            for group in _SLASHED.finditer(text, max(0, start - 60), end + 60):
                if group.start() <= start < group.end():
                    fit: tuple[Fit, ...] = ("coined", "plain") if kind == "actor" else ("coined",)
                    for one in _PART.finditer(text, group.start(), group.end()):
                        take(one.start(), one.end(), kind, fit)
        if kind == "malware":
            behind = _NEXT.match(text, end)
            if behind:
                take(behind.start(1), behind.end(1), kind, ("coined",))
            if text[start - 1 : start] == " " and text[start - 2 : start - 1] in "dr&,":
                low = max(0, start - 50)
                before_it = _LAST.search(text[low:start])
                if before_it:
                    n = before_it.lastindex or 1
                    take(low + before_it.start(n), low + before_it.end(n), kind, ("coined",))
    found: list[tuple[int, int, Kind]] = []
    for start, (end, kind) in sorted(fresh.items()):
        if not found or found[-1][1] <= start:
            found.append((start, end, kind))
    return found
