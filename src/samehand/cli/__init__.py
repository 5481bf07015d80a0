"""The command line: parse, call, render. Results on stdout, messages on stderr.

Heavy imports stay inside the commands, so `samehand --help` answers at once. The modules below
register their commands in the order in which `--help` lists them.
"""

from samehand.cli.base import EXIT_CODES, INTERRUPTED, PARTLY_READ, main

from samehand.cli import work, extract, views, ask, batch, measure, calibrate, knowledge  # isort: skip

__all__ = [
    "EXIT_CODES",
    "INTERRUPTED",
    "PARTLY_READ",
    "ask",
    "batch",
    "calibrate",
    "extract",
    "knowledge",
    "main",
    "measure",
    "views",
    "work",
]
