"""Flows to metrics that are pushed to a receiver of OTLP.

Source: docs/reference/flowlogs-pipeline.md#opentelemetry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pipeline.diagnostics import Problem
from pipeline.files import Secrets
from pipeline.kafka.connection import Tls
from pipeline.push.destination import Terms
from pipeline.push.otlp import Otlp, Protocol
from pipeline.stage import PUSHED, Example
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.otlp import Endpoint, problems
from stages.encode_prometheus import EncodePrometheus


class EncodeOtlpMetrics(EncodePrometheus, frozen=True, kw_only=True, tag="encode_otlpmetrics"):
    """Count flows as `encode_prometheus` does, and push the series to a receiver of OTLP.

    Every `push_interval` all series that are not idle for `expiry` are sent over gRPC or HTTP, and
    once more at the end: counters as monotonic sums, histograms with their buckets (without
    `buckets` those of OpenTelemetry's SDK), both cumulative, and gauges. So a push that did not
    arrive is made good by the next one. The resource has `service_name`, and the host and process
    as `service.instance.id`. These metrics are not on /metrics; in the engine their names begin
    with `otlp:`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: collector
              type: encode_otlpmetrics
              follows: flows
              endpoint: collector:4317
              prefix: netobserv_
              metrics:
                - {name: bytes, value: Bytes, labels: [DstPort]}
        """,
        flows="""
            {"DstPort": 443, "Bytes": 1500}
            {"DstPort": 443, "Bytes": 500}
        """,
        output='otlp:netobserv_bytes{DstPort="443"} 2000',
    )

    endpoint: Endpoint
    protocol: Protocol = "grpc"
    tls: Tls | None = None
    headers: Secrets = {}
    service_name: str = "netobserv-otlp"
    timeout: Duration = "10s"
    push_interval: Duration = "20s"

    start: ClassVar[str] = PUSHED
    default_buckets: ClassVar[tuple[float, ...]] = (
        *(0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0),
        *(7500.0, 10000.0),
    )

    def check(self, folder: Path) -> Iterator[Problem]:
        yield from super().check(folder)
        yield from problems(self.protocol, self.tls, folder)
        if not seconds(self.push_interval):
            yield Problem(("push_interval",), "the interval has to be longer than 0")

    def receiver(self, folder: Path) -> Otlp:
        """Where the series are pushed to, as often as its batches wait."""
        return Otlp(
            address=self.endpoint,
            terms=Terms(batch_wait=seconds(self.push_interval)),
            signal="metrics",
            protocol=self.protocol,
            tls=self.tls,
            headers=tuple(self.headers.items()),
            service=self.service_name,
            folder=str(folder),
            timeout=seconds(self.timeout),
        )
