"""Flows of made-up connections at a steady rate.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, json

from pipeline import decode
from pipeline.decode.detect import decoder_of
from pipeline.stage import BuildContext, Decode, Example, Source, SourceContext
from stages.ingest_file import IngestFile

_HOSTS = 254
"""Addresses of a byte: without 0 and 255."""
_AT_ONCE = 100_000
"""Flows of a run; what is due beyond that is left out."""
_FLOW = {
    "SrcPort": 1234,
    "DstAddr": "11.1.1.1",
    "DstPort": 8000,
    "Proto": 6,
    "Bytes": 100,
    "Packets": 1,
    "SrcAS": 0,
    "DstAS": 0,
    "TimeReceived": 0,
}


class IngestSynthetic(Source, frozen=True, kw_only=True, tag="ingest_synthetic"):
    """Make flows of so many `connections`, each in turn: `batch_length` at a time.

    They come at `flows_per_minute`, from 1.1.1.1, 1.1.1.2 and so on to 11.1.1.1, TCP from port 1234
    to 8000, 100 bytes in one packet. It is for demonstrations and tests under load.
    """

    example: ClassVar[Example] = Example(
        config="- {name: flows, type: ingest_synthetic}",
        flows='{"SrcAddr": "1.1.1.1", "Bytes": 100}',
        output="""
            {"SrcAddr": "1.1.1.1", "Bytes": 100}
        """,
    )

    live: ClassVar[bool] = True
    endless: ClassVar[bool] = True
    serves: ClassVar[bool] = True

    connections: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    batch_length: Annotated[int, Meta(ge=1, le=_AT_ONCE)] = 10
    flows_per_minute: Annotated[int, Meta(ge=1)] = 2000

    def decode(self, context: BuildContext) -> Decode:
        return decode.by_name("json", context)

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, "json")
        return IngestFile(name=self.name, path=str(recording.absolute()), decoder=decoder)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        return self.runs(time.monotonic)

    def runs(self, clock: Callable[[], float]) -> Iterator[list[bytes]]:
        """What is due each time that it is asked for; `clock` gives seconds."""
        flows = cycle(json.encode({"SrcAddr": address(n)} | _FLOW) for n in range(self.connections))
        begun, given = clock(), 0
        while True:
            due = int((clock() - begun) * self.flows_per_minute / 60 / self.batch_length)
            flows_due = min((due - given) * self.batch_length, _AT_ONCE)
            given = due
            yield list(islice(flows, flows_due))


def address(number: int) -> str:
    """The address of a connection: the last byte changes first, none is 0 or 255.

    >>> [address(number) for number in (0, 1, 253, 254, 254 ** 3)]
    ['1.1.1.1', '1.1.1.2', '1.1.1.254', '1.1.2.1', '2.1.1.1']
    """
    parts = (number // _HOSTS**place % _HOSTS + 1 for place in (3, 2, 1, 0))
    return ".".join(map(str, parts))
