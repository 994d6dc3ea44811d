"""The collector through a real server and a real client: room, answers, and the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest

from pipeline import limits
from pipeline.decode.records import entries
from pipeline.grpc.call import Call
from pipeline.grpc.collector import Collector, Room
from pipeline.grpc.server import Limits, Server
from tests.real.parts import free_port
from tests.support.agents import Agent, agent, record, records

ONE = records([record(1)])
WIDE = Limits(1 << 20, 1000, 1000)


@contextmanager
def served(room: Room, limits: Limits = WIDE) -> Iterator[tuple[Collector, Agent]]:
    collector = Collector("the collector", entries, room)
    with Server("127.0.0.1:0", limits, collector) as server, agent(server.port) as sender:
        yield collector, sender


def until(ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def take(collector: Collector, messages: int) -> list[Call]:
    """So many calls, one payload each."""
    taken: list[Call] = []

    def enough() -> bool:
        taken.extend(collector.take(messages - len(taken)))
        return len(taken) >= messages

    until(enough)
    return taken


def test_a_call_is_answered_when_it_is_settled() -> None:
    with served(Room(10, 1 << 20)) as (collector, sender):
        call = sender.begin(ONE)
        taken = take(collector, 1)
        assert [payload for one in taken for payload in one.payloads] == [record(1)]
        with pytest.raises(grpc.FutureTimeoutError):
            call.result(timeout=0.2)
        collector.settle(taken)
        assert call.result() == b""


def test_calls_are_taken_together_up_to_so_many_payloads() -> None:
    with served(Room(10, 1 << 20)) as (collector, sender):
        calls = [sender.begin(records([record(n)] * 3)) for n in range(4)]
        until(lambda: len(collector._open) == 4)
        first, second = (collector.take(4) for _ in range(2))
        assert [len(call.payloads) for call in first + second] == [3, 3, 3, 3]
        assert len(first) == 2
        collector.settle(first + second)
        assert [call.result() for call in calls] == [b""] * 4


def test_an_empty_message_needs_no_room() -> None:
    with served(Room(1, 0)) as (_, sender):
        assert sender.send(b"") == b""


def test_senders_wait_for_room() -> None:
    """One message waits to be taken; the next comes into its place."""
    with served(Room(1, 1 << 20)) as (collector, sender):
        calls = [sender.begin(ONE) for _ in range(5)]
        for _ in calls:
            collector.settle(take(collector, 1))
        assert [call.result() for call in calls] == [b""] * 5


def test_messages_beyond_the_bytes_that_may_wait_are_sent_back() -> None:
    with served(Room(10, 2 * len(ONE))) as (collector, sender):
        calls = [sender.begin(ONE) for _ in range(2)]
        taken = take(collector, 2)
        assert sender.status(ONE) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "too many bytes of messages wait for the pipeline",
        )
        [effect] = limits.in_effect()
        assert effect.startswith(f"the collector: {2 * len(ONE)} bytes of messages wait")
        collector.settle(taken)
        assert [call.result() for call in calls] == [b""] * 2
        again = sender.begin(ONE)
        collector.settle(take(collector, 1))
        assert again.result() == b""


def test_what_is_not_a_message_is_taken_and_said() -> None:
    """The sender learns why, once the rejected message is as durable as any other."""
    with served(Room(10, 1 << 20)) as (collector, sender):
        call = sender.begin(b"\xff")
        taken = take(collector, 1)
        assert [list(one.payloads) for one in taken] == [[b"\xff"]]
        assert not call.done()
        collector.settle(taken)
        assert call.exception().code() is grpc.StatusCode.INVALID_ARGUMENT
        assert call.exception().details() == "this is not a message with Records"


def test_what_a_sender_gave_up_is_not_taken() -> None:
    """It sends it again, and it is counted once."""
    with served(Room(10, 1 << 20)) as (collector, sender):
        with pytest.raises(grpc.RpcError):
            sender.send(ONE, seconds=0.3)
        until(lambda: not collector._open)
        call = sender.begin(records([record(2)]))
        [taken] = take(collector, 1)
        assert taken.payloads == [record(2)]
        collector.settle([taken])
        assert call.result() == b""


def test_at_the_end_calls_without_an_answer_are_told_that_they_were_not_counted() -> None:
    """Also those that were taken, and those that wait for room."""
    port = free_port()
    with agent(port) as sender:
        collector = Collector("the collector", entries, Room(1, 1 << 20))
        with Server(f"127.0.0.1:{port}", WIDE, collector):
            calls = [sender.begin(ONE) for _ in range(3)]
            until(lambda: len(collector._open) == 3)
            take(collector, 1)
        ends = {(call.exception().code(), call.exception().details()) for call in calls}
    told = "the server stops: the flows were not counted"
    assert ends == {(grpc.StatusCode.UNAVAILABLE, told)}
