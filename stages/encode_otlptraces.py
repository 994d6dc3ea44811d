"""Flows to a receiver of OTLP as spans (docs/reference/flowlogs-pipeline.md#opentelemetry)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from pipeline.push.otlp import Otlp, Signal
from pipeline.stage import Example
from pipeline.stage.otlp import OtlpWriter


class EncodeOtlpTraces(OtlpWriter, frozen=True, kw_only=True, tag="encode_otlptraces"):
    """Send each flow as a trace of OpenTelemetry, over gRPC or HTTP.

    A flow is a span `flp_encode` with its fields as attributes. For each prefix of `span_splitter`
    with which a field begins there is a child span of that name: it has these fields, without the
    prefix, and those that begin with none of the prefixes. Spans have no duration: they begin and
    end when they are sent. All else is as in `encode_otlplogs`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: traces
              type: encode_otlptraces
              follows: flows
              endpoint: collector:4318
              protocol: http
              span_splitter: [Src, Dst]
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "TimeReceived": 1700000000}',
        output='{"Bytes":840,"SrcAddr":"10.128.0.14","TimeReceived":1700000000}',
    )

    span_splitter: list[Annotated[str, msgspec.Meta(min_length=1)]] = []

    signal: ClassVar[Signal] = "traces"

    def destination(self, folder: Path) -> Otlp:
        whole = super().destination(folder)
        return msgspec.structs.replace(whole, splitter=tuple(self.span_splitter))
