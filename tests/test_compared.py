"""Facts and comparisons of prose as they enter a report, are compared, shown and reviewed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from samehand.compare.claims import with_roots
from samehand.compare.profile import profile
from samehand.extract.observables import extract
from samehand.extract.prose import read_prose
from samehand.extract.report import report_of
from samehand.formats.records import parse_record
from samehand.formats.statements import activity_of
from samehand.model import Claim, Fact, Report, Window
from samehand.read.document import Document
from test_intake import call, ok, text

CITES = (
    "See https://labs.f-secure.com/publications/lazarus.html and "
    "https://blogs.jpcert.or.jp/en/2019/07/spear.html. C2: evil[.]badupdates[.]net.\n\n"
)


def made(prose: str, published: str = "2021-05-24") -> Report:
    document = Document("a.txt", "text", CITES + prose, published=published)
    found = read_prose(document.text, published)
    report, problems = report_of(document, tuple(extract(document)), prose=found)
    assert report is not None and not problems
    return report


def comparisons(report: Report) -> list[Claim]:
    return [c for c in report.claims if c.relation == "reported-comparison"]


def test_a_comparison_in_words_names_reports_facets_and_count() -> None:
    report = made(
        "We found that twelve of the domains overlap with those of the report by F-Secure on this "
        "campaign."
    )
    (claim,) = comparisons(report)
    assert set(claim.reports) == {"https://labs.f-secure.com/publications/lazarus.html", report.id}
    assert claim.facets == ("infrastructure",) and claim.count == 12
    assert claim.start is not None and report.text[claim.start : claim.end].startswith("We found")


def test_an_address_of_a_comparison_becomes_the_loaded_report() -> None:
    report = made("The domains overlap with those of the report by JPCERT.")
    (claim,) = comparisons(report)
    other = Report(id="jp", urls=("https://blogs.jpcert.or.jp/en/2019/07/spear.html",))
    rooted = {r.id: r for r in with_roots([report, other])}[report.id]
    assert comparisons(rooted)[0].reports == tuple(sorted((report.id, "jp")))
    assert claim.reports != comparisons(rooted)[0].reports


@pytest.mark.parametrize(
    "prose",
    [
        "The domains overlap with those of the report by Kaspersky.",  # no page of it is cited
        "The malware was first described in a report by F-Secure.",  # nothing is compared
        "According to Acme, the domains match those of the F-Secure report.",
    ],
)
def test_what_compares_nothing_known_makes_no_comparison(prose: str) -> None:
    assert not comparisons(made(prose))


def test_the_activity_counts_before_the_publication() -> None:
    report = made("The attackers sent mails to banks in Japan from January 2021 to March 2021.")
    assert report.activity == Window(date(2021, 1, 1), date(2021, 3, 31))
    assert profile(report).activity == report.activity


def test_windows_of_old_times_and_of_the_future_are_no_activity() -> None:
    published = Window(date(2021, 5, 24), date(2021, 5, 24))

    def activity(*values: str) -> Window | None:
        return activity_of([Fact("window", v) for v in values], published)

    assert activity("2009", "2012/2015") is None
    assert activity("2023") is None
    assert activity("2009/2015", "2020-02") == Window(date(2020, 2, 1), date(2020, 2, 29))
    assert activity("2021") == Window(date(2021, 1, 1), published.end)  # not after it appeared


def test_sums_that_contradict_each_other_are_all_kept() -> None:
    report = made(
        "The group stole $200 million from exchanges in total. Others say that "
        "it stole $170 million from exchanges."
    )
    assert [f.value for f in report.facts if f.what == "money"] == [
        "200000000 USD",
        "170000000 USD",
    ]


def test_bad_facts_of_a_record_are_named_and_the_rest_is_read() -> None:
    rows = [
        {"what": "window", "value": "soon"},
        {"what": "country", "value": "JP"},
        "money",
        {"what": "money", "value": "5 BTC"},
    ]
    report, problems = parse_record({"id": "a", "facts": rows}, "x")
    assert report is not None and report.facts == (Fact("money", "5 BTC"),)
    assert [p.message.partition(":")[0] for p in problems] == ["fact 1", "fact 2", "fact 3"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    text(
        tmp_path / "a.txt",
        "We attribute this attack to APT28 with medium confidence. The attackers stole $5 million "
        "from a bank in Japan in March 2021.\n",
    )
    ok(tmp_path, "init")
    ok(tmp_path, "add", "a.txt", "--publisher", "Vendor", "--published", "2021-05-01")
    return tmp_path


def only(workspace: Path) -> str:
    (row,) = json.loads(ok(workspace, "reports", "--json"))
    return str(row["id"])


def test_show_marks_prose_in_the_text(workspace: Path) -> None:
    page = ok(workspace, "show", only(workspace))
    assert "⟦APT28 | actor⟧" in page and "⟦$5 million | money 5000000 USD⟧" in page
    assert "confidence.⟦claim: attribution, medium⟧" in page


def test_claims_and_facts_are_rejected_and_accepted_again(workspace: Path) -> None:
    identifier = only(workspace)
    lines = ok(workspace, "review", identifier).splitlines()
    numbers = {
        k: line.split()[0] for line in lines for k in ("claim", "window") if f" {k} " in line
    }

    def held() -> tuple[int, bool]:
        report = json.loads(ok(workspace, "show", identifier, "--json"))
        return len(report["claims"]), report["activity"] is not None

    assert held() == (1, True)
    ok(workspace, "review", identifier, "reject", *numbers.values(), "--reason", "a quotation")
    assert held() == (0, False)
    assert ok(workspace, "review", identifier).count("rejected") == 2
    ok(workspace, "review", identifier, "accept", numbers["claim"])
    assert held() == (1, False)
    assert (
        call(workspace, "review", identifier, "role", numbers["claim"], "--as", "c2").returncode
        == 2
    )
