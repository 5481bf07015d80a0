"""What follows and precedes the host of a URL: where its path ends, and how both were defanged."""

from __future__ import annotations

import re

#: Where the rest of a URL certainly ends.
_TAIL_END = re.compile(
    r"\\(?:[nrt\"']|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})"  # an escape of JSON or C
    r"|&(?:quot|gt|lt|nbsp|#\d+);"
    r"|\]\(|'"  # Markdown, a quote
    r"|[,;|)\]}](?=\s*(?i:h(?:tt|xx)ps?)\b)"  # a further URL
    r"|(?<=[0-9A-Za-z])(?=(?i:h(?:tt|xx)ps?)(?:\[:\]|:)//)"
    r"|[，。；、）」』》】…—–]"
    r"|\[(?!(?:\.|dot|:|/|@|,)\]|\.|\w*\]=)|\{\{"  # a bracket that defangs nothing
)
_TAIL_DEFANG = re.compile(
    r"\[(?:(\.|dot)|(:)|(/)|(@))\]|\(\.\)|\{\.\}|\[(?=\.\w)|(?<=\.)\](?=\w)", re.IGNORECASE
)
_MARKDOWN_ESCAPE = re.compile(r"\\(?=[_\-.*~#&()!+?=%\[\]])")
_BRACKETS = re.compile(r"[()\[\]{}]")
#: A dot with the second half of its brackets.
_HALF = re.compile(r"\.[\])}]\w")
#: What ends a sentence or opens something else rather than ends a path.
_PUNCTUATION = ".,;:!?*'\"\\~$([{"
_CLOSERS = {")": "(", "]": "[", "}": "{"}


def trim_tail(tail: str, before: str = "") -> str:
    """What follows a host, without the punctuation of the sentence and the markup around it."""
    end = _TAIL_END.search(tail)
    if end:
        tail = tail[: end.start()]
    tail = tail[: _unbalanced(tail)]
    left = {sign: tail.count(sign) for sign in "()[]{}"}
    stops = _PUNCTUATION + "_" if before.endswith("_") else _PUNCTUATION
    at = len(tail)
    while at:
        last = tail[at - 1]
        closes = last in _CLOSERS and left[last] > left[_CLOSERS[last]]
        if last not in stops and not closes:
            break
        if last in left:
            left[last] -= 1
        at -= 1
    return tail[:at]


def _unbalanced(tail: str) -> int:
    """Where the first bracket closes that was opened before the tail; its length if none does."""
    open_: list[str] = []
    for brackets in _BRACKETS.finditer(tail):
        sign = brackets[0]
        if sign in "([{":
            open_.append(sign)
        elif open_ and open_[-1] == _CLOSERS[sign]:
            open_.pop()
        elif not open_ and not _HALF.match(tail, max(0, brackets.start() - 1)):
            return brackets.start()
    return len(tail)


def refang_tail(tail: str) -> str:
    """A path with its defanging and Markdown's escapes undone."""
    value = _TAIL_DEFANG.sub(
        lambda m: "." if m[1] or m[0] in ("(.)", "{.}") else m[2] or m[3] or m[4] or "", tail
    )
    value = _MARKDOWN_ESCAPE.sub("", value)
    return "/" + value.lstrip("/\\") if value.startswith("\\") else value


def plain_scheme(raw: str) -> str:
    """The scheme that a defanged one stands for: hxxps -> https, meow -> http, fxp -> ftp."""
    low = raw.lower()
    if low.startswith(("fxp", "ftp", "ftxp")):
        return "ftps" if low.endswith("s") else "ftp"
    if low.startswith(("h", "meow", "mxx")):
        return "https" if low.rstrip(")]")[-1:] == "s" else "http"
    return low
