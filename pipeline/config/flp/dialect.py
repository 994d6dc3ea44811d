"""The parameters of flowlogs-pipeline, as its configuration files write them.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
This module only has structures: names, types and defaults. A field that a stage needs may be
optional here, because the native stage checks it. Blocks of stages that are not supported stay
untyped, because they are refused as a whole. The `transform` block is in `dialect_transform`.
"""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.config.flp.dialect_transform import Block, Transform
from pipeline.stage.bounds import Bound

GoDuration = str | float
"""A Go duration text (`1h30m`) or nanoseconds."""


class Entry(Struct, frozen=True):
    """An entry of `pipeline`: an edge, or only a declaration when `follows` is empty."""

    name: str = ""
    follows: str = ""


class Decoder(Struct, frozen=True):
    """How payloads are read: `json` or `protobuf`."""

    type: str = ""


class File(Struct, frozen=True):
    """ingest.file, file_loop, file_chunks; `loop` and `chunks` have no effect in the original."""

    filename: str = ""
    decoder: Decoder = Decoder()
    loop: bool = False
    chunks: int = 0


class ClientTls(Struct, frozen=True, rename="camel"):
    """The TLS settings of a client."""

    insecure_skip_verify: bool = False
    ca_cert_path: str = ""
    user_cert_path: str = ""
    user_key_path: str = ""


class Sasl(Struct, frozen=True):
    """SASL settings: `plain` or `scramSHA512`; files hold the identity and the secret."""

    type: str = ""
    client_id_path: str = field(name="clientIDPath", default="")
    client_secret_path: str = field(name="clientSecretPath", default="")


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


class FieldGroup(Struct, frozen=True):
    """A group of key fields of conntrack."""

    name: str = ""
    fields: list[str] = []


class ConnHash(Struct, frozen=True, rename="camel"):
    """The groups that make the hash."""

    field_group_refs: list[str] = []
    field_group_a: str = field(name="fieldGroupARef", default="")
    field_group_b: str = field(name="fieldGroupBRef", default="")


class KeyDefinition(Struct, frozen=True, rename="camel"):
    """What identifies a connection."""

    field_groups: list[FieldGroup] = []
    hash: ConnHash = ConnHash()


class OutputField(Struct, frozen=True, rename="camel"):
    """A field of the records of connections."""

    name: str = ""
    operation: str = ""
    split_ab: bool = field(name="splitAB", default=False)
    input: str = ""
    report_missing: bool = False


class SchedulingGroup(Struct, frozen=True, rename="camel"):
    """When connections of a group end and are reported; keys of `selector` keep their case."""

    selector: Block = {}
    end_connection_timeout: GoDuration | None = None
    terminating_timeout: GoDuration | None = None
    heartbeat_interval: GoDuration | None = None


class TcpFlags(Struct, frozen=True, rename="camel"):
    """What conntrack does with TCP flags."""

    field_name: str = ""
    detect_end_connection: bool = False
    swap_ab: bool = field(name="swapAB", default=False)


class Conntrack(Struct, frozen=True, rename="camel"):
    """extract.conntrack (docs/reference/flowlogs-pipeline.md#conntrack)."""

    key_definition: KeyDefinition = KeyDefinition()
    output_record_types: list[str] = []
    output_fields: list[OutputField] = []
    scheduling: list[SchedulingGroup] = []
    max_connections_tracked: int = 0
    tcp_flags: TcpFlags = TcpFlags()


class AggregateRule(Struct, frozen=True, rename="camel"):
    """A rule of aggregates."""

    name: str = ""
    group_by_keys: list[str] = []
    operation_type: str = ""
    operation_key: str = ""
    expiry_time: GoDuration | None = None


class Aggregates(Struct, frozen=True, rename="camel"):
    """extract.aggregates (docs/reference/flowlogs-pipeline.md#aggregates)."""

    default_expiry_time: GoDuration | None = None
    rules: list[AggregateRule] = []


class TimebasedRule(Struct, frozen=True, rename="camel"):
    """A rule of timebased; `indexKey` is the older form of `indexKeys`."""

    name: str = ""
    index_keys: list[str] = []
    index_key: str = ""
    operation_type: str = ""
    operation_key: str = ""
    top_k: int = field(name="topK", default=0)
    reversed: bool = False
    time_interval: GoDuration | None = None


