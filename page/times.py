"""Times of frames as documents have them."""

from __future__ import annotations

import polars as pl

from matrix.cells import time_text


def stamped(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame with these columns (epoch seconds) as texts in RFC 3339; null stays null."""
    return frame.with_columns(
        pl.col(name).map_elements(time_text, return_dtype=pl.String) for name in names
    )
