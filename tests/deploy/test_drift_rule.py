"""The alert about edges that nobody approved, judged by Prometheus' own tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.exposition.declared import METRICS
from tests.real.parts import Missing
from tests.real.prometheus import promtool

RULE = Path(__file__).parents[2] / "deploy" / "monitoring" / "drift.yaml"


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULE.read_text())["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_its_metrics_exist() -> None:
    for rule in alerts().values():
        assert any(f"flowmatrix_{name}" in rule["expr"] for name in METRICS)


def test_network_health_shows_it() -> None:
    """By the labels and the annotation that NetObserv documents for rules of others."""
    manifest = yaml.safe_load(RULE.read_text())
    assert manifest["metadata"]["labels"]["netobserv"] == "true"
    rule = alerts()["FlowMatrixDrift"]
    assert rule["labels"]["netobserv"] == "true"
    health = json.loads(rule["annotations"]["netobserv_io_network_health"])
    assert health["namespaceLabels"] == ["namespace"]
    assert "by (namespace)" in rule["expr"]


@pytest.mark.real
def test_it_fires_for_new_and_anomalous_edges_and_ends(tmp_path: Path) -> None:
    """Not for what has changed; of two workers each edge once; the namespace is named."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": yaml.safe_load(RULE.read_text())["spec"]["groups"]}))
    series = [
        ("one", "shop", "new", "a -> b 1/TCP", "_x2 1x8 stale"),
        ("two", "shop", "new", "a -> b 1/TCP", "_x2 1x8 stale"),
        ("two", "shop", "anomalous", "a -> c 1/TCP", "_x2 1x8 stale"),
        ("one", "shop", "changed", "a -> d 1/TCP", "1x20"),
        ("one", "idle", "changed", "e -> f 1/TCP", "1x20"),
    ]
    expected = {
        "exp_labels": {"namespace": "shop", "severity": "warning", "netobserv": "true"},
        "exp_annotations": {
            **alerts()["FlowMatrixDrift"]["annotations"],
            "description": "2 edges of namespace shop are new, or marked as anomalous.\n"
            "`flowmatrix matrix diff` lists them.",
        },
    }
    case = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {
                        "series": f'flowmatrix_drift_edge{{instance="{worker}",'
                        f'namespace="{name}",state="{state}",edge="{edge}"}}',
                        "values": values,
                    }
                    for worker, name, state, edge, values in series
                ],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": "FlowMatrixDrift", "exp_alerts": wanted}
                    for at, wanted in (("5m", []), ("10m", [expected]), ("15m", []))
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(case))
    try:
        checked = promtool("check", "rules", str(rules))
    except Missing as missing:
        pytest.skip(str(missing))
    assert checked.returncode == 0, checked.stderr
    done = promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
