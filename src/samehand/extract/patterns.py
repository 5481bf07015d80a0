"""Regular expressions for candidates; RE2 runs them in linear time, without backtracking.

They are wide: what a candidate is, is decided afterwards, on the few characters that it spans. They
run over UTF-8 bytes, which is three times as fast as over text.

A search reads on for as long as a longer match is possible. So no part without bound may run over
places at which others match: each of many short matches would read the whole text.
"""

from __future__ import annotations

import re
from typing import Any

import re2

#: A character of a label of a host name; letters of any script, Markdown's escaped underscore.
_W = r"(?:[\pL\pN\pM_-]|\\_)"
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
_DOT_WORD = r"(?i:dot|d0t|punkt|punto|point)"
#: The dot of a host name, plain and in the ways in which it is defanged.
DOT = (
    r"(?:\."
    rf"|\s?\]?{_OPEN}+\s?(?:\.|,|{_DOT_WORD})\s?{_SHUT}+\[?\s?"  # brackets, also over a line break
    r"|[\[({]\.|\.[\])}]"  # half of them
    r"|\.[\[({]"  # around the label after it
    r"|\\+\."
    r"|[ ](?i:dot)[ ]"
    r"|[ ]\.[ ]?)"
)
_COLON = r"(?:\[:\]?|\(:\)|\{:\}|:\]|:)"
_SCHEME = (
    r"(?i:h(?:xx|tt|\*\*|tx|xt|t\*|__|\+\+|txx|xxx|ttx)p(?:\[s\]|\(s\)|s|x)?"
    r"|meows?|mxxps?|fxps?"
    r"|ftps?|sftp|ftxp|wss?|tcp|udp|ssh|smb|ldaps?|rmi|socks[45]?|magnet)"
)
_SLASHES = (
    r"(?:\s?\[:?//\]?"  # [//], [://]
    r"|\s?\[:\s?/\s?/\s?\]"  # the same with blanks
    rf"|\s?{_COLON}\s?(?:\[//\]|\[/\]\[/\]|//\]?|/[ ]/|\\\\?))[ ]?"  # the colon on its own
)
_HOST = rf"{_W}+(?:{DOT}{_W}+)+"


def compiled(pattern: str) -> Any:
    """A pattern over UTF-8 bytes."""
    return re2.compile(pattern.encode())


def spans(match: Any) -> list[tuple[int, int]]:
    """Places of all groups of a match, in bytes; (-1, -1) for one that took no part.

    `Match.span` counts the groups of the pattern anew at each call, a tenth of the whole time; the
    list that it looks into is taken where the library still has it.
    """
    found = getattr(match, "_spans", None)
    return found or [match.span(i) for i in range(match.re.groups + 1)]


