"""The configurations beside a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config
from pipeline.flowmetric import parse
from simulate import configs, simulate

LABELS = [("Pods", ("10.128.0.0/14",)), ("S3", ("3.5.204.0/22", "3.5.224.0/22"))]
INVENTORY, METRICS = Path("elsewhere/i.yaml"), Path("elsewhere/m")


@pytest.mark.parametrize("name", [*configs.BLOG_PAIR, *configs.BYTES])
def test_each_flowmetric_is_valid(name: str) -> None:
    """The names are those of docs/reference/scenario.md#flowmetrics."""
    spec = (configs.BLOG_PAIR | configs.BYTES)[name]
    metric = parse(yaml.safe_load(configs.flow_metric(name, spec)))
    assert metric.ready
    assert metric.status()["prometheusName"] == "netobserv_" + name.replace("-", "_")


def test_labels_of_the_pair_tell_one_end_from_the_other() -> None:
    incoming, outgoing = (
        configs.BLOG_PAIR[f"workload-syn-{way}"]["remap"] for way in ("in", "out")
    )
    assert incoming["SrcK8S_Namespace"] == "from_namespace"
    assert incoming["DstK8S_Namespace"] == outgoing["SrcK8S_Namespace"] == "namespace"
    assert outgoing["DstK8S_Namespace"] == "to_namespace"
    assert incoming["DstPort"] == outgoing["DstPort"] == "port"


def test_files_are_named_as_they_stand_beside_the_pipeline() -> None:
    source = configs.file_source(Path("far/away/flows.pb"), "protobuf")
    stages = yaml.safe_load(configs.native(source, INVENTORY, METRICS, LABELS))["stages"]
    by_type: dict[str, Any] = {stage["type"]: stage for stage in stages}
    assert by_type["ingest_file"]["path"] == "flows.pb"
    assert by_type["kubernetes"]["inventory"] == "i.yaml"
    assert by_type["flow_metrics"]["files"] == ["m"]


def test_labels_keep_their_order() -> None:
    """The first one that contains an address counts, so the order is the meaning."""
    source = configs.file_source(Path("f.json"), "json")
    expected = [
        {"name": "Pods", "cidrs": ["10.128.0.0/14"]},
        {"name": "S3", "cidrs": ["3.5.204.0/22", "3.5.224.0/22"]},
    ]
    stages = yaml.safe_load(configs.native(source, INVENTORY, METRICS, LABELS))["stages"]
    assert stages[2]["labels"] == expected
    twin = yaml.safe_load(configs.flowlogs_pipeline(source, INVENTORY, {}, LABELS))
    (subnets,) = (p for p in twin["parameters"] if p["name"] == "subnets")
    assert subnets["transform"]["network"]["subnetLabels"] == expected


def test_a_topic_is_read_alike_by_both() -> None:
    source = configs.kafka_source(["a:1", "b:2"], "flows", "g", "protobuf")
    assert source.native == {
        "type": "ingest_kafka",
        "brokers": ["a:1", "b:2"],
        "topics": ["flows"],
        "decoder": "protobuf",
        "group_id": "g",
    }
    kafka = source.flp["kafka"]
    assert (kafka["brokers"], kafka["topic"], kafka["groupid"]) == (["a:1", "b:2"], "flows", "g")


def test_no_anchors_are_written() -> None:
    """Lists that several parts share are written out, for a reader's sake."""
    source = configs.file_source(Path("f.json"), "json")
    text = configs.flowlogs_pipeline(source, INVENTORY, configs.BLOG_PAIR, LABELS)
    assert "&id" not in text
    assert text.count("SrcK8S_OwnerName") == 4


def test_pipelines_load_and_only_their_flowmetrics_are_warned_of(tmp_path: Path) -> None:
    """A label of the pair is of the level careful."""
    made = simulate("reference", tmp_path / "r.jsonl")
    for path in (made.config, made.flp_config, made.before):
        assert path is not None
        assert {warning.stage for warning in config.load(path).warnings} <= {"metrics"}


def test_the_native_pipeline_and_its_twin_name_the_same_things(tmp_path: Path) -> None:
    made = simulate("reference", tmp_path / "r.jsonl")
    native = yaml.safe_load(made.config.read_text())["stages"]
    assert [stage["type"] for stage in native] == [
        "ingest_file",
        "kubernetes",
        "subnet_label",
        "encode_matrix",
        "tcp_flags",
        "flow_metrics",
        "encode_prometheus",
    ]
    twin = {p["name"]: p for p in yaml.safe_load(made.flp_config.read_text())["parameters"]}
    file = twin["flows"]["ingest"]["file"]
    assert (file["filename"], file["decoder"]["type"]) == ("r.jsonl", native[0]["decoder"])
    assert twin["subnets"]["transform"]["network"]["subnetLabels"] == native[2]["labels"]
    metrics = {m["name"]: m for m in twin["prometheus"]["encode"]["prom"]["metrics"]}
    resource = yaml.safe_load((made.flow_metrics / "workload-syn-in.yaml").read_text())["spec"]
    for key in ("labels", "remap", "flatten"):
        assert metrics["workload_syn_in"][key] == resource[key]
