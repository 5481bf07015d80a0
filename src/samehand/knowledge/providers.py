"""Registered domains, and providers whose choice says little.

A provider is a suffix under which strangers get names or space: an entry of
``data/providers.toml``, a suffix of the warning lists (dynamic DNS, hosting, storage, links), or
a private suffix of the Public Suffix List (as carried by tldextract, never fetched).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache

import tldextract

from samehand.config import bundled
from samehand.knowledge.cache import on_forget
from samehand.knowledge.common import provider_of


@dataclass(frozen=True, slots=True)
class ProviderClass:
    """Why strangers share such a provider."""

    name: str
    reason: str
    kappa: float
    """Unrelated holders expected; 0 where the provider was chosen, which may tell a little."""


@cache
def _classes() -> dict[str, ProviderClass]:
    """Provider suffix -> its class."""
    rows = tomllib.loads(bundled("knowledge/data/providers.toml").decode())["class"]
    return {
        suffix: ProviderClass(row["name"], row["reason"], float(row.get("kappa", 0)))
        for row in rows
        for suffix in row["suffixes"]
    }


def unchosen(provider: str) -> ProviderClass | None:
    """The class of a provider that is in everybody's traffic, such as a search engine or a clock.

    `None` for one that somebody chose: a dynamic-DNS provider, a host, a file exchange.
    """
    found = _classes().get(provider)
    return found if found is not None and found.kappa else None


def class_of(provider: str) -> ProviderClass | None:
    """The class of a provider on our list or a warning list.

    `None` for others: a private suffix of the Public Suffix List.
    """
    classes = _classes()
    found = classes.get(provider) or classes.get("*." + provider.partition(".")[2])
    listed = provider_of(provider)
    if found is None and listed is not None and listed[0] == provider:
        return ProviderClass(listed[1], "On a warning list of such providers.", 0.0)
    return found


@cache
def _extractors() -> tuple[tldextract.TLDExtract, tldextract.TLDExtract]:
    icann = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    private = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
    )
    return icann, private


def _listed(host: str, labels: list[str]) -> str:
    """The longest suffix of our list or of the warning lists; '' if none."""
    classes = _classes()
    listed = provider_of(host)
    for start in range(len(labels)):
        suffix = ".".join(labels[start:])
        # A leading "*" stands for one label of the provider's own, such as a region.
        if suffix in classes or ".".join(["*", *labels[start + 1 :]]) in classes:
            return suffix
        if listed is not None and suffix == listed[0]:
            return suffix
    return ""


def labels_below_suffix(host: str) -> list[str]:
    """The labels before the public suffix of a host: ``blog.cert.or.jp`` gives blog, cert."""
    found = _extractors()[0](host)
    return [label for label in (*found.subdomain.split("."), found.domain) if label]


@lru_cache(maxsize=200_000)
def split_host(host: str) -> tuple[str, str]:
    """(registered domain, provider) of a host; either may be ''.

    Below a provider the registered domain is the customer's name: ``a.b.publicvm.com`` gives
    ``('b.publicvm.com', 'publicvm.com')``; the provider itself gives ``('', 'publicvm.com')``. The
    longest suffix wins, wherever it is listed.
    """
    labels = host.split(".")
    provider = _listed(host, labels)
    icann, private = _extractors()
    found = private.extract_str(host)
    public = icann.extract_str(host).suffix if found.suffix else ""
    if found.suffix != public and len(found.suffix) > len(provider):
        provider = found.suffix
    if provider:
        start = len(labels) - provider.count(".") - 1
        return (".".join(labels[start - 1 :]) if start else "", provider)
    return (f"{found.domain}.{found.suffix}", "") if found.suffix and found.domain else ("", "")


on_forget(split_host.cache_clear)
