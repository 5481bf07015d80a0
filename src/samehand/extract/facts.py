"""Victims, dates, money and motives that the text of a report states.

Every fact is read from one sentence; nothing is added up over sentences and nothing is looked up.
Menus, teasers of other reports and bibliographies are left out.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

import ahocorasick_rs as ahocorasick

from samehand.config import bundled
from samehand.extract.dates import published as published_date
from samehand.extract.dates import windows
from samehand.extract.organisations import organisations
from samehand.extract.sentences import sentences
from samehand.extract.victims import holding, lowered, victims
from samehand.model import Fact

#: Fewest lines without a full stop, one after the other, that make a menu and no prose.
_MENU_LINES = 4
#: Fewest words a line of it has on average; a list of countries has fewer.
_MENU_WORDS = 4.5
#: In characters.
_LONGEST_MENU_LINE = 160
_STOPS = '.!?:;,…"”)]'
#: An entry of a bibliography.
_CITATION = re.compile(
    r"\s*\[?\d{1,3}\]?[.:]?\s[^\n]*?(?:https?:|hxxps?:|accessed |retrieved |,[”\"]\s)"
)
#: The date that a teaser of another report begins with.
_TEASER = re.compile(
    r"(?:[•*-] )?((?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}, (?:19|20)\d\d)"
    r"\s?[-–—|•:]"
)
#: The end of a teaser, whose two sentences stand before it.
_READ_MORE = re.compile(r"(?:…|\.\.\.)\s{0,3}(?:read more|continue reading|more »)")
_READ_MORE_WORDS = ("read more", "continue reading", "more »")
#: What a form below a page says, behind which teasers follow.
_FORM = re.compile(r"\byou agree to (?:receive|our|the)\b|\bunsubscribe at any time\b")
_FORM_WORDS = ("you agree to", "unsubscribe at any time")

_UNITS = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "mm": 6, "million": 6, "mil": 6, "b": 9, "bn": 9,
          "billion": 9, "trillion": 12}  # fmt: skip
_SIGNS = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW", "₹": "INR", "₽": "RUB",
    "us$": "USD", "u.s. $": "USD", "a$": "AUD", "c$": "CAD", "nt$": "TWD", "hk$": "HKD",
}  # fmt: skip
#: Left out: names that are also everyday words (won, real, dash, peso).
_NAMES = {
    "us dollar": "USD", "u.s. dollar": "USD", "american dollar": "USD", "dollar": "USD",
    "euro": "EUR", "pound": "GBP", "british pound": "GBP", "yen": "JPY", "japanese yen": "JPY",
    "south korean won": "KRW", "korean won": "KRW", "rupee": "INR", "indian rupee": "INR",
    "ruble": "RUB", "rouble": "RUB", "russian ruble": "RUB", "yuan": "CNY", "rmb": "CNY",
    "bitcoin": "BTC", "ether": "ETH", "ethereum": "ETH", "monero": "XMR", "litecoin": "LTC",
    "swiss franc": "CHF", "baht": "THB", "zcash": "ZEC", "taka": "BDT", "hryvnia": "UAH",
    "reais": "BRL",
}  # fmt: skip
_CODES = (
    "usd|eur|gbp|jpy|krw|inr|rub|cny|chf|aud|cad|twd|hkd|sgd|brl|mxn|uah|thb|pln|sek|nok|dkk"
    "|btc|xbt|eth|xmr|ltc|bch|zec|usdt|xrp"
)
_FIGURE = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,8})?|[0-9]{1,12}(?:\.[0-9]{1,8})?)(?![.,]?[0-9])"
)
_UNIT = r"(?:\s?[-–]?(?:thousand|million|billion|trillion|mil|bn|mn|mm|k|m|b)\b)?"
_MONEY = re.compile(
    rf"(?P<sign>u\.s\. \$|us\$|a\$|c\$|nt\$|hk\$|[$€£¥₩₹₽])\s?(?P<a>{_FIGURE})(?P<ua>{_UNIT})"
    rf"|(?<![\w.,])(?P<front>{_CODES})\s?(?P<b>{_FIGURE})(?P<ub>{_UNIT})"
    rf"|(?<![\w.,:/-])(?P<c>{_FIGURE})(?P<uc>{_UNIT})\s"
    rf"(?P<name>{_CODES}|{'|'.join(sorted(_NAMES, key=len, reverse=True))})s?\b"
    rf"|(?<![\w.,:/-])(?P<d>{_FIGURE})(?P<ud>{_UNIT})\s?(?P<after>[€£₩$])"
)
#: What is read on either side of an amount, in characters.
_BESIDE = 140
#: Nearer than this, words for prices and the like take an amount away.
_NEAR = 45

#: What follows an amount that says how large somebody is.
_SIZE = re.compile(r"[- ](?:company|firm|business|industry|market|giant|deal|contract|fund)\b")
_PRICE = re.compile(r"\bpric(?:e|ed|es|ing)\b")
_DENIED = re.compile(
    r"\b(?:not|no|rather than|unlikely|instead of|without|never|neither)\b[^,;.]{0,30}$"
)


def find_facts(text: str, published: str = "") -> list[Fact]:
    """The facts of a text, ordered by place; one, the first mention, for each kind and value.

    ``published`` (YYYY-MM-DD, or '' if unknown) gives dates without a year theirs and tells teasers
    of later reports. Amounts that contradict each other are all kept.
    """
    text = text.replace("\u00a0", " ")
    lower = lowered(text)
    stated = published_date(lower, published)
    known = published or (stated.value if stated else "")
    spans = prose_only(lower, sentences(text), known)
    found: list[Fact] = []
    if stated:
        found.append(Fact("published", stated.value, stated.start, stated.end))
    found += (Fact(p.what, p.value, p.start, p.end) for p in victims(text, lower, spans))
    found += (Fact("organisation", text[s:e], s, e) for s, e in organisations(text, lower, spans))
    found += (Fact("window", w.value, w.start, w.end) for w in windows(lower, spans, known, stated))
    found += _money(lower, spans)
    found += _motives(lower, spans)
    found.sort(key=lambda fact: (fact.start, fact.end, fact.what))
    first: dict[tuple[str, str], Fact] = {}
    named: list[str] = []
    for fact in found:
        if fact.what == "organisation":
            if any(_same_name(fact.value, name) for name in named):
                continue
            named.append(fact.value)
        first.setdefault((fact.what, fact.value), fact)
    return list(first.values())


def _same_name(l: str, r: str) -> bool:
    """Whether one name is the other, shortened by its last words or to its initials."""
    if l.isupper() or r.isupper():
        return l == r or l == _initials(r) or r == _initials(l)
    return (l + " ").startswith(r + " ") or (r + " ").startswith(l + " ")


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split() if word[0].isupper())


@lru_cache(maxsize=1)  # claims and facts of a text are read one after the other
def prose_only(
    lower: str, spans: tuple[tuple[int, int], ...], known: str
) -> tuple[tuple[int, int], ...]:
    """The sentences without those of menus, teasers of later reports and bibliographies."""
    kept: list[tuple[int, int]] = []
    menu: list[tuple[int, int]] = []
    led = False
    other_until = -1
    tail = _teasers_from(lower, spans)
    for start, end in spans:
        if start >= tail:
            break
        if start < other_until:
            continue
        if not led and _is_title(lower, start, end):
            menu.append((start, end))
            continue
        if menu:
            kept += _unless_menu(lower, menu)
            menu = []
        led = lower[end - 1] == ":" or (
            led and end - start < _LONGEST_MENU_LINE and lower[end - 1] not in ".!?"
        )
        if _is_other(lower, start, known):
            line = lower.find("\n", end)
            other_until = line if line >= 0 else len(lower)
            continue
        if (lower[start] == "[" or lower[start].isdigit()) and _CITATION.match(lower[start:end]):
            continue
        kept.append((start, end))
    return (*kept, *_unless_menu(lower, menu))


def _teasers_from(lower: str, spans: Sequence[tuple[int, int]]) -> int:
    """Where the teasers of other pages begin at the end of a text; its length if there are none."""
    more = _searched(_READ_MORE, _READ_MORE_WORDS, lower, len(lower) // 2)
    form = _searched(_FORM, _FORM_WORDS, lower, len(lower) // 2)
    tail = form.start() if form else len(lower)
    if more is None or not spans:
        return tail
    number = max(0, bisect_right(spans, (more.start(), len(lower))) - 1)
    return min(tail, spans[max(0, number - 2)][0])


def _searched(
    pattern: re.Pattern[str], words: Sequence[str], lower: str, start: int
) -> re.Match[str] | None:
    """The first match behind a place; every match holds one of the words, which are soon found."""
    if all(lower.find(word, start) < 0 for word in words):
        return None
    return pattern.search(lower, start)


def _is_title(lower: str, start: int, end: int) -> bool:
    """Whether a sentence is a line of its own without a stop at its end."""
    return (
        end - start < _LONGEST_MENU_LINE
        and lower[end - 1] not in _STOPS
        and (start == 0 or "\n" in lower[max(0, start - 3) : start])
        and (end == len(lower) or "\n" in lower[end : end + 3])
        and lower[start] not in "-•*|–"
    )


def _unless_menu(lower: str, lines: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines, or none if they are so many and so long that they are titles of other pages."""
    words = sum(lower.count(" ", start, end) + 1 for start, end in lines)
    menu = len(lines) >= _MENU_LINES and words >= _MENU_WORDS * len(lines)
    return [] if menu else list(lines)


