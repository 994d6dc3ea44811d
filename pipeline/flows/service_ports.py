"""Ports by which a service is known, so that the other end is the client."""

from __future__ import annotations

LISTED = {
    *(1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3000, 3100, 3128, 3260, 3306, 3389),
    *(4222, 4317, 4318, 4789, 5000, 5353, 5355, 5432, 5601, 5671, 5672, 5900, 5984, 5985, 5986),
    *(6081, 6379, 6443, 6444, 7000, 7001, 7077, 7687, 8000, 8008, 8080, 8081, 8086, 8088, 8090),
    *(8123, 8200, 8301, 8302, 8443, 8472, 8500, 8529, 8888, 9000, 9001, 9042, 9090, 9091, 9092),
    *(9093, 9094, 9100, 9102, 9153, 9160, 9200, 9300, 9411, 9418, 9443, 9876, 9999, 10000),
    *(10250, 10255, 10256, 10257, 10259, 11211, 14250, 14268, 15000, 15001, 15006, 15010, 15012),
    *(15014, 15017, 15020, 15021, 15090, 15672, 16686, 22623, 22624, 25672, 26257, 26379),
    *(27017, 27018, 27019, 28015, 29092),
}
"""From 1024 on: databases, queues, caches, proxies, tunnels, meshes, and Kubernetes' own.

Sources: the IANA registry of service names, "Ports and Protocols" of Kubernetes, "Application
Requirements" of Istio, and the projects' own defaults.
"""
PRIVILEGED = 1024
"""Below it, only a privileged process can listen: services do, clients rarely."""
EPHEMERAL = 32_768
"""From here on Linux gives clients their ports (net.ipv4.ip_local_port_range)."""
PORTS = 65_536


def known() -> list[bool]:
    """For each port, whether a service is known by it."""
    found = [False, *[True] * (PRIVILEGED - 1), *[False] * (PORTS - PRIVILEGED)]
    for port in LISTED:
        found[port] = True
    return found
