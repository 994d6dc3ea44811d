"""Flows as IPFIX to a collector (docs/reference/ipfix.md#export)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.netflow.selection import fields, selected
from pipeline.push.destination import Destination
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.listen import address
from pipeline.stage.pushing import Batch, Queue, Retry, terms


class WriteIpfix(Writer, frozen=True, kw_only=True, tag="write_ipfix"):
    """Send each flow as a record of IPFIX to a collector, `target` (host:port), over TCP or UDP.

    With an `enterprise`, a record has elements of that enterprise too: names of Kubernetes, the
    round trip and all interfaces. Over UDP, templates are sent again every `template_interval`.
    Flows wait in `queue` and go in batches. Where there is no connection, a batch is sent again, as
    `retry` says; over TCP, flows may then come twice. What is lost is counted in `records_lost`;
    over UDP nobody knows what has arrived.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: export
              type: write_ipfix
              follows: flows
              target: "localhost:4739"
        """,
        flows='{"SrcAddr": "10.128.0.14", "DstPort": 443, "Bytes": 840}',
        output="""
            {"Bytes":840,"DstPort":443,"SrcAddr":"10.128.0.14"}
        """,
    )

    target: Annotated[str, Meta(min_length=1)]
    transport: Literal["tcp", "udp"] = "tcp"
    enterprise: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    template_interval: Duration = "1m"
    batch: Batch = Batch(max_flows=1000)
    queue: Queue = Queue()
    retry: Retry = Retry()

    sink: ClassVar[Sink] = Sink.SERVER

    def reads(self) -> Fields:
        return fields(self.enterprise)

    def check(self, folder: Path) -> Iterator[Problem]:
        try:
            _, port = address(self.target)
        except ValueError as error:
            yield Problem(("target",), str(error), "for example localhost:4739")
        else:
            if not port:
                yield Problem(("target",), "0 is not a port", "for example localhost:4739")

    def destination(self, folder: Path) -> Destination:
        from pipeline.netflow.export import Collector  # noqa: PLC0415 - slow, few need it

        host, port = address(self.target)
        return Collector(
            address=f"{self.transport} {self.target}",
            terms=terms(self.queue, self.batch, self.retry),
            host=host,
            port=port,
            transport=self.transport,
            enterprise=self.enterprise,
            interval=seconds(self.template_interval),
        )

    def build(self, context: BuildContext) -> Write:
        def write(flows: pl.DataFrame) -> pl.DataFrame:
            return selected(flows, self.enterprise)

        return write
