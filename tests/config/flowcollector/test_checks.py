from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector import load
from pipeline.diagnostics import ConfigError, dotted
from tests.support.collectors import KAFKA, NO_LOKI, collector, document, written


def refused(folder: Path, **spec: Any) -> list[tuple[str, str, str]]:
    """Field, message and hint of all errors."""
    with pytest.raises(ConfigError) as error:
        load(written(folder, document(**spec)))
    problems = [found.problem for found in error.value.problems]
    return [(dotted(p.path), p.message, p.hint) for p in problems if p.severity == "error"]


def test_kafka_needs_an_address_and_a_topic(tmp_path: Path) -> None:
    found = refused(tmp_path, deploymentModel="Kafka")
    assert {field for field, _, _ in found} == {"spec.kafka.address", "spec.kafka.topic"}


def test_addresses_and_topics(tmp_path: Path) -> None:
    wrong = {"address": "a:b:c", "topic": "a b"}
    exporter = {"type": "Kafka", "kafka": wrong}
    found = refused(tmp_path, deploymentModel="Kafka", kafka=dict(wrong), exporters=[exporter])
    no_topic = "expected the name of a topic ([a-zA-Z0-9._-]{1"
    assert {(field, message.split(",")[0]) for field, message, _ in found} == {
        ("spec.kafka.address", '"a:b:c" is not host:port'),
        ("spec.kafka.topic", no_topic),
        ("spec.exporters[0].kafka.address", '"a:b:c" is not host:port'),
        ("spec.exporters[0].kafka.topic", no_topic),
    }


@pytest.mark.parametrize("kind", ["Conversations", "EndedConversations", "All"])
def test_connections_need_loki_and_another_model_than_service(tmp_path: Path, kind: str) -> None:
    found = refused(tmp_path, **NO_LOKI, processor={"logTypes": kind})
    assert [(field, message) for field, message, _ in found] == [
        ("spec.processor.logTypes", f"log type {kind} needs Loki, which is off"),
        (
            "spec.processor.logTypes",
            f"log type {kind} is not possible with the deployment model Service",
        ),
    ]
    assert collector(tmp_path, **KAFKA, processor={"logTypes": kind}).warnings == []


def test_cidrs_queries_and_metrics(tmp_path: Path) -> None:
    labels = [{"name": "ok", "cidrs": ["10.0.0.0/8"]}, {"name": "x", "cidrs": ["::/0", "10/33"]}]
    processor = {
        "subnetLabels": {"customLabels": labels},
        "filters": [{"query": "Proto = 6"}, {"query": "Proto = "}],
        "metrics": {"includeList": ["node_flows_total", "node_flow_total"]},
    }
    found = {
        field: (message, hint) for field, message, hint in refused(tmp_path, processor=processor)
    }
    at = "spec.processor"
    assert found.keys() == {
        f"{at}.subnetLabels.customLabels[1].cidrs[1]",
        f"{at}.filters[1].query",
        f"{at}.metrics.includeList[1]",
    }
    assert found[f"{at}.metrics.includeList[1]"] == (
        'unknown predefined metric "node_flow_total"',
        'did you mean "node_flows_total"?',
    )
    assert found[f"{at}.subnetLabels.customLabels[1].cidrs[1]"][0] == (
        'label "x": "10/33" is not a valid CIDR'
    )


def test_features(tmp_path: Path) -> None:
    """A misspelt one is an error, one of a newer agent a warning."""
    ((field, message, hint),) = refused(
        tmp_path, agent={"ebpf": {"features": ["FlowRTT", "DNSTrackin"]}}
    )
    assert field == "spec.agent.ebpf.features[1]"
    assert (message, hint) == ('unknown feature "DNSTrackin"', 'did you mean "DNSTracking"?')
    (found,) = collector(tmp_path, agent={"ebpf": {"features": ["Zzz"]}}).warnings
    assert found.problem.message == 'unknown feature "Zzz"'


