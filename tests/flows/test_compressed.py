"""Frames that are kept compressed."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from pipeline.flows.compressed import Compressed
from tests.support.seen import reference_flows, reference_seen


def test_a_frame_comes_back_as_it_was() -> None:
    frames = [
        reference_flows(),
        reference_seen().edges(),
        pl.DataFrame(),
        pl.DataFrame({"a": [None, 1], "b": [["x", None], []], "c": [{"d": b"\0"}, None]}),
    ]
    for frame in frames:
        kept = Compressed(frame)
        assert_frame_equal(kept.frame(), frame)
        assert_frame_equal(kept.frame(), frame)  # each one its own


def test_it_takes_a_small_part_of_the_memory() -> None:
    texts = [f"workload-{number % 50}" for number in range(10_000)]
    frame = pl.DataFrame({"name": texts, "flows": range(10_000)})
    assert len(Compressed(frame)._content) * 5 < 10_000 * (16 + 8)
