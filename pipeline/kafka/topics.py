"""The topics a worker needs, waited for or made, before it joins its group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from pipeline.kafka.connection import BrokerError, Connection, changelog
from pipeline.kafka.errors import explain
from pipeline.kafka.groups import check_members
from pipeline.kafka.metadata import READ, WRITE, Topic, describe
from pipeline.kafka.reach import unreachable

_log = logging.getLogger(__name__)
_RETRY = 1.0
_LOOKS = 5
_LARGEST = 16 * 1024 * 1024
_NOT_ALLOWED = (ClusterAuthorizationFailedError, TopicAuthorizationFailedError)
_CHANGELOG = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(2 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(10 * 60 * 1000),
}
"""Small segments: what is read on a restart is the compacted part plus the newest segment."""


class DeadLetterTopic(NamedTuple):
    """The topic of dead letters ("": none), and how many bytes it keeps if it is made here."""

    name: str = ""
    max_bytes: int = 0

    @property
    def config(self) -> dict[str, str]:
        """Its settings; the oldest letters go when it is full."""
        return {"max.message.bytes": str(_LARGEST), "retention.bytes": str(self.max_bytes or -1)}


Report = Callable[[str, str], None]
"""Is told why something is tried again, and the name of the error."""


async def until(attempt: Callable[[], Awaitable[str]], report: Report) -> None:
    """Try again every second until `attempt()` gives no reason why not.

    Raises BrokerError, which trying again does not help.
    """
    while True:
        try:
            reason, error = await attempt(), "TopicNotReady"
        except (TimeoutError, KafkaError, OSError) as failure:
            reason, error = explain(failure), type(failure).__name__
        if not reason:
            return
        report(reason, error)
        await asyncio.sleep(_RETRY)


async def prepare(
    connection: Connection,
    group: str,
    topics: Iterable[str],
    letters: DeadLetterTopic,
    report: Report,
    *,
    used: Mapping[str, str],
) -> Mapping[str, Topic]:
    """Wait for brokers and topics, make or grow the changelogs; topics and changelogs by name.

    `used`: the ids of the changelogs that this process has used ("" where brokers have no ids).
    Raises BrokerError when it cannot go on.
    """
    wanted = list(topics)
    found: dict[str, Topic] = {}

    async def attempt() -> str:
        arguments = connection.arguments()  # read again: secrets may be renewed
        admin = AIOKafkaAdminClient(
            bootstrap_servers=list(connection.brokers), request_timeout_ms=10_000, **arguments
        )
        try:
            await admin.start()
            needed: dict[str, tuple[int, ...]] = dict.fromkeys(wanted, (READ,))
            needed |= dict.fromkeys(map(partial(changelog, group), wanted), (READ, WRITE))
            if letters.name:
                needed[letters.name] = (WRITE,)
            described = await _described(connection, list(needed))
            if reason := _problem(wanted, needed, described):
                return reason
            await check_members(admin, group)
            _check_used(used, described)
            if reason := await _make(admin, group, wanted, letters, described):
                return reason
            found.update(await _all_described(connection, list(needed)))
            return _problem(list(needed), needed, found)
        except KafkaConnectionError:
            return await unreachable(connection) or "the brokers do not answer"
        finally:
            await admin.close()

    await until(attempt, report)
    return found


def _check_used(used: Mapping[str, str], described: Mapping[str, Topic]) -> None:
    """Raise BrokerError when a changelog is not the one that this process has used before."""
    for name, known in used.items():
        if name not in described or described[name].topic_id != known:
            raise BrokerError(
                f"{name} was deleted while it was in use, and the counts with it: what the topic "
                "still holds is counted again by a worker that starts anew"
            )


async def _make(
    admin: AIOKafkaAdminClient,
    group: str,
    wanted: list[str],
    letters: DeadLetterTopic,
    described: Mapping[str, Topic],
) -> str:
    """Make what is missing, and let changelogs grow; why that is not allowed, "" where it is."""
    reasons = [await _changelog(admin, group, topic, described) for topic in wanted]
    if letters.name and letters.name not in described:
        shape = described[wanted[0]]._replace(partitions=1)
        reasons.append(await _create(admin, letters.name, shape, letters.config))
    return "; ".join(filter(None, reasons))


def _problem(
    wanted: list[str], needed: Mapping[str, tuple[int, ...]], described: Mapping[str, Topic]
) -> str:
    """Why topics cannot be used (yet) for what is needed; only the wanted ones must be there."""
    missing = [topic for topic in wanted if topic not in described]
    if missing:
        return f"no topic {', '.join(missing)} yet"
    problems = [
        described[name].problem(*operations)
        for name, operations in needed.items()
        if name in described
    ]
    return "; ".join(filter(None, problems))


async def _all_described(connection: Connection, topics: list[str]) -> Mapping[str, Topic]:
    """As `_described`; brokers know of a topic shortly after it was made, not at once."""
    for _ in range(_LOOKS):
        found = await _described(connection, topics)
        if len(found) == len(topics):
            break
        await asyncio.sleep(_RETRY / _LOOKS)
    return found


async def _described(connection: Connection, topics: list[str]) -> Mapping[str, Topic]:
    client = AIOKafkaClient(bootstrap_servers=list(connection.brokers), **connection.arguments())
    try:
        await client.bootstrap()
        return await describe(client, topics)
    finally:
        await client.close()


async def partitions(connection: Connection, topic: str) -> int:
    """How many partitions a topic has. Raises KafkaError, and BrokerError when it is missing."""
    found = await _described(connection, [topic])
    if topic not in found:
        raise BrokerError(f'there is no topic "{topic}"')
    if problem := found[topic].problem(READ):
        raise BrokerError(problem)
    return found[topic].partitions


async def _changelog(
    admin: AIOKafkaAdminClient, group: str, topic: str, found: Mapping[str, Topic]
) -> str:
    """Make the changelog of a topic, or let it grow; why that is not allowed, "" where it is."""
    name = changelog(group, topic)
    if name not in found:
        return await _create(admin, name, found[topic], _CHANGELOG)
    wanted, there = found[topic].partitions, found[name].partitions
    if there > wanted:
        raise BrokerError(
            f"{topic} has {wanted} partitions, but its counts in {name} are of {there}: was it "
            f"deleted and made again? Go on under another group_id, or delete {name} to start "
            "from zero"
        )
    if there < wanted:
        try:
            _raise(await admin.create_partitions({name: NewPartitions(wanted)}))
        except _NOT_ALLOWED:
            return f"not authorized to alter topic {name}, which has to grow"
        _log.warning("topic %s has grown to %d partitions: %s follows", topic, wanted, name)
    return ""


async def _create(
    admin: AIOKafkaAdminClient, name: str, shape: Topic, config: dict[str, str]
) -> str:
    """Make a topic; why that is not allowed, "" where it is."""
    try:
        made = NewTopic(name, shape.partitions, shape.replicas, topic_configs=config)
        _raise(await admin.create_topics([made]))
    except TopicAlreadyExistsError:
        return ""  # another worker was faster
    except _NOT_ALLOWED:
        return f"not authorized to create topic {name}"
    _log.info("made topic %s with %d partitions", name, shape.partitions)
    return ""


def _raise(response: Any) -> None:
    """Raise what an admin response reports."""
    results = getattr(response, "topic_errors", None) or getattr(
        response, "topic_error_codes", None
    )
    for result in results or getattr(response, "results", []):
        if result[1]:
            raise for_code(result[1])(f"{result[0]}: {result[2]}")
