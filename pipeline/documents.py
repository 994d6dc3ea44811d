"""Counts and positions as plain data, for the JSON that a server answers with."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pipeline.ledger import Ledger, Table
from pipeline.runtime.group import Group
from pipeline.runtime.partition import Where


def series(table: Table) -> dict[str, object]:
    """A family and its series: `rows` in the order of `columns`."""
    return {
        "family": msgspec.to_builtins(table.family),
        "columns": table.columns,
        "rows": table.series().rows(),
    }


def progress(group: Group | None) -> dict[str, object]:
    """The positions up to which the counts of a worker are durable."""
    return {"partitions": _places(group.durable() if group else {})}


def totals(group: Group | None, ledger: Ledger) -> dict[str, object]:
    """The exact totals: `partitions` says of which inputs, and how far.

    `topics` says how many partitions there are; without a group there are none.
    """
    positions, tables = group.totals() if group else ({}, ledger.tables())
    return {
        "partitions": _places(positions),
        "topics": group.topics if group else {},
        "families": [series(table) for table in tables],
    }


def _places(positions: Mapping[Where, int]) -> list[dict[str, object]]:
    return [
        {"topic": where.topic, "partition": where.partition, "position": position}
        for where, position in sorted(positions.items())
    ]
