"""Write knowledge/data/actor_activity.tsv from labelled development data: names and counts only.

    python scripts/build_activity.py --data DIR [--out DIR]

DIR holds attack_reports.jsonl.gz and reports.jsonl.gz (report records of DESIGN.md section 5). A label
counts for the actor that it most likely means in the graph of names; its own spelling is kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from pathlib import Path

from samehand.knowledge.actors import bundled_world

OUT = Path(__file__).resolve().parent.parent / "src/samehand/knowledge/data"
HEADER = """\
# Reports per actor and year in the bundled world: the basis of actor priors.
# Source: aggregate counts over development data (reports.jsonl.gz and attack_reports.jsonl.gz); no record, indicator or text is in this file.
#   Eleven public collections of reports with indicators, and the reports that MITRE ATT&CK cites for groups;
#   a part of the actors and all labelled reports from 2024 on are held out and not counted.
# Licence: counts are facts; actor names as in the MISP galaxy (CC0 1.0 or 2-clause BSD).
# Retrieved: {made}. Made by: scripts/build_activity.py --data DIR
# Columns: actor (any name that the graph of names resolves), year, reports, uncapped: the exponent in parameters.toml flattens.
# Undated reports and labels that are no actor are left out. An actor without a row has no counted report:
#   the reader gives it a floor.
# Totals: {reports} dated reports, {actors} actors.
actor\tyear\treports
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--date", default="2026-11-25", help="day of the build")
    args = parser.parse_args()
    world = bundled_world()
    counted: Counter = Counter()
    outside: Counter = Counter()
    for name in ("reports.jsonl.gz", "attack_reports.jsonl.gz"):
        seen: set[str] = set()
        with gzip.open(args.data / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                report = json.loads(line)
                actor = (report.get("label") or {}).get("actor")
                if not actor or actor.startswith("maltrail:") or report["id"] in seen:
                    continue
                seen.add(report["id"])
                if world.identify(actor) is None:
                    outside[actor] += 1
                elif report.get("published"):
                    counted[actor, int(report["published"][:4])] += 1
    rows = sorted(counted.items(), key=lambda row: (row[0][0].casefold(), row[0][1]))
    head = HEADER.format(
        made=args.date, reports=sum(counted.values()), actors=len({a for a, _ in counted})
    )
    body = "".join(f"{actor}\t{year}\t{n}\n" for (actor, year), n in rows)
    (args.out / "actor_activity.tsv").write_text(head + body, encoding="utf-8")
    print(f"labels that the graph of names does not know: {dict(outside)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
