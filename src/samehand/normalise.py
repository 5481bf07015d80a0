"""Raw value to canonical `Feature`, and what follows from it; pure and idempotent.

``canonical(kind, canonical(kind, raw)) == canonical(kind, raw)`` for every kind, by test.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import idna

from samehand.config import types_table
from samehand.model import Feature

#: Longest value that is compared, in characters; longer ones are certainly not observables.
MAX_VALUE_CHARS = 8192

_REFANG: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\u200b\u200c\u200d\u2060\ufeff\u00ad]"), ""),
    (re.compile(r"(?i)^\s*(?:hxxp|h\*\*p|meow|hxtp|htxp)(s?)\s*(?=\[?[:/])"), r"http\1"),
    (re.compile(r"(?i)^\s*fxp(s?)\s*(?=\[?:)"), r"ftp\1"),
    (re.compile(r"\[:((?://)?)\]"), r":\1"),
    (re.compile(r"\[:(?=//)"), ":"),
    (re.compile(r"\[://\]?"), "://"),
    (re.compile(r"(?i)\s{0,3}[\[({<]\s{0,3}(?:\.|dot|punkt)\s{0,3}[\])}>]\s{0,3}"), "."),
    (re.compile(r"\[+\.|\.\]+"), "."),
    (re.compile(r"(?i)\s{0,3}[\[({<]\s{0,3}(?:@|at)\s{0,3}[\])}>]\s{0,3}"), "@"),
    (re.compile(r"\\+\.(?=[A-Za-z0-9])"), "."),
)
#: Values that certainly carry no defanging; the fast path of bulk reading.
_PLAIN = re.compile(
    r"^(?:https?://)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?::\d+)?(?:/[\w./?=&%-]*)?$"
)
#: Full stops that UTS 46 maps to the label separator.
_FULL_STOPS = re.compile("[\u3002\uff0e\uff61]")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]{1,19}://")
_LABEL = re.compile(r"^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")
_TRIVIAL_PATH = re.compile(
    r"(?i)^/?(?:index|default|home|main|login|admin|favicon|robots|wp-login|gate|panel)?"
    r"(?:\.(?:php|html?|aspx?|jsp|ico|txt|cgi))?/?$"
)
_HIVES = {
    "hklm": "hkey_local_machine",
    "hkcu": "hkey_current_user",
    "hkcr": "hkey_classes_root",
    "hku": "hkey_users",
    "hkcc": "hkey_current_config",
}


def refang(raw: str) -> str:
    """A value with the usual defanging undone: ``hxxp://a[.]b`` becomes ``http://a.b``.

    Only unambiguous forms; finding defanged values inside prose is the extractor's work.
    """
    if _PLAIN.match(raw):
        return raw
    value = unicodedata.normalize("NFC", raw).strip()
    for pattern, replacement in _REFANG:
        value = pattern.sub(replacement, value)
    return value.strip()


def _domain(raw: str) -> str:
    host = _FULL_STOPS.sub(".", refang(raw)).rstrip(".").lower()
    if not host or len(host) > 253 or "." not in host:
        raise ValueError("not a domain name")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"not a domain name: {error}") from error
    labels = host.split(".")
    if not all(_LABEL.match(label) for label in labels) or labels[-1].isdigit():
        raise ValueError("not a domain name")
    return host


def _ipv4(raw: str) -> str:
    value = refang(raw)
    if "/" in value:
        return str(ipaddress.IPv4Network(value, strict=False)).removesuffix("/32")
    return str(ipaddress.IPv4Address(value))


def _ipv6(raw: str) -> str:
    value = refang(raw).strip("[]").replace("[:]", ":")
    if "/" in value:
        return str(ipaddress.IPv6Network(value, strict=False)).removesuffix("/128")
    return str(ipaddress.IPv6Address(value))


def _ipv4_port(raw: str) -> str:
    host, _, port = refang(raw).rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("not an address and port")
    return f"{ipaddress.IPv4Address(host)}:{int(port)}"


def _host(raw: str) -> str:
    try:
        return _ipv4(raw)
    except ValueError:
        pass
    if ":" in raw:
        return f"[{_ipv6(raw)}]"
    return _domain(raw)


def _url(raw: str) -> str:
    value = refang(raw)
    has_scheme = _SCHEME.match(value) is not None
    parts = urlsplit(value if has_scheme else f"//{value}")
    if not parts.hostname:
        raise ValueError("no host")
    host = _host(parts.hostname)
    scheme = parts.scheme.lower()
    default = {"http": 80, "https": 443, "ftp": 21}.get(scheme)
    port = parts.port
    where = host if port is None or port == default else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    path = parts.path
    if path in ("", "/"):  # RFC 3986 6.2.3: the same; short where nothing follows
        path = "/" if query or fragment else ""
    return f"{scheme + '://' if has_scheme else ''}{where}{path}{query}{fragment}"


def _url_path(raw: str) -> str:
    value = refang(raw)
    if not value.startswith("/"):
        value = "/" + value
    if value == "/":
        raise ValueError("the root path says nothing")
    return value


def _email(raw: str) -> str:
    local, _, host = refang(raw).lower().rpartition("@")
    if not local or any(c.isspace() for c in local):
        raise ValueError("not an e-mail address")
    return f"{local}@{_domain(host)}"


def _hex(length: int) -> Callable[[str], str]:
    pattern = re.compile(rf"^[0-9a-f]{{{length}}}$")

    def canonical_hex(raw: str) -> str:
        value = raw.strip().lower()
        if not pattern.match(value):
            raise ValueError(f"not {length} hexadecimal digits")
        return value

    return canonical_hex


def _text(raw: str) -> str:
    value = unicodedata.normalize("NFC", raw).strip()
    if not value:
        raise ValueError("empty")
    return value


def _lower(raw: str) -> str:
    return _text(raw).lower()


def _title(raw: str) -> str:
    return " ".join(_lower(raw).split())


def _file_path(raw: str) -> str:
    windows = "\\" in raw or re.match(r"\s*(?:[A-Za-z]:/|%\w+%)", raw)
    return _lower(raw).replace("/", "\\") if windows else _text(raw)


def _file_name(raw: str) -> str:
    value = re.split(r"[\\/]", _lower(raw))[-1].strip()
    if not value:
        raise ValueError("no file name")
    return value


def _registry(raw: str) -> str:
    value = re.sub(r"[\\/]+", r"\\", _lower(raw)).strip("\\ \t\r\n")
    if not value:
        raise ValueError("no key")
    hive, separator, rest = value.partition("\\")
    return _HIVES.get(hive, hive) + separator + rest


def _wallet(raw: str) -> str:
    value = _text(raw)
    hexadecimal = re.fullmatch(r"0[xX][0-9a-fA-F]{40}", value)
    capitals = re.fullmatch(r"(?:BC|TB|LTC)1[0-9A-Z]+", value)  # BIP-173 allows all capitals
    return value.lower() if hexadecimal or capitals else value


def _serial(raw: str) -> str:
    value = re.sub(r"[\s:]", "", raw).lower().removeprefix("0x").lstrip("0")
    if not re.fullmatch(r"[0-9a-f]+", value):
        raise ValueError("not a certificate serial number")
    return value


def _asn(raw: str) -> str:
    match = re.fullmatch(r"(?i)\s*(?:asn?\s*)?(\d{1,10})\s*", raw)
    if match is None:
        raise ValueError("not an AS number")
    return f"AS{int(match[1])}"


def _phone(raw: str) -> str:
    digits = re.sub(r"\D", "", raw)
    if not raw.strip().startswith("+") or not 8 <= len(digits) <= 15:
        raise ValueError("not an international telephone number (ITU-T E.164); write +12025550100")
    return f"+{digits}"


def _cve(raw: str) -> str:
    value = re.sub(r"[\u2010-\u2015]", "-", raw).strip().upper()
    if not re.fullmatch(r"CVE-\d{4}-\d{4,}", value):
        raise ValueError("not a CVE identifier")
    return value


_PIPE_PATH = re.compile(r"(?i)^[\\/]{1,4}(?:[.?]|[\w.-]+)[\\/]+pipe[\\/]+(?=.)")


def _pipe(raw: str) -> str:
    r"""The name of a pipe, without the path '\\.\pipe\' that some write before it."""
    return _PIPE_PATH.sub("", _text(raw))


