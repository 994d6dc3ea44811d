"""What tests do to a broker besides producing and reading."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer, TopicPartition
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient

from tests.real.broker import Broker

_KAFKA: Any = kafka_admin  # its stubs leave the classes of access rules out


def admin(broker: Broker) -> AdminClient:
    """A client without a login."""
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 4})


def delete_topic(broker: Broker, topic: str) -> None:
    """Delete a topic; it is gone when this returns."""
    client = admin(broker)
    client.delete_topics([topic])[topic].result(120)
    while topic in client.list_topics(timeout=60).topics:
        pass


def delete_records(broker: Broker, topic: str, before: int) -> None:
    """Delete the messages of partition 0 before an offset, as retention does."""
    asked, client = TopicPartition(topic, 0, before), admin(broker)
    client.delete_records([asked])[asked].result(120)


def transactions(broker: Broker, topic: str, *parts: tuple[list[bytes], bool]) -> None:
    """Produce parts to partition 0, each in a transaction that is committed or aborted."""
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "transactional.id": topic, "log_level": 2}
    )
    producer.init_transactions(120)
    for payloads, commit in parts:
        producer.begin_transaction()
        for payload in payloads:
            producer.produce(topic, payload, partition=0)
        producer.flush(120)
        if commit:
            producer.commit_transaction(120)
        else:
            producer.abort_transaction(120)


def allow(broker: Broker, user: str, kind: str, name: str, *operations: str) -> None:
    """Give a user rights (READ, ...) on a GROUP or TOPIC; a name that ends with - is a prefix."""
    pattern = "PREFIXED" if name.endswith("-") else "LITERAL"
    _add(broker, [_rule(user, kind, name, pattern, operation, "ALLOW") for operation in operations])


def deny(broker: Broker, user: str, kind: str, name: str, operation: str) -> None:
    """Deny a user a right whatever else allows it; `forbid` takes this back too."""
    _add(broker, [_rule(user, kind, name, "LITERAL", operation, "DENY")])


def _add(broker: Broker, rules: list[tuple[Any, ...]]) -> None:
    client: Any = admin(broker)
    for done in client.create_acls([_KAFKA.AclBinding(*rule) for rule in rules]).values():
        done.result(120)


def forbid(broker: Broker, user: str, kind: str, name: str) -> None:
    """Take all rights of a user on a group or topic away."""
    client: Any = admin(broker)
    asked = _KAFKA.AclBindingFilter(*_rule(user, kind, name, "LITERAL", "ANY", "ANY"))
    for done in client.delete_acls([asked]).values():
        done.result(120)


def _rule(  # noqa: PLR0917 - as they stand in a rule
    user: str, kind: str, name: str, pattern: str, operation: str, permission: str
) -> tuple[Any, ...]:
    return (
        _KAFKA.ResourceType[kind],
        name,
        _KAFKA.ResourcePatternType[pattern],
        f"User:{user}",
        "*",
        _KAFKA.AclOperation[operation],
        _KAFKA.AclPermissionType[permission],
    )
