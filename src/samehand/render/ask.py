"""Answers to single questions as plain text: what an item weighs, what is near a report."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from samehand.explain import Explanation, ItemWeight
from samehand.nearest import Near, Nearest
from samehand.render.plain import WIDTH, percent, table
from samehand.render.safe import clean, defang, defang_text, shown_comparison
from samehand.render.words import LINK_TYPES

#: Reasons of lists shown without -v.
_FEW_LISTS = 4
_GAPS = {30: "30 days", 180: "180 days", 365: "1 year", 1095: "3 years"}


def _fill(text: str, indent: int = 2) -> str:
    blank = " " * indent
    return textwrap.fill(
        text, WIDTH, initial_indent=blank, subsequent_indent=blank + "  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _bits(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def _count(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _item(kind: str, value: str, limit: int = 60) -> str:
    shown = f"{kind} {defang(kind, value, limit)}"
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _headline(weight: ItemWeight, mean: bool) -> str:
    if weight.soft:
        text = f"{weight.corroboration_bits:.2f} bits, soft ({weight.soft}): never an anchor"
        return text + (", between lists of mean length" if mean else "")
    return (
        f"{_bits(weight.anchor_bits)} bits as the anchor of a pair, "
        f"{weight.corroboration_bits:.2f} as corroboration ({weight.facet})"
    )


def _forms(weight: ItemWeight) -> str:
    rows = [["weighed as", "m", "kappa", "lists", "here", "elsewhere", "anchor", "corroboration"]]
    for form in weight.forms:
        anchor, corroboration = _bits(form.anchor_bits), _bits(form.corroboration_bits)
        if form.anchor_gross_bits != form.anchor_bits:
            anchor = f"{_bits(form.anchor_gross_bits)} > {anchor}"
        if form.corroboration_gross_bits != form.corroboration_bits:
            corroboration = f"{form.corroboration_gross_bits:.2f} > {corroboration}"
        rows.append(
            [
                _item(form.kind, form.value, 38),
                f"{form.m:g}",
                f"{form.kappa:g}" if form.kappa else "",
                f"{form.listed_kappa:g}" if form.listed_kappa else "",
                _count(form.holders),
                _count(form.elsewhere),
                anchor,
                corroboration,
            ]
        )
    return table(rows, right=(1, 2, 3, 4, 5, 6, 7))


def _ages(weight: ItemWeight) -> Iterator[str]:
    lives = {f.half_life_days for f in weight.forms}
    if all(math.isinf(days) for days in lives):
        yield "  Time between two sightings takes nothing off."
        return
    rows = [["gap between sightings", "anchor", "corroboration"]]
    rows.append(["none", _bits(weight.anchor_bits), f"{weight.corroboration_bits:.2f}"])
    rows.extend(
        [_GAPS[a.gap_days], _bits(a.anchor_bits), f"{a.corroboration_bits:.2f}"]
        for a in weight.aged
    )
    yield table(rows, right=(1, 2))
    named = ", ".join(
        f"{f.kind} {f.half_life_days:g} days"
        for f in weight.forms
        if not math.isinf(f.half_life_days)
    )
    yield _fill(f"Half-life: {named}.")


def _kappa(found: Explanation) -> Iterator[str]:
    for weight in found.weights:
        form = weight.forms[0]
        if form.kappa and form.groups > 1:
            yield (
                f"kappa {form.kappa:g} = {form.kappa / form.groups:g} unseen holders of a software "
                f"name, times {form.groups:g} groups recorded to use it ({found.numbers})."
            )
        elif form.kappa:
            yield (
                f"kappa {form.kappa:g}: unseen unrelated holders to expect of any {form.kind} "
                f"({found.numbers})."
            )


def _here(found: Explanation) -> str:
    if not found.reports:
        return "No workspace: nobody here is known to hold it."
    names = ", ".join(clean(i) for i in found.holders)
    more = found.holders_total - len(found.holders)
    text = f"Held by {found.holders_total} of {found.reports} reports here"
    text += f": {names}" if names else ""
    text += f" and {more} more" if more > 0 else ""
    if found.holders_not_counted:
        text += f"; {found.holders_not_counted} copies or compilations do not count"
    if found.holders:
        text += (
            ". Two of them stand for the pair compared and are left out"
            if found.holders_total > 1
            else ". It stands for one of the pair compared and is left out"
        )
    return text + "."


def _lists(found: Explanation, long: bool) -> Iterator[str]:
    lists = found.lists
    if not lists and found.technique is None:
        yield "On no list of commonplace values."
    shown = lists if long else lists[:_FEW_LISTS]
    for row in shown:
        dated = f", {clean(row.date)}" if row.date else ""
        yield (
            f"{_item(row.kind, row.value, 50)} is on a list, about {row.kappa:g} unrelated "
            f"holders: {clean(row.reason)} ({clean(row.list)}{dated})"
        )
    if len(shown) < len(lists):
        yield f"and {len(lists) - len(shown)} more entries of lists (-v)."


def _about(found: Explanation) -> Iterator[str]:
    """What is known of a provider, a tool or a technique."""
    if provider := found.provider:
        what = f"{clean(provider.class_name)}: {clean(provider.reason).removesuffix('.')}"
        choice = "" if provider.chosen else " Nobody chooses it, so it says nothing."
        yield (
            f"Provider {defang('provider', provider.provider)} "
            f"({what if provider.class_name else 'a private suffix of the Public Suffix List'}); "
            f"known users: {provider.actors} actors, {provider.families} families.{choice}"
        )
    if tool := found.software:
        gross = found.weights[0].corroboration_gross_bits
        yield (
            "Public tool: anybody can have it. Where both reports had it before it was public, it "
            f"weighs {gross:.2f} bits."
            if tool.public
            else "No tool that anybody can have."
        )
        for family in tool.families:
            since = f" since {family.public_since}" if family.public_since else ""
            public = f"public{since}" if family.public else "not public"
            share = "" if len(tool.families) == 1 else f"{_share(family.probability)} "
            yield f"{share}{clean(family.name)}: {family.kind}, {public}."
    if technique := found.technique:
        name = clean(technique.name) or "ATT&CK does not know it"
        yield (
            f"{name} ({', '.join(technique.tactics) or 'no tactic'}): in "
            f"{technique.bundled_holders} of {technique.bundled_reports} reports elsewhere; base "
            f"rate {100 * technique.base_rate:.1f} %, mean length {technique.mean_size:.1f}."
        )


def weight_text(found: Explanation, verbose: int = 0) -> str:
    """Why an item weighs what it weighs."""
    lines = [_item(found.kind, found.value, 120)]
    if (found.compared_as.kind, found.compared_as.value) != (found.kind, found.value):
        lines.append(f"  compared as {_item(found.compared_as.kind, found.compared_as.value, 120)}")
    if found.note:
        lines.append(_fill(f"Note: {found.note}."))
    if not found.weights:
        return "\n".join([*lines, "  0 bits: it never counts."])
    for weight in found.weights:
        name = f"{_item(weight.kind, weight.value)}: " if found.note else ""
        lines.append(_fill(name + _headline(weight, weight.kind == "technique")))
    lines.append("\nRARITY" + ("; the largest counts" if len(found.weights[0].forms) > 1 else ""))
    lines.extend(_forms(weight) for weight in found.weights if weight.kind != "technique")
    if found.technique:
        rows = [["techniques in the longer list", "bits"]]
        rows.extend([str(b.size), f"{b.bits:.2f}"] for b in found.technique.bits)
        lines.append(table(rows, right=(0, 1)))
    for weight in found.follows:
        counts = (
            "is the same fact, unless both reports hold it by other items too"
            if weight.soft == "provider"
            else "counts only between reports that do not share this one"
        )
        lines.append(
            _fill(
                f"{_item(weight.kind, weight.value)} follows from it (soft, "
                f"{weight.corroboration_bits:.2f} bits) and {counts}."
            )
        )
    lines.append("\nWHY")
    lines.extend(_fill(text) for text in (*_kappa(found), _here(found)))
    if found.elsewhere_counted is not None:
        lines.append(
            _fill(
                f"Elsewhere: {found.elsewhere_counted} unrelated holders counted in "
                f"{found.elsewhere_population:,} records."
            )
        )
    lines.extend(_fill(text) for text in (*_lists(found, bool(verbose)), *_about(found)))
    lines.append(
        _fill(
            f"N = {_count(found.origins)} origins; corroboration counts against "
            f"{found.conditional:g}. Grade {found.default_grade} keeps "
            f"{_share(found.default_grade_weight)} of these bits"
            + ("." if found.weights[0].soft else f"; an anchor pays {-found.anchor_price_bits:g}.")
        )
    )
    lines.append("\nTIME")
    for weight in found.weights:
        lines.extend(_ages(weight))
    easy = ", ".join(f"{f.forgeability:g} ({f.kind})" for w in found.weights for f in w.forms)
    lines.append("\n" + _fill(f"EASE OF PLANTING (0 hard, 1 trivial): {easy}", 0))
    return "\n".join(lines)


def _notes(near: Near, asked: Nearest) -> str:
    notes = []
    if near.type == "copy":
        same = near.copy_of and near.copy_of == asked.copy_of
        notes.append(f"copies of {clean(near.copy_of)}" if same else "copy, no second witness")
    elif near.copy_of:
        notes.append(f"copy of {clean(near.copy_of)}")
    if near.type != "copy":
        notes.append(
            LINK_TYPES[near.type]
            if near.probability >= 0.5
            else "possible"
            if near.probability >= 0.2
            else "unlikely"
        )
    if near.kind == "compilation":
        notes.append("compilation")
    if near.known_actor:
        notes.append(f"known actor {defang_text(near.known_actor, 40)}")
    if near.reported:
        notes.append("reported, not recomputed")
    return "; ".join(notes)


def nearest_text(found: Nearest) -> str:
    """The nearest reports, each with what says most."""
    others = f"{found.reports:,} other report{'' if found.reports == 1 else 's'}"
    fitted = bool(found.nearest) and all(n.calibrated for n in found.nearest)
    head = (
        f"{defang_text(found.report, 80)}: {found.candidates:,} of {others} have something in "
        f"common (prior {found.prior}{'' if fitted else '; uncalibrated'})"
    )
    if found.copy_of:
        head += f"\n  It repeats {clean(found.copy_of)}: it is no second witness."
    if not found.nearest:
        return head + "\n  Nothing near: no hard evidence is shared, and nobody speaks of both."
    lines = [head]
    for number, near in enumerate(found.nearest, 1):
        when = near.known_at or "undated"
        who = defang_text(near.publisher, 40) or "unknown publisher"
        lines.append(
            f"\n{number:>3}. {defang_text(near.report, 60)}  {when}  {who}  TLP:{near.tlp}\n"
            f"     {near.weight_bits:+.2f} bits, same hand "
            f"{percent(near.probability, calibrated=near.calibrated)}, same campaign "
            f"{percent(near.campaign_probability)}: {_notes(near, found)}"
        )
        for line in near.lines:
            kept = f" of {line.bits:.2f}" if abs(line.kept_bits - line.bits) > 0.005 else ""
            lines.append(
                f"       {line.kept_bits:+.2f}{kept}  {shown_comparison(line.comparison, 70)}"
            )
    if found.candidates > len(found.nearest):
        lines.append(f"\nand {found.candidates - len(found.nearest):,} more (--top)")
    return "\n".join(lines)
