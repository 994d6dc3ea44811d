"""Which messages of local sources are to be counted, and what is known of each source after."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest

from pipeline.runtime.local_input import LocalInput
from pipeline.runtime.recount import Recount
from pipeline.stage import Source, SourceContext
from pipeline.state.checkpoint_file import CheckpointError, FileCheckpoint, Progress


class Given(Source, frozen=True, kw_only=True, tag="test_given"):
    """Gives runs of messages."""

    runs: tuple[tuple[bytes, ...], ...] = ()

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        for run in self.runs:
            if context.stopping.is_set():
                return
            yield list(run)


class Live(Given, frozen=True, kw_only=True, tag="test_live"):
    """Gives them as they happen."""

    live: ClassVar[bool] = True


class Served(Given, frozen=True, kw_only=True, tag="test_served"):
    """Gives what it was sent, and stops when that is all."""

    serves: ClassVar[bool] = True

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        yield from map(list, self.runs)
        context.stopping.set()
        yield []


ONE = Given(name="one", runs=((b"a", b"b"), (b"c",)))
SAVED = Progress.start([b"a", b"b", b"c"])
Read = list[tuple[str, list[bytes], bool]]


class Reading:
    """Reads sources from what is saved of them, and counts all that is not known."""

    def __init__(self, *sources: Source, changed: str = "", **saved: Progress) -> None:
        checkpoint = FileCheckpoint(saved, changed=frozenset(changed.split()))
        recount = Recount(checkpoint, [one.name for one in sources if not one.serves])
        self.resumed: list[str] = []
        self.waits = 0
        self.stopping = threading.Event()
        self.input = LocalInput(sources, saved, recount, self.resumed.append)

    def read(self, *, most: int = 100) -> Read:
        """Name, payloads and whether they are known, until so many runs were read."""
        found: Read = []
        context = SourceContext(stopping=self.stopping, waiting=self._wait)
        with ExitStack() as servers:
            for source, payloads, known in self.input.read(context, servers, lambda: True):
                found.append((source.name, payloads, known))
                if not known:
                    self.input.counted(source, len(payloads), cut=payloads[-1] == b"cut")
                if len(found) == most:
                    self.stopping.set()
        return found

    def _wait(self) -> None:
        self.waits += 1


def progress(messages: int, saved: Progress = SAVED, before: int = 0) -> Progress:
    """So many messages of an input counted."""
    return Progress(messages, saved.opening, saved.head, before)


def test_finite_sources_come_first_and_servers_last() -> None:
    server = Served(name="server", runs=((b"s",), (), (b"t",)))
    live = Live(name="live", runs=((b"l",),))
    reading = Reading(server, live, ONE)
    assert reading.read() == [
        ("one", [b"a", b"b"], False),
        ("one", [b"c"], False),
        ("live", [b"l"], False),
        ("server", [b"s"], False),
        ("server", [b"t"], False),
    ]
    assert reading.waits == 2  # when the server had nothing, and at its end
    assert not reading.resumed
    opening = Progress.start([b"a", b"b"])  # what was read to find out
    assert reading.input.progress()["one"] == progress(3, opening)
    assert reading.input.progress()["server"] == Progress(messages=2)


def test_what_is_counted_is_passed_over() -> None:
    reading = Reading(ONE, one=progress(2))
    assert reading.read() == [("one", [b"c"], False)]
    assert reading.resumed == ["one"]
    assert reading.input.progress() == {"one": progress(3)}


def test_another_input_is_counted_whole() -> None:
    """What was counted of the one before is remembered."""
    reading = Reading(ONE, one=progress(7, Progress.start([b"x"]), before=1))
    assert [payloads for _, payloads, _ in reading.read()] == [[b"a", b"b"], [b"c"]]
    assert reading.input.progress() == {"one": progress(3, Progress.start([b"a", b"b"]), 8)}


def test_what_a_changed_metric_misses_comes_once_more_as_known() -> None:
    reading = Reading(ONE, changed="m", one=progress(1))
    assert reading.read() == [
        ("one", [b"a"], True),
        ("one", [b"b"], False),
        ("one", [b"c"], False),
    ]
    assert reading.input.progress() == {"one": progress(3)}


def test_a_shorter_input_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Where a metric needs what is missing, it is an error."""
    short = Given(name="one", runs=((b"a", b"b", b"c"),))
    with caplog.at_level(logging.WARNING):
        assert Reading(short, one=progress(5)).read() == []
    assert "5 messages were counted of this input, and it has 2 fewer now" in caplog.messages[0]
    with pytest.raises(CheckpointError, match="2 messages less than were counted"):
        Reading(short, changed="m", one=progress(5)).read()


def test_a_last_message_that_is_cut_is_read_again() -> None:
    """Of a file, which may be written on; a server is not sent it again."""
    half = Given(name="one", runs=((b"a", b"b", b"c"), (b"cut",)))
    server = Served(name="server", runs=((b"cut",),))
    reading = Reading(half, server)
    reading.read()
    assert reading.input.progress() == {"one": progress(3), "server": Progress(messages=1)}


def test_after_a_stop_nothing_more_is_read() -> None:
    """What was counted stays; the input is under way."""
    reading = Reading(ONE, Live(name="live", runs=((b"l",),)))
    assert not reading.input.is_under_way
    assert reading.read(most=1) == [("one", [b"a", b"b"], False)]
    assert reading.input.is_under_way
