"""What pods cost: memory and processor time of a followed cluster, and of flows while it changes.

One process per figure, pinned to one core; the cluster is on paper, its size is not.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import msgspec

from benchmarks.paper import Manifest, Paper, dressed
from pipeline import config
from pipeline.kube.access import Access
from pipeline.kube.entries import Options
from pipeline.kube.watch import Watch
from pipeline.lasting import Lasting
from pipeline.plan import Plan, compile_plan
from pipeline.simulate import Shape, Simulation, simulate
from pipeline.stage import Env
from stages.kubernetes import Kubernetes

_BATCH = 13_000
_SECONDS = 8.0


def growth(flows: int = 200_000) -> None:
    """Print the cost of a flow by pods, with and without churn."""
    print("\na followed cluster: flows while pods come and go (50 a second)")
    for pods in (1_000, 10_000, 100_000):
        for rate in (0, 50):
            command = [sys.executable, "-m", "benchmarks.pods", str(pods), str(rate), str(flows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(line(pods, rate, json.loads(done.stdout.splitlines()[-1])))


def line(pods: int, rate: int, found: dict[str, float]) -> str:
    """A row of the table."""
    return (
        f"  {pods:>9,} pods, churn {rate:>3}/s {found['flows_s']:>11,.0f} flows/s"
        f"  {found['cpu_us']:5.2f} us CPU a flow  watchers {found['others']:6.2%} of a core"
        f"  {found['bytes_pod']:6.0f} bytes a pod  listed in {found['list_s']:.1f} s"
    )


def cluster(pods: int, flows: int) -> Simulation:
    """A simulated cluster of this size, its flows ending about now, from the cache or made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    shape = Shape(pods=pods, nodes=max(20, pods // 200), workloads=pods // 10, services=100)
    folder = cache / "bench" / f"pods-{flows}-{pods}"
    start = round(time.time() * 1000) - 150_000
    return simulate("cluster", folder / "c.pb", flows=flows, seed=1, shape=shape, start=start)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class _Lent(Lasting):
    """Hands out one watch, whoever asks."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def get(self, key: Any, make: Any) -> Any:
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
    return compile_plan(stages, Env(folder=loaded.folder, lasting=_Lent(watch)))


def batches(plan: Plan) -> list[list[bytes]]:
    """The messages of a plan's recording."""
    payloads = [one for chunk in plan.sources[0].chunks(plan.env) for one in chunk.payloads]
    return [payloads[start : start + _BATCH] for start in range(0, len(payloads), _BATCH)]


def measured(plan: Plan, work: list[list[bytes]], seconds: float) -> dict[str, float]:
    """Run batches for a while: flows a second, processor time of all, and of other threads."""
    name, count = plan.sources[0].name, 0
    begun, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
    while time.perf_counter() < begun + seconds:
        for batch in work:
            plan.run(name, batch)
            count += len(batch)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    own = time.thread_time() - own
    return {"flows_s": count / took, "cpu_us": cpu / count * 1e6, "others": (cpu - own) / took}


def _churn(paper: Paper, moving: list[Manifest], rate: int, ended: threading.Event) -> None:
    """Replace pods, oldest first: each new one gets the address of the one before."""
    lines, version, number = [], 2, 0
    for turn, old in enumerate(moving):
        fresh = copy.deepcopy(old)
        fresh["metadata"]["name"] += f"-{turn}"
        bare = {**fresh, "status": {"phase": "Pending"}}
        life = [("DELETED", old), ("ADDED", bare), ("MODIFIED", bare), *[("MODIFIED", fresh)] * 3]
        for what, pod in life:
            version += 1
            whole = dressed(pod, version, time.time())
            lines.append(msgspec.json.encode({"type": what, "object": whole}))
    due = time.perf_counter()
    while not ended.is_set() and number < len(lines):
        for line in lines[number : number + 6]:
            paper.tell("pods", line)
        number += 6
        due += 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))


def main() -> None:
    """One figure: `pods rate flows`."""
    pods, rate, flows = map(int, sys.argv[1:])
    made = cluster(pods, flows)
    manifests = msgspec.json.decode(made.inventory.read_bytes())["items"]
    paper = Paper(manifests)
    moving = [one for one in manifests if one["kind"] == "Pod"][: int(_SECONDS * rate) + 1]
    del manifests
    gc.collect()
    before, started = _resident(), time.perf_counter()
    with closing(Watch(paper, Options(window=300.0))) as watch:
        watch.refresh()
        listed = time.perf_counter() - started
        grown = _resident() - before
        plan = lent(made, watch)
        work = batches(plan)
        measured(plan, work, 1.0)
        ended = threading.Event()
        if rate:
            args = (paper, moving, rate, ended)
            threading.Thread(target=_churn, args=args, daemon=True).start()
            time.sleep(1.0)
        found = measured(plan, work, _SECONDS) | {"bytes_pod": grown / pods, "list_s": listed}
        ended.set()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
