"""Facts read from the series of a run, a state or a worker."""

from __future__ import annotations

import polars as pl
import pytest

from matrix.facts import NoFactsError, facts
from pipeline.state.series_rows import OVERFLOW
from simulate.mixed import mixed
from tests.support.edges import FACTS, counted, enriched


def test_without_the_stage_there_are_none() -> None:
    with pytest.raises(NoFactsError, match="add a stage of type encode_matrix"):
        facts({"netobserv_flows": pl.DataFrame()})


def test_ports_are_numbers() -> None:
    """Of ICMP they are null."""
    scenario = mixed()
    found = counted(enriched(frame, scenario.cluster) for frame in scenario.frames)
    assert dict(found.edges.select(FACTS.names()).schema) == dict(FACTS)
    without = found.edges.filter(pl.col("port").is_null())
    assert set(without["protocol"]) == {"ICMP"}
    assert found.beyond == 0
    assert found.attributes.is_empty()


def test_what_is_beyond_the_limit_is_told_and_is_no_edge() -> None:
    """Flows over the limit of edges are counted apart; together they are as many as there were."""
    scenario = mixed()
    (frame,) = scenario.frames
    found = counted([enriched(frame, scenario.cluster)], max_edges=5)
    assert found.edges.height == 5
    assert OVERFLOW not in found.edges["evidence"]
    inside = int(found.edges.select(pl.sum("flows") + pl.sum("reply_flows")).item())
    assert inside + found.beyond == frame.height
