"""What a million edges cost, and a scan of a million addresses; run as a process of its own.

Usage: python -m benchmarks.edges count|restore|scan|calm NUMBER FOLDER. Prints figures as JSON.
Flows are made as frames, a batch at a time, as `encode_matrix` gets them behind enrichment.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from pipeline.stage import BuildContext
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint
from pipeline.state.ledger import Ledger
from stages.encode_matrix import EncodeMatrix

BATCH = 20_000
PORTS = 100
_WORKLOADS = 1_000
_DAY = 1_761_696_000_000
_STEP = 7_919
"""Prime to every number of edges, so that neighbours are not counted one behind the other."""


def edges(number: int) -> Iterator[pl.DataFrame]:
    """Flows of so many edges between workloads, two of each."""
    for start in range(0, 2 * number, BATCH):
        flow = pl.int_range(start, min(start + BATCH, 2 * number), eager=True)
        edge = (flow * _STEP % number).alias("edge")
        client, server = pl.col("edge") % _WORKLOADS, pl.col("edge") // _WORKLOADS % _WORKLOADS
        port = 443 + pl.col("edge") // _WORKLOADS**2
        yield edge.to_frame().select(
            *_workload("Src", client), *_workload("Dst", server), *_rest(port)
        )


def scan(addresses: int, first: int = 0) -> Iterator[pl.DataFrame]:
    """A flow from each of so many addresses to each of PORTS ports of a workload."""
    for start in range(0, addresses * PORTS, BATCH):
        number = pl.int_range(start, min(start + BATCH, addresses * PORTS), eager=True).alias(
            "number"
        )
        address = first + pl.col("number") % addresses
        octets = [address // 2**shift % 256 for shift in (16, 8, 0)]
        yield number.to_frame().select(
            pl.format("198.{}.{}.{}", *octets).alias("SrcAddr"),
            *_workload("Dst", pl.lit(0)),
            *_rest(1_000 + pl.col("number") // addresses % PORTS),
        )


def calm(addresses: int) -> Iterator[pl.DataFrame]:
    """As many flows as a scan has, from a hundred addresses that come again."""
    for batch in scan(addresses):
        number = pl.int_range(pl.len()) % 100
        yield batch.with_columns(pl.format("198.51.100.{}", number).alias("SrcAddr"))


def _workload(end: str, number: pl.Expr) -> list[pl.Expr]:
    return [
        pl.format("team-{}", number % 20).alias(f"{end}K8S_Namespace"),
        pl.format("workload-{}", number).alias(f"{end}K8S_OwnerName"),
        pl.lit("Deployment").alias(f"{end}K8S_OwnerType"),
    ]


def _rest(port: pl.Expr) -> list[pl.Expr]:
    return [
        port.cast(pl.UInt16).alias("DstPort"),
        pl.lit(45_678, dtype=pl.UInt16).alias("SrcPort"),
        pl.lit(6, dtype=pl.UInt8).alias("Proto"),
        pl.lit(2, dtype=pl.UInt16).alias("Flags"),
        pl.lit(60, dtype=pl.UInt64).alias("Bytes"),
        pl.lit(1, dtype=pl.UInt32).alias("Packets"),
        pl.lit(_DAY, dtype=pl.Int64).alias("TimeFlowEndMs"),
    ]


def ledger(max_external: int = 10_000) -> tuple[EncodeMatrix, Ledger]:
    """A stage, and a ledger for its families."""
    stage = EncodeMatrix(name="edges", follows="flows", max_external=max_external)
    return stage, Ledger({family.name: (family, stage.policy()) for family in stage.families()})


def count(batches: Iterator[pl.DataFrame], max_external: int = 10_000) -> tuple[Ledger, float, int]:
    """The batches counted; the processor time (s) of that without making them, and the flows."""
    stage, counted = ledger(max_external)
    encode, spent, flows = stage.build(BuildContext()), 0.0, 0
    for number, batch in enumerate(batches):
        begun = time.process_time()
        counted.merge(encode(batch).deltas, float(number))
        spent += time.process_time() - begun
        flows += batch.height
    begun = time.process_time()
    counted.tables()
    return counted, spent + time.process_time() - begun, flows


def total(counted: Ledger) -> int:
    """The flows in all rows of edges."""
    return int(counted.tables()[0].rows.totals["flows"].sum())


def main() -> None:
    """Print the figures of one part."""
    part, number, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    wall, begun = time.perf_counter(), time.process_time()
    if part == "restore":
        _, counted = ledger()
        checkpoint_file.load(folder, counted)
        flows = number
        spent = time.process_time() - begun
    else:
        counted, spent, flows = count(_PARTS[part](number))
    figures = {
        "messages": flows,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": spent,
        "rss_mb": megabytes("VmHWM"),
        "rows": sum(table.size for table in counted.tables()),
        "sums": total(counted) == (2 * number if part == "restore" else flows),
    }
    if part == "count":
        checkpoint_file.save(folder, counted, FileCheckpoint())
    print(json.dumps(figures | {"held_mb": megabytes("VmRSS")}))


_PARTS: dict[str, Callable[[int], Iterator[pl.DataFrame]]] = {
    "count": edges,
    "scan": scan,
    "calm": calm,
}


def megabytes(key: str, process: int | str = "self") -> float:
    """Memory of a process as its status says: VmHWM the most, VmRSS now."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return float(status.split(f"{key}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
