"""The exporters of a FlowCollector (docs/reference/operator.md#exporters)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pipeline.config.flowcollector.graph import Graph
from pipeline.config.flowcollector.spec import Exporter, Ipfix, Kafka, Otel
from pipeline.config.flowcollector.volumes import Volumes

_SIDED = {
    "Addr": "address",
    "Mac": "mac",
    "Port": "port",
    "K8S_Name": "k8s.name",
    "K8S_Type": "k8s.kind",
    "K8S_OwnerName": "k8s.owner.name",
    "K8S_OwnerType": "k8s.owner.kind",
    "K8S_Namespace": "k8s.namespace.name",
    "K8S_HostIP": "k8s.host.address",
    "K8S_HostName": "k8s.host.name",
    "K8S_Zone": "zone",
    "SubnetLabel": "subnet.label",
}
_NAMES = {
    f"{side}{field}": f"{end}.{name}"
    for side, end in (("Src", "source"), ("Dst", "destination"))
    for field, name in _SIDED.items()
} | {
    "Bytes": "bytes",
    "Packets": "packets",
    "Proto": "protocol",
    "Flags": "tcp.flags",
    "TimeFlowRttNs": "tcp.rtt",
    "Interfaces": "interface.names",
    "IfDirections": "interface.directions",
    "FlowDirection": "host.direction",
    "DnsErrno": "dns.errno",
    "DnsFlags": "dns.flags",
    "DnsFlagsResponseCode": "dns.responsecode",
    "DnsId": "dns.id",
    "DnsLatencyMs": "dns.latency",
    "Dscp": "dscp",
    "IcmpCode": "icmp.code",
    "IcmpType": "icmp.type",
    "K8S_ClusterName": "k8s.cluster.name",
    "K8S_FlowLayer": "k8s.layer",
    "PktDropBytes": "drops.bytes",
    "PktDropPackets": "drops.packets",
    "PktDropLatestDropCause": "drops.latestcause",
    "PktDropLatestFlags": "drops.latestflags",
    "PktDropLatestState": "drops.lateststate",
    "TimeFlowEndMs": "timeflowend",
    "TimeFlowStartMs": "timeflowstart",
    "TimeReceived": "timereceived",
}
"""The name of each field in OpenTelemetry."""


class Exporters:
    """Adds exporters to a graph; `metrics` are the items of its `encode.prom`.

    Values of headers are "***" unless they are `raw`: they may be secrets.
    """

    def __init__(
        self, graph: Graph, metrics: list[dict[str, Any]], volumes: Volumes, *, raw: bool
    ) -> None:
        self._graph, self._metrics, self._volumes, self._raw = graph, metrics, volumes, raw

    def add(self, previous: str, exporters: Iterable[Exporter]) -> None:
        """The stages of all exporters, numbered in their order."""
        for index, one in enumerate(exporters):
            if one.type == "Kafka":
                self._kafka(previous, f"kafka-export-{index}", one.kafka)
            elif one.type == "IPFIX":
                self._ipfix(previous, f"IPFIX-export-{index}", one.ipfix)
            else:
                self._otel(previous, f"Otel-export-{index}", one.open_telemetry)

    def _kafka(self, previous: str, name: str, kafka: Kafka) -> None:
        block = {
            "address": kafka.address,
            "topic": kafka.topic,
            "tls": self._volumes.client_tls(kafka.tls, name),
            "sasl": self._volumes.sasl(kafka.sasl, name),
        }
        self._graph.add(name, previous, "encode.kafka", block)

    def _ipfix(self, previous: str, name: str, ipfix: Ipfix) -> None:
        block = {
            "targetHost": ipfix.target_host,
            "targetPort": ipfix.target_port,
            "transport": "udp" if ipfix.transport == "UDP" else "tcp",
            "enterpriseId": ipfix.enterprise_id,
        }
        self._graph.add(name, previous, "write.ipfix", block)

    def _otel(self, previous: str, name: str, otel: Otel) -> None:
        if not (otel.logs.enable or otel.metrics.enable):
            return
        connection = {
            "address": otel.target_host,
            "port": otel.target_port,
            "connectionType": otel.protocol or "grpc",
            "tls": self._volumes.client_tls(otel.tls, name),
            "headers": (otel.headers if self._raw else dict.fromkeys(otel.headers, "***")) or None,
        }
        rules: list[Any] = [{"input": one, "output": _NAMES[one]} for one in sorted(_NAMES)]
        if otel.fields_mapping is not None:
            rules = msgspec.to_builtins(otel.fields_mapping)
        block: dict[str, Any] = {"policy": "replace_keys", "rules": rules}
        renamed = self._graph.add(f"{name}-transform", previous, "transform.generic", block)
        if otel.logs.enable:
            self._graph.add(f"{name}-logs", renamed, "encode.otlplogs", connection)
        if otel.metrics.enable:
            block = {
                **connection,
                "prefix": "netobserv_",
                "metrics": list(map(_renamed, self._metrics)),
                "pushTimeInterval": otel.metrics.push_time_interval,
                "expiryTime": "2m",
            }
            self._graph.add(f"{name}-metrics", renamed, "encode.otlpmetrics", block)


def _renamed(metric: dict[str, Any]) -> dict[str, Any]:
    """A metric in terms of OpenTelemetry's names; it has no remap and no flatten there."""
    kept = {key: value for key, value in metric.items() if key not in ("remap", "flatten")}
    filters = [{**one, "key": _name(one["key"])} for one in metric["filters"]]
    kept |= {"filters": filters, "labels": [_name(label) for label in metric["labels"]]}
    if "valueKey" in kept:
        kept["valueKey"] = _name(kept["valueKey"])
    return kept


def _name(field: str) -> str:
    return _NAMES.get(field, field)
