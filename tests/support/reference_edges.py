"""The edges of the reference scenario, as docs/reference/scenario.md lists them."""

from __future__ import annotations

from typing import Any

import polars as pl

from matrix.edges import Evidence, State
from pipeline.kube.subnets import Label
from simulate.reference import NODES, S3_LABEL, reference
from tests.support.edge_rows import End, edge, frame, workload

COLLECTOR = workload("DaemonSet netobserv/flowlogs-pipeline", "Pods")
PLUGIN = workload("Deployment netobserv/netobserv-plugin", "Pods")
GATEWAY = workload("Deployment noo-loki/loki-gateway", "Pods")
FRONTEND = workload("Deployment noo-loki/loki-query-frontend", "Pods")
THANOS = workload("Deployment openshift-monitoring/thanos-querier", "Pods")
PROMETHEUS = workload("StatefulSet openshift-monitoring/prometheus-k8s", "Pods")
CONSOLE = workload("Deployment openshift-console/console", "Pods")
RESOLVER = workload("DaemonSet openshift-dns/dns-default", "Pods")
S3 = End(label=S3_LABEL)
_NODES = [f"ip-10-0-{name}.eu-west-3.compute.internal" for name in NODES]
API_NODES = [_NODES[number] for number in (4, 1, 0)]


def labels() -> list[Label]:
    """The subnet labels of the scenario, in order."""
    return [Label(name, list(cidrs)) for name, cidrs in reference().labels]


def manifests() -> list[dict[str, Any]]:
    """The objects of the scenario."""
    return reference().cluster.manifests


def edges() -> pl.DataFrame:
    """All edges of the scenario."""
    probes = [
        edge(workload(f"Node {name}", "Pods"), COLLECTOR, f"TCP {port}")
        for name in _NODES
        for port in (2055, 8080)
    ]
    api = {"services": ["default/kubernetes:443"]}
    loki = {"services": ["noo-loki/loki-gateway-http:8080"]}
    dns = {"services": ["openshift-dns/dns-default:53"], "evidence": Evidence.WELL_KNOWN}
    return frame(
        [
            *probes,
            *(
                edge(COLLECTOR, workload(f"Node {name}", "Machines"), "TCP 6443", **api)
                for name in API_NODES[:2]
            ),
            *(
                edge(PLUGIN, workload(f"Node {name}", "Machines"), "TCP 6443", **api)
                for name in API_NODES
            ),
            edge(COLLECTOR, GATEWAY, "TCP 8080", **loki),
            edge(PLUGIN, GATEWAY, "TCP 8080", **loki),
            edge(PLUGIN, FRONTEND, "TCP 3100", services=["noo-loki/loki-query-frontend-http:3100"]),
            edge(PLUGIN, THANOS, "TCP 9091", services=["openshift-monitoring/thanos-querier:9091"]),
            edge(CONSOLE, PLUGIN, "TCP 9001", services=["netobserv/netobserv-plugin:9001"]),
            edge(CONSOLE, PLUGIN, "TCP 9443", state=State.UNCERTAIN),
            edge(PROMETHEUS, COLLECTOR, "TCP 9401"),
            edge(PROMETHEUS, PLUGIN, "TCP 9002"),
            edge(workload("StatefulSet noo-loki/loki-index-gateway"), S3, "TCP 443"),
            edge(workload("StatefulSet noo-loki/loki-ingester"), S3, "TCP 443"),
            edge(COLLECTOR, RESOLVER, "UDP 5353", **dns),
            edge(PLUGIN, RESOLVER, "UDP 5353", **dns),
        ]
    )
