"""Three extractors of observables on the same texts: samehand, iocsearcher and ioc-finder.

    python scripts/side_by_side.py --data DIR [--peers VENV/bin/python] [--half open|sealed|both]
        [--parts forms,gold,speed] [--tools samehand,iocsearcher,ioc-finder] [--wrong TOOL] [--json]

`forms`: tests/cases/forms.yaml (open) and forms_sealed.yaml (sealed). `gold`: the labels of
scripts/gold/observables.jsonl on report_texts.jsonl.gz and annoctr_docs.jsonl.gz of the data folder;
left out without --data. `speed`: time on a corpus built from those texts. Nothing of the sealed half
is read without --half.

The peers run in an interpreter of their own (`pip install iocsearcher==3.1.0 ioc-finder==9.4.1`), which
starts this file with --worker; hence one file, and imports of this package only where they are needed.
Three rules keep the comparison fair to them:

- Values in their types are mapped to ours and put in canonical form by `samehand.normalise`.
- They also return the parts of what they find (the host of a URL, the domain of an address); a part
  of something expected is neither right nor false. samehand must return each value once, as one type.
- Beside the figures over all types stand those over the types a tool claims; there an address with
  a port counts as its address, and a PDB path as a path, for tools that have no such type.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FORMS = {
    "open": ROOT / "tests" / "cases" / "forms.yaml",
    "sealed": ROOT / "tests" / "cases" / "forms_sealed.yaml",
}
GOLD = ROOT / "scripts" / "gold" / "observables.jsonl"
TEXTS = ("report_texts.jsonl.gz", "annoctr_docs.jsonl.gz")
TOOLS = ("samehand", "iocsearcher", "ioc-finder")

Value = tuple[str, str]
"""A type of ours and a value in canonical form."""

#: Wallets of iocsearcher.
WALLETS = (
    *("bitcoin", "bitcoincash", "cardano", "dashcoin", "dogecoin", "ethereum", "litecoin"),
    *("monero", "ripple", "solana", "stellar", "tezos", "tron", "zcash"),
)
#: Their types and ours; what is missing (phone numbers, handles, MAC addresses) is not compared.
IOCSEARCHER = {
    "fqdn": "domain-name",
    "onionAddress": "domain-name",
    "ip4": "ipv4-addr",
    "ip4Net": "ipv4-addr",
    "ip6": "ipv6-addr",
    "url": "url",
    "email": "email-addr",
    "md5": "file:md5",
    "sha1": "file:sha1",
    "sha256": "file:sha256",
    "cve": "vulnerability",
    "ttp": "technique",
    "registry": "windows-registry-key",
} | dict.fromkeys(WALLETS, "cryptocurrency-wallet")
IOC_FINDER = {
    "domains": "domain-name",
    "ipv4s": "ipv4-addr",
    "ipv4_cidrs": "ipv4-addr",
    "ipv6s": "ipv6-addr",
    "socket_addresses": "ipv4-addr:port",
    "urls": "url",
    "email_addresses": "email-addr",
    "md5s": "file:md5",
    "sha1s": "file:sha1",
    "sha256s": "file:sha256",
    "sha512s": "file:sha512",
    "imphashes": "file:imphash",
    "ssdeeps": "file:ssdeep",
    "file_paths": "file:path",
    "registry_key_paths": "windows-registry-key",
    "user_agents": "user-agent",
    "bitcoin_addresses": "cryptocurrency-wallet",
    "monero_addresses": "cryptocurrency-wallet",
    "asns": "autonomous-system",
    "cves": "vulnerability",
    "attack_techniques": "technique",
}
CLAIMS = {
    "iocsearcher": frozenset(IOCSEARCHER.values()),
    "ioc-finder": frozenset(IOC_FINDER.values()),
}

# ------------------------------------------------------------------ the peers, in their interpreter


def with_iocsearcher() -> Any:
    """A function from a text to what iocsearcher finds, parts of longer finds left out."""
    from iocsearcher.searcher import Searcher

    searcher = Searcher()

    def find(text: str) -> set[Value]:
        found = set()
        for one in searcher.search_data(text, targets=targets, no_overlaps=True):
            onion = one.name == "onionAddress" and not one.value.endswith(".onion")
            if one.name in IOCSEARCHER:
                found.add((IOCSEARCHER[one.name], one.value + (".onion" if onion else "")))
        return found

    targets = [name for name in searcher.patterns if name in IOCSEARCHER]
    return find


def with_ioc_finder() -> Any:
    """A function from a text to what ioc-finder finds, of all its types that are also ours."""
    from ioc_finder import find_iocs

    def find(text: str) -> set[Value]:
        groups = find_iocs(  # Unicode names: off by default, and better on the forms
            text,
            parse_from_url_path=False,
            parse_unicode_iocs=True,
            included_ioc_types=list(IOC_FINDER),
        )
        found = set()
        for name, kind in IOC_FINDER.items():
            values = groups.get(name, [])
            lists = values.values() if isinstance(values, dict) else [values]
            for value in (v for one in lists for v in one):
                inside = re.match(r"\[(.+)\]:\d+$", value) if kind == "ipv4-addr:port" else None
                found.add(("ipv6-addr", inside[1]) if inside else (kind, value))
        return found

    return find


def worker(tool: str) -> None:
    """Read lines {id, text}, write lines {id, found, seconds}."""
    find = {"iocsearcher": with_iocsearcher, "ioc-finder": with_ioc_finder}[tool]()
    find("hxxp://warm[.]up.com/ 8.8.8.8")  # grammars are built at the first call
    for line in sys.stdin:
        row = json.loads(line)
        start = time.perf_counter()
        found = find(row["text"])
        seconds = time.perf_counter() - start
        print(json.dumps({"id": row["id"], "found": sorted(found), "seconds": seconds}), flush=True)


# ------------------------------------------------------------------------------ what a tool found


@dataclass(frozen=True, slots=True)
class Found:
    """What one tool found in one text."""

    values: frozenset[Value]
    seconds: float
    places: tuple[tuple[int, int, str, str], ...] = ()
    """start, end, type and role; of samehand only."""


def canonical_value(kind: str, raw: str) -> str:
    """A value of a type as `samehand.normalise` writes it.

    Raises:
        ValueError: if it is not one.
    """
    from samehand.normalise import canonical, technique

    if kind == "technique":
        return technique(raw.replace("/", ".")).value
    if kind == "ipv4-addr" and "/" in raw:
        base, _, length = canonical("url", raw).value.partition("/")
        return f"{canonical(kind, base).value}/{int(length)}"
    try:
        return canonical(kind, raw).value
    except KeyError:
        return raw


def lenient(kind: str, raw: str) -> Value:
    """A peer's value in canonical form; one that is none stays, and will count as false."""
    try:
        return kind, canonical_value(kind, raw)
    except ValueError:
        return kind, raw


