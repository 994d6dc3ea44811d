"""Files of the kinds that users of flowlogs-pipeline have are accepted without a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.diagnostics import Severity

FLOWS = {"type": "file", "file": {"filename": "flows.jsonl", "decoder": {"type": "json"}}}
STDOUT = {"type": "stdout", "stdout": {"format": "json"}}


def chain(**stages: dict[str, Any]) -> dict[str, Any]:
    """A line of stages; the first is the agent where it does not read flows."""
    names = list(stages)
    before = ["" if "ingest" in stages[names[0]] else "preset-ingester", *names]
    entries = zip(names, before, strict=False)
    return {
        "pipeline": [{"name": name, "follows": parent} for name, parent in entries],
        "parameters": [{"name": name, **stage} for name, stage in stages.items()],
    }


KUBERNETES = {"add_zone": True, "ipField": "SrcAddr", "output": "SrcK8S"}
IN_THE_AGENT = {
    "log-level": "trace",
    "metricsSettings": {"port": 9401, "prefix": "on_demand_", "noPanic": True},
    **chain(
        enrich={
            "transform": {
                "type": "network",
                "network": {
                    "rules": [
                        {"type": "add_kubernetes", "kubernetes": KUBERNETES},
                        {"type": "reinterpret_direction"},
                    ],
                    "directionInfo": {
                        "reporterIPField": "AgentIP",
                        "srcHostField": "SrcK8S_HostIP",
                        "dstHostField": "DstK8S_HostIP",
                        "flowDirectionField": "FlowDirection",
                    },
                },
            }
        },
        prometheus={
            "encode": {
                "type": "prom",
                "prom": {
                    "prefix": "on_demand_",
                    "expiryTime": "0s",
                    "metrics": [
                        {
                            "name": "rtt_seconds",
                            "type": "histogram",
                            "filters": [{"key": "TimeFlowRttNs", "value": "", "type": "presence"}],
                            "valueKey": "TimeFlowRttNs",
                            "valueScale": 1000000000,
                            "labels": ["SrcK8S_HostName"],
                            "buckets": [0.005, 0.1, 1],
                        },
                        {
                            "name": "policy_events_total",
                            "type": "counter",
                            "filters": [{"key": "NetworkEvents>Feature", "value": "acl"}],
                            "valueKey": "",
                            "labels": ["NetworkEvents>Type"],
                            "remap": {"NetworkEvents>Type": "type"},
                            "flatten": ["NetworkEvents"],
                        },
                    ],
                },
            }
        },
    ),
}
"""The netobserv CLI gives such a file to its agents."""

COLLECTOR = {
    "log-level": "info",
    "health": {"port": 8080},
    "metricsSettings": {"suppressDefaultMetrics": True, "prefix": "flp_"},
    **chain(
        ingest={"ingest": {"type": "ipfix", "ipfix": {"port": 4739, "portLegacy": 2055}}},
        labels={
            "transform": {
                "type": "filter",
                "filter": {
                    "rules": [
                        {"type": "add_field", "addField": {"input": "SrcK8S_Type", "value": "VM"}}
                    ]
                },
            }
        },
        write={
            "write": {
                "type": "loki",
                "loki": {
                    "url": "http://localhost:3100",
                    "labels": ["SrcK8S_Type", "_RecordType"],
                    "staticLabels": {"app": "netobserv-flowcollector"},
                },
            }
        },
    ),
}
"""A collector of IPFIX in front of Loki."""

COUNTED = "encode_prometheus"
AS_TEXTS = {
    "pipeline": json.dumps(chain(file={"ingest": FLOWS}, logs={"write": STDOUT})["pipeline"]),
    "parameters": json.dumps(chain(file={"ingest": FLOWS}, logs={"write": STDOUT})["parameters"]),
}
"""Its blocks are texts, as an option has them."""


@pytest.mark.parametrize(
    ("file", "types"),
    [
        (
            IN_THE_AGENT,
            f"ingest_stdin kubernetes direction filter {COUNTED} flatten filter remap {COUNTED}",
        ),
        (COLLECTOR, "ingest_ipfix rules write_loki"),
        (AS_TEXTS, "ingest_file write_stdout"),
    ],
    ids=["in the agent", "collector", "texts"],
)
def test_it_is_accepted(file: dict[str, Any], types: str, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").touch()
    loaded = config.loads(json.dumps(file), "flp.json", tmp_path)
    assert [stage.type for stage in loaded.stages] == types.split()
    assert all(found.problem.severity is Severity.WARNING for found in loaded.warnings)
