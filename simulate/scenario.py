"""What a scenario hands over, and how its flows become the records of the agents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from simulate.cluster import Cluster, SubnetLabel

START = 1_761_645_600_000
"""When recordings start, ms: 28 October 2025, 10:00 UTC."""

FLOW = pl.Schema(
    {
        "src": pl.UInt32(),
        "dst": pl.UInt32(),
        "reporter": pl.UInt32(),
        "SrcPort": pl.UInt16(),
        "DstPort": pl.UInt16(),
        "Proto": pl.UInt8(),
        "Flags": pl.UInt16(),
        "IcmpType": pl.UInt8(),
        "Bytes": pl.UInt64(),
        "Packets": pl.UInt32(),
        "TimeFlowStartMs": pl.Int64(),
        "TimeFlowEndMs": pl.Int64(),
    }
)
"""A flow before it is recorded: peers by index; the agent of `reporter`'s node saw it."""

EPHEMERAL, EPHEMERAL_PORTS = 32_768, 28_232
"""The first client port and how many there are."""

SYN = 2
"""The bit of a bare client SYN in Flags."""


@dataclass(frozen=True)
class Scenario:
    """A cluster and what happens in it; `frames` have the schema FLOW and can be read once.

    `edges`: the true ones (`edges.TRUTH`), where the scenario knows them.
    """

    cluster: Cluster
    labels: list[SubnetLabel]
    flows: int
    window: tuple[int, int]
    frames: Iterator[pl.DataFrame]
    edges: pl.DataFrame | None = None


def records(flows: pl.DataFrame, peers: pl.DataFrame) -> pl.DataFrame:
    """The flows as the agents send them (`wire.SHAPE`); `peers` is `Cluster.frame()`."""
    src, dst, reporter = flows["src"], flows["dst"], flows["reporter"]
    host = peers["host"]
    leaves = host.gather(src) == host.gather(reporter)
    interface = peers["interface"].gather(reporter)
    return flows.select(
        "TimeFlowStartMs",
        "TimeFlowEndMs",
        AgentIP=peers["agent"].gather(reporter),
        Etype=pl.lit(0x0800, dtype=pl.UInt16),
        SrcMac=peers["mac"].gather(src),
        DstMac=peers["mac"].gather(dst),
        SrcAddr=peers["addr"].gather(src),
        DstAddr=peers["addr"].gather(dst),
        Dscp=pl.lit(0, dtype=pl.UInt8),
        Proto="Proto",
        SrcPort="SrcPort",
        DstPort="DstPort",
        Flags="Flags",
        **({} if flows["IcmpType"].null_count() == flows.height else {"IcmpType": "IcmpType"}),
        Bytes="Bytes",
        Packets="Packets",
        Interfaces=interface.reshape((-1, 1)).arr.to_list(),
        IfDirections=leaves.cast(pl.Int64).reshape((-1, 1)).arr.to_list(),
        Udns=pl.lit([""]),
        Sampling=pl.lit(1, dtype=pl.UInt32),
    )
