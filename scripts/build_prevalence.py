"""Write the prevalence sketch of knowledge/data from labelled development data: hashes and counts only.

    python scripts/build_prevalence.py --data DIR [--out DIR] [--without FILE] [--date YYYY-MM-DD]

DIR holds reports.jsonl.gz, background_crimeware.jsonl.gz and attack_reports.jsonl.gz (report records
of DESIGN.md section 5, the background with `label.family`). FILE lists record ids, one a line, that
must have no influence, such as a test fold. Values are read and derived by the program's own code.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Set
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from samehand.compare.profile import profile
from samehand.formats.records import open_input, parse_record
from samehand.knowledge.prevalence import FILE, Row, Sketch, build, holder_of

OUT = Path(__file__).resolve().parent.parent / "src/samehand/knowledge/data"

HEADER = """\
# What prevalence.bin holds and how it was made. The file itself holds 64-bit hashes of values with the
# years in which unrelated holders became known, and plain tables of counts for providers, techniques
# and software: no text, record or indicator. A value that one actor alone uses is not in it.
# Source: aggregate counts over development data (reports.jsonl.gz, background_crimeware.jsonl.gz,
#   attack_reports.jsonl.gz): eleven public collections of reports with indicators (hashed values of crimeware
#   families come from maltrail, https://github.com/stamparm/maltrail, MIT), and the reports that MITRE ATT&CK
#   v18 cites for groups, citations before 2022, https://attack.mitre.org
# Licence: counts are facts; technique and software names: © The MITRE Corporation. This work is reproduced
#   and distributed with the permission of The MITRE Corporation.
# Retrieved: {made}. Made by: scripts/build_prevalence.py --data DIR
"""


def rows(
    path: Path, without: Set[str], say: Callable[[str], None] = lambda _: None
) -> Iterator[Row]:
    """The labelled records of a file as the sketch counts them; unlabelled ones do not count."""
    with open_input(path) as lines:
        for number, line in enumerate(lines, 1):
            item = msgspec.json.decode(line)
            holder = holder_of(item.get("label") or {})
            if holder is None or item["id"] in without:
                continue
            report, problems = parse_record(item, f"{path.name}, line {number}")
            for problem in problems:
                say(f"{problem.place}: {problem.message}")
            if report is None:
                continue
            comparable = profile(report)
            yield Row(
                *holder,
                year=report.published.end.year if report.published else 0,
                features=tuple(comparable.features),
                techniques=comparable.count("technique"),
            )


def read(
    data: Path, without: Set[str] = frozenset(), made: str = "", say: Callable[[str], None] = print
) -> Sketch:
    """The sketch over a folder of development data, without some records."""
    reports, background, attack = (
        rows(data / f"{name}.jsonl.gz", without, say)
        for name in ("reports", "background_crimeware", "attack_reports")
    )
    return build(reports, background, attack, made)


def describe(sketch: Sketch) -> str:
    """The text of prevalence.toml."""
    tables = sketch.tables
    lines = [
        HEADER.format(made=tables.made),
        f'made = "{tables.made}"',
        f'public_suffix_list = "tldextract {version("tldextract")}"  # decides registered domains',
        f"bytes = {len(sketch.to_bytes())}",
        f"rows = {len(sketch.hashes)}  # value and holder",
        f"pair_rows = {len(sketch.pair_keys)}  # pair of techniques and year",
        f"providers = {len(tables.provider_actors.keys() | tables.provider_families.keys())}",
        f"techniques = {len(tables.techniques)}",
        f"software = {len(tables.software)}",
        "",
        "[population]  # year = records read, background and labelled reports; 0 = undated",
        *(f"{year} = {n}" for year, n in tables.population.items()),
        "",
        "[technique_reports]  # year = reports that carry techniques; 0 = undated",
        *(f"{year} = {n}" for year, n in tables.technique_reports.items()),
        "",
        "[values]  # kind = values with 1, 2, 3 to 5, more than 5 unrelated holders",
    ]
    for kind, counts in tables.values.items():
        groups = [0, 0, 0, 0]
        for holders, n in counts.items():
            groups[0 if holders == 1 else 1 if holders == 2 else 2 if holders <= 5 else 3] += n
        lines.append(f'"{kind}" = {groups}')
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--without", type=Path, help="record ids to leave out, one a line")
    parser.add_argument(
        "--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="day of the build"
    )
    args = parser.parse_args()
    without = frozenset(args.without.read_text(encoding="utf-8").split()) if args.without else ()
    start = time.perf_counter()
    sketch = read(args.data, frozenset(without), args.date.isoformat())
    path = sketch.write(args.out)
    path.with_suffix(".toml").write_text(describe(sketch), encoding="utf-8")
    print(f"{FILE}: {path.stat().st_size} bytes, {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
