"""What the writers to receivers of OTLP share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import polars as pl
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.files import Secrets
from pipeline.flows.hosts import of_url
from pipeline.kafka import connection
from pipeline.kafka.connection import Tls
from pipeline.push.otlp import Otlp, Protocol, Signal
from pipeline.stage.built import Write
from pipeline.stage.context import BuildContext, Fields
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.pushing import Batch, Queue, Retry, terms
from pipeline.stage.spec import Sink, Writer

Endpoint = Annotated[
    str,
    Meta(
        pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):[0-9]{1,5}$(?!\n)",
        extra={
            "expected": "host:port, for example collector:4317",
            "check": lambda endpoint: of_url(f"//{endpoint}"),
        },
    ),
]


class OtlpWriter(Writer, frozen=True, kw_only=True):
    """Flows to a receiver of OTLP; what they become is a matter of `signal`."""

    endpoint: Endpoint
    protocol: Protocol = "grpc"
    tls: Tls | None = None
    headers: Secrets = {}  # noqa: RUF012 - msgspec copies it for each instance
    service_name: str = "netobserv-otlp"
    timeout: Duration = "10s"
    batch: Batch = Batch(max_flows=2_000)
    queue: Queue = Queue()
    retry: Retry = Retry()

    sink: ClassVar[Sink] = Sink.SERVER
    signal: ClassVar[Signal]

    def reads(self) -> Fields | None:
        """Every field."""
        return None

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong with the connection."""
        yield from problems(self.protocol, self.tls, folder)

    def destination(self, folder: Path) -> Otlp:
        """The receiver."""
        return Otlp(
            address=self.endpoint,
            terms=terms(self.queue, self.batch, self.retry),
            signal=self.signal,
            protocol=self.protocol,
            tls=self.tls,
            headers=tuple(self.headers.items()),
            service=self.service_name,
            folder=str(folder),
            timeout=seconds(self.timeout),
        )

    def build(self, context: BuildContext) -> Write:
        """The flows as they are: the sender encodes what it sends."""

        def write(flows: pl.DataFrame) -> pl.DataFrame:
            return flows

        return write


def problems(protocol: Protocol, tls: Tls | None, folder: Path) -> Iterator[Problem]:
    """What is wrong with a connection beyond types."""
    yield from connection.check(tls, None, folder)
    if protocol == "grpc" and tls is not None and tls.insecure_skip_verify:
        message = "over gRPC certificates are always verified"
        yield Problem(("tls", "insecure_skip_verify"), message, "give ca, or protocol: http")
