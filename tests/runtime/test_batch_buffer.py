"""Batches wait until there is enough of them, or long enough."""

from __future__ import annotations

from pipeline.kafka.batch import Batch
from pipeline.runtime.batch_buffer import BatchBuffer
from tests.runtime.support import Clock


def test_full_by_messages() -> None:
    buffer = BatchBuffer()
    buffer.add(Batch([b"a"] * 3, 0, 3))
    assert not buffer.full(5)
    buffer.add(Batch([b"a"] * 2, 3, 5))
    assert buffer.full(5)


def test_full_by_bytes() -> None:
    """16 MiB are enough, however few the messages are."""
    buffer = BatchBuffer()
    buffer.add(Batch([b"x" * (16 << 20)], 0, 1))
    assert buffer.full(10_000)


def test_expired_by_the_first_batch() -> None:
    """A batch that comes later does not make the first one wait for longer."""
    clock = Clock()
    buffer = BatchBuffer(clock)
    assert not buffer.expired(0)
    buffer.add(Batch([b"a"], 0, 1))
    clock.now += 0.6
    buffer.add(Batch([b"b"], 1, 2))
    assert not buffer.expired(1.0)
    clock.now += 0.4
    assert buffer.expired(1.0)


def test_the_rest_of_a_batch_comes_first() -> None:
    buffer = BatchBuffer()
    buffer.add(Batch([b"c"], 2, 3))
    buffer.put_back(Batch([b"b"], 1, 2))
    assert [batch.payloads for batch in buffer.batches] == [[b"b"], [b"c"]]
    assert buffer.full(2)
