"""Planted evidence, contradictions, competing hypotheses, states, and how the answer is worded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from helpers import read
from samehand.assessment import assess, make_scene
from samehand.attribute import Membership
from samehand.attributing import under_ceiling
from samehand.case import Options, prepare
from samehand.compare.contradictions import contradictions
from samehand.config import default_parameters
from samehand.counterfactual import attribution_of
from samehand.knowledge.actors import bundled_world
from samehand.likelihood import ICD203
from samehand.model import Assessment, Attribution, Report
from samehand.pipeline import Question, answer
from samehand.render.attribution import answer_text, stress_text
from samehand.stress import stress
from samehand.wording import paragraph
from test_intake import call, ok

P = default_parameters()
HEADER = {"type": "rich-header", "value": "5d" * 16, "file": "wiper"}


def compilers(of_header: str, of_code: str) -> list[dict[str, Any]]:
    return [
        {"type": "compiler", "value": of_header, "role": "header", "file": "wiper"},
        {"type": "compiler", "value": of_code, "role": "code", "file": "wiper"},
    ]


def olympic(*observables: dict[str, Any], **fields: Any) -> Report:
    """A wiper whose header is that of an older actor's tools."""
    return read(
        {
            "id": "olympic",
            "published": "2018-02-12",
            "publisher": "A vendor",
            "observables": list(observables),
            **fields,
        }
    )


def tools(count: int = 3) -> list[Report]:
    """Reports on the actor whose header was copied, and on others."""
    found = []
    for n in range(count):
        for actor, value in (("Lazarus Group", "5d" * 16), ("Sofacy", f"{n:02d}" * 16)):
            record = {
                "id": f"{actor}-{n}",
                "published": f"201{n + 4}-05-01",
                "publisher": f"Vendor {n}",
                "observables": [{"type": "rich-header", "value": value}],
                "label": {"actor": actor},
            }
            found.append(read(record, use="reference"))
    return found


def judged(*reports: Report) -> Attribution:
    result = assess(reports, P, Options(prior="case", intervals=True))
    return next(a for a in result.attributions)


def probability(found: Attribution, actor: str) -> float:
    return next((h.probability for h in found.hypotheses if h.actor == actor), 0.0)


def test_a_perfect_header_alone_is_no_proof() -> None:
    """Olympic Destroyer as it was first read: nothing but a header that matches."""
    found = judged(olympic(HEADER), *tools())
    assert 0.01 < probability(found, "Lazarus Group") <= 0.9
    assert found.naming != "named"


def test_a_header_that_its_code_belies_was_planted() -> None:
    """Kaspersky (2018): the header claims another compiler than the code shows."""
    found = judged(olympic(HEADER, *compilers("msvc 6", "msvc 10")), *tools())
    assert probability(found, "Lazarus Group") < 0.1
    assert found.planted > found.none
    assert found.planted > max(h.probability for h in found.hypotheses)
    framed = max(found.hypotheses, key=lambda h: h.planted)
    assert framed.actor == "Lazarus Group"
    lines = [c for c in found.hypotheses[0].contributions if c.role == "contradiction"]
    assert [c.bits for c in lines] == [-8.0]


def test_the_same_compiler_in_header_and_code_is_no_contradiction() -> None:
    plain = judged(olympic(HEADER), *tools())
    same = judged(olympic(HEADER, *compilers("msvc 6", "MSVC 6")), *tools())
    assert probability(same, "Lazarus Group") == pytest.approx(probability(plain, "Lazarus Group"))


def test_a_contradiction_that_touches_nobody_says_nothing() -> None:
    """Packers make such headers, too; where no actor is pointed at, nothing was framed."""
    alone = judged(olympic(*compilers("msvc 6", "msvc 10")), *tools())
    assert alone.planted < 0.05


@pytest.mark.parametrize(
    ("language", "hours", "contradicts"),
    [
        ("zh-CN", "UTC+08:00", False),
        ("zh-CN", "UTC+03:00", True),
        ("ru", "UTC+03:00", False),
        ("ru-RU", "UTC-05:00", True),
        ("en-US", "UTC-05:00", False),  # spoken everywhere
        ("hi", "UTC+5:30", False),
    ],
)
def test_language_goes_with_the_hours_of_work(language: str, hours: str, contradicts: bool) -> None:
    report = olympic(
        {"type": "language", "value": language}, {"type": "working-hours", "value": hours}
    )
    assert bool(contradictions(report)) == contradicts


def test_a_build_of_the_future_contradicts_the_report() -> None:
    late = olympic({"type": "compile-time", "value": "2030-01-01T00:00:00Z"})
    early = olympic({"type": "compile-time", "value": "2018-02-12T23:00:00Z"})
    assert contradictions(late) and not contradictions(early)


