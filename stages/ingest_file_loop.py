"""Flows from a file, again and again (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from pipeline.decode.detect import decoder_of
from pipeline.diagnostics import Problem
from pipeline.stage import Example, Source, SourceContext
from pipeline.stage.duration import Duration, seconds
from stages.ingest_file import IngestFile

_MOST, _OVERHEAD = 1 << 30, 48
"""Bytes of memory for flows, and those that each takes beside its own."""


class IngestFileLoop(IngestFile, frozen=True, kw_only=True, tag="ingest_file_loop"):
    """Read the flows of `path` once, and give all of them every `interval`, for ever.

    The first time is after one interval. It is for demonstrations and tests under load: the flows
    are held in memory, up to 1 GiB, and with a state each round counts on top of what was counted.
    The forms of the file are those of `ingest_file`.
    """

    example: ClassVar[Example] = Example(
        config="- {name: flows, type: ingest_file_loop, path: flows.jsonl, decoder: json}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
        files={"flows.jsonl": '{"SrcAddr": "10.128.0.14", "Bytes": 840}'},
    )

    live: ClassVar[bool] = True
    endless: ClassVar[bool] = True
    serves: ClassVar[bool] = True

    interval: Duration = 10.0

    def check(self, folder: Path) -> Iterator[Problem]:
        yield from super().check(folder)
        if not seconds(self.interval):
            yield Problem(("interval",), "an interval is longer than 0", "for example 10s")

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, self.decoder)
        return IngestFile(name=self.name, path=str(recording.absolute()), decoder=decoder)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        runs, size = list[list[bytes]](), 0
        for run in super().chunks(context):
            runs.append(run)
            size += sum(map(len, run)) + _OVERHEAD * len(run)
            if size > _MOST:
                raise OSError(
                    f"{context.folder / self.path}: its flows take more than {_MOST} bytes, and a "
                    "loop holds them in memory"
                )
        return self.rounds(runs, time.monotonic)

    def rounds(self, runs: list[list[bytes]], clock: Callable[[], float]) -> Iterator[list[bytes]]:
        """The runs at each interval; of intervals that have gone by meanwhile, one counts."""
        interval = seconds(self.interval)
        due = clock() + interval
        while True:
            if clock() < due:
                yield []
            else:
                due = max(due + interval, clock())
                yield from runs
