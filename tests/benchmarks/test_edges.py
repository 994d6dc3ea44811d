"""What `benchmarks.edges` counts: every flow, in no more rows than the limits allow."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from benchmarks.edges import BATCH, PORTS, calm, count, edges, ledger, scan, total
from pipeline.stage.edge_facts import EDGES
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import FileCheckpoint
from pipeline.state.series_rows import OVERFLOW

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        (10_000, {"address": 10_000, "network": 20 * (PORTS - 2)}),
        (100, {"address": 100, "network": 100, "any": PORTS - 5}),
    ],
)
def test_a_scan_takes_no_more_rows_however_far_it_goes(limit: int, found: dict[str, int]) -> None:
    """At most so many of addresses, as many of networks, and one for the rest of each port.

    What is not in a row is not in memory either, and no flow is lost.
    """
    counted, _, flows = count(scan(5_000), limit)
    assert total(counted) == flows == 5_000 * PORTS
    rows = counted.tables()[0].rows
    assert len(rows.sets) == rows.all().height
    address = pl.col("client_address")
    width = (
        pl.when(address == OVERFLOW)
        .then(pl.lit("any"))
        .when(address.str.contains("/", literal=True))
        .then(pl.lit("network"))
        .otherwise(pl.lit("address"))
    )
    labelled = rows.labelled(rows.all())
    assert dict(labelled.group_by(width.alias("width")).len().iter_rows()) == found


def test_flows_of_the_same_addresses_are_few_rows() -> None:
    counted, _, flows = count(islice(calm(BATCH), 3))
    assert (counted.tables()[0].size, total(counted)) == (100 * 3, flows)


def test_edges_are_all_different(tmp_path: Path) -> None:
    """Each has two flows, and comes back from the disk as it was."""
    counted, _, flows = count(edges(100_000))
    assert counted.tables()[0].size == 100_000
    assert total(counted) == flows == 200_000
    checkpoint_file.save(tmp_path, counted, FileCheckpoint())
    _, restored = ledger()
    checkpoint_file.load(tmp_path, restored)
    key = list(EDGES.labels)
    one, other = (held.tables()[0].series().sort(key) for held in (counted, restored))
    assert one.equals(other)
