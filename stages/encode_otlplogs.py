"""Flows to a receiver of OTLP as logs (docs/reference/flowlogs-pipeline.md#opentelemetry)."""

from __future__ import annotations

from typing import ClassVar

from pipeline.push.otlp import Signal
from pipeline.stage import Example
from pipeline.stage.otlp import OtlpWriter


class EncodeOtlpLogs(OtlpWriter, frozen=True, kw_only=True, tag="encode_otlplogs"):
    """Send each flow as a log record of OpenTelemetry, over gRPC or HTTP.

    The body is the flow as JSON, and each field is an attribute of its type: texts, integers,
    doubles, booleans, lists of them, and objects as JSON. The severity is INFO, the resource has
    `service_name`. `endpoint` is host:port; with `tls`, the connection is encrypted. Records wait
    in `queue` and go in batches; what the receiver does not take is sent again, as `retry` says,
    where OTLP allows it, and otherwise lost and counted in `records_lost`.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: logs
              type: encode_otlplogs
              follows: flows
              endpoint: collector:4317
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840, "TimeReceived": 1700000000}',
        output='{"Bytes":840,"SrcAddr":"10.128.0.14","TimeReceived":1700000000}',
    )

    signal: ClassVar[Signal] = "logs"
