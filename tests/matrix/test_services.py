"""Service rows joined with those of the endpoints: one connection, one row."""

from __future__ import annotations

from typing import Any

import polars as pl

from matrix.attributes import filled
from matrix.backends import BACKENDS, NODE_PORTS
from matrix.counting import EDGE, counted, numbered
from matrix.edges import LISTS
from matrix.services import at_services, joined
from tests.support.edges import edge_facts, end, fact, shown

WEB, BATCH, API = "Deployment/shop/web", "CronJob/shop/batch", "Deployment/shop/api"
DB, VIP, NODES = "StatefulSet/shop/db", "Service/shop/api", ("Node//n1", "Node//n2")
Backend = tuple[str, int, str, int]


def backends(*listed: Backend, of_one: bool = False) -> pl.DataFrame:
    """Service of the namespace shop, its port, what is behind it, and the port there.

    `of_one`: all are owners of the same endpoint, and the first is the usual one.
    """
    rows = [
        {
            **end(name),
            "service_namespace": "shop",
            "service": service,
            "protocol": "TCP",
            "service_port": port,
            "port": to,
            "member": 0 if of_one else number,
            "usual": not (of_one and number),
        }
        for number, (service, port, name, to) in enumerate(listed)
    ]
    return pl.DataFrame(rows, schema={**BACKENDS, "label": pl.String()})


def edges(*facts: dict[str, Any]) -> pl.DataFrame:
    empty = [pl.lit(None, dtype=pl.List(pl.String)).alias(name) for name in LISTS]
    return filled(counted(numbered(edge_facts(*facts), EDGE)).drop(EDGE).with_columns(empty))


def rows(found: pl.DataFrame) -> list[tuple[Any, ...]]:
    return shown(found, "flows", "services")


def test_a_service_and_its_endpoint_are_one_row() -> None:
    """The larger numbers are right; the port is that of the endpoint."""
    found = joined(
        edges(fact(WEB, VIP, 80, flows=9, syn=9, syn_ack=9), fact(WEB, API, 8080, flows=8, syn=8)),
        backends(("api", 80, API, 8080)),
    )
    assert rows(found) == [("web", "api", 8080, 9, ["shop/api:80"])]
    assert found.select("state", "attempted", "accepted").rows() == [("established", 9, 9)]


def test_of_several_behind_it_those_that_were_seen() -> None:
    """They keep their numbers: what went to which is not known of the Service."""
    found = joined(
        edges(
            fact(WEB, VIP, 80, flows=9),
            fact(WEB, API, 8080, flows=6),
            fact(WEB, DB, 8080, flows=3),
            fact(WEB, "Node//n1", 9090, flows=1),
        ),
        backends(*(("api", 80, name, 8080) for name in (API, DB, "Node//n1"))),
    )
    assert rows(found) == [
        ("web", "api", 8080, 6, ["shop/api:80"]),
        ("web", "db", 8080, 3, ["shop/api:80"]),
        ("web", "n1", 9090, 1, []),
    ]


def test_of_several_that_were_not_seen_all() -> None:
    """As with default/kubernetes: the first has the numbers, so that sums are right."""
    found = joined(
        edges(fact(WEB, VIP, 443, flows=9), fact(BATCH, NODES[1], 6443, flows=1)),
        backends(*(("api", 443, name, 6443) for name in NODES)),
    )
    assert rows(found) == [
        ("batch", "n2", 6443, 1, []),
        ("web", "n1", 6443, 9, ["shop/api:443"]),
        ("web", "n2", 6443, 0, ["shop/api:443"]),
    ]


def test_others_keep_their_rows() -> None:
    """Another client, another port, and a Service that nothing is behind."""
    found = joined(
        edges(
            fact(WEB, VIP, 80, flows=1),
            fact(WEB, VIP, 81, flows=2),
            fact(BATCH, API, 8080, flows=3),
            fact(BATCH, "Service/shop/empty", 80, flows=4),
        ),
        backends(("api", 80, API, 8080)),
    )
    assert rows(found) == [
        ("batch", "api", 8080, 3, []),
        ("batch", "empty", 80, 4, []),
        ("web", "api", 8080, 1, ["shop/api:80"]),
        ("web", "api", 81, 2, []),
    ]
    assert joined(found, backends()).equals(found)


def test_two_services_of_one_endpoint() -> None:
    """What was seen through either is added up."""
    services = [fact(WEB, f"Service/shop/{name}", 80, flows=5) for name in ("api", "api2")]
    behind = backends(("api", 80, API, 8080), ("api2", 80, API, 8080))
    names = ["shop/api2:80", "shop/api:80"]
    assert rows(joined(edges(*services), behind)) == [("web", "api", 8080, 10, names)]
    seen = edges(*services, fact(WEB, API, 8080, flows=9))
    assert rows(joined(seen, behind)) == [("web", "api", 8080, 10, names)]


