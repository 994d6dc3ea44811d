"""The `encode` block of flowlogs-pipeline: names, types and defaults alone.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.config.flp.dialect_common import Block, ClientTls, GoDuration, Sasl
from pipeline.stage.bounds import Bound


class ServerTls(Struct, frozen=True, rename="camel"):
    """The certificate and the key of a server."""

    cert_path: str = ""
    key_path: str = ""


class MetricFilter(Struct, frozen=True):
    """A condition on a field of the flow."""

    key: str = ""
    value: str = ""
    type: str = ""


class Metric(Struct, frozen=True, rename="camel"):
    """One metric of encode.prom."""

    name: str = ""
    type: str = ""
    help: str = ""
    filters: list[MetricFilter] = []
    value_key: str = ""
    labels: list[str] = []
    remap: dict[str, str] = {}
    flatten: list[str] = []
    buckets: list[Bound] = []
    value_scale: float = 0


class Prom(Struct, frozen=True, rename="camel"):
    """encode.prom (docs/reference/encode-prom.md#parameters)."""

    address: str = ""
    port: int = 0
    tls: ServerTls | None = None
    prefix: str = ""
    expiry_time: GoDuration | None = None
    max_metrics: int = 0
    metrics: list[Metric] = []


class KafkaEncode(Struct, frozen=True, rename="camel"):
    """encode.kafka (docs/reference/flowlogs-pipeline.md#kafka-encode)."""

    address: str = ""
    topic: str = ""
    balancer: str = ""
    write_timeout: int = 0
    read_timeout: int = 0
    batch_bytes: int = 0
    batch_size: int = 0
    compression: str = ""
    tls: ClientTls | None = None
    sasl: Sasl | None = None


class S3(Struct, frozen=True, rename="camel"):
    """encode.s3 (docs/reference/flowlogs-pipeline.md#s3)."""

    account: str = ""
    endpoint: str = ""
    access_key_id: str = field(name="accessKeyId", default="")
    secret_access_key: str = ""
    bucket: str = ""
    write_timeout: GoDuration | None = None
    batch_size: int = 0
    secure: bool = False
    object_header_parameters: Block = {}


class Otlp(Struct, frozen=True, rename="camel"):
    """encode.otlplogs and otlptraces (docs/reference/flowlogs-pipeline.md#opentelemetry)."""

    address: str = ""
    port: int = 0
    connection_type: str = ""
    tls: ClientTls | None = None
    headers: dict[str, str] = {}


class OtlpTraces(Otlp, frozen=True, rename="camel"):
    """encode.otlptraces."""

    span_splitter: list[str] = []


class OtlpMetrics(Otlp, frozen=True, rename="camel"):
    """encode.otlpmetrics."""

    prefix: str = ""
    metrics: list[Metric] = []
    push_time_interval: GoDuration | None = None
    expiry_time: GoDuration | None = None


class Encode(Struct, frozen=True):
    """`encode` of a parameter."""

    type: str = ""
    prom: Prom = Prom()
    kafka: KafkaEncode = KafkaEncode()
    s3: S3 = S3()
    otlplogs: Otlp = Otlp()
    otlpmetrics: OtlpMetrics = OtlpMetrics()
    otlptraces: OtlpTraces = OtlpTraces()
