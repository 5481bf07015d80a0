"""Write knowledge/data/attack_techniques.tsv from the ATT&CK clusters that pymispgalaxies carries.

    python scripts/build_attack_techniques.py [--out FILE]

Needs pymispgalaxies (1.1.1 was used). No network.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import pymispgalaxies

CLUSTERS = Path(pymispgalaxies.__file__).parent / "data" / "misp-galaxy" / "clusters"
OUT = Path(__file__).resolve().parent.parent / "src/samehand/knowledge/data/attack_techniques.tsv"

# The clusters carry no ATT&CK version. T1027.017 (new in v17) is there and T1574.002 is revoked (v17),
# T1680 (new in v18) is not there.
VERSION = "17 (inferred from its content; the galaxy does not state it)"

# Techniques of v18 that labelled development data use and the galaxy lacks; name, tactic and parent
# were checked against public copies of attack.mitre.org.
SUPPLEMENT = (
    ("T1036.012", "Browser Fingerprint", "defense-evasion", "T1036", "active", "enterprise"),
    ("T1213.006", "Databases", "collection", "T1213", "active", "enterprise"),
    ("T1518.002", "Backup Software Discovery", "discovery", "T1518", "active", "enterprise"),
    (
        "T1562.013",
        "Disable or Modify Network Device Firewall",
        "defense-evasion",
        "T1562",
        "active",
        "enterprise",
    ),
    ("T1679", "Selective Exclusion", "defense-evasion", "", "active", "enterprise"),
    ("T1680", "Local Storage Discovery", "discovery", "", "active", "enterprise"),
)

# Identifiers that the ICS cluster gives twice or with a slip; by technique name.
ICS_ID = {
    "Default Credentials": "T0812",
    "Internet Accessible Device": "T0883",
    "Scripting": "T0853",
}
ICS_TACTICS = (
    "Initial Access",
    "Execution",
    "Persistence",
    "Evasion",
    "Discovery",
    "Lateral Movement",
    "Collection",
    "Command and Control",
    "Inhibit Response Function",
    "Impair Process Control",
    "Impact",
)
DEPRECATED = re.compile(r"\**\s*This (object|technique) (is|has been) deprecated", re.I)

HEADER = """\
# ATT&CK techniques.
# Source: MITRE ATT&CK version {version}, https://attack.mitre.org,
#   as carried by the MISP galaxy clusters mitre-attack-pattern (version {v_ap}) and mitre-ics-techniques
#   (version {v_ics}) in the PyPI package pymispgalaxies {v_pkg}; plus {n_sup} techniques of ATT&CK v18 added by hand.
# Licence: © The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
#   ATT&CK is a registered trademark of The MITRE Corporation; terms: https://attack.mitre.org/resources/terms-of-use
#   The galaxy's JSON form: CC0 1.0 or 2-clause BSD, MISP project.
# Retrieved: 2026-11-23. Made by: scripts/build_attack_techniques.py
# Columns: id, name, tactics (ATT&CK short names, comma separated), parent (id or empty),
#   status (active | revoked:<id that replaces it> | deprecated), domain (enterprise | mobile | ics).
# PRE-ATT&CK (T1226..T1397) stands as enterprise, deprecated, with its old tactic names.
# Ics rows are the 2020 wiki edition (ids rewritten T8xx -> T08xx); their status was not checked against later ones.
"""


def load(name: str) -> dict:
    return json.loads((CLUSTERS / f"{name}.json").read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()

    cluster, ics = load("mitre-attack-pattern"), load("mitre-ics-techniques")
    id_of = {v["uuid"]: v["meta"]["external_id"] for v in cluster["values"]}
    by_id = {v["meta"]["external_id"]: v for v in cluster["values"]}

    def replaced_by(value: dict) -> str | None:
        """The active technique at the end of the chain of revocations, or None."""
        seen = set()
        while value.get("revoked"):
            target = [
                id_of.get(r["dest-uuid"])
                for r in value.get("related", [])
                if r["type"] == "revoked-by"
            ]
            if not target or target[0] is None or target[0] in seen:
                return None
            seen.add(target[0])
            value = by_id[target[0]]
        return value["meta"]["external_id"]

    rows = []
    for value in cluster["values"]:
        tid = value["meta"]["external_id"]
        name = value["value"].removesuffix(f" - {tid}")
        chain = [k.split(":", 1) for k in value["meta"].get("kill_chain", [])]
        matrices = {m for m, _ in chain}
        tactics = list(dict.fromkeys(t for _, t in chain))
        # The 14 techniques without a kill chain are revoked mobile ones (T14xx).
        mobile = not matrices or any(m.startswith("mobile-attack") for m in matrices)
        if value.get("revoked"):
            new = replaced_by(value)
            status = f"revoked:{new}" if new else "deprecated"
        else:
            status = (
                "deprecated"
                if DEPRECATED.match(value["description"]) or "pre-attack" in matrices
                else "active"
            )
        parent = tid.split(".")[0] if "." in tid else ""
        rows.append(
            (tid, name, ",".join(tactics), parent, status, "mobile" if mobile else "enterprise")
        )

    for value in ics["values"]:
        name = value["value"]
        tid = ICS_ID.get(name, "T0" + value["meta"]["Technique ID"][0].removeprefix("T"))
        text = " ".join(value["meta"]["Tactic"])
        tactics = [
            t.lower().replace(" ", "-")
            for t in ICS_TACTICS
            if t
            in (
                text.replace("Inhibit Response Function", "").replace("Impair Process Control", "")
                if t not in ("Inhibit Response Function", "Impair Process Control")
                else text
            )
        ]
        rows.append((tid, name, ",".join(tactics), "", "active", "ics"))

    rows += [r for r in SUPPLEMENT if r[0] not in by_id]
    rows.sort(key=lambda r: r[0])
    ids = [r[0] for r in rows]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        print(f"given twice: {twice}", file=sys.stderr)
        return 1
    missing = sorted({r[3] for r in rows if r[3]} - set(ids))
    if missing:
        print(f"parents that have no row: {missing}", file=sys.stderr)
        return 1

    from importlib.metadata import version

    head = HEADER.format(
        version=VERSION,
        v_ap=cluster["version"],
        v_ics=ics["version"],
        v_pkg=version("pymispgalaxies"),
        n_sup=len(SUPPLEMENT),
    )
    body = "id\tname\ttactics\tparent\tstatus\tdomain\n" + "".join(
        "\t".join(r) + "\n" for r in rows
    )
    args.out.write_text(head + body, encoding="utf-8")
    print(f"{args.out.name}: {len(rows)} techniques")
    return 0


if __name__ == "__main__":
    sys.exit(main())