def test_the_owner_that_flows_name() -> None:
    """Of a pod's owners the one that is an end of an edge; without any, the usual one."""
    behind = backends(
        ("api", 80, "Job/shop/j-1", 80),
        ("api", 80, "CronJob/shop/j", 80),
        of_one=True,
    )
    service = fact(WEB, VIP, 80, flows=1)
    assert rows(joined(edges(service), behind))[0][1] == "j-1"
    known = edges(service, fact(BATCH, "CronJob/shop/j", 9090))
    assert rows(joined(known, behind))[1][:3] == ("web", "j", 80)


def test_the_label_of_an_object_is_that_of_its_rows() -> None:
    """Of a node that was not seen, it is that of the others behind the Service."""
    seen = fact(BATCH, NODES[1], 6443) | {"server_label": "Machines"}
    found = joined(
        edges(fact(WEB, VIP, 443), seen),
        backends(*(("api", 443, name, 6443) for name in NODES)),
    )
    assert found["server_label"].to_list() == ["Machines"] * 3


def test_an_endpoint_outside_the_cluster() -> None:
    behind = backends(("api", 80, "192.0.2.1", 8443))
    found = joined(edges(fact(WEB, VIP, 80, flows=2)), behind)
    assert rows(found) == [("web", "192.0.2.1", 8443, 2, ["shop/api:80"])]
    labelled = behind.with_columns(pl.lit("partner").alias("label"), pl.lit("").alias("address"))
    found = joined(edges(fact(WEB, VIP, 80), fact(WEB, "label:partner", 8443)), labelled)
    assert [row[:3] for row in rows(found)] == [("web", "partner", 8443)]


CLIENT = "label:partner"
NODE_PORT = pl.DataFrame([("shop", "api", "TCP", 80, None, 30_080)], NODE_PORTS, orient="row")
HOST_PORT = pl.DataFrame([("", "n1", "TCP", 81, "n1", 81)], NODE_PORTS, orient="row")


def led(*facts: dict[str, Any], behind: pl.DataFrame) -> pl.DataFrame:
    return joined(at_services(edges(*facts), NODE_PORT, behind), behind)


def test_a_port_of_nodes_that_leads_to_a_service() -> None:
    """Through any node; the endpoint has one row, whether it was seen with the client or not."""
    behind = backends(("api", 80, API, 8080))
    ways = [fact(CLIENT, node, 30_080, flows=4, syn=4) for node in NODES]
    wanted = [("partner", "api", 8080, 8, ["shop/api:80"])]
    assert rows(led(*ways, behind=behind)) == wanted
    assert rows(led(*ways, fact(CLIENT, API, 8080, flows=7, syn=7), behind=behind)) == wanted


def test_a_port_of_nodes_and_the_address_of_the_service_add_up() -> None:
    behind = backends(("api", 80, API, 8080))
    ways = [fact(WEB, NODES[0], 30_080, flows=4), fact(WEB, VIP, 80, flows=5)]
    assert rows(led(*ways, behind=behind)) == [("web", "api", 8080, 9, ["shop/api:80"])]


def test_a_port_of_a_node_that_leads_to_a_pod() -> None:
    """On its own node only; the pod has one row, whether it was seen with the client or not."""
    behind = backends(("n1", 81, API, 8080)).with_columns(pl.lit("").alias("service_namespace"))
    ways = [fact(CLIENT, node, 81, flows=4, syn=4) for node in NODES]
    for seen in ((), (fact(CLIENT, API, 8080, flows=4, syn=4),)):
        found = joined(at_services(edges(*ways, *seen), HOST_PORT, behind), behind)
        assert sorted(rows(found)) == [
            ("partner", "api", 8080, 4, ["n1:81"]),
            ("partner", "n2", 81, 4, []),
        ]


def test_a_port_that_leads_to_a_pod_is_no_port_of_a_service() -> None:
    """Where both have it, the pod on the node does."""
    behind = backends(("api", 80, API, 8080), ("n1", 30_080, DB, 5432)).with_columns(
        pl.when(pl.col("service") == "api")
        .then(pl.lit("shop"))
        .otherwise(pl.lit(""))
        .alias("service_namespace")
    )
    ports = pl.concat([NODE_PORT, HOST_PORT.with_columns(service_port=30_080, port=30_080)])
    found = joined(
        at_services(edges(*(fact(CLIENT, n, 30_080, flows=4) for n in NODES)), ports, behind),
        behind,
    )
    assert sorted(rows(found)) == [
        ("partner", "api", 8080, 4, ["shop/api:80"]),
        ("partner", "db", 5432, 4, ["n1:30080"]),
    ]


def test_other_ports_of_nodes_stay() -> None:
    """Another port or protocol, and a Service that nothing is behind."""
    behind = backends(("api", 80, API, 8080))
    ways = [
        fact(CLIENT, NODES[0], 30_081, flows=1),
        fact(CLIENT, NODES[0], 30_080, flows=2) | {"protocol": "UDP"},
        fact(CLIENT, API, 30_080, flows=3),
    ]
    assert sorted(rows(led(*ways, behind=behind))) == [
        ("partner", "api", 30_080, 3, []),
        ("partner", "n1", 30_080, 2, []),
        ("partner", "n1", 30_081, 1, []),
    ]
    seen = edges(fact(CLIENT, NODES[0], 30_080))
    assert at_services(seen, NODE_PORT, backends()).equals(seen)
