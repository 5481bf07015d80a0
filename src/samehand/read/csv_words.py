"""What the names of columns and of types mean in lists of indicators, in any common spelling."""

from __future__ import annotations

import re

from samehand.read.common import words

#: Column names, letters and digits only -> type; `by-value` and `by-length` leave the choice to
#: the value. MISP's attribute types (misp-project.org/datamodels) and those of AlienVault OTX,
#: ThreatFox and MalwareBazaar are among them.
_TYPES = {
    "by-value": "ip ipaddress ipaddr ips address ipaddresses srcip dstip sourceip destinationip "
    "ipsrc ipdst ipv4 ipv4addr ipv4address ipv6 ipv6addr ipv6address host hosts c2ip c2address "
    "c2server c2servers c2 c2s server dstipaddress ipport ipdstport ipsrcport networkip "
    "domain domains domainname domainnames hostname hostnames fqdn fqdns dns c2domain "
    "domainhostname networkdomain url urls uri uris c2url downloadurl payloadurl "
    "maliciousurl networkurl",
    "by-length": "hash hashes filehash filehashes samplehash md5sha1sha256 checksum digest "
    "hashvalue malwarehash",
    "file:md5": "md5 md5hash filehashmd5 hashmd5 filemd5 filehashesmd5 md5s",
    "file:sha1": "sha1 sha1hash filehashsha1 hashsha1 filesha1 filehashessha1",
    "file:sha256": "sha256 sha256hash filehashsha256 hashsha256 filesha256 filehashessha256 "
    "sha2 sha2256",
    "file:sha512": "sha512 sha512hash filehashsha512 hashsha512 filehashessha512",
    "file:ssdeep": "ssdeep fuzzyhash filehashesssdeep",
    "file:tlsh": "tlsh filehashestlsh",
    "file:imphash": "imphash importhash filehashimphash",
    "file:name": "filename filenames file malwarefilename attachment malwarefile",
    "file:path": "filepath filepaths path fullpath",
    "pdb-path": "pdb pdbpath",
    "email-addr": "email emails emailaddress emailaddr mail emailsrc emaildst sender senderemail "
    "emailsender emailreplyto",
    "mutex": "mutex mutexes mutexname",
    "named-pipe": "namedpipe pipe pipename",
    "windows-registry-key": "registry registrykey registrykeys regkey regkeys windowsregistrykey",
    "service-name": "service servicename windowsservicename windowsservice",
    "user-agent": "useragent useragents httpuseragent",
    "cryptocurrency-wallet": "btc bitcoin wallet walletaddress cryptocurrencywallet xmr eth "
    "bitcoinaddress cryptoaddress",
    "x509-certificate:sha1": "x509fingerprintsha1 certsha1 certificatesha1 sslsha1 "
    "sslcertificatesha1 certfingerprint",
    "x509-certificate:serial": "certificateserial serialnumber certserial",
    "autonomous-system": "as asn autonomoussystem asnumber",
    "vulnerability": "cve cves cveid vulnerability vulnerabilities",
    "yara-rule": "yararule yararulename",
}
TYPE_OF_WORD = {word: kind for kind, listed in _TYPES.items() for word in listed.split()}
TYPE_OF_WORD["ipv4addrport"] = "ipv4-addr:port"