class Timebased(Struct, frozen=True):
    """extract.timebased (docs/reference/flowlogs-pipeline.md#timebased)."""

    rules: list[TimebasedRule] = []


class Extract(Struct, frozen=True):
    """`extract` of a parameter."""

    type: str = ""
    aggregates: Aggregates = Aggregates()
    conntrack: Conntrack = Conntrack()
    timebased: Timebased = Timebased()


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


class Encode(Struct, frozen=True):
    """`encode` of a parameter."""

    type: str = ""
    prom: Prom = Prom()
    kafka: KafkaEncode = KafkaEncode()
    s3: Block = {}
    otlplogs: Block = {}
    otlpmetrics: Block = {}
    otlptraces: Block = {}


class Stdout(Struct, frozen=True):
    """write.stdout: `json` or `fields`; anything else prints a map as Go does."""

    format: str = ""


class BasicAuth(Struct, frozen=True):
    """A login by name and password."""

    username: str = ""
    username_file: str = ""
    password: str = ""
    password_file: str = ""


class Authorization(Struct, frozen=True):
    """The header Authorization."""

    type: str = ""
    credentials: str = ""
    credentials_file: str = ""


class HttpTls(Struct, frozen=True):
    """The TLS settings of Prometheus' HTTP client; versions are left to the system."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


class HttpClient(Struct, frozen=True):
    """Prometheus' HTTP client; redirects are not followed, and HTTP/1.1 is spoken."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: Block = {}
    bearer_token: str = ""
    bearer_token_file: str = ""
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    tls_config: HttpTls = HttpTls()
    follow_redirects: bool = False
    enable_http2: bool = False
    http_headers: Block = {}


class LokiGrpc(Struct, frozen=True, rename="camel"):
    """Keep-alive of Loki's gRPC client."""

    keep_alive: str = ""
    keep_alive_timeout: str = ""


class Loki(Struct, frozen=True, rename="camel"):
    """write.loki (docs/reference/flowlogs-pipeline.md#loki)."""

    url: str = ""
    tenant_id: str = field(name="tenantID", default="")
    batch_wait: str = ""
    batch_size: int = 0
    timeout: str = ""
    min_backoff: str = ""
    max_backoff: str = ""
    max_retries: int = 0
    labels: list[str] = []
    static_labels: dict[str, str] = {}
    ignore_list: list[str] = []
    client_config: HttpClient | None = None
    timestamp_label: str = ""
    timestamp_scale: str = ""
    format: str = ""
    reorder: bool = False
    client_protocol: str = ""
    grpc_config: LokiGrpc | None = None


class IpfixWrite(Struct, frozen=True, rename="camel"):
    """write.ipfix: a collector."""

    target_host: str = ""
    target_port: int = 0
    transport: str = ""
    enterprise_id: int = field(name="enterpriseId", default=0)
    tpl_send_interval: GoDuration | None = None


class Write(Struct, frozen=True):
    """`write` of a parameter."""

    type: str = ""
    stdout: Stdout = Stdout()
    loki: Loki = Loki()
    ipfix: IpfixWrite = IpfixWrite()
    grpc: Block = {}


class Parameter(Struct, frozen=True):
    """An entry of `parameters`: a name and one of the five kinds."""

    name: str = ""
    ingest: Ingest | None = None
    transform: Transform | None = None
    extract: Extract | None = None
    encode: Encode | None = None
    write: Write | None = None


class Metrics(Struct, frozen=True, rename="camel"):
    """`metricsSettings` (docs/reference/flowlogs-pipeline.md#metrics-settings)."""

    address: str = ""
    port: int = 0
    tls: ServerTls | None = None
    prefix: str = ""
    no_panic: bool = False
    suppress_default_metrics: bool = False
    disable_global_server: bool = False


class Dynamic(Struct, frozen=True, rename="camel"):
    """`dynamicParameters` (docs/reference/flowlogs-pipeline.md#dynamic-parameters)."""

    namespace: str = ""
    name: str = ""
    file_name: str = ""
    kube_config_path: str = ""


class Root(Struct, frozen=True, rename="camel"):
    """The part of a file that is read strictly."""

    pipeline: list[Entry] = []
    parameters: list[Parameter] = []
    dynamic_parameters: Dynamic | None = None
    metrics_settings: Metrics = Metrics()
