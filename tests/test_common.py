from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import random
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle_common import disagreements, raw_lists, sample
from samehand.config import types_table
from samehand.errors import ConfigError
from samehand.knowledge import common
from samehand.knowledge.cache import folder_of, sources
from samehand.knowledge.common_build import build_index, read_lists
from samehand.knowledge.common_rows import (
    CLASSES,
    PROVIDER_CLASSES,
    UNUSED,
    date_of_version,
    read_own,
    read_rows,
)
from samehand.model import Feature
from samehand.normalise import canonical

LISTS = sources().own("commonplace.toml")
OWN = sources().own("commonplace_own.toml")
TODAY = date(2026, 11, 25)


def kappa(kind: str, value: str) -> float:
    found = common.lookup(Feature(kind, value))
    return found.kappa if found else 0.0


def because(kind: str, value: str) -> set[str]:
    found = common.lookup(Feature(kind, value))
    return {reason.list for reason in found.reasons} if found else set()


# --- the raw index


def test_the_index_says_what_the_package_says() -> None:
    wrong = disagreements(12, seed=20261125)
    assert not wrong, "\n".join(wrong[:20])


def test_the_sample_of_the_oracle_meets_lists_of_every_type() -> None:
    """The comparison would prove little if its values were strangers to the lists."""
    index = common.index()
    values = [value for _, value in sample(200, seed=20261125)]
    answers = index.lists_of_many(values)
    held = Counter(index.lists[n].type for lists in answers for n in lists)
    assert min(held[t] for t in ("string", "hostname", "substring", "cidr")) > 100, held
    assert sum(not lists for lists in answers) > 200


def test_every_list_is_found_by_some_entry_of_its_own() -> None:
    """Expected from the files: the first and last entry of a list are on it.

    Not regex lists, which the package never matches, and the empty ones.
    """
    index = common.index()
    for number, info in enumerate(index.lists):
        entries = raw_lists_once()[info.folder]["list"]
        if info.type == "regex" or not entries:
            continue
        for entry in (entries[0], entries[-1]):
            text = entry.split("/")[0] if info.type == "cidr" else entry
            assert number in index.lists_of(text), (info.folder, entry)


_raw: dict[str, Any] = {}


def raw_lists_once() -> dict[str, Any]:
    if not _raw:
        _raw.update(raw_lists())
    return _raw


def test_quirks_of_the_package_are_kept() -> None:
    """Worked out by hand from the package's rules."""
    index = common.index()

    def names(value: str) -> set[str]:
        return {index.lists[n].folder for n in index.lists_of(value)}

    assert "dynamic-dns" in names("x.duckdns.org")  # '.duckdns.org' holds what lies below
    assert "dynamic-dns" not in names("duckdns.org")  # but not the bare name
    assert "dynamic-dns" in names("http://X.duckdns.org/a")  # the host of a URL, lower-cased
    assert "tranco" in names("www.wikipedia.org")
    assert "tranco" not in names("xwikipedia.org.invalid")
    assert "rfc1918" in names("10.255.255.255")
    assert "rfc1918" not in names("11.0.0.0")
    assert "rfc1918" in names("10.0.0.0/8")  # the entry as text
    assert "rfc1918" not in names("10.0.0.0/9")
    assert "empty-hashes" not in names("D41D8CD98F00B204E9800998ECF8427E")  # case matters
    assert "automated-malware-analysis" in names("https://www.virustotal.com/gui/")  # substring
    assert "tlds" in names("AAA") and "tlds" not in names("aaa")


def test_bulk_and_single_answers_are_equal() -> None:
    index = common.index()
    pick = random.Random(7)
    values = [value for _, value in sample(120, seed=3)]
    values += [f"{pick.getrandbits(160):040x}" for _ in range(500)]
    values += [" " * 32, "0123456789abcdef" * 2, "0123456789abcdef".ljust(32, "\n")]
    pick.shuffle(values)
    assert index.lists_of_many(values) == [index.lists_of(value) for value in values]
    assert index.lists_of_many([]) == []


@given(st.lists(st.text(max_size=60), max_size=8))
def test_no_text_breaks_the_index(values: list[str]) -> None:
    index = common.index()
    assert index.lists_of_many(values) == [index.lists_of(value) for value in values]


