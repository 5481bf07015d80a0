"""What fitted channels say of whose hand it was: behaviour, free text, shared values.

A channel is fitted on labelled reports and knows by itself how probable each actor is, and none
of them; its odds are a sum of lines. Where one speaks, the starting rules for the same evidence
are silent.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samehand.compare.behaviour import BehaviourMemory, Row, attack_structure
from samehand.compare.profile import Profile
from samehand.compare.ranker import open_set, shipped_actor_model
from samehand.compare.text_channel import Channel as TextKnowledge
from samehand.compare.text_channel import Features, Hint, carried, rule_for, scores_of
from samehand.compare.text_reference import ReferenceChannel
from samehand.compare.text_rule import Rule, ranked, rules
from samehand.extract.names import find_names
from samehand.knowledge import attack, software
from samehand.knowledge.actors import World, bundled_world
from samehand.knowledge.cache import once
from samehand.model import Facet, Feature
from samehand.normalise import name_key

#: A memory of fewer actors is no world in which a channel was fitted.
FEWEST_ACTORS = 20
#: A group of fewer techniques resembles whoever has one of them.
_LEAST_TECHNIQUES = 5
#: Shorter texts say nothing, in characters.
_SHORTEST_TEXT = 40
#: Names are looked for in so many characters.
_MOST_TEXT = 400_000
_LEAST = 1e-12
#: That what a text tells was made to look so [judgement: tools and lures are easy, what a publisher
#: makes of them is not].
_TEXT_PHI = 0.5
#: What pages call the lines of `ranker`.
_LINES = {
    "likeness": "techniques and software together",
    "habit": "techniques usual for it",
    "software": "software of its reports",
    "own software": "software that not everybody has",
    "explained software": "share of such software that is its own",
    "how much is stated": "how much is stated, of which all should be explained",
    "may be planted": "own software may be planted",
}
#: Actors of whom a channel says what carried them, the likeliest first: that takes time.
_MOST_EXPLAINED = 12
#: Hints named in one line.
_MOST_HINTS = 4
#: What pages call the channels.
TITLES = {
    "behaviour": "techniques and software",
    "text": "free text",
    "values": "shared values",
}


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
    prior_bits: float | None
    """log2 odds against none that the channel starts from; with the lines it is the probability.
    `None`: it has no prior of its own, and the lines alone are."""
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
    phi: float = 0.0
    """How easily what it goes by is planted, where it does not say itself."""

    def bits(self, actor: str) -> float:
        """log2 odds of an actor against none; 0 for one the channel does not know."""
        found = self.odds.get(actor)
        return math.log2(max(found.probability, _LEAST) / max(self.none, _LEAST)) if found else 0.0

    def weight(self, actor: str) -> float:
        """The bits of an actor beyond the channel's own prior."""
        found = self.odds.get(actor)
        return self.bits(actor) - (found.prior_bits or 0.0) if found else 0.0

    def planted_bits(self, actor: str) -> float:
        """log2 odds, against none, that somebody wants this actor to be seen."""
        found = self.odds.get(actor)
        return math.log2(max(found.planted, _LEAST) / max(self.none, _LEAST)) if found else 0.0


@once
def _attack_names() -> Mapping[str, str]:
    """Folded name or alias of a software of ATT&CK -> its folded name."""
    return {
        name_key(name): name_key(one.name)
        for one in attack.software().values()
        for name in (*one.aliases, one.name)
    }


def _family(name: str) -> str:
    """One folded name for a software, whatever it is called; that of ATT&CK before others."""
    known = _attack_names().get(name_key(name))
    if known:
        return known
    meant = max(software.resolve(name), key=lambda row: row[1], default=None)
    if meant is None or meant[1] <= 0.5:
        return name_key(name)
    return name_key(software.families()[meant[0]].name)


def _techniques(profile: Profile, features: Collection[Feature]) -> frozenset[str]:
    above = {p.value for parents in profile.parents.values() for p in parents}
    held = {f.value for f in features if f.kind == "technique"}
    return frozenset(t for t in held if t not in above)


def _software(features: Collection[Feature]) -> frozenset[str]:
    return frozenset(_family(f.value) for f in features if f.kind == "software")


