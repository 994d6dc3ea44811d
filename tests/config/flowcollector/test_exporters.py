"""Against docs/reference/operator.md#exporters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.collectors import KAFKA, block, edges, pipeline

NODE = {"includeList": ["node_network_policy_events_total", "node_flows_total"]}


def exported(folder: Path, *exporters: dict[str, Any], **spec: Any) -> Any:
    return pipeline(folder, **{**KAFKA, **spec, "exporters": list(exporters)})


def test_kafka_with_tls_and_sasl(tmp_path: Path) -> None:
    kafka = {
        "address": "b:9093",
        "topic": "out",
        "tls": {
            "enable": True,
            "caCert": {"type": "configmap", "name": "ca", "certFile": "ca.crt"},
            "userCert": {"name": "user", "certFile": "u.crt", "certKey": "u.key"},
        },
        "sasl": {
            "type": "ScramSHA512",
            "clientIDReference": {"name": "who", "file": "id"},
            "clientSecretReference": {"name": "who", "file": "secret"},
        },
    }
    made = exported(tmp_path, {"type": "Kafka", "kafka": kafka})
    assert block(made, "kafka-export-0") == {
        "address": "b:9093",
        "topic": "out",
        "tls": {
            "insecureSkipVerify": False,
            "caCertPath": "/var/kafka-export-0-ca/ca.crt",
            "userCertPath": "/var/kafka-export-0-user/u.crt",
            "userKeyPath": "/var/kafka-export-0-user/u.key",
        },
        "sasl": {
            "type": "scramSHA512",
            "clientIDPath": "/var/kafka-export-0-sasl-id/id",
            "clientSecretPath": "/var/kafka-export-0-sasl-secret/secret",
        },
    }
    assert made.mounted["/var/kafka-export-0-ca"] == "configmap ca"


def test_ipfix(tmp_path: Path) -> None:
    ipfix = {"targetHost": "c", "transport": "UDP"}
    made = exported(
        tmp_path, {"type": "IPFIX", "ipfix": ipfix}, {"type": "IPFIX", "ipfix": {"targetHost": "d"}}
    )
    assert block(made, "IPFIX-export-0") == {
        "targetHost": "c",
        "targetPort": 4739,
        "transport": "udp",
        "enterpriseId": 2,
    }
    assert block(made, "IPFIX-export-1")["transport"] == "tcp"


def test_opentelemetry(tmp_path: Path) -> None:
    """Fields and labels have OpenTelemetry's names there."""
    otel = {"targetHost": "o", "headers": {"X-A": "b"}}
    made = exported(
        tmp_path,
        {"type": "OpenTelemetry", "openTelemetry": otel},
        agent={"ebpf": {"features": ["NetworkEvents"]}},
        processor={"metrics": NODE},
    )
    transform = block(made, "Otel-export-0-transform")
    rules = {rule["input"]: rule["output"] for rule in transform["rules"]}
    assert transform["policy"] == "replace_keys"
    assert rules["SrcK8S_Namespace"] == "source.k8s.namespace.name"
    assert rules["DstSubnetLabel"] == "destination.subnet.label"
    assert len(rules) == 50
    connection = {"address": "o", "port": 4317, "connectionType": "grpc", "headers": {"X-A": "b"}}
    assert block(made, "Otel-export-0-logs") == connection
    metrics = block(made, "Otel-export-0-metrics")
    assert (metrics["prefix"], metrics["pushTimeInterval"]) == ("netobserv_", "20s")
    flows, events = metrics["metrics"]
    assert flows["labels"] == ["source.k8s.host.name", "destination.k8s.host.name"]
    assert not {"remap", "flatten"} & events.keys()


def test_opentelemetry_with_its_own_names_and_logs_alone(tmp_path: Path) -> None:
    otel = {
        "targetHost": "o",
        "protocol": "http",
        "fieldsMapping": [{"input": "Bytes", "output": "b", "multiplier": 2}],
        "metrics": {"enable": False},
    }
    made = exported(tmp_path, {"type": "OpenTelemetry", "openTelemetry": otel})
    assert block(made, "Otel-export-0-transform")["rules"] == [
        {"input": "Bytes", "output": "b", "multiplier": 2}
    ]
    assert block(made, "Otel-export-0-logs")["connectionType"] == "http"
    assert "Otel-export-0-metrics" not in edges(made)
    neither = {**otel, "logs": {"enable": False}}
    off = exported(tmp_path, {"type": "OpenTelemetry", "openTelemetry": neither})
    assert not [name for name in edges(off) if name.startswith("Otel")]
