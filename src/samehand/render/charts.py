"""Pictures of an assessment: Vega-Lite specifications as plain data, and their SVG.

A page embeds the SVG as an image, so that it cannot carry live content. Text of reports enters a
specification only as data, never inside a Vega expression.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from samehand.model import Contribution, TimelineEntry
from samehand.render.safe import clean, defang_text, shown_comparison

#: Okabe and Ito (2008): blue and vermillion stay apart in all common colour deficiencies.
FOR, AGAINST, GREY = "#0072B2", "#D55E00", "#767676"
#: Lines below this many bits are one bar, 'other'.
TINY_BITS = 0.05
#: More lines than this, and a facet's items and discounts become one bar.
MAX_LINES = 10
#: Most bars of one picture; the smallest of the rest join 'other'.
MAX_BARS = 20
#: Height of one bar with its distance, in pixels.
_ROW = 24
#: Width of the column of labels, in pixels.
_LEFT = 390
#: Characters of a bar's label; the table below the picture has the whole text.
_LABEL = 58

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a waterfall; ``end`` - ``start`` is ``bits``."""

    label: str
    bits: float
    start: float
    end: float
    kind: Literal["prior", "line", "total"]


def group_of(line: Contribution) -> str:
    """The part of a ledger that a line belongs to: 'anchor', 'reported', a facet, or itself.

    Model limits over several facets and contradictions stand alone.
    """
    text = line.comparison
    if line.facet == "limit" or line.role == "contradiction":
        return f"={text}"
    if (
        text.startswith("anchor: ")
        or text.endswith(" of the anchor")
        or (text == "best of many coincidences")
    ):
        return "anchor"
    if line.role == "reported" or text.endswith((" of the statement", "(reported)")):
        return "reported"
    return line.facet


def _folded(lines: Sequence[Contribution]) -> list[tuple[str, float]]:
    """(label, bits) of each part of a ledger, net of its discounts."""
    parts: dict[str, list[Contribution]] = {}
    for line in lines:
        parts.setdefault(group_of(line), []).append(line)
    found = []
    for name, members in parts.items():
        items = [m for m in members if m.role in ("evidence", "reported")]
        if len(items) == 1 or len(members) == 1:
            label = shown_comparison((items or members)[0].comparison)
        elif items:
            beside = "further " if "anchor" in parts and name == items[0].facet else ""
            label = f"{name}: {len(items)} {beside}items"
        else:
            label = name
        if len(members) > len(items) and items:
            label = f"{_cut(label, _LABEL - 5)}, net"
        found.append((label, sum(m.bits for m in members)))
    return found


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def waterfall_bars(
    prior_bits: float, contributions: Sequence[Contribution], total_bits: float
) -> tuple[Bar, ...]:
    """The bars from the prior to the total; those between them sum to the difference."""
    rows = (
        [(shown_comparison(c.comparison), c.bits) for c in contributions]
        if len(contributions) <= MAX_LINES
        else _folded(contributions)
    )
    ranked = sorted((abs(bits) for _, bits in rows), reverse=True)
    least = max(TINY_BITS, ranked[MAX_BARS] if len(ranked) > MAX_BARS else 0.0)
    kept = [(label, bits) for label, bits in rows if abs(bits) >= least][:MAX_BARS]
    rest = sum(bits for _, bits in rows) - sum(bits for _, bits in kept)
    if len(kept) == len(rows) - 1:
        kept = rows
    elif len(kept) < len(rows):
        kept.append((f"other ({len(rows) - len(kept)} smaller)", rest))
    bars = [Bar("prior", prior_bits, 0.0, prior_bits, "prior")]
    at = prior_bits
    for label, bits in kept:
        bars.append(Bar(_cut(label, _LABEL), bits, at, at + bits, "line"))
        at += bits
    bars.append(Bar("total", total_bits, 0.0, total_bits, "total"))
    return tuple(bars)


