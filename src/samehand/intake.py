"""Files to extractions, over several processes: reading and extracting, one file at a time each.

A file that crashes, hangs or fills the memory of its reader costs that file and no other: readers
run in processes of their own, and one that dies is replaced. Results come in the order of files.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from samehand.extract.mention import Mention
from samehand.extract.observables import MAX_MENTIONS, extract
from samehand.extract.prose import MOST_CHARACTERS, NOTHING, Prose, read_prose
from samehand.formats.reading import read_json
from samehand.formats.records import Defaults, is_record_file
from samehand.model import Problem, Report, ReportUse
from samehand.read import reading
from samehand.read.document import Document

#: One file may take this long; the slowest reader, PDF, stops by itself after 120 s.
FILE_SECONDS = 600.0
#: Memory that reading one file may take beyond what the program itself has, in bytes. PDFium cannot
#: be stopped otherwise; text of 60 MB needs a third of it.
FILE_BYTES = 448 * 1024 * 1024
#: Most observables of one file, all its documents together, in mentions.
FILE_MENTIONS = 1_000_000
#: Mentions that wait for their turn; while there are more, no further file is begun.
_WAITING_MENTIONS = 200_000
#: Results that wait for their turn, in files; more files are not begun.
_AHEAD = 16
_NAP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Extraction:
    """One document and what was found in it."""

    document: Document
    mentions: tuple[Mention, ...]
    prose: Prose = NOTHING


Item = Extraction | Report | Problem


@dataclass(frozen=True, slots=True)
class Task:
    """How files are read."""

    columns: Mapping[str, str]
    """Column of a table -> type, where the user says so."""
    use: ReportUse = "case"
    defaults: Defaults = Defaults()
    prose: bool = True
    """Names, claims, techniques and facts are read out of sentences, too."""


def is_readable(path: Path) -> bool:
    """Whether a file found in a folder is of a kind that is read."""
    return is_record_file(path) or path.name.lower().endswith(reading.SUFFIXES)


def read_one(path: Path, task: Task) -> Iterator[Item]:
    """Everything in one file: extractions of documents, reports of record files, problems."""
    if is_record_file(path):
        yield from read_json(path, use=task.use, defaults=task.defaults)
        return
    for item in reading.read(path, columns=task.columns):
        if isinstance(item, Problem):
            yield item
            continue
        prose = NOTHING
        try:
            found = extract(item)
            if task.prose:
                prose = read_prose(item.text, item.published)
        except Exception as error:  # a fault of ours must not cost the batch
            yield Problem(
                item.name,
                f"the text was read, but nothing could be extracted ({type(error).__name__}: "
                f"{error}). Please report this with the file.",
            )
            found = ()
        if len(found) == MAX_MENTIONS:
            yield Problem(
                item.name,
                f"holds more than {MAX_MENTIONS:,} observables; the rest is left out. Split the "
                "file, or give lists as .jsonl records.",
            )
        if task.prose and len(item.text) > MOST_CHARACTERS:
            yield Problem(
                item.name,
                f"names, claims and techniques are read in the first {MOST_CHARACTERS:,} "
                f"characters only, of {len(item.text):,}; observables everywhere",
                "warning",
            )
        yield from item.problems
        yield Extraction(replace(item, problems=()), found, prose)


def _limit_memory() -> None:
    """Let this process take `FILE_BYTES` more than it has, where the system can tell and limit."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + FILE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):
        return


