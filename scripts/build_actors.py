"""Write knowledge/data/actors.toml from the MISP galaxy and the hand-made decisions of actors_hand.toml.

    python scripts/build_actors.py --data DIR [--out FILE] [--limit 400]

DIR holds reports.jsonl.gz and attack_reports.jsonl.gz; only the names in label.actor are read from it.
Needs pymispgalaxies (1.1.1 was used). No network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tomllib
import unicodedata
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

import pymispgalaxies

HERE = Path(__file__).resolve().parent
CLUSTERS = Path(pymispgalaxies.__file__).parent / "data" / "misp-galaxy" / "clusters"
OUT = HERE.parent / "src/samehand/knowledge/data/actors.toml"

# Microsoft's names of April 2023 end in a weather word; Storm-NNNN came with them. 2023 is thus the earliest year.
WEATHER = re.compile(
    r"[A-Z][a-z]+ (Blizzard|Typhoon|Sandstorm|Sleet|Tempest|Tsunami|Rain|Hail|Cyclone|Lightning|Flood|Squall|Dust)"
    r"|Storm-\d{4}"
)

NUMBERED = re.compile(r"Group \d{1,3}", re.I)  # "Group 13": also a heading

HEADER = """\
# Known actors: names, aliases, hierarchy.
# Source: MISP galaxy clusters threat-actor (version {v_ta}), mitre-intrusion-set (version {v_is}) and
#   microsoft-activity-group (version {v_ms}) in the PyPI package pymispgalaxies {v_pkg}; ATT&CK groups are
#   © The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
#   Chosen: every name in label.actor of the development data, the hand-made entries, actors whose name another
#   chosen one also claims, then those with most references. Aliases with a comment were placed by hand.
# Licence: MISP galaxy: CC0 1.0 or 2-clause BSD; hand-made part CC0 1.0.
# Retrieved: 2026-11-23. Made by: scripts/build_actors.py --data DIR, with scripts/actors_hand.toml
#
# [[actor]]      name (the galaxy's, as in labels), level (group | subgroup), parent (of subgroups), aliases,
#                aliases_since (name or alias = first year in which its publisher used it; a lower bound),
#                needs_context (names that are also ordinary words or very short: in running text resolve them only
#                beside a word such as "group" or "actor", or in the exact case),
#                related (actors that a catalogue calls similar or that share a name: alias is not identity).
# [[ambiguous]]  name that catalogues give to several actors; candidates have an entry here, others have none.
# An alias belongs to one actor after case-folding and dropping everything but letters and digits.
# A name in the galaxy as an actor of its own is never another actor's alias.
# {n_actors} actors ({n_labelled} of them labelled in the development data), {n_aliases} aliases, {n_ambiguous} ambiguous names.
"""


def key(name: str) -> str:
    """The name without case, spaces, hyphens, punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def load(cluster: str) -> dict:
    return json.loads((CLUSTERS / f"{cluster}.json").read_text(encoding="utf-8"))


def clean(name: str) -> str:
    return re.sub(r"\s+", " ", name.removeprefix("Subgroup: ")).strip()


def usable(name: str) -> bool:
    k = key(name)
    return len(k) >= (3 if k.isascii() else 2) and len(name) <= 60 and not k.isdigit()


