"""Flows as the original prints them, one text a flow: as JSON, as Go prints a map, or in columns.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import polars as pl

from pipeline.flows import gotext
from pipeline.flows.jsonl import json_lines

Format = Literal["json", "printf", "fields"]
Print: TypeAlias = "Callable[[pl.DataFrame], list[str]]"


def printer(form: Format, *, integers: bool, now: Callable[[], float]) -> Print:
    """What prints the flows of a frame.

    `integers`: whole numbers are integers, as those of protobuf; otherwise doubles, as all numbers
    of JSON, which print with an exponent from 1e+06 up. `now` gives the time (epoch seconds) in
    front of each flow in columns, which are in local time.
    """
    if form == "json":
        return json_lines
    whole = int if integers else float

    def show(flow: Mapping[str, Any]) -> str:
        return gotext.nested(flow) if form == "printf" else _columns(flow, now())

    return lambda flows: [show(json.loads(line, parse_int=whole)) for line in json_lines(flows)]


def _columns(flow: Mapping[str, Any], now: float) -> str:
    """Two empty lines, when it was printed, and a line for each field: name, `=`, value.

    >>> _columns({"SrcPort": 443.0, "Bytes": 1e6}, 0.0).splitlines()[3:]
    ['Bytes   = 1e+06', 'SrcPort = 443']
    """
    moment = datetime.fromtimestamp(now)  # noqa: DTZ006 - in local time, as a log
    stamp = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    fields = [f"{name}\t=\t{gotext.nested(flow[name])}" for name in sorted(flow)]
    return "\n".join(["", "", f"Flow record at {stamp}:", *_aligned("\n".join(fields)), ""])


def _aligned(text: str) -> list[str]:
    """The lines of a text, their cells (each ended by a tab) as wide as those above and below.

    A line break or a tab in a value ends a line or a cell, too.
    """
    rows = [line.split("\t") for line in text.split("\n")] if text else []
    for column in range(max((len(row) for row in rows), default=1) - 1):
        block: list[list[str]] = []
        for row in [*rows, [""]]:
            if len(row) > column + 1:
                block.append(row)
                continue
            width = max((len(one[column]) for one in block), default=0) + 1
            for one in block:
                one[column] = one[column].ljust(width)
            block = []
    return ["".join(row) for row in rows]
