"""What a worker's work costs by flows, partitions and series, and a model of it.

Processor time of runs of the plan by the size of a batch, and of checkpoints by the partitions and
the series that have changed; each fitted by least squares, with the error of the fit.
Usage: python -m benchmarks.model
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import numpy as np

from benchmarks.topic import SHAPE
from pipeline.config.loader import load
from pipeline.kafka.batch import TopicPartition
from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext, Delta
from pipeline.state.assignment import Assignment, packed
from pipeline.state.changelog import State
from simulate import simulate
from tests.real.parts import cache
from tests.support.recordings import messages

_FLOWS, _RUNS = 200_000, 5
_BATCHES = (1, 100, 1_000, 5_000, 10_000, 20_000, 40_000)
_PARTITIONS, _OF_EACH = (1, 10, 100), (1, 100, 2_000)


class Cost(NamedTuple):
    """Of a checkpoint: its partitions, their changed series, milliseconds, bytes of changelog."""

    partitions: int
    series: int
    ms: float
    size: int


def main() -> None:
    """Print the curves and the models."""
    out = cache("bench") / f"model-{_FLOWS}" / "cluster.pb"
    made = simulate("cluster", out, flows=_FLOWS, seed=1, shape=SHAPE)
    config = load(made.config)
    stages = [stage for stage in config.stages if stage.type != "encode_matrix"]
    plan = compile_plan(stages, BuildContext(folder=made.config.parent))
    payloads = list(islice(messages(made.recording), _FLOWS))
    _runs(plan, payloads)
    _checkpoints(plan, payloads)


def _runs(plan: Plan, payloads: list[bytes]) -> None:
    (source,) = plan.sources
    plan.run(source.name, payloads)  # what is looked up once
    found = []
    for size in _BATCHES:
        ms = _median(lambda n=size: plan.run(source.name, payloads[:n]))  # type: ignore[misc] # typed by _median
        found.append((size, ms))
        print(f"a run of {size:>6,} flows: {ms:7.2f} ms, {ms / size * 1e3:9.2f} us a flow")
    sizes, times = np.array(found).T
    model = _fit(np.column_stack([np.ones_like(sizes), sizes]), times)
    print(f"model: {model.of[0]:.1f} ms + {model.of[1] * 1e3:.2f} us a flow; {model.error}\n")


def _checkpoints(plan: Plan, payloads: list[bytes]) -> None:
    costs = [_checkpoint(plan, payloads, p, n) for p in _PARTITIONS for n in _OF_EACH]
    for one in costs:
        print(
            f"a checkpoint of {one.partitions:>3} partitions, {one.series:>7,} series: "
            f"{one.ms:7.1f} ms, {one.size / 1e3:9,.1f} kB"
        )
    partitions, series, times, sizes = np.array(costs, dtype=float).T
    columns = np.column_stack([partitions, series])
    model, written = _fit(columns, times), _fit(columns, sizes)
    print(f"model: {model.of[0]:.2f} ms a partition + {model.of[1] * 1e3:.2f} us a series")
    print(f"  {model.error}")
    print(f"changelog: {written.of[0] / 1e3:.1f} kB a partition + {written.of[1]:.0f} B a series")
    print(f"  {written.error}")


def _checkpoint(plan: Plan, payloads: list[bytes], partitions: int, flows: int) -> Cost:
    """Of partitions that have so many flows each: the second one, of the same series."""
    (source,) = plan.sources
    wheres = [TopicPartition("flows", number) for number in range(partitions)]
    assignment = Assignment(plan.families)
    for where in wheres:
        assignment.restore(where, State(None, [], 0, frozenset()), 1, 0)
    deltas: list[list[Delta]] = [
        plan.run(source.name, payloads[at : at + flows]).deltas
        for at in (number * flows % (_FLOWS // 2) for number in range(partitions))
    ]
    found = []
    for turn in range(3):
        for where, some in zip(wheres, deltas, strict=True):
            assignment.count(where, some, (turn + 1) * flows, time.time())
        begun = time.process_time()
        made = packed(assignment.snapshot())
        ms = (time.process_time() - begun) * 1e3
        assignment.delivered(made)
        size = sum(len(value or b"") for one in made.values() for _, value in one.parts)
        series = sum(delta.series.height for some in deltas for delta in some)
        found.append(Cost(partitions, series, ms, size))
    return min(found[1:], key=lambda one: one.ms)


class Model(NamedTuple):
    """The coefficients of a fit, and how far it is from what was measured."""

    of: list[float]
    error: str


def _fit(columns: np.ndarray, measured: np.ndarray) -> Model:
    """Least squares of the relative errors, since the measures span several decades."""
    weights = 1 / measured[:, None]
    of = np.linalg.lstsq(columns * weights, np.ones(len(measured)), rcond=None)[0]
    off = np.abs(columns @ of / measured - 1)
    return Model([*map(float, of)], f"off by {off.mean():.0%} in the mean, {off.max():.0%} at most")


def _median(work: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    found = []
    for _ in range(_RUNS):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return statistics.median(found) * 1e3


if __name__ == "__main__":
    main()
