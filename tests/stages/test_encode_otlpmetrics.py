"""What encode_otlpmetrics counts, and where the series are pushed to."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stages.encode_otlpmetrics import EncodeOtlpMetrics


def spec(**fields: object) -> EncodeOtlpMetrics:
    given = {"type": "encode_otlpmetrics", "name": "out", "follows": "x", "endpoint": "c:4317"}
    return msgspec.convert(given | fields, EncodeOtlpMetrics)


def test_families_stand_beside_those_of_prometheus() -> None:
    """Under names of their own; without buckets, histograms have those of OpenTelemetry."""
    metrics = [
        {"name": "a", "type": "histogram", "value": "A"},
        {"name": "b", "type": "histogram", "value": "A", "buckets": [1, 2]},
    ]
    one, two = spec(prefix="nv_", metrics=metrics).families()
    assert (one.name, one.pushed) == ("otlp:nv_a", True)
    assert one.buckets[:4] == (0.0, 5.0, 10.0, 25.0)
    assert two.buckets == (1.0, 2.0)


def test_its_receiver() -> None:
    to = spec(push_interval="5s", protocol="http", tls={}).receiver(Path("/f"))
    assert (to.address, to.protocol, to.signal, to.folder) == ("c:4317", "http", "metrics", "/f")
    assert to.terms.batch_wait == 5.0


def test_problems() -> None:
    found = spec(push_interval=0, tls={"insecure_skip_verify": True}).check(Path())
    assert [problem.path for problem in found] == [
        ("tls", "insecure_skip_verify"),
        ("push_interval",),
    ]
