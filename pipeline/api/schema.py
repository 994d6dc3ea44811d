"""The JSON documents below /api/v0/, as the server writes and the client reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.stage import Family


class PartitionPosition(msgspec.Struct, frozen=True):
    """An input partition, and the offset up to which it is counted."""

    topic: str
    partition: int
    position: int


class Progress(msgspec.Struct, frozen=True):
    """/api/v0/progress: up to where a worker's counts are durable."""

    partitions: list[PartitionPosition]


class FamilySeries(msgspec.Struct, frozen=True):
    """A metric family and its series: each row has the values of `columns`, in their order.

    `columns`: the labels (text), then the value columns and times (numbers) of
    `pipeline.state.series_rows`. Of facts, null stands where there is nothing to compare.
    """

    family: Family
    columns: list[str]
    rows: list[tuple[str | int | float | None, ...]]


class Totals(msgspec.Struct, frozen=True):
    """/api/v0/totals: the exact totals of a worker.

    `partitions` says which inputs they include, and up to where; `topics` how many partitions each
    topic has. Both are empty without a consumer group.
    """

    partitions: list[PartitionPosition]
    topics: dict[str, int]
    families: list[FamilySeries]


class Explanation(msgspec.Struct, frozen=True):
    """/api/v0/who: what is known about an address, as titles and texts.

    `found` says whether an object has it or a label's network is around it.
    """

    address: str
    found: bool
    lines: list[tuple[str, str]]


class Inventory(msgspec.Struct, frozen=True, rename={"api_version": "apiVersion"}):
    """/api/v0/inventory: a Kubernetes List of the known objects; `warnings` says what is missing.

    `items` are objects (the server puts them in as JSON that is already encoded).
    """

    items: list[Any]
    warnings: list[str]
    api_version: str = "v1"
    kind: str = "List"
