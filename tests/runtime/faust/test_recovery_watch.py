"""A recovery that stands still, and one that is slow, with a clock of the test's own."""

from __future__ import annotations

import pytest

from pipeline.kafka.batch import TopicPartition
from pipeline.runtime.faust.recovery_watch import STALL_SECONDS, RecoveryWatch, StalledError
from tests.runtime.faust.support import FakeGroup
from tests.runtime.support import Clock

ONE, TWO = TopicPartition("g-t-ledger-changelog", 0), TopicPartition("g-t-ledger-changelog", 1)


class Watched:
    """A watch of a group, looked at once a second."""

    def __init__(self) -> None:
        self.group, self.clock = FakeGroup(), Clock()
        self.watch = RecoveryWatch(self.group, self.clock)

    def look(self, seconds: float, *, connected: bool = True) -> None:
        """Look for so many seconds."""
        for _ in range(round(seconds)):
            self.clock.now += 1
            self.watch.look(connected=connected)


def test_a_recovery_that_stands_still_ends_the_membership() -> None:
    """The message says where, and how far it was."""
    watched = Watched()
    watched.group.left = {TWO: (17, 18), ONE: (4, 900)}
    watched.look(STALL_SECONDS)
    with pytest.raises(StalledError, match=r"changelog\[0\] was read to offset 4 of 900, and no f"):
        watched.look(1)


def test_a_slow_recovery_that_goes_on_does_not() -> None:
    """One record of any changelog within the time is enough, however long it takes in all."""
    watched = Watched()
    for at in range(10):
        watched.group.left = {ONE: (at, 900), TWO: (4, 5)}
        watched.look(STALL_SECONDS - 1)


def test_a_changelog_that_is_read_to_its_end_is_progress() -> None:
    watched = Watched()
    watched.group.left = {ONE: (4, 900), TWO: (4, 5)}
    watched.look(STALL_SECONDS - 1)
    watched.group.left = {ONE: (4, 900)}
    watched.look(STALL_SECONDS - 1)


def test_nothing_is_to_be_read() -> None:
    """A worker that counts, or waits for its group."""
    Watched().look(10 * STALL_SECONDS)


def test_time_without_the_brokers_does_not_count() -> None:
    """They are waited for; what they have is read when they are back."""
    watched = Watched()
    watched.group.left = {ONE: (4, 900)}
    watched.look(STALL_SECONDS - 1)
    watched.look(10 * STALL_SECONDS, connected=False)
    watched.look(STALL_SECONDS - 1)
    with pytest.raises(StalledError):
        watched.look(2)
