"""The short form of the attack suite: nothing crashes, hangs or is missing in an account."""

from __future__ import annotations

import pytest

from tests.attack.areas import AREAS
from tests.attack.run import run


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_an_area(area: str) -> None:
    """The long form, with its table, is `make attack`."""
    result = run(area, long=False, seconds=600)
    assert result.faults == []
    assert all(tally.inputs for tally in result.tallies)
