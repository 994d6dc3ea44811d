"""The `ingest` block of flowlogs-pipeline: names, types and defaults alone.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.config.flp.dialect_common import Block, ClientTls, Sasl


class Decoder(Struct, frozen=True):
    """How payloads are read: `json` or `protobuf`."""

    type: str = ""


class File(Struct, frozen=True):
    """ingest.file, file_loop, file_chunks; `loop` and `chunks` have no effect in the original."""

    filename: str = ""
    decoder: Decoder = Decoder()
    loop: bool = False
    chunks: int = 0


class KafkaIngest(Struct, frozen=True, rename="camel"):
    """ingest.kafka (docs/reference/flowlogs-pipeline.md#kafka-ingest)."""

    brokers: list[str] = []
    topic: str = ""
    group_id: str = field(name="groupid", default="")
    group_balancers: list[str] = []
    start_offset: str = ""
    decoder: Decoder = Decoder()
    pull_queue_capacity: int = 0
    pull_max_bytes: int = 0
    batch_max_len: int = 0
    commit_interval: int = 0
    batch_read_timeout: int = 0
    tls: ClientTls | None = None
    sasl: Sasl | None = None


class NetFlowField(Struct, frozen=True):
    """An element that ingest.ipfix maps to a field of a flow."""

    penprovided: bool = False
    field: int = 0
    pen: int = 0
    destination: str = ""
    endianness: str = ""


class IpfixIngest(Struct, frozen=True, rename="camel"):
    """ingest.ipfix, which has the alias collector."""

    host_name: str = ""
    port: int = 0
    port_legacy: int = 0
    workers: int = 0
    sockets: int = 0
    mapping: list[NetFlowField] = []


class GrpcIngest(Struct, frozen=True, rename="camel"):
    """ingest.grpc: the service of the agents."""

    port: int = 0
    buffer_length: int = 0
    cert_path: str = ""
    key_path: str = ""
    client_ca_path: str = field(name="clientCAPath", default="")


class Synthetic(Struct, frozen=True, rename="camel"):
    """ingest.synthetic: flows of made-up connections."""

    connections: int = 0
    batch_max_len: int = 0
    flow_logs_per_min: int = 0


class Ingest(Struct, frozen=True):
    """`ingest` of a parameter."""

    type: str = ""
    file: File = File()
    kafka: KafkaIngest = KafkaIngest()
    stdin: Block = {}
    grpc: GrpcIngest = GrpcIngest()
    ipfix: IpfixIngest = IpfixIngest()
    collector: IpfixIngest = IpfixIngest()
    synthetic: Synthetic = Synthetic()
