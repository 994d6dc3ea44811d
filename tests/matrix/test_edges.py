"""What an edge is."""

from __future__ import annotations

import polars as pl

from matrix.edges import EDGES, Evidence


def test_both_ends_have_the_same_columns() -> None:
    parts = [
        [name.removeprefix(end) for name in EDGES if name.startswith(end)]
        for end in ("client_", "server_")
    ]
    assert parts[0] == parts[1] == ["kind", "namespace", "workload", "label", "address"]


def test_evidence_is_the_strongest_first_and_its_lack_last() -> None:
    assert next(iter(Evidence)) is Evidence.SYN
    assert list(Evidence)[-1] is Evidence.UNCERTAIN


def test_an_empty_frame_can_be_made() -> None:
    assert pl.DataFrame(schema=EDGES).columns == list(EDGES)
