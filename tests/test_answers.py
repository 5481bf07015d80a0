"""Whole answers on small sets: what an analyst would find strange must not happen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import read
from samehand.assessment import assess
from samehand.case import Options
from samehand.config import default_parameters
from samehand.model import Assessment, Constraints, Report

P = default_parameters()
CASE = Options(prior="case")


def report(name: str, *hosts: str, **fields: Any) -> Report:
    observables = [{"type": "domain-name", "value": h} for h in hosts]
    return read(
        {
            "id": name,
            "published": "2022-03-01",
            "publisher": f"P {name}",
            "observables": observables,
            **fields,
        }
    )


def run(*reports: Report, constraints: Constraints = Constraints()) -> Assessment:
    return assess(reports, P, CASE, constraints)


@pytest.mark.parametrize("witnesses", [2, 3, 4, 5, 6])
def test_more_witnesses_of_one_rare_domain_do_not_drive_each_other_apart(witnesses: int) -> None:
    found = run(*(report(f"r{n}", "very-own.net", f"own{n}.org") for n in range(witnesses)))
    assert len(found.campaigns) == 1
    assert all(k.probability > 0.8 for k in found.links)


def test_merged_lies_inside_proposed_and_campaign_inside_hand_with_compilations_too() -> None:
    a = [report(f"a{n}", "one-a.net", "two-a.net", f"a{n}.org") for n in range(2)]
    b = [report(f"b{n}", "one-b.net", "two-b.net", f"b{n}.org") for n in range(2)]
    listed = report("list", "one-a.net", "one-b.net", "two-b.net", kind="compilation")
    found = run(*a, *b, listed)
    hands = {h.id: set(h.reports) for h in found.hands}
    merged_hands = [set(h.reports) for h in found.hands if h.strength == "merged"]
    for campaign in found.campaigns:
        assert set(campaign.reports) <= hands[campaign.hand]
        if campaign.strength == "merged":
            assert any(set(campaign.reports) <= h for h in merged_hands), campaign.reports


def test_denial_is_shown_as_a_denial() -> None:
    denier = report(
        "d",
        "x-y-z.net",
        claims=[
            {"relation": "denial", "about": "X", "actor": "Sandworm"},
            {"relation": "denial", "reports": ["d", "e"]},
        ],
    )
    (attribution,) = run(denier).attributions
    (claim,) = attribution.claims
    assert claim.denies
    assert claim.actor == "Sandworm"


def test_one_origin_may_name_two_actors_and_both_count() -> None:
    claims = [
        {"relation": "attribution", "about": "X", "actor": actor, "words": words}
        for actor, words in (("Lazarus Group", "high"), ("Kimsuky", "low"))
    ]
    (attribution,) = run(report("a", claims=claims)).attributions
    shown = {h.actor: h.probability for h in attribution.hypotheses}
    assert shown["Lazarus Group"] > shown["Kimsuky"] > 0
    ledger = {h.actor: h.contributions for h in attribution.hypotheses}
    assert any("attributes" in c.comparison for c in ledger["Kimsuky"])


def test_decision_without_effect_is_said() -> None:
    origin = report("origin", "one-a.net", "two-a.net")
    copy = read(
        {
            "id": "copy",
            "cites": ["origin"],
            "observables": [{"type": "domain-name", "value": "one-a.net"}],
        }
    )
    pair = ("copy", "origin")
    constraints = Constraints(cannot_campaign=frozenset({pair}), words={pair: "#1 cannot-link"})
    found = run(origin, copy, constraints=constraints)
    assert any("one is a copy of the other" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"type": "ipv4-addr:port", "value": "10.0.0.4:80"},) * 2,
        ({"type": "url", "value": "https://drive.google.com/"},) * 2,
        (
            {"type": "url", "value": "http://127.0.0.1/first-page"},
            {"type": "url", "value": "http://127.0.0.1/other-page"},
        ),
        ({"type": "domain-name", "value": "evil-host.net", "role": "Victim"},) * 2,
    ],
)
def test_values_that_say_nothing_are_no_evidence(
    left: dict[str, str], right: dict[str, str]
) -> None:
    found = run(read({"id": "a", "observables": [left]}), read({"id": "b", "observables": [right]}))
    hard = [c for k in found.links for c in k.contributions if "provider" not in c.comparison]
    assert hard == []


def test_slashes_of_a_windows_path_do_not_matter() -> None:
    one = read({"id": "a", "observables": [{"type": "pdb-path", "value": "D:/build/out/z.pdb"}]})
    two = read({"id": "b", "observables": [{"type": "pdb-path", "value": "D:\\build\\out\\z.pdb"}]})
    assert run(one, two).links[0].weight_bits > 3


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("bom.jsonl", b'\xef\xbb\xbf{"id": "with-bom"}\n', ""),
        ("utf16.json", '{"id": "x"}'.encode("utf-16"), "UTF-16"),
        ("wrapped.json", b'{"reports": [{"id": "x"}]}', "list"),
        ("lines.json", b'{"id": "a"}\n{"id": "b"}\n', ".jsonl"),
        ("upper.json", b'{"ID": "up", "TLP": "RED"}', ""),
    ],
)
def test_files_of_other_habits_are_read_or_explained(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    from samehand.formats.reading import read_json

    (tmp_path / name).write_bytes(data)
    items = list(read_json(tmp_path / name))
    if message:
        assert not any(isinstance(i, Report) for i in items)
        assert any(message in str(i) for i in items)
    else:
        (found,) = [i for i in items if isinstance(i, Report)]
        assert found.tlp == json.loads(data.decode("utf-8-sig")).get("TLP", "CLEAR")
