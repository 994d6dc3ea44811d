"""Against docs/reference/operator.md#health-rules; Prometheus' own tool judges the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config.flowcollector import health_rules
from pipeline.config.flowcollector.health_rules import HEALTH, Rules
from pipeline.exposition import declared
from tests.real.prometheus import promtool
from tests.support.collectors import NO_LOKI, collector

FEATURES = ["PacketDrop", "DNSTracking", "FlowRTT", "NetworkEvents", "IPSec"]
OPERATIONAL = {"NetObservNoFlows", "NetObservLokiError"}
GROUPS = ["", "Node", "Namespace", "Workload"]


def rules(folder: Path, features: list[str] = FEATURES, **metrics: Any) -> Rules:
    agent = {"ebpf": {"privileged": True, "features": features}}
    return health_rules.build(collector(folder, agent=agent, processor={"metrics": metrics}).spec)


def names(made: Rules) -> set[str]:
    """The templates that have rules."""
    return {rule["labels"]["template"] for rule in made.rules}


def test_templates_of_features_that_are_off_have_no_rules(tmp_path: Path) -> None:
    without = {"PacketDropsByDevice", "ExternalEgressHighTrend", "ExternalIngressHighTrend"}
    without |= {"Ingress5xxErrors", "IngressHTTPLatencyTrend", *OPERATIONAL}
    assert names(rules(tmp_path, [])) == without
    assert names(rules(tmp_path)) - without == {
        *("PacketDropsByKernel", "IPsecErrors", "DNSErrors", "DNSNxDomain"),
        *("NetpolDenied", "LatencyHighTrend"),
    }
    assert rules(tmp_path).problems == []


def test_disabled_templates(tmp_path: Path) -> None:
    made = rules(tmp_path, disableAlerts=["DNSErrors", "NetObservNoFlows"])
    assert not {"DNSErrors", "NetObservNoFlows"} & names(made)


def own(folder: Path, template: str, **variant: Any) -> list[dict[str, Any]]:
    """The rules of one template with one variant."""
    rule = {"template": template, "mode": variant.pop("mode", "Alert"), "variants": [variant]}
    made = rules(folder, healthRules=[rule])
    return [one for one in made.rules if one["labels"]["template"] == template]


def test_alerts_of_three_severities(tmp_path: Path) -> None:
    thresholds = {"info": "5", "warning": "10", "critical": "20"}
    made = own(tmp_path, "DNSErrors", thresholds=thresholds)
    assert [rule["alert"] for rule in made] == [
        f"DNSErrors_{severity}" for severity in ("Critical", "Warning", "Info")
    ]
    assert [rule["expr"].split(") > ", 1)[-1] for rule in made] == ["20", "10 <= 20", "5 <= 10"]
    assert [rule["labels"]["severity"] for rule in made] == ["critical", "warning", "info"]
    first = made[0]
    assert (first["for"], first["labels"]["netobserv"]) == ("5m", "true")
    assert json.loads(first["annotations"][HEALTH]) == {
        "unit": "%",
        "threshold": "20",
        "trafficLink": {
            "extraFilter": 'dns_flag_response_code!="NoError,NXDomain"',
            "backAndForth": False,
            "filterDestination": True,
        },
    }


def test_recording_rules_are_annotated_on_the_resource(tmp_path: Path) -> None:
    thresholds = {"info": "100", "critical": "400"}
    (rule,) = own(
        tmp_path,
        "ExternalIngressHighTrend",
        mode="Recording",
        groupBy="Namespace",
        thresholds=thresholds,
        trendOffset="12h",
    )
    name = "netobserv:health:external_ingress:namespace:dst:rate2m"
    assert rule["record"] == name
    assert rule["labels"] == {
        "template": "ExternalIngressHighTrend",
        "app": "netobserv",
        "netobserv": "true",
    }
    assert "[2h] offset 12h" in rule["expr"]
    made = rules(tmp_path)
    manifest = health_rules.resource(made, "monitoring")
    metadata = manifest["metadata"]
    assert (metadata["namespace"], metadata["labels"]["netobserv"]) == ("monitoring", "true")
    told = json.loads(metadata["annotations"]["netobserv.io/network-health"])
    assert told.keys() == {one["record"] for one in made.rules if "record" in one}
    assert json.loads(told[name][HEALTH]) == {
        "unit": "%",
        "recordingThresholds": {"info": "100", "warning": "500"},
        "namespaceLabels": ["namespace"],
        "upperBound": "2500",
        "trafficLink": {
            "extraFilter": 'src_subnet_label="",EXT:',
            "backAndForth": True,
            "filterDestination": True,
        },
    }


def test_workloads(tmp_path: Path) -> None:
    made = rules(
        tmp_path,
        includeList=["workload_drop_packets_total", "workload_egress_packets_total"],
        healthRules=[
            {
                "template": "PacketDropsByKernel",
                "variants": [{"groupBy": "Workload", "thresholds": {"warning": "5"}}],
            }
        ],
    )
    source, target = (
        one for one in made.rules if one["labels"]["template"] == "PacketDropsByKernel"
    )
    assert source["alert"] == "PacketDropsByKernel_PerSrcWorkloadWarning"
    assert "netobserv_workload_egress_packets_total{" in source["expr"]
    told = json.loads(target["annotations"][HEALTH])
    assert (told["namespaceLabels"], told["workloadLabels"], told["kindLabels"]) == (
        *(["namespace"], ["workload"]),
        ["kind"],
    )


def test_a_rule_without_its_metrics_is_left_out_and_said(tmp_path: Path) -> None:
    made = rules(tmp_path, includeList=["namespace_dns_flows_total"])
    assert {"DNSErrors", "DNSNxDomain"} <= names(made)
    assert "PacketDropsByKernel" not in names(made)
    said = [problem.message for problem in made.problems]
    assert (
        "PacketDropsByKernel by Node has no metric that it could be about: it is left out" in said
    )
    impossible = rules(
        tmp_path,
        healthRules=[{"template": "PacketDropsByDevice", "variants": [{"groupBy": "Workload"}]}],
    )
    assert [problem.message for problem in impossible.problems] == [
        "PacketDropsByDevice cannot be grouped by Workload: it is left out"
    ]


@pytest.mark.real
@pytest.mark.parametrize("mode", ["Alert", "Recording"])
def test_prometheus_accepts_every_template_in_every_form(tmp_path: Path, mode: str) -> None:
    thresholds = {"info": "1", "warning": "2.5", "critical": "3"}
    variants = [
        {"groupBy": group, "thresholds": thresholds, "lowVolumeThreshold": "5"} for group in GROUPS
    ]
    templates = names(rules(tmp_path)) - OPERATIONAL
    given = [{"template": one, "mode": mode, "variants": variants} for one in sorted(templates)]
    made = rules(tmp_path, healthRules=given)
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(health_rules.groups(made)))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(made.rules)} rules found" in checked.stdout
    assert names(made) - OPERATIONAL == templates


@pytest.mark.real
def test_an_alert_fires_at_its_level_alone(tmp_path: Path) -> None:
    """Of 10 answers 1 is an error: 10% is above info, and not above warning."""
    variant = {"groupBy": "Namespace", "thresholds": {"info": "5", "warning": "10"}}
    rule = {"template": "DNSErrors", "variants": [variant]}
    made = rules(tmp_path, healthRules=[rule])
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(health_rules.groups(made)))

    def series(code: str, each: int) -> dict[str, str]:
        labels = f'{{DstK8S_Namespace="shop",DnsFlagsResponseCode="{code}"}}'
        name = f"netobserv_namespace_dns_flows_total{labels}"
        return {"series": name, "values": f"0+{each}x20"}

    info = next(one for one in made.rules if one.get("alert", "").endswith("DstNamespaceInfo"))
    description = info["annotations"]["description"].replace("{{ $labels.namespace }}", "shop")
    fired = {
        "exp_labels": {**info["labels"], "namespace": "shop"},
        "exp_annotations": {**info["annotations"], "description": description},
    }
    case = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [series("NoError", 540), series("ServFail", 60)],
                "alert_rule_test": [
                    {"eval_time": "15m", "alertname": info["alert"], "exp_alerts": [fired]},
                    {
                        "eval_time": "15m",
                        "alertname": info["alert"].replace("Info", "Warning"),
                        "exp_alerts": [],
                    },
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(case))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
@pytest.mark.parametrize(("lost", "fires"), [(5, True), (0, False)])
def test_flows_that_do_not_reach_loki(tmp_path: Path, lost: int, *, fires: bool) -> None:
    """The alert of the operator, on the self-metric of the stage `loki`; without Loki, none."""
    without = health_rules.build(collector(tmp_path, **NO_LOKI).spec)
    made = health_rules.build(collector(tmp_path).spec)
    assert names(made) - names(without) == {"NetObservLokiError"}
    metric = "netobserv_records_lost"
    assert metric in declared.names("netobserv_", process=False)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(health_rules.groups(made)))
    rule = made.rules[-1]
    fired = {"exp_labels": {**rule["labels"]}, "exp_annotations": rule["annotations"]}
    series = {"series": f'{metric}{{stage="loki"}}', "values": f"0+{lost}x60"}
    asked = {
        "eval_time": "20m",
        "alertname": "NetObservLokiError",
        "exp_alerts": [fired] if fires else [],
    }
    test = {"interval": "30s", "input_series": [series], "alert_rule_test": [asked]}
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alert_of_loki_can_be_disabled(tmp_path: Path) -> None:
    metrics = {"disableAlerts": ["NetObservLokiError"]}
    made = health_rules.build(collector(tmp_path, processor={"metrics": metrics}).spec)
    assert "NetObservLokiError" not in names(made)
