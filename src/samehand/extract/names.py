"""Names of actors, campaigns, malware and tools in running text, as written.

Three ways to a name: the gazetteer of `knowledge/`, numbering schemes of publishers (APT28,
UNC2452), and words that introduce a new name ("a backdoor called …"). What a name means is not
decided here. An everyday word is a name only beside a word that says what it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from samehand.config import bundled
from samehand.extract.name_context import (
    Fit,
    beside_names,
    linked,
    misspelt,
    no_program,
    ordinary,
    thing_named,
)
from samehand.normalise import name_key

NameKind = Literal["actor", "campaign", "malware", "tool"]
#: Most words of a name.
_MOST_WORDS = 4
#: Folded names up to this length are too often something else.
_SHORT = 3
_CHUNK = re.compile(r"\S+")
#: "PANDA-attributed" are two words.
_WORD = re.compile(r"[^\W_](?:(?:[\w+&’']|-(?![a-z]{3}))*[^\W_])?")
#: A run without blanks that is an address, a path or a file rather than prose.
_NO_PROSE = re.compile(
    r"://|\\|\w\[(?!\d{1,3}(?:\]|$))|@|^(?:Win|W|MSIL)(?:32|64)?/\w|^[/~.]\w|\w/[^\s/]*\.\w|\w\.\w{2,5}$|^%|_\w+_|="
)
_QUOTED = re.compile(
    r"[“\"]((?:[A-Z][\w-]{1,20}[ ]?){1,4}),?[”\"](?:,? (?=an?|the)|(?= [a-z])) ?"
    r"((?:(?:an?|the) (?:[\w-]{1,20} ){0,3})?[a-z]{3,12})"
)
#: Ends of coined names of malware, behind a small letter.
_SUFFIX = re.compile(
    r"(?<=[a-z])(?:Loader|RAT|Bot|Stealer|Locker|Ransom|Grabber|Dropper|Miner|Wiper|Worm|Banker)$"
)
_ODD = re.compile(r"(?<![\w./@\\-])\w{1,20}[@_.]\w{1,20}(?![\w@\\-]|/(?![A-Z]))")
#: Names of functions, and compounds of plain words.
_IDENTIFIER = re.compile(
    r"(?:Get|Set|Is|Has|On|on|Do|Create|Open|Read|Write|Find|Load|process|Process|Run|Add|sub_|e)[A-Z_\d]"
    r"|[A-Za-z]+-[A-Z]?[a-z]+$|non-|anti-|.*_x(?:64|86)"
)
_FOOTNOTE = re.compile(r"[1-9]\d?$")
#: What closes a word of prose.
_CLOSING = ".,;:!?)]}\"'”’»"
_SCHEME = re.compile(
    r"(?:APT-?C?-?\d{1,3}|UNC\d{3,4}|TA-?[1-9]\d{2,3}|FIN\d{1,2}|(?:DEV|Storm|UAC|TAG|TG|ATK|ITG|UTA|UAT|TEMP"
    r"|CTG|TGR|UTG)-?[A-Z]{0,2}-?\d{2,5}|Sector[A-Z]\d{2}|G\d{4}|CL-[A-Z]{3}-\d{4}|SIG\d{2}|APT-Q-\d{1,3})"
)


@dataclass(frozen=True, slots=True)
class _Words:
    heads: dict[str, NameKind]
    malware: frozenset[str]
    weak: frozenset[str]
    naming: frozenset[str]
    before_as: frozenset[str]
    no_names: frozenset[str]
    plain: frozenset[str]
    things: frozenset[str]
    sorts: frozenset[str]
    middle: frozenset[str]
    persons: frozenset[str]
    passed: frozenset[str]
    articles: frozenset[str]


@cache
def _words() -> _Words:
    rows = tomllib.loads(bundled("knowledge/data/prose.toml").decode())["names"]
    sets = {name: frozenset(words.split()) for name, words in rows.items()}
    kinds: tuple[NameKind, ...] = ("malware", "actor", "campaign", "tool")
    return _Words(
        {word: kind for kind in kinds for word in sets[kind]},
        sets["malware"],
        sets["weak"],
        sets["naming"],
        sets["as"],
        sets["no_names"],
        sets["plain"],
        sets["things"],
        sets["sorts"],
        sets["middle"],
        sets["persons"],
        sets["passed"] | {""},
        sets["articles"],
    )


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


class _Token(NamedTuple):
    start: int
    end: int
    text: str
    key: str
    joined: bool
    """Follows the token before it after one blank, line break or hyphen."""


@dataclass(frozen=True, slots=True)
class _Known:
    kinds: frozenset[NameKind]
    lower: bool
    """Some source writes it without a capital."""


@cache
def everyday() -> frozenset[str]:
    """Folded names that are also everyday words."""
    lines = bundled("knowledge/data/everyday_names.tsv").decode().splitlines()
    return _words().plain.union(line for line in lines[1:] if not line.startswith("#"))


@cache
def _gazetteer() -> tuple[dict[str, _Known], frozenset[str], dict[str, NameKind]]:
    """Folded name -> what it is; the first four characters of all of them; odd names.

    Odd names look like no word (admin@338, more_eggs); they are met as they are written.
    """
    odd: dict[str, NameKind] = {}
    from samehand.knowledge.namebook import graph
    from samehand.knowledge.software import families

    kinds: dict[str, set[NameKind]] = {}
    lower: set[str] = set()

    def add(name: str, kind: NameKind) -> None:
        key = name_key(name)
        words = name.lower().split()
        plain = all(w in _words().no_names or w.isdigit() for w in words)
        if len(key) < 2 or key.isdigit() or plain or len(words) > _MOST_WORDS:
            return
        kinds.setdefault(key, set()).add(kind)
        if name == name.lower():
            lower.add(key)
        if re.search(r"\w[@_.]\w", name) and " " not in name and not key.isdigit():
            odd.setdefault(name.lower(), kind)

    known = graph()
    for naming in known.namings:
        level = known.concept[naming.concept].level
        if level in ("group", "subgroup", "campaign", "umbrella"):
            add(naming.name, "campaign" if level == "campaign" else "actor")
            if level == "campaign" and not naming.name.lower().startswith("operation"):
                continue
    for family in families().values():
        if family.kind == "system":
            continue
        for name, _ in family.names:
            add(name, "tool" if family.kind in ("admin", "tool") else "malware")
    found = {key: _Known(frozenset(held), key in lower) for key, held in kinds.items()}
    starts = {key[:_PREFIX] for key in found}
    starts |= {key[3 : 3 + _PREFIX] for key in found if key.startswith("the")}
    return found, frozenset(starts), odd


_PREFIX = 4
#: What stands between the names of a list.
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


_key = lru_cache(maxsize=1 << 16)(name_key)


def _tokens(text: str) -> Iterator[_Token]:
    """Words of prose; addresses, paths and files are left out."""
    last = -10
    for chunk in _CHUNK.finditer(text):
        high = chunk.end()
        if _NO_PROSE.search(chunk[0].rstrip(_CLOSING)):
            high = text.find("](", chunk.start(), high)  # the words of a link in Markdown
            if high < 0:
                last = -10
                continue
        for word in _WORD.finditer(text, chunk.start(), high):
            start, end = word.span()
            written = word[0]
            if written.endswith(("'s", "’s")):
                written, end = written[:-2], end - 2
            between = text[last:start] if last >= 0 else "."
            joined = between in (" ", "\n", "-", "\u00a0", "\r\n")
            yield _Token(start, end, written, _key(written), joined)
            last = word.end() if end == word.end() else -10


def _capital(word: str) -> bool:
    return any(c.isupper() for c in word)


def _beside(tokens: list[_Token], first: int, last: int, strictly: bool = False) -> NameKind | None:
    """What the words beside a name say that it is; `None` if nothing.

    ``strictly``: beside an everyday word, where weak heads and those of a title do not count.
    """
    after = tokens[last + 1] if last + 1 < len(tokens) else None
    if after is not None and after.joined and after.text.lower() in _words().middle:
        after = tokens[last + 2] if last + 2 < len(tokens) else None
    if after is not None and after.joined and after.text.lower() in _words().heads:
        plain = after.text in ("APT", "Group") or not after.text[0].isupper()
        if not plain and first and tokens[first].joined and tokens[first - 1].text.islower():
            plain = after.text.lower() in _words().sorts  # "the Maze Ransomware", inside a sentence
        if not strictly or (plain and after.text not in _words().weak):
            return _words().heads[after.text.lower()]
    if first and tokens[first].joined and not (strictly and tokens[first - 1].text.istitle()):
        before = tokens[first - 1].text.lower()
        if before in _words().heads and before not in (
            "bot",
            "family",
            "variant",
            "variants",
            "payload",
        ):
            return _words().heads[before]
    return None


def _introduced(tokens: list[_Token], first: int, text: str) -> bool:
    """Whether the words before say that a name follows: "called X", "tracked as X", "(aka X"."""
    if not first:
        return False
    before = tokens[first - 1]
    gap = text[before.end : tokens[first].start]
    if len(gap) > 3 or any(c in gap for c in ".;!?,{"):
        return False
    word = before.text.lower()
    if word == "as":
        return first > 1 and tokens[first - 2].text.lower() in _words().before_as
    return word in _words().naming or word in ("a.k.a", "aka")


def _kind_of(known: _Known, hint: NameKind | None, written: str) -> NameKind:
    if written.lower().startswith("operation "):
        return "campaign"  # though catalogues name actors by them
    if hint in known.kinds:
        return hint
    order: tuple[NameKind, ...] = ("actor", "tool", "malware", "campaign")
    return next(kind for kind in order if kind in known.kinds)


def _listed_next(tokens: list[_Token], last: int, text: str) -> bool:
    """Whether a name that is no everyday word follows in a list."""
    if last + 1 >= len(tokens):
        return False
    after = tokens[last + 1]
    between = text[tokens[last].end : after.start].strip(" \n\u00a0")
    if between not in _LISTING or not _capital(after.text):
        return False
    table = _gazetteer()[0]
    return after.key in table and after.key not in everyday() and len(after.key) > _SHORT


def _listed(tokens: list[_Token], n: int, text: str, in_list: bool) -> tuple[int, NameFound] | None:
    """The longest name of the gazetteer that begins at a token, and its last token.

    ``in_list``: it stands in a list after another name.
    """
    table, prefixes, _ = _gazetteer()
    first = tokens[n]
    if first.key[:_PREFIX] not in prefixes and len(first.key) >= _PREFIX:
        return None
    last = n
    while last + 1 < len(tokens) and last - n < _MOST_WORDS - 1 and tokens[last + 1].joined:
        last += 1
    for end in range(last, n - 1, -1):
        words = tokens[n : end + 1]
        key = "".join(w.key for w in words)
        known = table.get(key)
        if known is None and end == n and first.text[0].isupper():
            key = _FOOTNOTE.sub("", key)
            known = table.get(key)
        begin = first.start
        if known is None and n and first.joined and tokens[n - 1].text == "the":
            # "the Dukes", where catalogues write "The Dukes"
            known = table.get("the" + key)
            begin = tokens[n - 1].start
            if known is None or "actor" not in known.kinds or _goes_on(tokens, end):
                continue
            key = "the" + key
        plain = [w.key in _words().no_names or w.key.isdigit() for w in words]
        if known is None or all(plain) or first.key in ("google", "microsoft"):
            continue  # products, not tools of theirs
        if key in _words().no_names or all(len(w.text) == 1 for w in words[:3]):
            continue  # the second: letters set wide apart
        if key in _words().plain and n != end and not _introduced(tokens, n, text):
            continue
        written = [w.text for w in words]
        hint = _beside(tokens, n, end)
        capitals = [_capital(w) for w in written]
        if len(words) > 1:
            hyphened = "-" in text[words[0].end : words[-1].start]
            if not (all(capitals) or (capitals[0] and (any(c.isdigit() for c in key) or hyphened))):
                continue
        else:
            alone = len(key) <= _SHORT or (key in everyday() and not _coined_like(written[0], key))
            if not capitals[0] and not (known.lower and not alone and len(key) > _SHORT):
                continue
            beside = _beside(tokens, n, end, strictly=True)
            if alone and not (capitals[0] and key not in _words().heads):
                continue
            told = not alone or beside in known.kinds
            if not told and not _goes_on(tokens, end):
                told = in_list or _introduced(tokens, n, text) or _listed_next(tokens, end, text)
            if not told and len(key) > _SHORT:
                told = linked(text, first.start, first.end, key, "actor" in known.kinds)
            if not told:
                continue
        if known.kinds.isdisjoint(("actor", "campaign")) and no_program(
            text, first.start, words[-1].end, key
        ):
            continue
        several = len(words) > 1 or begin < first.start
        name = text[begin : words[-1].end] if several else written[0]
        found = NameFound(
            " ".join(name.split()),
            _kind_of(known, hint, name),
            begin,
            words[-1].end,
            True,
        )
        return end, found
    return None


def _coined_like(word: str, key: str) -> bool:
    """Whether an everyday word is written as none is, with capitals inside (WhiteBear)."""
    inner = any(c.isupper() for c in word[1:]) and any(c.islower() for c in word[:-1])
    return inner and word[0].isupper() and not word[:-1].isupper() and key not in _words().plain


def _goes_on(tokens: list[_Token], last: int) -> bool:
    """Whether a capitalised word follows that says not what the name is ("Iron Dome")."""
    after = tokens[last + 1] if last + 1 < len(tokens) else None
    if after is None or not after.joined or not after.text[0].isupper():
        return False
    return after.text.lower() not in _words().heads


def _like_a_name(word: str) -> bool:
    """Whether a word is written as coined names are: inner capitals, all capitals, or digits."""
    if len(word) < 4 or word.lower() in _words().no_names or _IDENTIFIER.match(word):
        return False
    if "-as-a-" in word or (word[-1] == "s" and word[:-1].isupper()):
        return False  # "DLLs"
    inner = any(c.isupper() for c in word[1:]) and any(c.islower() for c in word)
    return inner or (word.isupper() and word.isalpha() and len(word) >= 5)


def _coined(tokens: list[_Token], n: int, text: str) -> tuple[int, NameFound] | None:
    """A name that the text itself introduces, and its last token."""
    token = tokens[n]
    word = token.text
    if not word[0].isupper() and not _like_a_name(word):
        return None
    if word.lower() in _words().no_names or len(word) < 4 or word.isdigit():
        return None
    hint = _beside(tokens, n, n)
    introduced = _introduced(tokens, n, text)
    if text[token.end : token.end + 1] == "." and text[token.end + 1 : token.end + 2].isalnum():
        return None
    if introduced or text[token.start - 1 : token.start] in ("“", '"'):
        before = [t.text.lower() for t in tokens[max(0, n - 8) : n]]
        if thing_named(before, _words().things, _words().heads):
            return None
    after = tokens[n + 1].text.lower() if n + 1 < len(tokens) and tokens[n + 1].joined else ""
    headed = after in _words().malware and after not in ("family", "payload", "variant", "variants")
    headed = headed and not tokens[n + 1].text.isupper()
    if headed and ((_like_a_name(word) and word[0].isupper()) or _announced_kind(tokens, n)):
        return n, NameFound(word, "malware", token.start, token.end, False)
    if after in _words().malware and _slip(token.key):
        return n, NameFound(word, "malware", token.start, token.end, False)
    tool = (
        hint == "tool"
        and after != "utility"
        and tokens[n - 1].text in _words().articles
        and _like_a_name(word)
    )
    if n and tool and (after == "port" or tokens[n + 1].text.islower()):
        return n, NameFound(word, "tool", token.start, token.end, False)
    if headed and introduced and tokens[n + 1].text[0].isupper() and token.key not in everyday():
        both = " ".join(text[token.start : tokens[n + 1].end].split())
        return n + 1, NameFound(both, "malware", token.start, tokens[n + 1].end, False)
    if _SUFFIX.search(word) and _like_a_name(word):
        return n, NameFound(word, "malware", token.start, token.end, False)
    if _like_a_name(word):
        said = _said_to_be(token, text)
        if said is not None:
            return n, NameFound(word, said, token.start, token.end, False)
    given = (
        introduced
        and not _goes_on(tokens, n)
        and not _IDENTIFIER.match(word)
        and (tokens[n - 1].text.lower() == "dubbed" or text[token.start - 1] in "“\"'")
    )
    if introduced and (_like_a_name(word) or (given and token.key not in everyday())):
        kind = hint or _named_kind(text[max(0, token.start - 70) : token.start])
        if kind is not None:
            return n, NameFound(word, kind, token.start, token.end, False)
    return None


_NO_NAME_ENDING = re.compile(
    r"(?:ians?|ean|ese|ish|ic|al|ed|ing|ive|able|able|less|ous|based|ware)$"
)


def _announced_kind(tokens: list[_Token], n: int) -> bool:
    """Whether a plain capitalised word stands between an article and a kind of malware."""
    word = tokens[n].text
    return (
        n > 0
        and tokens[n].joined
        and tokens[n - 1].text in _words().articles
        and tokens[n + 1].text.lower() in _words().sorts
        and word[1:].islower()
        and not _NO_NAME_ENDING.search(word)
        and tokens[n].key not in everyday()
    )


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


def _said_to_be(token: _Token, text: str) -> NameKind | None:
    """What the words behind a name say that it is, malware or a tool."""
    told = _TOLD.match(text, token.end, token.end + 80)
    if told is None:
        return None
    at = told.start(1)
    for word in told[1].split(" "):
        lower = word.lower()
        at += len(word)
        kind = _words().heads.get(lower)
        plain = kind not in ("malware", "tool") or lower in ("framework", "kit", "utility")
        if not plain and _ENDS.match(text, at):
            return kind
        if lower in _LEADS_ON:
            return None
        at += 1
    return None


def _odd(text: str) -> Iterator[NameFound]:
    """Names that look like no word."""
    odd = _gazetteer()[2]
    for chunk in _ODD.finditer(text):
        written = chunk[0].rstrip(".")
        kind = odd.get(written.lower())
        if kind is not None:
            yield NameFound(written, kind, chunk.start(), chunk.start() + len(written), True)


@cache
def _brought() -> frozenset[str]:
    """Folded names of public tools that an intruder brings along, by more than one catalogue."""
    from samehand.knowledge.software import families

    tools = (f for f in families().values() if f.kind in ("admin", "tool"))
    many = (f for f in tools if "public_tools" in f.sources or len(f.sources) > 1)
    return frozenset(name_key(name) for f in many for name, _ in f.names) - everyday() - ordinary()


_STEM = re.compile(r"(?<![\w\\/.%$~|-])[A-Za-z][\w-]{4,20}$")


def _run(text: str) -> Iterator[NameFound]:
    """Tools of intruders that are named by their file alone, as in "adfind.exe"."""
    at = text.find(".exe")
    while at >= 0:
        before = _STEM.search(text[max(0, at - 24) : at])
        ends = not text[at + 4 : at + 5].strip(_CLOSING + " \n")
        if before and ends and _key(before[0]) in _brought():
            yield NameFound(before[0], "tool", at - len(before[0]), at, True)
        at = text.find(".exe", at + 4)


def _quoted(text: str) -> Iterator[NameFound]:
    """Names in quotes with what they are behind them, as in “Night Heron,” a group of spies."""
    for match in _QUOTED.finditer(text):
        if thing_named(
            text[max(0, match.start() - 70) : match.start()].lower().split(),
            _words().things,
            _words().heads,
        ):
            continue
        head = next(
            (_words().heads[w] for w in match[2].lower().split() if w in _words().heads), None
        )
        words = match[1].split()
        if head == "actor" and match[2].islower() and " " not in match[2]:
            continue  # a group of users of a system: the “Domain Admins” group
        if head and not all(name_key(w) in _words().no_names for w in words):
            yield NameFound(" ".join(words), head, match.start(1), match.end(1), False)


def _fitness(written: str, kind: str | None) -> Fit:
    """Whether what stands in a list of names can be one, and whether it is written as names are."""
    words = written.split()
    key = name_key(written)
    known = _gazetteer()[0].get(key)
    if (
        len(key) < 4
        or words[0].lower() in _words().no_names
        or words[-1].lower() in _words().heads
        or (key in everyday() and (known is None or kind not in known.kinds))
        or _IDENTIFIER.match(written)
    ):
        return "no"
    if kind in ("malware", "tool") and (known is not None or _slip(key)):
        return "coined"
    return "coined" if len(words) == 1 and _like_a_name(written) else "plain"


def _named_kind(before: str, right_before: bool = False) -> NameKind | None:
    """What the nearest head before a naming word says that the name is of; no file or function.

    ``right_before``: only if nothing stands between the head and the naming word.
    """
    words = re.split(r"[.!?:]\s", before)[-1].lower().split()[-8:]
    if not _words().persons.isdisjoint(words):
        return None
    for word in reversed(words):
        bare = word.strip(_CLOSING + "“‘(,")
        if bare in _words().passed:
            continue
        if bare in _words().heads:
            return _words().heads[bare]
        if right_before or thing_named((bare,), _words().things, ()):
            return None
    return None


@lru_cache(maxsize=4096)
def _slip(key: str) -> bool:
    """Whether a word is a misspelt name of malware or a tool."""
    table = _gazetteer()[0]
    if key in table or key in everyday() or key in _words().no_names:
        return False
    meant = misspelt(key, table)
    return meant is not None and not table[meant].kinds.isdisjoint(("malware", "tool"))


def find_names(text: str) -> list[NameFound]:
    """All mentions of names, sorted by place; none overlaps another."""
    tokens = list(_tokens(text))
    found: list[NameFound] = []
    coined: dict[str, NameKind] = {}
    n = 0
    table = _gazetteer()[0]
    while n < len(tokens):
        token = tokens[n]
        step = None
        if token.text.islower() and not ((known := table.get(token.key)) and known.lower):
            n += 1  # nothing that is written in small letters begins here
            continue
        if token.key[:1].isalnum():
            if _SCHEME.fullmatch(token.text):
                step = n, NameFound(token.text, "actor", token.start, token.end, False)
            between = text[found[-1].end : token.start] if found else "."
            listed = _listed(tokens, n, text, between.strip(" \n\u00a0") in _LISTING)
            step = listed or step or _operation(tokens, n, text) or _coined(tokens, n, text)
        if step is None:
            n += 1
            continue
        last, name = step
        if not name.known and name.kind in ("malware", "tool", "campaign"):
            coined[name.name] = name.kind
        found.append(name)
        n = last + 1
    found += _odd(text)
    found += _run(text)
    spans = [(f.start, f.end) for f in found]
    found += [q for q in _quoted(text) if not any(s < q.end and q.start < e for s, e in spans)]
    found = sorted(found, key=lambda f: f.start)
    fresh = beside_names(text, [(f.start, f.end, f.kind) for f in found], _fitness, _named_kind)
    for start, end, kind in fresh:
        found.append(NameFound(" ".join(text[start:end].split()), kind, start, end, False))
    if coined:
        taken = {at for f in found for at in range(f.start, f.end)}
        found += [
            NameFound(t.text, coined[t.text], t.start, t.end, False)
            for t in tokens
            if t.text in coined and t.start not in taken
        ]
    return sorted(found, key=lambda f: f.start)


#: "Security Operation Center" is no campaign.
_ROOMS = frozenset(("center", "centers", "centre", "centres", "system", "systems"))


def _operation(tokens: list[_Token], n: int, text: str) -> tuple[int, NameFound] | None:
    """'Operation X', X one to three capitalised words."""
    if tokens[n].text not in ("Operation", "OPERATION"):
        return None
    last = n
    while (
        last < n + 3
        and last + 1 < len(tokens)
        and tokens[last + 1].joined
        and tokens[last + 1].text[0].isupper()
        and tokens[last + 1].text.lower() not in _words().heads
    ):
        last += 1
    if tokens[last].text.lower() == "c2":
        last -= 1
    if last == n or tokens[n + 1].text.lower() in _ROOMS:
        return None
    if all(t.text.lower() in _words().no_names for t in tokens[n + 1 : last + 1]):
        return None
    written = " ".join(text[tokens[n].start : tokens[last].end].split())
    return last, NameFound(written, "campaign", tokens[n].start, tokens[last].end, False)