def _language(raw: str) -> str:
    """RFC 5646, section 2.1: language, then script, region and the like."""
    value = raw.strip().lower().replace("_", "-")
    if not re.fullmatch(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", value):
        raise ValueError("not a language tag; write zh or zh-CN")
    return value


def _utc_offset(raw: str) -> str:
    match = re.fullmatch(r"(?i)(?:utc|gmt)\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?", raw.strip())
    if match is None or int(match[2]) > 14:
        raise ValueError("not an offset from UTC; write UTC+08:00")
    return f"utc{match[1]}{int(match[2]):02d}:{match[3] or '00'}"


def _day_time(raw: str) -> str:
    """RFC 3339; a date alone is its first second."""
    try:
        moment = datetime.fromisoformat(raw.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("not a time; write 2020-01-31T12:00:00Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


_RULES: dict[str, Callable[[str], str]] = {
    "domain": _domain,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "ipv4-port": _ipv4_port,
    "url": _url,
    "url-path": _url_path,
    "email": _email,
    "hex32": _hex(32),
    "hex40": _hex(40),
    "hex64": _hex(64),
    "hex128": _hex(128),
    "text": _text,
    "lower": _lower,
    "title": _title,
    "file-path": _file_path,
    "file-name": _file_name,
    "pipe": _pipe,
    "registry": _registry,
    "wallet": _wallet,
    "serial": _serial,
    "asn": _asn,
    "phone": _phone,
    "cve": _cve,
    "language": _language,
    "utc-offset": _utc_offset,
    "day-time": _day_time,
}

_TECHNIQUE = re.compile(r"^T\d{4}(?:\.\d{3})?$")


def canonical(kind: str, raw: str) -> Feature:
    """The canonical feature of an observable as written in a record.

    Raises:
        KeyError: if ``kind`` is not a type that records may hold.
        ValueError: if the value is not one of its type; the message says what is wrong.
    """
    row = types_table()[kind]
    if row.derived:
        raise KeyError(kind)
    if len(raw) > MAX_VALUE_CHARS:
        raise ValueError(f"longer than {MAX_VALUE_CHARS} characters")
    if not raw.isprintable() and any(
        unicodedata.category(c) == "Cc" and c not in "\t\n\r" for c in raw
    ):
        raise ValueError("contains control characters")
    return Feature(kind, _RULES[row.canonical](raw))


def technique(raw: str) -> Feature:
    """The feature of an ATT&CK technique identifier such as T1566.002.

    Raises:
        ValueError: if it has not the form of one.
    """
    value = raw.strip().upper()
    if not _TECHNIQUE.match(value):
        raise ValueError("not an ATT&CK technique identifier; write T1234 or T1234.001")
    return Feature("technique", value)


def name_key(name: str) -> str:
    """A name folded for comparison: case, spaces, hyphens and punctuation do not matter."""
    if name.isascii() and name.isalnum():
        return name.lower()
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c.isalnum())


def host_of(feature: Feature) -> str:
    """The host inside a domain, address or URL feature, or '' where there is none."""
    if feature.kind in ("domain-name", "ipv4-addr"):
        return feature.value
    if feature.kind == "ipv4-addr:port":
        return feature.value.rpartition(":")[0]
    if feature.kind == "url":
        value = feature.value if _SCHEME.match(feature.value) else f"//{feature.value}"
        return urlsplit(value).hostname or ""
    return ""


def path_of(feature: Feature) -> str:
    """The telling path of a URL feature, or '' if it has none or a trivial one."""
    if feature.kind != "url":
        return ""
    value = feature.value if _SCHEME.match(feature.value) else f"//{feature.value}"
    path = urlsplit(value).path
    return "" if len(path) < 8 or _TRIVIAL_PATH.match(path) else path


def has_path(feature: Feature) -> bool:
    """Whether a URL feature names more than a host."""
    value = feature.value if _SCHEME.match(feature.value) else f"//{feature.value}"
    parts = urlsplit(value)
    return parts.path not in ("", "/") or bool(parts.query)


def is_address(host: str) -> bool:
    """Whether a host is an IPv4 address."""
    if not host[-1:].isdigit():
        return False  # most hosts are names; trying to parse them takes longer than all the rest
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def is_special_address(value: str) -> bool:
    """Whether an IP address or network is private, loopback or otherwise not on the Internet."""
    if not value[-1:].isdigit() and ":" not in value:
        return False
    try:
        if "/" in value:
            return not ipaddress.ip_network(value).is_global
        return not ipaddress.ip_address(value).is_global
    except ValueError:
        return False


def net24(address: str) -> str:
    """The /24 network of an IPv4 address."""
    return address.rpartition(".")[0] + ".0/24"
