"""Finding the metrics of a matrix by their labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from matrix.families import MatrixDirection, NoMatrixError, find
from pipeline.state.series_rows import OVERFLOW

OUT = "namespace workload kind port to_namespace to_workload to_kind to_subnet_label"
IN = "namespace workload kind port from_namespace from_workload from_kind from_subnet_label"
ROW = ("shop", "front", "Deployment", "5432", "data", "pg", "StatefulSet", "Pods")
SEEN = (1.0, 10.0, 20.0)
Make = Callable[[str, list[tuple[Any, ...]]], pl.DataFrame]


def keys(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Namespace, workload, port, other workload, value."""
    columns = ["namespace", "workload", "port"]
    return rows.select(*columns, "peer_workload", ":value").rows()


def test_the_label_sets_tell_the_two_metrics_apart(series: Make) -> None:
    given = {"a_in": series(IN, [(*ROW, *SEEN)]), "a_out": series(OUT, [(*ROW, *SEEN)])}
    assert find(given, MatrixDirection.OUTGOING).metrics == ("a_out",)
    assert find(given, MatrixDirection.INCOMING).metrics == ("a_in",)
    assert find(given, MatrixDirection.OUTGOING).notes == ()


def test_labels_that_were_not_remapped_serve_both_ways(series: Make) -> None:
    ends = "SrcK8S_Namespace SrcK8S_OwnerName SrcK8S_OwnerType"
    labels = f"{ends} SrcSubnetLabel DstPort {ends.replace('Src', 'Dst')} DstSubnetLabel"
    row = ("shop", "front", "Deployment", "Pods", "443", "", "", "", "S3")
    given = {"plain": series(labels, [(*row, *SEEN)])}
    sent, received = (find(given, direction).rows for direction in MatrixDirection)
    assert sent.row(0, named=True)["peer_subnet_label"] == "S3"
    assert keys(sent) == [("shop", "front", "443", "", 1.0)]
    assert keys(received) == [("", "", "443", "front", 1.0)]


def test_the_subnet_label_may_be_missing(series: Make) -> None:
    given = {"m": series(OUT.removesuffix(" to_subnet_label"), [(*ROW[:-1], *SEEN)])}
    assert find(given, MatrixDirection.OUTGOING).rows["peer_subnet_label"].to_list() == [""]


def test_only_syn_is_read_where_flags_are_a_label(series: Make) -> None:
    rows = [(*ROW, "SYN", *SEEN), (*ROW, "ACK", 5.0, 1.0, 2.0)]
    found = find({"m": series(f"{OUT} Flags", rows)}, MatrixDirection.OUTGOING)
    assert keys(found.rows) == [("shop", "front", "5432", "pg", 1.0)]


def test_several_metrics_with_flags_are_added_and_the_others_left_out(series: Make) -> None:
    syn = series(f"{OUT} Flags", [(*ROW, "SYN", *SEEN)])
    given = {"nodes": syn, "rest": syn, "udp": series(OUT, [(*ROW, *SEEN)])}
    found = find(given, MatrixDirection.OUTGOING)
    assert found.metrics == ("nodes", "rest")
    assert found.rows.height == 2
    assert found.notes == (
        "counts of nodes, rest are added up",
        "udp left out (no label Flags, may hold replies): name to use",
    )
    named = find(given, MatrixDirection.OUTGOING, ["udp"])
    assert (named.metrics, named.rows.height) == (("udp",), 1)


def test_a_metric_without_flags_is_used_when_there_is_no_other(series: Make) -> None:
    given = {"udp": series(OUT, [(*ROW, *SEEN)])}
    assert find(given, MatrixDirection.OUTGOING).metrics == ("udp",)


def test_what_is_beyond_the_series_limit_is_a_note_and_no_row(series: Make) -> None:
    rows = [(*ROW, "SYN", *SEEN), (*[OVERFLOW] * 9, 7.0, 1.0, 2.0)]
    found = find({"m": series(f"{OUT} Flags", rows)}, MatrixDirection.OUTGOING)
    assert found.rows.height == 1
    assert found.notes == ("7 flows are beyond the series limit and in no row",)


def test_no_metric_says_what_to_add_and_what_the_nearest_lacks(series: Make) -> None:
    given = {
        "bytes": series("SrcK8S_Namespace", [("shop", *SEEN)]),
        "close": series(OUT.replace(" port", ""), [(*ROW[:3], *ROW[4:], *SEEN)]),
    }
    with pytest.raises(NoMatrixError) as caught:
        find(given, MatrixDirection.OUTGOING)
    assert str(caught.value) == (
        "no metric holds the outgoing matrix (labels namespace, workload, kind, to_namespace, "
        "to_workload, to_kind, port): add a FlowMetric such as "
        "configs/flowmetrics/workload-syn-out.yaml; close lacks port"
    )
    with pytest.raises(NoMatrixError, match=r"workload-syn-in\.yaml$"):
        find({}, MatrixDirection.INCOMING)


def test_histograms_hold_no_matrix(series: Make) -> None:
    given = {"h": series(OUT, [(*ROW, *SEEN)]).rename({":value": ":sum"})}
    with pytest.raises(NoMatrixError, match="h lacks a counted value"):
        find(given, MatrixDirection.OUTGOING)


def test_named_metrics_must_exist_and_fit(series: Make) -> None:
    given = {"syn_out": series(OUT, [(*ROW, *SEEN)]), "other": series("port", [("1", *SEEN)])}
    with pytest.raises(NoMatrixError, match=r'no metric "syn_ou"; did you mean "syn_out"\?'):
        find(given, MatrixDirection.OUTGOING, ["syn_ou"])
    with pytest.raises(NoMatrixError, match='no metric "x"; there are other, syn_out'):
        find(given, MatrixDirection.OUTGOING, ["x"])
    with pytest.raises(NoMatrixError, match="other lacks namespace"):
        find(given, MatrixDirection.OUTGOING, ["syn_out", "other"])
