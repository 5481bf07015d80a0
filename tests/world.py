"""A synthetic world with known truth: actors, their campaigns, and reports that saw parts of them.

The ranges below were fixed, from the literature that docs/method.md cites and from plain judgement,
in a commit before any test used them; they are not tuned to what the program answers. The
generator uses the standard library only, and of samehand only the reader of records: the core
imports nothing from here and this module imports nothing of the core.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from samehand.formats.records import parse_record
from samehand.model import Report, ReportUse

Record = dict[str, Any]

# Size of the world: that of the method page's prototype (its section 14).
ACTORS = 45
CAMPAIGNS = 180
PUBLISHERS = 11
#: Share of all campaigns that one publisher reports on. With VIEW_SHARE two publishers have about
#: 3.5 % of their observables in common (commonplace file names and shared hosting left out): two
#: leading vendors on the same 22 actors had 2.5 to 4.0 % (Bouwman et al., USENIX Security 2020).
COVERAGE = 0.25
#: Share of a campaign's observables that one report shows.
VIEW_SHARE = (0.04, 0.14)
#: One report in six repeats another without adding anything; 18 % quote some values of another
#: campaign's report; 4 % of campaigns carry another actor's artefacts (method page, section 14).
PURE_COPY_SHARE = 1 / 6
QUOTING_SHARE = 0.18
FALSE_FLAG_SHARE = 0.04
COMPILATION_SHARE = 0.02  # lists gathered from others [judgement]
QUOTED_ITEMS = (1, 5)
COMPILED_REPORTS = (3, 6)
PLANTED_ITEMS = (1, 3)

# What one campaign consists of: counts, lowest and highest [judgement, sizes of published lists].
DOMAINS = (20, 80)
ADDRESSES = (10, 40)
URLS = (5, 30)
HASHES = (15, 60)
FILE_NAMES = (5, 20)
MARKS = (1, 3)  # mutexes and debug paths
LURES = (1, 4)
TECHNIQUES_USED = (10, 25)
#: Techniques in one report: 541 reports that ATT&CK cites carry 7.4 in the mean.
TECHNIQUES_TOLD = (2, 13)

# What passes from one campaign of an actor to the next. Code lives longer than infrastructure.
REUSE_INFRASTRUCTURE = 0.05
REUSE_CODE = 0.30
REUSE_TECHNIQUES = 0.60

# What strangers have in common.
HOSTING_ADDRESSES = 150  # of shared hosting, exit nodes and content networks
HOSTING_SHARE = 0.30  # of a campaign's addresses
DYNAMIC_DNS_SHARE = 0.12  # of a campaign's domains
COMMON_FILE_NAMES = ("update.exe", "svchost.exe", "setup.exe", "readme.txt", "payload.dll")
COMMON_FILE_NAME_SHARE = 0.20
PUBLIC_TOOLS = ("mimikatz", "cobalt strike", "psexec", "metasploit", "impacket", "njrat")
PUBLIC_TOOLS_USED = (1, 4)
FAMILIES_OF_ACTOR = (1, 3)
DYNAMIC_DNS = ("ddns.net", "publicvm.com", "duckdns.org", "hopto.org", "zapto.org")
COUNTRIES = ("US", "JP", "KR", "DE", "IN", "UA", "IL", "GB", "TW", "VN")
SECTORS = ("government", "finance", "energy", "defence", "telecommunications", "media")

# Time, in days. Half of the values carry their own sightings. Command servers: median of 5 days,
# warning lists keep them for 120 (method page, section 2.5).
FIRST_DAY, LAST_DAY = date(2014, 1, 1), date(2021, 6, 30)
CAMPAIGN_DAYS = (30, 365)
PAUSE_DAYS = (60, 500)  # between campaigns of one actor
PUBLISHED_AFTER_DAYS = (10, 120)  # two vendors are about one month apart
COPIED_AFTER_DAYS = (1, 30)
DATED_SHARE = 0.5
ADDRESS_DAYS = (5, 120)
DOMAIN_DAYS = (30, 365)

#: Identifiers of ATT&CK techniques that reports name, common ones first.
# fmt: off
TECHNIQUES = (
    "T1059.001", "T1105", "T1566.001", "T1204.002", "T1071.001", "T1027", "T1082", "T1547.001",
    "T1053.005", "T1003.001", "T1140", "T1083", "T1036.005", "T1057", "T1016", "T1218.011",
    "T1033", "T1021.001", "T1055", "T1070.004", "T1112", "T1113", "T1056.001", "T1041", "T1190",
    "T1574.002", "T1560.001", "T1005", "T1518.001", "T1087.002", "T1543.003", "T1132.001",
    "T1573.001", "T1090", "T1018", "T1049", "T1012", "T1110", "T1078", "T1505.003", "T1189",
    "T1195.002", "T1497.001", "T1555.003", "T1114.002", "T1176", "T1197", "T1220", "T1221",
    "T1480.001", "T1542.003", "T1564.004", "T1568.002", "T1600.001",
)
# fmt: on
_FIRST = ("45", "91", "103", "146", "176", "185", "193", "213")
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwxz", "aeiou"
_ENDINGS = ("com", "net", "org", "info", "biz")


@dataclass(frozen=True, slots=True)
class Item:
    """One observable of a campaign."""

    type: str
    value: str
    first: date
    last: date


@dataclass(slots=True)
class Operation:
    """One campaign as it really was."""

    id: str
    actor: str
    start: date
    end: date
    items: list[Item]
    techniques: list[str]
    software: list[str]
    victims: list[dict[str, str]]


@dataclass(slots=True)
class World:
    """Records without any label, and the truth about them apart."""

    records: list[Record] = field(default_factory=list)
    actor: dict[str, str] = field(default_factory=dict)
    """report id -> who was behind what it shows; compilations have none."""
    campaign: dict[str, str] = field(default_factory=dict)
    copy_of: dict[str, str] = field(default_factory=dict)
    """pure copy -> the report that it repeats."""
    quotes: dict[str, str] = field(default_factory=dict)
    """report -> the report of another campaign from which it quotes values."""
    compilations: list[str] = field(default_factory=list)
    false_flags: dict[str, str] = field(default_factory=dict)
    """campaign -> the actor whose artefacts were planted in it."""

    def true_pairs(self) -> list[tuple[str, str]]:
        """Sorted pairs of reports on one actor, pure copies and compilations left out."""
        own = sorted(i for i in self.actor if i not in self.copy_of)
        return [
            (a, b)
            for n, a in enumerate(own)
            for b in own[n + 1 :]
            if self.actor[a] == self.actor[b]
        ]


def _word(rng: random.Random, low: int = 4, high: int = 6) -> str:
    count = rng.randint(low, high)
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(count))


def _address(rng: random.Random) -> str:
    return ".".join((rng.choice(_FIRST), *(str(rng.randint(1, 254)) for _ in range(3))))


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _some(rng: random.Random, span: tuple[int, int]) -> int:
    return rng.randint(*span)


def hosting() -> list[str]:
    """Addresses that strangers share; the same in every world."""
    rng = random.Random("hosting")
    return [_address(rng) for _ in range(HOSTING_ADDRESSES)]


def _dated(rng: random.Random, kind: str, value: str, start: date, end: date) -> Item:
    span = (end - start).days
    first = start + timedelta(days=rng.randint(0, max(0, span - 5)))
    length = {"ipv4-addr": ADDRESS_DAYS, "domain-name": DOMAIN_DAYS}.get(kind)
    last = min(end, first + timedelta(days=_some(rng, length))) if length else end
    return Item(kind, value, first, max(first, last))


def _items(rng: random.Random, pool: Sequence[str], start: date, end: date) -> list[Item]:
    """The observables of one campaign, none of them inherited."""
    domains = [
        f"{_word(rng)}.{rng.choice(DYNAMIC_DNS if rng.random() < DYNAMIC_DNS_SHARE else _ENDINGS)}"
        for _ in range(_some(rng, DOMAINS))
    ]
    values = [("domain-name", d) for d in domains]
    for _ in range(_some(rng, ADDRESSES)):
        shared = rng.random() < HOSTING_SHARE
        values.append(("ipv4-addr", rng.choice(pool) if shared else _address(rng)))
    for _ in range(_some(rng, URLS)):
        values.append(("url", f"http://{rng.choice(domains)}/{_word(rng)}/{_word(rng)}.php"))
    for _ in range(_some(rng, HASHES)):
        values.append(("file:sha256", _hex(rng, 64)))
    for _ in range(_some(rng, FILE_NAMES)):
        common = rng.random() < COMMON_FILE_NAME_SHARE
        name = rng.choice(COMMON_FILE_NAMES) if common else f"{_word(rng)}.dll"
        values.append(("file:name", name))
    for _ in range(_some(rng, MARKS)):
        values.append(("mutex", f"Global\\{_word(rng)}{_hex(rng, 4)}"))
        values.append(("pdb-path", f"D:\\{_word(rng)}\\Release\\{_word(rng)}.pdb"))
    for _ in range(_some(rng, LURES)):
        values.append(("lure-title", f"{_word(rng)} {_word(rng)} {_word(rng)}.docx"))
    return [_dated(rng, kind, value, start, end) for kind, value in dict.fromkeys(values)]


def _operations(rng: random.Random, actors: int, campaigns: int) -> list[Operation]:
    """Campaigns of all actors; each inherits a little from the actor's earlier ones."""
    pool = hosting()
    families = {
        a: [_word(rng, 3, 4) for _ in range(_some(rng, FAMILIES_OF_ACTOR))] for a in range(actors)
    }
    now = {
        a: FIRST_DAY + timedelta(days=rng.randint(0, (LAST_DAY - FIRST_DAY).days // 2))
        for a in range(actors)
    }
    done: dict[int, Operation] = {}
    found = []
    for number in range(campaigns):
        actor = number if number < actors else rng.randrange(actors)
        start = min(now[actor], LAST_DAY)
        end = start + timedelta(days=_some(rng, CAMPAIGN_DAYS))
        now[actor] = end + timedelta(days=_some(rng, PAUSE_DAYS))
        items = _items(rng, pool, start, end)
        used = rng.sample(TECHNIQUES, _some(rng, TECHNIQUES_USED))
        if actor in done:
            before = done[actor]
            for old in before.items:
                network = old.type in ("domain-name", "ipv4-addr", "url")
                if rng.random() < (REUSE_INFRASTRUCTURE if network else REUSE_CODE):
                    items.append(_dated(rng, old.type, old.value, start, end))
            kept = [t for t in before.techniques if rng.random() < REUSE_TECHNIQUES]
            used = list(dict.fromkeys((*kept, *used)))[: TECHNIQUES_USED[1]]
        done[actor] = Operation(
            id=f"campaign-{number:03d}",
            actor=f"actor-{actor:02d}",
            start=start,
            end=end,
            items=list({(i.type, i.value): i for i in items}.values()),
            techniques=used,
            software=[*families[actor], *rng.sample(PUBLIC_TOOLS, _some(rng, PUBLIC_TOOLS_USED))],
            victims=[{"country": rng.choice(COUNTRIES), "sector": rng.choice(SECTORS)}],
        )
        found.append(done[actor])
    return found


def _plant(rng: random.Random, operations: Sequence[Operation]) -> dict[str, str]:
    """Puts forgeable artefacts of a stranger into a few campaigns."""
    planted = {}
    for victim in operations:
        strangers = [o for o in operations if o.actor != victim.actor]
        if strangers and rng.random() < FALSE_FLAG_SHARE:
            other = rng.choice(strangers)
            cheap = [i for i in other.items if i.type in ("file:name", "mutex", "lure-title")]
            for item in rng.sample(cheap, min(len(cheap), _some(rng, PLANTED_ITEMS))):
                victim.items.append(_dated(rng, item.type, item.value, victim.start, victim.end))
            planted[victim.id] = other.actor
    return planted


def _observable(rng: random.Random, item: Item, batch: str) -> Record:
    found = {"type": item.type, "value": item.value, "batch": batch}
    if rng.random() < DATED_SHARE:
        found |= {"first_seen": item.first.isoformat(), "last_seen": item.last.isoformat()}
    return found


def view(rng: random.Random, operation: Operation, identifier: str, publisher: str) -> Record:
    """What one publisher tells of one campaign."""
    count = max(1, round(len(operation.items) * rng.uniform(*VIEW_SHARE)))
    told = min(len(operation.techniques), _some(rng, TECHNIQUES_TOLD))
    published = operation.end + timedelta(days=_some(rng, PUBLISHED_AFTER_DAYS))
    return {
        "id": identifier,
        "publisher": publisher,
        "published": published.isoformat(),
        "observables": [
            _observable(rng, item, f"table-{item.type}")
            for item in rng.sample(operation.items, count)
        ],
        "techniques": rng.sample(operation.techniques, told),
        "software": rng.sample(operation.software, rng.randint(1, len(operation.software))),
        "victims": operation.victims,
        "cites": [],
    }


def _later(rng: random.Random, record: Record) -> str:
    day = date.fromisoformat(record["published"]) + timedelta(days=_some(rng, COPIED_AFTER_DAYS))
    return day.isoformat()


def pure_copy(rng: random.Random, origin: Record, identifier: str) -> Record:
    """A report that cites another and repeats some of its values and nothing else."""
    seen = origin["observables"]
    return {
        "id": identifier,
        "publisher": "News desk",
        "published": _later(rng, origin),
        "observables": [
            {k: v for k, v in o.items() if k in ("type", "value")}
            for o in rng.sample(seen, rng.randint(1, len(seen)))
        ],
        "techniques": list(origin["techniques"][: rng.randint(0, 3)]),
        "cites": [origin["id"]],
    }


def quote(rng: random.Random, record: Record, source: Record) -> None:
    """Lets a report quote values of another campaign's report, with the citation."""
    seen = source["observables"]
    for item in rng.sample(seen, min(len(seen), _some(rng, QUOTED_ITEMS))):
        record["observables"].append(
            {"type": item["type"], "value": item["value"], "batch": "quoted"}
        )
    record["cites"] = [*record["cites"], source["id"]]


def compilation(rng: random.Random, sources: Sequence[Record], identifier: str) -> Record:
    """A list gathered from several reports, without saying from which."""
    values = {
        (o["type"], o["value"]): {"type": o["type"], "value": o["value"]}
        for source in sources
        for o in source["observables"]
    }
    return {
        "id": identifier,
        "kind": "compilation",
        "publisher": "Collector",
        "published": max(_later(rng, s) for s in sources),
        "observables": list(values.values()),
    }


def make_world(seed: int = 1, *, actors: int = ACTORS, campaigns: int = CAMPAIGNS) -> World:
    """One world; the same seed and size give the same world."""
    rng = random.Random(f"world {seed} {actors} {campaigns}")
    operations = _operations(rng, actors, campaigns)
    world = World(false_flags=_plant(rng, operations))
    for operation in operations:
        who = [p for p in range(PUBLISHERS) if rng.random() < COVERAGE]
        for publisher in who or [rng.randrange(PUBLISHERS)]:
            record = view(
                rng, operation, f"report-{len(world.records):04d}", f"Publisher {publisher}"
            )
            world.records.append(record)
            world.actor[record["id"]] = operation.actor
            world.campaign[record["id"]] = operation.id
    own = list(world.records)
    for record in own:
        others = [o for o in own if world.campaign[o["id"]] != world.campaign[record["id"]]]
        if others and rng.random() < QUOTING_SHARE:
            source = rng.choice(others)
            if record["id"] not in source["cites"]:
                quote(rng, record, source)
                world.quotes[record["id"]] = source["id"]
    for _ in range(round(len(own) * PURE_COPY_SHARE / (1 - PURE_COPY_SHARE))):
        origin = rng.choice(own)
        copied = pure_copy(rng, origin, f"copy-{len(world.records):04d}")
        world.records.append(copied)
        world.copy_of[copied["id"]] = origin["id"]
        world.actor[copied["id"]] = world.actor[origin["id"]]
        world.campaign[copied["id"]] = world.campaign[origin["id"]]
    for _ in range(round(len(own) * COMPILATION_SHARE)):
        sources = rng.sample(own, min(len(own), _some(rng, COMPILED_REPORTS)))
        gathered = compilation(rng, sources, f"list-{len(world.records):04d}")
        world.records.append(gathered)
        world.compilations.append(gathered["id"])
    return world


def background(count: int, seed: int = 1) -> list[Record]:
    """Unrelated reports: each on one operation of an actor of its own."""
    rng = random.Random(f"background {seed}")
    return [
        view(rng, _operations(rng, 1, 1)[0], f"background-{number:05d}", f"Other {number % 50}")
        for number in range(count)
    ]


def cheap_background(count: int, seed: int = 1) -> list[Record]:
    """Unrelated reports of a few values each, for tests that need very many."""
    rng = random.Random(f"cheap {seed}")
    pool = hosting()
    found = []
    for number in range(count):
        day = FIRST_DAY + timedelta(days=rng.randint(0, (LAST_DAY - FIRST_DAY).days))
        found.append(
            {
                "id": f"background-{number:05d}",
                "published": day.isoformat(),
                "observables": [
                    {"type": "file:sha256", "value": _hex(rng, 64)},
                    {"type": "domain-name", "value": f"{_word(rng)}.{rng.choice(_ENDINGS)}"},
                    {"type": "domain-name", "value": f"{_word(rng)}.{rng.choice(DYNAMIC_DNS)}"},
                    {"type": "ipv4-addr", "value": rng.choice(pool)},
                    {"type": "file:name", "value": rng.choice(COMMON_FILE_NAMES)},
                ],
                "techniques": rng.sample(TECHNIQUES, _some(rng, TECHNIQUES_TOLD)),
                "software": rng.sample(PUBLIC_TOOLS, 1),
            }
        )
    return found


def parsed(records: Iterable[Record], use: ReportUse = "case") -> dict[str, Report]:
    """Reports by id; a record that the reader does not take whole is an error of this module."""
    reports = {}
    for record in records:
        report, problems = parse_record(record, "world", use=use)
        assert report is not None and not problems, problems
        reports[report.id] = report
    return reports
