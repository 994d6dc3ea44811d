"""The subnet labels of a pipeline, in an order in which the first one is meant."""

from __future__ import annotations

from pathlib import Path

from pipeline.cli.subnet_labels import subnet_labels
from pipeline.config.loader import load
from pipeline.kube.subnets import Label

PIPELINE = """
stages:
- {{name: in, type: ingest_file, path: flows.json, decoder: json}}
- name: labels
  type: subnet_label
  follows: in
  match: {match}
  labels:
  - {{name: wide, cidrs: [10.0.0.0/8, 192.0.2.0/24]}}
  - {{name: narrow, cidrs: [10.1.0.0/16]}}
- {{name: out, type: write_stdout, follows: labels}}
"""


def labels(folder: Path, match: str) -> list[Label]:
    (folder / "flows.json").write_text("")
    (folder / "pipeline.yaml").write_text(PIPELINE.format(match=match))
    return subnet_labels(load(folder / "pipeline.yaml"))


def test_labels_as_listed(tmp_path: Path) -> None:
    assert labels(tmp_path, "first") == [
        Label("wide", ["10.0.0.0/8", "192.0.2.0/24"]),
        Label("narrow", ["10.1.0.0/16"]),
    ]


def test_the_narrowest_first_where_the_narrowest_is_meant(tmp_path: Path) -> None:
    assert labels(tmp_path, "longest") == [
        Label("wide", ["192.0.2.0/24"]),
        Label("narrow", ["10.1.0.0/16"]),
        Label("wide", ["10.0.0.0/8"]),
    ]
