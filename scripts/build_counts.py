"""Write the count tables of knowledge/data from labelled development data: names and aggregate numbers only.

    python scripts/build_counts.py --data DIR [--out DIR]

DIR holds attack_reports.jsonl.gz and reports.jsonl.gz (report records of DESIGN.md section 5).
Writes technique_years.tsv, technique_counts.tsv, software_counts.tsv and actor_activity.tsv; the last
needs actors.toml, so run build_actors.py first.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "src/samehand/knowledge/data"
ACTORS_TO_SHIP_SOFTWARE = (
    2  # a tool that one actor alone uses is that actor's fingerprint, not a count
)

SOURCE = """\
# Source: aggregate counts over development data ({files}); no record, indicator or text is in this file.
{extra}# Retrieved: 2026-11-23. Made by: scripts/build_counts.py --data DIR
"""
ATTACK = """\
#   The reports are those that MITRE ATT&CK v18 cites for groups, citations before 2022, https://attack.mitre.org
# Licence: counts are facts; identifiers and names: © The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
"""


def records(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def year_of(record: dict) -> int:
    """The year of `published`, 0 when undated."""
    published = record.get("published")
    return int(published[:4]) if published else 0


def write(path: Path, header: str, columns: str, rows: list[tuple]) -> None:
    body = columns.replace(" ", "\t") + "\n" + "".join("\t".join(map(str, r)) + "\n" for r in rows)
    path.write_text(header + body, encoding="utf-8")
    print(f"{path.name}: {len(rows)} rows")


def techniques(reports: list[dict], out: Path) -> None:
    with_techniques = [r for r in reports if r.get("techniques")]
    years: dict[int, Counter] = defaultdict(Counter)
    counts: Counter = Counter()
    for report in with_techniques:
        year = year_of(report)
        written = set(report["techniques"])
        closed = written | {t.split(".")[0] for t in written}
        years[year].update(reports=1, written=len(written), closed=len(closed))
        for technique in closed:
            counts[technique, year] += 1
    total = sum((Counter(c) for c in years.values()), Counter())
    head = SOURCE.format(files="attack_reports.jsonl.gz", extra=ATTACK)
    write(
        out / "technique_years.tsv",
        "# Reports that carry ATT&CK techniques, by year of publication.\n"
        + head
        + "# Columns: year (0 = undated), reports, techniques (sum of the sizes of the sets as written),\n"
        "#   techniques_with_parents (the same when every sub-technique also brings its parent, once per report).\n"
        + f"# Totals: {total['reports']} reports, {total['written']} techniques, {total['closed']} with parents.\n",
        "year reports techniques techniques_with_parents",
        [(y, c["reports"], c["written"], c["closed"]) for y, c in sorted(years.items())],
    )
    write(
        out / "technique_counts.tsv",
        "# In how many reports of a year each ATT&CK technique occurs.\n"
        + head
        + "# A sub-technique counts as written; its parent counts once per report in which the parent itself or any\n"
        "#   of its sub-techniques occurs. Denominators: technique_years.tsv.\n"
        "# Columns: technique, year (0 = undated), reports.\n"
        + f"# Totals: {total['reports']} reports, {len({t for t, _ in counts})} techniques.\n",
        "technique year reports",
        [(t, y, n) for (t, y), n in sorted(counts.items())],
    )


def software(reports: list[dict], out: Path) -> None:
    by_year: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    reports_naming = 0
    for report in reports:
        names = {name.strip().lower() for name in report.get("software", [])}
        reports_naming += bool(names)
        for name in names:
            by_year[name][year_of(report)].append(report["label"]["actor"])
    rows, shipped = [], 0
    for name in sorted(by_year):
        years = by_year[name]
        if len({a for actors in years.values() for a in actors}) < ACTORS_TO_SHIP_SOFTWARE:
            continue
        shipped += 1
        seen: set[str] = set()
        for year in sorted(years):  # undated (0) comes first: known always
            seen.update(years[year])
            rows.append((name, year, len(years[year]), len(seen)))
    actors = {r["label"]["actor"] for r in reports if r.get("software")}
    write(
        out / "software_counts.tsv",
        "# Software that reports on two or more actors name: how widely it is shared.\n"
        + SOURCE.format(files="attack_reports.jsonl.gz", extra=ATTACK)
        + "# Columns: name (lower case), year (0 = undated, known always), reports naming it in that year,\n"
        "#   actors_to_date: distinct actors with a report naming it up to and including that year.\n"
        "#   A year without a report has no row: the last earlier row holds.\n"
        + f"# Totals: {len(reports)} reports, {reports_naming} of them name software, {len(actors)} actors, "
        f"{len(by_year)} names; {shipped} names with two or more actors are listed.\n",
        "name year reports actors_to_date",
        rows,
    )


def activity(data: Path, out: Path) -> None:
    known = {
        a["name"] for a in tomllib.loads((out / "actors.toml").read_text(encoding="utf-8"))["actor"]
    }
    raw: Counter = Counter()
    outside: Counter = Counter()
    undated = 0
    for name in ("reports.jsonl.gz", "attack_reports.jsonl.gz"):
        seen: set[str] = set()
        for report in records(data / name):
            actor = (report.get("label") or {}).get("actor")
            if not actor or actor.startswith("maltrail:") or report["id"] in seen:
                continue
            seen.add(report["id"])
            if actor not in known:
                outside[actor] += 1
            elif not (year := year_of(report)):
                undated += 1
            else:
                raw[actor, year] += 1
    actors = {a for a, _ in raw}
    write(
        out / "actor_activity.tsv",
        "# Reports per actor and year in the bundled world: the basis of actor priors.\n"
        + SOURCE.format(
            files="reports.jsonl.gz and attack_reports.jsonl.gz",
            extra="#   Eleven public collections of reports with indicators, and the reports that MITRE ATT&CK cites for groups;\n"
            "#   a part of the actors and all labelled reports from 2024 on are held out and not counted.\n"
            "# Licence: counts are facts; actor names as in the MISP galaxy (CC0 1.0 or 2-clause BSD).\n",
        )
        + "# Columns: actor (name in actors.toml), year, reports, uncapped: the exponent in parameters.toml flattens.\n"
        "# Undated reports and labels that are no actor are left out. An actor without a row has no counted report:\n"
        "#   the reader gives it a floor.\n"
        + f"# Totals: {sum(raw.values())} dated reports, {len(actors)} actors.\n",
        "actor year reports",
        [
            (a, y, n)
            for (a, y), n in sorted(
                raw.items(), key=lambda item: (item[0][0].casefold(), item[0][1])
            )
        ],
    )
    print(f"undated, left out: {undated}; labels outside actors.toml: {dict(outside)}")
    for year in (2019, 2020, 2021, 2022):
        print(f"actors with activity before {year}: {len({a for a, y in raw if y < year})}")
    until: Counter = Counter()
    for (actor, year), n in raw.items():
        if year <= 2021:
            until[actor] += n
    print("largest up to and including 2021:", until.most_common(15))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    reports = list(records(args.data / "attack_reports.jsonl.gz"))
    techniques(reports, args.out)
    software(reports, args.out)
    activity(args.data, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
