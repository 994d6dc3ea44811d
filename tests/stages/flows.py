"""Flows for the tests of stages: frames from plain dictionaries, golden cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import yaml

from pipeline.decode.json import decoder
from pipeline.flows import values
from pipeline.flows.jsonl import json_lines
from pipeline.stage import BuildContext, Step

GOLDEN = Path(__file__).parents[1] / "golden"
Flow = Mapping[str, Any]


def frame(flows: Sequence[Flow]) -> pl.DataFrame:
    """Flows as the JSON decoder makes them, numbered by `row`."""
    decoded = decoder(BuildContext())([msgspec.json.encode(flow) for flow in flows])
    assert decoded.rejected == []
    rows = pl.Series("row", range(len(flows)), dtype=pl.Int64)
    return values.drop(decoded.flows, "TimeReceived").with_columns(rows)


def plain(flows: pl.DataFrame) -> list[dict[str, Any]]:
    """A frame as plain dictionaries, explicit nulls left out as a reader of JSON flows does."""
    decoded = (json.loads(line) for line in json_lines(flows.drop("row", strict=False)))
    return [{k: v for k, v in flow.items() if v is not None} for flow in decoded]


def run(step: Step, flows: Sequence[Flow]) -> list[dict[str, Any]]:
    """What a step makes of flows."""
    return plain(step(frame(flows)))


def lines(case: str, name: str) -> list[dict[str, Any]]:
    """The JSON lines of a golden case's file."""
    return [json.loads(line) for line in (GOLDEN / case / name).read_text().splitlines() if line]


def rules(case: str) -> Iterator[dict[str, Any]]:
    """The rules of a golden case's network stages, in order, with the stage's other settings."""
    config = yaml.safe_load((GOLDEN / case / "config.yaml").read_text())
    for parameter in config["parameters"]:
        network = parameter.get("transform", {}).get("network", {})
        for rule in network.get("rules", []):
            yield {**network, **rule}
