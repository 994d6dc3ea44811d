"""Calls of one method of a server of gRPC, and what its answers mean for a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import grpc

from pipeline.diagnostics import printable
from pipeline.files import content, require_valid, warn_if_open
from pipeline.kafka.connection import Tls
from pipeline.push.destination import RejectedError, UnavailableError

_AGAIN = frozenset(
    (
        *(grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED),
        *(grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS),
        *(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL),
    )
)
"""The codes after which a call may be made again: those of OTLP, and INTERNAL, Loki's 500."""


class Client:
    """Calls of one thread to `address` (host:port), each of at most `timeout` seconds.

    Without `tls` in plain text; names of files are under `folder`. `server_name` is the name that
    the certificate has to have. Raises UnavailableError when a file cannot be used.
    """

    def __init__(
        self,
        address: str,
        method: str,
        *,
        tls: Tls | None,
        folder: Path,
        timeout: float,
        headers: Mapping[str, str],
        server_name: str = "",
    ) -> None:
        self._timeout = timeout
        self._metadata = tuple((name.lower(), value) for name, value in headers.items())
        if tls is None or not tls.enable:
            self._channel = grpc.insecure_channel(address)
        else:
            named = [("grpc.ssl_target_name_override", server_name)] if server_name else []
            shown = credentials(folder, tls.ca, tls.cert, tls.key)
            self._channel = grpc.secure_channel(address, shown, named)
        self._call: Callable[..., bytes] = self._channel.unary_unary(method)

    def post(self, body: bytes) -> bytes:
        """What is answered to a message. Raises UnavailableError and RejectedError."""
        try:
            return self._call(body, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code()
            said = f"{code.name} {printable(error.details() or '')[:200]}".strip()
            if code in _AGAIN:
                raise UnavailableError(said) from None
            raise RejectedError(said) from None

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


def credentials(folder: Path, ca: str, cert: str, key: str) -> grpc.ChannelCredentials:
    """What a client trusts and shows: files under `folder` ("" for none), as they are now.

    Raises UnavailableError when one of them cannot be used.
    """
    try:
        if key:
            warn_if_open(folder / key)
        files = [content(folder / name) if name else None for name in (ca, key, cert)]
        if cert:
            require_valid(folder / cert)
    except OSError as error:
        raise UnavailableError(f"tls: cannot use {error.filename}: {error.strerror}") from None
    return grpc.ssl_channel_credentials(*files)