def waterfall_spec(bars: Sequence[Bar]) -> Spec:
    """A waterfall from top to bottom, in bits."""
    last = len(bars) - 1
    values = [
        {
            "row": n,
            "next": min(n + 1, last),
            "label": bar.label,
            "start": bar.start,
            "end": bar.end,
            "right": max(bar.start, bar.end),
            "text": f"{bar.bits:+.1f}" if bar.kind == "line" else f"{bar.bits:.1f}",
            "colour": GREY if bar.kind != "line" else FOR if bar.bits >= 0 else AGAINST,
            "weight": "normal" if bar.kind == "line" else "bold",
        }
        for n, bar in enumerate(bars)
    ]
    row: Spec = {"field": "row", "type": "ordinal", "axis": None, "scale": {"padding": 0.25}}
    right: Spec = {"field": "right", "type": "quantitative"}
    text: Spec = {"type": "text", "align": "left", "dx": 5, "fontSize": 12}
    beside: Spec = {**text, "align": "right", "dx": -8, "limit": _LEFT - 12}
    labels: list[Spec] = [
        {
            "transform": [{"filter": {"field": "weight", "equal": weight}}],
            "mark": {**beside, "fontWeight": weight},
            "encoding": {
                "x": {"value": 0},
                "y": row,
                "text": {"field": "label", "type": "nominal"},
            },
        }
        for weight in ("normal", "bold")
    ]
    return {
        "data": {"values": values},
        "width": 430,
        "height": _ROW * len(bars),
        # Fixed, since the reader's font is not the one that would be measured here.
        "autosize": "none",
        "padding": {"left": _LEFT, "right": 50, "top": 4, "bottom": 42},
        "layer": [
            {"mark": {"type": "rule", "color": "#999999"}, "encoding": {"x": {"datum": 0}}},
            {
                "mark": {"type": "rule", "color": "#bbbbbb"},
                "encoding": {
                    "x": {"field": "end", "type": "quantitative"},
                    "y": {**row, "bandPosition": 0.5},
                    "y2": {"field": "next", "bandPosition": 0.5},
                },
            },
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": {
                        "field": "start",
                        "type": "quantitative",
                        "axis": {
                            "title": "bits (log2 odds; 0 bits is 50 %)",
                            "grid": True,
                            "tickCount": 6,
                        },
                    },
                    "x2": {"field": "end"},
                    "y": row,
                    "color": {"field": "colour", "type": "nominal", "scale": None},
                },
            },
            {
                "mark": text,
                "encoding": {"x": right, "y": row, "text": {"field": "text", "type": "nominal"}},
            },
            *labels,
        ],
        "config": _CONFIG,
    }


def timeline_spec(entries: Sequence[TimelineEntry], percents: Sequence[tuple[int, int]]) -> Spec:
    """Steps of the leading hypothesis and of 'none of the known' over time.

    Args:
        entries: in the order of time.
        percents: (leading, none of the known) of each entry, rounded for the page.
    """
    values = []
    previous = ""
    for n, (entry, (leading, none)) in enumerate(zip(entries, percents, strict=True)):
        name = defang_text(entry.leading, 40) or "nobody"
        changed = name != previous or n == len(entries) - 1
        previous = name
        values.append(
            {
                "day": clean(entry.as_of, 10),
                "leading": leading,
                "none": none,
                "name": f"{name} {leading} %" if changed else "",
                "last": f"none of the known {none} %" if n == len(entries) - 1 else "",
                "side": "right" if n and n == len(entries) - 1 else "left",
            }
        )
    day: Spec = {
        "field": "day",
        "type": "temporal",
        "scale": {"type": "utc", "padding": 30},
        "axis": {
            "title": "as of",
            "format": "%Y-%m",
            "grid": False,
            "tickCount": 8,
            "labelOverlap": "greedy",
            "labelSeparation": 12,
        },
    }
    percent: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 100]},
        "axis": {"title": "probability, %", "tickCount": 5},
    }
    layers: list[Spec] = []
    for field, label, colour, dash, above in (
        ("none", "last", GREY, [5, 4], False),
        ("leading", "name", FOR, [1, 0], True),
    ):
        where = {"x": day, "y": {**percent, "field": field}}
        layers.append(
            {
                "mark": {
                    "type": "line",
                    "interpolate": "step-after",
                    "color": colour,
                    "strokeDash": dash,
                    "strokeWidth": 2.5,
                },
                "encoding": where,
            }
        )
        layers.append(
            {
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 60,
                    "color": colour,
                    "opacity": 1,
                },
                "encoding": where,
            }
        )
        layers.extend(
            {
                "transform": [{"filter": {"field": "side", "equal": side}}],
                "mark": {
                    "type": "text",
                    "align": side,
                    "dy": -12 if above else 14,
                    "color": colour,
                    "fontSize": 12,
                    "fontWeight": "bold",
                },
                "encoding": {**where, "text": {"field": label, "type": "nominal"}},
            }
            for side in ("left", "right")
        )
    return {
        "data": {"values": values},
        "width": 790,
        "height": 230,
        "layer": layers,
        "config": _CONFIG,
    }


_CONFIG: Mapping[str, Any] = {
    "background": "white",
    "font": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#e6e6e6",
        "domainColor": "#999999",
        "tickColor": "#999999",
    },
    "text": {"color": "#222222"},
}


def picture(spec: Spec) -> str:
    """The picture of a specification as a data address of an SVG image."""
    import vl_convert  # heavy: a JavaScript engine

    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