#: Columns that hold the value while another holds its type.
VALUE_WORDS = words(
    "value indicator ioc iocvalue indicatorvalue observable observablevalue artifact artefact data"
)
TYPE_WORDS = words(
    "type ioctype indicatortype datatype observabletype attributetype artifacttype kind"
)
#: Columns that hold identifiers and other values that only look like observables.
NOTHING_WORDS = words(
    "id uuid guid eventid objectid attributeid eventuuid objectuuid attributeuuid attributetag "
    "objectname objectmetacategory timestamp date firstseen lastseen firstseenutc lastseenutc "
    "dateadded datecreated lastupdated modified created confidence tlp toids distribution "
    "reporter author eventdate eventthreatlevelid orgc org port dstport country"
)
REFERENCE_WORDS = words(
    "reference references source sources sourceurl referenceurl link links report reports blog "
    "eventinfo"
)
ROLE_WORDS = words(
    "role type category description comment comments notes note tags tag threat threattype use "
    "usage context remark remarks details classification attack purpose function"
)
_ROLES = tuple(
    (role, re.compile(form, re.IGNORECASE))
    for role, form in (
        ("c2", r"\bc2\b|\bc&c\b|\bcnc\b|\bcommand[ -](?:and|&)[ -]control\b|\bbotnet_cc\b"),
        (
            "download",
            r"\bdownload(?:s|er|ed)?\b|\bpayload[_ ](?:delivery[_ ])?url\b|\bmalware_download\b|"
            r"\bdistribution (?:site|server|url|point)\b",
        ),
        ("phishing", "phish"),
        ("victim", r"\bvictims?\b"),
        ("sinkhole", r"\bsinkholed?\b"),
        (
            "benign",
            r"\bbenign\b|\blegitimate\b|\b(?:white|allow)list(?:ed)?\b|\bfalse positive\b|"
            r"\bharmless\b",
        ),
        ("reference", r"^\s*(?:external )?references?\s*$|^\s*external analysis\s*$"),
    )
)
_NOT = re.compile(r"(?i)\b(?:not|no|non|never|formerly|un)\b")
_SQUEEZE = re.compile(r"[\W_]+")
#: Longest cell that may name a role, in characters: a sentence tells a story, not a role.
MAX_ROLE_CHARS = 120
_HASH_KIND = {32: "file:md5", 40: "file:sha1", 64: "file:sha256", 128: "file:sha512"}
_HEX = re.compile(r"[0-9A-Fa-f]+")
_IPV4 = re.compile(
    r"\d{1,3}(?:[\[({]?\.[\])}]?|\[dot\]|\(dot\)){1}\d{1,3}(?:(?:[\[({]?\.[\])}]?|\[dot\]|\(dot\))\d{1,3}){2}"
)
_URL = re.compile(r"(?i)[a-z]{2,8}\W{0,2}:\W{0,2}//")


def squeeze(name: str) -> str:
    """A name reduced to what spellings have in common: 'SHA-256' and 'sha 256' are one."""
    return _SQUEEZE.sub("", name.casefold())


def type_of_word(word: str) -> str:
    """The type that a column name or a type cell means; '' if none is meant clearly."""
    small = squeeze(word)
    return TYPE_OF_WORD.get(small, "")


def role_of(cell: str) -> str:
    """The role that a cell names clearly: exactly one, and not denied; else ''."""
    if not cell or len(cell) > MAX_ROLE_CHARS:
        return ""
    found = [role for role, form in _ROLES if form.search(cell)]
    return found[0] if len(found) == 1 and not _NOT.search(cell) else ""


def type_of_value(kind: str, value: str) -> str:
    """The type of one value of a column: what the column says, as far as the value agrees."""
    if kind == "by-length":
        return _HASH_KIND.get(len(value), "") if _HEX.fullmatch(value) else ""
    if kind != "by-value":
        return kind
    if _URL.match(value):
        return "url"
    if match := _IPV4.match(value):
        rest = value[match.end() :]
        if not rest:
            return "ipv4-addr"
        if rest.strip("[]:").isdigit() and ":" in rest:
            return "ipv4-addr:port"
        return "url" if rest[0] in "/:" and "/" in rest else ""
    if value.count(":") >= 2 and all(c in "0123456789abcdefABCDEF:.[]%" for c in value):
        return "ipv6-addr"
    if "@" in value and "/" not in value:
        return "email-addr"
    if "/" in value:
        return "url"
    return "domain-name" if "." in value and " " not in value and ":" not in value else ""
