"""Names of countries, as STIX locations and MISP galaxies write them, to ISO 3166-1 alpha-2."""

from __future__ import annotations

import re
from collections.abc import Mapping

from samehand.knowledge import cache
from samehand.knowledge.catalogues import COUNTRY_GALAXY, read_values
from samehand.normalise import name_key


@cache.once
def _codes() -> Mapping[str, str]:
    """Folded name -> code, from the MISP galaxies of countries and of targets."""
    found: dict[str, str] = {}
    for galaxy in (COUNTRY_GALAXY, "target-information"):
        for value in read_values(cache.sources(), galaxy)[0]:
            meta = value.get("meta")
            meta = meta if isinstance(meta, dict) else {}
            iso = meta.get("ISO") or meta.get("iso-code")
            listed = iso if isinstance(iso, list) else [iso]
            codes = [c for c in listed if isinstance(c, str) and re.fullmatch("[A-Z]{2}", c)]
            synonyms = meta.get("synonyms")
            names = [value.get("value"), *(synonyms if isinstance(synonyms, list) else ())]
            for name in names if codes else ():
                if isinstance(name, str) and name_key(name):
                    found.setdefault(name_key(name), codes[0])
    return found


def country_code(text: str) -> str:
    """The code of a country given by code or name; '' if it is not known as one."""
    bare = text.strip()
    if re.fullmatch("[A-Za-z]{2}", bare):
        return bare.upper()
    return _codes().get(name_key(bare), "") if len(bare) < 100 else ""
