"""Extractions and their review as text for a terminal; nothing in it is clickable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from samehand.extract.mention import Mention
from samehand.extract.prose import Prose, steps_of
from samehand.intake import Extraction
from samehand.model import Feature, Observation, Report
from samehand.read.document import Document
from samehand.render.safe import clean, defang, defang_text
from samehand.render.text import table

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


def marked_text(
    document: Document, mentions: Sequence[Mention], said: Mapping[Feature, str]
) -> Iterator[str]:
    """The lines of a document with every extraction in double brackets.

    ``said`` tells what the analyst decided about a value, in words.
    """
    text = document.text
    pages = set(document.pages)
    at = 0
    number = 0
    pending = list(mentions)
    while at <= len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if at in pages:
            yield f"--- page {document.page_of(at)} ---"
        pieces: list[str] = []
        here = at
        while number < len(pending) and pending[number].start < end:
            mention = pending[number]
            number += 1
            if mention.start < here:
                continue  # inside the address before it
            pieces.append(_prose(text[here : mention.start]))
            words = " ".join(
                filter(None, (mention.feature.kind, mention.role, said.get(mention.feature, "")))
            )
            pieces.append(f"{OPEN}{shown(mention.feature, 400)} | {words}{SHUT}")
            here = max(here, mention.end)
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
    return said


def review_rows(raw: Report, report: Report) -> list[Observation]:
    """What `review` numbers: one observation for each value as it was read, then those added."""
    first: dict[Feature, Observation] = {}
    for observation in sorted(
        raw.observations, key=lambda o: (o.start is None, o.start or 0, o.feature)
    ):
        first.setdefault(observation.feature, observation)
    added = [o for o in report.observations if o.status == "added" and o.feature not in first]
    return [*first.values(), *added]


def review_text(raw: Report, report: Report) -> str:
    """The numbered observables of a report with what was decided about each."""
    said = decided(report, raw)
    rows = [["no", "type", "value", "role", "decided", "where", "beside"]]
    roles = {o.feature: o.role for o in report.observations}
    for number, observation in enumerate(review_rows(raw, report), 1):
        feature = observation.feature
        beside = ""
        if observation.start is not None and observation.end is not None:
            beside = _near(raw.text, observation.start, observation.end)
        rows.append(
            [
                str(number),
                feature.kind,
                shown(feature, 70),
                roles.get(feature, observation.role),
                "added" if observation.status == "added" else said.get(feature, ""),
                place_of(observation.start, observation.end, observation.page),
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
