"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from pipeline.flows import cidr, gotext, values
from pipeline.stage import duration

MODULES = [cidr, duration, gotext, values]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_of_a_module(module: ModuleType) -> None:
    done = doctest.testmod(module)
    assert done.failed == 0
    assert done.attempted >= 2