#: The beginning of an address with a scheme: scheme, user, host or [address], port.
URL = compiled(
    rf'({_SCHEME})\]?{_SLASHES}([^\s/\\@<>"]*@)?'
    rf"({_HOST}|\[[0-9A-Fa-f:.]+\]|{_W}+)({_COLON}\d{{1,5}})?"
)
#: Host names, addresses and file names, with a port. Without groups, which cost twice the search.
HOST = compiled(rf"{_HOST}(?:{_COLON}\d{{1,5}})?")
IPV6 = compiled(
    r"[0-9A-Fa-f]*(?:(?:\[::?\]|:)[0-9A-Fa-f]*){2,}"
    r"(?:\.\d+\.\d+\.\d+)?"  # an IPv4 address embedded
    r"(?:/\d{1,3})?"
)
#: What the groups of `RUN` may be.
RUN_KINDS = ("pairs", "tlsh", "cve", "attack", "as", "wallet", "ssdeep", "comma", "hex")
#: What begins at the edge of a word and has no blanks in it, in one pass: the number of the group
#: that matched says what it may be. Of two that begin at one place the first listed wins.
RUN = compiled(
    r"(\b[0-9A-Fa-f]{2}(?:[: -][0-9A-Fa-f]{2}){7,}\b)"
    r"|(\bT1[0-9A-Fa-f]{70}\b)"
    r"|(\b[Cc][Vv][Ee]\s?[-–‐‑–—−]\s?\d{4}\s?[-–‐‑–—−]\s?\d{4,8}\b)"
    r"|(\b(?:T\d{4}(?:[./]\d{3})?|[GSC]\d{4})\b)"
    r"|(\bASN? ?#?\d{2,10}\b)"
    r"|(\b(?:0x[0-9a-fA-F]{40}|(?i:bc1|tb1|ltc1)[0-9A-Za-z]{6,87}"
    r"|[13LMDXtTA][1-9A-HJ-NP-Za-km-z]{25,35}|[48][1-9A-HJ-NP-Za-km-z]{94,105})\b)"
    r"|(\b\d{1,8}:[A-Za-z0-9/+]+:[A-Za-z0-9/+]+)"
    r"|(\b\d{1,3},\d{1,3},\d{1,3},\d{1,3}\b)"
    r"|((?:0[xX])?[0-9A-Fa-f]{32,})"
)
#: Group 1: the number.
SERIAL = compiled(
    r"(?i)\bserial(?: ?(?:number|no\.?|num|#))?(?: is| of)?\s*[:=|]?\s*[\"'`]?"
    r"((?:0x)?[0-9a-f][0-9a-f: ]{6,60}[0-9a-f])\b"
)
#: Names of keys may hold blanks; a blank counts only with a further backslash after it.
REGISTRY = compiled(
    r"(?i)\b(?:HKEY_(?:LOCAL_MACHINE|CURRENT_USER|CLASSES_ROOT|USERS|CURRENT_CONFIG)"
    r"|HK(?:LM|CU|CR|U|CC))(?::|\])?[\\/]+"
    r"[^\s\"'<>|,;`”]*(?:(?: [^\s\"'<>|,;`”\\]{1,40}){1,3}\\[^\s\"'<>|,;`”]*)*"
)
#: A drive, a variable or a share; up to three blanks in a name with a further backslash after it.
WINDOWS_PATH = compiled(
    r"(?:\b[A-Za-z]:|[%$][A-Za-z_()0-9:]+%?|\\\\\?|\\\\[A-Za-z0-9_.-]+)[\\]+"
    r"[^\s\"'<>|:*?,;`”]*(?:(?: [^\s\"'<>|:*?,;`”\\]{1,40}){1,3}\\[^\s\"'<>|:*?,;`”]*)*"
    r"|\b[A-Za-z]:/(?:[^\s\"'<>|:*?,;`”/]+/)+[^\s\"'<>|:*?,;`”/]+"
)
UNIX_PATH = compiled(
    r"(?:~|/(?:etc|usr|tmp|var|home|opt|root|dev|proc|bin|sbin|lib|private"
    r"|Library|Users|Applications|System|mnt|data|run|Volumes|srv))/[^\s\"'<>|:*?,;()\[\]`”]+"
)
PIPE = compiled(r"\\\\+\.\\+pipe\\+[^\s\"'<>|,;`”’)]+")
MUTEX = compiled(r"\b(?:Global|Local)\\{1,2}[\pL\pN_.{}!@#$-]+")
USER_AGENT = compiled(
    r"\bMozilla/\d\.\d \([^)\n]*\)[^\"'\n<>|`”’()]*"
    r"(?:\([^)\n]*\)[^\"'\n<>|`”’()]*)*"  # '(KHTML, like Gecko) Chrome/...'
)
#: Group 1: what follows the label.
USER_AGENT_LINE = compiled(
    r"(?i)\buser[- ]?agent(?: string)?(?: is| was| of| used)?\s*(?:[:=|]\s*[\"'`“]?|[\"'`“])"
    r"([^\"'`“”|\n]{4,300})"
)
#: Group 1: the name of a rule at the beginning of a line.
YARA = compiled(
    r"(?:^|\n)[ \t]*(?:private |global )*rule[ \t]+"
    r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[ \tA-Za-z0-9_]*)?\s*\{"
)
#: A name that the words before it declare: the word, the name in quotes, the name without.
NAMED = compiled(
    r"(?i)\b(mutex(?:es)?|mutant|named pipe|pipe name|service|scheduled task|task)"
    r"(?: name| object)?s?[\"']?"
    r"(?: (?:is|was|called|named|with the name|as|of|created|is called))*(?: ?[:=|][ \t]*| )"
    r"(?:[\"'`“‘]([^\"'`“”‘’\n]{3,80})[\"'`”’]|([^\s\"'`“”‘’,;()|]{3,80}))"
)
#: A name in the call or command that makes it: groups for mutex, service and task.
MADE = compiled(
    r"\b(?:Create|Open)Mutex(?:Ex)?[AW]?\s?\([^\"'()\n]{0,60}[\"']([^\"'\n]{2,80})[\"']"
    r"|(?i:\bsc(?:\.exe)? +create +)(\"[^\"\n]{2,80}\"|[^\s\"]{2,80})"
    r"|(?i:/tn +|-TaskName +)(\"[^\"\n]{2,80}\"|[^\s\"]{2,80})"
)
#: A path of debugging symbols, which may hold blanks: up to its ending.
PDB = compiled(r"\b[A-Za-z]:\\[^\"'<>|*?:\n]{1,250}?\.[Pp][Dd][Bb]\b")
#: The tag of a technique, group or software in a Sigma rule.
ATTACK_TAG = compiled(r"\battack\.([tT]\d{4}(?:\.\d{3})?|[gGsS]\d{4})\b")
PIPE_NAME = compiled(r"(?i)\bpipe ?name\s*[:=]\s*\\([\w.{}-]{2,80})")
#: The service, and the name on it.
HANDLE = compiled(
    r"(?i)(?:\b(telegram|skype|jabber|xmpp|icq|discord|wickr|tox|wechat|qq)\b[^\n@]{0,40}?)"
    r"(@[A-Za-z0-9_]{4,32})\b"
)
PHONE = compiled(r"\+\d{1,3}[ .(-]{0,2}\d{1,4}(?:[ .)-]{1,2}\d{2,5}){1,5}\b|\+\d{9,14}\b")

#: Where the path of an address ends at the latest.
PY_STOP = re.compile(r"[\s<>\"“”„«»‘’`^|]")
#: The same dot, for putting a value right; the few characters of a candidate need no RE2.
PY_DOT = re.compile(
    r"(?P<bracket>\s?\]?[\[({<]+\s?(?:\.|,|dot|d0t|punkt|punto|point)\s?[\])}>]+\[?\s?)"
    r"|(?P<half>[\[({]\.|\.[\])}])|(?P<open>\.[\[({])"
    r"|(?P<slash>\\+\.)|(?P<word> dot )|(?P<blank> \. ?)|(?P<plain>\.)",
    re.IGNORECASE,
)
#: The at sign right before a host, plain and defanged.
PY_AT_END = re.compile(
    r"(?:\s?[\[({<]\s?(?:@|at|arroba)\s?[\])}>]\s?|[\[({]@|@[\])}]|@| at )\Z", re.IGNORECASE
)
