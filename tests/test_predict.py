"""The batch interface: what it promises, and that labels cannot reach it."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from samehand.model import Problem
from samehand.predict import predict_techniques
from test_intake import call

ACTORS = ["FIN7", "Turla", "Kimsuky", "OilRig"]


def records() -> list[dict[str, Any]]:
    generator = random.Random(3)
    rows = []
    for number in range(40):
        actor = ACTORS[number % 4]
        campaign = number % 8
        rows.append(
            {
                "id": f"r{number:02}",
                "published": f"20{15 + number % 6}-0{1 + number % 9}-1{number % 9}",
                "publisher": f"p{number % 5}",
                "observables": [
                    {"type": "domain-name", "value": f"c{campaign}-{generator.randrange(12)}.net"}
                    for _ in range(4)
                ]
                + [{"type": "ipv4-addr", "value": f"45.12.{campaign}.{generator.randrange(9)}"}],
                "techniques": generator.sample(
                    ["T1566.001", "T1566.002", "T1059.005", "T1218.005", "T1547.001", "T1105"], 3
                ),
                "label": {"actor": actor, "campaign": str(campaign)},
                "provenance": {"file": f"{actor}.txt"},
            }
        )
    return rows


def pairs() -> list[dict[str, Any]]:
    return [
        {
            "l": f"r{a:02}",
            "r": f"r{b:02}",
            "label": "same" if (b - a) % 8 == 0 else "different",
            "weight": 1,
        }
        for a in range(12)
        for b in range(a + 1, 12)
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def samehand(*args: object, code: int = 0) -> str:
    done = call(Path.cwd(), *args)
    assert done.returncode == code, done.stderr
    return done.stdout


def shuffled(rows: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """The same rows with the values of some keys exchanged among them."""
    generator = random.Random(11)
    rows = [dict(r) for r in rows]
    for key in keys:
        values = [r[key] for r in rows]
        generator.shuffle(values)
        for row, value in zip(rows, values, strict=True):
            row[key] = value
    return rows


@pytest.mark.parametrize("what", ["links", "clusters", "actors"])
def test_labels_and_provenance_of_what_is_predicted_change_no_byte(
    tmp_path: Path, what: str
) -> None:
    plain = write(tmp_path / "a.jsonl", records())
    mixed = write(tmp_path / "b.jsonl", shuffled(records(), "label", "provenance"))
    bare = write(
        tmp_path / "c.jsonl",
        [{k: v for k, v in r.items() if k not in ("label", "provenance")} for r in records()],
    )
    first = samehand("predict", what, plain)
    assert first
    assert first == samehand("predict", what, mixed) == samehand("predict", what, bare)


def test_of_pairs_only_l_and_r_are_read(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    plain = write(tmp_path / "p.jsonl", pairs())
    mixed = write(tmp_path / "q.jsonl", shuffled(pairs(), "label"))
    assert samehand("predict", "links", file, "--pairs", plain) == samehand(
        "predict", "links", file, "--pairs", mixed
    )


def test_every_listed_pair_gets_a_line_in_the_promised_form(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    listed = write(tmp_path / "p.jsonl", pairs())
    rows = [
        json.loads(x) for x in samehand("predict", "links", file, "--pairs", listed).splitlines()
    ]
    assert [(r["l"], r["r"]) for r in rows] == [(p["l"], p["r"]) for p in pairs()]
    for row in rows:
        assert set(row) == {"l", "r", "probability", "campaign_probability", "weight_bits"}
        assert 0 < row["campaign_probability"] <= row["probability"] < 1


def test_a_pair_written_the_other_way_round_gets_the_same_numbers(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    one = write(tmp_path / "p.jsonl", [{"l": "r00", "r": "r08"}])
    two = write(tmp_path / "q.jsonl", [{"l": "r08", "r": "r00"}])
    a = json.loads(samehand("predict", "links", file, "--pairs", one))
    b = json.loads(samehand("predict", "links", file, "--pairs", two))
    assert (a["l"], b["l"]) == ("r00", "r08")
    assert a["probability"] == b["probability"]


def test_an_unknown_pair_is_named_and_the_rest_is_answered(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    listed = write(tmp_path / "p.jsonl", [{"l": "r00", "r": "nobody"}, {"l": "r00", "r": "r01"}])
    done = call(Path.cwd(), "predict", "links", file, "--pairs", listed)
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 1
    assert "nobody" in done.stderr


def test_campaigns_are_nested_in_hands_and_every_report_has_one(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    rows = [json.loads(x) for x in samehand("predict", "clusters", file).splitlines()]
    assert sorted(r["id"] for r in rows) == sorted(r["id"] for r in records())
    hand_of: dict[str, str] = {}
    for row in rows:
        assert set(row) == {"id", "hand", "campaign"}
        assert hand_of.setdefault(row["campaign"], row["hand"]) == row["hand"]


def test_background_only_informs_rarity(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", records())
    other = write(
        tmp_path / "bg.jsonl",
        [{"id": f"bg{n}", "observables": records()[0]["observables"]} for n in range(60)],
    )
    plain = [json.loads(x) for x in samehand("predict", "clusters", file).splitlines()]
    with_it = [
        json.loads(x)
        for x in samehand("predict", "clusters", file, "--background", other).splitlines()
    ]
    assert {r["id"] for r in plain} == {r["id"] for r in with_it}
    first, *rest = records()
    values = {o["value"] for o in first["observables"]}
    partner = next(r["id"] for r in rest if values & {o["value"] for o in r["observables"]})
    pair = write(tmp_path / "p.jsonl", [{"l": "r00", "r": partner}])
    rare = json.loads(samehand("predict", "links", file, "--pairs", pair))
    common = json.loads(samehand("predict", "links", file, "--pairs", pair, "--background", other))
    assert common["weight_bits"] < rare["weight_bits"]


def test_actors_come_from_the_reference_file_alone_and_gzip_is_read(tmp_path: Path) -> None:
    rows = records()
    queries = write(tmp_path / "q.jsonl", rows[:10])
    known = tmp_path / "ref.jsonl.gz"
    with gzip.open(known, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(r) + "\n" for r in rows[10:])
    output = tmp_path / "out.jsonl"
    samehand("predict", "actors", queries, "--reference", known, "-o", output)
    answers = [json.loads(x) for x in output.read_text().splitlines()]
    assert [a["id"] for a in answers] == [r["id"] for r in rows[:10]]
    for answer in answers:
        assert set(answer) == {"id", "decision", "naming", "none", "planted", "hypotheses"}
        assert {h["actor"] for h in answer["hypotheses"]} <= set(ACTORS)
        assert (answer["decision"] is not None) == (answer["naming"] == "named")
        total = sum(h["probability"] for h in answer["hypotheses"])
        assert total + answer["none"] + answer["planted"] == pytest.approx(1.0, abs=1e-6)
        values = [h["probability"] for h in answer["hypotheses"]]
        assert values == sorted(values, reverse=True)


def test_without_reference_at_least_ten_bundled_actors_are_ranked(tmp_path: Path) -> None:
    queries = write(tmp_path / "q.jsonl", records()[:2])
    for line in samehand("predict", "actors", queries).splitlines():
        assert len(json.loads(line)["hypotheses"]) >= 10


def test_techniques_of_texts(tmp_path: Path) -> None:
    """Sentences of our own that restate definitions of ATT&CK."""
    rows = [
        {"id": "one", "text": "It records every key that the user presses."},
        {"id": "two", "text": "A scheduled task starts it every hour. See also T1566.001.\nDone."},
        {"id": "none", "text": ""},
    ]
    lines = [*map(json.dumps, rows), "[]", '{"id": "x"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    problems: list[Problem] = []
    found = {p.id: p for p in predict_techniques(tmp_path / "t.jsonl", problems)}
    assert len(problems) == 2 and set(found) == {"one", "two", "none"}
    assert found["one"].techniques[0].id == "T1056"
    told = {t.id: t for t in found["two"].techniques}
    assert told["T1566.001"].probability == told["T1566"].probability == 1.0
    assert told["T1566.001"].accepted and told["T1053"].accepted
    for row in found.values():
        values = [t.probability for t in row.techniques]
        assert values == sorted(values, reverse=True)
    assert not found["none"].techniques


def test_a_phrase_and_a_closed_set_of_techniques_are_ranked_by_themselves(tmp_path: Path) -> None:
    text = (
        "The attachment of the phishing mail opened a document. The implant then dumped "
        "credentials from the memory of LSASS. It was found later. Nothing else is known."
    )
    among = ["T1003.001", "T1566.001", "T1486"]
    rows: list[dict[str, Any]] = [
        {"id": "all", "text": text},
        {"id": "set", "text": text, "labels": [*among, "no technique"]},
        {"id": "phrase", "text": text, "mention": "dumped credentials from the memory of LSASS"},
        {"id": "both", "text": text, "mention": "phishing mail", "labels": among},
    ]
    problems: list[Problem] = []
    found = {p.id: p for p in predict_techniques(write(tmp_path / "t.jsonl", rows), problems)}
    assert {t.id for t in found["set"].techniques} == set(among)
    assert found["set"].techniques[-1].id == "T1486"
    assert found["phrase"].techniques[0].id.startswith("T1003")
    assert found["both"].techniques[0].id == "T1566.001"
    assert len(found["all"].techniques) > len(among)
    assert [p.message for p in problems] == ["label 'no technique' is no technique; left out"]
