"""What the Kafka benchmarks run on: a broker, a topic of agent Records, pipelines that count it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.process import BYTES, Program
from pipeline.api import client
from pipeline.decode.protobuf import decoder
from pipeline.flows.conversation import conversations
from pipeline.stage import BuildContext
from simulate import Shape, simulate
from tests.kafka.support.load import Samples, samples, told
from tests.kafka.support.workers import COMMAND, configured
from tests.real.kafka import Kafka
from tests.real.parts import LOCALHOST, free_port
from tests.support.recordings import messages

PARTITIONS = 4
SHAPE = Shape(pods=3_000, nodes=60, workloads=600, services=299)
"""As large as the cluster in which flowlogs-pipeline was measured."""


class Bench:
    """A broker and a topic of a cluster of 3,000 pods: `flows` Records, `times` over."""

    def __init__(self, broker: Kafka, folder: Path, flows: int, times: int = 1) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
        out = cache / "bench" / f"kafka-{flows}" / "cluster.pb"
        self.made = simulate("cluster", out, flows=flows, seed=1, shape=SHAPE)
        self.broker, self.folder, self.topic = broker, folder, "flows"
        self.flows, self._times = flows * times, times
        self.payloads = list(messages(self.made.recording))
        self.keys = list(_keys(self.payloads))
        self._groups = 0
        self.broker.create_topic(self.topic, PARTITIONS)
        for _ in range(times):
            self.fill(self.topic, self.payloads, self.keys)

    def fill(self, topic: str, payloads: Iterable[bytes], keys: Iterable[bytes | None]) -> None:
        """Send these messages to a topic; the keys choose the partitions."""
        sender = producer(self.broker.bootstrap)
        for number, (payload, key) in enumerate(zip(payloads, keys, strict=False)):
            sender.produce(topic, payload, key)
            if number % 10_000 == 0:
                sender.poll(0)
        if sender.flush(60):
            raise RuntimeError(f"not all messages reached {topic}")

    def read(self, topic: str, flows: int) -> float:
        """Messages a second of a client that does nothing but read: what the broker can give."""
        settings = {"bootstrap.servers": self.broker.bootstrap, "group.id": "reads", "log_level": 0}
        consumer = Consumer(settings | {"fetch.message.max.bytes": 4 << 20})
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        found, begun = 0, time.perf_counter()
        while found < flows:
            found += len(consumer.consume(100_000, timeout=1.0))
        seconds = time.perf_counter() - begun
        consumer.close()
        return found / seconds

    def group(self) -> str:
        """A group that nobody has used."""
        self._groups += 1
        return f"group-{self._groups}"

    def config(
        self,
        topic: str,
        group: str,
        more: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> Path:
        """The simulated pipeline on a topic.

        `more`: FlowMetrics beside its own, by the name of their file. `source`: fields of the
        source.
        """
        place = {"brokers": [self.broker.bootstrap], "topics": [topic], "group_id": group}
        config = configured(self.folder, self.made, place | dict(source or {}))
        document = yaml.safe_load(config.read_text())
        # Edges have a line of their own in `make bench`; flowlogs-pipeline has none.
        document["stages"] = [one for one in document["stages"] if one["type"] != "encode_matrix"]
        for stage in document["stages"]:
            if stage["type"] == "flow_metrics" and more:
                stage["files"] += [str(self._metric(name, text)) for name, text in more.items()]
        path = config.with_name(f"{group}.yaml")
        path.write_text(yaml.safe_dump(document))
        return path

    def _metric(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return path

    @contextmanager
    def workers(self, config: Path, number: int = 1) -> Iterator[list[Program]]:
        """Workers of one group, started together, sharing the cores as `--workers` lets them."""
        threads = max(1, (os.cpu_count() or 1) // number)
        with ExitStack() as stack:
            yield [
                stack.enter_context(self.worker(config, index, threads)) for index in range(number)
            ]

    def worker(self, config: Path, index: int, threads: int = 1) -> Program:
        """A worker that starts; its index makes a name of a `group_instance_id`."""
        port, log = free_port(), self.folder / f"{config.stem}-{index}.log"
        command = [str(COMMAND), "run", str(config), "--listen", f"{LOCALHOST}:{port}"]
        return Program(["env", f"FLOWMATRIX_WORKER={index}", *command], port, log, threads)

    def truth(self) -> Samples:
        """What the flows of the topic must be counted as."""
        return {
            name: {labels: value * self._times for labels, value in series.items()}
            for name, series in told(self.made).items()
        }

    def account(self, workers: list[Program]) -> str:
        """The sums of a run in which no worker died, beside the truth."""
        found = samples(client.ask(worker.url) for worker in workers)
        out = (worker.number("flowmatrix_stage_flows_out", stage=BYTES) for worker in workers)
        filtered, rejected = map(sum, zip(*(worker.left_out() for worker in workers), strict=True))
        return sums((self.flows, int(sum(out)), filtered, rejected), self.truth(), found)


def positions(worker: Program) -> dict[int, int]:
    """By partition, up to where a worker's counts are durable; none while it does not answer."""
    answer = worker.page("/api/v0/progress")
    found = json.loads(answer)["partitions"] if answer else []
    return {place["partition"]: place["position"] for place in found}


def counted(workers: list[Program]) -> int:
    """How many messages of a topic are durable."""
    return sum(sum(positions(worker).values()) for worker in workers)


def producer(brokers: str, linger_ms: int = 50) -> Producer:
    """A client that sends as agents do: by the hash of the key, in batches."""
    settings = {"linger.ms": linger_ms, "queue.buffering.max.messages": 2_000_000, "log_level": 0}
    return Producer({"bootstrap.servers": brokers, "partitioner": "murmur2_random", **settings})


def _keys(payloads: list[bytes]) -> Iterator[bytes]:
    """The keys of the agents: both directions of a conversation share one."""
    decode = decoder(BuildContext(folder=Path(), needed=frozenset({"SrcAddr", "DstAddr"})))
    for part in (payloads[at : at + 50_000] for at in range(0, len(payloads), 50_000)):
        yield from conversations(decode(part).flows)


def sums(
    flows: tuple[int, int, int, int], truth: Samples | None = None, found: Samples | None = None
) -> str:
    """The sentence every figure ends with; `flows`: produced, counted, filtered, rejected."""
    produced, counted, filtered, rejected = flows
    left = produced - counted - filtered - rejected
    sentence = (
        f"    produced {produced:,} = counted {counted:,} + filtered {filtered:,}"
        f" + rejected {rejected:,}; difference {left:,}"
    )
    if truth is None or found is None:
        return sentence
    differ = sum(
        abs(truth[name].get(key, 0) - found.get(name, {}).get(key, 0))
        for name in truth
        for key in truth[name].keys() | found.get(name, {}).keys()
    )
    return f"{sentence}; {sum(map(len, truth.values())):,} series, from the truth {differ:,.0f}"


def load_average() -> str:
    """How busy the machine is."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
