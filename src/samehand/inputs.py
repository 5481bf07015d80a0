"""Files, folders and web addresses that the user names, to reports; nothing is stored here."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from samehand.case import Progress
from samehand.formats.records import Defaults
from samehand.model import (
    Problem,
    Report,
    ReportUse,
)
from samehand.read.document import Document
from samehand.store.duckdb import Added

if TYPE_CHECKING:
    from samehand.intake import Extraction, Task

#: Largest page that is fetched from a web address, in bytes.
MAX_FETCHED_BYTES = 64 * 1024 * 1024


def silent(stage: str, done: int, total: int) -> None:
    """Progress to nowhere."""


@dataclass(slots=True)
class Outcome:
    """What a command that reads files did."""

    added: Added = field(default_factory=lambda: Added((), (), ()))
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    skipped_files: int = 0
    """Files of a folder of a kind that is not read."""
    documents: dict[str, Document] = field(default_factory=dict)
    """Report id -> what it was extracted from."""
    repeated_documents: int = 0
    """Documents met again with the same name and text."""


def find_files(paths: Sequence[Path], outcome: Outcome) -> Iterator[Path]:
    """Files to read among the given files and folders; what cannot be read becomes a problem.

    In folders only files of a known kind are taken; a file that is named is always tried.
    """
    from samehand.intake import is_readable

    def failed(error: OSError) -> None:
        outcome.problems.append(
            Problem(str(error.filename), f"folder cannot be read ({error.strerror})")
        )

    for path in paths:
        try:
            folder, exists = path.is_dir(), path.exists()
        except OSError as error:
            outcome.problems.append(Problem(str(path), f"cannot be read ({error.strerror})"))
            continue
        if folder:
            for place, names, files in os.walk(path, onerror=failed):
                names.sort()
                for name in sorted(files):
                    file = Path(place) / name
                    if is_readable(file):
                        yield file
                    else:
                        outcome.skipped_files += 1
        elif not exists:
            outcome.problems.append(Problem(str(path), "no such file or folder"))
        else:
            yield path


def is_web_address(path: Path | str) -> bool:
    """Whether an argument is a web address and no file."""
    return str(path).startswith(("http:/", "https:/"))


def _fetched(address: str, folder: Path, outcome: Outcome) -> Path | None:
    """The file behind a web address that the user named, in a folder of ours."""
    from samehand.knowledge.update_transfer import (
        AbsentError,
        RefusedError,
        UnreachableError,
        download,
    )

    # click makes a path of it, which turns the two slashes into one
    address = re.sub(r"^(https?):/+", r"\1://", address)
    name = re.sub(r"[^\w.-]+", "_", urlsplit(address).path.rpartition("/")[2])[-80:] or "page.html"
    place = folder / str(len(list(folder.iterdir()))) / name
    try:
        place.parent.mkdir()
        download(address, place, name, limit_bytes=MAX_FETCHED_BYTES, plain=True)
    except (AbsentError, RefusedError, UnreachableError, OSError, ValueError) as error:
        outcome.problems.append(Problem(address, f"cannot be fetched ({error}); nothing read"))
        return None
    return place


def printable(path: Path) -> str:
    """The name of a file as text that can be written anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "replace")


@contextmanager
def inputs(paths: Sequence[Path], outcome: Outcome) -> Iterator[dict[Path, str]]:
    """File to read -> what to call it; web addresses are fetched while this lasts."""
    with tempfile.TemporaryDirectory(prefix="samehand-") as folder:
        found: dict[Path, str] = {}
        for path in paths:
            if is_web_address(path):
                file = _fetched(str(path), Path(folder), outcome)
                if file is not None:
                    found[file] = re.sub(r"^(https?):/+", r"\1://", str(path))
            else:
                found.update((file, printable(file)) for file in find_files([path], outcome))
        yield found


def read_inputs(
    found: Mapping[Path, str], task: Task, outcome: Outcome, progress: Progress = silent
) -> Iterator[tuple[str, Extraction | Report]]:
    """(name of the file, extraction or report) of what is readable; problems go to ``outcome``."""
    from samehand.intake import Extraction, read_all

    outcome.files += len(found)
    for path, items in read_all(list(found), task, progress):
        name = found[path]
        for item in items:
            if isinstance(item, Problem):
                place = item.place.replace(str(path), name)
                outcome.problems.append(replace(item, place=place))
            elif isinstance(item, Extraction) and name != str(path):
                document = item.document
                yield (
                    name,
                    replace(
                        item,
                        document=replace(
                            document,
                            name=document.name.replace(str(path), name),
                            url=document.url or (name if is_web_address(name) else ""),
                        ),
                    ),
                )
            else:
                yield name, item


def read_files(
    paths: Sequence[Path],
    use: ReportUse,
    defaults: Defaults,
    outcome: Outcome,
    progress: Progress = silent,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[Report, str]]:
    """(report, file) of every readable record and document; problems go to ``outcome``."""
    from samehand.extract.report import report_of
    from samehand.intake import Extraction, Task

    seen: dict[str, str] = {}
    task = Task(columns, use, defaults)
    with inputs(paths, outcome) as found:
        for name, item in read_inputs(found, task, outcome, progress):
            if isinstance(item, Extraction):
                made, problems = report_of(
                    item.document, item.mentions, use=use, defaults=defaults, prose=item.prose
                )
                outcome.problems.extend(problems)
                if made is None:
                    continue
                outcome.documents[made.id] = item.document
                report = made
                if report.id in seen:
                    outcome.repeated_documents += 1
                    continue
            else:
                report = item
            if report.id in seen:
                outcome.problems.append(
                    Problem(
                        f"{name}, report {report.id}",
                        f"this id was already read from {seen[report.id]}; the first is used. "
                        "Give each report its own id.",
                    )
                )
                continue
            seen[report.id] = name
            if use == "reference" and not report.known_actor:
                outcome.problems.append(
                    Problem(
                        f"{name}, report {report.id}",
                        "a reference report without label.actor: it informs rarity, but builds "
                        "no profile",
                        "warning",
                    )
                )
            yield report, name
