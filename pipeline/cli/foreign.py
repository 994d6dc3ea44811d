"""Columns of Parquet files that others have made: those that no flow can have are refused.

Parquet has types and texts that are no field's: bytes, and texts behind U+001F that are not JSON.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Collection
from pathlib import Path

import msgspec
import polars as pl

from pipeline.flows import gotext, values

AS_TEXT = (pl.col(pl.Binary).cast(pl.String), pl.col(pl.Duration).dt.to_string())
"""Columns of types that no field has, as texts: bytes, and durations in the form of ISO 8601."""


def doubtful(path: Path, schema: values.Schema, columns: Collection[str]) -> list[str]:
    """Those of the columns whose values `check` must see.

    Raises OSError, which names file and column, where the type alone is none of a flow's.
    """
    found = []
    for name in columns:
        dtype = schema[name]
        if values.is_overflow(name) and dtype not in {pl.String, pl.Null}:
            raise _refused(path, name, f"its type is {dtype}, and not text in JSON")
        if dtype.is_nested() and "Binary" in str(dtype):
            raise _refused(path, name, f"its type is {dtype}, and no field has bytes")
        if dtype == pl.Binary or values.is_overflow(name):
            found.append(name)
    return found


def check(path: Path, flows: pl.DataFrame) -> None:
    """Raises OSError, which names file and column, where bytes are not text, or a text not JSON."""
    for column in flows:
        if column.dtype == pl.Binary:
            _check_text(path, column)
        elif column.dtype == pl.String:
            _check_json(path, column)


def _check_text(path: Path, column: pl.Series) -> None:
    try:
        column.cast(pl.String)
    except pl.exceptions.PolarsError:
        raise _refused(path, column.name, "it has bytes that are not text in UTF-8") from None


def _check_json(path: Path, column: pl.Series) -> None:
    for text in column.drop_nulls().unique():
        try:
            gotext.overflow_text(text)
            gotext.json_rewritten(text)
        except RecursionError:
            raise _refused(path, column.name, "it has JSON that is nested too deeply") from None
        except (msgspec.MsgspecError, OverflowError) as error:
            raise _refused(path, column.name, f"a value cannot be read: {error}") from None


def _refused(path: Path, column: str, why: str) -> OSError:
    """The name of a column as JSON: a terminal shows no character of it that is a command."""
    return OSError(errno.EINVAL, f"column {json.dumps(column)}: {why}", str(path))
