"""ATT&CK knowledge against a naive reading of the galaxies, known facts, and made-up bundles."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.errors import ConfigError
from samehand.knowledge import attack, cache
from samehand.knowledge.attack_read import read
from samehand.knowledge.attack_stix import Bundle, decode_bundle, read_bundle
from samehand.knowledge.sources import MANIFEST, Sources

SPEC = find_spec("pymispgalaxies")
assert SPEC and SPEC.origin
CLUSTERS = Path(SPEC.origin).parent / "data" / "misp-galaxy" / "clusters"

Json = dict[str, Any]


def values(name: str) -> list[Json]:
    found: list[Json] = json.loads((CLUSTERS / f"{name}.json").read_text("utf-8"))["values"]
    return found


PATTERNS = values("mitre-attack-pattern")
ID_OF = {
    v["uuid"]: v["meta"]["external_id"]
    for name in ("mitre-attack-pattern", "mitre-intrusion-set", "mitre-malware", "mitre-tool")
    for v in values(name)
}


def edges(rows: list[Json], relation: str) -> list[tuple[str, str]]:
    """(id, id) of every relation of a kind, in plain loops."""
    return [
        (v["meta"]["external_id"], ID_OF[r["dest-uuid"]])
        for v in rows
        for r in v.get("related", [])
        if r["type"] == relation
    ]


def end_of(identifier: str, revoked_by: dict[str, str]) -> str:
    while identifier in revoked_by:
        identifier = revoked_by[identifier]
    return identifier


REVOKED_BY = dict(edges(PATTERNS, "revoked-by"))


# --- the bundled galaxies -------------------------------------------------------------------------


def test_every_technique_of_the_galaxies_is_known_with_its_name() -> None:
    for v in PATTERNS:
        identifier = v["meta"]["external_id"]
        assert v["value"] == f"{attack.techniques()[identifier].name} - {identifier}"


def test_parents_are_those_of_the_relations() -> None:
    pairs = edges(PATTERNS, "subtechnique-of")
    assert len(pairs) == 516  # measured apart from this program
    for child, parent in pairs:
        assert attack.techniques()[child].parent == parent
        assert attack.parents(child) == (parent,)
    known = attack.techniques()
    of_galaxy = [v["meta"]["external_id"] for v in PATTERNS]
    # Two revoked sub-techniques have lost their relation; their identifier still tells.
    assert sum(bool(known[i].parent) for i in of_galaxy) == 516 + 2
    for technique in known.values():
        assert not technique.parent or technique.parent in known
        assert technique.parent != technique.id
        assert not technique.parent or not known[technique.parent].parent
    assert attack.parents("T1059") == attack.parents("T9999") == ()


def test_successors_are_the_ends_of_the_chains_of_revocations() -> None:
    assert len(REVOKED_BY) == 182  # measured apart from this program
    for old in REVOKED_BY:
        technique = attack.techniques()[old]
        assert technique.status == "revoked"
        assert technique.successor == end_of(old, REVOKED_BY) == attack.current(old)
    for technique in attack.techniques().values():
        if technique.successor:
            assert attack.techniques()[technique.successor].status in ("active", "deprecated")
    others = {t.id for t in attack.techniques().values() if t.status == "revoked"} - set(REVOKED_BY)
    # Three are revoked without a relation; the mobile galaxy of 2018 has it for one of them.
    assert others == {"T1415", "T1419", "T1454"}
    assert [attack.current(i) for i in sorted(others)] == ["T1415", "T1419", "T1477"]


def test_uses_of_groups_and_software_are_the_relations_followed_to_today() -> None:
    rows = values("mitre-intrusion-set")
    pairs = edges(rows, "uses")
    assert len(pairs) == 5159  # measured apart from this program
    groups_by = dict(edges(rows, "revoked-by"))
    tools = values("mitre-malware") + values("mitre-tool")
    software_by = dict(edges(tools, "revoked-by"))
    follow = {**REVOKED_BY, **groups_by, **software_by}
    expected = {(end_of(a, follow), end_of(b, follow)) for a, b in pairs}
    found = {
        (g.id, used) for g in attack.groups().values() for used in (*g.techniques, *g.software)
    }
    assert found == expected
    of_software = {(end_of(a, follow), end_of(b, follow)) for a, b in edges(tools, "uses")}
    assert {(s.id, t) for s in attack.software().values() for t in s.techniques} == of_software
    assert {v["meta"]["external_id"] for v in rows} == set(attack.groups()) | set(groups_by)
    known = {v["meta"]["external_id"] for v in tools}
    assert known == set(attack.software()) | set(software_by)
    kinds = Counter(s.kind for s in attack.software().values())
    assert kinds == {"malware": 782 - 2, "tool": 93}


def test_revoked_groups_stand_under_the_group_that_replaced_them() -> None:
    assert attack.current("G0058") == "G0059"
    magic_hound = attack.groups()["G0059"]
    assert magic_hound.former == ("G0058",) and "Charming Kitten" in magic_hound.aliases
    assert "G0058" not in attack.groups()
    assert attack.current("S0209") == "S0012" and "Darkmoon" in attack.software()["S0012"].aliases
    assert attack.groups()["G0015"].status == "deprecated"
    assert "HIDDEN COBRA" in attack.groups()["G0032"].aliases
    assert "S0584" in attack.groups()["G0032"].software  # AppleJeus


@pytest.mark.parametrize(
    ("old", "today", "name"),
    [
        ("T1086", "T1059.001", "PowerShell"),
        ("T1193", "T1566.001", "Spearphishing Attachment"),
        ("T1060", "T1547.001", "Registry Run Keys / Startup Folder"),
        ("T1073", "T1574.001", "DLL"),  # through T1574.002, itself revoked in v17
        ("T1003", "T1003", "OS Credential Dumping"),
        ("T1043", "T1043", "Commonly Used Port"),
    ],
)
def test_well_known_identifiers(old: str, today: str, name: str) -> None:
    assert attack.current(old) == today
    assert attack.techniques()[today].name == name


def test_statuses_of_well_known_techniques() -> None:
    known = attack.techniques()
    assert known["T1043"].status == known["T1064"].status == "deprecated"
    assert known["T1059.001"].status == "active" and known["T1086"].status == "revoked"
    assert known["T1226"].status == "deprecated"  # PRE-ATT&CK
    assert known["T1003"].names == ("OS Credential Dumping", "Credential Dumping")
    assert known["T1059.001"].platforms == ("Windows",)
    assert attack.tactics_of("T1078") == (
        "initial-access",
        "persistence",
        "privilege-escalation",
        "defense-evasion",
    )
    assert attack.tactics_of("T9999") == ()
    assert attack.current("T9999") == "T9999"


def test_techniques_of_v18_that_the_galaxy_lacks_are_known() -> None:
    assert not {v["meta"]["external_id"] for v in PATTERNS} & {"T1680", "T1213.006"}
    assert attack.techniques()["T1680"].name == "Local Storage Discovery"
    assert attack.find("Data from Information Repositories: Databases") == ("T1213.006",)


def test_status_tactics_and_domain_are_those_of_the_galaxy() -> None:
    for v in PATTERNS:
        technique = attack.techniques()[v["meta"]["external_id"]]
        phases = [phase.split(":") for phase in v["meta"].get("kill_chain", [])]
        assert set(technique.tactics) == {tactic for _, tactic in phases}
        pre = any(chain == "pre-attack" for chain, _ in phases)
        expected = "deprecated" if pre or "deprecated" in v["description"][:60] else "active"
        assert technique.status == ("revoked" if v.get("revoked") else expected)
        mobile = not phases or any(chain.startswith("mobile") for chain, _ in phases)
        assert technique.domain == ("mobile" if mobile else "enterprise")


#: ICS techniques whose wiki edition of 2020 is outdated, as ATT&CK's release notes say.
ICS_DEPRECATED = {"T0810", "T0818", "T0824", "T0825", "T0833", "T0841", "T0844", "T0850"} | {
    "T0854", "T0870", "T0875"
}  # fmt: skip
ICS_RENAMED = {"T0830", "T0848", "T0858", "T0867"}
#: Identifiers that the wiki edition gives wrongly; T811, T833 and T854 are those of others.
ICS_SLIPS = {
    "Default Credentials": "T0812",
    "Internet Accessible Device": "T0883",
    "Scripting": "T0853",
}


def test_ics_techniques_have_the_identifiers_of_today() -> None:
    rows = values("mitre-ics-techniques")
    seen = set()
    for v in rows:
        written = v["meta"]["Technique ID"][0]
        identifier = ICS_SLIPS.get(v["value"], written.replace("T", "T0"))
        technique = attack.table()[identifier]
        seen.add(identifier)
        assert technique.domain == "ics" and v["value"] in technique.names
        assert (v["value"] == technique.name) == (identifier not in ICS_RENAMED)
        assert technique.status == ("deprecated" if identifier in ICS_DEPRECATED else "active")
        text = " ".join(v["meta"]["Tactic"])
        assert technique.tactics
        for tactic in technique.tactics:
            assert tactic.replace("-", " ") in text.lower()
    assert len(seen) == len(rows) == 78
    # Two that stand in one string without a comma, and one that reads like part of another.
    assert attack.tactics_of("T0875") == ("execution", "impair-process-control")
    assert attack.tactics_of("T0848") == ("evasion", "impair-process-control")
    assert attack.tactics_of("T0885") == ("command-and-control",)


def test_tactics_are_in_the_order_of_the_matrix() -> None:
    order = attack.tactic_order()
    assert [t for t in order if t in attack.TACTICS] == list(attack.TACTICS)
    assert [len(attack.tactic_order(d)) for d in ("mobile", "ics")] == [14, 12]
    for technique in attack.techniques().values():
        whole = attack.tactic_order(technique.domain)
        assert set(technique.tactics) <= set(whole), technique
        assert list(technique.tactics) == [t for t in whole if t in technique.tactics]


def test_version_names_its_source() -> None:
    expected = "ATT&CK v17 (inferred), MISP galaxy mitre-attack-pattern 33, pymispgalaxies 1.1.1"
    galaxy = json.loads((CLUSTERS / "mitre-attack-pattern.json").read_text("utf-8"))
    if galaxy["version"] == 33 and "pymispgalaxies 1.1.1" in attack.version():
        assert attack.version() == expected
    else:
        assert f"mitre-attack-pattern {galaxy['version']}" in attack.version()


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("T1059.001", ("T1059.001",)),
        ("t1059/001", ("T1059.001",)),
        ("powershell", ("T1059.001", "T1086")),
        ("Phishing: Spearphishing Attachment", ("T1566.001",)),
        ("Phishing/Spearphishing Attachment", ("T1566.001",)),
        ("Spearphishing Attachment", ("T0865", "T1566.001", "T1598.002", "T1193")),
        ("Credential Dumping", ("T1003",)),
        ("Credential Dumping: LSASS Memory", ("T1003.001",)),  # the parent's name before v7
        ("DLL Search Order Hijacking", ("T1574.001", "T1038")),
        ("PRE-T1170", ("T1393",)),
        ("MOB-T1057", ("T1454",)),
        ("T803", ("T0803",)),
        ("Utilize/Change Operating Mode", ("T0858",)),
        ("no such technique", ()),
        ("", ()),
        ("...", ()),
    ],
)
def test_find_by_any_name(text: str, ids: tuple[str, ...]) -> None:
    assert attack.find(text) == ids


def test_every_name_of_every_technique_finds_it() -> None:
    for technique in attack.techniques().values():
        assert technique.id in attack.find(technique.id)
        for name in technique.names:
            assert technique.id in attack.find(name.upper())
            for above in attack.parents(technique.id):
                parent = attack.techniques()[above]
                assert technique.id in attack.find(f"{parent.name}: {name}")


def test_every_name_of_the_edition_of_2018_finds_its_technique() -> None:
    rows = values("mitre-enterprise-attack-attack-pattern")
    assert len(rows) == 219
    for v in rows:
        identifier = v["meta"]["external_id"]
        assert identifier in attack.find(v["value"].removesuffix(f" - {identifier}"))


@pytest.mark.parametrize(
    ("written", "version", "domain", "today", "how"),
    [
        ("T1086", "6.3", "", "T1059.001", "revoked"),
        ("PowerShell", "ATT&CK v6.3", "", "T1059.001", "revoked"),
        ("PowerShell", "v8", "", "T1059.001", "same"),
        ("PowerShell", None, "", "T1059.001", "same"),
        ("T1003", "5", "", "T1003", "renamed"),
        ("T1003", "v17", "", "T1003", "same"),
        ("Credential Dumping", "5", "", "T1003", "renamed"),
        ("Credential Dumping", None, "", "T1003", "renamed"),
        ("Scheduled Task", "6", "", "T1053", "renamed"),  # T1053 of then, not T1053.005
        ("Scheduled Task", "7", "", "T1053.005", "same"),
        ("Spearphishing Attachment", "6", "", "T1566.001", "revoked"),
        ("Phishing: Spearphishing Attachment", None, "", "T1566.001", "same"),
        ("T1043", "6", "", "T1043", "deprecated"),
        ("Scripting", None, "enterprise", "T1064", "deprecated"),
        ("Input Capture", None, "mobile", "T1417", "same"),
        ("T1059.001", "6", "", "T1059.001", "same"),  # the stated version is wrong then
        ("PRE-T1170", "1", "", "T1393", "deprecated"),
    ],
)
def test_documents_of_other_editions(
    written: str, version: str | None, domain: str, today: str, how: str
) -> None:
    resolved = attack.as_of_version(written, version, domain)
    assert (resolved.written, resolved.id, resolved.how) == (written, today, how)
    assert resolved.candidates == (today,)


def test_what_cannot_be_resolved_is_said() -> None:
    unknown = attack.as_of_version("Witchcraft", "6")
    assert (unknown.id, unknown.how, unknown.candidates) == ("", "unknown", ())
    several = attack.as_of_version("Input Capture", None)
    assert (several.id, several.how) == ("", "ambiguous")
    assert several.candidates == ("T1056", "T1417")


# --- made-up bundles ------------------------------------------------------------------------------


def stix(kind: str, number: int, identifier: str, name: str, **more: object) -> Json:
    return {
        "type": kind,
        "id": f"{kind}--00000000-0000-4000-8000-{number:012d}",
        "name": name,
        "external_references": [
            {"source_name": "capec", "external_id": "CAPEC-1"},
            {"source_name": "mitre-attack", "external_id": identifier},
        ],
        **more,
    }


def relation(source: Json, kind: str, target: Json, number: int = 0, **more: object) -> Json:
    return {
        "type": "relationship",
        "id": f"relationship--{number}",
        "relationship_type": kind,
        "source_ref": source["id"],
        "target_ref": target["id"],
        **more,
    }


def collection(version: str, modified: str = "2026-04-28T14:00:00.000Z") -> Json:
    return {
        "type": "x-mitre-collection",
        "id": "x-mitre-collection--1",
        "name": "made up",
        "x_mitre_version": version,
        "modified": modified,
    }


def bundle(*objects: Json) -> bytes:
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}).encode()


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An update folder with a made-up enterprise bundle, in use while the test runs."""
    monkeypatch.setenv("SAMEHAND_CACHE", str(tmp_path / "cache"))
    phase = {"kill_chain_name": "mitre-attack", "phase_name": "stealth"}
    late = {"kill_chain_name": "mitre-attack", "phase_name": "impact"}
    top = stix("attack-pattern", 1, "T1900", "Top", kill_chain_phases=[late, phase])
    sub = stix("attack-pattern", 2, "T1900.001", "Sub", x_mitre_platforms=["Linux"])
    first = stix("attack-pattern", 3, "T1901", "First", revoked=True)
    second = stix("attack-pattern", 4, "T1902", "Second", revoked=True)
    one = stix("attack-pattern", 5, "T1903", "One", revoked=True)
    other = stix("attack-pattern", 6, "T1904", "Other", revoked=True)
    past = stix("attack-pattern", 7, "T1905", "Past", x_mitre_deprecated=True)
    lost = stix("attack-pattern", 8, "T1906", "Lost", revoked=True)
    orphan = stix("attack-pattern", 9, "T1999.001", "Orphan")
    renamed = stix("attack-pattern", 10, "T1003", "Newest Name")
    group = stix("intrusion-set", 11, "G9001", "Hand", aliases=["Hand", "Other Hand"])
    gone = stix("intrusion-set", 12, "G9002", "Gone", revoked=True)
    tool = stix("tool", 13, "S9901", "Knife", x_mitre_aliases=["Knife", "Blade"])
    ghost = stix("attack-pattern", 99, "T1950", "Ghost")
    wrong_kind = stix("attack-pattern", 14, "G9003", "Wrong")
    tactic = {"type": "x-mitre-tactic", "id": "x-mitre-tactic--1", "x_mitre_shortname": "stealth"}
    end = {"type": "x-mitre-tactic", "id": "x-mitre-tactic--2", "x_mitre_shortname": "impact"}
    matrix = {"type": "x-mitre-matrix", "tactic_refs": [tactic["id"], end["id"]]}
    data = bundle(
        collection("19.1"), matrix, tactic, end,
        top, sub, first, second, one, other, past, lost, orphan, renamed, group, gone, tool,
        wrong_kind,
        relation(sub, "subtechnique-of", top),
        relation(first, "revoked-by", second), relation(second, "revoked-by", sub),
        relation(one, "revoked-by", other), relation(other, "revoked-by", one),
        relation(lost, "revoked-by", ghost), relation(gone, "revoked-by", group),
        relation(group, "uses", first), relation(group, "uses", tool),
        relation(group, "uses", past), relation(group, "uses", ghost),
        relation(group, "uses", orphan, x_mitre_deprecated=True),
        relation(group, "uses", renamed, revoked=True),
        relation(gone, "uses", top, 7), relation(tool, "uses", sub),
        relation(group, "attributed-to", tool),
    )  # fmt: skip
    folder = tmp_path / "update"
    write_update(folder, {"attack/enterprise-attack.json": data})
    try:
        cache.select(folder)
        yield folder
    finally:
        cache.select(None)


