"""Flows that exporters send: IPFIX, NetFlow v9 and NetFlow v5, over UDP.

Source: docs/reference/ipfix.md#fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from pipeline.decode.detect import decoder_of
from pipeline.diagnostics import Problem
from pipeline.netflow.mapping import Kind, Mapping, usual_kind
from pipeline.stage import BuildContext, Decode, Example, Source, SourceContext
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.listen import Listener, address
from stages.ingest_file import IngestFile

_Listen = Annotated[str, Meta(min_length=1)]


class MapElement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An element that becomes the field `field`; `enterprise` 0 is IANA.

    `as` is how its bytes are read; without it, as the values of the field usually are.
    """

    element: Annotated[int, Meta(ge=0, le=0xFFFF)]
    enterprise: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    field: Annotated[str, Meta(min_length=1)]
    kind: Literal["number", "text", "address", ""] = msgspec.field(name="as", default="")
    little_endian: bool = False

    def mapping(self) -> Mapping:
        """The same for the decoder."""
        return Mapping(
            element=self.element,
            enterprise=self.enterprise,
            name=self.field,
            kind=Kind(self.kind) if self.kind else usual_kind(self.field),
            little=self.little_endian,
        )


class IngestIpfix(Source, frozen=True, kw_only=True, tag="ingest_ipfix"):
    """Receive flows of exporters over UDP: IPFIX, NetFlow v9 and v5, each on any address.

    Fields have the names that goflow2 gives them (docs/ipfix.md). Each address is listened on with
    so many `sockets`, for which the kernel keeps `receive_buffer` bytes; at most `max_queue_bytes`
    of datagrams wait for the pipeline. Datagrams beyond that are lost, and counted. A batch goes
    through the pipeline when it has `batch_size` flows, or `linger` after its first one. `mapping`
    makes fields of elements that are not read otherwise.

    Templates are kept in the folder of `--state`. A set without its template is rejected:
    `template unknown`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: flows
              type: ingest_ipfix
              listen: ["127.0.0.1:2055"]
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
    )

    listen: Annotated[list[_Listen], Meta(min_length=1)]
    sockets: Annotated[int, Meta(ge=1, le=64)] = 1
    receive_buffer: Annotated[int, Meta(ge=4096, le=1 << 30)] = 8 << 20
    max_queue_bytes: Annotated[int, Meta(ge=1 << 16)] = 64 << 20
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 20_000
    linger: Duration = 1.0
    mapping: list[MapElement] = []

    live: ClassVar[bool] = True
    endless: ClassVar[bool] = True
    serves: ClassVar[bool] = True

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, listen in enumerate(self.listen):
            try:
                address(listen)
            except ValueError as error:
                yield Problem(("listen", index), str(error), "for example 127.0.0.1:2055")

    def decode(self, context: BuildContext) -> Decode:
        from pipeline.netflow import columns  # noqa: PLC0415 - slow, few need it

        return columns.decoder(context, [one.mapping() for one in self.mapping])

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, "json")
        return IngestFile(name=self.name, path=str(recording.absolute()), decoder=decoder)

    def listeners(self) -> Iterator[Listener]:
        for index, listen in enumerate(self.listen):
            yield Listener(("listen", index), listen, "udp")

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        from pipeline.netflow.collector import Collector, Terms  # noqa: PLC0415 - as above

        terms = Terms(
            addresses=tuple(map(address, dict.fromkeys(self.listen))),
            sockets=self.sockets,
            buffer=self.receive_buffer,
            queue=self.max_queue_bytes,
            batch=self.batch_size,
            linger=seconds(self.linger),
        )
        return Collector(self.name, terms, context).chunks()
