"""Series as metrics of OTLP, in requests of a bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from pipeline.stage import COUNT, FIRST_SEEN, PUSHED, SUM, VALUE, Family, Kind, bucket

_POINTS = 2_000
"""Points of a request: below the 4 MiB that receivers of gRPC take."""
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def requests(
    series: Iterable[tuple[Family, pl.DataFrame]], resource: Mapping[str, str], now: float
) -> Iterator[bytes]:
    """The series as `ExportMetricsServiceRequest`s; `now` (epoch seconds) is their time.

    A frame has the labels and value columns of its family, and FIRST_SEEN: from then on a series
    has been counted.
    """
    named = Resource(attributes=_attributes(resource))
    held: list[Metric] = []
    points = 0
    for family, frame in series:
        for part in frame.iter_slices(_POINTS):
            if held and points + part.height > _POINTS:
                yield _request(named, held)
                held, points = [], 0
            held.append(_metric(family, part, int(now * 1e9)))
            points += part.height
    if held:
        yield _request(named, held)


def _request(resource: Resource, metrics: list[Metric]) -> bytes:
    scope = ScopeMetrics(scope=InstrumentationScope(name="flp_meter"), metrics=metrics)
    whole = ResourceMetrics(resource=resource, scope_metrics=[scope])
    return ExportMetricsServiceRequest(resource_metrics=[whole]).SerializeToString()


def _metric(family: Family, series: pl.DataFrame, now: int) -> Metric:
    metric = Metric(name=family.name.removeprefix(PUSHED), description=family.help)
    if family.kind is Kind.HISTOGRAM:
        metric.histogram.aggregation_temporality = _CUMULATIVE
        points = metric.histogram.data_points
        points.extend(_histogram(family, row, now) for row in series.iter_rows(named=True))
        return metric
    if family.kind is Kind.COUNTER:
        metric.sum.aggregation_temporality = _CUMULATIVE
        metric.sum.is_monotonic = True
    data = metric.sum if family.kind is Kind.COUNTER else metric.gauge
    data.data_points.extend(
        NumberDataPoint(**_common(family, row, now), as_double=row[VALUE])
        for row in series.iter_rows(named=True)
    )
    return metric


def _histogram(family: Family, row: dict[str, Any], now: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        **_common(family, row, now),
        count=row[COUNT],
        sum=row[SUM],
        explicit_bounds=family.buckets,
        bucket_counts=[row[bucket(index)] for index in range(len(family.buckets) + 1)],
    )


def _common(family: Family, row: dict[str, Any], now: int) -> dict[str, Any]:
    labels = {label: row[label] for label in family.labels}
    found = {"attributes": _attributes(labels), "time_unix_nano": now}
    if row.get(FIRST_SEEN) is not None and family.kind is not Kind.GAUGE:
        found["start_time_unix_nano"] = max(0, int(row[FIRST_SEEN] * 1e9))
    return found


def _attributes(texts: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in texts.items()]
