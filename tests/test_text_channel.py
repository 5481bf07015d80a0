"""The free-text channel: names of software and words to ranked actors, with and without texts."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samehand
from samehand.compare.text_channel import (
    COLUMNS,
    Channel,
    bundled_channel,
    carried,
    rule_for,
    scores_of,
)
from samehand.compare.text_cues import AliasPlaces, tells_origin
from samehand.compare.text_reference import (
    COLUMNS as LEARNED,
)
from samehand.compare.text_reference import (
    ReferenceChannel,
    chosen,
    gram,
    learn,
    ridge,
)
from samehand.compare.text_rule import SHORT_WORDS, Ranking, Rule, ranked, rules
from samehand.config import default_parameters
from samehand.knowledge import actor_texts
from samehand.knowledge.actor_terms import LONGEST, bare_words, chars, index_of, words
from samehand.knowledge.actors import World, bundled_world, world_of_reference
from samehand.knowledge.names import Graph
from samehand.model import Report
from samehand.normalise import name_key

DATA = Path(samehand.__file__).parent / "knowledge" / "data"

#: (text, actor): who is recorded to use what is named, by the publications in the rows.
EXCLUSIVE = [
    ("The implant SPICA was delivered by an encrypted PDF lure.", "Callisto"),
    ("We found LOSTKEYS, which steals documents. LOSTKEYS uses a fake captcha.", "Callisto"),
    ("The backdoor TinyTurla was installed as a service.", "Turla"),
    ("GooseEgg was used to exploit the print spooler.", "APT28"),
    ("The Hornbill and SunBird surveillance tools steal WhatsApp messages.", "Confucius"),
]


def rank_text(text: str, channel: Channel | None = None) -> Ranking:
    """The known actors that a text fits, by bundled knowledge alone."""
    features = (channel or bundled_channel()).features(text)
    rule = rule_for(features)
    return ranked(features.actors, scores_of(features, rule), rule, features.size)


def reports(*labelled: tuple[str, str]) -> list[Report]:
    return [
        Report(id=f"r{n}", use="reference", text=text, known_actor=actor)
        for n, (actor, text) in enumerate(labelled)
    ]


def world_of(*actors: str) -> World:
    return world_of_reference(reports(*((a, "") for a in actors)), default_parameters())


@pytest.mark.parametrize(("text", "actor"), EXCLUSIVE, ids=[t[:20] for t, _ in EXCLUSIVE])
def test_exclusive_software_ranks_its_user_first(text: str, actor: str) -> None:
    ranking = rank_text(text)
    assert ranking.actors[0] == actor


def test_what_carried_is_told() -> None:
    features = bundled_channel().features("The implant SPICA came in an encrypted PDF from Russia.")
    hints = carried(features, "Callisto", rules()["bundled"])
    assert ("software", "SPICA") in {(h.column, h.what) for h in hints}
    assert all(h.value > 0 for h in hints)
    assert list(hints) == sorted(hints, key=lambda h: (-h.value, h.column, h.what))


def test_a_text_of_nothing_is_most_likely_nobody_known() -> None:
    for text in ("", "   ", "[ACTOR]", "The weather was fine."):
        ranking = rank_text(text)
        assert ranking.none > ranking.probabilities[0]
        assert ranking.none + sum(ranking.probabilities) == pytest.approx(1.0)


def test_rules_name_only_columns_that_exist_and_by_hand_weights_are_kept() -> None:
    assert set(rules()["bundled"].weights) == set(COLUMNS) == set(rules()["short"].weights)
    assert set(rules()["reference"].weights) == {*COLUMNS, *LEARNED}
    for rule in rules().values():
        assert rule.weights["name"] > 0 and rule.weights["alias"] > 0  # not learned: see script
        assert rule.temperature > 0 and 0 < rule.none_prior < 1


def test_short_texts_have_a_rule_of_their_own() -> None:
    channel = bundled_channel()
    assert rule_for(channel.features("implant " * (SHORT_WORDS - 1))) is rules()["short"]
    assert rule_for(channel.features("implant " * SHORT_WORDS)) is rules()["bundled"]


def test_masked_alias_counts_beside_the_mark() -> None:
    features = bundled_channel().features(
        "[PLACEHOLDER], also known as Fancy Bear, attacked. Unlike Turla, it was loud."
    )
    column = features.columns.index("alias")
    rows = dict(zip(features.actors, features.matrix[:, column], strict=True))
    assert rows["APT28"] > 0 and rows["Turla"] == 0


def test_candidates_are_those_of_the_world_alone() -> None:
    ranking = rank_text("The implant SPICA was found.", Channel(world_of("Turla", "APT28")))
    assert set(ranking.actors) == {"Turla", "APT28"}


def test_techniques_that_only_this_text_taught_can_be_left_out() -> None:
    text = "The group dumped credentials from LSASS memory and used scheduled tasks."
    channel = bundled_channel()
    column = COLUMNS.index("techniques")
    row = channel.row["APT28"]
    everything = frozenset(channel.techniques[row])
    assert channel.features(text).matrix[row, column] > 0
    assert channel.features(text, {"APT28": everything}).matrix[row, column] == 0


def test_ties_are_broken_by_name_and_none_grows_with_its_prior() -> None:
    rule = Rule({}, 1.0, 0.0, 0.5, 0.5)
    ranking = ranked(["b", "a"], np.zeros(2), rule, 990)
    assert ranking.actors == ("a", "b")
    assert ranking.none == pytest.approx(1 / 3)
    assert ranked(["b", "a"], np.zeros(2), rule, 990, 0.9).none == pytest.approx(9 / 11)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a China-based group", True),
        ("the China government said", False),
        ("on behalf of China", True),
        ("banks in China were hit", False),
        ("a pro-China campaign", True),
    ],
)
def test_origin_is_told_by_the_words_around_a_country(text: str, expected: bool) -> None:
    start = text.index("China")
    assert tells_origin(text, start, start + 5) is expected


def test_places_of_aliases() -> None:
    text = "[ACTOR] (Alias One) came. " + "x" * 200 + " [actor], tracked as Alias Two."
    held = AliasPlaces(text)
    assert held.hold(text.index("Alias One")) and held.hold(text.index("Alias Two"))
    assert not held.hold(100) and not held.hold(0)


# --- documents


def test_every_document_is_of_a_known_concept() -> None:
    texts, world = actor_texts.texts(), bundled_world()
    assert list(texts.concepts) == sorted(set(texts.concepts))
    assert all(c in world.actor_of for c in texts.concepts)
    sizes = {len(texts.concepts)}
    sizes |= {len(x) for x in (texts.states, texts.places, texts.cited, texts.lengths)}
    sizes |= {actor_texts.indexes()[f].size for f in ("own_words", "all_words", "chars")}
    assert len(sizes) == 1
    for held in texts.users.values():
        assert held and all(0 < w <= 1 and 0 <= p < len(texts.concepts) for p, w in held.items())


def test_rows_of_users_are_resolved_and_have_source_and_date() -> None:
    world = bundled_world()
    rows = tomllib.loads((DATA / "software_users.toml").read_text(encoding="utf-8"))["use"]
    for row in rows:
        known = row["actor"] in world.actor_of or world.resolve(row["actor"])
        assert known, f"software_users.toml: nobody is called {row['actor']}; use a known name"
        assert row["source"] and row["date"][:4].isdigit(), f"{row['actor']}: say who and when"
        assert row["software"] and 0 < row.get("weight", 1.0) <= 1
    keys = Counter((r["actor"], r["source"]) for r in rows)
    assert max(keys.values()) == 1, "one actor and one publication a row; merge the rows"


def test_an_edge_of_our_own_row_reaches_the_actor() -> None:
    texts = actor_texts.texts()
    family = texts.own["LOSTKEYS"]
    assert {texts.concepts[p] for p in texts.users[family]} == {"callisto"}


# --- terms


def test_terms_of_a_text_written_out() -> None:
    assert bare_words("The [ACTOR] used Foo-Bar 1234 d41d8cd98f00b204e9800998ecf8427e") == [
        "foo-bar"
    ]
    assert words("red fox red fox") == {
        "red": 2,
        "fox": 2,
        "red fox": 2,
        "fox red": 1,
    }
    assert chars("abc") == {" abc": 1, "abc ": 1}


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_cosines_are_those_of_a_naive_count(documents: list[dict[str, int]]) -> None:
    index = index_of(documents, common=1.0)
    spread = Counter(t for d in documents for t in d)

    def vector(counts: dict[str, int]) -> dict[str, float]:
        found = {
            t: (1 + np.log(n)) * (np.log((1 + len(documents)) / (1 + spread[t])) + 1)
            for t, n in counts.items()
            if t in spread
        }
        norm = np.sqrt(sum(v * v for v in found.values())) or 1.0
        return {t: v / norm for t, v in found.items()}

    question = {"a": 2, "b": 1, "z": 5}
    mine = vector(question)
    expected = [sum(v * mine.get(t, 0.0) for t, v in vector(d).items()) for d in documents]
    assert index.cosines(question) == pytest.approx(expected, abs=1e-5)
    if documents:
        square = [
            [sum(v * vector(b).get(t, 0.0) for t, v in vector(a).items()) for b in documents]
            for a in documents
        ]
        assert gram(index) == pytest.approx(np.array(square), abs=1e-5)


def test_index_survives_bytes() -> None:
    index = index_of([{"a": 1}, {"a": 2, "b": 1}, {"c": 1}], common=1.0)
    again = type(index).from_bytes(index.to_bytes())
    assert again.terms == index.terms
    assert again.cosines({"b": 1}) == pytest.approx(index.cosines({"b": 1}), abs=1e-3)


def test_rare_words_are_shared_out() -> None:
    index = index_of([{"x": 1, "y": 1}, {"y": 1}], common=1.0)
    assert index.rare({"x": 1, "y": 1, "x y": 3}) == pytest.approx([1.5, 0.5])


# --- learned from a reference

RED = ["the crimson loader drops a dll beside a signed program", "crimson loader over a signed dll"]
BLUE = ["azure phishing of banks by macro sheets", "macro sheets from azure phishing pages"]
PAIRS = [("Red", t) for t in RED] + [("Blue", t) for t in BLUE]


def reference_channel(pairs: list[tuple[str, str]]) -> ReferenceChannel:
    return ReferenceChannel(Channel(world_of(*sorted({a for a, _ in pairs}))), pairs)


def test_texts_of_a_reference_are_learned() -> None:
    channel = reference_channel(PAIRS)
    ranking = channel.rank("a crimson loader again, dropped beside a signed program")
    assert ranking.actors[0] == "Red"
    features = channel.features("a crimson loader")
    assert "crimson" in {h.what for h in channel.carried(features, "Red")}


def test_order_of_the_reference_does_not_matter() -> None:
    text = "macro sheets and a crimson loader"
    first = reference_channel(PAIRS).rank(text)
    assert reference_channel(PAIRS[::-1]).rank(text) == first
    assert reference_channel([*PAIRS, *PAIRS]).rank(text) == first  # a repeat counts once


def test_an_actor_taken_out_of_the_reference_is_no_candidate() -> None:
    third = ("Green", "a wiper for routers")
    with_it, without = reference_channel([*PAIRS, third]), reference_channel(PAIRS)
    assert "Green" in with_it.rank("a wiper for routers").actors
    assert "Green" not in without.rank("a wiper for routers").actors


def test_one_actor_or_none_teaches_nothing_and_still_ranks() -> None:
    assert learn([("Red", "a"), ("Red", "b")]) is None
    channel = ReferenceChannel(Channel(world_of("Red")), [("Red", "a text")])
    assert channel.rank("a text").actors == ("Red",)
    assert learn([("Red", "  "), ("Blue", "words here"), ("Blue", "more words")]) is None


def test_too_many_texts_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samehand.compare.text_reference.MOST_TEXTS", 20)
    pairs = [("Red", f"text {n}") for n in range(100)] + [("Blue", f"word {n}") for n in range(5)]
    kept = Counter(actor for actor, _ in chosen(pairs))
    assert sum(kept.values()) <= 20 and kept["Blue"] == 5


def test_ridge_is_the_solution_of_its_equations() -> None:
    points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    owners = np.array([0, 0, 1])
    cosines = points @ points.T
    weights = ridge(cosines, owners, 2)
    share = np.array([0.5, 0.5, 1.0])
    penalty = share.mean() / share
    wanted = np.array([[1, -1], [1, -1], [-1, 1]], float)
    left = (cosines + 1.0) @ weights + penalty[:, None] * weights
    assert left == pytest.approx(wanted)


# --- hostile input


@pytest.mark.parametrize(
    "text",
    [
        "[ACTOR] also known as " * 40_000,
        "SPICA " * 150_000,
        "China-based " * 80_000,
        "a" * 1_000_000,
        "APT28, " * 130_000,
        "\x00\ud800\u202e" * 50_000,
        "[" * 500_000,
        "pro-" * 200_000,
    ],
    ids=["marks", "software", "countries", "one word", "names", "odd", "brackets", "behalf"],
)
def test_hostile_text_is_bounded(text: str) -> None:
    started = time.process_time()
    features = bundled_channel().features(text)
    assert np.isfinite(features.matrix).all()
    assert time.process_time() - started < 20
    assert bundled_channel().features(text[:LONGEST]).matrix == pytest.approx(features.matrix)


def test_a_world_without_documents_has_no_hints() -> None:
    empty = World("test", {}, {}, Graph((), (), (), ()), {})
    features = Channel(empty).features("SPICA and China")
    assert features.actors == () and features.matrix.shape == (0, len(COLUMNS))
    assert scores_of(features, rules()["bundled"]).shape == (0,)


def test_names_of_own_software_are_found_as_written_only() -> None:
    channel = bundled_channel()
    column = COLUMNS.index("software")
    row = channel.row["Callisto"]
    assert channel.features("It dropped LOSTKEYS.").matrix[row, column] > 0
    assert channel.features("It XLOSTKEYSX.").matrix[row, column] == 0
    assert name_key("LOSTKEYS") in channel.own
