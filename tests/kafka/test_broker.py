"""The real Kafka of the tests keeps what it is given, and its listeners are what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.real.broker import Broker
from tests.real.kafka import Kafka
from tests.real.listeners import Security, sasl_plain, self_signed, tls

NewKafka = Callable[[Security | None], Kafka]
SOON = {"message_timeout_ms": "5000"}
"""Of what is not taken; what is taken has the time it needs."""


def send(address: str, topic: str, value: bytes, **options: str) -> None:
    """Deliver one message; KafkaException when the broker cannot be reached or refuses it."""
    failures: list[KafkaError] = []

    def delivered(failure: KafkaError | None, _: Message) -> None:
        if failure is not None:
            failures.append(failure)

    settings = {key.replace("_", "."): text for key, text in options.items()}
    producer = Producer({"bootstrap.servers": address, **settings})
    producer.produce(topic, value, on_delivery=delivered)
    producer.flush(120)
    if failures:
        raise KafkaException(failures[0])


def read(address: str, topic: str, count: int) -> list[bytes | None]:
    """The first messages of partition 0, or fewer when they do not come in time."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


def test_a_message_comes_back(kafka_broker: Broker) -> None:
    """The broker of the tests keeps what it is given."""
    kafka_broker.create_topic("network-flows")
    send(kafka_broker.bootstrap, "network-flows", b"flow")
    assert read(kafka_broker.bootstrap, "network-flows", 1) == [b"flow"]


def test_messages_outlive_a_stop_and_a_kill(new_kafka: NewKafka) -> None:
    """Its data stay in its folder."""
    broker = new_kafka(None)
    broker.create_topic("kept")
    send(broker.bootstrap, "kept", b"one")
    broker.restart()
    send(broker.bootstrap, "kept", b"two")
    broker.kill()
    broker.start()
    assert read(broker.bootstrap, "kept", 2) == [b"one", b"two"]


def test_a_sasl_listener_wants_the_password(new_kafka: NewKafka) -> None:
    """A wrong password is refused, the right one is taken."""
    broker = new_kafka(sasl_plain(alice="secret"))
    broker.create_topic("kept")
    user = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "alice",
    }
    with pytest.raises(KafkaException, match="timed out"):
        send(broker.secure, "kept", b"no", **user, sasl_password="wrong", **SOON)  # noqa: S106 - the test's
    send(broker.secure, "kept", b"hello", **user, sasl_password="secret")  # noqa: S106 - same
    assert read(broker.bootstrap, "kept", 1) == [b"hello"]


def test_a_tls_listener_shows_its_certificate(new_kafka: NewKafka, tmp_path: Path) -> None:
    """Only a client that trusts it gets through."""
    pem = self_signed(tmp_path)
    broker = new_kafka(tls(pem))
    broker.create_topic("kept")
    with pytest.raises(KafkaException, match="timed out"):
        send(broker.secure, "kept", b"no", security_protocol="SSL", **SOON)
    trusted = {"security_protocol": "SSL", "ssl_ca_location": str(pem.with_suffix(".crt"))}
    send(broker.secure, "kept", b"hello", **trusted)
    assert read(broker.bootstrap, "kept", 1) == [b"hello"]
