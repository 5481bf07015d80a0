"""Write knowledge/data/public_tools.toml: ATT&CK software of type tool, and the hand-made list below.

    python scripts/build_public_tools.py [--out FILE]

Needs pymispgalaxies (1.1.1 was used). No network.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pymispgalaxies

CLUSTERS = Path(pymispgalaxies.__file__).parent / "data" / "misp-galaxy" / "clusters"
OUT = Path(__file__).resolve().parent.parent / "src/samehand/knowledge/data/public_tools.toml"

# Name -> (kind, first year in which anybody could have it or None, other spellings).
# Kinds: offensive (attack framework or security tool), rat (sold, leaked or given away), stealer, loader, webshell,
# admin (legitimate third-party tool), system (comes with the operating system). A family that is shared among a closed
# circle only (PlugX, ShadowPad, Derusbi) is not public and not here.
HAND: dict[str, tuple[str, int | None, tuple[str, ...]]] = {
    # offensive
    "mimikatz": ("offensive", 2011, ()),
    "cobalt strike": ("offensive", 2012, ("cobaltstrike", "cobalt strike beacon")),
    "metasploit": ("offensive", 2003, ("metasploit framework",)),
    "meterpreter": ("offensive", 2004, ()),
    "empire": ("offensive", 2015, ("powershell empire", "empyre")),
    "lazagne": ("offensive", 2015, ()),
    "powersploit": ("offensive", 2012, ()),
    "powerview": ("offensive", 2014, ()),
    "powerup": ("offensive", 2014, ()),
    "nishang": ("offensive", 2012, ()),
    "bloodhound": ("offensive", 2016, ("sharphound",)),
    "crackmapexec": ("offensive", 2015, ()),
    "netexec": ("offensive", 2023, ()),
    "impacket": ("offensive", None, ("wmiexec", "secretsdump", "smbexec", "psexec.py", "atexec")),
    "rubeus": ("offensive", 2018, ()),
    "sharpshooter": ("offensive", 2018, ()),
    "seatbelt": ("offensive", 2018, ()),
    "certipy": ("offensive", 2021, ()),
    "koadic": ("offensive", 2017, ()),
    "poshc2": ("offensive", 2016, ()),
    "pupy": ("offensive", 2015, ("pupyrat",)),
    "silenttrinity": ("offensive", 2018, ()),
    "covenant": ("offensive", 2019, ()),
    "merlin": ("offensive", 2018, ()),
    "mythic": ("offensive", 2018, ("apfell",)),
    "sliver": ("offensive", 2019, ()),
    "havoc": ("offensive", 2022, ("havoc c2",)),
    "brute ratel c4": ("offensive", 2020, ("brute ratel", "brc4")),
    "donut": ("offensive", 2019, ()),
    "unicorn": ("offensive", None, ()),
    "veil": ("offensive", 2013, ("veil-evasion",)),
    "invoke-obfuscation": ("offensive", 2016, ()),
    "confuserex": ("offensive", None, ("confuser",)),
    "dotnettojscript": ("offensive", 2017, ()),
    "gophish": ("offensive", 2013, ()),
    "evilginx": ("offensive", 2017, ("evilginx2",)),
    "beef": ("offensive", None, ("browser exploitation framework",)),
    "responder": ("offensive", 2012, ()),
    "inveigh": ("offensive", 2015, ()),
    "john the ripper": ("offensive", None, ()),
    "hashcat": ("offensive", None, ()),
    "hydra": ("offensive", None, ("thc-hydra",)),
    "sqlmap": ("offensive", None, ()),
    "masscan": ("offensive", 2013, ()),
    "nmap": ("offensive", 1997, ("zenmap",)),
    "nbtscan": ("offensive", None, ()),
    "fscan": ("offensive", 2020, ()),
    "chisel": ("offensive", None, ()),
    "earthworm": ("offensive", None, ()),
    "frp": ("offensive", None, ("fast reverse proxy",)),
    "htran": ("offensive", None, ("hucpackettransmittool",)),
    "regeorg": ("offensive", 2014, ("neo-regeorg",)),
    "iox": ("offensive", None, ()),
    "stowaway": ("offensive", None, ()),
    "ligolo": ("offensive", None, ("ligolo-ng",)),
    "juicypotato": ("offensive", 2018, ("juicy potato",)),
    "badpotato": ("offensive", None, ()),
    "godpotato": ("offensive", 2022, ()),
    "printspoofer": ("offensive", 2020, ()),
    "sharphide": ("offensive", None, ()),
    "nanodump": ("offensive", None, ()),
    "pypykatz": ("offensive", None, ()),
    "quarkspwdump": ("offensive", None, ()),
    "pwdump": ("offensive", None, ("pwdump6", "pwdump7")),
    "gsecdump": ("offensive", None, ()),
    "fgdump": ("offensive", None, ()),
    "windows credential editor": ("offensive", None, ("wce",)),
    "mailpassview": ("offensive", None, ("mail passview",)),
    "webbrowserpassview": ("offensive", None, ("nirsoft webbrowserpassview",)),
    "netpass": ("offensive", None, ()),
    "sharpchrome": ("offensive", None, ()),
    "uacme": ("offensive", 2014, ()),
    "eternalblue": ("offensive", 2017, ()),
    "doublepulsar": ("offensive", 2017, ()),
    "termite": ("offensive", None, ()),
    "ntdsxtract": ("offensive", None, ()),
    "certify": ("offensive", 2021, ()),
    "adrecon": ("offensive", None, ()),
    "kerbrute": ("offensive", 2019, ()),
    # remote access trojans that anybody could buy, find or build
    "njrat": ("rat", 2012, ("bladabindi", "njw0rm")),
    "njrat lime": ("rat", None, ("lime rat", "limerat")),
    "remcos": ("rat", 2016, ("remcosrat", "remcos rat")),
    "quasar rat": ("rat", 2014, ("quasarrat", "quasar", "xrat")),
    "asyncrat": ("rat", 2019, ("async rat",)),
    "dcrat": ("rat", 2018, ("dark crystal rat",)),
    "venomrat": ("rat", None, ("venom rat",)),
    "nanocore": ("rat", 2013, ("nanocore rat",)),
    "poison ivy": ("rat", 2005, ("poisonivy", "poison ivy rat")),
    "gh0st rat": ("rat", 2008, ("gh0st", "gh0strat", "ghost rat")),
    "pcshare": ("rat", None, ()),
    "darkcomet": ("rat", 2008, ("dark comet",)),
    "netwire": ("rat", 2012, ("netwire rat", "netwirerc")),
    "luminositylink": ("rat", 2015, ("luminosity link",)),
    "imminent monitor": ("rat", None, ("imminent monitor rat",)),
    "orcus rat": ("rat", 2016, ("orcus",)),
    "xtreme rat": ("rat", None, ("xtremerat", "extreme rat")),
    "cybergate": ("rat", None, ()),
    "spy-net": ("rat", None, ()),
    "bozok": ("rat", None, ()),
    "adwind": ("rat", None, ("jrat", "alienspy", "jsocket", "unrecom", "frutas", "jbifrost")),
    "strrat": ("rat", 2020, ()),
    "ratty": ("rat", None, ()),
    "h-worm": ("rat", 2013, ("houdini", "hworm", "wshrat", "dunihi")),
    "vjw0rm": ("rat", None, ("vengeance justice worm",)),
    "revenge rat": ("rat", 2016, ("revengerat",)),
    "warzone rat": ("rat", 2018, ("warzone", "ave maria", "avemaria")),
    "bitrat": ("rat", 2020, ()),
    "xworm": ("rat", 2022, ()),
    "parallax": ("rat", 2019, ("parallax rat",)),
    "babylon rat": ("rat", None, ()),
    "ammyy admin": ("admin", None, ("ammyy",)),
    "spynote": ("rat", 2016, ()),
    "androrat": ("rat", 2012, ()),
    "omnirat": ("rat", 2015, ()),
    "dendroid": ("rat", 2014, ()),
    "ahmyth": ("rat", 2017, ()),
    "thefatrat": ("offensive", None, ()),
    # stealers, keyloggers
    "agent tesla": ("stealer", 2014, ("agenttesla",)),
    "hawkeye": ("stealer", 2013, ("hawkeye keylogger",)),
    "predator pain": ("stealer", None, ()),
    "isr stealer": ("stealer", None, ()),
    "lokibot": ("stealer", 2015, ("loki bot",)),
    "pony": ("stealer", None, ("fareit",)),
    "azorult": ("stealer", 2016, ()),
    "formbook": ("stealer", 2016, ("xloader",)),
    "raccoon stealer": ("stealer", 2019, ("raccoon",)),
    "redline": ("stealer", 2020, ("redline stealer",)),
    "vidar": ("stealer", 2018, ()),
    "lumma": ("stealer", 2022, ("lummac2", "lumma stealer")),
    "snake keylogger": ("stealer", 2020, ("404 keylogger",)),
    "masslogger": ("stealer", 2020, ()),
    "stealc": ("stealer", 2023, ()),
    # loaders, packers
    "guloader": ("loader", 2019, ("cloudeye",)),
    "smokeloader": ("loader", 2011, ("smoke loader", "dofoil")),
    "amadey": ("loader", 2018, ()),
    "upx": ("loader", None, ()),
    "vmprotect": ("loader", None, ()),
    "themida": ("loader", None, ()),
    "autoit": ("loader", None, ()),
    # web shells
    "china chopper": ("webshell", 2012, ("chinachopper",)),
    "aspxspy": ("webshell", None, ()),
    "b374k": ("webshell", None, ()),
    "c99": ("webshell", None, ("c99shell",)),
    "r57": ("webshell", None, ()),
    "wso": ("webshell", None, ("wso web shell",)),
    "p0wnyshell": ("webshell", None, ()),
    "behinder": ("webshell", 2018, ()),
    "godzilla webshell": ("webshell", 2020, ()),
    "antsword": ("webshell", None, ()),
    "weevely": ("webshell", None, ()),
    # legitimate tools
    "psexec": ("admin", None, ()),
    "procdump": ("admin", 2009, ()),
    "paexec": ("admin", None, ()),
    "remcom": ("admin", None, ()),
    "adfind": ("admin", None, ()),
    "sdelete": ("admin", None, ()),
    "autoruns": ("admin", None, ()),
    "process hacker": ("admin", None, ()),
    "psloggedon": ("admin", None, ("pstools",)),
    "winrar": ("admin", None, ("rar.exe",)),
    "7-zip": ("admin", None, ("7zip", "7z")),
    "winscp": ("admin", None, ()),
    "putty": ("admin", None, ("plink",)),
    "openssh": ("admin", None, ()),
    "netcat": ("admin", None, ("nc.exe", "ncat")),
    "socat": ("admin", None, ()),
    "curl": ("admin", None, ()),
    "wget": ("admin", None, ()),
    "rclone": ("admin", None, ()),
    "megasync": ("admin", None, ("megacmd",)),
    "filezilla": ("admin", None, ()),
    "teamviewer": ("admin", 2005, ()),
    "anydesk": ("admin", 2014, ()),
    "screenconnect": ("admin", None, ("connectwise control",)),
    "atera": ("admin", None, ()),
    "splashtop": ("admin", None, ()),
    "dameware": ("admin", None, ()),
    "radmin": ("admin", None, ()),
    "ultravnc": ("admin", None, ("ultra vnc",)),
    "tightvnc": ("admin", None, ()),
    "realvnc": ("admin", None, ()),
    "rustdesk": ("admin", 2021, ()),
    "supremo": ("admin", None, ()),
    "netsupport manager": ("admin", None, ("netsupport rat", "netsupport")),
    "remote utilities": (
        "admin",
        None,
        ("remoteutilities", "rms", "remote manipulator system", "rurat"),
    ),
    "syncro": ("admin", None, ()),
    "simplehelp": ("admin", None, ()),
    "meshcentral": ("admin", None, ("meshagent",)),
    "pdq deploy": ("admin", None, ()),
    "ngrok": ("admin", None, ()),
    "cloudflared": ("admin", None, ()),
    "softether vpn": ("admin", None, ("softether",)),
    "openvpn": ("admin", None, ()),
    "advanced ip scanner": ("admin", None, ()),
    "angry ip scanner": ("admin", None, ()),
    "softperfect network scanner": ("admin", None, ("netscan",)),
    "everything": ("admin", None, ()),
    "gmer": ("admin", None, ()),
    "pchunter": ("admin", None, ()),
    "veracrypt": ("admin", None, ()),
    "diskcryptor": ("admin", None, ()),
    "xmrig": ("admin", 2017, ()),
    "rawdisk": ("admin", None, ("eldos rawdisk",)),
    "tor": ("admin", None, ()),
    # what the operating system brings
    **dict.fromkeys(
        (
            "net",
            "net1",
            "netsh",
            "systeminfo",
            "ipconfig",
            "ifconfig",
            "tasklist",
            "taskkill",
            "wevtutil",
            "certutil",
            "bitsadmin",
            "schtasks",
            "at",
            "reg",
            "regsvr32",
            "rundll32",
            "mshta",
            "wscript",
            "cscript",
            "powershell",
            "cmd",
            "wmic",
            "sc",
            "whoami",
            "hostname",
            "ping",
            "nslookup",
            "nltest",
            "dsquery",
            "netstat",
            "nbtstat",
            "arp",
            "route",
            "tracert",
            "query",
            "quser",
            "vssadmin",
            "wbadmin",
            "bcdedit",
            "fsutil",
            "icacls",
            "attrib",
            "cacls",
            "esentutl",
            "ntdsutil",
            "diskshadow",
            "makecab",
            "expand",
            "extrac32",
            "findstr",
            "forfiles",
            "xcopy",
            "robocopy",
            "cipher",
            "ftp",
            "tftp",
            "telnet",
            "msiexec",
            "installutil",
            "regasm",
            "regsvcs",
            "msbuild",
            "csc",
            "odbcconf",
            "cmstp",
            "pcalua",
            "control",
            "hh",
            "ieexec",
            "msxsl",
            "wsl",
            "ssh",
            "scp",
            "crontab",
            "launchctl",
            "osascript",
            "bash",
            "python",
            "perl",
            "dd",
            "chmod",
            "chattr",
            "iptables",
            "systemctl",
            "uname",
            "ps",
            "winrm",
            "winrs",
            "rdp",
            "mstsc",
            "psr",
            "gpresult",
            "gpupdate",
            "auditpol",
            "mofcomp",
            "cmdkey",
            "vaultcmd",
            "comsvcs",
        ),
        ("system", None, ()),
    ),
}

HEADER = """\
# Tools that anybody can have: two reports that name one of these are hardly more alike for it.
# Source: general public knowledge (kinds, years), and software of type tool in MITRE ATT&CK as carried by the MISP
#   galaxy cluster mitre-tool (version {v}) in the PyPI package pymispgalaxies {v_pkg}, https://attack.mitre.org
# Licence: ATT&CK names: © The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.
#   The rest: CC0 1.0.
# Retrieved: 2026-11-23. Made by: scripts/build_public_tools.py
#
# [[tool]]  name (lower case), kind (offensive | rat | stealer | loader | webshell | admin | system | attack-tool: only
#           ATT&CK lists it), public_since (first year in which anybody could have it, where known; to about a year),
#           aliases (other spellings), attack (ATT&CK id). For names in a software list or recognised as software;
#           many are ordinary words (at, net, query, everything) and must not be looked for in running text.
# {n} tools, {dated} with a year. Families shared in a closed circle (PlugX, ShadowPad, Derusbi) are not public.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()

    cluster = json.loads((CLUSTERS / "mitre-tool.json").read_text(encoding="utf-8"))
    spelling = {a: n for n, (_, _, aliases) in HAND.items() for a in aliases} | {n: n for n in HAND}
    tools = {
        n: {"kind": k, "since": s, "aliases": list(a), "attack": ""}
        for n, (k, s, a) in HAND.items()
    }
    closed = {
        "carrotball",
        "cspy downloader",
        "ironnetinjector",
        "shimratreporter",
        "xbot",
        "mcmd",
        "spwebmember",
    }
    for value in cluster["values"]:
        sid = value["meta"]["external_id"]
        own = value["value"].removesuffix(f" - {sid}").lower()
        if own in closed:
            continue  # ATT&CK calls them tools, but only one actor or seller is known to have them
        synonyms = [s.lower() for s in value["meta"].get("synonyms", [])]
        known = next(
            (spelling[s] for s in [own, own.removesuffix(".exe"), *synonyms] if s in spelling), None
        )
        entry = tools.setdefault(
            known or own, {"kind": "attack-tool", "since": None, "aliases": [], "attack": ""}
        )
        entry["attack"] = sid
        for s in [own, *synonyms]:
            if s not in spelling and s != (known or own):
                entry["aliases"].append(s)
                spelling[s] = known or own
        spelling.setdefault(own, known or own)

    taken: dict[str, str] = {}
    for name, entry in tools.items():
        for s in [name, *entry["aliases"]]:
            if taken.setdefault(s, name) != name:
                print(f"{s!r} stands for {taken[s]!r} and {name!r}", file=sys.stderr)
                return 1

    lines = []
    for name, entry in sorted(tools.items()):
        lines += [
            "",
            "[[tool]]",
            f"name = {json.dumps(name)}",
            f"kind = {json.dumps(entry['kind'])}",
        ]
        if entry["since"]:
            lines.append(f"public_since = {entry['since']}")
        if entry["aliases"]:
            lines.append(f"aliases = {json.dumps(sorted(set(entry['aliases'])))}")
        if entry["attack"]:
            lines.append(f"attack = {json.dumps(entry['attack'])}")
    head = HEADER.format(
        v=cluster["version"],
        v_pkg=version("pymispgalaxies"),
        n=len(tools),
        dated=sum(bool(e["since"]) for e in tools.values()),
    )
    text = head + "\n".join(lines) + "\n"
    tomllib.loads(text)
    args.out.write_text(text, encoding="utf-8")
    print(
        f"{args.out.name}: {len(tools)} tools, {sum(len(e['aliases']) for e in tools.values())} other spellings"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
