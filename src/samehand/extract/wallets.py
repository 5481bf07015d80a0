"""Checksums of cryptocurrency addresses, so that a mistyped or invented one is none."""

from __future__ import annotations

import hashlib
import re

from Crypto.Hash import keccak

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
#: Version bytes of base58check addresses, of a key and of a script.
_VERSIONS = frozenset((
    b"\x00", b"\x05",  # Bitcoin
    b"\x30", b"\x32",  # Litecoin
    b"\x1e", b"\x16",  # Dogecoin
    b"\x4c", b"\x10",  # Dash
    b"\x1c\xb8", b"\x1c\xbd",  # Zcash, transparent
    b"\x41",  # Tron
))  # fmt: skip
#: Prefixes of segregated-witness addresses: Bitcoin, its test network, Litecoin.
_PREFIXES = frozenset(("bc", "tb", "ltc"))
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
#: What the checksum of version 0 leaves (BIP-173), and of all later versions (BIP-350).
_BECH32_REST, _BECH32M_REST = 1, 0x2BC830A3
#: Bytes that a block of Monero's base58 encodes, by its size in characters (CryptoNote).
_MONERO_BLOCK = {2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}


def _base58(text: str, size: int | None = None) -> bytes | None:
    """The bytes that base58 encodes, of a size if one is given; `None` if it is none."""
    number = 0
    for char in text:
        value = _BASE58.find(char)
        if value < 0:
            return None
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    if size is not None:
        return number.to_bytes(size, "big") if number < 1 << 8 * size else None
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def is_base58check(text: str) -> bool:
    """Whether a base58 address of a known coin has the right checksum (Base58Check)."""
    raw = _base58(text)
    if raw is None or len(raw) < 25 or len(raw) > 26:
        return False
    body, check = raw[:-4], raw[-4:]
    if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] != check:
        return False
    return body[:-20] in _VERSIONS


def is_bech32(text: str) -> bool:
    """Whether a segregated-witness address holds (BIP-173, BIP-350 for version 1 and later)."""
    if text.lower() != text and text.upper() != text:
        return False
    text = text.lower()
    prefix, _, data = text.rpartition("1")
    if prefix not in _PREFIXES or len(data) < 8 or len(text) > 90:
        return False
    values = [_BECH32.find(c) for c in data]
    if min(values) < 0 or not _is_witness(values[0], values[1:-6]):
        return False
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in expanded + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check == (_BECH32_REST if values[0] == 0 else _BECH32M_REST)


def _is_witness(version: int, program: list[int]) -> bool:
    """Whether groups of five bits are a program of a version (BIP-141; BIP-173, "Decoding")."""
    size, padding = divmod(5 * len(program), 8)
    if version > 16 or not 2 <= size <= 40 or (version == 0 and size not in (20, 32)):
        return False
    return padding < 5 and not program[-1] & ((1 << padding) - 1)


def is_ethereum(text: str) -> bool:
    """Whether a hexadecimal address holds: of one case, or with the checksum of EIP-55."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        return False
    body = text[2:]
    if body in (body.lower(), body.upper()):
        return len(set(body.lower())) > 2
    digest = keccak.new(digest_bits=256, data=body.lower().encode()).hexdigest()
    return all(
        c.isdigit() or (c.isupper() == (int(d, 16) >= 8))
        for c, d in zip(body, digest[:40], strict=True)
    )


def is_monero(text: str) -> bool:
    """Whether a Monero address holds: block-wise base58 and four bytes of Keccak-256."""
    if len(text) not in (95, 106) or text[0] not in "48":
        return False
    raw = b""
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        size = _MONERO_BLOCK.get(len(block))
        part = _base58(block, size) if size else None
        if part is None:
            return False
        raw += part
    return keccak.new(digest_bits=256, data=raw[:-4]).digest()[:4] == raw[-4:]


def is_wallet(text: str) -> bool:
    """Whether a text is an address of a known coin with the right checksum."""
    if text.startswith("0x"):
        return is_ethereum(text)
    if re.match(r"(?i)(?:bc|tb|ltc)1", text):
        return is_bech32(text)
    return is_monero(text) if len(text) > 90 else is_base58check(text)
