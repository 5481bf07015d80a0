"""Random records and random pair evidence, driven by any `random.Random`.

Hypothesis passes its own generator (`st.randoms`), the mutants pass seeded ones, so both walk
through the same examples.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from samehand.compare.claims import Statement
from samehand.compare.evidence import Item, PairEvidence, Rarity
from samehand.model import HARD_FACETS, Feature

Record = dict[str, Any]

#: Grades with their weight, reliability times credibility, by hand from the table of the method.
GRADES = {"A1": 1.0, "B2": 0.68, "C3": 0.3, "D4": 0.075, "F6": 0.2, "": 0.68}
#: Hard types that nothing follows from, with a way to make a fresh value of each.
FRESH = {
    "file:sha256": "{:064x}",
    "file:md5": "{:032x}",
    "file:imphash": "{:032x}",
    "mutex": "Global\\m{:06x}",
    "file:name": "tool{:06x}.dll",
    "pdb-path": "d:\\{:06x}\\x.pdb",
    "lure-title": "invoice number {:06x}",
    "user-agent": "Agent/{:06x}",
    "x509-certificate:sha1": "{:040x}",
    "email-addr": "user{:06x}@mail.example",
}
DERIVING = {
    "domain-name": "host{:04x}.evil{:01x}.com",
    "url": "http://host{:04x}.evil{:01x}.com/folder/file{:03x}.php",
    "ipv4-addr": "91.20.{:.0f}.{:.0f}",
    "file:path": "c:\\temp{:01x}\\tool{:03x}.exe",
}
TECHNIQUES = ("T1059.001", "T1105", "T1566.001", "T1204.002", "T1027", "T1090", "T1480.001")
START = date(2015, 1, 1)


def day(rng: Random) -> str:
    return (START + timedelta(days=rng.randint(0, 2000))).isoformat()


def observable(rng: Random, *, dated: bool = True, deriving: bool = True) -> Record:
    """One observable out of a small stock of values, so that reports share some."""
    stock = {**FRESH, **DERIVING} if deriving else FRESH
    kind = rng.choice(sorted(stock))
    numbers = [rng.randint(1, 6) for _ in range(3)]
    found = {
        "type": kind,
        "value": stock[kind].format(*numbers),
        "batch": rng.choice(["", "table", "appendix"]),
    }
    if dated and rng.random() < 0.4:
        found["first_seen"] = found["last_seen"] = day(rng)
    return found


def a_record(
    rng: Random,
    identifier: str,
    *,
    techniques: bool = True,
    dated: bool = True,
    deriving: bool = True,
) -> Record:
    """A report with a few observables; a value may stand in two lists."""
    listed = [observable(rng, dated=dated, deriving=deriving) for _ in range(rng.randint(0, 8))]
    found: Record = {
        "id": identifier,
        "grade": rng.choice(sorted(GRADES)),
        "observables": list({(o["type"], o["value"], o["batch"]): o for o in listed}.values()),
        "software": rng.sample(["darkcomet", "mimikatz", "inhouse"], rng.randint(0, 2)),
        "victims": [{"country": rng.choice(["JP", "US"]), "sector": "finance"}],
    }
    if techniques:
        found["techniques"] = rng.sample(TECHNIQUES, rng.randint(0, 4))
    if dated and rng.random() < 0.7:
        found["published"] = day(rng)
    return found


def some_records(rng: Random, **options: Any) -> list[Record]:
    """Reports 'a' and 'b', up to three others, perhaps a citation and a reported comparison."""
    records = [a_record(rng, i, **options) for i in "abcde"[: rng.randint(2, 5)]]
    if rng.random() < 0.3:
        records[1]["cites"] = ["a"]
    if len(records) > 2 and rng.random() < 0.4:
        records[2]["claims"] = [
            {
                "relation": rng.choice(["reported-comparison", "denial"]),
                "reports": ["a", "b"],
                "facets": rng.sample(["infrastructure", "code"], rng.randint(0, 2)),
            }
        ]
    return records


def rarity(rng: Random) -> Rarity:
    return Rarity(
        kind="mutex",
        m=rng.choice([0.1, 0.12, 0.3, 0.5]),
        kappa=rng.choice([0.1, 0.3, 1.0, 8.0, 40.0]),
        holders=rng.choice([0.0, 0.0, 0.4, 1.0, 3.0, 40.0]),
        gap_days=rng.choice([None, 0, 0, 30, 90, 400, 4000]),
        half_life_days=rng.choice([90.0, 547.0, float("inf")]),
        elsewhere=rng.choice([0.0] * 6 + [0.4, 2.5, 60.0]),
        commonplace=rng.choice([0.0] * 12 + [3.0, 40.0, 16000.0]),
        why="on a list",
    )


def item(rng: Random, number: int) -> Item:
    """A shared feature of any facet, hard or soft."""
    soft = rng.choice(["", "", "", "behaviour", "victimology", "provider", "names"])
    facet = {
        "behaviour": "behaviour",
        "victimology": "victimology",
        "provider": "infrastructure",
        "names": "claims",
    }.get(soft) or rng.choice(HARD_FACETS)
    return Item(
        feature=Feature("mutex", f"value {number}"),
        facet=facet,  # type: ignore[arg-type]
        soft=soft,
        batch=(rng.choice(["1", "2"]), rng.choice(["1", "2"])),
        rarities=tuple(rarity(rng) for _ in range(rng.randint(1, 2))),
        rho=rng.choice(sorted(set(GRADES.values()))),
        independence=rng.choice([1.0, 1.0, 0.4, 0.16, 0.0]),
        observations=(f"left {number}", f"right {number}"),
        chance_bits=rng.choice([None, 0.5, 3.0, 6.0]) if soft == "behaviour" else None,
    )


def statement(rng: Random, number: int, bits: float) -> Statement:
    return Statement(
        text=f"statement {number}",
        bits=bits,
        rho=rng.choice(sorted(set(GRADES.values()))),
        claim=f"claim {number}",
        origin=f"origin {number}",
        withdrawn_by=rng.choice(["", "", "", "claim 99"]),
    )


def evidence(rng: Random, *, stated: bool = True) -> PairEvidence:
    """What two reports might share: up to nine items, perhaps statements of third parties."""
    stated = stated and rng.random() < 0.5
    case = rng.random() < 0.5
    n = 16000.0 + rng.randint(2, 12000)
    return PairEvidence(
        l="a",
        r="b",
        n=n,
        scale=16000.0 if case else n,
        k=rng.choice([5.0, 1600.0]),
        case=case,
        items=tuple(item(rng, n) for n in range(rng.randint(0, 9))),
        comparisons=tuple(
            statement(rng, n, rng.choice([5.0, 6.0, 9.0])) for n in range(rng.randint(0, 2))
        )
        if stated
        else (),
        denials=tuple(statement(rng, 10 + n, -4.0) for n in range(rng.randint(0, 3)))
        if stated
        else (),
        derivative=False,
        gap_years=rng.choice([0.0, 0.3, 2.0]),
        basis=("a", "b"),
    )