def _stated(profile: Profile) -> list[Feature]:
    """Features that the record states itself; what stands in its text is the text's."""
    text = profile.report.text[:_MOST_TEXT]
    told = {_family(n.name) for n in find_names(text) if n.kind not in ("actor", "campaign")}
    stated = {o.id for o in profile.report.observations if o.start is None}
    return [
        f
        for f, seen in profile.features.items()
        if stated.intersection(seen.observations)
        and not (f.kind == "software" and _family(f.value) in told)
    ]


def group_pages(world: World) -> tuple[Row, ...]:
    """ATT&CK's pages on groups that are actors of this world, a row each."""
    tools = attack.software()
    return tuple(
        Row(
            f"{group.name} ({group.id})",
            actor,
            frozenset(map(attack.current, group.techniques)),
            frozenset(_family(tools[s].name) for s in group.software if s in tools),
        )
        for group in attack.groups().values()
        if (actor := world.identify(group.name)) and len(group.techniques) >= _LEAST_TECHNIQUES
    )


def behaviour_memory(
    profiles: Sequence[Profile], actor_of: Mapping[str, str], pages: Sequence[Row] = ()
) -> BehaviourMemory | None:
    """Techniques and software of reference reports; `None` if they are of too few actors.

    ``pages``: further rows.
    """
    rows = list(pages)
    for profile in profiles:
        report = profile.report
        row = Row(
            report.id,
            actor_of[report.id],
            _techniques(profile, profile.features),
            _software(profile.features),
            report.known_at.isoformat() if report.known_at else "",
        )
        if row.techniques or row.software:
            rows.append(row)
    if len({r.actor for r in rows}) < FEWEST_ACTORS:
        return None
    return BehaviourMemory(rows, attack_structure())


@once
def attack_memory() -> BehaviourMemory:
    """ATT&CK groups in place of reports, for a world without reference reports: one row each."""
    return BehaviourMemory(group_pages(bundled_world()), attack_structure())


def attack_behaviour(
    _scene: object, members: Sequence[Profile], _without: str = ""
) -> Channel | None:
    """What techniques and software that records state say, by ATT&CK groups.

    What was found in texts is heard by the text channel.
    """
    return _behaviour(attack_memory(), members, [_stated(m) for m in members])


def behaviour(
    memory: BehaviourMemory, _scene: object, members: Sequence[Profile], without: str = ""
) -> Channel | None:
    """What techniques and software say; `None` if the campaign shows none.

    ``without``: a report of the memory that is left out.
    """
    return _behaviour(memory, members, [list(m.features) for m in members], without)


def _behaviour(
    memory: BehaviourMemory,
    members: Sequence[Profile],
    features: Sequence[Collection[Feature]],
    without: str = "",
) -> Channel | None:
    """What these features of each member say."""
    techniques = frozenset(
        t for m, held in zip(members, features, strict=True) for t in _techniques(m, held)
    )
    names = frozenset(s for held in features for s in _software(held))
    if not techniques and not names:
        return None
    own = {without, *(m.report.id for m in members)}
    table = memory.features(techniques, names, exclude=own)
    found = open_set(table, shipped_actor_model())
    closest = dict(zip(table.actors, table.closest, strict=True))
    likely = sorted(found.actors, key=lambda o: (-o.probability, o.actor))[:_MOST_EXPLAINED]
    explained = {one.actor for one in likely}
    cited = _cited(members)
    odds = {}
    for one in found.actors:
        reports = tuple(report for report, _ in closest[one.actor])
        shared = [
            memory.shared(report, techniques, names) for report in reports if one.actor in explained
        ]
        both = [_listed(i for pair in shared for i in pair[n]) for n in (0, 1)]
        lines = []
        for line in one.lines:
            text = _LINES[line.what]
            if line.what in ("likeness", "habit"):
                text += both[0] + (f", as in {', '.join(reports)}" if reports else "")
            elif line.what in ("software", "own software"):
                text += both[1]
            lines.append(ChannelLine(text, line.bits, cited, reports))
        odds[one.actor] = ChannelOdds(one.probability, one.planted, one.prior_bits, tuple(lines))
    kinds = frozenset({"technique", "software"})
    return Channel("behaviour", "behaviour", found.none, odds, kinds)


def _listed(items: Iterable[str]) -> str:
    """A few of some items, in brackets; '' without any."""
    told = list(dict.fromkeys(items))[:_MOST_HINTS]
    return f" ({', '.join(told)})" if told else ""


