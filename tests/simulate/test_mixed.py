"""The scenario in which every sort of connection occurs."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from simulate.mixed import WINDOW, mixed
from simulate.scenario import FLOW


def test_the_same_seed_gives_the_same_flows() -> None:
    one, other, third = (pl.concat(mixed(seed).frames) for seed in (1, 1, 2))
    assert_frame_equal(one, other)
    assert not one.equals(third)
    assert one.schema == FLOW


def test_all_sorts_are_there() -> None:
    """Four protocols, what is established and what is not, Services, nodes and ends outside."""
    scenario = mixed()
    assert scenario.edges is not None
    assert set(scenario.edges["protocol"]) == {"TCP", "UDP", "SCTP", "ICMP"}
    assert set(scenario.edges["established"]) == {True, False}
    assert scenario.edges["services"].list.len().max() == 1
    kinds = {"Deployment", "StatefulSet", "DaemonSet", "Node", ""}
    assert set(scenario.edges["server_kind"]) == kinds
    frame = pl.concat(scenario.frames)
    assert frame.height == scenario.flows
    moments = frame["TimeFlowStartMs"].min(), frame["TimeFlowEndMs"].max()
    assert scenario.window[1] - scenario.window[0] == WINDOW * 1000
    assert moments[0] >= scenario.window[0]  # type: ignore[operator]
    assert moments[1] <= scenario.window[1] + 1000  # type: ignore[operator]


def test_whoever_reports_has_a_node() -> None:
    """An agent saw each flow; a pod on the host network is its node."""
    scenario = mixed()
    peers = scenario.cluster.frame()
    frame = pl.concat(scenario.frames)
    assert peers["agent"].gather(frame["reporter"]).null_count() == 0
    guests = [
        one
        for one in scenario.cluster.manifests
        if one["kind"] == "Pod" and one["spec"].get("hostNetwork")
    ]
    assert [one["status"]["podIP"] for one in guests] == ["10.0.0.2"]
    ports = guests[0]["spec"]["containers"][0]["ports"]
    assert ports == [{"name": "main", "containerPort": 9101, "protocol": "TCP"}]
