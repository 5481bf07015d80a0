"""Time and peak memory of the commands a user waits for (`make bench`).

With the labelled development data beside the checkout, also 10,000 of its records. Each command runs three times in a fresh process; the median is printed. Figures depend on the
machine: compare them on one machine only.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from samehand.knowledge import common
from samehand.knowledge.cache import sources

RUN = [sys.executable, "-c", "from samehand.cli import main; main(prog_name='samehand')"]


def measured(folder: Path, *args: str) -> tuple[float, float]:
    """Median seconds and peak MiB of three runs."""
    seconds, peaks = [], []
    for _ in range(3):
        start = time.perf_counter()
        child = subprocess.Popen(
            [*RUN, *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss / 1024)
        if os.waitstatus_to_exitcode(status) not in (0, 3):  # 3: something went over a limit
            raise SystemExit(f"{' '.join(args)} failed")
    return statistics.median(seconds), statistics.median(peaks)


def unrelated(path: Path, count: int) -> None:
    """Random reports that share next to nothing."""
    generator = random.Random(1)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            stream.write(
                json.dumps(
                    {
                        "id": f"u{number}",
                        "published": f"20{generator.randrange(15, 24)}-03-01",
                        "observables": [
                            {"type": "domain-name", "value": f"h{generator.randrange(10**7)}.com"}
                            for _ in range(10)
                        ],
                    }
                )
                + "\n"
            )


LOAD = """
import resource, time
start = time.perf_counter()
from samehand.knowledge.inventory import load_all
load_all()
from samehand.knowledge import common
from samehand.model import Feature
common.lookup(Feature("domain-name", "www.example.com"))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"all knowledge from a built cache, imports included: {seconds:.2f} s, {peak:.0f} MiB")
"""


def knowledge(folder: Path) -> None:
    """Building and loading everything that is known, and looking values up."""
    place = {**os.environ, "SAMEHAND_CACHE": str(folder / "cache")}
    start = time.perf_counter()
    subprocess.run([*RUN, "knowledge", "prepare"], env=place, check=True, capture_output=True)
    print(f"building all knowledge in an empty cache: {time.perf_counter() - start:.1f} s")
    for _ in range(3):
        subprocess.run([sys.executable, "-c", LOAD], env=place, check=True)
    values = mixed_values(600_000)
    index = common.index()
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        held = index.lists_of_many(values)
        rates.append(len(values) / (time.perf_counter() - start))
    print(
        f"commonplace values: {statistics.median(rates):,.0f} values a second "
        f"({sum(map(bool, held)) / len(held):.0%} of them on a list)"
    )


def mixed_values(count: int) -> list[str]:
    """A third each of hashes, host names and addresses; a tenth of the first two from the lists."""
    pick = random.Random(3)
    lists = sources().warninglists()
    listed = [
        json.loads((lists / name / "list.json").read_text(encoding="utf-8"))["list"]
        for name in ("nioc-filehash", "tranco", "dynamic-dns")
    ]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    found = []
    for number in range(count):
        known = pick.random() < 0.1
        if number % 3 == 0:
            digits = pick.choice((32, 40, 64))
            found.append(
                pick.choice(listed[0]) if known else f"{pick.getrandbits(4 * digits):0{digits}x}"
            )
        elif number % 3 == 1:
            name = "".join(pick.choices(letters, k=pick.randint(6, 16)))
            below = pick.choice(listed[pick.randint(1, 2)]).lstrip(".")
            found.append(f"{name}.{below}" if known else f"www.{name}.com")
        else:
            found.append(".".join(str(pick.randrange(1, 255)) for _ in range(4)))
    return found


PROSE = (
    "The loader contacts update{n}[.]cdn-mirror[.]net over HTTPS and stores its configuration under",
    "the registry key HKCU\\Software\\Classes\\CLSID; operators then move laterally with stolen",
    "credentials. Victims are banks and exchanges in three regions, which agrees with what others",
    "saw in spring. Persistence is a scheduled task that starts the second stage every hour, and the",
    "campaign used lures about vacancies. Version 4.2.1.{n} of the tool adds a check for sandboxes.",
)


def pages(count: int, first: int) -> list[list[str]]:
    """Pages of forty lines of prose, every fifth one a list of indicators."""
    pick = random.Random(first)
    made = []
    for number in range(first, first + count):
        if number % 5 == 4:
            made.append(
                [
                    f"203.0.{pick.randrange(256)}[.]{pick.randrange(256)}    {pick.getrandbits(256):064x}"
                    for _ in range(40)
                ]
            )
        else:
            made.append([PROSE[line % 5].format(n=number) for line in range(40)])
    return made


def reading(folder: Path) -> None:
    """A thousand pages of PDF on all cores, one large document of each kind, a STIX release."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from read_helpers import make_pdf
    from test_stix_hostile import attack_release

    for number in range(20):
        (folder / "pdf").mkdir(exist_ok=True)
        (folder / "pdf" / f"{number}.pdf").write_bytes(make_pdf(pages(50, 50 * number)))
    (folder / "one.pdf").write_bytes(make_pdf(pages(1000, 0)))
    text = "\n".join("\n".join(page) for page in pages(4000, 0))
    (folder / "large.txt").write_text(text * (60_000_000 // len(text)), encoding="utf-8")
    rows = "".join(f"<tr><td>{line}</td></tr>" for line in text.splitlines()[:100_000])
    (folder / "large.html").write_text(f"<html><body><article><table>{rows}</table>", "utf-8")
    bundle = attack_release(800, 200, 22_000)
    (folder / "attack.json").write_text(json.dumps(bundle), encoding="utf-8")
    sizes = {path: (folder / path).stat().st_size / 1e6 for path in ("large.txt", "large.html")}
    for what, note in (
        ("pdf", "20 files, 1,000 pages"),
        ("one.pdf", "1 file, 1,000 pages"),
        ("large.txt", f"{sizes['large.txt']:.0f} MB"),
        ("large.html", f"{sizes['large.html']:.0f} MB"),
        ("attack.json", f"STIX, {len(bundle['objects']):,} objects"),
    ):
        seconds, peak = measured(folder, "extract", what, "--json")
        print(f"samehand extract {what} ({note}): {seconds:.2f} s, {peak:.0f} MiB in one process")


def prose(data: Path) -> None:
    """Names, claims, facts and techniques of the labelled report texts, in one process."""
    from samehand.extract.prose import read_prose

    if not (data / "report_texts.jsonl.gz").exists():
        print(f"prose: skipped, {data} holds no report_texts.jsonl.gz")
        return
    with gzip.open(data / "report_texts.jsonl.gz", "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"] for line in stream]
    read_prose(texts[0])  # loads the catalogues
    start = time.process_time()
    for text in texts:
        read_prose(text)
    rate = sum(map(len, texts)) / 1e6 / (time.process_time() - start)
    print(f"prose: {rate:.2f} MB/s a core, {len(texts)} texts")


def records(folder: Path, data: Path) -> None:
    """Adding, linking, clustering and explaining 10,000 labelled and background records."""
    if not (data / "reports.jsonl.gz").exists():
        print(f"10,000 records: skipped, {data} holds no reports.jsonl.gz")
        return
    left = 10_000
    with (folder / "records.jsonl").open("wb") as out:
        for name in ("reports.jsonl.gz", "background_crimeware.jsonl.gz"):
            with gzip.open(data / name) as stream:
                for line in stream:
                    if left:
                        out.write(line)
                        left -= 1
    for args in (
        ("init",),
        ("add", "records.jsonl"),
        ("analyse",),
        ("predict", "clusters", "records.jsonl", "-o", "clusters.jsonl"),
    ):
        seconds, peak = measured(folder, *args)
        print(f"samehand {' '.join(args)}: {seconds:.2f} s, {peak:.0f} MiB")


def attribution(folder: Path, data: Path) -> None:
    """1,000 masked texts against a reference, and reports against all others by observables."""
    texts, reports = data / "masked_texts.jsonl.gz", data / "reports.jsonl.gz"
    if not texts.is_file() or not reports.is_file():
        print(f"attribution: skipped, {data} holds no labelled texts and reports")
        return
    with gzip.open(texts, "rt", encoding="utf-8") as stream:
        known = [json.loads(line) for line in stream]
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as out:
        for number in range(1000):
            record = known[number % len(known)] | {"id": f"q{number}"}
            out.write(json.dumps(record) + "\n")
    with gzip.open(reports, "rb") as stream, (folder / "queries.jsonl").open("wb") as out:
        for _ in range(500):
            out.write(stream.readline())
    for args in (
        ("predict", "actors", "texts.jsonl", "--reference", str(texts.resolve())),
        ("predict", "actors", "queries.jsonl", "--reference", str(reports.resolve())),
    ):
        seconds, peak = measured(folder, *args, "-o", "out.jsonl")
        print(f"samehand {' '.join(args[:3])}: {seconds:.2f} s, {peak:.0f} MiB")


def main() -> None:
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    prose(data)
    with tempfile.TemporaryDirectory() as name:
        records(Path(name), data)
    with tempfile.TemporaryDirectory() as name:
        attribution(Path(name), data)
    with tempfile.TemporaryDirectory() as name:
        reading(Path(name))
    with tempfile.TemporaryDirectory() as name:
        knowledge(Path(name))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unrelated(folder / "many.jsonl", 10_000)
        for args in (
            ("--help",),
            ("demo", "-o", "out"),
            ("init",),
            ("add", "many.jsonl"),
            ("analyse",),
            ("predict", "clusters", "many.jsonl", "-o", "clusters.jsonl"),
        ):
            seconds, peak = measured(folder, *args)
            print(f"samehand {' '.join(args)}: {seconds:.2f} s, {peak:.0f} MiB")


if __name__ == "__main__":
    main()
