"""Extractions and their review as text for a terminal; nothing in it is clickable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from samehand.extract.mention import Mention
from samehand.extract.prose import NOTHING, Prose, steps_of
from samehand.extract.review import CLAIM, spoken_of
from samehand.intake import Extraction
from samehand.model import Claim, Feature, Observation, Report
from samehand.read.document import Document
from samehand.render.plain import table
from samehand.render.safe import clean, defang, defang_text

#: Longest line of a document that is shown, in characters; a longer one is cut with a sign.
_LINE_CHARS = 4000
#: Characters of the text shown on each side of a value in a list.
_NEAR_CHARS = 36
OPEN, SHUT = "⟦", "⟧"


def shown(feature: Feature, limit: int = 90) -> str:
    """A value as it is shown: defanged, on one line."""
    return defang(feature.kind, feature.value, limit)


def _named(name: str) -> str:
    """The name of a file, in which an archive may have hidden a link."""
    return defang_text(name, hosts=False)


def place_of(start: int | None, end: int | None, page: int | None) -> str:
    """Where something stands, in words."""
    if start is None:
        return ""
    return f"page {page}, {start}-{end}" if page else f"{start}-{end}"


def _near(text: str, start: int, end: int) -> str:
    before = defang_text(text[max(0, start - _NEAR_CHARS) : start].rpartition("\n")[2])
    after = defang_text(text[end : end + _NEAR_CHARS].partition("\n")[0])
    return f"{before} … {after}".strip(" …") if before or after else ""


def extraction_text(found: Extraction, verbose: int = 0, most: int = 400) -> str:
    """One document's observables: each value once, with role, how often, and where first."""
    document, mentions = found.document, found.mentions
    head = f"{_named(document.name)}: {document.format}"
    if document.title:
        head += f", {defang_text(document.title, 100)!r}"
    if document.published:
        head += f", {clean(document.published)}"
    counts = Counter(m.feature.kind for m in mentions)
    lines = [head]
    told = prose_text(found.prose, document.text, verbose)
    if not mentions:
        return "\n".join([head, "  no observables found", *told])
    first: dict[tuple[Feature, str], Mention] = {}
    times: Counter[tuple[Feature, str]] = Counter()
    for mention in mentions:
        key = (mention.feature, mention.role)
        first.setdefault(key, mention)
        times[key] += 1
    rows = [["type", "value", "role", "times", "first at"]]
    chosen = [
        (key, m) for key, m in first.items() if verbose or m.role not in ("reference", "benign")
    ]
    for key, mention in chosen[:most]:
        rows.append(
            [
                mention.feature.kind,
                shown(mention.feature),
                mention.role,
                str(times[key]),
                place_of(mention.start, mention.end, mention.page),
            ]
        )
    lines.append(table(rows, right=(3,), indent="  "))
    if len(chosen) > most:
        lines.append(f"  and {len(chosen) - most} more; --json has all")
    hidden = len(first) - len(chosen)
    if hidden:
        lines.append(f"  and {hidden} references and benign values (-v shows them)")
    listed = ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
    lines.append(f"  {len(mentions)} mentions: {listed}")
    return "\n".join([*lines, *told])


def _prose(text: str) -> str:
    """A stretch between two extractions, defanged; blanks at its ends stay one blank."""
    shown_text = defang_text(text.replace(OPEN, "[").replace(SHUT, "]"), _LINE_CHARS)
    before = " " if text[:1].isspace() and shown_text else ""
    return before + shown_text + (" " if text[-1:].isspace() else "")


@dataclass(frozen=True, slots=True, order=True)
class _Mark:
    """A stretch of the text that is shown in brackets with words; empty for what ends there."""

    start: int
    end: int
    text: str
    words: str


def _marks(
    mentions: Iterable[Mention], prose: Prose, text: str, said: Mapping[Feature, str]
) -> list[_Mark]:
    """Everything that is marked, in the order of the text; a sentence is marked at its end."""
    found = [
        _Mark(
            m.start,
            m.end,
            shown(m.feature, 400),
            " ".join(filter(None, (m.feature.kind, m.role, said.get(m.feature, "")))),
        )
        for m in mentions
    ]
    found += [_Mark(n.start, n.end, clean(n.name, 100), n.kind) for n in prose.names]
    for fact in prose.facts:
        if fact.start is not None and fact.end is not None:
            words = f"{fact.what} {clean(fact.value, 60)}"
            found.append(
                _Mark(fact.start, fact.end, defang_text(text[fact.start : fact.end], 200), words)
            )
    for claim in prose.claims:
        whose = "" if claim.first_hand else ", cited"
        words = f"claim: {claim.relation}, {claim.level}{whose}"
        found.append(_Mark(claim.end, claim.end, "", words))
    for technique in prose.techniques:
        if not technique.explicit:  # a written one is a mention
            words = f"{technique.technique}, P {technique.probability:.2f}"
            found.append(_Mark(technique.end, technique.end, "", words))
    return sorted(found)


