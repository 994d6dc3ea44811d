"""The two ways of OTLP: gRPC, and HTTP with protobuf."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pipeline.kafka.connection import Tls
from pipeline.push import grpc_client, http_client
from pipeline.push.http import Http
from pipeline.push.otlp import Otlp

_METHODS = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


class Transport(Protocol):
    """The way to a receiver."""

    def post(self, body: bytes) -> bytes:
        """What is answered to a request. Raises UnavailableError and RejectedError."""

    def close(self) -> None:
        """End the connection."""


def transport(to: Otlp) -> Transport:
    """The way to a receiver. Raises UnavailableError."""
    if to.protocol == "http":
        return _OverHttp(to)
    return grpc_client.Client(
        to.address,
        _METHODS[to.signal],
        tls=to.tls,
        folder=Path(to.folder),
        timeout=to.timeout,
        headers=dict(to.headers),
    )


class _OverHttp:
    """POST to `/v1/` and the signal."""

    def __init__(self, to: Otlp) -> None:
        http = Http(tls=to.tls or Tls(), headers=dict(to.headers))
        self._client = http_client.Client(http, Path(to.folder), to.timeout)
        scheme = "https" if to.tls is not None and to.tls.enable else "http"
        self._url = f"{scheme}://{to.address}/v1/{to.signal}"

    def post(self, body: bytes) -> bytes:
        return self._client.post(self._url, body, {"Content-Type": "application/x-protobuf"})

    def close(self) -> None:
        self._client.close()
