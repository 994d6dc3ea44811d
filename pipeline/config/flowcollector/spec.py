"""The shape of a FlowCollector: the fields that shape the pipeline, and the names of the others.

Source: docs/reference/operator.md#settings. Defaults are those of the resource's definition; what
plays no part in the pipeline is of any type.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from pipeline.config.flowcollector.health import HealthRule
from pipeline.flows.hosts import bare, of_url
from pipeline.push.http import URL
from pipeline.push.loki import LabelName
from pipeline.stage.duration import seconds

API_VERSION = "flows.netobserv.io/v1beta2"
KIND = "FlowCollector"

Count = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Duration = Annotated[
    str, Meta(extra={"expected": 'a duration such as "10s" or "1h30m"', "check": seconds})
]
Host = Annotated[
    str,
    Meta(
        pattern=r"^([^\s/:\[\]]+|[0-9a-fA-F:]+)?$(?!\n)",
        extra={
            "expected": "the name or address of a host, without its port",
            "check": lambda name: name and bare(name),
        },
    ),
]
LokiUrl = Annotated[
    str,
    Meta(
        pattern=rf"^{URL}$(?!\n)",
        extra={"expected": "a URL such as http://loki:3100/, without login", "check": of_url},
    ),
]


class Reference(Struct, frozen=True, rename="camel"):
    """A file, or a certificate and its key, in a Secret or ConfigMap."""

    type: Literal["", "configmap", "secret"] = ""
    name: str = ""
    namespace: str = ""
    file: str = ""
    cert_file: str = ""
    cert_key: str = ""


class ClientTls(Struct, frozen=True):
    """TLS of a client."""

    enable: bool = False
    insecure_skip_verify: bool = field(name="insecureSkipVerify", default=False)
    ca_cert: Reference = field(name="caCert", default=Reference())
    user_cert: Reference = field(name="userCert", default=Reference())


class Sasl(Struct, frozen=True):
    """SASL of a client of Kafka."""

    type: Literal["", "Disabled", "Plain", "ScramSHA512"] = "Disabled"
    client_id: Reference = field(name="clientIDReference", default=Reference())
    client_secret: Reference = field(name="clientSecretReference", default=Reference())


class Kafka(Struct, frozen=True):
    """A topic: where agents write flows, or where flows are exported to."""

    address: str = ""
    topic: str = ""
    tls: ClientTls = ClientTls()
    sasl: Sasl = Sasl()
    compression: Any = None


class FlowFilterRule(Struct, frozen=True, rename="camel"):
    """A rule of the agent's own filter, of which only the sampling matters here."""

    sampling: Count = 0
    action: Any = None
    cidr: Any = None
    dest_ports: Any = None
    direction: Any = None
    icmp_code: Any = None
    icmp_type: Any = None
    peer_ip: Any = field(name="peerIP", default=None)
    peer_cidr: Any = field(name="peerCIDR", default=None)
    pkt_drops: Any = None
    ports: Any = None
    protocol: Any = None
    source_ports: Any = None
    tcp_flags: Any = None


class FlowFilter(FlowFilterRule, frozen=True, rename="camel"):
    """The agent's own filter."""

    enable: bool = False
    rules: list[FlowFilterRule] = []


class Ebpf(Struct, frozen=True, rename="camel"):
    """The eBPF agent."""

    features: list[str] = []
    privileged: bool = False
    sampling: Count = 50
    flow_filter: FlowFilter | None = None
    advanced: Any = None
    cache_active_timeout: Any = None
    cache_max_flows: Any = None
    exclude_interfaces: Any = None
    image_pull_policy: Any = None
    interfaces: Any = None
    kafka_batch_size: Any = None
    log_level: Any = None
    metrics: Any = None
    resources: Any = None


class Agent(Struct, frozen=True):
    """The agent on each node."""

    type: Literal["eBPF", "IPFIX"] = "eBPF"
    ebpf: Ebpf = Ebpf()
    ipfix: Any = None


class ServerTls(Struct, frozen=True, rename="camel"):
    """TLS of the server of metrics."""

    type: Literal["Disabled", "Provided", "Auto"] = "Disabled"
    provided: Reference | None = None
    insecure_skip_verify: Any = None
    provided_ca_file: Any = None


class MetricsServer(Struct, frozen=True):
    """The server of metrics."""

    port: Port = 9401
    tls: ServerTls = ServerTls()


class Metrics(Struct, frozen=True, rename="camel"):
    """Which metrics are counted and how they are served."""

    server: MetricsServer = MetricsServer()
    include_list: list[str] | None = None
    additional_include_list: list[str] = []
    disable_alerts: list[str] = []
    health_rules: list[HealthRule] = []
    scrape_interval: Any = None


class SubnetLabel(Struct, frozen=True):
    """A name for networks."""

    name: str
    cidrs: list[str] = []


class SubnetLabels(Struct, frozen=True, rename="camel"):
    """Names of networks; those of OpenShift are found out unless that is switched off."""

    open_shift_auto_detect: bool = True
    auto_detect: bool = True
    custom_labels: list[SubnetLabel] = []


class FilterSet(Struct, frozen=True, rename="camel"):
    """A query of flows to keep."""

    query: str = ""
    output_target: Literal["", "Loki", "Metrics", "Exporters"] = ""
    sampling: Annotated[int, Meta(ge=0, le=65535)] = 0


class Deduper(Struct, frozen=True):
    """What becomes of the second report of a connection between two nodes."""

    mode: Literal["", "Disabled", "Drop", "Sample"] = "Disabled"
    sampling: Annotated[int, Meta(ge=0, le=65535)] = 50


