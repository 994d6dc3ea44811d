"""Flows from a file: a recording of protobuf messages, or of JSON objects."""

from __future__ import annotations

import logging
import math
import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from pipeline.decode import Format, by_name, sqlite
from pipeline.decode.compression import Compression, FormatError
from pipeline.decode.detect import decoder_of, detected
from pipeline.decode.framing import chunks, guarded
from pipeline.diagnostics import Problem, nearest, warning
from pipeline.files import Name, ending, entries, exists, is_file, is_folder
from pipeline.stage import BuildContext, Decode, Example, Source, SourceContext
from pipeline.stage.arriving import arriving

_log = logging.getLogger(__name__)

_LINGER = 1.0
"""Seconds that flows of a pipe wait for a full batch."""


class IngestFile(Source, frozen=True, kw_only=True, tag="ingest_file"):
    """Read the flows of `path` and end. A relative path starts at the configuration's folder.

    With decoder `protobuf` the file holds size-delimited `pbflow.Record` messages, with `json`
    objects: one a line, over several lines, with commas behind them, or in arrays; the SQLite
    database of the netobserv CLI reads as such objects. gzip, zstd, lz4, snappy (framed), bz2 and
    xz are recognised by their first bytes. Of a file that is cut or damaged, what was whole is
    counted and one message is rejected with the reason. A file is not followed: what is written to
    it meanwhile is for the next run.
    """

    example: ClassVar[Example] = Example(
        config="- {name: flows, type: ingest_file, path: flows.jsonl, decoder: json}",
        flows="",
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
        files={"flows.jsonl": '{"SrcAddr": "10.128.0.14", "Bytes": 840}'},
    )

    path: Name
    decoder: Format = "protobuf"
    compression: Compression = "auto"
    batch_size: Annotated[int, msgspec.Meta(ge=1)] = 20_000

    def check(self, folder: Path) -> Iterator[Problem]:
        path = folder / self.path
        if is_folder(path):
            yield Problem(("path",), f"{path} is a folder, not a file")
        elif not exists(path):
            names = [entry.name for entry in entries(path.parent) if is_file(entry)]
            yield Problem(("path",), f"no file {path}", nearest(path.name, names))
        elif not os.access(path, os.R_OK):
            yield Problem(("path",), f"{path} cannot be read: no permission")
        else:
            yield from self._check_decoder(path)

    def inputs(self, folder: Path) -> Iterator[Path]:
        yield folder / self.path

    def _check_decoder(self, path: Path) -> Iterator[Problem]:
        """A warning when the file begins as JSON, and the decoder reads messages."""
        try:
            found = None if path.is_fifo() or not path.stat().st_size else detected(path)
        except OSError:
            return  # whoever reads it says why
        if found == "json" and self.decoder != "json":
            yield warning(("decoder",), f"{path} has JSON", "write decoder: json")

    def decode(self, context: BuildContext) -> Decode:
        return guarded(by_name(self.decoder, context))

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, self.decoder)
        return msgspec.structs.replace(
            self, path=str(recording.absolute()), decoder=decoder, compression="auto"
        )

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        path = context.folder / self.path
        if sqlite.is_database(path):
            if self.decoder != "json":
                raise OSError(f"{path}: the flows of a database are read with decoder: json")
            yield from sqlite.chunks(path, self.batch_size)
            return
        try:
            yield from chunks(
                _blocks(path, context), self.decoder, self.batch_size, self.compression
            )
        except FormatError as error:
            raise OSError(f"{path}: {error}") from error


def _blocks(path: Path, context: SourceContext) -> Iterator[bytes]:
    """The bytes of a file as they come; a pipe may have its first writer later."""
    with ending(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISFIFO(mode) and _is_idle(file.fileno()):
            _log.warning("%s is a pipe, and nobody has written to it yet: this waits", path)
        if stat.S_ISREG(mode):
            yield from _regular(file.fileno(), context, path)
        else:
            yield from arriving(file.fileno(), _LINGER, context, path)


def _regular(descriptor: int, context: SourceContext, path: Path) -> Iterator[bytes]:
    """What a file has now: one that grows as fast as it is read, by our own output say, would last.

    A file that says it has nothing, as those of /proc do, is read to its end.
    """
    size, done = os.fstat(descriptor).st_size, 0
    for block in arriving(descriptor, math.inf, context, path):
        yield block[: size - done] if size else block
        done += len(block)
        if 0 < size <= done:
            break
    left = os.fstat(descriptor).st_size
    if not size:
        return
    if left > size:
        _log.warning("%s grows: it had %d bytes, and has %d now: they wait", path, size, left)
    elif left < done:
        _log.warning("%s became shorter while it was read: %d bytes, then %d", path, done, left)


def _is_idle(descriptor: int) -> bool:
    """Whether reading would wait now."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return not poller.poll(0)
