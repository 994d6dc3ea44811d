"""Flows from the agents themselves, over gRPC (docs/grpc.md).

Source: docs/reference/flowlogs-pipeline.md#stage-types, docs/reference/decoding.md#record.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from pipeline.decode import Format, by_name
from pipeline.decode.detect import decoder_of
from pipeline.decode.framing import guarded
from pipeline.diagnostics import Problem
from pipeline.files.pem import Files
from pipeline.stage import Awaited, BuildContext, Decode, Example, Source, SourceContext, listen
from pipeline.stage.listen import Listener
from stages.ingest_file import IngestFile

_Size = Annotated[int, Meta(ge=1)]


class IngestGrpc(Source, frozen=True, kw_only=True, tag="ingest_grpc"):
    """Take flows from agents that send them over gRPC: the service `pbflow.Collector`.

    It listens on `listen` (host:port); with `tls_cert` and `tls_key`, PEM files, it speaks TLS, and
    with `client_ca` only to agents whose certificate is of that authority. A call is answered when
    its flows are durable: with `--state` after the checkpoint that includes them, which comes at
    once then, and otherwise when they are counted. Who has no answer does not know, and what it
    sends again may be counted twice.

    At most `buffer_length` messages wait for the pipeline; the senders of more wait for room. A
    message of more than `max_message_bytes`, one that would wait beside `max_waiting_bytes` of
    others, and calls beyond `max_calls` are answered with RESOURCE_EXHAUSTED. Connections beyond
    `max_connections` are closed. A batch has about `batch_size` flows. The server also answers
    health checks (`grpc.health.v1.Health`).
    """

    example: ClassVar[Example] = Example(
        config='- {name: agents, type: ingest_grpc, listen: "127.0.0.1:2055"}',
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
    )

    live: ClassVar[bool] = True
    endless: ClassVar[bool] = True
    serves: ClassVar[bool] = True
    decoder: ClassVar[Format] = "protobuf"

    listen: str = "127.0.0.1:2055"
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    buffer_length: _Size = 100
    max_message_bytes: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 16 << 20
    max_waiting_bytes: _Size = 256 << 20
    max_calls: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 10_000
    max_connections: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 10_000
    batch_size: _Size = 20_000

    def check(self, folder: Path) -> Iterator[Problem]:
        tls = {"tls_cert": self.tls_cert, "tls_key": self.tls_key, "client_ca": self.client_ca}
        problems = list(listen.check(self.listen, tls, folder, 2055))
        yield from problems
        if self.max_waiting_bytes < self.max_message_bytes:
            message = f"a message of max_message_bytes, {self.max_message_bytes}, has no room"
            yield Problem(("max_waiting_bytes",), message)
        files = self._files(folder)
        if files and not problems:
            try:
                files.verify()
            except OSError as error:
                yield Problem(("tls_cert",), str(error))

    def decode(self, context: BuildContext) -> Decode:
        return guarded(by_name(self.decoder, context))

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, self.decoder)
        return IngestFile(name=self.name, path=str(recording.absolute()), decoder=decoder)

    def listeners(self) -> Iterator[Listener]:
        yield Listener(("listen",), self.listen)

    def _files(self, folder: Path) -> Files | None:
        if not self.tls_cert:
            return None
        client_ca = folder / self.client_ca if self.client_ca else None
        return Files(folder / self.tls_cert, folder / self.tls_key, client_ca)

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        from pipeline.decode.records import entries  # noqa: PLC0415 - slow, few need it
        from pipeline.grpc import credentials  # noqa: PLC0415
        from pipeline.grpc.collector import Collector, Room, Told  # noqa: PLC0415
        from pipeline.grpc.server import Limits, Server  # noqa: PLC0415

        limits = Limits(self.max_message_bytes, self.max_calls, self.max_connections)
        room = Room(self.buffer_length, self.max_waiting_bytes)
        told = Told(
            context.arrived.set,
            lambda code: context.measures.add("grpc_answers", 1, self.name, code),
        )
        collector = Collector(f'stage "{self.name}"', entries, room, told)
        files = self._files(context.folder)
        with Server(self.listen, limits, collector, credentials.server(files) if files else None):
            while True:
                calls = collector.take(self.batch_size)
                payloads = chain.from_iterable(call.payloads for call in calls)
                yield Awaited(payloads, partial(collector.settle, calls)) if calls else []
