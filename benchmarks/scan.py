"""What flows from a million addresses cost a whole pipeline, by those of an ordinary cluster.

`python -m benchmarks.scan` prints processor time a flow for each kind of address and keeps it as
JSON. `--addresses`, `--runs` make it smaller. The pipeline is that of `make bench` with all edges:
both ends looked up, subnet labels, three metrics, `encode_matrix`. Each address has two flows, and
comes again when all others have come. Calm flows come from a hundred addresses.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import yaml

from benchmarks.process import measured
from benchmarks.results import Results
from simulate import Shape, simulate
from simulate.recording import Format, write

_BATCH, _CALM, _DAY = 20_000, 100, 1_761_696_000_000
_ORDINARY = "an ordinary cluster"
_SHAPE = Shape(pods=10_000, nodes=100, workloads=1_000, services=500)
ADDRESSES: dict[str, Callable[[int], str]] = {
    "calm": lambda n: f"198.51.100.{n % _CALM}",
    "IPv4": lambda n: f"198.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
    "IPv6, each in a /64 of its own": lambda n: f"2a01:{n >> 16:x}:{n & 0xFFFF:x}::1",
    "IPv6, all in one /64": lambda n: f"2a01:db8::{n >> 16:x}:{n & 0xFFFF:x}",
}
"""Source addresses by their number."""


def main() -> None:
    """Print every figure, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--addresses", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    configs = recorded(cache / "bench" / f"scan-{given.addresses}", given.addresses)
    costs: dict[str, list[float]] = {kind: [] for kind in configs}
    for _ in range(given.runs):
        for kind, config in configs.items():
            figures = measured(config)
            costs[kind].append(figures["cpu_seconds"] / figures["messages"] * 1e6)
    results = Results("scan", given.runs)
    print(f"{given.addresses:,} addresses, medians of {given.runs} runs")
    ordinary, calm = (statistics.median(costs[kind]) for kind in (_ORDINARY, "calm"))
    for kind, found in costs.items():
        cost = statistics.median(found)
        times = f"{cost / ordinary:.2f} times an ordinary one, {cost / calm:.2f} times a calm one"
        print(f"  {kind:<32} {cost:6.2f} us CPU a flow, {times}")
        results.figures[f"{kind}, us CPU a flow"] = cost
    print(f"kept in {results.write()}")


def recorded(folder: Path, addresses: int) -> dict[str, Path]:
    """The pipelines by the kind of address, each beside its recording, which is kept."""
    made = simulate("cluster", folder / "cluster.pb", flows=2 * addresses, seed=1, shape=_SHAPE)
    objects = json.loads(made.inventory.read_text())["items"]
    server = next(one["status"]["podIP"] for one in objects if one["kind"] == "Pod")
    document = yaml.safe_load(made.config.read_text())
    configs = {_ORDINARY: made.config}
    for number, kind in enumerate(ADDRESSES):
        path = folder / f"scan-{number}.pb"
        if not path.exists():
            begun = path.with_suffix(".part")
            write(begun, flows(kind, addresses, server), Format.PROTOBUF)
            begun.rename(path)
        document["stages"][0]["path"] = path.name
        configs[kind] = path.with_suffix(".yaml")
        configs[kind].write_text(yaml.safe_dump(document))
    return configs


def flows(kind: str, addresses: int, server: str) -> Iterator[pl.DataFrame]:
    """Two SYN flows of each address to a server, on two ports."""
    for start in range(0, 2 * addresses, _BATCH):
        n = pl.int_range(start, min(start + _BATCH, 2 * addresses), eager=True).alias("n")
        sources = [ADDRESSES[kind](number % addresses) for number in n]
        yield n.to_frame().select(
            TimeFlowStartMs=_DAY + pl.col("n") // 100,
            TimeFlowEndMs=_DAY + pl.col("n") // 100 + 100,
            AgentIP=pl.lit("10.0.0.9"),
            Etype=pl.lit(0x86DD if "IPv6" in kind else 0x0800, pl.UInt16),
            SrcMac=pl.lit("0a:58:0a:80:08:03"),
            DstMac=pl.lit("0a:58:0a:80:08:04"),
            SrcAddr=pl.Series(sources),
            DstAddr=pl.lit(server),
            Dscp=pl.lit(0, pl.UInt8),
            Proto=pl.lit(6, pl.UInt8),
            SrcPort=pl.lit(40_000, pl.UInt16),
            DstPort=(1_000 + pl.col("n") // addresses).cast(pl.UInt16),
            Flags=pl.lit(2, pl.UInt16),
            Bytes=pl.lit(60, pl.UInt64),
            Packets=pl.lit(1, pl.UInt32),
            Interfaces=pl.lit(["eth0"]),
            IfDirections=pl.lit([0], pl.List(pl.Int64)),
            Udns=pl.lit([""]),
            Sampling=pl.lit(1, pl.UInt32),
        )


if __name__ == "__main__":
    main()
