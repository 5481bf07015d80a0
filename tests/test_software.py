"""Malware and tool families: what is one family, what stays ambiguous, what anybody can have."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.errors import ConfigError
from samehand.knowledge import software
from samehand.knowledge.software import Family, families, gather, is_public_tool, resolve, shares
from samehand.knowledge.software_join import joined
from samehand.knowledge.software_read import (
    Entry,
    Use,
    galaxy_entries,
    galaxy_uses,
    read,
    stix_entries,
)
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

SOURCES = Sources()
WORDS = ("ash", "birch", "cedar", "date palm", "elm", "fir")


def raw(galaxy: str) -> list[dict[str, object]]:
    return json.loads(SOURCES.galaxy(galaxy).read_text(encoding="utf-8"))["values"]


def top(name: str) -> Family:
    """The family a name means most likely."""
    return families()[resolve(name)[0][0]]


def partition(entries: Sequence[Entry]) -> set[frozenset[str]]:
    return {frozenset(e.uuid for e in group) for group in joined(entries)}


@st.composite
def made_up(draw: st.DrawFn, plain: bool = False) -> list[Entry]:
    """Entries with names and aliases that collide a lot; of three galaxies and of some kinds, or
    plain: of one galaxy each and of no kind."""
    names = st.sampled_from(WORDS)
    kinds = st.just("") if plain else st.sampled_from(("", "", "ransomware", "rat", "tool"))
    platforms = st.just(()) if plain else st.sampled_from(((), (), ("Windows",), ("Android",)))
    return [
        Entry(
            source=f"galaxy-{i if plain else draw(st.integers(0, 2))}",
            name=draw(names),
            aliases=tuple(draw(st.lists(names, max_size=3, unique=True))),
            uuid=str(i),
            kind=draw(kinds),
            platforms=draw(platforms),
            attack_id=draw(st.sampled_from(("", "", "", "S0001", "S0002"))),
        )
        for i in range(draw(st.integers(2, 8)))
    ]


# What is one family


@given(made_up(plain=True))
def test_families_are_the_components_of_the_three_reasons_pair_by_pair(
    entries: list[Entry],
) -> None:
    """Naive: compare all pairs, then follow them; every source speaks of one thing only."""

    def one(a: Entry, b: Entry) -> bool:
        named = a.name in b.aliases and b.name in a.aliases
        return a.name == b.name or bool(a.attack_id and a.attack_id == b.attack_id) or named

    left, expected = list(entries), set()
    while left:
        group = [left.pop()]
        for member in group:
            for other in [e for e in left if one(member, e)]:
                left.remove(other)
                group.append(other)
        expected.add(frozenset(e.uuid for e in group))
    assert partition(entries) == expected


@given(made_up(), st.data())
def test_an_alias_that_two_entries_share_never_makes_them_one(
    entries: list[Entry], data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from([e.uuid for e in entries]), min_size=2))
    more = [
        replace(e, aliases=(*e.aliases, "Shared Word")) if e.uuid in chosen else e for e in entries
    ]
    assert partition(more) == partition(entries)
    found = gather(more)
    owners = {f.id for f in found if any(name == "Shared Word" for name, _ in f.names)}
    assert set(shares(found, more)["sharedword"]) == owners


@given(made_up(), st.integers(0, 2))
def test_removing_a_source_removes_what_it_said_and_nothing_else(
    entries: list[Entry], number: int
) -> None:
    gone = f"galaxy-{number}"
    uses = [Use(e.uuid, f"actor {i % 3}", e.source) for i, e in enumerate(entries)]

    def said(found: list[Family]) -> set[tuple[str, str]]:
        names = {(name, source) for f in found for name, by in f.names for source in by}
        return names | {user for f in found for user in f.users}

    with_all = gather(entries, uses)
    without = gather(
        [e for e in entries if e.source != gone], [u for u in uses if u.source != gone]
    )
    assert said(without) == {fact for fact in said(with_all) if fact[1] != gone}
    assert {s for f in without for s in f.sources} == {e.source for e in entries} - {gone}


@given(made_up(), st.randoms())
def test_the_order_of_the_entries_does_not_matter(entries: list[Entry], random: object) -> None:
    turned = list(entries)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert partition(turned) == partition(entries)
    assert gather(turned) == gather(entries)


def test_two_families_of_one_name_have_the_same_identifiers_in_any_order() -> None:
    ransom = Entry("ransomware", "Oak", uuid="1", kind="ransomware")
    tool = Entry("mitre-tool", "Oak", uuid="2", kind="tool", public=True)
    for entries in ([ransom, tool], [tool, ransom]):
        found = {f.id: f.kind for f in gather(entries)}
        assert found == {"oak": "tool", "oak-ransomware": "ransomware"}


@given(made_up())
def test_shares_of_every_name_sum_to_one_and_its_bearers_have_most(entries: list[Entry]) -> None:
    found = gather(entries)
    for key, weights in shares(found, entries).items():
        assert sum(weights.values()) == pytest.approx(1.0, abs=1e-12)
        assert all(share > 0 for share in weights.values())
        bearers = {
            f.id
            for f in found
            for name, by in f.names
            for e in entries
            if name_key(name) == key and e.name == name and e.source in by
        }
        if bearers:
            assert sum(weights[i] for i in bearers) >= 0.8 - 1e-12


def test_what_one_source_keeps_apart_is_not_joined_through_another() -> None:
    """As with jRAT and Adwind: ATT&CK has one, Malpedia both, each naming ATT&CK's."""
    hub = Entry("attack", "Oak", ("Pine", "Yew"), "1")
    pine, yew = Entry("list", "Pine", ("Oak",), "2"), Entry("list", "Yew", ("Oak",), "3")
    assert partition([hub, pine]) == {frozenset("12")}
    assert partition([hub, pine, yew]) == {frozenset("1"), frozenset("2"), frozenset("3")}
    named = replace(pine, aliases=("Oak", "Yew")), replace(yew, aliases=("Oak", "Pine"))
    assert partition([hub, *named]) == {frozenset("123")}
    ours = Entry("public_tools", "oak", ("yew",), "4")
    assert partition([hub, pine, yew, ours]) == {frozenset("134"), frozenset("2")}


