"""Partitions taken over from changelogs, by a group that is not there."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import BrokerError
from pipeline.kafka.epochs import Newest
from pipeline.runtime.faust.group import MovedError
from pipeline.state.changelog import State
from tests.runtime.faust.support import Parts, with_parts
from tests.runtime.support import ONE, TWO

BOTH = {0, 1}


class Log:
    """A changelog that says both partitions were counted up to an offset, in a generation."""

    topic = "t"

    def __init__(self, position: int | None, generation: int, topic_id: str = "") -> None:
        self.position, self.generation, self.topic_id = position, generation, topic_id

    def holds(self, generation: int) -> bool:
        """Whether no later generation has begun."""
        return self.generation == generation

    def saved(self, partition: int) -> State:
        """Counts of nothing, up to the position."""
        return State(self.position, [], partition, frozenset(), self.topic_id)


def found(run: Parts, first: int, end: int) -> None:
    """The broker has both partitions, from one offset to another."""
    run.group.found = {ONE: (first, end), TWO: (first, end)}


def test_it_begins_where_the_counts_end() -> None:
    async def test(run: Parts) -> None:
        found(run, 0, 100)
        await run.takeover.restore(Log(40, 5), BOTH, 5)
        assert run.assignment.positions() == {ONE: 40, TWO: 40}
        assert run.intake.is_open
        assert run.status.not_ready == ""

    with_parts(test)


@pytest.mark.parametrize(("from_end", "position"), [(False, 7), (True, 100)])
def test_without_counts_it_begins_where_the_configuration_says(
    from_end: bool,  # noqa: FBT001 - a parameter of pytest
    position: int,
) -> None:
    async def test(run: Parts) -> None:
        found(run, 7, 100)
        await run.takeover.restore(Log(None, 5), BOTH, 5)
        assert run.assignment.positions() == {ONE: position, TWO: position}

    with_parts(test, from_end=from_end)


def test_a_partition_that_stays_is_kept_as_it_is() -> None:
    """In the generation after its own, nobody else can have had it."""

    async def test(run: Parts) -> None:
        found(run, 0, 100)
        run.feed(ONE, [b"{}"] * 3)
        assert run.takeover.written(ONE, 2) == -1
        await run.takeover.restore(Log(40, 2), BOTH, 2)
        assert run.assignment.positions() == {ONE: 3, TWO: 0}
        assert not run.group.asked.is_set()

    with_parts(test)


def test_nothing_is_taken_over_for_a_generation_that_has_passed() -> None:
    """Another rebalance began while the broker was asked: its changelogs are read anew."""

    async def test(run: Parts) -> None:
        found(run, 0, 100)
        run.group.answers.clear()
        log = Log(40, 5)
        restoring = asyncio.create_task(run.takeover.restore(log, BOTH, 5))
        await run.group.asked.wait()
        log.generation = 6
        run.group.answers.set()
        await restoring
        assert run.assignment.positions() == {}
        assert not run.intake.is_open

    with_parts(test)


@pytest.mark.parametrize("assigned", [{0}, {0, 1, 2}])
def test_a_topic_that_has_changed_takes_another_membership(assigned: set[int]) -> None:
    async def test(run: Parts) -> None:
        run.group.found = {TopicPartition("t", number): (0, 1) for number in assigned}
        with pytest.raises(MovedError, match="partitions of t have changed"):
            await run.takeover.restore(Log(0, 5), BOTH if len(assigned) == 1 else assigned, 5)

    with_parts(test)


def test_counts_beyond_the_end_of_the_topic_end_the_worker() -> None:
    async def test(run: Parts) -> None:
        found(run, 0, 100)
        with pytest.raises(BrokerError, match=r"t\[\d\] ends at 100, but its counts include 101"):
            await run.takeover.restore(Log(101, 5), BOTH, 5)

    with_parts(test)


@pytest.mark.parametrize(
    ("newest", "position", "lost"),
    [(Newest(30, 35), 30, 10), (Newest(35, 35), 35, 5), (Newest(90, 100), 40, 0)],
)
def test_a_log_cut_before_what_is_counted(newest: Newest, position: int, lost: int) -> None:
    """It goes on with what its newest leader wrote; an open transaction at the end is no cut."""

    async def test(run: Parts) -> None:
        found(run, 0, 35)
        run.assignment.topic_ids = {"t": "id-1"}
        run.group.written = {ONE: newest, TWO: newest}
        await run.takeover.restore(Log(40, 5, "id-1"), BOTH, 5)
        assert run.assignment.positions() == {ONE: position, TWO: position}
        cut = run.telemetry.values()["kafka_cut"]
        assert cut == {("t", "0"): lost, ("t", "1"): lost}

    with_parts(test)


def test_messages_that_were_deleted_meanwhile_are_said(caplog: pytest.LogCaptureFixture) -> None:
    async def test(run: Parts) -> None:
        found(run, 60, 100)
        await run.takeover.restore(Log(40, 5), BOTH, 5)
        assert run.assignment.positions() == {ONE: 60, TWO: 60}

    with_parts(test)
    lines = sorted(message for message in caplog.messages if "deleted" in message)
    assert lines == [f"t[{n}]: 20 messages were deleted before they were counted" for n in (0, 1)]


def test_a_new_member_id_means_that_nothing_in_memory_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(run: Parts) -> None:
        run.takeover.joined()
        run.takeover.joined()
        assert set(run.assignment.positions()) == {ONE, TWO}
        run.group.member_id = "member-2"
        run.takeover.joined()
        assert run.assignment.positions() == {}
        assert run.takeover.written(ONE, 2) is None

    with caplog.at_level(logging.WARNING):
        with_parts(test, instance="same")
    assert 'another one has group_instance_id "same" as well' in caplog.messages[0]


def test_a_topic_made_again_ends_the_worker_also_when_it_is_longer() -> None:
    """Its id tells, whatever the offsets are."""

    async def test(run: Parts) -> None:
        found(run, 0, 100)
        log = Log(40, 5)
        log.topic_id = "id-0"
        with pytest.raises(BrokerError, match="topic t was deleted and made again since"):
            await run.takeover.restore(log, BOTH, 5)

    with_parts(test)


def test_a_topic_made_again_is_counted_from_its_start(caplog: pytest.LogCaptureFixture) -> None:
    """Where the configuration says so."""

    async def test(run: Parts) -> None:
        found(run, 0, 100)
        log = Log(40, 5)
        log.topic_id = "id-0"
        await run.takeover.restore(log, BOTH, 5)
        assert run.assignment.positions() == {ONE: 0, TWO: 0}

    with_parts(test, start_over=True)
    assert len([line for line in caplog.messages if "counted from its start" in line]) == 2


@pytest.mark.parametrize("known", ["id-1", ""])
def test_counts_of_the_same_topic_or_of_an_unknown_one_go_on(known: str) -> None:
    """States that were written before ids were kept have none."""

    async def test(run: Parts) -> None:
        found(run, 0, 100)
        log = Log(40, 5)
        log.topic_id = known
        await run.takeover.restore(log, BOTH, 5)
        assert run.assignment.positions() == {ONE: 40, TWO: 40}

    with_parts(test)
