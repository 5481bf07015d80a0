"""Names in prose: gazetteer, numbering schemes, introduced names, and everyday words."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.extract.gazetteer import everyday
from samehand.extract.names import find_names


def said(text: str) -> list[tuple[str, str]]:
    found = []
    for name in find_names(text):
        assert " ".join(text[name.start : name.end].split()).startswith(name.name[:3])
        found.append((name.name, name.kind))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lately APT28 sent mail to ministries.", [("APT28", "actor")]),
        ("UNC9876 and TA999 share a loader.", [("UNC9876", "actor"), ("TA999", "actor")]),
        ("The intruders used Mimikatz and PsExec.", [("Mimikatz", "tool"), ("PsExec", "tool")]),
        ("It drops PlugX into memory.", [("PlugX", "malware")]),
        ("a backdoor called DustyLamp was found", [("DustyLamp", "malware")]),
        ("DustyLamp ransomware locks disks. DustyLamp is new.", [("DustyLamp", "malware")] * 2),
        ("part of Operation Grey Heron, which", [("Operation Grey Heron", "campaign")]),
        ("MustangPanda came back", [("MustangPanda", "actor")]),
        ("the DEEP PANDA-attributed intrusion", [("DEEP PANDA", "actor")]),
        ("APT18/Wekby are meant.", [("APT18", "actor"), ("Wekby", "actor")]),
        ("TrickBot’s modules", [("TrickBot", "malware")]),
    ],
)
def test_names_are_found_as_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "We will tick the box at noon and play chrome music near the sphinx.",
        "Will the attackers come back? At this point nobody knows. Play it safe.",
        "Chrome and Windows 10 are affected; GitHub hosts a Python script.",
        "See https://lazarus.example/emotet and C:\\Temp\\mimikatz.exe or trickbot.dll.",
        "The Maze of tunnels and an Equation for risk; Cobalt is a metal.",
        "the Android malware, the Russian actor, a remote access Trojan",
        "TA0001 and TA0040 are tactics.",
        "GetLastError malware, sub_4020F0 loader, Supply-Chain malware",
    ],
)
def test_everyday_words_addresses_and_products_are_no_names(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("the Tick group is back", "actor"),
        ("Maze ransomware struck", "malware"),
        ("LuckyMouse, Tick and others", "actor"),
        ("also known as Lazarus", "actor"),
    ],
)
def test_an_everyday_word_is_a_name_beside_a_word_that_says_so(text: str, kind: str) -> None:
    assert kind in {k for _, k in said(text)}
    assert {"tick", "maze", "lazarus"} <= everyday()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # lists behind words that announce names
        (
            "Turla, also known as Venomous Bear, Waterbug, and Vexmoth, went on.",
            [("Venomous Bear", "actor"), ("Waterbug", "actor"), ("Vexmoth", "actor")],
        ),
        ("a threat actor designated as LOMER3, Dustwren or TA999", [("Dustwren", "actor")]),
        ("a trojan that they call ‘Brass Kettle’ runs first", [("Brass Kettle", "malware")]),
        ("The crew used a tool called Tin Thimble to hide it.", [("Tin Thimble", "tool")]),
        ("We track this webshell under the name GreySleeve.", [("GreySleeve", "malware")]),
        ("The attack was laid at APT29/Wrenfolk/Nobelium.", [("Wrenfolk", "actor")]),
        # lists of malware
        ("PlugX, DustyLamp and ShadowPad were there.", [("DustyLamp", "malware")]),
        (
            "the families are PlugX[2] and DADJOKE[3].",
            [("PlugX", "malware"), ("DADJOKE", "malware")],
        ),
        # what stands beside a name
        ("the Wexfold skimmer was found", [("Wexfold", "malware")]),
        ("They ran the DustyLamp tunneler.", [("DustyLamp", "tool")]),
        ("DustyLamp: a small backdoor in C.", [("DustyLamp", "malware")]),
        ("They added DustyLamp, an open-source credential tool.", [("DustyLamp", "tool")]),
        ("It is a variant of the Zeus banking Trojan.", [("Zeus", "malware")]),
        ("and the “Quiet Ferry” ransomware came back", [("Quiet Ferry", "malware")]),
        # everyday words
        ("We attribute this campaign to Lazarus.", [("Lazarus", "actor")]),
        ("this was the work of Lazarus", [("Lazarus", "actor")]),
        ("it is attributed to Cobalt with high confidence", [("Cobalt", "actor")]),
        ("while Lazarus has targeted banks", [("Lazarus", "actor")]),
        ("Then HEXANE came back at once.", [("HEXANE", "actor")]),
        ("It rained. Dragonfly has used batch files since.", [("Dragonfly", "actor")]),
        ("tools like Covenant were used", [("Covenant", "tool")]),
        ("using BloodHound at night", [("BloodHound", "tool")]),
        # misspelt names
        ("a variant from the AgentTelsa family", [("AgentTelsa", "malware")]),
        ("use of PlugX, Posion Ivy, and Cobalt Strike", [("Posion Ivy", "malware")]),
        # files and links
        ("then adfind.exe was run", [("adfind", "tool")]),
        ("[Emotet](https://example.org/emotet) again", [("Emotet", "malware")]),
    ],
)
def test_what_surrounds_a_name_tells_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert set(expected) <= set(said(text))


@pytest.mark.parametrize(
    "text",
    [
        "2800001 || ETPRO Win32/Zbot Variant Checkin",
        "It calls the CryptXxx functions and uses Rijndael in CBC mode.",
        "Even a junior responder wrote a RunOnce registry key with MiniDump.",
        "It steals passwords from Thunderbird, FileZilla, WinSCP and Pidgin.",
        "as shown in Process Hacker and Wireshark",
        "a file named DustyLamp, a function called GreySleeve and a folder dubbed “Brass”",
        "In the “Domain Admins” group; NSO Group claims otherwise.",
        "The malware authors used modules, all DLLs, and a GIF89a header.",
        "Its author goes by the moniker “Brasskettle” and sells the RAT.",
        "attributed to Chrome, the work of Play, members of Sphinx, used by Will",
        "the Russian ransomware, a Fileless backdoor",
        "READ THE HEXANE MANUAL. Silence has fallen, and Dragonfly wings are used.",
        "T H E  W A Y  A L C O holds",
    ],
)
def test_parts_of_systems_and_what_is_stolen_are_no_names(text: str) -> None:
    assert said(text) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_names_in_order_inside_it(text: str) -> None:
    found = find_names(text)
    assert all(0 <= f.start < f.end <= len(text) for f in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "piece",
    [
        "A",
        "Aa ",
        "APT-",
        "Operation ",
        "called X",
        "\u00a0",
        "x/y.",
        "'",
        "Emotet, ",
        "aka A, ",
        "a.exe ",
        "A/",
    ],
)
def test_time_grows_with_size_alone(piece: str) -> None:
    find_names("warm")
    begin = time.perf_counter()
    find_names(piece * (200_000 // len(piece)))
    assert time.perf_counter() - begin < 6


@pytest.mark.parametrize("word", ["Bb", "b", "A-", "A/", "A."])
@pytest.mark.parametrize("frame", ["the {} malware", "also known as {}", "Emotet, {}", "“{}” tool"])
def test_long_words_take_no_longer(word: str, frame: str) -> None:
    find_names("warm")
    begin = time.perf_counter()
    find_names(frame.format(word * (100_000 // len(word))))
    assert time.perf_counter() - begin < 6
