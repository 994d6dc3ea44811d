"""Flows to Prometheus counters, gauges and histograms.

Source: docs/reference/encode-prom.md#order-of-work, from the value on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.flows import values
from pipeline.flows.times import SEEN, TIMES, seen
from pipeline.stage import (
    COUNT,
    FIRST_SEEN,
    LAST_SEEN,
    SUM,
    VALUE,
    BuildContext,
    Delta,
    Encode,
    Encoded,
    Encoder,
    Example,
    Family,
    Fields,
    Kind,
    Policy,
    RejectedValue,
    bucket,
)
from pipeline.stage.bounds import Bound, ascending, bound
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.metrics import SMALLEST_DIVIDER

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric: a flow adds `value` / `divider` to the series of its labels.

    `labels` are fields of the flow under the names they are exposed by; an absent one reads "".
    A flow without the value field is skipped. `buckets` are upper bounds, ascending; +Inf is
    always one of them. A histogram with `each` observes every number of a list, undivided.
    """

    name: str
    type: Kind = Kind.COUNTER
    help: str = ""
    value: str = ""
    divider: float = 0.0
    labels: list[str] = []
    buckets: list[Bound] = []
    each: bool = False


class EncodePrometheus(Encoder, frozen=True, kw_only=True, tag="encode_prometheus"):
    """Count flows into metrics named `prefix` + name, exactly; no suffix is added.

    A series is exposed until it is idle for `expiry` (0: for ever); its total is kept and comes
    back with it.
    Beyond `max_series` (of this stage) or `max_series_per_metric`, label sets not seen before are
    counted in one series whose labels all read `__overflow__`. 0 means no limit of its own. Over
    Kafka the limits hold for the counts of each partition, and again for what a worker shows: a
    label set can be itself in one partition and in `__overflow__` in another, and exact totals
    have at most so many series for each partition. Sums over all series are exact all the same.
    `zero_first` exposes a new series at zero once, so that `rate()` sees its first flow.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: expose
              type: encode_prometheus
              follows: flows
              prefix: netobserv_
              metrics:
                - {name: flows, labels: [DstPort]}
                - {name: kilobytes, value: Bytes, divider: 1000, labels: [DstPort]}
                - {name: packets, type: histogram, value: Packets, buckets: [1, 10]}
        """,
        flows="""
            {"DstPort": 443, "Bytes": 1500, "Packets": 4}
            {"DstPort": 443, "Bytes": 500, "Packets": 1}
            {"DstPort": 53, "Packets": 12}
        """,
        output="""
            netobserv_flows{DstPort="443"} 2
            netobserv_flows{DstPort="53"} 1
            netobserv_kilobytes{DstPort="443"} 2
            netobserv_packets_bucket{le="1"} 1
            netobserv_packets_bucket{le="10"} 2
            netobserv_packets_bucket{le="+Inf"} 3
            netobserv_packets_sum 17
            netobserv_packets_count 3
        """,
    )

    prefix: str = ""
    metrics: list[Metric] = []
    expiry: Duration = "2m"
    max_series: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_series_per_metric: Annotated[int, msgspec.Meta(ge=0)] = 0
    zero_first: bool = False

    knows_parts: ClassVar[bool] = True
    start: ClassVar[str] = ""
    """How the names of its families begin, before the prefix."""
    default_buckets: ClassVar[tuple[float, ...]] = DEFAULT_BUCKETS

    def reads(self) -> Fields:
        return frozenset(f for m in self.metrics for f in (*m.labels, m.value, *TIMES) if f)

    def families(self) -> tuple[Family, ...]:
        return tuple(self._family(metric) for metric in self.metrics)

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        for index, metric in enumerate(self.metrics):
            at = ("metrics", index)
            yield from (((*at, "labels", k), label) for k, label in enumerate(metric.labels))
            if metric.value:
                yield (*at, "value"), metric.value

    def definitions(self) -> tuple[object, ...]:
        return tuple(msgspec.structs.replace(metric, help="") for metric in self.metrics)

    def policy(self) -> Policy:
        return Policy(
            group=self.name.split("/", 1)[0],
            expiry=seconds(self.expiry) or math.inf,
            max_series=self.max_series,
            max_series_per_metric=self.max_series_per_metric,
            zero_first=self.zero_first,
        )

    def check(self, folder: Path) -> Iterator[Problem]:
        if not seconds(self.expiry):
            yield warning(("expiry",), "with 0, series never expire", "leave it out for 2m")
        for index, metric in enumerate(self.metrics):
            at = ("metrics", index)
            full = self.prefix + metric.name
            if not _METRIC_NAME.fullmatch(full):
                yield Problem(
                    (*at, "name"), f'"{full}" is not a valid metric name', "use [a-zA-Z0-9_:]"
                )
            if not math.isfinite(metric.divider):
                yield Problem((*at, "divider"), "the divider is not a finite number")
            elif 0 < abs(metric.divider) < SMALLEST_DIVIDER:
                message = f"numbers of flows divided by {metric.divider:g} become infinite"
                yield Problem((*at, "divider"), message)
            if metric.each and (metric.type is not Kind.HISTOGRAM or not metric.value):
                yield Problem((*at, "each"), "each is for a histogram with a value")
            elif metric.divider < 0 and metric.type is Kind.COUNTER:
                message = f"a counter divided by {metric.divider:g} would go down"
                yield Problem((*at, "divider"), message)
            for problem in _label_problems(metric):
                yield problem.under(*at)

    def build(self, context: BuildContext) -> Encode:
        encoders = [(_each if m.each else _encoder)(m, self._family(m)) for m in self.metrics]

        def encode(flows: pl.DataFrame) -> Encoded:
            timed = flows.with_columns(seen(flows))
            parts = [encoder(timed) for encoder in encoders]
            return Encoded(
                [delta for part in parts for delta in part.deltas],
                sum(part.filtered for part in parts),
                tuple(value for part in parts for value in part.rejected),
            )

        return encode

    def _family(self, metric: Metric) -> Family:
        bounds = _finite(metric.buckets) if metric.buckets else self.default_buckets
        return Family(
            self.start + self.prefix + metric.name,
            metric.type,
            tuple(metric.labels),
            metric.help,
            bounds if metric.type is Kind.HISTOGRAM else (),
        )


