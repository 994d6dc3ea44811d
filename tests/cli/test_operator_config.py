"""`operator-config`, and what `validate` says of what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.app import app
from tests.support.collectors import KAFKA, NO_LOKI, OPENSHIFT, document, written

CONFIGS = Path(__file__).parents[2] / "configs"
METRICS = str(CONFIGS / "flowmetrics")


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.mark.parametrize("form", ["--native", "--dialect"])
def test_what_it_prints_is_valid(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, document(**KAFKA, **NO_LOKI), *OPENSHIFT)
    made = run("operator-config", path, form, "--flowmetrics", METRICS)
    assert made.exit_code == 0, made.output
    file = tmp_path / "pipeline.yaml"
    file.write_text(made.stdout)
    checked = run("validate", file)
    assert checked.exit_code == 0, checked.output
    assert f"{file}: ok" in checked.stdout
    assert ("stages" in yaml.safe_load(made.stdout)) == (form == "--native")


def test_flowmetrics_of_other_namespaces_are_ignored(tmp_path: Path) -> None:
    path = written(tmp_path, document(**KAFKA, **NO_LOKI, namespace="elsewhere"))
    made = run("operator-config", path, "--flowmetrics", METRICS)
    assert "netobserv/workload-syn-in is ignored: FlowMetrics are those in namespace" in made.stderr
    stages = yaml.safe_load(made.stdout)["stages"]
    (metrics,) = (stage for stage in stages if stage["type"] == "flow_metrics")
    assert "files" not in metrics


def test_objects_of_the_cluster_from_another_file(tmp_path: Path) -> None:
    objects = tmp_path / "objects.yaml"
    objects.write_text(yaml.safe_dump_all(OPENSHIFT))
    path = written(tmp_path, document(**KAFKA, **NO_LOKI))
    made = run("operator-config", path, "--objects", objects, "--dialect")
    names = [one["name"] for one in yaml.safe_load(made.stdout)["parameters"]]
    assert names == ["kafka-read", "enrich", "subnets", "prometheus"]
    missing = run("operator-config", path, "--objects", tmp_path / "none.yaml")
    assert missing.exit_code == 78
    assert "none.yaml: cannot be read" in missing.stderr


def test_what_must_be_mounted_is_said(tmp_path: Path) -> None:
    tls = {"enable": True, "caCert": {"name": "kafka-ca", "certFile": "ca.crt"}}
    kafka = {**KAFKA["kafka"], "tls": tls}  # type: ignore[dict-item] # a mapping
    path = written(tmp_path, document(deploymentModel="Kafka", kafka=kafka, **NO_LOKI))
    assert run("operator-config", path).stdout.startswith("# /var/kafka-cert-ca: secret kafka-ca\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\n", ':1:7: error: a "Pod" is not a FlowCollector'),
        ("{", ": error: "),
        ("kind: FlowCollector\nspec: {kafka: 3}\n", "expected mapping, got int"),
    ],
)
def test_what_is_not_a_flowcollector_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    made = run("operator-config", path)
    assert made.exit_code == 78
    assert made.stdout == ""
    assert said in made.stderr


def test_a_bad_flowmetric_is_refused(tmp_path: Path) -> None:
    metric = tmp_path / "m.yaml"
    metric.write_text(
        "apiVersion: flows.netobserv.io/v1alpha1\nkind: FlowMetric\n"
        "metadata: {name: m, namespace: netobserv}\nspec: {type: Conter}\n"
    )
    path = written(tmp_path, document(**KAFKA, **NO_LOKI))
    made = run("operator-config", path, "--flowmetrics", metric)
    assert made.exit_code == 78
    assert 'm.yaml:4:14: error: field spec.type: unknown value "Conter"' in made.stderr


@pytest.mark.parametrize("form", ["--native", "--dialect"])
def test_values_of_headers_are_printed_when_they_are_asked_for(tmp_path: Path, form: str) -> None:
    """As `kubectl config view` does it: what is printed is often shown to others."""
    otel = {"targetHost": "h", "headers": {"api-key": "word"}}
    exporters = [{"type": "OpenTelemetry", "openTelemetry": otel}]
    path = written(tmp_path, document(**KAFKA, **NO_LOKI, exporters=exporters))
    hidden, raw = run("operator-config", path, form), run("operator-config", path, form, "--raw")
    assert hidden.stdout.count("api-key: '***'") == raw.stdout.count("api-key: word") > 0
    assert "word" not in hidden.output
    said = "exporters[0].openTelemetry.headers: their values are not printed; give --raw to have"
    assert said in hidden.stderr
    assert "not printed" not in raw.stderr