HOSTILE = [
    "", " ", ".", "...", "\x00", "a\x00b.com", "\ud800", "\udfff.google.com", "😀", "😀.com",
    "http://[", "http://[::1", "http://", "//", "://", "http://a:b:c/", "@", "a@", "@b", "1.2.3.4:",
    ":80", "1.2.3.4:99999999", "/24", "1.2.3.0/24/24", "::/24", "x" * 1_000_000, "." * 1_000_000,
    "a." * 400_000, "http://" + "a" * 1_000_000, "\u0661.2.3.4", "\n", "http://\uff0f/", "%", "(((",
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(types_table()))
def test_hostile_values_never_raise(kind: str) -> None:
    for value in HOSTILE:
        common.lookup(Feature(kind, value))


def test_hostile_values_never_break_the_index() -> None:
    index = common.index()
    assert index.lists_of_many(HOSTILE) == [index.lists_of(value) for value in HOSTILE]
    for value in HOSTILE:
        common.provider_of(value)


def test_the_same_lists_build_the_same_bytes() -> None:
    """What lies in the cache, against a build with another hash seed: no set shows through."""
    folder = folder_of(common.PART)
    code = (
        "import hashlib, json\n"
        "from samehand.knowledge.common import PART\n"
        "from samehand.knowledge.sources import Sources\n"
        "made = PART.build(Sources())\n"
        "print(json.dumps({n: hashlib.sha256(d).hexdigest() for n, d in made.items()}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
    )
    kept = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    del kept[".complete"]
    assert json.loads(run.stdout) == kept


