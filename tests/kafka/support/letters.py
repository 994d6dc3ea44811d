"""Dead letters in their topic, and the command that reads them."""

from __future__ import annotations

import subprocess
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.kafka.support.workers import COMMAND
from tests.real.broker import Broker


class Letter:
    """A dead letter, read by a client that is not ours."""

    def __init__(self, message: Any) -> None:
        self.payload = message.value()
        self.headers = {name: value.decode() for name, value in message.headers()}


def letters(broker: Broker, topic: str, count: int) -> list[Letter]:
    """The first letters of partition 0, or fewer when they do not come in two minutes."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [Letter(message) for message in consumer.consume(count, timeout=120)]
    finally:
        consumer.close()


def told(broker: Broker, topic: str, *arguments: str) -> str:
    """What `flowmatrix dead-letters` prints."""
    command = [COMMAND, "dead-letters", "--bootstrap", broker.bootstrap, "--topic", topic]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout
