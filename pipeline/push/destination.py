"""Where a writer pushes flows to, on which terms, and how a batch is sent."""

from __future__ import annotations

from typing import Protocol

import msgspec
import polars as pl


class UnavailableError(Exception):
    """The server does not take a batch now; `after` are seconds it asks to be left alone."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class RejectedError(Exception):
    """The server does not take a batch, or so many `flows` of it, and will not another time."""

    def __init__(self, reason: str, flows: int | None = None) -> None:
        super().__init__(reason)
        self.flows = flows


class Target(Protocol):
    """A connection to a server; used by one thread."""

    def send(self, flows: pl.DataFrame) -> None:
        """Send a batch, and return when the server has taken it.

        Raises UnavailableError and RejectedError.
        """

    def close(self) -> None:
        """End the connection."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How flows wait and go: `pipeline.stage.pushing` has them as users write them.

    At most `max_flows` of about `max_bytes` in memory wait; with `blocks` the pipeline waits for
    room, otherwise flows without room are lost. A batch has at most `batch_flows` of `batch_bytes`,
    or fewer after `batch_wait`. Times are in seconds.
    """

    max_flows: int = 200_000
    max_bytes: int = 128 << 20
    blocks: bool = False
    flush: float = 5.0
    batch_flows: int = 10_000
    batch_bytes: int = 1 << 20
    batch_wait: float = 1.0
    min_backoff: float = 0.5
    max_backoff: float = 30.0
    max_retries: int = 10


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A server and how flows get there. `address` names it to people, without secrets.

    `weighed` is the String column whose bytes count as those of a batch; "": what the frame has in
    memory.
    """

    address: str
    terms: Terms = Terms()
    weighed: str = ""

    def connect(self) -> Target:
        """A connection; secrets are read now. Raises UnavailableError."""
        raise NotImplementedError
