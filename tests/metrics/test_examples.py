"""The examples in the docstrings of the chain's functions print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "lib.fusion.concatenation",
        "lib.search.exact",
        "lib.metrics.evaluation",
        "lib.metrics.statistics",
        "lib.metrics.comparison",
    ],
)
def test_examples_print_what_they_say(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted and not found.failed
