"""What sources and settings have to agree on, because one process is one member of one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.config.settings import Settings
from pipeline.diagnostics import ConfigPath, Problem, nearest
from pipeline.kafka.connection import Subscription
from pipeline.stage import Source, Spec, Writer
from pipeline.stage.listen import EVERY_NETWORK, address

_OWN = ("topics", "from_end", "batch_size", "linger")
"""Fields of a subscription in which the sources of one group may differ."""
_SHARED = (
    *("brokers", "tls", "sasl", "group_id", "group_instance_id"),
    *("session_timeout", "isolation_level", "recreated_topic"),
)
"""The settings of a Kafka source that all of them share."""


def problems(
    stages: Sequence[Spec], settings: Settings, folder: Path
) -> Iterator[tuple[str, Problem]]:
    """What keeps the sources from running together, each with the stage ("": the settings)."""
    sources = {stage.name: stage for stage in stages if isinstance(stage, Source)}
    subscribed = {
        name: subscription
        for name, source in sources.items()
        if (subscription := source.subscription(folder))
    }
    yield from _addresses(sources.values(), settings)
    yield from _served(stages, settings)
    if not subscribed:
        return
    for name in sources:
        if name not in subscribed:
            yield name, Problem((), "a local source cannot run beside one that reads Kafka")
    yield from _differences(sources, subscribed)
    yield from _topics(subscribed)
    yield from _loops(stages, subscribed, settings, folder)
    if settings.dead_letters.file:
        message = "with Kafka sources, dead letters are kept in a topic"
        yield "", Problem(("dead_letters", "file"), message, "use dead_letters.topic")


class _Address(NamedTuple):
    """Who listens on what, and where that is said: a stage ("": the settings) and a path.

    Without a path it is not asked whether an earlier one has the address.
    """

    who: str
    listen: str
    transport: str = "tcp"
    stage: str = ""
    path: ConfigPath = ()


def _listening(sources: Iterable[Source], settings: Settings) -> Iterator[_Address]:
    yield _Address("`server.listen`", settings.server.listen)
    yield _Address("`server.health`", settings.server.health)
    for index, server in enumerate(settings.metric_servers):
        path = ("metric_servers", index, "listen")
        yield _Address(f"`metric_servers[{index}].listen`", server.listen, path=path)
    for source in sources:
        for one in source.listeners():
            who = f'stage "{source.name}"'
            yield _Address(who, one.listen, one.transport, source.name, one.path)


def _addresses(sources: Iterable[Source], settings: Settings) -> Iterator[tuple[str, Problem]]:
    """Addresses that are listened on twice; any address of the machine includes each of them."""
    taken: list[tuple[str, str, str, int]] = []
    for one in _listening(sources, settings):
        host, port = _parts(one.listen)
        for who, transport, other, number in taken:
            same = host == other or not {host, other}.isdisjoint(EVERY_NETWORK)
            if one.path and port and (transport, number) == (one.transport, port) and same:
                yield one.stage, Problem(one.path, f"{who} listens on {one.listen} too")
        taken.append((one.who, one.transport, host, port))


def _served(stages: Sequence[Spec], settings: Settings) -> Iterator[tuple[str, Problem]]:
    """Servers of metrics for stages that have none, or have them on another server already."""
    names = {stage.name.split("/", 1)[0] for stage in stages}
    seen: set[str] = set()
    for index, server in enumerate(settings.metric_servers):
        for place, name in enumerate(server.stages):
            path = ("metric_servers", index, "stages", place)
            if name not in names:
                message = f'no stage has the name "{name}"'
                yield "", Problem(path, message, nearest(name, names))
            elif name in seen:
                message = f'the metrics of "{name}" are on another server already'
                yield "", Problem(path, message)
            seen.add(name)


def _parts(listen: str) -> tuple[str, int]:
    """Host and port; port 0, any that is free, also where the text is not an address."""
    try:
        return address(listen)
    except ValueError:
        return "", 0


def _differences(
    sources: Mapping[str, Source], subscribed: Mapping[str, Subscription]
) -> Iterator[tuple[str, Problem]]:
    (name, first), *others = subscribed.items()
    for other, subscription in others:
        own = {field: getattr(subscription, field) for field in _OWN}
        if msgspec.structs.replace(first, **own) != subscription:
            differing = _differing(sources[name], sources[other])
            message = f'sources that read Kafka have one {differing}, and "{name}" has another'
            yield other, Problem((differing,), message, f"all of them share {', '.join(_SHARED)}")


def _differing(one: Source, other: Source) -> str:
    """The first setting that the sources do not share."""
    differing = (f for f in _SHARED if getattr(one, f, None) != getattr(other, f, None))
    return next(differing, _SHARED[0])


def _topics(subscribed: Mapping[str, Subscription]) -> Iterator[tuple[str, Problem]]:
    taken: dict[str, str] = {}
    for name, subscription in subscribed.items():
        for topic in subscription.topics:
            first = taken.setdefault(topic, name)
            if first != name:
                yield name, Problem(("topics",), f'topic "{topic}" is read by stage "{first}" too')


def _loops(
    stages: Sequence[Spec],
    subscribed: Mapping[str, Subscription],
    settings: Settings,
    folder: Path,
) -> Iterator[tuple[str, Problem]]:
    """Topics that are written to and read: what is in there would come again without end."""
    readers = {topic: name for name, one in subscribed.items() for topic in one.topics}
    brokers = {broker for one in subscribed.values() for broker in one.connection.brokers}
    for stage in stages:
        to = stage.publication(folder) if isinstance(stage, Writer) else None
        if to and to.topic in readers and not brokers.isdisjoint(to.connection.brokers):
            yield stage.name, _loop(("topic",), readers[to.topic])
    if settings.dead_letters.topic in readers:
        yield "", _loop(("dead_letters", "topic"), readers[settings.dead_letters.topic])


def _loop(path: ConfigPath, reader: str) -> Problem:
    message = f'stage "{reader}" reads this topic: what is written there comes again without end'
    return Problem(path, message)
