"""The synthetic world is what it claims to be, and whole runs over it are repeatable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from random import Random
from statistics import mean

import pytest

import world
from samehand.assessment import assess, to_json
from samehand.case import Options
from samehand.config import default_parameters

SMALL = {"actors": 4, "campaigns": 6}


def run(records: list[world.Record]) -> bytes:
    """The assessment document of some records."""
    reports = world.parsed(records).values()
    return to_json(assess(reports, default_parameters(), Options(prior="feed")))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_publishers_share_as_much_as_two_leading_vendors_did(seed: int) -> None:
    """2.5 to 4.0 % of observables, commonplace ones left out (Bouwman et al. 2020)."""
    commonplace = {*world.hosting(), *world.COMMON_FILE_NAMES}
    seen: dict[str, set[str]] = {}
    for record in world.make_world(seed).records:
        if record["publisher"].startswith("Publisher"):
            values = {o["value"] for o in record["observables"]} - commonplace
            seen.setdefault(record["publisher"], set()).update(values)
    shares = [len(a & b) / len(a) for a, b in permutations(seen.values(), 2)]
    assert len(seen) == world.PUBLISHERS
    assert 0.025 <= mean(shares) <= 0.040


def test_same_seed_gives_the_same_world_and_no_record_tells_the_truth_about_itself() -> None:
    one, two = world.make_world(5), world.make_world(5)
    assert one == two != world.make_world(6)
    assert not any("label" in r or "known_actor" in r for r in one.records)
    text = json.dumps(one.records)
    assert "actor-" not in text and "campaign-" not in text
    assert set(one.actor) | set(one.compilations) == {r["id"] for r in one.records}


def test_run_does_not_depend_on_the_order_of_reports_nor_on_hash_seeds(tmp_path: Path) -> None:
    records = world.make_world(2, **SMALL).records
    expected = run(records)
    assert run(Random(1).sample(records, len(records))) == expected
    script = (
        "import sys, world, test_world\n"
        "records = world.make_world(2, **test_world.SMALL).records\n"
        "sys.stdout.buffer.write(test_world.run(records))\n"
    )
    for seed in ("1", "2"):
        path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
        )
        assert done.stdout == expected


def test_pure_copies_leave_every_hand_campaign_and_attribution_of_the_rest_alone() -> None:
    found = world.make_world(3, **SMALL)
    records = [r for r in found.records if r["id"] not in found.copy_of]
    rng = Random(4)
    own = [r for r in records if r["id"] in found.actor]
    copies = [world.pure_copy(rng, rng.choice(own), f"k{n}") for n in range(8)]
    copied = {c["id"] for c in copies}
    before, after = json.loads(run(records)), json.loads(run([*records, *copies]))

    def kept(group: dict[str, list[str]]) -> tuple[object, ...]:
        return (group["strength"], *(r for r in group["reports"] if r not in copied))

    for kind in ("hands", "campaigns"):
        assert sorted(map(kept, before[kind])) == sorted(map(kept, after[kind])) != []
    links = [x for x in after["links"] if not copied & {x["l"], x["r"]}]
    assert links == before["links"] != []

    def answers(result: dict[str, list[dict[str, object]]]) -> list[object]:
        members = {c["id"]: kept(c) for c in result["campaigns"]}
        told = ("naming", "decision", "none", "planted", "membership", "strongest_origin")
        return sorted(
            (
                members[a["campaign"]],
                [str(a[key]) for key in told],
                [(h["actor"], h["probability"]) for h in a["hypotheses"]],
            )
            for a in result["attributions"]
        )

    assert answers(before) == answers(after) != []
