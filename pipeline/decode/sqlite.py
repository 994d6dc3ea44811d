"""The SQLite database of the netobserv CLI: its flows as JSON payloads.

It has a table `flow` with a column a field; NULL is an absent field
(github.com/netobserv/network-observability-cli, cmd/flow_db.go).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_MAGIC = b"SQLite format 3\0"
_TABLE = "flow"
_FIELDS = {"TimeFlowRTTNs": "TimeFlowRttNs"}
"""Columns that are not called as the field."""


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database; nothing is read of a pipe, or of what has no size.

    Raises OSError.
    """
    if not path.stat().st_size:
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def chunks(path: Path, size: int) -> Iterator[list[bytes]]:
    """Runs of up to `size` payloads, an object for each row of the table, in its order.

    Raises OSError, which names the file, when it cannot be read, is cut, or has no such table.
    """
    _check_length(path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = lambda text: text.decode(errors="replace")
            rows = database.execute(f"SELECT * FROM {_TABLE} ORDER BY rowid")  # noqa: S608 # a constant
            names = [_FIELDS.get(column[0], column[0]) for column in rows.description]
            while found := rows.fetchmany(size):
                yield [_payload(names, row) for row in found]
    except sqlite3.Error as error:
        raise OSError(f"{path}: the database of flows cannot be read: {error}") from error


def _check_length(path: Path) -> None:
    """Raise OSError for a file that lacks pages: SQLite reads what is missing as rows of nothing.

    The header has the size of a page and their number (sqlite.org/fileformat2.html, 1.3).
    """
    with path.open("rb") as file:
        header = file.read(100)
    size, pages = int.from_bytes(header[16:18], "big"), int.from_bytes(header[28:32], "big")
    whole = (65_536 if size == 1 else size) * pages
    there = path.stat().st_size
    is_current = header[18:20] == b"\1\1" and header[24:28] == header[92:96]  # and has no WAL
    if is_current and there < whole:
        raise OSError(f"{path}: the database of flows is cut: {there:,} of {whole:,} bytes")


def _payload(names: list[str], row: tuple[object, ...]) -> bytes:
    flow = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    return json.dumps(flow, default=_text).encode()


def _text(value: object) -> str:
    """What stands for bytes, which are not of any field."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
