"""Names: alias is not identity, by law on made-up catalogues and by facts on the bundled ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.knowledge.catalogues import CATALOGUES, Catalogue, Entry, align, statements
from samehand.knowledge.namebook import build_graph, graph, read_overlay
from samehand.knowledge.names import (
    INSIDE,
    Concept,
    Graph,
    Naming,
    Relation,
    Source,
    concept_id,
    same_publisher,
)
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

NAMES = st.sampled_from([f"name {c}" for c in "abcdefgh"])
CONCEPTS = [f"actor-{n}" for n in range(5)]
SOURCES = [Source(f"s{n}", f"Publisher {n}", "", "2020", f"family-{n % 2}") for n in range(4)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small graphs: every concept stated by somebody, names and relations at random."""
    source = st.sampled_from([s.id for s in SOURCES])
    concept = st.sampled_from(CONCEPTS)
    concepts = [Concept(c, c.title(), "group", draw(source)) for c in CONCEPTS]
    concepts += draw(
        st.lists(st.builds(Concept, concept, st.just("X"), st.just("group"), source), max_size=4)
    )
    namings = draw(
        st.lists(
            st.builds(Naming, NAMES, concept, source, st.booleans(), st.sampled_from([0, 2015])),
            max_size=14,
        )
    )
    relations = draw(
        st.lists(
            st.builds(
                Relation,
                concept,
                st.sampled_from(["same-as", "part-of", "subgroup-of", "overlaps"]),
                concept,
                st.floats(0.1, 0.95),
                source,
            ),
            max_size=8,
        )
    )
    return Graph(tuple(SOURCES), tuple(concepts), tuple(namings), tuple(relations))


@given(graphs(), NAMES)
def test_alias_that_two_actors_share_never_merges_them(known: Graph, alias: str) -> None:
    more = known.plus(
        [Naming(alias, "actor-0", "s0"), Naming(alias, "actor-1", "s1", primary=True)]
    )
    assert set(more.concept) == set(known.concept)
    assert {"actor-0", "actor-1"} <= {m.concept for m in more.resolve(alias)}
    for one in CONCEPTS:
        assert more.related(one) == known.related(one)
        for other in CONCEPTS:
            assert more.are_related(one, other) == known.are_related(one, other)


@given(graphs(), st.sampled_from(SOURCES))
def test_removing_a_source_removes_exactly_what_it_said(known: Graph, source: Source) -> None:
    less = known.without(source.id)
    for kept, all_of in (
        (less.concepts, known.concepts),
        (less.namings, known.namings),
        (less.relations, known.relations),
    ):
        assert list(kept) == [s for s in all_of if s.source != source.id]
    silent = {n.concept for n in known.namings} - {
        c.id for c in known.concepts if c.source == source.id
    }
    spoken = {name_key(n.name) for n in known.namings if n.source == source.id}
    for name in (f"name {c}" for c in "abcdefgh"):
        meant = {m.concept for m in known.resolve(name)}
        if name_key(name) not in spoken and meant <= silent:
            assert less.resolve(name) == known.resolve(name)


@given(graphs(), NAMES)
def test_probabilities_sum_to_one_and_order_of_statements_does_not_matter(
    known: Graph, name: str
) -> None:
    meanings = known.resolve(name)
    if meanings:
        assert sum(m.probability for m in meanings) == pytest.approx(1.0)
    turned = replace(known, namings=known.namings[::-1])
    assert {m.concept: pytest.approx(m.probability) for m in turned.resolve(name)} == {
        m.concept: m.probability for m in meanings
    }


@given(graphs(), NAMES)
def test_a_second_source_of_one_family_adds_no_vote(known: Graph, name: str) -> None:
    """s0 and s2 copy each other: what one says, the other may repeat without effect."""
    repeated = known.plus([replace(n, source="s2") for n in known.namings if n.source == "s0"])
    assert {m.concept: pytest.approx(m.probability) for m in repeated.resolve(name)} == {
        m.concept: m.probability for m in known.resolve(name)
    }


