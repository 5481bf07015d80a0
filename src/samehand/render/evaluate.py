"""Measures as plain tables for a terminal."""

from __future__ import annotations

import math

from samehand.fit.evaluate import ClusterFigures, Evaluation, Figure, LinkFigures
from samehand.render.plain import table
from samehand.render.safe import clean


def _number(value: float, digits: int = 3) -> str:
    """A number; a dash where it is undefined."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _interval(figure: Figure) -> str:
    """A figure with its interval."""
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} [{_number(figure.low)}, {_number(figure.high)}]"


_IN_SAMPLE = (
    "In sample: the links were fitted on this file, so their figures flatter; the fit says what\n"
    "it reached out of sample ('samehand calibrate')"
)


def _head(result: Evaluation) -> str:
    """What was measured on what."""
    background = f", {result.background_reports:,} of background" if result.background else ""
    lines = [
        f"{result.program}, parameters {clean(result.model)} {result.config_hash}",
        f"{clean(result.dataset)}: {result.reports:,} reports, {result.labelled:,} labelled with "
        f"{result.actors:,} actors{background}",
        *([_IN_SAMPLE] if result.in_sample else []),
        f"split {result.split}" + (f", after {result.cut}" if result.cut else ""),
    ]
    if result.links:
        left = result.left_out
        lines.append(
            f"pairs of {clean(result.pairs)}" if result.pairs else "all pairs of labelled reports"
        )
        if result.sampled:
            lines[-1] += ", those without evidence as a weighted sample"
        lines.append(
            f"not scored: {left.related:,} of related actors, {left.same_reference:,} from one "
            f"publication, {left.split:,} outside the split"
        )
    lines.append(f"in brackets: 95 % of {result.replicates} resamples of actors")
    return "\n".join(lines)


#: Columns of the simple methods, in the order of ``BASELINES``.
_SHORT = ("J", "IDF", "no.", "FS", "J+", "IDF+", "no.+", "FS+")
_LEGEND = (
    "  J Jaccard, IDF sum of log2(n/df), no. shared values, FS plain Fellegi–Sunter; all on exact\n"
    "  values, + with registered domains, /24, hosts and paths"
)


def _links(rows: tuple[LinkFigures, ...]) -> str:
    return "\n\n".join(
        (
            "Links of one hand, pairs that share ...\n" + _quality(rows),
            "Probabilities\n" + _probabilities(rows),
            "Average precision beside simple methods\n" + _rankings(rows),
            "Accepted pairs: precision\n" + _accepted(rows),
        )
    )


def _quality(rows: tuple[LinkFigures, ...]) -> str:
    cells = [["", "n", "same", "rate", "AP", "ECE"]]
    for row in rows:
        counts = (f"{row.n:,}", f"{row.same:,}", _number(row.base_rate))
        figures = (_interval(row.average_precision), _interval(row.calibration_error))
        cells.append([row.stratum, *counts, *figures])
    return table(cells, right=(1, 2, 3))


def _probabilities(rows: tuple[LinkFigures, ...]) -> str:
    cells = [["", "n", "log-loss", "constant", "Brier", "Cllr"]]
    for row in rows:
        rest = (row.constant_log_loss, row.brier.value, row.cllr.value)
        cells.append([row.stratum, f"{row.n:,}", _interval(row.log_loss), *map(_number, rest)])
    return table(cells, right=(1, 3, 4, 5))


def _rankings(rows: tuple[LinkFigures, ...]) -> str:
    values = [["", "n", "samehand", *_SHORT]]
    leads = [["", "n", "best of them", "AP", "lead of samehand"]]
    for row in rows:
        precisions = (row.average_precision, *(r.average_precision for r in row.baselines))
        values.append([row.stratum, f"{row.n:,}", *(_number(f.value) for f in precisions)])
        known = [r for r in row.baselines if not math.isnan(r.average_precision.value)]
        if known:
            best = max(known, key=lambda r: r.average_precision.value)
            shown = (_interval(best.average_precision), _interval(best.lead))
            leads.append([row.stratum, f"{row.n:,}", best.method, *shown])
    right = range(1, len(values[0]))
    return f"{table(values, right=right)}\n{_LEGEND}\n\n{table(leads, right=(1,))}"


def _accepted(rows: tuple[LinkFigures, ...]) -> str:
    cells = [["", "n", *(f"P >= {s.threshold:g}" for s in rows[0].thresholds)]]
    for row in rows:
        chosen = (f"{s.n:,}: {_number(s.precision)}" for s in row.thresholds)
        cells.append([row.stratum, f"{row.n:,}", *chosen])
    return table(cells, right=range(1, len(cells[0])))


def _clusters(rows: tuple[ClusterFigures, ...]) -> str:
    quality = [["method", "B3 P", "B3 R", "B3 F", "macro F", "pairs P", "pairs R"]]
    quality += [
        [
            *(row.method, _interval(row.precision), _interval(row.recall), _interval(row.f)),
            *(_number(row.macro.f), _number(row.joined.precision), _number(row.joined.recall, 4)),
        ]
        for row in rows
    ]
    counts = [["method", "clusters", "pairs joined", "false", "largest", "most actors in one"]]
    counts += [
        [
            *(row.method, f"{row.joined.clusters:,}", f"{row.joined.pairs:,}"),
            *(f"{row.joined.false_pairs:,}", f"{row.joined.largest:,}"),
            f"{row.joined.most_mixed:,}",
        ]
        for row in rows
    ]
    first = rows[0]
    return (
        f"Clusters of {first.joined.n:,} labelled reports of {first.actors:,} actors\n"
        f"{table(quality)}\n\n{table(counts, right=(1, 2, 3, 4, 5))}"
    )


def evaluation_text(result: Evaluation) -> str:
    """All measures of one run."""
    parts = [_head(result)]
    if result.links:
        parts.append(_links(result.links))
    if result.clusters:
        parts.append(_clusters(result.clusters))
    elif result.split == "source":
        parts.append("Clusters are not measured: sources tell pairs apart and no reports.")
    return "\n\n".join(parts)