def case() -> list[Report]:
    record = {
        "id": "q",
        "published": "2019-06-01",
        "publisher": "V",
        "techniques": ["T1566.001", "T1105", "T1027"],
        "software": ["QuayLoader"],
        "observables": [{"type": "mutex", "value": "Global\\Quay"}],
        "claims": [{"relation": "attribution", "actor": "Lazarus Group", "words": "medium"}],
    }
    others = []
    for n in range(4):
        actor, tool = (("Lazarus Group", "QuayLoader"), ("Sofacy", "XTunnel"))[n % 2]
        other = {
            "id": f"r{n}",
            "published": "2018-01-01",
            "publisher": f"V{n}",
            "techniques": ["T1566.001", "T1486" if n % 2 else "T1105", "T1071.001"],
            "software": [tool],
            "observables": [{"type": "mutex", "value": f"Global\\Quay{n % 2 or ''}"}],
            "label": {"actor": actor},
        }
        others.append(read(other, use="reference"))
    return [read(record), *others]


def whole(reports: list[Report]) -> Assessment:
    return assess(reports, P, Options(prior="case", intervals=True))


def test_rows_of_competing_hypotheses_are_relative_and_order_does_not_matter() -> None:
    found = judged(*case()).ach
    assert found is not None and found.rows
    assert found.hypotheses[-1] == "" and found.hypotheses[0] == "Lazarus Group"
    for row in found.rows:
        assert sum(row.cells) == pytest.approx(0, abs=1e-9)
        assert row.diagnosticity >= 0
    total = [min(0.0, sum(min(0.0, r.cells[n]) for r in found.rows)) for n in range(3)]
    assert found.inconsistency[:3] == pytest.approx(total)
    assert found == judged(*reversed(case())).ach
    mutex = next(r for r in found.rows if "mutex" in r.evidence)
    assert mutex.cells[0] == max(mutex.cells) > 0


def test_what_is_usual_for_the_leader_and_not_seen_is_told() -> None:
    reports = case()
    third = {"id": "r9", "published": "2018-01-01", "publisher": "V9", "techniques": ["T1071.001"]}
    reports.append(read({**third, "label": {"actor": "Lazarus Group"}}, use="reference"))
    found = judged(*reports).ach
    assert found is not None
    assert [a for a in found.absent if a.startswith("T1071.001")]
    assert not [a for a in found.absent if a.startswith("T1566.001")]  # the campaign shows it


def test_a_state_holds_what_its_actors_hold() -> None:
    found = judged(*case())
    korea = next(s for s in found.states if s.actor == "North Korea")
    lazarus = probability(found, "Lazarus Group")
    _, weight = bundled_world().serves("Lazarus Group")
    assert korea.level == "state" and korea.probability >= lazarus * weight - 1e-9
    assert sum(s.probability for s in found.states) + found.none + found.planted <= 1 + 1e-9
    total = korea.prior_bits + sum(c.bits for c in korea.contributions)
    assert total == pytest.approx(korea.total_bits, abs=1e-9)
    assert korea.interval is not None and korea.interval.low <= korea.interval.high


def test_nobody_serves_a_state_before_it_was_said() -> None:
    from datetime import date

    world = bundled_world()
    state, _ = world.serves("Lazarus Group", date(1990, 1, 1))
    assert world.serves("Lazarus Group")[0] == "North Korea"
    assert state in ("", "North Korea")
    assert world.serves("no such actor") == ("", 0.0)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.;]) ", text)


def test_likelihood_and_confidence_never_share_a_sentence() -> None:
    result = whole(case())
    told = paragraph(result, result.campaigns[0])
    assert told.startswith("The activity reported in q")
    for sentence in re.split(r"(?<=\.) ", told):
        words = [w for _, _, w in ICD203 if re.search(rf"\b{w}\b", sentence)]
        assert not (words and "confidence" in sentence), sentence


def test_a_file_is_attributed_without_a_workspace(tmp_path: Path) -> None:
    record = {"id": "a", "published": "2021-05-01", "claims": [
        {"relation": "attribution", "actor": "Lazarus Group", "words": "high"}]}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(record))
    page = ok(tmp_path, "attribute", "a.json", "--top", "3")
    assert "Lazarus Group" in page and "TO PASTE" in page and "North Korea" in page
    (found,) = json.loads(ok(tmp_path, "attribute", "a.json", "--json"))
    assert found["hypotheses"][0]["actor"] == "Lazarus Group"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_stress_counts_artefacts_by_type_and_shows_no_value() -> None:
    prepared = prepare(case(), P, Options(prior="case"))
    scene = make_scene(prepared, bundled_world())
    found = stress(scene, Membership("C", "merged", ("q",), {"q": 1.0}))
    assert found is not None and found.leader == "Lazarus Group" and found.decoy == "APT28"
    by_kind = {p.kind: p for p in found.planted}
    assert by_kind["mutex"].unseats is None or by_kind["mutex"].unseats >= 1
    several = [p for p in found.planted if not p.facet]
    assert several and several[-1].unseats is not None  # enough of everything frames anybody
    assert all(p.misleads is None or (p.unseats or 99) <= p.misleads for p in found.planted)
    assert [p.pi for p in found.pi] == sorted(p.pi for p in found.pi)
    assert [p.planted for p in found.pi] == sorted(p.planted for p in found.pi)
    without_claim = next(w for w in found.without if w.origin == "q")
    assert without_claim.probability < found.probability
    assert "Quay" not in stress_text(found)


