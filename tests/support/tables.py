"""Tables of the matrix, as tests write them."""

from __future__ import annotations

import polars as pl

from matrix.tables import COLUMNS

SCHEMA = {
    **dict.fromkeys(COLUMNS, pl.String()),
    "port": pl.Int64(),
    **dict.fromkeys(("count", "first_seen", "last_seen"), pl.Float64()),
}
"""The columns of a table and their types."""
