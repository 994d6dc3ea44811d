"""A namespace "shop" with a policy in force, and what was seen of it."""

from __future__ import annotations

from tests.support.edge_rows import edge, frame
from tests.support.policies import namespace, pod
from tests.support.seen import seen

DENY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "namespace": "shop"},
    "spec": {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}],
    },
}
OBJECTS = [
    namespace("shop"),
    namespace("mon"),
    pod("shop/web-1", "10.0.0.1", labels={"app": "web"}, owner="Deployment/web"),
    pod("shop/db-0", "10.0.0.3", labels={"app": "db"}, owner="StatefulSet/db"),
    pod("mon/prom", "10.0.1.1", labels={"app": "prom"}, owner="Deployment/prom"),
    DENY,
]
EDGES = frame(
    edge("shop/web", "shop/db", 5432, bytes=70, server_kind="StatefulSet"),
    edge("mon/prom", "shop/web", 9090, bytes=7),
    edge("shop/web", "203.0.113.9", 443, bytes=700, reply_bytes=77),
    edge("mon/prom", "shop/db", 22, state="attempted", server_kind="StatefulSet"),
)
SHOP = seen(EDGES, OBJECTS)
