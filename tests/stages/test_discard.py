"""Flows thrown away."""

from __future__ import annotations

from pipeline.stage import BuildContext, Sink
from pipeline.testing import frame, rows
from stages.discard import Discard


def test_nothing_is_written() -> None:
    flows = frame([{"A": 1}, {}])
    assert Discard(name="d").build(BuildContext())(flows) == []
    assert rows(flows) == [{"A": 1}, {}]


def test_it_ends_a_branch() -> None:
    assert (Discard.sink, Discard.final) == (Sink.NOWHERE, True)
