"""Public and commodity tools, whose use says nothing about whose hand it was."""

from __future__ import annotations

import tomllib
from functools import cache

from samehand.config import bundled
from samehand.normalise import name_key


@cache
def _public() -> frozenset[str]:
    rows = tomllib.loads(bundled("knowledge/data/public_tools.toml").decode())["tool"]
    return frozenset(
        name_key(name) for row in rows for name in (row["name"], *row.get("aliases", ()))
    )


def is_public_tool(name: str) -> bool:
    """Whether a software name is that of a public tool; spelling variants are folded."""
    return name_key(name) in _public()
