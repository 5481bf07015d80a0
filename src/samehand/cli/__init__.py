"""The command line: parse, call, render. Results on stdout, messages on stderr.

Heavy imports stay inside the commands, so `samehand --help` answers at once. The modules below
register their commands in the order in which `--help` lists them.
"""

from samehand.cli.base import EXIT_CODES, INTERRUPTED, PARTLY_READ, main

from samehand.cli import work, extract, views, batch, knowledge  # isort: skip

__all__ = [
    "EXIT_CODES",
    "INTERRUPTED",
    "PARTLY_READ",
    "batch",
    "extract",
    "knowledge",
    "main",
    "views",
    "work",
]
