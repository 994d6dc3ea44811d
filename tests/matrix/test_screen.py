"""Tables on terminals of 80, 200 and other columns."""

from __future__ import annotations

import polars as pl
import pytest

from matrix.screen import on_screen
from matrix.tables import MatrixTable
from tests.support.tables import SCHEMA

NODE = "ip-10-0-70-179.eu-west-3.compute.internal"
START = 1_761_645_600.0
ROWS = pl.DataFrame(
    [
        [
            *("DaemonSet", "flowlogs-pipeline", 8080, "Deployment", "noo-loki", "loki-gateway"),
            *("Pods", 1234567.0, START, START + 299.6, "SYN"),
        ],
        [
            *("DaemonSet", "flowlogs-pipeline", 6443, "Node", "", NODE),
            *("Machines", 3.0, START, None, "SYN"),
        ],
        [
            *("StatefulSet", "loki-ingester", 443, "", "", ""),
            *("AWS_S3_eu-west-3", 0.5, None, None, "SYN"),
        ],
        ["Deployment", "x", 51858, "", "", "", "", 0.0, None, None, "uncertain"],
    ],
    schema=SCHEMA,
    orient="row",
)
TABLE = MatrixTable(ROWS, ("m",), ("1 uncertain: " + "why " * 40,), "netobserv", "outgoing")


def titles(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("workload"))


def test_at_200_columns_everything_is_there() -> None:
    lines = on_screen(TABLE, 200).splitlines()
    assert max(map(len, lines)) <= 200
    assert lines[0] == "Connections opened by netobserv"
    assert titles("\n".join(lines)).split("  ")[0] == "workload"
    for title in ("kind", "peer kind", "subnet label", "evidence", "first seen", "last seen"):
        assert title in titles("\n".join(lines))
    assert "2025-10-28T10:00:00Z" in lines[3]
    assert "1,234,567" in lines[3]


def test_at_80_columns_the_least_important_columns_are_left_out() -> None:
    text = on_screen(TABLE, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "first seen" not in text
    for name in ("workload", "port", "peer", "count"):
        assert name in titles(text)
    assert "noo-loki/loki-gateway" in text
    assert "AWS_S3_eu-west-3" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132, 200])
def test_no_width_loses_a_name(width: int) -> None:
    """A name without room goes on in the next line."""
    text = on_screen(TABLE, width)
    assert max(map(len, text.splitlines())) <= width
    letters = "".join(text.split())
    for name in ("flowlogs-pipeline", "loki-ingester"):
        assert name in letters or width < 60
    peers = "".join(line[_peer(text) :].split("  ")[0].strip() for line in text.splitlines()[3:])
    assert NODE in peers or width > 100


def _peer(text: str) -> int:
    return titles(text).index("peer")


def test_of_any_width_a_row_is_a_line() -> None:
    """As a pipe has it: none is folded."""
    lines = on_screen(TABLE).splitlines()
    assert len(lines) == 2 + 1 + ROWS.height + 1
    assert NODE in lines[4]


def test_an_unlabelled_peer_is_named_so() -> None:
    row = on_screen(TABLE, 200).splitlines()[6]
    assert "(no label)" in row


def test_a_column_that_a_table_lacks_is_not_shown() -> None:
    rows = ROWS.drop("peer_kind", "peer_namespace", "peer_workload").with_columns(
        pl.lit("noo-loki").alias("namespace")
    )
    text = on_screen(MatrixTable(rows, ("m",), ()), 200)
    assert text.split()[0] == "namespace"
    assert "peer kind" not in text