def test_own_words_of_a_publisher_outweigh_what_others_say() -> None:
    known = Graph(
        tuple(SOURCES),
        (Concept("a", "A", "group", "s0"), Concept("b", "B", "group", "s1")),
        (Naming("Shared", "a", "s0"), Naming("Shared", "b", "s1")),
        (),
    )
    assert known.resolve("Shared")[0].probability == pytest.approx(0.5)
    mine = known.resolve("shared", publisher="Publisher 1 Labs")
    assert mine[0].concept == "b" and mine[0].probability == pytest.approx(20 / 21)
    assert same_publisher("Microsoft", "Microsoft Threat Intelligence")
    assert not same_publisher("Microsoft", "Micro Focus") and not same_publisher("", "Any")


def test_names_and_relations_count_from_their_year() -> None:
    known = Graph(
        tuple(SOURCES),
        (Concept("a", "A", "group", "s0"), Concept("b", "B", "umbrella", "s1")),
        (Naming("A", "a", "s0", True, 2019), Naming("Later", "a", "s0", since=2021)),
        (Relation("a", "part-of", "b", 0.6, "s1", 2021),),
    )
    assert known.resolve("Later", year=2020) == () and known.resolve("Later", year=2021)
    assert known.resolve("A", year=2000), "an actor's own name always stands for it"
    assert known.related("a", 2020) == () and len(known.related("a", 2021)) == 1


# --- Reading catalogues -----------------------------------------------------------------------

HUB = Catalogue("hub", "Hub", "hub", "")
OTHER = Catalogue("other", "Other", "other", "")


def entry(catalogue: str, name: str, *names: str, ids: tuple[str, ...] = ()) -> Entry:
    return Entry(catalogue, f"{catalogue}:{name}", name, names, identifiers=ids)


@given(
    st.lists(st.lists(NAMES, max_size=4), min_size=1, max_size=5),
    st.lists(st.lists(NAMES, max_size=4), min_size=1, max_size=5),
    NAMES,
)
def test_no_shared_synonym_makes_one_of_two_entries_of_a_catalogue(
    first: list[list[str]], second: list[list[str]], alias: str
) -> None:
    def read(extra: tuple[str, ...]) -> tuple[list[Entry], list[Entry]]:
        hub = [entry("hub", f"hub {n}", *names, *extra) for n, names in enumerate(first)]
        other = [entry("other", f"other {n}", *names, *extra) for n, names in enumerate(second)]
        align([(HUB, hub), (OTHER, other)])
        return hub, other

    for extra in ((), (alias,)):
        for entries in read(extra):
            assert len({e.concept for e in entries}) == len(entries)


def test_entries_describe_one_concept_by_identifier_own_name_or_listing() -> None:
    hub = [
        entry("hub", "Red Fox", "Crimson", "Fox Team"),
        entry("hub", "Blue Jay", "Azure", ids=("G0042",)),
        entry("hub", "Wide", "Narrow", "Crimson", "One", "Two", "Three", "Four"),
    ]
    other = [
        entry("other", "Narrow", "Crimson", "Five"),  # listed by Wide, but see below
        entry("other", "Wide", "One"),
        entry("other", "Jays", ids=("G0042",)),
        entry("other", "fox-team"),
        entry("other", "Stranger"),
    ]
    align([(HUB, hub), (OTHER, other)])
    placed = {e.name: e.concept for e in other}
    assert placed["Wide"] == "wide"
    assert placed["Narrow"] == "narrow", "who keeps two apart is believed; the folding is disputed"
    assert placed["Jays"] == "blue-jay"
    assert placed["fox-team"] == "red-fox"
    assert placed["Stranger"] == "stranger"
    _, _, relations = statements([(HUB, hub), (OTHER, other)])
    folded = [
        r for r in relations if r.type == "same-as" and {r.subject, r.object} == {"wide", "narrow"}
    ]
    assert [r.source for r in folded] == ["hub"]
    known = Graph(
        (Source("hub", "", "", "", "h"), Source("other", "", "", "", "o")),
        *map(tuple, statements([(HUB, hub), (OTHER, other)])),  # type: ignore[arg-type]
    )
    disputes = [r for r in known.related("wide") if r.type == "disputed" and r.to == "narrow"]
    assert [s.source for s in disputes[0].statements] == ["other"]


# --- The bundled graph --------------------------------------------------------------------------


def threat_actors() -> list[dict[str, object]]:
    """The galaxy's threat actors, read without any of our readers."""
    return list(json.loads(Sources().galaxy("threat-actor").read_text("utf-8"))["values"])


