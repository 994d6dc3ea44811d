"""Approved matrices, and how edges differ from them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from matrix.approved import DRIFT, Approved, approve, counts, drift, dump, load, unnamed
from pipeline.diagnostics import ConfigError
from tests.support.edge_rows import edge, frame

_SAME = "{client: {}, server: {}, protocol: TCP"
EDGES = frame(
    edge("shop/web", "shop/db", 5432),
    edge("shop/web", "label:EXT:S3"),
    edge("node:n1", "shop/web", 8080),
    edge("node:n2", "shop/web", 8080),
    edge("crawler/x", "shop/db", 22, state="attempted"),
    edge("crawler/x", "shop/db", 23, state="denied"),
    edge("other/a", "other/b", 80),
)


def rows(found: pl.DataFrame) -> list[tuple[object, ...]]:
    return found.select("drift", "client_workload", "port", "evidence", "was").rows()


def again(approved: Approved, folder: Path) -> Approved:
    """The same through its file."""
    (folder / "approved.yaml").write_text(dump(approved))
    return load(folder / "approved.yaml")


def test_attempts_and_what_was_denied_are_not_approved_and_nodes_are_one_end() -> None:
    found = approve(EDGES, ["shop"])
    assert [(one.client.workload, one.client.kind, one.port) for one in found.edges] == [
        *(("web", "Deployment", 443), ("web", "Deployment", 5432), ("", "Node", 8080)),
    ]
    assert len(approve(EDGES).edges) == 4


def test_the_same_edges_give_the_same_bytes_in_any_order_and_with_any_counts() -> None:
    text = dump(approve(EDGES, ["shop"]))
    other = EDGES.reverse().with_columns(flows=pl.lit(7, pl.Int64), last_seen=pl.lit(9.0))
    assert dump(approve(other, ["shop"])) == text
    assert len(text.splitlines()) == 4 + 3
    assert dump(approve(frame())).endswith("edges: []\n")


@pytest.mark.parametrize("name", ["n", "y", "1e3", "0x1F", "null", "~", "a: b", 'q"\\', "ü", "#"])
def test_every_text_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    """What YAML reads as a boolean, a number or nothing is quoted."""
    approved = approve(frame(edge(f"{name}/x", f"label:{name}")), [name])
    assert again(approved, tmp_path) == approved
    assert yaml.safe_load(dump(approved))["namespaces"] == [name]


def test_no_difference(tmp_path: Path) -> None:
    found = drift(EDGES, again(approve(EDGES, ["shop"]), tmp_path))
    assert found.schema == DRIFT
    assert found.height == 0
    assert drift(frame(), Approved()).height == 0


def test_new_gone_and_changed_edges(tmp_path: Path) -> None:
    approved = again(approve(EDGES, ["shop"]), tmp_path)
    now = frame(
        edge("shop/web", "shop/db", 5432, evidence="declared"),
        edge("shop/web", "203.0.113.9"),
        edge("node:n3", "shop/web", 8080),
        edge("crawler/x", "shop/db", 22, state="attempted"),
        edge("other/a", "other/c", 80),
    )
    assert rows(drift(now, approved)) == [
        ("new", "web", 443, "syn", None),
        ("changed", "web", 5432, "declared", "syn"),
        ("gone", "web", 443, None, "syn"),
    ]
    assert drift(now, approved)["server_address"].to_list() == ["203.0.113.9", "", ""]


def test_the_strongest_evidence_of_several_nodes_counts(tmp_path: Path) -> None:
    now = frame(
        edge("node:n1", "shop/web", 8080, evidence="uncertain"),
        edge("node:n2", "shop/web", 8080, evidence="syn"),
    )
    approved = again(approve(now), tmp_path)
    assert [one.evidence for one in approved.edges] == ["syn"]


def test_an_anomalous_edge_is_reported_whenever_it_is_tried(tmp_path: Path) -> None:
    text = dump(approve(EDGES, ["shop"]))
    line = next(line for line in text.splitlines() if "port: 5432" in line)
    file = tmp_path / "approved.yaml"
    file.write_text(text.replace(line, line[:-1] + ", anomalous: true}"))
    marked = load(file)
    assert rows(drift(EDGES, marked)) == [("anomalous", "web", 5432, "syn", "syn")]
    tried = frame(edge("shop/web", "shop/db", 5432, state="attempted"))
    assert ("anomalous", "web", 5432, "syn", "syn") in rows(drift(tried, marked))
    assert "anomalous" not in drift(frame(), marked)["drift"].to_list()
    assert approve(EDGES, ["shop"], marked) == marked
    kept = approve(frame(), ["shop"], marked)
    assert [(one.port, one.anomalous) for one in kept.edges] == [(5432, True)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("edges: [{client: 1}]", "approved.yaml:1:18: error: field edges[0].client: expected"),
        ("edge: []", 'field edge: unknown field; did you mean "edges"?'),
        (
            'edges: [{client: {kind: a}, server: {}, protocol: TCP, evidence: "sin"}]',
            'field edges[0].evidence: unknown value "sin"; did you mean "syn"?',
        ),
        ("edges: [{client: {}, server: {}, protocol: TCP}]", 'missing field "evidence"'),
        ("- a", "expected"),
        (
            "edges: [{client: {}, server: {}, protocol: TCPX, evidence: syn}]",
            'SCTP or a number up to 255, got "TCPX"; did you mean "TCP"?',
        ),
        (
            'edges: [{client: {}, server: {}, protocol: "256", evidence: syn}]',
            "approved.yaml:1:44: error: field edges[0].protocol: expected ICMP, TCP, ",
        ),
        (
            "edges: [{client: {}, server: {}, protocol: TCP, port: 99999, evidence: syn}]",
            "approved.yaml:1:55: error: field edges[0].port: expected int <= 65535, got 99999",
        ),
        (
            "edges:\n- &a {client: {}, server: {}, protocol: TCP, evidence: syn}\n- *a",
            "error: field edges[1]: it is the same edge as edges[0]",
        ),
        (
            f"edges:\n- {_SAME}, evidence: syn}}\n- {_SAME}, evidence: first, anomalous: true}}",
            "approved.yaml:3:3: error: field edges[1]: it is the same edge as edges[0]",
        ),
        ("edges: [", "approved.yaml:2:1: error: invalid YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "approved.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "approved.yaml")
    assert message in str(caught.value)


def test_a_protocol_that_is_not_one_cannot_be_approved_and_stays_new(tmp_path: Path) -> None:
    """Whatever flows say, a file that was approved is read again."""
    odd = ["TCPX", "tcp", "-1", "6.5", "256", "07"]
    rows = [edge("shop/web", "shop/db", f"{name} 80") for name in (*odd, "", "255", "SCTP")]
    found = frame(*rows)
    assert unnamed(found, ["shop"]) == sorted(odd)
    assert unnamed(found, ["other"]) == []
    approved = again(approve(found, ["shop"]), tmp_path)
    assert [one.protocol for one in approved.edges] == ["", "255", "SCTP"]
    assert drift(found, approved)["protocol"].to_list() == sorted(odd)


def test_an_edge_counts_for_the_namespaces_of_both_ends() -> None:
    """Every state of a namespace is there, so that an alert can end."""
    now = frame(
        edge("shop/web", "data/db"), edge("shop/web", "shop/api"), edge("shop/x", "1.2.3.4")
    )
    found = drift(now, Approved(["shop"]))
    assert counts(found, ["shop", "idle"]) == {
        **{("idle", state): 0 for state in ("anomalous", "new", "changed", "gone")},
        ("shop", "anomalous"): 0,
        ("shop", "new"): 3,
        ("shop", "changed"): 0,
        ("shop", "gone"): 0,
    }
    everywhere = counts(drift(now, Approved()), [])
    assert {name for name, _ in everywhere} == {"shop", "data"}
    assert everywhere["data", "new"] == 1