def test_an_answer_says_whether_it_stands_without_what_is_restricted() -> None:
    reports = [read({"id": "open", "published": "2021-01-01", "tlp": "CLEAR"})]
    claim = {"relation": "attribution", "actor": "Lazarus Group", "words": "high"}
    secret = {"id": "secret", "published": "2021-01-01", "tlp": "RED", "claims": [claim]}
    reports.append(read(secret))
    question = Question(ceiling="GREEN")
    said = under_ceiling(reports, (), P, question, answer(reports, P, question))
    assert said.startswith("without the report marked above TLP:GREEN the answer does not stand")
    nothing = under_ceiling(reports[:1], (), P, question, answer(reports[:1], P, question))
    assert nothing.startswith("nothing is marked above")


def test_the_page_of_an_answer_has_every_part() -> None:
    result = whole(case())
    text = answer_text(result, result.campaigns[0])
    for part in ("TO PASTE", "EVIDENCE AGAINST EVERY HYPOTHESIS", "WHAT PUBLISHERS CLAIM"):
        assert part in text
    assert attribution_of(result, result.campaigns[0]) is not None


def test_a_campaign_described_twice_counts_once() -> None:
    """Two further reports on the same campaign of an actor move nothing."""

    def told(identifier: str) -> Report:
        values = [{"type": "file:sha256", "value": f"{n:064x}"} for n in range(3)]
        record = {
            "id": identifier,
            "published": "2018-01-01",
            "publisher": f"P {identifier}",
            "observables": [*values, {"type": "mutex", "value": "Global\\Quay"}],
            "label": {"actor": "Lazarus Group"},
        }
        return read(record, use="reference")

    query = read({"id": "q", "published": "2019-06-01", "observables": [
        {"type": "mutex", "value": "Global\\Quay"}]})  # fmt: skip
    once = probability(judged(query, told("a")), "Lazarus Group")
    often = probability(judged(query, told("a"), told("b"), told("c")), "Lazarus Group")
    assert once == pytest.approx(often, abs=1e-6)


def test_a_profile_has_sources_and_dates_and_knows_nothing_of_the_future(tmp_path: Path) -> None:
    from datetime import date

    from samehand.profiles import profile_of

    world = bundled_world()
    reports = [r for r in case() if r.use == "reference"]
    now = profile_of("Lazarus Group", world, P, reports)
    assert {f.kind for f in now.facts} >= {"name", "state", "software", "technique", "report"}
    assert all(f.source for f in now.facts)
    loader = next(f for f in now.facts if f.value == "quayloader")
    assert loader.campaigns == 2 and loader.source == "r0"  # the earliest that shows it
    then = profile_of("Lazarus Group", world, P, reports, date(2017, 1, 1))
    late = [f for f in then.facts if f.date[:1].isdigit() and f.date[:4] > "2017"]
    assert not [f for f in then.facts if f.campaigns or f in late]
    assert then.left_out and then.campaigns == 0 < now.campaigns
    page = ok(tmp_path, "knowledge", "profile", "Hidden Cobra")
    assert page.startswith("Lazarus Group") and "North Korea" in page


def test_a_workspace_hears_catalogues_when_asked(tmp_path: Path) -> None:
    """The same text, in a workspace and as a file, points at the same actor."""
    told = (
        "The operators sent lures about cryptocurrency exchanges to bank employees in South Korea. "
        "They installed the FALLCHILL and BANKSHOT backdoors and moved on with stolen passwords.\n"
    )
    (tmp_path / "a.txt").write_text(told)
    ok(tmp_path, "init")
    ok(tmp_path, "add", "a.txt", "--published", "2021-05-01")
    assert "No known actor to compare with" in ok(tmp_path, "analyse")
    ok(tmp_path, "analyse", "--catalogues")
    (inside,) = json.loads(ok(tmp_path, "attribute", "--json"))
    (alone,) = json.loads(ok(tmp_path, "attribute", "a.txt", "--json"))
    assert inside["hypotheses"][0]["actor"] == alone["hypotheses"][0]["actor"] == "Lazarus Group"
    assert inside["hypotheses"][0]["probability"] == pytest.approx(
        alone["hypotheses"][0]["probability"], abs=0.05
    )
    refused = call(tmp_path, "analyse", "--catalogues", "--as-of", "2021")
    assert refused.returncode == 2 and "no dates" in refused.stderr


def test_a_paragraph_tells_who_attributes_it_to_somebody_else() -> None:
    reports = case()
    claim = {"relation": "attribution", "actor": "Turla", "words": "high", "first_hand": False}
    second = {"id": "z", "published": "2019-06-02", "publisher": "W"}
    shared = {"observables": [{"type": "mutex", "value": "Global\\Quay"}]}
    reports.append(
        read({**second, **shared, "claims": [claim | {"origin": "https://w.example/x"}]})
    )
    result = whole(reports)
    told = [paragraph(result, c) for c in result.campaigns if "z" in c.reports]
    assert told and all("W attributes it to Turla (high)." in t for t in told)
    assert "attributes it to" not in paragraph(result, next(
        c for c in result.campaigns if c.reports == ("q",)))  # fmt: skip