def marked_text(
    document: Document,
    mentions: Sequence[Mention],
    said: Mapping[Feature, str],
    prose: Prose = NOTHING,
) -> Iterator[str]:
    """The lines of a document with every extraction in double brackets.

    ``said`` tells what the analyst decided about a value, in words. Claims and techniques stand at
    the end of their sentence.
    """
    text = document.text
    pages = set(document.pages)
    at = 0
    number = 0
    pending = _marks(mentions, prose, text, said)
    while at <= len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if at in pages:
            yield f"--- page {document.page_of(at)} ---"
        pieces: list[str] = []
        here = at
        while number < len(pending) and pending[number].start <= end:
            mark = pending[number]
            if mark.start == end and mark.end > end:
                break
            number += 1
            if mark.start < here and mark.text:
                continue  # inside the address before it
            pieces.append(_prose(text[here : max(here, mark.start)]))
            inside = f"{mark.text} | {mark.words}" if mark.text else mark.words
            pieces.append(f"{OPEN}{inside}{SHUT}")
            here = max(here, mark.end)
        if here <= end:
            pieces.append(_prose(text[here:end]))
        yield "".join(pieces).rstrip()
        at = max(end, here) + 1 if here <= end else text.find("\n", here) + 1 or len(text) + 1


def decided(report: Report, raw: Report) -> dict[Feature, str]:
    """What the analyst decided about each value of a report; values left alone are absent."""
    after = {o.feature: o for o in report.observations}
    said: dict[Feature, str] = {}
    for observation in raw.observations:
        now = after.get(observation.feature)
        if now is None:
            other = [
                o for o in report.observations
                if o.status == "retyped" and o.raw == observation.raw
            ]  # fmt: skip
            said[observation.feature] = f"now {other[0].feature.kind}" if other else "rejected"
        elif now.status:
            changed = now.role != observation.role
            said[observation.feature] = f"accepted as {now.role}" if changed else now.status
    left = {spoken_of(c) for c in report.claims} | {spoken_of(f) for f in report.facts}
    for spoken in (*map(spoken_of, raw.claims), *map(spoken_of, raw.facts)):
        if spoken not in left:
            said[spoken] = "rejected"
    return said


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """What `review` gives a number."""

    feature: Feature
    raw: str
    shown: str
    role: str
    start: int | None
    end: int | None
    page: int | None
    added: bool = False


def _row(observation: Observation) -> ReviewRow:
    return ReviewRow(
        observation.feature,
        observation.raw,
        shown(observation.feature, 70),
        observation.role,
        observation.start,
        observation.end,
        observation.page,
        observation.status == "added",
    )


def _claimed(claim: Claim) -> str:
    """A claim in a few words."""
    about = defang_text(claim.about, 40) or "this"
    what = defang_text(claim.actor or ", ".join(claim.reports), 60)
    return f"{about}: {what}" + (f" ({clean(claim.words, 20)})" if claim.words else "")


def review_rows(raw: Report, report: Report) -> list[ReviewRow]:
    """What `review` numbers: each value as it was read once, those added, then claims and facts."""
    first: dict[Feature, Observation] = {}
    for observation in sorted(
        raw.observations, key=lambda o: (o.start is None, o.start or 0, o.feature)
    ):
        first.setdefault(observation.feature, observation)
    added = [o for o in report.observations if o.status == "added" and o.feature not in first]
    said = [
        ReviewRow(spoken_of(c), c.id, _claimed(c), c.relation, c.start, c.end, None)
        for c in raw.claims
    ]
    said += [
        ReviewRow(spoken_of(f), f.value, defang_text(f.value, 70), f.note, f.start, f.end, None)
        for f in raw.facts
    ]
    return [*map(_row, first.values()), *map(_row, added), *said]


def review_text(raw: Report, report: Report) -> str:
    """The numbered observables of a report with what was decided about each."""
    said = decided(report, raw)
    rows = [["no", "type", "value", "role", "decided", "where", "beside"]]
    roles = {o.feature: o.role for o in report.observations}
    for number, row in enumerate(review_rows(raw, report), 1):
        feature = row.feature
        beside = ""
        if row.start is not None and row.end is not None:
            if feature.kind == CLAIM:
                beside = defang_text(" ".join(raw.text[row.start : row.end].split()), 100)
            else:
                beside = _near(raw.text, row.start, row.end)
        rows.append(
            [
                str(number),
                feature.kind,
                row.shown,
                roles.get(feature, row.role),
                "added" if row.added else said.get(feature, ""),
                place_of(row.start, row.end, row.page),
                beside,
            ]
        )
    return table(rows, right=(0,), indent="")


