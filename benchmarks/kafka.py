"""`make bench-kafka`: workers on a real broker.

A topic of agent Records, both ends enriched from an inventory of 3,000 pods, subnet labels, the two
SYN metrics of ten labels and one bytes metric. The broker runs on the same cores. Figures are
medians.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from benchmarks import peer
from benchmarks.latency import Load, taken, waited
from benchmarks.process import Program, until
from benchmarks.rebalance import rebalances
from benchmarks.results import Results, Row
from benchmarks.topic import PARTITIONS, Bench, counted, load_average, positions, sums
from pipeline.api import client
from simulate.configs import flow_metric
from tests.real.kafka import Kafka

_POLL, _LOOK, _SUSTAINED = 0.2, 2.5, 60.0
_READ = "flowmatrix_ingest_flows_processed"
_COUNT = {"type": "Counter", "labels": ["Proto"]}
_IDLE = 20.0
_LOAD, _LIMIT_SECONDS = 0.7, 20.0
_MANY = 100
_PEER_RATE = 15_000.0
"""About half of what flowlogs-pipeline takes on two cores."""


class Figures(NamedTuple):
    """Of one run: flows a second, processor time a flow (us) of all workers, MB of the largest."""

    flows_s: float
    cpu_us: float
    peak_mb: float

    def __str__(self) -> str:
        memory = f"  {self.peak_mb:5.0f} MB" if self.peak_mb else ""
        return f"{self.flows_s:>10,.0f} flows/s  {self.cpu_us:6.2f} us CPU a flow{memory}"


def main() -> None:
    """Print the parts asked for."""
    parts: dict[str, Callable[[Bench, argparse.Namespace, Results], None]] = {
        "speed": _speed,
        "latency": _latency,
        "idle": _idle,
        "trickle": _trickle,
        "recovery": _recovery,
        "rebalance": _rebalance,
    }
    parser = argparse.ArgumentParser(prog="make bench-kafka", description=__doc__)
    parser.add_argument("--only", choices=parts, action="append", help="this part (repeatable)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the flows, one run each")
    parser.add_argument("--flows", type=int, default=900_000)
    parser.add_argument("--times", type=int, default=32, help="the flows so many times over")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", type=Path, help="a flowlogs-pipeline binary, run beside")
    given = parser.parse_args()
    if given.quick:
        given.flows, given.times, given.runs = given.flows // 4, 1, 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends too
    print(f"medians of {given.runs} runs", flush=True)
    results = Results("kafka", given.runs)
    for name in given.only or parts:
        speed = name == "speed"
        with _bench(given.flows, given.times if speed else 1, "5000" if speed else "0") as bench:
            size = sum(map(len, bench.payloads)) / len(bench.payloads)
            flows = f"{bench.flows:,} Records of {size:.0f} B in {PARTITIONS} partitions"
            print(f"\n{name}: {flows}; {load_average()}", flush=True)
            parts[name](bench, given, results)
    if results.rows or results.figures:
        print(f"\nkept in {results.write()}")


@contextmanager
def _bench(flows: int, times: int, delay: str) -> Iterator[Bench]:
    """A broker of its own; workers that come within the `delay` (ms) join a group as one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flowmatrix-bench-")))
        (folder / "kafka").mkdir()
        together = {"group.initial.rebalance.delay.ms": delay}
        broker = Kafka(folder / "kafka", settings=together, java=("-Xmx1g",))
        yield Bench(stack.enter_context(broker), folder, flows, times)


# -- speed