def _finite(buckets: list[Bound]) -> tuple[float, ...]:
    """The bounds without +Inf, which every histogram has."""
    return tuple(number for number in ascending(buckets) if number != math.inf)


def _label_problems(metric: Metric) -> Iterator[Problem]:
    for index, label in enumerate(metric.labels):
        at = ("labels", index)
        if not _LABEL_NAME.fullmatch(label) or label == "__name__":
            yield Problem(
                at, f'"{label}" is not a valid label name', "rename it with a remap stage"
            )
        elif label in metric.labels[:index]:
            yield Problem(at, f'label "{label}" is given twice')
        elif label == "le" and metric.type is Kind.HISTOGRAM:
            yield Problem(at, 'a histogram has its own label "le"', "rename it with a remap stage")
    if [bound(value) for value in metric.buckets] != list(ascending(metric.buckets)):
        yield Problem(("buckets",), "buckets must ascend")


def _encoder(metric: Metric, family: Family) -> Encode:
    labels = list(metric.labels)
    aggregates = _aggregates(family)

    def encode(flows: pl.DataFrame) -> Encoded:
        schema = flows.schema
        texts = [values.text(schema, label).fill_null("").alias(label) for label in labels]
        if not metric.value:
            each = 1.0 / (metric.divider or 1.0)
            rows = flows.select(
                *texts, pl.repeat(each, pl.len()).alias(VALUE), SEEN, *values.part(flows.columns)
            )
            return Encoded([Delta(family, _grouped(rows, labels, aggregates, family))])
        number = values.number(schema, metric.value)
        if metric.divider:
            number = _divided(number, metric.divider)
        rows = flows.with_columns(*texts, number.alias(VALUE)).select(
            *labels, VALUE, SEEN, *values.part(flows.columns)
        )
        rejected = _rejected(flows, rows[VALUE], metric)
        usable = rows[VALUE].is_not_null()
        if rejected:
            usable &= ~pl.int_range(len(usable), eager=True).is_in(
                [value.row for value in rejected]
            )
        filtered = len(usable) - int(usable.sum()) - len(rejected)
        counted = rows.filter(usable)
        return Encoded(
            [Delta(family, _grouped(counted, labels, aggregates, family))], filtered, rejected
        )

    return encode


