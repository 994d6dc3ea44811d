"""The reference scenario against the tables of the post, read row by row."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

import polars as pl
import pytest

from simulate import expected, truth
from simulate.reference import S3, reference
from simulate.scenario import SYN, Scenario

DS, FLP, DEP, PLUGIN = "DaemonSet", "flowlogs-pipeline", "Deployment", "netobserv-plugin"
DOMAIN = "eu-west-3.compute.internal"
NODES = [f"ip-10-0-{n}.{DOMAIN}" for n in ("30-68", "31-28", "40-11", "60-113", "70-179", "94-16")]
Q1 = {
    (DS, FLP, "443", "Service", "default", "Services", "kubernetes"),
    (DS, FLP, "8080", DEP, "noo-loki", "Pods", "loki-gateway"),
    (DS, FLP, "8080", "Service", "noo-loki", "Services", "loki-gateway-http"),
    (DEP, PLUGIN, "3100", DEP, "noo-loki", "Pods", "loki-query-frontend"),
    (DEP, PLUGIN, "3100", "Service", "noo-loki", "Services", "loki-query-frontend-http"),
    (DEP, PLUGIN, "443", "Service", "default", "Services", "kubernetes"),
    (DEP, PLUGIN, "8080", DEP, "noo-loki", "Pods", "loki-gateway"),
    (DEP, PLUGIN, "8080", "Service", "noo-loki", "Services", "loki-gateway-http"),
    (DEP, PLUGIN, "9091", DEP, "openshift-monitoring", "Pods", "thanos-querier"),
    (DEP, PLUGIN, "9091", "Service", "openshift-monitoring", "Services", "thanos-querier"),
    (DS, FLP, "6443", "Node", "", "Machines", f"ip-10-0-70-179.{DOMAIN}"),
    (DS, FLP, "6443", "Node", "", "Machines", f"ip-10-0-31-28.{DOMAIN}"),
}
Q4 = {
    (DEP, "openshift-console", "Pods", "console", DEP, "9001", PLUGIN),
    (DEP, "openshift-console", "Pods", "console", "Service", "9001", PLUGIN),
    ("StatefulSet", "openshift-monitoring", "Pods", "prometheus-k8s", DS, "9401", FLP),
    ("StatefulSet", "openshift-monitoring", "Pods", "prometheus-k8s", DEP, "9002", PLUGIN),
}
Q2 = Q4 | {("Node", "", "Pods", node, DS, port, FLP) for node in NODES for port in ("2055", "8080")}
Q3 = {("Pods", DS, "2055", FLP), ("Pods", DS, "8080", FLP)}
EXTERNAL = {
    ("StatefulSet", "loki-index-gateway", "443", "", "", "", ""),
    ("StatefulSet", "loki-ingester", "443", "", "", "", ""),
}
LABELLED = {(*row[:5], "AWS_S3_eu-west-3", row[6]) for row in EXTERNAL}


def counted(scenario: Scenario) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All flows, and the counts of those with a SYN."""
    flows = pl.concat(scenario.frames)
    tally = truth.Tally(scenario.cluster.frame())
    tally.add(flows)
    return flows, tally.syn()


def rows(table: expected.Rows) -> set[tuple[str, ...]]:
    """The rows of a table without their counts."""
    return {tuple(row[:-1]) for row in table["rows"]}


@pytest.mark.parametrize("options", [{}, {"flows": 12_345}, {"seed": 5}, {"window": 900}])
def test_the_tables_have_the_rows_of_the_post(options: dict[str, Any]) -> None:
    _, syn = counted(reference(**options))
    tables = {name: rows(table) for name, table in expected.tables(syn).items()}
    assert tables == {
        "Q1": Q1,
        "Q2": Q2,
        "Q3": Q3,
        "Q4": Q4,
        "external_before": EXTERNAL,
        "external_after": LABELLED,
    }
    assert [len(tables[name]) for name in ("Q1", "Q2", "Q3", "Q4")] == [12, 16, 2, 4]
    assert not expected.uncertain(syn)["rows"]


def test_nothing_else_is_counted() -> None:
    _, syn = counted(reference())
    assert (syn["port"].cast(pl.Int64) < 32768).all()
    named = pl.concat([syn["src_workload"], syn["dst_workload"]])
    assert not named.is_in(["dns-default", "loki-querier"]).any()
    gateway, probes, others = 360 + 660, 6 * 30, 76
    assert syn["value"].sum() == gateway + probes + others