def run_samehand(rows: Sequence[tuple[str, str]]) -> dict[str, Found]:
    from samehand.extract.observables import extract
    from samehand.read.document import Document

    extract(Document(name="warm-up", format="text", text="hxxp://warm[.]up.com/ 8.8.8.8"))
    results = {}
    for name, text in rows:
        start = time.perf_counter()
        mentions = extract(Document(name=name, format="text", text=text))
        seconds = time.perf_counter() - start
        results[name] = Found(
            frozenset((m.feature.kind, m.feature.value) for m in mentions),
            seconds,
            tuple((m.start, m.end, m.feature.kind, m.role) for m in mentions),
        )
    return results


def run_peer(tool: str, python: str, rows: Sequence[tuple[str, str]]) -> dict[str, Found]:
    lines = "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in rows)
    child = subprocess.run(
        [python, str(Path(__file__).resolve()), "--worker", tool],
        input=lines,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=True,
    )
    results = {}
    for line in child.stdout.splitlines():
        row = json.loads(line)
        values = frozenset(lenient(kind, raw) for kind, raw in row["found"])
        results[row["id"]] = Found(values, row["seconds"])
    return results


def run(tool: str, python: str, rows: Sequence[tuple[str, str]]) -> dict[str, Found]:
    return run_samehand(rows) if tool == "samehand" else run_peer(tool, python, rows)


def nearest(one: Value) -> Value:
    """The value as a tool without its type would give it: no port, a path as any other path."""
    kind, value = one
    if kind == "ipv4-addr:port":
        return "ipv4-addr", value.rpartition(":")[0]
    return ("file:path", value) if kind == "pdb-path" else one


def parts(values: Iterable[Value]) -> set[Value]:
    """What is inside values: hosts of URLs, domains of e-mail addresses, names of files."""
    from samehand.model import Feature
    from samehand.normalise import host_of

    found: set[Value] = {nearest(one) for one in values}
    for kind, value in values:
        if kind == "url":
            host = host_of(Feature(kind, value))
            found |= {(k, host) for k in ("domain-name", "ipv4-addr", "ipv6-addr") if host}
            address = re.match(r"\w+://([\d.]+:\d+)", value)
            found |= {("ipv4-addr:port", address[1])} if address else set()
        elif kind == "email-addr":
            found.add(("domain-name", value.rpartition("@")[2]))
        elif kind == "ipv4-addr" and "/" in value:
            found.add((kind, value.partition("/")[0]))
        elif kind in ("file:path", "pdb-path"):
            found.add(("file:name", re.split(r"[\\/]", value)[-1].lower()))
    return found