def _end_with_parent() -> None:
    """Let this process end soon after its parent, also while it reads or waits to be read.

    A parent that was killed closes nothing: readers hold copies of its pipes, their own too.
    """
    origin = multiprocessing.parent_process()
    watching = threading.Event()

    def watch() -> None:
        while origin is None or os.getppid() == origin.pid:
            watching.set()
            time.sleep(_NAP_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    watching.wait(_NAP_SECONDS)  # its memory counts as taken before the limit is set


def _serve(connection: Connection, task: Task) -> None:
    """The life of a reader: a path comes in, its items go out one by one, then `None`."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _end_with_parent()
    _limit_memory()
    while True:
        try:
            path = connection.recv()
        except (EOFError, OSError):
            return
        for item in _bounded(path, task):
            connection.send(item)
        connection.send(None)


def _bounded(path: Path, task: Task) -> Iterator[Item]:
    """The items of a file up to its limits, with a problem where one is met."""
    mentions = 0
    try:
        for item in read_one(path, task):
            yield item
            mentions += len(item.mentions) if isinstance(item, Extraction) else 0
            if mentions > FILE_MENTIONS:
                said = f"holds more than {FILE_MENTIONS:,} observables; the rest is left out"
                yield Problem(str(path), f"{said}. Split it.")
                return
    except MemoryError:
        said = "is too large for the memory that one file may take; the rest is left out. Split it."
        yield Problem(str(path), said)
    except Exception as error:
        yield Problem(str(path), f"could not be read ({type(error).__name__}: {error})")


@dataclass(slots=True)
class _Reader:
    process: BaseProcess
    connection: Connection
    number: int = -1
    """The file it works on; -1 if none."""
    since: float = 0.0


class _Pool:
    """A few readers and the files they work on."""

    def __init__(self, size: int, task: Task) -> None:
        self.task = task
        self.context = multiprocessing.get_context()
        self.readers = [self._start() for _ in range(size)]

    def _start(self) -> _Reader:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(theirs, self.task), daemon=True)
        process.start()
        theirs.close()
        return _Reader(process, ours)

    def idle(self) -> _Reader | None:
        """A reader without work, or `None`."""
        return next((r for r in self.readers if r.number < 0), None)

    def give(self, reader: _Reader, number: int, path: Path) -> None:
        """Hand a file to an idle reader."""
        try:
            reader.connection.send(path)
        except OSError:  # it died without work
            reader = self._replaced(reader)
            reader.connection.send(path)
        reader.number, reader.since = number, time.monotonic()

    def results(self, paths: Sequence[Path]) -> Iterator[tuple[int, Item | None]]:
        """What became ready, waiting at most a short while: items, and `None` at the end of a file.

        Dead and stuck readers are replaced.
        """
        busy = [r for r in self.readers if r.number >= 0]
        ready = set(wait([r.connection for r in busy], timeout=_NAP_SECONDS))
        for reader in busy:
            number = reader.number
            if reader.connection in ready:
                try:
                    item: Item | None = reader.connection.recv()
                except (EOFError, OSError, pickle.UnpicklingError):
                    yield number, self._lost(reader, paths[number], "its reader crashed")
                    item = None
                if item is None:
                    reader.number = -1
                yield number, item
            elif time.monotonic() - reader.since > FILE_SECONDS:
                why = f"it took longer than {FILE_SECONDS:.0f} s"
                yield number, self._lost(reader, paths[number], why)
                yield number, None

    def _replaced(self, reader: _Reader) -> _Reader:
        """A new reader in the place of one, which is ended."""
        reader.process.kill()
        reader.process.join()
        reader.connection.close()
        new = self.readers[self.readers.index(reader)] = self._start()
        return new

    def _lost(self, reader: _Reader, path: Path, why: str) -> Problem:
        self._replaced(reader)
        return Problem(
            str(path), f"{why}; what came before is kept. Save it in another format, or split it."
        )

    def close(self) -> None:
        """End all readers."""
        for reader in self.readers:
            reader.process.kill()
        for reader in self.readers:
            reader.process.join()
            reader.connection.close()


def read_all(
    paths: Sequence[Path],
    task: Task,
    progress: Callable[[str, int, int], None],
    jobs: int | None = None,
) -> Iterator[tuple[Path, list[Item]]]:
    """(file, some of its items) in the order of the files; streams, holding a few files at a time.

    ``jobs`` is the number of processes, by default one for each core.
    """
    if not paths:
        return
    pool = _Pool(min(len(paths), jobs or len(os.sched_getaffinity(0)) or 1), task)
    try:
        waiting: dict[int, list[Item]] = {}
        ended: set[int] = set()
        given = shown = 0
        while shown < len(paths):
            held = sum(
                len(i.mentions) for ws in waiting.values() for i in ws if isinstance(i, Extraction)
            )
            room = held < _WAITING_MENTIONS
            while given < len(paths) and given - shown < _AHEAD and (room or given == shown):
                reader = pool.idle()
                if reader is None:
                    break
                pool.give(reader, given, paths[given])
                given += 1
            for number, item in pool.results(paths):
                if item is None:
                    ended.add(number)
                elif number == shown:
                    yield paths[number], [item]
                else:
                    waiting.setdefault(number, []).append(item)
            while shown in ended:
                ended.discard(shown)
                shown += 1
                progress("reading", shown, len(paths))
                if items := waiting.pop(shown, []):
                    yield paths[shown], items
    finally:
        pool.close()