def test_builds_for_two_platforms_are_two_families_unless_we_say_so() -> None:
    elf = Entry("malpedia", "Oak (ELF)", ("Oak",), "1", platforms=("Linux",))
    win = Entry("malpedia", "Oak (Windows)", ("Oak",), "2", platforms=("Windows",))
    attack = Entry("mitre-malware", "Oak", (), "3")
    own = Entry("public_tools", "oak", ("oak (elf)", "oak (windows)"), "4")
    assert len(partition([elf, win, attack])) == 3
    assert partition([elf, win, attack, own]) == {frozenset("1234")}


def test_one_name_of_things_that_exclude_each_other_is_two_families() -> None:
    entries = [
        Entry("ransomware", "Oak", uuid="1", kind="ransomware"),
        Entry("malpedia", "Oak", uuid="2", kind="malware"),
    ]
    assert partition(entries) == {frozenset("12")}
    tool = Entry("mitre-tool", "Oak", uuid="3", kind="tool", public=True)
    assert partition([*entries, tool]) == {frozenset("1"), frozenset("23")}
    phone = Entry("android", "Oak", uuid="4", kind="malware", platforms=("Android",))
    desk = Entry("mitre-malware", "Oak", uuid="5", kind="malware", platforms=("Windows",))
    assert partition([phone, desk]) == {frozenset("4"), frozenset("5")}


def test_a_family_takes_the_earliest_year_the_narrowest_kind_and_a_catalogue_s_spelling() -> None:
    entries = [
        Entry("public_tools", "oak", (), "1", public=True, public_since="2012-03"),
        Entry("rat", "OAK", (), "2", kind="rat", first_seen="2011", platforms=("Windows",)),
        Entry("malpedia", "Oak (ELF)", ("Oak", "oak"), "3", "malware", ("Linux",)),
        Entry("tool", "Oak", ("Oak (ELF)",), "4", first_seen="2009"),
    ]
    (family,) = gather(entries, [Use("4", "B", "x"), Use("2", "A", "y"), Use("9", "C", "y")])
    assert (family.id, family.name, family.kind) == ("oak", "Oak", "rat")
    assert (family.first_seen, family.public_since, family.public) == ("2009", "2012-03", True)
    assert family.platforms == ("Linux", "Windows")
    assert family.users == (("A", "y"), ("B", "x"))
    assert family.aliases == ("Oak (ELF)",)


# What the galaxies say


@pytest.mark.parametrize(
    ("name", "attack_id"),
    [("Emotet", "S0367"), ("TrickBot", "S0266"), ("Mimikatz", "S0002"), ("PlugX", "S0013")],
)
def test_a_family_of_att_ck_and_malpedia_is_one(name: str, attack_id: str) -> None:
    assert len(resolve(name)) == 1
    family = top(name)
    assert family.attack_id == attack_id
    assert "malpedia" in family.sources and any("mitre" in s for s in family.sources)


