"""Flows as text: a table for a terminal, or for programs as many as there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain

import polars as pl

from matrix.cells import bytes_text, number_text, time_text
from matrix.edge_screen import drawn
from matrix.render import csv_text, guarded, safe_json
from pipeline.cli.screen import Column
from pipeline.flows import values
from pipeline.flows.jsonl import json_lines
from pipeline.flows.times import moment


class Form(StrEnum):
    """How flows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


USUAL = {
    "TimeFlowEndMs": 0,
    "SrcK8S_Namespace": 6,
    "SrcK8S_Name": 4,
    "SrcAddr": 0,
    "SrcPort": 0,
    "DstK8S_Namespace": 7,
    "DstK8S_Name": 5,
    "DstAddr": 0,
    "DstPort": 0,
    "Proto": 0,
    "Bytes": 0,
    "Packets": 1,
    "SrcSubnetLabel": 8,
    "DstSubnetLabel": 9,
}
"""The fields that are shown where none are asked for, each with its rank on a narrow screen."""
_MS = "Ms"


class Totals:
    """What was matched so far."""

    def __init__(self) -> None:
        self.flows = 0
        self._bytes = 0.0
        self._packets = 0.0
        self._times: list[float] = []

    def add(self, flows: pl.DataFrame) -> pl.DataFrame:
        """Add a batch; returns it."""
        self.flows += flows.height
        schema = flows.schema
        numbers = flows.select(
            values.number(schema, "Bytes").sum().alias("bytes"),
            values.number(schema, "Packets").sum().alias("packets"),
            moment(schema).min().alias("first"),
            moment(schema).max().alias("last"),
        )
        more_bytes, more_packets, first, last = numbers.row(0)
        self._bytes += more_bytes
        self._packets += more_packets
        seen = [time for time in (first, last, *self._times) if time is not None]
        self._times = [min(seen), max(seen)] if seen else []
        return flows

    def __str__(self) -> str:
        """A line for people."""
        parts = [
            f"{number_text(self.flows)} {'flow matches' if self.flows == 1 else 'flows match'}"
        ]
        if self.flows:
            parts += [bytes_text(self._bytes), f"{number_text(self._packets)} packets"]
        if self._times:
            parts.append(" to ".join(map(time_text, self._times)))
        return ", ".join(parts)


def table(flows: pl.DataFrame, columns: Sequence[str], width: int) -> str:
    """Flows for a terminal of `width` columns (0: of any); without `columns`, the usual ones.

    Flows that have none of the usual are shown with the fields that they have.
    """
    schema = flows.schema
    shown = columns or [name for name in USUAL if _has(flows, name)]
    shown = shown or [name for name in values.names(flows) if _has(flows, name)]
    texts = flows.select(_text(schema, name).fill_null("").alias(name) for name in shown)
    ranks = dict.fromkeys(shown, 0) | ({} if columns else USUAL)
    described = [
        Column(name, text=not _is_number(schema, name), rank=ranks[name]) for name in shown
    ]
    if {"TimeFlowEndMs"} == {name for name in shown if name.endswith(_MS)} - set(columns):
        texts = _without_the_date(texts)
    return drawn(described, [list(row) for row in texts.iter_rows()], width)


def csv(batches: Iterator[pl.DataFrame], columns: Sequence[str]) -> Iterator[str]:
    """A header, and a line for each flow."""
    names = list(columns or USUAL)
    yield csv_text(pl.DataFrame(schema=dict.fromkeys(names, pl.String())))
    for flows in batches:
        cells = flows.select(_cell(flows.schema, name).alias(name) for name in names)
        yield cells.write_csv(include_header=False)


def jsonl(batches: Iterator[pl.DataFrame], columns: Sequence[str]) -> Iterator[str]:
    """A JSON object for each flow, each a line; without `columns`, all fields that it has."""
    for flows in batches:
        asked = values.only(flows, columns) if columns else flows
        yield from (_safe(line) + "\n" for line in json_lines(asked))


def json(batches: Iterator[pl.DataFrame], columns: Sequence[str]) -> Iterator[str]:
    """One JSON array."""
    lines = (line.rstrip("\n") for line in jsonl(batches, columns))
    first = next(lines, "")
    yield f"[{first}"
    yield from chain((f",\n{line}" for line in lines), ["]\n"])


FORMS: dict[Form, Callable[[Iterator[pl.DataFrame], Sequence[str]], Iterator[str]]] = {
    Form.CSV: csv,
    Form.JSON: json,
    Form.JSONL: jsonl,
}


def greatest(kept: pl.DataFrame | None, flows: pl.DataFrame, by: str, most: int) -> pl.DataFrame:
    """Of flows kept so far and more of them, those with the greatest numbers in the field `by`."""
    both = flows if kept is None else values.concat([kept, flows])
    key = values.column(both, values.number(both.schema, by)).alias(values.HIDDEN)
    ordered = both.with_columns(key).sort(
        values.HIDDEN, descending=True, nulls_last=True, maintain_order=True
    )
    return ordered.head(min(most, both.height)).drop(values.HIDDEN)


def _has(flows: pl.DataFrame, name: str) -> bool:
    return bool(flows.select(values.present(flows.schema, name).any()).item())


def _is_number(schema: values.Schema, name: str) -> bool:
    dtype = schema.get(name)
    return dtype is not None and dtype.is_numeric() and not name.endswith(_MS)


def _text(schema: values.Schema, name: str) -> pl.Expr:
    """String: a field for people, a time of milliseconds as one."""
    if not name.endswith(_MS):
        return values.text(schema, name)
    number = values.number(schema, name)
    return values.distinct(number, _time, pl.String()).fill_null(values.text(schema, name))


def _time(milliseconds: float) -> str | None:
    try:
        found = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_the_date(texts: pl.DataFrame) -> pl.DataFrame:
    """The times of day alone, where all are of one day; the line below the table has the date."""
    days = texts["TimeFlowEndMs"].str.slice(0, 11).unique()
    if len(days) != 1 or not days[0].endswith("T"):
        return texts
    return texts.with_columns(pl.col("TimeFlowEndMs").str.slice(11, 8))


def _cell(schema: values.Schema, name: str) -> pl.Expr:
    """String: a field for a spreadsheet, in which a number stays one."""
    text, dtype = values.text(schema, name), schema.get(name)
    if dtype is not None and dtype.is_numeric() and values.overflow(name) not in schema:
        return text
    return values.distinct(text, guarded, pl.String())


def _safe(line: str) -> str:
    return line if line.isprintable() else safe_json(line)
