"""Flows thrown away."""

from __future__ import annotations

from pipeline.stage import BuildContext
from stages.discard import Discard
from tests.support.flows import frame, rows


def test_nothing_is_written() -> None:
    flows = frame([{"A": 1}, {}])
    assert Discard(name="d").build(BuildContext())(flows) == []
    assert rows(flows) == [{"A": 1}, {}]


def test_it_ends_a_branch() -> None:
    assert (Discard.sink, Discard.final) == ("none", True)
