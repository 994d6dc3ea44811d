"""Flows over gRPC, as JSON (docs/reference/flowlogs-pipeline.md#stage-types)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import Problem
from pipeline.files import check_files
from pipeline.flows.jsonl import json_lines
from pipeline.push.genericmap import FLOW, GenericMap
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer, listen
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.pushing import Batch, Queue, Retry, terms


class WriteGrpc(Writer, frozen=True, kw_only=True, tag="write_grpc"):
    """Send each flow to the service `genericmap.Collector` at `target` (host:port), as JSON.

    The collector of the netobserv CLI is one. A message has one flow, and 64 are under way at a
    time, so their order is not kept. With `tls_ca`, a PEM file of who signed the certificate of the
    server, it speaks TLS, and with `tls_cert` and `tls_key` it shows a certificate. Flows wait in
    `queue`. Those that the server does not take now, or not within `timeout`, are sent again as
    `retry` says; other answers reject them. What is lost is counted in `records_lost`.
    """

    example: ClassVar[Example] = Example(
        config='- {name: collector, type: write_grpc, follows: flows, target: "localhost:9999"}',
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output=r"""
            {"flow":"{\"Bytes\":840,\"SrcAddr\":\"10.128.0.14\",\"TimeReceived\":0}"}
        """,
    )

    target: str
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    timeout: Duration = "10s"
    batch: Batch = Batch(max_flows=1000, wait="100ms")
    queue: Queue = Queue()
    retry: Retry = Retry()

    sink: ClassVar[Sink] = Sink.SERVER

    def reads(self) -> Fields | None:
        return None

    def check(self, folder: Path) -> Iterator[Problem]:
        try:
            port = listen.address(self.target)[1]
        except ValueError as error:
            yield Problem(("target",), str(error), "for example collector:9999")
        else:
            if not port:
                yield Problem(("target",), f'"{self.target}" has no port to send to')
        if self.tls_cert and not self.tls_ca:
            yield Problem(("tls_cert",), "a certificate is shown over TLS: give tls_ca")
        files = {"tls_ca": self.tls_ca, "tls_cert": self.tls_cert, "tls_key": self.tls_key}
        yield from check_files(files, folder)

    def destination(self, folder: Path) -> GenericMap:
        return GenericMap(
            address=self.target,
            terms=terms(self.queue, self.batch, self.retry),
            weighed=FLOW,
            ca=self.tls_ca,
            cert=self.tls_cert,
            key=self.tls_key,
            folder=str(folder),
            timeout=seconds(self.timeout),
        )

    def build(self, context: BuildContext) -> Write:
        return lambda flows: pl.DataFrame({FLOW: json_lines(flows)}, schema={FLOW: pl.String})
