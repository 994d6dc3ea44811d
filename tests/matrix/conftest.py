"""Series as the ledger gives them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

Rows = list[tuple[str | float, ...]]


def _series(labels: str, rows: Rows) -> pl.DataFrame:
    names = labels.split()
    schema = [*names, ":value", ":first_seen", ":last_seen"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.col(names).cast(pl.String), pl.col(schema[-3:]).cast(pl.Float64))


@pytest.fixture
def series() -> Callable[[str, Rows], pl.DataFrame]:
    """Names of labels, and rows of their values, value, first and last seen -> a frame."""
    return _series