def test_only_att_ck_numbers_are_att_ck_ids() -> None:
    """Tidal Cyber numbers its own additions likewise: AnyDesk is its S3027."""
    known = {
        value["meta"]["external_id"]  # type: ignore[index]
        for galaxy in ("mitre-malware", "mitre-tool")
        for value in raw(galaxy)
    }
    assert {f.attack_id for f in families().values()} - {""} <= known
    assert "tidal-software" in top("AnyDesk").sources and top("AnyDesk").attack_id == ""


def test_other_names_of_a_family_are_found_however_they_are_written() -> None:
    assert resolve("Bladabindi") == resolve("njRAT") == resolve("NJ RAT")  # MITRE ATT&CK S0385
    assert resolve("Sogu") == resolve("PlugX") == resolve("Korplug")
    assert resolve("win.emotet") == resolve("Emotet") == resolve("Emotet malware")
    assert resolve("Trick Bot") == resolve("trickbot.exe") == resolve("TrickBot")
    assert resolve("no such family at all") == resolve("") == ()


def test_words_that_writers_append_are_a_last_resort() -> None:
    assert top("Polski").name == "Polski Ransomware"
    assert top("BlackByte 2.0 Ransomware").attack_id == "S1181"  # its own name, not BlackByte's
    assert top("Mimikatz malware").id == top("Mimikatz").id
    # the program of the operating system is not meant by these, the file is
    assert resolve("ping backdoor") == () and top("ping.exe").kind == "system"
    assert resolve("net malware") == ()


def test_ambiguous_names_stay_so() -> None:
    names = software.ambiguous()
    assert {"qbot", "lokibot", "anubis"} <= set(names)
    for name in names:
        found = resolve(name)
        assert len(found) > 1 and sum(s for _, s in found) == pytest.approx(1.0, abs=1e-9)
        assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
    assert {"qakbot", "bashlite"} <= {i for i, _ in resolve("qbot")}
    kinds = {families()[i].kind for i, _ in resolve("Havoc")}
    assert {"tool", "ransomware"} <= kinds


def test_every_stated_name_leads_to_a_family_that_bears_it() -> None:
    stated = 0
    for family in families().values():
        for name, said in family.names:
            assert said
            if name_key(name):
                assert family.id in dict(resolve(name)), name
                stated += 1
    assert stated > 10_000


def test_no_entry_is_lost() -> None:
    """Counted in the files: items per galaxy against items that a family answers for."""
    for galaxy in ("malpedia", "ransomware", "tidal-software", "rat"):
        known = {name for f in families().values() for name, by in f.names if galaxy in by}
        for value in raw(galaxy):
            name = re.sub(r" \(Deprecated\)$| - Duplicate$", "", str(value["value"]).strip())
            assert name in known, f"{galaxy}: {name}"


def test_users_are_what_the_catalogues_state() -> None:
    assert ("Sandworm Team", "mitre-intrusion-set") in software.users(top("Industroyer").id)
    assert ("Turla", "mitre-intrusion-set") in software.users(top("Kazuar").id)
    assert ("Putter Panda", "tidal-groups") in software.users(top("3PARA RAT").id)
    assert ("APT14", "threat-actor") in software.users(top("Poison Ivy").id)
    assert software.users("no such family") == ()
    stated = sum(
        relation["type"] == "used-by"
        for value in raw("tidal-software")
        for relation in value["related"]  # type: ignore[attr-defined]
    )
    found = {
        (f.id, actor) for f in families().values() for actor, by in f.users if by == "tidal-groups"
    }
    # each relation once; Tidal names a pair twice where two of its items are one family here
    assert stated * 0.95 < len(found) <= stated


def test_platforms_and_years() -> None:
    assert software.platform_of(top("Emotet").id) == ("Windows",)
    assert software.platform_of(top("win.emotet").id) == ("Windows",)
    assert "Linux" in software.platform_of(top("Mirai").id)
    assert software.platform_of("no such family") == ()
    assert top("Tinba").first_seen == "2012"  # CSIS and Trend Micro, 2012
    assert top("Zeus").first_seen == "2006"  # the galaxy: between 2006 and 2007
    assert all(re.fullmatch(r"|19\d\d|20\d\d", f.first_seen) for f in families().values())


