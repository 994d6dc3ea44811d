"""What it costs to read payloads and offsets from a broker: aiokafka as workers use it, librdkafka.

Processor time of this process, the two in turn. Usage: python -m benchmarks.fetch
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Partition
from confluent_kafka import Consumer, TopicPartition

from benchmarks.topic import PARTITIONS, Bench
from pipeline.decode.record_batches import read_within_bounds
from pipeline.runtime.faust import private
from tests.real.kafka import Kafka

_FLOWS, _TIMES, _RUNS = 300_000, 3, 5
_FETCH_BYTES = 4 << 20


def main() -> None:
    """Print microseconds of a processor for each message."""
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder)) as broker:
        bench = Bench(broker, Path(folder), _FLOWS, _TIMES)
        readers: dict[str, Callable[[Bench], int]] = {
            "aiokafka, record batches as a whole": lambda b: asyncio.run(_aiokafka(b)),
            "confluent-kafka": _confluent,
        }
        found: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(_RUNS):
            for name, read in readers.items():
                begun = time.process_time()
                messages = read(bench)
                found[name].append((time.process_time() - begun) / messages * 1e6)
        for name, costs in found.items():
            low, high = min(costs), max(costs)
            middle = statistics.median(costs)
            print(f"{name:<36}{middle:5.2f} us a message ({low:.2f} to {high:.2f})")


async def _aiokafka(bench: Bench) -> int:
    read_within_bounds()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bench.broker.bootstrap, max_partition_fetch_bytes=_FETCH_BYTES
    )
    await consumer.start()
    private.batch_records(consumer, frozenset({bench.topic}))
    partitions = [Partition(bench.topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    read = 0
    while read < bench.flows:
        polled = await consumer.getmany(timeout_ms=1_000)
        for fetched in polled.values():
            read += min(len(fetched.payloads), len(fetched.offsets))
    await consumer.stop()
    return read


def _confluent(bench: Bench) -> int:
    settings = {"bootstrap.servers": bench.broker.bootstrap, "group.id": "reads", "log_level": 0}
    consumer = Consumer(settings | {"fetch.message.max.bytes": _FETCH_BYTES})
    consumer.assign([TopicPartition(bench.topic, number, 0) for number in range(PARTITIONS)])
    read = 0
    while read < bench.flows:
        messages = consumer.consume(20_000, timeout=1.0)
        payloads = [message.value() for message in messages]
        offsets = [message.offset() for message in messages]
        read += min(len(payloads), len(offsets))
    consumer.close()
    return read


if __name__ == "__main__":
    main()
