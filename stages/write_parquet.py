"""Flows to Parquet files of a folder, to look at them one by one later (docs/flows.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import polars as pl
from msgspec import Meta

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.files import Name, exists, is_folder
from pipeline.flows import values
from pipeline.parquet.storage import Storage
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer
from pipeline.stage.duration import Duration, seconds

_Field = Annotated[str, Meta(min_length=1)]


class WriteParquet(Writer, frozen=True, kw_only=True, tag="write_parquet"):
    """Keep each flow in a Parquet file of `folder`, which `flowmatrix flows` reads.

    A file is finished `every` so often, or with `max_flows`, and appears then, whole; until then
    its flows are in a hidden file. `fields` are the columns, by default all fields that flows have.
    Files are removed, the oldest first, beyond `max_bytes` of all together and beyond `max_age` (0:
    no bound). Several workers may share a folder. After a kill none is missing: what the process
    had written is made a file at the next start, and flows whose position was not kept come again.
    A disk that does not take flows stops nothing: they are counted, and in `records_lost`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: raw
              type: write_parquet
              follows: flows
              folder: flows
              fields: [SrcAddr, Bytes]
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "Packets": 3}',
        output='{"Bytes":840,"SrcAddr":"10.128.0.14"}',
    )

    folder: Name
    fields: list[_Field] = []
    every: Duration = "5m"
    max_flows: Annotated[int, Meta(ge=1)] = 1_000_000
    max_bytes: Annotated[int, Meta(ge=0)] = 10 << 30
    max_age: Duration = "168h"

    sink: ClassVar[Sink] = Sink.PARQUET

    def reads(self) -> Fields | None:
        return frozenset(self.fields) if self.fields else None

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from ((("fields", index), name) for index, name in enumerate(self.fields))

    def check(self, folder: Path) -> Iterator[Problem]:
        path = folder / self.folder
        above = next(place for place in (path, *path.parents) if exists(place))
        if not is_folder(above):
            yield Problem(("folder",), f"{above} is a file, not a folder")
        elif not os.access(above, os.W_OK | os.X_OK):
            yield Problem(("folder",), f"{above} cannot be written: no permission")

    def storage(self, folder: Path) -> Storage:
        return Storage(
            folder=folder / self.folder,
            every=seconds(self.every),
            flows=self.max_flows,
            max_bytes=self.max_bytes,
            max_age=seconds(self.max_age),
        )

    def build(self, context: BuildContext) -> Write:
        if not self.fields:
            return lambda flows: flows

        def write(flows: pl.DataFrame) -> pl.DataFrame:
            return values.only(flows, self.fields)

        return write