def write_update(folder: Path, files: dict[str, bytes]) -> None:
    rows = []
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        rows.append(
            {"name": name, "version": "1", "retrieved": "2026-11-25", "url": "", "sha256": name}
        )
    (folder / MANIFEST).write_text(json.dumps({"files": rows}), encoding="utf-8")


@pytest.mark.usefixtures("made_up")
def test_bundle_goes_before_the_galaxies_in_its_domain() -> None:
    known = attack.techniques()
    assert known["T1900"].tactics == ("stealth", "impact")
    assert attack.tactic_order()[:2] == ("stealth", "impact")
    assert known["T1900.001"].parent == "T1900" and known["T1900.001"].platforms == ("Linux",)
    assert known["T1999.001"].parent == ""
    assert known["T1905"].status == "deprecated"
    assert known["T1003"].names == ("Newest Name", "OS Credential Dumping", "Credential Dumping")
    assert attack.find("Credential Dumping") == ("T1003",)
    # What only the galaxies know stays known; ATT&CK has dropped it, so it is not in force.
    assert known["T1059.001"].status == "deprecated"
    assert known["T1417"].status == "active" and known["T0800"].status == "active"
    assert attack.current("T1086") == "T1059.001"
    assert attack.version() == (
        "ATT&CK v19.1 of 2026-04-28 (enterprise); MISP galaxy mitre-attack-pattern "
        + attack.version().partition("mitre-attack-pattern ")[2]
    )


