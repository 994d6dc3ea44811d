"""Flows to a receiver of OTLP: requests of logs and of traces, and what it answers."""

from __future__ import annotations

import time
from typing import TypeVar

import polars as pl
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from pipeline.diagnostics import printable
from pipeline.push import otlp_records
from pipeline.push.destination import RejectedError
from pipeline.push.otlp import Otlp
from pipeline.push.otlp_transport import transport

_Answer = TypeVar("_Answer", ExportLogsServiceResponse, ExportTraceServiceResponse)


class OtlpTarget:
    """A connection to a receiver. Raises UnavailableError."""

    def __init__(self, destination: Otlp) -> None:
        self._destination = destination
        self._transport = transport(destination)

    def send(self, flows: pl.DataFrame) -> None:
        """Send flows as logs or as traces. Raises UnavailableError and RejectedError."""
        if self._destination.signal == "logs":
            answer = self._transport.post(logs(flows, self._destination.service))
            refused = _parsed(ExportLogsServiceResponse, answer).partial_success
            _check(refused.rejected_log_records, refused.error_message)
            return
        answer = self._transport.post(
            traces(flows, self._destination.service, self._destination.splitter)
        )
        spans = _parsed(ExportTraceServiceResponse, answer).partial_success
        _check(spans.rejected_spans, spans.error_message)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


def _parsed(kind: type[_Answer], answer: bytes) -> _Answer:
    """An answer as a receiver gives it. Raises RejectedError where something else answered."""
    try:
        return kind.FromString(answer)
    except DecodeError:
        shown = printable(answer[:200].decode(errors="replace"))
        raise RejectedError(f"this is no answer of a receiver of OTLP: {shown}") from None


def _check(rejected: int, reason: str) -> None:
    """Raise RejectedError for what a receiver left out of a batch."""
    if rejected > 0:
        raise RejectedError(printable(reason)[:200] or "left out by the receiver", rejected)


def logs(flows: pl.DataFrame, service: str) -> bytes:
    """An `ExportLogsServiceRequest` of the flows."""
    scope = ScopeLogs(scope=otlp_records.scope("flp-otlp-logger"), schema_url=otlp_records.SCHEMA)
    resource = ResourceLogs(resource=otlp_records.resource(service), schema_url=otlp_records.SCHEMA)
    return _request(resource, scope, otlp_records.logs(flows, time.time_ns()))


def traces(flows: pl.DataFrame, service: str, splitter: tuple[str, ...]) -> bytes:
    """An `ExportTraceServiceRequest` of the flows."""
    scope = ScopeSpans(scope=otlp_records.scope("flp_tracer"))
    resource = ResourceSpans(
        resource=otlp_records.resource(service), schema_url=otlp_records.SCHEMA
    )
    return _request(resource, scope, otlp_records.spans(flows, splitter, time.time_ns()))


def _request(
    resource: ResourceLogs | ResourceSpans, scope: ScopeLogs | ScopeSpans, records: list[bytes]
) -> bytes:
    """Records (field 2) in a scope (2 again) of a resource (1): fields may stand in any order."""
    inner = scope.SerializeToString() + otlp_records.repeated(2, records)
    outer = resource.SerializeToString() + otlp_records.repeated(2, [inner])
    return otlp_records.repeated(1, [outer])
