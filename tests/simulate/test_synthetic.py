"""Made-up clusters."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from simulate.scenario import FLOW, SYN, Scenario
from simulate.synthetic import Shape, synthetic

SMALL = Shape(pods=60, nodes=5, services=8, workloads=20, namespaces=3, externals=9, fanout=4)


def flows_of(scenario: Scenario) -> pl.DataFrame:
    """All flows in one frame."""
    return pl.concat(scenario.frames)


def test_the_frames_have_the_schema_and_times_in_order() -> None:
    scenario = synthetic(5_000, shape=SMALL)
    flows = flows_of(scenario)
    assert flows.schema == FLOW
    assert flows.height == 5_000
    start, end = scenario.window
    assert flows["TimeFlowEndMs"].is_sorted()
    assert (flows["TimeFlowEndMs"].is_between(start, end)).all()
    assert (flows["TimeFlowStartMs"] <= flows["TimeFlowEndMs"]).all()


def test_the_same_seed_gives_the_same_flows() -> None:
    one, other = (flows_of(synthetic(3_000, seed=2, shape=SMALL)) for _ in range(2))
    assert one.equals(other)
    assert not one.equals(flows_of(synthetic(3_000, seed=3, shape=SMALL)))


def test_the_mix_is_the_one_asked_for() -> None:
    shape = msgspec.structs.replace(SMALL, syn=0.5, udp=0.2, external=0.3, node=0.1)
    scenario = synthetic(50_000, shape=shape)
    flows = flows_of(scenario)
    peers = scenario.cluster.frame()
    tcp = flows["Proto"] == 6
    assert (~tcp).mean() == pytest.approx(0.2, abs=0.01)
    opened = (flows.filter(tcp)["Flags"] & SYN) != 0
    assert opened.mean() == pytest.approx(0.5, abs=0.01)
    kinds = [peers["kind"].gather(flows[end]) for end in ("src", "dst")]
    assert ((kinds[0] == "") | (kinds[1] == "")).mean() == pytest.approx(0.3, abs=0.01)
    assert ((kinds[0] == "Node") | (kinds[1] == "Node")).mean() == pytest.approx(0.1, abs=0.01)


def test_connections_are_opened_to_listening_ports_only() -> None:
    flows = flows_of(synthetic(20_000, shape=SMALL))
    opened = flows.filter(pl.col("Flags") & SYN != 0)
    assert set(opened["DstPort"].unique()) <= {*SMALL.ports, 443, 8080}
    assert (opened["SrcPort"] >= 32768).all()


def test_a_workload_talks_to_as_many_others_as_fanout_says() -> None:
    shape = msgspec.structs.replace(SMALL, external=0, node=0, udp=0)
    scenario = synthetic(50_000, shape=shape)
    peers = scenario.cluster.frame()
    flows = flows_of(scenario).filter(pl.col("Flags") & SYN != 0)
    named = flows.select(
        src=peers["workload"].gather(flows["src"]), dst=peers["workload"].gather(flows["dst"])
    )
    servers = named.group_by("src").agg(pl.col("dst").n_unique())
    assert max(servers["dst"].to_list()) <= 4
    assert servers.height == 20


def test_every_end_has_its_own_address_and_every_pod_a_node() -> None:
    scenario = synthetic(1, shape=Shape(pods=2_000, nodes=600, workloads=300, services=300))
    peers = scenario.cluster.frame()
    inside = peers.filter(pl.col("kind") != "")
    assert inside["addr"].n_unique() == inside.height
    pods = inside.filter(pl.col("host") >= 0, pl.col("kind") != "Node")
    assert pods.height == 2_000
    assert pods.group_by("host").len()["len"].max() == 4
    assert scenario.cluster.network == "10.128.0.0/9"
    assert dict(scenario.labels)["Pods"] == ("10.128.0.0/9",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pods": 10}, "pods: 10 are too few for 20 workloads"),
        ({"pods": 5_000}, "nodes: 5000 pods take from 10 to 16000 nodes"),
        ({"services": 21}, "services: from 0 to 20"),
        ({"fanout": 0}, "fanout: must be 1 or more"),
        ({"ports": ()}, "ports: one or more"),
        ({"ports": (40_000,)}, "ports: one or more, each from 1 to 32767"),
        ({"udp": 0.8, "external": 0.3}, "syn, udp, external, node"),
        ({"syn": 1.1}, "syn, udp, external, node"),
        ({"window": 0.0}, "window: must be more than 0"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthetic(10, shape=msgspec.structs.replace(SMALL, **change))


def test_no_flows_are_refused() -> None:
    with pytest.raises(ValueError, match="flows: must be 1 or more"):
        synthetic(0)
