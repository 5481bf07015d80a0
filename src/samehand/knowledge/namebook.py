"""The book of names: catalogues and our own overlay, built once into one `Graph`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from samehand.errors import ConfigError
from samehand.knowledge.cache import Part, folder_of, once
from samehand.knowledge.catalogues import (
    CATALOGUES,
    COUNTRY_GALAXY,
    Rules,
    align,
    read_entries,
    read_values,
    source_id,
    statements,
)
from samehand.knowledge.names import Concept, Graph, Naming, Relation, Source
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Our overlay: who says what that the catalogues lack; the second holds recent names.
OVERLAYS = ("names.toml", "names_recent.toml")
_GALAXY_URL = "https://github.com/MISP/misp-galaxy/blob/main/clusters/{}.json"


def read_overlay(sources: Sources) -> dict[str, list[dict[str, object]]]:
    """The overlay files as one.

    Raises:
        ConfigError: if one is no TOML.
    """
    found: dict[str, list[dict[str, object]]] = {}
    for name in OVERLAYS:
        place = sources.own(name)
        try:
            raw = tomllib.loads(place.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{place}: cannot be read ({error})") from error
        for key, value in raw.items():
            if key in found and isinstance(value, list):
                found[key] = found[key] + value
            else:
                found[key] = value
    return found


def countries_of(sources: Sources) -> dict[str, str]:
    """ISO code -> name of every state."""
    found = {}
    for value in read_values(sources, COUNTRY_GALAXY)[0]:
        meta = value.get("meta")
        code = str(meta.get("ISO", "")) if isinstance(meta, dict) else ""
        if code:
            found[code.upper()] = str(value.get("description") or value["value"]).strip()
    return found


def rules_of(raw: Mapping[str, object], countries: Mapping[str, str]) -> Rules:
    """What the overlay says about reading catalogues."""
    dropped = frozenset(name_key(n) for n in raw["drop"]["names"])  # type: ignore[index]
    schemes = tuple(
        (re.compile(str(row["pattern"])), str(row["state"]))
        for row in raw["scheme"]  # type: ignore[attr-defined]
        if "state" in row
    )
    names = {name_key(name): code for code, name in countries.items()}
    names.update({name_key(k): str(v) for k, v in raw["state_names"].items()})  # type: ignore[attr-defined]
    return Rules(dropped, schemes, names)


def overlay_statements(
    raw: Mapping[str, list[dict[str, object]]],
) -> tuple[list[Concept], list[Naming], list[Relation]]:
    """What the overlay says, statement by statement."""
    concepts: list[Concept] = []
    namings: list[Naming] = []
    relations: list[Relation] = []
    for row in raw.get("concept", ()):
        identifier, name, source = str(row["id"]), str(row["name"]), str(row["source"])
        concepts.append(Concept(identifier, name, row["level"], source))  # type: ignore[arg-type]
        namings.append(Naming(name, identifier, source, True, int(str(row.get("since", 0)))))
        for said in _tables(row.get("names")):
            namings.append(
                Naming(
                    str(said["name"]),
                    identifier,
                    str(said["source"]),
                    bool(said.get("primary", False)),
                    int(str(said.get("since", 0))),
                )
            )
        for said in _tables(row.get("relations")):
            relations.append(
                Relation(
                    identifier,
                    said["type"],  # type: ignore[arg-type]
                    str(said["to"]),
                    float(str(said["weight"])),
                    str(said["source"]),
                    int(str(said.get("since", 0))),
                    str(said.get("words", "")),
                )
            )
    for said in raw.get("relation", ()):
        relations.append(
            Relation(
                str(said["subject"]),
                said["type"],  # type: ignore[arg-type]
                str(said["to"]),
                float(str(said["weight"])),
                str(said["source"]),
                int(str(said.get("since", 0))),
                str(said.get("words", "")),
            )
        )
    return concepts, namings, relations


def _tables(value: object) -> Iterable[dict[str, object]]:
    return value if isinstance(value, list) else ()


def build_graph(sources: Sources) -> Graph:
    """The graph over all catalogues and the overlay; pure and deterministic.

    Raises:
        ConfigError: if a source cannot be read.
    """
    raw = read_overlay(sources)
    countries = countries_of(sources)
    rules = rules_of(raw, countries)
    read = []
    listed: dict[str, Source] = {}
    for row in raw["source"]:
        listed[str(row["id"])] = Source(
            id=str(row["id"]),
            publisher=str(row["publisher"]),
            title=str(row["title"]),
            date=str(row["date"]),
            family=str(row.get("family", row["id"])),
            url=str(row.get("url", "")),
            licence="facts in our own words, CC0-1.0",
        )
    for catalogue in CATALOGUES:
        entries, version = read_entries(sources, catalogue, rules)
        read.append((catalogue, entries))
        for origin in sorted({e.copied_from for e in entries}):
            identifier = source_id(catalogue, origin)
            listed[identifier] = Source(
                id=identifier,
                publisher="MITRE" if origin == "mitre" else catalogue.publisher,
                title=catalogue.title,
                date=f"version {version}",
                family=origin or catalogue.family,
                url=_GALAXY_URL.format(catalogue.galaxy),
                licence=catalogue.licence,
            )
    own_concepts, own_namings, own_relations = overlay_statements(raw)
    align(read, own_namings)
    concepts, namings, relations = statements(read)
    relations = own_relations + relations
    needed = {r.object for r in relations if r.object.startswith("state/")}
    listed[COUNTRY_GALAXY] = Source(
        COUNTRY_GALAXY,
        "MISP galaxy",
        "MISP galaxy: countries",
        "version " + read_values(sources, COUNTRY_GALAXY)[1],
        "countries",
        _GALAXY_URL.format(COUNTRY_GALAXY),
        "CC0-1.0 or BSD-2-Clause",
    )
    states = [
        Concept(f"state/{code.lower()}", name, "state", COUNTRY_GALAXY)
        for code, name in sorted(countries.items())
        if f"state/{code.lower()}" in needed
    ]
    state_names = [Naming(s.name, s.id, COUNTRY_GALAXY, True) for s in states]
    dated = {name_key(k): int(str(v)) for k, v in raw["since"].items()}  # type: ignore[attr-defined]
    schemes = [
        (re.compile(str(row["pattern"])), str(row["publisher"]), int(str(row.get("since", 0))))
        for row in raw["scheme"]
    ]
    return Graph(
        tuple(listed.values()),
        (*own_concepts, *concepts, *states),
        tuple(_with_origin(n, dated, schemes) for n in (*own_namings, *namings, *state_names)),
        tuple(relations),
    )


def _with_origin(
    naming: Naming,
    dated: Mapping[str, int],
    schemes: Iterable[tuple[re.Pattern[str], str, int]],
) -> Naming:
    """The naming with who coined the name and since when, where its form or our list says so."""
    coined, since = "", 0
    for pattern, publisher, year in schemes:
        if pattern.search(naming.name):
            coined, since = publisher, year
            break
    since = dated.get(name_key(naming.name), since)
    return replace(naming, coined_by=naming.coined_by or coined, since=naming.since or since)


def _build(sources: Sources) -> dict[str, bytes]:
    return {"graph.msgpack": msgspec.msgpack.encode(build_graph(sources))}


PART = Part("names", _build, files=OVERLAYS, packages=("pymispgalaxies",))


@once
def graph() -> Graph:
    """All that is known about names, from the cache.

    Raises:
        ConfigError: if the data package is missing or a source cannot be read.
    """
    return msgspec.msgpack.decode((folder_of(PART) / "graph.msgpack").read_bytes(), type=Graph)


@once
def words_needing_context() -> frozenset[str]:
    """Folded names that are also everyday words: in running text they need a word beside them."""
    from samehand.knowledge.cache import sources

    raw = read_overlay(sources())
    return frozenset(name_key(n) for n in raw["needs_context"]["names"])  # type: ignore[call-overload]
