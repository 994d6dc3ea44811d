"""Batches held until there is enough of them, then counted; without a broker."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.kafka.batch import Batch
from pipeline.kafka.epochs import Newest
from tests.runtime.faust.support import Parts, with_parts
from tests.runtime.support import BAD, GOOD, ONE, TWO
from tests.stages.conntrack.given import stage


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


def test_whoever_counts_what_has_waited_sleeps_while_nothing_waits() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        for _ in range(2):
            waiting = asyncio.create_task(run.intake.holds_some())
            await asyncio.sleep(0)
            assert not waiting.done()
            position = run.assignment.position(ONE)
            await run.intake.add(ONE, Batch([GOOD], position, position + 1))
            await asyncio.wait_for(waiting, 60)
            await run.intake.holds_some()
            await run.intake.count_held()

    with_parts(test)


def test_a_batch_of_a_partition_that_has_gone_is_left_out() -> None:
    """It was fetched before the rebalance, together with batches of partitions that stay."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.assignment.keep("t", [ONE], 2)
        await run.intake.add(TWO, Batch([GOOD] * 5, 0, 5))
        await run.intake.add(ONE, Batch([GOOD] * 5, 0, 5))
        assert run.assignment.positions() == {ONE: 5}

    with_parts(test, batch_size=5)


def test_small_batches_of_several_partitions_are_counted_in_one_run() -> None:
    """When there is enough of them in all, when one has waited, and before a checkpoint."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD] * 3, 0, 3))
        await run.intake.add(TWO, Batch([GOOD, BAD], 0, 2))
        assert run.assignment.positions() == {ONE: 3, TWO: 2}
        await run.intake.add(ONE, Batch([GOOD], 3, 4))
        run.clock.now += 1.0
        await run.intake.add(TWO, Batch([GOOD], 2, 3))
        await run.intake.count_expired()
        assert run.assignment.positions() == {ONE: 4, TWO: 3}
        await run.intake.add(TWO, Batch([GOOD], 3, 4))
        await run.intake.count_held()
        assert run.assignment.positions() == {ONE: 4, TWO: 4}
        assert [(sent.topic, sent.value) for sent in run.group.sent] == [("dead", BAD)]
        await run.checkpointer.commit()
        assert run.shown() == 7

    with_parts(test, batch_size=5)


def test_partitions_that_cannot_be_counted_together_are_counted_one_by_one() -> None:
    """A stage that remembers does so by partition."""
    track = stage(name="track", follows="in", records=["flowLog"])
    flow = b'{"SrcAddr":"::1","Proto":6}'

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([flow] * 2, 0, 2))
        await run.intake.add(TWO, Batch([flow] * 3, 0, 3))
        assert run.assignment.positions() == {ONE: 2, TWO: 3}
        assert run.checkpointer.since_checkpoint == 5
        await run.checkpointer.commit()
        assert run.shown() == 5

    with_parts(test, batch_size=5, behind=[track])


def test_what_others_have_counted_meanwhile_is_not_waited_for() -> None:
    """The flush and a checkpoint may both want to count what is held."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD], 0, 1))
        await run.intake.add(TWO, Batch([GOOD], 0, 1))
        run.clock.now += 1.0
        async with run.checkpointer.batch_lock:
            held = asyncio.create_task(run.intake.count_held())
            expired = asyncio.create_task(run.intake.count_expired())
            await asyncio.sleep(0)
        await asyncio.gather(held, expired)
        assert run.assignment.positions() == {ONE: 1, TWO: 1}
        assert run.checkpointer.since_checkpoint == 2

    with_parts(test, batch_size=5)


def test_a_gap_in_one_partition_does_not_hold_up_the_others() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.found = {ONE: (0, 10)}
        await run.intake.add(ONE, Batch([GOOD] * 2, 5, 7))
        await run.intake.add(TWO, Batch([GOOD] * 3, 0, 3))
        assert run.assignment.positions() == {ONE: 0, TWO: 3}
        assert run.group.again == {ONE: 0}

    with_parts(test, batch_size=5)


def test_a_limit_on_rejects_is_that_of_the_partition_that_has_them() -> None:
    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([BAD] * 100, 0, 100))
        with pytest.raises(TooManyDeadLettersError, match=r"t\[0\]: 100 messages in a row"):
            await run.intake.add(TWO, Batch([GOOD] * 100, 0, 100))

    with_parts(test, batch_size=200, limits={"max_consecutive": 100})


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