def top(name: str) -> str:
    return graph().resolve(name)[0].concept


def test_five_north_korean_names_are_five_concepts_under_one_state() -> None:
    known = graph()
    five = [top(n) for n in ("Lazarus", "APT38", "BlueNoroff", "Andariel", "Kimsuky")]
    assert len(set(five)) == 5
    for concept in five:
        states = {r.to for r in known.related(concept) if r.type == "sponsored-by"}
        assert states == {"state/kp"}, concept
        assert known.concept[concept].level in ("subgroup", "group", "umbrella")
    assert known.concept["state/kp"].level == "state"


def test_the_campaign_of_the_case_has_disputed_parents_each_with_who_says_so() -> None:
    known = graph()
    meaning = known.resolve("CryptoCore")[0]
    assert known.concept[meaning.concept].level == "campaign"
    related = known.related(meaning.concept)
    parents = {r.to for r in related if r.type in INSIDE}
    disputed = {r.to for r in related if r.type == "disputed"}
    assert {"lazarus-group", "unc1069", "apt38"} <= parents
    assert len(parents & disputed) >= 3
    for r in related:
        assert r.statements and all(s.source in known.source for s in r.statements)
    said = {s.source for r in related if r.to == "lazarus-group" for s in r.statements}
    assert {"clearsky-2020", "clearsky-2021"} <= said, "the earlier view stays visible"
    before = known.related(meaning.concept, 2020)
    assert not [r for r in before if r.type in INSIDE], "nobody named a parent in 2020"


def test_every_name_that_several_threat_actors_share_stays_ambiguous() -> None:
    owners: dict[str, set[str]] = {}
    for value in threat_actors():
        meta = value.get("meta") or {}
        for name in [value["value"], *meta.get("synonyms", [])]:  # type: ignore[attr-defined]
            if not str(name).lower().startswith("subgroup"):
                owners.setdefault(name_key(str(name)), set()).add(str(value["value"]))
    shared = {name for name, who in owners.items() if len(who) > 1}
    assert len(shared) >= 20
    certain = {n for n in shared if len(graph().resolve(n)) < 2}
    assert not certain, f"these mean several actors: {certain}"


def test_every_threat_actor_of_the_galaxy_is_one_concept_found_by_its_own_name() -> None:
    dropped = {name_key(n) for n in read_overlay(Sources())["drop"]["names"]}  # type: ignore[call-overload]
    found = []
    for value in threat_actors():
        key = name_key(str(value["value"]))
        if key in dropped or (key.isascii() and len(key) < 3) or key.isdigit():
            continue
        meanings = graph().resolve(str(value["value"]))
        assert meanings and meanings[0].probability >= 0.5, value["value"]
        found.append(meanings[0].concept)
    assert twice(found) == [], "two entries of one catalogue became one concept"


def twice(values: list[str]) -> list[str]:
    return [v for v, n in Counter(values).items() if n > 1]


def test_publications_that_a_catalogue_cites_stand_with_the_concept() -> None:
    row = next(v for v in threat_actors() if v["value"] == "Turla")
    cited = row["meta"]["refs"]  # type: ignore[index]
    stated = [c for c in graph().concepts if c.id == "turla" and c.source == "threat-actor"]
    assert list(stated[0].references) == cited and len(cited) > 3


def test_sponsor_is_stated_and_not_a_mere_country_of_origin() -> None:
    """The galaxy gives FIN7 a country; nobody says that a state pays it."""
    known = graph()
    assert not [r for r in known.related("fin7") if r.type == "sponsored-by"]
    assert [r.to for r in known.related("apt28") if r.type == "sponsored-by"] == ["state/ru"]
    # Names of one publisher's scheme look like another's: "Cobalt Gang", "Iron Tiger", "Red Wolf".
    assert not [r for r in known.related("cobalt") if r.type == "sponsored-by"]
    assert {r.to for r in known.related("apt27") if r.type == "sponsored-by"} <= {"state/cn"}


