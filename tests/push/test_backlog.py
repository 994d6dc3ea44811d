"""What waits, and what goes together."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.push.backlog import Backlog
from pipeline.push.destination import Terms
from tests.push.support import numbered


def taken(backlog: Backlog) -> list[list[int]]:
    """Every batch, until nothing waits."""
    found = []
    while backlog.due(0, closing=True) is not None:
        found.append(backlog.take()["n"].to_list())
        backlog.release()
    return found


def test_a_batch_is_due_when_it_is_full_or_old() -> None:
    backlog = Backlog(Terms(batch_flows=3, batch_wait=5))
    assert backlog.due(0) is None
    backlog.add(numbered(0, 2), 10)
    assert (backlog.due(11), backlog.due(15), backlog.due(11, closing=True)) == (4, 0, 0)
    backlog.add(numbered(2, 2), 11)
    assert backlog.due(11) == 0
    assert backlog.take()["n"].to_list() == [0, 1, 2]
    assert backlog.due(11) == 5, "the flow left over came at 11"


def test_what_was_taken_counts_until_it_is_released() -> None:
    backlog = Backlog(Terms(max_flows=4, batch_flows=3))
    assert backlog.add(numbered(0, 6), 0) == 4
    backlog.take()
    assert (backlog.flows, backlog.add(numbered(9, 1), 0)) == (4, 0)
    backlog.release()
    assert (backlog.flows, backlog.add(numbered(9, 5), 0)) == (1, 3)


def test_the_bound_in_bytes() -> None:
    """Of a frame, the flows that fit are kept; one flow above the bound waits alone."""
    wide = pl.DataFrame({"n": range(100), "text": ["x" * 1000] * 100})
    backlog = Backlog(Terms(max_bytes=int(wide.estimated_size()) // 2))
    assert backlog.add(wide, 0) == 50
    backlog = Backlog(Terms(max_bytes=1))
    assert (backlog.add(wide, 0), backlog.add(wide, 0)) == (1, 0)
    backlog.take()
    backlog.release()
    assert (backlog.flows, backlog.bytes) == (0, 0)


def test_a_batch_by_the_bytes_of_a_column() -> None:
    """A line beyond the bound goes alone."""
    lines = pl.DataFrame({"n": range(6), "line": ["1234", "123", "1", "123456789", "1", "1"]})
    backlog = Backlog(Terms(batch_bytes=8), weighed="line")
    backlog.add(lines, 0)
    assert backlog.due(0) == 0
    assert taken(backlog) == [[0, 1, 2], [3], [4, 5]]


@given(
    frames=st.lists(st.integers(1, 9), max_size=8),
    flows=st.integers(1, 10),
    size=st.integers(1, 200),
)
def test_all_flows_come_out_in_order(frames: list[int], flows: int, size: int) -> None:
    """Each once, however they came in, and no batch is above its bounds."""
    backlog = Backlog(Terms(batch_flows=flows, batch_bytes=size))
    starts = [sum(frames[:index]) for index in range(len(frames))]
    for start, count in zip(starts, frames, strict=True):
        assert backlog.add(numbered(start, count), 0) == count
    batches = taken(backlog)
    assert [n for batch in batches for n in batch] == list(range(sum(frames)))
    assert all(len(batch) <= flows and len(batch) * 8 <= max(size, 8) for batch in batches)
    assert (backlog.flows, backlog.bytes, backlog.due(0)) == (0, 0, None)
