"""A real API server: 5,000 pods listed, then 50 of them replaced a second while flows stream.

`python -m benchmarks.kube`: time of the first list, flows with and without churn, processor time
of the watchers, and whether every address was given to whom had it. Flows and watchers have one
core; the API server, etcd and the churn, which in a cluster are elsewhere, have the others.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"

import msgspec

from benchmarks import pods as engine
from benchmarks.paper import Manifest
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.owners import Climb
from pipeline.kube.sync.index import Watch
from pipeline.plan.plan import Plan
from tests.kube.live import Client, populate
from tests.real.apiserver import Reach
from tests.real.cluster import kubeconfig
from tests.real.kube import Kube

_WORKERS = 8
_GAP = 1.0
"""Seconds an address rests before another pod gets it."""


class Held(msgspec.Struct):
    """A pod had an address from one moment to another (ms)."""

    address: str
    name: str
    since: int
    until: int


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=5_000)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    made = engine.cluster(given.pods, 200_000, nodes=60, services=300)
    manifests: list[Manifest] = msgspec.json.decode(made.inventory.read_bytes())["items"]
    cores = os.sched_getaffinity(0)
    own = {max(cores)}
    elsewhere = cores - own or own
    os.sched_setaffinity(0, elsewhere)
    with tempfile.TemporaryDirectory() as name, Kube(Path(name)) as server:
        started = time.perf_counter()
        _create(server, manifests)
        print(f"{given.pods:,} pods created in {time.perf_counter() - started:.0f} s", flush=True)
        os.sched_setaffinity(0, own)  # watchers inherit it
        connection = ClusterConnection(kubeconfig(server, Path(name)))
        started = time.perf_counter()
        with closing(Watch(connection, IndexOptions(window=300.0))) as watch:
            watch.refresh()
            listed = time.perf_counter() - started
            print(f"first list, {len(watch.index):,} objects indexed: {listed:.2f} s", flush=True)
            pods = [one for one in manifests if one["kind"] == "Pod"]
            churn = _Churn(server, pods, given.rate, Path(name) / "held.jsonl", elsewhere)
            _rounds(given, engine.lent(made, watch), churn)
            held = churn.end()
            replaced = sum(1 for one in held if one.since)
            rate = replaced / given.rounds / given.seconds
            print(f"    {replaced} pods replaced, {rate:.0f} a second")
            _verify(watch, held)


def _rounds(given: argparse.Namespace, plan: Plan, churn: _Churn) -> None:
    """Flows without and with churn, in turn."""
    work = engine.batches(plan)
    engine.measured(plan, work, 1.0)
    found = []
    for _ in range(given.rounds):
        quiet = engine.measured(plan, work, given.seconds)
        with churn:
            found.append((quiet, engine.measured(plan, work, given.seconds)))
    quiet, busy = (engine.median([pair[side] for pair in found]) for side in (0, 1))
    print(engine.line("quiet", quiet))
    print(engine.line("churn", busy))
    falls = sorted(1 - after.flows_s / before.flows_s for before, after in found)
    costs = sorted(after.cpu_us / before.cpu_us - 1 for before, after in found)
    print(
        f"    speed falls by {statistics.median(falls):.1%}, processor time a flow rises by "
        f"{statistics.median(costs):.1%} (medians of {given.rounds} rounds)"
    )


def _create(server: Kube, manifests: list[Manifest]) -> None:
    first = [one for one in manifests if one["kind"] in {"Namespace", "Node"}]
    rest = [one for one in manifests if one["kind"] not in {"Namespace", "Node"}]
    populate(server, first)
    shares = [rest[number::_WORKERS] for number in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(lambda share: populate(server, share), shares))


class _Churn:
    """Replaces pods from another process, on some of the cores, while entered."""

    def __init__(
        self, server: Kube, pods: list[Manifest], rate: int, out: Path, cores: set[int]
    ) -> None:
        spawn = get_context("spawn")
        self._out = out
        self._signs = _Signs(spawn.Event(), spawn.Event(), spawn.Event())
        given = (server.reach, pods, rate, out, self._signs)
        self._process = spawn.Process(target=churn, args=given)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # the process inherits it
        self._process.start()
        os.sched_setaffinity(0, before)
        self._signs.ready.wait()

    def __enter__(self) -> None:
        self._signs.on.set()

    def __exit__(self, *_: object) -> None:
        self._signs.on.clear()

    def end(self) -> list[Held]:
        """Who had which address, and when."""
        self._signs.ended.set()
        self._signs.on.set()
        self._process.join()
        return [msgspec.json.decode(line, type=Held) for line in self._out.open("rb")]


class _Signs(NamedTuple):
    """Between the processes: churn, end, and that it can begin."""

    on: Event
    ended: Event
    ready: Event


def churn(reach: Reach, pods: list[Manifest], rate: int, out: Path, signs: _Signs) -> None:
    """Delete pods at the rate, and give their addresses to new ones a moment later."""
    on, ended, started = signs
    dice, lock = random.Random(1), threading.Lock()
    living = [(pod, 0) for pod in pods]
    free: deque[tuple[float, Manifest]] = deque()
    held: list[Held] = []

    def replace(client: Client, name: str) -> None:
        with lock:
            pod, since = living.pop(dice.randrange(len(living)))
        meta, address = pod["metadata"], pod["status"]["podIP"]
        held.append(Held(address, meta["name"], since, round(time.time() * 1000)))
        client.delete(pod)
        free.append((time.monotonic() + _GAP, pod))
        with lock:
            ready = free.popleft()[1] if free[0][0] < time.monotonic() else None
        if ready:
            fresh = {**ready, "metadata": {**ready["metadata"], "name": name}}
            client.create(fresh)
            living.append((fresh, round(time.time() * 1000)))

    def work(number: int) -> None:
        client, due, turn = Client(reach), 0.0, 0
        while not ended.is_set():
            if not on.is_set():
                on.wait()
                due = time.monotonic()
                continue
            turn += 1
            replace(client, f"n{number}-{turn}")
            due += _WORKERS / rate
            time.sleep(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_WORKERS)]
    for thread in threads:
        thread.start()
    started.set()
    for thread in threads:
        thread.join()
    now = round(time.time() * 1000)
    held += [Held(pod["status"]["podIP"], pod["metadata"]["name"], t, now) for pod, t in living]
    out.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in held))


def _verify(watch: Watch, held: list[Held]) -> None:
    """Ask who had every address at the beginning, in the middle and at the end of each time."""
    watch.refresh()
    climb, asked, wrong = Climb(), 0, []
    started = round(time.time() * 1000) - 240_000
    for one in held:
        since = max(one.since, started)
        for when in (since, (since + one.until) // 2, one.until):
            found = watch.index.lookup(one.address, climb, at=when)
            asked += 1
            if found is None or found.name != one.name:
                wrong.append((one, when, found and found.name))
    print(f"who had an address when: {asked:,} asked, {len(wrong)} wrong", *wrong[:3])


if __name__ == "__main__":
    main()
