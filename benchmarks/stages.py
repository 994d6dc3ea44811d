"""What each stage costs on the flows of its own example, over and over (part of `make bench`).

So there is a figure for every stage, also for one that is new. Where an address is looked up or a
group is kept, few distinct values make it a lower bound; `aggregates` and `timebased` are measured
with many groups too. Sources have benchmarks of their own (`SOURCES`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import polars as pl

from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext, Memory, Source, Spec, Stateful, registry
from pipeline.state.memories import Memories
from stages import aggregates, timebased
from tests.support import examples

_BATCH, _BATCHES, _GROUPS = 20_000, 4, 10_000
SOURCES = {
    "ingest_file": "`make bench`, the main figure",
    "ingest_file_loop": "as ingest_file",
    "ingest_grpc": "benchmarks/grpc.py",
    "ingest_ipfix": "benchmarks/netflow.py",
    "ingest_kafka": "`make bench-kafka`",
    "ingest_stdin": "as ingest_file",
    "ingest_synthetic": "makes its flows itself",
}
"""Where the figures of sources are."""


def main() -> None:
    """Print time for each flow."""
    print(f"\neach stage on the flows of its example, {_BATCH:,} a batch")
    for name, cost in costs():
        print(f"  {name:<28} {cost:7.2f} us a flow")
    for name, build in _grouping().items():
        print(f"  {f'{name}, {_GROUPS:,} groups':<28} {_grouped(build()):7.2f} us a flow")


def costs(batch: int = _BATCH) -> Iterator[tuple[str, float]]:
    """Microseconds for each flow of a batch of every stage that is not a source."""
    for name, kind in sorted(registry().items()):
        if not issubclass(kind, Source):
            yield name, _cost(kind, batch)


def _cost(kind: type[Spec], batch: int) -> float:
    """Of what stands between the source and what shows the flows; the best of some batches."""
    with tempfile.TemporaryDirectory() as folder:
        whole = examples.stages(kind, Path(folder))
        plan = compile_plan(whole, BuildContext(folder=Path(folder)))
        lines = examples.example_of(kind).flows.encode().splitlines()
        payloads = list(islice(cycle(lines), batch))
        return min(_run(plan, payloads) for _ in range(_BATCHES)) / batch * 1e6


def _run(plan: Plan, payloads: list[bytes]) -> float:
    """Seconds of the stages of an example."""
    memories = Memories(plan.remembering)
    counts = plan.run("flows", payloads, memories=memories).counts
    return sum(one.seconds for name, one in counts.items() if name not in {"flows", "shown"})


def _grouping() -> dict[str, Callable[[], Stateful]]:
    by = ["SrcAddr", "DstPort"]
    total = aggregates.Rule(name="a", by=by, value="Bytes", operation=aggregates.Operation.SUM)
    top = timebased.Rule(name="t", by=by, value="Bytes", operation=timebased.Operation.SUM, top=10)
    context = BuildContext()
    return {
        "aggregates": lambda: aggregates.Aggregates(name="a", rules=[total]).build(context),
        "timebased": lambda: timebased.Timebased(name="t", rules=[top]).build(context),
    }


def _grouped(stage: Stateful) -> float:
    """Microseconds of processor time for each flow, once all groups are there."""
    memory: Memory = stage.begin()
    n = pl.int_range(_BATCH) % _GROUPS
    flows = pl.select(
        SrcAddr=pl.format("10.0.{}.{}", n // 256, n % 256),
        DstPort=pl.lit(443, pl.UInt16),
        Bytes=n.cast(pl.UInt64),
    )
    spent = 0.0
    for number in range(_BATCHES):
        begun = time.process_time()
        memory.adopt(stage.step(flows, memory, float(number)).change)
        spent = time.process_time() - begun
    return spent / _BATCH * 1e6


if __name__ == "__main__":
    main()
