"""What an update connects to, and how deep and long a text may be, without any transfer."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any

import pytest

from samehand.knowledge import update_check, update_transfer


def test_loopback_is_known_by_address() -> None:
    assert all(update_transfer.is_allowed(f"http://{h}/") for h in ("127.9.9.9", "[::1]"))
    assert not update_transfer.is_allowed("http://128.0.0.1/")
    assert update_transfer.is_allowed("https://192.0.2.1/")


def test_certificates_are_checked() -> None:
    opener = update_transfer.default_opener("https://192.0.2.1/")
    handlers: list[Any] = opener.handlers
    context = next(h for h in handlers if isinstance(h, urllib.request.HTTPSHandler))._context  # type: ignore[attr-defined]
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    kinds = {type(h) for h in handlers}
    assert not kinds & {urllib.request.FileHandler, urllib.request.FTPHandler}


@pytest.mark.parametrize("depth", [1, 31, 32, 33, 40])
def test_depth_is_counted_outside_strings(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_check, "_CHUNK_BYTES", 7)
    value: object = '[[[[\\"{{{' * 20 + "\\"
    for _ in range(depth):
        value = [value, "]]]"]
    data = json.dumps(value).encode()
    if depth > 32:
        with pytest.raises(ValueError, match="nested"):
            update_check.check_limits(data)
    else:
        update_check.check_limits(data)


def test_escapes_before_a_quote_are_understood() -> None:
    deep: list[object] = []
    for _ in range(40):
        deep = [deep]
    for ending in ("\\", '\\"', '"', "\\\\", '\\\\"'):
        with pytest.raises(ValueError, match="nested"):
            update_check.check_limits(json.dumps([ending, deep]).encode())
        update_check.check_limits(json.dumps([ending, "[" * 40, ending]).encode())


@pytest.mark.parametrize("chunk", [5, 64, 1 << 22])
@pytest.mark.parametrize("length", [98, 99, 100, 101])
def test_strings_are_measured_across_chunks(
    length: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_check, "_CHUNK_BYTES", chunk)
    monkeypatch.setattr(update_check, "MAX_STRING_BYTES", 100)
    data = json.dumps({"a": ["x" * 20, "y" * length, "z" * 30]}).encode()
    if length >= 100:  # with its first quote
        with pytest.raises(ValueError, match="string"):
            update_check.check_limits(data)
    else:
        update_check.check_limits(data)
