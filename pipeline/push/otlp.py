"""A receiver of OTLP as a destination: logs and traces, over gRPC or HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from pipeline.kafka.connection import Tls
from pipeline.push.destination import Destination

if TYPE_CHECKING:
    from pipeline.push.otlp_client import OtlpTarget

Protocol = Literal["grpc", "http"]
Signal = Literal["logs", "traces", "metrics"]


class Otlp(Destination, frozen=True, kw_only=True):
    """A receiver at `address` (host:port); without `tls` in plain text.

    `splitter` are the prefixes of fields that get a span of their own. `timeout` is in seconds,
    names of files are under `folder`.
    """

    signal: Signal
    protocol: Protocol = "grpc"
    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    service: str = ""
    splitter: tuple[str, ...] = ()
    folder: str = ""
    timeout: float = 10.0

    def connect(self) -> OtlpTarget:
        """A connection. Raises UnavailableError."""
        from pipeline.push.otlp_client import OtlpTarget  # noqa: PLC0415 - slow, few need it

        return OtlpTarget(self)


@cache
def service_attributes(name: str) -> Mapping[str, str]:
    """What a resource says of a service of this name: also which version of this package it is."""
    return {"service.name": name, "service.version": version("flowmatrix")}
