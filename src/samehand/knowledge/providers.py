"""Registered domains, and providers whose choice says little.

A provider is a suffix under which strangers get names or space: a private suffix of the Public
Suffix List (as carried by tldextract, never fetched) or an entry of ``data/providers.toml``.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache

import tldextract

from samehand.config import bundled


@cache
def _classes() -> dict[str, str]:
    """Provider suffix -> class name."""
    rows = tomllib.loads(bundled("knowledge/data/providers.toml").decode())["class"]
    return {suffix: row["name"] for row in rows for suffix in row["suffixes"]}


@cache
def _extractors() -> tuple[tldextract.TLDExtract, tldextract.TLDExtract]:
    icann = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    private = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
    )
    return icann, private


@lru_cache(maxsize=200_000)
def split_host(host: str) -> tuple[str, str]:
    """(registered domain, provider) of a host; either may be ''.

    Below a provider the registered domain is the customer's name: ``a.b.publicvm.com`` gives
    ``('b.publicvm.com', 'publicvm.com')``; the provider itself gives ``('', 'publicvm.com')``.
    """
    labels = host.split(".")
    classes = _classes()
    for start in range(len(labels)):  # the longest listed suffix wins
        suffix = ".".join(labels[start:])
        if suffix in classes:
            return (".".join(labels[start - 1 :]) if start else "", suffix)
    icann, private = _extractors()
    found = private.extract_str(host)
    if not found.suffix:
        return "", ""
    if found.suffix != icann.extract_str(host).suffix:
        registered = f"{found.domain}.{found.suffix}" if found.domain else ""
        return registered, found.suffix
    return (f"{found.domain}.{found.suffix}", "") if found.domain else ("", "")
