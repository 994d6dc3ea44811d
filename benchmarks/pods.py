"""What pods cost: memory and processor time of a followed cluster, and of flows while it changes.

One process per figure, pinned to one core; the cluster is on paper, its size is not.
"""

from __future__ import annotations

import copy
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import msgspec

from benchmarks.paper import Manifest, Paper, dressed
from pipeline import config
from pipeline.kube.api.access import Access
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.sync.index import Watch
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext, SourceContext
from pipeline.stage.resources import ResourcePool
from simulate import Shape, Simulation, simulate
from stages.kubernetes import Kubernetes

_BATCH = 13_000
_RATE = 50
_ROUNDS, _SECONDS = 3, 3.0


class Figures(msgspec.Struct):
    """Of one run: flows a second, processor time a flow (us) and of the watchers (of a core)."""

    flows_s: float
    cpu_us: float
    watchers: float


class Cost(msgspec.Struct):
    """Of a followed cluster: memory a pod, time of the first list, flows without and with churn."""

    bytes_pod: float
    list_s: float
    quiet: Figures
    churn: Figures


def growth(flows: int = 200_000) -> None:
    """Print the cost of a flow by pods, with and without churn."""
    print(
        f"\na followed cluster: flows while {_RATE} pods a second are replaced, and while none is"
    )
    for pods in (1_000, 10_000, 100_000):
        command = [sys.executable, "-m", "benchmarks.pods", str(pods), str(flows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(lines(f"{pods:,} pods", msgspec.json.decode(done.stdout, type=Cost)))


def lines(what: str, cost: Cost) -> str:
    """A cost for the eye."""
    return (
        f"  {what:<14} {cost.bytes_pod:6,.0f} bytes a pod, listed in {cost.list_s:.1f} s\n"
        f"{line('quiet', cost.quiet)}\n{line('churn', cost.churn)}"
    )


def line(what: str, found: Figures) -> str:
    """A row of the table."""
    return (
        f"    {what:<12} {found.flows_s:>11,.0f} flows/s  {found.cpu_us:5.2f} us CPU a flow"
        f"  watchers {found.watchers:6.2%} of a core"
    )


def cluster(pods: int, flows: int, nodes: int = 0, services: int = 100) -> Simulation:
    """A simulated cluster of this size, its flows ending about now."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    shape = Shape(
        pods=pods,
        nodes=nodes or max(20, pods // 200),
        workloads=max(services, pods // 10),
        services=services,
    )
    folder = cache / "bench" / f"pods-{flows}-{pods}"
    start = round(time.time() * 1000) - 150_000
    return simulate("cluster", folder / "c.pb", flows=flows, seed=1, shape=shape, start=start)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class _Lent(ResourcePool):
    """Hands out one watch, whoever asks."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def acquire(self, key: Any, make: Any) -> Any:
        """The watch."""
        return self._watch


def lent(made: Simulation, watch: Watch) -> Plan:
    """The simulated pipeline, its objects those of the watch."""
    loaded = config.load(made.config)
    stages = [
        msgspec.structs.replace(stage, inventory="", cluster=Access())
        if isinstance(stage, Kubernetes)
        else stage
        for stage in loaded.stages
    ]
    return compile_plan(stages, BuildContext(folder=loaded.folder), _Lent(watch))


def batches(plan: Plan) -> list[list[bytes]]:
    """The messages of a plan's recording."""
    context = SourceContext(plan.context.folder)
    payloads = [one for chunk in plan.sources[0].chunks(context) for one in chunk]
    return [payloads[start : start + _BATCH] for start in range(0, len(payloads), _BATCH)]


def measured(plan: Plan, work: list[list[bytes]], seconds: float) -> Figures:
    """Run batches for a while."""
    live, name, count = ActivePlan(plan), plan.sources[0].name, 0
    begun, cpu, watching = time.perf_counter(), time.process_time(), _watching()
    while time.perf_counter() < begun + seconds:
        for batch in work:
            with live.batch() as current:
                current.run(name, batch)
            count += len(batch)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return Figures(count / took, cpu / count * 1e6, (_watching() - watching) / took)


def median(found: list[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(
        *(
            statistics.median(getattr(one, name) for one in found)
            for name in Figures.__struct_fields__
        )
    )


def _watching() -> float:
    """Processor time of the threads that follow the cluster."""
    watchers = [one for one in threading.enumerate() if one.name.startswith("watch ")]
    return sum(
        time.clock_gettime(time.pthread_getcpuclockid(one.ident)) for one in watchers if one.ident
    )


def lives(moving: list[Manifest]) -> list[list[bytes]]:
    """What a watch says when each of these pods gives its address to another one."""
    found: list[list[bytes]] = []
    version = 2
    for old in moving:
        fresh = copy.deepcopy(old)
        fresh["metadata"]["name"] += "-next"
        bare = {**fresh, "status": {"phase": "Pending"}}
        life = [("DELETED", old), ("ADDED", bare), ("MODIFIED", bare), *[("MODIFIED", fresh)] * 3]
        said = []
        for what, pod in life:
            version += 1
            whole = dressed(pod, version, time.time())
            said.append(msgspec.json.encode({"type": what, "object": whole}))
        found.append(said)
    return found


def _tell(paper: Paper, said: Iterator[list[bytes]], on: threading.Event) -> None:
    """Let pods be replaced at the rate while `on` is set."""
    while True:
        on.wait()
        due = time.perf_counter()
        while on.is_set():
            life = next(said, None)
            if life is None:
                return
            for event in life:
                paper.tell("pods", event)
            due += 1 / _RATE
            time.sleep(max(0.0, due - time.perf_counter()))


def main() -> None:
    """One figure: `pods flows`."""
    pods, flows = map(int, sys.argv[1:])
    made = cluster(pods, flows)
    manifests = msgspec.json.decode(made.inventory.read_bytes())["items"]
    paper = Paper(manifests)
    moving = [one for one in manifests if one["kind"] == "Pod"]
    said = iter(lives(moving[: round(_ROUNDS * (_SECONDS + 1) * _RATE)]))
    del manifests, moving
    gc.collect()
    before, started = _resident(), time.perf_counter()
    with closing(Watch(paper, IndexOptions(window=300.0))) as watch:
        watch.refresh()
        listed = time.perf_counter() - started
        grown = _resident() - before
        plan = lent(made, watch)
        work, on = batches(plan), threading.Event()
        threading.Thread(target=_tell, args=(paper, said, on), daemon=True).start()
        measured(plan, work, 1.0)
        found: list[tuple[Figures, Figures]] = []
        for _ in range(_ROUNDS):
            quiet = measured(plan, work, _SECONDS)
            on.set()
            found.append((quiet, measured(plan, work, _SECONDS)))
            on.clear()
    quiet, churn = (median([pair[side] for pair in found]) for side in (0, 1))
    sys.stdout.buffer.write(msgspec.json.encode(Cost(grown / pods, listed, quiet, churn)))


if __name__ == "__main__":
    main()