# ---------------------------------------------------------------------------------------- forms


@dataclass(frozen=True, slots=True)
class Case:
    """One form of writing and what it holds."""

    id: str
    text: str
    expect: frozenset[Value]
    optional: frozenset[Value]


@dataclass(slots=True)
class FormsScore:
    """Counts of one tool over all types; `claimed_` over the types it has."""

    positives: int = 0
    right: int = 0
    """Cases with exactly the expected values, none missing and none false."""
    values: int = 0
    found: int = 0
    claimed_positives: int = 0
    claimed_right: int = 0
    claimed_values: int = 0
    claimed_found: int = 0
    false_in_positives: int = 0
    lookalikes: int = 0
    clean: int = 0
    """Look-alikes in which nothing false was found."""
    false_in_lookalikes: int = 0
    false_by_type: Counter[str] = field(default_factory=Counter)
    """Of look-alikes."""
    wrong: list[str] = field(default_factory=list)
    """A line for each wrong case."""


def read_cases(path: Path) -> list[Case]:
    import yaml

    def values(rows: list[dict[str, str]]) -> frozenset[Value]:
        return frozenset((row["type"], row["value"]) for row in rows)

    return [
        Case(c["id"], c["text"], values(c["expect"]), values(c.get("optional", [])))
        for c in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def claimed(values: Iterable[Value], tool: str) -> set[Value]:
    """The values of types that a tool has, in the type nearest to one that it lacks."""
    kinds = CLAIMS.get(tool)
    if kinds is None:
        return set(values)
    own = {one if one[0] in kinds else nearest(one) for one in values}
    return {one for one in own if one[0] in kinds}


def score_forms(tool: str, cases: Sequence[Case], results: dict[str, Found]) -> FormsScore:
    score = FormsScore()
    for case in cases:
        found = results[case.id].values
        neutral = case.expect | case.optional
        if tool != "samehand":
            neutral |= parts(neutral)
        false = found - neutral
        if case.expect:
            missing = case.expect - found
            mine = claimed(case.expect, tool)
            score.positives += 1
            score.right += not missing and not false
            score.values += len(case.expect)
            score.found += len(case.expect & found)
            score.claimed_positives += bool(mine)
            score.claimed_right += bool(mine) and mine <= found and not false
            score.claimed_values += len(mine)
            score.claimed_found += len(mine & found)
            score.false_in_positives += len(false)
        else:
            missing = frozenset()
            score.lookalikes += 1
            score.clean += not false
            score.false_in_lookalikes += len(false)
            score.false_by_type.update(kind for kind, _ in false)
        if missing or false:
            score.wrong.append(f"{case.id}: missing {sorted(missing)}, false {sorted(false)}")
    return score


# ----------------------------------------------------------------------------------------- gold

HASHES = ("file:md5", "file:sha1", "file:sha256", "file:sha512")
GROUPS = {
    "ipv4-addr": "ip",
    "ipv4-addr:port": "ip",
    "ipv6-addr": "ip",
    "domain-name": "domain",
    "url": "url",
    "email-addr": "e-mail",
    "technique": "technique",
    "vulnerability": "cve",
} | dict.fromkeys(HASHES, "hash")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A report's text and its labels: (start, end, type, roles, optional)."""

    id: str
    text: str
    labels: tuple[tuple[int, int, str, tuple[str, ...], bool], ...]


@dataclass(slots=True)
class Counts:
    """Right, false and missed finds."""

    right: int = 0
    false: int = 0
    missed: int = 0

    def add(self, right: int, false: int, missed: int) -> None:
        self.right += right
        self.false += false
        self.missed += missed

    def text(self) -> str:
        """Precision and recall with their counts."""
        found, expected = self.right + self.false, self.right + self.missed
        precision = f"{self.right / found:.3f}" if found else "  -  "
        recall = f"{self.right / expected:.3f}" if expected else "  -  "
        return f"P {precision} ({self.right}/{found})  R {recall} ({self.right}/{expected})"


@dataclass(slots=True)
class GoldScore:
    """Counts of one tool by group of types; places and roles for samehand only."""

    by_value: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    by_place: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    roles: int = 0
    """Places found exactly, whose role is compared."""
    roles_agree: int = 0
    roles_agree_with_either: int = 0
    role_pairs: Counter[str] = field(default_factory=Counter)
    """'label > found' where neither labeller agrees."""


def read_texts(data: Path) -> dict[str, str]:
    texts = {}
    for name in TEXTS:
        with gzip.open(data / name, "rt", encoding="utf-8") as stream:
            texts.update({row["id"]: row["text"] for row in map(json.loads, stream)})
    return texts


def read_gold(texts: dict[str, str], halves: Sequence[str]) -> list[Labelled]:
    reports = []
    for line in GOLD.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["half"] not in halves:
            continue
        labels = tuple(
            (
                one["start"],
                one["end"],
                one["type"],
                (one["role"], one.get("other_role", one["role"])),
                bool(one.get("optional")),
            )
            for one in row["labels"]
        )
        reports.append(Labelled(row["id"], texts[row["id"]], labels))
    return reports


def comparable(values: Iterable[Value]) -> set[Value]:
    """Values of the labelled types, addresses without ports: what all three tools can give."""
    return {nearest(one) for one in values if one[0] in GROUPS}


def label_value(kind: str, raw: str) -> Value:
    """The canonical value of a labelled stretch, which may go over a line or hold backslashes."""
    return lenient(kind, re.sub(r"\s+|\\(?=[._-])", "", raw))


def score_gold(tool: str, reports: Sequence[Labelled], results: dict[str, Found]) -> GoldScore:
    score = GoldScore()
    for report in reports:
        expected: set[Value] = set()
        optional: set[Value] = set()
        for start, end, kind, _, doubtful in report.labels:
            (optional if doubtful else expected).add(label_value(kind, report.text[start:end]))
        inside = parts(expected | optional)
        expected, optional = comparable(expected), comparable(optional)
        found = comparable(results[report.id].values)
        false = found - expected - optional - inside
        for group in set(GROUPS.values()):
            score.by_value[group].add(
                *(
                    sum(GROUPS[kind] == group for kind, _ in chosen)
                    for chosen in (found & expected, false, expected - found)
                )
            )
        if tool == "samehand":
            score_places(score, report, results[report.id])
    return score


def score_places(score: GoldScore, report: Labelled, result: Found) -> None:
    """Count exact stretches; one that touches an optional label is neither right nor false."""
    required = {
        (s, e, kind): roles for s, e, kind, roles, doubtful in report.labels if not doubtful
    }
    doubtful = [(s, e) for s, e, _, _, optional in report.labels if optional]
    right = set()
    for start, end, kind, role in result.places:
        role = role or "none"  # the labellers' word where a role means nothing
        if kind not in GROUPS:
            continue
        roles = required.get((start, end, kind))
        if roles is not None:
            right.add((start, end, kind))
            score.roles += 1
            score.roles_agree += role == roles[0]
            score.roles_agree_with_either += role in roles
            if role not in roles:
                score.role_pairs[f"{roles[0]} > {role}"] += 1
        elif not any(start < e and s < end for s, e in doubtful):
            score.by_place[GROUPS[kind]].add(0, 1, 0)
    for place in required:
        hit = place in right
        score.by_place[GROUPS[place[2]]].add(hit, 0, not hit)


# ---------------------------------------------------------------------------------------- speed

CORPUS_BYTES = 10_000_000
PEER_BYTES = 500_000
_HOST = re.compile(r"\b(?:https?://)?(?:[\w-]+\.)+[a-z]{2,6}\b|\b(?:\d{1,3}\.){3}\d{1,3}\b")


def corpus(texts: Sequence[str], size_bytes: int) -> list[tuple[str, str]]:
    """Texts in random order, a third of their hosts defanged, until there are enough bytes."""
    draw = random.Random(7)

    def defang(match: re.Match[str]) -> str:
        if draw.random() > 1 / 3:
            return match[0]
        return re.sub(r"^http", "hxxp", match[0]).replace(".", draw.choice(("[.]", "(.)", "[dot]")))

    rows: list[tuple[str, str]] = []
    total = 0
    while True:
        for text in draw.sample(texts, len(texts)):
            changed = _HOST.sub(defang, text)
            rows.append((f"text-{len(rows)}", changed))
            total += len(changed.encode())
            if total >= size_bytes:
                return rows


def speed(tool: str, python: str, rows: Sequence[tuple[str, str]], size_bytes: int) -> float:
    """Megabytes of text a second, one process, start-up left out."""
    chosen, total = [], 0
    for name, text in rows:
        if total >= size_bytes:
            break
        chosen.append((name, text))
        total += len(text.encode())
    return total / 1e6 / sum(one.seconds for one in run(tool, python, chosen).values())


# ----------------------------------------------------------------------------------------- table


def print_forms(name: str, scores: dict[str, FormsScore]) -> None:
    print(f"\nForms, {name}")
    print(f"{'':12}{'exactly right':>24}{'values found':>24}{'false':>7}{'clean look-alikes':>19}")
    print(f"{'':12}{'all types':>12}{'claimed':>12}{'all types':>12}{'claimed':>12}")
    for tool, s in scores.items():
        print(
            f"{tool:12}{s.right:>8}/{s.positives:<3}{s.claimed_right:>8}/{s.claimed_positives:<3}"
            f"{s.found:>8}/{s.values:<3}{s.claimed_found:>8}/{s.claimed_values:<3}"
            f"{s.false_in_positives:>7}{s.clean:>11}/{s.lookalikes:<3}"
            f"({s.false_in_lookalikes} false: "
            f"{', '.join(f'{k} {n}' for k, n in s.false_by_type.most_common()) or 'none'})"
        )


def print_gold(name: str, reports: int, scores: dict[str, GoldScore]) -> None:
    print(f"\nGold, {name}: {reports} reports, distinct values of each")
    for group in sorted(set(GROUPS.values())):
        for tool, score in scores.items():
            print(f"{group:12}{tool:12}{score.by_value[group].text()}")
    ours = scores.get("samehand")
    if ours is not None:
        print("exact places, samehand")
        for group in sorted(ours.by_place):
            print(f"{group:12}{'':12}{ours.by_place[group].text()}")
        print(
            f"roles: {ours.roles_agree} of {ours.roles} as the first labeller, "
            f"{ours.roles_agree_with_either} as either; "
            f"{', '.join(f'{k} {n}' for k, n in ours.role_pairs.most_common(8))}"
        )


def as_plain(score: Any) -> Any:
    """A score as JSON can hold it."""
    import msgspec

    return msgspec.to_builtins(score)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", choices=TOOLS[1:], help=argparse.SUPPRESS)
    parser.add_argument("--peers", default="", help="interpreter that has the two peers")
    parser.add_argument("--data", type=Path, help="folder of the labelled development data")
    parser.add_argument("--half", choices=("open", "sealed", "both"), default="open")
    parser.add_argument("--parts", default="forms,gold,speed")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--wrong", default="", help="list a tool's wrong cases of the open half")
    parser.add_argument("--json", action="store_true", help="figures as JSON on standard output")
    options = parser.parse_args()
    options.tools = [t for t in options.tools.split(",") if t == "samehand" or options.peers]
    options.parts = options.parts.split(",")
    if set(options.tools) - set(TOOLS) or set(options.parts) - {"forms", "gold", "speed"}:
        parser.error("unknown tool or part; see --help")
    return options


def main() -> None:
    options = arguments()
    if options.worker:
        worker(options.worker)
        return
    halves = ["open", "sealed"] if options.half == "both" else [options.half]
    texts = read_texts(options.data) if options.data else {}
    result: dict[str, Any] = {"forms": {}, "gold": {}, "speed": {}}
    for half in halves if "forms" in options.parts else []:
        cases = read_cases(FORMS[half])
        rows = [(case.id, case.text) for case in cases]
        forms = {t: score_forms(t, cases, run(t, options.peers, rows)) for t in options.tools}
        result["forms"][half] = {t: as_plain(s) for t, s in forms.items()}
        if half != "open":  # the wrong cases of the sealed half are nobody's to read
            for one in result["forms"][half].values():
                del one["wrong"]
        if not options.json:
            print_forms(half, forms)
            if half == "open" and options.wrong in forms:
                print("\n".join(forms[options.wrong].wrong))
    if texts and "gold" in options.parts:
        reports = read_gold(texts, halves)
        rows = [(report.id, report.text) for report in reports]
        gold = {t: score_gold(t, reports, run(t, options.peers, rows)) for t in options.tools}
        result["gold"][options.half] = {t: as_plain(s) for t, s in gold.items()}
        if not options.json:
            print_gold(options.half, len(reports), gold)
    if texts and "speed" in options.parts:
        rows = corpus(list(texts.values()), CORPUS_BYTES)
        for tool in options.tools:
            size = CORPUS_BYTES if tool == "samehand" else PEER_BYTES
            result["speed"][tool] = speed(tool, options.peers, rows, size)
        if not options.json:
            print("\nSpeed, MB of text a second, one process")
            for tool, rate in result["speed"].items():
                print(f"{tool:12}{rate:.3f}")
    if options.json:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
