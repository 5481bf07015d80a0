"""Values, tables and ledgers as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from samehand.likelihood import shown
from samehand.model import Contribution, Interval
from samehand.render.safe import clean, shown_comparison

WIDTH = 100


def percent(probability: float, *, calibrated: bool = False) -> str:
    """A probability for a reader; an uncalibrated one is shown at most as 95 %."""
    if not calibrated and probability > 0.95:
        return "≤95 %"
    return f"{shown(probability)} %"


def span(interval: Interval | None, *, calibrated: bool = False) -> str:
    """A range of probability for a reader."""
    if interval is None:
        return ""
    low, high = (v if calibrated else min(v, 0.95) for v in (interval.low, interval.high))
    return f"{shown(low)}-{shown(high)}"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = (), indent: str = "  ") -> str:
    """Rows as aligned columns, the first row underlined; columns in ``right`` right-aligned."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(w) if n in right else cell.ljust(w)
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
        if number == 0:
            lines.append(indent + "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def wrap(text: str, indent: str = "  ") -> str:
    """A paragraph of the width of a page."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def short(text: str, size: int) -> str:
    """A value of at most ``size`` characters, cleaned."""
    text = clean(text)
    return text if len(text) <= size else text[: size - 1] + "…"


def waterfall(
    prior_bits: float, contributions: Sequence[Contribution], total_bits: float, least: float = 0.0
) -> str:
    """The ledger of a link or hypothesis: prior, bars, total; all in bits."""
    rows = [["bits", "sum", "facet", "what"]]
    running = prior_bits
    rows.append([f"{prior_bits:+.2f}", f"{running:+.2f}", "", "prior"])
    small, cut = 0.0, 0
    for line in contributions:
        running += line.bits
        if abs(line.bits) < least:
            small, cut = small + line.bits, cut + 1
            continue
        rows.append(
            [
                f"{line.bits:+.2f}",
                f"{running:+.2f}",
                line.facet,
                short(shown_comparison(line.comparison), 60),
            ]
        )
    if cut:
        rows.append([f"{small:+.2f}", f"{running:+.2f}", "", f"{cut} smaller lines"])
    rows.append([f"{total_bits:+.2f}", "", "", "total: log2 odds"])
    return table(rows, right=(0, 1))
