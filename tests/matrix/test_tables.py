"""The tables of the post, from series like the ledger's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from matrix.families import MatrixDirection, NoMatrixError
from matrix.tables import external, incoming, namespaces, outgoing
from simulate import simulate

OUT = "namespace workload kind port to_namespace to_workload to_kind to_subnet_label Flags"
Make = Callable[[str, list[tuple[Any, ...]]], pl.DataFrame]
DOMAIN = "eu-west-3.compute.internal"


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


def table_rows(rows: pl.DataFrame) -> list[list[Any]]:
    """Rows without the times."""
    return [list(row) for row in rows.drop("first_seen", "last_seen", "evidence").rows()]


def test_outgoing_is_the_first_table(told: dict[str, Any]) -> None:
    table = outgoing(ledger(told["metrics"]), "netobserv")
    expected = told["tables"]["Q1"]
    assert table.rows.columns == [*expected["columns"], "first_seen", "last_seen", "evidence"]
    assert sorted(table_rows(table.rows)) == sorted(expected["rows"])
    assert table.metrics == ("netobserv_workload_syn_out",)
    assert table.notes == ()


def test_outgoing_is_sorted_as_in_the_post_with_nodes_last(told: dict[str, Any]) -> None:
    table = outgoing(ledger(told["metrics"]), "netobserv")
    order = table.rows.select("workload", "port", "to_kind").rows()
    flp, plugin = "flowlogs-pipeline", "netobserv-plugin"
    assert order == [
        (flp, "443", "Service"),
        (flp, "8080", "Deployment"),
        (flp, "8080", "Service"),
        (plugin, "3100", "Deployment"),
        (plugin, "3100", "Service"),
        (plugin, "443", "Service"),
        (plugin, "8080", "Deployment"),
        (plugin, "8080", "Service"),
        (plugin, "9091", "Deployment"),
        (plugin, "9091", "Service"),
        (flp, "6443", "Node"),
        (flp, "6443", "Node"),
    ]


def test_incoming_is_the_second_table(told: dict[str, Any]) -> None:
    table = incoming(ledger(told["metrics"]), "netobserv")
    expected = told["tables"]["Q2"]
    assert table.rows.columns == [*expected["columns"], "first_seen", "last_seen", "evidence"]
    assert sorted(table_rows(table.rows)) == sorted(expected["rows"])
    assert table.rows["port"].to_list() == [
        *("9001", "9001", *["2055"] * 6, *["8080"] * 6, "9401", "9002")
    ]


def test_collapsed_nodes_are_the_third_table(told: dict[str, Any]) -> None:
    table = incoming(ledger(told["metrics"]), "netobserv", collapse_nodes=True)
    nodes = table.rows.filter(pl.col("from_kind") == "Node")
    columns = ["from_subnet_label", "kind", "port", "workload", "count"]
    assert [list(row) for row in nodes.select(columns).rows()] == told["tables"]["Q3"]["rows"]
    assert nodes["from_workload"].to_list() == ["(6 nodes)"] * 2
    others = table.rows.filter(pl.col("from_kind") != "Node")
    assert sorted(table_rows(others)) == sorted(told["tables"]["Q4"]["rows"])


def test_collapsing_keeps_the_times_and_the_name_of_a_single_node(series: Make) -> None:
    own, node = ("a", "x", "Deployment", "6443", ""), ("Node", "Machines", "SYN")
    rows = [
        (*own, "n1", *node, 1.0, 10.0, 20.0),
        (*own, "n2", *node, 2.0, 5.0, 15.0),
        (*own[:3], "22", "", "n1", *node, 4.0, 7.0, 8.0),
    ]
    table = outgoing({"m": series(OUT, rows)}, "a", collapse_nodes=True)
    assert table.rows.select(pl.col("to_workload", "count", "first_seen", "last_seen")).rows() == [
        ("n1", 4.0, 7.0, 8.0),
        ("(2 nodes)", 3.0, 5.0, 20.0),
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_external_rows_before_and_after_labelling(told: dict[str, Any], when: str) -> None:
    metrics = told["metrics_before" if when == "before" else "metrics"]
    table = external(ledger(metrics), "noo-loki")
    columns = ["kind", "workload", "port", "to_subnet_label", "count"]
    expected = [[*row[:3], row[5], row[7]] for row in told["tables"][f"external_{when}"]["rows"]]
    assert [list(row) for row in table.rows.select(columns).rows()] == expected
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
    assert table.rows.rows() == [("a", "Deployment", "x", "443", "EXT:lb", 3.0, 1.0, 2.0, "SYN")]


def test_series_that_differ_in_other_labels_are_one_row(series: Make) -> None:
    own, other = ("a", "x", "Deployment", "443"), ("b", "y", "Service", "Services", "SYN")
    rows = [(*own, *other, zone, 1.0, at, at) for zone, at in (("z1", 5.0), ("z2", 9.0))]
    table = outgoing({"m": series(f"{OUT} SrcK8S_Zone", rows)}, "a")
    assert table.rows.select("count", "first_seen", "last_seen").rows() == [(2.0, 5.0, 9.0)]


def test_a_namespace_without_series_has_an_empty_table(told: dict[str, Any]) -> None:
    table = incoming(ledger(told["metrics"]), "nowhere", collapse_nodes=True)
    assert table.rows.is_empty()
    assert table.rows.columns[0] == "from_kind"


def test_namespaces_are_those_with_rows_in_either_table(told: dict[str, Any]) -> None:
    both = ledger(told["metrics"])
    sent = {name: frame for name, frame in both.items() if name.endswith("out")}
    senders = ["netobserv", "noo-loki", "openshift-console", "openshift-monitoring"]
    assert namespaces(sent) == senders
    assert namespaces(both) == ["default", *senders]
    with pytest.raises(NoMatrixError):
        namespaces({})


def test_a_row_to_a_client_port_is_uncertain(series: Make) -> None:
    found = series(
        OUT,
        [
            (
                "a",
                "web",
                "Deployment",
                "443",
                "b",
                "api",
                "Deployment",
                "Pods",
                "SYN",
                3.0,
                1.0,
                2.0,
            ),
            (
                "a",
                "web",
                "Deployment",
                "51858",
                "b",
                "api",
                "Deployment",
                "Pods",
                "SYN",
                1.0,
                1.0,
                2.0,
            ),
        ],
    )
    table = outgoing({"m": found}, "a")
    assert table.rows.select("port", "evidence").rows() == [("443", "SYN"), ("51858", "uncertain")]
    assert table.notes == ("1 uncertain: the port is a client's, the flow may be a reply",)