def test_relations_are_read_from_either_side() -> None:
    tool = {"uuid": "t", "value": "Oak", "related": [{"dest-uuid": "b", "type": "used-by"}]}
    one = {"uuid": "a", "value": "A - G0001", "related": [{"dest-uuid": "t", "type": "uses"}]}
    two = {"uuid": "b", "value": "B", "related": [{"dest-uuid": "t", "type": "similar"}]}
    three = {"uuid": "c", "value": "C"}
    tool["related"].append({"dest-uuid": "c", "type": "similar"})  # type: ignore[attr-defined]
    actors = {"one": [one], "two": [two, three]}
    assert set(galaxy_uses([tool], actors)) == {Use("t", "A", "one"), Use("t", "B", "two")}


def test_a_withdrawn_entry_is_a_name_of_its_successor() -> None:
    old = {
        "uuid": "1",
        "value": "Old - S0001",
        "meta": {"external_id": "S0001"},
        "related": [{"dest-uuid": "2", "type": "revoked-by"}],
    }
    new = {"uuid": "2", "value": "New - S0002", "meta": {"external_id": "S0002"}}
    found = list(galaxy_entries("mitre-malware", [old, new]))
    assert [(e.name, e.aliases, e.attack_id) for e in found] == [
        ("New", ("Old",), "S0002"),
        ("New", (), "S0002"),
    ]


def test_a_fetched_bundle_of_att_ck_joins_by_its_ids(tmp_path: Path) -> None:
    (tmp_path / "attack").mkdir()
    reference = [{"source_name": "mitre-attack", "external_id": "S0367"}]
    objects = [
        {"type": "malware", "id": "malware--1", "name": "Emotet", "external_references": reference,
         "x_mitre_aliases": ["Emotet", "Brand New Name"], "x_mitre_platforms": ["Windows"]},
        {"type": "tool", "id": "tool--1", "name": "Withdrawn", "revoked": True},
        {"type": "intrusion-set", "id": "intrusion-set--1", "name": "Some Group"},
        {"type": "relationship", "relationship_type": "uses", "source_ref": "intrusion-set--1",
         "target_ref": "malware--1"},
        {"type": "relationship", "relationship_type": "uses", "source_ref": "malware--1",
         "target_ref": "attack-pattern--1"},
    ]  # fmt: skip
    entries, uses = stix_entries("enterprise", objects)
    assert [(e.name, e.aliases) for e in entries] == [("Emotet", ("Brand New Name",))]
    place = tmp_path / "attack" / "enterprise-attack.json"
    place.write_text(json.dumps({"objects": objects}), encoding="utf-8")
    row = {"name": "attack/enterprise-attack.json", "version": "99", "retrieved": "2026-11-25"}
    row |= {"url": "", "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [row]}), encoding="utf-8")
    found = gather(*read(Sources(tmp_path)))
    (emotet,) = [f for f in found if f.attack_id == "S0367"]
    assert {"attack-enterprise", "malpedia"} <= set(emotet.sources)
    assert ("Brand New Name", ("attack-enterprise",)) in emotet.names
    assert (uses[0].actor, "attack-enterprise") in emotet.users
    place.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="knowledge update"):
        read(Sources(tmp_path))


