"""Comparisons told in prose as reported comparisons: which reports, in what, how many items.

A sentence counts when the publisher itself compares ("four of the domains overlap with those of the
X report"), says in what, and names publishers whose pages the document cites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from samehand.extract.prose import Prose
from samehand.knowledge.providers import labels_below_suffix
from samehand.model import Facet
from samehand.normalise import canonical, host_of

#: What is said to be shared -> the facet that it is evidence of.
_SHARED: tuple[tuple[Facet, re.Pattern[str]], ...] = tuple(
    (facet, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))  # type: ignore[misc]  # facets by name
    for facet, words in (
        (
            "infrastructure",
            r"domains?|ip addresses|ips?|addresses|infrastructure|c2|c&c|command[- ]and[- ]control"
            r"|servers?|indicators?|iocs?|hosting|certificates?",
        ),
        (
            "malware",
            r"samples?|malware|payloads?|backdoors?|implants?|tool(?:set|kit)?s?|hash(?:es)?",
        ),
        ("code", r"code|functions?|algorithms?|source|macros?|strings?"),
        ("delivery", r"lures?|phishing|decoys?|e-?mails?"),
        ("behaviour", r"techniques?|ttps?|tactics|procedures|behaviou?rs?|modus operandi|methods?"),
        ("victimology", r"targets?|targeting|victims?|victimology|sectors?"),
    )
)
_SAME = re.compile(
    r"\b(?:same|shar(?:e|es|ed|ing)|overlap\w*|match(?:es|ed|ing)?|identical|common|align\w*"
    r"|correspond\w*|similar\w*|reus\w*|also (?:found|listed|appear\w*|mentioned|reported))\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:same|one|single) (?:\w+ )?(?:campaign|activity|operation|attack|intrusion|actor)s?\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:we|our|us|this (?:report|campaign|activity|attack)|observed here)\b", re.I)
_WRITTEN = "two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_WRITTEN.split(" "), 2)}
_COUNT = re.compile(
    rf"\b(\d{{1,4}}|{'|'.join(_NUMBERS)}) (?:of the |of its )?(?:[\w-]+ ){{0,3}}"
    r"(?:indicators|iocs|domains|ips|addresses|hashes|samples|files|servers|urls)\b",
    re.IGNORECASE,
)
#: Letters that a word shares with the beginning of a longer host label ("Talos").
_FEWEST_LETTERS = 5
_WORDS = re.compile(r"[A-Z][\w'&-]*(?: [A-Z0-9][\w'&-]*){0,2}")
_GENERIC = frozenset(("blog", "blogs", "research", "labs", "news", "threat", "security", "report"))


def _labels(address: str) -> set[str]:
    """The labels of a cited page's host that may name its publisher."""
    try:
        host = host_of(canonical("url", address))
    except ValueError:
        return set()
    parts = {re.sub(r"\W", "", part) for part in labels_below_suffix(host)}
    return {p for p in parts if len(p) > 2} - _GENERIC - {"www"}


def _named(sentence: str, labels: set[str]) -> bool:
    """Whether a sentence names the publisher of a page."""
    for match in _WORDS.finditer(sentence):
        words = match[0].split(" ")
        for first in range(len(words)):
            for last in range(first + 1, len(words) + 1):
                folded = re.sub(r"\W", "", "".join(words[first:last])).lower()
                if folded in labels:
                    return True
                long = len(folded) >= _FEWEST_LETTERS and folded not in _GENERIC
                if long and any(label.startswith(folded) for label in labels):
                    return True
    return False


def comparisons_of(
    prose: Prose, text: str, cites: Sequence[str], own: str
) -> Iterator[dict[str, Any]]:
    """Reported comparisons as a record lists them; ``own`` is the id of the report itself.

    The report itself is one of those compared where the publisher speaks of its own findings, or
    where one other is named.
    """
    labels = {cite: _labels(cite) for cite in cites}
    seen: set[tuple[str, ...]] = set()
    for claim in prose.claims:
        if claim.relation not in ("comparison", "overlap") or not claim.first_hand:
            continue
        sentence = " ".join(text[claim.start : claim.end].split())
        whole = bool(_WHOLE.search(sentence))
        facets = [facet for facet, words in _SHARED if words.search(sentence)]
        if not (whole or (facets and _SAME.search(sentence))):
            continue
        named = [cite for cite, known in labels.items() if _named(sentence, known)]
        if not named:
            continue
        if len(named) == 1 or _OWN.search(sentence):
            named.append(own)
        key = tuple(sorted(named))
        if key in seen:
            continue
        seen.add(key)
        count = _COUNT.search(sentence)
        written = count[1].lower() if count else ""
        yield {
            "relation": "reported-comparison",
            "about": claim.about,
            "reports": named,
            "facets": facets,
            "count": (_NUMBERS.get(written) or int(written)) if written else None,
            "words": claim.level if claim.level != "none" else "",
            "first_hand": True,
            "source": f"characters {claim.start}-{claim.end}",
            "start": claim.start,
            "end": claim.end,
        }
