"""Metrics as an encoder gives them: families, the increments of a batch, values it rejects."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.stage.keys import Keyed

PUSHED = "otlp:"
"""How the names of metrics begin that are pushed to a receiver instead of being scraped."""

VALUE, COUNT, SUM = ":value", ":count", ":sum"
"""Value columns of a delta; `:` never occurs in a label name."""

SMALLEST_DIVIDER = 2.0**64 / sys.float_info.max
"""Divided by less, numbers of flows (64 bits) become infinite, and with them a series for good."""

FIRST_SEEN, LAST_SEEN = ":first_seen", ":last_seen"
"""When the flows of a series ended, the first and the last (Float64, epoch seconds)."""


def bucket(index: int) -> str:
    """The column of a histogram's bucket (not cumulative); the last index is +Inf."""
    return f":le{index}"


class Kind(StrEnum):
    """The metric types of the exposition."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Rule(StrEnum):
    """How two values of a series become one; null gives way to any value.

    DAYS: both are bits of days (`pipeline.stage.days`), of which the last ones are kept.
    """

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    DAYS = "days"


class Column(NamedTuple):
    """A value column of a family: its type, and how its values are merged."""

    dtype: pl.DataType
    rule: Rule


def sample_names(name: str, kind: Kind | None) -> tuple[str, ...]:
    """The names that a metric takes: its own, and those of a histogram's samples.

    Source: https://prometheus.io/docs/instrumenting/exposition_formats/#histograms-and-summaries.
    """
    suffixes = ("_bucket", "_sum", "_count") if kind is Kind.HISTOGRAM else ()
    return (name, *(name + suffix for suffix in suffixes))


class Family(msgspec.Struct, frozen=True):
    """A metric: full name, type, label names, upper bounds of its buckets (without +Inf).

    `chain` is the plan's digest of everything that decides the values: two families of one name
    with different digests count different things. Without a type it is a family of facts: integers
    under names that no label has, which are kept like all values and are not exposed. `parts` are
    labels that have few values together, and are kept as one.
    """

    name: str
    kind: Kind | None
    labels: tuple[str, ...]
    help: str = ""
    buckets: tuple[float, ...] = ()
    chain: str = ""
    facts: tuple[tuple[str, Rule], ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()

    @property
    def exposed(self) -> bool:
        """Whether a scrape shows it."""
        return self.kind is not None

    @property
    def pushed(self) -> bool:
        """Whether it is sent to a receiver, and not shown by a scrape."""
        return self.name.startswith(PUSHED)

    @property
    def columns(self) -> dict[str, Column]:
        """The value columns of its deltas and totals by name, in their order."""
        integer, number = pl.Int64(), pl.Float64()
        if self.kind is None:
            return {name: Column(integer, rule) for name, rule in self.facts}
        if self.kind is not Kind.HISTOGRAM:
            return {VALUE: Column(number, Rule.LAST if self.kind is Kind.GAUGE else Rule.SUM)}
        buckets = (bucket(i) for i in range(len(self.buckets) + 1))
        return {
            COUNT: Column(integer, Rule.SUM),
            SUM: Column(number, Rule.SUM),
            **dict.fromkeys(buckets, Column(integer, Rule.SUM)),
        }

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names no other metric can have: its own, and a histogram's with their suffixes."""
        return sample_names(self.name, self.kind)

    def continues(self, other: Family) -> bool:
        """Whether this family may go on from the values of the other one."""
        return self.shape == other.shape and self.chain == other.chain

    @property
    def shape(self) -> tuple[Kind | None, tuple[str, ...], tuple[object, ...]]:
        """The type, labels, and buckets or facts, which decide the columns of its series."""
        return self.kind, self.labels, self.buckets + self.facts


class AddressLimit(msgspec.Struct, frozen=True):
    """How many label sets with an address are kept, for each namespace at the other end.

    `rows` of them have the address itself, and `rows` more the network around it (/24, /64); any
    other has OVERFLOW in its place. `ends`: for each end the label of its address ("" where it has
    none), and that of its namespace. `apart`: labels that do not make a label set count again.
    """

    rows: int
    ends: tuple[tuple[str, str], ...]
    apart: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """How the ledger keeps and exposes the series of an encoder.

    `group` is the configured stage over which `max_series` counts. `expiry` is in seconds. A limit
    of 0 means no limit. A series is dropped when its flows are older than `retention` (s), which
    is by its LAST_SEEN; within an eighth of it, since what is dropped is dropped together.
    """

    group: str
    expiry: float = 120.0
    max_series: int = 0
    max_series_per_metric: int = 0
    zero_first: bool = False
    retention: float = math.inf
    addresses: AddressLimit | None = None


MetricSet = Mapping[str, tuple[Family, Policy]]
"""The metrics of a plan by full name: the family, and how its series are kept."""


class Delta(NamedTuple):
    """What a batch adds to a family: label sets in order of first appearance.

    Columns: the family's labels (String, no nulls), then VALUE (Float64; the increment of a
    counter, the last value of a gauge) or, for histograms, COUNT (Int64), SUM (Float64) and
    `bucket(i)` (Int64), or the facts (Int64, null where there is nothing to compare). Then
    FIRST_SEEN and LAST_SEEN, null where the flows do not say when they were; without these columns
    no flow does. A label set may have several rows; but of a counter it has one. With `keyed`
    (of facts alone), the labels are there instead of being columns.
    """

    family: Family
    series: pl.DataFrame
    keyed: Keyed | None = None


class RejectedValue(NamedTuple):
    """A value that cannot be counted: the row of the flow, why, and in which metric.

    `metric` is the name without prefix. `error` is the kind of fault, as the self-metric
    `encode_prom_errors` reports it together with the metric and the field.
    """

    row: int
    reason: str
    error: str
    metric: str
    field: str


class Encoded(NamedTuple):
    """An encoder's answer for a frame.

    `filtered` is the number of rows without a value to count. A row that is neither filtered nor
    rejected was counted.
    """

    deltas: list[Delta]
    filtered: int = 0
    rejected: tuple[RejectedValue, ...] = ()
