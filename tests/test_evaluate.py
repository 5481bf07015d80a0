"""`samehand evaluate` on a small world whose right figures are known."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helpers import read, record, written
from samehand.config import default_parameters, fingerprint, shipped_parameters
from samehand.errors import InputError, UsageError
from samehand.fit import truth
from samehand.fit.evaluate import Evaluation
from samehand.fit.truth import Label
from samehand.measure import evaluate
from samehand.model import Problem
from samehand.predict import predict_clusters, predict_links
from samehand.render.evaluate import evaluation_text
from test_intake import Done, call

DOMAIN = "domain-name"


def world() -> list[dict[str, Any]]:
    """Three actors with three reports each that share rare values, and a loner.

    No actor shares anything with another but a free-subdomain provider.
    """
    rows = []
    for number, actor in enumerate(["Alpha", "Beta", "Gamma"]):
        for turn in range(3):
            rows.append(
                record(
                    f"{actor[0].lower()}{turn}",
                    *((DOMAIN, f"c2-{actor.lower()}-{n}.net") for n in range(4)),
                    (DOMAIN, f"own-{actor.lower()}-{turn}.org"),
                    (DOMAIN, f"{actor.lower()}{turn}.duckdns.org"),
                    published=f"20{17 + number}-0{1 + turn}-15",
                    label={"actor": actor},
                    provenance={"source": f"s{turn}"},
                )
            )
    rows.append(record("z0", (DOMAIN, "z.duckdns.org"), label={"actor": "Zeta"}))
    return rows


def pairs_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    actor = {r["id"]: r["label"]["actor"] for r in rows}
    return [
        {"l": l, "r": r, "label": "same" if actor[l] == actor[r] else "different"}
        for l, r in combinations(sorted(actor), 2)
    ]


def run(path: Path, *files: Path, **options: Any) -> tuple[Evaluation, list[Problem]]:
    problems: list[Problem] = []
    result = evaluate(path, default_parameters(), problems, *files, **options)
    return result, problems


def samehand(*args: object) -> Done:
    return call(Path.cwd(), *args)


def as_json(value: object) -> bytes:
    """For comparing: undefined figures are equal there."""
    return msgspec.json.encode(value)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return written(tmp_path / "d.jsonl", *world())


# --- end to end


def test_figures_of_a_world_without_doubt_are_perfect(dataset: Path) -> None:
    result, problems = run(dataset)
    assert problems == []
    assert (result.reports, result.labelled, result.actors) == (10, 10, 4)
    found = {row.stratum: row for row in result.links}
    everything = found["all"]
    assert (everything.n, everything.same) == (45, 9)
    assert everything.base_rate == pytest.approx(9 / 45)
    assert everything.average_precision.value == 1.0
    assert found["more than a provider"].n == 9
    assert found["only a provider"].n == 36 and found["something"].n == 45
    assert math.isnan(found["only a provider"].average_precision.value)
    for ranking in everything.baselines:
        assert ranking.average_precision.value == 1.0 and ranking.lead.value == 0.0
    methods = {row.method: row for row in result.clusters}
    alone = methods["every report alone"]
    assert alone.precision.value == 1.0
    assert alone.recall.value == pytest.approx((9 / 3 + 1) / 10)
    for name in ("components, exact value", "components, or domain"):
        assert methods[name].f.value == 1.0 and methods[name].joined.pairs == 9
    assert methods["samehand, hands"].joined.false_pairs == 0
    assert methods["samehand, hands"].joined.most_mixed == 1


def test_figures_on_the_data_of_the_fit_are_stamped(dataset: Path, tmp_path: Path) -> None:
    shipped = shipped_parameters()
    assert shipped.linkage is not None
    fitted = replace(shipped.linkage, data=frozenset({fingerprint(dataset)}))
    other = written(tmp_path / "other.jsonl", *world()[:-1])
    for numbers, path, expected in (
        (default_parameters(), dataset, False),
        (shipped, dataset, False),
        (replace(shipped, linkage=fitted), dataset, True),
        (replace(shipped, linkage=fitted), other, False),
    ):
        result = evaluate(path, numbers, [], only="clusters")
        assert result.in_sample is expected
        assert ("In sample" in evaluation_text(result)) is expected


def test_listed_pairs_of_everything_are_all_pairs(dataset: Path, tmp_path: Path) -> None:
    listed = written(tmp_path / "p.jsonl", *pairs_of(world()))
    assert as_json(run(dataset)[0].links) == as_json(run(dataset, listed)[0].links)


def test_predictions_are_those_of_predict_and_labels_do_not_reach_them(
    dataset: Path, tmp_path: Path
) -> None:
    rows, listed = world(), pairs_of(world())
    generator = random.Random(5)
    for items in (rows, listed):
        labels = [item["label"] for item in items]
        generator.shuffle(labels)
        for item, label in zip(items, labels, strict=True):
            item["label"] = label
    mixed = written(tmp_path / "m.jsonl", *rows)
    plain_pairs = written(tmp_path / "p.jsonl", *pairs_of(world()))
    mixed_pairs = written(tmp_path / "q.jsonl", *listed)
    plain, _ = run(dataset, plain_pairs)
    other, _ = run(mixed, mixed_pairs)
    assert plain.links[0].average_precision != other.links[0].average_precision
    assert plain.clusters[0].f != other.clusters[0].f

    def counts(result: Evaluation) -> object:
        return (
            [[s.n for s in row.thresholds] for row in result.links[:2]],
            [(c.joined.clusters, c.joined.pairs, c.joined.largest) for c in result.clusters],
        )

    assert counts(plain) == counts(other)
    numbers = default_parameters()
    lines = list(predict_links(dataset, numbers, [], plain_pairs))
    assert lines == list(predict_links(mixed, numbers, [], mixed_pairs))
    assert [s.n for s in plain.links[0].thresholds] == [
        sum(line.probability >= s.threshold for line in lines) for s in plain.links[0].thresholds
    ]
    hands = {line.hand for line in predict_clusters(dataset, numbers, [])}
    assert plain.clusters[0].joined.clusters == len(hands)


def test_order_of_the_files_changes_nothing(dataset: Path, tmp_path: Path) -> None:
    rows, listed = world()[::-1], pairs_of(world())[::-1]
    turned = written(tmp_path / "t.jsonl", *rows)
    there = written(tmp_path / "p.jsonl", *listed[::-1])
    back = written(tmp_path / "q.jsonl", *({**p, "l": p["r"], "r": p["l"]} for p in listed))
    one, two = run(dataset, there)[0], run(turned, back)[0]
    for a, b in zip(one.links, two.links, strict=True):
        assert (a.n, a.thresholds) == (b.n, b.thresholds)
        assert a.log_loss.value == pytest.approx(b.log_loss.value)
        assert a.average_precision == b.average_precision
    assert one.clusters == two.clusters


def test_command_prints_tables_and_the_same_as_json(dataset: Path, tmp_path: Path) -> None:
    text = samehand("evaluate", dataset)
    assert text.returncode == 0, text.stderr
    for word in ("split all", "AP", "Cllr", "FS+", "B3 F", "most actors in one", "P >= 0.91"):
        assert word in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 120
    output = tmp_path / "out.json"
    done = samehand("evaluate", dataset, "--json", "-o", output)
    assert done.returncode == 0 and done.stdout == ""
    document = json.loads(output.read_text())
    assert document["schema"] == "samehand-evaluation-1" and document["config_hash"]
    assert document["links"][0]["n"] == 45
    assert document["links"][-1]["average_precision"]["value"] is None  # undefined
    shown = samehand("evaluate", dataset, "--only", "clusters", "--json")
    assert json.loads(shown.stdout)["links"] == []
    assert json.loads(shown.stdout)["clusters"] == document["clusters"]


# --- bad input


def test_bad_lines_are_named_and_the_rest_is_measured(dataset: Path, tmp_path: Path) -> None:
    listed = written(
        tmp_path / "p.jsonl",
        {"l": "a0", "r": "a1", "label": "same"},
        {"l": "a0", "r": "b1", "label": "different"},
        {"l": "a0", "r": "g1", "label": "related"},
        {"l": "a1", "r": "g1", "label": "same", "same_reference": True},
        {"l": "a0", "r": "nobody", "label": "same"},
        {"l": "a0", "r": "a0", "label": "same"},
        {"l": "a0", "r": "a2", "label": "perhaps"},
        {"l": "a0", "r": "a2", "label": "same", "weight": -1},
        {"l": "a0", "r": "a2", "label": "same", "weight": "much"},
        {"l": "a0", "r": "a2"},
        {"l": 3, "r": "a2", "label": "same"},
        b"{not json",
        b"[1]",
        {"l": "a1", "r": "a0", "label": "different"},
    )
    result, problems = run(dataset, listed, only="links")
    assert (result.links[0].n, result.links[0].same) == (2, 1)
    assert (result.left_out.related, result.left_out.same_reference) == (1, 1)
    assert [p.severity for p in problems] == ["error"] * 9 + ["warning"]
    assert [p.place.rpartition(" ")[2] for p in problems] == [str(n) for n in range(5, 15)]
    for problem, word in zip(
        problems,
        ["nobody", "both", "perhaps", "-1", "much", "None", "'l'", "", "'l'", "before"],
        strict=True,
    ):
        assert word in problem.message
    done = samehand("evaluate", dataset, "--pairs", listed)
    assert done.returncode == 3 and "nobody" in done.stderr and "AP" in done.stdout


def test_nothing_to_measure_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    bare = written(
        tmp_path / "b.jsonl", *({k: v for k, v in r.items() if k != "label"} for r in world())
    )
    with pytest.raises(InputError, match=r"label\.actor"):
        run(bare)
    with pytest.raises(InputError, match=r"label\.actor"):
        run(bare, only="clusters")
    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "none.jsonl")
    dataset = written(tmp_path / "d.jsonl", *world())
    with pytest.raises(InputError, match="cannot be read"):
        run(dataset, tmp_path / "none.jsonl")
    empty = written(tmp_path / "e.jsonl", {"l": "x", "r": "y", "label": "same"})
    with pytest.raises(InputError, match="no pair can be scored"):
        run(dataset, empty)


def test_pairs_of_unlabelled_reports_can_be_measured_by_their_list(tmp_path: Path) -> None:
    bare = written(
        tmp_path / "b.jsonl", *({k: v for k, v in r.items() if k != "label"} for r in world())
    )
    listed = written(tmp_path / "p.jsonl", *pairs_of(world()))
    result, _ = run(bare, listed, only="links")
    assert result.links[0].average_precision.value == 1.0 and result.actors == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--only", "clusters", "--split", "source"), "no reports"),
        (("--cut", "2019"), "--split time"),
        (("--split", "none"), "none"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    dataset: Path, options: tuple[str, ...], word: str
) -> None:
    done = samehand("evaluate", dataset, *options)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_split_in_time_needs_a_date(tmp_path: Path) -> None:
    rows = [{k: v for k, v in r.items() if k != "published"} for r in world()]
    with pytest.raises(UsageError, match="no labelled report has a date"):
        run(written(tmp_path / "d.jsonl", *rows), split="time")


# --- splits and labels of a file


def test_unseen_actors_are_a_stratum_of_the_split_in_time(dataset: Path) -> None:
    result, _ = run(dataset, only="links", split="time", cut=date(2018, 12, 31))
    found = {row.stratum: row for row in result.links}
    # After the cut only Gamma's three reports, and Gamma is new: 3 among themselves, 3 x 7 others.
    assert result.cut == date(2018, 12, 31)
    assert (found["all"].n, found["all"].same) == (24, 3)
    assert found["unseen actor, all"].n == 24 and found["unseen actor, more"].n == 3
    clusters = run(dataset, only="clusters", split="time", cut=date(2018, 12, 31))[0].clusters
    assert {row.joined.n for row in clusters} == {3}


def test_labels_of_families_are_no_actors(tmp_path: Path) -> None:
    rows = world()
    rows[0]["label"] = {"family": "malware:x"}
    rows[1]["label"] = {"actor": "maltrail:region"}
    rows[2]["label"] = "Alpha"
    path = written(tmp_path / "d.jsonl", *rows)
    found = truth.read_labels(path, [read(r) for r in world()])
    assert [found[i].actor for i in ("a0", "a1", "a2", "b0")] == ["", "", "", "Beta"]
    assert found["b1"] == Label("Beta", "s1", date(2018, 2, 15))


def test_text_shows_a_dash_where_nothing_is_defined(dataset: Path) -> None:
    text = evaluation_text(run(dataset, only="links")[0])
    assert "nan" not in text and "Clusters" not in text
    source = evaluation_text(run(dataset, split="source")[0])
    assert "Clusters are not measured" in source
