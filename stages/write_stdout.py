"""Flows to standard output, one record a line (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import msgspec
import polars as pl

from pipeline.flows import gotext
from pipeline.flows.jsonl import json_lines
from pipeline.stage import BuildContext, Fields, Writer


class WriteStdout(Writer, frozen=True, kw_only=True, tag="write_stdout"):
    """Write each flow as a line of text.

    `json` (keys sorted), `printf` (the original's default, its map printing) or `fields`
    (`name=value` separated by blanks).
    """

    format: Literal["json", "printf", "fields"] = "json"

    sink: ClassVar[str] = "stdout"

    def reads(self) -> Fields | None:
        return None

    def build(self, env: BuildContext) -> Callable[[pl.DataFrame], list[str]]:
        if self.format == "json":
            return json_lines
        render = gotext.nested if self.format == "printf" else _fields
        return lambda flows: [
            render(gotext.doubles(msgspec.json.decode(line))) for line in json_lines(flows)
        ]


def _fields(flow: object) -> str:
    items = flow.items() if isinstance(flow, dict) else ()
    return " ".join(f"{name}={gotext.text(value)}" for name, value in items)