def test_building_twice_gives_the_same_bytes() -> None:
    program = (
        "import hashlib; from samehand.knowledge.software import _build; "
        "from samehand.knowledge.sources import Sources; "
        "print(hashlib.sha256(_build(Sources())['software.msgpack']).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1 and len(digests.pop().strip()) == 64


# What anybody can have


@pytest.mark.parametrize("name", ["PlugX", "Korplug", "ShadowPad", "Derusbi", "CARROTBALL", "Xbot"])
def test_what_a_closed_circle_shares_is_not_public(name: str) -> None:
    assert not is_public_tool(name) and not top(name).public
    assert not is_public_tool(name, date(2026, 1, 1))


@pytest.mark.parametrize("name", ["Emotet", "TrickBot", "Industroyer", "cageychameleon", ""])
def test_what_one_actor_has_is_not_public(name: str) -> None:
    assert not is_public_tool(name)


def test_tools_of_att_ck_are_public_but_for_those_we_exclude() -> None:
    closed = {row["name"] for row in own()["closed"]}
    for value in raw("mitre-tool"):
        name = str(value["value"]).rpartition(" - ")[0]
        assert is_public_tool(name) == (name.lower() not in closed), name


@pytest.mark.parametrize(
    ("name", "not_yet", "by_then"),
    [
        ("EternalBlue", date(2016, 12, 31), date(2018, 1, 1)),
        ("EternalBlue", date(2017, 4, 13), date(2017, 4, 14)),  # Shadow Brokers
        ("DoublePulsar", date(2017, 3, 31), date(2017, 5, 12)),  # WannaCry
        ("Mimikatz", date(2010, 6, 1), date(2012, 6, 1)),  # 2011
        ("Mirai", date(2016, 9, 20), date(2016, 10, 21)),  # attacks on Krebs and on Dyn
        ("Zeus", date(2010, 6, 1), date(2011, 6, 1)),
        ("Zbot", date(2010, 6, 1), date(2011, 6, 1)),
        ("Carberp", date(2012, 6, 1), date(2013, 7, 1)),
        ("Babuk", date(2021, 4, 30), date(2021, 10, 1)),  # the Washington police, the source
        ("Conti", date(2021, 5, 14), date(2022, 4, 1)),  # Ireland's health service, the leak
        ("LockBit 3.0", date(2022, 7, 1), date(2022, 10, 1)),
        ("LockBit Black", date(2022, 7, 1), date(2022, 10, 1)),
        ("Cobalt Strike", date(2011, 1, 1), date(2013, 1, 1)),
    ],
)
def test_sharing_weighs_before_a_tool_is_public_and_not_after(
    name: str, not_yet: date, by_then: date
) -> None:
    assert not is_public_tool(name, not_yet)
    assert is_public_tool(name, by_then) and is_public_tool(name)


def test_a_tool_of_unknown_date_counts_as_always_public() -> None:
    assert top("PsExec").public_since == ""
    assert is_public_tool("PsExec", date(1990, 1, 1))


def own() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads(SOURCES.own("public_tools.toml").read_text(encoding="utf-8"))


def test_public_tools_file_is_in_order() -> None:
    fields = {"name", "kind", "aliases", "public_since", "public_on", "source", "attack"}
    kinds = {"offensive", "rat", "stealer", "loader", "webshell", "botnet", "ransomware", "admin",
             "system", "leaked"}  # fmt: skip
    owners: dict[str, str] = {}
    tables = own()
    assert set(tables) == {"tool", "closed"}, "public_tools.toml: only [[tool]] and [[closed]]"
    for row in tables["tool"]:
        name = row["name"]
        assert set(row) <= fields, f"{name}: unknown fields {set(row) - fields}; remove or document"
        assert row["kind"] in kinds, f"{name}: kind is one of {sorted(kinds)}"
        dated = "public_since" in row
        assert dated == ("source" in row), f"{name}: a year and its source come together; add one"
        if row["kind"] == "leaked":
            assert dated, f"{name}: a leak has a date; add public_since and source, or another kind"
        if "public_on" in row:
            on = str(row["public_on"])
            good = re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", on) and on[:4] == str(row["public_since"])
            assert good, f"{name}: write public_on as YYYY-MM or YYYY-MM-DD of public_since"
            date.fromisoformat(on if len(on) == 10 else f"{on}-01")
    for row in tables["closed"]:
        assert set(row) <= {"name", "aliases", "reason"}, f"{row['name']}: unknown fields"
        assert row["reason"], f"{row['name']}: say why it is not public"
    for row in (*tables["tool"], *tables["closed"]):
        aliases = row.get("aliases", [])
        assert isinstance(aliases, list)
        names = [str(n) for n in (row["name"], *aliases)]
        assert list(aliases) == sorted(set(aliases)), f"{row['name']}: sort aliases, each once"
        for name in names:
            assert name == name.lower().strip(), f"{name!r}: lower case, no blanks around"
            owner = owners.setdefault(name_key(name), str(row["name"]))
            assert owner == row["name"], f"{name!r} stands for {owner} and {row['name']}; keep one"
    order = [str(row["name"]) for row in tables["tool"]]
    assert order == sorted(order), "public_tools.toml: sort [[tool]] by name"


def test_our_rows_belong_to_the_galaxies_families() -> None:
    """A leaked family that no galaxy knows is most likely a misspelt name."""
    for row in own()["tool"]:
        if row["kind"] == "leaked":
            family = top(str(row["name"]))
            assert family.public and "public_tools" in family.sources
    alone = [
        row["name"]
        for row in own()["tool"]
        if row["kind"] == "leaked" and top(str(row["name"])).sources == ("public_tools",)
    ]
    assert len(alone) <= 14, f"no galaxy knows {alone}; spell them as a galaxy does"
