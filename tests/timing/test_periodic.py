"""What is done again and again is done again, whatever has failed, until it is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.timing.periodic import Periodic

LONG = 3600.0


class Work:
    """Counts its calls; each is let go by the test, and raises what is put into `error`."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self._begun = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def __call__(self) -> None:
        self.calls += 1
        self._begun.release()
        self._go.acquire()
        if self.error is not None:
            raise self.error

    def begun(self) -> None:
        """Wait until the next call has begun."""
        assert self._begun.acquire(timeout=60)

    def go(self) -> None:
        """Let it end."""
        self._go.release()


@contextmanager
def working(work: Work, seconds: float) -> Iterator[Periodic]:
    """A thread that is at work, and is closed in the end."""
    periodic = Periodic("the work", work, seconds)
    periodic.start()
    try:
        yield periodic
    finally:
        work.go()
        periodic.close()


def test_it_begins_at_once_and_goes_on() -> None:
    work = Work()
    with working(work, 0.001):
        for _ in range(3):
            work.begun()
            work.go()
        work.begun()
    assert work.calls == 4


def test_it_can_be_woken() -> None:
    """Also while it works: what woke it may have come too late for that call."""
    work = Work()
    with working(work, LONG) as periodic:
        work.begun()
        periodic.wake()
        work.go()
        work.begun()
    assert work.calls == 2


def test_a_failure_is_not_the_last_call(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once while it stays the same, and again when it comes back."""
    work = Work()
    errors = [ValueError("a"), ValueError("a"), KeyError("b"), None, KeyError("b")]
    with caplog.at_level(logging.WARNING), working(work, 0.001):
        for error in errors:
            work.begun()
            work.error = error
            work.go()
        work.begun()
        work.error = None
    said = [(record.getMessage(), record.exc_info) for record in caplog.records]
    assert [text for text, _ in said] == ["the work has failed, and is tried again"] * 3
    assert [repr(found[1]) for _, found in said if found] == [
        *("ValueError('a')", "KeyError('b')", "KeyError('b')")
    ]


def test_a_long_piece_of_work_can_see_the_end() -> None:
    work = Work()
    with working(work, LONG) as periodic:
        work.begun()
        assert not periodic.closed
        closing = threading.Thread(target=periodic.close)
        closing.start()
        while not periodic.closed:
            pass
        work.go()
        closing.join(60)
    assert work.calls == 1


def test_one_that_was_never_started_can_be_closed() -> None:
    work = Work()
    Periodic("the work", work, LONG).close()
    assert work.calls == 0
