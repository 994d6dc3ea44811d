"""Against docs/reference/operator.md#pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.collectors import KAFKA, block, edges, pipeline

TWICE = [
    {
        "type": "remove_entry_if_equal",
        "removeEntry": {"input": "FlowDirection", "value": 1, "castInt": True},
    },
    {"type": "remove_entry_if_exists", "removeEntry": {"input": "DstK8S_OwnerName"}},
]


def test_enrichment(tmp_path: Path) -> None:
    made = pipeline(tmp_path, namespace="flows", processor={"addZone": True})
    enrich = block(made, "enrich")
    assert [rule["type"] for rule in enrich["rules"]] == [
        *("add_kubernetes", "add_kubernetes", "reinterpret_direction", "decode_tcp_flags"),
        "add_kubernetes_infra",
    ]
    assert enrich["rules"][0]["kubernetes"] == {
        "ipField": "SrcAddr",
        "macField": "SrcMac",
        "interfacesField": "Interfaces",
        "udnsField": "Udns",
        "output": "SrcK8S",
        "add_zone": True,
    }
    infra = enrich["rules"][4]["kubernetes_infra"]
    assert (infra["output"], infra["infra_prefixes"]) == ("K8S_FlowLayer", ["flows", "openshift"])
    assert enrich["kubeConfig"] == {"trackedKinds": ["ReplicaSet", "Deployment", "Gateway"]}
    assert enrich["directionInfo"]["reporterIPField"] == "AgentIP"


def test_translated_addresses_and_user_defined_networks(tmp_path: Path) -> None:
    agent = {"ebpf": {"features": ["PacketTranslation", "UDNMapping"]}}
    enrich = block(pipeline(tmp_path, agent=agent), "enrich")
    assert [rule["kubernetes"] for rule in enrich["rules"][2:4]] == [
        {"ipField": f"{side}Addr", "output": f"{side}K8S"} for side in ("XlatSrc", "XlatDst")
    ]
    (network,) = enrich["kubeConfig"]["secondaryNetworks"]
    assert network == {"name": "ovn-kubernetes", "index": {"udn": None}}


@pytest.mark.parametrize(
    ("given", "there"), [(True, True), ({"enable": True}, True), ({"enable": False}, False)]
)
def test_as_numbers(tmp_path: Path, given: object, *, there: bool) -> None:
    made = pipeline(tmp_path, processor={"bgpEnrichment": given})
    assert ("asns" in edges(made)) == there
    if there:
        assert [rule["add_asn_label"] for rule in block(made, "asns")["rules"]] == [
            {"input": "SrcAddr", "output": "SrcASN"},
            {"input": "DstAddr", "output": "DstASN"},
        ]


def test_connections(tmp_path: Path) -> None:
    features = ["PacketDrop", "DNSTracking", "NetworkEvents", "FlowRTT"]
    made = pipeline(
        tmp_path,
        **KAFKA,
        agent={"ebpf": {"features": features, "privileged": True}},
        processor={"logTypes": "Conversations", "advanced": {"conversationEndTimeout": "3s"}},
    )
    tracked = block(made, "extract_conntrack")
    assert tracked["outputRecordTypes"] == ["newConnection", "heartbeat", "endConnection"]
    assert tracked["scheduling"] == [
        {
            "selector": {},
            "heartbeatInterval": "30s",
            "endConnectionTimeout": "3s",
            "terminatingTimeout": "5s",
        }
    ]
    fields = [
        (one["name"], one["operation"], one.get("splitAB", False))
        for one in tracked["outputFields"]
    ]
    assert fields[:5] == [
        ("Bytes", "sum", False),
        ("Bytes", "sum", True),
        ("Packets", "sum", False),
        ("Packets", "sum", True),
        ("numFlowLogs", "count", False),
    ]
    assert [name for name, _, split in fields[10:] if not split] == [
        *("PktDropBytes", "PktDropPackets", "PktDropLatestState", "PktDropLatestDropCause"),
        *("DnsFlagsResponseCode", "DnsLatencyMs", "NetworkEvents", "MaxTimeFlowRttNs"),
    ]


def test_rules_of_a_target_are_in_its_stage_alone(tmp_path: Path) -> None:
    filters = [
        {"query": "Proto=6", "sampling": 3},
        {"query": "Proto=17", "outputTarget": "Metrics"},
        {"query": "Proto=1"},
    ]
    made = pipeline(tmp_path, processor={"filters": filters})
    everywhere = block(made, "filters")
    assert everywhere["samplingField"] == "Sampling"
    assert [(r["keepEntryQuery"], r["keepEntrySampling"]) for r in everywhere["rules"]] == [
        ("Proto=6", 3),
        ("Proto=1", 0),
    ]
    (only,) = block(made, "filters-prom")["rules"]
    assert only["keepEntryQuery"] == "Proto=17"


@pytest.mark.parametrize(
    ("deduper", "rule"),
    [
        ({"mode": "Drop"}, {"removeEntryAllSatisfied": TWICE}),
        ({"mode": "Sample"}, {"conditionalSampling": [{"value": 50, "rules": TWICE}]}),
        (
            {"mode": "Sample", "sampling": 7},
            {"conditionalSampling": [{"value": 7, "rules": TWICE}]},
        ),
    ],
)
def test_deduper(tmp_path: Path, deduper: dict[str, Any], rule: dict[str, Any]) -> None:
    (made,) = block(pipeline(tmp_path, processor={"deduper": deduper}), "dedup")["rules"]
    assert {key: value for key, value in made.items() if key != "type"} == rule


def test_no_deduper(tmp_path: Path) -> None:
    assert "dedup" not in edges(pipeline(tmp_path, processor={"deduper": {"mode": "Disabled"}}))


def part(namespace: str, name: str = "s", **spec: Any) -> dict[str, Any]:
    """A FlowCollectorSlice."""
    metadata = {"namespace": namespace, "name": name}
    return {"kind": "FlowCollectorSlice", "metadata": metadata, "spec": spec}


def test_an_allow_list_of_namespaces_and_slices(tmp_path: Path) -> None:
    """The administrator's come first; a slice of one of them adds nothing."""
    config = {"enable": True, "collectionMode": "AllowList", "namespacesAllowList": ["a", "/b.*/"]}
    slices = [part("z", sampling=4), part("a", sampling=9)]
    made = pipeline(tmp_path, *slices, processor={"slicesConfig": config})
    assert [
        (rule["keepEntryQuery"], rule["keepEntrySampling"])
        for rule in block(made, "filters")["rules"]
    ] == [
        ('SrcK8S_Namespace="a" or DstK8S_Namespace="a"', 0),
        ('SrcK8S_Namespace=~"b.*" or DstK8S_Namespace=~"b.*"', 0),
        ('SrcK8S_Namespace="z" or DstK8S_Namespace="z"', 4),
    ]
    always = {**config, "collectionMode": "AlwaysCollect"}
    assert "filters" not in edges(pipeline(tmp_path, processor={"slicesConfig": always}))


def test_labels_of_slices_come_after_custom_ones(tmp_path: Path) -> None:
    """A network inside one that comes before it is left out, and so is a bad one."""
    inside = {"name": "inside", "cidrs": ["10.1.2.0/24"]}
    around = {"name": "around", "cidrs": ["10.0.0.0/8", "nonsense", "fd00::/8"]}
    custom = [{"name": "own", "cidrs": ["10.1.0.0/16"]}]
    made = pipeline(
        tmp_path,
        part("a", subnetLabels=[inside, around]),
        part("b", subnetLabels=[{"name": "again", "cidrs": ["10.200.0.0/16", "fd01::/16"]}]),
        processor={"slicesConfig": {"enable": True}, "subnetLabels": {"customLabels": custom}},
    )
    assert block(made, "subnets")["subnetLabels"] == [
        *custom,
        {"name": "around", "cidrs": ["10.0.0.0/8", "fd00::/8"]},
    ]
