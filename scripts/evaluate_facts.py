"""Facts: what is found of victims, dates and money on reports labelled by hand.

    python scripts/evaluate_facts.py --data DIR --half open

Reads report_texts.jsonl.gz of the data folder and `scripts/gold/facts.jsonl`. Prints precision and
recall by kind. Optional labels are neither a miss nor a false find. Countries, sectors and money
count by value, organisations by name or overlap of the spans, windows by value or the same start. Reports of
the same draw without any fact (known from `names.jsonl`) count for false finds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from samehand.extract.facts import find_facts
from samehand.model import Fact

GOLD = Path(__file__).parent / "gold"
KINDS = ("country", "sector", "organisation", "window", "published", "money")


def labels(half: str) -> dict[str, list[dict]]:
    """Report -> its labels, for all reports of that half of the draw."""
    found: dict[str, list[dict]] = defaultdict(list)
    for name in ("names.jsonl", "facts.jsonl"):
        for line in (GOLD / name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["half"] == half:
                found[row["report"]] += [row] if name == "facts.jsonl" else []
    return found


def same(fact: Fact, label: dict, text: str) -> bool:
    if fact.what != label["what"]:
        return False
    if fact.what == "organisation":
        l, r = fact.value + " ", text[label["start"] : label["end"]] + " "
        return (
            l.startswith(r)
            or r.startswith(l)
            or (fact.start < label["end"] and label["start"] < fact.end)
        )
    if fact.what == "window":
        return fact.value.split("/")[0] == label["value"].split("/")[0]
    return fact.value == label["value"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--half", choices=("open", "sealed", "third", "fourth"), default="open")
    parser.add_argument(
        "--errors", action="store_true", help="print misses and false finds (open half only)"
    )
    options = parser.parse_args()
    source = options.data / "report_texts.jsonl.gz"
    if not source.exists():
        print(
            f"skipped: {options.data} holds no report_texts.jsonl.gz; give DATA=folder",
            file=sys.stderr,
        )
        return
    if options.errors and options.half == "sealed":
        parser.error("--errors shows texts; the sealed half is only counted")
    gold = labels(options.half)
    right, false, missed = Counter(), Counter(), Counter()
    read = spent = 0.0
    find_facts("Loads the tables: attacks on banks in Japan in May 2021.")
    with gzip.open(source, "rt", encoding="utf-8") as stream:
        for report in map(json.loads, stream):
            rows = gold.get(report["id"])
            if rows is None:
                continue
            text = report["text"]
            began = time.perf_counter()
            facts = [f for f in find_facts(text, report.get("published") or "") if f.what in KINDS]
            spent += time.perf_counter() - began
            read += len(text)
            met = {id(row) for row in rows for fact in facts if same(fact, row, text)}
            for row in rows:
                if not row.get("optional"):
                    (right if id(row) in met else missed)[row["what"]] += 1
                    if options.errors and id(row) not in met:
                        print(
                            "missed",
                            report["id"],
                            row["what"],
                            text[max(0, row["start"] - 90) : row["end"] + 40].replace("\n", " "),
                        )
            for fact in facts:
                if not any(same(fact, row, text) for row in rows):
                    false[fact.what] += 1
                    if options.errors:
                        print(
                            "false ",
                            report["id"],
                            fact.what,
                            fact.value,
                            "|",
                            text[max(0, fact.start - 90) : fact.end + 40].replace("\n", " "),
                        )
    groups = [(kind, (kind,)) for kind in KINDS]
    groups += [("victims", KINDS[:3]), ("dates", KINDS[3:5]), ("all", KINDS)]
    print(
        f"{options.half} half, {len(gold)} reports, {read / max(spent, 1e-9) / 1e6:.1f} million characters a second"
    )
    print(f"{'':14}right  false missed  precision recall")
    for title, kinds in groups:
        r, f, m = (sum(count[k] for k in kinds) for count in (right, false, missed))
        precision = f"{r / (r + f):.3f}" if r + f else "-"
        recall = f"{r / (r + m):.3f}" if r + m else "-"
        print(f"{title:14}{r:5} {f:6} {m:6}  {precision:>9} {recall:>6}")


if __name__ == "__main__":
    main()
