"""From a spool to a Parquet file, which appears whole or not at all."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.files import require_regular, sync
from pipeline.flows import values
from pipeline.parquet.spool import frames, is_cut
from pipeline.parquet.storage import DAMAGED, PARQUET, SPOOL

_ROWS = 50_000
"""Flows of a row group, the most that are in memory at once (and one frame)."""
_log = logging.getLogger(__name__)


def convert(spool: Path) -> bool:
    """Make a Parquet file of a spool that no process appends to, and remove the spool.

    Whether it was done: not of a spool that is in use or gone. A spool without a whole frame gives
    no file. One that is damaged is kept under another name, and the log says so, as it does of one
    that is cut. After a kill at any point, doing it again gives the same file. Raises OSError, also
    of what is not a regular file.
    """
    try:
        require_regular(spool, spool.lstat())
        file = spool.open("rb")
    except FileNotFoundError:
        return False
    with file:
        if not _alone(file, spool):
            return False
        schema = _schema(file)
        whole, rest = file.tell(), file.read()
        if schema is not None:
            _write(file, schema, spool)
        _settle(spool, whole, rest)
    return True


def _settle(spool: Path, whole: int, rest: bytes) -> None:
    """Remove a spool whose first `whole` bytes are in a file, or keep it where the rest matters."""
    if not rest or is_cut(rest):
        if rest:
            _log.warning(
                "%s: it is cut: its last %d bytes, flows that were being written, are lost",
                spool,
                len(rest),
            )
        spool.unlink()
        return
    aside = spool.with_name(spool.name + DAMAGED)
    spool.replace(aside)
    _log.error(
        "%s: it is damaged at byte %d: the flows before are in a file, the %d bytes from there"
        " are not, and all of it is kept as %s",
        spool,
        whole,
        len(rest),
        aside.name,
    )


def _alone(file: BinaryIO, spool: Path) -> bool:
    """Take the lock; whether nobody had it, and nobody has converted the file meanwhile."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), spool.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _write(file: BinaryIO, schema: pl.Schema, spool: Path) -> None:
    draft = spool.with_suffix(".draft")
    try:
        _fill(draft, file, schema)
        draft.replace(spool.with_name(spool.name.removeprefix(".").removesuffix(SPOOL) + PARQUET))
    finally:
        draft.unlink(missing_ok=True)
    sync(spool.parent)


def _fill(draft: Path, file: BinaryIO, schema: pl.Schema) -> None:
    """Write all of a Parquet file, and make it durable; what stands in its place is removed."""
    arrow = pl.DataFrame(schema=schema).to_arrow().schema
    draft.unlink(missing_ok=True)
    with draft.open("xb") as out:
        with pq.ParquetWriter(out, arrow, compression="zstd") as writer:
            for rows in _groups(file):
                writer.write_table(_table(rows, schema, arrow))
        out.flush()
        os.fsync(out.fileno())


def _schema(file: BinaryIO) -> pl.Schema | None:
    """The columns of all frames together; None where there is no whole frame."""
    found = dict.fromkeys(
        tuple(pl.read_ipc_stream(io.BytesIO(data), n_rows=0).schema.items()) for data in _from(file)
    )
    empty = [pl.DataFrame(schema=dict(schema)) for schema in found]
    return values.concat(empty).schema if empty else None


def _groups(file: BinaryIO) -> Iterator[list[pl.DataFrame]]:
    """Frames enough for a row group."""
    held: list[pl.DataFrame] = []
    for data in _from(file):
        held.append(pl.read_ipc_stream(io.BytesIO(data)))
        if sum(frame.height for frame in held) >= _ROWS:
            yield held
            held = []
    if held:
        yield held


def _from(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return frames(file)


def _table(rows: list[pl.DataFrame], schema: pl.Schema, arrow: pa.Schema) -> pa.Table:
    """The frames as rows of the file's columns."""
    frame = values.concat([pl.DataFrame(schema=schema), *rows])
    return frame.select(pl.col(n).cast(dtype) for n, dtype in schema.items()).to_arrow().cast(arrow)
