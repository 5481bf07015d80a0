"""The word lists of ``knowledge/data/extract.toml`` and the top-level domains, loaded once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

import idna
import tldextract

from samehand.config import bundled


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Sets of lower-case words."""

    file_endings: frozenset[str]
    file_domains: frozenset[str]
    not_hosts: frozenset[str]
    code_heads: frozenset[str]
    package_heads: frozenset[str]
    plain_domains: frozenset[str]
    word_domains: frozenset[str]
    not_labels: frozenset[str]
    other_roots: frozenset[str]
    version_words: frozenset[str]
    top_level: frozenset[str]
    """Top-level domains as A-labels and U-labels."""


@cache
def lexicon() -> Lexicon:
    """All word lists."""
    rows = tomllib.loads(bundled("knowledge/data/extract.toml").decode())
    # A trailing underscore in the file takes a word out while its place in the list shows that it
    # was thought of.
    sets = {
        name: frozenset(w for w in words.split() if not w.endswith("_"))
        for name, words in rows.items()
        if isinstance(words, str)
    }
    icann = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tops = {suffix.rpartition(".")[2].lower() for suffix in icann.tlds}
    for top in list(tops):
        if not top.isascii():
            tops.add(idna.encode(top, uts46=True).decode())
    return Lexicon(**sets, top_level=frozenset(tops))
