"""Where knowledge comes from: data packages, our own files, and what `knowledge update` fetched.

The MISP packages are used as data: their folders are found without importing them, since the
import alone costs a second. An update folder beside a workspace (``manifest.json``) replaces the
files it holds and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from samehand.errors import ConfigError

#: The file of an update folder that says what is in it.
MANIFEST = "manifest.json"
#: Data packages: name on the index -> (import name, folder inside it).
PACKAGES = {
    "pymispgalaxies": ("data", "misp-galaxy", "clusters"),
    "pymispwarninglists": ("data", "misp-warninglists", "lists"),
    "pytaxonomies": ("data", "misp-taxonomies"),
}
OWN = Path(__file__).parent / "data"
#: Imports of knowledge modules by each other, in the two forms that this package uses.
_IMPORTED = re.compile(r"(?m)^\s*from samehand\.knowledge\.(\w+) import")


def installed(package: str) -> str:
    """The version of an installed package, or 'missing'."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def package_folder(name: str) -> Path:
    """The data folder of an installed data package.

    Raises:
        ConfigError: if the package is not installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"the data package {name} is not installed, so actor names and commonplace values "
            f"are unknown. Install samehand with its dependencies (pip install {name})."
        )
    return Path(spec.origin).parent.joinpath(*PACKAGES[name])


@dataclass(frozen=True)
class Updated:
    """One file that `knowledge update` fetched."""

    name: str
    """Such as 'attack/enterprise-attack.json' or 'galaxies/threat-actor.json'."""
    version: str
    retrieved: str
    """ISO date."""
    url: str
    sha256: str


@dataclass(frozen=True)
class Sources:
    """All raw knowledge of one run: the packages, and an update folder if there is one."""

    update: Path | None = None

    @cached_property
    def updated(self) -> dict[str, Updated]:
        """Name -> fetched file, as the manifest of the update folder lists them.

        Raises:
            ConfigError: if the manifest cannot be read.
        """
        if self.update is None:
            return {}
        place = self.update / MANIFEST
        try:
            rows = json.loads(place.read_text(encoding="utf-8"))["files"]
            return {row["name"]: Updated(**row) for row in rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{place}: not a list of fetched knowledge ({error}). Run "
                "'samehand knowledge update' again, or remove the folder to use what is bundled."
            ) from error

    @cached_property
    def packages(self) -> dict[str, str]:
        """Data package -> installed version."""
        return {name: installed(name) for name in PACKAGES}

    def galaxy(self, name: str) -> Path:
        """The cluster file of a MISP galaxy, such as 'threat-actor'."""
        fetched = f"galaxies/{name}.json"
        if self.update is not None and fetched in self.updated:
            return self.update / fetched
        return package_folder("pymispgalaxies") / f"{name}.json"

    def attack(self, domain: str) -> Path | None:
        """The fetched ATT&CK STIX bundle of a domain; `None` means the galaxies serve."""
        fetched = f"attack/{domain}-attack.json"
        if self.update is not None and fetched in self.updated:
            return self.update / fetched
        return None

    def warninglists(self) -> Path:
        """The folder with one folder per warning list."""
        return package_folder("pymispwarninglists")

    def taxonomy(self, namespace: str) -> Path:
        """The machine-readable file of a MISP taxonomy, such as 'tlp'."""
        return package_folder("pytaxonomies") / namespace / "machinetag.json"

    def own(self, name: str) -> Path:
        """A file of ours in ``knowledge/data``."""
        return OWN / name

    def fingerprint(self, files: tuple[str, ...], packages: tuple[str, ...], module: str) -> str:
        """A digest of all that a built part depends on: versions, our files, the code it uses."""
        digest = hashlib.sha256()
        for package in packages:
            digest.update(f"{package} {installed(package)}\n".encode())
        for row in sorted(self.updated.values(), key=lambda r: r.name):
            # The manifest's word is not trusted across workspaces: the place and the file's own
            # size and time are part of the key, so one workspace's files never serve another.
            place = (self.update or Path()) / row.name
            state = place.stat() if place.is_file() else None
            size, changed = (state.st_size, state.st_mtime_ns) if state else (0, 0)
            digest.update(f"{place.resolve()} {row.sha256} {size} {changed}\n".encode())
        for name in sorted(files):
            digest.update(name.encode() + b"\n" + (OWN / name).read_bytes())
        for code in code_of(module):
            digest.update(code.name.encode() + b"\n" + code.read_bytes())
        return digest.hexdigest()[:20]


def code_of(module: str) -> tuple[Path, ...]:
    """Source files of this package that a knowledge module uses, itself included, by name.

    A part must be rebuilt when the code that makes it changes, and not when other code does.
    """
    folder = Path(__file__).parent
    found: dict[str, Path] = {}
    open_names = [module.rpartition(".")[2]]
    while open_names:
        name = open_names.pop()
        place = folder / f"{name}.py"
        if name in found or not place.is_file():
            continue
        found[name] = place
        open_names.extend(_IMPORTED.findall(place.read_text(encoding="utf-8")))
    found["normalise"] = folder.parent / "normalise.py"
    return tuple(found[name] for name in sorted(found))
