"""Flows to standard output, one record a line (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

import json
from typing import ClassVar, Literal

from pipeline.flows import gotext
from pipeline.flows.jsonl import json_lines
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer


class WriteStdout(Writer, frozen=True, kw_only=True, tag="write_stdout"):
    """Write each flow as a line of text.

    `json` (keys sorted), `printf` (the original's default, its map printing) or `fields`
    (`name=value` separated by blanks).
    """

    example: ClassVar[Example] = Example(
        config="- {name: show, type: write_stdout, follows: flows, format: fields}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "TimeReceived": 1700000000}',
        output="Bytes=840 SrcAddr=10.128.0.14 TimeReceived=1700000000",
    )

    format: Literal["json", "printf", "fields"] = "json"

    sink: ClassVar[Sink] = Sink.STDOUT

    def reads(self) -> Fields | None:
        return None

    def build(self, context: BuildContext) -> Write:
        if self.format == "json":
            return json_lines
        render = gotext.nested if self.format == "printf" else _fields
        return lambda flows: [
            render(json.loads(line, parse_int=float)) for line in json_lines(flows)
        ]


def _fields(flow: object) -> str:
    items = flow.items() if isinstance(flow, dict) else ()
    return " ".join(f"{name}={gotext.text(value)}" for name, value in items)
