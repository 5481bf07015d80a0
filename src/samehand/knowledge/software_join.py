"""Which entries are one family: the same name, the same ATT&CK id, or each names the other.

Never through a shared alias, and never through a knot in which a source contradicts itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from samehand.knowledge.software_read import OWN, Entry, bare
from samehand.normalise import name_key

#: Kinds that the word ransomware contradicts, so that one name with both is two families.
_NOT_RANSOMWARE = frozenset(
    ("rat", "stealer", "banker", "webshell", "botnet", "backdoor", "admin", "system", "tool")
)
_MOBILE = frozenset(("Android", "iOS", "Symbian"))


def joined(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries grouped into families."""
    groups = Groups(len(entries))
    named: dict[str, list[int]] = defaultdict(list)
    numbered: dict[str, int] = {}
    for i, entry in enumerate(entries):
        named[name_key(entry.name)].append(i)
        if entry.attack_id:
            groups.join(i, numbered.setdefault(entry.attack_id, i))
    for same in named.values():
        first: dict[str, int] = {}
        for i, nature in zip(same, _natures([entries[i] for i in same]), strict=True):
            groups.join(i, first.setdefault(nature, i))
    for i, j in _undisputed(entries, groups, sorted(_mutual(entries, named))):
        groups.join(i, j)
    return [[entries[i] for i in group] for group in groups.all()]


class Groups:
    """A partition of 0..n-1 that can only become coarser."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def root(self, i: int) -> int:
        """The least member of the group of i."""
        above = self._above
        while above[i] != i:
            above[i] = above[above[i]]
            i = above[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Make the groups of i and j one."""
        low, high = sorted((self.root(i), self.root(j)))
        self._above[high] = low

    def all(self) -> list[list[int]]:
        """Every group, its members ascending."""
        found: dict[int, list[int]] = defaultdict(list)
        for i in range(len(self._above)):
            found[self.root(i)].append(i)
        return list(found.values())

    def copy(self) -> Groups:
        """The same partition, to be made coarser on its own."""
        other = Groups(0)
        other._above = list(self._above)
        return other


def _mutual(entries: Sequence[Entry], named: Mapping[str, list[int]]) -> set[tuple[int, int]]:
    """Pairs of entries each of which has the other's name as an alias."""
    keys = [{name_key(a) for a in entry.aliases} for entry in entries]
    return {
        (i, j)
        for i, entry in enumerate(entries)
        for key in keys[i]
        for j in named.get(key, ())
        if i < j and name_key(entry.name) in keys[j]
    }


def _undisputed(
    entries: Sequence[Entry], groups: Groups, pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The pairs that may be joined: ours, and those through which no source contradicts itself.

    ATT&CK has Adwind as another name of jRAT; Malpedia has both, each naming ATT&CK's. What a
    source keeps apart is not joined through a third, so all pairs of such a knot are left out.
    """
    ours = [(i, j) for i, j in pairs if OWN in (entries[i].source, entries[j].source)]
    base, whole = groups.copy(), groups.copy()
    for i, j in ours:
        base.join(i, j)
    for i, j in pairs:
        whole.join(i, j)
    named = {frozenset(pair) for pair in pairs}
    disputed = set()
    for group in whole.all():
        said: dict[str, list[int]] = defaultdict(list)
        for i in group:
            said[entries[i].source].append(i)
        for same in said.values():
            for i, j in combinations(same, 2):
                apart = base.root(i) != base.root(j) and frozenset((i, j)) not in named
                if apart and bare(entries[i].name) != bare(entries[j].name):
                    disputed.add(whole.root(i))
    return ours + [(i, j) for i, j in pairs if whole.root(i) not in disputed]


def _natures(entries: Sequence[Entry]) -> list[str]:
    """A word per entry of one name; entries whose statements exclude each other differ in it.

    Havoc is a ransomware and an attack framework, LokiBot a stealer and an Android trojan.
    """
    mobile = [bool(e.platforms) and set(e.platforms) <= _MOBILE for e in entries]
    elsewhere = any(e.platforms and not m for e, m in zip(entries, mobile, strict=True))
    other = any(mobile) or any(e.kind in _NOT_RANSOMWARE for e in entries)
    ransom = any(e.kind == "ransomware" for e in entries)
    return [
        "ransomware"
        if other and entry.kind == "ransomware"
        else "mobile"
        if (elsewhere or ransom) and is_mobile
        else ""
        for entry, is_mobile in zip(entries, mobile, strict=True)
    ]
