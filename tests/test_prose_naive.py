"""The fast readers of prose against slow ones that do the same one step at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.extract import dates, words
from samehand.extract.gazetteer import gazetteer
from samehand.extract.sentences import sentences
from samehand.extract.technique_rows import tokens
from samehand.extract.techniques import MOST_PER_SENTENCE, find_techniques, model, root_of
from samehand.extract.words import Words
from samehand.normalise import name_key

PIECES = [
    "APT28", "Lazarus Group", "more_eggs", "admin@338", "a@b", "temp.hermit", "PANDA-attributed",
    "DustyLamp’s", "Wekby's", "malware", "called", "x.exe", "C:\\a", "https://a.b/c", "-", "—", "…",
    "(aka", "“Night", "e.g.", "²", "é", "字", "ǅ", "İ", "_x_", "AT&T", "'s", "a-b-c", "[x]", ",", "[Emotet](https://a.b)",
    "more_eggs/TerraLoader", "PlugX[2]", "Win32/Zbot",
    " ", " ", " ", "\n", "\r\n", "\u00a0", "\u3000", "\ud800", "  ", ".", ")", "2016", "T1059",
    "\x1c", "runs PowerShell", "takes screenshots of the desktop", "is a new backdoor",
    "T1003.001", "Emotet", "\x01",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)


def slow_words(text: str) -> Iterator[tuple[int, int, str, str, bool]]:
    """First character, one past the last, text, key, and whether it is joined to the one before."""
    last = -1
    for chunk in re.finditer(r"\S+", text):
        high = chunk.end()
        if words._NO_PROSE.search(chunk[0].rstrip(words._CLOSING)):
            high = text.find("](", chunk.start(), high)  # the words of a link in Markdown
            if high < 0:
                last = -1
                continue
        for word in words._WORD.finditer(text, chunk.start(), high):
            start, end = word.span()
            written = word[0]
            if written.endswith(("'s", "’s")):
                written, end = written[:-2], end - 2
            between = text[last:start] if last >= 0 else "."
            joined = between in (" ", "\n", "-", "\u00a0", "\r\n")
            yield start, end, written, name_key(written), joined
            last = word.end() if end == word.end() else -1


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_words_are_those_of_one_pass(text: str) -> None:
    found = Words(text)
    columns = [
        (found.start(n), found.end(n), found[n].text, found[n].key, found.joined(n))
        for n in range(len(found))
    ]
    assert columns == list(slow_words(text))
    odd = [
        (match.start(), match[0])
        for match in words._ODD.finditer(text)
        if match[0].lower() in gazetteer().odd
    ]
    assert [(at, written) for at, written, _ in found.odd] == odd


DATED = st.lists(
    st.sampled_from(
        ["2019", "19", "20", "in ", "since ", "march", "may", "sept.", "september", " 12", "31st",
         "1st of ", ", ", " ", "-", "–", "mid-", "early ", "first half of ", "q3 ", "h1,", "x",
         "second quarter of, ", "2019-05-17", "2020/1/2", "17.05.2019", "janov", "decent", "\n",
         " and ", "  ", "the year"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(DATED, st.integers(0, 40), st.integers(0, 40))
def test_dates_are_those_of_one_pass(lower: str, start: int, less: int) -> None:
    end = max(start, len(lower) - less)
    slow = (dates._parsed(lower, m) for m in dates._DATE.finditer(lower, start, end))
    assert dates._dates(lower, dates._marked(lower), start, end) == [d for d in slow if d]
    cut = dates._marked(lower[:end])
    assert dates._dates(lower, cut, start, end) == dates._dates(
        lower, dates._marked(lower), start, end
    )


#: Words that a sentence may consist of: known ones in small letters.
TECHNICAL = st.sampled_from(sorted(w for w in model().words if w.isascii() and w.isalpha()))


def slow_techniques(sentence: str) -> dict[str, float]:
    """The probability of each whole technique, one word at a time."""
    known = model()
    rows = [known.words[t] for chunk in sentence.split() for t in tokens(chunk) if t in known.words]
    pairs = dict(zip(known.pairs.tolist(), range(len(known.words), len(known.rows)), strict=True))
    neighbours = [(l << 20) + r for l, r in pairwise(rows)]
    held = {*rows, *(pairs[key] for key in neighbours if key in pairs)}
    length = np.sqrt(sum(float(known.mass[r]) for r in held)) or 1.0
    summed = sum((known.rows[r].astype(float) for r in held), np.zeros(known.rows.shape[1]))
    logits = summed / length @ known.head.astype(float) + known.bias
    fine = len(known.labels)
    own, whole = (np.exp(x - x.max()) for x in (logits[:fine], logits[fine:-1]))
    own, whole = own / own.sum(), whole / whole.sum()
    gate = 1.0 / (1.0 + np.exp(-logits[-1]))
    at = {root: n for n, root in enumerate(known.roots)}
    sums = dict.fromkeys(known.roots, 0.0)
    for label, p in zip(known.labels, own, strict=True):
        sums[root_of(label)] += p
    return {root: float(gate * (sums[root] + whole[n]) / 2) for root, n in at.items()}


@settings(max_examples=50, deadline=None)
@given(st.lists(TECHNICAL, min_size=1, max_size=20))
def test_techniques_are_those_of_sentence_by_sentence(pieces: list[str]) -> None:
    lines = [" ".join(pieces), "it " + " ".join(reversed(pieces)), "The macro runs PowerShell."]
    text = "\n\n".join(lines)
    found = find_techniques(text)
    for (start, end), line in zip(sentences(text), lines, strict=True):
        slow = slow_techniques(line)
        fast = {root_of(t.technique) for t in found if (t.start, t.end) == (start, end)}
        low = model().sentence_threshold / 2
        sure = {root for root, p in slow.items() if p >= low + 1e-4}
        assert sure <= fast or len(fast) == MOST_PER_SENTENCE
        assert fast <= {root for root, p in slow.items() if p >= low - 1e-4}
        for t in found:
            if (t.start, t.end) == (start, end) and "." not in t.technique:
                assert abs(t.probability - slow[t.technique]) < 1e-4


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_accepted_techniques_are_those_of_all_that_are(text: str) -> None:
    text = text + " runs PowerShell. Takes screenshots. It runs a script at logon."
    every = [t for t in find_techniques(text) if t.accepted or t.explicit]
    assert find_techniques(text, accepted=True) == every
    assert {(t.start, t.end) for t in every} <= set(sentences(text))
