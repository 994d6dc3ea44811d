"""Flows to objects of S3, a batch each; Arrow has the client.

Source: docs/reference/flowlogs-pipeline.md#s3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from pipeline.diagnostics import printable
from pipeline.flows.jsonl import json_lines
from pipeline.push.destination import UnavailableError
from pipeline.push.http_login import content
from pipeline.push.s3 import S3

_VERSION = "v0.1"
_TYPE = {"Content-Type": "application/octet-stream"}
_SHOWN = 300


class S3Target:
    """A connection to a bucket; its objects are numbered from 0. Raises UnavailableError."""

    def __init__(
        self, destination: S3, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        folder = Path(destination.folder)
        self._to = destination
        self._clock = clock
        self._stream, self._begun = _stamp(clock()), clock()
        self._written = 0
        self._batch: pl.DataFrame | None = None
        self._name, self._body = "", b""
        secret = destination.secret_access_key or content(
            folder, destination.secret_access_key_file
        )
        self._server = S3FileSystem(
            access_key=destination.access_key_id,
            secret_key=secret,
            region=destination.region,
            scheme="https" if destination.secure else "http",
            endpoint_override=destination.endpoint,
            allow_delayed_open=True,  # one request an object, where it is small
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1),
            tls_ca_file_path=str(folder / destination.ca) if destination.ca else None,
        )

    def send(self, flows: pl.DataFrame) -> None:
        """Write a batch as an object, which has the same name in each attempt.

        Raises UnavailableError: what is wrong with a bucket or a login may be mended.
        """
        if flows is not self._batch:
            self._batch, now = flows, self._clock()
            self._name, self._body = self._named(now), self._object(flows, now)
            self._begun = now
            self._written += 1
        try:
            with self._server.open_output_stream(self._name, metadata=_TYPE) as stream:
                stream.write(self._body)
        except OSError as error:
            raise UnavailableError(printable(str(error))[:_SHOWN]) from None

    def close(self) -> None:
        """Nothing is open between two objects."""

    def _named(self, now: datetime) -> str:
        hour = f"year={now:%Y}/month={now:%m}/day={now:%d}/hour={now:%H}"
        start = "/".join(filter(None, (self._to.bucket, self._to.account, hour)))
        return f"{start}/stream-id={self._stream}/{self._written:08d}"

    def _object(self, flows: pl.DataFrame, now: datetime) -> bytes:
        """A JSON object: what users want in it, then the header, then the flows."""
        whole = self._to.header | {
            "version": _VERSION,
            "capture_start_time": _stamp(self._begun),
            "capture_end_time": _stamp(now),
            "number_of_flow_logs": flows.height,
            "flow_logs": [msgspec.Raw(line.encode()) for line in json_lines(flows)],
        }
        return msgspec.json.encode(whole, order="sorted") + b"\n"


def _stamp(moment: datetime) -> str:
    """RFC 3339, in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
