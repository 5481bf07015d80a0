"""An attribution as plain text: hypotheses, claims, what it rests on, what would overturn it."""

from __future__ import annotations

from samehand.counterfactual import attribution_of
from samehand.likelihood import estimative_words
from samehand.model import Assessment, Attribution, Campaign, Hypothesis
from samehand.render.plain import percent, short, span, table, waterfall, wrap
from samehand.render.safe import clean, defang_text, shown_comparison
from samehand.stress import MOST_PLANTED, Planted, Stress
from samehand.wording import paragraph

#: A source whose absence moves the leader by less is not told.
_TELLING = 0.05

_NAMING = {
    "named": "named",
    "leaning": "not named: likely, but the conditions for naming are not met",
    "undetermined": "not named: undetermined",
}


def states_text(attribution: Attribution, least: float = 0.02) -> str:
    """Whom the hand serves, in a line; '' if no state has a share worth a word."""
    told = [s for s in attribution.states if s.probability >= least]
    if not told:
        return ""
    listed = ", ".join(
        f"{clean(s.actor)} {percent(s.probability)} ({span(s.interval)})" for s in told[:4]
    )
    return wrap(f"State behind it, as catalogues tell of the actors: {listed}.")


def ach_text(attribution: Attribution, most: int = 12) -> str:
    """Hypotheses by evidence: bits against the mean of each row, the most telling row first."""
    ach = attribution.ach
    if ach is None:
        return "  Nothing to set against each other."
    heads = [short(h or "none known", 16) for h in ach.hypotheses]
    rows = [["evidence", *heads, "tells"]]
    for row in ach.rows[:most]:
        cells = [f"{c:+.1f}" if abs(c) >= 0.05 else "." for c in row.cells]
        rows.append([short(shown_comparison(row.evidence), 38), *cells, f"{row.diagnosticity:.1f}"])
    rows.append(["inconsistency", *(f"{round(v, 1) + 0.0:.1f}" for v in ach.inconsistency), ""])
    lines = [table(rows, right=tuple(range(1, len(heads) + 2)))]
    more = len(ach.rows) - most
    if more > 0:
        lines.append(f"  and {more} more rows; --json has them")
    if ach.absent:
        absent = clean("; ".join(ach.absent), 400)
        lines.append(wrap(f"Usual for {clean(ach.hypotheses[0])} and not seen: {absent}."))
    if ach.warning:
        lines.append(wrap(f"Warning: {clean(ach.warning, 300)}."))
    return "\n".join(lines)


def _times(count: int | None) -> str:
    return f"never ({MOST_PLANTED} tried)" if count is None else str(count)


def _planted_rows(found: Stress) -> list[list[str]]:
    """One row for each facet: what the fewest artefacts of any of its types would do."""
    together: dict[str, list[Planted]] = {}
    for one in found.planted:
        together.setdefault(one.facet or one.kind, []).append(one)
    rows = []
    for facet, types in together.items():
        low, high = min(t.phi for t in types), max(t.phi for t in types)
        ease = f"{low:.1f}-{high:.1f}" if low < high else f"{high:.1f}"
        unseats = min((t.unseats for t in types if t.unseats), default=None)
        misleads = min((t.misleads for t in types if t.misleads), default=None)
        telling = [t.kind for t in types if t.unseats == unseats]
        kinds = ", ".join(telling) if types[0].facet else "one type of each"
        rows.append([facet, short(kinds, 44), ease, _times(unseats), _times(misleads)])
    return rows


def stress_text(found: Stress | None) -> str:
    """How easily the answer could be made wrong; for the analyst's own eyes."""
    if found is None:
        return "  Nobody leads; there is nothing to overturn."
    lead, decoy = clean(found.leader), clean(found.decoy)
    lines = []
    if decoy:
        head = [
            "facet",
            "types",
            "forgeable",
            f"{short(lead, 18)} falls",
            f"{short(decoy, 18)} named",
        ]
        lines += [
            wrap(f"How many artefacts that only {decoy} is known for, planted in one sample:"),
            table([head, *_planted_rows(found)], right=(2, 3, 4)),
        ]
    else:
        lines.append("  No other actor is compared, so nobody can be framed.")
    telling = [w for w in found.without if abs(w.probability - found.probability) >= _TELLING]
    if telling:
        rows = [["without", "leader", lead]]
        rows += [
            [short(defang_text(w.origin), 48), clean(w.leader), percent(w.probability)]
            for w in telling[:12]
        ]
        whole = percent(found.probability)
        lines += [
            f"\n  Without one source, if the reports belong together ({whole} with all)",
            table(rows, right=(2,)),
        ]
    rows = [["planting is as common as", lead, "planted"]]
    rows.extend([f"{p.pi:.0%}", percent(p.probability), percent(p.planted)] for p in found.pi)
    lines += ["\n  If planting were more or less common", table(rows, right=(0, 1, 2))]
    return "\n".join(lines)


