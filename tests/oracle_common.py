"""Does the index over the warning lists say what the package's own slow mode says?

``disagreements(200, 1)`` compares a sample with 200 values of each kind, `make evaluate` takes
2,000: ``python tests/oracle_common.py 2000``. Slow mode needs about 0.1 s a value and 1 GB a
process, most of it for one list of a million names, hence two processes and a progress line.
"""

from __future__ import annotations

import ipaddress
import json
import multiprocessing
import random
import string
import sys
import time
from collections.abc import Callable
from typing import Any

from samehand.knowledge import common
from samehand.knowledge.cache import sources

KINDS = (
    "string", "hostname", "substring", "cidr", "ipv6",
    "regex", "hash", "url", "address", "stranger",
)  # fmt: skip
#: A quick run (below 1,000 of each kind) puts one in ten values to the list of a million names,
#: which takes four fifths of the time; all other lists are asked about every value.
QUICK_BELOW = 1000
QUICK_ONE_IN = 10
#: Kinds for which the huge list is always asked: host names and what holds them.
NAMED = ("hostname", "url")
#: Entries from which a hostname list counts as huge.
HUGE = 100_000
PROCESSES = 2


def raw_lists() -> dict[str, dict[str, Any]]:
    """Folder name -> list as the package ships it."""
    places = sorted(sources().warninglists().glob("*/list.json"))
    return {p.parent.name: json.loads(p.read_text(encoding="utf-8")) for p in places}


def sample(per_kind: int, seed: int) -> list[tuple[str, str]]:
    """(kind, value) pairs: entries, values below and beside them, and strangers."""
    pick = random.Random(seed)
    lists = raw_lists()
    of_type: dict[str, list[list[str]]] = {}
    for raw in lists.values():
        if raw["list"]:
            of_type.setdefault(raw["type"], []).append(raw["list"])
    hashes = [lists[n]["list"] for n in ("nioc-filehash", "ti-falsepositives", "empty-hashes")]

    def entry(kind: str) -> str:
        return pick.choice(pick.choice(of_type[kind]))

    def network(version: int) -> str:
        while True:
            text = entry("cidr")
            if (":" in text) == (version == 6):
                return text

    makers: dict[str, Callable[[], str]] = {
        "string": lambda: near(entry("string"), pick),
        "hostname": lambda: near(entry("hostname"), pick),
        "substring": lambda: inside(entry("substring"), pick),
        "cidr": lambda: edge(network(4), pick),
        "ipv6": lambda: edge(network(6), pick),
        "regex": lambda: pick.choice(["abuse@", "soc@", "noc@example."]) + entry("hostname"),
        "hash": lambda: near(pick.choice(pick.choice(hashes)), pick),
        "url": lambda: url(entry(pick.choice(["hostname", "string", "substring"])), pick),
        "address": lambda: ".".join(str(pick.randrange(256)) for _ in range(4)),
        "stranger": lambda: stranger(pick),
    }
    return [(kind, makers[kind]()) for kind in KINDS for _ in range(per_kind)]


def near(entry: str, pick: random.Random) -> str:
    """An entry, or something that is almost one or lies below it."""
    return pick.choice(
        [
            entry, entry, entry, entry.lstrip("."), "." + entry.lstrip("."), "x." + entry,
            "x.y." + entry.lstrip("."), "x" + entry.lstrip("."), entry + "x", entry + ".",
            entry[1:], entry[:-1], entry.swapcase(), entry.partition(".")[2], f" {entry}",
            "\ud800." + entry, "ü." + entry, "a\x00." + entry,
        ]
    )  # fmt: skip


def inside(entry: str, pick: random.Random) -> str:
    around = "".join(pick.choices(string.ascii_lowercase, k=4))
    return pick.choice(
        [entry, around + entry, entry + around, f"{around}@{entry}", entry[:-1], entry.upper()]
    )


