"""What the tests of pages share."""

from __future__ import annotations

import pytest

from simulate import Simulation, simulate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """The reference scenario."""
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")
