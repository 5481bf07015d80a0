"""Malware and tool families: names, kinds, users, and since when anybody could have them.

A shared alias never makes two families one. Two entries are one family only if they have the same
name, the same ATT&CK id, or each names the other; every other name that several families carry
stays ambiguous and resolves to all of them, with shares.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from samehand.knowledge import cache
from samehand.knowledge.software_join import joined
from samehand.knowledge.software_read import OWN, Entry, Use, bare, read
from samehand.knowledge.sources import Sources
from samehand.normalise import name_key

#: Share of a name that goes to families whose own name it is, the rest to those that have it as an
#: alias. No measurement: it must exceed one half and leave the others visible.
OWNER_SHARE = 0.8
#: Whose spelling a family is shown with; sources not listed come last, ours at the very end.
_SPELLING = ("mitre-malware", "mitre-tool", "malpedia", "tidal-software", "ransomware", "tool")
#: A specific kind is preferred to a general one where sources differ.
_KINDS = (
    *("ransomware", "rat", "stealer", "banker", "loader", "webshell", "botnet", "backdoor"),
    *("admin", "system", "tool", "malware"),
)
#: Words that writers append to a family's name, or that only one catalogue has in it.
_APPENDED = re.compile(
    r"(?:[\s_-]+(?i:ransomware|malware|backdoor|trojan|stealer|loader|botnet|beacon|rat)"
    r"|(?<=[a-z0-9])(?:RAT|Ransomware|Malware|Backdoor|Trojan|Stealer|Loader)|(?i:\.exe))$"
)
_TAILS = ("ransomware", "rat", "malware", "stealer")
#: A shorter rest is too likely another word ("net malware").
_LEAST_REST = 4


@dataclass(frozen=True, slots=True)
class Family:
    """One malware or tool family as all sources together describe it."""

    id: str
    name: str
    kind: str
    """ransomware, rat, stealer, banker, loader, webshell, botnet, backdoor, admin, system, tool,
    malware; the most specific that is stated."""
    platforms: tuple[str, ...]
    public: bool
    """Whether anybody can have it, or could from `public_since` on."""
    public_since: str
    """ISO year, month or day; '' is unknown (or not public)."""
    first_seen: str
    """The earliest year that a source states, or ''."""
    attack_id: str
    """The ATT&CK id, or ''."""
    sources: tuple[str, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]
    """Every spelling -> the sources that give it."""
    users: tuple[tuple[str, str], ...]
    """(actor as the source spells it, catalogue)."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """All spellings but the shown one; of those that differ in case only, one."""
        folded = {name.casefold(): name for name, _ in reversed(self.names)}
        folded.pop(self.name.casefold(), None)
        return tuple(sorted(folded.values()))


class _Built(msgspec.Struct, frozen=True, array_like=True):
    families: tuple[Family, ...]
    index: dict[str, tuple[tuple[int, float], ...]]
    """folded name -> (position of a family, share), most likely first."""
    listed: dict[str, str]
    """folded name -> since when public, of our own list: it decides for the names it holds."""


def gather(entries: Sequence[Entry], uses: Iterable[Use] = ()) -> list[Family]:
    """The families of some entries, sorted by id. Pure; the order of the entries is irrelevant."""
    ordered = sorted(entries, key=lambda e: (e.source, name_key(e.name), e.uuid, e.name, e.aliases))
    by_uuid: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for use in uses:
        by_uuid[use.uuid].add((use.actor, use.source))
    # Of several with one name, the one that most sources know has it as identifier.
    groups = sorted(joined(ordered), key=lambda g: (-len({e.source for e in g}), _shown(g)))
    taken: set[str] = set()
    families = [_family(group, by_uuid, taken) for group in groups]
    return sorted(families, key=lambda f: f.id)


def _shown(group: Sequence[Entry]) -> str:
    """The name to show: a catalogue's before our lower-case one, without 'for platform'."""

    def rank(entry: Entry) -> tuple[bool, bool, int, str, str]:
        place = _SPELLING.index(entry.source) if entry.source in _SPELLING else len(_SPELLING)
        qualified = bare(entry.name) != name_key(entry.name)
        return (entry.source == OWN, qualified, place, entry.source, entry.name)

    return min(group, key=rank).name


def _family(
    group: Sequence[Entry], by_uuid: Mapping[str, set[tuple[str, str]]], taken: set[str]
) -> Family:
    shown = _shown(group)
    spelled: dict[str, set[str]] = defaultdict(set)
    for entry in group:
        for name in (entry.name, *entry.aliases):
            spelled[name].add(entry.source)
    own = [e.kind for e in group if e.source == OWN and e.kind]
    kinds = {e.kind for e in group if e.kind}
    # An ATT&CK tool is a tool whatever lists of malware it also stands in.
    tool = any(e.public and e.kind == "tool" for e in group)
    kind = (
        min(own)
        if own
        else "tool"
        if tool
        else next((k for k in _KINDS if k in kinds), min(kinds, default="malware"))
    )
    public = any(e.public for e in group) and not any(e.closed for e in group)
    dated = [e.public_since for e in group if e.public_since]
    return Family(
        id=_identifier(shown, kind, taken),
        name=shown,
        kind=kind,
        platforms=tuple(sorted({p for e in group for p in e.platforms})),
        public=public,
        public_since=min(dated, default="") if public else "",
        first_seen=min((e.first_seen for e in group if e.first_seen), default=""),
        attack_id=min((e.attack_id for e in group if e.attack_id), default=""),
        sources=tuple(sorted({e.source for e in group})),
        names=tuple((name, tuple(sorted(said))) for name, said in sorted(spelled.items())),
        users=tuple(sorted({use for e in group if e.uuid for use in by_uuid.get(e.uuid, ())})),
    )


