"""A server of Loki as a destination, and the columns of a frame for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.push.destination import Destination
from pipeline.push.http import Http

if TYPE_CHECKING:
    from pipeline.push.loki_client import LokiTarget

STREAM, TIME, LINE = "stream", "time", "line"
"""String: the labels as a selector; Int64: ns, null: when it is sent; String."""


class Loki(Destination, frozen=True, kw_only=True):
    """Loki at `address`, which is its URL; `timeout` in seconds, names of files under `folder`."""

    tenant: str = ""
    http: Http = Http()
    folder: str = ""
    timeout: float = 10.0

    def connect(self) -> LokiTarget:
        """A connection. Raises UnavailableError."""
        from pipeline.push.loki_client import LokiTarget  # noqa: PLC0415 - slow, few need it

        return LokiTarget(self)
