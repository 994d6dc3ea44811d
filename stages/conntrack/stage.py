"""Connections out of flows (docs/reference/flowlogs-pipeline.md#conntrack)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, field

from pipeline.diagnostics import Problem
from pipeline.stage import BuildContext, Example, Fields, StatefulTransform
from pipeline.stage.duration import Duration, seconds
from stages.conntrack.aggregates import Aggregates
from stages.conntrack.fields import (
    Flags,
    Keys,
    Output,
    RecordType,
    Schedule,
    key_problems,
    output_problems,
    schedule_problems,
)
from stages.conntrack.keys import KeyHasher
from stages.conntrack.schedules import Schedules
from stages.conntrack.tracker import Tracker


class Conntrack(StatefulTransform, frozen=True, kw_only=True, tag="conntrack"):
    """Put flows together to connections, and say when these begin, go on and end.

    A connection is what has the same hash of its key fields; `_HashId` is that hash, as
    flowlogs-pipeline makes it. Flows that are not TCP, UDP or SCTP are left out; those marked
    `Duplicate` are not added to a connection. `records` says what comes out: `newConnection` with
    the first flow of a connection, `heartbeat` while it goes on, `endConnection` with its final
    values, and `flowLog` for each flow; `_RecordType` tells them apart, and `_IsFirst` marks the
    first report of a connection. At most `max_connections` are open: flows of others are not added
    to any, and counted in `conntrack_input_records`.

    Times are those of processing. When no flow comes for `idle`, connections end and are reported
    all the same. Over Kafka each partition has connections of its own: both directions must be in
    one partition, as the agents write them.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: connections
              type: conntrack
              follows: flows
              groups:
                client: [SrcAddr, SrcPort]
                server: [DstAddr, DstPort]
                protocol: [Proto]
              keys: {groups: [protocol], a: client, b: server}
              records: [newConnection, flowLog]
              outputs: [{name: Bytes, operation: sum, split: true}]
        """,
        flows="""
            {"SrcAddr": "::7", "SrcPort": 5, "DstAddr": "::9", "DstPort": 8, "Proto": 6, "Bytes": 1}
            {"SrcAddr": "::9", "SrcPort": 8, "DstAddr": "::7", "DstPort": 5, "Proto": 6, "Bytes": 9}
        """,
        output="""
            {"Bytes_AB": 1, "DstAddr": "::9", "DstPort": 8, "Proto": 6, "SrcAddr": "::7",
             "SrcPort": 5, "_HashId": "f8b60c5a70b5673a", "_IsFirst": true,
             "_RecordType": "newConnection"}
            {"Bytes": 1, "DstAddr": "::9", "DstPort": 8, "Proto": 6, "SrcAddr": "::7",
             "SrcPort": 5, "_HashId": "f8b60c5a70b5673a", "_RecordType": "flowLog"}
            {"Bytes": 9, "DstAddr": "::7", "DstPort": 5, "Proto": 6, "SrcAddr": "::9",
             "SrcPort": 8, "_HashId": "f8b60c5a70b5673a", "_RecordType": "flowLog"}
        """,
    )

    groups: dict[str, Annotated[list[str], Meta(min_length=1)]]
    keys: Keys
    records: Annotated[list[RecordType], Meta(min_length=1)]
    outputs: list[Output] = []
    scheduling: list[Schedule] = field(default_factory=lambda: [Schedule()])
    tcp_flags: Flags = Flags()
    max_connections: Annotated[int, Meta(ge=1)] = 1_000_000
    idle: Duration = "20s"

    def reads(self) -> Fields:
        key_fields = (name for group in self.groups.values() for name in group)
        inputs = (output.input or output.name for output in self.outputs)
        own = {"Proto", "Duplicate", *key_fields, *inputs, self.tcp_flags.field}
        return frozenset(own - {""})

    def makes(self) -> tuple[Fields, bool]:
        """Its own fields and those of the keys; where flows come out too, they have theirs."""
        key_fields = (name for group in self.groups.values() for name in group)
        outputs = (output.name for output in self.outputs)
        own = {"_HashId", "_RecordType", "_IsFirst", *key_fields, *outputs}
        return frozenset(own), RecordType.FLOW in self.records

    def check(self, folder: Path) -> Iterator[Problem]:
        key_fields = [name for group in self.groups.values() for name in group]
        yield from key_problems(self.groups, self.keys)
        yield from output_problems(self.outputs, directed=bool(self.keys.a and self.keys.b))
        yield from schedule_problems(self.scheduling, key_fields)
        flags = self.tcp_flags
        if (flags.detect_end or flags.swap) and not flags.field:
            yield Problem(("tcp_flags",), '"field" is missing: the field of the TCP flags')
        if flags.swap and not (self.keys.a and self.keys.b):
            yield Problem(("tcp_flags", "swap"), 'to exchange them, the keys need "a" and "b"')

    def build(self, context: BuildContext) -> Tracker:
        return Tracker(
            hasher=KeyHasher(self.groups, self.keys, integers=context.integers),
            aggregates=Aggregates(self.outputs),
            schedules=Schedules(self.scheduling),
            flags=self.tcp_flags,
            wanted=frozenset(self.records),
            most=self.max_connections,
            idle=seconds(self.idle),
        )
