"""The writer of Loki that a FlowCollector asks for (docs/reference/operator.md#pipeline)."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.config.flowcollector import features
from pipeline.config.flowcollector.spec import (
    ClientTls,
    FlowCollectorSpec,
    Loki,
    Reference,
)
from pipeline.config.flowcollector.volumes import TOKEN, Volumes
from pipeline.diagnostics import ConfigPath

_SIDES = ("Src", "Dst")
_LABELS = (
    *(f"{side}{end}" for side in _SIDES for end in ("K8S_Namespace", "K8S_OwnerName", "K8S_Type")),
    *("K8S_FlowLayer", "FlowDirection"),
)


class Server(NamedTuple):
    """The Loki of the mode: its address, the field of `spec.loki` that it is of, and the login."""

    url: str
    field: ConfigPath
    tenant: str
    tls: ClientTls
    token: bool = False


def block(spec: FlowCollectorSpec, volumes: Volumes) -> dict[str, Any]:
    """The parameters of `write.loki`."""
    loki, advanced = spec.loki, spec.loki.advanced
    found = server(spec)
    return {
        "url": found.url,
        "tenantID": found.tenant,
        "batchWait": loki.write_batch_wait,
        "batchSize": loki.write_batch_size,
        "timeout": loki.write_timeout,
        "minBackoff": advanced.write_min_backoff,
        "maxBackoff": advanced.write_max_backoff,
        "maxRetries": advanced.write_max_retries,
        "labels": _labels(spec),
        "staticLabels": advanced.static_labels,
        "clientConfig": _client(found, volumes),
        "timestampLabel": "TimeFlowEndMs",
        "timestampScale": "1ms",
    }


def _labels(spec: FlowCollectorSpec) -> list[str]:
    labels = list(_LABELS)
    if features.record_types(spec):
        labels.append("_RecordType")
    if spec.processor.multi_cluster_deployment:
        labels.append("K8S_ClusterName")
    if spec.processor.add_zone:
        labels += ["SrcK8S_Zone", "DstK8S_Zone"]
    if features.has(spec, "UDNMapping"):
        labels.append("UdnId")
    return [label for label in labels if label not in spec.loki.advanced.exclude_labels]


def server(spec: FlowCollectorSpec) -> Server:
    """Where flows go."""
    loki, namespace = spec.loki, spec.namespace
    if loki.mode == "LokiStack":
        return _stack(loki, namespace)
    if loki.mode == "Monolithic":
        one = loki.monolithic
        at = ("monolithic", "url")
        if one.install_demo_loki:
            return Server("http://loki:3100/", at, "netobserv", ClientTls())
        return Server(one.url, at, one.tenant_id, one.tls)
    if loki.mode == "Microservices":
        one = loki.microservices
        url = one.ingester_url or "http://loki-distributor:3100/"
        return Server(url, ("microservices", "ingesterUrl"), one.tenant_id, one.tls)
    one, url = loki.manual, loki.manual.ingester_url or "http://loki:3100/"
    token = one.authorization != "Disabled"
    return Server(url, ("manual", "ingesterUrl"), one.tenant_id, one.tls, token)


def _stack(loki: Loki, namespace: str) -> Server:
    """The gateway of a LokiStack, which has a tenant of its own for flows."""
    name, space = loki.loki_stack.name, loki.loki_stack.namespace or namespace
    url = f"https://{name}-gateway-http.{space}.svc.cluster.local.:8080/api/logs/v1/network/"
    ca = Reference("configmap", f"{name}-gateway-ca-bundle", cert_file="service-ca.crt")
    return Server(url, ("lokiStack",), "network", ClientTls(enable=True, ca_cert=ca), token=True)


def _client(server: Server, volumes: Volumes) -> dict[str, Any]:
    client: dict[str, Any] = {}
    if server.token:
        volumes.mounted[TOKEN] = "the token of the service account"
        client["authorization"] = {"type": "Bearer", "credentials_file": TOKEN}
    if server.tls.enable:
        ca, _ = volumes.certificate(server.tls.ca_cert, "loki-certs-ca")
        checked = {"ca_file": ca} if ca else {}
        skipped = server.tls.insecure_skip_verify
        client["tls_config"] = {"insecure_skip_verify": True} if skipped else checked
    return client
