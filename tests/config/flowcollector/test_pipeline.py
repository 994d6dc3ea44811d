"""The pipeline of a FlowCollector against docs/reference/operator.md#pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector.pipeline import build
from pipeline.flowmetric.files import load as load_metrics
from tests.support.collectors import (
    KAFKA,
    NO_LOKI,
    OPENSHIFT,
    block,
    collector,
    edges,
    pipeline,
)

CONFIGS = Path(__file__).parents[3] / "configs"
EVERYTHING: dict[str, Any] = {
    **KAFKA,
    "agent": {"ebpf": {"features": ["FlowRTT"]}},
    "processor": {
        "logTypes": "All",
        "logLevel": "trace",
        "filters": [
            {"query": 'SrcK8S_Namespace="a"', "sampling": 2},
            {"query": "Proto=6", "outputTarget": "Loki"},
            {"query": "Proto=17", "outputTarget": "Metrics"},
            {"query": "Proto=1", "outputTarget": "Exporters"},
        ],
        "deduper": {"mode": "Drop"},
        "subnetLabels": {"customLabels": [{"name": "EXT:S3", "cidrs": ["3.5.204.0/22"]}]},
    },
    "exporters": [
        {"type": "Kafka", "kafka": {"address": "b:9092", "topic": "out"}},
        {"type": "IPFIX", "ipfix": {"targetHost": "collector"}},
        {"type": "OpenTelemetry", "openTelemetry": {"targetHost": "otel"}},
    ],
}


def test_the_default_on_openshift_with_kafka_and_without_loki(tmp_path: Path) -> None:
    made = pipeline(tmp_path, *OPENSHIFT, **KAFKA, **NO_LOKI)
    assert edges(made) == {
        "kafka-read": "",
        "enrich": "kafka-read",
        "subnets": "enrich",
        "prometheus": "subnets",
    }
    assert block(made, "kafka-read") == {
        "brokers": ["kafka:9092"],
        "topic": "flows",
        "groupid": "flowlogs-pipeline",
        "decoder": {"type": "protobuf"},
        "pullQueueCapacity": 1000,
        "pullMaxBytes": 10485760,
    }
    assert made.problems == []


def test_every_stage_in_its_place(tmp_path: Path) -> None:
    assert edges(pipeline(tmp_path, **EVERYTHING)) == {
        "kafka-read": "",
        "extract_conntrack": "kafka-read",
        "enrich": "extract_conntrack",
        "subnets": "enrich",
        "filters": "subnets",
        "dedup": "filters",
        "filters-loki": "dedup",
        "loki": "filters-loki",
        "stdout": "dedup",
        "filters-prom": "dedup",
        "prometheus": "filters-prom",
        "filters-exp": "dedup",
        "kafka-export-0": "filters-exp",
        "IPFIX-export-1": "filters-exp",
        "Otel-export-2-transform": "filters-exp",
        "Otel-export-2-logs": "Otel-export-2-transform",
        "Otel-export-2-metrics": "Otel-export-2-transform",
    }


@pytest.mark.parametrize(
    ("model", "grpc", "mounted"),
    [
        (
            "Service",
            {
                "port": 2055,
                "certPath": "/var/svc-certs/tls.crt",
                "keyPath": "/var/svc-certs/tls.key",
            },
            {"/var/svc-certs": "secret flowlogs-pipeline-cert"},
        ),
        ("Direct", {"port": 2055}, {}),
    ],
)
def test_agents_that_send_without_kafka(
    tmp_path: Path, model: str, grpc: dict[str, Any], mounted: dict[str, str]
) -> None:
    """The service has a certificate of its own; on the node of the agent there is none."""
    made = pipeline(tmp_path, deploymentModel=model, **NO_LOKI)
    assert edges(made) == {"grpc": "", "enrich": "grpc", "prometheus": "enrich"}
    assert block(made, "grpc") == grpc
    assert made.mounted == mounted


def test_a_service_without_tls_and_another_port(tmp_path: Path) -> None:
    advanced = {"port": 9999, "env": {"SERVER_NOTLS": "true"}}
    made = pipeline(tmp_path, processor={"advanced": advanced})
    assert block(made, "grpc") == {"port": 9999}


def test_metrics_predefined_first_then_those_of_flowmetrics(tmp_path: Path) -> None:
    processor = {"metrics": {"includeList": ["workload_ingress_bytes_total"]}, "addZone": True}
    read = collector(tmp_path, **KAFKA, **NO_LOKI, processor=processor)
    files = [str(CONFIGS / "flowmetrics" / name) for name in ("workload-syn-in.yaml",)]
    made = build(read, load_metrics(files, tmp_path).resources)
    own, custom = block(made, "prometheus")["metrics"]
    assert block(made, "prometheus")["prefix"] == "netobserv_"
    assert (own["name"], own["type"], own["valueKey"]) == (
        *("workload_ingress_bytes_total", "counter"),
        "Bytes",
    )
    assert own["filters"] == [{"key": "FlowDirection", "value": "1", "type": "not_equal"}]
    assert own["labels"][:2] == ["SrcK8S_Zone", "DstK8S_Zone"]
    assert custom["name"] == "workload_syn_in"
    assert custom["flatten"] == ["Flags"]
    assert custom["remap"]["DstPort"] == "port"
    assert {"key": "Flags", "value": "SYN", "type": "equal"} in custom["filters"]


def test_no_metric_no_encoder(tmp_path: Path) -> None:
    made = pipeline(tmp_path, **KAFKA, **NO_LOKI, processor={"metrics": {"includeList": []}})
    assert edges(made) == {"kafka-read": "", "enrich": "kafka-read"}


def test_histograms_have_buckets_and_a_divider(tmp_path: Path) -> None:
    made = pipeline(
        tmp_path,
        **KAFKA,
        agent={"ebpf": {"features": ["FlowRTT"]}},
        processor={"metrics": {"includeList": ["node_rtt_seconds"]}},
    )
    (metric,) = block(made, "prometheus")["metrics"]
    assert metric["type"] == "histogram"
    assert metric["valueScale"] == 1e9
    assert metric["buckets"] == [0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.25, 1.0]


def test_settings(tmp_path: Path) -> None:
    server = {"port": 9999, "tls": {"type": "Auto"}}
    advanced = {"healthPort": 8081, "profilePort": 6060}
    processor = {"metrics": {"server": server}, "advanced": advanced, "logLevel": "debug"}
    made = pipeline(tmp_path, **KAFKA, **NO_LOKI, processor=processor)
    shown = {k: v for k, v in made.document.items() if k not in ("pipeline", "parameters")}
    assert shown == {
        "log-level": "debug",
        "health": {"port": 8081},
        "profile": {"port": 6060},
        "metricsSettings": {
            "port": 9999,
            "prefix": "netobserv_",
            "noPanic": True,
            "tls": {"certPath": "/var/prom-certs/tls.crt", "keyPath": "/var/prom-certs/tls.key"},
        },
    }
    assert made.mounted == {"/var/prom-certs": "secret flowlogs-pipeline-transformer-prom"}


def test_the_name_of_a_cluster(tmp_path: Path) -> None:
    """As given, else OpenShift's identifier of the cluster; without both it is said."""
    many = {"multiClusterDeployment": True}
    named = pipeline(tmp_path, *OPENSHIFT, **KAFKA, processor={**many, "clusterName": "east"})
    added = {"type": "add_field_if_doesnt_exist"}
    rule = {"input": "K8S_ClusterName", "value": "east"}
    assert block(named, "filters")["rules"] == [{**added, "addFieldIfDoesntExist": rule}]
    identified = pipeline(tmp_path, *OPENSHIFT, **KAFKA, processor=many)
    rule["value"] = "0123-4567"
    assert block(identified, "filters")["rules"] == [{**added, "addFieldIfDoesntExist": rule}]
    unknown = pipeline(tmp_path, **KAFKA, processor=many)
    assert "filters" not in edges(unknown)
    assert "the cluster has no name: flows get no K8S_ClusterName" in [
        problem.message for problem in unknown.problems
    ]


@pytest.mark.parametrize("spelling", ["openShiftAutoDetect", "autoDetect"])
def test_labels_of_the_clusters_own_networks(tmp_path: Path, spelling: str) -> None:
    custom = [{"name": "EXT:S3", "cidrs": ["3.5.204.0/22"]}]
    labels = {"customLabels": custom}
    known = pipeline(tmp_path, *OPENSHIFT, **KAFKA, processor={"subnetLabels": labels})
    listed = [one["name"] for one in block(known, "subnets")["subnetLabels"]]
    assert listed[0] == "EXT:S3"
    assert listed[-2:] == ["Pods", "Services"]
    off = {**labels, spelling: False}
    alone = pipeline(tmp_path, *OPENSHIFT, **KAFKA, processor={"subnetLabels": off})
    assert block(alone, "subnets")["subnetLabels"] == custom
    assert alone.problems == []
    unknown = pipeline(tmp_path, **KAFKA, processor={"subnetLabels": labels})
    assert block(unknown, "subnets")["subnetLabels"] == custom
    assert [problem.path for problem in unknown.problems] == [("processor", "subnetLabels")]
