"""The records of writers, to their sinks: standard output, Kafka topics, files and servers."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import polars as pl

from pipeline.diagnostics import printable
from pipeline.kafka.connection import BrokerError
from pipeline.kafka.publication import Keyed, Publication, Record, Records
from pipeline.kafka.repeated_lines import RepeatFilter
from pipeline.parquet.storage import Storage
from pipeline.runtime.failure import OutputError
from pipeline.runtime.outputs import Outputs
from pipeline.stage import Sink, Writer

if TYPE_CHECKING:
    from pipeline.kafka.producer import Producer
    from pipeline.parquet.folder import ParquetFolder


_log = logging.getLogger(__name__)
_log.addFilter(RepeatFilter())


class Delivery:
    """The sinks of a plan; `deliver` returns when the records cannot be lost any more.

    Call it before the position of a batch is saved: after a crash in between, the records of that
    batch are delivered again, and none is missing. Flows for servers are the exception: they wait
    in a queue of `outputs`, and `stopping` ends a wait for room in it. Made and used in one event
    loop; a topic is connected to when its first records come, and folders of `writers` are opened
    at once: what a killed process has left there becomes files. Names of files are under `folder`.
    `lost` is told how many flows of which stage a disk did not take, and how many records a topic
    did not for their size.
    """

    def __init__(
        self,
        writers: Iterable[Writer],
        folder: Path,
        lost: Callable[[float, str], None],
        outputs: Outputs,
        stopping: threading.Event,
    ) -> None:
        self._writers = [writer for writer in writers if writer.sink is Sink.PARQUET]
        self._folder = folder
        self._lost = lost
        self._outputs = outputs
        self._stopping = stopping
        self._folders: dict[Storage, ParquetFolder] = {}
        self._producers: dict[Publication, Producer] = {}
        self._open = AsyncExitStack()

    async def deliver(self, records: Iterable[tuple[Writer, Records]]) -> None:
        """Deliver what a batch gave.

        Raises BrokerError when a topic does not take it, OutputError when standard output does not.
        """
        for writer, written in records:
            if isinstance(written, pl.DataFrame):
                await self._take(writer, written)
            elif writer.sink is Sink.STDOUT:
                _print(written)
            elif writer.sink is Sink.KAFKA and written:
                await self._publish(writer, written)

    async def _take(self, writer: Writer, flows: pl.DataFrame) -> None:
        if writer.sink is Sink.PARQUET:
            await asyncio.to_thread(lambda: self._opened(writer).add(flows))
            return
        sender = self._outputs.sender(writer, self._folder)
        if sender.blocks:
            await asyncio.to_thread(sender.put, flows, self._stopping)
        else:
            sender.put(flows)

    def _opened(self, writer: Writer) -> ParquetFolder:
        storage = writer.storage(self._folder)
        if storage is None:
            raise OutputError(f'stage "{writer.name}" does not say which folder it writes to')
        if storage not in self._folders:
            from pipeline.parquet.folder import ParquetFolder  # noqa: PLC0415 - slow, few need it

            made = ParquetFolder(storage, lambda flows: self._lost(flows, writer.name))
            self._folders[storage] = made
        return self._folders[storage]

    async def _publish(self, writer: Writer, records: Sequence[Record]) -> None:
        publication = writer.publication(self._folder)
        if publication is None:
            raise BrokerError(f'stage "{writer.name}" does not say which topic it writes to')
        producer = await self._producer(publication)
        keyed = (r if isinstance(r, Keyed) else Keyed(None, r.encode()) for r in records)
        if refused := await producer.publish(publication.topic, keyed):
            self._lost(refused, writer.name)
            _log.warning(
                'stage %s: topic "%s" does not take records that are as large as %d of these',
                *(writer.name, publication.topic, refused),
            )

    async def _producer(self, publication: Publication) -> Producer:
        if publication not in self._producers:
            from pipeline.kafka.producer import Producer  # noqa: PLC0415 - slow, for Kafka alone

            made = Producer(publication.connection, publication.compression)
            self._producers[publication] = await self._open.enter_async_context(made)
        return self._producers[publication]

    async def __aenter__(self) -> Self:
        for writer in self._writers:
            await asyncio.to_thread(self._opened, writer)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for kept in self._folders.values():
            await asyncio.to_thread(kept.close)
        await self._open.aclose()


def _print(lines: Sequence[Record]) -> None:
    shown = printable if sys.stdout.isatty() else str
    try:
        sys.stdout.write("".join(f"{shown(str(line))}\n" for line in lines))
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error.errno, error.strerror, "standard output") from error


class Blocking:
    """A Delivery for callers without an event loop."""

    def __init__(
        self,
        writers: Iterable[Writer],
        folder: Path,
        lost: Callable[[float, str], None],
        outputs: Outputs,
        stopping: threading.Event,
    ) -> None:
        self._delivery = Delivery(writers, folder, lost, outputs, stopping)
        self._runner = asyncio.Runner()

    def deliver(self, records: Iterable[tuple[Writer, Records]]) -> None:
        """`Delivery.deliver`. Raises BrokerError and OutputError."""
        self._runner.run(self._delivery.deliver(records))

    def __enter__(self) -> Self:
        self._runner.run(self._delivery.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            self._runner.run(self._delivery.__aexit__(kind, error, at))
        finally:
            self._runner.close()
