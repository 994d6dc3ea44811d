from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector import features
from pipeline.config.flowcollector.spec import FlowCollectorSpec
from tests.support.collectors import KAFKA, NO_LOKI, collector

ALL = ["PacketDrop", "FlowRTT", "DNSTracking", "NetworkEvents", "IPSec", "TLSTracking"]
"""The features that metrics need."""


def spec(folder: Path, *names: str, **more: Any) -> FlowCollectorSpec:
    agent = {"ebpf": {"features": list(names), "privileged": True}}
    return collector(folder, **{"agent": agent, **KAFKA, **more}).spec


def test_metrics_with_loki(tmp_path: Path) -> None:
    assert features.metrics(spec(tmp_path)) == [
        *("node_egress_bytes_total", "node_ingress_bytes_total", "node_ingress_packets_total"),
        *("namespace_ingress_packets_total", "namespace_flows_total"),
        *("workload_egress_bytes_total", "workload_ingress_bytes_total"),
        "node_to_node_ingress_flows_total",
    ]


def test_metrics_without_loki_are_more(tmp_path: Path) -> None:
    plain = features.metrics(spec(tmp_path, **NO_LOKI))
    assert "workload_flows_total" in plain
    assert not [name for name in plain if "rtt" in name or "drop" in name]
    assert set(features.metrics(spec(tmp_path, *ALL, **NO_LOKI))) - set(plain) == {
        *("node_drop_packets_total", "workload_drop_packets_total", "workload_drop_bytes_total"),
        *("workload_rtt_seconds", "workload_dns_latency_seconds", "workload_dns_flows_total"),
        *("namespace_network_policy_events_total", "node_ipsec_flows_total"),
        "workload_tls_flows_total",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"includeList": []}, []),
        ({"includeList": ["node_drop_bytes_total", "node_flows_total"]}, ["node_flows_total"]),
        (
            {"includeList": ["node_flows_total"], "additionalIncludeList": ["node_sampling"]},
            ["node_flows_total"],
        ),
    ],
)
def test_an_include_list_is_all_there_is(
    tmp_path: Path, given: dict[str, list[str]], expected: list[str]
) -> None:
    """As far as the features are on; more metrics are added to the defaults alone."""
    assert features.metrics(spec(tmp_path, processor={"metrics": given})) == expected


def test_more_metrics_than_the_defaults(tmp_path: Path) -> None:
    more = {"metrics": {"additionalIncludeList": ["node_flows_total"]}}
    with_more = features.metrics(spec(tmp_path, processor=more))
    assert set(with_more) - set(features.metrics(spec(tmp_path))) == {"node_flows_total"}


@pytest.mark.parametrize(
    ("of_agent", "of_pipeline", "counted"), [(0, 0, False), (2, 1, True), (1, 2, True)]
)
def test_sampling_is_counted_where_a_filter_samples(
    tmp_path: Path, of_agent: int, of_pipeline: int, *, counted: bool
) -> None:
    agent = {"ebpf": {"flowFilter": {"enable": True, "rules": [{"sampling": of_agent}]}}}
    processor = {"filters": [{"query": "Proto=6", "sampling": of_pipeline}]}
    made = spec(tmp_path, agent=agent, processor=processor)
    assert ("workload_sampling" in features.metrics(made)) == counted


@pytest.mark.parametrize(
    ("agent", "dropped"),
    [
        ({"features": ["PacketDrop"]}, False),
        ({"features": ["PacketDrop"], "privileged": True}, True),
        ({"features": ["PacketDrop", "EbpfManager"]}, True),
        ({"privileged": True}, False),
    ],
)
def test_packet_drops_take_privileges(
    tmp_path: Path, agent: dict[str, Any], *, dropped: bool
) -> None:
    assert features.has(spec(tmp_path, agent={"ebpf": agent}), "PacketDrop") == dropped


def test_labels_and_secondary_networks(tmp_path: Path) -> None:
    plain = spec(tmp_path, agent={})
    assert features.labels(plain) == (False, False, False)
    assert features.secondary_networks(plain) == []
    privileged = spec(tmp_path, processor={"addZone": True, "multiClusterDeployment": True})
    assert features.labels(privileged) == (True, True, True)
    assert [one.index for one in features.secondary_networks(privileged)] == [
        ["Interface", "IP"],
        ["Interface", "MAC"],
    ]
    advanced = {"advanced": {"secondaryNetworks": [{"index": ["MAC"]}]}}
    (own,) = features.secondary_networks(spec(tmp_path, processor=advanced))
    assert own.index == ["MAC"]


@pytest.mark.parametrize(
    ("kind", "records", "counted"),
    [
        ("Flows", (), ""),
        ("Conversations", ("newConnection", "heartbeat", "endConnection"), "endConnection"),
        ("EndedConversations", ("endConnection",), ""),
        ("All", ("flowLog", "newConnection", "heartbeat", "endConnection"), "flowLog"),
    ],
)
def test_log_types(tmp_path: Path, kind: str, records: tuple[str, ...], counted: str) -> None:
    made = spec(tmp_path, processor={"logTypes": kind})
    assert features.record_types(made) == records
    assert features.counted_records(made) == counted
