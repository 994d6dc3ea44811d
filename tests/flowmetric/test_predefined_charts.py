from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.flowmetric import predefined
from pipeline.flowmetric.dashboards import dashboards
from pipeline.flowmetric.predefined_charts import with_charts
from pipeline.flowmetric.spec import Chart
from tests.real.prometheus import promtool


def charts(*names: str) -> dict[str, list[Chart]]:
    found = with_charts(predefined.metrics(names))
    return {metric.metric_name: metric.spec.charts for metric in found}


def test_packets_have_no_charts_where_bytes_have_them() -> None:
    """Those of namespaces neither, where bytes of workloads do, which show namespaces too."""
    both = charts("node_ingress_bytes_total", "node_ingress_packets_total")
    assert (len(both["node_ingress_bytes_total"]), both["node_ingress_packets_total"]) == (2, [])
    mixed = charts("workload_egress_bytes_total", "namespace_egress_packets_total")
    assert mixed["namespace_egress_packets_total"] == []
    assert charts("node_ingress_packets_total")["node_ingress_packets_total"]


def test_workloads_are_also_shown_by_namespace_and_layer() -> None:
    (found,) = charts("workload_ingress_bytes_total").values()
    assert [(chart.section_name, chart.title) for chart in found] == [
        ("", "Total ingress traffic"),
        ("Traffic rates per namespace", "Top ingress traffic per infra namespace (Bps)"),
        ("Traffic rates per namespace", "Top ingress traffic per app namespace (Bps)"),
        ("Traffic rates per workload", "Top ingress traffic per infra workload (Bps)"),
        ("Traffic rates per workload", "Top ingress traffic per app workload (Bps)"),
    ]
    (query,) = found[2].queries
    assert 'K8S_FlowLayer="app", SrcK8S_Namespace!=""' in query.prom_ql
    assert 'K8S_FlowLayer="app", DstK8S_Namespace!=""' in query.prom_ql
    assert query.legend == "{{SrcK8S_Namespace}} -> {{DstK8S_Namespace}}"


def test_metrics_without_charts() -> None:
    names = ("node_flows_total", "node_sampling", "node_to_node_ingress_flows_total")
    assert list(charts(*names).values()) == [[], [], []]


@pytest.mark.real
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    """Of each metric alone: together, some are left out as others show the same."""
    queries = {
        target["expr"]
        for name in predefined.NAMES
        for made in dashboards(with_charts(predefined.metrics([name]))).values()
        for panel in made["panels"]
        for target in panel.get("targets", [])
    }
    rules = [{"record": f"r{n}", "expr": query} for n, query in enumerate(sorted(queries))]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(queries)} rules found" in checked.stdout
    assert len(queries) > 100
