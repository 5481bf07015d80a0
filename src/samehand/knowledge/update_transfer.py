"""One file from an https address or a folder into a local file, bounded and checked on the way."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

#: Called with the name of a file, bytes done, and bytes in all (0 if the server does not say).
Progress = Callable[[str, int, int], None]

TIMEOUT_SECONDS = 30.0
#: One file may take this long in all, however steadily it drips; 50 MB at 1 Mbit/s take 400 s.
DEADLINE_SECONDS = 900.0
#: Pauses before the second and third try.
PAUSES_SECONDS = (0.5, 2.0)
#: The largest file in use, the enterprise bundle, has about 50 MB.
LIMIT_BYTES = 200 * 1024 * 1024
_CHUNK_BYTES = 1 << 16
_AGENT = "samehand-knowledge-update"


class AbsentError(Exception):
    """The place answers, but has no such file."""


class UnreachableError(Exception):
    """The place does not answer, or not with the whole file, after all tries."""


class RefusedError(Exception):
    """What the place does or sends is not accepted; trying again would not help."""


def is_allowed(url: str, *, plain: bool = False) -> bool:
    """Whether we connect there: https, or plain http to this very machine, or anywhere if asked."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (plain or _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only within its scheme and to an allowed place."""

    max_redirections = 5

    def __init__(self, plain: bool = False) -> None:
        self.plain = plain

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        kept = before == after or (self.plain and after == "https")
        if not is_allowed(newurl, plain=self.plain) or not kept:
            fp.close()
            raise RefusedError(f"it redirects to {newurl[:200]!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def default_opener(url: str, *, plain: bool = False) -> urllib.request.OpenerDirector:
    """An opener for http and https alone that checks certificates and knows the user's proxies."""
    opener = urllib.request.OpenerDirector()
    proxies: dict[str, str] | None = {} if _is_loopback(urlsplit(url).hostname or "") else None
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _Redirects(plain),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def download(
    url: str,
    place: Path,
    name: str,
    *,
    opener: urllib.request.OpenerDirector | None = None,
    limit_bytes: int = LIMIT_BYTES,
    progress: Progress | None = None,
    sleep: Callable[[float], object] = time.sleep,
    plain: bool = False,
) -> str:
    """The SHA-256 of the file behind a URL, after writing it to ``place``.

    ``plain`` allows http without encryption: for an address that the user typed.

    Raises:
        AbsentError, UnreachableError, RefusedError: as they say; the message gives the reason.
    """
    if not is_allowed(url, plain=plain):
        raise RefusedError(f"only {'http and ' if plain else ''}https addresses are fetched from")
    opener = opener or default_opener(url, plain=plain)
    reason = ""
    for pause in (*PAUSES_SECONDS, None):
        try:
            return _once(url, place, name, opener, limit_bytes, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise AbsentError(f"the server answers {error.code}") from error
            if error.code < 500 and error.code != 429:
                raise RefusedError(f"the server answers {error.code}") from error
            reason = f"the server answers {error.code}"
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise RefusedError(f"its certificate is not valid ({error.reason})") from error
            reason = str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        if pause is not None:
            sleep(pause)
    raise UnreachableError(f"{reason}; tried {len(PAUSES_SECONDS) + 1} times")


def _once(
    url: str,
    place: Path,
    name: str,
    opener: urllib.request.OpenerDirector,
    limit_bytes: int,
    progress: Progress | None,
) -> str:
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    until = time.monotonic() + DEADLINE_SECONDS
    with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        stated = response.headers.get("Content-Length", "")
        total = int(stated) if stated.isascii() and stated.isdigit() else 0

        def chunks() -> Iterator[bytes]:
            while chunk := response.read(_CHUNK_BYTES):
                if time.monotonic() > until:
                    raise TimeoutError(f"it took more than {DEADLINE_SECONDS:.0f} seconds")
                yield chunk

        digest, done = _write(chunks(), place, name, total, limit_bytes, progress)
    if total and done != total:
        raise http.client.HTTPException(f"it broke off after {done} of {total} bytes")
    return digest


def _write(
    chunks: Iterator[bytes],
    place: Path,
    name: str,
    total: int,
    limit_bytes: int,
    progress: Progress | None,
) -> tuple[str, int]:
    """SHA-256 and length of what was written."""
    digest, done = hashlib.sha256(), 0
    if total > limit_bytes:
        raise RefusedError(f"it has {total} bytes, more than the limit of {limit_bytes}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        for chunk in chunks:
            done += len(chunk)
            if done > limit_bytes:
                raise RefusedError(f"it has more than the limit of {limit_bytes} bytes")
            digest.update(chunk)
            file.write(chunk)
            if progress:
                progress(name, done, total)
    return digest.hexdigest(), done


def copy(
    source: Path,
    place: Path,
    name: str,
    *,
    limit_bytes: int = LIMIT_BYTES,
    progress: Progress | None = None,
) -> str:
    """The SHA-256 of a local file, after copying it to ``place``.

    Raises:
        AbsentError, UnreachableError, RefusedError: as they say; the message gives the reason.
    """
    if not source.is_file():
        raise AbsentError("there is no such file")

    def chunks(file: Any) -> Iterator[bytes]:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk

    try:
        with source.open("rb") as file:
            total = source.stat().st_size
            return _write(chunks(file), place, name, total, limit_bytes, progress)[0]
    except OSError as error:
        raise UnreachableError(str(error)) from error