def test_loading_is_quick() -> None:
    code = (
        "import time\n"
        "from samehand.knowledge import cache, common\n"
        "cache.folder_of(common.PART)\n"
        "from samehand.model import Feature\n"
        "start = time.process_time()\n"
        "common.lookup(Feature('domain-name', 'example.com'))\n"
        "print(time.process_time() - start)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.3  # measured 0.05; leaves room for a busy machine


# --- judgement of the lists


def test_every_list_has_exactly_one_row() -> None:
    rows = read_rows(LISTS)
    folders = {info.folder for info, _ in read_lists(sources().warninglists())}
    missing, surplus = sorted(folders - set(rows)), sorted(set(rows) - folders)
    assert not missing, f"add a row [lists.NAME] to commonplace.toml for: {missing}"
    assert not surplus, f"the package has no such list, remove from commonplace.toml: {surplus}"


def test_rows_are_complete_sentences_with_a_kappa_of_their_class() -> None:
    for name, row in read_rows(LISTS).items():
        assert row.reason[:1].isupper() and row.reason.endswith("."), (
            f"commonplace.toml, {name}: write the reason as a sentence"
        )
        assert row.expires_after_days >= 0, name
        if row.class_name == UNUSED:
            assert not row.kinds, f"{name}: a list that is not used applies to nothing"
        else:
            assert 0 < row.kappa <= 16000 and row.kinds, (
                f"commonplace.toml, {name}: kappa must lie in (0, 16000] and applies_to be given"
            )
        if row.class_name in PROVIDER_CLASSES:
            assert not row.below, f"{name}: a provider says nothing about customers; scope self"


def test_lists_speak_only_of_kinds_their_entries_can_be() -> None:
    """A list of addresses that applies to domain names would be a slip of the pen."""
    types = {info.folder: info.type for info, _ in read_lists(sources().warninglists())}
    for name, row in read_rows(LISTS).items():
        addresses = {k for k in row.kinds if k.startswith("ipv")}
        if types[name] == "cidr":
            assert row.kinds <= addresses | {"url"}, name
        elif name != "microsoft-attack-simulator":
            assert not addresses, name


def test_own_groups_are_sentences_without_repetition() -> None:
    groups = read_own(OWN).groups
    names = Counter(group.name for group in groups)
    assert max(names.values()) == 1, f"rename the groups called alike: {names.most_common(3)}"
    raw = tomllib.loads(OWN.read_text(encoding="utf-8"))["group"]
    for group, written in zip(groups, raw, strict=True):
        twice = [v for v, n in Counter(written.get("values", [])).items() if n > 1]
        assert not twice, f"commonplace_own.toml, {group.name}: remove the repeated {twice}"
        assert group.reason[:1].isupper() and group.reason.endswith("."), group.name
        assert 0 < group.kappa <= 16000, group.name
        assert group.values or group.patterns, f"{group.name}: holds nothing"


def test_own_values_are_canonical() -> None:
    """Else they would never be met: features are canonical."""
    derived = {"registered-domain": "domain-name", "ipv4-net24": "ipv4-addr"}
    for group in read_own(OWN).groups:
        for value in group.values:
            forms = set()
            for kind in group.kinds:
                try:
                    forms.add(canonical(derived.get(kind, kind), value).value)
                except ValueError:
                    continue
            assert value in forms, (
                f"commonplace_own.toml, {group.name}: write {value!r} as one of {sorted(forms)}"
            )


def test_no_value_stands_in_two_own_groups() -> None:
    seen: dict[tuple[str, str], str] = {}
    for group in read_own(OWN).groups:
        for kind in group.kinds:
            for value in group.values:
                other = seen.setdefault((kind, value), group.name)
                assert other == group.name, f"{value!r} stands in {other!r} and {group.name!r}"


@pytest.mark.parametrize("place", [LISTS, OWN])
def test_files_state_source_licence_and_date(place: Path) -> None:
    head = "\n".join(place.read_text(encoding="utf-8").splitlines()[:30])
    for label in ("Source: ", "Licence: ", "Retrieved: "):
        assert re.search(rf"(?m)^# {label}\S", head), f"{place.name}: add a line '# {label}…'"


def test_the_licence_is_the_one_the_package_states() -> None:
    metadata = importlib.metadata.metadata("pymispwarninglists")
    assert metadata["License-Expression"] == common.LICENCE


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ('class = "cdn"', 'class = "cnd"', "no class is called 'cnd'"),
        ("kappa = 40", "kappa = 0", "kappa must be above 0"),
        ('applies_to = "addresses"', 'applies_to = "adresses"', "names no row of"),
        ('scope = "self"', 'scope = "all"', "write self or below"),
        ("expires_after_days = 730", "", "missing or malformed"),
    ],
)
def test_a_broken_row_says_what_is_wrong(tmp_path: Path, good: str, bad: str, message: str) -> None:
    before, row, after = LISTS.read_text(encoding="utf-8").partition("[lists.akamai]")
    assert good in after
    place = tmp_path / "commonplace.toml"
    place.write_text(before + row + after.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_rows(place)


def test_classes_are_all_used() -> None:
    used = {row.class_name for row in read_rows(LISTS).values()}
    used |= {group.class_name for group in read_own(OWN).groups}
    assert CLASSES - used == {"unjudged"}, "remove classes that nothing uses from common_rows.py"


# --- lookup


@pytest.mark.parametrize(
    ("kind", "value", "expected", "list_name"),
    [
        # A public resolver, any private address and the empty file are no evidence at all.
        ("ipv4-addr", "8.8.8.8", 16000, "public-dns-v4"),
        ("ipv4-addr:port", "8.8.8.8:53", 16000, "samehand: well-known resolvers"),
        ("ipv4-addr", "10.20.30.40", 16000, "rfc1918"),  # RFC 1918, section 3
        ("ipv4-addr", "172.31.255.255", 16000, "rfc1918"),
        ("ipv4-net24", "192.168.1.0/24", 16000, "rfc1918"),
        ("ipv4-addr", "127.0.0.1", 16000, "rfc5735"),
        ("ipv4-addr", "203.0.113.9", 16000, "rfc5735"),  # TEST-NET-3, RFC 5737
        ("ipv6-addr", "2001:db8::1", 16000, "rfc3849"),
        ("ipv6-addr", "::1", 16000, "samehand: placeholder addresses"),
        ("domain-name", "example.com", 16000, "rfc6761"),
        ("file:md5", hashlib.md5(b"").hexdigest(), 16000, "empty-hashes"),
        ("file:sha1", hashlib.sha1(b"").hexdigest(), 16000, "empty-hashes"),
        ("file:sha256", hashlib.sha256(b"").hexdigest(), 16000, "empty-hashes"),
        ("file:sha1", hashlib.sha1(b"\r\n").hexdigest(), 2000, "samehand: tiny files (sha1)"),
        # EICAR: the hash published by eicar.org
        (
            "file:sha256",
            "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
            16000,
            "eicar.com",
        ),
        # Microsoft's sinkhole network.
        ("ipv4-addr", "199.2.137.20", 400, "sinkholes"),
        ("domain-name", "sinkhole.shadowserver.org", 400, "samehand: sinkhole names"),
        ("domain-name", "google.de", 2000, "google"),  # the entry is '.google.de'
        ("domain-name", "www.wikipedia.org", 2000, "moz-top500"),
        ("domain-name", "bit.ly", 2000, "url-shortener"),
        ("domain-name", "duckdns.org", 2000, "dynamic-dns"),
        ("domain-name", "www.duckdns.org", 2000, "dynamic-dns"),
        ("domain-name", "co.uk", 2000, "second-level-tlds"),
        ("domain-name", "www.msftconnecttest.com", 2000, "captive-portals"),
        ("domain-name", "api.ipify.org", 2000, "findip-host"),
        ("url", "https://github.com", 2000, "lots-project"),
        ("url", "http://8.8.8.8:8080", 16000, "public-dns-v4"),
        ("url", "http://ip-api.com/json", 2000, "samehand: pages of address services"),
        ("ipv4-addr", "104.16.1.1", 40, "cloudflare"),  # 104.16.0.0/13, cloudflare.com/ips
        ("email-addr", "someone@mailinator.com", 3, "disposable-email"),
        ("email-addr", "abuse@some-registrar.example", 40, "common-contact-emails"),
        # Let's Encrypt's root: ISRG Root X1
        (
            "x509-certificate:sha1",
            "cabd2a79a1076a31f21d253635cb039d4329a5e8",
            16000,
            "mozilla-CA",
        ),
        (
            "x509-certificate:serial",
            f"{146473198:x}",
            400,
            "samehand: Cobalt Strike default serial",
        ),
        ("named-pipe", "\\\\.\\pipe\\msagent_4f", 400, "samehand: Cobalt Strike default pipes"),
        ("named-pipe", "MSSE-1234-server", 400, "samehand: Cobalt Strike default pipes"),
        ("file:name", "svchost.exe", 2000, "samehand: Windows programs"),
        (
            "windows-registry-key",
            r"hkey_current_user\software\microsoft\windows\currentversion\run",
            400,
            "samehand: keys that every Windows has",
        ),
        ("file:path", "c:\\windows\\temp\\", 400, "samehand: folders and programs of every system"),
        ("user-agent", "curl/7.68.0", 2000, "samehand: user agents of tools and libraries"),
        (
            "user-agent",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/80.0.3987.149 Safari/537.36",
            200,
            "samehand: user agents of ordinary browsers",
        ),
        ("url:path", "/gate.php", 400, "samehand: paths of very many web servers"),
    ],
)
def test_commonplace_values(kind: str, value: str, expected: float, list_name: str) -> None:
    assert kappa(kind, value) == expected
    assert list_name in because(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("domain-name", "x.duckdns.org"),  # a customer's name, though duckdns.org is in Tranco
        ("domain-name", "evil.github.io"),
        ("domain-name", "evil.s3.amazonaws.com"),
        ("domain-name", "evil.azurewebsites.net"),  # not what the list of Microsoft's names means
        ("domain-name", "zq-update-check7.info"),
        ("url", "https://github.com/somebody/tool"),  # a path on a popular host
        ("url", "http://8.8.8.8/payload.bin"),
        ("url", "https://www.dropbox.com/?q=1"),
        ("file:md5", "0123456789abcdef0123456789abcdee"),
        ("file:name", "perflog.dat"),
        ("file:name", "8.8.8.8"),  # a value of another kind
        ("domain-name", "d41d8cd98f00b204e9800998ecf8427e"),
        ("mutex", "google.com"),
        ("user-agent", "Mozilla/5.0 (Windows NT 10.0) my own bot 1.0"),
        ("named-pipe", "\\\\.\\pipe\\mypipe"),
        ("windows-registry-key", r"hkey_current_user\software\evil"),
        ("file:path", "c:\\windows\\temp\\zq7.dat"),
        ("email-addr", "somebody@gmail.com"),
        ("technique", "T1566"),
        ("no-such-kind", "google.com"),
    ],
)
def test_values_of_ones_own(kind: str, value: str) -> None:
    assert common.lookup(Feature(kind, value)) is None