def _is_other(lower: str, start: int, known: str) -> bool:
    """Whether a paragraph begins with a date after the report's own: the teaser of another."""
    found = _TEASER.match(lower, start) if known else None
    if found is None:
        return False
    month, day, year = found[1].replace(",", "").split()
    number = [
        "jan",
        "feb",
        "mar",
        "apr",
        "may",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
    ].index(month[:3]) + 1
    written = f"{year}-{number:02}-{int(day):02}"
    try:
        return written > (date.fromisoformat(known[:10]) + timedelta(days=1)).isoformat()
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Words:
    taken: re.Pattern[str]
    other: re.Pattern[str]
    total: re.Pattern[str]
    single: re.Pattern[str]
    ransom: re.Pattern[str]
    motive: re.Pattern[str]
    motives: tuple[str, ...]
    """What the groups of `motive` stand for."""


@cache
def _words() -> _Words:
    raw = tomllib.loads(bundled("knowledge/data/facts.toml").decode())
    taken, other, total, single, ransom = (
        re.compile(rf"\b(?:{'|'.join(raw['money'][name])})")
        for name in ("taken", "other", "total", "single", "ransom")
    )
    motives = "|".join(f"({'|'.join(rows)})" for rows in raw["motives"].values())
    motive = re.compile(rf"\b(?:{motives})")
    return _Words(taken, other, total, single, ransom, motive, tuple(raw["motives"]))


