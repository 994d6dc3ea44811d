"""Batches of partitions through a plan, into their counts, without a broker."""

from __future__ import annotations

import pytest

from pipeline.dead_letters.limit import TooManyDeadLettersError
from tests.runtime.support import BAD, GOOD, ONE, TWO, Processing
from tests.stages.conntrack.given import stage


def test_a_batch_moves_its_partition_and_no_other() -> None:
    run = Processing()
    run.feed(ONE, [GOOD, BAD, GOOD])
    assert run.assignment.positions() == {ONE: 3, TWO: 0}
    snapshots = run.processor.snapshot()
    assert {where: cut.position for where, (_, cut) in snapshots.items()} == {ONE: 3, TWO: 0}
    (table,) = snapshots[ONE][1].tables
    assert table.series().rows()[0][0] == 2
    assert 'kafka_rejected{topic="t",partition="0"} 1' in run.telemetry.render([], {}, None)


def test_the_number_of_messages_is_reported() -> None:
    run = Processing()
    told: list[int] = []
    run.processor.report_to(told.append)
    run.feed(ONE, [GOOD, BAD])
    run.feed(TWO, [GOOD])
    assert told == [2, 1]


def test_a_healthy_partition_does_not_hide_another_one() -> None:
    """Rejects in a row are those of a partition, whatever comes of the others in between."""
    run = Processing(max_consecutive=100)
    run.feed(ONE, [BAD] * 50)
    run.feed(TWO, [GOOD] * 50)
    with pytest.raises(TooManyDeadLettersError, match=r"t\[0\]: 100 messages in a row"):
        run.feed(ONE, [BAD] * 50)


def test_rejects_of_two_partitions_are_not_in_a_row() -> None:
    run = Processing(max_consecutive=100)
    run.feed(ONE, [BAD] * 60)
    run.feed(TWO, [BAD] * 60)
    run.feed(ONE, [GOOD])
    run.feed(ONE, [BAD] * 99)


def test_the_ratio_is_of_a_partition() -> None:
    run = Processing(max_ratio=0.5)
    run.feed(TWO, [GOOD] * 1_000)
    with pytest.raises(TooManyDeadLettersError, match=r"t\[0\]: 100 of 100 messages"):
        run.feed(ONE, [BAD] * 100)


def test_a_partition_taken_over_begins_anew() -> None:
    """Messages are read again from the last checkpoint: they count once."""
    run = Processing(max_consecutive=100)
    run.feed(ONE, [BAD] * 60)
    run.processor.begin(ONE)
    run.feed(ONE, [BAD] * 60)


def test_a_partition_of_which_nothing_comes_has_connections_that_end() -> None:
    """At the same position: the change is durable, and shown, like that of a batch."""
    track = stage(name="track", follows="in", records=["endConnection"], scheduling=[{"end": 5}])
    run = Processing(track)
    run.feed(ONE, [b'{"SrcAddr":"::1","Proto":6}'])
    run.durable()
    assert (run.processor.is_idle(ONE), run.shown()) == (False, 0)
    run.clock.now += 30.0
    assert (run.processor.is_idle(ONE), run.processor.is_idle(TWO)) == (True, False)
    run.processor.tick(ONE, "in")
    assert run.assignment.positions() == {ONE: 1, TWO: 0}
    run.durable()
    assert run.shown() == 1
    assert not run.processor.is_idle(ONE)


def test_what_was_remembered_goes_on_where_it_was_durable() -> None:
    """A partition that is taken over from its changelog has the connections that were open."""
    track = stage(name="track", follows="in", records=["newConnection"])
    first, second = Processing(track), Processing(track)
    first.feed(ONE, [b'{"SrcAddr":"::1","Proto":6}'])
    log = first.durable()[ONE]
    second.assignment.restore(ONE, log, 2, 1)
    second.feed(ONE, [b'{"SrcAddr":"::1","Proto":6}', b'{"SrcAddr":"::2","Proto":6}'])
    second.durable()
    assert second.shown() == 1
    assert second.telemetry.render([], {}, None).count("conntrack_memory_connections{") == 2
