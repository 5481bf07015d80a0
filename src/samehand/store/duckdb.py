"""The workspace as one DuckDB file. One writer; connections are short; a busy file is an error.

Writes happen in one transaction each, so a process killed at any moment leaves the workspace as
it was before or after, never in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import duckdb
import msgspec
import pyarrow as pa

from samehand.errors import (
    NotFoundError,
    StoreBusyError,
    StoreError,
    StoreMissingError,
    StoreVersionError,
)
from samehand.model import Report, ReportUse
from samehand.read.document import Document

#: Version of the schema; another one means rebuild, which is cheap: the store is derived data.
SCHEMA_VERSION = "2"
DEFAULT_NAME = "samehand.duckdb"
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Added:
    """What adding reports changed, by report id."""

    new: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]


def _explain(error: duckdb.Error, path: Path) -> StoreError:
    text = str(error)
    if "lock" in text.lower():
        return StoreBusyError(
            f"{path}: another process is using this workspace. Wait for it to end, or give another "
            "one with --workspace."
        )
    if "Permission denied" in text or "Is a directory" in text or "read-only" in text.lower():
        return StoreError(
            f"{path}: cannot be opened ({text.splitlines()[0][:200]}). Name a file that you may "
            "write with --workspace."
        )
    return StoreError(
        f"{path}: not a samehand workspace or damaged ({text.splitlines()[0][:200]}). The store "
        "can be rebuilt: move it away, run 'samehand init' and add the files again; the journal of "
        "decisions is a separate file and stays."
    )


class Store:
    """An open workspace; use it as a context manager and keep it open briefly."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open an existing workspace.

        Raises:
            StoreMissingError: if there is none.
            StoreBusyError: if another process holds it.
            StoreVersionError: if another version made it.
            StoreError: if the file is no workspace.
        """
        self.path = path
        try:
            exists = path.exists()
        except OSError as error:
            raise StoreError(f"{path}: cannot be reached ({error.strerror})") from error
        if not exists:
            raise StoreMissingError(
                f"{path}: no workspace here. Make one with 'samehand init', or name one with "
                "--workspace."
            )
        try:
            self._db = duckdb.connect(str(path), read_only=read_only)
            found = self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        except duckdb.Error as error:
            raise _explain(error, path) from error
        if found is None or found[0] != SCHEMA_VERSION:
            self._db.close()
            raise StoreVersionError(
                f"{path}: made by another version (schema {found[0] if found else 'unknown'}). "
                "Make a new workspace with 'samehand init' and add the files again."
            )

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new workspace, or the existing one.

        Raises:
            StoreError: if the place cannot hold one.
        """
        try:
            if path.exists():
                return cls(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Made under another name and moved into place, so a half-made one is never seen.
            part = path.with_name(path.name + ".part")
            part.unlink(missing_ok=True)
            with duckdb.connect(str(part)) as db:
                db.execute("BEGIN")
                db.execute(resources.files("samehand.store").joinpath("schema.sql").read_text())
                db.execute("INSERT INTO meta VALUES ('schema', ?)", [SCHEMA_VERSION])
                db.execute("COMMIT")
            part.rename(path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made ({error})") from error
        except duckdb.Error as error:
            raise _explain(error, path) from error
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def add(
        self,
        reports: Iterable[tuple[Report, str]],
        documents: Mapping[str, Document] = MappingProxyType({}),
    ) -> Added:
        """Store reports with the file each came from, in one transaction.

        ``documents`` holds, by report id, what a report was extracted from.

        The same record again changes nothing; another record under a known id replaces it. An
        undated report counts as known from today.
        """
        known = {
            row[0]: (row[1], row[2])
            for row in self._db.execute("SELECT id, content_hash, use FROM report").fetchall()
        }
        today = datetime.now(UTC).date()
        new: dict[str, tuple[Report, str]] = {}
        updated: dict[str, tuple[Report, str]] = {}
        unchanged: list[str] = []
        for report, origin in reports:
            before = known.get(report.id)
            if before == (report.content_hash, report.use):
                new.pop(report.id, None)
                updated.pop(report.id, None)
                unchanged.append(report.id)
            elif before is None:
                new[report.id] = (report, origin)
            else:
                updated[report.id] = (report, origin)
        try:
            self._db.execute("BEGIN")
            if updated:
                ids = pa.table({"id": list(updated)})
                self._db.register("gone", ids)
                self._db.execute("DELETE FROM observation WHERE report IN (SELECT id FROM gone)")
                self._db.execute("DELETE FROM document WHERE report IN (SELECT id FROM gone)")
                self._db.execute("DELETE FROM report WHERE id IN (SELECT id FROM gone)")
                self._db.unregister("gone")
            rows = [*new.values(), *updated.values()]
            for start in range(0, len(rows), _BATCH):
                self._insert(rows[start : start + _BATCH], today)
            self._insert_documents({r.id: documents[r.id] for r, _ in rows if r.id in documents})
            self._db.execute("COMMIT")
        except duckdb.Error as error:
            raise _explain(error, self.path) from error
        return Added(tuple(new), tuple(updated), tuple(dict.fromkeys(unchanged)))

    def _insert(self, rows: Sequence[tuple[Report, str]], today: date) -> None:
        stored = [replace(r, ingested=None if r.published else today) for r, _ in rows]
        table = pa.table(
            {
                "id": [r.id for r in stored],
                "use": [r.use for r in stored],
                "content_hash": [r.content_hash for r in stored],
                "known_at": pa.array([r.known_at for r in stored], pa.date32()),
                "ingested_at": pa.array([today] * len(stored), pa.date32()),
                "origin": [origin for _, origin in rows],
                "payload": pa.array([msgspec.json.encode(r) for r in stored], pa.binary()),
            }
        )
        seen = [o for r in stored for o in r.observations]
        observations = pa.table(
            {
                "id": pa.array([o.id for o in seen], pa.string()),
                "report": pa.array([o.report for o in seen], pa.string()),
                "kind": pa.array([o.feature.kind for o in seen], pa.string()),
                "value": pa.array([o.feature.value for o in seen], pa.string()),
                "role": pa.array([o.role for o in seen], pa.string()),
                "batch": pa.array([o.batch for o in seen], pa.string()),
            }
        )
        for name, data in (("report", table), ("observation", observations)):
            self._db.register("incoming", data)
            self._db.execute(f"INSERT INTO {name} SELECT * FROM incoming")
            self._db.unregister("incoming")

    def _insert_documents(self, documents: Mapping[str, Document]) -> None:
        payloads = [msgspec.json.encode(replace(d, text="")) for d in documents.values()]
        table = pa.table({"report": list(documents), "payload": pa.array(payloads, pa.binary())})
        self._db.register("incoming", table)
        if documents:
            self._db.execute("INSERT INTO document SELECT * FROM incoming")
        self._db.unregister("incoming")

    def document(self, report: Report) -> Document | None:
        """What a report was extracted from, `None` for one that came as a record."""
        row = self._db.execute(
            "SELECT payload FROM document WHERE report = ?", [report.id]
        ).fetchone()
        if row is None:
            return None
        return replace(msgspec.json.decode(row[0], type=Document), text=report.text)

    def reports(self, use: ReportUse | None = None) -> list[Report]:
        """All reports, or those of one use, sorted by id."""
        found = self._db.execute(
            "SELECT payload FROM report WHERE ? IS NULL OR use = ? ORDER BY id", [use, use]
        ).fetchall()
        decoder = msgspec.json.Decoder(Report)
        return [decoder.decode(row[0]) for row in found]

    def report(self, identifier: str) -> tuple[Report, str]:
        """One report and the file it came from.

        Raises:
            NotFoundError: if there is none; the message names close ids.
        """
        row = self._db.execute(
            "SELECT payload, origin FROM report WHERE id = ?", [identifier]
        ).fetchone()
        if row is None:
            close = [
                r[0]
                for r in self._db.execute(
                    "SELECT id FROM report ORDER BY levenshtein(lower(id), lower(?)), id LIMIT 3",
                    [identifier[:200]],
                ).fetchall()
            ]
            hint = f" Close: {', '.join(close)}." if close else " It holds no reports yet."
            raise NotFoundError(f"no report {identifier!r} in {self.path}.{hint}")
        return msgspec.json.decode(row[0], type=Report), row[1]

    def save_assessment(self, document: bytes) -> None:
        """Keep an assessment document as the latest answer."""
        try:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM assessment")
            self._db.execute(
                "INSERT INTO assessment VALUES (?, ?)",
                [datetime.now(UTC).replace(tzinfo=None), document],
            )
            self._db.execute("COMMIT")
        except duckdb.Error as error:
            raise _explain(error, self.path) from error

    def assessment(self) -> bytes:
        """The latest assessment document.

        Raises:
            NotFoundError: if nothing was analysed yet.
        """
        row = self._db.execute("SELECT payload FROM assessment").fetchone()
        if row is None:
            raise NotFoundError(f"{self.path}: nothing analysed yet. Run 'samehand analyse'.")
        return bytes(row[0])
