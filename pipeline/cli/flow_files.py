"""Flows of files, as frames: Parquet files lazily, recordings batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pipeline.cli import foreign
from pipeline.cli.series import SETTINGS
from pipeline.decode.detect import detected, is_recording
from pipeline.files import is_file, is_folder, require_regular
from pipeline.flows import values
from pipeline.flows.times import TIMES, moment
from pipeline.predicate.condition import Query
from pipeline.stage import BuildContext, Decoded, Fields, SourceContext
from stages.ingest_file import IngestFile

_MAGIC, _SUFFIX = b"PAR1", ".parquet"
_ROWS = 50_000
"""Flows that are in memory at a time: a row group as `write_parquet` makes them."""
_KINDS = "Parquet, protobuf messages, JSON objects, or a database of the netobserv CLI"


class Wanted(NamedTuple):
    """Which flows, seen when (epoch seconds), and which fields of them (None: all)."""

    query: Query | None = None
    since: float | None = None
    until: float | None = None
    fields: Fields | None = None

    @property
    def reads(self) -> Fields | None:
        """The fields that are read for that."""
        asked = self.query.fields if self.query else frozenset[str]()
        return None if self.fields is None else self.fields | asked | TIMES.keys()

    def expr(self, schema: values.Schema) -> pl.Expr:
        """Boolean: a flow is wanted. One that does not say when it was seen has no time."""
        parts = [self.query.expr(schema)] if self.query else []
        if self.since is not None:
            parts.append((moment(schema) >= self.since).fill_null(value=False))
        if self.until is not None:
            parts.append((moment(schema) < self.until).fill_null(value=False))
        return pl.all_horizontal(parts) if parts else pl.lit(value=True)


class FlowFiles:
    """The flows of files; what was read and rejected of them so far."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.read = 0
        self.rejected: Counter[str] = Counter()
        """Messages that cannot be decoded, by their reason."""
        self._paths = paths

    def names(self) -> set[str]:
        """The fields that the flows have: of recordings, those of their first flows.

        Raises OSError, which names the file.
        """
        empty = [_empty(path) for path in self._paths]
        return {name for frame in empty for name in values.names(frame)}

    def frames(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The wanted flows, file by file, in the order of each. Raises OSError."""
        for path in self._paths:
            if is_parquet(path):
                yield from self._scanned(path, wanted)
            else:
                yield from self._recorded(path, wanted)

    def _scanned(self, path: Path, wanted: Wanted) -> Iterator[pl.DataFrame]:
        try:
            lazy, schema = _scan(path)
            height = lazy.select(pl.len()).collect().item()
            empty = pl.DataFrame(schema=schema)
            columns = _columns(empty, wanted)
            doubtful = foreign.doubtful(path, schema, columns)
            where = wanted.expr(empty.with_columns(foreign.AS_TEXT).schema)
            for start in range(0, height, _ROWS):
                part = lazy.slice(start, _ROWS)
                if doubtful:
                    foreign.check(path, part.select(doubtful).collect())
                yield part.with_columns(foreign.AS_TEXT).filter(where).select(columns).collect()
            self.read += height
        except pl.exceptions.PolarsError as error:
            raise OSError(f"{path}: {error}") from error

    def _recorded(self, path: Path, wanted: Wanted) -> Iterator[pl.DataFrame]:
        for decoded in _decoded(path, wanted.reads):
            self.read += decoded.flows.height
            self.rejected.update(reason for _, reason in decoded.rejected)
            yield decoded.flows.filter(wanted.expr(decoded.flows.schema))


def _columns(empty: pl.DataFrame, wanted: Wanted) -> list[str]:
    """The columns that are read: all of a file that has no wanted field.

    Polars forgets how many flows there are where it reads no column.
    """
    fields = values.names(empty)
    some = wanted.fields is not None and not wanted.fields.isdisjoint(fields)
    return values.only(empty, wanted.reads or fields if some else fields).columns


def _decoded(path: Path, fields: Fields | None) -> Iterator[Decoded]:
    """The batches of a recording, without the time of their decoding."""
    source = IngestFile(name="flows", path=str(path.absolute()), decoder=detected(path))
    decode = source.decode(BuildContext(needed=fields, clock=lambda: 0.0))
    for payloads in source.chunks(SourceContext()):
        found = decode(list(filter(None, payloads)))
        received = pl.when(pl.col("TimeReceived") != 0).then("TimeReceived").alias("TimeReceived")
        yield found._replace(flows=found.flows.with_columns(received))


def _empty(path: Path) -> pl.DataFrame:
    """No flow, with the columns of the file, or those of the first flows of a recording."""
    if is_parquet(path):
        return pl.DataFrame(schema=_scan(path)[1])
    first = next(_decoded(path, None), None)
    return first.flows.clear() if first else pl.DataFrame()


def found(paths: Sequence[Path]) -> list[Path]:
    """The files of flows: a folder stands for its Parquet files. Raises OSError."""
    files: list[Path] = []
    for path in paths:
        if is_folder(path):
            inside = sorted(path.glob(f"*{_SUFFIX}"))
            if not inside:
                raise OSError(f"{path} has no Parquet file: give recordings by their names")
            files += inside
        elif is_file(path) and not is_parquet(path) and not is_recording(path, SETTINGS):
            raise OSError(f"{path} has no flows: they are read from {_KINDS}")
        else:
            files.append(path)
    return files


def is_parquet(path: Path) -> bool:
    """Whether it is a Parquet file, by its name or its beginning.

    One of that name that is empty or damaged is no recording, and read in vain. Raises OSError,
    also of what is not a regular file: a pipe would be waited for.
    """
    require_regular(path, path.stat())
    with path.open("rb") as file:
        return path.suffix == _SUFFIX or file.read(len(_MAGIC)) == _MAGIC


def _scan(path: Path) -> tuple[pl.LazyFrame, pl.Schema]:
    try:
        lazy = pl.scan_parquet(path)
        return lazy, lazy.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise OSError(f"{path}: {error}") from error
