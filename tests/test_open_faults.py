"""Laws that the program does not keep yet, each with its smallest example.

Every test here is expected to fail, strictly: when the fault is mended the suite says so, and the
test moves to the file it belongs to, without the mark.
"""

from __future__ import annotations

import pytest

from samehand.config import default_parameters


def fault(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


@fault("parameters.toml says that derived types never weigh more; a URL's host does, and lasts")
def test_host_of_a_url_weighs_no_more_than_the_url() -> None:
    weights = default_parameters().weights
    assert weights["domain-name"].m <= weights["url"].m
