"""Flows over gRPC, one a message: `genericmap.Flow`, which holds a JSON object as an `Any`."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import grpc
import polars as pl
from google.protobuf import any_pb2, wrappers_pb2

from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.genericmap import FLOW, GenericMap
from pipeline.push.grpc_client import credentials

METHOD = "/genericmap.Collector/Send"
_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
}
"""What a server says now, and maybe not another time."""


class GenericMapTarget:
    """A connection, on which several calls are under way. Raises UnavailableError.

    When a batch comes again, only the flows of it are sent that have not arrived.
    """

    def __init__(self, destination: GenericMap) -> None:
        self._timeout = destination.timeout
        self._under_way = destination.under_way
        self._channel = _channel(destination)
        self._send: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        self._send = self._channel.unary_unary(METHOD)
        self._batch: pl.DataFrame | None = None
        self._left: list[str] = []
        self._reasons: list[str] = []

    def send(self, flows: pl.DataFrame) -> None:
        """Send a batch. Raises UnavailableError and RejectedError."""
        if flows is not self._batch:
            self._batch, self._left, self._reasons = flows, flows[FLOW].to_list(), []
        lines, self._left = self._left, []
        why = ""
        calls: deque[tuple[str, Any]] = deque()
        for number, line in enumerate(lines):
            calls.append((line, self._send.future(message(line), timeout=self._timeout)))
            if len(calls) == self._under_way:
                why = self._ended(*calls.popleft()) or why
            if why:
                self._left += lines[number + 1 :]
                break
        for call in calls:
            why = self._ended(*call) or why
        if self._left:
            raise UnavailableError(why, left=len(self._left))
        if self._reasons:
            raise RejectedError(self._reasons[-1], len(self._reasons))

    def _ended(self, line: str, call: Any) -> str:
        """Wait for the answer; why the flow is to be sent again, or ""."""
        error = call.exception()
        if error is None:
            return ""
        reason = f"{error.code().name}: {error.details()}"
        if error.code() not in _AGAIN:
            self._reasons.append(reason)
            return ""
        self._left.append(line)
        return reason

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


def message(line: str) -> bytes:
    """A `genericmap.Flow`: field 1 is the `Any`, whose value is the JSON text."""
    inner = any_pb2.Any(value=line.encode()).SerializeToString()
    return wrappers_pb2.BytesValue(value=inner).SerializeToString()


def _channel(destination: GenericMap) -> grpc.Channel:
    """Raises UnavailableError when a file cannot be read."""
    options = [
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if not destination.ca:
        return grpc.insecure_channel(destination.address, options)
    own = destination
    shown = credentials(Path(own.folder), own.ca, own.cert, own.key)
    return grpc.secure_channel(own.address, shown, options)
