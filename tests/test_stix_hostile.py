"""STIX bundles: laws of order and repetition, hostile input, size."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samehand.formats import stix_bundle
from samehand.formats.reading import read_json
from samehand.formats.stix import is_stix
from samehand.model import Problem, Report
from test_stix import (
    RED,
    TIME,
    Item,
    bundle,
    campaign_bundle,
    indicator,
    item,
    read,
    relation,
    report,
    said,
    sid,
)


def shuffled(objects: list[Item], seed: int) -> list[Item]:
    copies = [dict(reversed(list(o.items()))) for o in objects]
    Random(seed).shuffle(copies)
    return copies


@pytest.mark.parametrize("seed", range(8))
def test_order_repetition_and_unknown_objects_change_nothing(seed: int) -> None:
    objects = campaign_bundle()
    objects.append(indicator("loose", "[url:value = 'http://loose.example/a']"))
    expected = read(bundle(*objects))
    assert len(expected[0]) == 2
    assert read(bundle(*shuffled(objects, seed))) == expected
    assert read(bundle(*shuffled([*objects, *objects], seed))) == expected
    noise = [item("x-rumour", f"n{n}", value=seed) for n in range(4)] + [
        item("course-of-action", "c")
    ]
    reports, problems = read(bundle(*shuffled([*objects, *noise], seed)))
    assert reports == expected[0] and "5 objects of types that are not read" in said(problems)


def attack_release(techniques: int, groups: int, links: int) -> Item:
    """Objects in the number and shape of MITRE's ATT&CK release."""
    rng = Random(7)
    maker = item("identity", "The MITRE Corporation", identity_class="organization")
    licence = {"type": "marking-definition", "id": sid("marking-definition", "m"), "created": TIME,
               "definition_type": "statement", "definition": {"statement": "(c)"}}  # fmt: skip
    common = {"created_by_ref": maker["id"], "object_marking_refs": [licence["id"]],
              "description": "word " * 200}  # fmt: skip

    def some(kind: str, letter: str, number: int) -> list[Item]:
        return [
            item(kind, f"{kind} {n}", aliases=[f"{kind} {n}", f"other {n}"], external_references=[
                {"source_name": "mitre-attack", "external_id": f"{letter}{1000 + n}",
                 "url": f"https://attack.example/{n}"}], **common)
            for n in range(number)
        ]  # fmt: skip

    patterns, malware = some("attack-pattern", "T", techniques), some("malware", "S", 700)
    actors, parts = some("intrusion-set", "G", groups), some("x-mitre-data-component", "DC", 300)
    users, used = [*actors, *malware], [*patterns, *malware]
    uses = {}
    while len(uses) < links:
        link = relation(rng.choice(users), "uses", rng.choice(used), **common)
        uses[link["id"]] = link
    return bundle(maker, licence, *patterns, *malware, *actors, *parts, *uses.values())


def test_a_release_of_attack_is_read_within_seconds(tmp_path: Path) -> None:
    path = tmp_path / "attack.json"
    path.write_text(json.dumps(attack_release(800, 170, 18_100)))
    started = time.process_time()
    found = list(read_json(path))
    assert time.process_time() - started < 10  # measured: well below 2
    reports = [f for f in found if isinstance(f, Report)]
    assert len(reports) == 1 and reports[0].kind == "compilation"
    assert reports[0].publisher == "The MITRE Corporation" and len(reports[0].claims) == 170
    assert sum(o.feature.kind == "technique" for o in reports[0].observations) == 800
    assert "300 objects of types that are not read" in said(
        f for f in found if isinstance(f, Problem)
    )


def test_reports_that_all_name_one_large_object_cost_bounded_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stix_bundle, "MAX_VISITS", 20_000)
    values = ", ".join(f"'x{n}.example'" for n in range(5000))
    hub = indicator("hub", f"[domain-name:value IN ({values})]")
    reports, problems = read(bundle(hub, *(report(hub, name=f"r{n}") for n in range(50))))
    assert len(reports) == 50 and len(reports[0].observations) == 5000
    assert sum(len(r.observations) for r in reports) <= 20_000
    assert "reports not read in full" in said(problems)


# Hostile input

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["bundle", "report", "indicator", "file", "relationship", TIME, RED]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["type", "id", "objects", "object_refs", "name", "pattern", "hashes",
                         "source_ref", "target_ref", "a"]), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(JSON, st.lists(JSON, max_size=5))
def test_any_json_is_read_without_raising(document: object, objects: list[object]) -> None:
    is_stix(document)
    for shape in (document, {"type": "bundle", "objects": document}, bundle(*objects)):
        read(shape)


@given(st.data())
def test_damaged_bundles_are_read_without_raising(data: st.DataObject) -> None:
    objects = json.loads(json.dumps(campaign_bundle()))
    for _ in range(data.draw(st.integers(1, 6))):
        target = data.draw(st.sampled_from(objects))
        key = data.draw(st.sampled_from(sorted(target)))
        target[key] = data.draw(JSON | st.sampled_from([target["id"], [target["id"]]]))
    read(bundle(*objects))


def test_objects_that_refer_in_circles_or_nest_deeply_do_no_harm(tmp_path: Path) -> None:
    one_way = {"type": "directory", "id": sid("directory", "a"), "path": "C:\\a\\b"}
    loop = one_way | {"contains_refs": [one_way["id"]], "parent_directory_ref": one_way["id"]}
    a = report(loop, name="a")
    b = report(a, name="b")
    reports, _ = read(bundle(loop, a | {"object_refs": [b["id"], loop["id"], a["id"]]}, b))
    assert {r.title: r.cites for r in reports if r.kind == "report"} == {
        "a": (b["id"],),
        "b": (a["id"],),
    }
    deep = '{"type": "bundle", "id": "bundle--1", "objects": ' + "[" * 900 + "]" * 900 + "}"
    shallow = json.dumps(bundle(item("malware", "m", x=json.loads("[" * 90 + "]" * 90))))
    for number, text in enumerate((deep, shallow, deep.replace("900", "90000"), "[" * 100_000)):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        list(read_json(path))
