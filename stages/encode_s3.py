"""Flows to objects of S3 (docs/reference/flowlogs-pipeline.md#s3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import polars as pl
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.files import Secret
from pipeline.flows.hosts import of_url
from pipeline.push.s3 import S3
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer
from pipeline.stage.pushing import Batch, Queue, Retry, terms

_Endpoint = Annotated[
    str,
    Meta(
        pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+)(:[0-9]{1,5})?$(?!\n)",
        extra={
            "expected": "host or host:port, without a scheme",
            "check": lambda endpoint: of_url(f"//{endpoint}"),
        },
    ),
]
_Name = Annotated[str, Meta(min_length=1)]
_HEADER = ("version", "capture_start_time", "capture_end_time", "number_of_flow_logs", "flow_logs")


class EncodeS3(Writer, frozen=True, kw_only=True, tag="encode_s3"):
    """Write each batch of flows as an object of a bucket.

    An object is JSON: what `object_header` has, `version`, `capture_start_time`,
    `capture_end_time`, `number_of_flow_logs`, and `flow_logs`, the flows. Its name is
    `account/year=/month=/day=/hour=/stream-id=/` and a number, in UTC; `stream-id` is when the
    stage began. `endpoint` is host:port, with `secure` over TLS, which `ca` verifies. Flows wait in
    `queue`, a batch is full or waited long enough, and one that was not written is written again,
    as `retry` says. What is lost is counted in `records_lost`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: objects
              type: encode_s3
              follows: flows
              endpoint: minio:9000
              bucket: flows
              account: tenant1
              access_key_id: flowmatrix
              secret_access_key_file: s3-secret
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "TimeReceived": 1700000000}',
        output='{"Bytes":840,"SrcAddr":"10.128.0.14","TimeReceived":1700000000}',
    )

    endpoint: _Endpoint
    bucket: _Name
    account: str = ""
    access_key_id: _Name
    secret_access_key: Secret = ""
    secret_access_key_file: str = ""
    region: str = "us-east-1"
    secure: bool = False
    ca: str = ""
    object_header: dict[str, Any] = {}
    batch: Batch = Batch(max_bytes=16 << 20, wait="60s")
    queue: Queue = Queue()
    retry: Retry = Retry()

    sink: ClassVar[Sink] = Sink.SERVER

    def reads(self) -> Fields | None:
        return None

    def check(self, folder: Path) -> Iterator[Problem]:
        if bool(self.secret_access_key) == bool(self.secret_access_key_file):
            message = "give one of secret_access_key_file and secret_access_key"
            yield Problem(("secret_access_key_file",), message)
        for name in _HEADER:
            if name in self.object_header:
                yield Problem(("object_header", name), f'"{name}" is in each object anyway')
        if self.ca and not self.secure:
            yield Problem(("ca",), "without secure there is no TLS")

    def destination(self, folder: Path) -> S3:
        scheme = "https" if self.secure else "http"
        return S3(
            address=f"{scheme}://{self.endpoint}/{self.bucket}",
            terms=terms(self.queue, self.batch, self.retry),
            endpoint=self.endpoint,
            bucket=self.bucket,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            secret_access_key_file=self.secret_access_key_file,
            account=self.account,
            region=self.region,
            secure=self.secure,
            ca=self.ca,
            header=self.object_header,
            folder=str(folder),
        )

    def build(self, context: BuildContext) -> Write:
        def write(flows: pl.DataFrame) -> pl.DataFrame:
            return flows

        return write
