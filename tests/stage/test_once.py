"""What a check reads is not read again when the stage is built."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.flowmetric import files
from pipeline.kube.inventory import file
from pipeline.stage import BuildContext, Step, Transform, once


class Reading(Transform, frozen=True, kw_only=True, dict=True, tag="test_reading"):
    """Notes which folders it reads."""

    read: list[str] = []  # noqa: RUF012 - msgspec copies it for each instance

    @once
    def lines(self, folder: Path) -> list[str]:
        self.read.append(str(folder))
        return [f"{folder}/{self.name}"]

    def build(self, context: BuildContext) -> Step:
        return lambda flows: flows


def test_a_method_is_called_once_for_its_arguments() -> None:
    stage = Reading(name="s")
    one, two = Path("one"), Path("two")
    found = [stage.lines(folder) for folder in (one, two, one, two)]
    assert found == [["one/s"], ["two/s"]] * 2
    assert found[0] is found[2]
    assert stage.read == ["one", "two"]


def test_what_was_read_belongs_to_one_spec() -> None:
    """Neither an equal one nor a changed copy has it; it is no part of the configuration."""
    stage, equal = Reading(name="s"), Reading(name="s")
    stage.lines(Path())
    copy = msgspec.structs.replace(stage, name="t", read=[])
    assert copy.lines(Path("x")) == ["x/t"]
    assert (stage.read, copy.read, equal.read) == (["."], ["x"], [])
    assert msgspec.json.decode(msgspec.json.encode(equal)) == {
        "type": "test_reading",
        "name": "s",
        "follows": [],
        "read": [],
    }


CONFIG = """\
stages:
  - {name: in, type: ingest_file, path: flows.json, decoder: json}
  - {name: objects, type: kubernetes, follows: in, inventory: kube.json}
  - {name: again, type: kubernetes, follows: objects, inventory: kube.json, zone: true}
  - {name: subnets, type: subnet_label, follows: again, autodetect: kube.json}
  - {name: metrics, type: flow_metrics, follows: subnets, files: [metric.yaml]}
  - {name: expose, type: encode_prometheus, follows: metrics}
"""
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: one, namespace: netobserv}
spec: {type: Counter, labels: [SrcK8S_Name, SrcSubnetLabel]}
"""
OBJECTS = [
    {
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop"},
        "status": {"podIPs": [{"ip": "10.0.0.1"}]},
    },
    {
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    },
]


def test_every_file_of_a_configuration_is_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of two stages that ask the same of an inventory, its subnets, the FlowMetrics."""
    (tmp_path / "flows.json").write_text('{"SrcAddr":"10.0.0.1"}\n')
    (tmp_path / "kube.json").write_text(json.dumps({"kind": "List", "items": OBJECTS}))
    (tmp_path / "metric.yaml").write_text(METRIC)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    opened: list[str] = []
    for module, name in ((file, "_open"), (files, "content")):
        original = getattr(module, name)

        def counted(path: Path, original: object = original) -> object:
            opened.append(path.name)
            assert callable(original)
            return original(path)

        monkeypatch.setattr(module, name, counted)
    job = Job(config.load(path))
    job.run()
    (table,) = job.counts.tables()
    assert table.series()["SrcK8S_Name"].to_list() == ["web"]
    assert sorted(opened) == ["kube.json", "kube.json", "metric.yaml"]
