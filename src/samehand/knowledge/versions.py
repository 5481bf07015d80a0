"""Which knowledge an answer used."""

from __future__ import annotations

import tomllib

from samehand.config import bundled
from samehand.knowledge import attack
from samehand.knowledge.actors import knowledge_version
from samehand.knowledge.cache import sources


def versions() -> dict[str, str]:
    """Part of the knowledge -> its version, as every assessment states it."""
    packages = sources().packages
    made = tomllib.loads(bundled("knowledge/data/prevalence.toml").decode())
    return {
        "actors": knowledge_version(),
        "attack": attack.version(),
        "software": f"pymispgalaxies {packages['pymispgalaxies']}, overlay",
        "commonplace": f"pymispwarninglists {packages['pymispwarninglists']}, overlay",
        "prevalence": f"made {made['made']}",
        "taxonomies": f"pytaxonomies {packages['pytaxonomies']}",
    }
