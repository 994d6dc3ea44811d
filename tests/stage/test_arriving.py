"""Bytes as they arrive: batches, and a trickle that comes through within the linger."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from pipeline.decode.framing import chunks
from pipeline.stage import SourceContext
from pipeline.stage.arriving import arriving


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)


def test_what_has_arrived_comes_through_within_the_linger() -> None:
    with pipe() as (reading, writing):
        stream = chunks(arriving(reading, 0.05, SourceContext()), "json", 1000)
        for number in (1, 2):
            os.write(writing, b'{"n":%d}\n{"half' % number)
            started = time.monotonic()
            got = next(stream)
            assert time.monotonic() - started > 0.04
            assert got[-1] == b'{"n":%d}' % number
            os.write(writing, b'":0}\n')
        os.close(writing)
        assert list(stream) == [[b'{"half":0}']]


def test_a_steady_stream_does_not_postpone_the_linger() -> None:
    with pipe() as (reading, writing):
        blocks = arriving(reading, 0.0, SourceContext())
        for _ in range(3):
            os.write(writing, b"x")
            assert next(blocks) == b"x"
            assert next(blocks) == b""
        os.close(writing)
        assert list(blocks) == []


def test_a_full_batch_does_not_wait() -> None:
    with pipe() as (reading, writing):
        os.write(writing, b"{}\n" * 5)
        stream = chunks(arriving(reading, 60.0, SourceContext()), "json", 2)
        assert [next(stream) for _ in range(2)] == [[b"{}", b"{}"]] * 2
        os.close(writing)
        assert list(stream) == [[b"{}"]]


def test_waiting_ends_when_the_run_is_to_end() -> None:
    with pipe() as (reading, writing):
        stopping = Event()
        blocks = arriving(reading, 60.0, SourceContext(stopping=stopping))
        os.write(writing, b"x")
        assert next(blocks) == b"x"
        stopping.set()
        assert list(blocks) == []
        os.close(writing)
