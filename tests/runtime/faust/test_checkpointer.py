"""Checkpoints on a group that is not there: their order, and what is shown when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any
from unittest.mock import patch

import pytest
from aiokafka.errors import KafkaTimeoutError

from pipeline.kafka.batch import Batch, TopicPartition
from pipeline.runtime.faust.group import MovedError
from pipeline.state.partition import Partition, Snapshot
from tests.runtime.faust.support import Parts, with_parts
from tests.runtime.support import BAD, GOOD, ONE, TWO


def test_the_steps_of_a_checkpoint() -> None:
    """Letters, then parts, then manifests, then the commit; the rest is of earlier epochs."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD, BAD])
        await run.dlq.put(BAD, [("of", b"message")])
        await run.checkpointer.commit()
        assert run.group.events == ["letter", "part", "manifest", "manifest", "commit"]
        assert run.group.committed == {ONE: 2, TWO: 0}
        assert {sent.partition for sent in run.group.sent[1:]} == {0, 1}

    with_parts(test)


def test_what_the_group_took_is_shown() -> None:
    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD] * 3)
        assert run.shown() == 0
        await run.checkpointer.commit()
        assert run.shown() == 3

    with_parts(test)


def test_what_the_group_did_not_take_is_durable_and_not_shown() -> None:
    """Another member may have counted the same messages."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD] * 3)
        run.group.generation = 2
        await run.checkpointer.commit()
        assert run.assignment.durable() == {ONE: 3, TWO: 0}
        assert run.shown() == 0

    with_parts(test)


def test_a_group_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """The counts are durable already; the next checkpoint commits them."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD] * 3)
        run.group.failure = KafkaTimeoutError()
        await run.checkpointer.commit()
        assert run.shown() == 0
        run.group.failure = None
        await run.checkpointer.commit()
        assert run.shown() == 3

    with caplog.at_level(logging.WARNING):
        with_parts(test)
    assert len(caplog.messages) == 1, "at most one line a minute"


def test_nothing_new_writes_nothing() -> None:
    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD])
        await run.checkpointer.commit()
        run.group.events.clear()
        await run.checkpointer.commit()
        assert run.group.events == []

    with_parts(test)


def test_nothing_new_wakes_nobody() -> None:
    """The thread that counts is not asked for a snapshot either."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD])
        await run.checkpointer.commit()
        asked: list[float] = []
        snapshot = run.processor.snapshot

        def noted() -> Any:
            asked.append(run.clock())
            return snapshot()

        run.processor.snapshot = noted  # type: ignore[method-assign]
        await run.checkpointer.commit()
        assert asked == []
        run.feed(ONE, [GOOD])
        run.group.failure = KafkaTimeoutError()
        for _ in range(2):  # not confirmed: tried again
            run.group.events.clear()
            await run.checkpointer.commit()
            assert run.group.events[-1] == "commit"
        assert len(asked) == 2

    with_parts(test)


def test_the_last_offset_written_is_remembered() -> None:
    """A partition that stays is not read again from its changelog."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD])
        await run.checkpointer.commit()
        offsets = {sent.partition: n for n, sent in enumerate(run.group.sent)}
        assert run.checkpointer.written == {ONE: offsets[0], TWO: offsets[1]}

    with_parts(test)


def test_no_partition_waits_for_the_records_of_another() -> None:
    """The producer has no room for those of the first one until the second one has sent its own."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD])
        run.feed(TWO, [GOOD])
        sent, send = asyncio.Event(), run.group.send

        async def waits(*record: Any, partition: int | None = None) -> Awaitable[Any]:
            if partition == ONE.partition:
                await sent.wait()
            sent.set()
            return await send(*record, partition=partition)

        with patch.object(run.group, "send", waits):
            await asyncio.wait_for(run.checkpointer.commit(), 60)
        assert run.assignment.durable() == {ONE: 1, TWO: 1}
        assert run.checkpointer.written.keys() == {ONE, TWO}

    with_parts(test)


def test_no_snapshot_while_a_batch_is_counted() -> None:
    async def test(run: Parts) -> None:
        async with run.checkpointer.batch_lock:
            committing = asyncio.create_task(run.checkpointer.commit())
            await asyncio.sleep(0)
            assert not committing.done()
            assert run.group.events == []
        await committing
        assert "commit" in run.group.events

    with_parts(test)


def test_due_after_the_interval_or_many_messages() -> None:
    """Counted messages make the next checkpoint come early; a snapshot counts them anew."""

    async def test(run: Parts) -> None:
        run.clock.now += 5
        await run.checkpointer.due(5)  # at once: 5 s are over
        waiting = asyncio.create_task(run.checkpointer.due(3_600))
        run.checkpointer.counted(9)
        await asyncio.sleep(0)
        assert not waiting.done()
        run.checkpointer.counted(1)
        await waiting
        await run.checkpointer.commit()
        assert run.checkpointer.since_checkpoint == 0

    with_parts(test, flows=10)


@pytest.mark.parametrize(
    ("counted", "behind", "seconds"),
    [
        (1, 100_000, 1.0),
        (1, 100_001, 5.0),
        (900, 900_000, 1.0),
        (900, 900_001, 5.0),
        (0, 100_001, 0.5),
    ],
)
def test_a_checkpoint_that_took_long_lets_the_next_one_wait(
    counted: int, behind: int, seconds: float
) -> None:
    """Five times as long as it took, since the one before was due; longer far behind the end.

    That is more than are counted in 5 s; what is counted here takes 5 ms. Not after the first one
    of many partitions, in which nothing was counted.
    """

    async def test(run: Parts) -> None:
        snapshot = run.processor.snapshot
        run.group.found = {ONE: (0, behind)}

        def slow() -> Mapping[TopicPartition, tuple[Partition, Snapshot]]:
            run.clock.now += 0.2
            return snapshot()

        await run.checkpointer.due(0)
        run.checkpointer.counted(counted)
        run.clock.now += 0.005
        with patch.object(run.processor, "snapshot", slow):
            await run.checkpointer.commit()
        run.clock.now += seconds - 0.2 - 0.01
        waiting = asyncio.create_task(run.checkpointer.due(0.5))
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        run.clock.now += 0.02
        await asyncio.wait_for(run.checkpointer.due(0.5), 60)

    with_parts(test)


def test_a_batch_of_messages_moves_the_committed_offset_over_holes() -> None:
    """The offset after the last message that was read, not the number of messages."""

    async def test(run: Parts) -> None:
        run.processor.process(ONE, "in", Batch([GOOD], 0, 9, [3]))
        await run.checkpointer.commit()
        assert run.group.committed[ONE] == 9

    with_parts(test)


@pytest.mark.parametrize("ids", [{"t": "id-2"}, {}])
def test_nothing_becomes_durable_of_a_topic_that_was_made_again(ids: dict[str, str]) -> None:
    """Messages of the new topic may have been counted at the offsets of the old one."""

    async def test(run: Parts) -> None:
        run.feed(ONE, [GOOD])
        run.group.ids = ids
        with pytest.raises(MovedError, match="topic t was deleted, or made again"):
            await run.checkpointer.commit()
        assert run.group.events == []
        assert run.assignment.durable() == {}

    with_parts(test)
