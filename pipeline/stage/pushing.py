"""What users write of how flows wait for a server: the fields that every such stage has."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.push.destination import Terms
from pipeline.stage.duration import Duration, seconds


class Queue(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The flows that wait for a server: at most `max_flows`, of about `max_bytes` in memory.

    Flows for which there is no room are lost, and counted (`drop_newest`); with `when_full: block`
    the pipeline waits for room instead. At the end, what waits is sent within `flush_timeout`.
    """

    max_flows: Annotated[int, Meta(ge=1)] = 200_000
    max_bytes: Annotated[int, Meta(ge=1)] = 128 << 20
    when_full: Literal["drop_newest", "block"] = "drop_newest"
    flush_timeout: Duration = "5s"


class Batch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What goes together: at most `max_flows` of about `max_bytes`, or fewer after `wait`."""

    max_flows: Annotated[int, Meta(ge=1)] = 10_000
    max_bytes: Annotated[int, Meta(ge=1)] = 1 << 20
    wait: Duration = "1s"


class Retry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """When a batch that did not arrive is sent again: after `min_backoff`, then twice that, ...

    The pause grows to `max_backoff`, and chance makes it up to half shorter. After `max_retries`
    the batch is lost, and counted.
    """

    min_backoff: Duration = "500ms"
    max_backoff: Duration = "30s"
    max_retries: Annotated[int, Meta(ge=0)] = 10


def terms(queue: Queue, batch: Batch, retry: Retry) -> Terms:
    """The same, durations in seconds."""
    return Terms(
        max_flows=queue.max_flows,
        max_bytes=queue.max_bytes,
        blocks=queue.when_full == "block",
        flush=seconds(queue.flush_timeout),
        batch_flows=batch.max_flows,
        batch_bytes=batch.max_bytes,
        batch_wait=seconds(batch.wait),
        min_backoff=seconds(retry.min_backoff),
        max_backoff=seconds(retry.max_backoff),
        max_retries=retry.max_retries,
    )