def labels(data: Path) -> Counter:
    found: Counter = Counter()
    for file in ("reports.jsonl.gz", "attack_reports.jsonl.gz"):
        with gzip.open(data / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                actor = (json.loads(line).get("label") or {}).get("actor")
                if actor and not actor.startswith("maltrail:"):
                    found[actor] += 1
    return found


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class Catalogue:
    """Every actor of the galaxy with all the names that any of its clusters gives it."""

    def __init__(self, hand: dict, labelled: Counter) -> None:
        self.hand = {a["name"]: a for a in hand["actor"]}
        self.dropped = {key(n) for n in hand["drop"]["aliases"]}
        self.names: dict[str, dict[str, str]] = defaultdict(dict)  # actor -> key -> spelling
        self.references: Counter = Counter()
        self.related: dict[str, set[str]] = defaultdict(set)
        self.into = dict(hand["merge"])
        for actor in hand["actor"]:
            self.into.update(dict.fromkeys(actor.get("absorbs", ()), actor["name"]))
        self.threat_actors = load("threat-actor")["values"]
        for value in self.threat_actors:
            self._add(self.canonical(value["value"]), value, value["value"])
        for label in labelled:
            self.names[label].setdefault(key(label), label)
        for name in self.hand:
            self.names[name].setdefault(key(name), name)
        self._groups(hand)
        self._microsoft()
        self._similar()
        for name in hand["drop"]["actors"]:
            self.names.pop(name, None)
        self._hand_aliases()

    def canonical(self, name: str) -> str:
        return self.into.get(name, name)

    def _add(self, actor: str, value: dict, own_name: str) -> None:
        meta = value.get("meta", {})
        for name in [own_name, *meta.get("synonyms", [])]:
            name = clean(name)
            if usable(name) and key(name) not in self.dropped:
                self.names[actor].setdefault(key(name), name)
        self.references[actor] += len(meta.get("refs", []))

    def _owner(self, names: list[str]) -> str | None:
        """The actor that a catalogue entry with these names (main name first) stands for, or None."""
        keys = [key(n) for n in names]
        exact = [a for a in self.names if key(a) == keys[0]]
        if exact:
            return exact[0]
        holders = [a for a, held in self.names.items() if keys[0] in held]
        if len(holders) == 1:
            return holders[0]
        overlap = Counter({a: len(set(keys) & held.keys()) for a, held in self.names.items()})
        (first, n), (_, n2) = overlap.most_common(2)
        return first if n >= 2 and n > n2 else None

    def _groups(self, hand: dict) -> None:
        forced = dict(hand["intrusion_set"])
        for actor in hand["actor"]:
            forced.update(dict.fromkeys(actor.get("intrusion_sets", ()), actor["name"]))
        pending = []
        for value in load("mitre-intrusion-set")["values"]:
            if value.get("revoked") or any(
                r["type"] == "revoked-by" for r in value.get("related", [])
            ):
                continue
            gid = value["meta"]["external_id"]
            name = value["value"].removesuffix(f" - {gid}")
            owner = forced.get(name)
            if owner is None:
                owner = self._owner([name, *value["meta"].get("synonyms", [])]) or name
            if owner:
                pending.append((owner, value, name, gid))
        for owner, value, name, gid in pending:
            self._add(owner, value, name)
            self.names[owner].setdefault(key(gid), gid)

    def _microsoft(self) -> None:
        pending = []
        for value in load("microsoft-activity-group")["values"]:
            name = value["value"]
            pending.append(
                (self._owner([name, *value["meta"].get("synonyms", [])]) or name, value, name)
            )
        for owner, value, name in pending:
            self._add(owner, value, name)

    def _similar(self) -> None:
        by_uuid = {v["uuid"]: self.canonical(v["value"]) for v in self.threat_actors}
        for value in self.threat_actors:
            one = self.canonical(value["value"])
            for relation in value.get("related", []):
                other = by_uuid.get(relation["dest-uuid"])
                if (
                    other
                    and other != one
                    and relation["type"] in ("similar", "overlaps", "part-of", "linked-to")
                ):
                    self.related[one].add(other)
                    self.related[other].add(one)

    def _hand_aliases(self) -> None:
        """Names placed by hand belong to their actor alone."""
        for name, actor in self.hand.items():
            for k, spelling in [(key(a[0]), a[0]) for a in actor["aliases"]] + [(key(name), name)]:
                for other, held in self.names.items():
                    if other != name:
                        held.pop(k, None)
                self.names[name][k] = spelling
        for name in [n for n, held in self.names.items() if not held]:
            del self.names[name]


def resolve(names: dict[str, dict[str, str]]) -> tuple[dict, dict, dict]:
    """(aliases of each actor, ambiguous key -> actors, actors that share a name)."""
    holders: dict[str, list[str]] = defaultdict(list)
    for actor, held in names.items():
        for k in held:
            holders[k].append(actor)
    own = {key(actor): actor for actor in names}
    aliases: dict[str, list[str]] = defaultdict(list)
    ambiguous: dict[str, list[str]] = {}
    shared: dict[str, set[str]] = defaultdict(set)
    for k, actors in holders.items():
        if len(actors) > 1:
            for a in actors:
                shared[a].update(b for b in actors if b != a)
        if k in own:
            for a in actors:
                if a != own[k]:
                    shared[a].add(own[k])
                    shared[own[k]].add(a)
        elif len(actors) == 1:
            aliases[actors[0]].append(names[actors[0]][k])
        else:
            ambiguous[k] = actors
    return aliases, ambiguous, shared


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--limit", type=int, default=400, help="number of actors")
    args = parser.parse_args()

    hand = tomllib.loads((HERE / "actors_hand.toml").read_text(encoding="utf-8"))
    labelled = labels(args.data)
    catalogue = Catalogue(hand, labelled)
    names = catalogue.names
    aliases, ambiguous, shared = resolve(names)

    chosen = set(labelled) | set(catalogue.hand)
    # Actors whose own name another chosen actor's catalogue entry claims: without a row the name would dangle.
    claimed = {b for a in chosen for b in shared[a] if any(key(b) in names[c] for c in chosen)}
    chosen |= claimed
    for actor, _ in sorted(catalogue.references.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= args.limit:
            break
        if actor in names:
            chosen.add(actor)

    since = {key(n): year for n, year in hand["since"].items()}
    for actor in hand["actor"]:
        since.update({key(a[0]): a[2] for a in actor["aliases"] if len(a) == 3})
        if "name_since" in actor:
            since[key(actor["name"])] = actor["name_since"][0]
    context = {key(n) for n in hand["needs_context"]["names"]}

    lines, n_aliases = [], 0
    for actor in sorted(chosen, key=str.casefold):
        entry = catalogue.hand.get(actor, {})
        said = {key(a[0]): a[1] for a in entry.get("aliases", ())}
        listed = sorted(aliases[actor], key=lambda n: (key(n) not in said, n.casefold()))
        n_aliases += len(listed)
        lines += [
            "",
            "[[actor]]",
            f"name = {quoted(actor)}"
            + (f"  # {entry['name_since'][1]}" if "name_since" in entry else ""),
            f"level = {quoted(entry.get('level', 'group'))}",
        ]
        if "parent" in entry:
            lines.append(f"parent = {quoted(entry['parent'])}  # {entry['parent_source']}")
        if said:
            lines.append("aliases = [")
            lines += [
                f"  {quoted(n)}," + (f"  # {said[key(n)]}" if key(n) in said else "")
                for n in listed
            ]
            lines.append("]")
        else:
            lines.append(f"aliases = [{', '.join(map(quoted, listed))}]")
        dated = {
            n: since.get(key(n)) or (2023 if WEATHER.fullmatch(n) else None)
            for n in [actor, *listed]
        }
        if any(dated.values()):
            pairs = ", ".join(f"{quoted(n)} = {y}" for n, y in dated.items() if y)
            lines.append(f"aliases_since = {{ {pairs} }}")
        weak = [
            n
            for n in [actor, *listed]
            if key(n) in context or NUMBERED.fullmatch(n) or (len(key(n)) <= 3 and key(n).isascii())
        ]
        if weak:
            lines.append(f"needs_context = [{', '.join(map(quoted, weak))}]")
        near = sorted(
            (shared[actor] | catalogue.related[actor]) & chosen - {actor}, key=str.casefold
        )
        if near:
            lines.append(f"related = [{', '.join(map(quoted, near))}]")

    n_ambiguous = 0
    for k, actors in sorted(ambiguous.items()):
        inside = sorted((a for a in actors if a in chosen), key=str.casefold)
        if not inside:
            continue
        n_ambiguous += 1
        others = sorted((a for a in actors if a not in chosen), key=str.casefold)
        spelling = names[inside[0]][k]
        lines += [
            "",
            "[[ambiguous]]",
            f"name = {quoted(spelling)}",
            f"candidates = [{', '.join(map(quoted, inside))}]",
        ]
        if others:
            lines.append(f"others = [{', '.join(map(quoted, others))}]")

    head = HEADER.format(
        v_ta=load("threat-actor")["version"],
        v_is=load("mitre-intrusion-set")["version"],
        v_ms=load("microsoft-activity-group")["version"],
        v_pkg=version("pymispgalaxies"),
        n_actors=len(chosen),
        n_labelled=len(labelled),
        n_aliases=n_aliases,
        n_ambiguous=n_ambiguous,
    )
    text = head + "\n".join(lines) + "\n"
    tomllib.loads(text)
    args.out.write_text(text, encoding="utf-8")
    print(
        f"{args.out.name}: {len(chosen)} actors, {n_aliases} aliases, {n_ambiguous} ambiguous names, "
        f"{len(claimed)} added because their name is claimed by another"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
