"""A small shop with policies, and what was seen in it."""

from __future__ import annotations

import polars as pl
import pytest

from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from tests.support.policies import edge, edges, namespace, node, pod, policy

WEB, DB, PROM = "Deployment/shop/web", "StatefulSet/shop/db", "Pod/mon/prom"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(
        [
            namespace("shop"),
            namespace("mon"),
            node("n1", "192.168.0.1"),
            pod("shop/web-1", "10.0.0.1", labels={"app": "web"}, owner="Deployment/web"),
            pod("shop/web-2", "10.0.0.2", labels={"app": "web"}, owner="Deployment/web"),
            pod("shop/db-0", "10.0.0.3", labels={"app": "db"}, owner="StatefulSet/db"),
            pod("mon/prom", "10.0.1.1", labels={"app": "prom"}),
            pod("mon/agent", "192.168.0.1", host=True),
        ]
    )


@pytest.fixture
def policies() -> list[NetworkPolicy]:
    return [
        policy(
            "shop/db",
            """
podSelector: {matchLabels: {app: db}}
ingress:
- from: [{podSelector: {matchLabels: {app: web}}}]
  ports: [{port: 5432}, {port: 5433}]
- from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mon}}}]
  ports: [{port: 9187}]
""",
        ),
        policy(
            "shop/web",
            """
podSelector: {matchLabels: {app: web}}
policyTypes: [Ingress, Egress]
ingress:
- {}
egress:
- to: [{podSelector: {}}]
- to: [{ipBlock: {cidr: 3.5.0.0/16, except: [3.5.9.0/24]}}]
  ports: [{port: 443}, {protocol: UDP, port: 1, endPort: 9}]
""",
        ),
    ]


@pytest.fixture
def seen() -> pl.DataFrame:
    return edges(
        edge(WEB, DB, 5432, flows=10, reply_flows=9, bytes=1000, reply_bytes=50, last_seen=100.0),
        edge(WEB, DB, 5432, flows=1, last_seen=200.0, protocol="UDP"),
        edge(PROM, DB, 9188),
        edge(PROM, DB, 22, state="attempted"),
        edge("Node//n1", DB, 5432),
        edge(WEB, "3.5.1.1", 443, allowed=3),
        edge(WEB, "3.5.9.1", 443, allowed=3, policies=["allowed shop/old"]),
        edge(PROM, WEB, 80, denied=1, policies=["denied shop/deny"]),
        edge(WEB, "Deployment/shop/gone", 80),
    )
