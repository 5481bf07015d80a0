"""The analyst's decisions: an append-only JSON Lines journal beside the store.

It is the one thing that cannot be rebuilt, so it is plain text, never rewritten, and replayed on
top of whatever the store holds. A line cut short by a crash is skipped with a message.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from typing import Literal, get_args

import msgspec

from samehand.cluster import Pair
from samehand.errors import NotFoundError, StoreError, UsageError
from samehand.model import Constraints, Decision, Problem

Action = Literal["accept", "reject", "must-link", "cannot-link", "merge", "split", "note", "undo"]
ACTIONS: tuple[str, ...] = get_args(Action)
ReviewAction = Literal[
    "review-accept", "review-reject", "review-retype", "review-role", "review-add"
]
_PAIRS = ("accept", "reject", "must-link", "cannot-link")


def journal_path(workspace: Path) -> Path:
    """Where the journal of a workspace lies."""
    return workspace.with_suffix(".journal.jsonl")


def read_journal(path: Path) -> tuple[list[Decision], list[Problem]]:
    """All readable decisions in order, and what could not be read."""
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise StoreError(
            f"{path}: the decisions cannot be read ({error.strerror}); nothing is done without them"
        ) from error
    decisions, problems = [], []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            decisions.append(msgspec.json.decode(line, type=Decision))
        except msgspec.MsgspecError as error:
            problems.append(
                Problem(f"{path}, line {number}", f"not a decision ({error}); skipped", "warning")
            )
    return decisions, problems


def append(
    path: Path,
    action: Action | ReviewAction,
    subjects: Sequence[str],
    reason: str,
    level: Literal["campaign", "hand"] = "campaign",
) -> Decision:
    """Write one decision to the end of the journal and to the disk, and return it.

    Raises:
        UsageError: if the subjects do not fit the action.
        NotFoundError: if an undo names no decision.
        StoreError: if the journal cannot be written.
    """
    earlier, _ = read_journal(path)
    if action in _PAIRS and len(set(subjects)) != 2:
        raise UsageError(f"'{action}' takes exactly two different report ids")
    if action in ("merge", "split") and len(set(subjects)) < 2:
        raise UsageError(f"'{action}' takes at least two report ids")
    if action == "undo":
        numbers = {str(d.number) for d in _undoable(earlier)}
        if len(subjects) != 1:
            raise UsageError(
                "'undo' takes the number of one decision; 'samehand decide' lists them"
            )
        if len(subjects) != 1 or subjects[0] not in numbers:
            raise NotFoundError(
                f"no standing decision {subjects[0]!r} to undo; 'samehand decide' lists them"
            )
    decision = Decision(
        number=max((d.number for d in earlier), default=0) + 1,
        action=action,
        subjects=tuple(subjects),
        reason=reason,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        level=level,
    )
    try:
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        with path.open("ab") as stream:
            stream.write((b"\n" if torn else b"") + msgspec.json.encode(decision) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StoreError(f"{path}: the decision could not be written ({error})") from error
    return decision


def _undoable(decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions still in force, undoings included."""
    undone = _undone(decisions)
    return [d for d in decisions if d.number not in undone]


def _undone(decisions: Sequence[Decision]) -> set[int]:
    undone: set[int] = set()
    for decision in reversed(decisions):
        if decision.action == "undo" and decision.number not in undone:
            undone.update(int(s) for s in decision.subjects if s.isdecimal())
    return undone


def standing(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions that no later undo takes back; an undo can itself be undone."""
    undone = _undone(decisions)
    return [d for d in decisions if d.number not in undone and d.action != "undo"]


def reviews(decisions: Sequence[Decision], as_of: date | None = None) -> dict[str, list[Decision]]:
    """Report id -> the standing decisions about its observables, in order."""
    if as_of is not None:
        decisions = [d for d in decisions if d.at[:10] <= as_of.isoformat()]
    found: dict[str, list[Decision]] = {}
    for decision in standing(decisions):
        if decision.action.startswith("review-"):
            found.setdefault(decision.subjects[0], []).append(decision)
    return found


def replay(decisions: Sequence[Decision], as_of: date | None = None) -> Constraints:
    """What the standing decisions demand; a later one about the same pair wins.

    As of a day only what was decided by then counts, undoing included.
    """
    if as_of is not None:
        decisions = [d for d in decisions if d.at[:10] <= as_of.isoformat()]
    asked: dict[tuple[str, Pair], tuple[bool, Decision]] = {}
    for decision in standing(decisions):
        members = sorted(set(decision.subjects))
        pairs: list[Pair] = list(combinations(members, 2))
        together = decision.action in ("accept", "must-link", "merge")
        if decision.action == "split":
            first = decision.subjects[0]
            pairs = [p for p in pairs if first in p]
        elif not together and decision.action not in ("reject", "cannot-link"):
            continue
        asked.update(((decision.level, p), (together, decision)) for p in pairs)
    must_hand: set[Pair] = set()
    must_campaign: set[Pair] = set()
    cannot_hand: set[Pair] = set()
    cannot_campaign: set[Pair] = set()
    words: dict[Pair, str] = {}
    for (_, pair), (together, decision) in asked.items():
        if together:
            (must_campaign if decision.level == "campaign" else must_hand).add(pair)
        else:
            (cannot_campaign if decision.level == "campaign" else cannot_hand).add(pair)
        reason = f": {decision.reason}" if decision.reason else ""
        earlier = f"{words[pair]}; " if pair in words else ""
        words[pair] = f"{earlier}#{decision.number} {decision.action} ({decision.level}){reason}"
    return Constraints(
        frozenset(must_campaign),
        frozenset(must_hand),
        frozenset(cannot_campaign),
        frozenset(cannot_hand),
        words,
    )
