"""Which property of a STIX cyber-observable object is which of our types, in patterns and objects.

A pattern and an object name a value by the same path (STIX 2.1, section 6), so one table serves
both: objects are flattened into paths first, with references followed as a pattern would.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from samehand.formats.reading import file_key, text_of
from samehand.formats.stix_patterns import Comparison, Junction, Node
from samehand.normalise import MAX_VALUE_CHARS

#: Object paths without list indices -> type of types.toml, or a rule of `_by_look`.
_PROPERTIES = {
    "ipv4-addr:value": "ipv4-addr",
    "ipv4-addr:belongs_to_refs.number": "autonomous-system",
    "ipv6-addr:value": "ipv6-addr",
    "ipv6-addr:belongs_to_refs.number": "autonomous-system",
    "domain-name:value": "domain-name",
    "domain-name:resolves_to_refs.value": "(host)",
    "hostname:value": "(host)",
    "x-opencti-hostname:value": "(host)",
    "url:value": "url",
    "email-addr:value": "email-addr",
    "email-message:from_ref.value": "email-addr",
    "email-message:sender_ref.value": "email-addr",
    "email-message:to_refs.value": "(recipient)",
    "email-message:cc_refs.value": "(recipient)",
    "email-message:bcc_refs.value": "(recipient)",
    "email-message:body_multipart.body_raw_ref.name": "file:name",
    "file:name": "(file)",
    "file:path": "file:path",
    "file:extensions.windows-pebinary-ext.imphash": "file:imphash",
    "directory:path": "file:path",
    "process:name": "file:name",
    "process:image_ref.name": "file:name",
    "process:binary_ref.name": "file:name",
    "process:extensions.windows-service-ext.service_name": "service-name",
    "mutex:name": "mutex",
    "windows-registry-key:key": "windows-registry-key",
    "autonomous-system:number": "autonomous-system",
    "x509-certificate:serial_number": "x509-certificate:serial",
    "network-traffic:dst_ref.value": "(host)",
    "network-traffic:src_ref.value": "(host)",
    "network-traffic:extensions.http-request-ext.request_value": "(request)",
    "network-traffic:extensions.http-request-ext.request_header.user-agent": "user-agent",
    "network-traffic:extensions.http-request-ext.request_header.host": "(host)",
    "user-agent:value": "user-agent",
    "cryptocurrency-wallet:value": "cryptocurrency-wallet",
    "cryptocurrency-wallet:address": "cryptocurrency-wallet",
}
#: Hash algorithms of hash-algorithm-ov and of producers, folded to letters and digits.
_HASHES = {
    "md5": "file:md5",
    "sha1": "file:sha1",
    "sha256": "file:sha256",
    "sha512": "file:sha512",
    "ssdeep": "file:ssdeep",
    "tlsh": "file:tlsh",
    "imphash": "file:imphash",
}
#: Types of cyber-observable objects that the table reads something of.
SCO_TYPES = frozenset(path.partition(":")[0] for path in _PROPERTIES) | {
    "artifact",
    "user-account",
}
#: Properties followed from one object into another; others lead away from what was seen.
_FOLLOWED = frozenset(
    (
        *("from_ref", "sender_ref", "to_refs", "cc_refs", "bcc_refs", "body_raw_ref"),
        *("raw_email_ref", "src_ref", "dst_ref", "image_ref", "binary_ref"),
        *("parent_directory_ref", "resolves_to_refs", "belongs_to_refs", "content_ref"),
    )
)
#: What is read of a referenced object; it names no further reference, so one step is the most.
_SEEN = ("value", "name", "path", "number", "hashes")
#: How deep an object is flattened: extensions, their dictionaries, headers.
_MAX_DEPTH = 5
#: Most paths that one object gives, and most entries of one dictionary further inside.
_MAX_PATHS = 10_000
_MAX_HASHES = 100
_PIPE = re.compile(r"(?i)^[\\/]{1,4}(?:\.|[\w.-]+)[\\/]+pipe[\\/]+(.+)$")
#: Values of account-type-ov, and of producers, whose names an adversary chooses and shows.
_SERVICES = frozenset(
    (
        "facebook",
        "skype",
        "twitter",
        "telegram",
        "discord",
        "jabber",
        "icq",
        "wechat",
        "qq",
        "github",
    )
)
_DIRECTORY, _DST, _DST_PORT, _SERVICE, _LOGIN = (
    "file:parent_directory_ref.path",
    "network-traffic:dst_ref.value",
    "network-traffic:dst_port",
    "user-account:account_type",
    "user-account:account_login",
)


class Value(NamedTuple):
    """One observable as a record wants it."""

    kind: str
    value: str
    role: str = ""
    file: str = ""
    """Key of the file that the hash belongs to, where several hashes of it are known."""


def _host(value: str) -> Value | None:
    bare = value.strip()
    try:
        network = ipaddress.ip_network(bare, strict=False)
    except ValueError:
        return Value("domain-name", bare) if "." in bare and "/" not in bare else None
    kind = "ipv4-addr" if network.version == 4 else "ipv6-addr"
    return Value(kind, str(network if network.num_addresses > 1 else network.network_address))


def _by_look(rule: str, value: str) -> Value | None:
    """A value whose type its look decides; `None` if it looks like nothing."""
    if rule == "(host)":
        return _host(value)
    if rule == "(recipient)":
        return Value("email-addr", value, "victim")
    if rule == "(file)":
        pipe = _PIPE.match(value)
        if pipe:
            return Value("named-pipe", pipe[1])
        return Value("file:path" if re.search(r"[\\/]", value) else "file:name", value)
    return Value("url:path", value) if value.startswith("/") and len(value) > 1 else None


def typed(path: str, value: str) -> Value | None:
    """The observable that a value at an object path is, `None` if it is none of our types."""
    value = value[: MAX_VALUE_CHARS + 1]  # the reader of records refuses it and says why
    if not value.strip():
        return None
    kind, _, steps = path.partition(":")
    parents, _, last = steps.rpartition(".")
    if parents == "hashes" or parents.endswith(".hashes"):
        algorithm = re.sub(r"[^a-z0-9]", "", last.lower())
        if kind == "x509-certificate":
            return Value("x509-certificate:sha1", value) if algorithm == "sha1" else None
        named = _HASHES.get(algorithm)
        return Value(named, value) if named else None
    rule = _PROPERTIES.get(path) or _PROPERTIES.get(path.lower())
    if rule is None:
        return None
    if rule.startswith("("):
        return _by_look(rule, value)
    if rule == "url" and value.startswith("/") and not value.startswith("//"):
        return Value("url:path", value)
    if rule == "file:path":
        # Producers escape twice; doubled separators mean one, except before a share's name.
        return Value(rule, re.sub(r"(?<=[^\\])\\{2,}", r"\\", value))
    return Value(rule, value)


def _path_of(test: Comparison) -> str:
    return f"{test.object}:{'.'.join(test.path)}"


def exact(test: Comparison) -> tuple[str, ...]:
    """The values that a comparison names exactly; none under NOT, LIKE, MATCHES or an order."""
    return test.values if not test.negated and test.operator in ("=", "IN", "ISSUBSET") else ()


def _one_file(found: Iterable[Value]) -> dict[str, str] | None:
    """Type -> hash if these may be hashes of one file, `None` if two differ in one type."""
    hashes: dict[str, str] = {}
    for value in found:
        if hashes.setdefault(value.kind, value.value.lower()) != value.value.lower():
            return None
    return hashes


def _is_hash(value: Value) -> bool:
    return value.kind.startswith("file:") and value.kind[5:] in _HASHES


def _joined(values: list[Value], found: Mapping[str, list[str]]) -> list[Value]:
    """The values, with what several properties of one object say together in place of the parts.

    A name in a folder is a path, an address with a port one endpoint, a name on a service an
    account.
    """
    for first, second in ((_DIRECTORY, "file:name"), (_DST, _DST_PORT), (_SERVICE, _LOGIN)):
        if not len(found.get(first, ())) == 1 == len(found.get(second, ())):
            continue
        one, other = found[first][0], found[second][0]
        if first == _DIRECTORY:
            separator = "/" if "/" in one and "\\" not in one else "\\"
            part, whole = Value("file:name", other), one.rstrip("\\/") + separator + other
            joined = typed("file:path", whole)
        elif first == _SERVICE:
            if one.lower() not in _SERVICES or not other.strip(" @"):
                continue
            part = joined = Value("user-account", f"{one}:@{other.strip().lstrip('@')}")
        else:
            host = _host(one)
            if host is None or host.kind != "ipv4-addr" or "/" in host.value:
                continue
            part, joined = host, Value("ipv4-addr:port", f"{host.value}:{other}")
        if joined:
            values = [value for value in values if value != part] + [joined]
    return values


def _grouped(values: list[Value]) -> list[Value]:
    """The values; hashes carry the key of their file, if they can all be of one."""
    hashes = _one_file(value for value in values if _is_hash(value))
    key = file_key(hashes) if hashes else ""
    return [v._replace(file=key) if key and _is_hash(v) else v for v in values]


def _values_of_node(node: Node) -> list[Value]:
    """The observables of a tree; hashes that may be of one file carry its key."""
    if isinstance(node, Comparison):
        path = _path_of(node)
        return [v for v in (typed(path, text) for text in exact(node)) if v]
    values = [value for part in node.parts for value in _values_of_node(part)]
    if node.operator == "AND":
        found: dict[str, list[str]] = {}
        for test in node.parts:
            if isinstance(test, Comparison):
                found.setdefault(_path_of(test), []).extend(exact(test))
        values = _joined(values, found)
    return _grouped(values)


def values_of_pattern(nodes: tuple[Node, ...]) -> list[Value]:
    """The observables of a parsed pattern, each once."""
    return list(dict.fromkeys(value for node in nodes for value in _values_of_node(node)))


def _flat(
    item: Mapping[str, Any], resolve: Callable[[str], Mapping[str, Any] | None]
) -> Iterator[tuple[str, str]]:
    """(object path, value as text) of an object; references are followed one step."""
    kind = text_of(item.get("type"))
    waiting: list[tuple[str, object, int]] = [(k, v, 0) for k, v in item.items() if k != "id"]
    given = 0
    while waiting and given < _MAX_PATHS:
        path, value, depth = waiting.pop()
        last = path.rpartition(".")[2]
        if last in _FOLLOWED:
            refs = value if isinstance(value, list) else [value]
            for ref in dict.fromkeys(r for r in refs[:_MAX_PATHS] if isinstance(r, str)):
                target = resolve(ref) or {}
                waiting += [(f"{path}.{k}", target[k], depth + 2) for k in _SEEN if k in target]
        elif isinstance(value, str):
            given += 1
            yield f"{kind}:{path}", value
        elif isinstance(value, int) and not isinstance(value, bool):
            given += 1
            yield f"{kind}:{path}", str(value)
        elif isinstance(value, dict) and depth < _MAX_DEPTH:
            some = islice(value.items(), _MAX_PATHS if depth < 2 else _MAX_HASHES)
            waiting += [(f"{path}.{k}", v, depth + 1) for k, v in some]
        elif isinstance(value, list) and depth < _MAX_DEPTH:
            waiting += [(path, v, depth + 1) for v in value[:_MAX_PATHS]]


def values_of_object(
    item: Mapping[str, Any], resolve: Callable[[str], Mapping[str, Any] | None]
) -> list[Value]:
    """The observables of a cyber-observable object; ``resolve`` gives the object of a reference.

    A referenced object is an object of its own and gives its own values elsewhere; here it serves
    what only both say together, and the role it has here.
    """
    own: list[Value] = []
    found: dict[str, list[str]] = {}
    for path, text in _flat(item, resolve):
        found.setdefault(path, []).append(text)
        value = typed(path, text)
        if value:
            own.append(value)
    return _grouped(_joined(list(dict.fromkeys(own)), found))


#: YARA: what may hold a word that looks like a rule, and rules. Repetitions are possessive and an
#: unfinished comment or string reaches to the end, so no text is scanned twice.
_YARA = re.compile(
    r"""(?s)//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|"(?:[^"\\\n]|\\.)*+"?|"""
    r"""\brule\s++([A-Za-z_]\w{0,127})\b\s*+[:{]"""
)


def yara_rule_names(text: str) -> list[str]:
    """Names of the rules in YARA source, not of those in comments and strings."""
    return list(dict.fromkeys(found[1] for found in _YARA.finditer(text) if found[1]))


def is_inexact(node: Node) -> bool:
    """Whether the tree compares anything without naming an exact value."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Junction):
            waiting.extend(here.parts)
        elif not exact(here):
            return True
    return False
