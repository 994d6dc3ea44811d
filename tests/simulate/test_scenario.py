"""How flows become the records of the agents."""

from __future__ import annotations

import polars as pl
import pytest

from simulate.cluster import Cluster
from simulate.scenario import FLOW, records
from simulate.synthetic import Shape, synthetic
from simulate.wire import SHAPE

SMALL = Shape(pods=60, nodes=5, services=8, workloads=20, namespaces=3, externals=9, fanout=4)


@pytest.fixture
def cluster() -> Cluster:
    """Two nodes (peers 0 to 3), a pod on each (4, 5), an external address (6)."""
    made = Cluster()
    made.node("a", "10.0.0.1", "z")
    made.node("b", "10.0.0.2", "z")
    made.workload("DaemonSet", "shop", "agent", [0, 1])
    made.external("3.5.204.1")
    return made


def flows(*ends: tuple[int, int, int]) -> pl.DataFrame:
    """Flows by source, destination and the peer whose node reports."""
    told = [
        {
            "src": src,
            "dst": dst,
            "reporter": reporter,
            "SrcPort": 40_000,
            "DstPort": 80,
            "Proto": 6,
            "Flags": 2,
            "Bytes": 10,
            "Packets": 1,
            "TimeFlowStartMs": 5,
            "TimeFlowEndMs": 9,
        }
        for src, dst, reporter in ends
    ]
    return pl.DataFrame(told, schema=FLOW)


def test_a_record_has_the_addresses_of_its_peers(cluster: Cluster) -> None:
    (sent,) = records(flows((4, 6, 4)), cluster.frame()).to_dicts()
    assert (sent["SrcAddr"], sent["DstAddr"]) == ("10.128.0.3", "3.5.204.1")
    assert sent["SrcMac"] == "0a:58:0a:80:00:03"
    assert (sent["TimeFlowStartMs"], sent["TimeFlowEndMs"]) == (5, 9)
    assert (sent["SrcPort"], sent["DstPort"], sent["Flags"], sent["Bytes"]) == (40_000, 80, 2, 10)


def test_the_agent_is_that_of_the_node_that_reports(cluster: Cluster) -> None:
    sent = records(flows((4, 5, 4), (4, 5, 5)), cluster.frame())
    assert sent["AgentIP"].to_list() == ["10.0.0.1", "10.0.0.2"]
    interface = cluster.frame()["interface"]
    assert sent["Interfaces"].to_list() == [[interface[4]], [interface[5]]]


def test_a_flow_leaves_the_node_of_its_source_and_comes_in_elsewhere(cluster: Cluster) -> None:
    """1 is egress and 0 ingress, as the reporting node sees it."""
    sent = records(flows((4, 5, 4), (4, 5, 5), (6, 4, 4)), cluster.frame())
    assert sent["IfDirections"].to_list() == [[1], [0], [0]]


def test_records_are_agent_shaped() -> None:
    scenario = synthetic(2_000, shape=SMALL)
    peers = scenario.cluster.frame()
    made = pl.concat(scenario.frames)
    sent = records(made, peers)
    assert all(sent.schema[name] == SHAPE[name] for name in sent.columns)
    assert sent["AgentIP"].null_count() == 0
    assert sent["SrcAddr"].to_list() == peers["addr"].gather(made["src"]).to_list()
    assert set(sent["IfDirections"].list.first().unique()) == {0, 1}
    assert sent["SrcMac"][0].startswith("0a:58:")
