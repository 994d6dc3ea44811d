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
def test_expositions_and_a_real_prometheus() -> None:
    check("exposition")


@pytest.mark.slow
@pytest.mark.usefixtures("new_kafka")
def test_a_worker_and_a_real_broker() -> None:
    check("kafka")


def check(area: str) -> None:
    result = run(area, share=0, seconds=1500)
    assert result.faults == []
    assert all(tally.inputs for tally in result.tallies)
