"""Flows of a scenario to a Kafka topic as the agents send them: now, and with known truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import polars as pl

from pipeline.flows.conversation import conversations
from pipeline.kafka.connection import BrokerError, Connection
from pipeline.kafka.producer import Producer, create_topic
from pipeline.kafka.publication import Keyed
from simulate import companions, configs, truth, wire
from simulate.recording import Format, json_lines
from simulate.scenario import Scenario, records
from simulate.scenarios import Kind, made
from simulate.synthetic import Shape

_AT_ONCE = 20_000
_TURNS_A_SECOND = 10
_TELL_SECONDS = 10.0
_ENDLESS = 10**12
_GROUP = "flowmatrix"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The topic to send to; with `partitions` it is made unless it exists."""

    connection: Connection
    topic: str
    partitions: int = 0
    compression: str = "none"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `flows` of them, or until stopped; `rate` a second, 0 as fast as can be.

    `out` names the files beside it (inventory, configurations, truth); without it there are none.
    """

    scenario: Kind
    flows: int | None = None
    rate: float = 0.0
    seed: int = 0
    shape: Shape | None = None
    out: Path | None = None
    form: Format = Format.PROTOBUF


async def feed(
    stream: Stream,
    target: Target,
    stop: asyncio.Event,
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Send, and return how many flows all in-sync replicas have; the truth is about those.

    Flows end when they are sent. `advance` is told of each delivery. Raises KafkaError, ValueError
    (naming an argument) and OSError.
    """
    scenario = _scenario(stream)
    ledger = _Told(stream, target, scenario)
    peers = scenario.cluster.frame()
    async with Producer(target.connection, target.compression) as producer:
        if target.partitions:
            await create_topic(target.connection, target.topic, target.partitions)
        begun = time.monotonic()
        for part in _parts(scenario, stream.rate):
            flows = _now(part)
            if await producer.publish(target.topic, _messages(flows, peers, stream.form)):
                raise BrokerError(f'topic "{target.topic}" does not take messages of this size')
            ledger.add(flows)
            advance(flows.height)
            due = begun + ledger.flows / stream.rate if stream.rate else 0.0
            if await _stopped(stop, due - time.monotonic()):
                break
    ledger.tell()
    return ledger.flows


class _Told:
    """The truth about what was delivered, written now and then and at the end."""

    def __init__(self, stream: Stream, target: Target, scenario: Scenario) -> None:
        self.flows = 0
        self._stream = stream
        self._tally = truth.Tally(scenario.cluster.frame())
        self._start = int(time.time() * 1000)
        self._paths = companions.paths(stream.out, stream.scenario, 0) if stream.out else None
        self._due = time.monotonic() + _TELL_SECONDS
        if self._paths:
            brokers = target.connection.brokers
            source = configs.kafka_source(brokers, target.topic, _GROUP, str(stream.form))
            companions.write(self._paths, stream.scenario, scenario, source)

    def add(self, flows: pl.DataFrame) -> None:
        self.flows += flows.height
        self._tally.add(flows)
        if time.monotonic() >= self._due:
            self.tell()

    def tell(self) -> None:
        self._due = time.monotonic() + _TELL_SECONDS
        if self._paths and self.flows:
            about = {"seed": self._stream.seed, "flows": self.flows}
            about |= {"start_ms": self._start, "end_ms": int(time.time() * 1000)}
            companions.tell(self._paths.truth, self._stream.scenario, self._tally, about)


def _scenario(stream: Stream) -> Scenario:
    flows = stream.flows
    if flows is None:
        once = made(Kind.REFERENCE).flows if stream.scenario is Kind.REFERENCE else 1
        flows = _ENDLESS // once * once
    return made(stream.scenario, flows=flows, seed=stream.seed, shape=stream.shape)


def _parts(scenario: Scenario, rate: float) -> Iterator[pl.DataFrame]:
    size = min(_AT_ONCE, max(1, int(rate / _TURNS_A_SECOND))) if rate else _AT_ONCE
    for frame in scenario.frames:
        yield from frame.iter_slices(size)


def _now(flows: pl.DataFrame) -> pl.DataFrame:
    """The flows moved in time, so that the last one has just ended."""
    end = int(time.time() * 1000)
    times = pl.col("TimeFlowStartMs", "TimeFlowEndMs")
    return flows.with_columns(times + (end - pl.col("TimeFlowEndMs").max()))


def _messages(flows: pl.DataFrame, peers: pl.DataFrame, form: Format) -> Iterator[Keyed]:
    sent = records(flows, peers)
    if form is Format.JSON:
        return map(Keyed, conversations(sent), map(str.encode, json_lines(sent)))
    return map(Keyed, conversations(sent), wire.protobuf(sent).to_pylist())


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Whether it is time to end, after waiting this long for it."""
    if seconds > 0:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return False
    return stop.is_set()
