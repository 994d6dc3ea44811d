from __future__ import annotations

import polars as pl

from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.verify.difference import difference
from tests.support.policies import policy

NEW_DB = """
podSelector: {matchLabels: {app: db}}
ingress:
- from: [{podSelector: {matchLabels: {app: web}}}]
  ports: [{port: 5433}]
- from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mon}}}]
"""


def test_what_changes(policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster) -> None:
    """The web is open again, and the database changes its port."""
    found = difference(policies, [policy("shop/db", NEW_DB)], seen, cluster)
    web, db, prom = "Deployment shop/web", "StatefulSet shop/db", "Pod mon/prom"
    assert found.edges.select("client", "server", "port", "before", "after", "by").rows() == [
        (web, db, 5432, "allowed", "denied", ["shop/db ingress"]),
        (prom, db, 9188, "denied", "allowed", ["shop/db ingress[1]"]),
        (prom, db, 22, "denied", "allowed", ["shop/db ingress[1]"]),
        (web, "3.5.9.1", 443, "denied", "allowed", []),
    ]
    assert found.lost().select("client", "server").rows() == [(web, db)]
    assert found.isolation.rows() == [("open", "egress", web), ("open", "ingress", web)]
    assert found.permissions.filter(own=db).rows() == [
        ("added", "ingress", db, prom, "any", "any", ["shop/db"]),
        ("gone", "ingress", db, web, "TCP", "5432", ["shop/db"]),
        ("gone", "ingress", db, prom, "TCP", "9187", ["shop/db"]),
    ]


def test_the_same_policies_in_another_order_change_nothing(
    policies: list[NetworkPolicy], seen: pl.DataFrame, cluster: Cluster
) -> None:
    found = difference(policies, policies[::-1], seen, cluster)
    assert [frame.height for frame in found] == [0, 0, 0]