def test_a_cloud_address_keeps_most_of_its_weight() -> None:
    """3.5.140.0/22 is the first prefix of Amazon's published ranges."""
    found = common.lookup(Feature("ipv4-addr", "3.5.140.2"))
    assert found is not None
    assert "amazon-aws" in {reason.list for reason in found.reasons}
    assert found.kappa == 3


def test_a_site_of_the_top_million_and_what_it_serves_below() -> None:
    """Tranco's entry holds the site and its hosts; the largest kappa counts, all are reported."""
    rows = raw_lists_once()
    small = set(rows["tranco"]["list"])
    for name in ("tranco10k", "google", "microsoft", "second-level-tlds", "alexa"):
        small -= {entry.lstrip(".") for entry in rows[name]["list"]}
    site = next(s for s in sorted(small) if s.endswith(".de") and s.count(".") == 1)
    for host in (site, f"mail.{site}"):
        found = common.lookup(Feature("domain-name", host))
        assert found is not None and found.kappa == 1
        assert [r.text for r in found.reasons if r.list == "tranco"] == [
            "Among the million most used sites (Tranco): if it is malicious it was broken into, "
            "and others break in, too."
        ]


def test_all_reasons_are_given_largest_first_with_their_dates() -> None:
    found = common.lookup(Feature("ipv4-addr", "8.8.8.8"))
    assert found is not None
    kappas = [reason.kappa for reason in found.reasons]
    assert kappas == sorted(kappas, reverse=True) and found.kappa == kappas[0]
    dates = {reason.list: reason.date for reason in found.reasons}
    assert dates["public-dns-v4"] == "2024-06-15"  # version 20240615
    private = common.lookup(Feature("ipv4-addr", "10.0.0.1"))
    assert private is not None
    # version 5 tells no date; the newest list of the package is of 2025-12-23
    assert {r.date for r in private.reasons if r.list == "rfc1918"} == {"by 2025-12-23"}


