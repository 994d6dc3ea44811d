"""The tables of the post, from series like the ledger's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from matrix.families import MatrixDirection, NoMatrixError
from matrix.tables import COLUMNS, Order, connections, external, namespaces
from simulate import simulate

OUT = "namespace workload kind port to_namespace to_workload to_kind to_subnet_label Flags"
Make = Callable[[str, list[tuple[Any, ...]]], pl.DataFrame]
SENT, RECEIVED = MatrixDirection.OUTGOING, MatrixDirection.INCOMING


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The truth of the reference scenario."""
    made = simulate("reference", tmp_path_factory.mktemp("reference") / "r.pb")
    truth: dict[str, Any] = json.loads(made.truth.read_text())
    return truth


def ledger(metrics: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """The series of the truth as the ledger would hold them."""
    return {
        name: pl.DataFrame(
            metric["series"], schema=[*metric["labels"], ":value"], orient="row"
        ).with_columns(
            pl.col(":value").cast(pl.Float64),
            pl.lit(100.0).alias(":first_seen"),
            pl.lit(200.0).alias(":last_seen"),
        )
        for name, metric in metrics.items()
    }


def peers(columns: list[str]) -> list[str]:
    """Columns of the truth as tables call them."""
    return [re.sub("^(to|from)_", "peer_", column) for column in columns]


def rows_of(rows: pl.DataFrame, columns: list[str]) -> list[list[Any]]:
    """Rows with these columns of the truth, which has ports as texts, sorted."""
    texts = rows.with_columns(pl.col("port").cast(pl.String)).select(peers(columns))
    return sorted(map(list, texts.rows()))


@pytest.mark.parametrize(("direction", "query"), [(SENT, "Q1"), (RECEIVED, "Q2")])
def test_the_tables_of_the_post(
    told: dict[str, Any], direction: MatrixDirection, query: str
) -> None:
    """In both directions the columns are the same, in the same order."""
    table = connections(ledger(told["metrics"]), "netobserv", direction)
    expected = told["tables"][query]
    assert table.rows.columns == list(COLUMNS)
    assert table.rows.schema["port"] == pl.Int64
    assert rows_of(table.rows, expected["columns"]) == sorted(expected["rows"])
    assert table.metrics == (f"netobserv_workload_syn_{'out' if direction is SENT else 'in'}",)
    assert table.notes == ()


def test_rows_are_sorted_by_name_with_ports_as_numbers_and_nodes_last(
    told: dict[str, Any],
) -> None:
    table = connections(ledger(told["metrics"]), "netobserv", SENT, order=Order.NAME)
    flp, plugin = "flowlogs-pipeline", "netobserv-plugin"
    assert table.rows.select("workload", "port", "peer_kind").rows() == [
        (flp, 443, "Service"),
        (flp, 8080, "Deployment"),
        (flp, 8080, "Service"),
        (plugin, 443, "Service"),
        (plugin, 3100, "Deployment"),
        (plugin, 3100, "Service"),
        (plugin, 8080, "Deployment"),
        (plugin, 8080, "Service"),
        (plugin, 9091, "Deployment"),
        (plugin, 9091, "Service"),
        (flp, 6443, "Node"),
        (flp, 6443, "Node"),
    ]


@pytest.mark.parametrize(
    ("order", "column"),
    [(Order.COUNT, "count"), (Order.PORT, "port"), (Order.LAST_SEEN, "last_seen")],
)
def test_rows_are_sorted_by_what_is_asked(series: Make, order: Order, column: str) -> None:
    """Rows with nothing to sort by come last: a port may be missing."""
    rows = [
        ("a", name, "Deployment", port, "b", "y", "Pod", "", "SYN", count, 1.0, seen)
        for name, port, count, seen in [
            *(("w1", "80", 5.0, 30.0), ("w2", "9090", 50.0, 10.0), ("w3", "443", 7.0, 20.0)),
            ("w4", "", 1.0, 5.0),
        ]
    ]
    found = connections({"m": series(OUT, rows)}, "a", SENT, order=order).rows
    assert (
        found[column].to_list()
        == found[column].sort(descending=order is not Order.PORT, nulls_last=True).to_list()
    )
    assert found["workload"][-1] == "w4"
    assert found["port"][-1] is None


def test_the_count_decides_without_being_asked(series: Make) -> None:
    rows = [
        ("a", "x", "Deployment", port, "b", "y", "Pod", "", "SYN", count, 1.0, 2.0)
        for port, count in [("80", 1.0), ("81", 3.0), ("82", 2.0)]
    ]
    found = connections({"m": series(OUT, rows)}, "a", SENT).rows
    assert found["count"].to_list() == [3.0, 2.0, 1.0]


def test_a_port_that_is_a_name_stays_a_name(series: Make) -> None:
    rows = [
        ("a", "x", "Deployment", port, "b", "y", "Pod", "", "SYN", 1.0, 1.0, 2.0)
        for port in ("https", "80")
    ]
    found = connections({"m": series(OUT, rows)}, "a", SENT, order=Order.PORT).rows
    assert found.select("port", "evidence").rows() == [("80", "SYN"), ("https", "SYN")]


def test_collapsed_nodes_are_the_third_table(told: dict[str, Any]) -> None:
    table = connections(ledger(told["metrics"]), "netobserv", RECEIVED, collapse_nodes=True)
    nodes = table.rows.filter(pl.col("peer_kind") == "Node")
    columns = ["from_subnet_label", "kind", "port", "workload", "count"]
    assert rows_of(nodes, columns) == sorted(told["tables"]["Q3"]["rows"])
    assert nodes["peer_workload"].to_list() == ["(6 nodes)"] * 2
    others = table.rows.filter(pl.col("peer_kind") != "Node")
    fourth = told["tables"]["Q4"]
    assert rows_of(others, fourth["columns"]) == sorted(fourth["rows"])


def test_collapsing_keeps_the_times_and_the_name_of_a_single_node(series: Make) -> None:
    own, node = ("a", "x", "Deployment", "6443", ""), ("Node", "Machines", "SYN")
    rows = [
        (*own, "n1", *node, 1.0, 10.0, 20.0),
        (*own, "n2", *node, 2.0, 5.0, 15.0),
        (*own[:3], "22", "", "n1", *node, 4.0, 7.0, 8.0),
    ]
    table = connections({"m": series(OUT, rows)}, "a", SENT, collapse_nodes=True)
    assert table.rows.select(
        pl.col("peer_workload", "count", "first_seen", "last_seen")
    ).rows() == [
        ("n1", 4.0, 7.0, 8.0),
        ("(2 nodes)", 3.0, 5.0, 20.0),
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_external_rows_before_and_after_labelling(told: dict[str, Any], when: str) -> None:
    metrics = told["metrics_before" if when == "before" else "metrics"]
    table = external(ledger(metrics), "noo-loki")
    columns = ["kind", "workload", "port", "to_subnet_label", "count"]
    expected = [[*row[:3], row[5], row[7]] for row in told["tables"][f"external_{when}"]["rows"]]
    assert rows_of(table.rows, columns) == sorted(expected)
    assert external(ledger(metrics)).rows.equals(table.rows)
    assert external(ledger(metrics), "netobserv").rows.is_empty()


def test_external_sources(series: Make) -> None:
    labels = OUT.replace("to_", "from_")
    inside = ("a", "x", "Deployment", "443")
    rows = [
        (*inside, "", "", "", "EXT:lb", "SYN", 3.0, 1.0, 2.0),
        (*inside, "b", "y", "Deployment", "Pods", "SYN", 9.0, 1.0, 2.0),
    ]
    table = external({"m": series(labels, rows)}, direction=MatrixDirection.INCOMING)
    assert table.rows.rows() == [("a", "Deployment", "x", 443, "EXT:lb", 3.0, 1.0, 2.0, "SYN")]


def test_series_that_differ_in_other_labels_are_one_row(series: Make) -> None:
    own, other = ("a", "x", "Deployment", "443"), ("b", "y", "Service", "Services", "SYN")
    rows = [(*own, *other, zone, 1.0, at, at) for zone, at in (("z1", 5.0), ("z2", 9.0))]
    table = connections({"m": series(f"{OUT} SrcK8S_Zone", rows)}, "a", SENT)
    assert table.rows.select("count", "first_seen", "last_seen").rows() == [(2.0, 5.0, 9.0)]


def test_a_namespace_without_series_has_an_empty_table(told: dict[str, Any]) -> None:
    table = connections(ledger(told["metrics"]), "nowhere", RECEIVED, collapse_nodes=True)
    assert table.rows.is_empty()
    assert table.rows.columns == list(COLUMNS)


def test_namespaces_are_those_with_rows_in_either_table(told: dict[str, Any]) -> None:
    both = ledger(told["metrics"])
    sent = {name: frame for name, frame in both.items() if name.endswith("out")}
    senders = ["netobserv", "noo-loki", "openshift-console", "openshift-monitoring"]
    assert namespaces(sent) == senders
    assert namespaces(both) == ["default", *senders]
    with pytest.raises(NoMatrixError):
        namespaces({})


def test_evidence(series: Make) -> None:
    """A SYN, where SYNs alone are counted; else the port; neither where the port is a client's."""
    own, peer = ("a", "web", "Deployment"), ("b", "api", "Deployment", "Pods")
    syn = [(*own, port, *peer, "SYN", 1.0, 1.0, 2.0) for port in ("443", "51858")]
    table = connections({"m": series(OUT, syn)}, "a", SENT)
    assert table.rows.select("port", "evidence").rows() == [(443, "SYN"), (51858, "uncertain")]
    assert table.notes == ("1 uncertain: the port is a client's, the flow may be a reply",)
    plain = series(OUT.removesuffix(" Flags"), [(*row[:8], *row[9:]) for row in syn])
    table = connections({"udp": plain}, "a", SENT)
    assert table.rows.select("port", "evidence").rows() == [(443, "port"), (51858, "uncertain")]
    both = connections({"m": series(OUT, syn), "udp": plain}, "a", SENT, metrics=["m", "udp"])
    assert both.rows.select("count", "evidence").rows() == [(2.0, "port"), (2.0, "uncertain")]