def test_the_rates_are_those_of_the_post() -> None:
    scenario = reference(flows=10_000)
    _, end = scenario.window
    flows, _ = counted(scenario)
    last_minute = flows.filter(pl.col("TimeFlowEndMs") >= end - 60_000)
    tally = truth.Tally(scenario.cluster.frame())
    tally.add(last_minute)
    tables = expected.tables(tally.syn())
    rates = {tuple(row[:-1]): row[-1] / 60 for row in tables["Q2"]["rows"]}
    assert set(rates) == {("Node", "", "Pods", node, DS, "8080", FLP) for node in NODES}
    assert all(0.08 <= rate <= 0.12 for rate in rates.values())
    sent = {row[6]: row[-1] / 60 for row in tables["Q1"]["rows"]}
    assert set(sent) == {"loki-gateway", "loki-gateway-http"}
    assert sent["loki-gateway-http"] == pytest.approx(1.2, rel=0.05)
    assert 1 < sent["loki-gateway"] / sent["loki-gateway-http"] < 2
    assert [row[1] for row in tables["external_after"]["rows"]] == ["loki-ingester"]


def test_the_flags_are_as_the_agent_sets_them() -> None:
    flows, _ = counted(reference())
    assert set(flows["Flags"].unique()) == {530, 784, 18, 272, 16, 2, 1024, 0, None}
    udp = flows["Proto"] == 17
    assert flows.filter(udp)["Flags"].is_null().all()
    assert flows.filter(~udp)["Flags"].is_not_null().all()
    replies = flows.filter(pl.col("DstPort") >= 32768)
    assert (replies["Flags"].drop_nulls() & SYN == 0).all()


def test_two_agents_report_what_crosses_nodes_and_one_the_rest() -> None:
    scenario = reference()
    flows, _ = counted(scenario)
    peers = scenario.cluster.peers
    reporters = flows.group_by("src", "dst", "SrcPort", "DstPort", "TimeFlowStartMs").agg(
        pl.col("reporter").sort()
    )
    for src, dst, *_, seen in reporters.iter_rows():
        a, b = peers[src], peers[dst]
        pods = a.label == b.label == "Pods"
        client = src if src in seen else dst
        assert seen == (sorted({src, dst}) if pods and a.host != b.host else [client])


def test_the_same_seed_gives_the_same_flows() -> None:
    one, other = (counted(reference(seed=3))[0] for _ in range(2))
    assert one.equals(other)
    assert not one.equals(counted(reference(seed=4))[0])


def test_more_flows_repeat_the_window_to_the_exact_number() -> None:
    block = reference().flows
    flows, syn = counted(reference(flows=2 * block + 10))
    assert flows.height == 2 * block + 10
    assert syn.height == counted(reference())[1].height
    first = flows.group_by("src", "dst").len().height
    assert first == counted(reference())[0].group_by("src", "dst").len().height
    assert flows["TimeFlowEndMs"].is_sorted()
    assert flows.select("src", "dst", "SrcPort", "DstPort", "TimeFlowStartMs").n_unique() > block


def test_raw_flag_bits_give_uncertain_rows_only_when_asked_for() -> None:
    flows, syn = counted(reference(ipfix_replies=True))
    assert flows.filter(pl.col("DstPort") >= 32768)["Flags"].drop_nulls().eq(18).sum() == 4
    tables = expected.tables(syn)
    assert (rows(tables["Q1"]), rows(tables["Q2"])) == (Q1, Q2)
    doubtful = expected.uncertain(syn)["rows"]
    assert {(row[0], row[2], row[7]) for row in doubtful} == {("netobserv", PLUGIN, "console")}


def test_the_custom_label_has_the_addresses_of_the_post() -> None:
    networks = [ipaddress.ip_network(cidr) for cidr in S3[1]]

    def labelled(address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in networks)

    inside = ["3.5.204.0", "3.5.207.255", "13.36.84.48", "13.36.84.79", "3.5.206.141"]
    outside = ["3.5.203.255", "3.5.208.0", "13.36.84.47", "13.36.84.80"]
    assert [labelled(address) for address in inside] == [True] * 5
    assert [labelled(address) for address in outside] == [False] * 4


def test_the_cluster_is_the_one_described() -> None:
    manifests = reference().cluster.manifests
    kinds = {
        kind: list(group)
        for kind, group in itertools.groupby(
            sorted(manifests, key=lambda one: str(one["kind"])), key=lambda one: one["kind"]
        )
    }
    subnets = [n["metadata"]["annotations"]["k8s.ovn.org/node-subnets"] for n in kinds["Node"]]
    assert subnets == [f'{{"default":["10.128.{2 * k}.0/23"]}}' for k in range(6)]
    addresses = [n["status"]["addresses"][0]["address"] for n in kinds["Node"]]
    assert addresses[0] == "10.0.30.68"
    (api,) = kinds["Endpoints"]
    assert [a["ip"] for a in api["subsets"][0]["addresses"]] == [
        "10.0.70.179",
        "10.0.31.28",
        "10.0.30.68",
    ]
    assert api["subsets"][0]["ports"][0]["port"] == 6443
    assert len(kinds["Pod"]) == 29
    assert {one["metadata"]["ownerReferences"][0]["kind"] for one in kinds["Pod"]} == {
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [({"window": 60}, "window: 60 s is shorter than 120 s"), ({"flows": 5}, "flows: one window")],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reference(**options)
