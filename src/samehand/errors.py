"""The exceptions of samehand.

::

    SamehandError
    ├── UsageError            the command or its arguments make no sense
    ├── InputError            a file, a line or a record could not be read
    ├── ConfigError           a parameter or knowledge file is wrong
    ├── NotFoundError         no report, link, campaign or decision of that name
    └── StoreError            the workspace cannot be used
        ├── StoreMissingError there is none at that place
        ├── StoreBusyError    another process holds it
        └── StoreVersionError it was made by another version

Every message says what, where, why and what to do. Bad input inside a batch is collected as a
``Problem`` (``model``) and the batch goes on; an exception ends the command.
"""


class SamehandError(Exception):
    """Base of everything samehand raises on purpose; ``exit_code`` is what the program returns."""

    exit_code = 1


class UsageError(SamehandError):
    """The command or its arguments make no sense together."""

    exit_code = 2


class InputError(SamehandError):
    """A file, a line or a record could not be read."""

    exit_code = 3


class ConfigError(SamehandError):
    """A parameter file or a bundled knowledge file is wrong."""

    exit_code = 4


class NotFoundError(SamehandError):
    """Nothing of that name exists in the workspace or assessment."""

    exit_code = 5


class StoreError(SamehandError):
    """The workspace cannot be used."""

    exit_code = 6


class StoreMissingError(StoreError):
    """There is no workspace at that place."""


class StoreBusyError(StoreError):
    """Another process holds the workspace."""


class StoreVersionError(StoreError):
    """The workspace was made by another version of the store."""
