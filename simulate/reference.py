"""The reference scenario: the flows behind the tables of the flow-matrix post.

Source: docs/reference/scenario.md#records.
The rows of its two tables, the external rows, and around them what must not be counted: replies,
later windows of long connections, refused ones, flags 0, UDP.
"""

from __future__ import annotations

import random

from simulate.cluster import Cluster
from simulate.edges import true_edges
from simulate.objects import Service, ServicePort
from simulate.scenario import START, Scenario
from simulate.traffic import (
    DATAGRAM,
    LASTING,
    NO_FLAGS,
    OLD,
    RAW_BITS,
    REFUSED,
    Connection,
    Link,
    Traffic,
    repeat,
)

NAMESPACE = "netobserv"
NODES = ("30-68", "31-28", "40-11", "60-113", "70-179", "94-16")
S3_LABEL = "AWS_S3_eu-west-3"
S3 = (
    S3_LABEL,
    (
        *("16.12.20.0/24", "52.95.156.0/24", "3.5.204.0/22", "52.95.154.0/23"),
        *("16.12.18.0/23", "3.5.224.0/22", "13.36.84.48/28", "13.36.84.64/28"),
    ),
)
WINDOW, SHORTEST = 300.0, 120.0
_API_SERVERS, _API_SERVERS_REACHED = (4, 1, 0), 2

_WORKLOADS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "flowlogs-pipeline": ("DaemonSet", NAMESPACE, (0, 1, 2, 3, 4, 5)),
    "netobserv-plugin": ("Deployment", NAMESPACE, (2,)),
    "loki-gateway": ("Deployment", "noo-loki", (1, 4)),
    "loki-query-frontend": ("Deployment", "noo-loki", (0, 3)),
    "loki-querier": ("Deployment", "noo-loki", (2, 5)),
    "loki-ingester": ("StatefulSet", "noo-loki", (3, 5)),
    "loki-index-gateway": ("StatefulSet", "noo-loki", (0, 4)),
    "prometheus-k8s": ("StatefulSet", "openshift-monitoring", (3, 5)),
    "thanos-querier": ("Deployment", "openshift-monitoring", (2, 4)),
    "console": ("Deployment", "openshift-console", (0, 1)),
    "dns-default": ("DaemonSet", "openshift-dns", (0, 1, 2, 3, 4, 5)),
}
_SERVICES: dict[str, tuple[str, str, tuple[ServicePort, ...]]] = {
    "netobserv-plugin": ("netobserv-plugin", "172.30.61.9", (ServicePort(9001, 9001),)),
    "loki-gateway-http": ("loki-gateway", "172.30.118.40", (ServicePort(8080, 8080),)),
    "loki-query-frontend-http": (
        "loki-query-frontend",
        "172.30.118.41",
        (ServicePort(3100, 3100),),
    ),
    "thanos-querier": ("thanos-querier", "172.30.77.12", (ServicePort(9091, 9091),)),
    "dns-default": (
        *("dns-default", "172.30.0.10"),
        (ServicePort(53, 5353, "UDP"), ServicePort(53, 5353)),
    ),
}
_API = Service("default", "kubernetes", "172.30.0.1", (ServicePort(443, 6443),))
_S3_ADDRESSES = ("3.5.206.141", "3.5.205.175", "3.5.205.38")

