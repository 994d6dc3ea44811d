"""A real API server: 5,000 pods listed, then 50 of them replaced a second while flows stream.

`python -m benchmarks.kube`: time of the first list, flows with and without churn, processor time
of the watchers, and whether every address was given to whom had it. Flows run on one core; the API
server, etcd and the churn share the machine with them.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"

import msgspec

from benchmarks import pods as engine
from benchmarks.paper import Manifest
from pipeline.kube.connect import Connection
from pipeline.kube.entries import Options
from pipeline.kube.owners import Climb
from pipeline.kube.watch import Watch
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
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    made = engine.cluster(given.pods, 200_000, nodes=60, services=300)
    manifests: list[Manifest] = msgspec.json.decode(made.inventory.read_bytes())["items"]
    with tempfile.TemporaryDirectory() as name, Kube(Path(name)) as server:
        started = time.perf_counter()
        _create(server, manifests)
        print(f"{given.pods:,} pods created in {time.perf_counter() - started:.0f} s")
        connection = Connection(kubeconfig(server, Path(name)))
        started = time.perf_counter()
        with closing(Watch(connection, Options(window=300.0))) as watch:
            watch.refresh()
            listed = time.perf_counter() - started
            print(f"first list, {len(watch.index):,} objects indexed: {listed:.2f} s")
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            plan = engine.lent(made, watch)
            work = engine.batches(plan)
            engine.measured(plan, work, 1.0)
            print(engine.line("quiet", engine.measured(plan, work, given.seconds)))
            out = Path(name) / "held.jsonl"
            pods = [one for one in manifests if one["kind"] == "Pod"]
            with _churning(server, pods, given.rate, out) as replaced:
                print(engine.line("churn", engine.measured(plan, work, given.seconds)))
            print(f"    {replaced()} pods replaced")
            print(engine.line("quiet again", engine.measured(plan, work, given.seconds)))
            _verify(watch, out)


def _create(server: Kube, manifests: list[Manifest]) -> None:
    first = [one for one in manifests if one["kind"] in {"Namespace", "Node"}]
    rest = [one for one in manifests if one["kind"] not in {"Namespace", "Node"}]
    populate(server, first)
    shares = [rest[number::_WORKERS] for number in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(lambda share: populate(server, share), shares))


class _churning:  # noqa: N801 - reads like a function where it is used
    """Replaces pods from another process, for as long as the block lasts."""

    def __init__(self, server: Kube, pods: list[Manifest], rate: int, out: Path) -> None:
        spawn = get_context("spawn")
        self._ended = spawn.Event()
        self._out = out
        given = (server.reach, pods, rate, out, self._ended)
        self._process = spawn.Process(target=churn, args=given)

    def __enter__(self) -> Callable[[], int]:
        self._process.start()
        while not self._out.exists():
            time.sleep(0.05)
        return lambda: sum(1 for one in read(self._out) if one.since)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._process.join()


def churn(reach: Reach, pods: list[Manifest], rate: int, out: Path, ended: Event) -> None:
    """Delete pods at the rate, and give their addresses to new ones a moment later."""
    dice, lock = random.Random(1), threading.Lock()
    living = [(pod, 0) for pod in pods]
    free: deque[tuple[float, Manifest]] = deque()
    held: list[Held] = []

    def work(number: int) -> None:
        client, due, turn = Client(reach), time.monotonic(), 0
        while not ended.is_set():
            turn += 1
            with lock:
                pod, since = living.pop(dice.randrange(len(living)))
            meta, address = pod["metadata"], pod["status"]["podIP"]
            held.append(Held(address, meta["name"], since, round(time.time() * 1000)))
            client.delete(pod)
            free.append((time.monotonic() + _GAP, pod))
            with lock:
                ready = free.popleft()[1] if free[0][0] < time.monotonic() else None
            if ready:
                fresh = {**ready, "metadata": {**ready["metadata"], "name": f"n{number}-{turn}"}}
                client.create(fresh)
                living.append((fresh, round(time.time() * 1000)))
            due += _WORKERS / rate
            time.sleep(max(0.0, due - time.monotonic()))

    out.touch()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(_WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = round(time.time() * 1000)
    held += [Held(pod["status"]["podIP"], pod["metadata"]["name"], t, now) for pod, t in living]
    out.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in held))


def read(path: Path) -> Iterator[Held]:
    """What was noted about who had which address."""
    return (msgspec.json.decode(line, type=Held) for line in path.read_bytes().splitlines())


def _verify(watch: Watch, path: Path) -> None:
    """Ask who had every address at the beginning, in the middle and at the end of each time."""
    watch.refresh()
    climb, asked, wrong = Climb(), 0, []
    started = round(time.time() * 1000) - 240_000
    for one in read(path):
        since = max(one.since, started)
        for when in (since, (since + one.until) // 2, one.until):
            found = watch.index.lookup(one.address, climb, at=when)
            asked += 1
            if found is None or found.name != one.name:
                wrong.append((one, when, found and found.name))
    print(f"who had an address when: {asked:,} asked, {len(wrong)} wrong", *wrong[:3])


if __name__ == "__main__":
    main()
