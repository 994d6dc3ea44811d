"""A small cluster in which every sort of connection occurs, to learn whether edges are found.

UDP, SCTP and ICMP beside TCP, Services whose targets are other ports, the host network, a port of
a node that leads to a pod, addresses outside with and without a label, deleted pods, scans, refused
and old connections, logs that nobody answers, and flags that are bits of the header.
"""

from __future__ import annotations

import random

import polars as pl

from simulate.cluster import Cluster
from simulate.edges import true_edges
from simulate.objects import ContainerPort, Service, ServicePort
from simulate.scenario import EPHEMERAL, EPHEMERAL_PORTS, START, Scenario
from simulate.traffic import (
    ASKING,
    ASSOCIATION,
    DATAGRAM,
    ECHO,
    LASTING,
    LOGGING,
    OLD,
    RAW_BITS,
    REFUSED,
    UNANSWERED,
    Connection,
    Link,
    Traffic,
)

PARTNER = ("EXT:partner", ("203.0.113.0/24",))
WINDOW = 120.0
_NODES = 3
_WORKLOADS: dict[str, tuple[str, str, tuple[int, ...], tuple[ContainerPort, ...]]] = {
    "web": ("Deployment", "shop", (0, 1), (ContainerPort(8443),)),
    "api": ("Deployment", "shop", (1, 2), (ContainerPort(50_051, name="grpc"),)),
    "db": ("StatefulSet", "shop", (0, 2), ()),
    "dns": ("DaemonSet", "kube-system", (0, 1, 2), (ContainerPort(5353, "UDP"),)),
    "logs": ("Deployment", "tools", (1,), ()),
    "switch": ("Deployment", "tools", (2,), (ContainerPort(36_412, "SCTP"),)),
    "crawler": ("Deployment", "tools", (0,), ()),
    "gate": ("DaemonSet", "tools", (2,), (ContainerPort(8088, host=8081),)),
}
_SERVICES = {
    "web": Service("shop", "web", "172.30.0.20", (ServicePort(443, 8443),), "web"),
    "api": Service("shop", "api", "172.30.0.21", (ServicePort(80, 50_051),), "api"),
    "dns": Service("kube-system", "dns", "172.30.0.10", (ServicePort(53, 5353, "UDP"),), "dns"),
    "idle": Service("shop", "idle", "172.30.0.22", (ServicePort(80, 7000),), "db"),
}
_LINKS = (
    Link("internet", "web", 8443, every=20),
    Link("partner", "web", 8443, every=20, style=RAW_BITS),
    Link("web", "api", 50_051, "api", 80, every=10),
    Link("web", "db", 5432, style=OLD),
    Link("api", "db", 5432, every=30, style=LASTING),
    Link("api", "db", 7001, style=REFUSED),
    Link("api", "db", 41_000, every=10, style=OLD),
    *(Link(name, "dns", 5353, "dns", 53, every=15, style=DATAGRAM) for name in ("web", "api")),
    Link("crawler", "dns", 40_000, every=15, style=DATAGRAM),
    *(Link(name, "logs", 5140, every=20, style=LOGGING) for name in ("web", "db")),
    Link("web", "gone", 5140, style=ASKING),
    Link("crawler", "switch", 36_412, style=ASSOCIATION),
    Link("crawler", "switch", 38_000, every=20, style=ASSOCIATION),
    Link("crawler", "partner", 443, every=20, style=RAW_BITS),
    Link("crawler", "internet", 8888, every=40, mesh=True),
    Link("crawler", "node", 9100, every=30),
    Link("crawler", "agent", 9101, every=30),
    Link("agent", "api", 50_051, every=15),
    Link("internet", "db", 22, style=UNANSWERED, mesh=True),
    Link("gone", "web", 8443, style=UNANSWERED),
    Link("crawler", "gate", 8088, "gate", 8081, every=30),
    Link("node", "web", 0, every=30, style=ECHO),
    Link("web", "", 0, "idle", 80),
)


def mixed(
    seed: int = 0, start: int = START, client_ports: tuple[int, int] = (EPHEMERAL, EPHEMERAL_PORTS)
) -> Scenario:
    """One window of the mixed scenario, with its true edges.

    `client_ports`: the first one, and how many there are.
    """
    cluster, places = grown()
    told: list[tuple[Link, Connection]] = []
    length = round(WINDOW * 1000)
    traffic = Traffic(cluster.peers, places, length, random.Random(seed), client_ports)
    block = traffic.flows(_LINKS, told)
    targets = {"idle": (places["db"], 7000)}
    edges = true_edges(told, cluster.peers, places, targets)
    labels = [PARTNER, *cluster.subnet_labels]
    moved = block.with_columns(pl.col("TimeFlowStartMs", "TimeFlowEndMs") + start)
    return Scenario(cluster, labels, block.height, (start, start + length), iter([moved]), edges)


def grown() -> tuple[Cluster, dict[str, list[int]]]:
    """The cluster and its peers by workload, and by service as `service:<name>`."""
    cluster = Cluster()
    nodes = [cluster.node(f"node-{n}", f"10.0.0.{n + 1}", f"zone-{n}") for n in range(_NODES)]
    places = {"node": nodes}
    for name, (kind, namespace, hosts, ports) in _WORKLOADS.items():
        places[name] = cluster.workload(kind, namespace, name, hosts, ports)
    places["agent"] = cluster.workload(
        *("DaemonSet", "tools", "agent"), (1,), [ContainerPort(9101)], host_network=True
    )
    for name, service in _SERVICES.items():
        places[f"service:{name}"] = [cluster.service(service, places[service.app])]
    places["service:gate"] = nodes[2:]
    places["partner"] = [cluster.external(f"203.0.113.{n}", PARTNER[0]) for n in (7, 8)]
    places["internet"] = [cluster.external(f"198.51.100.{n}") for n in (1, 2, 3)]
    places["gone"] = [cluster.external("10.128.1.200", "Pods")]
    return cluster, places
