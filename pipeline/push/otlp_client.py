"""Flows to a receiver of OTLP: requests of logs and of traces, and what it answers."""

from __future__ import annotations

import time
from typing import Protocol

import polars as pl
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from pipeline.diagnostics import printable
from pipeline.push import otlp_records
from pipeline.push.destination import RejectedError
from pipeline.push.otlp import Otlp
from pipeline.push.otlp_transport import transport


class Transport(Protocol):
    """The way to a receiver."""

    def post(self, body: bytes) -> bytes:
        """What is answered to a request. Raises UnavailableError and RejectedError."""

    def close(self) -> None:
        """End the connection."""


class OtlpTarget:
    """A connection to a receiver. Raises UnavailableError."""

    def __init__(self, destination: Otlp) -> None:
        self._destination = destination
        self._transport: Transport = transport(destination)

    def send(self, flows: pl.DataFrame) -> None:
        """Send flows as logs or as traces. Raises UnavailableError and RejectedError."""
        if self._destination.signal == "logs":
            answer = self._transport.post(logs(flows, self._destination.service))
            refused = ExportLogsServiceResponse.FromString(answer).partial_success
            _check(refused.rejected_log_records, refused.error_message)
            return
        answer = self._transport.post(
            traces(flows, self._destination.service, self._destination.splitter)
        )
        spans = ExportTraceServiceResponse.FromString(answer).partial_success
        _check(min(spans.rejected_spans, flows.height), spans.error_message)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


def _check(rejected: int, reason: str) -> None:
    """Raise RejectedError for what a receiver left out of a batch."""
    if rejected > 0:
        raise RejectedError(printable(reason)[:200] or "left out by the receiver", rejected)


def logs(flows: pl.DataFrame, service: str) -> bytes:
    """An `ExportLogsServiceRequest` of the flows."""
    head = ScopeLogs(scope=otlp_records.scope("flp-otlp-logger"), schema_url=otlp_records.SCHEMA)
    records = otlp_records.logs(flows, time.time_ns())
    whole = head.SerializeToString() + otlp_records.repeated(2, records)
    request = ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=otlp_records.resource(service),
                scope_logs=[ScopeLogs.FromString(whole)],
                schema_url=otlp_records.SCHEMA,
            )
        ]
    )
    return request.SerializeToString()


def traces(flows: pl.DataFrame, service: str, splitter: tuple[str, ...]) -> bytes:
    """An `ExportTraceServiceRequest` of the flows."""
    head = ScopeSpans(scope=otlp_records.scope("flp_tracer"))
    spans = otlp_records.spans(flows, splitter, time.time_ns())
    whole = head.SerializeToString() + otlp_records.repeated(2, spans)
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=otlp_records.resource(service),
                scope_spans=[ScopeSpans.FromString(whole)],
                schema_url=otlp_records.SCHEMA,
            )
        ]
    )
    return request.SerializeToString()
