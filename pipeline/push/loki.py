"""A server of Loki as a destination, and the columns of a frame for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from pipeline.push.destination import Destination
from pipeline.push.http import Http

if TYPE_CHECKING:
    from pipeline.push.loki_client import LokiTarget

LabelName = Annotated[
    str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$(?!\n)", extra={"expected": "a label name"})
]
STREAM, TIME, LINE = "stream", "time", "line"
"""String: the labels as a selector; Int64: ns, null: when it is sent; String."""


class Loki(Destination, frozen=True, kw_only=True):
    """Loki at the URL `address`; `timeout` in seconds, names of files under `folder`.

    It is spoken to over HTTP, or over gRPC at grpc:// and grpcs:// (which is with TLS).
    """

    tenant: str = ""
    http: Http = Http()
    folder: str = ""
    timeout: float = 10.0

    def connect(self) -> LokiTarget:
        """A connection. Raises UnavailableError."""
        from pipeline.push.loki_client import LokiTarget  # noqa: PLC0415 - slow, few need it

        return LokiTarget(self)
