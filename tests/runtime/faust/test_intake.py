"""Batches held until there is enough of them, then counted; without a broker."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.kafka.batch import Batch, GapError
from tests.runtime.faust.support import Parts, with_parts
from tests.runtime.support import BAD, GOOD, ONE, TWO


def test_batches_wait_for_each_other() -> None:
    """Enough of them are counted together; what has waited for long enough as well."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD] * 2, 0, 2))
        await run.intake.count_expired()
        assert run.assignment.position(ONE) == 0
        await run.intake.add(ONE, Batch([GOOD] * 3, 2, 5))
        assert run.assignment.position(ONE) == 5
        await run.intake.add(TWO, Batch([GOOD], 0, 1))
        run.clock.now += 1.0
        await run.intake.count_expired()
        assert run.assignment.position(TWO) == 1
        assert run.checkpointer.since_checkpoint == 6

    with_parts(test, batch_size=5)


def test_nothing_is_taken_while_it_is_closed() -> None:
    async def test(run: Parts) -> None:
        await run.intake.add(ONE, Batch([GOOD] * 5, 0, 5))
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD] * 2, 0, 2))
        await run.intake.close()
        run.clock.now += 60
        await run.intake.count_expired()
        assert run.assignment.position(ONE) == 0, "what waited is read again"

    with_parts(test, batch_size=5)


def test_closing_waits_for_the_batch_under_way() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        async with run.checkpointer.batch_lock:
            closing = asyncio.create_task(run.intake.close())
            await asyncio.sleep(0)
            assert not closing.done()
        await closing

    with_parts(test)


def test_messages_that_come_twice_count_once() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD] * 5, 0, 5))
        await run.intake.add(ONE, Batch([GOOD] * 5, 2, 7))
        assert run.assignment.position(ONE) == 7
        await run.checkpointer.commit()
        assert run.shown() == 7

    with_parts(test, batch_size=5)


def test_missing_messages_are_an_error() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        with pytest.raises(GapError, match="offsets 0 to 4 were not delivered"):
            await run.intake.add(ONE, Batch([GOOD] * 5, 5, 10))

    with_parts(test, batch_size=5)


def test_a_rejected_message_is_a_letter_with_its_offset() -> None:
    """The letter is on its way before the next checkpoint."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD, BAD], 0, 9, [3, 8]))
        (sent,) = run.group.sent
        assert (sent.topic, sent.value) == ("dead", BAD)
        await run.checkpointer.commit()
        assert run.group.events[:2] == ["letter", "part"]

    with_parts(test, batch_size=2)


def test_a_limit_ends_it_after_the_letters_are_on_their_way() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        with pytest.raises(TooManyDeadLettersError):
            await run.intake.add(ONE, Batch([BAD] * 5, 0, 5))
        assert len(run.group.sent) == 5

    with_parts(test, batch_size=5, limits={"max_consecutive": 5})
