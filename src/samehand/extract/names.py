"""Names of actors, campaigns, malware and tools in running text, as written.

Three ways to a name: the gazetteer of `knowledge/`, numbering schemes of publishers (APT28,
UNC2452), and words that introduce a new name ("a backdoor called …"). What a name means is not
decided here. An everyday word is a name only beside a word that says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from samehand.extract.gazetteer import (
    MOST_WORDS,
    SHORT,
    Known,
    NameKind,
    everyday,
    gazetteer,
    name_words,
)
from samehand.extract.words import Words
from samehand.normalise import name_key

_QUOTED = re.compile(
    r"[“\"]((?:[A-Z][\w-]{1,20}[ ]?){1,4}),?[”\"],? ((?:an?|the) (?:[\w-]{1,20} ){0,3}[a-z]{3,12})"
)
#: What stands between the names of a list; at most one word.
_LISTING = frozenset(
    (",", "/", "and", "or", ", and", ", or", "(", ", aka", "(aka", "(or", "&", ";")
)
_BLANKS = " \n\u00a0"


@dataclass(frozen=True, slots=True)
class NameFound:
    """One mention of a name."""

    name: str
    """As written, blanks folded."""
    kind: NameKind
    start: int
    end: int
    known: bool
    """In the gazetteer."""


def _beside(found: Words, first: int, last: int, strictly: bool = False) -> NameKind | None:
    """What the words beside a name say that it is; `None` if nothing.

    ``strictly``: beside an everyday word, where weak heads and those of a title do not count.
    """
    if found.joined(last + 1):
        after = found[last + 1]
        head = after.head_strict if strictly else after.head
        if head is not None:
            return head
    return found[first - 1].head_behind if found.joined(first) else None


def _introduced(found: Words, first: int) -> bool:
    """Whether the words before say that a name follows: "called X", "tracked as X", "(aka X"."""
    if not first or not found[first - 1].naming:
        return False
    gap = found.text[found.end(first - 1) : found.start(first)]
    if len(gap) > 3 or any(c in gap for c in ".;!?"):
        return False
    return found[first - 1].lower != "as" or (first > 1 and found[first - 2].before_as)


def _kind_of(known: Known, hint: NameKind | None, written: str) -> NameKind:
    if hint in known.kinds:
        return hint
    if len(known.kinds) == 1:
        return next(iter(known.kinds))
    if written.lower().startswith("operation "):
        return "campaign"
    order: tuple[NameKind, ...] = ("actor", "malware", "tool", "campaign")
    return next(kind for kind in order if kind in known.kinds)


def _listed_next(found: Words, last: int) -> bool:
    """Whether a name that is no everyday word follows in a list."""
    if last + 1 >= len(found) or not found[last + 1].listed:
        return False
    return found.text[found.end(last) : found.start(last + 1)].strip(_BLANKS) in _LISTING


def _listed(found: Words, n: int, in_list: bool) -> tuple[int, NameFound] | None:
    """The longest name of the gazetteer that begins at a word, and its last word.

    ``in_list``: it stands in a list after another name.
    """
    first = found[n]
    if first.key in ("google", "microsoft"):
        return None  # products, not tools of theirs
    if first.opens:
        several = _of_several(found, n)
        if several is not None:
            return several
    known = first.known
    if known is None or first.plain:
        return None
    alone = len(first.key) <= SHORT or first.key in everyday()
    if not first.capital and not (known.lower and not alone):
        return None
    if alone and not (
        in_list
        or _beside(found, n, n, strictly=True) in known.kinds
        or _introduced(found, n)
        or _listed_next(found, n)
    ):
        return None
    kind = _kind_of(known, _beside(found, n, n), first.text)
    return n, NameFound(first.text, kind, found.start(n), found.end(n), True)


def _of_several(found: Words, n: int) -> tuple[int, NameFound] | None:
    """The longest name of several words that begins at a word, and its last word."""
    known = gazetteer()
    keys = [found[n].key]
    while len(keys) < MOST_WORDS and n + len(keys) < len(found):
        longer = keys[-1] + found[n + len(keys)].key
        if longer not in known.openings or not found.joined(n + len(keys)):
            break
        keys.append(longer)
    for last in range(n + len(keys) - 1, n, -1):
        key = keys[last - n]
        if key not in known.names:
            continue
        words = [found[i] for i in range(n, last + 1)]
        numbered = words[0].capital and any(c.isdigit() for c in key)
        if all(w.plain for w in words) or not (numbered or all(w.capital for w in words)):
            continue
        start, end = found.start(n), found.end(last)
        written = found.text[start:end]
        kind = _kind_of(known.names[key], _beside(found, n, last), written)
        return last, NameFound(" ".join(written.split()), kind, start, end, True)
    return None


def _coined(found: Words, n: int) -> tuple[int, NameFound] | None:
    """A name that the text itself introduces, and its last word."""
    word = found[n]
    if not word.coinable:
        return None
    headed = found.joined(n + 1) and found[n + 1].malware
    introduced = _introduced(found, n)
    if word.suffixed or (headed and word.like_a_name):
        return n, _new(found, n, "malware")
    if headed and introduced and found[n + 1].initial and word.key not in everyday():
        start, end = found.start(n), found.end(n + 1)
        both = " ".join(found.text[start:end].split())
        return n + 1, NameFound(both, "malware", start, end, False)
    said = _said_to_be(found, n) if word.like_a_name else None
    if said is not None:
        return n, _new(found, n, said)
    if not introduced:
        return None
    given = not word.identifier and (
        found[n - 1].lower == "dubbed" or found.text[found.start(n) - 1] in "“\"'"
    )
    if word.like_a_name or (given and word.key not in everyday()):
        kind = _beside(found, n, n) or _named_kind(found, n)
        if kind is not None:
            return n, _new(found, n, kind)
    return None


def _new(found: Words, n: int, kind: NameKind) -> NameFound:
    """A word as a name that no catalogue has."""
    return NameFound(found[n].text, kind, found.start(n), found.end(n), False)


def _said_to_be(found: Words, n: int) -> NameKind | None:
    """What a sentence "X is a new …" says that X is."""
    if n + 2 >= len(found) or found[n + 1].lower != "is":
        return None
    if found[n + 2].lower not in ("a", "an", "the"):
        return None
    after = (found[i].head for i in range(n + 3, min(n + 8, len(found))))
    return next(filter(None, after), None)


def _named_kind(found: Words, n: int) -> NameKind | None:
    """What the nearest head before a name that is introduced says that it is."""
    before = (found[i].head for i in range(n - 1, max(0, n - 8) - 1, -1))
    return next(filter(None, before), None)


def _quoted(text: str) -> Iterator[NameFound]:
    """Names in quotes with what they are behind them, as in “Night Heron,” a group of spies."""
    heads = name_words().heads
    for match in _QUOTED.finditer(text):
        head = next((heads[w] for w in match[2].lower().split() if w in heads), None)
        words = match[1].split()
        if head and not all(name_key(w) in name_words().no_names for w in words):
            yield NameFound(" ".join(words), head, match.start(1), match.end(1), False)


def find_names(text: str) -> list[NameFound]:
    """All mentions of names, sorted by place; none overlaps another."""
    here = Words(text)
    found: list[NameFound] = []
    coined: dict[str, NameKind] = {}
    free = 0  # the word behind the last name
    for n in here.begins:
        if n < free:
            continue
        in_list = (
            bool(found)
            and n <= free + 1
            and text[found[-1].end : here.start(n)].strip(_BLANKS) in _LISTING
        )
        step = (
            _listed(here, n, in_list)
            or _numbered(here, n)
            or _operation(here, n)
            or _coined(here, n)
        )
        if step is None:
            continue
        last, name = step
        if not name.known and name.kind in ("malware", "tool", "campaign"):
            coined[name.name] = name.kind
        found.append(name)
        free = last + 1
    found += [NameFound(name, kind, at, at + len(name), True) for at, name, kind in here.odd]
    spans = [(f.start, f.end) for f in found]
    found += [q for q in _quoted(text) if not any(s < q.end and q.start < e for s, e in spans)]
    if coined:
        taken = {f.start for f in found}
        for n in here.begins:
            kind = coined.get(here[n].text)
            if kind is not None and here.start(n) not in taken:
                found.append(_new(here, n, kind))
    return sorted(found, key=lambda f: f.start)


def _numbered(found: Words, n: int) -> tuple[int, NameFound] | None:
    """A number in the scheme of a publisher."""
    return (n, _new(found, n, "actor")) if found[n].scheme else None


def _operation(found: Words, n: int) -> tuple[int, NameFound] | None:
    """'Operation X', X one to three capitalised words."""
    if found[n].text not in ("Operation", "OPERATION"):
        return None
    last = n
    while last < n + 3 and found.joined(last + 1):
        if not found[last + 1].initial or found[last + 1].head is not None:
            break
        last += 1
    if last == n or found[n + 1].lower in name_words().no_names:
        return None
    start, end = found.start(n), found.end(last)
    written = " ".join(found.text[start:end].split())
    return last, NameFound(written, "campaign", start, end, False)
