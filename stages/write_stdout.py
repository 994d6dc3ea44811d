"""Flows to standard output, one record each (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from typing import ClassVar

from pipeline.flows.printing import Format, printer
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer


class WriteStdout(Writer, frozen=True, kw_only=True, tag="write_stdout"):
    """Write each flow to standard output.

    `json` is a line with the keys sorted; `printf` (the original's default) is a line as Go prints
    a map; `fields` has a line for each field, under one with the local time. The latter two print
    numbers of JSON flows as doubles, with an exponent from 1e+06 up.
    """

    example: ClassVar[Example] = Example(
        config="- {name: show, type: write_stdout, follows: flows, format: printf}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 8400000, "TimeReceived": 1700000000}',
        output="map[Bytes:8.4e+06 SrcAddr:10.128.0.14 TimeReceived:1.7e+09]",
    )

    format: Format = "json"

    sink: ClassVar[Sink] = Sink.STDOUT

    def reads(self) -> Fields | None:
        return None

    def build(self, context: BuildContext) -> Write:
        return printer(self.format, integers=context.integers, now=context.clock)