def test_a_network_counts_only_if_a_list_holds_all_of_it() -> None:
    """199.2.137.0/24 is a sinkhole as a whole; of 148.81.111.0/24 only the lower half is."""
    assert "sinkholes" in because("ipv4-net24", "199.2.137.0/24")
    assert "sinkholes" in because("ipv4-addr", "148.81.111.0")
    assert "sinkholes" not in because("ipv4-net24", "148.81.111.0/24")


def test_scope_self_is_not_for_names_below() -> None:
    """digitalside lists google.com with scope self, google lists .google.com with scope below."""
    assert {"digitalside", "google"} <= because("domain-name", "google.com")
    assert {"digitalside", "google"} & because("domain-name", "mail.google.com") == {"google"}


def test_the_same_feature_is_looked_up_once() -> None:
    first = common.lookup(Feature("domain-name", "bit.ly"))
    assert first is not None
    assert common.lookup(Feature("domain-name", "bit.ly")) is first


# --- providers


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("x.duckdns.org", ("duckdns.org", "dynamic-dns")),
        ("a.b.duckdns.org", ("duckdns.org", "dynamic-dns")),
        ("duckdns.org", ("duckdns.org", "dynamic-dns")),
        ("xduckdns.org", None),
        ("evil.github.io", ("github.io", "hosting")),
        ("files.x.blob.core.windows.net", ("blob.core.windows.net", "hosting")),
        ("bit.ly", ("bit.ly", "hosting")),  # in lots-project and url-shortener: first class counts
        ("linktr.ee", ("linktr.ee", "shortener")),
        ("gateway.pinata.cloud", ("gateway.pinata.cloud", "storage")),
        ("www.bbc.co.uk", None),
        ("com", None),
        ("", None),
    ],
)
def test_providers(host: str, expected: tuple[str, str] | None) -> None:
    assert common.provider_of(host) == expected