def hypotheses_table(attribution: Attribution, most: int = 5, least: float = 0.0) -> str:
    """Ranked hypotheses with none of the known and planted; the first is always shown."""
    rows = [
        ["hypothesis", "probability", "if one campaign", "its range", "likelihood", "house scale"]
    ]
    for number, hypothesis in enumerate(attribution.hypotheses[:most]):
        if number and hypothesis.probability < least:
            continue
        name = clean(hypothesis.actor)
        if hypothesis.parent:
            name = f"  within {clean(hypothesis.parent)}: {name}"
        rows.append(
            [
                name,
                percent(hypothesis.probability),
                percent(hypothesis.conditional_probability),
                span(hypothesis.interval),
                hypothesis.likelihood_words,
                hypothesis.house_words,
            ]
        )
    rows.append(
        [
            "none of the known",
            percent(attribution.none),
            "",
            "",
            estimative_words(attribution.none, calibrated=False),
            "",
        ]
    )
    rows.append(
        [
            "planted to look like another",
            percent(attribution.planted),
            "",
            "",
            "assumed parameters",
            "",
        ]
    )
    return table(rows, right=(1, 2, 3))


def attribution_text(
    assessment: Assessment, campaign: Campaign, verbose: int = 0, top: int = 0
) -> str:
    """The attribution of one campaign."""
    attribution = attribution_of(assessment, campaign)
    if attribution is None:
        return "  Nothing to attribute: only compilations."
    if not attribution.hypotheses:
        undated = (
            " As of a day catalogues, which bear no dates, are not heard."
            if assessment.provenance.as_of
            else ""
        )
        return wrap(
            "Nothing to compare with a known actor: no claim, nothing that catalogues tell of, and "
            "no reference report loaded that shares anything ('samehand add --reference' loads "
            f"them).{undated}"
        )
    lines = [hypotheses_table(attribution, top or 5, 0.0 if top or verbose else 0.02)]
    lines.append(f"  Naming: {_NAMING[attribution.naming]}. Uncalibrated.")
    if states := states_text(attribution):
        lines.append(states)
    if attribution.membership < 1.0:
        lines.append(
            wrap(
                f"Membership is counted in: {clean(attribution.strongest_origin)} carries most "
                f"bits and belongs to the campaign with {percent(attribution.membership)}."
            )
        )
    lines.append(
        wrap(
            f"Analytic confidence: {attribution.analytic_confidence} "
            f"({'; '.join(attribution.confidence_basis)})."
        )
    )
    if verbose:
        first: Hypothesis = attribution.hypotheses[0]
        lines.append(f"\n  Ledger of {clean(first.actor)}, if the reports belong together:")
        lines.append(
            waterfall(
                first.prior_bits,
                first.contributions,
                first.total_bits,
                0.0 if verbose > 1 else 0.05,
            )
        )
    return "\n".join(lines)


def claims_text(attribution: Attribution) -> str:
    """What publishers claim, with grade and what became of it."""
    rows = [["publisher", "date", "attributes to", "words", "grade", "status"]]
    rows.extend(
        [
            short(defang_text(c.publisher or c.report), 26),
            c.known_at,
            short(defang_text(f"not {c.actor}" if c.denies else c.actor), 32),
            short(defang_text(c.words), 12) or "-",
            c.grade,
            short(defang_text(c.status), 40),
        ]
        for c in attribution.claims
    )
    return table(rows) if len(rows) > 1 else "  No publisher attributes it."


def linchpins_text(attribution: Attribution, most: int = 6) -> str:
    """What the answer rests on."""
    if not attribution.linchpins:
        return "  No single piece of evidence changes the answer when left out."
    rows = [["without", "from", "to", "what changes"]]
    rows.extend(
        [
            f"{p.kind} {short(shown_comparison(p.name), 34)}",
            percent(p.before),
            percent(p.after),
            short(p.changes, 52),
        ]
        for p in attribution.linchpins[:most]
    )
    rest = len(attribution.linchpins) - most
    return table(rows, right=(1, 2)) + (f"\n  and {rest} more" if rest > 0 else "")


def answer_text(assessment: Assessment, campaign: Campaign, top: int = 5, verbose: int = 0) -> str:
    """One attribution as `samehand attribute` shows it."""
    found = attribution_of(assessment, campaign)
    if found is None:
        return "  Nothing to attribute: only compilations."
    many = len(campaign.reports) > 1
    head = [
        wrap(
            f"{campaign.id} ({campaign.strength if many else 'one report'}): "
            f"{clean(', '.join(campaign.reports), 400)}",
            "",
        ),
        attribution_text(assessment, campaign, max(1, verbose), top),
    ]
    claims = "\nWHAT PUBLISHERS CLAIM\n" + claims_text(found)
    if not found.hypotheses:
        return "\n".join([*head, claims])
    parts = [
        *head,
        "\nTO PASTE\n" + wrap(defang_text(paragraph(assessment, campaign), 4000)),
        "\nEVIDENCE AGAINST EVERY HYPOTHESIS, bits from the mean of the row\n"
        + ach_text(found, 40 if verbose else 12),
        claims,
    ]
    if many:
        parts.append("\nWHAT IT RESTS ON\n" + linchpins_text(found, 20))
    return "\n".join(parts)
