"""A group on paper: what a rebalance costs by members and partitions, without a broker.

Members are in this process; each has the assignor of a worker, and what they say goes through the
protocol's own encoding. Printed are the bytes that a broker would carry and keep, the time of the
leader and of a member, and how many partitions move when a member joins or goes.
Usage: python -m benchmarks.scale
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

import faust
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from pipeline.runtime.faust.app import Assignor

_TOPIC, _GROUP = "network-flows", "flowmatrix"
_SIZES = ((3, 12), (10, 100), (50, 1_000), (100, 2_000), (200, 5_000))
_RECORD_LIMIT = 1_048_588
"""`message.max.bytes` of a broker, unless it is set: the record of a group has to fit."""


class Cluster(ClusterMetadata):  # type: ignore[misc] # it has no types
    """A cluster in which every topic has so many partitions."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._numbers = set(range(partitions))

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Those of any topic."""
        return self._numbers


class Member:
    """A worker as the group knows it."""

    def __init__(self, number: int, partitions: int) -> None:
        self.name = f"{_GROUP}-{number}-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
        app = faust.App(
            _GROUP,
            store="memory://",
            canonical_url=f"http://flowmatrix-{number}.flowmatrix.netobserv.svc:6066",
            topic_disable_leader=True,
        )
        self._topics = {
            _TOPIC,
            app.Table(f"{_TOPIC}-ledger", partitions=partitions).changelog_topic.get_topic_name(),
        }
        self.assignor = Assignor(app)
        self.held: set[int] = set()

    def joins(self) -> bytes:
        """What it says when it joins."""
        return bytes(self.assignor.metadata(self._topics).encode())

    def takes(self, answer: bytes) -> None:
        """What it does with its part of the assignment."""
        assignment = ConsumerProtocolMemberAssignment.decode(answer)
        self.assignor.on_assignment(assignment)
        self.held = {
            number for topic, own in assignment.assignment for number in own if topic == _TOPIC
        }


class Rebalance(NamedTuple):
    """Bytes of all JoinGroup and SyncGroup requests; seconds of the leader and of a member."""

    joined: int
    synced: int
    leader: float
    member: float
    moved: int

    def __str__(self) -> str:
        kept = self.joined + self.synced
        fits = "" if kept < _RECORD_LIMIT else ": beyond a record's usual limit"
        return (
            f"join {self.joined / 1e3:9,.1f} kB, sync {self.synced / 1e3:9,.1f} kB, leader "
            f"{self.leader * 1e3:8,.1f} ms, a member {self.member * 1e3:6,.1f} ms, "
            f"{self.moved:5,} partitions move{fits}"
        )


def rebalance(members: list[Member], partitions: int) -> Rebalance:
    """One round of the group, led by its first member."""
    before = {number: member for member in members for number in member.held}
    joined = {member.name: member.joins() for member in members}
    begun = time.perf_counter()
    said = {n: ConsumerProtocolMemberMetadata.decode(data) for n, data in joined.items()}
    answers = members[0].assignor.assign(Cluster(partitions), said)
    synced = {name: bytes(answer.encode()) for name, answer in answers.items()}
    led = time.perf_counter() - begun
    begun = time.perf_counter()
    for member in members:
        member.takes(synced[member.name])
    took = (time.perf_counter() - begun) / len(members)
    held = [number for member in members for number in member.held]
    if sorted(held) != list(range(partitions)):
        raise RuntimeError("a partition has no member, or several")
    moved = sum(before.get(number) is not member for member in members for number in member.held)
    return Rebalance(_size(joined.values()), _size(synced.values()), led, took, moved)


def _size(messages: Iterable[bytes]) -> int:
    return sum(map(len, messages))


def main() -> None:
    """Print a table: all members begin, one goes, another one joins."""
    for number, partitions in _SIZES:
        members = [Member(index, partitions) for index in range(number)]
        print(f"{number} members, {partitions:,} partitions")
        print(f"  all begin   {rebalance(members, partitions)}")
        print(f"  one goes    {rebalance(members[1:], partitions)}")
        members = [*members[1:], Member(number, partitions)]
        print(f"  one joins   {rebalance(members, partitions)}", flush=True)


if __name__ == "__main__":
    main()