def _each(metric: Metric, family: Family) -> Encode:
    """Observes the numbers of lists (docs/reference/encode-prom.md#exposition)."""
    labels, name = list(metric.labels), metric.value
    aggregates = _aggregates(family)

    def encode(flows: pl.DataFrame) -> Encoded:
        schema = flows.schema
        dtype = schema.get(name)
        numbers = isinstance(dtype, pl.List) and dtype.inner.is_numeric()
        lists = (
            pl.col(name).cast(pl.List(pl.Float64))
            if numbers
            else pl.lit(None, dtype=pl.List(pl.Float64))
        )
        texts = [values.text(schema, label).fill_null("").alias(label) for label in labels]
        rows = flows.with_columns(*texts, lists.alias(VALUE)).select(
            *labels, VALUE, SEEN, *values.part(flows.columns)
        )
        written = flows.with_columns(values.text(schema, name).alias(VALUE))[VALUE]
        poison = rows[VALUE].list.eval(pl.element().is_nan()).list.any().fill_null(value=False)
        bad = (written.is_not_null() & rows[VALUE].is_null()) | poison
        texts_of = {
            row: "a list with a NaN" if poison[row] else f'"{written[row]}"'
            for row in bad.arg_true()
        }
        rejected = [_no_list(metric, row, text) for row, text in texts_of.items()]
        usable = (rows[VALUE].list.len() > 0).fill_null(value=False) & ~bad
        counted = rows.filter(usable).explode(VALUE, empty_as_null=True)
        return Encoded(
            [Delta(family, _grouped(counted, labels, aggregates, family))],
            len(usable) - int(usable.sum()) - len(rejected),
            tuple(rejected),
        )

    return encode


def _no_list(metric: Metric, row: int, written: str) -> RejectedValue:
    reason = f"metric {metric.name}: {metric.value} is {written}, not a list of numbers"
    return RejectedValue(row, reason, "HistoValueConversionError", metric.name, metric.value)


def _divided(number: pl.Expr, divider: float) -> pl.Expr:
    """Float64: the quotient of IEEE 754, as Go has it; Polars multiplies by the inverse."""
    import pyarrow.compute as pc  # noqa: PLC0415 - slow, for divided values alone

    def divide(column: pl.Series) -> pl.Series:
        return pl.Series(pc.divide(column.to_arrow(), divider), dtype=pl.Float64)

    return number.map_batches(divide, return_dtype=pl.Float64, is_elementwise=True)


def _rejected(flows: pl.DataFrame, number: pl.Series, metric: Metric) -> tuple[RejectedValue, ...]:
    """Rows whose value is there but can't be counted (docs/reference/decoding.md#to-double)."""
    usual = not number.null_count() and not number.is_nan().any() and (number >= 0).all()
    if usual:
        return ()
    key = metric.value
    written = flows.select(values.text(flows.schema, key).alias("t"))["t"]
    unreadable = number.is_null() & written.is_not_null()
    poison = number.is_nan() & (metric.type is not Kind.GAUGE)
    negative = (number < 0) & (metric.type is Kind.COUNTER)
    bad = (unreadable | poison.fill_null(value=False) | negative.fill_null(value=False)).arg_true()
    rejected = []
    for row in bad.to_list():
        value = number[row]
        error = "NegativeValueError" if value is not None and value < 0 else "ValueConversionError"
        what = "is negative" if error == "NegativeValueError" else "is not a number"
        reason = f'metric {metric.name}: {key} "{written[row]}" {what}'
        rejected.append(RejectedValue(row, reason, error, metric.name, key))
    return tuple(rejected)


def _aggregates(family: Family) -> list[pl.Expr]:
    seen = [pl.col(SEEN).min().alias(FIRST_SEEN), pl.col(SEEN).max().alias(LAST_SEEN)]
    value = pl.col(VALUE)
    if family.kind is Kind.COUNTER:
        return [value.sum(), *seen]
    if family.kind is Kind.GAUGE:
        return [value.last(), *seen]
    hits = [
        (pl.col(":bucket") == i).sum().cast(pl.Int64).alias(bucket(i))
        for i in range(len(family.buckets) + 1)
    ]
    return [pl.len().cast(pl.Int64).alias(COUNT), value.sum().alias(SUM), *hits, *seen]


def _grouped(
    rows: pl.DataFrame, labels: list[str], aggregates: list[pl.Expr], family: Family
) -> pl.DataFrame:
    if family.kind is Kind.HISTOGRAM:
        bounds = pl.Series(family.buckets, dtype=pl.Float64)
        index = bounds.search_sorted(rows[VALUE], side="left")
        rows = rows.with_columns(pl.Series(":bucket", index, dtype=pl.UInt32))
    if key := [*labels, *values.part(rows.columns)]:
        return rows.group_by(key, maintain_order=True).agg(aggregates)
    return rows.select(aggregates) if rows.height else rows.clear().select(aggregates).clear()
