"""Series as metrics of OTLP, read by the types of OpenTelemetry."""

from __future__ import annotations

import polars as pl
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from pipeline.exposition.otlp import requests
from pipeline.stage import COUNT, FIRST_SEEN, SUM, VALUE, Family, Kind, bucket

COUNTER = Family("otlp:nv_bytes", Kind.COUNTER, ("ns",), "Bytes")


def metrics(family: Family, series: pl.DataFrame) -> list[Metric]:
    (body,) = requests([(family, series)], {"service.name": "x"}, 100.5)
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (attribute,) = resource.resource.attributes
    assert (attribute.key, attribute.value.string_value) == ("service.name", "x")
    return list(resource.scope_metrics[0].metrics)


def test_counters() -> None:
    """Cumulative from the first flow on; of that without a time, since ever."""
    series = pl.DataFrame({"ns": ["a", ""], VALUE: [5.0, 2.5], FIRST_SEEN: [50.25, None]})
    (metric,) = metrics(COUNTER, series)
    assert (metric.name, metric.description) == ("nv_bytes", "Bytes")
    assert (metric.sum.is_monotonic, metric.sum.aggregation_temporality) == (True, 2)
    one, two = metric.sum.data_points
    assert [(a.key, a.value.string_value) for a in one.attributes] == [("ns", "a")]
    assert (one.as_double, one.time_unix_nano) == (5.0, 100_500_000_000)
    assert one.start_time_unix_nano == 50_250_000_000
    assert (two.as_double, two.start_time_unix_nano) == (2.5, 0)


def test_gauges() -> None:
    gauge = Family("otlp:g", Kind.GAUGE, ())
    (metric,) = metrics(gauge, pl.DataFrame({VALUE: [-1.5]}))
    (point,) = metric.gauge.data_points
    assert (point.as_double, len(point.attributes)) == (-1.5, 0)


def test_histograms() -> None:
    family = Family("otlp:h", Kind.HISTOGRAM, (), buckets=(1.0, 10.0))
    row = {COUNT: 6, SUM: 31.5, bucket(0): 3, bucket(1): 2, bucket(2): 1}
    (metric,) = metrics(family, pl.DataFrame([row]))
    (point,) = metric.histogram.data_points
    assert (point.count, point.sum) == (6, 31.5)
    assert list(point.explicit_bounds) == [1.0, 10.0]
    assert list(point.bucket_counts) == [3, 2, 1]
    assert metric.histogram.aggregation_temporality == 2


def test_requests_are_bounded() -> None:
    """Receivers of gRPC take 4 MiB."""
    many = pl.DataFrame({"ns": [f"{n:0200}" for n in range(4_500)], VALUE: [1.0] * 4_500})
    bodies = list(requests([(COUNTER, many), (COUNTER, many.head(10))], {}, 1.0))
    assert max(map(len, bodies)) < 4 << 20
    found = [
        len(metric.sum.data_points)
        for body in bodies
        for metric in ExportMetricsServiceRequest.FromString(body)
        .resource_metrics[0]
        .scope_metrics[0]
        .metrics
    ]
    assert found == [2_000, 2_000, 500, 10]
    assert list(requests([], {}, 1.0)) == []