def _cited(members: Sequence[Profile], most: int = 50) -> tuple[str, ...]:
    """Observations of techniques and software of some reports."""
    kinds = ("technique", "software")
    held = {o.id for m in members for o in m.report.observations if o.feature.kind in kinds}
    return tuple(sorted(held))[:most]


def _unnamed(profile: Profile) -> str:
    """The text of a report; without names of actors if its claims speak of one already."""
    text = profile.report.text
    if not any(c.relation == "attribution" and c.actor for c in profile.report.claims):
        return text
    pieces, here = [], 0
    for found in find_names(text[:_MOST_TEXT]):
        if found.kind == "actor" and found.start >= here:
            pieces += [text[here : found.start], "[ACTOR]"]
            here = found.end
    return "".join([*pieces, text[here:]])


#: What pages call the columns of the text channel, by what they begin with; the first that fits.
_COLUMNS = (
    ("software it is known for", ("software", "exclusive", "prominent", "family_words")),
    ("texts of the reference", ("learned_",)),
    ("actors named", ("name", "alias")),
    ("countries", ("origin", "other_origin", "places")),
    ("techniques told", ("techniques",)),
    ("how much is known of it", ("cited", "length")),
    ("words of what is known of it", ("",)),
)


def _group_of(column: str) -> str:
    return next(name for name, starts in _COLUMNS if column.startswith(starts))


def _shares(
    features: Features,
    rule: Rule,
    actor: str,
    hints: Sequence[Hint],
    total: float,
    ids: tuple[str, ...],
) -> tuple[ChannelLine, ...]:
    """What a text says for an actor: its score over the mean actor's, column by column."""
    weights = np.array([rule.weights.get(c, 0.0) for c in features.columns])
    row = features.matrix[features.actors.index(actor)] - features.matrix.mean(axis=0)
    parts: dict[str, float] = {}
    for column, value in zip(features.columns, row * weights, strict=True):
        group = _group_of(column)
        parts[group] = parts.get(group, 0.0) + float(value)
    score = sum(parts.values())
    if score <= 0.0 or total <= 0.0:
        return (ChannelLine("the text", total, ids, ids),)
    named: dict[str, list[str]] = {}
    for hint in hints:
        held = named.setdefault(_group_of(hint.column), [])
        if hint.what not in held and len(held) < _MOST_HINTS:
            held.append(hint.what)
    return tuple(
        ChannelLine(
            group + (f" ({', '.join(named[group])})" if group in named else ""),
            value * total / score,
            ids,
            ids,
        )
        for group, value in sorted(parts.items(), key=lambda p: (-abs(p[1]), p[0]))
        if value
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """The text channel of one world, by bundled knowledge or with texts of a reference."""

    channel: TextKnowledge
    reference: ReferenceChannel | None = None
    explained: int = _MOST_EXPLAINED
    """For how many actors, the likeliest first, it says what carried it; that takes time."""

    def ask(self, _scene: object, members: Sequence[Profile], _without: str = "") -> Channel | None:
        """What the texts of a campaign say; `None` if they are too short to say anything.

        What the texts of a reference taught stays, whatever is left out.
        """
        text = "\n".join(map(_unnamed, members))
        if len(text.strip()) < _SHORTEST_TEXT:
            return None
        known = self.reference
        features = known.features(text) if known else self.channel.features(text)
        rule = rules()["reference"] if known else rule_for(features)
        scores = scores_of(features, rule)
        found = ranked(features.actors, scores, rule, features.size)
        prior = math.log2((1.0 - rule.none_prior) / rule.none_prior / len(found.actors))
        ids = tuple(m.report.id for m in members)
        odds = {}
        for number, actor in enumerate(found.actors):
            probability = found.probabilities[number]
            total = math.log2(max(probability, _LEAST) / max(found.none, _LEAST)) - prior
            if number >= self.explained:
                lines: tuple[ChannelLine, ...] = (ChannelLine("the text", total, ids, ids),)
            else:
                hints = known.carried(features, actor) if known else carried(features, actor, rule)
                lines = _shares(features, rule, actor, hints, total, ids)
            odds[actor] = ChannelOdds(probability, 0.0, prior, lines)
        return Channel("text", "behaviour", found.none, odds, phi=_TEXT_PHI)