@pytest.mark.usefixtures("made_up")
def test_chains_circles_and_dangling_revocations_of_a_bundle() -> None:
    known = attack.techniques()
    assert known["T1901"].successor == known["T1902"].successor == "T1900.001"
    for identifier in ("T1903", "T1904", "T1906"):
        assert (known[identifier].status, known[identifier].successor) == ("revoked", "")
        assert attack.current(identifier) == identifier
    assert "T1950" not in known and "G9003" not in attack.groups()


@pytest.mark.usefixtures("made_up")
def test_groups_and_software_of_a_bundle() -> None:
    hand = attack.groups()["G9001"]
    assert hand.aliases == ("Other Hand", "Gone") and hand.former == ("G9002",)
    # T1901 stands for its successor; T1900 comes only from the group that was revoked.
    assert hand.techniques == ("T1900", "T1900.001", "T1905")
    assert hand.software == ("S9901",)
    knife = attack.software()["S9901"]
    assert (knife.aliases, knife.kind, knife.techniques) == (("Blade",), "tool", ("T1900.001",))
    # Groups that only the galaxies know keep their software and lose enterprise techniques.
    lazarus = attack.groups()["G0032"]
    assert "S0584" in lazarus.software and lazarus.techniques == ()


def test_selecting_only_the_bundled_sources_brings_them_back() -> None:
    assert attack.techniques()["T1059.001"].status == "active"
    assert "T1900" not in attack.techniques()


