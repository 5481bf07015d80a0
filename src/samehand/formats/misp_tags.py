"""Tags and galaxy clusters of a MISP event: marking, grade, identity, techniques, victims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from samehand.formats.misp_countries import country_code
from samehand.formats.reading import Record, Tally, dicts_of, name_of, text_of

_GALAXY_TAG = re.compile(r'misp-galaxy:([\w-]{1,80})="(.*)"', re.DOTALL)
_VALUE_TAG = re.compile(r'([\w-]{1,80}:[\w-]{1,80})="(.*)"', re.DOTALL)
_ATTACK_ID = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
#: An identifier that a galaxy appends to a name: ' - G0032', ' - S0154', ' - C0027', ' (G0032)'.
_SUFFIX = re.compile(r"\s+(?:-\s+[A-Z]{1,3}\d{3,5}|\([A-Z]{1,3}\d{3,5}\))$")
#: Galaxies by what their clusters are; in other galaxies nothing is compared.
_TECHNIQUES = re.compile(r"mitre-(?:.*-)?attack-pattern|mitre-ics-techniques|tidal-technique")
_SOFTWARE = re.compile(
    r"mitre-(?:.*-)?(?:malware|tool)|mitre-ics-software|tidal-software|malpedia|tool|ransomware|rat|"
    r"banker|stealer|backdoor|botnet|exploit-kit|android|cryptominers"
)
_ACTORS = re.compile(
    r"threat-actor|mitre-(?:.*-)?intrusion-set|microsoft-activity-group|mitre-ics-groups|"
    r"tidal-groups|360net"
)
_COUNTRIES = ("country", "target-information")
_LIKELIHOOD = "estimative-language:likelihood-probability"
#: Words of estimative language as our words; those below an even chance are no attribution.
_LIKELY = {
    "almost-certain": "almost certain",
    "very-likely": "very likely",
    "likely": "likely",
    "roughly-even-chance": "possible",
}
_UNLIKELY = frozenset(("unlikely", "very-unlikely", "almost-no-chance"))
_CONFIDENCE = {
    ("estimative-language:confidence-in-analytic-judgment", "high"): "high",
    ("estimative-language:confidence-in-analytic-judgment", "moderate"): "moderate",
    ("estimative-language:confidence-in-analytic-judgment", "low"): "low",
    ("misp:confidence-level", "completely-confident"): "high",
    ("misp:confidence-level", "usually-confident"): "high",
    ("misp:confidence-level", "fairly-confident"): "medium",
    ("misp:confidence-level", "rarely-confident"): "low",
    ("misp:confidence-level", "unconfident"): "low",
}


@dataclass(slots=True)
class Context:
    """What the tags and galaxies of an event, of its attributes and objects say together."""

    tags: set[str] = field(default_factory=set)
    clusters: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(galaxy, value) -> the cluster's meta, empty where only a tag names it."""

    def add(self, holder: Mapping[str, Any]) -> None:
        """Take the tags and galaxies of an event, attribute or object."""
        for tag in dicts_of(holder.get("Tag")):
            name = text_of(tag.get("name"))
            found = _GALAXY_TAG.fullmatch(name)
            if found:
                self.clusters.setdefault((found[1].lower(), name_of(found[2])), {})
            elif name:
                self.tags.add(name)
        for galaxy in dicts_of(holder.get("Galaxy")):
            for cluster in dicts_of(galaxy.get("GalaxyCluster")):
                kind = text_of(cluster.get("type")) or text_of(galaxy.get("type"))
                meta = cluster.get("meta")
                key = (kind.lower(), name_of(cluster.get("value")))
                if isinstance(meta, dict) and not self.clusters.get(key):
                    self.clusters[key] = meta
                else:
                    self.clusters.setdefault(key, {})

    def values(self, tag: str) -> list[str]:
        """The values of a machine tag such as 'admiralty-scale:source-reliability', sorted."""
        pairs = (_VALUE_TAG.fullmatch(name) for name in self.tags)
        return sorted(p[2].strip().lower() for p in pairs if p and p[1].lower() == tag)

    def named(self, galaxies: re.Pattern[str]) -> list[str]:
        """Names of the clusters in these galaxies, without identifiers, sorted."""
        names = {
            _SUFFIX.sub("", value) for kind, value in self.clusters if galaxies.fullmatch(kind)
        }
        return sorted(names - {""})

    @property
    def tlp(self) -> list[str]:
        """Every TLP marking; one that TLP does not know is kept."""
        return sorted(t for t in self.tags if t.lower().startswith("tlp:"))

    @property
    def grade(self) -> str:
        """The Admiralty grade, if both halves are tagged once; else ''."""
        letter = self.values("admiralty-scale:source-reliability")
        digit = self.values("admiralty-scale:information-credibility")
        if len(letter) != 1 or len(digit) != 1:
            return ""
        grade = f"{letter[0]}{digit[0]}".upper()
        return grade if re.fullmatch("[A-F][1-6]", grade) else ""

    @property
    def software(self) -> list[str]:
        """Names of malware and tools."""
        return self.named(_SOFTWARE)

    @property
    def actors(self) -> list[str]:
        """Names of actors."""
        return self.named(_ACTORS)

    def techniques(self, tally: Tally) -> list[str]:
        """ATT&CK identifiers."""
        found = set()
        for (kind, value), meta in self.clusters.items():
            if not _TECHNIQUES.fullmatch(kind):
                continue
            listed = meta.get("external_id")
            written = [value, *(listed if isinstance(listed, list) else [listed])]
            known = [m for m in (_ATTACK_ID.findall(text_of(w)) for w in written) if m]
            if known:
                found.add(known[0][-1])
            else:
                tally.note("attack patterns without an ATT&CK identifier, not compared", value)
        return sorted(found)

    def victims(self, tally: Tally) -> list[Record]:
        """Countries and sectors of the galaxies that say who was hit."""
        found: set[tuple[str, str]] = set()
        for (kind, value), meta in self.clusters.items():
            if kind in _COUNTRIES:
                codes = _codes(meta.get("ISO"), meta.get("iso-code"), [value])
                if codes:
                    found.add(("country", codes[0]))
                else:
                    tally.note("targets that are no known country, not used", value)
            elif kind == "sector" and value:
                found.add(("sector", value))
        return [{key: value} for key, value in sorted(found)]

    def words(self) -> str | None:
        """The words for an attribution; `None` if the event calls it less than an even chance."""
        likelihood = self.values(_LIKELIHOOD)
        if any(value in _UNLIKELY for value in likelihood):
            return None
        found = [words for value, words in _LIKELY.items() if value in likelihood]
        if found:
            return found[-1]
        stated = [words for (tag, value), words in _CONFIDENCE.items() if value in self.values(tag)]
        return stated[-1] if stated else ""

    def claims(self, about: str, named: Iterable[str], tally: Tally) -> Iterator[Record]:
        """Attributions to the actors of galaxies and of attributes."""
        actors = sorted({*self.actors, *named})
        words = self.words()
        if words is None and actors:
            tally.note("events that call their attribution less likely than not, so none is taken")
            return
        for actor in actors:
            yield {"relation": "attribution", "about": about, "actor": actor, "words": words}

    def unread(self) -> list[str]:
        """Galaxies whose clusters are not read."""
        return sorted(
            kind
            for kind, _ in self.clusters
            if kind not in (*_COUNTRIES, "sector")
            and not any(p.fullmatch(kind) for p in (_TECHNIQUES, _SOFTWARE, _ACTORS))
        )


def _codes(*listed: object) -> list[str]:
    texts = [text_of(t) for item in listed for t in (item if isinstance(item, list) else [item])]
    return [code for code in map(country_code, filter(None, texts)) if code]
