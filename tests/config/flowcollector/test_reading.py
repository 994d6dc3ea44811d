from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector import load
from pipeline.diagnostics import ConfigError
from tests.support.collectors import KAFKA, collector, document, written

HEAD = "apiVersion: flows.netobserv.io/v1beta2\nkind: FlowCollector\nmetadata: {name: cluster}\n"


def refused(folder: Path, text: str) -> list[str]:
    """The errors of a file with this text, without its name."""
    path = folder / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    return [str(found).removeprefix(f"{path}:") for found in error.value.problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "error: no FlowCollector in this file"),
        (
            "kind: FlowColector\nspec: {}\n",
            '1:7: error: a "FlowColector" is not a FlowCollector; did you mean "FlowCollector"?',
        ),
        ("kind: Pod\n", '1:7: error: a "Pod" is not a FlowCollector; write kind: FlowCollector'),
        ("stages: []\n", "1:1: error: this is not a FlowCollector: it has no kind; "),
        ("- 1\n- 2\n", "1:1: error: this is not a FlowCollector: it has no kind; "),
        (f"{HEAD}spec: {{}}\n---\n{HEAD}spec: {{}}\n", "6:1: error: a second FlowCollector"),
        (
            "kind: FlowCollector\nspec: {}\n",
            "1:1: error: field apiVersion: this FlowCollector has no apiVersion; use flows.",
        ),
        (
            HEAD.replace("v1beta2", "v1alpha1") + "spec: {}\n",
            'error: field apiVersion: a FlowCollector of apiVersion "flows.netobserv.io/v1alpha1"',
        ),
        (HEAD, "1:1: error: this FlowCollector has no spec"),
        (HEAD + "spec: 3\n", "1:1: error: this FlowCollector has no spec"),
        (HEAD + "spec: {a: [}\n", "error: "),
        (
            HEAD + "spec: {deploymentModle: Kafka}\n",
            'field spec.deploymentModle: unknown field; did you mean "deploymentModel"?',
        ),
        (
            HEAD + "spec: {deploymentModel: Kafca}\n",
            '4:25: error: field spec.deploymentModel: unknown value "Kafca"; did you mean "Kafka"?',
        ),
        (
            HEAD + "spec:\n  agent:\n    ebpf: {sampling: x}\n",
            "6:22: error: field spec.agent.ebpf.sampling: expected int, got text",
        ),
        (
            HEAD + "spec:\n  processor: {logTypes: Flow}\n",
            'field spec.processor.logTypes: unknown value "Flow"; did you mean "Flows"?',
        ),
    ],
)
def test_what_is_not_a_flowcollector_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    assert any(said in found for found in refused(tmp_path, text)), refused(tmp_path, text)


def test_all_errors_are_reported_in_their_order(tmp_path: Path) -> None:
    text = HEAD + "spec:\n  loki: {enable: 1}\n  kafka: {adress: x}\n  deploymentModel: Direct1\n"
    assert [found.split(":")[0] for found in refused(tmp_path, text)] == ["5", "6", "7"]


def test_a_field_of_a_newer_operator_is_a_warning(tmp_path: Path) -> None:
    """What is nearly a known field is an error: it was meant."""
    read = collector(tmp_path, **KAFKA, zzzUnheard={"x": 1})
    (found,) = read.warnings
    assert (found.problem.path, found.problem.severity) == (("spec", "zzzUnheard"), "warning")
    assert found.place.line == 10


def test_a_null_is_not_set(tmp_path: Path) -> None:
    read = collector(tmp_path, deploymentModel=None, loki={"enable": None})
    assert (read.spec.deployment_model, read.spec.loki.enable) == ("Service", True)


def test_a_list_and_json(tmp_path: Path) -> None:
    one = document(**KAFKA)
    listed: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "items": [{"kind": "Pod"}, one]}
    read = load(written(tmp_path, listed))
    assert read.spec.kafka.topic == "flows"
    assert [found.kind for found in read.objects] == ["Pod"]


def test_slices_stand_beside_it_in_the_order_of_their_namespaces(tmp_path: Path) -> None:
    label = {"name": "db", "cidrs": ["10.1.0.0/16"]}
    slices = [
        {
            "kind": "FlowCollectorSlice",
            "metadata": {"name": "s", "namespace": space},
            "spec": {"sampling": 3, "subnetLabels": [label]},
        }
        for space in ("b", "a")
    ]
    read = collector(tmp_path, *slices)
    assert [(one.namespace, one.sampling, one.labels) for one in read.slices] == [
        (space, 3, (("db", ("10.1.0.0/16",)),)) for space in ("a", "b")
    ]
