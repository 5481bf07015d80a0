"""The fast readers of prose against slow ones that do the same one step at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.extract import claim_model, claim_words, claims, dates, words
from samehand.extract.claim_cues import SIGNS, Signs, cues, search
from samehand.extract.gazetteer import gazetteer
from samehand.extract.names import find_names
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


CLAIMING = st.lists(
    st.sampled_from(
        ["APT28", "Lazarus Group", "PlugX", "the malware ", "Emotet's", "aka ", "also known as ",
         "we attribute ", "this to ", "North Korean ", "south korea", "NorthKorea.com/x",
         "Russian ", "shares code with ", "overlaps with ", "similar to ", "the same group ",
         "these two attacks ", "report by ", "the earlier report ", "This report ",
         "seen in the wild ", "no evidence ", "links ", "linked to ", "unable to ", "behind ",
         "is responsible ", "used by ", "campaign ", "could not be ", "likely ",
         "with low confidence ", "according to ", "according to our ", "Kaspersky ",
         "FireEye reported ", "attributed ", "samples ", "servers ", "may ", "2019",
         "evil[.]com ", "https://a.b/these groups", "deadbeefdeadbeef", "a-deadbeefdeadbeef-prc ",
         "pakistan_2019", "congruent ", "previously attributed ", "but now ", "a known group ",
         "é", "“", "(", ") ", ", ", "; ", " ", " ", "\u00a0", "\t", ". ", ".\n", ".\n\n", ": "]
    ),
    max_size=60,
).map("".join)  # fmt: skip
_VALUE = re.compile(r"\S*(?:://|\\|\[\.|@|\w\.\w{2,4}\b(?:/|\b))\S*|\b[0-9a-fA-F]{16,}\b")


def slow_tokens(sentence: claim_words.Sentence) -> list[str]:
    """The words of a sentence, one kind of them after the other."""
    hidden = sentence.text
    for name in reversed(sentence.names):
        kind = f" \x01{claim_words.SHORT[name.kind]}\x02 "
        hidden = hidden[: name.start] + kind + hidden[name.end :]
    hidden = _VALUE.sub(" \x01va\x02 ", hidden)
    hidden = claim_words._STATE.sub(" \x01st\x02 ", hidden)
    return [claim_words._stem(word) for word in claim_words._TOKEN.findall(hidden)]


def weighed(features: dict[str, float]) -> np.ndarray:
    """What features add to the log-odds, one by one."""
    model = claim_model.model()
    zero = np.zeros(len(model.relations))
    known = [(model.rows[f], value) for f, value in features.items() if f in model.rows]
    return sum((model.weights[row].astype(float) * value for row, value in known), zero)


def slow_claims(told: list[claim_words.Sentence]) -> list[tuple[int, str]]:
    """Place and relation of the claims, with all cues and rules of every sentence."""
    model, found = claim_model.model(), []
    for sentence in told:
        odds = model.bias + weighed(claim_words.word_features(sentence))
        if odds.max() < model.rough:
            continue
        features = claims.cue_features(sentence)
        if "r:withdrawal" in features:
            found.append((sentence.start, "withdrawal"))
        odds += weighed(dict.fromkeys(features, 1.0))
        made = zip(model.relations, odds >= model.thresholds, strict=True)
        found += [(sentence.start, relation) for relation, yes in made if yes]
    return found


@settings(max_examples=200, deadline=None)
@given(CLAIMING)
def test_claims_are_those_of_sentence_by_sentence(text: str) -> None:
    names = find_names(text)
    told = claims.prose(text, names)
    for sentence in told:
        assert claim_words.tokens(sentence.text, sentence.names) == slow_tokens(sentence)
    if told:
        slow = [claim_model.model().bias + weighed(claim_words.word_features(s)) for s in told]
        np.testing.assert_allclose(claim_model.word_odds(told), slow, atol=1e-5)
    assert [(c.start, c.relation) for c in claims.find_claims(text, names)] == slow_claims(told)


@settings(max_examples=200, deadline=None)
@given(CLAIMING)
def test_signs_are_the_cues_that_match(text: str) -> None:
    line = text.replace("\n", " ")
    slow = {}
    for cue in SIGNS:
        for match in cues()[cue].finditer(line):
            wild = line[match.end() :].startswith(" the wild")
            itself = line[match.start() :].startswith(("This ", "Our ", "In "))
            if not (cue == "overlap" and wild) and not (cue == "reports" and itself):
                slow.setdefault(cue, match.span())
    signs = Signs(line)
    assert {cue: signs.first(cue).span() for cue in signs.names} == slow
    assert signs.sides == min(3, len(cues()["sides"].findall(line)))


@settings(max_examples=200, deadline=None)
@given(CLAIMING)
def test_a_cue_is_told_by_the_pattern_itself(text: str) -> None:
    for cue in set(cues()) - {*SIGNS, "actors"}:
        slow = cues()[cue].search(text)
        fast = search(cue, text)
        assert (fast and fast.span()) == (slow and slow.span())
