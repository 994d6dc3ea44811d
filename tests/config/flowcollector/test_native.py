"""The native form of a FlowCollector's pipeline: it is valid, and means the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.config.dump import dump_plain
from pipeline.config.flowcollector import features
from pipeline.config.flowcollector.native import native
from pipeline.config.flowcollector.pipeline import build
from pipeline.config.loader import Config, loads
from pipeline.plan.expand import expand_macros
from pipeline.stage import BuildContext, Spec
from stages.flow_metrics import FlowMetrics
from stages.subnet_label import SubnetLabel
from tests.support.collectors import KAFKA, NO_LOKI, OPENSHIFT, collector

CONFIGS = Path(__file__).parents[3] / "configs"
RICH: dict[str, Any] = {
    **KAFKA,
    **NO_LOKI,
    "agent": {
        "ebpf": {
            "privileged": True,
            "features": [
                *("PacketDrop", "DNSTracking", "FlowRTT", "NetworkEvents", "IPSec"),
                *("PacketTranslation", "UDNMapping", "TLSTracking"),
            ],
        }
    },
    "processor": {
        "addZone": True,
        "multiClusterDeployment": True,
        "clusterName": "east",
        "deduper": {"mode": "Sample"},
        "filters": [
            {"query": 'SrcK8S_Namespace="${HOME}"', "sampling": 5},
            {"query": "Proto=6", "outputTarget": "Metrics"},
        ],
        "subnetLabels": {"customLabels": [{"name": "EXT:S3", "cidrs": ["3.5.204.0/22"]}]},
    },
    "exporters": [{"type": "Kafka", "kafka": {"address": "b:9092", "topic": "out"}}],
}


def loaded(folder: Path, *others: dict[str, Any], files: list[str], **spec: Any) -> Config:
    """The native pipeline of a FlowCollector, read again; it has no error."""
    read = collector(folder, *others, **spec)
    text = native(build(read, live=True), read.spec, files)
    return loads(text, "pipeline.yaml", folder)


def test_it_is_valid_and_names_its_metrics(tmp_path: Path) -> None:
    files = [str(CONFIGS / "flowmetrics" / "workload-syn-in.yaml")]
    config = loaded(tmp_path, files=files, **RICH)
    (metrics,) = (stage for stage in config.stages if isinstance(stage, FlowMetrics))
    assert (metrics.zone, metrics.multi_cluster, metrics.network) == (True, True, True)
    assert metrics.files == files
    assert "workload_dns_flows_total" in metrics.predefined
    assert config.settings.server.listen == "0.0.0.0:9401"
    assert config.settings.self_metrics.prefix == "netobserv_"


def unnamed(stages: list[Spec]) -> set[str]:
    """What stages do, without their names."""
    return {
        str([getattr(one, field) for field in one.__struct_fields__ if field not in _NAMES])
        for one in stages
        if one.type in {"encode_prometheus", "remap", "flatten", "filter", "rules", "kubernetes"}
    }


_NAMES = {"name", "follows"}


def test_both_forms_count_the_same(tmp_path: Path) -> None:
    """Metrics, filters, renames and rules of the native form are those of the dialect."""
    read = collector(tmp_path, *OPENSHIFT, **RICH)
    made = build(read)
    forms = (native(made, read.spec, []), dump_plain(made.document))
    context = BuildContext(folder=tmp_path)
    written, translated = (
        expand_macros(loads(text, "pipeline.yaml", tmp_path).stages, context).stages
        for text in forms
    )
    assert unnamed(written) == unnamed(translated)
    encoders = [one for one in written if one.type == "encode_prometheus"]
    assert len(encoders) == len(features.metrics(read.spec)) == 19


def test_labels_follow_the_cluster_unless_its_objects_are_known(tmp_path: Path) -> None:
    spec = {**KAFKA, **NO_LOKI}

    def stage(*others: dict[str, Any]) -> SubnetLabel:
        config = loaded(tmp_path, *others, files=[], **spec)
        (one,) = (stage for stage in config.stages if isinstance(stage, SubnetLabel))
        return one

    assert stage().cluster is not None
    known = stage(*OPENSHIFT)
    assert known.cluster is None
    assert [label.name for label in known.labels][-2:] == ["Pods", "Services"]
    spec["processor"] = {"subnetLabels": {"openShiftAutoDetect": False}}
    config = loaded(tmp_path, files=[], **spec)
    assert not [one for one in config.stages if isinstance(one, SubnetLabel)]


def test_records_of_connections(tmp_path: Path) -> None:
    """Natively, predefined metrics count the records that the dialect's filters keep."""
    read = collector(tmp_path, **KAFKA, processor={"logTypes": "All"}, loki={"enable": True})
    made = build(read)
    (prom,) = (one for one in made.document["parameters"] if one["name"] == "prometheus")
    kept = {"key": "_RecordType", "value": "flowLog", "type": "equal"}
    assert all(kept in metric["filters"] for metric in prom["encode"]["prom"]["metrics"])