def test_group_in_several_bundles_is_one(tmp_path: Path) -> None:
    use = {"enterprise": "T1059", "ics": "T0800"}
    files = {}
    for number, (domain, identifier) in enumerate(use.items()):
        technique = stix("attack-pattern", number, identifier, identifier)
        group = stix("intrusion-set", 9, "G9001", "Hand", aliases=[f"of {domain}"])
        files[f"attack/{domain}-attack.json"] = bundle(
            collection("19.1"), technique, group, relation(group, "uses", technique)
        )
    write_update(tmp_path, files)
    data = attack.build(Sources(tmp_path))["attack.msgpack"]
    built = msgspec.msgpack.decode(data)
    hand = built["groups"]["G9001"]
    assert hand["techniques"] == ["T0800", "T1059"]
    assert hand["aliases"] == ["of enterprise", "of ics"]
    assert built["version"].startswith("ATT&CK v19.1 of 2026-04-28 (enterprise, ics); MISP galaxy")
    assert attack.build(Sources(tmp_path))["attack.msgpack"] == data


def as_bundles() -> dict[str, bytes]:
    """The galaxies of enterprise and mobile ATT&CK, rewritten as STIX bundles."""
    kinds = {
        "mitre-attack-pattern": "attack-pattern",
        "mitre-intrusion-set": "intrusion-set",
        "mitre-malware": "malware",
        "mitre-tool": "tool",
    }
    objects: dict[str, Json] = {}
    links: list[Json] = []
    mobile = set()
    for name, kind in kinds.items():
        for v in values(name):
            meta = v["meta"]
            identifier = meta["external_id"]
            phases = [phase.split(":", 1) for phase in meta.get("kill_chain", [])]
            if any(chain == "pre-attack" for chain, _ in phases):
                continue
            if not phases or any(chain.startswith("mobile") for chain, _ in phases):
                mobile.add(v["uuid"])
            objects[v["uuid"]] = stix(
                kind,
                len(objects),
                identifier,
                v["value"].removesuffix(f" - {identifier}"),
                aliases=meta.get("synonyms", []),
                x_mitre_platforms=meta.get("mitre_platforms", []),
                kill_chain_phases=[{"phase_name": tactic} for _, tactic in phases],
                revoked=v.get("revoked", False),
                x_mitre_deprecated="deprecated" in v.get("description", "")[:80],
            )
    for name in kinds:
        for v in values(name):
            for r in v.get("related", []):
                if v["uuid"] in objects and r["dest-uuid"] in objects:
                    ends = objects[v["uuid"]], objects[r["dest-uuid"]]
                    links.append(relation(ends[0], r["type"], ends[1], len(links)))
    of = {
        "enterprise": [
            o for u, o in objects.items() if o["type"] != "attack-pattern" or u not in mobile
        ],
        "mobile": [o for u, o in objects.items() if o["type"] != "attack-pattern" or u in mobile],
    }
    return {d: bundle(collection("17.1", "2025-05-06T"), *rows, *links) for d, rows in of.items()}