class Slices(Struct, frozen=True, rename="camel"):
    """FlowCollectorSlices: what the owners of namespaces may ask for."""

    enable: bool = False
    collection_mode: Literal["AlwaysCollect", "AllowList"] = "AlwaysCollect"
    namespaces_allow_list: list[str] = []


class SecondaryNetwork(Struct, frozen=True):
    """What identifies an interface of a secondary network."""

    name: str = ""
    index: list[Literal["MAC", "IP", "Interface"]] = []


class AdvancedProcessor(Struct, frozen=True, rename="camel"):
    """Settings that few need."""

    env: dict[str, str] = {}
    port: Port = 2055
    health_port: Port = 8080
    profile_port: Port = 0
    conversation_heartbeat_interval: Duration = "30s"
    conversation_end_timeout: Duration = "10s"
    conversation_terminating_timeout: Duration = "5s"
    secondary_networks: list[SecondaryNetwork] = []
    drop_unused_fields: Any = None
    enable_kube_probes: Any = None
    scheduling: Any = None


class Bgp(Struct, frozen=True):
    """Whether flows get the AS numbers that a cluster's routers advertise."""

    enable: bool = True


class Processor(Struct, frozen=True, rename="camel"):
    """The pipeline."""

    log_level: str = "info"
    log_types: Literal["Flows", "Conversations", "EndedConversations", "All"] = "Flows"
    metrics: Metrics = Metrics()
    kafka_consumer_queue_capacity: int = 1000
    kafka_consumer_batch_size: int = 10485760
    cluster_name: str = ""
    multi_cluster_deployment: bool = False
    add_zone: bool = False
    subnet_labels: SubnetLabels = SubnetLabels()
    deduper: Deduper = Deduper()
    filters: list[FilterSet] = []
    slices_config: Slices = Slices()
    advanced: AdvancedProcessor = AdvancedProcessor()
    bgp_enrichment: bool | Bgp = False
    consumer_replicas: Any = None
    image_pull_policy: Any = None
    informers: Any = None
    kafka_consumer_autoscaler: Any = None
    kafka_consumer_replicas: Any = None
    resources: Any = None
    service: Any = None
    unmanaged_replicas: Any = None


class AdvancedLoki(Struct, frozen=True, rename="camel"):
    """Settings of the writer that few need."""

    write_min_backoff: Duration = "1s"
    write_max_backoff: Duration = "5s"
    write_max_retries: Count = 2
    static_labels: dict[LabelName, str] = field(
        name="staticLabels", default_factory=lambda: {"app": "netobserv-flowcollector"}
    )
    exclude_labels: list[str] = []


class LokiServer(Struct, frozen=True, rename="camel"):
    """A Loki of one of the modes; those that are not used are left alone."""

    url: str = "http://loki:3100/"
    ingester_url: str = ""
    tenant_id: str = field(name="tenantID", default="netobserv")
    authorization: Literal["Disabled", "Host", "Forward"] = field(
        name="authToken", default="Disabled"
    )
    tls: ClientTls = ClientTls()
    install_demo_loki: bool = False
    name: str = "loki"
    namespace: str = ""
    querier_url: Any = None
    status_url: Any = None
    status_tls: Any = None


class Loki(Struct, frozen=True, rename="camel"):
    """Where flows are kept."""

    enable: bool = True
    mode: Literal["Monolithic", "Microservices", "LokiStack", "Manual"] = "Monolithic"
    monolithic: LokiServer = LokiServer()
    microservices: LokiServer = LokiServer()
    manual: LokiServer = LokiServer()
    loki_stack: LokiServer = LokiServer()
    write_timeout: Duration = "10s"
    write_batch_wait: Duration = "1s"
    write_batch_size: Count = 10485760
    advanced: AdvancedLoki = AdvancedLoki()
    read_timeout: Any = None


class Ipfix(Struct, frozen=True, rename="camel"):
    """A collector of IPFIX."""

    target_host: Host = ""
    target_port: Port = 4739
    transport: Literal["", "TCP", "UDP"] = ""
    enterprise_id: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = field(name="enterpriseID", default=2)


class OtelRule(Struct, frozen=True):
    """A field and its name in OpenTelemetry."""

    input: str = ""
    output: str = ""
    multiplier: int = 0


class OtelSignal(Struct, frozen=True, rename="camel"):
    """Logs or metrics."""

    enable: bool = True
    push_time_interval: Duration = "20s"


class Otel(Struct, frozen=True, rename="camel"):
    """A collector of OpenTelemetry."""

    target_host: Host = ""
    target_port: Port = 4317
    protocol: Literal["", "grpc", "http"] = "grpc"
    headers: dict[str, str] = {}
    tls: ClientTls = ClientTls()
    fields_mapping: list[OtelRule] | None = None
    logs: OtelSignal = OtelSignal()
    metrics: OtelSignal = OtelSignal()


class Exporter(Struct, frozen=True, rename="camel"):
    """Where flows go besides."""

    type: Literal["Kafka", "IPFIX", "OpenTelemetry"]
    kafka: Kafka = Kafka()
    ipfix: Ipfix = Ipfix()
    open_telemetry: Otel = Otel()


class FlowCollectorSpec(Struct, frozen=True, rename="camel"):
    """The `spec` of a FlowCollector."""

    namespace: str = "netobserv"
    deployment_model: Literal["Direct", "Kafka", "Service"] = "Service"
    agent: Agent = Agent()
    processor: Processor = Processor()
    loki: Loki = Loki()
    kafka: Kafka = Kafka()
    exporters: list[Exporter] = []
    console_plugin: Any = None
    execution: Any = None
    network_policy: Any = None
    prometheus: Any = None
