"""Sentences and techniques: laws of the splitter, and of the model whatever its numbers are."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.config import bundled
from samehand.extract.sentences import LONGEST_CHARS, sentences
from samehand.extract.technique_rows import catalogued_names, tokens
from samehand.extract.techniques import (
    FILE,
    MOST_PER_SENTENCE,
    TechniqueFound,
    document_techniques,
    document_threshold,
    find_techniques,
    model,
    rank_sentence,
    root_of,
)
from samehand.knowledge import attack

TEXT = st.text(
    st.sampled_from(list('abcDEF 1.!?\n\t()[]-*|"“”,:;é字。\x00\x01\u2028')), max_size=400
)


def parts(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


@given(TEXT)
def test_spans_hold_all_that_is_not_blank_in_order(text: str) -> None:
    spans = sentences(text)
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        assert end - start <= LONGEST_CHARS
        at = end
    assert not text[at:].strip()


@given(TEXT)
def test_a_sentence_split_again_is_itself_or_smaller(text: str) -> None:
    for piece in parts(text):
        assert "".join("".join(p.split()) for p in parts(piece)) == "".join(piece.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It runs. Then it stops.", ["It runs.", "Then it stops."]),
        ("It uses e.g. PowerShell v. 5.1.2 here.", ["It uses e.g. PowerShell v. 5.1.2 here."]),
        ("See evil[.]com and 10.0.0[.]1 for more.", ["See evil[.]com and 10.0.0[.]1 for more."]),
        ("Described by J. Doe et al. Later work.", ["Described by J. Doe et al.", "Later work."]),
        ("Did it run? Yes! It did.", ["Did it run?", "Yes!", "It did."]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("Tools:\n- first tool\n- second tool", ["Tools:", "- first tool", "- second tool"]),
        ("1. First step\n2. Second step", ["1. First step", "2. Second step"]),
        ("| T1059 | Scripts |\n| T1105 | Tools |", ["| T1059 | Scripts |", "| T1105 | Tools |"]),
        (
            "The loader waits for ten minutes or more before it\nruns the payload.",
            ["The loader waits for ten minutes or more before it\nruns the payload."],
        ),
        ("A heading\n\nA sentence follows.", ["A heading", "A sentence follows."]),
        ("Copied to C:\\Temp\\a.exe. Run later.", ["Copied to C:\\Temp\\a.exe.", "Run later."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "piece",
    ["a. B ", "word ", "x", ".", "\n", ". ", "(", "\n- a", " \n", "e.g. ", "T1059 ", "\x01"],
)
def test_time_is_linear(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        best = float("inf")
        for _ in range(3):
            begun = time.perf_counter()
            sentences(text)
            find_techniques(text)
            best = min(best, time.perf_counter() - begun)
        return best

    find_techniques("load the model first")
    # Eight times the text; a quadratic step would take sixty-four times as long.
    assert seconds(24_000) < 24 * seconds(3_000) + 0.1


def test_written_identifiers_are_certain() -> None:
    text = "We list what we saw.\nInitial access: T1566.001, and T1059/003 after it."
    found = [f for f in find_techniques(text) if f.explicit]
    assert [(f.technique, f.probability, f.accepted) for f in found] == [
        ("T1566.001", 1.0, True),
        ("T1059.003", 1.0, True),
    ]
    assert {text[f.start : f.end] for f in found} == {text.split("\n")[1]}


def test_written_identifiers_are_those_in_force_and_no_others() -> None:
    revoked = next(t for t in attack.techniques().values() if t.successor and t.id < "T1500")
    found = find_techniques(f"See https://attack.mitre.org/techniques/{revoked.id}/ for this.")
    assert revoked.successor in [f.technique for f in found if f.explicit]
    for text in ("AT1059", "T10591", "T1059x", "T0000", "x.T1059", "_T1059"):
        assert not [f for f in find_techniques(f"part {text} here") if f.explicit], text


def test_a_sub_technique_implies_its_technique() -> None:
    found = document_techniques("It was T1003.001. The macro starts PowerShell to run a script.")
    assert found["T1003.001"] == found["T1003"] == 1.0
    for technique, p in found.items():
        assert 0.0 < p <= 1.0
        assert found[root_of(technique)] >= p - 1e-6


@pytest.mark.parametrize(
    ("sentence", "technique"),
    [
        ("The implant captures an image of the desktop once a minute.", "T1113"),
        ("It records every key that the user presses.", "T1056"),
        ("Victims received emails with a malicious Word document attached.", "T1566"),
        ("A scheduled task starts the program again every hour.", "T1053"),
        ("Its commands are run by a PowerShell script.", "T1059"),
        ("It lists all running processes on the machine.", "T1057"),
        ("Credentials were dumped from the memory of lsass.exe.", "T1003"),
        ("The payload is injected into the memory of explorer.exe.", "T1055"),
        ("It deletes shadow copies so that files cannot be restored.", "T1490"),
        ("A value under the Run key of the registry starts it at logon.", "T1547"),
        ("It downloads further tools from its server onto the computer.", "T1105"),
        ("Commands are sent over HTTP POST requests.", "T1071"),
    ],
)
def test_clear_sentences(sentence: str, technique: str) -> None:
    """Sentences of our own; the technique is the one whose definition in ATT&CK they restate."""
    assert rank_sentence(sentence)[0][0] == technique


def test_a_sentence_about_nothing_has_nothing() -> None:
    for text in ("The company was founded in Berlin.", "Read more in our next post.", "", "123"):
        assert not [f for f in find_techniques(text) if f.accepted], text


def test_ranking_keeps_to_the_given_labels() -> None:
    among = ["T1113", "T1056.001", "T1574.002", "T9999"]
    ranked = rank_sentence("A keylogger records what the user types.", among)
    assert sorted(t for t, _ in ranked) == sorted(among)
    assert ranked[0][0] == "T1056.001"
    assert ranked == sorted(ranked, key=lambda x: (-x[1], x[0]))
    assert dict(ranked)["T9999"] == 0.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sandworm Team", "APT28"),
        ("Lazarus Group", "MuddyWater"),
        ("Emotet", "TrickBot"),
        ("Wizard Spider", "OceanLotus"),
        ("NotPetya", "Olympic Destroyer"),
    ],
)
def test_names_do_not_count(one: str, other: str) -> None:
    assert {one, other} <= catalogued_names()
    for sentence in (
        "{} used scheduled tasks to run a script that downloads the payload.",
        "In this case the backdoor of {} encrypts its traffic with RC4.",
        "Researchers saw {} in March.",
    ):
        left, right = sentence.format(one), sentence.format(other)
        assert rank_sentence(left) == rank_sentence(right)
        assert document_techniques(left) == document_techniques(right)


def test_values_do_not_count() -> None:
    for one, other in (
        ("hxxp://evil[.]com/a.php", "https://bad.example.org/gate"),
        ("10.1.2.3", "192.0.2[.]77"),
        ("d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"),
        ("CVE-2017-0199", "CVE-2021-40444"),
    ):
        sentence = "It downloads the next stage from {} and runs it."
        assert rank_sentence(sentence.format(one)) == rank_sentence(sentence.format(other))


def test_tokens_say_kinds_and_words() -> None:
    assert tokens("(CreateRemoteThread)") == ("createremotethread", "create", "remote", "thread")
    assert tokens("Phishing,") == ("phishing",)
    assert tokens("command-and-control") == ("command", "and", "control")
    assert tokens("hxxps://a[.]b/c") == ("⟨url⟩",)
    assert tokens("...") == ()
    assert "⟨path⟩" in tokens("C:\\Windows\\System32\\rundll32.exe")
    assert "rundll32.exe" in tokens("C:\\Windows\\System32\\rundll32.exe")
    assert "⟨registry⟩" in tokens("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run")


def test_same_text_same_answer_and_places_are_sentences() -> None:
    text = "The macro runs PowerShell. It takes screenshots of the victim.\nT1003 was seen."
    first = find_techniques(text)
    assert first == find_techniques(text)
    assert first == sorted(first, key=lambda f: f.start)
    spans = sentences(text)
    for f in first:
        assert (f.start, f.end) in spans
        assert isinstance(f, TechniqueFound)
        assert f.technique in attack.techniques()
    for span in spans:
        guessed = [f for f in first if (f.start, f.end) == span and not f.explicit]
        assert len(guessed) <= MOST_PER_SENTENCE


def test_a_sentence_says_the_same_alone_and_in_a_text() -> None:
    lines = ["The macro runs PowerShell.", "It takes screenshots.", "It lists running processes."]
    alone = [[(f.technique, round(f.probability, 5)) for f in find_techniques(s)] for s in lines]
    text = "\n".join(lines * 400)
    found = find_techniques(text)
    for n, (start, end) in enumerate(sentences(text)):
        here = [(f.technique, round(f.probability, 5)) for f in found if f.start == start]
        assert here == alone[n % 3], text[start:end]


@pytest.mark.parametrize(
    "text",
    [
        "A" * 1_000_000,
        "powershell" * 50_000,
        "a b " * 200_000,
        bytes(range(256)).decode("latin-1") * 2_000,
        "\x01" * 10_000 + " screenshots",
        "\ud800 lone surrogate takes screenshots",
        "." * 200_000,
        "[" * 100_000,
        "T1059" * 10_000,
        "T1059 " * 10_000,
        "字" * 100_000,
    ],
    ids=lambda t: repr(t[:6]),
)
def test_hostile_text(text: str) -> None:
    begun = time.perf_counter()
    for f in find_techniques(text):
        assert 0 <= f.start < f.end <= len(text)
    assert all(0.0 < p <= 1.0 for p in document_techniques(text).values())
    assert time.perf_counter() - begun < 10


def test_numbers_are_small_and_sound() -> None:
    assert len(bundled(FILE)) < 10_000_000
    known = model()
    assert list(known.labels) == sorted(set(known.labels))
    assert all(attack.current(t) == t and t in attack.techniques() for t in known.labels)
    assert np.isfinite(known.rows).all()
    assert np.isfinite(known.head).all()
    assert (np.diff(known.pairs) > 0).all()
    assert (known.mass > 0).all()
    assert 0.0 < known.sentence_threshold < 1.0
    assert 0.0 < document_threshold() < 1.0


def test_vocabulary_holds_no_name_of_an_actor_or_malware() -> None:
    for name in ("emotet", "lazarus", "turla", "oceanlotus", "trickbot", "apt28", "plugx"):
        assert name not in model().words


def test_loads_fast_and_only_when_needed() -> None:
    code = (
        "import sys, time\n"
        "import samehand.extract.techniques as t\n"
        "from samehand.extract.technique_rows import catalogued_names\n"
        "t.attack.techniques(); catalogued_names()\n"  # knowledge may have to be built first
        "begun = time.perf_counter()\n"
        "t.find_techniques('It takes screenshots.')\n"
        "spent = time.perf_counter() - begun\n"
        "heavy = {'scipy', 'sklearn'} & set(sys.modules)\n"
        "print(spent); sys.exit(bool(heavy) or spent > 2)\n"  # usually .6 s
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
