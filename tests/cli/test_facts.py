"""Where commands read the facts about edges from."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
import yaml

from pipeline import config
from pipeline.cli import facts
from pipeline.kube.subnets import Label

KAFKA = """\
stages:
  - {name: flows, type: ingest_kafka, brokers: [127.0.0.1:1], topics: [t], decoder: json}
  - {name: edges, type: encode_matrix, follows: flows}
"""
LABELS = """\
stages:
  - {name: flows, type: ingest_stdin, decoder: json}
  - name: subnets
    type: subnet_label
    follows: flows
    labels: [{name: A, cidrs: [9.0.0.0/8]}]
    autodetect: objects.yaml
  - {name: out, type: write_stdout, follows: subnets}
"""


def test_topics_have_no_end(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(KAFKA)
    with pytest.raises(typer.BadParameter, match="ask the workers that count them"):
        facts.of_config(path)


def test_labels_are_those_listed_and_those_derived(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(LABELS)
    network = {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {"clusterNetwork": [{"cidr": "10.128.0.0/14"}]},
    }
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(network))
    assert facts.labels_of(config.load(path))[:1] == [Label("A", ["9.0.0.0/8"])]
    assert Label("Pods", ["10.128.0.0/14"]) in facts.labels_of(config.load(path))
