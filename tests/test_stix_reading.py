"""Files of any kind through one door: records, STIX bundles and MISP events."""

from __future__ import annotations

import json
from pathlib import Path

from samehand.formats.misp import is_misp
from samehand.formats.reading import read_json
from samehand.formats.records import Defaults
from samehand.model import Problem, Report
from test_misp import attribute, event, read, uid
from test_stix import bundle, features, indicator, report, said


def test_documents_that_hold_events(tmp_path: Path) -> None:
    first, second = event(), event(uuid=uid("second"))
    for document in (
        [first, second],
        {"response": [first, second]},
        [first["Event"], second["Event"]],
    ):
        assert is_misp(document)
        assert len(read(document, tmp_path)[0]) == 2
    manifest = {uid("e"): {"info": "x", "Orgc": {}, "date": "2019-06-08", "timestamp": "1"}}
    found = {"response": {"Attribute": [attribute("domain", "a.example")]}}
    for document, words in ((manifest, "manifest of a feed"), (found, "without their events")):
        reports, problems = read(document, tmp_path)
        assert not reports and words in said(problems)
    for other in ({"id": "x", "info": "y"}, bundle(), [], None, {"response": "x"}, {}):
        assert not is_misp(other)


def test_file_may_hold_records_bundles_and_events_together(tmp_path: Path) -> None:
    i = indicator("i", "[domain-name:value = 'a.example']")
    lines = [{"id": "own", "extra": 1}, bundle(i, report(i)), event(), i, "{", report(i)]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    found = list(read_json(path, defaults=Defaults(grade="C3")))
    reports = [f for f in found if isinstance(f, Report)]
    assert [r.id.partition("--")[0] for r in reports] == [
        "own",
        "report",
        "misp:" + uid("event"),
        "report",
    ]
    assert {r.grade for r in reports} == {"C3"}
    assert features(reports[-1]) == {("domain-name", "a.example")}  # loose objects, read together
    problems = [f for f in found if isinstance(f, Problem)]
    assert [p.place.rpartition(", ")[2] for p in problems] == ["line 5", str(path)]