def test_provider_suffixes_are_names_below_which_strangers_may_be() -> None:
    suffixes = common.provider_suffixes()
    rows = read_rows(LISTS)
    listed = {
        entry.lower().strip(".")
        for name, row in rows.items()
        if row.class_name in PROVIDER_CLASSES
        for entry in raw_lists_once()[name]["list"]
    }
    assert set(suffixes) <= listed
    assert len(suffixes) > 0.99 * len(listed)
    assert set(suffixes.values()) == set(PROVIDER_CLASSES)
    for suffix in suffixes:
        assert "." in suffix.strip(".") and suffix == suffix.lower().strip(".")
        assert not suffix.rpartition(".")[2].isdigit()
    assert not {"co.uk", "com.br", "com"} & set(suffixes)
    assert all(common.provider_of(suffix) == (suffix, kind) for suffix, kind in suffixes.items())


# --- age


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("20251223", date(2025, 12, 23)),
        ("25121022", date(2025, 12, 10)),  # YYMMDDHH: 10 December 2025, 22 h
        ("20240229", date(2024, 2, 29)),
        ("20250230", None),
        ("5", None),
        ("99999999", None),
        ("２０２５１２２３", None),
    ],
)
def test_versions_that_are_dates(version: str, expected: date | None) -> None:
    assert date_of_version(version) == expected


def test_lists_expire_the_day_after_their_last() -> None:
    """amazon-aws is of 2025-12-23 and serves 730 days: until 2027-12-23."""

    def row(today: date, name: str) -> common.ListStatus:
        return next(r for r in common.status(today) if r.list == name)

    aws = row(date(2027, 12, 23), "amazon-aws")
    assert (aws.date, aws.expires, aws.expired) == ("2025-12-23", "2027-12-23", False)
    assert row(date(2027, 12, 24), "amazon-aws").expired
    never = row(date(2199, 1, 1), "rfc1918")
    assert (never.expires, never.expired) == ("", False)
    # counted from the newest list of the package, since its own version is a counter
    assert row(TODAY, "sinkholes").expires == "2028-12-22"


def test_the_status_names_every_list_with_its_size() -> None:
    rows = {row.list: row for row in common.status(TODAY)}
    raw = raw_lists_once()
    assert set(rows) == set(raw)
    for name, row in rows.items():
        assert row.entries == len(set(raw[name]["list"])), name
        assert row.version == str(raw[name]["version"]), name
    assert rows["tlds"].class_name == UNUSED


def test_a_list_that_nobody_judged_is_shown_and_gives_no_kappa(tmp_path: Path) -> None:
    """A newer package may bring lists; they must neither break the program nor count."""
    from samehand.knowledge.sources import Sources

    folder = tmp_path / "lists" / "brand-new"
    folder.mkdir(parents=True)
    new = {
        "name": "New",
        "type": "cidr",
        "version": 1,
        "description": "",
        "list": ["198.18.0.0/15"],
    }
    (folder / "list.json").write_text(json.dumps(new), encoding="utf-8")

    class Other(Sources):
        def warninglists(self) -> Path:
            return tmp_path / "lists"

    made = common.PART.build(Other())
    assert b"unjudged" in made["judged.msgpack"] and b"brand-new" in made["judged.msgpack"]


def test_a_list_of_unknown_type_is_an_error_and_no_silent_gap(tmp_path: Path) -> None:
    from samehand.knowledge.sources import Sources

    folder = tmp_path / "lists" / "odd"
    folder.mkdir(parents=True)
    odd = {"name": "Odd", "type": "fuzzy", "version": 1, "list": ["x"]}
    (folder / "list.json").write_text(json.dumps(odd), encoding="utf-8")

    class Other(Sources):
        def warninglists(self) -> Path:
            return tmp_path / "lists"

    with pytest.raises(ConfigError, match="its type 'fuzzy' is not known"):
        build_index(Other())


def test_the_bulk_call_is_fast_enough() -> None:
    """The bar is 500,000 values a second on a free machine; a fifth of it even on a busy one."""
    pick = random.Random(1)
    values = []
    for _ in range(40_000):
        values.append(f"{pick.getrandbits(128):032x}")
        values.append("".join(pick.choices("abcdefghijklmnop", k=10)) + ".com")
        values.append(".".join(str(pick.randrange(256)) for _ in range(4)))
    index = common.index()
    start = time.process_time()
    index.lists_of_many(values)
    assert len(values) / (time.process_time() - start) > 100_000