@pytest.mark.parametrize(
    ("exporter", "missing"),
    [
        ({"type": "Kafka", "kafka": {"address": "b:1"}}, "kafka.topic"),
        ({"type": "IPFIX"}, "ipfix.targetHost"),
        ({"type": "OpenTelemetry", "openTelemetry": {}}, "openTelemetry.targetHost"),
    ],
)
def test_exporters_need_a_target(tmp_path: Path, exporter: dict[str, Any], missing: str) -> None:
    ((field, _, _),) = refused(tmp_path, exporters=[exporter])
    assert field == f"spec.exporters[0].{missing}"


def test_a_provided_certificate_must_be_named(tmp_path: Path) -> None:
    server = {"tls": {"type": "Provided"}}
    ((field, _, _),) = refused(tmp_path, processor={"metrics": {"server": server}})
    assert field == "spec.processor.metrics.server.tls.provided"


@pytest.mark.parametrize(
    ("loki", "field"),
    [
        ({"monolithic": {"url": "loki nonsense"}}, "monolithic.url"),
        ({"monolithic": {"url": "http://a@loki:3100/"}}, "monolithic.url"),
        ({"monolithic": {"url": "http://..:3100/"}}, "monolithic.url"),
        ({"mode": "Microservices", "microservices": {"ingesterUrl": "ftp://l/"}}, ""),
        ({"mode": "Manual", "manual": {"ingesterUrl": "loki:3100"}}, "manual.ingesterUrl"),
        ({"mode": "LokiStack", "lokiStack": {"name": "a b"}}, "lokiStack"),
    ],
)
def test_the_address_of_loki(tmp_path: Path, loki: dict[str, Any], field: str) -> None:
    """That of the mode; those of other modes are left alone."""
    ((found, message, _),) = refused(tmp_path, loki=loki)
    assert found == f"spec.loki.{field or 'microservices.ingesterUrl'}"
    assert message.startswith("expected a URL such as http://loki:3100/, without login, got ")
    assert collector(tmp_path, loki={**loki, "enable": False}).warnings == []
    other = {"mode": "Manual", "manual": {"ingesterUrl": "https://loki.example/a"}}
    if loki.get("mode") != "Manual":
        assert collector(tmp_path, loki={**loki, **other}).warnings == []


@pytest.mark.parametrize("field", ["writeTimeout", "writeBatchWait"])
@pytest.mark.parametrize("value", ["soon", "-1s", "10"])
def test_durations(tmp_path: Path, field: str, value: str) -> None:
    ((found, message, _),) = refused(tmp_path, loki={field: value})
    assert found == f"spec.loki.{field}"
    assert message == f'expected a duration such as "10s" or "1h30m", got "{value}"'


def test_what_the_stages_of_a_pipeline_refuse_is_refused_here(tmp_path: Path) -> None:
    """With the place in the FlowCollector, instead of one in a pipeline that cannot run."""
    advanced = {"writeMinBackoff": "x", "writeMaxRetries": -1, "staticLabels": {"a b": "c"}}
    found = refused(
        tmp_path,
        loki={"writeBatchSize": -1, "advanced": advanced},
        exporters=[
            {"type": "IPFIX", "ipfix": {"targetHost": "a b", "enterpriseID": -1}},
            {
                "type": "OpenTelemetry",
                "openTelemetry": {
                    "targetHost": "10.0.0.300",
                    "metrics": {"pushTimeInterval": "often"},
                },
            },
        ],
    )
    assert {field for field, _, _ in found} == {
        "spec.loki.writeBatchSize",
        "spec.loki.advanced.writeMinBackoff",
        "spec.loki.advanced.writeMaxRetries",
        "spec.loki.advanced.staticLabels.a b",
        "spec.exporters[0].ipfix.targetHost",
        "spec.exporters[0].ipfix.enterpriseID",
        "spec.exporters[1].openTelemetry.targetHost",
        "spec.exporters[1].openTelemetry.metrics.pushTimeInterval",
    }
