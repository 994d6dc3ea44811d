"""What else flows have said, as lists."""

from __future__ import annotations

import polars as pl

from matrix.attributes import filled, listed
from matrix.counting import KEY, counted
from matrix.edges import LISTS
from tests.support.edges import edge_facts, fact

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
EDGES = counted(edge_facts(fact(WEB, API, 80), fact(WEB, API, protocol="ICMP")))


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
        (3, "day", "2026-05-01"),
        (1, "later", "x"),
        (1, "service", "172.30.0.7:443"),
        (1, "service", "[fd00::7]:443"),
        (1, "service", "172.30.0.9:443"),
    ]
    frame = pl.DataFrame(said, schema=[":id", "attribute", "value"], orient="row")
    first, second = (EDGES.filter(pl.col("port").is_null() == missing) for missing in (False, True))
    ids = pl.concat(
        one.select(*KEY).with_columns(pl.lit(number).alias(":id"))
        for number, one in ((1, first), (2, first), (3, second))
    )
    services = {"172.30.0.7": "shop/api", "fd00::7": "shop/api"}
    found = listed(frame, ids, services).sort("port", nulls_last=True)
    assert found.select(LISTS).rows(named=True) == [
        {
            "services": ["172.30.0.9:443", "shop/api:443"],
            "drop_causes": ["SKB_DROP"],
            "policies": ["allowed shop/web"],
            "tls_versions": ["TLS 1.2", "TLS 1.3"],
            "zones": ["a", "b"],
            "dns_names": ["example.com"],
            "days": [],
        },
        {name: [] for name in LISTS} | {"days": ["2026-05-01"]},
    ]


def test_edges_that_nothing_was_said_of() -> None:
    nothing = pl.DataFrame(schema={":id": pl.Int32, "attribute": pl.String, "value": pl.String})
    ids = EDGES.select(*KEY).with_columns(pl.lit(1).alias(":id"))
    found = filled(EDGES.join(listed(nothing, ids, {}), on=KEY, how="left", nulls_equal=True))
    assert found.select(LISTS).rows() == [([],) * len(LISTS)] * 2
