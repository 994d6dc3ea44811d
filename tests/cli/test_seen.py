"""The matrix says when the flows were, wherever they are counted and however it is asked."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: flows.json, decoder: json}
- name: expose
  type: encode_prometheus
  follows: in
  metrics:
  - name: opened
    labels: [SrcK8S_Namespace, SrcK8S_OwnerName, SrcK8S_OwnerType, DstK8S_Namespace,
             DstK8S_OwnerName, DstK8S_OwnerType, DstPort]
"""
FLOW = (
    '{"SrcK8S_Namespace":"a","SrcK8S_OwnerName":"web","SrcK8S_OwnerType":"Deployment",'
    '"DstK8S_Namespace":"b","DstK8S_OwnerName":"db","DstK8S_OwnerType":"StatefulSet",'
    '"DstPort":5432,"TimeFlowStartMs":1000,"TimeFlowEndMs":%d}\n'
)


def flowmatrix(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first_and_last_seen_are_the_times_of_the_flows(tmp_path: Path) -> None:
    """Of a recording that is read now, in one run, and over two that share a state."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    flows = [FLOW % (1_700_000_000_000 + 1000 * second) for second in (7, 3, 5)]
    flows.append(
        FLOW.replace(',"TimeFlowStartMs":1000,"TimeFlowEndMs":%d', ',"TimeReceived":1700000009')
    )
    (tmp_path / "flows.json").write_text("".join(flows[:2]))
    flowmatrix(tmp_path, "run", "pipeline.yaml", "--once", "--state", "state")
    (tmp_path / "flows.json").write_text("".join(flows))
    flowmatrix(tmp_path, "run", "pipeline.yaml", "--once", "--state", "state")
    for asked in (["pipeline.yaml"], ["--state", "state"]):
        options = ["--namespace", "a", "--direction", "out", "--format", "csv"]
        out = flowmatrix(tmp_path, "matrix", *asked, *options)
        [row] = csv.DictReader(io.StringIO(out.strip()))
        assert (row["count"], row["first_seen"], row["last_seen"]) == (
            *("4", "2023-11-14T22:13:23Z", "2023-11-14T22:13:29Z"),
        )