def test_a_fetch_from_elsewhere_is_thrown_away_and_sought_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was under way when the partition moved: nothing is lost, and one line says so."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.found = {ONE: (0, 10)}
        await run.intake.add(ONE, Batch([GOOD] * 5, 5, 10))
        assert run.group.again == {ONE: 0}
        assert run.assignment.position(ONE) == 0
        await run.intake.add(ONE, Batch([GOOD] * 10, 0, 10))
        assert run.assignment.position(ONE) == 10
        assert "kafka_lost{" not in lost(run)

    with caplog.at_level(logging.INFO):
        with_parts(test, batch_size=5)
    assert caplog.messages == ["t[0]: a fetch from elsewhere was thrown away; on from 0"]


def lost(run: Parts) -> str:
    """What the self-metrics say about lost messages that are more than none."""
    text = run.telemetry.render([], {}, None)
    return "".join(x for x in text.splitlines() if "kafka_lost{" in x and not x.endswith(" 0"))


def test_messages_that_the_broker_deleted_are_lost_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Counting goes on behind them."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.found = {ONE: (900, 1_100)}
        await run.intake.add(ONE, Batch([GOOD] * 5, 900, 905))
        assert run.group.again == {ONE: 900}
        assert lost(run).endswith('kafka_lost{topic="t",partition="0"} 900')
        await run.intake.add(ONE, Batch([GOOD] * 5, 900, 905))
        assert run.assignment.position(ONE) == 905

    with_parts(test, batch_size=5)
    assert caplog.messages == ["t[0]: 900 messages were deleted before they were counted"]


def test_losses_are_noticed_when_nothing_comes_after_them() -> None:
    """A partition that is behind and does not move is looked at."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.group.found = {ONE: (900, 900), TWO: (0, 10)}
        await run.intake.look_for_losses()
        assert not run.group.asked.is_set()
        await run.intake.look_for_losses()
        assert run.assignment.positions() == {ONE: 900, TWO: 0}
        assert lost(run).endswith('kafka_lost{topic="t",partition="0"} 900')

    with_parts(test)


@pytest.mark.parametrize("by", ["what comes", "a look"])
def test_a_log_that_was_cut_is_counted_from_there(by: str) -> None:
    """The reader is sent back to where other messages come; what was counted stays."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.feed(ONE, [GOOD] * 10)
        run.group.found = {ONE: (0, 6)}
        run.group.written = {ONE: Newest(5, 6)}
        if by == "a look":
            await run.intake.look_for_losses()
        else:
            await run.intake.add(ONE, Batch([GOOD] * 6, 0, 6))
            await run.intake.count_held()
        assert run.group.again == {ONE: 5}
        assert run.assignment.position(ONE) == 5
        assert run.telemetry.values()["kafka_cut"]["t", "0"] == 5
        await run.intake.add(ONE, Batch([GOOD] * 2, 5, 7))
        await run.intake.count_held()
        assert run.assignment.position(ONE) == 7
        await run.checkpointer.commit()
        assert run.shown() == 12

    with_parts(test)


def test_what_is_read_again_is_no_cut() -> None:
    """The broker has all that is counted."""

    async def test(run: Parts) -> None:
        run.intake.open()
        run.feed(ONE, [GOOD] * 10)
        run.group.written = {ONE: Newest(5, 12)}
        await run.intake.add(ONE, Batch([GOOD] * 12, 0, 12))
        await run.intake.count_held()
        assert run.assignment.position(ONE) == 12
        assert run.group.again == {}

    with_parts(test)


def test_holes_of_compaction_are_no_losses() -> None:
    """The reader went over them."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([GOOD] * 2, 0, 500, [7, 499]))
        assert run.assignment.position(ONE) == 500
        assert lost(run) == ""
        assert run.group.again == {}

    with_parts(test, batch_size=2)


def test_the_end_of_a_transaction_moves_the_position() -> None:
    """A marker is no message, and yet behind it there is nothing to read."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([], 0, 1))
        run.clock.now += 5
        await run.intake.count_expired()
        assert run.assignment.position(ONE) == 1

    with_parts(test)


def test_empty_messages_are_passed_over() -> None:
    """No rejects, no letters, and they touch no limit: not even a row of rejects."""

    async def test(run: Parts) -> None:
        run.intake.open()
        await run.intake.add(ONE, Batch([b"", GOOD, b"", b"", b"", BAD, b""], 0, 7))
        assert run.assignment.position(ONE) == 7
        (sent,) = run.group.sent
        assert sent.value == BAD
        text = run.telemetry.render([], {}, None)
        assert 'ingest_empty{stage="in"} 5' in text
        assert 'ingest_flows_processed{stage="in"} 2' in text
        assert 'stage_flows_in{stage="in"} 2' in text
        with pytest.raises(TooManyDeadLettersError):
            await run.intake.add(ONE, Batch([b"", BAD] * 4, 7, 15))

    with_parts(test, batch_size=7, limits={"max_consecutive": 5})


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
