"""`make chaos`: a group of workers through kills, scaling, a freeze and a broker restart.

A topic is filled with flows and poison meanwhile, and a real Prometheus watches. In the end every
counter, histogram bucket and matrix cell must be what the generator knows, every fact of an edge
what one pass without Kafka gives, and every poison message must be in the dead letters.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import polars as pl
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition

from matrix import tables
from matrix.families import MatrixDirection
from pipeline.api import client
from pipeline.api.remote import RemoteError
from pipeline.api.schema import Totals
from pipeline.stage import VALUE
from pipeline.state.series_rows import TIMES
from tests.kafka.support.load import COUNTED, FILTERED, Feeder, Load, Samples, Spot, cells, samples
from tests.kafka.support.standstill import Standstill
from tests.kafka.support.watching import Watch
from tests.kafka.support.workers import COMMAND, Worker, configured
from tests.real.kafka import Kafka
from tests.real.parts import LOCALHOST

PARTITIONS, WORKERS = 12, 3
_TOPIC, _LETTERS, _GROUP = "flows", "dead-letters", "chaos"
_SESSION = 6.0
_SOON = 60.0
"""Seconds; a few, where the machine does nothing else."""
_SIZES = (4, 2, 3, 5, 3)
Say = Callable[[str], None]


class Options(NamedTuple):
    """What happens: seconds of `outage` (0: none), of a `gap` between two events on average."""

    flows: int = 1_000_000
    kills: int = 20
    scales: int = 5
    outage: float = 60.0
    gap: float = 7.0
    seed: int = 1

    @property
    def seconds(self) -> float:
        """How long the events take, about."""
        return (self.kills + self.scales + 2) * self.gap + self.outage


class Row(NamedTuple):
    """A line of the summary: what was compared, how many of them, the truth, and what differs."""

    what: str
    number: int
    truth: float
    found: float
    difference: float


class Report(NamedTuple):
    """What came out. `happened` counts events; `wrong` are sentences, none when all is well.

    `standstill`: for how long (s) each partition had messages and counted none, at most. What the
    outage of the broker took is left out.
    """

    rows: list[Row]
    happened: dict[str, int]
    produced: int
    counted: int
    filtered: int
    rejected: int
    wrong: list[str]
    standstill: list[float]

    def __str__(self) -> str:
        events = ", ".join(f"{number:,} {what}" for what, number in self.happened.items())
        lines = [events, f"{'':<44}{'number':>9}{'truth':>25}{'found':>25}{'difference':>16}"]
        lines += [
            f"{r.what:<44}{r.number:>9,}{r.truth:>25,.0f}{r.found:>25,.0f}{r.difference:>16,.0f}"
            for r in self.rows
        ]
        left = self.produced - self.counted - self.filtered - self.rejected
        lines += [f"WRONG: {sentence}" for sentence in self.wrong]
        still = " ".join(f"{seconds:.1f}" for seconds in self.standstill)
        lines.append(f"longest time without progress, by partition: {still} s")
        lines.append(
            f"produced {self.produced:,} = counted {self.counted:,} + filtered {self.filtered:,}"
            f" + rejected {self.rejected:,}; difference {left:,}"
        )
        return "\n".join(lines)


class Fleet:
    """The workers that run, and what was done to them."""

    def __init__(self, config: Path, watch: Watch, dice: Random, say: Say) -> None:
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._config, self._watch, self._dice, self._say = config, watch, dice, say
        self._workers: dict[str, Worker] = {}
        self._frozen = ""
        self._number = 0

    def start(self) -> None:
        """One more, not waited for."""
        self._number += 1
        name = f"worker-{self._number}"
        worker = self._workers[name] = Worker(self._config, name)
        worker.process.start(lambda: True)
        self._watch.add(name, worker)

    def kill(self) -> None:
        """SIGKILL one; another one takes its place."""
        name = self._any()
        self._say(f"kill {name}")
        self._workers.pop(name).process.kill()
        self._watch.remove(name)
        self.happened["kills"] += 1
        self.start()

    def scale(self, size: int) -> None:
        """So many from now on; those that are too many get a SIGTERM."""
        self._say(f"{len(self._workers)} -> {size} workers")
        self.happened["scalings"] += 1
        while len(self._workers) < size:
            self.start()
        while len(self._workers) > size:
            self.leave(self._any())

    def leave(self, name: str) -> None:
        """SIGTERM one: it must end in order, and soon."""
        worker = self._workers.pop(name)
        ready, begun = _answers(worker), time.monotonic()
        try:
            code = worker.exit()
        except subprocess.TimeoutExpired:
            worker.process.kill()
            code = -9
        self._watch.remove(name)
        took = time.monotonic() - begun
        if ready and (code or took > _SOON):
            self.wrong.append(f"{name}: SIGTERM ended it after {took:.1f} s with exit code {code}")

    def freeze(self) -> None:
        """SIGSTOP one."""
        self._frozen = self._any()
        self._say(f"freeze {self._frozen}")
        self.happened["freezes"] += 1
        self._workers[self._frozen].process.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self._say(f"thaw {self._frozen}")
        self._workers[self._frozen].process.thaw()
        self._frozen = ""

    def look(self) -> None:
        """Whether one has ended by itself, which it must not."""
        for name, worker in list(self._workers.items()):
            if not worker.process.running:
                del self._workers[name]
                self._watch.remove(name)
                self.wrong.append(f"{name} ended by itself, see {worker.log}")
                self.start()

    def urls(self) -> list[str]:
        """The servers of those that run."""
        return [f"http://{LOCALHOST}:{worker.port}" for worker in self._workers.values()]

    def replace(self) -> None:
        """Let all of them leave, and start one that has only what is durable."""
        for name in list(self._workers):
            self.leave(name)
        self.start()

    def end(self) -> None:
        """Whatever happened, none is left."""
        for worker in self._workers.values():
            worker.process.kill()

    def _any(self) -> str:
        return self._dice.choice([name for name in self._workers if name != self._frozen])


def _answers(worker: Worker) -> bool:
    try:
        return worker.get("/readyz")[0] == 200
    except OSError:
        return False


class Chaos:
    """A broker, a load, a fleet, and someone who breaks things."""

    def __init__(self, options: Options, folder: Path, say: Say) -> None:
        self._options, self._folder, self._say = options, folder, say
        self._dice = Random(options.seed)
        self._load = Load(folder, options.flows, options.seed)
        (folder / "kafka").mkdir()
        self._broker = Kafka(folder / "kafka")
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def run(self) -> Report:
        """All of it. Raises TimeoutError when the group does not come to the end of the topic."""
        with self._broker, Watch(self._folder / "prometheus") as watch, self._fleet(watch) as fleet:
            feeder = self._feeder()
            with Standstill(self._broker.bootstrap, _GROUP, _TOPIC, PARTITIONS) as standstill:
                feeder.start()
                self._events(fleet)
                feeder.hurry.set()
                feeder.join(600)
                fleet.wrong += feeder.failures
                ends = self._ends()
                answers = self._settled(fleet, ends)
            time.sleep(3)
            rows = [*self._exact(answers, "exact"), self._matrix(fleet.urls())]
            rows += self._watched(watch, fleet)
            rows.append(self._letters(feeder, fleet))
            fleet.happened["scrapes"] = watch.scrapes()
            fleet.replace()
            rows += self._exact(self._settled(fleet, ends), "restored")
            report = self._report(rows, fleet, sum(ends.values()), answers)
            return report._replace(standstill=standstill.take())

    @contextmanager
    def _fleet(self, watch: Watch) -> Iterator[Fleet]:
        self._broker.create_topic(_TOPIC, PARTITIONS)
        fleet = Fleet(self._configured(), watch, self._dice, self._say)
        try:
            for _ in range(WORKERS):
                fleet.start()
            yield fleet
        finally:
            fleet.end()

    def _configured(self) -> Path:
        source = {
            "brokers": [self._broker.bootstrap],
            "topics": [_TOPIC],
            "group_id": _GROUP,
            "session_timeout": _SESSION,
            "linger": 0.2,
        }
        settings = {"checkpoint": {"interval": 1.0}, "dead_letters": {"topic": _LETTERS}}
        config = configured(self._folder, self._load.made, source, **settings)
        document = yaml.safe_load(config.read_text())
        document["stages"][-1]["expiry"] = "1h"
        config.write_text(yaml.safe_dump(document))
        return config

    def _feeder(self) -> Feeder:
        seconds = self._options.seconds
        return Feeder(self._broker.bootstrap, _TOPIC, self._load, PARTITIONS, seconds)

    # -- what happens

    def _events(self, fleet: Fleet) -> None:
        options = self._options
        sizes = iter(_SIZES * options.scales)
        events: list[Callable[[], None]] = [fleet.kill] * options.kills
        events += [lambda: fleet.scale(next(sizes))] * options.scales
        events += [lambda: self._freeze(fleet)]
        events += [lambda: self._outage(fleet)] if options.outage else []
        self._dice.shuffle(events)
        for event in events:
            self._wait(fleet, self._dice.uniform(0, 2 * options.gap))
            event()
        while self._timers:
            self._wait(fleet, 0.1)

    def _wait(self, fleet: Fleet, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            due = [timer for timer in self._timers if timer[0] <= time.monotonic()]
            for timer in due:
                timer[1]()
                self._timers.remove(timer)
            fleet.look()
            time.sleep(0.05)

    def _freeze(self, fleet: Fleet) -> None:
        fleet.freeze()
        self._timers.append((time.monotonic() + _SESSION + 4, fleet.thaw))

    def _outage(self, fleet: Fleet) -> None:
        self._say("the broker stops")
        self._broker.stop()
        self._timers.append((time.monotonic() + self._options.outage, self._back))
        fleet.happened["broker restarts"] += 1

    def _back(self) -> None:
        self._broker.start()
        self._say("the broker is back")

    # -- what came out

    def _ends(self) -> dict[int, int]:
        return dict(enumerate(self._end(_TOPIC, number) for number in range(PARTITIONS)))

    def _end(self, topic: str, partition: int) -> int:
        consumer = Consumer(
            {"bootstrap.servers": self._broker.bootstrap, "group.id": "reader", "log_level": 0}
        )
        deadline = time.monotonic() + 60
        try:
            while True:
                try:
                    place = TopicPartition(topic, partition)
                    return int(consumer.get_watermark_offsets(place, timeout=5)[1])
                except KafkaException:  # a broker that has just started has no leaders yet
                    if time.monotonic() > deadline:
                        raise
        finally:
            consumer.close()

    def _settled(self, fleet: Fleet, ends: dict[int, int]) -> list[Totals]:
        """The answers of all workers when they have counted everything."""
        wanted = sorted((number, end) for number, end in ends.items())
        deadline, places = time.monotonic() + 400, []
        while time.monotonic() < deadline:
            try:
                answers = [client.ask(url) for url in fleet.urls()]
            except RemoteError:
                answers = []
            places = sorted((p.partition, p.position) for a in answers for p in a.partitions)
            if places == wanted:
                return answers
            time.sleep(0.5)
        raise TimeoutError(f"the group stands at {places}, the topic ends at {wanted}")

    def _exact(self, answers: list[Totals], what: str) -> Iterator[Row]:
        found = samples(answers)
        for name, truth in self._load.truth().items():
            yield _compared(f"{what} {name}", truth, found.get(name, {}))
        edges = cells(client.facts({str(n): answer for n, answer in enumerate(answers)}))
        for family, known in self._load.facts().items():
            yield _compared(f"{what} {family}, cells", known, edges.get(family, {}))

    def _matrix(self, urls: list[str]) -> Row:
        """Cells of `flowmatrix matrix` over the group, beside those made of the truth."""
        asked = [f"--server={url}" for url in urls]
        found: Counter[tuple[str, ...]] = Counter()
        for side in ("out", "in"):
            options = ["--format", "json", "--direction", side]
            options += [f"--metric={name}" for name in self._load.truth() if f"_syn_{side}" in name]
            command = [str(COMMAND), "matrix", *options, *asked]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for row in json.loads(text)["rows"]:
                found[_cell(row)] += row["count"]
        truth: Counter[tuple[str, ...]] = Counter()
        series = _frames(self._load.truth())
        for namespace in tables.namespaces(series):
            for direction in MatrixDirection:
                table = tables.connections(series, namespace, direction)
                about = {"namespace": namespace, "direction": direction.value}
                for row in table.rows.iter_rows(named=True):
                    truth[_cell(about | row)] += row["count"]
        return _compared("flow matrix, cells", truth, found)

    def _watched(self, watch: Watch, fleet: Fleet) -> Iterator[Row]:
        """What Prometheus saw: never more than the truth."""
        for name, truth in self._load.truth().items():
            if decreased := watch.decreased(name):
                fleet.wrong.append(f"{decreased} series of {name} decreased within a process")
            for kind, seen in watch.increases(name).items():
                over = {k: v for k, v in seen.items() if v > truth.get(k, 0) * (1 + 1e-9)}
                if over:
                    worst = max(over, key=lambda key: over[key] - truth.get(key, 0))
                    fleet.wrong.append(
                        f"{kind} of {len(over)} series of {name} is beyond the truth: "
                        f"{over[worst]} > {truth.get(worst, 0)}"
                    )
                beyond = sum(value - truth.get(key, 0) for key, value in over.items())
                total, shown = sum(truth.values()), sum(seen.values())
                yield Row(f"{kind} {name}, beyond", len(seen), total, shown, beyond)

    def _letters(self, feeder: Feeder, fleet: Fleet) -> Row:
        """The dead letters, beside the poison."""
        command = [str(COMMAND), "dead-letters", "--topic", _LETTERS]
        command += ["--bootstrap", self._broker.bootstrap]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        letters = [json.loads(line) for line in text.splitlines()]
        found = {Spot(one["partition"], one["offset"]): _payload(one) for one in letters}
        wrong = len(found.items() ^ feeder.poison.items()) + len(letters) - len(found)
        fleet.happened["dead letters sent twice"] = self._end(_LETTERS, 0) - len(letters)
        return Row("dead letters", len(found), len(feeder.poison), len(found), wrong)

    def _report(
        self, rows: list[Row], fleet: Fleet, produced: int, answers: list[Totals]
    ) -> Report:
        found = samples(answers)
        counted, filtered = (int(sum(found[name].values())) for name in (COUNTED, FILTERED))
        rejected = next(row.number for row in rows if row.what == "dead letters")
        wrong = [f"{row.what}: not the truth" for row in rows if row.difference] + fleet.wrong
        if produced != len(self._load.payloads):
            wrong.append(f"{len(self._load.payloads)} messages were to be produced")
        if produced != counted + filtered + rejected:
            wrong.append("the sums do not add up")
        happened = dict(fleet.happened)
        return Report(rows, happened, produced, counted, filtered, rejected, wrong, [])


def _payload(letter: dict[str, str]) -> bytes:
    if "payload" in letter:
        return letter["payload"].encode()
    return b64decode(letter["payload_b64"])


def _cell(row: dict[str, str | float]) -> tuple[str, ...]:
    unlike = ("count", "first_seen", "last_seen")
    return tuple(f"{name}={value}" for name, value in sorted(row.items()) if name not in unlike)


def _frames(truth: Samples) -> dict[str, pl.DataFrame]:
    """The counters as the matrix reads them."""
    found = {}
    for name in (name for name in truth if "_syn_" in name):
        rows = [dict(labels) | {VALUE: value} for labels, value in truth[name].items()]
        columns = sorted({label for row in rows for label in row})
        filled = [{column: row.get(column, "") for column in columns} for row in rows]
        seen = {c: pl.lit(0.0) for c in TIMES}
        found[name] = pl.DataFrame(filled).with_columns(pl.col(VALUE).cast(pl.Float64), **seen)
    return found


def _compared(what: str, truth: Mapping[Any, float], found: Mapping[Any, float]) -> Row:
    keys = truth.keys() | found.keys()
    differ = sum(abs(truth.get(key, 0) - found.get(key, 0)) for key in keys)
    return Row(what, len(found), sum(truth.values()), sum(found.values()), differ)


def run(options: Options, folder: Path, say: Say = lambda _: None) -> Report:
    """Chaos in a folder that is empty."""
    return Chaos(options, folder, say).run()


def main() -> int:
    """Options from the command line; 1 when something was wrong."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    for name, value in usual._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = Options(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends too
    begun = time.monotonic()

    def say(what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:7.1f} s  {what}\n")
        sys.stdout.flush()

    folder = Path(tempfile.mkdtemp(prefix="flowmatrix-chaos-"))
    say(f"{options.flows:,} flows, {PARTITIONS} partitions, {WORKERS} workers; logs in {folder}")
    report = run(options, folder, say)
    sys.stdout.write(f"\n{report}\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