_LINKS = (
    Link("flowlogs-pipeline", "loki-gateway", 8080, "loki-gateway-http", 8080, every=5),
    Link("flowlogs-pipeline", "apiserver", 6443, "kubernetes", 443, style=LASTING),
    Link("netobserv-plugin", "loki-query-frontend", 3100, "loki-query-frontend-http", 3100),
    Link(
        *("netobserv-plugin", "loki-query-frontend", 3100, "loki-query-frontend-http", 3100),
        style=REFUSED,
    ),
    Link("netobserv-plugin", "", 0, "kubernetes", 443, style=LASTING),
    Link("netobserv-plugin", "loki-gateway", 8080, "loki-gateway-http", 8080),
    Link("netobserv-plugin", "thanos-querier", 9091, "thanos-querier", 9091),
    Link("console", "netobserv-plugin", 9001, "netobserv-plugin", 9001),
    Link("console", "netobserv-plugin", 9443, style=NO_FLAGS),
    Link("node", "flowlogs-pipeline", 2055, style=LASTING),
    Link("node", "flowlogs-pipeline", 8080, every=10, turns=False),
    Link("prometheus-k8s", "flowlogs-pipeline", 9401, style=LASTING, mesh=True),
    Link("prometheus-k8s", "netobserv-plugin", 9002, style=LASTING),
    Link("loki-index-gateway", "s3", 443),
    Link("loki-ingester", "s3", 443, every=50),
    Link("loki-querier", "s3", 443, style=OLD),
    *(
        Link(client, "dns-default", 5353, "dns-default", 53, every=30, style=DATAGRAM)
        for client in ("flowlogs-pipeline", "netobserv-plugin")
    ),
)
_RAW_LINK = Link("console", "netobserv-plugin", 9001, style=RAW_BITS)


def reference(
    flows: int | None = None,
    seed: int = 0,
    window: float = WINDOW,
    start: int = START,
    *,
    ipfix_replies: bool = False,
) -> Scenario:
    """The reference scenario over `window` seconds, repeated until there are `flows` of them.

    `ipfix_replies` adds connections whose flags are raw header bits, as an IPFIX exporter gives
    them: the reply reads SYN|ACK and is counted like a client. ValueError: a window too short for
    the rates of the tables, or fewer flows than one window has.
    """
    if window < SHORTEST:
        raise ValueError(f"window: {window:g} s is shorter than {SHORTEST:g} s")
    cluster, places = _cluster()
    links = (*_LINKS, _RAW_LINK) if ipfix_replies else _LINKS
    length = round(window * 1000)
    told: list[tuple[Link, Connection]] = []
    block = Traffic(cluster.peers, places, length, random.Random(seed)).flows(links, told)
    flows = block.height if flows is None else flows
    if flows < block.height:
        raise ValueError(f"flows: one window of this scenario has {block.height} flows, not fewer")
    blocks = -(-flows // block.height)
    frames = repeat(block, flows, length, start)
    labels = [S3, *cluster.subnet_labels]
    targets = {"kubernetes": (places["apiservers"], _API.ports[0].target)}
    edges = true_edges(told, cluster.peers, places, targets)
    return Scenario(cluster, labels, flows, (start, start + blocks * length), frames, edges)


def _cluster() -> tuple[Cluster, dict[str, list[int]]]:
    """The cluster and its peers by workload, and by service as `service:<name>`."""
    cluster = Cluster()
    places: dict[str, list[int]] = {}
    nodes = [
        cluster.node(
            f"ip-10-0-{name}.eu-west-3.compute.internal",
            "10.0." + name.replace("-", "."),
            "eu-west-3" + "abc"[number % 3],
        )
        for number, name in enumerate(NODES)
    ]
    places["node"] = [node + 1 for node in nodes]
    for name, (kind, namespace, hosts) in _WORKLOADS.items():
        places[name] = cluster.workload(kind, namespace, name, hosts)
    for name, (app, address, ports) in _SERVICES.items():
        service = Service(_WORKLOADS[app][1], name, address, ports, app)
        places[f"service:{name}"] = [cluster.service(service, places[app])]
    api_servers = [nodes[number] for number in _API_SERVERS]
    places["service:kubernetes"] = [cluster.service(_API, api_servers)]
    places["apiservers"] = api_servers
    places["apiserver"] = api_servers[:_API_SERVERS_REACHED]
    places["s3"] = [cluster.external(address, S3_LABEL) for address in _S3_ADDRESSES]
    return cluster, places
