"""What fitted channels say of whose hand it was: behaviour, free text, shared values.

A channel is fitted on labelled reports and knows by itself how probable each actor is, and none
of them; its odds are a sum of lines. Where one speaks, the starting rules for the same evidence
are silent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from samehand.compare.behaviour import BehaviourMemory, Row, attack_structure
from samehand.compare.profile import Profile
from samehand.compare.ranker import open_set, shipped_actor_model
from samehand.compare.text_channel import Channel as TextKnowledge
from samehand.compare.text_channel import Features, Hint, Rule, carried, ranked, rules, scores_of
from samehand.compare.text_reference import ReferenceChannel
from samehand.knowledge import software
from samehand.model import Facet
from samehand.normalise import name_key

#: Asks the reports of a campaign what a channel says of them.
Speaker = Callable[[Sequence[Profile]], "Channel | None"]

#: A memory of fewer actors is no world in which a channel was fitted.
FEWEST_ACTORS = 20
#: Shorter texts say nothing, in characters.
_SHORTEST_TEXT = 40
_LEAST = 1e-12
_LN2 = math.log(2.0)


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One line of what a channel says for an actor."""

    text: str
    bits: float
    observations: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelOdds:
    """One actor by one channel."""

    probability: float
    planted: float
    """That somebody else left what points to this actor."""
    lines: tuple[ChannelLine, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel says of one campaign: none, planted and the actors sum to 1."""

    name: str
    facet: Facet
    none: float
    odds: Mapping[str, ChannelOdds]
    kinds: frozenset[str] = frozenset()
    """Kinds of features that it weighs, and that nothing else weighs then."""

    def bits(self, actor: str) -> float:
        """log2 odds of an actor against none; 0 for one the channel does not know."""
        found = self.odds.get(actor)
        return math.log2(max(found.probability, _LEAST) / max(self.none, _LEAST)) if found else 0.0

    def planted_bits(self, actor: str) -> float:
        """log2 odds, against none, that somebody wants this actor to be seen."""
        found = self.odds.get(actor)
        return math.log2(max(found.planted, _LEAST) / max(self.none, _LEAST)) if found else 0.0


def _family(name: str) -> str:
    """One folded name for a software, whatever it is called."""
    meant = max(software.resolve(name), key=lambda row: row[1], default=None)
    if meant is None or meant[1] <= 0.5:
        return name_key(name)
    return name_key(software.families()[meant[0]].name)


def _techniques(profile: Profile) -> frozenset[str]:
    above = {p.value for parents in profile.parents.values() for p in parents}
    held = {f.value for f in profile.features if f.kind == "technique"}
    return frozenset(t for t in held if t not in above)


def _software(profile: Profile) -> frozenset[str]:
    return frozenset(_family(f.value) for f in profile.features if f.kind == "software")


def behaviour_memory(
    profiles: Sequence[Profile], actor_of: Mapping[str, str]
) -> BehaviourMemory | None:
    """Techniques and software of reference reports; `None` if they are of too few actors."""
    rows = []
    for profile in profiles:
        report = profile.report
        row = Row(
            report.id,
            actor_of[report.id],
            _techniques(profile),
            _software(profile),
            report.known_at.isoformat() if report.known_at else "",
        )
        if row.techniques or row.software:
            rows.append(row)
    if len({r.actor for r in rows}) < FEWEST_ACTORS:
        return None
    return BehaviourMemory(rows, attack_structure())


def behaviour(memory: BehaviourMemory, members: Sequence[Profile]) -> Channel | None:
    """What techniques and software say; `None` if the campaign shows none."""
    techniques = frozenset(t for m in members for t in _techniques(m))
    names = frozenset(s for m in members for s in _software(m))
    if not techniques and not names:
        return None
    own = {m.report.id for m in members}
    table = memory.features(techniques, names, exclude=own)
    found = open_set(table, shipped_actor_model())
    closest = dict(zip(table.actors, table.closest, strict=True))
    odds = {}
    for one in found.actors:
        reports = [report for report, _ in closest[one.actor]]
        like = ", ".join(reports)
        lines = []
        for line in one.lines:
            near = line.what in ("likeness", "habit") and like
            text = f"{line.what} of techniques and software" + (f", as in {like}" if near else "")
            lines.append(ChannelLine(text, line.bits, _cited(members), tuple(reports)))
        lines.append(ChannelLine("how many actors are known by reports", one.prior_bits))
        odds[one.actor] = ChannelOdds(one.probability, one.planted, tuple(lines))
    kinds = frozenset({"technique", "software"})
    return Channel("behaviour", "behaviour", found.none, odds, kinds)


def _cited(members: Sequence[Profile], most: int = 20) -> tuple[str, ...]:
    """Observations of techniques and software of some reports."""
    kinds = ("technique", "software")
    return tuple(
        dict.fromkeys(
            o.id for m in members for o in m.report.observations if o.feature.kind in kinds
        )
    )[:most]


#: What pages call the columns of the text channel.
_COLUMN = {
    "name": "actor named",
    "alias": "named as an alias",
    "software": "software named",
    "places": "country told of",
    "own_words": "word of its descriptions",
    "all_words": "word of what is known of it",
    "learned_words": "word of reference texts",
}


@dataclass(frozen=True, slots=True)
class Texts:
    """The text channel of one world, by bundled knowledge or with texts of a reference."""

    channel: TextKnowledge
    reference: ReferenceChannel | None = None

    def ask(self, members: Sequence[Profile], most: int = 20) -> Channel | None:
        """What the texts of a campaign say; `None` if they are too short to say anything."""
        text = "\n".join(m.report.text for m in members)
        if len(text.strip()) < _SHORTEST_TEXT:
            return None
        known = self.reference
        rule = rules()["reference" if known else "bundled"]
        features = known.features(text) if known else self.channel.features(text)
        explain: Callable[[Features, str, Rule, int], tuple[Hint, ...]] = carried
        found = ranked(features.actors, scores_of(features, rule), rule)
        ids = tuple(m.report.id for m in members)
        odds = {}
        for number, actor in enumerate(found.actors):
            probability = found.probabilities[number]
            total = math.log2(max(probability, _LEAST) / max(found.none, _LEAST))
            lines = []
            if number < most:
                hints = (
                    known.carried(features, actor) if known else explain(features, actor, rule, 8)
                )
                for hint in hints:
                    what = _COLUMN.get(hint.column, hint.column.replace("_", " "))
                    bits = hint.value / rule.temperature / _LN2
                    lines.append(ChannelLine(f"{what}: {hint.what}", bits, ids, ids))
            rest = total - sum(line.bits for line in lines)
            lines.append(ChannelLine("the rest of the text, and how little texts tell", rest, ids))
            odds[actor] = ChannelOdds(probability, 0.0, tuple(lines))
        return Channel("text", "behaviour", found.none, odds)
