"""What `conntrack` costs with a million connections open (part of `make bench`)."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.stage import BuildContext, Memory, Stateful
from stages.conntrack.stage import Conntrack

_Numbers = npt.NDArray[np.int64]
_OPEN = 1_000_000
_BATCH = 20_000
_STAGE = {
    "name": "connections",
    "type": "conntrack",
    "groups": {"a": ["SrcAddr", "SrcPort"], "b": ["DstAddr", "DstPort"], "p": ["Proto"]},
    "keys": {"groups": ["p"], "a": "a", "b": "b"},
    "records": ["newConnection", "flowLog", "heartbeat", "endConnection"],
    "outputs": [
        {"name": "Bytes", "operation": "sum", "split": True},
        {"name": "Packets", "operation": "sum", "split": True},
        {"name": "numFlowLogs", "operation": "count"},
        {"name": "TimeFlowStartMs", "operation": "min"},
        {"name": "TimeFlowEndMs", "operation": "max"},
    ],
    "scheduling": [{"end": 1_000, "heartbeat": 1_000}],
    "tcp_flags": {"field": "Flags", "detect_end": True, "swap": True},
    "max_connections": 2 * _OPEN,
}


def main() -> None:
    """Print processor time for each flow: of open connections, of new ones, and of their ends."""
    tracker = msgspec.convert(_STAGE, Conntrack).build(
        BuildContext(decoders=frozenset({"protobuf"}))
    )
    memory, random = tracker.begin(), np.random.default_rng(1)
    opening = (np.arange(n, n + _BATCH) for n in range(0, _OPEN, _BATCH))
    _cost(tracker, memory, opening, 0.0)
    known = (random.integers(0, _OPEN, _BATCH) for _ in range(20))
    new = (np.arange(n, n + _BATCH) for n in range(_OPEN, _OPEN + 10 * _BATCH, _BATCH))
    print(f"\nconntrack, {memory.alive:,} connections open, all records, {_BATCH:,} flows a batch")
    print(f"  of open connections {_cost(tracker, memory, known, 1.0):5.2f} us CPU a flow")
    print(f"  of new connections  {_cost(tracker, memory, new, 2.0):5.2f} us CPU a flow")
    begun = time.process_time()
    ended = tracker.step(_flows(np.arange(0)), memory, 2_000.0)
    seconds = time.process_time() - begun
    print(f"  to end {ended.flows.height:,} of them at once {seconds:.2f} s")
    print(f"  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _cost(tracker: Stateful, memory: Memory, batches: Iterable[_Numbers], now: float) -> float:
    """Microseconds of processor time for each flow, without what it takes to make the flows."""
    flows, spent, clock = 0, 0.0, time.process_time
    for numbers in batches:
        batch = _flows(numbers)
        begun = clock()
        memory.adopt(tracker.step(batch, memory, now).change)
        spent, flows = spent + clock() - begun, flows + batch.height
    return spent / flows * 1e6


def _flows(numbers: _Numbers) -> pl.DataFrame:
    """A flow of each of these connections."""
    host = pl.col("n") // 16
    return pl.DataFrame({"n": numbers}).select(
        SrcAddr=pl.format("10.{}.{}.{}", host // 65_536, host // 256 % 256, host % 256),
        SrcPort=(1_024 + pl.col("n") % 16).cast(pl.UInt16),
        DstAddr=pl.lit("10.200.0.1"),
        DstPort=pl.lit(443, pl.UInt16),
        Proto=pl.lit(6, pl.UInt8),
        Bytes=pl.lit(100, pl.UInt64),
        Packets=pl.lit(1, pl.UInt32),
        TimeFlowStartMs=pl.lit(1, pl.Int64),
        TimeFlowEndMs=pl.lit(2, pl.Int64),
        Flags=pl.lit(16, pl.UInt16),
    )


if __name__ == "__main__":
    main()
