"""When a flow was seen."""

from pipeline.flows.times import seen
from pipeline.testing import frame


def test_the_end_comes_before_the_reception() -> None:
    """In epoch seconds; 0 and what is beyond the year 9999 say nothing."""
    flows = [
        {"TimeFlowEndMs": 3_000, "TimeReceived": 1},
        {"TimeFlowEndMs": 0, "TimeReceived": 1},
        {"TimeFlowEndMs": 2**60, "TimeReceived": 1},
        {"TimeReceived": -1},
        {},
    ]
    assert seen(frame(flows)).to_list() == [3.0, 1.0, 1.0, None, None]
    assert seen(frame([])).to_list() == []
