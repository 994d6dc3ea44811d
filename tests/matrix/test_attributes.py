"""What else flows have said, as lists."""

from __future__ import annotations

import polars as pl

from matrix.attributes import filled, listed
from matrix.counting import EDGE, counted, numbered
from matrix.edges import LISTS
from tests.support.edges import edge_facts, fact

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
FACTS = edge_facts(fact(WEB, API, 80), fact(WEB, API, protocol="ICMP"))
EDGES = counted(numbered(FACTS, EDGE)).sort("port", nulls_last=True)
FIRST, SECOND = EDGES[EDGE]
SAID = LISTS[:-1]
"""All lists but the days."""


def test_values_of_each_edge() -> None:
    """Sorted and once; two facts may be of one edge, and an attribute may be unknown."""
    said = [
        (1, "tls_version", "TLS 1.3"),
        (1, "tls_version", "TLS 1.2"),
        (2, "tls_version", "TLS 1.2"),
        (1, "client_zone", "b"),
        (1, "server_zone", "a"),
        (1, "drop_cause", "SKB_DROP"),
        (1, "policy", "allowed shop/web"),
        (1, "dns_name", "example.com"),
        (3, "tls_version", "TLS 1.3"),
        (1, "later", "x"),
        (1, "service", "172.30.0.7:443"),
        (1, "service", "[fd00::7]:443"),
        (1, "service", "172.30.0.9:443"),
    ]
    frame = pl.DataFrame(said, schema=[":id", "attribute", "value"], orient="row")
    ids = pl.DataFrame({":id": [1, 2, 3], EDGE: [FIRST, FIRST, SECOND]})
    services = {"172.30.0.7": "shop/api", "fd00::7": "shop/api"}
    found = EDGES.join(listed(frame, ids.cast({EDGE: pl.UInt32}), services), on=EDGE)
    found = found.sort("port", nulls_last=True)
    assert found.select(SAID).rows(named=True) == [
        {
            "services": ["172.30.0.9:443", "shop/api:443"],
            "drop_causes": ["SKB_DROP"],
            "policies": ["allowed shop/web"],
            "tls_versions": ["TLS 1.2", "TLS 1.3"],
            "zones": ["a", "b"],
            "dns_names": ["example.com"],
        },
        {name: [] for name in SAID} | {"tls_versions": ["TLS 1.3"]},
    ]


def test_edges_that_nothing_was_said_of() -> None:
    nothing = pl.DataFrame(schema={":id": pl.Int32, "attribute": pl.String, "value": pl.String})
    ids = EDGES.select(EDGE, pl.lit(1).alias(":id"))
    found = EDGES.join(listed(nothing, ids, {}), on=EDGE, how="left")
    empty = pl.lit(None, pl.List(pl.String))
    found = filled(found.with_columns(days=empty))
    assert found.select(LISTS).rows() == [([],) * len(LISTS)] * 2
