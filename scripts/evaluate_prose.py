"""Names and claims against the gold labels of prose (`scripts/gold/README.md`).

    python scripts/evaluate_prose.py --data DIR [--half open|sealed|third|fourth|both] [--show] [names claims]

A name counts once a report and spelling, wherever it stands; a kind is right if either labeller gave
it. Optional labels are neither misses nor false finds.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from samehand.extract.claims import find_claims
from samehand.extract.names import find_names
from samehand.normalise import name_key

GOLD = Path(__file__).parent / "gold"


def gold(name: str, half: str) -> dict[str, list[dict]]:
    """Report -> its labels; reports of the half without labels are in, too."""
    found: dict[str, list[dict]] = defaultdict(list)
    for line in (GOLD / f"{name}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if half in ("both", row["half"]):
            found[row["report"]].append(row)
    return found


def texts(data: Path, wanted: Iterable[dict]) -> dict[str, str]:
    digests = {row["report"]: row["sha256"] for row in wanted}
    found = {}
    with gzip.open(data / "report_texts.jsonl.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if digests.get(row["id"]) == hashlib.sha256(row["text"].encode()).hexdigest():
                found[row["id"]] = row["text"]
    return found


def folded(name: str) -> str:
    return name_key(name)


def names(data: Path, half: str, show: bool) -> None:
    rows = gold("names", half)
    text = texts(data, (r for listed in rows.values() for r in listed))
    hit = missed = false = right = 0
    by_kind: Counter[tuple[str, str]] = Counter()
    for report, listed in sorted(rows.items()):
        if report not in text:
            continue
        wanted = {folded(text[report][r["start"] : r["end"]]): r for r in listed}
        found = {}
        for name in find_names(text[report]):
            found.setdefault(folded(name.name), name)
        for name, row in wanted.items():
            if row.get("optional"):
                continue
            near = name in found or any(
                n.start < row["end"] and row["start"] < n.end for n in found.values()
            )
            hit, missed = hit + near, missed + (not near)
            by_kind[row["kind"], "hit" if near else "missed"] += 1
            if name in found:
                right += found[name].kind in (row["kind"], row.get("other_kind"))
            if not near and show:
                around = text[report][max(0, row["start"] - 40) : row["end"] + 30].replace(
                    "\n", " "
                )
                print(f"  missed {row['kind']}: {name} in …{around}…")
        for name, one in found.items():
            spans = [(r["start"], r["end"]) for r in listed]
            if name in wanted or any(s < one.end and one.start < e for s, e in spans):
                continue
            if any(name in w or w in name for w in wanted):
                continue  # a shorter or longer form of a labelled name
            false += 1
            by_kind[one.kind, "false"] += 1
            if show:
                around = text[report][max(0, one.start - 40) : one.end + 30].replace("\n", " ")
                print(f"  false {one.kind}: {one.name!r} in …{around}…")
    print(
        f"names, {half}: precision {hit / max(1, hit + false):.3f}, recall "
        f"{hit / max(1, hit + missed):.3f}, kind {right / max(1, hit):.3f} ({hit} found, "
        f"{missed} missed, {false} false) {dict(by_kind)}"
    )


def claims(data: Path, half: str, show: bool) -> None:
    """By sentence and relation: a label is found if a claim of its relation overlaps its sentence."""
    rows = gold("claims", half)
    text = texts(data, (r for listed in rows.values() for r in listed))
    count: Counter[tuple[str, str]] = Counter()
    levels = first = 0
    for report, listed in sorted(rows.items()):
        if report not in text:
            continue
        found = find_claims(text[report])
        for row in listed:
            near = [c for c in found if c.start < row["end"] and row["start"] < c.end]
            same = [c for c in near if c.relation == row["relation"]]
            if row.get("optional"):
                continue
            count[row["relation"], "hit" if same else "missed"] += 1
            if same:
                levels += same[0].level in (row["level"], row.get("other_level"))
                first += same[0].first_hand in (row["first_hand"], row.get("other_first_hand"))
            elif show:
                said = text[report][row["start"] : row["end"]].replace("\n", " ")[:200]
                print(f"  missed {row['relation']} ({[c.relation for c in near]}): {said}")
        for claim in found:
            labels = {
                r["relation"] for r in listed if r["start"] < claim.end and claim.start < r["end"]
            }
            if claim.relation not in labels:
                count[claim.relation, "false"] += 1
                if show:
                    said = text[report][claim.start : claim.end].replace("\n", " ")[:200]
                    print(f"  false {claim.relation} {sorted(labels)}: {said}")
    kinds = sorted({kind for kind, _ in count})
    for kind in (*kinds, "all"):
        hit, missed, false = (
            sum(v for (k, what), v in count.items() if what == w and kind in (k, "all"))
            for w in ("hit", "missed", "false")
        )
        precision, recall = hit / max(1, hit + false), hit / max(1, hit + missed)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(
            f"claims, {half}, {kind}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}"
        )
    hits = sum(v for (_, what), v in count.items() if what == "hit")
    print(f"  level {levels / max(1, hits):.3f}, first-hand {first / max(1, hits):.3f} of {hits}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument(
        "--half", choices=["open", "sealed", "third", "fourth", "both"], default="open"
    )
    parser.add_argument("--show", action="store_true", help="list misses and false finds")
    parser.add_argument("what", nargs="*", default=["names", "claims"])
    args = parser.parse_args()
    if not (args.data / "report_texts.jsonl.gz").exists():
        print(f"skipped: {args.data} holds no report_texts.jsonl.gz")
        return
    if "names" in args.what:
        names(args.data, args.half, args.show)
    if "claims" in args.what:
        claims(args.data, args.half, args.show)


if __name__ == "__main__":
    main()
