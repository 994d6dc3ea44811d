"""The two ways of OTLP: gRPC, and HTTP with protobuf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc

from pipeline.diagnostics import printable
from pipeline.kafka.connection import Tls
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.http import Http
from pipeline.push.http_client import Client
from pipeline.push.otlp import Otlp

_METHODS = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_AGAIN = frozenset(
    (
        *(grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED),
        *(grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
)
"""The codes after which the specification of OTLP allows another attempt."""


def transport(destination: Otlp) -> OverGrpc | OverHttp:
    """The way to a receiver. Raises UnavailableError."""
    return OverGrpc(destination) if destination.protocol == "grpc" else OverHttp(destination)


class OverHttp:
    """POST to `/v1/` and the signal."""

    def __init__(self, to: Otlp) -> None:
        http = Http(tls=to.tls or Tls(), headers=dict(to.headers))
        self._client = Client(http, Path(to.folder), to.timeout)
        scheme = "https" if to.tls is not None and to.tls.enable else "http"
        self._url = f"{scheme}://{to.address}/v1/{to.signal}"

    def post(self, body: bytes) -> bytes:
        """What is answered to a request. Raises UnavailableError and RejectedError."""
        return self._client.post(self._url, body, {"Content-Type": "application/x-protobuf"})

    def close(self) -> None:
        """End the connection."""
        self._client.close()


class OverGrpc:
    """A call of the service of the signal."""

    def __init__(self, to: Otlp) -> None:
        self._timeout = to.timeout
        self._metadata = tuple((name.lower(), value) for name, value in to.headers)
        self._channel = _channel(to)
        self._export: Callable[..., bytes] = self._channel.unary_unary(_METHODS[to.signal])

    def post(self, body: bytes) -> bytes:
        """What is answered to a request. Raises UnavailableError and RejectedError."""
        try:
            return self._export(body, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code()
            said = f"{code.name} {printable(error.details() or '')[:200]}".strip()
            if code in _AGAIN:
                raise UnavailableError(said) from None
            raise RejectedError(said) from None

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


def _channel(to: Otlp) -> grpc.Channel:
    if to.tls is None or not to.tls.enable:
        return grpc.insecure_channel(to.address)
    return grpc.secure_channel(to.address, credentials(to.tls, Path(to.folder)))


def credentials(tls: Tls, folder: Path) -> grpc.ChannelCredentials:
    """What a client shows and trusts, as the files are now. Raises UnavailableError."""

    def read(name: str) -> bytes | None:
        try:
            return (folder / name).read_bytes() if name else None
        except OSError as error:
            raise UnavailableError(f"tls: cannot use {name}: {error.strerror}") from None

    return grpc.ssl_channel_credentials(read(tls.ca), read(tls.key), read(tls.cert))
