"""What of a document's prose enters its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from samehand import intake
from samehand.compare.profile import profile
from samehand.coverage import steps
from samehand.extract.observables import extract
from samehand.extract.prose import (
    NOTHING,
    claims_of,
    published_of,
    read_prose,
    software_of,
    steps_of,
    victims_of,
)
from samehand.extract.report import report_of
from samehand.model import Problem, Report
from samehand.read.document import Document

TEXT = """Grey Heron is back

We attribute this campaign to APT28 with high confidence. The backdoor called DustyLamp was sent to
banks in Japan by mail with a malicious attachment. DustyLamp creates a scheduled task so that it
starts again after a reboot. The operators then dumped the memory of LSASS with Mimikatz.

APT41 is known for PlugX, which other researchers have linked to the Winnti Group. A further report
mentions Emotet. The technique T1055 was used as well.
"""


def made(text: str) -> Report:
    document = Document("a.txt", "text", text)
    prose = read_prose(text)
    report, problems = report_of(document, tuple(extract(document)), prose=prose)
    assert report is not None and not problems
    return report


def test_only_what_the_text_is_about_becomes_a_claim() -> None:
    """APT41 and PlugX are told of in passing; to attribute this report to them would be wrong."""
    rows = [c for c in claims_of(read_prose(TEXT)) if c["relation"] == "attribution"]
    assert [(c["actor"], c["about"], c["words"]) for c in rows] == [("APT28", "DustyLamp", "high")]


def test_a_report_holds_software_victims_claims_and_techniques_of_its_prose() -> None:
    report = made(TEXT)
    held = {(o.feature.kind, o.feature.value) for o in report.observations}
    assert ("software", "dustylamp") in held
    assert ("software", "emotet") not in held  # once, in passing
    assert {("victim-country", "JP"), ("victim-sector", "finance")} <= held
    assert ("technique", "T1055") in held
    assert any(kind == "technique" and value.startswith("T1003") for kind, value in held)
    told = [o for o in report.observations if o.extractor == "prose-1"]
    assert told and all(o.start is not None and report.text[o.start : o.end] for o in told)
    assert [c.actor for c in report.claims if c.relation == "attribution"] == ["APT28"]


def test_a_technique_is_one_observation_however_it_is_told() -> None:
    report = made(TEXT + "\nT1055 again, and process injection into explorer with T1055.")
    features = [o.feature for o in report.observations if o.feature.kind == "technique"]
    assert len(features) == len(set(features))


def test_who_attributes_as_well_does_not_deny() -> None:
    prose = read_prose(
        "We attribute this campaign to APT28. It was not attributed to APT28 at first."
    )
    assert [c["relation"] for c in claims_of(prose)] == ["attribution"]


def test_steps_stand_in_the_order_of_the_text_each_once() -> None:
    steps = steps_of(read_prose(TEXT))
    assert [s.start for s in steps] == sorted(s.start for s in steps)
    assert len({s.technique for s in steps}) == len(steps)


def test_nothing_read_is_nothing_kept() -> None:
    assert software_of(NOTHING) == victims_of(NOTHING) == claims_of(NOTHING) == []
    assert published_of(NOTHING) == ""
    document = Document("a.txt", "text", TEXT)
    report, _ = report_of(document, tuple(extract(document)))
    assert report is not None and not report.claims


def test_a_stated_date_of_publication_is_used_where_the_document_has_none() -> None:
    assert made("Published on 12 May 2021\n\n" + TEXT).published is not None


def test_a_long_text_says_how_far_its_prose_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_CHARACTERS", 100)
    (tmp_path / "a.txt").write_text(TEXT)
    said = [
        i for i in intake.read_one(tmp_path / "a.txt", intake.Task({})) if isinstance(i, Problem)
    ]
    assert [p.severity for p in said] == ["warning"] and "first 100 characters" in said[0].message
    quiet = intake.read_one(tmp_path / "a.txt", intake.Task({}, prose=False))
    assert not [i for i in quiet if isinstance(i, Problem)]


def test_steps_of_a_campaign_are_merged_by_where_the_reports_tell_them() -> None:
    """T1566 begins both texts, T1486 ends both, what one alone tells stands between."""
    one = (
        "First T1566.\n"
        + "Then words. " * 20
        + "T1059 was used.\n"
        + "More words. " * 20
        + "T1486 ends."
    )
    other = "T1566 began it.\n" + "Other words. " * 30 + "At last T1486."
    found = steps([profile(made(text)) for text in (one, other)])
    order = [s.technique for s in found if s.technique in ("T1566", "T1059", "T1486")]
    assert order == ["T1566", "T1059", "T1486"]
    told = {s.technique: len(s.reports) for s in found}
    assert told["T1566"] == told["T1486"] == 2 and told["T1059"] == 1
    assert all(s.name for s in found)
