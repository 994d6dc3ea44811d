"""What a start costs: commands, the first flow, the first million flows, new addresses.

`python -m benchmarks.cold` prints each figure and keeps it as JSON. `--flows` and `--pods` make it
smaller. Commands run with their bytecode kept, as an installed package has it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import polars as pl
import yaml

from benchmarks.results import Results
from pipeline import config
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.stage import BuildContext, SourceContext, Step
from simulate import Shape, Simulation, simulate
from stages.kubernetes import Kubernetes

_BATCH, _RUNS = 20_000, 5
_PLAIN = """
stages:
- {name: flows, type: ingest_file, path: c.pb}
- {name: metrics, type: flow_metrics, follows: flows, predefined: [namespace_flows_total]}
- {name: expose, type: encode_prometheus, follows: metrics, prefix: netobserv_}
"""


def main() -> None:
    """Print every figure, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--pods", type=int, default=100_000)
    given = parser.parse_args()
    results = Results("cold", _RUNS)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.yaml"
        plain.write_text(_PLAIN)
        plain.with_name("c.pb").touch()
        _keep(results, "--help, s", _command("--help"))
        _keep(results, "validate, s", _command("validate", str(plain)))
    few = _simulated(1_000, 10_000)
    _keep(
        results,
        "1,000 flows from start to end, 10,000 pods, s",
        _command("run", "--once", str(few.config)),
    )
    _keep(
        results,
        f"first flows by warm ones, {given.pods:,} pods, times",
        _first(given.flows, given.pods),
    )
    for title, cost in _addresses(given.flows).items():
        _keep(results, title, cost)
    print(f"kept in {results.write()}")


def _keep(results: Results, title: str, figure: float) -> None:
    print(f"  {title:<60} {figure:6.2f}")
    results.figures[title] = figure


def _command(*arguments: str) -> float:
    """Seconds of wall clock, the median of some runs after one that leaves bytecode behind."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.executable).with_name("flowmatrix")), *arguments]
    seconds: list[float] = []
    for _ in range(_RUNS + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def _simulated(flows: int, pods: int) -> Simulation:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    shape = Shape(pods=pods, nodes=max(20, pods // 200), workloads=1_000, services=500)
    made = simulate(
        "cluster",
        cache / "bench" / f"cold-{flows}-{pods}" / "c.pb",
        flows=flows,
        seed=1,
        shape=shape,
    )
    document = yaml.safe_load(made.config.read_text())
    document["stages"] = [one for one in document["stages"] if one["type"] != "encode_matrix"]
    made.config.write_text(yaml.safe_dump(document))
    return made


def _first(flows: int, pods: int) -> float:
    """Processor time of the flows the first time, by that of the same flows again."""
    loaded = config.load(_simulated(flows, pods).config)
    plan = compile_plan(loaded.stages, BuildContext(folder=loaded.folder))
    source = plan.sources[0]
    payloads = [one for chunk in source.chunks(SourceContext(loaded.folder)) for one in chunk]
    live, took = ActivePlan(plan), []
    for _ in range(2):
        begun = time.process_time()
        for start in range(0, len(payloads), _BATCH):
            with live.batch() as current:
                current.run(source.name, payloads[start : start + _BATCH])
        took.append(time.process_time() - begun)
    first, then = (seconds / len(payloads) * 1e6 for seconds in took)
    print(f"  first {first:.2f}, then {then:.2f} us CPU a flow")
    return took[0] / took[1]


def _addresses(number: int) -> dict[str, float]:
    """Processor time a flow to enrich flows whose destinations are all new, and outside."""
    made = _simulated(1_000, 10_000)
    loaded = config.load(made.config)
    stage = next(one for one in loaded.stages if isinstance(one, Kubernetes))
    step = stage.build(BuildContext(folder=loaded.folder))
    costs = [_cost(step, start) for start in range(0, number + 10 * _BATCH, _BATCH)]
    return {
        "new external addresses, median of batches, us CPU a flow": statistics.median(costs),
        "new external addresses, slowest batch, us CPU a flow": max(costs[1:]),
    }


def _cost(step: Step, start: int) -> float:
    """Microseconds of processor time a flow, of a batch with addresses from a number on."""
    number = pl.int_range(start, start + _BATCH, eager=True).alias("n").to_frame()
    octets = (pl.col("n") // 256**power % 256 for power in (2, 1, 0))
    flows = number.select(
        SrcAddr=pl.lit("10.128.0.1"),
        DstAddr=pl.format("60.{}.{}.{}", *octets),
        TimeFlowEndMs=pl.lit(1_761_645_600_000),
    )
    begun = time.process_time()
    step(flows)
    return (time.process_time() - begun) / _BATCH * 1e6


if __name__ == "__main__":
    main()
