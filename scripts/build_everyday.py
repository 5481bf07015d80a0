"""Names of the gazetteer that are everyday words, for `extract/names.py`.

    python scripts/build_everyday.py --words FILE

FILE holds one English word a line, names of people and places too (such as Debian's wamerican, public domain). Written
is what both hold, one folded name a line: in running text such a name needs a word beside it that
says what it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from samehand.knowledge.namebook import graph, words_needing_context
from samehand.knowledge.software import families
from samehand.normalise import name_key

OUT = Path(__file__).resolve().parents[1] / "src/samehand/knowledge/data/everyday_names.tsv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=Path, required=True, help="a list of English words")
    listed = parser.parse_args().words.read_text(encoding="utf-8").splitlines()
    words = {w.lower() for w in listed if w.isalpha() and len(w) > 1}
    names = {n.name for n in graph().namings}
    names |= {name for family in families().values() for name, _ in family.names}
    single = {name_key(n) for n in names if n.replace("-", "").isalpha()}
    found = sorted((single & words) | words_needing_context())
    head = [line for line in OUT.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    OUT.write_text("\n".join([*head, "name", *found]) + "\n", encoding="utf-8")
    print(f"{OUT.name}: {len(found)} of {len(single)} names of one word")


if __name__ == "__main__":
    main()
