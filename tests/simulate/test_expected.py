"""Tables from counts (docs/reference/scenario.md#tables)."""

from __future__ import annotations

from typing import Any

import polars as pl

from simulate import expected
from simulate.reference import S3_LABEL
from simulate.truth import IDENTITY

POD = ("netobserv", "plugin", "Deployment", "Pods")
NODE = ("", "node-1", "Node", "Pods")
LOKI = ("noo-loki", "loki", "StatefulSet", "Pods")
S3 = ("", "", "", S3_LABEL)
COLUMNS = [f"{end}_{name}" for end in ("src", "dst") for name in IDENTITY]


def syn(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Counts, each by source, destination, port and value."""
    flat = [(*src, *dst, str(port), value) for src, dst, port, value in rows]
    return pl.DataFrame(flat, schema=[*COLUMNS, "port", "value"], orient="row")


COUNTS = syn(
    (POD, LOKI, 3100, 4),
    (LOKI, POD, 9001, 2),
    (NODE, POD, 9001, 5),
    (LOKI, S3, 443, 3),
    (LOKI, NODE, 443, 9),
    (POD, LOKI, 40_000, 1),
)


def records(table: expected.Rows) -> list[dict[str, Any]]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_what_a_namespace_opens_and_accepts() -> None:
    found = expected.tables(COUNTS)
    assert records(found["Q1"]) == [
        {
            "kind": "Deployment",
            "workload": "plugin",
            "port": "3100",
            "to_kind": "StatefulSet",
            "to_namespace": "noo-loki",
            "to_subnet_label": "Pods",
            "to_workload": "loki",
            "count": 4,
        }
    ]
    assert [(row["from_workload"], row["count"]) for row in records(found["Q2"])] == [
        ("node-1", 5),
        ("loki", 2),
    ]


def test_nodes_apart_from_the_rest() -> None:
    """Of nodes only the label is told, so those with one label are one row."""
    found = expected.tables(pl.concat([COUNTS, COUNTS]))
    (nodes,) = records(found["Q3"])
    assert (nodes["from_subnet_label"], nodes["port"], nodes["count"]) == ("Pods", "9001", 10)
    assert [row["from_workload"] for row in records(found["Q4"])] == ["loki"]


def test_external_peers_before_and_after_they_have_a_label() -> None:
    """A peer is external when nothing but a label is known of it; a node is not."""
    found = expected.tables(COUNTS)
    for name, label in (("external_before", ""), ("external_after", S3_LABEL)):
        (row,) = records(found[name])
        assert (row["to_subnet_label"], row["workload"], row["count"]) == (label, "loki", 3)


def test_a_port_of_clients_is_uncertain() -> None:
    """32768 is the first of them (docs/reference/flowmetric.md#tcp-flags)."""
    (row,) = records(expected.uncertain(COUNTS))
    assert (row["namespace"], row["port"], row["count"]) == ("netobserv", "40000", 1)
    edge = syn((POD, LOKI, 32_767, 1), (POD, LOKI, 32_768, 1))
    assert [row["port"] for row in records(expected.uncertain(edge))] == ["32768"]
    assert [row["port"] for row in records(expected.tables(edge)["Q1"])] == ["32767"]
