"""The short form of the attack suite: nothing crashes, hangs or is missing in an account."""

from __future__ import annotations

import pytest

from tests.attack.areas import AREAS, REAL
from tests.attack.run import run


@pytest.mark.slow
@pytest.mark.parametrize("area", [area for area in AREAS if area not in REAL])
def test_an_area(area: str) -> None:
    """The long form, with its table, is `make attack`."""
    check(area)


@pytest.mark.slow
@pytest.mark.usefixtures("new_prometheus")
@pytest.mark.parametrize("area", sorted(REAL))
def test_an_area_with_a_real_prometheus(area: str) -> None:
    check(area)


def check(area: str) -> None:
    result = run(area, long=False, seconds=600)
    assert result.faults == []
    assert all(tally.inputs for tally in result.tallies)
