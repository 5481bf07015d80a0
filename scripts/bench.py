"""Time and peak memory of the commands a user waits for (`make bench`).

Each command runs three times in a fresh process; the median is printed. Figures depend on the
machine: compare them on one machine only.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
        if status:
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


def main() -> None:
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
