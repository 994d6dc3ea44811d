"""A server of `genericmap.Collector` as a destination: flowlogs-pipeline's own protocol for flows.

Source: docs/reference/flowlogs-pipeline.md#stage-types. The collector of the netobserv CLI is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.push.destination import Destination

if TYPE_CHECKING:
    from pipeline.push.genericmap_client import GenericMapTarget

FLOW = "flow"
"""String: a flow as a JSON object."""


class GenericMap(Destination, frozen=True, kw_only=True):
    """A server at `address` (host:port); `timeout` in seconds, names of files under `folder`.

    With `ca`, a PEM file of who signed its certificate, it speaks TLS, and with `cert` and `key` it
    is shown a certificate of ours. `under_way` calls wait for their answers at the same time.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    folder: str = ""
    timeout: float = 10.0
    under_way: int = 64

    def connect(self) -> GenericMapTarget:
        """A connection. Raises UnavailableError."""
        from pipeline.push.genericmap_client import GenericMapTarget  # noqa: PLC0415 - slow

        return GenericMapTarget(self)