def edge(text: str, pick: random.Random) -> str:
    """An address at or just beside the border of a network, or the entry as text."""
    try:
        net = ipaddress.ip_network(text)
    except ValueError:
        return text
    first, last = int(net.network_address), int(net.broadcast_address)
    limit = (1 << net.max_prefixlen) - 1
    number = pick.choice([first, last, max(0, first - 1), min(limit, last + 1),
                          pick.randint(first, last)])  # fmt: skip
    if net.version == 4:
        address = str(ipaddress.IPv4Address(number))
        six = ipaddress.IPv6Address(0xFFFF << 32 | number)
        return pick.choice([address] * 6 + [text, f"0{address}", f"{address}/32", str(six)])
    long = ipaddress.IPv6Address(number)
    return pick.choice([str(long)] * 3 + [long.exploded, str(long).upper(), f"{long}%1", text,
                                          text.lower(), f"[{long}]", f"{long}:"])  # fmt: skip


def url(entry: str, pick: random.Random) -> str:
    host = pick.choice(["", "", "x."]) + entry.lstrip(".")
    return pick.choice(
        [
            f"http://{host}/a", f"https://{host}", f"https://{host}:8443/b?c=d", f"HTTP://{host}",
            f"http://user:pw@{host}/", f"//{host}/a", f"{host}/a", f"ftp://{host.upper()}/",
            f"http://x/{host}", f"http:/\t/{host}/", f"http://[{host}", f"http://{host}#f",
            f"{host}:80", f"http://\uff0f{host}", f"http://{host}\\a",
        ]
    )  # fmt: skip


def stranger(pick: random.Random) -> str:
    letters = string.ascii_lowercase + string.digits + "-"
    label = "".join(pick.choices(letters, k=pick.randint(1, 20)))
    length = pick.choice([32, 40, 64, 128])
    return pick.choice(
        [
            f"{label}.com", f"{label}.{label}.net", f"www.{label}.co.uk", label, f"{label}.ru",
            f"{pick.getrandbits(4 * length):0{length}x}",
            f"{pick.getrandbits(64):016x} {label:>15}"[:40],
            f"{pick.getrandbits(64):016x}".ljust(32, " "), f"abcdefabcdefabcd://{label}".ljust(40),
            "", ".", "...", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::", "::1%eth0", "1::2::3",
            "\x00", "\n8.8.8.8", "8.8.8.8\n", "٨.8.8.8", "😀.com", "\udfff", f"a\n{label}.com",
        ]
    )  # fmt: skip


_lists: dict[str, Any] = {}


def _load() -> None:
    """Make the package's own objects, once in each process."""
    import pymispwarninglists

    loaded = pymispwarninglists.WarningLists(slow_search=True)
    _lists.update(loaded)


def _ask(task: tuple[str, bool]) -> tuple[list[str], list[str]]:
    """Names of the lists that hold a value, and of those that were not asked or could not say."""
    value, skip_huge = task
    held, unasked = [], []
    for name, wl in _lists.items():
        if skip_huge and wl.type == "hostname" and len(wl.list) > HUGE:
            unasked.append(name)
            continue
        try:
            if value in wl:
                held.append(name)
        except ValueError:  # urlparse refuses a broken URL; the package lets that through
            unasked.append(name)
    return held, unasked


def disagreements(per_kind: int, seed: int) -> list[str]:
    """Values on which the index and the package differ, in words; empty if they agree."""
    cases = sample(per_kind, seed)
    quick = per_kind < QUICK_BELOW
    tasks = [
        (value, quick and kind not in NAMED and i % QUICK_ONE_IN > 0)
        for i, (kind, value) in enumerate(cases)
    ]
    index = common.index()
    many = index.lists_of_many([value for _, value in cases])
    started = time.monotonic()
    wrong = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, initializer=_load) as pool:
        answers = pool.imap(_ask, tasks, chunksize=8)
        for i, ((kind, value), (held, unasked)) in enumerate(zip(cases, answers, strict=True)):
            if i % 200 == 199:
                spent = time.monotonic() - started
                sys.stderr.write(
                    f"{i + 1}/{len(cases)} values, {spent:.0f} s, {len(wrong)} wrong\n"
                )
            expected = sorted(held)
            for how, numbers in (("one by one", index.lists_of(value)), ("in bulk", many[i])):
                found = sorted(index.lists[n].name for n in numbers)
                if [name for name in found if name not in unasked] != expected:
                    wrong.append(f"{kind} {value!r} {how}: {found}, the package says {expected}")
    return wrong


if __name__ == "__main__":
    found = disagreements(int(sys.argv[1]) if len(sys.argv) > 1 else 200, 1)
    sys.stdout.write("\n".join(found or ["the index agrees with the package"]) + "\n")
    sys.exit(bool(found))