def test_galaxies_rewritten_as_bundles_say_the_same(tmp_path: Path) -> None:
    files = {f"attack/{domain}-attack.json": data for domain, data in as_bundles().items()}
    write_update(tmp_path, files)
    from_stix = attack._built(read(Sources(tmp_path)))
    # A bundle speaks for its domain: uses of PRE-ATT&CK (T1226 to T1397), which it lacks, are gone.
    for identifier, group in attack.groups().items():
        kept = tuple(t for t in group.techniques if not "T1226" <= t <= "T1397")
        assert from_stix.groups[identifier] == replace(group, techniques=kept)
    assert from_stix.groups.keys() == attack.groups().keys()
    assert from_stix.software == attack.software()
    assert from_stix.techniques.keys() == attack.techniques().keys()
    for identifier, technique in from_stix.techniques.items():
        if identifier != "T1454":  # only the mobile galaxy of 2018 knows its successor
            assert technique == attack.techniques()[identifier]


def test_of_two_objects_of_one_identifier_the_one_in_force_counts() -> None:
    objects = [
        stix("attack-pattern", 1, "T1900", "Gone", revoked=True),
        stix("attack-pattern", 2, "T1900", "In force"),
        stix("attack-pattern", 3, "T1901", "In force"),
        stix("attack-pattern", 4, "T1901", "Gone", x_mitre_deprecated=True),
    ]
    items = read_bundle(decode_bundle(bundle(*objects)), "enterprise").items
    assert {i: (item.name, item.status) for i, item in items.items()} == {
        "T1900": ("In force", "active"),
        "T1901": ("In force", "active"),
    }


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"type": "x", "objects": []}', b"\xff\xfe"])
def test_damaged_bundle_is_an_error_that_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    write_update(tmp_path, {"attack/ics-attack.json": data})
    with pytest.raises(ConfigError, match=r"ics-attack\.json.*knowledge update"):
        read(Sources(tmp_path))