def test_everybody_has_name_and_source_and_nobody_is_inside_himself() -> None:
    known = graph()
    for concept in known.concept:
        assert known.names_of[concept], concept
        assert concept not in known.above(concept)
    for statement in (*known.concepts, *known.namings, *known.relations):
        assert statement.source in known.source, statement
    for relation in known.relations:
        assert relation.subject != relation.object and 0 < relation.weight <= 1, relation
        assert {relation.subject, relation.object} <= set(known.concept), relation


def test_building_twice_gives_the_same_graph_and_the_cache_holds_it() -> None:
    first = build_graph(Sources())
    assert first == build_graph(Sources()) == graph()
    assert {c.galaxy for c in CATALOGUES} <= {s.id for s in first.sources}


# --- The overlay as data ------------------------------------------------------------------------


def rows(name: str) -> Iterator[dict[str, object]]:
    yield from read_overlay(Sources()).get(name, ())


def test_overlay_names_its_sources_and_every_source_is_used() -> None:
    identifiers = [str(r["id"]) for r in rows("source")]
    assert twice(identifiers) == [], "a source stands twice; merge the rows"
    for row in rows("source"):
        assert {"id", "publisher", "title", "date"} <= set(row), f"{row}: fields are missing"
        assert set(row) <= {"id", "publisher", "title", "date", "family", "url"}, row
        assert re.fullmatch(r"\d{4}(-\d\d){0,2}", str(row["date"])), f"{row['id']}: date"
    known = build_graph(Sources())
    spoken = {s.source for s in (*known.concepts, *known.namings, *known.relations)}
    idle = set(identifiers) - spoken
    assert not idle, f"nothing is said by {sorted(idle)}; use the sources or take them out"


def test_overlay_rows_have_valid_types_levels_weights_and_years() -> None:
    known = set(graph().concept)
    seen = []
    for row in rows("concept"):
        assert row["level"] in ("campaign", "subgroup", "group", "umbrella"), row["id"]
        allowed = {"id", "name", "level", "source", "since", "names", "relations"}
        assert set(row) <= allowed, f"{row['id']}: unknown fields {set(row) - allowed}"
        assert (row["level"] == "campaign") == str(row["id"]).startswith("campaign/"), row["id"]
        for said in row.get("names", ()):  # type: ignore[attr-defined]
            assert set(said) <= {"name", "source", "since", "primary"}, (row["id"], said)
        for said in row.get("relations", ()):  # type: ignore[attr-defined]
            seen.append((str(row["id"]), said))
    for said in rows("relation"):
        seen.append((str(said["subject"]), said))
    for subject, said in seen:
        allowed = {"subject", "type", "to", "weight", "source", "words", "since"}
        assert set(said) <= allowed, f"{subject}: unknown fields {set(said) - allowed}"
        kinds = ("same-as", "part-of", "subgroup-of", "overlaps", "sponsored-by", "disputed")
        assert said["type"] in kinds, f"{subject}: {said['type']} is no relation"
        assert 0 < float(said["weight"]) <= 0.95, f"{subject}: weight is a probability up to .95"
        assert {subject, said["to"]} <= known, f"{subject} or {said['to']} is no concept"
        assert subject != said["to"], subject
        assert 1995 <= int(said.get("since", 2000)) <= 2030, said
        if said["type"] == "sponsored-by":
            assert str(said["to"]).startswith("state/"), f"{subject}: a sponsor is a state"
    keys = [(s, r["type"], r["to"], r["source"]) for s, r in seen]
    assert [k for k, n in Counter(keys).items() if n > 1] == [], "the same statement twice"


def test_overlay_duplicates_are_one_hop_and_never_a_chain() -> None:
    pairs = {
        r.subject: r.object
        for r in build_graph(Sources()).relations
        if r.type == "same-as" and r.source == "samehand" and r.weight >= 0.95
    }
    assert len(pairs) >= 5
    assert not set(pairs) & set(pairs.values()), "name the entry that stands for all directly"


def test_naming_schemes_compile_and_name_states_by_code() -> None:
    for row in rows("scheme"):
        re.compile(str(row["pattern"]))
        assert set(row) <= {"publisher", "pattern", "state", "since"}, row
        assert re.fullmatch(r"[A-Z]{2}", str(row.get("state", "XX"))), row


def test_concept_ids_are_slugs_of_names() -> None:
    assert concept_id("Red  Fox (Team)") == "red-fox-team"
    assert concept_id("A & B", "campaign") == "campaign/a-b"
