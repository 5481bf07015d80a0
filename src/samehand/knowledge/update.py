"""Newer ATT&CK and galaxies: fetched, verified, and put in place all at once or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from samehand.errors import ConfigError, InputError, UsageError
from samehand.knowledge import cache
from samehand.knowledge.attack_read import DOMAINS, read
from samehand.knowledge.sources import MANIFEST, Sources, Updated
from samehand.knowledge.update_check import FLOOR, Change, InUse, Listed, check, differences
from samehand.knowledge.update_transfer import (
    LIMIT_BYTES,
    AbsentError,
    Progress,
    RefusedError,
    UnreachableError,
    copy,
    default_opener,
    download,
    is_allowed,
)

#: The galaxies that the program uses and that change.
GALAXIES = (
    "threat-actor",
    "mitre-intrusion-set",
    "mitre-malware",
    "mitre-tool",
    "mitre-attack-pattern",
    "microsoft-activity-group",
    "360net",
    "tidal-groups",
    "tidal-campaigns",
    "tidal-software",
    "malpedia",
    "tool",
    "rat",
    "ransomware",
    "stealer",
    "backdoor",
    "banker",
    "botnet",
    "mitre-ics-groups",
)
#: Everything an update fetches, by its place in the update folder.
FILES = tuple(f"attack/{d}-attack.json" for d in DOMAINS) + tuple(
    f"galaxies/{g}.json" for g in GALAXIES
)
#: Where the publishers keep the files.
_ATTACK = "mitre-attack/attack-stix-data/master"
_MISP = "MISP/misp-galaxy/main/clusters"
PUBLISHERS = "https://raw.githubusercontent.com"
#: Suffix of the folder that keeps what the last update replaced.
PREVIOUS = ".previous"


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One file, before and after."""

    name: str
    old: str
    """'' where nothing of that name was in use."""
    new: str


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update did."""

    target: Path
    previous: Path | None
    """Where the files that were in use before lie now, if they had been fetched."""
    files: tuple[FileVersion, ...]
    changes: tuple[Change, ...]
    """Only of what changed."""

    def lines(self) -> list[str]:
        """The result in words, a line each."""
        said = []
        for file in self.files:
            if file.old == file.new:
                said.append(f"{file.name}: {file.new}, as before")
            else:
                said.append(f"{file.name}: {file.old or 'none'} → {file.new}")
        for change in self.changes:
            for verb in ("added", "removed", "renamed", "revoked", "deprecated"):
                said.extend(_words(change.what, verb, getattr(change, verb)))
        if not self.changes:
            said.append("no technique, group, software or value changed")
        if self.previous:
            said.append(f"what was in use before lies in {self.previous}")
        return said


def _words(what: str, verb: str, listed: Listed) -> list[str]:
    if not listed.count:
        return []
    more = listed.count - len(listed.examples)
    names = "; ".join(listed.examples) + (f"; and {more} more" if more else "")
    return [f"{what}, {listed.count} {verb}: {names}"]


def _relative(name: str) -> tuple[str, ...]:
    """Where a file may lie below an origin: as its publisher, a clone, or we arrange it."""
    file = Path(name).name
    if name.startswith("attack/"):
        domain = file.removesuffix(".json")
        layouts: tuple[str, ...] = (_ATTACK, "attack-stix-data", "")
        places = tuple(f"{base}/{domain}/{file}".lstrip("/") for base in layouts)
    else:
        places = (f"{_MISP}/{file}", f"misp-galaxy/clusters/{file}", f"clusters/{file}")
    return (*places, name, file)


def fetch(
    target: Path,
    opener: urllib.request.OpenerDirector | None = None,
    progress: Progress | None = None,
    origin: str | None = None,
    *,
    names: tuple[str, ...] = FILES,
    floor: float = FLOOR,
    limit_bytes: int = LIMIT_BYTES,
    today: date | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> UpdateResult:
    """What changed, after putting newer files into ``target``; on any failure nothing changed.

    Args:
        target: the update folder; what it held before is kept beside it, with `PREVIOUS`.
        opener: replaces the default one, which checks certificates and refuses other schemes.
        progress: called with file, bytes done, bytes in all.
        origin: another https address, or a folder, that holds the files as their publishers
            arrange them, as an update folder does, or flat.
        names: the files to fetch, of `FILES`.
        floor: share of what is in use that a new file must hold.
        limit_bytes: largest file that is accepted.
        today: the date to note; now in UTC if `None`.
        sleep: how to wait between tries.

    Raises:
        UsageError: if target or origin cannot serve.
        InputError: if a file cannot be fetched or may not be used; nothing was changed.
    """
    asked, target = target, target.resolve()
    _check_target(target)
    place = _origin(origin)
    if opener is None and isinstance(place, str):
        opener = default_opener(place)
    base = Sources(target) if target.exists() and not verify(target) else Sources()
    in_use = InUse(base, floor)
    made = _make_parents(target)
    staged = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    done = False
    try:
        rows, layout = [], 0
        for name in names:
            try:
                url, digest, layout = _get(
                    place, name, staged / name, layout, opener, limit_bytes, progress, sleep
                )
            except _Failed as failure:
                raise _failed(failure, base, place) from failure.__cause__
            try:
                version = check(name, (staged / name).read_bytes(), in_use)
            except ValueError as error:
                raise InputError(
                    f"{url}: not usable as {name}: {error}. Nothing was changed; {_stays(base)}. "
                    "Try again later, or take the file from another place with --from."
                ) from error
            noted = (today or datetime.now(UTC).date()).isoformat()
            rows.append(Updated(name, version, noted, url, digest))
        manifest = {"files": [asdict(row) for row in rows]}
        (staged / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        result = _result(base, staged, target, in_use, rows)
        staged.chmod(0o755)
        _swap(staged, target)
        done = True
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if not done:
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()
    if cache.sources().update in (target, asked):  # what is loaded now is the old one
        selected = cache.sources().update
        cache.select(None)
        cache.select(selected)
    return result


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).is_file()):
        raise UsageError(
            f"{target}: exists and is not a folder of fetched knowledge (it has no {MANIFEST}). "
            "Name another folder, or remove it."
        )


def _origin(origin: str | None) -> str | Path:
    """Base address or folder."""
    if origin is None:
        return PUBLISHERS
    if "://" in origin:
        if not is_allowed(origin):
            raise UsageError(
                f"{origin}: knowledge is fetched over https only, without a password in the "
                "address. Give an address that begins with https://, or a folder."
            )
        return origin.rstrip("/")
    folder = Path(origin).expanduser()
    if not folder.is_dir():
        raise UsageError(f"{origin}: no such folder. Give an https address or a folder.")
    return folder.resolve()


def _make_parents(target: Path) -> list[Path]:
    """Make the folders above; those that did not exist before, innermost first."""
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    return missing


class _Failed(Exception):
    """One file could not be fetched; the cause says why."""

    def __init__(self, url: str, cause: Exception) -> None:
        super().__init__(url)
        self.url = url
        self.reason = str(cause)
        self.missing = isinstance(cause, AbsentError)


def _get(
    origin: str | Path,
    name: str,
    place: Path,
    layout: int,
    opener: urllib.request.OpenerDirector | None,
    limit_bytes: int,
    progress: Progress | None,
    sleep: Callable[[float], object],
) -> tuple[str, str, int]:
    """Address and SHA-256 of a file, and the layout it was found in, to be tried first next."""
    paths = _relative(name)
    tried = (layout, *(n for n in range(len(paths)) if n != layout))
    if origin == PUBLISHERS:
        tried = (0,)
    for number in tried:
        relative = paths[number]
        try:
            if isinstance(origin, Path):
                url = (origin / relative).as_uri()
                digest = copy(
                    origin / relative, place, name, limit_bytes=limit_bytes, progress=progress
                )
            else:
                url = f"{origin}/{relative}"
                digest = download(
                    url,
                    place,
                    name,
                    opener=opener,
                    limit_bytes=limit_bytes,
                    progress=progress,
                    sleep=sleep,
                )
        except AbsentError as error:
            absent = error
            continue
        except (UnreachableError, RefusedError) as error:
            raise _Failed(url, error) from error
        return url, digest, number
    where = origin / Path(name).name if isinstance(origin, Path) else f"{origin}/{paths[tried[0]]}"
    raise _Failed(str(where), absent) from absent


def _failed(failure: _Failed, base: Sources, origin: str | Path) -> InputError:
    if isinstance(origin, Path):
        advice = (
            "The folder must hold all files that an update fetches, flat or as their publishers "
            f"arrange them: {', '.join(Path(name).name for name in FILES)}."
        )
    else:
        advice = (
            "Check the connection or the proxy; or fetch the files on a machine that has a "
            "network, copy them here, and run 'samehand knowledge update --from FOLDER'."
        )
    return InputError(
        f"{failure.url}: could not be fetched: {failure.reason}. Nothing was changed; "
        f"{_stays(base)}. {advice}"
    )


def _stays(base: Sources) -> str:
    """Which versions stay in use, in words."""
    try:
        words = read(base).version
    except ConfigError:
        return "what was in use stays in use"
    return f"{words} {'stays' if base.update else '(bundled) stays'} in use"


def _result(
    base: Sources, staged: Path, target: Path, in_use: InUse, rows: list[Updated]
) -> UpdateResult:
    """What will have changed; reading the staged folder is the last check of it."""
    names = tuple(row.name for row in rows)
    try:
        changes = differences(base, Sources(staged), names)
    except ConfigError as error:
        raise InputError(
            f"what was fetched cannot be read together: {error} Nothing was changed; "
            f"{_stays(base)}."
        ) from error
    return UpdateResult(
        target=target,
        previous=_previous(target) if target.exists() and any(target.iterdir()) else None,
        files=tuple(FileVersion(r.name, in_use.version(r.name), r.version) for r in rows),
        changes=changes,
    )


def _previous(target: Path) -> Path:
    return target.with_name(target.name + PREVIOUS)


def _swap(staged: Path, target: Path) -> None:
    """Put a folder in the place of another by renaming, and keep that one as the previous one.

    A reader meets the old folder, the new one, or for an instant between two renames none.
    """
    if not target.exists() or not any(target.iterdir()):
        if target.exists():
            target.rmdir()
        staged.rename(target)
        return
    previous = _previous(target)
    older = staged.with_name(staged.name + ".older")
    try:
        if previous.exists():
            previous.rename(older)
        target.rename(previous)
        staged.rename(target)
    except BaseException:
        if not target.exists() and previous.exists():
            previous.rename(target)
        if older.exists() and not previous.exists():
            older.rename(previous)
        raise
    shutil.rmtree(older, ignore_errors=True)


def verify(target: Path) -> list[str]:
    """What is wrong with an update folder: files that are missing or not as the manifest says."""
    try:
        rows = Sources(target).updated
    except ConfigError as error:
        return [str(error)]
    problems = []
    for name, row in sorted(rows.items()):
        if name not in FILES:
            problems.append(f"{name}: not a file that an update fetches")
            continue
        try:
            with (target / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            problems.append(f"{target / name}: cannot be read ({error.strerror})")
            continue
        if digest != row.sha256:
            problems.append(f"{target / name}: is not the file that was fetched (SHA-256 differs)")
    return problems