def test_damaged_galaxy_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    write_update(tmp_path, {"galaxies/mitre-tool.json": b'{"values": [{}]}'})
    with pytest.raises(ConfigError, match=r"mitre-tool\.json.*knowledge update"):
        read(Sources(tmp_path))


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12),
    st.sets(st.integers(0, 7)),
)
def test_any_web_of_revocations_ends_in_force_or_nowhere(
    pairs: list[tuple[int, int]], revoked: set[int]
) -> None:
    objects = [
        stix("attack-pattern", n, f"T190{n}", f"N{n}", revoked=n in revoked) for n in range(8)
    ]
    links = [relation(objects[a], "revoked-by", objects[b]) for a, b in pairs]
    reading = read_bundle(decode_bundle(bundle(*objects, *links)), "enterprise")
    reading.tactic_order["enterprise"] = ()
    built = attack._built(reading)
    first = {a: b for a, b in reversed(pairs) if a in revoked and a != b}
    for n in range(8):
        at, steps = n, 0
        while at in first and steps < 20:
            at, steps = first[at], steps + 1
        ended = at != n and at not in revoked
        assert built.techniques[f"T190{n}"].successor == (f"T190{at}" if ended else "")


# --- speed ----------------------------------------------------------------------------------------


def test_large_bundle_is_read_quickly() -> None:
    techniques = [
        stix("attack-pattern", n, f"T{1000 + n}", f"Technique {n}", description="x" * 1500)
        for n in range(1000)
    ]
    groups = [stix("intrusion-set", n, f"G{n:04d}", f"Group {n}") for n in range(200)]
    uses = [
        relation(groups[n % 200], "uses", techniques[n % 997], n, description="y" * 500)
        for n in range(22_000)
    ]
    data = bundle(collection("19.1"), *techniques, *groups, *uses)
    started = time.perf_counter()
    parsed: Bundle = decode_bundle(data)
    reading = read_bundle(parsed, "enterprise")
    assert time.perf_counter() - started < 3.0
    assert len(parsed.objects) == 23_201
    assert len(reading.uses) == len({(n % 200, n % 997) for n in range(22_000)})


def test_building_and_loading_take_no_time_to_speak_of() -> None:
    started = time.perf_counter()
    attack.build(Sources())
    assert time.perf_counter() - started < 5.0
    attack.techniques()  # built by now
    cache.forget()
    started = time.perf_counter()
    attack.techniques()
    assert time.perf_counter() - started < 0.1
