"""Claims in prose: relations, ends, words of confidence, whose judgement."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samehand.config import bundled
from samehand.extract import claim_model
from samehand.extract.claim_words import LONGEST_RUN, tokens
from samehand.extract.claims import ClaimFound, find_claims, prose
from samehand.extract.names import find_names


def only(text: str, relation: str) -> ClaimFound:
    found = [c for c in find_claims(text) if c.relation == relation]
    assert len(found) == 1, [c.relation for c in find_claims(text)]
    assert text[found[0].start : found[0].end].strip()
    return found[0]


@pytest.mark.parametrize(
    ("text", "relation", "actor", "level", "first_hand"),
    [
        ("We attribute this campaign to APT28 with high confidence.", "attribution", "APT28",
         "high", True),
        ("We assess with moderate confidence that the intrusion is linked to Kimsuky.",
         "attribution", "Kimsuky", "medium", True),
        ("The implant may be the work of APT41, but we lack proof of it.", "attribution", "APT41",
         "low", True),
        ("According to Proofpoint, the malware is operated by TA505.", "attribution", "TA505",
         "high", False),
        ("Researchers at another firm said the attack has been attributed to APT34.",
         "attribution", "APT34", "high", False),
        ("The malware was used by a North Korean government hacking group.", "attribution",
         "North Korean", "high", True),
        ("APT28, also known as Sofacy, has sent the mails for years.", "alias", "Sofacy", "high",
         True),
        ("The Kimsuky group (aka Velvet Chollima) sent lures to professors.", "alias",
         "Velvet Chollima", "high", True),
        ("The loader shares code with PlugX and ShadowPad in several functions.", "overlap",
         "PlugX", "high", True),
        ("These domains overlap with infrastructure described in the earlier report by Mandiant.",
         "comparison", "", "high", True),
        ("We have no evidence that links the activity to APT28 at all.", "denial", "APT28", "none",
         True),
        ("We are unable to attribute the intrusion to any group that we know.", "denial", "",
         "none", True),
        ("We previously attributed this set to APT10, but we now believe APT41 made it.",
         "withdrawal", "APT41", "medium", True),
    ],
)  # fmt: skip
def test_one_sentence(text: str, relation: str, actor: str, level: str, first_hand: bool) -> None:
    found = only(text, relation)
    assert found.level == level
    assert found.first_hand == first_hand
    if relation in ("attribution", "alias") or actor == "APT28":
        assert found.actor == actor or found.about == actor


@pytest.mark.parametrize(
    "text",
    [
        "APT28 then moved laterally and copied the mailboxes of the ministry.",
        "The victim connected to the server with a link in the mail.",
        "The function responsible for encryption is empty in this sample.",
        "We offer services to our customers and attribute our success to them.",
        "The email supposedly comes from the Turkish government entity responsible for taxes.",
    ],
)
def test_narration_claims_nothing(text: str) -> None:
    assert find_claims(text) == []


def test_denial_is_no_attribution() -> None:
    text = "There is no evidence that links this wiper to the Lazarus Group."
    assert [c.relation for c in find_claims(text)] == ["denial"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_claims_inside_it(text: str) -> None:
    assert all(0 <= c.start < c.end <= len(text) for c in find_claims(text))


@pytest.mark.parametrize("piece", ["attributed to ", "shares the ", "APT28 aka ", "we ", "a b c. "])
def test_time_grows_with_size_alone(piece: str) -> None:
    find_claims("warm")
    begin = time.perf_counter()
    find_claims(piece * (150_000 // len(piece)))
    assert time.perf_counter() - begin < 8


def test_model_is_small_and_holds_no_text() -> None:
    known = claim_model.model()
    assert len(bundled(claim_model.FILE)) < 300_000
    assert known.weights.shape == (len(known.rows), len(known.relations))
    assert max(name.count(" ") for name in known.rows) < LONGEST_RUN


def test_names_and_values_are_words_of_their_kind() -> None:
    text = "FireEye saw PlugX at evil.com/a used by APT28 from Russia in 2019."
    words = tokens(text, find_names(text))
    assert words == [
        "[ve]", "saw", "[ma]", "at", "[va]", "used", "by", "[ac]", "from", "[st]", "in", "#",
    ]  # fmt: skip


def test_sentence_needs_two_names_or_a_word_of_claims() -> None:
    text = "The script deletes the logs of APT28 when it is run. It overlaps with PlugX."
    assert [(s.number, s.text) for s in prose(text, find_names(text))] == [
        (1, "It overlaps with PlugX.")
    ]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Kaspersky reported in May 2019 that the malware is operated by TA505.", "high"),
        ("This may suggest that the campaign could be the work of APT41.", "low"),
        ("The loader appears to share code with PlugX and with ShadowPad.", "medium"),
    ],
)
def test_level(text: str, level: str) -> None:
    assert [c.level for c in find_claims(text)] == [level]
