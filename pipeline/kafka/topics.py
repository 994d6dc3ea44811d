"""The topics a worker needs, waited for or made, before it joins its group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    for_code,
)

from pipeline.kafka.connection import BrokerError, Connection, address

_log = logging.getLogger(__name__)
_RETRY = 1.0
_SILENCE = 30.0  # seconds between two lines of log that say the same
_LARGEST = 16 * 1024 * 1024
_CHANGELOG = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(2 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(10 * 60 * 1000),
}
"""Small segments: what is read on a restart is the compacted part plus the newest segment."""


class _Shape(NamedTuple):
    partitions: int
    replicas: int


class Patience:
    """Tries again until it works, and says why it does not, at most every 30 s."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = ("", -_SILENCE)

    async def until(self, attempt: Callable[[], Awaitable[str]]) -> None:
        """Return when `attempt()` gives no reason why not. KafkaError is not tried again."""
        while True:
            try:
                reason = await attempt()
            except (TimeoutError, KafkaError, OSError) as error:
                reason = f"Kafka does not answer: {error}"
            if not reason:
                return
            self._say(reason)
            now = asyncio.get_running_loop().time()
            if self._said[0] != reason or now - self._said[1] >= _SILENCE:
                _log.warning("%s; trying again", reason)
                self._said = (reason, now)
            await asyncio.sleep(_RETRY)


def changelog(group: str, topic: str) -> str:
    """The name of the topic that keeps the counts of another one."""
    return f"{group}-{topic}-ledger-changelog"


async def prepare(
    connection: Connection,
    group: str,
    topics: Iterable[str],
    dead_letters: str,
    say: Callable[[str], None],
) -> dict[str, int]:
    """Wait for brokers and topics, make or grow the changelogs; the partitions of every topic.

    `say` is told why it takes time. Raises KafkaError when it cannot go on.
    """
    wanted = list(topics)
    counts: dict[str, int] = {}

    async def attempt() -> str:
        arguments = connection.arguments()  # read again: secrets may be renewed
        admin = AIOKafkaAdminClient(
            bootstrap_servers=list(connection.brokers), request_timeout_ms=10_000, **arguments
        )
        try:
            await admin.start()
            found = await _shapes(admin)
            missing = [topic for topic in wanted if topic not in found]
            if missing:
                return f"no topic {', '.join(missing)} yet"
            counts.update({topic: found[topic].partitions for topic in wanted})
            for topic in wanted:
                await _changelog(admin, group, topic, found)
            if dead_letters and dead_letters not in found:
                shape = _Shape(1, found[wanted[0]].replicas)
                await _create(admin, dead_letters, shape, {"max.message.bytes": str(_LARGEST)})
        except KafkaConnectionError:
            return await _unreachable(connection, arguments)
        finally:
            await admin.close()
        return ""

    await Patience(say).until(attempt)
    return counts


async def partitions(connection: Connection, topic: str) -> int:
    """How many partitions a topic has. Raises KafkaError, and BrokerError when it is missing."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=list(connection.brokers), **connection.arguments()
    )
    try:
        await admin.start()
        found = await _shapes(admin)
    finally:
        await admin.close()
    if topic not in found:
        raise BrokerError(f'there is no topic "{topic}"')
    return found[topic].partitions


async def _unreachable(connection: Connection, arguments: Mapping[str, Any]) -> str:
    """Why the first broker cannot be talked to."""
    host, port = address(connection.brokers[0])
    try:
        open_one = create_conn(host, port, request_timeout_ms=10_000, **arguments)
        (await open_one).close()
    except (AuthenticationFailedError, SaslAuthenticationFailed) as error:
        return f"{connection.brokers[0]} refuses the login: {error}"
    except (KafkaError, OSError) as error:
        return f"no broker answers at {', '.join(connection.brokers)}: {error}"
    return f"no broker answers at {', '.join(connection.brokers)}"


async def _shapes(admin: AIOKafkaAdminClient) -> dict[str, _Shape]:
    names = await admin.list_topics()
    described = await admin.describe_topics(names) if names else []
    return {
        topic["topic"]: _Shape(len(topic["partitions"]), len(topic["partitions"][0]["replicas"]))
        for topic in described
        if topic["partitions"]
    }


async def _changelog(
    admin: AIOKafkaAdminClient, group: str, topic: str, found: dict[str, _Shape]
) -> None:
    name = changelog(group, topic)
    if name not in found:
        await _create(admin, name, found[topic], _CHANGELOG)
        return
    wanted, there = found[topic].partitions, found[name].partitions
    if there == wanted:
        return
    if there < wanted:
        _log.warning("topic %s has grown to %d partitions: %s follows", topic, wanted, name)
        _raise(await admin.create_partitions({name: NewPartitions(wanted)}))
    else:
        raise BrokerError(
            f"{topic} has {wanted} partitions, but its counts in {name} are of {there}: was it "
            f"deleted and made again? Go on under another group_id, or delete {name} to start "
            "from zero"
        )


async def _create(
    admin: AIOKafkaAdminClient, name: str, shape: _Shape, config: dict[str, str]
) -> None:
    try:
        _raise(await admin.create_topics([NewTopic(name, *shape, topic_configs=config)]))
    except TopicAlreadyExistsError:
        return  # another worker was faster
    _log.info("made topic %s with %d partitions", name, shape.partitions)


def _raise(response: Any) -> None:
    """Raise what an admin response reports."""
    results = getattr(response, "topic_errors", None) or getattr(
        response, "topic_error_codes", None
    )
    for result in results or getattr(response, "results", []):
        if result[1]:
            raise for_code(result[1])(f"{result[0]}: {result[2]}")