def extraction_json(found: Extraction) -> Iterator[bytes]:
    """One document's extraction as the documented JSON object, in pieces, one a mention."""
    document = found.document
    head = {
        "file": document.name,
        "format": document.format,
        "title": document.title,
        "publisher": document.publisher,
        "published": document.published,
        "url": document.url,
        "characters": len(document.text),
    }
    return _object(head | prose_json(found.prose), map(_mention_json, found.mentions))


def prose_json(prose: Prose) -> dict[str, object]:
    """What the prose says, as lists of objects with their places."""
    return {
        "names": [
            {"name": n.name, "kind": n.kind, "start": n.start, "end": n.end} for n in prose.names
        ],
        "claims": [
            {
                "relation": c.relation,
                "about": c.about,
                "actor": c.actor,
                "words": c.words,
                "level": c.level,
                "first_hand": c.first_hand,
                "start": c.start,
                "end": c.end,
            }
            for c in prose.claims
        ],
        "facts": [
            {"what": f.what, "value": f.value, "note": f.note, "start": f.start, "end": f.end}
            for f in prose.facts
        ],
        "techniques": [
            {
                "technique": t.technique,
                "probability": round(t.probability, 3),
                "explicit": t.explicit,
                "start": t.start,
                "end": t.end,
            }
            for t in prose.techniques
        ],
        "steps": [
            {"technique": t.technique, "start": t.start, "end": t.end} for t in steps_of(prose)
        ],
    }


def prose_text(prose: Prose, text: str, verbose: int = 0) -> list[str]:
    """What the prose says, a few lines."""
    lines = []
    for kind in ("actor", "campaign", "malware", "tool"):
        counted = Counter(n.name for n in prose.names if n.kind == kind)
        if counted:
            named = ", ".join(f"{clean(n, 60)} ({c})" for n, c in counted.most_common(12))
            lines.append(f"  {kind}: {named}")
    for what in ("country", "sector", "organisation", "window", "published", "money", "motive"):
        values = [
            f"{clean(f.value, 60)} ({f.note})" if f.note else clean(f.value, 60)
            for f in prose.facts
            if f.what == what
        ]
        if values:
            lines.append(f"  {what}: {', '.join(values[:12])}")
    told = [f"{t.technique} ({t.probability:.2f})" for t in steps_of(prose)]
    if told:
        lines.append(f"  techniques in order: {', '.join(told[:20])}")
    for claim in prose.claims[: 40 if verbose else 8]:
        said = defang_text(" ".join(text[claim.start : claim.end].split()), 160)
        whose = "" if claim.first_hand else ", cited"
        lines.append(f"  claim ({claim.relation}, {claim.level}{whose}): {said}")
    left = len(prose.claims) - (40 if verbose else 8)
    if left > 0:
        lines.append(f"  and {left} more claims; --json has all")
    return lines


def report_json(report: Report, name: str) -> Iterator[bytes]:
    """A report that came as a record, in the form of `extraction_json`; places are null."""
    head = {
        "file": name,
        "format": "record",
        "title": report.title,
        "publisher": report.publisher,
        "published": report.published.start.isoformat() if report.published else "",
        "url": report.urls[0] if report.urls else "",
        "characters": len(report.text),
        "id": report.id,
    }
    return _object(head, map(_mention_json, report.observations))


def _object(head: dict[str, object], observables: Iterable[object]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    yield encoder.encode(head)[:-1] + b',"observables":['
    first = True
    for row in observables:
        yield (b"\n" if first else b",\n") + encoder.encode(row)
        first = False
    yield b"]}"


def _mention_json(seen: Mention | Observation) -> dict[str, object]:
    return {
        "type": seen.feature.kind,
        "value": seen.feature.value,
        "raw": seen.raw,
        "role": seen.role,
        "start": seen.start,
        "end": seen.end,
        "page": seen.page,
        "batch": seen.batch,
        "file": seen.file,
    }


def report_text(report: Report, name: str, most: int = 400) -> str:
    """The observables of a report that came as a record."""
    rows = [["type", "value", "role"]]
    rows += [[o.feature.kind, shown(o.feature), o.role] for o in report.observations[:most]]
    more = len(report.observations) - most
    head = f"{_named(name)}: report {clean(report.id)}, {defang_text(report.title, 100)!r}"
    if len(rows) == 1:
        return head + "\n  no observables"
    return "\n".join(
        [head, table(rows, indent="  ")]
        + ([f"  and {more} more; --json has all"] if more > 0 else [])
    )


def numbers_of(texts: Iterable[str], count: int) -> list[int]:
    """The numbers that '3', '5-9' and 'all' stand for, from 1 to ``count``.

    Raises:
        ValueError: if one is no number of the list.
    """
    found: list[int] = []
    for text in texts:
        if text == "all":
            found.extend(range(1, count + 1))
            continue
        first, dash, last = text.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(text)
        chosen = range(int(first), int(last or first) + 1)
        if not chosen or chosen[0] < 1 or chosen[-1] > count:
            raise ValueError(text)
        found.extend(chosen)
    return list(dict.fromkeys(found))
