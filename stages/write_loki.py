"""Flows to Loki, one a line (docs/reference/flowlogs-pipeline.md#loki)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import polars as pl
from msgspec import Meta

from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.flows import values
from pipeline.flows.hosts import of_url
from pipeline.flows.printing import Format, printer
from pipeline.push import http
from pipeline.push.http import Http
from pipeline.push.loki import LINE, STREAM, TIME, LabelName, Loki
from pipeline.stage import BuildContext, Example, Fields, Sink, Write, Writer
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.pushing import Batch, Queue, Retry, terms

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_Url = Annotated[
    str,
    Meta(
        pattern=r"^(https?|grpcs?)://[^\s/?#@]+(/[^\s?#]*)?$(?!\n)",
        extra={
            "expected": "a URL such as http://loki:3100 or grpc://loki:9095, without login",
            "check": of_url,
        },
    ),
]
_Field = Annotated[str, Meta(min_length=1)]


class WriteLoki(Writer, frozen=True, kw_only=True, tag="write_loki"):
    """Push each flow to Loki as a line, with some of its fields as the labels of its stream.

    `url` begins with http:// or https://, or for gRPC with grpc:// or, with TLS, grpcs://.
    `labels` are these fields: they leave the line, and `/`, `.` and `-` in their names become `_`.
    `static_labels` are on every flow that has no such field. Fields of `ignore` are left out.
    `timestamp_field`, a number of `timestamp_scale`, is the time of a line; where it is absent, 0,
    a label or ignored, that is when it is sent. Lines wait in `queue` and go in batches, whose
    bytes are those of the lines. After 429, 5xx and errors of the connection a batch is sent again,
    as `retry` says; other answers reject it. What is lost is counted in `records_lost`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: loki
              type: write_loki
              follows: flows
              url: http://localhost:3100
              labels: [SrcK8S_Namespace]
              static_labels: {app: flows}
              timestamp_field: TimeFlowEndMs
              timestamp_scale: 1ms
              ignore: [TimeReceived]
        """,
        flows='{"SrcK8S_Namespace": "shop", "Bytes": 840, "TimeFlowEndMs": 1700000000000}',
        output=(
            r'{"line":"{\"Bytes\":840,\"TimeFlowEndMs\":1700000000000}",'
            r'"stream":"{SrcK8S_Namespace=\"shop\", app=\"flows\"}","time":1700000000000000000}'
        ),
    )

    url: _Url
    tenant_id: str = ""
    labels: list[_Field] = []
    static_labels: dict[LabelName, str] = {}
    ignore: list[_Field] = []
    timestamp_field: str = "TimeReceived"
    timestamp_scale: Duration = "1s"
    format: Format = "json"
    timeout: Duration = "10s"
    batch: Batch = Batch(max_bytes=100 * 1024)
    queue: Queue = Queue()
    retry: Retry = Retry(min_backoff="1s")
    http: Http = Http()

    sink: ClassVar[Sink] = Sink.SERVER

    def reads(self) -> Fields | None:
        return None

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        yield from ((("labels", index), field) for index, field in enumerate(self.labels))
        yield ("timestamp_field",), self.timestamp_field

    def check(self, folder: Path) -> Iterator[Problem]:
        yield from (problem.under("http") for problem in http.problems(self.http, folder))
        if self.url.startswith("grpc"):
            own = self.http
            if own.basic_auth or own.authorization or own.oauth2 or own.proxy:
                yield Problem(("http",), "over gRPC there is neither a login nor a proxy")
            if self.http.tls.insecure_skip_verify:
                message = "over gRPC certificates are always verified"
                yield Problem(("http", "tls", "insecure_skip_verify"), message)
            if own.tls_min_version != "1.2":
                hint = "GRPC_SSL_CIPHER_SUITES (docs/grpc.md) does it for all of gRPC"
                yield Problem(("http", "tls_min_version"), "over gRPC it is 1.2", hint)
        for index, field in enumerate(self.labels):
            if not _NAME.fullmatch(_sanitized(field)):
                message = f'"{field}" cannot be the name of a label: it stays in the line'
                yield warning(("labels", index), message)
        if not self.labels and not self.static_labels:
            yield warning(("labels",), "Loki rejects lines without a label")

    def destination(self, folder: Path) -> Loki:
        return Loki(
            address=self.url,
            terms=terms(self.queue, self.batch, self.retry),
            weighed=LINE,
            tenant=self.tenant_id,
            http=self.http,
            folder=str(folder),
            timeout=seconds(self.timeout),
        )

    def build(self, context: BuildContext) -> Write:
        show = printer(self.format, integers=context.integers, now=context.clock)
        fields = {f: _sanitized(f) for f in self.labels if _NAME.fullmatch(_sanitized(f))}
        scale = float(round(seconds(self.timestamp_scale) * 1e9))

        def write(flows: pl.DataFrame) -> pl.DataFrame:
            flows = values.drop(flows, *self.ignore)
            rest = values.drop(flows, *fields)
            moment = values.numeric(rest.schema, self.timestamp_field) * scale
            found = moment.cast(pl.Int64, strict=False)
            time = pl.when(found != 0).then(found)
            lines = pl.Series(LINE, show(rest), dtype=pl.String)
            stream = _selector(flows.schema, fields, self.static_labels)
            return flows.select(stream.alias(STREAM), time.alias(TIME), lines)

        return write


def _sanitized(field: str) -> str:
    return re.sub("[/.-]", "_", field)


def _selector(schema: values.Schema, fields: dict[str, str], static: dict[str, str]) -> pl.Expr:
    """String: the labels of each flow, by their names, as Loki reads them."""
    texts: dict[str, pl.Expr] = {label: pl.lit(text) for label, text in static.items()}
    for field, label in fields.items():
        own = values.text(schema, field)
        texts[label] = pl.coalesce(own, texts[label]) if label in texts else own
    if not texts:
        return pl.lit("{}")
    quoted = [
        pl.concat_str(pl.lit(f"{label}="), values.distinct(texts[label], _quoted, pl.String()))
        for label in sorted(texts)
    ]
    joined = pl.concat_str(quoted, separator=", ", ignore_nulls=True)
    return pl.concat_str(pl.lit("{"), joined, pl.lit("}"))


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