def _identifier(name: str, kind: str, taken: set[str]) -> str:
    """A slug that no other family has: the name, else with the kind, else with a number."""
    slug = re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "unnamed"
    found, number = slug, 1
    while found in taken:
        found, number = (f"{slug}-{kind}" if number == 1 else f"{slug}-{kind}-{number}"), number + 1
    taken.add(found)
    return found


def shares(families: Sequence[Family], entries: Iterable[Entry]) -> dict[str, dict[str, float]]:
    """Folded name -> family id -> share; the shares of a name sum to 1.

    Families that bear the name themselves get `OWNER_SHARE` of it, those that have it as an alias
    the rest; within each, in proportion to the number of sources that say so.
    """
    owners = {(e.source, name_key(e.name), e.name) for e in entries}
    own: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    other: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in families:
        for name, said in family.names:
            key = name_key(name)
            for source in said if key else ():
                place = own if (source, key, name) in owners else other
                place[key][family.id].add(source)
    found: dict[str, dict[str, float]] = {}
    for key in sorted(own.keys() | other.keys()):
        bearers = {i: len(s) for i, s in own[key].items()}
        rest = {i: len(s) for i, s in other[key].items() if i not in bearers}
        ours = (OWNER_SHARE if rest else 1.0) if bearers else 0.0
        weights = {i: ours * n / sum(bearers.values()) for i, n in bearers.items()}
        weights |= {i: (1.0 - ours) * n / sum(rest.values()) for i, n in rest.items()}
        found[key] = weights
    return found


def _build(sources: Sources) -> Mapping[str, bytes]:
    entries, uses = read(sources)
    families = gather(entries, uses)
    place = {family.id: i for i, family in enumerate(families)}
    index = {
        key: tuple(
            (place[i], share) for i, share in sorted(found.items(), key=lambda x: (-x[1], x[0]))
        )
        for key, found in shares(families, entries).items()
    }
    listed = {
        name_key(name): entry.public_since
        for entry in entries
        if entry.source == OWN and entry.public
        for name in (entry.name, *entry.aliases)
    }
    built = _Built(tuple(families), index, dict(sorted(listed.items())))
    return {"software.msgpack": msgspec.msgpack.encode(built)}


PART = cache.Part("software", _build, ("public_tools.toml",), ("pymispgalaxies",))


@cache.once
def _built() -> _Built:
    data = (cache.folder_of(PART) / "software.msgpack").read_bytes()
    return msgspec.msgpack.decode(data, type=_Built)


@cache.once
def _by_id() -> Mapping[str, Family]:
    return {family.id: family for family in _built().families}


def families() -> Mapping[str, Family]:
    """Every known family by its id."""
    return _by_id()


def ambiguous() -> tuple[str, ...]:
    """The folded names that several families carry."""
    return tuple(key for key, found in _built().index.items() if len(found) > 1)


def resolve(name: str) -> tuple[tuple[str, float], ...]:
    """The families a name may mean, as (family id, share), most likely first; () if unknown.

    Only a name that nobody lists is tried without an appended word ("Emotet malware"), then with
    one ("Dharma" for "Dharma Ransomware").
    """
    built = _built()
    return tuple((built.families[i].id, share) for i, share in _found(built, name))


def _found(built: _Built, name: str) -> tuple[tuple[int, float], ...]:
    key = name_key(name)
    if key in built.index:
        return built.index[key]
    if len(key) < _LEAST_REST:
        return ()
    rest = name.strip()
    while (shorter := _APPENDED.sub("", rest)) != rest:
        program = rest.lower().endswith(".exe")
        rest = shorter
        found = built.index.get(name_key(rest), ())
        # "Ping backdoor" is not the ping of the operating system; "ping.exe" is.
        usual = found and built.families[found[0][0]].kind in ("admin", "system")
        if found and (program or (len(name_key(rest)) >= _LEAST_REST and not usual)):
            return found
    for tail in _TAILS:
        if key + tail in built.index:
            return built.index[key + tail]
    return ()


def users(family: str) -> tuple[tuple[str, str], ...]:
    """(actor as the source spells it, catalogue) of a family id, sorted; () if unknown."""
    known = families().get(family)
    return known.users if known else ()


def platform_of(family: str) -> tuple[str, ...]:
    """The platforms of a family id; () if unknown."""
    known = families().get(family)
    return known.platforms if known else ()


def is_public_tool(name: str, on: date | None = None) -> bool:
    """Whether anybody can have the software of that name, and with `on`, could by that day.

    Our own list decides for the names in it; else most of what the name may mean must be public.
    An unknown date counts as always. A stated year or month counts from its first day: inside it
    nobody can tell, and a doubtful tool should not weigh.
    """
    built = _built()
    since = built.listed.get(name_key(name))
    if since is not None:
        return _by_then(since, on)
    public = sum(
        share
        for i, share in _found(built, name)
        if built.families[i].public and _by_then(built.families[i].public_since, on)
    )
    return public > 0.5


def _by_then(since: str, on: date | None) -> bool:
    return on is None or on.isoformat()[: len(since)] >= since
