"""Built knowledge: raw packages turned once into small files that load in milliseconds.

A *part* is a set of files made by one pure function of the raw sources. It lies in the user's
cache folder under a key of everything it depends on, so another version makes another folder and
nothing is ever stale. Building is deterministic: the same sources give the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from samehand.knowledge.sources import Sources

T = TypeVar("T")
#: Old builds of a part that are kept beside the newest, in case several versions are in use.
_KEPT = 3
#: The file of a built part that lists the sizes of all others; written last.
_COMPLETE = ".complete"


@dataclass(frozen=True, slots=True)
class Part:
    """One built piece of knowledge."""

    name: str
    build: Callable[[Sources], Mapping[str, bytes]]
    """File name -> content; reads nothing but the sources."""
    files: tuple[str, ...] = ()
    """Our own data files it reads."""
    packages: tuple[str, ...] = ()
    """Data packages it reads."""


_sources = Sources()
_loaders: list[Callable[[], None]] = []
_announce: Callable[[str], None] | None = None


def once(loader: Callable[[], T]) -> Callable[[], T]:
    """A loader whose result is kept until other sources are selected."""
    kept = cache(loader)
    on_forget(kept.cache_clear)
    return kept


def on_forget(clear: Callable[[], None]) -> None:
    """Call ``clear`` whenever other sources are selected: for what is derived from knowledge."""
    _loaders.append(clear)


def sources() -> Sources:
    """The sources in use."""
    return _sources


def select(update: Path | None) -> None:
    """Use an update folder (or only what is bundled, for `None`) from now on."""
    global _sources
    if update != _sources.update:
        _sources = Sources(update)
        forget()


def forget() -> None:
    """Drop everything loaded; the next use loads it again."""
    for clear in _loaders:
        clear()


def announce(say: Callable[[str], None] | None) -> None:
    """Call ``say`` before a part is built, since that takes seconds."""
    global _announce
    _announce = say


def cache_folder() -> Path:
    """Where built parts lie: $SAMEHAND_CACHE, else the user's cache folder."""
    named = os.environ.get("SAMEHAND_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "samehand" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "samehand"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "samehand"


@cache
def _temporary() -> Path:
    """A folder for this process alone, where the cache folder cannot be written."""
    import atexit

    folder = Path(tempfile.mkdtemp(prefix="samehand-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def folder_of(part: Part) -> Path:
    """The folder of a built part; builds it first if these sources were never built.

    Raises:
        ConfigError: if a data package is missing or a source cannot be read.
    """
    made_by = part.build.__module__
    key = f"{part.name}-{_sources.fingerprint(part.files, part.packages, made_by)}"
    for base in (cache_folder(), _temporary.cache_info().currsize and _temporary()):
        if base and _whole(base / key):
            return base / key
    if _announce:
        _announce(f"preparing knowledge ({part.name}), once per version")
    content = part.build(_sources)
    try:
        return _write(cache_folder(), key, part.name, content)
    except OSError:
        return _write(_temporary(), key, part.name, content)


def _whole(folder: Path) -> bool:
    """Whether a part lies there with all its files in the size they were written in."""
    try:
        sizes = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _write(base: Path, key: str, name: str, content: Mapping[str, bytes]) -> Path:
    """Write a part whole or not at all; whoever else built it meanwhile wins."""
    base.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=base))
    target = base / key
    try:
        for file, data in sorted(content.items()):
            (staged / file).write_bytes(data)
        sizes = {file: len(data) for file, data in sorted(content.items())}
        (staged / _COMPLETE).write_text(json.dumps(sizes), encoding="utf-8")
        staged.chmod(0o755)
        try:
            staged.rename(target)
        except OSError:  # another process was faster, or a damaged one lies there
            if not _whole(target):
                shutil.rmtree(target, ignore_errors=True)
                staged.rename(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _tidy(base, name, target)
    return target


def _tidy(base: Path, name: str, newest: Path) -> None:
    """Remove builds of a part beyond the last few."""
    builds = sorted(
        (p for p in base.glob(f"{name}-*") if p != newest and p.is_dir()),
        key=lambda p: p.stat().st_mtime,
        reverse=True,
    )
    for old in builds[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