def _speed(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    for number in (1, 2):
        sentences: list[str] = []
        found = [_run(bench, number, sentences) for _ in range(given.runs)]
        title = "2 workers" if number > 1 else "1 worker"
        print(_row(title, found, results), sentences[-1], sep="\n")
    limit = statistics.median(bench.read(bench.topic, bench.flows) for _ in range(given.runs))
    results.figures["ms a million flows, read and nothing else"] = 1e9 / limit
    print(f"  the topic read by one librdkafka, nothing counted: {limit:,.0f} flows/s")
    some = min(given.flows, 50_000)
    stock = [_stock(bench, some) for _ in range(given.runs)]
    print(_row("stock Faust, counting only", [figures for figures, _ in stock], results))
    print(sums((some, stock[-1][1], 0, 0)))
    if given.peer:
        with _bench(given.flows, 1, "0") as once, peer.cluster(once) as kubeconfig:
            ran = [_peer(once, given.peer, kubeconfig) for _ in range(given.runs)]
        row = _row(given.peer.name, [figures for figures, _ in ran], results)
        print(row, ran[-1][1], sep="\n")


def _run(bench: Bench, number: int, sentences: list[str]) -> Figures:
    """Workers through the whole topic, until all of it is durable."""
    with bench.workers(bench.config(bench.topic, bench.group()), number) as workers:
        figures = _through(
            workers, _READ, bench.flows, lambda: counted(workers) == bench.flows, 0.1
        )
        sentences.append(bench.account(workers))
        return figures


def _through(
    programs: list[Program], metric: str, flows: int, done: Callable[[], bool], every: float
) -> Figures:
    """Flows a second from the last moment without one to a look on the way; CPU until `done`.

    One look, `_LOOK` seconds after the first flows; of runs of a minute and more the speed is that
    of the whole run. `done` is asked `every` so many seconds, since a look at what is durable can
    cost the program as much as many flows.
    """
    started = cpu = 0.0
    while not any(program.number(metric) for program in programs):
        started, cpu = time.perf_counter(), sum(program.cpu() for program in programs)
        time.sleep(_POLL)
    time.sleep(_LOOK)
    speed = 0.0
    for program in programs:
        speed += program.number(metric) / (time.perf_counter() - started)
    with suppress(TimeoutError):  # the account says what is missing
        until(done, 600, every)
    seconds = time.perf_counter() - started
    if seconds >= _SUSTAINED:
        speed = flows / seconds
    cpu = sum(program.cpu() for program in programs) - cpu
    peak = max(program.peak_mb() for program in programs)
    return Figures(speed, cpu / flows * 1e6, peak)


def _stock(bench: Bench, flows: int) -> tuple[Figures, int]:
    """The first flows of the topic, since it is slow."""
    brokers = bench.broker.bootstrap
    command = [sys.executable, "-m", "benchmarks.stock_faust", brokers, bench.topic, str(flows)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=300)
    told = json.loads(done.stdout.splitlines()[-1])
    seen = told["flows"]
    return Figures(seen / told["seconds"], told["cpu"] / seen * 1e6, 0), seen


def _peer(bench: Bench, binary: Path, kubeconfig: Path) -> tuple[Figures, str]:
    with peer.running(bench, binary, kubeconfig) as program:
        figures = _through(
            [program], peer.READ, bench.flows, lambda: peer.counted(bench, program), 10
        )
        return figures, peer.account(bench, program)


def _row(what: str, found: list[Figures], results: Results) -> str:
    figures = Figures(*map(statistics.median, zip(*found, strict=True)))
    results.rows[what] = Row(*figures)
    return f"  {what:<28}{figures}"


# -- latency


def _latency(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    """One worker at `_LOAD` of what it takes while the producer and the broker share its cores."""
    alone, seconds = _run(bench, 1, []).flows_s, 10 if given.quick else 60
    metric = {"flow-count": flow_metric("flow-count", _COUNT)}
    topic = _paced(bench, "limit")
    with bench.workers(bench.config(topic, bench.group(), metric)) as (worker,):
        until(lambda: worker.page("/readyz"))
        top = taken(bench, Load(topic, alone, _LIMIT_SECONDS), worker, _READ)
    results.figures["flows/s that one worker takes beside the producer"] = top
    print(f"  one worker takes {alone:,.0f} flows/s alone, {top:,.0f} beside the producer")
    topic = _paced(bench, "paced")
    with bench.workers(bench.config(topic, bench.group(), metric)) as (worker,):
        until(lambda: worker.page("/readyz"))
        load = Load(topic, _LOAD * top, seconds)
        _tell(bench, load, worker, "netobserv_flow_count", results)
        print(f"    {_LOAD:.0%} of that limit; linger and checkpoint interval 0.25 s")
    if given.peer:
        topic = _paced(bench, "paced-peer")
        with (
            peer.cluster(bench) as kubeconfig,
            peer.running(bench, given.peer, kubeconfig, topic) as program,
        ):
            until(program.page)
            print(f"  {given.peer.name}, until it has read a flow:")
            load = Load(topic, min(_LOAD * top, _PEER_RATE), seconds)
            _tell(bench, load, program, peer.READ, results)


def _tell(bench: Bench, load: Load, program: Program, metric: str, results: Results) -> None:
    begun, cpu = time.perf_counter(), program.cpu()
    p50, p99, account = waited(bench, load, program, metric)
    share = (program.cpu() - cpu) / (time.perf_counter() - begun)
    results.figures |= {f"{load.topic}: p50, s": p50, f"{load.topic}: p99, s": p99}
    results.figures[f"{load.topic}: share of a core"] = share
    print(
        f"  produce to /metrics at {load.rate:,.0f} flows/s: median {p50:.2f} s, p99 {p99:.2f} s, "
        f"{share:.1%} of a core ({share / load.rate * 1e6:.2f} us a flow)"
    )
    print(account, flush=True)


def _trickle(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    """One worker with 100 partitions, each of which gets little."""
    metric = {"flow-count": flow_metric("flow-count", _COUNT)}
    for rate in (10, 1_000):
        topic = _paced(bench, f"trickle-{rate}", _MANY)
        with bench.workers(bench.config(topic, bench.group(), metric)) as (worker,):
            # Its first checkpoint has all partitions, whether there is anything in them or not.
            until(lambda w=worker: len(positions(w)) == _MANY)  # type: ignore[misc] # typed by until
            load = Load(topic, rate, 10 if given.quick else 60)
            _tell(bench, load, worker, "netobserv_flow_count", results)


def _paced(bench: Bench, topic: str, partitions: int = PARTITIONS) -> str:
    bench.broker.create_topic(topic, partitions)
    return topic


# -- rebalances, idle and recovery


def _rebalance(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    for title, seconds, account in rebalances(bench, given.runs):
        print(
            f"  {title:<36}{seconds:5.1f} s at most without progress", account, sep="\n", flush=True
        )
        results.figures[f"{title}, s"] = seconds


def _idle(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    with bench.workers(bench.config(bench.topic, bench.group())) as (worker,):
        until(lambda: worker.page("/readyz") and counted([worker]) == bench.flows)
        time.sleep(3)
        shares = []
        for _ in range(given.runs):
            cpu, begun = worker.cpu(), time.perf_counter()
            worker.page()
            time.sleep(_IDLE)
            shares.append((worker.cpu() - cpu) / (time.perf_counter() - begun))
        results.figures["idle, share of a core"] = statistics.median(shares)
        print(f"  {statistics.median(shares):.2%} of a core, scraped every {_IDLE:.0f} s")
        print(bench.account([worker]))


def _recovery(bench: Bench, given: argparse.Namespace, results: Results) -> None:
    """From the start of a process to its readiness, with 100k series in the changelog."""
    series = 25_000 if given.quick else 100_000
    topic, group = "wide", bench.group()
    config = bench.config(topic, group)
    flows = [_wide(number) for number in range(series)]
    config.write_text(config.read_text().replace("decoder: protobuf", "decoder: json"))
    bench.broker.create_topic(topic, PARTITIONS)
    bench.fill(topic, flows, repeat(None))
    seconds = []
    for number in range(given.runs + 1):
        begun = time.perf_counter()
        with bench.workers(config) as (worker,):
            until(lambda w=worker: w.page("/readyz"), every=0.02)  # type: ignore[misc] # typed by until
            if number:
                seconds.append(time.perf_counter() - begun)
            else:
                empty = time.perf_counter() - begun
            until(lambda w=worker: counted([w]) == series)  # type: ignore[misc] # same
            totals = client.ask(worker.url)
            (rows,) = (t.rows for t in totals.families if t.family.name.endswith("_bytes"))
            found = int(sum(float(row[-3] or 0) for row in rows))
            sentence = sums((series, found, *worker.left_out()))
            peak, left = worker.peak_mb(), worker.end()
    results.figures[f"ready with {series} series, s"] = statistics.median(seconds)
    print(
        f"  {series:,} series: ready {statistics.median(seconds):.1f} s after the start of the "
        f"process ({empty:.1f} s with none); {peak:.0f} MB; SIGTERM to the end {left:.1f} s"
    )
    print(sentence)


def _wide(number: int) -> bytes:
    """A flow of a series of its own: one byte."""
    names = {"SrcK8S_Namespace": f"team-{number % 10}", "SrcK8S_OwnerName": f"app-{number // 300}"}
    names |= {"DstK8S_Namespace": "shop", "DstK8S_OwnerName": f"server-{number % 300}"}
    return json.dumps({**names, "Proto": 6, "Bytes": 1}).encode()


if __name__ == "__main__":
    main()