@cache
def _coins() -> ahocorasick.AhoCorasick:
    """Finds what every amount of money holds."""
    words = [word.split()[-1] for word in _NAMES]
    return ahocorasick.AhoCorasick(sorted({*words, *_CODES.split("|"), *"$€£¥₩₹₽"}))


def _money(lower: str, spans: Sequence[tuple[int, int]]) -> Iterator[Fact]:
    """Amounts that were stolen, demanded or lost."""
    words = _words()
    for start, end in holding(_coins(), lower, spans):
        for match in _MONEY.finditer(lower, start, end):
            left = lower[max(start, match.start() - _BESIDE) : match.start()]
            right = lower[match.end() : min(end, match.end() + _BESIDE)]
            if words.other.search(left[-_NEAR:]) or words.other.search(right[:_NEAR]):
                continue
            if _SIZE.match(lower, match.end()):
                continue
            priced = _PRICE.search(left[-_NEAR:]) or _PRICE.search(right[:_NEAR])
            if priced and not (words.ransom.search(left) or words.ransom.search(right)):
                continue
            amount = _amount(match)
            if amount and (words.taken.search(left) or words.taken.search(right)):
                about = left + " " + right
                note = "single" if words.single.search(about) else ""
                note = "total" if words.total.search(about) else note
                yield Fact("money", amount, match.start(), match.end(), note)


def _amount(match: re.Match[str]) -> str:
    """The amount and currency of a match, such as '81000000 USD'; '' for nothing."""
    figure = next(filter(None, (match[name] for name in "abcd"))).replace(",", "")
    unit = next((match["u" + name] for name in "abcd" if match["u" + name]), "").strip("- \n–")
    if match["sign"]:
        currency = _SIGNS[match["sign"]]
    elif match["after"]:
        currency = _SIGNS[match["after"]]
    else:
        word = match["front"] or match["name"]
        currency = _NAMES.get(word, word.upper())
    whole, _, part = figure.partition(".")
    places = _UNITS.get(unit, 0)
    digits = (whole + part[:places].ljust(places, "0")).lstrip("0") or "0"
    part = part[places:].rstrip("0")
    if digits == "0" and not part:
        return ""
    return f"{digits}{'.' + part if part else ''} {'BTC' if currency == 'XBT' else currency}"


@cache
def _stems() -> ahocorasick.AhoCorasick:
    """Finds what every statement of a motive holds."""
    stems = (
        "motiv gain profit money revenue income funds espionage intelligence spying steal sabotag"
    )
    return ahocorasick.AhoCorasick([*stems.split(), "destructive", "disruptive", "hacktivis"])


def _motives(lower: str, spans: Sequence[tuple[int, int]]) -> Iterator[Fact]:
    """Statements of what the activity was for."""
    for start, end in holding(_stems(), lower, spans):
        for match in _words().motive.finditer(lower, start, end):
            if not _DENIED.search(lower[max(start, match.start() - _BESIDE) : match.start()]):
                motive = _words().motives[(match.lastindex or 1) - 1]
                yield Fact("motive", motive, match.start(), match.end())
