"""What the address of a well-known site names: a sample, a wallet, a technique, a channel.

A link to an analysis of a sample is a citation, and tells its hash; the hash is found inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from samehand.extract.mention import Placed
from samehand.extract.wallets import is_wallet
from samehand.model import Feature
from samehand.normalise import canonical, technique

_HASHES = {32: "file:md5", 40: "file:sha1", 64: "file:sha256"}
_SAMPLE = re.compile(
    r"(?i)(?:virustotal\.com/(?:gui/|[a-z]{2}/)?file/|hybrid-analysis\.com/sample/"
    r"|bazaar\.abuse\.ch/sample/|malshare\.com/sample\.php\?action=detail&hash="
    r"|app\.any\.run/\w+/|joesandbox\.com/search\?q=|otx\.alienvault\.com/indicator/file/"
    r"|opentip\.kaspersky\.com/|intezer\.com/files/|metadefender\.com/results/file/)"
    r"([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])"
)
_ADDRESS = re.compile(
    r"(?i)(?:blockchain\.(?:com|info)|blockchair\.com|etherscan\.io|tronscan\.(?:org|io)|bscscan\.com"
    r"|blockcypher\.com|btcscan\.org|oxt\.me)/[^\s]{0,40}?address/([0-9A-Za-z]{26,106})"
)
_ATTACK = re.compile(
    r"attack\.mitre\.org/(techniques|groups|software|campaigns)/([TGSC]\d{4}(?:/\d{3})?)"
)
_ATTACK_KINDS = {"G": "attack-group", "S": "attack-software", "C": "attack-campaign"}
_CHANNEL = re.compile(r"(?i)(?:^|//|\.)(?:t\.me|telegram\.me)/(?:s/)?([A-Za-z]\w{4,31})(?=$|[/?])")


def inside(raw: str, start: int) -> Iterator[Placed]:
    """The observables that an address names, with their places; it begins at ``start``."""
    if sample := _SAMPLE.search(raw):
        value = sample[1].lower()
        yield _placed(sample, 1, start, Feature(_HASHES[len(value)], value))
    if (address := _ADDRESS.search(raw)) and is_wallet(address[1]):
        yield _placed(address, 1, start, canonical("cryptocurrency-wallet", address[1]))
    if named := _ATTACK.search(raw):
        value = named[2].replace("/", ".")
        kind = _ATTACK_KINDS.get(value[0])
        feature = Feature(kind, value[:5]) if kind else technique(value)
        yield _placed(named, 2, start, feature)
    if channel := _CHANNEL.search(raw):
        feature = canonical("user-account", f"telegram:@{channel[1]}")
        yield _placed(channel, 1, start, feature)


def _placed(match: re.Match[str], group: int, start: int, feature: Feature) -> Placed:
    return Placed(start + match.start(group), start + match.end(group), feature, False, "")
