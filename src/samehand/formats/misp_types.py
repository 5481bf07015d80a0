"""MISP attribute types, object attributes, categories and comments as ours (MISP core format)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from samehand.formats.stix_patterns import PatternError, parse_pattern
from samehand.formats.stix_values import Value, values_of_pattern, yara_rule_names

_HASHES = ("md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh", "imphash")
_WALLETS = ("btc", "xmr", "dash")


class Part(NamedTuple):
    """One observable of an attribute."""

    kind: str
    value: str
    role: str = ""


def _one(kind: str, role: str = "") -> Callable[[str], list[Part]]:
    return lambda value: [Part(kind, value, role)]


def _address(value: str) -> list[Part]:
    bare = value.strip()
    return [Part("ipv6-addr" if ":" in bare else "ipv4-addr", bare)]


def _file(value: str) -> list[Part]:
    return [Part("file:path" if re.search(r"[\\/]", value) else "file:name", value)]


def _file_hash(kind: str) -> Callable[[str], list[Part]]:
    def split(value: str) -> list[Part]:
        name, bar, digest = value.rpartition("|")
        named = _file(name) if bar and name.strip() else []
        return [*named, Part(f"file:{kind}", digest)]

    return split


def _endpoint(value: str) -> list[Part]:
    host, _, port = value.rpartition("|")
    if not host:
        return _address(value)
    found = _address(host)
    if found and found[0].kind == "ipv4-addr" and "/" not in host:
        return [Part("ipv4-addr:port", f"{found[0].value}:{port.strip()}")]
    return found


def _domain_ip(value: str) -> list[Part]:
    domain, bar, address = value.partition("|")
    return [Part("domain-name", domain), *(_address(address) if bar else ())]


def _uri(value: str) -> list[Part]:
    if value.startswith("/"):
        return [Part("url:path", value)] if len(value) > 1 else []
    return [Part("url", value)]


def _account(service: str) -> Callable[[str], list[Part]]:
    return lambda value: [Part("user-account", f"{service}:@{value.lstrip('@')}")]


def _yara(value: str) -> list[Part]:
    return [Part("yara-rule", name) for name in yara_rule_names(value)]


def _pattern(value: str) -> list[Part]:
    try:
        found: list[Value] = values_of_pattern(parse_pattern(value))
    except PatternError:
        return []
    return [Part(v.kind, v.value, v.role) for v in found]


#: Attribute type -> the observables of a value. Types that are not here have no type of ours.
TYPES: dict[str, Callable[[str], list[Part]]] = {
    "ip-src": _address,
    "ip-dst": _address,
    "ip-src|port": _endpoint,
    "ip-dst|port": _endpoint,
    "domain": _one("domain-name"),
    "hostname": _one("domain-name"),
    "onion-address": _one("domain-name"),
    "domain|ip": _domain_ip,
    "hostname|port": lambda value: [Part("domain-name", value.partition("|")[0])],
    "url": _one("url"),
    "uri": _uri,
    "link": _one("url", "reference"),
    "email": _one("email-addr"),
    "email-src": _one("email-addr"),
    "email-dst": _one("email-addr"),
    "email-reply-to": _one("email-addr"),
    "whois-registrant-email": _one("email-addr"),
    "dns-soa-email": _one("email-addr"),
    "target-email": _one("email-addr", "victim"),
    "email-attachment": _one("file:name"),
    **{kind: _one(f"file:{kind}") for kind in _HASHES},
    **{f"filename|{kind}": _file_hash(kind) for kind in _HASHES},
    "malware-sample": _file_hash("md5"),
    "filename": _file,
    "pdb": _one("pdb-path"),
    "mutex": _one("mutex"),
    "named pipe": _one("named-pipe"),
    "regkey": _one("windows-registry-key"),
    "regkey|value": lambda value: [Part("windows-registry-key", value.partition("|")[0])],
    "windows-service-name": _one("service-name"),
    "windows-scheduled-task": _one("scheduled-task"),
    "twitter-id": _account("twitter"),
    "github-username": _account("github"),
    "user-agent": _one("user-agent"),
    "AS": _one("autonomous-system"),
    "vulnerability": _one("vulnerability"),
    "x509-fingerprint-sha1": _one("x509-certificate:sha1"),
    **{kind: _one("cryptocurrency-wallet") for kind in _WALLETS},
    "yara": _yara,
    "stix2-pattern": _pattern,
}
#: (object, relation) whose type says less than the place where it stands.
PLACES: dict[tuple[str, str], Callable[[str], list[Part]]] = {
    ("file", "fullpath"): _one("file:path"),
    ("x509", "serial-number"): _one("x509-certificate:serial"),
    ("authenticode-signerinfo", "serial-number"): _one("x509-certificate:serial"),
    ("mutex", "name"): _one("mutex"),
    ("service", "name"): _one("service-name"),
    ("telegram-account", "username"): _account("telegram"),
    ("yara", "yara-rule-name"): _one("yara-rule"),
    # These have an observable's type and are none of the adversary's making.
    ("pe", "richpe"): lambda value: [],
    ("x509", "issuing_certificate"): lambda value: [],
    ("x509", "ocsp_server"): lambda value: [],
    ("cs-beacon-config", "vt-sha256"): _one("file:sha256"),
}
#: Objects all of whose hashes are of one file.
FILE_OBJECTS = frozenset(("file", "lnk", "apk", "elf", "macho", "malware-sample", "artifact"))
#: Objects of a victim: nothing in them is the adversary's.
VICTIM_OBJECTS = frozenset(("victim", "target-system"))

_C2 = re.compile(
    r"(?i)(?<![a-z0-9])(?:c2|c&c|cnc|c\s?and\s?c|command[ -](?:and|&)[ -]control)(?![a-z0-9])"
)
_SINKHOLE = re.compile(r"(?i)\bsink-?hole[ds]?\b")
_NETWORK = frozenset(("domain-name", "ipv4-addr", "ipv6-addr", "ipv4-addr:port", "url", "url:path"))
_DELIVERED = frozenset(("Payload delivery", "Payload installation", "Artifacts dropped"))
_EXTERNAL = frozenset(("External analysis", "Internal reference"))


def role_of(part: Part, attribute_type: str, category: str, comment: str) -> str:
    """The role of an observable, from its type, its category and the comment beside it."""
    if part.role:
        return part.role
    if category == "Targeting data":
        return "victim"
    if attribute_type == "email-dst" and category == "Payload delivery":
        return "victim"
    if part.kind == "url" and category in _EXTERNAL:
        return "reference"
    if part.kind in _NETWORK:
        if _SINKHOLE.search(comment):
            return "sinkhole"
        if category == "Network activity" and _C2.search(comment):
            return "c2"
        return "download" if category == "Payload delivery" else ""
    return "malware" if part.kind[5:] in _HASHES and category in _DELIVERED else ""
