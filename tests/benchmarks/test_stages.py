"""Every stage has a benchmark."""

from __future__ import annotations

from benchmarks.stages import SOURCES, costs
from pipeline.stage import Source, registry


def test_every_stage_has_a_line() -> None:
    """Those of this package; a source says where its figure is."""
    found = dict(costs(10))
    assert found.keys() | SOURCES.keys() == registry().keys()
    assert SOURCES.keys() == {name for name, kind in registry().items() if issubclass(kind, Source)}
    assert all(cost >= 0 for cost in found.values())
