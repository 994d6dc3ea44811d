"""The options that the commands of the matrix share."""

from __future__ import annotations

import pytest

from tests.support.commands import flowmatrix

SOURCES = ("--input", "--inventory", "--state", "--server")


@pytest.mark.parametrize("command", ["matrix", "matrix approve", "matrix diff"])
def test_every_command_takes_edges_from_the_same_places(command: str) -> None:
    text = flowmatrix(*command.split(), "--help").stdout
    assert text.startswith(f"Usage: flowmatrix {command} ") or f" {command} " in text.split("\n")[0]
    assert [option for option in SOURCES if option not in text] == []
