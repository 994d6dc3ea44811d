"""Flows from standard input, passed on as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from pipeline.decode import Format, by_name
from pipeline.decode.compression import Compression, FormatError
from pipeline.decode.detect import decoder_of
from pipeline.decode.framing import chunks, guarded
from pipeline.stage import BuildContext, Decode, Example, Source, SourceContext
from pipeline.stage.arriving import arriving
from stages.ingest_file import IngestFile

_STDIN = 0


class IngestStdin(Source, frozen=True, kw_only=True, tag="ingest_stdin"):
    """Read flows from standard input until it ends.

    The forms and compressions are those of `ingest_file`. What has arrived waits at most `linger`
    seconds for a full batch.
    """

    example: ClassVar[Example] = Example(
        config="- {name: flows, type: ingest_stdin}",
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
    )

    live: ClassVar[bool] = True

    decoder: Format = "json"
    compression: Compression = "auto"
    batch_size: Annotated[int, msgspec.Meta(ge=1)] = 20_000
    linger: Annotated[float, msgspec.Meta(ge=0)] = 1.0

    def decode(self, context: BuildContext) -> Decode:
        return guarded(by_name(self.decoder, context))

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, self.decoder)
        return IngestFile(name=self.name, path=str(recording.absolute()), decoder=decoder)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        blocks = arriving(_STDIN, self.linger, context)
        try:
            yield from chunks(blocks, self.decoder, self.batch_size, self.compression)
        except FormatError as error:
            raise OSError(f"standard input: {error}") from error
