from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from pipeline.cli.app import app
from tests.support.collectors import document, written

CONFIGS = Path(__file__).parents[2] / "configs"
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: %s, namespace: netobserv}
spec:
  type: %s
  valueField: Bytes
  charts:
  - {dashboardName: %s, title: t, type: Line, queries: [{promQL: "sum($METRIC)", legend: ""}]}
"""


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_one_dashboard_is_printed() -> None:
    made = run("charts", CONFIGS / "flowmetrics")
    assert made.exit_code == 0
    assert json.loads(made.stdout)["title"] == "NetObserv / Main"


def test_predefined_metrics_come_first(tmp_path: Path) -> None:
    path = written(tmp_path, document())
    made = json.loads(run("charts", CONFIGS / "flowmetrics", "--collector", path).stdout)
    titles = [panel["title"] for panel in made["panels"]]
    assert titles.index("Total egress traffic") < titles.index("Traffic between namespaces")


def test_several_dashboards_go_to_a_folder(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(METRIC % (name, "Counter", name.upper()))
    several = run("charts", tmp_path)
    assert several.exit_code == 1
    assert "these are 2 dashboards (A, B): give --out DIR" in several.stderr
    made = run("charts", tmp_path, "--out", tmp_path / "out", "--prefix", "x_")
    assert made.exit_code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["netobserv-a.json", "netobserv-b.json"]
    (panel,) = json.loads(files[0].read_text())["panels"]
    assert panel["targets"][0]["expr"] == "topk(7, sum(x_a))"


def test_a_dashboard_takes_the_place_of_no_input(tmp_path: Path) -> None:
    path = tmp_path / "netobserv-main.json"
    path.write_text(METRIC % ("a", "Counter", "Main"))
    before = path.read_text()
    made = run("charts", path, "--out", tmp_path)
    assert made.exit_code == 1
    assert f"{path} is what this run reads: it would be overwritten" in made.stderr
    assert path.read_text() == before


def test_a_histogram_without_its_suffix_is_said(tmp_path: Path) -> None:
    (tmp_path / "h.yaml").write_text(METRIC % ("h", "Histogram", "Main"))
    made = run("charts", tmp_path / "h.yaml")
    assert "sum($METRIC): a histogram has _bucket, _sum and _count" in made.stderr


def test_a_file_that_is_not_there_is_one_of_an_argument(tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    for name, why in ((str(gone), f'there is no file or folder "{gone}"'), ("", "the name of a")):
        done = run("charts", CONFIGS / "flowmetrics", name)
        assert done.exit_code == 78
        assert done.stderr.startswith(f"FLOWMETRICS: error: {why}")


def test_nothing_to_draw(tmp_path: Path) -> None:
    assert "there is no chart in these FlowMetrics" in run("charts").stderr
    bad = tmp_path / "m.yaml"
    bad.write_text("kind: Pod\n")
    refused = run("charts", bad)
    assert (refused.exit_code, refused.stdout) == (78, "")
    assert "no FlowMetric in this file" in refused.stderr


def test_health_rules_as_a_file_and_as_a_resource(tmp_path: Path) -> None:
    path = written(tmp_path, document())
    plain = yaml.safe_load(run("health-rules", path).stdout)
    manifest = yaml.safe_load(run("health-rules", path, "--namespace", "mine").stdout)
    assert manifest["kind"] == "PrometheusRule"
    assert manifest["metadata"]["namespace"] == "mine"
    assert manifest["spec"] == plain
    assert plain["groups"][0]["rules"]


def test_health_rules_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("kind: FlowMetric\n")
    made = run("health-rules", path)
    assert made.exit_code == 78
    assert 'a "FlowMetric" is not a FlowCollector' in made.stderr


def test_names_that_prometheus_and_kubernetes_do_not_take(tmp_path: Path) -> None:
    """A dashboard with another beginning has queries that nobody reads."""
    for prefix in ("a b", '"x', "1st", "x\n"):
        made = run("charts", CONFIGS / "flowmetrics", "--prefix", prefix)
        assert (made.exit_code, made.stdout) == (2, "")
        assert "is not the start of a metric name" in made.stderr
    assert run("charts", CONFIGS / "flowmetrics", "--prefix", "").exit_code == 0
    path = written(tmp_path, document())
    made = run("health-rules", path, "--namespace", "Bad Name")
    assert (made.exit_code, made.stdout) == (2, "")
    assert '"Bad Name" is not the name of a namespace' in made.stderr
