"""Names of actors, campaigns, malware and tools in running text, as written.

Three ways to a name: the gazetteer of `knowledge/`, numbering schemes of publishers (APT28,
UNC2452), and words that introduce a new name ("a backdoor called …"). What a name means is not
decided here. An everyday word is a name only beside a word that says what it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from samehand.extract.gazetteer import (
    MOST_WORDS,
    SHORT,
    Known,
    NameKind,
    brought,
    everyday,
    gazetteer,
    name_words,
    without_note,
)
from samehand.extract.name_context import (
    Fit,
    beside_names,
    linked,
    misspelt,
    no_program,
    ordinary,
    thing_named,
)
from samehand.extract.words import Words, word_of
from samehand.normalise import name_key

_QUOTED = re.compile(
    r"[“\"]((?:[A-Z][\w-]{1,20}[ ]?){1,4}),?[”\"](?:,? (?=an?|the)|(?= [a-z])) ?"
    r"((?:(?:an?|the) (?:[\w-]{1,20} ){0,3})?[a-z]{3,12})"
)
#: What stands between the names of a list; at most one word.
_LISTING = frozenset(
    (
        ",",
        "/",
        "and",
        "or",
        ", and",
        ", or",
        "(",
        ", aka",
        "(aka",
        "(or",
        "&",
        ";",
        "*",
        "•",
        "●",
        "·",
    )
)
#: Shorter words are in capitals for other reasons, too, in letters.
_LONG = 6
_BLANKS = " \n\u00a0"
#: What closes a word of prose.
_CLOSING = ".,;:!?)]}\"'”’»"


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
    words = name_words()
    after = last + 1
    if found.joined(after) and found[after].lower in words.middle:
        after += 1
    if found.joined(after):
        word = found[after]
        head = word.head_strict if strictly else word.head
        if strictly and head is None and word.lower in words.sorts and found.joined(first):
            # "the Maze Ransomware", inside a sentence
            head = word.head if found[first - 1].text.islower() else None
        if head is not None:
            return head
    if not found.joined(first) or (strictly and found[first - 1].text.istitle()):
        return None
    return found[first - 1].head_behind


def _introduced(found: Words, first: int) -> bool:
    """Whether the words before say that a name follows: "called X", "tracked as X", "(aka X"."""
    if not first or not found[first - 1].naming:
        return False
    gap = found.text[found.end(first - 1) : found.start(first)]
    if len(gap) > 3 or any(c in gap for c in ".;!?,{"):
        return False
    return found[first - 1].lower != "as" or (first > 1 and found[first - 2].before_as)


def _kind_of(known: Known, hint: NameKind | None, written: str) -> NameKind:
    if written.lower().startswith("operation "):
        return "campaign"  # though catalogues name actors by them
    if hint in known.kinds:
        return hint
    order: tuple[NameKind, ...] = ("actor", "tool", "malware", "campaign")
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
    article = found.joined(n) and found[n - 1].text == "the"
    several = _of_several(found, n) if first.opens else None
    if several is None and article:
        several = _of_several(found, n, "the")
    if several is not None:
        return several
    begin, known, key = n, first.known, first.key
    if known is None and article and first.initial and not _goes_on(found, n):
        # "the Dukes", where catalogues write "The Dukes"
        begin, key = n - 1, "the" + key
        known = gazetteer().names.get(key)
        if known is not None and "actor" not in known.kinds:
            return None
    if known is None or first.plain:
        return None
    if begin == n and key not in gazetteer().names:
        key = without_note(key)
    alone = len(key) <= SHORT or (key in everyday() and not _coined_like(first.text, key))
    if not first.capital and not (known.lower and not alone):
        return None
    start, end = found.start(begin), found.end(n)
    if alone and not _told(found, n, key, known, in_list):
        return None
    if _no_actor(known) and no_program(found.text, start, end, key):
        return None
    kind = _kind_of(known, _beside(found, n, n), first.text)
    written = first.text if begin == n else " ".join(found.text[start:end].split())
    return n, NameFound(written, kind, start, end, True)


def _no_actor(known: Known) -> bool:
    """Whether it is malware or a tool and nothing else."""
    return known.kinds.isdisjoint(("actor", "campaign"))


def _told(found: Words, n: int, key: str, known: Known, in_list: bool) -> bool:
    """Whether what surrounds an everyday word says that it is a name."""
    if key in name_words().heads:
        return False
    if _beside(found, n, n, strictly=True) in known.kinds:
        return True
    if not _goes_on(found, n) and (in_list or _introduced(found, n) or _listed_next(found, n)):
        return True
    if _stands_out(found, n):
        return True
    actor = "actor" in known.kinds
    return len(key) > SHORT and linked(found.text, found.start(n), found.end(n), key, actor)


def _stands_out(found: Words, n: int) -> bool:
    """Whether an everyday word alone is written in capitals in a sentence, as some houses do."""
    text = found[n].text
    if len(text) < _LONG or not text.isupper() or found[n].key in name_words().plain:
        return False
    if not (found.joined(n + 1) and found[n + 1].text.islower()):
        return False
    return not n or found[n - 1].text.islower() or found[n - 1].text.istitle()


def _of_several(found: Words, n: int, article: str = "") -> tuple[int, NameFound] | None:
    """The longest name of several words that begins at a word, and its last word.

    ``article``: it stands before the word, and in the name.
    """
    known, words = gazetteer(), name_words()
    keys = [article + found[n].key]
    while len(keys) < MOST_WORDS and n + len(keys) < len(found):
        longer = keys[-1] + found[n + len(keys)].key
        if longer not in known.openings or not found.joined(n + len(keys)):
            break
        keys.append(longer)
    for last in range(n + len(keys) - 1, n, -1):
        key = keys[last - n]
        if key not in known.names or key in words.no_names:
            continue
        name, parts = known.names[key], [found[i] for i in range(n, last + 1)]
        start, end = found.start(n - 1 if article else n), found.end(last)
        written = found.text[start:end]
        loose = parts[0].capital and (any(c.isdigit() for c in key) or "-" in written)
        if all(w.plain for w in parts) or not (loose or all(w.capital for w in parts)):
            continue
        if all(len(w.text) == 1 for w in parts[:3]):
            continue  # letters set wide apart
        if key in words.plain and not _introduced(found, n):
            continue
        if article and ("actor" not in name.kinds or _goes_on(found, last)):
            continue
        if _no_actor(name) and no_program(found.text, start, end, key):
            continue
        kind = _kind_of(name, _beside(found, n, last), written)
        return last, NameFound(" ".join(written.split()), kind, start, end, True)
    return None


def _coined_like(word: str, key: str) -> bool:
    """Whether an everyday word is written as none is, with capitals inside (WhiteBear)."""
    inner = any(c.isupper() for c in word[1:]) and any(c.islower() for c in word[:-1])
    return inner and word[0].isupper() and not word[:-1].isupper() and key not in name_words().plain


def _goes_on(found: Words, last: int) -> bool:
    """Whether a capitalised word follows that says not what the name is ("Iron Dome")."""
    return found.joined(last + 1) and found[last + 1].initial and found[last + 1].head is None


def _coined(found: Words, n: int) -> tuple[int, NameFound] | None:
    """A name that the text itself introduces, and its last word."""
    word = found[n]
    if not word.coinable:
        return None
    after = found[n + 1] if found.joined(n + 1) else None
    introduced = _introduced(found, n)
    if not (introduced or word.like_a_name or (after is not None and after.head is not None)):
        return None
    text, words, start, end = found.text, name_words(), found.start(n), found.end(n)
    if text[end : end + 1] == "." and text[end + 1 : end + 2].isalnum():
        return None
    if introduced or text[start - 1 : start] in ("“", '"'):
        before = [found[i].lower for i in range(max(0, n - 8), n)]
        if thing_named(before, words.things, words.heads):
            return None
    headed = after is not None and after.malware
    if after is not None and _headed(found, n):
        return n, _new(found, n, _headed(found, n) or "malware")
    if headed and introduced and found[n + 1].initial and word.key not in everyday():
        both = " ".join(text[start : found.end(n + 1)].split())
        return n + 1, NameFound(both, "malware", start, found.end(n + 1), False)
    if word.suffixed:
        return n, _new(found, n, "malware")
    said = _said_to_be(text, end) if word.like_a_name else None
    if said is not None:
        return n, _new(found, n, said)
    if not introduced:
        return None
    given = (
        not _goes_on(found, n)
        and not word.identifier
        and (found[n - 1].lower == "dubbed" or text[start - 1] in "“\"'")
    )
    if word.like_a_name or (given and word.key not in everyday()):
        kind = _beside(found, n, n) or _named_kind(text[max(0, start - 70) : start])
        if kind is not None:
            return n, _new(found, n, kind)
    return None


_NO_NAME_ENDING = re.compile(r"(?:ians?|ean|ese|ish|ic|al|ed|ing|ive|able|less|ous|based|ware)$")


def _headed(found: Words, n: int) -> NameKind | None:
    """What the word behind a new name says that it is: malware or a tool."""
    word, after, words = found[n], found[n + 1], name_words()
    article = found.joined(n) and found[n - 1].text in words.articles
    if after.malware and word.like_a_name and word.initial:
        return "malware"
    plain = word.text[1:].islower() and not _NO_NAME_ENDING.search(word.text)
    plain = plain and article and word.key not in everyday()
    if after.malware and plain and after.lower in words.sorts:
        return "malware"
    if after.lower in words.malware and _slip(word.key):
        return "malware"
    if word.like_a_name and article and after.text.islower() and after.lower != "utility":
        return "tool" if _beside(found, n, n) == "tool" else None
    return None


def _new(found: Words, n: int, kind: NameKind) -> NameFound:
    """A word as a name that no catalogue has."""
    return NameFound(found[n].text, kind, found.start(n), found.end(n), False)


#: What stands right behind a name and tells it: "X, a new …", "X: a …", "X is the …".
_TOLD = re.compile(
    r"[”\"']?(?:, an? | (?:is|was) (?:an?|the) | ?[–—-] an? | \(an? |: (?:an? )?)"
    r"((?:[A-Za-z][\w-]* ){0,4}[a-zA-Z][\w-]*)( [a-z]+|\W|$)"
)
#: Words that lead on to another noun, and those behind a noun that ends there.
_LEADS_ON = frozenset(
    ("of", "that", "to", "which", "for", "by", "in", "and", "with", "used", "this")
)
_ENDS = re.compile(
    r" ?(?:[^\w ]|$| (?:of|that|to|which|for|by|in|and|with|used|on|from|written|\w+ed|capable)\b)"
)


def _said_to_be(text: str, end: int) -> NameKind | None:
    """What the words behind a name say that it is, malware or a tool."""
    told = _TOLD.match(text, end, end + 80)
    if told is None:
        return None
    at = told.start(1)
    for word in told[1].split(" "):
        lower = word.lower()
        at += len(word)
        kind = name_words().heads.get(lower)
        plain = kind not in ("malware", "tool") or lower in ("framework", "kit", "utility")
        if not plain and _ENDS.match(text, at):
            return kind
        if lower in _LEADS_ON:
            return None
        at += 1
    return None


_STEM = re.compile(r"(?<![\w\\/.%$~|-])[A-Za-z][\w-]{4,20}$")


def _run(text: str) -> Iterator[NameFound]:
    """Tools of intruders that are named by their file alone, as in "adfind.exe"."""
    at = text.find(".exe")
    while at >= 0:
        before = _STEM.search(text[max(0, at - 24) : at])
        ends = not text[at + 4 : at + 5].strip(_CLOSING + " \n")
        if before and ends and name_key(before[0]) in brought() - ordinary():
            yield NameFound(before[0], "tool", at - len(before[0]), at, True)
        at = text.find(".exe", at + 4)


def _quoted(text: str) -> Iterator[NameFound]:
    """Names in quotes with what they are behind them, as in “Night Heron,” a group of spies."""
    for match in _QUOTED.finditer(text):
        if thing_named(
            text[max(0, match.start() - 70) : match.start()].lower().split(),
            name_words().things,
            name_words().heads,
        ):
            continue
        head = next(
            (name_words().heads[w] for w in match[2].lower().split() if w in name_words().heads),
            None,
        )
        words = match[1].split()
        if head == "actor" and match[2].islower() and " " not in match[2]:
            continue  # a group of users of a system: the “Domain Admins” group
        if head and not all(name_key(w) in name_words().no_names for w in words):
            yield NameFound(" ".join(words), head, match.start(1), match.end(1), False)


def _fitness(written: str, kind: str | None) -> Fit:
    """Whether what stands in a list of names can be one, and whether it is written as names are."""
    words = written.split()
    key = name_key(written)
    known = gazetteer().names.get(key)
    if (
        len(key) < 4
        or words[0].lower() in name_words().no_names
        or words[-1].lower() in name_words().heads
        or (key in everyday() and (known is None or kind not in known.kinds))
        or word_of(words[0]).identifier
    ):
        return "no"
    if kind in ("malware", "tool") and (known is not None or _slip(key)):
        return "coined"
    return "coined" if len(words) == 1 and word_of(written).like_a_name else "plain"


def _named_kind(before: str, right_before: bool = False) -> NameKind | None:
    """What the nearest head before a naming word says that the name is of; no file or function.

    ``right_before``: only if nothing stands between the head and the naming word.
    """
    words = re.split(r"[.!?:]\s", before)[-1].lower().split()[-8:]
    if not name_words().persons.isdisjoint(words):
        return None
    for word in reversed(words):
        bare = word.strip(_CLOSING + "“‘(,")
        if bare in name_words().passed:
            continue
        if bare in name_words().heads:
            return name_words().heads[bare]
        if right_before or thing_named((bare,), name_words().things, ()):
            return None
    return None


@lru_cache(maxsize=4096)
def _slip(key: str) -> bool:
    """Whether a word is a misspelt name of malware or a tool."""
    table = gazetteer().names
    if key in table or key in everyday() or key in name_words().no_names:
        return False
    meant = misspelt(key, table)
    return meant is not None and not table[meant].kinds.isdisjoint(("malware", "tool"))


def find_names(text: str) -> list[NameFound]:
    """All mentions of names, sorted by place; none overlaps another."""
    here = Words(text)
    found: list[NameFound] = []
    again: list[NameFound] = []
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
    found += _run(text)
    spans = [(f.start, f.end) for f in found]
    found += [q for q in _quoted(text) if not any(s < q.end and q.start < e for s, e in spans)]
    found.sort(key=lambda f: f.start)
    fresh = beside_names(text, [(f.start, f.end, f.kind) for f in found], _fitness, _named_kind)
    for start, end, what in fresh:
        found.append(NameFound(" ".join(text[start:end].split()), what, start, end, False))
    if coined:
        found.sort(key=lambda f: f.start)
        begins = [f.start for f in found]
        for n in here.begins:
            kind = coined.get(here[n].text)
            if kind is not None:
                before = bisect_right(begins, here.start(n))
                if not before or found[before - 1].end <= here.start(n):
                    again.append(_new(here, n, kind))
    found += again
    return sorted(found, key=lambda f: f.start)


def _numbered(found: Words, n: int) -> tuple[int, NameFound] | None:
    """A number in the scheme of a publisher."""
    return (n, _new(found, n, "actor")) if found[n].scheme else None


#: "Security Operation Center" is no campaign.
_ROOMS = frozenset(("center", "centers", "centre", "centres", "system", "systems"))


def _operation(found: Words, n: int) -> tuple[int, NameFound] | None:
    """'Operation X', X one to three capitalised words."""
    if found[n].text not in ("Operation", "OPERATION"):
        return None
    last = n
    while last < n + 3 and found.joined(last + 1):
        if not found[last + 1].initial or found[last + 1].head is not None:
            break
        last += 1
    if found[last].lower == "c2":
        last -= 1
    if last == n or found[n + 1].lower in _ROOMS:
        return None
    if all(found[i].lower in name_words().no_names for i in range(n + 1, last + 1)):
        return None
    start, end = found.start(n), found.end(last)
    written = " ".join(found.text[start:end].split())
    return last, NameFound(written, "campaign", start, end, False)
